//! `laggard.gate/1`: structs of its own, frozen once released, in the order in which the keys are written.
//!
//! Values of times are microseconds, those of counters plain numbers; what is not known is `null`. The committed schema is
//! derived from these structs, and a test fails when it is stale.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::super::Style;
use super::super::json::finite;
use super::super::tool::Tool;
use super::{ChangeLine, GateReport, Output, SideLine};

/// See the module.
pub(super) struct Json;

impl Output for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn draw(&self, report: &GateReport, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *to, &Document::of(report))?;
        to.write_all(b"\n")
    }
}

/// The whole document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document {
    schema: &'static str,
    tool: Tool,
    /// `pass`, `warn`, `fail` or `not-comparable`.
    verdict: &'static str,
    exit_code: u8,
    /// Why the runs cannot be compared.
    reasons: Vec<String>,
    /// What the reader should know.
    notes: Vec<String>,
    environment: Environment,
    runs: Vec<Run>,
    /// The factor by which the whole candidate is slower, which is taken out of every ratio of latency.
    global_shift: Option<f64>,
    tests: Tests,
    /// Worst first.
    changes: Vec<Change>,
    untested: Vec<Untested>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Environment {
    baseline: Side,
    candidate: Side,
    differences: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Side {
    server: Option<String>,
    input: String,
    settings: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Run {
    path: String,
    /// `baseline` or `candidate`.
    side: &'static str,
    calls: u64,
    statements: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Tests {
    /// How many.
    m: u64,
    /// The rate of false discoveries allowed.
    q: f64,
    /// The effect that does not matter, as a share.
    min_effect: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Change {
    rule: &'static str,
    /// `latency`, `latency_tail`, `calls`, `rows`, `buffers`, `temp`, `wal`, `plan`, `errors` or `presence`.
    metric: &'static str,
    /// `info`, `warn` or `error`.
    level: &'static str,
    /// `null` if it is about the whole run.
    statement: Option<String>,
    text: Option<String>,
    /// What changed, in one line.
    title: String,
    baseline: Option<f64>,
    candidate: Option<f64>,
    ratio: Option<f64>,
    /// Between which the ratio lies with 95 % confidence.
    ci: Option<[f64; 2]>,
    p: Option<f64>,
    q: Option<f64>,
    /// The smallest ratio that would have been found four times out of five.
    mde: Option<f64>,
    /// Calls in the baseline and in the candidate.
    n: [u64; 2],
    /// Runs of either side that have the statement.
    k: [u64; 2],
    /// `regressed`, `ok`, `improved`, `inconclusive`, `new` or `gone`.
    verdict: &'static str,
    evidence: Vec<Evidence>,
    suppressed: Option<Suppressed>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Evidence {
    kind: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Suppressed {
    reason: String,
    /// The last day on which it holds.
    expires: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Untested {
    statement: String,
    /// `latency` or `latency_tail`.
    metric: &'static str,
    reason: &'static str,
}

impl Document {
    fn of(report: &GateReport) -> Self {
        let [baseline, candidate] = report.environment.each_ref().map(side);
        Document {
            schema: "laggard.gate/1",
            tool: Tool::this(),
            verdict: report.verdict,
            exit_code: report.exit_code,
            reasons: report.reasons.clone(),
            notes: report.notes.clone(),
            environment: Environment { baseline, candidate, differences: report.differences.clone() },
            runs: report
                .runs
                .iter()
                .map(|run| Run { path: run.path.clone(), side: run.side, calls: run.calls, statements: run.statements })
                .collect(),
            global_shift: finite(report.shift),
            tests: Tests { m: report.tests.count, q: report.tests.rate, min_effect: report.tests.margin },
            changes: report.changes.iter().map(change).collect(),
            untested: report
                .untested
                .iter()
                .map(|untested| Untested { statement: untested.statement.clone(), metric: untested.metric, reason: untested.reason })
                .collect(),
        }
    }
}

fn side(line: &SideLine) -> Side {
    Side { server: line.server.clone(), input: line.input.clone(), settings: line.settings.iter().cloned().collect() }
}

fn change(line: &ChangeLine) -> Change {
    Change {
        rule: line.rule,
        metric: line.metric,
        level: line.level,
        statement: line.statement.clone(),
        text: line.text.clone(),
        title: line.title.clone(),
        baseline: finite(line.baseline),
        candidate: finite(line.candidate),
        ratio: finite(line.ratio),
        ci: line.interval.filter(|(low, high)| low.is_finite() && high.is_finite()).map(|(low, high)| [low, high]),
        p: finite(line.p),
        q: finite(line.q),
        mde: finite(line.detectable),
        n: line.calls,
        k: line.runs,
        verdict: line.verdict,
        evidence: line.evidence.iter().map(|(kind, text)| Evidence { kind, text: text.clone() }).collect(),
        suppressed: line.suppressed.as_ref().map(|(reason, expires)| Suppressed { reason: reason.clone(), expires: expires.clone() }),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_that_of_the_structs() {
        crate::report::json::assert_committed::<super::Document>("report/gate/gate");
    }
}
