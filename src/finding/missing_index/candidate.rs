//! The columns of an index that a scan lacks: those compared for equality first, then one range, then what it sorts by.

use crate::catalog::is_of_server;
use crate::plan::{Against, Conjunct, Facts, Reads, Scan, Test};

use super::Options;

/// More columns are never named.
pub(super) const MOST_COLUMNS: usize = 4;

/// An index that would spare a scan most of what it reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The table, as the plan names it.
    pub(super) table: String,
    /// Each with its direction where directions are mixed.
    pub(super) columns: Vec<String>,
    /// So many of them, the first, are compared with one value each.
    pub(super) equal: usize,
    /// Whether a pattern is among its conditions, for which the operator class matters.
    pub(super) has_prefix: bool,
    /// What a plan shows; `None` if there is none.
    pub(super) waste: Option<Waste>,
}

/// What a scan read in vain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waste {
    /// How it reads.
    pub(super) reads: Reads,
    /// Rows that it read; `None` if they were not counted.
    pub(super) examined: Option<u64>,
    /// Of them those that were of use, or what the planner thinks.
    pub(super) kept: u64,
    /// Whether they were thrown away by a sort, not by a filter.
    pub(super) by_sort: bool,
    /// Of all rows that the plan reads from tables, 0 to 1.
    pub(super) part: f64,
}

/// Says of a column of a table whether it tells rows apart.
pub(super) type TellsApart<'a> = dyn Fn(&str, &str) -> bool + 'a;

/// The candidates of a plan.
pub(super) fn candidates(facts: &Facts, options: &Options, tells_apart: &TellsApart<'_>) -> Vec<Candidate> {
    // Without counts the planner's costs stand for what is read.
    let weight = |scan: &Scan| if facts.is_measured { examined(scan) as f64 } else { scan.cost as f64 };
    let all: f64 = facts.scans.iter().map(weight).sum();
    let each = facts.scans.iter().filter_map(|scan| candidate(scan, options, tells_apart).map(|found| (scan, found)));
    let mut found: Vec<(Candidate, Waste)> = Vec::new();
    for (scan, (index, mut waste)) in each {
        waste.part = weight(scan) / all.max(1.0);
        // Partitions are scanned one by one.
        match found.iter_mut().find(|(known, _)| known.columns == index.columns && is_sibling(&known.table, &index.table)) {
            Some((_, known)) => {
                known.part += waste.part;
                known.kept = known.kept.saturating_add(waste.kept);
                known.examined = known.examined.zip(waste.examined).map(|(a, b)| a + b);
            }
            None => found.push((index, waste)),
        }
    }
    found.retain(|(_, waste)| waste.part >= options.min_part);
    found.into_iter().map(|(index, waste)| Candidate { waste: Some(waste), ..index }).collect()
}

/// Whether names differ behind the last `_` only, as those of partitions do.
fn is_sibling(a: &str, b: &str) -> bool {
    let stem = |name: &str| name.rfind('_').map(|at| at + 1);
    a == b || stem(a).is_some_and(|at| b.get(..at) == a.get(..at) && stem(b) == Some(at))
}

fn examined(scan: &Scan) -> u64 {
    scan.returned.unwrap_or_default() + scan.removed
}

fn candidate(scan: &Scan, options: &Options, tells_apart: &TellsApart<'_>) -> Option<(Candidate, Waste)> {
    if scan.loops == 0 || is_of_server(&scan.table) {
        return None;
    }
    let waste = if scan.filter.is_empty() { sorted_away(scan, options)? } else { filtered_away(scan, options)? };
    Some((columns(scan, tells_apart)?, waste))
}

/// Whether the filter threw away most of what was read, and what that was.
fn filtered_away(scan: &Scan, options: &Options) -> Option<Waste> {
    let waste = Waste { reads: scan.reads, examined: None, kept: scan.planned_rows, by_sort: false, part: 0.0 };
    let Some(kept) = scan.returned else {
        // A row costs a sequential scan 0.0125 and its share of a page, which is 1; so there are some tens of rows for each
        // unit of cost, and a filter is thought to keep little that keeps two of them.
        let keeps_little = scan.planned_rows <= scan.cost.saturating_mul(2);
        return (scan.reads == Reads::Whole && scan.cost >= options.min_cost && keeps_little).then_some(waste);
    };
    let examined = examined(scan);
    // What an index finds many times is many small things.
    let least = if scan.reads == Reads::Whole { examined } else { examined / scan.loops };
    let is_wasteful = scan.removed as f64 >= options.min_waste * examined as f64;
    (is_wasteful && least >= options.min_examined).then_some(Waste { examined: Some(examined), kept, ..waste })
}

/// Whether a sort of a whole table was for a few rows of it.
fn sorted_away(scan: &Scan, options: &Options) -> Option<Waste> {
    let taken = scan.sort.as_ref()?.limit?;
    let read = scan.returned?;
    let is_wasteful = read.saturating_sub(taken) as f64 >= options.min_waste * read as f64;
    (scan.reads == Reads::Whole && is_wasteful && read >= options.min_examined).then_some(Waste {
        reads: scan.reads,
        examined: Some(read),
        kept: taken,
        by_sort: true,
        part: 0.0,
    })
}

