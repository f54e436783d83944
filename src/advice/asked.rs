//! What a statement asks of a table, in terms of the catalogue: its columns, and how many rows each condition keeps.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Column, Relation, is_of_server};
use crate::sql::shape::scans::{Against, Arm, Compared, Key, Limit, Scan, SortKey, Term, Test};

use super::known;
use super::price::Heap;
use super::selectivity::{self, OTHER, Part};
use super::size;

/// What an index is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// A column by its number.
    Column(i32),
    /// An expression, as an index would be written on it.
    Expression(String),
}

/// One table as a statement reads it.
#[derive(Clone, Debug)]
pub(super) struct Asked<'c> {
    pub(super) relation: &'c Relation,
    pub(super) heap: Heap,
    pub(super) conditions: Vec<Condition<'c>>,
    pub(super) others: usize,
    /// The part of the rows that those others keep, where plans showed it.
    rest: Option<f64>,
    /// The part of the rows that a plan showed to pass everything: no index finds fewer.
    pub(super) least: f64,
    /// Columns by number, and the direction.
    pub(super) sort: Vec<(i32, SortKey)>,
    /// How many different values each of these columns has.
    pub(super) sort_distinct: Vec<f64>,
    /// Rows that are enough; `Some(None)` is a number that is not known.
    pub(super) limit: Option<Option<f64>>,
    /// The same of the rows of the join that it is part of.
    pub(super) joined_limit: Option<f64>,
    pub(super) for_each: Option<usize>,
    /// All columns that are read, by number; `None` if rows are wanted whole, or that is not known.
    pub(super) needs: Option<Vec<i32>>,
    /// The width of a row in bytes.
    pub(super) width: f64,
    /// ORs, and each of their arms as if nothing else were asked.
    pub(super) ors: Vec<Vec<Asked<'c>>>,
}

/// A condition on a column or an expression.
#[derive(Clone, Debug)]
pub(super) struct Condition<'c> {
    pub(super) on: On,
    pub(super) column: &'c Column,
    pub(super) test: Test,
    pub(super) part: Part,
    /// Whether its values were looked up in the statistics of its column.
    pub(super) is_exact: bool,
    pub(super) joins: Option<Join>,
}

/// What gives the values of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// Another scan of the statement.
    Scan(usize),
    /// A function, an aggregate or the like.
    Other,
}

/// Why there is no advice on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The snapshot has no such table, or several.
    Unknown,
    /// It is of the server itself.
    Server,
    /// It is a view that could not be looked through.
    View,
    /// Indexes of partitioned tables are built partition by partition.
    Partitioned,
    /// The rows are elsewhere.
    Foreign,
    /// It is of one session.
    Temporary,
    /// It was never analysed, so that nobody knows how large it is.
    Unanalysed,
    /// It is so small that it is read as a whole anyway.
    Small,
}

impl Reason {
    /// In words that go on from the table's name.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Reason::Unknown => "is not in the snapshot, or more than once",
            Reason::Server => "is one of the server's own tables",
            Reason::View => "is a view that could not be looked through",
            Reason::Partitioned => {
                "is partitioned, and what an index on all of its partitions would save is not reckoned: see what EXPLAIN says of the largest of them. To create one without locking out writes, CREATE INDEX … ON ONLY the table itself, then CONCURRENTLY on each partition, and ALTER INDEX … ATTACH PARTITION for each"
            }
            Reason::Foreign => "is a foreign table, whose indexes are elsewhere",
            Reason::Temporary => "is temporary",
            Reason::Unanalysed => "was never analysed, so that its size is not known: run ANALYZE and take the snapshot again",
            Reason::Small => "is so small that no index would be used",
        }
    }
}

/// Below it, a table is read as a whole.
const FEWEST_ROWS: f64 = 1_000.0;
const FEWEST_PAGES: i64 = 10;

