//! Deadlocks, each of which ended somebody's transaction.

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, no_options};

/// See the module.
pub(super) struct Deadlock;

static META: Meta = Meta {
    id: "deadlock",
    title: "Transactions waited for each other and one was cancelled",
    severity: Severity::High,
    what: "The server found sessions that waited for each other's locks, and cancelled one of them (SQLSTATE 40P01).",
    why: "The cancelled transaction is lost and has to be run again; all of them had waited for deadlock_timeout before.",
    example: "A updates order 1 and then order 2; B updates order 2 and then order 1.",
    remedy: "Lock rows in one order everywhere (ORDER BY id FOR UPDATE before updating several), keep transactions short, and run a cancelled one again.",
    ignore: "A job that runs its transaction again, if that is rare.",
    accepts: no_options,
};

impl Rule for Deadlock {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let count = context.workload.events().deadlocks;
        if count == 0 {
            return Vec::new();
        }
        let victims: Vec<_> = context.workload.statements().filter(|s| s.deadlocks > 0).collect();
        let first = victims.iter().max_by_key(|s| (s.deadlocks, std::cmp::Reverse(s.fingerprint)));
        vec![Finding {
            rule: META.id,
            severity: Severity::High,
            confidence: Confidence::High,
            title: if count == 1 { "a deadlock".to_owned() } else { format!("{count} deadlocks") },
            statement: first.map(|s| s.fingerprint),
            related: victims.iter().map(|s| s.fingerprint).filter(|f| Some(*f) != first.map(|s| s.fingerprint)).collect(),
            occurrences: count,
            evidence: vec![Evidence::counted(format!("the server reported {count}"), serde_json::json!({"deadlocks": count}))],
            remedy: META.remedy.to_owned(),
            ..Finding::default()
        }]
    }
}
