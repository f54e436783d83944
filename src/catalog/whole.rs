//! All objects of one database at one moment, by what one asks for them.
//!
//! Read-only once it is made. What is missing in the lines is missing here: nothing is made up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::{Micros, Timestamp};

use super::{Build, Column, Constraint, Horizon, Index, Object, Relation, Sequence, Since, Statistics};

/// Whose catalogue it is, and when it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// What tells its server from others: the system identifier, or else the node; `None` if neither is known.
    pub server: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// When it was read, by the server's clock.
    pub taken: Option<Timestamp>,
    /// When the server was started.
    pub started: Option<Timestamp>,
    /// `server_version_num`.
    pub version: Option<u32>,
    /// Whether it was a standby, whose counters of use say nothing of the primary.
    pub in_recovery: Option<bool>,
    /// Settings that change what the numbers mean, and those of the planner's costs, in the units of `pg_settings`.
    pub settings: BTreeMap<String, String>,
}

/// The catalogue of one database. Saved as its objects, for the rest follows from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Lines", into = "Lines")]
pub struct Catalog {
    /// Whose it is.
    pub origin: Origin,
    relations: BTreeMap<u32, Relation>,
    by_name: BTreeMap<String, Vec<u32>>,
    columns: BTreeMap<u32, Vec<Column>>,
    indexes: BTreeMap<u32, Vec<Index>>,
    constraints: BTreeMap<u32, Vec<Constraint>>,
    statistics: BTreeMap<u32, Vec<Statistics>>,
    sequences: BTreeMap<u32, Sequence>,
    /// What keeps VACUUM back, the oldest first.
    pub horizons: Vec<Horizon>,
    /// Indexes that were being built.
    pub builds: Vec<Build>,
    since: Option<Since>,
}

/// What a catalogue is made of.
#[derive(Serialize, Deserialize)]
struct Lines {
    origin: Origin,
    objects: Vec<Object>,
}

impl From<Lines> for Catalog {
    fn from(lines: Lines) -> Self {
        Catalog::of(lines.origin, lines.objects)
    }
}

impl From<Catalog> for Lines {
    fn from(catalog: Catalog) -> Self {
        fn all<T>(of: BTreeMap<u32, Vec<T>>) -> impl Iterator<Item = T> {
            of.into_values().flatten()
        }
        let objects = (catalog.relations.into_values().map(Object::Relation))
            .chain(all(catalog.columns).map(Object::Column))
            .chain(all(catalog.indexes).map(Object::Index))
            .chain(all(catalog.constraints).map(Object::Constraint))
            .chain(all(catalog.statistics).map(Object::Statistics))
            .chain(catalog.sequences.into_values().map(Object::Sequence))
            .chain(catalog.horizons.into_iter().map(Object::Horizon))
            .chain(catalog.builds.into_iter().map(Object::Build))
            .chain(catalog.since.map(Object::Since));
        Lines { origin: catalog.origin, objects: objects.collect() }
    }
}

