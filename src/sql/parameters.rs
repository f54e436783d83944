//! The parameters that PostgreSQL logs beside a prepared statement: `$1 = '…', $2 = NULL`.
//!
//! They are kept apart from the statement and never put into it: values with commas, quotes or line ends in them have
//! broken every tool that substitutes first and normalises afterwards.
//!
//! Format: `BuildParamLogString` in `src/backend/nodes/params.c`; a value is NULL or a string with its quotes doubled, and
//! ends in `...` inside the quotes when `log_parameter_max_length` cut it.

/// One bound parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The `n` of `$n`.
    pub number: u32,
    /// The value between its quotes, which are still doubled inside; `None` for NULL.
    pub value: Option<&'a [u8]>,
}

/// The parameters of a DETAIL text, without its introduction. Stops at the first thing that is no parameter.
pub fn parameters(text: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (parameter, behind) = parameter(rest)?;
        rest = behind.strip_prefix(b",").unwrap_or(behind).trim_ascii_start();
        Some(parameter)
    })
}

fn parameter(text: &[u8]) -> Option<(Parameter<'_>, &[u8])> {
    let text = text.strip_prefix(b"$")?;
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    // Some versions put a long value on a line of its own.
    let text = text[digits..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if let Some(behind) = text.strip_prefix(b"NULL") {
        return Some((Parameter { number, value: None }, behind));
    }
    let quoted = text.strip_prefix(b"'")?;
    let end = super::lexer::end_of_quoted(quoted, 0, b'\'');
    let value = quoted[..end].strip_suffix(b"'").unwrap_or(&quoted[..end]);
    Some((Parameter { number, value: Some(value) }, &quoted[end..]))
}

/// The value of the first parameter of a DETAIL text, and what comes behind it; a lean [`parameters`], which asks first for
/// what the server writes to the blank.
#[inline]
pub(crate) fn next(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    match plainest(text) {
        Some((value, behind)) => Some((Some(value), behind)),
        None if text.is_empty() => None,
        None => any(text),
    }
}

/// A short value of one of the first nine parameters.
#[inline]
fn plainest(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'$', b'1'..=b'9', b' ', b'=', b' ', b'\'', quoted @ ..] = text else { return None };
    let length = match quoted.split_first_chunk::<8>() {
        Some((eight, others)) => match before_quote(u64::from_le_bytes(*eight)) {
            8 => 8 + others.first_chunk::<8>().map_or(8, |eight| before_quote(u64::from_le_bytes(*eight))),
            length => length,
        },
        // The end of the text, with zeros behind it.
        None => before_quote(u64::from_le_bytes(*text.last_chunk::<8>()?) >> (64 - 8 * quoted.len())),
    };
    match quoted.get(length..)? {
        [b'\''] => Some((&quoted[..length], &[])),
        [b'\'', b',', b' ', b'$', ..] => Some((&quoted[..length], &quoted[length + 3..])),
        _ => None,
    }
}

/// How many of eight bytes stand before the first quote.
fn before_quote(eight: u64) -> usize {
    // The high bit marks the quotes: at most what comes behind the first of them is marked in error.
    let unlike = eight ^ 0x2727_2727_2727_2727;
    let quotes = unlike.wrapping_sub(0x0101_0101_0101_0101) & !unlike & 0x8080_8080_8080_8080;
    quotes.trailing_zeros() as usize / 8
}

fn any(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let [b'$', digits @ ..] = text else { return None };
    let end = digits.iter().position(|b| !b.is_ascii_digit()).filter(|&end| end > 0)?;
    let text = match &digits[end..] {
        [b' ', b'=', b' ', b'\'' | b'N', ..] => &digits[end + 3..],
        text => text.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start(),
    };
    let (value, behind) = match text {
        [b'\'', quoted @ ..] => {
            let end = super::lexer::end_of_quoted(quoted, 0, b'\'');
            let value = match &quoted[..end] {
                [value @ .., b'\''] => value,
                cut => cut,
            };
            (Some(value), &quoted[end..])
        }
        _ => (None, text.strip_prefix(b"NULL")?),
    };
    match behind {
        [b',', b' ', b'$', ..] => Some((value, &behind[2..])),
        _ => Some((value, behind.strip_prefix(b",").unwrap_or(behind).trim_ascii_start())),
    }
}

