//! Scans of which the planner expected far fewer rows than there were, as logged plans show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::habit::Price;
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};
use crate::catalog::is_of_server;
use crate::plan::Scan;
use crate::units::grouped;
use crate::workload::Statement;

/// See the module.
pub(super) struct RowMisestimate;

static META: Meta = Meta {
    id: "row-misestimate",
    title: "The planner expects far fewer rows of a table than it gets",
    severity: Severity::Medium,
    what: "Plans that auto_explain logged with ANALYZE read a hundred times as many rows of a table as the planner expected, and 10 000 or more, in a statement that takes 5 ms and more on average. Scans that LIMIT ends can only return fewer, and are no doubt. One finding for each table.",
    why: "For a few rows a nested loop is right, and a sort in memory; for a hundred times as many it is the slowest plan.",
    example: "Seq Scan on orders (… rows=120 …) (actual … rows=98000 …)",
    remedy: "ANALYZE the table. If that changes nothing, the columns of the condition depend on each other (CREATE STATISTICS with dependencies or mcv), one value is much more common than others (a higher statistics target), or the plan was made without the value (plan_cache_mode).",
    ignore: "The plan is the best one for so many rows too.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// So many times the rows that were expected.
    min_factor: f64,
    /// Fewer rows are left out.
    min_rows: u64,
    /// Statements whose calls take fewer milliseconds on average are left out.
    min_mean_ms: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_factor: 100.0, min_rows: 10_000, min_mean_ms: 5.0 }
    }
}

impl Rule for RowMisestimate {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let mut tables: BTreeMap<&str, Vec<Missed<'_>>> = BTreeMap::new();
        for statement in context.workload.statements() {
            let price = Price::of(statement);
            let shapes = statement.shapes.iter().flat_map(|shapes| shapes.iter()).filter(|_| price.mean >= options.min_mean_ms * 1_000.0);
            let scans = shapes.filter(|(_, shape)| shape.slowest.1.is_measured).flat_map(|(_, shape)| &shape.slowest.1.scans);
            let worst = scans.filter_map(|scan| missed(statement, scan, options)).max_by(|a, b| a.factor.total_cmp(&b.factor));
            worst.into_iter().for_each(|missed| tables.entry(&missed.scan.table).or_default().push(missed));
        }
        tables.into_iter().map(|(table, missed)| finding(table, missed)).collect()
    }
}

/// A scan that was thought much smaller.
struct Missed<'w> {
    statement: &'w Statement,
    scan: &'w Scan,
    /// Rows of a loop.
    rows: u64,
    factor: f64,
}

fn missed<'w>(statement: &'w Statement, scan: &'w Scan, options: Options) -> Option<Missed<'w>> {
    let is_catalogue = is_of_server(&scan.table);
    let returned = scan.returned.filter(|rows| *rows >= options.min_rows && scan.loops > 0 && !is_catalogue)?;
    // Estimates are of one loop.
    let rows = returned / scan.loops;
    let factor = rows as f64 / scan.planned_rows.max(1) as f64;
    (factor >= options.min_factor).then_some(Missed { statement, scan, rows, factor })
}

fn finding(table: &str, mut missed: Vec<Missed<'_>>) -> Finding {
    missed.sort_by_key(|missed| (std::cmp::Reverse(missed.statement.time()), missed.statement.fingerprint));
    let told = |missed: &Missed<'_>| {
        let Missed { scan, rows, factor, .. } = missed;
        let text = format!(
            "{} rows of {table} in each of {} where {} were expected",
            grouped(*rows),
            loops(scan.loops),
            grouped(scan.planned_rows)
        );
        let data = json!({"table": table, "rows": rows, "expected": scan.planned_rows, "loops": scan.loops, "factor": factor});
        Evidence { kind: "plan", text, data: data.as_object().cloned().unwrap_or_default() }
    };
    Finding {
        rule: META.id,
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        title: format!("the planner expects far fewer rows of {table} than there are"),
        statement: missed.first().map(|missed| missed.statement.fingerprint),
        related: missed.iter().skip(1).map(|missed| missed.statement.fingerprint).collect(),
        occurrences: missed.iter().map(|missed| missed.statement.calls().max(1)).sum(),
        evidence: missed.iter().take(3).map(told).collect(),
        data: json!({"table": table}).as_object().cloned().unwrap_or_default(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}

fn loops(count: u64) -> String {
    if count == 1 { "one loop".to_owned() } else { format!("{} loops", grouped(count)) }
}
