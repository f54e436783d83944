//! `[rules]`: a rule's level, or a table of its level and of how much is too much.

use serde::Deserialize as Derive;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::compare::policy::{Level, Limit, default_limit};

use super::share::Percent;
use super::{Wrong, meant};

/// A level by its name.
#[derive(Clone, Copy, Derive)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum LevelName {
    Off,
    Info,
    Warn,
    Error,
}

impl LevelName {
    fn level(self) -> Level {
        [Level::Off, Level::Info, Level::Warn, Level::Error][self as usize]
    }
}

/// A rule's setting.
#[derive(Clone, Copy, Default, Derive)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RuleTable {
    level: Option<LevelName>,
    /// As a share of the baseline.
    rel: Option<Percent>,
    /// In units of what is measured.
    abs: Option<f64>,
}

/// A rule's setting, or its level alone.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "Setting"))]
pub(super) struct RuleEntry(RuleTable);

/// How [`RuleEntry`] looks in a file.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the file")]
enum Setting {
    Level(LevelName),
    Table(RuleTable),
}

impl RuleEntry {
    /// How strict the rule of that name is; else what is wrong.
    pub(super) fn limit(&self, name: &str) -> Result<Limit, Wrong> {
        let entry = &self.0;
        let Some(known) = default_limit(name) else {
            return Err(Wrong::at(["rules", name], format!("[rules] {name}: there is no such rule{}", meant(name))));
        };
        // What nobody reads would seem to be set.
        let set = [("rel", entry.rel.is_some()), ("abs", entry.abs.is_some())];
        if let Some((key, _)) = set.into_iter().find(|(_, is_set)| *is_set && !known.is_of_counter()) {
            return Err(Wrong::at(
                ["rules", name, key],
                format!("[rules] {name}: it has no {key}, which rules on counters have; {}", instead(name)),
            ));
        }
        if let Some(abs) = entry.abs.filter(|abs| !abs.is_finite() || *abs < 0.0) {
            return Err(Wrong::at(["rules", name, "abs"], format!("[rules] {name}: abs = {abs} is no amount")));
        }
        Ok(Limit {
            level: entry.level.map_or(known.level, LevelName::level),
            relative: entry.rel.map_or(known.relative, |share| share.0),
            absolute: entry.abs.unwrap_or(known.absolute),
        })
    }
}

/// Where what was meant is set, if somewhere else.
fn instead(rule: &str) -> &'static str {
    match rule {
        "latency" | "latency-tail" => "min_effect and tolerance in [gate] are what latency has",
        "budget" => "the limits of [[budget]] are what a budget has",
        _ => "a level is all that it has",
    }
}

impl<'de> Deserialize<'de> for RuleEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = RuleEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a level (off, info, warn or error), or a table of level, rel and abs")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RuleEntry, E> {
                let level = LevelName::deserialize(de::value::StrDeserializer::<E>::new(text))?;
                Ok(RuleEntry(RuleTable { level: Some(level), ..RuleTable::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RuleEntry, A::Error> {
                RuleTable::deserialize(de::value::MapAccessDeserializer::new(map)).map(RuleEntry)
            }
        }
        deserializer.deserialize_any(Entry)
    }
}
