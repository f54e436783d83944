//! PostgreSQL's JSON log (`log_destination = jsonlog`, PostgreSQL 15 and later): one object a line.
//!
//! Read by a real JSON reader; only the keys that matter are looked at. Objects without `error_severity` and `timestamp`
//! are somebody else's.
//!
//! Keys: the manual's "Using JSON-Format Log Output".

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::Error;
use crate::event::{Item, Who};

use super::pg_field::{session_id, virtual_id};
use super::pg_message::{self, Record, severity};
use super::pg_time::Clock;
use super::{BOM, Options, Reader, Seen, Sniff, Source, lines};

/// See the module.
pub(super) struct PgJsonlog;

#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    timestamp: Cow<'l, str>,
    #[serde(borrow)]
    error_severity: Cow<'l, str>,
    #[serde(borrow, default)]
    user: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    dbname: Option<Cow<'l, str>>,
    #[serde(default)]
    pid: Option<u64>,
    #[serde(borrow, default)]
    remote_host: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    session_id: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    ps: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    state_code: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    detail: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    statement: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    application_name: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    vxid: Option<Cow<'l, str>>,
    #[serde(default)]
    query_id: Option<i64>,
}

impl Source for PgJsonlog {
    fn name(&self) -> &'static str {
        "pg-jsonlog"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL JSON log (log_destination = jsonlog), PostgreSQL 15 and later"
    }

    fn samples(&self) -> &'static [&'static str] {
        &[
            "{\"timestamp\":\"2026-11-23 05:37:42.884 UTC\",\"user\":\"shop_app\",\"dbname\":\"shop\",\"pid\":22000,\"session_id\":\"6b03d126.55f0\",\"line_num\":19,\"ps\":\"SELECT\",\"error_severity\":\"LOG\",\"message\":\"duration: 0.982 ms  statement: SELECT 1\"}\n",
        ]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        let head = head.strip_prefix(BOM).unwrap_or(head);
        // The last line of a head may be cut.
        let whole = memchr::memrchr(b'\n', head).map_or(head, |end| &head[..end]);
        let found = lines(whole).take(20).any(|(_, line)| line.starts_with(b"{") && parse(line, |_| ()).is_some());
        if found { Sniff::Yes } else { Sniff::No }
    }

    fn open(&self, _: &[u8], options: &Options) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(PgJsonlogReader { options: options.clone() }))
    }
}

/// Reads a line and hands it on. Bytes that are not UTF-8 are replaced first, since JSON has none.
fn parse<T>(line: &[u8], then: impl FnOnce(&Line<'_>) -> T) -> Option<T> {
    if let Ok(parsed) = serde_json::from_slice::<Line<'_>>(line) {
        return Some(then(&parsed));
    }
    if std::str::from_utf8(line).is_ok() {
        return None;
    }
    let text = String::from_utf8_lossy(line);
    serde_json::from_str::<Line<'_>>(&text).ok().map(|parsed| then(&parsed))
}

struct PgJsonlogReader {
    options: Options,
}

impl Reader for PgJsonlogReader {
    fn detail(&self) -> String {
        String::new()
    }

    fn cut(&self, bytes: &[u8], _: usize) -> Option<usize> {
        // JSON escapes line ends, so every line end ends a record.
        memchr::memrchr(b'\n', bytes).map(|end| end + 1)
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut seen = Seen::default();
        let mut clock = Clock::new(&self.options.zone);
        for (at, line) in lines(bytes) {
            let line = line.strip_prefix(BOM).unwrap_or(line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            let offset = offset + at as u64;
            match parse(line, |line| record(line, offset, &mut clock, &mut seen, out)) {
                Some(true) => {}
                Some(false) => seen.skipped.add("object without a readable time", offset, line),
                None => seen.skipped.add("line that is no JSON log record", offset, line),
            }
        }
        seen.unknown_zone = clock.unknown_zone;
        seen
    }
}

fn record(line: &Line<'_>, offset: u64, clock: &mut Clock<'_>, seen: &mut Seen, out: &mut dyn FnMut(&Item<'_>)) -> bool {
    let Some((time, _)) = clock.read(line.timestamp.as_bytes()) else { return false };
    fn bytes<'l>(text: &'l Option<Cow<'_, str>>) -> Option<&'l [u8]> {
        text.as_deref().map(str::as_bytes).filter(|t| !t.is_empty())
    }
    let known = |text| bytes(text).filter(|t| *t != b"[unknown]");
    let word = line.error_severity.as_bytes();
    // The key is left out for LOG messages of normal completion.
    let sqlstate = bytes(&line.state_code).and_then(|s| s.try_into().ok()).unwrap_or(*b"00000");
    let severity = severity(word);
    seen.record(time);
    pg_message::interpret(
        &Record {
            time,
            offset,
            who: &Who {
                session: bytes(&line.session_id).and_then(session_id).or(line.pid).unwrap_or(0),
                user: known(&line.user),
                database: known(&line.dbname),
                application: known(&line.application_name),
                host: bytes(&line.remote_host),
            },
            severity,
            word,
            sqlstate: Some(sqlstate),
            tag: bytes(&line.ps),
            query_id: line.query_id,
            transaction: bytes(&line.vxid).and_then(virtual_id).map_or(0, |(transaction, _)| transaction),
            message: line.message.as_deref().unwrap_or_default().as_bytes(),
            detail: bytes(&line.detail),
            statement: bytes(&line.statement),
        },
        out,
    );
    true
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_all;
    use super::*;

    fn line(message: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-11-23 05:37:42.884 UTC\",\"pid\":1,\"error_severity\":\"LOG\",\"message\":\"{message}\",\"query_id\":-5}}\n"
        )
    }

    #[test]
    fn a_brace_behind_a_quote_ends_nothing() {
        let log = line("duration: 1.000 ms  statement: insert into e values ('{\\\"k\\\":\\\"v\\\"}')");
        let (items, _) = read_all(&PgJsonlog, log.as_bytes());
        assert!(items[0].contains("('{\\\"k\\\":\\\"v\\\"}')") && items[0].contains("-5"), "{items:?}");
    }

    #[test]
    fn the_virtual_transaction_is_known() {
        let log = line("duration: 1.000 ms  statement: SELECT 1").replace("\"pid\"", "\"vxid\":\"5/118\",\"pid\"");
        let (items, _) = read_all(&PgJsonlog, log.as_bytes());
        assert!(items[0].contains("transaction 118"), "{items:?}");
    }

    #[test]
    fn broken_lines_and_bad_bytes_are_counted_or_read() {
        let mut log = line("duration: 1.000 ms  statement: SELECT 1").into_bytes();
        log.extend_from_slice(b"{\"timestamp\":\n\n");
        log.extend_from_slice(line("duration: 1.000 ms  statement: SELECT '#'").replace('#', "\u{0}").replace('\u{0}', "\u{1}").as_bytes());
        let mut bad = line("duration: 1.000 ms  statement: SELECT '#'").into_bytes();
        let at = bad.iter().position(|&b| b == b'#').expect("there");
        bad[at] = 0xff;
        log.extend_from_slice(&bad);
        let (items, seen) = read_all(&PgJsonlog, &log);
        assert_eq!((items.len(), seen.skipped.total()), (2, 2));
    }
}
