//! What is shown: a [`Report`] is complete before any renderer runs, and a [`Renderer`] only draws it.
//!
//! To add an output: one file with a `Renderer`, its `mod` line and its entry in [`ALL`]. Renderers write to what they are
//! given; terminal, environment and clock reach them in [`Style`] or not at all.

use std::io;

use crate::units::{Micros, Timestamp};

pub mod build;
pub mod calibration;
mod csv;
pub mod explained;
mod findings;
pub mod gate;
pub mod github;
pub mod json;
mod jsonl;
mod markdown;
mod painter;
pub mod rates;
mod sarif;
mod spark;
mod table;
pub mod text;
mod tool;
mod warning;
mod zoned;

pub use build::{Samples, Sort, View};
pub use explained::Explained;
pub use gate::GateReport;
pub use warning::Warning;

/// Every output that this build can draw.
pub static ALL: &[&dyn Renderer] =
    &[&table::Table, &json::Json, &jsonl::Jsonl, &csv::Csv, &markdown::Markdown, &github::Github, &sarif::Sarif];

/// Draws reports in one format.
pub trait Renderer: Sync {
    /// Its name, as in `--format`.
    fn name(&self) -> &'static str;
    /// File extensions that choose it for `-o`.
    fn extensions(&self) -> &'static [&'static str];
    /// Draws a report.
    ///
    /// # Errors
    /// If `to` cannot be written to.
    fn render(&self, report: &Report, style: &Style, to: &mut dyn io::Write) -> io::Result<()>;
}

/// The renderer of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Renderer> {
    ALL.iter().copied().find(|r| r.name() == name)
}

/// The renderer that a file's extension chooses.
#[must_use]
pub fn by_extension(extension: &str) -> Option<&'static dyn Renderer> {
    ALL.iter().copied().find(|r| r.extensions().contains(&extension))
}

/// How to draw for a terminal or for none.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Columns of the terminal; `None` if there is none, so that nothing is cut or boxed.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether only ASCII may be used.
    pub ascii: bool,
    /// How many groups are shown to eyes.
    pub top: Option<usize>,
    /// The zone in which times are shown.
    pub zone: Option<jiff::tz::TimeZone>,
    /// Whether only findings are wanted, with what to do about each.
    pub findings_only: bool,
    /// Whether CSV cells that a spreadsheet would take for formulas get a `'` before them.
    pub safe_csv: bool,
}

/// Everything there is to say, sorted and rounded.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was read.
    pub inputs: Vec<InputLine>,
    /// Times of the first and the last record.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Over all statements.
    pub totals: Totals,
    /// By the key of `--by`, most time first.
    pub groups: Option<Vec<GroupLine>>,
    /// The statements to show, in the order asked for.
    pub statements: Vec<StatementLine>,
    /// What is wrong, most costly first.
    pub findings: Vec<FindingLine>,
    /// What is wrong and was to be ignored, with the reason for that.
    pub ignored: Vec<(FindingLine, String)>,
    /// What happened besides statements; `None` if there was no log to tell.
    pub events: Option<EventLines>,
    /// How much of the counters' interval is known; `None` if there were no snapshots.
    pub coverage: Option<CoverageLine>,
    /// What the reader should know about the numbers.
    pub warnings: Vec<Warning>,
}

/// One input.
#[derive(Clone, Debug, Default)]
pub struct InputLine {
    /// Its name.
    pub path: String,
    /// The source that read it.
    pub format: String,
    /// What was learnt of it.
    pub detail: String,
    /// Bytes read from disk.
    pub bytes: u64,
    /// Log entries.
    pub records: u64,
    /// Executions and notes.
    pub events: u64,
    /// What was not understood.
    pub skipped: Vec<SkippedLine>,
}

/// One reason for skipping records.
#[derive(Clone, Debug, Default)]
pub struct SkippedLine {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Where the first stands.
    pub first_offset: u64,
    /// Its beginning, values masked.
    pub sample: String,
}

/// Sums over everything.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Distinct statements.
    pub statements: u64,
    /// Databases, where the log tells.
    pub databases: u64,
    /// Executions.
    pub calls: u64,
    /// Failed statements; `None` if there was no log to tell.
    pub errors: Option<u64>,
    /// Their latency.
    pub latency: LatencyLine,
}

