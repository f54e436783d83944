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
pub(super) const ERROR: f64 = 0.05;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::moments::{Moments, Rounding, Told};

    /// The values 1, 2, 3 …
    fn counting(rank: u64) -> Option<Limits> {
        Some(Limits { low: rank as f64, high: rank as f64 })
    }

    /// By scipy: of 1 000 draws the 95th percentile is not below the 938th smallest and not above the 962nd with 95 % each:
    /// `binom.cdf(937, 1000, .95)` = 0.0384, `binom.cdf(938, …)` = 0.0511; `binom.sf(961, …)` = 0.0433, `binom.sf(960, …)` = 0.0598.
    #[test]
    fn ranks_show_a_quantile_above_or_below_a_limit() {
        let judge = |limit: f64| by_ranks(0.95, 1_000, &counting, limit);
        assert_eq!(judge(950.0).bounds, Limits { low: 938.0, high: 962.0 });
        assert_eq!(
            [937.9, 938.0, 962.0, 962.1].map(|limit| judge(limit).standing),
            [Standing::Violated, Standing::Inconclusive, Standing::Inconclusive, Standing::Met]
        );
        assert_eq!(judge(950.0).needed, None);
    }

    #[test]
    fn too_few_calls_have_no_upper_bound_and_say_how_many_it_takes() {
        let few = by_ranks(0.95, 58, &counting, 1e9);
        assert_eq!((few.standing, few.bounds.high, few.needed), (Standing::Inconclusive, f64::INFINITY, Some(59)));
        // They can violate a limit all the same.
        assert_eq!(by_ranks(0.95, 58, &counting, 1.0).standing, Standing::Violated);
        assert_eq!(by_ranks(0.95, 59, &counting, 59.1).standing, Standing::Met);
        let none = by_ranks(0.5, 0, &|_| None, 1.0);
        assert_eq!((none.standing, none.needed), (Standing::Inconclusive, Some(6)));
    }

    /// By hand: 100 calls of mean 10, deviation 2 and maximum 20. Without the largest 99 have mean 980/99 = 9.899 and squares
    /// 400 − 100·100/99 = 299, deviation 1.738; of these 5 lie at or above rank 95, so Cantelli has 9.899 + 1.738·√(94/5) = 17.434.
    #[test]
    fn sums_show_what_no_distribution_escapes() {
        let told = Told { count: 100, total: 1_000.0, deviation: Some(2.0), min: Some(5.0), max: Some(20.0) };
        let limits = Moments::of(&told, &Rounding::default()).expect("calls").at_rank(95);
        assert!((limits.high - 17.434).abs() < 1e-3, "{limits:?}");
        assert_eq!(by_moments(limits, 18.0).standing, Standing::Met);
        assert_eq!(by_moments(limits, 12.0).standing, Standing::Inconclusive);
        assert_eq!(by_moments(limits, 4.9).standing, Standing::Violated);
    }

    /// By scipy: logarithms of 90, 100 and 120 have mean 4.630824 and s 0.145547; t(0.95; 2) = 2.919986, half-width 0.245370.
    #[test]
    fn runs_know_how_much_runs_differ() {
        let judged = by_runs(&[90.0, 100.0, 120.0], 150.0).expect("three runs");
        let [low, high] = [judged.bounds.low, judged.bounds.high];
        assert!((low - 80.274_611).abs() < 1e-5 && (high - 131.130_674).abs() < 1e-5, "{low} {high}");
        assert_eq!(judged.standing, Standing::Met);
        assert_eq!(by_runs(&[90.0, 100.0, 120.0], 100.0).map(|j| j.standing), Some(Standing::Inconclusive));
        assert_eq!(by_runs(&[90.0, 100.0, 120.0], 80.0).map(|j| j.standing), Some(Standing::Violated));
        assert_eq!((by_runs(&[90.0, 100.0], 1.0), by_runs(&[0.0, 1.0, 2.0], 1.0), by_runs(&[f64::NAN; 4], 1.0)), (None, None, None));
    }

    /// By scipy: t(0.95; 99) = 1.660391; 10 ± 1.660391·2/√99, for s is of the population.
    #[test]
    fn calls_of_one_run_bound_its_mean() {
        let bounds = by_calls(100, 10.0, 2.0, 10.0).bounds;
        assert!((bounds.low - 9.666_25).abs() < 1e-4 && (bounds.high - 10.333_75).abs() < 1e-4, "{bounds:?}");
        assert_eq!(by_calls(1, 10.0, 0.0, 1.0).standing, Standing::Inconclusive);
        assert_eq!(by_calls(100, 10.0, 2.0, 9.0).standing, Standing::Violated);
    }
}
