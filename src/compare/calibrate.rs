//! What a comparison of latency can see and cannot, told from a user's own runs of one unchanged version.
//!
//! Runs that are all alike are dealt to two sides in all ways, or in many of them, and compared: what fails then is a
//! false alarm. The noise that is left when what a run does to all statements is taken out says which effect so many runs
//! would find, and how many it takes for a given one.

use super::latency::{self, Family, Runs, Sample, Sides, Statement, Untested};
use super::stats::proportion::upper_limit;
use super::stats::random::Random;

/// The effects of which the runs needed are told: +20 % and +50 %.
pub const EFFECTS: [f64; 2] = [0.2, 0.5];

/// How to calibrate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// What is calibrated.
    pub latency: latency::Options,
    /// Runs on each side; as many as there are, if not told.
    pub per_side: Option<usize>,
    /// If runs can be dealt in more ways, so many of them are drawn.
    pub max_splits: usize,
    /// What is drawn.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { latency: latency::Options::default(), per_side: None, max_splits: 300, seed: 1 }
    }
}

/// What a comparison of runs that are alike says, all of it false.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heard {
    /// Something fails by its latency.
    pub latency: bool,
    /// Something fails by anything else.
    pub others: bool,
    /// The share of tests of latency that say nothing.
    pub inconclusive: f64,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// So often.
    pub failed: u64,
    /// The share of failures is below this with 95 % confidence, as far as splits that share runs are independent.
    pub upper: f64,
}

/// How often runs that are alike were told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarms {
    /// Runs on each side.
    pub per_side: usize,
    /// In so many ways runs were dealt.
    pub splits: u64,
    /// Whether these are all ways.
    pub is_all: bool,
    /// Comparisons that fail by latency.
    pub latency: Rate,
    /// Comparisons that fail by anything else.
    pub others: Rate,
    /// Comparisons that fail.
    pub any: Rate,
    /// The mean share of tests that said nothing.
    pub inconclusive: f64,
}

/// What a comparison could see of one statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// Its place among the statements.
    pub statement: usize,
    /// Which statistic.
    pub family: Family,
    /// The standard deviation of its logarithm from run to run, moderated: 0.1 is about 10 %.
    pub deviation: f64,
    /// The least slowdown, as a share, that would be found in four of five comparisons with as many runs.
    pub detectable: f64,
    /// How many runs each side needs to find each of [`EFFECTS`] so often; `None` if more than [`latency::MAX_RUNS`].
    pub needed: [Option<usize>; 2],
}

/// The noise of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyNoise {
    /// Which.
    pub family: Family,
    /// How many statements could be tested.
    pub statements: usize,
    /// The standard deviation from run to run of what all statements do alike.
    pub common: f64,
    /// The median of the statements' deviations beyond that.
    pub deviation: f64,
    /// How many runs each side needs to find each of [`EFFECTS`] in a statement of that deviation.
    pub needed: [Option<usize>; 2],
}

/// What can be seen through the noise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sights {
    /// The families in which anything could be tested.
    pub families: Vec<FamilyNoise>,
    /// By family, then statement.
    pub statements: Vec<Sight>,
    /// By family, then statement.
    pub untested: Vec<Untested>,
}

/// What can be seen with so many runs on each side, by the noise between all runs of both sides, which are taken to be alike.
#[must_use]
pub fn sights(runs: &Runs, per_side: usize, options: &latency::Options) -> Sights {
    let pool = Pool::of(runs);
    let all: Vec<usize> = (0..pool.time_ms.len()).collect();
    let mut sights = Sights::default();
    let noises = latency::noise(&pool.dealt(&all, &all), options, &mut sights.untested);
    let tests: usize = noises.iter().map(|noise| noise.statements.len()).sum();
    for noise in &noises {
        let reach = noise.reach(tests, options);
        sights.families.push(FamilyNoise {
            family: noise.family,
            statements: noise.statements.len(),
            common: noise.common,
            deviation: noise.median,
            needed: EFFECTS.map(|effect| reach.needed(noise.median, effect)),
        });
        sights.statements.extend(noise.statements.iter().zip(&noise.deviations).map(|(&statement, &deviation)| Sight {
            statement,
            family: noise.family,
            deviation,
            detectable: reach.detectable(deviation, per_side),
            needed: EFFECTS.map(|effect| reach.needed(deviation, effect)),
        }));
    }
    sights
}

