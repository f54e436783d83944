//! Indexes whose columns are the first ones of another.

use super::duplicate_index::kept_twin;
use super::schema::{
    bytes, evidence, finding, is_prefix, large_tables, named, of_index, only_serves_reads, qualified, severity_of_upkeep, writes,
};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, no_options};
use crate::catalog::{Catalog, Index, Relation};
use crate::units::ByteCount;

/// See the module.
pub(super) struct RedundantIndex;

static META: Meta = Meta {
    id: "redundant-index",
    title: "An index is the beginning of another one",
    severity: Severity::Medium,
    what: "The catalogue of a snapshot has a valid B-tree on a table of 1000 rows or more whose keys are the first keys of another valid B-tree, with the same operator classes, collations, directions and predicate, and which includes nothing that the other lacks. Keys are compared as lists of columns. Left out is what is unique, primary, behind a constraint, or identifies rows for replication. Of a longer index more than twice its size it is likely only, because the shorter may be kept for its size.",
    why: "Every write pays for it, it takes memory, and the longer index serves the same queries.",
    example: "orders (customer_id) beside orders (customer_id, placed_at).",
    remedy: "Drop the shorter one.",
    ignore: "The shorter one is so much smaller that a hot query is faster with it, or HOT updates of the further columns matter.",
    accepts: no_options,
};

impl Rule for RedundantIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let of = |catalog| large_tables(catalog).flat_map(move |relation| of_table(catalog, relation));
        context.workload.catalogs().iter().flat_map(of).collect()
    }
}

fn of_table(catalog: &Catalog, relation: &Relation) -> Vec<Finding> {
    let one = |index: &Index| Some(of_one(catalog, relation, index, longer(catalog, index)?));
    catalog.indexes(relation.oid).iter().filter_map(one).collect()
}

/// The smallest index that serves whatever this one does. Of two twins the one that goes anyway serves nothing.
pub(super) fn longer<'c>(catalog: &'c Catalog, index: &Index) -> Option<&'c Index> {
    if !only_serves_reads(catalog, index) || kept_twin(catalog, index).is_some() {
        return None;
    }
    let serves = |other: &&Index| is_prefix(index, other) && kept_twin(catalog, other).is_none();
    catalog.indexes(index.relation).iter().filter(serves).min_by_key(|other| (other.pages, other.oid))
}

fn of_one(catalog: &Catalog, relation: &Relation, index: &Index, longer: &Index) -> Finding {
    let (name, other) = (qualified(relation, &index.name), qualified(relation, &longer.name));
    let is_as_good = longer.pages <= 2 * index.pages.max(1);
    let upkeep = writes(relation).map_or(String::new(), |writes| format!("; {writes}"));
    Finding {
        evidence: vec![evidence(
            format!("{} would be freed, and the longer one has {}{upkeep}", ByteCount(bytes(index)), ByteCount(bytes(longer))),
            serde_json::json!({"bytes": bytes(index), "longer": longer.name, "longer_bytes": bytes(longer)}),
        )],
        data: of_index(catalog, relation, index),
        remedy: format!("Drop it: {other} serves the same queries."),
        ddl: (relation.kind != "p").then(|| format!("DROP INDEX CONCURRENTLY {name};")),
        ..finding(
            META.id,
            severity_of_upkeep(index),
            if is_as_good { Confidence::High } else { Confidence::Medium },
            format!("index {name} of {} is the beginning of {other}", named(relation)),
        )
    }
}
