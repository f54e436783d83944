//! Silence in a log: times without any statement or event, much longer than is usual in it.
//!
//! What is missing in a log (a rotated file, a full disk, a collector that stopped) leaves a gap, and so does a night in which
//! nobody works. A gap is told if it is longer than a minute, than ten times the median spacing and than a twentieth of the
//! whole time, and if no other gap lies at the same hours of another day. With fewer than a hundred statements and events
//! there is no usual spacing.
//!
//! A spacing is measured from the latest moment before, so that a log out of order, or a second one of the same time, has no
//! gaps of its own. Spacings are counted by powers of two, so their median is known within a factor of two; its upper bound is
//! taken.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::units::{Micros, Timestamp};

/// Moments without anything between them.
pub type Gap = (Timestamp, Timestamp);

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gaps {
    /// The first and the latest moment.
    window: Option<(Timestamp, Timestamp)>,
    /// How many spacings have so many binary digits in microseconds; none is negative.
    #[serde(with = "super::stored::counts")]
    spacings: [u64; 64],
    /// The longest that are longer than [`SHORTEST`], the longest first.
    longest: Vec<Gap>,
}

/// A gap is longer than this.
const SHORTEST: Micros = Micros(60_000_000);
/// A gap is longer than so many median spacings.
const MEDIANS: u64 = 10;
/// A gap is longer than the whole time divided by this, so that there are fewer of them than this.
const PARTS: usize = 20;
/// With fewer statements and events there is no usual spacing.
const FEWEST: u64 = 100;

impl Default for Gaps {
    fn default() -> Self {
        Gaps { window: None, spacings: [0; 64], longest: Vec::new() }
    }
}

impl Gaps {
    /// Takes the moment of the next statement or event.
    #[inline]
    pub(super) fn add(&mut self, at: Timestamp) {
        let Some((first, latest)) = &mut self.window else {
            self.window = Some((at, at));
            return;
        };
        if at <= *latest {
            self.spacings[0] += 1;
            *first = at.min(*first);
            return;
        }
        let gap = (*latest, at);
        *latest = at;
        let spacing = length(gap);
        self.spacings[1 + spacing.0.ilog2() as usize] += 1;
        if spacing > SHORTEST {
            self.keep(gap);
        }
    }

    fn keep(&mut self, gap: Gap) {
        let order = |gap: &Gap| (Reverse(length(*gap)), gap.0);
        let at = self.longest.partition_point(|known| order(known) < order(&gap));
        if at < PARTS {
            self.longest.insert(at, gap);
            self.longest.truncate(PARTS);
        }
    }

    /// Adds those of another log. What lies between the two is a spacing too.
    pub(super) fn merge(&mut self, other: &Gaps) {
        let Some((first, latest)) = other.window else { return };
        let mine = self.window;
        if let Some(window) = mine {
            let between = if first > window.1 { (window.1, first) } else { (latest, window.0) };
            self.spacings[64 - length(between).0.leading_zeros() as usize] += 1;
            if length(between) > SHORTEST {
                self.keep(between);
            }
        }
        self.spacings.iter_mut().zip(other.spacings).for_each(|(mine, theirs)| *mine += theirs);
        other.longest.iter().for_each(|gap| self.keep(*gap));
        self.window = super::union(mine, other.window);
    }

    /// The gaps worth telling, the longest first.
    pub(super) fn worth_telling(&self) -> Vec<Gap> {
        let Some(window) = self.window else { return Vec::new() };
        let spacings: u64 = self.spacings.iter().sum();
        if spacings + 1 < FEWEST {
            return Vec::new();
        }
        let mut passed = 0;
        let digits = self.spacings.iter().take_while(|&&count| {
            passed += count;
            passed * 2 < spacings
        });
        let median = (1u64 << digits.count().min(63)) - 1;
        let least = (length(window).0 / PARTS as u64).max(median.saturating_mul(MEDIANS)).max(SHORTEST.0);
        let long = self.longest.iter().copied().filter(|gap| length(*gap).0 > least);
        long.filter(|gap| !self.longest.iter().any(|other| at_the_same_hours(*gap, *other))).collect()
    }
}

/// No time at all if it ends before it begins.
#[inline]
fn length((from, to): Gap) -> Micros {
    to.since(from)
}

