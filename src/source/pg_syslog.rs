//! PostgreSQL through syslog: lines of RFC 3164 or ISO form, with PostgreSQL's own line counter and `#011` for tabs.
//!
//! PostgreSQL cuts a record into syslog messages at line ends and at 900 bytes, and numbers them `[3-1]`, `[3-2]` …
//! Messages of busy sessions interleave, so they are first put next to each other ([`Untangle`]) and only then read.
//! Lines of other programs are counted and left alone.
//!
//! Format: `write_syslog` in `src/backend/utils/error/elog.c`; RFC 3164 §4.1; RFC 5424 §6.

use std::collections::{BTreeMap, VecDeque};

use jiff::tz::TimeZone;

use crate::error::Error;
use crate::event::{Item, Note, What};
use crate::units::{Date, Timestamp};

use super::pg_message::{self, Record, Severity};
use super::pg_prefix::{Head, Kind, Prefix, Satellite};
use super::pg_time::{self, Civil, Clock};
use super::{BOM, Options, Reader, Seen, Sniff, Source, Untangle, lines, note_open_end};

/// See the module.
pub(super) struct PgSyslog;

impl Source for PgSyslog {
    fn name(&self) -> &'static str {
        "pg-syslog"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL through syslog or journalctl (log_destination = syslog)"
    }

    fn samples(&self) -> &'static [&'static str] {
        &[
            "Nov 23 05:33:39 db1 postgres[20639]: [3-1] shop_app@shop LOG:  duration: 0.102 ms  statement: SELECT 1\n",
            "2026-11-23T05:33:39.504+01:00 db1 postgres[20639]: [3-1] LOG:  duration: 0.102 ms  statement: SELECT\n2026-11-23T05:33:39.504+01:00 db1 postgres[20639]: [3-2] #011 1\n",
        ]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        let clock = &mut Clock::new(&pg_time::UTC);
        let head = head.strip_prefix(BOM).unwrap_or(head);
        let mut seen = lines(head).take(2_000).filter_map(|(_, line)| Envelope::read(line, clock, Timestamp(0)));
        if seen.any(|envelope| severity_in(envelope.message)) { Sniff::Yes } else { Sniff::No }
    }

    fn open(&self, head: &[u8], options: &Options) -> Result<Box<dyn Reader>, Error> {
        let prefix = match &options.prefix {
            Some(text) => Some(text.clone()),
            None => inferred(head),
        };
        // The envelope has the time, so the prefix needs none; a time of its own is the better one.
        let timed = prefix.as_deref().is_some_and(|p| ["%t", "%m", "%n"].iter().any(|time| p.contains(time)));
        let inner = prefix.unwrap_or_default();
        let whole = if timed { inner.clone() } else { format!("%n {inner}") };
        Ok(Box::new(PgSyslogReader { prefix: Prefix::compile(&whole)?, inner, timed, options: options.clone() }))
    }
}

/// The prefix inside the messages: inferred as for plain logs, a time put before each.
fn inferred(head: &[u8]) -> Option<String> {
    let clock = &mut Clock::new(&pg_time::UTC);
    let envelopes: Vec<Envelope<'_>> = lines(head).filter_map(|(_, line)| Envelope::read(line, clock, Timestamp(0))).collect();
    // Only PostgreSQL counts its parts; without counters other programs' lines cannot be told from its own yet.
    let counted = envelopes.iter().any(|envelope| envelope.part > 0);
    let mut plain = Vec::new();
    for envelope in envelopes.iter().filter(|envelope| envelope.part == u64::from(counted)) {
        plain.extend_from_slice(envelope.message);
        plain.push(b'\n');
    }
    if let Some(prefix) = super::pg_infer::infer(&plain) {
        return Some(prefix.text().to_owned());
    }
    let timed: Vec<u8> = lines(&plain).flat_map(|(_, line)| [b"1000000000.000 ", line, b"\n"].concat()).collect();
    super::pg_infer::infer(&timed).and_then(|p| p.text().strip_prefix("%n ").map(str::to_owned))
}

