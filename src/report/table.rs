//! The screen that a DBA sees first: what was read, what to know about it, and where the time went.
//!
//! On a terminal a table as wide as it is; piped, one record a line, nothing boxed and nothing cut. `comfy-table`, which
//! looks for a maintainer, is named in this file only.

use std::io;

use anstyle::{AnsiColor, Style as Ansi};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use jiff::tz::TimeZone;

use crate::units::{ByteCount, Micros, Timestamp, counted, grouped, often};

use super::findings::{Tone, above, finding_lines, legend};
use super::text::{ascii, cut, sanitised, wrapped};
use super::zoned::zoned;
use super::{
    CounterLine, CoverageLine, EventLines, GroupLine, Known, LatencyLine, Percentile, Renderer, Report, StatementLine, Style, spark,
};

/// See the module.
pub(super) struct Table;

const HEADING: Ansi = Ansi::new().bold();
const DOUBT: Ansi = AnsiColor::Yellow.on_default();
const BAD: Ansi = AnsiColor::BrightRed.on_default();
const DIM: Ansi = Ansi::new().dimmed();

impl Renderer for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt"]
    }

    fn render(&self, report: &Report, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut out = Painter { style, to };
        for line in heading(report, style) {
            out.line(HEADING, &line)?;
        }
        for warning in &report.warnings {
            out.sentence(DOUBT, &sanitised(&zoned(&warning.to_string(), style)))?;
        }
        if style.findings_only {
            return out.findings(report);
        }
        if let Some(groups) = &report.groups {
            out.line(DIM, "")?;
            let shown = style.top.unwrap_or(groups.len()).min(groups.len());
            out.table(&group_table(&groups[..shown]))?;
            if shown < groups.len() {
                out.line(DIM, &format!("{} more groups", grouped((groups.len() - shown) as u64)))?;
            }
        }
        // Above the statements, which are more lines, so that one screen has both.
        out.findings(report)?;
        if !report.statements.is_empty() {
            out.line(DIM, "")?;
            out.table(&statement_table(&report.statements))?;
            out.notes(report)?;
        }
        out.events(report)
    }
}

struct Painter<'a> {
    style: &'a Style,
    to: &'a mut dyn io::Write,
}

