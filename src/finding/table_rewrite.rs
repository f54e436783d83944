//! Changes of tables that wrote the whole table anew, as the server's counters tell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::catalog::Catalog;
use crate::sql::change::Change;
use crate::units::ByteCount;
use crate::workload::{Count, Statement, micros};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct TableRewrite;

static META: Meta = Meta {
    id: "table-rewrite",
    title: "A change wrote a whole table anew",
    severity: Severity::High,
    what: "ALTER TABLE, CLUSTER or VACUUM FULL wrote at least min_bytes in each execution: of write-ahead log, or where the server does not count that (before 13, or wal_level = minimal), of blocks. From snapshots of pg_stat_statements with track_utility = on. What only changes the catalogue writes some kilobytes. Where the snapshot has the catalogue, it must have been at least min_share of the table in write-ahead log, and min_known_bytes will do; else how large the table is nobody knows.",
    why: "The table is locked against readers and writers until the copy is done, which takes the longer the larger it is, needs its size on the disk once more, and replicas fall behind.",
    example: "ALTER TABLE orders ALTER COLUMN total TYPE bigint",
    remedy: "Add a new column, fill it in batches while a trigger keeps it current, and rename it; add a constraint NOT VALID and then VALIDATE it; build an index CONCURRENTLY and then ADD CONSTRAINT … USING INDEX; pg_repack rather than VACUUM FULL.",
    ignore: "A table that nobody uses yet, or a maintenance window.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Less in each execution is left out, in bytes, where the size of the table is not known.
    min_bytes: u64,
    /// Where it is known: a smaller part of the table is left out,
    min_share: f64,
    /// and less than so many bytes, for each page of the catalogue that is touched first after a checkpoint is logged as a whole.
    min_known_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_bytes: 1_000_000, min_share: 0.5, min_known_bytes: 300_000 }
    }
}

/// So many bytes take a time that is felt.
const LARGE: u64 = 1_000_000_000;
/// Bytes of a block, unless the server was built otherwise.
const BLOCK: u64 = 8_192;

impl Rule for TableRewrite {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let statements = context.workload.statements();
        statements.filter_map(|statement| finding(statement, context.catalog_of(statement), &options)).collect()
    }
}

/// Bytes of a table, where the catalogue was read when the planner knew them.
fn size(table: &str, catalog: Option<&Catalog>) -> Option<u64> {
    let pages = u64::try_from(catalog?.named(table)?.pages).ok()?;
    Some(pages.saturating_mul(BLOCK)).filter(|&bytes| bytes > 0)
}

fn finding(statement: &Statement, catalog: Option<&Catalog>, options: &Options) -> Option<Finding> {
    let counted = statement.counted.as_deref()?;
    let change = Change::of(&statement.text).filter(|change| ["alter table", "cluster", "vacuum"].contains(&change.command))?;
    let calls = counted.all().map_or(0, |moments| moments.count()).max(1);
    let wal = counted.count(Count::WalBytes).unwrap_or(0);
    let written = counted.count(Count::SharedWritten).unwrap_or(0).saturating_mul(BLOCK);
    let each = if wal > 0 { wal } else { written } / calls;
    let has = |words: &[&str]| words.iter().any(|word| statement.text.contains(word));
    // Whoever reads a table first after it was written writes which rows are visible, with checksums to the log as well.
    let size = size(&change.table, catalog).filter(|_| wal > 0);
    let is_little = match size {
        Some(size) => each < options.min_known_bytes || (each as f64) < options.min_share * size as f64,
        None => each < options.min_bytes,
    };
    if is_little || has(&["validate constraint"]) {
        return None;
    }
    let may_only_index = has(&["primary key", " unique", " exclude", " add constraint", " not null"]);
    let what = if may_only_index { "it is written anew, or an index of it" } else { "it is written anew" };
    Some(Finding {
        rule: META.id,
        severity: if each >= LARGE { Severity::High } else { Severity::Medium },
        confidence: if may_only_index { Confidence::Medium } else { Confidence::High },
        title: format!("{} of {} writes {}{}: {what}", change.command, change.table, ByteCount(each), size.map(of).unwrap_or_default()),
        statement: Some(statement.fingerprint),
        occurrences: calls,
        cost: Some(statement.latency.total()).filter(|total| total.0 > 0).or_else(|| counted.all().map(|moments| micros(moments.total()))),
        evidence: vec![Evidence::counted(
            format!("{} of write-ahead log and {} of blocks in {calls} executions", ByteCount(wal), ByteCount(written)),
            json!({"calls": calls, "wal_bytes": wal, "block_bytes": written, "table": change.table, "table_bytes": size}),
        )],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}

fn of(size: u64) -> String {
    format!(" of write-ahead log, the table having {}", ByteCount(size))
}
