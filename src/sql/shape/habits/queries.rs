//! What a query as a whole tells: how it is ordered, where it begins and ends, and what it locks.

use sqlparser::ast::{Expr, LimitClause, NonBlock, OrderByKind, Query, TableFactor};

use super::super::names::object_name;
use super::super::ordering::is_limited;
use super::super::relations::FromList;
use super::super::scopes::Scopes;
use super::conditions::{key, terms};
use super::rows::{aggregates, correlated, existence, expression, is_grouped, is_star};
use super::{Bound, Habit, Kind, unnested};

/// The habits of a query, at a place where its sources are in sight.
pub(super) fn read(query: &Query, from: &FromList<'_>, scopes: &Scopes, bound: Bound<'_>) -> Vec<Habit> {
    let table = from.factors.iter().find_map(|factor| scopes.table_of(factor));
    let mut found = Vec::new();
    let Some(table) = table else { return found };
    let terms = terms(from.conditions.iter().copied());
    let keys: Vec<_> = terms.iter().filter_map(|term| key(term)).collect();
    let habit = |kind| Habit::of(kind, Some(table.clone()));
    let limited = is_limited(query);
    let is_sampled = from.factors.iter().any(|factor| matches!(factor, TableFactor::Table { sample: Some(_), .. }));
    if is_random(query) && !is_sampled && !keys.iter().any(|key| key.is_identity) {
        found.push(habit(Kind::OrderByRandom));
    }
    let waits = query.locks.iter().any(|lock| lock.nonblock != Some(NonBlock::SkipLocked));
    if waits && !limited && keys.is_empty() {
        found.push(habit(Kind::LockWithoutLimit));
    }
    found.extend(skipped(query, bound).map(|rows| Habit { size: rows, ..habit(Kind::Offset) }));
    let Some(select) = query.body.as_select() else { return found };
    found.extend(
        select
            .projection
            .iter()
            .filter_map(|item| existence(expression(item)?, bound))
            .map(|count| Habit { table: count.table.or_else(|| Some(table.clone())), ..count }),
    );
    if let Some(correlated) = correlated(select, scopes).filter(|_| !keys.iter().any(|key| key.is_identity)) {
        found.push(Habit { size: u64::from(limited), ..correlated });
    }
    if scopes.is_outermost() && query.locks.is_empty() && !aggregates(select) && !is_grouped(select) {
        if !limited && !keys.iter().any(|key| key.is_identity) {
            let conditions = u64::from(!terms.is_empty()) + u64::from(!keys.is_empty());
            found.push(Habit { size: conditions, ..habit(Kind::Unbounded) });
        }
        found.extend(select.projection.iter().any(is_star).then(|| habit(Kind::Star)));
    }
    found
}

fn is_random(query: &Query) -> bool {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order| &order.kind) else { return false };
    keys.iter().any(|key| match unnested(&key.expr) {
        Expr::Function(function) => matches!(object_name(&function.name).as_str(), "random" | "rand" | "newid" | "gen_random_uuid"),
        _ => false,
    })
}

/// How many rows OFFSET skips, 0 where that is not known; `None` without OFFSET.
fn skipped(query: &Query, bound: Bound<'_>) -> Option<u64> {
    let offset = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { offset, .. } => &offset.as_ref()?.value,
        LimitClause::OffsetCommaLimit { offset, .. } => offset,
    };
    Some(bound.text(unnested(offset)).and_then(|rows| rows.parse().ok()).unwrap_or(0))
}
