//! Writes the canonical form of a statement: walks its tokens once, replacing values and folding lists.

use super::hash::hash;
use super::value::{self, Cursor};
use super::{Fingerprint, Kind, Lexeme, MODIFIER, Normalised, statement, words};

/// Between two tokens in the bytes that are hashed; no token contains it.
const SEPARATOR: u8 = 0;
/// Stands for a value in the bytes that are hashed.
const VALUE: u8 = 1;

/// What the text behind the last token written looks like, to decide on the blank before the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Glue {
    /// Nothing yet, or an opening parenthesis, a dot or a cast: the next token follows at once.
    Tight,
    /// A word that a parenthesis or bracket may follow at once.
    Callable,
    Loose,
}

pub(super) struct Emitter<'a> {
    cursor: Cursor<'a>,
    text: String,
    key: Vec<u8>,
    values: usize,
    glue: Glue,
    /// For each open parenthesis, whether an ORDER BY or GROUP BY list is open in it.
    positions: Vec<bool>,
    pub(super) in_ddl: bool,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(tokens: &'a [Lexeme], words: &'a str) -> Self {
        Emitter {
            cursor: Cursor { tokens, words },
            text: String::with_capacity(words.len() + tokens.len()),
            key: Vec::with_capacity(words.len() + tokens.len()),
            values: 0,
            glue: Glue::Tight,
            positions: vec![false],
            in_ddl: false,
        }
    }

    pub(super) fn run(mut self) -> Normalised {
        let end = self.cursor.without_trailing_semicolons();
        let mut at = 0;
        let mut begins = true;
        while at < end {
            if self.cursor.kind(at) == Some(Kind::Semicolon) {
                // Empty statements between two semicolons, or before the first, say nothing.
                if !begins {
                    self.punctuation(at, ";", false, Glue::Loose);
                }
                begins = true;
                at += 1;
            } else if begins {
                begins = false;
                self.positions = vec![false];
                at = statement::begin(&mut self, at, end);
            } else {
                at = self.step(at, end);
            }
        }
        if self.text.is_empty() {
            self.text.push(';');
        }
        Normalised { fingerprint: Fingerprint(hash(&self.key)), text: self.text }
    }

    pub(super) fn cursor(&self) -> Cursor<'a> {
        self.cursor
    }

    /// Writes what stands at `at` and answers where to go on, at most `end`.
    pub(super) fn step(&mut self, at: usize, end: usize) -> usize {
        let Some(kind) = self.cursor.kind(at) else { return end };
        match kind {
            Kind::Word => self.word(at, end),
            Kind::Quoted => self.plain(at, Glue::Callable),
            Kind::Value { .. } => self.value(at),
            Kind::Operator => self.operator(at),
            Kind::Cast => self.cast(at, end),
            Kind::Comma => self.punctuation(at, ",", false, Glue::Loose),
            Kind::Semicolon => self.punctuation(at, ";", false, Glue::Loose),
            Kind::Dot => self.punctuation(at, ".", false, Glue::Tight),
            Kind::Open => {
                self.positions.push(false);
                self.open(at)
            }
            Kind::Close => {
                if self.positions.len() > 1 {
                    self.positions.pop();
                }
                self.punctuation(at, ")", false, Glue::Loose)
            }
            Kind::OpenBracket => self.punctuation(at, "[", self.glue == Glue::Loose && !self.after_operand(at), Glue::Tight),
            Kind::CloseBracket => self.punctuation(at, "]", false, Glue::Loose),
            Kind::Modifier => self.plain_as(at, MODIFIER, Glue::Loose),
        }
    }

    /// Names become values in some statements, whatever words they are.
    fn after_operand(&self, at: usize) -> bool {
        let is_behind_value = self.text.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with('$');
        at > 0 && (is_behind_value || !self.cursor.expects_operand(at))
    }

    fn word(&mut self, at: usize, end: usize) -> usize {
        let word = self.cursor.text(at);
        match word {
            "as" => {
                // An alias is the same with and without it; the text keeps it because some aliases need it.
                self.spaced("as");
                self.glue = Glue::Loose;
                return at + 1;
            }
            "inner" if self.cursor.is_word(at + 1, "join") => return at + 1,
            "outer" if self.cursor.is_word(at + 1, "join") => return at + 1,
            "asc" if self.is_default_order(at) => return at + 1,
            "null" | "true" | "false" if value::is_constant_word(self.cursor, at) => return self.value(at),
            "in" if self.cursor.kind(at + 1) == Some(Kind::Open) => return self.in_list(at, end),
            "array" if self.cursor.kind(at + 1) == Some(Kind::OpenBracket) => return self.array(at, end),
            "values" if self.cursor.kind(at + 1) == Some(Kind::Open) => return self.rows(at, end),
            "extract" if self.cursor.is_extract(at) => return self.extract(at),
            "password" if self.in_ddl && self.cursor.kind(at + 1) == Some(Kind::Word) && !self.cursor.is_word(at + 1, "null") => {
                // Without its quotes it is a mistake, and no less secret.
                self.plain(at, Glue::Loose);
                self.placeholder();
                return at + 2;
            }
            "current" if self.cursor.is_word(at + 1, "of") => return self.current_of(at),
            "by" => self.set_positions(at > 0 && matches!(self.cursor.text(at - 1), "order" | "group")),
            _ if words::follows_position(word) && !matches!(word, "desc" | "nulls") => self.set_positions(false),
            _ => {}
        }
        let glue = if words::stands_apart(word) { Glue::Loose } else { Glue::Callable };
        let next = self.plain(at, glue);
        if words::takes_modifier(word) { self.modifier(next, end) } else { next }
    }

    /// ASC behind an expression and before the end of it says nothing. Elsewhere it is no order, and what stands around it
    /// would read otherwise without it.
    fn is_default_order(&self, at: usize) -> bool {
        let behind = match self.cursor.kind(at + 1) {
            None | Some(Kind::Comma | Kind::Close | Kind::Semicolon) => true,
            Some(Kind::Word) => !matches!(self.cursor.text(at + 1), "null" | "true" | "false"),
            _ => false,
        };
        behind && (!self.cursor.expects_operand(at) || at.checked_sub(1).is_some_and(|end| self.cursor.is_word(end, "end")))
    }

    fn set_positions(&mut self, open: bool) {
        if let Some(last) = self.positions.last_mut() {
            *last = open;
        }
    }

    /// A cast and the name of its type, whose modifiers are left out outside DDL.
    fn cast(&mut self, at: usize, end: usize) -> usize {
        self.punctuation(at, "::", false, Glue::Tight);
        let mut at = at + 1;
        while matches!(self.cursor.kind(at), Some(Kind::Word | Kind::Quoted)) && at < end {
            at = self.plain(at, Glue::Callable);
            if self.cursor.kind(at) != Some(Kind::Dot) || at >= end {
                break;
            }
            at = self.punctuation(at, ".", false, Glue::Tight);
        }
        self.modifier(at, end)
    }

    fn modifier(&mut self, at: usize, end: usize) -> usize {
        let Some(close) = self.cursor.modifier_end(at).filter(|&close| close < end) else { return at };
        if !self.in_ddl {
            self.plain_as(at, MODIFIER, Glue::Loose);
            return close + 1;
        }
        self.open(at);
        for at in at + 1..close {
            if self.cursor.kind(at) == Some(Kind::Comma) {
                self.punctuation(at, ",", false, Glue::Loose);
            } else {
                self.plain(at, Glue::Loose);
            }
        }
        self.punctuation(close, ")", false, Glue::Loose)
    }

    fn value(&mut self, at: usize) -> usize {
        if self.is_position(at) {
            return self.plain(at, Glue::Loose);
        }
        self.placeholder();
        at + 1
    }

    /// `ORDER BY 1` names a column of the result; it is no value unless it is part of an expression.
    fn is_position(&self, at: usize) -> bool {
        let before = at.checked_sub(1);
        self.positions.last() == Some(&true)
            && self.cursor.kind(at) == Some(Kind::Value { integer: true })
            && before.is_some_and(|b| self.cursor.kind(b) == Some(Kind::Comma) || self.cursor.is_word(b, "by"))
            && match self.cursor.kind(at + 1) {
                None | Some(Kind::Comma | Kind::Close | Kind::Semicolon) => true,
                Some(Kind::Word) => words::follows_position(self.cursor.text(at + 1)),
                _ => false,
            }
    }

    fn operator(&mut self, at: usize) -> usize {
        let sign = self.cursor.sign_end(at);
        if sign > at {
            self.placeholder();
            return sign;
        }
        let operator = self.cursor.text(at);
        // `count(*)` and `t.*` hold their star; `..` and the `:` of a slice stand close too.
        let glue = if matches!(operator, ".." | ":") { Glue::Tight } else { Glue::Loose };
        self.punctuation(at, operator, glue == Glue::Loose, glue)
    }

    /// `IN (…)` of constants only: one value stands for any number of them, as PostgreSQL 18 prints it.
    fn in_list(&mut self, at: usize, end: usize) -> usize {
        let next = self.plain(at, Glue::Loose);
        let Some(close) = value::list_end(self.cursor, next, Kind::Close).filter(|&close| close < end) else { return next };
        self.open(next);
        self.element(next + 1);
        self.squashed();
        self.punctuation(close, ")", false, Glue::Loose)
    }

    fn array(&mut self, at: usize, end: usize) -> usize {
        let next = self.plain(at, Glue::Callable);
        let Some(close) = value::list_end(self.cursor, next, Kind::CloseBracket).filter(|&close| close < end) else { return next };
        self.punctuation(next, "[", false, Glue::Tight);
        self.placeholder();
        self.squashed();
        self.punctuation(close, "]", false, Glue::Loose)
    }

    /// One element of a folded list: a value, or a row of values.
    fn element(&mut self, at: usize) {
        if self.cursor.kind(at) != Some(Kind::Open) {
            return self.placeholder();
        }
        self.open(at);
        for column in 0..value::row_width(self.cursor, at) {
            if column > 0 {
                self.punctuation(at, ",", false, Glue::Loose);
            }
            self.placeholder();
        }
        self.punctuation(at, ")", false, Glue::Loose);
    }

    fn squashed(&mut self) {
        self.text.push_str(" /*, ... */");
    }

    /// The rows of VALUES: each distinct form of row once, whatever their number.
    fn rows(&mut self, at: usize, end: usize) -> usize {
        let mut at = self.plain(at, Glue::Loose);
        let mut seen: Vec<std::ops::Range<usize>> = Vec::new();
        loop {
            let close = self.cursor.close_of(at).min(end);
            let before = (self.text.len(), self.key.len(), self.values, self.glue);
            if !seen.is_empty() {
                self.punctuation(at, ",", false, Glue::Loose);
            }
            let key_start = self.key.len();
            while at <= close && at < end {
                at = self.step(at, end);
            }
            let row = key_start..self.key.len();
            if seen.iter().any(|known| self.key[known.clone()] == self.key[row.clone()]) {
                self.text.truncate(before.0);
                self.key.truncate(before.1);
                (self.values, self.glue) = (before.2, before.3);
            } else {
                seen.push(row);
            }
            let another = self.cursor.kind(at) == Some(Kind::Comma) && self.cursor.kind(at + 1) == Some(Kind::Open);
            if at >= end || !another {
                return at;
            }
            at += 1;
        }
    }

    /// `extract(year from x)`: the server stores the field as a constant, and `pg_stat_statements` prints it as one.
    fn extract(&mut self, at: usize) -> usize {
        self.plain(at, Glue::Callable);
        self.positions.push(false);
        self.open(at + 1);
        self.placeholder();
        at + 3
    }

    fn current_of(&mut self, at: usize) -> usize {
        self.plain(at, Glue::Loose);
        self.plain(at + 1, Glue::Loose);
        self.placeholder();
        at + 3
    }

    fn open(&mut self, at: usize) -> usize {
        self.punctuation(at, "(", self.glue == Glue::Loose, Glue::Tight)
    }

    /// A value, written as the next `$n`.
    pub(super) fn placeholder(&mut self) {
        self.values += 1;
        let number = format!("${}", self.values);
        self.spaced(&number);
        self.hash(&[VALUE]);
        self.glue = Glue::Loose;
    }

    /// A token as it stands.
    pub(super) fn word_at(&mut self, at: usize) -> usize {
        self.plain(at, Glue::Loose)
    }

    pub(super) fn fixed_word(&mut self, word: &str) {
        self.spaced(word);
        self.hash(word.as_bytes());
        self.glue = Glue::Loose;
    }

    fn plain(&mut self, at: usize, glue: Glue) -> usize {
        self.plain_as(at, self.cursor.text(at), glue)
    }

    fn plain_as(&mut self, at: usize, token: &str, glue: Glue) -> usize {
        self.spaced(token);
        self.hash(token.as_bytes());
        self.glue = glue;
        at + 1
    }

    fn spaced(&mut self, token: &str) {
        if self.glue != Glue::Tight {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }

    fn punctuation(&mut self, at: usize, token: &str, blank: bool, glue: Glue) -> usize {
        // `:` and `:` apart are no cast, and two dots apart no range.
        let merges = self.text.ends_with([':', '.']) && token.starts_with([':', '.', '=']);
        if merges || (blank && self.glue != Glue::Tight) {
            self.text.push(' ');
        }
        self.text.push_str(token);
        self.hash(token.as_bytes());
        self.glue = glue;
        at + 1
    }

    fn hash(&mut self, token: &[u8]) {
        self.key.extend_from_slice(token);
        self.key.push(SEPARATOR);
    }
}
