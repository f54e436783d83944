//! Counts by minute: enough to see when something was far more frequent than usual.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

use super::timeline::minute;

/// So many minutes with anything in them are told apart, two weeks; what comes in others is lost.
const MOST_MINUTES: usize = 20_160;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Minutes {
    /// By number of the minute since 1970, as timelines count them; no zeros.
    counts: BTreeMap<u32, u64>,
    /// How much came in minutes beyond the bound.
    lost: u64,
}

impl Minutes {
    pub(super) fn add(&mut self, at: Timestamp) {
        self.add_all(minute(at), 1);
    }

    fn add_all(&mut self, minute: u32, count: u64) {
        if self.counts.len() < MOST_MINUTES || self.counts.contains_key(&minute) {
            *self.counts.entry(minute).or_default() += count;
        } else {
            self.lost += count;
        }
    }

    pub(super) fn merge(&mut self, other: Minutes) {
        self.lost += other.lost;
        other.counts.into_iter().for_each(|(minute, count)| self.add_all(minute, count));
    }

    /// How much came in minutes beyond two weeks of busy ones, and is in none of them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Number and count of each minute with anything in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        self.counts.iter().map(|(&minute, &count)| (minute, count))
    }

    /// The most in a minute.
    #[must_use]
    pub fn busiest(&self) -> u64 {
        self.counts.values().copied().max().unwrap_or(0)
    }

    /// The median over so many minutes, of which those without anything count as none.
    #[must_use]
    pub fn median(&self, minutes: u64) -> u64 {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable();
        let empty = minutes.saturating_sub(counts.len() as u64);
        let middle = (minutes.max(counts.len() as u64)) / 2;
        middle.checked_sub(empty).and_then(|at| counts.get(usize::try_from(at).ok()?)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(counts: &[(u32, u64)]) -> Minutes {
        let mut minutes = Minutes::default();
        counts.iter().for_each(|&(minute, count)| minutes.add_all(minute, count));
        minutes
    }

    #[test]
    fn empty_minutes_count_for_the_median() {
        assert_eq!(minutes(&[(0, 4), (1, 5), (2, 90)]).median(3), 5);
        assert_eq!(minutes(&[(0, 4), (1, 5), (2, 90)]).median(10), 0);
        assert_eq!(minutes(&[(0, 4), (1, 5), (2, 90)]).median(4), 5);
        assert_eq!(minutes(&[]).median(0), 0);
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let most = u32::try_from(MOST_MINUTES).expect("is small");
        let mut full = Minutes::default();
        (0..most).for_each(|minute| full.add_all(minute, 1));
        full.add_all(0, 5);
        assert_eq!((full.lost(), full.busiest()), (0, 6));
        full.add_all(most, 3);
        full.merge(minutes(&[(1, 1), (most + 7, 4)]));
        assert_eq!(full.lost(), 7);
    }

    #[test]
    fn merging_adds_minute_by_minute() {
        let (mut a, b) = (minutes(&[(0, 1), (3, 4)]), minutes(&[(3, 2), (4, 1)]));
        a.merge(b);
        assert_eq!(a, minutes(&[(0, 1), (3, 6), (4, 1)]));
        assert_eq!(a.busiest(), 6);
    }
}
