//! What in a statement tends to cost: the ways of writing SQL that an index cannot serve, or that read more than is asked for.
//!
//! Read from an example as it was logged, because some of it is in the values: a pattern that begins with `%`, the number
//! behind OFFSET, the length of a list. No value is in what comes out, only names and counts. Whether a habit costs
//! anything is not known here.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Statement, Value, Visit, visit_expressions};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use crate::sql::parameters::parameters;

use super::TEXT_LIMIT;

mod columns;
mod conditions;
mod finder;
mod joins;
mod lists;
mod queries;
mod rows;

/// A way of writing SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// UPDATE or DELETE of a whole table; which of them is [`Habit::with`].
    WriteWithoutWhere,
    /// FOR UPDATE or the like of rows by no key, without LIMIT and SKIP LOCKED.
    LockWithoutLimit,
    /// ORDER BY random().
    OrderByRandom,
    /// Tables that no condition joins.
    CartesianJoin,
    /// A pattern that begins with `%` or `_`.
    LeadingWildcard,
    /// NOT IN (SELECT …).
    NotInSubquery,
    /// A sub-query in the select list that refers to the row around it.
    CorrelatedSubquery,
    /// A list of values; [`Habit::size`] is its length.
    List,
    /// OFFSET; [`Habit::size`] is how many rows are skipped, where that is known.
    Offset,
    /// A count that is only compared with 0.
    CountForExistence,
    /// Counts all rows of a table.
    CountWithoutFilter,
    /// An operator on documents or arrays: `->>`, `@>`, `?`, `&&`, `= ANY (column)`; it is [`Habit::with`].
    DocumentFilter,
    /// A column is cast before it is compared; the type is [`Habit::with`].
    CastOnColumn,
    /// A column is compared after a function; its name is [`Habit::with`], and [`Habit::size`] is 1 if it is with a pattern
    /// that nobody knows.
    FunctionOnColumn,
    /// OR between columns; the other column is [`Habit::with`].
    OrAcrossColumns,
    /// OR between columns of several tables.
    OrAcrossTables,
    /// ILIKE without a wildcard in front.
    CaseInsensitiveMatch,
    /// DISTINCT over a join of rows that are not selected; [`Habit::size`] is 1 if they point to the key of others by name.
    DistinctJoin,
    /// The outermost query has no LIMIT and picks no row by a column that identifies it; [`Habit::size`] is 0 without any
    /// condition, 1 if none asks for equality, and 2 if one does.
    Unbounded,
    /// `*` in the outermost select list.
    Star,
    /// UPDATE of a row by its key; [`Habit::size`] is the number of columns set.
    RowUpdate,
}

/// One such place in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habit {
    /// What it is.
    pub kind: Kind,
    /// The table, as far as the text tells.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// See [`Kind`].
    pub with: Option<String>,
    /// See [`Kind`].
    pub size: u64,
}

impl Habit {
    fn of(kind: Kind, table: Option<String>) -> Self {
        Habit { kind, table, column: None, with: None, size: 0 }
    }
}

/// What was found in one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// The relations that it names, sorted.
    pub tables: Vec<String>,
    /// Its habits, in the order of [`Kind`].
    pub found: Vec<Habit>,
    /// Some condition compares a column that identifies rows, such as `id` or `order_id`, with a value.
    pub is_keyed: bool,
}

impl Habits {
    /// The first habit of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&Habit> {
        self.found.iter().find(|habit| habit.kind == kind)
    }
}

/// The habits of a statement with its parameters as a log has them (`$1 = '…', …`), which may be empty. `None` if it is too
/// long, does not parse, or neither reads nor writes rows.
///
/// Needs a large stack, as [`super::parse`] does.
#[must_use]
pub fn read(sql: &str, parameters: &[u8]) -> Option<Habits> {
    if sql.len() > TEXT_LIMIT {
        return None;
    }
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()?;
    let works = |statement: &Statement| {
        matches!(statement, Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_))
    };
    if statements.is_empty() || !statements.iter().all(works) {
        return None;
    }
    let mut finder = finder::Finder::new(Bound(parameters));
    // The finder never breaks off, so the flow that comes back carries nothing.
    let _ = statements.visit(&mut finder);
    Some(finder.into_habits())
}

/// How many values the longest list behind IN has in a text that may be cut within it, as far as it can be seen.
#[must_use]
pub fn longest_list(sql: &[u8]) -> u64 {
    lists::longest(sql)
}

/// The parameters of one execution, as the log has them.
#[derive(Clone, Copy)]
pub(super) struct Bound<'p>(pub(super) &'p [u8]);

impl Bound<'_> {
    /// What a constant or a parameter says; `None` where it is neither, or not known.
    pub(super) fn text(self, expr: &Expr) -> Option<String> {
        let Expr::Value(value) = expr else { return None };
        match &value.value {
            Value::Number(number, _) => Some(number.clone()),
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) | Value::NationalStringLiteral(text) => Some(text.clone()),
            Value::Placeholder(name) => {
                let number: u32 = name.strip_prefix('$')?.parse().ok()?;
                let value = parameters(self.0).find(|parameter| parameter.number == number)?.value?;
                Some(String::from_utf8_lossy(value).into_owned())
            }
            _ => None,
        }
    }
}

/// Whether a column stands anywhere in an expression, sub-queries included.
fn has_column(expr: &Expr) -> bool {
    let is_column = |expr: &Expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    visit_expressions(expr, is_column).is_break()
}

/// Without the parentheses around it.
fn unnested(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

#[cfg(test)]
mod tests;
