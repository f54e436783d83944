//! What a reader is told before trusting the numbers, where no other test comes by it.

use std::fmt::Write;

use laggard::Settings;
use laggard::units::Timestamp;

use crate::harness::{Facts, line, read, report, report_with, settings, timed};

/// The text of a warning, with plain blanks in its numbers.
#[track_caller]
fn warning(facts: &Facts, id: &str) -> String {
    let warnings = facts.document["warnings"].as_array().expect("a list");
    let found = warnings.iter().find(|w| w["id"] == id).unwrap_or_else(|| panic!("no {id} among {warnings:?}"));
    found["text"].as_str().expect("text").replace('\u{2009}', " ")
}

/// So many sessions that one more is one too many, each with one call but the first three. Of those one is parsed and not
/// executed, one announced without its duration, and one has its portal open.
fn as_many_sessions_as_are_remembered() -> String {
    let mut log = timed(1_001, 100, "parse s", "SELECT 1")
        + &line(1_002, "LOG:  statement: SELECT 2")
        + &timed(1_003, 300, "execute s/C_1", "SELECT 3");
    for pid in 1_004..=66_536 {
        let _ = writeln!(log, "2026-11-23 05:33:39.504 UTC [{pid}] app@shop/web LOG:  duration: 1.000 ms  statement: SELECT 4");
    }
    log
}

/// One session more makes the 32 768 least active be given up, the first of the log, of which three are in the middle of something. What
/// they said later is no longer part of what they had begun.
#[test]
fn sessions_that_are_given_up_in_mid_call_are_counted() {
    let log = as_many_sessions_as_are_remembered();
    let rest = timed(1_001, 50, "bind s", "SELECT 1") + &timed(1_001, 5, "execute s", "SELECT 1");
    let whole = report(format!("{log}{rest}"));
    assert_eq!(whole.statement("select $1").steps(), [100, 50, 5 + 300 + 65_533 * 1_000], "the parse belongs to the call");
    assert!(!whole.warns("sessions-given-up"), "nobody was given up");

    let facts = report(format!("{log}{}{rest}", timed(70_000, 1_000, "statement", "SELECT 4")));
    assert_eq!(facts.statement("select $1").steps(), [0, 50, 5 + 300 + 65_534 * 1_000], "the parse is lost");
    // 65 536 and 70 000; the first had no call before it was given up.
    assert_eq!((facts.calls(), facts.statement("select $1").number("sessions")), (65_537, 65_537));
    let text = warning(&facts, "sessions-given-up");
    assert!(text.starts_with("3 sessions were given up in mid-call because more than 65 536 were open at once"), "{text}");
}

/// A call each second from 10:00:00 on for ten minutes, and again from 10:30:00 on.
fn with_a_gap() -> String {
    let call =
        |minute: u32, second: u32| timed(7, 1_000, "statement", "SELECT 1").replace("05:33:39", &format!("10:{minute:02}:{second:02}"));
    (0..10).chain(30..40).flat_map(|minute| (0..60).map(move |second| call(minute, second))).collect()
}

/// The same for any size of blocks and any number of threads.
#[test]
fn a_gap_is_told_with_its_start_and_its_end() {
    for (block_size, jobs) in [(1 << 20, 1), (300, 1), (777, 2)] {
        let facts = report_with(with_a_gap(), &Settings { block_size, jobs, ..settings() });
        let text = warning(&facts, "gap-in-log");
        assert!(text.starts_with("no statement or event from 2026-11-23T10:09:59.504Z to 2026-11-23T10:30:00.504Z (20m01s): "), "{text}");
    }
}

/// Two inputs that follow each other with a rotated file missing between them, and the time that the user asked for.
#[test]
fn a_missing_file_is_a_gap_and_what_is_not_asked_for_is_none() {
    let log = with_a_gap();
    let (first, second) = log.split_at(log.len() / 2);
    let file = |name: &str, text: &str| laggard::Input::Memory(name.into(), text.as_bytes().to_vec());
    assert!(read(vec![file("b.log", second), file("a.log", first)], &settings()).warns("gap-in-log"));

    let mut later = settings();
    // 2026-11-23 is day 20 780 since 1970.
    later.rules.filter.since = Some(Timestamp((20_780 * 86_400 + 10 * 3_600 + 20 * 60) * 1_000_000));
    assert!(!report_with(&log, &later).warns("gap-in-log"));
}

