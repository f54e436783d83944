//! Puts the questions of a trial to a server's planner, within a limit of time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::Error;
use crate::advice::trial::{Seen, Trial, near, of_near};
use crate::advice::{self, Demand, NewNames, Offers};
use crate::catalog::Catalog;
use crate::finding::Swing;
use crate::live::whatif::{Answered, Planner, Question};

/// When the questions must come to an end. What is begun late could not be tried to its end, so that new indexes are tried in
/// the first part of the time only.
pub(super) struct Clock {
    begun: Instant,
    limit: Duration,
    /// The sets of indexes that were asked of.
    known: BTreeSet<Vec<usize>>,
}

/// For new indexes, of ten parts of the time.
const FOR_NEW: u32 = 7;

impl Clock {
    pub(super) fn new(limit: Duration) -> Self {
        Clock { begun: Instant::now(), limit, known: BTreeSet::new() }
    }

    fn allows(&mut self, set: &[usize], elapsed: Duration) -> bool {
        let is_part = |known: &Vec<usize>| known.len() > 1 && set.iter().all(|offer| known.contains(offer));
        let is_first_of_several = || set.len() > 1 && self.known.iter().all(|known| known.len() < 2);
        let is_early = elapsed < self.limit / 10 * FOR_NEW;
        let is_known = || self.known.contains(set) || self.known.iter().any(is_part);
        let allows = elapsed < self.limit && (is_early || is_known() || is_first_of_several());
        if allows && !self.known.contains(set) {
            self.known.insert(set.to_vec());
        }
        allows
    }
}

/// See the module.
pub(super) struct Asking<'a, 's> {
    planner: &'a mut Planner<'s>,
    questions: Vec<Question>,
    /// What each offer is on.
    on: Vec<String>,
    /// The offers that each demand may have to do with.
    near: Vec<BTreeSet<usize>>,
    there: Vec<usize>,
    is_taken: bool,
    clock: Clock,
    /// What plans with usual and with unusual values were like, by the demand and those offers.
    swings: BTreeMap<(usize, Vec<usize>), Option<Swing>>,
    /// Why demands could not be asked.
    pub(super) refusals: BTreeSet<(usize, String)>,
    /// Questions for which there was no time.
    pub(super) unput: u64,
}

impl<'a, 's> Asking<'a, 's> {
    pub(super) fn new(
        planner: &'a mut Planner<'s>,
        questions: Vec<Question>,
        (demands, offers): (&[Demand], &Offers),
        clock: Clock,
    ) -> Self {
        let near = near(demands, offers);
        let on = offers.offers.iter().map(|offer| offer.index.on()).collect();
        let (there, swings, refusals) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Asking { planner, questions, on, near, there, is_taken: true, clock, swings, refusals, unput: 0 }
    }

    /// Asks for the plans of a demand while some offers are thought to be there.
    pub(super) fn ask(&mut self, set: &[usize], demand: usize) -> Result<Vec<Seen>, Error> {
        if !self.clock.allows(set, self.clock.begun.elapsed()) {
            self.unput += 1;
            return Ok(Vec::new());
        }
        // Those on other tables would be made anew for nothing.
        let set = of_near(set, self.near.get(demand));
        if self.there != set {
            self.there.clone_from(&set);
            let indexes: Vec<String> = set.iter().map(|&offer| self.on[offer].clone()).collect();
            self.is_taken = self.planner.think_of(&indexes)?;
        }
        if !self.is_taken {
            return Ok(Vec::new());
        }
        match self.planner.plans(demand, &self.questions[demand])? {
            Ok(answers) => {
                self.swings.insert((demand, set.clone()), swing(&answers));
                let of = |used: &String| set.iter().copied().find(|&offer| self.on[offer] == *used);
                let seen = |answer: &Answered| Seen {
                    cost: answer.cost,
                    uses: answer.uses.iter().filter_map(of).collect(),
                    is_real: answer.is_real,
                };
                Ok(answers.iter().map(seen).collect())
            }
            Err(reason) => {
                self.refusals.insert((demand, reason));
                Ok(Vec::new())
            }
        }
    }

