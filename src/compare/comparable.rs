//! Whether runs can be compared at all, asked before anything else: a verdict on runs of different kinds would be worth nothing.
//!
//! Every [`Reason`] ends with what cures it. What merely switches some rules off is a [`Caveat`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, grouped};
use crate::workload::Rules;

use super::Side;
use super::counters;
use super::facts::Run;
use super::matched::{Matched, Pair};
use super::news::is_loop;
use super::policy::Policy;

/// Why runs cannot be compared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// There is no run on a side.
    NoRuns(Side),
    /// A run has no calls.
    Empty {
        /// Which.
        run: String,
    },
    /// A run could not be read, or not to its end.
    Broken {
        /// Which.
        run: String,
        /// What happened.
        error: String,
    },
    /// A run is one snapshot, whose counters are of a time that nobody knows.
    Life {
        /// Which.
        run: String,
    },
    /// Logs on one side, counters on the other.
    Kinds {
        /// A run.
        run: String,
        /// What it is of.
        is: &'static str,
        /// Another run.
        other: String,
        /// What that is of.
        of: &'static str,
    },
    /// Two kinds of database.
    Engine {
        /// A run.
        run: String,
        /// Another run.
        other: String,
    },
    /// Two major versions.
    Major {
        /// A run and its version.
        run: (String, u32),
        /// Another.
        other: (String, u32),
    },
    /// A setting that changes plans or what is counted or logged has two values.
    Setting {
        /// Which.
        name: String,
        /// A run and its value.
        run: (String, String),
        /// Another.
        other: (String, String),
    },
    /// Such a setting was changed while a run was going on.
    Changed {
        /// The run.
        run: String,
        /// The setting.
        name: String,
    },
    /// Two runs were saved with other options, so that not the same calls count in both.
    Folded {
        /// A run.
        run: String,
        /// Another.
        other: String,
        /// What is different.
        why: &'static str,
    },
    /// Calls are logged from another duration on.
    Threshold {
        /// A run and the duration from which on it seems to have calls.
        run: (String, Option<Micros>),
        /// Another.
        other: (String, Option<Micros>),
    },
    /// Only a sample of calls is logged, on some runs.
    Sampled {
        /// A run of which that is so.
        run: String,
        /// One of which it is not.
        other: String,
    },
    /// The server dropped counters to make room while a run was going on.
    Dealloc {
        /// The run.
        run: String,
        /// How often.
        rounds: u64,
    },
    /// Counters began anew while a run was going on, or were gone at its end.
    Reset {
        /// The run.
        run: String,
        /// How many entries, as far as that can be told.
        entries: u64,
    },
    /// Entries are older than the first snapshot and missing in it, so that what they did is not known.
    WithoutBase {
        /// The run.
        run: String,
        /// How many.
        entries: u64,
    },
    /// One run was named twice, which would count as two and vary in nothing.
    Again {
        /// The run.
        run: String,
        /// The same.
        other: String,
    },
    /// Too much of a run was not understood.
    NotUnderstood {
        /// The run.
        run: String,
        /// Records that were not understood.
        skipped: u64,
        /// All records.
        records: u64,
    },
    /// No statement is in runs of both sides.
    NothingMatches,
    /// No statement is one of those that are to be judged.
    NothingJudged,
    /// Too much of what a side does the other does not do.
    Different {
        /// The side.
        side: Side,
        /// The share of its calls that are of statements on both sides, 0 to 1.
        share: f64,
    },
}

/// Of its records a run may have so small a part that is not understood.
const MOST_SKIPPED: f64 = 0.001;
/// Statements on both sides have at least this share of the calls of each.
const LEAST_MATCHED: f64 = 0.9;
/// Durations from which on calls are logged are guessed from the shortest, and differ if one is so many times the other.
const THRESHOLDS: f64 = 4.0;

/// Settings that change plans, or what is counted or logged.
const MATTERS: [&str; 30] = [
    "auto_explain.",
    "compute_query_id",
    "constraint_exclusion",
    "cpu_",
    "cursor_tuple_fraction",
    "deadlock_timeout",
    "default_statistics_target",
    "effective_cache_size",
    "effective_io_concurrency",
    "enable_",
    "from_collapse_limit",
    "geqo",
    "hash_mem_multiplier",
    "jit",
    "join_collapse_limit",
    "log_duration",
    "log_lock_waits",
    "log_min_duration",
    "log_statement",
    "log_temp_files",
    "log_transaction_sample_rate",
    "max_parallel_workers",
    "min_parallel",
    "parallel_",
    "pg_stat_statements.",
    "plan_cache_mode",
    "random_page_cost",
    "seq_page_cost",
    "shared_buffers",
    "work_mem",
];

