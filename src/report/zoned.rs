//! Moments in the zone of the reader.
//!
//! Findings and warnings tell moments in words, and write them as the JSON has them: RFC 3339 in UTC. Only where they are drawn
//! for eyes is it known which zone those eyes want.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Style;

/// A date before the `T` of a moment, in bytes.
const DATE: usize = "2026-11-23".len();

/// The text with its moments in the zone of the style, which is UTC if it names none.
pub(super) fn zoned(text: &str, style: &Style) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('T') {
        match moment(rest, at) {
            Some((moment, end)) => {
                let zone = style.zone.clone().unwrap_or(TimeZone::UTC);
                out.push_str(&rest[..at - DATE]);
                out.push_str(&moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%.f %Z").to_string());
                rest = &rest[end..];
            }
            None => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    out + rest
}

/// The moment around a `T`, and where it ends; only what this program could have written is one.
fn moment(text: &str, at: usize) -> Option<(Timestamp, usize)> {
    let start = at.checked_sub(DATE)?;
    let end = at + 1 + text[at + 1..].find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.')))? + 1;
    let written = text.get(start..end).filter(|written| written.ends_with('Z'))?;
    let moment: Timestamp = written.parse().ok()?;
    (moment.to_string() == written).then_some((moment, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_the_zone_of_the_reader_and_nothing_else_changes() {
        let style = |name: &str| Style { zone: Some(TimeZone::get(name).expect("a zone")), ..Style::default() };
        let text = "2026-07-01T22:30:00Z to 2026-11-23T05:33:42.93912Z: 3 failures of T1";
        assert_eq!(zoned(text, &Style::default()), "2026-07-01 22:30:00 UTC to 2026-11-23 05:33:42.93912 UTC: 3 failures of T1");
        assert_eq!(
            zoned(text, &style("Europe/Paris")),
            "2026-07-02 00:30:00 CEST to 2026-11-23 06:33:42.93912 CET: 3 failures of T1",
            "the day may be another"
        );
        for other in [
            "",
            "T",
            "TEXT T",
            "é026-11-23T05:33:42Z",
            "2026-11-23T05:33:42",
            "2026-11-23T05:33:42+01:00",
            "2026-13-23T05:33:42Z",
            "2026-11-23T05Z",
        ] {
            assert_eq!(zoned(other, &style("Europe/Paris")), other);
        }
    }
}
