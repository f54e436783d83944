//! Queries that run once for each row that another query returned.

use crate::workload::burst::Class;

use super::loops::{self, Options};
use super::{Context, Finding, Meta, Rule, Severity, conservation, fits};

/// See the module.
pub(super) struct NPlusOne;

static META: Meta = Meta {
    id: "n-plus-one",
    title: "A query runs once for each row of another one",
    severity: Severity::High,
    what: "Within one request (an id in a comment), one transaction, or calls of a session close together in time, the same select ran at least min_repeats times, each with one other key; its key fits a table or column of a query before it, the parent. Nested loops are one finding with its levels. From counters of several snapshots: interval after interval, the select is called as often as a related one returns rows (ratio 0.5 to 1.05, correlation at least 0.9 over at least six intervals for medium confidence, the most that counters give). Of one interval alone, many cheap lookups by key are no more than suspect.",
    why: "Each call pays a round trip, parsing and planning; the server's own time is often a tenth of what the user waits.",
    example: "SELECT … FROM orders LIMIT 50, then fifty times SELECT … FROM order_items WHERE order_id = …",
    remedy: "Read the rows of all parents at once: a JOIN, WHERE key = ANY($1), or what the ORM calls eager loading.",
    ignore: "Loops that are always short, and jobs at night that nobody waits for.",
    accepts: fits::<Options>,
};

impl Rule for NPlusOne {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let mut findings = loops::check(context, &META, Class::Reads);
        findings.extend(conservation::check(context, &META, Class::Reads, &findings));
        findings
    }
}
