//! Lists of values, counted in the words of a text: a list may be longer than the part of a statement that is kept.

use crate::sql::lexer::{Dialect, TokenKind, lex};

/// See [`super::longest_list`].
pub(super) fn longest(sql: &[u8]) -> u64 {
    let mut longest = 0;
    let mut is_behind_in = false;
    let mut lists: Vec<List> = Vec::new();
    let mut depth = 0_usize;
    for token in lex(sql, Dialect::default()).filter(|token| !matches!(token.kind, TokenKind::Whitespace | TokenKind::Comment)) {
        if token.kind == TokenKind::CloseParen {
            depth = depth.saturating_sub(1);
            lists.retain(|list| list.depth <= depth);
        }
        if let Some(list) = lists.last_mut().filter(|list| list.depth == depth) {
            // A value may be several tokens, such as a sign and a number, or a row in parentheses.
            let is_comma = token.kind == TokenKind::Comma;
            list.values += u64::from(list.is_between && !is_comma);
            list.is_between = is_comma;
            longest = longest.max(list.values);
        }
        if token.kind == TokenKind::OpenParen {
            depth += 1;
            if is_behind_in {
                lists.push(List { depth, values: 0, is_between: true });
            }
        }
        is_behind_in = token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(b"in");
    }
    longest
}

/// An open list.
struct List {
    /// How many parentheses are open within it.
    depth: usize,
    values: u64,
    /// The next token begins a value.
    is_between: bool,
}
