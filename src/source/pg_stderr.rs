//! PostgreSQL's plain text log (`log_destination = stderr`), with any `log_line_prefix`.
//!
//! A record is a line that begins with the prefix and a severity, continuation lines that begin with a tab, and
//! satellites (`DETAIL`, `STATEMENT` …) that repeat the prefix. Without the logging collector sessions interleave line by
//! line, so a satellite is attached by its session, never because it stands next; one that cannot be attached here is
//! handed on with its session.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Error;
use crate::event::{Item, Note, What};

use super::pg_heads::Heads;
use super::pg_infer;
use super::pg_message::{self, Record, Severity};
use super::pg_prefix::{Head, Kind, Prefix, Satellite};
use super::pg_time::Clock;
use super::pg_words;
use super::{BOM, Options, Reader, Seen, Sniff, Source, note_open_end, trim_cr};

/// See the module.
pub(super) struct PgStderr;

impl Source for PgStderr {
    fn name(&self) -> &'static str {
        "pg-stderr"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL text log with any log_line_prefix (log_destination = stderr)"
    }

    fn samples(&self) -> &'static [&'static str] {
        &[
            "2026-11-23 05:33:39.504 UTC [20639] shop_app@shop/ops LOG:  duration: 0.102 ms  statement: SELECT 1\n",
            "2026-11-23 05:37:17 UTC::@:[21810]:LOG:  database system is ready to accept connections\n",
            "2026-11-23 06:38:45 CET [22614]: [25-1] user=a,db=b,app=c,client=127.0.0.1 FEHLER:  keine Berechtigung\n",
            "1795412266.172 [22016] LOG:  listening on IPv4 address \"127.0.0.1\", port 5432\n",
        ]
    }

    fn sniff(&self, head: &[u8], options: &Options) -> Sniff {
        match &options.prefix {
            // Whoever knows the prefix need not have a log from which it could be inferred.
            Some(text) if Prefix::compile(text).is_ok_and(|prefix| pg_infer::fits(head, &prefix)) => Sniff::Yes,
            Some(_) => Sniff::No,
            None => pg_infer::infer(head).map_or(Sniff::No, |prefix| Sniff::Prefix(prefix.text().to_owned())),
        }
    }

    fn open(&self, head: &[u8], options: &Options) -> Result<Box<dyn Reader>, Error> {
        let prefix = match &options.prefix {
            Some(text) => Prefix::compile(text)?,
            None => pg_infer::infer(head).map_or_else(|| Prefix::compile("%m [%p] "), Ok)?,
        };
        let mut prefix = prefix;
        prefix.learn(pg_words::satellites(head, &prefix));
        let bare_continuations = pg_infer::has_bare_continuations(head, &prefix);
        Ok(Box::new(PgStderrReader { prefix, options: options.clone(), bare_continuations }))
    }
}

struct PgStderrReader {
    prefix: Prefix,
    options: Options,
    /// Whether something stripped the tabs from continuation lines.
    bare_continuations: bool,
}

impl Reader for PgStderrReader {
    fn detail(&self) -> String {
        format!("prefix {}", self.prefix.text())
    }

    fn cut(&self, bytes: &[u8], seen: usize) -> Option<usize> {
        let mut clock = Clock::new(&self.options.zone);
        // A head that is cut off may look like less than it is, so the last line may begin no record yet.
        let whole = memchr::memrchr(b'\n', bytes)?;
        let mut end = whole;
        loop {
            let line = memchr::memrchr(b'\n', &bytes[..end])? + 1;
            let first = bytes[line];
            let mut primary =
                || self.prefix.head(trim_cr(&bytes[line..end]), &mut clock).is_some_and(|head| head.begins_record(&bytes[line..end]));
            if first != b'\t' && first != b'\n' && primary() {
                return Some(line);
            }
            if line <= seen {
                return None;
            }
            end = line - 1;
        }
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut reading = Reading {
            reader: self,
            bytes,
            offset,
            clock: Clock::new(&self.options.zone),
            heads: Heads::new(),
            seen: Seen::default(),
            open: Open::default(),
            out,
        };
        reading.all();
        reading.seen.unknown_zone = reading.clock.unknown_zone;
        note_open_end(bytes, offset, &mut reading.seen);
        reading.seen
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Message,
    Detail,
    Statement,
    Other,
}

/// The record at hand: where its parts stand in the block.
#[derive(Default)]
struct Open<'b> {
    head: Option<Head<'b>>,
    /// The line it begins with, up to its severity.
    prefix: &'b [u8],
    at: usize,
    message: Range<usize>,
    detail: Option<Range<usize>>,
    statement: Option<Range<usize>>,
    last: Part,
    /// Pieces of parts that lines of others cut in two; hardly ever any.
    further: Vec<(Part, Range<usize>)>,
}

