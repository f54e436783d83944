//! Indexes that plans ask for, against numbers that were worked out by hand.

use std::fs;

use laggard::finding::{self, Finding, Options};
use laggard::{Input, Reading, Settings};
use serde_json::{Value, json};

use crate::corpus::fixtures;

fn text(name: &str) -> Vec<u8> {
    fs::read(fixtures().join("rules/missing-index").join(name)).expect("a fixture")
}

fn reading(log: Vec<u8>, settings: &Settings) -> Reading {
    laggard::read(vec![Input::Memory("pg.log".into(), log)], settings).expect("settings are right")
}

fn found(name: &str) -> Finding {
    let mut found = finding::check(&reading(text(name), &Settings::default()).workload, &Options::default());
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.remove(0)
}

fn told(finding: &Finding) -> (&str, Value, Value, u64, Option<u64>) {
    let (table, columns) = (finding.data["table"].clone(), finding.data["columns"].clone());
    (finding.confidence.name(), table, columns, finding.occurrences, finding.cost.map(|cost| cost.0))
}

/// Four calls of 40, 50, 60 and 70 ms, and four of 30 ms that the first column serves; three processes read 50,000 rows each, of
/// which 20 stay.
#[test]
fn counted_rows_are_sure_and_one_index_serves_several_statements() {
    let finding = found("hit-measured.log");
    assert_eq!(told(&finding), ("high", json!("orders"), json!(["customer_id", "status", "placed_at"]), 8, Some(340_000)));
    assert_eq!(finding.related.len(), 1);
    assert_eq!(finding.data["serves"].as_array().map(Vec::len), Some(2));
    let plan = json!({"table": "orders", "examined": 150_000, "kept": 60, "share_of_plan": 1.0, "plans": 4});
    assert_eq!((finding.evidence[0].kind, json!(finding.evidence[0].data)), ("plan", plan));
    assert!(finding.ddl.is_none() && finding.remedy.contains("an index on orders beginning (customer_id, status, placed_at)"));
    for (name, value) in [("level", json!("log")), ("method", json!("btree")), ("cost_before", Value::Null), ("replaces", json!([]))] {
        assert_eq!(finding.data[name], value, "{name}");
    }
}

/// Calls of 40 to 80 ms of two partitions, which are one table to the statement.
#[test]
fn an_estimate_is_likely_and_partitions_are_their_table() {
    let finding = found("hit-estimated.log");
    assert_eq!(told(&finding), ("medium", json!("public.events"), json!(["actor_id", "happened_at"]), 5, Some(300_000)));
    assert_eq!(finding.evidence[0].data["kept"], json!(24));
}

/// The join reads 9 rows besides the 48,009, so that the scan is all but 9 of 48,018 parts of 144 ms.
#[test]
fn an_index_that_lacks_a_column_is_found_in_json() {
    let finding = found("hit-index-lacks-a-column.log");
    assert_eq!(told(&finding), ("medium", json!("mail.deliveries"), json!(["account_id", "state"]), 4, Some(143_973)));
}

/// Six calls of 30 to 35 ms, of which no plan was logged.
#[test]
fn a_slow_statement_alone_is_a_hint() {
    let finding = found("hit-slow-without-plan.log");
    assert_eq!(told(&finding), ("low", json!("messages"), json!(["account_id", "status", "sent_at"]), 6, None));
    assert_eq!(finding.evidence[0].kind, "shape");
}

/// 24 calls of 20 to 43 ms, each of one kind and of one of twelve sources.
#[test]
fn columns_come_in_the_order_of_the_values_that_were_seen() {
    let finding = found("hit-ordered-by-values.log");
    assert_eq!(told(&finding), ("low", json!("events"), json!(["source", "kind", "happened_at"]), 24, None));
    let values: Vec<_> = finding.evidence.iter().filter(|evidence| evidence.kind == "value-distribution").map(|e| json!(e.data)).collect();
    let of = |column: &str, distinct: u64, share: f64| json!({"table": "events", "column": column, "distinct": distinct, "is_exact": true, "calls": 24, "most_common": share});
    assert_eq!(values, [of("source", 12, 2.0 / 24.0), of("kind", 1, 1.0)]);
    assert!(finding.remedy.contains("ask kind for one value") && finding.ddl.is_none(), "{}", finding.remedy);
    assert!(!format!("{finding:?}").contains("import"));
    // A saved workload tells the same.
    let log = reading(text("hit-ordered-by-values.log"), &Settings::default());
    let mut saved = Vec::new();
    laggard::saved::write(&log, laggard::saved::Keep::Masked, Default::default(), &mut saved).expect("to memory");
    let again = laggard::read(vec![Input::Memory("run.lag".into(), saved)], &Settings::default()).expect("read");
    let found = finding::check(&again.workload, &Options::default());
    assert_eq!(format!("{found:?}"), format!("{:?}", [finding]));
}

