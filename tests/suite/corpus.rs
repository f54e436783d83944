//! The golden sources: every `fixtures/logs/SOURCE/CASE` is read, and the facts in its `expected.json` must come out.
//!
//! The facts were counted by hand or by `fixtures/facts.py`, a program of its own; never by laggard.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use laggard::event::Holds;
use laggard::units::Timestamp;
use laggard::{Input, Reading, Settings, View, source};
use serde_json::Value;

/// One folder under `fixtures/logs`.
pub(crate) struct Case {
    pub(crate) source: String,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) expected: Value,
}

impl Case {
    /// The log as its server wrote it; `None` if this build cannot unpack it.
    pub(crate) fn text(&self) -> Option<Vec<u8>> {
        let packed = fs::read(&self.path).expect("the input");
        let mut text = Vec::new();
        match self.path.extension().and_then(|e| e.to_str()) {
            Some("gz") => drop(flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).expect("whole")),
            #[cfg(feature = "zstd")]
            Some("zst") => text = zstd::stream::decode_all(packed.as_slice()).expect("whole"),
            #[cfg(not(feature = "zstd"))]
            Some("zst") => return None,
            _ => text = packed,
        }
        Some(text)
    }
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).expect("fixtures");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).filter(|p| p.is_dir()).collect();
    paths.sort();
    paths
}

/// Every case, in the order of names.
pub(crate) fn cases() -> Vec<Case> {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut cases = Vec::new();
    for source in folders(&fixtures().join("logs")) {
        for folder in folders(&source) {
            let mut inputs = fs::read_dir(&folder).expect("a case").map(|e| e.expect("an entry").path());
            let path = inputs.find(|p| name(p).starts_with("input.")).unwrap_or_else(|| panic!("{} has no input", folder.display()));
            let expected =
                fs::read_to_string(folder.join("expected.json")).unwrap_or_else(|_| panic!("{} has no expected.json", folder.display()));
            let expected = serde_json::from_str(&expected).expect("JSON");
            cases.push(Case { source: name(&source), name: name(&folder), path, expected });
        }
    }
    cases
}

/// Settings with a moment after all fixtures, so that syslog's times get their year.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.source_options.reference = Timestamp(1_796_083_200_000_000); // 2026-12-01
    settings
}

pub(crate) fn json(reading: &Reading) -> Value {
    let mut text = Vec::new();
    laggard::render("json", &laggard::report(reading, &View::default()), &mut text).expect("to memory");
    serde_json::from_slice(&text).expect("JSON")
}

/// What differs between a report and the facts.
struct Differences(Vec<String>);

impl Differences {
    fn same(&mut self, what: &str, got: impl Into<Value>, expected: &Value) {
        let got = got.into();
        if got != *expected {
            self.0.push(format!("{what}: expected {expected}, got {got}"));
        }
    }

    /// Never below the true value, and exact or within 1 % of it.
    fn near(&mut self, what: &str, got: &Value, expected: &Value, exact: bool) {
        let (value, truth) = (got.as_u64().unwrap_or(0), expected.as_u64().expect("a number"));
        if value < truth || (exact && value != truth) || (value - truth) * 100 > truth {
            self.0.push(format!("{what}: expected {truth}, got {got}"));
        }
    }
}

