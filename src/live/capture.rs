//! A snapshot of a running server: its counters, their texts and its catalogue, asked for one after the other.
//!
//! What cannot be read is noted with its cure, and the rest is read all the same. Counters come first and without texts,
//! because texts may be too large to load. The statements are those of `snapshot::sql`, and no others.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::{Number, Value};

use crate::error::Error;
use crate::event::tally::OWN;
use crate::snapshot::{Header, Line, SCHEMA, Snapshot, sql};
use crate::sql::fingerprint::normalise;
use crate::sql::lexer::Dialect;

use super::manners::STATEMENT_TIMEOUT;
use super::{Row, Session};

/// What becomes of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// Normalised by us, which changes no id: the server keeps the literals of utility statements, and those of an entry
    /// that it dropped while the statement ran.
    #[default]
    Masked,
    /// As the server has them.
    Full,
    /// Not asked for.
    None,
}

impl Texts {
    fn name(self) -> &'static str {
        match self {
            Texts::Masked => "masked",
            Texts::Full => "full",
            Texts::None => "none",
        }
    }
}

/// What to ask for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// The texts.
    pub texts: Texts,
    /// Whether the catalogue is wanted.
    pub catalogue: bool,
    /// Whether the most common values of columns are.
    pub values: bool,
    /// Whether the counters are not: a server may have none, and advice for what a log has goes without.
    pub without_counters: bool,
}

/// How long the texts may take; the server loads all of them at once.
const TEXTS_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the counters are asked for at most, if entries are dropped meanwhile.
const MOST_LOOKS: u32 = 3;

/// The first server that has an id for each statement.
const OLDEST: u32 = 90_400;

/// Everything that a snapshot asks for, as text that psql takes; `minor` stands for whatever the extension's version is.
#[must_use]
pub fn everything_asked(wish: &Wish) -> String {
    if wish.without_counters {
        return catalogue_asked(wish.values);
    }
    let mut asked = vec![sql::SYSTEM.to_owned(), sql::settings(), sql::EXTENSION.to_owned(), sql::SERVER.to_owned()];
    asked.push(sql::info("public") + "; -- in the extension's schema, from 1.9 on");
    asked.push(sql::counters("public", 12) + "; -- the columns of version 1.12; others have others");
    if wish.texts != Texts::None {
        asked.push(sql::texts("public") + "; -- with a limit of 60 s");
    }
    asked.push(sql::NAMES.to_owned());
    if wish.catalogue {
        asked.extend(sql::catalogue(wish.values).iter().map(sql::Catalogue::sql));
    }
    asked.into_iter().map(|sql| if sql.contains("; --") { sql + "\n" } else { sql + ";\n" }).collect()
}

/// Takes a snapshot of what the server is and of its catalogue with the values of columns, to be forgotten when they were
/// looked at; without any counters of statements.
///
/// # Errors
/// As [`capture`].
pub fn catalogue(session: &mut Session) -> Result<Snapshot, Error> {
    capture(session, &Wish { catalogue: true, values: true, without_counters: true, ..Wish::default() })
}

/// What is asked where no counters are wanted, as text that psql takes; with the `values` of columns, as [`catalogue`] does.
#[must_use]
pub fn catalogue_asked(values: bool) -> String {
    let asked = [sql::SYSTEM.to_owned(), sql::settings(), sql::SERVER.to_owned()];
    let of_catalogue = sql::catalogue(values).into_iter().map(|query| query.sql());
    asked.into_iter().chain(of_catalogue).map(|sql| sql + ";\n").collect()
}

