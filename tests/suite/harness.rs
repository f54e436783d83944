//! Reads logs through the library and answers from the JSON document, as a user of it would.

use std::fmt::Write as _;
use std::path::PathBuf;

use laggard::report::{Samples, json::Document};
use laggard::{Input, Settings, View};
use serde_json::Value;

/// The prefix of the lines that [`line`] and [`timed`] make.
pub(crate) const PREFIX: &str = "%m [%p] %q%u@%d/%a ";

/// A line of process `pid`: severity and message.
pub(crate) fn line(pid: u32, text: &str) -> String {
    format!("2026-11-23 05:33:39.504 UTC [{pid}] app@shop/web {text}\n")
}

/// A line with a duration: `what` is `statement`, `parse <unnamed>` and the like.
pub(crate) fn timed(pid: u32, micros: u64, what: &str, sql: &str) -> String {
    line(pid, &format!("LOG:  {}", duration(micros, what, sql)))
}

/// The message of [`timed`], as stderr logs have it.
pub(crate) fn duration(micros: u64, what: &str, sql: &str) -> String {
    format!("duration: {}.{:03} ms  {what}: {}", micros / 1_000, micros % 1_000, sql.replace('\n', "\n\t"))
}

/// An error and the statement that failed.
pub(crate) fn failed(pid: u32, message: &str, sql: &str) -> String {
    line(pid, &format!("ERROR:  {message}")) + &line(pid, &format!("STATEMENT:  {}", sql.replace('\n', "\n\t")))
}

/// Reading in the calling thread.
pub(crate) fn settings() -> Settings {
    Settings { jobs: 1, ..Settings::default() }
}

/// Reading under a prefix that is given, not inferred.
pub(crate) fn stderr(prefix: &str) -> Settings {
    let mut settings = Settings { source: Some("pg-stderr".to_owned()), ..settings() };
    settings.source_options.prefix = Some(prefix.to_owned());
    settings
}

/// What a log without any problem says.
pub(crate) fn report(log: impl AsRef<[u8]>) -> Facts {
    report_with(log, &settings())
}

pub(crate) fn report_with(log: impl AsRef<[u8]>, settings: &Settings) -> Facts {
    let facts = read(vec![Input::Memory("pg.log".into(), log.as_ref().to_vec())], settings);
    assert_eq!(facts.problems, [] as [String; 0], "of {}", String::from_utf8_lossy(log.as_ref()));
    facts
}

/// Reads the log with its prefix inferred and with its prefix given, which must come to the same.
pub(crate) fn under(prefix: &str, log: &str) -> Facts {
    let (inferred, given) = (report(log), report_with(log, &stderr(prefix)));
    assert_eq!(inferred.essence(), given.essence(), "inferred {}, given {prefix}\n{log}", inferred.text("inputs", "detail"));
    given
}

pub(crate) fn files(paths: &[PathBuf]) -> Facts {
    read(paths.iter().cloned().map(Input::File).collect(), &settings())
}

pub(crate) fn read(inputs: Vec<Input>, settings: &Settings) -> Facts {
    let reading = laggard::read(inputs, settings).expect("settings make sense");
    let view = View { samples: Samples::Full, ..View::default() };
    let document = serde_json::to_value(Document::of(&laggard::report(&reading, &view))).expect("is JSON");
    Facts { document, problems: reading.errors.iter().map(ToString::to_string).collect() }
}

/// A report, and what went wrong with its inputs.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) document: Value,
    pub(crate) problems: Vec<String>,
}

/// Id, calls, total, parse, bind, execute, the three percentiles of most use, and errors.
pub(crate) type Essence = (String, [u64; 5], [Option<u64>; 3], u64);

impl Facts {
    /// The whole document.
    pub(crate) fn json(&self) -> &Value {
        &self.document
    }

    fn total(&self, key: &str) -> u64 {
        self.document["totals"][key].as_u64().expect("a number")
    }

    pub(crate) fn calls(&self) -> u64 {
        self.total("calls")
    }

    pub(crate) fn total_us(&self) -> u64 {
        self.total("total_us")
    }

    pub(crate) fn errors(&self) -> u64 {
        self.total("errors")
    }

