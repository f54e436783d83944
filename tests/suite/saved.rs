//! Saved workloads: what was saved reports as what it came of, adds up, and refuses what it cannot answer.

use std::path::{Path, PathBuf};

use laggard::saved::{self, Keep};
use laggard::sql::lexer::Dialect;
use laggard::workload::{Key, Rules};
use laggard::{Input, Reading, Settings, pipeline};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::corpus::{cases, fixtures, settings};

mod command;
mod hostile;

pub(crate) fn gathered(inputs: Vec<Input>, settings: &Settings) -> Reading {
    let named = |input| laggard::input::discover::Candidate { input, named: true };
    pipeline::gather(inputs.into_iter().map(named).collect(), settings, &pipeline::Silent).expect("settings make sense")
}

pub(crate) fn save(reading: &Reading) -> Vec<u8> {
    let mut bytes = Vec::new();
    saved::write(reading, Keep::Masked, Dialect::default(), &mut bytes).expect("to memory");
    bytes
}

/// The bytes of the file that inputs are saved in.
fn saved_of(inputs: Vec<Input>, settings: &Settings) -> Vec<u8> {
    save(&gathered(inputs, settings))
}

fn run(name: &str, bytes: &[u8]) -> Input {
    Input::Memory(name.to_owned(), bytes.to_vec())
}

fn report(inputs: Vec<Input>, settings: &Settings) -> Value {
    crate::corpus::json(&laggard::read(inputs, settings).expect("settings make sense"))
}

/// The lines of a file, unpacked.
pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    #[cfg(feature = "zstd")]
    let text = zstd::stream::decode_all(bytes).expect("whole");
    #[cfg(not(feature = "zstd"))]
    let text = bytes.to_vec();
    String::from_utf8(text).expect("UTF-8").lines().map(str::to_owned).collect()
}

/// Where two reports begin to differ.
fn difference(got: &Value, expected: &Value) -> Option<String> {
    let text = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    let (got, expected) = (text(got), text(expected));
    let pair = got.lines().zip(expected.lines()).find(|(a, b)| a != b);
    (got != expected).then(|| pair.map_or("one is longer".to_owned(), |(a, b)| format!("{} instead of {}", a.trim(), b.trim())))
}

/// Every log and snapshot that the fixtures have.
fn all_fixtures() -> Vec<(String, Input)> {
    let mut all = Vec::new();
    for case in cases() {
        if let Some(text) = case.text() {
            all.push((format!("{}/{}", case.source, case.name), Input::Memory("input.log".to_owned(), text)));
        }
    }
    let mut folders = vec![fixtures().join("rules"), fixtures().join("loops")];
    while let Some(folder) = folders.pop() {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("log" | "csv" | "json" | "gz") => all.push((path.display().to_string(), Input::File(path))),
                _ => {}
            }
        }
    }
    all
}

