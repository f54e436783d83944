//! In how many lengths the lists of a statement come: `IN ($1, $2)` and `IN ($1, $2, $3)` are one statement to us, but not to
//! a cache of prepared statements, nor to the counters of a server before PostgreSQL 18.
//!
//! Kept for statements with a list only. Lengths below 64 are exact, longer ones are rounded down to six binary digits, so
//! that there are never more than a few hundred of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::burst::rounded;
use super::latency::{Permille, rank};

/// Calls by the length of their lists; see the module. Where a statement has several lists it is that of all together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lists {
    by_length: BTreeMap<u32, u64>,
    /// Calls whose length is no power of two.
    uneven: u64,
    /// Calls with bound parameters, which a client may have prepared.
    bound: u64,
}

impl Lists {
    /// Adds calls of one length.
    pub(super) fn add(&mut self, length: u32, calls: u64) {
        let known = self.by_length.entry(rounded(length)).or_default();
        *known = known.saturating_add(calls);
        self.uneven = self.uneven.saturating_add(if length.is_power_of_two() { 0 } else { calls });
    }

    /// Adds one call, and whether its parameters were bound.
    pub(super) fn add_call(&mut self, length: u32, is_bound: bool) {
        self.add(length, 1);
        self.bound += u64::from(is_bound);
    }

    pub(super) fn merge(&mut self, other: &Lists) {
        for (&length, &calls) in &other.by_length {
            let known = self.by_length.entry(length).or_default();
            *known = known.saturating_add(calls);
        }
        self.uneven = self.uneven.saturating_add(other.uneven);
        self.bound += other.bound;
    }

    /// How many different lengths there were; rounded ones count as one.
    #[must_use]
    pub fn lengths(&self) -> usize {
        self.by_length.len()
    }

    /// Calls whose length is known.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.by_length.values().fold(0, |all, calls| all.saturating_add(*calls))
    }

    /// Those of them with bound parameters, as a log tells; counters do not.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.bound
    }

    /// Whether every length is a power of two: lists that are padded already.
    #[must_use]
    pub fn is_padded(&self) -> bool {
        self.uneven == 0
    }

    /// The length that so many thousandths of the calls do not exceed, 0 if there are no calls.
    #[must_use]
    pub fn length(&self, permille: u64) -> u32 {
        let Some(rank) = rank(self.calls(), Permille(permille)) else { return 0 };
        let mut seen = 0;
        let reached = self.by_length.iter().find(|(_, calls)| {
            seen = calls.saturating_add(seen);
            seen >= rank
        });
        reached.map_or(0, |(&length, _)| length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(lengths: &[u32]) -> Lists {
        let mut lists = Lists::default();
        lengths.iter().for_each(|&length| lists.add_call(length, length % 3 == 0));
        lists
    }

    #[test]
    fn lengths_are_told_apart_and_padded_ones_known() {
        let some = lists(&[1, 2, 2, 3, 9, 9, 9, 100]);
        assert_eq!((some.lengths(), some.calls(), some.bound()), (5, 8, 4));
        assert_eq!((some.length(500), some.length(750), some.length(1_000)), (3, 9, 100));
        assert!(!some.is_padded() && lists(&[1, 4, 64, 1_024]).is_padded());
    }

    #[test]
    fn many_lengths_need_little_memory_and_merging_is_the_same_in_any_order() {
        let (a, b) = (lists(&(1..10_000).collect::<Vec<_>>()), lists(&[65, 7]));
        assert!(a.lengths() < 350, "{}", a.lengths());
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        assert_eq!(ab, ba);
    }
}
