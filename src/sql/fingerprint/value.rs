//! What counts as a value: signs, constants spelt as words, and lists that hold nothing but constants.

use super::{Kind, Lexeme, words};

/// The tokens of a statement, read at any place; beyond the end there is nothing.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) tokens: &'a [Lexeme],
    pub(super) words: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn kind(self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|t| t.kind)
    }

    /// The canonical spelling; empty for punctuation and beyond the end.
    pub(super) fn text(self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |t| &self.words[t.range()])
    }

    pub(super) fn is_word(self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Word) && self.text(at) == word
    }

    pub(super) fn without_trailing_semicolons(self) -> usize {
        let last = self.tokens.iter().rposition(|t| t.kind != Kind::Semicolon);
        last.map_or(0, |at| at + 1)
    }

    /// Whether what stands at `at` begins an operand, judged by what stands before it.
    pub(super) fn expects_operand(self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return true };
        match self.kind(before) {
            Some(Kind::Word) => words::precedes_operand(self.text(before)),
            Some(Kind::Operator | Kind::Comma | Kind::Open | Kind::OpenBracket | Kind::Semicolon | Kind::Cast) => true,
            _ => false,
        }
    }

    /// Behind a signed value that begins at `at` with its sign; `at` itself if there is none.
    pub(super) fn sign_end(self, at: usize) -> usize {
        let mut next = at;
        while self.kind(next) == Some(Kind::Operator) && matches!(self.text(next), "-" | "+") {
            next += 1;
        }
        let value = match self.kind(next) {
            Some(Kind::Value { .. }) => true,
            Some(Kind::Word) => matches!(self.text(next), "null" | "true" | "false"),
            _ => false,
        };
        let signed = next > at && value && self.expects_operand(at);
        if signed { next + 1 } else { at }
    }

    /// The parenthesis or bracket that closes the one at `open`; the end of the statement if none does.
    pub(super) fn close_of(self, open: usize) -> usize {
        let mut depth = 0usize;
        for (offset, token) in self.tokens[open.min(self.tokens.len())..].iter().enumerate() {
            match token.kind {
                Kind::Open | Kind::OpenBracket => depth += 1,
                Kind::Close | Kind::CloseBracket => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return open + offset;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// The closing parenthesis of type modifiers (numbers alone) that open at `at`.
    pub(super) fn modifier_end(self, at: usize) -> Option<usize> {
        if self.kind(at) != Some(Kind::Open) {
            return None;
        }
        let mut next = at + 1;
        loop {
            if self.kind(next) != Some(Kind::Value { integer: true }) {
                return None;
            }
            match self.kind(next + 1)? {
                Kind::Comma => next += 2,
                Kind::Close => return Some(next + 1),
                _ => return None,
            }
        }
    }

    /// `extract(field from` or `extract('field' from`, also with a placeholder for the field.
    pub(super) fn is_extract(self, at: usize) -> bool {
        self.kind(at + 1) == Some(Kind::Open)
            && matches!(self.kind(at + 2), Some(Kind::Word | Kind::Value { .. }))
            && self.is_word(at + 3, "from")
    }
}

/// Whether the `null`, `true` or `false` at `at` is a value: not in `IS NULL`, `NOT NULL`, `SET NULL` or `IS NOT TRUE`.
pub(super) fn is_constant_word(cursor: Cursor<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    if cursor.kind(before) != Some(Kind::Word) {
        return cursor.expects_operand(at);
    }
    match cursor.text(before) {
        "is" | "set" => false,
        "not" => cursor.text(at) != "null" && !(before > 0 && cursor.is_word(before - 1, "is")),
        word => words::precedes_operand(word),
    }
}

/// The end of a list that opens at `open` and holds constants only; `None` if it holds anything else.
pub(super) fn list_end(cursor: Cursor<'_>, open: usize, close: Kind) -> Option<usize> {
    let mut at = element_end(cursor, open + 1, 0)?;
    loop {
        match cursor.kind(at)? {
            kind if kind == close => return Some(at),
            Kind::Comma => at = element_end(cursor, at + 1, 0)?,
            _ => return None,
        }
    }
}

/// The number of columns of the row that opens at `open`.
pub(super) fn row_width(cursor: Cursor<'_>, open: usize) -> usize {
    let mut width = 1;
    let mut at = open + 1;
    while let Some(next) = element_end(cursor, at, 0) {
        if cursor.kind(next) != Some(Kind::Comma) {
            break;
        }
        width += 1;
        at = next + 1;
    }
    width
}

/// Rows and arrays deeper than this are no list of constants that anyone wrote.
const DEEPEST: usize = 8;

/// Behind one constant: a value with or without sign, casts or type name, `cast(… as …)`, a row or an array of these.
fn element_end(cursor: Cursor<'_>, at: usize, depth: usize) -> Option<usize> {
    if depth > DEEPEST {
        return None;
    }
    let end = match cursor.kind(at)? {
        Kind::Value { .. } => at + 1,
        Kind::Operator => Some(cursor.sign_end(at)).filter(|&end| end > at)?,
        Kind::Open => nested_end(cursor, at, Kind::Close, depth)?,
        Kind::OpenBracket => nested_end(cursor, at, Kind::CloseBracket, depth)?,
        Kind::Word => match cursor.text(at) {
            "null" | "true" | "false" => at + 1,
            "cast" => cast_end(cursor, at, depth)?,
            "row" if cursor.kind(at + 1) == Some(Kind::Open) => nested_end(cursor, at + 1, Kind::Close, depth)?,
            "array" if cursor.kind(at + 1) == Some(Kind::OpenBracket) => nested_end(cursor, at + 1, Kind::CloseBracket, depth)?,
            _ => typed_end(cursor, at)?,
        },
        _ => return None,
    };
    Some(casts_end(cursor, end))
}

fn nested_end(cursor: Cursor<'_>, open: usize, close: Kind, depth: usize) -> Option<usize> {
    let mut at = element_end(cursor, open + 1, depth + 1)?;
    loop {
        match cursor.kind(at)? {
            kind if kind == close => return Some(at + 1),
            Kind::Comma => at = element_end(cursor, at + 1, depth + 1)?,
            _ => return None,
        }
    }
}

/// `cast(constant as type)`.
fn cast_end(cursor: Cursor<'_>, at: usize, depth: usize) -> Option<usize> {
    let open = Some(at + 1).filter(|&open| cursor.kind(open) == Some(Kind::Open))?;
    let inner = element_end(cursor, open + 1, depth + 1)?;
    let close = type_end(cursor, inner + 1);
    (cursor.is_word(inner, "as") && cursor.kind(close) == Some(Kind::Close)).then_some(close + 1)
}

/// `date '2026-11-25'`, `timestamp with time zone '…'`.
fn typed_end(cursor: Cursor<'_>, at: usize) -> Option<usize> {
    let end = type_end(cursor, at);
    (end > at && matches!(cursor.kind(end), Some(Kind::Value { .. }))).then_some(end + 1)
}

fn casts_end(cursor: Cursor<'_>, mut at: usize) -> usize {
    while cursor.kind(at) == Some(Kind::Cast) {
        at = type_end(cursor, at + 1);
    }
    at
}

/// Behind the name of a type: words and dots, modifiers, `[]`.
fn type_end(cursor: Cursor<'_>, mut at: usize) -> usize {
    loop {
        match cursor.kind(at) {
            Some(Kind::Word) if is_behind_type(cursor, at) => return at,
            Some(Kind::Word | Kind::Quoted | Kind::Dot | Kind::Modifier) => at += 1,
            Some(Kind::Open) => match cursor.modifier_end(at) {
                Some(close) => at = close + 1,
                None => return at,
            },
            Some(Kind::OpenBracket) if cursor.kind(at + 1) == Some(Kind::CloseBracket) => at += 2,
            _ => return at,
        }
    }
}

/// What a value may follow is no part of a type, or `by null` would become `by $1` and then be one value, like `date '…'`.
fn is_behind_type(cursor: Cursor<'_>, at: usize) -> bool {
    match cursor.text(at) {
        "with" => !cursor.is_word(at + 1, "time"),
        "to" => !["month", "hour", "minute", "second"].iter().any(|unit| cursor.is_word(at + 1, unit)),
        word => words::precedes_operand(word),
    }
}
