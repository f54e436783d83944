//! Whether a statement keeps a limit that was set for it: `p95 < 200 ms`.
//!
//! A limit is violated if the statistic is shown to lie above it, met if it is shown to lie below, and otherwise nothing is
//! said. What shows it depends on what is known: the single calls of a run (ranks, [`quantile_bound`](super::stats::quantile_bound)),
//! only their sums (bounds that hold for every distribution, [`Limits`]), or several runs (t over their logarithms, which
//! alone knows how much runs differ).

use crate::workload::moments::Limits;

use super::stats::centre::{mean, squares};
use super::stats::quantile_bound::{least_values, lower_rank, upper_rank};
use super::stats::student::Student;

/// How often a bound on one side may be wrong.
const ERROR: f64 = 0.05;

/// So many runs have a variance worth the name.
const MIN_RUNS: usize = 3;

/// What is said of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Shown to be above the limit.
    Violated,
    /// Shown to be below.
    Met,
    /// Neither.
    Inconclusive,
}

/// What the bounds rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Ranks of the calls of a run: 95 % confidence for each bound.
    Ranks,
    /// Sums and extremes of the calls of a run: certain for the calls that were made.
    Moments,
    /// The runs: 95 % confidence for each bound.
    Runs,
    /// Mean and deviation of the calls of a run, taken to be normal: 95 % confidence for each bound, of that run only.
    Calls,
}

/// A budget and how it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub standing: Standing,
    /// What the statistic is not below and not above; zero or infinite if there is no such bound. In the unit of the limit.
    pub bounds: Limits,
    /// What that rests on.
    pub basis: Basis,
    /// How many calls a run needs for both bounds, if it has fewer.
    pub needed: Option<u64>,
}

fn judged(bounds: Limits, limit: f64, basis: Basis) -> Judged {
    let standing = match () {
        () if bounds.low > limit => Standing::Violated,
        () if bounds.high < limit => Standing::Met,
        () => Standing::Inconclusive,
    };
    Judged { standing, bounds, basis, needed: None }
}

/// A quantile of which the single values are known: `at_rank` gives between which limits the value of a rank lies, from 1, the
/// smallest, to `calls`.
#[must_use]
pub fn by_ranks(quantile: f64, calls: u64, at_rank: &dyn Fn(u64) -> Option<Limits>, limit: f64) -> Judged {
    let low = lower_rank(calls, quantile, ERROR).and_then(at_rank).map_or(0.0, |limits| limits.low);
    let high = upper_rank(calls, quantile, ERROR).and_then(at_rank).map_or(f64::INFINITY, |limits| limits.high);
    let needed = least_values(quantile, ERROR).filter(|&needed| calls < needed);
    Judged { needed, ..judged(Limits { low, high }, limit, Basis::Ranks) }
}

/// A statistic that is known to lie between limits, such as those of [`Moments::at_rank`](crate::workload::moments::Moments::at_rank).
#[must_use]
pub fn by_moments(bounds: Limits, limit: f64) -> Judged {
    judged(bounds, limit, Basis::Moments)
}

/// The mean of the calls of one run, of which mean and standard deviation are known.
#[must_use]
pub fn by_calls(calls: u64, mean: f64, deviation: f64, limit: f64) -> Judged {
    let bounds = match calls {
        0 | 1 => Limits { low: 0.0, high: f64::INFINITY },
        // s is of the population, hence n − 1 and not n below it.
        n => {
            let freedom = (n - 1) as f64;
            let error = Student { freedom }.upper_quantile(ERROR) * deviation / freedom.sqrt();
            Limits { low: (mean - error).max(0.0), high: mean + error }
        }
    };
    judged(bounds, limit, Basis::Calls)
}

/// A statistic of which several runs have a value each: the geometric mean of all runs there could be, by t over the
/// logarithms. `None` of fewer than three runs, or if a value has no logarithm.
#[must_use]
pub fn by_runs(values: &[f64], limit: f64) -> Option<Judged> {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    if logs.len() < MIN_RUNS || logs.iter().any(|log| !log.is_finite()) {
        return None;
    }
    let (count, freedom) = (logs.len() as f64, (logs.len() - 1) as f64);
    let error = Student { freedom }.upper_quantile(ERROR) * (squares(&logs) / freedom / count).sqrt();
    let middle = mean(&logs);
    Some(judged(Limits { low: (middle - error).exp(), high: (middle + error).exp() }, limit, Basis::Runs))
}