impl Catalog {
    /// Puts objects together, in whatever order they come. What comes twice counts as it came last.
    #[must_use]
    pub fn of(origin: Origin, objects: impl IntoIterator<Item = Object>) -> Self {
        let mut catalog = Catalog { origin, ..Catalog::default() };
        for object in objects {
            match object {
                Object::Relation(relation) => drop(catalog.relations.insert(relation.oid, relation)),
                Object::Column(column) => put(&mut catalog.columns, column.relation, column, |column| column.number),
                Object::Index(index) => put(&mut catalog.indexes, index.relation, index, |index| index.oid),
                Object::Constraint(constraint) => {
                    put(&mut catalog.constraints, constraint.relation, constraint, |constraint| constraint.name.clone());
                }
                Object::Statistics(statistics) => {
                    put(&mut catalog.statistics, statistics.relation, statistics, |statistics| statistics.name.clone());
                }
                Object::Sequence(sequence) => drop(catalog.sequences.insert(sequence.oid, sequence)),
                Object::Horizon(horizon) => catalog.horizons.push(horizon),
                Object::Build(build) => catalog.builds.push(build),
                Object::Since(since) => catalog.since = Some(since),
            }
        }
        catalog.horizons.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| (&a.holder, &a.state).cmp(&(&b.holder, &b.state))));
        for relation in catalog.relations.values() {
            catalog.by_name.entry(relation.name.clone()).or_default().push(relation.oid);
        }
        catalog
    }

    /// Forgets the values of columns, which only a snapshot that was asked for them has.
    pub fn forget_values(&mut self) {
        for column in self.columns.values_mut().flatten() {
            (column.common_values, column.histogram) = (None, None);
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    /// Every relation, by object id.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The relation of that object id.
    #[must_use]
    pub fn relation(&self, oid: u32) -> Option<&Relation> {
        self.relations.get(&oid)
    }

    /// The relation that a statement calls so, as `sql::shape` spells names: `orders`, `shop.orders`, `"Orders"`. Without
    /// a schema it is that of `public`, or else the only one of its name; snapshots do not tell the search path. `None` if
    /// there is none, or if several may be meant.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Relation> {
        let mut parts = parts(name);
        let last = parts.pop()?;
        let of_that_name = self.by_name.get(&last)?;
        let in_schema = |schema: &str| of_that_name.iter().filter_map(|oid| self.relation(*oid)).find(|relation| relation.schema == schema);
        match (parts.pop(), of_that_name.as_slice()) {
            (Some(schema), _) => in_schema(&schema),
            (None, [only]) => self.relation(*only),
            (None, _) => in_schema("public"),
        }
    }

    /// The columns of a relation, by number.
    #[must_use]
    pub fn columns(&self, relation: u32) -> &[Column] {
        of(&self.columns, relation)
    }

    /// The column of a relation by its number.
    #[must_use]
    pub fn column(&self, relation: u32, number: i32) -> Option<&Column> {
        self.columns(relation).iter().find(|column| column.number == number)
    }

    /// The column that a statement calls so; see [`Catalog::named`].
    #[must_use]
    pub fn column_named(&self, relation: u32, name: &str) -> Option<&Column> {
        let name = parts(name).pop()?;
        self.columns(relation).iter().find(|column| column.name == name)
    }

    /// The indexes of a relation, by object id.
    #[must_use]
    pub fn indexes(&self, relation: u32) -> &[Index] {
        of(&self.indexes, relation)
    }

    /// The constraints of a relation, by name; those that point to it are in [`Catalog::referencing`].
    #[must_use]
    pub fn constraints(&self, relation: u32) -> &[Constraint] {
        of(&self.constraints, relation)
    }

    /// Every constraint, by relation and name.
    pub fn all_constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.values().flatten()
    }

    /// The foreign keys that point to a relation.
    pub fn referencing(&self, relation: u32) -> impl Iterator<Item = &Constraint> {
        self.all_constraints().filter(move |constraint| constraint.references == Some(relation))
    }

    /// The extended statistics of a relation, by name.
    #[must_use]
    pub fn statistics(&self, relation: u32) -> &[Statistics] {
        of(&self.statistics, relation)
    }

    /// Every sequence, by object id.
    pub fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.sequences.values()
    }

    /// How long the counters of use had counted when they were read, or at least how long: they survive restarts but no
    /// crash, which counts as a reset. `None` if the snapshot tells nothing of it.
    #[must_use]
    pub fn counted_for(&self) -> Option<Micros> {
        let reset = self.since.as_ref()?.reset.as_deref();
        let since = match reset {
            Some(reset) => Timestamp(reset.parse::<jiff::Timestamp>().ok()?.as_microsecond()),
            None => self.origin.started?,
        };
        let taken = self.origin.taken?;
        u64::try_from(taken.0.checked_sub(since.0)?).ok().map(Micros)
    }

    /// How long before the snapshot an index was scanned last, where the server tells that (PostgreSQL 16).
    #[must_use]
    pub fn last_scanned(&self, index: &Index) -> Option<Micros> {
        let last = index.usage.as_ref()?.get("last_idx_scan")?.as_str()?.parse::<jiff::Timestamp>().ok()?;
        let ago = self.origin.taken?.0.checked_sub(last.as_microsecond())?;
        u64::try_from(ago).ok().map(Micros)
    }

    /// The partitions or heirs of a relation.
    pub fn children(&self, relation: u32) -> impl Iterator<Item = &Relation> {
        self.relations().filter(move |child| child.parent == Some(relation))
    }

    /// A setting, as `pg_settings` spells it.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.origin.settings.get(name).map(String::as_str)
    }

    /// A setting that is a number, in the unit of `pg_settings`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.setting(name)?.parse().ok()
    }
}

