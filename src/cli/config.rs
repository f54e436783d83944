//! `laggard.toml`: options of the rules, from the nearest folder upwards.
//!
//! The file of a project holds for everything below its folder, up to the root of the repository. No secrets, no hosts.

use std::cell::LazyCell;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::Date;
use serde::Deserialize;

use crate::finding::{Ignore, Options};

use super::Failure;

/// What the file may hold.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Options by rule.
    rule: std::collections::BTreeMap<String, serde_json::Value>,
    /// Findings to ignore.
    ignore: Vec<IgnoreEntry>,
}

/// One `[[ignore]]`; see [`Ignore`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IgnoreEntry {
    rule: Option<String>,
    fingerprint: Option<String>,
    table: Option<String>,
    reason: String,
    expires: Option<toml::value::Datetime>,
}

impl IgnoreEntry {
    /// As it holds on a day.
    fn on(self, today: Date) -> Result<Ignore, String> {
        let expires = self.expires.map(|day| day.to_string());
        let last = expires.as_deref().map(|day| day.parse::<Date>().map_err(|_| format!("expires = {day}: not a date like 2027-01-31")));
        let is_over = last.transpose()?.is_some_and(|last| last < today);
        let Self { rule, fingerprint, table, reason, .. } = self;
        Ignore { rule, fingerprint, table, reason, expires, is_over }.checked()
    }
}

/// What is configured of findings today: by the named file, or by the one that is found, or nothing.
pub(super) fn rules(named: Option<&Path>, none: bool) -> Result<Options, Failure> {
    let file = match named {
        Some(file) => Some(file.to_path_buf()),
        None if none => None,
        None => found(&["laggard.toml", ".config/laggard.toml"]),
    };
    let Some(file) = file else { return Ok(Options::default()) };
    let failure = |reason: String| Failure::trouble(format!("{}: {reason}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(|error| failure(error.to_string()))?;
    let config: Config = toml::from_str(&text).map_err(|error| failure(error.to_string()))?;
    let mut options = Options::of(config.rule).map_err(|bad| failure(format!("[rule.{}]: {}", bad.rule, bad.reason)))?;
    // The zone of the system is looked for only where it matters.
    let today = LazyCell::new(|| Zoned::now().date());
    for (at, entry) in config.ignore.into_iter().enumerate() {
        options.ignores.push(entry.on(*today).map_err(|reason| failure(format!("[[ignore]] number {}: {reason}", at + 1)))?);
    }
    Ok(options)
}

/// The nearest file of one of these names, from here up to the root of the repository.
pub(super) fn found(names: &[&str]) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    for folder in here.ancestors() {
        let file = names.iter().map(|name| folder.join(name)).find(|file| file.is_file());
        if file.is_some() {
            return file;
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    None
}
