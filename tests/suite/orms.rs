//! What the logs of real ORMs look like: the last section of logs.md, as far as it is about reading and counting.
//! Points 11, 15 and 16 are about snapshots and comparisons.

use crate::harness::{at, distinct, failed, line, report, report_with, stderr, timed};
use laggard::workload::Key;

const SQL: &str = "SELECT a FROM t WHERE id = $1";
const TEXT: &str = "select a from t where id = $1";

/// A call of [`SQL`] in the extended protocol: 100 + 300 + 600 µs.
fn call(pid: u32, name: &str) -> String {
    timed(pid, 100, &format!("parse {name}"), SQL) + &bound(pid, name)
}

/// The same of a statement that was prepared before: 300 + 600 µs.
fn bound(pid: u32, name: &str) -> String {
    timed(pid, 300, &format!("bind {name}"), SQL)
        + &line(pid, "DETAIL:  parameters: $1 = '7'")
        + &timed(pid, 600, &format!("execute {name}"), SQL)
        + &line(pid, "DETAIL:  parameters: $1 = '7'")
}

/// logs.md, ORM logs, point 1
#[test]
fn three_lines_are_one_call_whose_latency_is_their_sum() {
    let facts = report(call(7, "<unnamed>").repeat(5));
    let only = facts.only();
    assert_eq!((only.text(), only.calls(), only.total_us(), only.steps()), (TEXT, 5, 5_000, [500, 1_500, 3_000]));
    assert_eq!((only.number("p50_us"), only.number("max_us"), facts.calls()), (1_000, 1_000, 5));
}

/// logs.md, ORM logs, point 1
#[test]
fn a_named_statement_is_parsed_once() {
    let facts = report(call(7, "_pg3_0") + &bound(7, "_pg3_0").repeat(3));
    let only = facts.only();
    assert_eq!((only.calls(), only.steps(), only.number("min_us"), only.number("max_us")), (4, [100, 1_200, 2_400], 900, 1_000));
}

/// logs.md, ORM logs, point 1. A driver may prepare and bind what it never executes.
#[test]
fn a_statement_that_is_only_parsed_is_no_call() {
    let facts = report(timed(7, 5_000, "parse s1", "SELECT b FROM t") + &call(7, "<unnamed>"));
    assert_eq!((facts.calls(), facts.total_us(), facts.statement(TEXT).steps()), (1, 1_000, [100, 300, 600]));
}

fn plan(pid: u32, micros: u64, sql: &str) -> String {
    line(
        pid,
        &format!(
            "LOG:  duration: {}.{:03} ms  plan:\n\tQuery Text: {sql}\n\tSeq Scan on t  (cost=0.00..8.17 rows=1 width=4)",
            micros / 1_000,
            micros % 1_000
        ),
    )
}

/// logs.md, ORM logs, point 2
#[test]
fn a_plan_counts_in_neither_protocol() {
    let literal = SQL.replace("$1", "7");
    let simple = plan(7, 1_900, &literal) + &timed(7, 2_000, "statement", &literal);
    let extended = call(7, "s") + &timed(7, 10, "statement", "COMMIT") + &plan(7, 550, SQL);
    let facts = report(simple + &extended);
    let select = facts.statement(TEXT);
    assert_eq!((select.calls(), select.total_us(), facts.calls(), facts.statements().len()), (2, 3_000, 3, 2));
}

/// logs.md, ORM logs, point 2. The plan is logged when the portal closes, under the id of the statement that closes it.
#[test]
fn the_query_id_of_a_plan_is_not_its_statements() {
    let with = |id: i64, text: &str| text.replace("app@shop/web LOG", &format!("app@shop/web {id} LOG"));
    let log = [
        with(111, &timed(7, 300, "bind s", SQL)),
        with(111, &timed(7, 600, "execute s", SQL)),
        with(222, &plan(7, 550, SQL)),
        with(222, &timed(7, 700, "statement", "SELECT b FROM t")),
    ];
    let facts = report_with(log.concat(), &stderr("%m [%p] %q%u@%d/%a %Q "));
    assert_eq!(facts.statement(TEXT).strings("query_ids"), ["111"]);
    assert_eq!(facts.statement("select b from t").strings("query_ids"), ["222"]);
}

