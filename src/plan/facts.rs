//! What is kept of a plan: its shape, and for each table that it reads how, with what conditions, and how much of that was
//! thrown away.

use serde::{Deserialize, Serialize};

use crate::units::Micros;

use super::{Condition, Node, Plan, Trigger, unqualified};

/// At most so many tables and triggers are told of one plan.
const MOST: usize = 24;

/// See the module. Ordered, so that of several the same one can always be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// [`Plan::shape`].
    #[serde(deserialize_with = "crate::units::wide::number")]
    pub shape: u64,
    /// Whether rows were counted.
    pub is_measured: bool,
    /// Rows that the whole plan returned; `None` if they were not counted.
    pub rows: Option<u64>,
    /// The tables that are read.
    pub scans: Vec<Scan>,
    /// Triggers that ran.
    pub triggers: Vec<Trigger>,
}

/// How a table is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// All of it.
    #[default]
    Whole,
    /// What an index points to.
    ByIndex,
    /// What one or more indexes point to, in the order of the table.
    ByBitmap,
}

impl Reads {
    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reads::Whole => "whole",
            Reads::ByIndex => "by-index",
            Reads::ByBitmap => "by-bitmap",
        }
    }
}

/// One table as a plan reads it. Rows are of all loops and workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Scan {
    /// The table, with its schema where that is told.
    pub table: String,
    /// What conditions call it.
    pub alias: String,
    /// How.
    pub reads: Reads,
    /// The index.
    pub index: Option<String>,
    /// Rows that passed the filter; `None` if they were not counted.
    pub returned: Option<u64>,
    /// Rows that did not.
    pub removed: u64,
    /// How often; 0 if never.
    pub loops: u64,
    /// The planner's estimate of the rows of a loop.
    pub planned_rows: u64,
    /// And of its cost.
    pub cost: u64,
    /// Its time, that of workers added up, where that was measured.
    pub time: Option<Micros>,
    /// What rows must pass after they are read.
    pub filter: Condition,
    /// What the index is asked for.
    pub index_condition: Condition,
    /// The sort that its rows go to, if nothing but this table goes there.
    pub sort: Option<Sort>,
    /// Whether its rows are only read until there are enough.
    pub is_limited: bool,
}

/// A sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Sort {
    /// Its keys, each with its direction.
    pub keys: Vec<String>,
    /// Rows that LIMIT, with its OFFSET, takes of it, as far as that is told; `None` without LIMIT.
    pub limit: Option<u64>,
    /// Kilobytes on disk.
    pub disk_kb: u64,
}

impl Plan {
    /// What is worth keeping.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let scans = (0..self.nodes.len()).filter_map(|at| self.scan(at)).take(MOST).collect();
        Facts {
            shape: self.shape(),
            is_measured: self.nodes.first().is_some_and(|root| root.actual.is_some()),
            rows: self.nodes.first().and_then(|root| root.actual).map(|actual| whole(actual.rows)),
            scans,
            triggers: self.triggers.iter().take(MOST).cloned().collect(),
        }
    }

    fn scan(&self, at: usize) -> Option<Scan> {
        let node = &self.nodes[at];
        let table = node.relation.clone()?;
        let reads = match node.kind.strip_prefix("Parallel ").unwrap_or(&node.kind) {
            "Seq Scan" => Reads::Whole,
            "Bitmap Heap Scan" => Reads::ByBitmap,
            kind if kind.starts_with("Index ") => Reads::ByIndex,
            _ => return None,
        };
        let below = self.nodes.iter().skip(at).filter(|below| below.parent == Some(at));
        let bitmap =
            (reads == Reads::ByBitmap).then(|| below.map(|below| &below.index_condition).find(|asked| !asked.is_empty())).flatten();
        let (sort, is_limited) = self.above(at);
        Some(Scan {
            alias: node.alias.clone().unwrap_or_else(|| unqualified(&table).to_owned()),
            table,
            reads,
            index: node.index.clone(),
            returned: node.actual.map(|actual| whole(actual.rows)),
            removed: whole(node.removed),
            loops: node.actual.map_or(1, |actual| whole(actual.loops)),
            planned_rows: whole(node.planned_rows),
            cost: whole(node.cost),
            time: node.actual.and_then(|actual| actual.time),
            filter: node.filter.clone(),
            index_condition: bitmap.unwrap_or(&node.index_condition).clone(),
            sort,
            is_limited,
        })
    }

    /// The sort above a node, as long as no other table comes in between, and whether LIMIT ends the reading.
    fn above(&self, at: usize) -> (Option<Sort>, bool) {
        let (mut sort, mut taken) = (None, None);
        let mut below = &self.nodes[at];
        while let Some(node) = below.parent.map(|parent| &self.nodes[parent]) {
            if below.label.is_some() {
                break;
            }
            match node.kind.as_str() {
                "Sort" | "Incremental Sort" if sort.is_none() => {
                    sort = Some(sort_of(node));
                    taken = node.actual.map(|actual| actual.rows);
                }
                "Limit" => {
                    let is_limited = sort.is_none();
                    if let Some(sort) = &mut sort {
                        sort.limit = Some(whole(taken.unwrap_or(node.planned_rows)));
                    }
                    return (sort, is_limited);
                }
                "Gather" | "Gather Merge" | "Append" | "Merge Append" | "Parallel Append" | "LockRows" | "Result" => {}
                _ => break,
            }
            below = node;
        }
        (sort, false)
    }
}

fn sort_of(node: &Node) -> Sort {
    let disk_kb = node.sort_space.filter(|(_, place)| *place == super::Space::Disk).map_or(0, |(size, _)| size);
    Sort { keys: node.sort_keys.clone(), limit: None, disk_kb }
}

fn whole(number: f64) -> u64 {
    Micros::floor(number.round()).0
}
