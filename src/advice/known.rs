//! Which part of a table's rows a condition keeps where the value and the statistics of its column are known.
//!
//! Source: `var_eq_const`, `scalarineqsel`, `ineq_histogram_selectivity` and `scalararraysel` in
//! `src/backend/utils/adt/selfuncs.c`, `patternsel_common` in `like_support.c` and `clauselist_selectivity` in
//! `src/backend/optimizer/path/clausesel.c`, all of PostgreSQL 15. The server's look at the ends of an index is left out.

use std::cmp::Ordering;

use crate::catalog::Column;
use crate::sql::arrays;
use crate::sql::shape::scans::{Compared, How, Known, Test};

use super::scalar::{Scalar, Scale};
use super::selectivity::{self, Part};

/// What ANALYZE kept of a column's values.
struct Statistics<'c> {
    column: &'c Column,
    scale: Scale,
    /// The most common values and how common they are. One that is not understood is no other.
    common: Vec<(Option<Scalar>, f64)>,
    /// Bounds of equally many of the others.
    histogram: Vec<Scalar>,
    /// The same as text.
    bounds: Vec<String>,
    tuples: f64,
}

/// The part of rows that what a column is compared with keeps; `None` if the values or the statistics are not known.
pub(super) fn part(column: &Column, test: Test, told: &[&Compared], tuples: f64) -> Option<Part> {
    let statistics = Statistics::of(column, tuples)?;
    let of_rows = match test {
        Test::Equal | Test::AnyOf(_) => {
            let (compared, rest) = told.split_first()?;
            statistics.among(compared.with.as_ref().filter(|_| rest.is_empty())?)?
        }
        Test::Range | Test::Between => statistics.range(told)?,
        Test::Prefix | Test::Pattern => match told {
            [Compared { how: How::Like, with: Some(known), .. }] => statistics.like(known.values().first()?)?,
            _ => return None,
        },
        _ => return None,
    };
    Some(Part { of_rows: of_rows.clamp(0.0, 1.0), is_guess: false })
}

/// Both ends of a range are told, if not their values.
pub(super) fn is_closed(told: &[&Compared]) -> bool {
    told.iter().any(|compared| compared.how.is_upper()) && told.iter().any(|compared| compared.how.is_lower())
}

impl<'c> Statistics<'c> {
    fn of(column: &'c Column, tuples: f64) -> Option<Self> {
        let scale = Scale::of(column)?;
        let texts =
            |text: &Option<String>| text.as_deref().and_then(arrays::members).map(|all| all.into_iter().flatten().collect::<Vec<_>>());
        let (values, bounds) = (texts(&column.common_values), texts(&column.histogram).unwrap_or_default());
        let frequencies = column.common_freqs.as_deref().unwrap_or_default();
        let values = values.unwrap_or_default();
        if values.len() != frequencies.len() || (values.is_empty() && bounds.is_empty()) {
            return None;
        }
        let common = values.iter().map(|value| scale.value(value)).zip(frequencies.iter().copied()).collect();
        // In the order of whoever made it, of which ours may be another.
        let histogram: Vec<Scalar> = bounds.iter().filter_map(|bound| scale.value(bound)).collect();
        Some(Statistics { column, scale, common, histogram, bounds, tuples })
    }

    fn nulls(&self) -> f64 {
        self.column.null_frac.unwrap_or_default()
    }

    /// The part of rows whose value is a common one.
    fn in_common(&self) -> f64 {
        self.common.iter().map(|(_, frequency)| frequency).sum()
    }

    /// The part of rows whose value is neither common nor NULL.
    fn others(&self) -> f64 {
        (1.0 - self.nulls() - self.in_common()).clamp(0.0, 1.0)
    }

    fn equal(&self, value: &Scalar) -> f64 {
        let is_it = |(common, _): &&(Option<Scalar>, f64)| common.as_ref().is_some_and(|common| common.is_equal(value));
        if let Some((_, frequency)) = self.common.iter().find(is_it) {
            return *frequency;
        }
        let distinct = selectivity::distinct(self.column, self.tuples).0 - self.common.len() as f64;
        let each = self.others() / distinct.max(1.0);
        self.common.last().map_or(each, |(_, least)| each.min(*least))
    }

