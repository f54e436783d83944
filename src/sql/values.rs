//! What is kept of one execution's values: enough to tell whether another execution had the same ones, and how many there
//! were, but no value itself.
//!
//! Values are the constants of the text and the bound parameters. What stands behind LIMIT and OFFSET is no key, so it is
//! left out of the hash and told apart. Nothing here allocates, as it runs once per execution.

use super::parameters;

/// The values of one execution; see the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// A hash of all but LIMIT and OFFSET.
    pub hash: u32,
    /// The number behind LIMIT, or 0.
    pub limit: u16,
    /// How many values there were, and the marks below.
    bits: u16,
}

/// One value is an array of several elements.
const LIST: u16 = 1 << 15;
/// OFFSET was not 0.
const PAGED: u16 = 1 << 14;
/// The parameters are known.
const BOUND: u16 = 1 << 13;
/// OFFSET was [`DEEP_PAGE`] or more.
const DEEP: u16 = 1 << 12;
const COUNT: u16 = DEEP - 1;

/// From so many rows on that OFFSET skips, it is worth telling.
pub const DEEP_PAGE: u64 = 1_000;

/// The clause a value belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    Limit,
    Offset,
    Other,
}

impl Values {
    /// Of executions whose values nobody asks for: nothing is kept.
    pub const IGNORED: Values = Values { hash: 0, limit: 0, bits: u16::MAX };

    #[inline]
    fn is_ignored(self) -> bool {
        self.bits == u16::MAX
    }

    /// How many values there were; more than fit count as very many.
    #[must_use]
    #[inline]
    pub fn count(self) -> u32 {
        u32::from(self.bits & COUNT)
    }

    /// Whether one value is an array of several elements.
    #[must_use]
    pub fn has_list(self) -> bool {
        self.bits & LIST != 0
    }

    /// Whether it begins behind the first row.
    #[must_use]
    pub fn is_paged(self) -> bool {
        self.bits & PAGED != 0
    }

    /// Whether it begins behind [`DEEP_PAGE`] rows or more.
    #[must_use]
    #[inline]
    pub fn is_deep(self) -> bool {
        self.bits & DEEP != 0 && !self.is_ignored()
    }

    /// Whether bound parameters were logged.
    #[must_use]
    pub fn is_bound(self) -> bool {
        self.bits & BOUND != 0
    }

    /// Takes the constant at a place of a statement.
    #[inline]
    pub(crate) fn constant(&mut self, sql: &[u8], start: usize, end: usize) {
        if !self.is_ignored() {
            self.value(&sql[start..end], clause_before(&sql[..start]));
        }
    }

    /// Takes the parameters of a DETAIL, if it has any, which a statement refers to; `ending` is what was found of one like it.
    pub(crate) fn parameters(&mut self, sql: &[u8], detail: &[u8], ending: &mut Ending) {
        if self.is_ignored() {
            return;
        }
        let Some(mut rest) = parameters::behind_introduction(detail) else { return };
        let (limit, offset) = ending.clauses(sql);
        let mut number = 0;
        while let Some((value, behind)) = parameters::next(rest) {
            self.bits |= BOUND;
            rest = behind;
            number += 1;
            let clause = match number {
                n if n == limit => Clause::Limit,
                n if n == offset => Clause::Offset,
                _ => Clause::Other,
            };
            self.value(value.unwrap_or(b"\0"), clause);
        }
    }

    fn value(&mut self, value: &[u8], clause: Clause) {
        if self.bits & COUNT < COUNT {
            self.bits += 1;
        }
        match clause {
            Clause::Other => {
                self.hash = mixed(self.hash, value);
                let is_array = matches!(value, [b'{', ..] | [b'\'', b'{', ..]) && memchr::memchr(b',', value).is_some();
                self.bits |= if is_array { LIST } else { 0 };
            }
            Clause::Limit => {
                let number = value.iter().take(5).fold(0, |n: u32, b| if b.is_ascii_digit() { n * 10 + u32::from(b - b'0') } else { n });
                self.limit = u16::try_from(number).unwrap_or(u16::MAX);
            }
            Clause::Offset => {
                let digits = value.iter().skip_while(|&&b| b == b'0');
                self.bits |= match digits.take_while(|b| b.is_ascii_digit()).count() {
                    0 => 0,
                    1..=3 => PAGED,
                    _ => PAGED | DEEP,
                };
            }
        }
    }
}

/// A hash of one value, which is not told from it: whoever guesses the value gets the same.
pub(crate) fn hashed(value: &[u8]) -> u32 {
    mixed(0, value)
}

/// A hash of a value on top of those before it. Most are a few bytes, for which a hasher's set-up would cost more than they.
#[inline]
fn mixed(hash: u32, value: &[u8]) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(ODD);
        product ^ (product >> 32)
    };
    let mut hash = mix(u64::from(hash), value.len() as u64);
    let (words, rest) = value.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    u32::try_from(mix(hash, big_endian(rest)) >> 32).unwrap_or(0)
}

/// Fewer than eight bytes as a number. Chunks that overlap take no turn for each byte.
#[inline]
fn big_endian(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let behind = 8 * (bytes.len() - 4);
            u64::from(u32::from_be_bytes(*first)) << behind | u64::from(u32::from_be_bytes(*last))
        }
        _ => bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)),
    }
}

