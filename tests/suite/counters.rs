//! Intervals between snapshots, worked out by hand: what counted on, what began anew, what is new, gone or hidden.

use serde_json::{Value, json};

use laggard::{Input, Settings};

use crate::harness::Facts;

/// A row of the view in version 1.10: id, calls, and the times of its executions in milliseconds, all of them.
fn row(id: i64, durations: &[f64]) -> Value {
    let calls = durations.len() as f64;
    let total: f64 = durations.iter().sum();
    let mean = total / calls;
    let deviation = (durations.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / calls).sqrt();
    json!({
        "userid": 10, "dbid": 5, "toplevel": true, "queryid": id, "query": format!("SELECT c{} FROM t", id.unsigned_abs()),
        "calls": durations.len(), "total_exec_time": total, "mean_exec_time": mean, "stddev_exec_time": deviation,
        "min_exec_time": durations.iter().copied().fold(f64::INFINITY, f64::min),
        "max_exec_time": durations.iter().copied().fold(0.0, f64::max),
        "rows": durations.len(), "shared_blks_hit": durations.len() * 10,
    })
}

fn with(mut row: Value, key: &str, value: impl Into<Value>) -> Value {
    row[key] = value.into();
    row
}

/// What the server tells beside the rows.
fn facts(taken: &str, dealloc: u64, reset: &str) -> Value {
    json!({"type": "snapshot", "schema": "laggard.snapshot/1", "taken_at": taken, "dealloc": dealloc, "stats_reset": reset, "server_version_num": 150_018})
}

/// A snapshot file.
fn file(name: &str, header: Value, rows: &[Value]) -> Input {
    let mut text = format!("{header}\n");
    for row in rows {
        text.push_str(&format!("{}\n", with(row.clone(), "type", "statement")));
    }
    text.push_str("{\"type\":\"end\",\"lines\":0}\n");
    Input::Memory(name.to_owned(), text.into())
}

const RESET: &str = "2026-11-23T00:00:00Z";
const FIRST: &str = "2026-11-23T10:00:00Z";
const SECOND: &str = "2026-11-23T11:00:00Z";

/// The interval between two snapshots of a server that dropped no entry and was not reset.
fn interval(before: &[Value], after: &[Value]) -> Facts {
    read(vec![file("a.snap", facts(FIRST, 0, RESET), before), file("b.snap", facts(SECOND, 0, RESET), after)])
}

fn read(inputs: Vec<Input>) -> Facts {
    crate::harness::read(inputs, &Settings::default())
}

fn state(facts: &Facts, text: &str) -> (String, bool) {
    let statement = facts.statement(text);
    let counters = statement.value("counters");
    (counters["state"].as_str().expect("a state").to_owned(), counters["partial"].as_bool().expect("a truth"))
}

#[test]
fn what_counted_on_is_the_difference() {
    // The second entry, which nobody calls, shows that the export has all decimals.
    let idle = || row(2, &[0.123_457]);
    let facts = interval(&[row(1, &[1.25, 3.5]), idle()], &[row(1, &[1.25, 3.5, 2.0, 10.5]), idle()]);
    let statement = facts.only();
    assert_eq!((statement.calls(), statement.total_us()), (2, 12_500));
    assert_eq!(state(&facts, "select c1 from t"), ("continuous".to_owned(), false));
    // Two values are their mean and the deviation on either side: both are known.
    assert_eq!(
        (statement.number("min_us"), statement.number("p50_us"), statement.number("p99_us"), statement.number("max_us")),
        (2_000, 2_000, 10_500, 10_500)
    );
    assert_eq!(statement.value("stddev_us").as_f64().map(f64::round), Some(4_250.0));
    assert_eq!(statement.value("counters")["shared_hit"], 20);
    assert_eq!(
        facts.json()["coverage"],
        json!({"known_share": 1.0, "lost": 0, "dealloc_rounds": 0, "entries": {"continuous": 2}, "of": "interval"})
    );
}

#[test]
fn what_nobody_called_is_not_there() {
    let facts = interval(&[row(1, &[1.5]), row(2, &[1.5])], &[row(1, &[1.5, 0.25]), row(2, &[1.5])]);
    assert_eq!(facts.texts(), ["select c1 from t"]);
}

