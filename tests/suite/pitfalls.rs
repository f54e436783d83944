//! The forty pitfalls that fourteen years of pgBadger's ChangeLog teach, one test or more for each: logs.md §6.
//! Cloud wrappers (points 34 to 36 in part) have their own sources and tests.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, SystemTime};

use flate2::{Compression, write::GzEncoder};
use jiff::tz::TimeZone;
use laggard::units::Timestamp;
use laggard::workload::{Key, NameFilter};
use laggard::{Input, Settings};
use serde_json::{Value, json};

use crate::harness::{
    Facts, at, csv_row, distinct, failed, files, json_line, line, read, report, report_with, settings, stderr, timed, under,
};

const SQL: &str = "SELECT a FROM t WHERE id = 7";
const TEXT: &str = "select a from t where id = $1";
/// Severity and message of a call of [`SQL`] that took 1 500 µs.
const CALL: &str = "LOG:  duration: 1.500 ms  statement: SELECT a FROM t WHERE id = 7";

/// Asserts that a log is so many calls as [`CALL`] and nothing else.
#[track_caller]
fn assert_calls(facts: &Facts, calls: u64) {
    let only = facts.only();
    assert_eq!((only.text(), only.calls(), only.total_us(), facts.skipped()), (TEXT, calls, calls * 1_500, 0));
}

fn zone(name: &str) -> Settings {
    let mut settings = settings();
    settings.source_options.zone = TimeZone::get(name).expect("a zone");
    settings
}

/// A line whose time is `time`.
fn timed_line(time: &str) -> String {
    format!("{time} [7] {CALL}\n")
}

/// logs.md §6, point 1
#[test]
fn seconds_milliseconds_and_the_epoch_are_times() {
    for (prefix, time, moment) in [
        ("%t [%p] ", "2026-01-01 00:00:00 UTC", "2026-01-01T00:00:00Z"),
        ("%m [%p] ", "2026-01-01 00:00:00.172 UTC", "2026-01-01T00:00:00.172Z"),
        // 2026-01-01 is day 20 454 since 1970: 20 454 · 86 400 = 1 767 225 600.
        ("%n [%p] ", "1767225600.172", "2026-01-01T00:00:00.172Z"),
    ] {
        let facts = under(prefix, &timed_line(time).repeat(3));
        assert_calls(&facts, 3);
        assert_eq!(facts.window(), [at(moment); 2], "{prefix}");
    }
}

/// logs.md §6, point 2
#[test]
fn a_t_between_date_and_time_nanoseconds_and_a_zone_with_a_colon_are_read() {
    let facts = report(timed_line("2026-11-23T05:33:39.123456789+01:00").repeat(2));
    assert_calls(&facts, 2);
    assert_eq!(facts.window(), [at("2026-11-23T04:33:39.123456Z"); 2]);
}

/// logs.md §6, point 3
#[test]
fn zone_tokens_shift_the_time() {
    for (time, moment) in [
        ("2026-07-01 12:00:00 CEST", "2026-07-01T10:00:00Z"),
        ("2026-07-01 12:00:00 -03", "2026-07-01T15:00:00Z"),
        ("2026-07-01 12:00:00 +0530", "2026-07-01T06:30:00Z"),
        ("2026-07-01 12:00:00 EST", "2026-07-01T17:00:00Z"),
        ("2026-07-01 12:00:00.250 GMT", "2026-07-01T12:00:00.250Z"),
    ] {
        let facts = under("%m [%p] ", &timed_line(time).repeat(2));
        assert_calls(&facts, 2);
        assert_eq!(facts.window(), [at(moment); 2], "{time}");
    }
}

/// logs.md §6, point 3. What `log_timezone = 'Etc/GMT+3'` printed until tzdata 2016g: POSIX counts west of Greenwich, and so
/// does PostgreSQL when it reads `GMT+3`.
#[test]
fn gmt_plus_three_lies_west_of_greenwich() {
    let facts = report(timed_line("2026-07-01 12:00:00 GMT+3").repeat(2));
    assert_calls(&facts, 2);
    assert_eq!(facts.window(), [at("2026-07-01T15:00:00Z"); 2]);
}

/// logs.md §6, point 3
#[test]
fn a_log_of_windows_has_no_zone_and_takes_the_users() {
    let facts = report_with(timed_line("2026-07-01 12:00:00").repeat(2), &zone("America/Sao_Paulo"));
    assert_calls(&facts, 2);
    assert_eq!(facts.window(), [at("2026-07-01T15:00:00Z"); 2]);
}

/// logs.md §6, point 4
#[test]
fn half_hours_and_summer_time_are_in_the_offset_and_utc_is_not_shifted() {
    for (name, time, moment) in [
        ("Asia/Kolkata", "2026-07-01 12:00:00", "2026-07-01T06:30:00Z"),
        ("Asia/Kathmandu", "2026-07-01 12:00:00.000", "2026-07-01T06:15:00Z"),
        ("Europe/Paris", "2026-01-01 12:00:00", "2026-01-01T11:00:00Z"),
        ("Europe/Paris", "2026-07-01 12:00:00", "2026-07-01T10:00:00Z"),
        ("Europe/Paris", "2026-07-01 12:00:00 UTC", "2026-07-01T12:00:00Z"),
        ("Europe/Paris", "2026-07-01 12:00:00 +0545", "2026-07-01T06:15:00Z"),
    ] {
        let facts = report_with(timed_line(time).repeat(2), &zone(name));
        assert_eq!(facts.window(), [at(moment); 2], "{time} in {name}");
    }
}

/// logs.md §6, point 5
#[test]
fn syslog_of_last_december_is_of_last_year() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("syslog");
    fs::write(&path, format!("Dec 31 23:59:58 db postgres[7]: [1] {CALL}\nJan  1 00:00:02 db postgres[7]: [2] {CALL}\n")).expect("written");
    // 2026-01-02 00:00 UTC
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_312_000);
    File::options().append(true).open(&path).and_then(|f| f.set_modified(written)).expect("dated");
    let facts = files(&[path]);
    assert_calls(&facts, 2);
    assert_eq!(facts.window(), [at("2025-12-31T23:59:58Z"), at("2026-01-01T00:00:02Z")]);
}

fn before(moment: &str) -> Settings {
    let mut settings = settings();
    settings.source_options.reference = Timestamp(at(moment).as_microsecond());
    settings
}

/// logs.md §6, point 6
#[test]
fn syslog_pads_the_day_or_does_not() {
    for day in ["Feb  5", "Feb 5", "Feb 05"] {
        let facts = report_with(format!("{day} 10:35:11 db postgres[7]: [3] {CALL}\n").repeat(2), &before("2026-06-01T00:00:00Z"));
        assert_calls(&facts, 2);
        assert_eq!(facts.window()[0], at("2026-02-05T10:35:11Z"), "{day}");
    }
}