/// By application, without the counts of zero.
fn applications(report: &Value) -> Value {
    let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for statement in report["statements"].as_array().expect("a list") {
        for share in statement["applications"].as_array().expect("a list") {
            let sum = sums.entry(share["name"].as_str().expect("a name")).or_default();
            *sum = (sum.0 + share["calls"].as_u64().expect("a number"), sum.1 + share["total_us"].as_u64().expect("a number"));
        }
    }
    sums.into_iter()
        .map(|(name, (calls, total))| (name.to_owned(), serde_json::json!({"calls": calls, "total_us": total})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Calls, time and slowest call of every statement that was called, most calls first: what groups there are, whatever their text.
fn statements(report: &Value) -> Value {
    let number = |statement: &Value, key: &str| statement[key].as_u64().unwrap_or(0);
    let all = report["statements"].as_array().expect("a list").iter();
    let mut all: Vec<[u64; 3]> =
        all.map(|s| [number(s, "calls"), number(s, "total_us"), number(s, "max_us")]).filter(|s| s[0] > 0).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    serde_json::json!(all)
}

fn sqlstates(report: &Value) -> Value {
    let mut states = serde_json::Map::new();
    for error in report["events"]["errors"].as_array().expect("a list") {
        let state = error["sqlstate"].as_str().unwrap_or("none").to_owned();
        let count = states.get(&state).and_then(Value::as_u64).unwrap_or(0) + error["count"].as_u64().expect("a number");
        states.insert(state, count.into());
    }
    states.into()
}

fn window(report: &Value) -> Vec<i64> {
    let moment = |key: &str| report["window"][key].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339").as_microsecond();
    vec![moment("start"), moment("end")]
}

fn compare(case: &Case, report: &Value) -> Differences {
    let mut differences = Differences(Vec::new());
    let (totals, events, input) = (&report["totals"], &report["events"], &report["inputs"][0]);
    let untimed = report["statements"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|s| s["latency"] == "none")
        .filter_map(|s| s["calls"].as_u64())
        .sum::<u64>();
    for (fact, expected) in case.expected.as_object().expect("an object") {
        match fact.as_str() {
            "by_hand" => {}
            "format" => differences.same(fact, input["format"].clone(), expected),
            "prefix" => {
                let shown = format!("prefix {}", expected.as_str().expect("text"));
                differences.same(fact, input["detail"].as_str().expect("text").trim_end().to_owned(), &shown.trim_end().into());
            }
            "records" => differences.same(fact, input["records"].clone(), expected),
            "window_us" => differences.same(fact, window(report), expected),
            "calls" | "total_us" | "errors" | "min_us" | "max_us" => differences.same(fact, totals[fact].clone(), expected),
            "untimed" if expected == 0 => differences.same(fact, untimed, expected),
            "untimed" => {}
            "percentiles_us" => {
                for (name, value) in expected.as_object().expect("an object") {
                    differences.near(name, &totals[name], value, totals["latency"] == "exact");
                }
            }
            "sqlstates" if expected.is_null() => {}
            "sqlstates" => differences.same(fact, sqlstates(report), expected),
            "temp_files" => {
                differences.same("temp files", events["temp_files"]["count"].clone(), &expected["count"]);
                differences.same("temp bytes", events["temp_files"]["bytes"].clone(), &expected["bytes"]);
            }
            "deadlocks" | "checkpoints" | "connections" | "disconnections" | "cancelled" => {
                differences.same(fact, events[fact].clone(), expected)
            }
            "applications" if expected.is_null() => differences.same(fact, applications(report), &serde_json::json!({})),
            "applications" => differences.same(fact, applications(report), expected),
            "statements" => {
                let got = statements(report);
                let (got, expected) = (got.as_array().expect("a list"), expected.as_array().expect("a list"));
                let extra: Vec<_> = got.iter().filter(|s| !expected.contains(s)).collect();
                let missing: Vec<_> = expected.iter().filter(|s| !got.contains(s)).collect();
                if got != expected {
                    let (got, expected) = (got.len(), expected.len());
                    differences.0.push(format!(
                        "statements as [calls, total_us, max_us]: {got} for {expected}, missing {missing:?}, not expected {extra:?}"
                    ));
                }
            }
            "texts" => {
                for (text, facts) in expected.as_object().expect("an object") {
                    let found = report["statements"].as_array().expect("a list").iter().find(|s| s["text"] == *text.as_str());
                    for (key, value) in facts.as_object().expect("an object") {
                        differences.same(&format!("{text}: {key}"), found.map_or(Value::Null, |s| s[key].clone()), value);
                    }
                }
            }
            other => panic!("expected.json has a fact that nothing checks: {other}"),
        }
    }
    differences
}

#[test]
fn every_fixture_gives_the_facts_that_were_counted_without_us() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for case in cases() {
        let Some(text) = case.text() else { continue };
        let reading = laggard::read(vec![Input::Memory("input.log".to_owned(), text)], &settings()).expect("settings are right");
        let label = format!("{}/{}", case.source, case.name);
        if let Some(error) = reading.errors.first() {
            wrong.push(format!("{label}: {error}"));
            continue;
        }
        checked += case.expected["calls"].as_u64().expect("every case says how many calls it has");
        let differences = compare(&case, &json(&reading));
        wrong.extend(differences.0.into_iter().map(|d| format!("{label}: {d}")));
    }
    assert!(checked > 5_000, "the fixtures have lost their statements: {checked}");
    assert!(wrong.is_empty(), "{} facts differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_source_has_a_case_by_hand_and_a_real_one() {
    for source in source::ALL {
        let cases: Vec<Case> = cases().into_iter().filter(|c| c.source == source.name()).collect();
        let (by_hand, real): (Vec<_>, Vec<_>) = cases.iter().partition(|c| !c.expected["by_hand"].is_null());
        assert!(!by_hand.is_empty() && !real.is_empty(), "fixtures/logs/{} needs a case by hand and a real one", source.name());
    }
    let unknown: Vec<String> = cases().into_iter().map(|c| c.source).filter(|name| source::by_name(name).is_none()).collect();
    assert!(unknown.is_empty(), "folders of no source: {unknown:?}");
}

fn holds_events(case: &Case) -> bool {
    source::by_name(&case.source).is_some_and(|source| source.holds() == Holds::Events)
}

/// stderr, csvlog and jsonlog of one server run hold the same entries, so the same statements with the same numbers.
#[test]
fn the_same_run_is_the_same_in_every_format() {
    let facts = |case: &Case| {
        let text = case.text().expect("gzip");
        let reading = laggard::read(vec![Input::Memory("input.log".to_owned(), text)], &settings()).expect("settings are right");
        let report = json(&reading);
        let keys = [
            "id",
            "text",
            "calls",
            "total_us",
            "errors",
            "p50_us",
            "max_us",
            "parse_us",
            "bind_us",
            "execute_us",
            "lock_wait_us",
            "sessions",
        ];
        let statement = |s: &Value| keys.map(|key| s[key].clone());
        let mut statements: Vec<_> = report["statements"].as_array().expect("a list").iter().map(statement).collect();
        statements.sort_by_key(|s| s[0].to_string());
        let events = ["lock_waits", "deadlocks", "temp_files", "checkpoints", "connections", "disconnections", "cancelled"]
            .map(|key| report["events"][key].clone());
        (statements, events)
    };
    let mut wrong = Vec::new();
    for run in ["by-hand", "default", "log-duration-all"] {
        let all: Vec<Case> = cases().into_iter().filter(|c| c.name == run && holds_events(c)).collect();
        assert!(all.len() >= 3, "{run} is there in fewer than three formats");
        let (first, rest) = all.split_first().expect("three");
        let expected = facts(first);
        assert!(expected.0.len() > 3, "{run}: {} has no statements", first.source);
        for case in rest {
            let got = facts(case);
            let differ = got.0.iter().filter(|s| !expected.0.contains(s)).count();
            if got != expected {
                wrong.push(format!(
                    "{run}: {} against {}: {differ} of {} statements differ, events {:?} against {:?}",
                    case.source,
                    first.source,
                    got.0.len(),
                    got.1,
                    expected.1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fixtures_are_small_and_their_provenance_is_told() {
    let readme = fs::read_to_string(fixtures().join("README.md")).expect("fixtures/README.md");
    for case in cases() {
        let size = fs::metadata(&case.path).expect("a file").len();
        let limit = if case.name == "shop" { 150_000 } else { 60_000 };
        assert!(size <= limit, "{} has {size} bytes", case.path.display());
        let named =
            readme.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{}`", case.name)) && line.contains(&case.source));
        assert!(named, "fixtures/README.md does not tell where {}/{} comes from", case.source, case.name);
    }
}
