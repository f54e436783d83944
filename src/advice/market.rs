//! Every candidate for a workload, priced: what each scan costs now and with it, and what it costs at writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Index, Relation};
use crate::sql::shape::scans::{Key, Scan, Test, Written, written};

use super::asked::{Asked, Join, On, asked};
use super::candidate::{Candidate, candidates, relation};
use super::choice::{After, Cell, Offer};
use super::indexed::{Indexed, existing, plain, serves_loosely, thought_of, unique_columns};
use super::path::{Way, covers, through, whole};
use super::price::Costs;
use super::{Considered, Demand, Measured, Offers, Refusal, Refused, joins, name};

mod arms;
mod reasons;

/// One statement in terms of the catalogue.
struct Read<'c> {
    scans: Vec<Option<Asked<'c>>>,
    loops: Vec<Option<f64>>,
}

/// An index of the catalogue, taken apart once.
struct There<'c> {
    index: &'c Index,
    /// As it is looked into; `None` if no plan can use it as a B-tree or a hash.
    tree: Option<Indexed>,
    unique: Option<Vec<i32>>,
}

/// See the module.
pub(super) fn fill(demands: &[Demand], catalog: &Catalog) -> Offers {
    let mut market =
        Market { catalog, costs: Costs::of(catalog), found: Offers::default(), reads: Vec::new(), there: BTreeMap::new(), per_unit: 0.0 };
    for (place, demand) in demands.iter().enumerate() {
        market.read(place, demand);
    }
    market.price(demands);
    market.per_unit = market.per_unit(demands);
    for candidate in market.candidates() {
        market.offer(candidate, demands);
    }
    market.offer_arms(demands);
    market.explain();
    market.found.led_ors = market.led_ors();
    market.found
}

struct Market<'c> {
    catalog: &'c Catalog,
    costs: Costs,
    found: Offers,
    reads: Vec<Read<'c>>,
    /// The indexes of the tables that are read, by table.
    there: BTreeMap<u32, Vec<There<'c>>>,
    /// Microseconds that a unit of the planner's takes in this workload.
    per_unit: f64,
}

impl<'c> Market<'c> {
    /// Reads a statement, and notes why there is no advice for it.
    fn read(&mut self, place: usize, demand: &Demand) {
        let mut scans = Vec::new();
        let reading = match &demand.reading {
            Ok(reading) => reading.scans.as_slice(),
            Err(why) => {
                self.found.refused.push(Refused { demand: place, table: None, why: Refusal::Unread(*why) });
                &[]
            }
        };
        for scan in reading {
            match asked(scan, self.catalog) {
                Ok(mut asked) => {
                    // A table that is read twice has two such numbers, and nobody knows which is which.
                    let is_alone = reading.iter().filter(|other| other.table == scan.table).count() == 1;
                    let kept = shown(demand, &asked, self.catalog).filter(|_| is_alone).and_then(|measured| measured.kept);
                    let kept = kept.or_else(|| returned(demand, &asked));
                    kept.into_iter().for_each(|kept| asked.measured(kept));
                    // The rows that came of a LIMIT whose number is not known. What OFFSET skipped never came.
                    let skipped = scan.limit.and_then(|limit| limit.skipped).filter(|_| reading.len() == 1 && demand.calls > 0.0);
                    if let (Some(None), Some(skipped)) = (asked.limit, skipped) {
                        asked.limit = Some(demand.rows.map(|rows| (rows as f64 / demand.calls).max(1.0) + skipped as f64));
                    }
                    self.consider(place, scan, &asked);
                    self.take_apart(asked.relation);
                    scans.push(Some(asked));
                }
                Err(reason) => {
                    self.found.refused.push(Refused { demand: place, table: Some(scan.table.clone()), why: Refusal::Table(reason) });
                    scans.push(None);
                }
            }
        }
        share_limits(&mut scans);
        let pages: f64 = scans.iter().flatten().map(|asked| asked.heap.pages).sum();
        scans.iter_mut().flatten().for_each(|asked| asked.heap.all_pages = pages);
        let loops = joins::loops(&scans);
        self.reads.push(Read { scans, loops });
    }

    fn consider(&mut self, place: usize, scan: &Scan, asked: &Asked<'_>) {
        for term in &scan.terms {
            let method = match term.test {
                Test::Pattern => "trigram",
                Test::Document => "gin",
                _ => continue,
            };
            let column = term.key.column();
            let of = self.catalog.column_named(asked.relation.oid, column);
            let method = of.filter(|_| method == "gin").map_or(method, |column| for_contents(&column.data_type));
            let key = match &term.key {
                Key::Expression { text: Some(text), .. } => text.clone(),
                _ => column.to_owned(),
            };
            let Some(number) = of.map(|column| column.number) else { continue };
            let is_there = |index: &Index| {
                let of = index.columns.contains(&number) || index.key_text.iter().any(|text| plain(text).contains(column));
                matches!(index.method.as_str(), "gin" | "gist") && index.is_valid && of
            };
            if !self.catalog.indexes(asked.relation.oid).iter().any(is_there) {
                self.found.considered.push(Considered { demand: place, table: name::table(asked.relation), key, method });
            }
        }
    }

