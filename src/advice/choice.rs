//! Which of the candidates to create: for the whole workload, not for each statement.
//!
//! Greedy: always the index that saves most time beyond those that were chosen, less what it costs at each write. Knows
//! nothing of where the costs come from, so that those of a model and those of a server's planner are judged alike.

use std::collections::BTreeMap;

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
    /// What it costs at writes of the whole workload, in microseconds.
    pub upkeep: f64,
}

/// What a cell costs with an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct After {
    /// In the planner's unit.
    pub cost: f64,
    /// Whether the statistics do not tell how many rows match.
    pub is_guess: bool,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// New indexes for one table.
    pub most_per_table: usize,
    /// The part of its cost that an index must save a scan that it serves, and the statement, 0 to 1.
    pub least_saving: f64,
    /// A scan that costs less is left as it is, in the planner's unit.
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
}

/// An index that is worth so much of the best is as good.
const NEARLY: f64 = 0.98;

/// An index that begins with another may take its place if no more of what that saves is lost.
const MOST_LOST: f64 = 0.15;

/// Chooses; the best comes first.
#[must_use]
pub fn choose(cells: &[Cell], offers: &[Offer], limits: Limits) -> Vec<Choice> {
    let mut chosen: Vec<usize> = Vec::new();
    loop {
        let now = costs(cells, offers, &chosen, limits);
        let worth = |at: usize| saved(cells, &offers[at], &now, limits) - offers[at].upkeep;
        let is_open = |at: &usize| {
            let table = offers[*at].index.relation;
            !chosen.contains(at) && chosen.iter().filter(|other| offers[**other].index.relation == table).count() < limits.most_per_table
        };
        let worthy: Vec<(usize, f64)> =
            (0..offers.len()).filter(is_open).map(|at| (at, worth(at))).filter(|(_, worth)| *worth > 0.0).collect();
        let most = worthy.iter().map(|(_, worth)| *worth).fold(0.0, f64::max);
        // Of nearly equals the one with fewer columns, then the first by name.
        let near = worthy.into_iter().filter(|(_, worth)| *worth >= NEARLY * most);
        let order = |at: usize| (offers[at].index.keys.len(), offers[at].index.predicate.is_none(), offers[at].index.on());
        let Some((best, _)) = near.min_by(|(a, _), (b, _)| order(*a).cmp(&order(*b))) else { break };
        chosen.push(best);
    }
    merge(cells, offers, &mut chosen, limits);
    told(cells, offers, &chosen, limits)
}

/// What each cell costs with some of the offers.
fn costs(cells: &[Cell], offers: &[Offer], chosen: &[usize], limits: Limits) -> Vec<f64> {
    let mut now: Vec<f64> = cells.iter().map(|cell| cell.before).collect();
    for &at in chosen {
        for (&cell, after) in &offers[at].after {
            if serves(&cells[cell], after, limits) {
                now[cell] = now[cell].min(after.cost);
            }
        }
    }
    now
}

fn serves(cell: &Cell, after: &After, limits: Limits) -> bool {
    cell.before >= limits.least_cost && cell.before - after.cost >= limits.least_saving * cell.before
}

/// Microseconds that an offer saves where so much is spent.
fn saved(cells: &[Cell], offer: &Offer, now: &[f64], limits: Limits) -> f64 {
    helped(cells, offer, now, limits).into_iter().map(|cell| (now[cell] - offer.after[&cell].cost) * cells[cell].weight).sum()
}

/// The cells for which an offer makes a difference that their statement feels, where so much is spent.
fn helped(cells: &[Cell], offer: &Offer, now: &[f64], limits: Limits) -> Vec<usize> {
    let mut all: BTreeMap<usize, f64> = BTreeMap::new();
    cells.iter().zip(now).for_each(|(cell, now)| *all.entry(cell.demand).or_default() += now);
    let mut less: BTreeMap<usize, f64> = BTreeMap::new();
    let served = offer.after.iter().filter(|(cell, after)| {
        let saved = now[**cell] - after.cost;
        serves(&cells[**cell], after, limits) && saved >= limits.least_saving * now[**cell]
    });
    let served: Vec<usize> = served.map(|(cell, _)| *cell).collect();
    served.iter().for_each(|cell| *less.entry(cells[*cell].demand).or_default() += now[*cell] - offer.after[cell].cost);
    let is_felt = |cell: &usize| {
        let demand = cells[*cell].demand;
        less.get(&demand).zip(all.get(&demand)).is_some_and(|(less, all)| *less >= limits.least_saving * all)
    };
    served.into_iter().filter(is_felt).collect()
}

/// Drops what another choice does nearly as well because it begins with it.
fn merge(cells: &[Cell], offers: &[Offer], chosen: &mut Vec<usize>, limits: Limits) {
    let before: Vec<f64> = cells.iter().map(|cell| cell.before).collect();
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
            Choice { offer, serves: Vec::new(), saved: saved(cells, &offers[offer], &costs(cells, offers, &rest, limits), limits) }
        })
        .collect();
    for at in 0..cells.len() {
        // What the others do for the statement's other tables is taken as done.
        let of = |choice: &Choice| {
            let mut now = costs(cells, offers, chosen, limits);
            now[at] = cells[at].before;
            let helps = helped(cells, &offers[choice.offer], &now, limits).contains(&at);
            helps.then(|| offers[choice.offer].after[&at].cost)
        };
        let best = choices.iter_mut().filter_map(|choice| of(choice).map(|cost| (choice, cost))).min_by(|(_, a), (_, b)| a.total_cmp(b));
        if let Some((choice, _)) = best {
            choice.serves.push(at);
        }
    }
    choices.retain(|choice| !choice.serves.is_empty());
    choices
}
