//! A table for a pull request's comment: GitHub's Markdown, short enough for its limit.
//!
//! Statements stand between backticks with enough of them, and `|` is escaped, so that no statement can become markup.

use std::io;

use crate::units::grouped;

use super::findings::{cost, legend, windows};
use super::table::{duration, heading, longest, percent, quantile};
use super::text::{cut, sanitised};
use super::zoned::zoned;
use super::{FindingLine, GroupLine, Known, Renderer, Report, StatementLine, Style};

/// See the module.
pub(super) struct Markdown;

/// GitHub takes comments of 65 536 characters.
pub(super) const LONGEST: usize = 65_000;
/// How much of a statement is shown, in columns.
const STATEMENT: usize = 200;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["md", "markdown"]
    }

    fn render(&self, report: &Report, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut text = String::new();
        for line in heading(report, style) {
            text.push_str(&escaped(&line));
            text.push_str("\n\n");
        }
        for warning in &report.warnings {
            text.push_str(&format!("> {}\n\n", escaped(&sanitised(&zoned(&warning.to_string(), style)))));
        }
        if let Some(groups) = &report.groups {
            text.push_str("| group | total | calls | errors | p50 | p95 | p99 | max |\n|---|--:|--:|--:|--:|--:|--:|--:|\n");
            groups.iter().take(style.top.unwrap_or(usize::MAX)).for_each(|group| text.push_str(&group_row(group)));
            text.push('\n');
        }
        // What is wrong stands first, and leaves room for the statements.
        findings(report, style, &mut text);
        if !style.findings_only {
            statements(report, &mut text);
        }
        to.write_all(text.as_bytes())
    }
}

/// The table of findings.
fn findings(report: &Report, style: &Style, text: &mut String) {
    if !report.findings.is_empty() {
        text.push_str("| severity | confidence | rule | finding | cost | statement | what to do |\n|---|---|---|---|--:|---|---|\n");
    } else if style.findings_only && report.totals.statements > 0 {
        text.push_str("No findings\n");
    }
    let longest = if style.findings_only { LONGEST } else { LONGEST / 2 };
    for (at, finding) in report.findings.iter().enumerate() {
        let row = finding_row(finding, style);
        if text.len() + row.len() > longest {
            text.push_str(&format!("\n… {} more\n", report.findings.len() - at));
            break;
        }
        text.push_str(&row);
    }
    if let Some(legend) = legend(&report.findings) {
        text.push_str(&format!("\n{legend}\n"));
    }
    text.push('\n');
}

/// The table of statements, and what its marks mean.
fn statements(report: &Report, text: &mut String) {
    text.push_str("| # | total | share | calls | p50 | p95 | p99 | max | statement |\n|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
    for (at, line) in report.statements.iter().enumerate() {
        let row = row(at + 1, line);
        if text.len() + row.len() > LONGEST {
            text.push_str(&format!("\n… {} more\n", report.statements.len() - at));
            break;
        }
        text.push_str(&row);
    }
    if report.statements.iter().any(|s| s.latency.percentiles.iter().flatten().any(|p| p.is_maximum)) {
        text.push_str("\n\\* the maximum: too few calls for this percentile\n");
    }
    if report.statements.iter().any(|s| s.latency.known == Known::Moments) {
        text.push_str("\nFrom sums, not from calls: ≤ is proved, \\~ is a guess that takes the latency for log-normal\n");
    }
    text.push('\n');
}

fn finding_row(finding: &FindingLine, style: &Style) -> String {
    let about = finding.text.as_deref().map(|text| code(&cut(&sanitised(text), STATEMENT))).unwrap_or_default();
    let windows: String = windows(finding, style).iter().map(|line| format!("<br>{}", escaped(line.trim()))).collect();
    let remedy = finding.ddl.as_ref().map_or_else(|| finding.remedy.clone(), |ddl| format!("{} {ddl}", finding.remedy));
    let (title, remedy) = (escaped(&sanitised(&zoned(&finding.title, style))) + &windows, escaped(&sanitised(&remedy)));
    let FindingLine { severity, confidence, rule, .. } = finding;
    format!("| {severity} | {confidence} | {rule} | {title} | {} | {about} | {remedy} |\n", cost(finding))
}

fn group_row(group: &GroupLine) -> String {
    let [p50, p95, p99] = [0, 2, 3].map(|at| escaped(&quantile(&group.latency, at)));
    let key = group.key.as_deref().map_or_else(|| "–".to_owned(), |key| code(&cut(&sanitised(key), STATEMENT)));
    format!(
        "| {key} | {} | {} | {} | {p50} | {p95} | {p99} | {} |\n",
        duration(Some(group.latency.total)),
        grouped(group.calls),
        grouped(group.errors),
        escaped(&longest(&group.latency))
    )
}

fn row(number: usize, line: &StatementLine) -> String {
    let [p50, p95, p99] = [0, 2, 3].map(|at| escaped(&quantile(&line.latency, at)));
    format!(
        "| {number} | {} | {} | {} | {p50} | {p95} | {p99} | {} | {} |\n",
        duration(Some(line.latency.total).filter(|_| line.latency.known != Known::Nothing)),
        line.share.map_or_else(|| "–".to_owned(), percent),
        grouped(line.calls),
        escaped(&longest(&line.latency)),
        code(&cut(&sanitised(&line.text), STATEMENT)),
    )
}

/// Lines between fences that none of them can close.
pub(super) fn fenced(text: &str, language: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Between backticks, one more than any run of them inside.
pub(super) fn code(text: &str) -> String {
    let longest = longest_run(text);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Without anything that Markdown or HTML would act on.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '@') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
