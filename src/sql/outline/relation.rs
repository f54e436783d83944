//! How surely the rows of one statement make another run once for each of them.
//!
//! It is asked of pairs, and there are far more pairs than statements. So what it asks of a statement is worked out once, as
//! its [`Relatable`] of every pair: names in small letters, stems, and for each set of names a few bits ([`bit`]). Two sets without
//! a bit in common have no name in common, which answers most pairs at once.

use std::borrow::Cow;

use super::{Outline, Role, is_identity};

/// What [`Self::relation`] asks of a statement.
#[derive(Clone, Debug)]
pub struct Relatable {
    role: Role,
    is_by_key: bool,
    /// Its rows may be looped over.
    may_be_parent: bool,
    has_star: bool,
    /// Some column of its rows is the key of a table.
    has_identity: bool,
    /// Some column of its rows has a stem.
    has_stem: bool,
    tables: Vec<Table>,
    /// The bits of the tables' names, and of what they are compared with.
    names: u64,
    singulars: u64,
    columns: Vec<String>,
    /// What its columns may point to, and the bits of that.
    pointers: Vec<Word>,
    pointed: u64,
    keys: Vec<Asked>,
}

/// What a key of a child asks of a parent.
#[derive(Clone, Debug)]
enum Asked {
    /// The key of its own table: whether the parent reads the same rows, or points to them.
    Own(Table),
    /// A column that points to something: whether that is the parent's rows.
    Pointing { stem: Word, column: String },
    /// A column without an ending: whether it is named for the parent's rows.
    Named(ForTable),
}

/// A word and its bit.
#[derive(Clone, Debug, PartialEq)]
struct Word {
    bit: u64,
    text: String,
}

/// A table, and the words of which it may be the plural.
#[derive(Clone, Debug)]
struct Table {
    name: Word,
    /// Its name as words are compared, and where the parts of it begin.
    bare: String,
    starts: Vec<usize>,
    singulars: u64,
}

/// A column of a table without an ending, and where the first words of it end.
#[derive(Clone, Debug)]
struct ForTable {
    table: Word,
    column: Word,
    ends: Vec<usize>,
    /// The bits of the column and its first words.
    words: u64,
}

/// A name of more parts may have any bit: each part costs as much as the name is long.
const MOST_PARTS: usize = 16;

/// One of 64 bits for a word.
fn bit(word: &str) -> u64 {
    // The hash of Fowler, Noll and Vo in its form 1a; the highest bits are the best.
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    1 << (hash >> 58)
}

fn bits<'w>(words: impl ExactSizeIterator<Item = Cow<'w, str>>) -> u64 {
    if words.len() > 2 * MOST_PARTS { u64::MAX } else { words.fold(0, |bits, word| bits | bit(&word)) }
}

impl Word {
    fn of(text: String) -> Self {
        Word { bit: bit(&text), text }
    }
}

impl Table {
    fn of(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let mut bare = String::with_capacity(lower.len());
        let mut starts = Vec::new();
        for part in lower.split('_') {
            starts.push(bare.len());
            bare.push_str(part);
        }
        let words = (0..2 * starts.len()).map(|at| {
            let part = &bare[starts[at / 2]..];
            if at % 2 == 0 { Cow::Borrowed(part) } else { singular(part) }
        });
        let singulars = bits(words);
        Table { name: Word::of(name.to_owned()), bare, starts, singulars }
    }

    /// Whether a word is the singular of its name, or of the last part of it.
    fn is_of(&self, word: &str, bit: u64) -> bool {
        let is_part = |&from: &usize| {
            let name = &self.bare[from..];
            name == word || singular(name) == word
        };
        self.singulars & bit != 0 && self.starts.iter().any(is_part)
    }
}

impl ForTable {
    fn of(column: &str, table: &str) -> Self {
        let word = Word::of(bare(column));
        // Without the underscores before it.
        let ends: Vec<usize> = column.match_indices('_').enumerate().map(|(before, (end, _))| end - before).collect();
        let words = word.bit | bits(ends.iter().map(|&end| Cow::Borrowed(&word.text[..end])));
        ForTable { table: Word::of(table.to_owned()), column: word, ends, words }
    }

    /// How surely it points to the parent's rows: `author` does, `author_books` may.
    fn points_to(&self, parent: &Relatable) -> u8 {
        if parent.singulars & self.words == 0 {
            return 0;
        }
        let others = || parent.tables.iter().filter(|other| other.name != self.table);
        let begins = |other: &Table| {
            let word = |&end: &usize| &self.column.text[..end];
            self.ends.iter().map(word).any(|word| other.is_of(word, bit(word)))
        };
        match () {
            () if others().any(|other| other.is_of(&self.column.text, self.column.bit)) => 2,
            () => u8::from(others().any(begins)),
        }
    }
}

