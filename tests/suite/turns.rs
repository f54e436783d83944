//! Rows wait until each session takes its own in turn. In blocks of one record none does, so such a reading is what every
//! other one has to be equal to.

use std::fmt::Write as _;

use laggard::{Input, Reading, Settings, View};
use proptest::prelude::*;

use crate::corpus::settings;

/// A generator of the family of MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

/// What a session is at.
#[derive(Clone, Default)]
struct Session {
    /// Queries of a loop that are still to come, and its table.
    left: u64,
    table: u64,
    transaction: u64,
    is_within: bool,
}

impl Session {
    /// What it sends next.
    fn next(&mut self, random: &mut Random) -> String {
        let value = random.below(4);
        if self.left > 0 {
            self.left -= 1;
            return match self.table {
                0 => format!("SELECT * FROM items WHERE order_id = {}", self.left),
                1 => format!("SELECT * FROM items WHERE order_id = {value}"),
                2 => format!("UPDATE orders SET seen = {value} WHERE id = {}", self.left),
                3 => format!("INSERT INTO users (name) VALUES ('n{}')", self.left),
                _ => format!("SELECT name FROM users WHERE id = {} /* route:'/r{}' */", self.left, self.left % 3),
            };
        }
        match random.below(12) {
            0..=2 => {
                (self.left, self.table) = (2 + random.below(9), random.below(5));
                "SELECT id, user_id FROM orders WHERE tenant_id = 3 LIMIT 20".to_owned()
            }
            3 | 4 => {
                self.is_within = !self.is_within;
                self.transaction += 1;
                if self.is_within { "BEGIN".to_owned() } else { "COMMIT".to_owned() }
            }
            5 => format!("SELECT id FROM users WHERE name = 'n{value}' LIMIT 1"),
            6 => format!("INSERT INTO users (name) VALUES ('n{value}')"),
            7 => format!("SELECT * FROM orders WHERE id IN ({})", ["1", "1, 1", "1, 1, 1", "1, 1, 1, 1"][place(value)]),
            8 => format!("SELECT count(*) FROM t{}", random.below(40)),
            9 => "SET lock_timeout = 100".to_owned(),
            10 => format!("SELECT * FROM users WHERE id = {value} /* request_id:'q{value}' */"),
            _ => format!("UPDATE users SET seen = {value} WHERE id = {value}"),
        }
    }
}

/// A log in which many sessions are interleaved.
fn log(seed: u64, records: usize, sessions: u64) -> String {
    let mut random = Random(seed);
    let mut open = vec![Session::default(); place(sessions)];
    let (mut log, mut now) = (String::new(), 0);
    for _ in 0..records {
        now += if random.below(30) == 0 { random.below(400) } else { random.below(3) };
        let number = random.below(sessions);
        let session = &mut open[place(number)];
        let (minutes, seconds, millis) = (now / 60_000 % 60, now / 1_000 % 60, now % 1_000);
        let head = format!("2026-11-23 10:{minutes:02}:{seconds:02}.{millis:03} UTC [{}] u@d/app{} ", 100 + number, number % 3);
        let took = format!("{}.{:03} ms", random.below(6), random.below(1_000));
        let _ = match random.below(40) {
            0 => writeln!(log, "{head}ERROR:  deadlock detected\n{head}STATEMENT:  UPDATE orders SET seen = 1 WHERE id = 2"),
            1 => writeln!(log, "{head}LOG:  temporary file: path \"x\", size 4096\n{head}STATEMENT:  SELECT count(*) FROM t1"),
            2 => {
                let holder = 100 + random.below(sessions);
                let detail = format!("{head}DETAIL:  Process holding the lock: {holder}. Wait queue: {}.", 100 + number);
                writeln!(log, "{head}LOG:  process {} still waiting for ShareLock on transaction 7 after 1000.1 ms\n{detail}", 100 + number)
            }
            3 => writeln!(log, "{head}LOG:  duration: {took}  execute c: {}", session.next(&mut random)),
            4 => writeln!(log, "{head}LOG:  disconnection: session time: 0:00:01.000 user=u database=d host=h"),
            5 => writeln!(log, "{head}LOG:  duration: 3.100 ms  statement: ALTER TABLE orders ADD COLUMN c int"),
            6..=20 => {
                let sql = session.next(&mut random);
                for step in ["parse", "bind", "execute"] {
                    let _ = writeln!(log, "{head}LOG:  duration: 0.{:03} ms  {step} <unnamed>: {sql}", random.below(1_000));
                }
                Ok(())
            }
            21..=23 => writeln!(log, "{head}LOG:  statement: {}\n{head}LOG:  duration: {took}", session.next(&mut random)),
            24 => writeln!(log, "{head}LOG:  statement: {}", session.next(&mut random)),
            25 => writeln!(log, "{head}LOG:  duration: {took}"),
            _ => writeln!(log, "{head}LOG:  duration: {took}  statement: {}", session.next(&mut random)),
        };
    }
    log
}

