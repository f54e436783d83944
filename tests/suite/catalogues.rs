//! What snapshots tell of the schema reaches the workload, whichever file it is in and however it is read.

use laggard::{Input, Reading, Settings};
use serde_json::{Value, json};

const NOON: &str = "2026-11-23T12:00:00Z";
const LATER: &str = "2026-11-23T13:00:00Z";

fn header(taken: &str, database: &str) -> Value {
    json!({"type": "snapshot", "schema": "laggard.snapshot/1", "taken_at": taken, "database": database, "system_identifier": "7",
        "server_version_num": 150_018, "settings": {"random_page_cost": "1.1", "work_mem": "4096"}})
}

fn relation(oid: u32, name: &str) -> Value {
    json!({"type": "relation", "oid": oid, "schema": "public", "name": name, "kind": "r", "persistence": "p", "tuples": 100_000.0,
        "pages": 541, "visible_pages": 541, "is_partition": false, "parent": null, "definition": null, "usage": {"seq_scan": 3}})
}

fn column(relation: u32, number: i32, name: &str) -> Value {
    json!({"type": "column", "relation": relation, "number": number, "name": name, "data_type": "bigint", "collation": null,
        "not_null": true, "null_frac": 0.0, "n_distinct": -1.0, "avg_width": 8, "correlation": 1.0, "common_freqs": null})
}

fn index(oid: u32, relation: u32, columns: &[i32]) -> Value {
    json!({"type": "index", "oid": oid, "relation": relation, "name": format!("i{oid}"), "method": "btree", "columns": columns,
        "keys": columns.len(), "key_text": ["id"], "opclasses": ["int8_ops"], "collations": [""], "options": [0], "predicate": null,
        "is_unique": true, "is_primary": true, "is_exclusion": false, "is_valid": true, "is_replica_identity": false, "tuples": 1e5,
        "pages": 276, "definition": "CREATE …", "usage": null})
}

fn foreign_key(relation: u32, other: u32) -> Value {
    json!({"type": "constraint", "relation": relation, "name": "fk", "kind": "f", "columns": [2], "references": other,
        "referenced_columns": [1], "index": null, "definition": "FOREIGN KEY …"})
}

/// A snapshot file; `ends` if it has its last line.
fn file(name: &str, lines: &[Value], ends: bool) -> Input {
    let end = json!({"type": "end", "lines": lines.len() + 1});
    let text: String = lines.iter().chain(ends.then_some(&end)).map(|line| format!("{line}\n")).collect();
    Input::Memory(name.to_owned(), text.into())
}

fn shop(name: &str, taken: &str, table: &str) -> Input {
    let lines = [
        header(taken, "shop"),
        relation(10, table),
        relation(20, "customers"),
        column(10, 1, "id"),
        column(10, 2, "customer_id"),
        index(11, 10, &[1]),
        index(21, 20, &[1]),
        foreign_key(10, 20),
        json!({"type": "statistics", "relation": 10, "name": "s", "columns": [1, 2], "kinds": ["d"]}),
    ];
    file(name, &lines, true)
}

fn log() -> Input {
    let line = "2026-11-23 12:30:00.000 UTC [7] app@shop LOG:  duration: 12.000 ms  statement: select * from orders where id = 1\n";
    Input::Memory("pg.log".to_owned(), line.into())
}

fn read(inputs: Vec<Input>, settings: &Settings) -> Reading {
    laggard::read(inputs, settings).expect("settings are right")
}

#[test]
fn a_log_and_a_snapshot_are_its_events_and_that_catalogue_for_every_block_size() {
    let whole = read(vec![shop("a.snap", NOON, "orders"), log()], &Settings::default());
    assert_eq!((whole.errors.len(), whole.workload.calls()), (0, 1));
    let [catalog] = whole.workload.catalogs() else { panic!("{:?}", whole.workload.catalogs()) };
    assert_eq!((catalog.number("random_page_cost"), catalog.origin.database.as_deref()), (Some(1.1), Some("shop")));
    let orders = catalog.named("orders").expect("is there");
    assert_eq!((orders.oid, orders.tuples, catalog.columns(10).len(), catalog.statistics(10).len()), (10, 100_000.0, 2, 1));
    assert_eq!(catalog.indexes(10).iter().map(|index| index.oid).collect::<Vec<_>>(), [11]);
    assert_eq!(catalog.referencing(20).map(|key| key.relation).collect::<Vec<_>>(), [10]);
    for (block_size, jobs) in [(1, 1), (300, 2), (1 << 20, 2)] {
        let settings = Settings { block_size, jobs, ..Settings::default() };
        let other = read(vec![log(), shop("a.snap", NOON, "orders")], &settings);
        assert!(other.workload == whole.workload, "{block_size} bytes, {jobs} workers");
    }
}

