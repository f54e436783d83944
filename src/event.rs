//! The currency between the layers: what one record of a log says, borrowed from the block it was read from.
//!
//! An [`Event`] is one step of one statement; a [`Note`] is anything else worth knowing; a [`tally::Tally`] is what counters
//! say of a statement over a time, and is never made into events. None of them knows which format told it, nor what becomes
//! of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

pub mod columns;
pub mod tally;

use tally::Piece;

use crate::units::{Micros, Timestamp};

/// Who did something. What the log does not tell is `None`, and so is PostgreSQL's `[unknown]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who<'b> {
    /// The server process or session, unique within one server for as long as it lives; 0 if the log does not tell.
    pub session: u64,
    /// The database role.
    pub user: Option<&'b [u8]>,
    /// The database.
    pub database: Option<&'b [u8]>,
    /// `application_name`.
    pub application: Option<&'b [u8]>,
    /// Client host or address, without the port.
    pub host: Option<&'b [u8]>,
}

/// Which part of an execution a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The whole of it, in the simple query protocol.
    Simple,
    /// Extended protocol: parsing.
    Parse,
    /// Extended protocol: binding parameters, which includes planning.
    Bind,
    /// Extended protocol: execution.
    Execute,
    /// Extended protocol: a further fetch from a portal that was executed before.
    Fetch,
    /// The plan that `auto_explain` logged of an execution.
    Plan,
    /// Parse, bind or execute in a language the source does not know; the number stands for the word.
    Foreign(u32),
}

/// One step of one statement, as a log told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'b> {
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took; `None` if the log names the statement without a duration.
    pub took: Option<Micros>,
    /// Who sent it.
    pub who: &'b Who<'b>,
    /// The statement as logged, perhaps cut or not UTF-8; `None` for a duration without text.
    pub sql: Option<&'b [u8]>,
    /// Which step.
    pub step: Step,
    /// The portal, when it has a name.
    pub portal: Option<&'b [u8]>,
    /// What follows `plan:`, where this is one.
    pub plan: Option<&'b [u8]>,
    /// Its DETAIL as logged, which holds the parameters if there are any.
    pub detail: Option<&'b [u8]>,
    /// The server's own id of the statement.
    pub query_id: Option<i64>,
    /// The number of the transaction among those of its server process (`%v` behind the slash); 0 outside of any, and where the
    /// log does not tell.
    pub transaction: u32,
    /// Rows returned or affected, where the log tells.
    pub rows: Option<u64>,
    /// Offset of the record in the decompressed input.
    pub at: u64,
}

/// Something a log says that is no step of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'b> {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: &'b Who<'b>,
    /// The statement it is about, where the log tells.
    pub sql: Option<&'b [u8]>,
    /// What.
    pub what: What<'b>,
}

/// What a [`Note`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'b> {
    /// An ERROR, FATAL or PANIC.
    Error {
        /// Its severity as logged.
        severity: &'b [u8],
        /// Its SQLSTATE, where logged.
        sqlstate: Option<[u8; 5]>,
        /// Its message as logged.
        message: &'b [u8],
    },
    /// A session waits, or waited until now, for a lock.
    LockWait {
        /// For how long so far.
        waited: Micros,
        /// The lock and its object, which tell one wait of a session from the next.
        lock: &'b [u8],
        /// How far it has come.
        ended: Ended,
        /// The processes that hold the lock, as logged: `20643, 20687`; empty if the log does not tell.
        holders: &'b [u8],
    },
    /// A temporary file of this size was removed.
    TempFile {
        /// Its size in bytes.
        bytes: u64,
    },
    /// A checkpoint was completed.
    Checkpoint,
    /// Autovacuum vacuumed or analysed a table.
    Autovacuum,
    /// A connection was received.
    Connection,
    /// A connection was authorised.
    Authorised,
    /// A session ended.
    Disconnection,
    /// A setting was changed while the server ran.
    Setting {
        /// Its name.
        name: &'b [u8],
        /// Its new value.
        value: &'b [u8],
    },
    /// `STATEMENT:` without its message, which stood further up among lines of other sessions.
    Statement,
    /// A message whose severity is in a language the source does not know.
    Unfamiliar {
        /// The severity as logged.
        word: &'b [u8],
        /// The message.
        message: &'b [u8],
        /// Whether the message looks like a statement.
        is_sql: bool,
        /// Whether its DETAIL describes a deadlock.
        deadlock: bool,
    },
    /// Says nothing but that this word is what the server calls LOG.
    LogWord {
        /// The severity as logged.
        word: &'b [u8],
    },
}

/// How far a wait for a lock has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was a deadlock.
    InDeadlock,
    /// It goes on.
    Waiting,
    /// The lock was got.
    Acquired,
    /// The line is in a language that tells none of this; an error may follow that does.
    Unknown,
}

/// What a source hands on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'b> {
    /// A step of a statement.
    Event(Event<'b>),
    /// Anything else that a log says.
    Note(Note<'b>),
    /// A piece of a snapshot of counters.
    Piece(Piece<'b>),
}

/// What inputs of a format hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holds {
    /// What happened, one record after the other.
    #[default]
    Events,
    /// Counters at one moment.
    Counters,
    /// A workload that was added up already.
    Workload,
}

/// Records that were not understood: how many for each reason, where the first stands, and a sample of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped(BTreeMap<Cow<'static, str>, Skip>);

/// One reason's share of [`Skipped`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// How many records.
    pub count: u64,
    /// Offset of the first in the decompressed input.
    pub first_offset: u64,
    /// The beginning of the first, at most [`SAMPLE`] bytes.
    pub sample: Vec<u8>,
}

/// How much of a skipped record is kept, in bytes.
pub const SAMPLE: usize = 120;

impl Skipped {
    /// Counts one record that was not understood.
    pub fn add(&mut self, reason: &'static str, offset: u64, record: &[u8]) {
        let skip = self.0.entry(Cow::Borrowed(reason)).or_insert_with(|| Skip {
            count: 0,
            first_offset: offset,
            sample: record[..record.len().min(SAMPLE)].to_vec(),
        });
        skip.count += 1;
    }

    /// Records that were counted before, for a reason in words.
    #[must_use]
    pub fn of(reason: String, skip: Skip) -> Self {
        Skipped(BTreeMap::from([(Cow::Owned(reason), skip)]))
    }

    /// Adds what a later part of the same input skipped.
    pub fn append(&mut self, later: Skipped) {
        for (reason, skip) in later.0 {
            match self.0.entry(reason) {
                std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(skip)),
                std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().count += skip.count,
            }
        }
    }

    /// Each reason and its share, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Skip)> {
        self.0.iter().map(|(reason, skip)| (&**reason, skip))
    }

    /// How many records in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().map(|s| s.count).sum()
    }
}
