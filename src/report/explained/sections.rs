//! What is said of a statement, in sections of lines, code and tables; a page and Markdown draw the same.

use crate::units::{ByteCount, Micros, Timestamp, counted, grouped};

use super::super::findings::{cost, legend, reasons, windows};
use super::super::table::{Grid, duration, hit_ratio, longest, mean, moment, percent, quantile};
use super::super::text::sanitised;
use super::super::zoned::zoned;
use super::super::{CounterLine, ErrorLine, FindingLine, Known, LatencyLine, ShareLine, StatementLine, Style, spark};
use super::plans;
use super::{Explained, LoopLine, ParametersLine, StretchLine, TimelineLine};

/// A part of the page.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) blocks: Vec<Block>,
}

/// Something in a section.
pub(super) enum Block {
    Lines(Vec<String>),
    /// SQL, each line as it is.
    Code(Vec<String>),
    Table(Grid),
}

/// How many columns the longest bar has.
const BAR: u64 = 40;
/// How many rows a table of times has at most.
const MOST_ROWS: usize = 12;
/// How many columns a line of bars over time has at most.
const MOST_BARS: usize = 60;
/// So many names of a kind are told.
const MOST_NAMES: usize = 8;

/// Everything that is said.
pub(super) fn sections(explained: &Explained, style: &Style) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut section = |title, blocks: Vec<Block>| {
        let blocks: Vec<Block> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
        if !blocks.is_empty() {
            sections.push(Section { title, blocks });
        }
    };
    let Some(line) = explained.report.statements.first() else { return sections };
    section("statement", vec![Block::Code(line.pretty.lines().map(sanitised).collect())]);
    section("calls and time", vec![Block::Lines(time(explained, line, style))]);
    section("durations", vec![Block::Lines(doubt(&line.latency)), histogram(explained, style)]);
    section("over time", explained.timeline.as_ref().map(|timeline| over_time(timeline, style)).unwrap_or_default());
    section("who calls it", vec![Block::Lines(callers(line))]);
    section("values", vec![Block::Lines(explained.parameters.iter().map(|parameters| values(parameters, line.calls)).collect())]);
    section("plans", vec![Block::Lines(explained.plans.iter().flat_map(|plans| plans::told(plans, style)).collect())]);
    section("errors", vec![Block::Lines(errors(explained))]);
    section("counters", vec![Block::Lines(line.counters.iter().flat_map(counters).collect())]);
    let legend = legend(&explained.report.findings).map(str::to_owned);
    section(
        "findings",
        vec![Block::Lines(explained.report.findings.iter().flat_map(|f| finding(f, &line.id, style)).chain(legend).collect())],
    );
    section("why no index is advised", vec![Block::Lines(explained.unadvised.iter().map(|reason| sanitised(reason)).collect())]);
    section("loops", vec![Block::Lines(explained.loops.iter().map(told).collect())]);
    let ids: Vec<String> = line.query_ids.iter().map(i64::to_string).collect();
    section("query ids of the server", vec![Block::Lines(if ids.is_empty() { ids } else { vec![ids.join(", ")] })]);
    section("an example", vec![Block::Code(line.sample.iter().flat_map(|sample| sample.lines().map(sanitised)).collect())]);
    sections
}

impl Block {
    fn is_empty(&self) -> bool {
        match self {
            Block::Lines(lines) | Block::Code(lines) => lines.is_empty(),
            Block::Table(grid) => grid.is_empty(),
        }
    }
}

/// 1st, 2nd, 3rd, 4th, 11th …
fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{}{ending}", grouped(number))
}

