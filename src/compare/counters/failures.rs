//! Deadlocks, lock timeouts and statement timeouts that no baseline run has.

use super::super::facts::Failure;
use super::super::matched::{Matched, Values};
use super::super::policy::Policy;
use super::super::{Change, Evidence, Judgement, Metric, Side};
use super::rule::{Counter, empty};

pub(super) fn changes(matched: &Matched<'_>, policy: &Policy) -> Vec<Change> {
    let has_log = matched.all().all(|(_, run)| run.surroundings.has_log);
    if has_log { Failure::ALL.into_iter().filter_map(|failure| change(matched, policy, failure)).collect() } else { Vec::new() }
}

fn change(matched: &Matched<'_>, policy: &Policy, failure: Failure) -> Option<Change> {
    let counter = Counter { rule: "errors", metric: Metric::Errors, unit: failure.name(), limit: policy.limit("errors") };
    let of = |side| matched.runs(side).iter().map(|run| run.failures.get(&failure).copied().unwrap_or(0) as f64).collect::<Vec<f64>>();
    let values = Values { baseline: of(Side::Baseline), candidate: of(Side::Candidate) };
    let verdict = counter.judged(&values).filter(|verdict| *verdict == Judgement::Regressed)?;
    let [from, to] = [&values.baseline, &values.candidate].map(|runs| runs.iter().sum::<f64>());
    Some(Change {
        rule: counter.rule,
        metric: counter.metric,
        level: counter.limit.level,
        title: format!("{}: {from} → {to}", failure.name()),
        baseline: Some(from),
        candidate: Some(to),
        runs: [matched.baseline.len(), matched.candidate.len()],
        evidence: vec![Evidence { kind: "counter", text: format!("{} in {} runs of the candidate", to, matched.candidate.len()) }],
        ..empty(verdict)
    })
}
