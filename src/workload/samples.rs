//! Which values a statement's calls asked for, place by place: a sample of its calls, with hashes of their values.
//!
//! Only calls of a millisecond and more are looked at, and those whose duration is not told beside the text: no others are worth
//! an index. Every call has a number that is as good as drawn by lot, though the same whenever the same call is read; those are kept
//! whose number is below a limit, and the limit is halved whenever there are more than [`MOST`] of them. Which calls these are
//! depends on the calls alone, not on their order or on how they were cut into blocks, so that samples merge exactly (level
//! sampling: Gibbons and Tirthapura, "Estimating simple functions on the union of data streams", 2001). Of a statement with
//! few calls that are looked at everything is known of these; of others each of them was as likely to be drawn as any other, so
//! that shares are those of the calls that are looked at, give or take a tenth. Faster calls may have other values.
//!
//! No value is in it but as a hash of 32 bits. Where somebody wants to plan with real values a few calls are kept as they were
//! logged, in memory only.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parsed::Sample;
use crate::units::Micros;

/// How many calls of a statement are kept.
pub(super) const MOST: usize = 64;

/// Statements with more places for values are not looked at.
pub(super) const MOST_PLACES: usize = 16;

/// How many of them are kept as they were logged, where that is wanted.
const MOST_EXAMPLES: usize = 16;

/// The limit can be halved so often until nothing is below it.
const MOST_HALVINGS: u8 = 33;

/// One call that was drawn.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Drawn {
    /// What it drew.
    number: u32,
    /// The hashes of its values by their places in the normalised text; none if it cannot be told which is which.
    values: Box<[u32]>,
    #[serde(skip)]
    example: Option<Box<Sample>>,
}

impl Drawn {
    pub(super) fn new(number: u32, values: &[u32], example: Option<Box<Sample>>) -> Self {
        Drawn { number, values: values.into(), example }
    }

    fn key(&self) -> (u32, &[u32], Option<&Sample>) {
        (self.number, &self.values, self.example.as_deref())
    }
}

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Drawn {}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What the values of a place were in the calls that were drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Calls that were drawn and whose values are known.
    pub drawn: u64,
    /// How many calls these stand for, about.
    pub calls: u64,
    /// Different values among them.
    pub distinct: u64,
    /// Values that came once.
    pub once: u64,
    /// Calls with the most common value.
    pub most: u64,
    /// Whether these are all calls that are looked at, see the module, and whose values are known.
    pub is_all: bool,
}

impl Place {
    /// How many different values the calls asked for, and whether that was counted. Source: the estimator of Haas and
    /// Stokes that ANALYZE uses, `compute_scalar_stats` in `src/backend/commands/analyze.c`.
    #[must_use]
    pub fn different(&self) -> (u64, bool) {
        if self.is_all || self.drawn == 0 || self.calls <= self.drawn {
            return (self.distinct, self.is_all);
        }
        let [drawn, distinct, once, calls] = [self.drawn, self.distinct, self.once, self.calls].map(|count| count as f64);
        let estimate = drawn * distinct / (drawn - once + once * drawn / calls);
        (Micros::floor(estimate.clamp(distinct.min(calls), calls)).0, false)
    }

    /// The part of the calls that asked for the most common value, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.most as f64 / self.drawn.max(1) as f64
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Samples {
    /// How often the limit was halved.
    halvings: u8,
    /// The calls below it, in order.
    drawn: Vec<Drawn>,
    /// What there was where hashes were given up.
    sealed: Vec<Place>,
}

impl Samples {
    /// Calls that took less are not looked at, where their durations stand beside their texts.
    pub const WORTH: Micros = Micros(1_000);

    /// Takes a call that was drawn by whoever sees a part of them. They are in order once they are settled.
    pub(super) fn take(&mut self, number: u32, call: impl FnOnce() -> Drawn) {
        if u64::from(number) < limit(self.halvings) {
            self.drawn.push(call());
            while self.drawn.len() > MOST {
                self.halvings += 1;
                let limit = limit(self.halvings);
                self.drawn.retain(|call| u64::from(call.number) < limit);
            }
        }
    }

    /// Puts them in order, and keeps few examples.
    pub(super) fn settle(&mut self) {
        self.drawn.sort_unstable();
        self.trim();
    }

    /// Adds those of another.
    pub(super) fn merge(&mut self, other: &Samples) {
        self.halvings = self.halvings.max(other.halvings).min(MOST_HALVINGS);
        self.drawn.extend(other.drawn.iter().cloned());
        self.settle();
        self.sealed = better(&self.sealed, &other.sealed);
    }

    fn trim(&mut self) {
        loop {
            let limit = limit(self.halvings);
            self.drawn.truncate(self.drawn.partition_point(|call| u64::from(call.number) < limit));
            if self.drawn.len() <= MOST {
                break;
            }
            self.halvings += 1;
        }
        self.drawn.iter_mut().skip(MOST_EXAMPLES).for_each(|call| call.example = None);
    }

