//! RFC 4180: a header, then one row a statement with raw numbers, for spreadsheets and databases. With `--by` one row a group:
//! a table has rows of one kind, and whoever groups asks for the groups.
//!
//! A cell that a spreadsheet would take for a formula gets a `'` before it only when asked for, because programs want the
//! text as it is. Where only findings are asked for there is one row a finding.

use std::io;

use super::{FindingLine, GroupLine, LatencyLine, Renderer, Report, StatementLine, Style};

/// See the module.
pub(super) struct Csv;

const HEADER: [&str; 28] = [
    "id",
    "verb",
    "calls",
    "errors",
    "total_us",
    "share",
    "latency",
    "min_us",
    "mean_us",
    "stddev_us",
    "p50_us",
    "p90_us",
    "p95_us",
    "p99_us",
    "p999_us",
    "max_us",
    "parse_us",
    "bind_us",
    "execute_us",
    "lock_wait_us",
    "sessions",
    "first_seen",
    "last_seen",
    "rows",
    "p95_limit_us",
    "state",
    "partial",
    "text",
];

const GROUP_HEADER: [&str; 14] = [
    "key",
    "calls",
    "errors",
    "total_us",
    "latency",
    "min_us",
    "mean_us",
    "stddev_us",
    "p50_us",
    "p90_us",
    "p95_us",
    "p99_us",
    "p999_us",
    "max_us",
];

const FINDING_HEADER: [&str; 10] =
    ["rule", "severity", "confidence", "cost_us", "occurrences", "statement", "title", "remedy", "ddl", "text"];

impl Renderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn render(&self, report: &Report, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(to);
        let mut write = |cells: &[String]| {
            writer.write_record(cells.iter().map(|cell| if style.safe_csv { safe(cell) } else { cell.clone() })).map_err(io_error)
        };
        match &report.groups {
            _ if style.findings_only => {
                write(&FINDING_HEADER.map(str::to_owned))?;
                report.findings.iter().try_for_each(|line| write(&finding_row(line)))?;
            }
            Some(groups) => {
                write(&GROUP_HEADER.map(str::to_owned))?;
                groups.iter().try_for_each(|line| write(&group_row(line)))?;
            }
            None => {
                write(&HEADER.map(str::to_owned))?;
                report.statements.iter().try_for_each(|line| write(&row(line)))?;
            }
        }
        writer.flush()
    }
}

fn finding_row(line: &FindingLine) -> [String; 10] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let cost = line.cost.map(|cost| cost.0.to_string()).unwrap_or_default();
    let [rule, severity, confidence] = [line.rule, line.severity, line.confidence].map(str::to_owned);
    let (title, remedy) = (line.title.clone(), line.remedy.clone());
    let (statement, ddl, text) = (or_empty(&line.statement), or_empty(&line.ddl), or_empty(&line.text));
    [rule, severity, confidence, cost, line.occurrences.to_string(), statement, title, remedy, ddl, text]
}

fn group_row(line: &GroupLine) -> [String; 14] {
    let [known, min, mean, deviation, p50, p90, p95, p99, p999, max] = latency_cells(&line.latency);
    let [calls, errors, total] = [line.calls, line.errors, line.latency.total.0].map(|number| number.to_string());
    [line.key.clone().unwrap_or_default(), calls, errors, total, known, min, mean, deviation, p50, p90, p95, p99, p999, max]
}

/// From `latency` to `max_us`.
fn latency_cells(latency: &LatencyLine) -> [String; 10] {
    let whole = |value: Option<u64>| value.map(|v| v.to_string()).unwrap_or_default();
    let fraction = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    let [p50, p90, p95, p99, p999] = latency.percentiles.map(|p| whole(p.map(|p| p.value.0)));
    let (mean, deviation) = (fraction(latency.mean), fraction(latency.deviation));
    let [min, max] = [latency.min, latency.max].map(|value| whole(value.map(|v| v.0)));
    [latency.known.name().to_owned(), min, mean, deviation, p50, p90, p95, p99, p999, max]
}

fn row(line: &StatementLine) -> [String; 28] {
    let [known, min, mean, deviation, p50, p90, p95, p99, p999, max] = latency_cells(&line.latency);
    let whole = |value: Option<u64>| value.map(|v| v.to_string()).unwrap_or_default();
    let logged = line.logged.as_ref();
    let [parse, bind, execute] = [0, 1, 2].map(|at| whole(logged.map(|l| l.steps[at].0)));
    let seen = logged.and_then(|l| l.seen);
    let counters = line.counters.as_ref();
    [
        line.id.clone(),
        line.verb.clone(),
        line.calls.to_string(),
        whole(logged.map(|l| l.errors)),
        line.latency.total.0.to_string(),
        line.share.map(|share| share.to_string()).unwrap_or_default(),
        known,
        min,
        mean,
        deviation,
        p50,
        p90,
        p95,
        p99,
        p999,
        max,
        parse,
        bind,
        execute,
        whole(logged.map(|l| l.waited.0)),
        whole(logged.map(|l| l.sessions)),
        seen.map(|(first, _)| first.to_string()).unwrap_or_default(),
        seen.map(|(_, last)| last.to_string()).unwrap_or_default(),
        whole(line.rows),
        whole(line.latency.bounds[2].map(|(_, high)| high.0)),
        counters.map(|c| c.state.to_owned()).unwrap_or_default(),
        counters.map(|c| c.partial.to_string()).unwrap_or_default(),
        line.text.clone(),
    ]
}

/// What the system said, so that a closed pipe is known as one.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// OWASP, "CSV Injection": cells that begin so are formulas to a spreadsheet.
fn safe(cell: &str) -> String {
    let mark = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("{mark}{cell}")
}
