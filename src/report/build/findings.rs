//! Findings as a report shows them.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde_json::Value;

use crate::finding::Finding;
use crate::sql::fingerprint::Fingerprint;
use crate::workload::Workload;

use super::super::FindingLine;

pub(super) fn finding_lines(findings: &[Finding], workload: &Workload) -> Vec<FindingLine> {
    let texts: HashMap<Fingerprint, &str, FixedState> = workload.statements().map(|s| (s.fingerprint, s.text.as_str())).collect();
    findings.iter().map(|finding| line(finding, &texts)).collect()
}

fn line(finding: &Finding, texts: &HashMap<Fingerprint, &str, FixedState>) -> FindingLine {
    FindingLine {
        rule: finding.rule,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        title: finding.title.clone(),
        statement: finding.statement.map(|fingerprint| fingerprint.to_string()),
        text: finding.statement.and_then(|fingerprint| texts.get(&fingerprint)).map(|text| (*text).to_owned()),
        related: finding.related.iter().map(Fingerprint::to_string).collect(),
        occurrences: finding.occurrences,
        cost: finding.cost,
        evidence: finding.evidence.iter().map(|e| (e.kind, e.text.clone(), Value::Object(e.data.clone()))).collect(),
        data: Value::Object(finding.data.clone()),
        remedy: finding.remedy.clone(),
        ddl: finding.ddl.clone(),
    }
}
