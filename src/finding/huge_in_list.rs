//! Lists of a thousand values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::grouped;

use super::habit::{self, Case, Floor, Verdict};
use super::{Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct HugeInList;

static META: Meta = Meta {
    id: "huge-in-list",
    title: "A list of values is very long",
    severity: Severity::Medium,
    what: "The first logged example of the statement has an IN list of 1 000 values or more, as far as it was kept (8 kB), in a query that costs something. = ANY of one array is left out.",
    why: "Each value is parsed and planned at every call; the text itself fills logs and caches.",
    example: "SELECT * FROM items WHERE id IN (1, 2, 3, … 5000)",
    remedy: "Pass one array, or join what the keys came from.",
    ignore: "A job that runs once a night.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Shorter lists are no finding.
    min_values: u64,
    #[serde(flatten)]
    _floor: Floor,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_values: 1_000, _floor: Floor::default() }
    }
}

impl Rule for HugeInList {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, context: &Context<'_>) -> Option<Verdict> {
    let options: Options = context.options(META.id);
    let values = case.list;
    if values < options.min_values {
        return None;
    }
    let table = case.habits.tables.first().map_or("a table", String::as_str);
    let text = grouped(values);
    let more = if case.is_cut() { " or more" } else { "" };
    Some(Verdict {
        habit: None,
        title: format!("an IN list of {text} values{more}"),
        reason: format!("the first example has {text} values{more} in one list"),
        confidence: case.fitting(),
        is_cause: false,
        remedy: format!(
            "Pass the keys of {table} as one array, = ANY($1), or join (VALUES …), unnest($1) or a temporary table; if they came from a query, join that."
        ),
    })
}