/// logs.md, ORM logs, point 3
#[test]
fn a_query_id_is_an_alias_and_no_identity() {
    let with = |id: i64, sql: &str| timed(7, 1_000, "statement", sql).replace("app@shop/web LOG", &format!("app@shop/web {id} LOG"));
    let log = [
        with(5, "SELECT id FROM users WHERE id > 1"),
        with(5, "SELECT u.id AS x FROM users u WHERE u.id > 1"),
        with(6, "SELECT a FROM t WHERE id IN (1, 2)"),
        with(7, "SELECT a FROM t WHERE id IN (1, 2, 3)"),
        with(0, "COMMIT"),
    ];
    let facts = report_with(log.concat(), &stderr("%m [%p] %q%u@%d/%a %Q "));
    assert_eq!(facts.statements().len(), 4, "{:?}", facts.texts());
    assert_eq!(facts.statement("select id from users where id > $1").strings("query_ids"), ["5"]);
    assert_eq!(facts.statement("select a from t where id in ($1 /*, ... */)").strings("query_ids"), ["6", "7"]);
    assert_eq!(facts.statement("commit").strings("query_ids"), [] as [&str; 0]);
}

/// logs.md, ORM logs, point 4. Both connections call their statement `a5`, and their lines interleave.
#[test]
fn names_mean_something_on_their_connection_only() {
    let log = [
        timed(1, 100, "parse a5", "SELECT a FROM t"),
        timed(2, 1_000, "parse a5", "SELECT b FROM t"),
        timed(1, 200, "bind a5", "SELECT a FROM t"),
        timed(2, 2_000, "bind a5", "SELECT b FROM t"),
        timed(2, 4_000, "execute a5", "SELECT b FROM t"),
        timed(1, 400, "execute a5", "SELECT a FROM t"),
    ];
    let facts = report(log.concat());
    assert_eq!(facts.statement("select a from t").steps(), [100, 200, 400]);
    assert_eq!(facts.statement("select b from t").steps(), [1_000, 2_000, 4_000]);
}

/// logs.md, ORM logs, point 4. The same statement on two connections: neither takes the other's parsing.
#[test]
fn parsing_belongs_to_its_connection() {
    let log = [
        timed(1, 100, "parse a5", SQL),
        timed(2, 1_000, "parse a5", SQL),
        timed(2, 2_000, "execute a5", SQL),
        timed(1, 200, "execute a5", SQL),
    ];
    let facts = report(log.concat());
    assert_eq!((facts.only().number("min_us"), facts.only().number("max_us"), facts.only().number("sessions")), (300, 3_000, 2));
}

/// logs.md, ORM logs, point 4. pgjdbc and psycopg 3 change to a name after five uses; asyncpg's names never repeat.
#[test]
fn a_statement_is_the_same_under_every_name() {
    let log = ["<unnamed>", "S_2", "_pg3_3", "__asyncpg_stmt_a__", "__asyncpg_stmt_b__", "a5"].map(|name| call(7, name));
    assert_eq!((report(log.concat()).only().calls()), 6);
}

/// logs.md, ORM logs, point 4
#[test]
fn fetches_add_time_and_no_calls() {
    let execute = |micros, what: &str| timed(7, micros, what, SQL);
    let log = [
        execute(100, "parse <unnamed>"),
        execute(300, "bind <unnamed>/C_1"),
        execute(600, "execute <unnamed>/C_1"),
        execute(50, "execute fetch from <unnamed>/C_1"),
        timed(7, 5_000, "statement", "SELECT b FROM t"),
        execute(70, "execute fetch from <unnamed>/C_1"),
        timed(7, 10, "statement", "COMMIT"),
    ];
    let facts = report(log.concat());
    let only = facts.statement(TEXT);
    assert_eq!((only.calls(), only.total_us(), only.steps()), (1, 1_120, [100, 300, 720]));
    assert_eq!((facts.calls(), facts.total_us(), only.number("max_us")), (3, 6_130, 1_120));
}