    /// The demands whose plans differ by the value with what was chosen.
    pub(super) fn swings(&self, chosen: &[usize]) -> BTreeMap<usize, Swing> {
        let is_of = |demand: usize, set: &Vec<usize>| *set == of_near(chosen, self.near.get(demand));
        let told = self.swings.iter().filter(|((demand, set), _)| is_of(*demand, set));
        told.filter_map(|((demand, _), swing)| Some((*demand, (*swing)?))).collect()
    }

    /// Of the indexes that the chosen ones make redundant by their columns whether no statement misses them, where the server
    /// can tell.
    pub(super) fn redundant(
        &mut self,
        chosen: &[usize],
        demands: &[Demand],
        offers: &Offers,
        catalog: &Catalog,
    ) -> Result<BTreeMap<String, bool>, Error> {
        let mut told = BTreeMap::new();
        if !self.planner.can_hide() {
            return Ok(told);
        }
        for &offer in chosen {
            let index = &offers.offers[offer].index;
            let replaced = advice::portrait(index, catalog, &mut NewNames::default()).map(|portrait| portrait.replaces).unwrap_or_default();
            // Planning what reads a foreign table may ask yet another server.
            let foreign = advice::trial::foreign(offers);
            let readers: Vec<usize> = advice::trial::readers(demands, offers, &[offer]).difference(&foreign).copied().collect();
            for name in replaced {
                let unput = self.unput;
                let mut before = BTreeMap::new();
                for &demand in &readers {
                    before.insert(demand, self.ask(chosen, demand)?);
                }
                if self.planner.hide(std::slice::from_ref(&name))? {
                    let (mut is_missed, mut is_answered) = (false, false);
                    for (demand, before) in before {
                        let after = self.ask(chosen, demand)?;
                        is_answered |= !before.is_empty() && !after.is_empty();
                        is_missed |= advice::trial::is_dearer(&before, &after);
                    }
                    // Of what was not asked nobody knows.
                    if is_missed || (is_answered && self.unput == unput) {
                        told.insert(name, !is_missed);
                    }
                }
                self.planner.hide(&[])?;
            }
        }
        Ok(told)
    }

    /// Ends the questions: nothing is thought of any more.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.planner.hide(&[])?;
        self.planner.think_of(&[]).map(drop)
    }
}

/// The offers that a trial chose, by their place among all.
pub(super) fn chosen(trial: &Trial, offers: &Offers) -> Vec<usize> {
    let place = |choice: &advice::Choice| offers.offers.iter().position(|offer| offer.index == trial.offers[choice.offer].index);
    trial.choices.iter().filter_map(place).collect()
}

/// What plans with usual and with unusual values cost, if they are not alike.
fn swing(answers: &[Answered]) -> Option<Swing> {
    let mut real = answers.iter().filter(|answer| answer.is_real);
    let (usual, unusual) = (real.next()?, real.next()?);
    (usual.steps != unusual.steps)
        .then_some(Swing { costs: [usual.cost, unusual.cost], uses: [!usual.uses.is_empty(), !unusual.uses.is_empty()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_only_what_was_begun_is_finished() {
        let mut clock = Clock::new(Duration::from_secs(10));
        let mut allows = |set: &[usize], seconds: u64| clock.allows(set, Duration::from_secs(seconds));
        assert!(allows(&[], 0) && allows(&[1], 3) && allows(&[2], 6));
        // A new index comes too late; those that were tried are tried together, and without one of them.
        assert!(!allows(&[3], 7) && allows(&[2], 7) && allows(&[1, 2], 8) && allows(&[2, 1][..1], 8) && !allows(&[1, 2, 3], 8));
        assert!(!allows(&[1], 10) && !allows(&[], 11));
    }

    #[test]
    fn plans_differ_by_what_they_do_and_not_by_their_costs() {
        let answer = |cost, steps: &str, is_real| Answered { cost, uses: Vec::new(), is_real, steps: steps.to_owned() };
        assert_eq!(swing(&[answer(1.0, "a", true), answer(9.0, "a", true), answer(1.0, "b", false)]), None);
        assert_eq!(swing(&[answer(1.0, "a", true), answer(9.0, "b", false)]), None);
        let told = swing(&[answer(1.0, "a", true), answer(9.0, "b", true)]);
        assert_eq!(told, Some(Swing { costs: [1.0, 9.0], uses: [false, false] }));
    }
}
