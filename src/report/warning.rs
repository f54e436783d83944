//! What a reader should know before trusting the numbers, each with what cures it.

use std::fmt;

use crate::units::{Micros, Timestamp, counted, grouped};

/// A doubt about the numbers; see the module.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The server does not seem to log faster statements.
    Threshold {
        /// The shortest duration logged.
        shortest: Micros,
        /// The setting that it looks like.
        looks_like: Micros,
    },
    /// Loops of queries cannot be seen.
    LoopsHidden {
        /// Why.
        because: String,
    },
    /// Several clients use one session in turn.
    Pooled {
        /// How many sessions.
        sessions: u64,
    },
    /// The server logs a sample of statements only.
    Sampling {
        /// The setting that says so.
        setting: String,
        /// Its value.
        value: String,
    },
    /// The server seems to log a sample of statements only.
    LooksSampled {
        /// Transactions and calls of which a part is missing.
        lacking: u64,
        /// All that were looked at.
        of: u64,
    },
    /// A large part of the input was not understood.
    NotUnderstood {
        /// Records that were not.
        skipped: u64,
        /// All records.
        records: u64,
    },
    /// A file was left out because another has the same content.
    Repeated {
        /// The file.
        path: String,
    },
    /// Files of folders were left out because they are the same logs as others, in another format.
    Twins {
        /// Each file, and the one that was read.
        files: Vec<(String, String)>,
    },
    /// Files in folders are no logs.
    Strangers {
        /// The files.
        paths: Vec<String>,
    },
    /// Two inputs look like one log that the server wrote in two formats.
    TwoFormats {
        /// The one.
        path: String,
        /// The other.
        other: String,
    },
    /// An input could not be read, or not to its end.
    Incomplete {
        /// What happened.
        error: String,
    },
    /// The parser of SQL refused statements; their verb and tables are taken from their words.
    NotParsed {
        /// Calls of such statements.
        calls: u64,
        /// All calls.
        of: u64,
    },
    /// The log names statements without their duration.
    Untimed {
        /// Calls without a duration.
        calls: u64,
        /// All calls.
        of: u64,
    },
    /// The log has no execution of any statement.
    NothingExecuted {
        /// Whether calls outside an interval of counters were left out.
        limited: bool,
    },
    /// A log is read beside a saved workload that has it already.
    SavedAndRead {
        /// The log.
        path: String,
    },
    /// The durations of calls are those of their `auto_explain` plans.
    FromPlans {
        /// Calls of which that is so.
        calls: u64,
        /// All calls.
        of: u64,
    },
    /// Plans of `auto_explain` that could not be read.
    PlansUnread {
        /// How many.
        plans: u64,
    },
    /// For long nothing was logged.
    Gap {
        /// When the longest gap began.
        start: Timestamp,
        /// When it ended.
        end: Timestamp,
        /// How many gaps there are.
        gaps: usize,
    },
    /// More sessions were open than are remembered, and some were given up in the middle of something.
    GivenUp {
        /// How many.
        sessions: u64,
        /// How many are remembered.
        most: usize,
    },
    /// Messages in another language than English, without their SQLSTATE.
    Foreign {
        /// Errors without one.
        errors: u64,
    },
    /// Parts of one log were put together.
    Seams {
        /// How many moments lie between two of them.
        seams: u64,
    },
    /// Times in a zone that nobody knows.
    UnknownZone {
        /// How many.
        records: u64,
    },
    /// The newest record comes first.
    NewestFirst {
        /// The file.
        path: String,
    },
    /// A view of facts lies beside no counters, or beside those of several snapshots.
    Astray {
        /// The file.
        path: String,
    },
    /// The server counts no statements.
    NotTracked,
    /// Snapshots do not tell when they were taken.
    OrderAssumed,
    /// The spread of durations drowns in the rounding of an export.
    RoundedAway {
        /// Entries concerned.
        statements: u64,
    },
    /// Statements that may not be read.
    Hidden {
        /// Entries concerned.
        entries: u64,
    },
    /// Entries that are older than the first snapshot and missing in it.
    WithoutBase {
        /// How many.
        entries: u64,
    },
    /// Entries that may have begun anew between two snapshots or not.
    InDoubt {
        /// How many.
        entries: u64,
    },
    /// Counters cannot be cut by time.
    NotCut,
    /// A snapshot of a server that has no counters, or of which they were not wanted.
    WithoutCounters,
    /// A log together with a single snapshot, which is of another time.
    LogBesideLife,
    /// A log together with an interval of counters.
    Joined {
        /// Whether calls of the log outside the interval were left out.
        limited: bool,
        /// Statements of the log that the counters have under another spelling, and their calls.
        elsewhere: (u64, u64),
    },
    /// More different loops, transactions, lock queues, applications or the like than are told apart.
    BeyondBounds {
        /// How many of what are in no finding.
        lost: Vec<(u64, &'static str)>,
    },
    /// Findings are ignored, as configured.
    Ignored {
        /// How many.
        findings: usize,
    },
    /// Findings are no longer ignored, because the time set for that is over.
    IgnoreOver {
        /// Which.
        what: String,
        /// Why they were.
        reason: String,
        /// The last day.
        expires: String,
    },
    /// Several statements have an id that begins as an ignore says, so that none is ignored for it.
    IgnoreAmbiguous {
        /// Which.
        what: String,
        /// The ids.
        statements: Vec<String>,
    },
    /// No finding is left that an ignore matches.
    IgnoreUnused {
        /// Which.
        what: String,
        /// Why it was there.
        reason: String,
    },
}

