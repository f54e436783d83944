//! Rules on their fixtures: every `hit-*` raises its rule and no other, every `miss-*` raises none.
//!
//! Both fail if the fixture is empty of events, so that no rule is tested by nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use laggard::finding::{self, Options};
use laggard::{Input, Reading, Settings};
use serde_json::json;

use crate::corpus::fixtures;
use crate::harness::{failed, timed};

fn logs(rule: &str) -> Vec<PathBuf> {
    let folder = fixtures().join("rules").join(rule);
    let entries = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is missing", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

pub(crate) fn read(path: PathBuf) -> Reading {
    // A folder is a snapshot and the log of the same time.
    let mut files: Vec<PathBuf> = match fs::read_dir(&path) {
        Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
        Err(_) => vec![path.clone()],
    };
    files.sort();
    let inputs = files.into_iter().map(Input::File).collect();
    let reading = laggard::read(inputs, &Settings::default()).expect("settings are right");
    assert!(reading.errors.is_empty(), "{}: {:?}", path.display(), reading.errors);
    let skipped: u64 = reading.inputs.iter().map(|input| input.skipped.total()).sum();
    assert_eq!(skipped, 0, "{}", path.display());
    let tells = reading.workload.happened() > 0 || !reading.workload.catalogs().is_empty();
    assert!(tells, "{} is empty of events", path.display());
    reading
}

#[test]
fn hits_are_found_and_misses_are_not() {
    for rule in finding::ALL {
        let id = rule.meta().id;
        let (mut hits, mut misses) = (0, 0);
        for path in logs(id) {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let found = finding::check(&read(path).workload, &Options::default());
            let rules: BTreeSet<&str> = found.iter().map(|finding| finding.rule).collect();
            match name.split('-').next() {
                Some("hit") => {
                    hits += 1;
                    assert_eq!(rules, BTreeSet::from([id]), "{id}/{name}");
                }
                Some("miss") => {
                    misses += 1;
                    assert!(rules.is_empty(), "{id}/{name}: {rules:?}");
                }
                _ => panic!("{id}/{name} is neither hit-* nor miss-*"),
            }
        }
        assert!(hits > 0 && misses > 0, "fixtures/rules/{id} needs hit-* and miss-*");
    }
}

#[test]
fn every_rule_is_documented_and_says_what_was_found() {
    let mut ids = BTreeSet::new();
    for rule in finding::ALL {
        let meta = rule.meta();
        assert!(ids.insert(meta.id) && meta.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", meta.id);
        for text in [meta.title, meta.what, meta.why, meta.example, meta.remedy, meta.ignore] {
            assert!(text.len() > 10, "{}: {text:?}", meta.id);
        }
        for path in logs(meta.id).into_iter().filter(|path| path.to_string_lossy().contains("/hit-")) {
            for finding in finding::check(&read(path).workload, &Options::default()) {
                assert!(!finding.title.is_empty() && !finding.remedy.is_empty() && !finding.evidence.is_empty(), "{}", meta.id);
                assert!(finding.occurrences > 0 && finding.severity <= meta.severity, "{}", meta.id);
            }
        }
    }
}

/// 25 calls of 0.9 + 7.25 + 0.4 ms.
#[test]
fn numbers_of_a_finding_are_those_of_the_log() {
    let found = finding::check(&read(fixtures().join("rules/plan-time-dominates/hit-many-joins.log")).workload, &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (25, Some(203_750)));
    assert_eq!(json!(one.evidence[0].data), json!({"parse_us": 22_500, "bind_us": 181_250, "execute_us": 10_000}));
    // 20 calls of 1 + 6.5 + 2 ms and as many of 0.5 + 2 + 1 ms, which alone would not be worth a line.
    let found = finding::check(&read(fixtures().join("rules/plan-time-dominates/hit-one-application.log")).workload, &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0), one.related.len()), (40, Some(200_000), 1));
    assert_eq!(one.title, "planning takes 3.3 times as long as executing, in 2 statements of web");
    assert_eq!(json!(one.evidence[2].data), json!({"parse_us": 10_000, "bind_us": 40_000, "execute_us": 20_000}));
    let found = finding::check(&read(fixtures().join("rules/temp-file-spill/hit-large-sort.log")).workload, &Options::default());
    assert_eq!(
        (found[0].occurrences, found[0].severity.name(), json!(found[0].evidence[0].data)),
        (2, "high", json!({"files": 2, "bytes": 240_000_000}))
    );
    let found = finding::check(&read(fixtures().join("rules/statement-timeout/hit-slow-report.log")).workload, &Options::default());
    assert_eq!(json!(found[0].evidence[0].data), json!({"timeouts": 1, "calls": 1}));
    for name in ["hit-two-orders.log", "hit-two-updates.log", "hit-german.log"] {
        let found = finding::check(&read(fixtures().join("rules/deadlock").join(name)).workload, &Options::default());
        assert!(found[0].statement.is_some(), "the victim's statement is named in {name}");
    }
}

