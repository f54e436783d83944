//! Which of the candidates to create: for the whole workload, not for each statement.
//!
//! Greedy: always the index that saves most time beyond those that were chosen, less what it costs at each write. Knows
//! nothing of where the costs come from, so that those of a model and those of a server's planner are judged alike.

use std::collections::{BTreeMap, BTreeSet};

use super::Offers;
use super::candidate::Candidate;

/// One scan of one statement, which an index may serve.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The statement's place in the demands.
    pub demand: usize,
    /// The scan's place in the statement.
    pub scan: usize,
    /// What it costs now, in the planner's unit.
    pub before: f64,
    /// What one unit less at each call would save of the whole workload, in microseconds.
    pub weight: f64,
}

/// A candidate and what it would change.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The index.
    pub index: Candidate,
    /// What each cell that it serves costs with it, and whether that rests on a guess, by the cell's place.
    pub after: BTreeMap<usize, After>,
    /// Cells that it could serve and by the costs does not, by their place. Whoever knows values may think otherwise.
    pub may: BTreeSet<usize>,
    /// What it costs at writes of the whole workload, in microseconds.
    pub upkeep: f64,
}

/// What a cell costs with an index.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct After {
    /// In the planner's unit.
    pub cost: f64,
    /// Whether the statistics do not tell how many rows match.
    pub is_guess: bool,
    /// Whether it holds only if the rows that pass lie evenly in the order that is read until there are enough.
    pub is_even: bool,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// New indexes for one table.
    pub most_per_table: usize,
    /// The part of its cost that an index must save a scan that it serves, and the statement, 0 to 1.
    pub least_saving: f64,
    /// A statement that costs less is left as it is, in the planner's unit.
    pub least_cost: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { most_per_table: 3, least_saving: 0.3, least_cost: 100.0 }
    }
}

/// An index to create.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The offer's place.
    pub offer: usize,
    /// The cells that it serves best, by their place.
    pub serves: Vec<usize>,
    /// Microseconds that it saves of the workload beyond the other choices, writes not counted.
    pub saved: f64,
    /// Offers without which it does not do all of it, by their place.
    pub together: Vec<usize>,
}

/// Offers that serve a cell together, and none of them alone: one for each arm of an OR.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// The cell's place.
    pub cell: usize,
    /// The offers' places.
    pub offers: Vec<usize>,
    /// What it costs with all of them.
    pub after: After,
}

/// An index that is worth so much of the best is as good.
const NEARLY: f64 = 0.98;

/// An index that begins with another may take its place if no more of what that saves is lost.
const MOST_LOST: f64 = 0.15;

/// Chooses; the best comes first.
#[must_use]
pub fn choose(cells: &[Cell], offers: &[Offer], limits: Limits) -> Vec<Choice> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut of_table: BTreeMap<u32, usize> = BTreeMap::new();
    loop {
        let now = costs(cells, offers, &chosen, limits);
        let worth = |at: usize| saved(cells, &offers[at], &now, limits) - offers[at].upkeep;
        let is_open = |at: &usize| {
            let of_table = of_table.get(&offers[*at].index.relation).copied().unwrap_or_default();
            of_table < limits.most_per_table && (of_table == 0 || !chosen.contains(at))
        };
        let worthy: Vec<(usize, f64)> =
            (0..offers.len()).filter(is_open).map(|at| (at, worth(at))).filter(|(_, worth)| *worth > 0.0).collect();
        let most = worthy.iter().map(|(_, worth)| *worth).fold(0.0, f64::max);
        // Of nearly equals the one that does not rest on luck, then with fewer columns, then the one that was thought of first.
        let near = worthy.into_iter().filter(|(_, worth)| *worth >= NEARLY * most);
        let is_lucky = |at: usize| offers[at].after.values().any(|after| after.is_even);
        let order = |at: usize| (is_lucky(at), offers[at].index.keys.len(), offers[at].index.predicate.is_none(), at);
        let Some((best, _)) = near.min_by(|(a, _), (b, _)| order(*a).cmp(&order(*b))) else { break };
        chosen.push(best);
        *of_table.entry(offers[best].index.relation).or_default() += 1;
    }
    merge(cells, offers, &mut chosen, limits);
    told(cells, offers, &chosen, limits)
}

