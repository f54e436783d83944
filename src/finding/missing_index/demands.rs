//! The statements of a workload as demands for indexes, for advice by a catalogue.

use std::collections::BTreeMap;

use crate::advice::{CatalogNames, Demand, Measured};
use crate::catalog::Catalog;
use crate::plan::Reads;
use crate::sql::shape::on_a_deep_stack;
use crate::sql::shape::scans::{self, Names, Reading, Term, Test, Unread};
use crate::units::Micros;
use crate::workload::{Sample, Statement, Workload};

use super::super::habit::{self, Price};

/// At most so many statements are read, those first that cost most.
const MOST: usize = 500;

/// What normalisation puts for the rest of a list.
const SHORTENED: &str = "/*, ... */";

/// The statements that cost most, as demands on a catalogue. `is_of` says which of them ran in its database.
///
/// Reads texts on a thread of its own, whose stack is deep enough.
#[must_use]
pub fn demands<'w>(workload: &'w Workload, catalog: &Catalog, is_of: &dyn Fn(&Statement) -> bool) -> Vec<(&'w Statement, Demand)> {
    let mut statements: Vec<(&Statement, Price)> = workload
        .statements()
        .filter(|statement| is_of(statement) && !is_of_a_key(&statement.text) && !habit::is_of_a_dump(statement, workload))
        .map(|statement| (statement, Price::of(statement)))
        .filter(|(_, price)| price.total.0 > 0)
        .collect();
    statements.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    statements.truncate(MOST);
    let names = CatalogNames(catalog);
    let read = || statements.into_iter().map(|(statement, price)| (statement, demand(statement, &price, &names))).collect();
    on_a_deep_stack(read).unwrap_or_default()
}

/// Whether it is the server's own check of a foreign key, which is told with the key.
fn is_of_a_key(text: &str) -> bool {
    text.contains(" only ") && text.contains("operator") && text.contains("pg_catalog")
}

pub(super) fn demand(statement: &Statement, price: &Price, names: &dyn Names) -> Demand {
    Demand {
        statement: statement.fingerprint,
        reading: reading(statement, names),
        calls: price.calls as f64,
        time: price.total,
        rows: price.rows().map(|rows| rows.saturating_mul(price.calls)).or_else(|| counted(statement, price)),
        measured: measured(statement),
    }
}

/// What a statement asks: of an example that is whole, for values tell more than their places; of several that were kept, of the
/// one with the most usual values.
pub(super) fn reading(statement: &Statement, names: &dyn Names) -> Result<Reading, Unread> {
    let usual = statement.samples.as_ref().and_then(|samples| samples.extremes(&Sample::is_whole));
    let sample = usual.map_or(&statement.sample, |(usual, _)| usual);
    let example = || sample.is_whole().then(|| scans::read(&String::from_utf8_lossy(&sample.sql), &sample.parameters, names));
    match example() {
        Some(Ok(reading)) => Ok(without_flags_that_vary(reading, statement, names)),
        Some(Err(Unread::Several)) => Err(Unread::Several),
        _ => scans::read(&statement.text, b"", names).map(|reading| lengthened(reading, &statement.text)),
    }
}

/// A boolean that the example has in its text may be another one in other calls: then it is a value like others.
fn without_flags_that_vary(mut reading: Reading, statement: &Statement, names: &dyn Names) -> Reading {
    let is_flag = |term: &Term| matches!(term.test, Test::Flag(_));
    let places = statement.samples.as_ref().map(|samples| samples.places()).unwrap_or_default();
    let varies = |number: u32| (number as usize).checked_sub(1).and_then(|at| places.get(at)).is_some_and(|place| place.distinct > 1);
    if !reading.scans.iter().flat_map(|scan| &scan.terms).any(is_flag) || !(1..=64).any(varies) {
        return reading;
    }
    let placed = scans::read(&statement.text, b"", names).unwrap_or_default().scans;
    let is_varied = |table: &str, column: &str| {
        let of_table = placed.iter().filter(|scan| scan.table == table);
        of_table.flat_map(|scan| &scan.placed).any(|placed| placed.column == column && varies(placed.number))
    };
    for scan in &mut reading.scans {
        let flags = scan.terms.iter_mut().filter(|term| is_flag(term) && is_varied(&scan.table, term.key.column()));
        flags.for_each(|term| term.test = Test::Equal);
    }
    reading
}

/// Lists that normalisation shortened are of unknown length.
fn lengthened(mut reading: Reading, text: &str) -> Reading {
    let terms = reading.scans.iter_mut().flat_map(|scan| &mut scan.terms);
    terms.filter(|term| term.test == Test::AnyOf(1) && text.contains(SHORTENED)).for_each(|term| term.test = Test::AnyOf(0));
    reading
}

/// The rows of all calls of the log as those that the server counted had them.
fn counted(statement: &Statement, price: &Price) -> Option<u64> {
    let counted = statement.counted.as_deref()?;
    let calls = counted.all().map(|moments| moments.count()).filter(|calls| *calls > 0)?;
    Some(Micros::floor(counted.rows()? as f64 / calls as f64 * price.calls as f64).0)
}

/// What plans counted of each table: how many of its rows conditions kept, and what reading it took of the whole.
fn measured(statement: &Statement) -> Vec<Measured> {
    #[derive(Default)]
    struct Read {
        kept: u64,
        of_whole: u64,
        examined: u64,
    }
    let shapes = statement.shapes.iter().flat_map(|shapes| shapes.iter());
    let scans = shapes.flat_map(|(_, shape)| &shape.slowest.1.scans).filter(|scan| scan.loops > 0);
    let mut tables: BTreeMap<&str, Read> = BTreeMap::new();
    for scan in scans {
        let Some(returned) = scan.returned else { continue };
        let read = tables.entry(scan.table.as_str()).or_default();
        let examined = returned.saturating_add(scan.removed);
        read.examined = read.examined.saturating_add(examined);
        if scan.reads == Reads::Whole && !scan.filter.is_empty() {
            (read.kept, read.of_whole) = (read.kept.saturating_add(returned), read.of_whole.saturating_add(examined));
        }
    }
    let all: u64 = tables.values().map(|read| read.examined).fold(0, u64::saturating_add);
    let told = tables.into_iter().map(|(table, read)| Measured {
        table: table.to_owned(),
        kept: (read.of_whole > 0).then(|| read.kept as f64 / read.of_whole as f64),
        part: read.examined as f64 / all.max(1) as f64,
    });
    told.collect()
}
