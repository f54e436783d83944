//! An index as it is looked into, be it there or only thought of.

use crate::catalog::{Catalog, Column, Index, Relation};
use crate::sql::shape::scans::{Test, written};

use super::asked::{Asked, Condition, On, is_text};
use super::candidate::Candidate;
use super::price::Tree;
use super::selectivity;
use super::size;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Indexed {
    pub(super) keys: Vec<Key>,
    /// Columns whose values are in it.
    columns: Vec<i32>,
    pub(super) tree: Tree,
    /// Conditions that rows must pass to be in it, in a form that can be compared.
    predicate: Vec<String>,
    /// The part of the table's rows that is in it.
    pub(super) part: f64,
    pub(super) is_unique: bool,
    pub(super) is_hash: bool,
}

/// A key of an index.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) on: On,
    pub(super) descends: bool,
    pub(super) nulls_first: bool,
    pub(super) operators: Operators,
}

/// What its operator class can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operators {
    /// Equality, ranges, order.
    Usual,
    /// The same, and patterns: the collation is C.
    Plain,
    /// Equality and patterns.
    Pattern,
    /// Something else.
    Other,
}

impl Key {
    /// Whether the key serves a condition on what it is on.
    pub(super) fn serves(&self, condition: &Condition<'_>) -> bool {
        let can = match condition.test {
            Test::Equal | Test::AnyOf(_) | Test::Flag(_) | Test::Null => self.operators != Operators::Other,
            Test::Range | Test::Between => matches!(self.operators, Operators::Usual | Operators::Plain),
            Test::Prefix => matches!(self.operators, Operators::Pattern | Operators::Plain),
            Test::NotNull => self.operators != Operators::Other && condition.is_range(),
            Test::Pattern | Test::Like | Test::Document => false,
        };
        can && match (&self.on, &condition.on) {
            (On::Expression(own), On::Expression(asked)) => *own == plain(asked),
            (own, asked) => own == asked,
        }
    }

    pub(super) fn sorts(&self) -> bool {
        matches!(self.operators, Operators::Usual | Operators::Plain)
    }
}

/// An index of the catalogue; `None` if no plan can use it as a B-tree or a hash.
pub(super) fn existing(index: &Index, relation: &Relation, catalog: &Catalog) -> Option<Indexed> {
    let is_hash = index.method == "hash";
    if !index.is_valid || !(is_hash || index.method == "btree") {
        return None;
    }
    let count = usize::try_from(index.keys).ok()?.min(index.columns.len());
    let mut keys = Vec::new();
    for (at, &number) in index.columns.iter().take(count).enumerate() {
        let column = catalog.column(relation.oid, number);
        let on = if number == 0 { On::Expression(plain(index.key_text.get(at)?)) } else { On::Column(number) };
        let options = index.options.get(at).copied().unwrap_or_default();
        let class = index.opclasses.get(at).map(String::as_str).unwrap_or_default();
        let collation = index.collations.get(at).map(String::as_str).unwrap_or_default();
        keys.push(Key { on, descends: options & 1 != 0, nulls_first: options & 2 != 0, operators: operators(class, collation, column) });
    }
    let tuples = if index.tuples >= 0.0 { index.tuples } else { relation.tuples };
    let pages = index.pages.max(1) as f64;
    let predicate: Vec<String> = index.predicate.iter().flat_map(|predicate| conjuncts(predicate)).collect();
    let part = if predicate.is_empty() { 1.0 } else { (tuples / relation.tuples.max(1.0)).clamp(0.0, 1.0) };
    let correlation = correlation(&keys, relation, catalog);
    let height = size::height(pages, 20.0);
    // A hash has no values.
    let columns = if is_hash { Vec::new() } else { index.columns.clone() };
    Some(Indexed { keys, columns, tree: Tree { tuples, pages, height, correlation }, predicate, part, is_unique: index.is_unique, is_hash })
}