impl Painter<'_> {
    fn line(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        let text = if self.style.ascii { ascii(text) } else { text.to_owned() };
        if self.style.colour && !text.is_empty() { writeln!(self.to, "{paint}{text}{paint:#}") } else { writeln!(self.to, "{text}") }
    }

    /// As many lines as the terminal needs for it.
    fn sentence(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        match self.style.width {
            Some(width) => wrapped(text, width.max(LEAST_ROOM)).iter().try_for_each(|part| self.line(paint, part)),
            None => self.line(paint, text),
        }
    }

    fn table(&mut self, table: &Grid) -> io::Result<()> {
        let text = match self.style.width {
            Some(width) => table.fitted(width),
            None => table.plain(),
        };
        for (at, line) in text.lines().enumerate() {
            let paint = if at == 0 { HEADING } else { Ansi::new() };
            self.line(paint, line.trim_end())?;
        }
        Ok(())
    }

    /// What the marks in the table mean, and how many statements are not in it.
    fn notes(&mut self, report: &Report) -> io::Result<()> {
        let marked = |line: &StatementLine| [0, 2, 3].iter().any(|&q| line.latency.percentiles[q].is_some_and(|p| p.is_maximum));
        if report.statements.iter().any(marked) {
            self.line(DIM, "* the maximum: too few calls for this percentile")?;
        }
        if report.statements.iter().any(|line| line.latency.known == Known::Moments) {
            self.line(DIM, "from sums, not from calls: ≤ is proved, ~ is a guess that takes the latency for log-normal")?;
        }
        let hidden = report.totals.statements.saturating_sub(report.statements.len() as u64);
        if hidden > 0 {
            self.line(DIM, &format!("{} more statements; -n {} shows all", grouped(hidden), report.totals.statements))?;
        }
        Ok(())
    }

    /// What is wrong, and how to learn more.
    fn findings(&mut self, report: &Report) -> io::Result<()> {
        let Some(first) = report.findings.first() else {
            return if self.style.findings_only && report.totals.statements > 0 { self.line(HEADING, "no findings") } else { Ok(()) };
        };
        self.line(DIM, "")?;
        self.line(HEADING, "findings, most costly first")?;
        let most = self.style.top.unwrap_or(usize::MAX);
        let shown =
            if self.style.findings_only { report.findings.iter().take(most).cloned().collect() } else { above(&report.findings, most) };
        for (tone, line) in finding_lines(&shown, self.style) {
            let paint = match tone {
                Tone::Bad => BAD,
                Tone::Plain => Ansi::new(),
                Tone::Dim => DIM,
            };
            self.line(paint, &line)?;
        }
        if shown.len() < report.findings.len() {
            let (more, all) = (report.findings.len() - shown.len(), report.findings.len());
            let how = if self.style.findings_only { format!("-n {all} shows all") } else { format!("laggard check -n {all} shows them") };
            self.line(DIM, &format!("  {} more; {how}", grouped(more as u64)))?;
        }
        if let Some(legend) = legend(&shown) {
            self.sentence(DIM, legend)?;
        }
        let of_statement =
            first.statement.as_deref().map(|id| format!(", and {} with the same inputs all of that statement", &id[..id.len().min(6)]));
        let next = format!("  laggard explain {} says what it means and what to do{}", first.rule, of_statement.unwrap_or_default());
        self.sentence(DIM, &next)
    }

    fn events(&mut self, report: &Report) -> io::Result<()> {
        let facts = report.events.as_ref().map(event_facts).unwrap_or_default();
        if facts.is_empty() {
            return Ok(());
        }
        self.line(DIM, "")?;
        self.line(HEADING, "besides statements")?;
        facts.iter().try_for_each(|fact| self.line(Ansi::new(), &format!("  {fact}")))
    }
}

/// What was read and how much it is, in a line or two.
pub(super) fn heading(report: &Report, style: &Style) -> Vec<String> {
    let mut parts = Vec::new();
    match report.inputs.as_slice() {
        [one] => parts.push(sanitised(&one.path)),
        several => parts.push(format!("{} inputs", several.len())),
    }
    if let Some((start, end)) = report.window {
        parts.push(period(start, end, style));
    }
    let bytes: u64 = report.inputs.iter().map(|i| i.bytes).sum();
    parts.push(ByteCount(bytes).to_string());
    let mut counts = vec![counted(report.totals.calls, "call"), counted(report.totals.statements, "statement")];
    if let Some(errors) = report.totals.errors.filter(|&errors| errors > 0) {
        counts.push(counted(errors, "error"));
    }
    if report.totals.databases > 1 {
        counts.push(counted(report.totals.databases, "database"));
    }
    let skipped: u64 = report.inputs.iter().flat_map(|i| &i.skipped).map(|s| s.count).sum();
    if skipped > 0 {
        let first = report.inputs.iter().find_map(|i| i.skipped.iter().map(|s| s.first_offset).min().map(|at| (i, at)));
        let place = first.map(|(input, at)| format!(" (first at {}:{at})", sanitised(&input.path))).unwrap_or_default();
        counts.push(format!("{} not understood{place}", counted(skipped, "record")));
    }
    let mut lines = vec![parts.join("  "), counts.join(" · ")];
    let latency = &report.totals.latency;
    if latency.known != Known::Nothing {
        let mean = if latency.known == Known::Moments { format!(" · mean {}", mean(latency)) } else { String::new() };
        let [p50, p95, p99] = [0, 2, 3].map(|at| quantile(latency, at));
        let (total, max) = (duration(Some(latency.total)), longest(latency));
        lines.push(format!("time in the server {total}{mean} · p50 {p50} · p95 {p95} · p99 {p99} · max {max}"));
    }
    lines.extend(report.coverage.as_ref().map(coverage));
    lines
}