/// Two applications on one session in turn, as PgBouncer lends it; one that names itself behind its first call is no such thing.
#[test]
fn sessions_that_several_clients_use_in_turn_are_told() {
    let log = |applications: &[&str]| -> String {
        applications.iter().map(|name| timed(7, 100, "statement", "SELECT 1").replace("/web ", &format!("/{name} "))).collect()
    };
    let facts = report(log(&["a", "b", "a", "b", "a"]));
    let text = warning(&facts, "sessions-pooled");
    assert!(text.starts_with("several clients used 1 session in turn"), "{text}");
    assert!(!report(log(&["psql", "a", "a", "b", "b"])).warns("sessions-pooled"));
}

/// Ten thousand and one statements of their own, each in a loop of three: one more than is told apart.
#[test]
fn loops_beyond_the_bound_are_told() {
    let call = |pid: u32, key: u32| timed(pid, 100, "statement", &format!("SELECT a FROM t{pid} WHERE id = {key}"));
    let log: String = (1..=10_001).flat_map(|pid| (1..=3).map(move |key| call(pid, key))).collect();
    let text = warning(&report(log), "findings-beyond-bounds");
    assert!(text.contains("are told apart: loops (1); look"), "{text}");
}

/// Two applications more than are watched, one of them under two names of users; one of 1 002 connecting hosts stands for two.
#[test]
fn applications_and_clients_beyond_their_bounds_are_told() {
    let call = |name: &str, user: &str| timed(7, 100, "statement", "SELECT 1").replace("app@shop/web", &format!("{user}@shop/{name}"));
    let named = |count: u32| -> String { (0..count).map(|n| call(&format!("app{n}"), "app")).collect() };
    assert!(!report(named(64)).warns("findings-beyond-bounds"));
    let text = warning(&report(named(66) + &call("app65", "other")), "findings-beyond-bounds");
    assert!(text.contains("names of applications beyond 64 (3);"), "{text}");

    let visit = |n: u32| {
        let says = |text: &str| line(n + 1, text).replace("app@", &format!("app{n}@"));
        says("LOG:  connection received: host=10.0.0.1 port=5") + &says(&format!("LOG:  connection authorized: user=app{n} database=shop"))
    };
    let visits = |count: u32| -> String { (0..count).map(visit).collect() };
    assert!(!report(visits(1_000)).warns("findings-beyond-bounds"));
    let text = warning(&report(visits(1_002)), "findings-beyond-bounds");
    assert!(text.contains("connections of clients beyond 1 000 (2);"), "{text}");
}

/// The lines of a session a second apart at most, and of the next six seconds later. Odd sessions bind what they execute; every
/// fourth has a savepoint, every fifth chains its transactions and every seventh is in no transaction.
fn many_transactions() -> Vec<String> {
    let mut lines = Vec::new();
    for session in 0..80_u32 {
        for turn in 0..4_u32 {
            let second = session * 30 + turn * 7;
            let mut say = |micros: u64, what: &str, sql: &str| {
                lines.push(
                    timed(100 + session, micros, what, sql).replace("05:33:39", &format!("05:{:02}:{:02}", second / 60, second % 60)),
                );
            };
            let is_open = session % 7 != 0;
            let chains = session % 5 == 0;
            if is_open && (turn == 0 || !chains) {
                say(20, "statement", "BEGIN");
            }
            if session % 4 == 0 {
                say(20, "statement", "SAVEPOINT a");
            }
            for id in 0..3 {
                let sql = format!("UPDATE t{id} SET a = a + 1 WHERE id = $1");
                if session % 2 == 1 {
                    say(30, "bind s", &sql);
                    say(if id == 2 { 1_500 } else { 300 }, "execute s", &sql);
                } else {
                    say(400, "statement", &sql.replace("$1", "7"));
                }
            }
            if session % 4 == 0 {
                say(20, "statement", "ROLLBACK TO SAVEPOINT a");
            }
            if is_open {
                say(1_200, "statement", if chains && turn < 3 { "COMMIT AND CHAIN" } else { "COMMIT" });
            }
        }
    }
    lines
}

