//! Everything that breaks a difference of two snapshots, done to a real server: numbers are never negative, never invented and
//! never a difference across two lives of an entry, and what is not known is said.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use super::{Bench, Told, assert_equal, count, crowd, difference, lines, report, told, try_report};
use crate::cluster::Cluster;
use crate::machine::{signal, wait_until};

/// A server with one table.
fn bench(major: u32, settings: &[(&str, &str)]) -> Option<Bench> {
    let bench = Bench::start(major, settings)?;
    bench.script("create table item as select n as id, n % 7 as v from generate_series(1, 1000) n; select pg_stat_statements_reset();");
    Some(bench)
}

/// `times` calls of a statement, as a script.
fn times(times: usize, sql: &str) -> String {
    format!("{sql};\n").repeat(times)
}

/// A statement that is told from others by `columns`, 1 to 99.
fn wide(columns: usize) -> String {
    format!("select {} from item where id = 5", vec!["v"; columns].join(", "))
}

/// As reports have the text of [`wide`].
fn wide_text(columns: usize) -> String {
    format!("select {} from item where id = $1", vec!["v"; columns].join(", "))
}

/// The only statement with exactly this text.
fn exactly<'t>(told: &'t Told, text: &str) -> &'t Value {
    told.statements().iter().find(|s| s["text"] == text).unwrap_or_else(|| panic!("no {text} among {:#?}", told.texts()))
}

fn state(statement: &Value) -> (&str, bool) {
    let counters = &statement["counters"];
    (counters["state"].as_str().expect("text"), counters["partial"].as_bool().expect("a truth"))
}

fn each(majors: &[u32], check: impl Fn(u32) + Sync) {
    let check = &check;
    thread::scope(|scope| majors.iter().for_each(|&major| drop(scope.spawn(move || check(major)))));
}

#[test]
fn after_a_reset_everything_counts_from_zero() {
    each(&[12, 14, 18], |major| {
        let Some(bench) = bench(major, &[]) else { return };
        bench.script(&[times(50, &wide(1)), times(5, &wide(2))].concat());
        let first = bench.snapshot("a.snap");
        bench.script(
            &[&times(9, &wide(1)), "select pg_stat_statements_reset();\n", &times(7, &wide(1)), &times(60, &wide(2)), &times(4, &wide(3))]
                .concat(),
        );
        let second = bench.snapshot("b.snap");
        let told = report(&[&first, &second]);
        assert_eq!(
            (count(exactly(&told, &wide_text(1)), "calls"), state(exactly(&told, &wide_text(1)))),
            (7, ("restarted", true)),
            "PostgreSQL {major}"
        );
        assert_eq!(
            (count(exactly(&told, &wide_text(3)), "calls"), state(exactly(&told, &wide_text(3))).0),
            (4, "new"),
            "PostgreSQL {major}"
        );
        let grown = exactly(&told, &wide_text(2));
        if major >= 14 {
            assert_eq!((count(grown, "calls"), state(grown)), (60, ("restarted", true)), "PostgreSQL {major}");
            assert_equal(&told, &bench.counters());
        } else {
            // Nothing tells of the reset but that others fell, so what grew may be a life of its own or not, and is not 55 calls.
            let calls = count(grown, "calls");
            assert!(calls == 60 || (calls == 0 && told.warns("entries-in-doubt")), "PostgreSQL {major}: {calls}");
            assert_eq!(state(grown), ("restarted", true), "PostgreSQL {major}");
        }
        assert!(told.coverage("known_share").as_f64().expect("some time") < 1.0, "PostgreSQL {major}");
        assert_ne!(told.coverage("lost"), 0, "PostgreSQL {major}");
    });
}