/// 60 calls with lists of 3 to 14 keys, five of each length.
#[test]
fn lengths_of_lists_are_those_of_the_log() {
    let found = finding::check(&read(fixtures().join("rules/in-list-churn/hit-every-length.log")).workload, &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    let expected = json!({"lengths": 12, "calls": 60, "length_p50": 8, "length_p95": 14, "length_max": 14, "entries": null});
    assert_eq!((one.occurrences, json!(one.evidence[0].data)), (60, expected));
}

/// 120 reads of 0.3 ms, each before its INSERT.
#[test]
fn reads_before_writes_are_counted() {
    let found =
        finding::check(&read(fixtures().join("rules/select-then-write/hit-uniqueness-validation.log")).workload, &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (120, Some(36_000)));
    assert_eq!(json!(one.evidence[0].data), json!({"pairs": 120, "writes": 120, "reads_us": 36_000}));
    assert!(one.remedy.contains("unique constraint on users (email)"), "{}", one.remedy);
}

/// 8 rows, each 0.4 ms of reading and 0.5 ms of writing; the first read began at 0.6 ms and the last INSERT ended at 30 ms.
#[test]
fn an_upsert_by_hand_is_one_finding_with_the_numbers_of_its_loop() {
    let found = finding::check(&read(fixtures().join("rules/upsert-loop/hit-get-or-create.log")).workload, &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.occurrences, one.related.len(), one.evidence.len()), (1, 1, 2));
    let bursts = &one.data["bursts"];
    assert_eq!((&bursts["n_max"], &bursts["exec_us"], &bursts["wall_us"]), (&json!(8), &json!(7_200), &json!(29_400)));
    assert!(one.remedy.contains("ON CONFLICT (name)"), "{}", one.remedy);
}

#[test]
fn options_change_what_is_found_and_unknown_ones_are_refused() {
    let miss = fixtures().join("rules/plan-time-dominates/miss-too-few-calls.log");
    let options = Options::of([("plan-time-dominates".to_owned(), json!({"min_calls": 5, "min_planning_ms": 1}))]).expect("known");
    assert_eq!(finding::check(&read(miss).workload, &options).len(), 1);
    for (rule, option) in [("plan-time-dominates", json!({"min_call": 5})), ("deadlock", json!({"x": 1})), ("no-such-rule", json!({}))] {
        assert_eq!(Options::of([(rule.to_owned(), option)]).err().map(|bad| bad.rule).as_deref(), Some(rule));
    }
}

fn laggard(arguments: &[&str], folder: Option<&std::path::Path>) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.args(arguments).env_clear();
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().expect("runs");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"))
}

#[test]
fn check_fails_at_what_is_severe_and_sure_enough() {
    let log = |name: &str| fixtures().join("rules").join(name).to_string_lossy().into_owned();
    let (hit, medium, miss) =
        (log("deadlock/hit-two-orders.log"), log("plan-time-dominates/hit-many-joins.log"), log("deadlock/miss-waits-that-end.log"));
    let code = |arguments: &[&str]| laggard(arguments, None).0;
    assert_eq!(code(&["check", "--no-config", &hit]), Some(1));
    assert_eq!(code(&["check", "--no-config", &hit, "--exit-zero"]), Some(0));
    assert_eq!(code(&["check", "--no-config", &miss]), Some(0));
    assert_eq!(code(&["check", "--no-config", &medium]), Some(0));
    assert_eq!(code(&["check", "--no-config", &medium, "--fail-on", "medium"]), Some(1));
    assert_eq!(code(&["report", "--no-config", &hit]), Some(0), "report never fails because of findings");
    assert_eq!(code(&["check", "--no-config", &hit, "--format", "json"]), Some(1), "a format never changes the exit code");
    assert_eq!(code(&["check", "--no-config", &hit, "/no/such/file"]), Some(2));
    assert_eq!(code(&["check", "--no-config", &hit, "--no-findings"]), Some(2), "a check that looks for nothing passes nothing");
    let (_, page, _) = laggard(&["check", "--no-config", &hit], None);
    assert!(page.contains("deadlock") && page.contains("update orders set state"), "{page}");
    assert!(page.contains("Lock rows in one order") && !page.contains("share"), "findings with what to do, no statements: {page}");
}

