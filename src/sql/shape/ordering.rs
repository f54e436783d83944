//! The order that a query asks for and whether it stops early.
//!
//! It refuses to know whether the query is the outermost one, and how its rows are found.

use std::collections::BTreeSet;

use sqlparser::ast::{LimitClause, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectItem};

use super::OrderKey;
use super::columns::operand;
use super::names::ident;
use super::relations::FromList;
use super::scopes::Scopes;

pub(super) fn is_limited(query: &Query) -> bool {
    let by_clause = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => false,
    };
    by_clause || query.fetch.is_some()
}

/// The sort keys of a query, at a place where its common table expressions are in sight.
pub(super) fn keys(query: &Query, scopes: &mut Scopes) -> Vec<OrderKey> {
    let kind = query.order_by.as_ref().map(|order| &order.kind);
    let Some(OrderByKind::Expressions(keys)) = kind else {
        return Vec::new();
    };
    let select = query.body.as_select();
    let from = select.map(FromList::of_select).unwrap_or_default();
    let aliases = select.map(aliases).unwrap_or_default();
    scopes.enter(&from.factors);
    let keys = keys.iter().map(|key| read_key(key, &aliases, scopes)).collect();
    scopes.leave();
    keys
}

fn aliases(select: &Select) -> BTreeSet<String> {
    let aliases = select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(ident(alias)),
        _ => None,
    });
    aliases.collect()
}

fn read_key(key: &OrderByExpr, aliases: &BTreeSet<String>, scopes: &Scopes) -> OrderKey {
    let parts = operand(&key.expr).filter(|operand| operand.bare).map(|operand| operand.parts);
    let column = parts.filter(|parts| match parts {
        [name] => !aliases.contains(&ident(name)),
        _ => true,
    });
    let column = column.map(|parts| scopes.resolve(parts));
    OrderKey {
        expression: key.expr.to_string(),
        table: column.as_ref().and_then(|column| column.table.clone()),
        column: column.map(|column| column.name),
        descending: matches!(key.options.sort, Some(OrderBySort::Desc)),
    }
}
