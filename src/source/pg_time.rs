//! The times that PostgreSQL and syslog write: dates, fractions, zones, and the two epochs.
//!
//! Digits are read by hand because this runs for every line; the zone database is only asked when a line's own zone is
//! missing or unknown, and its answer is kept for the hour.

use jiff::tz::TimeZone;

use crate::units::{Date, Timestamp};

/// For reading heads, where it matters only that a time is one.
pub(super) static UTC: TimeZone = TimeZone::UTC;

/// Reads times of one input; remembers the last second and the last answer of the zone database.
pub(super) struct Clock<'z> {
    zone: &'z TimeZone,
    cached: Option<(i64, i64)>,
    last: Option<Second>,
    /// How many times had a zone that nobody knows.
    pub(super) unknown_zone: u64,
}

/// The second that the last line was written in, as text and as a moment. Lines come in bursts of one second.
struct Second {
    text: [u8; 19],
    /// The zone behind the fraction, its blank included, and zeros.
    zone: [u8; 8],
    zone_length: usize,
    start: Timestamp,
}

/// A date and time as written, before its zone.
#[derive(Clone, Copy)]
pub(super) struct Civil {
    pub(super) date: Date,
    /// Since midnight.
    pub(super) seconds: i64,
    pub(super) micros: i64,
}

impl<'z> Clock<'z> {
    pub(super) fn new(zone: &'z TimeZone) -> Self {
        Clock { zone, cached: None, last: None, unknown_zone: 0 }
    }

    /// A time such as `2026-11-23 05:33:39.504 UTC` or `2026-11-23T05:33:39+01:00` at the start of `text`, and its length.
    pub(super) fn read(&mut self, text: &[u8]) -> Option<(Timestamp, usize)> {
        if let Some(found) = self.same_second(text) {
            return Some(found);
        }
        let (civil, length) = civil(text)?;
        let rest = &text[length..];
        let blank = usize::from(rest.first() == Some(&b' '));
        let zone = zone_length(&rest[blank..]);
        let zone_length = if zone == 0 { 0 } else { blank + zone };
        let unknown = self.unknown_zone;
        let start = self.moment(Civil { micros: 0, ..civil }, &rest[zone_length - zone..zone_length]);
        if let (Some(text), true) = (text.first_chunk(), zone_length <= 8 && unknown == self.unknown_zone) {
            let mut zone = [0; 8];
            zone[..zone_length].copy_from_slice(&rest[..zone_length]);
            self.last = Some(Second { text: *text, zone, zone_length, start });
        }
        Some((Timestamp(start.0 + civil.micros), length + zone_length))
    }

    /// The time, if it differs from the last in its fraction alone.
    fn same_second(&self, text: &[u8]) -> Option<(Timestamp, usize)> {
        let last = self.last.as_ref()?;
        let (second, rest) = text.split_first_chunk()?;
        if *second != last.text {
            return None;
        }
        let (micros, length) = millis(rest).unwrap_or_else(|| fraction(rest));
        let zone = &last.zone[..last.zone_length];
        let behind = match rest[length..].first_chunk::<8>() {
            // One comparison of eight bytes, of which as many are cut off as the zone has not.
            Some(eight) if last.zone_length > 0 => {
                let unlike = u64::from_le_bytes(*eight) ^ u64::from_le_bytes(last.zone);
                (unlike << (64 - 8 * last.zone_length) == 0).then(|| &rest[length + last.zone_length..])?
            }
            _ => rest[length..].strip_prefix(zone)?,
        };
        // The zone must end here as it did there: `CE` is no `CEST`, and no zone is no ` UTC`.
        let ends = match (zone.is_empty(), behind.first()) {
            (true, Some(b' ')) => false,
            // `+00` is not all of `+00:30`.
            (_, Some(b':')) => !zone.last().is_some_and(u8::is_ascii_digit),
            (_, next) => !next.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-')),
        };
        ends.then_some((Timestamp(last.start.0 + micros), 19 + length + zone.len()))
    }

    /// The moment of a civil time in a zone, given by name or offset; empty if the log does not tell.
    pub(super) fn moment(&mut self, civil: Civil, zone: &[u8]) -> Timestamp {
        let offset = offset(zone).unwrap_or_else(|| {
            self.unknown_zone += u64::from(!zone.is_empty());
            self.local_offset(civil)
        });
        Timestamp::from_civil(civil.date, civil.seconds, civil.micros, offset)
    }

