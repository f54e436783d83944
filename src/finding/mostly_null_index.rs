//! Indexes most of whose entries are NULL.

use super::schema::{
    FEW_PAGES, bytes, evidence, finding, is_said, large_tables, named, of_index, only_serves_reads, qualified, quoted, severity_of_upkeep,
};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, no_options};
use crate::catalog::{Catalog, Column, Index, Relation};
use crate::units::ByteCount;

/// See the module.
pub(super) struct MostlyNullIndex;

static META: Meta = Meta {
    id: "mostly-null-index",
    title: "More than half of an index is NULL",
    severity: Severity::Medium,
    what: "The catalogue of a snapshot has a B-tree of 1 MiB or more on one column that is NULL in more than half of the rows, and no statement that was seen asks for IS NULL. Left out is what is unique, partial already, or stands behind a constraint. Without statements it is a hint.",
    why: "Entries that nobody asks for are written, and take memory and disk. From PostgreSQL 13 on equal entries are packed, and there is less to gain.",
    example: "orders (cancelled_at), of which two in a hundred are cancelled.",
    remedy: "Create the index with WHERE column IS NOT NULL, and drop the old one once queries use the new.",
    ignore: "IS NULL is asked for by jobs that were not seen, or ORDER BY the column needs the whole of it.",
    accepts: no_options,
};

impl Rule for MostlyNullIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for catalog in context.workload.catalogs() {
            for relation in large_tables(catalog) {
                for index in catalog.indexes(relation.oid).iter().filter(|index| may_be_partial(catalog, index)) {
                    let column = index.columns.first().and_then(|&number| catalog.column(relation.oid, number));
                    let null = column.and_then(|column| Some((column, column.null_frac.filter(|&share| share > 0.5)?)));
                    findings.extend(
                        null.filter(|(column, _)| !asks_for_null(context, column))
                            .map(|null| of_one(context, relation, index, null, catalog)),
                    );
                }
            }
        }
        findings
    }
}

fn may_be_partial(catalog: &Catalog, index: &Index) -> bool {
    index.method == "btree"
        && index.is_valid
        && index.keys == 1
        && index.predicate.is_none()
        && index.pages >= FEW_PAGES
        && only_serves_reads(catalog, index)
}

/// Whether a statement asks for NULL in a column of that name, or sorts by it, which needs the whole index.
fn asks_for_null(context: &Context<'_>, column: &Column) -> bool {
    let name = quoted(&column.name);
    let (null, order) = (format!("{name} is null"), "order by");
    is_said(context, |text| text.contains(&null) || text.rfind(order).is_some_and(|at| text[at..].contains(&name)))
}

fn of_one(context: &Context<'_>, relation: &Relation, index: &Index, (column, share): (&Column, f64), catalog: &Catalog) -> Finding {
    let (name, column) = (qualified(relation, &index.name), quoted(&column.name));
    let is_packed = catalog.origin.version.is_some_and(|version| version >= 130_000);
    let has_statements = context.workload.statements().next().is_some();
    let what = if has_statements { "no statement asks for them" } else { "no statements were seen" };
    Finding {
        evidence: vec![evidence(
            format!("{:.0} % of {column} is NULL, and {what}; the index has {}", share * 100.0, ByteCount(bytes(index))),
            serde_json::json!({"null_share": share, "bytes": bytes(index)}),
        )],
        data: of_index(catalog, relation, index),
        remedy: format!("Create it with WHERE {column} IS NOT NULL, and drop this one once queries use the new."),
        ..finding(
            META.id,
            if is_packed { Severity::Info } else { severity_of_upkeep(index) },
            if has_statements { Confidence::Medium } else { Confidence::Low },
            format!("index {name} of {} holds mostly NULL", named(relation)),
        )
    }
}
