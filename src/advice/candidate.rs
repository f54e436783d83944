//! The indexes that could serve what is asked of a table.
//!
//! Which of the candidates is worth it is not decided here.

use crate::catalog::{Catalog, Column, Relation};
use crate::sql::shape::scans::{Test, written};

use super::asked::{Asked, Condition, On, is_text};
use super::lists::{MOST_KEYS, Parts, lists};
use super::name::{self, NewNames};
use super::selectivity;

/// An index that could be created.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its table.
    pub relation: u32,
    /// The table as SQL writes it, with its schema.
    pub table: String,
    /// What it is on.
    pub keys: Vec<CandidateKey>,
    /// What rows must pass to be in it.
    pub predicate: Option<Predicate>,
}

/// A key of such an index.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateKey {
    /// What it is on.
    pub on: On,
    /// The column, by number.
    pub column: i32,
    /// As an index would be written on it, without direction and operator class.
    pub text: String,
    /// DESC; only where directions are mixed.
    pub descends: bool,
    /// NULLs come first.
    pub nulls_first: bool,
    /// The operator class, where it is not the usual one.
    pub class: Option<&'static str>,
}

/// A condition that holds no value: of NULL, or of a boolean.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// The column, by number.
    pub column: i32,
    /// As SQL writes it.
    pub text: String,
    /// The part of the table's rows that passes it, 0 to 1.
    pub part: f64,
}

/// Types that have no order, or none that anybody asks for.
#[rustfmt::skip]
const UNORDERED: [&str; 20] = [
    "json", "jsonb", "jsonpath", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector", "tsquery", "hstore",
    "txid_snapshot", "pg_snapshot", "xid", "cid", "aclitem", "refcursor",
];

/// Whether a B-tree could be on values of a type, or on arrays of it.
pub(super) fn is_ordered(data_type: &str) -> bool {
    let of_array = data_type.trim_end_matches("[]");
    let bare = of_array.split('(').next().unwrap_or_default().trim();
    // A type of an extension has its schema before it where that is not on the search path.
    let name = bare.rsplit('.').next().unwrap_or_default();
    !UNORDERED.contains(&name)
}

impl CandidateKey {
    /// The key with its operator class and its direction.
    #[must_use]
    pub fn definition(&self) -> String {
        let mut text = self.text.clone();
        if let Some(class) = self.class {
            text.push(' ');
            text.push_str(class);
        }
        text.push_str(&self.direction());
        text
    }

    fn direction(&self) -> String {
        match (self.descends, self.nulls_first) {
            (false, false) => "",
            (false, true) => " NULLS FIRST",
            (true, true) => " DESC",
            (true, false) => " DESC NULLS LAST",
        }
        .to_owned()
    }
}

impl Candidate {
    /// Its columns and expressions, with directions where they are mixed.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.keys.iter().map(|key| format!("{}{}", key.text, key.direction())).collect()
    }

    /// The statement that creates it without locking out writes, under a name that is free and was not given before; `None`
    /// if the catalogue has no such table.
    #[must_use]
    pub fn ddl(&self, catalog: &Catalog, names: &mut NewNames) -> Option<String> {
        let relation = relation(self, catalog)?;
        let name = names.give(&name::stem(self, relation, catalog), relation, catalog);
        Some(format!("CREATE INDEX CONCURRENTLY {name} ON {}", self.on()))
    }

    /// What follows ON: the table, the keys and the predicate.
    #[must_use]
    pub fn on(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(CandidateKey::definition).collect();
        let predicate = self.predicate.as_ref().map(|predicate| format!(" WHERE {}", predicate.text)).unwrap_or_default();
        format!("{} ({}){predicate}", self.table, keys.join(", "))
    }

    /// Whether another index begins with all of this one.
    #[must_use]
    pub fn is_prefix_of(&self, other: &Candidate) -> bool {
        self.relation == other.relation && self.predicate == other.predicate && other.keys.starts_with(&self.keys)
    }
}

