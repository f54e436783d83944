//! Whether what was counted differs by more than the runs of either side do among themselves.
//!
//! A suite that does the same every time counts the same every time, and whatever differs is a change. One that draws its data at
//! random counts something else in every run: what it counts is a measurement, and is tested as one, as latency is. With y the
//! logarithm of a run's value, θ = mean_B y − mean_A y, its variance pooled within the sides and moderated over all statements of
//! the metric ([`Prior`]), t = (θ − ln(1 + relative))/(s̃·√(1/K_A + 1/K_B)), and the p of all statements and metrics that have any
//! spread are adjusted together. To every value is added what does not matter (the rule's absolute limit), so that 0 has a
//! logarithm and a few more than none are no great factor.
//!
//! That all runs of one side are above all of the other says little by itself: of three runs each that are drawn alike that is so
//! one time in ten. Nor does a gap as wide as the widest range: the range of three runs is a third of the mean one in one case of
//! ten, and there are dozens of statements.

use std::collections::BTreeMap;

use super::super::latency;
use super::super::matched::Values;
use super::super::policy::{Level, Limit};
use super::super::stats::centre::{mean, squares};
use super::super::stats::discovery::adjusted;
use super::super::stats::moderation::Prior;
use super::super::stats::student::Student;
use super::super::{Change, Judgement, Metric};
use super::rule::doubted;

/// What runs count of one statement, and what is said of it if that is no chance.
pub(super) struct Trial {
    pub(super) metric: Metric,
    pub(super) limit: Limit,
    /// Of every run; none where some do not tell.
    pub(super) values: Values,
    pub(super) change: Option<Change>,
}

impl Trial {
    /// Whether there are too few runs to know how much they differ, and every run of one side has so many times as much as every run
    /// of the other that this is believed all the same.
    fn is_plain(&self, options: &latency::Options) -> bool {
        let are_few = self.values.baseline.len().min(self.values.candidate.len()) < options.min_runs;
        let gap = self.values.gap_above().or_else(|| self.values.gap_below());
        are_few && gap.is_some_and(|(low, high)| high + self.limit.absolute >= options.plain * (low + self.limit.absolute))
    }

    /// That it is in doubt for another reason than chance.
    pub(super) fn doubted(self, why: &str) -> Self {
        Trial { values: Values::default(), change: self.change.and_then(|change| doubted(change, why)), ..self }
    }
}

/// The changes that are beyond chance; those for the worse that are not are told as doubtful. The rate is that of one run a side:
/// what a counter says fails without anything else beside it.
pub(super) fn borne_out(trials: Vec<Trial>, options: &latency::Options) -> Vec<Change> {
    let trials: Vec<Trial> = trials.into_iter().filter(|trial| trial.limit.level > Level::Off).collect();
    let spreads: Vec<Option<Spread>> = trials.iter().map(Spread::of).collect();
    let chances = chances(&trials, &spreads);
    let worse = adjusted(&chances.iter().map(|chance| chance[0]).collect::<Vec<_>>());
    let better = adjusted(&chances.iter().map(|chance| chance[1]).collect::<Vec<_>>());
    let mut tested = worse.into_iter().zip(better);
    let judged = trials.into_iter().zip(spreads).filter_map(|(trial, spread)| {
        let tested = spread.and_then(|_| tested.next());
        let is_plain = trial.is_plain(options);
        let change = trial.change?;
        let is_better = change.verdict == Judgement::Improved;
        let q = tested.map(|(worse, better)| if is_better { better } else { worse });
        let is_told = change.verdict == Judgement::Inconclusive || is_plain || q.is_none_or(|q| q <= options.fdr_single);
        let change = Change { q, ..change };
        if is_told { Some(change) } else { doubted(change, BY_CHANCE) }
    });
    judged.collect()
}

const BY_CHANCE: &str = "the runs of one side differ as much among themselves";

/// A variance that is no more than the last digits of logarithms.
const ROUNDING: f64 = 1e-20;

/// How values differ between the sides and within them.
struct Spread {
    /// θ.
    effect: f64,
    /// Pooled within the sides.
    variance: f64,
    /// The degrees of freedom of that.
    freedom: f64,
    /// 1/K_A + 1/K_B.
    per_run: f64,
}

impl Spread {
    /// `None` where there is none: runs that are alike to the last call, or too few to differ.
    fn of(trial: &Trial) -> Option<Self> {
        let least = trial.limit.absolute.max(f64::MIN_POSITIVE);
        let logs = |values: &[f64]| values.iter().map(|value| (value + least).ln()).collect::<Vec<f64>>();
        let (baseline, candidate) = (logs(&trial.values.baseline), logs(&trial.values.candidate));
        let freedom = (baseline.len() + candidate.len()).checked_sub(2).filter(|&freedom| freedom > 0)? as f64;
        let variance = (squares(&baseline) + squares(&candidate)) / freedom;
        let per_run = 1.0 / baseline.len() as f64 + 1.0 / candidate.len() as f64;
        let is_known = variance > ROUNDING && variance.is_finite() && per_run.is_finite();
        is_known.then(|| Spread { effect: mean(&candidate) - mean(&baseline), variance, freedom, per_run })
    }
}

