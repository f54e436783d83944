//! Indexes that every write keeps up to date and no query may use.

use super::schema::{bytes, evidence, finding, large_tables, named, of_index, qualified};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, no_options};
use crate::catalog::{Catalog, Index, Relation};
use crate::units::ByteCount;

/// See the module.
pub(super) struct InvalidIndex;

static META: Meta = Meta {
    id: "invalid-index",
    title: "An index is invalid: writes maintain it, queries cannot use it",
    severity: Severity::Medium,
    what: "The catalogue of a snapshot says that an index of a table of 1000 rows or more is not valid, and no CREATE INDEX or REINDEX ran at that moment. Where that cannot be known (before PostgreSQL 12, or for want of rights), or another index was being built, it is likely only and has no statement.",
    why: "It was left by a CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY that failed. Each write pays for it, a unique one promises nothing, and whoever needed it still waits.",
    example: "CREATE INDEX CONCURRENTLY that ran into a deadlock or a duplicate key, and was not looked at again.",
    remedy: "REINDEX INDEX CONCURRENTLY it (12 and later), or DROP INDEX CONCURRENTLY and create it again. What is called _ccnew or _ccold is left of a REINDEX and can be dropped.",
    ignore: "Somebody builds it just now.",
    accepts: no_options,
};

impl Rule for InvalidIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let of = |catalog| large_tables_with_partitions(catalog).flat_map(move |relation| of_table(catalog, relation));
        context.workload.catalogs().iter().flat_map(of).collect()
    }
}

/// An index of a partitioned table is invalid until each partition has one, which is how it is meant; partitions count.
fn large_tables_with_partitions(catalog: &Catalog) -> impl Iterator<Item = &Relation> {
    let partitions = catalog.relations().filter(|relation| relation.is_partition && relation.tuples >= super::schema::FEW_ROWS);
    large_tables(catalog).chain(partitions).filter(|relation| relation.kind != "p")
}

fn of_table(catalog: &Catalog, relation: &Relation) -> Vec<Finding> {
    let is_built = |index: &Index| catalog.builds.iter().any(|build| build.index == Some(index.oid));
    catalog
        .indexes(relation.oid)
        .iter()
        .filter(|index| !index.is_valid && !is_built(index))
        .map(|index| of_one(catalog, relation, index))
        .collect()
}

fn of_one(catalog: &Catalog, relation: &Relation, index: &Index) -> Finding {
    let is_told = catalog.origin.version.is_some_and(|version| version >= 120_000);
    // REINDEX TABLE CONCURRENTLY makes all its indexes before it builds the first.
    let is_certain = is_told && catalog.builds.is_empty();
    let name = qualified(relation, &index.name);
    let is_rest = is_left_of_reindex(&index.name);
    let confidence = if is_certain { Confidence::High } else { Confidence::Medium };
    let whether = if is_certain { "no index was being built" } else { "unless it was being built at that moment" };
    let (remedy, ddl) = match is_rest {
        _ if !is_certain => (META.remedy, None),
        true => ("It is left of a REINDEX CONCURRENTLY that failed: drop it.", Some(format!("DROP INDEX CONCURRENTLY {name};"))),
        false => (
            "Build it anew, or drop it if nobody needs it. A unique one fails again until the duplicates are gone.",
            Some(format!("REINDEX INDEX CONCURRENTLY {name};")),
        ),
    };
    Finding {
        evidence: vec![evidence(
            format!("indisvalid is false, {} of it; {whether}", ByteCount(bytes(index))),
            serde_json::json!({"bytes": bytes(index), "builds": catalog.builds.len()}),
        )],
        data: of_index(catalog, relation, index),
        remedy: remedy.to_owned(),
        ddl,
        ..finding(META.id, Severity::Medium, confidence, format!("index {name} of {} is invalid", named(relation)))
    }
}

/// `name_ccnew`, `name_ccold`, and with a number where there are several.
fn is_left_of_reindex(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.ends_with("_ccnew") || name.ends_with("_ccold")
}