/// An index that is thought of.
pub(super) fn thought_of(candidate: &Candidate, relation: &Relation, catalog: &Catalog) -> Indexed {
    let keys: Vec<Key> = candidate
        .keys
        .iter()
        .map(|key| {
            let column = match key.on {
                On::Column(number) => catalog.column(relation.oid, number),
                On::Expression(_) => None,
            };
            let class = key.class.unwrap_or_default();
            let collation = column.and_then(|column| column.collation.as_deref()).unwrap_or_default();
            let operators = operators(class, collation, column);
            let on = match &key.on {
                On::Expression(text) => On::Expression(plain(text)),
                On::Column(number) => On::Column(*number),
            };
            Key { on, descends: key.descends, nulls_first: key.nulls_first, operators }
        })
        .collect();
    let predicate: Vec<String> = candidate.predicate.iter().map(|predicate| plain(&predicate.text)).collect();
    let part = candidate.predicate.as_ref().map_or(1.0, |predicate| predicate.part);
    let size = size::of(candidate, relation, catalog);
    let correlation = correlation(&keys, relation, catalog);
    let tree = Tree { tuples: (relation.tuples * part).max(1.0), pages: size.pages, height: size.height, correlation };
    let columns = keys.iter().filter_map(|key| if let On::Column(number) = key.on { Some(number) } else { None }).collect();
    Indexed { keys, columns, tree, predicate, part, is_unique: false, is_hash: false }
}

/// The correlation of the first column; `btcostestimate` takes three quarters of it where there are more.
fn correlation(keys: &[Key], relation: &Relation, catalog: &Catalog) -> f64 {
    let Some(Key { on: On::Column(number), .. }) = keys.first() else { return 0.0 };
    let first = catalog.column(relation.oid, *number).and_then(|column| column.correlation).unwrap_or_default().clamp(-1.0, 1.0);
    if keys.len() > 1 { first * 0.75 } else { first }
}

fn operators(class: &str, collation: &str, column: Option<&Column>) -> Operators {
    let of_column = column.and_then(|column| column.collation.as_deref()).unwrap_or_default();
    let is_plain = matches!(collation, "C" | "POSIX" | "ucs_basic");
    match class {
        _ if class.ends_with("_pattern_ops") => Operators::Pattern,
        // A condition has the collation of its column, which the index must have too.
        _ if column.is_some() && collation != of_column => Operators::Other,
        _ if is_plain && column.is_some_and(is_text) => Operators::Plain,
        _ => Operators::Usual,
    }
}

/// Operator classes that a B-tree has for the types of PostgreSQL where none is named, and those for patterns.
#[rustfmt::skip]
const USUAL: [&str; 37] = [
    "array_ops", "bit_ops", "bool_ops", "bpchar_ops", "bytea_ops", "char_ops", "cidr_ops", "citext_ops", "date_ops", "enum_ops",
    "float4_ops", "float8_ops", "inet_ops", "int2_ops", "int4_ops", "int8_ops", "interval_ops", "macaddr8_ops", "macaddr_ops", "money_ops",
    "multirange_ops", "name_ops", "numeric_ops", "oid_ops", "pg_lsn_ops", "range_ops", "record_ops", "text_ops", "tid_ops", "time_ops",
    "timestamp_ops", "timestamptz_ops", "timetz_ops", "uuid_ops", "varbit_ops", "varchar_ops", "xid8_ops",
];

/// Whether an operator class is one that a new index would have too.
pub(super) fn is_usual(class: &str) -> bool {
    USUAL.contains(&class) || class.ends_with("_pattern_ops")
}

/// A text in a form that can be compared: as PostgreSQL writes an expression, and as we do.
pub(super) fn plain(text: &str) -> String {
    let lower = text.to_lowercase().replace("::character varying", "").replace("::text", "");
    lower.chars().filter(|c| !matches!(c, '(' | ')' | ' ')).collect()
}

/// The parts of a predicate. One that holds an OR is a single part.
fn conjuncts(predicate: &str) -> Vec<String> {
    if predicate.contains(" OR ") {
        return vec![plain(predicate)];
    }
    predicate.split(" AND ").map(plain).collect()
}

impl Indexed {
    /// Whether the rows that are asked for are all in it. A predicate on a value may hold for what is asked, or not: then it
    /// counts as if it did, so that nothing is advised where a partial index may do.
    pub(super) fn holds(&self, asked: &Asked<'_>) -> bool {
        self.predicate.iter().all(|part| asked.conditions.iter().any(|condition| implies(condition, part)))
    }

