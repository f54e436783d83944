//! One file per log format: detecting it, cutting it into records, and reading records into [`Item`]s.
//!
//! A [`Source`] is a format as such; [`Source::open`] makes a [`Reader`] for one input, with whatever had to be learnt from
//! the head of that input (a `log_line_prefix`, say). Readers are pure: bytes in, items out, in any thread.
//!
//! To add a format: one file with a `Source`, its `mod` line and its entry in [`ALL`]. The suite then asks for fixtures.
//! Sources know nothing of files, threads, fingerprints or reports.

use jiff::tz::TimeZone;

use crate::error::Error;
use crate::event::{Holds, Item, Skipped};
use crate::units::Timestamp;

mod laggard_saved;
mod laggard_snapshot;
mod pg_csvlog;
mod pg_field;
mod pg_heads;
mod pg_infer;
mod pg_jsonlog;
mod pg_message;
mod pg_plan;
pub mod pg_prefix;
mod pg_statements_csv;
mod pg_statements_json;
mod pg_stderr;
mod pg_syslog;
mod pg_tally;
mod pg_time;
mod pg_verify;
mod pg_words;

/// Every format that this build understands.
pub static ALL: &[&dyn Source] = &[
    &pg_stderr::PgStderr,
    &pg_csvlog::PgCsvlog,
    &pg_jsonlog::PgJsonlog,
    &pg_syslog::PgSyslog,
    &pg_statements_csv::PgStatementsCsv,
    &pg_statements_json::PgStatementsJson,
    &laggard_snapshot::LaggardSnapshot,
    &laggard_saved::LaggardSaved,
];

/// Whether the head of an input is of some format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// It is.
    Yes,
    /// It is, and its lines begin with this `log_line_prefix`.
    Prefix(String),
    /// It is not.
    No,
}

/// A log format.
pub trait Source: Sync {
    /// Its name, as in `--source` and in reports; kebab-case.
    fn name(&self) -> &'static str;
    /// One line on what it is and how a server comes to write it.
    fn about(&self) -> &'static str;
    /// Pieces of logs that must be detected as this format and as no other.
    fn samples(&self) -> &'static [&'static str];
    /// Whether the head of an input, at most 64 KiB, is of this format.
    fn sniff(&self, head: &[u8], options: &Options) -> Sniff;
    /// What its inputs hold.
    fn holds(&self) -> Holds {
        Holds::Events
    }
    /// A reader for one input that begins with `head`.
    ///
    /// # Errors
    /// If an option, such as the prefix, makes no sense.
    fn open(&self, head: &[u8], options: &Options) -> Result<Box<dyn Reader>, Error>;
}

/// What a user may say about an input instead of having it inferred.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's `log_line_prefix`.
    pub prefix: Option<String>,
    /// The zone of times that name none, or name one that nobody knows.
    pub zone: TimeZone,
    /// A moment not before the log's end, to tell the year of times that have none.
    pub reference: Timestamp,
    /// Whether the newest record comes first.
    pub newest_first: bool,
}

impl Options {
    /// Refuses what no input could make sense of.
    ///
    /// # Errors
    /// If the prefix is none. In syslog it needs no time.
    pub fn validate(&self) -> Result<(), Error> {
        let Some(prefix) = &self.prefix else { return Ok(()) };
        pg_prefix::Prefix::compile(&format!("%n {prefix}")).map(drop).map_err(|_| match pg_prefix::Prefix::compile(prefix) {
            Err(error) => error,
            Ok(_) => Error::Prefix { prefix: prefix.clone(), reason: "cannot be read back" },
        })
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { prefix: None, zone: TimeZone::UTC, reference: Timestamp(i64::MAX), newest_first: false }
    }
}

/// Reads one input of one format.
pub trait Reader: Send + Sync {
    /// What was learnt of the input, such as `prefix %m [%p] `; may be empty.
    fn detail(&self) -> String;