    fn local_offset(&mut self, civil: Civil) -> i64 {
        let naive = Timestamp::from_civil(civil.date, civil.seconds, 0, 0).0;
        let hour = naive.div_euclid(3_600_000_000);
        if let Some((_, offset)) = self.cached.filter(|&(known, _)| known == hour) {
            return offset;
        }
        let offset = self.ask(naive).unwrap_or(0);
        self.cached = Some((hour, offset));
        offset
    }

    /// The offset at a civil time that is given as if it were UTC. In the hour that a clock repeats, the earlier one.
    fn ask(&self, naive: i64) -> Option<i64> {
        let moment = jiff::Timestamp::from_microsecond(naive).ok()?;
        let civil = TimeZone::UTC.to_datetime(moment);
        let zoned = self.zone.to_ambiguous_timestamp(civil).compatible().ok()?;
        Some((naive - zoned.as_microsecond()) / 1_000_000)
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0i64, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
}

/// `2026-11-23 05:33:39.504`, the fraction optional and of any length; answers how long it is.
pub(super) fn civil(text: &[u8]) -> Option<(Civil, usize)> {
    let head = text.first_chunk::<19>()?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b' ' | b'T', _, _, b':', _, _, b':', _, _] = head else { return None };
    let date = Date { year: number(&head[..4])?, month: number(&head[5..7])?, day: number(&head[8..10])? };
    let seconds = seconds(&head[11..])?;
    if !(1..=12).contains(&date.month) || !(1..=31).contains(&date.day) {
        return None;
    }
    let (micros, length) = fraction(&text[19..]);
    Some((Civil { date, seconds, micros }, 19 + length))
}

/// `05:33:39` in seconds since midnight.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text.first_chunk::<8>()? else { return None };
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
    // A leap second is written as 60.
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

/// [`fraction`] where there are just three digits, as `%m` writes them.
fn millis(text: &[u8]) -> Option<(i64, usize)> {
    let &[b'.' | b',', a, b, c, behind] = text.first_chunk::<5>()? else { return None };
    if !(a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit()) || behind.is_ascii_digit() {
        return None;
    }
    let digit = |digit: u8| i64::from(digit - b'0');
    Some(((digit(a) * 100 + digit(b) * 10 + digit(c)) * 1_000, 4))
}

/// `.504` in microseconds, and its length; digits beyond the sixth are dropped.
pub(super) fn fraction(text: &[u8]) -> (i64, usize) {
    if !matches!(text, [b'.' | b',', b'0'..=b'9', ..]) {
        return (0, 0);
    }
    let digits = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let micros = (0..6).fold(0, |n, at| n * 10 + if at < digits { i64::from(text[1 + at] - b'0') } else { 0 });
    (micros, 1 + digits)
}

/// The time of `%n`, seconds since the epoch with milliseconds, and its length.
pub(super) fn epoch(text: &[u8]) -> Option<(Timestamp, usize)> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(9..=11).contains(&digits) {
        return None;
    }
    let (micros, length) = fraction(&text[digits..]);
    Some((Timestamp(number(&text[..digits])? * 1_000_000 + micros), digits + length))
}

/// The length of a zone at the start of `text`: `UTC`, `CEST`, `-03`, `+0530`, `+01:00`, `GMT+3`; 0 if there is none.
fn zone_length(text: &[u8]) -> usize {
    let letters = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    if letters > 6 {
        return 0;
    }
    let signed = signed_length(&text[letters..]);
    let end = letters + signed;
    // `UTC-6b03d11e.55ae` is a zone and a session id.
    if signed > 0 && !text.get(end).is_some_and(u8::is_ascii_alphanumeric) { end } else { letters }
}

