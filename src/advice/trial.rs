//! Candidates before a server's own planner: which it would use, what that saves, and which to choose by that.
//!
//! Pure: whoever calls it asks the planner. One candidate is tried at a time, for together they can make plans that nobody
//! would build; what is chosen is then tried together.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::Candidate;
use super::choice::{After, Cell, Choice, Joint, Limits, Offer, choose, join};
use super::{Demand, Offers, Reason, Refusal};

/// What the planner says of a statement, one way of asking it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The cost of its plan.
    pub cost: f64,
    /// The offers whose indexes are in the plan.
    pub uses: Vec<usize>,
    /// Whether it was asked with values of the log, not with places for them.
    pub is_real: bool,
}

/// What came of it. The cells are of whole statements here, one each, and so are their costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// Of each statement that could be asked.
    pub cells: Vec<Cell>,
    /// The offers that help, with the planner's costs.
    pub offers: Vec<Offer>,
    /// Which of these to create.
    pub choices: Vec<Choice>,
    /// Offers that were tried, by their place, and why they are none.
    pub rejected: Vec<(usize, Rejection)>,
    /// Offers that were not tried, because there were too many or the server refused.
    pub untried: usize,
    /// Statements that read a table of the choices and could not be asked, so that nobody knows what becomes of them.
    pub unasked: usize,
}

/// Why an index is not worth creating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// No plan uses it.
    Unused,
    /// Plans that use it cost nearly as much.
    SavesLittle,
    /// A statement would become dearer.
    Dearer,
}

/// Asks for the plans of a demand while the indexes of some offers are thought to be there. No answer: it cannot be asked.
pub type Ask<'a, E> = dyn FnMut(&[usize], usize) -> Result<Vec<Seen>, E> + 'a;

/// More offers are not tried, those first that save most by the model, and as many again that by the model save nothing: it
/// knows no values, and the planner does.
const MOST_TRIED: usize = 60;

/// So many questions are put to try each offer alone, and as many again to try them together: a server has other things to do.
const MOST_QUESTIONS: usize = 10_000;

/// So often one more index is looked for beside those that were chosen.
const MOST_ROUNDS: usize = 10;

/// A plan is dearer that costs so much more; less is the planner's own fuzziness.
const DEARER: f64 = 1.01;

/// Tries every offer, and chooses.
///
/// # Errors
/// Those of `ask`.
pub fn trial<E>(demands: &[Demand], offers: &Offers, limits: Limits, ask: &mut Ask<'_, E>) -> Result<Trial, E> {
    let tried = order(offers);
    let is_believed = |offer: &Offer| !offer.after.is_empty();
    let believed = offers.offers.iter().filter(|offer| is_believed(offer)).count();
    let left_out = believed - tried.iter().filter(|&&at| is_believed(&offers.offers[at])).count();
    let of_joints = offers.joints.iter().map(|joint| offers.cells[joint.cell].demand);
    let asked: BTreeSet<usize> = tried.iter().flat_map(|&offer| concerned(offers, offer)).chain(of_joints).collect();
    let near = near(demands, offers);
    let mut bench =
        Bench { limits, before: BTreeMap::new(), foreign: foreign(offers), near, answers: BTreeMap::new(), left: MOST_QUESTIONS, ask };
    bench.ask_before(asked)?;
    let mut trial = Trial { cells: bench.cells(demands), untried: left_out, ..Trial::default() };
    let mut places = Vec::new();
    for offer in tried {
        match bench.one(offers, offer, &trial.cells)? {
            Verdict::Helps(after) => {
                places.push(offer);
                trial.offers.push(Offer { after, ..offers.offers[offer].clone() });
            }
            Verdict::Rejected(why) => trial.rejected.push((offer, why)),
            Verdict::Unknown => trial.untried += 1,
        }
    }
    trial.choices = choose(&trial.cells, &trial.offers, limits);
    bench.left = MOST_QUESTIONS;
    bench.together(&mut trial, &places, (demands, offers))?;
    for _ in 0..MOST_ROUNDS {
        if !bench.one_more(&mut trial, &mut places, offers)? {
            break;
        }
    }
    bench.joined(&mut trial, &mut places, offers)?;
    // What came beside the others may make yet others dearer.
    bench.together(&mut trial, &places, (demands, offers))?;
    Ok(trial)
}

/// The demands that read a foreign table: planning one may ask yet another server.
#[must_use]
pub fn foreign(offers: &Offers) -> BTreeSet<usize> {
    offers.refused.iter().filter(|refused| matches!(refused.why, Refusal::Table(Reason::Foreign))).map(|refused| refused.demand).collect()
}

fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// The offers that a demand may have to do with, by its place: no other changes its plan.
#[must_use]
pub fn near(demands: &[Demand], offers: &Offers) -> Vec<BTreeSet<usize>> {
    let mut of_table: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    offers.offers.iter().enumerate().for_each(|(at, offer)| of_table.entry(bare(&offer.index.table)).or_default().push(at));
    let of_demand = |demand: &Demand| {
        let scans = demand.reading.iter().flat_map(|reading| &reading.scans);
        scans.filter_map(|scan| of_table.get(bare(&scan.table))).flatten().copied().collect()
    };
    let mut near: Vec<BTreeSet<usize>> = demands.iter().map(of_demand).collect();
    for offer in 0..offers.offers.len() {
        for demand in concerned(offers, offer) {
            near[demand].insert(offer);
        }
    }
    near
}

/// Those of some offers that a demand may have to do with.
#[must_use]
pub fn of_near(set: &[usize], near: Option<&BTreeSet<usize>>) -> Vec<usize> {
    let mut set: Vec<usize> = set.iter().copied().filter(|offer| near.is_some_and(|near| near.contains(offer))).collect();
    set.sort_unstable();
    set
}

/// The demands that read the table of one of the offers, as far as names without a schema tell.
#[must_use]
pub fn readers(demands: &[Demand], offers: &Offers, set: &[usize]) -> BTreeSet<usize> {
    let tables: BTreeSet<&str> = set.iter().map(|&offer| bare(&offers.offers[offer].index.table)).collect();
    let reads =
        |demand: &Demand| demand.reading.as_ref().is_ok_and(|reading| reading.scans.iter().any(|scan| tables.contains(bare(&scan.table))));
    demands.iter().enumerate().filter(|(_, demand)| reads(demand)).map(|(at, _)| at).collect()
}

/// The offers in the order in which they are tried: those that save most by the model first, then those that may serve what
/// takes most time.
fn order(offers: &Offers) -> Vec<usize> {
    let time = |cell: usize, spared: f64| offers.cells.get(cell).map_or(0.0, |cell| (cell.before - spared) * cell.weight);
    let saves = |offer: &Offer| offer.after.iter().map(|(&cell, after)| time(cell, after.cost)).sum::<f64>();
    let may_save = |offer: &Offer| offer.may.iter().map(|&cell| time(cell, 0.0)).sum::<f64>();
    let by = |worth: &dyn Fn(&Offer) -> f64, is_believed: bool| {
        let serves = |offer: &Offer| !(offer.after.is_empty() && offer.may.is_empty());
        let of = offers.offers.iter().enumerate().filter(|(_, offer)| offer.after.is_empty() != is_believed && serves(offer));
        let mut places: Vec<(usize, f64)> = of.map(|(at, offer)| (at, worth(offer))).collect();
        places.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        places.into_iter().take(MOST_TRIED).map(|(at, _)| at).collect::<Vec<_>>()
    };
    [by(&saves, true), by(&may_save, false)].concat()
}

/// The demands that an offer may serve, alone or with others.
fn concerned(offers: &Offers, offer: usize) -> BTreeSet<usize> {
    let Offer { after, may, .. } = &offers.offers[offer];
    let joint = offers.joints.iter().filter(|joint| joint.offers.contains(&offer)).map(|joint| &joint.cell);
    after.keys().chain(may).chain(joint).filter_map(|&cell| offers.cells.get(cell)).map(|cell| cell.demand).collect()
}

struct Bench<'a, 'b, E> {
    limits: Limits,
    before: BTreeMap<usize, Vec<Seen>>,
    foreign: BTreeSet<usize>,
    /// See [`near`].
    near: Vec<BTreeSet<usize>>,
    /// What was answered, by the demand and the offers that it may have to do with.
    answers: BTreeMap<(usize, Vec<usize>), Vec<Seen>>,
    /// So many questions may still be put.
    left: usize,
    ask: &'a mut Ask<'b, E>,
}

enum Verdict {
    /// By the place of the cell.
    Helps(BTreeMap<usize, After>),
    Rejected(Rejection),
    Unknown,
}

impl<E> Bench<'_, '_, E> {
    fn cells(&self, demands: &[Demand]) -> Vec<Cell> {
        let cell = |(&demand, seen): (&usize, &Vec<Seen>)| {
            let before = seen.first().map_or(0.0, |seen| seen.cost);
            let time = demands.get(demand).map_or(0.0, |demand| demand.time.0 as f64);
            Cell { demand, scan: 0, before, weight: if before > 0.0 { time / before } else { 0.0 } }
        };
        self.before.iter().map(cell).collect()
    }

    fn asked(&mut self, set: &[usize], demand: usize) -> Result<Vec<Seen>, E> {
        let key = (demand, of_near(set, self.near.get(demand)));
        if let Some(known) = self.answers.get(&key) {
            return Ok(known.clone());
        }
        if self.left == 0 || self.foreign.contains(&demand) {
            return Ok(Vec::new());
        }
        self.left -= 1;
        let seen = (self.ask)(set, demand)?;
        self.answers.insert(key, seen.clone());
        Ok(seen)
    }

