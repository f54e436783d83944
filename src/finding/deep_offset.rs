//! Pages far behind the first.

use serde::Deserialize;

use crate::sql::shape::habits::Kind;
use crate::units::grouped;

use super::habit::{self, Case, Floor, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct DeepOffset;

static META: Meta = Meta {
    id: "deep-offset",
    title: "OFFSET reads and throws away many rows before the first that is wanted",
    severity: Severity::High,
    what: "The first logged example of the statement skips 1 000 rows or more, be OFFSET written or bound, in a query that costs something. It is sure where 10 000 are skipped and the slow calls take three times as long as the median.",
    why: "All rows that are skipped are read and sorted first: each page costs more than the one before.",
    example: "SELECT * FROM events ORDER BY id LIMIT 50 OFFSET 200000",
    remedy: "Remember the last key of a page and ask for what comes behind it.",
    ignore: "Nobody turns so many pages.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer rows skipped are no finding.
    min_offset: u64,
    #[serde(flatten)]
    _floor: Floor,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_offset: 1_000, _floor: Floor::default() }
    }
}

impl Rule for DeepOffset {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, context: &Context<'_>) -> Option<Verdict> {
    let options: Options = context.options(META.id);
    let habit = case.habit(Kind::Offset)?;
    if habit.size < options.min_offset {
        return None;
    }
    let (table, skipped) = (table(habit), grouped(round(habit.size)));
    let grows = case.price.p50.zip(case.price.p95).is_some_and(|(p50, p95)| p95.0 >= 3 * p50.0);
    let is_proved = habit.size >= DEEP && grows && case.is_slow;
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("skips {skipped} rows of {table} or more before the first that is wanted"),
        reason: format!("OFFSET is {skipped} or more in the first example"),
        confidence: if is_proved { Confidence::High } else { case.fitting() },
        is_cause: true,
        remedy: format!(
            "Page by key: WHERE (the columns of ORDER BY) > (those of the last row seen) … LIMIT n, and look for an index on {table} in that order. For exports, a cursor."
        ),
    })
}

/// So many rows are certainly skipped at a price.
const DEEP: u64 = 10_000;

/// The power of ten below a number, which is a value of the log and so not for a report.
fn round(number: u64) -> u64 {
    number.checked_ilog10().map_or(0, |digits| 10_u64.pow(digits))
}
