//! Which values statements ask a column for, as far as a log shows the values: how many different ones, and how common the
//! most common of them is.
//!
//! Known of the places of a statement in a sample of its calls (see [`crate::workload::Samples`]). Where a statement has none it
//! is known how many different values it ran with, but not of which column they are; then only those count that compare one
//! column of one table with one value and with nothing else. What is never asked for is not seen: the numbers are of the calls,
//! not of the table. No value is told.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sql::shape::on_a_deep_stack;
use crate::sql::shape::scans::{self, Against, Key, Reading, Test, TextAlone};
use crate::units::grouped;
use crate::workload::{Place, Sample, Samples, Statement, Workload};

use super::super::habit::Price;
use super::super::{Evidence, Finding};
use super::unqualified;

/// At most so many statements are read, those first that cost most.
const MOST: usize = 300;

/// Fewer calls say nothing of values.
const FEWEST_CALLS: u64 = 5;

/// So many calls that ask for one value are no accident.
const ENOUGH_CALLS: u64 = 20;

/// So many different values tell rows apart.
const MANY_VALUES: u64 = 20;

/// So few do not, if they are all that so many calls asked for.
const FEW_VALUES: (u64, u64) = (5, 100);

/// A value that is asked for in a larger part of the calls is worth a word.
const COMMON: f64 = 0.2;

/// What calls asked a column for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Asked {
    /// Different values; of several statements the most of one.
    pub(super) distinct: u64,
    /// Whether that was counted and not estimated.
    pub(super) is_exact: bool,
    /// Calls with a value.
    pub(super) calls: u64,
    /// The largest part of the calls of a statement that asked for one value, 0 to 1.
    pub(super) share: f64,
    /// Whether all calls of a statement asked for one and the same value.
    pub(super) is_one: bool,
    /// How many statements.
    pub(super) statements: u64,
    /// Whether statements have the value in their text, and it is not bound.
    pub(super) is_written: bool,
    /// Whether fast calls were left out, see [`Samples::WORTH`].
    pub(super) is_of_slow: bool,
}

impl Asked {
    fn of(place: Place, is_written: bool) -> Self {
        let (distinct, is_exact) = place.different();
        Asked {
            distinct,
            is_exact,
            calls: place.calls,
            share: place.share(),
            is_one: place.distinct == 1,
            statements: 1,
            is_written,
            is_of_slow: true,
        }
    }

    /// What two statements asked for together.
    fn with(self, other: Asked) -> Asked {
        let more = if other.distinct > self.distinct { other } else { self };
        Asked {
            calls: self.calls.saturating_add(other.calls),
            share: self.share.max(other.share),
            is_one: self.is_one && other.is_one,
            statements: self.statements + other.statements,
            is_written: self.is_written && other.is_written,
            is_of_slow: self.is_of_slow || other.is_of_slow,
            ..more
        }
    }
}

/// By table, without its schema, and column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Distributions(BTreeMap<(String, String), Asked>);

/// The same, made when somebody asks.
pub(super) struct Seen<'w> {
    workload: &'w Workload,
    made: OnceCell<Distributions>,
}

impl<'w> Seen<'w> {
    pub(super) fn of(workload: &'w Workload) -> Self {
        Seen { workload, made: OnceCell::new() }
    }

    pub(super) fn get(&self) -> &Distributions {
        self.made.get_or_init(|| Distributions::of(self.workload))
    }
}

impl Distributions {
    fn of(workload: &Workload) -> Self {
        let mut statements: Vec<&Statement> = workload.statements().filter(|statement| statement.values.taken() >= FEWEST_CALLS).collect();
        statements.sort_by_key(|statement| (std::cmp::Reverse(Price::of(statement).total), statement.fingerprint));
        statements.truncate(MOST);
        if statements.is_empty() {
            return Distributions::default();
        }
        let read = || statements.iter().flat_map(|statement| of_statement(statement)).collect::<Vec<_>>();
        let mut all = BTreeMap::new();
        for (key, own) in on_a_deep_stack(read).unwrap_or_default() {
            all.entry(key).and_modify(|known: &mut Asked| *known = known.with(own)).or_insert(own);
        }
        Distributions(all)
    }

    pub(super) fn asked(&self, table: &str, column: &str) -> Option<Asked> {
        self.0.get(&(unqualified(table).to_owned(), column.to_owned())).copied()
    }