fn time(explained: &Explained, line: &StatementLine, style: &Style) -> Vec<String> {
    let (place, of) = explained.rank;
    let latency = &line.latency;
    let mut lines = Vec::new();
    if latency.known != Known::Nothing {
        let rank = if of > 1 { format!("{} of {} by total time: ", ordinal(place), counted(of, "statement")) } else { String::new() };
        let share = line.share.map(|share| format!(", {} of all", percent(share))).unwrap_or_default();
        lines.push(format!("{rank}{}{share}", latency.total));
    }
    let mut parts = vec![counted(line.calls, "call")];
    if let Some(logged) = &line.logged {
        if logged.sessions > 0 {
            parts[0].push_str(&format!(" in {}", counted(logged.sessions, "session")));
        }
        if logged.errors > 0 {
            parts.push(format!("{} failed", grouped(logged.errors)));
        }
    }
    parts.extend(line.rows.map(|rows| counted(rows, "row")));
    lines.push(parts.join(" · "));
    if let Some((first, last)) = line.logged.as_ref().and_then(|logged| logged.seen) {
        lines.push(format!("first {}, last {}", moment(first, style), moment(last, style)));
    }
    if let Some(logged) = &line.logged {
        let [parse, bind, execute] = logged.steps;
        if parse.0 + bind.0 > 0 {
            lines.push(format!("parse {parse} · bind (with planning) {bind} · execute {execute}"));
        }
        if logged.waited.0 > 0 {
            lines.push(format!("{} waited for locks", logged.waited));
        }
    }
    if explained.temp_files.0 > 0 {
        lines.push(format!("{}, {}", counted(explained.temp_files.0, "temporary file"), ByteCount(explained.temp_files.1)));
    }
    lines.extend(figures(latency, explained.timed));
    lines
}

/// The distribution in a line, with how many values it is of.
fn figures(latency: &LatencyLine, timed: u64) -> Option<String> {
    let of = match latency.known {
        Known::Nothing => return None,
        Known::Moments => String::new(),
        Known::Exact | Known::Histogram => format!(" (of {})", counted(timed, "call")),
    };
    let percentiles = ["p50", "p90", "p95", "p99", "p99.9"].iter().enumerate();
    let percentiles: Vec<String> = percentiles.map(|(at, name)| format!("{name} {}", quantile(latency, at))).collect();
    let spread = latency.deviation.map(|d| format!(" (deviation {})", Micros::floor(d + 0.5))).unwrap_or_default();
    Some(format!(
        "min {} · mean {}{spread} · {} · max {}{of}",
        duration(latency.min),
        mean(latency),
        percentiles.join(" · "),
        longest(latency)
    ))
}

/// What the marks of percentiles mean.
fn doubt(latency: &LatencyLine) -> Vec<String> {
    let mut lines = Vec::new();
    if latency.percentiles.iter().flatten().any(|p| p.is_maximum) {
        lines.push("* the maximum: too few calls for this percentile".to_owned());
    }
    if latency.known == Known::Moments {
        lines.push("from sums, not from calls: ≤ is proved, ~ is a guess that takes the latency for log-normal".to_owned());
    }
    lines
}

/// A bar as long as a part of the most; something is never nothing.
fn bar(part: u64, most: u64, style: &Style) -> String {
    let columns = (u128::from(part) * u128::from(BAR)).div_ceil(u128::from(most.max(1)));
    (if style.ascii { "#" } else { "█" }).repeat(usize::try_from(columns).unwrap_or(0))
}

fn histogram(explained: &Explained, style: &Style) -> Block {
    let most = explained.histogram.iter().map(|step| step.count).max().unwrap_or(0);
    let row = |step: &super::StepLine| {
        let limits = [step.from, step.to].map(|limit| limit.to_string());
        let [from, to] = limits;
        vec![from, to, grouped(step.count), bar(step.count, most, style)]
    };
    let rows = explained.histogram.iter().map(row).collect();
    Block::Table(Grid::new(vec!["from", "below", "calls", ""], rows, &[""]))
}

fn over_time(timeline: &TimelineLine, style: &Style) -> Vec<Block> {
    let bars = summed(timeline, MOST_BARS);
    let rows = summed(timeline, MOST_ROWS);
    let mut lines = Vec::new();
    // A few stretches are told by the table.
    if bars.stretches.len() > MOST_ROWS {
        let of = |value: &dyn Fn(&StretchLine) -> u64| bars.stretches.iter().map(value).collect::<Vec<u64>>();
        let means = of(&|s| s.mean().unwrap_or_default().0);
        for (name, counts) in [("calls", of(&|s| s.calls)), ("mean", means), ("errors", of(&|s| s.errors))] {
            if counts.iter().any(|&count| count > 0) {
                lines.push(format!("{name:<6} {}", spark::bars(&counts).trim_end()));
            }
        }
        lines.push(format!("a column is {}", bars.width));
    }
    let has_errors = rows.stretches.iter().any(|s| s.errors > 0);
    let most = rows.stretches.iter().map(|s| s.calls).max().unwrap_or(0);
    let row = |s: &StretchLine| {
        let mut row = vec![moment(s.start, style), grouped(s.calls), duration(s.mean()), duration(s.mean().map(|_| s.max))];
        if has_errors {
            row.push(if s.errors > 0 { grouped(s.errors) } else { String::new() });
        }
        row.push(bar(s.calls, most, style));
        row
    };
    let mut header = vec!["from", "calls", "mean", "max"];
    header.extend(has_errors.then_some("errors"));
    header.push("");
    let table = Grid::new(header, rows.stretches.iter().map(row).collect(), &["from", ""]);
    vec![Block::Lines(lines), Block::Table(table)]
}

