//! Degraded windows: minutes that miss an objective of latency, minutes in which nothing succeeds, and what rose first.

use std::fmt::Write as _;

use laggard::finding::{self, Confidence, Finding, Options, Severity};
use laggard::workload::Objective;
use laggard::{Input, Reading, Settings};
use serde_json::json;

use crate::corpus::fixtures;
use crate::harness::settings;

fn objectives(texts: &[&str]) -> Vec<Objective> {
    texts.iter().map(|text| text.parse().expect("an objective")).collect()
}

fn reading(log: &str, slo: &[&str], change: &dyn Fn(&mut Settings)) -> Reading {
    let mut settings = settings();
    settings.rules.objectives = objectives(slo);
    change(&mut settings);
    let reading = laggard::read(vec![Input::Memory("pg.log".to_owned(), log.into())], &settings).expect("settings are right");
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    reading
}

fn windows(log: &str, slo: &[&str]) -> Vec<Finding> {
    let found = finding::check(&reading(log, slo, &|_| {}).workload, &Options::default());
    found.into_iter().filter(|finding| finding.rule == "degraded-window").collect()
}

/// The only one.
fn window(log: &str, slo: &[&str]) -> Finding {
    let mut found = windows(log, slo);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// A call that ended at 10:MINUTE:SECOND of the 23rd, in a session of its own application.
fn call(log: &mut String, minute: u32, second: u32, app: &str, micros: u64, sql: &str) {
    let (millis, rest) = (micros / 1_000, micros % 1_000);
    let pid = 70 + app.len();
    let _ = writeln!(
        log,
        "2026-11-23 10:{minute:02}:{second:02}.000 UTC [{pid}] ann@shop/{app} LOG:  duration: {millis}.{rest:03} ms  statement: {sql}"
    );
}

const CARTS: &str = "SELECT total FROM carts WHERE id = 7";
const VISITS: &str = "SELECT count(*) FROM visits WHERE day = 3";

/// Twenty calls in each of ten minutes; `slow` says how many of a minute's take 300 ms rather than 0.5 ms.
fn twenty(slow: impl Fn(u32) -> u32) -> String {
    let mut log = String::new();
    for minute in 0..10 {
        for n in 0..20 {
            call(&mut log, minute, n * 2, "web", if n < slow(minute) { 300_000 } else { 500 }, CARTS);
        }
    }
    log
}

#[test]
fn a_minute_misses_iff_its_percentile_is_above_the_objective() {
    // The 19th of 20 is the 95th percentile: one slow call is none, two are one.
    assert!(windows(&twenty(|minute| u32::from(minute == 5)), &["p95=200ms"]).is_empty());
    let found = window(&twenty(|minute| if minute == 5 { 2 } else { 1 }), &["p95=200ms"]);
    assert_eq!((found.occurrences, found.severity, found.confidence), (1, Severity::Medium, Confidence::High));
    // Two calls, 100 ms above each.
    assert_eq!(found.cost.map(|cost| cost.0), Some(200_000));
    // As long as the objective is not above it.
    assert!(windows(&twenty(|_| 20), &["p95=300ms"]).is_empty());
    assert!(windows(&twenty(|_| 20), &[]).is_empty(), "without an objective nothing is missed");
}

/// Minutes 4, 5 and 7 are one window, as there is one good minute between.
#[test]
fn windows_have_their_sum_start_and_end() {
    let slow = |minute: u32| match minute {
        4 => 3,
        5 => 20,
        7 => 2,
        _ => 0,
    };
    let found = window(&twenty(slow), &["p95=200ms"]);
    assert_eq!(found.severity, Severity::High, "three minutes of ten");
    assert_eq!(found.cost.map(|cost| cost.0), Some(25 * 100_000));
    let data = json!(found.data);
    for (key, value) in [
        ("missed", json!(3)),
        ("judged", json!(10)),
        ("too_few", json!(0)),
        ("windows", json!(1)),
        ("bad_us", json!(180_000_000)),
        ("start", json!("2026-11-23T10:04:00Z")),
        ("end", json!("2026-11-23T10:08:00Z")),
        ("limit_us", json!(200_000)),
        ("permille", json!(950)),
    ] {
        assert_eq!(data[key], value, "{key}: {data}");
    }
    // All three have the same percentile, so the first is the worst; 300 ms lie in the step up to 325 ms and are the longest.
    assert_eq!(data["worst"], json!({"start": "2026-11-23T10:04:00Z", "calls": 20, "over": 3, "p_us": 300_000, "max_us": 300_000}));
    let [one] = found.evidence.as_slice() else { panic!("{:?}", found.evidence) };
    assert_eq!((one.data["calls"].as_u64(), one.data["over"].as_u64()), (Some(60), Some(25)));
    assert!(found.title.contains("p95 of 200 ms missed in 3 of 10 minutes, 1 window from 2026-11-23T10:04:00Z"), "{}", found.title);
}

#[test]
fn two_good_minutes_part_two_windows() {
    let found = window(&twenty(|minute| if minute == 3 || minute == 6 { 20 } else { 0 }), &["p95=200ms"]);
    assert_eq!((json!(found.data)["windows"].clone(), found.evidence.len(), found.occurrences), (json!(2), 2, 2));
}

#[test]
fn minutes_with_few_calls_are_not_judged() {
    let mut log = twenty(|_| 0);
    for n in 0..19 {
        call(&mut log, 20, n, "web", 900_000, CARTS);
    }
    assert!(windows(&log, &["p95=200ms"]).is_empty(), "19 calls are too few");
    call(&mut log, 20, 59, "web", 900_000, CARTS);
    assert_eq!(window(&log, &["p95=200ms"]).occurrences, 1);
    // For p99 no minute has enough, and that is said.
    let found = window(&log, &["p99=200ms"]);
    assert_eq!((found.severity, found.occurrences, found.cost), (Severity::Info, 11, None));
    assert!(found.title.contains("could not be judged"), "{}", found.title);
}

#[test]
fn an_objective_of_an_application_judges_its_calls_only() {
    let mut log = twenty(|_| 0);
    for minute in 0..10 {
        for n in 0..20 {
            call(&mut log, minute, n * 2 + 1, "reports", if minute == 8 { 700_000 } else { 600 }, VISITS);
        }
    }
    assert!(windows(&log, &["web:p95=200ms"]).is_empty());
    let found = window(&log, &["reports:p95=200ms"]);
    assert_eq!(json!(found.data)["application"], "reports");
    assert!(found.title.starts_with("reports:p95 of 200 ms missed in 1 of 10 minutes"), "{}", found.title);
    // Of all calls half are slow in that minute.
    assert_eq!(window(&log, &["p95=200ms"]).occurrences, 1);
    assert!(window(&log, &["nobody:p95=200ms"]).title.contains("could not be judged"));
}

/// The lock statement is slow from minute 5 on, the carts from minute 6 on; visits only come more often, and settings do not rise.
#[test]
fn what_rose_first_is_told_in_order() {
    let mut log = String::new();
    for minute in 0..10 {
        let bad = minute >= 6;
        for n in 0..30 {
            call(&mut log, minute, n, "web", if bad { 400_000 } else { 2_000 }, CARTS);
        }
        call(&mut log, minute, 31, "jobs", if minute >= 5 { 3_000_000 } else { 10_000 }, "LOCK TABLE carts");
        for n in 0..if bad { 24 } else { 2 } {
            call(&mut log, minute, 32 + n, "web", 250_000, VISITS);
        }
        call(&mut log, minute, 58, "web", 900, "SELECT value FROM settings");
    }
    let found = window(&log, &["p95=300ms"]);
    let rose = found.evidence[0].data["rose"].as_array().expect("a list");
    let essence: Vec<_> =
        rose.iter().map(|rise| (rise["at"].as_str().expect("a time"), rise["calls"].clone(), rise["mean_us"].clone())).collect();
    assert_eq!(
        essence,
        [
            ("2026-11-23T10:05:00Z", json!(1), json!(3_000_000)),
            ("2026-11-23T10:06:00Z", json!(30), json!(400_000)),
            ("2026-11-23T10:06:00Z", json!(24), json!(250_000)),
        ]
    );
    // From minute 5 on 5 × 3 s instead of 5 × 10 ms.
    assert_eq!(rose[0]["added_us"], 14_950_000);
    // From minute 5 on, in which it was as usual: 4 × 30 × 400 ms + 60 ms instead of 5 × 60 ms.
    assert_eq!(rose[1]["added_us"], 47_760_000);
    assert_eq!((&rose[2]["calls_usual"], &rose[2]["mean_usual_us"]), (&json!(2), &json!(250_000)));
    assert_eq!(found.related.len(), 3, "explain tells of the window");
    assert!(found.evidence[0].text.contains("rose with it") && !found.evidence[0].text.contains("cause"), "{}", found.evidence[0].text);
    assert_eq!(found.statement, None, "what rose is no culprit");
}

#[test]
fn a_log_of_slow_statements_judges_nothing_for_sure() {
    let log = twenty(|minute| if minute == 5 { 20 } else { 0 }).replace("0.500 ms", "251.000 ms");
    let found = window(&log, &["p95=200ms"]);
    assert_eq!(found.confidence, Confidence::Low);
    assert!(found.evidence[0].text.contains("nothing faster than 250 ms"), "{}", found.evidence[0].text);
}

#[test]
fn more_minutes_than_are_told_apart_are_judged_in_longer_stretches() {
    // Twenty calls in each of 9 000 minutes, which are more than 8 192: stretches of two minutes.
    let mut log = String::new();
    for minute in 0..9_000_u32 {
        let (day, hour, minute) = (1 + minute / 1_440, minute / 60 % 24, minute % 60);
        for n in 0..20 {
            let took = if (day, hour, minute) == (3, 4, 11) { "900.000" } else { "0.500" };
            let _ = writeln!(
                log,
                "2026-11-{day:02} {hour:02}:{minute:02}:{n:02}.000 UTC [7] a@b/c LOG:  duration: {took} ms  statement: {CARTS}"
            );
        }
    }
    let found = window(&log, &["p95=200ms"]);
    let data = json!(found.data);
    assert_eq!((&data["width_us"], &data["judged"], &data["missed"]), (&json!(120_000_000), &json!(4_500), &json!(1)));
    assert!(found.title.contains("of 4\u{2009}500 stretches of 2 minutes") && data["start"] == "2026-11-03T04:10:00Z", "{}", found.title);
}

#[test]
fn blocks_and_threads_change_no_window() {
    let log = twenty(|minute| if minute > 6 { 20 } else { 0 });
    let expected = format!("{:?}", finding::check(&reading(&log, &["p95=200ms"], &|_| {}).workload, &Options::default()));
    for (block_size, jobs) in [(1, 1), (77, 2), (4_096, 3)] {
        let change = |settings: &mut Settings| (settings.block_size, settings.jobs) = (block_size, jobs);
        assert_eq!(format!("{:?}", finding::check(&reading(&log, &["p95=200ms"], &change).workload, &Options::default())), expected);
    }
}

#[test]
fn halves_add_up_to_the_whole() {
    let log = twenty(|minute| if minute > 6 { 20 } else { 0 });
    let at = log.len() / 2 + log[log.len() / 2..].find('\n').expect("a line") + 1;
    let read = |log: &str| reading(log, &["p95=200ms", "web:p50=1ms"], &|_| {}).workload;
    let mut halves = read(&log[..at]);
    halves.merge(read(&log[at..]));
    assert_eq!(
        format!("{:?}", finding::check(&halves, &Options::default())),
        format!("{:?}", finding::check(&read(&log), &Options::default()))
    );
}

/// Five minutes of two successes, two minutes of three failures, three minutes of two successes.
#[test]
fn an_outage_has_its_minutes_and_failures() {
    let read = |name: &str| std::fs::read_to_string(fixtures().join("rules/degraded-window").join(name)).expect("a fixture");
    let found = window(&read("hit-nothing-succeeds.log"), &[]);
    assert_eq!((found.severity, found.confidence, found.cost, found.occurrences), (Severity::High, Confidence::High, None, 1));
    assert_eq!(
        json!(found.data),
        json!({"kind": "outage", "windows": 1, "bad_us": 120_000_000, "failures": 6, "start": "2026-11-23T10:05:00Z", "end": "2026-11-23T10:07:00Z"})
    );
    assert_eq!(found.title, "nothing succeeded for 2 minutes from 2026-11-23T10:05:00Z, 6 failures");
    assert_eq!(found.evidence[0].data["failed"][0]["errors"], 6);
    // Minutes 4, 5 and 7 of one application, while another goes on.
    let found = window(&read("hit-one-application.log"), &[]);
    assert_eq!(found.title, "nothing of application web succeeded for 3 minutes from 2026-11-23T10:04:00Z, 6 failures");
    assert_eq!(found.evidence[0].data["application"], "web");
}

#[test]
fn the_configuration_may_have_objectives_and_refuses_bad_ones() {
    let options = |objective: &str| Options::of([("degraded-window".to_owned(), json!({"objectives": [objective]}))]);
    assert_eq!(finding::objectives(&options("web:p99=1s").expect("known")), objectives(&["web:p99=1s"]));
    assert!(options("p99").is_err_and(|bad| bad.reason.contains("p99")));
}