    fn take_apart(&mut self, relation: &Relation) {
        let catalog = self.catalog;
        let of = |index: &'c Index| There { index, tree: existing(index, relation, catalog), unique: unique_columns(index) };
        self.there.entry(relation.oid).or_insert_with(|| catalog.indexes(relation.oid).iter().map(of).collect());
    }

    fn there(&self, relation: &Relation) -> &[There<'c>] {
        self.there.get(&relation.oid).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a scan costs with some indexes.
    fn cost(&self, read: &Read<'c>, scan: usize, indexes: &[&Indexed]) -> f64 {
        let Some(asked) = &read.scans[scan] else { return 0.0 };
        let loops = read.loops[scan];
        let best = |way: Way| {
            let by_index = indexes.iter().filter_map(|index| through(&self.costs, asked, index, way)).map(|looked| looked.cost);
            by_index.fold(f64::INFINITY, f64::min)
        };
        let combined = self.combined(asked, indexes).map_or(f64::INFINITY, |(cost, _)| cost);
        if asked.for_each.is_some() {
            let each = Way::Alone(loops.unwrap_or(1.0));
            return whole(&self.costs, asked, each).min(best(each)).min(combined * each.loops());
        }
        let alone = whole(&self.costs, asked, Way::Alone(1.0)).min(best(Way::Alone(1.0))).min(combined);
        let joined = loops.map_or(f64::INFINITY, |loops| best(Way::Joined(loops)));
        if asked.is_joined() { (alone + self.costs.hashed(asked.rows())).min(joined) } else { alone }
    }

    /// What every scan costs now.
    fn price(&mut self, demands: &[Demand]) {
        for (place, demand) in demands.iter().enumerate() {
            let read = &self.reads[place];
            let before: Vec<f64> = (0..read.scans.len())
                .map(|scan| {
                    let of_table = read.scans[scan].as_ref().map(|asked| self.there(asked.relation)).unwrap_or_default();
                    let indexes: Vec<&Indexed> = of_table.iter().filter_map(|there| there.tree.as_ref()).collect();
                    self.cost(read, scan, &indexes)
                })
                .collect();
            let shares = shares(demand, read, &before, self.catalog);
            for (scan, (before, share)) in before.into_iter().zip(shares).enumerate().filter(|(scan, _)| read.scans[*scan].is_some()) {
                let weight = if before > 0.0 { demand.time.0 as f64 * share / before } else { 0.0 };
                self.found.cells.push(Cell { demand: place, scan, before, weight });
            }
        }
    }

    /// The candidates of all scans for which nothing is there that leads to the same, each once; of one table not too many,
    /// those first of statements that cost most.
    fn candidates(&self) -> Vec<Candidate> {
        let mut seen = BTreeSet::new();
        let mut of_table: BTreeMap<u32, usize> = BTreeMap::new();
        let mut all = Vec::new();
        for cell in &self.found.cells {
            let Some(asked) = self.asked(cell) else { continue };
            let count = of_table.entry(asked.relation.oid).or_default();
            for candidate in candidates(asked, self.catalog) {
                // What is covered for one statement need not be for another.
                let is_open = *count < MOST_OF_TABLE && !seen.contains(&candidate.on()) && !self.is_covered(asked, &candidate);
                if is_open && seen.insert(candidate.on()) {
                    *count += 1;
                    all.push(candidate);
                }
            }
        }
        all
    }

    fn asked(&self, cell: &Cell) -> Option<&Asked<'c>> {
        self.reads.get(cell.demand)?.scans.get(cell.scan)?.as_ref()
    }

