//! What columns may belong to at a place in a statement, and to which table in the end.

use sqlparser::ast::Ident;

use super::super::names::{dotted, ident};
use super::Names;

/// One item of a FROM list.
pub(super) struct Source {
    /// What columns are qualified with.
    pub(super) name: String,
    /// The table behind it, as qualified.
    pub(super) table: Option<String>,
    pub(super) columns: Columns,
}

/// The columns of a source.
pub(super) enum Columns {
    /// Those of a table, which are known or not.
    Table { scan: usize, known: Option<Vec<String>> },
    /// Those that a sub-query puts out.
    Query(Vec<Output>),
    /// Those of something that is no table.
    Opaque,
}

/// A column that a sub-query puts out, and the column of a table that it is, if a condition on it may be moved there.
#[derive(Clone)]
pub(super) struct Output {
    pub(super) name: String,
    pub(super) origin: Option<Origin>,
}

/// A column of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scan: usize,
    pub(super) column: String,
}

/// What a name means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A column of a table.
    Column(Origin),
    /// A column of something else.
    Opaque,
    /// Nobody knows.
    Unknown,
}

impl Source {
    pub(super) fn table(name: String, table: String, scan: usize, names: &dyn Names) -> Self {
        let known = names.columns(&table);
        Source { name, table: Some(table), columns: Columns::Table { scan, known } }
    }

    /// What a column's name means here; `None` if it may be here and may not.
    pub(super) fn meaning(&self, column: &str) -> Option<Meaning> {
        match &self.columns {
            Columns::Table { scan, known: Some(known) } => {
                let is_here = known.iter().any(|known| known == column);
                Some(if is_here { Meaning::Column(Origin { scan: *scan, column: column.to_owned() }) } else { Meaning::Unknown })
            }
            // A function's values are a column of its alias.
            Columns::Opaque if self.table.is_none() && self.name == column => Some(Meaning::Opaque),
            Columns::Table { known: None, .. } | Columns::Opaque => None,
            Columns::Query(outputs) => {
                if let Some(output) = outputs.iter().find(|output| output.name == column) {
                    return Some(output.origin.clone().map_or(Meaning::Opaque, Meaning::Column));
                }
                let mut rest = outputs.iter().filter(|output| output.name == "*");
                match (rest.next(), rest.next()) {
                    (Some(Output { origin: Some(origin), .. }), None) => {
                        Some(Meaning::Column(Origin { scan: origin.scan, column: column.to_owned() }))
                    }
                    (None, _) => Some(Meaning::Unknown),
                    _ => Some(Meaning::Opaque),
                }
            }
        }
    }

    /// The same where it must be here, if anything is.
    pub(super) fn certain(&self, column: &str) -> Meaning {
        match (&self.columns, self.meaning(column)) {
            (_, Some(meaning)) => meaning,
            (Columns::Table { scan, .. }, None) => Meaning::Column(Origin { scan: *scan, column: column.to_owned() }),
            (_, None) => Meaning::Opaque,
        }
    }
}

/// The meaning of a name with lists of sources around it, the innermost last.
pub(super) fn resolve(parts: &[Ident], lists: &[Vec<Source>]) -> Meaning {
    let Some((last, before)) = parts.split_last() else { return Meaning::Unknown };
    let column = ident(last);
    if !before.is_empty() {
        let qualifier = dotted(before);
        let is_meant = |source: &&Source| match before.len() {
            1 => source.name == qualifier,
            _ => source.table.as_deref() == Some(qualifier.as_str()),
        };
        let found = lists.iter().rev().find_map(|list| list.iter().find(is_meant));
        return found.map_or(Meaning::Unknown, |source| source.certain(&column));
    }
    for list in lists.iter().rev() {
        let found = list.iter().filter_map(|source| source.meaning(&column)).find(|meaning| *meaning != Meaning::Unknown);
        if let Some(found) = found {
            return found;
        }
        // Of those that may have it, one alone must.
        let mut may: Vec<&Source> = list.iter().filter(|source| source.meaning(&column).is_none()).collect();
        match (may.pop(), may.is_empty()) {
            (Some(only), true) => return only.certain(&column),
            (Some(_), false) => return Meaning::Unknown,
            (None, _) => {}
        }
    }
    Meaning::Unknown
}
