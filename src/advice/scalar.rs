//! Values of a column on a line, so that it can be told which comes first and how far apart they are.
//!
//! Source: `convert_to_scalar` in `src/backend/utils/adt/selfuncs.c` of PostgreSQL 15, which does the same for histograms.

use core::net::IpAddr;
use std::cmp::Ordering;

use crate::catalog::Column;

/// What the values of a type are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Number,
    Moment,
    Time,
    Address,
    /// In the order of its bytes, or in one that people are used to.
    Text {
        is_plain: bool,
    },
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Number(f64),
    /// A text, and what its order goes by.
    Text(String, String),
}

impl Scale {
    /// That of a column; `None` where nobody here knows the order of its type.
    pub(super) fn of(column: &Column) -> Option<Self> {
        let name = column.data_type.split('(').next().unwrap_or_default().trim();
        if column.data_type.ends_with("[]") {
            return None;
        }
        match name {
            "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" | "oid" => Some(Scale::Number),
            "date" => Some(Scale::Moment),
            "time without time zone" => Some(Scale::Time),
            "inet" | "cidr" => Some(Scale::Address),
            "text" | "character varying" | "character" | "name" | "uuid" => {
                let is_plain = name == "uuid" || matches!(column.collation.as_deref(), Some("C" | "POSIX" | "ucs_basic"));
                Some(Scale::Text { is_plain })
            }
            // `timestamp(3) with time zone` has its precision in the middle.
            name if name.starts_with("timestamp") => Some(Scale::Moment),
            _ => None,
        }
    }

    /// A value of it, as PostgreSQL or whoever asks writes it.
    pub(super) fn value(self, text: &str) -> Option<Scalar> {
        let text = text.trim();
        let number = match self {
            Scale::Number => text.parse::<f64>().ok()?,
            Scale::Moment => moment(text)?,
            Scale::Time => seconds(text.parse().ok()?),
            Scale::Address => address(text)?,
            Scale::Text { is_plain: true } => return Some(Scalar::Text(text.to_owned(), text.to_owned())),
            Scale::Text { is_plain: false } => return Some(Scalar::Text(text.to_owned(), text.to_lowercase())),
        };
        number.is_finite().then_some(Scalar::Number(number))
    }
}

/// Seconds since 1970, in UTC where no zone is named.
fn moment(text: &str) -> Option<f64> {
    let of = |micros: i64| micros as f64 / 1e6;
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(of(moment.as_microsecond()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| of(zoned.timestamp().as_microsecond()))
}

fn seconds(time: jiff::civil::Time) -> f64 {
    f64::from(time.hour()) * 3_600.0
        + f64::from(time.minute()) * 60.0
        + f64::from(time.second())
        + f64::from(time.subsec_nanosecond()) / 1e9
}

/// As a number, in which the family comes first; the bits of the network are left out.
fn address(text: &str) -> Option<f64> {
    let bare = text.split('/').next().unwrap_or(text);
    match bare.parse::<IpAddr>().ok()? {
        IpAddr::V4(four) => Some(f64::from(u32::from(four))),
        IpAddr::V6(six) => Some(u128::from(six) as f64 + 2_f64.powi(33)),
    }
}

impl Scalar {
    pub(super) fn is_equal(&self, other: &Scalar) -> bool {
        match (self, other) {
            (Scalar::Text(one, _), Scalar::Text(other, _)) => one == other,
            _ => self.order(other) == Ordering::Equal,
        }
    }

    pub(super) fn order(&self, other: &Scalar) -> Ordering {
        match (self, other) {
            (Scalar::Number(a), Scalar::Number(b)) => a.total_cmp(b),
            (Scalar::Text(_, a), Scalar::Text(_, b)) => a.cmp(b),
            (Scalar::Number(_), Scalar::Text(..)) => Ordering::Less,
            (Scalar::Text(..), Scalar::Number(_)) => Ordering::Greater,
        }
    }

    /// Where it lies between two others, 0 to 1; half where that cannot be told.
    pub(super) fn between(&self, low: &Scalar, high: &Scalar) -> f64 {
        let (value, low, high) = match (self, low, high) {
            (Scalar::Number(value), Scalar::Number(low), Scalar::Number(high)) => (*value, *low, *high),
            (Scalar::Text(_, value), Scalar::Text(_, low), Scalar::Text(_, high)) => {
                let common = low.bytes().zip(high.bytes()).take_while(|(a, b)| a == b).count();
                (digits(value, common), digits(low, common), digits(high, common))
            }
            _ => return 0.5,
        };
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// The bytes of a text behind what is common, as digits.
fn digits(text: &str, common: usize) -> f64 {
    let bytes = text.as_bytes().get(common..).unwrap_or_default();
    bytes.iter().take(12).enumerate().map(|(at, byte)| f64::from(*byte) / 256_f64.powi(i32::try_from(at).unwrap_or(i32::MAX))).sum()
}
