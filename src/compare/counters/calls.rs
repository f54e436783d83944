//! Calls of a statement for the same work: a loop that was introduced, or that grew.
//!
//! The unit of work is the whole run: if one side did more of it than the other, most of its statements were called more often
//! by one factor, their median, and that is taken out. Where the log tells requests and transactions, the calls in each of these
//! must have grown as well: a page that was asked for more often is no loop. Where it does not, runs that were not mere replays
//! draw their calls by chance, and then a difference must stand out from that: by three times the square root of the calls of
//! both sides, the standard deviation of a difference of two Poisson counts.

use super::super::matched::{Matched, Pair, Values};
use super::super::policy::{Limit, Policy};
use super::super::{Change, Evidence, Metric, Side};
use super::rule::{Counter, number};

/// With fewer statements on both sides their median says nothing of the traffic.
const FEWEST: usize = 5;
/// Runs are replays if this share of the statements has the same calls in all of them.
const REPLAYED: f64 = 0.9;
/// So many standard deviations from chance.
const DEVIATIONS: f64 = 3.0;

pub(super) fn changes(matched: &Matched<'_>, policy: &Policy) -> Vec<Change> {
    let counter = Counter { rule: "calls-per-unit", metric: Metric::Calls, unit: "calls in a run", limit: policy.limit("calls-per-unit") };
    let traffic = Traffic::of(matched);
    matched.pairs.iter().filter(|pair| pair.is_on_both()).filter_map(|pair| change(pair, &counter, &traffic)).collect()
}

fn change(pair: &Pair<'_>, counter: &Counter, traffic: &Traffic) -> Option<Change> {
    let side = |side: Side, factors: &[f64]| pair.calls(side).zip(factors).map(|(calls, factor)| calls as f64 / factor).collect();
    let values = Values { baseline: side(Side::Baseline, &traffic.baseline), candidate: side(Side::Candidate, &traffic.candidate) };
    let [from, to] = [mean(&values.baseline), mean(&values.candidate)];
    let mut change = counter.change(pair, &values, [from, to])?;
    match per_unit(pair) {
        Some(units) => {
            // How many calls more they are is asked of the whole run.
            let share = Counter { limit: Limit { absolute: 0.0, ..counter.limit }, ..*counter };
            share.judged(&units).filter(|verdict| *verdict == change.verdict)?;
            let text = format!("calls in a request or transaction: {} → {}", number(mean(&units.baseline)), number(mean(&units.candidate)));
            change.evidence.push(Evidence { kind: "unit", text });
        }
        None if !traffic.is_replayed && (to - from).abs() < DEVIATIONS * (to + from).sqrt() => return None,
        None => {}
    }
    let factor = mean(&traffic.candidate);
    if (factor - 1.0).abs() > 0.005 {
        let text = format!("the candidate did {} times the work of the baseline, which is taken out", number(factor));
        change.evidence.push(Evidence { kind: "traffic", text });
    }
    Some(change)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Calls in a unit of those that have any, if every run that has the statement tells its units.
fn per_unit(pair: &Pair<'_>) -> Option<Values> {
    let units = pair.values(|shape| Some(shape.calls as f64 / shape.units? as f64));
    (units.baseline.len() == pair.runs()[0] && units.candidate.len() == pair.runs()[1]).then_some(units)
}

/// How much work each run did, in terms of the baseline's mean.
struct Traffic {
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    is_replayed: bool,
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
        Traffic { baseline: factors(Side::Baseline), candidate: factors(Side::Candidate), is_replayed }
    }
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