/// Whether there can be advice on a relation.
fn reason_against(relation: &Relation, catalog: &Catalog) -> Option<Reason> {
    let by_kind = match relation.kind.as_str() {
        "r" | "m" => None,
        "p" => Some(Reason::Partitioned),
        "f" => Some(Reason::Foreign),
        _ => Some(Reason::View),
    };
    // Before PostgreSQL 14, 0 rows on 0 pages meant what -1 means since.
    let is_as_created = relation.tuples == 0.0 && relation.pages == 0 && catalog.origin.version.is_some_and(|version| version < 140_000);
    let is_small = relation.tuples < FEWEST_ROWS || relation.pages < FEWEST_PAGES;
    by_kind
        .or((relation.persistence == "t").then_some(Reason::Temporary))
        .or((relation.tuples < 0.0 || !relation.tuples.is_finite() || is_as_created).then_some(Reason::Unanalysed))
        .or(is_small.then_some(Reason::Small))
}

/// A scan in terms of the catalogue, and why there is no advice on it, if there is none.
pub(super) fn asked<'c>(scan: &Scan, catalog: &'c Catalog) -> Result<Asked<'c>, Reason> {
    let unnamed = if is_of_server(&scan.table) { Reason::Server } else { Reason::Unknown };
    let relation = catalog.named(&scan.table).ok_or(unnamed)?;
    if let Some(reason) = reason_against(relation, catalog) {
        return Err(reason);
    }
    let columns = catalog.columns(relation.oid);
    let pages = relation.pages.max(1) as f64;
    let visible = (relation.visible_pages as f64 / pages).clamp(0.0, 1.0);
    let width: f64 = columns.iter().map(size::width).sum();
    let mut asked = Asked {
        relation,
        heap: Heap { tuples: relation.tuples, pages, visible, all_pages: pages },
        conditions: Vec::new(),
        others: scan.others,
        rest: None,
        least: 0.0,
        sort: Vec::new(),
        sort_distinct: Vec::new(),
        limit: scan.limit.map(wanted),
        joined_limit: scan.joined_limit.and_then(wanted),
        for_each: scan.for_each,
        needs: needs(scan, relation, catalog),
        width,
        ors: Vec::new(),
    };
    asked.conditions(&scan.terms, &scan.compared, catalog);
    asked.ors = scan.ors.iter().map(|arms| arms.iter().map(|arm| asked.arm(arm, catalog)).collect()).collect();
    if !asked.ors.is_empty() {
        let others = asked.others.saturating_sub(asked.ors.len());
        asked.rest = Some(asked.ors.iter().map(|arms| any(arms)).product::<f64>() * unknown(others));
    }
    let column = |key: &SortKey| catalog.column_named(relation.oid, &key.column);
    let sort: Option<Vec<_>> = scan.sort.iter().map(|key| Some((column(key)?.number, key.clone()))).collect();
    asked.sort = sort.unwrap_or_default();
    asked.sort_distinct = scan.sort.iter().filter_map(column).map(|column| selectivity::distinct(column, relation.tuples).0).collect();
    if asked.sort.len() < scan.sort.len() {
        asked.limit = None;
    }
    Ok(asked)
}

/// The columns that a scan reads, by number; none that PostgreSQL has beside those of the table.
fn needs(scan: &Scan, relation: &Relation, catalog: &Catalog) -> Option<Vec<i32>> {
    let terms = scan.terms.iter().map(|term| term.key.column());
    let names: BTreeSet<&str> = scan.needs.as_ref()?.iter().map(String::as_str).chain(terms).collect();
    names.into_iter().map(|name| catalog.column_named(relation.oid, name).map(|column| column.number)).collect()
}

/// The rows that are read to skip some and take some; `None` where that is not known.
fn wanted(limit: Limit) -> Option<f64> {
    limit.rows.zip(limit.skipped).map(|(rows, skipped)| rows as f64 + skipped as f64)
}

