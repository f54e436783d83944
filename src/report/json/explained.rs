//! `laggard.explain/1`: one statement as a report has it, and what only a page of its own tells.

use std::io;

use serde::Serialize;

use super::super::explained::{Explained, LoopLine, StretchLine, TimelineLine};
use super::{Error, Finding, Input, Statement, Tool, Warning, Window, finding, input};

/// The whole document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    schema: &'static str,
    tool: Tool,
    inputs: Vec<Input>,
    /// Times of the first and the last record.
    window: Option<Window>,
    /// Its place by total time, from 1.
    rank: u64,
    /// Of how many statements.
    statements: u64,
    statement: Option<Statement>,
    /// Calls by duration; empty if no durations are known.
    histogram: Vec<Step>,
    /// Calls by time; `null` if no log tells.
    timeline: Option<Timeline>,
    /// The values it ran with; `null` if no log tells any.
    parameters: Option<Parameters>,
    /// Its errors by kind, most frequent first.
    failures: Vec<Error>,
    /// Executions that a limit on time ended.
    timeouts: u64,
    /// Executions that a deadlock ended.
    deadlocks: u64,
    temp_files: TempFiles,
    /// Loops that it is in, most calls first.
    loops: Vec<Loop>,
    /// Those that name it.
    findings: Vec<Finding>,
    /// Why no index is advised, where a catalogue tells.
    unadvised: Vec<String>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Step {
    from_us: u64,
    /// Not included.
    to_us: u64,
    count: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Timeline {
    /// How long a bucket is: a minute, doubled as often as it took.
    width_us: u64,
    /// Those in which anything happened.
    buckets: Vec<Bucket>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Bucket {
    start: String,
    calls: u64,
    errors: u64,
    /// This and what follows is `null` if no duration is known.
    total_us: Option<u64>,
    mean_us: Option<u64>,
    max_us: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Parameters {
    /// Different sets of values, LIMIT and OFFSET apart.
    sets: u64,
    /// Whether that is counted rather than estimated.
    exact: bool,
    /// Calls whose values are known.
    calls: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TempFiles {
    count: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Loop {
    /// `repeated` for each row of the other, or `parent` of it.
    role: &'static str,
    /// The other statement's id.
    other: Option<String>,
    /// `reads`, `writes` or `repeats`.
    class: &'static str,
    confidence: &'static str,
    bursts: u64,
    calls: u64,
    /// The median of calls in a loop.
    n_p50: u32,
}

/// Writes the document.
pub(in crate::report) fn to_json(explained: &Explained, to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &document(explained))?;
    to.write_all(b"\n")
}

fn document(explained: &Explained) -> Document {
    let report = &explained.report;
    let step = |line: &super::super::explained::StepLine| Step { from_us: line.from.0, to_us: line.to.0, count: line.count };
    let error = |line: &super::super::ErrorLine| Error {
        sqlstate: line.sqlstate.clone(),
        severity: line.severity.clone(),
        message: line.message.clone(),
        count: line.count,
    };
    Document {
        schema: "laggard.explain/1",
        tool: Tool::this(),
        inputs: report.inputs.iter().map(input).collect(),
        window: report.window.map(|(start, end)| Window { start: start.to_string(), end: end.to_string() }),
        rank: explained.rank.0,
        statements: explained.rank.1,
        statement: report.statements.first().map(Statement::of),
        histogram: explained.histogram.iter().map(step).collect(),
        timeline: explained.timeline.as_ref().map(timeline),
        parameters: explained.parameters.map(|p| Parameters { sets: p.sets, exact: p.is_exact, calls: p.calls }),
        failures: explained.failures.iter().map(error).collect(),
        timeouts: explained.cancelled[0],
        deadlocks: explained.cancelled[1],
        temp_files: TempFiles { count: explained.temp_files.0, bytes: explained.temp_files.1 },
        loops: explained.loops.iter().map(told).collect(),
        findings: report.findings.iter().map(finding).collect(),
        unadvised: explained.unadvised.clone(),
        warnings: report.warnings.iter().map(|w| Warning { id: w.id(), text: w.to_string() }).collect(),
    }
}

fn timeline(line: &TimelineLine) -> Timeline {
    let bucket = |stretch: &StretchLine| Bucket {
        start: stretch.start.to_string(),
        calls: stretch.calls,
        errors: stretch.errors,
        total_us: stretch.mean().map(|_| stretch.total.0),
        mean_us: stretch.mean().map(|mean| mean.0),
        max_us: stretch.mean().map(|_| stretch.max.0),
    };
    Timeline { width_us: line.width.0, buckets: line.stretches.iter().map(bucket).collect() }
}

fn told(line: &LoopLine) -> Loop {
    Loop {
        role: if line.is_repeated { "repeated" } else { "parent" },
        other: line.other.as_ref().map(|(id, _)| id.clone()),
        class: line.class,
        confidence: line.confidence,
        bursts: line.bursts,
        calls: line.calls,
        n_p50: line.n_p50,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_that_of_the_structs() {
        super::super::assert_committed::<super::Document>("report/explain");
    }
}
