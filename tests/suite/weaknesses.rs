//! What pgBadger still gets wrong: N1 to N20 of logs.md §2, and the list "Beyond its ChangeLog" below §6.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use flate2::{Compression, write::GzEncoder};
use laggard::Input;
use serde_json::Value;

use crate::harness::{
    at, csv_row, distinct, duration, failed, files, json_line, line, read, report, report_with, settings, stderr, timed, under,
};

const SQL: &str = "SELECT a FROM t WHERE id = 7";
const TEXT: &str = "select a from t where id = $1";
const CALL: &str = "LOG:  duration: 1.500 ms  statement: SELECT a FROM t WHERE id = 7";

/// logs.md §2, N1
#[test]
fn commas_quotes_and_markers_in_values_split_nothing_and_leak_nothing() {
    let log: String = (0..50)
        .map(|n| {
            timed(7, 1_000, "execute s", "INSERT INTO m (id, body) VALUES ($1, $2)")
                + &line(7, &format!("DETAIL:  parameters: $1 = '{n}', $2 = 'dear user{n}, it''s $3 = ''x'', \"so\"'"))
        })
        .collect();
    let facts = report(log);
    assert_eq!((facts.only().calls(), facts.calls()), (50, 50));
    assert!(!facts.only().text().contains("user"), "{}", facts.only().text());
}

/// logs.md §2, N2
#[test]
fn a_backslash_is_a_letter_in_a_standard_string() {
    let log: String = (0..8)
        .map(|n| timed(7, 1_000, "statement", &format!(r"SELECT a FROM f WHERE p = 'C:\tmp\' AND q = 'secret{n}' AND r = '\\{n}\'")))
        .collect();
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.calls()), ("select a from f where p = $1 and q = $2 and r = $3", 8));
}

/// logs.md §2, N3
#[test]
fn an_execution_without_its_parameters_is_the_same_statement() {
    let execute = timed(7, 1_000, "execute s", "SELECT a FROM t WHERE b = $1 AND price > $2");
    let facts = report(format!("{execute}{execute}{}", line(7, "DETAIL:  parameters: $1 = 'x', $2 = '3'")));
    assert_eq!((facts.only().text(), facts.calls()), ("select a from t where b = $1 and price > $2", 2));
}

/// logs.md §2, N4
#[test]
fn fifteen_spellings_of_a_value_are_one_statement() {
    let values = ["1", "1.5", ".5", "1.", "1e3", "1.5E-3", "0x1F", "0o17", "0b101", "1_000", "+1", "-1", "true", "NULL", "'x'"];
    assert_eq!(distinct(values.map(|value| format!("SELECT a FROM t WHERE b = {value} AND c = 1"))), 1);
}

/// logs.md §2, N5
#[test]
fn lists_are_one_whatever_is_in_them() {
    let lists = [
        "1",
        "1, 2, 3",
        "1.5, 2.5",
        "'a', 'b'",
        "1::int, 2::int",
        "NULL, 1",
        "true, false",
        "cast($1 as date), cast($2 as date)",
        "$1, $2, $3",
        "-1, +2",
    ];
    assert_eq!(distinct(lists.map(|list| format!("SELECT a FROM t WHERE b IN ({list})"))), 1);
    assert_eq!(distinct(["1", "1, 2, 3", "$1, $2"].map(|list| format!("SELECT a FROM t WHERE b = ANY(ARRAY[{list}])"))), 1);
    let rows = ["(1, 'a')", "(1, 'a'), (2, 'b')", "($1, $2), ($3, $4), ($5, $6)"];
    assert_eq!(distinct(rows.map(|rows| format!("INSERT INTO t (a, b) VALUES {rows}"))), 1);
}

/// logs.md §2, N6
#[test]
fn white_space_around_operators_does_not_count() {
    assert_eq!(
        distinct([
            "SELECT a FROM t WHERE b=1 AND c<>2",
            "SELECT a FROM t WHERE b = 1 AND c <> 2",
            "SELECT  a\nFROM t\tWHERE b= 1 AND c <>2"
        ]),
        1
    );
}

/// logs.md §2, N7
#[test]
fn dollar_quotes_and_comments_are_understood() {
    assert_eq!(
        distinct([
            "SELECT f($tag$ secret 'words' $$ $tag$) FROM t",
            "SELECT f('x') FROM t",
            "SELECT f('x') FROM t -- req=42",
            "SELECT f('x') /* a /* nested */ still a comment */ FROM t",
            "SELECT f('it has /* in it') FROM t",
        ]),
        1
    );
    assert_eq!(distinct(["SELECT a FROM t WHERE x = '/*' AND y = 1", "SELECT a FROM t WHERE x = '/*' AND z = '*/'"]), 2);
}

