//! Loops from counters alone: a statement that is called as often as another one returns rows, interval after interval.
//!
//! The law: in a loop over the rows of a parent, the calls of the child grow by as much as the parent's rows. It is no proof,
//! as everything on a server grows together at noon, so the names must fit too, and confidence ends at medium. Where
//! there is one interval only, many cheap lookups are told as what they are: suspect.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::json;

use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::{Outline, Relatable, Role};
use crate::units::{Micros, grouped};
use crate::workload::burst::Class;
use crate::workload::{Courses, Statement, Tick, Workload, micros};

use law::{FEWEST_INTERVALS, LOOSE, Law, STRICT};

use super::loops::{Looped, Options, named, remedy, title};
use super::orm::Named;
use super::{Confidence, Context, Evidence, Finding, Meta, Severity, as_map};

mod law;

/// A loop worth looking for has so many calls in all, and one a second.
const FEWEST_CALLS: u64 = 100;
/// A statement of a loop takes less than this on average, in milliseconds, and returns no more rows a call.
const LONGEST: f64 = 5.0;
const MOST_ROWS: f64 = 50.0;
/// A parent returns more rows a call.
const FEWEST_ROWS: f64 = 1.5;

/// A statement of a database, and what it counted in all.
struct Side {
    statement: Fingerprint,
    relatable: Relatable,
    outline: Outline,
    at: usize,
    sum: Tick,
}

/// A child and its parent.
#[derive(Clone)]
struct Pair {
    child: Fingerprint,
    parent: Fingerprint,
    law: Law,
    confidence: Confidence,
    /// Calls of the parent.
    turns: u64,
    /// Calls of the child for its rows.
    calls: u64,
    cost: Micros,
}

impl Pair {
    /// Adds the same pair of another database.
    fn add(&mut self, other: &Pair) {
        self.turns = self.turns.saturating_add(other.turns);
        self.calls = self.calls.saturating_add(other.calls);
        self.cost += other.cost;
        self.confidence = self.confidence.max(other.confidence);
    }

    /// Calls for each call of the parent, rounded.
    fn each(&self) -> u32 {
        u32::try_from(self.calls.saturating_add(self.turns / 2) / self.turns.max(1)).unwrap_or(u32::MAX)
    }
}

/// What a finding is made from.
struct Sought<'c, 'w> {
    context: &'c Context<'w>,
    meta: &'static Meta,
    class: Class,
}

/// Findings of a class of loops that `known` ones, of a log, do not tell already.
pub(super) fn check(context: &Context<'_>, meta: &'static Meta, class: Class, known: &[Finding]) -> Vec<Finding> {
    let workload = context.workload;
    if workload.coverage().is_none() {
        return Vec::new();
    }
    let options: Options = context.options(meta.id);
    let sought = Sought { context, meta, class };
    let is_known = |statement: Fingerprint| known.iter().any(|f| f.statement == Some(statement) || f.related.contains(&statement));
    let mut pairs: BTreeMap<(Fingerprint, Fingerprint), Pair> = BTreeMap::new();
    for courses in workload.courses() {
        for pair in laws(courses, class, options.min_repeats.get(), workload).into_iter().filter(|pair| !is_known(pair.child)) {
            match pairs.entry((pair.parent, pair.child)) {
                Entry::Vacant(place) => drop(place.insert(pair)),
                Entry::Occupied(mut place) => place.get_mut().add(&pair),
            }
        }
    }
    let families = families(&pairs.into_values().collect::<Vec<_>>());
    let mut findings: Vec<Finding> = families.iter().filter_map(|(root, family)| sought.finding(*root, family)).collect();
    let is_watched = workload.courses().iter().any(|courses| courses.seconds.len() >= FEWEST_INTERVALS);
    let is_logged = workload.calls() > 0 && workload.blind().is_none();
    if class == Class::Reads && !is_watched && !is_logged {
        findings.extend(sought.suspects().into_iter().filter(|finding| !finding.statement.is_some_and(is_known)));
    }
    findings
}

