//! The distribution of one quantity: exact while small, a histogram when large.
//!
//! Most statements are called a few dozen times, so the first [`KEPT`] values are kept as they are. Beyond that a
//! histogram with two significant digits takes over, which is never below a value and at most 1 % above it.
//! Count, sum and sum of squares are integers throughout, so merging is exact and associative.
//!
//! Percentiles are nearest-rank: the ⌈n·q⌉-th smallest value (Hyndman and Fan, "Sample Quantiles in Statistical Packages",
//! 1996, definition 1).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::Micros;

use super::histogram::{Histogram, smallest, step};

/// How many values are kept exactly.
pub const KEPT: usize = 64;

/// Values above this, 12 days, are counted apart; the exact maximum answers for them.
const HIGHEST: u64 = 1 << 40;

/// A quantile as a whole number of thousandths, so that ranks are integer arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permille(pub u64);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    sums: Sums,
    /// Values above [`HIGHEST`].
    beyond: u64,
    values: Values,
}

/// What is known of values without any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    count: u64,
    sum: u128,
    squares: u128,
    /// The most there is if there is no value.
    min: u64,
    max: u64,
}

impl Default for Sums {
    fn default() -> Self {
        Sums { count: 0, sum: 0, squares: 0, min: u64::MAX, max: 0 }
    }
}

impl Sums {
    #[inline]
    pub(super) fn add(&mut self, Micros(value): Micros) {
        self.count += 1;
        self.sum += u128::from(value);
        self.squares = self.squares.saturating_add(u128::from(value) * u128::from(value));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Sums) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares = self.squares.saturating_add(other.squares);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn total(&self) -> Micros {
        Micros(u64::try_from(self.sum).unwrap_or(u64::MAX))
    }

    /// The largest value, or 0 if there is none.
    pub(super) fn max(&self) -> Micros {
        Micros(self.max)
    }

    /// The smallest value, or 0 if there is none.
    fn least(&self) -> u64 {
        if self.count == 0 { 0 } else { self.min }
    }

    /// A value as near as can be to one that a step stands for.
    fn within(&self, value: u64) -> u64 {
        value.clamp(self.least(), self.max)
    }
}

#[derive(Clone, Debug)]
enum Values {
    Kept(Vec<u64>),
    Histogram(Histogram),
}

impl Default for Values {
    fn default() -> Self {
        Values::Kept(Vec::new())
    }
}

impl Latency {
    /// Adds one value.
    pub fn record(&mut self, value: Micros) {
        self.sums.add(value);
        self.keep(value);
    }

    /// Adds a value whose part of the sums comes by [`Self::add_sums`].
    #[inline]
    pub(super) fn keep(&mut self, Micros(value): Micros) {
        match &mut self.values {
            Values::Histogram(histogram) if value <= HIGHEST => histogram.add(value, 1),
            Values::Kept(kept) if kept.len() < kept.capacity().min(KEPT) => kept.push(value),
            _ => self.keep_more(value),
        }
    }

    /// The same where memory is to be had for it, and for the few values above [`HIGHEST`].
    #[inline(never)]
    fn keep_more(&mut self, value: u64) {
        match &mut self.values {
            Values::Histogram(_) => self.beyond += 1,
            Values::Kept(kept) if kept.len() < KEPT => kept.push(value),
            Values::Kept(_) => {
                let mut histogram = self.take_histogram();
                self.put(&mut histogram, value, 1);
                self.values = Values::Histogram(histogram);
            }
        }
    }

    /// Adds the sums of values that were added by [`Self::keep`].
    pub(super) fn add_sums(&mut self, sums: &Sums) {
        self.sums.merge(sums);
    }

    /// The histogram, to be put back: it takes over now if it has not yet.
    fn take_histogram(&mut self) -> Histogram {
        match std::mem::take(&mut self.values) {
            Values::Histogram(histogram) => histogram,
            Values::Kept(kept) => {
                let mut histogram = Histogram::default();
                kept.into_iter().for_each(|value| self.put(&mut histogram, value, 1));
                histogram
            }
        }
    }