/// logs.md §2, N8
#[test]
fn notices_and_debug_lines_belong_to_no_statement() {
    let call = timed(7, 1_500, "statement", SQL);
    let log: String = [
        "NOTICE:  table \"x\" does not exist, skipping",
        "DEBUG:  rehashing catalog cache",
        "DEBUG5:  bind",
        "INFO:  vacuuming \"public.t\"",
        "WARNING:  page is not marked all-visible",
    ]
    .iter()
    .map(|quiet| call.clone() + &line(7, quiet))
    .collect();
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.calls(), facts.errors(), facts.skipped()), (TEXT, 5, 0, 0));
}

/// logs.md §2, N9
#[test]
fn the_query_line_of_a_function_is_no_part_of_the_error() {
    let error = |n: u32| {
        [
            line(7, "ERROR:  division by zero"),
            line(7, &format!("QUERY:  SELECT {n}/0")),
            line(7, "CONTEXT:  PL/pgSQL function f(integer) line 3 at PERFORM\n\tSQL statement \"SELECT f()\""),
            line(7, &format!("STATEMENT:  SELECT f({n})")),
        ]
        .concat()
    };
    let facts = report(error(1) + &error(2));
    assert_eq!(facts.error_kinds(), [(None, "ERROR", "division by zero", 2)]);
    assert_eq!((facts.only().text(), facts.only().errors()), ("select f($1)", 2));
}

/// logs.md §2, N10
#[test]
fn severities_inside_a_statement_are_text() {
    let log = [
        timed(7, 1_000, "statement", "SELECT 'INFO: started'"),
        timed(7, 1_000, "statement", "SELECT 'LOG:  duration: 5.000 ms  statement: SELECT 2'"),
        timed(7, 1_000, "statement", "SELECT '\nINFO: x\nLOG:  y\nERROR:  z\n'"),
        timed(7, 1_000, "statement", "SELECT 'WARNING:  STATEMENT:  a'"),
    ];
    let facts = report(log.concat());
    assert_eq!((facts.only().text(), facts.calls(), facts.total_us(), facts.errors(), facts.skipped()), ("select $1", 4, 4_000, 0, 0));
}

/// logs.md §2, N11
#[test]
fn interleaved_sessions_of_syslog_keep_their_lines() {
    let syslog = |pid: u32, counter: &str, text: &str| format!("Feb  5 10:35:11 db postgres[{pid}]: [{counter}] {text}\n");
    let log = [
        syslog(1, "3-1", "LOG:  duration: 1.000 ms  statement: SELECT a,"),
        syslog(2, "8-1", "LOG:  duration: 2.000 ms  statement: SELECT x,"),
        syslog(1, "3-2", "#011b"),
        syslog(2, "8-2", "#011y"),
        syslog(3, "1", "LOG:  duration: 4.000 ms  statement: SELECT q FROM r"),
        syslog(2, "8-3", "#011FROM z"),
        syslog(1, "3-3", "#011FROM c"),
        syslog(2, "9", "LOG:  duration: 8.000 ms  statement: SELECT x, y FROM z"),
    ];
    let facts = report(log.concat());
    assert_eq!(facts.skipped(), 0);
    for (text, calls, micros) in [("select a, b from c", 1, 1_000), ("select x, y from z", 2, 10_000), ("select q from r", 1, 4_000)] {
        assert_eq!((facts.statement(text).calls(), facts.statement(text).total_us()), (calls, micros), "{text}");
    }
}

/// logs.md §2, N11. Without the collector the lines of a record may have others between them.
#[test]
fn interleaved_sessions_of_stderr_keep_their_details() {
    let log = [
        line(1, "ERROR:  division by zero"),
        timed(2, 1_500, "execute s", "SELECT a FROM t WHERE id = $1"),
        line(1, "STATEMENT:  SELECT 1 / 0"),
        line(2, "DETAIL:  parameters: $1 = '7'"),
        timed(1, 1_500, "statement", SQL),
        timed(2, 1_500, "statement", SQL),
    ];
    let facts = report(log.concat());
    assert_eq!((facts.statement(TEXT).calls(), facts.statement(TEXT).total_us(), facts.calls()), (3, 4_500, 3));
    assert_eq!((facts.statement("select $1 / $2").errors(), facts.errors()), (1, 1));
}

