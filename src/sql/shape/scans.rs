//! What a statement asks of each table that it reads, as far as an index could serve it.
//!
//! Each place where a table is read is one [`Scan`] with the conditions that hold of its rows before anything else is done
//! with them, the order that is asked for and whether a few rows are enough. Common table expressions, views and
//! sub-queries are looked through where PostgreSQL does so. It refuses to know which indexes there are. Patterns, lists and
//! limits are told by their kind and their number; the values themselves are kept apart, for the statistics of a column alone.
//!
//! Read an example as it was logged rather than the normalised text: a pattern's first character, the length of a list and
//! the number behind LIMIT are in the values.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::TEXT_LIMIT;
use super::habits::Bound;

mod alternatives;
mod compared;
mod condition;
mod from;
mod needs;
mod nested;
mod operand;
mod order;
mod passing;
mod place;
mod walk;

#[cfg(test)]
mod tests;

pub use compared::{Compared, How, Known};

/// More tables of one statement are not told.
pub(super) const MOST_SCANS: usize = 64;

/// What is known of the database beyond the text. Names are written as [`super::Shape::tables`] has them.
pub trait Names {
    /// The columns of a relation; `None` if it is not known.
    fn columns(&self, relation: &str) -> Option<Vec<String>>;
    /// The query of a view; `None` of everything else.
    fn view(&self, relation: &str) -> Option<String>;
}

/// Where there is nothing but the text.
#[derive(Clone, Copy, Debug)]
pub struct TextAlone;

impl Names for TextAlone {
    fn columns(&self, _: &str) -> Option<Vec<String>> {
        None
    }

    fn view(&self, _: &str) -> Option<String> {
        None
    }
}

/// What a statement reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The places where it reads tables.
    pub scans: Vec<Scan>,
    /// The tables that it writes.
    pub writes: Vec<Write>,
    /// Whether it reads one table, and each of its rows that passes is one that is returned or written.
    pub passes: bool,
}

/// One place where a table is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The table, as the statement qualifies it.
    pub table: String,
    /// What must hold of its rows, all of it.
    pub terms: Vec<Term>,
    /// How many more conditions there are that no index serves: alternatives, negations, calculations.
    pub others: usize,
    /// The order that is asked for, if all of it is of this table.
    pub sort: Vec<SortKey>,
    /// A few of its rows are enough.
    pub limit: Option<Limit>,
    /// A few rows of a join are enough that it is part of.
    pub joined_limit: Option<Limit>,
    /// The columns that are read of it, but for those of USING; `None` if rows are wanted whole, or that is not known.
    pub needs: Option<Vec<String>>,
    /// The scan for each row of which this one is run again, because it is in a sub-query that no join replaces.
    pub for_each: Option<usize>,
    /// Which columns must equal what stands in a place of the text.
    pub placed: Vec<Placed>,
    /// Which values its conditions compare with, as far as that is told.
    pub compared: Vec<Compared>,
    /// Of the other conditions the ORs, each of whose arms an index of its own could serve.
    pub ors: Vec<Vec<Arm>>,
}

/// One alternative of an OR, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arm {
    /// What an index could serve, all of it against values.
    pub terms: Vec<Term>,
    /// With which values.
    pub compared: Vec<Compared>,
    /// How many more conditions there are.
    pub others: usize,
}

/// A column that must equal what stands in a place: `a = $1`, also with a cast or a function around the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The column.
    pub column: String,
    /// The `n` of `$n`.
    pub number: u32,
}

/// What must hold of one column, or of an expression over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Of what.
    pub key: Key,
    /// How it is compared.
    pub test: Test,
    /// With what.
    pub against: Against,
}

/// What an index would be on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A column by its name.
    Column(String),
    /// A column cast to a type of text, which for a column of text is the column itself.
    Text(String),
    /// An expression over one column.
    Expression {
        /// The column.
        column: String,
        /// As an index would be written on it; `None` if it cannot be, because it depends on more than its row, or holds a
        /// value.
        text: Option<String>,
    },
}

impl Key {
    /// The column.
    #[must_use]
    pub fn column(&self) -> &str {
        match self {
            Key::Column(column) | Key::Text(column) | Key::Expression { column, .. } => column,
        }
    }
}

