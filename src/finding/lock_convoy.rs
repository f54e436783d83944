//! Sessions that queue for one lock, and the one that makes them.

use std::collections::{BTreeMap, HashSet};

use foldhash::fast::FixedState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, counted, often};
use crate::workload::Workload;
use crate::workload::convoys::Convoy;
use crate::workload::lock_mode::{Kind, Mode};

use super::locks::{object, text};
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct LockConvoy;

static META: Meta = Meta {
    id: "lock-convoy",
    title: "Sessions queued behind each other for one lock",
    severity: Severity::High,
    what: "At least min_waiters sessions waited for one lock at once, or one waited for a strong lock on a table and others that wanted a weaker one came behind it; together they waited at least min_waited_ms, or one of them min_longest_ms. Waits are in the log with log_lock_waits, from deadlock_timeout on. To blame is the first stronger one in the queue, if there is one: those behind it would have got along with the holder. Else it is the holder.",
    why: "Each waiting session keeps its connection and whatever it has locked itself, so the queue grows until the pool is empty.",
    example: "A report reads orders for minutes; ALTER TABLE orders … waits for it; every SELECT … FROM orders waits for the ALTER.",
    remedy: "Run changes of tables with SET lock_timeout = '1s' and try again, so that they never queue for long; end what holds the lock sooner.",
    ignore: "A maintenance window; workers that wait for an advisory lock until they may lead.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer sessions at once are no convoy, unless one of them made the others wait.
    min_waiters: u32,
    /// Less waiting by all sessions together is left out, in milliseconds,
    min_waited_ms: u64,
    /// unless one of them waited so long.
    min_longest_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_waiters: 3, min_waited_ms: 1_000, min_longest_ms: 500 }
    }
}

/// So much waiting, or so many at once, is felt.
const MUCH: Micros = Micros::from_millis(10_000);
const MANY: u32 = 10;
/// So many convoys are told one by one, the longest first.
const MOST_TOLD: usize = 20;
/// So many statements that waited or held the lock are named.
const MOST_RELATED: usize = 50;

/// What convoys of one finding have in common: what they wait for, which of the stronger is to blame, or who held the lock,
/// or for want of both what waited most.
type Cause = (Kind, Option<Mode>, Option<Fingerprint>);

impl Rule for LockConvoy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let mut by_cause: BTreeMap<Cause, Vec<&Convoy>> = BTreeMap::new();
        for convoy in &context.workload.convoys().all {
            let is_long = convoy.waited >= Micros::from_millis(options.min_waited_ms)
                || convoy.longest >= Micros::from_millis(options.min_longest_ms);
            if is_long && (convoy.most >= options.min_waiters || convoy.blame.is_some()) {
                by_cause.entry(cause(convoy)).or_default().push(convoy);
            }
        }
        by_cause.into_iter().map(|(cause, convoys)| finding(cause, convoys, context.workload)).collect()
    }
}

fn cause(convoy: &Convoy) -> Cause {
    let waited_most = convoy.waiting.iter().max_by_key(|(statement, count)| (**count, std::cmp::Reverse(**statement)));
    match &convoy.blame {
        Some(blame) => (convoy.kind, Some(blame.mode), blame.statement),
        None => {
            let holder = convoy.holder.as_ref().and_then(|holder| holder.statement);
            (convoy.kind, None, holder.or(waited_most.map(|(statement, _)| *statement)))
        }
    }
}

fn finding((kind, mode, statement): Cause, mut convoys: Vec<&Convoy>, workload: &Workload) -> Finding {
    convoys.sort_by_key(|convoy| (std::cmp::Reverse(convoy.waited), convoy.start));
    let waited: Micros = convoys.iter().map(|convoy| convoy.waited).sum();
    let most = convoys.iter().map(|convoy| convoy.most).max().unwrap_or(0);
    let longest = convoys.iter().map(|convoy| convoy.longest).max().unwrap_or_default();
    let behind = convoys.iter().filter_map(|convoy| convoy.blame.as_ref()).map(|blame| blame.behind).max().unwrap_or(0);
    let is_idle = convoys.iter().any(|convoy| convoy.holder.as_ref().is_some_and(|holder| holder.is_idle));
    let related = related(&convoys, statement, workload);
    let statement = statement.filter(|fingerprint| workload.statement(*fingerprint).is_some());
    // What is changed is named by the change.
    let named: Vec<Fingerprint> = statement.into_iter().chain(related.iter().copied()).collect();
    let what = object(kind, &named, workload);
    let often = often(convoys.len() as u64);
    let sessions = |n: u32| counted(u64::from(n), "session");
    let title = match mode {
        Some(mode) => format!("{} queued for {what} behind one that waited for {}, {often}", sessions(behind), mode.name()),
        None => format!("{} queued together for {what}, {often}", sessions(most)),
    };
    let mut evidence = vec![Evidence::counted(
        format!("{} waited {waited} in all, {often}", sessions(convoys.iter().map(|convoy| convoy.waiters).sum())),
        json!({"convoys": convoys.len(), "waited_us": waited.0, "longest_us": longest.0, "most": most, "behind": behind, "mode": mode.map(Mode::name)}),
    )];
    evidence.extend(convoys.iter().take(MOST_TOLD).map(|convoy| told(convoy, workload)));
    let mut data = Map::new();
    data.insert("waiter_seconds".to_owned(), json!(waited.0 as f64 / 1_000_000.0));
    let worst = convoys.first().map_or(Micros(0), |convoy| convoy.waited);
    // Who waits for an advisory lock may mean to: to lead when the leader goes.
    let is_meant = kind == Kind::Advisory;
    let severity = match () {
        () if is_meant => Severity::Low,
        () if worst >= MUCH || most >= MANY => Severity::High,
        () => Severity::Medium,
    };
    Finding {
        rule: META.id,
        severity,
        confidence: if is_meant { Confidence::Medium } else { Confidence::High },
        title,
        statement,
        related,
        occurrences: convoys.len() as u64,
        cost: Some(waited).filter(|_| !is_meant),
        evidence,
        data,
        remedy: remedy(mode, kind, is_idle).to_owned(),
        ..Finding::default()
    }
}

