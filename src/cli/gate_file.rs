//! `gate.toml`: what a gate holds against a candidate, from the nearest folder upwards.
//!
//! A key that is not known ends the command, because a rule that nobody reads would pass everything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::Date;
use serde::Deserialize;

use crate::compare::Policy;
use crate::compare::policy::{self, Level, default_limit, rule_names};

use super::gate_args::GateFileArgs;
use super::toml_place::{Wrong, near, refused};
use super::{Failure, config};

mod budget;
mod gate;
mod ignore;
mod setting;
mod share;

use budget::BudgetEntry;
use gate::Gate;
use ignore::IgnoreEntry;
use setting::RuleEntry;
use share::Percent;

/// The only version of the file so far.
const SCHEMA: u32 = 1;

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct File {
    /// The version of the file: 1.
    schema: Option<u32>,
    gate: Gate,
    eligibility: Eligibility,
    /// Rules by name: a level, or a table of `level`, `rel` and `abs`.
    rules: BTreeMap<String, RuleEntry>,
    tables: Tables,
    controls: Controls,
    budget: Vec<BudgetEntry>,
    ignore: Vec<IgnoreEntry>,
}

/// `[eligibility]`: statements that have a test of latency.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Eligibility {
    /// At least so many calls in every run.
    min_calls: Option<u64>,
    /// At least this share of the time of a side.
    min_share: Option<Percent>,
}

/// `[tables]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Tables {
    /// Tables that matter most: a new statement or a whole read of one of them fails.
    critical: Vec<String>,
}

/// `[controls]`: statements that no change of this program makes slower. What a run does to all statements alike is taken from
/// them, if at least ten can be tested.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Controls {
    /// Those whose ids begin so.
    fingerprints: Vec<String>,
    /// Those that name these tables, and no others.
    tables: Vec<String>,
}

/// The policy of the named file, or of the one that is found, with what the flags say, and where the file stands.
pub(super) fn policy(args: &GateFileArgs) -> Result<(Policy, Option<PathBuf>), Failure> {
    let (mut policy, place) = of_file(args.gate.as_deref(), args.no_gate)?;
    let names = args.include.iter().map(|name| ("include", name)).chain(args.exclude.iter().map(|name| ("exclude", name)));
    for (flag, name) in names {
        if default_limit(name).is_none() {
            return Err(Failure::trouble(format!("--{flag} {name}: there is no such rule of the gate{}", meant(name))));
        }
    }
    let is_left_out = |name: &str| {
        let is_in = |list: &[String]| list.iter().any(|listed| listed == name);
        (!args.include.is_empty() && !is_in(&args.include)) || is_in(&args.exclude)
    };
    rule_names().filter(|name| is_left_out(name)).for_each(|name| policy.switch_off(name));
    if rule_names().all(|name| policy.limit(name).level == Level::Off) {
        return Err(Failure::trouble("--include, --exclude and the gate file leave no rule, so nothing could fail"));
    }
    let filter = args.filter.as_deref().map(regex::Regex::new).transpose();
    policy.filter = filter.map_err(|error| Failure::trouble(format!("--filter: {error}")))?;
    Ok((policy, place))
}

fn of_file(named: Option<&Path>, none: bool) -> Result<(Policy, Option<PathBuf>), Failure> {
    let file = match named {
        Some(file) => Some(file.to_path_buf()),
        None if none => None,
        None => config::found(&["gate.toml", ".config/gate.toml"]),
    };
    let Some(file) = file else { return Ok((Policy::default(), None)) };
    let text = std::fs::read_to_string(&file).map_err(|error| Failure::trouble(format!("{}: {error}", file.display())))?;
    let policy = parsed(&text, Zoned::now().date()).map_err(|words| Failure::trouble(format!("{}:{words}", file.display())))?;
    Ok((policy, Some(file)))
}

/// What a file says as it holds on a day; else where in it something is wrong, and what.
fn parsed(text: &str, today: Date) -> Result<Policy, String> {
    let file: File = toml::from_str(text).map_err(|error| refused(text, &error))?;
    file.policy(today).map_err(|wrong| wrong.placed(text, ""))
}

