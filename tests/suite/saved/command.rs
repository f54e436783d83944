//! `laggard save` as people call it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::corpus::fixtures;

fn laggard(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(folder).args(arguments).output().expect("runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(fixtures().join("rules/n-plus-one/hit-django-items.log"), folder.path().join("pg.log")).expect("is there");
    folder
}

#[test]
fn what_is_saved_is_an_input_of_every_command() {
    let folder = folder();
    let saved = laggard(folder.path(), &["save", "pg.log", "-o", "run.lag"]);
    assert_eq!((saved.status.code(), saved.stdout.as_slice()), (Some(0), &b""[..]), "{}", said(&saved));
    assert!(said(&saved).contains("wrote run.lag (") && said(&saved).contains("next: laggard report run.lag"), "{}", said(&saved));
    for arguments in
        [&["report", "--format", "json"][..], &["check", "--format", "json", "--exit-zero"], &["explain", "--format", "json", ""]]
    {
        let with = |input: &str| {
            let mut all: Vec<&str> = arguments.to_vec();
            let id = laggard(folder.path(), &["report", "pg.log", "--format", "json"]);
            let report: Value = serde_json::from_slice(&id.stdout).expect("JSON");
            let id = report["statements"][0]["id"].as_str().expect("an id").to_owned();
            if let Some(place) = all.iter_mut().find(|argument| argument.is_empty()) {
                *place = &id;
            }
            all.push(input);
            let output = laggard(folder.path(), &all);
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
        };
        assert_eq!(with("run.lag"), with("pg.log"), "{arguments:?}");
    }
    // The same file twice counts once, also as a copy.
    std::fs::copy(folder.path().join("run.lag"), folder.path().join("copy.lag")).expect("is there");
    let twice = laggard(folder.path(), &["report", "run.lag", "run.lag", "copy.lag", "--format", "json"]);
    let report: Value = serde_json::from_slice(&twice.stdout).expect("JSON");
    assert_eq!((twice.status.code(), report["inputs"].as_array().map(Vec::len)), (Some(0), Some(1)));
    assert!(said(&twice).is_empty() && report["warnings"].to_string().contains("copy.lag"), "{}", said(&twice));
    // What was masked when it was saved cannot be had in full, and is not made up.
    let full = laggard(folder.path(), &["report", "run.lag", "--samples", "full", "--format", "json"]);
    assert!(said(&full).contains("examples stay masked"), "{}", said(&full));
    let sample = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).expect("JSON")["statements"][0]["sample"].clone();
    assert_eq!(sample(&full), sample(&laggard(folder.path(), &["report", "pg.log", "--format", "json"])));
}

#[test]
fn what_cannot_be_had_of_a_saved_workload_is_refused() {
    let folder = folder();
    assert_eq!(laggard(folder.path(), &["save", "pg.log", "-o", "run.lag"]).status.code(), Some(0));
    for flags in [
        &["--since", "2026-11-23"][..],
        &["--last", "1h"],
        &["--app", "web"],
        &["--statement", "select"],
        &["--by", "user"],
        &["--latency", "execute"],
        &["--slo", "p95=1ms"],
    ] {
        let output = laggard(folder.path(), &[&["report", "run.lag"], flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", said(&output));
        assert!(
            said(&output).contains("run.lag: a saved workload is added up already") && output.stdout.is_empty(),
            "{flags:?}: {}",
            said(&output)
        );
        // Given when it is saved they are kept.
        let saved = laggard(folder.path(), &[&["save", "pg.log", "-o", "other.lag"], flags].concat());
        if saved.status.code() == Some(0) && flags[0] != "--statement" {
            let output = laggard(folder.path(), &["report", "run.lag", "other.lag"]);
            let is_time = ["--since", "--last"].contains(&flags[0]);
            assert_eq!(output.status.code(), Some(if is_time { 0 } else { 2 }), "{flags:?}: {}", said(&output));
            assert!(is_time || said(&output).contains("cannot be added to"), "{flags:?}: {}", said(&output));
        }
    }
}

#[test]
fn nothing_is_overwritten_that_is_read_and_nothing_empty_is_written() {
    let folder = folder();
    let refused = |arguments: &[&str], reason: &str, code: i32| {
        let before = std::fs::read(folder.path().join("pg.log")).expect("is there");
        let output = laggard(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(reason), "{arguments:?}: {}", said(&output));
        assert_eq!(std::fs::read(folder.path().join("pg.log")).expect("is there"), before);
        let others = std::fs::read_dir(folder.path())
            .expect("a folder")
            .filter_map(Result::ok)
            .filter(|e| e.file_name().to_string_lossy().contains("lag"))
            .count();
        assert_eq!(others, 0, "{arguments:?} left something behind");
    };
    refused(&["save", "pg.log"], "say where to with -o FILE", 2);
    refused(&["save", "pg.log", "-o", "pg.log"], "is an input", 2);
    refused(&["save", ".", "-o", "run.lag"], "is a folder that is read", 2);
    refused(&["save", "pg.log", "-o", "."], "is a folder", 2);
    refused(&["save", "nowhere.log", "-o", "run.lag"], "nowhere.log", 2);
    refused(&["save", "pg.log", "--app", "nobody", "-o", "run.lag"], "nothing to save", 3);
    refused(&["save", "pg.log", "-o", "nowhere/run.lag"], "nowhere/run.lag", 2);
}

#[test]
fn what_could_not_all_be_read_says_so_ever_after() {
    let folder = folder();
    let saved = laggard(folder.path(), &["save", "pg.log", "missing.log", "-o", "run.lag"]);
    assert_eq!(saved.status.code(), Some(2), "{}", said(&saved));
    let report = laggard(folder.path(), &["report", "run.lag", "--format", "json"]);
    assert_eq!(report.status.code(), Some(2), "{}", said(&report));
    assert!(said(&report).contains("missing.log") && String::from_utf8_lossy(&report.stdout).contains("missing.log"));
}
