//! Rows, blocks, spilled blocks and write-ahead log of a call.

use super::super::facts::Shape;
use super::super::matched::{Matched, Pair};
use super::super::policy::Policy;
use super::super::{Metric, Side};
use super::chance::Trial;
use super::rule::Counter;

/// One counter that the server keeps of a statement.
struct Amount {
    rule: &'static str,
    metric: Metric,
    unit: &'static str,
    of: fn(&Shape) -> Option<u64>,
    /// Whether only statements that write are looked at: reads prune pages and set hint bits by chance.
    is_of_writes: bool,
}

/// Never blocks found or blocks read alone, which tell how warm the cache was.
static AMOUNTS: [Amount; 4] = [
    Amount { rule: "rows-per-call", metric: Metric::Rows, unit: "rows per call", of: |s| s.rows, is_of_writes: false },
    Amount { rule: "buffers-per-call", metric: Metric::Buffers, unit: "blocks per call", of: |s| s.blocks, is_of_writes: false },
    Amount { rule: "temp-blocks", metric: Metric::Temp, unit: "temporary blocks per call", of: |s| s.temp, is_of_writes: false },
    Amount { rule: "wal-records", metric: Metric::Wal, unit: "WAL records per call", of: |s| s.wal, is_of_writes: true },
];

pub(super) fn trials(matched: &Matched<'_>, policy: &Policy) -> Vec<Trial> {
    let mut trials = Vec::new();
    for amount in &AMOUNTS {
        let counter = Counter { rule: amount.rule, metric: amount.metric, unit: amount.unit, limit: policy.limit(amount.rule) };
        for pair in matched.pairs.iter().filter(|pair| pair.any().is_some_and(|shape| shape.writes || !amount.is_of_writes)) {
            let values = pair.values(|shape| Some((amount.of)(shape)? as f64 / shape.calls as f64));
            let sides = [Side::Baseline, Side::Candidate].map(|side| pooled(pair, side, amount.of));
            if let [Some(from), Some(to)] = sides {
                let is_of_every_run = pair.is_of_every_run(&values);
                let trial = counter.trial(pair, values, [from, to]);
                trials.push(if is_of_every_run { trial } else { trial.doubted(PARTIAL) });
            }
        }
    }
    trials
}

/// That all runs of one side are above all of the other calibrates itself by their number, and with one of three on either side
/// would be no more than one against one.
const PARTIAL: &str = "some runs do not have it, and all would be needed";

/// Of all calls of a side together.
fn pooled(pair: &Pair<'_>, side: Side, of: fn(&Shape) -> Option<u64>) -> Option<f64> {
    let told = || pair.of(side).iter().flatten().filter(|shape| of(shape).is_some());
    let calls: u64 = told().map(|shape| shape.calls).sum();
    (calls > 0).then(|| told().filter_map(|shape| of(shape)).map(|n| n as f64).sum::<f64>() / calls as f64)
}
