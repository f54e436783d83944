//! Statements that only one side has.

use crate::units::counted;

use super::super::matched::{Matched, Pair};
use super::super::policy::{Level, Policy};
use super::super::{Change, Evidence, Judgement, Metric, Side};
use super::rule::empty;

/// Commands that define things.
const DEFINITIONS: [&str; 12] =
    ["alter", "analyze", "cluster", "comment", "create", "drop", "grant", "refresh", "reindex", "revoke", "truncate", "vacuum"];

pub(super) fn changes(matched: &Matched<'_>, policy: &Policy) -> Vec<Change> {
    matched.pairs.iter().filter(|pair| pair.any().is_some_and(|shape| shape.works)).filter_map(|pair| change(pair, policy)).collect()
}

fn change(pair: &Pair<'_>, policy: &Policy) -> Option<Change> {
    let shape = pair.any()?;
    let in_all = |side: Side| pair.calls(side).all(|calls| calls > 0);
    let in_none = |side: Side| pair.calls(side).all(|calls| calls == 0);
    let (rule, verdict) = match () {
        () if in_all(Side::Candidate) && in_none(Side::Baseline) => ("new-shape", Judgement::New),
        () if in_all(Side::Baseline) && in_none(Side::Candidate) => ("removed-shape", Judgement::Gone),
        () => return None,
    };
    let limit = policy.limit(rule);
    // A migration is the cause of what is looked for, not a part of the work.
    let is_definition = DEFINITIONS.contains(&shape.verb.as_str());
    let is_critical = !is_definition && verdict == Judgement::New && policy.is_critical(&shape.tables) && limit.level > Level::Off;
    let whole: Vec<&str> = shape.access.iter().filter(|(_, access)| access.is_whole).map(|(table, _)| table.as_str()).collect();
    let calls = pair.all_calls();
    let word = if verdict == Judgement::New { "new" } else { "gone" };
    let per_call = format!("{} on average", crate::units::Micros::floor(shape.total / shape.calls.max(1) as f64));
    let mut evidence = vec![Evidence { kind: "counter", text: format!("{}, {per_call}", counted(calls[0] + calls[1], "call")) }];
    if verdict == Judgement::New && !whole.is_empty() {
        evidence.push(Evidence { kind: "plan", text: format!("its plans read {} as a whole", whole.join(", ")) });
    }
    if is_critical {
        evidence.push(Evidence { kind: "policy", text: "it names a table that the gate file calls critical".to_owned() });
    }
    let of = |side: Side| pair.calls(side).sum::<u64>() as f64;
    // Of one run, as with everything else that is counted.
    let runs = pair.calls(if verdict == Judgement::New { Side::Candidate } else { Side::Baseline }).count().max(1) as u64;
    let (all, about) = (calls[0] + calls[1], if runs > 1 { "about " } else { "" });
    let a_run = counted((all + runs / 2) / runs, "call");
    Some(Change {
        rule,
        metric: Metric::Presence,
        level: match () {
            () if is_critical => Level::Error,
            () if is_definition => limit.level.min(Level::Info),
            () => limit.level,
        },
        statement: Some(pair.statement),
        title: format!("{word}: {about}{a_run} in a run, of a statement that the other side does not have"),
        baseline: Some(of(Side::Baseline)),
        candidate: Some(of(Side::Candidate)),
        calls,
        runs: pair.runs(),
        evidence,
        ..empty(verdict)
    })
    .filter(|change| change.level > Level::Off)
}