/// The chance of such a difference, upwards and downwards, of those that have any spread.
fn chances(trials: &[Trial], spreads: &[Option<Spread>]) -> Vec<[f64; 2]> {
    let tested = || trials.iter().zip(spreads).filter_map(|(trial, spread)| Some((trial, spread.as_ref()?)));
    let mut variances: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    tested().for_each(|(trial, spread)| variances.entry(trial.metric).or_default().push(spread.variance));
    // All are of every run, and so of the same freedom.
    let freedom = tested().next().map_or(0.0, |(_, spread)| spread.freedom);
    let prior = |(metric, variances): (&Metric, &Vec<f64>)| Some((*metric, (Prior::fit(variances, freedom)?, variances.len())));
    let priors: BTreeMap<Metric, (Prior, usize)> = variances.iter().filter_map(prior).collect();
    let chance = |(trial, spread): (&Trial, &Spread)| {
        let Some((prior, statements)) = priors.get(&trial.metric) else { return [1.0; 2] };
        let student = Student { freedom: prior.total_freedom(freedom, *statements) };
        let error = (prior.squeeze(spread.variance, freedom) * spread.per_run).sqrt();
        [spread.effect, -spread.effect].map(|effect| student.upper((effect - trial.limit.relative.ln_1p()) / error))
    };
    tested().map(chance).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rule::empty;
    use super::*;

    const LIMIT: Limit = Limit { level: Level::Error, relative: 0.2, absolute: 10.0 };

    fn trial(baseline: &[f64], candidate: &[f64]) -> Trial {
        let values = Values { baseline: baseline.to_vec(), candidate: candidate.to_vec() };
        let verdict = if candidate[0] > baseline[0] { Judgement::Regressed } else { Judgement::Improved };
        let change = Change { level: Level::Error, baseline: Some(baseline[0]), candidate: Some(candidate[0]), ..empty(verdict) };
        Trial { metric: Metric::Buffers, limit: LIMIT, values, change: Some(change) }
    }

    fn told(trials: Vec<Trial>) -> Vec<(Judgement, Option<f64>)> {
        borne_out(trials, &latency::Options::default()).iter().map(|change| (change.verdict, change.q)).collect()
    }

    fn is_close(q: Option<f64>, expected: f64) -> bool {
        q.is_some_and(|q| (q / expected - 1.0).abs() < 1e-9)
    }

    /// By scipy: `ttest_ind(log(B + 10) - log(1.2), log(A + 10), alternative="greater")`. The gap of the first is 22 and its widest
    /// range 15, and yet such runs are met once in seventeen times.
    #[test]
    fn what_runs_count_at_random_is_tested() {
        let base = [100.0, 104.0, 108.0];
        let [(near, q)] = told(vec![trial(&base, &[130.0, 136.0, 145.0])])[..] else { panic!("one change") };
        assert!(near == Judgement::Inconclusive && is_close(q, 0.058_405_947_532_841_52), "{near:?} {q:?}");
        let [(far, q)] = told(vec![trial(&base, &[230.0, 236.0, 245.0])])[..] else { panic!("one change") };
        assert!(far == Judgement::Regressed && is_close(q, 1.259_625_498_843_596e-5), "{far:?} {q:?}");
        assert_eq!(told(vec![trial(&[230.0, 236.0, 245.0], &base)])[0].0, Judgement::Improved);
        assert_eq!(told(vec![trial(&[130.0, 136.0, 145.0], &base)]), [], "what is better by chance is not told");
    }

    /// Of a thousand and one tests of which no other shows anything the least p is multiplied by as many. What others say of variances
    /// is kept out: they are of another metric.
    #[test]
    fn one_of_many_needs_more_than_one_alone() {
        let alike = || Trial { change: None, metric: Metric::Rows, ..trial(&[100.0, 104.0, 108.0], &[100.0, 106.0, 115.0]) };
        let one = trial(&[100.0, 104.0, 108.0], &[230.0, 236.0, 245.0]);
        let [(verdict, q)] = told((0..1_000).map(|_| alike()).chain([one]).collect())[..] else { panic!("one change") };
        assert!(verdict == Judgement::Inconclusive && is_close(q, 1_001.0 * 1.259_625_498_843_596e-5), "{verdict:?} {q:?}");
    }

    #[test]
    fn what_is_counted_alike_every_time_needs_no_test() {
        assert_eq!(told(vec![trial(&[100.0; 3], &[121.0; 3])]), [(Judgement::Regressed, None)]);
        assert_eq!(told(vec![trial(&[100.0], &[121.0])]), [(Judgement::Regressed, None)]);
        // A noisy neighbour makes it no less sure.
        let noisy = trial(&[100.0, 150.0, 200.0], &[250.0, 300.0, 600.0]);
        let verdicts: Vec<Judgement> = told(vec![noisy, trial(&[0.0; 3], &[40.0; 3])]).iter().map(|told| told.0).collect();
        assert_eq!(verdicts, [Judgement::Inconclusive, Judgement::Regressed]);
    }

    /// Two runs a side differ by chance as little as they like: only what is twice as much in all of them is believed.
    #[test]
    fn few_runs_fail_by_what_is_plain() {
        let verdict = |candidate: &[f64]| told(vec![trial(&[100.0, 140.0], candidate)])[0].0;
        assert_eq!(verdict(&[190.0, 280.0]), Judgement::Inconclusive);
        assert_eq!(verdict(&[289.0, 400.0]), Judgement::Inconclusive, "299 is not twice 150");
        assert_eq!(verdict(&[290.0, 400.0]), Judgement::Regressed);
    }
}
