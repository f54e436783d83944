//! Which statements have enough calls and time for their latency to mean something.

use super::super::stats::centre::mean;
use super::{Family, Point, Runs, Sample, Sides, Statement, Untested};

/// The floors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eligibility {
    /// Calls in every run.
    pub min_calls: u64,
    /// Calls in every run for the 95th percentile: with fewer it has no upper bound.
    pub min_calls_tail: u64,
    /// The mean of a call on either side, in milliseconds: what is shorter measures the clock.
    pub min_mean_ms: f64,
    /// The share of all time on either side.
    pub min_share: f64,
}

impl Default for Eligibility {
    fn default() -> Self {
        Eligibility { min_calls: 30, min_calls_tail: 59, min_mean_ms: 0.05, min_share: 0.001 }
    }
}

/// Why a statement is not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ineligible {
    /// A run does not have it: it is new, gone or rare.
    Absent,
    /// A run has too few calls of it.
    FewCalls,
    /// It takes too little time to be measured.
    Short,
    /// It is too small a part of all time.
    LittleTime,
    /// A run does not know the statistic, or has it at zero.
    Unknown,
}

/// A statement that is tested.
pub(super) struct Row {
    /// Its place in [`Runs::statements`].
    pub(super) statement: usize,
    pub(super) is_control: bool,
    /// ln of the statistic, the baseline's runs before the candidate's.
    pub(super) logs: Vec<f64>,
    /// The relative standard error within each run.
    pub(super) errors: Vec<f64>,
}

/// What is tested in one family.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// How many runs are the baseline's.
    pub(super) baseline: usize,
    /// How many are the candidate's.
    pub(super) candidate: usize,
}

impl Rows {
    /// All runs.
    pub(super) fn runs(&self) -> usize {
        self.baseline + self.candidate
    }
}

/// Parts the statements that are tested from those that are not.
pub(super) fn rows(runs: &Runs, family: Family, floors: &Eligibility, untested: &mut Vec<Untested>) -> Rows {
    let (baseline, candidate) = (runs.time_ms.baseline.len(), runs.time_ms.candidate.len());
    let mut rows = Vec::new();
    for (at, statement) in runs.statements.iter().enumerate() {
        match row(runs, at, family, floors) {
            Ok([logs, errors]) => rows.push(Row { statement: at, is_control: statement.is_control, logs, errors }),
            Err(why) => untested.push(Untested { statement: at, family, why }),
        }
    }
    Rows { rows, baseline, candidate }
}

/// The logarithms of a statement's statistic, and their errors.
fn row(runs: &Runs, at: usize, family: Family, floors: &Eligibility) -> Result<[Vec<f64>; 2], Ineligible> {
    let statement = &runs.statements[at];
    let samples = present(statement, &runs.time_ms).ok_or(Ineligible::Absent)?;
    let all = || samples.baseline.iter().chain(&samples.candidate);
    let least = match family {
        Family::Typical => floors.min_calls,
        Family::Tail => floors.min_calls_tail,
    };
    if all().any(|sample| sample.calls < least.max(1)) {
        return Err(Ineligible::FewCalls);
    }
    let means = [mean_ms(&samples.baseline), mean_ms(&samples.candidate)];
    if means.iter().all(|&ms| ms < floors.min_mean_ms) {
        return Err(Ineligible::Short);
    }
    let share = |samples: &[Sample], time: &[f64]| total_ms(samples) / time.iter().sum::<f64>();
    let shares = [share(&samples.baseline, &runs.time_ms.baseline), share(&samples.candidate, &runs.time_ms.candidate)];
    if shares.iter().all(|&share| share < floors.min_share) {
        return Err(Ineligible::LittleTime);
    }
    let points: Vec<Point> = all().map(|sample| point(sample, family)).collect::<Option<_>>().ok_or(Ineligible::Unknown)?;
    Ok([points.iter().map(|point| point.ms.ln()).collect(), points.iter().map(|point| point.error).collect()])
}

/// The statement in every run; `None` if one does not have it, or a side has no runs.
pub(super) fn present(statement: &Statement, time_ms: &Sides<Vec<f64>>) -> Option<Sides<Vec<Sample>>> {
    let side = |samples: &[Option<Sample>], time: &[f64]| {
        let all: Vec<Sample> = samples.iter().copied().collect::<Option<_>>()?;
        (!all.is_empty() && all.len() == time.len()).then_some(all)
    };
    Some(Sides {
        baseline: side(&statement.runs.baseline, &time_ms.baseline)?,
        candidate: side(&statement.runs.candidate, &time_ms.candidate)?,
    })
}

/// The statistic, if it is one that has a logarithm.
fn point(sample: &Sample, family: Family) -> Option<Point> {
    let point = match family {
        Family::Typical => sample.typical,
        Family::Tail => sample.tail,
    };
    point.filter(|point| point.ms > 0.0 && point.ms.is_finite() && point.error >= 0.0 && point.error.is_finite())
}

/// The time of all calls.
pub(super) fn total_ms(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.total_ms).sum()
}

/// The mean of all calls.
pub(super) fn mean_ms(samples: &[Sample]) -> f64 {
    total_ms(samples) / samples.iter().map(|sample| sample.calls as f64).sum::<f64>()
}

/// The mean of a call: of a tail of all calls, of a middle without the slowest tenth.
pub(super) fn usual_ms(samples: &[Sample], family: Family) -> f64 {
    let usual = |sample: &Sample| sample.usual_ms.filter(|_| family == Family::Typical).map(|ms| ms * sample.calls as f64);
    let total: f64 = samples.iter().map(|sample| usual(sample).unwrap_or(sample.total_ms)).sum();
    total / samples.iter().map(|sample| sample.calls as f64).sum::<f64>()
}

/// The mean of what a run of a side takes.
pub(super) fn run_ms(time: &[f64]) -> f64 {
    mean(time)
}