/// Whether a setting matters to a comparison.
fn matters(name: &str) -> bool {
    let is_size = matches!(name, "pg_stat_statements.max" | "pg_stat_statements.save");
    (MATTERS.iter().any(|known| name.starts_with(known)) || name.starts_with("track_")) && !is_size
}

/// Every reason, in the order in which they are to be told.
pub(super) fn reasons(matched: &Matched<'_>, policy: &Policy) -> Vec<Reason> {
    let mut reasons: Vec<Reason> =
        [Side::Baseline, Side::Candidate].into_iter().filter(|&side| matched.runs(side).is_empty()).map(Reason::NoRuns).collect();
    for (_, run) in matched.all() {
        reasons.extend(of_run(run));
    }
    reasons.extend(again(matched));
    let Some(first) = matched.baseline.first() else { return reasons };
    for (_, run) in matched.all().skip(1) {
        reasons.extend(between(first, run));
    }
    reasons.extend(settings(matched));
    if reasons.is_empty() {
        reasons.extend(of_statements(matched, policy));
        let is_judged = |pair: &Pair<'_>| pair.any().is_some_and(|shape| policy.is_judged(&shape.text));
        reasons.extend((!matched.pairs.iter().any(is_judged)).then_some(Reason::NothingJudged));
    }
    reasons
}

/// Runs that are an earlier one once more.
fn again(matched: &Matched<'_>) -> Vec<Reason> {
    let runs: Vec<&Run> = matched.all().map(|(_, run)| run).collect();
    let earlier = |(at, run): (usize, &&Run)| {
        let same = runs.iter().take(at).find(|earlier| run.is_again(earlier))?;
        Some(Reason::Again { run: same.path.clone(), other: run.path.clone() })
    };
    runs.iter().enumerate().filter_map(earlier).collect()
}

fn of_run(run: &Run) -> Vec<Reason> {
    let path = || run.path.clone();
    let surroundings = &run.surroundings;
    let broken = surroundings.broken.iter().map(|error| Reason::Broken { run: path(), error: error.clone() });
    let mut reasons: Vec<Reason> = broken.collect();
    let [records, skipped] = run.records;
    if skipped as f64 > records as f64 * MOST_SKIPPED {
        reasons.push(Reason::NotUnderstood { run: path(), skipped, records });
    }
    let several = surroundings.several.iter().filter(|name| matters(name));
    reasons.extend(several.map(|name| Reason::Changed { run: path(), name: name.clone() }));
    if surroundings.is_life {
        reasons.push(Reason::Life { run: path() });
    } else if run.calls() == 0 && surroundings.broken.is_empty() {
        reasons.push(Reason::Empty { run: path() });
    }
    if surroundings.has_counters && surroundings.without_base > 0 {
        reasons.push(Reason::WithoutBase { run: path(), entries: surroundings.without_base });
    }
    match surroundings.dealloc.filter(|&rounds| rounds > 0) {
        _ if !surroundings.has_counters => {}
        Some(rounds) if !surroundings.is_reset => reasons.push(Reason::Dealloc { run: path(), rounds }),
        _ if surroundings.is_reset || surroundings.lost > 0 => reasons.push(Reason::Reset { run: path(), entries: surroundings.lost }),
        _ => {}
    }
    reasons
}

fn between(run: &Run, other: &Run) -> Vec<Reason> {
    let (a, b) = (&run.surroundings, &other.surroundings);
    let paths = || (run.path.clone(), other.path.clone());
    let mut reasons = Vec::new();
    if a.engine.is_some() && b.engine.is_some() && a.engine != b.engine {
        reasons.push(Reason::Engine { run: paths().0, other: paths().1 });
    }
    if let (Some(x), Some(y)) = (a.major, b.major)
        && x != y
    {
        reasons.push(Reason::Major { run: (paths().0, x), other: (paths().1, y) });
    }
    let (is, of) = (kind(run), kind(other));
    if is != of {
        reasons.push(Reason::Kinds { run: paths().0, is, other: paths().1, of });
    }
    let folded = |run: &Run| Rules { by: None, objectives: Vec::new(), ..run.rules.clone() };
    if let Some(why) = folded(run).unlike(&folded(other)) {
        reasons.push(Reason::Folded { run: paths().0, other: paths().1, why });
    }
    reasons.extend(changed(run, other).or_else(|| changed(other, run)));
    if a.is_sampled != b.is_sampled {
        let (run, other) = if a.is_sampled { paths() } else { (paths().1, paths().0) };
        reasons.push(Reason::Sampled { run, other });
    }
    if a.has_log && b.has_log && is_far(a.threshold, b.threshold) {
        reasons.push(Reason::Threshold { run: (paths().0, a.threshold), other: (paths().1, b.threshold) });
    }
    reasons
}

