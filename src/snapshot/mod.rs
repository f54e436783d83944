//! The snapshot file: what it holds, line by line, and the SQL that asks a server for it.
//!
//! One JSON object a line, each with its `type`; the first line says which version of the format it is and the last that
//! nothing is missing. Reading is left to `source::laggard_snapshot`, which takes what psql makes of the same SQL too.
//! Nothing here talks to a server.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::{Build, Catalog, Column, Constraint, Horizon, Index, Object, Origin, Relation, Sequence, Since, Statistics};
use crate::units::Timestamp;

pub mod psql;
pub mod sql;

/// The version of the format.
pub const SCHEMA: &str = "laggard.snapshot/1";

/// The first line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Header {
    /// `laggard.snapshot/1`.
    pub schema: String,
    /// What wrote it: `laggard` and its version, or `psql`.
    pub tool: String,
    /// The server's clock when the counters were read, RFC 3339.
    pub taken_at: String,
    /// As `server_version_num`.
    pub server_version_num: u32,
    /// As `server_version`.
    pub server_version: String,
    /// The same for a server and its standbys; `null` before 9.6.
    pub system_identifier: Option<String>,
    /// The address that answered; `null` over a Unix socket.
    pub node: Option<String>,
    /// Whether it was a standby.
    pub in_recovery: bool,
    /// When the server was started.
    pub postmaster_start: String,
    /// The database that was connected to, whose catalogue it is.
    pub database: String,
    /// The version of `pg_stat_statements`; `null` if it is not there.
    pub extension_version: Option<String>,
    /// Rounds of dropping entries since the reset; `null` before 1.9.
    pub dealloc: Option<u64>,
    /// When all entries were reset; `null` before 1.9.
    pub stats_reset: Option<String>,
    /// Settings that change what the numbers mean, and those of the planner's costs.
    pub settings: BTreeMap<String, String>,
    /// Entries whose statement the role may not read.
    pub hidden: u64,
    /// `masked`, `full` or `none`.
    pub texts: String,
    /// What could not be read, and what cures it.
    pub notes: Vec<String>,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Line {
    /// The first.
    Snapshot(Header),
    /// A role's name.
    Role {
        /// Its object id.
        oid: u32,
        /// Its name.
        name: String,
    },
    /// A database's name.
    Database {
        /// Its object id.
        oid: u32,
        /// Its name.
        name: String,
    },
    /// One entry of `pg_stat_statements`, under the names that its version gives the columns: times in milliseconds.
    Statement(BTreeMap<String, Value>),
    /// The text of the entries with this id.
    Text {
        /// The server's id.
        queryid: i64,
        /// The text; literals are masked unless the header says `full`.
        query: String,
    },
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
    /// The last; without it a file is cut.
    End {
        /// How many lines there are, this one included.
        lines: u64,
    },
}

/// Everything that a server told.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// See [`Header`].
    pub header: Header,
    /// Everything between the first line and the last.
    pub lines: Vec<Line>,
    /// Ids of the statements that laggard itself sent, which are not among the lines and not in the file.
    pub own: Vec<i64>,
    /// Whether the counters could be read, be there any or not.
    pub has_counters: bool,
}

impl Line {
    /// The line as an object of the catalogue, if it is one.
    #[must_use]
    pub fn object(self) -> Option<Object> {
        Some(match self {
            Line::Relation(relation) => Object::Relation(relation),
            Line::Column(column) => Object::Column(column),
            Line::Index(index) => Object::Index(index),
            Line::Constraint(constraint) => Object::Constraint(constraint),
            Line::Statistics(statistics) => Object::Statistics(statistics),
            Line::Sequence(sequence) => Object::Sequence(sequence),
            Line::Horizon(horizon) => Object::Horizon(horizon),
            Line::Build(build) => Object::Build(build),
            Line::Since(since) => Object::Since(since),
            Line::Snapshot(_) | Line::Role { .. } | Line::Database { .. } | Line::Statement(_) | Line::Text { .. } | Line::End { .. } => {
                return None;
            }
        })
    }
}

impl Snapshot {
    /// The catalogue in it.
    #[must_use]
    pub fn into_catalog(self) -> Catalog {
        let header = self.header;
        let moment = |text: &str| text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp(time.as_microsecond()));
        let origin = Origin {
            server: header.system_identifier.or(header.node),
            database: Some(header.database),
            taken: moment(&header.taken_at),
            started: moment(&header.postmaster_start),
            version: Some(header.server_version_num),
            in_recovery: Some(header.in_recovery),
            settings: header.settings,
        };
        Catalog::of(origin, self.lines.into_iter().filter_map(Line::object))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If `to` cannot be written to.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut put = |line: &Line| {
            serde_json::to_writer(&mut *to, line)?;
            to.write_all(b"\n")
        };
        put(&Line::Snapshot(self.header.clone()))?;
        self.lines.iter().try_for_each(&mut put)?;
        put(&Line::End { lines: self.lines.len() as u64 + 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = "src/snapshot/snapshot.schema.json";

    #[test]
    fn the_committed_schema_is_that_of_the_structs() {
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Line)).expect("JSON") + "\n";
        if std::env::var_os("LAGGARD_BLESS").is_some() {
            std::fs::write(COMMITTED, &schema).expect("written");
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
        assert!(committed == schema, "run the tests with LAGGARD_BLESS=1 to renew {COMMITTED}");
    }

    #[test]
    fn a_file_begins_with_its_format_and_ends_with_its_length() {
        let header = Header { schema: SCHEMA.to_owned(), ..Header::default() };
        let snapshot = Snapshot { header, lines: vec![Line::Role { oid: 10, name: "app".to_owned() }], own: vec![7], has_counters: true };
        let mut file = Vec::new();
        snapshot.write(&mut file).expect("to memory");
        let lines: Vec<Value> = String::from_utf8_lossy(&file).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((&lines[0]["type"], &lines[0]["schema"]), (&"snapshot".into(), &SCHEMA.into()));
        assert_eq!(lines[2], serde_json::json!({"type": "end", "lines": 3}));
    }
}
