//! SARIF 2.1.0, for code scanning: the findings, and the rules they are of.
//!
//! Format: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};

use super::{FindingLine, Renderer, Report, Style};

/// See the module.
pub(super) struct Sarif;

impl Renderer for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["sarif"]
    }

    fn render(&self, report: &Report, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let rules: BTreeSet<&str> =
            report.findings.iter().chain(report.ignored.iter().map(|(finding, _)| finding)).map(|finding| finding.rule).collect();
        let rules: Vec<Value> = rules.into_iter().map(|rule| json!({"id": rule})).collect();
        let path = report.inputs.first().map(|input| input.path.as_str()).unwrap_or_default();
        // §3.35: a suppression with its justification, so that what was ignored stays visible to whoever looks for it.
        let ignored = report.ignored.iter().map(|(finding, reason)| {
            let mut result = result(finding, path);
            result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
            result
        });
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "laggard", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
                "results": report.findings.iter().map(|finding| result(finding, path)).chain(ignored).collect::<Vec<_>>(),
            }],
        });
        serde_json::to_writer_pretty(&mut *to, &document)?;
        to.write_all(b"\n")
    }
}

fn result(finding: &FindingLine, path: &str) -> Value {
    let level = match finding.severity {
        "high" => "error",
        "medium" => "warning",
        _ => "note",
    };
    let about = finding.text.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
    // The same problem in a later run has the same print: the rule and the statement.
    let print = format!("{}/{}", finding.rule, finding.statement.as_deref().unwrap_or("-"));
    json!({
        "ruleId": finding.rule,
        "level": level,
        "message": {"text": format!("{}{about}. {}", finding.title, finding.remedy)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(path)}}}],
        "partialFingerprints": {"laggard/1": print},
        "properties": {
            "severity": finding.severity, "confidence": finding.confidence, "occurrences": finding.occurrences,
            "cost_us": finding.cost.map(|cost| cost.0), "data": finding.data,
        },
    })
}

/// A path as a URI reference: what is no letter, digit or one of `-._~/` is encoded by its bytes.
pub(super) fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
