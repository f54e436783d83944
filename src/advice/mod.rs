//! Which indexes a workload lacks, by the catalogue of a snapshot: candidates, what they would cost, and which to choose.
//!
//! Pure: it takes what statements ask of tables and what the catalogue tells, and reads no log and no server. A server's
//! planner can be asked about the same candidates: replace the costs in [`Offers`] by its own and let [`choose`] decide again.
//!
//! How the design came about: equality first and then one range or the order asked for is what every adviser does that was
//! read; the planner's formulas are PostgreSQL's.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Index};
use crate::sql::fingerprint::Fingerprint;
use crate::sql::shape::scans::{Names, Reading, Unread, written};
use crate::units::Micros;

mod asked;
mod candidate;
mod choice;
mod indexed;
mod joins;
mod known;
mod lists;
mod market;
mod name;
mod path;
mod price;
mod scalar;
mod selectivity;
mod size;
#[cfg(test)]
mod tests;
pub mod trial;

pub use asked::{On, Reason};
pub use candidate::{Candidate, CandidateKey, Predicate};
pub use choice::{After, Cell, Choice, Joint, Limits, Offer, choose};
pub use name::NewNames;
pub use price::{Cost, Costs};
pub use size::Size;

use indexed::{existing, thought_of};

/// The names of a catalogue, for [`crate::sql::shape::scans::read`].
#[derive(Clone, Copy, Debug)]
pub struct CatalogNames<'c>(pub &'c Catalog);

impl Names for CatalogNames<'_> {
    fn columns(&self, relation: &str) -> Option<Vec<String>> {
        let relation = self.0.named(relation)?;
        Some(self.0.columns(relation.oid).iter().map(|column| written(&column.name)).collect())
    }

    fn view(&self, relation: &str) -> Option<String> {
        let relation = self.0.named(relation)?;
        relation.definition.clone().filter(|_| relation.kind == "v")
    }
}

/// A statement, and what it took.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The statement.
    pub statement: Fingerprint,
    /// What it asks, or why that is not known.
    pub reading: Result<Reading, Unread>,
    /// How often it ran.
    pub calls: f64,
    /// What that took.
    pub time: Micros,
    /// Rows that it returned or wrote, where that is known.
    pub rows: Option<u64>,
    /// What plans showed.
    pub measured: Vec<Measured>,
}

/// What plans showed of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The table, as the plan names it.
    pub table: String,
    /// The part of its rows that its conditions kept, 0 to 1; `None` if not all of it was read.
    pub kept: Option<f64>,
    /// What reading it took of all that the plans read, 0 to 1.
    pub part: f64,
}

/// Every candidate, and what it would change.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// The scans that an index may serve.
    pub cells: Vec<Cell>,
    /// The candidates.
    pub offers: Vec<Offer>,
    /// What some of them do together and not alone.
    pub joints: Vec<Joint>,
    /// What no B-tree serves, and another kind of index might.
    pub considered: Vec<Considered>,
    /// Why there is no advice for a statement, once for each.
    pub refused: Vec<Refused>,
    /// Demands with an OR for whose arms there are indexes, whatever reading by them costs.
    pub led_ors: BTreeSet<usize>,
}

/// A condition that a GIN or a trigram index might serve, whose cost nobody knows beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct Considered {
    /// The statement's place in the demands.
    pub demand: usize,
    /// The table as SQL writes it, with its schema.
    pub table: String,
    /// The column or expression.
    pub key: String,
    /// `gin`, `gist` or `trigram`.
    pub method: &'static str,
}

/// A statement without advice.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The statement's place in the demands.
    pub demand: usize,
    /// The table as the statement names it; `None` if it is about the statement.
    pub table: Option<String>,
    /// Why.
    pub why: Refusal,
}

/// Why there is no advice.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The statement could not be read.
    Unread(Unread),
    /// It is about the table.
    Table(Reason),
    /// An index that is there serves what is asked.
    Covered(String),
    /// Indexes that are there serve the arms of its OR together.
    Combined(Vec<String>),
    /// None of its conditions is one that a B-tree serves; the other kind of index that might, if there is one.
    Unserved(Option<&'static str>),
    /// It has no condition.
    Everything,
    /// It is joined to what is no table, and nobody knows how often it would be looked into.
    Elsewhere,
    /// Too many rows match.
    Unselective,
    /// One value is so common that it depends on the value.
    DependsOnValue,
    /// It compares a whole document or the like: a column, and its type.
    Whole(String, String),
    /// The server's settings forbid its planner to read by an index.
    Forbidden,
}

