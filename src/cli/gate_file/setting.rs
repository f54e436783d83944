//! `[rules]`: a rule's level, or a table of its level and of how much is too much.

use serde::Deserialize as Derive;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::compare::policy::Level;

use super::share::Percent;

/// A level by its name.
#[derive(Clone, Copy, Derive)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum LevelName {
    Off,
    Info,
    Warn,
    Error,
}

impl LevelName {
    pub(super) fn level(self) -> Level {
        [Level::Off, Level::Info, Level::Warn, Level::Error][self as usize]
    }
}

/// A rule's setting.
#[derive(Clone, Copy, Default, Derive)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RuleTable {
    pub(super) level: Option<LevelName>,
    /// As a share of the baseline.
    pub(super) rel: Option<Percent>,
    /// In units of what is measured.
    pub(super) abs: Option<f64>,
}

/// A rule's setting, or its level alone.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "Setting"))]
pub(super) struct RuleEntry(pub(super) RuleTable);

/// How [`RuleEntry`] looks in a file.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the file")]
enum Setting {
    Level(LevelName),
    Table(RuleTable),
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
