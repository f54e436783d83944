//! Where the values of a statement stand that a skeleton does not tell: TRUE, FALSE and NULL, where they are values.
//!
//! Which they are is decided as the normalised text decides it. Whoever needs each value at its own place counts them and
//! compares with the places of that text.

use std::ops::Range;

use super::lexer::{Dialect, Token, TokenKind, lex};
use super::words;

/// The constants of a statement with the words among them that are values, in order.
pub(super) fn with_words(sql: &[u8], constants: impl Iterator<Item = Range<usize>>, dialect: Dialect) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut from = 0;
    for constant in constants {
        between(sql, from..constant.start, dialect, &mut all);
        from = constant.end;
        all.push(constant);
    }
    between(sql, from..sql.len(), dialect, &mut all);
    all
}

/// Adds the words between two constants.
fn between(sql: &[u8], gap: Range<usize>, dialect: Dialect, to: &mut Vec<Range<usize>>) {
    let mut at = gap.start;
    let mut before: [Option<Token<'_>>; 2] = [None, None];
    for token in lex(sql.get(gap).unwrap_or_default(), dialect) {
        let place = at..at + token.text.len();
        at = place.end;
        if matches!(token.kind, TokenKind::Whitespace | TokenKind::Comment) {
            continue;
        }
        let is_constant = ["null", "true", "false"].iter().any(|word| token.text.eq_ignore_ascii_case(word.as_bytes()));
        if token.kind == TokenKind::Word && is_constant && is_operand(token, before) {
            to.push(place);
        }
        before = [before[1], Some(token)];
    }
}

/// Whether a word stands where a value is expected.
fn is_operand(token: Token<'_>, [earlier, before]: [Option<Token<'_>>; 2]) -> bool {
    let is = |token: Option<Token<'_>>, word: &str| token.is_some_and(|token| token.text.eq_ignore_ascii_case(word.as_bytes()));
    let Some(last) = before else { return false };
    match last.kind {
        TokenKind::Word if is(before, "is") || is(before, "set") => false,
        TokenKind::Word if is(before, "not") => !token.text.eq_ignore_ascii_case(b"null") && !is(earlier, "is"),
        TokenKind::Word => words::precedes_operand(&String::from_utf8_lossy(last.text).to_lowercase()),
        TokenKind::Operator | TokenKind::Comma | TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::Cast => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::normalise;
    use super::super::parameters::highest;
    use super::super::skeleton::Cache;
    use super::*;

    #[test]
    fn there_are_as_many_as_the_normalised_text_has_places() {
        let dialect = Dialect::default();
        for sql in [
            "select a from t where b = true and c is not null and d = 'x'",
            "select a from t where not b and c IS TRUE and e = FALSE limit 5",
            "update t set a = null, b = default where c = 1 and \"true\" = true",
            "select coalesce(a, null), case when b then true else 0 end from t where c = -1 /* true */",
            "select a from t where b is not true and c = not false and (true, 1) = (d, e)",
        ] {
            let normalised = normalise(sql.as_bytes(), dialect);
            let mut cache = Cache::default();
            let places = cache.places(sql.as_bytes(), dialect, usize::MAX);
            let texts: Vec<&str> = places.iter().map(|place| &sql[place.clone()]).collect();
            assert_eq!(Some(places.len()), highest(normalised.text.as_bytes()).map(|n| n as usize), "{texts:?} of {}", normalised.text);
        }
    }
}
