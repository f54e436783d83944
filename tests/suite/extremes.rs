//! Logs that nobody has, but anybody can write: the largest numbers, clocks that go back, names that are markup. Tests are built
//! with checks of overflow, so that an addition too many fails them.

use laggard::workload::{Objective, Rules};
use laggard::{Input, Reading, Settings, View};
use serde_json::Value;

use crate::harness::{PREFIX, stderr};

fn read(log: &str) -> Reading {
    let objectives: Vec<Objective> = vec!["p50=1ms".parse().expect("an objective"), "web:p95=1ms".parse().expect("an objective")];
    let settings = Settings { rules: Rules { objectives, ..Rules::default() }, ..stderr(PREFIX) };
    laggard::read(vec![Input::Memory("a.log".to_owned(), log.into())], &settings).expect("settings are right")
}

fn drawn(log: &str, format: &str) -> String {
    let mut text = Vec::new();
    laggard::render(format, &laggard::report(&read(log), &View::default()), &mut text).expect("to memory");
    String::from_utf8(text).expect("text")
}

/// Whose log line it is: a process, and a time in milliseconds.
fn line(at: u64, pid: u32, message: &str) -> String {
    format!("2026-03-05 10:00:{:02}.{:03} UTC [{pid}] app@shop/web LOG:  {message}\n", at / 1_000, at % 1_000)
}

/// The longest time that fits a timestamp, and one that fits nothing.
const LONGEST: &str = "9223372036854775.807";
const BEYOND: &str = "99999999999999999999.000";

/// Loops, pairs, transactions and queues whose times go backwards.
fn extreme() -> String {
    let took = |took: &str, sql: &str| format!("duration: {took} ms  statement: {sql}");
    let mut log =
        line(10_000, 7, "duration: 1.000 ms  rows: 4294967295 size: 1 bytes  statement: SELECT id, owner_id FROM orders WHERE tenant = 1");
    for at in 0..8 {
        log += &line(9_000 - at * 3, 7, &took(LONGEST, &format!("SELECT * FROM items WHERE order_id = {at}")));
    }
    log += &line(8_000, 7, &took("0.100", "BEGIN"));
    for at in 0..8 {
        log += &line(7_000 - at * 3, 7, &took(LONGEST, &format!("SELECT id FROM tags WHERE name = 'x{at}' LIMIT 1")));
        log += &line(7_000 - at * 3, 7, &took(BEYOND, &format!("INSERT INTO tags (name) VALUES ('x{at}')")));
    }
    log += &line(6_000, 7, &took(LONGEST, "COMMIT"));
    for (at, pid, waited) in [(0, 8, BEYOND), (1, 9, LONGEST), (2, 10, BEYOND), (3, 11, LONGEST)] {
        let wait = |what: &str, waited: &str| {
            format!("process {pid} {what} AccessExclusiveLock on relation 16423 of database 5 after {waited} ms")
        };
        log += &line(5_000 - at, pid, &wait("still waiting for", waited));
        log += &line(4_000 - at, pid, &wait("acquired", LONGEST));
        log += &line(3_900 - at, pid, &took(LONGEST, "ALTER TABLE orders ADD x int"));
        log += &line(3_800, pid, "temporary file: path \"base/pgsql_tmp/pgsql_tmp20639.0\", size 18446744073709551615");
        log += &line(3_800, pid, &took(BEYOND, "SELECT * FROM items ORDER BY 1"));
    }
    log
}

#[test]
fn the_largest_numbers_overflow_nothing() {
    for renderer in laggard::report::ALL {
        assert!(!drawn(&extreme(), renderer.name()).is_empty());
    }
    let report: Value = serde_json::from_str(&drawn(&extreme(), "json")).expect("JSON");
    let rules: Vec<&str> = report["findings"].as_array().expect("a list").iter().filter_map(|one| one["rule"].as_str()).collect();
    for expected in ["lock-convoy", "temp-file-spill"] {
        assert!(rules.contains(&expected), "{rules:?}");
    }
    let mut twice = read(&extreme()).workload;
    twice.merge(read(&extreme()).workload);
    assert_eq!(twice.calls(), 2 * read(&extreme()).workload.calls());
}

/// Counters of a statement by two roles and of another, as large as they fit.
#[test]
fn the_largest_counters_overflow_nothing() {
    let header = "userid,dbid,queryid,query,calls,total_exec_time,rows,shared_blks_hit,shared_blks_read";
    let row = |role: u32, id: u32, sql: &str| format!("\n{role},5,{id},\"{sql}\",{0},1e300,{0},{0},{0}", u64::MAX);
    let (list, key) = ("select * from orders where id in ($1, $2)", "select * from items where order_id = $1");
    let snapshot = format!("{header}{}{}{}\n", row(10, 1, list), row(10, 2, key), row(11, 2, key));
    let inputs = vec![Input::Memory("a.csv".to_owned(), snapshot.into())];
    let reading = laggard::read(inputs, &Settings::default()).expect("settings are right");
    assert_eq!(reading.workload.statements().count(), 2);
    for renderer in laggard::report::ALL {
        laggard::render(renderer.name(), &laggard::report(&reading, &View::default()), &mut Vec::new()).expect("to memory");
    }
}

/// A table called by what a terminal or a workflow would act on, looped over.
#[test]
fn names_in_remedies_are_text_and_nothing_else() {
    let name = "x\u{1b}[31m|`::error::\u{202e}";
    let mut log = line(0, 7, &format!("duration: 1.000 ms  statement: SELECT id FROM \"o{name}\" WHERE tenant = 1"));
    for at in 1..40 {
        log += &line(at, 7, &format!("duration: 0.200 ms  statement: SELECT * FROM \"{name}\" WHERE \"{name}_id\" = {at}"));
    }
    for format in ["table", "markdown", "github"] {
        let text = drawn(&log, format);
        assert!(text.contains("each for another key") || text.contains("for the rows of one"), "{format}: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{format}: {text}");
        assert!(!text.lines().any(|line| line.starts_with("::error::")), "{format}: {text}");
    }
}
