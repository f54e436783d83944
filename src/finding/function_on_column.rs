//! Columns that go through a function before they are compared.

use crate::sql::shape::habits::{Habit, Kind};

use super::habit::{self, Case, Verdict, bare, column, index};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct FunctionOnColumn;

static META: Meta = Meta {
    id: "function-on-column",
    title: "A column goes through a function before it is compared, so that its index is of no use",
    severity: Severity::High,
    what: "WHERE or ON compares function(column), or a calculation with it, with a value, in a query that costs something and picks no rows by key. Functions of values and in the select list are left out.",
    why: "An index on the column is not one on the result of the function: every row is read and computed.",
    example: "SELECT * FROM users WHERE lower(email) = 'ann@example.org'",
    remedy: "Compare the bare column, or look for an index on the expression.",
    ignore: "There is an index on the expression.",
    accepts: habit::accepts,
};

impl Rule for FunctionOnColumn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::FunctionOnColumn)?;
    let column = column(habit);
    let name = habit.with.as_deref().unwrap_or_default();
    let what = if name.is_empty() { format!("a calculation with {column}") } else { format!("{name}({column})") };
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("{what} is compared, not {column}"),
        reason: format!("{what} in a condition; an index on {column} cannot serve it"),
        confidence: case.fitting(),
        is_cause: true,
        remedy: remedy(name, habit),
    })
}

fn remedy(function: &str, habit: &Habit) -> String {
    let pattern = if habit.size > 0 { " If the pattern begins with a wildcard, only a trigram index (pg_trgm) helps." } else { "" };
    let (column, bare) = (column(habit), bare(habit));
    let index = index(habit, &format!("{function}({bare})"));
    match function {
        "" => format!("Do the calculation on the other side, so that the bare {column} is compared."),
        "date_trunc" | "date" | "extract" | "date_part" | "to_char" | "timezone" => {
            format!(
                "Compare the bare column with a range: {column} >= its first moment AND {column} < the next; or look for an index on the expression of {bare}."
            )
        }
        "age" => format!("Compare the bare column with a moment: {column} < now() - interval."),
        "lower" | "upper" => {
            format!("Look for {index}, or compare the bare {column} and store it in one case (or as citext).{pattern}")
        }
        "to_tsvector" => format!("Look for a GIN index on the same to_tsvector of {column}, or keep it in a generated column."),
        "coalesce" => format!("Write ({column} = $1 OR {column} IS NULL) where NULL is meant, or make {column} NOT NULL with a default."),
        _ => format!("Compare the bare {column}, or look for {index}."),
    }
}
