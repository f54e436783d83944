//! PostgreSQL's CSV log (`log_destination = csvlog`), read by hand so that fields are borrowed.
//!
//! Rows are found by reading them, quotes and all, so a line end in a statement ends nothing. A row that breaks the rules
//! of CSV (a stray quote, a row cut in the middle) is counted, and reading goes on at the next line that begins like a row.
//!
//! Columns: the manual's "Using CSV-Format Log Output". 22 before PostgreSQL 9.0, 23 with `application_name`, 24 with
//! `backend_type` (13), 26 with `leader_pid` and `query_id` (14).

use std::borrow::Cow;

use crate::error::Error;
use crate::event::{Item, Who};

use super::pg_field::{session_id, virtual_id};
use super::pg_message::{self, Record, severity};
use super::pg_time::{Clock, civil};
use super::{BOM, OPEN_END, Options, Reader, Seen, Sniff, Source, trim_cr};

/// See the module.
pub(super) struct PgCsvlog;

/// The columns that are read, by position.
mod column {
    pub(super) const TIME: usize = 0;
    pub(super) const USER: usize = 1;
    pub(super) const DATABASE: usize = 2;
    pub(super) const PID: usize = 3;
    pub(super) const HOST: usize = 4;
    pub(super) const SESSION: usize = 5;
    pub(super) const TAG: usize = 7;
    pub(super) const VIRTUAL_ID: usize = 9;
    pub(super) const SEVERITY: usize = 11;
    pub(super) const SQLSTATE: usize = 12;
    pub(super) const MESSAGE: usize = 13;
    pub(super) const DETAIL: usize = 14;
    pub(super) const STATEMENT: usize = 19;
    pub(super) const APPLICATION: usize = 22;
    pub(super) const QUERY_ID: usize = 25;
    /// How many the widest known row has.
    pub(super) const MOST: usize = 26;
    /// How many the narrowest known row has.
    pub(super) const LEAST: usize = 22;
}

impl Source for PgCsvlog {
    fn name(&self) -> &'static str {
        "pg-csvlog"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL CSV log (log_destination = csvlog), 22 to 26 columns"
    }

    fn samples(&self) -> &'static [&'static str] {
        &[
            "2026-11-23 05:37:42.768 UTC,\"shop_app\",\"shop\",22000,\"127.0.0.1:44852\",6b03d126.55f0,9,\"SELECT\",2026-11-23 05:37:42 UTC,5/0,0,LOG,00000,\"duration: 0.168 ms  statement: SELECT 1\",,,,,,,,,\"web\",\"client backend\",,84\n",
            "2026-11-23 05:37:40.523 UTC,,,21983,,6b03d124.55df,1,,2026-11-23 05:37:40 UTC,,0,LOG,00000,\"ready\",,,,,,,,\n",
        ]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        let head = head.strip_prefix(BOM).unwrap_or(head);
        let start = if looks_like_row(head, 0) { 0 } else { next_row(head, 0).unwrap_or(head.len()) };
        let mut fields = Vec::new();
        let row = row_end(&head[start..], &mut fields);
        let is_row = matches!(row, Row::Whole(_)) && (column::LEAST..=column::MOST + 4).contains(&fields.len());
        // A log may begin in the middle of a row.
        if is_row { Sniff::Yes } else { Sniff::No }
    }

    fn open(&self, _: &[u8], options: &Options) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(PgCsvlogReader { options: options.clone() }))
    }
}

/// One field of a row as it stands, without its outer quotes.
#[derive(Clone, Copy)]
struct Field<'b> {
    text: &'b [u8],
    /// Whether quotes are doubled inside.
    doubled: bool,
}

impl<'b> Field<'b> {
    fn value(self) -> Cow<'b, [u8]> {
        if !self.doubled {
            return Cow::Borrowed(self.text);
        }
        let mut value = Vec::with_capacity(self.text.len());
        let mut from = 0;
        for quote in memchr::memchr_iter(b'"', self.text) {
            if quote >= from {
                value.extend_from_slice(&self.text[from..=quote]);
                from = quote + 2;
            }
        }
        value.extend_from_slice(self.text.get(from..).unwrap_or_default());
        Cow::Owned(value)
    }
}

enum Row {
    /// Ends behind this many bytes, its line end included.
    Whole(usize),
    /// Goes on behind the bytes at hand.
    Unfinished,
    /// Breaks the rules.
    Broken,
}