    /// Puts a value so many times into the histogram, or counts it apart.
    fn put(&mut self, histogram: &mut Histogram, value: u64, times: u64) {
        if value <= HIGHEST {
            histogram.add(value, u32::try_from(times).unwrap_or(u32::MAX));
        } else {
            self.beyond = self.beyond.saturating_add(times);
        }
    }

    /// Adds all values of another distribution.
    pub fn merge(&mut self, other: &Latency) {
        if other.sums.count == 0 {
            return;
        }
        self.sums.merge(&other.sums);
        self.beyond += other.beyond;
        if let (Values::Kept(mine), Values::Kept(theirs)) = (&mut self.values, &other.values)
            && mine.len() + theirs.len() <= KEPT
        {
            mine.extend_from_slice(theirs);
            return;
        }
        let mut histogram = self.take_histogram();
        match &other.values {
            Values::Kept(kept) => kept.iter().for_each(|&value| self.put(&mut histogram, value, 1)),
            Values::Histogram(theirs) => histogram.merge(theirs),
        }
        self.values = Values::Histogram(histogram);
    }

    /// Without the values of another distribution, all of which are in this one. Sums and counts are exact; the extremes are
    /// those of the values that are left, as far as a histogram tells.
    #[must_use]
    pub fn without(&self, other: &Latency) -> Latency {
        let mut counts: std::collections::BTreeMap<u64, u64> = std::collections::BTreeMap::new();
        // What is a histogram here may be single values there, so both are put into steps of the histogram.
        let exact = self.is_exact() && other.is_exact();
        let rounded = |value: u64| if exact || value > HIGHEST { value } else { smallest(step(value)) };
        self.each(&mut |value, count| *counts.entry(rounded(value)).or_default() += count);
        other.each(&mut |value, count| {
            let left = counts.entry(rounded(value)).or_default();
            *left = left.saturating_sub(count);
        });
        let mut rest = Latency::default();
        for (value, count) in counts {
            rest.record_times(Micros(self.sums.within(value)), count);
        }
        rest.sums.sum = self.sums.sum.saturating_sub(other.sums.sum);
        rest.sums.squares = self.sums.squares.saturating_sub(other.sums.squares);
        rest
    }

    /// Adds one value many times: what is more than is kept goes into the histogram at once, for a file may tell of any number.
    fn record_times(&mut self, value: Micros, count: u64) {
        let single = count.min(KEPT as u64 + 1);
        (0..single).for_each(|_| self.record(value));
        let more = count - single;
        if more > 0 {
            self.sums.count = self.sums.count.saturating_add(more);
            let mut histogram = self.take_histogram();
            self.put(&mut histogram, value.0, more);
            self.values = Values::Histogram(histogram);
        }
    }

    /// Every value and how often it is there, as far as it is known.
    fn each(&self, tell: &mut dyn FnMut(u64, u64)) {
        match &self.values {
            Values::Kept(kept) => kept.iter().for_each(|&value| tell(value, 1)),
            Values::Histogram(histogram) => {
                histogram.iter().for_each(|(value, count)| tell(value, u64::from(count)));
                if self.beyond > 0 {
                    tell(self.sums.max, self.beyond);
                }
            }
        }
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sums.count
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> Micros {
        self.sums.total()
    }

    /// The smallest; `None` if there is none.
    #[must_use]
    pub fn min(&self) -> Option<Micros> {
        (self.sums.count > 0).then_some(Micros(self.sums.min))
    }

    /// The largest; `None` if there is none.
    #[must_use]
    pub fn max(&self) -> Option<Micros> {
        (self.sums.count > 0).then_some(Micros(self.sums.max))
    }

    /// The arithmetic mean in microseconds.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.sums.count > 0).then(|| self.sums.sum as f64 / self.sums.count as f64)
    }