    /// Says what a candidate would change, and keeps it if that is anything.
    fn offer(&mut self, candidate: Candidate, demands: &[Demand]) {
        let Some(relation) = relation(&candidate, self.catalog) else { return };
        let index = thought_of(&candidate, relation, self.catalog);
        if !self.is_common(&candidate) {
            return;
        }
        let (mut after, mut may) = (BTreeMap::new(), BTreeSet::new());
        for (place, cell) in self.found.cells.iter().enumerate() {
            let Some(asked) = self.asked(cell).filter(|asked| asked.relation.oid == relation.oid) else { continue };
            let read = &self.reads[cell.demand];
            let joined = read.loops[cell.scan];
            let alone = Way::Alone(joined.filter(|_| asked.for_each.is_some()).unwrap_or(1.0));
            let ways = std::iter::once(alone).chain(joined.filter(|_| asked.for_each.is_none()).map(Way::Joined));
            let looked: Vec<_> = ways.filter_map(|way| through(&self.costs, asked, &index, way)).collect();
            let best = looked.iter().filter(|looked| looked.is_worthy).min_by(|a, b| a.cost.total_cmp(&b.cost));
            let cost = self.cost(read, cell.scan, &[&index]);
            match best.filter(|_| cost < cell.before && !self.is_served_loosely(asked, &index)) {
                Some(best) => drop(after.insert(place, After { cost, is_guess: best.is_guess, is_even: best.is_even })),
                None if looked.is_empty() && !self.is_for_elsewhere(asked, joined, &index) => {}
                None => drop(may.insert(place)),
            }
        }
        if !after.is_empty() || !may.is_empty() {
            let upkeep = self.upkeep(&candidate, &index, demands);
            self.found.offers.push(Offer { index: candidate, after, may, upkeep });
        }
    }

    /// Whether an index may be looked into for each row of what is no table, which only a planner can tell the number of.
    fn is_for_elsewhere(&self, asked: &Asked<'_>, joined: Option<f64>, index: &Indexed) -> bool {
        joined.is_none() && is_joined_elsewhere(asked) && through(&self.costs, asked, index, Way::Joined(1.0)).is_some()
    }

    fn is_served_loosely(&self, asked: &Asked<'_>, candidate: &Indexed) -> bool {
        self.there(asked.relation).iter().any(|there| serves_loosely(there.index, asked, candidate))
    }

    /// Whether an index that is there leads to what the candidate was made for.
    fn is_covered(&self, asked: &Asked<'_>, candidate: &Candidate) -> bool {
        let candidate = thought_of(candidate, asked.relation, self.catalog);
        self.there(asked.relation).iter().any(|there| there.leads_to(asked, &candidate))
    }

