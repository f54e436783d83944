//! What a select list tells: counts, sub-queries and rows that are fetched only to be thrown away.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, Function, FunctionArguments, GroupByExpr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    TableFactor, visit_expressions, visit_relations,
};

use super::super::names::{ident, object_name};
use super::super::relations::{FromList, alias_of};
use super::super::scopes::Scopes;
use super::columns::{Treatment, touched};
use super::{Bound, Habit, Kind, unnested};

/// The expression of an item of a select list.
pub(super) fn expression(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } | SelectItem::ExprWithAliases { expr, .. } => Some(expr),
        _ => None,
    }
}

pub(super) fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

pub(super) fn is_grouped(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
}

/// Whether a select makes one row of many.
pub(super) fn aggregates(select: &Select) -> bool {
    let is_aggregate = |expr: &Expr| match expr {
        Expr::Function(function) if function.over.is_none() && AGGREGATES.contains(&object_name(&function.name).as_str()) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    };
    select.projection.iter().filter_map(expression).any(|expr| visit_expressions(expr, is_aggregate).is_break())
}

#[rustfmt::skip]
const AGGREGATES: [&str; 17] = [
    "count", "sum", "avg", "min", "max", "array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "string_agg",
    "bool_and", "bool_or", "every", "stddev", "variance", "percentile_cont",
];

fn plain_count(expr: &Expr) -> Option<&Function> {
    match unnested(expr) {
        Expr::Function(function) if function.over.is_none() && function.filter.is_none() && object_name(&function.name) == "count" => {
            Some(function)
        }
        _ => None,
    }
}

/// A count of all rows of a table.
pub(super) fn count_of_all(select: &Select, from: &FromList<'_>, scopes: &Scopes) -> Option<Habit> {
    let ([item], [table]) = (select.projection.as_slice(), from.factors.as_slice()) else { return None };
    let function = plain_count(expression(item)?)?;
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_whole = list.duplicate_treatment.is_none() && select.selection.is_none() && select.having.is_none() && !is_grouped(select);
    let table = scopes.table_of(table).filter(|_| is_whole)?;
    Some(Habit::of(Kind::CountWithoutFilter, Some(table)))
}

/// A count that is only compared with 0: in a select list, or of a sub-query.
pub(super) fn existence(expr: &Expr, bound: Bound<'_>) -> Option<Habit> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, NotEq};
    let Expr::BinaryOp { left, op, right } = unnested(expr) else { return None };
    let against = bound.text(unnested(right))?;
    let asks = matches!((op, against.as_str()), (Gt | NotEq | Eq, "0") | (GtEq | Lt, "1"));
    if !asks {
        return None;
    }
    let table = match unnested(left) {
        Expr::Subquery(query) => counted_table(query)?,
        counted => plain_count(counted).map(|_| None)?,
    };
    Some(Habit::of(Kind::CountForExistence, table))
}

fn counted_table(query: &Query) -> Option<Option<String>> {
    let select = query.body.as_select()?;
    let [item] = select.projection.as_slice() else { return None };
    plain_count(expression(item)?)?;
    Some(Scopes::default().table_of(FromList::of_select(select).factors.first()?))
}

