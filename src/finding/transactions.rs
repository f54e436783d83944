//! What the rules on transactions have in common: how an example is told.

use serde_json::json;

use crate::units::counted;
use crate::workload::Caller;
use crate::workload::transactions::{Close, Example};

use super::{Evidence, as_map, process};

/// How many, for a sentence.
pub(super) fn many(count: u64) -> String {
    if count == 1 { "a transaction".to_owned() } else { counted(count, "transaction") }
}

/// Who, for a sentence.
pub(super) fn by(actor: &Caller) -> String {
    actor.name().map_or_else(String::new, |name| format!(" of {name}"))
}

/// A transaction as evidence.
pub(super) fn told(example: &Example, actor: &Caller) -> Evidence {
    let process = process(example.session);
    let ended = match example.close {
        Close::Ended => "",
        Close::Killed => ", ended by the server",
        Close::Disconnected => ", ended with its connection",
        Close::Open => ", still open when the log ended",
        Close::Unknown => ", its end is not in the log",
    };
    let in_process = process.map_or_else(String::new, |pid| format!(" in process {pid}"));
    let locks = if example.locks { "held locks" } else { "no writes" };
    let data = json!({
        "pid": process, "session": format!("{:x}", example.session), "application": actor.application, "user": actor.user,
        "start": example.start.to_string(), "end": example.end.to_string(), "statements": example.statements,
        "length_us": example.length().0, "server_us": example.server.0, "idle_us": example.idle.0, "locks": example.locks,
    });
    Evidence {
        kind: "transaction",
        text: format!(
            "{}{in_process}: open for {}, {} statements with {} in the server, at most {} without one, {locks}{ended}",
            example.start,
            example.length(),
            example.statements,
            example.server,
            example.idle
        ),
        data: as_map(data),
    }
}
