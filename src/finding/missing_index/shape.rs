//! What the text of a slow statement suggests where no plan of it was logged: a hint and no more.
//!
//! Only of statements that read one table by comparing plain columns with values, none of which looks like a key, and of
//! which one looks as if it told rows apart.

use crate::sql::shape::on_a_deep_stack;
use crate::sql::shape::{self, Operator, Predicate, Shape};
use crate::workload::{Permille, Statement, Workload};

use super::super::habit::Price;
use super::candidate::{Candidate, MOST_COLUMNS};
use super::values::{Distributions, Seen};
use super::{Need, Options};
use crate::units::Micros;

/// At most so many statements are read, those first that cost most.
const MOST: usize = 200;

/// Columns of a few values, of which an index alone spares little.
const FEW_VALUES: [&str; 14] = [
    "status", "state", "type", "kind", "role", "level", "category", "plan", "gender", "language", "currency", "country", "active",
    "enabled",
];

/// Statements that are slow and may lack an index.
pub(super) fn needs<'w>(workload: &'w Workload, options: &Options, seen: &Seen<'_>) -> Vec<Need<'w>> {
    let mut slow: Vec<(&Statement, Price)> =
        workload.statements().filter_map(|statement| Some((statement, slow(statement, options)?))).collect();
    slow.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    slow.truncate(MOST);
    if slow.is_empty() {
        return Vec::new();
    }
    let values = seen.get();
    let read = || slow.into_iter().filter_map(|(statement, price)| need(statement, price, values)).collect();
    on_a_deep_stack(read).unwrap_or_default()
}

/// What a statement without a plan took, if that is much at each call, and not by waiting or planning.
fn slow(statement: &Statement, options: &Options) -> Option<Price> {
    let price = Price::of(statement);
    let least = options.min_mean_without_plan_ms * 1_000.0;
    let is_slow = price.mean >= least && price.p50.is_none_or(|p50| p50.0 as f64 >= least);
    let total = statement.latency.total().0;
    let works = statement.waited.0 <= total / 2 && (statement.parse + statement.bind).0 <= total / 2;
    let is_met = statement.latency.at(Permille(500)).is_some() && price.calls >= options.min_calls_without_plan;
    (statement.shapes.is_none() && is_slow && works && is_met).then_some(price)
}

fn need<'w>(statement: &'w Statement, price: Price, values: &Distributions) -> Option<Need<'w>> {
    // What locks rows may have waited for them.
    if statement.text.contains(" for update") || statement.text.contains(" for share") || statement.text.contains(" for no key") {
        return None;
    }
    let shape = shape::parse(&statement.text)?;
    let candidate = candidate(&shape, values)?;
    Some(Need { statement, candidate, price, plans: 0, cost: Micros(0) })
}

fn candidate(shape: &Shape, values: &Distributions) -> Option<Candidate> {
    let is_plain = shape.joins == 0 && shape.subqueries == 0 && shape.set_operations == 0;
    let [table] = shape.tables.as_slice() else { return None };
    let is_catalogue = table.starts_with("pg_") || table.starts_with("information_schema.");
    // The time may go to the sort of what is calculated.
    let is_sorted_plainly = shape.order_by.iter().all(|key| key.column.is_some());
    let verbs = ["select", "update", "delete"];
    if !is_plain || !is_sorted_plainly || is_catalogue || !verbs.contains(&shape.verb.as_str()) {
        return None;
    }
    let is_own =
        |predicate: &Predicate| predicate.table.as_ref().is_none_or(|of| of == table) && !predicate.is_join && !predicate.alternative;
    // A condition that no index serves may be what costs.
    let is_served = |predicate: &Predicate| matches!(predicate.operator, Operator::Equal | Operator::Range);
    if !shape.predicates.iter().all(|predicate| is_own(predicate) && is_served(predicate) && !is_key(&predicate.column, table)) {
        return None;
    }
    let mut equal: Vec<&str> = named(&shape.predicates, Operator::Equal);
    equal.sort_by_key(|name| (!name.ends_with("_id"), *name));
    let ranges = named(&shape.predicates, Operator::Range);
    // One of a few values tells more with a range behind it.
    if equal.is_empty() || (ranges.is_empty() && !equal.iter().any(|name| values.tells_apart(table, name))) {
        return None;
    }
    let mut columns: Vec<String> = equal.iter().map(|&name| name.to_owned()).collect();
    values.order(table, &mut columns);
    match ranges.first() {
        Some(range) => columns.push((*range).to_owned()),
        None if shape.limit => columns.extend(sorted_by(shape)),
        None => {}
    }
    columns.truncate(MOST_COLUMNS);
    Some(Candidate { table: table.clone(), equal: equal.len().min(columns.len()), columns, has_prefix: false, waste: None })
}

fn named(predicates: &[Predicate], operator: Operator) -> Vec<&str> {
    let mut names: Vec<&str> = predicates.iter().filter(|predicate| predicate.operator == operator).map(|p| p.column.as_str()).collect();
    names.dedup();
    names
}

/// The column that the result is sorted by, if it is just one.
fn sorted_by(shape: &Shape) -> Option<String> {
    let [key] = shape.order_by.as_slice() else { return None };
    key.column.clone().filter(|column| shape.predicates.iter().all(|predicate| predicate.column != *column))
}

/// Whether a column looks like the key of its table.
fn is_key(column: &str, table: &str) -> bool {
    let table = super::unqualified(table);
    let one = table.strip_suffix('s').unwrap_or(table);
    // What people are known by is unique, and what is unique has an index.
    let is_unique = matches!(column, "id" | "uuid" | "guid" | "number" | "email" | "username" | "login" | "slug" | "token");
    is_unique || column.strip_suffix("_id").is_some_and(|of| of == table || of == one)
}

/// Whether a column looks by its name as if it told rows apart.
pub(super) fn tells_apart(column: &str) -> bool {
    let is_flag = column.starts_with("is_") || column.starts_with("has_");
    let is_of_few = FEW_VALUES.iter().any(|few| column == *few || column.strip_suffix(few).is_some_and(|before| before.ends_with('_')));
    !is_flag && !is_of_few && !column.ends_with("_at")
}
