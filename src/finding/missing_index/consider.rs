//! Tables that are read in vain for what no B-tree finds: patterns that begin anywhere, and what documents and arrays hold.
//!
//! What another kind of index would cost nobody knows beforehand, so it is named as worth a thought and never as a statement.
//! Dearer statements of this kind have rules of their own, which say how to write them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::plan::{Reads, Scan};
use crate::sql::shape::on_a_deep_stack;
use crate::sql::shape::scans::{Key, Test, TextAlone};
use crate::units::{Micros, grouped};
use crate::workload::Statement;

use super::super::habit::{self, Price};
use super::super::{Confidence, Context, Evidence, Finding};
use super::advised::Advised;
use super::demands::reading;
use super::{META, Options, REWRITES, unqualified};

/// At most so many statements are read.
const MOST: usize = 100;

/// What might be worth another kind of index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Thought {
    table: String,
    key: String,
    method: &'static str,
    level: &'static str,
}

/// A statement that asks for it.
struct Asker<'w> {
    statement: &'w Statement,
    price: Price,
    /// Rows that a plan reads of the table, and those that are of use.
    waste: Option<(u64, u64)>,
}

pub(super) fn findings(context: &Context<'_>, advised: &[Advised<'_>], options: &Options, total: Micros) -> Vec<Finding> {
    let mut thoughts: BTreeMap<Thought, Vec<Asker<'_>>> = BTreeMap::new();
    let mut add = |thought: Thought, statement, waste| {
        let mut price = Price::of(statement);
        price.share = price.total.0 as f64 / total.0.max(1) as f64;
        let is_dear = price.mean >= options.min_mean_ms * 1_000.0 && price.calls >= options.min_calls && price.share >= options.min_share;
        let of_rule = |finding: &Finding| finding.statement == Some(statement.fingerprint) && REWRITES.contains(&finding.rule);
        if is_dear && !habit::all(context).iter().any(of_rule) {
            thoughts.entry(thought).or_default().push(Asker { statement, price, waste });
        }
    };
    for (statement, considered) in advised.iter().flat_map(Advised::considered) {
        let (table, key) = (considered.table.clone(), considered.key.clone());
        let waste = waste_of(statement, &table, options);
        add(Thought { table, key, method: considered.method, level: "catalog" }, statement, waste);
    }
    for (statement, table, waste) in wasted(context, options) {
        if advised.iter().any(|advised| advised.knows(&table)) {
            continue;
        }
        for (key, method) in sought(statement, &table) {
            add(Thought { table: table.clone(), key, method, level: "log" }, statement, Some(waste));
        }
    }
    thoughts.into_iter().map(|(thought, askers)| finding(&thought, askers)).collect()
}

/// Statements whose plans show a whole table read in vain by conditions that no B-tree serves.
fn wasted<'w>(context: &Context<'w>, options: &Options) -> Vec<(&'w Statement, String, (u64, u64))> {
    let mut found = Vec::new();
    for statement in context.workload.statements() {
        let shapes = statement.shapes.iter().flat_map(|shapes| shapes.iter());
        for scan in shapes.flat_map(|(_, shape)| &shape.slowest.1.scans).filter(|scan| scan.filter.others > 0) {
            let is_new = found
                .iter()
                .all(|(of, table, _): &(&Statement, String, _)| of.fingerprint != statement.fingerprint || *table != scan.table);
            if let Some(waste) = waste(scan, options).filter(|_| is_new) {
                found.push((statement, scan.table.clone(), waste));
            }
        }
    }
    found.sort_by_key(|(statement, ..)| (std::cmp::Reverse(statement.time()), statement.fingerprint));
    found.truncate(MOST);
    found
}

fn waste(scan: &Scan, options: &Options) -> Option<(u64, u64)> {
    let kept = scan.returned?;
    let examined = kept.saturating_add(scan.removed);
    let is_wasteful = scan.removed as f64 >= options.min_waste * examined as f64 && examined >= options.min_examined;
    (scan.reads == Reads::Whole && is_wasteful).then_some((examined, kept))
}