/// What the counters are of, and how much of it is known.
fn coverage(coverage: &CoverageLine) -> String {
    let of = if coverage.is_life { "counters since they were reset" } else { "counters between snapshots" };
    let mut parts = vec![of.to_owned()];
    if let Some(share) = coverage.known_share.filter(|_| !coverage.is_life) {
        // Rounding never makes a whole of less.
        parts.push(format!("{} of their time has a known base", percent(if share < 1.0 { share.min(0.99) } else { share })));
    }
    if let Some(lost) = coverage.lost.filter(|&lost| lost > 0) {
        parts.push(if lost == 1 { "1 entry lost".to_owned() } else { format!("{} entries lost", grouped(lost)) });
    }
    if let Some(rounds) = coverage.dealloc_rounds.filter(|&rounds| rounds > 0) {
        parts.push(format!("room made by dropping entries {}", often(rounds)));
    }
    parts.join(" · ")
}

/// A percentile by its place in the line: as it is, as a guess (`~`), or what it is certainly not above (`≤`).
pub(super) fn quantile(latency: &LatencyLine, at: usize) -> String {
    if latency.percentiles[at].is_none() {
        if let Some(guess) = latency.guesses[at] {
            return format!("~{guess}");
        }
        if let Some((_, high)) = latency.bounds[at] {
            return format!("≤{high}");
        }
    }
    percentile(latency.percentiles[at])
}

/// The maximum, or what it is certainly not above.
pub(super) fn longest(latency: &LatencyLine) -> String {
    match (latency.max, latency.max_limits.map(|(_, high)| high)) {
        (None, Some(limit)) => format!("≤{limit}"),
        (max, _) => duration(max),
    }
}

/// The mean.
pub(super) fn mean(latency: &LatencyLine) -> String {
    duration(latency.mean.map(|mean| Micros::floor(mean + 0.5)))
}

fn period(start: Timestamp, end: Timestamp, style: &Style) -> String {
    let zone = style.zone.clone().unwrap_or(TimeZone::UTC);
    let zoned = |t: Timestamp| jiff::Timestamp::from_microsecond(t.0).map(|t| t.to_zoned(zone.clone())).ok();
    let (Some(start), Some(end)) = (zoned(start), zoned(end)) else { return "times out of range".to_owned() };
    let until = if start.date() == end.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    format!("{} – {} {}", start.strftime("%Y-%m-%d %H:%M:%S"), end.strftime(until), end.strftime("%Z"))
}

/// A moment as it is shown.
pub(super) fn moment(at: Timestamp, style: &Style) -> String {
    let zone = style.zone.clone().unwrap_or(TimeZone::UTC);
    let shown = jiff::Timestamp::from_microsecond(at.0).map(|at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string());
    shown.unwrap_or_else(|_| "time out of range".to_owned())
}

/// A duration, or `–` if it is not known.
pub(super) fn duration(value: Option<Micros>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| v.to_string())
}

/// A percentile, marked if it is the maximum for want of calls.
pub(super) fn percentile(percentile: Option<Percentile>) -> String {
    percentile.map_or_else(|| "–".to_owned(), |p| format!("{}{}", p.value, if p.is_maximum { "*" } else { "" }))
}

/// A share in whole per cent, or `<1 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { "<1 %".to_owned() } else { format!("{percent:.0} %") }
}

/// What a narrow terminal does without, the first first. The id is what `explain` and an ignore want, and goes last.
const DISPENSABLE: [&str; 10] = ["spread", "hit", "rows", "share", "p50", "errors", "state", "p95", "p99", "id"];
/// A statement of a few words is worth more than none, in columns.
pub(super) const LEAST_ROOM: usize = 24;

/// Rows of text; all columns but the last are numbers.
#[derive(Clone)]
pub(super) struct Grid {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns whose cells are not numbers.
    left: Vec<usize>,
}

fn latency_cells(latency: &LatencyLine) -> [String; 4] {
    // The mark hangs behind the number, so that numbers stay in line.
    let hanging = |at: usize| quantile(latency, at) + if latency.percentiles[at].is_some_and(|p| p.is_maximum) { "" } else { " " };
    [hanging(0), hanging(2), hanging(3), longest(latency)]
}

