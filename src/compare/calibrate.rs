//! What a comparison of latency can see and cannot, told from a user's own runs of one unchanged version.
//!
//! Runs that are all alike are dealt to two sides in all ways, or in many of them, and compared: what fails then is a
//! false alarm. The noise that is left when what a run does to all statements is taken out says which effect so many runs
//! would find, and how many it takes for a given one.

use super::latency::{self, Family, Runs, Sample, Sides, Statement, Untested, Verdict};
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
        Options { latency: latency::Options::default(), per_side: None, max_splits: 400, seed: 1 }
    }
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
    /// Comparisons in which a statement regressed.
    pub failed: u64,
    /// The share of failures is below this with 95 % confidence, as far as splits that share runs are independent.
    pub upper: f64,
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

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// How many runs there are.
    pub runs: usize,
    /// What fails without a reason.
    pub alarms: Alarms,
    /// The families in which anything could be tested.
    pub families: Vec<FamilyNoise>,
    /// By family, then statement.
    pub statements: Vec<Sight>,
    /// By family, then statement.
    pub untested: Vec<Untested>,
}

/// Calibrates by all runs of both sides, taken to be alike; `None` of fewer than two runs.
#[must_use]
pub fn calibrate(runs: &Runs, options: &Options) -> Option<Calibration> {
    let pool = Pool::of(runs);
    let count = pool.time_ms.len();
    let per_side = options.per_side.unwrap_or(count / 2).min(count / 2);
    if per_side == 0 {
        return None;
    }
    let all: Vec<usize> = (0..count).collect();
    let mut untested = Vec::new();
    let noises = latency::noise(&pool.dealt(&Split { baseline: &all, candidate: &all }), &options.latency, &mut untested);
    let tests: usize = noises.iter().map(|noise| noise.statements.len()).sum();
    let (mut families, mut statements) = (Vec::new(), Vec::new());
    for noise in &noises {
        let reach = noise.reach(tests, &options.latency);
        families.push(FamilyNoise {
            family: noise.family,
            statements: noise.statements.len(),
            common: noise.common,
            deviation: noise.median,
            needed: EFFECTS.map(|effect| reach.needed(noise.median, effect)),
        });
        statements.extend(noise.statements.iter().zip(&noise.deviations).map(|(&statement, &deviation)| Sight {
            statement,
            family: noise.family,
            deviation,
            detectable: reach.detectable(deviation, per_side),
            needed: EFFECTS.map(|effect| reach.needed(deviation, effect)),
        }));
    }
    let alarms = alarms(&pool, per_side, options);
    Some(Calibration { runs: count, alarms, families, statements, untested })
}

/// All runs, of no side.
struct Pool {
    statements: Vec<(Vec<Option<Sample>>, bool)>,
    time_ms: Vec<f64>,
}

/// Which runs are on which side.
struct Split<'s> {
    baseline: &'s [usize],
    candidate: &'s [usize],
}

impl Pool {
    fn of(runs: &Runs) -> Pool {
        let joined =
            |statement: &Statement| ([statement.runs.baseline.as_slice(), &statement.runs.candidate].concat(), statement.is_control);
        let time_ms = [runs.time_ms.baseline.as_slice(), &runs.time_ms.candidate].concat();
        Pool { statements: runs.statements.iter().map(joined).collect(), time_ms }
    }

    fn dealt(&self, split: &Split<'_>) -> Runs {
        let side = |samples: &[Option<Sample>], side: &[usize]| side.iter().map(|&run| samples.get(run).copied().flatten()).collect();
        let statement = |(samples, is_control): &(Vec<Option<Sample>>, bool)| Statement {
            runs: Sides { baseline: side(samples, split.baseline), candidate: side(samples, split.candidate) },
            is_control: *is_control,
        };
        let time = |side: &[usize]| side.iter().map(|&run| self.time_ms[run]).collect();
        Runs {
            statements: self.statements.iter().map(statement).collect(),
            time_ms: Sides { baseline: time(split.baseline), candidate: time(split.candidate) },
        }
    }
}

/// Compares runs that are alike in many ways.
fn alarms(pool: &Pool, per_side: usize, options: &Options) -> Alarms {
    let (splits, is_all) = splits(pool.time_ms.len(), per_side, options);
    let (mut failed, mut inconclusive) = (0, 0.0);
    for order in &splits {
        let (baseline, candidate) = order.split_at(per_side);
        let outcome = latency::compare(&pool.dealt(&Split { baseline, candidate }), &options.latency);
        failed += u64::from(outcome.has_regressed());
        let silent = outcome.tests.iter().filter(|test| test.verdict == Verdict::Inconclusive).count();
        inconclusive += silent as f64 / outcome.tests.len().max(1) as f64;
    }
    let count = splits.len() as u64;
    Alarms {
        per_side,
        splits: count,
        is_all,
        failed,
        upper: upper_limit(failed, count, 0.05),
        inconclusive: inconclusive / splits.len().max(1) as f64,
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
