//! What happened besides statements: errors, waits, files, connections, counted for the whole log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::Micros;

/// What makes two errors the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorKind {
    /// The SQLSTATE, where the log has it.
    #[serde(with = "super::stored::sqlstate")]
    pub sqlstate: Option<[u8; 5]>,
    /// The severity as logged.
    pub severity: Box<str>,
    /// The message without values.
    pub message: Box<str>,
}

impl ErrorKind {
    /// The message for a reader, with `…` for each number that was left out.
    #[must_use]
    pub fn told(&self) -> String {
        super::message::told(&self.message)
    }

    /// Whether it is of a worker of a parallel query, which was told to stop; the failure is its leader's.
    pub(super) fn is_of_worker(&self) -> bool {
        self.message.starts_with("terminating background worker")
    }
}

/// Counts of what happened besides statements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Events {
    /// Errors by kind.
    #[serde(with = "super::stored::by_key")]
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Waits for a lock that were long enough to be logged.
    pub lock_waits: u64,
    /// Their time, as far as the log tells.
    pub lock_wait_total: Micros,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Temporary files.
    pub temp_files: u64,
    /// Their bytes.
    #[serde(deserialize_with = "crate::units::wide::number")]
    pub temp_bytes: u64,
    /// Checkpoints and restart points completed.
    pub checkpoints: u64,
    /// Tables vacuumed or analysed by autovacuum.
    pub autovacuums: u64,
    /// Connections received.
    pub received: u64,
    /// Connections authorised.
    pub authorised: u64,
    /// Sessions ended.
    pub disconnections: u64,
    /// Statements cancelled.
    pub cancelled: u64,
    /// Settings changed while the server ran, and their last value.
    pub settings: BTreeMap<Box<str>, Box<str>>,
}

/// How many kinds of error are told apart.
const MOST_KINDS: usize = 10_000;

impl Events {
    pub(super) fn error(&mut self, kind: ErrorKind, count: u64) {
        let full = self.errors.len() >= MOST_KINDS && !self.errors.contains_key(&kind);
        let kind = if full { ErrorKind { message: "…".into(), ..kind } } else { kind };
        *self.errors.entry(kind).or_default() += count;
    }

    /// Connections: those received, or where only authorisations are logged, those.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.received.max(self.authorised)
    }

    /// Errors of all kinds.
    #[must_use]
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(super) fn merge(&mut self, other: Events) {
        other.errors.into_iter().for_each(|(kind, count)| self.error(kind, count));
        self.lock_waits += other.lock_waits;
        self.lock_wait_total += other.lock_wait_total;
        self.deadlocks += other.deadlocks;
        self.temp_files += other.temp_files;
        self.temp_bytes = self.temp_bytes.saturating_add(other.temp_bytes);
        self.checkpoints += other.checkpoints;
        self.autovacuums += other.autovacuums;
        self.received += other.received;
        self.authorised += other.authorised;
        self.disconnections += other.disconnections;
        self.cancelled += other.cancelled;
        self.settings.extend(other.settings);
    }
}
