//! Windows in which an objective was missed.

use serde_json::{Map, Value, json};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{counted, grouped};
use crate::workload::service::Judged;
use crate::workload::timeline::{Series, Sum, start_of};
use crate::workload::{Blind, Objective, Workload};

use super::super::{Confidence, Evidence, Finding, Severity, as_map};
use super::rise::{self, Rise, Span};
use super::{META, MOST_WINDOWS, Window, period};

/// So many windows get what rose with them, those with most time above the objective.
const MOST_EXPLAINED: usize = 10;
/// So many statements belong to a finding.
const MOST_RELATED: usize = 10;

/// How the stretches of the log did.
struct Score<'w> {
    objective: &'w Objective,
    series: &'w Series<Judged>,
    /// Those with calls enough to be judged.
    judged: u64,
    /// Those with fewer.
    too_few: u64,
    /// The numbers of those that missed.
    missed: Vec<u32>,
}

/// What is to be said of an objective; nothing if it was kept.
pub(super) fn finding(workload: &Workload, objective: &Objective, series: &Series<Judged>) -> Option<Finding> {
    let mut score = Score { objective, series, judged: 0, too_few: 0, missed: Vec::new() };
    for (number, judged) in series.stretches() {
        if u64::from(judged.calls) < objective.fewest() {
            score.too_few += 1;
            continue;
        }
        score.judged += 1;
        if judged.misses(objective.permille) {
            score.missed.push(*number);
        }
    }
    match () {
        () if score.judged == 0 => Some(unjudged(&score)),
        () if score.missed.is_empty() => None,
        () => Some(missed(workload, &score)),
    }
}

/// Nothing could be judged, which is not the same as that all was well.
fn unjudged(score: &Score<'_>) -> Finding {
    let (of, fewest) = (score.objective, score.objective.fewest());
    let text = match score.too_few {
        0 => "no call with a known duration".to_owned(),
        few => format!("{} with calls, none of them with {}", counted(few, "minute"), grouped(fewest)),
    };
    Finding {
        rule: META.id,
        severity: Severity::Info,
        confidence: Confidence::High,
        title: format!("{of} could not be judged: no minute has {} with durations", counted(fewest, "call")),
        occurrences: score.too_few.max(1),
        evidence: vec![Evidence::counted(text, json!({"too_few": score.too_few, "fewest": fewest}))],
        data: data(score, &[]),
        remedy: "Choose a lower percentile, or look at a busier log; an application is called as its application_name.".to_owned(),
        ..Finding::default()
    }
}

