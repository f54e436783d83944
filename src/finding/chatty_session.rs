//! Statements that do no work: pings, settings, questions about the schema, statements and savepoints given up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sql::outline::{Outline, Role};
use crate::units::grouped;
use crate::workload::{Key, Share, Statement, Workload};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct ChattySession;

static META: Meta = Meta {
    id: "chatty-session",
    title: "Many statements do no work",
    severity: Severity::Medium,
    what: "At least min_share of an application's statements, and at least min_calls, are pings (SELECT 1), settings (SET, RESET, SHOW, DISCARD), questions about the catalogue, DEALLOCATE or savepoints. SET LOCAL and SET TRANSACTION belong to their transaction, SET application_name to a pooler; they are not counted. The log tells their time in the server; each is a round trip besides, which it does not tell.",
    why: "A round trip costs more than such a statement does; on a slow network a ping before each query doubles its latency.",
    example: "SELECT 1; SET search_path TO app; SELECT … FROM users …; DISCARD ALL",
    remedy: "See the finding: it names the remedy for each kind.",
    ignore: "A monitor, or a tool that people use: where more than nine tenths do no work the rule says nothing.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer of them are left out.
    min_calls: u64,
    /// A smaller share of the calls is left out.
    min_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_calls: 100, min_share: 0.1 }
    }
}

/// Above this share it is what the application is for.
const MONITOR: f64 = 0.9;

/// What such a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ping,
    Setting,
    Catalogue,
    Deallocate,
    Savepoint,
}

impl Kind {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if is_ping(text) {
            return Some(Kind::Ping);
        }
        // A pooler tells the server whose statements come next.
        if text.contains("set application_name") || starts(&["set local ", "set transaction ", "set constraints "]) {
            return None;
        }
        if starts(&["set ", "reset ", "show ", "discard ", "select set_config(", "select current_setting("]) {
            return Some(Kind::Setting);
        }
        if starts(&["deallocate"]) {
            return Some(Kind::Deallocate);
        }
        if starts(&["savepoint ", "release ", "rollback to "]) {
            return Some(Kind::Savepoint);
        }
        let asks = starts(&["select version()", "select current_schema", "select current_database()", "select pg_is_in_recovery()"]);
        (asks || reads_catalogue(text)).then_some(Kind::Catalogue)
    }

    /// In the plural.
    fn name(self) -> &'static str {
        ["pings", "settings", "questions about the catalogue", "DEALLOCATE", "savepoints"][self as usize]
    }

    fn remedy(self) -> &'static str {
        match self {
            Kind::Ping => {
                "Let the pool test a connection after an idle time or an error only, not whenever it is lent (pre-ping, validation query, test-on-borrow)."
            }
            Kind::Setting => {
                "Set once for the role what every session sets: ALTER ROLE … SET …, or in the connection's options; let the pool reset a session only if something was set."
            }
            Kind::Catalogue => {
                "Keep what was learnt of the schema for the life of the process (schema cache, type map), and share it between connections."
            }
            Kind::Deallocate => "Give prepared statements up with their session: a larger statement cache in the driver, or none at all.",
            Kind::Savepoint => {
                "Take savepoints only around what may fail: atomic(savepoint=False), autosave=never, no nested transaction around each row."
            }
        }
    }
}

/// Whether a statement reads the catalogue, and not only calls a function.
fn reads_catalogue(text: &str) -> bool {
    let is_named = text.contains(" pg_") || text.contains("information_schema");
    is_named && text.contains(" from ") && Outline::of(text).role == Role::Chatter
}

/// Whether a statement asks nothing: it is empty, or selects a constant alone.
fn is_ping(text: &str) -> bool {
    let constant = |text: &str| text.strip_prefix('$').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) || text == "true";
    match text.strip_prefix("select ") {
        // `SELECT 1 AS one FROM …` looks whether there is a row.
        Some(what) => match what.split_once(" as ") {
            Some((what, name)) => constant(what) && !name.contains(' '),
            None => constant(what),
        },
        None => text.is_empty() || text == "select",
    }
}

/// Calls of an application.
#[derive(Default)]
struct Calls {
    all: u64,
    kinds: BTreeMap<Kind, Share>,
}