    /// Whether a column tells rows apart, by what it was asked for, or else by its name.
    pub(super) fn tells_apart(&self, table: &str, column: &str) -> bool {
        match self.asked(table, column) {
            Some(asked) if asked.distinct >= MANY_VALUES => true,
            Some(asked) if asked.distinct <= FEW_VALUES.0 && asked.calls >= FEW_VALUES.1 => false,
            _ => super::shape::tells_apart(column),
        }
    }

    /// Puts columns that are compared for equality in the order of how many values they were asked for, most first; only if
    /// that is known of all of them.
    pub(super) fn order(&self, table: &str, columns: &mut [String]) {
        let asked: Option<Vec<u64>> = columns.iter().map(|column| Some(self.asked(table, column)?.distinct)).collect();
        if asked.is_some() {
            columns.sort_by_key(|column| std::cmp::Reverse(self.asked(table, column).map(|asked| asked.distinct)));
        }
    }

    /// What is known of some columns.
    pub(super) fn evidence(&self, table: &str, columns: &[String]) -> Vec<Evidence> {
        let known = columns.iter().filter_map(|column| Some((column, self.asked(table, column)?)));
        known.map(|(column, asked)| told(table, column, asked)).collect()
    }

    /// The same for a finding that names an index.
    pub(super) fn hinted(&self, finding: &mut Finding) {
        let text = |value: &Value| value.as_str().map(|text| text.split(' ').next().unwrap_or(text).to_owned());
        let columns = finding.data.get("columns").and_then(Value::as_array).map(|all| all.iter().filter_map(text).collect::<Vec<_>>());
        let is_whole = finding.data.get("where").is_none_or(Value::is_null);
        let told = finding.data.get("table").and_then(Value::as_str).zip(columns.filter(|_| is_whole));
        let hint = told.and_then(|(table, columns)| self.hint(table, &columns, columns.len()));
        finding.remedy.extend(hint);
    }

    /// A word on a smaller index, where all calls ask one of the columns for the same value.
    pub(super) fn hint(&self, table: &str, columns: &[String], equal: usize) -> Option<String> {
        let is_one = |column: &&String| {
            let asked = self.asked(table, column);
            asked.is_some_and(|asked| asked.is_one && asked.calls >= ENOUGH_CALLS)
        };
        let column = columns.iter().take(equal).find(is_one).filter(|_| columns.len() > 1)?;
        let is_written = self.asked(table, column).is_some_and(|asked| asked.is_written);
        let how = if is_written { "" } else { ", if the statements are made to have it in their text and not to bind it" };
        Some(format!(
            " All calls of a statement that were looked at ask {column} for one value: possibly an index on the other columns, WHERE {column} is that value, does with less{how}."
        ))
    }
}

fn told(table: &str, column: &str, asked: Asked) -> Evidence {
    let Asked { distinct, is_exact, calls, share, .. } = asked;
    let about = if is_exact { "" } else { "about " };
    let values = match (distinct, asked.statements) {
        (1, 1) => "one value".to_owned(),
        // Whether it is the same in all of them nobody can tell who has no values.
        (1, several) => format!("one value in each of {several} statements"),
        _ => format!("{about}{} different values", grouped(distinct)),
    };
    let common = if distinct > 1 && share > COMMON {
        format!(", one of them in {:.0} % of those of one statement", share * 100.0)
    } else {
        String::new()
    };
    let left_out =
        if asked.is_of_slow { format!("; calls known to be faster than {} are left out", Samples::WORTH) } else { String::new() };
    let text = format!("{about}{} calls asked {table} for {values} of {column}{common}{left_out}", grouped(calls));
    let data = json!({"table": table, "column": column, "distinct": distinct, "is_exact": is_exact, "calls": calls, "most_common": share});
    Evidence { kind: "value-distribution", text, data: data.as_object().cloned().unwrap_or_default() }
}