fn signed_length(text: &[u8]) -> usize {
    if !matches!(text.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let digits = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    match digits {
        2 if matches!(text.get(3..6), Some([b':', m, n]) if m.is_ascii_digit() && n.is_ascii_digit()) => 6,
        1 | 2 | 4 => 1 + digits,
        _ => 0,
    }
}

/// Seconds east of Greenwich of a zone as logs name it.
fn offset(zone: &[u8]) -> Option<i64> {
    if zone == b"UTC" {
        return Some(0);
    }
    let sign_at = zone.iter().position(|b| matches!(b, b'+' | b'-'));
    match sign_at {
        Some(at) => {
            let digits: Vec<u8> = zone[at + 1..].iter().copied().filter(u8::is_ascii_digit).collect();
            let value = number(&digits)?;
            let seconds = if digits.len() > 2 { value / 100 * 3_600 + value % 100 * 60 } else { value * 3_600 };
            // `GMT+3` is POSIX's way: three hours west. Without letters it is ISO's.
            let west = (zone[at] == b'-') == (at == 0);
            Some(if west { -seconds } else { seconds })
        }
        None => named_offset(zone),
    }
}

/// The abbreviations of PostgreSQL's `src/timezone/tznames/Default` that a `log_timezone` of today can print.
fn named_offset(zone: &[u8]) -> Option<i64> {
    let quarters = match zone {
        b"GMT" | b"UCT" | b"Z" | b"WET" => 0,
        b"CET" | b"BST" | b"WEST" | b"MEZ" | b"WAT" => 4,
        b"CEST" | b"EET" | b"SAST" | b"CAT" | b"MESZ" => 8,
        b"EEST" | b"MSK" | b"EAT" | b"IDT" => 12,
        b"PKT" => 20,
        b"WIB" => 28,
        b"HKT" | b"AWST" | b"PHT" | b"SGT" => 32,
        b"JST" | b"KST" => 36,
        b"ACST" => 38,
        b"AEST" => 40,
        b"ACDT" => 42,
        b"AEDT" => 44,
        b"NZST" => 48,
        b"NZDT" => 52,
        b"NDT" => -10,
        b"NST" => -14,
        b"ADT" | b"BRT" | b"ART" => -12,
        b"AST" | b"EDT" => -16,
        b"EST" | b"CDT" => -20,
        b"CST" | b"MDT" => -24,
        b"MST" | b"PDT" => -28,
        b"PST" | b"AKDT" => -32,
        b"AKST" => -36,
        b"HST" => -40,
        _ => return None,
    };
    Some(quarters * 900)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, usize) {
        let zone = TimeZone::get("Europe/Paris").expect("known zone");
        let (moment, length) = Clock::new(&zone).read(text.as_bytes()).expect("a time");
        (moment.to_string(), length)
    }

    #[test]
    fn zones_are_read_where_the_log_has_them() {
        for (text, expected) in [
            ("2026-11-23 05:33:39.504 UTC [1]", "2026-11-23T05:33:39.504Z"),
            ("2026-11-23 05:33:39 CET ", "2026-11-23T04:33:39Z"),
            ("2026-07-01 05:33:39 CEST ", "2026-07-01T03:33:39Z"),
            ("2026-11-23 05:33:39 -03 ", "2026-11-23T08:33:39Z"),
            ("2026-11-23 05:33:39 +0530:", "2026-11-23T00:03:39Z"),
            ("2026-11-23T05:33:39.123456789+01:00 x", "2026-11-23T04:33:39.123456Z"),
            ("2026-11-23 05:33:39 GMT+3 ", "2026-11-23T08:33:39Z"),
            ("2026-11-23 05:33:39 UTC-6b03d11e.55ae-LOG", "2026-11-23T05:33:39Z"),
            ("2026-11-23T05:33:39Z", "2026-11-23T05:33:39Z"),
        ] {
            assert_eq!(read(text).0, expected, "{text}");
        }
    }

    #[test]
    fn a_missing_or_unknown_zone_is_the_users_with_its_summer() {
        assert_eq!(read("2026-01-01 12:00:00 [1]"), ("2026-01-01T11:00:00Z".to_owned(), 19));
        assert_eq!(read("2026-07-01 12:00:00 [1]").0, "2026-07-01T10:00:00Z");
        assert_eq!(read("2026-07-01 12:00:00 XYZ [1]").0, "2026-07-01T10:00:00Z");
    }

    #[test]
    fn the_epoch_of_n_is_read() {
        assert_eq!(epoch(b"1795412266.172 [22016]"), Some((Timestamp(1_795_412_266_172_000), 14)));
    }

    #[test]
    fn the_last_second_is_remembered_and_nothing_before_it() {
        let mut clock = Clock::new(&UTC);
        assert!(clock.read(&[0; 19]).is_none());
        let mut read = |text: &str| clock.read(text.as_bytes()).map(|(moment, length)| (moment.to_string(), length));
        assert_eq!(read("2026-11-23 05:33:39.504 +00 x"), Some(("2026-11-23T05:33:39.504Z".to_owned(), 27)));
        assert_eq!(read("2026-11-23 05:33:39.7 +00 x"), Some(("2026-11-23T05:33:39.7Z".to_owned(), 25)));
        assert_eq!(read("2026-11-23 05:33:39.7 +00:30 x"), Some(("2026-11-23T05:03:39.7Z".to_owned(), 28)));
        assert_eq!(read("2026-11-23 05:33:39.7 CET x"), Some(("2026-11-23T04:33:39.7Z".to_owned(), 25)));
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in ["2026-13-01 00:00:00", "2026-01-01 25:00:00", "20260101", "", "2026-01-0a 00:00:00"] {
            assert!(civil(text.as_bytes()).is_none(), "{text}");
        }
    }
}
