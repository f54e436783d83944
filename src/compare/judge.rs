//! What changes come to: what is lived with, what comes first, and the verdict.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::counters::rule::empty;
use super::matched::{Matched, Pair};
use super::policy::{Doubt, Level, Policy, Waiver};
use super::{Change, Comparison, Evidence, Judgement, Metric, Outcome, Side};

/// Marks what is lived with, sorts, and gives the verdict. The runs can be compared.
pub(super) fn settle(comparison: &mut Comparison, matched: &Matched<'_>, policy: &Policy) {
    // What is well has no level; what is in doubt keeps that of its rule, for the gate may ask for no doubt.
    for change in comparison.changes.iter_mut().filter(|change| matches!(change.verdict, Judgement::Ok | Judgement::Improved)) {
        change.level = Level::Info;
    }
    let nothing_tested = nothing_tested(comparison, policy);
    comparison.changes.extend(nothing_tested);
    comparison.unused = waive(&mut comparison.changes, matched, &policy.waivers);
    comparison.unused.retain(|waiver| is_looked_at(waiver, matched, policy));
    comparison.changes.sort_by_cached_key(|change| {
        let counts = change.verdict.counts() && change.suppressed.is_none();
        (
            Reverse(counts),
            Reverse(if counts { change.level } else { Level::Off }),
            change.verdict,
            Reverse(added(change, matched)),
            change.rule,
            change.statement,
        )
    });
    comparison.untested.sort_by_key(|untested| untested.statement);
    comparison.outcome = outcome(&comparison.changes, policy);
}

/// The time that the statement of a change takes more in the candidate, in microseconds of a run; what is about no statement
/// comes before all of them.
fn added(change: &Change, matched: &Matched<'_>) -> i64 {
    let Some(statement) = change.statement else { return i64::MAX };
    let Some(pair) = matched.pair(statement) else { return 0 };
    let [before, after] = [Side::Baseline, Side::Candidate]
        .map(|side| pair.of(side).iter().flatten().map(|shape| shape.total).sum::<f64>() / pair.of(side).len().max(1) as f64);
    let magnitude = i64::try_from(crate::units::Micros::floor((after - before).abs()).0).unwrap_or(i64::MAX - 1);
    if after >= before { magnitude } else { -magnitude }
}

/// Marks each change with the first waiver that is about it and still holds; answers with those that are about none.
fn waive(changes: &mut [Change], matched: &Matched<'_>, waivers: &[Waiver]) -> Vec<Waiver> {
    let mut used = vec![false; waivers.len()];
    for change in changes.iter_mut().filter(|change| change.verdict.counts() || change.verdict == Judgement::Inconclusive) {
        let tables = change.statement.and_then(|s| matched.pair(s)?.any()).map(|shape| shape.tables.clone()).unwrap_or_default();
        for (at, waiver) in waivers.iter().enumerate().filter(|(_, waiver)| waiver.matches(change.rule, change.statement, &tables)) {
            used[at] = true;
            if waiver.is_over {
                let text = format!("it was to be ignored until {}: {}", waiver.expires, waiver.reason);
                change.evidence.push(Evidence { kind: "expired", text });
            } else if change.suppressed.is_none() {
                change.suppressed = Some(waiver.clone());
            }
        }
    }
    waivers.iter().zip(used).filter(|(_, used)| !used).map(|(waiver, _)| waiver.clone()).collect()
}

/// Whether anything was judged that a waiver could have been about. One that matches nothing is told only then: of a rule that is
/// off, or of statements outside the filter, nobody knows whether they still change.
fn is_looked_at(waiver: &Waiver, matched: &Matched<'_>, policy: &Policy) -> bool {
    let rule = waiver.rule.as_deref().unwrap_or_default();
    let is_on = waiver.rule.as_deref().is_none_or(|rule| policy.limit(rule).level > Level::Off);
    let about = |pair: &&Pair<'_>| pair.any().is_some_and(|shape| waiver.matches(rule, Some(pair.statement), &shape.tables));
    let is_judged = |pair: &Pair<'_>| pair.any().is_some_and(|shape| policy.is_judged(&shape.text));
    is_on && matched.pairs.iter().filter(about).all(is_judged)
}

/// A gate that lives with no doubt does not pass because nothing could be tested.
fn nothing_tested(comparison: &Comparison, policy: &Policy) -> Option<Change> {
    let level = policy.limit("latency").level;
    // Those outside the filter were tested as well, and say nothing of the others.
    let is_tested = comparison.changes.iter().any(|change| ["latency", "latency-tail"].contains(&change.rule));
    if policy.on_inconclusive == Doubt::Passes || is_tested || level == Level::Off {
        return None;
    }
    let mut why: BTreeMap<&str, u64> = BTreeMap::new();
    comparison.untested.iter().for_each(|untested| *why.entry(untested.reason).or_default() += 1);
    let why: Vec<String> = why.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let evidence = (!why.is_empty()).then(|| Evidence { kind: "untested", text: why.join(", ") });
    Some(Change {
        rule: "latency",
        metric: Metric::Latency,
        level,
        title: "latency: no statement could be tested".to_owned(),
        evidence: evidence.into_iter().collect(),
        ..empty(Judgement::Inconclusive)
    })
}

fn outcome(changes: &[Change], policy: &Policy) -> Outcome {
    match () {
        () if changes.iter().any(|change| change.fails(policy)) => Outcome::Fail,
        () if changes.iter().any(|change| change.is_at_least(Level::Warn)) => Outcome::Warn,
        () => Outcome::Pass,
    }
}
