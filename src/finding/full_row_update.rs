//! Updates that write every column.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Floor, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct FullRowUpdate;

static META: Meta = Meta {
    id: "full-row-update",
    title: "An update by key writes many columns, changed or not",
    severity: Severity::Low,
    what: "UPDATE of one row by its key sets eight columns or more and takes a twentieth of all time, as libraries do that save whole objects.",
    why: "Setting an indexed column, even to what it was, keeps the server from writing the row in place cheaply, and two savers overwrite each other.",
    example: "UPDATE books SET title = $1, price = $2, … WHERE id = $9",
    remedy: "Write only what has changed.",
    ignore: "All of the columns do change.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer columns are no finding.
    min_columns: u64,
    /// A smaller share of the time of all statements is no finding.
    least_share: f64,
    #[serde(flatten)]
    _floor: Floor,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_columns: 8, least_share: 0.05, _floor: Floor::default() }
    }
}

impl Rule for FullRowUpdate {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, context: &Context<'_>) -> Option<Verdict> {
    let options: Options = context.options(META.id);
    let habit = case.habit(Kind::RowUpdate)?;
    if habit.size < options.min_columns || case.price.share < options.least_share {
        return None;
    }
    let table = table(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("writes {} columns of a row of {table}, possibly unchanged ones too", habit.size),
        reason: format!("SET names {} columns, WHERE only a key", habit.size),
        confidence: Confidence::Low,
        is_cause: false,
        remedy: format!(
            "Update only the changed columns of {table}: save(update_fields=[…]) in Django, @DynamicUpdate in Hibernate; other libraries do so by themselves."
        ),
    })
}
