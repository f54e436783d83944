//! Transactions that stay open while their session sends nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::units::{Micros, grouped};
use crate::workload::Workload;
use crate::workload::transactions::{Close, Example, Place, Sum};

use super::transactions::{by, many, told};
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct IdleInTransaction;

static META: Meta = Meta {
    id: "idle-in-transaction",
    title: "A transaction stayed open while its session did nothing",
    severity: Severity::High,
    what: "Between two statements of one transaction, or before its connection ended, at least min_idle_ms passed in which the server had nothing to do; or the log ended before it did; or the server ended the session for it (25P03, idle_in_transaction_session_timeout). Told by the statement after which it idled. Times are known only where every statement is logged with its duration.",
    why: "Its row and table locks are kept, so others wait; a migration waits and everything queues behind it; VACUUM cannot remove rows that died since; its connection is lost to the pool.",
    example: "BEGIN; UPDATE orders SET state = 'paid' …; a call to a payment service that takes 12 s; COMMIT",
    remedy: "Commit before anything slow that is not SQL (HTTP calls, e-mail, files, waiting for a person), and do it between transactions. Set idle_in_transaction_session_timeout for the role as a safeguard.",
    ignore: "A person at a prompt. Dumps, COPY, cursors and advisory locks are left out already.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Shorter times without a statement are left out, in milliseconds; in steps of 500.
    min_idle_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_idle_ms: 5_000 }
    }
}

/// So long with locks held is felt by others.
const LONG: Micros = Micros::from_millis(60_000);

impl Rule for IdleInTransaction {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let least = Micros::from_millis(options.min_idle_ms);
        // Between two logged statements there may be others where not all are logged; the server's word counts anyway.
        let knows_times = context.workload.blind().is_none();
        let mut by_place: BTreeMap<&Place, Idle> = BTreeMap::new();
        for (place, lasting) in &context.workload.transactions().idle {
            let mut sum = if knows_times { lasting.from(least) } else { Sum::default() };
            sum.add(&lasting.killed);
            let examples = lasting.examples.iter().filter(|example| example.idle >= least || example.close == Close::Killed);
            let idle = Idle { sum, killed: lasting.killed, examples: examples.cloned().collect() };
            if sum.count > 0 {
                by_place.insert(place, idle);
            }
        }
        for (place, example) in if knows_times { open(context.workload) } else { Vec::new() } {
            if example.idle >= least {
                by_place.entry(place).or_default().add(example);
            }
        }
        by_place.into_iter().map(|(place, idle)| finding(place, idle)).collect()
    }
}

/// What is told of one place.
#[derive(Default)]
struct Idle {
    sum: Sum,
    killed: Sum,
    examples: Vec<Example>,
}

impl Idle {
    fn add(&mut self, example: Example) {
        let (idle, locking) = (example.idle, if example.locks { example.idle } else { Micros(0) });
        let locks = u64::from(example.locks);
        self.sum.add(&Sum { count: 1, locking: locks, total: idle, longest: idle, longest_locking: locking });
        self.examples.push(example);
    }
}

/// Transactions that were open when the log ended, idle since something was last heard of them. Only a log that tells of the
/// ends of sessions shows that they were still there.
fn open(workload: &Workload) -> Vec<(&Place, Example)> {
    let Some((_, end)) = workload.window().filter(|_| workload.events().disconnections > 0) else { return Vec::new() };
    let end = workload.rules().filter.until.map_or(end, |until| until.min(end));
    let open = workload.transactions().open.iter();
    open.map(|(place, example)| {
        let idle = end.since(example.end);
        (place, Example { idle, end: end.max(example.end), ..example.clone() })
    })
    .collect()
}

fn finding(place: &Place, idle: Idle) -> Finding {
    let Idle { sum, killed, examples } = idle;
    let severity = match () {
        () if sum.longest_locking >= LONG || killed.locking > 0 => Severity::High,
        () if sum.longest >= LONG || sum.locking > 0 || killed.count > 0 => Severity::Medium,
        () => Severity::Low,
    };
    let is_sure = examples.iter().any(|example| matches!(example.close, Close::Ended | Close::Killed));
    let often = many(sum.count);
    let locks = if sum.locking > 0 { ", with locks held" } else { "" };
    let ended = if killed.count > 0 { format!("; the server ended {}", grouped(killed.count)) } else { String::new() };
    let counted = Evidence::counted(
        format!("{often}, {} idle in all, {} of them with locks held{ended}", sum.total, grouped(sum.locking)),
        json!({"transactions": sum.count, "idle_us": sum.total.0, "longest_us": sum.longest.0, "locking": sum.locking, "killed": killed.count}),
    );
    Finding {
        rule: META.id,
        severity,
        confidence: if is_sure { Confidence::High } else { Confidence::Medium },
        title: format!("{often}{} idle for up to {}{locks}", by(&place.actor), sum.longest),
        statement: place.statement,
        occurrences: sum.count,
        evidence: std::iter::once(counted).chain(examples.iter().map(|example| told(example, &place.actor))).collect(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