/// Whether a message has PostgreSQL's severity near its beginning.
fn severity_in(message: &[u8]) -> bool {
    let head = &message[..message.len().min(250)];
    ["LOG:  ", "ERROR:  ", "FATAL:  ", "WARNING:  ", "STATEMENT:  ", "DETAIL:  ", "NOTICE:  "].iter().any(|word| memchr::memmem::find(head, word.as_bytes()).is_some())
        // With a counter it is PostgreSQL's, whatever the language.
        || memchr::memmem::find(head, b":  ").is_some() && memchr::memmem::find(head, b" ms  ").is_some()
}

/// A syslog line: who wrote when, PostgreSQL's counters, and the message.
struct Envelope<'l> {
    time: Timestamp,
    pid: u64,
    /// Number of the record and of the part; 0 where there is no counter.
    record: u64,
    part: u64,
    message: &'l [u8],
}

impl<'l> Envelope<'l> {
    /// `Feb  5 10:35:11 host ident[pid]: [3-1] message`, `2026-11-23T05:33:39-05:00 host …`, with `<134>` or `1 ` before it.
    fn read(line: &'l [u8], clock: &mut Clock<'_>, reference: Timestamp) -> Option<Self> {
        let line = after_priority(line);
        let (time, length) = match clock.read(line) {
            Some(found) => found,
            None => rfc3164(line, clock, reference)?,
        };
        let rest = line.get(length..)?.trim_ascii_start();
        // host, then ident[pid]: — or ident without a pid, which is no PostgreSQL.
        let host = memchr::memchr(b' ', rest)?;
        let rest = rest[host..].trim_ascii_start();
        let head = &rest[..rest.len().min(120)];
        let open = memchr::memchr(b'[', head)?;
        let close = open + memchr::memchr(b']', &head[open..])?;
        let pid = std::str::from_utf8(&rest[open + 1..close]).ok()?.parse().ok()?;
        if rest[..open].contains(&b' ') {
            return None;
        }
        let message = rest[close + 1..].strip_prefix(b":")?;
        let message = after_id(message.strip_prefix(b" ").unwrap_or(message));
        let (record, part, message) = counters(message);
        Some(Envelope { time, pid, record, part, message })
    }
}

/// Without `<134>1 ` of RFC 5424 or `<134>`.
fn after_priority(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"<") else { return line };
    let Some(close) = memchr::memchr(b'>', &rest[..rest.len().min(5)]) else { return line };
    let rest = &rest[close + 1..];
    rest.strip_prefix(b"1 ").unwrap_or(rest)
}

/// Solaris puts `[ID 748625 local2.info] ` before the message.
fn after_id(message: &[u8]) -> &[u8] {
    let Some(rest) = message.strip_prefix(b"[ID ") else { return message };
    memchr::memchr(b']', rest).map_or(message, |close| rest[close + 1..].trim_ascii_start())
}

/// `[3-2] ` or `[3] `: the numbers of record and part, and what follows.
fn counters(message: &[u8]) -> (u64, u64, &[u8]) {
    let parse = || {
        let rest = message.strip_prefix(b"[")?;
        let close = memchr::memchr(b']', &rest[..rest.len().min(24)])?;
        let text = std::str::from_utf8(&rest[..close]).ok()?;
        let (record, part) = text.split_once('-').unwrap_or((text, "0"));
        let behind = &rest[close + 1..];
        Some((record.parse().ok()?, part.parse().ok()?, behind.strip_prefix(b" ").unwrap_or(behind)))
    };
    parse().unwrap_or((0, 0, message))
}