#[test]
fn what_was_saved_reports_as_what_it_came_of() {
    let (mut wrong, mut findings, mut checked) = (Vec::new(), 0, 0);
    for (name, input) in all_fixtures() {
        let expected = report(vec![input.clone()], &settings());
        let bytes = saved_of(vec![input.clone()], &settings());
        let got = report(vec![run("run.lag", &bytes)], &settings());
        wrong.extend(difference(&got, &expected).map(|difference| format!("{name}: {difference}")));
        checked += 1;
        findings += expected["findings"].as_array().expect("a list").len();
        // Saving what was saved is the same file again.
        if saved_of(vec![run("run.lag", &bytes)], &settings()) != bytes {
            wrong.push(format!("{name}: saved again it is another file"));
        }
    }
    assert!(checked > 200 && findings > 100, "{checked} fixtures with {findings} findings");
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn groups_objectives_and_selections_are_kept() {
    let log = || Input::File(fixtures().join("rules/degraded-window/hit-one-application.log"));
    let objective: laggard::workload::Objective = "p95=5ms".parse().expect("an objective");
    let not = vec!["nobody".to_owned()];
    let selecting = laggard::workload::Filter {
        since: Some(laggard::units::Timestamp(1_000_000)),
        application: laggard::workload::NameFilter { not, ..Default::default() },
        ..Default::default()
    };
    let all = [
        Rules { by: Some(Key::Application), ..Rules::default() },
        Rules { objectives: vec![objective], ..Rules::default() },
        Rules { measure: laggard::workload::Measure::Execute, filter: selecting, ..Rules::default() },
    ];
    for rules in all {
        let settings = Settings { rules, ..settings() };
        let expected = report(vec![log()], &settings);
        let bytes = saved_of(vec![log()], &settings);
        assert_eq!(difference(&report(vec![run("run.lag", &bytes)], &crate::corpus::settings()), &expected), None);
    }
}

#[test]
fn the_bytes_depend_on_neither_blocks_nor_threads() {
    for (name, input) in all_fixtures().into_iter().filter(|(name, _)| name.contains("default") || name.contains("n-plus-one")) {
        let saved = |jobs, block_size| saved_of(vec![input.clone()], &Settings { jobs, block_size, ..settings() });
        let expected = saved(1, 1 << 20);
        for (jobs, block_size) in [(1, 777), (2, 777), (3, 4_096), (2, 1 << 20)] {
            assert!(saved(jobs, block_size) == expected, "{name}: {jobs} threads, blocks of {block_size}");
        }
    }
}

/// What two snapshots count, by hand: ten calls of 2 ms each in between.
fn snapshots() -> Vec<Input> {
    let snapshot = |name: &str, hour: u32, calls: u64| {
        let header = json!({"type": "snapshot", "schema": "laggard.snapshot/1", "taken_at": format!("2026-11-23T{hour}:00:00Z"), "dealloc": 0,
            "stats_reset": "2026-11-23T00:00:00Z", "server_version_num": 150_018, "settings": {"work_mem": "4096", "jit": "on"}});
        let row = json!({"type": "statement", "userid": 10, "dbid": 5, "toplevel": true, "queryid": -6_430_000_000_000_000_000_i64,
            "query": "SELECT c FROM t", "calls": calls, "total_exec_time": 2.0 * calls as f64, "mean_exec_time": 2.0, "stddev_exec_time": 0.0,
            "min_exec_time": 2.0, "max_exec_time": 2.0, "rows": calls, "shared_blks_hit": calls * 1_000_000_000_000_000});
        Input::Memory(name.to_owned(), format!("{header}\n{row}\n{}\n", json!({"type": "end", "lines": 0})).into())
    };
    vec![snapshot("a.snap", 10, 5), snapshot("b.snap", 11, 15)]
}

#[test]
fn an_interval_of_snapshots_is_a_run() {
    let expected = report(snapshots(), &settings());
    assert_eq!(expected["statements"][0]["calls"], 10);
    let bytes = saved_of(snapshots(), &settings());
    let got = report(vec![run("run.lag", &bytes)], &settings());
    assert_eq!(difference(&got, &expected), None);
    // Two of them, and one beside a log.
    let mut other = gathered(snapshots(), &settings());
    other.inputs[0].path = PathBuf::from("other.snap");
    let both = report(vec![run("a.lag", &bytes), run("b.lag", &save(&other))], &settings());
    assert_eq!((&both["statements"][0]["calls"], &both["statements"][0]["total_us"]), (&json!(20), &json!(40_000)));
    assert_eq!(both["statements"][0]["counters"]["shared_hit"], json!(20_000_000_000_000_000_u64));
    let log = Input::Memory("pg.log".to_owned(), crate::harness::timed(7, 3_000, "statement", "SELECT c FROM t").into());
    let beside = report(vec![run("a.lag", &bytes), log], &settings());
    assert_eq!(beside["inputs"].as_array().map(Vec::len), Some(3));
    let reading = laggard::read(vec![run("run.lag", &bytes)], &settings()).expect("settings make sense");
    let environment = reading.workload.environment();
    let values = |name: &str| environment.get(name).into_iter().flatten().cloned().collect::<Vec<_>>();
    assert_eq!((values("work_mem"), values("server_version_num")), (vec!["4096".to_owned()], vec!["150018".to_owned()]));
}

#[test]
fn plans_stand_for_calls_only_where_no_part_has_durations() {
    let plans: Vec<Input> = cases()
        .into_iter()
        .filter(|case| case.name.starts_with("explain"))
        .filter_map(|case| Some(Input::Memory(case.name.clone(), case.text()?)))
        .collect();
    assert!(!plans.is_empty());
    let timed = || Input::Memory("timed.log".to_owned(), crate::harness::timed(7, 3_000, "statement", "SELECT 1").into());
    for plan in plans {
        let one = saved_of(vec![plan.clone()], &settings());
        let other = saved_of(vec![timed()], &settings());
        let mut got = report(vec![run("a.lag", &one), run("b.lag", &other)], &settings());
        let mut expected = report(vec![plan, timed()], &settings());
        for report in [&mut got, &mut expected] {
            report["inputs"] = Value::Null;
        }
        assert_eq!(difference(&got, &expected), None);
    }
}

/// A call of a session, so many milliseconds after the one before.
#[derive(Clone, Debug)]
struct Call {
    session: u32,
    statement: usize,
    micros: u64,
    after: u64,
}

const STATEMENTS: [&str; 7] = [
    "SELECT * FROM users WHERE id = 7",
    "SELECT * FROM users WHERE id IN (1, 2, 3)",
    "UPDATE users SET name = 'x' WHERE id = 3 /*route='cart'*/",
    "INSERT INTO audit (id) VALUES (1)",
    "SELECT * FROM line WHERE order_id = 5",
    "begin",
    "commit",
];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let micros = prop_oneof![0u64..2_000, 0u64..3_000_000_000];
    let call = (100u32..106, 0..STATEMENTS.len(), micros, prop_oneof![0u64..40, 0u64..90_000]);
    prop::collection::vec(call.prop_map(|(session, statement, micros, after)| Call { session, statement, micros, after }), 0..220)
}

