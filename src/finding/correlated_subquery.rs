//! Sub-queries in select lists that run once for each row.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct CorrelatedSubquery;

static META: Meta = Meta {
    id: "correlated-subquery",
    title: "A sub-query in the select list runs once for each row",
    severity: Severity::High,
    what: "A scalar sub-query of the select list refers to the table around it, in a query that costs something and picks no single row. EXISTS and LATERAL are left out, and pages (LIMIT) unless they are slow.",
    why: "The server runs it anew for every row: a loop of queries within one.",
    example: "SELECT a.name, (SELECT count(*) FROM books b WHERE b.author_id = a.id) FROM authors a",
    remedy: "Join a grouped sub-query, so that it runs once.",
    ignore: "Few rows around it, and an index for what it compares.",
    accepts: habit::accepts,
};

impl Rule for CorrelatedSubquery {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::CorrelatedSubquery)?;
    let (inner, outer) = (table(habit), habit.with.as_deref().unwrap_or("the query"));
    let is_page = habit.size > 0;
    if !case.is_slow && (is_page || case.has_fewer_rows(FEW)) {
        return None;
    }
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("a sub-query of {inner} runs once for each row of {outer}"),
        reason: format!("the select list has a sub-query of {inner} that refers to {outer}"),
        // With few rows around it, something else may be slow.
        confidence: if is_page { Confidence::Low } else { case.fitting() },
        is_cause: true,
        remedy: format!(
            "Compute it once: LEFT JOIN (SELECT key, … FROM {inner} GROUP BY key) on the key of {outer}; and look for an index on the column of {inner} that it compares."
        ),
    })
}

/// Fewer rows around it make no loop.
const FEW: u64 = 10;
