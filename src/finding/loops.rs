//! What the rules on loops have in common: patterns of bursts become findings, one for each statement that is looped over.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::Role;
use crate::units::{Micros, grouped, often};
use crate::workload::Workload;
use crate::workload::burst::{Burst, Class, Known, MOST_BURSTS, Pattern, Sum};

use super::orm::{Mending, Named, Task};
use super::{Clock, Confidence, Context, Evidence, Finding, Meta, Severity, as_map, process, upsert_loop};

/// Options of a rule on loops.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Fewer repetitions are no loop; 3 suits the log of a test suite.
    pub(super) min_repeats: NonZeroU32,
}

/// What is a loop unless options say otherwise.
const LEAST_REPEATS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

impl Default for Options {
    fn default() -> Self {
        Options { min_repeats: LEAST_REPEATS }
    }
}

/// A statement that is looped over, or for none a statement that is repeated; and the loops.
struct Loop<'w> {
    parent: Option<Fingerprint>,
    /// The repeated statements, the outermost and most costly first.
    children: Vec<Child<'w>>,
}

struct Child<'w> {
    known: &'w Known,
    pattern: &'w Pattern,
    /// Its bursts that are long enough.
    sum: Sum,
    /// From how many calls on.
    least: u32,
}

pub(super) fn named(workload: &Workload, fingerprint: Fingerprint) -> Option<Named> {
    workload.statement(fingerprint).map(Named::of)
}

/// Findings of a class of loops.
pub(super) fn check(context: &Context<'_>, meta: &'static Meta, class: Class) -> Vec<Finding> {
    let options: Options = context.options(meta.id);
    let found = loops(context, class, options.min_repeats.get());
    found.into_iter().filter_map(|found| finding(context, meta, class, &found)).collect()
}

/// The loops of a class, put together by what they loop over.
fn loops<'w>(context: &Context<'w>, class: Class, least: u32) -> Vec<Loop<'w>> {
    let upserts = upsert_loop::calls(context);
    let mut by_root: BTreeMap<(Option<Fingerprint>, Option<Fingerprint>), Vec<Child<'_>>> = BTreeMap::new();
    for (known, pattern) in context.workload.patterns().iter().filter(|(known, _)| known.class == class) {
        let sum = pattern.from(least);
        // What `upsert-loop` tells is not told again.
        let is_upsert = upserts.get(&known.child).is_some_and(|calls| calls * 10 >= sum.calls * 8);
        if sum.count() == 0 || is_upsert {
            continue;
        }
        let alone = known.root.is_none().then_some(known.child);
        by_root.entry((known.root, alone)).or_default().push(Child { known, pattern, sum, least });
    }
    let mut loops: Vec<Loop<'_>> = by_root.into_iter().map(|((parent, _), children)| Loop { parent, children }).collect();
    for found in &mut loops {
        found.children.sort_by_key(|child| (child.known.root != child.known.parent, std::cmp::Reverse(child.sum.waste), child.known.child));
    }
    loops
}