    /// The standard deviation of the population in microseconds, as `pg_stat_statements` has it.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        // n·Σx² − (Σx)² is exact in integers as long as it fits, and never negative.
        let n = u128::from(self.sums.count);
        let exact = n.checked_mul(self.sums.squares).zip(self.sums.sum.checked_mul(self.sums.sum)).map(|(a, b)| a.saturating_sub(b) as f64);
        let mean = self.mean()?;
        let spread = exact.unwrap_or_else(|| {
            let count = self.sums.count as f64;
            (self.sums.squares as f64 / count - mean * mean).max(0.0) * count * count
        });
        Some(spread.sqrt() / self.sums.count as f64)
    }

    /// Whether every value is known exactly.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.values, Values::Kept(_))
    }

    /// The value at a quantile by nearest rank; `None` if there are no values.
    #[must_use]
    pub fn at(&self, quantile: Permille) -> Option<Micros> {
        self.at_rank(rank(self.sums.count, quantile)?)
    }

    /// The mean of the values up to the one at a quantile, in microseconds: a trimmed mean, which the few slowest do not move.
    #[must_use]
    pub fn mean_up_to(&self, quantile: Permille) -> Option<f64> {
        let taken = rank(self.sums.count, quantile)?;
        let mut steps = Vec::new();
        self.each(&mut |value, count| steps.push((self.sums.within(value), count)));
        steps.sort_unstable();
        let mut left = taken;
        let sum: f64 = steps
            .into_iter()
            .map(|(value, count)| {
                let counted = count.min(left);
                left -= counted;
                value as f64 * counted as f64
            })
            .sum();
        Some(sum / (taken - left).max(1) as f64)
    }

    /// The value of a rank, counted from 1, the smallest; `None` if there are fewer values.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Option<Micros> {
        if rank == 0 || rank > self.sums.count {
            return None;
        }
        let value = match &self.values {
            Values::Kept(kept) => {
                let mut sorted = kept.clone();
                sorted.sort_unstable();
                sorted.get(usize::try_from(rank - 1).ok()?).copied()?
            }
            Values::Histogram(histogram) => histogram.at_rank(rank).unwrap_or(self.sums.max),
        };
        Some(Micros(self.sums.within(value)))
    }

    /// Whether so few values lie above a quantile that it is the maximum.
    #[must_use]
    pub fn is_beyond_samples(&self, quantile: Permille) -> bool {
        rank(self.sums.count, quantile) == Some(self.sums.count)
    }

    /// How many values lie in each of the steps that begin at `starts`, which are in order; the first has all below it too, the
    /// last all above it. Once a histogram has taken over a value within 1 % of a start may be in the step before or behind.
    #[must_use]
    pub fn steps(&self, starts: &[Micros]) -> Vec<u64> {
        let mut counts = vec![0; starts.len()];
        let mut add = |value: u64, count: u64| {
            let at = starts.partition_point(|start| start.0 <= value).saturating_sub(1);
            if let Some(slot) = counts.get_mut(at) {
                *slot += count;
            }
        };
        match &self.values {
            Values::Kept(kept) => kept.iter().for_each(|&v| add(v, 1)),
            Values::Histogram(histogram) => {
                histogram.iter().for_each(|(value, count)| add(self.sums.within(value), u64::from(count)));
                add(self.sums.max, self.beyond);
            }
        }
        counts
    }

    /// How many values lie in each of `buckets` equal steps of the logarithm between `low` and `high`.
    #[must_use]
    pub fn spread(&self, low: Micros, high: Micros, buckets: usize) -> Vec<u64> {
        let mut counts = vec![0; buckets];
        let (low, high) = ((low.0.max(1) as f64).ln(), (high.0.max(2) as f64).ln());
        let mut add = |value: u64, count: u64| {
            let position = ((value.max(1) as f64).ln() - low) / (high - low).max(f64::MIN_POSITIVE);
            let edge = (1..buckets).take_while(|&n| position >= n as f64 / buckets as f64).count();
            if let Some(slot) = counts.get_mut(edge) {
                *slot += count;
            }
        };
        match &self.values {
            Values::Kept(kept) => kept.iter().for_each(|&v| add(v, 1)),
            Values::Histogram(histogram) => {
                histogram.iter().for_each(|(value, count)| add(value, u64::from(count)));
                add(self.sums.max, self.beyond);
            }
        }
        counts
    }
}

