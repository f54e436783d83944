//! Bytes to tokens, borrowed: the lexical rules of PostgreSQL's `scan.l`, and nothing above them.
//!
//! Every event's text may pass through here, so the lexer allocates nothing, never fails and never looks back: a string
//! that is not closed, bytes that are not UTF-8 and characters SQL does not know are tokens like any other. The tokens of
//! a statement, white space and comments included, concatenate to the statement itself; a property test holds that.
//!
//! It does not know what a statement means, which words are reserved or whether the text was cut.
//!
//! Rules and names follow `src/backend/parser/scan.l` of PostgreSQL 9.4 to 18.

/// Which lexical rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL 9.4 to 18.
    PostgreSql {
        /// The server's `standard_conforming_strings`: when off, a backslash escapes in plain `'…'` strings too.
        standard_conforming_strings: bool,
    },
}

impl Default for Dialect {
    fn default() -> Self {
        Dialect::PostgreSql { standard_conforming_strings: true }
    }
}

impl Dialect {
    pub(crate) fn backslash_escapes(self) -> bool {
        let Dialect::PostgreSql { standard_conforming_strings } = self;
        !standard_conforming_strings
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks, tabs and line ends.
    Whitespace,
    /// `-- …` up to the line end, or `/* … */` with nesting.
    Comment,
    /// A keyword or an identifier without quotes.
    Word,
    /// `"…"` or `U&"…"`.
    QuotedWord,
    /// A string constant of any form, continuation lines included: `'…'`, `E'…'`, `U&'…'`, `B'…'`, `X'…'`, `N'…'`, `$tag$…$tag$`.
    String,
    /// A numeric constant of any form, without its sign.
    Number,
    /// `$1`.
    Parameter,
    /// A run of operator characters, `:=`, `=>`, `..` or `:`.
    Operator,
    /// `::`.
    Cast,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `.`
    Dot,
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// A byte that no rule begins with, such as `\` or NUL.
    Unknown,
}

/// One token and the bytes it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// The bytes as they stand in the statement; never empty.
    pub text: &'a [u8],
}

/// The tokens of one statement, in order.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    sql: &'a [u8],
    at: usize,
    dialect: Dialect,
}

/// Starts reading a statement; see [`Lexer`].
pub fn lex(sql: &[u8], dialect: Dialect) -> Lexer<'_> {
    Lexer { sql, at: 0, dialect }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let &first = self.sql.get(start)?;
        let (kind, end) = scan(self.sql, start, first, self.dialect);
        self.at = end;
        Some(Token { kind, text: &self.sql[start..end] })
    }
}

/// What a byte may begin. One table look-up decides, which is what makes the lexer fast.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Space,
    Letter,
    Digit,
    Quote,
    DoubleQuote,
    Dollar,
    Dot,
    Colon,
    Operator,
    Single,
    Other,
}

const OPERATOR: &[u8] = b"~!@#^&|`?+-*/%<>=";

const fn classify(byte: u8) -> Class {
    match byte {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => Class::Space,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xff => Class::Letter,
        b'0'..=b'9' => Class::Digit,
        b'\'' => Class::Quote,
        b'"' => Class::DoubleQuote,
        b'$' => Class::Dollar,
        b'.' => Class::Dot,
        b':' => Class::Colon,
        b',' | b';' | b'(' | b')' | b'[' | b']' => Class::Single,
        b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' => {
            Class::Operator
        }
        _ => Class::Other,
    }
}

pub(crate) const CLASS: [Class; 256] = {
    let mut table = [Class::Other; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = classify(byte);
        if byte == 255 {
            break table;
        }
        byte += 1;
    }
};

pub(crate) fn class(byte: u8) -> Class {
    CLASS[usize::from(byte)]
}

/// Whether a byte may stand inside an identifier: letters, digits and `$`.
pub(crate) fn continues_word(byte: u8) -> bool {
    matches!(class(byte), Class::Letter | Class::Digit | Class::Dollar)
}

