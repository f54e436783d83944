//! A against B: what changed between runs of one workload, and how surely.
//!
//! A [`Run`] is what one reading came to, reduced to facts of its statements. Runs are compared in this order: whether they can
//! be compared at all ([`comparable`]), what was counted, and only then what took time ([`latency`]). The unit of replication
//! is the run, never the call. What a change is worth is decided by a [`Policy`], and a [`Comparison`] holds all of it.

use std::collections::BTreeMap;

use crate::sql::fingerprint::Fingerprint;

pub mod budget;
pub mod calibrate;
pub mod comparable;
mod counters;
pub mod facts;
mod judge;
pub mod latency;
mod matched;
mod news;
pub mod objectives;
pub mod origin;
pub mod policy;
mod prices;
pub mod rehearsal;
pub mod stats;
mod times;
mod turns;

pub use comparable::{Caveat, Reason};
pub use facts::{Found, Run};
pub use policy::Policy;

use matched::Matched;
use origin::Origin;
use policy::{Doubt, Level, Waiver};

/// Which runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Those that are known to be well.
    Baseline,
    /// Those that are judged.
    Candidate,
}

impl Side {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["baseline", "candidate"][self as usize]
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// The middle of the latency: the median of a log, the mean of counters.
    Latency,
    /// Its 95th percentile.
    LatencyTail,
    /// Calls in a unit of work.
    Calls,
    /// Rows of a call.
    Rows,
    /// Blocks of a call, found in the cache or read.
    Buffers,
    /// Temporary blocks of a call.
    Temp,
    /// Records of write-ahead log of a call.
    Wal,
    /// How tables are read.
    Plan,
    /// Failures.
    Errors,
    /// Whether there is such a statement.
    Presence,
}

impl Metric {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Metric::Latency => "latency",
            Metric::LatencyTail => "latency_tail",
            Metric::Calls => "calls",
            Metric::Rows => "rows",
            Metric::Buffers => "buffers",
            Metric::Temp => "temp",
            Metric::Wal => "wal",
            Metric::Plan => "plan",
            Metric::Errors => "errors",
            Metric::Presence => "presence",
        }
    }

    /// Whether its values are microseconds.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Metric::Latency | Metric::LatencyTail)
    }
}

/// What became of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// Worse, and surely so.
    Regressed,
    /// Not there before.
    New,
    /// There no more.
    Gone,
    /// Nobody can tell from these runs.
    Inconclusive,
    /// Better, and surely so.
    Improved,
    /// Proved to be within tolerance.
    Ok,
}

impl Judgement {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Judgement::Regressed => "regressed",
            Judgement::New => "new",
            Judgement::Gone => "gone",
            Judgement::Inconclusive => "inconclusive",
            Judgement::Improved => "improved",
            Judgement::Ok => "ok",
        }
    }

    /// Whether it speaks against the candidate at the level of its rule.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Judgement::Regressed | Judgement::New | Judgement::Gone)
    }
}

/// A reason to believe a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What kind of reason, such as `counter`.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// One change of one metric of one statement, or of the whole run.
#[derive(Clone, Debug)]
pub struct Change {
    /// The id of the rule that found it.
    pub rule: &'static str,
    /// What is measured.
    pub metric: Metric,
    /// What it means for the verdict.
    pub level: Level,
    /// The statement; `None` if it is about the run.
    pub statement: Option<Fingerprint>,
    /// What tells it from others of its rule and statement, such as the name and the statistic of a budget.
    pub subject: Option<String>,
    /// What changed, in words.
    pub title: String,
    /// The value in the baseline runs: microseconds of times, else a plain number.
    pub baseline: Option<f64>,
    /// That in the candidate runs.
    pub candidate: Option<f64>,
    /// Candidate over baseline, with the run-wide shift taken out where there is one.
    pub ratio: Option<f64>,
    /// Between which the ratio lies with 95 % confidence.
    pub interval: Option<(f64, f64)>,
    /// The probability of such a difference if there were none.
    pub p: Option<f64>,
    /// The same, adjusted for all tests.
    pub q: Option<f64>,
    /// The smallest ratio that would have been seen four times out of five.
    pub detectable: Option<f64>,
    /// Calls on either side.
    pub calls: [u64; 2],
    /// Runs on either side that have the statement.
    pub runs: [usize; 2],
    /// What became of it.
    pub verdict: Judgement,
    /// Why it is believed.
    pub evidence: Vec<Evidence>,
    /// What says that it is to be lived with.
    pub suppressed: Option<Waiver>,
}