#[test]
fn what_was_not_there_before_is_new_and_counts_from_zero() {
    let facts = interval(&[row(1, &[1.5])], &[row(1, &[1.5]), row(2, &[0.5, 0.75])]);
    assert_eq!((facts.only().calls(), facts.only().total_us()), (2, 1_250));
    assert_eq!(state(&facts, "select c2 from t"), ("new".to_owned(), false));
}

#[test]
fn what_is_new_after_an_eviction_may_have_lost_calls() {
    let [a, b] =
        [file("a", facts(FIRST, 3, RESET), &[row(1, &[1.5])]), file("b", facts(SECOND, 4, RESET), &[row(1, &[1.5]), row(2, &[0.5])])];
    let facts = read(vec![a, b]);
    assert_eq!(state(&facts, "select c2 from t"), ("new".to_owned(), true));
    assert_eq!(facts.json()["coverage"]["dealloc_rounds"], 1);
}

#[test]
fn what_is_gone_is_told_as_last_seen_and_not_counted() {
    let facts = interval(&[row(1, &[1.5, 2.5])], &[row(2, &[0.5])]);
    let gone = facts.statement("select c1 from t");
    assert_eq!((gone.calls(), gone.total_us()), (0, 0));
    assert_eq!(gone.value("counters")["last_seen"], json!({"calls": 2, "total_us": 4_000}));
    assert_eq!(state(&facts, "select c1 from t"), ("gone".to_owned(), true));
    assert_eq!(facts.json()["coverage"]["lost"], 1);
    assert_eq!(facts.calls(), 1);
}

/// Before: three calls, after: one. And: more calls than before, but less time; a smaller maximum; a larger minimum; fewer
/// rows. Each alone proves that the entry began anew.
#[test]
fn a_counter_that_fell_or_an_extreme_that_moved_inwards_is_a_restart() {
    let before = row(1, &[1.5, 2.5, 4.125]);
    let more_calls = row(1, &[0.5, 0.625, 0.75, 0.875]);
    let smaller_maximum = row(1, &[1.5, 2.5, 3.0, 3.5]);
    let larger_minimum = row(1, &[1.75, 2.5, 4.125, 9.0]);
    let fewer_rows = with(row(1, &[1.5, 2.5, 4.125, 2.0]), "rows", 2);
    for after in [row(1, &[2.0]), more_calls, smaller_maximum, larger_minimum, fewer_rows] {
        let calls = after["calls"].as_u64().expect("a number");
        let total = after["total_exec_time"].as_f64().expect("a number") * 1_000.0;
        let facts = interval(std::slice::from_ref(&before), &[after]);
        assert_eq!(state(&facts, "select c1 from t"), ("restarted".to_owned(), true));
        assert_eq!((facts.only().calls(), facts.only().total_us() as f64), (calls, total));
        assert_eq!(facts.json()["coverage"]["lost"], 1);
    }
}

/// Ten more calls in a millisecond less than ten times the minimum ever seen: every counter has grown, and yet it cannot be.
#[test]
fn an_interval_that_cannot_be_is_a_restart() {
    let before = row(1, &[2.5, 3.5]);
    let mut after = row(1, &[2.5, 3.5, 2.5, 2.5, 2.5, 2.5]);
    after["total_exec_time"] = json!(9.0);
    let facts = interval(&[before], &[after]);
    assert_eq!(state(&facts, "select c1 from t"), ("restarted".to_owned(), true));
}

#[test]
fn a_reset_restarts_everything() {
    let (before, after) = ([row(1, &[1.5])], [row(1, &[1.5, 2.5])]);
    let facts = read(vec![file("a", facts(FIRST, 0, RESET), &before), file("b", facts(SECOND, 0, "2026-11-23T10:30:00Z"), &after)]);
    assert_eq!(state(&facts, "select c1 from t"), ("restarted".to_owned(), true));
    assert_eq!(facts.only().calls(), 2);
    assert_eq!(facts.json()["coverage"]["known_share"], 0.0);
}

