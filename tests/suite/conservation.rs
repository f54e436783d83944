//! Loops from counters alone: calls that grow as the rows of another statement do, worked out by hand.

use laggard::finding::{self, Confidence, Finding, Options, Severity};
use laggard::{Input, Settings};
use serde_json::{Value, json};

const LIST: &str = "SELECT id, name FROM orders WHERE shop_id = $1 LIMIT $2";
const ITEMS: &str = "SELECT sku, product_id FROM order_items WHERE order_id = $1";
const PRODUCT: &str = "SELECT name FROM products WHERE id = $1";

/// Calls of the list in each of eight hours; each returns 20 rows.
const LISTS: [u64; 8] = [200, 350, 180, 500, 240, 410, 300, 150];

/// One statement and its calls and rows in each interval; each call takes a quarter of a millisecond.
struct Counted {
    sql: &'static str,
    calls: Vec<u64>,
    rows: Vec<u64>,
}

fn counted(sql: &'static str, calls: impl IntoIterator<Item = u64>, rows: impl Fn(u64) -> u64) -> Counted {
    let calls: Vec<u64> = calls.into_iter().collect();
    Counted { sql, rows: calls.iter().map(|&calls| rows(calls)).collect(), calls }
}

fn lists() -> Counted {
    counted(LIST, LISTS, |calls| calls * 20)
}

/// A snapshot each hour. `reset` is the interval in which everything began anew.
fn snapshots(statements: &[Counted], intervals: usize, reset: Option<usize>) -> Vec<Input> {
    let mut sums: Vec<(u64, u64)> = statements.iter().map(|_| (1, 1)).collect();
    let mut inputs = Vec::new();
    for hour in 0..=intervals {
        if let Some(at) = hour.checked_sub(1) {
            for (sum, statement) in sums.iter_mut().zip(statements) {
                let base = if reset == Some(at) { (0, 0) } else { *sum };
                *sum = (base.0 + statement.calls[at], base.1 + statement.rows[at]);
            }
        }
        let since = if reset.is_some_and(|at| hour > at) { "2026-11-23T03:30:00Z" } else { "2026-11-22T00:00:00Z" };
        let header = json!({
            "type": "snapshot", "schema": "laggard.snapshot/1", "taken_at": format!("2026-11-23T{hour:02}:00:00Z"), "dealloc": 0,
            "stats_reset": since, "server_version_num": 150_018,
        });
        let rows = statements.iter().zip(&sums).enumerate().map(|(id, (statement, sum))| row(id, statement.sql, *sum));
        let text: String = std::iter::once(header).chain(rows).map(|line| format!("{line}\n")).collect();
        inputs.push(Input::Memory(format!("{hour}.snap"), format!("{text}{{\"type\":\"end\",\"lines\":0}}\n").into()));
    }
    inputs
}

fn row(id: usize, sql: &str, (calls, rows): (u64, u64)) -> Value {
    json!({
        "type": "statement", "userid": 10, "dbid": 5, "toplevel": true, "queryid": id + 1, "query": sql, "calls": calls, "rows": rows,
        "total_exec_time": calls as f64 * 0.25, "mean_exec_time": 0.25, "stddev_exec_time": 0.0, "min_exec_time": 0.25,
        "max_exec_time": 0.25,
    })
}

fn found(inputs: Vec<Input>) -> Vec<Finding> {
    let reading = laggard::read(inputs, &Settings::default()).expect("settings are right");
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    finding::check(&reading.workload, &Options::default())
}

fn only(inputs: Vec<Input>) -> Finding {
    let found = found(inputs);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("one")
}

