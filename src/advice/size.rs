//! How large an index would be, as far as the widths of its columns tell.
//!
//! Source: `src/include/access/nbtree.h` and `src/backend/access/nbtree/nbtsort.c`: pages of 8 kB filled to nine tenths, a
//! header of 8 bytes and a pointer of 4 for each entry; since PostgreSQL 13 equal keys share one entry.

use crate::catalog::{Catalog, Column, Relation};

use super::candidate::Candidate;
use super::indexed::distinct_keys;

/// What is estimated of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Pages of 8 kB.
    pub pages: f64,
    /// Levels above the leaves.
    pub height: f64,
    /// Bytes that one row adds, before equal keys are merged.
    pub entry: f64,
}

impl Size {
    /// In bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // Saturates, as `as` does.
        crate::units::Micros::floor(self.pages * PAGE).0
    }
}

const PAGE: f64 = 8_192.0;
/// Less the header of a page and what a B-tree keeps at its end.
const USABLE: f64 = PAGE - 24.0 - 16.0;
const FILLED: f64 = 0.9;
/// Row pointers that fit into one merged entry.
const MOST_MERGED: f64 = 220.0;

pub(super) fn of(candidate: &Candidate, relation: &Relation, catalog: &Catalog) -> Size {
    let width =
        |number: i32| catalog.column(relation.oid, number).and_then(|column| column.avg_width).map_or(16.0, |width| width.max(1) as f64);
    let data: f64 = candidate.keys.iter().map(|key| width(key.column)).sum();
    let entry = 8.0 + (data / 8.0).ceil() * 8.0 + 4.0;
    let rows = (relation.tuples * candidate.predicate.as_ref().map_or(1.0, |predicate| predicate.part)).max(1.0);
    let merges = catalog.origin.version.is_none_or(|version| version >= 130_000);
    let equal = rows / distinct_keys(candidate, relation, catalog).min(rows);
    let each = if merges && equal >= 2.0 { 6.0 + (entry + 4.0) / equal.min(MOST_MERGED) } else { entry };
    let leaves = (rows * each / (USABLE * FILLED)).ceil().max(1.0);
    let fan = fan(entry);
    let (mut pages, mut level, mut height) = (leaves + 1.0, leaves, 0.0);
    while level > 1.0 && height < 10.0 {
        level = (level / fan).ceil();
        pages += level;
        height += 1.0;
    }
    Size { pages, height, entry }
}

/// Entries on a page above the leaves.
fn fan(entry: f64) -> f64 {
    (USABLE * 0.7 / entry.max(16.0)).max(2.0)
}

/// The levels above the leaves of an index of so many pages.
pub(super) fn height(pages: f64, entry: f64) -> f64 {
    // One page is not of the tree.
    let (mut level, mut height) = ((pages - 1.0).max(1.0), 0.0);
    while level > 1.0 && height < 10.0 {
        level = (level / fan(entry)).floor();
        height += 1.0;
    }
    height
}

/// The width of a column in bytes, where it was never measured as its type has it. Source: `get_typavgwidth` in
/// `src/backend/utils/cache/lsyscache.c`.
pub(super) fn width(column: &Column) -> f64 {
    let known = column.avg_width.filter(|width| *width > 0).map(|width| width as f64);
    let kind = column.data_type.split('(').next().unwrap_or_default().trim();
    known.unwrap_or(match kind {
        "boolean" => 1.0,
        "smallint" => 2.0,
        "integer" | "real" | "date" | "oid" => 4.0,
        "bigint" | "double precision" | "money" => 8.0,
        "uuid" | "interval" => 16.0,
        kind if kind.starts_with("time") => 8.0,
        _ => 32.0,
    })
}

/// What writing one row grows by: the entry as a part of the row. After pganalyze's figure of the same name, with the header of
/// a row and its pointer in it.
pub(super) fn write_overhead(size: &Size, relation: &Relation, catalog: &Catalog, part: f64) -> f64 {
    let row: f64 = catalog.columns(relation.oid).iter().map(width).sum();
    size.entry / (27.0 + row) * part
}