fn statement_table(lines: &[StatementLine]) -> Grid {
    let mut columns: Vec<(&'static str, Vec<String>)> = Vec::new();
    let mut column = |name, cell: &dyn Fn(&StatementLine) -> String| columns.push((name, lines.iter().map(cell).collect()));
    let counters = |of: &dyn Fn(&CounterLine) -> String, line: &StatementLine| line.counters.as_ref().map(of).unwrap_or_default();
    let errors = |line: &StatementLine| line.logged.as_ref().map_or(0, |logged| logged.errors);
    let has_counters = lines.iter().any(|line| line.counters.is_some());
    column("total", &|line| duration(Some(line.latency.total).filter(|_| line.latency.known != Known::Nothing)));
    column("share", &|line| line.share.map_or_else(|| "–".to_owned(), percent));
    column("calls", &|line| grouped(line.calls));
    if lines.iter().any(|line| errors(line) > 0) {
        column("errors", &|line| if errors(line) > 0 { grouped(errors(line)) } else { String::new() });
    }
    if has_counters {
        column("rows", &|line| line.rows.map_or_else(|| "–".to_owned(), grouped));
        column("hit", &|line| counters(&hit_ratio, line));
        column("mean", &|line| mean(&line.latency));
    }
    for (at, name) in ["p50", "p95", "p99", "max"].into_iter().enumerate() {
        column(name, &|line| latency_cells(&line.latency)[at].clone());
    }
    if lines.iter().any(|line| !line.latency.spread.is_empty()) {
        column("spread", &|line| spark::bars(&line.latency.spread));
    }
    if lines.iter().any(|line| line.counters.as_ref().is_some_and(|c| c.partial || c.state != "continuous")) {
        let state = |c: &CounterLine| format!("{}{}", c.state, if c.partial && c.state != "gone" { ", partial" } else { "" });
        column("state", &|line| counters(&state, line));
    }
    column("id", &|line| line.id[..line.id.len().min(6)].to_owned());
    column("statement", &|line| sanitised(&line.text));
    let left = ["spread", "state", "id", "statement"];
    let rows = (0..lines.len())
        .map(|at| std::iter::once((at + 1).to_string()).chain(columns.iter().map(|(_, cells)| cells[at].clone())).collect());
    let header = std::iter::once("#").chain(columns.iter().map(|(name, _)| *name)).collect();
    Grid::new(header, rows.collect(), &left)
}

/// The share of shared blocks that were found in the cache.
pub(super) fn hit_ratio(counters: &CounterLine) -> String {
    let [Some(hit), Some(read), ..] = counters.shared else { return "–".to_owned() };
    let all = hit.saturating_add(read);
    if all == 0 { String::new() } else { percent(hit as f64 / all as f64) }
}

fn group_table(groups: &[GroupLine]) -> Grid {
    let rows = groups.iter().map(|group| {
        let mut row = vec![duration(Some(group.latency.total)), grouped(group.calls), grouped(group.errors)];
        row.extend(latency_cells(&group.latency));
        row.push(group.key.as_deref().map_or_else(|| "–".to_owned(), sanitised));
        row
    });
    Grid { header: vec!["total", "calls", "errors", "p50", "p95", "p99", "max", "group"], rows: rows.collect(), left: vec![7] }
}

impl Grid {
    /// Rows under a header; the columns named in `left` hold text.
    pub(super) fn new(header: Vec<&'static str>, rows: Vec<Vec<String>>, left: &[&str]) -> Self {
        let left = header.iter().enumerate().filter(|(_, name)| left.contains(name)).map(|(at, _)| at).collect();
        Grid { header, rows, left }
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn remove(&mut self, column: usize) {
        self.header.remove(column);
        self.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        self.left.iter_mut().for_each(|left| *left -= usize::from(*left > column));
    }

    fn table(&self, gap: u16) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.force_no_tty();
        table.set_header(self.header.clone());
        for column in 0..self.header.len() {
            if let Some(column_of_table) = table.column_mut(column) {
                column_of_table.set_padding((0, if column + 1 == self.header.len() { 0 } else { gap }));
                if !self.left.contains(&column) {
                    column_of_table.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        table
    }

    /// As wide as the terminal: what is left of a line goes to the last column, and longer text is cut.
    pub(super) fn fitted(&self, width: usize) -> String {
        let needed = |grid: &Grid| grid.fixed_width() + LEAST_ROOM;
        let least = DISPENSABLE.iter().find_map(|name| self.header.iter().position(|h| h == name));
        if let Some(column) = least.filter(|_| needed(self) > width) {
            let mut narrower = self.clone();
            narrower.remove(column);
            return narrower.fitted(width);
        }
        let last = self.header.len() - 1;
        let room = width.saturating_sub(self.fixed_width()).max(LEAST_ROOM);
        let mut table = self.table(1);
        table.set_content_arrangement(ContentArrangement::Disabled);
        for row in &self.rows {
            let mut row = row.clone();
            row[last] = cut(&abbreviated(&row[last], room), room);
            table.add_row(row);
        }
        if let Some(column) = table.column_mut(last) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(u16::try_from(room).unwrap_or(u16::MAX))));
        }
        table.to_string()
    }

    /// Columns of all but the last column.
    fn fixed_width(&self) -> usize {
        let mut measured = self.table(1);
        measured.set_content_arrangement(ContentArrangement::Disabled);
        let last = self.header.len() - 1;
        for row in &self.rows {
            measured.add_row(row[..last].to_vec());
        }
        measured.column_max_content_widths().iter().take(last).map(|&w| usize::from(w) + 1).sum()
    }

    /// Columns for programs and pipes: nothing is cut.
    pub(super) fn plain(&self) -> String {
        let mut table = self.table(2);
        table.set_content_arrangement(ContentArrangement::Disabled);
        for row in &self.rows {
            table.add_row(row.clone());
        }
        table.to_string()
    }
}

/// A statement that does not fit loses its select list first: what it reads from says more than what it returns.
fn abbreviated(statement: &str, room: usize) -> String {
    let Some(list) = statement.strip_prefix("select ").filter(|_| statement.len() > room) else { return statement.to_owned() };
    let mut depth = 0usize;
    for (at, c) in list.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && list[at..].starts_with(" from ") => {
                return if at > SHORT_LIST { format!("select …{}", &list[at..]) } else { statement.to_owned() };
            }
            _ => {}
        }
    }
    statement.to_owned()
}

