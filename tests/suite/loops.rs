//! Loops on labelled sequences of real libraries: what must be found is, what is clean stays so, whatever the blocks.
//!
//! `fixtures/loops/labelled.jsonl` is a part of the labelled corpus; `fixtures/loops.py` scores the whole of it.

use std::fmt::Write;
use std::fs;

use laggard::finding::{self, Confidence, Finding, Options, Severity};
use laggard::{Input, Settings};
use serde_json::{Value, json};

use crate::corpus::fixtures;
use crate::harness::{report, settings, timed};

struct Section {
    name: String,
    label: String,
    log: String,
}

/// One labelled section as the log of a session of its own.
fn section(row: &Value, pid: usize) -> Section {
    let mut log = String::new();
    for statement in row["stmts"].as_array().expect("a list") {
        let (at, took) = (statement["t"].as_f64().expect("a number"), statement["ms"].as_f64().expect("a number"));
        // An hour of its own each, in whole milliseconds as %m has it.
        let ended = (at + took).max(0.0).floor();
        let time = format!("{:02}:{:02}:{:06.3}", pid / 60 % 24, pid % 60, ended / 1_000.0);
        let head = format!("2026-11-23 {time} UTC [{}] app@lab/{} ", 1_000 + pid, row["orm"].as_str().expect("text"));
        let sql = statement["sql"].as_str().expect("text").replace('\n', "\n\t");
        let step = if statement["params"].is_null() { "statement" } else { "execute <unnamed>" };
        writeln!(log, "{head}LOG:  duration: {took:.3} ms  {step}: {sql}").expect("to memory");
        let values = statement["params"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let values: Vec<String> =
            values.iter().enumerate().map(|(at, value)| format!("${} = {}", at + 1, value.as_str().unwrap_or("NULL"))).collect();
        if !values.is_empty() {
            writeln!(log, "{head}DETAIL:  parameters: {}", values.join(", ")).expect("to memory");
        }
    }
    let name = format!("{} {}", row["orm"], row["section"]);
    Section { name, label: row["label"].as_str().expect("text").to_owned(), log }
}

fn sections() -> Vec<Section> {
    let text = fs::read_to_string(fixtures().join("loops/labelled.jsonl")).expect("the sample");
    text.lines().enumerate().map(|(pid, line)| section(&serde_json::from_str(line).expect("JSON"), pid)).collect()
}

fn least(repeats: u32) -> Options {
    let rules = ["n-plus-one", "write-loop", "redundant-query"];
    Options::of(rules.map(|rule| (rule.to_owned(), json!({"min_repeats": repeats})))).expect("known")
}

fn findings(log: &str, settings: &Settings, options: &Options) -> Vec<Finding> {
    let reading = laggard::read(vec![Input::Memory("pg.log".into(), log.into())], settings).expect("settings are right");
    finding::check(&reading.workload, options)
}

/// The log of a session: gap before each statement and its duration in microseconds, and its text.
fn session(pid: u32, statements: &[(u64, u64, String)]) -> String {
    let mut at = 0;
    let mut log = String::new();
    for (gap, took, sql) in statements {
        at += gap + took;
        let line = timed(pid, *took, "statement", sql);
        log += &line.replace("05:33:39.504", &format!("05:33:{:02}.{:03}", at / 1_000_000, at / 1_000 % 1_000));
    }
    log
}

fn query(sql: impl Into<String>) -> (u64, u64, String) {
    (600, 400, sql.into())
}

#[test]
fn labelled_loops_are_found_and_clean_sections_are_not() {
    let (mut expected, mut found, mut clean, mut any, mut missed) = (0, 0, 0, 0, Vec::new());
    for Section { name, label, log } in sections() {
        let findings = findings(&log, &settings(), &least(3));
        let rule = match label.as_str() {
            "n_plus_one" => "n-plus-one",
            "write_loop" => "write-loop",
            "clean" => {
                clean += 1;
                any += usize::from(!findings.is_empty());
                assert!(findings.iter().all(|f| f.confidence < Confidence::High), "{name}: {findings:?}");
                continue;
            }
            _ => continue,
        };
        expected += 1;
        let is_found = findings.iter().any(|finding| finding.rule == rule);
        found += usize::from(is_found);
        if !is_found {
            missed.push(name);
        }
    }
    assert!(expected > 30 && clean > 20, "{expected} loops and {clean} clean sections are too few");
    assert!(found * 100 >= expected * 98, "{found} of {expected}, without {missed:?}");
    assert!(any * 100 <= clean * 3, "{any} of {clean} clean sections have findings");
}

#[test]
fn blocks_and_threads_change_no_loop() {
    let all: Vec<String> =
        sections().into_iter().flat_map(|s| s.log.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>()).collect();
    let log = all.concat();
    let shown = |settings: &Settings| format!("{:?}", findings(&log, settings, &least(3)));
    let expected = shown(&settings());
    assert!(expected.contains("n-plus-one") && expected.contains("write-loop"));
    for (block_size, jobs) in [(777, 1), (4_096, 2), (64 << 10, 2)] {
        assert!(shown(&Settings { block_size, jobs, ..settings() }) == expected, "blocks of {block_size}, {jobs} threads");
    }
}

#[test]
fn the_remedy_names_the_association() {
    for (file, line) in [
        ("n-plus-one/hit-django-items.log", "Order.objects.prefetch_related(\"items\")"),
        ("n-plus-one/hit-activerecord-author.log", "Book.includes(:author)"),
        ("write-loop/hit-insert-per-row.log", "session.execute(insert(Digest), rows)"),
    ] {
        let log = fs::read_to_string(fixtures().join("rules").join(file)).expect("a fixture");
        let found = findings(&log, &settings(), &Options::default());
        assert!(found.iter().any(|finding| finding.remedy.contains(line)), "{file}: {found:?}");
    }
}

/// Numbers worked out by hand from the fixture: 8 calls of 0.4 ms, each 0.6 ms after the one before.
#[test]
fn a_burst_tells_its_numbers() {
    let log = fs::read_to_string(fixtures().join("rules/n-plus-one/hit-django-items.log")).expect("a fixture");
    let found = findings(&log, &settings(), &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.confidence, one.occurrences, one.data["levels"].clone()), (Confidence::High, 1, json!([8])));
    let bursts = &one.data["bursts"];
    assert_eq!(
        (&bursts["n_p50"], &bursts["n_max"], &bursts["wall_us"], &bursts["exec_us"]),
        (&json!(8), &json!(8), &json!(7_400), &json!(3_200))
    );
    let burst = &one.evidence[0];
    assert_eq!(
        (burst.kind, &burst.data["pid"], &burst.data["n"], &burst.data["unit"]),
        ("burst", &json!(4242), &json!(8), &json!("segment"))
    );
}

