//! Counts that are only compared with zero.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct CountForExistence;

static META: Meta = Meta {
    id: "count-for-existence",
    title: "Rows are counted to learn whether there is one",
    severity: Severity::Medium,
    what: "A count is compared with 0 (> 0, = 0, >= 1), in the select list or as a sub-query, in a query that costs something.",
    why: "All rows are counted where the first one would do.",
    example: "SELECT count(*) > 0 FROM orders WHERE status = 'open'",
    remedy: "EXISTS, which stops at the first row.",
    ignore: "There is never more than one row.",
    accepts: habit::accepts,
};

impl Rule for CountForExistence {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::CountForExistence)?;
    let table = table(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("counts rows of {table} to learn whether there is one"),
        reason: "the count is only compared with 0".to_owned(),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!("Write EXISTS (SELECT 1 FROM {table} WHERE …): it stops at the first row."),
    })
}