/// Adds to what was chosen what is worth it together, always what saves most.
pub(super) fn with_joints(mut choices: Vec<Choice>, offers: &mut Offers, limits: Limits) -> Vec<Choice> {
    let mut open = offers.joints.clone();
    // What a joint is credited with are cells beside those of the statements, whose scans must not be counted again.
    let own = offers.cells.len();
    let mut joined: BTreeMap<usize, f64> = BTreeMap::new();
    loop {
        let chosen: Vec<usize> = choices.iter().map(|choice| choice.offer).collect();
        let cells = &offers.cells[..own];
        let mut now = costs(cells, &offers.offers, &chosen, limits).cells;
        joined.iter().for_each(|(&cell, &cost)| now[cell] = now[cell].min(cost));
        let now = Spent::of(cells, now);
        let worth = |joint: &Joint| {
            let (cell, spent) = (&cells[joint.cell], now.cells[joint.cell]);
            let (less, all) = (spent - joint.after.cost, now.demands.get(&cell.demand).copied().unwrap_or_default());
            let new: Vec<&Offer> = joint.offers.iter().filter(|at| !chosen.contains(at)).map(|at| &offers.offers[*at]).collect();
            let table = new.first().map(|offer| offer.index.relation);
            let there = chosen.iter().filter(|at| Some(offers.offers[**at].index.relation) == table).count();
            let is_felt = all >= limits.least_cost && less >= limits.least_saving * all;
            (is_felt && there + new.len() <= limits.most_per_table)
                .then(|| less * cell.weight - new.iter().map(|offer| offer.upkeep).sum::<f64>())
        };
        let best = open.iter().enumerate().filter_map(|(at, joint)| Some((at, worth(joint).filter(|worth| *worth > 0.0)?)));
        let Some((at, _)) = best.max_by(|(a, x), (b, y)| x.total_cmp(y).then(b.cmp(a))) else { return choices };
        let joint = open.remove(at);
        // One scan is saved once: what another OR of it would save is no more there.
        open.retain(|other| other.cell != joint.cell);
        let spent = now.cells[joint.cell];
        joined.insert(joint.cell, joint.after.cost);
        join(&mut choices, (&mut offers.cells, &mut offers.offers), &joint, spent);
    }
}

/// Chooses all offers of a joint, each credited with its part of what they save.
pub(super) fn join(choices: &mut Vec<Choice>, (cells, offers): (&mut Vec<Cell>, &mut [Offer]), joint: &Joint, spent: f64) {
    let Cell { demand, scan, weight, .. } = cells[joint.cell];
    let weight = weight / joint.offers.len().max(1) as f64;
    for &offer in &joint.offers {
        let (place, saved) = (cells.len(), (spent - joint.after.cost) * weight);
        cells.push(Cell { demand, scan, before: spent, weight });
        offers[offer].after.insert(place, joint.after);
        let others = joint.offers.iter().copied().filter(|&other| other != offer);
        match choices.iter_mut().find(|choice| choice.offer == offer) {
            Some(known) => {
                known.serves.push(place);
                known.saved += saved;
                known.together.extend(others);
                known.together.sort_unstable();
                known.together.dedup();
            }
            None => choices.push(Choice { offer, serves: vec![place], saved, together: others.collect() }),
        }
    }
}

/// What is spent with some of the offers.
struct Spent {
    cells: Vec<f64>,
    /// What all cells of a demand cost.
    demands: BTreeMap<usize, f64>,
}

impl Spent {
    fn of(cells: &[Cell], now: Vec<f64>) -> Self {
        let mut demands: BTreeMap<usize, f64> = BTreeMap::new();
        cells.iter().zip(&now).for_each(|(cell, now)| *demands.entry(cell.demand).or_default() += now);
        Spent { cells: now, demands }
    }
}