/// All candidates for one scan.
pub(super) fn candidates(asked: &Asked<'_>, catalog: &Catalog) -> Vec<Candidate> {
    let table = name::table(asked.relation);
    let of = |keys| Candidate { relation: asked.relation.oid, table: table.clone(), keys, predicate: None };
    let lists = lists(&parts(asked, catalog));
    let covering = covering(asked, &lists, catalog);
    let mut candidates: Vec<Candidate> = lists.into_iter().chain(covering).map(of).collect();
    let partial: Vec<Candidate> = candidates.iter().flat_map(|candidate| partial(candidate, asked)).collect();
    for candidate in partial {
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// The lists with the other columns behind them that are read, so that the index is read instead of the table.
fn covering(asked: &Asked<'_>, lists: &[Vec<CandidateKey>], catalog: &Catalog) -> Vec<Vec<CandidateKey>> {
    let Some(needs) = asked.needs.as_ref().filter(|needs| needs.len() <= MOST_KEYS && asked.heap.visible >= 0.5) else {
        return Vec::new();
    };
    let mut covering: Vec<Vec<CandidateKey>> = Vec::new();
    for list in lists.iter().map(Vec::as_slice).chain([&[][..]]) {
        let is_plain = list.iter().all(|key| matches!(key.on, On::Column(_)) && key.class.is_none());
        let rest = needs.iter().filter(|number| list.iter().all(|key| key.column != **number));
        let rest: Option<Vec<CandidateKey>> = rest.map(|number| short(asked.relation, *number, catalog)).collect();
        let Some(rest) = rest.filter(|rest| is_plain && !rest.is_empty() && list.len() + rest.len() <= MOST_KEYS) else { continue };
        let keys = [list, &rest].concat();
        if !covering.contains(&keys) && !lists.contains(&keys) {
            covering.push(keys);
        }
    }
    covering
}

/// Wider values are not worth keeping twice.
const MOST_WIDTH: i64 = 32;

/// A column as a key that is there to be read.
fn short(relation: &Relation, number: i32, catalog: &Catalog) -> Option<CandidateKey> {
    let column = catalog.column(relation.oid, number)?;
    let is_short = column.avg_width.is_some_and(|width| width <= MOST_WIDTH) && is_ordered(&column.data_type);
    is_short.then(|| plain(column))
}

/// A column as a key.
fn plain(column: &Column) -> CandidateKey {
    let (on, text) = (On::Column(column.number), written(&column.name));
    CandidateKey { on, column: column.number, text, descends: false, nulls_first: false, class: None }
}

/// The keys that what is asked would need.
fn parts(asked: &Asked<'_>, catalog: &Catalog) -> Parts {
    let of = |conditions: Vec<&Condition<'_>>| conditions.into_iter().filter_map(|condition| key(condition, catalog)).collect::<Vec<_>>();
    let values = || asked.conditions.iter().filter(|condition| condition.joins.is_none());
    let single = of(by_distinct(asked, values().filter(|condition| condition.is_single())));
    let mut ranges: Vec<&Condition<'_>> = values().filter(|condition| condition.is_range()).collect();
    ranges.sort_by(|a, b| a.part.of_rows.total_cmp(&b.part.of_rows).then_with(|| a.column.number.cmp(&b.column.number)));
    // All rows of a join come in the order in which they are joined.
    let is_ordered = asked.limit.is_some() || !asked.is_joined();
    Parts {
        equal: of(by_distinct(asked, values().filter(|condition| condition.is_equality()))),
        ranges: of(ranges),
        joins: of(asked.conditions.iter().filter(|condition| condition.joins.is_some() && condition.test == Test::Equal).collect()),
        sort: if is_ordered { sort(asked, &single, catalog) } else { Vec::new() },
        single,
    }
}

fn by_distinct<'a, 'c>(asked: &Asked<'c>, conditions: impl Iterator<Item = &'a Condition<'c>>) -> Vec<&'a Condition<'c>> {
    let mut conditions: Vec<&Condition<'c>> = conditions.collect();
    let distinct = |condition: &Condition<'_>| match condition.test {
        Test::Null | Test::Flag(_) => 2.0,
        _ => selectivity::distinct(condition.column, asked.heap.tuples).0,
    };
    conditions.sort_by(|a, b| distinct(b).total_cmp(&distinct(a)).then_with(|| a.column.name.cmp(&b.column.name)));
    conditions
}

fn key(condition: &Condition<'_>, catalog: &Catalog) -> Option<CandidateKey> {
    let column = condition.column;
    let kind = column.data_type.split('(').next().unwrap_or_default().trim();
    if !is_ordered(&column.data_type) || catalog.relation(column.relation).is_none() {
        return None;
    }
    let text = match &condition.on {
        On::Column(_) => written(&column.name),
        On::Expression(text) if text.starts_with('(') => format!("({text})"),
        On::Expression(text) => text.clone(),
    };
    let is_plain = matches!(column.collation.as_deref(), Some("C" | "POSIX" | "ucs_basic"));
    let class = (condition.test == Test::Prefix && !is_plain).then_some(match kind {
        "character varying" => "varchar_pattern_ops",
        "character" => "bpchar_pattern_ops",
        _ => "text_pattern_ops",
    });
    // A pattern on what is no text is on its text, which an index on the column does not serve.
    let is_served = condition.test != Test::Prefix || is_text(column) || kind == "character" || matches!(condition.on, On::Expression(_));
    is_served.then(|| CandidateKey { on: condition.on.clone(), column: column.number, text, descends: false, nulls_first: false, class })
}

/// The order that is asked for, without what is the same in all rows; with directions where they are mixed.
fn sort(asked: &Asked<'_>, fixed: &[CandidateKey], catalog: &Catalog) -> Vec<CandidateKey> {
    let keys: Vec<_> = asked.sort.iter().filter(|(number, _)| fixed.iter().all(|key| key.on != On::Column(*number))).collect();
    let Some((_, first)) = keys.first() else { return Vec::new() };
    let is_same = keys.iter().all(|(_, key)| key.descends == first.descends && key.is_usual());
    let made = keys.iter().map(|(number, key)| {
        let column = catalog.column(asked.relation.oid, *number)?;
        let (descends, nulls_first) = if is_same { (false, false) } else { (key.descends, key.nulls_first) };
        is_ordered(&column.data_type).then(|| CandidateKey { descends, nulls_first, ..plain(column) })
    });
    // An order is served whole or not at all.
    made.collect::<Option<Vec<_>>>().filter(|keys| keys.len() <= MOST_KEYS).unwrap_or_default()
}

/// The same index for only those rows that a condition without a value lets pass.
fn partial(candidate: &Candidate, asked: &Asked<'_>) -> Vec<Candidate> {
    let conditions = asked.conditions.iter().filter(|condition| condition.joins.is_none() && matches!(condition.on, On::Column(_)));
    let of = conditions.filter_map(|condition| {
        let name = written(&condition.column.name);
        let text = match condition.test {
            Test::Null => format!("{name} IS NULL"),
            Test::NotNull => format!("{name} IS NOT NULL"),
            Test::Flag(true) => name,
            Test::Flag(false) => format!("NOT {name}"),
            _ => return None,
        };
        let keys: Vec<CandidateKey> = candidate.keys.iter().filter(|key| key.on != condition.on).cloned().collect();
        let predicate = Some(Predicate { column: condition.column.number, text, part: condition.part.of_rows });
        (!keys.is_empty()).then(|| Candidate { keys, predicate, ..candidate.clone() })
    });
    of.collect()
}

/// The relation that a candidate is on.
pub(super) fn relation<'c>(candidate: &Candidate, catalog: &'c Catalog) -> Option<&'c Relation> {
    catalog.relation(candidate.relation)
}
