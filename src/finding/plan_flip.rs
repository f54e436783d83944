//! Statements that run with two plans, of which one is much slower.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::plan::{Facts, Reads};
use crate::units::Micros;
use crate::workload::{PlanShape, Statement};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, as_map, fits};

/// See the module.
pub(super) struct PlanFlip;

static META: Meta = Meta {
    id: "plan-flip",
    title: "A statement runs with two plans, of which one is much slower",
    severity: Severity::High,
    what: "auto_explain logged plans of two structures for one statement, each several times, and the fastest call with the one took at least twice as long as the slowest with the other. Plans of different tables, as those of partitions are, and slow ones that return far more rows are left out.",
    why: "The planner estimates that both cost about the same, and is wrong in one of the cases: statistics are stale or too coarse, values are unevenly distributed, or an index was added or dropped.",
    example: "Index Scan using orders_customer_id_idx until Tuesday, 2 ms; Seq Scan since, 800 ms",
    remedy: "ANALYZE the tables and compare estimated with actual rows. If values are unevenly distributed, raise the statistics target of the column, or set plan_cache_mode for prepared statements.",
    ignore: "The slow plan is right for the values that it was made for.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// A structure that was logged fewer times is left out.
    min_plans: u64,
    /// So many times longer the fastest call with the slow plan must take than the slowest with the fast one.
    min_ratio: f64,
    /// Slow plans that take fewer milliseconds on average are left out.
    min_mean_ms: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_plans: 3, min_ratio: 2.0, min_mean_ms: 20.0 }
    }
}

/// A slow plan that returns so many times more rows has more to do.
const MORE_ROWS: u64 = 3;

/// A slow plan of so many microseconds is noticed by users.
const NOTICED: f64 = 500_000.0;

impl Rule for PlanFlip {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        context.workload.statements().filter_map(|statement| flip(statement, options)).collect()
    }
}

/// The two plans of a statement between which most is lost.
fn flip(statement: &Statement, options: Options) -> Option<Finding> {
    let shapes: Vec<(u64, &PlanShape)> =
        statement.shapes.as_deref()?.iter().filter(|(_, shape)| shape.count >= options.min_plans).collect();
    let pairs = shapes.iter().flat_map(|fast| shapes.iter().map(move |slow| (*fast, *slow)));
    let flips = pairs.filter(|((_, fast), (_, slow))| is_flip(fast, slow, options));
    let (fast, slow) = flips.max_by_key(|((id, fast), (other, slow))| (lost(fast, slow), *id, *other))?;
    Some(finding(statement, fast, slow))
}

fn is_flip(fast: &PlanShape, slow: &PlanShape, options: Options) -> bool {
    let is_apart = slow.fastest.0 as f64 >= options.min_ratio * fast.slowest.0.0.max(1) as f64;
    let (few, many) = (&fast.slowest.1, &slow.slowest.1);
    let has_more_to_do = few.rows.zip(many.rows).is_some_and(|(few, many)| many >= few.max(10).saturating_mul(MORE_ROWS));
    is_apart && mean(slow) >= options.min_mean_ms * 1_000.0 && !has_more_to_do && tables(few) == tables(many) && reads(few) != reads(many)
}

fn tables(facts: &Facts) -> BTreeSet<&str> {
    facts.scans.iter().map(|scan| scan.table.as_str()).collect()
}

/// How each table is read. Joins in another way alone, or workers, are no flip worth a line.
fn reads(facts: &Facts) -> BTreeSet<(&str, Reads, Option<&str>)> {
    facts.scans.iter().map(|scan| (scan.table.as_str(), scan.reads, scan.index.as_deref())).collect()
}

fn mean(shape: &PlanShape) -> f64 {
    shape.total.0 as f64 / shape.count.max(1) as f64
}

/// What the slow plans took longer than the fast ones do.
fn lost(fast: &PlanShape, slow: &PlanShape) -> Micros {
    Micros::floor(slow.total.0 as f64 - mean(fast) * slow.count as f64)
}

fn finding(statement: &Statement, fast: (u64, &PlanShape), slow: (u64, &PlanShape)) -> Finding {
    let ratio = mean(slow.1) / mean(fast.1).max(1.0);
    let since = slow.1.seen.0 > fast.1.seen.1;
    let when = if since { format!(", since {}", slow.1.seen.0) } else { String::new() };
    let data = json!({
        "fast": side(fast), "slow": side(slow), "ratio": ratio,
        "changed_at": since.then(|| slow.1.seen.0.to_string()),
    });
    Finding {
        rule: META.id,
        severity: if mean(slow.1) >= NOTICED { Severity::High } else { Severity::Medium },
        confidence: Confidence::Medium,
        title: format!("runs with two plans, of which one takes {ratio:.1} times as long{when}"),
        statement: Some(statement.fingerprint),
        occurrences: slow.1.count,
        cost: Some(lost(fast.1, slow.1)),
        evidence: [("fast", fast), ("slow", slow)].into_iter().map(|(name, shape)| shown(name, shape)).collect(),
        data: as_map(data),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}

fn side((id, shape): (u64, &PlanShape)) -> Value {
    json!({
        "plan": format!("{id:016x}"), "count": shape.count, "mean_us": mean(shape), "fastest_us": shape.fastest.0,
        "slowest_us": shape.slowest.0.0, "first": shape.seen.0.to_string(), "last": shape.seen.1.to_string(),
    })
}

fn shown(name: &str, shape: (u64, &PlanShape)) -> Evidence {
    let scans = shape.1.slowest.1.scans.iter().take(6).map(|scan| {
        let how = match scan.reads {
            Reads::Whole => "sequentially",
            Reads::ByIndex => "by an index",
            Reads::ByBitmap => "by a bitmap",
        };
        let index = scan.index.as_ref().map(|index| format!(" {index}")).unwrap_or_default();
        format!("{} {how}{index}", scan.table)
    });
    let scans: Vec<String> = scans.collect();
    let text = format!("the {name} plan, {} times, mean {}, reads {}", shape.1.count, Micros::floor(mean(shape.1)), scans.join(", "));
    Evidence { kind: "plan", text, data: as_map(side(shape)) }
}
