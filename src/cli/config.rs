//! `laggard.toml`: options of the rules, from the nearest folder upwards.
//!
//! The file of a project holds for everything below its folder, up to the root of the repository. No secrets, no hosts.

use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::Date;
use serde::Deserialize;

use crate::finding::{self, Ignore, Options};

use super::Failure;
use super::toml_place::{Wrong, near, refused, suggested};

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
        if let Some(wrong) = rule.as_deref().filter(|rule| finding::by_id(rule).is_none()) {
            return Err(format!("rule = \"{wrong}\": there is no such rule; {}", meant(wrong)));
        }
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
    let name = file.display();
    let text = std::fs::read_to_string(&file).map_err(|error| Failure::trouble(format!("{name}: {error}")))?;
    parsed(&text, Zoned::now().date()).map_err(|words| Failure::trouble(format!("{name}:{words}")))
}

/// What a file says as it holds on a day; else where in it something is wrong, and what.
fn parsed(text: &str, today: Date) -> Result<Options, String> {
    let config: Config = toml::from_str(text).map_err(|error| refused(text, &error))?;
    let mut options = Options::of(config.rule).map_err(|bad| {
        let unknown = if finding::by_id(&bad.rule).is_none() { format!("; {}", meant(&bad.rule)) } else { String::new() };
        Wrong::at(["rule", &bad.rule], suggested(&bad.reason) + &unknown).placed(text, &format!("[rule.{}]: ", bad.rule))
    })?;
    for (at, entry) in config.ignore.into_iter().enumerate() {
        let wrong = |reason| Wrong::at(["ignore", &at.to_string()], reason).placed(text, &format!("[[ignore]] number {}: ", at + 1));
        options.ignores.push(entry.on(today).map_err(wrong)?);
    }
    Ok(options)
}

/// The rule that may have been meant, or where they are listed.
fn meant(rule: &str) -> String {
    let near = near(rule, finding::ALL.iter().map(|rule| rule.meta().id));
    near.map_or_else(|| "laggard rules lists them".to_owned(), |near| format!("did you mean {near}?"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
        for (text, expected) in [
            ("\n[rulee.deadlock]\n", "2:2: unknown field `rulee`, expected `rule` or `ignore`; did you mean rule?"),
            ("# deadlok\n[rule.deadlok]\n", "2:7: [rule.deadlok]: there is no such rule; did you mean deadlock?"),
            ("[rule]\ncache-hit.min = 1\n", "2:1: [rule.cache-hit]: there is no such rule; laggard rules lists them"),
            (
                "[rule.plan-time-dominates]\nmin_calls = 5\nmin_plannin_ms = 1\n",
                "3:1: [rule.plan-time-dominates]: min_plannin_ms: unknown field `min_plannin_ms`, expected one of `min_calls`",
            ),
            ("[rule.n-plus-one]\n\nmin_repeats = 'x'\n", "3:1: [rule.n-plus-one]: min_repeats: invalid type: string \"x\""),
            ("[rule.deadlock]\nmin = 1\n", "2:1: [rule.deadlock]: min: there is no such option; this rule has none"),
            (
                "[[ignore]]\nrule = 'deadlock'\nreason = 'x'\n[[ignore]]\nreason = 'x'\nrule = 'dead-lock'\n",
                "6:1: [[ignore]] number 2: rule = \"dead-lock\": there is no such rule; did you mean deadlock?",
            ),
            ("[[ignore]]\nrule = 'deadlock'\nreason = 'x'\nexpires = 12:00:00\n", "4:1: [[ignore]] number 1: expires"),
            ("[[ignore]]\nrule = 'deadlock'\nresaon = 'x'\n", "3:1: unknown field `resaon`"),
            ("[rule.deadlock\n", "1:15: "),
        ] {
            let told = parsed(text, jiff::civil::date(2026, 11, 26)).expect_err(text);
            assert!(told.starts_with(expected), "{text}: {told}");
        }
        let told = parsed("[rule.plan-time-dominates]\nmin_cals = 5\n", jiff::civil::date(2026, 11, 26)).expect_err("no such option");
        assert!(told.ends_with("; did you mean min_calls?"), "{told}");
    }
}
