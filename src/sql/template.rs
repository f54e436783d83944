//! The fastest path: recognises a statement by what stands between its constants.
//!
//! A *template* is a skeleton taken apart into fixed text and holes. Comparing a statement with one costs a `memcmp` for
//! each piece of text and reads no byte but the constants one by one, where cutting the skeleton looks at all of them.
//! A statement fits only if cutting would yield the same skeleton: what cutting decides between two constants depends on
//! the text there, which is equal, and on how it touches the constants. So only those statements have a template whose
//! holes are plain constants between bytes that touch nothing; all others are cut as before.

use super::equal::equal;
use super::lexer::{self, Dialect};
use super::values::Values;

/// What may stand in a hole. Spellings beyond the plainest fit nowhere; such a statement is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// Digits.
    Integer,
    /// Digits, a dot, digits.
    Number,
    /// `'…'` without a letter before it.
    String,
    /// `$n`
    Parameter,
}

/// A constant in a statement and the place where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constant {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) hole: Hole,
}

/// Fixed text and the hole behind it.
#[derive(Debug)]
struct Piece {
    text: Box<[u8]>,
    hole: Hole,
    /// Whether it is all of an IN list, so that more constants of its kind may follow.
    repeats: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Template {
    /// The last bytes of the first piece of text, if it has as many: templates that begin alike differ there.
    tail: Option<[u8; TAIL]>,
    tail_at: usize,
    pieces: Box<[Piece]>,
    end: Box<[u8]>,
}

/// How much of a statement decides which templates it is compared with. No hole begins there that may hold many constants.
const HEAD: usize = 16;
const TAIL: usize = 8;
/// Longer statements are as fast to cut as they are rare.
const LONGEST: usize = 16 * 1024;

impl Template {
    /// The template of a statement with these constants; `None` if cutting looks at more than the constants and the text
    /// between them.
    pub(super) fn new(sql: &[u8], constants: &[Constant]) -> Option<Self> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut from = 0;
        for constant in constants {
            let text = &sql[from..constant.start];
            let apart = text.last().is_some_and(|&b| is_apart_before(b)) && sql.get(constant.end).is_none_or(|&b| is_apart_behind(b));
            let plain = match constant.hole {
                Hole::Integer => sql[constant.start].is_ascii_digit() && !may_be_position(text),
                Hole::Number => sql[constant.start].is_ascii_digit(),
                Hole::String => sql[constant.start] == b'\'',
                Hole::Parameter => true,
            };
            if !apart || !plain {
                return None;
            }
            from = constant.end;
            match pieces.last_mut() {
                Some(last) if last.repeats && last.hole == constant.hole && matches!(text, b"," | b", ") => {}
                _ => pieces.push(Piece { text: text.into(), hole: constant.hole, repeats: opens_list(text) }),
            }
        }
        let end: Box<[u8]> = sql[from..].into();
        let first = pieces.first().map_or(&end, |piece| &piece.text);
        let tail_at = first.len().saturating_sub(TAIL);
        let tail = first.last_chunk().copied();
        // `SELECT 1 AS one`, by which several libraries ask whether there is a row.
        let varies = |constant: &Constant| constant.start < HEAD && constant.end - constant.start > 1 && constant.hole != Hole::Parameter;
        let has_head = !constants.iter().any(varies);
        (has_head && sql.len() <= LONGEST).then_some(Template { tail, tail_at, pieces: pieces.into(), end })
    }

    /// A statement that fits, with `times` constants in each list that repeats.
    pub(super) fn example(&self, times: usize) -> Vec<u8> {
        let mut sql = Vec::new();
        for piece in &self.pieces {
            let constant: &[u8] = match piece.hole {
                Hole::Integer => b"00",
                Hole::Number => b"0.0",
                Hole::String => b"''",
                Hole::Parameter => b"$0",
            };
            sql.extend_from_slice(&piece.text);
            sql.extend_from_slice(constant);
            for _ in 1..if piece.repeats { times } else { 1 } {
                sql.extend_from_slice(b", ");
                sql.extend_from_slice(constant);
            }
        }
        sql.extend_from_slice(&self.end);
        sql
    }

    /// Whether more than one skeleton fits.
    pub(super) fn repeats(&self) -> bool {
        self.pieces.iter().any(|piece| piece.repeats)
    }

    fn size(&self) -> usize {
        self.pieces.iter().map(|piece| piece.text.len() + size_of::<Piece>()).sum::<usize>() + self.end.len() + size_of::<Self>()
    }