    /// A place where whole records end and another begins: the last such place in `bytes`, which begin with a record.
    /// `None` if there is none but the beginning itself. `seen` bytes were searched before, in vain.
    fn cut(&self, bytes: &[u8], seen: usize) -> Option<usize>;

    /// Puts lines that belong together next to each other, for formats whose records interleave line by line.
    fn untangle(&self) -> Option<Box<dyn Untangle>> {
        None
    }

    /// Reads whole records. `offset` is where `bytes` begin in the input.
    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen;
}

/// Reorders lines so that each record is in one piece; see [`Reader::untangle`].
pub trait Untangle: Send {
    /// Takes whole lines and appends to `out` those that may go on; the others are kept for later.
    fn push(&mut self, lines: &[u8], out: &mut Vec<u8>);
    /// Appends whatever was kept.
    fn finish(&mut self, out: &mut Vec<u8>);
}

/// What was seen while reading, whether or not it became an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Log entries, with their DETAIL, STATEMENT and other satellites counted as part of them.
    pub records: u64,
    /// Records that were not understood.
    pub skipped: Skipped,
    /// The earliest time.
    pub earliest: Option<Timestamp>,
    /// The latest time.
    pub latest: Option<Timestamp>,
    /// How many records were later than the one before them, less how many were earlier.
    pub drift: i64,
    /// Times in a zone that nobody knows, taken to be in the zone of [`Options`].
    pub unknown_zone: u64,
    last: Option<Timestamp>,
}

impl Seen {
    fn record(&mut self, time: Timestamp) {
        self.records += 1;
        match self.last {
            Some(last) if time > last => self.drift += 1,
            Some(last) if time < last => self.drift -= 1,
            _ => {}
        }
        self.last = Some(time);
        self.earliest = Some(self.earliest.map_or(time, |t| t.min(time)));
        self.latest = Some(self.latest.map_or(time, |t| t.max(time)));
    }
}

/// The format of an input, and what was learnt while it was looked for.
#[derive(Clone)]
pub struct Detected {
    /// The only format that claims the input.
    pub source: &'static dyn Source,
    /// The `log_line_prefix` that it found, so that [`Source::open`] need not look for it again.
    pub prefix: Option<String>,
}

/// The format of an input, if exactly one claims it.
///
/// # Errors
/// The names of the claimants, none or several.
pub fn detect(head: &[u8], options: &Options) -> Result<Detected, Vec<&'static str>> {
    let claim = |source: &'static dyn Source| match source.sniff(head, options) {
        Sniff::Yes => Some(Detected { source, prefix: None }),
        Sniff::Prefix(prefix) => Some(Detected { source, prefix: Some(prefix) }),
        Sniff::No => None,
    };
    let mut claims: Vec<Detected> = ALL.iter().copied().filter_map(claim).collect();
    match (claims.pop(), claims.as_slice()) {
        (Some(only), []) => Ok(only),
        (last, others) => Err(others.iter().chain(&last).map(|claim| claim.source.name()).collect()),
    }
}

/// The format of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Source> {
    ALL.iter().copied().find(|s| s.name() == name)
}

/// The lines of `bytes` with their offsets, each without its line end (LF or CRLF).
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut from = 0;
    std::iter::from_fn(move || {
        if from >= bytes.len() {
            return None;
        }
        let end = memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |n| from + n);
        let line = (from, trim_cr(&bytes[from..end]));
        from = end + 1;
        Some(line)
    })
}

fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Counts a last record without its line end, which may have been cut in the middle. It is read all the same.
fn note_open_end(bytes: &[u8], offset: u64, seen: &mut Seen) {
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        let start = memchr::memrchr(b'\n', bytes).map_or(0, |n| n + 1);
        seen.skipped.add(OPEN_END, offset + start as u64, &bytes[start..]);
    }
}

/// Why a record counts as skipped although it was read.
const OPEN_END: &str = "record without a line end: read, but its text may be cut";

/// A UTF-8 byte order mark, which editors put before the first record.
const BOM: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
