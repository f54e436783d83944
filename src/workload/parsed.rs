//! What one worker hands back of one block: owned, small, no borrows left.
//!
//! Statements, people and tags are numbered within the block; the fold translates the numbers once per block, not once
//! per row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Ended, Skipped, Step};
use crate::plan::Facts;
use crate::sql::fingerprint::Normalised;
use crate::sql::parameters;
use crate::sql::tags::Tag;
use crate::sql::values::Values;
use crate::units::{Micros, Timestamp};

use super::drawing::DrawnRow;
use super::lock_mode::Queued;
use super::message::Limit;
use super::pieces::PieceRow;

/// The rows of a block and what their numbers stand for.
#[derive(Debug, Default)]
pub struct Parsed {
    pub(crate) rows: Vec<Row>,
    pub(crate) statements: Vec<NewStatement>,
    pub(crate) people: Vec<Person>,
    pub(crate) tags: Vec<Vec<Tag>>,
    pub(crate) notes: Vec<NoteRow>,
    /// Plans; `None` is one that could not be read.
    pub(crate) plans: Vec<Option<Arc<Facts>>>,
    pub(crate) pieces: Vec<PieceRow>,
    /// Calls whose values are kept.
    pub(crate) drawn: Vec<DrawnRow>,
    /// Their hashes.
    pub(crate) values: Vec<u32>,
    /// Log entries in the block.
    pub records: u64,
    /// Records that were not understood.
    pub skipped: Skipped,
    /// The earliest and the latest time in the block.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Times in a zone that nobody knows.
    pub unknown_zone: u64,
}

impl Parsed {
    /// How many lines of the block say something.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The rows in the opposite order, for a log whose newest record comes first.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.rows.reverse();
        self
    }
}

/// Stands for "none" in a row.
pub(crate) const NONE: u32 = u32::MAX;

/// One line of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) at: Timestamp,
    pub(crate) took: Option<Micros>,
    /// In [`Parsed::statements`], or [`NONE`].
    pub(crate) statement: u32,
    /// In [`Parsed::people`].
    pub(crate) person: u32,
    /// In [`Parsed::tags`], or [`NONE`].
    pub(crate) tags: u32,
    /// A number for the portal's name, or [`NONE`].
    pub(crate) portal: u32,
    /// Returned or affected, or [`NONE`].
    pub(crate) rows: u32,
    /// The session's number of the transaction, or 0.
    pub(crate) transaction: u32,
    /// Of an execution.
    pub(crate) values: Values,
    pub(crate) kind: RowKind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum RowKind {
    /// A step of a statement.
    Step(Step),
    /// In [`Parsed::plans`], of an execution.
    Plan(u32),
    /// In [`Parsed::notes`].
    Note(u32),
}

/// A statement at its first occurrence in a block.
#[derive(Debug)]
pub(crate) struct NewStatement {
    pub(crate) normalised: Arc<Normalised>,
    pub(crate) sample: Sample,
    /// The server's ids of it seen in the block.
    pub(crate) query_ids: Vec<i64>,
}

/// An example of a statement as it was logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// The statement, at most [`Sample::LONGEST`] bytes.
    #[serde(with = "super::stored::text")]
    pub sql: Vec<u8>,
    /// Its parameters, `$1 = '…', …`, or what it had been prepared from, likewise.
    #[serde(with = "super::stored::text")]
    pub parameters: Vec<u8>,
    /// Whether the statement was longer.
    pub is_cut: bool,
    /// Whether its values were replaced when it was saved, so that none of them is as it was.
    pub is_told: bool,
    /// Whether it is the text of a server's counters, which have places for values. One that was logged says more.
    pub is_counted: bool,
}

impl Sample {
    /// How much of a statement is kept, in bytes.
    pub const LONGEST: usize = 8 * 1024;

    pub(crate) fn new(sql: &[u8], detail: Option<&[u8]>) -> Self {
        // EXECUTE of a prepared statement has the statement in its DETAIL.
        let prepared = detail.filter(|detail| detail.starts_with(b"prepare: "));
        let parameters = prepared.or_else(|| detail.and_then(parameters::in_detail));
        let is_cut = sql.len() >= Sample::LONGEST;
        Sample { sql: untabbed(sql), parameters: parameters.map(untabbed).unwrap_or_default(), is_cut, is_told: false, is_counted: false }
    }

    /// Whether it is short enough that several of a statement may be kept.
    pub(crate) fn is_short(&self) -> bool {
        self.sql.len().max(self.parameters.len()) <= Sample::LONGEST / 4
    }

    /// Takes another in its place that says more.
    pub(crate) fn improve(&mut self, other: &Sample) {
        if self.is_counted && !other.is_counted && !other.sql.is_empty() {
            self.clone_from(other);
        }
    }

    /// Whether it is the statement as it ran, with all of its values.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let has_values = self.parameters.len() < Sample::LONGEST && !self.parameters.starts_with(b"prepare: ");
        !self.sql.is_empty() && !self.is_cut && !self.is_told && has_values
    }
}

/// Without the tab that the log puts behind each line end.
fn untabbed(text: &[u8]) -> Vec<u8> {
    let text = &text[..text.len().min(Sample::LONGEST)];
    let mut lines = text.split(|&b| b == b'\n');
    let mut kept = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        kept.push(b'\n');
        kept.extend_from_slice(line.strip_prefix(b"\t").unwrap_or(line));
    }
    kept
}

/// A session and the names it went by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Person {
    pub(crate) session: u64,
    pub(crate) names: Names,
    pub(crate) host: Option<Box<[u8]>>,
}

/// User, database and application.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Names {
    #[serde(with = "super::stored::name")]
    pub(crate) user: Option<Box<[u8]>>,
    #[serde(with = "super::stored::name")]
    pub(crate) database: Option<Box<[u8]>>,
    #[serde(with = "super::stored::name")]
    pub(crate) application: Option<Box<[u8]>>,
}

/// A note without its borrows.
#[derive(Debug)]
pub(crate) enum NoteRow {
    Error {
        severity: Box<str>,
        sqlstate: Option<[u8; 5]>,
        message: Box<str>,
        cancels: bool,
        limit: Option<Limit>,
        deadlock: bool,
    },
    LockWait {
        waited: Micros,
        lock: u64,
        ended: Ended,
        queue: Box<Queued>,
    },
    TempFile {
        bytes: u64,
    },
    Checkpoint,
    Autovacuum,
    Connection,
    Authorised,
    Disconnection,
    Setting {
        name: Box<str>,
        value: Box<str>,
    },
    Statement,
    /// `has_statement` if its STATEMENT line stood beside it.
    Unfamiliar {
        word: Box<str>,
        message: Box<str>,
        is_sql: bool,
        deadlock: bool,
        has_statement: bool,
    },
    LogWord {
        word: Box<str>,
    },
}