#[test]
fn the_nearest_configuration_holds_and_says_where_it_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("sub")).expect("made");
    let config = |text: &str| fs::write(folder.path().join("laggard.toml"), text).expect("written");
    let miss = fixtures().join("rules/plan-time-dominates/miss-too-few-calls.log").to_string_lossy().into_owned();
    let check = || laggard(&["check", "--fail-on", "medium", &miss], Some(&folder.path().join("sub")));
    config("[rule.plan-time-dominates]\nmin_calls = 5\nmin_planning_ms = 1\n");
    assert_eq!(check().0, Some(1));
    config("[rule.plan-time-dominates]\nmin_cals = 5\n");
    let (code, _, message) = check();
    assert!(code == Some(2) && message.contains("laggard.toml:2:1: ") && message.contains("did you mean min_calls?"), "{message}");
    config("[rule.n-plus-one]\nmin_repeats = 0\n");
    let (code, _, message) = check();
    assert!(code == Some(2) && message.contains("[rule.n-plus-one]: min_repeats: ") && message.contains("nonzero"), "{message}");
    config("[rules]\n");
    let (code, _, message) = check();
    assert!(code == Some(2) && message.contains("laggard.toml:1:2: "), "{message}");
    assert_eq!(laggard(&["check", "--no-config", &miss], Some(folder.path())).0, Some(0));
}

#[test]
fn rules_are_listed_and_explained() {
    let (code, list, _) = laggard(&["rules"], None);
    assert_eq!((code, list.lines().count()), (Some(0), finding::ALL.len()));
    for rule in finding::ALL {
        let (code, page, _) = laggard(&["explain", rule.meta().id], None);
        assert!(code == Some(0) && ["What it finds", "What to do", "When to ignore it"].iter().all(|part| page.contains(part)), "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 120), "{page}");
        let choices = (rule.meta().accepts)(&json!({})).expect("nothing is right");
        assert_eq!(page.contains("Options, with their defaults"), !choices.is_empty(), "{page}");
        for choice in choices {
            assert!(
                page.contains(&format!("    {} = {}\n", choice.name, choice.value)) && !choice.about.is_empty(),
                "{}: {page}",
                choice.name
            );
        }
    }
    let (_, page, _) = laggard(&["explain", "n-plus-one"], None);
    assert!(page.contains("[rule.n-plus-one]") && page.contains("min_repeats = 5\n        Fewer repetitions are no loop"), "{page}");
    assert!(!laggard(&["explain", "deadlock"], None).1.contains("Options"));
    let (code, _, message) = laggard(&["explain", "dead"], None);
    assert!(code == Some(2) && message.contains("deadlock"), "{message}");
}

#[test]
fn what_is_ignored_is_counted_and_fails_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = |text: &str| fs::write(folder.path().join("laggard.toml"), text).expect("written");
    let hit = fixtures().join("rules/deadlock/hit-two-orders.log").to_string_lossy().into_owned();
    let check = |format: &str| laggard(&["check", "--format", format, &hit], Some(folder.path()));
    let document = || -> serde_json::Value { serde_json::from_str(&check("json").1).expect("JSON") };
    let warnings = |document: &serde_json::Value| -> Vec<String> {
        let all = document["warnings"].as_array().expect("a list").iter();
        all.filter_map(|warning| warning["id"].as_str()).filter(|id| id.contains("ignore")).map(str::to_owned).collect()
    };
    config("");
    let id = document()["findings"][0]["statement"].as_str().expect("the victim").to_owned();
    let short = format!("fingerprint = '{}'", &id[..6]);
    for what in ["rule = 'deadlock'".to_owned(), format!("fingerprint = '{id}'"), short, "rule = 'deadlock'\ntable = 'orders'".to_owned()] {
        config(&format!("[[ignore]]\n{what}\nreason = 'runs again by itself'\nexpires = 2999-12-31\n"));
        let document = document();
        assert_eq!((check("json").0, document["findings"].as_array().map(Vec::len)), (Some(0), Some(0)), "{what}");
        assert_eq!(warnings(&document), ["findings-ignored"], "{what}");
        assert!(check("table").1.contains("1 finding is ignored"), "{}", check("table").1);
        let sarif: serde_json::Value = serde_json::from_str(&check("sarif").1).expect("JSON");
        assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["justification"], "runs again by itself");
    }
    config("[[ignore]]\nrule = 'deadlock'\nreason = 'until the move'\nexpires = 2020-01-31\n");
    assert_eq!((check("json").0, warnings(&document())), (Some(1), vec!["ignore-expired".to_owned()]));
    config("[[ignore]]\nrule = 'deadlock'\ntable = 'customers'\nreason = 'another table'\n");
    assert_eq!((check("json").0, warnings(&document())), (Some(1), vec!["ignore-unused".to_owned()]));
    for (wrong, told) in [
        ("rule = 'deadlock'", "reason"),
        ("rule = 'dead'\nreason = 'x'", "no such rule"),
        ("reason = 'x'", "ignore everything"),
        ("rule = 'deadlock'\nreason = 'x'\nexpires = 12:00:00", "not a date"),
        ("rule = 'deadlock'\nreason = 'x'\nuntil = 2999-12-31", "until"),
    ] {
        config(&format!("[[ignore]]\n{wrong}\n"));
        let (code, _, message) = check("json");
        assert!(code == Some(2) && message.contains(told), "{wrong}: {message}");
    }
}