fn of<T>(all: &BTreeMap<u32, Vec<T>>, relation: u32) -> &[T] {
    all.get(&relation).map_or(&[], Vec::as_slice)
}

/// Keeps the objects of a relation in the order of their keys, each once.
fn put<T, K: Ord>(all: &mut BTreeMap<u32, Vec<T>>, relation: u32, object: T, key: impl Fn(&T) -> K) {
    let of_relation = all.entry(relation).or_default();
    match of_relation.binary_search_by_key(&key(&object), &key) {
        Ok(at) => of_relation[at] = object,
        Err(at) => of_relation.insert(at, object),
    }
}

/// The parts of a dotted name, without their quotes; what is not in quotes is in lower case already.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => parts.last_mut().into_iter().for_each(|part| part.push('"')),
            '"' => {
                quoted = !quoted;
                continue;
            }
            '.' if !quoted => {
                parts.push(String::new());
                continue;
            }
            other => {
                parts.last_mut().into_iter().for_each(|part| part.push(other));
                continue;
            }
        }
        characters.next();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(oid: u32, schema: &str, name: &str) -> Object {
        let line = serde_json::json!({"type": "relation", "oid": oid, "schema": schema, "name": name, "kind": "r", "persistence": "p",
            "tuples": -1, "pages": 0, "visible_pages": 0, "is_partition": false, "parent": null, "definition": null, "usage": null});
        serde_json::from_value(line).expect("a relation")
    }

    fn column(relation: u32, number: i32, name: &str) -> Object {
        let line = serde_json::json!({"type": "column", "relation": relation, "number": number, "name": name, "data_type": "integer",
            "not_null": false});
        serde_json::from_value(line).expect("a column")
    }

    #[test]
    fn names_are_found_as_statements_spell_them() {
        let catalog = Catalog::of(
            Origin::default(),
            [
                relation(1, "public", "orders"),
                relation(2, "old", "orders"),
                relation(3, "old", "Odd \"name\".x"),
                relation(4, "a", "twice"),
                relation(5, "b", "twice"),
            ],
        );
        let oid = |name: &str| catalog.named(name).map(|relation| relation.oid);
        assert_eq!((oid("orders"), oid("public.orders"), oid("old.orders"), oid("new.orders")), (Some(1), Some(1), Some(2), None));
        assert_eq!(oid("\"Odd \"\"name\"\".x\""), Some(3));
        assert_eq!((oid("twice"), oid("b.twice"), oid("shop.b.twice"), oid("")), (None, Some(5), Some(5), None));
    }

    #[test]
    fn what_is_saved_is_all_of_it_but_for_values() {
        let line = serde_json::json!({"type": "column", "relation": 1, "number": 2, "name": "city", "data_type": "text", "not_null": true,
            "common_freqs": [0.5], "common_values": "{Rome}", "histogram": "{A,Z}"});
        let city = serde_json::from_value(line).expect("a column");
        let origin = Origin { database: Some("shop".to_owned()), ..Origin::default() };
        let mut catalog = Catalog::of(origin, [relation(1, "public", "orders"), column(1, 1, "id"), city]);
        let saved = serde_json::to_string(&catalog).expect("JSON");
        assert_eq!(serde_json::from_str::<Catalog>(&saved).expect("the same"), catalog);
        catalog.forget_values();
        let saved = serde_json::to_string(&catalog).expect("JSON");
        assert!(saved.contains("0.5") && !saved.contains("Rome") && !saved.contains("{A,Z}"), "{saved}");
    }

    #[test]
    fn columns_are_kept_once_and_in_order_however_they_come() {
        let catalog = Catalog::of(Origin::default(), [column(1, 3, "c"), column(1, 1, "a"), column(2, 1, "z"), column(1, 3, "d")]);
        assert_eq!(catalog.columns(1).iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["a", "d"]);
        assert_eq!((catalog.column(1, 3).map(|c| c.number), catalog.column_named(1, "c"), catalog.columns(9).len()), (Some(3), None, 0));
    }
}