/// logs.md §6, point 7
#[test]
fn syslog_with_iso_headers_keeps_zone_and_fraction() {
    for (header, moment) in [
        ("2013-02-28T10:35:11-05:00", "2013-02-28T15:35:11Z"),
        ("2013-02-28T10:35:11.250-05:00", "2013-02-28T15:35:11.250Z"),
        ("2013-02-28T10:35:11.250123Z", "2013-02-28T10:35:11.250123Z"),
    ] {
        let facts = report(format!("{header} db postgres[7]: [3] {CALL}\n").repeat(2));
        assert_calls(&facts, 2);
        assert_eq!(facts.window()[0], at(moment));
    }
}

/// logs.md §6, point 8
#[test]
fn syslog_counters_are_whole_short_or_absent() {
    for counter in ["[3-1] ", "[3] ", ""] {
        assert_calls(&report(format!("Feb  5 10:35:11 db postgres[7]: {counter}{CALL}\n").repeat(2)), 2);
    }
}

/// logs.md §6, point 8. `write_syslog` numbers all lines of one report alike, DETAIL and STATEMENT among them: one record
/// number, further parts.
#[test]
fn syslog_details_and_statements_are_parts_of_their_record() {
    let head = "Feb  5 10:35:11 db postgres[7]:";
    let facts = report(format!(
        "{head} [3-1] app@shop LOG:  duration: 1.500 ms  execute <unnamed>: SELECT a FROM t WHERE id = $1\n\
         {head} [3-2] app@shop DETAIL:  parameters: $1 = 'x, y'\n\
         {head} [4-1] app@shop ERROR:  division by zero\n\
         {head} [4-2] app@shop STATEMENT:  SELECT 1 / 0\n\
         {head} [5-1] app@shop ERROR:  duplicate key value violates unique constraint \"t_pkey\"\n\
         {head} [5-2] app@shop DETAIL:  Key (id)=(1) already exists.\n\
         {head} [5-3] app@shop STATEMENT:  INSERT INTO t (id)\n\
         {head} [5-4] #011VALUES (1)\n"
    ));
    let call = facts.statement(TEXT);
    assert_eq!((call.calls(), call.total_us(), facts.errors()), (1, 1_500, 2));
    assert!(call.sample().contains("$1 = 'x, y'"), "{}", call.sample());
    assert_eq!(facts.statement("select $1 / $2").errors(), 1);
    assert_eq!(facts.statement("insert into t (id) values ($1)").errors(), 1);
    assert_eq!(facts.statements().len(), 3, "{:?}", facts.texts());
}

/// logs.md §6, point 8. Long lines are cut at 900 bytes, anywhere but in the middle of a character.
#[test]
fn syslog_parts_of_a_long_line_are_joined_without_a_gap() {
    let head = "Feb  5 10:35:11 db postgres[7]:";
    let log = format!("{head} [3-1] LOG:  duration: 1.500 ms  statement: SELECT a FROM t WHE\n{head} [3-2] RE id = 7\n");
    assert_calls(&report(log), 1);
}

/// logs.md §6, point 9
#[test]
fn syslog_tabs_are_unescaped_however_many() {
    let head = "Feb  5 10:35:11 db postgres[7]:";
    let log = format!(
        "{head} [3-1] LOG:  duration: 1.500 ms  statement: SELECT a\n{head} [3-2] #011#011FROM t\n{head} [3-3] #011WHERE#011#011#011id = 7\n"
    );
    assert_calls(&report(log), 1);
}

/// logs.md §6, point 10
#[test]
fn the_message_id_of_solaris_is_no_part_of_the_message() {
    assert_calls(&report(format!("Feb  5 10:35:11 db postgres[7]: [ID 748625 local2.info] [3] {CALL}\n").repeat(2)), 2);
}

/// logs.md §6, point 11
#[test]
fn a_time_of_the_prefix_inside_syslog_is_the_better_time() {
    let log = format!("Feb  5 10:35:11 db postgres[7]: [3-1] 2026-02-05 09:35:11.123 UTC [7] app@shop {CALL}\n").repeat(3);
    let facts = report(log);
    assert_calls(&facts, 3);
    assert_eq!(facts.window()[0], at("2026-02-05T09:35:11.123Z"));
    assert_eq!(facts.only().shares("users"), [("app", 3)]);
}

/// logs.md §6, point 12
#[test]
fn any_program_name_may_be_postgresql_and_the_others_are_left_alone() {
    for ident in ["postgres", "pg-main", "postgresql@15-main", "db/primary"] {
        let log = format!(
            "Feb  5 10:35:10 db CRON[55]: (root) CMD (run-parts LOG:  duration)\n\
             Feb  5 10:35:11 db {ident}[7]: [3-1] LOG:  duration: 1.500 ms  statement: SELECT a\n\
             Feb  5 10:35:11 db systemd[1]: Started Session 4 of user root.\n\
             Feb  5 10:35:11 db {ident}[7]: [3-2] #011FROM t WHERE id = 7\n\
             Feb  5 10:35:11 db kernel: [12.5] eth0: link up\n"
        );
        let facts = report(log);
        assert_eq!((facts.only().text(), facts.calls(), facts.total_us()), (TEXT, 1, 1_500), "{ident}");
        assert_eq!(facts.skipped(), 3, "{ident}");
    }
}

/// logs.md §6, point 13
#[test]
fn default_prefixes_of_postgresql_and_debian_are_inferred() {
    let facts = report(format!("2026-11-23 05:33:39.504 UTC [7] {CALL}\n").repeat(3));
    assert_calls(&facts, 3);
    let facts = under("%m [%p] %q%u@%d ", &format!("2026-11-23 05:33:39.504 UTC [7] bob@shop {CALL}\n").repeat(3));
    assert_calls(&facts, 3);
    assert_eq!((facts.only().shares("users"), facts.only().shares("databases")), (vec![("bob", 3)], vec![("shop", 3)]));
}

/// logs.md §6, point 14
#[test]
fn background_processes_stop_at_q() {
    let log = format!(
        "2026-11-23 05:33:38.000 UTC [1] LOG:  checkpoint complete: wrote 3 buffers (0.0%)\n\
         2026-11-23 05:33:39.000 UTC [7] bob@shop {CALL}\n\
         2026-11-23 05:33:40.000 UTC [1] LOG:  checkpoint starting: time\n"
    );
    let facts = under("%m [%p] %q%u@%d ", &log);
    assert_calls(&facts, 1);
    assert_eq!((facts.event("checkpoints"), facts.only().shares("users")), (1, vec![("bob", 1)]));
}