fn waste_of(statement: &Statement, table: &str, options: &Options) -> Option<(u64, u64)> {
    let shapes = statement.shapes.iter().flat_map(|shapes| shapes.iter());
    let scans = shapes.flat_map(|(_, shape)| &shape.slowest.1.scans);
    scans.filter(|scan| unqualified(&scan.table) == unqualified(table)).find_map(|scan| waste(scan, options))
}

/// What a statement asks of a table by patterns and documents.
fn sought(statement: &Statement, table: &str) -> Vec<(String, &'static str)> {
    let reading = on_a_deep_stack(|| reading(statement, &TextAlone).ok()).flatten().unwrap_or_default();
    let scans = reading.scans.iter().filter(|scan| unqualified(&scan.table) == unqualified(table));
    let terms = scans.flat_map(|scan| &scan.terms).filter_map(|term| {
        let method = method(term.test)?;
        let key = match &term.key {
            Key::Expression { text: Some(text), .. } => text.clone(),
            key => key.column().to_owned(),
        };
        Some((key, method))
    });
    terms.collect()
}

/// The kind of index for a test, where it is not a B-tree.
fn method(test: Test) -> Option<&'static str> {
    match test {
        Test::Pattern => Some("trigram"),
        Test::Document => Some("gin"),
        _ => None,
    }
}

fn finding(thought: &Thought, mut askers: Vec<Asker<'_>>) -> Finding {
    let Thought { table, key, method, level } = thought;
    askers.sort_by_key(|asker| (std::cmp::Reverse(asker.price.total), asker.statement.fingerprint));
    let ids: Vec<_> = askers.iter().map(|asker| asker.statement.fingerprint).collect();
    let is_shown = askers.iter().any(|asker| asker.waste.is_some());
    let (kind, how) = match *method {
        "gin" => ("GIN", "a GIN index, if the type has an operator class for what is asked"),
        "gist" => ("GiST", "a GiST index, if the type has an operator class for what is asked"),
        _ => ("trigram", "a GIN index with gin_trgm_ops of the extension pg_trgm, for patterns of three characters and more"),
    };
    let data = json!({
        "table": table, "columns": [key], "method": method, "expression": null, "where": null, "level": level,
        "serves": ids.iter().map(ToString::to_string).collect::<Vec<_>>(), "cost_before": null, "cost_after": null,
        "write_overhead": null, "replaces": [],
    });
    let mut evidence: Vec<Evidence> = askers.iter().filter_map(|asker| shown(table, asker)).take(3).collect();
    if evidence.is_empty() {
        let text = format!("the statement asks {table} by {key} in a way that no B-tree serves");
        evidence.push(Evidence { kind: "shape", text, data: Map::new() });
    }
    evidence.extend(askers.iter().take(3).map(|asker| asker.price.evidence()));
    Finding {
        rule: META.id,
        severity: askers.iter().map(|asker| asker.price.severity()).max().unwrap_or_default(),
        confidence: if is_shown { Confidence::Medium } else { Confidence::Low },
        title: format!("perhaps a {kind} index would lead to {table} by {key}"),
        statement: ids.first().copied(),
        related: ids.iter().skip(1).copied().collect(),
        occurrences: askers.iter().map(|asker| asker.price.calls).sum(),
        evidence,
        data: data.as_object().cloned().unwrap_or_default(),
        remedy: format!("Consider {how}. Writes to {table} get dearer by more than a B-tree costs, so measure before and after."),
        ..Finding::default()
    }
}

fn shown(table: &str, asker: &Asker<'_>) -> Option<Evidence> {
    let (examined, kept) = asker.waste?;
    let text = format!("a sequential scan reads {} rows of {table}, of which its filter keeps {}", grouped(examined), grouped(kept));
    let data: Value = json!({"table": table, "examined": examined, "kept": kept});
    Some(Evidence { kind: "plan", text, data: data.as_object().cloned().unwrap_or_default() })
}
