//! A connection as the command line, the environment and the terminal name it.

use std::io::{self, IsTerminal};

use crate::Error;
use crate::live::{Secret, Session, Settings, Surroundings};

use super::snapshot_args::ServerArgs;
use super::{Failure, say};

/// Opens a session on the server that the arguments name, and says where and what should be known about it.
pub(super) fn connect(dsn: Option<&str>, args: &ServerArgs, quiet: bool) -> Result<Session, Failure> {
    let settings = settings(dsn, args)?;
    for note in settings.notes() {
        say(&note.to_string());
    }
    let told = settings.notes().len();
    let session = match Session::connect(&settings) {
        // As psql does: ask once, if there is somebody to ask.
        Err(Error::PasswordMissing { .. }) if io::stdin().is_terminal() => {
            let password = prompt(&settings.target())?;
            Session::connect(&settings.with_password(password))
        }
        other => other,
    };
    let session = session.map_err(|error| Failure::trouble(error.to_string()))?;
    session.notes().iter().skip(told).for_each(|note| say(&note.to_string()));
    if !quiet {
        say(&format!("connected to {}", session.description()));
    }
    Ok(session)
}

fn settings(given: Option<&str>, args: &ServerArgs) -> Result<Settings, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let surroundings = Surroundings { variable: &variable, home: std::env::home_dir(), user: user() };
    let dsn = dsn(given, args)?;
    let settings = Settings::resolve(dsn.as_deref(), &surroundings).map_err(|error| Failure::trouble(error.to_string()))?;
    if let Some(file) = &args.password.password_file {
        let text = std::fs::read_to_string(file).map_err(|error| Failure::trouble(format!("{}: {error}", file.display())))?;
        let password = text.lines().next().unwrap_or_default().to_owned();
        return Ok(settings.with_password(Secret::new(password)));
    }
    if args.password.ask_password {
        let password = prompt(&settings.target())?;
        return Ok(settings.with_password(password));
    }
    Ok(settings)
}

/// The connection string with what the flags say behind it.
fn dsn(dsn: Option<&str>, args: &ServerArgs) -> Result<Option<String>, Failure> {
    let flags = [("host", &args.host), ("port", &args.port), ("user", &args.username), ("dbname", &args.dbname)];
    let given: Vec<String> = flags
        .iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)))
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    match dsn {
        None if given.is_empty() => Ok(None),
        None => Ok(Some(given.join(" "))),
        Some(dsn) if given.is_empty() => Ok(Some(dsn.to_owned())),
        Some(dsn) if dsn.contains("://") => Err(Failure::trouble("--host, --port, --username and --dbname go into the URL, not beside it")),
        // A bare word is the name of a database.
        Some(name) if !name.contains('=') => Ok(Some(format!("dbname={} {}", quoted(name), given.join(" ")))),
        Some(dsn) => Ok(Some(format!("{dsn} {}", given.join(" ")))),
    }
}

/// A value of a connection string, whatever is in it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Who runs this, as the system knows it.
fn user() -> Option<String> {
    let named = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
    named.or_else(|| {
        // The user may be known by number only, as in a container without a login.
        let number = std::fs::metadata("/proc/self").ok().map(|about| owner(&about))?;
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let line = users.lines().find(|line| line.split(':').nth(2) == Some(number.as_str()))?;
        line.split(':').next().map(str::to_owned)
    })
}

#[cfg(unix)]
fn owner(about: &std::fs::Metadata) -> String {
    std::os::unix::fs::MetadataExt::uid(about).to_string()
}

#[cfg(not(unix))]
fn owner(_: &std::fs::Metadata) -> String {
    String::new()
}

fn prompt(target: &str) -> Result<Secret, Failure> {
    let question = format!("Password for {}: ", crate::report::text::sanitised(target));
    rpassword::prompt_password(question).map(Secret::new).map_err(|error| Failure::trouble(format!("no password was read: {error}")))
}