    /// Asks what demands cost without any index that is not there, if that is not known.
    fn ask_before(&mut self, demands: BTreeSet<usize>) -> Result<(), E> {
        for demand in demands {
            if self.before.contains_key(&demand) {
                continue;
            }
            let seen = self.asked(&[], demand)?;
            if !seen.is_empty() {
                self.before.insert(demand, seen);
            }
        }
        Ok(())
    }

    /// Tries one offer alone.
    fn one(&mut self, offers: &Offers, offer: usize, cells: &[Cell]) -> Result<Verdict, E> {
        let mut after = BTreeMap::new();
        let (mut is_used, mut is_answered) = (false, false);
        for demand in concerned(offers, offer) {
            if !self.before.contains_key(&demand) {
                continue;
            }
            if self.left == 0 {
                return Ok(Verdict::Unknown);
            }
            let seen = self.asked(&[offer], demand)?;
            let before = &self.before[&demand];
            is_answered |= !seen.is_empty();
            if is_dearer(before, &seen) {
                return Ok(Verdict::Rejected(Rejection::Dearer));
            }
            let Some((first, best)) = before.first().zip(seen.first()) else { continue };
            is_used |= seen.iter().any(|seen| seen.uses.contains(&offer));
            let helps = best.uses.contains(&offer) && first.cost - best.cost >= self.limits.least_saving * first.cost;
            let place = cells.iter().position(|cell| cell.demand == demand);
            if let Some(place) = place.filter(|_| helps) {
                after.insert(place, known(offers, offer, demand, best));
            }
        }
        Ok(match (after.is_empty(), is_answered, is_used) {
            (false, ..) => Verdict::Helps(after),
            (true, false, _) => Verdict::Unknown,
            (true, true, true) => Verdict::Rejected(Rejection::SavesLittle),
            (true, true, false) => Verdict::Rejected(Rejection::Unused),
        })
    }

    /// Looks for the index that saves most beside those that were chosen, such as the second one that a join needs, and
    /// chooses it. Answers whether there is one.
    fn one_more(&mut self, trial: &mut Trial, places: &mut Vec<usize>, offers: &Offers) -> Result<bool, E> {
        let set: Vec<usize> = trial.choices.iter().map(|choice| places[choice.offer]).collect();
        let of_table = |table: u32| set.iter().filter(|&&at| offers.offers[at].index.relation == table).count();
        // With nothing chosen there is nothing to stand beside.
        let demands: BTreeSet<usize> = set.iter().flat_map(|&offer| concerned(offers, offer)).collect();
        let mut now: BTreeMap<usize, Vec<Seen>> = BTreeMap::new();
        for demand in demands {
            let seen = self.asked(&set, demand)?;
            if seen.first().is_some_and(|seen| seen.cost >= self.limits.least_cost) {
                now.insert(demand, seen);
            }
        }
        let mut best: Option<(f64, usize, BTreeMap<usize, After>)> = None;
        for offer in order(offers) {
            let is_open = !set.contains(&offer) && of_table(offers.offers[offer].index.relation) < self.limits.most_per_table;
            let of_offer: Vec<usize> = concerned(offers, offer).into_iter().filter(|demand| is_open && now.contains_key(demand)).collect();
            let with: Vec<usize> = set.iter().copied().chain([offer]).collect();
            let (mut saved, mut after, mut dearer) = (0.0, BTreeMap::new(), false);
            for demand in of_offer {
                let seen = self.asked(&with, demand)?;
                dearer |= is_dearer(&now[&demand], &seen);
                let (Some(before), Some(seen)) = (now[&demand].first(), seen.first()) else { continue };
                let less = before.cost - seen.cost;
                if seen.uses.contains(&offer) && less >= self.limits.least_saving * before.cost {
                    saved += less * trial.weight(demand);
                    after.insert(demand, known(offers, offer, demand, seen));
                }
            }
            if !dearer && saved > offers.offers[offer].upkeep && best.as_ref().is_none_or(|(most, ..)| saved > *most) {
                best = Some((saved, offer, after));
            }
        }
        let Some((saved, offer, after)) = best else { return Ok(false) };
        trial.rejected.retain(|(rejected, _)| *rejected != offer);
        let cells = trial.beside(&now, after);
        trial.choices.push(Choice { offer: trial.offers.len(), serves: cells.keys().copied().collect(), saved, together: Vec::new() });
        trial.offers.push(Offer { after: cells, ..offers.offers[offer].clone() });
        places.push(offer);
        Ok(true)
    }