fn scan(sql: &[u8], start: usize, first: u8, dialect: Dialect) -> (TokenKind, usize) {
    match class(first) {
        Class::Space => (TokenKind::Whitespace, end_of_run(sql, start, |b| class(b) == Class::Space)),
        Class::Letter => word_or_string(sql, start, dialect),
        Class::Digit => (TokenKind::Number, end_of_number(sql, start)),
        Class::Quote => (TokenKind::String, end_of_string(sql, start, dialect.backslash_escapes())),
        Class::DoubleQuote => (TokenKind::QuotedWord, end_of_quoted(sql, start + 1, b'"')),
        Class::Dollar => dollar(sql, start),
        Class::Dot => dot(sql, start),
        Class::Colon => match sql.get(start + 1) {
            Some(b':') => (TokenKind::Cast, start + 2),
            Some(b'=') => (TokenKind::Operator, start + 2),
            _ => (TokenKind::Operator, start + 1),
        },
        Class::Operator => operator_or_comment(sql, start),
        Class::Single => (single(first), start + 1),
        Class::Other => (TokenKind::Unknown, start + 1),
    }
}

fn single(byte: u8) -> TokenKind {
    match byte {
        b',' => TokenKind::Comma,
        b';' => TokenKind::Semicolon,
        b'(' => TokenKind::OpenParen,
        b')' => TokenKind::CloseParen,
        b'[' => TokenKind::OpenBracket,
        _ => TokenKind::CloseBracket,
    }
}

fn end_of_run(sql: &[u8], start: usize, inside: impl Fn(u8) -> bool) -> usize {
    let tail = &sql[start..];
    start + tail.iter().position(|&b| !inside(b)).unwrap_or(tail.len())
}

pub(crate) fn end_of_word(sql: &[u8], start: usize) -> usize {
    end_of_run(sql, start, continues_word)
}

/// How a string whose prefix is the word `sql[start..end]` is to be read, if the word is one: whether backslash escapes.
pub(crate) fn string_prefix(word: &[u8], next: Option<u8>, dialect: Dialect) -> Option<bool> {
    if next != Some(b'\'') {
        return None;
    }
    match word {
        b"E" | b"e" => Some(true),
        b"N" | b"n" => Some(dialect.backslash_escapes()),
        b"B" | b"b" | b"X" | b"x" => Some(false),
        _ => None,
    }
}

fn word_or_string(sql: &[u8], start: usize, dialect: Dialect) -> (TokenKind, usize) {
    let end = end_of_word(sql, start);
    let word = &sql[start..end];
    if let Some(backslash) = string_prefix(word, sql.get(end).copied(), dialect) {
        return (TokenKind::String, end_of_string(sql, end, backslash));
    }
    if matches!(word, b"U" | b"u") && sql.get(end) == Some(&b'&') {
        match sql.get(end + 1) {
            Some(b'\'') => return (TokenKind::String, end_of_string(sql, end + 1, false)),
            Some(b'"') => return (TokenKind::QuotedWord, end_of_quoted(sql, end + 2, b'"')),
            _ => {}
        }
    }
    (TokenKind::Word, end)
}

/// Behind the closing quote of what opened just before `from`; a doubled quote stands for itself.
pub(crate) fn end_of_quoted(sql: &[u8], mut from: usize, quote: u8) -> usize {
    loop {
        let Some(found) = memchr::memchr(quote, &sql[from..]) else { return sql.len() };
        let behind = from + found + 1;
        if sql.get(behind) != Some(&quote) {
            return behind;
        }
        from = behind + 1;
    }
}

fn end_of_escaped(sql: &[u8], mut from: usize) -> usize {
    loop {
        let Some(found) = memchr::memchr2(b'\'', b'\\', &sql[from.min(sql.len())..]) else { return sql.len() };
        let at = from + found;
        if sql[at] == b'\\' || sql.get(at + 1) == Some(&b'\'') {
            from = at + 2;
        } else {
            return at + 1;
        }
    }
}

/// Behind a string whose opening quote is at `quote`. Two strings with a line end between them are one (`scan.l`, `quotecontinue`).
pub(crate) fn end_of_string(sql: &[u8], quote: usize, backslash: bool) -> usize {
    let mut quote = quote;
    loop {
        let end = if backslash { end_of_escaped(sql, quote + 1) } else { end_of_quoted(sql, quote + 1, b'\'') };
        let next = end_of_run(sql, end, |b| class(b) == Class::Space);
        if sql.get(next) == Some(&b'\'') && sql[end..next].contains(&b'\n') {
            quote = next;
        } else {
            return end;
        }
    }
}

