//! What `auto_explain` says of calls that the log does not time. Plans beside durations are in `pitfalls`.

use laggard::Settings;
use laggard::workload::{Key, Rules};

use crate::harness::{Facts, at, line, report, report_with, settings, timed};

const A: &str = "SELECT a FROM t WHERE id = 7";
const B: &str = "SELECT b FROM u";

/// What `log_statement` writes of a statement of the simple protocol.
fn announced(pid: u32, sql: &str) -> String {
    line(pid, &format!("LOG:  statement: {sql}"))
}

fn plan(pid: u32, millis: u64, sql: &str) -> String {
    line(pid, &format!("LOG:  duration: {millis}.000 ms  plan:\n\tQuery Text: {sql}\n\tSeq Scan on t  (cost=0.00..8.17 rows=1 width=4)"))
}

/// Calls, total and p50 of the statement [`A`].
fn of_a(facts: &Facts) -> (u64, Option<u64>, Option<u64>) {
    let a = facts.statement("select a from t where id = $1");
    (a.calls(), a.0["total_us"].as_u64(), a.0["p50_us"].as_u64())
}

#[test]
fn calls_known_by_their_plans_alone_have_a_time_a_session_and_names() {
    let later = plan(8, 3, A).replace("05:33:39", "05:33:41").replace("app@shop/web", "eve@crm/cron");
    let log = plan(7, 1, A) + &plan(7, 2, A) + &later;
    let by_user = Settings { rules: Rules { by: Some(Key::User), ..Rules::default() }, ..settings() };
    let facts = report_with(log, &by_user);
    let a = facts.only();
    assert_eq!((a.calls(), a.total_us(), a.steps(), a.number("sessions")), (3, 6_000, [0, 0, 6_000], 2));
    assert_eq!(a.seen(), [at("2026-11-23T05:33:39.504Z"), at("2026-11-23T05:33:41.504Z")]);
    assert_eq!(a.shares("users"), [("app", 2), ("eve", 1)]);
    assert_eq!((a.shares("databases"), a.shares("applications")), (vec![("crm", 1), ("shop", 2)], vec![("cron", 1), ("web", 2)]));
    assert_eq!(facts.groups(), [(Some("app"), 2), (Some("eve"), 1)]);
    assert_eq!(facts.document["groups"][0]["total_us"], 3_000);
    assert_eq!((facts.document["inputs"][0]["events"].as_u64(), facts.warns("calls-without-duration")), (Some(3), false));
}

#[test]
fn tags_of_calls_known_by_their_plans_are_shares_and_groups() {
    let log = plan(7, 1, "SELECT 1 /* route:'home' */") + &plan(7, 2, "SELECT 2 /* route:'cart' */");
    let by_route = Settings { rules: Rules { by: Some(Key::Tag("route".to_owned())), ..Rules::default() }, ..settings() };
    let facts = report_with(log, &by_route);
    assert_eq!(facts.only().tags(), [("route", "cart"), ("route", "home")]);
    assert_eq!(facts.groups(), [(Some("cart"), 1), (Some("home"), 1)]);
}

/// `log_statement = all`: the plan is the duration of the call that it belongs to, and the others have none.
#[test]
fn a_plan_times_the_call_that_was_announced() {
    let by_user = Settings { rules: Rules { by: Some(Key::User), ..Rules::default() }, ..settings() };
    let facts = report_with(announced(7, A) + &announced(7, A) + &plan(7, 150, A) + &announced(7, "COMMIT"), &by_user);
    assert_eq!((facts.calls(), of_a(&facts)), (3, (2, Some(150_000), Some(150_000))));
    let a = facts.statement("select a from t where id = $1");
    assert_eq!((a.steps(), a.shares("users"), a.number("sessions")), ([0, 0, 150_000], vec![("app", 2)], 1));
    assert_eq!((facts.groups(), facts.document["groups"][0]["total_us"].as_u64()), (vec![(Some("app"), 3)], Some(150_000)));
    let texts: Vec<&str> = facts.document["warnings"].as_array().expect("a list").iter().filter_map(|w| w["text"].as_str()).collect();
    assert!(texts.iter().any(|text| text.starts_with("2 of 3 calls have no duration")), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("durations of 1 of 3 calls come from auto_explain plans")), "{texts:?}");
}