impl PartialEq for Latency {
    /// Equal if every answer is.
    fn eq(&self, other: &Self) -> bool {
        let values = |latency: &Latency| match &latency.values {
            Values::Kept(kept) => {
                let mut sorted: Vec<(u64, u64)> = kept.iter().map(|&v| (v, 1)).collect();
                sorted.sort_unstable();
                sorted
            }
            Values::Histogram(histogram) => histogram.iter().map(|(value, count)| (value, u64::from(count))).collect(),
        };
        let facts = |latency: &Latency| (latency.sums, latency.beyond, latency.is_exact());
        facts(self) == facts(other) && values(self) == values(other)
    }
}

/// A distribution as saved files hold it: values or steps of the histogram in order, sums in quotes where they are large.
#[derive(Serialize, Deserialize)]
struct Stored {
    count: u64,
    sum: String,
    squares: String,
    #[serde(deserialize_with = "crate::units::wide::number")]
    min: u64,
    #[serde(deserialize_with = "crate::units::wide::number")]
    max: u64,
    beyond: u64,
    /// The values, where all are kept.
    kept: Option<Vec<Micros>>,
    /// Else a value of each step in order, and how many are in it.
    steps: Vec<(Micros, u32)>,
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kept, steps) = match &self.values {
            Values::Kept(kept) => {
                let mut sorted: Vec<Micros> = kept.iter().copied().map(Micros).collect();
                sorted.sort_unstable();
                (Some(sorted), Vec::new())
            }
            Values::Histogram(histogram) => (None, histogram.iter().map(|(value, count)| (Micros(value), count)).collect()),
        };
        let Sums { count, sum, squares, max, .. } = self.sums;
        let (sum, squares, min, beyond) = (sum.to_string(), squares.to_string(), self.sums.least(), self.beyond);
        Stored { count, sum, squares, min, max, beyond, kept, steps }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Latency {
    /// Refuses what no distribution could be.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Latency::restored(stored).ok_or_else(|| serde::de::Error::custom("a distribution whose numbers do not fit together"))
    }
}

impl Latency {
    fn restored(stored: Stored) -> Option<Self> {
        let Stored { count, min, max, beyond, .. } = stored;
        let (sum, squares): (u128, u128) = (stored.sum.parse().ok()?, stored.squares.parse().ok()?);
        let wide = |value: u64| u128::from(count) * u128::from(value);
        let (values, counted) = match stored.kept {
            Some(kept) if kept.len() <= KEPT && stored.steps.is_empty() && beyond == 0 => {
                let counted = kept.len() as u64;
                (Values::Kept(kept.into_iter().map(|value| value.0).collect()), counted)
            }
            Some(_) => return None,
            None => {
                let mut histogram = Histogram::default();
                let mut counted = beyond;
                // The largest first, so that the histogram grows once.
                for (Micros(value), times) in stored.steps.into_iter().rev() {
                    // A step is told by its largest value, that of the last one is above what goes into it.
                    counted = counted.checked_add(u64::from(times)).filter(|_| times > 0 && step(value) <= step(HIGHEST))?;
                    histogram.add(value, times);
                }
                (Values::Histogram(histogram), counted)
            }
        };
        let fits = counted == count && min <= max && (wide(min)..=wide(max)).contains(&sum) && (count > 0 || max == 0);
        let min = if count == 0 { u64::MAX } else { min };
        fits.then_some(Latency { sums: Sums { count, sum, squares, min, max }, beyond, values })
    }
}