fn condition<'c>(term: &Term, relation: &Relation, catalog: &'c Catalog) -> Option<Condition<'c>> {
    let column = catalog.column_named(relation.oid, term.key.column())?;
    let on = match &term.key {
        Key::Column(_) => On::Column(column.number),
        Key::Text(_) if is_text(column) => On::Column(column.number),
        Key::Text(_) | Key::Expression { text: None, .. } => return None,
        Key::Expression { text: Some(text), .. } if text.contains("::text") && !is_same_as_text(column) => return None,
        Key::Expression { text: Some(text), .. } => On::Expression(text.clone()),
    };
    let joins = match term.against {
        Against::Value => None,
        Against::Rows { scan, .. } => Some(Join::Scan(scan)),
        Against::Other => Some(Join::Other),
    };
    let part = selectivity::of(column, term.test, relation.tuples);
    Some(Condition { on, column, test: term.test, part, is_exact: false, joins })
}

/// A condition with what is known of the values that its column is compared with.
fn compared<'c>(mut condition: Condition<'c>, told: &[&Compared], tuples: f64) -> Condition<'c> {
    if condition.joins.is_some() {
        return condition;
    }
    if condition.test == Test::Range && known::is_closed(told) {
        (condition.test, condition.part) = (Test::Between, selectivity::closed_range());
    }
    if matches!(condition.on, On::Column(_))
        && let Some(part) = known::part(condition.column, condition.test, told, tuples)
    {
        (condition.part, condition.is_exact) = (part, true);
    }
    condition
}

/// Whether a cast to text changes nothing.
pub(super) fn is_text(column: &Column) -> bool {
    let name = column.data_type.split('(').next().unwrap_or_default().trim();
    matches!(name, "text" | "character varying")
}

/// Whether the text of a value is the same in every session, without which no index can be on it. That of a time depends on
/// `DateStyle` and the zone, and that of an enumeration on its names.
fn is_same_as_text(column: &Column) -> bool {
    let name = column.data_type.split('(').next().unwrap_or_default().trim();
    is_text(column) || matches!(name, "character" | "smallint" | "integer" | "bigint" | "numeric" | "uuid" | "boolean")
}

impl<'c> Asked<'c> {
    fn conditions(&mut self, terms: &[Term], known: &[Compared], catalog: &'c Catalog) {
        for term in terms {
            let told: Vec<&Compared> = known.iter().filter(|compared| compared.key == term.key).collect();
            match condition(term, self.relation, catalog) {
                Some(condition) => self.conditions.push(compared(condition, &told, self.relation.tuples)),
                None => self.others += 1,
            }
        }
    }

