//! Tokens to identity: the normalised text of a statement and the stable id of its canonical tokens.
//!
//! A statement means the same whether it came with literals or with `$1`, on one line or ten, with or without comments,
//! with one element in its `IN` list or a thousand. The rules are versioned by [`RULES`]: within one number an id never
//! changes, on any machine or in any release. Normalising is total: text that is cut, hostile or no SQL at all gets an id
//! too, and normalising a normalised text changes nothing.
//!
//! The id does not depend on a parser of SQL, which would refuse every tenth statement, nor on where the text came from.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lexer::{Dialect, Token, TokenKind, lex};
use super::words;

mod emit;
mod hash;
mod statement;
mod value;

/// The number of the rule set; raised whenever any statement's id would change.
pub const RULES: u32 = 1;

/// The identity of a statement: 128 bits over its canonical tokens, stable across machines and releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The identity of a statement whose text is not known, by whatever else tells it from others.
    #[must_use]
    pub fn without_text(name: &str) -> Self {
        Fingerprint(hash::hash(format!("without text: {name}").as_bytes()))
    }

    /// The first 64 bits, which is the id that reports show.
    #[must_use]
    pub fn id(self) -> u64 {
        u64::try_from(self.0 >> 64).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Fingerprint {
    /// Sixteen lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.id())
    }
}

impl Serialize for Fingerprint {
    /// All 128 bits as 32 lower-case hexadecimal digits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| digits);
        number.map(Fingerprint).ok_or_else(|| serde::de::Error::custom("no id of 32 hexadecimal digits"))
    }
}

/// A statement without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// Its text with `$1`, `$2` … in place of values, one blank between words, comments dropped.
    pub text: String,
}

/// Scratch memory for normalising many statements; see [`normalise`] for one.
#[derive(Debug, Default)]
pub struct Normaliser {
    tokens: Vec<Lexeme>,
    words: String,
}

/// A token that counts, as the emitter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lexeme {
    kind: Kind,
    /// Its canonical spelling, in `Normaliser::words`.
    start: u32,
    end: u32,
}

impl Lexeme {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place in `Normaliser::words`, which hold less than 4 GiB.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Quoted,
    /// A string, a number or a parameter; `integer` if it is digits alone.
    Value {
        integer: bool,
    },
    Operator,
    Cast,
    Comma,
    Semicolon,
    Dot,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    /// The comment [`MODIFIER`], which stands for the modifiers of a type.
    Modifier,
}

/// A statement with more tokens than these (a bulk INSERT of many MB) leaves no memory behind.
const MOST_KEPT: usize = 1 << 20;

/// What stands for `(10, 2)` behind a type outside DDL: the numbers do not identify a statement, their presence does.
const MODIFIER: &str = "/*(...)*/";

/// The normalised text and the fingerprint of one statement.
#[must_use]
pub fn normalise(sql: &[u8], dialect: Dialect) -> Normalised {
    Normaliser::default().normalise(sql, dialect)
}

impl Normaliser {
    /// The normalised text and the fingerprint of one statement; keeps its memory for the next.
    pub fn normalise(&mut self, sql: &[u8], dialect: Dialect) -> Normalised {
        self.tokens.clear();
        self.words.clear();
        for token in lex(sql, dialect) {
            self.take(token);
        }
        let normalised = emit::Emitter::new(&self.tokens, &self.words).run();
        if self.tokens.capacity() > MOST_KEPT {
            *self = Normaliser::default();
        }
        normalised
    }

    fn take(&mut self, token: Token<'_>) {
        let start = self.words.len();
        // Bytes that are no UTF-8 become three each. Only a caller of the library has statements of that size.
        if start + 3 * token.text.len() > u32::MAX as usize {
            return;
        }
        let kind = match token.kind {
            TokenKind::Whitespace => return,
            TokenKind::Comment if token.text == MODIFIER.as_bytes() => Kind::Modifier,
            TokenKind::Comment => return,
            TokenKind::Word => {
                push_lossy(&mut self.words, token.text);
                self.words[start..].make_ascii_lowercase();
                Kind::Word
            }
            TokenKind::QuotedWord => self.take_quoted(token.text),
            TokenKind::String if self.ends_with_uescape() => {
                self.tokens.pop();
                return;
            }
            TokenKind::String | TokenKind::Parameter => Kind::Value { integer: false },
            TokenKind::Number => {
                push_lossy(&mut self.words, token.text);
                Kind::Value { integer: token.text.iter().all(u8::is_ascii_digit) }
            }
            TokenKind::Operator | TokenKind::Unknown => {
                push_lossy(&mut self.words, if token.text == b"!=" { b"<>" } else { token.text });
                Kind::Operator
            }
            TokenKind::Cast => Kind::Cast,
            TokenKind::Comma => Kind::Comma,
            TokenKind::Semicolon => Kind::Semicolon,
            TokenKind::Dot => Kind::Dot,
            TokenKind::OpenParen => Kind::Open,
            TokenKind::CloseParen => Kind::Close,
            TokenKind::OpenBracket => Kind::OpenBracket,
            TokenKind::CloseBracket => Kind::CloseBracket,
        };
        self.tokens.push(Lexeme { kind, start: offset(start), end: offset(self.words.len()) });
    }

    /// `"users"` is `users`; a name that needs its quotes, or that is a keyword without them, keeps them.
    fn take_quoted(&mut self, text: &[u8]) -> Kind {
        let start = self.words.len();
        push_lossy(&mut self.words, text);
        let plain = self.words[start..].strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        if let Some(name) = plain.filter(|n| is_plain(n) && !words::is_reserved(n)) {
            let name = name.to_owned();
            self.words.truncate(start);
            self.words.push_str(&name);
            return Kind::Word;
        }
        Kind::Quoted
    }

    /// `U&'…' UESCAPE '!'`: the escape belongs to the string before it.
    fn ends_with_uescape(&self) -> bool {
        let [.., before, word] = self.tokens.as_slice() else { return false };
        matches!(before.kind, Kind::Value { .. }) && word.kind == Kind::Word && &self.words[word.range()] == "uescape"
    }
}

fn push_lossy(to: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        to.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            to.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Whether a quoted name is what PostgreSQL would make of it without quotes.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_' || b >= 0x80);
    first && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'$') || b >= 0x80)
}

#[cfg(test)]
mod tests;
