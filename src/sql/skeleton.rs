//! The fast path: statements that differ in their values alone are normalised once.
//!
//! A *skeleton* is the statement's own bytes with every constant replaced by a fixed one and comments by a blank. Cutting it
//! out is several times cheaper than lexing, folding and hashing, and equal skeletons have equal fingerprints. The exception
//! is a number that is kept (`ORDER BY 1`): such numbers stay in the skeleton where they are easily told, and where they are
//! not, the skeleton and its statement turn out to have different fingerprints, and each statement is normalised by itself.
//! Skeletons are compared byte by byte, so the cache cannot confuse two statements.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::fingerprint::{Fingerprint, Normalised, Normaliser};
use super::lexer::{self, Class, Dialect};
use super::places;
use super::template::{Constant, Hole, Template, Templates};
use super::values::Values;

/// A cache that has grown beyond these bounds is emptied; statements are met again and cost one normalisation each.
const MOST_ENTRIES: usize = 1 << 17;
const MOST_BYTES: usize = 64 << 20;

/// A longer skeleton is not remembered: such a statement hardly ever comes twice, and lexing it twice to find out costs more.
const LONGEST: usize = 1 << 20;

/// What is known of a skeleton.
#[derive(Clone, Copy)]
struct Known {
    /// `None` if its statements must be normalised one by one.
    slot: Option<u32>,
    /// Whether its statements may have a template.
    plain: bool,
}

/// The statements one worker has met, by text.
#[derive(Default)]
pub(crate) struct Cache {
    templates: Templates,
    by_skeleton: HashMap<Box<[u8]>, Known, RandomState>,
    by_fingerprint: HashMap<Fingerprint, u32, RandomState>,
    entries: Vec<Arc<Normalised>>,
    bytes: usize,
    normaliser: Normaliser,
    scratch: Skeleton,
    /// What is kept of a statement without constants.
    nothing: Values,
}

impl Cache {
    /// A cache that keeps nothing of values, which costs less.
    pub(crate) fn ignoring_values(self) -> Self {
        Cache { nothing: Values::IGNORED, ..self }
    }

    /// Forgets everything once too much is known. Slots given out before are void afterwards.
    pub(crate) fn trim(&mut self) -> bool {
        if self.scratch.bytes.capacity() > LONGEST {
            self.scratch = Skeleton::default();
        }
        let full = self.entries.len() > MOST_ENTRIES || self.bytes > MOST_BYTES;
        if full {
            self.templates.clear();
            self.by_skeleton.clear();
            self.by_fingerprint.clear();
            self.entries.clear();
            self.bytes = 0;
        }
        full
    }

    pub(crate) fn entry(&self, slot: u32) -> &Arc<Normalised> {
        &self.entries[slot as usize]
    }

    /// The constants of the statement whose slot was asked for last.
    pub(crate) fn constants(&self) -> Values {
        self.scratch.values
    }

    /// Where the constants and the parameters of a statement stand, but for numbers that are kept; with words that are values
    /// where there are fewer than `count`.
    pub(crate) fn places(&mut self, sql: &[u8], dialect: Dialect, count: usize) -> Vec<Range<usize>> {
        self.scratch.cut(sql, dialect);
        let constants = self.scratch.constants.iter().map(|constant| constant.start..constant.end);
        if constants.len() < count { places::with_words(sql, constants, dialect) } else { constants.collect() }
    }

    /// The slot of a statement, and where its comments stand in the text.
    pub(crate) fn slot(&mut self, sql: &[u8], dialect: Dialect) -> (u32, &[Range<usize>]) {
        self.scratch.values = self.nothing;
        if let Some(slot) = self.templates.find(sql, dialect, &mut self.scratch.values) {
            return (slot, &[]);
        }
        self.scratch.values = self.nothing;
        self.scratch.cut(sql, dialect);
        let known = self.by_skeleton.get(self.scratch.bytes.as_slice()).copied();
        let slot = match known {
            Some(Known { slot: Some(slot), plain }) => {
                if plain && self.templates.has_room(sql) {
                    self.remember(sql, dialect, slot);
                }
                slot
            }
            _ => self.normalise(sql, dialect, known.is_some() || self.scratch.bytes.len() > LONGEST),
        };
        (slot, &self.scratch.comments)
    }

