//! What the rules on locks have in common: how a lock, a wait and who held it are told.

use serde_json::json;

use crate::sql::change::Change;
use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::Outline;
use crate::units::counted;
use crate::workload::Workload;
use crate::workload::lock_mode::Kind;
use crate::workload::waits::{Waited, Waiting};

use super::Evidence;

/// The table that a statement changes, reads or writes first, by its name.
pub(super) fn table(workload: &Workload, statement: Fingerprint) -> Option<String> {
    let text = &workload.statement(statement)?.text;
    Change::of(text).map(|change| change.table).or_else(|| Outline::of(text).table().map(str::to_owned))
}

/// What is locked. The log has numbers of tables; their names are in the statements.
pub(super) fn object(kind: Kind, statements: &[Fingerprint], workload: &Workload) -> String {
    let table = statements.iter().find_map(|statement| table(workload, *statement));
    match (kind, table) {
        (Kind::Relation, Some(table)) => table,
        (Kind::Relation, None) => "a table".to_owned(),
        (Kind::Row, Some(table)) => format!("a row of {table}"),
        (Kind::Row, None) => "a row".to_owned(),
        (Kind::Advisory, _) => "an advisory lock".to_owned(),
        (Kind::Other, _) => "a lock".to_owned(),
    }
}

/// The text of a statement, shortened for a sentence.
pub(super) fn text(workload: &Workload, statement: Option<Fingerprint>) -> Option<String> {
    workload.statement(statement?).map(|statement| shortened(&statement.text))
}

/// The beginning of a statement, for a sentence.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
}

/// Waits of one kind as evidence, with the longest of them.
pub(super) fn told(waiting: &Waiting, waited: &Waited, workload: &Workload) -> Evidence {
    let longest = waited.longest;
    let start = longest.map(|wait| wait.start.0.to_string());
    let holder = longest.and_then(|wait| wait.holder);
    let data = json!({
        "waits": waited.count, "waited_us": waited.total.0, "longest_us": waited.most().0, "start": start,
        "pid": longest.map(|wait| wait.process), "mode": waiting.mode.map(|mode| mode.name()),
        "holder": holder.map(|pid| json!({
            "pid": pid, "statement": waiting.holder.map(|f| f.to_string()), "idle_in_transaction": waiting.is_idle,
        })),
    });
    let how = if waiting.is_idle { ", idle in transaction after" } else { ", which ran" };
    let what = text(workload, waiting.holder).map_or_else(String::new, |text| format!("{how} `{text}`"));
    let held = holder.map_or_else(String::new, |pid| format!("{} held by process {pid}{what}", if waited.count > 1 { "," } else { ";" }));
    let mode = waiting.mode.map_or_else(String::new, |mode| format!(" for {}", mode.name()));
    let one = if waited.count > 1 { "; the longest" } else { "," };
    let when = start.map_or_else(String::new, |start| format!("{one} from {start} on"));
    Evidence {
        kind: "wait",
        text: format!("{}{mode}, {} in all, at most {}{when}{held}", counted(waited.count, "wait"), waited.total, waited.most()),
        data: super::as_map(data),
    }
}
