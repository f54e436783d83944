//! What commands that lock a whole table did: how long they ran, without the time that they waited for their lock, how long
//! their transaction held it, and whether their session had limited how long it would wait.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::session::{Call, Session};
use super::transactions::Tally;
use super::watch::Bearing;

/// Executions of a command that locks a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// How many, whose duration is known.
    pub calls: u64,
    /// Their time without that of waiting for locks.
    pub ran: Micros,
    /// The longest of them.
    pub longest: Micros,
    /// Of these, those in sessions in which `lock_timeout` had not been set before, as far as the log tells.
    pub unlimited: u64,
    /// Transactions of which it was the first such command.
    pub transactions: u64,
    /// The longest time from when it had its lock to the end of its transaction.
    pub held: Micros,
}

impl Change {
    fn add(&mut self, other: &Change) {
        self.calls += other.calls;
        self.ran += other.ran;
        self.longest = self.longest.max(other.longest);
        self.unlimited += other.unlimited;
        self.transactions += other.transactions;
        self.held = self.held.max(other.held);
    }
}

/// By statement.
pub type Changes = BTreeMap<Fingerprint, Change>;

/// So many commands are told apart; a log with more has names that a program makes up.
const MOST_CHANGES: usize = 10_000;

/// The same in numbers of the workload, while the log lasts.
#[derive(Debug, Default)]
pub(super) struct Changing {
    by_statement: HashMap<u32, Change, FixedState>,
    lost: u64,
}

impl Changing {
    fn of(&mut self, statement: u32) -> Option<&mut Change> {
        if self.by_statement.len() >= MOST_CHANGES && !self.by_statement.contains_key(&statement) {
            self.lost += 1;
            return None;
        }
        Some(self.by_statement.entry(statement).or_default())
    }

    /// A transaction is over that had its lock since a time.
    pub(super) fn held(&mut self, (statement, since): (u32, Timestamp), end: Timestamp) {
        if let Some(change) = self.of(statement) {
            change.transactions += 1;
            change.held = change.held.max(end.since(since));
        }
    }
}

impl Session {
    /// It ran a command that locks a table, or limited how long it waits for locks.
    pub(super) fn locks_changed(&mut self, call: &Call, bearing: Bearing, tally: &mut Tally) {
        let waited: Micros = self.rare.iter().flat_map(|rare| &rare.waits).map(|wait| wait.waited).sum();
        if bearing.limits_locks() {
            self.watch.is_limited = true;
        }
        let Some(took) = call.execute.filter(|_| bearing.locks_table()) else { return };
        let is_limited = self.watch.is_limited;
        let ran = Micros(took.0.saturating_sub(waited.0));
        if let Some(open) = &mut self.watch.open {
            // While it waited it held nothing.
            open.changed.get_or_insert((call.statement, call.ended - ran));
        }
        if let Some(change) = tally.changing.of(call.statement) {
            let unlimited = u64::from(!is_limited);
            change.add(&Change { calls: 1, ran, longest: ran, unlimited, ..Change::default() });
        }
    }
}

impl Workload {
    pub(super) fn finish_changes(&mut self, changing: Changing) {
        let mut all: Vec<(u32, Change)> = changing.by_statement.into_iter().collect();
        all.sort_unstable_by_key(|(statement, _)| *statement);
        for (statement, change) in all {
            if let Some(statement) = self.statements.get(statement as usize).filter(|statement| statement.passes) {
                self.changes.entry(statement.fingerprint).or_default().add(&change);
            }
        }
        self.transactions.lost += changing.lost;
    }

    pub(super) fn merge_changes(&mut self, other: &Changes) {
        for (fingerprint, change) in other {
            self.changes.entry(*fingerprint).or_default().add(change);
        }
    }

    /// What commands that lock a whole table did.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }
}