/// Takes a snapshot.
///
/// # Errors
/// If the server is too old, or the session is over. What else goes wrong is in the notes of the header.
pub fn capture(session: &mut Session, wish: &Wish) -> Result<Snapshot, Error> {
    if session.server_version_num() < OLDEST {
        let reason = format!(
            "PostgreSQL {} is older than 9.4, whose pg_stat_statements has no ids of statements; read the logs of this server instead",
            session.server_version()
        );
        return Err(Error::Connect { target: session.target().to_owned(), reason });
    }
    let mut capture = Capture { session, header: Header::default(), lines: Vec::new(), own: HashSet::new(), has_counters: false };
    capture.server()?;
    capture.header.texts = Texts::None.name().to_owned();
    if !wish.without_counters {
        capture.counters(wish)?;
        capture.names()?;
    }
    if wish.catalogue {
        capture.catalogue(wish)?;
    }
    Ok(Snapshot {
        header: capture.header,
        lines: capture.lines,
        own: capture.own.into_iter().collect(),
        has_counters: capture.has_counters,
    })
}

struct Capture<'s> {
    session: &'s mut Session,
    header: Header,
    lines: Vec<Line>,
    /// Ids of our own statements.
    own: HashSet<i64>,
    has_counters: bool,
}

/// An extension as it was found.
struct Extension {
    schema: String,
    minor: u32,
}

