//! DISTINCT that undoes a join.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct DistinctJoin;

static META: Meta = Meta {
    id: "distinct-join",
    title: "DISTINCT throws away rows that a join has multiplied",
    severity: Severity::Medium,
    what: "SELECT DISTINCT over a join with a table of which nothing is selected and which is not joined by its own key, in a query that costs something. DISTINCT ON is left out.",
    why: "The rows are first multiplied, then sorted or hashed to get rid of the copies.",
    example: "SELECT DISTINCT a.* FROM authors a JOIN books b ON b.author_id = a.id",
    remedy: "EXISTS with a sub-query of the table that is only asked for.",
    ignore: "The join finds one row for each.",
    accepts: habit::accepts,
};

impl Rule for DistinctJoin {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::DistinctJoin)?;
    let (joined, kept) = (table(habit), habit.with.as_deref().unwrap_or("the others"));
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("DISTINCT undoes what joining {joined} has multiplied"),
        reason: format!("{joined} is joined, possibly several rows for one of {kept}, and nothing of it is selected"),
        // Otherwise it may be one row for each.
        confidence: if habit.size > 0 { case.fitting() } else { Confidence::Low },
        is_cause: false,
        remedy: format!("Write WHERE EXISTS (SELECT 1 FROM {joined} WHERE …) instead of the join, and leave DISTINCT out."),
    })
}