/// What each cell costs with some of the offers.
fn costs(cells: &[Cell], offers: &[Offer], chosen: &[usize], limits: Limits) -> Spent {
    let mut now: Vec<f64> = cells.iter().map(|cell| cell.before).collect();
    for &at in chosen {
        for (&cell, after) in &offers[at].after {
            if cells.get(cell).is_some_and(|of| serves(of, after, limits)) {
                now[cell] = now[cell].min(after.cost);
            }
        }
    }
    Spent::of(cells, now)
}

fn serves(cell: &Cell, after: &After, limits: Limits) -> bool {
    cell.before - after.cost >= limits.least_saving * cell.before
}

/// Microseconds that an offer saves where so much is spent.
fn saved(cells: &[Cell], offer: &Offer, now: &Spent, limits: Limits) -> f64 {
    helped(cells, offer, now, limits).into_iter().map(|cell| (now.cells[cell] - offer.after[&cell].cost) * cells[cell].weight).sum()
}

/// The cells for which an offer makes a difference that their statement feels, where so much is spent.
fn helped(cells: &[Cell], offer: &Offer, now: &Spent, limits: Limits) -> Vec<usize> {
    let less = less(cells, offer, now, limits);
    let mut of_demand: BTreeMap<usize, f64> = BTreeMap::new();
    less.iter().for_each(|(cell, less)| *of_demand.entry(cells[*cell].demand).or_default() += less);
    let is_felt = |cell: &usize| {
        let demand = cells[*cell].demand;
        of_demand.get(&demand).zip(now.demands.get(&demand)).is_some_and(|(less, all)| *less >= limits.least_saving * all)
    };
    less.into_keys().filter(is_felt).collect()
}

/// What an offer takes off each cell that it serves, where so much is spent; a statement that is cheap by now is left as it is.
fn less(cells: &[Cell], offer: &Offer, now: &Spent, limits: Limits) -> BTreeMap<usize, f64> {
    let of = |(&cell, after): (&usize, &After)| {
        let (spent, less) = (now.cells[cell], now.cells[cell] - after.cost);
        let is_dear = now.demands.get(&cells[cell].demand).is_some_and(|all| *all >= limits.least_cost);
        let is_much = is_dear && less >= limits.least_saving * spent;
        (is_much && serves(&cells[cell], after, limits)).then_some((cell, less))
    };
    offer.after.iter().filter_map(of).collect()
}

/// The cells for which an offer makes such a difference, each as if nothing served it yet, and what they cost with it. What
/// the others do for the statement's other tables is taken as done.
fn best_for(cells: &[Cell], offer: &Offer, now: &Spent, limits: Limits) -> Vec<(usize, f64)> {
    let less = less(cells, offer, now, limits);
    let mut of_demand: BTreeMap<usize, f64> = BTreeMap::new();
    less.iter().for_each(|(cell, less)| *of_demand.entry(cells[*cell].demand).or_default() += less);
    let is_felt = |&(&at, after): &(&usize, &After)| {
        let cell = &cells[at];
        let others = of_demand.get(&cell.demand).map_or(0.0, |all| all - less.get(&at).unwrap_or(&0.0));
        let spent = now.demands.get(&cell.demand).map_or(0.0, |all| all - now.cells[at]) + cell.before;
        spent >= limits.least_cost && serves(cell, after, limits) && others + cell.before - after.cost >= limits.least_saving * spent
    };
    offer.after.iter().filter(is_felt).map(|(at, after)| (*at, after.cost)).collect()
}

/// Drops what another choice does nearly as well because it begins with it.
fn merge(cells: &[Cell], offers: &[Offer], chosen: &mut Vec<usize>, limits: Limits) {
    let before = costs(cells, offers, &[], limits);
    let mut at = 0;
    while at < chosen.len() {
        let one = chosen[at];
        let is_begun = chosen.iter().any(|&other| other != one && offers[one].index.is_prefix_of(&offers[other].index));
        let rest: Vec<usize> = chosen.iter().copied().filter(|&other| other != one).collect();
        let without = saved(cells, &offers[one], &costs(cells, offers, &rest, limits), limits);
        let alone = saved(cells, &offers[one], &before, limits);
        if is_begun && without < MOST_LOST * alone {
            chosen.remove(at);
        } else {
            at += 1;
        }
    }
}