/// The log, and where each of its lines ends.
fn log(calls: &[Call]) -> (String, Vec<usize>) {
    let (mut log, mut ends, mut at) = (String::new(), vec![0], 1_763_900_000_000_u64);
    for call in calls {
        at += call.after;
        let moment =
            jiff::Timestamp::from_millisecond(i64::try_from(at).expect("near")).expect("near").strftime("%Y-%m-%d %H:%M:%S%.3f UTC");
        let (ms, us, sql) = (call.micros / 1_000, call.micros % 1_000, STATEMENTS[call.statement]);
        log.push_str(&format!("{moment} [{}] app@shop/web LOG:  duration: {ms}.{us:03} ms  statement: {sql}\n", call.session));
        ends.push(log.len());
    }
    (log, ends)
}

/// Ids, calls, times, moments and steps of the histogram of each statement, and what is counted of all, as a file has them.
fn figures(bytes: &[u8]) -> Vec<String> {
    let mut figures = Vec::new();
    for line in lines(bytes) {
        let line: Value = serde_json::from_str(&line).expect("JSON");
        if let Some(statement) = line.pointer("/part/statement") {
            let keys = ["fingerprint", "latency", "untimed", "execute", "rows", "errors", "seen", "timeline", "lists", "tags", "names"];
            figures.push(keys.map(|key| statement[key].to_string()).join(" "));
        } else if let Some(all) = line.pointer("/part/figures") {
            figures.push(["total", "untimed", "window", "shortest", "durations", "happened"].map(|key| all[key].to_string()).join(" "));
        } else if let Some(part) =
            line.get("part").filter(|part| ["events", "service", "gaps"].iter().any(|name| part.get(*name).is_some()))
        {
            figures.push(part.to_string());
        }
    }
    figures
}

