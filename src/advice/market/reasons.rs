//! Why scans have no index that they could use.

use std::collections::BTreeSet;

use crate::advice::asked::{Asked, Condition};
use crate::advice::candidate::{Candidate, candidates, is_ordered};
use crate::advice::choice::Cell;
use crate::advice::indexed::{Indexed, thought_of};
use crate::advice::{Refusal, Refused, name, selectivity};
use crate::catalog::Column;
use crate::sql::shape::scans::{Test, written};

use super::{Market, is_joined_elsewhere};

impl Market<'_> {
    /// Notes why the scans that no offer serves have none.
    pub(super) fn explain(&mut self) {
        let joint = self.found.joints.iter().map(|joint| joint.cell);
        let served: BTreeSet<usize> = self.found.offers.iter().flat_map(|offer| offer.after.keys().copied()).chain(joint).collect();
        let mut refused = Vec::new();
        let open = self.found.cells.iter().enumerate().filter(|(place, _)| !served.contains(place));
        for (_, cell) in open {
            let Some(asked) = self.asked(cell) else { continue };
            // An index that only gives the order does not lead to what is asked for.
            let leads = |candidate: &&Candidate| {
                asked.conditions.is_empty() || asked.conditions.iter().any(|c| candidate.keys.first().is_some_and(|key| key.on == c.on))
            };
            let covering = candidates(asked, self.catalog)
                .iter()
                .filter(leads)
                .find_map(|candidate| self.covering(asked, &thought_of(candidate, asked.relation, self.catalog)));
            let combining = self.combining(cell, asked);
            let unserved = self.unserved(cell, asked);
            let depends = asked.conditions.iter().any(|condition| condition.is_equality() && selectivity::is_skewed(condition.column));
            let why = match (covering, compared_whole(asked)) {
                (Some(name), _) => Refusal::Covered(name.to_owned()),
                (None, _) if combining.is_some() => Refusal::Combined(combining.unwrap_or_default()),
                (None, _) if !self.costs.reads_by_index() => Refusal::Forbidden,
                (None, None) if unserved.is_some() => unserved.unwrap_or(Refusal::Everything),
                (None, Some(column)) => Refusal::Whole(written(&column.name), column.data_type.clone()),
                (None, None) if is_joined_elsewhere(asked) && self.reads[cell.demand].loops[cell.scan].is_none() => Refusal::Elsewhere,
                (None, None) if depends => Refusal::DependsOnValue,
                (None, None) => Refusal::Unselective,
            };
            refused.push(Refused { demand: cell.demand, table: Some(name::table(asked.relation)), why });
        }
        self.found.refused.extend(refused);
    }

    /// Why nothing that is asked could lead anywhere by a B-tree, if it could not.
    fn unserved(&self, cell: &Cell, asked: &Asked<'_>) -> Option<Refusal> {
        let can_lead = |condition: &Condition<'_>| {
            condition.is_equality() || matches!(condition.test, Test::Range | Test::Between | Test::Prefix | Test::Like | Test::NotNull)
        };
        if !asked.ors.is_empty() || asked.conditions.iter().any(can_lead) {
            return None;
        }
        if asked.conditions.is_empty() && asked.others == 0 {
            return Some(Refusal::Everything);
        }
        let table = name::table(asked.relation);
        let considered = self.found.considered.iter().find(|considered| considered.demand == cell.demand && considered.table == table);
        let method = considered.map(|considered| match considered.method {
            "gin" => "GIN",
            "gist" => "GiST",
            _ => "trigrams",
        });
        Some(Refusal::Unserved(method))
    }

    /// The demands that have an OR for whose arms there are indexes, whatever they cost.
    pub(super) fn led_ors(&self) -> BTreeSet<usize> {
        let is_led = |cell: &&Cell| self.asked(cell).is_some_and(|asked| self.leading(asked).is_some());
        self.found.cells.iter().filter(is_led).map(|cell| cell.demand).collect()
    }

    /// The indexes that a scan is read by for an OR, if nothing is cheaper.
    fn combining(&self, cell: &Cell, asked: &Asked<'_>) -> Option<Vec<String>> {
        let loops = if asked.for_each.is_some() { self.reads[cell.demand].loops[cell.scan].unwrap_or(1.0) } else { 1.0 };
        let trees: Vec<&Indexed> = self.there(asked.relation).iter().filter_map(|there| there.tree.as_ref()).collect();
        let (cost, _) = self.combined(asked, &trees)?;
        if cost * loops.max(1.0) <= cell.before { self.leading(asked) } else { None }
    }
}

/// A column of documents or the like, if all that an index could serve compares such ones as a whole.
fn compared_whole<'c>(asked: &Asked<'c>) -> Option<&'c Column> {
    let mut compared =
        asked.conditions.iter().filter(|condition| condition.is_equality() || condition.is_range()).map(|condition| condition.column);
    let first = compared.next()?;
    let is_whole = |column: &Column| !is_ordered(&column.data_type);
    (is_whole(first) && compared.all(is_whole)).then_some(first)
}