#[test]
fn nested_loops_are_one_finding() {
    let log = fs::read_to_string(fixtures().join("rules/n-plus-one/hit-nested-tagged.log")).expect("a fixture");
    let found = findings(&log, &settings(), &Options::default());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&one.data["levels"], &one.data["endpoint"]), (&json!([5, 3]), &json!("books#index")));
    assert_eq!(one.data["children"].as_array().map(Vec::len), Some(2));
    assert_eq!(one.evidence.iter().map(|e| e.data["unit"].clone()).collect::<Vec<_>>(), [json!("tag"), json!("tag")]);
}

/// Lookups of many requests in one pooled session, back to back, and lists whose rows have nothing to do with them.
#[test]
fn requests_back_to_back_are_no_sure_loop() {
    let mut statements = Vec::new();
    for n in 0..200 {
        statements.push(query(format!("SELECT \"books\".* FROM \"books\" ORDER BY id LIMIT 10 OFFSET {}", n * 10)));
        let list: Vec<String> = (0..10).map(|key| (key * 7 + n).to_string()).collect();
        statements.push(query(format!("SELECT \"authors\".* FROM \"authors\" WHERE \"authors\".\"id\" IN ({})", list.join(", "))));
        for key in 0..n % 4 {
            statements.push(query(format!("SELECT \"authors\".* FROM \"authors\" WHERE \"authors\".\"id\" = {} LIMIT 1", n * 11 + key)));
        }
    }
    let found = findings(&session(7, &statements), &settings(), &Options::default());
    assert!(found.iter().all(|finding| finding.confidence < Confidence::High), "{found:?}");
}

