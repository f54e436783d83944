//! `[[budget]]`: limits for statements, such as `p95 = "< 200ms"`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::compare::objectives::{Budget, Matcher, Statistic};
use crate::units::Micros;
use crate::workload::Permille;

/// One entry: whom it is for, and one limit or several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct BudgetEntry {
    /// What it is called in reports.
    name: Option<String>,
    /// `"*"`, or what the statements have in common.
    r#match: MatchEntry,
    /// Such as `"< 200ms"`, as are all that follow up to `max`.
    p50: Option<String>,
    p90: Option<String>,
    p95: Option<String>,
    p99: Option<String>,
    p999: Option<String>,
    mean: Option<String>,
    max: Option<String>,
    /// Such as `"<= 3"`, as are those that follow.
    calls_per_unit: Option<String>,
    rows_per_call: Option<String>,
    buffers_per_call: Option<String>,
}

/// What statements have in common.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MatchTable {
    /// Their id begins so.
    fingerprint: Option<String>,
    /// They ran under this tag of a comment, such as `tag.route = "checkout"`.
    tag: BTreeMap<String, String>,
    /// They name this table.
    table: Option<String>,
    /// Their command, such as `select`.
    kind: Option<String>,
    /// Their normalised text matches this expression.
    text: Option<String>,
}

#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "Match"))]
struct MatchEntry(MatchTable);

/// How [`MatchEntry`] looks in a file.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the file")]
enum Match {
    All(String),
    Some(MatchTable),
}

impl<'de> Deserialize<'de> for MatchEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = MatchEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"*\", or a table of fingerprint, tag, table, kind and text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MatchEntry, E> {
                if text == "*" { Ok(MatchEntry(MatchTable::default())) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MatchEntry, A::Error> {
                MatchTable::deserialize(de::value::MapAccessDeserializer::new(map)).map(MatchEntry)
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

impl BudgetEntry {
    /// Its limits, one each.
    pub(super) fn budgets(self, number: usize) -> Result<Vec<Budget>, String> {
        let name = self.name.clone().unwrap_or_else(|| format!("budget {number}"));
        let quantile = |permille| Statistic::Quantile(Permille(permille));
        let limits = [
            (quantile(500), &self.p50),
            (quantile(900), &self.p90),
            (quantile(950), &self.p95),
            (quantile(990), &self.p99),
            (quantile(999), &self.p999),
            (Statistic::Mean, &self.mean),
            (Statistic::Max, &self.max),
            (Statistic::CallsPerUnit, &self.calls_per_unit),
            (Statistic::RowsPerCall, &self.rows_per_call),
            (Statistic::BuffersPerCall, &self.buffers_per_call),
        ];
        let matcher = self.r#match.0.matcher()?;
        let mut budgets = Vec::new();
        for (statistic, limit) in limits {
            if let Some(text) = limit {
                let limit = limit_of(statistic, text)?;
                budgets.push(Budget { name: name.clone(), matcher: matcher.clone(), statistic, limit });
            }
        }
        if budgets.is_empty() {
            return Err("sets no limit; p95 = \"< 200ms\" would".to_owned());
        }
        Ok(budgets)
    }
}

impl MatchTable {
    fn matcher(self) -> Result<Matcher, String> {
        if self.tag.len() > 1 {
            return Err("match.tag: one tag at most".to_owned());
        }
        let text = self.text.as_deref().map(regex::Regex::new).transpose().map_err(|error| format!("match.text: {error}"))?;
        let Self { fingerprint, tag, table, kind, .. } = self;
        Ok(Matcher { fingerprint, tag: tag.into_iter().next(), table, kind, text })
    }
}

/// The limit itself: microseconds of times, else a number.
fn limit_of(statistic: Statistic, text: &str) -> Result<f64, String> {
    let name = statistic.name();
    let example = if statistic.is_time() { "\"< 200ms\"" } else { "\"<= 3\"" };
    let wrong = || format!("{name} = \"{text}\": a limit looks like {example}");
    let (value, is_below) = match text.trim().strip_prefix("<=") {
        Some(value) => (value.trim(), false),
        None => (text.trim().strip_prefix('<').ok_or_else(wrong)?.trim(), true),
    };
    if statistic.is_time() {
        return value.parse::<Micros>().map(|limit| limit.0 as f64).map_err(|_| wrong());
    }
    let limit = value.parse::<f64>().ok().filter(|limit| limit.is_finite() && *limit >= 0.0).ok_or_else(wrong)?;
    // A count may be the limit itself, or must lie below.
    Ok(if is_below { limit.next_down() } else { limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_spans_or_numbers() {
        let p95 = Statistic::Quantile(Permille(950));
        assert_eq!(limit_of(p95, "< 200ms"), Ok(200_000.0));
        assert_eq!(limit_of(p95, "<=1.5s"), Ok(1_500_000.0));
        assert_eq!(limit_of(Statistic::CallsPerUnit, "<= 3"), Ok(3.0));
        assert!(limit_of(Statistic::CallsPerUnit, "< 3").is_ok_and(|limit| limit < 3.0 && limit > 2.999_999));
        for (statistic, wrong) in
            [(p95, "200ms"), (p95, "< 3"), (p95, "> 3s"), (Statistic::CallsPerUnit, "< 3ms"), (Statistic::RowsPerCall, "< -1")]
        {
            assert!(limit_of(statistic, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_entry_may_set_several_limits_and_must_set_one() {
        let entry = |text: &str| toml::from_str::<BudgetEntry>(text).map_err(|error| error.to_string()).and_then(|entry| entry.budgets(2));
        let both = entry("match = { tag.route = \"checkout\" }\np95 = \"< 200ms\"\ncalls_per_unit = \"<= 3\"").expect("an entry");
        assert_eq!(
            both.iter().map(|budget| (budget.name.as_str(), budget.limit)).collect::<Vec<_>>(),
            [("budget 2", 200_000.0), ("budget 2", 3.0)]
        );
        assert_eq!(both[0].matcher.tag, Some(("route".to_owned(), "checkout".to_owned())));
        for (wrong, words) in [
            ("match = \"*\"", "sets no limit"),
            ("p95 = \"< 1s\"", "match"),
            ("match = \"all\"\np95 = \"< 1s\"", "\"*\""),
            ("match = { tabel = \"orders\" }\np95 = \"< 1s\"", "tabel"),
            ("match = { text = \"(\" }\np95 = \"< 1s\"", "match.text"),
        ] {
            let message = entry(wrong).expect_err(wrong);
            assert!(message.contains(words), "{wrong}: {message}");
        }
    }
}
