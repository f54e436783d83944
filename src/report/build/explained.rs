//! What is known of one statement, put together.

use crate::event::Holds;
use crate::finding;
use crate::units::{Micros, Timestamp};
use crate::workload::burst::{Class, Known, Pattern};
use crate::workload::timeline::{Timeline, minute, start_of};
use crate::workload::{Latency, Reading, Statement, Workload};

use super::super::explained::{Explained, LoopLine, ParametersLine, StepLine, StretchLine, TimelineLine};
use super::super::{ErrorLine, FindingLine, Report};
use super::figures::Scale;
use super::plans::plans;
use super::{Analysis, View, covered};

impl Explained {
    /// Puts together what is known of a statement; of the findings those that name it.
    #[must_use]
    pub fn build(reading: &Reading, analysis: &Analysis, statement: &Statement, view: &View) -> Self {
        let workload = &reading.workload;
        let mut report = Report::build(reading, analysis, &[statement], view);
        let id = statement.fingerprint.to_string();
        let names = |finding: &FindingLine| finding.statement.as_ref() == Some(&id) || finding.related.contains(&id);
        report.findings.retain(names);
        report.ignored.retain(|(finding, _)| names(finding));
        let has_log = reading.inputs.iter().any(|input| input.holds == Holds::Events);
        let (sets, is_exact) = statement.values.count();
        let parameters = ParametersLine { sets, is_exact, calls: statement.values.taken() };
        Explained {
            report,
            rank: rank(workload, statement),
            timed: statement.latency.count(),
            histogram: histogram(&statement.latency),
            timeline: covered(workload).filter(|_| has_log).and_then(|window| timeline(&statement.timeline, window)),
            parameters: Some(parameters).filter(|parameters| parameters.calls > 0),
            plans: plans(statement, view.dialect),
            failures: failures(statement),
            cancelled: [statement.timeouts + statement.lock_timeouts, statement.deadlocks],
            temp_files: statement.temp_files,
            loops: loops(workload, statement),
            unadvised: finding::unadvised(workload, statement, &view.rules),
        }
    }
}

fn rank(workload: &Workload, statement: &Statement) -> (u64, u64) {
    let scale = Scale::of(workload);
    let total = |statement: &Statement| scale.statement(statement).latency.total;
    let own = total(statement);
    let before = workload.statements().filter(|other| total(other) > own).count() as u64;
    (before + 1, workload.statements().count() as u64)
}

/// At most so many steps; longer ones where a spread is wider.
const MOST_STEPS: usize = 16;

/// Counts in steps of 1, 2, 5, 10 …, or of whole decades where there would be too many.
fn histogram(latency: &Latency) -> Vec<StepLine> {
    let (Some(min), Some(max)) = (latency.min(), latency.max()) else { return Vec::new() };
    let starts = |factors: &[u64]| -> Vec<Micros> {
        let all = (0..20).filter_map(|power| 10_u64.checked_pow(power)).flat_map(|ten| factors.iter().map(move |f| ten.saturating_mul(*f)));
        let all: Vec<u64> = std::iter::once(0).chain(all).collect();
        let first = all.partition_point(|start| *start <= min.0).saturating_sub(1);
        let behind = all.partition_point(|start| *start <= max.0);
        all[first..=behind.min(all.len() - 1)].iter().map(|&start| Micros(start)).collect()
    };
    let fine = starts(&[1, 2, 5]);
    let limits = if fine.len() > MOST_STEPS + 1 { starts(&[1]) } else { fine };
    let counts = latency.steps(&limits[..limits.len() - 1]);
    limits.windows(2).zip(counts).map(|(limits, count)| StepLine { from: limits[0], to: limits[1], count }).collect()
}

fn timeline(series: &Timeline, window: (Timestamp, Timestamp)) -> Option<TimelineLine> {
    if series.is_empty() {
        return None;
    }
    let begin = |minute_: u32| start_of(series.first_minute(series.number(minute_)));
    let stretches = series.stretches().iter().map(|(number, span)| StretchLine {
        start: start_of(series.first_minute(*number)),
        calls: u64::from(span.calls),
        timed: u64::from(span.timed),
        errors: u64::from(span.errors),
        total: span.total,
        max: span.max,
    });
    let stretches: Vec<StretchLine> = stretches.collect();
    let width = series.length(1);
    // A failure may be told a moment behind what the filters leave.
    let first = stretches.first().map_or(begin(minute(window.0)), |s| s.start.min(begin(minute(window.0))));
    let last = stretches.last().map_or(begin(minute(window.1)), |s| s.start.max(begin(minute(window.1))));
    Some(TimelineLine { width, window: (first, Timestamp(last.0 + i64::try_from(width.0).unwrap_or(0))), stretches })
}

fn failures(statement: &Statement) -> Vec<ErrorLine> {
    let line = |(kind, &count): (&crate::workload::ErrorKind, &u64)| ErrorLine {
        sqlstate: kind.sqlstate.map(|s| String::from_utf8_lossy(&s).into_owned()),
        severity: kind.severity.to_string(),
        message: kind.told(),
        count,
    };
    let mut lines: Vec<ErrorLine> = statement.failures.iter().map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.count));
    lines
}

/// So many loops are told.
const MOST_LOOPS: usize = 10;
/// Shorter loops are not, as rules on loops have it.
const SHORTEST_LOOP: u32 = 5;

fn loops(workload: &Workload, statement: &Statement) -> Vec<LoopLine> {
    let own = statement.fingerprint;
    let line = |(known, pattern): (&Known, &Pattern)| {
        let is_repeated = known.child == own;
        let other = if is_repeated { known.parent } else { Some(known.child) };
        let sum = pattern.from(SHORTEST_LOOP);
        let [_, likely, sure] = sum.bursts;
        let text = |other| workload.statement(other).map(|s| s.text.clone());
        let is_its = is_repeated || known.parent == Some(own);
        (is_its && sum.count() > 0).then(|| LoopLine {
            is_repeated,
            other: other.and_then(|other| Some((other.to_string(), text(other)?))),
            class: match known.class {
                Class::Reads => "reads",
                Class::Writes => "writes",
                Class::Repeats => "repeats",
            },
            confidence: if sure > 0 {
                "high"
            } else if likely > 0 {
                "medium"
            } else {
                "low"
            },
            bursts: sum.count(),
            calls: sum.calls,
            n_p50: pattern.size(SHORTEST_LOOP, 500),
        })
    };
    let mut lines: Vec<LoopLine> = workload.patterns().iter().filter_map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.calls));
    lines.truncate(MOST_LOOPS);
    lines
}