/// logs.md §6, point 15
#[test]
fn percent_signs_and_characters_of_regular_expressions_are_literal() {
    for (prefix, head) in [
        ("%m %% [%p] ", "2026-11-23 05:33:39.504 UTC % [7] "),
        ("%m %%%% [%p]%% ", "2026-11-23 05:33:39.504 UTC %% [7]% "),
        ("%m (%p) *.* ", "2026-11-23 05:33:39.504 UTC (7) *.* "),
        ("^%m|%p|+?$ ", "^2026-11-23 05:33:39.504 UTC|7|+?$ "),
        (r"%m \d{%p} ", r"2026-11-23 05:33:39.504 UTC \d{7} "),
    ] {
        assert_calls(&report_with(format!("{head}{CALL}\n").repeat(3), &stderr(prefix)), 3);
    }
}

/// logs.md §6, point 16
#[test]
fn a_prefix_glued_to_the_severity_is_read() {
    assert_calls(&under("%m [%p]", &format!("2026-11-23 05:33:39.504 UTC [7]{CALL}\n").repeat(3)), 3);
    assert_calls(&under("%t:%r:%u@%d:[%p]:", &format!("2026-11-23 05:33:39 UTC:[local]:bob@shop:[7]:{CALL}\n").repeat(3)), 3);
    // The setting has a blank at its end, the file has lost it.
    assert_calls(&report_with(format!("2026-11-23 05:33:39.504 UTC [7]{CALL}\n").repeat(3), &stderr("%m [%p] ")), 3);
}

/// logs.md §6, point 17. Were both sessions one, the first execution would take the parsing of both: 6 and 5 ms.
#[test]
fn the_session_id_tells_sessions_apart_without_a_pid() {
    let line = |session: &str, ms: u32, step: &str| {
        format!("2026-11-23 05:33:39 UTC-{session}-LOG:  duration: {ms}.000 ms  {step} <unnamed>: SELECT a FROM t\n")
    };
    let log = [
        line("6b03d11e.55ae", 1, "parse"),
        line("6b03d11e.55af", 2, "parse"),
        line("6b03d11e.55ae", 3, "execute"),
        line("6b03d11e.55af", 5, "execute"),
    ]
    .concat();
    let facts = under("%t-%c-", &log);
    let only = facts.only();
    assert_eq!((only.calls(), only.number("min_us"), only.number("max_us"), only.number("sessions")), (2, 4_000, 7_000, 2));
}

fn by(key: Key, mut settings: Settings) -> Settings {
    settings.rules.by = Some(key);
    settings
}

/// logs.md §6, point 18
#[test]
fn remote_hosts_come_with_ports_names_and_colons() {
    let prefix = "%m [%p] %r %u@%d ";
    let hosts = ["10.0.0.5(44836)", "[local]", "db-client.example.org(5000)", "2001:db8::7(41000)", "fe80::1%eth0(40001)"];
    let log: String = hosts.iter().map(|host| format!("2026-11-23 05:33:39.504 UTC [7] {host} bob@shop {CALL}\n")).collect();
    let expected = ["10.0.0.5", "2001:db8::7", "[local]", "db-client.example.org", "fe80::1%eth0"].map(|host| (Some(host), 1));
    for settings in [settings(), stderr(prefix)] {
        let facts = report_with(&log, &by(Key::Host, settings));
        assert_calls(&facts, 5);
        assert_eq!(facts.groups(), expected);
        assert_eq!(facts.only().shares("users"), [("bob", 5)]);
    }
}

/// logs.md §6, point 18
#[test]
fn command_tags_may_have_blanks() {
    let log: String = ["SELECT", "CREATE TABLE", "idle in transaction", ""]
        .iter()
        .map(|tag| format!("2026-11-23 05:33:39.504 UTC [7] bob@shop {tag} {CALL}\n"))
        .collect();
    let facts = report_with(log, &stderr("%m [%p] %u@%d %i "));
    assert_calls(&facts, 4);
    assert_eq!((facts.only().shares("users"), facts.only().shares("databases")), (vec![("bob", 4)], vec![("shop", 4)]));
}

/// logs.md §6, point 19
#[test]
fn names_may_hold_punctuation_blanks_and_markup() {
    let names = ["my-app", "my.app", "a:b", "psql (17) [x]", "a|b*c?", "<script>alert(1)</script>", "two words"];
    let log: String = names
        .iter()
        .map(|app| format!("2026-11-23 05:33:39 UTC [7]: user=u-1.x:y,db=my-db.prod,app={app},client=10.0.0.1 {CALL}\n"))
        .collect();
    let facts = under("%t [%p]: user=%u,db=%d,app=%a,client=%h ", &log);
    assert_calls(&facts, 7);
    let mut expected = names.map(|app| (app, 1));
    expected.sort_unstable();
    assert_eq!(facts.only().shares("applications"), expected);
    assert_eq!((facts.only().shares("users"), facts.only().shares("databases")), (vec![("u-1.x:y", 7)], vec![("my-db.prod", 7)]));
}

/// logs.md §6, point 20
#[test]
fn query_ids_may_be_negative() {
    let log = format!("2026-11-23 05:33:39.504 UTC [7] bob@shop -6430217349999 {CALL}\n").repeat(3);
    let facts = under("%m [%p] %u@%d %Q ", &log);
    assert_calls(&facts, 3);
    assert_eq!(facts.only().strings("query_ids"), ["-6430217349999"]);
}

/// logs.md §6, point 21
#[test]
fn verbose_lines_have_a_sqlstate_and_a_location() {
    let log = [
        line(7, "LOG:  00000: duration: 1.500 ms  statement: SELECT a FROM t WHERE id = 7"),
        line(7, "LOCATION:  exec_simple_query, postgres.c:1364"),
        line(7, "ERROR:  42P01: relation \"nope\" does not exist at character 15"),
        line(7, "LOCATION:  parserOpenTable, parse_relation.c:1392"),
        line(7, "STATEMENT:  SELECT * FROM nope"),
        line(7, "LOG:  00000: duration: 1.500 ms  statement: SELECT a FROM t WHERE id = 8"),
        line(7, "LOCATION:  exec_simple_query, postgres.c:1364"),
    ]
    .concat();
    let facts = report(log);
    assert_eq!((facts.statement(TEXT).calls(), facts.statement(TEXT).total_us()), (2, 3_000));
    assert_eq!(facts.statement("select * from nope").errors(), 1);
    assert_eq!(facts.error_kinds(), [(Some("42P01"), "ERROR", "relation \"nope\" does not exist", 1)]);
    assert_eq!(facts.statements().len(), 2, "{:?}", facts.texts());
}

