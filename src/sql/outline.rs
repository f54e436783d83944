//! What a loop needs to know of a statement: what it does, to which tables, and which columns its values must equal.
//!
//! Gleaned from the words of the normalised text, once per distinct statement, so that every statement has one: a loop is
//! looked for in what parses and in what does not. Names lose their quotes and schemas here, because only likeness counts.

use super::lexer::{Dialect, TokenKind, lex};

mod keys;
mod roles;

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
    pub fn writes(self) -> bool {
        matches!(self, Role::Insert | Role::Change)
    }

    /// Whether it does work on rows.
    #[must_use]
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

/// How surely the rows of one statement make another run once for each of them: 0 not at all, 1 perhaps, 2 by its names.
#[must_use]
pub fn relation(child: &Outline, parent: &Outline) -> u8 {
    if parent.role != Role::Read || parent.is_aggregate || parent.asks_whether() || parent.is_lookup() {
        return 0;
    }
    if child.role == Role::Insert {
        let shares = !parent.is_by_key() && child.tables.iter().any(|table| parent.tables.contains(table));
        return if shares { 1 } else { 0 };
    }
    child.keys.iter().map(|key| related(key, child, parent)).max().unwrap_or(0)
}

fn related(key: &Key, child: &Outline, parent: &Outline) -> u8 {
    let table = key.table.as_deref().or_else(|| child.table());
    let Some(stem) = stem(&key.column) else {
        let Some(table) = table else { return 0 };
        if !is_identity(&key.column) {
            return named_for(&key.column, table, parent);
        }
        // The child's own key: the parent reads the same rows, or a column that points to them.
        if child.role == Role::Change && parent.table() == Some(table) {
            return 2;
        }
        let points = |column: &String| stem_is_of(column, table) || is_singular_of(&bare(column), table);
        return match () {
            () if parent.columns.iter().any(points) => 2,
            () if parent.table() == Some(table) && child.role == Role::Read && parent.tables.len() == 1 => 1,
            () if parent.has_star => 2,
            () if parent.columns.iter().any(|column| self::stem(column).is_some()) => 1,
            () => 0,
        };
    };
    // A column that points to the parent's rows.
    if parent.tables.iter().any(|parent| is_singular_of(&stem, parent)) {
        return 2;
    }
    // A column that both have: the rows of the same owner.
    if parent.columns.contains(&key.column) {
        return 1;
    }
    // The owner goes by another name.
    u8::from(parent.columns.iter().any(|column| is_identity(column)) || parent.has_star)
}

/// How surely a column without an ending points to the parent's rows: `author` does, `author_books` may.
fn named_for(column: &str, table: &str, parent: &Outline) -> u8 {
    let others = || parent.tables.iter().filter(|other| *other != table);
    let begins = |other: &String| column.match_indices('_').any(|(end, _)| is_singular_of(&bare(&column[..end]), other));
    match () {
        () if others().any(|other| is_singular_of(&bare(column), other)) => 2,
        () => u8::from(others().any(begins)),
    }
}

/// A name as [`singular`] ones are compared.
fn bare(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}

/// Whether a column is the key of its own table.
#[must_use]
pub fn is_identity(column: &str) -> bool {
    matches!(column, "id" | "Id" | "ID" | "uuid" | "pk" | "_id")
}

/// What a column points to: `author` for `author_id` and `authorId`.
fn stem(column: &str) -> Option<String> {
    let stem = ["_id", "_uuid", "Id", "ID", "_pk"].iter().find_map(|end| column.strip_suffix(end))?;
    (!stem.is_empty()).then(|| bare(stem))
}

fn stem_is_of(column: &str, table: &str) -> bool {
    stem(column).is_some_and(|stem| is_singular_of(&stem, table))
}

/// Whether a word is the singular of a table's name, or of the last part of it.
fn is_singular_of(word: &str, table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    let parts: Vec<&str> = table.split('_').collect();
    (0..parts.len()).any(|from| {
        let name = parts[from..].concat();
        name == word || singular(&name) == word
    })
}

/// The singular of an English plural.
fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = ["sses", "xes", "ches", "shes", "uses"].iter().find(|end| name.ends_with(**end)).map(|_| &name[..name.len() - 2]) {
        return stem.to_owned();
    }
    match name {
        "people" => "person".to_owned(),
        "children" => "child".to_owned(),
        _ => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}

#[cfg(test)]
mod tests;
