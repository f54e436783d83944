//! The sources of a FROM list: tables, views, queries, and how they are joined.

use std::ops::Range;

use sqlparser::ast::{Ident, JoinConstraint, JoinOperator, Query, Statement, TableAlias, TableFactor, TableWithJoins};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::super::TEXT_LIMIT;
use super::super::names::{dotted, ident, object_name};
use super::super::relations::{alias_of, relation_of};
use super::condition::Found;
use super::place::{Columns, Meaning, Origin, Output, Source};
use super::walk::{DEEPEST_VIEW, MOST_QUERIES, Walker};
use super::{Against, Key, Scan, Term, Test};

impl<'a> Walker<'a, '_> {
    /// Takes an item of a FROM list with all that is joined to it.
    pub(super) fn group(&mut self, group: &'a TableWithJoins) {
        let (start, first) = (self.scans.len(), self.here().len());
        self.factor(&group.relation);
        for join in &group.joins {
            let (middle, right) = (self.scans.len(), self.here().len());
            self.factor(&join.relation);
            let end = self.scans.len();
            let Some((constraint, filtered)) = kind(&join.join_operator, start..middle, middle..end) else { continue };
            match constraint {
                JoinConstraint::On(condition) => self.filter(condition, &filtered),
                JoinConstraint::Using(columns) => {
                    let columns: Vec<String> = columns.iter().map(object_name).collect();
                    self.shared(&columns, first..right, &filtered);
                }
                JoinConstraint::Natural => {
                    let columns = self.common(first..right);
                    self.shared(&columns, first..right, &filtered);
                }
                JoinConstraint::None => {}
            }
        }
    }

    fn here(&self) -> &[Source] {
        self.lists.last().map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn factor(&mut self, factor: &'a TableFactor) {
        let source = match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => return self.group(table_with_joins),
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                // Only LATERAL sees what stands before it.
                let hidden = if *lateral { None } else { self.lists.pop() };
                let outputs = self.query(subquery);
                self.lists.extend(hidden);
                named(alias.as_ref(), outputs)
            }
            _ => match relation_of(factor) {
                Some(parts) => self.relation(factor, &parts),
                None => Source { name: alias_of(factor).map(ident).unwrap_or_default(), table: None, columns: Columns::Opaque },
            },
        };
        if let Some(list) = self.lists.last_mut() {
            list.push(source);
        }
    }

    fn relation(&mut self, factor: &'a TableFactor, parts: &[&'a Ident]) -> Source {
        let table = dotted(parts.iter().copied());
        let alias = alias_of(factor).map(ident);
        let name = alias.or_else(|| parts.last().map(|part| ident(part))).unwrap_or_default();
        if let Some(at) = self.ctes.iter().rposition(|cte| cte.name == table) {
            return Source { name, table: None, columns: self.inlined(at) };
        }
        // Before views, which may be of views of views, each named several times.
        if self.is_full() || self.queries >= MOST_QUERIES {
            return Source { name, table: Some(table), columns: Columns::Opaque };
        }
        if let Some(text) = self.names.view(&table).filter(|_| self.views < DEEPEST_VIEW) {
            return Source { name, table: Some(table), columns: self.view(&text) };
        }
        let scan = self.scans.len();
        self.scans.push(Scan { table: table.clone(), needs: Some(Vec::new()), ..Scan::default() });
        Source::table(name, table, scan, self.names)
    }

    /// The columns of a common table expression, read here if it is inlined.
    fn inlined(&mut self, at: usize) -> Columns {
        let Some(query): Option<&'a Query> = self.ctes[at].inlined else { return Columns::Opaque };
        // It sees those before it, and nothing of where it is named.
        let behind = self.ctes.split_off(at);
        let outer = std::mem::take(&mut self.lists);
        let outputs = self.query(query);
        self.lists = outer;
        self.ctes.extend(behind);
        if outputs.is_empty() { Columns::Opaque } else { Columns::Query(outputs) }
    }

    fn view(&mut self, text: &str) -> Columns {
        let text = text.trim_end().trim_end_matches(';');
        let parsed = if text.len() > TEXT_LIMIT { Ok(Vec::new()) } else { Parser::parse_sql(&PostgreSqlDialect {}, text) };
        let Ok(statements) = parsed else { return Columns::Opaque };
        let [Statement::Query(query)] = statements.as_slice() else { return Columns::Opaque };
        let offset = self.scans.len();
        let mut inner = Walker::new(self.bound, self.names, &statements);
        inner.views = self.views + 1;
        (inner.queries, inner.around) = (self.queries, self.around + offset);
        let mut outputs = inner.query(query);
        self.queries = inner.queries;
        let moved = |scan: usize| scan.saturating_add(offset);
        outputs.iter_mut().filter_map(|output| output.origin.as_mut()).for_each(|origin| origin.scan = moved(origin.scan));
        for mut scan in inner.into_reading().scans {
            scan.for_each = scan.for_each.map(moved);
            for term in &mut scan.terms {
                if let Against::Rows { scan, .. } = &mut term.against {
                    *scan = moved(*scan);
                }
            }
            self.scans.push(scan);
        }
        Columns::Query(outputs)
    }

    /// Columns of the last source that have the name of one before it.
    fn common(&self, left: Range<usize>) -> Vec<String> {
        let names = |source: &Source| match &source.columns {
            Columns::Table { known: Some(known), .. } => known.clone(),
            Columns::Query(outputs) => outputs.iter().map(|output: &Output| output.name.clone()).collect(),
            _ => Vec::new(),
        };
        let Some((last, _)) = self.here().split_last() else { return Vec::new() };
        let before: Vec<String> = self.here().get(left).unwrap_or_default().iter().flat_map(names).collect();
        names(last).into_iter().filter(|name| before.contains(name)).collect()
    }

    /// The conditions of USING: the last source against the one before it that has the column.
    fn shared(&mut self, columns: &[String], left: Range<usize>, filtered: &Range<usize>) {
        for column in columns {
            let Some((last, _)) = self.here().split_last() else { return };
            let before = self.here().get(left.clone()).unwrap_or_default();
            let owner = match before {
                [only] => only.certain(column),
                _ => before
                    .iter()
                    .filter_map(|source| source.meaning(column))
                    .find(|meaning| *meaning != Meaning::Unknown)
                    .unwrap_or(Meaning::Unknown),
            };
            let (Meaning::Column(a), Meaning::Column(b)) = (owner, last.certain(column)) else { continue };
            self.joined(filtered, &a, &b);
        }
    }

    /// `a = b`, which is a condition of each.
    pub(super) fn joined(&mut self, filtered: &Range<usize>, a: &Origin, b: &Origin) {
        for (one, other) in [(a, b), (b, a)] {
            let against = Against::Rows { scan: other.scan, column: other.column.clone() };
            let term = Term { key: Key::Column(one.column.clone()), test: Test::Equal, against };
            self.keep(filtered, Found::Term(one.scan, term));
        }
    }
}

/// A sub-query in FROM by its name, and by the names that it gives its columns.
fn named(alias: Option<&TableAlias>, mut outputs: Vec<Output>) -> Source {
    let name = alias.map(|alias| ident(&alias.name)).unwrap_or_default();
    for (output, column) in outputs.iter_mut().zip(alias.iter().flat_map(|alias| &alias.columns)) {
        output.name = ident(&column.name);
    }
    let columns = if outputs.is_empty() { Columns::Opaque } else { Columns::Query(outputs) };
    Source { name, table: None, columns }
}

/// The condition of a join, and the scans whose rows it filters: of an outer join those on the side that may be missing.
fn kind(operator: &JoinOperator, left: Range<usize>, right: Range<usize>) -> Option<(&JoinConstraint, Range<usize>)> {
    match operator {
        JoinOperator::Join(on) | JoinOperator::Inner(on) => Some((on, left.start..right.end)),
        JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => Some((on, right)),
        JoinOperator::Right(on) | JoinOperator::RightOuter(on) => Some((on, left)),
        JoinOperator::FullOuter(on) => Some((on, right.end..right.end)),
        _ => None,
    }
}
