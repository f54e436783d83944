//! The only place that talks to the world: arguments, streams, terminal, clock and exit codes.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{CommandFactory, FromArgMatches};

use crate::sql::fingerprint::Normaliser;
use crate::sql::lexer::Dialect;
use crate::units::Micros;
use crate::{report, source};

#[cfg(feature = "live")]
mod advise;
mod args;
mod calibrate;
mod config;
#[cfg(feature = "live")]
mod connection;
mod exit;
mod explain;
mod explain_args;
mod gate;
mod gate_args;
mod gate_file;
mod outputs;
mod progress;
mod reading;
mod run;
mod save;
mod save_args;
mod screen;
#[cfg(feature = "live")]
mod snapshot;
#[cfg(feature = "live")]
mod snapshot_args;
mod terminal;
mod toml_place;
#[cfg(feature = "live")]
mod top;
mod when;

pub use exit::Exit;

use args::{Cli, Command, FingerprintArgs, SchemaOf};
use screen::say;

/// The committed schema, which a test holds to the structs.
const REPORT_SCHEMA: &str = include_str!("../report/report.schema.json");
/// Likewise.
const EXPLAIN_SCHEMA: &str = include_str!("../report/explain.schema.json");
/// Likewise.
const GATE_SCHEMA: &str = include_str!("../report/gate/gate.schema.json");
/// Likewise.
const CALIBRATION_SCHEMA: &str = include_str!("../report/calibration/calibration.schema.json");
/// Likewise.
const GATE_FILE_SCHEMA: &str = include_str!("gate-file.schema.json");
/// Likewise.
const SNAPSHOT_SCHEMA: &str = include_str!("../snapshot/snapshot.schema.json");

/// Why a command ended early: a message for standard error and how to exit.
struct Failure {
    message: String,
    exit: Exit,
}

impl Failure {
    fn trouble(message: impl Into<String>) -> Self {
        Failure { message: message.into(), exit: Exit::Trouble }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Whoever read the output has seen enough.
        let exit = if error.kind() == io::ErrorKind::BrokenPipe { Exit::Done } else { Exit::Trouble };
        Failure { message: error.to_string(), exit }
    }
}

/// Runs a command line and answers how to exit.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = command(&arguments).try_get_matches_from(&arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &arguments),
    };
    match run(cli.command) {
        Ok(exit) => exit,
        Err(failure) => {
            if failure.exit != Exit::Done {
                say(&failure.message);
            }
            failure.exit
        }
    }
}

/// The command line's definition; `-h` leaves the variables out so that it fits a screen.
fn command(arguments: &[OsString]) -> clap::Command {
    let short = arguments.iter().any(|argument| argument == "-h");
    ["report", "check", "explain", "compare", "gate", "calibrate", "save"].iter().fold(Cli::command(), |command, name| {
        command.mut_subcommand(name, |subcommand| subcommand.mut_args(|arg| arg.hide_env(short).hide_env_values(true)))
    })
}

/// Shows what clap says, and the command that was meant if the first argument is a file.
fn usage(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let is_help = !error.use_stderr();
    if !is_help && repeats_a_password(&error.to_string(), arguments) {
        say("an argument is not understood, and not repeated because it may hold a password; a connection string with blanks needs quotes");
        return Exit::Trouble;
    }
    if !is_help && screen::is_in_github() {
        screen::tell(error.render().to_string().trim_end());
    } else if error.print().is_err() && !is_help {
        return Exit::Trouble;
    }
    if let Some(first) = arguments.get(1).filter(|first| !is_help && Path::new(first).exists()) {
        screen::tell(&format!("did you mean: laggard report {}", report::text::sanitised(&first.to_string_lossy())));
    }
    if is_help { Exit::Done } else { Exit::Trouble }
}