/// logs.md §6, point 22
#[test]
fn names_of_prepared_statements_may_hold_colons_and_portals() {
    for name in ["py:0x7f8e1c", "a::b", "S_2/C_1", "py:0x7f/c:1", "<unnamed>/C_9", "a/b/C_1"] {
        let log = [
            timed(7, 200, &format!("parse {name}"), SQL),
            timed(7, 300, &format!("bind {name}"), SQL),
            timed(7, 1_000, &format!("execute {name}"), SQL),
        ];
        let facts = report(log.concat());
        assert_calls(&facts, 1);
        assert_eq!(facts.only().steps(), [200, 300, 1_000], "{name}");
    }
}

/// logs.md §6, point 23
#[test]
fn values_over_several_lines_stay_values() {
    let execute = timed(7, 1_500, "execute <unnamed>", "SELECT a FROM t WHERE id = $1");
    for (detail, kept) in [
        ("parameters: $1 = 'one\n\ttwo, $2 = ''three''\n\t\n\tfour', $2 = '7'", "$1 = 'one\ntwo, $2 = ''three''\n\nfour', $2 = '7'"),
        ("parameters: $1 = \n\t'alone'", "'alone'"),
    ] {
        let log = format!("{execute}{}{execute}", line(7, &format!("DETAIL:  {detail}")));
        let facts = report(log);
        assert_calls(&facts, 2);
        assert!(facts.only().sample().contains(kept), "{}", facts.only().sample());
    }
}

/// logs.md §6, point 24
#[test]
fn parameters_beyond_nine_are_no_parameter_one_with_a_digit() {
    let list = |value: fn(u32) -> String| (1..=19).map(|n| format!("c{n} = {}", value(n))).collect::<Vec<_>>().join(" AND ");
    let parameters = format!("SELECT a FROM t WHERE {}", list(|n| format!("${n}")));
    let facts = report(
        timed(7, 1_000, "execute <unnamed>", &parameters)
            + &timed(7, 1_000, "statement", &format!("SELECT a FROM t WHERE {}", list(|n| format!("'{n}'")))),
    );
    assert_eq!((facts.only().text(), facts.calls()), (parameters.to_lowercase().as_str(), 2));
}

/// logs.md §6, point 24
#[test]
fn thousands_of_parameters_cost_no_more_than_their_length() {
    let join = |of: &dyn Fn(u32) -> String| (1..=30_000).map(of).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT a FROM t WHERE id IN ({})", join(&|n| format!("${n}")));
    let detail = line(7, &format!("DETAIL:  parameters: {}", join(&|n| format!("${n} = '{n}'"))));
    let log = format!("{}{detail}", timed(7, 1_500, "execute <unnamed>", &sql)).repeat(5);
    let began = std::time::Instant::now();
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.calls()), ("select a from t where id in ($1 /*, ... */)", 5));
    // 30 000² would be a thousand million steps for each of five lines.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// logs.md §6, point 25
#[test]
fn parameters_are_read_whatever_their_first_letter() {
    for word in ["parameters", "Parameters"] {
        let log = timed(7, 1_500, "execute <unnamed>", "SELECT a FROM t WHERE id = $1") + &line(7, &format!("DETAIL:  {word}: $1 = '42'"));
        let facts = report(log);
        assert_calls(&facts, 1);
        assert!(facts.only().sample().contains("$1 = '42'"), "{word}: {}", facts.only().sample());
    }
}

/// logs.md §6, point 26
#[test]
fn parse_bind_and_execute_are_one_call_with_three_times() {
    let call = timed(7, 100, "parse <unnamed>", SQL) + &timed(7, 400, "bind <unnamed>", SQL) + &timed(7, 1_000, "execute <unnamed>", SQL);
    let facts = report(call.repeat(3));
    assert_calls(&facts, 3);
    assert_eq!(facts.only().steps(), [300, 1_200, 3_000]);
    assert_eq!((facts.only().number("min_us"), facts.only().number("max_us")), (1_500, 1_500));
}

/// logs.md §6, point 27. EXECUTE is a statement of its own, without the name; its DETAIL is no call and splits nothing.
#[test]
fn execute_is_one_statement_whatever_was_prepared() {
    let call = |micros, name: &str, prepared: &str| {
        timed(7, micros, "statement", &format!("EXECUTE {name}(4)")) + &line(7, &format!("DETAIL:  prepare: PREPARE {name} AS {prepared}"))
    };
    let log = [
        call(100, "pick", "SELECT label FROM tags WHERE id = $1"),
        call(200, "pick", "SELECT label FROM tags WHERE id = $1"),
        call(400, "drop_it", "DELETE FROM orders WHERE id = $1"),
    ]
    .concat();
    let facts = report(log);
    assert_eq!((facts.only().text(), facts.only().calls(), facts.total_us()), ("execute $1 ($2)", 3, 700));
}

/// logs.md §6, point 27
#[test]
fn deallocations_are_one_statement() {
    assert_eq!(distinct(["DEALLOCATE a", "DEALLOCATE \"pdo_stmt_00000001\"", "deallocate pdo_stmt_00000002"]), 1);
}

/// logs.md §6, point 28
#[test]
fn statements_and_durations_on_lines_of_their_own_are_paired_by_session() {
    let log = [
        line(1, "LOG:  statement: SELECT a FROM t"),
        line(2, "LOG:  statement: SELECT b FROM t"),
        line(3, "LOG:  duration: 9.000 ms  statement: SELECT c FROM t"),
        line(2, "LOG:  duration: 2.000 ms"),
        line(1, "LOG:  duration: 1.000 ms"),
    ]
    .concat();
    let facts = report(log);
    for (text, micros) in [("select a from t", 1_000), ("select b from t", 2_000), ("select c from t", 9_000)] {
        assert_eq!((facts.statement(text).calls(), facts.statement(text).total_us()), (1, micros), "{text}");
    }
    assert_eq!((facts.calls(), facts.total_us()), (3, 12_000));
}

/// logs.md §6, point 28. In the extended protocol parse and bind are durations without a text, before the `execute` line.
#[test]
fn bare_durations_before_an_execute_line_are_its_parse_and_bind() {
    let call = line(1, "LOG:  duration: 0.100 ms")
        + &line(1, "LOG:  duration: 0.200 ms")
        + &line(2, "LOG:  statement: BEGIN")
        + &line(1, "LOG:  execute <unnamed>: SELECT a FROM t WHERE id = $1")
        + &line(1, "DETAIL:  parameters: $1 = '7'")
        + &line(2, "LOG:  duration: 7.000 ms")
        + &line(1, "LOG:  duration: 0.700 ms");
    let facts = report(call.repeat(2));
    let select = facts.statement(TEXT);
    assert_eq!((select.calls(), select.total_us(), select.steps()), (2, 2_000, [200, 400, 1_400]));
    assert_eq!((facts.statement("begin").calls(), facts.statement("begin").total_us()), (2, 14_000));
}