    /// Remembers the template of the statement just cut, which came back.
    fn remember(&mut self, sql: &[u8], dialect: Dialect, slot: u32) {
        let template = Some(&self.scratch).filter(|s| !s.keeps).and_then(|s| Template::new(sql, &s.constants)).filter(|template| {
            // Where a list is folded, any number of constants comes to the same.
            let fingerprint = self.entries[slot as usize].fingerprint;
            let mut folds = |times: usize| self.normaliser.normalise(&template.example(times), dialect).fingerprint == fingerprint;
            !template.repeats() || (folds(1) && folds(2))
        });
        match template {
            Some(template) => self.templates.insert(sql, template, slot),
            None => {
                if let Some(known) = self.by_skeleton.get_mut(self.scratch.bytes.as_slice()) {
                    known.plain = false;
                }
            }
        }
    }

    fn normalise(&mut self, sql: &[u8], dialect: Dialect, known: bool) -> u32 {
        let normalised = self.normaliser.normalise(sql, dialect);
        let slot = match self.by_fingerprint.get(&normalised.fingerprint) {
            // The text may differ in what does not count (AS); the smaller one stands for both, whichever came first.
            Some(&slot) if self.entries[slot as usize].text <= normalised.text => slot,
            _ => self.push(normalised),
        };
        if !known {
            // If the constants do not matter here, they matter in no statement with this skeleton.
            let of_skeleton = self.normaliser.normalise(&self.scratch.bytes, dialect).fingerprint;
            let cacheable = of_skeleton == self.entries[slot as usize].fingerprint;
            self.bytes += self.scratch.bytes.len();
            let known = Known { slot: cacheable.then_some(slot), plain: true };
            self.by_skeleton.insert(self.scratch.bytes.as_slice().into(), known);
        }
        slot
    }

    fn push(&mut self, normalised: Normalised) -> u32 {
        let slot = u32::try_from(self.entries.len()).expect("trimmed long before");
        self.bytes += normalised.text.len();
        self.by_fingerprint.insert(normalised.fingerprint, slot);
        self.entries.push(Arc::new(normalised));
        slot
    }
}

/// A statement with fixed constants; see the module.
#[derive(Default)]
struct Skeleton {
    bytes: Vec<u8>,
    comments: Vec<Range<usize>>,
    constants: Vec<Constant>,
    /// Whether there is more to it than text and constants: comments, or numbers that were kept.
    keeps: bool,
    /// What is kept of the constants' values.
    values: Values,
}

/// Bytes at which something may have to be replaced or skipped; between them everything is copied.
const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    let stops = b"0123456789'\"$-/";
    let mut at = 0;
    while at < stops.len() {
        table[stops[at] as usize] = true;
        at += 1;
    }
    table
};

/// No position in a list is written so, which tells a number that matters from one that does not.
const INTEGER: &[u8] = b"00";
/// Integers and other numbers stay apart, because only an integer can be a position.
const NUMBER: &[u8] = b"0.0";
const STRING: &[u8] = b"''";
const PARAMETER: &[u8] = b"$0";

