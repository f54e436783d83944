//! Rules on transactions, locks, connections and errors: their numbers, counted by hand, and laws of what they look at.

use laggard::finding::{self, Finding, Options};
use laggard::{Input, Settings, Workload};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::corpus::fixtures;
use crate::harness::{PREFIX, failed, settings, stderr, timed};

fn found_in(file: &str) -> Vec<Finding> {
    let reading = laggard::read(vec![Input::File(fixtures().join("rules").join(file))], &settings()).expect("settings are right");
    finding::check(&reading.workload, &Options::default())
}

fn workload(log: &str, block_size: usize, jobs: usize) -> Workload {
    let settings = Settings { block_size, jobs, ..stderr(PREFIX) };
    laggard::read(vec![Input::Memory("a.log".to_owned(), log.into())], &settings).expect("settings are right").workload
}

fn rules(log: &str) -> Vec<(&'static str, u64)> {
    let found = finding::check(&workload(log, 1 << 20, 1), &Options::default());
    found.iter().map(|finding| (finding.rule, finding.occurrences)).collect()
}

fn data(finding: &Finding, at: usize, keys: &[&str]) -> Vec<Value> {
    keys.iter().map(|key| finding.evidence[at].data[*key].clone()).collect()
}

fn only(file: &str) -> Finding {
    let found = found_in(file);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    one.clone()
}

/// UPDATE ended at 0.010 s and 20.010 s, COMMIT began at 12.010 s and 26.510 s.
#[test]
fn idle_time_is_that_between_the_end_and_the_beginning_of_statements() {
    let one = only("idle-in-transaction/hit-payment-call.log");
    assert_eq!((one.occurrences, one.severity.name(), one.confidence.name()), (2, "medium", "high"));
    assert_eq!(data(&one, 0, &["idle_us", "longest_us", "locking", "killed"]), [18_500_000, 12_000_000, 2, 0].map(|n| json!(n)));
    assert_eq!(data(&one, 1, &["pid", "length_us", "server_us", "statements"]), [71, 12_011_050, 1_850, 3].map(|n| json!(n)));
    let killed = only("idle-in-transaction/hit-ended-by-server.log");
    assert_eq!(data(&killed, 0, &["idle_us", "killed"]), [json!(401_000), json!(1)]);
}

/// From 0.050 ms before 10:00:00 to 10:00:40.005.
#[test]
fn a_long_transaction_is_measured_from_end_to_end() {
    let one = only("long-transaction/hit-import.log");
    assert_eq!(data(&one, 0, &["total_us", "locking"]), [json!(40_005_050), json!(1)]);
}

/// 60 times 0.1 ms for BEGIN, 0.6 ms to the SELECT, 1 ms to COMMIT and 2 ms for it.
#[test]
fn begin_and_commit_cost_their_time_and_that_around_them() {
    let one = only("transaction-per-statement/hit-request-in-pieces.log");
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (60, Some(60 * 3_700)));
    assert_eq!(data(&one, 0, &["transactions", "single", "in_series", "series"]), [60, 60, 60, 5].map(|n| json!(n)));
}

#[test]
fn chatter_is_counted_by_kind_and_application() {
    let one = only("chatty-session/hit-ping-before-each-query.log");
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (120, Some(6_000)));
    assert_eq!(data(&one, 0, &["kind", "all_calls", "application"]), [json!("pings"), json!(240), json!("web")]);
}

/// 2 500 + 2 305 + 2 105 ms of waiting; the first of it is the ALTER.
#[test]
fn the_stronger_one_in_the_queue_is_blamed_and_not_the_holder() {
    let one = only("lock-convoy/hit-migration-behind-report.log");
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (1, Some(6_910_000)));
    assert_eq!(data(&one, 0, &["mode", "behind", "most"]), [json!("ACCESS EXCLUSIVE"), json!(2), json!(3)]);
    assert_eq!(data(&one, 1, &["wall_us", "waiters"]), [json!(2_505_000), json!(3)]);
    assert_eq!(one.evidence[1].data["blamed"], json!(one.statement.expect("the ALTER").to_string()));
    let holder = &one.evidence[1].data["holder"];
    assert_eq!((&holder["pid"], &holder["idle_in_transaction"]), (&json!(18_748), &json!(true)));
    assert!(one.title.contains("orders"), "{}", one.title);
    let row = only("lock-convoy/hit-hot-row.log");
    assert_eq!((row.cost.map(|cost| cost.0), data(&row, 0, &["most"])), (Some(2_000_000 + 1_901_000 + 1_802_000), vec![json!(3)]));
}

/// 120 connections, one each 400 ms, authorised 4 ms after they were received and closed after 21 ms.
#[test]
fn connections_are_counted_with_their_statements_and_lives() {
    let one = only("connection-churn/hit-connection-per-request.log");
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (120, Some(480_000)));
    assert_eq!(data(&one, 0, &["busiest_minute", "statements", "short", "life_us"]), [120, 120, 120, 120 * 21_000].map(|n| json!(n)));
}

