//! Findings on the schema: their numbers, worked out by hand from `fixtures/schemas.py`, and the words around them.

use laggard::finding::{self, Finding, Options};
use serde_json::{Value, json};

use crate::corpus::fixtures;
use crate::rules::read;

/// The only finding of a fixture.
fn only(fixture: &str) -> Finding {
    let found = finding::check(&read(fixtures().join("rules").join(fixture)).workload, &Options::default());
    let [one] = found.as_slice() else { panic!("{fixture}: {found:?}") };
    one.clone()
}

fn graded(finding: &Finding) -> (&'static str, &'static str) {
    (finding.severity.name(), finding.confidence.name())
}

fn data(finding: &Finding, evidence: usize) -> Value {
    Value::Object(finding.evidence[evidence].data.clone())
}

#[test]
fn what_can_go_is_named_with_what_it_frees() {
    // 600 pages of 8192 bytes; 5000 inserts and 900 updates of which 400 were HOT.
    let twin = only("duplicate-index/hit-twice.snap");
    assert_eq!((graded(&twin), data(&twin, 0)), (("low", "high"), json!({"bytes": 4_915_200, "kept": "orders_customer_id"})));
    assert_eq!(twin.ddl.as_deref(), Some("DROP INDEX CONCURRENTLY public.orders_customer_id_idx;"));
    assert!(twin.evidence[0].text.contains("5\u{2009}500 writes"), "{}", twin.evidence[0].text);
    let beside = only("duplicate-index/hit-beside-primary-key.snap");
    assert_eq!(beside.ddl.as_deref(), Some("DROP INDEX CONCURRENTLY public.orders_id_idx;"), "never the primary key");
    // Neither of the two was scanned, and one of them stays; likewise the longer one.
    assert_eq!(only("duplicate-index/hit-neither-is-scanned.snap").rule, "duplicate-index");
    assert_eq!(only("redundant-index/hit-longer-is-not-scanned.snap").rule, "redundant-index");
    let prefix = only("redundant-index/hit-prefix.snap");
    assert_eq!(data(&prefix, 0), json!({"bytes": 4_915_200, "longer": "orders_customer_id_placed_at", "longer_bytes": 7_372_800}));
    // From the first of September to noon of the 23rd of November.
    let idle = only("unused-index/hit-never-scanned.snap");
    assert_eq!((graded(&idle), data(&idle, 0)), (("low", "medium"), json!({"scans": 0, "days": 83, "bytes": 4_915_200})));
    assert!(idle.ddl.is_none() && idle.evidence[0].text.contains("or since it was created"), "it may be of yesterday: {idle:?}");
    // From the first of August, six in the morning, to noon of the 23rd of November, whenever the counters were reset.
    let former = only("unused-index/hit-no-longer-scanned.snap");
    assert_eq!((graded(&former), data(&former, 0)), (("low", "medium"), json!({"scans": 1_200, "days": 114, "bytes": 4_915_200})));
    assert!(former.title.ends_with("its last scan was 114 days ago"), "{}", former.title);
    let null = only("mostly-null-index/hit-asked-for-values");
    assert_eq!((graded(&null), data(&null, 0)), (("info", "medium"), json!({"null_share": 0.98, "bytes": 4_915_200})));
    assert!(null.remedy.contains("WHERE status IS NOT NULL"), "{}", null.remedy);
}

#[test]
fn a_foreign_key_ranks_by_who_pays() {
    let key = |fixture: &str| only(&format!("foreign-key-without-index/{fixture}"));
    // 40 checks of 11 ms.
    let checked = key("hit-check-is-counted.snap");
    assert_eq!((checked.cost.map(|cost| cost.0), checked.occurrences, checked.related.len()), (Some(440_000), 40, 1));
    assert_eq!(data(&checked, 1), json!({"calls": 40, "total_us": 440_000}));
    assert!(checked.severity >= finding::Severity::Medium && checked.confidence == finding::Confidence::High);
    let ddl = "CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);";
    assert_eq!(checked.ddl.as_deref(), Some(ddl));
    assert_eq!(graded(&key("hit-rows-were-deleted.snap")), ("medium", "high"));
    assert_eq!(graded(&key("hit-nobody-deletes.snap")), ("info", "medium"));
    let logged = key("hit-delete-in-log");
    assert_eq!((graded(&logged), logged.statement.is_some()), (("medium", "high"), true));
    assert_eq!((&logged.data["level"], &logged.data["columns"]), (&json!("catalog"), &json!(["customer_id"])));
}

