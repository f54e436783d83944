//! Whether each row that passes the conditions of a statement's one table is a row that the statement returns or writes, so
//! that the server's count of those tells how many pass.

use sqlparser::ast::{Delete, FromTable, Query, SetExpr, Statement, TableFactor, TableWithJoins, Update};

use super::super::names::object_name;
use super::walk::is_plain;

/// The table as the statement names it, if it is so.
pub(super) fn passing(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Query(query) => of_query(query),
        Statement::Update(Update { table, from: None, .. }) => only(table),
        Statement::Delete(Delete { from: FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from), using: None, .. }) => {
            from.first().filter(|_| from.len() == 1).and_then(only)
        }
        _ => None,
    }
}

fn of_query(query: &Query) -> Option<String> {
    let is_whole = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [from] = select.from.as_slice() else { return None };
    only(from).filter(|_| is_whole && is_plain(select))
}

fn only(from: &TableWithJoins) -> Option<String> {
    match &from.relation {
        TableFactor::Table { name, args: None, sample: None, .. } if from.joins.is_empty() => Some(object_name(name)),
        _ => None,
    }
}
