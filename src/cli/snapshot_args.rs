//! Arguments of the commands that connect to a server.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::args::{ColourArg, ReportArgs, SortArg};

pub(super) const EXAMPLES: &str = "\
Examples:
  laggard snapshot -o a.snap                       where psql would connect to
  laggard snapshot postgres://app@db1/shop -o a.snap
  laggard snapshot --print-sql                     what would be asked, without asking
  laggard snapshot --psql > snapshot.sql           for psql, where this program may not run";

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SnapshotArgs {
    /// The file to write; packed with zstd unless it ends in .jsonl
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Texts of statements: literals masked, as the server has them, or none
    #[arg(long, value_name = "HOW", value_enum, default_value_t = TextsArg::Masked)]
    pub(in crate::cli) texts: TextsArg,
    /// The most common values of columns too, which are data
    #[arg(long)]
    pub(in crate::cli) column_values: bool,
    /// Without the counters: the catalogue alone, for a server without pg_stat_statements and advice on what its log has
    #[arg(long, conflicts_with_all = ["no_catalogue", "psql"])]
    pub(in crate::cli) no_counters: bool,
    /// Without the catalogue, which advice on indexes needs
    #[arg(long)]
    pub(in crate::cli) no_catalogue: bool,
    /// Print every statement that would be sent, and send none
    #[arg(long, conflicts_with_all = ["psql", "output"])]
    pub(in crate::cli) print_sql: bool,
    /// Print a script for psql whose output is a snapshot
    #[arg(long, conflicts_with = "output")]
    pub(in crate::cli) psql: bool,
    /// Only errors, and what could not be read
    #[arg(short, long, env = "LAGGARD_QUIET")]
    pub(in crate::cli) quiet: bool,

    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArgs,
}

pub(super) const ADVISE_EXAMPLES: &str = "\
Examples:
  laggard advise postgres://app@db1/shop pg.log    indexes for what the log has, by db1's own planner
  laggard advise pg.log                            the server that psql would connect to
  laggard advise dbname=shop a.snap b.snap --format json
  laggard advise pg.log --print-sql                what would be asked, without asking";

/// Arguments of `advise`.
#[derive(Debug, Args)]
pub(in crate::cli) struct AdviseArgs {
    /// Print every statement that would be sent for these inputs, and send none
    #[arg(long)]
    pub(in crate::cli) print_sql: bool,
    /// Ask the planner for no longer than this, such as 30s or 10m
    #[arg(long, value_name = "SPAN", default_value = "2m", env = "LAGGARD_TIME_LIMIT")]
    pub(in crate::cli) time_limit: String,

    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,

    #[command(flatten)]
    pub(in crate::cli) password: PasswordArgs,
}

pub(super) const TOP_EXAMPLES: &str = "\
Examples:
  laggard top --once                               what ran in the last five seconds
  laggard top db1 --every 10s --record /var/tmp/top  and keep it for laggard report";

/// Arguments of `top`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TopArgs {
    /// One interval, then end
    #[arg(long)]
    pub(in crate::cli) once: bool,
    /// How long an interval is, such as 5s or 1m
    #[arg(long, value_name = "SPAN", default_value = "5s", env = "LAGGARD_EVERY")]
    pub(in crate::cli) every: String,
    /// Keep the snapshots in this folder, one file each, for laggard report
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) record: Option<PathBuf>,
    /// Show so many statements
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, env = "LAGGARD_TOP")]
    pub(in crate::cli) top: usize,
    /// What comes first
    #[arg(long, value_name = "KEY", value_enum, default_value_t = SortArg::Total, env = "LAGGARD_SORT")]
    pub(in crate::cli) sort: SortArg,
    /// Colours: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColourArg::Auto, env = "LAGGARD_COLOR")]
    pub(in crate::cli) color: ColourArg,
    /// Plain ASCII only
    #[arg(long, env = "LAGGARD_ASCII")]
    pub(in crate::cli) ascii: bool,
    /// Print every statement that would be sent, and do not connect
    #[arg(long)]
    pub(in crate::cli) print_sql: bool,
    /// Only tables and errors
    #[arg(short, long, env = "LAGGARD_QUIET")]
    pub(in crate::cli) quiet: bool,

    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArgs,
}

/// Where to connect to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(in crate::cli) struct ConnectionArgs {
    /// A URL, key=value pairs or a database, as psql takes them; without one PG* variables, service files or DATABASE_URL say
    #[arg(value_name = "DSN")]
    pub(in crate::cli) dsn: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) server: ServerArgs,
}

/// The same in parts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(in crate::cli) struct ServerArgs {
    /// Host name, or folder of the socket
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) host: Option<String>,
    /// Port
    #[arg(short, long, value_name = "PORT")]
    pub(in crate::cli) port: Option<String>,
    /// Role
    #[arg(short = 'U', long, value_name = "NAME")]
    pub(in crate::cli) username: Option<String>,
    /// Database
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) dbname: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) password: PasswordArgs,
}

/// Where the password comes from, if not from where psql takes it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(in crate::cli) struct PasswordArgs {
    /// Ask for the password
    #[arg(short = 'W', long = "password")]
    pub(in crate::cli) ask_password: bool,
    /// Read the password from the first line of a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "ask_password")]
    pub(in crate::cli) password_file: Option<PathBuf>,
}

/// What becomes of the texts of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum TextsArg {
    /// Literals replaced by their kind.
    Masked,
    /// As the server has them.
    Full,
    /// Not asked for.
    None,
}
