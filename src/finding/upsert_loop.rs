//! Rows that are looked for and then inserted, one by one: an upsert done by hand.
//!
//! It stands in place of the `write-loop` of its INSERT and of the loop of its reads, which tell less of the same.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde_json::json;

use crate::sql::fingerprint::Fingerprint;
use crate::units::often;
use crate::workload::burst::{Grade, Known, MOST_BURSTS, Pattern, Sum};

use super::loops::{Options, application, named, place, severity, told};
use super::orm::Named;
use super::{Clock, Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct UpsertLoop;

static META: Meta = Meta {
    id: "upsert-loop",
    title: "Rows are looked for and then inserted one by one",
    severity: Severity::High,
    what: "At least min_repeats times in a row a session read a table by key without a lock, for one row or with the very values of the INSERT, and then inserted into it, with at most one other call between. That both were about the same key is sure where they have the same values and no others, and likely elsewhere.",
    why: "Each row pays two or more round trips, and two sessions that look at once both find nothing: duplicates, or errors of a unique constraint.",
    example: "Thirty times SELECT … FROM tags WHERE name = … LIMIT 21, then INSERT INTO tags (name) …: get_or_create in a loop",
    remedy: "A unique constraint on the key, and one INSERT … ON CONFLICT (key) DO NOTHING, or DO UPDATE, of all rows together.",
    ignore: "A job that runs alone, and of which nobody waits for the end.",
    accepts: fits::<Options>,
};

impl Rule for UpsertLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let found = context.workload.upserts().iter();
        found.filter_map(|(known, pattern)| finding(context, known, pattern, options.min_repeats.get())).collect()
    }
}

/// Calls of reads and of INSERTs in loops that this rule tells.
pub(super) fn calls(context: &Context<'_>) -> HashMap<Fingerprint, u64, FixedState> {
    let options: Options = context.options(META.id);
    let mut all: HashMap<Fingerprint, u64, FixedState> = HashMap::default();
    for (known, pattern) in context.workload.upserts().iter() {
        let calls = pattern.from(options.min_repeats.get()).calls;
        known.parent.into_iter().chain([known.child]).for_each(|statement| *all.entry(statement).or_default() += calls);
    }
    all
}

fn finding(context: &Context<'_>, known: &Known, pattern: &Pattern, least: u32) -> Option<Finding> {
    let (read, sum) = (known.parent?, pattern.from(least));
    if sum.count() == 0 {
        return None;
    }
    let write = named(context.workload, known.child)?;
    let check = named(context.workload, read)?;
    let p50 = pattern.size(least, 500);
    // As for other loops: one in four that is sure.
    let is_sure = sum.bursts[Grade::High as usize] * 4 >= sum.count();
    let often = often(sum.count());
    let application = application(pattern.bursts.iter());
    let is_known = context.libraries().mending(known.child, application).is_some();
    Some(Finding {
        rule: META.id,
        severity: severity(context.workload, &sum),
        confidence: if is_sure && context.workload.blind().is_none() { Confidence::High } else { Confidence::Medium },
        title: format!("{p50} rows of {} looked for and then inserted, one by one, {often}", write.table())
            + &place(application, pattern.endpoint.as_deref()),
        statement: Some(known.child),
        related: vec![read],
        occurrences: sum.count(),
        cost: Some(sum.waste),
        clock: Clock::Wall,
        evidence: evidence(known, pattern, least),
        data: data(known, pattern, &sum, least).as_object().cloned().unwrap_or_default(),
        remedy: remedy(&write, &check) + if is_known { "" } else { " (unknown ORM)" },
        ..Finding::default()
    })
}

/// One item for the reads of a burst and one for its INSERTs, which are as many.
fn evidence(known: &Known, pattern: &Pattern, least: u32) -> Vec<Evidence> {
    let each = known.parent.into_iter().chain([known.child]).map(|child| Known { child, parent: None, root: None, ..*known });
    let each: Vec<Known> = each.collect();
    let bursts = pattern.bursts.iter().filter(|burst| burst.scale >= least);
    bursts.flat_map(|burst| each.iter().map(move |known| told(burst, known))).take(MOST_BURSTS).collect()
}

fn data(known: &Known, pattern: &Pattern, sum: &Sum, least: u32) -> serde_json::Value {
    let (p50, p95) = (pattern.size(least, 500), pattern.size(least, 950));
    let children: Vec<String> = known.parent.into_iter().chain([known.child]).map(|statement| statement.to_string()).collect();
    json!({
        "parent": null, "children": children, "levels": [p50], "endpoint": pattern.endpoint,
        "bursts": {
            "count": sum.count(), "n_p50": p50, "n_p95": p95, "n_max": sum.most, "wall_us": sum.wall.0, "exec_us": sum.exec.0,
        },
    })
}

fn remedy(write: &Named, check: &Named) -> String {
    let mut columns: Vec<&str> = check.outline.keys.iter().map(|key| key.column.as_str()).collect();
    columns.dedup();
    let (table, key) = (write.table(), columns.join(", "));
    format!(
        "A unique constraint on {table} ({key}), and one INSERT INTO {table} … ON CONFLICT ({key}) DO NOTHING, or DO UPDATE, of all rows together; RETURNING gives what a later step needs."
    )
}