/// Settings under which every line is read as it was written.
fn plain() -> Settings {
    crate::harness::stderr("%m [%p] %q%u@%d/%a ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// However a log is cut: the parts add up to the whole, and saving what adds up is saving the whole.
    #[test]
    fn saved_parts_add_up_to_the_whole(calls in calls(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4), backwards in any::<bool>()) {
        let (log, ends) = log(&calls);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| ends[cut.index(ends.len())]).chain([0, log.len()]).collect();
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| &log[cut[0]..cut[1]]).filter(|part| !part.is_empty());
        let mut runs: Vec<Input> = parts
            .enumerate()
            .map(|(at, part)| run(&format!("{at}.lag"), &saved_of(vec![Input::Memory("pg.log".to_owned(), part.into())], &plain())))
            .collect();
        if runs.is_empty() {
            return Ok(());
        }
        if backwards {
            runs.reverse();
        }
        let settings = crate::harness::settings();
        let whole = saved_of(vec![Input::Memory("pg.log".to_owned(), log.clone().into())], &plain());
        let together = saved_of(runs.clone(), &settings);
        prop_assert_eq!(figures(&together), figures(&whole), "{}", log);
        // Adding up is associative: two first, then the rest.
        if let [one, other, rest @ ..] = runs.as_slice() {
            let two = run("two.lag", &saved_of(vec![one.clone(), other.clone()], &settings));
            let again = saved_of(rest.iter().cloned().chain([two]).collect(), &settings);
            prop_assert_eq!(figures(&again), figures(&whole));
        }
    }
}

#[test]
fn what_crosses_a_seam_is_marked() {
    // A loop of twenty calls, cut in its middle; one of ten, minutes before.
    let line = |at: u64, sql: &str| {
        format!(
            "2026-11-23 05:{:02}:{:02}.{:03} UTC [7] app@shop/web LOG:  duration: 1.000 ms  statement: {sql}\n",
            at / 60_000,
            at / 1_000 % 60,
            at % 1_000
        )
    };
    let looped = |from: u64, n: u64, parent: &str, child: &str| -> Vec<String> {
        std::iter::once(line(from, parent)).chain((1..=n).map(|id| line(from + 2 * id, &format!("{child} = {id}")))).collect()
    };
    let mut all = looped(0, 10, "select * from basket limit 10", "select * from line where basket_id");
    all.extend(looped(300_000, 20, "select * from invoice limit 20", "select * from payment where invoice_id"));
    let part = |lines: &[String]| saved_of(vec![Input::Memory("pg.log".to_owned(), lines.concat().into())], &plain());
    let (first, second) = (part(&all[..22]), part(&all[22..]));
    let facts = report(vec![run("b.lag", &second), run("a.lag", &first)], &settings());
    let mut marked = Vec::new();
    for finding in facts["findings"].as_array().expect("a list") {
        for evidence in finding["evidence"].as_array().expect("a list").iter().filter(|evidence| evidence["kind"] == "burst") {
            marked.push((evidence["data"]["n"].as_u64().expect("a number"), evidence["data"]["truncated"] == true));
        }
    }
    marked.sort_unstable();
    assert_eq!(marked, [(10, false), (10, true), (10, true)], "{facts:#}");
    assert!(facts["warnings"].as_array().expect("a list").iter().any(|warning| warning["id"] == "parts-of-one-log"));
    let whole = report(vec![run("whole.lag", &part(&all))], &settings());
    assert!(!whole.to_string().contains("truncated") && !whole.to_string().contains("parts-of-one-log"));
}