    /// Whether a statement fits; takes what is kept of its constants' values on the way.
    fn fits(&self, sql: &[u8], dialect: Dialect, values: &mut Values) -> bool {
        if let Some(tail) = &self.tail
            && let Some(found) = sql.get(self.tail_at..).and_then(|rest| rest.first_chunk::<TAIL>())
            && found != tail
        {
            return false;
        }
        let mut rest = sql;
        for piece in &self.pieces {
            let Some((text, constant)) = rest.split_at_checked(piece.text.len()) else { return false };
            if !equal(text, &piece.text) {
                return false;
            }
            let Some(behind) = piece.hole.skip(constant, dialect) else { return false };
            let mut take = |constant: &[u8], behind: &[u8]| {
                if piece.hole != Hole::Parameter {
                    values.constant(sql, sql.len() - constant.len(), sql.len() - behind.len());
                }
            };
            take(constant, behind);
            rest = behind;
            while piece.repeats
                && let [b',', next @ ..] = rest
            {
                let constant = next.strip_prefix(b" ").unwrap_or(next);
                let Some(behind) = piece.hole.skip(constant, dialect) else { return false };
                take(constant, behind);
                rest = behind;
            }
        }
        equal(rest, &self.end)
    }
}

impl Hole {
    /// What stands behind the constant that `text` begins with. Its end is sure only because a template goes on with a byte
    /// that is part of no constant.
    fn skip(self, text: &[u8], dialect: Dialect) -> Option<&[u8]> {
        match self {
            Hole::Integer => digits(text),
            Hole::Number => digits(digits(text)?.strip_prefix(b".")?),
            Hole::String if text.first() == Some(&b'\'') => text.get(lexer::end_of_string(text, 0, dialect.backslash_escapes())..),
            Hole::String => None,
            Hole::Parameter => digits(text.strip_prefix(b"$")?),
        }
    }
}

/// What stands behind the digits, at least one, that `text` begins with.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    while let Some(eight) = rest.first_chunk::<8>() {
        // A byte is a digit if it differs from `0` by less than ten; the high bit marks those that do not.
        let differences = u64::from_le_bytes(*eight) ^ 0x3030_3030_3030_3030;
        let others = (((differences & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676) | differences) & 0x8080_8080_8080_8080;
        let count = others.trailing_zeros() as usize / 8;
        rest = &rest[count..];
        if count < 8 {
            return (rest.len() < text.len()).then_some(rest);
        }
    }
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    rest = &rest[count..];
    (rest.len() < text.len()).then_some(rest)
}

/// Whether a byte before a constant is part of no constant, name or comment with it.
fn is_apart_before(byte: u8) -> bool {
    !lexer::continues_word(byte) && !matches!(byte, b'.' | b'&' | b'\'' | b'"')
}

/// Likewise behind it.
fn is_apart_behind(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\n' | b'\r' | b'\t' | b',' | b';' | b'(' | b')' | b'[' | b']' | b':' | b'+' | b'*' | b'%' | b'<' | b'>' | b'=' | b'|'
    )
}

/// Whether a short integer behind `text` would be kept, as in `ORDER BY 1`. One behind a comma is kept behind another only.
fn may_be_position(text: &[u8]) -> bool {
    text.trim_ascii_end().last().is_some_and(|b| matches!(b, b'y' | b'Y'))
}

/// Whether `text` ends where an IN list begins.
fn opens_list(text: &[u8]) -> bool {
    let Some(before) = text.strip_suffix(b"(") else { return false };
    matches!(before.trim_ascii_end(), [.., b' ' | b'\n' | b'\t', b'i' | b'I', b'n' | b'N'])
}

/// Templates by the beginning of their statements.
#[derive(Debug, Default)]
pub(super) struct Templates {
    buckets: Vec<Vec<(Template, u32)>>,
    bytes: usize,
    refused: usize,
}

const BUCKETS: usize = 1 << 10;
/// Statements that begin alike are compared with as many templates.
const WAYS: usize = 16;
const MOST_BYTES: usize = 4 << 20;
/// Where there are more, only every so many is remembered in the place of another, or all would always be replaced.
const REPLACED: usize = 16;

impl Templates {
    pub(super) fn clear(&mut self) {
        *self = Templates::default();
    }

    /// The slot of a statement that fits a template, and what is kept of its constants' values.
    pub(super) fn find(&self, sql: &[u8], dialect: Dialect, values: &mut Values) -> Option<u32> {
        let bucket = self.buckets.get(bucket(sql))?;
        let nothing = *values;
        let mut fits = |template: &Template| {
            *values = nothing;
            template.fits(sql, dialect, values)
        };
        bucket.iter().find(|(template, _)| fits(template)).map(|&(_, slot)| slot)
    }

    /// Whether there is room for the template of a statement that fits none.
    pub(super) fn has_room(&mut self, sql: &[u8]) -> bool {
        let full = self.buckets.get(bucket(sql)).is_some_and(|bucket| bucket.len() >= WAYS);
        self.refused += usize::from(full);
        !full || self.refused.is_multiple_of(REPLACED)
    }

    /// Remembers the template of `sql`.
    pub(super) fn insert(&mut self, sql: &[u8], template: Template, slot: u32) {
        if self.bytes > MOST_BYTES {
            self.clear();
        }
        if self.buckets.is_empty() {
            self.buckets.resize_with(BUCKETS, Vec::new);
        }
        let bucket = &mut self.buckets[bucket(sql)];
        self.bytes += template.size();
        if bucket.len() < WAYS {
            bucket.push((template, slot));
        } else {
            bucket[self.refused / REPLACED % WAYS] = (template, slot);
        }
    }
}

