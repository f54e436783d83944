//! `laggard advise` against real planners: what it advises they use, what they would not use it does not advise, and nothing
//! is run or changed by it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use laggard::live::whatif::{Planner, Question};
use laggard::live::{Session, Settings, Surroundings};
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, Pooler};
use crate::machine::is_here;

const SHOP: &str = "
create table customers(id int primary key, name text, email text);
insert into customers select n, 'name ' || n, 'u' || n || '@example.com' from generate_series(1, 20000) n;
create table orders(id int primary key, customer_id int, status text, placed_at timestamp, total numeric);
insert into orders select n, 1 + (n * 7919) % 400, case when n % 1000 = 0 then 'rare' else 'common' end,
  timestamp '2026-01-01' + n * interval '1 minute', n % 500 from generate_series(1, 100000) n;
create table audit(id int, at timestamp);
create table parted(id int, at date) partition by range(at);
create table parted_1 partition of parted for values from ('2026-01-01') to ('2027-01-01');
insert into parted select n, date '2026-01-01' + n % 360 from generate_series(1, 50000) n;
create view open_orders as select o.*, c.name from orders o join customers c on c.id = o.customer_id;
create table blind(id int, customer_id int) with (autovacuum_enabled = off);
insert into blind select n, n from generate_series(1, 50000) n;
create role reader login;
grant select on orders, customers, open_orders to reader;
create role nobody login;
analyze customers; analyze orders; analyze parted; analyze parted_1;
";

/// A server, and a folder for logs.
struct Bench {
    cluster: Cluster,
    folder: TempDir,
}

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn findings(&self) -> Vec<Value> {
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr));
        document["findings"].as_array().expect("a list").clone()
    }

    /// Table and columns of each finding.
    fn indexes(&self) -> Vec<String> {
        let of = |finding: &Value| {
            let columns: Vec<&str> = finding["data"]["columns"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
            format!("{} ({})", finding["data"]["table"].as_str().expect("a table"), columns.join(", "))
        };
        let mut all: Vec<String> = self.findings().iter().map(of).collect();
        all.sort();
        all
    }
}

impl Bench {
    /// Debian's server with hypopg, or says that the test is skipped.
    fn with_hypopg() -> Option<Self> {
        if !is_here("hypopg", "hypopg of PostgreSQL 15") {
            return None;
        }
        let cluster = Cluster::start_debian(&[("log_statement", "all"), ("shared_preload_libraries", "")])?;
        let bench = Bench { cluster, folder: tempfile::tempdir().expect("a folder") };
        bench.sql(SHOP);
        bench.sql("create extension hypopg");
        Some(bench)
    }

    fn sql(&self, sql: &str) -> String {
        self.cluster.sql("postgres", sql)
    }

    /// A log in which each statement ran five times for so long.
    fn log(&self, statements: &[&str]) -> PathBuf {
        let mut log = String::new();
        for (at, sql) in statements.iter().cycle().take(5 * statements.len()).enumerate() {
            let (minute, second) = (at / 60, at % 60);
            let _ =
                writeln!(log, "2026-11-23 11:{minute:02}:{second:02}.000 UTC [7] app@postgres LOG:  duration: 40.000 ms  statement: {sql}");
        }
        let file = self.folder.path().join("pg.log");
        fs::write(&file, log).expect("writable");
        file
    }

    fn advise(&self, role: &str, log: &Path, more: &[&str]) -> Run {
        let dsn = self.cluster.dsn("postgres").replace("user=postgres", &format!("user={role}"));
        laggard(&[&["advise", "--no-config", &dsn, log.to_str().expect("text"), "--format", "json"], more].concat())
    }
}

