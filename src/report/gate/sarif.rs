//! SARIF 2.1.0, for code scanning: what speaks against the candidate, and what is lived with.
//!
//! Format: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};

use super::super::Style;
use super::super::sarif::uri;
use super::super::text::sanitised;
use super::{ChangeLine, GateReport, Output, interval};

/// See the module.
pub(super) struct Sarif;

/// GitHub keeps so many results of a run.
const MOST: usize = 5_000;

impl Output for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["sarif"]
    }

    fn draw(&self, report: &GateReport, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let told: Vec<&ChangeLine> = report.changes.iter().filter(|change| change.counts || change.fails).take(MOST).collect();
        let rules: BTreeSet<&str> =
            told.iter().map(|change| change.rule).chain((!report.reasons.is_empty()).then_some("not-comparable")).collect();
        let rules: Vec<Value> = rules.into_iter().map(|rule| json!({"id": rule})).collect();
        let mut results: Vec<Value> = report.reasons.iter().enumerate().map(|(at, reason)| refused(at, reason, &report.place)).collect();
        results.extend(told.iter().map(|change| result(change, &report.place)));
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "laggard", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
                "results": results,
            }],
        });
        serde_json::to_writer_pretty(&mut *to, &document)?;
        to.write_all(b"\n")
    }
}

fn location(place: &str, line: u32) -> Value {
    json!([{"physicalLocation": {"artifactLocation": {"uri": uri(place)}, "region": {"startLine": line}}}])
}

fn refused(at: usize, reason: &str, place: &str) -> Value {
    json!({
        "ruleId": "not-comparable",
        "level": "error",
        "message": {"text": sanitised(reason)},
        "locations": location(place, 1),
        "partialFingerprints": {"laggard/1": format!("not-comparable/{at}")},
    })
}

fn result(change: &ChangeLine, place: &str) -> Value {
    let level = match change.level {
        _ if change.fails => "error",
        "error" | "warn" => "warning",
        _ => "note",
    };
    let about = change.text.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
    let told: String = change.evidence.iter().map(|(_, text)| format!(". {text}")).collect();
    let (file, line) = change.origin.as_ref().map_or((place, 1), |(file, line)| (file.as_str(), *line));
    let mut result = json!({
        "ruleId": change.rule,
        "level": level,
        "message": {"text": sanitised(&format!("{}{}{told}{about}", change.title, interval(change)))},
        "locations": location(file, line),
        // §3.27.24: what no baseline run has is new, what was there and became worse is updated.
        "baselineState": if change.verdict == "new" { "new" } else { "updated" },
        "partialFingerprints": {"laggard/1": super::print(change)},
        "properties": {
            "metric": change.metric, "verdict": change.verdict, "baseline": change.baseline, "candidate": change.candidate,
            "ratio": change.ratio, "statement": change.statement,
        },
    });
    if let Some((reason, expires)) = &change.suppressed {
        let why = sanitised(&format!("{reason} (until {expires})"));
        result["suppressions"] = json!([{"kind": "external", "justification": why}]);
    }
    result
}