    /// Tries what only several offers do together beside those that were chosen, and chooses these if the planner uses them all.
    fn joined(&mut self, trial: &mut Trial, places: &mut Vec<usize>, offers: &Offers) -> Result<(), E> {
        for joint in &offers.joints {
            let demand = offers.cells[joint.cell].demand;
            let set: Vec<usize> = trial.choices.iter().map(|choice| places[choice.offer]).collect();
            let new: Vec<usize> = joint.offers.iter().copied().filter(|offer| !set.contains(offer)).collect();
            let table = offers.offers[joint.offers[0]].index.relation;
            let of_table = set.iter().filter(|&&at| offers.offers[at].index.relation == table).count();
            if new.is_empty() || of_table + new.len() > self.limits.most_per_table {
                continue;
            }
            let Some(cell) = trial.cells.iter().position(|cell| cell.demand == demand) else { continue };
            let (now, then) = (self.asked(&set, demand)?, self.asked(&[set, new.clone()].concat(), demand)?);
            let Some((before, after)) = now.first().zip(then.first()) else { continue };
            let less = before.cost - after.cost;
            let is_worth_it = before.cost >= self.limits.least_cost && less >= self.limits.least_saving * before.cost;
            let upkeep: f64 = new.iter().map(|&offer| offers.offers[offer].upkeep).sum();
            let pays = less * trial.cells[cell].weight > upkeep;
            if !is_worth_it || !pays || is_dearer(&now, &then) || !joint.offers.iter().all(|offer| after.uses.contains(offer)) {
                continue;
            }
            let known = After { cost: after.cost, is_guess: !after.is_real && joint.after.is_guess, is_even: false };
            let own: Vec<usize> = joint.offers.iter().map(|&offer| trial.place(offer, places, offers)).collect();
            let Trial { cells, offers, choices, .. } = trial;
            join(choices, (cells, offers), &Joint { cell, offers: own, after: known }, before.cost);
        }
        Ok(())
    }

    /// Tries what was chosen together on all that reads its tables, and drops what is of no use beside the others.
    fn together(&mut self, trial: &mut Trial, places: &[usize], (demands, offers): (&[Demand], &Offers)) -> Result<(), E> {
        loop {
            let set: Vec<usize> = trial.choices.iter().map(|choice| places[choice.offer]).collect();
            let beside = self.beside(&set, demands, offers)?;
            trial.unasked = beside.unasked;
            let all = trial.choices.len();
            let dropped: Vec<Choice> = trial.choices.extract_if(.., |choice| beside.verdict(places[choice.offer]).is_some()).collect();
            for choice in dropped {
                let offer = places[choice.offer];
                match beside.verdict(offer) {
                    None => {}
                    // Whoever would use it was not asked.
                    Some(Rejection::Unused) if beside.unknown.contains(&offer) => trial.untried += 1,
                    Some(Rejection::Unused) if trial.hand_on(&choice, &beside.plans, places) => {}
                    Some(why) => trial.rejected.push((offer, why)),
                }
            }
            if trial.choices.len() == all || trial.choices.is_empty() {
                return Ok(());
            }
        }
    }

    /// What becomes of all that reads the tables of some offers with these together.
    fn beside(&mut self, set: &[usize], demands: &[Demand], offers: &Offers) -> Result<Beside, E> {
        let concerned: BTreeSet<usize> = set.iter().flat_map(|&offer| concerned(offers, offer)).collect();
        let others: Vec<usize> = readers(demands, offers, set).difference(&concerned).copied().collect();
        // What is chosen for an OR need not have been tried alone.
        self.ask_before(concerned.iter().chain(&others).copied().collect())?;
        let mut beside = Beside::default();
        // Those first that an offer is for.
        for demand in concerned.into_iter().chain(others) {
            let seen = if self.before.contains_key(&demand) { self.asked(set, demand)? } else { Vec::new() };
            if seen.is_empty() {
                beside.unasked += 1;
                beside.unknown.extend(set.iter().copied().filter(|&offer| self::concerned(offers, offer).contains(&demand)));
                continue;
            }
            let of_demand = seen.iter().flat_map(|seen| &seen.uses).copied();
            beside.plans.extend(seen.first().map(|first| (demand, first.clone())));
            if is_dearer(&self.before[&demand], &seen) {
                beside.dearer.extend(of_demand);
            } else {
                beside.used.extend(of_demand);
            }
        }
        Ok(beside)
    }
}

/// What offers do together, by their place.
#[derive(Default)]
struct Beside {
    used: BTreeSet<usize>,
    /// Of each demand that could be asked.
    plans: BTreeMap<usize, Seen>,
    /// Those in plans that cost more.
    dearer: BTreeSet<usize>,
    /// Those that may serve a demand that could not be asked.
    unknown: BTreeSet<usize>,
    /// Demands that could not be asked.
    unasked: usize,
}

impl Beside {
    fn verdict(&self, offer: usize) -> Option<Rejection> {
        match (self.dearer.contains(&offer), self.used.contains(&offer)) {
            (true, _) => Some(Rejection::Dearer),
            (false, false) => Some(Rejection::Unused),
            (false, true) => None,
        }
    }
}

impl Trial {
    /// The place of an offer among those that help, where it is put if it is not there.
    fn place(&mut self, offer: usize, places: &mut Vec<usize>, offers: &Offers) -> usize {
        let known = places.iter().position(|&place| place == offer);
        known.unwrap_or_else(|| {
            places.push(offer);
            self.offers.push(Offer { after: BTreeMap::new(), ..offers.offers[offer].clone() });
            self.offers.len() - 1
        })
    }