/// logs.md, ORM logs, point 4. Two portals of one statement, fetched from in turn, and a portal name used again.
#[test]
fn portals_are_told_apart() {
    let log = [
        timed(7, 1_000, "execute S_1/C_1", SQL),
        timed(7, 2_000, "execute S_1/C_2", SQL),
        timed(7, 10, "execute fetch from S_1/C_1", SQL),
        timed(7, 20, "execute fetch from S_1/C_2", SQL),
        timed(7, 10, "execute fetch from S_1/C_1", SQL),
        timed(7, 4_000, "execute S_1/C_1", SQL),
    ];
    let facts = report(log.concat());
    let only = facts.only();
    assert_eq!((only.calls(), only.total_us(), only.number("min_us"), only.number("max_us")), (3, 7_040, 1_020, 4_000));
    assert_eq!(only.number("p50_us"), 2_020);
}

/// logs.md, ORM logs, point 5
#[test]
fn literals_and_parameters_are_one_statement() {
    let log = call(7, "<unnamed>")
        + &timed(7, 2_000, "statement", "SELECT a FROM t WHERE id = 17")
        + &timed(7, 2_000, "statement", "SELECT \"a\" FROM \"t\" WHERE \"id\" = '17'");
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.calls(), facts.total_us()), (TEXT, 3, 5_000));
}

/// logs.md, ORM logs, point 5. As `log_statement` tells it: EXECUTE is one call, and what it executes is in its DETAIL.
#[test]
fn an_announced_execute_is_one_call() {
    let log = [
        line(7, "LOG:  statement: EXECUTE pick(4)"),
        line(7, "DETAIL:  prepare: PREPARE pick AS SELECT label FROM tags WHERE id = $1"),
        line(7, "LOG:  duration: 0.253 ms"),
    ];
    let facts = report(log.concat());
    assert_eq!((facts.only().text(), facts.only().calls(), facts.total_us()), ("execute $1 ($2)", 1, 253));
}

/// logs.md, ORM logs, point 6. A text per batch length is one statement.
#[test]
fn batches_of_any_length_are_one_statement() {
    let alchemy = |rows: u32| {
        let rows: Vec<String> = (0..rows).map(|n| format!("(${}::INTEGER, ${}::VARCHAR, {n})", 2 * n + 1, 2 * n + 2)).collect();
        format!(
            "INSERT INTO t (a, b) SELECT p0, p1 FROM (VALUES {}) AS imp_sen(p0, p1, sen_counter) ORDER BY sen_counter RETURNING t.id",
            rows.join(", ")
        )
    };
    assert_eq!(distinct([alchemy(1), alchemy(2), alchemy(7)]), 1);
    let django = "INSERT INTO t (a, b) SELECT * FROM UNNEST((%s)::integer[], (%s)::varchar[])";
    assert_eq!(distinct(["'{1,2}'", "'{1,2,3}'", "$1"].map(|list| django.replace("%s", list))), 1);
}

/// logs.md, ORM logs, point 7. ActiveRecord's `annotate`, with an id per request that makes every text another.
#[test]
fn comments_before_limit_split_nothing_and_are_tags() {
    let sql = |request: u32| format!("SELECT a FROM t WHERE id = $1 /*application='Shop',request_id='r{request}'*/ LIMIT $2");
    let log: String = (0..5).map(|n| timed(7, 1_000, &format!("execute a{n}"), &sql(n))).collect();
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.calls()), ("select a from t where id = $1 limit $2", 5));
    assert_eq!(facts.only().tags().iter().filter(|(key, _)| *key == "application").collect::<Vec<_>>(), [&("application", "Shop")]);
    assert_eq!(facts.only().tags().iter().filter(|(key, _)| *key == "request_id").count(), 5);
}

/// logs.md, ORM logs, point 8. Behind PgBouncer one server process serves one application after the other.
#[test]
fn one_process_may_serve_many_applications() {
    let of = |application: &str, text: &str| text.replace("shop/web", &format!("shop/{application}"));
    let log = [
        of("web", &timed(7, 10, "statement", "SET application_name = 'web'")),
        of("web", &timed(7, 1_000, "statement", "SELECT a FROM t WHERE id = 1")),
        of("mailer", &timed(7, 10, "statement", "SET application_name = 'mailer'")),
        of("mailer", &timed(7, 2_000, "statement", "SELECT a FROM t WHERE id = 2")),
        of("mailer", &timed(7, 2_000, "statement", "SELECT a FROM t WHERE id = 3")),
    ];
    let facts = report(log.concat());
    let select = facts.statement(TEXT);
    assert_eq!((select.calls(), select.shares("applications"), select.number("sessions")), (3, vec![("mailer", 2), ("web", 1)], 1));
    let others: Vec<u64> = facts.statements().iter().filter(|s| s.text() != TEXT).map(|s| s.calls()).collect();
    assert_eq!(others, [2], "{:?}", facts.texts());
}