/// 30 errors in the minute of 10:04, 25 in the next, one before.
#[test]
fn a_burst_of_errors_has_a_beginning_and_an_end() {
    let one = only("error-burst/hit-missing-column.log");
    assert_eq!(one.occurrences, 55);
    let minutes = [json!("2026-11-23T10:04:00Z"), json!("2026-11-23T10:06:00Z"), json!(30), json!(0), json!(56)];
    assert_eq!(data(&one, 0, &["start", "end", "most_per_minute", "median_per_minute", "total"]), minutes);
}

fn at(second: u32, pid: u32, text: &str) -> String {
    format!("2026-11-23 10:{:02}:{:02}.000 UTC [{pid}] app@shop/web {text}\n", second / 60, second % 60)
}

fn ran(second: u32, pid: u32, sql: &str) -> String {
    at(second, pid, &format!("LOG:  duration: 1.000 ms  statement: {sql}"))
}

#[test]
fn a_transaction_that_never_ended_is_idle_where_sessions_end() {
    let begun = ran(0, 7, "BEGIN") + &ran(1, 7, "UPDATE orders SET state = 'x' WHERE id = 1") + &ran(40, 8, "SELECT a FROM b WHERE c = 1");
    assert_eq!(rules(&begun), []);
    let ends = begun + &at(41, 9, "LOG:  disconnection: session time: 0:00:01.000 user=app database=shop host=10.0.0.1");
    let found = finding::check(&workload(&ends, 1 << 20, 1), &Options::default());
    assert_eq!(found.iter().map(|f| (f.rule, f.confidence.name())).collect::<Vec<_>>(), [("idle-in-transaction", "medium")]);
    assert_eq!(data(&found[0], 0, &["idle_us"]), [json!(40_000_000)]);
}

#[test]
fn what_ends_a_transaction_unseen_makes_none_long() {
    let work = |second| ran(second, 7, "UPDATE orders SET state = 'x' WHERE id = 1");
    // A COMMIT that failed, a connection lost, and several statements in one line.
    let failed_commit = ran(0, 7, "BEGIN") + &work(1) + &at(2, 7, "ERROR:  could not serialize access") + &at(2, 7, "STATEMENT:  COMMIT");
    assert_eq!(rules(&(failed_commit + &work(50) + &ran(90, 7, "COMMIT"))), []);
    let lost = ran(0, 7, "BEGIN") + &work(1) + &at(2, 7, "FATAL:  terminating connection due to administrator command");
    assert_eq!(rules(&(lost + &work(50) + &ran(90, 7, "COMMIT"))), []);
    let several = ran(0, 7, "BEGIN; UPDATE orders SET state = 'x'; COMMIT") + &work(50) + &ran(90, 7, "COMMIT");
    assert_eq!(rules(&several), []);
    let waited = ran(0, 7, "BEGIN") + &at(30, 7, "ERROR:  out of shared memory") + &ran(31, 7, "ROLLBACK");
    assert_eq!(rules(&waited), []);
}

#[test]
fn a_second_in_a_log_of_whole_seconds_is_no_gap() {
    let log: String = (0..60).map(|n| ran(n, 7, ["BEGIN", "SELECT a FROM orders WHERE b = 1", "COMMIT"][n as usize % 3])).collect();
    let workload = workload(&log, 1 << 20, 1);
    let counts: Vec<_> = workload.transactions().counts.values().map(|counts| (counts.single, counts.in_series, counts.frame.0)).collect();
    assert_eq!(counts, [(20, 0, 0)]);
}

/// Deadlocks and the like aside, the words may be in any language where the SQLSTATE is told.
#[test]
fn the_servers_word_counts_in_any_language() {
    let csv = "2026-11-23 10:00:09.000 UTC,\"app\",\"shop\",7,\"[local]\",65a,9,\"idle in transaction\",2026-11-23 09:00:00 UTC,3/4,0,ВАЖНО,25P03,\
               \"закрытие подключения\",,,,,,,,,\"web\",\"client backend\",,0\n";
    let reading = laggard::read(vec![Input::Memory("a.csv".to_owned(), csv.into())], &settings()).expect("settings are right");
    let found = finding::check(&reading.workload, &Options::default());
    assert_eq!(found.iter().map(|f| (f.rule, f.occurrences)).collect::<Vec<_>>(), [("idle-in-transaction", 1)], "{:?}", reading.inputs);
}

#[test]
fn a_log_without_durations_shows_no_idling() {
    let said = |second, sql: &str| at(second, 7, &format!("LOG:  statement: {sql}"));
    let log = said(0, "BEGIN") + &said(1, "UPDATE orders SET state = 'x' WHERE id = 1") + &said(20, "COMMIT");
    assert_eq!(rules(&log), []);
}

