//! The text that signs are looked for in: a statement as a library wrote it, without what its values are.
//!
//! Case, quotes and the order of words are a library's handwriting, and normalised texts have lost them. Values are not: each
//! becomes `?`, so that a log, where they are told, and `pg_stat_statements`, where they are not, read the same, and no
//! text in a string is taken for a sign. Only the number behind LIMIT stays.

use crate::sql::lexer::{Dialect, TokenKind, lex};

/// A statement as it is looked at.
pub(super) fn plain(sql: &[u8]) -> Vec<u8> {
    let backticks = sql.contains(&b'`') && !sql.contains(&b'"');
    let quoted: Vec<u8>;
    let sql = if backticks {
        quoted = sql.iter().map(|&byte| if byte == b'`' { b'"' } else { byte }).collect();
        &quoted
    } else {
        sql
    };
    let mut text = Vec::with_capacity(sql.len());
    let mut limits = false;
    for token in lex(sql.trim_ascii(), Dialect::default()) {
        match token.kind {
            TokenKind::Comment => {}
            // Where a line ends, and what stands before, differs from library to library.
            TokenKind::Whitespace => match token.text {
                [b' ', rest @ ..] if rest.contains(&b'\n') => text.extend(b" \n"),
                space if space.contains(&b'\n') => text.push(b'\n'),
                _ => text.push(b' '),
            },
            TokenKind::Number if limits => text.extend(token.text),
            TokenKind::String | TokenKind::Number | TokenKind::Parameter => text.push(b'?'),
            _ => text.extend(token.text),
        }
        if token.kind != TokenKind::Whitespace {
            limits = token.text.eq_ignore_ascii_case(b"limit");
        }
    }
    text.trim_ascii().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> String {
        String::from_utf8(plain(sql.as_bytes())).expect("text")
    }

    #[test]
    fn values_and_comments_are_gone_and_handwriting_is_not() {
        assert_eq!(of("SELECT 1 AS one  FROM \"t\" WHERE a = 'imp_sen' LIMIT 21 /*x*/"), "SELECT ? AS one FROM \"t\" WHERE a = ? LIMIT 21");
        assert_eq!(of("SELECT a \nFROM t\n  WHERE b = $1"), "SELECT a \nFROM t\nWHERE b = ?");
        assert_eq!(of("select `a` from `t` where `a` = ?"), "select \"a\" from \"t\" where \"a\" = ?");
    }
}
