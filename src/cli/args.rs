//! The shape of the command line and its help; what the arguments mean is decided elsewhere.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::report::{Samples, Sort};
use crate::workload::Measure;

/// Says what is slow in a database's log, why, and whether it got worse.
#[derive(Debug, Parser)]
#[command(name = "laggard", version, before_help = EXAMPLES, after_help = AFTER_ALL, subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  laggard report /var/log/postgresql/              what is slow, over all rotated files
  laggard report monday.snap tuesday.snap          what pg_stat_statements counted in between
  laggard report pg.log --since 08:00 --app web    one application, this morning
  laggard report pg.log --slo p95=200ms            the minutes that missed it, and what rose first
  laggard explain 7f3a9c pg.log                    all that is known of one statement
  laggard gate --baseline main.log --candidate branch.log      whether a change made it worse
  zcat old.log.gz | laggard report - -o out.json   from a pipe, for a program";

const AFTER_ALL: &str = "Exit codes: 0 done, 1 a check found something or a gate failed, 2 trouble with arguments or input, 3 nothing recognised or comparable, 130 interrupted";

const AFTER: &str = "Exit codes: 0 done, 2 trouble with arguments or input, 3 nothing recognised, 130 interrupted";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What is slow: every distinct statement with its true latency percentiles
    #[command(before_help = EXAMPLES, after_help = AFTER)]
    Report(Box<ReportArgs>),
    /// Findings only; fails if one is severe and sure enough
    #[command(after_help = CHECK_AFTER)]
    Check(Box<CheckArgs>),
    /// What a rule means and what to do; or, with inputs, all that is known of one statement
    #[command(before_help = super::explain_args::EXAMPLES, after_help = AFTER)]
    Explain(Box<super::explain_args::ExplainArgs>),
    /// What changed between runs of one workload, and how surely; never fails
    #[command(before_help = super::gate_args::EXAMPLES, after_help = AFTER)]
    Compare(Box<super::gate_args::CompareArgs>),
    /// Compares, and fails if the candidate is surely worse
    #[command(before_help = super::gate_args::GATE_EXAMPLES, after_help = super::gate_args::AFTER)]
    Gate(Box<super::gate_args::GateArgs>),
    /// What a gate on these runs could and could not see, and how often it fails for nothing
    #[command(before_help = super::calibrate::EXAMPLES, after_help = AFTER)]
    Calibrate(Box<super::calibrate::CalibrateArgs>),
    /// What a report is made of into a file that reads as an input, adds up with others and is compared; no values in it
    #[command(before_help = super::save_args::EXAMPLES, after_help = AFTER)]
    Save(Box<super::save_args::SaveArgs>),
    /// Counters and catalogue of a running PostgreSQL into a file that report reads; reads only
    #[cfg(feature = "live")]
    #[command(before_help = super::snapshot_args::EXAMPLES, after_help = AFTER)]
    Snapshot(Box<super::snapshot_args::SnapshotArgs>),
    /// Indexes that are missing, tried by a running server's planner: [DSN] INPUT…; reads only
    #[cfg(feature = "live")]
    #[command(before_help = super::snapshot_args::ADVISE_EXAMPLES, after_help = AFTER)]
    Advise(Box<super::snapshot_args::AdviseArgs>),
    /// What a running PostgreSQL does right now, by statement; reads only
    #[cfg(feature = "live")]
    #[command(before_help = super::snapshot_args::TOP_EXAMPLES, after_help = AFTER)]
    Top(Box<super::snapshot_args::TopArgs>),
    /// Id and normalised text of each statement, one a line
    Fingerprint(FingerprintArgs),
    /// The formats of logs and snapshots that this build reads
    Formats,
    /// The rules by which this build looks for what is wrong
    Rules,
    /// The JSON Schema of an output
    Schema {
        /// Which output.
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Completions for a shell
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// The manual page, in roff
    Man,
}

/// Outputs that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// `report --format json`
    Report,
    /// `explain STATEMENT --format json`
    Explain,
    /// `compare` and `gate` with `--format json`
    Gate,
    /// `calibrate --format json`
    Calibration,
    /// The gate file, as JSON
    GateFile,
    /// A line of what `snapshot` writes
    Snapshot,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Logs, snapshots and saved workloads: files, folders (searched to the bottom), or - for standard input; gzip, zstd, xz, bzip2 and lz4 are
    /// unpacked. Two snapshots of one server are the interval between them
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Look for nothing that is wrong, which is faster
    #[arg(long, help_heading = "Rules", conflicts_with = "slo", env = "LAGGARD_NO_FINDINGS")]
    pub no_findings: bool,

    #[command(flatten)]
    pub rules: RuleArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

