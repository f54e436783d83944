//! Snapshots of real servers: what the report of two of them says against what the client did and what the server says itself.
//!
//! The counters that expectations are drawn from are read by psql, or are the client's own count; never laggard's. Further
//! down: what breaks a difference (`breaks`), proved bounds against single durations (`truth`), what psql exports
//! (`exports`), what a snapshot costs (`cost`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, all_majors, psql};
use crate::harness::at;
use crate::machine::run as run_to_its_end;

mod breaks;
mod cost;
mod exports;
mod health;
mod law;
mod truth;

/// How a run of laggard ended.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program with nothing of this environment.
fn laggard(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = command.args(arguments).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A server with `pg_stat_statements` in its database, and a folder for files.
struct Bench {
    cluster: Cluster,
    folder: TempDir,
}

impl Bench {
    /// Starts a server of that major, or says that the test is skipped.
    fn start(major: u32, settings: &[(&str, &str)]) -> Option<Self> {
        let bench = Self::of(Cluster::start(major, settings)?);
        bench.sql("create extension pg_stat_statements");
        Some(bench)
    }

    fn of(cluster: Cluster) -> Self {
        Self { cluster, folder: tempfile::tempdir().expect("a folder") }
    }

    /// A file of the folder.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One statement, by psql.
    fn sql(&self, sql: &str) -> String {
        self.cluster.sql("postgres", sql)
    }

    /// Many statements in one session, each sent for itself.
    fn script(&self, sql: &str) -> String {
        self.script_as("postgres", sql)
    }

    /// [`script`](Self::script) as another role.
    fn script_as(&self, role: &str, sql: &str) -> String {
        let file = tempfile::NamedTempFile::new_in(&self.folder).expect("a file");
        fs::write(file.path(), sql).expect("writable");
        run_to_its_end(psql(&self.dsn_of(role)).arg("-f").arg(file.path())).unwrap_or_else(|error| panic!("{error}"))
    }

    fn dsn_of(&self, role: &str) -> String {
        self.cluster.dsn("postgres").replace("user=postgres", &format!("user={role}"))
    }

    /// Takes a snapshot that must succeed, and says where it is.
    fn snapshot(&self, name: &str) -> PathBuf {
        let run = self.try_snapshot("postgres", name, &[]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        self.file(name)
    }

    /// Takes a snapshot as a role, with further arguments.
    fn try_snapshot(&self, role: &str, name: &str, more: &[&str]) -> Run {
        let (dsn, file) = (self.dsn_of(role), self.file(name));
        laggard(&[&["snapshot", &dsn, "-o", file.to_str().expect("text")], more].concat())
    }

    /// What the server itself has counted: psql's reading, which leaves out the entries of such readings.
    fn counters(&self) -> Counted {
        let total = if self.minor() >= 8 { "total_exec_time" } else { "total_time" };
        let sql = format!(
            "select queryid, sum(calls), sum(rows), sum({total}), max(query) from pg_stat_statements where query !~* 'pg_(stat_statements|extension)|/. laggard ./' group by queryid"
        );
        let cells = |line: &str| {
            let cells: Vec<String> = line.splitn(5, '|').map(str::to_owned).collect();
            let counts = Counts { calls: number(&cells[1]), rows: number(&cells[2]), total: number(&cells[3]), text: cells[4].clone() };
            (cells[0].clone(), counts)
        };
        // The texts may have several lines, so each is one string of JSON.
        let sql = format!(
            "set extra_float_digits = 3; select concat_ws('|', queryid, sum, rows, total, to_json(text)) from ({sql}) t(queryid, sum, rows, total, text)"
        );
        self.sql(&sql).lines().map(cells).collect()
    }

    /// The minor version of the extension.
    fn minor(&self) -> u32 {
        self.sql("select split_part(extversion, '.', 2) from pg_extension where extname = 'pg_stat_statements'")
            .trim()
            .parse()
            .expect("a number")
    }
}

/// What the server says of its entries, by id.
type Counted = BTreeMap<String, Counts>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Counts {
    calls: u64,
    rows: u64,
    /// Milliseconds.
    total: f64,
    text: String,
}

/// What was counted between two readings of one life of the counters.
fn difference(before: &Counted, after: &Counted) -> Counted {
    let none = Counts::default();
    let grown = |(id, after): (&String, &Counts)| {
        let before = before.get(id).unwrap_or(&none);
        let counts = Counts {
            calls: after.calls - before.calls,
            rows: after.rows - before.rows,
            total: after.total - before.total,
            text: after.text.clone(),
        };
        (counts.calls > 0).then(|| (id.clone(), counts))
    };
    after.iter().filter_map(grown).collect()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// A report as its JSON has it.
struct Told(Value);

/// The report of files, which must succeed.
fn report(files: &[&Path]) -> Told {
    let run = try_report(files, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    told(&run)
}

fn try_report(files: &[&Path], more: &[&str]) -> Run {
    let files: Vec<&str> = files.iter().map(|file| file.to_str().expect("text")).collect();
    laggard(&[&["report"], files.as_slice(), &["--format", "json"], more].concat())
}

fn told(run: &Run) -> Told {
    Told(serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", run.stdout, run.stderr)))
}

impl Told {
    fn statements(&self) -> &[Value] {
        self.0["statements"].as_array().expect("a list")
    }

    /// The statements whose text has these words.
    fn all_with(&self, words: &str) -> Vec<&Value> {
        let with = |s: &&Value| s["text"].as_str().expect("text").contains(words);
        self.statements().iter().filter(with).collect()
    }

    /// The only statement whose text has these words.
    fn with(&self, words: &str) -> &Value {
        match self.all_with(words).as_slice() {
            [only] => only,
            found => panic!("{} with {words:?} among {:#?}", found.len(), self.texts()),
        }
    }

    fn texts(&self) -> Vec<&str> {
        self.statements().iter().map(|s| s["text"].as_str().expect("text")).collect()
    }

    /// Calls of the only statement with these words.
    fn calls(&self, words: &str) -> u64 {
        count(self.with(words), "calls")
    }

    fn state(&self, words: &str) -> (&str, bool) {
        let counters = &self.with(words)["counters"];
        (counters["state"].as_str().expect("text"), counters["partial"].as_bool().expect("a truth"))
    }

    fn coverage(&self, key: &str) -> &Value {
        &self.0["coverage"][key]
    }

    fn total(&self, key: &str) -> u64 {
        count(&self.0["totals"], key)
    }

    fn warns(&self, id: &str) -> bool {
        self.0["warnings"].as_array().expect("a list").iter().any(|w| w["id"] == id)
    }

    /// Ids, calls, rows and time of every statement that has these words.
    fn essence(&self, words: &str) -> BTreeMap<String, [Value; 5]> {
        let essence = |s: &&Value| {
            let id = s["id"].as_str().expect("text").to_owned();
            (id, ["text", "calls", "total_us", "rows", "query_ids"].map(|key| s[key].clone()))
        };
        self.all_with(words).iter().map(essence).collect()
    }
}

/// Names and calls of `users` or `databases`.
fn shares<'s>(of: &'s Value, key: &str) -> Vec<(&'s str, u64)> {
    let mut shares: Vec<_> =
        of[key].as_array().expect("a list").iter().map(|s| (s["name"].as_str().expect("text"), count(s, "calls"))).collect();
    shares.sort_unstable();
    shares
}

/// The lines of a snapshot file.
fn lines(file: &Path) -> Vec<Value> {
    let bytes = fs::read(file).expect("was written");
    let text = zstd::decode_all(bytes.as_slice()).unwrap_or(bytes);
    String::from_utf8(text).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// When a snapshot was taken, as it says itself.
fn taken(file: &Path) -> jiff::Timestamp {
    at(lines(file)[0]["taken_at"].as_str().expect("a time"))
}

fn count(of: &Value, key: &str) -> u64 {
    of[key].as_u64().unwrap_or_else(|| panic!("{key} is {}", of[key]))
}

/// What psql's readings of the counters leave there, and what the server asks itself when it is asked for the text of a view,
/// which `track = all` counts.
fn is_of_reading(text: &str) -> bool {
    ["pg_stat_statements", "pg_extension", "extra_float_digits", "pg_rewrite"].iter().any(|word| text.contains(word))
}

/// Every statement's calls, rows and time are those of its entries, and every entry is in one statement.
fn assert_equal(told: &Told, truth: &Counted) {
    let mut left = truth.clone();
    for statement in told.statements() {
        let text = statement["text"].as_str().expect("text");
        assert!(!text.contains("laggard"), "{text}");
        let mut sum = Counts::default();
        for id in statement["query_ids"].as_array().expect("a list") {
            let Some(entry) = left.remove(id.as_str().expect("text")) else { continue };
            sum = Counts { calls: sum.calls + entry.calls, rows: sum.rows + entry.rows, total: sum.total + entry.total, text: entry.text };
        }
        if is_of_reading(text) {
            continue;
        }
        assert_eq!((count(statement, "calls"), count(statement, "rows")), (sum.calls, sum.rows), "{text}");
        let off = (count(statement, "total_us") as f64 - sum.total * 1_000.0).abs();
        assert!(off <= 1.0, "{text}: {} and {} ms", statement["total_us"], sum.total);
    }
    left.retain(|_, entry| !is_of_reading(&entry.text));
    assert!(left.is_empty(), "not told: {left:#?}");
}

/// Tables and a function for [`work`].
const SHOP: &str = "
create table item(id int primary key, price int, note text);
insert into item select n, n * 10, 'note' from generate_series(1, 100) n;
create function dear() returns bigint language plpgsql as
  'declare n bigint; begin select count(*) into n from item where price > 500; return n; end';
create role clerk;
grant select on item to clerk;
";

/// A statement of [`work`], and how many calls and rows it comes to in one round.
const WORK: [(&str, u64, u64); 7] = [
    // Two lengths of a list, 2 and 5, by two roles.
    ("select price from item where id in", 16, 2 * 6 + 5 * 10),
    ("select note from item where id =", 12, 12),
    ("select id, note from item where price <", 9, 9 * 4),
    ("insert into item", 5, 5 * 3),
    ("update item set", 4, 4 * 10),
    ("select dear", 6, 6),
    ("select count(*) from item where price >", 6, 6),
];

/// Statements of so many kinds, each once: one entry for each.
fn crowd(kinds: usize) -> String {
    let operators = |kind: usize| (0..13).map(move |bit| if kind >> bit & 1 == 0 { " + 1" } else { " - 1" }).collect::<String>();
    (0..kinds).map(|kind| format!("select 1{};\n", operators(kind))).collect()
}

/// What [`WORK`] says, in one session of the owner and one of a clerk.
fn work(bench: &Bench, round: u32) {
    let mut sql = String::from("prepare below(int) as select id, note from item where price < $1;\n");
    for n in 0..12 {
        let _ = writeln!(sql, "select note from item where id = {};", n + 1);
    }
    (0..9).for_each(|_| sql.push_str("execute below(45);\n"));
    (0..6).for_each(|_| sql.push_str("select price from item where id in (1, 2);\nselect dear();\n"));
    for n in 0..5 {
        let first = 1_000 + round * 100 + n * 3;
        let _ = writeln!(sql, "insert into item values ({first}, 50, 'a'), ({}, 60, 'b'), ({}, 70, 'c');", first + 1, first + 2);
    }
    for n in 0..4 {
        let _ = writeln!(sql, "update item set note = 'n{n}' where id between 1 and 10;");
    }
    // What fails is not counted.
    sql.push_str("\\set ON_ERROR_STOP off\n\\o /dev/null\nselect note from item where 1 / (price - price) = 1;\n");
    bench.script(&sql);
    let list = "select price from item where id in (1, 2, 3, 4, 5);\n".repeat(10);
    bench.script_as("clerk", &list);
}

#[test]
fn an_interval_is_what_the_client_did_and_what_the_server_counted_in_every_major() {
    let check = |major: u32| {
        let Some(bench) = Bench::start(major, &[("pg_stat_statements.track", "all")]) else { return };
        bench.script(SHOP);
        bench.sql("alter role clerk login");
        work(&bench, 0);
        let before = bench.counters();
        let first = bench.snapshot("a.snap");
        work(&bench, 1);
        work(&bench, 2);
        let second = bench.snapshot("b.snap");
        let after = bench.counters();
        let told = report(&[&first, &second]);
        assert_equal(&told, &difference(&before, &after));
        for (text, calls, rows) in WORK {
            let statement = told.with(text);
            assert_eq!((count(statement, "calls"), count(statement, "rows")), (2 * calls, 2 * rows), "PostgreSQL {major}: {text}");
            assert_eq!(told.state(text), ("continuous", false), "PostgreSQL {major}: {text}");
        }
        assert!(told.all_with("price - price").is_empty(), "failed statements are not counted");
        let lists: &[(&str, u64)] = &[("clerk", 20), ("postgres", 12)];
        assert_eq!(shares(told.with("select price from item where id in"), "users"), lists);
        assert_eq!(shares(told.with("update item set"), "databases"), [("postgres", 8)]);
        let nested = &told.with("select count(*) from item where price >")["counters"];
        assert_eq!(count(nested, "nested_calls"), if major >= 14 { 12 } else { 0 }, "PostgreSQL {major}");
        assert_eq!(told.coverage("known_share"), 1.0, "PostgreSQL {major}");
        assert_eq!((told.coverage("lost"), told.coverage("of")), (&0.into(), &"interval".into()));
        let window = [&told.0["window"]["start"], &told.0["window"]["end"]];
        assert_eq!(window.map(|time| at(time.as_str().expect("a time"))), [&first, &second].map(|file| taken(file)));
    };
    thread::scope(|scope| all_majors().for_each(|major| drop(scope.spawn(move || check(major)))));
}

#[test]
fn a_snapshot_that_psql_makes_reports_the_same() {
    let script = laggard(&["snapshot", "--psql"]);
    assert_eq!(script.code, Some(0), "{}", script.stderr);
    let check = |major: u32| {
        let Some(bench) = Bench::start(major, &[]) else { return };
        bench.script(SHOP);
        bench.sql("alter role clerk login");
        let by_psql = |name: &str| {
            fs::write(bench.file(name), bench.script(&script.stdout)).expect("writable");
            bench.file(name)
        };
        work(&bench, 0);
        let (first, first_by_psql) = (bench.snapshot("a.snap"), by_psql("a.jsonl"));
        work(&bench, 1);
        let second_by_psql = by_psql("b.jsonl");
        // Its own statements it leaves out as well.
        let second = bench.snapshot("b.snap");
        let (ours, psqls) = (report(&[&first, &second]), report(&[&first_by_psql, &second_by_psql]));
        for (text, calls, rows) in WORK {
            if text.contains("count(*)") {
                continue;
            }
            let statement = psqls.with(text);
            assert_eq!((count(statement, "calls"), count(statement, "rows")), (calls, rows), "PostgreSQL {major}: {text}");
            assert_eq!(psqls.essence(text), ours.essence(text), "PostgreSQL {major}");
            assert_eq!(report(&[&second_by_psql]).essence(text), report(&[&second]).essence(text), "PostgreSQL {major}");
            // The one goes on where the other ended.
            assert_eq!(report(&[&first, &second_by_psql]).essence(text), ours.essence(text), "PostgreSQL {major}");
        }
        let others: Vec<&str> = ours.texts().into_iter().filter(|text| !text.contains("item") && !text.contains("dear")).collect();
        assert!(others.is_empty(), "PostgreSQL {major}: {others:#?}");
    };
    thread::scope(|scope| [10, 13, 15, 18].map(|major| drop(scope.spawn(move || check(major)))));
}

#[test]
fn a_file_of_a_newer_format_is_refused_and_a_cut_one_told() {
    let Some(bench) = Bench::start(18, &[]) else { return };
    bench.script(SHOP);
    let file = bench.snapshot("a.jsonl");
    let text = fs::read_to_string(&file).expect("UTF-8");
    let put = |name: &str, text: &str| {
        fs::write(bench.file(name), text).expect("writable");
        bench.file(name)
    };
    let newer = put("newer.jsonl", &text.replacen("laggard.snapshot/1", "laggard.snapshot/2", 1));
    let run = try_report(&[&newer], &[]);
    assert!(run.code == Some(2) && run.stderr.contains("laggard.snapshot/2"), "{:?} {}", run.code, run.stderr);
    // Without its last line, and in the middle of a line.
    let last = text.trim_end().rfind('\n').expect("several lines") + 1;
    for length in [last, last - 100] {
        let run = try_report(&[&put("cut.jsonl", &text[..length])], &[]);
        assert!(run.code == Some(2) && run.stderr.contains("cut"), "{:?} {}", run.code, run.stderr);
        assert_eq!(told(&run).calls("insert into item select"), 1);
        assert!(told(&run).warns("input-incomplete"));
    }
    // The same in another packing and as an export.
    let packed = bench.file("again.snap");
    fs::write(&packed, zstd::encode_all(text.as_bytes(), 0).expect("in memory")).expect("writable");
    let twice = report(&[&file, &packed]);
    assert!(twice.warns("file-repeated"), "{:#}", twice.0["warnings"]);
    assert_eq!((twice.coverage("of"), twice.calls("insert into item select")), (&"life".into(), 1));
}