impl File {
    /// As it holds on a day; else what is wrong.
    fn policy(self, today: Date) -> Result<Policy, Wrong> {
        if let Some(schema) = self.schema.filter(|&schema| schema != SCHEMA) {
            return Err(Wrong::at(["schema"], format!("this gate file is of schema {schema}, and this build reads {SCHEMA}")));
        }
        let mut policy = Policy::default();
        self.gate.set(&mut policy)?;
        let floors = &mut policy.latency.eligibility;
        floors.min_calls = self.eligibility.min_calls.unwrap_or(floors.min_calls);
        floors.min_share = self.eligibility.min_share.map_or(floors.min_share, |share| share.0);
        for (name, entry) in &self.rules {
            let limit = entry.limit(name)?;
            policy.limits.insert(name.clone(), limit);
        }
        policy.critical = self.tables.critical;
        policy.controls = self.controls.checked().map_err(|(key, reason)| Wrong::at(["controls", key], format!("[controls] {reason}")))?;
        for (at, entry) in self.budget.into_iter().enumerate() {
            policy.budgets.extend(entry.budgets(at + 1).map_err(|reason| of_entry("budget", at, &reason))?);
        }
        for (at, entry) in self.ignore.into_iter().enumerate() {
            policy.waivers.push(entry.on(today).map_err(|reason| of_entry("ignore", at, &reason))?);
        }
        Ok(policy)
    }
}

/// What is wrong with an entry of a list.
fn of_entry(list: &str, at: usize, reason: &str) -> Wrong {
    let key = reason.split([' ', '.']).next().unwrap_or_default();
    Wrong::at([list, &at.to_string(), key], format!("[[{list}]] number {}: {reason}", at + 1))
}

impl Controls {
    /// Itself if it makes sense; else the key that does not, and why.
    fn checked(self) -> Result<policy::Controls, (&'static str, String)> {
        let Self { fingerprints, tables } = self;
        if let Some(table) = tables.iter().find(|table| table.trim().is_empty()) {
            return Err(("tables", format!("tables: \"{table}\" is no table")));
        }
        fingerprints.iter().try_for_each(|id| id_is_one(id)).map_err(|reason| ("fingerprints", reason))?;
        Ok(policy::Controls { fingerprints, tables })
    }
}

fn id_is_one(id: &str) -> Result<(), String> {
    let is_id = (4..=16).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let digits = "a statement's id has up to sixteen digits, 0-9 and a-f, and at least four of them are needed";
    if is_id { Ok(()) } else { Err(format!("fingerprint = \"{id}\": {digits}")) }
}