#[test]
fn a_reset_of_a_user_a_database_or_a_statement_restarts_these_entries_only() {
    each(&[12, 16, 18], |major| {
        let Some(bench) = bench(major, &[]) else { return };
        bench.script("create role clerk login; grant select on item to clerk; create database other;");
        let elsewhere = |times: usize| {
            let sql = "select 1 + 1 + 1;".repeat(times);
            assert!(bench.cluster.try_sql("other", &sql).is_ok());
        };
        let resets = [
            "select pg_stat_statements_reset((select oid from pg_roles where rolname = 'clerk'), 0, 0);\n",
            "select pg_stat_statements_reset(0, (select oid from pg_database where datname = 'other'), 0);\n",
            "select pg_stat_statements_reset(userid, dbid, queryid) from pg_stat_statements where query like 'select v, v, v from%';\n",
        ];
        let reset = "select stats_reset from pg_stat_statements_info";
        bench.script(&[times(20, &wide(1)), times(20, &wide(3))].concat());
        bench.script_as("clerk", &times(20, &wide(2)));
        elsewhere(20);
        let first = bench.snapshot("a.snap");
        let reset_before = (major >= 14).then(|| bench.sql(reset));
        bench.script(&[times(6, &wide(1)), resets.concat(), times(6, &wide(1)), times(7, &wide(3))].concat());
        bench.script_as("clerk", &times(8, &wide(2)));
        elsewhere(9);
        assert_eq!((major >= 14).then(|| bench.sql(reset)), reset_before, "does not move");
        let told = report(&[&first, &bench.snapshot("b.snap")]);
        for (text, calls) in [(wide_text(3), 7), (wide_text(2), 8), ("select $1 + $2 + $3".to_owned(), 9)] {
            let statement = exactly(&told, &text);
            assert_eq!((count(statement, "calls"), state(statement)), (calls, ("restarted", true)), "PostgreSQL {major}: {text}");
        }
        let kept = exactly(&told, &wide_text(1));
        assert_eq!((count(kept, "calls"), state(kept).0), (12, "continuous"), "PostgreSQL {major}");
        // Before 14 nothing says that no other entry was dropped.
        assert!(!state(kept).1 || major < 14, "PostgreSQL {major}");
        assert_eq!(told.coverage("lost"), 3, "PostgreSQL {major}: {:#}", told.0["coverage"]);
    });
}

#[test]
fn a_reset_of_extremes_alone_restarts_nothing_and_leaves_them_unknown() {
    each(&[17, 18], |major| {
        let Some(bench) = bench(major, &[]) else { return };
        bench.script("select pg_sleep(0.02);");
        let first = bench.snapshot("a.snap");
        let quiet = bench.script(
            &[&times(3, &wide(1)), "select pg_sleep(0.04); select pg_stat_statements_reset(0, 0, 0, true) is not null;\n"].concat(),
        );
        assert!(quiet.ends_with("t\n"), "{quiet}");
        let between = bench.snapshot("b.snap");
        bench.script("select pg_sleep(0.001); select pg_sleep(0.002); select pg_sleep(0.003);");
        let last = bench.snapshot("c.snap");
        let check = |told: &Told, words: &str, calls: u64, longest: Option<u64>| {
            let statement = told.with(words);
            assert_eq!((count(statement, "calls"), state(statement)), (calls, ("continuous", false)), "PostgreSQL {major}");
            for key in ["min_us", "max_us"] {
                assert_ne!(statement[key], 0, "PostgreSQL {major}: {key} is of no call");
            }
            if let Some(longest) = longest {
                let most = statement["max_us"].as_u64().or(statement["bounds"]["max_us"][1].as_u64());
                assert!(most.is_some_and(|most| most >= longest), "PostgreSQL {major}: a call took {longest} µs: {statement:#}");
            }
        };
        check(&report(&[&first, &between]), "pg_sleep", 1, Some(40_000));
        check(&report(&[&first, &last]), "pg_sleep", 4, Some(40_000));
        check(&report(&[&between, &last]), "pg_sleep", 3, Some(3_000));
        check(&report(&[&last]), "pg_sleep", 5, Some(40_000));
        let unused = report(&[&between]);
        assert!(unused.with("select v from item")["min_us"].is_null() && unused.with("select v from item")["max_us"].is_null());
        check(&unused, "select v from item", 3, None);
    });
}

/// `pg_stat_statements.max` at its least.
const SMALL: [(&str, &str); 1] = [("pg_stat_statements.max", "100")];

