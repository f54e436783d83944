//! A row as text, which is how the simple query protocol sends it.

use std::fmt;

use postgres::SimpleQueryRow;

/// A row of an answer.
pub struct Row(SimpleQueryRow);

impl Row {
    pub(super) fn new(row: SimpleQueryRow) -> Row {
        Row(row)
    }

    /// The value of a column by its position; `None` if it is null or there is no such column. Text that is not UTF-8 (a
    /// database in `SQL_ASCII` may hold any bytes) is `U+FFFD`.
    #[must_use]
    pub fn get(&self, column: usize) -> Option<&str> {
        if column >= self.0.len() {
            return None;
        }
        self.0.try_get(column).unwrap_or(Some("\u{FFFD}"))
    }

    /// The value of the first column of that name, as [`Row::get`].
    #[must_use]
    pub fn named(&self, column: &str) -> Option<&str> {
        self.get(self.columns().position(|name| name == column)?)
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.columns().iter().map(|column| column.name())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.columns().enumerate().map(|(at, name)| (name, self.get(at)))).finish()
    }
}
