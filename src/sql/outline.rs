//! What a loop needs to know of a statement: what it does, to which tables, and which columns its values must equal.
//!
//! Gleaned from the words of the normalised text, once per distinct statement, so that every statement has one: a loop is
//! looked for in what parses and in what does not. Names lose their quotes and schemas here, because only likeness counts.

use super::lexer::{Dialect, TokenKind, lex};

mod keys;
mod relation;
mod roles;

pub use relation::Relatable;

/// How a normalised text says that a list may have any length.
pub const LIST: &str = "/*, ... */";

/// What a statement is to a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Begins a transaction.
    Begin,
    /// Ends a transaction.
    End,
    /// Belongs to no work: a ping, a setting, a savepoint, a look at the catalogue.
    Chatter,
    /// Begins the session's life anew: DISCARD ALL, RESET ALL.
    Anew,
    /// Reads rows.
    Read,
    /// Adds rows.
    Insert,
    /// Changes or removes rows.
    Change,
    /// Anything else.
    #[default]
    Other,
}

impl Role {
    /// Whether it writes rows.
    #[must_use]
    #[inline]
    pub fn writes(self) -> bool {
        matches!(self, Role::Insert | Role::Change)
    }

    /// Whether it does work on rows.
    #[must_use]
    #[inline]
    pub fn works(self) -> bool {
        matches!(self, Role::Read | Role::Insert | Role::Change | Role::Other)
    }
}

/// A column that must equal a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The table, as far as the text tells.
    pub table: Option<String>,
    /// The column.
    pub column: String,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// What it is to a session.
    pub role: Role,
    /// The tables in the order of the text, without schemas.
    pub tables: Vec<String>,
    /// The schema of the first of them, where the text names one.
    pub schema: Option<String>,
    /// The columns that must equal a value, wherever the condition stands.
    pub keys: Vec<Key>,
    /// The columns of the outermost select list, by their names; empty for all of them, and for values and expressions alone.
    pub columns: Vec<String>,
    /// The select list begins with a value or EXISTS.
    pub is_probe: bool,
    /// Whether the select list has a `*` that brings whole rows.
    pub has_star: bool,
    /// Values in the normalised text.
    pub values: u32,
    /// Whether a value may be an array of keys: `= ANY ($1)`.
    pub takes_array: bool,
    /// A list of values may have any length.
    pub has_list: bool,
    /// Whether the number of values of a call says nothing of it.
    pub is_uncountable: bool,
    /// A column is compared with a value by order.
    pub has_range: bool,
    /// ORDER BY.
    pub is_ordered: bool,
    /// LIMIT or FETCH FIRST.
    pub is_limited: bool,
    /// Counts, sums and the like without GROUP BY: one row.
    pub is_aggregate: bool,
    /// FOR UPDATE SKIP LOCKED.
    pub skips_locked: bool,
}

/// The words of a text that count.
pub(super) struct Words<'t>(Vec<&'t str>);

impl<'t> Words<'t> {
    fn of(text: &'t str) -> Self {
        let counts = |kind| !matches!(kind, TokenKind::Whitespace | TokenKind::Comment);
        let words = lex(text.as_bytes(), Dialect::default()).filter(|token| counts(token.kind));
        Words(words.filter_map(|token| std::str::from_utf8(token.text).ok()).collect())
    }

    pub(super) fn at(&self, at: usize) -> &'t str {
        self.0.get(at).copied().unwrap_or("")
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A name with its qualifiers that begins at a place, and the place behind it.
    pub(super) fn name(&self, at: usize) -> Option<(Vec<&'t str>, usize)> {
        let mut parts = vec![unquoted(Some(self.at(at)).filter(|word| is_name(word))?)];
        let mut at = at + 1;
        while self.at(at) == "." && (is_name(self.at(at + 1)) || self.at(at + 1) == "*") {
            parts.push(unquoted(self.at(at + 1)));
            at += 2;
        }
        Some((parts, at))
    }

    /// A name with its qualifiers that ends at a place.
    pub(super) fn name_before(&self, end: usize) -> Option<Vec<&'t str>> {
        let mut parts = vec![unquoted(Some(self.at(end)).filter(|word| is_name(word))?)];
        let mut at = end;
        while at >= 2 && self.at(at - 1) == "." && is_name(self.at(at - 2)) {
            parts.insert(0, unquoted(self.at(at - 2)));
            at -= 2;
        }
        Some(parts)
    }
}

/// Whether a word may be part of a name; keywords are not told apart.
fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"')
}

fn unquoted(word: &str) -> &str {
    word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word)
}

pub(super) fn is_value(word: &str) -> bool {
    word.starts_with('$') && word[1..].bytes().all(|b| b.is_ascii_digit())
}

impl Outline {
    /// Reads a normalised text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let words = Words::of(text);
        let mut outline = Outline { role: roles::role(&words, text), ..Outline::default() };
        if !outline.role.works() {
            return outline;
        }
        outline.values = words.0.iter().filter(|word| is_value(word)).filter_map(|word| word[1..].parse().ok()).max().unwrap_or(0);
        outline.has_list = text.contains(LIST);
        outline.is_uncountable = text.contains("/*(...)*/");
        keys::read(&words, &mut outline);
        outline
    }

    /// The table that it reads or writes first.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        self.tables.first().map(String::as_str)
    }

    /// Whether it reads one row by its own key.
    #[must_use]
    pub fn is_lookup(&self) -> bool {
        let own = |key: &Key| is_identity(&key.column) && (key.table.is_none() || key.table.as_deref() == self.table());
        self.keys.iter().any(own) && !self.has_list
    }

    /// Whether it asks only if there are rows: `SELECT 1 … LIMIT 1`, `SELECT EXISTS (…)`.
    #[must_use]
    pub fn asks_whether(&self) -> bool {
        self.role == Role::Read && self.is_probe && self.columns.is_empty() && !self.has_star && !self.is_aggregate
    }

    /// Whether a loop of it is one over rows that were read before: a key, no page of a table, no queue.
    #[must_use]
    pub fn is_by_key(&self) -> bool {
        let pages = self.has_range && self.is_ordered && self.is_limited;
        self.role == Role::Insert || (!self.keys.is_empty() && !self.skips_locked && !pages)
    }
}

/// Whether a column is the key of its own table.
#[must_use]
pub fn is_identity(column: &str) -> bool {
    matches!(column, "id" | "Id" | "ID" | "uuid" | "pk" | "_id")
}

#[cfg(test)]
mod tests;
