//! `pg_stat_statements` as CSV with a header: what psql's `\copy`, `COPY … WITH (FORMAT csv, HEADER)` or the console of a
//! managed service makes of `SELECT * FROM pg_stat_statements`, and of `pg_stat_statements_info`.
//!
//! Columns of any version in any order; comma, semicolon, tab or bar between them. Columns that are not known are left out.

use csv::{ByteRecord, ReaderBuilder};

use crate::error::Error;
use crate::event::Item;
use crate::event::columns::{self, Field};
use crate::event::tally::{Facts, Piece};

use super::pg_tally::{fact, is_facts, is_view, tally};
use super::{BOM, Holds, Options, Reader, Seen, Sniff, Source, note_open_end};

/// See the module.
pub(super) struct PgStatementsCsv;

impl Source for PgStatementsCsv {
    fn name(&self) -> &'static str {
        "pg-statements-csv"
    }

    fn about(&self) -> &'static str {
        "pg_stat_statements (any version) or pg_stat_statements_info as CSV with a header"
    }

    fn samples(&self) -> &'static [&'static str] {
        &[
            "userid,dbid,queryid,query,calls,total_time,rows\n10,13,-42,SELECT $1,3,0.5,3\n",
            "\"dealloc\";\"stats_reset\"\n0;2026-11-23 05:33:36.937762+00\n",
        ]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        if Header::of(head).is_some() { Sniff::Yes } else { Sniff::No }
    }

    fn holds(&self) -> Holds {
        Holds::Counters
    }

    fn open(&self, head: &[u8], _: &Options) -> Result<Box<dyn Reader>, Error> {
        let header = Header::of(head).unwrap_or_default();
        Ok(Box::new(CsvReader { header }))
    }
}

/// The names of the columns and what lies between them.
#[derive(Clone, Debug, Default)]
struct Header {
    names: Vec<String>,
    delimiter: u8,
    facts: bool,
}

impl Header {
    /// The header, if the head begins with one of the views.
    fn of(head: &[u8]) -> Option<Header> {
        let head = head.strip_prefix(BOM).unwrap_or(head);
        let line = &head[..memchr::memchr(b'\n', head)?];
        [b',', b';', b'\t', b'|'].into_iter().find_map(|delimiter| {
            let mut record = ByteRecord::new();
            let read = ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line).read_byte_record(&mut record);
            let names: Vec<String> =
                record.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).filter(|_| read.is_ok()).collect();
            let facts = is_facts(names.iter().map(String::as_str));
            (facts || is_view(names.iter().map(String::as_str))).then_some(Header { names, delimiter, facts })
        })
    }
}

struct CsvReader {
    header: Header,
}

impl Reader for CsvReader {
    fn detail(&self) -> String {
        if self.header.facts { "pg_stat_statements_info".to_owned() } else { format!("{} columns", self.header.names.len()) }
    }

    fn cut(&self, _: &[u8], _: usize) -> Option<usize> {
        // Where a damaged quote is taken to end depends on all that came before, so the file is read in one piece.
        None
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut seen = Seen::default();
        let fields: Vec<Option<Field>> = self.header.names.iter().map(|name| columns::field(name)).collect();
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(self.header.delimiter).from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut is_header = offset == 0;
        loop {
            let at = reader.position().byte();
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                // The reader is of bytes in memory and takes records of any length, so there is nothing else to fail.
                Err(_) => break,
            }
            if std::mem::take(&mut is_header) {
                continue;
            }
            let raw = || &bytes[usize::try_from(at).unwrap_or(0).min(bytes.len())..];
            if record.len() != self.header.names.len() {
                // psql ends unaligned output with the number of rows.
                if !(record.len() == 1 && record.iter().all(|cell| cell.ends_with(b" rows)") || cell.ends_with(b" row)"))) {
                    seen.skipped.add("row with another number of columns than the header", offset + at, raw());
                }
            } else if self.header.facts {
                seen.records += 1;
                let mut facts = Facts::default();
                for (name, value) in self.header.names.iter().zip(record.iter()) {
                    fact(&mut facts, name, &String::from_utf8_lossy(value));
                }
                out(&Item::Piece(Piece::Facts(&facts)));
            } else {
                match tally(fields.iter().zip(record.iter()).filter_map(|(field, value)| Some(((*field)?, value)))) {
                    Ok(tally) => {
                        seen.records += 1;
                        out(&Item::Piece(Piece::Tally(&tally)));
                    }
                    Err(reason) => seen.skipped.add(reason, offset + at, raw()),
                }
            }
        }
        note_open_end(bytes, offset, &mut seen);
        seen
    }
}