/// `Feb  5 10:35:11`, whose year is the one that makes it the latest moment not after the reference.
fn rfc3164(line: &[u8], clock: &mut Clock<'_>, reference: Timestamp) -> Option<(Timestamp, usize)> {
    const MONTHS: &[&[u8; 3]] = &[b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let name = line.first_chunk::<3>()?;
    let month = (1..).zip(MONTHS).find(|(_, m)| **m == name)?.0;
    let blanks = line[3..].iter().take_while(|&&b| b == b' ').count();
    let digits = line[3 + blanks..].iter().take_while(|b| b.is_ascii_digit()).count();
    let day = std::str::from_utf8(&line[3 + blanks..3 + blanks + digits]).ok()?.parse().ok()?;
    let at = 3 + blanks + digits + 1;
    let seconds = pg_time::seconds(line.get(at..)?)?;
    let (micros, length) = pg_time::fraction(&line[at + 8..]);
    // A day's grace: the machine that reads may be in another zone, or its clock behind.
    let latest = Timestamp(reference.0.saturating_add(86_400_000_000));
    let year = year_of(latest);
    let mut moment = |year| clock.moment(Civil { date: Date { year, month, day }, seconds, micros }, b"");
    let this_year = moment(year);
    let time = if this_year > latest { moment(year - 1) } else { this_year };
    Some((time, at + 8 + length))
}

fn year_of(moment: Timestamp) -> i64 {
    jiff::Timestamp::from_microsecond(moment.0).map_or(1970, |t| i64::from(TimeZone::UTC.to_datetime(t).year()))
}

struct PgSyslogReader {
    prefix: Prefix,
    inner: String,
    timed: bool,
    options: Options,
}

impl Reader for PgSyslogReader {
    fn detail(&self) -> String {
        if self.inner.is_empty() { String::new() } else { format!("prefix {}", self.inner) }
    }

    fn untangle(&self) -> Option<Box<dyn Untangle>> {
        Some(Box::<Tangle>::default())
    }

    fn cut(&self, bytes: &[u8], seen: usize) -> Option<usize> {
        let mut clock = Clock::new(&self.options.zone);
        let mut end = memchr::memrchr(b'\n', bytes)?;
        loop {
            let start = memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |n| n + 1);
            let begins = Envelope::read(&bytes[start..end], &mut clock, self.options.reference).is_some_and(|envelope| {
                let line = Line { pid: envelope.pid, record: envelope.record, time: envelope.time, offset: 0 };
                let head = self.head(envelope.message, &line, &mut Clock::new(&self.options.zone));
                is_beginning(&envelope) && head.is_some_and(|head| head.begins_record(envelope.message))
            });
            if begins && start > 0 {
                return Some(start);
            }
            if start <= seen {
                return None;
            }
            end = start - 1;
        }
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut reading = Reading {
            reader: self,
            clock: Clock::new(&self.options.zone),
            seen: Seen::default(),
            text: Vec::new(),
            open: None,
            current: None,
        };
        for (at, line) in lines(bytes) {
            let line = line.strip_prefix(BOM).unwrap_or(line);
            if !line.is_empty() {
                reading.line(line, offset + at as u64, out);
            }
        }
        reading.finish_line(out);
        reading.flush(out);
        reading.seen.unknown_zone = reading.clock.unknown_zone;
        note_open_end(bytes, offset, &mut reading.seen);
        reading.seen
    }
}

/// Whether a message begins a line of PostgreSQL's log, as far as its counter or its severity tells.
fn is_beginning(envelope: &Envelope<'_>) -> bool {
    match envelope.part {
        0 => severity_in(envelope.message),
        part => part == 1,
    }
}

/// A line of PostgreSQL's log being put together from syslog messages.
struct Line {
    pid: u64,
    /// The number of the record, as [`Envelope::record`].
    record: u64,
    time: Timestamp,
    offset: u64,
}

/// A record and its satellites, owned because they were put together.
struct Whole {
    line: Line,
    message: Vec<u8>,
    detail: Option<Vec<u8>>,
    statement: Option<Vec<u8>>,
}

struct Reading<'r> {
    reader: &'r PgSyslogReader,
    clock: Clock<'r>,
    seen: Seen,
    text: Vec<u8>,
    current: Option<Line>,
    open: Option<Whole>,
}

