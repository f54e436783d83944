//! What other tools' gates would say of the same runs, each by its published rule, on one number per run and statement.

use laggard::compare::latency::{Options, Outcome, Runs, Sample, Verdict, compare};
use laggard::compare::stats::centre::{mean, median, squares};
use laggard::compare::stats::discovery::adjusted;
use laggard::compare::stats::random::Random;
use laggard::compare::stats::rank_sum::rank_sum;
use laggard::compare::stats::student::Student;

/// A rule, and how many runs of each side it looks at.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) runs: [usize; 2],
    /// Which statements it flags as slower.
    pub(crate) flags: fn(&Runs) -> Vec<usize>,
}

const fn rule(name: &'static str, runs: [usize; 2], flags: fn(&Runs) -> Vec<usize>) -> Rule {
    Rule { name, runs, flags }
}

/// Those of the design's table.
pub(crate) static ALL: &[Rule] = &[
    rule("+10 %, 1 v 1", [1, 1], |runs| ratio_above(runs, 1.1)),
    rule("+10 % on the mean, 2 v 2", [2, 2], |runs| ratio_above(runs, 1.1)),
    rule("+10 % on the mean, 5 v 5", [5, 5], |runs| ratio_above(runs, 1.1)),
    rule("+50 %, 1 v 1", [1, 1], |runs| ratio_above(runs, 1.5)),
    rule("github-action-benchmark, 200 %", [1, 1], |runs| ratio_above(runs, 2.0)),
    rule("Welch over calls, p < .05, 1 v 1", [1, 1], |runs| below(&welch_of_calls(runs), 0.05)),
    rule("Welch over calls, BH 5 %, 1 v 1", [1, 1], |runs| below(&adjusted(&welch_of_calls(runs)), 0.05)),
    rule("Bencher t .95, 4 v 1", [4, 1], |runs| bencher(runs, 0.05)),
    rule("Bencher t .95, 8 v 1", [8, 1], |runs| bencher(runs, 0.05)),
    rule("Bencher t .99, 8 v 1", [8, 1], |runs| bencher(runs, 0.01)),
    rule("permutation of medians (ClickHouse), 5 v 5", [5, 5], permutation),
    rule("permutation of medians (ClickHouse), 10 v 10", [10, 10], permutation),
    rule("Welch over runs (hyperfine), 2 v 2", [2, 2], welch_of_runs),
    rule("Welch over runs (hyperfine), 10 v 10", [10, 10], welch_of_runs),
    rule("Mann-Whitney over runs (benchstat), 5 v 5", [5, 5], |runs| mann_whitney(runs, 0.05)),
    rule("Mann-Whitney over runs (benchstat), 10 v 10", [10, 10], |runs| mann_whitney(runs, 0.05)),
    rule("min(Mann-Whitney, Kolmogorov-Smirnov) <= .01 (Pinpoint), 10 v 10", [10, 10], |runs| pinpoint(runs, 0.01)),
    rule("laggard, 1 v 1", [1, 1], shipped),
    rule("laggard with q = .05, 1 v 1", [1, 1], lenient),
    rule("laggard, 2 v 2", [2, 2], shipped),
    rule("laggard, 3 v 3", [3, 3], shipped),
    rule("laggard, 5 v 5", [5, 5], shipped),
    rule("laggard, 10 v 10", [10, 10], shipped),
    rule("laggard without floors of time, 3 v 3", [3, 3], alone),
    rule("laggard without floors of time, 5 v 5", [5, 5], alone),
    rule("laggard without floors of time, 10 v 10", [10, 10], alone),
];

/// The statistic of each run of both sides of the statements that all rules look at, by the same floors.
fn series(runs: &Runs) -> Vec<(usize, [Vec<Sample>; 2])> {
    let all =
        |samples: &[Option<Sample>]| samples.iter().copied().collect::<Option<Vec<Sample>>>().filter(|samples| samples.iter().all(is_seen));
    let statement = |(at, statement): (usize, &laggard::compare::latency::Statement)| {
        Some((at, [all(&statement.runs.baseline)?, all(&statement.runs.candidate)?]))
    };
    runs.statements.iter().enumerate().filter_map(statement).collect()
}

fn is_seen(sample: &Sample) -> bool {
    sample.calls >= 30 && sample.total_ms >= 0.05 * sample.calls as f64 && sample.typical.is_some_and(|point| point.ms > 0.0)
}

fn ms(samples: &[Sample]) -> Vec<f64> {
    samples.iter().filter_map(|sample| sample.typical).map(|point| point.ms).collect()
}

fn flagged(runs: &Runs, is_slower: impl Fn(&[f64], &[f64]) -> bool) -> Vec<usize> {
    series(runs).into_iter().filter(|(_, [a, b])| is_slower(&ms(a), &ms(b))).map(|(at, _)| at).collect()
}

fn ratio_above(runs: &Runs, factor: f64) -> Vec<usize> {
    flagged(runs, |a, b| mean(b) > factor * mean(a))
}