fn missed(workload: &Workload, score: &Score<'_>) -> Finding {
    let (objective, series) = (score.objective, score.series);
    let windows = Window::of(&score.missed);
    let sums: Vec<Judged> = windows.iter().map(|window| sum(score, window)).collect();
    let mut worst: Vec<usize> = (0..windows.len()).collect();
    worst.sort_by_key(|&at| (std::cmp::Reverse(sums[at].excess), at));
    worst.truncate(MOST_EXPLAINED);
    let bad: Vec<Span> = windows.iter().map(|window| window.minutes(series)).collect();
    let risen = |at: usize| worst.contains(&at).then(|| rise::rises(workload, at, &bad, objective.application.as_deref()));
    let told: Vec<(Evidence, Vec<Fingerprint>)> = windows
        .iter()
        .zip(&sums)
        .enumerate()
        .take(MOST_WINDOWS)
        .map(|(at, (window, sum))| evidence(score, window, sum, risen(at).as_ref()))
        .collect();
    let mut related: Vec<Fingerprint> = Vec::new();
    for fingerprint in told.iter().flat_map(|(_, risen)| risen) {
        if related.len() < MOST_RELATED && !related.contains(fingerprint) {
            related.push(*fingerprint);
        }
    }
    let bad = score.missed.len() as u64;
    let (start, end) = period((series.first_minute(windows[0].first), series.first_minute(windows[windows.len() - 1].last + 1)));
    let judged = match series.minutes() {
        1 => counted(score.judged, "minute"),
        minutes => format!("{} stretches of {minutes} minutes", grouped(score.judged)),
    };
    let mut evidence: Vec<Evidence> = doubt(workload).into_iter().map(|text| Evidence::counted(text, json!({}))).collect();
    evidence.extend(told.into_iter().map(|(evidence, _)| evidence));
    Finding {
        rule: META.id,
        severity: severity(bad * u64::from(series.minutes()), bad, score.judged),
        confidence: if doubt(workload).is_some() { Confidence::Low } else { Confidence::High },
        title: format!("{objective} missed in {bad} of {judged}, {} from {start} to {end}", counted(windows.len() as u64, "window")),
        related,
        occurrences: bad,
        cost: Some(sums.iter().map(|sum| sum.excess).sum()),
        evidence,
        data: data(score, &windows),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}

/// Why the percentiles of this log are not those of all calls, if they are not.
fn doubt(workload: &Workload) -> Option<String> {
    match workload.blind()? {
        Blind::Threshold { looks_like, .. } => {
            Some(format!("nothing faster than {looks_like} was logged, so the percentiles are of slow calls only and too high"))
        }
        Blind::Sampled => Some("only a sample of the fast calls was logged, so the percentiles are too high".to_owned()),
        Blind::NoSessions => None,
    }
}

/// High for ten minutes, or for a twentieth of the time if that is more than a moment; medium for three, or for a hundredth.
fn severity(minutes: u64, bad: u64, judged: u64) -> Severity {
    match () {
        () if minutes >= 10 || (minutes >= 3 && bad * 20 >= judged) => Severity::High,
        () if minutes >= 3 || bad * 100 >= judged => Severity::Medium,
        () => Severity::Low,
    }
}

/// The bad stretches of a window together.
fn sum(score: &Score<'_>, window: &Window) -> Judged {
    let mut sum = Judged::default();
    for (_, judged) in bad_stretches(score, window) {
        sum.add(judged);
    }
    sum
}

fn bad_stretches<'s>(score: &'s Score<'_>, window: &Window) -> impl Iterator<Item = &'s (u32, Judged)> {
    score.series.between(window.first, window.last + 1).iter().filter(|(number, _)| score.missed.binary_search(number).is_ok())
}

fn evidence(score: &Score<'_>, window: &Window, sum: &Judged, risen: Option<&Vec<Rise>>) -> (Evidence, Vec<Fingerprint>) {
    let (start, end) = period(window.minutes(score.series));
    let percentile = sum.percentile(score.objective).unwrap_or_default();
    let (p, calls) = (score.objective.percentile(), counted(u64::from(sum.calls), "call"));
    let bad = score.series.length(window.bad);
    let told = risen.filter(|risen| !risen.is_empty());
    let rose = told.map(|risen| format!("; rose with it: {}", risen.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")));
    let text = format!(
        "{start} to {end}, {bad} of it bad: {p} ~{percentile} of {calls}, {} of them above the objective{}",
        grouped(u64::from(sum.over)),
        rose.unwrap_or_default()
    );
    let data = json!({
        "start": start.to_string(), "end": end.to_string(), "bad_us": bad.0, "calls": sum.calls, "over": sum.over,
        "p_us": percentile.0, "max_us": sum.max.0, "excess_us": sum.excess.0,
        "rose": risen.map(|risen| risen.iter().map(Rise::data).collect::<Vec<Value>>()),
    });
    let fingerprints = risen.into_iter().flatten().map(|rise| rise.statement).collect();
    (Evidence { kind: "window", text, data: as_map(data) }, fingerprints)
}

fn data(score: &Score<'_>, windows: &[Window]) -> Map<String, Value> {
    let (objective, series) = (score.objective, score.series);
    let worst = windows.iter().flat_map(|window| bad_stretches(score, window));
    let worst = worst.max_by_key(|(number, judged)| (judged.percentile(objective), judged.calls, std::cmp::Reverse(*number)));
    let worst = worst.map(|(number, judged)| {
        json!({
            "start": start_of(series.first_minute(*number)).to_string(), "calls": judged.calls, "over": judged.over,
            "p_us": judged.percentile(objective).map(|p| p.0), "max_us": judged.max.0,
        })
    });
    let ends = windows.first().zip(windows.last()).map(|(first, last)| period((first.minutes(series).0, last.minutes(series).1)));
    let data = json!({
        "kind": "objective", "application": objective.application, "permille": objective.permille, "limit_us": objective.limit.0,
        "width_us": series.length(1).0, "judged": score.judged, "missed": score.missed.len(), "too_few": score.too_few,
        "bad_us": series.length(u32::try_from(score.missed.len()).unwrap_or(u32::MAX)).0, "windows": windows.len(),
        "start": ends.map(|(start, _)| start.to_string()), "end": ends.map(|(_, end)| end.to_string()), "worst": worst,
    });
    as_map(data)
}