fn bucket(sql: &[u8]) -> usize {
    let head = sql.first_chunk::<HEAD>().copied().unwrap_or_else(|| {
        let mut head = [0; HEAD];
        head[..sql.len()].copy_from_slice(sql);
        head
    });
    let half = |half: &[u8]| half.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
    let mixed = half(&head[..8]).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32) ^ half(&head[8..]);
    usize::try_from(mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> (64 - BUCKETS.trailing_zeros())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELECT: &str = "select a, b, c from t where ";

    /// The template of `sql`, whose constants stand where `parts` are apart.
    fn template(parts: &[&str], constants: &[(&str, Hole)]) -> Option<Template> {
        let mut sql = SELECT.to_owned();
        let mut found = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            sql.push_str(part);
            if let Some((text, hole)) = constants.get(at) {
                found.push(Constant { start: sql.len(), end: sql.len() + text.len(), hole: *hole });
                sql.push_str(text);
            }
        }
        Template::new(sql.as_bytes(), &found)
    }

    fn fits(template: &Template, rest: &str) -> bool {
        template.fits(format!("{SELECT}{rest}").as_bytes(), Dialect::default(), &mut Values::default())
    }

    #[test]
    fn constants_of_one_kind_fit_and_others_do_not() {
        let found = template(&["x = ", " and y = ", ""], &[("1", Hole::Integer), ("'a'", Hole::String)]).expect("plain");
        assert!(fits(&found, "x = 1234567890123 and y = ''"));
        assert!(fits(&found, "x = 0 and y = 'it''s'"));
        assert!(!fits(&found, "x = 1.5 and y = 'a'"));
        assert!(!fits(&found, "x = 0x1f and y = 'a'"));
        assert!(!fits(&found, "x = $1 and y = 'a'"));
        assert!(!fits(&found, "x = 1 and y = E'a'"));
        assert!(!fits(&found, "x = 1 and y = 'a' limit 1"));
        assert!(!fits(&found, "x =  and y = 'a'"));
    }

    #[test]
    fn a_beginning_holds_a_constant_only_if_that_hardly_varies() {
        let of = |sql: &str, constant: &str, hole| {
            let start = sql.find(constant).expect("there");
            Template::new(sql.as_bytes(), &[Constant { start, end: start + constant.len(), hole }])
        };
        let one = of("SELECT 1 AS one FROM t", "1", Hole::Integer).expect("plain");
        let fits = |sql: &str| one.fits(sql.as_bytes(), Dialect::default(), &mut Values::default());
        assert!(fits("SELECT 1 AS one FROM t") && fits("SELECT 10 AS one FROM t"));
        assert!(!fits("SELECT a AS one FROM t") && !fits("SELECT 1 AS one FROM u") && !fits("SELECT "));
        assert!(of("CALL p(1234567, a, b, c)", "1234567", Hole::Integer).is_none());
        assert!(of("CALL p($12, a, b, c)", "$12", Hole::Parameter).is_some());
    }

    #[test]
    fn lists_have_any_length() {
        let found = template(&["x in (", ", ", ") and y = ", ""], &[("1", Hole::Integer), ("2", Hole::Integer), ("3", Hole::Integer)]);
        let found = found.expect("plain");
        assert!(found.repeats() && fits(&found, "x in (1) and y = 2") && fits(&found, "x in (1,2, 3) and y = 2"));
        assert!(!fits(&found, "x in () and y = 2") && !fits(&found, "x in (1, 'a') and y = 2") && !fits(&found, "x in (1,) and y = 2"));
        assert_eq!(found.example(2), format!("{SELECT}x in (00, 00) and y = 00").into_bytes());
    }

    #[test]
    fn constants_that_touch_something_have_no_template() {
        assert!(template(&["x = ", "and y"], &[("1", Hole::Integer)]).is_none());
        assert!(template(&["x = e", ""], &[("'a'", Hole::String)]).is_none());
        assert!(template(&["x = ", ""], &[("e'a'", Hole::String)]).is_none());
        assert!(template(&["x = ", ""], &[(".5", Hole::Number)]).is_none());
        assert!(template(&["true order by ", ""], &[("100", Hole::Integer)]).is_none());
    }

    #[test]
    fn digits_are_counted_eight_at_a_time() {
        for length in 1..20 {
            let text = format!("{}/: ", "0123456789".repeat(2).get(..length).expect("long enough"));
            assert_eq!(digits(text.as_bytes()), Some(b"/: ".as_slice()), "{text}");
            assert_eq!(digits(&text.as_bytes()[..length]), Some([].as_slice()));
        }
        assert_eq!((digits(b"/1234567"), digits(b":1234567"), digits(b"\xb01234567"), digits(b"")), (None, None, None, None));
    }
}
