//! Changes of tables that would wait for their lock for ever, and make everybody else wait behind them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::sql::change::Change;
use crate::units::counted;
use crate::workload::{Key, Statement, Workload};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, no_options};

/// See the module.
pub(super) struct MissingLockTimeout;

static META: Meta = Meta {
    id: "missing-lock-timeout",
    title: "Tables were changed without lock_timeout",
    severity: Severity::Info,
    what: "A command that locks a table others use (ALTER TABLE, CREATE INDEX without CONCURRENTLY, DROP and the like) ran in a session that had not set lock_timeout before, in a log of all statements. That the role or the connection has it set is in no log, so it is possible, no more. Tables that were created in the same log do not count, nor changes that did wait, which other rules tell.",
    why: "This time it got its lock at once. The next time a long transaction may hold the table, and then it waits, and everybody who wants the table waits behind it.",
    example: "ALTER TABLE orders ADD COLUMN note text, with no SET lock_timeout before it.",
    remedy: "SET lock_timeout = '1s' before the change, and try again until it gets its lock; or set it for the role that changes tables: ALTER ROLE … SET lock_timeout = '1s'.",
    ignore: "The role has a lock_timeout, or nobody else is connected.",
    accepts: no_options,
};

/// So many statements are named.
const MOST_RELATED: usize = 50;
/// So many tables are named in a title.
const MOST_TABLES: usize = 3;

impl Rule for MissingLockTimeout {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let workload = context.workload;
        if workload.blind().is_some() {
            return Vec::new();
        }
        let created: BTreeSet<String> =
            workload.statements().filter_map(|s| Change::of(&s.text)).filter(is_creation).map(|c| c.table).collect();
        let mut by_application: BTreeMap<Option<String>, Vec<(&Statement, String, u64)>> = BTreeMap::new();
        for (statement, done) in workload.changes().iter().filter(|(_, done)| done.unlimited > 0) {
            let Some(statement) = workload.statement(*statement).filter(|statement| statement.waited.0 == 0) else { continue };
            let change =
                Change::of(&statement.text).filter(|change| change.blocks && is_migration(change) && !created.contains(&change.table));
            if let Some(change) = change {
                by_application.entry(application(workload, statement)).or_default().push((statement, change.table, done.unlimited));
            }
        }
        by_application.into_iter().filter_map(|(application, changes)| finding(application, changes)).collect()
    }
}

/// Jobs truncate, refresh and rebuild as well, again and again.
fn is_migration(change: &Change<'_>) -> bool {
    ["alter ", "create ", "drop "].iter().any(|verb| change.command.starts_with(verb))
}

fn is_creation(change: &Change<'_>) -> bool {
    change.command.starts_with("create") && !change.command.ends_with("index") && !change.command.ends_with("trigger")
}

fn application(workload: &Workload, statement: &Statement) -> Option<String> {
    workload.shares(statement, &Key::Application).into_iter().next().map(|(name, _)| name)
}

fn finding(application: Option<String>, mut changes: Vec<(&Statement, String, u64)>) -> Option<Finding> {
    changes.sort_by_key(|(statement, _, count)| (std::cmp::Reverse(*count), statement.fingerprint));
    let (first, ..) = changes.first()?;
    let count: u64 = changes.iter().map(|(.., count)| count).sum();
    let tables: BTreeSet<&str> = changes.iter().map(|(_, table, _)| table.as_str()).collect();
    let named = tables.iter().take(MOST_TABLES).copied().collect::<Vec<_>>().join(", ");
    let more = if tables.len() > MOST_TABLES { format!(" and {} more", tables.len() - MOST_TABLES) } else { String::new() };
    let by = application.as_deref().map(|name| format!(" by {name}")).unwrap_or_default();
    Some(Finding {
        rule: META.id,
        severity: Severity::Info,
        confidence: Confidence::Low,
        title: format!("{} of {named}{more} without lock_timeout{by}", counted(count, "change")),
        statement: Some(first.fingerprint),
        related: changes.iter().skip(1).take(MOST_RELATED).map(|(statement, ..)| statement.fingerprint).collect(),
        occurrences: count,
        evidence: vec![Evidence::counted(
            format!("{} of {}, none behind SET lock_timeout", counted(count, "change"), counted(tables.len() as u64, "table")),
            json!({"changes": count, "tables": tables, "application": application}),
        )],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}
