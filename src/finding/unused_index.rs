//! Indexes that no scan used for a month and more, or that were used before and not for a quarter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duplicate_index::kept_twin;
use super::redundant_index::longer;
use super::schema::{
    FEW_PAGES, bytes, days, evidence, finding, large_tables, named, of_index, only_serves_reads, qualified, severity_of_upkeep, writes,
};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};
use crate::catalog::{Catalog, Constraint, Index, Relation};
use crate::units::{ByteCount, Micros, grouped};

/// See the module.
pub(super) struct UnusedIndex;

static META: Meta = Meta {
    id: "unused-index",
    title: "No scan used an index for long",
    severity: Severity::Medium,
    what: "The counters of a snapshot show no scan of an index of 1 MiB or more, on a table of 1000 rows or more, and had counted for 30 days or more when they were read; or, from PostgreSQL 16 on, that the last scan was 100 days before and more. Left out is what is unique, primary, behind a constraint, identifies rows for replication, serves a foreign key, is redundant anyway, or stays in place of one that is; what is on an expression, of which the planner knows the values from it alone; and whatever a standby or a snapshot that does not tell the age of its counters says.",
    why: "Every write keeps it up to date, and it takes memory and disk.",
    example: "An index for a report that was given up.",
    remedy: "See when it was created, which no snapshot tells; look at every standby, whose scans are counted there and not here, and at jobs that run once in a quarter; then drop it. Keep its definition.",
    ignore: "It is new, or serves a job that runs rarely, or queries on a standby.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Counters that have counted for fewer days say nothing.
    min_days: u64,
    /// An index that was scanned, but for so many days no more, is unused.
    min_days_since_scan: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_days: 30, min_days_since_scan: 100 }
    }
}

impl Rule for UnusedIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let mut findings = Vec::new();
        for catalog in context.workload.catalogs() {
            if catalog.origin.in_recovery != Some(false) {
                continue;
            }
            for relation in large_tables(catalog) {
                let idle = |index: &Index| idle(catalog, index, &options).filter(|_| may_go(catalog, index));
                let of_table = catalog.indexes(relation.oid).iter();
                findings.extend(of_table.filter_map(|index| Some(of_one(catalog, relation, index, idle(index)?))));
            }
        }
        findings
    }
}

/// How long an index was not scanned.
#[derive(Clone, Copy)]
enum Idle {
    /// Never, as long as the counters count.
    Ever(Micros),
    /// So often, and for so long no more.
    Since(u64, Micros),
}

fn idle(catalog: &Catalog, index: &Index, options: &Options) -> Option<Idle> {
    let scans = index.usage.as_ref().and_then(|usage| usage.get("idx_scan")).and_then(serde_json::Value::as_u64)?;
    match scans {
        0 => catalog.counted_for().filter(|&span| days(span) >= options.min_days).map(Idle::Ever),
        scans => {
            let last = catalog.last_scanned(index).filter(|&ago| days(ago) >= options.min_days_since_scan);
            last.map(|ago| Idle::Since(scans, ago))
        }
    }
}

/// Whether nothing but reads needs it, and it is not about to stand in for another.
fn may_go(catalog: &Catalog, index: &Index) -> bool {
    let serves_a_key =
        |constraint: &Constraint| constraint.kind == "f" && index.columns.first().is_some_and(|first| constraint.columns.contains(first));
    index.is_valid
        && index.pages >= FEW_PAGES
        && only_serves_reads(catalog, index)
        && !catalog.constraints(index.relation).iter().any(serves_a_key)
        && kept_twin(catalog, index).is_none()
        && longer(catalog, index).is_none()
        && !index.columns.contains(&0)
        && !stands_in(catalog, index)
}

/// Whether another index can go because this one stays: then its scans are to come.
fn stands_in(catalog: &Catalog, index: &Index) -> bool {
    let stays_for =
        |other: &Index| [kept_twin(catalog, other), longer(catalog, other)].into_iter().flatten().any(|stays| stays.oid == index.oid);
    catalog.indexes(index.relation).iter().any(stays_for)
}

fn of_one(catalog: &Catalog, relation: &Relation, index: &Index, idle: Idle) -> Finding {
    let name = qualified(relation, &index.name);
    // No catalogue tells when an index was created, so that there is no statement to drop it.
    let size = ByteCount(bytes(index));
    let (scans, age, when) = match idle {
        Idle::Ever(counted) => (0, days(counted), format!("no scan in {} days, or since it was created", days(counted))),
        Idle::Since(scans, ago) => (scans, days(ago), format!("its last scan was {} days ago", days(ago))),
    };
    let text = match idle {
        Idle::Ever(_) => format!("no scan in the {age} days that the counters of this server count, or since it was created"),
        Idle::Since(scans, _) => {
            format!("{} scans since the counters began, the last of them {age} days before the snapshot", grouped(scans))
        }
    };
    let upkeep = writes(relation).map_or(String::new(), |writes| format!("; {writes}"));
    Finding {
        evidence: vec![evidence(
            format!("{text}; {size}{upkeep}"),
            serde_json::json!({"scans": scans, "days": age, "bytes": bytes(index)}),
        )],
        data: of_index(catalog, relation, index),
        remedy: META.remedy.to_owned(),
        ..finding(
            META.id,
            severity_of_upkeep(index),
            Confidence::Medium,
            format!("index {name} of {} is likely unused: {when}", named(relation)),
        )
    }
}
