//! One session on one server: connects with our manners, and asks one statement at a time with a deadline.
//!
//! Statements go through the simple query protocol, because prepared ones do not survive a pooler. What the statements say is
//! none of this module's business.

use std::time::Duration;

use postgres::SimpleQueryMessage;

use crate::error::Error;

use super::connect::{Line, Opened, ask, open};
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::manners;
use super::note::Note;
use super::row::Row;
use super::settings::{Role, Settings};

/// How much longer than the server we wait ourselves: its own limit should strike first, because that leaves a session.
const GRACE: Duration = Duration::from_secs(3);

/// An open session; see the module. Dropping it closes the connection.
pub struct Session {
    settings: Settings,
    line: Line,
    target: String,
    version: Version,
    notes: Vec<Note>,
    habit: Habit,
    /// The server's limit on statements as it is now.
    limit: Duration,
}

/// How the session keeps to our manners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// The start-up packet said it all.
    Session,
    /// Everything happens in transactions that say it again.
    Transaction { begun: bool },
}

/// What the server says it is.
#[derive(Clone, Debug, Default)]
struct Version {
    text: String,
    number: u32,
}

impl Session {
    /// Connects to the first server that will do.
    ///
    /// # Errors
    /// If none does: [`Error::PasswordMissing`] if a password would help, [`Error::Connect`] otherwise.
    pub fn connect(settings: &Settings) -> Result<Session, Error> {
        let roles: &[Role] =
            if settings.role == Role::PreferStandby { &[Role::Standby, Role::Any] } else { std::slice::from_ref(&settings.role) };
        let mut refusals: Vec<(String, String)> = Vec::new();
        for role in roles {
            for endpoint in &settings.endpoints {
                match connect_to(settings, endpoint, *role) {
                    Ok(session) => return Ok(session),
                    Err(Failure::PasswordMissing) => return Err(Error::PasswordMissing { target: target(settings, endpoint) }),
                    Err(failure) => {
                        refusals.push((endpoint.to_string(), blotted(settings, endpoint, &failure.reason(settings))));
                        if !failure.is_worth_another_host() {
                            return Err(refused(settings, &refusals));
                        }
                    }
                }
            }
        }
        Err(refused(settings, &refusals))
    }

    /// What the statement answers, if it does within `timeout`. The server is told of that limit; if it does not keep to it,
    /// the connection is given up a few seconds later.
    ///
    /// # Errors
    /// [`Error::Server`] if the server refuses; the session goes on. [`Error::TimedOut`] or [`Error::Disconnected`] if there
    /// is no session any more.
    pub fn rows(&mut self, sql: &str, timeout: Duration) -> Result<Vec<Row>, Error> {
        let answer = self.prepare(timeout).and_then(|()| ask(&mut self.line, sql, timeout.saturating_add(GRACE)));
        match answer {
            Ok(messages) => Ok(rows(messages)),
            Err(failure) => {
                self.pause();
                Err(self.error(failure, timeout))
            }
        }
    }

    /// Ends the transaction, if the session lives in one, until the next statement; worth it before a longer wait.
    pub fn pause(&mut self) {
        if self.habit == (Habit::Transaction { begun: true }) {
            self.habit = Habit::Transaction { begun: false };
            // If that fails, so will the next statement, which is where it is told.
            let _ = ask(&mut self.line, manners::ROLLBACK, GRACE);
        }
    }

    /// `app@db1:5432/shop (PostgreSQL 17.2), read-only`.
    #[must_use]
    pub fn description(&self) -> String {
        format!("{} (PostgreSQL {}), read-only", self.target, self.version.text)
    }

    /// Where the session is, without a password: `app@db1:5432/shop`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The server's version as a number, such as 170002.
    #[must_use]
    pub fn server_version_num(&self) -> u32 {
        self.version.number
    }

    /// The server's version as it calls it, such as `17.2`.
    #[must_use]
    pub fn server_version(&self) -> &str {
        &self.version.text
    }

    /// What the user should know about how the connection came about, the notes of the settings first.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether every statement runs in a transaction, because a pooler stands between us and the server.
    #[must_use]
    pub fn lives_in_transactions(&self) -> bool {
        self.habit != Habit::Session
    }

    /// Begins a transaction and sets the limit, where needed.
    fn prepare(&mut self, timeout: Duration) -> Result<(), Failure> {
        if self.habit == (Habit::Transaction { begun: false }) {
            self.habit = Habit::Transaction { begun: true };
            self.limit = manners::STATEMENT_TIMEOUT;
            ask(&mut self.line, &manners::begin(self.version.number >= 90_600), GRACE)?;
        }
        if timeout != self.limit {
            let sql = manners::limit(timeout, self.lives_in_transactions());
            ask(&mut self.line, &sql, GRACE)?;
            self.limit = timeout;
        }
        Ok(())
    }