/// What a statement asks each column for.
fn of_statement(statement: &Statement) -> Vec<((String, String), Asked)> {
    let calls = statement.values.taken();
    let places = statement.samples.as_ref().map(|samples| samples.places()).unwrap_or_default();
    // Not an example, which a saved workload tells less of.
    let Ok(reading) = scans::read(&statement.text, b"", &TextAlone) else { return Vec::new() };
    if places.is_empty() {
        let key = only_column(&reading);
        let (distinct, is_exact) = statement.values.count();
        let is_written = is_written(&statement.sample);
        return key
            .map(|key| (key, Asked { distinct, is_exact, calls, is_one: distinct == 1, statements: 1, is_written, ..Asked::default() }))
            .into_iter()
            .collect();
    }
    let placed = reading.scans.iter().flat_map(|scan| scan.placed.iter().map(|placed| (unqualified(&scan.table).to_owned(), placed)));
    let known = placed.filter_map(|(table, placed)| {
        let place = places.get((placed.number as usize).checked_sub(1)?)?;
        (place.drawn >= FEWEST_CALLS).then(|| ((table, placed.column.clone()), Asked::of(*place, is_written(&statement.sample))))
    });
    known.collect()
}

/// Whether an example has its values in its text.
fn is_written(sample: &Sample) -> bool {
    sample.parameters.is_empty() && !sample.sql.is_empty()
}

/// The table and the column of a query that compares nothing else, and with one value.
fn only_column(reading: &Reading) -> Option<(String, String)> {
    let [scan] = reading.scans.as_slice() else { return None };
    let [term] = scan.terms.as_slice() else { return None };
    let Key::Column(column) = &term.key else { return None };
    let is_plain = term.test == Test::Equal && term.against == Against::Value && scan.others == 0 && reading.writes.is_empty();
    is_plain.then(|| (unqualified(&scan.table).to_owned(), column.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::shape::scans;

    #[test]
    fn calls_of_statements_with_equal_numbers_are_added() {
        let one = Asked { distinct: 3, is_exact: true, calls: 40, ..Asked::default() };
        assert_eq!(one.with(one), Asked { calls: 80, ..one });
        let more = Asked { distinct: 9, is_exact: false, calls: 2, ..Asked::default() };
        assert_eq!((one.with(more), more.with(one)), (Asked { calls: 42, ..more }, Asked { calls: 42, ..more }));
    }

    #[test]
    fn one_value_is_the_same_one_in_all_statements() {
        let place = Place { drawn: 30, calls: 30, distinct: 1, once: 0, most: 30, is_all: true };
        let of = |is_written| Asked::of(place, is_written);
        let one = of(true);
        assert!(one.is_one && one.with(one).is_one && one.with(one).is_written && !one.with(of(false)).is_written);
        let several = Asked::of(Place { distinct: 40, calls: 50, ..place }, true);
        assert!(!one.with(several).is_one && one.with(several).distinct == 40);
        let column = |name: &str| ("t".to_owned(), name.to_owned());
        let values = Distributions(BTreeMap::from([(column("a"), one), (column("b"), several)]));
        let columns = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let hint = |names: &[&str], equal| values.hint("s.t", &columns(names), equal);
        assert!(hint(&["b", "a"], 2).is_some_and(|text| text.contains("ask a for one value") && !text.contains("bind it")));
        // Nothing but that column, or a range over it.
        assert_eq!((hint(&["a"], 1), hint(&["b", "a"], 1)), (None, None));
        let mut order = columns(&["a", "b"]);
        values.order("t", &mut order);
        assert_eq!(order, ["b", "a"]);
        let mut order = columns(&["a", "unseen", "b"]);
        values.order("t", &mut order);
        assert_eq!(order, ["a", "unseen", "b"]);
        assert!(values.tells_apart("t", "b") && !values.tells_apart("t", "status"));
    }

    #[test]
    fn only_what_compares_one_column_tells_its_values() {
        let of = |sql: &str| only_column(&scans::read(sql, b"", &TextAlone).expect("read"));
        assert_eq!(of("SELECT * FROM s.t WHERE a = 1 LIMIT 5"), Some(("t".to_owned(), "a".to_owned())));
        for sql in [
            "SELECT * FROM t WHERE a = 1 AND b = 2",
            "SELECT * FROM t WHERE a > 1",
            "UPDATE t SET b = 1 WHERE a = 2",
            "SELECT * FROM t WHERE a = 1 AND b <> 2",
            "SELECT * FROM t, u WHERE t.a = 1",
            "SELECT * FROM t WHERE a IN (1, 2)",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
