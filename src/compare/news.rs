//! Findings of the rules on single runs that every candidate run has and no baseline run.
//!
//! A finding depends on thresholds, and what is near one comes and goes. So a new one counts by itself only where the numbers
//! bear it out: a loop whose statement is new or is called more often, an index that is missing for a statement that became
//! dearer. What is missing for a statement that is itself new is worth a look, but nothing became worse.

use std::collections::BTreeSet;

use crate::sql::fingerprint::Fingerprint;

use super::counters::rule::empty;
use super::facts::{Found, Run};
use super::matched::{Matched, Pair};
use super::policy::{FINDINGS, Level, Policy};
use super::{Change, Evidence, Judgement, Metric, Side};

/// What bears a finding out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// More calls.
    Loop,
    /// Dearer calls.
    Index,
    /// Its own numbers: what a migration's command did to others, of which only the worst is an error.
    Command,
    /// Nothing: it is an event, not a measurement.
    Event,
}

fn kind(rule: &str) -> Kind {
    match rule {
        "n-plus-one" | "write-loop" | "redundant-query" | "upsert-loop" => Kind::Loop,
        "missing-index" | "foreign-key-without-index" => Kind::Index,
        "access-exclusive-wait" | "ddl-duration" | "table-rewrite" => Kind::Command,
        _ => Kind::Event,
    }
}

/// Whether a rule finds loops.
pub(super) fn is_loop(rule: &str) -> bool {
    kind(rule) == Kind::Loop
}

/// What tells one finding from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: &'static str,
    /// Not of events: theirs is whichever happened to be hit.
    statement: Option<Fingerprint>,
    /// Of a convoy the table that its statement is about, for one on another table is another.
    table: Option<String>,
}

fn key(run: &Run, found: &Found) -> Key {
    let table = || run.shapes.get(&found.statement?)?.tables.first().cloned();
    Key {
        rule: found.rule,
        statement: found.statement.filter(|_| kind(found.rule) != Kind::Event),
        table: if found.rule == "lock-convoy" { table() } else { None },
    }
}

pub(super) fn changes(matched: &Matched<'_>, policy: &Policy, others: &[Change]) -> Vec<Change> {
    let keys = |run: &Run| run.found.iter().map(|found| key(run, found)).collect::<BTreeSet<Key>>();
    let known: BTreeSet<Key> = matched.baseline.iter().flat_map(&keys).collect();
    let mut new: Option<BTreeSet<Key>> = None;
    for run in matched.candidate {
        let found = keys(run);
        new = Some(new.map_or_else(|| found.clone(), |new| new.intersection(&found).cloned().collect()));
    }
    let new = new.unwrap_or_default().into_iter().filter(|key| !known.contains(key) && FINDINGS.iter().any(|(id, _)| *id == key.rule));
    new.filter_map(|key| change(&key, matched, policy, others)).collect()
}

fn change(new: &Key, matched: &Matched<'_>, policy: &Policy, others: &[Change]) -> Option<Change> {
    let found: Vec<&Found> = matched.candidate.iter().filter_map(|run| run.found.iter().find(|found| key(run, found) == *new)).collect();
    let first = found.first()?;
    let pair = new.statement.and_then(|statement| matched.pair(statement));
    let level = level(new, &found, pair, policy, others);
    (level > Level::Off).then(|| Change {
        rule: new.rule,
        metric: match kind(new.rule) {
            Kind::Loop => Metric::Calls,
            Kind::Index => Metric::Plan,
            Kind::Command | Kind::Event => Metric::Errors,
        },
        level,
        statement: first.statement,
        title: format!("new: {}", first.title),
        calls: pair.map_or([0; 2], Pair::all_calls),
        runs: [0, matched.candidate.len()],
        evidence: vec![
            Evidence { kind: "finding", text: "every candidate run has this finding, and no baseline run".to_owned() },
            Evidence { kind: "remedy", text: first.remedy.clone() },
        ],
        ..empty(Judgement::New)
    })
}

fn level(new: &Key, found: &[&Found], pair: Option<&Pair<'_>>, policy: &Policy, others: &[Change]) -> Level {
    let configured = policy.limit(new.rule).level;
    let is_new = pair.is_some_and(|pair| pair.calls(Side::Baseline).all(|calls| calls == 0));
    let is_worse = |metrics: &[Metric]| {
        others
            .iter()
            .any(|other| other.statement == new.statement && other.verdict == Judgement::Regressed && metrics.contains(&other.metric))
    };
    let is_sure = found.iter().all(|found| found.is_sure);
    let least = if is_sure { configured } else { configured.min(Level::Warn) };
    match kind(new.rule) {
        Kind::Loop if is_new || is_worse(&[Metric::Calls]) => least,
        Kind::Index if is_worse(&[Metric::Buffers, Metric::Latency, Metric::LatencyTail]) => least,
        Kind::Index if is_new => configured.min(Level::Warn),
        Kind::Command if found.iter().any(|found| !found.is_severe) => least.min(Level::Warn),
        Kind::Command | Kind::Event => least,
        Kind::Loop | Kind::Index => configured.min(Level::Info),
    }
}