    /// Whether it has all of these columns.
    pub(super) fn tells(&self, columns: &[i32]) -> bool {
        !self.columns.is_empty() && columns.iter().all(|column| self.columns.contains(column))
    }

    /// Whether a condition need not be looked at because all rows of the index pass it.
    pub(super) fn implies(&self, condition: &Condition<'_>) -> bool {
        let name = plain(&written(&condition.column.name));
        let is_one_value = match condition.test {
            Test::Null => format!("{name}isnull"),
            Test::NotNull => format!("{name}isnotnull"),
            Test::Flag(true) => name,
            Test::Flag(false) => format!("not{name}"),
            _ => return false,
        };
        self.predicate.contains(&is_one_value)
    }
}

fn implies(condition: &Condition<'_>, part: &str) -> bool {
    let name = plain(&written(&condition.column.name));
    match part.strip_prefix(name.as_str()) {
        Some("isnull") => condition.test == Test::Null,
        Some("isnotnull") => condition.test != Test::Null,
        Some("") => condition.test == Test::Flag(true),
        Some(rest) if rest.starts_with(['=', '<', '>']) => {
            condition.is_equality() || (condition.is_range() && condition.test != Test::NotNull)
        }
        _ => part == format!("not{name}") && condition.test == Test::Flag(false),
    }
}

/// Whether an index that is no B-tree leads to what a candidate would: a GiST index that begins with its columns, and a BRIN
/// index on a range of values that lie about as the rows do. What either costs is not known, but nobody made it for nothing.
pub(super) fn serves_loosely(index: &Index, asked: &Asked<'_>, candidate: &Indexed) -> bool {
    let count = usize::try_from(index.keys).unwrap_or_default().min(candidate.keys.len());
    let is_range = |condition: &&Condition<'_>| matches!(condition.test, Test::Range | Test::Between);
    let lies_so = |condition: &Condition<'_>| condition.column.correlation.is_none_or(|correlation| correlation.abs() >= 0.5);
    let serves = |key: &Key| {
        let On::Column(number) = key.on else { return false };
        let conditions = asked.conditions.iter().filter(|condition| condition.on == key.on && condition.joins.is_none());
        let is_there = match index.method.as_str() {
            "gist" => index.columns.iter().take(count).any(|own| *own == number),
            "brin" => index.columns.contains(&number),
            _ => false,
        };
        let mut ranges = conditions.clone().filter(is_range);
        let is_led_to = if index.method == "brin" {
            ranges.any(lies_so)
        } else {
            ranges.next().is_some() || conditions.clone().any(|c| c.test == Test::Equal)
        };
        is_there && is_led_to
    };
    // Neither gives the first rows of an order.
    let is_whole = index.is_valid && index.predicate.is_none() && asked.limit.is_none();
    is_whole && !candidate.keys.is_empty() && candidate.keys.iter().all(serves)
}

/// Columns by which a unique index finds one row at most, or `None` if it is not unique for all rows.
pub(super) fn unique_columns(index: &Index) -> Option<Vec<i32>> {
    let count = usize::try_from(index.keys).ok()?;
    let columns: Vec<i32> = index.columns.iter().take(count).copied().collect();
    (index.is_unique && index.is_valid && index.predicate.is_none() && !columns.contains(&0)).then_some(columns)
}

/// The distinct values of several columns together, as the planner multiplies them.
pub(super) fn distinct_keys(candidate: &Candidate, relation: &Relation, catalog: &Catalog) -> f64 {
    let of = |key: &super::candidate::CandidateKey| {
        let column = catalog.column(relation.oid, key.column)?;
        Some(selectivity::distinct(column, relation.tuples).0)
    };
    candidate.keys.iter().map(|key| of(key).unwrap_or(200.0)).product::<f64>().clamp(1.0, relation.tuples.max(1.0))
}

/// Whether an index begins with all the keys of another, in the same order and directions.
pub(super) fn begins(index: &Indexed, with: &Indexed) -> bool {
    let is_same =
        |(a, b): (&Key, &Key)| a.on == b.on && a.operators == b.operators && a.descends == b.descends && a.nulls_first == b.nulls_first;
    with.keys.len() < index.keys.len() && index.keys.iter().zip(&with.keys).all(is_same)
}