/// The rule that may have been meant, or all there are.
fn meant(name: &str) -> String {
    near(name, rule_names())
        .map_or_else(|| format!("; there are {}", rule_names().collect::<Vec<_>>().join(", ")), |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::policy::Doubt;

    #[test]
    fn the_committed_schema_is_that_of_the_structs() {
        crate::report::json::assert_committed::<File>("cli/gate-file");
    }

    fn read(text: &str) -> Result<Policy, String> {
        parsed(text, jiff::civil::date(2026, 11, 26))
    }

    #[test]
    fn what_is_said_holds_and_what_is_not_said_is_the_default() {
        let policy = read(
            "schema = 1\n[gate]\nfail_on = \"warn\"\nmin_effect = \"15%\"\nfdr = 0.1\nglobal = \"off\"\n[eligibility]\nmin_calls = 40\nmin_share = 0.002\n\
             [rules]\nnew-shape = \"off\"\nbuffers-per-call = { rel = \"50%\" }\nlock-convoy = { level = \"warn\" }\nerrors = { abs = 3 }\n[tables]\ncritical = [\"orders\"]\n",
        )
        .expect("a gate file");
        assert_eq!(
            (policy.fail_on, policy.on_inconclusive, policy.critical.as_slice()),
            (Level::Warn, Doubt::Passes, &["orders".to_owned()][..])
        );
        let latency = &policy.latency;
        assert_eq!((latency.min_effect, latency.fdr, latency.fdr_single, latency.tolerance, latency.min_runs), (0.15, 0.1, 0.02, 0.25, 3));
        assert_eq!((latency.eligibility.min_calls, latency.eligibility.min_share), (40, 0.002));
        assert_eq!(
            (policy.limit("new-shape").level, policy.limit("global-shift").level, policy.limit("lock-convoy").level),
            (Level::Off, Level::Off, Level::Warn)
        );
        let buffers = policy.limit("buffers-per-call");
        assert_eq!((buffers.level, buffers.relative, buffers.absolute), (Level::Error, 0.5, 10.0));
    }

    #[test]
    fn controls_and_what_the_machine_may_do_are_declared() {
        let policy =
            read("[gate]\nglobal = \"fail\"\ninterleaved = true\n[controls]\nfingerprints = [\"9f3c\"]\ntables = [\"a.countries\"]\n");
        let policy = policy.expect("a gate file");
        assert_eq!((policy.limit("global-shift").level, policy.is_interleaved), (Level::Error, true));
        assert_eq!((policy.controls.fingerprints.len(), policy.controls.tables.as_slice()), (1, &["a.countries".to_owned()][..]));
        let level = |word: &str| read(&format!("[gate]\nglobal = \"{word}\"\n")).expect("a gate file").limit("global-shift").level;
        assert_eq!(["off", "info", "warn", "error"].map(level), [Level::Off, Level::Info, Level::Warn, Level::Error]);
    }

    #[test]
    fn an_ignore_holds_to_the_end_of_its_day() {
        let over = |expires: &str| {
            let text = format!("[[ignore]]\nrule = \"latency\"\nreason = \"known\"\nexpires = {expires}\n");
            read(&text).map(|policy| policy.waivers[0].is_over)
        };
        assert_eq!(
            [over("2026-11-25"), over("2026-11-26"), over("2026-11-27")],
            [Ok(true), Ok(false), Ok(false)].map(|r: Result<bool, String>| r)
        );
        assert!(over("2026-11-27T10:00:00Z").is_err());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
        for (text, place, words) in [
            ("[gate]\nfail_om = \"error\"\n", "2:1", "did you mean fail_on?"),
            ("[gates]\n", "1:2", "did you mean gate?"),
            ("[gate]\nfail_on = \"fatal\"\n", "2:11", "unknown variant"),
            ("\n[rules]\nbuffer-per-call = \"warn\"\n", "3:1", "did you mean buffers-per-call?"),
            ("[rules]\nlatency = { levle = \"warn\" }\n", "2:13", "did you mean level?"),
            ("[rules]\nlatency = \"warm\"\n", "2:11", "did you mean warn?"),
            ("[rules]\nlatency = { rel = \"5%\" }\n", "2:13", "min_effect and tolerance in [gate]"),
            ("[rules]\nbudget = { abs = 3 }\n", "2:12", "[rules] budget: it has no abs"),
            ("[rules]\nn-plus-one = { rel = \"5%\" }\n", "2:16", "a level is all that it has"),
            ("[gate]\nmin_effect = \"ten\"\n", "2:14", "\"20%\""),
            ("[gate]\nfdr = 1.5\n", "2:1", "between 0 and 1"),
            ("[gate]\ntolerance = \"5%\"\n", "2:1", "below min_effect"),
            ("[gate]\nglobal = \"always\"\n", "2:10", "unknown variant"),
            ("[controls]\nfingerprints = [\"xyz\"]\n", "2:1", "sixteen digits"),
            ("[controls]\ntables = [\"\"]\n", "2:1", "no table"),
            ("[controls]\ntable = [\"a\"]\n", "2:1", "did you mean tables?"),
            ("schema = 2\n", "1:1", "schema 2"),
            ("[[ignore]]\nrule = \"latency\"\nexpires = 2027-01-01\n", "1:1", "reason"),
            ("[[ignore]]\nrule = \"latency\"\nreason = \"x\"\n", "1:1", "expires"),
            ("[[ignore]]\nreason = \"x\"\nexpires = 2027-01-01\n", "1:1", "would ignore everything"),
            ("[[ignore]]\nfingerprint = \"xyz\"\nreason = \"x\"\nexpires = 2027-01-01\n", "2:1", "sixteen digits"),
            ("[[ignore]]\nrule = \"latncy\"\nreason = \"x\"\nexpires = 2027-01-01\n", "2:1", "did you mean latency?"),
            ("# [gate] fdr\n[gate]\nfdr = 1.5\n", "3:1", "between 0 and 1"),
            (
                "[[budget]]\nmatch = \"*\"\np95 = \"< 1s\"\n[[budget]]\nmatch = \"*\"\np95 = \"1s\"\n",
                "6:1",
                "[[budget]] number 2: p95 = \"1s\": a limit looks like",
            ),
        ] {
            let message = read(text).expect_err(text);
            assert!(message.starts_with(&format!("{place}: ")), "{text}: {message}");
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