/// ⌈n · permille / 1000⌉, at least 1: the rank of a quantile among so many values; `None` if there are none.
#[must_use]
pub fn rank(count: u64, quantile: Permille) -> Option<u64> {
    (count > 0).then(|| u64::try_from((u128::from(count) * u128::from(quantile.0)).div_ceil(1_000)).unwrap_or(count).clamp(1, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUANTILES: [u64; 6] = [0, 500, 900, 950, 990, 999];

    fn of(values: &[u64]) -> Latency {
        let mut latency = Latency::default();
        values.iter().for_each(|&v| latency.record(Micros(v)));
        latency
    }

    /// The definition, over all values.
    fn nearest_rank(values: &[u64], permille: u64) -> u64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let rank = (sorted.len() as u64 * permille).div_ceil(1_000).max(1);
        sorted[usize::try_from(rank).expect("small") - 1]
    }

    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..300, 1u64..3_000_000, 1u64..4_000_000_000, Just(HIGHEST), Just(HIGHEST + 7), Just(0)]
    }

    #[test]
    fn by_hand() {
        let latency = of(&[1, 2, 3, 4]);
        assert_eq!((latency.mean(), latency.deviation()), (Some(2.5), Some(1.25f64.sqrt())));
        assert_eq!(latency.at(Permille(500)), Some(Micros(2)));
        assert_eq!(latency.at(Permille(990)), Some(Micros(4)));
        // 1 to 3 are up to the third of four values; of ten the tenth, which is long, is left out.
        assert_eq!((latency.mean_up_to(Permille(750)), latency.mean_up_to(Permille(1000))), (Some(2.0), Some(2.5)));
        assert_eq!(of(&[9, 2, 3, 4, 5, 6, 7, 8, 1, 1_000_000]).mean_up_to(Permille(900)), Some(5.0));
        assert_eq!(Latency::default().mean_up_to(Permille(900)), None);
        let many: Vec<u64> = (0..1_000).map(|n| if n % 10 == 0 { 9_000_000 } else { 1_000 }).collect();
        assert!(of(&many).mean_up_to(Permille(900)).is_some_and(|mean| (1_000.0..1_010.0).contains(&mean)));
        assert!(latency.is_beyond_samples(Permille(990)) && !latency.is_beyond_samples(Permille(500)));
        assert_eq!(Latency::default().at(Permille(500)), None);
    }

    #[test]
    fn what_is_left_without_some() {
        let few = of(&[1, 2, 3, 900]).without(&of(&[900, 2]));
        assert_eq!((few.count(), few.total(), few.at(Permille(500)), few.max()), (2, Micros(4), Some(Micros(1)), Some(Micros(3))));
        // 100 calls of 1 ms, and 20 that waited a second.
        let all: Vec<u64> = std::iter::repeat_n(1_000, 100).chain(std::iter::repeat_n(1_000_000, 20)).collect();
        let many = of(&all).without(&of(&all[100..]));
        assert_eq!((many.count(), many.total(), many.mean()), (100, Micros(100_000), Some(1_000.0)));
        let p95 = many.at(Permille(950)).expect("there are calls").0;
        assert!((990..=1_010).contains(&p95), "{p95}");
        // What a file may tell costs no more than what it says.
        let mut huge = of(&[1]);
        huge.record_times(Micros(1_000), u64::from(u32::MAX));
        let less = huge.without(&of(&[1]));
        assert_eq!((huge.count(), less.count()), (1 + u64::from(u32::MAX), u64::from(u32::MAX)));
    }

    proptest! {
        #[test]
        fn what_was_saved_is_the_same(values in prop::collection::vec(value(), 0..150)) {
            let saved = serde_json::to_string(&of(&values)).expect("a distribution");
            let restored: Latency = serde_json::from_str(&saved).expect("what was saved");
            prop_assert!(restored == of(&values), "{saved}");
        }

        #[test]
        fn percentiles_are_never_below_the_true_value_and_at_most_one_per_cent_above(values in prop::collection::vec(value(), 1..300)) {
            let latency = of(&values);
            for q in QUANTILES {
                let (ours, truth) = (latency.at(Permille(q)).expect("some").0, nearest_rank(&values, q));
                let slack = if latency.is_exact() { 0 } else { truth / 100 };
                let beyond = truth > HIGHEST;
                prop_assert!(ours >= truth && (beyond || ours <= truth + slack), "q{q}: {ours} for {truth}");
                prop_assert!(Some(Micros(ours)) <= latency.max());
            }
        }

        #[test]
        fn merging_is_recording_everything(a in prop::collection::vec(value(), 0..100), b in prop::collection::vec(value(), 0..100), c in prop::collection::vec(value(), 0..100)) {
            let all = of(&[a.clone(), b.clone(), c.clone()].concat());
            let mut left = of(&a);
            left.merge(&of(&b));
            left.merge(&of(&c));
            let mut right = of(&b);
            right.merge(&of(&c));
            let mut outer = of(&a);
            outer.merge(&right);
            prop_assert!(left == all && outer == all);
            let mut identity = Latency::default();
            identity.merge(&all);
            identity.merge(&Latency::default());
            prop_assert!(identity == all);
        }
    }
}
