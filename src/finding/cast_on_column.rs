//! Columns that are cast before they are compared.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, bare, column, index};
use super::{Confidence, Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct CastOnColumn;

static META: Meta = Meta {
    id: "cast-on-column",
    title: "A column is cast before it is compared, so that its index is of no use",
    severity: Severity::High,
    what: "WHERE compares column::type with a value, in a query that costs something and picks no rows by key. A cast of the value is left out.",
    why: "An index on the column is not one on what the cast makes of it.",
    example: "SELECT * FROM orders WHERE placed_at::date = '2026-11-23'",
    remedy: "Cast the value instead, or compare with a range.",
    ignore: "There is an index on the expression; a cast of varchar to text costs nothing.",
    accepts: habit::accepts,
};

impl Rule for CastOnColumn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::CastOnColumn)?;
    let (column, to) = (column(habit), habit.with.as_deref().unwrap_or("another type"));
    let index = index(habit, &format!("({}::{to})", bare(habit)));
    let is_text = matches!(to, "text" | "varchar" | "character varying");
    let remedy = match to {
        "date" => {
            format!("Compare the bare column with a range: {column} >= $1 AND {column} < $1 + 1; or look for {index}.")
        }
        _ => format!("Compare the bare column: cast the value to the type of {column}, not {column} to {to}; or look for {index}."),
    };
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("{column} is cast to {to} before it is compared"),
        reason: format!("{column}::{to} in a condition; an index on {column} cannot serve it"),
        // Of varchar to text it is none to the planner.
        confidence: if is_text { Confidence::Low } else { case.fitting() },
        is_cause: true,
        remedy,
    })
}