/// The whole window in at most so many stretches, those in which nothing happened too.
fn summed(timeline: &TimelineLine, most: usize) -> TimelineLine {
    let micros = |from: Timestamp, to: Timestamp| to.since(from).0;
    let (start, end) = timeline.window;
    let all = micros(start, end).div_ceil(timeline.width.0.max(1)).max(1);
    let width = timeline.width.0.max(1) * all.div_ceil(most as u64);
    let count = usize::try_from(micros(start, end).div_ceil(width)).unwrap_or(most).clamp(1, most);
    let begin = |at: usize| {
        Timestamp(start.0.saturating_add(i64::try_from(width).unwrap_or(i64::MAX).saturating_mul(i64::try_from(at).unwrap_or(0))))
    };
    let mut stretches: Vec<StretchLine> = (0..count).map(|at| StretchLine { start: begin(at), ..StretchLine::default() }).collect();
    for one in &timeline.stretches {
        let at = usize::try_from(micros(start, one.start) / width).unwrap_or(0).min(count - 1);
        if let Some(sum) = stretches.get_mut(at) {
            sum.calls += one.calls;
            sum.timed += one.timed;
            sum.errors += one.errors;
            sum.total += one.total;
            sum.max = sum.max.max(one.max);
        }
    }
    TimelineLine { width: Micros(width), window: timeline.window, stretches }
}

fn callers(line: &StatementLine) -> Vec<String> {
    let mut lines = Vec::new();
    let mut names = |kind: &str, shares: &[&ShareLine]| {
        if shares.is_empty() {
            return;
        }
        let told = |share: &&ShareLine| format!("{} ({}, {})", sanitised(&share.name), counted(share.calls, "call"), share.total);
        let more = if shares.len() > MOST_NAMES { format!(" · {} more", shares.len() - MOST_NAMES) } else { String::new() };
        let told: Vec<String> = shares.iter().take(MOST_NAMES).map(told).collect();
        lines.push(format!("{}: {}{more}", sanitised(kind), told.join(" · ")));
    };
    names("application", &line.applications.iter().collect::<Vec<_>>());
    names("user", &line.users.iter().collect::<Vec<_>>());
    names("database", &line.databases.iter().collect::<Vec<_>>());
    let mut keys: Vec<&str> = line.tags.iter().map(|(key, _)| key.as_str()).collect();
    keys.dedup();
    for key in keys {
        names(&format!("tag {key}"), &line.tags.iter().filter(|(of, _)| of == key).map(|(_, share)| share).collect::<Vec<_>>());
    }
    lines
}

fn values(parameters: &ParametersLine, calls: u64) -> String {
    let sets = format!("{}{}", if parameters.is_exact { "" } else { "~" }, counted(parameters.sets, "different set"));
    let of = if parameters.calls == calls {
        counted(calls, "call")
    } else {
        format!("the {} whose values are known", counted(parameters.calls, "call"))
    };
    format!("{sets} of values in {of}, LIMIT and OFFSET apart")
}

fn errors(explained: &Explained) -> Vec<String> {
    let told = |error: &ErrorLine| {
        let state = error.sqlstate.as_deref().map(|s| format!("{s} ")).unwrap_or_default();
        sanitised(&format!("{} × {} {state}{}", grouped(error.count), error.severity, error.message))
    };
    let mut lines: Vec<String> = explained.failures.iter().map(told).collect();
    let ended = ["a limit on its time", "a deadlock"].iter().zip(explained.cancelled).filter(|(_, count)| *count > 0);
    lines.extend(ended.map(|(by, count)| format!("{} ended by {by}", counted(count, "execution"))));
    lines
}