/// So many of a thousand lines, by dice that fall the same each time.
fn sample(lines: &[String], permille: u64) -> String {
    let mut seed = 7_u64;
    let thrown = lines.iter().filter(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % 1_000 < permille
    });
    thrown.map(String::as_str).collect()
}

/// Between two transactions of a session the client thinks for seconds, which is no idling in a transaction.
#[test]
fn a_sample_is_recognised_without_its_setting_and_has_no_idle_transactions() {
    let lines = many_transactions();
    for permille in [850, 500, 200] {
        let facts = report(sample(&lines, permille));
        let text = warning(&facts, "statements-seem-sampled");
        assert!(text.contains("log_statement_sample_rate = 1"), "{text}");
        assert!(!facts.warns("loops-hidden") && !facts.warns("statements-sampled"), "told once");
        let rules: Vec<&str> = facts.document["findings"].as_array().expect("a list").iter().filter_map(|f| f["rule"].as_str()).collect();
        for silent in ["idle-in-transaction", "long-transaction", "transaction-per-statement"] {
            assert!(!rules.contains(&silent), "{permille}: {rules:?}");
        }
    }
}

#[test]
fn what_lacks_lines_for_another_reason_is_no_sample() {
    let lines = many_transactions();
    let whole = lines.concat();
    let without = |part: &str| -> String { lines.iter().filter(|line| !line.contains(part)).map(String::as_str).collect() };
    let slow = |least: u32| -> String {
        let took = |line: &str| line.split("duration: ").nth(1)?.split('.').next()?.parse::<u32>().ok();
        lines.iter().filter(|line| took(line).is_some_and(|ms| ms >= least)).map(String::as_str).collect()
    };
    let begins_late: String = lines.iter().skip(5).map(String::as_str).collect();
    let again: String = lines.iter().map(|line| line.replace("statement: BEGIN", "statement: START TRANSACTION")).collect();
    let begun_twice: String =
        lines.iter().flat_map(|line| std::iter::repeat_n(line.as_str(), if line.contains("BEGIN") { 2 } else { 1 })).collect();
    let ended_twice: String =
        lines.iter().flat_map(|line| std::iter::repeat_n(line.as_str(), if line.contains("COMMIT\n") { 2 } else { 1 })).collect();
    for (name, log) in [
        ("whole", whole),
        ("threshold", slow(1)),
        ("without binds", without(" bind ")),
        ("without begins", without("BEGIN")),
        ("without commits", without("COMMIT")),
        ("begins in the middle", begins_late),
        ("another word", again),
        ("begun twice", begun_twice),
        ("ended twice", ended_twice),
    ] {
        assert!(!report(log).warns("statements-seem-sampled"), "{name}");
    }
}

/// Where the log has the setting it is that which is told.
#[test]
fn a_sample_that_the_log_tells_of_is_not_told_twice() {
    let setting = line(1, "LOG:  parameter \"log_statement_sample_rate\" changed to \"0.5\"");
    let facts = report(setting + &sample(&many_transactions(), 500));
    assert!(facts.warns("statements-sampled") && facts.warns("loops-hidden") && !facts.warns("statements-seem-sampled"));
}

/// Errors alone are no work that was done, and a check of them has not looked at anything.
#[test]
fn a_log_without_an_execution_says_that_it_shows_nothing() {
    let error = line(7, "ERROR:  division by zero") + &line(7, "STATEMENT:  SELECT 1/0");
    let text = warning(&report(error.clone()), "nothing-executed");
    assert!(text.contains("log_min_duration_statement = 0"), "{text}");
    let with_a_call = report(error.clone() + &timed(7, 1_000, "statement", "SELECT 1"));
    assert!(!with_a_call.warns("nothing-executed"));
    let filtered = Settings {
        rules: laggard::workload::Rules {
            filter: laggard::workload::Filter { since: Some(Timestamp(0)), ..Default::default() },
            ..Default::default()
        },
        ..settings()
    };
    assert!(!report_with(error.clone(), &filtered).warns("nothing-executed"), "whoever filters has asked for it");
    // The share of no time is not nothing.
    assert_eq!(report(error).statement("select $1 / $2").value("share"), &serde_json::Value::Null);
}