/// Two statements whose ids have their first six digits in common.
fn alike() -> [(String, String); 2] {
    let mut known = std::collections::HashMap::new();
    for n in 0.. {
        let sql = format!("SELECT c{n} FROM t");
        let id = laggard::sql::fingerprint::normalise(sql.as_bytes(), laggard::Settings::default().dialect).fingerprint.to_string();
        if let Some((other, other_id)) = known.insert(id[..6].to_owned(), (sql.clone(), id.clone())) {
            return [(other, other_id), (sql, id)];
        }
    }
    unreachable!("there are 16 million beginnings")
}

#[test]
fn digits_that_several_statements_begin_with_ignore_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let [(first, id), (second, _)] = alike();
    let log = failed(7, "canceling statement due to statement timeout", &first) + &timed(7, 100, "statement", &second);
    fs::write(folder.path().join("pg.log"), log).expect("written");
    let check = |digits: &str| {
        let config = format!("[[ignore]]\nfingerprint = '{digits}'\nreason = 'gives up early'\n");
        fs::write(folder.path().join("laggard.toml"), config).expect("written");
        laggard(&["check", "--format", "json", "pg.log"], Some(folder.path()))
    };
    let (code, document, _) = check(&id[..6]);
    assert!(code == Some(1) && document.contains("ignore-ambiguous") && document.contains("write more digits"), "{document}");
    let (code, document, _) = check(&id);
    assert!(code == Some(0) && document.contains("findings-ignored") && !document.contains("ignore-ambiguous"), "{document}");
}

