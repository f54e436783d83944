//! What a statement is to a session, by its first words.

use super::{Role, Words};

/// Functions and relations that tell of the server or the session, not of the user's rows.
const CATALOGUES: [&str; 3] = ["pg_catalog", "information_schema", "pg_temp"];

pub(super) fn role(words: &Words<'_>, text: &str) -> Role {
    let first = (0..words.len()).find(|&at| words.at(at) != "(").unwrap_or(0);
    match words.at(first) {
        "begin" | "start" => Role::Begin,
        "rollback" if matches!(words.at(first + 1), "to") || words.at(first + 2) == "to" => Role::Chatter,
        "commit" | "rollback" | "end" | "abort" => Role::End,
        "discard" => Role::Anew,
        "reset" if words.at(first + 1) == "all" => Role::Anew,
        "savepoint" | "release" | "set" | "show" | "reset" | "deallocate" | "fetch" | "move" | "close" | "listen" | "unlisten"
        | "notify" | "prepare" | ";" | "" => Role::Chatter,
        "select" | "values" | "table" if is_chatter(words) => Role::Chatter,
        "select" | "values" | "table" => Role::Read,
        "with" => with(text),
        "insert" => Role::Insert,
        "update" | "delete" | "merge" => Role::Change,
        _ => Role::Other,
    }
}

/// A select that reads no table of the user's.
fn is_chatter(words: &Words<'_>) -> bool {
    let mut reads = false;
    for at in 0..words.len() {
        if matches!(words.at(at), "from" | "join" | "table") {
            let name = words.at(at + 1);
            if CATALOGUES.contains(&name) || name.starts_with("pg_") {
                return true;
            }
            reads = true;
        }
    }
    !reads
}

/// A statement with common table expressions writes if any of its parts does.
fn with(text: &str) -> Role {
    let has = |verb: &str| text.match_indices(verb).any(|(at, _)| text[..at].ends_with([' ', '(']));
    if has("update ") || has("delete from ") {
        Role::Change
    } else if has("insert into ") {
        Role::Insert
    } else {
        Role::Read
    }
}
