//! Rows that are inserted, updated or deleted one by one.

use crate::workload::burst::Class;

use super::loops::{self, Options};
use super::{Context, Finding, Meta, Rule, Severity, conservation, fits};

/// See the module.
pub(super) struct WriteLoop;

static META: Meta = Meta {
    id: "write-loop",
    title: "Rows are written one by one",
    severity: Severity::High,
    what: "Within one request, one transaction, or calls of a session close together in time, the same INSERT, UPDATE or DELETE of one row ran at least min_repeats times. From counters of several snapshots: interval after interval, it is called as often as a related query returns rows, as for n-plus-one. Where each row is looked for before it is inserted, upsert-loop speaks instead.",
    why: "Each row pays a round trip, and where each has a transaction of its own, a flush of the log to disk.",
    example: "Fifty times UPDATE users SET last_seen_at = … WHERE id = …",
    remedy: "Write the rows together: several rows in one VALUES, UPDATE … FROM (VALUES …), DELETE … WHERE id = ANY($1), COPY; at least in one transaction.",
    ignore: "Calls that a driver sends in one go (pipelining, executemany); the rule says info where it sees that.",
    accepts: fits::<Options>,
};

impl Rule for WriteLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let mut findings = loops::check(context, &META, Class::Writes);
        findings.extend(conservation::check(context, &META, Class::Writes, &findings));
        findings
    }
}