/// The likeliest parent of each child, where the law holds.
fn laws(courses: &Courses, class: Class, least: u32, workload: &Workload) -> Vec<Pair> {
    let sides: Vec<Side> = courses
        .statements
        .iter()
        .enumerate()
        .filter_map(|(at, course)| {
            let outline = named(workload, course.statement)?.outline;
            let mut sum = Tick::default();
            course.ticks.iter().flatten().for_each(|tick| sum.add(*tick));
            Some(Side { statement: course.statement, relatable: Relatable::of(&outline), outline, at, sum })
        })
        .collect();
    let parents: Vec<&Side> = sides.iter().filter(|side| is_parent(&side.outline, side.sum)).collect();
    let time: f64 = courses.seconds.iter().map(|seconds| seconds.unwrap_or(0.0)).sum();
    let is_child = |side: &&Side| is_child(&side.outline, side.sum, class) && side.sum.calls as f64 >= time;
    let likeliest = |child: &Side| {
        let all = parents.iter().filter_map(|parent| pair(courses, child, parent, least));
        all.max_by(|a, b| {
            let key = |pair: &Pair| (pair.confidence, -(1.0 - pair.law.ratio).abs(), pair.law.correlation);
            key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal).then_with(|| b.parent.cmp(&a.parent))
        })
    };
    sides.iter().filter(is_child).filter_map(likeliest).collect()
}

fn is_parent(outline: &Outline, sum: Tick) -> bool {
    outline.role == Role::Read && !outline.is_aggregate && sum.rows as f64 > FEWEST_ROWS * sum.calls as f64
}

fn is_child(outline: &Outline, sum: Tick, class: Class) -> bool {
    let (calls, rows) = (sum.calls as f64, sum.rows as f64);
    let is_of_class = match class {
        Class::Reads => outline.role == Role::Read && rows <= MOST_ROWS * calls,
        Class::Writes => outline.role.writes() && rows <= FEWEST_ROWS * calls,
        Class::Repeats => false,
    };
    is_of_class && outline.is_by_key() && !outline.takes_array && sum.calls >= FEWEST_CALLS && sum.total < LONGEST * calls
}

fn pair(courses: &Courses, child: &Side, parent: &Side, least: u32) -> Option<Pair> {
    // The cheap question first, as there may be millions of pairs.
    let ratio = child.sum.calls as f64 / parent.sum.rows as f64;
    if child.statement == parent.statement || !(0.2..5.0).contains(&ratio) {
        return None;
    }
    let relation = child.relatable.relation(&parent.relatable);
    if relation == 0 {
        return None;
    }
    let law = Law::of(&courses.statements[child.at].ticks, &courses.statements[parent.at].ticks)?;
    // A parent that brings whole rows may point anywhere.
    let is_whole = parent.outline.has_star || parent.outline.columns.is_empty();
    let confidence = law.confidence(relation, relation == 2 && !(child.outline.is_lookup() && is_whole))?;
    let calls = if law.ratio <= STRICT.ratio[1] { child.sum.calls } else { child.sum.calls.min(whole(law.slope * parent.sum.rows as f64)) };
    let turns = parent.sum.calls;
    if calls < u64::from(least).saturating_mul(turns) {
        return None;
    }
    let mean = child.sum.total / child.sum.calls.max(1) as f64;
    let cost = micros(mean * calls.saturating_sub(turns) as f64);
    Some(Pair { child: child.statement, parent: parent.statement, law, confidence, turns, calls, cost })
}

/// A count that was worked out.
fn whole(count: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no count is below nothing or beyond 2^63")]
    let whole = count.round() as u64;
    whole
}