impl Relatable {
    /// Works it out.
    #[must_use]
    pub fn of(outline: &Outline) -> Self {
        let tables: Vec<Table> = outline.tables.iter().map(|name| Table::of(name)).collect();
        let pointers = outline.columns.iter().flat_map(|column| stem(column).into_iter().chain([bare(column)]));
        let pointers: Vec<Word> = pointers.map(Word::of).collect();
        let asked = |key: &super::Key| {
            let table = key.table.as_deref().or_else(|| outline.table());
            match stem(&key.column) {
                Some(stem) => Some(Asked::Pointing { stem: Word::of(stem), column: key.column.clone() }),
                None if is_identity(&key.column) => table.map(|table| Asked::Own(Table::of(table))),
                None => table.map(|table| Asked::Named(ForTable::of(&key.column, table))),
            }
        };
        Relatable {
            role: outline.role,
            is_by_key: outline.is_by_key(),
            may_be_parent: outline.role == Role::Read && !outline.is_aggregate && !outline.asks_whether() && !outline.is_lookup(),
            has_star: outline.has_star,
            has_identity: outline.columns.iter().any(|column| is_identity(column)),
            has_stem: outline.columns.iter().any(|column| stem(column).is_some()),
            names: tables.iter().fold(0, |bits, table| bits | table.name.bit),
            singulars: tables.iter().fold(0, |bits, table| bits | table.singulars),
            tables,
            columns: outline.columns.clone(),
            pointed: pointers.iter().fold(0, |bits, word| bits | word.bit),
            pointers,
            keys: outline.keys.iter().filter_map(asked).collect(),
        }
    }

    /// The table that it reads or writes first.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        self.tables.first().map(|table| table.name.text.as_str())
    }

    /// How surely the rows of another statement make this one run once for each of them: 0 not at all, 1 perhaps, 2 by its names.
    #[must_use]
    pub fn relation(&self, parent: &Relatable) -> u8 {
        if !parent.may_be_parent {
            return 0;
        }
        if self.role == Role::Insert {
            let is_of_parent = |table: &Table| parent.tables.iter().any(|other| other.name == table.name);
            return u8::from(!parent.is_by_key && self.names & parent.names != 0 && self.tables.iter().any(is_of_parent));
        }
        self.keys.iter().map(|key| self.related(key, parent)).max().unwrap_or(0)
    }

    fn related(&self, key: &Asked, parent: &Relatable) -> u8 {
        match key {
            Asked::Own(table) => self.reads_on(table, parent),
            Asked::Named(column) => column.points_to(parent),
            // A column that points to the parent's rows.
            Asked::Pointing { stem, .. }
                if parent.singulars & stem.bit != 0 && parent.tables.iter().any(|table| table.is_of(&stem.text, stem.bit)) =>
            {
                2
            }
            // A column that both have: the rows of the same owner. Or the owner goes by another name.
            Asked::Pointing { column, .. } => u8::from(parent.has_identity || parent.has_star || parent.columns.contains(column)),
        }
    }

    /// The child's own key: the parent reads the same rows, or a column that points to them.
    fn reads_on(&self, table: &Table, parent: &Relatable) -> u8 {
        let is_same = parent.tables.first().is_some_and(|first| first.name == table.name);
        let points = || parent.pointed & table.singulars != 0 && parent.pointers.iter().any(|word| table.is_of(&word.text, word.bit));
        match () {
            () if is_same && self.role == Role::Change => 2,
            () if points() => 2,
            () if is_same && self.role == Role::Read && parent.tables.len() == 1 => 1,
            () if parent.has_star => 2,
            () => u8::from(parent.has_stem),
        }
    }
}

/// A name as [`singular`] ones are compared.
fn bare(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}

/// What a column points to: `author` for `author_id` and `authorId`.
fn stem(column: &str) -> Option<String> {
    let stem = ["_id", "_uuid", "Id", "ID", "_pk"].iter().find_map(|end| column.strip_suffix(end))?;
    (!stem.is_empty()).then(|| bare(stem))
}

/// The singular of an English plural.
fn singular(name: &str) -> Cow<'_, str> {
    if let Some(stem) = name.strip_suffix("ies") {
        return Cow::Owned(format!("{stem}y"));
    }
    if ["sses", "xes", "ches", "shes", "uses"].iter().any(|end| name.ends_with(end)) {
        return Cow::Borrowed(&name[..name.len() - 2]);
    }
    Cow::Borrowed(match name {
        "people" => "person",
        "children" => "child",
        _ => name.strip_suffix('s').unwrap_or(name),
    })
}

#[cfg(test)]
mod tests;