#[test]
fn when_entries_are_dropped_hot_ones_stay_exact_and_the_loss_is_told() {
    each(&[13, 15, 18], |major| {
        let Some(bench) = bench(major, &SMALL) else { return };
        let mixed = |times: usize| {
            crowd(400).split_inclusive('\n').map(|one| format!("{one}{}", format!("{};\n", wide(1)).repeat(times))).collect::<String>()
        };
        bench.script(&[times(200, &wide(1)), crowd(60)].concat());
        let rounds =
            || (major >= 14).then(|| bench.sql("select dealloc from pg_stat_statements_info").trim().parse::<u64>().expect("a number"));
        let outside = rounds();
        let first = bench.snapshot("a.snap");
        let inside = rounds();
        bench.script(&mixed(2));
        let most_inside = rounds();
        let second = bench.snapshot("b.snap");
        let most_outside = rounds();
        let told = report(&[&first, &second]);
        let hot = exactly(&told, &wide_text(1));
        assert_eq!((count(hot, "calls"), count(hot, "rows"), state(hot).0), (800, 800, "continuous"), "PostgreSQL {major}");
        // A snapshot has entries of its own, for which others may be dropped after it looked.
        let least = most_inside.zip(inside).map(|(after, before)| after - before);
        let most = most_outside.zip(outside).map(|(after, before)| after - before);
        let rounds = told.coverage("dealloc_rounds").as_u64();
        assert!(least <= rounds && rounds <= most && rounds != Some(0), "PostgreSQL {major}: {least:?} to {most:?} are {rounds:?}");
        assert!(told.coverage("lost").as_u64().is_some_and(|lost| lost > 0), "PostgreSQL {major}: {:#}", told.0["coverage"]);
        // What was dropped shows what it had counted when it was last seen, and no calls.
        let gone: Vec<&Value> = told.statements().iter().filter(|s| state(s).0 == "gone").collect();
        assert!(!gone.is_empty() && gone.iter().all(|s| count(s, "calls") == 0 && !s["counters"]["last_seen"].is_null()));
        if major >= 14 {
            assert_eq!(state(hot), ("continuous", false), "PostgreSQL {major}: nothing of it can have been dropped");
        }
    });
}

/// Twelve statements with two calls each, which are dropped and come back with thirty.
#[test]
fn an_entry_that_came_back_with_more_calls_is_not_subtracted_from() {
    each(&[13, 15, 18], |major| {
        let Some(bench) = bench(major, &SMALL) else { return };
        let victims = |calls: usize| (1..=12).map(|columns| times(calls, &wide(columns))).collect::<String>();
        bench.script(&victims(2));
        let first = bench.snapshot("a.snap");
        // Others that are called as often, so that nothing saves the victims.
        bench.script(&crowd(100).split_inclusive('\n').map(|one| one.repeat(6)).collect::<String>());
        bench.script(&crowd(600));
        let left = bench.sql("select count(*) from pg_stat_statements where query like 'select v%'");
        assert_eq!(left, "0\n", "PostgreSQL {major}: all were dropped");
        bench.script(&victims(30));
        let told = report(&[&first, &bench.snapshot("b.snap")]);
        let mut in_doubt = 0;
        for columns in 1..=12 {
            let victim = exactly(&told, &wide_text(columns));
            let calls = count(victim, "calls");
            in_doubt += usize::from(calls == 0);
            assert!(state(victim).1 && state(victim).0 != "continuous", "PostgreSQL {major}: {victim:#}");
            // Since 17 entries tell since when they count. Before, it may be unknown what it did, but what is told is true.
            let is_true = if major >= 17 { calls == 30 } else { calls == 30 || calls == 0 };
            assert!(is_true, "PostgreSQL {major}: {calls} calls, and 30 since it came back");
        }
        // Two slow calls and thirty faster ones in less time prove that it came back, which under load may be so of all.
        assert_eq!(told.warns("entries-in-doubt"), in_doubt > 0, "PostgreSQL {major}");
        assert!(told.coverage("known_share").as_f64().expect("some time") < 1.0);
    });
}

