//! Statements matched over runs, by their fingerprint: the server's own ids depend on versions and object ids.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::fingerprint::Fingerprint;

use super::Side;
use super::facts::{Run, Shape};
use super::origin::Origin;

/// A statement in the runs of either side. A run that lacks it has `None`.
#[derive(Debug)]
pub(super) struct Pair<'r> {
    pub(super) statement: Fingerprint,
    pub(super) baseline: Vec<Option<&'r Shape>>,
    pub(super) candidate: Vec<Option<&'r Shape>>,
}

/// Values of one metric in the runs of either side that know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub(super) baseline: Vec<f64>,
    pub(super) candidate: Vec<f64>,
}

impl Values {
    /// What every candidate run has more than every baseline run; `None` if they overlap.
    pub(super) fn gap_above(&self) -> Option<(f64, f64)> {
        separated(&self.baseline, &self.candidate)
    }

    /// What every candidate run has less than every baseline run.
    pub(super) fn gap_below(&self) -> Option<(f64, f64)> {
        separated(&self.candidate, &self.baseline)
    }
}

/// The largest of `low` and the smallest of `high`, if no value of the one is above one of the other.
fn separated(low: &[f64], high: &[f64]) -> Option<(f64, f64)> {
    let largest = low.iter().copied().reduce(f64::max)?;
    let smallest = high.iter().copied().reduce(f64::min)?;
    (smallest > largest).then_some((largest, smallest))
}

impl<'r> Pair<'r> {
    /// Whether some run of each side has it.
    pub(super) fn is_on_both(&self) -> bool {
        self.baseline.iter().any(Option::is_some) && self.candidate.iter().any(Option::is_some)
    }

    /// Any of its facts, for what is the same in all.
    pub(super) fn any(&self) -> Option<&'r Shape> {
        self.candidate.iter().chain(&self.baseline).flatten().next().copied()
    }

    /// A metric in every run that knows it.
    pub(super) fn values(&self, of: impl Fn(&Shape) -> Option<f64>) -> Values {
        let side = |shapes: &[Option<&Shape>]| shapes.iter().flatten().filter_map(|shape| of(shape)).collect();
        Values { baseline: side(&self.baseline), candidate: side(&self.candidate) }
    }

    /// Whether these are the values of every run, and not only of some.
    pub(super) fn is_of_every_run(&self, values: &Values) -> bool {
        values.baseline.len() == self.baseline.len() && values.candidate.len() == self.candidate.len()
    }

    /// Calls of a run, 0 where it lacks the statement.
    pub(super) fn calls(&self, side: Side) -> impl Iterator<Item = u64> {
        self.of(side).iter().map(|shape| shape.map_or(0, |shape| shape.calls))
    }

    pub(super) fn of(&self, side: Side) -> &[Option<&'r Shape>] {
        match side {
            Side::Baseline => &self.baseline,
            Side::Candidate => &self.candidate,
        }
    }

    /// Calls of all runs of either side.
    pub(super) fn all_calls(&self) -> [u64; 2] {
        [self.calls(Side::Baseline).sum(), self.calls(Side::Candidate).sum()]
    }

    /// How many runs of either side have it.
    pub(super) fn runs(&self) -> [usize; 2] {
        [Side::Baseline, Side::Candidate].map(|side| self.of(side).iter().flatten().count())
    }
}

/// Runs of either side, and their statements matched.
#[derive(Debug)]
pub(super) struct Matched<'r> {
    pub(super) baseline: &'r [Run],
    pub(super) candidate: &'r [Run],
    /// By fingerprint.
    pub(super) pairs: Vec<Pair<'r>>,
}

impl<'r> Matched<'r> {
    pub(super) fn of(baseline: &'r [Run], candidate: &'r [Run]) -> Self {
        let all: BTreeSet<Fingerprint> = baseline.iter().chain(candidate).flat_map(|run| run.shapes.keys().copied()).collect();
        let side = |runs: &'r [Run], statement| runs.iter().map(|run| run.shapes.get(&statement)).collect();
        let pairs =
            all.into_iter().map(|statement| Pair { statement, baseline: side(baseline, statement), candidate: side(candidate, statement) });
        Matched { baseline, candidate, pairs: pairs.collect() }
    }

    pub(super) fn runs(&self, side: Side) -> &'r [Run] {
        match side {
            Side::Baseline => self.baseline,
            Side::Candidate => self.candidate,
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Side, &'r Run)> {
        self.baseline.iter().map(|run| (Side::Baseline, run)).chain(self.candidate.iter().map(|run| (Side::Candidate, run)))
    }

    pub(super) fn texts(&self) -> BTreeMap<Fingerprint, String> {
        self.pairs.iter().filter_map(|pair| Some((pair.statement, pair.any()?.text.clone()))).collect()
    }

    /// The candidate's before the baseline's.
    pub(super) fn origins(&self) -> BTreeMap<Fingerprint, Origin> {
        let of = |pair: &Pair<'_>| pair.candidate.iter().chain(&pair.baseline).flatten().find_map(|shape| shape.origin.clone());
        self.pairs.iter().filter_map(|pair| Some((pair.statement, of(pair)?))).collect()
    }

    pub(super) fn pair(&self, statement: Fingerprint) -> Option<&Pair<'r>> {
        self.pairs.binary_search_by_key(&statement, |pair| pair.statement).ok().map(|at| &self.pairs[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_on_the_wrong_side_closes_the_gap() {
        let values = |baseline: &[f64], candidate: &[f64]| Values { baseline: baseline.to_vec(), candidate: candidate.to_vec() };
        assert_eq!(values(&[1.0, 3.0], &[4.0, 9.0]).gap_above(), Some((3.0, 4.0)));
        assert_eq!(values(&[1.0, 5.0], &[4.0, 9.0]).gap_above(), None);
        assert_eq!(values(&[4.0, 9.0], &[1.0, 3.0]).gap_below(), Some((3.0, 4.0)));
        assert_eq!(values(&[2.0], &[2.0]).gap_above(), None);
        assert_eq!(values(&[], &[2.0]).gap_above(), None);
    }
}
