//! Waits for locks in which nobody came behind: who waited for what, for how long, and who had the lock.
//!
//! A wait is told twice, while it lasts and when it is over, and counts once. Those of a queue are a [`super::convoys`]
//! matter, where the one who made the others wait is found.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::lock_mode::{Kind, Mode};

/// What waits have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    /// The statement that waited; `None` if the log does not tell.
    pub statement: Option<Fingerprint>,
    /// What it wanted.
    pub mode: Option<Mode>,
    /// On what.
    pub kind: Kind,
    /// What the holder had locked a table with, ran meanwhile, or had run last, where that is known.
    pub holder: Option<Fingerprint>,
    /// Whether the holder ran nothing meanwhile, and had a transaction open.
    pub is_idle: bool,
}

/// One wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wait {
    /// How long it was.
    pub waited: Micros,
    /// When it began; the earlier of two of one length is kept.
    pub start: Reverse<Timestamp>,
    /// The process that waited.
    pub process: u32,
    /// That which held the lock, where the log tells.
    pub holder: Option<u32>,
}

/// Waits added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waited {
    /// How many.
    pub count: u64,
    /// Their time.
    pub total: Micros,
    /// The part of it that ended without the lock.
    pub in_vain: Micros,
    /// The longest.
    pub longest: Option<Wait>,
}

impl Waited {
    /// Adds other waits.
    pub fn add(&mut self, other: &Waited) {
        self.count += other.count;
        self.total += other.total;
        self.in_vain += other.in_vain;
        self.longest = self.longest.max(other.longest);
    }

    /// The time of the longest.
    #[must_use]
    pub fn most(&self) -> Micros {
        self.longest.map_or(Micros(0), |wait| wait.waited)
    }
}

/// Every wait of a workload; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waits {
    /// By what they have in common.
    #[serde(with = "super::stored::by_key")]
    pub all: BTreeMap<Waiting, Waited>,
    /// Those beyond the bound.
    pub lost: u64,
}

/// So many are told apart.
const MOST: usize = 10_000;

impl Waits {
    pub(super) fn merge(&mut self, other: Waits) {
        self.lost += other.lost;
        other.all.into_iter().for_each(|(waiting, waited)| self.add(waiting, &waited));
    }

    fn add(&mut self, waiting: Waiting, waited: &Waited) {
        if self.all.len() < MOST || self.all.contains_key(&waiting) {
            self.all.entry(waiting).or_default().add(waited);
        } else {
            self.lost += waited.count;
        }
    }
}

/// [`Waiting`] in numbers of the workload.
pub(super) type Key = (Option<u32>, Option<Mode>, Kind, Option<u32>, bool);

/// The same while the log lasts.
#[derive(Debug, Default)]
pub(super) struct Alone {
    by_key: BTreeMap<Key, Waited>,
    lost: u64,
}

impl Alone {
    pub(super) fn add(&mut self, key: Key, wait: Wait, in_vain: Micros) {
        if self.by_key.len() < MOST || self.by_key.contains_key(&key) {
            self.by_key.entry(key).or_default().add(&Waited { count: 1, total: wait.waited, in_vain, longest: Some(wait) });
        } else {
            self.lost += 1;
        }
    }
}

impl Workload {
    pub(super) fn finish_waits(&mut self, alone: Alone) {
        let fingerprint = |number: Option<u32>| self.statements.get(number? as usize).map(|statement| statement.fingerprint);
        let mut waits = Waits { lost: alone.lost, ..Waits::default() };
        for ((statement, mode, kind, holder, is_idle), waited) in alone.by_key {
            let waiting = Waiting { statement: fingerprint(statement), mode, kind, holder: fingerprint(holder), is_idle };
            waits.add(waiting, &waited);
        }
        self.waits.merge(waits);
    }

    /// Waits for locks in which nobody came behind.
    #[must_use]
    pub fn waits(&self) -> &Waits {
        &self.waits
    }
}
