//! Pages far behind the first.

use crate::sql::shape::habits::Kind;
use crate::sql::values::DEEP_PAGE;
use crate::units::grouped;

use super::habit::{self, Case, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct DeepOffset;

static META: Meta = Meta {
    id: "deep-offset",
    title: "OFFSET reads and throws away many rows before the first that is wanted",
    severity: Severity::High,
    what: "Calls of a query that costs something skip 1 000 rows or more, be OFFSET written or bound; counters do not tell. It is sure where the first example skips 10 000 and the slow calls take three times as long as the median.",
    why: "All rows that are skipped are read and sorted first: each page costs more than the one before.",
    example: "SELECT * FROM events ORDER BY id LIMIT 50 OFFSET 200000",
    remedy: "Remember the last key of a page and ask for what comes behind it.",
    ignore: "Nobody turns so many pages.",
    accepts: habit::accepts,
};

impl Rule for DeepOffset {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::Offset)?;
    let (deep, calls) = (case.statement.deep_pages, case.price.calls);
    if deep == 0 {
        return None;
    }
    let (table, least) = (table(habit), grouped(DEEP_PAGE));
    let grows = case.price.p50.zip(case.price.p95).is_some_and(|(p50, p95)| p95.0 / 3 >= p50.0);
    let is_proved = habit.size >= FAR && grows && case.is_slow;
    let far = if is_proved { format!(", {} or more in the first example", grouped(FAR)) } else { String::new() };
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("{} of {} calls skip {least} rows of {table} or more to get to their page", grouped(deep), grouped(calls)),
        reason: format!("OFFSET was {least} or more in {} calls{far}", grouped(deep)),
        confidence: match () {
            () if is_proved => Confidence::High,
            // Few deep pages do not make all calls slow.
            () if !grows && deep * 10 < calls => Confidence::Low,
            () => case.fitting(),
        },
        is_cause: true,
        remedy: format!(
            "Page by key: WHERE (the columns of ORDER BY) > (those of the last row seen) … LIMIT n, and look for an index on {table} in that order. For exports, a cursor."
        ),
    })
}

/// So many rows are certainly skipped at a price.
const FAR: u64 = 10_000;