    pub(crate) fn statements(&self) -> Vec<Statement<'_>> {
        self.document["statements"].as_array().expect("a list").iter().map(Statement).collect()
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.statements().iter().map(|s| s.text()).collect()
    }

    /// The statement with that normalised text, whatever its blanks.
    pub(crate) fn statement(&self, text: &str) -> Statement<'_> {
        let dense = |text: &str| text.replace(' ', "");
        self.statements()
            .into_iter()
            .find(|s| dense(s.text()) == dense(text))
            .unwrap_or_else(|| panic!("no {text:?} among {:#?}", self.texts()))
    }

    /// The only statement.
    pub(crate) fn only(&self) -> Statement<'_> {
        assert_eq!(self.statements().len(), 1, "{:#?}", self.texts());
        self.statements()[0]
    }

    pub(crate) fn skipped(&self) -> u64 {
        self.skips().iter().filter_map(|s| s["count"].as_u64()).sum()
    }

    /// Offsets of the first skipped record of each reason.
    pub(crate) fn skipped_at(&self) -> Vec<u64> {
        self.skips().iter().filter_map(|s| s["first_offset"].as_u64()).collect()
    }

    fn skips(&self) -> Vec<&Value> {
        let inputs = self.document["inputs"].as_array().expect("a list");
        inputs.iter().flat_map(|i| i["skipped"].as_array().expect("a list")).collect()
    }

    pub(crate) fn format(&self) -> &str {
        self.text("inputs", "format")
    }

    fn text(&self, list: &str, key: &str) -> &str {
        self.document[list][0][key].as_str().unwrap_or_default()
    }

    /// A count among the events: `deadlocks`, `/temp_files/bytes`.
    pub(crate) fn event(&self, pointer: &str) -> u64 {
        let pointer = if pointer.starts_with('/') { pointer.to_owned() } else { format!("/{pointer}") };
        self.document["events"].pointer(&pointer).and_then(Value::as_u64).expect("a number")
    }

    /// SQLSTATE, severity, message and count of each kind of error.
    pub(crate) fn error_kinds(&self) -> Vec<(Option<&str>, &str, &str, u64)> {
        let kind = |e: &'_ Value| e["count"].as_u64().expect("a number");
        let errors = self.document["events"]["errors"].as_array().expect("a list");
        errors
            .iter()
            .map(|e| (e["sqlstate"].as_str(), e["severity"].as_str().expect("text"), e["message"].as_str().expect("text"), kind(e)))
            .collect()
    }

    /// How many temporary files and bytes a statement wrote.
    pub(crate) fn temp_files_of(&self, statement: Statement<'_>) -> (u64, u64) {
        let shares = self.document["events"]["temp_files"]["statements"].as_array().expect("a list");
        let share = shares.iter().find(|s| s["id"] == statement.id());
        share.map_or((0, 0), |s| (s["count"].as_u64().expect("a number"), s["bytes"].as_u64().expect("a number")))
    }

    pub(crate) fn warns(&self, id: &str) -> bool {
        self.document["warnings"].as_array().expect("a list").iter().any(|w| w["id"] == id)
    }

    /// Keys and calls of the groups.
    pub(crate) fn groups(&self) -> Vec<(Option<&str>, u64)> {
        let groups = self.document["groups"].as_array().expect("grouped");
        let mut groups: Vec<_> = groups.iter().map(|g| (g["key"].as_str(), g["calls"].as_u64().expect("a number"))).collect();
        groups.sort_unstable();
        groups
    }

    /// The moments of the first and the last record.
    pub(crate) fn window(&self) -> [jiff::Timestamp; 2] {
        ["start", "end"].map(|key| at(self.document["window"][key].as_str().expect("a time")))
    }

    /// What must not change when a log only looks different.
    pub(crate) fn essence(&self) -> Vec<Essence> {
        let essence = |s: Statement<'_>| {
            let sums = ["calls", "total_us", "parse_us", "bind_us", "execute_us"].map(|key| s.number(key));
            (s.id().to_owned(), sums, ["p50_us", "p95_us", "p99_us"].map(|key| s.0[key].as_u64()), s.number("errors"))
        };
        let mut all: Vec<Essence> = self.statements().into_iter().map(essence).collect();
        all.sort();
        all
    }
}

/// One statement of a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'f>(pub(crate) &'f Value);

