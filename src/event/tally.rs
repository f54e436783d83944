//! Counters that a server keeps of its statements, as a snapshot of them tells.
//!
//! A [`Tally`] is what one row of `pg_stat_statements` says: sums since some moment, never executions. How its columns are
//! called in which version is not known here; see [`super::columns`].

use std::collections::BTreeMap;

use crate::catalog::Object;
use crate::units::Timestamp;

/// A piece of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'b> {
    /// What is known of the snapshot as a whole; may come in several pieces.
    Facts(&'b Facts),
    /// The counters of one statement.
    Tally(&'b Tally<'b>),
    /// A statement's text, apart from its counters.
    Text {
        /// The server's id of the statement.
        query_id: i64,
        /// The text.
        sql: &'b [u8],
    },
    /// The name of a role or database.
    Name {
        /// Whether it is a database.
        database: bool,
        /// Its object id.
        oid: u32,
        /// Its name.
        name: &'b [u8],
    },
    /// An object of the catalogue.
    Object(&'b Object),
    /// The end, without which a snapshot file is cut.
    End,
}

/// What is known of a snapshot as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When it was taken.
    pub taken: Option<Timestamp>,
    /// `server_version_num`.
    pub version: Option<u32>,
    /// Of `pg_control_system()`: the same for a server and its standbys.
    pub system_identifier: Option<String>,
    /// Address or data folder: tells a server from its standbys.
    pub node: Option<String>,
    /// Whether it was a standby.
    pub in_recovery: Option<bool>,
    /// When the server was started.
    pub started: Option<Timestamp>,
    /// How many times the server made room by dropping entries.
    pub dealloc: Option<u64>,
    /// When all entries were reset.
    pub reset: Option<Timestamp>,
    /// The extension's version, such as `1.10`.
    pub extension: Option<String>,
    /// The database the snapshot was taken in.
    pub database: Option<String>,
    /// Settings that change what the numbers mean.
    pub settings: BTreeMap<String, String>,
    /// Whether the file says where it ends, so that a missing end is a loss.
    pub has_end: bool,
    /// Whether it has every entry that the server showed, which exports may not.
    pub is_whole: bool,
}

impl Facts {
    /// Adds what another piece tells.
    pub fn add(&mut self, other: &Facts) {
        fn or<T: Clone>(mine: &mut Option<T>, theirs: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        or(&mut self.taken, &other.taken);
        or(&mut self.version, &other.version);
        or(&mut self.system_identifier, &other.system_identifier);
        or(&mut self.node, &other.node);
        or(&mut self.in_recovery, &other.in_recovery);
        or(&mut self.started, &other.started);
        or(&mut self.dealloc, &other.dealloc);
        or(&mut self.reset, &other.reset);
        or(&mut self.extension, &other.extension);
        or(&mut self.database, &other.database);
        for (name, value) in &other.settings {
            self.settings.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self.has_end |= other.has_end;
        self.is_whole |= other.is_whole;
    }
}

/// What tells one entry of the server's table from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyKey {
    /// The database's object id, 0 if not told.
    pub database: u32,
    /// The role's object id, 0 if not told.
    pub user: u32,
    /// The server's id of the statement; `None` if it is hidden from whoever took the snapshot.
    pub query_id: Option<i64>,
    /// Whether a client sent it, rather than a function; `None` before extension 1.9.
    pub top_level: Option<bool>,
    /// Tells apart what else divides entries, such as the time buckets of `pg_stat_monitor`.
    pub part: u64,
}

/// The text of a [`Tally`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TallyText<'b> {
    /// As the server normalised it.
    Sql(&'b [u8]),
    /// The row tells none; a [`Piece::Text`] may.
    #[default]
    Unknown,
    /// Whoever took the snapshot may not read it.
    Hidden,
}

/// Marks the statements that laggard itself sends, which are not counted.
pub const OWN: &str = "/* laggard */";

/// What PostgreSQL shows in place of a text that one may not read.
pub const HIDDEN: &[u8] = b"<insufficient privilege>";

/// Counters of one entry; see the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally<'b> {
    /// Which entry.
    pub key: TallyKey,
    /// Its statement.
    pub text: TallyText<'b>,
    /// The role's name.
    pub user: Option<&'b [u8]>,
    /// The database's name.
    pub database: Option<&'b [u8]>,
    /// Its counters.
    pub counters: Counters,
}

/// The counters themselves. `None` is a column that was not told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// Executions that came to a successful end.
    pub calls: u64,
    /// Time in execution, in milliseconds as the server has it.
    pub total: f64,
    /// The shortest execution since [`Counters::extremes_since`], in milliseconds.
    pub min: Option<f64>,
    /// The longest, likewise.
    pub max: Option<f64>,
    /// The mean, in milliseconds.
    pub mean: Option<f64>,
    /// The standard deviation of the population, in milliseconds.
    pub deviation: Option<f64>,
    /// Whole numbers, by [`Count`].
    pub counts: [Option<u64>; COUNTS],
    /// Times in milliseconds, by [`Time`].
    pub times: [Option<f64>; TIMES],
    /// Since when it counts (extension 1.11).
    pub since: Option<Timestamp>,
    /// Since when minimum and maximum count (extension 1.11).
    pub extremes_since: Option<Timestamp>,
    /// `resp_calls` of `pg_stat_monitor`: calls by bucket of duration.
    pub buckets: Vec<u64>,
}

/// Whole-number counters besides the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Rows returned or affected.
    Rows,
    /// Times planned, with `track_planning`.
    Plans,
    /// Shared blocks found in the cache.
    SharedHit,
    /// Shared blocks read.
    SharedRead,
    /// Shared blocks dirtied.
    SharedDirtied,
    /// Shared blocks written.
    SharedWritten,
    /// Local blocks found in the cache.
    LocalHit,
    /// Local blocks read.
    LocalRead,
    /// Local blocks dirtied.
    LocalDirtied,
    /// Local blocks written.
    LocalWritten,
    /// Temporary blocks read.
    TempRead,
    /// Temporary blocks written.
    TempWritten,
    /// Records of write-ahead log.
    WalRecords,
    /// Full-page images in the write-ahead log.
    WalFullPages,
    /// Bytes of write-ahead log.
    WalBytes,
    /// Times that the buffers of the write-ahead log were full.
    WalBuffersFull,
    /// Functions compiled.
    JitFunctions,
    /// Parallel workers planned.
    WorkersToLaunch,
    /// Parallel workers launched.
    WorkersLaunched,
    /// Executions with a generic plan.
    GenericPlans,
    /// Executions with a custom plan.
    CustomPlans,
}

/// How many counters there are of [`Count`].
pub const COUNTS: usize = Count::CustomPlans as usize + 1;

/// Times besides that of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Planning, with `track_planning`.
    Plan,
    /// Reading blocks, with `track_io_timing`.
    Read,
    /// Writing blocks, with `track_io_timing`.
    Write,
    /// Compiling.
    Jit,
}

/// How many times there are of [`Time`].
pub const TIMES: usize = Time::Jit as usize + 1;

impl Counters {
    /// A whole number.
    #[must_use]
    pub fn count(&self, count: Count) -> Option<u64> {
        self.counts[count as usize]
    }

    /// A time in milliseconds.
    #[must_use]
    pub fn time(&self, time: Time) -> Option<f64> {
        self.times[time as usize]
    }
}
