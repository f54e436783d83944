//! A comparison as a report of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::compare::{Change, Comparison, Policy, Run, Side};
use crate::units::counted;

use super::super::gate::{ChangeLine, GateReport, RunLine, SideLine, TestLine, UntestedLine};

/// What the command was, and how it ends.
#[derive(Clone, Debug)]
pub struct Frame {
    /// `compare` or `gate`.
    pub command: &'static str,
    /// How the command exits.
    pub exit_code: u8,
    /// What is said besides what the comparison says.
    pub notes: Vec<String>,
    /// See [`GateReport::place`].
    pub place: String,
    /// Where the project may stand, of which paths of the program are told.
    pub roots: Vec<PathBuf>,
}

/// The report of a comparison.
#[must_use]
pub fn gate_report(comparison: &Comparison, runs: [&[Run]; 2], policy: &Policy, frame: Frame) -> GateReport {
    let mut notes = frame.notes;
    notes.extend(comparison.caveats.iter().map(ToString::to_string));
    notes.extend(comparison.notes.iter().cloned());
    for waiver in &comparison.unused {
        let over = if waiver.is_over { ", and its time is over" } else { "" };
        notes.push(format!("an ignore matches nothing{over}: {waiver} ({})", waiver.reason));
    }
    for change in comparison.changes.iter().filter(|change| change.evidence.iter().any(|e| e.kind == "expired")) {
        notes.push(format!(
            "the time of an ignore is over: {} of {}",
            change.rule,
            change.statement.map_or("the run".to_owned(), |s| s.to_string())
        ));
    }
    GateReport {
        command: frame.command,
        verdict: comparison.outcome.name(),
        exit_code: frame.exit_code,
        reasons: comparison.reasons.iter().map(ToString::to_string).collect(),
        notes,
        environment: runs.map(side_line),
        differences: differences(runs),
        runs: [Side::Baseline, Side::Candidate]
            .into_iter()
            .zip(runs)
            .flat_map(|(side, runs)| runs.iter().map(move |run| run_line(side, run)))
            .collect(),
        shift: comparison.shift,
        tests: TestLine { count: comparison.tests.count as u64, rate: comparison.tests.rate, margin: comparison.tests.margin },
        changes: comparison.changes.iter().map(|change| change_line(change, comparison, policy, &frame.roots)).collect(),
        untested: comparison
            .untested
            .iter()
            .map(|untested| UntestedLine {
                statement: untested.statement.to_string(),
                metric: untested.metric.name(),
                reason: untested.reason,
            })
            .collect(),
        rules: rules(comparison, policy),
        place: frame.place,
    }
}

fn run_line(side: Side, run: &Run) -> RunLine {
    RunLine { path: run.path.clone(), side: side.name(), calls: run.calls(), statements: run.shapes.len() as u64 }
}

/// Where a statement comes from, within the first of the roots that has it.
fn origin(change: &Change, comparison: &Comparison, roots: &[PathBuf]) -> Option<(String, u32)> {
    let origin = comparison.origins.get(&change.statement?)?;
    Some((roots.iter().find_map(|root| origin.within(root))?, origin.line.unwrap_or(1)))
}

fn change_line(change: &Change, comparison: &Comparison, policy: &Policy, roots: &[PathBuf]) -> ChangeLine {
    ChangeLine {
        rule: change.rule,
        metric: change.metric.name(),
        level: change.level.name(),
        statement: change.statement.map(|statement| statement.to_string()),
        text: change.statement.and_then(|statement| comparison.texts.get(&statement)).cloned(),
        title: change.title.clone(),
        is_time: change.metric.is_time(),
        baseline: change.baseline,
        candidate: change.candidate,
        ratio: change.ratio,
        interval: change.interval,
        p: change.p,
        q: change.q,
        detectable: change.detectable,
        calls: change.calls,
        runs: change.runs.map(|runs| runs as u64),
        verdict: change.verdict.name(),
        counts: change.verdict.counts(),
        fails: change.fails(policy),
        subject: change.subject.clone(),
        origin: origin(change, comparison, roots),
        evidence: change.evidence.iter().map(|evidence| (evidence.kind, evidence.text.clone())).collect(),
        suppressed: change.suppressed.as_ref().map(|waiver| (waiver.reason.clone(), waiver.expires.clone())),
    }
}

fn side_line(runs: &[Run]) -> SideLine {
    let surroundings = || runs.iter().map(|run| &run.surroundings);
    let major = surroundings().find_map(|s| s.major).map(|major| format!(" {major}")).unwrap_or_default();
    let engine = surroundings().find_map(|s| s.engine);
    let (log, counters) = (surroundings().any(|s| s.has_log), surroundings().any(|s| s.has_counters));
    let settings: BTreeMap<String, String> = surroundings().flat_map(|s| s.settings.clone().into_iter().chain(s.changed.clone())).collect();
    SideLine {
        server: engine.map(|engine| format!("{engine}{major}")),
        input: match (log, counters) {
            (true, true) => "logs and counters",
            (false, true) => "counters",
            (true, false) => "logs",
            (false, false) => "nothing",
        }
        .to_owned(),
        settings: settings.into_iter().collect(),
    }
}

/// Settings that differ and do not matter, for those that do end the comparison.
fn differences(runs: [&[Run]; 2]) -> Vec<String> {
    let [baseline, candidate] = runs.map(side_line);
    let theirs: BTreeMap<&String, &String> = candidate.settings.iter().map(|(name, value)| (name, value)).collect();
    let differing = baseline.settings.iter().filter_map(|(name, value)| Some((name, value, *theirs.get(name)?)).filter(|(_, a, b)| a != b));
    differing.map(|(name, a, b)| format!("{name}: {a} in the baseline, {b} in the candidate")).collect()
}

/// The conditions by which it was judged.
fn rules(comparison: &Comparison, policy: &Policy) -> Vec<String> {
    if !comparison.reasons.is_empty() {
        return Vec::new();
    }
    let options = &policy.latency;
    vec![format!(
        "rules: a counter is worse if every candidate run is above every baseline run by its share and amount, beyond what the runs of a side differ by chance; latency is worse if it is slower by more than {:.0} % beyond the shift of the whole run, with a rate of false alarms of {:.0} % over {}, and adds {} ms a call and {:.0} % of a run, or is surely slower by more than {:.0} %",
        options.min_effect * 100.0,
        comparison.tests.rate * 100.0,
        counted(comparison.tests.count as u64, "test"),
        options.min_added_ms,
        options.min_added_share * 100.0,
        options.tolerance * 100.0
    )]
}