impl Reading<'_> {
    fn line(&mut self, line: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) {
        let Some(envelope) = Envelope::read(line, &mut self.clock, self.reader.options.reference) else {
            self.seen.skipped.add("line of another program", offset, line);
            return;
        };
        if is_beginning(&envelope) || self.begins_satellite(&envelope) {
            self.finish_line(out);
            self.text.clear();
            push_untabbed(&mut self.text, envelope.message);
            self.current = Some(Line { pid: envelope.pid, record: envelope.record, time: envelope.time, offset });
        } else if self.current.as_ref().is_some_and(|c| c.pid == envelope.pid && c.record == envelope.record) {
            // A message that begins with a tab begins a line of the text; any other was cut at 900 bytes.
            if envelope.message.starts_with(b"#011") || envelope.message.starts_with(b"\t") || envelope.part == 0 {
                self.text.push(b'\n');
            }
            push_untabbed(&mut self.text, envelope.message);
        } else {
            self.seen.skipped.add("continuation line without a beginning", offset, line);
        }
    }

    /// DETAIL and STATEMENT are further parts of their record's message, but lines of PostgreSQL's log of their own.
    fn begins_satellite(&mut self, envelope: &Envelope<'_>) -> bool {
        let Some(current) = self.current.as_ref().filter(|c| c.pid == envelope.pid && c.record == envelope.record) else { return false };
        let line = Line { pid: current.pid, record: current.record, time: current.time, offset: current.offset };
        let head = self.reader.head(envelope.message, &line, &mut self.clock);
        head.is_some_and(|head| matches!(head.kind, Kind::Satellite(_)))
    }

    /// A line of PostgreSQL's log is whole: it begins a record or belongs to the one before.
    fn finish_line(&mut self, out: &mut dyn FnMut(&Item<'_>)) {
        let Some(line) = self.current.take() else { return };
        let text = std::mem::take(&mut self.text);
        let Some(head) = self.reader.head(&text, &line, &mut self.clock) else {
            self.seen.skipped.add("line without the prefix", line.offset, &text);
            return;
        };
        let message = head.message;
        match head.kind {
            Kind::Primary(_) => {
                self.flush(out);
                self.open = Some(Whole { line, message: text, detail: None, statement: None });
            }
            Kind::Satellite(satellite) => {
                let part = text[message..].to_vec();
                let slot = self.open.as_mut().filter(|open| open.line.pid == line.pid && !self.reader.options.newest_first);
                match (satellite, slot) {
                    (Satellite::Detail, Some(open)) => open.detail = Some(part),
                    (Satellite::Statement, Some(open)) => open.statement = Some(part),
                    (Satellite::Statement, None) => {
                        out(&Item::Note(Note { at: head.time, who: &head.who, sql: Some(&part), what: What::Statement }));
                    }
                    _ => {}
                }
            }
        }
    }

    fn flush(&mut self, out: &mut dyn FnMut(&Item<'_>)) {
        let Some(whole) = self.open.take() else { return };
        let Some(head) = self.reader.head(&whole.message, &whole.line, &mut self.clock) else { return };
        self.seen.record(head.time);
        let severity = match head.kind {
            Kind::Primary(severity) => severity,
            Kind::Satellite(_) => Severity::Quiet,
        };
        pg_message::interpret(
            &Record {
                offset: whole.line.offset,
                severity,
                detail: whole.detail.as_deref(),
                statement: whole.statement.as_deref(),
                ..head.record(&whole.message[head.message..])
            },
            out,
        );
    }
}

impl PgSyslogReader {
    /// Reads the prefix of a line; the envelope tells what it does not.
    fn head<'t>(&self, text: &'t [u8], line: &Line, clock: &mut Clock<'_>) -> Option<Head<'t>> {
        let mut head = if self.timed { self.prefix.head(text, clock)? } else { self.untimed(text, line, clock)? };
        if head.who.session == 0 {
            head.who.session = line.pid;
        }
        Some(head)
    }

    fn untimed<'t>(&self, text: &'t [u8], line: &Line, clock: &mut Clock<'_>) -> Option<Head<'t>> {
        let head = self.prefix.head_without_time(text, clock)?;
        Some(Head { time: line.time, ..head })
    }
}

/// `#011` is a tab that syslog escaped, octal 011.
fn push_untabbed(to: &mut Vec<u8>, message: &[u8]) {
    let mut from = 0;
    for at in memchr::memmem::find_iter(message, b"#011") {
        to.extend_from_slice(&message[from..at]);
        to.push(b'\t');
        from = at + 4;
    }
    to.extend_from_slice(&message[from..]);
}

/// How many lines may stand between two parts of one record before the record is taken to be complete.
const PATIENCE: u64 = 4_096;

/// Keeps the lines of each process together, in the order in which their records began.
#[derive(Default)]
struct Tangle {
    lines: u64,
    records: VecDeque<Buffered>,
    /// For each process, which record (counted from the first ever) is open.
    open: BTreeMap<u64, u64>,
    /// How many records have left the queue.
    gone: u64,
}

struct Buffered {
    pid: u64,
    record: u64,
    text: Vec<u8>,
    last_line: u64,
    complete: bool,
}

impl Untangle for Tangle {
    fn push(&mut self, lines: &[u8], out: &mut Vec<u8>) {
        for line in lines.split_inclusive(|&b| b == b'\n') {
            self.lines += 1;
            self.line(line);
            while self.records.front().is_some_and(|r| r.complete || self.lines - r.last_line > PATIENCE) {
                self.release(out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        while !self.records.is_empty() {
            self.release(out);
        }
    }
}

impl Tangle {
    fn line(&mut self, line: &[u8]) {
        let clock = &mut Clock::new(&pg_time::UTC);
        let Some(envelope) = Envelope::read(super::trim_cr(line.strip_suffix(b"\n").unwrap_or(line)), clock, Timestamp(0)) else {
            self.records.push_back(Buffered { pid: 0, record: 0, text: line.to_vec(), last_line: self.lines, complete: true });
            return;
        };
        let number = self.open.get(&envelope.pid).copied().filter(|&n| n >= self.gone);
        let held = number.and_then(|n| self.records.get_mut(usize::try_from(n - self.gone).ok()?));
        match held {
            Some(held) if !is_beginning(&envelope) && held.record == envelope.record => {
                held.text.extend_from_slice(line);
                held.last_line = self.lines;
            }
            held => {
                if let Some(held) = held {
                    held.complete = true;
                }
                self.open.insert(envelope.pid, self.gone + self.records.len() as u64);
                self.records.push_back(Buffered {
                    pid: envelope.pid,
                    record: envelope.record,
                    text: line.to_vec(),
                    last_line: self.lines,
                    complete: false,
                });
            }
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        if let Some(held) = self.records.pop_front() {
            if self.open.get(&held.pid) == Some(&self.gone) {
                self.open.remove(&held.pid);
            }
            out.extend_from_slice(&held.text);
            self.gone += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read_all, read_with};
    use super::*;

    fn reference() -> Options {
        Options { reference: Timestamp::from_civil(Date { year: 2026, month: 1, day: 10 }, 0, 0, 0), ..Options::default() }
    }

    #[test]
    fn interleaved_parts_find_their_record() {
        let log = "Nov 23 05:33:39 db postgres[1]: [3-1] LOG:  duration: 1.000 ms  statement: select a,\n\
                   Nov 23 05:33:39 db postgres[2]: [9-1] LOG:  duration: 2.000 ms  statement: select 2\n\
                   Nov 23 05:33:39 db cron[5]: hello\n\
                   Nov 23 05:33:39 db postgres[1]: [3-2] #011#011b\n\
                   Nov 23 05:33:39 db postgres[1]: [4-1] LOG:  duration: 3.000 ms  statement: select 3\n";
        let (items, seen) = read_all(&PgSyslog, log.as_bytes());
        assert_eq!((items.len(), seen.skipped.total(), seen.records), (3, 1, 3), "{items:?}");
        assert!(items[0].contains("select a,\\n\\t\\tb"), "{items:?}");
    }

    #[test]
    fn last_december_is_last_year() {
        let log = "Dec 31 23:59:59 db postgres[1]: [1-1] LOG:  duration: 1.000 ms  statement: select 1\n\
                   Jan  1 00:00:01 db postgres[1]: [2-1] LOG:  duration: 1.000 ms  statement: select 1\n";
        let (_, seen) = read_with(&PgSyslog, log.as_bytes(), &reference());
        assert_eq!(seen.earliest.map(|t| t.to_string()).as_deref(), Some("2025-12-31T23:59:59Z"));
        assert_eq!(seen.latest.map(|t| t.to_string()).as_deref(), Some("2026-01-01T00:00:01Z"));
    }

    #[test]
    fn headers_of_every_kind_are_read() {
        for head in [
            "Feb  5 10:35:11 db postgres[7]: [3-1] ",
            "Feb 5 10:35:11 db pg-main[7]: [3] ",
            "2013-02-28T10:35:11-05:00 db postgres[7]: ",
            "2013-02-28T10:35:11.250-05:00 db postgres[7]: [3-1] ",
            "<134>Feb  5 10:35:11 db postgres[7]: [ID 748625 local2.info] [3-1] ",
        ] {
            let log = format!("{head}2013-02-28 10:35:11.100 UTC [7] bob@shop LOG:  duration: 1.000 ms  statement: select 1\n");
            let (items, _) = read_all(&PgSyslog, log.as_bytes());
            assert!(items.len() == 1 && items[0].contains("select 1") && items[0].contains("bob"), "{head}: {items:?}");
        }
    }
}