/// The statements that waited and that held the lock, those of the worst convoys first. What was never run to its end and
/// failed nowhere is in no list of statements.
fn related(convoys: &[&Convoy], statement: Option<Fingerprint>, workload: &Workload) -> Vec<Fingerprint> {
    let mut seen: HashSet<Fingerprint, FixedState> = statement.into_iter().collect();
    let all = convoys.iter().flat_map(|convoy| convoy.waiting.keys().copied().chain(convoy.holder.iter().filter_map(|h| h.statement)));
    all.filter(|other| seen.insert(*other) && workload.statement(*other).is_some()).take(MOST_RELATED).collect()
}

fn remedy(mode: Option<Mode>, kind: Kind, is_idle: bool) -> &'static str {
    match (mode, kind) {
        (Some(_), _) if is_idle => {
            "Run the change with SET lock_timeout = '1s' and try again until it gets its lock, so that nothing queues behind it; and end the transaction that held the lock while it did nothing (see idle-in-transaction)."
        }
        (Some(_), _) => {
            "Run the change with SET lock_timeout = '1s' and try again until it gets its lock, so that nothing queues behind it; let no long transaction read or write the table meanwhile."
        }
        (None, _) if is_idle => "End the transaction that held the lock while it did nothing: commit before anything that is not SQL.",
        (None, Kind::Row) => {
            "Write the row that all want last in the transaction and commit at once; or add rows and sum them up later; or take jobs with FOR UPDATE SKIP LOCKED."
        }
        (None, Kind::Relation) => {
            "Do what locks the whole table in another way: CONCURRENTLY, NOT VALID and VALIDATE, small batches; with SET lock_timeout, outside busy hours."
        }
        (None, Kind::Advisory) => "Hold the lock for less time, or let those who do not get it at once go on: pg_try_advisory_lock.",
        (None, Kind::Other) => "End the transactions that hold the lock sooner, and load rows in batches from fewer sessions.",
    }
}

fn told(convoy: &Convoy, workload: &Workload) -> Evidence {
    let text = |fingerprint: Option<Fingerprint>| text(workload, fingerprint);
    let blamed = convoy.blame.as_ref().map_or_else(String::new, |blame| {
        let what = text(blame.statement).unwrap_or_else(|| "a statement that is not in the log".to_owned());
        format!("; {} came behind `{what}`, which waited {} for {}", blame.behind, blame.waited, blame.mode.name())
    });
    let held = convoy.holder.as_ref().map_or_else(String::new, |holder| {
        let how = if holder.is_idle { ", idle in transaction after" } else { ", which ran" };
        let what = text(holder.statement).map_or_else(String::new, |text| format!("{how} `{text}`"));
        format!("; held by process {}{what}", holder.process)
    });
    let wall = convoy.end.since(convoy.start);
    let data = json!({
        "start": convoy.start.to_string(), "end": convoy.end.to_string(), "waiters": convoy.waiters, "most": convoy.most,
        "waited_us": convoy.waited.0, "wall_us": wall.0,
        "blamed": convoy.blame.as_ref().and_then(|blame| blame.statement).map(|f| f.to_string()),
        "mode": convoy.blame.as_ref().map(|blame| blame.mode.name()),
        "holder": convoy.holder.as_ref().map(|holder| json!({
            "pid": holder.process, "statement": holder.statement.map(|f| f.to_string()), "idle_in_transaction": holder.is_idle,
        })),
        "waiting": convoy.waiting.iter().map(|(f, n)| (f.to_string(), *n)).collect::<BTreeMap<_, _>>(),
    });
    Evidence {
        kind: "convoy",
        text: format!(
            "{}: {} waited {} in all within {wall}, {} at once{blamed}{held}",
            convoy.start, convoy.waiters, convoy.waited, convoy.most
        ),
        data: data.as_object().cloned().unwrap_or_default(),
    }
}