/// Splits the row at the start of `bytes` into fields.
fn row_end<'b>(bytes: &'b [u8], fields: &mut Vec<Field<'b>>) -> Row {
    fields.clear();
    let mut at = 0;
    loop {
        let (field, end) = if bytes.get(at) == Some(&b'"') {
            let Some((field, end)) = quoted(bytes, at + 1) else { return Row::Unfinished };
            (field, end)
        } else {
            let end = memchr::memchr3(b',', b'\n', b'"', &bytes[at..]).map_or(bytes.len(), |n| at + n);
            (Field { text: trim_cr(&bytes[at..end]), doubled: false }, end)
        };
        fields.push(field);
        match &bytes[end..] {
            [b',', ..] => at = end + 1,
            [b'\n', ..] => return Row::Whole(end + 1),
            [b'\r', b'\n', ..] => return Row::Whole(end + 2),
            [] | [b'\r'] => return Row::Unfinished,
            _ => return Row::Broken,
        }
    }
}

fn quoted(bytes: &[u8], start: usize) -> Option<(Field<'_>, usize)> {
    let mut doubled = false;
    let mut from = start;
    loop {
        let quote = from + memchr::memchr(b'"', bytes.get(from..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some((Field { text: &bytes[start..quote], doubled }, quote + 1));
        }
        doubled = true;
        from = quote + 2;
    }
}

/// Where the next line begins, behind `from`, that looks like the start of a row: a time and a comma.
fn next_row(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|n| from + n + 1).find(|&at| looks_like_row(bytes, at))
}

fn looks_like_row(bytes: &[u8], at: usize) -> bool {
    let head = &bytes[at.min(bytes.len())..bytes.len().min(at + 64)];
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    civil(line).is_some() && line.contains(&b',')
}

struct PgCsvlogReader {
    options: Options,
}

impl Reader for PgCsvlogReader {
    fn detail(&self) -> String {
        String::new()
    }

    fn cut(&self, bytes: &[u8], _: usize) -> Option<usize> {
        let mut at = 0;
        let mut fields = Vec::new();
        loop {
            match row_end(&bytes[at..], &mut fields) {
                Row::Whole(length) => at += length,
                Row::Unfinished => return Some(at).filter(|&at| at > 0),
                Row::Broken => match next_row(bytes, at) {
                    Some(next) if next > at => at = next,
                    _ => return Some(at).filter(|&at| at > 0),
                },
            }
        }
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut seen = Seen::default();
        let mut clock = Clock::new(&self.options.zone);
        let mut fields = Vec::with_capacity(column::MOST);
        let mut at = 0;
        while at < bytes.len() {
            // Also where one file was written behind another, which may be where a block begins or not.
            if bytes[at..].starts_with(BOM) {
                at += BOM.len();
                continue;
            }
            let here = offset + at as u64;
            let rest = &bytes[at..];
            let end = match row_end(rest, &mut fields) {
                Row::Whole(length) => Some(length),
                // A last line without its line end is whole if it has all its fields. Only an input ends so: blocks are cut
                // behind line ends, perhaps within the reach of a quote that some broken row left open.
                Row::Unfinished if fields.len() >= column::LEAST && !rest.ends_with(b",") && !rest.ends_with(b"\n") => None,
                _ => {
                    let next = next_row(bytes, at).filter(|&next| next > at).unwrap_or(bytes.len());
                    let broken = bytes[at..next].trim_ascii_end();
                    if !broken.is_empty() {
                        seen.skipped.add("row that breaks the rules of CSV", here, broken);
                    }
                    at = next;
                    continue;
                }
            };
            if let Err(reason) = row(&fields, here, &mut clock, &mut seen, out)
                && !(fields.len() == 1 && fields[0].text.is_empty())
            {
                seen.skipped.add(reason, here, &rest[..end.unwrap_or(rest.len())]);
            }
            if end.is_none() {
                seen.skipped.add(OPEN_END, here, rest);
            }
            at += end.unwrap_or(rest.len());
        }
        seen.unknown_zone = clock.unknown_zone;
        seen
    }
}