/// 2 330 lists of 20 rows and 46 600 calls: all but one a list would be saved, at a quarter of a millisecond each.
#[test]
fn as_many_calls_as_rows_are_a_loop() {
    let items = counted(ITEMS, LISTS.map(|calls| calls * 20), |calls| calls * 2);
    let one = only(snapshots(&[lists(), items], 8, None));
    assert_eq!((one.rule, one.confidence, one.severity, one.occurrences), ("n-plus-one", Confidence::Medium, Severity::Medium, 2_330));
    assert_eq!(one.cost.map(|cost| cost.0), Some((46_600 - 2_330) * 250));
    assert_eq!(one.title, "by the counters about 20 queries on order_items for the rows of one on orders, 2\u{2009}330 times");
    let evidence = &one.evidence[0];
    assert_eq!(evidence.kind, "counter");
    for (key, value) in [("intervals", 8), ("delta_calls", 46_600), ("delta_rows", 46_600)] {
        assert_eq!(evidence.data[key], json!(value), "{key}");
    }
    for key in ["ratio", "correlation", "slope"] {
        assert!((evidence.data[key].as_f64().expect("a number") - 1.0).abs() < 1e-9, "{key}: {}", evidence.data[key]);
    }
    assert_eq!((&one.data["levels"], &one.data["bursts"]), (&json!([20]), &json!(null)));
    assert!(one.remedy.contains("WHERE order_id = ANY($1)"), "{}", one.remedy);
}

#[test]
fn nested_loops_and_several_children_are_one_finding() {
    let items = counted(ITEMS, LISTS.map(|calls| calls * 20), |calls| calls * 7);
    let products = counted(PRODUCT, LISTS.map(|calls| calls * 140), |calls| calls);
    let notes = counted("SELECT text FROM notes WHERE order_id = $1", LISTS.map(|calls| calls * 19), |calls| calls / 2);
    let one = only(snapshots(&[lists(), items, products, notes], 8, None));
    assert_eq!((&one.data["levels"], one.data["children"].as_array().map(Vec::len)), (&json!([20, 7]), Some(3)));
    assert_eq!((one.severity, one.evidence.len()), (Severity::High, 3));
}

/// Other requests add half to two thirds of the calls, at other hours.
#[test]
fn other_callers_of_the_child_make_it_low() {
    let others = [3_600, 2_400, 4_100, 3_000, 3_900, 3_500, 2_200, 4_300];
    let items = counted(ITEMS, LISTS.iter().zip(others).map(|(calls, others)| calls * 20 + others), |calls| calls * 2);
    let one = only(snapshots(&[lists(), items], 8, None));
    assert_eq!((one.rule, one.confidence), ("n-plus-one", Confidence::Low));
    let ratio = one.evidence[0].data["ratio"].as_f64().expect("a number");
    assert!((1.5..1.7).contains(&ratio), "{ratio}");
}

#[test]
fn a_chance_pair_without_a_relation_is_none() {
    let audits = counted("SELECT id FROM audits WHERE token = $1", LISTS.map(|calls| calls * 20), |calls| calls);
    let flags = counted("SELECT id FROM flags WHERE country_id = $1", LISTS.map(|calls| calls * 20 + calls % 7 * 500), |calls| calls);
    assert_eq!(found(snapshots(&[lists(), audits, flags], 8, None)).len(), 0);
}

#[test]
fn what_does_not_rise_and_fall_with_the_rows_is_none() {
    let mut calls = LISTS.map(|calls| calls * 20);
    calls.reverse();
    calls.rotate_left(3);
    assert_eq!(found(snapshots(&[lists(), counted(ITEMS, calls, |calls| calls)], 8, None)).len(), 0);
}

#[test]
fn an_interval_with_a_reset_is_left_out() {
    let items = || counted(ITEMS, LISTS.map(|calls| calls * 20), |calls| calls * 2);
    let one = only(snapshots(&[lists(), items()], 8, Some(3)));
    // Without the fourth hour and its 500 lists.
    assert_eq!((&one.evidence[0].data["intervals"], &one.evidence[0].data["delta_rows"]), (&json!(7), &json!(36_600)));
    assert_eq!(one.confidence, Confidence::Medium);
}