#[test]
fn a_holder_that_changes_the_table_is_to_blame_itself() {
    let waits = |second, pid, mode: &str| {
        at(second, pid, &format!("LOG:  process {pid} still waiting for {mode} on relation 5 of database 6 after 1000.000 ms"))
            + &at(second, pid, "DETAIL:  Process holding the lock: 70. Wait queue: 71, 72, 73.")
            + &at(second, pid, "STATEMENT:  SELECT a FROM orders WHERE b = 1")
    };
    let got = |second, pid, mode: &str| {
        at(second, pid, &format!("LOG:  process {pid} acquired {mode} on relation 5 of database 6 after 4000.000 ms"))
    };
    let mut log = ran(0, 70, "SELECT a FROM users WHERE b = 1");
    for pid in 71..74 {
        log += &waits(3, pid, if pid == 71 { "RowExclusiveLock" } else { "AccessShareLock" });
    }
    log += &(71..74).map(|pid| got(6, pid, if pid == 71 { "RowExclusiveLock" } else { "AccessShareLock" })).collect::<String>();
    log += &at(6, 70, "LOG:  duration: 5500.000 ms  statement: ALTER TABLE orders ADD COLUMN note text DEFAULT now()");
    log += &at(6, 71, "LOG:  duration: 4001.000 ms  statement: SELECT a FROM orders WHERE b = 1");
    let mut found = finding::check(&workload(&log, 1 << 20, 1), &Options::default());
    // That it ran for long without lock_timeout is told by other rules.
    found.retain(|finding| !["ddl-duration", "missing-lock-timeout"].contains(&finding.rule));
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.rule, data(one, 1, &["blamed", "mode"])), ("lock-convoy", vec![Value::Null, Value::Null]));
    assert_eq!(one.evidence[1].data["holder"]["statement"], json!(one.statement.expect("the ALTER").to_string()));
    assert!(one.title.contains("3 sessions queued together for orders"), "{}", one.title);
}

#[test]
fn a_log_that_mostly_fails_is_a_burst_however_short() {
    let failed = (0..30).map(|_| failed(7, "permission denied for table orders", "SELECT a FROM orders")).collect::<String>();
    assert_eq!(rules(&(failed + &timed(7, 300, "statement", "SELECT a FROM users WHERE b = 1"))), [("error-burst", 30)]);
}

/// What sessions may do, with what others may not.
fn happening() -> impl Strategy<Value = (u32, u32)> {
    (0u32..6, 0u32..12)
}

fn log(happenings: &[(u32, u32)], first_second: usize, first_pid: u32) -> String {
    let mut log = String::new();
    for (number, &(session, what)) in happenings.iter().enumerate() {
        let second = u32::try_from((first_second + number) * 2).expect("small");
        let pid = first_pid + session;
        log += &match what {
            0 | 1 => ran(second, pid, "BEGIN"),
            2 | 3 => ran(second, pid, "COMMIT"),
            4 => ran(second, pid, "UPDATE orders SET state = 'x' WHERE id = 1"),
            5 => ran(second, pid, "SELECT name FROM users WHERE id = 1"),
            6 => at(second, pid, "ERROR:  division by zero") + &at(second, pid, "STATEMENT:  SELECT 1/0"),
            7 => {
                at(
                    second,
                    pid,
                    &format!(
                        "LOG:  process {pid} still waiting for AccessExclusiveLock on relation {first_pid} of database 2 after 1000.000 ms"
                    ),
                ) + &at(second, pid, &format!("DETAIL:  Process holding the lock: {first_pid}. Wait queue: {pid}."))
            }
            8 => at(
                second,
                pid,
                &format!("LOG:  process {pid} still waiting for AccessShareLock on relation {first_pid} of database 2 after 1000.000 ms"),
            ),
            9 => at(
                second,
                pid,
                &format!("LOG:  process {pid} acquired AccessShareLock on relation {first_pid} of database 2 after 3000.000 ms"),
            ),
            10 => at(second, pid, "LOG:  connection received: host=10.0.0.1 port=1"),
            _ => at(second, pid, "LOG:  disconnection: session time: 0:00:01.000 user=app database=shop host=10.0.0.1"),
        };
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn parts_with_sessions_of_their_own_add_up(a in prop::collection::vec(happening(), 0..60), b in prop::collection::vec(happening(), 0..60)) {
        let (first, second) = (log(&a, 0, 100), log(&b, a.len(), 200));
        let mut merged = workload(&first, 1 << 20, 1);
        merged.merge(workload(&second, 1 << 20, 1));
        let whole = workload(&format!("{first}{second}"), 1 << 20, 1);
        prop_assert!(merged.transactions() == whole.transactions(), "{:?}\n{:?}", merged.transactions(), whole.transactions());
        prop_assert!(merged.convoys() == whole.convoys(), "{:?}\n{:?}", merged.convoys(), whole.convoys());
        prop_assert!(merged.arrivals() == whole.arrivals(), "{:?}\n{:?}", merged.arrivals(), whole.arrivals());
        prop_assert!(merged == whole);
    }

    #[test]
    fn blocks_and_threads_change_nothing(a in prop::collection::vec(happening(), 0..60), block_size in 1usize..900, jobs in 1usize..4) {
        let log = log(&a, 0, 100);
        prop_assert!(workload(&log, block_size, jobs) == workload(&log, 1 << 20, 1));
    }
}