/// A list of a few states keeps most rows, and what is behind it in an index would be looked for in each of them.
#[test]
fn a_list_of_a_few_values_never_leads() {
    let finding = found("hit-list-of-few-values.log");
    assert_eq!(told(&finding), ("high", json!("invoices"), json!(["issued_at"]), 4, Some(166_000)));
}

#[test]
fn directions_are_told_where_they_are_mixed() {
    let finding = found("hit-sort-for-a-few.log");
    assert_eq!(told(&finding), ("high", json!("posts"), json!(["score DESC", "created_at"]), 4, Some(206_000)));
}

#[test]
fn plans_are_the_same_for_blocks_of_every_size() {
    for name in ["hit-measured.log", "hit-index-lacks-a-column.log", "hit-ordered-by-values.log", "miss-guards.log"] {
        let whole = reading(text(name), &Settings::default()).workload;
        for (block_size, jobs) in [(1, 1), (700, 2), (4_096, 2)] {
            let pieces = reading(text(name), &Settings { block_size, jobs, ..Settings::default() }).workload;
            assert!(whole == pieces, "{name} in blocks of {block_size}");
        }
    }
}

/// Nothing is kept of values: neither of those in the statement, nor of those in the plan.
#[test]
fn no_value_of_a_condition_is_told() {
    for name in ["hit-measured.log", "hit-estimated.log", "hit-index-lacks-a-column.log"] {
        let told = format!("{:?}", found(name));
        assert!(!told.contains("'open'") && !told.contains("bounced") && !told.contains("2026-01-01"), "{told}");
    }
}

#[test]
fn plans_that_are_not_read_are_counted() {
    let reading = reading(text("miss-guards.log"), &Settings::default());
    assert_eq!(reading.workload.plans_unread(), 3);
    let report = laggard::report(&reading, &laggard::View::default());
    let warning = report.warnings.iter().find(|warning| warning.id() == "plans-unread").map(ToString::to_string);
    assert!(warning.is_some_and(|text| text.starts_with("3 plans of auto_explain could not be read")));
    let alone = Settings { rules: laggard::workload::Rules { without_findings: true, ..Default::default() }, ..Settings::default() };
    assert_eq!(self::reading(text("miss-guards.log"), &alone).workload.plans_unread(), 0, "nobody asked");
}

/// Four plans of 10 to 13 ms, then three of 200 to 220: 630 ms where 34.5 would have done.
#[test]
fn a_flip_has_its_latencies_on_either_side() {
    let log = fs::read(fixtures().join("rules/plan-flip/hit-lost-an-index.log")).expect("a fixture");
    let found = finding::check(&reading(log, &Settings::default()).workload, &Options::default());
    let [flip] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((flip.rule, flip.occurrences, flip.cost.map(|cost| cost.0)), ("plan-flip", 3, Some(595_500)));
    assert_eq!(flip.data["changed_at"], json!("2026-11-23T10:20:00.148Z"));
    let side = |name: &str| (flip.data[name]["count"].clone(), flip.data[name]["mean_us"].clone(), flip.data[name]["slowest_us"].clone());
    assert_eq!(side("fast"), (json!(4), json!(11_500.0), json!(13_000)));
    assert_eq!(side("slow"), (json!(3), json!(210_000.0), json!(220_000)));
    assert!(flip.evidence[1].text.contains("items sequentially, orders by an index orders_account_id_idx"), "{flip:?}");
}

fn of_snapshot(name: &str) -> Finding {
    let reading = crate::rules::read(fixtures().join("rules/missing-index").join(name));
    let mut found = finding::check(&reading.workload, &Options::default());
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.remove(0)
}

