//! Queries that return all there is.

use crate::sql::shape::habits::Kind;
use crate::units::grouped;

use super::habit::{self, Case, LeastRows, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct UnboundedSelect;

static META: Meta = Meta {
    id: "unbounded-select",
    title: "A query returns all rows: it has no LIMIT and no key",
    severity: Severity::Medium,
    what: "The outermost SELECT of a table has no LIMIT, no aggregate and no column that equals a value, and counters tell of 1 000 rows a call (10 000 where a column equals a value that does not identify rows, such as a status); where nobody tells rows, it has no WHERE at all and its calls are slow. It is sure from 10 000 rows a call on.",
    why: "The result grows with the table: memory and time of the server, the network and the application.",
    example: "SELECT * FROM orders ORDER BY placed_at",
    remedy: "LIMIT and a key to go on from, or a cursor.",
    ignore: "Exports and small tables that are read whole to be cached.",
    accepts: fits::<LeastRows>,
};

impl Rule for UnboundedSelect {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, context: &Context<'_>) -> Option<Verdict> {
    let options: LeastRows = context.options(META.id);
    let habit = case.habit(Kind::Unbounded)?;
    let (is_whole, is_equal) = (habit.size == 0, habit.size > 1);
    let confidence = match case.price.rows() {
        Some(rows) if rows < options.min_rows => return None,
        Some(rows) if rows >= MANY.max(options.min_rows) => Confidence::High,
        // What asks for equality is mostly meant to be all of something.
        Some(_) if is_equal => return None,
        Some(_) => case.fitting(),
        None if is_whole && case.is_slow => Confidence::Low,
        None => return None,
    };
    let missing = match () {
        () if is_whole => "no WHERE",
        () if is_equal => "no column that identifies rows",
        () => "no column that equals a value",
    };
    let table = table(habit);
    let rows = case.price.rows().map(|rows| format!("{} rows a call", grouped(rows)));
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("returns {} of {table}", rows.unwrap_or_else(|| "all rows".to_owned())),
        reason: format!("no LIMIT, no aggregate, {}", missing),
        confidence,
        is_cause: false,
        remedy: format!("Read {table} in pages: ORDER BY a key, WHERE key > the last one seen, LIMIT n; for an export, a cursor or COPY."),
    })
}

/// So many rows a call are certainly many.
const MANY: u64 = 10_000;
