//! What is in sight at a place in a statement: the common table expressions, and the sources that columns may belong to.
//!
//! It refuses to know what the columns are wanted for, and which tables and columns the database has.

use std::collections::VecDeque;

use sqlparser::ast::{Ident, Query, TableFactor};

use super::names::{dotted, ident};
use super::relations::{alias_of, relation_of};

/// The open queries and FROM lists around a place, from the outermost in.
#[derive(Default)]
pub(super) struct Scopes {
    queries: Vec<OpenQuery>,
    lists: Vec<Vec<Source>>,
}

/// An open query: the common table expressions in sight, those still to come, and its rank.
struct OpenQuery {
    visible: Vec<String>,
    pending: VecDeque<String>,
    outermost: bool,
}

/// One item of a FROM list: the name that columns are qualified with, and the table behind it.
struct Source {
    name: String,
    table: Option<String>,
}

/// A column and where it belongs: `owner` is scope and place within it.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) owner: Option<(usize, usize)>,
    pub(super) table: Option<String>,
}

impl Scopes {
    /// How many queries are open.
    pub(super) fn depth(&self) -> usize {
        self.queries.len()
    }

    pub(super) fn is_outermost(&self) -> bool {
        self.queries.last().is_some_and(|open| open.outermost)
    }

    pub(super) fn open(&mut self, query: &Query, outermost: bool) {
        let mut open = OpenQuery { visible: Vec::new(), pending: VecDeque::new(), outermost };
        if let Some(with) = &query.with {
            let names = with.cte_tables.iter().map(|cte| ident(&cte.alias.name));
            if with.recursive {
                open.visible.extend(names);
            } else {
                open.pending.extend(names);
            }
        }
        self.queries.push(open);
    }

    pub(super) fn close(&mut self) {
        self.queries.pop();
        // WITH comes first among a query's children: while names are pending, the query that has just closed is the body
        // of the next one, and whatever follows may refer to it.
        if let Some(parent) = self.queries.last_mut() {
            parent.visible.extend(parent.pending.pop_front());
        }
    }

    pub(super) fn enter(&mut self, factors: &[&TableFactor]) {
        let sources = factors.iter().map(|factor| self.source(factor)).collect();
        self.lists.push(sources);
    }

    pub(super) fn leave(&mut self) {
        self.lists.pop();
    }

    /// The number of the innermost list, as [`Column::owner`] has it.
    pub(super) fn innermost(&self) -> usize {
        self.lists.len().saturating_sub(1)
    }

    pub(super) fn is_cte(&self, name: &str) -> bool {
        self.queries.iter().any(|query| query.visible.iter().any(|cte| cte == name))
    }

    /// The table that an item of a FROM list reads; `None` for sub-queries, functions and common table expressions.
    pub(super) fn table_of(&self, factor: &TableFactor) -> Option<String> {
        relation_of(factor).map(dotted).filter(|table| !self.is_cte(table))
    }

    fn source(&self, factor: &TableFactor) -> Source {
        let name = alias_of(factor).or_else(|| relation_of(factor)?.pop());
        Source { name: name.map(ident).unwrap_or_default(), table: self.table_of(factor) }
    }

    /// Where a column belongs that is written `column`, `source.column` or `schema.table.column`.
    pub(super) fn resolve(&self, parts: &[Ident]) -> Column {
        let (name, qualifiers) = parts.split_last().map_or_else(Default::default, |(last, rest)| (ident(last), dotted(rest)));
        let find = |sources: &[Source]| {
            sources.iter().position(|source| match parts.len() {
                0 | 1 => sources.len() == 1,
                2 => source.name == qualifiers,
                _ => source.table.as_deref() == Some(qualifiers.as_str()),
            })
        };
        // An unqualified name could reach outwards too, but mostly it means the only source here.
        let reach = if parts.len() > 1 { self.lists.len() } else { 1 };
        let mut lists = self.lists.iter().enumerate().rev().take(reach);
        let owner = lists.find_map(|(depth, list)| Some((depth, find(list)?)));
        let table = owner.and_then(|(depth, place)| self.lists.get(depth)?.get(place)?.table.clone());
        Column { name, owner, table }
    }
}
