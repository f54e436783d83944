//! Changes of tables that take long, or whose transaction keeps the table locked for long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sql::change::Change;
use crate::units::Micros;
use crate::workload::{Statement, changes};

use super::{Clock, Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct DdlDuration;

static META: Meta = Meta {
    id: "ddl-duration",
    title: "A change kept a table locked for long",
    severity: Severity::High,
    what: "A command that locks a table (ALTER TABLE, CREATE INDEX, TRUNCATE and the like, not CONCURRENTLY) ran for at least min_ms, or that much passed from when it had its lock to the end of its transaction. Waiting for the lock does not count: then it locked nobody out.",
    why: "Nobody can write the table meanwhile, and for most of these commands nobody can read it either.",
    example: "BEGIN; ALTER TABLE orders ADD COLUMN state text; UPDATE orders SET state = …; COMMIT: the table is locked until the UPDATE of all rows is done.",
    remedy: "Change the table in a transaction of its own, and fill it in batches afterwards. CREATE INDEX CONCURRENTLY; ADD CONSTRAINT … NOT VALID and then VALIDATE; a new column, filled and then renamed, rather than a new type.",
    ignore: "A table that nobody uses yet, or a maintenance window.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Shorter ones are left out, in milliseconds.
    min_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_ms: 5_000 }
    }
}

/// So long nobody waits without noticing.
const LONG: Micros = Micros::from_millis(60_000);

impl Rule for DdlDuration {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let least = Micros::from_millis(context.options::<Options>(META.id).min_ms);
        let all = context.workload.changes().iter().filter(|(_, done)| done.longest.max(done.held) >= least);
        all.filter_map(|(statement, done)| finding(context.workload.statement(*statement)?, done)).collect()
    }
}

fn finding(statement: &Statement, done: &changes::Change) -> Option<Finding> {
    let change = Change::of(&statement.text).filter(|change| change.blocks)?;
    let longest = done.longest.max(done.held);
    let title = if done.held > done.longest {
        format!("its transaction kept {} locked for {}, of which it ran {}", change.table, done.held, done.longest)
    } else {
        format!("{} of {} ran for {}", change.command, change.table, done.longest)
    };
    Some(Finding {
        rule: META.id,
        severity: if longest >= LONG { Severity::High } else { Severity::Medium },
        confidence: Confidence::High,
        title,
        statement: Some(statement.fingerprint),
        occurrences: done.calls,
        cost: Some(done.ran.max(done.held)),
        clock: if done.held > done.ran { Clock::Wall } else { Clock::Server },
        evidence: vec![Evidence::counted(
            format!("ran {} in all, at most {}; its lock was held for up to {}", done.ran, done.longest, longest),
            json!({"calls": done.calls, "ran_us": done.ran.0, "longest_us": done.longest.0, "held_us": longest.0, "table": change.table}),
        )],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}
