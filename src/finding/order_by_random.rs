//! Rows in random order.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct OrderByRandom;

static META: Meta = Meta {
    id: "order-by-random",
    title: "A query sorts all rows at random to pick some",
    severity: Severity::High,
    what: "ORDER BY random() in a query that costs something. TABLESAMPLE and rows picked by a key are left out.",
    why: "The server reads and sorts every row that matches for each call, however few are wanted, and no index helps.",
    example: "SELECT * FROM products ORDER BY random() LIMIT 5",
    remedy: "Pick random keys in the application and read these, or TABLESAMPLE, or the next rows behind a random point of an indexed column.",
    ignore: "A filter that leaves a few rows only.",
    accepts: habit::accepts,
};

impl Rule for OrderByRandom {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::OrderByRandom)?;
    let table = table(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("sorts {table} by random()"),
        reason: "ORDER BY random(): all rows that match are read and sorted for each call".to_owned(),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!(
            "Pick random keys of {table} first and read these by key; or FROM {table} TABLESAMPLE SYSTEM (1); or the first rows behind a random point of an indexed column."
        ),
    })
}