fn finding(context: &Context<'_>, meta: &'static Meta, class: Class, found: &Loop<'_>) -> Option<Finding> {
    let workload = context.workload;
    let first = found.children.first()?;
    let child = named(workload, first.known.child)?;
    // Of an inner loop whose outer one is too short, the rows in between are what it runs for.
    let parent = first.known.parent.and_then(|parent| named(workload, parent));
    let mut sum = Sum::default();
    found.children.iter().for_each(|child| sum.add(&child.sum));
    let inner = found.children.iter().find(|child| child.known.root != child.known.parent);
    let count = first.sum.count();
    let values = Some(each(first.sum.values, count)).filter(|&values| class == Class::Repeats && values > 1);
    let [p50, p95] = [500, 950].map(|permille| first.pattern.size(first.least, permille).saturating_add(values.unwrap_or(0)));
    let levels: Vec<u32> = std::iter::once(p50).chain(inner.map(|inner| per_row(&inner.sum, &first.sum)).filter(|&n| n > 1)).collect();
    let endpoint = found.children.iter().filter_map(|child| child.pattern.endpoint.as_ref()).min();
    let application = application(found.children.iter().flat_map(|child| &child.pattern.bursts));
    let orm = context.libraries().mending(first.known.child, application);
    let mut data = Map::new();
    data.insert("parent".to_owned(), json!(found.parent.map(|parent| parent.to_string())));
    let mut children: Vec<String> = found.children.iter().map(|child| child.known.child.to_string()).collect();
    children.dedup();
    data.insert("children".to_owned(), json!(children));
    data.insert("levels".to_owned(), json!(levels));
    let bursts = json!({
        "count": count, "n_p50": p50, "n_p95": p95, "n_max": first.sum.most,
        "wall_us": first.sum.wall.0, "exec_us": sum.exec.0,
    });
    data.insert("bursts".to_owned(), bursts);
    data.insert("endpoint".to_owned(), json!(endpoint));
    data.insert("orm".to_owned(), json!(orm.as_ref().map(Mending::evidence)));
    let title = match values {
        None => title(class, &child, parent.as_ref(), &levels, count),
        Some(values) => format!("the same query on {} {p50} times over for {values} values, {}", child.table(), often(count)),
    };
    // A median alone would hide the worst of them.
    let most = if first.sum.most / 2 >= p50.max(1) { format!(" (up to {})", grouped(u64::from(first.sum.most))) } else { String::new() };
    let is_pipelined = sum.pipelined * 2 > sum.count();
    let looped: Vec<Looped> = found.children.iter().map(|child| (child.known.child, child.known.parent)).collect();
    Some(Finding {
        rule: meta.id,
        severity: if is_pipelined { Severity::Info } else { severity(workload, &sum) },
        confidence: confidence(workload, &sum),
        title: title + &most + &place(application, endpoint.map(|endpoint| &**endpoint)),
        statement: Some(first.known.child),
        related: related(found),
        occurrences: count,
        cost: cost(&sum),
        clock: clock(&sum),
        evidence: evidence(found),
        data,
        remedy: remedy(context, class, &looped, application),
        ..Finding::default()
    })
}

/// The only application that runs a loop, if it is only one.
pub(super) fn application<'b>(bursts: impl Iterator<Item = &'b Burst>) -> Option<&'b str> {
    let mut names = bursts.map(|burst| burst.application.as_deref());
    let first = names.next()?;
    if names.all(|name| name == first) { first } else { None }
}

