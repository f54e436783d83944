//! A loop in the words that libraries share: which model, which association of which other one.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::sql::outline::{Key, Outline, Role, is_identity};
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
        let named = Named::of_text(&statement.text);
        Named { limit: if named.outline.is_limited { limit(statement) } else { None }, ..named }
    }

    fn of_text(text: &str) -> Self {
        Named { outline: Outline::of(text), text: text.to_owned(), limit: None }
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

    /// Whether it reads the first of several rows.
    pub(in crate::finding) fn is_cut(&self) -> bool {
        let is_one = !self.outline.is_ordered && matches!(self.limit, Some(1 | 21));
        let is_lookup = self.key().is_some_and(|key| is_identity(&key.column));
        self.outline.is_limited && !is_one && !is_lookup && !self.asks_whether()
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
        let name = word.trim_matches('"');
        let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        (is_name && !BEHIND.contains(&word)).then_some(name)
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

/// What all statements of a workload tell of its tables; gleaned when somebody asks.
pub(in crate::finding) struct Tables<'w> {
    workload: &'w Workload,
    known: OnceCell<Schema>,
}

#[derive(Default)]
struct Schema {
    /// What one row of a table is called.
    rows: BTreeSet<String>,
    /// What the columns of a table point to.
    pointers: BTreeMap<Words, BTreeSet<Words>>,
}

impl<'w> Tables<'w> {
    /// Of a workload.
    pub(in crate::finding) fn of(workload: &'w Workload) -> Self {
        Tables { workload, known: OnceCell::new() }
    }

    fn known(&self) -> &Schema {
        self.known.get_or_init(|| {
            let mut schema = Schema::default();
            for outline in self.workload.statements().map(|statement| Outline::of(&statement.text)) {
                schema.rows.extend(outline.tables.iter().map(|table| Words::of(table).one().joined()));
                let keys = outline.keys.iter().filter_map(|key| Some((key.table.as_ref()?, &key.column)));
                let only = outline.table().map(str::to_owned).filter(|_| outline.tables.len() == 1);
                let columns = only.iter().flat_map(|table| outline.columns.iter().map(move |column| (table, column)));
                for (table, column) in keys.chain(columns) {
                    schema.pointers.entry(Words::of(table)).or_default().extend(Words::of(column).pointed());
                }
            }
            schema
        })
    }

    /// Whether there is a table of such rows.
    fn has(&self, one: &Words) -> bool {
        self.known().rows.contains(&one.joined())
    }

    /// What columns of a table point to, as far as any statement names them.
    fn pointers(&self, table: &Words) -> Vec<Words> {
        self.known().pointers.get(table).into_iter().flatten().cloned().collect()
    }
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
    /// Likewise those beyond a table between them.
    CountBeyond,
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
    /// The table between owner and child that has the column, where there is one.
    pub(super) between: Option<Words>,
    /// The column that tells the calls apart.
    pub(super) column: String,
    /// What the texts call child and owner.
    pub(super) aliases: [Option<String>; 2],
    /// Whether the names of the association are not borne out by the names of columns.
    pub(super) is_guess: bool,
    /// Whether each call stops at a LIMIT of its own.
    pub(super) is_cut: bool,
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
            between: None,
            column,
            aliases: [alias(child), parent.and_then(alias)],
            is_guess: false,
            is_cut: false,
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
            Some(pointed) => {
                let task = self.owned(child, above, &pointed, tables);
                // Beyond a table between there are many, whatever the LIMIT of a question whether there is one.
                if at == task.child { task } else { Task { link: task.child.many(), between: Some(at), ..task } }
            }
            None if !is_identity(&key.column) => self,
            // The owner is joined to what it points to.
            None if at != self.child => {
                let link = self.aliases[0].as_deref().map_or_else(|| self.child.one(), Words::of);
                Task { kind: Kind::One, link, owner: at, is_guess: self.aliases[0].is_none(), ..self }
            }
            None => match (above.filter(|above| *above != self.child), parent) {
                (Some(above), Some(parent)) => {
                    let (link, is_guess) = pointing(&parent.outline, &above, &self.child, tables);
                    Task { kind: Kind::One, link, owner: above, is_guess, ..self }
                }
                _ => self,
            },
        };
        let kind = match () {
            // The column is none of its own, so that no value of it could be looked for.
            () if task.between.is_some() && child.asks_whether() => Kind::Many,
            () if child.asks_whether() => Kind::Exists,
            () if task.between.is_some() && child.outline.is_aggregate => Kind::CountBeyond,
            () if child.outline.is_aggregate => Kind::Count,
            () => task.kind,
        };
        Some(Task { kind, ..task })
    }

    /// The rows of an owner, its own or those beyond a table between them.
    fn owned(self, child: &Named, above: Option<Words>, pointed: &Words, tables: &Tables<'_>) -> Self {
        let kind = Words::of(&format!("{}_type", pointed.snake()));
        let is_polymorphic = child.outline.keys.iter().any(|key| Words::of(&key.column) == kind);
        let is_tree = above.as_ref() == Some(&self.child);
        let points = is_polymorphic || above.as_ref().is_some_and(|above| pointed.is_one_of(above));
        let is_named = !points && !is_tree && tables.has(pointed);
        let owner = above.filter(|_| !is_named);
        let is_guess = !is_named && (!points || owner.is_none());
        let owner = owner.unwrap_or_else(|| pointed.many());
        let is_one = !child.outline.is_ordered && matches!(child.limit, Some(1 | 21));
        let link = match () {
            () if is_tree && !points => Words::of("children"),
            () if is_one => self.child.one(),
            () => self.child.many(),
        };
        Task { kind: Kind::Many, link, owner, is_guess, is_cut: child.is_cut(), ..self }
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
fn pointing(parent: &Outline, table: &Words, child: &Words, tables: &Tables<'_>) -> (Words, bool) {
    let own: Vec<Words> = parent.columns.iter().filter_map(|column| Words::of(column).pointed()).collect();
    let pointing = if own.is_empty() { tables.pointers(table) } else { own };
    if let Some(found) = pointing.iter().find(|words| words.is_one_of(child)) {
        // A join has columns of other tables too.
        let is_sure = parent.tables.len() == 1 || tables.pointers(table).contains(found);
        return (found.clone(), !is_sure);
    }
    // Those that are named after other tables do not point to this one.
    let nameless: Vec<&Words> = pointing.iter().filter(|words| !tables.has(words)).collect();
    match nameless.as_slice() {
        [only] => ((*only).clone(), pointing.len() > 1),
        _ => (child.one(), true),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The task of two texts.
    pub(in crate::finding::orm) fn task(class: Class, child: &str, parent: Option<&str>) -> Option<Task> {
        let workload = Workload::default();
        Task::of(class, &Named::of_text(child), parent.map(Named::of_text).as_ref(), &Tables::of(&workload))
    }
}