/// What stands at a stop.
enum Found {
    /// Nothing to replace; go on behind it.
    Copy { end: usize },
    /// A constant or comment from `start` on, and what stands for it.
    Replace { start: usize, end: usize, with: &'static [u8] },
}

impl Skeleton {
    fn cut(&mut self, sql: &[u8], dialect: Dialect) {
        self.bytes.clear();
        self.comments.clear();
        self.constants.clear();
        self.keeps = false;
        let mut copied = 0;
        let mut at = 0;
        let mut positions = 0;
        while let Some(stop) = sql[at..].iter().position(|&b| STOPS[usize::from(b)]) {
            match found(sql, at + stop, copied, dialect) {
                Found::Copy { end } => at = end,
                Found::Replace { start, end, with } if with == INTEGER && end - start < 3 && is_position(sql, start, positions) => {
                    if sql[start..end] == *INTEGER {
                        // Who writes a position like this is not taken for all who write something else there.
                        self.bytes.extend_from_slice(&sql[copied..start]);
                        self.bytes.extend_from_slice(b"00.");
                        copied = end;
                    }
                    (at, positions) = (end, end);
                    self.keeps = true;
                }
                Found::Replace { start, end, with } => {
                    if matches!(sql[start], b'-' | b'/') {
                        self.comments.push(start..end);
                    } else if with != PARAMETER {
                        self.values.constant(sql, start, end);
                    }
                    match hole(with) {
                        Some(hole) => self.constants.push(Constant { start, end, hole }),
                        None => self.keeps = true,
                    }
                    self.bytes.extend_from_slice(&sql[copied..start]);
                    self.bytes.extend_from_slice(with);
                    (at, copied) = (end, end);
                }
            }
        }
        self.bytes.extend_from_slice(&sql[copied..]);
    }
}

/// The hole that something replaced leaves; a comment leaves none.
fn hole(with: &[u8]) -> Option<Hole> {
    match with {
        INTEGER => Some(Hole::Integer),
        NUMBER => Some(Hole::Number),
        STRING => Some(Hole::String),
        PARAMETER => Some(Hole::Parameter),
        _ => None,
    }
}

/// Decides what stands at a stop. `copied` is where the last replaced thing ended: nothing before it may be looked at.
fn found(sql: &[u8], at: usize, copied: usize, dialect: Dialect) -> Found {
    let before = |back: usize| at.checked_sub(back).filter(|&at| at >= copied).map(|at| sql[at]);
    let in_word = |back: usize| before(back).is_some_and(lexer::continues_word);
    match sql[at] {
        b'\'' => string(sql, at, copied, dialect),
        b'"' => Found::Copy { end: lexer::end_of_quoted(sql, at + 1, b'"') },
        // A digit inside a name, or a `$` there.
        b'0'..=b'9' | b'$' if in_word(1) && is_word_start(sql, at, copied) => Found::Copy { end: lexer::end_of_word(sql, at) },
        b'$' => match dollar(sql, at) {
            Some((end, with)) => Found::Replace { start: at, end, with },
            None => Found::Copy { end: at + 1 },
        },
        b'0'..=b'9' => {
            // An odd dot before the digits is the number's; two are an operator.
            let dots = (1..).take_while(|&back| before(back) == Some(b'.')).count();
            let start = at - dots % 2;
            let end = lexer::end_of_number(sql, start);
            let integer = sql[start..end].iter().all(u8::is_ascii_digit);
            Found::Replace { start, end, with: if integer { INTEGER } else { NUMBER } }
        }
        _ if lexer::opens_comment(sql, at) => {
            let end = lexer::end_of_comment(sql, at);
            let marker: &[u8] = b"/*(...)*/";
            Found::Replace { start: at, end, with: if &sql[at..end] == marker { b"/*(...)*/" } else { b" " } }
        }
        _ => Found::Copy { end: at + 1 },
    }
}

/// Whether the run of word characters before `at` begins with a letter, so that it is a name and not a `$` on its own.
fn is_word_start(sql: &[u8], at: usize, copied: usize) -> bool {
    let length = sql[copied..at].iter().rev().take_while(|&&b| lexer::continues_word(b)).count();
    sql[at - length..at].first().is_some_and(|&b| lexer::class(b) == Class::Letter)
}

/// A string and the letter before it that says how its escapes work.
fn string(sql: &[u8], at: usize, copied: usize, dialect: Dialect) -> Found {
    let word = sql[copied..at].iter().rev().take_while(|&&b| lexer::continues_word(b)).count();
    let (start, backslash) = match lexer::string_prefix(&sql[at - word..at], Some(b'\''), dialect) {
        Some(backslash) => (at - word, backslash),
        None if ends_in_unicode_prefix(&sql[copied..at]) => (at - 2, false),
        None => (at, dialect.backslash_escapes()),
    };
    Found::Replace { start, end: lexer::end_of_string(sql, at, backslash), with: STRING }
}

/// `U&` that is no part of a longer name.
fn ends_in_unicode_prefix(text: &[u8]) -> bool {
    match text {
        [before @ .., b'U' | b'u', b'&'] => !before.last().is_some_and(|&b| lexer::continues_word(b)),
        _ => false,
    }
}

fn dollar(sql: &[u8], at: usize) -> Option<(usize, &'static [u8])> {
    if sql.get(at + 1).is_some_and(u8::is_ascii_digit) {
        let digits = sql[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        return Some((at + 1 + digits, PARAMETER));
    }
    Some((lexer::end_of_dollar_string(sql, at)?, STRING))
}

/// Whether an integer may be a position: behind `by`, or behind a comma and another position that ended at `last`.
fn is_position(sql: &[u8], at: usize, last: usize) -> bool {
    let before = sql[..at].trim_ascii_end();
    match before {
        [head @ .., b','] => last > 0 && head.trim_ascii_end().len() == last,
        [.., b'b' | b'B', b'y' | b'Y'] => before.len() < at,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::normalise;
    use super::*;
    use proptest::prelude::*;

    fn skeleton(sql: &str) -> String {
        let mut skeleton = Skeleton::default();
        skeleton.cut(sql.as_bytes(), Dialect::default());
        String::from_utf8(skeleton.bytes).expect("was text")
    }

    #[test]
    fn a_position_that_looks_like_what_stands_for_constants_is_none() {
        let texts = ["select a from t order by 00", "select a from t order by 123", "select a from t order by 124"];
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
            let mut cache = Cache::default();
            for at in order {
                let (slot, _) = cache.slot(texts[at].as_bytes(), Dialect::default());
                let expected = normalise(texts[at].as_bytes(), Dialect::default()).fingerprint;
                assert_eq!(cache.entry(slot).fingerprint, expected, "{} in {order:?}", texts[at]);
            }
        }
    }

    #[test]
    fn constants_are_replaced_and_names_are_not() {
        assert_eq!(
            skeleton("select a1, 'x''y', E'\\'', 1.5, .5, 12 from \"T 1\" where b=$12 -- c\n"),
            "select a1, '', '', 0.0, 0.0, 00 from \"T 1\" where b=$0  \n"
        );
    }

    #[test]
    fn a_kept_number_is_looked_at_each_time() {
        let mut cache = Cache::default();
        let mut id = |sql: &str| {
            let slot = cache.slot(sql.as_bytes(), Dialect::default()).0;
            cache.entry(slot).fingerprint
        };
        let (one, two) = (id("select a, b from t order by 1"), id("select a, b from t order by 2"));
        assert_ne!(one, two);
        assert_eq!(one, id("select a, b from t order by 1"));
    }

    /// Pieces that meet each other in awkward ways.
    fn sql() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "select ",
            "a",
            "b1",
            "'x'",
            "'it''s'",
            "E'\\''",
            "\"q\"",
            "1",
            "2.5",
            ".5",
            "1..2",
            "$1",
            "$t$x$t$",
            "$",
            "-",
            "--c\n",
            "/*k*/",
            "/*(...)*/",
            "*",
            "/",
            " ",
            "\n",
            ",",
            "(",
            ")",
            "in (",
            "order by ",
            "=",
            "::numeric(10,2)",
            "U&'x'",
            "e",
            "'",
            "\"",
            "values (1),(2)",
            "limit ",
            "null",
            "\\",
            "é",
            "U&",
            "..",
        ]);
        // Statements that begin alike are compared with each other's templates.
        let head = prop::sample::select(vec!["", "", "select a, b from t where ", "insert into t (a) values "]);
        (head, prop::collection::vec(piece, 0..14)).prop_map(|(head, pieces)| head.to_owned() + &pieces.concat())
    }

    /// Many statements made of the same few pieces of text with a constant behind each.
    fn alike() -> impl Strategy<Value = Vec<String>> {
        let text = prop::sample::select(vec![
            " x = ",
            " y in (",
            ", ",
            ",",
            ") and z = ",
            " in(",
            " order by ",
            " group by a, ",
            "(",
            ") ",
            " limit ",
            " - ",
            "-",
            "/",
            "\"q\"",
            " e",
            "$",
            ".",
            " /* c */ ",
            " ::",
            " extract(",
            " values (",
            "), (",
            "\n",
            ";",
        ]);
        let constant = prop::sample::select(vec![
            "1", "23", "456", "1.5", "'a'", "'b''c'", "''", "$1", "$22", ".5", "1e5", "0x1f", "1_0", "e'x'", "$$d$$", "null", "''\n''",
        ]);
        prop::collection::vec(text, 1..6).prop_flat_map(move |texts| {
            let statement = prop::collection::vec(constant.clone(), texts.len()).prop_map(move |constants| {
                let pieces = texts.iter().zip(constants).map(|(text, constant)| format!("{text}{constant}"));
                "select a, b from t where ".to_owned() + &pieces.collect::<String>()
            });
            prop::collection::vec(statement, 2..12)
        })
    }

    proptest! {
        /// Statements with the same text between their constants, and constants of all kinds.
        #[test]
        fn templates_never_change_an_answer(statements in alike()) {
            let mut cache = Cache::default();
            for sql in statements.iter().chain(&statements) {
                let expected = normalise(sql.as_bytes(), Dialect::default());
                let slot = cache.slot(sql.as_bytes(), Dialect::default()).0;
                prop_assert_eq!(cache.entry(slot).fingerprint, expected.fingerprint, "{}", sql);
            }
        }

        /// Whatever came before, the cache answers what normalising alone answers.
        #[test]
        fn the_cache_never_changes_an_answer(statements in prop::collection::vec(sql(), 1..12)) {
            let mut cache = Cache::default();
            // A statement gets its template when it comes back.
            for sql in statements.iter().chain(&statements).chain(&statements) {
                let expected = normalise(sql.as_bytes(), Dialect::default());
                let slot = cache.slot(sql.as_bytes(), Dialect::default()).0;
                prop_assert_eq!(cache.entry(slot).fingerprint, expected.fingerprint, "{}", sql);
            }
        }
    }
}