/// Whether a message has part of an argument in it that looks like a password, or like a URL with one.
fn repeats_a_password(message: &str, arguments: &[OsString]) -> bool {
    let secret = |argument: &str| match (argument.split_once("://"), argument.split_once("password=")) {
        (Some((_, behind)), _) | (None, Some((_, behind))) => !behind.is_empty() && message.contains(behind),
        (None, None) => false,
    };
    arguments.iter().any(|argument| secret(&argument.to_string_lossy()))
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Report(args) => {
            if args.inputs == [PathBuf::from("-")] && io::stdin().is_terminal() {
                return short_help();
            }
            run::report(&args)
        }
        Command::Check(args) => run::check(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Compare(args) => gate::compare(&args),
        Command::Gate(args) => gate::gate(&args),
        Command::Calibrate(args) => calibrate::calibrate(*args),
        Command::Save(args) => save::save(&args),
        Command::Rules => explain::rules(),
        #[cfg(feature = "live")]
        Command::Snapshot(args) => snapshot::snapshot(&args),
        #[cfg(feature = "live")]
        Command::Top(args) => top::top(&args),
        #[cfg(feature = "live")]
        Command::Advise(args) => advise::advise(*args),
        Command::Fingerprint(args) => fingerprint(&args),
        Command::Formats => formats(),
        Command::Schema { of: SchemaOf::Report } => print(REPORT_SCHEMA.as_bytes()),
        Command::Schema { of: SchemaOf::Explain } => print(EXPLAIN_SCHEMA.as_bytes()),
        Command::Schema { of: SchemaOf::Gate } => print(GATE_SCHEMA.as_bytes()),
        Command::Schema { of: SchemaOf::Calibration } => print(CALIBRATION_SCHEMA.as_bytes()),
        Command::Schema { of: SchemaOf::GateFile } => print(GATE_FILE_SCHEMA.as_bytes()),
        Command::Schema { of: SchemaOf::Snapshot } => print(SNAPSHOT_SCHEMA.as_bytes()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "laggard", &mut script);
            print(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            for command in Cli::command().get_subcommands() {
                clap_mangen::Man::new(command.clone()).render_description_section(&mut page)?;
                clap_mangen::Man::new(command.clone()).render_options_section(&mut page)?;
            }
            print(&page)
        }
    }
}

fn short_help() -> Result<Exit, Failure> {
    let help = Cli::command().render_help();
    write!(anstream::stderr(), "{help}")?;
    Ok(Exit::Trouble)
}

fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(Exit::Done)
}

fn formats() -> Result<Exit, Failure> {
    let mut text = String::new();
    for source in source::ALL {
        text.push_str(&format!("{:<19} {}\n", source.name(), source.about()));
    }
    print(text.as_bytes())
}

fn fingerprint(args: &FingerprintArgs) -> Result<Exit, Failure> {
    let mut statements = Vec::new();
    if args.file.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut statements)?;
    } else {
        let read = std::fs::read(&args.file);
        statements = read.map_err(|error| Failure::trouble(format!("{}: {error}", args.file.display())))?;
    }
    let end = if args.null { 0 } else { b'\n' };
    let statements = statements.strip_suffix(&[end]).unwrap_or(&statements);
    let dialect = Dialect::PostgreSql { standard_conforming_strings: !args.backslash_escapes };
    let mut normaliser = Normaliser::default();
    let lines = (!statements.is_empty()).then(|| statements.split(|&b| b == end));
    screen::show("table", |to| {
        lines.into_iter().flatten().try_for_each(|statement| {
            let normalised = normaliser.normalise(statement, dialect);
            writeln!(to, "{}\t{}", normalised.fingerprint, report::text::sanitised(&normalised.text))
        })
    })?;
    Ok(if statements.is_empty() { Exit::Nothing } else { Exit::Done })
}

/// Shown with `-v` behind the report.
fn elapsed(bytes: u64, took: std::time::Duration) -> String {
    let took = Micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    format!("read {} in {took}", crate::units::ByteCount(bytes))
}
