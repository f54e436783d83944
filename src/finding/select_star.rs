//! All columns of many rows.

use crate::sql::shape::habits::Kind;
use crate::units::grouped;

use super::habit::{self, Case, LeastRows, Verdict, table};
use super::{Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct SelectStar;

static META: Meta = Meta {
    id: "select-star",
    title: "All columns of many rows are read",
    severity: Severity::Low,
    what: "The outermost select list has a * and counters tell of 1 000 rows a call and more. What EXISTS selects is left out, and libraries that always write * are not blamed for single rows.",
    why: "Wide columns cost reading, unpacking and sending, and no index alone can answer.",
    example: "SELECT * FROM documents WHERE folder = 7",
    remedy: "Name the columns that are used.",
    ignore: "The table has few and narrow columns, or all of them are used.",
    accepts: fits::<LeastRows>,
};

impl Rule for SelectStar {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, context: &Context<'_>) -> Option<Verdict> {
    let options: LeastRows = context.options(META.id);
    let habit = case.habit(Kind::Star)?;
    let rows = case.price.rows().filter(|rows| *rows >= options.min_rows)?;
    let table = table(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("reads all columns of {} rows of {table} a call", grouped(rows)),
        reason: "* in the select list".to_owned(),
        confidence: case.fitting(),
        is_cause: false,
        remedy: format!("Name the columns of {table} that are used; leave out wide ones (text, json, bytea) where a list is shown."),
    })
}