/// The choices, each with the cells that it serves better than the others do.
fn told(cells: &[Cell], offers: &[Offer], chosen: &[usize], limits: Limits) -> Vec<Choice> {
    let mut choices: Vec<Choice> = chosen
        .iter()
        .map(|&offer| {
            let rest: Vec<usize> = chosen.iter().copied().filter(|&other| other != offer).collect();
            Choice {
                offer,
                serves: Vec::new(),
                together: Vec::new(),
                saved: saved(cells, &offers[offer], &costs(cells, offers, &rest, limits), limits),
            }
        })
        .collect();
    let now = costs(cells, offers, chosen, limits);
    let mut best: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
    for (place, choice) in choices.iter().enumerate() {
        for (at, cost) in best_for(cells, &offers[choice.offer], &now, limits) {
            let known = best.entry(at).or_insert((cost, place));
            if cost < known.0 {
                *known = (cost, place);
            }
        }
    }
    best.into_iter().for_each(|(at, (_, place))| choices[place].serves.push(at));
    choices.retain(|choice| !choice.serves.is_empty());
    choices
}

#[cfg(test)]
mod tests {
    use super::super::{CandidateKey, On};
    use super::*;

    fn offer(relation: u32, column: i32, after: BTreeMap<usize, After>) -> Offer {
        let text = format!("c{column}");
        let key = CandidateKey { on: On::Column(column), column, text, descends: false, nulls_first: false, class: None };
        Offer {
            index: Candidate { relation, table: format!("t{relation}"), keys: vec![key], predicate: None },
            after,
            may: BTreeSet::new(),
            upkeep: 0.0,
        }
    }

    /// A statement reads two tables for 1 000 and 400, each with an OR; what is left is 10 each. After the first is served the
    /// statement costs 410, of which the second is nearly all; not 1 420 with what it was and what it became.
    #[test]
    fn a_scan_that_a_joint_serves_is_counted_once() {
        let cells: Vec<Cell> =
            [1_000.0, 400.0].into_iter().enumerate().map(|(scan, before)| Cell { demand: 0, scan, before, weight: 1.0 }).collect();
        let own = [offer(1, 1, BTreeMap::new()), offer(1, 2, BTreeMap::new()), offer(2, 1, BTreeMap::new()), offer(2, 2, BTreeMap::new())];
        let joint = |cell: usize| Joint {
            cell,
            offers: vec![2 * cell, 2 * cell + 1],
            after: After { cost: 10.0, is_guess: false, is_even: false },
        };
        let mut offers = Offers { cells, offers: own.to_vec(), joints: vec![joint(0), joint(1)], ..Offers::default() };
        let choices = with_joints(Vec::new(), &mut offers, Limits::default());
        let saved: Vec<(usize, f64)> = choices.iter().map(|choice| (choice.offer, choice.saved)).collect();
        assert_eq!(saved, [(0, 495.0), (1, 495.0), (2, 195.0), (3, 195.0)]);
    }

    /// 100 tables with ten statements and two candidates each: of the two the one that leaves less.
    #[test]
    fn a_large_workload_is_chosen_for() {
        let cells: Vec<Cell> = (0..1_000).map(|demand| Cell { demand, scan: 0, before: 1_000.0, weight: 1.0 }).collect();
        let of_table = |relation: u32, cost: f64| {
            (relation as usize * 10..relation as usize * 10 + 10)
                .map(move |cell| (cell, After { cost, is_guess: false, is_even: false }))
                .collect()
        };
        let offers: Vec<Offer> = (0..100)
            .flat_map(|relation| [offer(relation, 1, of_table(relation, 500.0)), offer(relation, 2, of_table(relation, 100.0))])
            .collect();
        let choices = choose(&cells, &offers, Limits::default());
        assert_eq!((choices.len(), choices.iter().map(|choice| choice.serves.len()).sum::<usize>()), (100, 1_000));
        assert!(choices.iter().all(|choice| offers[choice.offer].index.keys[0].column == 2 && (choice.saved - 9_000.0).abs() < 1e-6));
    }
}
