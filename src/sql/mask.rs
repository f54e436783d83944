//! Samples without their values: the statement as it was written, each literal replaced by one of its kind.
//!
//! A masked sample keeps layout, names and the lengths of lists, so that a statement can be recognised; it may be mailed.

use super::lexer::{Dialect, Token, TokenKind, lex};

/// The statement with `'…'` for strings and `0` for numbers; comments are dropped. SET keeps no value at all.
#[must_use]
pub fn masked(sql: &[u8], dialect: Dialect) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut words = 0usize;
    let mut sets = false;
    let mut assigned = false;
    let mut defines = false;
    let mut secret = false;
    for token in lex(sql, dialect) {
        let text = String::from_utf8_lossy(token.text);
        match token.kind {
            TokenKind::Comment => continue,
            TokenKind::Semicolon => (words, sets, assigned, defines, secret) = (0, false, false, false, false),
            TokenKind::Word => {
                words += 1;
                sets |= words == 1 && text.eq_ignore_ascii_case("set");
                defines |= words == 1 && (text.eq_ignore_ascii_case("create") || text.eq_ignore_ascii_case("alter"));
                if std::mem::replace(&mut secret, defines && text.eq_ignore_ascii_case("password")) && !text.eq_ignore_ascii_case("null") {
                    out.push_str("'…'");
                    continue;
                }
            }
            _ => {}
        }
        if assigned && !matches!(token.kind, TokenKind::Whitespace | TokenKind::Semicolon | TokenKind::Comma) {
            if !out.ends_with("'…'") {
                out.push_str("'…'");
            }
            continue;
        }
        assigned |= sets && (token.text == b"=" || (words > 1 && text.eq_ignore_ascii_case("to")));
        match token.kind {
            TokenKind::String => out.push_str(string(token)),
            TokenKind::Number => out.push('0'),
            _ => out.push_str(&text),
        }
    }
    out.trim().to_owned()
}

fn string(token: Token<'_>) -> &'static str {
    match token.text {
        [b'$', ..] => "$$…$$",
        [b'E' | b'e', ..] => "E'…'",
        [b'B' | b'b', ..] => "B'…'",
        [b'X' | b'x', ..] => "X'…'",
        _ => "'…'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_list_lengths_stay_and_values_go() {
        let mask = |sql: &str| masked(sql.as_bytes(), Dialect::default());
        assert_eq!(
            mask("SELECT a, 'x''y' FROM t -- s3cret\nWHERE b IN (1, 2.5, $1) AND c = $$z$$"),
            "SELECT a, '…' FROM t \nWHERE b IN (0, 0, $1) AND c = $$…$$"
        );
        assert_eq!(mask("SET role TO s3cret; SELECT 1"), "SET role TO '…'; SELECT 0");
        assert_eq!(mask("ALTER ROLE bob PASSWORD 'hunter2'"), "ALTER ROLE bob PASSWORD '…'");
        assert_eq!(mask("CREATE USER bob PASSWORD hunter2 LOGIN"), "CREATE USER bob PASSWORD '…' LOGIN");
        assert_eq!(mask("set search_path = a, b"), "set search_path = '…', '…'");
    }
}