/// A portal may be closed when the next statement has begun, and its plan comes then.
#[test]
fn a_plan_that_comes_late_is_matched_by_its_text() {
    let execute = |name: &str, sql: &str| line(7, &format!("LOG:  execute {name}: {sql}"));
    let by_user = Settings { rules: Rules { by: Some(Key::User), ..Rules::default() }, ..settings() };
    let facts = report_with(execute("s/C_1", A) + &execute("<unnamed>", B) + &plan(7, 900, A) + &execute("<unnamed>", B), &by_user);
    assert_eq!((facts.calls(), of_a(&facts)), (3, (1, Some(900_000), Some(900_000))));
    assert!(facts.statement("select b from u").is_unknown("total_us"));
    assert_eq!(facts.document["groups"][0]["total_us"], 900_000);
    let users = &facts.statement("select a from t where id = $1").0["users"];
    assert_eq!((users[0]["calls"].as_u64(), users[0]["total_us"].as_u64()), (Some(1), Some(900_000)));
}

/// A plan of another session, or of a statement within a function, is no duration and no call.
#[test]
fn a_plan_without_its_call_is_none_where_all_calls_are_announced() {
    let facts = report(announced(7, A) + &plan(8, 150, A) + &plan(7, 160, B) + &announced(7, "COMMIT"));
    assert_eq!((facts.calls(), facts.total_us(), of_a(&facts)), (2, 0, (1, None, None)));
    assert!(!facts.warns("durations-from-plans"));
}

/// What the server timed itself is better than the plan, wherever that stands, and the plan is no other call's.
#[test]
fn a_duration_is_preferred_to_a_plan() {
    let duration = line(7, "LOG:  duration: 150.000 ms");
    for slow in [announced(7, A) + &plan(7, 149, A) + &duration, announced(7, A) + &duration + &plan(7, 149, A)] {
        let facts = report(announced(7, A) + &slow + &announced(7, "COMMIT"));
        assert_eq!((facts.calls(), of_a(&facts)), (3, (2, Some(150_000), Some(150_000))));
        assert!(!facts.warns("durations-from-plans"));
    }
}

/// A string of two statements is one call in the log and two plans, each with the whole string.
#[test]
fn plans_of_one_string_are_one_call() {
    let both = "UPDATE t SET a = 1; UPDATE t SET b = 2";
    let facts = report(announced(7, both) + &plan(7, 20, both) + &plan(7, 30, both) + &announced(7, "COMMIT"));
    let update = facts.statement("update t set a = $1; update t set b = $2");
    assert_eq!((facts.calls(), update.calls(), update.total_us()), (2, 1, 50_000));
}

/// The plan of EXECUTE has the text of PREPARE.
#[test]
fn the_plan_of_execute_is_not_that_of_prepare() {
    let prepare = "PREPARE pick(integer) AS SELECT a FROM t WHERE id = $1";
    let execute = announced(7, "EXECUTE pick(4)") + &line(7, &format!("DETAIL:  prepare: {prepare}"));
    let facts = report(announced(7, prepare) + &execute + &plan(7, 20, prepare) + &announced(7, "COMMIT"));
    assert_eq!((facts.calls(), facts.statement("execute $1 ($2)").total_us()), (3, 20_000));
    assert!(facts.statement("prepare $1 (integer) as select a from t where id = $2").is_unknown("total_us"));
}

/// `log_statement = ddl` announces no queries, so their plans are all that is known of them; `mod` announces the changes, and a
/// plan of one without its call is that of a trigger.
#[test]
fn plans_are_calls_where_such_calls_are_not_announced() {
    let ddl = "CREATE TABLE t (id integer)";
    let facts = report(announced(7, ddl) + &plan(7, 150, A) + &plan(7, 30, "UPDATE t SET a = 1"));
    assert_eq!((facts.calls(), facts.total_us(), of_a(&facts)), (3, 180_000, (1, Some(150_000), Some(150_000))));

    let insert = "INSERT INTO t VALUES (1)";
    let by_user = Settings { rules: Rules { by: Some(Key::User), ..Rules::default() }, ..settings() };
    let facts = report_with(announced(7, insert) + &plan(7, 150, A) + &plan(7, 30, "UPDATE t SET a = 1") + &plan(7, 40, insert), &by_user);
    assert_eq!((facts.calls(), facts.total_us(), of_a(&facts)), (2, 190_000, (1, Some(150_000), Some(150_000))));
    assert_eq!((facts.groups(), facts.document["groups"][0]["total_us"].as_u64()), (vec![(Some("app"), 2)], Some(190_000)));
}

/// Durations in the log say that all slow calls are timed, so that a plan alone is of a statement within a function.
#[test]
fn a_plan_without_its_call_is_none_where_calls_are_timed() {
    let facts = report(timed(7, 2_000, "statement", B) + &plan(7, 150, A));
    assert_eq!((facts.calls(), facts.total_us()), (1, 2_000));
}
