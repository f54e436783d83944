//! The file that `laggard snapshot` writes, or the psql script that it prints: one JSON object a line, described by
//! `snapshot.schema.json`.
//!
//! The header, the counters and their texts, and the objects of the catalogue.

use serde_json::{Map, Value};

use crate::catalog::Object;
use crate::error::Error;
use crate::event::Item;
use crate::event::columns;
use crate::event::tally::{Facts, Piece};

use super::pg_tally::{cell, fact, tally};
use super::{BOM, Holds, Options, Reader, Seen, Sniff, Source, lines};

/// See the module.
pub(super) struct LaggardSnapshot;

/// How the first line names its format, up to the number.
const SCHEMA: &str = "laggard.snapshot/";
/// The number that this build reads.
const VERSION: &str = "1";

impl Source for LaggardSnapshot {
    fn name(&self) -> &'static str {
        "laggard-snapshot"
    }

    fn about(&self) -> &'static str {
        "what laggard snapshot writes: pg_stat_statements and the catalogue of a server"
    }

    fn samples(&self) -> &'static [&'static str] {
        &["{\"type\":\"snapshot\",\"schema\":\"laggard.snapshot/1\",\"taken_at\":\"2026-11-23T05:33:36Z\"}\n"]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        if schema(head).is_some() { Sniff::Yes } else { Sniff::No }
    }

    fn holds(&self) -> Holds {
        Holds::Counters
    }

    fn open(&self, head: &[u8], _: &Options) -> Result<Box<dyn Reader>, Error> {
        match schema(head) {
            Some(version) if version != VERSION => {
                Err(Error::NewerFormat { found: format!("{SCHEMA}{version}"), supported: "laggard.snapshot/1" })
            }
            _ => Ok(Box::new(SnapshotReader)),
        }
    }
}

/// The number behind the schema's name on the first line.
fn schema(head: &[u8]) -> Option<String> {
    let (_, line) = lines(head.strip_prefix(BOM).unwrap_or(head)).next()?;
    let header: Map<String, Value> = serde_json::from_slice(line).ok()?;
    header.get("schema")?.as_str()?.strip_prefix(SCHEMA).map(str::to_owned)
}

struct SnapshotReader;

impl Reader for SnapshotReader {
    fn detail(&self) -> String {
        String::new()
    }

    fn cut(&self, bytes: &[u8], _: usize) -> Option<usize> {
        // JSON escapes line ends, so every line end ends a record.
        memchr::memrchr(b'\n', bytes).map(|end| end + 1).filter(|&at| at < bytes.len())
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut seen = Seen::default();
        for (at, line) in lines(bytes) {
            let line = line.strip_prefix(BOM).unwrap_or(line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            let offset = offset + at as u64;
            match serde_json::from_slice::<Map<String, Value>>(line) {
                Ok(object) => match piece(object, out) {
                    Ok(()) => seen.records += 1,
                    Err(reason) => seen.skipped.add(reason, offset, line),
                },
                Err(_) => seen.skipped.add("line that is no JSON object", offset, line),
            }
        }
        seen
    }
}

fn piece(line: Map<String, Value>, out: &mut dyn FnMut(&Item<'_>)) -> Result<(), &'static str> {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let whole = |key: &str| line.get(key).and_then(Value::as_u64);
    match text("type").ok_or("line without a type")? {
        "snapshot" => {
            let mut facts = Facts { has_end: true, is_whole: true, ..Facts::default() };
            for (name, value) in &line {
                fact(&mut facts, name, &cell(value));
            }
            if let Some(Value::Object(settings)) = line.get("settings") {
                facts.settings.extend(settings.iter().map(|(name, value)| (name.clone(), cell(value))));
            }
            out(&Item::Piece(Piece::Facts(&facts)));
        }
        "text" => {
            let (query_id, sql) = line.get("queryid").and_then(Value::as_i64).zip(text("query")).ok_or("text without its id")?;
            out(&Item::Piece(Piece::Text { query_id, sql: sql.as_bytes() }));
        }
        kind @ ("role" | "database") => {
            let (oid, name) = whole("oid").and_then(|oid| u32::try_from(oid).ok()).zip(text("name")).ok_or("name without its number")?;
            out(&Item::Piece(Piece::Name { database: kind == "database", oid, name: name.as_bytes() }));
        }
        "statement" => {
            let cells: Vec<_> = line.iter().filter_map(|(name, value)| Some((columns::field(name)?, cell(value)))).collect();
            let tally = tally(cells.iter().map(|(field, value)| (*field, value.as_bytes())))?;
            out(&Item::Piece(Piece::Tally(&tally)));
        }
        "end" => out(&Item::Piece(Piece::End)),
        kind if Object::KINDS.contains(&kind) => {
            let object =
                serde_json::from_value(Value::Object(line)).map_err(|_| "object of the catalogue that lacks what it should tell")?;
            out(&Item::Piece(Piece::Object(&object)));
        }
        _ => return Err("line of a kind that is not known here"),
    }
    Ok(())
}