#[test]
fn the_moment_since_which_an_entry_counts_decides_where_it_is_told() {
    let since = |row: Value, moment: &str| with(with(row, "stats_since", moment), "minmax_stats_since", moment);
    let (early, late) = ("2026-11-23T09:00:00Z", "2026-11-23T10:30:00Z");
    // Larger in everything, and yet another life.
    let facts = interval(&[since(row(1, &[1.5]), early)], &[since(row(1, &[1.25, 2.5, 3.5]), late)]);
    assert_eq!((state(&facts, "select c1 from t"), facts.only().calls()), (("restarted".to_owned(), true), 3));
    let facts = interval(&[since(row(1, &[1.5]), early)], &[since(row(1, &[1.5, 2.5]), early)]);
    assert_eq!((state(&facts, "select c1 from t"), facts.only().calls()), (("continuous".to_owned(), false), 1));
    let before = [since(row(2, &[1.5]), early)];
    let after = [since(row(2, &[1.5, 0.5]), early), since(row(1, &[1.5, 2.5]), early)];
    // An export may have had a LIMIT: what an older entry did in between is not known.
    let facts = read([export("a", FIRST, &before), export("b", SECOND, &after)].concat());
    assert_eq!(facts.texts(), ["select c2 from t"]);
    assert!(facts.warns("entries-without-base"));
    assert_eq!(facts.json()["coverage"]["known_share"], json!(0.5 / 4.5));
    // A whole snapshot lacks only what had not come to the end of its first call, so all of it is of the interval.
    let facts = interval(&before, &after);
    assert_eq!((state(&facts, "select c1 from t"), facts.statement("select c1 from t").calls()), (("new".to_owned(), false), 2));
}

/// Three calls, then eight with both extremes wider: five more of one entry, or eight of another in its place.
#[test]
fn an_entry_that_may_be_another_one_is_counted_only_if_it_cannot() {
    let before = row(1, &[1.25, 1.5, 2.25]);
    let after = row(1, &[1.25, 1.5, 2.25, 0.75, 1.5, 1.75, 2.0, 3.5]);
    // Of the same calls and less, so that the first is as good as any to drop.
    let crowd = |calls: usize| -> Vec<Value> { (10..30).map(|id| row(id, &vec![0.5; calls])).collect() };
    let of = |dealloc: u64, others: &[Value]| {
        let rows = |one: &Value| [std::slice::from_ref(one), others].concat();
        let facts = read(vec![
            file("a.snap", facts(FIRST, 7, RESET), &rows(&before)),
            file("b.snap", facts(SECOND, dealloc, RESET), &rows(&after)),
        ]);
        (state(&facts, "select c1 from t"), facts.statement("select c1 from t").calls(), facts.warns("entries-in-doubt"))
    };
    let (continuous, restarted) = (("continuous".to_owned(), false), ("restarted".to_owned(), true));
    assert_eq!(of(7, &crowd(2)), (continuous.clone(), 5, false), "nothing was dropped");
    assert_eq!(of(8, &crowd(9)), (restarted, 0, true), "others have been called as often");
    assert_eq!(of(8, &crowd(1)), (continuous, 5, false), "what is left has been called less often than this had");
}

/// A reset of one role's entries leaves no trace but counters that fell.
#[test]
fn where_an_entry_of_a_role_began_anew_its_others_are_in_doubt() {
    let of = |user: u32, row: Value| with(row, "userid", user);
    let (few, more) = (row(2, &[1.25, 1.5, 2.25]), row(2, &[1.25, 1.5, 2.25, 0.75, 1.5, 1.75, 2.0, 3.5]));
    let other = of(20, row(3, &[1.234567]));
    let facts = interval(
        &[of(10, row(1, &[1.5; 9])), of(10, few.clone()), other.clone(), of(20, few)],
        &[of(10, row(1, &[1.5; 2])), of(10, more.clone()), other, of(20, more)],
    );
    // Of the other role one entry is what it was to the last digit.
    assert_eq!((state(&facts, "select c2 from t"), facts.statement("select c2 from t").calls()), (("restarted".to_owned(), true), 5));
    assert!(facts.warns("entries-in-doubt"));
}

/// An export of the view, and what is told beside it.
fn export(name: &str, taken: &str, rows: &[Value]) -> Vec<Input> {
    let beside = json!({"taken_at": taken, "dealloc": 0, "stats_reset": RESET});
    vec![
        Input::Memory(format!("x/{name}.json"), json!(rows).to_string().into()),
        Input::Memory(format!("x/{name}_info.json"), beside.to_string().into()),
    ]
}

