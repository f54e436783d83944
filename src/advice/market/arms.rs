//! ORs over several columns: an index for each arm, which are of use together.

use crate::advice::Demand;
use crate::advice::asked::Asked;
use crate::advice::candidate::{Candidate, candidates};
use crate::advice::choice::{After, Joint, Offer};
use crate::advice::indexed::{Indexed, thought_of};
use crate::advice::path::{Marked, by_arms, marked};
use crate::sql::shape::scans::written;

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
        let Some(led) = arms.iter().map(|arm| self.led(asked, arm)).collect::<Option<Vec<_>>>() else { return };
        let (new, marks): (Vec<Option<Candidate>>, Vec<Marked>) = led.into_iter().unzip();
        let joins = if asked.is_joined() { self.costs.hashed(asked.rows()) } else { 0.0 };
        let cost = by_arms(&self.costs, asked, &marks) + joins;
        // An arm of many rows is read about as well without an index, as if it were alone.
        if cost >= self.found.cells[place].before || !marks.iter().all(|mark| mark.is_worthy) {
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
    fn led(&self, asked: &Asked<'c>, arm: &Asked<'c>) -> Option<(Option<Candidate>, Marked)> {
        let price = |mark: &Marked| by_arms(&self.costs, arm, std::slice::from_ref(mark));
        let of = |index: &Indexed| marked(&self.costs, (arm, asked.rows()), index);
        let trees: Vec<&Indexed> = self.there(arm.relation).iter().filter_map(|there| there.tree.as_ref()).collect();
        let there = self.best(asked, arm, &trees).map(|(_, mark)| mark);
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

    /// What a scan costs by some indexes for all arms of one of its ORs, and which these are; `None` where they do not lead to all.
    pub(super) fn combined(&self, asked: &Asked<'_>, indexes: &[&Indexed]) -> Option<(f64, Vec<usize>)> {
        let of = |arms: &Vec<Asked<'_>>| {
            let best: Option<Vec<(usize, Marked)>> = arms.iter().map(|arm| self.best(asked, arm, indexes)).collect();
            let (places, marks): (Vec<usize>, Vec<Marked>) = best?.into_iter().unzip();
            Some((by_arms(&self.costs, asked, &marks), places))
        };
        asked.ors.iter().filter_map(of).min_by(|(a, _), (b, _)| a.total_cmp(b))
    }

    /// The index that marks an arm at the least cost.
    fn best(&self, asked: &Asked<'_>, arm: &Asked<'_>, indexes: &[&Indexed]) -> Option<(usize, Marked)> {
        let price = |mark: &Marked| by_arms(&self.costs, arm, std::slice::from_ref(mark));
        let marks = indexes.iter().enumerate().filter_map(|(at, index)| Some((at, marked(&self.costs, (arm, asked.rows()), index)?)));
        marks.min_by(|(_, a), (_, b)| price(a).total_cmp(&price(b)))
    }

    /// The indexes that are there for all arms of an OR.
    pub(super) fn leading(&self, asked: &Asked<'_>) -> Option<Vec<String>> {
        let (names, trees): (Vec<&str>, Vec<&Indexed>) =
            self.there(asked.relation).iter().filter_map(|there| Some((there.index.name.as_str(), there.tree.as_ref()?))).unzip();
        let (_, places) = self.combined(asked, &trees)?;
        let mut names: Vec<String> = places.into_iter().filter_map(|at| names.get(at)).map(|name| written(name)).collect();
        names.dedup();
        Some(names)
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
