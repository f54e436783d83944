//! A condition as EXPLAIN writes it, as what it says of columns. Its values are read over and not kept.
//!
//! Format: `get_rule_expr` in `src/backend/utils/adt/ruleutils.c`, which writes parentheses around every operation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::counted;

/// What must hold of a row: all of its conjuncts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// What was understood.
    pub conjuncts: Vec<Conjunct>,
    /// How many more there are: functions, alternatives, sub-plans, comparisons that no plain index serves.
    pub others: usize,
}

/// One column and what must hold of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conjunct {
    /// The column.
    pub column: Column,
    /// How it is compared.
    pub test: Test,
    /// With what.
    pub against: Against,
}

/// A column as a condition names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Column {
    /// The alias of its relation, where there is more than one.
    pub qualifier: Option<String>,
    /// Its name.
    pub name: String,
}

/// How a column is compared, by what a B-tree index on it could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// `=`.
    Equal,
    /// `= ANY`.
    AnyOf,
    /// A boolean column alone, negated or with IS TRUE.
    Flag,
    /// IS NULL.
    Null,
    /// `<`, `<=`, `>`, `>=`.
    Range,
    /// LIKE with a pattern that does not begin with a wildcard.
    Prefix,
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// A constant, a parameter or what is computed of them.
    Value,
    /// Another column.
    Column(Column),
}

/// Longer conditions are one that is not understood.
const MOST_TOKENS: usize = 4_000;

/// At most so many conjuncts are told; the rest are counted.
const MOST_CONJUNCTS: usize = 16;

impl Condition {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conjuncts.is_empty() && self.others == 0
    }

    /// Reads the text behind `Filter:` and the like.
    pub(super) fn read(text: &str) -> Self {
        let Some(tokens) = tokens(text) else { return Condition { conjuncts: Vec::new(), others: 1 } };
        let mut condition = Condition::default();
        for part in conjuncts(&tokens) {
            match conjunct(part).filter(|_| condition.conjuncts.len() < MOST_CONJUNCTS) {
                Some(read) => condition.conjuncts.push(read),
                None => condition.others += 1,
            }
        }
        condition
    }
}

/// As people read it: `state = …, delivered_at compared with …, 1 condition more`. Conditions that were not understood are
/// counted.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, conjunct) in self.conjuncts.iter().enumerate() {
            write!(f, "{}{conjunct}", if at > 0 { ", " } else { "" })?;
        }
        let others = counted(self.others as u64, "condition");
        match (self.others, self.conjuncts.is_empty()) {
            (0, _) => Ok(()),
            (_, true) => write!(f, "{others} that no plain index serves"),
            (_, false) => write!(f, ", {others} more"),
        }
    }
}

impl fmt::Display for Conjunct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = &self.column.name;
        let value = match &self.against {
            Against::Column(other) => &other.name,
            Against::Value => "…",
        };
        match self.test {
            Test::Equal => write!(f, "{column} = {value}"),
            Test::AnyOf => write!(f, "{column} = ANY ({value})"),
            Test::Flag => f.write_str(column),
            Test::Null => write!(f, "{column} IS NULL"),
            Test::Range => write!(f, "{column} compared with {value}"),
            Test::Prefix => write!(f, "{column} LIKE {value}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    /// With its quotes.
    Quoted(&'t str),
    /// What is between its quotes.
    String(&'t str),
    Number,
    Parameter,
    Operator(&'t str),
    Open,
    Close,
    Comma,
    Dot,
    Cast,
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(&first) = bytes.get(at) {
        let run = |from: usize, is: &dyn Fn(u8) -> bool| from + bytes[from..].iter().take_while(|&&b| is(b)).count();
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80;
        let (token, end) = match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'(' | b'[' => (Token::Open, at + 1),
            b')' | b']' => (Token::Close, at + 1),
            b',' => (Token::Comma, at + 1),
            b'.' => (Token::Dot, at + 1),
            b':' if bytes.get(at + 1) == Some(&b':') => (Token::Cast, at + 2),
            b'\'' => (Token::String(&text[at + 1..quoted(bytes, at)? - 1]), quoted(bytes, at)?),
            b'"' => (Token::Quoted(&text[at..quoted(bytes, at)?]), quoted(bytes, at)?),
            // What is escaped in it does not matter; deparsing doubles backslashes, so none escapes a quote.
            b'E' if bytes.get(at + 1) == Some(&b'\'') => (Token::String(&text[at + 2..quoted(bytes, at + 1)? - 1]), quoted(bytes, at + 1)?),
            b'$' => (Token::Parameter, run(at + 1, &|b| b.is_ascii_digit())),
            b'0'..=b'9' => (Token::Number, run(at, &|b| b.is_ascii_alphanumeric() || b == b'.')),
            _ if is_word(first) => {
                let end = run(at, &is_word);
                (Token::Word(&text[at..end]), end)
            }
            _ => {
                let end = run(at, &|b| b"+-*/<>=~!@#%^&|`?:".contains(&b)).max(at + 1);
                (Token::Operator(&text[at..end]), end)
            }
        };
        tokens.push(token);
        at = end;
        if tokens.len() > MOST_TOKENS {
            return None;
        }
    }
    Some(tokens)
}

/// The end of what is quoted at `at`; a doubled quote is part of it.
fn quoted(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let mut end = at + 1;
    loop {
        end += memchr::memchr(quote, bytes.get(end..)?)? + 1;
        if bytes.get(end) != Some(&quote) {
            return Some(end);
        }
        end += 1;
    }
}

/// How much deeper a token leads.
fn step(token: Token<'_>) -> i32 {
    match token {
        Token::Open | Token::Word("CASE") => 1,
        Token::Close | Token::Word("END") => -1,
        _ => 0,
    }
}

/// Without the parentheses around all of it.
fn bared<'s, 't>(mut tokens: &'s [Token<'t>]) -> &'s [Token<'t>] {
    while let [Token::Open, inner @ .., Token::Close] = tokens {
        let mut depth = 0;
        let is_whole = inner.iter().all(|&token| {
            depth += step(token);
            depth >= 0
        });
        if !is_whole || depth != 0 {
            break;
        }
        tokens = inner;
    }
    tokens
}

/// Where a token at the top level is of a kind.
fn position(tokens: &[Token<'_>], is: impl Fn(Token<'_>) -> bool) -> Option<usize> {
    let mut depth = 0;
    tokens.iter().position(|&token| {
        depth += step(token);
        depth == 0 && is(token)
    })
}

fn conjuncts<'s, 't>(tokens: &'s [Token<'t>]) -> Vec<&'s [Token<'t>]> {
    let mut rest = bared(tokens);
    let mut parts = Vec::new();
    while let Some(at) = position(rest, |token| token == Token::Word("AND")) {
        parts.push(bared(&rest[..at]));
        rest = &rest[at + 1..];
    }
    parts.push(bared(rest));
    parts.retain(|part| !part.is_empty());
    parts
}