/// One call of one value and thirty of another: what most of them ask for counts, not what came first.
#[test]
fn usual_values_are_looked_up_in_a_snapshot_beside_the_log() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut status = column(10, 2, "status");
    let states = [("n_distinct", json!(3.0)), ("common_freqs", json!([0.9, 0.098, 0.002])), ("common_values", json!("{1,2,777}"))];
    states.into_iter().for_each(|(key, value)| status[key] = value);
    let lines = [header(NOON, "shop"), relation(10, "orders"), column(10, 1, "id"), status, json!({"type": "end", "lines": 5})];
    std::fs::write(folder.path().join("a.jsonl"), lines.map(|line| format!("{line}\n")).concat()).expect("written");
    let advised = |first: u32, others: u32| {
        let call = |at: u32, value: u32| {
            format!(
                "2026-11-23 12:30:{at:02}.000 UTC [7] app@shop LOG:  duration: 12.000 ms  statement: select * from orders where status = {value}\n"
            )
        };
        let log: String = (0..31).map(|at| call(at, if at == 0 { first } else { others })).collect();
        std::fs::write(folder.path().join("pg.log"), log).expect("written");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_laggard"));
        let output = command
            .env_clear()
            .current_dir(folder.path())
            .args(["report", "--no-config", "--format", "json", "pg.log", "a.jsonl"])
            .output();
        let text = String::from_utf8(output.expect("runs").stdout).expect("UTF-8");
        assert!(!text.contains("777"), "{text}");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let findings = document["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|finding| finding["ddl"].as_str().is_some_and(|ddl| ddl.contains("ON public.orders (status)")))
    };
    assert!(advised(1, 777) && !advised(777, 1));
}

/// A server without pg_stat_statements has a schema nonetheless.
#[test]
fn a_catalogue_alone_covers_nothing_and_says_so() {
    let warned = |inputs: Vec<Input>| {
        let reading = read(inputs, &Settings::default());
        let report = laggard::report(&reading, &laggard::report::View::default());
        (report.coverage.is_some(), report.warnings.iter().any(|warning| warning.id() == "snapshot-without-counters"))
    };
    assert_eq!(warned(vec![shop("a.snap", NOON, "orders"), log()]), (false, true));
    assert_eq!(warned(vec![shop("a.snap", NOON, "orders")]), (false, true));
    assert_eq!(warned(vec![log()]), (false, false));
    // Counters that were reset are counters.
    let mut reset = header(NOON, "shop");
    reset["extension_version"] = json!("1.10");
    assert_eq!(warned(vec![file("a.snap", &[reset, relation(1, "orders")], true)]), (true, false));
}

/// Counters have places for values; what was logged says more, whichever comes first.
#[test]
fn an_example_is_of_the_log_where_there_is_one() {
    let counted = json!({"type": "statement", "userid": 10, "dbid": 1, "queryid": 5, "calls": 3, "total_exec_time": 30.0, "rows": 3});
    let text = json!({"type": "text", "queryid": 5, "query": "SELECT * FROM orders WHERE id = $1"});
    let snapshot = || file("a.snap", &[header(NOON, "shop"), counted.clone(), text.clone(), relation(1, "orders")], true);
    let line = "2026-11-23 11:00:00.000 UTC [7] app@shop LOG:  duration: 40.000 ms  statement: SELECT * FROM orders WHERE id = 42\n";
    let log = || Input::Memory("pg.log".into(), line.as_bytes().to_vec());
    for inputs in [vec![snapshot(), log()], vec![log(), snapshot()]] {
        let workload = read(inputs, &Settings::default()).workload;
        let samples: Vec<_> = workload.statements().map(|statement| String::from_utf8_lossy(&statement.sample.sql)).collect();
        assert_eq!(samples, ["SELECT * FROM orders WHERE id = 42"]);
        assert!(workload.statements().all(|statement| statement.counted.is_some()));
    }
    let workload = read(vec![snapshot()], &Settings::default()).workload;
    assert!(workload.statements().any(|statement| statement.sample.sql.ends_with(b"$1") && statement.sample.is_counted));
}

#[test]
fn the_latest_of_each_database_holds() {
    let customers = |name, taken, database| file(name, &[header(taken, database), relation(9, "users")], true);
    let inputs = || vec![shop("late.snap", LATER, "orders"), shop("early.snap", NOON, "old"), customers("other.snap", NOON, "auth")];
    let tables = |reading: &Reading| -> Vec<String> {
        let catalogs = reading.workload.catalogs().iter();
        catalogs.map(|catalog| catalog.relations().map(|r| r.name.as_str()).collect::<Vec<_>>().join(" ")).collect()
    };
    let expected = ["users", "orders customers"];
    assert_eq!(tables(&read(inputs(), &Settings::default())), expected);
    assert_eq!(tables(&read(inputs().into_iter().rev().collect(), &Settings::default())), expected);
    // The same by merging, in either order.
    let single = |input: Input| read(vec![input], &Settings::default());
    let mut merged = single(shop("early.snap", NOON, "old"));
    merged.workload.merge(single(shop("late.snap", LATER, "orders")).workload);
    merged.workload.merge(single(customers("other.snap", NOON, "auth")).workload);
    assert_eq!(tables(&merged), expected);
}

#[test]
fn what_may_lack_an_index_is_no_catalogue() {
    let lines = [header(NOON, "shop"), relation(10, "orders")];
    let cut = read(vec![file("cut.snap", &lines, false)], &Settings::default());
    assert!(!cut.errors.is_empty() && cut.workload.catalogs().is_empty());
    let whole = read(vec![file("whole.snap", &lines, true)], &Settings::default());
    assert!(whole.errors.is_empty() && whole.workload.catalogs().len() == 1);
    let mut broken = lines.to_vec();
    broken.push(json!({"type": "index", "oid": 11}));
    let broken = read(vec![file("broken.snap", &broken, true)], &Settings::default());
    assert_eq!(broken.inputs[0].skipped.total(), 1, "a line that is not understood is counted");
}