/// How many files are named before the rest is counted.
const NAMED: usize = 3;

impl Warning {
    /// Its stable name.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Warning::Threshold { .. } => "durations-below-threshold-missing",
            Warning::LoopsHidden { .. } => "loops-hidden",
            Warning::Pooled { .. } => "sessions-pooled",
            Warning::Sampling { .. } => "statements-sampled",
            Warning::LooksSampled { .. } => "statements-seem-sampled",
            Warning::NotUnderstood { .. } => "records-not-understood",
            Warning::Repeated { .. } => "file-repeated",
            Warning::Twins { .. } => "same-log-left-out",
            Warning::Strangers { .. } => "file-not-a-log",
            Warning::TwoFormats { .. } => "same-log-in-two-formats",
            Warning::Incomplete { .. } => "input-incomplete",
            Warning::NotParsed { .. } => "statements-not-parsed",
            Warning::Untimed { .. } => "calls-without-duration",
            Warning::NothingExecuted { .. } => "nothing-executed",
            Warning::SavedAndRead { .. } => "log-is-in-saved-workload",
            Warning::FromPlans { .. } => "durations-from-plans",
            Warning::PlansUnread { .. } => "plans-unread",
            Warning::Gap { .. } => "gap-in-log",
            Warning::GivenUp { .. } => "sessions-given-up",
            Warning::Foreign { .. } => "messages-in-another-language",
            Warning::Seams { .. } => "parts-of-one-log",
            Warning::UnknownZone { .. } => "time-zone-unknown",
            Warning::NewestFirst { .. } => "newest-first",
            Warning::Astray { .. } => "facts-without-counters",
            Warning::NotTracked => "statements-not-tracked",
            Warning::OrderAssumed => "snapshot-order-assumed",
            Warning::RoundedAway { .. } => "variance-not-recoverable",
            Warning::Hidden { .. } => "statements-hidden",
            Warning::WithoutBase { .. } => "entries-without-base",
            Warning::InDoubt { .. } => "entries-in-doubt",
            Warning::NotCut => "counters-not-cut-by-time",
            Warning::WithoutCounters => "snapshot-without-counters",
            Warning::LogBesideLife => "log-beside-life-of-counters",
            Warning::Joined { .. } => "log-joined-with-counters",
            Warning::BeyondBounds { .. } => "findings-beyond-bounds",
            Warning::Ignored { .. } => "findings-ignored",
            Warning::IgnoreOver { .. } => "ignore-expired",
            Warning::IgnoreAmbiguous { .. } => "ignore-ambiguous",
            Warning::IgnoreUnused { .. } => "ignore-unused",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Threshold { shortest, looks_like } => write!(
                f,
                "log_min_duration_statement looks like {looks_like} (nothing faster than {shortest} was logged): faster calls are missing, percentiles start there"
            ),
            Warning::LoopsHidden { because } => write!(
                f,
                "this log cannot show N+1: {because}; a loop is made of fast calls, so set log_min_duration_statement = 0 for five minutes, or log_transaction_sample_rate"
            ),
            Warning::Pooled { sessions } => write!(
                f,
                "several clients used {} in turn, as behind a pooler: loops of queries outside of transactions may be missed and are never sure; a request id in comments (sqlcommenter) makes them known",
                counted(*sessions, "session")
            ),
            Warning::Sampling { setting, value } => {
                write!(f, "{setting} was set to {value}: the server logs a sample, so calls are missing and totals are too low")
            }
            Warning::LooksSampled { lacking, of } => write!(
                f,
                "the log looks like a sample of statements: {} of {} transactions and calls lack their begin, end or bind; calls are missing, totals are too low, loops are hidden and the times of transactions unknown; set log_statement_sample_rate = 1 (or log_min_duration_sample = -1), and log_transaction_sample_rate for a sample of whole transactions",
                grouped(*lacking),
                grouped(*of)
            ),
            Warning::NotUnderstood { skipped, records } => write!(
                f,
                "{} of {} records were not understood; -v shows where, --prefix and --source override what was inferred",
                grouped(*skipped),
                grouped(*records)
            ),
            Warning::Twins { files } => {
                let named: Vec<String> = files.iter().take(NAMED).map(|(path, read)| format!("{path} (as {read})")).collect();
                let more = if files.len() > NAMED { format!(" and {} more", files.len() - NAMED) } else { String::new() };
                write!(
                    f,
                    "left out as the same logs in another format, with the same processes, times and durations: {}{more}; name each file to read all of them",
                    named.join(", ")
                )
            }
            Warning::Repeated { path } => write!(f, "{path} has the same content as another input and was read once"),
            Warning::Strangers { paths } => {
                let more = paths.len().saturating_sub(NAMED);
                let named = paths.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, "left out as no logs that are known here: {named}{and_more}; name one to insist")
            }
            Warning::TwoFormats { path, other } => {
                write!(f, "{path} and {other} look like one log in two formats: every call may be counted twice; name only one of them")
            }
            Warning::Incomplete { error } => f.write_str(error),
            Warning::NotParsed { calls, of } => write!(
                f,
                "statements of {} of {} calls are beyond the SQL parser: verb and tables are taken from their words, their numbers are complete",
                grouped(*calls),
                grouped(*of)
            ),
            Warning::Untimed { calls, of } => write!(
                f,
                "{} of {} calls have no duration in the log: set log_min_duration_statement = 0 or log_duration = on for all of them",
                grouped(*calls),
                grouped(*of)
            ),
            Warning::NothingExecuted { limited: true } => {
                f.write_str("the log has no statement that ended between the snapshots: it is of another time, or of another server")
            }
            Warning::NothingExecuted { limited: false } => f.write_str(
                "the log tells of no execution, so nothing here says what is slow: set log_min_duration_statement = 0, or log a sample of transactions",
            ),
            Warning::SavedAndRead { path } => {
                write!(f, "{path} seems to be in a saved workload that is read as well: every call of it is counted twice")
            }
            Warning::PlansUnread { plans } => write!(
                f,
                "{} of auto_explain could not be read, being cut or in YAML or XML; auto_explain.log_format = text or json is read",
                counted(*plans, "plan")
            ),
            Warning::FromPlans { calls, of } => {
                let some = if calls < of { format!("of {} of {} calls ", grouped(*calls), grouped(*of)) } else { String::new() };
                write!(
                    f,
                    "durations {some}come from auto_explain plans: execution only, and only what passed auto_explain.log_min_duration"
                )
            }
            Warning::Gap { start, end, gaps } => {
                let took = end.since(*start);
                let one_of = if *gaps > 1 { format!(", the longest of {gaps} gaps") } else { String::new() };
                write!(f, "no statement or event from {start} to {end} ({took}){one_of}: part of the log may be missing")
            }
            Warning::GivenUp { sessions, most } => write!(
                f,
                "{} sessions were given up in mid-call because more than {} were open at once: parse and bind times, durations and lock waits they had begun may be missing from their calls; log_disconnections = on tells which sessions have ended",
                grouped(*sessions),
                grouped(*most as u64)
            ),
            Warning::Foreign { errors } => write!(
                f,
                "{} in another language than English without their SQLSTATE: which of them are timeouts is not known; put %e into log_line_prefix, or set lc_messages = 'C'",
                counted(*errors, "error")
            ),
            Warning::Seams { seams } => write!(
                f,
                "{} of one log were put together: sessions, transactions and loops that cross from one to the next are counted in both, and loops near it are marked as truncated; save the whole log at once",
                counted(*seams + 1, "part")
            ),
            Warning::UnknownZone { records } => {
                write!(f, "{} records are in a time zone that is not known here and were taken to be in --timezone", grouped(*records))
            }
            Warning::NewestFirst { path } => write!(f, "{path} has its newest record first and was read backwards"),
            Warning::Astray { path } => {
                write!(f, "{path} was left out: it belongs beside the export of one pg_stat_statements, in the same folder or with the same name and _info")
            }
            Warning::NotTracked => {
                f.write_str("pg_stat_statements.track = none: the server counts nothing; set it to top and reload")
            }
            Warning::OrderAssumed => f.write_str("exports do not tell when they were made: they are taken to be in the order of the arguments"),
            Warning::RoundedAway { statements } => write!(
                f,
                "variance not recoverable for {} entries: the export was rounded to too few decimals; export double precision as it is",
                grouped(*statements)
            ),
            Warning::Hidden { entries } => write!(
                f,
                "{} entries are of statements that this role may not read, and are counted as one: GRANT pg_read_all_stats TO it",
                grouped(*entries)
            ),
            Warning::WithoutBase { entries } => write!(
                f,
                "{} entries are older than the first snapshot and missing in it, so what they did in between is not known and not counted: export all rows, without LIMIT, as one role",
                grouped(*entries)
            ),
            Warning::InDoubt { entries } => write!(
                f,
                "{} entries may have been dropped or reset and begun anew in between, which this server does not tell (PostgreSQL 17 does), so they are not counted: raise pg_stat_statements.max, or take snapshots more often",
                grouped(*entries)
            ),
            Warning::NotCut => f.write_str(
                "counters are of all the time between their snapshots: --since, --until and --last choose among calls of logs only",
            ),
            Warning::WithoutCounters => f.write_str(
                "the snapshot has the catalogue and no counters of statements: what they took is known from a log alone",
            ),
            Warning::LogBesideLife => f.write_str(
                "the counters are of all the time since they were reset, the log is of its own: give two snapshots to have both of one interval",
            ),
            Warning::Joined { limited, elsewhere: (statements, calls) } => {
                let limited = if *limited { ", of which only what ended between the snapshots counts" } else { "" };
                write!(
                    f,
                    "calls and times are from the counters, or from the log where it has all calls of a statement; errors and the slowest calls are from the log{limited}"
                )?;
                if *statements > 0 {
                    let (statements, calls) = (counted(*statements, "statement"), counted(*calls, "call"));
                    write!(
                        f,
                        "; the counters seem to have {statements} of the log ({calls}) under another spelling: these calls are in two rows and in the sums once"
                    )?;
                }
                Ok(())
            }
            Warning::BeyondBounds { lost } => {
                let lost: Vec<String> = lost.iter().map(|(count, what)| format!("{what} ({})", grouped(*count))).collect();
                write!(
                    f,
                    "in no finding, because there were more different ones than are told apart: {}; look at a shorter time (--since, --until) or at one application (--app)",
                    lost.join(", ")
                )
            }
            Warning::Ignored { findings: 1 } => f.write_str("1 finding is ignored, as [[ignore]] of the configuration says"),
            Warning::Ignored { findings } => {
                write!(f, "{} findings are ignored, as [[ignore]] of the configuration says", grouped(*findings as u64))
            }
            Warning::IgnoreOver { what, reason, expires } => {
                write!(f, "what [[ignore]] held back until {expires} is told again ({what}: {reason})")
            }
            Warning::IgnoreAmbiguous { what, statements } => {
                let named = statements.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if statements.len() > NAMED { format!(" and {} more", statements.len() - NAMED) } else { String::new() };
                write!(f, "[[ignore]] ({what}) may mean several statements and ignores none: {named}{more}; write more digits")
            }
            Warning::IgnoreUnused { what, reason } => write!(f, "[[ignore]] matches no finding here ({what}: {reason})"),
        }
    }
}