/// Pairs below one root, the outermost and most costly first; a nested loop is part of the one around it.
fn families(pairs: &[Pair]) -> Vec<(Fingerprint, Vec<(usize, Pair)>)> {
    let above = |child: Fingerprint| pairs.iter().find(|pair| pair.child == child).map(|pair| pair.parent);
    let mut families: BTreeMap<Fingerprint, Vec<(usize, Pair)>> = BTreeMap::new();
    for pair in pairs {
        let (mut root, mut depth) = (pair.parent, 0);
        while let Some(next) = above(root).filter(|_| depth < 4) {
            (root, depth) = (next, depth + 1);
        }
        families.entry(root).or_default().push((depth, pair.clone()));
    }
    let mut families: Vec<_> = families.into_iter().collect();
    families.iter_mut().for_each(|(_, family)| family.sort_by_key(|(depth, pair)| (*depth, std::cmp::Reverse(pair.cost), pair.child)));
    families
}

impl Sought<'_, '_> {
    /// As for loops of a log; counters know no applications.
    fn remedy(&self, class: Class, all: &[Looped]) -> String {
        remedy(self.context, class, all, None)
    }

    fn finding(&self, root: Fingerprint, family: &[(usize, Pair)]) -> Option<Finding> {
        let (_, first) = family.first()?;
        let parent = named(self.context.workload, root);
        let told: Vec<Named> = family.iter().filter_map(|(_, pair)| named(self.context.workload, pair.child)).collect();
        let inner = family.iter().find(|(depth, _)| *depth > 0);
        let levels: Vec<u32> = std::iter::once(first.each()).chain(inner.map(|(_, pair)| pair.each())).collect();
        let cost = family.iter().map(|(_, pair)| pair.cost).sum();
        let children: Vec<String> = family.iter().map(|(_, pair)| pair.child.to_string()).collect();
        let data = json!({"parent": root.to_string(), "children": children, "levels": levels, "bursts": null, "endpoint": null});
        Some(Finding {
            rule: self.meta.id,
            severity: severity(self.context.workload, &levels, cost),
            confidence: family.iter().filter(|(depth, _)| *depth == 0).map(|(_, pair)| pair.confidence).max().unwrap_or_default(),
            title: format!("by the counters about {}", title(self.class, told.first()?, parent.as_ref(), &levels, first.turns)),
            statement: Some(first.child),
            related: std::iter::once(root).chain(family.iter().skip(1).map(|(_, pair)| pair.child)).collect(),
            occurrences: first.turns,
            cost: Some(cost),
            evidence: family.iter().map(|(_, pair)| evidence(pair)).collect(),
            data: as_map(data),
            remedy: self.remedy(self.class, &family.iter().map(|(_, pair)| (pair.child, Some(pair.parent))).collect::<Vec<_>>()),
            ..Finding::default()
        })
    }