fn dollar(sql: &[u8], start: usize) -> (TokenKind, usize) {
    if sql.get(start + 1).is_some_and(u8::is_ascii_digit) {
        return (TokenKind::Parameter, end_of_run(sql, start + 1, |b| b.is_ascii_digit()));
    }
    match end_of_dollar_string(sql, start) {
        Some(end) => (TokenKind::String, end),
        None => (TokenKind::Unknown, start + 1),
    }
}

/// Behind a dollar-quoted string that opens at `start`, or `None` if none does.
pub(crate) fn end_of_dollar_string(sql: &[u8], start: usize) -> Option<usize> {
    let tag_end = end_of_run(sql, start + 1, |b| matches!(class(b), Class::Letter | Class::Digit));
    if sql.get(tag_end) != Some(&b'$') || sql[start + 1].is_ascii_digit() {
        return None;
    }
    let tag = &sql[start..=tag_end];
    let body = &sql[tag_end + 1..];
    Some(memchr::memmem::find(body, tag).map_or(sql.len(), |found| tag_end + 1 + found + tag.len()))
}

fn dot(sql: &[u8], start: usize) -> (TokenKind, usize) {
    match sql.get(start + 1) {
        Some(b'0'..=b'9') => (TokenKind::Number, end_of_number(sql, start)),
        Some(b'.') => (TokenKind::Operator, start + 2),
        _ => (TokenKind::Dot, start + 1),
    }
}

fn end_of_digits(sql: &[u8], start: usize, digit: fn(&u8) -> bool) -> usize {
    let mut at = start;
    loop {
        at = end_of_run(sql, at, |b| digit(&b));
        // PostgreSQL 16: one underscore between digits.
        if sql.get(at) == Some(&b'_') && at > start && sql.get(at + 1).is_some_and(digit) {
            at += 1;
        } else {
            return at;
        }
    }
}

/// Behind a number that begins at `start` with a digit, or with a dot and a digit.
pub(crate) fn end_of_number(sql: &[u8], start: usize) -> usize {
    if let Some(end) = end_of_radix_number(sql, start) {
        return end;
    }
    let mut end = end_of_digits(sql, start, u8::is_ascii_digit);
    // `1..2` is a range in PL/pgSQL and in array slices, not `1.` and `.2`.
    if sql.get(end) == Some(&b'.') && sql.get(end + 1) != Some(&b'.') {
        end = end_of_digits(sql, end + 1, u8::is_ascii_digit);
    }
    if matches!(sql.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(sql.get(end + 1), Some(b'+' | b'-')));
        let digits = end_of_digits(sql, (end + 1 + sign).min(sql.len()), u8::is_ascii_digit);
        if digits > end + 1 + sign {
            end = digits;
        }
    }
    end
}

fn end_of_radix_number(sql: &[u8], start: usize) -> Option<usize> {
    if sql[start] != b'0' {
        return None;
    }
    let digit: fn(&u8) -> bool = match sql.get(start + 1)? {
        b'x' | b'X' => u8::is_ascii_hexdigit,
        b'o' | b'O' => |b| matches!(b, b'0'..=b'7'),
        b'b' | b'B' => |b| matches!(b, b'0' | b'1'),
        _ => return None,
    };
    let first = start + 2 + usize::from(sql.get(start + 2) == Some(&b'_'));
    let end = end_of_digits(sql, first.min(sql.len()), digit);
    (end > first).then_some(end)
}

/// Whether a comment opens at `at`.
pub(crate) fn opens_comment(sql: &[u8], at: usize) -> bool {
    matches!(sql.get(at..at + 2), Some(b"--" | b"/*"))
}

