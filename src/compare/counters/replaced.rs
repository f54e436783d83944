//! Statements that are called more often than those they took the place of: one query for many rows that became one for each is
//! another statement.
//!
//! That a statement is new and another one on the same tables is gone says by itself nothing about either, so the numbers must
//! match. Where the rows of those that are gone are known, there is a call for each of them and hardly more; where a log tells
//! requests and transactions, there are more calls in each of these. And calls that statements of both sides lost have only moved:
//! as many are taken off.

use std::collections::BTreeMap;

use crate::sql::fingerprint::Fingerprint;
use crate::units::counted;

use super::super::facts::Shape;
use super::super::matched::{Matched, Pair, Values};
use super::super::{Change, Evidence, Judgement, Side};
use super::calls::{Traffic, mean};
use super::chance::Trial;
use super::rule::{Counter, number};

/// Statements that do the same kind of thing with the same tables, by the sides that have them.
#[derive(Default)]
struct Group<'m, 'r> {
    kept: Vec<&'m Pair<'r>>,
    gone: Vec<&'m Pair<'r>>,
    new: Vec<&'m Pair<'r>>,
}

/// A trial for each new statement, or several together, that may have taken the place of others. What is merely new replaces nothing.
pub(super) fn trials(matched: &Matched<'_>, counter: &Counter, traffic: &Traffic) -> Vec<Trial> {
    groups(matched).iter().filter_map(|group| trial(group, counter, traffic)).collect()
}

/// The new statements of those trials that speak against the candidate.
pub(super) fn statements(matched: &Matched<'_>, counter: &Counter, traffic: &Traffic) -> Vec<Fingerprint> {
    let groups = groups(matched);
    let held = groups.iter().filter(|group| trial(group, counter, traffic).is_some_and(|trial| trial.change.is_some()));
    held.flat_map(|group| group.new.iter().map(|pair| pair.statement)).collect()
}

fn groups<'m, 'r>(matched: &'m Matched<'r>) -> Vec<Group<'m, 'r>> {
    let mut groups: BTreeMap<(&str, Vec<&str>), Group<'m, 'r>> = BTreeMap::new();
    for pair in &matched.pairs {
        let Some(shape) = pair.any().filter(|shape| shape.works && !shape.tables.is_empty()) else { continue };
        let in_all = |side: Side| pair.calls(side).all(|calls| calls > 0);
        let in_none = |side: Side| pair.calls(side).all(|calls| calls == 0);
        let mut tables: Vec<&str> = shape.tables.iter().map(String::as_str).collect();
        tables.sort_unstable();
        let group = groups.entry((shape.verb.as_str(), tables)).or_default();
        match () {
            () if in_all(Side::Baseline) && in_none(Side::Candidate) => group.gone.push(pair),
            () if in_none(Side::Baseline) && in_all(Side::Candidate) => group.new.push(pair),
            () => group.kept.push(pair),
        }
    }
    groups.into_values().collect()
}

fn trial(group: &Group<'_, '_>, counter: &Counter, traffic: &Traffic) -> Option<Trial> {
    let most = group.new.iter().max_by_key(|pair| pair.calls(Side::Candidate).sum::<u64>()).filter(|_| !group.gone.is_empty())?;
    let factors = |side: Side| if side == Side::Baseline { &traffic.baseline } else { &traffic.candidate };
    let calls = |pairs: &[&Pair<'_>], side: Side| runs(pairs, side, factors(side), |shape| Some(shape.calls)).unwrap_or_default();
    let moved = (mean(&calls(&group.kept, Side::Baseline)) - mean(&calls(&group.kept, Side::Candidate))).max(0.0);
    let baseline = calls(&group.gone, Side::Baseline).iter().map(|calls| calls + moved).collect();
    let values = Values { baseline, candidate: calls(&group.new, Side::Candidate) };
    let [from, to] = [mean(&values.baseline), mean(&values.candidate)];
    let rows = runs(&group.gone, Side::Baseline, &traffic.baseline, |shape| shape.rows).map(|rows| mean(&rows));
    let trial = counter.trial(most, values, [from, to]);
    let is_worse = trial.change.as_ref().is_some_and(|change| change.verdict == Judgement::Regressed);
    let change = trial.change.filter(|_| is_worse && traffic.is_beyond_chance(from, to))?;
    let why = match rows {
        Some(rows) => for_each_row(rows + moved, to, counter)?,
        None => in_each_unit(group, counter)?,
    };
    let (gone, tables) = (counted(group.gone.len() as u64, "statement"), most.any()?.tables.join(", "));
    let text = format!("it takes the place of {gone} on {tables} that no candidate run has; {why}");
    let evidence = change.evidence.into_iter().chain([Evidence { kind: "replaced", text }]).collect();
    let all = |pairs: &[&Pair<'_>], side: Side| pairs.iter().map(|pair| pair.calls(side).sum::<u64>()).sum::<u64>();
    let calls = [all(&group.gone, Side::Baseline), all(&group.new, Side::Candidate)];
    Some(Trial { change: Some(Change { calls, evidence, ..change }), ..trial })
}

/// What statements count together, by run of a side, in terms of the work that each run did; `None` if one does not tell.
fn runs(pairs: &[&Pair<'_>], side: Side, factors: &[f64], of: fn(&Shape) -> Option<u64>) -> Option<Vec<f64>> {
    let run = |(at, factor): (usize, &f64)| {
        let shapes = pairs.iter().filter_map(|pair| pair.of(side).get(at).copied().flatten());
        let sum: Option<u64> = shapes.map(of).sum();
        Some(sum? as f64 / factor)
    };
    factors.iter().enumerate().map(run).collect()
}

/// Whether there are no more calls than rows were asked for before, by what the rule lets pass.
fn for_each_row(rows: f64, calls: f64, counter: &Counter) -> Option<String> {
    let is_of_rows = calls <= rows * (1.0 + counter.limit.relative) + counter.limit.absolute;
    is_of_rows.then(|| format!("{} rows of these, {} calls now", number(rows), number(calls)))
}

/// Whether there are more calls in a request or transaction, by the share that the rule lets pass.
fn in_each_unit(group: &Group<'_, '_>, counter: &Counter) -> Option<String> {
    let per_unit = |pairs: &[&Pair<'_>], side: Side| {
        let shapes = || pairs.iter().flat_map(|pair| pair.of(side)).flatten();
        let units: Option<u64> = shapes().map(|shape| shape.units).sum();
        units.filter(|&units| units > 0).map(|units| shapes().map(|shape| shape.calls).sum::<u64>() as f64 / units as f64)
    };
    let [before, after] = [per_unit(&group.gone, Side::Baseline)?, per_unit(&group.new, Side::Candidate)?];
    let is_more = after > before * (1.0 + counter.limit.relative);
    is_more.then(|| format!("calls in a request or transaction: {} → {}", number(before), number(after)))
}