/// The columns of an index. `None` if no plain index would serve.
fn columns(scan: &Scan, tells_apart: &TellsApart<'_>) -> Option<Candidate> {
    let conjuncts: Vec<&Conjunct> =
        scan.index_condition.conjuncts.iter().chain(&scan.filter.conjuncts).filter(|c| is_usable(c, scan)).collect();
    let has_filter = scan.filter.conjuncts.iter().any(|conjunct| is_usable(conjunct, scan));
    if !has_filter && !scan.filter.is_empty() {
        return None;
    }
    let sort = || scan.sort.as_ref().filter(|sort| sort.limit.is_some()).and_then(|sort| sort_columns(&sort.keys, scan));
    let range = |equal: &[&str]| named(&conjuncts, &[Test::Range, Test::Prefix]).into_iter().find(|name| !equal.contains(name));
    let mut equal = equal(&conjuncts);
    let mut is_list = conjuncts.iter().any(|conjunct| conjunct.test == Test::AnyOf && equal.contains(&conjunct.column.name.as_str()));
    // Several of a few values are most of the rows.
    if is_list && (range(&equal).is_some() || sort().is_some()) && !equal.iter().any(|name| tells_apart(&scan.table, name)) {
        (equal, is_list) = (Vec::new(), false);
    }
    let range = range(&equal);
    let sort = sort().filter(|_| !is_list);
    let mut columns: Vec<String> = equal.iter().map(|&name| name.to_owned()).collect();
    match (range, sort) {
        (Some(range), Some(sort)) if sort.first().is_some_and(|key| key.split(' ').next() == Some(range)) => columns.extend(sort),
        (Some(range), _) => columns.push(range.to_owned()),
        (None, Some(sort)) => columns.extend(sort.into_iter().filter(|key| !equal.contains(&key.as_str()))),
        (None, None) => {}
    }
    columns.truncate(MOST_COLUMNS);
    let has_prefix = conjuncts.iter().any(|c| c.test == Test::Prefix && columns.contains(&c.column.name));
    let equal = if is_list { 0 } else { equal.len().min(columns.len()) };
    (!columns.is_empty()).then(|| Candidate { table: scan.table.clone(), columns, equal, has_prefix, waste: None })
}

/// The columns that are tested in one of these ways, each once.
fn named<'c>(conjuncts: &[&'c Conjunct], tests: &[Test]) -> Vec<&'c str> {
    let mut names: Vec<&str> = Vec::new();
    for conjunct in conjuncts.iter().filter(|conjunct| tests.contains(&conjunct.test)) {
        if !names.contains(&conjunct.column.name.as_str()) {
            names.push(&conjunct.column.name);
        }
    }
    names
}

/// The columns that an index would begin with: those compared with one value, or else a list, a flag or NULL.
fn equal<'c>(conjuncts: &[&'c Conjunct]) -> Vec<&'c str> {
    // Keys of other tables tell rows apart better than states and kinds do.
    let mut equal = named(conjuncts, &[Test::Equal]);
    equal.sort_by_key(|name| (!name.ends_with("_id"), *name));
    // Flags and NULL hardly ever tell more than a comparison beside them.
    if equal.is_empty() {
        let others = [Test::AnyOf, Test::Flag, Test::Null].into_iter().map(|test| named(conjuncts, &[test]));
        equal = others.into_iter().find(|names| !names.is_empty()).unwrap_or_default();
        equal.truncate(1);
    }
    equal
}

/// Whether the column is one of the table, compared with what is known before a row of it is read.
fn is_usable(conjunct: &Conjunct, scan: &Scan) -> bool {
    let is_own = conjunct.column.qualifier.as_ref().is_none_or(|qualifier| *qualifier == scan.alias);
    is_own
        && match &conjunct.against {
            Against::Value => true,
            Against::Column(other) => other.qualifier.as_ref().is_some_and(|qualifier| *qualifier != scan.alias),
        }
}

/// The keys of a sort if all are columns of the table; with directions where these are mixed.
fn sort_columns(keys: &[String], scan: &Scan) -> Option<Vec<String>> {
    let read: Option<Vec<(&str, bool)>> = keys.iter().map(|key| sort_column(key, scan)).collect();
    let read = read?;
    let is_mixed = read.iter().any(|&(_, descends)| descends != read[0].1);
    let named = |&(name, descends): &(&str, bool)| if is_mixed && descends { format!("{name} DESC") } else { name.to_owned() };
    Some(read.iter().map(named).collect())
}

/// `a.placed_at DESC`. NULLS FIRST or LAST must be in the index too, so that is no plain column.
fn sort_column<'k>(key: &'k str, scan: &Scan) -> Option<(&'k str, bool)> {
    let (name, descends) = key.strip_suffix(" DESC").map_or((key, false), |name| (name, true));
    let name = match name.split_once('.') {
        Some((qualifier, name)) if qualifier == scan.alias => name,
        Some(_) => return None,
        None => name,
    };
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80) && !name.is_empty();
    is_plain.then_some((name, descends))
}
