//! A comparison as a comment on a pull request or a job's summary: GitHub's Markdown, short enough for its limits.

use std::io;

use super::super::Style;
use super::super::markdown::{LONGEST, code, escaped};
use super::super::text::{cut, sanitised};
use super::{ChangeLine, GateReport, Output, interval, short};

/// See the module.
pub(super) struct Markdown;

/// How much of a statement is shown, in columns.
const STATEMENT: usize = 160;

impl Output for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["md", "markdown"]
    }

    fn draw(&self, report: &GateReport, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut text = format!("### laggard: {}\n\n", line(&report.headline()));
        for reason in &report.reasons {
            text.push_str(&format!("- {}\n", line(reason)));
        }
        let told: Vec<&ChangeLine> = report.changes.iter().filter(|change| is_told(change)).collect();
        if !told.is_empty() {
            text.push_str("\n| level | rule | change | statement | why |\n|---|---|---|---|---|\n");
        }
        let footer = footer(report);
        for (at, change) in told.iter().enumerate() {
            let row = row(change);
            if text.len() + row.len() + footer.len() + 40 > LONGEST {
                text.push_str(&format!("\n… {} more\n", told.len() - at));
                break;
            }
            text.push_str(&row);
        }
        text.push_str(&footer);
        to.write_all(text.as_bytes())
    }
}

fn is_told(change: &ChangeLine) -> bool {
    change.fails || (change.counts && change.level != "info") || change.suppressed.is_some() || change.verdict == "improved"
}

fn row(change: &ChangeLine) -> String {
    let level = match (&change.suppressed, change.verdict) {
        (Some(_), _) => "ignored",
        (None, "improved") => "better",
        (None, "inconclusive") => "in doubt",
        _ => change.level,
    };
    let id = change.statement.as_deref().map(|id| format!("{} ", code(short(id)))).unwrap_or_default();
    let about = change.text.as_deref().map(|text| code(&cut(&sanitised(text), STATEMENT))).unwrap_or_default();
    let mut why: Vec<String> = change.evidence.iter().take(3).map(|(_, text)| line(text)).collect();
    why.extend(change.suppressed.as_ref().map(|(reason, expires)| line(&format!("ignored until {expires}: {reason}"))));
    format!("| {level} | {} | {}{} | {id}{about} | {} |\n", change.rule, line(&change.title), line(&interval(change)), why.join("<br>"))
}

fn footer(report: &GateReport) -> String {
    let mut text = String::from("\n");
    for note in report.notes.iter().take(20) {
        text.push_str(&format!("> {}\n\n", line(&cut(note, 500))));
    }
    if let Some(shift) = report.shift {
        text.push_str(&format!(
            "A usual statement takes {shift:.2} times as long as in the baseline, which is put down to the machine and taken out of every ratio.\n\n"
        ));
    }
    for rule in &report.rules {
        text.push_str(&format!("{}\n\n", line(rule)));
    }
    text
}

/// One harmless line.
fn line(text: &str) -> String {
    escaped(&sanitised(text))
}
