//! NOT IN with a sub-query.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, column};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct NotInSubquery;

static META: Meta = Meta {
    id: "not-in-subquery",
    title: "NOT IN (SELECT …) cannot be planned as a join",
    severity: Severity::High,
    what: "A column is compared by NOT IN with the rows of a sub-query, in a query that costs something. Lists of values are left out.",
    why: "Because NULL makes NOT IN neither true nor false, the server cannot use an anti-join. Once the sub-query outgrows work_mem, it runs through its rows again for each row.",
    example: "SELECT * FROM users WHERE id NOT IN (SELECT user_id FROM orders)",
    remedy: "NOT EXISTS with the condition inside.",
    ignore: "A sub-query of a few rows.",
    accepts: habit::accepts,
};

impl Rule for NotInSubquery {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::NotInSubquery)?;
    let column = column(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("{column} NOT IN (SELECT …)"),
        reason: format!("{column} is looked for in the rows of a sub-query, which no anti-join can do"),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!(
            "Write NOT EXISTS (SELECT 1 FROM … WHERE … = {column}). It differs only where the sub-query has NULL, for which NOT IN returns no row at all."
        ),
    })
}
