//! A loop that only counters show: a client reads lists and then each row's items, between snapshots of a real server.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::{Bench, report};
use crate::cluster::all_majors;

#[test]
fn a_loop_is_known_by_its_counters() {
    for major in all_majors().filter(|major| [12, 15, 18].contains(major)) {
        let Some(bench) = Bench::start(major, &[]) else { continue };
        bench.sql("create table orders(id int primary key, shop int); create table order_items(order_id int, sku text)");
        bench.sql("insert into orders select n, n % 4 from generate_series(1, 400) n");
        bench.sql("insert into order_items select n % 400 + 1, 'x' || n from generate_series(1, 1200) n");
        let mut snapshots = vec![bench.snapshot("0.snap")];
        for (at, lists) in [4, 9, 2, 7, 12, 5, 3].into_iter().enumerate() {
            let mut script = String::new();
            for list in 0..lists {
                let limit = 20 + list;
                writeln!(script, "select id, shop from orders where shop = {} limit {limit};", list % 4).expect("to memory");
                (0..limit)
                    .for_each(|n| writeln!(script, "select sku from order_items where order_id = {};", n * 4 + 1).expect("to memory"));
            }
            bench.script(&script);
            snapshots.push(bench.snapshot(&format!("{}.snap", at + 1)));
        }
        let files: Vec<&Path> = snapshots.iter().map(AsRef::as_ref).collect();
        let told = report(&files);
        let findings = told.0["findings"].as_array().expect("a list");
        // That the server measures little, and that nobody analysed these tables, is told of no statement.
        let of_statements: Vec<_> = findings.iter().filter(|finding| !finding["statement"].is_null()).collect();
        let [one] = of_statements.as_slice() else { panic!("PostgreSQL {major}: {findings:#?}") };
        assert_eq!((&one["rule"], &one["confidence"]), (&json!("n-plus-one"), &json!("medium")));
        let data = &one["evidence"][0]["data"];
        assert_eq!((&data["intervals"], &data["delta_calls"]), (&json!(7), &data["delta_rows"]), "PostgreSQL {major}: {one:#}");
    }
}
