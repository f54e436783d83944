//! ORs over several columns: an index for each arm, which are of use together.

use crate::advice::Demand;
use crate::advice::asked::Asked;
use crate::advice::candidate::{Candidate, candidates};
use crate::advice::choice::{After, Joint, Offer};
use crate::advice::indexed::{Indexed, thought_of};
use crate::advice::path::{Marked, by_arms, marked};

use super::Market;

/// An index that is there marks an arm well enough if a new one would cost no less than this part of it.
const ENOUGH: f64 = 0.6;

/// An arm with more columns in its index is worth no new one.
const MOST_KEYS: usize = 2;

impl<'c> Market<'c> {
    /// Offers indexes for the arms of every OR.
    pub(super) fn offer_arms(&mut self, demands: &[Demand]) {
        for place in 0..self.found.cells.len() {
            let Some(asked) = self.asked(&self.found.cells[place]).filter(|asked| asked.for_each.is_none() && !asked.ors.is_empty()) else {
                continue;
            };
            let asked = asked.clone();
            for arms in &asked.ors {
                self.offer_or(place, &asked, arms, demands);
            }
        }
    }

    fn offer_or(&mut self, place: usize, asked: &Asked<'c>, arms: &[Asked<'c>], demands: &[Demand]) {
        let Some(led) = arms.iter().map(|arm| self.led(arm)).collect::<Option<Vec<_>>>() else { return };
        let (new, marks): (Vec<Option<Candidate>>, Vec<Marked>) = led.into_iter().unzip();
        let joins = if asked.is_joined() { self.costs.hashed(asked.rows()) } else { 0.0 };
        let cost = by_arms(&self.costs, asked, &marks) + joins;
        if cost >= self.found.cells[place].before {
            return;
        }
        let after = After { cost, is_guess: marks.iter().any(|mark| mark.is_guess), is_even: false };
        let mut offers: Vec<usize> = new.into_iter().flatten().filter_map(|candidate| self.offered(candidate, demands)).collect();
        offers.sort_unstable();
        offers.dedup();
        match offers.as_slice() {
            [] => {}
            [only] => {
                let known = self.found.offers[*only].after.entry(place).or_insert(after);
                if after.cost < known.cost {
                    *known = after;
                }
            }
            _ => self.found.joints.push(Joint { cell: place, offers, after }),
        }
    }

    /// What leads to an arm: an index that is there, or a new one.
    fn led(&self, arm: &Asked<'c>) -> Option<(Option<Candidate>, Marked)> {
        let price = |mark: &Marked| by_arms(&self.costs, arm, std::slice::from_ref(mark));
        let of = |index: &Indexed| marked(&self.costs, arm, index);
        let there =
            self.there(arm.relation).iter().filter_map(|there| of(there.tree.as_ref()?)).min_by(|a, b| price(a).total_cmp(&price(b)));
        let plain = candidates(arm, self.catalog).into_iter().filter(|new| new.predicate.is_none() && new.keys.len() <= MOST_KEYS);
        let new = plain.filter_map(|new| of(&thought_of(&new, arm.relation, self.catalog)).map(|mark| (new, mark)));
        // Of equals the one with fewer keys, which was thought of first.
        let new = new.min_by(|(a, x), (b, y)| price(x).total_cmp(&price(y)).then(a.keys.len().cmp(&b.keys.len())));
        match (there, new) {
            (Some(there), Some((_, mark))) if price(&mark) >= ENOUGH * price(&there) => Some((None, there)),
            (_, Some((new, mark))) => Some((Some(new), mark)),
            (Some(there), None) => Some((None, there)),
            (None, None) => None,
        }
    }

    /// The place of a candidate among the offers, where it is put if it is not there.
    fn offered(&mut self, candidate: Candidate, demands: &[Demand]) -> Option<usize> {
        if let Some(at) = self.found.offers.iter().position(|offer| offer.index == candidate) {
            return Some(at);
        }
        let relation = super::relation(&candidate, self.catalog)?;
        let upkeep = self.upkeep(&candidate, &thought_of(&candidate, relation, self.catalog), demands);
        self.found.offers.push(Offer { index: candidate, after: Default::default(), may: Default::default(), upkeep });
        Some(self.found.offers.len() - 1)
    }
}
