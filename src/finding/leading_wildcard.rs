//! Patterns that may match anything first.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, column};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct LeadingWildcard;

static META: Meta = Meta {
    id: "leading-wildcard",
    title: "A pattern begins with a wildcard, for which no B-tree index helps",
    severity: Severity::High,
    what: "LIKE, ILIKE or SIMILAR TO with a pattern that begins with % or _ in its first logged example, be it written or bound, in a query that costs something and picks no rows by key.",
    why: "Unless there is a trigram index, every row is read and matched.",
    example: "SELECT * FROM products WHERE name ILIKE '%lamp%'",
    remedy: "Look for a trigram index (pg_trgm), or search by full text, or by how the value begins.",
    ignore: "A small table, or a trigram index that is there and chosen.",
    accepts: habit::accepts,
};

impl Rule for LeadingWildcard {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::LeadingWildcard)?;
    let column = column(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("searches {column} with a pattern that begins with a wildcard"),
        reason: format!("the pattern for {column} begins with % or _; likely no usable index"),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!(
            "Look for a trigram index (GIN, pg_trgm) on {column}; a B-tree index serves only patterns that begin with what is looked for. For words in a text, full-text search."
        ),
    })
}