/// Who runs a loop and where, for the end of a title. What may hold a key or a query string is no name of a place.
pub(super) fn place(application: Option<&str>, endpoint: Option<&str>) -> String {
    let is_name =
        |endpoint: &&str| !endpoint.contains(['?', '=']) && !endpoint.split('/').any(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    let application = application.filter(|name| !name.is_empty()).map(|name| format!(", by {name}")).unwrap_or_default();
    let endpoint = endpoint.filter(is_name).map(|endpoint| format!(", in {endpoint}")).unwrap_or_default();
    application + &endpoint
}

/// What is to be done of each statement that is looped over, for the rows of its own parent.
fn tasks(context: &Context<'_>, class: Class, all: &[Looped]) -> Vec<Task> {
    let workload = context.workload;
    let task = |&(child, parent): &Looped| {
        let parent = parent.and_then(|parent| named(workload, parent));
        Task::of(class, &named(workload, child)?, parent.as_ref(), context.tables())
    };
    all.iter().filter_map(task).collect()
}

/// What loops cost: the time they wasted, which of several loops at once only the longest is blamed for, but never less than
/// the worst of its own, nor than what the server spent on all calls but one a loop. Times of whole seconds see nothing else.
fn cost(sum: &Sum) -> Option<Micros> {
    Some(sum.waste.max(sum.worst).max(server(sum))).filter(|cost| cost.0 > 0)
}

/// What the server spent on all calls but one a loop.
fn server(sum: &Sum) -> Micros {
    let spared = sum.calls.saturating_sub(sum.count());
    Micros(u64::try_from(u128::from(sum.exec.0) * u128::from(spared) / u128::from(sum.calls.max(1))).unwrap_or(u64::MAX))
}

/// Whose time [`cost`] is.
fn clock(sum: &Sum) -> Clock {
    if sum.waste.max(sum.worst) > server(sum) { Clock::Wall } else { Clock::Server }
}

/// How often an inner loop runs for each turn of the outer one.
fn per_row(inner: &Sum, outer: &Sum) -> u32 {
    let turns = (outer.calls * inner.count()).max(1);
    u32::try_from((inner.calls * outer.count().max(1) + turns / 2) / turns).unwrap_or(u32::MAX)
}

/// How many each has of so many, rounded.
fn each(all: u64, of: u64) -> u32 {
    let of = of.max(1);
    u32::try_from((all + of / 2) / of).unwrap_or(u32::MAX)
}

fn related(found: &Loop<'_>) -> Vec<Fingerprint> {
    let mut related: Vec<Fingerprint> = found.parent.into_iter().collect();
    for child in found.children.iter().skip(1) {
        if !related.contains(&child.known.child) {
            related.push(child.known.child);
        }
    }
    related
}

/// High when one burst wastes 100 ms or has 50 calls, medium when 20 ms or when all waste a hundredth of the log's time.
pub(super) fn severity(workload: &Workload, sum: &Sum) -> Severity {
    let log = workload.window().map_or(0, |(start, end)| end.since(start).0);
    match () {
        () if sum.worst >= Micros::from_millis(100) || sum.most >= 50 => Severity::High,
        () if sum.worst >= Micros::from_millis(20) || (log > 0 && sum.waste.0.saturating_mul(100) >= log) => Severity::Medium,
        () => Severity::Low,
    }
}

/// High where at least every fourth burst is sure; a log that hides fast calls shows no loop for sure.
fn confidence(workload: &Workload, sum: &Sum) -> Confidence {
    let [_, likely, sure] = sum.bursts;
    match () {
        () if sure > 0 && sure * 4 >= sum.count() && workload.blind().is_none() => Confidence::High,
        () if sure > 0 || likely > 0 => Confidence::Medium,
        () => Confidence::Low,
    }
}

pub(super) fn title(class: Class, child: &Named, parent: Option<&Named>, levels: &[u32], count: u64) -> String {
    let times = levels.iter().map(u32::to_string).collect::<Vec<_>>().join(" × ");
    let often = often(count);
    let table = child.table();
    match (class, parent) {
        (Class::Repeats, _) => format!("the same query on {table} with the same values {times} times over, {often}"),
        (Class::Reads, Some(parent)) => format!("{times} queries on {table} for the rows of one on {}, {often}", parent.table()),
        (Class::Reads, None) => format!("{times} queries on {table}, each for another key, {often}"),
        (Class::Writes, Some(parent)) => format!("{times} writes to {table}, one for each row read from {}, {often}", parent.table()),
        (Class::Writes, None) => format!("{times} writes to {table} of one row each, {often}"),
    }
}

fn evidence(found: &Loop<'_>) -> Vec<Evidence> {
    let mut all: Vec<(&Burst, &Known)> = found
        .children
        .iter()
        .flat_map(|child| child.pattern.bursts.iter().filter(|burst| burst.scale >= child.least).map(move |burst| (burst, child.known)))
        .collect();
    all.sort();
    all.truncate(MOST_BURSTS);
    all.into_iter().map(|(burst, known)| told(burst, known)).collect()
}

/// A burst as evidence.
pub(super) fn told(burst: &Burst, known: &Known) -> Evidence {
    let pid = process(burst.session);
    let pids: Vec<u64> =
        if burst.sessions.is_empty() { pid.into_iter().collect() } else { burst.sessions.iter().filter_map(|&s| process(s)).collect() };
    let wall = burst.wall();
    let data = json!({
        "pid": pid, "pids": pids, "session": format!("{:x}", burst.session),
        "application": burst.application, "start": burst.start.to_string(), "end": burst.end.to_string(), "n": burst.n,
        "child": known.child.to_string(), "parent": known.parent.map(|parent| parent.to_string()),
        "unit": burst.bond.name(), "wall_us": wall.0,
    });
    let mut data = as_map(data);
    if burst.truncated {
        data.insert("truncated".to_owned(), true.into());
    }
    let client = Micros(wall.0.saturating_sub(burst.exec.0));
    let who = match pids.as_slice() {
        [] => String::new(),
        [pid] => format!(" in process {pid}"),
        several => format!(" over {} connections", several.len()),
    };
    Evidence {
        kind: "burst",
        text: format!(
            "{}{who}: {} calls in {wall}, of which {} in the server and {client} between calls (round trips and the client's own time)",
            burst.start, burst.n, burst.exec
        ),
        data,
    }
}

/// A statement that is looped over, and the one for whose rows.
pub(super) type Looped = (Fingerprint, Option<Fingerprint>);

/// What to do about loops, as the library writes it that is known for `application`, and in SQL for the first of them.
pub(super) fn remedy(context: &Context<'_>, class: Class, all: &[Looped], application: Option<&str>) -> String {
    let Some(&(first, parent)) = all.first() else { return String::new() };
    let workload = context.workload;
    let Some(child) = named(workload, first) else { return String::new() };
    let parent = parent.and_then(|parent| named(workload, parent));
    let generic = generic(class, &child, parent.as_ref());
    match context.libraries().mending(first, application).map(|orm| orm.lines(&tasks(context, class, all))) {
        None => format!("{generic} (unknown ORM)"),
        Some(None) => generic,
        Some(Some(lines)) => format!("{lines}. Or in SQL: {generic}"),
    }
}

/// What to do in SQL.
fn generic(class: Class, child: &Named, parent: Option<&Named>) -> String {
    let table = child.table();
    let column = child.key().map_or("its key", |key| key.column.as_str());
    match class {
        Class::Reads => {
            let all = parent.map_or_else(|| "keys".to_owned(), |parent| format!("rows of {}", parent.table()));
            let how = match () {
                () if child.outline.is_aggregate => format!("WHERE {column} = ANY($1) GROUP BY {column}"),
                () if child.is_cut() => {
                    format!("unnest($1) and JOIN LATERAL, which keeps the LIMIT of each {column}")
                }
                () => format!("WHERE {column} = ANY($1), or a JOIN"),
            };
            format!("Read {table} once for all {all}: one query with {how}.")
        }
        Class::Writes if child.outline.role == Role::Insert => {
            format!(
                "Insert the rows into {table} together: several rows in one VALUES, INSERT … SELECT FROM unnest($1, …), or COPY; in one transaction."
            )
        }
        Class::Writes => format!(
            "Write {table} with one statement for all rows: … WHERE {column} = ANY($1), or UPDATE … FROM (VALUES …); in one transaction."
        ),
        Class::Repeats => format!("Ask {table} once and keep the answer for the rest of the request."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_tells_who_and_where_but_no_values() {
        assert_eq!(place(Some("web"), Some("orders#index")), ", by web, in orders#index");
        assert_eq!(place(None, Some("/orders/:id/items")), ", in /orders/:id/items");
        assert_eq!(place(Some("web"), Some("/orders/17")), ", by web");
        assert_eq!(place(Some(""), Some("/orders?token=a")), "");
    }

    #[test]
    fn a_loop_beside_a_longer_one_and_one_in_whole_seconds_cost_something() {
        let sum = |calls, exec, waste, worst| Sum {
            calls,
            bursts: [0, 1, 1],
            exec: Micros(exec),
            waste: Micros(waste),
            worst: Micros(worst),
            ..Sum::default()
        };
        assert_eq!(cost(&sum(50, 5_000, 90_000, 60_000)), Some(Micros(90_000)));
        assert_eq!(cost(&sum(50, 5_000, 0, 60_000)), Some(Micros(60_000)), "of several at once only the longest is counted");
        assert_eq!(cost(&sum(50, 5_000, 0, 0)), Some(Micros(4_800)), "48 of 50 calls could be spared");
        assert_eq!(cost(&sum(50, 0, 0, 0)), None, "what is not known is not nothing");
    }
}
