//! `laggard.calibration/1`: structs of its own, in the order in which the keys are written.
//!
//! Deviations are of natural logarithms: 0.1 is about 10 %. What is not known is `null`. The committed schema is derived from these
//! structs, and a test fails when it is stale.

use std::io;

use serde::Serialize;

use super::super::json::finite;
use super::super::tool::Tool;
use super::{AlarmLine, CalibrationReport, NoiseLine, RateLine, SightLine};

pub(super) fn draw(report: &CalibrationReport, to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &Document::of(report))?;
    to.write_all(b"\n")
}

/// The whole document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document {
    schema: &'static str,
    tool: Tool,
    /// Why the runs cannot be compared with each other.
    reasons: Vec<String>,
    runs: Vec<Run>,
    /// The file that says how the gate is set.
    gate: Option<String>,
    /// The least effect on latency that fails, as a share.
    min_effect: f64,
    alarms: Alarms,
    noise: Vec<Noise>,
    /// By metric, then most time first.
    statements: Vec<Statement>,
    untested: Vec<Untested>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Run {
    path: String,
    calls: u64,
    statements: u64,
}

/// What the gate said of these runs, dealt to two sides.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Alarms {
    /// Runs on each side.
    runs_per_side: u64,
    /// Comparisons made.
    comparisons: u64,
    /// Whether there are no others.
    complete: bool,
    /// Comparisons that failed.
    any: Rate,
    /// Those that failed by latency.
    latency: Rate,
    /// Those that failed by anything else: counters, plans, findings, budgets.
    others: Rate,
    /// The mean share of tests of latency that said nothing.
    inconclusive: Option<f64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Rate {
    failed: u64,
    /// `null` if nothing was compared.
    share: Option<f64>,
    /// The share is below this with 95 % confidence, if comparisons were independent.
    upper: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Noise {
    /// `latency` or `latency_tail`.
    metric: &'static str,
    /// `median`, `mean` or `p95`.
    of: &'static str,
    /// Statements that could be tested.
    statements: u64,
    /// The standard deviation of what a run does to all statements alike.
    shift_sd: Option<f64>,
    /// The median over statements of their standard deviation beyond that.
    residual_sd: Option<f64>,
    runs_needed: RunsNeeded,
}

/// Runs on each side with which an effect is found four times out of five; `null` if more than 100.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RunsNeeded {
    plus_20_percent: Option<u64>,
    plus_50_percent: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Statement {
    statement: String,
    text: String,
    /// `latency` or `latency_tail`.
    metric: &'static str,
    /// Its part of the time of all runs.
    share: Option<f64>,
    /// Its standard deviation from run to run, moderated.
    residual_sd: Option<f64>,
    /// The smallest ratio that would be found four times out of five with `runs_per_side`.
    mde: Option<f64>,
    runs_needed: RunsNeeded,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Untested {
    /// `latency` or `latency_tail`.
    metric: &'static str,
    reason: &'static str,
    /// How many statements.
    statements: u64,
}

impl Document {
    fn of(report: &CalibrationReport) -> Self {
        let run = |run: &super::RunLine| Run { path: run.path.clone(), calls: run.calls, statements: run.statements };
        let untested = |line: &super::UntestedLine| Untested { metric: line.metric, reason: line.reason, statements: line.count };
        Document {
            schema: "laggard.calibration/1",
            tool: Tool::this(),
            reasons: report.reasons.clone(),
            runs: report.runs.iter().map(run).collect(),
            gate: report.gate_file.clone(),
            min_effect: report.margin,
            alarms: alarms(&report.alarms),
            noise: report.noise.iter().map(noise).collect(),
            statements: report.statements.iter().map(statement).collect(),
            untested: report.untested.iter().map(untested).collect(),
        }
    }
}

fn alarms(line: &AlarmLine) -> Alarms {
    let rate =
        |rate: &RateLine| Rate { failed: rate.failed, share: finite(Some(rate.failed as f64 / line.splits as f64)), upper: rate.upper };
    Alarms {
        runs_per_side: line.per_side,
        comparisons: line.splits,
        complete: line.is_all,
        any: rate(&line.any),
        latency: rate(&line.latency),
        others: rate(&line.others),
        inconclusive: finite(Some(line.inconclusive)).filter(|_| line.splits > 0),
    }
}

fn noise(line: &NoiseLine) -> Noise {
    Noise {
        metric: line.metric,
        of: line.of,
        statements: line.statements,
        shift_sd: finite(Some(line.shift)),
        residual_sd: finite(Some(line.deviation)),
        runs_needed: needed(line.needed),
    }
}

fn statement(line: &SightLine) -> Statement {
    Statement {
        statement: line.statement.clone(),
        text: line.text.clone(),
        metric: line.metric,
        share: finite(Some(line.share)),
        residual_sd: finite(Some(line.deviation)),
        mde: line.detectable.and_then(|share| finite(Some(1.0 + share))),
        runs_needed: needed(line.needed),
    }
}

fn needed([plus_20_percent, plus_50_percent]: [Option<u64>; 2]) -> RunsNeeded {
    RunsNeeded { plus_20_percent, plus_50_percent }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_that_of_the_structs() {
        crate::report::json::assert_committed::<super::Document>("report/calibration/calibration");
    }
}
