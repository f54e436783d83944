//! UPDATE and DELETE of whole tables, again and again.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Confidence, Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct WriteWithoutWhere;

static META: Meta = Meta {
    id: "write-without-where",
    title: "UPDATE or DELETE writes every row of a table at each call",
    severity: Severity::High,
    what: "The statement has neither WHERE nor a join nor LIMIT, ran at least five times and costs something. Where counters tell of less than 100 rows a call it is no finding.",
    why: "Every row is written and locked, every index entry with it, and vacuum has to clear away as many dead rows each time.",
    example: "UPDATE accounts SET is_stale = true",
    remedy: "Write the rows that change and no others, in batches of keys; to empty a table, TRUNCATE.",
    ignore: "Staging tables, which are left out by name (tmp, temp, staging, stage, stg, scratch, import), and a nightly job that is meant to.",
    accepts: habit::accepts,
};

impl Rule for WriteWithoutWhere {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::WriteWithoutWhere)?;
    let table = table(habit);
    if is_passing(table) || case.has_fewer_rows(TINY) {
        return None;
    }
    let is_delete = habit.with.as_deref() == Some("delete");
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("every row of {table} is {} by each call", if is_delete { "deleted" } else { "written" }),
        reason: "no WHERE, no join, no LIMIT".to_owned(),
        // Counters prove it; a text alone may be about a table of three rows.
        confidence: if case.has_rows(MANY) { Confidence::High } else { case.fitting() },
        is_cause: true,
        remedy: match is_delete {
            true => {
                format!("TRUNCATE {table} empties it at once. If old rows are meant, say which: WHERE with their age, in batches of keys.")
            }
            false => format!(
                "Say which rows of {table} change: WHERE with the rows whose value differs from the new one, in batches of keys, so that the others are not written."
            ),
        },
    })
}

/// A table of fewer rows is no trouble.
const TINY: u64 = 100;

/// So many rows a call prove that it is.
const MANY: u64 = 10_000;

/// Whether a table is meant to be filled and emptied, by its name.
fn is_passing(table: &str) -> bool {
    let lower = table.to_ascii_lowercase();
    lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| matches!(part, "tmp" | "temp" | "stg" | "stage" | "staging" | "scratch" | "import" | "imports" | "pgtemp"))
}
