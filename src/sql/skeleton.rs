//! The fast path: statements that differ in their values alone are normalised once.
//!
//! A *skeleton* is the statement's own bytes with every constant replaced by a fixed one and comments by a blank. Cutting it
//! out is several times cheaper than lexing, folding and hashing, and equal skeletons have equal fingerprints, with
//! one exception that [`Normalised`] reports: a number that is kept (`ORDER BY 1`). Those are normalised each time.
//! Skeletons are compared byte by byte, so the cache cannot confuse two statements.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::fingerprint::{Fingerprint, Normalised, Normaliser};
use super::lexer::{self, Class, Dialect};

/// A cache that has grown beyond these bounds is emptied; statements are met again and cost one normalisation each.
const MOST_ENTRIES: usize = 1 << 17;
const MOST_BYTES: usize = 64 << 20;

/// Marks a skeleton whose statements must be normalised one by one.
const UNCACHEABLE: u32 = u32::MAX;

/// The statements one worker has met, by text.
#[derive(Default)]
pub(crate) struct Cache {
    by_text: HashMap<Box<[u8]>, u32, RandomState>,
    by_skeleton: HashMap<Box<[u8]>, u32, RandomState>,
    by_fingerprint: HashMap<Fingerprint, u32, RandomState>,
    entries: Vec<Arc<Normalised>>,
    bytes: usize,
    normaliser: Normaliser,
    scratch: Skeleton,
}