/// After `pg_stat_statements_reset(0, 0, 0, true)` both extremes are 0 until the next call.
#[test]
fn a_reset_of_the_extremes_alone_is_no_restart_and_zero_is_no_minimum() {
    let since = |row: Value, moment: &str| with(with(row, "stats_since", "2026-11-23T09:00:00Z"), "minmax_stats_since", moment);
    let before = since(row(1, &[1.5, 2.5]), "2026-11-23T09:00:00Z");
    let zero = with(with(row(1, &[1.5, 2.5, 3.25, 4.5, 1.125]), "min_exec_time", 0), "max_exec_time", 0);
    let facts = interval(&[before], &[since(zero, "2026-11-23T10:30:00Z")]);
    assert_eq!((state(&facts, "select c1 from t"), facts.only().calls()), (("continuous".to_owned(), false), 3));
    assert!(facts.only().is_unknown("min_us") && facts.only().is_unknown("max_us"));
    for (key, truth) in [("p50_us", 3_250), ("p99_us", 4_500)] {
        let bounds = &facts.only().value("bounds")[key];
        assert!(bounds[0].as_u64() <= Some(truth) && Some(truth) <= bounds[1].as_u64(), "{key}: {bounds}");
    }
}

#[test]
fn hidden_entries_are_one_statement_and_count_in_the_totals() {
    let hidden = |calls: usize| with(with(row(1, &vec![1.5; calls]), "queryid", Value::Null), "query", "<insufficient privilege>");
    let facts = interval(&[hidden(1), row(2, &[0.5])], &[hidden(3), row(2, &[0.5, 0.5])]);
    assert_eq!(facts.statement("<insufficient privilege>").calls(), 2);
    assert_eq!((facts.calls(), facts.total_us()), (3, 3_500));
    assert!(facts.warns("statements-hidden"));
}

/// Three snapshots are two intervals, and their sum.
#[test]
fn snapshots_are_chained_in_the_order_of_time() {
    let at = |name: &str, moment: &str, durations: &[f64]| file(name, facts(moment, 0, RESET), &[row(1, durations)]);
    let [a, b, c] = [at("a", FIRST, &[1.5]), at("b", SECOND, &[1.5, 2.5]), at("c", "2026-11-23T12:00:00Z", &[1.5, 2.5, 0.25, 8.0])];
    let facts = read(vec![c, a, b]);
    assert_eq!((facts.only().calls(), facts.only().total_us(), facts.only().number("max_us")), (3, 10_750, 8_000));
    assert_eq!(facts.window().map(|moment| moment.to_string()), [FIRST, "2026-11-23T12:00:00Z"]);
}

#[test]
fn a_snapshot_alone_is_the_life_of_the_counters() {
    let facts = read(vec![file("a", facts(FIRST, 2, RESET), &[row(1, &[1.5, 2.5, 3.75])])]);
    assert_eq!((facts.only().calls(), facts.only().number("min_us"), facts.only().number("max_us")), (3, 1_500, 3_750));
    assert_eq!(facts.window().map(|moment| moment.to_string()), [RESET, FIRST]);
    assert_eq!((&facts.json()["coverage"]["of"], &facts.json()["coverage"]["lost"]), (&json!("life"), &Value::Null));
}

#[test]
fn two_servers_have_no_interval_unless_one_wants_their_sum() {
    let on = |name: &str, system: &str, durations: &[f64]| {
        let moment = if name == "a" { FIRST } else { SECOND };
        file(name, with(facts(moment, 0, RESET), "system_identifier", system), &[row(1, durations)])
    };
    let inputs = || vec![on("a", "7001", &[1.5, 2.5]), on("b", "7002", &[1.5, 2.5, 3.5])];
    let reading = laggard::read(inputs(), &Settings::default()).expect("settings are right");
    assert!(matches!(reading.errors.as_slice(), [laggard::Error::MixedServers { .. }]), "{:?}", reading.errors);
    assert!(reading.errors[0].is_unrecognised());
    let mixed = crate::harness::read(inputs(), &Settings { mixed: true, ..Settings::default() });
    assert_eq!((mixed.only().calls(), mixed.only().total_us()), (5, 11_500));
}

