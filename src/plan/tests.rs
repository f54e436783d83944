//! The same plans in text and JSON, against numbers that were worked out by hand.

use super::{Against, Condition, Plan, Reading, Reads, Space, Test, read};
use crate::units::Micros;

fn plan(text: &str) -> Plan {
    match read(text.as_bytes()) {
        Reading::Read(plan) => plan,
        other => panic!("{other:?}: {text}"),
    }
}

fn conjuncts(text: &str) -> (Vec<(String, Test)>, usize) {
    let condition = Condition::read(text);
    let told = |qualifier: &Option<String>, name: &str| qualifier.as_ref().map_or(name.to_owned(), |of| format!("{of}.{name}"));
    (condition.conjuncts.iter().map(|read| (told(&read.column.qualifier, &read.column.name), read.test)).collect(), condition.others)
}

/// Two workers and the leader: 28,571 rows removed and 4,762.33 kept on average in 3 loops of 12.5 ms.
const PARALLEL: &str = "
	Query Text: SELECT * FROM posts WHERE status = 'draft' ORDER BY id LIMIT 10
	Limit  (cost=2000.10..2000.15 rows=10 width=40) (actual time=20.000..20.100 rows=10 loops=1)
	  Buffers: shared hit=700
	  ->  Gather Merge  (cost=2000.10..2200.10 rows=1700 width=40) (actual time=20.000..20.050 rows=10 loops=1)
	        Workers Planned: 2
	        Workers Launched: 2
	        ->  Sort  (cost=1000.00..1002.50 rows=850 width=40) (actual time=13.000..13.010 rows=8 loops=3)
	              Sort Key: id, (lower((title)::text)) DESC
	              Sort Method: top-N heapsort  Memory: 27kB
	              Worker 0:  Sort Method: external merge  Disk: 1648kB
	              ->  Parallel Seq Scan on posts  (cost=0.00..900.00 rows=850 width=40) (actual time=0.010..12.500 rows=4762.33 loops=3)
	                    Filter: ((status)::text = 'draft'::text)
	                    Rows Removed by Filter: 28571
	Settings: work_mem = '1MB'
	Trigger for constraint posts_author_id_fkey on authors: time=7.250 calls=3
	Trigger audit: calls=2
";

#[test]
fn averages_are_multiplied_by_loops() {
    let plan = plan(PARALLEL);
    let kinds: Vec<(&str, Option<usize>)> = plan.nodes.iter().map(|node| (node.kind.as_str(), node.parent)).collect();
    assert_eq!(kinds, [("Limit", None), ("Gather Merge", Some(0)), ("Sort", Some(1)), ("Parallel Seq Scan", Some(2))]);
    let scan = &plan.nodes[3];
    let actual = scan.actual.expect("measured");
    assert_eq!((scan.removed, actual.rows.round(), actual.time), (85_713.0, 14_287.0, Some(Micros(37_500))));
    assert_eq!((scan.planned_rows, scan.cost, plan.nodes[1].workers), (850.0, 900.0, 2));
    assert_eq!(plan.nodes[2].sort_keys, ["id", "(lower((title)::text)) DESC"]);
    assert_eq!(plan.nodes[2].sort_space, Some((27, Space::Memory)));
    let triggers: Vec<_> = plan.triggers.iter().map(|t| (t.name.as_str(), t.relation.as_deref(), t.time, t.calls)).collect();
    assert_eq!(triggers, [("posts_author_id_fkey", Some("authors"), Some(Micros(7_250)), 3), ("audit", None, None, 2)]);
    let facts = plan.facts();
    let [scan] = facts.scans.as_slice() else { panic!("{facts:?}") };
    assert_eq!((scan.returned, scan.removed, scan.loops, scan.reads), (Some(14_287), 85_713, 3, Reads::Whole));
    assert_eq!(scan.sort.as_ref().and_then(|sort| sort.limit), Some(24));
}