impl Cache {
    /// Forgets everything once too much is known. Slots given out before are void afterwards.
    pub(crate) fn trim(&mut self) -> bool {
        let full = self.entries.len() > MOST_ENTRIES || self.bytes > MOST_BYTES;
        if full {
            self.by_text.clear();
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

    /// The slot of a statement, and where its comments stand in the text.
    pub(crate) fn slot(&mut self, sql: &[u8], dialect: Dialect, prepared: bool) -> (u32, &[Range<usize>]) {
        // A prepared statement comes back with the very same text; one with literals hardly ever does.
        if prepared && let Some(&slot) = self.by_text.get(sql) {
            return (slot, &[]);
        }
        self.scratch.cut(sql, dialect);
        let slot = match self.by_skeleton.get(self.scratch.bytes.as_slice()) {
            Some(&slot) if slot != UNCACHEABLE => slot,
            known => {
                let known = known.is_some();
                self.normalise(sql, dialect, known)
            }
        };
        if prepared && self.scratch.is_verbatim {
            self.bytes += sql.len();
            self.by_text.insert(sql.into(), slot);
        }
        (slot, &self.scratch.comments)
    }

    fn normalise(&mut self, sql: &[u8], dialect: Dialect, known: bool) -> u32 {
        let normalised = self.normaliser.normalise(sql, dialect);
        let cacheable = !normalised.keeps_numbers;
        self.scratch.is_verbatim &= cacheable;
        let slot = match self.by_fingerprint.get(&normalised.fingerprint) {
            // The text may differ in what does not count (AS); the smaller one stands for both, whichever came first.
            Some(&slot) if self.entries[slot as usize].text <= normalised.text => slot,
            _ => self.push(normalised),
        };
        if !known {
            self.bytes += self.scratch.bytes.len();
            self.by_skeleton.insert(self.scratch.bytes.as_slice().into(), if cacheable { slot } else { UNCACHEABLE });
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
    /// Whether nothing but parameters was replaced, so that the text itself may be a key.
    is_verbatim: bool,
}

impl Skeleton {
    fn cut(&mut self, sql: &[u8], dialect: Dialect) {
        self.bytes.clear();
        self.comments.clear();
        self.is_verbatim = true;
        let mut from = 0;
        let mut at = 0;
        while let Some(&byte) = sql.get(at) {
            let (end, instead): (usize, &[u8]) = match lexer::class(byte) {
                Class::Letter => {
                    let end = lexer::end_of_word(sql, at);
                    match sql.get(end) {
                        Some(b'\'') => match lexer::string_prefix(&sql[at..end], Some(b'\''), dialect) {
                            Some(backslash) => (lexer::end_of_string(sql, end, backslash), b"''"),
                            None => {
                                at = end;
                                continue;
                            }
                        },
                        Some(b'&') if matches!(&sql[at..end], b"U" | b"u") => match sql.get(end + 1) {
                            Some(b'\'') => (lexer::end_of_string(sql, end + 1, false), b"''"),
                            _ => {
                                at = end + 1;
                                continue;
                            }
                        },
                        _ => {
                            at = end;
                            continue;
                        }
                    }
                }
                Class::Quote => (lexer::end_of_string(sql, at, dialect.backslash_escapes()), b"''"),
                Class::Digit => number(sql, at),
                Class::Dot if sql.get(at + 1).is_some_and(u8::is_ascii_digit) => number(sql, at),
                Class::DoubleQuote => {
                    at = lexer::end_of_quoted(sql, at + 1, b'"');
                    continue;
                }
                Class::Dollar => match self.dollar(sql, at) {
                    Some(replaced) => replaced,
                    None => {
                        at += 1;
                        continue;
                    }
                },
                Class::Operator if matches!(byte, b'-' | b'/') && lexer::opens_comment(sql, at) => {
                    let end = lexer::end_of_comment(sql, at);
                    self.comments.push(at..end);
                    (end, if &sql[at..end] == b"/*(...)*/" { b"/*(...)*/" } else { b" " })
                }
                // `..` is an operator, so its second dot begins no number.
                Class::Dot if sql.get(at + 1) == Some(&b'.') => {
                    at += 2;
                    continue;
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            self.bytes.extend_from_slice(&sql[from..at]);
            self.bytes.extend_from_slice(instead);
            self.is_verbatim &= byte == b'$' && instead == b"$0";
            (from, at) = (end, end);
        }
        self.bytes.extend_from_slice(&sql[from..]);
    }

    fn dollar(&mut self, sql: &[u8], at: usize) -> Option<(usize, &'static [u8])> {
        if sql.get(at + 1).is_some_and(u8::is_ascii_digit) {
            let digits = sql[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            return Some((at + 1 + digits, b"$0"));
        }
        Some((lexer::end_of_dollar_string(sql, at)?, b"''"))
    }
}

/// Integers and other numbers stay apart, because only an integer can be a position.
fn number(sql: &[u8], at: usize) -> (usize, &'static [u8]) {
    let end = lexer::end_of_number(sql, at);
    let integer = sql[at..end].iter().all(u8::is_ascii_digit);
    (end, if integer { b"0" } else { b"0.0" })
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
    fn constants_are_replaced_and_names_are_not() {
        assert_eq!(skeleton("select a1, 'x''y', E'\\'', 1.5, .5, 12 from \"T 1\" where b=$12 -- c\n"), "select a1, '', '', 0.0, 0.0, 0 from \"T 1\" where b=$0  \n");
    }

    #[test]
    fn a_kept_number_is_looked_at_each_time() {
        let mut cache = Cache::default();
        let mut id = |sql: &str| {
            let slot = cache.slot(sql.as_bytes(), Dialect::default(), false).0;
            cache.entry(slot).fingerprint
        };
        let (one, two) = (id("select a, b from t order by 1"), id("select a, b from t order by 2"));
        assert_ne!(one, two);
        assert_eq!(one, id("select a, b from t order by 1"));
    }

    /// Pieces that meet each other in awkward ways.
    fn sql() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "select ", "a", "b1", "'x'", "'it''s'", "E'\\''", "\"q\"", "1", "2.5", ".5", "1..2", "$1", "$t$x$t$", "$", "-", "--c\n", "/*k*/", "/*(...)*/", "*",
            "/", " ", "\n", ",", "(", ")", "in (", "order by ", "=", "::numeric(10,2)", "U&'x'", "e", "'", "\"", "values (1),(2)", "limit ", "null", "\\", "é", "U&", "..",
        ]);
        prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// Whatever came before, the cache answers what normalising alone answers.
        #[test]
        fn the_cache_never_changes_an_answer(statements in prop::collection::vec(sql(), 1..12), prepared: bool) {
            let mut cache = Cache::default();
            for sql in &statements {
                let expected = normalise(sql.as_bytes(), Dialect::default());
                let slot = cache.slot(sql.as_bytes(), Dialect::default(), prepared).0;
                prop_assert_eq!(cache.entry(slot).fingerprint, expected.fingerprint, "{}", sql);
            }
        }
    }
}