fn counters(line: &CounterLine) -> Vec<String> {
    let known = |what: &str, count: Option<u64>| count.filter(|&n| n > 0).map(|n| format!("{what} {}", grouped(n)));
    let [_, read, dirtied, written] = line.shared;
    let hit =
        Some(hit_ratio(line)).filter(|hit| !hit.is_empty() && hit != "–").map(|hit| format!("{hit} of shared blocks found in the cache"));
    let blocks = [hit, known("read", read), known("dirtied", dirtied), known("written", written)];
    let temp = [known("temporary blocks read", line.temp[0]), known("written", line.temp[1])];
    let wal = [known("records in the write-ahead log", line.wal[0]), line.wal[2].filter(|&n| n > 0).map(|n| ByteCount(n).to_string())];
    let planned = [known("planned", line.plans), line.plan.filter(|t| t.0 > 0).map(|t| format!("planning {t}"))];
    let all: [Vec<String>; 4] = [
        blocks.into_iter().flatten().collect(),
        temp.into_iter().flatten().collect(),
        wal.into_iter().flatten().collect(),
        planned.into_iter().flatten().collect(),
    ];
    let state = format!("{}{}", line.state, if line.partial { ", calls may be missing" } else { "" });
    std::iter::once(state).chain(all.into_iter().filter(|parts| !parts.is_empty()).map(|parts| parts.join(" · "))).collect()
}

fn finding(finding: &FindingLine, own: &str, style: &Style) -> Vec<String> {
    let cost = finding.cost.map(|_| format!(", {}", cost(finding))).unwrap_or_default();
    let about = match &finding.statement {
        Some(id) if id != own => format!(" (of {})", &id[..id.len().min(6)]),
        _ => String::new(),
    };
    let FindingLine { rule, severity, confidence, .. } = finding;
    let title = format!("{rule}: {}{cost}{about} (severity {severity}, confidence {confidence})", sanitised(&zoned(&finding.title, style)));
    let windows = windows(finding, style).into_iter().map(|line| format!("  {}", line.trim_start()));
    let below = reasons(finding, style).into_iter().chain([&finding.remedy].into_iter().chain(&finding.ddl).map(|text| sanitised(text)));
    std::iter::once(title).chain(windows).chain(below.map(|line| format!("  {line}"))).collect()
}

fn told(line: &LoopLine) -> String {
    let other = line.other.as_ref().map(|(id, text)| format!("{} {}", &id[..id.len().min(6)], sanitised(text)));
    let often = format!("{} in {}", counted(line.calls, "call"), counted(line.bursts, "loop"));
    let n = line.n_p50;
    let sure = format!("confidence {}", line.confidence);
    match (line.is_repeated, line.class, other) {
        (_, "repeats", _) => format!("runs {n} times over with the same values ({often}, {sure})"),
        (true, _, Some(parent)) => format!("runs {n} times for the rows of {parent} ({often}, {sure})"),
        (true, _, None) => format!("runs {n} times in a row, each for another key ({often}, {sure})"),
        (false, _, Some(child)) => format!("for its rows runs {n} times: {child} ({often}, {sure})"),
        (false, _, None) => format!("for its rows another statement runs {n} times ({often}, {sure})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_their_endings() {
        let shown = [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (112, "112th")];
        for (number, text) in shown {
            assert_eq!(ordinal(number), text);
        }
    }

    #[test]
    fn a_window_is_told_in_few_stretches_and_nothing_is_lost() {
        const MINUTE: i64 = 60_000_000;
        let one = |minute: i64| StretchLine {
            start: Timestamp(minute * MINUTE),
            calls: 1,
            timed: 1,
            errors: 0,
            total: Micros(2),
            max: Micros(2),
        };
        let timeline = TimelineLine {
            width: Micros(60_000_000),
            window: (Timestamp(0), Timestamp(25 * MINUTE)),
            stretches: vec![one(0), one(1), one(2), one(24)],
        };
        // 25 minutes in at most 12 stretches: 9 of three minutes.
        let summed = summed(&timeline, 12);
        assert_eq!((summed.width, summed.stretches.len()), (Micros(180_000_000), 9));
        assert_eq!(summed.stretches.iter().map(|s| s.calls).collect::<Vec<_>>(), [3, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_bar_of_something_is_not_empty() {
        let style = Style { ascii: true, ..Style::default() };
        assert_eq!((bar(0, 1_000, &style).len(), bar(1, 1_000, &style).len(), bar(1_000, 1_000, &style).len()), (0, 1, 40));
    }
}
