//! Statements that gave up waiting for a lock.

use serde_json::json;

use crate::units::{Micros, counted, grouped};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, locks, no_options};

/// See the module.
pub(super) struct LockTimeout;

static META: Meta = Meta {
    id: "lock-timeout",
    title: "A statement gave up waiting for a lock, by lock_timeout",
    severity: Severity::High,
    what: "Executions of the statement ended with `canceling statement due to lock timeout` (SQLSTATE 55P03; NOWAIT has the same one and is left out).",
    why: "It did not do its work. While it waited, others may have waited behind it.",
    example: "ERROR: canceling statement due to lock timeout",
    remedy: "Try it again until it gets its lock, if whoever sends it does not yet; look at what held the lock meanwhile (log_lock_waits names the process) and end that sooner.",
    ignore: "A migration that tries again by itself.",
    accepts: no_options,
};

impl Rule for LockTimeout {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let workload = context.workload;
        let found = workload.statements().filter(|s| s.lock_timeouts > 0).map(|statement| {
            let (timeouts, calls) = (statement.lock_timeouts, statement.calls());
            let own = workload.waits().all.iter().filter(|(waiting, _)| waiting.statement == Some(statement.fingerprint));
            let waited: Micros = own.map(|(_, waited)| waited.in_vain).sum();
            // Without log_lock_waits nothing tells how long.
            let known = Some(waited).filter(|waited| waited.0 > 0);
            let in_vain = known.map(|waited| format!("; {waited} of waiting in vain")).unwrap_or_default();
            let on = locks::table(workload, statement.fingerprint).map(|table| format!(" on {table}")).unwrap_or_default();
            Finding {
                rule: META.id,
                severity: if timeouts * 100 >= calls + timeouts { Severity::High } else { Severity::Medium },
                confidence: Confidence::High,
                title: format!("{} of {} executions gave up waiting for a lock{on}", grouped(timeouts), grouped(calls + statement.errors)),
                statement: Some(statement.fingerprint),
                occurrences: timeouts,
                cost: known,
                evidence: vec![Evidence::counted(
                    format!("{}, {} that came to an end{in_vain}", counted(timeouts, "timeout"), counted(calls, "call")),
                    json!({"timeouts": timeouts, "calls": calls, "waited_us": known.map(|waited| waited.0)}),
                )],
                remedy: META.remedy.to_owned(),
                ..Finding::default()
            }
        });
        found.collect()
    }
}