#[test]
fn nothing_of_the_values_is_in_a_file() {
    let secret = |n: u32| format!("hunter{n}x");
    let values: Vec<String> = (0..12).map(secret).collect();
    let line = |pid: u32, text: String| crate::harness::line(pid, &text);
    let v = |n: usize| values[n].as_str();
    let log = [
        line(7, format!("LOG:  duration: 1.000 ms  statement: select * from u where name = '{}' and n = 99912345", v(0))),
        line(7, "LOG:  duration: 1.000 ms  execute s1: select * from u where name = $1\n\tand true".to_owned()),
        line(7, format!("DETAIL:  Parameters: $1 = '{}'", v(1))),
        line(7, format!("ERROR:  invalid input syntax for type integer: \"{}\"", v(2))),
        line(7, format!("STATEMENT:  select '{}'::int", v(3))),
        line(7, "ERROR:  duplicate key value violates unique constraint \"u_key\"".to_owned()),
        line(7, format!("DETAIL:  Key (name)=({}) already exists.", v(4))),
        line(7, format!("STATEMENT:  insert into u values ('{}')", v(5))),
        line(7, format!("LOG:  duration: 2.000 ms  plan:\n\tQuery Text: select * from u where name = '{}' order by (name = '{}')\n\tSort  (cost=1.00..2.00 rows=1 width=4) (actual time=1.000..1.000 rows=1 loops=1)\n\t  Sort Key: ((name = '{}'::text))\n\t  ->  Seq Scan on u  (cost=0.00..1.00 rows=1 width=4) (actual time=1.000..1.000 rows=1 loops=1)\n\t        Filter: (name = '{}'::text)", v(6), v(7), v(8), v(9))),
        line(7, format!("LOG:  duration: 1.000 ms  statement: alter role bob password '{}'", v(10))),
        format!("no line of a log {}\n", v(11)),
    ]
    .concat();
    let bytes = saved_of(vec![Input::Memory("pg.log".to_owned(), log.clone().into())], &plain());
    let text = lines(&bytes).join("\n");
    assert!(text.contains("select * from u where name = $1") && !text.contains("Seq Scan") && text.contains("\"table\":\"u\""), "{text}");
    for value in values.iter().map(String::as_str).chain(["99912345"]) {
        assert!(!text.contains(value), "{value} in {text}");
    }
    let mut full = Vec::new();
    saved::write(&gathered(vec![Input::Memory("pg.log".to_owned(), log.into())], &plain()), Keep::Full, Dialect::default(), &mut full)
        .expect("to memory");
    assert!(lines(&full).join("\n").contains(v(0)), "examples are kept when asked for");
}

/// Ids of an earlier set of rules are worked out again: every `a` of an id is another digit here.
#[test]
fn ids_of_other_rules_are_worked_out_again() {
    let log = || Input::File(fixtures().join("rules/n-plus-one/hit-django-items.log"));
    let bytes = saved_of(vec![log()], &settings());
    let ids: Vec<String> = lines(&bytes)
        .iter()
        .filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?.pointer("/part/statement/fingerprint")?.as_str()?.to_owned()))
        .collect();
    let mut text = lines(&bytes).join("\n") + "\n";
    for id in &ids {
        let other: String =
            id.chars().map(|digit| char::from_digit(15 - digit.to_digit(16).expect("a digit"), 16).expect("a digit")).collect();
        assert!(text.contains(id.as_str()));
        text = text.replace(id.as_str(), &other);
    }
    let old = text.replacen("\"fingerprint\":1", "\"fingerprint\":0", 1);
    assert_ne!(old, text);
    let expected = report(vec![log()], &settings());
    assert_eq!(difference(&report(vec![run("old.lag", old.as_bytes())], &settings()), &expected), None);
}

#[test]
fn a_file_is_opened_by_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.lag");
    let log = || Input::File(fixtures().join("rules/n-plus-one/hit-django-items.log"));
    std::fs::write(&path, saved_of(vec![log()], &settings())).expect("writable");
    let reading = saved::open(&path).expect("a saved workload");
    assert_eq!(difference(&crate::corpus::json(&reading), &report(vec![log()], &settings())), None);
    assert_eq!((reading.inputs[0].format.as_ref(), reading.inputs[0].skipped.total()), ("pg-stderr", 0));
    let missing = saved::open(Path::new("nowhere.lag")).expect_err("is not there").to_string();
    assert!(missing.contains("nowhere.lag"), "{missing}");
}
