//! The JSON format: an object for each node, in which its inputs are a list of such.
//!
//! The depth is bounded by `serde_json`, which refuses what is nested more than 128 deep.

use std::borrow::Cow;

use serde::Deserialize;

use crate::units::Micros;

use super::condition::Condition;
use super::{MOST_NODES, Node, Plan, Space, Trigger};

/// A plan as `auto_explain` writes it, or the list of one that EXPLAIN writes.
pub(super) fn read(bytes: &[u8]) -> Option<Plan> {
    let text = String::from_utf8_lossy(bytes);
    let mut documents = serde_json::Deserializer::from_str(&text);
    // What follows the plan is of no interest.
    let document = if text.starts_with('[') {
        <Vec<Document<'_>>>::deserialize(&mut documents).ok()?.into_iter().next()?
    } else {
        Document::deserialize(&mut documents).ok()?
    };
    let mut plan = Plan { nodes: Vec::new(), triggers: document.triggers.iter().take(MOST_NODES).map(trigger).collect() };
    let mut open = vec![(document.plan, None)];
    while let Some((mut written, parent)) = open.pop() {
        if plan.nodes.len() >= MOST_NODES {
            break;
        }
        let at = plan.nodes.len();
        open.extend(std::mem::take(&mut written.plans).into_iter().rev().map(|below| (below, Some(at))));
        plan.nodes.push(node(&written, parent));
    }
    Some(plan)
}

#[derive(Deserialize)]
struct Document<'t> {
    #[serde(rename = "Plan", borrow)]
    plan: Written<'t>,
    #[serde(rename = "Triggers", default, borrow)]
    triggers: Vec<WrittenTrigger<'t>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenTrigger<'t> {
    #[serde(rename = "Trigger Name", default, borrow)]
    name: Option<Cow<'t, str>>,
    #[serde(rename = "Constraint Name", default, borrow)]
    constraint: Option<Cow<'t, str>>,
    #[serde(default, borrow)]
    relation: Option<Cow<'t, str>>,
    #[serde(default)]
    time: Option<f64>,
    #[serde(default)]
    calls: f64,
}

/// A node as it is written; what is not needed is read over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written<'t> {
    #[serde(rename = "Node Type", borrow)]
    kind: Cow<'t, str>,
    #[serde(rename = "Parallel Aware")]
    is_parallel: bool,
    #[serde(rename = "Async Capable")]
    is_async: bool,
    #[serde(rename = "Join Type", borrow)]
    join: Option<Cow<'t, str>>,
    #[serde(rename = "Strategy", borrow)]
    strategy: Option<Cow<'t, str>>,
    #[serde(rename = "Partial Mode", borrow)]
    partial: Option<Cow<'t, str>>,
    #[serde(rename = "Operation", borrow)]
    operation: Option<Cow<'t, str>>,
    #[serde(rename = "Command", borrow)]
    command: Option<Cow<'t, str>>,
    #[serde(rename = "Scan Direction", borrow)]
    direction: Option<Cow<'t, str>>,
    #[serde(rename = "Subplan Name", borrow)]
    label: Option<Cow<'t, str>>,
    #[serde(rename = "Schema", borrow)]
    schema: Option<Cow<'t, str>>,
    #[serde(rename = "Relation Name", borrow)]
    relation: Option<Cow<'t, str>>,
    #[serde(rename = "CTE Name", borrow)]
    cte: Option<Cow<'t, str>>,
    #[serde(rename = "Function Name", borrow)]
    function: Option<Cow<'t, str>>,
    #[serde(rename = "Alias", borrow)]
    alias: Option<Cow<'t, str>>,
    #[serde(rename = "Index Name", borrow)]
    index: Option<Cow<'t, str>>,
    #[serde(rename = "Plan Rows")]
    planned_rows: f64,
    #[serde(rename = "Total Cost")]
    cost: f64,
    #[serde(rename = "Actual Rows")]
    rows: Option<f64>,
    #[serde(rename = "Actual Loops")]
    loops: Option<f64>,
    #[serde(rename = "Actual Total Time")]
    time: Option<f64>,
    #[serde(rename = "Workers Planned")]
    workers_planned: Option<u32>,
    #[serde(rename = "Workers Launched")]
    workers_launched: Option<u32>,
    #[serde(rename = "Filter", borrow)]
    filter: Option<Cow<'t, str>>,
    #[serde(rename = "Index Cond", borrow)]
    index_condition: Option<Cow<'t, str>>,
    #[serde(rename = "Recheck Cond", borrow)]
    recheck: Option<Cow<'t, str>>,
    #[serde(rename = "Hash Cond", borrow)]
    hash: Option<Cow<'t, str>>,
    #[serde(rename = "Merge Cond", borrow)]
    merge: Option<Cow<'t, str>>,
    #[serde(rename = "Join Filter", borrow)]
    join_filter: Option<Cow<'t, str>>,
    #[serde(rename = "Rows Removed by Filter")]
    removed: f64,
    #[serde(rename = "Rows Removed by Join Filter")]
    removed_by_join: f64,
    #[serde(rename = "Sort Key")]
    sort_keys: Vec<String>,
    #[serde(rename = "Sort Method", borrow)]
    sort_method: Option<Cow<'t, str>>,
    #[serde(rename = "Sort Space Used")]
    sort_space: Option<u64>,
    #[serde(rename = "Sort Space Type", borrow)]
    sort_place: Option<Cow<'t, str>>,
    #[serde(rename = "Plans", borrow)]
    plans: Vec<Written<'t>>,
}