/// logs.md §6, point 28. With `log_statement = mod` the INSERT is announced and done; the SELECT that fails is another.
#[test]
fn the_error_of_another_statement_does_not_undo_an_announced_one() {
    let facts = report(line(7, "LOG:  statement: INSERT INTO t VALUES (1)") + &failed(7, "division by zero", "SELECT 1 / 0"));
    assert_eq!((facts.statement("insert into t values ($1)").calls(), facts.calls()), (1, 1));
    assert_eq!(facts.statement("select $1 / $2").errors(), 1);
}

/// logs.md §6, point 28
#[test]
fn an_announced_statement_that_fails_is_no_call() {
    let facts = report(
        line(7, "LOG:  statement: SELECT 1 / 0") + &failed(7, "division by zero", "SELECT 1 / 0") + &timed(7, 1_500, "statement", SQL),
    );
    let division = facts.statement("select $1 / $2");
    assert_eq!((division.calls(), division.errors(), facts.calls()), (0, 1, 1));
}

/// logs.md §6, point 29
#[test]
fn one_blank_or_two_and_rows_and_sizes_may_follow_a_duration() {
    for middle in [" ", "  ", "  rows: 3 size: 120 bytes  ", " rows: 3 size: 120 bytes "] {
        let facts = report(line(7, &format!("LOG:  duration: 1.500 ms{middle}statement: {SQL}")).repeat(2));
        assert_calls(&facts, 2);
    }
}

/// logs.md §6, point 29
#[test]
fn rows_that_a_line_tells_are_summed() {
    let facts = report(line(7, &format!("LOG:  duration: 1.500 ms  rows: 3 size: 120 bytes  statement: {SQL}")).repeat(2));
    assert_eq!(facts.only().number("rows"), 6);
}

/// logs.md §6, point 30
#[test]
fn lines_of_a_session_that_is_filtered_away_stick_to_no_other() {
    let of = |user: &str, pid, text: &str| line(pid, text).replace("app@", &format!("{user}@"));
    let log = [
        of("bob", 1, "LOG:  duration: 1.500 ms  statement: SELECT a FROM t WHERE id = 7"),
        of("eve", 2, "LOG:  duration: 9.000 ms  statement: SELECT secret\n\tFROM\n\n\tvault"),
        of("eve", 2, "ERROR:  boom"),
        of("eve", 2, "DETAIL:  of eve\n\tand more"),
        of("eve", 2, "STATEMENT:  SELECT\n\tboom()"),
        of("bob", 1, "LOG:  duration: 1.500 ms  statement: SELECT a FROM t WHERE id = 8"),
    ]
    .concat();
    let mut settings = settings();
    settings.rules.filter.user = NameFilter { only: vec!["bob".to_owned()], not: Vec::new() };
    let facts = report_with(log, &settings);
    assert_calls(&facts, 2);
    assert_eq!(facts.errors(), 0);
}

/// logs.md §6, point 31. What `archive_command` and pg_ctl write to standard error stands in the log without a prefix.
#[test]
fn lines_of_other_programs_are_counted_and_stick_to_nothing() {
    let foreign = [
        "INFO: 2026/11/23 05:33:39.504000 FILE PATH: 000000010000000000000042.br\n",
        "waiting for server to start....\n",
        "2026-11-23 05:33:40.123 P00   INFO: archive-push command begin 2.48: [pg_wal/000000010000000000000043]\n",
        " done\n",
        "server started\n",
        "scp: /backup/000000010000000000000043: No space left on device\n",
    ];
    let call = timed(7, 1_500, "statement", SQL);
    let log: String = foreign.iter().map(|line| format!("{call}{line}{call}{call}")).collect();
    let facts = report(&log);
    let only = facts.only();
    assert_eq!((only.text(), only.calls(), only.total_us(), facts.skipped()), (TEXT, 18, 27_000, 6));
}

/// logs.md §6, point 31. The same in the middle of a statement of several lines.
#[test]
fn lines_of_other_programs_do_not_break_a_statement() {
    let call = timed(7, 1_500, "statement", "SELECT a\nFROM t\nWHERE id = 7");
    let log = call.replacen("\tFROM", "INFO: archived\n\tFROM", 1) + &call;
    let facts = report(&log);
    assert_eq!((facts.only().text(), facts.calls(), facts.skipped()), (TEXT, 2, 1));
}

/// logs.md §6, point 32
#[test]
fn crlf_files_say_the_same() {
    let log = [
        timed(7, 1_500, "statement", "SELECT a\nFROM t\n\nWHERE id = 7"),
        timed(7, 300, "parse <unnamed>", "SELECT b\nFROM t"),
        timed(7, 700, "execute <unnamed>", "SELECT b\nFROM t"),
        line(7, "DETAIL:  parameters: $1 = 'x'"),
        failed(7, "division by zero", "SELECT 1\n/ 0"),
        line(8, "LOG:  statement: SELECT c FROM t"),
        line(8, "LOG:  duration: 4.000 ms"),
    ]
    .concat();
    let plain = report(&log);
    let crlf = report(log.replace('\n', "\r\n"));
    assert_eq!((plain.calls(), plain.total_us(), plain.errors()), (3, 6_500, 1));
    assert_eq!(crlf.essence(), plain.essence());
    assert_eq!((crlf.skipped(), crlf.errors()), (0, 1));
}

/// logs.md §6, point 32
#[test]
fn carriage_returns_inside_statements_are_white_space() {
    assert_calls(&report(timed(7, 1_500, "statement", "SELECT a\r\nFROM t\rWHERE id = 7") + &timed(7, 1_500, "statement", SQL)), 2);
}

/// logs.md §6, point 32
#[test]
fn offsets_count_both_bytes_of_a_line_end() {
    let call = timed(7, 1_500, "statement", SQL).replace('\n', "\r\n");
    let facts = report(format!("{call}{call}no prefix\r\n{call}"));
    assert_eq!(facts.skipped_at(), [2 * call.len() as u64]);
}

fn csv_call(columns: usize) -> String {
    csv_row(columns, "LOG", "00000", &format!("duration: 1.500 ms  statement: {SQL}"), "", "")
}

/// logs.md §6, point 33
#[test]
fn csv_rows_may_hold_line_ends_and_quotes() {
    let row = csv_row(
        26,
        "LOG",
        "00000",
        "duration: 1.500 ms  statement: SELECT \"a\"\nFROM t\r\n\nWHERE id = 'x\",\n2026-11-23 05:37:42.768 UTC,\"b\"'",
        "",
        "",
    );
    let facts = report(row.repeat(3));
    assert_eq!(facts.format(), "pg-csvlog");
    assert_calls(&facts, 3);
}

