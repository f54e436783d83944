//! Numbers that no count can be.
//!
//! Whoever adds up counts relies on them being small. So a number of more digits than a count ever has stands in quotes, and
//! is refused outside of them. See `units::wide`.

use std::io;

use serde_json::ser::Formatter;

/// Numbers from here on stand in quotes: a hundred million million.
const LARGE: u64 = 100_000_000_000_000;
/// So many digits have the numbers below.
const DIGITS: usize = 14;

/// Writes JSON without blanks, large whole numbers in quotes.
pub(super) struct Quoting;

impl Formatter for Quoting {
    fn write_u64<W: ?Sized + io::Write>(&mut self, to: &mut W, value: u64) -> io::Result<()> {
        if value < LARGE { write!(to, "{value}") } else { write!(to, "\"{value}\"") }
    }

    fn write_i64<W: ?Sized + io::Write>(&mut self, to: &mut W, value: i64) -> io::Result<()> {
        if value.unsigned_abs() < LARGE { write!(to, "{value}") } else { write!(to, "\"{value}\"") }
    }
}

/// Whether a line of JSON has a whole number outside of quotes that no count can be.
pub(super) fn has_large_number(line: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        at = match byte {
            b'"' => behind_string(line, at + 1),
            b'0'..=b'9' => {
                let digits = |from: usize| line[from..].iter().take_while(|b| b.is_ascii_digit()).count();
                let whole = digits(at);
                let end = at + whole;
                let is_float = matches!(line.get(end), Some(b'.' | b'e' | b'E'));
                if whole > DIGITS && !is_float {
                    return true;
                }
                end + line[end..].iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')).count()
            }
            _ => at + 1,
        };
    }
    false
}

/// Where a string ends that begins at `at`, behind its quote.
fn behind_string(line: &[u8], mut at: usize) -> usize {
    while let Some(found) = memchr::memchr2(b'"', b'\\', line.get(at..).unwrap_or_default()) {
        at += found + 1;
        if line[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_whole_numbers_are_seen_outside_of_quotes() {
        for fine in [
            "{}",
            "[1,23]",
            "[99999999999999]",
            r#"["123456789012345","\"123456789012345"]"#,
            "[1.12345678901234567,123456789012345.0,1e300]",
        ] {
            assert!(!has_large_number(fine.as_bytes()), "{fine}");
        }
        for large in ["[100000000000000]", r#"{"a\"":-123456789012345}"#, "[1.5,184467440737095516]", r#"["\\",123456789012345]"#] {
            assert!(has_large_number(large.as_bytes()), "{large}");
        }
        assert!(!has_large_number(b"\"\\") && !has_large_number(b"\"123456789012345"));
    }

    #[test]
    fn what_is_written_is_within_the_bounds_that_are_read() {
        let mut text = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, Quoting);
        let numbers = (LARGE - 1, LARGE, u64::MAX, i64::MIN, -1i64, 0.1);
        serde::Serialize::serialize(&numbers, &mut serializer).expect("to memory");
        assert_eq!(
            String::from_utf8_lossy(&text),
            r#"[99999999999999,"100000000000000","18446744073709551615","-9223372036854775808",-1,0.1]"#
        );
        assert!(!has_large_number(&text));
    }
}
