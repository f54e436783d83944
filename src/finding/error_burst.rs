//! Minutes in which one kind of error was far more frequent than usual.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::units::grouped;
use crate::workload::ErrorKind;
use crate::workload::minutes::Minutes;
use crate::workload::timeline::{minute, start_of};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct ErrorBurst;

static META: Meta = Meta {
    id: "error-burst",
    title: "One kind of error was suddenly frequent",
    severity: Severity::High,
    what: "In some minutes one kind of error came at least min_per_minute times and min_ratio times as often as in its median minute, or most of what was logged failed with it. Kinds are told apart by SQLSTATE and message without values. Deadlocks, timeouts, refused connections and sessions ended for idling have rules of their own. A log of less than five minutes has no usual rate.",
    why: "Something broke at that time: a deployment, a migration, a service that others depend on. Requests failed.",
    example: "0 to 2 errors a minute, and between 10:14 and 10:17 some 900 times column \"state\" of relation \"orders\" does not exist",
    remedy: "Look at what changed when it began (deployments, migrations, configuration), and at the statements that failed with it.",
    ignore: "Errors that an application provokes and handles, such as unique violations, if a batch of them is expected.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Minutes with fewer are left out.
    min_per_minute: u64,
    /// Minutes with less than so many times the median are left out.
    min_ratio: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_per_minute: 20, min_ratio: 10 }
    }
}

/// In less time there is no usual rate.
const LEAST_MINUTES: u64 = 5;
/// So many a minute are felt.
const MANY: u64 = 100;
/// Bursts with so many quiet minutes between them are one.
const PAUSE: u32 = 2;
/// SQLSTATEs that other rules are about: deadlock, cancelled, lock timeout, too many connections, idle in transaction, and
/// those that follow from another error of the same transaction.
const OTHERS: [&[u8; 5]; 6] = [b"40P01", b"57014", b"55P03", b"53300", b"25P03", b"25P02"];
/// The same in words, for logs without SQLSTATEs.
const OTHERS_IN_WORDS: [&str; 8] = [
    "deadlock detected",
    "canceling statement due to",
    "sorry, too many clients",
    "too many connections",
    "remaining connection slots",
    "terminating connection due to idle",
    "current transaction is aborted",
    "could not obtain lock",
];

/// Minutes close together, and how many errors they have.
struct Burst {
    first: u32,
    last: u32,
    count: u64,
    most: u64,
}

impl Rule for ErrorBurst {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let workload = context.workload;
        let Some((start, end)) = workload.window() else { return Vec::new() };
        let minutes = u64::from(minute(end) - minute(start)) + 1;
        let all = workload.calls() + workload.events().error_count();
        let mut findings = Vec::new();
        for (kind, by_minute) in workload.arrivals().errors.iter().filter(|(kind, _)| !has_its_own_rule(kind)) {
            let total: u64 = by_minute.iter().map(|(_, count)| count).sum();
            let median = by_minute.median(minutes);
            // Where half of everything failed it is bad whatever is usual.
            let is_most = workload.blind().is_none() && total * 2 > all && workload.calls() > 0;
            let usual = if is_most { 0 } else { median.saturating_mul(options.min_ratio) };
            if minutes < LEAST_MINUTES && !is_most {
                continue;
            }
            let bursts = bursts(by_minute, options.min_per_minute.max(usual));
            if !bursts.is_empty() {
                findings.push(finding(kind, &bursts, total, median));
            }
        }
        findings
    }
}

fn has_its_own_rule(kind: &ErrorKind) -> bool {
    kind.sqlstate.is_some_and(|state| OTHERS.contains(&&state)) || OTHERS_IN_WORDS.iter().any(|words| kind.message.starts_with(words))
}

fn bursts(minutes: &Minutes, least: u64) -> Vec<Burst> {
    let mut bursts: Vec<Burst> = Vec::new();
    for (minute, count) in minutes.iter().filter(|(_, count)| *count >= least) {
        match bursts.last_mut().filter(|burst| minute - burst.last <= PAUSE) {
            Some(burst) => {
                burst.last = minute;
                burst.count += count;
                burst.most = burst.most.max(count);
            }
            None => bursts.push(Burst { first: minute, last: minute, count, most: count }),
        }
    }
    bursts
}

/// Low for what an operator does to all sessions at once, by shutting the server down or starting it.
fn severity(kind: &ErrorKind, most: u64) -> Severity {
    let says = |words: &str| kind.message.starts_with(words);
    let is_operators = kind.sqlstate.is_some_and(|state| state.starts_with(b"57P"))
        || says("terminating connection due to administrator command")
        || says("the database system is ");
    match () {
        () if is_operators => Severity::Low,
        () if most >= MANY || &*kind.severity == "PANIC" => Severity::High,
        () => Severity::Medium,
    }
}

fn finding(kind: &ErrorKind, bursts: &[Burst], total: u64, median: u64) -> Finding {
    let count: u64 = bursts.iter().map(|burst| burst.count).sum();
    let most = bursts.iter().map(|burst| burst.most).max().unwrap_or(0);
    let state = kind.sqlstate.map(|state| String::from_utf8_lossy(&state).into_owned());
    let window = |burst: &Burst| {
        let (start, end) = (start_of(burst.first).to_string(), start_of(burst.last + 1).to_string());
        Evidence {
            kind: "window",
            text: format!(
                "{start} to {end}: {} times, at most {} a minute; in a median minute {}",
                grouped(burst.count),
                grouped(burst.most),
                grouped(median)
            ),
            data: json!({
                "start": start, "end": end, "count": burst.count, "most_per_minute": burst.most, "median_per_minute": median,
                "sqlstate": state, "message": kind.told(), "total": total,
            })
            .as_object()
            .cloned()
            .unwrap_or_default(),
        }
    };
    Finding {
        rule: META.id,
        severity: severity(kind, most),
        confidence: Confidence::High,
        title: format!("{} errors within minutes: {}", grouped(count), kind.told()),
        occurrences: count,
        evidence: bursts.iter().map(window).collect(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