impl Change {
    /// Whether it speaks against the candidate at this level or above.
    #[must_use]
    pub fn is_at_least(&self, level: Level) -> bool {
        self.verdict.counts() && self.suppressed.is_none() && self.level >= level && self.level > Level::Off
    }

    /// Whether it makes the comparison fail: by what was found, or by doubt where a policy lives with none. That the whole run is
    /// slower is the machine's doing unless a policy says otherwise, so that as a warning it fails nothing, not even where
    /// warnings do.
    #[must_use]
    pub fn fails(&self, policy: &Policy) -> bool {
        if self.rule == times::GLOBAL && self.level < Level::Error {
            return false;
        }
        let is_open = self.verdict == Judgement::Inconclusive && self.suppressed.is_none();
        let is_doubtful = policy.on_inconclusive == Doubt::Fails && is_open && self.level >= policy.fail_on;
        policy.fail_on > Level::Off && (self.is_at_least(policy.fail_on) || is_doubtful)
    }
}

/// A statement that no test of latency could judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untested {
    /// Which.
    pub statement: Fingerprint,
    /// What was to be tested.
    pub metric: Metric,
    /// Why.
    pub reason: &'static str,
}

/// How many tests were made, and how strict they were.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tests {
    /// How many.
    pub count: usize,
    /// The rate of false discoveries that is allowed.
    pub rate: f64,
    /// The effect that does not matter, as a share of the baseline.
    pub margin: f64,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing speaks against the candidate.
    Pass,
    /// Something is worth a look.
    Warn,
    /// Something is surely worse.
    Fail,
    /// The runs cannot be compared.
    NotComparable,
}

impl Outcome {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
            Outcome::NotComparable => "not-comparable",
        }
    }
}

/// What was found by comparing runs.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What it comes to.
    pub outcome: Outcome,
    /// Why the runs cannot be compared; empty if they can.
    pub reasons: Vec<Reason>,
    /// What could not be judged because of how the runs were taken.
    pub caveats: Vec<Caveat>,
    /// By how much the whole candidate is slower, where that can be told.
    pub shift: Option<f64>,
    /// What was tested.
    pub tests: Tests,
    /// What changed, worst first.
    pub changes: Vec<Change>,
    /// What could not be judged.
    pub untested: Vec<Untested>,
    /// What else the reader should know.
    pub notes: Vec<String>,
    /// Waivers that matched nothing.
    pub unused: Vec<Waiver>,
    /// The texts of the statements.
    pub texts: BTreeMap<Fingerprint, String>,
    /// Where in the program they come from, of those that tell.
    pub origins: BTreeMap<Fingerprint, Origin>,
}

impl Comparison {
    /// Keeps what is said of statements that are to be judged, and of whole runs.
    fn keep(&mut self, policy: &Policy) {
        let is_judged = |statement: &Fingerprint| self.texts.get(statement).is_some_and(|text| policy.is_judged(text));
        self.changes.retain(|change| change.statement.as_ref().is_none_or(is_judged));
        self.untested.retain(|untested| is_judged(&untested.statement));
    }
}

/// Compares runs, the baseline's with the candidate's.
#[must_use]
pub fn compare(baseline: &[Run], candidate: &[Run], policy: &Policy) -> Comparison {
    let matched = Matched::of(baseline, candidate);
    let reasons = comparable::reasons(&matched, policy);
    let tests = Tests { count: 0, rate: policy.latency.fdr, margin: policy.latency.min_effect };
    let mut comparison = Comparison {
        outcome: Outcome::NotComparable,
        reasons,
        caveats: Vec::new(),
        shift: None,
        tests,
        changes: Vec::new(),
        untested: Vec::new(),
        notes: Vec::new(),
        unused: Vec::new(),
        texts: matched.texts(),
        origins: matched.origins(),
    };
    if !comparison.reasons.is_empty() {
        return comparison;
    }
    comparison.caveats = comparable::caveats(&matched);
    comparison.changes = counters::changes(&matched, policy);
    times::judge(&mut comparison, &matched, policy);
    prices::pay(&mut comparison.changes, &matched, policy);
    comparison.changes.extend(news::changes(&matched, policy, &comparison.changes));
    let limits = objectives::changes(&matched, policy);
    comparison.notes.extend(limits.iter().filter(|limit| limit.statement.is_none()).map(|limit| limit.title.clone()));
    comparison.changes.extend(limits);
    comparison.keep(policy);
    judge::settle(&mut comparison, &matched, policy);
    comparison
}

#[cfg(test)]
mod tests;