impl Rule for ChattySession {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let mut by_name: BTreeMap<String, Calls> = BTreeMap::new();
        for statement in context.workload.statements() {
            let kind = Kind::of(&statement.text);
            for (name, share) in shares(context.workload, statement) {
                let calls = by_name.entry(name).or_default();
                calls.all = calls.all.saturating_add(share.calls);
                if let Some(kind) = kind {
                    calls.kinds.entry(kind).or_default().add(share);
                }
            }
        }
        // What was not logged would be in the sum of all.
        let is_whole = context.workload.blind().is_none();
        let is_worth_it = |calls: &Calls| {
            let share = calls.chatter() as f64 / calls.all.max(1) as f64;
            calls.chatter() >= options.min_calls && share >= options.min_share && share <= MONITOR
        };
        by_name.iter().filter(|(_, calls)| is_whole && is_worth_it(calls)).map(|(name, calls)| finding(name, calls)).collect()
    }
}

/// By application, else by user, else all in one.
fn shares(workload: &Workload, statement: &Statement) -> Vec<(String, Share)> {
    let named = workload.shares(statement, &Key::Application);
    let named = if named.is_empty() { workload.shares(statement, &Key::User) } else { named };
    if named.is_empty() { vec![(String::new(), Share { calls: statement.calls(), total: statement.latency.total() })] } else { named }
}

impl Calls {
    fn chatter(&self) -> u64 {
        self.kinds.values().map(|share| share.calls).sum()
    }
}

/// Medium when it is nearly a third of at least a thousand statements.
fn finding(name: &str, calls: &Calls) -> Finding {
    let count = calls.chatter();
    let share = count as f64 / calls.all.max(1) as f64;
    let cost = calls.kinds.values().map(|share| share.total).sum();
    let mut kinds: Vec<(Kind, Share)> = calls.kinds.iter().map(|(kind, share)| (*kind, *share)).collect();
    kinds.sort_by_key(|(kind, share)| (std::cmp::Reverse(share.calls), *kind));
    let told = |(kind, share): &(Kind, Share)| {
        Evidence::counted(
            format!("{} {}, {} in the server", grouped(share.calls), kind.name(), share.total),
            json!({"application": name, "kind": kind.name(), "calls": share.calls, "total_us": share.total.0, "all_calls": calls.all}),
        )
    };
    // What hardly counts needs no remedy.
    let remedies: Vec<&str> = kinds.iter().filter(|(_, share)| share.calls * 5 >= count).map(|(kind, _)| kind.remedy()).collect();
    let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
    Finding {
        rule: META.id,
        severity: if share >= 0.3 && count >= 1_000 { Severity::Medium } else { Severity::Low },
        confidence: Confidence::High,
        title: format!(
            "{:.0} % of {} statements{of} do no work, most of them {}",
            share * 100.0,
            grouped(calls.all),
            kinds.first().map_or("", |(kind, _)| kind.name())
        ),
        occurrences: count,
        cost: Some(cost),
        evidence: kinds.iter().map(told).collect(),
        remedy: remedies.join(" "),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        for (text, expected) in [
            ("select $1", Some(Kind::Ping)),
            ("select $1 as one", Some(Kind::Ping)),
            (";", Some(Kind::Ping)),
            ("", Some(Kind::Ping)),
            ("select $1 as one from orders where user_id = $2 limit $3", None),
            ("set timezone = $1; set application_name = $2", None),
            ("set search_path to $1", Some(Kind::Setting)),
            ("set local statement_timeout = $1", None),
            ("set transaction isolation level serializable", None),
            ("discard all", Some(Kind::Setting)),
            ("deallocate all", Some(Kind::Deallocate)),
            ("rollback to savepoint $1", Some(Kind::Savepoint)),
            ("select version()", Some(Kind::Catalogue)),
            ("select a.attname from pg_attribute as a where a.attrelid = $1", Some(Kind::Catalogue)),
            ("select table_name from information_schema.tables", Some(Kind::Catalogue)),
            ("select compute_totals($1)", None),
            ("select nextval($1)", None),
            ("select * from users where id = $1", None),
        ] {
            assert_eq!(Kind::of(text), expected, "{text}");
        }
    }
}