/// logs.md, ORM logs, point 9
#[test]
fn a_failed_statement_is_an_error_and_no_call() {
    let facts = report(timed(7, 1_000, "statement", "SELECT 1 / 2") + &failed(7, "division by zero", "SELECT 1 / 0").repeat(2));
    let only = facts.only();
    assert_eq!((only.calls(), only.errors(), only.total_us(), only.number("p99_us"), facts.errors()), (1, 2, 1_000, 1_000, 2));
}

/// logs.md, ORM logs, point 9. What was parsed and bound for a call that failed is not the time of the next.
#[test]
fn the_parsing_of_a_failed_call_is_not_the_next_ones() {
    let log = timed(7, 5_000, "parse s", SQL) + &timed(7, 7_000, "bind s", SQL) + &failed(7, "division by zero", SQL) + &bound(7, "s");
    let facts = report(log);
    let only = facts.only();
    assert_eq!((only.calls(), only.errors(), only.total_us()), (1, 1, 900));
}

/// logs.md, ORM logs, point 10. Two workers end with their leader: one statement was cancelled, and no connection was lost.
#[test]
fn the_workers_of_a_cancelled_statement_are_no_further_failures() {
    let sql = "SELECT count(*) FROM comments a, comments b WHERE a.body < b.body";
    let at = |pid: u32, text: &str| format!("2026-11-23 05:33:42.642 UTC [{pid}] {text}\n");
    let worker = |pid| {
        at(pid, "FATAL:  terminating background worker \"parallel worker\" due to administrator command")
            + &at(pid, &format!("STATEMENT:  {sql}"))
    };
    let log = [
        failed(7, "canceling statement due to statement timeout", sql),
        worker(20_679),
        worker(20_680),
        at(1, "LOG:  background worker \"parallel worker\" (PID 20679) exited with exit code 1"),
        at(1, "LOG:  background worker \"parallel worker\" (PID 20680) exited with exit code 1"),
        timed(7, 95, "statement", "RESET statement_timeout"),
    ];
    let facts = report(log.concat());
    let only = facts.statement("select count(*) from comments a, comments b where a.body < b.body");
    assert_eq!((only.errors(), only.calls()), (1, 0));
    assert_eq!((facts.event("cancelled"), facts.event("disconnections"), facts.calls()), (1, 0, 1));
}

/// logs.md, ORM logs, point 12. With `%t` all children of a loop have one time; order and durations are left.
#[test]
fn calls_of_one_second_are_as_many_calls() {
    let log: String = (1..=25).map(|n| format!("2026-11-23 05:33:39 UTC [7]: user=app,db=shop,app=web,client=::1 LOG:  duration: 0.{n:03} ms  statement: SELECT a FROM t WHERE id = {n}\n")).collect();
    let facts = report(log);
    let only = facts.only();
    // 1 + 2 + … + 25 = 325; ⌈0.5 · 25⌉ = 13; ⌈0.9 · 25⌉ = 23; ⌈0.95 · 25⌉ = 24.
    assert_eq!((only.calls(), only.total_us(), only.number("p50_us"), only.number("p90_us"), only.number("p95_us")), (25, 325, 13, 23, 24));
    assert_eq!(only.seen(), [at("2026-11-23T05:33:39Z"); 2]);
}

/// logs.md, ORM logs, point 12. Between sessions time steps back by a few milliseconds.
#[test]
fn small_steps_back_in_time_are_no_newest_first() {
    let at_ms = |pid: u32, ms: u32, text: &str| format!("2026-11-23 05:33:39.{ms:03} UTC [{pid}] app@shop/web LOG:  {text}\n");
    let log: String = (0..40)
        .map(|n| {
            at_ms(1, 100 + 10 * n, "duration: 0.100 ms  parse s: SELECT a FROM t")
                + &at_ms(2, 94 + 10 * n, "duration: 1.000 ms  statement: SELECT b FROM t")
                + &at_ms(1, 96 + 10 * n, "duration: 0.400 ms  execute s: SELECT a FROM t")
        })
        .collect();
    let facts = report(log);
    assert!(!facts.warns("newest-first"));
    assert_eq!(facts.statement("select a from t").steps(), [4_000, 0, 16_000]);
    assert_eq!(facts.window(), [at("2026-11-23T05:33:39.094Z"), at("2026-11-23T05:33:39.490Z")]);
}

