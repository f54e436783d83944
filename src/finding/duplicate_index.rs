//! Two indexes that are the same.

use super::schema::{
    bytes, evidence, finding, is_twin, large_tables, named, of_index, only_serves_reads, qualified, severity_of_upkeep, writes,
};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, no_options};
use crate::catalog::{Catalog, Index, Relation};
use crate::units::ByteCount;

/// See the module.
pub(super) struct DuplicateIndex;

static META: Meta = Meta {
    id: "duplicate-index",
    title: "Two indexes of a table are the same",
    severity: Severity::Medium,
    what: "The catalogue of a snapshot has two valid indexes on a table of 1000 rows or more with the same access method, columns or expressions, operator classes, collations, directions and predicate. Named is the one that can go: never one that is unique, primary, stands behind a constraint or identifies rows for replication.",
    why: "Every write pays twice, both take memory, and queries use one of them.",
    example: "CREATE INDEX ON orders (customer_id) by a migration and again, under another name, by the mapping library.",
    remedy: "Drop the one that is named.",
    ignore: "One of them is about to replace the other, such as after a rebuild by hand.",
    accepts: no_options,
};

impl Rule for DuplicateIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let of = |catalog| large_tables(catalog).flat_map(move |relation| of_table(catalog, relation));
        context.workload.catalogs().iter().flat_map(of).collect()
    }
}

fn of_table(catalog: &Catalog, relation: &Relation) -> Vec<Finding> {
    let indexes = catalog.indexes(relation.oid);
    let twin = |index: &&Index| kept_twin(catalog, index).is_some();
    indexes.iter().filter(twin).filter_map(|index| Some(of_one(catalog, relation, index, kept_twin(catalog, index)?))).collect()
}

/// The index that stays if this one goes: one that enforces something, or else the older of two.
pub(super) fn kept_twin<'c>(catalog: &'c Catalog, index: &Index) -> Option<&'c Index> {
    if !only_serves_reads(catalog, index) {
        return None;
    }
    let stays = |other: &&Index| is_twin(index, other) && (!only_serves_reads(catalog, other) || other.oid < index.oid);
    catalog.indexes(index.relation).iter().find(stays)
}

fn of_one(catalog: &Catalog, relation: &Relation, index: &Index, kept: &Index) -> Finding {
    let (name, other) = (qualified(relation, &index.name), qualified(relation, &kept.name));
    let size = ByteCount(bytes(index));
    let upkeep = writes(relation).map_or(String::new(), |writes| format!("; {writes}"));
    Finding {
        evidence: vec![evidence(
            format!("both are {} on the same keys; {size} would be freed{upkeep}", index.method),
            serde_json::json!({"bytes": bytes(index), "kept": kept.name}),
        )],
        data: of_index(catalog, relation, index),
        remedy: format!("Drop it and keep {other}."),
        ddl: (relation.kind != "p").then(|| format!("DROP INDEX CONCURRENTLY {name};")),
        ..finding(
            META.id,
            severity_of_upkeep(index),
            Confidence::High,
            format!("index {name} of {} is the same as {other}", named(relation)),
        )
    }
}