/// What real servers logged of migrations: see `fixtures/README.md`. Times are those of the log, added up by hand.
#[test]
fn migrations_are_measured_by_what_they_made_others_wait_for() {
    let found = |path: &str| {
        let found = finding::check(&read(fixtures().join("rules").join(path)).workload, &Options::default());
        let [one] = found.as_slice() else { panic!("{path}: {found:?}") };
        one.clone()
    };
    let one = found("access-exclusive-wait/hit-behind-reader.log");
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (1, Some(1_372_935)));
    assert_eq!(one.title, "waited up to 1.37 s for ACCESS EXCLUSIVE on orders, once");
    let holder = json!({"pid": 837, "statement": one.related[0].to_string(), "idle_in_transaction": true});
    assert_eq!((&one.evidence[0].data["pid"], &one.evidence[0].data["holder"]), (&json!(854), &holder));
    // It waited for 5.28 s and ran for 1.4 ms, which is no long change.
    let one = found("access-exclusive-wait/hit-runs-for-a-moment.log");
    assert_eq!((one.cost.map(|cost| cost.0), &one.evidence[0].data["holder"]["idle_in_transaction"]), (Some(5_280_616), &json!(false)));

    // The ALTER waited 816.704 ms and the SELECT behind it 356.824, told twice each.
    let one = found("lock-convoy/hit-one-behind-migration.log");
    assert_eq!((one.cost.map(|cost| cost.0), &one.data["waiter_seconds"]), (Some(1_173_528), &json!(1.173_528)));
    assert_eq!((&one.evidence[0].data["longest_us"], &one.evidence[0].data["behind"]), (&json!(816_704), &json!(1)));
    let one = found("lock-convoy/hit-two-behind-migration.log");
    assert_eq!(one.cost.map(|cost| cost.0), Some(1_209_657 + 1_105_503 + 1_103_039));

    // From 13.404 - 0.020176, when it had its lock, to 18.928 s.
    let one = found("ddl-duration/hit-transaction-holds.log");
    assert_eq!(
        json!(one.evidence[0].data),
        json!({"calls": 1, "ran_us": 20_176, "longest_us": 20_176, "held_us": 5_544_176, "table": "items"})
    );

    // Told at 100 ms, given up at 300.
    let one = found("lock-timeout/hit-behind-reader.log");
    assert_eq!((one.occurrences, one.cost.map(|cost| cost.0)), (1, Some(300_101)));

    let one = found("idle-in-transaction-blocker/hit-update.log");
    assert_eq!((one.cost.map(|cost| cost.0), &one.evidence[0].data["holder"]["pid"]), (Some(1_107_241), &json!(1_274)));
    let one = found("lock-wait/hit-behind-batch.log");
    assert_eq!((one.cost.map(|cost| cost.0), &one.evidence[0].data["holder"]["idle_in_transaction"]), (Some(895_177), &json!(false)));
    assert!(one.title.ends_with("99 % of its time"), "{}", one.title);

    let one = found("missing-lock-timeout/hit-alter.log");
    assert_eq!((one.occurrences, one.severity.name(), one.confidence.name()), (1, "info", "low"));
    assert_eq!(one.title, "1 change of items without lock_timeout by migrate");
    let one = found("table-rewrite/hit-type.csv");
    assert_eq!(
        json!(one.evidence[0].data),
        json!({"calls": 1, "wal_bytes": 19_887_201, "block_bytes": 2_505 * 8_192, "table": "orders", "table_bytes": null})
    );
}

/// A wait is one of those that log-convoy, access-exclusive-wait, idle-in-transaction-blocker and lock-wait tell, and only once.
#[test]
fn no_wait_is_told_twice() {
    let parts =
        ["access-exclusive-wait/hit-behind-reader.log", "lock-convoy/hit-two-behind-migration.log", "lock-wait/hit-behind-batch.log"];
    let log: String = parts.iter().map(|part| fs::read_to_string(fixtures().join("rules").join(part)).expect("is there")).collect();
    let settings = Settings { jobs: 1, block_size: 500, ..Settings::default() };
    let reading = laggard::read(vec![Input::Memory("pg.log".into(), log.into_bytes())], &settings).expect("settings are right");
    let found = finding::check(&reading.workload, &Options::default());
    let waits =
        |rule: &str| found.iter().filter(|finding| finding.rule == rule).map(|finding| finding.cost.unwrap_or_default().0).sum::<u64>();
    assert_eq!(
        [waits("access-exclusive-wait"), waits("lock-convoy"), waits("lock-wait"), waits("idle-in-transaction-blocker")],
        [1_372_935, 1_209_657 + 1_105_503 + 1_103_039, 895_177, 0]
    );
}

/// On one screen: what is wrong, then where the time went.
#[test]
fn findings_stand_above_the_statements() {
    let hit = fixtures().join("rules/deadlock/hit-two-orders.log").to_string_lossy().into_owned();
    let (_, page, _) = laggard(&["report", "--no-config", &hit], None);
    let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("no {part} in {page}"));
    assert!(at("findings, most costly first") < at("  share  calls") && at("  share  calls") < at("besides statements"), "{page}");
}

/// Where statements are missing the holder may have run one.
#[test]
fn a_sample_does_not_tell_surely_that_a_holder_did_nothing() {
    let hit = fs::read_to_string(fixtures().join("rules/idle-in-transaction-blocker/hit-update.log")).expect("is there");
    let of = |log: String| {
        let reading =
            laggard::read(vec![Input::Memory("pg.log".into(), log.into_bytes())], &Settings::default()).expect("settings are right");
        let found = finding::check(&reading.workload, &Options::default());
        found.iter().find(|finding| finding.rule == "idle-in-transaction-blocker").map(|finding| finding.confidence.name())
    };
    let first = hit.split(" LOG:").next().expect("a line");
    let setting = format!("{first} LOG:  parameter \"log_statement_sample_rate\" changed to \"0.5\"\n");
    assert_eq!((of(hit.clone()), of(setting + &hit)), (Some("high"), Some("medium")));
}