fn laggard(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = command.args(arguments).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn what_is_advised_the_planner_uses_and_nothing_is_changed() {
    let Some(bench) = Bench::with_hypopg() else { return };
    let log = bench.log(&[
        "select * from orders where customer_id = 42",
        "select * from orders where customer_id = 99 order by placed_at desc limit 5",
        "update orders set total = total + 1 where customer_id = 4",
        "select * from open_orders where customer_id = 5",
        "select name from customers where email = 'u7@example.com'",
        // What no planner would use an index for.
        "select * from orders where status = 'common'",
        "select count(*) from orders",
        "select * from orders where total >= 0",
    ]);
    bench.sql("create schema trap; create table trap.email(status int)");
    let before = bench.sql("select count(*) from pg_class");
    let mark = bench.cluster.log().len();
    let run = bench.advise("postgres", &log, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.indexes(), ["public.customers (email)", "public.orders (customer_id, placed_at)"], "{}", run.stderr);
    for finding in run.findings() {
        assert_eq!((&finding["data"]["level"], &finding["evidence"][0]["kind"]), (&"what-if".into(), &"what-if".into()));
        let cost = |key: &str| finding["data"][key].as_f64().expect("a cost");
        assert!(cost("cost_after") < 0.7 * cost("cost_before") && finding["confidence"] == "high", "{finding:#}");
    }
    let serves = run.findings().iter().map(|finding| finding["data"]["serves"].as_array().map_or(0, Vec::len)).max();
    assert_eq!(serves, Some(4), "all four that ask for a customer");
    // Nothing is left, and nothing was sent but questions.
    assert_eq!(bench.sql("select count(*) from pg_class"), before);
    assert!(!bench.sql("select xmax from orders where customer_id = 4").lines().any(|xmax| xmax != "0"), "nothing was updated");
    let log_of_server = bench.cluster.log();
    let sent: Vec<&str> = log_of_server[mark..].lines().filter_map(|line| line.split_once("statement: ")).map(|(_, sql)| sql).collect();
    let of_us: Vec<&&str> = sent.iter().filter(|sql| sql.contains("/* laggard */") || sql.contains("laggard_asks")).collect();
    assert!(
        of_us.iter().any(|sql| sql.contains("hypopg_create_index")) && of_us.iter().any(|sql| sql.starts_with("EXPLAIN (FORMAT JSON)"))
    );
    for sql in of_us {
        let starts = [
            "select /* laggard */",
            "SELECT /* laggard */",
            "SET /* laggard */",
            "EXPLAIN (FORMAT JSON",
            "PREPARE laggard_asks AS",
            "DEALLOCATE",
            "BEGIN /* laggard */ READ ONLY",
            "ROLLBACK /* laggard */",
        ];
        assert!(starts.iter().any(|start| sql.starts_with(start)), "{sql}");
        assert!(!sql.starts_with("EXPLAIN") || !sql.to_lowercase().contains("analyze"), "{sql}");
    }
    // Each question stands in a transaction of its own, and the counters do not keep its values.
    let at = sent.iter().position(|sql| sql.starts_with("EXPLAIN (FORMAT JSON")).expect("asked");
    assert_eq!((sent[at - 1], sent[at + 1]), ("BEGIN /* laggard */ READ ONLY", "ROLLBACK /* laggard */"));
    assert!(sent.contains(&"SET /* laggard */ pg_stat_statements.track_utility = off"));
    // Only where the statements have tables are names looked for, and a superuser is warned.
    assert!(sent.contains(&"SET /* laggard */ search_path = pg_catalog, \"public\", pg_temp"), "{sent:?}");
    assert!(run.stderr.contains("the role is a superuser"), "{}", run.stderr);
    // As advised, so it is.
    for finding in run.findings() {
        bench.sql(finding["ddl"].as_str().expect("a statement"));
    }
    let plan = bench.sql("explain select * from orders where customer_id = 99 order by placed_at desc limit 5");
    assert!(plan.contains("orders_customer_id_placed_at_idx"), "{plan}");
    let again = bench.advise("postgres", &log, &[]);
    assert_eq!(again.indexes(), [] as [&str; 0], "{}", again.stderr);
}

/// What is joined to a list or written by MERGE is looked into too: the planner knows how often.
#[test]
fn lists_and_merge_are_joins() {
    let Some(bench) = Bench::with_hypopg() else { return };
    let log = bench.log(&["select * from (values (42), (43)) as wanted(customer) join orders o on o.customer_id = wanted.customer"]);
    let run = bench.advise("postgres", &log, &[]);
    assert_eq!(run.indexes(), ["public.orders (customer_id)"], "{}", run.stderr);
    let merge = "merge into orders o using (select id from customers where email = 'u7@example.com') c on o.customer_id = c.id when matched then update set total = 0";
    let run = bench.advise("postgres", &bench.log(&[merge]), &[]);
    assert_eq!(run.indexes(), ["public.customers (email)", "public.orders (customer_id)"], "{}", run.stderr);
}

/// Neither index alone is of use to an OR, and the planner takes both where they are offered together.
#[test]
fn an_or_gets_an_index_for_each_arm() {
    let Some(bench) = Bench::with_hypopg() else { return };
    let log = bench.log(&["select * from orders where customer_id = 42 or total = 1234"]);
    let run = bench.advise("postgres", &log, &[]);
    assert_eq!(run.indexes(), ["public.orders (customer_id)", "public.orders (total)"], "{}", run.stderr);
    for finding in run.findings() {
        assert!(finding["remedy"].as_str().is_some_and(|remedy| remedy.contains("together with the index on (")), "{finding:#}");
        assert_eq!(finding["data"]["level"], "what-if");
        bench.sql(finding["ddl"].as_str().expect("a statement"));
    }
    let plan = bench.sql("explain select * from orders where customer_id = 42 or total = 1234");
    assert!(plan.contains("BitmapOr"), "{plan}");
}

#[test]
fn whatever_has_no_advice_has_a_reason() {
    let Some(bench) = Bench::with_hypopg() else { return };
    bench.sql("create extension postgres_fdw");
    bench.sql("create server loop foreign data wrapper postgres_fdw; create foreign table far(id int, status text) server loop");
    let statements = [
        ("select 1", None),
        ("select 1; select * from orders where customer_id = 1", Some("several statements")),
        ("select '\\'; drop table orders; --'", None),
        ("select * from nowhere where a = 1", Some("nowhere is not in the snapshot")),
        ("select * from far where status = 'rare'", Some("far is a foreign table")),
        ("select * from parted where id = 77", Some("parted is partitioned")),
        ("select * from audit where id = 1", None),
        ("select * from blind where customer_id = 1", Some("blind was never analysed")),
        ("selec * frm orders", None),
        ("vacuum orders", None),
        ("select * from orders where customer_id + 1 = 43", Some("no condition on public.orders is one that a B-tree serves")),
        ("select * from parted where at = '2026-02-02'", Some("ON ONLY the table itself")),
        ("select * from orders where", Some("not understood")),
    ];
    let log = bench.log(&statements.map(|(sql, _)| sql));
    let run = bench.advise("postgres", &log, &[]);
    assert_eq!((run.code, run.indexes()), (Some(0), Vec::new()), "{}", run.stderr);
    for (sql, reason) in statements {
        assert!(reason.is_none_or(|reason| run.stderr.contains(reason)), "{sql}: {}", run.stderr);
    }
    assert_eq!(bench.sql("select count(*) from orders"), "100000\n", "nothing was run");
    // A role that may read is told the same as the owner, one that may not is told so.
    let log = bench.log(&["select * from orders where customer_id = 42", "update orders set total = 0 where customer_id = 42"]);
    let reader = bench.advise("reader", &log, &[]);
    assert_eq!(reader.indexes(), ["public.orders (customer_id)"], "{}", reader.stderr);
    assert_eq!(reader.findings()[0]["data"]["serves"].as_array().map(Vec::len), Some(2), "the UPDATE too, by what finds its rows");
    let nobody = bench.advise("nobody", &log, &[]);
    assert!(nobody.indexes().is_empty() && nobody.stderr.contains("permission denied"), "{}", nobody.stderr);
    assert!(nobody.stderr.contains("GRANT pg_read_all_data"), "{}", nobody.stderr);
    assert!(!reader.stderr.contains("superuser"), "{}", reader.stderr);
}

#[test]
fn what_planning_runs_leaves_nothing_and_values_are_not_repeated() {
    let Some(cluster) = Cluster::start(15, &[]) else { return };
    cluster.sql("postgres", SHOP);
    cluster.sql(
        "postgres",
        "create function trap() returns int stable language plpgsql as
         $$ begin perform set_config('default_transaction_read_only', 'off', false); return 1; end $$",
    );
    let none = |_: &str| None;
    let surroundings = Surroundings { variable: &none, home: None, user: Some("postgres".to_owned()) };
    let settings = Settings::resolve(Some(&cluster.dsn("postgres")), &surroundings).expect("settings");
    let mut session = Session::connect(&settings).expect("a session");
    let mut planner = Planner::begin(&mut session, &["public".to_owned()]).expect("begins");
    let question = |text: &str| Question { text: text.to_owned(), ..Question::default() };
    let plans = planner.plans(0, &question("select * from orders where customer_id < trap()")).expect("a session");
    assert!(plans.is_ok_and(|plans| plans.len() == 1));
    // Taken at first, and then no longer.
    let rare =
        Question { example: "select * from orders where status = 'rare'".to_owned(), ..question("select * from orders where status = $1") };
    assert_eq!(planner.plans(1, &rare).expect("a session").map(|plans| plans.len()), Ok(2));
    cluster.sql("postgres", "drop view open_orders; alter table orders alter status type int using 1");
    let refused = planner.plans(1, &rare).expect("a session").expect_err("'rare' is no number");
    assert!(!refused.contains("rare"), "{refused}");
    drop(planner);
    let is_read_only = session.rows("show default_transaction_read_only", Duration::from_secs(5)).expect("a session");
    assert_eq!(is_read_only[0].get(0), Some("on"), "what a function sets while it is planned ends with the question");
}

/// 40 of 100 rows are of one customer, the others have 6 each. Statistics are of all rows, not of a sample, which differs from
/// time to time.
const SKEWED: &str = "
create table visits(id int primary key, customer_id int, note text);
insert into visits select n, case when n % 10 < 4 then 1 else 2 + n / 10 end, repeat('x', 50) from generate_series(1, 100000) n;
alter table visits alter customer_id set statistics 1000;
analyze visits";

#[test]
fn it_depends_on_the_value_what_the_planner_does() {
    let Some(bench) = Bench::with_hypopg() else { return };
    bench.sql(SKEWED);
    // What somebody puts before the server's own objects changes no answer.
    bench.sql("create table public.pg_extension(oid oid, extname name, extnamespace oid, extversion text)");
    let one = |customer: u32| format!("select * from visits where customer_id = {customer}");
    let usual = one(8887);
    let often: Vec<&str> = std::iter::repeat_n(usual.as_str(), 6).collect();
    let run = bench.advise("postgres", &bench.log(&[&[one(1).as_str()], often.as_slice()].concat()), &[]);
    assert_eq!(run.indexes(), ["public.visits (customer_id)"], "{}", run.stderr);
    let finding = &run.findings()[0];
    assert_eq!((&finding["data"]["depends_on_value"], &finding["confidence"]), (&true.into(), &"medium".into()), "{finding:#}");
    let evidence = finding["evidence"].as_array().expect("a list").iter().find(|evidence| evidence["kind"] == "values");
    let text = evidence.and_then(|evidence| evidence["text"].as_str()).expect("of values");
    assert!(text.contains("with usual values of the log it uses a new index, and with unusual ones it does not"), "{text}");
    assert!(finding["remedy"].as_str().is_some_and(|text| text.contains("40 % of the rows have the same customer_id")), "{finding:#}");
    let words = run.stdout.split(|c: char| !c.is_ascii_alphanumeric());
    assert!(words.into_iter().all(|word| word != "8887"), "no value is told: {}", run.stdout);
    let other = bench.advise("postgres", &bench.log(&[&usual, &one(8888)]), &[]);
    assert!(other.findings()[0]["data"]["depends_on_value"].is_null(), "{}", other.stdout);
}

#[test]
fn what_is_redundant_is_thought_away_where_the_server_can() {
    let Some(bench) = Bench::with_hypopg() else { return };
    bench.sql("create index orders_customer on orders(customer_id)");
    let log = bench.log(&["select * from orders where customer_id = 99 order by placed_at desc limit 5"]);
    let told = |run: &Run| -> (Value, bool) {
        let finding = run.findings().first().cloned().unwrap_or_else(|| panic!("{}", run.stderr));
        let evidence = finding["evidence"].as_array().expect("a list").clone();
        let is_sure = evidence
            .iter()
            .any(|evidence| evidence["text"].as_str().is_some_and(|text| text.starts_with("without public.orders_customer")));
        (finding["data"]["replaces"].clone(), is_sure)
    };
    let replaced = serde_json::json!(["public.orders_customer"]);
    assert_eq!(told(&bench.advise("postgres", &log, &[])), (replaced.clone(), false), "Debian's hypopg cannot hide");
    // Stands for that of a later one, which this server has not: nothing costs more without what nothing uses.
    bench.sql("create function public.hypopg_hide_index(i oid) returns bool language sql as 'select true'");
    bench.sql("create function public.hypopg_unhide_all_indexes() returns void language sql as 'select'");
    assert_eq!(told(&bench.advise("postgres", &log, &[])), (replaced.clone(), true));
    bench.sql("create or replace function public.hypopg_hide_index(i oid) returns bool language sql as 'select false'");
    assert_eq!(told(&bench.advise("postgres", &log, &[])), (replaced, false), "the server did not hide it");
}

#[test]
fn a_limit_of_time_is_kept_and_what_was_left_out_is_told() {
    let Some(bench) = Bench::with_hypopg() else { return };
    let statements: Vec<String> = (0..20).map(|n| format!("select id, {n} as c{n} from orders where customer_id = 42")).collect();
    let log = bench.log(&statements.iter().map(String::as_str).collect::<Vec<_>>());
    let run = bench.advise("postgres", &log, &["--time-limit", "1ms"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("questions were not put") && run.stderr.contains("--time-limit"), "{}", run.stderr);
    let wrong = bench.advise("postgres", &log, &["--time-limit", "soon"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("soon"), "{}", wrong.stderr);
}

#[test]
fn without_hypopg_it_says_so_and_goes_by_the_catalogue() {
    let Some(cluster) = Cluster::start(18, &[]) else { return };
    let bench = Bench { cluster, folder: tempfile::tempdir().expect("a folder") };
    bench.sql(SHOP);
    let log = bench.log(&["select * from orders where customer_id = 42"]);
    let run = bench.advise("postgres", &log, &[]);
    assert!(run.code == Some(0) && run.stderr.contains("hypopg is not in this database"), "{}", run.stderr);
    assert_eq!((run.indexes(), &run.findings()[0]["data"]["level"]), (vec!["public.orders (customer_id)".to_owned()], &"catalog".into()));
    // A pooler gives each statement another session, in which nothing is thought of.
    let Some(pooler) = Pooler::start(&bench.cluster) else { return };
    let refused = laggard(&["advise", "--no-config", &pooler.dsn("postgres"), log.to_str().expect("text")]);
    assert!(refused.code == Some(2) && refused.stderr.contains("pooler"), "{:?} {}", refused.code, refused.stderr);
}

#[test]
fn arguments_are_a_server_and_inputs_and_nothing_is_sent_with_print_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("pg=1.log");
    let line = "2026-11-23 11:00:00.000 UTC [7] app@shop LOG:  duration: 40.000 ms  statement: select * from t where a = 1 and b > interval '1 day'\n";
    let line =
        format!("{line}2026-11-23 11:00:01.000 UTC [7] app@shop LOG:  duration: 40.000 ms  statement: delete from u where a = 1 + 2\n");
    fs::write(&log, line).expect("writable");
    let log = log.to_str().expect("text");
    let printed = laggard(&["advise", "--no-config", "postgres://nowhere.invalid/x", log, "--print-sql"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    for part in [
        "default_transaction_read_only=on",
        "EXPLAIN (FORMAT JSON, GENERIC_PLAN) /* laggard */ select * from t where a = $1 and b > $2 :: interval;",
        "hypopg_reset()",
        "hypopg_hide_index('schema.index'::pg_catalog.regclass::pg_catalog.oid);",
        "PREPARE laggard_asks AS /* laggard */ select * from t where a = $1 and b > $2 :: interval;",
        "EXPLAIN (FORMAT JSON) /* laggard */ EXECUTE laggard_asks(NULL, NULL);",
        "BEGIN /* laggard */ READ ONLY;",
        "pg_stat_statements.track_utility = off;",
        "EXPLAIN (FORMAT JSON, GENERIC_PLAN) /* laggard */ select ctid from u where a = $1 :: int + $2 :: int;",
    ] {
        assert!(printed.stdout.contains(part), "{part}: {}", printed.stdout);
    }
    // A file is no server, whatever its name; a server without inputs is nothing to ask of.
    assert_eq!(laggard(&["advise", "--no-config", log, "--print-sql"]).code, Some(0));
    let alone = laggard(&["advise", "--no-config", "dbname=shop"]);
    assert!(alone.code == Some(2) && alone.stderr.contains("needs statements"), "{}", alone.stderr);
    let nowhere = laggard(&["advise", "--no-config", "host=/nonexistent dbname=x", log]);
    assert!(nowhere.code == Some(2) && nowhere.stdout.is_empty(), "{}", nowhere.stderr);
}

/// Statements, and what another adviser would create for each: single columns, or those of the conditions as they stand.
const RIVALS: [(&str, &[&str]); 14] = [
    ("select * from orders where placed_at >= timestamp '2026-03-11'", &["orders (placed_at)"]),
    ("select * from orders where status = 'rare'", &["orders (status)"]),
    ("select count(*) from orders where status = 'rare'", &["orders (status)"]),
    ("select * from orders where customer_id = 5 order by placed_at desc limit 5", &["orders (customer_id)"]),
    ("select * from orders order by status desc, placed_at limit 10", &["orders (status)"]),
    ("select * from orders order by 4 limit 10", &["orders (placed_at)"]),
    ("select * from customers where lower(email) = 'u7@example.com'", &["customers (email)", "customers (lower(email))"]),
    ("select * from customers where email like 'u77%'", &["customers (email)", "customers (email text_pattern_ops)"]),
    ("select * from orders where customer_id > 395 and total between 3 and 9", &["orders (customer_id)", "orders (total)"]),
    ("select customer_id from orders where total = 7", &["orders (total)"]),
    (
        "select o.id from orders o join customers c on c.id = o.customer_id where c.email = 'u7@example.com'",
        &["customers (email)", "orders (customer_id)"],
    ),
    ("select * from orders where customer_id in (5, 6) and status = 'rare'", &["orders (status)", "orders (customer_id)"]),
    ("delete from orders where placed_at < '2026-01-01 02:00'", &["orders (placed_at)"]),
    ("select max(placed_at) from orders where customer_id = 7", &["orders (customer_id)"]),
];

/// What a statement costs with indexes that are not there, and how many of them its plan uses.
fn planned(bench: &Bench, sql: &str, indexes: &[&str]) -> (f64, usize) {
    let create = |on: &&str| format!("select indexname from hypopg_create_index('create index on {on}');");
    let creates: String = indexes.iter().map(create).collect();
    let told = bench.sql(&format!("select hypopg_reset(); {creates} explain (format json) {sql}"));
    let (names, plan) = told.split_once("[\n").expect("a plan");
    let used = names.lines().filter(|name| name.contains("btree") && plan.contains(*name)).count();
    let plan: Value = serde_json::from_str(&format!("[{plan}")).expect("JSON");
    (plan[0]["Plan"]["Total Cost"].as_f64().expect("a cost"), used)
}

/// The planner is the judge: with what is advised no statement costs more than with what others would create, and nothing is
/// advised that it does not use.
#[test]
fn nobody_elses_index_is_cheaper() {
    let Some(bench) = Bench::with_hypopg() else { return };
    bench.sql("vacuum orders, customers");
    for (sql, rivals) in RIVALS {
        let log = bench.log(&[sql]);
        let run = bench.advise("postgres", &log, &[]);
        let on = |finding: &Value| {
            let ddl = finding["ddl"].as_str().expect("a statement").trim_end_matches(';').to_owned();
            ddl.split_once(" ON ").expect("on a table").1.to_owned()
        };
        let ours: Vec<String> = run.findings().iter().map(on).collect();
        let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
        let ((now, _), (cost, used)) = (planned(&bench, sql, &[]), planned(&bench, sql, &ours));
        let theirs = planned(&bench, sql, rivals).0;
        assert!(cost <= 0.7 * now && used == ours.len(), "{sql}: {ours:?} cost {cost} instead of {now}, {used} used: {}", run.stderr);
        assert!(cost <= 1.01 * theirs, "{sql}: {ours:?} cost {cost}, others {theirs}");
    }
}

/// Texts as counters have them, which no server explains as they are or only some do.
const NORMALISED: [&str; 12] = [
    "select * from orders where customer_id = $1",
    "select * from orders where placed_at > now() - interval $1",
    "select * from orders where placed_at >= timestamp $1 and placed_at < date $2",
    "select extract($1 from placed_at) from orders where customer_id = $2",
    "select $1 + $2",
    "select * from orders where placed_at > current_date - $1",
    "select * from generate_series($1, $2) g where g > $3",
    "select * from orders where customer_id in ($1 /*, ... */) and status = $2",
    "select * from orders where status = $1 order by placed_at limit $2 offset $3",
    "update orders set total = total * $1 where customer_id = $2",
    "delete from orders where placed_at between $1 and $2",
    "with recent as (select * from orders where placed_at > $1) select count(*) from recent where customer_id = any($2)",
];

#[test]
fn normalised_texts_have_plans_in_every_major_that_can() {
    let check = |major: u32| {
        let Some(cluster) = Cluster::start(major, &[]) else { return };
        cluster.sql("postgres", SHOP);
        let none = |_: &str| None;
        let surroundings = Surroundings { variable: &none, home: None, user: Some("postgres".to_owned()) };
        let settings = Settings::resolve(Some(&cluster.dsn("postgres")), &surroundings).expect("settings");
        let mut session = Session::connect(&settings).expect("a session");
        let planner = Planner::begin(&mut session, &["public".to_owned()]);
        if major < 12 {
            assert!(planner.is_err_and(|error| error.to_string().contains("before 12")), "PostgreSQL {major}");
            return;
        }
        let mut planner = planner.expect("begins");
        for (number, text) in NORMALISED.iter().enumerate() {
            let question = Question { text: (*text).to_owned(), list: 3, ..Question::default() };
            let plans = planner
                .plans(number, &question)
                .expect("a session")
                .unwrap_or_else(|reason| panic!("PostgreSQL {major}: {text}: {reason}"));
            assert!(plans.len() == 1 && plans[0].cost >= 0.0 && !plans[0].is_real, "PostgreSQL {major}: {text}: {plans:?}");
        }
        // With its example it is asked twice, with the values first; a value that is common costs more.
        let question = Question {
            text: "select * from orders where status = $1".to_owned(),
            example: "select * from orders where status = $1".to_owned(),
            parameters: b"$1 = 'rare'".to_vec(),
            ..Question::default()
        };
        let plans = planner.plans(100, &question).expect("a session").expect("plans");
        assert_eq!(plans.iter().map(|plan| plan.is_real).collect::<Vec<_>>(), [true, false], "PostgreSQL {major}");
        assert!(
            planner.plans(101, &Question { text: "select 1; select 2".to_owned(), ..Question::default() }).expect("a session").is_err()
        );
    };
    thread::scope(|scope| [11, 12, 14, 15, 16, 18].map(|major| drop(scope.spawn(move || check(major)))));
}