/// The clause that a text ends in the first word of.
#[inline]
fn clause_before(text: &[u8]) -> Clause {
    match text {
        [before @ .., b't' | b'T', b' '] => {
            let ends = |word: &[u8]| before.len() >= word.len() && before[before.len() - word.len()..].eq_ignore_ascii_case(word);
            if ends(b"limi") {
                Clause::Limit
            } else if ends(b"offse") {
                Clause::Offset
            } else {
                Clause::Other
            }
        }
        _ => Clause::Other,
    }
}

/// How much of a statement's end is searched for numbers of LIMIT and OFFSET.
const TAIL: usize = 64;
/// As much, with the word before the first number.
const ENDING: usize = TAIL + b"offset ".len();

/// What was found at the end of the last of some statements, which mostly is that of the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// A text of zeros has no clauses.
    text: [u8; ENDING],
    clauses: (u32, u32),
}

impl Default for Ending {
    fn default() -> Self {
        Ending { text: [0; ENDING], clauses: (0, 0) }
    }
}

impl Ending {
    /// See [`clauses_at_end`].
    fn clauses(&mut self, sql: &[u8]) -> (u32, u32) {
        match sql.last_chunk::<ENDING>() {
            Some(end) if *end == self.text => self.clauses,
            Some(end) => {
                *self = Ending { text: *end, clauses: clauses_at_end(end) };
                self.clauses
            }
            None => clauses_at_end(sql),
        }
    }
}

/// The numbers of the parameters behind the last LIMIT and OFFSET; 0 for none.
fn clauses_at_end(sql: &[u8]) -> (u32, u32) {
    let from = sql.len().saturating_sub(TAIL);
    let (mut limit, mut offset) = (0, 0);
    for dollar in memchr::memchr_iter(b'$', &sql[from..]) {
        let at = from + dollar;
        let number = || sql[at + 1..].iter().take_while(|b| b.is_ascii_digit()).take(5).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        match clause_before(&sql[..at]) {
            Clause::Limit => limit = number(),
            Clause::Offset => offset = number(),
            Clause::Other => {}
        }
    }
    (limit, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(sql: &str, detail: &str) -> Values {
        let mut values = Values::default();
        values.parameters(sql.as_bytes(), detail.as_bytes(), &mut Ending::default());
        values
    }

    #[test]
    fn bytes_make_the_same_number_however_many_there_are() {
        for length in 0..8 {
            let bytes = &[0xf1, 2, 0xf3, 4, 0xf5, 6, 0xf7][..length.min(7)];
            assert_eq!(big_endian(bytes), bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)));
        }
    }

    #[test]
    fn an_ending_is_remembered_and_another_is_not_taken_for_it() {
        let mut ending = Ending::default();
        let sql = |end: &str| format!("SELECT {} FROM t WHERE a = $1 {end}", "a_column, ".repeat(8));
        let clauses = [("LIMIT $2 OFFSET $3", (2, 3)), ("LIMIT $2 OFFSET $3", (2, 3)), ("LIMIT $3 OFFSET $2", (3, 2)), ("", (0, 0))];
        for (end, expected) in clauses {
            assert_eq!(ending.clauses(sql(end).as_bytes()), expected, "{end}");
        }
        assert_eq!((ending.clauses(b"LIMIT $1"), ending.clauses(b"")), ((1, 0), (0, 0)));
        // Wherever the clauses stand, the same is found as without a memory.
        for behind in 0..80 {
            for clause in ["limit $2", "offset $3", "limit $2 offset $3"] {
                let sql = sql(&format!("{clause}{}", "-".repeat(behind)));
                let expected = clauses_at_end(sql.as_bytes());
                assert_eq!([0, 1].map(|_| ending.clauses(sql.as_bytes())), [expected; 2], "{sql}");
            }
        }
    }

    #[test]
    fn limit_and_offset_are_no_keys() {
        let sql = "SELECT * FROM t WHERE a = $1 LIMIT $2 OFFSET $3";
        let one = bound(sql, "parameters: $1 = '7', $2 = '10', $3 = '0'");
        let two = bound(sql, "parameters: $1 = '7', $2 = '25', $3 = '40'");
        assert_eq!((one.hash, one.limit, one.count(), one.is_paged()), (two.hash, 10, 3, false));
        assert!(two.limit == 25 && two.is_paged() && two.is_bound());
        let is_deep = |offset: &str| bound(sql, &format!("parameters: $1 = '7', $2 = '25', $3 = '{offset}'")).is_deep();
        assert!(is_deep("1000") && is_deep("250000") && !is_deep("999") && !is_deep("0"));
        assert_ne!(bound(sql, "parameters: $1 = '8', $2 = '10', $3 = '0'").hash, one.hash);
    }

    #[test]
    fn arrays_of_several_elements_are_told() {
        assert!(bound("SELECT * FROM t WHERE a = ANY($1)", "parameters: $1 = '{1,2}'").has_list());
        assert!(!bound("SELECT * FROM t WHERE a = ANY($1)", "parameters: $1 = '{1}'").has_list());
    }

    #[test]
    fn constants_count_as_parameters_do() {
        let sql = b"SELECT 1 FROM t WHERE a = 'x' limit 21";
        let mut values = Values::default();
        values.constant(sql, 7, 8);
        values.constant(sql, 26, 29);
        values.constant(sql, 36, 38);
        assert_eq!((values.count(), values.limit, values.is_bound()), (3, 21, false));
    }
}