/// Whether the other gap, moved by whole days, has at least half of this one in common: then both are nights.
fn at_the_same_hours(gap: Gap, other: Gap) -> bool {
    const DAY: i64 = 86_400_000_000;
    let apart = gap.0.0.saturating_sub(other.0.0);
    let days = apart.saturating_add(DAY / 2).div_euclid(DAY);
    let moved = |at: Timestamp| Timestamp(at.0.saturating_add(days.saturating_mul(DAY)));
    let common = (gap.0.max(moved(other.0)), gap.1.min(moved(other.1)));
    days != 0 && length(common).0 >= length(gap).0 / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    fn of(seconds: impl IntoIterator<Item = i64>) -> Gaps {
        let mut gaps = Gaps::default();
        seconds.into_iter().for_each(|second| gaps.add(at(second)));
        gaps
    }

    fn told(seconds: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
        of(seconds).worth_telling().into_iter().map(|(from, to)| (from.0 / 1_000_000, to.0 / 1_000_000)).collect()
    }

    #[test]
    fn a_gap_is_told_if_it_is_long_in_every_way() {
        // One a second for ten minutes, five minutes of nothing, ten minutes more: 300 s of 1 500 s.
        assert_eq!(told((0..600).chain(899..1_500)), [(599, 899)]);
        // A minute and no more is none, a second longer is one.
        assert_eq!(told((0..300).chain(359..660)), []);
        assert_eq!(told((0..300).chain(360..660)), [(299, 360)]);
        // 300 s are less than a twentieth of two hours.
        assert_eq!(told((0..3_600).chain(3_899..7_200)), []);
        // A median of 40 s is less than 2^26 µs: a gap is longer than 671 s.
        let slow = |gap: i64| (0..60).map(|n| n * 40).chain((0..60).map(move |n| 59 * 40 + gap + n * 40));
        assert_eq!(told(slow(671)), []);
        assert_eq!(told(slow(672)), [(2_360, 3_032)]);
        // 99 are too few, 100 are enough.
        assert_eq!(told((0..50).chain(500..549)), []);
        assert_eq!(told((0..50).chain(500..550)), [(49, 500)]);
    }

    #[test]
    fn the_longest_is_first_and_no_more_than_there_can_be_are_kept() {
        assert_eq!(told((0..100).chain(250..350).chain(550..650)), [(349, 550), (99, 250)]);
        let many = of((0..100).map(|n| n * n * 70));
        assert_eq!((many.longest.len(), many.longest[0]), (PARTS, (at(98 * 98 * 70), at(99 * 99 * 70))));
    }

    #[test]
    fn nights_are_no_gaps() {
        // From 9 to 18 once a minute.
        let day = |day: i64| (0..9 * 60).map(move |minute| day * 24 * HOUR + 9 * HOUR + minute * MINUTE);
        assert_eq!(told(day(0).chain(day(1)).chain(day(2))), []);
        // A single night may be a missing file.
        assert_eq!(told(day(0).chain(day(1))), [(9 * HOUR + 539 * MINUTE, 33 * HOUR)]);
        // A free day between is the nights around it, and the afternoon that is missing is none.
        assert_eq!(told(day(0).chain(day(1)).chain(day(3))).len(), 1);
        let afternoon = day(2).filter(|second| !(2 * 24 * HOUR + 12 * HOUR..2 * 24 * HOUR + 17 * HOUR).contains(second));
        assert_eq!(told(day(0).chain(day(1)).chain(afternoon)), [(2 * 24 * HOUR + 12 * HOUR - MINUTE, 2 * 24 * HOUR + 17 * HOUR)]);
    }

    #[test]
    fn disorder_makes_no_gap_and_fills_none() {
        assert_eq!(told((0..600).chain(0..600)), []);
        assert_eq!(told((0..600).chain([5]).chain(600..1_200)), []);
        assert_eq!(told((0..600).chain([0, 700]).chain(701..1_200)), [(599, 700)]);
        let hostile = of([0, i64::MAX / 1_000_000, i64::MIN / 1_000_000, 7].into_iter().chain(0..100));
        assert_eq!(hostile.worth_telling().len(), 1);
    }

    #[test]
    fn spacings_are_counted_by_their_binary_digits() {
        let moments = [0, 0, 1, 3, 2, -9, 3, 7, 1_000, i64::MAX, 5, i64::MIN];
        let mut gaps = Gaps::default();
        moments.iter().for_each(|&at| gaps.add(Timestamp(at)));
        // From the latest before: 0, 1 and 2 µs, nothing three times, 4 µs, 993 and nearly everything, nothing twice.
        let mut spacings = [0; 64];
        for digits in [0, 1, 2, 0, 0, 0, 3, 10, 63, 0, 0] {
            spacings[digits] += 1;
        }
        assert_eq!((gaps.spacings, gaps.window), (spacings, Some((Timestamp(i64::MIN), Timestamp(i64::MAX)))));
    }

    #[test]
    fn merging_is_reading_on() {
        let whole = of((0..600).chain(899..1_500));
        for at in [0, 1, 300, 600, 700, 1_201] {
            let (a, b): (Vec<_>, Vec<_>) = (0..600).chain(899..1_500).enumerate().partition(|(n, _)| *n < at);
            let [a, b] = [a, b].map(|half| of(half.into_iter().map(|(_, second)| second)));
            let [mut forwards, mut backwards] = [a.clone(), b.clone()];
            forwards.merge(&b);
            backwards.merge(&a);
            assert!(forwards == whole && backwards == whole, "cut at {at}");
        }
    }
}
