//! Counts of whole tables.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct CountWithoutFilter;

static META: Meta = Meta {
    id: "count-without-filter",
    title: "All rows of a table are counted again and again",
    severity: Severity::High,
    what: "count(*) of one table without WHERE and GROUP BY, whose calls are slow.",
    why: "PostgreSQL keeps no count: it reads the table or an index from end to end each time.",
    example: "SELECT count(*) FROM events",
    remedy: "Show no total, or an estimate (pg_class.reltuples), or keep a counter.",
    ignore: "A report that is asked for once a day.",
    accepts: habit::accepts,
};

impl Rule for CountWithoutFilter {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::CountWithoutFilter)?;
    if !case.is_slow {
        return None;
    }
    let table = table(habit);
    let text = &case.statement.text;
    let pages = ["__count", "count_all", "aggregate", "total"].iter().any(|name| text.contains(name));
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("counts all rows of {table}{}", if pages { ", likely for the number of pages" } else { "" }),
        reason: "count(*) without WHERE: the whole table or a whole index is read for each call".to_owned(),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!(
            "Leave the total out (ask for one row more than a page shows to know whether there is another), cache it, or take the estimate: SELECT reltuples FROM pg_class for {table}."
        ),
    })
}
