//! `laggard.toml`: options of the rules, from the nearest folder upwards.
//!
//! The file of a project holds for everything below its folder, up to the root of the repository. No secrets, no hosts.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::finding::Options;

use super::Failure;

/// What the file may hold.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Options by rule.
    rule: std::collections::BTreeMap<String, serde_json::Value>,
}

/// The options of the rules: of the named file, or of the one that is found, or the defaults.
pub(super) fn rules(named: Option<&Path>, none: bool) -> Result<Options, Failure> {
    let file = match named {
        Some(file) => Some(file.to_path_buf()),
        None if none => None,
        None => found(),
    };
    let Some(file) = file else { return Ok(Options::default()) };
    let failure = |reason: String| Failure::trouble(format!("{}: {reason}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(|error| failure(error.to_string()))?;
    let config: Config = toml::from_str(&text).map_err(|error| failure(error.to_string()))?;
    Options::of(config.rule).map_err(|bad| failure(format!("[rule.{}]: {}", bad.rule, bad.reason)))
}

/// The nearest `laggard.toml` or `.config/laggard.toml`, from here up to the root of the repository.
fn found() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    for folder in here.ancestors() {
        let file = ["laggard.toml", ".config/laggard.toml"].iter().map(|name| folder.join(name)).find(|file| file.is_file());
        if file.is_some() {
            return file;
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    None
}
