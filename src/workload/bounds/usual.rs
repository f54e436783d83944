//! How long the gaps between a session's calls usually are.

/// A shorter gap ends no segment; microseconds.
pub(super) const SHORTEST_GAP: u64 = 2_000;
/// The median of gaps says no more than this.
const USUAL_GAP: u64 = 50_000;
/// When as many gaps are of one length, all counts are halved, so that the later gaps say more.
const FULL: u16 = 1 << 10;

/// Counts of gaps, and the length of their median, which is asked for at every other call and so kept at hand.
#[derive(Debug, Default)]
pub(super) struct Usual {
    /// How many gaps there were, by the number of their binary digits.
    counts: [u16; 17],
    /// And of all lengths.
    all: u32,
    /// The digits of the median: the least up to which there is half of all gaps.
    median: u8,
    /// How many have up to so many digits.
    up_to: u32,
}

impl Usual {
    /// How long a gap must be to end a segment.
    pub(super) fn limit(&self) -> u64 {
        let median = 1_u64 << self.median >> 1;
        (8 * median).clamp(SHORTEST_GAP, USUAL_GAP)
    }

    /// Takes a gap in microseconds.
    pub(super) fn add(&mut self, gap: u64) {
        let digits = (u64::BITS - gap.leading_zeros()).min(16) as usize;
        self.counts[digits] += 1;
        self.all += 1;
        self.up_to += u32::from(digits <= usize::from(self.median));
        if self.counts[digits] >= FULL {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.all = self.counts.iter().map(|&count| u32::from(count)).sum();
            (self.median, self.up_to) = (0, u32::from(self.counts[0]));
        }
        self.move_median();
    }

    fn move_median(&mut self) {
        while self.up_to * 2 < self.all {
            self.median += 1;
            self.up_to += u32::from(self.counts[usize::from(self.median)]);
        }
        while let Some(below) = self.up_to.checked_sub(u32::from(self.counts[usize::from(self.median)]))
            && self.median > 0
            && below * 2 >= self.all
        {
            (self.median, self.up_to) = (self.median - 1, below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_median_at_hand_is_that_of_the_counts(gaps in prop::collection::vec(prop_oneof![0u64..4, 0u64..100_000, any::<u64>()], 0..3_000)) {
            let mut usual = Usual::default();
            for gap in gaps {
                usual.add(gap);
                let mut seen = 0;
                let median = usual.counts.iter().position(|&count| {
                    seen += u32::from(count);
                    seen * 2 >= usual.all
                });
                prop_assert_eq!((Some(usize::from(usual.median)), usual.up_to), (median, seen));
            }
        }
    }

    #[test]
    fn a_gap_is_long_that_is_eight_times_the_median() {
        let mut usual = Usual::default();
        assert_eq!(usual.limit(), SHORTEST_GAP);
        (0..3).for_each(|_| usual.add(1_500));
        // 1 500 has eleven digits: at least 1 024.
        assert_eq!(usual.limit(), 8 * 1_024);
        (0..4).for_each(|_| usual.add(1_000_000));
        assert_eq!(usual.limit(), USUAL_GAP);
    }
}
