//! What a gate on some runs could and could not see, as a reader gets it: a [`CalibrationReport`] is complete before it is drawn.

use std::io;

use super::Style;

pub mod json;
mod table;

/// Everything there is to say of a calibration, sorted.
#[derive(Clone, Debug, Default)]
pub struct CalibrationReport {
    /// Why the runs cannot be compared with each other.
    pub reasons: Vec<String>,
    /// The runs.
    pub runs: Vec<RunLine>,
    /// The file that says how the gate is set, if there is one.
    pub gate_file: Option<String>,
    /// How often the gate failed although nothing changed.
    pub alarms: AlarmLine,
    /// The noise by metric.
    pub noise: Vec<NoiseLine>,
    /// What could be seen, by metric, and the statements with the most time first.
    pub statements: Vec<SightLine>,
    /// What could not be tested.
    pub untested: Vec<UntestedLine>,
    /// The least effect that fails, as a share.
    pub margin: f64,
    /// Runs on a side below which latency alone fails nothing but what takes twice as long.
    pub min_runs: u64,
}

/// One run.
#[derive(Clone, Debug, Default)]
pub struct RunLine {
    /// As the user named it.
    pub path: String,
    /// Calls.
    pub calls: u64,
    /// Distinct statements.
    pub statements: u64,
}

/// How often comparisons of runs that are alike failed.
#[derive(Clone, Debug, Default)]
pub struct AlarmLine {
    /// Runs on each side.
    pub per_side: u64,
    /// Comparisons.
    pub splits: u64,
    /// Whether there are no others.
    pub is_all: bool,
    /// Those that failed by latency, by anything else, and by either.
    pub latency: RateLine,
    /// See `latency`.
    pub others: RateLine,
    /// See `latency`.
    pub any: RateLine,
    /// The mean share of tests of latency that said nothing.
    pub inconclusive: f64,
}

/// How often something failed.
#[derive(Clone, Debug, Default)]
pub struct RateLine {
    /// So often.
    pub failed: u64,
    /// The share is below this with 95 % confidence.
    pub upper: f64,
}

/// The noise of one metric.
#[derive(Clone, Debug, Default)]
pub struct NoiseLine {
    /// As JSON names it.
    pub metric: &'static str,
    /// Of what it is: `median`, `mean` or `p95`.
    pub of: &'static str,
    /// Statements that could be tested.
    pub statements: u64,
    /// The deviation of what a run does to all statements, of the logarithm.
    pub shift: f64,
    /// The median deviation of a statement beyond that.
    pub deviation: f64,
    /// Runs on each side that show +20 % and +50 % in a statement of that deviation; `None` if more than a hundred.
    pub needed: [Option<u64>; 2],
}

/// What could be seen of one statement.
#[derive(Clone, Debug, Default)]
pub struct SightLine {
    /// Its id.
    pub statement: String,
    /// Its text.
    pub text: String,
    /// As JSON names it.
    pub metric: &'static str,
    /// Its part of the time of all runs.
    pub share: f64,
    /// Its deviation from run to run, of the logarithm.
    pub deviation: f64,
    /// The least slowdown that would be found four times out of five, as a share; `None` if none would.
    pub detectable: Option<f64>,
    /// See [`NoiseLine::needed`].
    pub needed: [Option<u64>; 2],
}

/// Statements that could not be tested.
#[derive(Clone, Debug, Default)]
pub struct UntestedLine {
    /// As JSON names it.
    pub metric: &'static str,
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// Draws a calibration for a screen.
///
/// # Errors
/// If `to` cannot be written to.
pub fn table(report: &CalibrationReport, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
    table::draw(report, style, to)
}

/// Draws a calibration as `laggard.calibration/1`.
///
/// # Errors
/// If `to` cannot be written to.
pub fn json(report: &CalibrationReport, to: &mut dyn io::Write) -> io::Result<()> {
    json::draw(report, to)
}