#[test]
fn a_restart_in_order_loses_nothing_and_a_crash_everything() {
    each(&[10, 15, 18], |major| {
        let Some(mut bench) = bench(major, &[]) else { return };
        bench.script(&[times(10, &wide(1)), times(40, &wide(2))].concat());
        let first = bench.snapshot("a.snap");
        let before = bench.counters();
        bench.script(&times(3, &wide(1)));
        bench.cluster.restart();
        bench.script(&[times(4, &wide(1)), times(5, &wide(2))].concat());
        let second = bench.snapshot("b.snap");
        let kept = report(&[&first, &second]);
        assert_equal(&kept, &difference(&before, &bench.counters()));
        for (columns, calls) in [(1, 7), (2, 5)] {
            let statement = exactly(&kept, &wide_text(columns));
            assert_eq!((count(statement, "calls"), state(statement)), (calls, ("continuous", false)), "PostgreSQL {major}");
        }
        // The server that starts anew after that is the same process, and reads nothing back.
        let backend = bench
            .cluster
            .psql("postgres")
            .args(["-c", "select pg_backend_pid()", "-c", "select pg_sleep(60)"])
            .stderr(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut backend = backend.expect("runs");
        let mut pid = String::new();
        BufReader::new(backend.stdout.take().expect("piped")).read_line(&mut pid).expect("text");
        signal("KILL", &[super::number(pid.trim())]);
        assert!(!backend.wait().expect("is our child").success());
        wait_until("it is back", || bench.cluster.try_sql("postgres", "select 1").is_ok());
        bench.script(&[times(80, &wide(1)), times(6, &wide(2))].concat());
        let third = bench.snapshot("c.snap");
        let lost = report(&[&second, &third]);
        assert_eq!((count(exactly(&lost, &wide_text(2)), "calls"), state(exactly(&lost, &wide_text(2)))), (6, ("restarted", true)));
        if major >= 14 {
            assert_eq!((count(exactly(&lost, &wide_text(1)), "calls"), state(exactly(&lost, &wide_text(1)))), (80, ("restarted", true)));
            assert_equal(&lost, &bench.counters());
        }
        // Chained, what both intervals know adds up.
        assert_eq!(count(exactly(&report(&[&first, &second, &third]), &wide_text(2)), "calls"), 5 + 6);
    });
}

#[test]
fn snapshots_of_two_servers_are_refused_unless_they_may_be_mixed() {
    let Some(ours) = bench(15, &[]) else { return };
    let Some(theirs) = Cluster::start_debian(&[]).map(Bench::of) else { return };
    theirs.script("create extension pg_stat_statements; create table item as select n as id, n % 7 as v from generate_series(1, 1000) n;");
    ours.script(&times(10, &wide(1)));
    theirs.script(&times(20, &wide(1)));
    let (a, b) = (ours.snapshot("a.snap"), theirs.snapshot("b.snap"));
    let run = try_report(&[&a, &b], &[]);
    assert!(run.code == Some(3) && run.stderr.contains("--allow-mixed"), "{:?} {}", run.code, run.stderr);
    assert!(run.stderr.contains("system identifiers"), "{}", run.stderr);
    let mixed = told(&try_report(&[&a, &b], &["--allow-mixed"]));
    assert_eq!(count(exactly(&mixed, &wide_text(1)), "calls"), 30);
}

#[test]
fn a_standby_has_counters_of_its_own() {
    let Some(primary) = bench(18, &[]) else { return };
    primary.script(&times(10, &wide(1)));
    let standby = Bench::of(Cluster::standby_of(&primary.cluster));
    wait_until("the table arrived", || standby.cluster.try_sql("postgres", "select count(*) from item").is_ok_and(|rows| rows == "1000\n"));
    let a = primary.snapshot("a.snap");
    standby.script(&times(4, &wide(1)));
    let run = standby.try_snapshot("postgres", "b.snap", &[]);
    assert!(run.code == Some(0) && run.stderr.contains("standby"), "{}", run.stderr);
    let b = standby.file("b.snap");
    let run = try_report(&[&a, &b], &[]);
    assert!(run.code == Some(3) && run.stderr.contains("standby"), "{:?} {}", run.code, run.stderr);
    assert_eq!(count(exactly(&told(&try_report(&[&a, &b], &["--allow-mixed"])), &wide_text(1)), "calls"), 14);
    // And two of the standby are an interval like any other.
    standby.script(&times(6, &wide(1)));
    assert_eq!(count(exactly(&report(&[&b, &standby.snapshot("c.snap")]), &wide_text(1)), "calls"), 6);
}

#[test]
fn what_hides_the_counters_is_said_with_its_cure() {
    let Some(mut bench) = bench(18, &[("pg_stat_statements.track", "none")]) else { return };
    let run = bench.try_snapshot("postgres", "none.snap", &[]);
    assert!(run.stderr.contains("pg_stat_statements.track = none") && run.stderr.contains("pg_reload_conf"), "{}", run.stderr);
    bench.sql("create database bare");
    let bare = bench.cluster.dsn("bare");
    let file = bench.file("bare.snap");
    let run = super::laggard(&["snapshot", &bare, "-o", file.to_str().expect("text")]);
    assert!(run.code == Some(2) && run.stderr.contains("CREATE EXTENSION pg_stat_statements"), "{:?} {}", run.code, run.stderr);
    assert!(!run.stderr.contains("shared_preload_libraries"), "it is preloaded: {}", run.stderr);
    assert!(lines(&file).iter().any(|line| line["type"] == "database"), "the rest is there");
    assert!(run.stderr.contains("--no-counters"), "{}", run.stderr);
    // The catalogue alone is what was asked for then, and a report says what is missing.
    let run = super::laggard(&["snapshot", &bare, "--no-counters", "-o", file.to_str().expect("text")]);
    assert!(
        run.code == Some(0) && run.stderr.contains("no counters") && !run.stderr.contains("CREATE EXTENSION"),
        "{:?} {}",
        run.code,
        run.stderr
    );
    assert!(lines(&file).iter().all(|line| line["type"] != "statement" && line["type"] != "role"));
    bench.cluster.reconfigure(&[("shared_preload_libraries", "")]);
    let run = bench.try_snapshot("postgres", "unloaded.snap", &[]);
    let cure = "set shared_preload_libraries = 'pg_stat_statements'";
    assert!(run.code == Some(2) && run.stderr.contains(cure), "{:?} {}", run.code, run.stderr);
    let run = super::laggard(&["snapshot", &bare, "-o", file.to_str().expect("text")]);
    assert!(run.code == Some(2) && run.stderr.contains(cure) && run.stderr.contains("CREATE EXTENSION"), "{:?} {}", run.code, run.stderr);
}

#[test]
fn a_role_without_privilege_sees_the_totals_that_a_superuser_sees() {
    each(&[10, 15, 18], |major| {
        let Some(bench) = bench(major, &[]) else { return };
        bench.script("create role clerk login; grant select on item to clerk;");
        let work = |times_each: usize| {
            bench.script(&(1..=8).map(|columns| times(times_each, &wide(columns))).collect::<String>());
            bench.script_as("clerk", &times(5, &wide(9)));
        };
        work(3);
        let ours = bench.snapshot("a.snap");
        let run = bench.try_snapshot("clerk", "a-clerk.snap", &[]);
        assert!(run.code == Some(0) && run.stderr.contains("GRANT pg_read_all_stats"), "{:?} {}", run.code, run.stderr);
        work(10);
        let run = bench.try_snapshot("clerk", "b-clerk.snap", &[]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let all = report(&[&ours, &bench.snapshot("b.snap")]);
        let clerks = report(&[&bench.file("a-clerk.snap"), &bench.file("b-clerk.snap")]);
        assert_eq!((clerks.total("calls"), all.total("calls")), (8 * 10 + 5, 8 * 10 + 5), "PostgreSQL {major}: {:#?}", all.texts());
        let off = clerks.total("total_us").abs_diff(all.total("total_us"));
        assert!(off <= 1, "PostgreSQL {major}: {off} µs between the two");
        let hidden = clerks.with("<insufficient privilege>");
        assert_eq!((count(hidden, "calls"), state(hidden).0), (80, "hidden"), "PostgreSQL {major}");
        // One's own statements are one's own to read.
        assert_eq!((clerks.statements().len(), count(exactly(&clerks, &wide_text(9)), "calls")), (2, 5), "PostgreSQL {major}");
        assert!(clerks.warns("statements-hidden"), "PostgreSQL {major}");
        // With one end each there is no base for what only one of them sees, and no more calls than there were.
        for (first, second) in [("a-clerk.snap", "b.snap"), ("a.snap", "b-clerk.snap")] {
            let mixed = report(&[&bench.file(first), &bench.file(second)]);
            // Before extension 1.9, where entries are missing, one whose extremes have both moved may be another.
            let in_doubt = major < 14 && mixed.total("calls") == 0 && mixed.warns("entries-in-doubt");
            assert!(mixed.total("calls") == 5 || in_doubt, "PostgreSQL {major}: {:#?}", mixed.texts());
            assert!(mixed.warns("entries-without-base"), "PostgreSQL {major}");
        }
    });
}

#[test]
fn an_extension_that_an_upgrade_left_old_is_read_by_its_own_columns() {
    each(&[15, 18], |major| {
        let Some(bench) = bench(major, &[]) else { return };
        for version in ["1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10"] {
            bench.script(&format!("drop extension pg_stat_statements; create extension pg_stat_statements version '{version}';"));
            assert_eq!(bench.sql("select extversion from pg_extension where extname = 'pg_stat_statements'").trim(), version);
            let first = bench.snapshot("a.snap");
            bench.script(&times(6, &wide(1)));
            let told = report(&[&first, &bench.snapshot("b.snap")]);
            let statement = exactly(&told, &wide_text(1));
            assert_eq!((count(statement, "calls"), count(statement, "rows")), (6, 6), "{version} on PostgreSQL {major}");
            assert_eq!(lines(&first)[0]["extension_version"], version);
        }
    });
}

#[test]
fn the_extension_may_live_in_any_schema() {
    let Some(bench) = Cluster::start(18, &[]).map(Bench::of) else { return };
    bench.script("create schema \"My \"\"Stats\"\"\"; create extension pg_stat_statements schema \"My \"\"Stats\"\"\"; create table item as select 5 as id, 1 as v;");
    let first = bench.snapshot("a.snap");
    bench.script(&times(6, &wide(1)));
    let script = super::laggard(&["snapshot", "--psql"]).stdout;
    let by_psql = bench.file("b.jsonl");
    fs::write(&by_psql, bench.script(&script)).expect("writable");
    for second in [bench.snapshot("b.snap"), by_psql] {
        assert_eq!(count(exactly(&report(&[&first, &second]), &wide_text(1)), "calls"), 6, "{}", second.display());
    }
}

#[test]
fn when_the_file_of_texts_is_damaged_the_counters_survive() {
    each(&[15, 18], |major| {
        let Some(bench) = bench(major, &[]) else { return };
        bench.script(&(1..=6).map(|columns| times(5, &wide(columns))).collect::<String>());
        let first = bench.snapshot("a.snap");
        let whole = bench.counters();
        let texts = bench.cluster.data_dir().join("pg_stat_tmp/pgss_query_texts.stat");
        File::options().write(true).open(&texts).expect("is there").set_len(0).expect("may be cut");
        bench.script(&[times(7, &wide(1)), times(3, &wide(7))].concat());
        let run = bench.try_snapshot("postgres", "b.snap", &[]);
        assert_eq!(run.code, Some(0), "PostgreSQL {major}: {}", run.stderr);
        let second = bench.file("b.snap");
        let statistics: u64 = lines(&second).iter().filter(|line| line["type"] == "statement").map(|line| count(line, "calls")).sum();
        let known: u64 = whole.values().map(|entry| entry.calls).sum();
        assert!(statistics >= known + 10, "PostgreSQL {major}: {statistics} calls of {known} and 10 more");
        // The earlier snapshot tells what the later one cannot.
        let interval = report(&[&first, &second]);
        assert_eq!(count(exactly(&interval, &wide_text(1)), "calls"), 7, "PostgreSQL {major}");
        let alone = report(&[&second]);
        let unknown: u64 = alone.all_with("not known").iter().map(|s| count(s, "calls")).sum();
        assert!(unknown >= 30, "PostgreSQL {major}: {:#?}", alone.texts());
        assert!(alone.total("calls") >= known + 10 && alone.total("total_us") > 0, "PostgreSQL {major}");
    });
}

#[test]
fn a_statement_in_flight_counts_where_it_ends() {
    let Some(bench) = bench(18, &[]) else { return };
    let session = |sql: &str| {
        let mut psql = bench.cluster.psql("postgres").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("runs");
        let _ = writeln!(psql.stdin.as_mut().expect("piped"), "{sql};");
        psql
    };
    let locks =
        |granted: &str| bench.sql(&format!("select count(*) from pg_locks where locktype = 'advisory' and granted = {granted}")) == "1\n";
    let mut holder = session("select pg_advisory_lock(1)");
    wait_until("it holds the lock", || locks("true"));
    let mut waiter = session("select pg_advisory_lock_shared(1)");
    wait_until("it waits for the lock", || locks("false"));
    let first = bench.snapshot("a.snap");
    drop(holder.stdin.take());
    assert!(holder.wait().expect("is our child").success());
    drop(waiter.stdin.take());
    assert!(waiter.wait().expect("is our child").success());
    let told = report(&[&first, &bench.snapshot("b.snap")]);
    let waited = told.with("pg_advisory_lock_shared");
    assert_eq!((count(waited, "calls"), state(waited)), (1, ("new", false)));
    // It is the whole time, from before the first snapshot.
    let counted = bench.counters();
    let entry = counted.values().find(|entry| entry.text.contains("pg_advisory_lock_shared")).expect("counted");
    assert!((count(waited, "total_us") as f64 - entry.total * 1_000.0).abs() <= 1.0 && entry.calls == 1);
    assert!(report(&[&first]).all_with("pg_advisory_lock_shared").is_empty());
}
