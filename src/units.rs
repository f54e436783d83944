//! Quantities and how they are shown: durations, moments and byte counts, each its own type so that no unit is guessed.
//!
//! Arithmetic and human formatting of quantities live here and nowhere else. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::Serialize;

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

    fn add(self, other: Self) -> Self {
        Micros(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Micros {
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

/// `value / unit` with three significant digits, rounded half up, in integers so that it is the same everywhere.
fn three_digits(value: u64, unit: u64) -> String {
    let decimals = match value / unit {
        0..10 if (value * 100 + unit / 2) / unit < 1_000 => 2,
        0..100 if (value * 10 + unit / 2) / unit < 1_000 => 1,
        _ => 0,
    };
    let scale = 10u64.pow(decimals);
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

impl Sub<Micros> for Timestamp {
    type Output = Self;

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