    fn among(&self, known: &Known) -> Option<f64> {
        let values: Option<Vec<Scalar>> = known.values().iter().map(|value| self.scale.value(value)).collect();
        Some(values?.iter().map(|value| self.equal(value)).sum())
    }

    /// Of several bounds of one end the one that keeps least counts.
    fn range(&self, told: &[&Compared]) -> Option<f64> {
        let end = |is_end: fn(How) -> bool| {
            let parts: Option<Vec<f64>> =
                told.iter().filter(|compared| is_end(compared.how)).map(|compared| self.bounded(compared)).collect();
            parts.map(|parts| parts.into_iter().reduce(f64::min))
        };
        let (upper, lower) = (end(How::is_upper)?, end(How::is_lower)?);
        match (upper, lower) {
            (Some(upper), Some(lower)) => {
                let part = upper + lower - 1.0 + self.nulls();
                // A little less than nothing is a little, and much less is that the statistics are of another time.
                Some(match part {
                    part if part > 0.0 => part,
                    part if part >= -0.01 => 1e-10,
                    _ => selectivity::RANGE,
                })
            }
            (Some(part), None) | (None, Some(part)) => Some(part),
            (None, None) => None,
        }
    }

    fn bounded(&self, compared: &Compared) -> Option<f64> {
        let value = self.scale.value(compared.with.as_ref()?.values().first()?)?;
        let holds = |of: &Scalar| match of.order(&value) {
            Ordering::Less => compared.how.is_upper(),
            Ordering::Equal => matches!(compared.how, How::AtMost | How::AtLeast),
            Ordering::Greater => compared.how.is_lower(),
        };
        let common: f64 = self.common.iter().filter(|(common, _)| common.as_ref().is_some_and(holds)).map(|(_, frequency)| frequency).sum();
        let others = self.below(&value, compared.how).map_or(0.5, |below| if compared.how.is_lower() { 1.0 - below } else { below });
        Some((common + others * self.others()).clamp(0.0, 1.0))
    }

    /// The part of the histogram below a value, or up to it; `None` if there is none.
    fn below(&self, value: &Scalar, how: How) -> Option<f64> {
        let bounds = &self.histogram;
        let bins = bounds.len().checked_sub(1).filter(|bins| *bins > 0)?;
        let includes = matches!(how, How::AtMost | How::Above);
        let is_before = |bound: &Scalar| match bound.order(value) {
            Ordering::Less => true,
            Ordering::Equal => includes,
            Ordering::Greater => false,
        };
        let at = bounds.partition_point(is_before);
        // The ends are those of a sample.
        let least = 0.01 / bins as f64;
        let part = match (at.checked_sub(1).and_then(|low| bounds.get(low)), bounds.get(at)) {
            (None, _) => 0.0,
            (_, None) => 1.0,
            (Some(low), Some(high)) => {
                let within = value.between(low, high);
                let others = selectivity::distinct(self.column, self.tuples).0 - self.common.len() as f64;
                let each = if others > 1.0 { 1.0 / others } else { 0.0 };
                let first = if at == 1 { each * (1.0 - within) } else { 0.0 };
                ((at - 1) as f64 + within) / bins as f64 + first - if includes { 0.0 } else { each }
            }
        };
        Some(part.clamp(least, 1.0 - least))
    }

    fn like(&self, pattern: &str) -> Option<f64> {
        if !matches!(self.scale, Scale::Text { .. }) || pattern.len() > LONGEST_PATTERN {
            return None;
        }
        if !pattern.contains(['%', '_', '\\']) {
            return self.scale.value(pattern).map(|value| self.equal(&value));
        }
        let is_common = |common: &Option<Scalar>| matches!(common, Some(Scalar::Text(text, _)) if is_like(text, pattern));
        let common: f64 = self.common.iter().filter(|(common, _)| is_common(common)).map(|(_, frequency)| frequency).sum();
        // The ends of a histogram are not like the rest.
        let inner = self.bounds.get(1..self.bounds.len().saturating_sub(1)).unwrap_or_default();
        let alike = inner.iter().filter(|bound| is_like(bound, pattern)).count() as f64 / (inner.len() as f64).max(1.0);
        let thought = self.thought_like(pattern);
        let weight = if inner.len() < 8 { 0.0 } else { ((inner.len() + 2) as f64 / 100.0).min(1.0) };
        let others = (alike * weight + thought * (1.0 - weight)).clamp(0.0001, 0.9999);
        Some(common + others * self.others())
    }

