//! The plans that a statement ran with, as `auto_explain` logged them.

use crate::units::{ByteCount, Micros, Timestamp, counted, grouped};

use super::super::Style;
use super::super::table::moment;
use super::super::text::sanitised;

/// Plans of one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlansLine {
    /// How many were logged and read.
    pub logged: u64,
    /// By shape, those with most time first; of many shapes not all are kept.
    pub shapes: Vec<ShapeLine>,
}

/// Plans of one shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShapeLine {
    /// Its id, the same on every server.
    pub id: String,
    /// How many.
    pub count: u64,
    /// Their time.
    pub total: Micros,
    /// That of the fastest and of the slowest.
    pub range: (Micros, Micros),
    /// When the first and the last of them ended.
    pub seen: (Timestamp, Timestamp),
    /// How the slowest read its tables.
    pub reads: Vec<ReadLine>,
    /// Triggers that the slowest ran: name, calls and time, where that was measured.
    pub triggers: Vec<(String, u64, Option<Micros>)>,
}

/// How one table was read. Rows are of all loops and workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadLine {
    /// The table.
    pub table: String,
    /// `whole`, `by-index` or `by-bitmap`.
    pub how: &'static str,
    /// The index.
    pub index: Option<String>,
    /// What the index was asked for, and what rows had to pass then, without values; may be empty.
    pub conditions: [String; 2],
    /// Rows that passed; `None` if they were not counted.
    pub returned: Option<u64>,
    /// Rows that did not.
    pub removed: u64,
    /// How often it was read; 0 if never.
    pub loops: u64,
    /// The planner's estimate of the rows of a loop.
    pub planned_rows: u64,
    /// Its time, that of workers added up, where that was measured.
    pub time: Option<Micros>,
    /// What its rows were sorted by, without values, and how many bytes on disk that took.
    pub sort: Option<(String, u64)>,
}

/// What is said of them.
pub(super) fn told(plans: &PlansLine, style: &Style) -> Vec<String> {
    plans.shapes.iter().flat_map(|shape| one(shape, plans.logged, style)).collect()
}

fn one(shape: &ShapeLine, of: u64, style: &Style) -> Vec<String> {
    let (fastest, slowest) = shape.range;
    let count = if shape.count == of { counted(of, "plan") } else { format!("{} of {}", grouped(shape.count), counted(of, "plan")) };
    let range = if shape.count > 1 { format!("{fastest} – {slowest}, {} in all", shape.total) } else { slowest.to_string() };
    let (first, last) = (moment(shape.seen.0, style), moment(shape.seen.1, style));
    let when = if first == last { first } else { format!("{first} – {last}") };
    let slow = match shape.count {
        _ if shape.reads.is_empty() && shape.triggers.is_empty() => "; it reads no table",
        1 => ":",
        _ => "; the slowest:",
    };
    let mut lines = vec![format!("{count} of shape {}, {range}, {when}{slow}", &shape.id[..shape.id.len().min(6)])];
    lines.extend(shape.reads.iter().map(|read| format!("  {}", sanitised(&read_told(read)))));
    lines.extend(shape.triggers.iter().map(|(name, calls, time)| {
        let time = time.map(|time| format!(", {time}")).unwrap_or_default();
        format!("  trigger {}: {}{time}", sanitised(name), counted(*calls, "call"))
    }));
    lines
}

fn read_told(read: &ReadLine) -> String {
    let how = match (&read.index, read.how) {
        (Some(index), _) => format!("{} by {index}", read.table),
        (None, "by-bitmap") => format!("{} by a bitmap of indexes", read.table),
        (None, "by-index") => format!("{} by an index", read.table),
        (None, _) => format!("all of {}", read.table),
    };
    let [asked, filter] = &read.conditions;
    let asked = if asked.is_empty() { String::new() } else { format!(" ({asked})") };
    let mut parts = vec![match read.returned {
        _ if read.loops == 0 => "never executed".to_owned(),
        Some(rows) => format!("{}, planned {}", counted(rows, "row"), grouped(read.planned_rows.saturating_mul(read.loops))),
        None => format!("planned {}", counted(read.planned_rows, "row")),
    }];
    if read.removed > 0 {
        parts.push(format!("{} thrown away", grouped(read.removed)));
    }
    if read.loops > 1 {
        parts.push(counted(read.loops, "loop"));
    }
    parts.extend(read.time.map(|time| time.to_string()));
    if !filter.is_empty() {
        parts.push(format!("filter: {filter}"));
    }
    if let Some((keys, bytes)) = &read.sort {
        let disk = if *bytes > 0 { format!(" ({} on disk)", ByteCount(*bytes)) } else { String::new() };
        parts.push(format!("sorted by {keys}{disk}"));
    }
    format!("{how}{asked}: {}", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_told_with_what_it_threw_away() {
        let whole = ReadLine {
            table: "assets".to_owned(),
            how: "whole",
            conditions: [String::new(), "filename like".to_owned()],
            returned: Some(14),
            removed: 29_986,
            loops: 1,
            planned_rows: 3,
            time: Some(Micros(85_100)),
            sort: Some(("created DESC".to_owned(), 2_048)),
            ..ReadLine::default()
        };
        let told = read_told(&whole);
        assert!(told.starts_with("all of assets: 14 rows, planned 3 · "), "{told}");
        assert!(told.ends_with(" thrown away · 85.1 ms · filter: filename like · sorted by created DESC (2.05 kB on disk)"), "{told}");
        let by_index =
            ReadLine { index: Some("ix".to_owned()), how: "by-index", loops: 0, conditions: ["a =".to_owned(), String::new()], ..whole };
        assert!(read_told(&by_index).starts_with("assets by ix (a =): never executed"), "{}", read_told(&by_index));
    }
}