impl Capture<'_> {
    /// Asks; a refusal is a note and no rows, the end of the session is an error.
    fn ask(&mut self, what: &str, sql: &str, timeout: Duration) -> Result<Option<Vec<Row>>, Error> {
        match self.session.rows(sql, timeout) {
            Ok(rows) => Ok(Some(rows)),
            Err(Error::Server { sqlstate, message }) => {
                self.note(format!("{what}: {message}{}", cure(&sqlstate, &message)));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn note(&mut self, note: String) {
        self.header.notes.push(note);
    }

    fn server(&mut self) -> Result<(), Error> {
        let text = |row: &Row, name: &str| row.named(name).unwrap_or_default().to_owned();
        if self.session.server_version_num() >= 90_600 {
            let system = self.ask("the server's system identifier", sql::SYSTEM, STATEMENT_TIMEOUT)?;
            self.header.system_identifier = system.iter().flatten().find_map(|row| row.get(0)).map(str::to_owned);
        }
        let settings = self.ask("settings", &sql::settings(), STATEMENT_TIMEOUT)?.unwrap_or_default();
        self.header.settings =
            settings.iter().filter_map(|row| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned()))).collect::<BTreeMap<_, _>>();
        let rows = self.session.rows(sql::SERVER, STATEMENT_TIMEOUT)?;
        let server = rows.first().ok_or_else(|| nothing_said(self.session))?;
        self.header = Header {
            schema: SCHEMA.to_owned(),
            tool: format!("laggard {}", env!("CARGO_PKG_VERSION")),
            taken_at: text(server, "taken_at"),
            server_version_num: text(server, "server_version_num").parse().unwrap_or_default(),
            server_version: text(server, "server_version"),
            node: server.named("node").map(str::to_owned),
            in_recovery: server.named("in_recovery") == Some("t"),
            postmaster_start: text(server, "postmaster_start"),
            database: text(server, "database"),
            ..std::mem::take(&mut self.header)
        };
        if self.header.in_recovery {
            self.note("this server is a standby: its counters are of what ran here, not on the primary".to_owned());
        }
        Ok(())
    }

    fn counters(&mut self, wish: &Wish) -> Result<(), Error> {
        let Some(extension) = self.extension()? else { return Ok(()) };
        self.check_settings();
        let sql = sql::counters(&extension.schema, extension.minor);
        // Entries may be dropped while they are read, and then it is not known which counters are from before that.
        let mut looks = 0;
        let counters = loop {
            self.info(&extension)?;
            let before = (self.header.dealloc, self.header.stats_reset.clone());
            let Some(counters) = self.ask("the counters of pg_stat_statements", &sql, STATEMENT_TIMEOUT)? else { return Ok(()) };
            self.info(&extension)?;
            looks += 1;
            if looks == MOST_LOOKS || before == (self.header.dealloc, self.header.stats_reset.clone()) {
                break counters;
            }
        };
        self.has_counters = true;
        let texts = match wish.texts {
            Texts::None => None,
            _ => self.ask("the texts of statements", &sql::texts(&extension.schema), TEXTS_TIMEOUT)?,
        };
        if texts.is_some() {
            self.header.texts = wish.texts.name().to_owned();
        }
        self.texts(&texts.unwrap_or_default(), wish.texts);
        let mut hidden = 0;
        for row in &counters {
            let id = row.named("queryid").and_then(|id| id.parse::<i64>().ok());
            hidden += u64::from(id.is_none());
            if id.is_none_or(|id| !self.own.contains(&id)) {
                self.lines.push(Line::Statement(
                    row.columns().enumerate().map(|(at, name)| (name.to_owned(), value(name, row.get(at)))).collect(),
                ));
            }
        }
        self.header.hidden = hidden;
        if hidden > 0 {
            self.note(format!(
                "{hidden} entries are of statements that this role may not read, and count as one: GRANT pg_read_all_stats TO it"
            ));
        }
        Ok(())
    }

    fn info(&mut self, extension: &Extension) -> Result<(), Error> {
        if extension.minor >= 9 {
            let info = self.ask("pg_stat_statements_info", &sql::info(&extension.schema), STATEMENT_TIMEOUT)?;
            if let Some(row) = info.iter().flatten().next() {
                self.header.dealloc = row.get(0).and_then(|value| value.parse().ok());
                self.header.stats_reset = row.get(1).map(str::to_owned);
            }
        }
        Ok(())
    }

    /// The texts become lines, ours too: they tell snapshots whose texts could not be read what to leave out.
    fn texts(&mut self, rows: &[Row], texts: Texts) {
        for row in rows {
            let (Some(queryid), Some(text)) = (row.get(0).and_then(|id| id.parse::<i64>().ok()), row.get(1)) else { continue };
            let is_own = text.contains(OWN);
            if is_own {
                self.own.insert(queryid);
            }
            let query = if texts == Texts::Full || is_own { text.to_owned() } else { normalise(text.as_bytes(), Dialect::default()).text };
            self.lines.push(Line::Text { queryid, query });
        }
    }

    fn extension(&mut self) -> Result<Option<Extension>, Error> {
        let Some(rows) = self.ask("the version of pg_stat_statements", sql::EXTENSION, STATEMENT_TIMEOUT)? else { return Ok(None) };
        let found = rows.first().and_then(|row| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())));
        let Some((version, schema)) = found else {
            let preload = self.header.settings.get("shared_preload_libraries").is_none_or(|list| list.contains("pg_stat_statements"));
            let first = if preload { "" } else { "set shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, restart, and " };
            let database = self.header.database.clone();
            self.note(format!("pg_stat_statements is not in database {database}: {first}run CREATE EXTENSION pg_stat_statements, or connect to a database that has it. The catalogue alone, for advice on what a log has, is taken with --no-counters"));
            return Ok(None);
        };
        let minor = version.strip_prefix("1.").and_then(|minor| minor.parse().ok());
        self.header.extension_version = Some(version.clone());
        match minor {
            Some(minor) if minor >= 2 => Ok(Some(Extension { schema, minor })),
            _ => {
                self.note(format!("pg_stat_statements {version} is not known here: ALTER EXTENSION pg_stat_statements UPDATE"));
                Ok(None)
            }
        }
    }

    fn check_settings(&mut self) {
        let setting = |name: &str| self.header.settings.get(name).map(String::as_str);
        let mut notes = Vec::new();
        if setting("pg_stat_statements.track") == Some("none") {
            notes.push("pg_stat_statements.track = none: nothing is counted; ALTER SYSTEM SET pg_stat_statements.track = 'top', then SELECT pg_reload_conf()");
        }
        if setting("compute_query_id") == Some("off") {
            notes.push(
                "compute_query_id = off: nothing is counted; ALTER SYSTEM SET compute_query_id = 'auto', then SELECT pg_reload_conf()",
            );
        }
        notes.into_iter().for_each(|note| self.note(note.to_owned()));
    }

    fn names(&mut self) -> Result<(), Error> {
        for row in self.ask("the names of roles and databases", sql::NAMES, STATEMENT_TIMEOUT)?.unwrap_or_default() {
            let (Some(kind), Some(oid), Some(name)) = (row.get(0), row.get(1).and_then(|oid| oid.parse().ok()), row.get(2)) else {
                continue;
            };
            let name = name.to_owned();
            self.lines.push(if kind == "role" { Line::Role { oid, name } } else { Line::Database { oid, name } });
        }
        Ok(())
    }

    fn catalogue(&mut self, wish: &Wish) -> Result<(), Error> {
        let version = self.session.server_version_num();
        let (mut tables, mut with_statistics) = (0, 0);
        for query in sql::catalogue(wish.values).into_iter().filter(|query| query.since <= version) {
            let rows = self.ask(&format!("the catalogue ({})", query.kind), &query.sql(), STATEMENT_TIMEOUT)?.unwrap_or_default();
            for line in rows.iter().filter_map(|row| row.get(0)) {
                match serde_json::from_str::<Line>(line) {
                    Ok(line) => {
                        tables += u64::from(matches!(&line, Line::Relation(relation) if relation.kind == "r" && relation.tuples > 0.0));
                        with_statistics += u64::from(matches!(&line, Line::Column(column) if column.n_distinct.is_some()));
                        self.lines.push(line);
                    }
                    Err(error) => self.note(format!("the catalogue ({}): a row was not understood: {error}", query.kind)),
                }
            }
        }
        if tables > 0 && with_statistics == 0 {
            self.note(
                "no statistics of columns may be read: GRANT pg_read_all_data TO this role (14 and later), or connect as the tables' owner"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

fn nothing_said(session: &Session) -> Error {
    Error::Disconnected { target: session.target().to_owned(), reason: "the server said nothing about itself".to_owned() }
}

/// What helps against a refusal.
fn cure(sqlstate: &str, message: &str) -> &'static str {
    match sqlstate {
        "55000" => "; set shared_preload_libraries = 'pg_stat_statements' in postgresql.conf and restart",
        "42501" => "; GRANT pg_read_all_stats TO this role, or connect as one that may",
        "57014" => "; it took longer than the limit",
        "55P03" => "; something holds a lock on it, try again",
        "22021" => "; the server's file of texts is damaged, and pg_stat_statements_reset() by its owner makes a new one",
        // The library is newer than what the extension's script declared.
        _ if message.contains("number of output arguments") => "; ALTER EXTENSION pg_stat_statements UPDATE",
        _ => "",
    }
}

/// A column's value as JSON has it: numbers in their shortest form, `t` and `f` as truths.
fn value(name: &str, text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    if name == "toplevel" {
        return Value::Bool(text == "t");
    }
    let whole = || text.parse::<i64>().ok().map(Number::from);
    let float = || text.parse::<f64>().ok().and_then(Number::from_f64);
    whole().or_else(float).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_every_digit() {
        let json = |name, text| value(name, Some(text)).to_string();
        assert_eq!(json("total_exec_time", "0.49040599999999995"), "0.49040599999999995");
        assert_eq!(value("total_exec_time", Some("1e-05")).as_f64(), Some(1e-5));
        assert_eq!(json("calls", "9007199254740993"), "9007199254740993");
        assert_eq!(json("toplevel", "t"), "true");
        assert_eq!(json("stats_since", "2026-11-23 05:33:36.937762+00"), "\"2026-11-23 05:33:36.937762+00\"");
        assert_eq!(value("rows", None), Value::Null);
    }

    #[test]
    fn everything_that_is_asked_reads_only() {
        let wish = Wish { catalogue: true, ..Wish::default() };
        let asked = everything_asked(&wish);
        for statement in asked.split(";\n").filter(|s| !s.trim().is_empty()) {
            let words = statement.trim_start_matches(|c: char| c != 's').to_ascii_lowercase();
            assert!(words.starts_with("select /* laggard */"), "{statement}");
        }
        for word in ["reset(", "create ", "insert ", "update ", "delete ", "alter ", "lock "] {
            assert!(!asked.to_ascii_lowercase().contains(word), "{word}");
        }
    }
}