/// How many runs on each side there are to be, of so many; none if there are fewer than two.
#[must_use]
pub fn per_side(runs: usize, options: &Options) -> usize {
    options.per_side.unwrap_or(runs / 2).min(runs / 2)
}

/// Deals so many runs to two sides in all ways or many, and counts what a comparison of the one with the other says.
pub fn alarms(runs: usize, options: &Options, compare: &mut dyn FnMut(&[usize], &[usize]) -> Heard) -> Alarms {
    let per_side = per_side(runs, options);
    let (splits, is_all) = if per_side == 0 { (Vec::new(), true) } else { splits(runs, per_side, options) };
    let heard = splits.iter().map(|order| {
        let (baseline, candidate) = order.split_at(per_side);
        compare(baseline, candidate)
    });
    let heard: Vec<Heard> = heard.collect();
    let trials = heard.len() as u64;
    let rate = |is_failed: fn(&Heard) -> bool| {
        let failed = heard.iter().filter(|heard| is_failed(heard)).count() as u64;
        Rate { failed, upper: upper_limit(failed, trials, 0.05) }
    };
    Alarms {
        per_side,
        splits: trials,
        is_all,
        latency: rate(|heard| heard.latency),
        others: rate(|heard| heard.others),
        any: rate(|heard| heard.latency || heard.others),
        inconclusive: heard.iter().map(|heard| heard.inconclusive).sum::<f64>() / heard.len().max(1) as f64,
    }
}

/// All runs, of no side.
struct Pool {
    statements: Vec<(Vec<Option<Sample>>, bool)>,
    time_ms: Vec<f64>,
}

impl Pool {
    fn of(runs: &Runs) -> Pool {
        let joined =
            |statement: &Statement| ([statement.runs.baseline.as_slice(), &statement.runs.candidate].concat(), statement.is_control);
        let time_ms = [runs.time_ms.baseline.as_slice(), &runs.time_ms.candidate].concat();
        Pool { statements: runs.statements.iter().map(joined).collect(), time_ms }
    }

    fn dealt(&self, baseline: &[usize], candidate: &[usize]) -> Runs {
        let side = |samples: &[Option<Sample>], side: &[usize]| side.iter().map(|&run| samples.get(run).copied().flatten()).collect();
        let statement = |(samples, is_control): &(Vec<Option<Sample>>, bool)| Statement {
            runs: Sides { baseline: side(samples, baseline), candidate: side(samples, candidate) },
            is_control: *is_control,
        };
        let time = |side: &[usize]| side.iter().map(|&run| self.time_ms[run]).collect();
        Runs {
            statements: self.statements.iter().map(statement).collect(),
            time_ms: Sides { baseline: time(baseline), candidate: time(candidate) },
            are_apart: false,
        }
    }
}

/// The runs of one side and then those of the other, in all ways or, if those are too many, in some drawn at random; and
/// whether they are all.
fn splits(runs: usize, per_side: usize, options: &Options) -> (Vec<Vec<usize>>, bool) {
    let ways = ways(runs, per_side) * ways(runs - per_side, per_side);
    if ways <= options.max_splits as f64 {
        let all: Vec<usize> = (0..runs).collect();
        let of_sides = chosen(&all, per_side).into_iter().flat_map(|baseline| {
            let others: Vec<usize> = all.iter().copied().filter(|run| !baseline.contains(run)).collect();
            chosen(&others, per_side).into_iter().map(move |candidate| [baseline.as_slice(), &candidate].concat())
        });
        return (of_sides.collect(), true);
    }
    let mut random = Random::new(options.seed);
    let mut order: Vec<usize> = (0..runs).collect();
    let drawn = (0..options.max_splits).map(|_| {
        random.shuffle(&mut order);
        order[..2 * per_side].to_vec()
    });
    (drawn.collect(), false)
}

/// In how many ways `k` of `n` can be chosen.
fn ways(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |ways, at| ways * (n - at) as f64 / (at + 1) as f64).round()
}

/// All ways to choose `k` of them.
fn chosen(of: &[usize], k: usize) -> Vec<Vec<usize>> {
    if k == 0 {
        return vec![Vec::new()];
    }
    let with = |at: usize| chosen(&of[at + 1..], k - 1).into_iter().map(move |rest| [&[of[at]], rest.as_slice()].concat());
    (0..of.len()).flat_map(with).collect()
}

#[cfg(test)]
mod tests;
