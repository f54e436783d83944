//! Windows in which statements failed and none succeeded.

use serde_json::{Value, json};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Timestamp, counted, grouped};
use crate::workload::timeline::{MINUTE, Series, Span, start_of};
use crate::workload::{Blind, Workload};

use super::super::{Confidence, Evidence, Finding, Severity, as_map};
use super::{META, MOST_WINDOWS, Window, period};

/// A window of failures alone.
struct Outage<'w> {
    /// `None` if nothing of anybody succeeded.
    application: Option<String>,
    series: &'w Series<Span>,
    window: Window,
    failures: u64,
}

/// So many stretches before and behind a window say whether anything usually succeeds.
const NEIGHBOURS: u32 = 10;
/// With fewer of them in the log nothing is usual.
const FEWEST_NEIGHBOURS: usize = 3;
/// So many statements are told for a window.
const MOST_FAILED: usize = 5;
/// So many statements belong to a finding.
const MOST_RELATED: usize = 10;

/// All outages with so many failures at least; nothing if there were none, or if the log cannot tell.
pub(super) fn finding(workload: &Workload, least: u64) -> Option<Finding> {
    // Failures are logged always, successes only above the threshold.
    if matches!(workload.blind(), Some(Blind::Threshold { .. } | Blind::Sampled)) {
        return None;
    }
    let service = workload.service();
    let whole = outages(None, service.minutes(), least);
    let own = service.applications().into_iter().flat_map(|(name, series)| outages(Some(name), series, least));
    // What happened to everybody happened to each.
    let mut all: Vec<Outage<'_>> = own.filter(|outage| !whole.iter().any(|whole| overlap(whole, outage))).collect();
    all.extend(whole);
    all.sort_by(|a, b| (a.period(), &a.application).cmp(&(b.period(), &b.application)));
    let (first, last) = (all.first()?, all.iter().max_by_key(|outage| outage.period().1)?);
    let failures: u64 = all.iter().map(|outage| outage.failures).sum();
    let bad = all.iter().fold(0, |sum, outage| sum + u64::from(outage.window.bad) * u64::from(outage.series.minutes()));
    let told: Vec<(Evidence, Vec<Fingerprint>)> = all.iter().take(MOST_WINDOWS).map(|outage| evidence(workload, outage)).collect();
    let mut related: Vec<Fingerprint> = Vec::new();
    for fingerprint in told.iter().flat_map(|(_, failed)| failed) {
        if related.len() < MOST_RELATED && !related.contains(fingerprint) {
            related.push(*fingerprint);
        }
    }
    let (start, end) = (first.period().0, last.period().1);
    let data = json!({
        "kind": "outage", "windows": all.len(), "bad_us": bad * MINUTE.0, "failures": failures,
        "start": start.to_string(), "end": end.to_string(),
    });
    Some(Finding {
        rule: META.id,
        severity: if bad >= 2 || failures >= MANY { Severity::High } else { Severity::Medium },
        confidence: Confidence::High,
        title: title(&all, bad, failures),
        related,
        occurrences: all.len() as u64,
        cost: None,
        evidence: told.into_iter().map(|(evidence, _)| evidence).collect(),
        data: as_map(data),
        remedy: "Read the errors of these minutes, and what was released or changed before: every client was failed by the same thing."
            .to_owned(),
        ..Finding::default()
    })
}

/// So many failures in a minute are many users.
const MANY: u64 = 100;

impl Outage<'_> {
    fn period(&self) -> (Timestamp, Timestamp) {
        period(self.window.minutes(self.series))
    }

    fn whose(&self) -> String {
        self.application
            .as_deref()
            .map_or_else(|| "nothing succeeded".to_owned(), |name| format!("nothing of application {name} succeeded"))
    }
}