/// A sub-query in the select list that refers to the row around it.
pub(super) fn correlated(select: &Select, scopes: &Scopes) -> Option<Habit> {
    let mut habit = None;
    for expr in select.projection.iter().filter_map(expression) {
        let _ = visit_expressions(expr, |expr| {
            let Expr::Subquery(query) = expr else { return ControlFlow::Continue(()) };
            habit = refers_out(query, scopes);
            if habit.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if habit.is_some() {
            break;
        }
    }
    habit
}

fn refers_out(query: &Query, scopes: &Scopes) -> Option<Habit> {
    let inner = FromList::of_select(query.body.as_select()?);
    let mut names: BTreeSet<String> = inner.factors.iter().filter_map(|factor| alias_of(factor)).map(ident).collect();
    let _ = visit_relations(query, |name| {
        names.extend(name.0.last().and_then(|part| part.as_ident()).map(ident));
        ControlFlow::<()>::Continue(())
    });
    let here = scopes.innermost();
    let mut column = None;
    for condition in inner.conditions {
        let _ = visit_expressions(condition, |expr| {
            if let Expr::CompoundIdentifier(parts) = expr
                && let [source, _] = parts.as_slice()
                && !names.contains(&ident(source))
                && scopes.resolve(parts).owner.is_some_and(|(depth, _)| depth == here)
            {
                column = Some(scopes.resolve(parts));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
    }
    let table = inner.factors.first().and_then(|factor| scopes.table_of(factor))?;
    column.map(|column| Habit { with: column.table, ..Habit::of(Kind::CorrelatedSubquery, Some(table)) })
}

/// DISTINCT that throws away what a join has multiplied: a table is joined of which nothing is selected, and not by its key.
pub(super) fn distinct(select: &Select, from: &FromList<'_>, terms: &[&Expr], scopes: &Scopes) -> Option<Habit> {
    if select.distinct != Some(Distinct::Distinct) || from.factors.len() < 2 || is_grouped(select) {
        return None;
    }
    let tables: Vec<_> = from.factors.iter().map(|factor| scopes.table_of(factor)).collect();
    let mut selected = BTreeSet::new();
    for item in &select.projection {
        selected.extend(sources(item, from, scopes)?);
    }
    let is_by_key = |place: usize| terms.iter().any(|term| joins_by_key(term, place, scopes));
    let place = (0..tables.len()).find(|place| !selected.contains(place) && tables[*place].is_some() && !is_by_key(*place))?;
    let with = selected.first().and_then(|place| tables.get(*place)?.clone())?;
    let points = (0..tables.len()).any(|kept| terms.iter().any(|term| joins_by_key(term, kept, scopes) && names(term, place, scopes)));
    Some(Habit { with: Some(with), size: u64::from(points), ..Habit::of(Kind::DistinctJoin, tables[place].clone()) })
}

/// The places in FROM of what an item selects; `None` where that is not known.
fn sources(item: &SelectItem, from: &FromList<'_>, scopes: &Scopes) -> Option<BTreeSet<usize>> {
    let here = scopes.innermost();
    if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item {
        let source = name.0.last()?.as_ident().map(ident)?;
        let named = |factor: &TableFactor| {
            let table = || scopes.table_of(factor).and_then(|table| table.rsplit('.').next().map(str::to_owned));
            alias_of(factor).map(ident).or_else(table).as_deref() == Some(source.as_str())
        };
        return Some(from.factors.iter().position(|factor| named(factor)).into_iter().collect());
    }
    let mut places = BTreeSet::new();
    let flow = visit_expressions(expression(item)?, |expr| {
        match expr {
            Expr::Identifier(_) | Expr::Subquery(_) => return ControlFlow::Break(()),
            Expr::CompoundIdentifier(parts) => match scopes.resolve(parts).owner {
                Some((depth, place)) if depth == here => drop(places.insert(place)),
                _ => return ControlFlow::Break(()),
            },
            _ => {}
        }
        ControlFlow::Continue(())
    });
    Some(places).filter(|_| flow.is_continue())
}

/// Whether one side of an equation is a column of a source.
fn names(term: &Expr, place: usize, scopes: &Scopes) -> bool {
    let Expr::BinaryOp { left, right, .. } = term else { return false };
    let owner = Some((scopes.innermost(), place));
    [left, right].into_iter().filter_map(|side| touched(side)).any(|side| scopes.resolve(side.parts).owner == owner)
}

/// Whether a term joins a source by the key of its own rows, which multiplies nothing.
fn joins_by_key(term: &Expr, place: usize, scopes: &Scopes) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = term else { return false };
    [left, right].into_iter().filter_map(|side| touched(side)).any(|side| {
        let column = scopes.resolve(side.parts);
        let is_own = matches!(column.name.as_str(), "id" | "uuid" | "guid" | "pk");
        side.done == Treatment::Nothing && is_own && column.owner == Some((scopes.innermost(), place))
    })
}
