//! What a schema with every fault looks like in a snapshot of a real server: each rule says so, and a sound one none.

use std::collections::BTreeSet;

use super::*;

const FAULTS: &str = "
create table authors(id int primary key, name text);
insert into authors select n, 'a' || n from generate_series(1, 3000) n;
create table books(id int primary key, author_id int references authors(id), title text, sold timestamp, lent int);
insert into books select n, 1 + n % 2000, 'title ' || n, now(), case when n % 100 = 0 then n end from generate_series(1, 150000) n;
create index books_title on books(title);
create index books_title_again on books(title);
create index books_sold on books(sold);
create index books_sold_title on books(sold, title);
create index books_lent on books(lent);
create table counted(id serial primary key);
select setval('counted_id_seq', 2000000000);
create table fresh(id int, name text) with (autovacuum_enabled = off);
insert into fresh select n, 'x' from generate_series(1, 5000) n;
create table doubled(id int, name text);
insert into doubled select n % 2000, 'x' from generate_series(1, 5000) n;
";

/// Each rule with the table it spoke of.
fn said(told: &Told) -> BTreeSet<(String, String)> {
    let pair = |finding: &Value| {
        let data = &finding["data"];
        let table = data["table"].as_str().or(data["column"].as_str()).unwrap_or_default();
        (finding["rule"].as_str().expect("text").to_owned(), table.to_owned())
    };
    told.0["findings"].as_array().expect("a list").iter().map(pair).filter(|(rule, _)| rule != "blind-setting").collect()
}

#[test]
fn every_fault_of_a_schema_is_found_whoever_takes_the_snapshot() {
    let script = laggard(&["snapshot", "--psql"]);
    let check = |major: u32| {
        let Some(bench) = Bench::start(major, &[("autovacuum", "off"), ("pg_stat_statements.track", "all")]) else { return };
        bench.script(FAULTS);
        // In a session of its own: what one has not told the counters yet would count as changed since.
        bench.script("analyze authors; analyze books; analyze doubled; analyze counted;");
        // It fails half way, as it does in life.
        assert!(bench.cluster.try_sql("postgres", "create unique index concurrently doubled_id on doubled(id)").is_err());
        bench.sql("delete from authors where id between 2001 and 2020");
        // The counters reach the others when a session ends, or soon after.
        thread::sleep(std::time::Duration::from_millis(700));
        let ours = report(&[&bench.snapshot("a.snap")]);
        fs::write(bench.file("b.snap"), bench.script(&script.stdout)).expect("writable");
        let psqls = report(&[&bench.file("b.snap")]);
        let expected = [
            ("duplicate-index", "public.books"),
            ("foreign-key-without-index", "public.books"),
            ("invalid-index", "public.doubled"),
            ("mostly-null-index", "public.books"),
            ("redundant-index", "public.books"),
            ("sequence-near-end", "public.counted.id"),
            ("stale-statistics", "public.fresh"),
        ];
        let expected: BTreeSet<(String, String)> = expected.iter().map(|(rule, table)| ((*rule).to_owned(), (*table).to_owned())).collect();
        let found = |told: &Told| {
            said(told).into_iter().filter(|(rule, _)| expected.iter().any(|(known, _)| known == rule)).collect::<BTreeSet<_>>()
        };
        assert_eq!(found(&ours), expected, "PostgreSQL {major}");
        assert_eq!(said(&psqls), said(&ours), "PostgreSQL {major}");
        // The check of the foreign key is among the counters, and is what it costs.
        let all = ours.0["findings"].as_array().expect("a list");
        let key = all.iter().find(|finding| finding["rule"] == "foreign-key-without-index").expect("found");
        // 20 of them read 150 000 rows each.
        let (cost, severity) = (key["cost_us"].as_u64().expect("known"), key["severity"].as_str());
        assert!(cost >= 20_000 && severity == Some("medium") && key["confidence"] == "high", "PostgreSQL {major}: {cost} {key:#}");
        let ddl = key["ddl"].as_str().expect("a statement").trim_end_matches(';');
        // What is advised can be run, and helps.
        bench.sql(ddl);
        let after = report(&[&bench.snapshot("c.snap")]);
        assert!(said(&after).iter().all(|(rule, _)| rule != "foreign-key-without-index"), "PostgreSQL {major}");
    };
    thread::scope(|scope| [10, 13, 15, 18].map(|major| drop(scope.spawn(move || check(major)))));
}
