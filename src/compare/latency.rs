//! Whether statements became slower from one side's runs to the other's, beyond chance and beyond what the machine did.
//!
//! What is repeated is the run, not the call: the calls of one run share its neighbours, its cache and its luck, so a test
//! over calls finds a difference wherever there are many of them. Of every run and statement one number is taken (the
//! median, or the mean where only sums are known; and as a second family the 95th percentile), as its logarithm y. Then
//!
//! 1. what a run does to all statements alike is taken out: g\[i\] = median over q of (y\[q,i\] − mean y\[q,·\]), r = y − g;
//! 2. the effect is θ\[q\] = mean_B r − mean_A r, less the median of that over all statements;
//! 3. its variance is pooled within the sides and moderated over all statements ([`Prior`]), and no less than what the calls
//!    within the runs make of it;
//! 4. θ is tested against the margin ln(1 + δ), not against 0 (McCarthy and Smyth, "Testing significance relative to a
//!    fold-change threshold is a TREAT", 2009): t = (θ − ln(1 + δ))/(s̃·√(1/K_A + 1/K_B));
//! 5. the p of all statements and both families are adjusted together ([`discovery`](super::stats::discovery)).
//!
//! A statement has regressed if that holds, it costs enough time to matter, and the mean of its calls followed the median (see
//! [`Options::min_mean_part`]); it is ok if its effect is shown to lie below
//! the tolerance. Everything else is inconclusive, with the least effect that would have been found. Medians take less than
//! half of the statements to have regressed; where more may have, or statements are few, controls must be declared.
//!
//! One run per side has no variance between runs; it is guessed from how far apart all statements moved, and may then fail little.
//! Nothing here knows where the numbers come from.

mod eligible;
mod judged;
mod moderated;
mod noise;
mod single;

use super::stats::moderation::Prior;

pub use eligible::{Eligibility, Ineligible};
pub use noise::MAX_RUNS;
pub(super) use noise::noise;

/// What belongs to the one side, and what to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides<T> {
    /// Before.
    pub baseline: T,
    /// After.
    pub candidate: T,
}

/// A statistic of the calls of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Its value in milliseconds.
    pub ms: f64,
    /// Its relative standard error within the run, s/(m·√n) for a mean; 0 if it is not known. With one run per side it is a part of
    /// the variance, with more the variance is no less.
    pub error: f64,
}

/// What one run says of one statement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// How often it was called.
    pub calls: u64,
    /// How long all calls took, in milliseconds.
    pub total_ms: f64,
    /// The mean of a call without the slowest tenth; of all calls where single ones are not known.
    pub usual_ms: Option<f64>,
    /// The median, or in all runs the mean where there is no median.
    pub typical: Option<Point>,
    /// The 95th percentile.
    pub tail: Option<Point>,
}

/// What all runs say of one statement, in the order of the runs; `None` for a run that does not have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// By side and run.
    pub runs: Sides<Vec<Option<Sample>>>,
    /// It is declared not to have changed: what it does is the machine's doing.
    pub is_control: bool,
}

/// All that is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// Every statement of any run.
    pub statements: Vec<Statement>,
    /// How long all statements of a run took together, in milliseconds.
    pub time_ms: Sides<Vec<f64>>,
    /// The runs of one side came before those of the other. What a busier hour does to some statements is then the same as what a
    /// change does to them, however many runs there are: only what is proved to be slower by more than [`Options::tolerance`] fails
    /// by itself.
    pub are_apart: bool,
}

/// Which statistic of the calls is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The median or the mean.
    Typical,
    /// The 95th percentile.
    Tail,
}

