//! Locks on rows that no key picks and no LIMIT ends.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct LockWithoutLimit;

static META: Meta = Meta {
    id: "lock-without-limit",
    title: "A query locks rows by no key and without LIMIT",
    severity: Severity::Medium,
    what: "SELECT … FOR UPDATE, FOR SHARE or the like without a column that equals a value, without LIMIT and without SKIP LOCKED, of calls that are slow or wait for locks.",
    why: "It locks all that it finds until the transaction ends, and waits for whoever has locked any of it.",
    example: "SELECT * FROM jobs WHERE run_at < now() FOR UPDATE",
    remedy: "Take a few rows at a time: ORDER BY a key, LIMIT and SKIP LOCKED.",
    ignore: "A small table that one worker alone reads.",
    accepts: habit::accepts,
};

impl Rule for LockWithoutLimit {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::LockWithoutLimit)?;
    let waited = case.statement.waited;
    if !case.is_slow && waited.0 == 0 {
        return None;
    }
    let table = table(habit);
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("locks all rows of {table} that it finds, not by key and without LIMIT"),
        reason: format!("FOR UPDATE or FOR SHARE without LIMIT, SKIP LOCKED or a key; {waited} of waiting for locks"),
        confidence: case.fitting(),
        is_cause: false,
        remedy: format!("Take a few rows of {table} at a time: ORDER BY a key, LIMIT, FOR UPDATE SKIP LOCKED, and commit before the next."),
    })
}