struct Reading<'b, 'r, 'o> {
    reader: &'r PgStderrReader,
    bytes: &'b [u8],
    offset: u64,
    clock: Clock<'r>,
    heads: Heads<'b>,
    seen: Seen,
    open: Open<'b>,
    out: &'o mut dyn FnMut(&Item<'_>),
}

impl<'b> Reading<'b, '_, '_> {
    fn all(&mut self) {
        let mut from = if self.bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut adjacent = false;
        while from < self.bytes.len() {
            let end = memchr::memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |n| from + n);
            adjacent = self.line(from, end, adjacent);
            from = end + 1;
        }
        self.flush();
    }

    /// Takes a line; answers whether the next may continue the same piece of text.
    fn line(&mut self, from: usize, end: usize, adjacent: bool) -> bool {
        let line = &self.bytes[from..end];
        let tabbed = line.first() == Some(&b'\t');
        if !tabbed {
            if let Some((satellite, message)) = self.satellite_again(line) {
                self.attach(satellite, from + message..end);
                return true;
            }
            let unknown_zone = self.clock.unknown_zone;
            if let Some(head) = self.head_of(line) {
                if matches!(head.kind, Kind::Satellite(_)) {
                    // Records are counted, not lines.
                    self.clock.unknown_zone = unknown_zone;
                }
                self.head(head, from, end);
                return true;
            }
        }
        let continues = tabbed || self.reader.bare_continuations || trim_cr(line).is_empty() || line.starts_with(b"    ");
        if self.open.head.is_some() && continues {
            self.extend(from..end, adjacent);
            return true;
        }
        if trim_cr(line).is_empty() {
            return adjacent;
        }
        let reason = if tabbed { "continuation line without a beginning" } else { "line without the prefix" };
        self.seen.skipped.add(reason, self.offset + from as u64, line);
        false
    }

    /// A satellite that repeats its record's prefix to the byte, which it does unless that counts lines.
    fn satellite_again(&self, line: &[u8]) -> Option<(Satellite, usize)> {
        // It has another severity.
        let before = self.open.prefix;
        let may_be = line.get(before.len()) != self.bytes.get(self.open.at + before.len());
        let has_record = self.open.head.is_some() && !self.reader.options.newest_first;
        if may_be && has_record { self.reader.prefix.satellite_behind(line, before) } else { None }
    }

    fn head_of(&mut self, line: &'b [u8]) -> Option<Head<'b>> {
        let prefix = &self.reader.prefix;
        if prefix.recurs() { prefix.recurring_head(line, &mut self.clock, &mut self.heads) } else { prefix.head(line, &mut self.clock) }
    }

    fn extend(&mut self, line: Range<usize>, adjacent: bool) {
        let part = match self.open.last {
            Part::Message => Some(&mut self.open.message),
            Part::Detail => self.open.detail.as_mut(),
            Part::Statement => self.open.statement.as_mut(),
            Part::Other => None,
        };
        let last = self.open.further.last_mut().filter(|(part, _)| *part == self.open.last).map(|(_, range)| range);
        match last.or(part) {
            Some(range) if adjacent => range.end = line.end,
            Some(_) => self.open.further.push((self.open.last, line)),
            None => {}
        }
    }

    fn head(&mut self, head: Head<'b>, from: usize, end: usize) {
        let text = from + head.message..end;
        match head.kind {
            Kind::Primary(Severity::Foreign) if self.continues_report(&head, &text) => self.satellite(Satellite::Other, head, text),
            Kind::Primary(_) => {
                self.flush();
                self.seen.record(head.time);
                self.begin(head, from, text);
            }
            Kind::Satellite(satellite) => self.satellite(satellite, head, text),
        }
    }

    fn begin(&mut self, head: Head<'b>, from: usize, text: Range<usize>) {
        let open = &mut self.open;
        open.prefix = &self.bytes[from..from + head.severity];
        open.head = Some(head);
        (open.at, open.message, open.last) = (from, text, Part::Message);
        (open.detail, open.statement) = (None, None);
        open.further.clear();
    }

    /// Whether a line of unknown severity continues the record that is open: one that ends in a STATEMENT not seen yet,
    /// told in the same moment. Durations have no satellites but DETAIL.
    fn continues_report(&self, head: &Head<'_>, text: &Range<usize>) -> bool {
        let Some(open) = &self.open.head else { return false };
        let same = open.who.session == head.who.session && open.time == head.time && open.word != head.word;
        let message = &self.open.message;
        let reports = match open.kind {
            Kind::Primary(Severity::Foreign) => true,
            Kind::Primary(Severity::Log) => pg_message::carries_statement(&self.bytes[message.clone()]),
            _ => false,
        };
        let is_record = |range: &Range<usize>| pg_message::says_duration(&self.bytes[range.clone()]);
        same && reports && self.open.statement.is_none() && !is_record(text) && !is_record(message) && !self.reader.options.newest_first
    }

    fn satellite(&mut self, satellite: Satellite, head: Head<'b>, text: Range<usize>) {
        let own = self.open.head.as_ref().is_some_and(|open| open.who.session == head.who.session);
        if !own || self.reader.options.newest_first {
            // The record it belongs to stands further up, behind lines of other sessions.
            self.flush();
            return self.begin(head, text.start - head.message, text);
        }
        self.attach(satellite, text);
    }

    /// A satellite belongs to the record that is open.
    fn attach(&mut self, satellite: Satellite, text: Range<usize>) {
        self.open.last = match satellite {
            // DETAIL is told before HINT, which in a language that is learnt looks like it.
            Satellite::Detail if self.open.detail.is_none() => {
                self.open.detail = Some(text);
                Part::Detail
            }
            Satellite::Statement => {
                self.open.statement = Some(text);
                Part::Statement
            }
            Satellite::Detail | Satellite::Other => Part::Other,
        };
    }

    fn flush(&mut self) {
        let open = &self.open;
        let Some(head) = &open.head else { return };
        let at = self.offset + open.at as u64;
        if open.further.is_empty() {
            let text = |range: &Range<usize>| trim_cr(&self.bytes[range.clone()]);
            let (detail, statement) = (open.detail.as_ref().map(text), open.statement.as_ref().map(text));
            hand_on(head, at, Parts { message: text(&open.message), detail, statement }, self.out);
        } else {
            let text = |part: Part, range: &Range<usize>| joined(self.bytes, range, part, &open.further);
            let message = text(Part::Message, &open.message);
            let detail = open.detail.as_ref().map(|range| text(Part::Detail, range));
            let statement = open.statement.as_ref().map(|range| text(Part::Statement, range));
            let parts = Parts { message: &message, detail: detail.as_deref(), statement: statement.as_deref() };
            hand_on(head, at, parts, self.out);
        }
        self.open.head = None;
    }
}

