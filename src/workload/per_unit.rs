//! In how many units of work each statement ran, and how many units there were.
//!
//! A unit is what `bounds` takes for one: what bears one request's id, a transaction, or calls that stand close together. Each
//! call is in one: a segment does not count the statements that a transaction within it has counted. Of one unit at most as
//! many different statements are counted as `unit` tells apart. Counted when a unit ends, never at a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Workload;
use super::burst::Bond;

/// So many endpoints are told apart, the first that a log names; the units of the others count in the totals only.
const MOST_ENDPOINTS: usize = 1_000;

/// How many units there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitTotals {
    /// Units by what held them together, by [`Bond`].
    by_bond: [u64; 3],
    /// Units by the code that sent them, where comments tell.
    endpoints: BTreeMap<Box<str>, u64>,
}

impl UnitTotals {
    /// All of them; 0 if the log does not tell sessions apart, or nobody looks for what is wrong.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.by_bond.iter().sum()
    }

    /// Those that were held together in one way.
    #[must_use]
    pub fn of(&self, bond: Bond) -> u64 {
        self.by_bond[bond as usize]
    }

    /// Units by the code that sent them, as a tag names it, in order; units without a tag are left out.
    pub fn endpoints(&self) -> impl Iterator<Item = (&str, u64)> {
        self.endpoints.iter().map(|(name, &count)| (&**name, count))
    }

    fn sent_by(&mut self, endpoint: &str, count: u64) {
        if let Some(known) = self.endpoints.get_mut(endpoint) {
            *known += count;
        } else if self.endpoints.len() < MOST_ENDPOINTS {
            self.endpoints.insert(endpoint.into(), count);
        }
    }

    pub(super) fn merge(&mut self, other: &UnitTotals) {
        self.by_bond.iter_mut().zip(other.by_bond).for_each(|(mine, theirs)| *mine += theirs);
        other.endpoints.iter().for_each(|(endpoint, &count)| self.sent_by(endpoint, count));
    }
}

/// What is counted while the log lasts.
#[derive(Debug, Default)]
pub(super) struct UnitCounts {
    /// By number of statement.
    of: Vec<u64>,
    totals: UnitTotals,
}

impl UnitCounts {
    /// A log names an endpoint. Which are told apart is decided here, in the order of the log: units end in that of sessions.
    pub(super) fn named(&mut self, endpoint: &str) {
        self.totals.sent_by(endpoint, 0);
    }

    /// A unit of these statements ended, some of which may have been counted already.
    pub(super) fn ended(&mut self, bond: Bond, statements: impl Iterator<Item = u32>, counted: &[u32], endpoint: Option<&Arc<str>>) {
        let mut any = false;
        for id in statements {
            if !counted.is_empty() && counted.contains(&id) {
                continue;
            }
            any = true;
            let at = id as usize;
            if at >= self.of.len() {
                self.of.resize(at + 1, 0);
            }
            self.of[at] += 1;
        }
        if any {
            self.totals.by_bond[bond as usize] += 1;
            if let Some(known) = endpoint.and_then(|endpoint| self.totals.endpoints.get_mut(&**endpoint)) {
                *known += 1;
            }
        }
    }
}

impl Workload {
    /// The log is over, and with it every unit.
    pub(super) fn finish_units(&mut self) {
        let UnitCounts { of, mut totals } = std::mem::take(&mut self.loops.units);
        totals.endpoints.retain(|_, units| *units > 0);
        self.statements.iter_mut().zip(of).for_each(|(statement, units)| statement.units += units);
        self.units.merge(&totals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_counts_once_in_a_unit_and_not_again_around_it() {
        let mut counts = UnitCounts::default();
        let cart: Arc<str> = "cart".into();
        counts.named("cart");
        counts.ended(Bond::Transaction, [0, 2].into_iter(), &[], Some(&cart));
        counts.ended(Bond::Segment, [0, 1, 2].into_iter(), &[0, 2], None);
        counts.ended(Bond::Segment, [2].into_iter(), &[2], Some(&cart));
        counts.ended(Bond::Tag, [2].into_iter(), &[], Some(&cart));
        let UnitCounts { of, totals } = counts;
        assert_eq!(of, [1, 1, 2]);
        assert_eq!((totals.count(), totals.of(Bond::Segment), totals.endpoints().collect::<Vec<_>>()), (3, 1, vec![("cart", 2)]));
        let mut twice = totals.clone();
        twice.merge(&totals);
        assert_eq!((twice.count(), twice.endpoints().collect::<Vec<_>>()), (6, vec![("cart", 4)]));
    }

    #[test]
    fn the_endpoints_named_first_are_told_apart_whichever_ends_first() {
        let mut counts = UnitCounts::default();
        let names: Vec<Arc<str>> = (0..=MOST_ENDPOINTS).map(|number| format!("page{number}").into()).collect();
        names.iter().for_each(|name| counts.named(name));
        for (number, name) in names.iter().enumerate().rev() {
            counts.ended(Bond::Segment, [u32::try_from(number).expect("small")].into_iter(), &[], Some(name));
        }
        assert_eq!(counts.totals.count(), MOST_ENDPOINTS as u64 + 1);
        assert_eq!(counts.totals.endpoints().count(), MOST_ENDPOINTS);
        assert!(counts.totals.endpoints().all(|(name, units)| units == 1 && name != format!("page{MOST_ENDPOINTS}")));
    }
}