/// logs.md §6, point 33
#[test]
fn csv_reading_resumes_behind_a_broken_row() {
    let row = csv_call(26);
    let stray = "2026-11-23 05:37:42.768 UTC,\"a\"b\",\"shop\",22000,LOG\n";
    let facts = report([&row, stray, &row, &row[..row.len() / 3], "\n", &row].concat());
    assert_eq!((facts.only().text(), facts.calls(), facts.skipped()), (TEXT, 3, 2));
}

/// logs.md §6, point 33. A row is cut within a quoted field, by a crash or a full disk, and the server goes on below it.
#[test]
fn csv_a_row_cut_inside_quotes_loses_no_other() {
    let row = csv_call(26);
    let cut = row.find("SELECT a FROM").expect("there");
    let facts = report([&row, &row[..cut], "\n", &row, &row].concat());
    assert_eq!((facts.calls(), facts.skipped()), (3, 1), "{:?}", facts.texts());
}

/// logs.md §6, point 33
#[test]
fn csv_of_every_server_version_is_read() {
    for columns in [22, 23, 24, 26] {
        let facts = report(csv_call(columns).repeat(2));
        assert_calls(&facts, 2);
        let named = if columns > 22 { vec![("web", 2)] } else { Vec::new() };
        assert_eq!(facts.only().shares("applications"), named);
        assert_eq!(facts.only().strings("query_ids"), if columns == 26 { vec!["84"] } else { Vec::new() });
    }
}

/// logs.md §6, point 33. No server writes another separator; a file that somebody converted is refused, not misread.
#[test]
fn csv_with_another_separator_is_no_empty_report() {
    let facts = read(vec![Input::Memory("pg.csv".into(), csv_call(26).replace(',', ";").repeat(3).into_bytes())], &settings());
    assert!(facts.calls() == 3 || !facts.problems.is_empty(), "{:?}", facts.document);
}

/// logs.md §6, point 33
#[test]
fn csv_rows_inherit_nothing_from_the_row_before() {
    let log = csv_call(26)
        + &csv_row(26, "ERROR", "42703", "column \"c\" does not exist", "", "SELECT c FROM t")
        + &csv_row(26, "LOG", "00000", "statement: SELECT b FROM t", "", "")
        + &csv_row(26, "LOG", "00000", "checkpoint complete: wrote 3 buffers", "", "");
    let facts = report(log);
    assert_eq!((facts.calls(), facts.total_us(), facts.errors()), (2, 1_500, 1));
    let b = facts.statement("select b from t");
    assert_eq!((b.calls(), b.is_unknown("total_us"), b.errors()), (1, true, 0));
    assert_eq!(facts.statement("select c from t").errors(), 1);
    assert_eq!(facts.statement(TEXT).errors(), 0);
}

/// logs.md §6, point 34
#[test]
fn json_is_json_even_with_a_prefix_inside() {
    let inner = format!("2026-11-23 05:33:39.504 UTC [7] app@shop LOG:  duration: 9.000 ms  statement: {SQL}");
    let log =
        json_line("LOG", &inner, Value::Null) + &json_line("LOG", &format!("duration: 1.500 ms  statement: {SQL}"), Value::Null).repeat(2);
    let facts = report(log);
    assert_eq!(facts.format(), "pg-jsonlog");
    assert_calls(&facts, 2);
}

/// logs.md §6, point 34
#[test]
fn json_keys_of_postgresql_15_are_read() {
    let parameters = json!({"detail": "parameters: $1 = '42'", "timestamp": "2026-11-23 05:37:43.000 UTC"});
    let error = json!({"state_code": "23505", "statement": "INSERT INTO t VALUES (1)", "detail": "Key (id)=(1) already exists.", "cursor_position": 3, "func_name": "_bt_check_unique", "file_name": "nbtinsert.c", "file_line_num": 664, "hint": "h", "context": "c", "internal_query": "q", "internal_position": 1, "leader_pid": 3});
    let log = json_line("LOG", "duration: 1.500 ms  execute <unnamed>: SELECT a FROM t WHERE id = $1", parameters)
        + &json_line("ERROR", "duplicate key value violates unique constraint \"t_pkey\"", error);
    let facts = report_with(log, &by(Key::Host, settings()));
    let call = facts.statement(TEXT);
    assert_eq!((call.calls(), call.total_us(), call.strings("query_ids")), (1, 1_500, vec!["-84"]));
    assert_eq!([call.shares("users"), call.shares("databases"), call.shares("applications")], [[("app", 1)], [("shop", 1)], [("web", 1)]]);
    assert!(call.sample().contains("$1 = '42'"), "{}", call.sample());
    assert_eq!(facts.groups(), [(Some("127.0.0.1"), 1)]);
    assert_eq!(facts.statement("insert into t values ($1)").errors(), 1);
    assert_eq!(facts.error_kinds(), [(Some("23505"), "ERROR", "duplicate key value violates unique constraint \"t_pkey\"", 1)]);
    assert_eq!(facts.window(), [at("2026-11-23T05:37:42.884Z"), at("2026-11-23T05:37:43Z")]);
}

/// logs.md §6, point 35
#[test]
fn rds_lines_of_background_processes_have_empty_names() {
    let log = format!(
        "2026-11-23 05:33:38 UTC::@:[21810]:LOG:  database system is ready to accept connections\n\
         2026-11-23 05:33:39 UTC:10.0.0.5(44836):bob@shop:[7]:{CALL}\n\
         2026-11-23 05:33:39 UTC::@:[21811]:LOG:  checkpoint complete: wrote 3 buffers\n\
         2026-11-23 05:33:39 UTC:[local]:bob@shop:[8]:{CALL}\n"
    );
    let facts = under("%t:%r:%u@%d:[%p]:", &log);
    assert_calls(&facts, 2);
    assert_eq!((facts.event("checkpoints"), facts.only().shares("users"), facts.only().number("sessions")), (1, vec![("bob", 2)], 2));
}

/// logs.md §6, point 36
#[test]
fn microseconds_of_a_time_are_kept() {
    let facts = report(timed_line("2026-11-23 05:33:39.123456 UTC").repeat(2));
    assert_calls(&facts, 2);
    assert_eq!(facts.window(), [at("2026-11-23T05:33:39.123456Z"); 2]);
}

fn plan(micros: u64, plan: &str) -> String {
    line(7, &format!("LOG:  duration: {}.{:03} ms  plan:\n\t{}", micros / 1_000, micros % 1_000, plan.replace('\n', "\n\t")))
}

/// What `auto_explain` logs of [`SQL`] in text format.
const PLAN: &str =
    "Query Text: SELECT a FROM t WHERE id = 7\nIndex Scan using t_pkey on t  (cost=0.15..8.17 rows=1 width=4)\n  Index Cond: (id = 7)";