fn row(
    fields: &[Field<'_>],
    offset: u64,
    clock: &mut Clock<'_>,
    seen: &mut Seen,
    out: &mut dyn FnMut(&Item<'_>),
) -> Result<(), &'static str> {
    if fields.len() < column::LEAST {
        return Err("row with too few columns");
    }
    let text = |column: usize| fields.get(column).map(|f| f.text).filter(|t| !t.is_empty());
    let (time, _) = text(column::TIME).and_then(|t| clock.read(t)).ok_or("row without a time")?;
    let word = text(column::SEVERITY).ok_or("row without a severity")?;
    let value = |column: usize| fields.get(column).map(|f| f.value()).unwrap_or_default();
    let [user, database, application] = [column::USER, column::DATABASE, column::APPLICATION].map(value);
    let [message, detail, statement] = [column::MESSAGE, column::DETAIL, column::STATEMENT].map(value);
    let known = |text| Some(text).filter(|t: &&[u8]| !t.is_empty() && *t != b"[unknown]");
    let host = text(column::HOST).map(|h| memchr::memrchr(b':', h).map_or(h, |colon| &h[..colon]));
    let number = |column| text(column).and_then(|t| std::str::from_utf8(t).ok());
    let pid = number(column::PID).and_then(|n| n.parse().ok());
    seen.record(time);
    pg_message::interpret(
        &Record {
            time,
            offset,
            who: &Who {
                session: text(column::SESSION).and_then(session_id).or(pid).unwrap_or(0),
                user: known(&user),
                database: known(&database),
                application: known(&application),
                host: host.filter(|h| !h.is_empty()),
            },
            severity: severity(word),
            word,
            sqlstate: text(column::SQLSTATE).and_then(|s| s.try_into().ok()),
            tag: text(column::TAG),
            query_id: number(column::QUERY_ID).and_then(|n| n.parse().ok()),
            transaction: text(column::VIRTUAL_ID).and_then(virtual_id).map_or(0, |(transaction, _)| transaction),
            message: &message,
            detail: Some(&*detail).filter(|d| !d.is_empty()),
            statement: Some(&*statement).filter(|s| !s.is_empty()),
        },
        out,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_all;
    use super::*;

    fn row_of(columns: usize, message: &str) -> String {
        let head = "2026-11-23 05:37:42.768 UTC,\"bob\",\"shop\",22000,\"127.0.0.1:44852\",6b03d126.55f0,9,\"SELECT\",2026-11-23 05:37:42 UTC,5/0,0,LOG,00000,";
        let mut row = format!("{head}\"{message}\"{}", ",".repeat(columns - 14));
        row.push('\n');
        row
    }

    /// Found by fuzzing: a block that begins with it dropped it, one that holds it did not.
    #[test]
    fn a_byte_order_mark_is_dropped_before_any_row() {
        let row = row_of(26, "duration: 1.000 ms  statement: SELECT 1");
        let (items, seen) = read_all(&PgCsvlog, format!("{row}\u{feff}{row}\u{feff}").as_bytes());
        assert_eq!((items.len(), seen.skipped.total()), (2, 0), "{seen:?}");
    }

    #[test]
    fn the_virtual_transaction_is_known() {
        let log = row_of(26, "duration: 1.000 ms  statement: SELECT 1").replace(",5/0,", ",5/118,");
        let (items, _) = read_all(&PgCsvlog, log.as_bytes());
        assert!(items[0].contains("transaction 118"), "{items:?}");
    }

    #[test]
    fn every_column_count_is_read() {
        for columns in [22, 23, 24, 26] {
            let log = row_of(columns, "duration: 1.000 ms  statement: SELECT \"\"a\"\",\n'x'");
            let (items, seen) = read_all(&PgCsvlog, log.as_bytes());
            assert!(items[0].contains("SELECT \\\"a\\\",\\n'x'"), "{columns}: {items:?}");
            assert_eq!((items.len(), seen.skipped.total()), (1, 0));
        }
    }

    #[test]
    fn reading_goes_on_behind_a_broken_row() {
        let good = row_of(23, "duration: 1.000 ms  statement: SELECT 1");
        let log = format!("{good}2026-11-23 05:37:42.768 UTC,\"bo\"b\",x\n{good}2026-11-23 05:37:42.768 UTC,\"a\"\n{good}");
        let (items, seen) = read_all(&PgCsvlog, log.as_bytes());
        assert_eq!((items.len(), seen.skipped.total(), seen.records), (3, 2, 3));
    }

    #[test]
    fn a_row_that_is_cut_is_counted() {
        let good = row_of(26, "duration: 1.000 ms  statement: SELECT 1");
        let log = format!("{good}{}", &good[..good.len() / 2]);
        let (items, seen) = read_all(&PgCsvlog, log.as_bytes());
        assert_eq!((items.len(), seen.skipped.total()), (1, 1));
    }
}