    /// Gives up the hashes, by which somebody who guesses a value could tell whether it was there. Of two such parts the one
    /// that knows more calls stands for both.
    pub(crate) fn seal(&mut self) {
        *self = Samples { sealed: self.places(), ..Samples::default() };
    }

    /// What is known of each place of the normalised text, `$1` first; empty if nothing is.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let width = self.drawn.iter().map(|call| call.values.len()).max().unwrap_or_default();
        let known: Vec<&Drawn> = self.drawn.iter().filter(|call| width > 0 && call.values.len() == width).collect();
        let is_all = self.halvings == 0 && known.len() == self.drawn.len();
        let calls = (known.len() as u64).saturating_mul(1 << self.halvings.min(MOST_HALVINGS));
        let of = |at: usize| Place { calls, is_all, ..place(known.iter().map(|call| call.values[at])) };
        let places: Vec<Place> = (0..width).map(of).collect();
        better(&places, &self.sealed)
    }

    /// A call with usual values and one with unusual ones, of those that are kept as they were logged: by how often the values
    /// of each place came, and only of those that are of use to whoever asks. Both are the same where all calls had the same
    /// values; none if none are kept.
    #[must_use]
    pub fn extremes(&self, is_of_use: &dyn Fn(&Sample) -> bool) -> Option<(&Sample, &Sample)> {
        let counts: Vec<BTreeMap<u32, u64>> = (0..self.places().len())
            .map(|at| {
                let mut counts = BTreeMap::new();
                let values = self.drawn.iter().filter_map(|call| call.values.get(at));
                values.for_each(|&value| *counts.entry(value).or_default() += 1);
                counts
            })
            .collect();
        let usual = |call: &Drawn| -> u64 { call.values.iter().zip(&counts).filter_map(|(value, counts)| counts.get(value)).sum() };
        let is_kept = |call: &Drawn| !call.values.is_empty() && call.example.as_deref().is_some_and(is_of_use);
        let kept = || self.drawn.iter().filter(|call| is_kept(call));
        // Of equals the first that was drawn.
        let most = kept().min_by_key(|call| (std::cmp::Reverse(usual(call)), *call))?;
        let least = kept().min_by_key(|call| (usual(call), *call))?;
        most.example.as_deref().zip(least.example.as_deref())
    }

    /// Whether it holds no more than it keeps.
    pub(super) fn is_within_bounds(&self) -> bool {
        let is_narrow = self.drawn.iter().all(|call| call.values.len() <= MOST_PLACES);
        let is_possible = |place: &Place| place.once <= place.distinct && place.distinct <= place.drawn && place.most <= place.drawn;
        let are_few = self.drawn.len() <= MOST && self.halvings <= MOST_HALVINGS && self.sealed.len() <= MOST_PLACES;
        are_few && is_narrow && self.sealed.iter().all(is_possible)
    }
}

/// Numbers below it are drawn.
pub(super) fn limit(halvings: u8) -> u64 {
    (1 << 32) >> halvings.min(MOST_HALVINGS)
}

/// Of two parts the one that knows more calls. Where both know some neither knows all.
fn better(one: &[Place], other: &[Place]) -> Vec<Place> {
    let key = |places: &[Place]| {
        places.iter().map(|place| [place.drawn, place.calls, place.distinct, place.once, place.most]).collect::<Vec<_>>()
    };
    let mut better = if key(other) > key(one) { other.to_vec() } else { one.to_vec() };
    if !one.is_empty() && !other.is_empty() {
        better.iter_mut().for_each(|place| place.is_all = false);
    }
    better
}

