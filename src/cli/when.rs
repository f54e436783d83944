//! Moments and spans as people type them: `08:00`, `yesterday`, `90m`, RFC 3339.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use crate::units::{Micros, Timestamp};

/// A moment, bare times in the zone of `now`.
///
/// # Errors
/// What forms are understood.
pub(super) fn moment(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let text = text.trim();
    let start_of = |days: i64| now.date().checked_sub(Span::new().days(days)).ok()?.to_zoned(now.time_zone().clone()).ok();
    let zoned = match text {
        "now" => Some(now.clone()),
        "today" => start_of(0),
        "yesterday" => start_of(1),
        _ => None,
    };
    let civil = || {
        let time = text.parse::<Time>().ok().filter(|_| text.contains(':') && !text.contains('-')).map(|time| now.date().to_datetime(time));
        let date = || text.parse::<Date>().ok().filter(|_| text.len() == 10).map(|date| date.to_datetime(Time::midnight()));
        let both = || text.parse::<DateTime>().ok();
        time.or_else(date).or_else(both)?.to_zoned(now.time_zone().clone()).ok()
    };
    let exact = || text.parse::<jiff::Timestamp>().ok().map(|t| t.to_zoned(TimeZone::UTC));
    let ago = || now.checked_sub(Span::new().microseconds(i64::try_from(span(text).ok()?.0).ok()?)).ok();
    zoned
        .or_else(exact)
        .or_else(civil)
        .or_else(ago)
        .map(|z| Timestamp(z.timestamp().as_microsecond()))
        .ok_or_else(|| format!("'{text}' is no time: try 2026-11-22, \"2026-11-22 08:00\", 08:00, today, yesterday, 90m (ago) or RFC 3339"))
}

/// A span such as `500ms`, `90s`, `15m`, `2h`, `3d`, `1w`, or several of them together.
///
/// # Errors
/// What forms are understood.
pub(super) fn span(text: &str) -> Result<Micros, String> {
    text.parse().map_err(|error: crate::units::NoSpan| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now: Zoned = "2026-11-25T15:34:00+01:00[Europe/Paris]".parse().expect("a time");
        moment(text, &now).map(|t| t.to_string())
    }

    #[test]
    fn moments_are_in_the_zone_of_the_reader() {
        for (text, expected) in [
            ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z"),
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("2026-11-22 08:00", "2026-11-22T07:00:00Z"),
            ("2026-07-22 08:00", "2026-07-22T06:00:00Z"),
            ("08:00", "2026-11-25T07:00:00Z"),
            ("now", "2026-11-25T14:34:00Z"),
            ("today", "2026-11-24T23:00:00Z"),
            ("yesterday", "2026-11-23T23:00:00Z"),
            ("90m", "2026-11-25T13:04:00Z"),
            ("1d", "2026-11-24T14:34:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(at("soon").is_err() && at("").is_err() && at("2026-13-01").is_err());
    }

    #[test]
    fn spans_add_up() {
        assert_eq!(span("2h 30m"), Ok(Micros(9_000_000_000)));
        assert!(span("0s").is_err() && span("5x").is_err() && span("99999999999999999999w").is_err());
    }
}