/// Both, in the order of the tests.
pub const FAMILIES: [Family; 2] = [Family::Typical, Family::Tail];

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// δ: a statement that became slower by less than this share has not regressed.
    pub min_effect: f64,
    /// A statement is ok if it is shown not to have become slower by more than this share.
    pub tolerance: f64,
    /// The chance of a false failure among all tests of a comparison.
    pub fdr: f64,
    /// The same with one run per side.
    pub fdr_single: f64,
    /// With fewer runs on either side nothing fails by its latency alone below [`Options::plain`].
    pub min_runs: usize,
    /// A ratio from which on few runs may fail by themselves.
    pub plain: f64,
    /// A call must on average have become slower by so many milliseconds.
    pub min_added_ms: f64,
    /// And all calls of a run by this share of the run's time,
    ///
    /// Neither is asked of what is proved to be slower than [`Options::tolerance`] allows, if a call is slower by
    /// [`Eligibility::min_mean_ms`]: in a large program nearly every statement is less than 1 % of a run, and no less of a
    /// regression when it doubles. Among runs that are alike this fails no more; see the README.
    pub min_added_share: f64,
    /// The mean of all calls but the slowest tenth must have gone at least this part of the way, in logarithms, that the median
    /// went. Where half of the calls are fast and half slow the median jumps from the ones to the others, and neither runs nor
    /// variances tell of it. The slowest are left out, because one of them may be as long as all others together.
    pub min_mean_part: f64,
    /// So many controls are needed for them to be used.
    pub min_controls: usize,
    /// With fewer statements, and no controls, what all did alike cannot be told from what one did.
    pub min_statements: usize,
    /// A ratio of what all statements did alike that is worth a warning.
    pub shift_warning: f64,
    /// A share of regressed statements that is worth a warning.
    pub regressed_warning: f64,
    /// Which statements are tested.
    pub eligibility: Eligibility,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            min_effect: 0.10,
            tolerance: 0.25,
            fdr: 0.05,
            fdr_single: 0.01,
            min_runs: 3,
            plain: 2.0,
            min_added_ms: 0.1,
            min_added_share: 0.01,
            min_mean_part: 0.5,
            min_controls: 10,
            min_statements: 5,
            shift_warning: 1.25,
            regressed_warning: 0.30,
            eligibility: Eligibility::default(),
        }
    }
}

/// What is said of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Slower, beyond chance and by enough to matter.
    Regressed,
    /// Shown not to be slower by more than the tolerance.
    Ok,
    /// Faster, beyond chance and by enough to matter.
    Improved,
    /// None of these can be said.
    Inconclusive,
}

/// Why a verdict is none, or weaker than the numbers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The noise is as large as the effect: more runs would tell.
    Noise,
    /// It changed, but by too little time to matter.
    LittleTime,
    /// The median changed and the mean hardly did: it lies between fast calls and slow ones.
    Divided,
    /// It looks slower, but so few runs need a ratio of [`Options::plain`] or a counter that says so too.
    FewRuns,
    /// It looks slower, but the runs of both sides did not take turns, and it is not shown to be slower by more than the tolerance.
    NoTurns,
    /// There are too few statements to tell a change of one from what the machine did to all.
    FewStatements,
}

/// Which way was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Several runs on a side: variances between them, moderated.
    Moderated,
    /// One run on each side.
    Single,
}

/// How long a statement took, and what that makes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// The mean of the calls of a side, in milliseconds: of a middle without the slowest tenth, as is all that follows.
    pub mean_ms: Sides<f64>,
    /// By how much a call became slower on average, beyond what all statements did alike, in milliseconds.
    pub slower_ms: f64,
    /// So many milliseconds the statement adds to a run of the candidate's, beyond the same.
    pub added_ms: f64,
    /// As a share of the run's time.
    pub added_share: f64,
    /// By which factor that mean grew, beyond the same.
    pub mean_ratio: f64,
}

/// The test of one statement in one family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// Its place in [`Runs::statements`].
    pub statement: usize,
    /// Which statistic.
    pub family: Family,
    /// What its latency alone says.
    pub verdict: Verdict,
    /// What is said if a counter of the same statement got worse too (its calls, rows, buffers, plan).
    pub corroborated: Verdict,
    /// Why the verdict is not stronger.
    pub reason: Option<Reason>,
    /// θ: the logarithm of the ratio, beyond what all statements did alike.
    pub effect: f64,
    /// Its standard error.
    pub error: f64,
    /// The degrees of freedom of that.
    pub freedom: f64,
    /// The ratio that θ stands for lies here with 95 % confidence.
    pub interval: [f64; 2],
    /// The chance of such an effect or a greater one, if the true ratio is 1 + δ or less.
    pub p: f64,
    /// That adjusted for the number of tests.
    pub q: f64,
    /// As q, of its being faster.
    pub q_improved: f64,
    /// The least slowdown, as a share, that this test would find in four of five cases.
    pub detectable: f64,
    /// What it costs.
    pub times: Times,
}