/// How well a distribution is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// Every value.
    Exact,
    /// Within 1 %.
    Histogram,
    /// Count, sum, spread and limits, but no single value.
    Moments,
    /// Not at all.
    #[default]
    Nothing,
}

impl Known {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Known::Exact => "exact",
            Known::Histogram => "histogram",
            Known::Moments => "moments",
            Known::Nothing => "none",
        }
    }
}

/// A distribution in numbers; `None` is not known.
#[derive(Clone, Debug, Default)]
pub struct LatencyLine {
    /// How well it is known.
    pub known: Known,
    /// The sum.
    pub total: Micros,
    /// The smallest.
    pub min: Option<Micros>,
    /// The mean, in microseconds.
    pub mean: Option<f64>,
    /// The standard deviation, in microseconds.
    pub deviation: Option<f64>,
    /// The percentiles, in the order of [`QUANTILES`].
    pub percentiles: [Option<Percentile>; 5],
    /// The largest.
    pub max: Option<Micros>,
    /// Of moments: between which values the largest certainly lies.
    pub max_limits: Option<(Micros, Micros)>,
    /// Of moments: between which values each percentile certainly lies, in the order of [`QUANTILES`].
    pub bounds: [Option<(Micros, Micros)>; 5],
    /// Of moments: what each percentile would be if the distribution were log-normal; for eyes only.
    pub guesses: [Option<Micros>; 5],
    /// Counts in equal steps of the logarithm over the whole report's range.
    pub spread: Vec<u64>,
}

/// A percentile and whether the sample supports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    /// The value.
    pub value: Micros,
    /// Whether it is the maximum because there are too few calls.
    pub is_maximum: bool,
}

/// The percentiles of a [`LatencyLine`], in thousandths.
pub const QUANTILES: [u64; 5] = [500, 900, 950, 990, 999];

/// One group of `--by`.
#[derive(Clone, Debug, Default)]
pub struct GroupLine {
    /// Its key; `None` is what has none.
    pub key: Option<String>,
    /// Executions.
    pub calls: u64,
    /// Failed statements.
    pub errors: u64,
    /// Their latency.
    pub latency: LatencyLine,
}

/// One statement.
#[derive(Clone, Debug, Default)]
pub struct StatementLine {
    /// Sixteen hexadecimal digits.
    pub id: String,
    /// Its normalised text.
    pub text: String,
    /// Its command, such as `select`.
    pub verb: String,
    /// The relations it names.
    pub tables: Vec<String>,
    /// Its text over several lines.
    pub pretty: String,
    /// Relations, joins, predicates, sub-queries and set operations; `None` if it was not parsed.
    pub complexity: Option<u32>,
    /// Executions.
    pub calls: u64,
    /// Its share of the time of all statements, 0 to 1; `None` if no time is known.
    pub share: Option<f64>,
    /// Rows, where the log tells.
    pub rows: Option<u64>,
    /// What only logs tell; `None` if there were none.
    pub logged: Option<LoggedLine>,
    /// What only snapshots tell.
    pub counters: Option<CounterLine>,
    /// Its latency.
    pub latency: LatencyLine,
    /// By application.
    pub applications: Vec<ShareLine>,
    /// By role.
    pub users: Vec<ShareLine>,
    /// By database.
    pub databases: Vec<ShareLine>,
    /// By comment tag: key, and the share of its value.
    pub tags: Vec<(String, ShareLine)>,
    /// The library that wrote it, as JSON names it, and how surely: `high`, `medium` or `low`.
    pub orm: Option<(&'static str, &'static str)>,
    /// The server's ids of it.
    pub query_ids: Vec<i64>,
    /// An example.
    pub sample: Option<String>,
}

/// What logs tell of a statement and counters do not.
#[derive(Clone, Debug, Default)]
pub struct LoggedLine {
    /// Failed executions.
    pub errors: u64,
    /// Time in parse, bind and execute.
    pub steps: [Micros; 3],
    /// Time spent waiting for locks.
    pub waited: Micros,
    /// When the first and the last call ended.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// Sessions that ran it.
    pub sessions: u64,
}