fn title(all: &[Outage<'_>], bad: u64, failures: u64) -> String {
    let whose = match all {
        [one] => one.whose(),
        several if several.iter().any(|outage| outage.application.is_none()) => "nothing succeeded".to_owned(),
        _ => "nothing of single applications succeeded".to_owned(),
    };
    let first = all.first().map(|outage| outage.period().0).unwrap_or_default();
    let windows = if all.len() > 1 { format!(" in {}", counted(all.len() as u64, "window")) } else { String::new() };
    format!("{whose} for {}{windows} from {first}, {}", counted(bad, "minute"), counted(failures, "failure"))
}

fn overlap(a: &Outage<'_>, b: &Outage<'_>) -> bool {
    let ((a_from, a_to), (b_from, b_to)) = (a.period(), b.period());
    a_from < b_to && b_from < a_to
}

fn outages(application: Option<String>, series: &Series<Span>, least: u64) -> Vec<Outage<'_>> {
    let bad: Vec<u32> =
        series.stretches().iter().filter(|(_, span)| span.errors > 0 && span.calls == 0).map(|(number, _)| *number).collect();
    let failures = |window: &Window| series.between(window.first, window.last + 1).iter().map(|(_, span)| u64::from(span.errors)).sum();
    Window::of(&bad)
        .into_iter()
        .filter(|window| is_unusual(series, window))
        .map(|window| Outage { application: application.clone(), series, failures: failures(&window), window })
        .filter(|outage| outage.failures >= least)
        .collect()
}

/// Whether something succeeds in most stretches around a window, so that a lone job that fails at night is no outage. Calls
/// without durations are of logs that may tell of some statements only.
fn is_unusual(series: &Series<Span>, window: &Window) -> bool {
    let (Some((begin, _)), Some((end, _))) = (series.stretches().first(), series.stretches().last()) else { return false };
    let before = window.first.saturating_sub(NEIGHBOURS).max(*begin)..window.first;
    let behind = window.last + 1..window.last.saturating_add(NEIGHBOURS + 1).min(end + 1);
    let succeed = |range: &std::ops::Range<u32>| series.between(range.start, range.end).iter().filter(|(_, span)| span.timed > 0).count();
    let (all, good) = (before.len() + behind.len(), succeed(&before) + succeed(&behind));
    all >= FEWEST_NEIGHBOURS && good >= FEWEST_NEIGHBOURS && good * 2 > all
}

fn evidence(workload: &Workload, outage: &Outage<'_>) -> (Evidence, Vec<Fingerprint>) {
    let (start, end) = outage.period();
    let minutes = outage.window.minutes(outage.series);
    let failed = failed(workload, minutes);
    let told: Vec<String> = failed
        .iter()
        .map(|failed| format!("{} × {} from {}", grouped(failed.errors), &failed.statement.to_string()[..6], start_of(failed.minute)))
        .collect();
    let which = if told.is_empty() { String::new() } else { format!("; failed then: {}", told.join("; ")) };
    let bad = outage.series.length(outage.window.bad);
    let text = format!("{start} to {end}: {}, {bad} of it bad, {}{which}", outage.whose(), counted(outage.failures, "failure"));
    let row = |failed: &Failed| json!({"statement": failed.statement.to_string(), "at": start_of(failed.minute).to_string(), "errors": failed.errors});
    let data = json!({
        "application": outage.application, "start": start.to_string(), "end": end.to_string(), "bad_us": bad.0,
        "failures": outage.failures, "failed": failed.iter().map(row).collect::<Vec<Value>>(),
    });
    let evidence = Evidence { kind: "window", text, data: as_map(data) };
    (evidence, failed.iter().map(|failed| failed.statement).collect())
}

/// A statement that failed in a window.
struct Failed {
    statement: Fingerprint,
    minute: u32,
    errors: u64,
}

/// The statements that failed most in a window, in the order in which they began to.
fn failed(workload: &Workload, (from, to): (u32, u32)) -> Vec<Failed> {
    let in_window = |statement: &crate::workload::Statement| {
        let timeline = &statement.timeline;
        let spans = timeline.between(timeline.number(from), timeline.number(to.saturating_sub(1)) + 1);
        let mut failing = spans.iter().filter(|(_, span)| span.errors > 0).peekable();
        let minute = timeline.first_minute(failing.peek()?.0);
        Some(Failed { statement: statement.fingerprint, minute, errors: failing.map(|(_, span)| u64::from(span.errors)).sum() })
    };
    let mut failed: Vec<Failed> = workload.statements().filter_map(in_window).collect();
    failed.sort_by_key(|failed| (std::cmp::Reverse(failed.errors), failed.statement));
    failed.truncate(MOST_FAILED);
    failed.sort_by_key(|failed| (failed.minute, std::cmp::Reverse(failed.errors), failed.statement));
    failed
}
