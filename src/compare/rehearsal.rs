//! A gate tried on runs of which all are well: what it says against them is false, and what their noise would hide is told.

use crate::sql::fingerprint::Fingerprint;

use super::calibrate::{self, Alarms, Heard, Options, Sights};
use super::comparable::{self, Reason};
use super::facts::Run;
use super::latency::{Family, Untested};
use super::matched::Matched;
use super::{Comparison, Judgement, Metric, Outcome, Policy, compare, times};

/// See the module.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Why the runs cannot be compared with each other; empty if they can.
    pub reasons: Vec<Reason>,
    /// Whether medians and 95th percentiles were compared, rather than means.
    pub has_medians: bool,
    /// How often the gate failed.
    pub alarms: Alarms,
    /// What could be seen, by family, and the statements with the most time first.
    pub families: Vec<calibrate::FamilyNoise>,
    /// See `families`.
    pub statements: Vec<Seen>,
    /// What could not be tested: how many statements for which reason.
    pub untested: Vec<(Metric, &'static str, u64)>,
}

/// What could be seen of one statement.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which.
    pub statement: Fingerprint,
    /// Its text.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// Its part of the time of all runs.
    pub share: f64,
    /// What could be seen.
    pub sight: calibrate::Sight,
}

/// Tries a gate on runs that are all well. Their order is another one afterwards.
#[must_use]
pub fn rehearse(runs: &mut [Run], policy: &Policy, options: &Options) -> Rehearsal {
    let per_side = calibrate::per_side(runs.len(), options);
    let (first, others) = runs.split_at(runs.len().min(1));
    let matched = Matched::of(first, others);
    let reasons = comparable::reasons(&matched, policy);
    let has_medians = times::has_medians(&matched);
    let sights = calibrate::sights(&times::runs(&matched, has_medians, policy), per_side, &policy.latency);
    let statements = statements(&sights, &matched);
    let untested = untested(&sights.untested, &matched, has_medians);
    let alarms = alarms(runs, policy, &Options { max_splits: if reasons.is_empty() { options.max_splits } else { 0 }, ..*options });
    Rehearsal { reasons, has_medians, alarms, families: sights.families, statements, untested }
}

fn statements(sights: &Sights, matched: &Matched<'_>) -> Vec<Seen> {
    let all: f64 = matched.all().map(|(_, run)| run.total()).sum();
    let seen = |sight: &calibrate::Sight| {
        let pair = matched.pairs.get(sight.statement)?;
        let total: f64 = pair.baseline.iter().chain(&pair.candidate).flatten().map(|shape| shape.total).sum();
        let (statement, text, metric) = (pair.statement, pair.any()?.text.clone(), times::metric(sight.family));
        Some(Seen { statement, text, metric, share: total / all, sight: sight.clone() })
    };
    let mut seen: Vec<Seen> = sights.statements.iter().filter_map(seen).collect();
    seen.sort_by(|a, b| a.metric.cmp(&b.metric).then_with(|| b.share.total_cmp(&a.share)).then_with(|| a.statement.cmp(&b.statement)));
    seen
}

fn untested(untested: &[Untested], matched: &Matched<'_>, has_medians: bool) -> Vec<(Metric, &'static str, u64)> {
    let mut counts: Vec<(Metric, &'static str, u64)> = Vec::new();
    for one in untested.iter().filter(|one| (has_medians || one.family != Family::Tail) && one.statement < matched.pairs.len()) {
        let Some(reason) = times::reason(one.why) else { continue };
        match counts.iter_mut().find(|(metric, known, _)| (*metric, *known) == (times::metric(one.family), reason)) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((times::metric(one.family), reason, 1)),
        }
    }
    counts
}

/// Compares the runs as the gate would, dealt in many ways.
fn alarms(runs: &mut [Run], policy: &Policy, options: &Options) -> Alarms {
    let mut places: Vec<usize> = (0..runs.len()).collect();
    calibrate::alarms(runs.len(), options, &mut |baseline, candidate| {
        for (at, wanted) in baseline.iter().chain(candidate).enumerate() {
            if let Some(from) = places.iter().position(|place| place == wanted) {
                places.swap(at, from);
                runs.swap(at, from);
            }
        }
        let (baseline, others) = runs.split_at(baseline.len());
        heard(&compare(baseline, &others[..candidate.len()], policy), policy)
    })
}

/// What of a comparison fails.
fn heard(comparison: &Comparison, policy: &Policy) -> Heard {
    let of_latency = |metric: Metric| metric.is_time();
    let failing = || comparison.changes.iter().filter(|change| change.is_at_least(policy.fail_on));
    let latency = failing().any(|change| of_latency(change.metric));
    let is_failed = matches!(comparison.outcome, Outcome::Fail | Outcome::NotComparable);
    let others =
        comparison.outcome == Outcome::NotComparable || failing().any(|change| !of_latency(change.metric)) || is_failed && !latency;
    let tests = || comparison.changes.iter().filter(|change| of_latency(change.metric));
    let silent = tests().filter(|change| change.verdict == Judgement::Inconclusive).count();
    Heard { latency: latency && is_failed, others: others && is_failed, inconclusive: silent as f64 / tests().count().max(1) as f64 }
}
