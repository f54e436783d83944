//! How many different values statements ask a column for, as far as a log shows the values.
//!
//! Of each statement it is known how many different values it ran with, but not of which column they are; so only those count
//! that compare one column of one table with one value and with nothing else. What is never asked for is not seen: the
//! numbers are of the calls, not of the table.

use std::collections::BTreeMap;

use serde_json::json;

use crate::sql::shape::on_a_deep_stack;
use crate::sql::shape::scans::{Against, Key, Reading, Test, TextAlone};
use crate::units::grouped;
use crate::workload::{Statement, Workload};

use super::super::Evidence;
use super::super::habit::Price;
use super::demands::reading;
use super::unqualified;

/// At most so many statements are read, those first that cost most.
const MOST: usize = 300;

/// Fewer calls say nothing of values.
const FEWEST_CALLS: u64 = 20;

/// What calls asked a column for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Different values; of several statements the most of one.
    pub(super) distinct: u64,
    /// Whether that was counted and not estimated.
    pub(super) is_exact: bool,
    /// Calls with a value.
    pub(super) calls: u64,
}

impl Asked {
    /// What two statements asked for together.
    fn with(self, other: Asked) -> Asked {
        let calls = self.calls.saturating_add(other.calls);
        if other.distinct > self.distinct { Asked { calls, ..other } } else { Asked { calls, ..self } }
    }
}

/// By table, without its schema, and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Distributions(BTreeMap<(String, String), Asked>);

impl Distributions {
    pub(super) fn of(workload: &Workload) -> Self {
        let mut statements: Vec<&Statement> = workload.statements().filter(|statement| statement.values.taken() >= FEWEST_CALLS).collect();
        statements.sort_by_key(|statement| (std::cmp::Reverse(Price::of(statement).total), statement.fingerprint));
        statements.truncate(MOST);
        if statements.is_empty() {
            return Distributions::default();
        }
        let read = || statements.iter().filter_map(|statement| Some((*statement, only_column(&reading(statement, &TextAlone).ok()?)?)));
        let read = on_a_deep_stack(|| read().collect::<Vec<_>>()).unwrap_or_default();
        let mut all = BTreeMap::new();
        for (statement, key) in read {
            let (distinct, is_exact) = statement.values.count();
            let own = Asked { distinct, is_exact, calls: statement.values.taken() };
            all.entry(key).and_modify(|known: &mut Asked| *known = known.with(own)).or_insert(own);
        }
        Distributions(all)
    }

    pub(super) fn asked(&self, table: &str, column: &str) -> Option<Asked> {
        self.0.get(&(unqualified(table).to_owned(), column.to_owned())).copied()
    }

    /// What is known of the first of some columns.
    pub(super) fn evidence(&self, table: &str, columns: &[String]) -> Option<Evidence> {
        let column = columns.first()?;
        let Asked { distinct, is_exact, calls } = self.asked(table, column)?;
        let about = if is_exact { "" } else { "about " };
        let values = if distinct == 1 { "one value".to_owned() } else { format!("{about}{} different values", grouped(distinct)) };
        let text = format!("{} calls asked {table} for {values} of {column}", grouped(calls));
        let data = json!({"table": table, "column": column, "distinct": distinct, "is_exact": is_exact, "calls": calls});
        Some(Evidence { kind: "value-distribution", text, data: data.as_object().cloned().unwrap_or_default() })
    }
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
        let one = Asked { distinct: 3, is_exact: true, calls: 40 };
        assert_eq!(one.with(one), Asked { calls: 80, ..one });
        let more = Asked { distinct: 9, is_exact: false, calls: 2 };
        assert_eq!((one.with(more), more.with(one)), (Asked { calls: 42, ..more }, Asked { calls: 42, ..more }));
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
