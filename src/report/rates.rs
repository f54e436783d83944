//! What a server did in the last interval, as rates: for `laggard top`.
//!
//! One statement a line, readable in a pipe. Time per second is the average number of sessions that were at it; the
//! percentile is what 95 of 100 calls were certainly not above.

use std::io;

use crate::units::grouped;

use super::table::{Grid, longest, mean, quantile};
use super::text::{ascii, sanitised};
use super::{CounterLine, Report, StatementLine, Style};

/// Draws the interval of a report; without an interval there is nothing to draw.
///
/// # Errors
/// If `to` cannot be written to.
pub fn draw(report: &Report, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
    let Some((start, end)) = report.window else { return Ok(()) };
    let seconds = (end.0 - start.0) as f64 / 1e6;
    if seconds <= 0.0 {
        return Ok(());
    }
    let total = &report.totals;
    let sessions = total.latency.total.0 as f64 / 1e6 / seconds;
    let mut head = format!(
        "{}  {:.1} s  {} calls/s · {sessions:.2} active sessions · {} statements",
        super::table::moment(end, style),
        seconds,
        rate(total.calls as f64 / seconds),
        grouped(total.statements)
    );
    if let Some(lost) = report.coverage.as_ref().and_then(|coverage| coverage.lost).filter(|&lost| lost > 0) {
        head.push_str(&format!(" · {} entries lost", grouped(lost)));
    }
    put(to, style, &head)?;
    if report.statements.iter().all(|line| line.calls == 0) {
        put(to, style, "nothing was called")?;
        return put(to, style, "");
    }
    let rows = report.statements.iter().filter(|line| line.calls > 0).map(|line| row(line, seconds)).collect();
    let grid = Grid::new(vec!["calls/s", "time/s", "mean", "p95", "max", "rows/s", "hit", "id", "statement"], rows, &["id", "statement"]);
    let text = style.width.map_or_else(|| grid.plain(), |width| grid.fitted(width));
    text.lines().try_for_each(|line| put(to, style, line.trim_end()))?;
    put(to, style, "")
}

fn row(line: &StatementLine, seconds: f64) -> Vec<String> {
    vec![
        rate(line.calls as f64 / seconds),
        format!("{:.3}", line.latency.total.0 as f64 / 1e6 / seconds),
        mean(&line.latency),
        limit(line),
        longest(&line.latency),
        line.rows.map_or_else(|| "–".to_owned(), |rows| rate(rows as f64 / seconds)),
        line.counters.as_ref().map(hit).unwrap_or_default(),
        line.id[..line.id.len().min(6)].to_owned(),
        sanitised(&line.text),
    ]
}

/// The 95th percentile, or what it is certainly not above; never a guess.
fn limit(line: &StatementLine) -> String {
    let proved = super::LatencyLine { guesses: [None; 5], ..line.latency.clone() };
    quantile(&proved, 2)
}

fn hit(counters: &CounterLine) -> String {
    super::table::hit_ratio(counters)
}

/// Three digits, or whole numbers when large.
fn rate(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn put(to: &mut dyn io::Write, style: &Style, line: &str) -> io::Result<()> {
    if style.ascii { writeln!(to, "{}", ascii(line)) } else { writeln!(to, "{line}") }
}
