//! `pg_stat_statements` as JSON: an array of objects, or objects one after the other, as `json_agg`, `row_to_json` or an
//! export makes them, with the columns' names of any version.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::event::Item;
use crate::event::columns;
use crate::event::tally::{Facts, Piece};

use super::pg_tally::{cell, fact, is_facts, is_view, tally};
use super::{BOM, Holds, Options, Reader, Seen, Sniff, Source};

/// See the module.
pub(super) struct PgStatementsJson;

impl Source for PgStatementsJson {
    fn name(&self) -> &'static str {
        "pg-statements-json"
    }

    fn about(&self) -> &'static str {
        "pg_stat_statements (any version) or pg_stat_statements_info as JSON"
    }

    fn samples(&self) -> &'static [&'static str] {
        &[
            "[{\"userid\": \"10\", \"queryid\": -42, \"query\": \"SELECT $1\", \"calls\": 3, \"total_exec_time\": 0.5}]\n",
            "{\"dealloc\":0,\"stats_reset\":null}\n",
        ]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
        // The names of the first object's keys; its end may lie behind the head.
        let mut names = Vec::new();
        let first = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
        if !first.starts_with(b"{") {
            return Sniff::No;
        }
        let mut deserializer = serde_json::Deserializer::from_slice(first);
        // An error is expected where the head is cut.
        let _ = Keys(&mut names).deserialize(&mut deserializer);
        let names = || names.iter().map(String::as_str);
        if is_view(names()) || (names().next().is_some() && is_facts(names())) { Sniff::Yes } else { Sniff::No }
    }

    fn holds(&self) -> Holds {
        Holds::Counters
    }

    fn open(&self, _: &[u8], _: &Options) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(JsonReader))
    }
}

/// Gathers the keys of an object, as far as it goes.
struct Keys<'k>(&'k mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.0.push(key);
            map.next_value::<serde::de::IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Hands on each object of an array, or an object that stands alone.
struct Objects<'f>(&'f mut dyn FnMut(Map<String, Value>));

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rows as objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element::<Map<String, Value>>()? {
            (self.0)(row);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut row = Map::new();
        while let Some((key, value)) = map.next_entry()? {
            row.insert(key, value);
        }
        (self.0)(row);
        Ok(())
    }
}

struct JsonReader;

impl Reader for JsonReader {
    fn detail(&self) -> String {
        String::new()
    }

    fn cut(&self, _: &[u8], _: usize) -> Option<usize> {
        // An array ends where the file does.
        None
    }

    fn read(&self, bytes: &[u8], offset: u64, out: &mut dyn FnMut(&Item<'_>)) -> Seen {
        let mut seen = Seen::default();
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
        out(&Item::Piece(Piece::Facts(&Facts { has_end: true, ..Facts::default() })));
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        loop {
            let mut take = |row: Map<String, Value>| row_of(&row, offset, &mut seen, out);
            let read = Objects(&mut take).deserialize(&mut deserializer);
            match read {
                Ok(()) if deserializer.end().is_ok() => {
                    out(&Item::Piece(Piece::End));
                    return seen;
                }
                Ok(()) => {}
                Err(error) => {
                    let at = lines_before(text, error.line()) + error.column().saturating_sub(1);
                    seen.skipped.add("not JSON from here on", offset + at as u64, &text[at.min(text.len())..]);
                    return seen;
                }
            }
        }
    }
}

/// Where a line begins, counted from 1 as serde does.
fn lines_before(text: &[u8], line: usize) -> usize {
    memchr::memchr_iter(b'\n', text).nth(line.wrapping_sub(2)).map_or(0, |at| at + 1)
}

fn row_of(row: &Map<String, Value>, offset: u64, seen: &mut Seen, out: &mut dyn FnMut(&Item<'_>)) {
    if !is_view(row.keys().map(String::as_str)) {
        let mut facts = Facts::default();
        let known = row.iter().filter(|(name, value)| fact(&mut facts, name, &cell(value))).count();
        if known == 0 {
            return seen.skipped.add("object that is no row of the view", offset, b"");
        }
        seen.records += 1;
        return out(&Item::Piece(Piece::Facts(&facts)));
    }
    let cells: Vec<_> = row.iter().filter_map(|(name, value)| Some((columns::field(name)?, cell(value)))).collect();
    match tally(cells.iter().map(|(field, value)| (*field, value.as_bytes()))) {
        Ok(tally) => {
            seen.records += 1;
            out(&Item::Piece(Piece::Tally(&tally)));
        }
        Err(reason) => seen.skipped.add(reason, offset, cells.iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>().join(" ").as_bytes()),
    }
}
