//! `pg_stat_statements` as psql and its users export it, against the snapshot file of the same moment.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Bench, SHOP, Told, report, told, try_report, work};
use crate::machine::run as run_to_its_end;

/// Where an export lies, and what it may be given with.
type Export = (&'static str, Vec<PathBuf>);

/// Every export of the moment, each in a folder of its own, named `at`.
fn exports(bench: &Bench, at: &str) -> Vec<Export> {
    let view = "select s.*, r.rolname, d.datname from pg_stat_statements s left join pg_roles r on r.oid = userid left join pg_database d on d.oid = dbid where query ~ 'item|dear' and query !~ 'pg_stat_statements'";
    let columns =
        bench.sql("select attname from pg_attribute where attrelid = 'pg_stat_statements'::regclass and attnum > 0 order by attname desc");
    let reordered = format!("select rolname, datname, {} from ({view}) v", columns.lines().collect::<Vec<_>>().join(", "));
    let some: Vec<&str> = columns
        .lines()
        .filter(|name| !["stddev", "mean", "min", "max", "wal", "toplevel"].iter().any(|left_out| name.starts_with(left_out)))
        .collect();
    let some = format!("select rolname, datname, {} from ({view}) v", some.join(", "));
    let info = "select * from pg_stat_statements_info";
    let file = |folder: &str, name: &str| {
        let folder = bench.file(&format!("{folder}-{at}"));
        fs::create_dir_all(&folder).expect("a folder");
        folder.join(name)
    };
    let mut script = String::from("set extra_float_digits = 3;\n");
    let mut put = |sql: &str, to: &Path, options: &str| script.push_str(&format!("\\copy ({sql}) to '{}' {options}\n", to.display()));
    let mut made: Vec<Export> = Vec::new();
    let plain = file("copy", "pgss.csv");
    put(view, &plain, "csv header");
    made.push(("copy", vec![plain]));
    let semicolons = file("semicolons", "pgss.csv");
    put(view, &semicolons, "with (format csv, header, delimiter ';')");
    made.push(("semicolons", vec![semicolons]));
    let tabs = file("tabs", "pgss.csv");
    put(view, &tabs, "with (format csv, header, delimiter E'\\t', force_quote *)");
    made.push(("tabs", vec![tabs]));
    let with_info = [file("info", "pgss.csv"), file("info", "pgss_info.csv")];
    put(view, &with_info[0], "csv header");
    put(info, &with_info[1], "csv header");
    made.push(("info", with_info.to_vec()));
    let other_order = file("order", "pgss.csv");
    put(&reordered, &other_order, "csv header");
    made.push(("order", vec![other_order]));
    let few = file("some", "pgss.csv");
    put(&some, &few, "csv header");
    made.push(("some", vec![few]));
    bench.script(&script);
    let printed = |sql: &str| {
        run_to_its_end(bench.cluster.psql("postgres").env("PGOPTIONS", "-c extra_float_digits=3").args(["-c", sql])).expect("may be read")
    };
    let to_stdout = file("stdout", "pgss.csv");
    fs::write(&to_stdout, printed(&format!("copy ({view}) to stdout with (format csv, header)"))).expect("writable");
    made.push(("stdout", vec![to_stdout.clone()]));
    let array = file("array", "pgss.json");
    fs::write(&array, printed(&format!("select json_agg(v) from ({view}) v"))).expect("writable");
    made.push(("array", vec![array]));
    let objects = file("objects", "pgss.json");
    fs::write(&objects, printed(&format!("select row_to_json(v) from ({view}) v"))).expect("writable");
    made.push(("objects", vec![objects]));
    let packed = file("packed", "pgss.csv.gz");
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&packed).expect("writable"), flate2::Compression::fast());
    encoder.write_all(&fs::read(&to_stdout).expect("just written")).expect("writable");
    encoder.finish().expect("writable");
    made.push(("packed", vec![packed]));
    made
}

/// What an export can tell of the workload's statements; less without the columns that it lacks.
fn essence(told: &Told, complete: bool) -> BTreeMap<String, Vec<Value>> {
    let keys: &[&str] = if complete {
        &[
            "text",
            "calls",
            "total_us",
            "rows",
            "query_ids",
            "users",
            "databases",
            "min_us",
            "max_us",
            "stddev_us",
            "p50_us",
            "p99_us",
            "bounds",
        ]
    } else {
        &["text", "calls", "total_us", "rows", "query_ids", "users", "databases"]
    };
    let of_work =
        |s: &&Value| s["text"].as_str().is_some_and(|text| (text.contains("item") || text.contains("dear")) && !text.contains("create"));
    let cells = |s: &Value| keys.iter().map(|key| s[*key].clone()).collect();
    told.statements().iter().filter(of_work).map(|s| (s["id"].as_str().expect("text").to_owned(), cells(s))).collect()
}

#[test]
fn every_export_says_what_the_snapshot_of_the_moment_says() {
    let check = |major: u32| {
        let Some(bench) = Bench::start(major, &[]) else { return };
        bench.script(SHOP);
        bench.sql("alter role clerk login");
        work(&bench, 0);
        let (first, first_exports) = (bench.snapshot("a.snap"), exports(&bench, "a"));
        work(&bench, 1);
        let (second, second_exports) = (bench.snapshot("b.snap"), exports(&bench, "b"));
        let (life, interval) = (report(&[&second]), report(&[&first, &second]));
        assert_eq!(essence(&interval, true).len(), 6, "{:#?}", interval.texts());
        for ((name, a), (_, b)) in first_exports.iter().zip(&second_exports) {
            let complete = *name != "some";
            let paths = |files: &[&Vec<PathBuf>]| files.iter().flat_map(|files| (*files).clone()).collect::<Vec<_>>();
            let of = |files: &[PathBuf]| {
                let run = try_report(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &[]);
                assert_eq!(run.code, Some(0), "{name} of PostgreSQL {major}: {}", run.stderr);
                told(&run)
            };
            let single = of(&paths(&[b]));
            assert_eq!(essence(&single, complete), essence(&life, complete), "{name} of PostgreSQL {major}");
            let both = of(&paths(&[a, b]));
            assert_eq!(essence(&both, complete), essence(&interval, complete), "{name} of PostgreSQL {major}");
            let skipped: usize =
                both.0["inputs"].as_array().expect("a list").iter().map(|i| i["skipped"].as_array().expect("a list").len()).sum();
            assert_eq!(skipped, 0, "{name} of PostgreSQL {major}");
            // Only the view beside it tells of dropped entries.
            assert_eq!(both.coverage("dealloc_rounds").as_u64(), (*name == "info").then_some(0), "{name} of PostgreSQL {major}");
            assert!(!both.warns("facts-without-counters") && !both.warns("file-repeated"), "{name} of PostgreSQL {major}");
            if !complete {
                let statement = both.with("update item set");
                assert!(statement["stddev_us"].is_null() && !statement["bounds"]["p95_us"].is_null(), "{statement:#}");
            }
        }
    };
    std::thread::scope(|scope| [15, 18].map(|major| drop(scope.spawn(move || check(major)))));
}
