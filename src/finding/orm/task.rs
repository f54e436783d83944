//! A loop in the words that libraries share: which model, which association of which other one.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::sql::outline::{Key, Outline, Role};
use crate::sql::parameters::parameters;
use crate::workload::burst::Class;
use crate::workload::{Statement, Workload};

use super::plain::plain;
use super::words::Words;

/// What a sentence says of a statement.
pub(in crate::finding) struct Named {
    pub(in crate::finding) outline: Outline,
    text: String,
    limit: Option<u32>,
}

impl Named {
    /// What is said of a statement.
    pub(in crate::finding) fn of(statement: &Statement) -> Self {
        let outline = Outline::of(&statement.text);
        let limit = if outline.is_limited { limit(statement) } else { None };
        Named { outline, text: statement.text.clone(), limit }
    }

    /// Its table, for a sentence.
    pub(in crate::finding) fn table(&self) -> &str {
        self.outline.table().unwrap_or("a table")
    }

    /// The column that tells one call from the next, most likely.
    pub(in crate::finding) fn key(&self) -> Option<&Key> {
        let points = |key: &&Key| Words::of(&key.column).pointed().is_some() || is_identity(&key.column);
        let keys = &self.outline.keys;
        keys.iter().find(points).or_else(|| keys.first())
    }

    /// Whether it only asks if there is a row.
    fn asks_whether(&self) -> bool {
        self.text.starts_with("select exists") || (self.outline.columns.is_empty() && !self.outline.has_star && !self.outline.is_aggregate)
    }

    /// What the text calls its first table.
    fn alias(&self) -> Option<&str> {
        const BEHIND: [&str; 12] = ["where", "inner", "left", "right", "full", "cross", "join", "order", "limit", "group", "on", "offset"];
        let mut words = self.text.split(" from ").nth(1)?.split_whitespace().skip(1);
        let word = words.next().map(|word| if word == "as" { words.next() } else { Some(word) })??;
        (!BEHIND.contains(&word) && !word.ends_with(',')).then(|| word.trim_matches('"'))
    }
}

/// The number of rows that an example of a statement asks for.
fn limit(statement: &Statement) -> Option<u32> {
    let text = plain(&statement.sample.sql);
    let text = text.strip_suffix(b";").unwrap_or(&text);
    let behind = text.rsplit(|&byte| byte == b' ').next().and_then(|word| std::str::from_utf8(word).ok())?;
    behind.parse().ok().or_else(|| {
        let last = parameters(&statement.sample.parameters).last().filter(|_| behind.starts_with('?'))?;
        std::str::from_utf8(last.value?).ok()?.parse().ok()
    })
}

/// The names of a workload's tables, one row of each; read when somebody asks.
pub(in crate::finding) struct Tables<'w> {
    workload: &'w Workload,
    names: OnceCell<BTreeSet<String>>,
}

impl<'w> Tables<'w> {
    /// Of a workload.
    pub(in crate::finding) fn of(workload: &'w Workload) -> Self {
        Tables { workload, names: OnceCell::new() }
    }

    fn has(&self, one: &Words) -> bool {
        let tables = || self.workload.statements().flat_map(|statement| Outline::of(&statement.text).tables);
        self.names.get_or_init(|| tables().map(|table| Words::of(&table).one().joined()).collect()).contains(&one.joined())
    }
}

/// Whether a column is the key of its own table.
fn is_identity(column: &str) -> bool {
    matches!(column, "id" | "Id" | "ID" | "uuid" | "pk" | "_id")
}

/// What is to be done together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::finding) enum Kind {
    /// Each row of the owner points to one.
    One,
    /// Each row of the owner has many.
    Many,
    /// The rows that each row of the owner has are counted.
    Count,
    /// Rows are looked up by a value of theirs.
    Lookup,
    /// It is asked whether there are such rows.
    Exists,
    Insert,
    Update,
    Delete,
    /// The same was asked again.
    Repeat,
}

/// See the module.
pub(in crate::finding) struct Task {
    pub(super) kind: Kind,
    /// The table that is read or written.
    pub(super) child: Words,
    /// The table whose rows the loop is over; the child itself where there is none.
    pub(super) owner: Words,
    /// What the owner calls its child, or its children in their full name.
    pub(super) link: Words,
    /// The column that tells the calls apart.
    pub(super) column: String,
    /// What the texts call child and owner.
    pub(super) aliases: [Option<String>; 2],
    /// Whether the names of the association are not borne out by the names of columns.
    pub(super) is_guess: bool,
}