/// logs.md §6, point 37, for each format of `auto_explain`.
macro_rules! plans {
    ($($format:ident: $plan:expr;)*) => {
        $(mod $format {
            use super::*;

            /// In the simple protocol the plan comes before the statement.
            #[test]
            fn a_plan_is_no_second_call() {
                assert_calls(&report((plan(1_400, $plan) + &timed(7, 1_500, "statement", SQL)).repeat(2)), 2);
            }

            /// In the extended protocol the plan comes after the execution.
            #[test]
            fn a_plan_behind_an_execution_is_no_second_call() {
                let call = timed(7, 200, "parse s", SQL) + &timed(7, 300, "bind s", SQL) + &timed(7, 1_000, "execute s", SQL) + &plan(900, $plan);
                assert_calls(&report(call.repeat(2)), 2);
            }

            /// Between `statement:` and its `duration:` the plan is not the duration.
            #[test]
            fn a_plan_is_not_the_duration_of_an_announced_statement() {
                let call = line(7, &format!("LOG:  statement: {SQL}")) + &plan(1_400, $plan) + &line(7, "LOG:  duration: 1.500 ms");
                assert_calls(&report(call.repeat(2)), 2);
            }

            #[test]
            fn a_plan_in_csv_or_json_is_no_second_call() {
                let message = format!("duration: 1.400 ms  plan:\n{}", $plan);
                let csv = csv_row(26, "LOG", "00000", &message, "", "") + &csv_call(26);
                assert_calls(&report(csv.repeat(2)), 2);
                let json = json_line("LOG", &message, Value::Null) + &json_line("LOG", &format!("duration: 1.500 ms  statement: {SQL}"), Value::Null);
                assert_calls(&report(json.repeat(2)), 2);
            }

            /// Where the log has no durations but those of plans, they stand for the calls.
            #[test]
            fn a_log_of_plans_alone_has_calls() {
                let facts = report(plan(1_500, $plan).repeat(2));
                assert_calls(&facts, 2);
                assert!(facts.warns("durations-from-plans"));
            }
        })*
    };
}

plans! {
    plan_as_text: PLAN;
    plan_as_json: "{\n  \"Query Text\": \"SELECT a FROM t WHERE id = 7\",\n  \"Plan\": {\n    \"Node Type\": \"Index Scan\",\n    \"Total Cost\": 8.17\n  }\n}";
    plan_as_yaml: "Query Text: \"SELECT a FROM t WHERE id = 7\"\nPlan: \n  Node Type: \"Index Scan\"\n  Total Cost: 8.17";
    plan_as_xml: "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query-Text>SELECT a FROM t WHERE id = 7</Query-Text>\n  <Plan>\n    <Node-Type>Index Scan</Node-Type>\n  </Plan>\n</explain>";
    plan_with_parameters: "Query Text: SELECT a FROM t WHERE id = $1\nQuery Parameters: $1 = '7'\nIndex Scan using t_pkey on t  (cost=0.15..8.17 rows=1 width=4)\n  Index Cond: (id = 7)";
}

const GIB: u64 = 1 << 30;

fn temp_file(number: u32, bytes: u64) -> String {
    line(7, &format!("LOG:  temporary file: path \"base/pgsql_tmp/pgsql_tmp7.{number}\", size {bytes}"))
}

const SORT: &str = "SELECT a FROM t ORDER BY b";

/// logs.md §6, point 38
#[test]
fn all_temporary_files_of_a_statement_are_its_own() {
    let statement = line(7, &format!("STATEMENT:  {SORT}"));
    for named in [true, false] {
        let files: String =
            [(0, GIB), (1, GIB), (2, 4_096)].iter().map(|&(n, bytes)| temp_file(n, bytes) + if named { &statement } else { "" }).collect();
        // The statement without files comes right before and right behind.
        let log =
            [timed(7, 10, "statement", "BEGIN"), files, timed(7, 900_000, "statement", SORT), timed(7, 10, "statement", "COMMIT")].concat();
        let facts = report(log);
        assert_eq!((facts.event("/temp_files/count"), facts.event("/temp_files/bytes")), (3, 2 * GIB + 4_096));
        assert_eq!(facts.temp_files_of(facts.statement("select a from t order by b")), (3, 2 * GIB + 4_096), "STATEMENT: {named}");
        assert_eq!(facts.temp_files_of(facts.statement("commit")), (0, 0));
        assert_eq!(facts.statement("select a from t order by b").errors(), 0);
    }
}

/// logs.md §6, point 38. The statement is announced before its files, as `log_statement` does it.
#[test]
fn temporary_files_behind_an_announced_statement_are_its_own() {
    let log = line(7, &format!("LOG:  statement: {SORT}"))
        + &temp_file(0, GIB)
        + &line(7, "LOG:  duration: 900.000 ms")
        + &timed(7, 10, "statement", "COMMIT");
    let facts = report(log);
    assert_eq!(facts.temp_files_of(facts.statement("select a from t order by b")), (1, GIB));
}

/// logs.md §6, point 38. The file of a cancelled statement is removed after its error was logged, and names no statement.
#[test]
fn the_temporary_file_of_a_cancelled_statement_is_not_the_next_ones() {
    let log = failed(7, "canceling statement due to statement timeout", SORT)
        + &temp_file(2, GIB)
        + &timed(7, 120, "statement", "RESET statement_timeout");
    let facts = report(log);
    let sort = facts.statement("select a from t order by b");
    assert_eq!((sort.errors(), facts.event("cancelled"), facts.event("/temp_files/count")), (1, 1, 1));
    assert_eq!(facts.temp_files_of(facts.statement("reset statement_timeout")), (0, 0));
    assert_eq!(facts.temp_files_of(sort), (1, GIB));
}

/// logs.md §6, point 39
#[test]
fn messages_are_errors_by_their_severity_alone() {
    let log = [
        timed(7, 1_500, "statement", "SELECT 'ERROR:  FATAL:  PANIC:  boom'"),
        line(7, "LOG:  could not receive data from client: Connection reset by peer"),
        line(7, "LOG:  invalid ERROR:  level"),
        line(7, "WARNING:  there is no transaction in progress"),
        line(7, "NOTICE:  table \"x\" does not exist, skipping"),
        line(7, "ERROR:  LOG:  duration: 5.000 ms  statement: SELECT 2"),
        line(7, "STATEMENT:  SELECT f()"),
        line(8, "FATAL:  password authentication failed for user \"bob\""),
        line(9, "PANIC:  could not write to file"),
    ]
    .concat();
    let facts = report(log);
    assert_eq!((facts.calls(), facts.total_us(), facts.errors()), (1, 1_500, 3));
    let mut severities: Vec<(&str, u64)> = facts.error_kinds().iter().map(|kind| (kind.1, kind.3)).collect();
    severities.sort_unstable();
    assert_eq!(severities, [("ERROR", 1), ("FATAL", 1), ("PANIC", 1)]);
    assert_eq!(facts.statement("select f()").errors(), 1);
}

