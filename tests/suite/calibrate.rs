//! `laggard calibrate`: runs that are alike, runs that are not, and runs that are none.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use laggard::compare::stats::random::Random;
use serde_json::Value;

use crate::harness::timed;

/// What the command said, and its exit code.
fn calibrate(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(folder).stdin(Stdio::null()).arg("calibrate").args(arguments);
    let output = command.output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const TABLES: [&str; 8] = ["basket", "customer", "invoice", "item", "order", "payment", "refund", "stock"];

/// The log of a run: eight statements of 60 calls each, one of which takes `factor` times as long.
fn log(random: &mut Random, factor: f64) -> String {
    let common = 0.2 * random.normal();
    let mut log = String::new();
    for (at, table) in TABLES.iter().enumerate() {
        let middle = 3_000.0 * (common + 0.05 * random.normal()).exp() * if at == 0 { factor } else { 1.0 };
        for call in 0..60 {
            let micros = laggard::units::Micros::floor(middle * (0.3 * random.normal()).exp()).0;
            log.push_str(&timed(7, micros, "statement", &format!("select * from {table} where id = {call}")));
        }
    }
    log
}

/// Runs in files, the last `slower` of which have a statement that takes three times as long.
fn runs(folder: &Path, count: usize, slower: usize) -> Vec<String> {
    let mut random = Random::new(4);
    let name = |run: usize| {
        let name = format!("run{run:02}.log");
        let factor = if run + slower >= count { 3.0 } else { 1.0 };
        fs::write(folder.join(&name), log(&mut random, factor)).expect("writable");
        name
    };
    (0..count).map(name).collect()
}

fn json(folder: &Path, names: &[String], more: &[&str]) -> Value {
    let arguments: Vec<&str> = more.iter().copied().chain(["--format", "json"]).chain(names.iter().map(String::as_str)).collect();
    let (code, out, err) = calibrate(folder, &arguments);
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn runs_that_are_alike_raise_no_alarm_and_tell_what_they_hide() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = runs(folder.path(), 8, 0);
    let told = json(folder.path(), &names, &["--per-side", "3", "--comparisons", "60"]);
    assert_eq!(told["schema"], "laggard.calibration/1");
    // Of eight runs three and three can be dealt in 560 ways, more than 60.
    let alarms = &told["alarms"];
    assert_eq!((&alarms["runs_per_side"], &alarms["comparisons"], &alarms["complete"]), (&3.into(), &60.into(), &false.into()));
    assert_eq!((&alarms["any"]["failed"], &alarms["any"]["share"]), (&0.into(), &0.0.into()), "{alarms}");
    let (latency, tail) = (&told["noise"][0], &told["noise"][1]);
    assert_eq!((&latency["metric"], &latency["of"], &latency["statements"]), (&"latency".into(), &"median".into(), &8.into()));
    assert_eq!((&tail["metric"], &tail["of"], &tail["statements"]), (&"latency_tail".into(), &"p95".into(), &8.into()));
    let number = |value: &Value| value.as_f64().expect("a number");
    // Of 60 calls with a deviation of 0.3 the median has 0.3·1.25/√60 = 0.05; with the run's own 0.05 that is 0.07.
    assert!((0.04..0.11).contains(&number(&latency["residual_sd"])), "{latency}");
    assert!((0.1..0.4).contains(&number(&latency["shift_sd"])), "{latency}");
    let statements = told["statements"].as_array().expect("statements");
    assert_eq!(statements.len(), 16);
    for statement in statements {
        assert!(number(&statement["mde"]) > 1.1 && statement["runs_needed"]["plus_50_percent"].is_u64(), "{statement}");
        assert!(
            statement["text"].as_str().is_some_and(|text| text.starts_with("select * from ") && text.ends_with("id = $1")),
            "{statement}"
        );
    }
    let again = json(folder.path(), &names, &["--per-side", "3", "--comparisons", "60"]);
    assert_eq!(told, again, "the same runs say the same");
}

#[test]
fn runs_that_are_not_alike_raise_alarms() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = runs(folder.path(), 8, 4);
    let told = json(folder.path(), &names, &["--per-side", "3", "--comparisons", "60"]);
    assert!(told["alarms"]["latency"]["failed"].as_u64() > Some(0), "{}", told["alarms"]);
    let (code, table, _) = calibrate(folder.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    assert!(table.starts_with("8 runs taken to be alike\n70 comparisons of 4 with 4 (all):\n"), "{table}");
    assert!(table.contains("select * from basket where id = $1") && !table.contains('\u{1b}'), "{table}");
}

#[test]
fn what_is_no_calibration_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = runs(folder.path(), 2, 0);
    let (code, out, err) = calibrate(folder.path(), &[&names[0]]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains("at least two runs"), "{err}");
    let (code, _, err) = calibrate(folder.path(), &["--per-side", "2", &names[0], &names[1]]);
    assert_eq!(code, Some(2));
    assert!(err.contains("name 4 runs"), "{err}");
    assert_eq!(calibrate(folder.path(), &["--comparisons", "0", &names[0], &names[1]]).0, Some(2));
    // Half of the one run is other statements.
    fs::write(folder.path().join("other.log"), log(&mut Random::new(1), 1.0).replace("where id", "where name")).expect("writable");
    let (code, out, _) = calibrate(folder.path(), &[&names[0], "other.log"]);
    assert_eq!(code, Some(3));
    assert!(out.starts_with("2 runs that cannot be compared\n") && out.lines().count() >= 2, "{out}");
}