/// What a statement asks for and a foreign key refers by is one index and not two, whatever stands behind its first column.
#[test]
fn an_index_that_statements_need_serves_a_foreign_key_too() {
    let text = |name: &str| std::fs::read_to_string(fixtures().join("rules").join(name)).expect("a fixture");
    let with_key = |name: &str, change: fn(&str) -> String| {
        let parent = text("foreign-key-without-index/hit-nobody-deletes.snap");
        let of_key = parent.lines().filter(|line| ["\"oid\": 2", "\"relation\": 20", "_fkey"].iter().any(|word| line.contains(word)));
        let whole = text(name);
        let mut lines: Vec<String> = whole.lines().filter(|line| !line.contains("\"type\": \"end\"")).map(change).collect();
        lines.extend(of_key.map(str::to_owned));
        lines.push(format!("{{\"type\": \"end\", \"lines\": {}}}", lines.len() + 1));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.snap");
        std::fs::write(&path, lines.join("\n") + "\n").expect("to disk");
        finding::check(&read(path).workload, &Options::default())
    };
    let ddl = |found: &[Finding], rule: &str| {
        let of_rule: Vec<&Finding> = found.iter().filter(|finding| finding.rule == rule).collect();
        let [one] = of_rule.as_slice() else { panic!("{found:?}") };
        (one.ddl.clone(), one.remedy.clone())
    };
    let same = with_key("missing-index/hit-in-catalogue.snap", str::to_owned);
    assert!(ddl(&same, "missing-index").0.is_some());
    let (none, remedy) = ddl(&same, "foreign-key-without-index");
    assert_eq!(none, None);
    assert_eq!(remedy, "Create the index on public.orders (customer_id) that missing-index tells of: it serves this key too.");
    let longer = |line: &str| line.replace("status = $1 ORDER BY placed_at DESC", "customer_id = $1 ORDER BY placed_at DESC");
    let begins = with_key("missing-index/hit-in-catalogue-order.snap", longer);
    assert_eq!(ddl(&begins, "foreign-key-without-index").0, None);
    // An index on other columns does not; and its name is given once.
    let other = with_key("missing-index/hit-in-catalogue-order.snap", str::to_owned);
    let own = "CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);";
    assert_eq!(ddl(&other, "foreign-key-without-index").0.as_deref(), Some(own));
}

#[test]
fn shares_and_ages_are_those_of_the_snapshot() {
    // 1932735283 of 2147483647.
    let sequence = only("sequence-near-end/hit-column-is-integer.snap");
    let share = data(&sequence, 0)["share"].as_f64().expect("a share");
    assert!((share - 0.9).abs() < 1e-6 && graded(&sequence) == ("high", "high"), "{share} {:?}", graded(&sequence));
    assert_eq!((&sequence.data["column"], data(&sequence, 0)["limit"].as_i64()), (&json!("public.orders.id"), Some(2_147_483_647)));
    let horizon = only("old-xmin-horizon/hit-idle-in-transaction.snap");
    assert_eq!(
        (graded(&horizon), data(&horizon, 0)),
        (("medium", "high"), json!({"holder": "backend", "age": 2_500_000, "open_us": 14_400_000_000_u64}))
    );
    assert_eq!(data(&horizon, 1), json!({"dead_rows": 70_000}));
    assert_eq!(only("old-xmin-horizon/hit-slot.snap").severity.name(), "high");
    // 90000 of 200000.
    let changed = only("stale-statistics/hit-much-changed.snap");
    assert_eq!((graded(&changed), changed.title.as_str()), (("low", "high"), "45 % of public.orders changed since it was analysed"));
    assert_eq!(graded(&only("stale-statistics/hit-never.snap")), ("medium", "high"));
    let column = only("stale-statistics/hit-new-column");
    assert_eq!(column.ddl.as_deref(), Some("ANALYZE public.orders (carrier);"));
}

#[test]
fn settings_are_one_finding_with_a_reason_each() {
    let installed = only("blind-setting/hit-as-installed.snap");
    assert_eq!(graded(&installed), ("info", "high"));
    assert_eq!(installed.data["settings"], json!(["track_io_timing", "log_min_duration_statement", "log_lock_waits", "auto_explain"]));
    assert_eq!(installed.evidence.len(), 4);
    let dropped = only("blind-setting/hit-entries-dropped.snap");
    assert!(dropped.evidence[0].text.contains("dropped 12 times") && graded(&dropped).0 == "medium", "{dropped:?}");
}

/// 45 of 50 entries are there.
#[test]
fn what_is_counted_and_logged_in_part_is_told() {
    let full = only("blind-setting/hit-nearly-full.snap");
    assert_eq!((graded(&full), &full.data["settings"]), (("info", "high"), &json!(["pg_stat_statements.max"])));
    assert!(full.evidence[0].text.starts_with("45 of 50 statements"), "{}", full.evidence[0].text);
    let without_ids = only("blind-setting/hit-no-ids.snap");
    assert_eq!((graded(&without_ids), &without_ids.data["settings"]), (("medium", "high"), &json!(["compute_query_id"])));
    let plans = only("blind-setting/hit-plans-without-counts.snap");
    assert_eq!((graded(&plans), &plans.data["settings"]), (("info", "high"), &json!(["log_temp_files", "auto_explain.log_analyze"])));
}

/// 98 000 rows where 120 were expected, and four loops of 12 000 where 30 were; one finding for each table.
#[test]
fn estimates_are_of_a_loop() {
    let read = read(fixtures().join("rules/row-misestimate/hit-two-tables.log"));
    let found = finding::check(&read.workload, &Options::default());
    let told: Vec<_> = found.iter().map(|finding| (finding.rule, finding.occurrences, json!(finding.evidence[0].data))).collect();
    let of = |table: &str, rows: u64, expected: u64, loops: u64, factor: f64| json!({"table": table, "rows": rows, "expected": expected, "loops": loops, "factor": factor});
    assert_eq!(
        told,
        [("row-misestimate", 3, of("events", 98_000, 120, 1, 98_000.0 / 120.0)), ("row-misestimate", 3, of("items", 12_000, 30, 4, 400.0)),]
    );
}

#[test]
fn what_may_be_being_built_is_likely_only() {
    assert_eq!(graded(&only("invalid-index/hit-failed-build.snap")), ("medium", "high"));
    let rest = only("invalid-index/hit-left-of-reindex.snap");
    assert_eq!(rest.ddl.as_deref(), Some("DROP INDEX CONCURRENTLY public.orders_status_idx_ccnew;"));
    let beside = only("invalid-index/hit-another-is-built.snap");
    assert_eq!((graded(&beside), beside.ddl.as_deref()), (("medium", "medium"), None), "REINDEX TABLE makes all before it builds one");
}