/// How it is compared, by what an index could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// `=`.
    Equal,
    /// IN or `= ANY`, with the number of values; 0 if that is not known.
    AnyOf(u32),
    /// A boolean alone, true or false.
    Flag(bool),
    /// IS NULL.
    Null,
    /// IS NOT NULL.
    NotNull,
    /// `<`, `<=`, `>`, `>=`: one end of a range.
    Range,
    /// BETWEEN: both ends.
    Between,
    /// LIKE with a pattern that does not begin with a wildcard.
    Prefix,
    /// A pattern that begins with a wildcard, or is not LIKE.
    Pattern,
    /// LIKE with a pattern that nobody knows.
    Like,
    /// An operator of documents and arrays: `@>`, `?`, `&&`, `= ANY (column)`.
    Document,
}

/// What it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// What is known before a row is read: constants, parameters, what is computed of them.
    Value,
    /// The rows of another scan.
    Rows {
        /// The scan.
        scan: usize,
        /// Its column.
        column: String,
    },
    /// The rows of what is no table: a function, an aggregate, a list of values.
    Other,
}

/// One key of a sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The column.
    pub column: String,
    /// DESC.
    pub descends: bool,
    /// NULLs come first.
    pub nulls_first: bool,
}

impl SortKey {
    /// Whether NULLs are where the direction puts them anyway.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.nulls_first == self.descends
    }
}

/// How many rows are enough; `None` where the number is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Of LIMIT.
    pub rows: Option<u64>,
    /// Of OFFSET; 0 without.
    pub skipped: Option<u64>,
}

/// A table that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The table.
    pub table: String,
    /// What is done.
    pub kind: Written,
}

/// What is done to rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// INSERT.
    Inserted,
    /// UPDATE, of these columns.
    Updated(Vec<String>),
    /// DELETE.
    Deleted,
}

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// It is longer than 64 KiB.
    TooLong,
    /// It does not parse.
    Unparsed,
    /// There are several statements in it.
    Several,
    /// It is no SELECT, INSERT, UPDATE, DELETE or MERGE.
    Utility,
}

/// What a statement with its parameters, as a log has them (`$1 = '…', …`), asks of tables. `parameters` may be empty.
///
/// Needs a large stack, as [`super::parse`] does.
///
/// # Errors
/// Says why, if it is not one statement that reads or writes rows.
pub fn read(sql: &str, parameters: &[u8], names: &dyn Names) -> Result<Reading, Unread> {
    if sql.len() > TEXT_LIMIT {
        return Err(Unread::TooLong);
    }
    let parse = |sql: &str| Parser::parse_sql(&PostgreSqlDialect {}, sql);
    let statements = parse(sql).or_else(|_| parse(&plainer(sql))).map_err(|_| Unread::Unparsed)?;
    let [statement] = statements.as_slice() else { return Err(Unread::Several) };
    let mut walker = walk::Walker::new(Bound(parameters), names, statements.as_slice());
    if !walker.statement(statement) {
        return Err(Unread::Utility);
    }
    let mut reading = walker.into_reading();
    reading.passes = matches!(reading.scans.as_slice(), [scan] if passing::passing(statement).as_ref() == Some(&scan.table));
    Ok(reading)
}

/// Without what checks of foreign keys have and the parser refuses: ONLY before a qualified name, which it takes for a name,
/// and the weaker locks.
fn plainer(sql: &str) -> String {
    let is = |word: Option<&&str>, what: &str| word.is_some_and(|word| word.trim_ascii().eq_ignore_ascii_case(what));
    let words: Vec<&str> = sql.split_inclusive(' ').collect();
    let before = |at: usize| at.checked_sub(1).and_then(|at| words.get(at));
    let is_kept = |at: usize| {
        let word = words.get(at);
        let is_only = is(word, "only") && ["from", "join", "update"].iter().any(|lead| is(before(at), lead));
        let is_key = is(word, "key") && (is(before(at), "for") || is(before(at), "no"));
        let is_no = is(word, "no") && is(words.get(at + 1), "key") && is(before(at), "for");
        !(is_only || is_key || is_no)
    };
    words.iter().enumerate().filter(|(at, _)| is_kept(*at)).map(|(_, word)| *word).collect()
}

/// A name as SQL writes it, in quotes only where it needs them, which is how everything here names things.
#[must_use]
pub fn written(name: &str) -> String {
    super::names::written(name)
}