const NESTED: &str = "
Update on public.jobs j  (cost=10.00..90.00 rows=0 width=0) (actual rows=0 loops=1)
  CTE due
    ->  Limit  (cost=0.00..5.00 rows=2 width=8) (actual rows=2 loops=1)
          ->  Index Scan Backward using jobs_run_at_idx on public.jobs  (cost=0.00..50.00 rows=20 width=8) (actual rows=2 loops=1)
                Index Cond: (run_at <= now())
                Filter: ((state)::text = 'it''s
  ->  Seq Scan on evil  (cost=1.00'::text)
                Rows Removed by Filter: 1500
  InitPlan 2 (returns $3)
    ->  Result  (cost=0.00..0.01 rows=1 width=4) (never executed)
  ->  Nested Loop  (cost=0.00..80.00 rows=2 width=20) (actual rows=2 loops=1)
        ->  CTE Scan on due  (cost=0.00..0.04 rows=2 width=40) (actual rows=2 loops=1)
        ->  Bitmap Heap Scan on jobs j  (cost=0.15..2.17 rows=1 width=14) (actual rows=1 loops=2)
              Recheck Cond: (id = due.id)
              ->  Bitmap Index Scan on \"Jobs pkey\"  (cost=0.00..0.15 rows=1 width=0) (actual rows=1 loops=2)
                    Index Cond: (id = due.id)
        SubPlan 3
          ->  Seq Scan on \"Weird Logs\" l  (cost=0.00..9.00 rows=1 width=4) (never executed)
                Filter: (job_id = j.id)
";

#[test]
fn parents_labels_and_never_executed_nodes_are_told() {
    let plan = plan(NESTED);
    let told: Vec<_> = plan.nodes.iter().map(|node| (node.kind.as_str(), node.parent, node.label.as_deref())).collect();
    let expected = [
        ("Update", None, None),
        ("Limit", Some(0), Some("CTE due")),
        ("Index Scan Backward", Some(1), None),
        ("Result", Some(0), Some("InitPlan 2 (returns $3)")),
        ("Nested Loop", Some(0), None),
        ("CTE Scan", Some(4), None),
        ("Bitmap Heap Scan", Some(4), None),
        ("Bitmap Index Scan", Some(6), None),
        ("Seq Scan", Some(4), Some("SubPlan 3")),
    ];
    assert_eq!(told, expected);
    let index = &plan.nodes[2];
    assert_eq!((index.index.as_deref(), index.removed), (Some("jobs_run_at_idx"), 1500.0));
    assert_eq!(index.filter.conjuncts[0].column.name, "state");
    let last = &plan.nodes[8];
    assert_eq!((last.relation.as_deref(), last.alias.as_deref()), (Some("Weird Logs"), Some("l")));
    assert_eq!(last.actual.map(|actual| (actual.loops, actual.rows)), Some((0.0, 0.0)));
    assert!(matches!(&last.filter.conjuncts[0].against, Against::Column(column) if column.qualifier.as_deref() == Some("j")));
    let scans = plan.facts().scans;
    let told: Vec<_> = scans.iter().map(|scan| (scan.table.as_str(), scan.reads, scan.is_limited, scan.loops)).collect();
    let expected = [("public.jobs", Reads::ByIndex, true, 1), ("jobs", Reads::ByBitmap, false, 2), ("Weird Logs", Reads::Whole, false, 0)];
    assert_eq!(told, expected);
    assert_eq!(scans[1].index_condition.conjuncts[0].column.name, "id");
}

#[test]
fn conditions_are_columns_operators_and_kinds_of_values() {
    let of = |text: &str, expected: &[(&str, Test)], others: usize| {
        let expected: Vec<(String, Test)> = expected.iter().map(|(name, test)| ((*name).to_owned(), *test)).collect();
        assert_eq!(conjuncts(text), (expected, others), "{text}");
    };
    of("((status)::text = 'open'::text)", &[("status", Test::Equal)], 0);
    of("((a.b > 5) AND (c IS NULL) AND (NOT \"D e\"))", &[("a.b", Test::Range), ("c", Test::Null), ("D e", Test::Flag)], 0);
    of("is_spam", &[("is_spam", Test::Flag)], 0);
    of("(confirmed IS TRUE)", &[("confirmed", Test::Flag)], 0);
    of("(id = ANY ('{1,2}'::integer[]))", &[("id", Test::AnyOf)], 0);
    of("((slug)::text ~~ 'p-10%'::text)", &[("slug", Test::Prefix)], 0);
    of("((name)::text ~~ '%x AND (y = 1)'::text)", &[], 1);
    of("((lower(title) = 'x'::text) OR (a = 1))", &[], 1);
    of("((lower(title) = 'x'::text) AND ($1 < a))", &[("a", Test::Range)], 1);
    of("(at >= (now() - '7 days'::interval))", &[("at", Test::Range)], 0);
    of("((at)::date = '2026-01-01'::date)", &[], 1);
    of("((id)::text = '5'::text)", &[], 1);
    of("(happened_at >= '2026-01-01 00:00:00+00'::timestamp with time zone)", &[("happened_at", Test::Range)], 0);
    of("(x = (InitPlan 1).col1)", &[("x", Test::Equal)], 0);
    of("(NOT (hashed SubPlan 1))", &[], 1);
    of("(m.id = d.message_id)", &[("m.id", Test::Equal)], 0);
    of("(CASE WHEN (a AND b) THEN 1 ELSE 2 END = 1)", &[], 1);
    of("(a <> 1)", &[], 1);
    of("(a = 'unclosed", &[], 1);
}

#[test]
fn json_gives_what_text_gives() {
    let text = plan(
        "Limit  (cost=0.00..9.00 rows=1 width=4) (actual time=1.000..2.000 rows=1 loops=1)
  ->  Hash Left Join  (cost=0.00..8.00 rows=5 width=4) (actual time=1.000..1.900 rows=1 loops=1)
        Hash Cond: (a.id = b.a_id)
        ->  Seq Scan on a  (cost=0.00..4.00 rows=5 width=4) (actual time=0.100..0.500 rows=2 loops=1)
              Filter: (kind = 'x'::text)
              Rows Removed by Filter: 98
        ->  Parallel Hash  (cost=0.00..3.00 rows=5 width=4) (actual time=0.300..0.300 rows=7 loops=3)
              ->  Parallel Index Only Scan Backward using b_i on b bb  (cost=0.00..3.00 rows=5 width=4) (actual time=0.200..0.250 rows=7 loops=3)
                    Index Cond: (b.z > 1)",
    );
    let json = plan(
        r#"[{"Plan": {"Node Type": "Limit", "Parallel Aware": false, "Total Cost": 9.00, "Plan Rows": 1, "Actual Total Time": 2.000,
 "Actual Rows": 1, "Actual Loops": 1, "Plans": [{"Node Type": "Hash Join", "Join Type": "Left", "Parent Relationship": "Outer",
 "Total Cost": 8.00, "Plan Rows": 5, "Actual Total Time": 1.900, "Actual Rows": 1, "Actual Loops": 1, "Hash Cond": "(a.id = b.a_id)",
 "Plans": [{"Node Type": "Seq Scan", "Relation Name": "a", "Alias": "a", "Total Cost": 4.00, "Plan Rows": 5, "Actual Total Time": 0.500,
 "Actual Rows": 2, "Actual Loops": 1, "Filter": "(kind = 'x'::text)", "Rows Removed by Filter": 98, "Workers": []},
 {"Node Type": "Hash", "Parallel Aware": true, "Total Cost": 3.00, "Plan Rows": 5, "Actual Total Time": 0.300, "Actual Rows": 7,
 "Actual Loops": 3, "Plans": [{"Node Type": "Index Only Scan", "Scan Direction": "Backward", "Parallel Aware": true, "Relation Name": "b",
 "Alias": "bb", "Index Name": "b_i", "Total Cost": 3.00, "Plan Rows": 5, "Actual Total Time": 0.250, "Actual Rows": 7,
 "Actual Loops": 3, "Index Cond": "(b.z > 1)"}]}]}]}, "Triggers": []}]"#,
    );
    assert_eq!(text, json);
    assert_eq!(text.shape(), json.shape());
}

