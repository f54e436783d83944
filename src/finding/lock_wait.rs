//! Statements that spend much of their time waiting for locks, one at a time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, often};
use crate::workload::Statement;
use crate::workload::Workload;
use crate::workload::lock_mode::Kind;
use crate::workload::waits::{Waited, Waiting};

use super::locks::{object, told};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, access_exclusive_wait, fits, idle_in_transaction_blocker};

/// See the module.
pub(super) struct LockWait;

static META: Meta = Meta {
    id: "lock-wait",
    title: "A statement spends much of its time waiting for locks",
    severity: Severity::High,
    what: "At least min_share of the time of a statement's executions, failed ones too, and at least min_waited_ms, was waiting for locks (log_lock_waits, from deadlock_timeout on). Waits that lock-convoy, access-exclusive-wait or idle-in-transaction-blocker tells are not told again.",
    why: "Its own work is fast; it is slow because of what another transaction had locked, and no index mends that.",
    example: "A nightly job updates all counters in one transaction; UPDATE counters … WHERE id = 1 waits for it.",
    remedy: "Look at what held the lock: commit it sooner, in smaller batches, or let it lock what is wanted by all last. Set lock_timeout where giving up is better than waiting.",
    ignore: "A job for which nobody waits.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Less waiting of a statement is left out, in milliseconds.
    min_waited_ms: u64,
    /// A smaller share of the statement's time is left out, 0 to 1.
    min_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_waited_ms: 500, min_share: 0.5 }
    }
}

/// So much waiting, at once or in all, is felt.
const LONG: Micros = Micros::from_millis(10_000);

impl Rule for LockWait {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let workload = context.workload;
        let idle = idle_in_transaction_blocker::holders(context);
        let is_told = |waiting: &Waiting, waited: &Waited| {
            access_exclusive_wait::tells(context, waiting, waited) || (waiting.is_idle && idle.contains(&waiting.holder))
        };
        let mut by_statement: BTreeMap<Fingerprint, Vec<(&Waiting, &Waited)>> = BTreeMap::new();
        // Who waits for an advisory lock may mean to.
        for (waiting, waited) in workload.waits().all.iter().filter(|(waiting, _)| waiting.kind != Kind::Advisory) {
            if let Some(statement) = waiting.statement.filter(|_| !is_told(waiting, waited)) {
                by_statement.entry(statement).or_default().push((waiting, waited));
            }
        }
        let found =
            by_statement.into_iter().filter_map(|(statement, waits)| finding(workload.statement(statement)?, waits, workload, &options));
        found.collect()
    }
}

fn finding(statement: &Statement, mut waits: Vec<(&Waiting, &Waited)>, workload: &Workload, options: &Options) -> Option<Finding> {
    waits.sort_by_key(|(waiting, waited)| (std::cmp::Reverse(waited.longest), *waiting));
    let mut sum = Waited::default();
    waits.iter().for_each(|(_, waited)| sum.add(waited));
    // What failed has no latency, but may have waited.
    let time = statement.latency.total().max(sum.total);
    let share = sum.total.0 as f64 / time.0.max(1) as f64;
    if sum.total < Micros::from_millis(options.min_waited_ms) || share < options.min_share {
        return None;
    }
    let (worst, _) = waits.first()?;
    let on = object(worst.kind, &[statement.fingerprint], workload);
    let holders = waits.iter().filter_map(|(waiting, _)| waiting.holder);
    Some(Finding {
        rule: META.id,
        severity: if sum.most() >= LONG || sum.total.0 >= 10 * LONG.0 { Severity::High } else { Severity::Medium },
        confidence: Confidence::High,
        title: format!("waits for {on}, up to {}, {}: {:.0} % of its time", sum.most(), often(sum.count), share * 100.0),
        statement: Some(statement.fingerprint),
        related: holders.filter(|holder| *holder != statement.fingerprint && workload.statement(*holder).is_some()).collect(),
        occurrences: sum.count,
        cost: Some(sum.total),
        evidence: waits.iter().map(|(waiting, waited)| told(waiting, waited, workload)).collect(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}