fn place(values: impl Iterator<Item = u32>) -> Place {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    Place {
        drawn: counts.values().sum(),
        distinct: counts.len() as u64,
        once: counts.values().filter(|count| **count == 1).count() as u64,
        most: counts.values().copied().max().unwrap_or_default(),
        ..Place::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(calls: &[(u32, u32)]) -> Samples {
        let mut samples = Samples::default();
        calls.iter().for_each(|&(number, value)| samples.take(number, || Drawn::new(number, &[value], None)));
        samples.settle();
        samples
    }

    fn merged(parts: &[&Samples]) -> Samples {
        parts.iter().fold(Samples::default(), |mut all, part| {
            all.merge(part);
            all
        })
    }

    fn calls() -> impl Strategy<Value = Vec<(u32, u32)>> {
        // Some numbers come often, as they do in logs whose times are whole seconds.
        let number = prop_oneof![any::<u32>(), 0..4_u32, Just(u32::MAX), Just(1 << 20)];
        prop::collection::vec((number, 0..5_u32), 0..160)
    }

    proptest! {
        #[test]
        fn what_is_drawn_does_not_depend_on_order_or_parts(calls in calls(), cut in 0..160_usize, other in 0..160_usize) {
            let all = of(&calls);
            prop_assert!(all.is_within_bounds());
            let mut backwards = calls.clone();
            backwards.reverse();
            prop_assert_eq!(&of(&backwards), &all);
            let (a, rest) = calls.split_at(cut.min(calls.len()));
            let (b, c) = rest.split_at(other.min(rest.len()));
            let (a, b, c) = (of(a), of(b), of(c));
            prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
            prop_assert_eq!(&merged(&[&c, &merged(&[&b, &a])]), &all);
        }

        #[test]
        fn sealed_parts_merge_in_any_order(x in calls(), y in calls(), z in calls(), open in 0..3_usize) {
            let mut parts = [of(&x), of(&y), of(&z)];
            parts.iter_mut().enumerate().filter(|(at, _)| *at != open).for_each(|(_, part)| part.seal());
            let [a, b, c] = &parts;
            prop_assert_eq!(merged(&[&merged(&[a, b]), c]), merged(&[a, &merged(&[b, c])]));
            prop_assert_eq!(merged(&[a, b, c]), merged(&[c, b, a]));
        }
    }

    /// As a saved file may say.
    #[test]
    fn what_cannot_be_is_out_of_bounds_and_ends_nothing() {
        let hostile = Place { drawn: 5, calls: 10, distinct: 100, once: 1, most: 1, is_all: false };
        assert!(!Samples { sealed: vec![hostile], ..Samples::default() }.is_within_bounds());
        assert!(hostile.different().0 <= 100);
        let all = Place { drawn: u64::MAX, calls: u64::MAX, distinct: 0, once: u64::MAX, most: 0, is_all: false };
        assert_eq!(all.different(), (0, false));
    }

    #[test]
    fn few_calls_are_all_known() {
        let some = of(&[(7, 1), (u32::MAX, 1), (9, 2), (7, 1)]);
        let expected = Place { drawn: 4, calls: 4, distinct: 2, once: 1, most: 3, is_all: true };
        assert_eq!(some.places(), [expected]);
        assert_eq!((expected.different(), expected.share()), ((2, true), 0.75));
        let mut sealed = some.clone();
        sealed.seal();
        assert_eq!((sealed.places(), sealed.drawn.len()), (vec![expected], 0));
    }

    /// Numbers in equal steps: the sample is every so many-th call.
    #[test]
    fn many_calls_are_estimated_as_analyze_would() {
        let count = 10_000_u32;
        let step = u32::MAX / count;
        let drawn = |value: fn(u32) -> u32| of(&(0..count).map(|at| (at * step, value(at))).collect::<Vec<_>>()).places()[0];
        // 10,000 calls halved until 64 are left or fewer: below 1/256 of the numbers there are 40, which stand for 10,240.
        let keys = drawn(|at| at);
        assert_eq!((keys.drawn, keys.calls, keys.distinct, keys.is_all), (40, 10_240, 40, false));
        assert_eq!(keys.different(), (10_240, false));
        let one = drawn(|_| 3);
        assert_eq!((one.different(), one.share()), ((1, false), 1.0));
        // 20 values twice each: none came once, so there are no others.
        assert_eq!(drawn(|at| at / 2).different(), (20, false));
    }

    #[test]
    fn where_numbers_are_all_the_same_there_is_no_end_of_memory() {
        let calls: Vec<(u32, u32)> = (0..1_000).map(|value| (0, value)).collect();
        let samples = of(&calls);
        assert!(samples.is_within_bounds() && samples.places().is_empty());
    }

    #[test]
    fn a_usual_and_an_unusual_call_are_kept_as_they_were() {
        let mut samples = Samples::default();
        let any = |_: &Sample| true;
        assert_eq!(samples.extremes(&any), None);
        for (number, value, sql) in [(1, 5, "a"), (2, 6, "b"), (3, 5, "c"), (4, 5, "d")] {
            let example = Sample::new(sql.as_bytes(), None);
            samples.take(number, || Drawn::new(number, &[value], Some(Box::new(example))));
        }
        // Without values nobody knows how usual they are.
        samples.take(0, || Drawn::new(0, &[], Some(Box::default())));
        let (usual, unusual) = samples.extremes(&any).expect("kept");
        assert_eq!((usual.sql.as_slice(), unusual.sql.as_slice()), (b"a".as_slice(), b"b".as_slice()));
        // The usual ones that are of no use leave the choice to the others.
        let (usual, unusual) = samples.extremes(&|sample| !b"ab".contains(&sample.sql[0])).expect("others");
        assert_eq!((usual.sql.as_slice(), unusual.sql.as_slice()), (b"c".as_slice(), b"c".as_slice()));
        assert_eq!(samples.extremes(&|_| false), None);
        let json = serde_json::to_string(&samples).expect("plain");
        assert!(!json.contains("example") && !json.contains("sql"), "{json}");
    }
}