#[test]
fn a_primary_and_its_standby_are_two_servers_and_a_promoted_one_is_not() {
    let on = |moment: &str, recovery: bool, started: &str| {
        let header =
            with(with(with(facts(moment, 0, RESET), "system_identifier", "7"), "in_recovery", recovery), "postmaster_start", started);
        file(moment, header, &[row(1, if moment == FIRST { &[1.5] } else { &[1.5, 2.5] })])
    };
    let errors = |a: Input, b: Input| laggard::read(vec![a, b], &Settings::default()).expect("settings are right").errors.len();
    assert_eq!(errors(on(FIRST, true, "2026-11-20T00:00:00Z"), on(SECOND, false, "2026-11-21T00:00:00Z")), 1);
    assert_eq!(errors(on(FIRST, true, "2026-11-20T00:00:00Z"), on(SECOND, false, "2026-11-20T00:00:00Z")), 0);
}

#[test]
fn spellings_of_one_statement_are_merged_with_their_moments() {
    let spelt = |id: i64, query: &str, durations: &[f64]| with(row(id, durations), "query", query);
    let rows = [
        spelt(1, "SELECT * FROM t WHERE id IN ($1, $2)", &[1.0, 3.0]),
        spelt(2, "select * from t where id in ($1 /*, ... */)", &[5.000_001]),
        with(spelt(1, "SELECT * FROM t WHERE id IN ($1, $2)", &[7.0]), "userid", 11),
    ];
    let facts = read(vec![file("a", facts(FIRST, 0, RESET), &rows)]);
    let one = facts.only();
    assert_eq!((one.calls(), one.total_us(), one.number("min_us"), one.number("max_us")), (4, 16_000, 1_000, 7_000));
    // 1, 3, 5 and 7: mean 4, variance 5.
    let deviation = one.value("stddev_us").as_f64().expect("known");
    assert!((deviation - 5f64.sqrt() * 1_000.0).abs() < 0.01, "{deviation}");
    assert_eq!(one.strings("query_ids"), ["1", "2"]);
}

#[test]
fn a_file_that_lost_its_end_is_an_error_and_two_formats_are_one_snapshot() {
    let Input::Memory(_, text) = file("a", facts(FIRST, 0, RESET), &[row(1, &[1.5])]) else { unreachable!("made in memory") };
    let cut = text[..text.len() - 25].to_vec();
    let reading = laggard::read(vec![Input::Memory("a.snap".to_owned(), cut)], &Settings::default()).expect("settings are right");
    assert!(matches!(reading.errors.as_slice(), [laggard::Error::CutSnapshot { .. }]), "{:?}", reading.errors);
    let export = json!([row(1, &[1.5])]).to_string();
    let inputs = || {
        vec![Input::Memory("x/pgss.json".to_owned(), export.clone().into()), Input::Memory("x/pgss.csv".to_owned(), csv(&row(1, &[1.5])))]
    };
    let facts = read(inputs());
    assert_eq!(facts.only().calls(), 1);
    assert!(facts.warns("file-repeated"));
}

fn csv(row: &Value) -> Vec<u8> {
    let object = row.as_object().expect("an object");
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let cells: Vec<String> = object.values().map(|v| v.to_string().trim_matches('"').to_owned()).collect();
    format!("{}\n{}\n", names.join(","), cells.join(",")).into()
}

