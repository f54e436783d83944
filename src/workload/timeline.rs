//! What happened when: sums by stretches of time, of one statement or of everything.
//!
//! A series keeps one sum for each stretch in which anything happened. Stretches are whole minutes to begin with; when a
//! series has more of them than it may keep, they become twice as long, aligned to 1970, as often as it takes. How long they
//! end up is decided by the minutes alone and not by their order, so merging is exact and associative.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::{Micros, Timestamp};

/// How many stretches a statement keeps; a day has 90 of 16 minutes.
pub(super) const MOST: u32 = 128;
/// How many where the minute matters, because an objective is judged by it: a day and a half of minutes.
pub(super) const MOST_WATCHED: u32 = 1 << 11;

/// A minute.
pub const MINUTE: Micros = Micros::from_millis(60_000);

/// What is summed up.
pub trait Sum: Copy + Default + PartialEq {
    /// Adds another sum.
    fn add(&mut self, other: &Self);
}

/// Calls and failures of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredSpan", from = "StoredSpan")]
pub struct Span {
    /// Executions that ended in it.
    pub calls: u32,
    /// Those of them whose duration is known.
    pub timed: u32,
    /// Failed executions.
    pub errors: u32,
    /// The time of the calls.
    pub total: Micros,
    /// The longest.
    pub max: Micros,
}

/// Calls, those that are timed, failures, time and the longest: short, because there are many.
type StoredSpan = (u32, u32, u32, Micros, Micros);

impl From<Span> for StoredSpan {
    fn from(Span { calls, timed, errors, total, max }: Span) -> Self {
        (calls, timed, errors, total, max)
    }
}

impl From<StoredSpan> for Span {
    fn from((calls, timed, errors, total, max): StoredSpan) -> Self {
        Span { calls, timed, errors, total, max }
    }
}

impl Span {
    /// One call.
    #[inline]
    pub(super) fn call(latency: Option<Micros>) -> Self {
        Span { calls: 1, ..Span::duration(latency) }
    }

    /// The duration of a call that was counted before.
    #[inline]
    pub(super) fn duration(latency: Option<Micros>) -> Self {
        let took = latency.unwrap_or_default();
        Span { calls: 0, timed: u32::from(latency.is_some()), errors: 0, total: took, max: took }
    }

    /// One failure.
    pub(super) fn error() -> Self {
        Span { errors: 1, ..Span::default() }
    }

    /// The mean of the calls whose duration is known.
    #[must_use]
    pub fn mean(&self) -> Option<Micros> {
        (self.timed > 0).then(|| Micros(self.total.0 / u64::from(self.timed)))
    }
}

impl Sum for Span {
    #[inline]
    fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.timed = self.timed.saturating_add(other.timed);
        self.errors = self.errors.saturating_add(other.errors);
        self.total += other.total;
        self.max = self.max.max(other.max);
    }
}

/// The series of a statement.
pub type Timeline = Series<Span>;

/// Sums by stretches of time; see the module.
#[derive(Clone, Debug)]
pub struct Series<T> {
    /// The stretches in which anything happened, in order, each by its number since 1970.
    stretches: Vec<(u32, T)>,
    /// The number of the stretch that was added to last, which is mostly that of the next one; [`NONE`] if there is none.
    number: u32,
    /// What is not among the stretches yet of it. Beside the number, as this is asked for at every call.
    open: T,
    /// How many it may keep.
    most: u32,
    /// A stretch is a minute, doubled so often.
    doubled: u8,
}

/// The number of no stretch.
const NONE: u32 = u32::MAX;

impl<T: Default> Default for Series<T> {
    fn default() -> Self {
        Series::up_to(MOST)
    }
}

impl<T: Default> Series<T> {
    /// An empty series that keeps so many stretches.
    pub(super) fn up_to(most: u32) -> Self {
        Series { stretches: Vec::new(), number: NONE, open: T::default(), most, doubled: 0 }
    }
}

impl<T> Series<T> {
    /// How many minutes a stretch has.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        1 << self.doubled
    }

    /// How long so many stretches are.
    #[must_use]
    pub fn length(&self, count: u32) -> Micros {
        Micros(MINUTE.0 * u64::from(self.minutes()) * u64::from(count))
    }

    /// The number of the stretch that a minute is in.
    #[must_use]
    pub fn number(&self, minute: u32) -> u32 {
        minute >> self.doubled
    }

    /// The first minute of a stretch.
    #[must_use]
    pub fn first_minute(&self, number: u32) -> u32 {
        number << self.doubled
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }
}