/// Settings of which two runs tell two values: each run is held against the first that tells the setting, which need not be the
/// first of all.
fn settings(matched: &Matched<'_>) -> Vec<Reason> {
    let mut first: BTreeMap<&str, (&Run, &str)> = BTreeMap::new();
    let mut reasons = Vec::new();
    for (_, other) in matched.all() {
        for (name, theirs) in other.surroundings.settings.iter().filter(|(name, _)| matters(name)) {
            let (run, value) = *first.entry(name).or_insert((other, theirs));
            if value != theirs {
                let (run, other) = ((run.path.clone(), value.to_owned()), (other.path.clone(), theirs.clone()));
                reasons.push(Reason::Setting { name: name.clone(), run, other });
            }
        }
    }
    reasons
}

/// A setting that was changed during the one run and not to the same during the other.
fn changed(run: &Run, other: &Run) -> Option<Reason> {
    let theirs = &other.surroundings.changed;
    let (name, _) = run.surroundings.changed.iter().find(|(name, value)| matters(name) && theirs.get(*name) != Some(value))?;
    Some(Reason::Changed { run: run.path.clone(), name: name.clone() })
}

fn kind(run: &Run) -> &'static str {
    match (run.surroundings.has_log, run.surroundings.has_counters || run.surroundings.is_life) {
        (true, true) => "a log and counters",
        (false, true) => "counters",
        _ => "a log",
    }
}

fn is_far(a: Option<Micros>, b: Option<Micros>) -> bool {
    let [a, b] = [a, b].map(|threshold| threshold.map_or(1_000.0, |threshold| (threshold.0 as f64).max(1_000.0)));
    a.max(b) > a.min(b) * THRESHOLDS
}

/// Whether enough of what a side does is done by the other too. Loops that only one side has are set apart: they are judged by a
/// rule of their own, and are the very change that a comparison is to show. So are statements that took the place of others and are
/// called more often, which is all that counters tell of a loop.
fn of_statements(matched: &Matched<'_>, policy: &Policy) -> Option<Reason> {
    if !matched.pairs.iter().any(|pair| pair.is_on_both()) {
        return Some(Reason::NothingMatches);
    }
    let replacing = counters::loops(matched, policy);
    [Side::Baseline, Side::Candidate].into_iter().find_map(|side| {
        let loops: BTreeSet<Fingerprint> = matched
            .runs(side)
            .iter()
            .flat_map(|run| run.found.iter().filter(|found| is_loop(found.rule)).filter_map(|found| found.statement))
            .chain(replacing.iter().copied())
            .collect();
        let mut calls: BTreeMap<bool, u64> = BTreeMap::new();
        for pair in &matched.pairs {
            let is_on_both = pair.is_on_both();
            if is_on_both || !loops.contains(&pair.statement) {
                *calls.entry(is_on_both).or_default() += pair.calls(side).sum::<u64>();
            }
        }
        let (both, alone) = (calls.get(&true).copied().unwrap_or(0), calls.get(&false).copied().unwrap_or(0));
        let share = both as f64 / (both + alone).max(1) as f64;
        (share < LEAST_MATCHED).then_some(Reason::Different { side, share })
    })
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoRuns(side) => write!(f, "there is no {0} run; name some with --{0}", side.name()),
            Reason::Empty { run } => write!(f, "{run}: there are no calls in it; see whether the suite ran and its statements were logged"),
            Reason::Broken { run, error } if error.contains(run.as_str()) => f.write_str(error),
            Reason::Broken { run, error } => write!(f, "{run}: {error}"),
            Reason::Life { run } => {
                write!(f, "{run}: one snapshot is no run; take one before and one after it, and name both: before.snap,after.snap")
            }
            Reason::Kinds { run, is, other, of } => write!(f, "{run} is {is}, and {other} is {of}; take all runs in the same way"),
            Reason::Engine { run, other } => write!(f, "{run} and {other} are of two kinds of database"),
            Reason::Major { run, other } => write!(
                f,
                "{} is of PostgreSQL {}, and {} of {}; plans and counters differ between major versions, so take all runs on one",
                run.0, run.1, other.0, other.1
            ),
            Reason::Setting { name, run, other } => {
                write!(f, "{name} is {} in {}, and {} in {}; run both sides with the same settings", run.1, run.0, other.1, other.0)
            }
            Reason::Changed { run, name } => write!(f, "{run}: {name} was changed while it was going on; settle settings before a run"),
            Reason::Folded { run, other, why } => {
                write!(f, "{run} and {other} were not read alike: {why}; save both with the same options")
            }
            Reason::Threshold { run, other } => write!(
                f,
                "{} has {}, and {} has {}; set log_min_duration_statement = 0 for all runs",
                run.0,
                from(run.1),
                other.0,
                from(other.1)
            ),
            Reason::Sampled { run, other } => {
                write!(f, "{run} has a sample of calls, and {other} has all; set log_statement_sample_rate = 1")
            }
            Reason::Dealloc { run, rounds } => write!(
                f,
                "{run}: the server dropped counters {rounds} times to make room while it was going on; raise pg_stat_statements.max"
            ),
            Reason::WithoutBase { run, entries } => write!(
                f,
                "{run}: {entries} counters are older than its first snapshot and missing in it; export all rows both times, as one role"
            ),
            Reason::Again { run, other } if run == other => write!(f, "{run} is named twice; a run counts once, so take another"),
            Reason::Again { run, other } => write!(f, "{run} and {other} are one run; a run counts once, so take another"),
            Reason::Reset { run, entries: 0 } => {
                write!(f, "{run}: counters were reset while it was going on; nothing may reset pg_stat_statements during a run")
            }
            Reason::Reset { run, entries } => {
                write!(
                    f,
                    "{run}: {entries} counters began anew or were dropped while it was going on; nothing may reset pg_stat_statements during a run"
                )
            }
            Reason::NotUnderstood { run, skipped, records } => write!(
                f,
                "{run}: {} of {} records were not understood, more than one in a thousand; laggard report -v says which",
                grouped(*skipped),
                grouped(*records)
            ),
            Reason::NothingMatches => f.write_str("no statement is on both sides; are these runs of the same program?"),
            Reason::NothingJudged => f.write_str("no statement matches the filter, so that nothing would be judged; mend --filter"),
            Reason::Different { side, share } => write!(
                f,
                "only {:.0} % of the calls of the {} are of statements that the other side has too, and 90 % are needed; do both sides run the same suite?",
                (share * 100.0).floor(),
                side.name()
            ),
        }
    }
}