impl<'f> Statement<'f> {
    pub(crate) fn id(self) -> &'f str {
        self.0["id"].as_str().expect("text")
    }

    pub(crate) fn text(self) -> &'f str {
        self.0["text"].as_str().expect("text")
    }

    pub(crate) fn value(self, key: &str) -> &'f Value {
        &self.0[key]
    }

    pub(crate) fn is_unknown(self, key: &str) -> bool {
        self.0[key].is_null()
    }

    pub(crate) fn number(self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or_else(|| panic!("{key} is {}", self.0[key]))
    }

    pub(crate) fn calls(self) -> u64 {
        self.number("calls")
    }

    pub(crate) fn total_us(self) -> u64 {
        self.number("total_us")
    }

    pub(crate) fn errors(self) -> u64 {
        self.number("errors")
    }

    /// Parse, bind and execute.
    pub(crate) fn steps(self) -> [u64; 3] {
        ["parse_us", "bind_us", "execute_us"].map(|key| self.number(key))
    }

    /// Names and calls of `users`, `databases` or `applications`.
    pub(crate) fn shares(self, of: &str) -> Vec<(&'f str, u64)> {
        let shares = self.0[of].as_array().expect("a list");
        let mut shares: Vec<_> =
            shares.iter().map(|s| (s["name"].as_str().expect("text"), s["calls"].as_u64().expect("a number"))).collect();
        shares.sort_unstable();
        shares
    }

    /// Keys and values of the comment tags.
    pub(crate) fn tags(self) -> Vec<(&'f str, &'f str)> {
        let tags = self.0["tags"].as_array().expect("a list");
        tags.iter().map(|t| (t["key"].as_str().expect("text"), t["value"].as_str().expect("text"))).collect()
    }

    pub(crate) fn strings(self, of: &str) -> Vec<&'f str> {
        self.0[of].as_array().expect("a list").iter().map(|v| v.as_str().expect("text")).collect()
    }

    pub(crate) fn sample(self) -> &'f str {
        self.0["sample"].as_str().expect("there is one")
    }

    /// The moments of the first and the last call.
    pub(crate) fn seen(self) -> [jiff::Timestamp; 2] {
        ["first_seen", "last_seen"].map(|key| at(self.0[key].as_str().expect("a time")))
    }
}

/// A moment as RFC 3339 has it.
pub(crate) fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap_or_else(|_| panic!("{text} is no time"))
}

/// How many different statements these are to a report. Each is logged once.
pub(crate) fn distinct<S: AsRef<str>>(statements: impl IntoIterator<Item = S>) -> usize {
    let log: String = statements.into_iter().map(|sql| timed(7, 1_000, "statement", sql.as_ref())).collect();
    report(log).statements().len()
}

/// A row of a csvlog with so many columns.
pub(crate) fn csv_row(columns: usize, severity: &str, sqlstate: &str, message: &str, detail: &str, statement: &str) -> String {
    let mut fields = vec![String::new(); columns.max(26)];
    let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("\"{}\"", text.replace('"', "\"\"")) };
    let known = [
        (0, "2026-11-23 05:37:42.768 UTC".to_owned()),
        (1, quoted("app")),
        (2, quoted("shop")),
        (3, "22000".to_owned()),
        (4, quoted("127.0.0.1:44852")),
        (5, "6b03d126.55f0".to_owned()),
        (6, "9".to_owned()),
        (7, quoted("SELECT")),
        (8, "2026-11-23 05:37:42 UTC".to_owned()),
        (9, "5/0".to_owned()),
        (10, "0".to_owned()),
        (11, severity.to_owned()),
        (12, sqlstate.to_owned()),
        (13, quoted(message)),
        (14, quoted(detail)),
        (19, quoted(statement)),
        (22, quoted("web")),
        (23, quoted("client backend")),
        (25, "84".to_owned()),
    ];
    known.into_iter().for_each(|(at, text)| fields[at] = text);
    fields.truncate(columns);
    fields.join(",") + "\n"
}

/// A line of a jsonlog: the keys of PostgreSQL 15, and whatever `more` adds.
pub(crate) fn json_line(severity: &str, message: &str, more: Value) -> String {
    let mut line = serde_json::json!({
        "timestamp": "2026-11-23 05:37:42.884 UTC", "user": "app", "dbname": "shop", "pid": 22000, "remote_host": "127.0.0.1",
        "remote_port": 44852, "session_id": "6b03d126.55f0", "line_num": 19, "ps": "SELECT", "session_start": "2026-11-23 05:37:42 UTC",
        "vxid": "5/0", "txid": 0, "error_severity": severity, "message": message, "application_name": "web",
        "backend_type": "client backend", "query_id": -84,
    });
    let more = more.as_object().cloned().unwrap_or_default();
    line.as_object_mut().expect("an object").extend(more);
    line.to_string() + "\n"
}

/// Six minutes, of which the fifth missed an objective of 200 ms.
pub(crate) fn slow_minute() -> String {
    let mut log = String::new();
    for minute in 0..6 {
        for n in 0..20 {
            let took = if minute == 4 { "400.000" } else { "0.500" };
            let _ = writeln!(
                log,
                "2026-11-23 10:{minute:02}:{n:02}.000 UTC [7] ann@shop/web LOG:  duration: {took} ms  statement: SELECT name FROM users WHERE id = {n}"
            );
        }
    }
    log
}