/// Where the options of rules come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(super) struct RuleArgs {
    /// An objective that each minute is judged by, such as p95=200ms, or web:p99=1s of one application; repeatable
    #[arg(long, value_name = "[APP:]pNN=SPAN")]
    pub slo: Vec<String>,
    /// Options of the rules [default: the nearest laggard.toml upwards, within the repository]
    #[arg(long, hide_short_help = true, value_name = "FILE", value_hint = ValueHint::FilePath, env = "LAGGARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// No configuration file
    #[arg(long, hide_short_help = true, conflicts_with = "config", env = "LAGGARD_NO_CONFIG")]
    pub no_config: bool,
}

const CHECK_AFTER: &str =
    "Exit codes: 0 nothing at or above --fail-on, 1 something, 2 trouble with arguments or input, 3 nothing recognised, 130 interrupted";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Fail at findings of this severity or above
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = SeverityArg::High, env = "LAGGARD_FAIL_ON")]
    pub fail_on: SeverityArg,
    /// Fail only at findings of this confidence or above
    #[arg(long, value_name = "CONFIDENCE", value_enum, default_value_t = ConfidenceArg::High, env = "LAGGARD_MIN_CONFIDENCE")]
    pub min_confidence: ConfidenceArg,
    /// Report findings and never fail because of them
    #[arg(long, env = "LAGGARD_EXIT_ZERO")]
    pub exit_zero: bool,

    #[command(flatten)]
    pub report: ReportArgs,
}

/// See `finding::Severity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SeverityArg {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Low,
    /// Worth mending.
    Medium,
    /// Users notice.
    High,
}

/// See `finding::Confidence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ConfidenceArg {
    /// A hint.
    Low,
    /// Likely.
    Medium,
    /// Sure.
    High,
}

/// What is written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Output format on standard output [default: table]
    #[arg(long, value_name = "FORMAT", env = "LAGGARD_FORMAT", value_parser = clap::builder::PossibleValuesParser::new(formats()))]
    pub format: Option<String>,
    /// Write to a file as well, its format by its extension; repeatable, - is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Vec<PathBuf>,
    /// Show so many statements [default: 20; all in json, jsonl and csv]
    #[arg(short = 'n', long, value_name = "N", env = "LAGGARD_TOP")]
    pub top: Option<usize>,
    /// What comes first
    #[arg(long, value_name = "KEY", value_enum, default_value_t = SortArg::Total, env = "LAGGARD_SORT")]
    pub sort: SortArg,
    /// Group by application, user, database, host, or tag:KEY of statement comments; csv then lists the groups only
    #[arg(long, value_name = "KEY", env = "LAGGARD_BY")]
    pub by: Option<String>,
    /// Put a ' before CSV cells that a spreadsheet would run as formulas
    #[arg(long, hide_short_help = true, env = "LAGGARD_CSV_SAFE")]
    pub csv_safe: bool,

    #[command(flatten)]
    pub show: ShowArgs,
}

/// How things are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ShowArgs {
    /// Examples of statements: values masked, in full, or none
    #[arg(long, value_name = "HOW", value_enum, default_value_t = SamplesArg::Masked, env = "LAGGARD_SAMPLES")]
    pub samples: SamplesArg,
    /// Percentiles of the whole call, or of its execution alone
    #[arg(long, value_name = "OF", value_enum, default_value_t = LatencyArg::Call, env = "LAGGARD_LATENCY")]
    pub latency: LatencyArg,
    /// Zone in which times are shown: an IANA name, or local
    #[arg(long, hide_short_help = true, value_name = "ZONE", env = "LAGGARD_DISPLAY_TZ")]
    pub display_tz: Option<String>,
    /// Colours: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColourArg::Auto, env = "LAGGARD_COLOR")]
    pub color: ColourArg,
    /// Plain ASCII only
    #[arg(long, hide_short_help = true, env = "LAGGARD_ASCII")]
    pub ascii: bool,
}