/// 1 000 calls of 20 ms that find 10 of 100 000 rows on 1 000 pages.
///
/// Now: 1 000 + 100 000 × (0.01 + 0.0025) = 2 250, and 10 rows to sort: 2 × 0.0025 × 10 × log₂ 10 + 0.025 = 0.1911.
/// With the index: equal keys share entries of 6 + 24 / 10 bytes each, so 115 leaves, a root and a first page; down to a leaf
/// (17 + 2 × 50) × 0.0025 + 4, its ten entries 0.075, and 0.0025 for the bitmap; ten pages of the table at 4 − 3 × √0.01, and ten rows at
/// 0.0125: 41.495, and the sort.
#[test]
fn a_catalogue_gives_costs_and_the_statement_that_creates_the_index() {
    let finding = of_snapshot("hit-in-catalogue.snap");
    assert_eq!((finding.confidence.name(), finding.occurrences), ("medium", 1_000));
    assert_eq!(finding.ddl.as_deref(), Some("CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);"));
    let number = |name: &str| finding.data[name].as_f64().expect("a number");
    assert!((number("cost_before") - 2_250.191_1).abs() < 0.001, "{}", number("cost_before"));
    assert!((number("cost_after") - 41.6861).abs() < 0.001, "{}", number("cost_after"));
    // An entry of 8 + 8 + 4 bytes for a row of 27 + 5 × 8.
    assert!((number("write_overhead") - 20.0 / 67.0).abs() < 1e-9);
    let saved = finding.cost.expect("known").0 as f64;
    assert!((saved - 20_000_000.0 * (1.0 - 41.6861 / 2_250.191_1)).abs() < 100.0, "{saved}");
    let told = [("table", "public.orders"), ("method", "btree"), ("level", "catalog")];
    told.iter().for_each(|(name, value)| assert_eq!(finding.data[*name], json!(value)));
    assert_eq!((finding.data["columns"].clone(), finding.data["replaces"].clone()), (json!(["customer_id"]), json!([])));
    assert_eq!(finding.data["serves"].as_array().map(Vec::len), Some(1));
    assert_eq!((finding.evidence[0].kind, finding.evidence[0].data["size_bytes"].clone()), ("catalog", json!(117 * 8_192)));
}

#[test]
fn an_order_and_its_limit_are_one_index() {
    let finding = of_snapshot("hit-in-catalogue-order.snap");
    assert_eq!(finding.data["columns"], json!(["status", "placed_at"]));
}

/// What a GIN index would cost nobody knows beforehand.
#[test]
fn other_kinds_of_index_are_considered_and_never_created() {
    let finding = of_snapshot("hit-document.snap");
    assert_eq!((finding.confidence.name(), finding.ddl.as_deref(), finding.cost), ("low", None, None));
    assert_eq!((finding.data["method"].clone(), finding.data["columns"].clone()), (json!("gin"), json!(["document"])));
    assert!(finding.data["cost_after"].is_null());
}

/// The reasons for a statement of a snapshot that is another one with some of its text replaced.
fn refused(name: &str, replaced: &[(&str, &str)]) -> Vec<String> {
    let mut snapshot = String::from_utf8(text(name)).expect("text");
    for (from, to) in replaced {
        assert!(snapshot.contains(from), "{from}");
        snapshot = snapshot.replace(from, to);
    }
    let input = Input::Memory("a.snap".into(), snapshot.into_bytes());
    let workload = laggard::read(vec![input], &Settings::default()).expect("settings are right").workload;
    let statement = workload.statements().max_by_key(|statement| statement.time()).expect("one");
    let has_index = finding::check(&workload, &Options::default()).iter().any(|finding| finding.ddl.is_some());
    let reasons = finding::unadvised(&workload, statement, &Options::default());
    assert_eq!(has_index, reasons.is_empty(), "{reasons:?}");
    reasons
}