#[test]
fn a_shape_is_of_structure_alone() {
    let with = |from: &str, to: &str| plan(&PARALLEL.replace(from, to)).shape();
    assert_eq!(plan(PARALLEL).shape(), with("rows=850 width=40", "rows=3 width=40"));
    assert_eq!(plan(PARALLEL).shape(), with("Seq Scan on posts", "Seq Scan on public.posts"));
    assert_ne!(plan(PARALLEL).shape(), with("Parallel Seq Scan on posts", "Parallel Index Scan using i on posts"));
    // What baselines keep must not change from build to build.
    assert_eq!(plan("Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)").shape(), 0x8146_8801_a111_e0e9);
}

#[test]
fn any_bytes_give_an_answer() {
    assert_eq!(read(b"\n\tQuery Text: \"SELECT 1\"\n\tPlan: \n\t  Node Type: \"Result\"\n"), Reading::Unread);
    assert_eq!(read(b"<explain xmlns=\"x\">"), Reading::Unread);
    for unknown in [&b""[..], b"\xff\xfe", b"{", b"{\"Plan\": 1}", b"[]", b"Query Text: SELECT 1", b"  (cost"] {
        assert_eq!(read(unknown), Reading::Unknown, "{unknown:?}");
    }
    let deep: String =
        (0..5_000).map(|depth| format!("{}->  Result  (cost=0.00..0.01 rows=1 width=4)\n", " ".repeat(depth % 150))).collect();
    assert!(plan(&deep).nodes.len() <= 1_000);
    let deep = format!("{}{}", "{\"Plan\":{\"Plans\":[".repeat(50_000), "x");
    assert_eq!(read(deep.as_bytes()), Reading::Unknown);
    let deep = format!("Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n  Filter: {}a{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(plan(&deep).nodes[0].filter.others, 1);
    for cut in 0..NESTED.len() {
        drop(read(&NESTED.as_bytes()[..cut]));
    }
}

/// Bytes of plans, exchanged for others and cut, by a small generator of numbers.
#[test]
fn damaged_plans_give_an_answer() {
    let mut state = 42_u64;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % most
    };
    let signs = b"()[]'\"$:,.-> \n\t{}0aE\xff";
    for round in 0..4_000 {
        let mut bytes = [PARALLEL, NESTED][round % 2].as_bytes().to_vec();
        for _ in 0..=below(20) {
            let at = below(bytes.len());
            bytes[at] = signs[below(signs.len())];
        }
        let from = below(200);
        if let Reading::Read(plan) = read(&bytes[from..]) {
            assert!(plan.nodes.iter().enumerate().all(|(at, node)| node.parent.is_none_or(|parent| parent < at)));
            drop(plan.facts());
        }
    }
}