impl Test {
    /// By which factor the statement became slower, beyond what all did alike.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.effect.exp()
    }
}

/// A statement that was not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untested {
    /// Its place in [`Runs::statements`].
    pub statement: usize,
    /// In which family.
    pub family: Family,
    /// Why.
    pub why: Ineligible,
}

/// What the reader of a comparison should know of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warning {
    /// All statements took so many times as long: a slower machine, or a change that hit all of them.
    Shifted {
        /// The factor.
        ratio: f64,
    },
    /// So large a share of the tested statements regressed that the median of all may be one of them.
    ManyRegressed {
        /// The share.
        share: f64,
    },
    /// Few statements, no controls: a change of one looks like one of the machine.
    FewStatements {
        /// How many were tested.
        tested: usize,
    },
}

/// How one family was fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Which.
    pub family: Family,
    /// How many statements were tested.
    pub statements: usize,
    /// How many of them are controls that what all did alike was taken from; 0 if it was taken from all.
    pub controls: usize,
    /// The factor by which all statements became slower alike.
    pub shift: f64,
    /// What every run did to all statements, as a factor around the mean of all runs.
    pub common: Sides<Vec<f64>>,
    /// What all statements say of the variance of one; `None` with one run per side.
    pub prior: Option<Prior>,
    /// τ², the variance between runs beyond that within; `None` with more than one run on a side.
    pub between: Option<f64>,
}

/// What a comparison says of latency.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Which way was taken.
    pub mode: Mode,
    /// The level that q was compared with.
    pub level: f64,
    /// By family, then statement.
    pub tests: Vec<Test>,
    /// By family, then statement.
    pub untested: Vec<Untested>,
    /// The families in which anything was tested.
    pub fitted: Vec<Fitted>,
    /// In no order of weight.
    pub warnings: Vec<Warning>,
}

impl Outcome {
    /// G: the factor by which all statements became slower alike; `None` if nothing was tested.
    #[must_use]
    pub fn shift(&self) -> Option<f64> {
        self.fitted.first().map(|fitted| fitted.shift)
    }

    /// Whether any statement regressed by its latency alone.
    #[must_use]
    pub fn has_regressed(&self) -> bool {
        self.tests.iter().any(|test| test.verdict == Verdict::Regressed)
    }
}

/// The effect of each row and how sure it is.
struct Estimates {
    fitted: Fitted,
    /// θ and its standard error.
    effects: Vec<[f64; 2]>,
    freedom: f64,
}

/// Compares the latency of all statements of two sides. A side without runs leaves everything untested.
#[must_use]
pub fn compare(runs: &Runs, options: &Options) -> Outcome {
    let sizes = [runs.time_ms.baseline.len(), runs.time_ms.candidate.len()];
    let mode = if sizes == [1, 1] { Mode::Single } else { Mode::Moderated };
    let level = if mode == Mode::Single { options.fdr_single } else { options.fdr };
    let mut untested = Vec::new();
    let families = FAMILIES.iter().filter_map(|&family| {
        let rows = eligible::rows(runs, family, &options.eligibility, &mut untested);
        let estimates = match mode {
            Mode::Single => single::estimates(&rows, family, options),
            Mode::Moderated => moderated::estimates(&rows, family, options),
        }?;
        Some((rows, estimates))
    });
    let families: Vec<_> = families.collect();
    let doubt = match () {
        () if sizes.into_iter().any(|runs| runs < options.min_runs) => Some(Reason::FewRuns),
        () => runs.are_apart.then_some(Reason::NoTurns),
    };
    let tests = judged::tests(runs, &families, &judged::Bar { options, level, doubt });
    let warnings = judged::warnings(&tests, &families, options);
    let fitted = families.into_iter().map(|(_, estimates)| estimates.fitted).collect();
    Outcome { mode, level, tests, untested, fitted, warnings }
}

#[cfg(test)]
mod tests;
