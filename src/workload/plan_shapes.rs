//! The plans that a statement was run with, by their shape.
//!
//! Of more shapes than are kept, those with the smallest ids stay. Which these are does not depend on the order in which plans
//! come, and what is dropped never comes back, so counts are exact and workloads merge exactly.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::Facts;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::parsed::Row;
use super::session::Origin;

/// How many shapes are told apart for a statement.
const MOST_SHAPES: usize = 8;

/// The plans of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanShape {
    /// How many were logged.
    pub count: u64,
    /// The time of their executions.
    pub total: Micros,
    /// That of the fastest.
    pub fastest: Micros,
    /// When the first and the last of them ended.
    pub seen: (Timestamp, Timestamp),
    /// That of the slowest, and what it did.
    #[serde(with = "super::stored::slowest")]
    pub slowest: (Micros, Arc<Facts>),
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanShapes {
    /// All plans that were read, of whatever shape, and their time.
    pub all: (u64, Micros),
    /// By [`crate::plan::Plan::shape`].
    #[serde(with = "super::stored::shapes")]
    shapes: BTreeMap<u64, PlanShape>,
}

impl PlanShapes {
    /// The shapes that are kept, by id.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &PlanShape)> {
        self.shapes.iter().map(|(&id, shape)| (id, shape))
    }

    /// Whether there were more shapes than are kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.all.0 > self.shapes.values().map(|shape| shape.count).sum()
    }

    fn add(&mut self, id: u64, shape: PlanShape) {
        match self.shapes.get_mut(&id) {
            Some(known) => {
                known.count += shape.count;
                known.total += shape.total;
                known.fastest = known.fastest.min(shape.fastest);
                known.seen = (known.seen.0.min(shape.seen.0), known.seen.1.max(shape.seen.1));
                if shape.slowest > known.slowest {
                    known.slowest = shape.slowest;
                }
            }
            None => {
                self.shapes.insert(id, shape);
                if self.shapes.len() > MOST_SHAPES {
                    self.shapes.pop_last();
                }
            }
        }
    }

    /// Whether there are no more shapes than are kept.
    pub(super) fn is_within_bounds(&self) -> bool {
        self.shapes.len() <= MOST_SHAPES
    }

    /// Rewrites what plans sort by, which may have values in it.
    pub(crate) fn rewrite_keys(&mut self, rewrite: &dyn Fn(&str) -> String) {
        for shape in self.shapes.values_mut() {
            let sorts = Arc::make_mut(&mut shape.slowest.1).scans.iter_mut().filter_map(|scan| scan.sort.as_mut());
            sorts.flat_map(|sort| &mut sort.keys).for_each(|key| *key = rewrite(key));
        }
    }

    pub(super) fn merge(&mut self, other: &PlanShapes) {
        self.all = (self.all.0 + other.all.0, self.all.1 + other.all.1);
        other.shapes.iter().for_each(|(&id, shape)| self.add(id, shape.clone()));
    }
}

impl Workload {
    /// Plans in a syntax that is not read, or that were cut.
    #[must_use]
    pub fn plans_unread(&self) -> u64 {
        self.plans_unread
    }

    /// Keeps what a plan did, as far as it is of a statement that counts; `None` is a plan that could not be read.
    pub(super) fn keep_plan(&mut self, statement: Option<u32>, row: &Row, origin: Origin, facts: Option<&Arc<Facts>>) {
        let (Some(statement), Some(took)) = (statement, row.took) else { return };
        let statement = &mut self.statements[statement as usize];
        if self.rules.without_findings || !origin.passes || !statement.passes || !self.rules.filter.passes_time(row.at) {
            return;
        }
        let Some(facts) = facts else {
            self.plans_unread += 1;
            return;
        };
        let shapes = statement.shapes.get_or_insert_default();
        shapes.all = (shapes.all.0 + 1, shapes.all.1 + took);
        shapes.add(
            facts.shape,
            PlanShape { count: 1, total: took, fastest: took, seen: (row.at, row.at), slowest: (took, Arc::clone(facts)) },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: u64, micros: u64) -> PlanShapes {
        let mut shapes = PlanShapes { all: (1, Micros(micros)), ..PlanShapes::default() };
        let facts = Arc::new(Facts { shape: id, ..Facts::default() });
        let (took, at) = (Micros(micros), Timestamp(0));
        shapes.add(id, PlanShape { count: 1, total: took, fastest: took, seen: (at, at), slowest: (took, facts) });
        shapes
    }

    #[test]
    fn the_order_of_plans_does_not_matter() {
        let plans: Vec<PlanShapes> = (0..60).map(|n| one(n * 7 % 11, n)).collect();
        let sum = |plans: &mut dyn Iterator<Item = &PlanShapes>| {
            plans.fold(PlanShapes::default(), |mut sum, one| {
                sum.merge(one);
                sum
            })
        };
        let forwards = sum(&mut plans.iter());
        assert_eq!(forwards, sum(&mut plans.iter().rev()));
        let halves = [sum(&mut plans[..31].iter()), sum(&mut plans[31..].iter())];
        assert_eq!(forwards, sum(&mut halves.iter()));
        assert!(forwards.is_cut() && forwards.iter().count() == MOST_SHAPES);
        let (id, first) = forwards.iter().next().expect("kept");
        // 0, 11, 22, 33, 44 and 55.
        assert_eq!((id, first.count, first.total, first.fastest, first.slowest.0), (0, 6, Micros(165), Micros(0), Micros(55)));
    }
}
