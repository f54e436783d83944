//! The command of a statement in lower case, without its modifiers: `create index` for CREATE UNIQUE INDEX.
//!
//! It refuses to know what the command is applied to.

use sqlparser::ast::{Query, SetExpr, Statement};

/// The verb of a parsed statement and its text, which gives the same as [`of_words`] would for its tokens.
pub(super) fn of_statement(statement: &Statement, text: &str) -> String {
    if let Statement::Query(query) = statement {
        return of_query(query).to_owned();
    }
    let is_gap = |c: char| !(c.is_alphanumeric() || c == '_');
    let words = text.split(is_gap).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(8).map(str::to_lowercase).collect();
    of_words(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn of_query(query: &Query) -> &'static str {
    let mut body = query.body.as_ref();
    loop {
        body = match body {
            SetExpr::Select(_) => return "select",
            SetExpr::Values(_) => return "values",
            SetExpr::Insert(_) => return "insert",
            SetExpr::Update(_) => return "update",
            SetExpr::Delete(_) => return "delete",
            SetExpr::Merge(_) => return "merge",
            SetExpr::Table(_) => return "table",
            SetExpr::Query(inner) => inner.body.as_ref(),
            SetExpr::SetOperation { left, .. } => left.as_ref(),
        }
    }
}

/// The verb of a statement's tokens; empty where no word begins it.
pub(super) fn of_words(words: &[&str]) -> String {
    let start = words.iter().take_while(|word| **word == "(").count();
    match words.get(start..).unwrap_or_default() {
        ["with", rest @ ..] => behind_with(rest).unwrap_or("with").to_owned(),
        [verb @ ("create" | "alter" | "drop" | "refresh"), rest @ ..] => {
            let kind = rest.iter().copied().skip_while(|word| MODIFIERS.contains(word));
            let kind: Vec<&str> = kind.take(2).collect();
            match kind.as_slice() {
                ["materialized" | "foreign" | "event", _] => format!("{verb} {}", kind.join(" ")),
                [kind, ..] => format!("{verb} {kind}"),
                [] => (*verb).to_owned(),
            }
        }
        [verb, ..] if verb.starts_with(char::is_alphabetic) => (*verb).to_owned(),
        _ => String::new(),
    }
}

#[rustfmt::skip]
const MODIFIERS: [&str; 12] = [
    "or", "replace", "temp", "temporary", "unlogged", "unique", "global", "local", "constraint", "recursive", "trusted",
    "procedural",
];

/// The first word behind a WITH that begins a statement and stands outside all parentheses.
fn behind_with<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut depth = 0_usize;
    words.iter().copied().find(|word| {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(*word, "select" | "insert" | "update" | "delete" | "merge" | "values" | "table")
    })
}
