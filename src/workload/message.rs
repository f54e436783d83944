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

/// A message of [`normalised`] for a reader. In it a 0 stands for any number, which saved workloads know it by; read as it is it
/// would be wrong, as in `character varying(0)`. What stands in quotes has no numbers left, or is a name.
pub(super) fn told(normalised: &str) -> String {
    let mut out = String::with_capacity(normalised.len());
    let mut is_quoted = false;
    let mut before = ' ';
    for c in normalised.chars() {
        is_quoted ^= c == '"';
        let is_number = c == '0' && !is_quoted && !(before.is_alphanumeric() || before == '_');
        out.push(if is_number { '…' } else { c });
        before = c;
    }
    out
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

/// What ended a statement before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `statement_timeout`.
    Statement,
    /// `lock_timeout`.
    Lock,
    /// `lock_timeout` or, in a language that is not known, NOWAIT, which have one SQLSTATE.
    LockOrNoWait,
    /// `statement_timeout` or a person, which have one SQLSTATE, in a language that is not known.
    StatementOrPerson,
}

/// The limit that ended a statement, by the words of the message, or where these are of another language than English by the
/// SQLSTATE, as far as it tells.
pub(super) fn limit(sqlstate: Option<[u8; 5]>, message: &[u8]) -> Option<Limit> {
    let says = |words: &str| message.starts_with(words.as_bytes());
    match sqlstate.as_ref() {
        _ if says("canceling statement due to statement timeout") => Some(Limit::Statement),
        _ if says("canceling statement due to lock timeout") => Some(Limit::Lock),
        Some(b"57014") if !says("canceling ") => Some(Limit::StatementOrPerson),
        Some(b"55P03") if !says("could not obtain lock") && !says("canceling ") => Some(Limit::LockOrNoWait),
        _ => None,
    }
}

/// Whether this is the victim's error of a deadlock.
pub(super) fn is_deadlock(sqlstate: Option<[u8; 5]>, message: &[u8]) -> bool {
    sqlstate.map_or_else(|| message.starts_with(b"deadlock detected"), |state| &state == b"40P01")
}

#[cfg(test)]
mod tests {
    use super::{Limit, limit, normalised, told};

    /// The German words are those of PostgreSQL 15.
    #[test]
    fn what_ended_a_statement_is_told_as_far_as_it_is_known() {
        for (state, message, expected) in [
            (None, "canceling statement due to statement timeout", Some(Limit::Statement)),
            (Some(*b"55P03"), "canceling statement due to lock timeout", Some(Limit::Lock)),
            (Some(*b"57014"), "canceling statement due to user request", None),
            (Some(*b"55P03"), "could not obtain lock on relation \"t\"", None),
            (Some(*b"57014"), "storniere Anfrage wegen Zeitüberschreitung der Anfrage", Some(Limit::StatementOrPerson)),
            (Some(*b"55P03"), "storniere Anfrage wegen Zeitüberschreitung einer Sperre", Some(Limit::LockOrNoWait)),
            (None, "storniere Anfrage wegen Zeitüberschreitung der Anfrage", None),
            (Some(*b"40P01"), "Verklemmung (Deadlock) entdeckt", None),
        ] {
            assert_eq!(limit(state, message.as_bytes()), expected, "{message}");
        }
    }

    #[test]
    fn a_number_is_told_as_what_is_left_out() {
        for (message, expected) in [
            ("value too long for type character varying(255)", "value too long for type character varying(…)"),
            ("value 99999999999 is out of range", "value … is out of range"),
            ("relation \"t 0\" does not exist", "relation \"t 0\" does not exist"),
            ("column t0.x_0 does not exist", "column t0.x_0 does not exist"),
            ("numeric(10,2) of \"s3cret\" 7", "numeric(…,…) of \"…\" …"),
        ] {
            assert_eq!(told(&normalised(message.as_bytes())), expected);
        }
        assert_eq!(normalised(b"character varying(60)"), normalised(b"character varying(255)"), "one kind as ever");
    }

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