    /// What the planner thinks of a pattern by its look.
    fn thought_like(&self, pattern: &str) -> f64 {
        let prefix: String = pattern.chars().take_while(|c| !matches!(c, '%' | '_' | '\\')).collect();
        let last = format!("{prefix}\u{10FFFF}");
        let ends = [prefix.as_str(), last.as_str()].map(|text| self.scale.value(text).and_then(|value| self.below(&value, How::AtMost)));
        let of_prefix = match ends {
            [Some(from), Some(to)] if !prefix.is_empty() => (to - from).max(0.0),
            _ if prefix.is_empty() => 1.0,
            _ => selectivity::RANGE,
        };
        // `like_selectivity`: a wildcard in front is in the prefix already.
        let rest = pattern[prefix.len()..].trim_start_matches(['%', '_']).chars().fold(1.0, |part: f64, c| match c {
            '%' => part * 5.0,
            '_' => part * 0.9,
            _ => part * 0.2,
        });
        of_prefix * rest.min(1.0)
    }
}

/// Longer patterns are not looked for.
const LONGEST_PATTERN: usize = 200;

/// So much of a text is looked at.
const LONGEST_TEXT: usize = 400;

/// Whether a text is like a pattern: `%` stands for anything, `_` for one character, and `\` makes of the next one itself.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().take(LONGEST_TEXT).collect(), pattern.chars().collect());
    let (mut at, mut of, mut retry) = (0, 0, None);
    loop {
        let is_one = match (pattern.get(of), text.get(at)) {
            (Some('%'), _) => {
                retry = Some((at, of));
                of += 1;
                continue;
            }
            (None, None) => return true,
            (Some('_'), Some(_)) => 1,
            (Some('\\'), Some(c)) if pattern.get(of + 1) == Some(c) => 2,
            (Some(p), Some(c)) if *p != '\\' && p == c => 1,
            _ => 0,
        };
        if is_one > 0 {
            (at, of) = (at + 1, of + is_one);
            continue;
        }
        // What the last % stands for is longer by one.
        match retry {
            Some((from, percent)) if from < text.len() => {
                retry = Some((from + 1, percent));
                (at, of) = (from + 1, percent + 1);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::CatalogNames;
    use super::super::asked::asked;
    use super::*;
    use crate::catalog::{Catalog, Object, Origin};
    use crate::sql::shape::scans;

    /// A table of 20 000 rows with the statistics that ANALYZE of PostgreSQL 15 made of it, ten bounds for each column.
    fn k(with_values: bool) -> Catalog {
        let column = |number: i32, name: &str, kind: &str, (nulls, distinct): (f64, f64), (freqs, common, bounds): (Value, &str, &str)| {
            let told = |text: &str| if with_values && !text.is_empty() { json!(text) } else { Value::Null };
            json!({"type": "column", "relation": 1, "number": number, "name": name, "data_type": kind, "not_null": false,
                "collation": if kind == "text" { json!("default") } else { Value::Null }, "null_frac": nulls, "n_distinct": distinct,
                "avg_width": 8, "correlation": 0.0, "common_freqs": freqs, "common_values": told(common), "histogram": told(bounds)})
        };
        let objects = [
            json!({"type": "relation", "oid": 1, "schema": "public", "name": "k", "kind": "r", "persistence": "p", "tuples": 20_000.0,
                "pages": 181, "visible_pages": 0, "is_partition": false, "parent": null, "definition": null, "usage": null}),
            column(
                1,
                "n",
                "integer",
                (0.0, -0.1084),
                (json!([0.28733334, 0.093333334]), "{7,9}", "{102,573,1104,1644,2111,2603,3112,3571,4032,4561,5096}"),
            ),
            column(
                2,
                "t",
                "text",
                (0.045666665, -0.23965),
                (
                    json!([0.071, 0.07033333, 0.062]),
                    "{rare2,rare0,rare1}",
                    r#"{"name 00002","name 01026","name 02025","name 02956","name 03886","name 04897","name 05952","name 07011","name 08053","name 09007","name 09998"}"#,
                ),
            ),
            column(
                3,
                "d",
                "date",
                (0.0, 700.0),
                (
                    json!([0.0036666666, 0.0036666666]),
                    "{2026-05-15,2026-12-09}",
                    "{2026-01-02,2026-03-11,2026-05-19,2026-07-31,2026-10-10,2026-12-18,2027-02-26,2027-05-03,2027-07-08,2027-09-17,2027-12-01}",
                ),
            ),
            column(
                4,
                "ip",
                "inet",
                (0.0, 997.0),
                (
                    Value::Null,
                    "",
                    "{10.0.0.0,10.0.21.17,10.0.43.61,10.0.61.147,10.0.80.10,10.0.101.27,10.0.120.240,10.0.142.34,10.0.161.97,10.0.181.87,10.0.199.223}",
                ),
            ),
            column(
                5,
                "at",
                "timestamp with time zone",
                (0.0, -1.0),
                (
                    Value::Null,
                    "",
                    r#"{"2026-01-01 00:15:00+00","2026-01-02 10:36:00+00","2026-01-03 18:53:00+00","2026-01-05 00:25:00+00","2026-01-06 09:43:00+00","2026-01-07 20:49:00+00","2026-01-09 04:24:00+00","2026-01-10 14:36:00+00","2026-01-12 00:11:00+00","2026-01-13 09:46:00+00","2026-01-14 21:10:00+00"}"#,
                ),
            ),
            column(6, "f", "numeric", (0.0, 997.0), (Value::Null, "", "{0.0000,10.0000,19.6000,29.9,40.3,51.0,61.3,71.7,80.7,90.4,99.9}")),
        ];
        Catalog::of(Origin::default(), objects.map(|object| serde_json::from_value::<Object>(object).expect("an object")))
    }

    /// How many rows pass, and whether that is a guess.
    fn rows(catalog: &Catalog, condition: &str, parameters: &str) -> (f64, bool) {
        let sql = format!("SELECT * FROM k WHERE {condition}");
        let reading = scans::read(&sql, parameters.as_bytes(), &CatalogNames(catalog)).expect("read");
        let asked = asked(&reading.scans[0], catalog).expect("a table");
        (asked.rows(), asked.conditions.iter().any(|condition| condition.part.is_guess))
    }

    /// What EXPLAIN of PostgreSQL 15.18 said of the same table.
    #[test]
    fn rows_are_estimated_as_the_planner_does() {
        let catalog = k(true);
        let cases: &[(&str, f64)] = &[
            ("n = 9", 1_867.0),
            ("n = 12", 6.0),
            ("n IN (7, 9, 200)", 7_619.0),
            ("n = 7 OR n = 9 OR n = 200", 7_619.0),
            ("n = ANY('{7,12}'::int[])", 5_752.0),
            ("n < 8", 5_759.0),
            ("8 > n", 5_759.0),
            ("n <= 9", 7_626.0),
            ("n > 4000", 2_563.0),
            ("n >= 4000", 2_569.0),
            ("n > 3000 AND n <= 3500", 1_320.0),
            ("n BETWEEN 200 AND 300", 267.0),
            ("n < 0", 12.0),
            ("n > 9999", 12.0),
            ("n < 5 AND n > 3000", 100.0),
            ("t = 'rare1'", 1_240.0),
            ("t = 'name 00017'", 3.0),
            ("t LIKE 'name 00017'", 3.0),
            ("t LIKE 'name 0001%'", 2.0),
            ("t LIKE 'rare%'", 4_069.0),
            ("t LIKE '%17'", 535.0),
            ("t > 'name 05000'", 10_223.0),
            ("t < 'b'", 15.0),
            ("d = '2026-05-01'", 28.0),
            ("d >= '2026-05-01' AND d < date '2026-06-01'", 945.0),
            ("d > '2027-11-01'", 794.0),
            ("ip > '10.0.150.0'::inet", 5_182.0),
            ("ip = '10.0.1.1'", 20.0),
            ("at >= '2026-01-05' AND at < '2026-01-06 12:00+02'", 2_044.0),
            ("at > '2026-01-14 20:00:00+00'", 66.0),
            ("f > 99", 189.0),
            ("f = 12.50", 20.0),
            ("f < 0.3", 59.0),
        ];
        for (condition, expected) in cases {
            let (rows, is_guess) = rows(&catalog, condition, "");
            assert!((rows - expected).abs() <= (0.02 * expected).max(2.0), "{condition}: {rows} and not {expected}");
            assert!(!is_guess, "{condition}");
        }
    }

    #[test]
    fn bound_values_are_as_good_as_written_ones() {
        let catalog = k(true);
        assert!((rows(&catalog, "n = $1", "$1 = '9'").0 - 1_867.0).abs() < 1.0);
        assert!((rows(&catalog, "n = ANY($1)", "$1 = '{7,9,200}'").0 - 7_619.0).abs() < 2.0);
        assert!((rows(&catalog, "n > $1 AND n <= $2", "$1 = '3000', $2 = '3500'").0 - 1_320.0).abs() < 4.0);
    }

    /// Without values, or without statistics of them, all is as the planner has it without: constants, which are guesses.
    #[test]
    fn what_is_not_known_is_a_guess() {
        for (catalog, condition) in [
            (k(false), "n > 4000"),
            (k(true), "n > $1"),
            (k(true), "n > 'NaN'"),
            (k(true), "at > 'yesterday'"),
            (k(true), "n > 1 + 2"),
            (k(true), "n > NULL"),
        ] {
            let (rows, is_guess) = rows(&catalog, condition, "");
            assert!((rows - 20_000.0 / 3.0).abs() < 1e-6 && is_guess, "{condition}: {rows}");
        }
        assert_eq!(rows(&k(false), "n > 3000 AND n < 3500", ""), (100.0, true), "both ends, 0.005");
        assert_eq!(rows(&k(true), "n > $1 AND n < 3500", ""), (100.0, true));
        // 1 of 2 168 values on average.
        assert!((rows(&k(true), "n = $1", "").0 - 20_000.0 / 2_168.0).abs() < 0.1);
    }

    #[test]
    fn patterns_are_matched_as_sql_does() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("", "%", true),
            ("", "_", false),
            ("a%c", r"a\%c", true),
            ("abc", r"a\%c", false),
            ("aaab", "%a%ab", true),
            ("mississippi", "%iss%ip%i", true),
            ("mississippi", "%iss%iss%iss%", false),
            ("a", "a\\", false),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} LIKE {pattern}");
        }
    }

    mod laws {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            /// Whatever a log or a catalogue holds, what is kept is a part of all, and wider ranges never keep less.
            #[test]
            fn any_value_has_a_part(value in any::<i64>(), wider in 0..i64::MAX / 2, text in ".{0,12}", bounds in ".{0,40}") {
                let mut column = k(true).column_named(1, "n").expect("a column").clone();
                let all = |catalog: &Catalog, condition: &str| rows(catalog, condition, "").0;
                let catalog = k(true);
                let (narrow, wide) = (all(&catalog, &format!("n < {value}")), all(&catalog, &format!("n < {}", value.saturating_add(wider))));
                prop_assert!((0.0..=20_000.0).contains(&narrow) && narrow <= wide + 10.0, "{narrow} {wide}");
                let quoted = text.replace('\'', "''").replace('\0', "");
                for condition in [format!("t = '{quoted}'"), format!("t LIKE '{quoted}'"), format!("t > '{quoted}'"), format!("d < '{quoted}'")] {
                    if let Ok(reading) = scans::read(&format!("SELECT * FROM k WHERE {condition}"), b"", &CatalogNames(&catalog)) {
                        let kept = reading.scans.first().and_then(|scan| asked(scan, &catalog).ok()).map_or(0.5, |asked| asked.kept());
                        prop_assert!((0.0..=1.0).contains(&kept), "{condition} {kept}");
                    }
                }
                (column.common_values, column.histogram) = (Some(bounds.clone()), Some(format!("{{{bounds}}}")));
                prop_assert!(Statistics::of(&column, 20_000.0).is_none_or(|known| known.histogram.len() <= bounds.len() + 1));
            }
        }
    }
}