#[test]
fn what_has_no_index_has_a_reason() {
    let order = "hit-in-catalogue-order.snap";
    assert_eq!(refused(order, &[]), [] as [&str; 0]);
    let whole = refused(order, &[("status = $1 ORDER BY placed_at DESC LIMIT $2", "document = $1")]);
    assert_eq!(
        whole,
        [
            "it compares document of public.orders as a whole, and a B-tree on jsonb serves nothing else: ask for what is in it, as with @>, and consider GIN"
        ]
    );
    let off = r#""work_mem": "4096", "enable_indexscan": "off""#;
    let both = format!(r#"{off}, "enable_bitmapscan": "off""#);
    assert_eq!(
        refused("hit-in-catalogue.snap", &[(r#""work_mem": "4096""#, &both)]),
        ["enable_indexscan and enable_bitmapscan are off, so that no index of public.orders would be used"]
    );
    // A bitmap does for the rows of a customer; it gives no order.
    assert_eq!(refused("hit-in-catalogue.snap", &[(r#""work_mem": "4096""#, off)]), [] as [&str; 0]);
    assert_eq!(refused(order, &[(r#""work_mem": "4096""#, off)]).len(), 1);
}

/// What the columns say may go, and the planner says may not.
#[test]
fn an_index_that_is_missed_is_not_called_redundant() {
    let mut snapshot = String::from_utf8(text("hit-in-catalogue-order.snap")).expect("text");
    let key = snapshot.lines().find(|line| line.contains("orders_pkey")).expect("an index").to_owned();
    let own =
        key.replace("orders_pkey", "orders_status").replace("\"oid\": 11", "\"oid\": 12").replace("\"columns\": [1]", "\"columns\": [3]");
    let own = own.replace("\"is_unique\": true, \"is_primary\": true", "\"is_unique\": false, \"is_primary\": false");
    snapshot = snapshot.replace(&key, &format!("{key}\n{own}")).replace("\"lines\": 10", "\"lines\": 11");
    let workload = laggard::read(vec![Input::Memory("a.snap".into(), snapshot.into_bytes())], &Settings::default()).expect("read").workload;
    let catalog = &workload.catalogs()[0];
    let told = |redundant: Option<bool>| {
        let statements = finding::demands(&workload, catalog, &|_| true);
        let demands: Vec<_> = statements.iter().map(|(_, demand)| demand.clone()).collect();
        let offers = laggard::advice::offers(&demands, catalog);
        let choices = laggard::advice::choose(&offers.cells, &offers.offers, finding::limits(&Options::default()));
        let trial =
            laggard::advice::trial::Trial { cells: offers.cells.clone(), offers: offers.offers.clone(), choices, ..Default::default() };
        let redundant = redundant.map(|is| ("public.orders_status".to_owned(), is)).into_iter().collect();
        let answers = finding::Answers { trial, redundant, ..finding::Answers::default() };
        let mut found = finding::Advice { workload: &workload, catalog, statements, offers }.findings(Some(answers), &Options::default());
        assert_eq!(found.len(), 1);
        found.remove(0)
    };
    let names = json!(["public.orders_status"]);
    let [unknown, sure, missed] = [None, Some(true), Some(false)].map(told);
    assert_eq!([&unknown.data["replaces"], &sure.data["replaces"], &missed.data["replaces"]], [&names, &names, &json!([])]);
    assert_eq!((sure.evidence.len(), missed.remedy.contains("redundant")), (unknown.evidence.len() + 1, false));
}

/// Of what one says to create an index for, no other says to write it anew; nor of what two indexes serve that are there.
#[test]
fn an_or_that_indexes_serve_is_not_to_be_rewritten() {
    let many = (r#""n_distinct": 4,"#, r#""n_distinct": 4000,"#);
    let or = |_: u32| "SELECT id FROM orders WHERE customer_id = 7 OR status = 9".to_owned();
    let rules = |replaced: &[(&str, &str)]| {
        let found = all_advised(replaced, &or);
        found.iter().map(|finding| (finding.rule, finding.data["columns"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(rules(&[many]), [("missing-index", json!(["customer_id"])), ("missing-index", json!(["status"]))]);
    let index = |oid: u32, name: &str, column: u32| {
        format!(
            r#"{{"type": "index", "oid": {oid}, "relation": 10, "name": "{name}", "method": "btree", "columns": [{column}], "keys": 1, "key_text": [""], "opclasses": ["int8_ops"], "collations": [""], "options": [0], "predicate": null, "is_unique": false, "is_primary": false, "is_exclusion": false, "is_valid": true, "is_replica_identity": false, "tuples": 100000, "pages": 276, "definition": "", "usage": null}}"#
        )
    };
    let first = r#"{"type": "column", "relation": 10, "number": 1,"#;
    let both = format!("{}\n{}\n{first}", index(21, "orders_customer", 2), index(22, "orders_status", 3));
    let lines = [(first, both.as_str()), ("\"lines\": 10", "\"lines\": 12")];
    assert_eq!(rules(&[&[many][..], &lines].concat()), []);
    // One of four is too much for an index, and another query would not help either; but that is not known here.
    assert_eq!(rules(&[]), [("or-across-columns", json!(["customer_id"]))]);
    // Without a catalogue nobody knows.
    let log = log(&or);
    let found = finding::check(&reading(log.into_bytes(), &Settings::default()).workload, &Options::default());
    assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["or-across-columns"]);
}

/// 24 calls of 20 ms.
fn log(call: &dyn Fn(u32) -> String) -> String {
    let line = |at: u32| {
        format!("2026-11-23 10:{at:02}:00.000 UTC [{}] app@shop LOG:  duration: 20.000 ms  statement: {}\n", 4_000 + at, call(at))
    };
    (0..24).map(line).collect()
}

/// The advice on a table of a snapshot, with such a log.
fn advised(replaced: &[(&str, &str)], call: &dyn Fn(u32) -> String) -> Finding {
    all_advised(replaced, call).into_iter().find(|finding| finding.rule == "missing-index").expect("advice")
}

/// All that is found then.
fn all_advised(replaced: &[(&str, &str)], call: &dyn Fn(u32) -> String) -> Vec<Finding> {
    let statement = "SELECT id FROM orders WHERE status = $1 ORDER BY placed_at DESC LIMIT $2";
    let snapshot = String::from_utf8(text("hit-in-catalogue-order.snap")).expect("text").replace(statement, "SELECT 1");
    let snapshot = replaced.iter().fold(snapshot, |snapshot, (from, to)| snapshot.replace(from, to));
    let inputs = vec![Input::Memory("a.snap".into(), snapshot.into_bytes()), Input::Memory("pg.log".into(), log(call).into_bytes())];
    let workload = laggard::read(inputs, &Settings::default()).expect("settings are right").workload;
    finding::check(&workload, &Options::default())
}

#[test]
fn an_index_is_partial_only_where_every_call_has_its_condition() {
    let boolean = [(r#""name": "status", "data_type": "bigint""#, r#""name": "status", "data_type": "boolean""#)];
    let of = |is: &str| format!("SELECT id FROM orders WHERE status = {is} ORDER BY placed_at DESC LIMIT 20");
    let always = advised(&boolean, &|_| of("true"));
    assert_eq!((&always.data["columns"], &always.data["where"]), (&json!(["placed_at"]), &json!("status")), "{always:?}");
    let either = advised(&boolean, &|at| of(if at % 2 == 0 { "true" } else { "FALSE" }));
    assert_eq!(&either.data["where"], &Value::Null, "{either:?}");
}

/// A value is never told, so that an index for it alone is a matter of words.
#[test]
fn a_value_that_all_calls_ask_for_is_worth_a_word_and_no_statement() {
    let many = (r#""n_distinct": 4,"#, r#""n_distinct": 400,"#);
    let counted = [many, (r#""n_live_tup": 100000"#, r#""seq_scan": 40, "seq_tup_read": 4000000, "n_live_tup": 100000"#)];
    let one = advised(&counted, &|_| "SELECT id FROM orders WHERE status = 7300 ORDER BY placed_at DESC LIMIT 20".to_owned());
    assert!(one.remedy.contains("ask status for one value") && !format!("{one:?}").contains("7300"), "{one:?}");
    assert_eq!((one.evidence[1].data.get("seq_scan"), &one.data["where"]), (Some(&json!(40.0)), &Value::Null));
    assert!(one.evidence[1].text.ends_with("40 scans read public.orders without an index, 100\u{2009}000 rows each on average"), "{one:?}");
    let some = advised(&[many], &|at| format!("SELECT id FROM orders WHERE status = {at} ORDER BY placed_at DESC LIMIT 20"));
    assert!(!some.remedy.contains("one value"), "{}", some.remedy);
}