    fn error(&self, failure: Failure, timeout: Duration) -> Error {
        let blot = |text: &str| {
            let endpoints = self.settings.endpoints.iter();
            endpoints.fold(text.to_owned(), |text, endpoint| blotted(&self.settings, endpoint, &text))
        };
        match failure {
            Failure::Server { sqlstate, message } => Error::Server { sqlstate, message: blot(&message) },
            Failure::Late => Error::TimedOut { target: self.target.clone(), after: timeout.saturating_add(GRACE) },
            failure => Error::Disconnected { target: self.target.clone(), reason: blot(&failure.reason(&self.settings)) },
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A pooler throws a server's connection away that was left within a transaction.
        self.pause();
    }
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Vec<Row> {
    let row = |message| if let SimpleQueryMessage::Row(row) = message { Some(Row::new(row)) } else { None };
    messages.into_iter().filter_map(row).collect()
}

fn target(settings: &Settings, endpoint: &Endpoint) -> String {
    format!("{}@{endpoint}/{}", settings.user, settings.database)
}

/// A text without the passwords that were used.
fn blotted(settings: &Settings, endpoint: &Endpoint, text: &str) -> String {
    let secrets = settings.password.iter().chain(&endpoint.password);
    secrets.fold(text.to_owned(), |text, secret| secret.blotted(&text))
}

/// What all hosts said, once if they said the same.
fn refused(settings: &Settings, refusals: &[(String, String)]) -> Error {
    let reason = match refusals {
        [(_, first), others @ ..] if others.iter().all(|(_, other)| other == first) => first.clone(),
        several => several.iter().map(|(host, reason)| format!("{host}: {reason}")).collect::<Vec<_>>().join(". "),
    };
    Error::Connect { target: settings.target(), reason }
}

fn connect_to(settings: &Settings, endpoint: &Endpoint, role: Role) -> Result<Session, Failure> {
    let mut opened = open(settings, endpoint)?;
    let limit = settings.connect_timeout;
    check_role(&mut opened.line, role, limit)?;
    if opened.took_settings && opened.without.contains(&manners::READ_ONLY) {
        ask(&mut opened.line, &manners::make_read_only(), limit)?;
    }
    let answers = rows(ask(&mut opened.line, &manners::inquiry(), limit)?);
    let setting = |name: &str| answers.iter().find(|row| row.get(0) == Some(name)).and_then(|row| row.get(1));
    let version = setting("server_version").unwrap_or_default().split_whitespace().next().unwrap_or_default().to_owned();
    let number = setting("server_version_num").and_then(|number| number.parse().ok()).unwrap_or_default();
    // A pooler may also take what it does not pass on; only what the server says counts.
    let without: Vec<&str> = opened.without.iter().copied().filter(|name| *name != manners::READ_ONLY).collect();
    let in_force = opened.took_settings && manners::in_force(setting, &without);
    let Opened { line, notes: given_up, .. } = opened;
    let mut notes = [settings.notes.clone(), given_up].concat();
    let habit = if in_force {
        Habit::Session
    } else {
        notes.push(Note::InTransaction);
        Habit::Transaction { begun: false }
    };
    Ok(Session {
        settings: settings.clone(),
        line,
        target: target(settings, endpoint),
        version: Version { text: version, number },
        notes,
        habit,
        limit: manners::STATEMENT_TIMEOUT,
    })
}

/// Whether the server is of the kind that `target_session_attrs` asks for.
fn check_role(line: &mut Line, role: Role, limit: Duration) -> Result<(), Failure> {
    let (question, wanted, otherwise) = match role {
        Role::Any | Role::PreferStandby => return Ok(()),
        Role::ReadWrite => (manners::IS_READ_ONLY, "off", "the server is read-only"),
        Role::ReadOnly => (manners::IS_READ_ONLY, "on", "the server is not read-only"),
        Role::Primary => (manners::IS_STANDBY, "f", "the server is a standby"),
        Role::Standby => (manners::IS_STANDBY, "t", "the server is no standby"),
    };
    let answers = rows(ask(line, question, limit)?);
    match answers.first().and_then(|row| row.get(0)) == Some(wanted) {
        true => Ok(()),
        false => Err(Failure::Unreachable(std::io::ErrorKind::Other, format!("{otherwise}, which target_session_attrs excludes"))),
    }
}
