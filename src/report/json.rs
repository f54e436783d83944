//! `laggard.report/1`: structs of its own, frozen once released, in the order in which the keys are written.
//!
//! Durations are integers of microseconds in keys that end in `_us`, shares are fractions of 1, times RFC 3339 in UTC; what
//! is not known is `null`. The committed schema is derived from these structs, and a test fails when it is stale.

use std::io;

use serde::Serialize;

use counted::{Bounds, Counters, Coverage, bounds, counters, coverage};

use super::build::by_total;
use super::tool::Tool;
use super::{Known, LatencyLine, Renderer, Report, ShareLine, StatementLine, Style};

mod counted;
pub(super) mod explained;

/// See the module.
pub(super) struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn render(&self, report: &Report, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *to, &Document::of(report))?;
        to.write_all(b"\n")
    }
}

/// The whole document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document<'r> {
    schema: &'static str,
    tool: Tool,
    inputs: Vec<Input>,
    /// Times of the first and the last record.
    window: Option<Window>,
    totals: Totals,
    /// With `--by KEY`: one entry a key.
    groups: Option<Vec<Group>>,
    /// By `total_us` descending, then id.
    #[serde(serialize_with = "one_by_one")]
    #[cfg_attr(test, schemars(with = "Vec<Statement>"))]
    statements: Vec<&'r StatementLine>,
    findings: Vec<Finding>,
    /// `null` without a log.
    events: Option<Events>,
    coverage: Option<Coverage>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Input {
    path: String,
    format: String,
    detail: String,
    /// Bytes read from disk.
    bytes: u64,
    /// Log entries.
    records: u64,
    /// Executions and notes.
    events: u64,
    skipped: Vec<Skipped>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Skipped {
    reason: String,
    count: u64,
    /// In the unpacked input.
    first_offset: u64,
    sample: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Window {
    start: String,
    end: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Totals {
    statements: u64,
    calls: u64,
    total_us: u64,
    /// `null` without a log: counters count no failures.
    errors: Option<u64>,
    #[serde(flatten)]
    latency: Latency,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Latency {
    /// `exact`, `histogram`, `moments` or `none`.
    latency: &'static str,
    min_us: Option<u64>,
    mean_us: Option<f64>,
    stddev_us: Option<f64>,
    p50_us: Option<u64>,
    p90_us: Option<u64>,
    p95_us: Option<u64>,
    p99_us: Option<u64>,
    p999_us: Option<u64>,
    max_us: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Group {
    /// `null` is what has none.
    key: Option<String>,
    calls: u64,
    total_us: u64,
    errors: u64,
    #[serde(flatten)]
    latency: Latency,
}

/// One statement, also a line of `jsonl`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Statement {
    id: String,
    text: String,
    verb: String,
    tables: Vec<String>,
    pretty: String,
    complexity: Option<u32>,
    calls: u64,
    /// `null` if the log has calls but no durations.
    total_us: Option<u64>,
    /// Of the time of all statements, 0 to 1.
    share: Option<f64>,
    rows: Option<u64>,
    /// This is `null` without a log, as are the keys from `parse_us` to `sessions`.
    errors: Option<u64>,
    #[serde(flatten)]
    latency: Latency,
    /// For moments: proved bounds of the percentiles.
    bounds: Option<Bounds>,
    parse_us: Option<u64>,
    bind_us: Option<u64>,
    execute_us: Option<u64>,
    lock_wait_us: Option<u64>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    sessions: Option<u64>,
    applications: Vec<Share>,
    users: Vec<Share>,
    databases: Vec<Share>,
    tags: Vec<TagShare>,
    counters: Option<Counters>,
    /// The library that wrote it; `null` if it is not known, or was written by hand.
    orm: Option<Orm>,
    query_ids: Vec<String>,
    sample: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Orm {
    /// Such as `django`.
    name: &'static str,
    /// How surely: `high`, `medium` or `low`.
    confidence: &'static str,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Finding {
    /// Its rule; `laggard rules` lists them.
    rule: &'static str,
    /// How bad, if true: `high`, `medium`, `low` or `info`.
    severity: &'static str,
    /// How surely true: `high`, `medium` or `low`.
    confidence: &'static str,
    title: String,
    statement: Option<String>,
    related: Vec<String>,
    occurrences: u64,
    /// `null` if it is not known.
    cost_us: Option<u64>,
    evidence: Vec<Evidence>,
    /// By rule.
    data: serde_json::Value,
    remedy: String,
    ddl: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Evidence {
    kind: &'static str,
    text: String,
    data: serde_json::Value,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Share {
    name: String,
    calls: u64,
    total_us: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TagShare {
    key: String,
    value: String,
    calls: u64,
    total_us: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Events {
    errors: Vec<Error>,
    lock_waits: LockWaits,
    deadlocks: u64,
    temp_files: TempFiles,
    /// This and what follows is `null` if the server speaks a language that hides it.
    checkpoints: Option<u64>,
    autovacuums: Option<u64>,
    connections: Option<u64>,
    disconnections: Option<u64>,
    cancelled: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Error {
    sqlstate: Option<String>,
    severity: String,
    message: String,
    count: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LockWaits {
    count: u64,
    total_us: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TempFiles {
    count: u64,
    bytes: u64,
    /// The statements they were written for, most bytes first.
    statements: Vec<TempFileShare>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TempFileShare {
    id: String,
    count: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Warning {
    id: &'static str,
    text: String,
}

/// Statements become JSON while they are written, so that a hundred thousand of them are not held twice.
fn one_by_one<S: serde::Serializer>(lines: &[&StatementLine], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(lines.iter().map(|line| Statement::of(line)))
}

impl<'r> Document<'r> {
    /// What is said of a report.
    #[must_use]
    pub fn of(report: &'r Report) -> Self {
        let mut lines: Vec<&StatementLine> = report.statements.iter().collect();
        lines.sort_by(|a, b| by_total(a, b));
        Document {
            schema: "laggard.report/1",
            tool: Tool::this(),
            inputs: report.inputs.iter().map(input).collect(),
            window: report.window.map(|(start, end)| Window { start: start.to_string(), end: end.to_string() }),
            totals: Totals {
                statements: report.totals.statements,
                calls: report.totals.calls,
                total_us: report.totals.latency.total.0,
                errors: report.totals.errors,
                latency: Latency::of(&report.totals.latency),
            },
            groups: report.groups.as_ref().map(|groups| {
                let group = |g: &super::GroupLine| Group {
                    key: g.key.clone(),
                    calls: g.calls,
                    total_us: g.latency.total.0,
                    errors: g.errors,
                    latency: Latency::of(&g.latency),
                };
                groups.iter().map(group).collect()
            }),
            events: report.events.as_ref().map(events),
            statements: lines,
            findings: report.findings.iter().map(finding).collect(),
            coverage: report.coverage.as_ref().map(coverage),
            warnings: report.warnings.iter().map(|w| Warning { id: w.id(), text: w.to_string() }).collect(),
        }
    }
}

impl Document<'_> {
    /// The document with an empty list of statements, for formats that write them apart.
    pub(super) fn without_statements(self) -> Self {
        Document { statements: Vec::new(), ..self }
    }
}

fn input(line: &super::InputLine) -> Input {
    Input {
        path: line.path.clone(),
        format: line.format.clone(),
        detail: line.detail.clone(),
        bytes: line.bytes,
        records: line.records,
        events: line.events,
        skipped: line
            .skipped
            .iter()
            .map(|s| Skipped { reason: s.reason.clone(), count: s.count, first_offset: s.first_offset, sample: s.sample.clone() })
            .collect(),
    }
}

fn finding(line: &super::FindingLine) -> Finding {
    let evidence = line.evidence.iter().map(|(kind, text, data)| Evidence { kind, text: text.clone(), data: data.clone() });
    Finding {
        rule: line.rule,
        severity: line.severity,
        confidence: line.confidence,
        title: line.title.clone(),
        statement: line.statement.clone(),
        related: line.related.clone(),
        occurrences: line.occurrences,
        cost_us: line.cost.map(|cost| cost.0),
        evidence: evidence.collect(),
        data: line.data.clone(),
        remedy: line.remedy.clone(),
        ddl: line.ddl.clone(),
    }
}

fn events(events: &super::EventLines) -> Events {
    let shares =
        events.temp_file_shares.iter().map(|(id, count, bytes)| TempFileShare { id: id.clone(), count: *count, bytes: *bytes }).collect();
    let error = |e: &super::ErrorLine| Error {
        sqlstate: e.sqlstate.clone(),
        severity: e.severity.clone(),
        message: e.message.clone(),
        count: e.count,
    };
    Events {
        errors: events.errors.iter().map(error).collect(),
        lock_waits: LockWaits { count: events.lock_waits.0, total_us: events.lock_waits.1.0 },
        deadlocks: events.deadlocks,
        temp_files: TempFiles { count: events.temp_files.0, bytes: events.temp_files.1, statements: shares },
        checkpoints: events.checkpoints,
        autovacuums: events.autovacuums,
        connections: events.connections,
        disconnections: events.disconnections,
        cancelled: events.cancelled,
    }
}

impl Latency {
    fn of(line: &LatencyLine) -> Self {
        let [p50, p90, p95, p99, p999] = line.percentiles.map(|p| p.map(|p| p.value.0));
        Latency {
            latency: line.known.name(),
            min_us: line.min.map(|m| m.0),
            mean_us: line.mean,
            stddev_us: line.deviation,
            p50_us: p50,
            p90_us: p90,
            p95_us: p95,
            p99_us: p99,
            p999_us: p999,
            max_us: line.max.map(|m| m.0),
        }
    }
}

impl Statement {
    pub(super) fn of(line: &StatementLine) -> Self {
        let shares = |shares: &[ShareLine]| {
            shares.iter().map(|s| Share { name: s.name.clone(), calls: s.calls, total_us: s.total.0 }).collect::<Vec<_>>()
        };
        let tag = |(key, share): &(String, ShareLine)| TagShare {
            key: key.clone(),
            value: share.name.clone(),
            calls: share.calls,
            total_us: share.total.0,
        };
        let steps = line.logged.as_ref().map_or([None; 3], |logged| logged.steps.map(Some));
        let [parse_us, bind_us, execute_us] = steps.map(|step| step.map(|s| s.0));
        let logged = line.logged.as_ref();
        let unknown = line.calls > 0 && line.latency.known == Known::Nothing;
        Statement {
            id: line.id.clone(),
            text: line.text.clone(),
            verb: line.verb.clone(),
            tables: line.tables.clone(),
            pretty: line.pretty.clone(),
            complexity: line.complexity,
            calls: line.calls,
            total_us: Some(line.latency.total.0).filter(|_| !unknown),
            share: line.share.filter(|_| !unknown),
            rows: line.rows,
            errors: logged.map(|l| l.errors),
            latency: Latency::of(&line.latency),
            bounds: (line.latency.known == Known::Moments).then(|| bounds(&line.latency)),
            parse_us,
            bind_us,
            execute_us,
            lock_wait_us: logged.map(|l| l.waited.0),
            first_seen: logged.and_then(|l| l.seen).map(|(first, _)| first.to_string()),
            last_seen: logged.and_then(|l| l.seen).map(|(_, last)| last.to_string()),
            sessions: logged.map(|l| l.sessions),
            applications: shares(&line.applications),
            users: shares(&line.users),
            databases: shares(&line.databases),
            tags: line.tags.iter().map(tag).collect(),
            counters: line.counters.as_ref().map(counters),
            orm: line.orm.map(|(name, confidence)| Orm { name, confidence }),
            query_ids: line.query_ids.iter().map(i64::to_string).collect(),
            sample: line.sample.clone(),
        }
    }
}

/// JSON has no infinity.
pub(super) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// The committed file from which `laggard schema` takes a schema must be that of the structs.
#[cfg(test)]
pub(crate) fn assert_committed<T: schemars::JsonSchema>(name: &str) {
    let committed = format!("{}/src/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(T)).expect("is JSON") + "\n";
    if std::env::var_os("LAGGARD_BLESS").is_some() {
        std::fs::write(&committed, &schema).expect("writable");
    }
    assert!(std::fs::read_to_string(&committed).expect("committed") == schema, "run the tests with LAGGARD_BLESS=1 to renew {committed}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_that_of_the_structs() {
        super::assert_committed::<super::Document>("report/report");
    }
}
