//! What a statement touches and how: verb, tables, predicates, joins, ordering.
//!
//! It refuses to know about events, counts, fingerprints and literals: it is handed normalised text, once per distinct
//! statement and never per event. Grouping never depends on what it answers, because a few statements in a hundred do
//! not parse and a new sqlparser may read the others differently. For those that do not parse, [`from_words`] gleans the
//! verb and the tables from plain words. `sqlparser` is named here and in the modules below, and nowhere else.
//!
//! Run [`parse`] on a thread with a stack of [`DEEP`], as [`on_a_deep_stack`] does. sqlparser shields its parser and visitor
//! from deep trees, but `Drop` and `Display` of a tree recurse, and an overflow there aborts the process. For the same
//! reason no tree is ever cloned, long texts are refused, and the walks in the modules below keep their own stacks.

use std::fmt::Write;

use sqlparser::ast::Visit;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

mod columns;
pub mod habits;
mod names;
mod ordering;
mod predicates;
mod reader;
mod relations;
pub mod scans;
mod scopes;
mod stack;
mod verbs;
mod words;

pub use stack::{DEEP, on_a_deep_stack};
pub use words::from_words;

/// Longest text, in bytes, that [`parse`] accepts.
const TEXT_LIMIT: usize = 64 * 1024;

/// What one normalised statement does, as far as its text can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The command in lower case: `select`, `insert`, `create table`; behind `with`, the main one.
    pub verb: String,
    /// Relations read or written, as qualified in the text, sorted and without repeats. Names of common table expressions
    /// and of functions in FROM are left out.
    pub tables: Vec<String>,
    /// Columns compared in WHERE, ON, USING and HAVING at any depth, sorted and without repeats.
    pub predicates: Vec<Predicate>,
    /// Sources joined to another: each explicit JOIN and each further item of a FROM list.
    pub joins: usize,
    /// Sort keys of the outermost query, in order.
    pub order_by: Vec<OrderKey>,
    /// The outermost query has LIMIT or FETCH FIRST.
    pub limit: bool,
    /// Queries below the outermost one, common table expressions included.
    pub subqueries: usize,
    /// UNION, INTERSECT and EXCEPT, each occurrence.
    pub set_operations: usize,
    /// The text on several lines, as sqlparser renders it.
    pub pretty: String,
    /// Occurrences of relations, joins, predicates, sub-queries and set operations, added up. A table joined to itself
    /// counts twice.
    pub complexity: u32,
}

/// One column in a condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Predicate {
    /// The table it belongs to; `None` where the text alone cannot say, or where the column comes from a sub-query, a
    /// common table expression or a function.
    pub table: Option<String>,
    /// The column's name, without qualifiers.
    pub column: String,
    /// How it is compared.
    pub operator: Operator,
    /// Compared with a column of another source, or with the rows of a sub-query.
    pub is_join: bool,
    /// Stands under an OR, so that it alone narrows nothing.
    pub alternative: bool,
}

/// How a column is compared, by what a B-tree index on it could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// `=`, and a boolean column standing alone.
    Equal,
    /// `<`, `<=`, `>`, `>=`, BETWEEN.
    Range,
    /// LIKE, ILIKE, SIMILAR TO, `^@` and the regular-expression operators.
    Like,
    /// IN and `= ANY`.
    In,
    /// IS NULL.
    IsNull,
    /// All the rest, which a plain index on the column cannot serve: `<>`, NOT, IS NOT NULL, operators of other types, a
    /// column inside a function, a cast or a calculation, and two columns of one row.
    Other,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderKey {
    /// The key as sqlparser renders it.
    pub expression: String,
    /// The table of the column, where the key is one and its table is certain.
    pub table: Option<String>,
    /// The column's name, where the key is a plain column and no alias of the select list.
    pub column: Option<String>,
    /// DESC.
    pub descending: bool,
}

/// Reads a normalised statement; several separated by `;` share one shape, whose verb is the first's. `None` when the text
/// is longer than 64 KiB or sqlparser refuses it.
///
/// Needs a large stack: see the module's documentation.
pub fn parse(text: &str) -> Option<Shape> {
    if text.len() > TEXT_LIMIT {
        return None;
    }
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, text).ok()?;
    let verb = verbs::of_statement(statements.first()?, text);
    let mut reader = reader::Reader::default();
    // The reader never breaks off, so the flow that comes back carries nothing.
    let _ = statements.visit(&mut reader);
    let mut pretty = String::new();
    for (place, statement) in statements.iter().enumerate() {
        let gap = if place == 0 { "" } else { ";\n" };
        // Not format!, which panics where a Display of sqlparser's reports an error.
        write!(pretty, "{gap}{statement:#}").ok()?;
    }
    Some(reader.into_shape(verb, pretty))
}

#[cfg(test)]
mod tests;