fn from(threshold: Option<Micros>) -> String {
    threshold.map_or_else(|| "calls of any duration".to_owned(), |least| format!("calls from about {least} on"))
}

/// What could not be judged because of how the runs were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caveat {
    /// Only a sample of calls is known, so nothing is said of how many there are.
    Sampled,
    /// Only slow calls are known, likewise.
    Threshold(Micros),
    /// Logs alone tell no rows, blocks or write-ahead log of a call.
    NoCounters,
    /// Counters tell no percentiles.
    NoPercentiles,
    /// The server does not tell whether it dropped counters to make room.
    NoDealloc,
}

impl Caveat {
    /// Whether calls cannot be counted.
    #[must_use]
    pub fn hides_calls(self) -> bool {
        matches!(self, Caveat::Sampled | Caveat::Threshold(_))
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caveat::Sampled => f.write_str("only a sample of calls was logged, so nothing is said of their number"),
            Caveat::Threshold(least) => {
                write!(f, "only calls from about {least} on were logged, so nothing is said of their number, and little of their latency")
            }
            Caveat::NoCounters => {
                f.write_str("logs tell no blocks, rows or write-ahead log of a call; snapshots before and after each run would")
            }
            Caveat::NoDealloc => {
                f.write_str("the snapshots do not tell whether the server dropped counters to make room, so that calls may be missing")
            }
            Caveat::NoPercentiles => f.write_str("counters tell no percentiles, so latency is compared by means, which takes more runs"),
        }
    }
}

pub(super) fn caveats(matched: &Matched<'_>) -> Vec<Caveat> {
    let runs: Vec<&Run> = matched.all().map(|(_, run)| run).collect();
    let has_counters = runs.iter().all(|run| run.surroundings.has_counters);
    let mut caveats = Vec::new();
    if runs.iter().any(|run| run.surroundings.is_sampled) && !has_counters {
        caveats.push(Caveat::Sampled);
    }
    if let Some(least) = runs.iter().filter_map(|run| run.surroundings.threshold).max()
        && !has_counters
    {
        caveats.push(Caveat::Threshold(least));
    }
    if !has_counters {
        caveats.push(Caveat::NoCounters);
    } else if !runs.iter().all(|run| run.surroundings.has_log) {
        caveats.push(Caveat::NoPercentiles);
    }
    if runs.iter().any(|run| run.surroundings.has_counters && run.surroundings.dealloc.is_none()) {
        caveats.push(Caveat::NoDealloc);
    }
    caveats
}