fn read(log: &str, block_size: usize) -> Reading {
    let mut settings = Settings { block_size, jobs: 1, source: Some("pg-stderr".to_owned()), ..settings() };
    settings.source_options.prefix = Some("%m [%p] %u@%d/%a ".to_owned());
    laggard::read(vec![Input::Memory("input.log".to_owned(), log.into())], &settings).expect("settings are right")
}

fn drawn(reading: &Reading) -> String {
    let mut text = Vec::new();
    laggard::render("json", &laggard::report(reading, &View::default()), &mut text).expect("to memory");
    String::from_utf8(text).expect("JSON is UTF-8")
}

fn assert_equal(log: &str, block_size: usize) -> Reading {
    let (one_by_one, together) = (read(log, 1), read(log, block_size));
    assert_eq!(drawn(&together), drawn(&one_by_one), "{log}");
    assert!(together.workload == one_by_one.workload, "{log}");
    together
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn rows_that_wait_are_taken_as_if_they_had_not(seed in any::<u64>(), sessions in 1u64..12, block_size in prop_oneof![Just(1 << 20), 200usize..20_000]) {
        assert_equal(&log(seed, 150, sessions), block_size);
    }
}

/// The announced call at the end is one only when its session is closed, and ends the pairs before it.
#[test]
fn what_the_last_call_of_a_log_ends_is_kept() {
    let mut log = String::new();
    let mut line = |millis: u32, rest: &str| {
        let _ = writeln!(log, "2026-11-23 10:00:00.{millis:03} UTC [100] u@d/app LOG:  {rest}");
    };
    for number in 0..5 {
        line(number * 4, &format!("duration: 1.000 ms  statement: SELECT * FROM tags WHERE name = 'a{number}' LIMIT 1"));
        line(number * 4 + 2, &format!("duration: 1.000 ms  statement: INSERT INTO tags (name) VALUES ('a{number}')"));
    }
    line(300, "duration: 1.000 ms  statement: SELECT * FROM tags WHERE name = 'z' LIMIT 1");
    line(301, "statement: INSERT INTO tags (name) VALUES ('z')");
    let report: serde_json::Value = serde_json::from_str(&drawn(&read(&log, 1 << 20))).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|finding| finding["rule"] == "upsert-loop"), "{findings:?}");
}

/// More rows than may wait, and enough of everything that it is judged.
#[test]
fn more_rows_than_may_wait_are_taken_before() {
    let reading = assert_equal(&log(7, 9_000, 300), 1 << 22);
    let report: serde_json::Value = serde_json::from_str(&drawn(&reading)).expect("JSON");
    let rules: Vec<&str> = report["findings"].as_array().expect("a list").iter().filter_map(|finding| finding["rule"].as_str()).collect();
    for rule in ["n-plus-one", "write-loop", "deadlock"] {
        assert!(rules.contains(&rule), "{rule} is not among {rules:?}");
    }
}
