//! Rows that are read and then written, where the write could have told by itself whether it may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sql::outline::Role;
use crate::units::{Micros, grouped};
use crate::workload::{Followed, Statement};

use super::orm::Named;
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct SelectThenWrite;

static META: Meta = Meta {
    id: "select-then-write",
    title: "A row is looked for, and then one of the same table is written",
    severity: Severity::Low,
    what: "At least min_pairs times, and for most executions of the write, a session read one row of a table by its key, without a lock, and then inserted into that table or changed a row of it, with at most one other call between. SELECT … FOR UPDATE and SERIALIZABLE transactions are left out. That both were about the same row is likely, not known.",
    why: "It is one round trip more than needed, and what was read may be true no more when the write comes: two sessions that look at once both insert, or one loses what the other wrote.",
    example: "SELECT 1 AS one FROM users WHERE email = … LIMIT 1, then INSERT INTO users …: a uniqueness validation",
    remedy: "For an INSERT: a unique constraint and ON CONFLICT. For an UPDATE: say in its WHERE what must hold still (a version column), or lock the row by SELECT … FOR UPDATE.",
    ignore: "A unique constraint is there and the check is only for a friendlier message; what is written does not depend on what was read.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer are not worth a line,
    min_pairs: u64,
    /// nor where both statements take a smaller share of the time of all.
    min_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_pairs: 100, min_share: 0.01 }
    }
}

impl Rule for SelectThenWrite {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let all = context.workload.total().total().0 as f64;
        let workload = context.workload;
        let mut findings = Vec::new();
        for (read, write, followed) in workload.followed() {
            let (Some(read), Some(write)) = (workload.statement(read), workload.statement(write)) else { continue };
            let time = read.latency.total() + write.latency.total();
            let is_worth_it = followed.count >= options.min_pairs && time.0 as f64 >= options.min_share * all;
            if is_worth_it && followed.count * 2 >= write.calls() {
                findings.push(finding(read, write, followed));
            }
        }
        findings
    }
}

fn finding(read: &Statement, write: &Statement, followed: Followed) -> Finding {
    let (check, change) = (Named::of(read), Named::of(write));
    let inserts = change.outline.role == Role::Insert;
    let table = change.table();
    let title = if inserts {
        format!("rows of {table} are looked for before one is inserted")
    } else {
        format!("rows of {table} are read before they are changed: possibly a lost update")
    };
    Finding {
        rule: META.id,
        severity: if inserts { Severity::Low } else { Severity::Info },
        confidence: if inserts { Confidence::Medium } else { Confidence::Low },
        title,
        statement: Some(write.fingerprint),
        related: vec![read.fingerprint],
        occurrences: followed.count,
        cost: Some(followed.reads),
        evidence: vec![evidence(write.calls(), followed)],
        remedy: remedy(&check, table, inserts),
        ..Finding::default()
    }
}

fn evidence(writes: u64, followed: Followed) -> Evidence {
    let Followed { count, reads: Micros(reads) } = followed;
    Evidence::counted(
        format!(
            "{} of {} writes came right after such a read; the reads took {} in the server",
            grouped(count),
            grouped(writes),
            followed.reads
        ),
        json!({"pairs": count, "writes": writes, "reads_us": reads}),
    )
}

fn remedy(check: &Named, table: &str, inserts: bool) -> String {
    let mut columns: Vec<&str> = check.outline.keys.iter().map(|key| key.column.as_str()).collect();
    columns.dedup();
    let key = columns.join(", ");
    if inserts {
        format!(
            "A unique constraint on {table} ({key}), and INSERT … ON CONFLICT ({key}) DO NOTHING or DO UPDATE; only the constraint keeps two sessions from inserting both."
        )
    } else {
        "Where the new values depend on those read: work them out in the UPDATE itself, name what must hold still in its WHERE (a version column), or read with FOR UPDATE.".to_owned()
    }
}