#[test]
fn a_log_of_slow_statements_says_that_it_shows_no_loops() {
    let slow: Vec<_> = (0..12).map(|n| (1_000, 251_000 + n, format!("SELECT * FROM t WHERE id = {n}"))).collect();
    let facts = report(session(7, &slow));
    assert!(facts.warns("loops-hidden"));
    assert!(findings(&session(7, &slow), &settings(), &Options::default()).iter().all(|finding| finding.confidence < Confidence::High));
    assert!(!report(session(7, &[query("SELECT * FROM t WHERE id = 1")])).warns("loops-hidden"));
}

/// No BEGIN and no COMMIT in the log, and 40 ms between calls: only the number behind the slash of `%v` holds them together.
#[test]
fn one_number_of_a_transaction_holds_calls_together_and_several_do_not() {
    let log = fs::read_to_string(fixtures().join("rules/n-plus-one/hit-numbered-transaction.log")).expect("the fixture");
    let one = |log: &str| findings(log, &Settings::default(), &Options::default());
    let found = one(&log);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.rule, finding.confidence), ("n-plus-one", Confidence::High));
    assert_eq!((&finding.evidence[0].data["unit"], &finding.evidence[0].data["n"]), (&json!("transaction"), &json!(6)));
    // A number for each call, as in autocommit, and none, as in the simple protocol, say the same.
    let mut number = 1_000;
    let renumbered: String = log
        .split_inclusive('\n')
        .map(|line| {
            number += u32::from(line.contains("LOG:"));
            line.replace("3/118", &format!("3/{number}"))
        })
        .collect();
    let units = |log: &str| one(log).iter().flat_map(|f| f.evidence.clone()).map(|e| e.data["unit"].clone()).collect::<Vec<_>>();
    assert_eq!(units(&renumbered), units(&log.replace("3/118", "3/0")));
    assert!(!units(&renumbered).contains(&json!("transaction")), "{renumbered}");
}

/// Comments of different code in one transaction part nothing, whether BEGIN or a number tells of it.
#[test]
fn a_transaction_by_its_number_is_one_whichever_code_its_calls_are_of() {
    let log = fs::read_to_string(fixtures().join("rules/n-plus-one/hit-numbered-transaction.log")).expect("the fixture");
    let tagged = log.replace("LIMIT $2", "LIMIT $2 /*action='index'*/").replace("order_id = $1", "order_id = $1 /*action='items'*/");
    assert_ne!(log, tagged);
    // Twice, so that what is left of the first would be in the second.
    let twice = |log: &str| log.to_owned() + &log.replace("3/118", "3/119").replace("10:00:", "10:01:");
    let told = |log: &str| {
        let found = findings(&twice(log), &Settings::default(), &Options::default());
        let data = |name: &str| found.iter().flat_map(|f| &f.evidence).map(|e| e.data[name].clone()).collect::<Vec<_>>();
        (found.iter().map(|f| (f.rule, f.confidence, f.occurrences)).collect::<Vec<_>>(), data("n"), data("unit"))
    };
    let expected = (vec![("n-plus-one", Confidence::High, 2)], vec![json!(6); 2], vec![json!("transaction"); 2]);
    assert_eq!((told(&log), told(&tagged)), (expected.clone(), expected));
}

/// Two calls on each of ten connections: no session shows the loop, all of them together do.
#[test]
fn a_loop_over_a_pool_is_one_burst_of_several_processes() {
    let log = fs::read_to_string(fixtures().join("rules/n-plus-one/hit-over-a-pool.log")).expect("the fixture");
    let found = findings(&log, &Settings::default(), &Options::default());
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.confidence, finding.occurrences, finding.evidence.len()), (Confidence::Medium, 1, 1));
    let data = &finding.evidence[0].data;
    assert_eq!((&data["n"], &data["pids"]), (&json!(20), &json!((301..=310).collect::<Vec<u32>>())));
    // From the first one's start, 0.6 ms before its end at 102 ms, to the last one's end at 124 ms.
    assert_eq!((&data["wall_us"], &data["unit"]), (&json!(22_600), &json!("segment")));
}