fn trigger(written: &WrittenTrigger<'_>) -> Trigger {
    let name = written.constraint.as_ref().or(written.name.as_ref());
    Trigger {
        name: name.map(|name| name.clone().into_owned()).unwrap_or_default(),
        relation: written.relation.as_ref().map(|name| name.clone().into_owned()),
        time: written.time.map(|millis| Micros::floor(millis * 1_000.0)),
        calls: Micros::floor(written.calls).0,
    }
}

fn node(written: &Written<'_>, parent: Option<usize>) -> Node {
    let owned = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| text.clone().into_owned());
    let condition = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Condition::read(text)).unwrap_or_default();
    let name = owned(&written.relation).or_else(|| owned(&written.cte)).or_else(|| owned(&written.function));
    let name = name.or_else(|| owned(&written.alias).filter(|_| written.kind.ends_with(" Scan")));
    let relation = match (name, &written.schema) {
        (Some(name), Some(schema)) => Some(format!("{schema}.{name}")),
        (name, _) => name,
    };
    let alias = owned(&written.alias).filter(|alias| relation.as_ref().is_none_or(|relation| super::unqualified(relation) != alias));
    let mut node = Node {
        kind: kind(written),
        parent,
        label: owned(&written.label),
        relation,
        alias,
        index: owned(&written.index),
        planned_rows: written.planned_rows,
        cost: written.cost,
        workers: written.workers_launched.or(written.workers_planned).unwrap_or_default(),
        filter: condition(&written.filter),
        index_condition: condition(&written.index_condition),
        recheck: condition(&written.recheck),
        join_condition: condition(if written.hash.is_some() { &written.hash } else { &written.merge }),
        join_filter: condition(&written.join_filter),
        sort_keys: written.sort_keys.iter().take(16).cloned().collect(),
        sort_method: owned(&written.sort_method),
        sort_space: written.sort_space.map(|size| {
            let is_disk = written.sort_place.as_deref() == Some("Disk");
            (size, if is_disk { Space::Disk } else { Space::Memory })
        }),
        ..Node::default()
    };
    if let (Some(rows), Some(loops)) = (written.rows, written.loops) {
        node.measured(loops, rows, written.time);
    }
    node.removed = written.removed * node.loops();
    node.removed_by_join = written.removed_by_join * node.loops();
    node
}

/// The kind as the text format names it.
fn kind(written: &Written<'_>) -> String {
    let is = |text: &Option<Cow<'_, str>>, what: &str| text.as_deref() == Some(what);
    let mut kind = match (&*written.kind, written.strategy.as_deref()) {
        ("Aggregate", Some("Sorted")) => "GroupAggregate".to_owned(),
        ("Aggregate", Some("Hashed")) => "HashAggregate".to_owned(),
        ("Aggregate", Some("Mixed")) => "MixedAggregate".to_owned(),
        ("SetOp", Some("Hashed")) => "HashSetOp".to_owned(),
        ("ModifyTable", _) => written.operation.as_deref().unwrap_or("ModifyTable").to_owned(),
        (kind, _) => kind.to_owned(),
    };
    if let Some(partial) = written.partial.as_deref().filter(|mode| *mode != "Simple") {
        kind = format!("{partial} {kind}");
    }
    if let Some(join) = written.join.as_deref().filter(|join| *join != "Inner") {
        kind = format!("{} {join} Join", kind.strip_suffix(" Join").unwrap_or(&kind));
    }
    if let Some(command) = written.command.as_deref().filter(|_| kind.ends_with("SetOp")) {
        kind = format!("{kind} {command}");
    }
    if is(&written.direction, "Backward") {
        kind.push_str(" Backward");
    }
    let parallel = if written.is_parallel { "Parallel " } else { "" };
    let foreign = if written.is_async { "Async " } else { "" };
    format!("{parallel}{foreign}{kind}")
}