impl<T: Sum> Series<T> {
    /// The stretches in which anything happened, by number.
    #[must_use]
    pub fn stretches(&self) -> &[(u32, T)] {
        &self.stretches
    }

    /// What happened in stretches from a number up to another, which is not among them.
    #[must_use]
    pub fn between(&self, from: u32, to: u32) -> &[(u32, T)] {
        let at = |number: u32| self.stretches.partition_point(|(known, _)| *known < number);
        self.stretches.get(at(from)..at(to)).unwrap_or_default()
    }

    /// Adds to the stretch of a minute.
    #[inline]
    pub(super) fn add(&mut self, minute: u32, one: &T) {
        self.of(minute).add(one);
    }

    /// What is added to the stretch of a minute.
    #[inline]
    pub(super) fn of(&mut self, minute: u32) -> &mut T {
        if self.number != minute >> self.doubled {
            self.settle();
            self.number = minute >> self.doubled;
        }
        &mut self.open
    }

    /// Puts what is open among the stretches; before that it is in no answer.
    pub(super) fn settle(&mut self) {
        if self.number != NONE {
            let open = std::mem::take(&mut self.open);
            let place = self.place(self.first_minute(self.number));
            self.stretches[place].1.add(&open);
            self.number = NONE;
        }
    }

    /// The place of the stretch of a minute, which is made if there is none.
    fn place(&mut self, minute: u32) -> usize {
        loop {
            let number = minute >> self.doubled;
            // The last is tried first: logs are mostly in order.
            let found = match self.stretches.last() {
                Some((last, _)) if *last < number => Err(self.stretches.len()),
                _ => self.stretches.binary_search_by_key(&number, |(known, _)| *known),
            };
            let place = match found {
                Ok(place) => place,
                Err(_) if self.stretches.len() >= self.most as usize => {
                    self.double();
                    continue;
                }
                Err(place) => {
                    if self.stretches.is_empty() {
                        // Most statements are called in one minute only.
                        self.stretches.reserve_exact(1);
                    }
                    self.stretches.insert(place, (number, T::default()));
                    place
                }
            };
            return place;
        }
    }

    /// Makes stretches twice as long.
    fn double(&mut self) {
        self.doubled += 1;
        self.stretches.iter_mut().for_each(|(number, _)| *number >>= 1);
        self.stretches.dedup_by(|(later, more), (earlier, sum)| {
            let same = later == earlier;
            if same {
                sum.add(more);
            }
            same
        });
    }

    /// Adds another series.
    pub(super) fn merge(&mut self, other: &Series<T>) {
        self.settle();
        self.most = self.most.max(other.most);
        while self.doubled < other.doubled {
            self.double();
        }
        let open = Some((other.number, other.open)).filter(|(number, _)| *number != NONE);
        for (number, sum) in other.stretches.iter().chain(&open) {
            let place = self.place(other.first_minute(*number));
            self.stretches[place].1.add(sum);
        }
    }
}

impl<T: PartialEq> PartialEq for Series<T> {
    /// Equal if every answer is.
    fn eq(&self, other: &Self) -> bool {
        self.doubled == other.doubled && self.stretches == other.stretches
    }
}

/// A series as saved files hold it.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    most: u32,
    doubled: u8,
    stretches: Vec<(u32, T)>,
}

impl<T: Sum + Serialize> Serialize for Series<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut settled = self.clone();
        settled.settle();
        Stored { most: settled.most, doubled: settled.doubled, stretches: settled.stretches }.serialize(serializer)
    }
}

impl<'de, T: Sum + Deserialize<'de>> Deserialize<'de> for Series<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { most, doubled, stretches } = Stored::deserialize(deserializer)?;
        // Two stretches are half of all time each once a stretch has been doubled as often as it can.
        let in_bounds = (2..=LARGEST).contains(&most) && u32::from(doubled) < u32::BITS && stretches.len() <= most as usize;
        let in_order = stretches.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !in_bounds || !in_order || stretches.last().is_some_and(|(last, _)| *last > (u32::MAX / 2) >> doubled) {
            return Err(serde::de::Error::custom("a series whose stretches do not fit"));
        }
        Ok(Series { stretches, number: NONE, open: T::default(), most, doubled })
    }
}

/// No series keeps more stretches.
const LARGEST: u32 = 1 << 13;

/// The same as timestamps count.
const MICROS: i64 = 60_000_000;

