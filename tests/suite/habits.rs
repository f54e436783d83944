//! Rules on the text of statements: the numbers of their fixtures, counted by hand, and what they must not say.
//!
//! Unless said otherwise a hit is six calls of 40, 50, 60, 70, 80 and 90 ms: 390 ms, a mean of 65 ms, a p95 of 90 ms.

use laggard::finding::{self, Finding, Options};
use laggard::{Input, Settings};
use serde_json::json;

use crate::corpus::fixtures;
use crate::rules::read;

/// The only finding of a fixture.
fn only(fixture: &str) -> Finding {
    let found = finding::check(&read(fixtures().join("rules").join(fixture)).workload, &Options::default());
    let [one] = <[Finding; 1]>::try_from(found).unwrap_or_else(|found| panic!("{fixture}: {found:?}"));
    one
}

/// Severity, confidence, table, columns, and words that the title and the remedy must have.
type Expected = (&'static str, &'static str, &'static str, Option<&'static str>, &'static [&'static str], [&'static str; 2]);

#[rustfmt::skip]
const HITS: &[Expected] = &[
    ("write-without-where/hit-every-row.log", "medium", "medium", Some("accounts"), &[], ["every row of accounts", "rows of accounts change"]),
    ("lock-without-limit/hit-jobs.log", "medium", "medium", Some("jobs"), &[], ["locks all rows of jobs", "SKIP LOCKED"]),
    ("order-by-random/hit-products.log", "medium", "medium", Some("products"), &[], ["sorts products", "products TABLESAMPLE"]),
    ("cartesian-join/hit-users-orders.log", "medium", "medium", Some("users"), &[], ["users is combined with every row of orders", "Join users and orders"]),
    ("leading-wildcard/hit-literal.log", "medium", "medium", Some("products"), &["name"], ["products.name", "trigram index (GIN, pg_trgm) on products.name"]),
    ("leading-wildcard/hit-bound.log", "medium", "medium", Some("products"), &["name"], ["products.name", "trigram index"]),
    ("not-in-subquery/hit-users.log", "medium", "medium", Some("users"), &["id"], ["users.id NOT IN", "NOT EXISTS"]),
    ("correlated-subquery/hit-authors.log", "medium", "medium", Some("books"), &[], ["a sub-query of books runs once for each row of authors", "FROM books GROUP BY"]),
    ("huge-in-list/hit-ids.log.gz", "medium", "medium", None, &[], ["1\u{2009}200 values", "keys of orders"]),
    ("huge-in-list/hit-cut.log.gz", "medium", "medium", None, &[], ["1\u{2009}019 values or more", "keys of orders"]),
    ("deep-offset/hit-literal.log", "medium", "medium", Some("events"), &[], ["6 of 6 calls skip 1\u{2009}000 rows of events or more", "index on events"]),
    ("count-for-existence/hit-open-orders.log", "medium", "medium", Some("orders"), &[], ["counts rows of orders", "EXISTS (SELECT 1 FROM orders"]),
    ("count-for-existence/hit-subquery.log", "medium", "medium", Some("orders"), &[], ["counts rows of orders", "EXISTS"]),
    ("count-without-filter/hit-pages.log", "medium", "medium", Some("events"), &[], ["counts all rows of events, likely for the number of pages", "reltuples"]),
    ("json-filter/hit-kind.log", "medium", "medium", Some("events"), &["payload"], ["events.payload with ->>", "an index on events ((payload ->> …))"]),
    ("json-filter/hit-any.log", "medium", "medium", Some("posts"), &["tags"], ["posts.tags with = ANY", "posts.tags @> ARRAY"]),
    ("cast-on-column/hit-date.log", "medium", "medium", Some("orders"), &["placed_at"], ["orders.placed_at is cast to date", "an index on orders ((placed_at::date))"]),
    ("function-on-column/hit-lower.log", "medium", "medium", Some("users"), &["email"], ["lower(users.email) is compared", "an index on users (lower(email))"]),
    ("function-on-column/hit-date-trunc.log", "medium", "medium", Some("orders"), &["placed_at"], ["date_trunc(orders.placed_at)", "orders.placed_at >= its first moment"]),
    ("or-across-columns/hit-tables.log", "medium", "medium", Some("orders"), &["number"], ["orders.number and users.email of another table", "UNION"]),
    ("or-across-columns/hit-columns.log", "medium", "low", Some("users"), &["email"], ["users.email and phone", "UNION"]),
    ("case-insensitive-match/hit-email.log", "medium", "medium", Some("users"), &["email"], ["users.email is compared with ILIKE", "an index on users (lower(email))"]),
    ("distinct-join/hit-authors.log", "medium", "medium", Some("books"), &[], ["joining books", "EXISTS (SELECT 1 FROM books"]),
    ("unbounded-select/hit-whole-table.log", "medium", "low", Some("orders"), &[], ["returns all rows of orders", "Read orders in pages"]),
];

#[test]
fn hits_name_their_table_and_column_and_what_to_write() {
    for (fixture, severity, confidence, table, columns, [title, remedy]) in HITS {
        let one = only(fixture);
        assert_eq!((one.severity.name(), one.confidence.name(), one.occurrences), (*severity, *confidence, 6), "{fixture}");
        if table.is_some() {
            assert_eq!(json!(one.data), json!({"table": table, "columns": columns}), "{fixture}");
        }
        assert!(one.title.contains(title) && one.remedy.contains(remedy), "{fixture}: {} {}", one.title, one.remedy);
        let price = &one.evidence[1].data;
        assert_eq!(
            json!([price["calls"], price["total_us"], price["mean_us"], price["p95_us"], price["share"]]),
            json!([6, 390_000, 65_000.0, 90_000, 1.0]),
            "{fixture}"
        );
        // What is only a hint claims no cost.
        assert!(one.cost.is_none_or(|cost| cost.0 == 390_000 && *confidence != "low"), "{fixture}");
        assert!(one.ddl.is_none());
    }
}

/// The counters of the exports: ten calls, 4 s in all.
#[test]
fn counters_prove_what_a_text_alone_cannot() {
    let deleted = only("write-without-where/hit-counted.csv");
    assert_eq!((deleted.severity.name(), deleted.confidence.name(), deleted.cost.map(|cost| cost.0)), ("high", "high", Some(4_000_000)));
    assert_eq!(
        (&deleted.evidence[1].data["rows_per_call"], &deleted.evidence[1].data["blocks_per_row"]),
        (&json!(25_000.0), &json!(36.004))
    );
    assert!(deleted.remedy.contains("TRUNCATE sessions"), "{}", deleted.remedy);
    let all = only("unbounded-select/hit-counted.csv");
    assert_eq!(
        (all.severity.name(), all.confidence.name(), all.title.as_str()),
        ("medium", "high", "returns 25\u{2009}000 rows a call of orders")
    );
    let open = only("unbounded-select/hit-status.csv");
    assert_eq!(
        (open.confidence.name(), open.evidence[0].text.as_str()),
        ("high", "no LIMIT, no aggregate, no column that identifies rows")
    );
    let star = only("select-star/hit-documents.csv");
    assert_eq!(
        (star.severity.name(), star.confidence.name(), star.title.as_str()),
        ("low", "medium", "reads all columns of 2\u{2009}500 rows of documents a call")
    );
}

/// Six calls of 40 ms and two of 150 and 160: half of them take 40 ms, and the slow ones four times as long.
#[test]
fn a_deep_page_is_sure_where_pages_grow_slower() {
    let page = only("deep-offset/hit-bound.log");
    assert_eq!((page.severity.name(), page.confidence.name(), page.cost.map(|cost| cost.0)), ("high", "high", Some(550_000)));
    assert!(page.title.contains("1 of 8 calls skip 1\u{2009}000 rows of events or more"), "{}", page.title);
}

/// Six calls of 3 ms.
#[test]
fn whole_rows_are_a_hint_only() {
    let saved = only("full-row-update/hit-save.log");
    assert_eq!((saved.severity.name(), saved.confidence.name(), saved.cost), ("low", "low", None));
    assert!(saved.title.contains("8 columns of a row of books"), "{}", saved.title);
}

#[test]
fn no_value_of_the_log_is_told() {
    let values = ["ann@", "lamp", "20000", "20\u{2009}000", "login", "rust", "2026-11-22", "A-7", "555", "1000, 1001", "'open'"];
    for entry in std::fs::read_dir(fixtures().join("rules"))
        .expect("rules")
        .flatten()
        .flat_map(|rule| std::fs::read_dir(rule.path()).expect("a rule"))
    {
        let path = entry.expect("a fixture").path();
        for one in finding::check(&read(path.clone()).workload, &Options::default()).iter().filter(|one| one.evidence[0].kind == "shape") {
            let evidence: Vec<String> = one.evidence.iter().map(|e| format!("{} {}", e.text, json!(e.data))).collect();
            let told = format!("{} {} {} {}", one.title, one.remedy, json!(one.data), evidence.join(" "));
            assert!(values.iter().all(|value| !told.contains(value)), "{}: {told}", path.display());
        }
    }
}

/// A miss proves nothing if its statements are not understood.
#[test]
fn what_the_misses_hold_is_read() {
    let other = ["truncate", "create", "copy", "declare"];
    let mut read_texts = 0;
    for (fixture, ..) in HITS {
        let folder = fixtures().join("rules").join(fixture.split('/').next().expect("a rule"));
        let misses = std::fs::read_dir(folder).expect("a rule").map(|entry| entry.expect("a fixture").path());
        for path in misses.filter(|path| path.to_string_lossy().contains("/miss-")) {
            let workload = read(path.clone()).workload;
            let texts: Vec<String> = workload.statements().map(|statement| statement.text.clone()).collect();
            let reader = std::thread::Builder::new().stack_size(64 << 20);
            let unread = reader.spawn(move || {
                let is_read = |text: &String| laggard::sql::shape::habits::read(text, b"").is_some();
                let unread: Vec<String> = texts.iter().filter(|text| !is_read(text)).cloned().collect();
                (texts.len() - unread.len(), unread)
            });
            let (count, unread) = unread.expect("a thread").join().expect("no panic");
            read_texts += count;
            assert!(unread.iter().all(|text| other.iter().any(|verb| text.starts_with(verb))), "{}: {unread:?}", path.display());
        }
    }
    assert!(read_texts > 100, "{read_texts}");
}

#[test]
fn floors_are_options() {
    let workload = read(fixtures().join("rules/function-on-column/hit-lower.log")).workload;
    let with = |options: serde_json::Value| {
        let options = Options::of([("function-on-column".to_owned(), options)]).expect("known");
        finding::check(&workload, &options).iter().map(|one| one.confidence.name()).collect::<Vec<_>>()
    };
    assert_eq!(with(json!({"min_calls": 7})), [] as [&str; 0]);
    assert_eq!(with(json!({"min_mean_ms": 70, "min_p95_ms": 95})), ["low"], "large, but no longer slow");
    assert_eq!(with(json!({"min_mean_ms": 70, "min_p95_ms": 95, "min_share": 2})), [] as [&str; 0]);
    for (rule, option) in [
        ("function-on-column", json!({"min_row": 5})),
        ("unbounded-select", json!({"min_row": 5})),
        ("deep-offset", json!({"min_offset": 5})),
    ] {
        assert!(Options::of([(rule.to_owned(), option)]).is_err(), "{rule}");
    }
    assert!(Options::of([("unbounded-select".to_owned(), json!({"min_rows": 5, "min_share": 0.1}))]).is_ok());
}

/// What is not understood, what belongs to the server, and what dumps do is left alone.
#[test]
fn some_statements_are_nobodys_habit() {
    let of = |who: &str, sql: &str| {
        let line = |n: u32| {
            let at = format!("2026-11-23 {:02}:00:00.000 UTC [{}] {who} LOG:  duration: 900.000 ms  statement: {sql}\n", n + 5, 4000 + n);
            at.into_bytes()
        };
        let log: Vec<u8> = (0..6).flat_map(line).collect();
        let mut settings = Settings::default();
        settings.source_options.prefix = Some("%m [%p] %u@%d/%a ".to_owned());
        let reading = laggard::read(vec![Input::Memory("pg.log".into(), log)], &settings).expect("settings are right");
        assert_eq!(reading.workload.calls(), 6, "{sql}");
        finding::check(&reading.workload, &Options::default()).iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    let habit = "SELECT id FROM users WHERE lower(email) = 'x'";
    assert_eq!(of("app@shop/web", habit), ["function-on-column"]);
    assert_eq!(of("app@shop/pg_dump", habit), [] as [&str; 0]);
    assert_eq!(of("app@shop/web", "SELECT oid FROM pg_class WHERE lower(relname) = 'x'"), [] as [&str; 0]);
    assert_eq!(of("app@shop/web", "SELECT id FROM users WHERE lower(email) = 'x' FROM AND"), [] as [&str; 0]);
    assert_eq!(
        of("app@shop/web", &format!("SELECT 1 FROM users WHERE {}lower(email) = 'x'{}", "(".repeat(3_000), ")".repeat(3_000))),
        [] as [&str; 0]
    );
}