/// One-sided p of Welch's test with these means and squared standard errors, for a rule that has a two-sided one and looks which is slower.
fn welch(means: [f64; 2], squared: [f64; 2], sizes: [f64; 2]) -> f64 {
    let all = squared[0] + squared[1];
    let freedom = all * all / (squared[0].powi(2) / (sizes[0] - 1.0) + squared[1].powi(2) / (sizes[1] - 1.0));
    let t = (means[1] - means[0]) / all.sqrt();
    if t > 0.0 { 2.0 * Student { freedom }.upper(t) } else { 1.0 }
}

/// p by statement; 1 for what is not looked at.
fn welch_of_calls(runs: &Runs) -> Vec<f64> {
    let mut p = vec![1.0; runs.statements.len()];
    for (at, [a, b]) in series(runs) {
        let (Some(x), Some(y)) = (a[0].typical, b[0].typical) else { continue };
        p[at] = welch([x.ms, y.ms], [(x.ms * x.error).powi(2), (y.ms * y.error).powi(2)], [a[0].calls as f64, b[0].calls as f64]);
    }
    p
}

fn below(p: &[f64], level: f64) -> Vec<usize> {
    p.iter().enumerate().filter(|(_, p)| **p <= level).map(|(at, _)| at).collect()
}

fn variance(x: &[f64]) -> f64 {
    squares(x) / (x.len() - 1) as f64
}

fn welch_of_runs(runs: &Runs) -> Vec<usize> {
    flagged(runs, |a, b| {
        let sizes = [a.len() as f64, b.len() as f64];
        welch([mean(a), mean(b)], [variance(a) / sizes[0], variance(b) / sizes[1]], sizes) <= 0.05
    })
}

/// The new run lies above the prediction interval of the old ones.
fn bencher(runs: &Runs, error: f64) -> Vec<usize> {
    flagged(runs, |a, b| {
        let n = a.len() as f64;
        b[0] > mean(a) + Student { freedom: n - 1.0 }.upper_quantile(error) * (variance(a) * (1.0 + 1.0 / n)).sqrt()
    })
}

fn mann_whitney(runs: &Runs, level: f64) -> Vec<usize> {
    flagged(runs, |a, b| median(b) > median(a) && rank_sum(a, b).is_some_and(|test| test.p <= level))
}

/// Either of two tests sees a difference, and the candidate is the slower.
fn pinpoint(runs: &Runs, level: f64) -> Vec<usize> {
    flagged(runs, |a, b| {
        let ranks = rank_sum(a, b).map_or(1.0, |test| test.p);
        median(b) > median(a) && ranks.min(kolmogorov_smirnov(a, b)) <= level
    })
}

/// Two-sided p of the largest distance between two distribution functions, exact: of all ways to put the values of both in order,
/// which are paths in a grid, the share of those that somewhere are so far from its diagonal (Hodges, "The significance
/// probability of the Smirnov two-sample test", 1958).
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let below = |x: &[f64], at: f64| x.iter().filter(|&&value| value <= at).count() as f64;
    let (n, m) = (a.len() as f64, b.len() as f64);
    let distance = a.iter().chain(b).map(|&at| (below(a, at) * m - below(b, at) * n).abs()).fold(0.0, f64::max);
    // Paths that stay nearer than that, and all paths, as shares so that no number grows large.
    let paths = |is_near: &dyn Fn(f64, f64) -> bool| {
        let mut row: Vec<f64> = vec![0.0; b.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                let from = if i == 0 && j == 0 { 1.0 } else { (if i > 0 { row[j] } else { 0.0 }) + (if j > 0 { row[j - 1] } else { 0.0 }) };
                row[j] = if is_near(i as f64, j as f64) { from } else { 0.0 };
            }
        }
        row[b.len()]
    };
    1.0 - paths(&|i, j| (i * m - j * n).abs() < distance) / paths(&|_, _| true)
}

/// More than 5 %, and at least the 95th percentile of the differences between medians of the runs dealt anew.
fn permutation(runs: &Runs) -> Vec<usize> {
    const DEALS: usize = 400;
    flagged(runs, |a, b| {
        let apart = |x: &[f64], y: &[f64]| median(y).unwrap_or(0.0) - median(x).unwrap_or(0.0);
        let seen = apart(a, b);
        let mut random = Random::new(7);
        let mut all = [a, b].concat();
        let as_far = (0..DEALS)
            .filter(|_| {
                random.shuffle(&mut all);
                apart(&all[..a.len()], &all[a.len()..]).abs() > seen
            })
            .count();
        seen > 0.05 * median(a).unwrap_or(0.0) && as_far * 20 <= DEALS
    })
}

fn regressed(outcome: &Outcome) -> Vec<usize> {
    let mut all: Vec<usize> = outcome.tests.iter().filter(|test| test.verdict == Verdict::Regressed).map(|test| test.statement).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Ours, with its defaults.
pub(crate) fn shipped(runs: &Runs) -> Vec<usize> {
    regressed(&compare(runs, &Options::default()))
}

fn lenient(runs: &Runs) -> Vec<usize> {
    regressed(&compare(runs, &Options { fdr_single: 0.05, ..Options::default() }))
}

fn alone(runs: &Runs) -> Vec<usize> {
    let mut options = Options { min_added_ms: 0.0, min_added_share: 0.0, ..Options::default() };
    options.eligibility.min_share = 0.0;
    regressed(&compare(runs, &options))
}

/// How many statements all rules look at.
pub(crate) fn looked_at(runs: &Runs) -> usize {
    series(runs).len()
}