fn conjunct(tokens: &[Token<'_>]) -> Option<Conjunct> {
    if let Some(is) = position(tokens, |token| token == Token::Word("IS")) {
        let test = match tokens[is + 1..] {
            [Token::Word("NULL")] => Test::Null,
            [Token::Word("TRUE" | "FALSE")] => Test::Flag,
            _ => return None,
        };
        return Some(Conjunct { column: column(&tokens[..is])?, test, against: Against::Value });
    }
    let Some(at) = position(tokens, |token| matches!(token, Token::Operator(_))) else {
        let flag = tokens.strip_prefix(&[Token::Word("NOT")]).unwrap_or(tokens);
        return Some(Conjunct { column: column(flag)?, test: Test::Flag, against: Against::Value });
    };
    let (left, Token::Operator(operator), right) = (&tokens[..at], tokens[at], &tokens[at + 1..]) else { return None };
    compared(left, operator, right).or_else(|| compared(right, operator, left).filter(|read| read.test != Test::Prefix))
}

fn compared(left: &[Token<'_>], operator: &str, right: &[Token<'_>]) -> Option<Conjunct> {
    let column = column(left)?;
    let (is_any, right) = match right {
        [Token::Word("ANY"), list @ ..] => (true, list),
        _ => (false, right),
    };
    let test = match operator {
        "=" if is_any => Test::AnyOf,
        "=" => Test::Equal,
        "<" | "<=" | ">" | ">=" if !is_any => Test::Range,
        "~~" if !is_any && is_prefix(right) => Test::Prefix,
        _ => return None,
    };
    let against = if is_value(right) { Against::Value } else { Against::Column(self::column(right)?) };
    Some(Conjunct { column, test, against })
}

/// A pattern of which the beginning is known.
fn is_prefix(tokens: &[Token<'_>]) -> bool {
    matches!(bared(tokens).first(), Some(Token::String(pattern)) if !pattern.is_empty() && !pattern.starts_with(['%', '_']))
}

/// Whether there is no column in it: words are names of functions, of types or of constants.
fn is_value(tokens: &[Token<'_>]) -> bool {
    let mut in_type = false;
    tokens.iter().enumerate().all(|(at, &token)| {
        let was_type = in_type;
        in_type = match token {
            Token::Cast => true,
            Token::Word(_) | Token::Quoted(_) | Token::Dot => was_type,
            _ => false,
        };
        match token {
            Token::Word("SubPlan" | "hashed" | "CASE" | "ROW") => false,
            Token::Word(word) => {
                let is_constant =
                    matches!(word, "true" | "false" | "NULL" | "ARRAY" | "InitPlan" | "AT" | "TIME" | "ZONE" | "EXTRACT" | "FROM");
                was_type
                    || is_constant
                    || word.starts_with("CURRENT_")
                    || is_behind_init_plan(tokens, at)
                    || tokens.get(at + 1) == Some(&Token::Open)
            }
            Token::Quoted(_) => was_type || tokens.get(at + 1) == Some(&Token::Open),
            _ => true,
        }
    }) && !tokens.is_empty()
}

/// `(InitPlan 1).col1` (PostgreSQL 17).
fn is_behind_init_plan(tokens: &[Token<'_>], at: usize) -> bool {
    at >= 5 && tokens[at - 1] == Token::Dot && tokens[at - 4] == Token::Word("InitPlan")
}

/// A column, perhaps made text, which is how a varchar is compared.
fn column(tokens: &[Token<'_>]) -> Option<Column> {
    let tokens = bared(tokens);
    let cast = position(tokens, |token| token == Token::Cast);
    let name = bared(&tokens[..cast.unwrap_or(tokens.len())]);
    let (qualifier, name) = match *name {
        [name] => (None, word(name)?),
        [qualifier, Token::Dot, name] => (Some(word(qualifier)?), word(name)?),
        _ => return None,
    };
    let is_relabelled = match cast.map(|at| &tokens[at + 1..]) {
        None => true,
        // A number made text is another matter, but its type is not told.
        Some([Token::Word("text" | "bpchar")] | [Token::Word("character"), Token::Word("varying")]) => {
            name != "id" && !name.ends_with("_id")
        }
        Some(_) => false,
    };
    is_relabelled.then_some(Column { qualifier, name })
}

fn word(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word("true" | "false" | "NULL") => None,
        Token::Word(word) => Some(word.to_owned()),
        Token::Quoted(quoted) => Some(quoted[1..quoted.len() - 1].replace("\"\"", "\"")),
        _ => None,
    }
}