    /// An arm of an OR, as if it were all that is asked, and all rows that pass it were wanted.
    fn arm(&self, arm: &Arm, catalog: &'c Catalog) -> Asked<'c> {
        let mut asked = Asked {
            conditions: Vec::new(),
            others: arm.others,
            rest: None,
            least: 0.0,
            sort: Vec::new(),
            sort_distinct: Vec::new(),
            limit: None,
            joined_limit: None,
            for_each: None,
            needs: None,
            ors: Vec::new(),
            ..*self
        };
        asked.conditions(&arm.terms, &arm.compared, catalog);
        asked
    }

    /// Lets the conditions together keep what a plan showed that they keep. Those of which statistics know little take it up,
    /// each as much more or less as it did; what is left then is that conditions depend on each other. Nothing keeps more than
    /// all: where a plan showed more than statistics have it, one condition holds for the rows of another.
    pub(super) fn measured(&mut self, kept: f64) {
        let thought = self.kept();
        let is_sane = (0.0..1.0).contains(&kept) && thought > 0.0 && thought < 1.0;
        if !is_sane {
            return;
        }
        let least = 1.0 / self.heap.tuples.max(1.0);
        let kept = kept.max(least);
        let is_alone = self.others == 0 && self.conditions.iter().filter(|condition| condition.joins.is_none()).count() == 1;
        let is_open = |condition: &Condition<'_>| condition.joins.is_none() && (condition.is_open() || (is_alone && !condition.is_exact));
        let open = self.rest() * self.conditions.iter().filter(|c| is_open(c)).map(|c| c.part.of_rows.clamp(least, 1.0)).product::<f64>();
        if open < 1.0 {
            let power = (kept * open / thought).clamp(least, 1.0).ln() / open.ln();
            for condition in self.conditions.iter_mut().filter(|condition| is_open(condition)) {
                condition.part = Part { of_rows: condition.part.of_rows.clamp(least, 1.0).powf(power), is_guess: false };
            }
            self.rest = Some(self.rest().powf(power));
        }
        self.rest = Some((self.rest() * kept / self.kept()).min(1.0));
        self.least = kept;
    }

    /// The part of the rows that passes all conditions, joins left out.
    pub(super) fn kept(&self) -> f64 {
        let parts: f64 =
            self.conditions.iter().filter(|condition| condition.joins.is_none()).map(|condition| condition.part.of_rows).product();
        (parts * self.rest()).max(self.least)
    }

    /// The part of the rows that passes what is not understood.
    pub(super) fn rest(&self) -> f64 {
        self.rest.unwrap_or_else(|| unknown(self.others))
    }

    /// How many rows that is.
    pub(super) fn rows(&self) -> f64 {
        (self.heap.tuples * self.kept()).max(1.0)
    }

    /// Operators that a sequential scan applies to each row.
    pub(super) fn operators(&self) -> f64 {
        let of_conditions: f64 = self.conditions.iter().filter(|condition| condition.joins.is_none()).map(Condition::operators).sum();
        of_conditions + self.others()
    }

    /// Those of what is not understood as conditions: an OR has those of its arms.
    pub(super) fn others(&self) -> f64 {
        let of_ors: f64 = self.ors.iter().flatten().map(Asked::operators).sum();
        self.others.saturating_sub(self.ors.len()) as f64 + of_ors
    }

    /// Whether it is joined to another table.
    pub(super) fn is_joined(&self) -> bool {
        self.conditions.iter().any(|condition| condition.joins.is_some())
    }

    /// Rows that are enough, for which the planner takes a tenth where it does not know.
    pub(super) fn wanted(&self) -> Option<f64> {
        self.limit.map(|limit| limit.unwrap_or(self.rows() / 10.0).max(1.0))
    }
}

/// The part of the rows that passes so many conditions that are not understood.
fn unknown(others: usize) -> f64 {
    OTHER.powi(i32::try_from(others).unwrap_or(i32::MAX))
}

/// The part of the rows that passes one arm or another.
fn any(arms: &[Asked<'_>]) -> f64 {
    1.0 - arms.iter().map(|arm| 1.0 - arm.kept()).product::<f64>()
}

/// Where more rows have a value, an index is not asked for those that have one.
const MOST_NOT_NULL: f64 = 0.5;

impl Condition<'_> {
    /// What the planner takes it for, in operators: `cost_qual_eval`.
    pub(super) fn operators(&self) -> f64 {
        let of_test = match self.test {
            Test::Flag(_) | Test::Null | Test::NotNull => 0.0,
            Test::Between => 2.0,
            Test::AnyOf(0) => 5.0,
            // Longer lists are hashed.
            Test::AnyOf(count) if count < 9 => f64::from(count) / 2.0,
            Test::AnyOf(_) => 2.0,
            _ => 1.0,
        };
        of_test + if matches!(self.on, On::Expression(_)) { 1.0 } else { 0.0 }
    }

    /// Whether statistics leave open how many rows it keeps.
    fn is_open(&self) -> bool {
        // Of NULL and of booleans they know how many there are.
        let is_of_value = matches!(self.test, Test::Equal | Test::AnyOf(_)) && !self.is_exact;
        let depends = || is_of_value && selectivity::is_skewed(self.column);
        self.part.is_guess || depends()
    }

    /// Whether it asks for one value.
    pub(super) fn is_single(&self) -> bool {
        matches!(self.test, Test::Equal | Test::Flag(_) | Test::Null)
    }

    /// Whether it asks for one of some values.
    pub(super) fn is_equality(&self) -> bool {
        self.is_single() || matches!(self.test, Test::AnyOf(_))
    }

    /// Whether it asks for a range of values. Where most are NULL, the others are one.
    pub(super) fn is_range(&self) -> bool {
        let is_of_few = self.test == Test::NotNull && self.part.of_rows <= MOST_NOT_NULL;
        is_of_few || matches!(self.test, Test::Range | Test::Between | Test::Prefix)
    }
}