impl Task {
    /// What a loop is about; `None` where its table or key is not known.
    pub(in crate::finding) fn of(class: Class, child: &Named, parent: Option<&Named>, tables: &Tables<'_>) -> Option<Self> {
        let table = Words::of(child.outline.table()?);
        let column = child.key().map_or_else(|| "id".to_owned(), |key| key.column.clone());
        let alias = |named: &Named| named.alias().map(str::to_owned);
        let task = Task {
            kind: Kind::Lookup,
            owner: table.clone(),
            link: table.clone(),
            child: table,
            column,
            aliases: [alias(child), parent.and_then(alias)],
            is_guess: false,
        };
        match class {
            Class::Repeats => Some(Task { kind: Kind::Repeat, ..task }),
            Class::Writes => {
                let kind = match child.outline.role {
                    Role::Insert => Kind::Insert,
                    _ if child.text.starts_with("delete") => Kind::Delete,
                    _ => Kind::Update,
                };
                Some(Task { kind, ..task })
            }
            Class::Reads => task.read(child, parent, tables),
        }
    }

    fn read(self, child: &Named, parent: Option<&Named>, tables: &Tables<'_>) -> Option<Self> {
        let key = child.key()?;
        let at = key.table.as_deref().map_or_else(|| self.child.clone(), Words::of);
        let above = parent.and_then(|parent| parent.outline.table()).map(Words::of);
        if child.outline.is_aggregate && !child.text.contains("count(") && !child.asks_whether() {
            return None;
        }
        let task = match Words::of(&key.column).pointed() {
            // The rows of an owner, its own or those beyond a table between them.
            Some(pointed) => {
                let points = above.as_ref().is_some_and(|above| pointed.is_one_of(above));
                let owner = above.filter(|_| points).unwrap_or_else(|| pointed.many());
                let is_one = !child.outline.is_ordered && matches!(child.limit, Some(1 | 21));
                let link = if is_one { self.child.one() } else { self.child.many() };
                let is_guess = !points || (child.outline.is_limited && !is_one);
                Task { kind: Kind::Many, link, is_guess, owner, ..self }
            }
            None if !is_identity(&key.column) => self,
            // The owner is joined to what it points to.
            None if at != self.child => {
                let link = self.aliases[0].as_deref().map_or_else(|| self.child.one(), Words::of);
                Task { kind: Kind::One, link, owner: at, is_guess: self.aliases[0].is_none(), ..self }
            }
            None => match (above.filter(|above| *above != self.child), parent) {
                (Some(above), Some(parent)) => {
                    let (link, is_guess) = pointing(&parent.outline, &self.child, tables);
                    Task { kind: Kind::One, link, owner: above, is_guess, ..self }
                }
                _ => self,
            },
        };
        let kind = match () {
            () if child.asks_whether() => Kind::Exists,
            () if child.outline.is_aggregate => Kind::Count,
            () => task.kind,
        };
        Some(Task { kind, ..task })
    }

    /// The class of the child: `OrderItem`.
    pub(super) fn model(&self) -> String {
        self.child.one().pascal()
    }

    /// The class of the owner.
    pub(super) fn owner_model(&self) -> String {
        self.owner.one().pascal()
    }

    /// The names of many values of the column.
    pub(super) fn values(&self) -> &'static str {
        if is_identity(&self.column) || Words::of(&self.column).pointed().is_some() { "ids" } else { "values" }
    }

    /// The column as a member: `authorId`.
    pub(super) fn member(&self) -> String {
        Words::of(&self.column).camel()
    }

    /// The column as a member of languages that begin them with a capital.
    pub(super) fn property(&self) -> String {
        Words::of(&self.column).pascal()
    }

    /// The member that the column belongs to where associations are members: `author` for `author_id`.
    pub(super) fn pointed(&self) -> Words {
        let column = Words::of(&self.column);
        column.pointed().unwrap_or(column)
    }

    /// Whether the column is the child's own key.
    pub(super) fn is_own_key(&self) -> bool {
        is_identity(&self.column)
    }
}

/// What a parent calls the row that it points to, after its column; and whether that is a guess.
fn pointing(parent: &Outline, child: &Words, tables: &Tables<'_>) -> (Words, bool) {
    let pointing: Vec<Words> = parent.columns.iter().filter_map(|column| Words::of(column).pointed()).collect();
    match (pointing.iter().find(|words| words.is_one_of(child)), pointing.as_slice()) {
        (Some(found), _) => (found.clone(), false),
        (None, [only]) => (only.clone(), false),
        // The columns are not told, so the usual name is as likely as it gets.
        (None, []) if parent.has_star => (child.one(), false),
        // Those that are named after other tables do not point to this one.
        (None, several) => {
            let mut nameless = several.iter().filter(|words| !tables.has(words));
            match (nameless.next(), nameless.next()) {
                (Some(only), None) => (only.clone(), true),
                _ => (child.one(), true),
            }
        }
    }
}