#[test]
fn few_intervals_are_low_and_one_is_suspect_at_most() {
    let items = || counted(ITEMS, LISTS.map(|calls| calls * 20), |calls| calls * 2);
    assert_eq!(only(snapshots(&[lists(), items()], 5, None)).confidence, Confidence::Low);
    let suspect = only(snapshots(&[lists(), items()], 1, None));
    assert_eq!((suspect.confidence, suspect.severity, suspect.cost), (Confidence::Low, Severity::Info, None));
    assert!(suspect.title.starts_with("suspect: many cheap key lookups on order_items, 95 % of all calls"), "{}", suspect.title);
    let alone = counted("SELECT balance FROM accounts WHERE aid = $1", [9_000], |calls| calls);
    assert_eq!(found(snapshots(&[alone], 1, None)).len(), 0, "nothing it could be a loop over");
}

#[test]
fn calls_within_functions_do_not_count() {
    let items = counted(ITEMS, LISTS.map(|calls| calls * 20), |calls| calls * 2);
    let inputs = snapshots(&[lists(), items], 8, None).into_iter().map(|input| match input {
        Input::Memory(name, text) => {
            let text = String::from_utf8(text).expect("text");
            let nested = |line: &str| {
                if line.contains("order_items") { line.replace("\"toplevel\":true", "\"toplevel\":false") } else { line.to_owned() }
            };
            Input::Memory(name, text.lines().map(|line| nested(line) + "\n").collect::<String>().into())
        }
        other => other,
    });
    assert_eq!(found(inputs.collect()).len(), 0);
}

#[test]
fn rows_changed_one_by_one_are_a_write_loop() {
    let list = counted("SELECT id, state FROM orders WHERE state = $1 LIMIT $2", LISTS, |calls| calls * 20);
    let updates = counted("UPDATE orders SET state = $1 WHERE id = $2", LISTS.map(|calls| calls * 20), |calls| calls);
    let one = only(snapshots(&[list, updates], 8, None));
    assert_eq!((one.rule, one.confidence), ("write-loop", Confidence::Medium));
    assert!(one.remedy.contains("UPDATE … FROM (VALUES …)"), "{}", one.remedy);
}

/// The same pair in a log of the first hour is told once, with what the log knows.
#[test]
fn what_a_log_tells_is_not_told_again() {
    let mut log = String::new();
    let mut at = 0;
    let mut add = |sql: &str| {
        at += 1;
        log.push_str(&format!("2026-11-23 00:10:00.{at:03} UTC [7] LOG:  duration: 0.400 ms  statement: {sql}\n"));
    };
    add("SELECT id, name FROM orders WHERE shop_id = 3 LIMIT 20");
    (0..20).for_each(|order| add(&format!("SELECT sku, product_id FROM order_items WHERE order_id = {}", 70 + order * 3)));
    let items = counted(ITEMS, LISTS.map(|calls| calls * 20), |calls| calls * 2);
    let mut inputs = snapshots(&[lists(), items], 8, None);
    inputs.push(Input::Memory("pg.log".to_owned(), log.into()));
    let one = only(inputs);
    assert_eq!((one.rule, one.evidence[0].kind), ("n-plus-one", "burst"));
}

/// Ten lengths of one list in PostgreSQL 15, each an entry of its own; in 18 they are one.
#[test]
fn lists_of_many_lengths_are_told_by_their_entries() {
    let texts: Vec<String> = (1..=10)
        .map(|length| {
            let list: Vec<String> = (1..=length).map(|n| format!("${n}")).collect();
            format!("SELECT id, name FROM orders WHERE id IN ({}) AND shop = ${}", list.join(", "), length + 1)
        })
        .collect();
    let of = |texts: &[String]| {
        let statements: Vec<Counted> =
            texts.iter().map(|text| counted(Box::leak(text.clone().into_boxed_str()), [40], |calls| calls)).collect();
        self::found(snapshots(&statements, 1, None))
    };
    let found = of(&texts);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.rule, one.occurrences), ("in-list-churn", 400));
    let expected = json!({"lengths": 10, "calls": 400, "length_p50": 5, "length_p95": 10, "length_max": 10, "entries": 10});
    assert_eq!(json!(one.evidence[0].data), expected);
    // The same length under several ids, as tables of several schemas have, is none.
    assert_eq!(of(&vec![texts[3].clone(); 10]).len(), 0);
    assert_eq!(of(&vec!["SELECT id FROM orders WHERE id IN ($1 /*, ... */)".to_owned(); 10]).len(), 0);
}
