//! OR between different columns.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, column};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, missing_index};

/// See the module.
pub(super) struct OrAcrossColumns;

static META: Meta = Meta {
    id: "or-across-columns",
    title: "OR between different columns, for which one index is not enough",
    severity: Severity::High,
    what: "Two sides of an OR in WHERE compare different columns with nothing in common, in a query that costs something and picks no rows by key. Alternatives of one column, IS NULL and switched-off filters ($1 IS NULL OR …) are left out.",
    why: "Each side needs an index of its own, and if they are of several tables no index can be used before the join.",
    example: "SELECT * FROM users WHERE email = 'a' OR phone = 'b'",
    remedy: "UNION of two queries, each with its own index.",
    ignore: "Both columns have an index, which the server combines; with the catalogue of a snapshot that is seen, and where missing-index creates them nothing is said here.",
    accepts: habit::accepts,
};

/// How a title ends where the sides are of several tables, which no indexes serve together.
const ELSEWHERE: &str = " of another table";

impl Rule for OrAcrossColumns {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        // What indexes serve needs no other query.
        let served = missing_index::found(context);
        let is_open = |finding: &Finding| {
            finding.title.ends_with(ELSEWHERE) || finding.statement.is_none_or(|statement| !served.serves_or(statement))
        };
        habit::findings(META.id, context).into_iter().filter(is_open).collect()
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let across = case.habit(Kind::OrAcrossTables);
    let habit = across.or_else(|| case.habit(Kind::OrAcrossColumns))?;
    let (column, other) = (column(habit), habit.with.as_deref().unwrap_or("another column"));
    let whose = if across.is_some() { ELSEWHERE } else { "" };
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("OR between {column} and {other}{whose}"),
        reason: format!("either {column} or {other}{whose} decides, and neither narrows the rows alone"),
        // With an index on both columns of one table there is nothing wrong with it.
        confidence: if across.is_some() { case.fitting() } else { Confidence::Low },
        is_cause: across.is_some(),
        remedy: format!(
            "Look for an index on {column} and one on {other}; if they are of several tables or the plan still reads everything, write two queries with UNION."
        ),
    })
}