/// What counters tell of a statement and logs do not; `None` is what the server does not count.
#[derive(Clone, Debug, Default)]
pub struct CounterLine {
    /// `continuous`, `restarted`, `new`, `gone` or `hidden`.
    pub state: &'static str,
    /// Whether executions may be missing.
    pub partial: bool,
    /// Executions within functions, among the calls.
    pub nested_calls: u64,
    /// Calls and time of entries that are gone, as they were last seen.
    pub last_seen: Option<(u64, Micros)>,
    /// Times planned.
    pub plans: Option<u64>,
    /// Time in planning, which is not in the latency.
    pub plan: Option<Micros>,
    /// Shared blocks: found in the cache, read, dirtied, written.
    pub shared: [Option<u64>; 4],
    /// Local blocks, likewise.
    pub local: [Option<u64>; 4],
    /// Temporary blocks: read, written.
    pub temp: [Option<u64>; 2],
    /// Time in reading and in writing blocks.
    pub io: [Option<Micros>; 2],
    /// Write-ahead log: records, full-page images, bytes, times that its buffers were full.
    pub wal: [Option<u64>; 4],
    /// Functions compiled.
    pub jit_functions: Option<u64>,
    /// Time in compiling.
    pub jit: Option<Micros>,
    /// Parallel workers: planned, launched.
    pub workers: [Option<u64>; 2],
    /// Executions with a generic and with a custom plan.
    pub plan_kinds: [Option<u64>; 2],
}

/// How much of the counters' interval is known.
#[derive(Clone, Debug, Default)]
pub struct CoverageLine {
    /// The share of execution time whose base is known, 0 to 1.
    pub known_share: Option<f64>,
    /// Entries lost in between.
    pub lost: Option<u64>,
    /// How many times the server dropped entries.
    pub dealloc_rounds: Option<u64>,
    /// Entries by what became of them.
    pub entries: Vec<(&'static str, u64)>,
    /// Whether it is the life of the counters rather than an interval.
    pub is_life: bool,
}

/// One name's share.
#[derive(Clone, Debug, Default)]
pub struct ShareLine {
    /// The name.
    pub name: String,
    /// Executions.
    pub calls: u64,
    /// Their time.
    pub total: Micros,
}

/// Something that is wrong.
#[derive(Clone, Debug, Default)]
pub struct FindingLine {
    /// The rule's id.
    pub rule: &'static str,
    /// `high`, `medium`, `low` or `info`.
    pub severity: &'static str,
    /// `high`, `medium` or `low`.
    pub confidence: &'static str,
    /// One line.
    pub title: String,
    /// The statement's id.
    pub statement: Option<String>,
    /// The statement's text.
    pub text: Option<String>,
    /// Ids of other statements that belong to it.
    pub related: Vec<String>,
    /// How often it happened.
    pub occurrences: u64,
    /// What it cost.
    pub cost: Option<Micros>,
    /// Whether that is time on the clock, that between calls too, rather than time in the server.
    pub is_wall: bool,
    /// Why it is known: kind, words, numbers.
    pub evidence: Vec<(&'static str, String, serde_json::Value)>,
    /// What programs may read, by rule.
    pub data: serde_json::Value,
    /// What to do.
    pub remedy: String,
    /// A statement that does it.
    pub ddl: Option<String>,
}

/// What happened besides statements.
#[derive(Clone, Debug, Default)]
pub struct EventLines {
    /// Errors, most frequent first.
    pub errors: Vec<ErrorLine>,
    /// Waits for locks that were logged, and their time.
    pub lock_waits: (u64, Micros),
    /// Deadlocks.
    pub deadlocks: u64,
    /// Temporary files and their bytes.
    pub temp_files: (u64, u64),
    /// The statements they were written for: id, files, bytes; most bytes first.
    pub temp_file_shares: Vec<(String, u64, u64)>,
    /// Checkpoints completed; this and what follows is `None` if the server speaks a language that hides it.
    pub checkpoints: Option<u64>,
    /// Tables that autovacuum vacuumed.
    pub autovacuums: Option<u64>,
    /// Connections.
    pub connections: Option<u64>,
    /// Sessions ended.
    pub disconnections: Option<u64>,
    /// Statements cancelled.
    pub cancelled: Option<u64>,
}

/// One kind of error.
#[derive(Clone, Debug, Default)]
pub struct ErrorLine {
    /// Its SQLSTATE, where logged.
    pub sqlstate: Option<String>,
    /// Its severity as logged.
    pub severity: String,
    /// Its message without values.
    pub message: String,
    /// How many.
    pub count: u64,
}