/// Behind a comment that opens at `start`.
pub(crate) fn end_of_comment(sql: &[u8], start: usize) -> usize {
    if sql[start] == b'-' {
        return start + memchr::memchr2(b'\n', b'\r', &sql[start..]).unwrap_or(sql.len() - start);
    }
    let mut depth = 1usize;
    let mut at = start + 2;
    while let Some(found) = memchr::memchr2(b'*', b'/', &sql[at..]) {
        at += found;
        match sql.get(at..at + 2) {
            Some(b"/*") => {
                depth += 1;
                at += 2;
            }
            Some(b"*/") => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    sql.len()
}

fn operator_or_comment(sql: &[u8], start: usize) -> (TokenKind, usize) {
    if opens_comment(sql, start) {
        return (TokenKind::Comment, end_of_comment(sql, start));
    }
    let run = end_of_run(sql, start, |b| class(b) == Class::Operator);
    let mut end = (start + 1..run).find(|&at| opens_comment(sql, at)).unwrap_or(run);
    // `scan.l`, rule {operator}: a trailing + or - belongs to what follows unless one of these characters is inside.
    if !sql[start..end].iter().any(|b| b"~!@#^&|`?%".contains(b)) {
        while end > start + 1 && matches!(sql[end - 1], b'+' | b'-') {
            end -= 1;
        }
    }
    debug_assert!(OPERATOR.contains(&sql[start]));
    (TokenKind::Operator, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::{Cast, Comment, Operator, Parameter, QuotedWord, String, Unknown, Word};

    fn kinds(sql: &str) -> Vec<(TokenKind, &str)> {
        lex(sql.as_bytes(), Dialect::default())
            .filter(|t| t.kind != TokenKind::Whitespace)
            .map(|t| (t.kind, std::str::from_utf8(t.text).expect("cut between characters")))
            .collect()
    }

    fn one(sql: &str, kind: TokenKind) {
        assert_eq!(kinds(sql), [(kind, sql)]);
    }

    #[test]
    fn every_form_of_string_is_one_token() {
        for sql in
            ["'it''s'", r"E'a\'b'", r"U&'\0441'", "B'101'", "X'1f'", "N'x'", "$$a'b$$", "$t$a $$ b$t$", "'a'\n  'b'", "'open", r"'C:\tmp\'"]
        {
            one(sql, String);
        }
    }

    #[test]
    fn backslash_escapes_only_where_the_server_says_so() {
        let off = Dialect::PostgreSql { standard_conforming_strings: false };
        let sql = r"'a\' , '";
        assert_eq!(lex(sql.as_bytes(), off).count(), 1);
        assert_eq!(kinds(r"'a\'")[0], (String, r"'a\'"));
    }

    #[test]
    fn two_strings_on_one_line_are_two() {
        assert_eq!(kinds("'a' 'b'").len(), 2);
    }

    #[test]
    fn every_form_of_number_is_one_token() {
        for sql in ["1", "1.5", ".5", "1.", "1e5", "1e-5", "1.5E+3", "0x1F", "0o17", "0b101", "1_000", "0x_ff"] {
            one(sql, TokenKind::Number);
        }
        assert_eq!(kinds("1..2").len(), 3);
        assert_eq!(kinds("1e")[1], (Word, "e"));
    }

    #[test]
    fn a_sign_is_not_part_of_the_operator_before_it() {
        assert_eq!(kinds("x=-1")[1..3], [(Operator, "="), (Operator, "-")]);
        assert_eq!(kinds("x@-1")[1], (Operator, "@-"));
        assert_eq!(kinds("a->>'b'")[1], (Operator, "->>"));
    }

    #[test]
    fn comments_nest_and_cut_operators() {
        assert_eq!(kinds("a/* /* */ */b")[1], (Comment, "/* /* */ */"));
        assert_eq!(kinds("a+--x\nb")[1..3], [(Operator, "+"), (Comment, "--x")]);
        assert_eq!(kinds("'/*' */")[1], (Operator, "*/"));
    }

    #[test]
    fn dollars_are_parameters_quotes_or_parts_of_words() {
        assert_eq!(kinds("$1 a$1"), [(Parameter, "$1"), (Word, "a$1")]);
        assert_eq!(kinds("$")[0].0, Unknown);
    }

    #[test]
    fn quoted_words_keep_doubled_quotes() {
        one("\"a\"\"b\"", QuotedWord);
        one("U&\"x\"", QuotedWord);
        assert_eq!(kinds("a::b")[1], (Cast, "::"));
    }
}
