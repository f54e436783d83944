//! How many different values there were, without keeping any.
//!
//! The least hashes stand for all: below [`KEPT`] different ones they are all there and the number is exact; beyond, how
//! close together they lie tells how many there must be (k minimum values: Bar-Yossef and others, "Counting distinct elements
//! in a data stream", 2002), within about an eighth two times out of three. Merging is exact and associative.

use serde::{Deserialize, Serialize};

/// How many hashes are kept.
const KEPT: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distinct {
    /// The least hashes, in order.
    least: Vec<u32>,
    /// How many values were taken.
    taken: u64,
    /// The largest of them if there were more different ones than are kept; hashes above it are of no use.
    most: Option<u32>,
    /// How many different ones there were where hashes were given up, and whether that is exact.
    sealed: Option<(u64, bool)>,
}

impl Distinct {
    /// Takes the hash of a value.
    #[inline]
    pub(super) fn add(&mut self, hash: u32) {
        self.taken += 1;
        let hash = spread(hash);
        // Beside the list, as this is asked at every call.
        if self.most.is_none_or(|most| hash < most) {
            self.keep(hash);
        }
    }

    fn keep(&mut self, hash: u32) {
        if let Err(at) = self.least.binary_search(&hash) {
            self.least.insert(at, hash);
            let is_full = self.most.is_some() || self.least.len() > KEPT;
            self.least.truncate(KEPT);
            self.most = self.least.last().copied().filter(|_| is_full);
        }
    }

    /// Adds those of another.
    pub(super) fn merge(&mut self, other: &Distinct) {
        self.taken += other.taken;
        other.least.iter().for_each(|&hash| self.keep(hash));
        if self.most.is_some() || other.most.is_some() {
            self.most = self.least.last().copied();
        }
        // Some values may be in both.
        self.sealed = match (self.sealed, other.sealed) {
            (Some((mine, _)), Some((theirs, _))) => Some((mine.max(theirs), false)),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// Gives up the hashes, by which somebody who guesses a value could tell whether it was there. Merging is then no longer
    /// exact: of two parts the larger number stands for both.
    pub(crate) fn seal(&mut self) {
        let (count, is_exact) = self.count();
        if self.taken > 0 {
            *self = Distinct { least: Vec::new(), taken: self.taken, most: None, sealed: Some((count, is_exact)) };
        }
    }

    /// How many values were taken, different or not.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many different ones there were, and whether that is exact.
    #[must_use]
    pub fn count(&self) -> (u64, bool) {
        match self.sealed {
            None => self.told(),
            Some(sealed) if self.least.is_empty() => sealed,
            Some((count, _)) => (count.max(self.told().0), false),
        }
    }

    /// What the hashes tell.
    fn told(&self) -> (u64, bool) {
        match self.most {
            None => (self.least.len() as u64, true),
            Some(most) => {
                let estimate = ((KEPT as u64 - 1) << 32) / (u64::from(most) + 1);
                (estimate.clamp(KEPT as u64 + 1, self.taken.max(KEPT as u64 + 1)), false)
            }
        }
    }
}

/// Spreads a hash evenly over all numbers. Source: the finaliser of MurmurHash3.
#[inline]
fn spread(hash: u32) -> u32 {
    let mut hash = hash;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hashes: impl IntoIterator<Item = u32>) -> Distinct {
        let mut distinct = Distinct::default();
        hashes.into_iter().for_each(|hash| distinct.add(hash));
        distinct
    }

    #[test]
    fn few_are_counted_and_many_are_estimated() {
        assert_eq!(of([]).count(), (0, true));
        assert_eq!(of([7, 7, 8, 7]).count(), (2, true));
        assert_eq!(of((0..64).chain(0..64)).count(), (64, true));
        assert!(!of(0..65).count().1);
        for many in [1_000u32, 50_000, 1_000_000] {
            let (estimate, exact) = of((0..many).chain(0..many)).count();
            assert!(!exact && estimate.abs_diff(u64::from(many)) < u64::from(many) * 3 / 8, "{estimate} for {many}");
        }
    }

    #[test]
    fn without_hashes_the_number_stays_and_sums_are_no_longer_exact() {
        let sealed = |hashes: std::ops::Range<u32>| {
            let mut distinct = of(hashes);
            distinct.seal();
            distinct
        };
        assert_eq!((sealed(0..9).count(), sealed(0..9).taken(), sealed(0..0)), ((9, true), 9, Distinct::default()));
        assert_eq!(sealed(0..500).count(), of(0..500).count());
        let mut empty = Distinct::default();
        empty.merge(&sealed(0..9));
        assert_eq!(empty, sealed(0..9));
        for other in [sealed(0..5), of(0..5), sealed(0..9), of(4..9)] {
            let (mut a, mut b) = (sealed(0..9), other.clone());
            a.merge(&other);
            b.merge(&sealed(0..9));
            assert_eq!((a.count(), a.taken()), ((9, false), 9 + other.taken()));
            assert_eq!(b, a);
        }
    }

    #[test]
    fn merging_is_taking_everything() {
        for (a, b) in [(0..10, 5..12), (0..64, 64..65), (0..500, 400..900), (0..0, 0..100)] {
            let all = of(a.clone().chain(b.clone()));
            let (mut ab, mut ba) = (of(a.clone()), of(b.clone()));
            ab.merge(&of(b));
            ba.merge(&of(a));
            assert!(ab == all && ba == all);
        }
    }
}