/// logs.md, ORM logs, point 13
#[test]
fn fake_log_lines_behind_a_tab_are_text() {
    let sql = "INSERT INTO digests (payload) VALUES ('\n2026-01-01 00:00:00.001 UTC [1] postgres@x/y ERROR:  deadlock detected\n\n\tDETAIL:  not real\n2026-01-01 00:00:00.001 UTC [7] app@shop/web LOG:  duration: 99.000 ms  statement: SELECT 1')";
    let facts = report(timed(7, 1_000, "statement", sql).repeat(2));
    assert_eq!((facts.only().text(), facts.calls(), facts.total_us()), ("insert into digests(payload) values ($1)", 2, 2_000));
    assert_eq!((facts.errors(), facts.event("deadlocks"), facts.skipped()), (0, 0, 0));
    assert_eq!(facts.window(), [at("2026-11-23T05:33:39.504Z"); 2]);
}

/// logs.md, ORM logs, point 13
#[test]
fn unknown_is_nobodys_name() {
    let log = "2026-11-23 05:33:39.504 UTC [7] [unknown]@[unknown]/[unknown] LOG:  connection received: host=127.0.0.1 port=44836\n"
        .to_owned()
        + &timed(7, 1_000, "statement", "SELECT a FROM t WHERE id = 1").replace("shop/web", "shop/[unknown]")
        + &timed(7, 1_000, "statement", "SELECT a FROM t WHERE id = 2");
    let mut settings = stderr(crate::harness::PREFIX);
    settings.rules.by = Some(Key::Application);
    let facts = report_with(log, &settings);
    assert_eq!(
        (facts.only().calls(), facts.only().shares("applications"), facts.only().shares("users")),
        (2, vec![("web", 1)], vec![("app", 2)])
    );
    assert_eq!((facts.groups(), facts.event("connections")), (vec![(None, 1), (Some("web"), 1)], 1));
}

/// A call, a deadlock and an error at each `log_error_verbosity`.
fn at_verbosity(verbosity: &str) -> String {
    let sql = "UPDATE accounts SET plan = 'team' WHERE id = 22";
    let state = |state: &str| if verbosity == "verbose" { format!("{state}: ") } else { String::new() };
    let detail = |text: &str| if verbosity == "terse" { String::new() } else { line(7, &format!("DETAIL:  {text}")) };
    let location = |text: &str| if verbosity == "verbose" { line(7, &format!("LOCATION:  {text}")) } else { String::new() };
    [
        line(7, &format!("LOG:  {}duration: 0.600 ms  execute s: {SQL}", state("00000"))),
        detail("parameters: $1 = '7'"),
        location("exec_execute_message, postgres.c:2323"),
        line(7, &format!("ERROR:  {}deadlock detected", state("40P01"))),
        detail("Process 7 waits for ShareLock on transaction 1023; blocked by process 8.\n\tProcess 7: SELECT 1\n\tProcess 8: SELECT 2"),
        if verbosity == "terse" { String::new() } else { line(7, "HINT:  See server log for query details.") },
        location("DeadLockReport, deadlock.c:1148"),
        line(7, &format!("STATEMENT:  {sql}")),
    ]
    .concat()
}

/// logs.md, ORM logs, point 14
#[test]
fn verbose_and_terse_logs_say_the_same() {
    for verbosity in ["default", "verbose", "terse"] {
        let facts = report(at_verbosity(verbosity).repeat(2));
        assert_eq!(
            (facts.statement(TEXT).calls(), facts.total_us(), facts.event("deadlocks"), facts.errors()),
            (2, 1_200, 2, 2),
            "{verbosity}"
        );
        assert_eq!(facts.statement("update accounts set plan = $1 where id = $2").errors(), 2, "{verbosity}");
        assert_eq!(facts.statements().len(), 2, "{verbosity}: {:?}", facts.texts());
    }
}
