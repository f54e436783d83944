//! The screen: the verdict, the worst of what changed with its evidence, what could not be judged, and what to do next.

use std::io;

use anstyle::{AnsiColor, Style as Ansi};

use crate::units::counted;

use super::super::Style;
use super::super::text::{ascii, cut, sanitised, wrapped};
use super::bars::bars;
use super::{ChangeLine, GateReport, Output, interval, short};

/// See the module.
pub(super) struct Table;

const GOOD: Ansi = AnsiColor::Green.on_default();
const DOUBT: Ansi = AnsiColor::Yellow.on_default();
const BAD: Ansi = AnsiColor::BrightRed.on_default();
const DIM: Ansi = Ansi::new().dimmed();

/// Sentences are broken at so many columns where there is no terminal.
const WIDTH: usize = 120;
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
            out.line(Ansi::new(), &format!("  {reason}"))?;
        }
        out.changes(report)?;
        if report.command == "compare" {
            for line in bars(report, style) {
                out.line(Ansi::new(), &line)?;
            }
        }
        out.footer(report)
    }
}

struct Painter<'a> {
    style: &'a Style,
    to: &'a mut dyn io::Write,
}

impl Painter<'_> {
    fn line(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        let text = sanitised(text);
        let text = if self.style.ascii { ascii(&text) } else { text };
        let text = self.style.width.map_or(text.clone(), |width| cut(&text, width.max(40)));
        if self.style.colour && !text.is_empty() { writeln!(self.to, "{paint}{text}{paint:#}") } else { writeln!(self.to, "{text}") }
    }

    fn changes(&mut self, report: &GateReport) -> io::Result<()> {
        let is_told = |change: &&ChangeLine| change.fails || (change.counts && change.level != "info") || change.suppressed.is_some();
        let told: Vec<&ChangeLine> = report.changes.iter().filter(is_told).collect();
        let most = self.style.top.unwrap_or(if report.command == "gate" { MOST } else { MOST_COMPARED });
        for change in told.iter().take(most) {
            self.change(change)?;
        }
        if told.len() > most {
            self.line(DIM, &format!("  {} more; -n {} shows all, and json has all", told.len() - most, told.len()))?;
        }
        let improved: Vec<&ChangeLine> = report.changes.iter().filter(|change| change.verdict == "improved").collect();
        for change in improved.iter().take(MOST) {
            self.headed(GOOD, "better", change)?;
        }
        if improved.len() > MOST {
            self.line(DIM, &format!("  {} more are better", improved.len() - MOST))?;
        }
        Ok(())
    }

    fn change(&mut self, change: &ChangeLine) -> io::Result<()> {
        let (paint, word) = match (change.level, &change.suppressed) {
            (_, Some(_)) => (DIM, "ignored"),
            _ if change.fails && !change.counts => (BAD, "in doubt"),
            ("error", _) => (BAD, "error"),
            _ => (DOUBT, "warning"),
        };
        self.headed(paint, word, change)?;
        for (_, text) in change.evidence.iter().take(MOST_EVIDENCE) {
            self.line(DIM, &format!("           {text}"))?;
        }
        if let Some((reason, expires)) = &change.suppressed {
            self.line(DIM, &format!("           ignored until {expires}: {reason}"))?;
        }
        Ok(())
    }

    fn headed(&mut self, paint: Ansi, word: &str, change: &ChangeLine) -> io::Result<()> {
        let id = change.statement.as_deref().map_or_else(|| "–".to_owned(), |id| short(id).to_owned());
        self.line(paint, &format!("{word:<8} {id:<8}  {}  {}{}", change.rule, change.title, interval(change)))?;
        match &change.text {
            Some(text) => self.line(Ansi::new(), &format!("           {}", cut(&sanitised(text), 160))),
            None => Ok(()),
        }
    }

    fn footer(&mut self, report: &GateReport) -> io::Result<()> {
        for note in &report.notes {
            wrapped(note, self.style.width.unwrap_or(WIDTH).max(40)).iter().try_for_each(|line| self.line(DOUBT, line))?;
        }
        if let Some(shift) = report.shift {
            self.line(
                DIM,
                &format!("the whole candidate takes {shift:.2} times as long as the baseline, which is taken out of every ratio"),
            )?;
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
            self.line(DIM, &format!("{count} of latency could not be made: {}", reasons.join(", ")))?;
        }
        for rule in &report.rules {
            wrapped(rule, self.style.width.unwrap_or(WIDTH).max(40)).iter().try_for_each(|line| self.line(DIM, line))?;
        }
        let candidate = report.runs.iter().rev().find(|run| run.side == "candidate");
        let first = report.changes.iter().find(|change| change.counts && change.suppressed.is_none() && change.level != "info");
        if let (Some(statement), Some(run)) = (first.and_then(|change| change.statement.as_deref()), candidate) {
            self.line(Ansi::new(), &format!("next: laggard explain {} {}", short(statement), run.path.replace(',', " ")))?;
        }
        Ok(())
    }
}
