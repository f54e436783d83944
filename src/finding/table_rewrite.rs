//! Changes of tables that wrote the whole table anew, as the server's counters tell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sql::change::Change;
use crate::units::ByteCount;
use crate::workload::{Count, Counted, Statement, micros};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct TableRewrite;

static META: Meta = Meta {
    id: "table-rewrite",
    title: "A change wrote a whole table anew",
    severity: Severity::High,
    what: "ALTER TABLE, CLUSTER or VACUUM FULL wrote at least min_bytes in each execution: of write-ahead log, or where the server does not count that (before 13, or wal_level = minimal), of blocks. From snapshots of pg_stat_statements with track_utility = on. What only changes the catalogue writes some kilobytes. How large the table is the counters do not tell.",
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
    /// Less in each execution is left out, in bytes.
    min_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_bytes: 1_000_000 }
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
        statements.filter_map(|statement| finding(statement, statement.counted.as_deref()?, &options)).collect()
    }
}

fn finding(statement: &Statement, counted: &Counted, options: &Options) -> Option<Finding> {
    let change = Change::of(&statement.text).filter(|change| ["alter table", "cluster", "vacuum"].contains(&change.command))?;
    let calls = counted.all().map_or(0, |moments| moments.count()).max(1);
    let wal = counted.count(Count::WalBytes).unwrap_or(0);
    let written = counted.count(Count::SharedWritten).unwrap_or(0).saturating_mul(BLOCK);
    let each = if wal > 0 { wal } else { written } / calls;
    let has = |words: &[&str]| words.iter().any(|word| statement.text.contains(word));
    // Whoever reads a table first after it was written writes which rows are visible, with checksums to the log as well.
    if each < options.min_bytes || has(&["validate constraint"]) {
        return None;
    }
    let may_only_index = has(&["primary key", " unique", " exclude", " add constraint", " not null"]);
    let what = if may_only_index { "it is written anew, or an index of it" } else { "it is written anew" };
    Some(Finding {
        rule: META.id,
        severity: if each >= LARGE { Severity::High } else { Severity::Medium },
        confidence: if may_only_index { Confidence::Medium } else { Confidence::High },
        title: format!("{} of {} writes {}: {what}", change.command, change.table, ByteCount(each)),
        statement: Some(statement.fingerprint),
        occurrences: calls,
        cost: Some(statement.latency.total()).filter(|total| total.0 > 0).or_else(|| counted.all().map(|moments| micros(moments.total()))),
        evidence: vec![Evidence::counted(
            format!("{} of write-ahead log and {} of blocks in {calls} executions", ByteCount(wal), ByteCount(written)),
            json!({"calls": calls, "wal_bytes": wal, "block_bytes": written, "table": change.table}),
        )],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}
