//! `laggard explain STATEMENT INPUT…`: which statement is meant, and what is known of it.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::slow_minute;

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

fn run(folder: &TempDir, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(folder.path()).stdin(Stdio::null()).arg("explain").args(arguments);
    let output = command.output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const USERS: &str = "SELECT name FROM users WHERE id = 7 /*route='cart'*/";

/// Nine calls of one statement in half an hour with seven different values, one failure, and another statement.
fn folder() -> TempDir {
    let mut log = String::new();
    let head = |minute: u32, app: &str| format!("2026-11-23 10:{minute:02}:00.000 UTC [7] ann@shop/{app} 4711 ");
    for (at, (minute, millis)) in [(0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (9, 8), (20, 50), (29, 90), (29, 700)].into_iter().enumerate() {
        let sql = USERS.replace('7', &(at % 7).to_string());
        let _ = writeln!(log, "{}LOG:  duration: {millis}.000 ms  statement: {sql}", head(minute, if at < 6 { "web" } else { "cron" }));
    }
    let _ = writeln!(log, "{0}ERROR:  canceling statement due to statement timeout\n{0}STATEMENT:  {USERS}", head(25, "web"));
    let other = head(30, "web").replace("4711", "-12");
    let _ = writeln!(log, "{other}LOG:  duration: 0.500 ms  statement: DELETE FROM carts WHERE owner = 'x'");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pg.log"), log).expect("written");
    folder
}

/// The prefix, with the server's query id behind.
const PREFIX: &[&str] = &["pg.log", "--prefix", "%m [%p] %q%u@%d/%a %Q ", "--no-config"];

fn explained(folder: &TempDir, asked: &str, more: &[&str]) -> Run {
    run(folder, &[&[asked], PREFIX, more].concat())
}

/// The id of the statement on users.
fn id(folder: &TempDir) -> String {
    explained(folder, USERS, &["--format", "json"]).json()["statement"]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_statement_is_meant_by_its_id_its_beginning_the_servers_id_or_its_text() {
    let folder = folder();
    let id = id(&folder);
    for asked in
        [&id, &id[..4], &id[..6].to_uppercase(), "4711", "select name from users where id = $1", "SELECT name\nFROM users WHERE id=99"]
    {
        let run = explained(&folder, asked, &["--format", "json"]);
        assert_eq!((run.code, run.json()["statement"]["id"].as_str()), (Some(0), Some(id.as_str())), "{asked}: {}", run.stderr);
    }
    assert_eq!(explained(&folder, "-12", &["--format", "json"]).json()["statement"]["verb"], "delete");
}

#[test]
fn what_is_not_meant_is_said_with_what_is_near() {
    let folder = folder();
    let id = id(&folder);
    let last = if id.ends_with('0') { "1" } else { "0" };
    let run = explained(&folder, &format!("{}{last}", &id[..15]), &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""));
    assert!(run.stderr.contains(&id) && run.stderr.contains("near"), "{}", run.stderr);
    let run = explained(&folder, "SELECT name FROM users WHERE email = 'x'", &[]);
    assert!(run.code == Some(3) && run.stderr.contains(&id), "{}", run.stderr);
    let run = explained(&folder, "abc", &[]);
    assert!(run.code == Some(2) && run.stderr.contains("at least 4"), "{}", run.stderr);
    let run = explained(&folder, "deadlock", &[]);
    assert!(run.code == Some(3) && run.stderr.contains("takes no inputs"), "{}", run.stderr);
    assert_eq!(explained(&folder, &id, &["--user", "nobody"]).code, Some(3));
    assert_eq!(run_missing(&folder, &id).code, Some(2));
    assert_eq!(explained(&folder, &id, &["--format", "csv"]).code, Some(2));
    assert_eq!(explained(&folder, &id, &["-o", "pg.log"]).code, Some(2));
}

fn run_missing(folder: &TempDir, id: &str) -> Run {
    run(folder, &[id, "gone.log", "--no-config"])
}

#[test]
fn a_beginning_that_several_share_is_ambiguous() {
    let folder = tempfile::tempdir().expect("a folder");
    // Among 700 ids two begin with the same four digits for all practical purposes; the ids never change.
    let log: String = (0..700)
        .map(|n| {
            format!("2026-11-23 10:00:00.000 UTC [7] ann@shop/web LOG:  duration: 0.1{:02} ms  statement: SELECT c{n} FROM t\n", n % 100)
        })
        .collect();
    std::fs::write(folder.path().join("pg.log"), log).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_laggard"))
        .args(["report", "--no-config", "--format", "json", "pg.log"])
        .env_clear()
        .current_dir(folder.path())
        .output()
        .expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut ids: Vec<&str> = report["statements"].as_array().expect("a list").iter().filter_map(|s| s["id"].as_str()).collect();
    ids.sort_unstable();
    let pair = ids.windows(2).find(|pair| pair[0][..4] == pair[1][..4]).expect("two of 700 ids");
    let run = run(&folder, &[&pair[0][..4], "pg.log", "--no-config"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains(pair[0]) && run.stderr.contains(pair[1]), "{}", run.stderr);
}

#[test]
fn everything_known_is_in_the_document() {
    let folder = folder();
    let document = explained(&folder, "4711", &["--format", "json"]).json();
    assert_eq!(document["schema"], "laggard.explain/1");
    assert_eq!((&document["rank"], &document["statements"]), (&json!(1), &json!(2)));
    assert_eq!((&document["statement"]["calls"], &document["statement"]["errors"]), (&json!(9), &json!(1)));
    assert_eq!(document["statement"]["sample"], "SELECT name FROM users WHERE id = 0");
    assert_eq!(document["parameters"], json!({"sets": 7, "exact": true, "calls": 9}));
    assert_eq!((&document["failures"][0]["count"], &document["timeouts"]), (&json!(1), &json!(1)));
    // 1, 2, 2, 3, 4, 8, 50, 90 and 700 ms in steps of 1, 2, 5.
    let steps: Vec<(u64, u64)> = document["histogram"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|step| (step["from_us"].as_u64().expect("a number"), step["count"].as_u64().expect("a number")))
        .collect();
    let ms = [1, 2, 5, 10, 20, 50, 100, 200, 500];
    let expected: Vec<(u64, u64)> = ms.iter().map(|ms| ms * 1_000).zip([1, 4, 1, 0, 0, 2, 0, 0, 1]).collect();
    assert_eq!(steps, expected);
    assert_eq!(document["timeline"]["width_us"], 60_000_000);
    let buckets: Vec<(&str, u64, u64)> = document["timeline"]["buckets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|b| (&b["start"].as_str().expect("a time")[14..16], b["calls"].as_u64().unwrap_or(0), b["errors"].as_u64().unwrap_or(0)))
        .collect();
    assert_eq!(buckets, [("00", 2, 0), ("01", 2, 0), ("02", 1, 0), ("09", 1, 0), ("20", 1, 0), ("25", 0, 1), ("29", 2, 0)]);
    let last = &document["timeline"]["buckets"][6];
    assert_eq!((&last["mean_us"], &last["max_us"]), (&json!(395_000), &json!(700_000)));
    assert_eq!(document["timeline"]["buckets"][5]["mean_us"], Value::Null, "a failure has no duration");
    assert_eq!(document["findings"][0]["rule"], "statement-timeout");
}

#[test]
fn the_page_tells_it_to_people() {
    let folder = folder();
    let run = explained(&folder, "4711", &[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let page = run.stdout.replace('\u{2009}', " ");
    for fact in [
        "1st of 2 statements by total time: 860 ms",
        "9 calls in 1 session · 1 failed",
        "p50 4.00 ms",
        "(of 9 calls)",
        "application: cron (3 calls, 840 ms) · web (6 calls, 20.0 ms)",
        "tag route: cart (9 calls, 860 ms)",
        "7 different sets of values in 9 calls",
        "1 × ERROR canceling statement due to statement timeout",
        "statement-timeout: 1 of 10 executions",
        "over time",
        "a column is 1m00s",
        "2026-11-23 10:00:00 UTC",
        "4711",
    ] {
        assert!(page.contains(fact), "{fact} is missing:\n{page}");
    }
    // 31 minutes in at most twelve rows.
    assert_eq!(page.lines().filter(|line| line.trim_start().starts_with("2026-11-23 10:")).count(), 11, "{page}");
    assert!(!page.contains("'x'") && !page.contains('\u{1b}'));
    let plain = explained(&folder, "4711", &["--ascii"]).stdout;
    assert!(plain.is_ascii() && plain.contains("####"), "{plain}");
}

#[test]
fn markdown_and_files_are_written_too() {
    let folder = folder();
    let run = explained(&folder, "4711", &["--format", "markdown", "--samples", "none"]);
    assert!(run.stdout.starts_with("## ") && run.stdout.contains("```sql\nSELECT") && !run.stdout.contains("an example"), "{}", run.stdout);
    let run = explained(&folder, "4711", &["-o", "users.json", "--since", "2026-11-23 10:20"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    let text = std::fs::read_to_string(folder.path().join("users.json")).expect("written");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&document["statement"]["calls"], &document["timeline"]["buckets"][0]["calls"]), (&json!(3), &json!(1)));
}

/// A statement that was chosen by strangers moves no cursor and closes no fence.
#[test]
fn hostile_text_is_made_harmless() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = "2026-11-23 10:00:00.000 UTC [7] ann@shop/w\u{1b}[2Jb ";
    let log = format!("{head}LOG:  duration: 0.100 ms  statement: SELECT \"a\u{1b}]0;x\u{7}```\u{202e}\" FROM t\n");
    std::fs::write(folder.path().join("pg.log"), log).expect("written");
    for format in ["table", "markdown"] {
        let arguments = ["SELECT \"a\u{1b}]0;x\u{7}```\u{202e}\" FROM t", "pg.log", "--prefix", "%m [%p] %q%u@%d/%a ", "--format", format];
        let run = run(&folder, &arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(!run.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", run.stdout);
        assert!(format == "table" || run.stdout.contains("````sql"), "{}", run.stdout);
    }
}

#[test]
fn objectives_are_given_on_the_command_line_or_in_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pg.log"), slow_minute()).expect("written");
    let report = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_laggard")).args(arguments).env_clear().current_dir(folder.path()).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, page, _) = report(&["report", "pg.log", "--slo", "p95=200ms"]);
    assert!(code == Some(0) && page.contains("p95 of 200 ms missed in 1 of 6 minutes"), "{page}");
    assert!(page.contains("rose with it") && page.contains("select on users at 2026-11-23 10:04:00 UTC"), "{page}");
    assert!(!report(&["report", "pg.log"]).1.contains("degraded-window"));
    assert_eq!(report(&["check", "pg.log", "--slo", "web:p95=200ms", "--fail-on", "medium"]).0, Some(1));
    assert_eq!(report(&["check", "pg.log", "--slo", "p95=1s", "--fail-on", "medium"]).0, Some(0));
    std::fs::write(folder.path().join("laggard.toml"), "[rule.degraded-window]\nobjectives = [\"p95=200ms\"]\n").expect("written");
    assert!(report(&["report", "pg.log"]).1.contains("p95 of 200 ms missed"));
    let run = run(&folder, &["select name from users where id = 1", "pg.log"]);
    assert!(run.stdout.contains("degraded-window: p95 of 200 ms"), "{}", run.stdout);
    for bad in ["p95", "p95=soon", "p100=1s"] {
        let (code, _, message) = report(&["report", "pg.log", "--slo", bad]);
        assert!(code == Some(2) && message.contains(bad), "{message}");
    }
    std::fs::write(folder.path().join("laggard.toml"), "[rule.degraded-window]\nobjectives = [\"p95\"]\n").expect("written");
    let (code, _, message) = report(&["report", "pg.log"]);
    assert!(code == Some(2) && message.contains("degraded-window") && message.contains("p95"), "{message}");
}

/// Two plans by two shapes, of which the slow one reads all of a table and sorts it by something with a value in it.
#[test]
fn the_plans_that_a_log_has_are_told_without_their_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = |second: u32, millis: u32, plan: &str| {
        format!(
            "2026-11-23 10:00:0{second}.000 UTC [7] ann@shop/web LOG:  duration: {millis}.000 ms  plan:\n\tQuery Text: SELECT name FROM users WHERE mail = 'a{second}' ORDER BY name || 'hidden'\n{plan}"
        )
    };
    let slow = "\tSort  (cost=0.00..9.00 rows=4 width=4) (actual time=1.000..2.000 rows=3 loops=1)\n\t  Sort Key: ((name || 'hidden'::text)) DESC\n\t  Sort Method: external merge  Disk: 2kB\n\t  ->  Seq Scan on users  (cost=0.00..9.00 rows=4 width=4) (actual time=0.010..1.500 rows=3 loops=1)\n\t        Filter: (mail = 'hidden'::text)\n\t        Rows Removed by Filter: 9997\n";
    let fast = "\tIndex Scan using users_mail on users  (cost=0.00..9.00 rows=4 width=4) (actual time=0.010..0.500 rows=2 loops=1)\n\t  Index Cond: (mail = 'hidden'::text)\n";
    let log = [plan(1, 90, slow), plan(2, 2, fast), plan(3, 70, slow)].concat();
    std::fs::write(folder.path().join("pg.log"), log).expect("written");
    let asked = |more: &[&str]| {
        run(&folder, &[&["SELECT name FROM users WHERE mail = 'x' ORDER BY name || 'y'", "pg.log", "--no-config"], more].concat())
    };
    // Thousands are parted by a thin space.
    let page = asked(&[]).stdout.replace(char::is_whitespace, " ");
    for told in [
        "70.0 ms – 90.0 ms, 160 ms in all, ",
        "all of users: 3 rows, planned 4 · 9 997 thrown away · 1.50 ms · filter: mail = … · sorted by ((name || '…'::text)) DESC (2.05 kB on disk)",
        "users by users_mail (mail = …): 2 rows, planned 4 · 500 µs",
    ] {
        assert!(page.contains(told), "{told}\n{page}");
    }
    assert!(!page.contains("hidden"), "{page}");
    let plans = &asked(&["--format", "json"]).json()["plans"];
    assert_eq!((&plans["logged"], plans["shapes"].as_array().map(Vec::len)), (&json!(3), Some(2)));
    let first = &plans["shapes"][0];
    assert_eq!((&first["count"], &first["total_us"], &first["reads"][0]["rows_removed"]), (&json!(2), &json!(160_000), &json!(9_997)));
    assert_eq!(first["reads"][0]["sort_disk_bytes"], 2_048);
    assert!(!plans.to_string().contains("hidden"), "{plans}");
    assert_eq!(explained(&self::folder(), USERS, &["--format", "json"]).json()["plans"], Value::Null);
}
