//! What the planner did with a statement, as `auto_explain` or EXPLAIN tells: one file per syntax, each of which gives the
//! same [`Plan`].
//!
//! It refuses to know of logs, statements and findings. Whatever the bytes are there is an answer, and nothing here recurses
//! into a plan: its nodes are a list, each of which names its parent. No value of a condition is kept.
//!
//! Format: `ExplainNode` in `src/backend/commands/explain.c`, PostgreSQL 9.4 to 18.

use serde::{Deserialize, Serialize};

use crate::units::Micros;

mod condition;
mod facts;
mod json;
mod text;

pub use condition::{Against, Column, Condition, Conjunct, Test};
pub use facts::{Facts, Reads, Scan, Sort};

/// Plans of more bytes are not read.
const LONGEST: usize = 1 << 20;

/// Nodes beyond so many are left out; what they are under stays.
const MOST_NODES: usize = 1_000;

/// What became of the text of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// It was read.
    Read(Plan),
    /// It is in a syntax that is known but not read: YAML or XML.
    Unread,
    /// It is cut, too long, or nothing that EXPLAIN writes.
    Unknown,
}

/// A plan: its nodes in the order in which EXPLAIN writes them, so that each comes behind its parent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The nodes; the first is the root.
    pub nodes: Vec<Node>,
    /// Triggers that ran, which is where checks of foreign keys show.
    pub triggers: Vec<Trigger>,
}

/// One node of a plan. Numbers are of all its loops and workers together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// As the text format names it, such as `Parallel Seq Scan` or `Hash Left Join`.
    pub kind: String,
    /// Its parent in [`Plan::nodes`].
    pub parent: Option<usize>,
    /// What it is to its parent if it is not just its input: `SubPlan 1`, `InitPlan 1 (returns $0)`, `CTE x`.
    pub label: Option<String>,
    /// The relation or the like that it reads or changes, with its schema where that is told.
    pub relation: Option<String>,
    /// What the relation is called in conditions, if that is another name.
    pub alias: Option<String>,
    /// The index.
    pub index: Option<String>,
    /// The planner's estimate of its rows, of one loop.
    pub planned_rows: f64,
    /// The planner's estimate of its cost, of one loop.
    pub cost: f64,
    /// What was measured; `None` without ANALYZE.
    pub actual: Option<Actual>,
    /// Workers launched below it, or planned where that is not told.
    pub workers: u32,
    /// `Filter`.
    pub filter: Condition,
    /// `Index Cond`.
    pub index_condition: Condition,
    /// `Recheck Cond`.
    pub recheck: Condition,
    /// `Hash Cond` or `Merge Cond`.
    pub join_condition: Condition,
    /// `Join Filter`.
    pub join_filter: Condition,
    /// `Rows Removed by Filter`, in all loops.
    pub removed: f64,
    /// `Rows Removed by Join Filter`, in all loops.
    pub removed_by_join: f64,
    /// `Sort Key`, each with its direction.
    pub sort_keys: Vec<String>,
    /// `Sort Method`, such as `top-N heapsort`.
    pub sort_method: Option<String>,
    /// Kilobytes that the sort took, and whether on disk.
    pub sort_space: Option<(u64, Space)>,
}

/// Where a sort took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// In memory.
    Memory,
    /// In temporary files.
    Disk,
}

/// What was measured of a node, in all its loops together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Actual {
    /// How often it ran, workers counted apart; 0 if never.
    pub loops: f64,
    /// Rows that it returned.
    pub rows: f64,
    /// Its time with that of its inputs; `None` without TIMING. That of workers is added up, so it may be more than passed.
    pub time: Option<Micros>,
}

/// A trigger, and what it cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Trigger {
    /// Its name, or that of its constraint.
    pub name: String,
    /// The relation, where that is told.
    pub relation: Option<String>,
    /// Its time; `None` without TIMING.
    pub time: Option<Micros>,
    /// How often it ran.
    pub calls: u64,
}

/// Reads what follows `plan:` in a log, or what EXPLAIN writes.
#[must_use]
pub fn read(bytes: &[u8]) -> Reading {
    let bytes = bytes.trim_ascii_start();
    if bytes.len() > LONGEST {
        return Reading::Unknown;
    }
    let plan = match bytes.first() {
        Some(b'{' | b'[') => json::read(bytes),
        Some(b'<') => return Reading::Unread,
        _ if is_yaml(bytes) => return Reading::Unread,
        _ => text::read(bytes),
    };
    plan.filter(|plan| !plan.nodes.is_empty()).map_or(Reading::Unknown, Reading::Read)
}

/// The text format quotes no statement, and no statement begins with a quoted name.
fn is_yaml(bytes: &[u8]) -> bool {
    [b"Query Text: \"".as_slice(), b"- Plan:", b"Plan:"].iter().any(|start| bytes.starts_with(start))
}

impl Node {
    /// The number of a measured average over all loops.
    fn measured(&mut self, loops: f64, rows: f64, millis: Option<f64>) {
        let time = millis.map(|millis| Micros::floor((millis * loops * 1_000.0).clamp(0.0, 1e15)));
        self.actual = Some(Actual { loops, rows: rows * loops, time });
    }

    fn loops(&self) -> f64 {
        self.actual.map_or(1.0, |actual| actual.loops)
    }
}

impl Plan {
    /// Identifies the structure of the plan in every build and syntax: kinds of nodes, relations, indexes, and what is under
    /// what; no costs, no numbers, no conditions.
    #[must_use]
    pub fn shape(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            // FNV-1a.
            for &byte in bytes.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for node in &self.nodes {
            add(node.kind.as_bytes());
            add(unqualified(node.relation.as_deref().unwrap_or_default()).as_bytes());
            add(node.index.as_deref().unwrap_or_default().as_bytes());
            add(&node.parent.map_or(u64::MAX, |parent| parent as u64).to_le_bytes());
        }
        hash
    }
}

/// Without its schema, which only VERBOSE tells.
fn unqualified(relation: &str) -> &str {
    relation.rsplit_once('.').map_or(relation, |(_, name)| name)
}

#[cfg(test)]
mod tests;