/// The texts of a record, each in one piece.
struct Parts<'t> {
    message: &'t [u8],
    detail: Option<&'t [u8]>,
    statement: Option<&'t [u8]>,
}

/// Hands on what a record says, which begins at an offset.
fn hand_on(head: &Head<'_>, offset: u64, parts: Parts<'_>, out: &mut dyn FnMut(&Item<'_>)) {
    let Parts { message, detail, statement } = parts;
    match head.kind {
        Kind::Primary(severity) => pg_message::interpret(&Record { offset, severity, detail, statement, ..head.record(message) }, out),
        Kind::Satellite(Satellite::Statement) => {
            out(&Item::Note(Note { at: head.time, who: &head.who, sql: Some(message), what: What::Statement }));
        }
        Kind::Satellite(_) => {}
    }
}

/// A part of a record in one piece: borrowed unless lines of others cut it in two.
fn joined<'b>(bytes: &'b [u8], range: &Range<usize>, part: Part, further: &[(Part, Range<usize>)]) -> Cow<'b, [u8]> {
    let whole = trim_cr(&bytes[range.clone()]);
    if !further.iter().any(|(of, _)| *of == part) {
        return Cow::Borrowed(whole);
    }
    let mut text = whole.to_vec();
    for (_, range) in further.iter().filter(|(of, _)| *of == part) {
        text.push(b'\n');
        text.extend_from_slice(trim_cr(&bytes[range.clone()]));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_all;
    use super::*;

    fn read(log: &str) -> Vec<String> {
        read_all(&PgStderr, log.as_bytes()).0
    }

    const AT: &str = "2026-11-23 05:33:39.504 UTC";

    #[test]
    fn a_satellite_belongs_to_its_session_whatever_stands_between() {
        let log = format!(
            "{AT} [1] a@b ERROR:  no\n{AT} [2] a@b LOG:  duration: 1.000 ms  statement: SELECT 2\n{AT} [1] a@b STATEMENT:  SELECT 1\n"
        );
        let items = read(&log);
        assert_eq!(items.len(), 3);
        assert!(items[2].contains("Statement") && items[2].contains("SELECT 1"), "{items:?}");
    }

    #[test]
    fn fake_lines_in_a_literal_are_text() {
        let log = format!("{AT} [1] a@b LOG:  duration: 1.000 ms  statement: SELECT '\n\t{AT} [9] x@y ERROR:  deadlock detected\n\t'\n");
        assert_eq!(read(&log).len(), 1);
    }

    #[test]
    fn foreign_lines_are_counted_and_break_nothing() {
        let log = format!(
            "{AT} [1] a@b LOG:  duration: 1.000 ms  statement: SELECT 1,\nINFO: archived\n\t2\n{AT} [1] a@b LOG:  duration: 2.000 ms  statement: SELECT 3\n"
        );
        let (items, seen) = read_all(&PgStderr, log.as_bytes());
        assert!(items[0].contains("SELECT 1,\\n\\t2"), "{items:?}");
        assert_eq!((items.len(), seen.skipped.total(), seen.records), (2, 1, 2));
    }
}
