//! Calls of a statement for the same work: a loop that was introduced, or that grew.
//!
//! The unit of work is the whole run: if one side did more of it than the other, most of its statements were called more often
//! by one factor, their median, and that is taken out. Where the log tells requests and transactions, the calls in each of these
//! must have grown as well: a page that was asked for more often is no loop. Runs that are not mere replays draw their calls by
//! chance, and then a difference must stand out from that: by three times the square root of φ and the calls of both sides, where
//! the calls themselves are the variance of a difference of two Poisson counts, and φ is by how much the statements' differences
//! are more uneven than that (McCullagh and Nelder, "Generalized Linear Models", 9.2), by their median, which loops do not move.

use crate::sql::fingerprint::Fingerprint;

use super::super::matched::{Matched, Pair, Values};
use super::super::policy::{Limit, Policy};
use super::super::stats::centre::median;
use super::super::{Change, Evidence, Metric, Side};
use super::chance::Trial;
use super::replaced;
use super::rule::{Counter, number};

/// With fewer statements on both sides their median says nothing of the traffic.
const FEWEST: usize = 5;
/// Runs are replays if this share of the statements has the same calls in all of them.
const REPLAYED: f64 = 0.9;
/// So many standard deviations from chance.
const DEVIATIONS: f64 = 3.0;
/// The median of a χ² distribution with one degree of freedom.
const CHI_SQUARED: f64 = 0.454_936_423_119_572_8;

pub(super) fn trials(matched: &Matched<'_>, policy: &Policy) -> Vec<Trial> {
    let counter = counter(policy);
    let traffic = Traffic::of(matched);
    let of_both = matched.pairs.iter().filter(|pair| pair.is_on_both()).map(|pair| trial(pair, &counter, &traffic));
    of_both.chain(replaced::trials(matched, &counter, &traffic)).collect()
}

/// New statements that took the place of others and are called more often, as counters tell of a loop.
pub(super) fn loops(matched: &Matched<'_>, policy: &Policy) -> Vec<Fingerprint> {
    replaced::statements(matched, &counter(policy), &Traffic::of(matched))
}

fn counter(policy: &Policy) -> Counter {
    Counter { rule: "calls-per-unit", metric: Metric::Calls, unit: "calls in a run", limit: policy.limit("calls-per-unit") }
}

fn trial(pair: &Pair<'_>, counter: &Counter, traffic: &Traffic) -> Trial {
    let side = |side: Side, factors: &[f64]| pair.calls(side).zip(factors).map(|(calls, factor)| calls as f64 / factor).collect();
    let values = Values { baseline: side(Side::Baseline, &traffic.baseline), candidate: side(Side::Candidate, &traffic.candidate) };
    let [from, to] = [mean(&values.baseline), mean(&values.candidate)];
    let trial = counter.trial(pair, values, [from, to]);
    let change = trial.change.filter(|_| traffic.is_beyond_chance(from, to)).and_then(|change| borne_out(change, pair, counter, traffic));
    Trial { change, ..trial }
}

/// A change of calls that units of work do not speak against.
fn borne_out(mut change: Change, pair: &Pair<'_>, counter: &Counter, traffic: &Traffic) -> Option<Change> {
    if let Some(units) = per_unit(pair) {
        // How many calls more they are is asked of the whole run.
        let share = Counter { limit: Limit { absolute: 0.0, ..counter.limit }, ..*counter };
        if share.judged(&units) != Some(change.verdict) {
            return None;
        }
        let text = format!("calls in a request or transaction: {} → {}", number(mean(&units.baseline)), number(mean(&units.candidate)));
        change.evidence.push(Evidence { kind: "unit", text });
    }
    let factor = mean(&traffic.candidate);
    if (factor - 1.0).abs() > 0.005 {
        let text = format!("the candidate did {} times the work of the baseline, which is taken out", number(factor));
        change.evidence.push(Evidence { kind: "traffic", text });
    }
    Some(change)
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Calls in a unit of those that have any, if every run that has the statement tells its units.
fn per_unit(pair: &Pair<'_>) -> Option<Values> {
    let units = pair.values(|shape| Some(shape.calls as f64 / shape.units? as f64));
    (units.baseline.len() == pair.runs()[0] && units.candidate.len() == pair.runs()[1]).then_some(units)
}

/// How much work each run did, in terms of the baseline's mean.
pub(super) struct Traffic {
    pub(super) baseline: Vec<f64>,
    pub(super) candidate: Vec<f64>,
    is_replayed: bool,
    /// φ, at least 1.
    dispersion: f64,
}

impl Traffic {
    fn of(matched: &Matched<'_>) -> Self {
        // Statements of each run, as often as each of them was called.
        let common: Vec<&Pair<'_>> = matched.pairs.iter().filter(|pair| is_everywhere(pair)).collect();
        let same = common.iter().filter(|pair| {
            let mut calls = pair.calls(Side::Baseline).chain(pair.calls(Side::Candidate));
            let first = calls.next();
            calls.all(|calls| Some(calls) == first)
        });
        let is_replayed = same.count() as f64 >= REPLAYED * common.len() as f64;
        let factors = |side: Side| (0..matched.runs(side).len()).map(|at| factor(&common, side, at)).collect();
        let (baseline, candidate): (Vec<f64>, Vec<f64>) = (factors(Side::Baseline), factors(Side::Candidate));
        let dispersion = dispersion(&common, [&baseline, &candidate]);
        Traffic { baseline, candidate, is_replayed, dispersion }
    }
}

impl Traffic {
    /// Whether calls differ by more than they do by chance where the suite does not do the same every time.
    pub(super) fn is_beyond_chance(&self, from: f64, to: f64) -> bool {
        self.is_replayed || (to - from).abs() >= DEVIATIONS * (self.dispersion * (to + from)).sqrt()
    }
}

/// The median over statements of (a − b)²/(a + b), in terms of that of a χ² distribution with one degree of freedom.
fn dispersion(common: &[&Pair<'_>], factors: [&[f64]; 2]) -> f64 {
    let calls = |pair: &Pair<'_>, side: Side| {
        let work: f64 = factors[side as usize].iter().sum();
        pair.calls(side).sum::<u64>() as f64 / work.max(f64::MIN_POSITIVE)
    };
    let uneven = |pair: &&Pair<'_>| {
        let [a, b] = [Side::Baseline, Side::Candidate].map(|side| calls(pair, side));
        (a - b).powi(2) / (a + b).max(1.0)
    };
    median(&common.iter().map(uneven).collect::<Vec<_>>()).map_or(1.0, |middle| (middle / CHI_SQUARED).max(1.0))
}

fn is_everywhere(pair: &Pair<'_>) -> bool {
    pair.any().is_some_and(|shape| shape.works) && [Side::Baseline, Side::Candidate].into_iter().all(|side| pair.calls(side).all(|n| n > 0))
}

/// The median over statements of a run's calls over their mean in the baseline; the lower one of two.
fn factor(common: &[&Pair<'_>], side: Side, at: usize) -> f64 {
    if common.len() < FEWEST {
        return 1.0;
    }
    let ratio = |pair: &&Pair<'_>| {
        let runs = pair.of(Side::Baseline).len() as f64;
        let mean = pair.calls(Side::Baseline).sum::<u64>() as f64 / runs;
        pair.calls(side).nth(at).unwrap_or(0) as f64 / mean
    };
    let mut ratios: Vec<f64> = common.iter().map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[(ratios.len() - 1) / 2]
}
