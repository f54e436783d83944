//! Tables that were read by an index and are read as a whole now.
//!
//! Plans are logged of slow calls only, so that a table which is read as a whole in the candidate's plans says something only
//! where the baseline has plans of the same statement too.

use std::collections::BTreeSet;

use super::super::facts::Shape;
use super::super::matched::{Matched, Pair};
use super::super::policy::{Level, Policy};
use super::super::{Change, Evidence, Judgement, Metric, Side};
use super::rule::empty;

pub(super) fn changes(matched: &Matched<'_>, policy: &Policy, others: &[Change]) -> Vec<Change> {
    matched.pairs.iter().filter_map(|pair| change(pair, policy, others)).collect()
}

fn change(pair: &Pair<'_>, policy: &Policy, others: &[Change]) -> Option<Change> {
    let limit = policy.limit("plan-shape");
    let planned = |side: Side| -> Vec<&Shape> { pair.of(side).iter().flatten().copied().filter(|shape| !shape.plans.is_empty()).collect() };
    let (before, after) = (planned(Side::Baseline), planned(Side::Candidate));
    if before.is_empty() || after.is_empty() || limit.level == Level::Off {
        return None;
    }
    let tables: BTreeSet<&String> = after.iter().flat_map(|shape| shape.access.keys()).collect();
    let lost: Vec<&str> =
        tables.iter().filter(|table| by_index(&before, table) && whole(&after, table)).map(|table| table.as_str()).collect();
    let gained: Vec<&str> =
        tables.iter().filter(|table| whole(&before, table) && by_index(&after, table)).map(|table| table.as_str()).collect();
    let ids = |shapes: &[&Shape]| shapes.iter().flat_map(|shape| shape.plans.iter().copied()).collect::<BTreeSet<u64>>();
    let (old, new) = (ids(&before), ids(&after));
    if lost.is_empty() && gained.is_empty() && !old.is_disjoint(&new) {
        return None;
    }
    let is_dearer = others
        .iter()
        .any(|other| other.statement == Some(pair.statement) && other.metric == Metric::Buffers && other.verdict == Judgement::Regressed);
    let is_critical = policy.is_critical(&lost.iter().map(|table| (*table).to_owned()).collect::<Vec<_>>());
    let level = match () {
        () if lost.is_empty() => Level::Info,
        () if is_dearer || is_critical => limit.level,
        () => limit.level.min(Level::Warn),
    };
    // Another plan is neither better nor worse by itself.
    let (verdict, title) = match () {
        () if !lost.is_empty() => (Judgement::Regressed, format!("{} was read by an index and is read as a whole", lost.join(", "))),
        () if !gained.is_empty() => (Judgement::Improved, format!("{} was read as a whole and is read by an index", gained.join(", "))),
        () => (Judgement::Inconclusive, format!("other plans than before: {} → {} shapes", old.len(), new.len())),
    };
    Some(Change {
        rule: "plan-shape",
        metric: Metric::Plan,
        level,
        statement: Some(pair.statement),
        title,
        calls: pair.all_calls(),
        runs: pair.runs(),
        evidence: vec![Evidence {
            kind: "plan",
            text: format!("{} plan shapes before, {} now, {} of them new", old.len(), new.len(), new.difference(&old).count()),
        }],
        ..empty(verdict)
    })
}

/// Whether all of these read a table by an index, and in none of their plans as a whole.
fn by_index(shapes: &[&Shape], table: &str) -> bool {
    shapes.iter().all(|shape| shape.access.get(table).is_some_and(|access| access.is_by_index && !access.is_whole))
}

/// Whether all of these read a table as a whole in some plan.
fn whole(shapes: &[&Shape], table: &str) -> bool {
    shapes.iter().all(|shape| shape.access.get(table).is_some_and(|access| access.is_whole))
}