/// What is behind the introduction of a DETAIL message; see [`in_detail`].
pub(crate) fn behind_introduction(detail: &[u8]) -> Option<&[u8]> {
    let colon = match detail {
        [b'p' | b'P', b'a', b'r', b'a', b'm', b'e', b't', b'e', b'r', b's', b':', ..] => 10,
        _ => memchr::memchr(b':', detail)?,
    };
    Some(detail[colon + 1..].trim_ascii_start())
}

/// The parameters in a DETAIL message, whatever its introduction (`parameters: `, `Parameters: `, or in another language).
#[must_use]
pub fn in_detail(detail: &[u8]) -> Option<&[u8]> {
    let rest = behind_introduction(detail)?;
    parameter(rest).map(|_| rest)
}

/// The highest `n` of all `$n` in a text that a server has normalised, 0 if there is none; `None` where it shortened a list,
/// as PostgreSQL 18 does, so that this is not how many values there were.
#[must_use]
pub fn highest(sql: &[u8]) -> Option<u32> {
    if memchr::memmem::find(sql, super::outline::LIST.as_bytes()).is_some() {
        return None;
    }
    let number = |at: usize| sql[at + 1..].iter().take_while(|b| b.is_ascii_digit()).take(6).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    Some(memchr::memchr_iter(b'$', sql).map(number).max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(detail: &str) -> Vec<Option<&str>> {
        let text = in_detail(detail.as_bytes()).unwrap_or_default();
        parameters(text).map(|p| p.value.map(|v| std::str::from_utf8(v).expect("text"))).collect()
    }

    #[test]
    fn commas_quotes_and_line_ends_belong_to_their_value() {
        assert_eq!(
            values("parameters: $1 = '7', $2 = 'dear user, it''s', $3 = NULL, $4 = 'a\n\tb'"),
            [Some("7"), Some("dear user, it''s"), None, Some("a\n\tb")]
        );
    }

    proptest! {
        #[test]
        fn the_lean_reading_is_the_same(text in "([$][0-9]{0,3}|[$]1 = '|', |NULL|[= ',a\n\t]){0,30}") {
            let mut rest = text.as_bytes();
            let mut lean = Vec::new();
            while let Some((value, behind)) = next(rest) {
                lean.push(value);
                rest = behind;
            }
            prop_assert_eq!(lean, parameters(text.as_bytes()).map(|parameter| parameter.value).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_introduction_is_understood() {
        assert_eq!(values("Parameters: $1 = 'x'"), [Some("x")]);
        assert_eq!(values("Parameter: $1 = 'x'"), [Some("x")]);
        assert_eq!(values("Key (id)=(1) already exists."), [] as [Option<&str>; 0]);
    }

    #[test]
    fn a_value_alone_on_the_next_line_is_read() {
        assert_eq!(values("parameters: $1 = \n\t'x'"), [Some("x")]);
    }

    #[test]
    fn hundreds_of_parameters_keep_their_numbers() {
        let list: Vec<String> = (1..=300).map(|n| format!("${n} = '{n}'")).collect();
        let detail = format!("parameters: {}", list.join(", "));
        let numbers: Vec<u32> = parameters(in_detail(detail.as_bytes()).expect("some")).map(|p| p.number).collect();
        assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    }

    #[test]
    fn a_cut_value_ends_the_list() {
        assert_eq!(values("parameters: $1 = 'x', $2 = 'op"), [Some("x"), Some("op")]);
    }
}
