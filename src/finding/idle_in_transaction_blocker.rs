//! Sessions that did nothing while others waited for what they had locked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, counted};
use crate::workload::Workload;
use crate::workload::waits::{Waited, Waiting};

use super::access_exclusive_wait;
use super::locks::{object, told};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct IdleInTransactionBlocker;

static META: Meta = Meta {
    id: "idle-in-transaction-blocker",
    title: "Sessions waited for a lock of one that did nothing",
    severity: Severity::High,
    what: "The process that the log names as holder of the lock (log_lock_waits) had a transaction open and ran nothing until the wait was over; together the others waited at least min_waited_ms. Told by the statement that it had run last. Queues, in which one waits because of another, are told by lock-convoy, and changes of tables by access-exclusive-wait, with their holders.",
    why: "Nothing is done in the time for which others wait, and nothing ends it but the client.",
    example: "BEGIN; UPDATE orders SET state = 'paid' …; a call to a payment service; another session's UPDATE of the row waits for its answer.",
    remedy: "Commit before anything slow that is not SQL (HTTP calls, e-mail, files, waiting for a person). Set idle_in_transaction_session_timeout for the role as a safeguard, and lock_timeout for those who wait.",
    ignore: "A person at a prompt.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Less waiting for one statement of the holder is left out, in milliseconds.
    min_waited_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_waited_ms: 500 }
    }
}

/// So much waiting is felt.
const MUCH: Micros = Micros::from_millis(10_000);

type ByHolder<'w> = BTreeMap<Option<Fingerprint>, Vec<(&'w Waiting, &'w Waited)>>;

/// The waits that this rule speaks of, by what the holder had run.
fn waits<'w>(context: &Context<'w>) -> ByHolder<'w> {
    let least = Micros::from_millis(context.options::<Options>(META.id).min_waited_ms);
    let mut by_holder: ByHolder<'w> = BTreeMap::new();
    let all = context.workload.waits().all.iter();
    for (waiting, waited) in all.filter(|(waiting, waited)| waiting.is_idle && !access_exclusive_wait::tells(context, waiting, waited)) {
        by_holder.entry(waiting.holder).or_default().push((waiting, waited));
    }
    by_holder.retain(|_, waits| waits.iter().map(|(_, waited)| waited.total).sum::<Micros>() >= least);
    by_holder
}

/// Whether this rule speaks of waits for what a holder had run.
pub(super) fn holders(context: &Context<'_>) -> Vec<Option<Fingerprint>> {
    waits(context).into_keys().collect()
}

impl Rule for IdleInTransactionBlocker {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        waits(context).into_iter().map(|(holder, waits)| finding(holder, waits, context.workload)).collect()
    }
}

fn finding(holder: Option<Fingerprint>, mut waits: Vec<(&Waiting, &Waited)>, workload: &Workload) -> Finding {
    waits.sort_by_key(|(waiting, waited)| (std::cmp::Reverse(waited.longest), *waiting));
    let mut sum = Waited::default();
    waits.iter().for_each(|(_, waited)| sum.add(waited));
    let mut waiters: Vec<Fingerprint> = waits.iter().filter_map(|(waiting, _)| waiting.statement).collect();
    waiters.dedup();
    let named: Vec<Fingerprint> = waiters.iter().copied().chain(holder).collect();
    let on = waits.first().map_or_else(String::new, |(waiting, _)| object(waiting.kind, &named, workload));
    Finding {
        rule: META.id,
        severity: if sum.total >= MUCH { Severity::High } else { Severity::Medium },
        // What it ran may be missing in a log of slow statements or of a sample.
        confidence: if workload.blind().is_none() { Confidence::High } else { Confidence::Medium },
        title: format!("{} for {on}, up to {}, while its holder did nothing", counted(sum.count, "wait"), sum.most()),
        statement: holder.filter(|holder| workload.statement(*holder).is_some()),
        related: waiters.into_iter().filter(|waiter| Some(*waiter) != holder && workload.statement(*waiter).is_some()).collect(),
        occurrences: sum.count,
        cost: Some(sum.total),
        evidence: waits.iter().map(|(waiting, waited)| told(waiting, waited, workload)).collect(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