/// The same on four connections, two of which show a loop of six calls themselves: it is one all the same.
#[test]
fn a_sessions_part_of_a_loop_over_a_pool_is_not_told_again() {
    let log = fs::read_to_string(fixtures().join("rules/n-plus-one/hit-over-a-pool.log")).expect("the fixture");
    let log = (305..=310).fold(log, |log, pid: u32| log.replace(&format!("[{pid}]"), &format!("[{}]", 301 + (pid - 301) % 4)));
    let found = findings(&log, &Settings::default(), &Options::default());
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    let calls: Vec<_> = finding.evidence.iter().map(|e| e.data["n"].clone()).collect();
    assert_eq!((finding.occurrences, calls), (1, vec![json!(20)]));
    // Without the list nothing says that the calls are one request's: each session's part stands for itself.
    let parts: String = log.split_inclusive('\n').filter(|line| !line.contains("uploader_id")).collect();
    assert!(findings(&parts, &Settings::default(), &Options::default()).iter().all(|f| f.evidence.iter().all(|e| e.data["n"] != 20)));
}

/// Eight rows that are looked for and then inserted: sure where both statements have one value, the same; a second column leaves
/// it likely. Rows that are there already and changed are a loop of writes.
#[test]
fn upserts_by_hand_are_told_once_and_as_surely_as_values_say() {
    let rows = |write: fn(u32) -> String| -> Vec<(u64, u64, String)> {
        let row = |n| [query(format!("SELECT id, name FROM tags WHERE name = 't{n}' LIMIT 21")), query(write(n))];
        (0..8).flat_map(row).collect()
    };
    let pairs = |write: fn(u32) -> String| {
        let found = findings(&session(7, &rows(write)), &settings(), &Options::default());
        found.iter().map(|finding| (finding.rule, finding.confidence)).collect::<Vec<_>>()
    };
    assert_eq!(pairs(|n| format!("INSERT INTO tags (name) VALUES ('t{n}')")), [("upsert-loop", Confidence::High)]);
    assert_eq!(pairs(|n| format!("INSERT INTO tags (name, colour) VALUES ('t{n}', {n})")), [("upsert-loop", Confidence::Medium)]);
    assert!(pairs(|n| format!("UPDATE tags SET seen = 1 WHERE name = 't{n}'")).iter().any(|(rule, _)| *rule == "write-loop"));
    assert!(pairs(|n| format!("INSERT INTO uses (tag) VALUES ('t{n}')")).iter().all(|(rule, _)| *rule != "upsert-loop"));
}

/// Between the look and the write a list of the same table is read: what is written is the row that was looked for.
#[test]
fn a_list_between_a_row_and_its_change_hides_nothing() {
    let round = |n: u64| {
        let look = format!("SELECT id, stock FROM products WHERE id = {n} LIMIT 1");
        let list = format!("SELECT id, name FROM products WHERE kind = {n}");
        let change = format!("UPDATE products SET stock = {n} WHERE id = {n}");
        // So long from each to the next that they are no loop.
        [(150_000, 400, look), (1_000, 400, list), (1_000, 400, change)]
    };
    let pairs = |skipped: usize| {
        let calls: Vec<_> = (0..120).flat_map(|n| round(n).into_iter().skip(skipped)).collect();
        let found = findings(&session(7, &calls), &settings(), &Options::default());
        found.iter().filter(|f| f.rule == "select-then-write").map(|f| f.occurrences).collect::<Vec<_>>()
    };
    assert_eq!((pairs(0), pairs(1)), (vec![120], vec![]));
}

/// What a session's log shows, by rule: how sure, how grave, and the calls of each burst.
fn told(statements: &[(u64, u64, String)]) -> Vec<(&'static str, Confidence, Severity, Vec<u64>)> {
    let found = findings(&session(7, statements), &settings(), &Options::default());
    let calls = |finding: &Finding| finding.evidence.iter().filter_map(|e| e.data["n"].as_u64()).collect();
    found.iter().map(|finding| (finding.rule, finding.confidence, finding.severity, calls(finding))).collect()
}

/// The bursts of one rule.
fn bursts(statements: &[(u64, u64, String)], rule: &str) -> Vec<u64> {
    told(statements).into_iter().filter(|(known, ..)| *known == rule).flat_map(|(.., calls)| calls).collect()
}

