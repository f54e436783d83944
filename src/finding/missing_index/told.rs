//! What plans and texts show, as findings: one for each index that is asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::plan::Reads;
use crate::units::{Micros, grouped};

use super::super::{Confidence, Evidence, Finding};
use super::candidate::{Candidate, Waste};
use super::{LONG, META, Need, Options, advised, unqualified};

/// What one index serves: an index on more columns serves those that need its first ones. The most columns come first.
pub(super) fn grouped_by_index(mut needs: Vec<Need<'_>>) -> Vec<Vec<Need<'_>>> {
    needs.sort_by(|a, b| {
        let key = |need: &Need<'_>| (std::cmp::Reverse(need.candidate.columns.len()), std::cmp::Reverse(need.cost));
        key(a)
            .cmp(&key(b))
            .then_with(|| a.candidate.columns.cmp(&b.candidate.columns))
            .then_with(|| a.statement.fingerprint.cmp(&b.statement.fingerprint))
    });
    let mut groups: BTreeMap<usize, Vec<Need<'_>>> = BTreeMap::new();
    for need in needs {
        let serves = |group: &[Need<'_>]| {
            let index = &group[0].candidate;
            unqualified(&index.table) == unqualified(&need.candidate.table) && index.columns.starts_with(&need.candidate.columns)
        };
        let at = groups.iter().find(|(_, group)| serves(group)).map_or(groups.len(), |(&at, _)| at);
        groups.entry(at).or_default().push(need);
    }
    groups.into_values().collect()
}

pub(super) fn is_worth_it(group: &[Need<'_>], options: &Options) -> bool {
    let calls: u64 = group.iter().map(|need| need.price.calls.max(need.plans)).sum();
    let share: f64 = group.iter().map(|need| need.price.share).sum();
    let cost = group.iter().fold(Micros(0), |sum, need| sum + need.cost);
    share >= options.min_share && (calls >= options.min_calls || cost >= LONG)
}

pub(super) fn finding(group: &[Need<'_>]) -> Finding {
    let index = &group[0].candidate;
    let mut by_cost: Vec<&Need<'_>> = group.iter().collect();
    by_cost.sort_by_key(|need| (std::cmp::Reverse(need.cost), need.statement.fingerprint));
    let worst = by_cost[0];
    let confidence = by_cost.iter().map(|need| need.confidence()).max().unwrap_or_default();
    let is_hint = confidence == Confidence::Low;
    let columns = index.columns.join(", ");
    let table = &index.table;
    let mut serves: Vec<_> = by_cost.iter().map(|need| need.statement.fingerprint).collect();
    let related = {
        let mut seen = vec![serves.remove(0)];
        serves.retain(|id| {
            let is_new = !seen.contains(id);
            seen.push(*id);
            is_new
        });
        serves
    };
    let ids: Vec<String> = std::iter::once(worst.statement.fingerprint).chain(related.iter().copied()).map(|id| id.to_string()).collect();
    let operators = if group.iter().any(|need| need.candidate.has_prefix) {
        " For patterns it needs text_pattern_ops, unless the collation is C."
    } else {
        ""
    };
    Finding {
        rule: META.id,
        severity: by_cost.iter().map(|need| need.price.severity()).max().unwrap_or_default(),
        confidence,
        title: if is_hint {
            format!("possibly no index leads to {table} by ({columns})")
        } else {
            format!("no index seems to lead to {table} by ({columns})")
        },
        statement: Some(worst.statement.fingerprint),
        related,
        occurrences: group.iter().map(|need| need.price.calls.max(need.plans)).sum(),
        cost: Some(group.iter().fold(Micros(0), |sum, need| sum + need.cost)).filter(|_| !is_hint),
        evidence: by_cost.iter().take(5).flat_map(|need| [shown(need), need.price.evidence()]).collect(),
        data: data(index, ids),
        remedy: format!(
            "Look for an index on {table} beginning ({columns}).{operators} If there is one, ANALYZE {table} and see why the plan does not use it."
        ),
        ..Finding::default()
    }
}

/// Says so where the catalogue has an index that plans do not use.
pub(super) fn told_of_an_index(mut finding: Finding, group: &[Need<'_>], advised: &[advised::Advised<'_>]) -> Finding {
    let name = group.iter().find_map(|need| advised.iter().find_map(|advised| advised.covering(need)));
    if let Some(name) = name {
        let table = &group[0].candidate.table;
        finding.title = format!("an index leads to {table} by what is asked, and plans do not use it");
        finding.confidence = finding.confidence.min(Confidence::Medium);
        finding.remedy = format!("See why plans do not use the index {name}: ANALYZE {table}, and compare types and collations.");
        let data = json!({"index": name});
        let text = format!("the snapshot has the index {name}");
        finding.evidence.push(Evidence { kind: "catalog", text, data: data.as_object().cloned().unwrap_or_default() });
    }
    finding
}

pub(super) fn data(index: &Candidate, serves: Vec<String>) -> Map<String, Value> {
    let data = json!({
        "table": index.table, "columns": index.columns, "method": "btree", "expression": null, "where": null, "level": "log",
        "serves": serves, "cost_before": null, "cost_after": null, "write_overhead": null, "replaces": [],
    });
    data.as_object().cloned().unwrap_or_default()
}

/// What the plans show.
pub(super) fn shown(need: &Need<'_>) -> Evidence {
    let table = &need.candidate.table;
    let Some(Waste { reads, examined, kept, by_sort, part }) = need.candidate.waste else { return suggested(&need.candidate) };
    let scan = match reads {
        Reads::Whole => "a sequential scan",
        Reads::ByIndex => "an index scan",
        Reads::ByBitmap => "a bitmap scan",
    };
    let rows = grouped(kept);
    let text = match examined.map(grouped) {
        Some(examined) if by_sort => format!("{scan} reads {examined} rows of {table}, which are sorted for {rows} of them"),
        Some(examined) => format!("{scan} reads {examined} rows of {table}, of which its filter keeps {rows}"),
        None => format!("{scan} reads {table}, of which its filter keeps {rows} rows as the planner thinks"),
    };
    let data = json!({"table": table, "examined": examined, "kept": kept, "share_of_plan": part, "plans": need.plans});
    Evidence { kind: "plan", text, data: data.as_object().cloned().unwrap_or_default() }
}

/// What the text of a slow statement alone says.
pub(super) fn suggested(candidate: &Candidate) -> Evidence {
    let Candidate { table, columns, .. } = candidate;
    let text = format!(
        "every call is slow, and its text asks {table} by {} alone; no plan was logged that shows how it is read",
        columns.join(", ")
    );
    let data = json!({"table": table, "columns": columns});
    Evidence { kind: "shape", text, data: data.as_object().cloned().unwrap_or_default() }
}
