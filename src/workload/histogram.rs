//! Counts of values in steps: single values up to 255, and from there on 128 steps to each doubling, so that no step is wider
//! than 1 % of its values.
//!
//! These are the steps of `HdrHistogram` with two significant digits (<https://hdrhistogram.org>), which tests hold them to. A
//! log is mostly recorded value by value, and there the step of a value is all that is to be done.

/// Steps to a doubling, as a power of two.
const PARTS: u32 = 7;
/// Values below twice as many have a step each.
const SINGLE: u64 = 2 << PARTS;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// By step, as far as there are any; whole doublings.
    counts: Vec<u32>,
}

impl Histogram {
    /// Counts a value so many times more.
    #[inline]
    pub(super) fn add(&mut self, value: u64, times: u32) {
        self.add_at(step(value), times);
    }

    #[inline]
    fn add_at(&mut self, step: usize, times: u32) {
        match self.counts.get_mut(step) {
            Some(count) => *count = count.saturating_add(times),
            None => self.add_above(step, times),
        }
    }

    /// Counts in a step above all others.
    #[inline(never)]
    fn add_above(&mut self, step: usize, times: u32) {
        let doubling = 1 << PARTS;
        self.counts.resize((step / doubling + 1).max(2) * doubling, 0);
        self.counts[step] = times;
    }

    /// Adds the counts of another.
    pub(super) fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
    }

    /// The largest value of each step that has any, in order, and how many are in it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(step, &count)| (largest(step), count))
    }

    /// The largest value of the step of a rank, counted from 1; `None` if there are fewer values.
    pub(super) fn at_rank(&self, rank: u64) -> Option<u64> {
        let mut passed = 0;
        let step = self.counts.iter().position(|&count| {
            passed += u64::from(count);
            passed >= rank
        });
        step.map(largest)
    }
}

/// The number of the step of a value.
#[inline]
pub(super) fn step(value: u64) -> usize {
    // As many digits as are not told apart.
    let blurred = (SINGLE - 1).leading_zeros() - (value | (SINGLE - 1)).leading_zeros();
    usize::try_from(value >> blurred).unwrap_or(usize::MAX) + ((blurred as usize) << PARTS)
}

/// How many digits the values of a step do not tell apart.
fn blurred(step: usize) -> usize {
    (step >> PARTS).saturating_sub(1)
}

/// The smallest value of a step.
pub(super) fn smallest(step: usize) -> u64 {
    ((step - (blurred(step) << PARTS)) as u64) << blurred(step)
}

/// The largest value of a step.
pub(super) fn largest(step: usize) -> u64 {
    smallest(step) + ((1 << blurred(step)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|&value| histogram.add(value, 1));
        histogram
    }

    /// The library that these steps are of.
    fn reference(values: &[u64]) -> hdrhistogram::Histogram<u32> {
        let mut histogram = hdrhistogram::Histogram::new(2).expect("two digits are allowed");
        histogram.auto(true);
        values.iter().for_each(|&value| histogram.record(value).expect("in its range"));
        histogram
    }

    #[test]
    fn by_hand() {
        // 255 is the last value of its own; 256 and 257 are one step, the 256th from 0.
        assert_eq!([0, 1, 255, 256, 257, 258, 511, 512, 515, 516].map(step), [0, 1, 255, 256, 256, 257, 383, 384, 384, 385]);
        assert_eq!(
            [0, 255, 256, 383, 384].map(|step| (smallest(step), largest(step))),
            [(0, 0), (255, 255), (256, 257), (510, 511), (512, 515)]
        );
        let last = step(u64::MAX);
        assert_eq!((smallest(last), largest(last)), (255 << 56, u64::MAX));
        let histogram = of(&[7, 300, 301, 7, 1_000_000]);
        assert_eq!(histogram.iter().collect::<Vec<_>>(), [(7, 2), (301, 2), (1_003_519, 1)]);
        assert_eq!([1, 2, 3, 4, 5, 6].map(|rank| histogram.at_rank(rank)), [Some(7), Some(7), Some(301), Some(301), Some(1_003_519), None]);
        assert_eq!(Histogram::default().at_rank(1), None);
    }

    #[test]
    fn a_count_that_is_full_stays_so() {
        let mut full = of(&[9]);
        full.add(9, u32::MAX);
        full.merge(&of(&[9]));
        assert_eq!(full.iter().collect::<Vec<_>>(), [(9, u32::MAX)]);
    }

    fn value() -> impl Strategy<Value = u64> {
        // Of every length, and beside the powers of two, where steps begin and end.
        prop_oneof![
            (0u32..41).prop_flat_map(|digits| 0..1u64 << digits),
            (0u32..41, 0u64..3).prop_map(|(digits, off)| (1u64 << digits) + off - 1)
        ]
    }

    proptest! {
        #[test]
        fn steps_are_those_of_the_library(value in value()) {
            let reference = reference(&[value]);
            prop_assert_eq!(smallest(step(value)), reference.lowest_equivalent(value));
            prop_assert_eq!(largest(step(value)), reference.highest_equivalent(value));
        }

        #[test]
        fn answers_are_those_of_the_library(a in prop::collection::vec(value(), 1..200), b in prop::collection::vec(value(), 0..200)) {
            let reference = reference(&[a.clone(), b.clone()].concat());
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let steps: Vec<_> = reference.iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value())).collect();
            prop_assert_eq!(merged.iter().collect::<Vec<_>>(), steps);
            for rank in 1..=reference.len() {
                let value = reference.value_at_quantile((rank as f64 - 0.5) / reference.len() as f64);
                prop_assert_eq!(merged.at_rank(rank), Some(value));
            }
        }
    }
}