fn transaction(statements: Vec<(u64, u64, String)>) -> Vec<(u64, u64, String)> {
    [vec![query("BEGIN")], statements, vec![query("COMMIT")]].concat()
}

/// Twenty-four comments on two posts, or on five in turn: the third call may be for the first one's key.
#[test]
fn many_rows_that_point_to_few_are_a_loop() {
    for posts in [2, 5] {
        let lookup = |n| query(format!("SELECT * FROM posts WHERE id = {} LIMIT 1", 1 + n % posts));
        let page: Vec<_> = std::iter::once(query("SELECT * FROM comments")).chain((0..24).map(lookup)).collect();
        assert_eq!(bursts(&page, "n-plus-one"), [24], "{posts} posts");
        assert_eq!(bursts(&transaction(page), "n-plus-one"), [24], "{posts} posts");
    }
    // The first four are for one post: what is looped over shows when the second comes.
    let late = |n: u64| query(format!("SELECT * FROM posts WHERE id = {} LIMIT 1", 1 + n / 4));
    let page: Vec<_> = std::iter::once(query("SELECT * FROM comments")).chain((0..8).map(late)).collect();
    assert_eq!(bursts(&page, "n-plus-one"), [8]);
}

/// Two requests, 20 ms apart, ask six times each for a key of their own.
#[test]
fn requests_that_repeat_a_key_each_are_told_together() {
    let ask = |n: u64| (if n == 6 { 20_000 } else { 600 }, 400, format!("SELECT * FROM settings WHERE name = 'k{}'", n / 6));
    let both: Vec<_> = (0..12).map(ask).collect();
    let found = findings(&session(7, &both), &settings(), &Options::default());
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.rule, finding.confidence), ("redundant-query", Confidence::Low));
    assert!(finding.title.contains("12 times over for 2 values"), "{}", finding.title);
    // Two values of three calls each repeat too little.
    let few: Vec<_> = (0..6).map(|n| (600, 400, format!("SELECT * FROM settings WHERE name = 'k{}'", n / 3))).collect();
    assert!(told(&few).is_empty(), "{:?}", told(&few));
}

/// Twelve rows, each looked at before it is written; and then twelve others, and again.
#[test]
fn a_look_before_each_write_hides_no_later_loop() {
    let looks: [fn(u64) -> String; 3] = [
        |n| format!("SELECT 1 AS one FROM chairs WHERE chairs.name = 'c{n}' AND chairs.id != {n} LIMIT 1"),
        |n| format!("SELECT 1 AS one FROM names WHERE names.name = 'c{n}' LIMIT 1"),
        |n| format!("SELECT names.* FROM names WHERE names.name = 'c{n}' LIMIT 1"),
    ];
    for look in looks {
        let row = |n| vec![query(look(n)), query(format!("UPDATE chairs SET name = 'c{n}' WHERE chairs.id = {n}"))];
        let list = || query("SELECT chairs.* FROM chairs ORDER BY chairs.id DESC LIMIT 12");
        let page =
            |of: &dyn Fn(u64) -> Vec<(u64, u64, String)>, from: u64| [vec![list()], (from..from + 12).flat_map(of).collect()].concat();
        let pages = |of: &dyn Fn(u64) -> Vec<(u64, u64, String)>| [page(of, 0), page(of, 20), page(of, 40)].concat();
        assert_eq!(bursts(&pages(&|n| transaction(row(n))), "write-loop"), [12, 12, 12], "{}", look(1));
        assert_eq!(bursts(&transaction(pages(&row)), "write-loop"), [12, 12, 12], "{}", look(1));
    }
}