/// logs.md §2, N12
#[test]
fn a_quote_and_a_brace_end_no_message() {
    let facts = report(json_line("LOG", r#"duration: 1.500 ms  statement: insert into e(p) values ('{"k":"v1"}'), ('","')"#, Value::Null));
    assert_eq!((facts.only().text(), facts.total_us()), ("insert into e(p) values ($1)", 1_500));
}

/// logs.md §2, N13
#[test]
fn one_statement_has_one_id_in_every_format() {
    let sql = "SELECT a -- note 1\nFROM t /* x */\nWHERE b = 'it''s'\n\nAND c = \"D\"";
    let raw = format!("duration: 1.500 ms  statement: {sql}");
    let stderr = timed(7, 1_500, "statement", sql);
    let csv = csv_row(26, "LOG", "00000", &raw, "", "");
    let json = json_line("LOG", &raw, Value::Null);
    let parts: Vec<&str> = sql.split('\n').collect();
    let syslog: String = parts
        .iter()
        .enumerate()
        .map(|(n, part)| {
            let text = if n == 0 { format!("LOG:  duration: 1.500 ms  statement: {part}") } else { format!("#011{part}") };
            format!("Feb  5 10:35:11 db postgres[7]: [3-{}] {text}\n", n + 1)
        })
        .collect();
    let ids: Vec<String> = [stderr, csv, json, syslog].iter().map(|log| report(log).only().id().to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

/// logs.md §2, N14. Calls of one and the same duration are as many calls.
#[test]
fn equal_durations_do_not_replace_each_other() {
    let facts = report((1..=3).map(|n| timed(7, 1_500, "statement", &format!("SELECT a FROM t WHERE id = {n}"))).collect::<String>());
    assert_eq!(
        (facts.only().calls(), facts.total_us(), facts.only().number("p50_us"), facts.only().number("min_us")),
        (3, 4_500, 1_500, 1_500)
    );
}

/// logs.md §2, N15
#[test]
fn log_statement_and_log_duration_make_one_call_of_two_lines() {
    let log = [
        line(7, "LOG:  statement: SELECT a FROM t WHERE id = 7"),
        line(7, "LOG:  duration: 1.500 ms"),
        line(7, "LOG:  statement: SELECT a FROM t WHERE id = 8"),
        line(7, "LOG:  duration: 1.500 ms"),
    ];
    let facts = report(log.concat());
    assert_eq!((facts.only().text(), facts.calls(), facts.total_us()), (TEXT, 2, 3_000));
    assert!(!facts.warns("calls-without-duration"));
}

/// logs.md §2, N15. Where no duration follows, the statement is a call all the same, of unknown length.
#[test]
fn log_statement_alone_makes_calls_without_a_duration() {
    let facts = report(line(7, "LOG:  statement: SELECT a FROM t WHERE id = 7").repeat(3));
    assert_eq!((facts.only().calls(), facts.calls(), facts.total_us()), (3, 3, 0));
    assert_eq!(facts.document["totals"]["latency"], "none");
    assert_eq!(facts.document["totals"]["p95_us"], Value::Null);
    assert!(facts.warns("calls-without-duration"));
}

/// logs.md §2, N16
#[test]
fn parameters_of_postgresql_16_split_nothing() {
    let execute = timed(7, 1_000, "execute s", "SELECT a FROM t WHERE a = $1 AND b = $2");
    let log = ["parameters", "Parameters"].map(|word| execute.clone() + &line(7, &format!("DETAIL:  {word}: $1 = '1', $2 = 'x'")));
    let facts = report(log.concat());
    assert_eq!((facts.only().text(), facts.calls()), ("select a from t where a = $1 and b = $2", 2));
}

/// logs.md §2, N17. A statement is one in every database and for every user, who share it.
#[test]
fn a_statement_is_shared_by_databases_and_users() {
    let log = [("bob", "shop"), ("bob", "crm"), ("eve", "shop")]
        .map(|(user, database)| timed(7, 1_500, "statement", SQL).replace("app@shop", &format!("{user}@{database}")));
    let facts = report(log.concat());
    assert_eq!(
        (facts.only().calls(), facts.only().shares("users"), facts.only().shares("databases")),
        (3, vec![("bob", 2), ("eve", 1)], vec![("crm", 1), ("shop", 2)])
    );
}

/// logs.md §2, N17 and normalisation.md §5: partitions stay apart, since no rule can know what a digit means.
#[test]
fn partitions_stay_apart() {
    assert_eq!(distinct(["SELECT a FROM part_2024_01", "SELECT a FROM part_2024_02"]), 2);
}

/// logs.md §2, N18
#[test]
fn csv_rows_of_too_few_columns_are_counted_and_of_more_are_read() {
    let call = format!("duration: 1.500 ms  statement: {SQL}");
    let row = |columns| csv_row(columns, "LOG", "00000", &call, "", "");
    let wider = row(26).replace("84\n", "84,new\n");
    let facts = report([row(26), row(21), wider, row(26)].concat());
    assert_eq!((facts.only().text(), facts.calls(), facts.skipped()), (TEXT, 3, 1));
}

/// logs.md §2, N19. On the night when clocks go back, 02:30 comes twice: first as CEST, then as CET, an hour later.
#[test]
fn the_hour_that_comes_twice_is_two_hours() {
    let log = ["02:30:00 CEST", "02:30:00 CET"].map(|time| format!("2026-10-25 {time} [7] app@shop/web {CALL}\n"));
    let facts = report(log.concat());
    assert_eq!(facts.window(), [at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")]);
    assert_eq!(facts.only().seen(), facts.window());
}

/// logs.md §2, N20
#[test]
fn long_statements_are_not_cut_before_they_are_normalised() {
    let long = |n: usize| format!("SELECT a FROM t WHERE id IN ({}) AND b = 'x'", vec!["123456"; n].join(", "));
    assert!(long(40_000).len() > 300_000);
    let facts = report(timed(7, 1_000, "statement", &long(40_000)) + &timed(7, 1_000, "statement", &long(1)));
    assert_eq!((facts.only().text(), facts.calls()), ("select a from t where id in ($1 /*, ... */) and b = $2", 2));
}

/// logs.md §6, beyond the ChangeLog: `%P` is the leader of a parallel worker, and nothing at all for others.
#[test]
fn the_parallel_leader_may_be_missing() {
    let log = format!("2026-11-23 05:33:39.504 UTC [7]  bob@shop {CALL}\n2026-11-23 05:33:39.504 UTC [8] 7 bob@shop {CALL}\n");
    let facts = report_with(log, &stderr("%m [%p] %P %u@%d "));
    assert_eq!((facts.only().calls(), facts.only().shares("users"), facts.only().number("sessions")), (2, vec![("bob", 2)], 2));
}

/// logs.md §6, beyond the ChangeLog: `%L` of PostgreSQL 18 is the server's own address.
#[test]
fn the_local_address_is_read() {
    let log =
        ["10.0.0.1", "[local]", "::1", "[none]"].map(|address| format!("2026-11-23 05:33:39.504 UTC [7] {address} bob@shop {CALL}\n"));
    let facts = report_with(log.concat(), &stderr("%m [%p] %L %u@%d "));
    assert_eq!((facts.only().calls(), facts.only().shares("users"), facts.skipped()), (4, vec![("bob", 4)], 0));
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn the_local_address_is_not_the_client() {
    let mut settings = stderr("%m [%p] %L %h %u@%d ");
    settings.rules.by = Some(laggard::workload::Key::Host);
    let facts = report_with(format!("2026-11-23 05:33:39.504 UTC [7] 10.0.0.1 192.168.7.7 bob@shop {CALL}\n").repeat(3), &settings);
    assert_eq!(facts.groups(), [(Some("192.168.7.7"), 3)]);
    let mut settings = stderr("%m [%p] %h %L %u@%d ");
    settings.rules.by = Some(laggard::workload::Key::Host);
    let facts = report_with(format!("2026-11-23 05:33:39.504 UTC [7] 192.168.7.7 10.0.0.1 bob@shop {CALL}\n").repeat(3), &settings);
    assert_eq!(facts.groups(), [(Some("192.168.7.7"), 3)]);
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn padding_is_no_part_of_a_name() {
    let line = |pid: &str, user: &str, database: &str| format!("2026-11-23 05:33:39.504 UTC [{pid}] {user}|{database} {CALL}\n");
    let log = [
        line("    7", "bob       ", "      shop"),
        line("12345", "a_very_long_user_name", "shop"),
        line("   88", "bob       ", "      shop"),
    ]
    .concat();
    let facts = under("%m [%5p] %-10u|%10d ", &log);
    assert_eq!((facts.only().calls(), facts.skipped()), (3, 0));
    assert_eq!(facts.only().shares("users"), [("a_very_long_user_name", 1), ("bob", 2)]);
    assert_eq!(facts.only().shares("databases"), [("shop", 3)]);
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn names_may_be_anything_that_postgresql_allows() {
    let names = ["svc+etl", "two words", "Zoë", "用户", "o'brien", "a=b", "100%"];
    let prefixes = [
        ("%m [%p] %q%u@%d/%a ", "2026-11-23 05:33:39.504 UTC [7] {u}@shop/web "),
        ("%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ", "2026-11-23 05:33:39 UTC [7]: [3-1] user={u},db=shop,app=web,client=10.0.0.1 "),
        ("%m [%p] %q[user=%u,db=%d,app=%a] ", "2026-11-23 05:33:39.504 UTC [7] [user={u},db=shop,app=web] "),
    ];
    for (prefix, head) in prefixes {
        let log: String = names.iter().map(|name| format!("{}{CALL}\n", head.replace("{u}", name))).collect();
        let facts = under(prefix, &log);
        let mut expected = names.map(|name| (name, 1));
        expected.sort_unstable();
        let only = facts.only();
        assert_eq!(
            (only.calls(), only.shares("databases"), only.shares("applications")),
            (7, vec![("shop", 7)], vec![("web", 7)]),
            "{prefix}"
        );
        assert_eq!(only.shares("users"), expected, "{prefix}");
    }
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn names_may_hold_an_at_sign() {
    let log = format!("2026-11-23 05:33:39 UTC [7]: [3-1] user=bob@server,db=a@b,app=x@y,client=10.0.0.1 {CALL}\n").repeat(3);
    let facts = under("%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ", &log);
    let only = facts.only();
    assert_eq!(
        [only.shares("users"), only.shares("databases"), only.shares("applications")],
        [[("bob@server", 3)], [("a@b", 3)], [("x@y", 3)]]
    );
    // Whose the second sign is under `%u@%d` nobody can know; the line must not be lost for it.
    let facts = under("%m [%p] %q%u@%d ", &format!("2026-11-23 05:33:39.504 UTC [7] bob@server@shop {CALL}\n").repeat(3));
    assert_eq!((facts.only().text(), facts.calls(), facts.skipped()), (TEXT, 3, 0));
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn text_that_is_no_log_is_an_error() {
    for text in
        ["hello\nworld\n", "2026-11-23 05:33:39 GET /index.html 200\n", "id,name\n1,x\n", "{\"level\":\"info\",\"msg\":\"x\"}\n", ""]
    {
        let facts = read(vec![Input::Memory("x.log".into(), text.repeat(50).into_bytes())], &settings());
        assert_eq!((facts.problems.len(), facts.calls()), (1, 0), "{text:?}: {:?}", facts.problems);
    }
}

fn laggard(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_laggard")).args(arguments).output().expect("runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// logs.md §6, beyond the ChangeLog. A prefix that no line has, a log without statements, and text that is no log.
#[test]
fn a_report_of_nothing_is_not_a_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let log = write("pg.log", &timed(7, 1_500, "statement", SQL).repeat(20));
    let idle = write("idle.log", &line(7, "LOG:  database system is ready to accept connections").repeat(20));
    let other = write("other.log", "hello\n");
    assert_eq!(laggard(&["report", &log]).0, Some(0));
    for arguments in [&["report", "--prefix", "%n <%p> ", log.as_str()][..], &["report", &idle], &["report", &other]] {
        let (code, message) = laggard(arguments);
        assert_eq!(code, Some(3), "{arguments:?}: {message}");
        assert!(!message.trim().is_empty(), "{arguments:?} is silent");
    }
}

/// logs.md §3, point 3. A user who says what the prefix is has said that it is a log of PostgreSQL.
#[test]
fn a_prefix_that_is_given_need_not_be_inferred() {
    let mut settings = settings();
    settings.source_options.prefix = Some("^%m|%p|+?$ ".to_owned());
    let facts = report_with(format!("^2026-11-23 05:33:39.504 UTC|7|+?$ {CALL}\n").repeat(3), &settings);
    assert_eq!((facts.only().text(), facts.calls()), (TEXT, 3));
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn an_archive_that_is_cut_is_an_error_and_what_came_before_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pg.log.gz");
    // Different numbers, so that deflate cannot shrink the log to nothing.
    let log: String =
        (0..20_000u64).map(|n| timed(7, n * 7_919 % 100_003, "statement", &format!("SELECT a FROM t WHERE id = {}", n * n))).collect();
    let mut archive = GzEncoder::new(Vec::new(), Compression::default());
    archive.write_all(log.as_bytes()).expect("packed");
    let packed = archive.finish().expect("packed");
    File::create(&path).and_then(|mut f| f.write_all(&packed[..packed.len() / 2])).expect("written");
    let facts = files(std::slice::from_ref(&path));
    assert!((5_000..15_000).contains(&facts.calls()), "{}", facts.calls());
    assert_eq!(facts.statement(TEXT).calls() + u64::from(facts.statements().len() > 1), facts.calls());
    assert!(facts.problems.len() == 1 && facts.problems[0].contains("gzip"), "{:?}", facts.problems);
    assert!(facts.warns("input-incomplete"));
    assert_eq!(laggard(&["report", &path.display().to_string()]).0, Some(2));
}

/// A session in order, each line a second later than the one before; the last three belong together.
fn session() -> Vec<String> {
    let texts = [
        duration(1_500, "statement", SQL),
        duration(100, "parse s", "SELECT b FROM t"),
        duration(200, "bind s", "SELECT b FROM t"),
        duration(700, "execute s", "SELECT b FROM t"),
        "statement: SELECT c FROM t".to_owned(),
        "duration: 4.000 ms".to_owned(),
        duration(1_500, "statement", SQL),
    ];
    let second = |n: usize| format!("2026-11-23 05:33:{:02}.000 UTC [7] app@shop/web", 10 + n);
    let mut lines: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("{} LOG:  {text}\n", second(n))).collect();
    lines.extend([format!("{} ERROR:  division by zero\n", second(7)), format!("{} STATEMENT:  SELECT 1 / 0\n", second(7))]);
    lines
}

/// logs.md §6, beyond the ChangeLog. Line by line, as `tac` and some consoles turn a log round.
#[test]
fn a_log_with_its_newest_line_first_says_the_same() {
    let lines = session();
    let forwards = report(lines.concat());
    let backwards = report(lines.iter().rev().map(String::as_str).collect::<String>());
    assert_eq!((forwards.calls(), forwards.total_us(), forwards.errors()), (4, 8_000, 1));
    assert_eq!(backwards.essence(), forwards.essence());
    assert_eq!(backwards.window(), forwards.window());
    assert!(backwards.warns("newest-first") && !forwards.warns("newest-first"));
    assert_eq!(backwards.statement("select $1 / $2").errors(), 1);
}

/// logs.md §6, beyond the ChangeLog. As consoles do it that keep a line and its continuation together.
#[test]
fn statements_of_several_lines_survive_a_log_with_its_newest_first() {
    let lines: Vec<String> = (0..9)
        .map(|n| {
            format!(
                "2026-11-23 05:33:3{n}.000 UTC [7] app@shop/web LOG:  duration: 1.500 ms  statement: SELECT a\n\tFROM t\n\tWHERE id = {n}\n"
            )
        })
        .collect();
    let facts = report(lines.iter().rev().map(String::as_str).collect::<String>());
    assert_eq!((facts.only().text(), facts.calls(), facts.skipped()), (TEXT, 9, 0));
    assert!(facts.warns("newest-first"));
}

/// logs.md §6, beyond the ChangeLog
#[test]
fn the_error_before_a_call_does_not_fail_it_when_the_newest_comes_first() {
    let [head, tail] = ["2026-11-23 05:33:3", ".000 UTC [7] app@shop/web "];
    let texts = [CALL, CALL, "ERROR:  division by zero", CALL, CALL, CALL];
    let lines: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("{head}{n}{tail}{text}\n")).collect();
    let facts = report(lines.iter().rev().map(String::as_str).collect::<String>());
    assert_eq!((facts.only().calls(), facts.only().errors(), facts.errors()), (5, 0, 1));
}

/// logs.md §2, N8 and N10: a failure keeps its statement when a notice stands between them in another session.
#[test]
fn a_notice_of_another_session_does_not_take_a_statement_away() {
    let error = failed(1, "division by zero", "SELECT 1 / 0");
    let cut = error.find("\n").expect("two lines") + 1;
    let log = [&error[..cut], &line(2, "NOTICE:  hello"), &line(2, "WARNING:  hello"), &error[cut..]].concat();
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.only().errors(), facts.errors()), ("select $1 / $2", 1, 1));
}