    /// Microseconds of the workload for one unit of a statement's cost.
    fn weight(&self, demand: usize) -> f64 {
        self.cells.iter().find(|cell| cell.demand == demand).map_or(0.0, |cell| cell.weight)
    }

    /// What an index was chosen for another one does that was chosen beside it, such as a wider one: it is credited with that.
    /// Answers whether it is the same index with more behind it, so that nothing was lost.
    fn hand_on(&mut self, dropped: &Choice, plans: &BTreeMap<usize, Seen>, places: &[usize]) -> bool {
        let Candidate { relation, keys, .. } = self.offers[dropped.offer].index.clone();
        let mut is_within = false;
        for &cell in &dropped.serves {
            let Cell { demand, before, weight, .. } = self.cells[cell];
            let Some((plan, after)) = plans.get(&demand).zip(self.offers[dropped.offer].after.get(&cell).copied()) else { continue };
            let offers = &self.offers;
            let is_heir =
                |choice: &&mut Choice| plan.uses.contains(&places[choice.offer]) && offers[choice.offer].index.relation == relation;
            let Some(heir) = self.choices.iter_mut().find(is_heir) else { continue };
            is_within |= offers[heir.offer].index.keys.starts_with(&keys);
            if heir.serves.iter().any(|&known| self.cells[known].demand == demand) {
                continue;
            }
            heir.serves.push(cell);
            heir.saved += (before - plan.cost).max(0.0) * weight;
            self.offers[heir.offer].after.insert(cell, After { cost: plan.cost, ..after });
        }
        is_within
    }

    /// Cells of statements as they are with what was chosen, and what they cost with one more, by the cell's place.
    fn beside(&mut self, now: &BTreeMap<usize, Vec<Seen>>, after: BTreeMap<usize, After>) -> BTreeMap<usize, After> {
        let mut cells = BTreeMap::new();
        for (demand, after) in after {
            let before = now.get(&demand).and_then(|seen| seen.first()).map_or(0.0, |seen| seen.cost);
            let cell = Cell { demand, scan: 1, before, weight: self.weight(demand) };
            cells.insert(self.cells.len(), after);
            self.cells.push(cell);
        }
        cells
    }
}

/// What the planner says, and what the model knows of it. It rests on a guess how many rows match, if with places for values
/// it is a constant of the planner's, where it is one of the model's.
fn known(offers: &Offers, offer: usize, demand: usize, seen: &Seen) -> After {
    let of_demand = |cell: &usize| offers.cells.get(*cell).is_some_and(|cell| cell.demand == demand);
    let of_model = || offers.offers[offer].after.iter().filter(|(cell, _)| of_demand(cell)).map(|(_, after)| after);
    let is_guess = !seen.is_real && of_model().any(|after| after.is_guess);
    After { cost: seen.cost, is_guess, is_even: of_model().any(|after| after.is_even) }
}

