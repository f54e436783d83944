//! `laggard.explain/1`: one statement as a report has it, and what only a page of its own tells.

use std::io;

use serde::Serialize;

use crate::units::Micros;

use super::super::explained::{Explained, LoopLine, PlansLine, ReadLine, ShapeLine, StretchLine, TimelineLine};
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
    /// The plans that it ran with; `null` if no log has any.
    plans: Option<Plans>,
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
struct Plans {
    /// How many were logged and read.
    logged: u64,
    /// Those with most time first; of many shapes not all are kept.
    shapes: Vec<Shape>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Shape {
    /// The same on every server.
    plan: String,
    count: u64,
    total_us: u64,
    fastest_us: u64,
    slowest_us: u64,
    /// When the first of them ended.
    first: String,
    /// And the last.
    last: String,
    /// How the slowest read its tables.
    reads: Vec<Read>,
    /// Triggers that the slowest ran.
    triggers: Vec<Trigger>,
}

/// Rows are of all loops and workers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Read {
    table: String,
    /// `whole`, `by-index` or `by-bitmap`.
    how: &'static str,
    index: Option<String>,
    /// What the index was asked for, without values.
    index_condition: String,
    /// What rows had to pass then, without values.
    filter: String,
    /// Rows that passed; `null` if they were not counted.
    rows: Option<u64>,
    rows_removed: u64,
    /// 0 if it was never read.
    loops: u64,
    /// The planner's estimate of the rows of a loop.
    planned_rows: u64,
    /// That of workers is added up; `null` if it was not measured.
    time_us: Option<u64>,
    /// `null` if its rows were not sorted alone.
    sorted_by: Option<String>,
    /// What the sort took on disk.
    sort_disk_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Trigger {
    name: String,
    calls: u64,
    /// `null` if it was not measured.
    time_us: Option<u64>,
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
        plans: explained.plans.as_ref().map(plans),
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

fn plans(line: &PlansLine) -> Plans {
    let read = |read: &ReadLine| Read {
        table: read.table.clone(),
        how: read.how,
        index: read.index.clone(),
        index_condition: read.conditions[0].clone(),
        filter: read.conditions[1].clone(),
        rows: read.returned,
        rows_removed: read.removed,
        loops: read.loops,
        planned_rows: read.planned_rows,
        time_us: read.time.map(|time| time.0),
        sorted_by: read.sort.as_ref().map(|(keys, _)| keys.clone()),
        sort_disk_bytes: read.sort.as_ref().map(|(_, bytes)| *bytes),
    };
    let trigger = |(name, calls, time): &(String, u64, Option<Micros>)| Trigger {
        name: name.clone(),
        calls: *calls,
        time_us: time.map(|time| time.0),
    };
    let shape = |shape: &ShapeLine| Shape {
        plan: shape.id.clone(),
        count: shape.count,
        total_us: shape.total.0,
        fastest_us: shape.range.0.0,
        slowest_us: shape.range.1.0,
        first: shape.seen.0.to_string(),
        last: shape.seen.1.to_string(),
        reads: shape.reads.iter().map(read).collect(),
        triggers: shape.triggers.iter().map(trigger).collect(),
    };
    Plans { logged: line.logged, shapes: line.shapes.iter().map(shape).collect() }
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
