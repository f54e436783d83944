//! Conditions on the inside of documents and arrays.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, bare, column, index};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct JsonFilter;

static META: Meta = Meta {
    id: "json-filter",
    title: "A condition looks into a document or an array",
    severity: Severity::High,
    what: "WHERE compares what ->>, #>>, @>, ?, && or = ANY (column) finds in a column, in a query that costs something and picks no rows by key.",
    why: "Without a GIN index or one on the expression, each document is read and taken apart.",
    example: "SELECT * FROM events WHERE payload->>'kind' = 'login'",
    remedy: "Look for a GIN index (for @>, ?, &&) or an index on the expression (for ->>).",
    ignore: "Such an index is there and chosen.",
    accepts: habit::accepts,
};

impl Rule for JsonFilter {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::DocumentFilter)?;
    let (column, operator) = (column(habit), habit.with.as_deref().unwrap_or_default());
    let index = index(habit, &format!("({} {operator} …)", bare(habit)));
    let remedy = match operator {
        "->>" | "->" | "#>>" | "#>" => {
            format!(
                "Look for {index}, with the very key that is compared, or make a column of it; a GIN index on {column} serves @> instead."
            )
        }
        "= ANY" => {
            format!("Look for a GIN index on {column} and write {column} @> ARRAY[$1], which it serves; = ANY ({column}) it does not.")
        }
        _ => format!("Look for a GIN index on {column} (for documents, jsonb_path_ops serves @>)."),
    };
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("a condition looks into {column} with {operator}"),
        reason: format!("{operator} on {column} in a condition; likely no usable index"),
        confidence: case.fitting(),
        is_cause: true,
        remedy,
    })
}