    /// Where there is one interval only: cheap lookups by key, very many of them, and a statement for whose rows they may be.
    fn suspects(&self) -> Vec<Finding> {
        let sides: Vec<(&Statement, Tick)> =
            self.context.workload.statements().filter_map(|statement| Some((statement, sent(statement)?))).collect();
        let all = sides.iter().fold(0_u64, |all, (_, tick)| all.saturating_add(tick.calls));
        let parents: Vec<Outlined<'_>> =
            sides.iter().map(|&(statement, sum)| Outlined::of(statement, sum)).filter(|side| is_parent(&side.outline, side.sum)).collect();
        let is_many = |tick: &Tick| tick.calls >= SUSPECT_CALLS && tick.calls as f64 >= SUSPECT_SHARE * all as f64;
        let is_cheap = |tick: &Tick| tick.total < SUSPECT_MEAN * tick.calls as f64;
        let suspect = |&(statement, sum): &(&Statement, Tick)| {
            let child = Outlined::of(statement, sum);
            if child.outline.has_list || !is_child(&child.outline, sum, Class::Reads) {
                return None;
            }
            let may_be_of = |parent: &&Outlined<'_>| {
                let ratio = sum.calls as f64 / parent.sum.rows as f64;
                (LOOSE.ratio[0]..=LOOSE.ratio[1]).contains(&ratio) && child.relatable.relation(&parent.relatable) == 2
            };
            let parent = parents.iter().find(may_be_of)?;
            Some(self.suspect(&child, parent, all))
        };
        sides.iter().filter(|(_, tick)| is_many(tick) && is_cheap(tick)).filter_map(suspect).collect()
    }

    fn suspect(&self, child: &Outlined<'_>, parent: &Outlined<'_>, all: u64) -> Finding {
        let sum = child.sum;
        let share = sum.calls as f64 / all.max(1) as f64;
        let mean = micros(sum.total / sum.calls.max(1) as f64);
        let told: Vec<Named> = named(self.context.workload, child.statement.fingerprint).into_iter().collect();
        Finding {
            rule: self.meta.id,
            severity: Severity::Info,
            confidence: Confidence::Low,
            title: format!("suspect: many cheap key lookups on {}, {:.0} % of all calls", table(&told), share * 100.0),
            statement: Some(child.statement.fingerprint),
            related: vec![parent.statement.fingerprint],
            occurrences: sum.calls,
            evidence: vec![Evidence::counted(
                format!(
                    "{} calls of {mean} on average, beside {} rows of a statement that they may be for; six intervals between snapshots would tell",
                    grouped(sum.calls),
                    grouped(parent.sum.rows)
                ),
                json!({"intervals": 1, "share": share, "mean_us": mean.0, "delta_calls": sum.calls, "delta_rows": parent.sum.rows}),
            )],
            remedy: self.remedy(Class::Reads, &[(child.statement.fingerprint, Some(parent.statement.fingerprint))]),
            ..Finding::default()
        }
    }
}

/// A statement of any database.
struct Outlined<'w> {
    statement: &'w Statement,
    relatable: Relatable,
    outline: Outline,
    sum: Tick,
}

impl<'w> Outlined<'w> {
    fn of(statement: &'w Statement, sum: Tick) -> Self {
        let outline = Outline::of(&statement.text);
        Outlined { statement, relatable: Relatable::of(&outline), outline, sum }
    }
}

fn table(told: &[Named]) -> &str {
    told.first().map_or("a table", Named::table)
}

/// As for loops of a log: high from 50 calls on, medium where round trips alone come to 20 ms, or its time is a hundredth.
fn severity(workload: &Workload, levels: &[u32], cost: Micros) -> Severity {
    let each = levels.iter().fold(1_u32, |product, &level| product.saturating_mul(level.max(1)));
    let all: f64 = workload.statements().filter_map(sent).map(|tick| tick.total).sum();
    match () {
        () if each >= 50 => Severity::High,
        () if each >= 20 || cost >= micros(all / 100.0) => Severity::Medium,
        () => Severity::Low,
    }
}

/// What clients sent of a statement, as the server counted it; `None` where it does not tell all of it.
fn sent(statement: &Statement) -> Option<Tick> {
    let counted = statement.counted.as_ref()?;
    let sent = counted.sent.filter(|_| counted.nested.is_none())?;
    Some(Tick { calls: sent.count(), rows: counted.rows()?, total: sent.total() })
}

fn evidence(pair: &Pair) -> Evidence {
    let law = &pair.law;
    Evidence::counted(
        format!(
            "over {} intervals {} calls and {} rows of what it loops over: {:.2} calls a row, correlation {:.2}; its cost is time in the server beyond one call each, round trips are not seen",
            law.intervals,
            grouped(law.calls),
            grouped(law.rows),
            law.ratio,
            law.correlation
        ),
        json!({
            "child": pair.child.to_string(), "parent": pair.parent.to_string(), "intervals": law.intervals, "ratio": law.ratio,
            "correlation": law.correlation, "slope": law.slope, "delta_calls": law.calls, "delta_rows": law.rows,
        }),
    )
}

/// A statement is suspect with so many calls.
const SUSPECT_CALLS: u64 = 1_000;
/// And this share of all calls.
const SUSPECT_SHARE: f64 = 0.1;
/// And a mean below this, in milliseconds.
const SUSPECT_MEAN: f64 = 1.0;
