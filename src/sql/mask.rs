//! Samples without their values: the statement as it was written, each literal replaced by one of its kind.
//!
//! A masked sample keeps layout, names and the lengths of lists, so that a statement can be recognised; it may be mailed. One
//! that is [`told`] keeps besides what tells of the statement rather than of data, so that whatever looks for bad habits finds
//! the same in it: whether a text begins with a wildcard, how many rows are asked for or passed over, and whether a count is
//! compared with 0 or 1. Masked, both are the same.

use std::borrow::Cow;

use super::lexer::{Dialect, Token, TokenKind, lex};
use super::parameters::parameters;

/// The statement with `'…'` for strings and `0` for numbers; comments are dropped. SET keeps no value at all.
#[must_use]
pub fn masked(sql: &[u8], dialect: Dialect) -> String {
    replaced(sql, dialect, &mut |token, _| match token.kind {
        TokenKind::String => Some(string(token).into()),
        TokenKind::Number => Some("0".into()),
        _ => None,
    })
}

/// A statement and its parameters (`$1 = '…', …`) without what is data in them; see the module.
#[must_use]
pub fn told(sql: &[u8], bound: &[u8], dialect: Dialect) -> (String, String) {
    let mut kept: Vec<(u32, Behind)> = Vec::new();
    let text = replaced(sql, dialect, &mut |token, behind| match token.kind {
        TokenKind::String => Some(telling(token)),
        TokenKind::Number => (!behind.keeps(token.text)).then_some(OTHER.into()),
        TokenKind::Parameter => {
            let number = std::str::from_utf8(token.text.get(1..)?).ok()?.parse().ok()?;
            if behind != Behind::Other {
                kept.push((number, behind));
            }
            None
        }
        _ => None,
    });
    let mut list = String::new();
    for parameter in parameters(bound) {
        let behind = kept.iter().find(|(number, _)| *number == parameter.number).map_or(Behind::Other, |(_, behind)| *behind);
        let value = match parameter.value {
            None => Cow::Borrowed("NULL"),
            Some(value) if behind.keeps(value) => format!("'{}'", String::from_utf8_lossy(value)).into(),
            Some([b'%' | b'_', ..]) => WILDCARD.into(),
            Some(_) => "'…'".into(),
        };
        let comma = if list.is_empty() { "" } else { ", " };
        list.push_str(&format!("{comma}${} = {value}", parameter.number));
    }
    (text, list)
}

/// A number that is not told, which is not taken for 0 or 1.
const OTHER: &str = "9";
/// A text that begins with a wildcard.
const WILDCARD: &str = "'%…'";

/// What stands before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// LIMIT or OFFSET.
    Rows,
    /// A parenthesis and a comparison, as behind `count(*)`.
    Comparison,
    Other,
}

impl Behind {
    /// Whether a number may be told there.
    fn keeps(self, number: &[u8]) -> bool {
        match self {
            Behind::Rows => !number.is_empty() && number.iter().all(u8::is_ascii_digit),
            Behind::Comparison => matches!(number, b"0" | b"1"),
            Behind::Other => false,
        }
    }

    fn of(before: &[Option<(TokenKind, Cow<'_, str>)>; 2]) -> Self {
        match before {
            [_, Some((TokenKind::Word, word))] if word.eq_ignore_ascii_case("limit") || word.eq_ignore_ascii_case("offset") => Behind::Rows,
            [Some((TokenKind::CloseParen, _)), Some((TokenKind::Operator, operator))]
                if matches!(&**operator, ">" | "<" | "=" | ">=" | "<=" | "<>" | "!=") =>
            {
                Behind::Comparison
            }
            _ => Behind::Other,
        }
    }
}

/// The statement without comments, its values and parameters as `value` gives them back; `None` is as they are.
fn replaced(sql: &[u8], dialect: Dialect, value: &mut dyn FnMut(Token<'_>, Behind) -> Option<Cow<'static, str>>) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut words = 0usize;
    let mut sets = false;
    let mut assigned = false;
    let mut defines = false;
    let mut secret = false;
    let mut before = [None, None];
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
        let replaced = match token.kind {
            TokenKind::String | TokenKind::Number | TokenKind::Parameter => value(token, Behind::of(&before)),
            _ => None,
        };
        out.push_str(replaced.as_deref().unwrap_or(&text));
        if token.kind != TokenKind::Whitespace {
            before = [before[1].take(), Some((token.kind, text))];
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

/// The same, and whether it begins with a wildcard.
fn telling(token: Token<'_>) -> Cow<'static, str> {
    let prefix = token.text.split(|&byte| byte == b'\'').next().unwrap_or_default();
    let begins = token.text.get(prefix.len() + 1).is_some_and(|first| matches!(first, b'%' | b'_'));
    match (prefix, string(token)) {
        (b"U&" | b"u&", _) => "U&'…'".into(),
        (_, "'…'") if begins => WILDCARD.into(),
        (_, "E'…'") if begins => "E'%…'".into(),
        (_, masked) => masked.into(),
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

    #[test]
    fn what_is_told_is_of_the_statement_and_masked_it_is_the_same() {
        let tell = |sql: &str, bound: &str| told(sql.as_bytes(), bound.as_bytes(), Dialect::default());
        let sql = "SELECT 1 AS one FROM t WHERE a LIKE '%x' AND b ILIKE E'_x' AND c = 'x%' AND d IN (0, 1, 77) /* c */ AND (SELECT count(*) FROM u) > 0 LIMIT 21 OFFSET 5000";
        let (text, list) = tell(sql, "");
        assert_eq!(
            text,
            "SELECT 9 AS one FROM t WHERE a LIKE '%…' AND b ILIKE E'%…' AND c = '…' AND d IN (9, 9, 9)  AND (SELECT count(*) FROM u) > 0 LIMIT 21 OFFSET 5000"
        );
        assert_eq!(list, "");
        assert_eq!(masked(text.as_bytes(), Dialect::default()), masked(sql.as_bytes(), Dialect::default()));
        let bound = "$1 = '%lamp', $2 = 'it''s, 5', $3 = NULL, $4 = '21', $5 = '21', $6 = '4000', $7 = '0', $8 = '2'";
        let (_, list) =
            tell("SELECT a FROM t WHERE a LIKE $1 AND b = $2 AND c = $3 AND d = $4 AND f(x) > $7 AND f(y) > $8 LIMIT $5 OFFSET $6", bound);
        assert_eq!(list, "$1 = '%…', $2 = '…', $3 = NULL, $4 = '…', $5 = '21', $6 = '4000', $7 = '0', $8 = '…'");
        // Told again nothing changes.
        assert_eq!(tell(&text, &list).0, text);
        assert_eq!(tell("SELECT a LIKE $1 OFFSET $2", "$1 = '%…', $2 = '7'").1, "$1 = '%…', $2 = '7'");
    }
}
