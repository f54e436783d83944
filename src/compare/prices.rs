//! What a new index costs those who write: more write-ahead log, which is no regression where it is the price of something.

use super::matched::Matched;
use super::policy::{Level, Policy};
use super::{Change, Evidence, Judgement, Metric};

/// Lets writes that log more be told and not held against the candidate, where a read of the same table became better. What the
/// gate file says of the rule is left alone.
pub(super) fn pay(changes: &mut [Change], matched: &Matched<'_>, policy: &Policy) {
    if policy.limits.contains_key("wal-records") {
        return;
    }
    let tables = |change: &Change| change.statement.and_then(|s| matched.pair(s)?.any()).map(|shape| shape.tables.as_slice());
    let is_better = |change: &&Change| change.verdict == Judgement::Improved && matches!(change.metric, Metric::Buffers | Metric::Latency);
    let better: Vec<&String> = changes.iter().filter(is_better).filter_map(tables).flatten().collect();
    let paid: Vec<(usize, String)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.metric == Metric::Wal && change.verdict == Judgement::Regressed)
        .filter_map(|(at, change)| Some((at, tables(change)?.first().filter(|table| better.contains(table))?.clone())))
        .collect();
    for (at, table) in paid {
        changes[at].level = changes[at].level.min(Level::Info);
        let text = format!("reads of {table} became better, so this looks like the price of an index");
        changes[at].evidence.push(Evidence { kind: "price", text });
    }
}
