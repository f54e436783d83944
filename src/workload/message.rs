//! Error messages without their values, so that one kind of error is one message and nothing secret is repeated.
//!
//! Names of relations, columns and the like are kept because they say what is wrong; whatever else stands in quotes may be
//! a value, and numbers are values.

/// Words before a quoted name that make it the name of something in the schema.
const OBJECTS: &[&str] = &[
    "relation",
    "table",
    "column",
    "constraint",
    "index",
    "sequence",
    "function",
    "schema",
    "database",
    "type",
    "view",
    "trigger",
    "extension",
    "operator",
    "class",
    "tablespace",
    "parameter",
    "variable",
    "publication",
    "subscription",
    "slot",
    "language",
];

/// The longest message that is kept, in characters.
const LONGEST: usize = 300;

/// A message without its values.
pub(super) fn normalised(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let text = without_position(text.lines().next().unwrap_or_default());
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(close) = closing_quote(c) {
            let inner = &rest[c.len_utf8()..];
            let keep = c == '"' && OBJECTS.contains(&out.split_whitespace().next_back().unwrap_or_default());
            // A value may hold quotes of its own, so it ends at the last.
            let end = if keep { inner.find(close) } else { inner.rfind(close) }.unwrap_or(inner.len());
            out.push(c);
            out.push_str(if keep { &inner[..end] } else { "…" });
            rest = inner.get(end..).unwrap_or_default();
            if let Some(behind) = rest.strip_prefix(close) {
                out.push(close);
                rest = behind;
            }
        } else if c.is_ascii_digit() && !out.ends_with(|p: char| p.is_alphanumeric() || p == '_') {
            out.push('0');
            rest = rest.strip_prefix("0x").unwrap_or(rest).trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '.');
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out.chars().take(LONGEST).collect()
}

/// ` at character 15` says where in the statement, not what.
fn without_position(text: &str) -> &str {
    text.rsplit_once(" at character ").filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit())).map_or(text, |(head, _)| head)
}

/// Quotes of the languages that PostgreSQL is translated into.
fn closing_quote(open: char) -> Option<char> {
    Some(match open {
        '"' => '"',
        '\'' => '\'',
        '»' => '«',
        '«' => '»',
        '“' => '”',
        '„' => '“',
        '「' => '」',
        _ => return None,
    })
}

/// Whether the statement was cancelled: by its timeout, by a user, or to let something else go on.
pub(super) fn cancels(sqlstate: Option<[u8; 5]>, message: &[u8]) -> bool {
    match sqlstate {
        Some(state) => &state == b"57014",
        None => message.starts_with(b"canceling ") && !message.ends_with(b"lock timeout") && !message.ends_with(b"conflict with recovery"),
    }
}

/// Whether a limit on time ended the statement, rather than a person. Both have the SQLSTATE of cancelled queries, so it is
/// the words that tell, and those of other languages than English are not known.
pub(super) fn is_timeout(message: &[u8]) -> bool {
    [b"canceling statement due to statement timeout".as_slice(), b"canceling statement due to lock timeout"]
        .iter()
        .any(|words| message.starts_with(words))
}

/// Whether this is the victim's error of a deadlock.
pub(super) fn is_deadlock(sqlstate: Option<[u8; 5]>, message: &[u8]) -> bool {
    sqlstate.map_or_else(|| message.starts_with(b"deadlock detected"), |state| &state == b"40P01")
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn values_go_and_names_stay() {
        for (message, expected) in [
            ("relation \"no_such\" does not exist at character 15", "relation \"no_such\" does not exist"),
            ("invalid input syntax for type integer: \"s3cret\"", "invalid input syntax for type integer: \"…\""),
            ("value 99999999999 is out of range", "value 0 is out of range"),
            ("Relation »geheim« existiert nicht", "Relation »…« existiert nicht"),
            ("syntax error near \"'my \"hunter2\" 4111\"", "syntax error near \"…\""),
            ("invalid byte sequence: 0xe9 0x73", "invalid byte sequence: 0 0"),
            ("column t1.x does not exist", "column t1.x does not exist"),
            ("open \"quote", "open \"…"),
            ("", ""),
        ] {
            assert_eq!(normalised(message.as_bytes()), expected);
        }
    }
}
