//! ILIKE, for which no plain index helps.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, bare, column, index};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct CaseInsensitiveMatch;

static META: Meta = Meta {
    id: "case-insensitive-match",
    title: "ILIKE compares without regard to case, for which no B-tree index helps",
    severity: Severity::High,
    what: "ILIKE with a pattern that does not begin with a wildcard, or is not known, in a query that costs something and picks no rows by key.",
    why: "An index on the column is in the order of its bytes: every row is read and matched.",
    example: "SELECT * FROM users WHERE email ILIKE 'ann@%'",
    remedy: "An index on lower(column) with lower(column) LIKE, or citext, or a trigram index.",
    ignore: "A small table, or a trigram index that is there and chosen.",
    accepts: habit::accepts,
};

impl Rule for CaseInsensitiveMatch {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::CaseInsensitiveMatch)?;
    let column = column(habit);
    let index = index(habit, &format!("lower({})", bare(habit)));
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("{column} is compared with ILIKE"),
        reason: format!("ILIKE on {column}; an index on {column} cannot serve it"),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!(
            "Compare lower({column}) LIKE lower(pattern) and look for {index} with text_pattern_ops; or a trigram index (pg_trgm) on {column}; or store it as citext."
        ),
    })
}
