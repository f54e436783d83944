//! Findings as a report shows them.

use serde_json::Value;

use crate::finding::{Clock, Finding, Options};
use crate::sql::fingerprint::Fingerprint;
use crate::workload::Workload;

use super::super::{FindingLine, Warning};

pub(super) fn finding_lines<'f>(findings: impl Iterator<Item = &'f Finding>, workload: &Workload) -> Vec<FindingLine> {
    findings.map(|finding| line(finding, workload)).collect()
}

/// The findings to be ignored, each with the reason.
pub(super) fn ignored_lines(findings: &[Finding], workload: &Workload) -> Vec<(FindingLine, String)> {
    let ignored = || findings.iter().filter_map(|finding| finding.ignored.as_ref().map(|ignore| (finding, ignore)));
    let lines = finding_lines(ignored().map(|(finding, _)| finding), workload);
    lines.into_iter().zip(ignored().map(|(_, ignore)| ignore.reason.clone())).collect()
}

/// What findings do not know of, because more of it came than is told apart.
pub(super) fn beyond_bounds(workload: &Workload) -> Option<Warning> {
    let arrivals = workload.arrivals();
    let lost = [
        (workload.patterns().lost, "loops"),
        (workload.transactions().lost, "transactions"),
        (workload.convoys().lost, "lock queues"),
        (workload.service().unwatched(), "names of applications beyond 64"),
        (arrivals.nameless, "connections of clients beyond 1 000"),
        (arrivals.unknown, "errors of kinds beyond 1 000"),
        (arrivals.out_of_time(), "errors and connections in minutes beyond two weeks"),
    ];
    let lost: Vec<(u64, &'static str)> = lost.into_iter().filter(|(count, _)| *count > 0).collect();
    (!lost.is_empty()).then_some(Warning::BeyondBounds { lost })
}

/// What became of the ignores that were configured.
pub(super) fn ignore_warnings(findings: &[Finding], options: &Options, workload: &Workload) -> Vec<Warning> {
    if workload.rules().without_findings {
        return Vec::new();
    }
    let count = findings.iter().filter(|finding| finding.ignored.is_some()).count();
    let mut warnings = Vec::new();
    if count > 0 {
        warnings.push(Warning::Ignored { findings: count });
    }
    for ignore in &options.ignores {
        let (what, reason) = (ignore.to_string(), ignore.reason.clone());
        match &ignore.expires {
            Some(expires) if ignore.is_over => warnings.push(Warning::IgnoreOver { what, reason, expires: expires.clone() }),
            _ if !ignore.ambiguous(workload).is_empty() => {
                let statements = ignore.ambiguous(workload).iter().map(Fingerprint::to_string).collect();
                warnings.push(Warning::IgnoreAmbiguous { what, statements });
            }
            _ if findings.iter().all(|finding| finding.ignored.as_ref() != Some(ignore)) => {
                warnings.push(Warning::IgnoreUnused { what, reason });
            }
            _ => {}
        }
    }
    warnings
}

fn line(finding: &Finding, workload: &Workload) -> FindingLine {
    FindingLine {
        rule: finding.rule,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        title: finding.title.clone(),
        statement: finding.statement.map(|fingerprint| fingerprint.to_string()),
        text: finding.statement.and_then(|fingerprint| workload.statement(fingerprint)).map(|statement| statement.text.clone()),
        related: finding.related.iter().map(Fingerprint::to_string).collect(),
        occurrences: finding.occurrences,
        cost: finding.cost,
        is_wall: finding.clock == Clock::Wall,
        evidence: finding.evidence.iter().map(|e| (e.kind, e.text.clone(), Value::Object(e.data.clone()))).collect(),
        data: Value::Object(finding.data.clone()),
        remedy: finding.remedy.clone(),
        ddl: finding.ddl.clone(),
    }
}
