//! Findings as lines for eyes.

use super::FindingLine;
use super::text::sanitised;

/// One line: how bad, which rule, what, what it cost, and whose statement.
pub(super) fn finding_line(finding: &FindingLine) -> String {
    let doubt = if finding.confidence == "high" { String::new() } else { format!(" (confidence {})", finding.confidence) };
    let cost = finding.cost.map(|cost| format!(", {cost}")).unwrap_or_default();
    let about = match (&finding.statement, &finding.text) {
        (Some(id), Some(text)) => format!("  {} {}", &id[..id.len().min(6)], sanitised(text)),
        _ => String::new(),
    };
    format!("  {:<6}  {:<25}  {}{cost}{doubt}{about}", finding.severity, finding.rule, sanitised(&finding.title))
}

/// So many windows of time are told below a finding.
const MOST_WINDOWS: usize = 3;

/// When it was and what happened then, if the finding is about windows of time: a line each, further in what belongs to it.
pub(super) fn windows(finding: &FindingLine) -> Vec<String> {
    let all: Vec<&str> = finding.evidence.iter().filter(|(kind, ..)| *kind == "window").map(|(_, text, _)| text.as_str()).collect();
    let mut lines = Vec::new();
    for text in all.iter().take(MOST_WINDOWS) {
        for (at, part) in text.split("; ").enumerate() {
            lines.push(format!("{}{}", " ".repeat(if at == 0 { 10 } else { 12 }), sanitised(part)));
        }
    }
    if all.len() > MOST_WINDOWS {
        lines.push(format!("          {} more", all.len() - MOST_WINDOWS));
    }
    lines
}