/// A log of everything above 10 ms beside the counters of the same hour: 100 calls, of which 4 were logged.
#[test]
fn with_a_log_of_the_interval_the_percentiles_above_its_threshold_are_exact() {
    let fast: Vec<f64> = (0..96).map(|n| 1.0 + f64::from(n) / 100.0).collect();
    let slow = [10.5, 20.25, 30.0, 40.0];
    let before = row(1, &[1.0, 50.0]);
    let after = row(1, &[vec![1.0, 50.0], fast, slow.to_vec()].concat());
    let [a, b] = [file("a.snap", facts(FIRST, 0, RESET), &[before]), file("b.snap", facts(SECOND, 0, RESET), &[after])];
    let mut log = String::new();
    let mut add =
        |time: &str, ms: f64| log.push_str(&format!("2026-11-23 {time} UTC [7] LOG:  duration: {ms:.3} ms  statement: SELECT c1 FROM t\n"));
    // The first and the last ended outside the hour.
    add("09:59:59.000", 11.0);
    slow.iter().enumerate().for_each(|(at, ms)| add(&format!("10:{}0:00.000", at + 1), *ms));
    add("11:00:00.500", 12.0);
    let facts = read(vec![a, b, Input::Memory("pg.log".to_owned(), log.into())]);
    let one = facts.only();
    assert_eq!(one.calls(), 100);
    // The 97th to 100th are the four that were logged; the 95th is one of the others.
    assert_eq!((one.number("p99_us"), one.number("p999_us"), one.number("max_us")), (30_000, 40_000, 40_000));
    assert!(one.is_unknown("p50_us") && one.is_unknown("p95_us"));
    assert_eq!((one.value("bounds")["p99_us"].clone(), one.value("latency").clone()), (json!([30_000, 30_000]), json!("moments")));
    assert!(facts.warns("log-joined-with-counters"));
}

#[test]
fn rounded_exports_lose_the_variance_and_keep_their_bounds_true() {
    let before: Vec<f64> = (0..1_000).map(|n| 10.0 + f64::from(n % 7) * 0.01).collect();
    let after = [before.clone(), vec![10.01, 10.02, 10.04, 10.02, 10.03]].concat();
    let rounded = |durations: &[f64]| {
        let mut row = row(1, durations);
        for key in ["total_exec_time", "mean_exec_time", "stddev_exec_time", "min_exec_time", "max_exec_time"] {
            row[key] = json!((row[key].as_f64().expect("a number") * 100.0).round() / 100.0);
        }
        row
    };
    let facts = interval(&[rounded(&before)], &[rounded(&after)]);
    assert!(facts.warns("variance-not-recoverable") && facts.only().is_unknown("stddev_us"));
    let bounds = &facts.only().value("bounds")["p50_us"];
    assert!(bounds[0].as_u64() <= Some(10_020) && Some(10_020) <= bounds[1].as_u64(), "{bounds}");
}

/// `pg_stat_monitor`: bucket 0 is below 1 ms, bucket n up to 1 + e^(n · ln(99 999) / 20) ms, which is 2.78 ms for the first and
/// 6.62 ms for the third; limits are cut to whole milliseconds.
#[test]
fn buckets_of_pg_stat_monitor_narrow_the_bounds() {
    let durations = [vec![1.5; 94], vec![5.0; 6]].concat();
    let mut buckets = [0; 22];
    (buckets[1], buckets[3]) = (94, 6);
    let facts = read(vec![file("a", facts(FIRST, 0, RESET), &[with(row(1, &durations), "resp_calls", json!(buckets))])]);
    let bounds = facts.only().value("bounds");
    let within =
        |key: &str, low: u64, high: u64| low <= bounds[key][0].as_u64().expect("known") && bounds[key][1].as_u64().expect("known") <= high;
    assert!(within("p50_us", 1_000, 3_000) && within("p95_us", 4_000, 7_000), "{bounds}");
    // Of another number of buckets nobody knows the limits.
    let facts = read(vec![file("a", self::facts(FIRST, 0, RESET), &[with(row(1, &durations), "resp_calls", json!([94, 6]))])]);
    assert!(facts.only().value("bounds")["p95_us"][0].as_u64() < Some(4_000));
}

#[test]
fn what_counters_cannot_tell_is_null() {
    let facts = read(vec![file("a", facts(FIRST, 0, RESET), &[row(1, &[1.5])])]);
    for key in ["errors", "sessions", "parse_us", "bind_us", "execute_us", "lock_wait_us", "first_seen", "last_seen"] {
        assert!(facts.only().is_unknown(key), "{key}");
    }
    assert!(facts.json()["events"].is_null() && facts.json()["totals"]["errors"].is_null());
}