/// One row and what it points to, and then a page of rows and what they point to; twice.
#[test]
fn an_early_call_for_another_row_hides_no_loop() {
    let author = |n: u64| query(format!("SELECT id, name FROM authors WHERE id = {n} LIMIT 21"));
    let page = |from: u64| {
        let list = query("SELECT id, title, author_id FROM books LIMIT 12");
        std::iter::once(list).chain((from..from + 12).map(author)).collect::<Vec<_>>()
    };
    let first = vec![query("SELECT id, title, author_id FROM books ORDER BY id LIMIT 1"), author(900)];
    let all = [first, page(1), page(20)].concat();
    assert_eq!(bursts(&all, "n-plus-one"), [12, 12]);
    assert_eq!(told(&transaction(all.clone())), [("n-plus-one", Confidence::High, Severity::Medium, vec![12, 12])]);
    // A look at one row more, by another request: the page was complete before.
    let one = vec![query("SELECT id, title, author_id FROM books WHERE id = 7"), author(901)];
    assert_eq!(bursts(&[all, one].concat(), "n-plus-one"), [12, 12]);
    // Far more calls than their list has rows are for something else too.
    let beyond = std::iter::once(query("SELECT id, title, author_id FROM books LIMIT 2")).chain((0..12).map(author)).collect();
    assert!(told(&transaction(beyond)).iter().all(|(_, confidence, ..)| *confidence < Confidence::High));
}

/// Rows that a driver sends one behind the other, 2 µs apart: no round trip is to be spared.
#[test]
fn a_batch_is_no_sure_loop() {
    let rows = |n: u64, gap: u64| {
        transaction((0..n).map(|n| (gap, 60, format!("INSERT INTO book (isbn, title) VALUES ('i{n}', 't{n}')"))).collect())
    };
    assert_eq!(told(&rows(30, 2)), [("write-loop", Confidence::Medium, Severity::Info, vec![30])]);
    // Ten of them take less time than stamps of milliseconds can tell.
    assert!(matches!(told(&rows(10, 2)).as_slice(), [("write-loop", Confidence::Medium, ..)]));
    assert!(matches!(told(&rows(10, 500)).as_slice(), [("write-loop", Confidence::High, ..)]));
}

/// Six rows, another request, and six rows: in autocommit nothing says that they belong together.
#[test]
fn of_a_broken_loop_each_stretch_is_told() {
    let insert = |n: u64| query(format!("INSERT INTO book (isbn, title) VALUES ('i{n}', 't{n}')"));
    let other = || query("SELECT m.id FROM messages m WHERE m.id = 3");
    let rows = |n: u64| (0..n).map(insert).collect::<Vec<_>>();
    assert_eq!(bursts(&[rows(6), vec![other(), other()], rows(5)].concat(), "write-loop"), [6, 5]);
    assert_eq!(bursts(&[rows(4), vec![other(), other()], rows(4)].concat(), "write-loop"), [0; 0]);
    // The same in many pieces: none is lost, and of hardly any breaks the whole is one.
    let pieces = |n: u64| (0..40).flat_map(|_| [rows(n), vec![other(), other()]].concat()).collect::<Vec<_>>();
    assert_eq!(bursts(&pieces(6), "write-loop"), [6; 40]);
    let sum = |n| bursts(&pieces(n), "write-loop").iter().sum::<u64>();
    assert!(sum(50) >= 40 * 50, "{}", sum(50));
}

/// Each row is locked and then changed, in a transaction of its own.
#[test]
fn a_row_locked_before_its_write_is_not_what_is_looped_over() {
    let row = |n| {
        let lock = query(format!("SELECT id, email, name FROM author WHERE email = 'a{n}' LIMIT 2 FOR UPDATE"));
        transaction(vec![lock, query(format!("UPDATE author SET name = 'z' WHERE id = {n}"))])
    };
    assert_eq!(bursts(&(0..10).flat_map(row).collect::<Vec<_>>(), "write-loop"), [10]);
}

/// A library that looks for rows without LIMIT: they are one only if both statements have the same values.
#[test]
fn rows_looked_for_by_any_key_and_then_inserted_are_an_upsert() {
    let rows = |shift: u64| {
        let row = |n| {
            let look = query(format!("SELECT * FROM tags WHERE name = 't{n}'"));
            [look, query(format!("INSERT INTO tags (name) VALUES ('t{}')", n + shift))]
        };
        (0..8).flat_map(row).collect::<Vec<_>>()
    };
    let log = session(7, &rows(0)).replace("[7]", "[7] app@shop/web");
    let found = findings(&log, &settings(), &Options::default());
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.rule, finding.confidence), ("upsert-loop", Confidence::High));
    assert!(finding.remedy.ends_with("(unknown ORM)"), "{}", finding.remedy);
    assert!(told(&rows(100)).iter().all(|(rule, ..)| *rule != "upsert-loop"));
}
