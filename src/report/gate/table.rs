//! The screen: the verdict, the worst of what changed with its evidence, what could not be judged, and what to do next.

use std::io;

use anstyle::Style as Ansi;

use crate::units::counted;

use super::super::Style;
use super::super::painter::{BAD, DIM, DOUBT, GOOD, PLAIN, Painter};
use super::super::text::{cut, sanitised};
use super::bars::bars;
use super::{ChangeLine, GateReport, Output, interval, short};

/// See the module.
pub(super) struct Table;

/// On a screen that fails so many changes come first.
const MOST: usize = 5;
/// Where nothing else is told so many are.
const MOST_COMPARED: usize = 20;
/// So many reasons of a change are told.
const MOST_EVIDENCE: usize = 3;

impl Output for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt"]
    }

    fn draw(&self, report: &GateReport, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut out = Painter { style, to };
        let paint = match report.verdict {
            "pass" => GOOD,
            "warn" => DOUBT,
            _ => BAD,
        };
        out.line(paint.bold(), &report.headline())?;
        for reason in &report.reasons {
            out.hanging(PLAIN, 4, &format!("  {reason}"))?;
        }
        changes(&mut out, report)?;
        if report.command == "compare" {
            for line in bars(report, style) {
                out.line(PLAIN, &line)?;
            }
        }
        footer(&mut out, report)
    }
}

fn changes(out: &mut Painter<'_>, report: &GateReport) -> io::Result<()> {
    let is_told = |change: &&ChangeLine| change.fails || (change.counts && change.level != "info") || change.suppressed.is_some();
    let told: Vec<&ChangeLine> = report.changes.iter().filter(is_told).collect();
    let most = out.style.top.unwrap_or(if report.command == "gate" { MOST } else { MOST_COMPARED });
    for change in told.iter().take(most) {
        one(out, change)?;
    }
    if told.len() > most {
        out.line(DIM, &format!("  {} more; -n {} shows all, and json has all", told.len() - most, told.len()))?;
    }
    let improved: Vec<&ChangeLine> = report.changes.iter().filter(|change| change.verdict == "improved").collect();
    for change in improved.iter().take(MOST) {
        headed(out, GOOD, "better", change)?;
    }
    if improved.len() > MOST {
        out.line(DIM, &format!("  {} more are better", improved.len() - MOST))?;
    }
    Ok(())
}

fn one(out: &mut Painter<'_>, change: &ChangeLine) -> io::Result<()> {
    let (paint, word) = match (change.level, &change.suppressed) {
        (_, Some(_)) => (DIM, "ignored"),
        _ if change.fails && !change.counts => (BAD, "in doubt"),
        ("error", _) => (BAD, "error"),
        _ => (DOUBT, "warning"),
    };
    headed(out, paint, word, change)?;
    for (_, text) in change.evidence.iter().take(MOST_EVIDENCE) {
        out.hanging(DIM, 11, &format!("           {text}"))?;
    }
    if let Some((reason, expires)) = &change.suppressed {
        out.hanging(DIM, 11, &format!("           ignored until {expires}: {reason}"))?;
    }
    Ok(())
}

fn headed(out: &mut Painter<'_>, paint: Ansi, word: &str, change: &ChangeLine) -> io::Result<()> {
    let id = change.statement.as_deref().map_or_else(|| "–".to_owned(), |id| short(id).to_owned());
    out.hanging(paint, 11, &format!("{word:<8} {id:<8}  {}  {}{}", change.rule, change.title, interval(change)))?;
    match &change.text {
        Some(text) => out.line(PLAIN, &format!("           {}", cut(&sanitised(text), 160))),
        None => Ok(()),
    }
}

fn footer(out: &mut Painter<'_>, report: &GateReport) -> io::Result<()> {
    for note in &report.notes {
        out.sentence(DOUBT, note)?;
    }
    if let Some(shift) = report.shift {
        out.hanging(DIM, 2, &format!("a usual statement takes {shift:.2} times as long as in the baseline, which is put down to the machine and taken out of every ratio"))?;
    }
    if !report.untested.is_empty() {
        let mut reasons: Vec<(&str, u64)> = Vec::new();
        for untested in &report.untested {
            match reasons.iter_mut().find(|(reason, _)| *reason == untested.reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((untested.reason, 1)),
            }
        }
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let count = counted(report.untested.len() as u64, "test");
        out.hanging(DIM, 2, &format!("{count} of latency could not be made: {}", reasons.join(", ")))?;
    }
    for rule in &report.rules {
        out.sentence(DIM, rule)?;
    }
    let candidate = report.runs.iter().rev().find(|run| run.side == "candidate");
    let first = report.changes.iter().find(|change| change.counts && change.suppressed.is_none() && change.level != "info");
    if let (Some(statement), Some(run)) = (first.and_then(|change| change.statement.as_deref()), candidate) {
        out.whole(PLAIN, &format!("next: laggard explain {} {}", short(statement), run.path.replace(',', " ")))?;
    }
    Ok(())
}