/// A log of two hours, cut into files of one hour, each an execution that began in the hour before.
fn hours() -> [String; 2] {
    let at = |time: &str, text: &str| format!("2026-11-23 {time} UTC [7] app@shop/web {text}\n");
    [
        at("05:59:58.000", CALL)
            + &at("05:59:59.900", "LOG:  duration: 0.200 ms  parse s: SELECT b FROM t")
            + &at("05:59:59.999", "LOG:  duration: 0.300 ms  bind s: SELECT b FROM t"),
        at("06:00:00.001", "LOG:  duration: 0.500 ms  execute s: SELECT b FROM t") + &at("06:00:01.000", CALL),
    ]
}

fn assert_hours(facts: &Facts) {
    assert_eq!((facts.statement(TEXT).calls(), facts.statement("select b from t").calls(), facts.calls()), (2, 1, 3));
    assert_eq!((facts.statement("select b from t").steps(), facts.total_us()), ([200, 300, 500], 4_000));
    assert_eq!(facts.window(), [at("2026-11-23T05:59:58Z"), at("2026-11-23T06:00:01Z")]);
}

/// logs.md §6, point 40
#[test]
fn rotated_files_are_read_in_the_order_of_their_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second] = hours();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a-but-later.log"), &second).expect("written");
    let mut archive = GzEncoder::new(File::create(path("postgresql.log.2.gz")).expect("made"), Compression::default());
    archive.write_all(first.as_bytes()).and_then(|()| archive.finish().map(drop)).expect("written");
    let facts = files(&[path("a-but-later.log"), path("postgresql.log.2.gz")]);
    assert_eq!(facts.problems, [] as [String; 0]);
    assert_hours(&facts);
}

/// logs.md §6, point 40
#[test]
fn a_file_given_twice_counts_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let log = hours().concat();
    ["pg.log", "copy.log"].iter().for_each(|name| fs::write(path(name), &log).expect("written"));
    let mut archive = GzEncoder::new(File::create(path("pg.log.gz")).expect("made"), Compression::default());
    archive.write_all(log.as_bytes()).and_then(|()| archive.finish().map(drop)).expect("written");
    let facts = files(&[path("pg.log"), path("copy.log"), path("pg.log"), path("pg.log.gz")]);
    assert_hours(&facts);
    assert!(facts.warns("file-repeated"));
}

/// logs.md §6, point 40. The file was still being written: what is whole is counted, and the cut line is not passed over.
#[test]
fn a_last_line_that_is_cut_is_told() {
    let call = timed(7, 1_500, "statement", SQL);
    for cut in [60, 90, call.len() - 5] {
        let facts = report(format!("{call}{call}{}", &call[..cut]));
        let whole = facts.statement(TEXT);
        assert!(whole.calls() >= 2, "{cut}: {:?}", facts.texts());
        assert_eq!((facts.skipped(), facts.skipped_at()), (1, vec![2 * call.len() as u64]), "{cut}");
    }
}

/// logs.md §6, point 40. The file begins in the middle of a record whose beginning was rotated away.
#[test]
fn a_file_that_begins_inside_a_record_gives_its_lines_to_no_other() {
    let log =
        format!("\tFROM secret\n\tWHERE x = 1\n{}{}", line(3, "STATEMENT:  SELECT lost"), timed(7, 1_500, "statement", SQL).repeat(3));
    let facts = report(log);
    assert_eq!((facts.statement(TEXT).calls(), facts.calls(), facts.errors()), (3, 3, 0));
    assert_eq!(facts.skipped(), 2);
}

/// logs.md §6, point 40
#[test]
fn blocks_cut_anywhere_change_nothing() {
    let log = [
        timed(1, 100, "parse s", "SELECT a\nFROM t\nWHERE b = '\nINFO:  x'"),
        line(2, "LOG:  statement: SELECT x FROM y"),
        timed(1, 200, "bind s", "SELECT a\nFROM t\nWHERE b = '\nINFO:  x'"),
        line(1, "DETAIL:  parameters: $1 = 'a\n\tb'"),
        timed(1, 700, "execute s", "SELECT a\nFROM t\nWHERE b = '\nINFO:  x'"),
        line(2, "LOG:  duration: 3.000 ms"),
        failed(1, "division by zero", "SELECT 1\n/ 0"),
        plan(800, PLAN),
    ]
    .concat()
    .repeat(4);
    let whole = report(&log);
    assert_eq!((whole.calls(), whole.total_us(), whole.errors()), (8, 16_000, 4));
    for (jobs, block_size) in [(1, 1), (2, 7), (4, 64), (3, 199), (2, 1_024)] {
        let facts = report_with(&log, &Settings { jobs, block_size, ..settings() });
        assert_eq!((facts.essence(), facts.skipped()), (whole.essence(), 0), "{jobs} jobs, blocks of {block_size}");
    }
}

/// logs.md §6, point 40
#[test]
fn digits_in_names_are_names() {
    assert_eq!(distinct(["SELECT c1 FROM t2024", "SELECT c2 FROM t2024", "SELECT c1 FROM t2025", "SELECT c1 FROM s3.t2024"]), 4);
}

/// logs.md §6, point 40
#[test]
fn cursor_names_are_no_part_of_a_statement() {
    assert_eq!(
        distinct([
            "DECLARE c1 CURSOR FOR SELECT a FROM t WHERE b = 1",
            "DECLARE \"_django_curs_140\" CURSOR FOR SELECT a FROM t WHERE b = 2"
        ]),
        1
    );
    assert_eq!(distinct(["FETCH 100 FROM c1", "FETCH 20 FROM \"_django_curs_140\""]), 1);
}

/// logs.md §6, point 40
#[test]
fn a_backslash_before_a_quote_ends_a_plain_string() {
    assert_eq!(distinct([r"SELECT a FROM t WHERE p = 'C:\tmp\' AND q = 1", r"SELECT a FROM t WHERE p = 'x' AND q = 2"]), 1);
    assert_eq!(distinct([r"SELECT a FROM t WHERE p = E'it\'s' AND q = 1", r"SELECT a FROM t WHERE p = 'x' AND q = 2"]), 1);
}

/// logs.md §6, point 40
#[test]
fn casts_of_values_leave_one_statement() {
    let facts = report(
        timed(7, 1_000, "statement", "SELECT a FROM t WHERE r && '[2026-01-01 10:00, 2026-01-01 11:00)'::tsrange")
            + &timed(7, 1_000, "execute s", "SELECT a FROM t WHERE r && $1::tsrange"),
    );
    assert_eq!((facts.only().text(), facts.calls()), ("select a from t where r && $1::tsrange", 2));
}
