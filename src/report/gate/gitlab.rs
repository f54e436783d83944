//! `GitLab`'s code-quality report: an array of issues, each with a stable fingerprint of its own.
//!
//! Format: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};

use super::super::Style;
use super::super::text::{cut, sanitised};
use super::{ChangeLine, GateReport, Output, interval};

/// See the module.
pub(super) struct Gitlab;

impl Output for Gitlab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw(&self, report: &GateReport, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let whole = (report.place.clone(), 1);
        let issue = |description: String, rule: &str, severity: &str, print: String, (path, line): &(String, u32)| {
            json!({
                "description": description, "check_name": rule, "severity": severity, "fingerprint": print,
                "location": {"path": path, "lines": {"begin": line}},
            })
        };
        let mut issues: Vec<Value> = report
            .reasons
            .iter()
            .enumerate()
            .map(|(at, reason)| issue(sanitised(reason), "not-comparable", "blocker", format!("not-comparable/{at}"), &whole))
            .collect();
        // GitLab drops all but one of several issues with one fingerprint.
        let mut seen = BTreeSet::new();
        for change in report.changes.iter().filter(|change| change.is_against() || change.fails) {
            let print = super::print(change);
            if seen.insert(print.clone()) {
                let place = change.origin.as_ref().unwrap_or(&whole);
                issues.push(issue(description(change), change.rule, severity(change), print, place));
            }
        }
        serde_json::to_writer_pretty(&mut *to, &issues)?;
        to.write_all(b"\n")
    }
}

fn severity(change: &ChangeLine) -> &'static str {
    match change.level {
        _ if change.fails => "critical",
        "error" | "warn" => "minor",
        _ => "info",
    }
}

fn description(change: &ChangeLine) -> String {
    let about = change.text.as_deref().map(|text| format!(": {}", cut(&sanitised(text), 200))).unwrap_or_default();
    format!("{}{}{about}", sanitised(&change.title), interval(change))
}
