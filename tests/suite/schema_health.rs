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
    let prefix = only("redundant-index/hit-prefix.snap");
    assert_eq!(data(&prefix, 0), json!({"bytes": 4_915_200, "longer": "orders_customer_id_placed_at", "longer_bytes": 7_372_800}));
    // From the first of September to noon of the 23rd of November.
    let idle = only("unused-index/hit-never-scanned.snap");
    assert_eq!((graded(&idle), data(&idle, 0)), (("low", "medium"), json!({"scans": 0, "days": 83, "bytes": 4_915_200})));
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

#[test]
fn what_may_be_being_built_is_likely_only() {
    assert_eq!(graded(&only("invalid-index/hit-failed-build.snap")), ("medium", "high"));
    let rest = only("invalid-index/hit-left-of-reindex.snap");
    assert_eq!(rest.ddl.as_deref(), Some("DROP INDEX CONCURRENTLY public.orders_status_idx_ccnew;"));
}