impl Refused {
    /// In words, for whoever asks why there is no index.
    #[must_use]
    pub fn text(&self) -> String {
        let table = self.table.as_deref().unwrap_or_default();
        match &self.why {
            Refusal::Unread(Unread::TooLong) => "its text is longer than 64 KiB".to_owned(),
            Refusal::Unread(Unread::Unparsed) => "its text is not understood".to_owned(),
            Refusal::Unread(Unread::Several) => "it is several statements in one text".to_owned(),
            Refusal::Unread(Unread::Utility) => "it is no SELECT, INSERT, UPDATE, DELETE or MERGE".to_owned(),
            Refusal::Table(reason) => format!("{table} {}", reason.text()),
            Refusal::Covered(name) => format!("index {name} of {table} serves it already"),
            Refusal::Combined(names) => format!("what {} of {table} find serves its OR already", names.join(" and ")),
            Refusal::Unserved(None) => format!("no condition on {table} is one that a B-tree serves"),
            Refusal::Unserved(Some(method)) => format!("no condition on {table} is one that a B-tree serves: consider {method}"),
            Refusal::Everything => format!("nothing narrows what it reads of {table}"),
            Refusal::Elsewhere => format!("how often {table} would be looked into is not known: it is joined to what is no table"),
            Refusal::Unselective => format!("it asks for too much of {table}"),
            Refusal::DependsOnValue => format!("it depends on the value how much of {table} it asks for"),
            Refusal::Whole(column, kind) => format!(
                "it compares {column} of {table} as a whole, and a B-tree on {kind} serves nothing else: ask for what is in it, as with @>, and consider GIN"
            ),
            Refusal::Forbidden => format!("enable_indexscan and enable_bitmapscan are off, so that no index of {table} would be used"),
        }
    }
}

/// The part of a table's rows that have the most common value of an index's first column, where that is so large that it
/// depends on the value whether the index serves.
#[must_use]
pub fn most_common(candidate: &Candidate, catalog: &Catalog) -> Option<f64> {
    let first = candidate.keys.first().filter(|key| matches!(key.on, On::Column(_)) && candidate.predicate.is_none())?;
    let column = catalog.column(candidate.relation, first.column).filter(|column| selectivity::is_skewed(column))?;
    column.common_freqs.iter().flatten().copied().reduce(f64::max)
}

/// Makes the candidates of a workload, with what they would change by PostgreSQL's own formulas.
#[must_use]
pub fn offers(demands: &[Demand], catalog: &Catalog) -> Offers {
    market::fill(demands, catalog)
}

/// Chooses among the offers, alone and together; the best comes first.
#[must_use]
pub fn chosen(offers: &mut Offers, limits: Limits) -> Vec<Choice> {
    let choices = choose(&offers.cells, &offers.offers, limits);
    choice::with_joints(choices, offers, limits)
}

/// What a chosen index is like beside what it saves.
#[derive(Clone, Debug, PartialEq)]
pub struct Portrait {
    /// The statement that creates it.
    pub ddl: String,
    /// How large it would be.
    pub size: Size,
    /// What each row that is written grows by, as a part of it.
    pub write_overhead: f64,
    /// Indexes that it would make redundant, as SQL writes their names.
    pub replaces: Vec<String>,
}

/// Describes an index to create, under a name that was not given before.
#[must_use]
pub fn portrait(candidate: &Candidate, catalog: &Catalog, names: &mut NewNames) -> Option<Portrait> {
    let relation = candidate::relation(candidate, catalog)?;
    let size = size::of(candidate, relation, catalog);
    let part = candidate.predicate.as_ref().map_or(1.0, |predicate| predicate.part);
    let index = thought_of(candidate, relation, catalog);
    let is_replaced = |own: &Index| {
        let is_bound = own.is_unique || own.is_primary || own.is_exclusion || own.is_replica_identity;
        // What it includes, and what another operator class can do, the new one lacks.
        let is_all_keys = usize::try_from(own.keys).is_ok_and(|keys| keys == own.columns.len());
        let is_plain = own.method == "btree" && own.predicate.is_none() && candidate.predicate.is_none() && is_all_keys;
        let is_plain = is_plain && own.opclasses.iter().all(|class| indexed::is_usual(class));
        !is_bound && is_plain && existing(own, relation, catalog).is_some_and(|own| indexed::begins(&index, &own))
    };
    let replaced = catalog.indexes(relation.oid).iter().filter(|index| is_replaced(index));
    Some(Portrait {
        ddl: candidate.ddl(catalog, names)?,
        size,
        write_overhead: size::write_overhead(&size, relation, catalog, part),
        replaces: replaced.map(|index| format!("{}.{}", written(&relation.schema), written(&index.name))).collect(),
    })
}