/// Minutes since 1970; what was before is in the first, and what is beyond the year 6000 in the last.
#[must_use]
pub fn minute(at: Timestamp) -> u32 {
    // Half of what fits, so that the minute behind the last one fits too.
    u32::try_from(at.0.div_euclid(MICROS).clamp(0, i64::from(u32::MAX / 2))).unwrap_or(0)
}

/// The minute that was asked for last: moments come mostly in order, and a division takes longer than to see that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastMinute {
    number: u32,
    begins: Timestamp,
}

impl LastMinute {
    /// See [`minute`].
    #[inline]
    pub(super) fn of(&mut self, at: Timestamp) -> u32 {
        let behind = at.0.wrapping_sub(self.begins.0);
        if !(0..MICROS).contains(&behind) {
            self.number = minute(at);
            self.begins = start_of(self.number);
        }
        self.number
    }
}

/// When a minute begins.
#[must_use]
pub fn start_of(minute: u32) -> Timestamp {
    Timestamp(i64::from(minute) * MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(most: u32, calls: &[(u32, u64)]) -> Timeline {
        let mut series = Series::up_to(most);
        calls.iter().for_each(|&(minute, took)| series.add(minute, &Span::call(Some(Micros(took)))));
        series.settle();
        series
    }

    #[test]
    fn a_stretch_has_what_ended_in_it() {
        let series = of(4, &[(7, 10), (7, 30), (9, 5)]);
        let span = |calls, total, max| Span { calls, timed: calls, errors: 0, total: Micros(total), max: Micros(max) };
        assert_eq!((series.minutes(), series.stretches()), (1, &[(7, span(2, 40, 30)), (9, span(1, 5, 5))][..]));
        assert_eq!(series.between(8, 10).len(), 1);
        assert_eq!(series.stretches()[0].1.mean(), Some(Micros(20)));
    }

    #[test]
    fn too_many_stretches_become_longer_ones() {
        // Five minutes do not fit into four: 0-1, 2-3, 4-5, 8-9 do.
        let series = of(4, &[(0, 1), (2, 1), (3, 1), (5, 1), (9, 1)]);
        assert_eq!(series.minutes(), 2);
        assert_eq!(
            series.stretches().iter().map(|(number, span)| (*number, span.calls)).collect::<Vec<_>>(),
            [(0, 1), (1, 2), (2, 1), (4, 1)]
        );
        assert_eq!(series.first_minute(4), 8);
    }

    #[test]
    fn a_moment_before_1970_is_in_the_first_minute_and_the_last_is_not_the_last_that_fits() {
        assert!(minute(Timestamp(i64::MAX)).checked_add(1).is_some());
        assert_eq!((minute(Timestamp(-5)), minute(Timestamp(59_999_999)), minute(Timestamp(60_000_000))), (0, 0, 1));
    }

    #[test]
    fn the_last_minute_is_that_of_each_moment() {
        let mut last = LastMinute::default();
        let around = [i64::MIN, -MICROS, -1, 0, 1, MICROS - 1, MICROS, 7 * MICROS, i64::MAX / 2, i64::MAX];
        for at in around.into_iter().flat_map(|a| around.map(|b| [a, b, a.saturating_add(1), b.saturating_sub(1)])).flatten() {
            assert_eq!(last.of(Timestamp(at)), minute(Timestamp(at)), "{at}");
        }
    }

    fn calls() -> impl Strategy<Value = Vec<(u32, u64)>> {
        prop::collection::vec((prop_oneof![0u32..40, 0u32..5_000], 0u64..1_000), 0..60)
    }

    proptest! {
        #[test]
        fn merging_is_adding_everything_in_any_order(a in calls(), b in calls(), c in calls(), most in 1u32..20) {
            let all = of(most, &[a.clone(), b.clone(), c.clone()].concat());
            let mut sorted = [a.clone(), b.clone(), c.clone()].concat();
            sorted.sort_unstable();
            prop_assert!(of(most, &sorted) == all);
            let mut left = of(most, &a);
            left.merge(&of(most, &b));
            left.merge(&of(most, &c));
            let mut right = of(most, &b);
            right.merge(&of(most, &c));
            let mut outer = of(most, &a);
            outer.merge(&right);
            prop_assert!(left == all && outer == all);
            prop_assert!(all.stretches().len() <= most as usize);
            let mut identity = Series::up_to(most);
            identity.merge(&all);
            prop_assert!(identity == all);
        }
    }
}