/// Whether a statement costs more than before, in any way of asking.
#[must_use]
pub fn is_dearer(before: &[Seen], after: &[Seen]) -> bool {
    before.iter().zip(after).any(|(before, after)| before.is_real == after.is_real && after.cost > before.cost * DEARER)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::advice::{CandidateKey, On, Refused};
    use crate::sql::fingerprint::Fingerprint;
    use crate::sql::shape::scans::{Reading, Scan};
    use crate::units::Micros;

    fn demand(time: u64) -> Demand {
        let statement = Fingerprint::without_text(&time.to_string());
        Demand { statement, reading: Ok(Reading::default()), calls: 1.0, time: Micros(time), rows: None, measured: Vec::new() }
    }

    /// An offer of one column that by the model serves some demands.
    fn offer(column: i32, serves: &[usize]) -> Offer {
        let text = format!("c{column}");
        let key = CandidateKey { on: On::Column(column), column, text, descends: false, nulls_first: false, class: None };
        let index = Candidate { relation: 1, table: "t".to_owned(), keys: vec![key], predicate: None };
        let after = serves.iter().map(|&cell| (cell, After { cost: 10.0, is_guess: true, is_even: false })).collect();
        Offer { index, after, may: BTreeSet::new(), upkeep: 0.0 }
    }

    fn offers(demands: usize, all: Vec<Offer>) -> Offers {
        let cells = (0..demands).map(|demand| Cell { demand, scan: 0, before: 100.0, weight: 1.0 }).collect();
        Offers { cells, offers: all, ..Offers::default() }
    }

    /// A planner to whom every statement costs 1 000, and so many hundredths of it with the indexes that are named, of which
    /// it uses the first that is there.
    fn run(demands: usize, offers: &Offers, costs: &[(usize, usize, f64)]) -> Trial {
        let demands: Vec<Demand> = (0..demands).map(|_| demand(1_000)).collect();
        let mut planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let hit = costs.iter().find(|(index, of, _)| *of == demand && set.contains(index));
            let (cost, uses) = hit.map_or((1_000.0, Vec::new()), |&(index, _, cost)| (10.0 * cost, vec![index]));
            Ok(vec![Seen { cost, uses, is_real: false }])
        };
        trial(&demands, offers, Limits::default(), &mut planner).unwrap_or_else(|never| match never {})
    }

    /// The second is looked for beside the first, for one statement, and then the other statement uses it as well.
    #[test]
    fn what_takes_the_place_of_another_is_credited_with_what_that_did() {
        let mut wider = offer(1, &[0, 1]);
        wider.index.keys.extend(offer(2, &[]).index.keys);
        let all = offers(2, vec![offer(1, &[0, 1]), wider]);
        let demands: Vec<Demand> = (0..2).map(|_| demand(1_000)).collect();
        let mut planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let (cost, uses) = match (demand, set) {
                (0, [0]) => (400.0, vec![0]),
                (0, [1]) => (390.0, vec![1]),
                (0, [0, 1]) => (100.0, vec![1]),
                (1, [0]) => (10.0, vec![0]),
                (1, [.., 1]) => (10.0, vec![1]),
                _ => (1_000.0, vec![]),
            };
            Ok(vec![Seen { cost, uses, is_real: false }])
        };
        let trial = trial(&demands, &all, Limits::default(), &mut planner).unwrap_or_else(|never| match never {});
        let [choice] = trial.choices.as_slice() else { panic!("{trial:?}") };
        let served: BTreeSet<usize> = choice.serves.iter().map(|&cell| trial.cells[cell].demand).collect();
        assert_eq!((trial.offers[choice.offer].index.keys.len(), served), (2, BTreeSet::from([0, 1])));
        // Both cost 1 000 units in 1 000 µs: of the first the second index saves 300 beyond 600, of the other 990.
        assert!((choice.saved - (300.0 + 990.0)).abs() < 1e-9, "{choice:?}");
        assert_eq!(trial.rejected, []);
    }

    #[test]
    fn what_is_used_and_saves_a_third_is_chosen() {
        let all = offers(2, vec![offer(1, &[0, 1]), offer(2, &[0]), offer(3, &[1])]);
        // The first serves one of two; the second saves too little, the third is not used.
        let trial = run(2, &all, &[(0, 0, 20.0), (1, 0, 80.0)]);
        assert_eq!(trial.choices.len(), 1);
        assert_eq!(
            trial.offers[trial.choices[0].offer].after,
            BTreeMap::from([(0, After { cost: 200.0, is_guess: true, is_even: false })])
        );
        assert_eq!(trial.rejected, [(1, Rejection::SavesLittle), (2, Rejection::Unused)]);
        // 800 of 1 000 units of 1 µs.
        assert!((trial.choices[0].saved - 800.0).abs() < 1e-9);
    }

    /// Ten statements of a table each, of which each has two candidates: the second is better, and of no more use beside the
    /// first. Indexes on other tables are no matter to any, and nothing is asked twice.
    #[test]
    fn nothing_is_asked_twice_for_indexes_on_other_tables() {
        let on = |table: usize, column: i32| {
            let mut offer = offer(column, &[table]);
            (offer.index.relation, offer.index.table) = (u32::try_from(table).unwrap_or_default(), format!("t{table}"));
            offer
        };
        let all = offers(10, (0..10).flat_map(|table| [on(table, 1), on(table, 2)]).collect());
        let demands: Vec<Demand> = (0..10).map(|_| demand(1_000)).collect();
        let mut put: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let own = of_near(set, Some(&BTreeSet::from([2 * demand, 2 * demand + 1])));
            let uses: Vec<usize> = own.iter().copied().max().into_iter().collect();
            put.push((demand, own));
            Ok(vec![Seen { cost: uses.first().map_or(1_000.0, |best| 100.0 - (best % 2) as f64 * 50.0), uses, is_real: false }])
        };
        let trial = trial(&demands, &all, Limits::default(), &mut planner).unwrap_or_else(|never| match never {});
        assert_eq!(trial.choices.len(), 10);
        let asked = put.len();
        put.sort_unstable();
        put.dedup();
        // Without, with either, and with both.
        assert!(put.len() == asked && asked <= 40, "{asked}: {put:?}");
    }

    /// Before the two for an OR so many others are better that these are not tried alone; one of them serves a second statement,
    /// which can be asked nevertheless.
    #[test]
    fn what_is_chosen_for_an_or_is_tried_on_all_that_it_serves() {
        let on = |table: usize, column: i32, demand: usize, cost: f64| {
            let mut offer = offer(column, &[]);
            (offer.index.relation, offer.index.table) = (u32::try_from(table).unwrap_or_default(), format!("t{table}"));
            offer.after.insert(demand, After { cost, is_guess: false, is_even: false });
            offer
        };
        let mut all: Vec<Offer> = (0..MOST_TRIED).map(|at| on(at, 1, at, 10.0)).collect();
        let (or, other) = (MOST_TRIED, MOST_TRIED + 1);
        all.extend([on(or, 1, other, 99.0), Offer { after: BTreeMap::new(), ..on(or, 2, or, 0.0) }]);
        let joint = Joint { cell: or, offers: vec![or, other], after: After { cost: 20.0, is_guess: false, is_even: false } };
        let all = Offers { joints: vec![joint], ..offers(MOST_TRIED + 2, all) };
        let demands: Vec<Demand> = (0..MOST_TRIED + 2).map(|_| demand(1_000)).collect();
        let mut planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let uses: Vec<usize> = match demand {
                demand if demand == or => [or, other].into_iter().filter(|_| [or, other].iter().all(|offer| set.contains(offer))).collect(),
                demand if demand == other => set.iter().copied().filter(|offer| *offer == or).collect(),
                demand => set.iter().copied().filter(|offer| *offer == demand).collect(),
            };
            Ok(vec![Seen { cost: if uses.is_empty() { 1_000.0 } else { 100.0 }, uses, is_real: true }])
        };
        let trial = trial(&demands, &all, Limits::default(), &mut planner).unwrap_or_else(|never| match never {});
        assert_eq!((trial.choices.len(), trial.unasked), (MOST_TRIED + 2, 0));
    }

    /// By the model neither serves; the planner knows that the value is rare.
    #[test]
    fn what_only_may_serve_is_tried_too() {
        let may = |column: i32| Offer { after: BTreeMap::new(), may: BTreeSet::from([0]), ..offer(column, &[]) };
        let all = offers(1, vec![may(1), may(2)]);
        let trial = run(1, &all, &[(1, 0, 20.0)]);
        assert_eq!(trial.choices.iter().map(|choice| trial.offers[choice.offer].index.on()).collect::<Vec<_>>(), ["t (c2)"]);
        assert_eq!((trial.rejected.as_slice(), trial.untried), (&[(0, Rejection::Unused)][..], 0));
    }

    #[test]
    fn what_makes_a_statement_dearer_is_none() {
        let all = offers(2, vec![offer(1, &[0, 1])]);
        let trial = run(2, &all, &[(0, 0, 20.0), (0, 1, 102.0)]);
        assert!(trial.choices.is_empty());
        assert_eq!(trial.rejected, [(0, Rejection::Dearer)]);
        assert!(run(2, &all, &[(0, 0, 20.0), (0, 1, 100.9)]).rejected.is_empty(), "a hundredth is the planner's fuzziness");
    }

    #[test]
    fn what_is_of_no_use_beside_the_others_is_dropped() {
        // Alone each serves; together the planner takes the first for both.
        let all = offers(2, vec![offer(1, &[0, 1]), offer(2, &[1])]);
        let trial = run(2, &all, &[(0, 0, 20.0), (0, 1, 60.0), (1, 1, 10.0)]);
        assert_eq!(trial.choices.iter().map(|choice| choice.offer).collect::<Vec<_>>(), [0]);
        assert_eq!(trial.rejected, [(1, Rejection::Unused)]);
    }

    /// Neither serves alone, and nobody asks for that; together they are kept if the planner uses both.
    #[test]
    fn what_serves_together_is_tried_together() {
        let after = After { cost: 20.0, is_guess: false, is_even: false };
        let joint = Joint { cell: 0, offers: vec![0, 1], after };
        let all = Offers { joints: vec![joint], ..offers(1, vec![offer(1, &[]), offer(2, &[])]) };
        let with = |used: usize| {
            let mut planner = |set: &[usize], _: usize| -> Result<Vec<Seen>, Infallible> {
                assert_ne!(set.len(), 1, "none is tried alone");
                let uses: Vec<usize> = set.iter().copied().take(used).collect();
                Ok(vec![Seen { cost: if set.is_empty() { 1_000.0 } else { 50.0 }, uses, is_real: true }])
            };
            let Ok(trial) = trial(&[demand(1_000)], &all, Limits::default(), &mut planner);
            trial
        };
        let both = with(2);
        let told: Vec<_> =
            both.choices.iter().map(|choice| (both.offers[choice.offer].index.on(), choice.together.clone(), choice.saved)).collect();
        // 950 of 1 000 units of 1 µs, half of it each.
        assert_eq!(told, [("t (c1)".to_owned(), vec![1], 475.0), ("t (c2)".to_owned(), vec![0], 475.0)]);
        assert_eq!((both.untried, both.rejected.len()), (0, 0));
        assert_eq!(with(1).choices, []);
    }

    #[test]
    fn a_join_gets_both_of_its_indexes() {
        // Either alone halves the plan, and both together leave nothing of it.
        let all = offers(1, vec![offer(1, &[0]), offer(2, &[0])]);
        let mut planner = |set: &[usize], _: usize| -> Result<Vec<Seen>, Infallible> {
            let cost = [1000.0, 500.0, 20.0][set.len()];
            Ok(vec![Seen { cost, uses: set.to_vec(), is_real: true }])
        };
        let Ok(trial) = trial(&[demand(1_000)], &all, Limits::default(), &mut planner);
        assert_eq!(trial.choices.iter().map(|choice| choice.offer).collect::<BTreeSet<_>>().len(), 2);
        let second = &trial.offers[trial.choices[1].offer];
        let (cell, after) = second.after.first_key_value().expect("serves");
        assert_eq!((trial.cells[*cell].before, after.cost, trial.choices[1].saved), (500.0, 20.0, 480.0));
        assert!(trial.rejected.is_empty());
    }

    #[test]
    fn a_statement_that_the_model_did_not_think_of_counts() {
        let all = offers(1, vec![offer(1, &[0])]);
        let reading = |table: &str| {
            let scans = vec![Scan { table: table.to_owned(), ..Scan::default() }];
            Demand { reading: Ok(Reading { scans, ..Reading::default() }), ..demand(1_000) }
        };
        let mut planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let cost = [[100.0, 20.0], [50.0, 80.0], [50.0, 900.0], [0.0, 0.0]][demand][set.len()];
            Ok(if demand == 3 { Vec::new() } else { vec![Seen { cost, uses: set.to_vec(), is_real: true }] })
        };
        let Ok(dearer) = trial(&[demand(1_000), reading("public.t")], &all, Limits::default(), &mut planner);
        assert_eq!((dearer.choices.len(), dearer.rejected), (0, vec![(0, Rejection::Dearer)]));
        // Of another table, and one that cannot be asked.
        let Ok(chosen) = trial(&[demand(1_000), reading("u"), reading("u"), reading("t")], &all, Limits::default(), &mut planner);
        assert_eq!((chosen.choices.len(), chosen.unasked), (1, 1));
    }

    #[test]
    fn what_reads_a_foreign_table_is_not_asked() {
        let mut all = offers(2, vec![offer(1, &[0, 1])]);
        all.refused.push(Refused { demand: 0, table: Some("far".to_owned()), why: Refusal::Table(Reason::Foreign) });
        let mut asked = BTreeSet::new();
        let mut planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            asked.insert(demand);
            Ok(vec![Seen { cost: [100.0, 20.0][set.len()], uses: set.to_vec(), is_real: true }])
        };
        let Ok(trial) = trial(&[demand(1_000), demand(1_000)], &all, Limits::default(), &mut planner);
        assert_eq!((trial.choices.len(), asked), (1, BTreeSet::from([1])));
    }

    #[test]
    fn questions_come_to_an_end() {
        let every: Vec<usize> = (0..400).collect();
        let all = offers(400, (0..60).map(|column| offer(column, &every)).collect());
        let demands: Vec<Demand> = (0..400).map(|_| demand(1_000)).collect();
        let mut questions = 0;
        let mut planner = |set: &[usize], _: usize| -> Result<Vec<Seen>, Infallible> {
            questions += 1;
            Ok(vec![Seen { cost: if set.is_empty() { 1000.0 } else { 20.0 }, uses: set.to_vec(), is_real: true }])
        };
        let Ok(trial) = trial(&demands, &all, Limits::default(), &mut planner);
        assert!(questions <= 2 * MOST_QUESTIONS && trial.choices.len() == 1, "{questions}");
        assert_eq!(trial.untried, 60 - (MOST_QUESTIONS - 400) / 400, "those that there was no question left for");
    }

    #[test]
    fn what_cannot_be_asked_together_is_not_called_unused() {
        let all = offers(2, vec![offer(1, &[0]), offer(2, &[1])]);
        let planner = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let is_late = set.len() == 2 && demand == 1;
            Ok(if is_late {
                Vec::new()
            } else {
                vec![Seen { cost: if set.is_empty() { 100.0 } else { 20.0 }, uses: set.to_vec(), is_real: true }]
            })
        };
        let mut only_own = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Infallible> {
            let mut seen = planner(set, demand)?;
            seen.iter_mut().for_each(|seen| seen.uses.retain(|offer| *offer == demand));
            Ok(seen)
        };
        let reading = || Reading { scans: vec![Scan { table: "t".to_owned(), ..Scan::default() }], ..Reading::default() };
        let demands = [(); 2].map(|()| Demand { reading: Ok(reading()), ..demand(1_000) });
        let Ok(trial) = trial(&demands, &all, Limits::default(), &mut only_own);
        assert_eq!((trial.choices.len(), trial.rejected.len(), trial.untried), (1, 0, 1));
    }

    #[test]
    fn what_cannot_be_asked_is_not_judged() {
        let all = offers(1, vec![offer(1, &[0])]);
        let mut silent = |_: &[usize], _: usize| -> Result<Vec<Seen>, Infallible> { Ok(Vec::new()) };
        let Ok(trial) = trial(&[demand(1)], &all, Limits::default(), &mut silent);
        assert!(trial.choices.is_empty() && trial.rejected.is_empty() && trial.untried == 1 && trial.cells.is_empty());
    }
}
