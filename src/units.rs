//! Quantities and how they are shown: durations, moments and byte counts, each its own type so that no unit is guessed.
//!
//! Arithmetic and human formatting of quantities live here and nowhere else. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::Serialize;

pub(crate) mod wide;

/// A duration in whole microseconds, the finest that any supported server logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// A duration of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Micros(millis * 1_000)
    }

    /// The whole microseconds of a number of them; 0 for what is negative.
    #[must_use]
    pub fn floor(micros: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        Micros(micros.floor().clamp(0.0, 9.0e18) as u64)
    }

    /// The least whole number of microseconds that is not below.
    #[must_use]
    pub fn ceil(micros: f64) -> Self {
        Micros::floor(micros.ceil())
    }
}

impl Add for Micros {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Micros(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Micros {
    fn sum<I: Iterator<Item = Micros>>(all: I) -> Self {
        all.fold(Micros(0), Add::add)
    }
}

impl AddAssign for Micros {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Micros {
    /// Three significant digits and a unit: `87 µs`, `1.30 ms`, `12.4 s`; minutes and hours as `12m04s`, `1h02m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000;
        let text = match self.0 {
            us @ 0..1_000 => format!("{us} µs"),
            us @ 1_000..999_500 => format!("{} ms", three_digits(us, 1_000)),
            us if us < 60 * SECOND - 50_000 => format!("{} s", three_digits(us, SECOND)),
            us => {
                let seconds = us.saturating_add(SECOND / 2) / SECOND;
                match seconds {
                    0..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
                    _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
                }
            }
        };
        f.pad(&text)
    }
}

impl std::str::FromStr for Micros {
    type Err = NoSpan;

    /// A span such as `200ms`, `1.5s`, `15m`, `2h`, `3d`, `1w`, or several of them together; not 0.
    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let error = || NoSpan(text.to_owned());
        let mut total: u64 = 0;
        let mut rest = text.trim();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
            let number = &rest[..digits];
            rest = rest[digits..].trim_start();
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let micros: u64 = match &rest[..letters] {
                "ms" => 1_000,
                "s" | "sec" | "second" | "seconds" => 1_000_000,
                "m" | "min" | "minute" | "minutes" => 60_000_000,
                "h" | "hour" | "hours" => 3_600_000_000,
                "d" | "day" | "days" => 86_400_000_000,
                "w" | "week" | "weeks" => 604_800_000_000,
                _ => return Err(error()),
            };
            total = times(number, micros).and_then(|us| total.checked_add(us)).ok_or_else(error)?;
            rest = rest[letters..].trim_start();
        }
        if total == 0 { Err(error()) } else { Ok(Micros(total)) }
    }
}

/// A decimal number of units, what is below one cut off; `None` if it is no number or too large.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let part_of_unit = part.bytes().take(9).rev().try_fold(0, |below: u64, digit| {
        // The digits from the last to the first, each a tenth of the one before it.
        digit.is_ascii_digit().then(|| (u64::from(digit - b'0') * unit * 1_000 + below) / 10)
    })?;
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part_of_unit / 1_000)
}

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSpan(String);

impl fmt::Display for NoSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no span: try 90s, 15m, 2h, 3d or 1w", self.0)
    }
}

/// `value / unit` with three significant digits, rounded half up, in integers so that it is the same everywhere.
fn three_digits(value: u64, unit: u64) -> String {
    let (value, unit) = (u128::from(value), u128::from(unit));
    let decimals = match value / unit {
        0..10 if (value * 100 + unit / 2) / unit < 1_000 => 2,
        0..100 if (value * 10 + unit / 2) / unit < 1_000 => 1,
        _ => 0,
    };
    let scale = 10u128.pow(decimals);
    let scaled = (value * scale + unit / 2) / unit;
    match decimals {
        0 => scaled.to_string(),
        _ => format!("{}.{:0width$}", scaled / scale, scaled % scale, width = decimals as usize),
    }
}

/// A moment: microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment of a civil date and time in a zone `offset` seconds east of Greenwich. The month and day are taken on
    /// trust; days beyond the end of a month run into the next. `seconds` counts from midnight.
    ///
    /// Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    #[must_use]
    pub fn from_civil(date: Date, seconds: i64, micros: i64, offset: i64) -> Self {
        let year = if date.month <= 2 { date.year - 1 } else { date.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Timestamp((days * 86_400 + seconds - offset) * 1_000_000 + micros)
    }
}

impl Timestamp {
    /// The time from another moment to this one; none if that one is later.
    #[must_use]
    #[inline]
    pub fn since(self, earlier: Timestamp) -> Micros {
        Micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Sub<Micros> for Timestamp {
    type Output = Self;

    #[inline]
    fn sub(self, span: Micros) -> Self {
        Timestamp(self.0.saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => fmt::Display::fmt(&moment, f),
            Err(_) => f.write_str("out of range"),
        }
    }
}

/// A civil date of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The year, such as 2026.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

impl fmt::Display for ByteCount {
    /// Decimal units, as disks and networks count: `187 kB`, `1.20 GB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            n @ 0..1_000 => format!("{n} B"),
            n @ 1_000..999_500 => format!("{} kB", three_digits(n, 1_000)),
            n @ 999_500..999_500_000 => format!("{} MB", three_digits(n, 1_000_000)),
            n => format!("{} GB", three_digits(n, 1_000_000_000)),
        };
        f.pad(&text)
    }
}

/// A whole number with a thin space between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// How often something happened.
#[must_use]
pub fn often(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}

/// So many of a thing whose plural ends in s.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let shown = [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_304, "1.30 ms"),
            (9_996, "10.0 ms"),
            (31_642, "31.6 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (1_400_855, "1.40 s"),
            (59_940_000, "59.9 s"),
            (59_960_000, "1m00s"),
            (724_000_000, "12m04s"),
            (3_720_000_000, "1h02m"),
        ];
        for (us, text) in shown {
            assert_eq!(Micros(us).to_string(), text);
        }
        assert!(!Micros(u64::MAX).to_string().is_empty());
    }

    #[test]
    fn spans_are_read_with_decimals() {
        let read = |text: &str| text.parse::<Micros>().map(|span| span.0).ok();
        assert_eq!((read("200ms"), read("1.5s"), read("2h 30m")), (Some(200_000), Some(1_500_000), Some(9_000_000_000)));
        assert_eq!((read("0.25ms"), read("1.0000019s"), read("12.075s")), (Some(250), Some(1_000_001), Some(12_075_000)));
        for bad in ["", "0s", "5x", "s", "1.5.5s", "1,5s", "-1s", ".5s", "99999999999999999999w", "18446744073709551615w"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn civil_dates_become_moments() {
        let date = Date { year: 2026, month: 11, day: 23 };
        let moment = Timestamp::from_civil(date, 5 * 3_600 + 33 * 60 + 39, 504_000, 0);
        assert_eq!(moment.to_string(), "2026-11-23T05:33:39.504Z");
        assert_eq!(Timestamp::from_civil(Date { year: 1970, month: 1, day: 1 }, 0, 0, 3_600), Timestamp(-3_600_000_000));
        assert_eq!(Timestamp::from_civil(Date { year: 2024, month: 2, day: 29 }, 0, 0, 0).to_string(), "2024-02-29T00:00:00Z");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(41_204), "41\u{2009}204");
        assert_eq!(ByteCount(1_204_000_000).to_string(), "1.20 GB");
    }
}