    fn covering(&self, asked: &Asked<'_>, candidate: &Indexed) -> Option<&'c str> {
        let covers = |there: &&There<'c>| serves_loosely(there.index, asked, candidate) || there.leads_to(asked, candidate);
        self.there(asked.relation).iter().find(covers).map(|there| there.index.name.as_str())
    }

    /// Whether nearly all time of what a partial index could serve has its condition.
    fn is_common(&self, candidate: &Candidate) -> bool {
        let Some(predicate) = &candidate.predicate else { return true };
        let Some(first) = candidate.keys.first() else { return false };
        let (mut with, mut all) = (0.0, 0.0);
        for cell in &self.found.cells {
            let Some(asked) = self.asked(cell).filter(|asked| asked.relation.oid == candidate.relation) else { continue };
            let asks =
                asked.conditions.iter().any(|c| c.on == first.on) || asked.sort.first().is_some_and(|(n, _)| On::Column(*n) == first.on);
            if !asks {
                continue;
            }
            let time = cell.weight * cell.before;
            all += time;
            let holds = thought_of(candidate, asked.relation, self.catalog).holds(asked);
            with += if holds { time } else { 0.0 };
        }
        // A partial index on nearly all rows is an index with a condition to remember.
        with >= LEAST_COMMON * all && predicate.part <= MOST_IN_PARTIAL
    }

    fn per_unit(&self, demands: &[Demand]) -> f64 {
        let mut of_demand: BTreeMap<usize, f64> = BTreeMap::new();
        self.found.cells.iter().for_each(|cell| *of_demand.entry(cell.demand).or_default() += cell.before);
        let (time, cost) = demands.iter().enumerate().fold((0.0, 0.0), |(time, cost), (place, demand)| match of_demand.get(&place) {
            Some(&of_demand) if of_demand > 0.0 => (time + demand.time.0 as f64, cost + of_demand * demand.calls),
            _ => (time, cost),
        });
        if cost > 0.0 { time / cost } else { 0.0 }
    }

    /// What a candidate costs at the writes of the workload, in microseconds.
    fn upkeep(&self, candidate: &Candidate, index: &Indexed, demands: &[Demand]) -> f64 {
        let written: f64 = demands.iter().map(|demand| self.written(candidate, demand)).sum();
        written * index.part * self.costs.entered(&index.tree) * self.per_unit
    }

    /// Rows that a statement writes into an index.
    fn written(&self, candidate: &Candidate, demand: &Demand) -> f64 {
        let Ok(reading) = &demand.reading else { return 0.0 };
        let rows = demand.rows.map_or(demand.calls, |rows| rows as f64).max(demand.calls);
        let of_write = |kind: &Written| match kind {
            Written::Inserted => 1.0,
            Written::Deleted => 0.0,
            Written::Updated(columns) => {
                let is_in = |number: i32| {
                    let column = self.catalog.column(candidate.relation, number);
                    column.is_some_and(|column| columns.contains(&written(&column.name)))
                };
                let is_changed = candidate.keys.iter().any(|key| is_in(key.column)) || candidate.predicate.iter().any(|p| is_in(p.column));
                if is_changed { 1.0 } else { 1.0 - self.hot(candidate.relation) }
            }
        };
        let writes = reading.writes.iter().filter(|write| self.catalog.named(&write.table).is_some_and(|of| of.oid == candidate.relation));
        writes.map(|write| of_write(&write.kind)).fold(0.0, f64::max) * rows
    }

    /// The part of a table's updates that touch no index.
    fn hot(&self, relation: u32) -> f64 {
        let usage = self.catalog.relation(relation).and_then(|relation| relation.usage.as_ref());
        let count = |name: &str| usage.and_then(|usage| usage.get(name)).and_then(serde_json::Value::as_f64).unwrap_or_default();
        let all = count("n_tup_upd");
        if all > 0.0 { (count("n_tup_hot_upd") / all).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl There<'_> {
    fn leads_to(&self, asked: &Asked<'_>, candidate: &Indexed) -> bool {
        self.tree.as_ref().is_some_and(|own| covers(own, self.unique.as_deref(), asked, candidate))
    }
}

fn is_joined_elsewhere(asked: &Asked<'_>) -> bool {
    asked.conditions.iter().any(|condition| condition.joins == Some(Join::Other) && condition.is_equality())
}

/// The kind of index that finds values by what is in them.
fn for_contents(data_type: &str) -> &'static str {
    let name = data_type.rsplit('.').next().unwrap_or_default();
    let is_spatial =
        ["point", "lseg", "box", "path", "polygon", "circle", "ltree", "inet", "cidr", "geometry", "geography"].contains(&name);
    if is_spatial || name.ends_with("range") { "gist" } else { "gin" }
}

/// A few rows of a join in the order of one table are more of that table, for the others let only some of them through.
fn share_limits(scans: &mut [Option<Asked<'_>>]) {
    let kept: Vec<f64> = scans.iter().map(|scan| scan.as_ref().map_or(1.0, Asked::kept)).collect();
    for asked in scans.iter_mut().flatten().filter(|asked| !asked.sort.is_empty()) {
        let others: BTreeSet<usize> = asked
            .conditions
            .iter()
            .filter_map(|condition| match condition.joins {
                Some(Join::Scan(other)) => Some(other),
                _ => None,
            })
            .collect();
        let part: f64 = others.iter().filter_map(|other| kept.get(*other)).product();
        if let Some(Some(limit)) = &mut asked.limit {
            *limit = (*limit / part.max(f64::MIN_POSITIVE)).min(asked.heap.tuples);
        }
    }
}

/// The part of a statement's time that each of its scans takes: as plans show it of every table, or else as the planner would
/// think.
fn shares(demand: &Demand, read: &Read<'_>, before: &[f64], catalog: &Catalog) -> Vec<f64> {
    let all: f64 = before.iter().sum();
    let thought = before.iter().map(|before| if all > 0.0 { before / all } else { 0.0 });
    let shown: Option<Vec<f64>> = read.scans.iter().map(|scan| Some(shown(demand, scan.as_ref()?, catalog)?.part)).collect();
    match shown {
        Some(shown) if shown.iter().sum::<f64>() <= 1.01 => shown,
        _ => thought.collect(),
    }
}

/// What plans showed of a table.
fn shown<'d>(demand: &'d Demand, asked: &Asked<'_>, catalog: &Catalog) -> Option<&'d Measured> {
    demand.measured.iter().find(|measured| catalog.named(&measured.table).is_some_and(|of| of.oid == asked.relation.oid))
}

/// More candidates of one table are not priced.
const MOST_OF_TABLE: usize = 300;

/// The part of a table's rows that a statement returns or writes, where that is what its conditions keep and the server
/// counted it.
fn returned(demand: &Demand, asked: &Asked<'_>) -> Option<f64> {
    let passes = demand.reading.as_ref().is_ok_and(|reading| reading.passes);
    let rows = demand.rows.filter(|_| passes && demand.calls > 0.0)? as f64 / demand.calls;
    Some(rows / asked.heap.tuples.max(1.0))
}

/// A partial index is for conditions that so much of the time has.
const LEAST_COMMON: f64 = 0.95;

/// A partial index of more of the rows is not worth its condition.
const MOST_IN_PARTIAL: f64 = 0.8;