/// Which calls count.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectArgs {
    /// Not before: RFC 3339, 2026-11-22, "2026-11-22 08:00", 08:00, today, yesterday, or 90m for 90 minutes ago
    #[arg(long, value_name = "TIME", env = "LAGGARD_SINCE")]
    pub since: Option<String>,
    /// Before, in the same forms
    #[arg(long, value_name = "TIME", env = "LAGGARD_UNTIL")]
    pub until: Option<String>,
    /// The last so much of the log, such as 1h, counted back from its last record
    #[arg(long, value_name = "SPAN", conflicts_with = "since", env = "LAGGARD_LAST")]
    pub last: Option<String>,
    /// Only this database; !NAME for all but; repeatable
    #[arg(long, value_name = "NAME")]
    pub database: Vec<String>,
    /// Only this user; !NAME for all but; repeatable
    #[arg(long, value_name = "NAME")]
    pub user: Vec<String>,
    /// Only this application_name; !NAME for all but; repeatable
    #[arg(long, value_name = "NAME")]
    pub app: Vec<String>,
    /// Only this client host; !NAME for all but; repeatable
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Only statements whose normalised text matches
    #[arg(long, value_name = "REGEX", env = "LAGGARD_STATEMENT")]
    pub statement: Option<String>,
}

/// How the input is to be read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct ReadingArgs {
    /// The server's log_line_prefix, instead of inferring it
    #[arg(long, value_name = "PREFIX", env = "LAGGARD_PREFIX", allow_hyphen_values = true)]
    pub prefix: Option<String>,
    /// The format, instead of detecting it
    #[arg(long, hide_short_help = true, value_name = "NAME", env = "LAGGARD_SOURCE", value_parser = clap::builder::PossibleValuesParser::new(sources()))]
    pub source: Option<String>,
    /// Zone of times that name none, an IANA name [default: UTC]
    #[arg(long, value_name = "ZONE", env = "LAGGARD_TIMEZONE")]
    pub timezone: Option<String>,
    /// The server has standard_conforming_strings = off
    #[arg(long, hide_short_help = true, env = "LAGGARD_BACKSLASH_ESCAPES")]
    pub backslash_escapes: bool,
    /// Snapshots of several servers are counted apart and added, instead of being refused
    #[arg(long, hide_short_help = true, env = "LAGGARD_ALLOW_MIXED")]
    pub allow_mixed: bool,
    /// Threads that read [default: one for each processor]
    #[arg(short, long, value_name = "N", env = "LAGGARD_JOBS", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Bytes in a block, for tests of the reader
    #[arg(long, value_name = "BYTES", hide = true)]
    pub block_size: Option<usize>,
}

/// What is said on standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(super) struct TalkArgs {
    /// Only the answer and errors
    #[arg(short, long, env = "LAGGARD_QUIET")]
    pub quiet: bool,
    /// What was detected, and where the first record of each kind stands that was not understood (with --samples full, itself)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No progress bar
    #[arg(long, hide_short_help = true, env = "LAGGARD_NO_PROGRESS")]
    pub no_progress: bool,
}

/// Arguments of `fingerprint`.
#[derive(Debug, Args)]
pub(super) struct FingerprintArgs {
    /// Statements, one a line; - is standard input
    #[arg(default_value = "-", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Statements end in NUL instead, so that they may have several lines
    #[arg(short = '0', long)]
    pub null: bool,
    /// The server has standard_conforming_strings = off
    #[arg(long, hide_short_help = true)]
    pub backslash_escapes: bool,
}

fn formats() -> Vec<&'static str> {
    crate::report::ALL.iter().map(|r| r.name()).collect()
}

fn sources() -> Vec<&'static str> {
    crate::source::ALL.iter().map(|s| s.name()).collect()
}

/// See [`Sort`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SortArg {
    /// Total time.
    Total,
    /// Number of calls.
    Calls,
    /// Mean latency.
    Mean,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Slowest call.
    Max,
}

impl From<SortArg> for Sort {
    fn from(sort: SortArg) -> Self {
        match sort {
            SortArg::Total => Sort::Total,
            SortArg::Calls => Sort::Calls,
            SortArg::Mean => Sort::Mean,
            SortArg::P95 => Sort::P95,
            SortArg::P99 => Sort::P99,
            SortArg::Max => Sort::Max,
        }
    }
}

/// See [`Samples`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SamplesArg {
    /// Values replaced by their kind.
    Masked,
    /// As logged, with parameters.
    Full,
    /// Not at all.
    None,
}

impl From<SamplesArg> for Samples {
    fn from(samples: SamplesArg) -> Self {
        match samples {
            SamplesArg::Masked => Samples::Masked,
            SamplesArg::Full => Samples::Full,
            SamplesArg::None => Samples::None,
        }
    }
}

/// See [`Measure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LatencyArg {
    /// Parse, bind and execute.
    Call,
    /// Execute alone.
    Execute,
}

impl From<LatencyArg> for Measure {
    fn from(latency: LatencyArg) -> Self {
        match latency {
            LatencyArg::Call => Measure::Call,
            LatencyArg::Execute => Measure::Execute,
        }
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColourArg {
    /// If it is a terminal and nothing speaks against it.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