/// A select list this short, in bytes, is not worth leaving out.
const SHORT_LIST: usize = 12;

fn event_facts(events: &EventLines) -> Vec<String> {
    let mut facts = Vec::new();
    for error in events.errors.iter().take(5) {
        let state = error.sqlstate.as_deref().map(|s| format!("{s} ")).unwrap_or_default();
        facts.push(sanitised(&format!("{} × {} {state}{}", grouped(error.count), error.severity, error.message)));
    }
    if events.errors.len() > 5 {
        facts.push(format!("… and {} more kinds of error", events.errors.len() - 5));
    }
    if events.lock_waits.0 > 0 {
        facts.push(format!("{}, {} in all", counted(events.lock_waits.0, "lock wait"), events.lock_waits.1));
    }
    if events.deadlocks > 0 {
        facts.push(counted(events.deadlocks, "deadlock"));
    }
    if let Some(cancelled) = events.cancelled.filter(|&n| n > 0) {
        facts.push(format!("{} cancelled", counted(cancelled, "statement")));
    }
    if events.temp_files.0 > 0 {
        facts.push(format!("{}, {}", counted(events.temp_files.0, "temporary file"), ByteCount(events.temp_files.1)));
    }
    let connections = [
        (events.connections, "connection"),
        (events.disconnections, "disconnection"),
        (events.checkpoints, "checkpoint"),
        (events.autovacuums, "autovacuum"),
    ];
    let counted: Vec<String> = connections.iter().filter_map(|&(n, thing)| n.filter(|&n| n > 0).map(|n| counted(n, thing))).collect();
    if !counted.is_empty() {
        facts.push(counted.join(" · "));
    }
    facts
}
