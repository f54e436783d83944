//! What the schema is: relations, columns, indexes and constraints of one database, as a snapshot tells them.
//!
//! Plain data in the terms of PostgreSQL's catalogue, with the statistics of columns but none of their values unless asked
//! for. What follows from it for an index is not decided here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod whole;

pub use whole::{Catalog, Origin};

/// Whether a table, by its name with or without a schema, is one of the server's own: those are read by tools.
#[must_use]
pub fn is_of_server(table: &str) -> bool {
    table.starts_with("pg_") || table.starts_with("information_schema.")
}

/// Counters of the statistics views, by the names of their columns in whatever version.
pub type Usage = BTreeMap<String, Value>;

/// A table, a partitioned table, a materialised view, a view or a foreign table.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Relation {
    /// Its object id, which the other objects refer to.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `relkind`: r table, p partitioned, m materialised view, v view, f foreign table.
    pub kind: String,
    /// `relpersistence`: p permanent, u unlogged, t temporary.
    pub persistence: String,
    /// The planner's number of rows; −1 if it was never analysed.
    pub tuples: f64,
    /// Pages of 8 kB, as the planner last saw them.
    pub pages: i64,
    /// Pages that are visible to all.
    pub visible_pages: i64,
    /// Whether it is a partition.
    pub is_partition: bool,
    /// The table it is a partition of, or inherits from.
    pub parent: Option<u32>,
    /// A view's query.
    pub definition: Option<String>,
    /// `pg_stat_all_tables`.
    pub usage: Option<Usage>,
}

/// A column and what the planner knows of its values.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Column {
    /// Its relation.
    pub relation: u32,
    /// `attnum`.
    pub number: i32,
    /// Its name.
    pub name: String,
    /// Its type, as `format_type` has it.
    pub data_type: String,
    /// Its collation, if it has one.
    pub collation: Option<String>,
    /// Whether it is NOT NULL.
    pub not_null: bool,
    /// `pg_stats`: the share of NULLs; this and what follows is `null` without ANALYZE or without the right to read it.
    pub null_frac: Option<f64>,
    /// Distinct values; negative: as a share of the rows.
    pub n_distinct: Option<f64>,
    /// Mean width in bytes.
    pub avg_width: Option<i64>,
    /// Between the order of values and that on disk, −1 to 1.
    pub correlation: Option<f64>,
    /// Frequencies of the most common values.
    pub common_freqs: Option<Vec<f64>>,
    /// The most common values as text, only if asked for.
    pub common_values: Option<String>,
    /// Bounds of the histogram as text, only if asked for.
    pub histogram: Option<String>,
}

/// An index.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Index {
    /// Its object id.
    pub oid: u32,
    /// The table.
    pub relation: u32,
    /// Its name.
    pub name: String,
    /// Its access method, such as `btree`.
    pub method: String,
    /// `indkey`: numbers of columns, 0 for an expression.
    pub columns: Vec<i32>,
    /// How many of them are keys; the rest is INCLUDEd.
    pub keys: i32,
    /// Each key column or expression, as it would be written.
    pub key_text: Vec<String>,
    /// The operator class of each key.
    pub opclasses: Vec<String>,
    /// The collation of each key, empty if it has none.
    pub collations: Vec<String>,
    /// `indoption` of each key: bit 0 descending, bit 1 NULLS FIRST.
    pub options: Vec<i32>,
    /// Its predicate, if it is partial.
    pub predicate: Option<String>,
    /// Whether it is unique.
    pub is_unique: bool,
    /// Whether it is the primary key's.
    pub is_primary: bool,
    /// Whether it enforces an exclusion constraint.
    pub is_exclusion: bool,
    /// Whether queries may use it.
    pub is_valid: bool,
    /// Whether it identifies rows for replication.
    pub is_replica_identity: bool,
    /// The planner's number of entries.
    pub tuples: f64,
    /// Pages of 8 kB.
    pub pages: i64,
    /// `CREATE INDEX …`.
    pub definition: String,
    /// `pg_stat_all_indexes`.
    pub usage: Option<Usage>,
}

/// A constraint.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Constraint {
    /// Its table.
    pub relation: u32,
    /// Its name.
    pub name: String,
    /// `contype`: p primary key, u unique, f foreign key, c check, x exclusion.
    pub kind: String,
    /// Its columns by number.
    pub columns: Vec<i32>,
    /// A foreign key's other table.
    pub references: Option<u32>,
    /// The other table's columns by number.
    pub referenced_columns: Vec<i32>,
    /// The index that stands behind it.
    pub index: Option<u32>,
    /// As it would be written.
    pub definition: String,
}

/// An extended statistics object.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Statistics {
    /// Its table.
    pub relation: u32,
    /// Its name.
    pub name: String,
    /// Its columns by number.
    pub columns: Vec<i32>,
    /// `stxkind`: d distinct counts, f dependencies, m most common values, e expressions.
    pub kinds: Vec<String>,
}

/// A sequence, and the column that it numbers.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sequence {
    /// Its object id.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it gave out last; `None` if it gave nothing yet, or if that may not be read.
    pub last_value: Option<i64>,
    /// The end of it, or the beginning where it counts down.
    pub max_value: i64,
    /// By how much it grows; negative: it counts down.
    pub increment: i64,
    /// Whether it begins anew at its end.
    pub is_cycle: bool,
    /// The table of the column that owns it.
    pub relation: Option<u32>,
    /// That column's number.
    pub number: Option<i32>,
}

/// Something that keeps VACUUM from removing what it may still see.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Horizon {
    /// `backend`, `prepared`, `slot` or `standby`.
    pub holder: String,
    /// The state of a backend as `pg_stat_activity` has it; `active` or `inactive` of a slot.
    pub state: Option<String>,
    /// How many transactions began since the oldest one that it may still see.
    pub age: i64,
    /// For how many seconds its transaction has been open, where that is told.
    pub seconds: Option<f64>,
}

/// An index that is being built.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Build {
    /// The index, or 0 before it is known; `None` if the role may not read it.
    pub index: Option<u32>,
}

/// Since when the counters of use count.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Since {
    /// `stats_reset` of the database, RFC 3339; `None` if they were never reset.
    pub reset: Option<String>,
}

/// One object, as a line of a snapshot tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Object {
    /// See [`Relation`].
    Relation(Relation),
    /// See [`Column`].
    Column(Column),
    /// See [`Index`].
    Index(Index),
    /// See [`Constraint`].
    Constraint(Constraint),
    /// See [`Statistics`].
    Statistics(Statistics),
    /// See [`Sequence`].
    Sequence(Sequence),
    /// See [`Horizon`].
    Horizon(Horizon),
    /// See [`Build`].
    Build(Build),
    /// See [`Since`].
    Since(Since),
}

impl Object {
    /// The kinds of line that are objects of the catalogue.
    pub const KINDS: [&str; 9] = ["relation", "column", "index", "constraint", "statistics", "sequence", "horizon", "build", "since"];
}