/// Of one server an entry began anew (2 ms of which the base is not known), of the other it counted on (6 ms).
#[test]
fn what_servers_together_cover_is_the_sum_and_not_the_last_of_them() {
    let on = |system: &str, moment: &str, durations: &[f64]| {
        file(&format!("{system}{moment}"), with(facts(moment, 0, RESET), "system_identifier", system), &[row(1, durations)])
    };
    let inputs = vec![
        on("7001", FIRST, &[1.5, 2.5, 4.125]),
        on("7001", SECOND, &[2.0]),
        on("7002", FIRST, &[1.5]),
        on("7002", SECOND, &[1.5, 2.5, 3.5]),
    ];
    let mixed = crate::harness::read(inputs, &Settings { mixed: true, ..Settings::default() });
    let coverage = &mixed.json()["coverage"];
    assert_eq!((coverage["lost"].as_u64(), coverage["known_share"].as_f64()), (Some(1), Some(6.0 / 8.0)));
    assert_eq!(coverage["entries"], json!({"continuous": 1, "restarted": 1}));
}

#[test]
fn counters_that_a_time_cannot_cut_are_said_to_be_whole() {
    let inputs = || vec![file("a", facts(FIRST, 0, RESET), &[row(1, &[1.5])]), file("b", facts(SECOND, 0, RESET), &[row(1, &[1.5, 2.5])])];
    let mut settings = Settings::default();
    assert!(!crate::harness::read(inputs(), &settings).warns("counters-not-cut-by-time"));
    settings.rules.filter.since = Some(laggard::units::Timestamp(1_795_429_800_000_000));
    let facts = crate::harness::read(inputs(), &settings);
    assert!(facts.warns("counters-not-cut-by-time") && facts.calls() == 1);
}

/// A log of the whole hour beside its counters. One statement was logged under two aliases, which are one to the server: its
/// five calls are in the counters' row and count once. Of another the log has every call, and more time than the counters,
/// which do not count parsing: the row and the sums take the log's.
#[test]
fn what_the_log_spells_otherwise_counts_once() {
    let logged = |minute: u32, ms: u32, sql: &str| {
        format!("2026-11-23 10:{minute:02}:00.000 UTC [7] app@shop/web LOG:  duration: {ms}.000 ms  statement: {sql}\n")
    };
    let mut log = logged(0, 1, "SELECT 1");
    (0..3).for_each(|n| log += &logged(10 + n, 10, "SELECT c1 FROM t"));
    (0..2).for_each(|n| log += &logged(20 + n, 10, "SELECT a.c1 FROM t a"));
    (0..4).for_each(|n| log += &logged(30 + n, 30, "SELECT c2 FROM t"));
    log += &logged(59, 1, "SELECT 1").replace("59:00", "59:50");
    let one = |n: i64, durations: &[f64]| with(row(n, durations), "query", format!("SELECT c{n} FROM t"));
    let after = [one(1, &[10.0; 5]), one(2, &[20.0; 4]), with(one(3, &[1.0; 2]), "query", "SELECT $1")];
    let header = |taken: &str| with(facts(taken, 0, RESET), "extension_version", "1.10");
    let snapshots = || [file("a.snap", header(FIRST), &[]), file("b.snap", header(SECOND), &after)];
    let both = |lost: u64| {
        let [before, mut behind] = snapshots();
        if lost > 0 {
            behind = file("b.snap", with(header(SECOND), "dealloc", lost), &after);
        }
        read(vec![before, behind, Input::Memory("pg.log".to_owned(), log.clone().into_bytes())])
    };
    let facts = both(0);
    assert_eq!(facts.calls(), 5 + 4 + 2);
    // 5 × 10 ms, 4 × 30 ms as the log has it, 2 × 1 ms.
    assert_eq!(facts.document["totals"]["total_us"], 172_000);
    let of = |text: &str| (facts.statement(text).number("calls"), facts.statement(text).number("total_us"));
    assert_eq!((of("select c1 from t"), of("select a.c1 from t a"), of("select c2 from t")), ((5, 50_000), (2, 20_000), (4, 120_000)));
    let warnings = facts.document["warnings"].to_string();
    assert!(warnings.contains("the counters seem to have 1 statement of the log (2 calls) under another spelling"), "{warnings}");
    // Where the server dropped entries it may be one of those.
    assert_eq!(both(1).calls(), 5 + 4 + 2 + 2);
}
