//! The program as people call it: exit codes, streams, files, filters, and what must never be printed.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use laggard::report;
use serde_json::Value;
use tempfile::TempDir;

use crate::corpus::fixtures;

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    fn calls(&self) -> u64 {
        self.json()["totals"]["calls"].as_u64().expect("a number")
    }
}

/// The program with nothing of this environment.
fn laggard(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    run_with(folder, arguments, None)
}

fn run_with(folder: &Path, arguments: &[&str], stdin: Option<&[u8]>) -> Run {
    let mut command = laggard(folder);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    if stdin.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("runs");
    if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), stdin) {
        let bytes = bytes.to_vec();
        std::thread::spawn(move || pipe.write_all(&bytes));
    }
    let output = child.wait_with_output().expect("ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const PREFIX: &str = "%m [%p] %q%u@%d/%a ";

/// A call of `took` milliseconds at 10:MINUTE on the 23rd.
fn call(minute: u32, user: &str, app: &str, took: u32, sql: &str) -> String {
    format!("2026-11-23 10:{minute:02}:00.000 UTC [7{minute}] {user}@shop/{app} LOG:  duration: {took}.000 ms  statement: {sql}\n")
}

/// Six calls of two users and applications, 63 ms in all.
fn six() -> String {
    [
        call(0, "ann", "web", 1, "SELECT * FROM users WHERE id = 1"),
        call(10, "ann", "web", 2, "SELECT * FROM users WHERE id = 2"),
        call(20, "bob", "cron", 4, "UPDATE orders SET total = 17 /*route='pay',controller='x'*/ WHERE id = 3"),
        call(30, "bob", "cron", 8, "UPDATE orders SET total = 18 /*route='ship'*/ WHERE id = 4"),
        call(40, "ann", "cron", 16, "DELETE FROM carts WHERE owner = 'x'"),
        call(50, "ann", "web", 32, "SELECT * FROM users WHERE id = 3"),
    ]
    .concat()
}

/// A folder with `pg.log`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder, "pg.log", six());
    folder
}

fn put(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(&path, bytes).expect("written");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    to.write_all(bytes).expect("to memory");
    to.finish().expect("to memory")
}

/// `report --format json` of these arguments.
fn reported(folder: &TempDir, arguments: &[&str]) -> Run {
    run(folder.path(), &[&["report", "--format", "json"], arguments].concat())
}

#[test]
fn a_report_of_a_log_is_an_answer_on_stdout_and_silence_on_stderr() {
    let run = run(folder().path(), &["report", "pg.log"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for fact in ["6 calls", "3 statements", "63.0 ms", "select * from users where id = $1", "10:00:00", "10:50:00"] {
        assert!(run.stdout.replace('\u{2009}', " ").contains(fact), "{fact} is missing:\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'), "no colours for a pipe");
}

#[test]
fn trouble_with_arguments_is_2() {
    let folder = folder();
    for arguments in [
        &["report"][..],
        &[],
        &["report", "--no-such-flag", "pg.log"],
        &["no-such-command"],
        &["report", "pg.log", "--format", "xml"],
        &["report", "pg.log", "--source", "oracle"],
        &["report", "pg.log", "--since", "soon"],
        &["report", "pg.log", "--last", "5x"],
        &["report", "pg.log", "--last", "1h", "--since", "08:00"],
        &["report", "pg.log", "--by", "colour"],
        &["report", "pg.log", "--by", "tag:"],
        &["report", "pg.log", "--timezone", "Mars/Olympus"],
        &["report", "pg.log", "--display-tz", "Mars/Olympus"],
        &["report", "pg.log", "--statement", "("],
        &["report", "pg.log", "--prefix", "%m [%"],
        &["report", "pg.log", "--prefix", "%p "],
        &["report", "pg.log", "-o", "out.unknown"],
        &["report", "pg.log", "-j", "0"],
        &["fingerprint", "no-such-file"],
        &["schema", "nothing"],
        &["completions", "no-shell"],
    ] {
        let run = run(folder.path(), arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.is_empty() && run.stdout.is_empty(), "{arguments:?}: {}", run.stdout);
    }
    let run = run(folder.path(), &["pg.log"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("did you mean: laggard report pg.log"), "{}", run.stderr);
}

#[test]
fn help_is_0_and_names_the_exit_codes() {
    for arguments in [&["--help"][..], &["report", "--help"], &["-h"], &["--version"]] {
        let run = run(folder().path(), arguments);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(arguments == ["--version"] || run.stdout.contains("Exit codes: 0") || arguments[0] == "-h", "{}", run.stdout);
    }
}

#[test]
fn a_missing_file_is_2_and_the_others_are_read() {
    let run = reported(&folder(), &["gone.log", "pg.log"]);
    assert_eq!((run.code, run.calls()), (Some(2), 6));
    assert!(run.stderr.contains("gone.log"), "{}", run.stderr);
    assert_eq!(run.json()["warnings"][0]["id"], "input-incomplete");
    let run = reported(&folder(), &["gone.log"]);
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_truncated_archive_is_2_with_its_offset_and_what_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let text: String = (0..20_000u64)
        .map(|n| {
            call(u32::try_from(n / 400).expect("small"), "ann", "web", 1, &format!("SELECT {}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        })
        .collect();
    let whole = gzip(text.as_bytes());
    let cut = whole.len() * 2 / 3;
    put(&folder, "cut.log.gz", &whole[..cut]);
    let run = reported(&folder, &["cut.log.gz"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!((5_000..20_000).contains(&run.calls()), "{} calls", run.calls());
    // Compressed bytes, and never beyond what there is.
    let numbers: Vec<usize> = run.stderr.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    assert!(run.stderr.contains("cut.log.gz") && numbers.iter().any(|&n| n > cut / 2 && n <= cut), "{cut}: {}", run.stderr);
    // Damaged in the middle: the same.
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    put(&folder, "damaged.log.gz", &damaged);
    let run = reported(&folder, &["damaged.log.gz"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.calls() > 1_000, "{} calls", run.calls());
}

#[test]
fn nothing_recognised_is_3() {
    let folder = folder();
    put(&folder, "poem.txt", "Roses are red\nviolets are blue\n");
    put(&folder, "empty.log", "");
    put(&folder, "quiet.log", "2026-11-23 10:00:00.000 UTC [1] LOG:  database system is ready to accept connections\n");
    for arguments in [
        &["poem.txt"][..],
        &["empty.log"],
        &["quiet.log"],
        &["pg.log", "--user", "nobody"],
        &["pg.log", "--since", "2026-12-01"],
        &["pg.log", "--statement", "merge into"],
        &["poem.txt", "pg.log"],
    ] {
        let run = reported(&folder, arguments);
        assert_eq!(run.code, Some(3), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.is_empty(), "{arguments:?} says nothing");
    }
    let run = run_with(folder.path(), &["report", "-"], Some(b""));
    assert_eq!(run.code, Some(3));
    // 2 wins over 3.
    assert_eq!(reported(&folder, &["poem.txt", "gone.log", "pg.log"]).code, Some(2));
}

#[test]
fn a_broken_pipe_is_0() {
    let folder = tempfile::tempdir().expect("a folder");
    // More output than a pipe holds.
    let text: String =
        (0..3_000).map(|n| call(n / 60, "ann", "web", 1, &format!("SELECT column_{n} FROM a_table_with_a_long_name_{n}"))).collect();
    put(&folder, "pg.log", text);
    for format in ["table", "json", "jsonl", "csv"] {
        let mut child = laggard(folder.path())
            .args(["report", "pg.log", "-n", "3000", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut byte = [0];
        child.stdout.take().expect("piped").read_exact(&mut byte).expect("a byte");
        let output = child.wait_with_output().expect("ends");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{format}");
    }
}

#[test]
fn standard_input_is_read_packed_or_not() {
    let folder = folder();
    for bytes in [six().into_bytes(), gzip(six().as_bytes())] {
        let run = run_with(folder.path(), &["report", "-", "--format", "json"], Some(&bytes));
        assert_eq!((run.code, run.calls()), (Some(0), 6), "{}", run.stderr);
        assert_eq!(run.json()["inputs"][0]["path"], "-");
    }
    let run = run_with(folder.path(), &["report", "-", "--last", "1h"], Some(six().as_bytes()));
    assert_eq!(run.code, Some(2), "standard input passes once");
}

#[test]
fn several_outputs_come_from_one_run() {
    let folder = folder();
    let run = run(folder.path(), &["report", "pg.log", "-o", "x.json", "-o", "x.md"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    assert!(run.stderr.contains("wrote x.json") && run.stderr.contains("wrote x.md"), "{}", run.stderr);
    let json: Value = serde_json::from_slice(&fs::read(folder.path().join("x.json")).expect("written")).expect("JSON");
    assert_eq!(json["totals"]["calls"], 6);
    assert!(fs::read_to_string(folder.path().join("x.md")).expect("written").contains("| # |"));
    let mut left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["pg.log", "x.json", "x.md"], "no temporary files stay");
    // A file that cannot be written is trouble.
    assert_eq!(crate::cli::run(folder.path(), &["report", "pg.log", "-o", "no/such/folder/x.json"]).code, Some(2));
    // `-o -` is standard output.
    let run = crate::cli::run(folder.path(), &["report", "pg.log", "-q", "-o", "-", "-o", "y.csv"]);
    assert!(run.stdout.contains("6 calls") && run.stderr.is_empty() && folder.path().join("y.csv").exists(), "{}", run.stderr);
}

/// Key, calls and time of each group.
fn groups(folder: &TempDir, by: &str) -> Vec<(Option<String>, u64, u64)> {
    let run = reported(folder, &["pg.log", "--by", by]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    let group = |g: &Value| {
        (g["key"].as_str().map(str::to_owned), g["calls"].as_u64().expect("a number"), g["total_us"].as_u64().expect("a number"))
    };
    report["groups"].as_array().expect("a list").iter().map(group).collect()
}

#[test]
fn groups_add_up() {
    let folder = folder();
    let key = |name: &str| Some(name.to_owned());
    assert_eq!(groups(&folder, "user"), [(key("ann"), 4, 51_000), (key("bob"), 2, 12_000)]);
    assert_eq!(groups(&folder, "application"), [(key("web"), 3, 35_000), (key("cron"), 3, 28_000)]);
    assert_eq!(groups(&folder, "database"), [(key("shop"), 6, 63_000)]);
    assert_eq!(groups(&folder, "tag:route"), [(None, 4, 51_000), (key("ship"), 1, 8_000), (key("pay"), 1, 4_000)]);
    assert_eq!(groups(&folder, "host"), [(None, 6, 63_000)]);
}

/// A table has rows of one kind: with `--by` those of the groups, the most time first, whatever `-n` says of statements.
#[test]
fn csv_lists_the_groups_that_are_asked_for() {
    let run = run(folder().path(), &["report", "pg.log", "--by", "tag:route", "--format", "csv", "-n", "1"]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "key,calls,errors,total_us,latency,min_us,mean_us,stddev_us,p50_us,p90_us,p95_us,p99_us,p999_us,max_us");
    // 1, 2, 16 and 32 ms have no route.
    assert!(lines[1].starts_with(",4,0,51000,exact,1000,12750,12597.1") && lines[1].ends_with(",2000,32000,32000,32000,32000,32000"));
    assert_eq!(lines[2], "ship,1,0,8000,exact,8000,8000,0,8000,8000,8000,8000,8000,8000");
    assert_eq!(lines[3..], ["pay,1,0,4000,exact,4000,4000,0,4000,4000,4000,4000,4000,4000"]);
}

#[test]
fn filters_keep_what_they_say() {
    let folder = folder();
    for (arguments, calls, total) in [
        (&["--user", "bob"][..], 2, 12_000),
        (&["--user", "!bob"], 4, 51_000),
        (&["--user", "ann", "--app", "web"], 3, 35_000),
        (&["--app", "web", "--app", "cron"], 6, 63_000),
        (&["--database", "shop"], 6, 63_000),
        (&["--statement", "^select"], 3, 35_000),
        (&["--statement", "orders|carts"], 3, 28_000),
        (&["--since", "2026-11-23T10:20:00Z"], 4, 60_000),
        (&["--until", "2026-11-23T10:20:00Z"], 2, 3_000),
        (&["--since", "2026-11-23 10:10", "--until", "2026-11-23 10:40"], 3, 14_000),
        (&["--since", "2026-11-23 11:10", "--until", "2026-11-23 11:40", "--display-tz", "Europe/Paris"], 3, 14_000),
        (&["--last", "10m"], 2, 48_000),
        (&["--last", "1h"], 6, 63_000),
        (&["--last", "25m", "--user", "bob"], 1, 8_000),
    ] {
        let run = reported(&folder, &[&["pg.log"], arguments].concat());
        assert_eq!((run.code, run.calls(), run.json()["totals"]["total_us"].as_u64()), (Some(0), calls, Some(total)), "{arguments:?}");
    }
}

#[test]
fn the_same_content_is_read_once() {
    let folder = folder();
    put(&folder, "copy.log", six());
    put(&folder, "packed.log.gz", gzip(six().as_bytes()));
    for (arguments, repeated) in
        [(&["pg.log", "pg.log"][..], 1), (&["pg.log", "./pg.log", "copy.log"], 2), (&["pg.log", "packed.log.gz"], 1), (&["."], 2)]
    {
        let run = reported(&folder, arguments);
        let report = run.json();
        assert_eq!((run.code, run.calls()), (Some(0), 6), "{arguments:?}");
        let warnings = report["warnings"].as_array().expect("a list").iter().filter(|w| w["id"] == "file-repeated").count();
        assert_eq!(warnings, repeated, "{arguments:?}: {}", report["warnings"]);
    }
    // The same beginning but another end is another log.
    put(&folder, "more.log", six() + &call(55, "ann", "web", 1, "SELECT 1"));
    assert_eq!(reported(&folder, &["pg.log", "more.log"]).calls(), 13);
}

/// An extended-protocol call cut by rotation: parse and bind stand in the older file, which has the later name.
#[test]
fn rotated_files_are_read_by_their_times_not_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |time: &str, took: &str, step: &str| {
        format!("2026-11-23 {time} UTC [42] ann@shop/web LOG:  duration: {took} ms  {step} S_1: SELECT a FROM b WHERE c = $1\n")
    };
    let older = [line("09:00:00.000", "1.000", "parse"), line("09:00:00.001", "2.000", "bind")].concat();
    let newer =
        [line("09:00:00.002", "4.000", "execute"), line("09:00:01.000", "8.000", "bind"), line("09:00:01.001", "16.000", "execute")]
            .concat();
    put(&folder, "logs/postgresql.log.9", older);
    put(&folder, "logs/postgresql.log", gzip(newer.as_bytes()));
    put(&folder, "logs/README", "not a log\n");
    put(&folder, "logs/.hidden", "not a log either\n");
    let run = reported(&folder, &["logs"]);
    let report = run.json();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let statement = &report["statements"][0];
    assert_eq!(
        (statement["calls"].as_u64(), statement["parse_us"].as_u64(), statement["bind_us"].as_u64(), statement["execute_us"].as_u64()),
        (Some(2), Some(1_000), Some(10_000), Some(20_000)),
        "{statement}"
    );
    let paths: Vec<&str> = report["inputs"].as_array().expect("a list").iter().filter_map(|i| i["path"].as_str()).collect();
    assert_eq!(paths, ["logs/postgresql.log.9", "logs/postgresql.log"]);
    let ids: Vec<&str> = report["warnings"].as_array().expect("a list").iter().filter_map(|w| w["id"].as_str()).collect();
    assert_eq!(ids, ["file-not-a-log"], "the stranger is named: {}", report["warnings"]);
}

#[test]
fn every_compression_is_read_to_its_last_member() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = six();
    let (first, second) = text.split_at(text.len() / 2);
    let bzip2 = |bytes: &[u8]| {
        let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        to.write_all(bytes).and_then(|()| to.finish()).expect("to memory")
    };
    let lz4 = |bytes: &[u8]| {
        let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
        to.write_all(bytes).expect("to memory");
        to.finish().expect("to memory")
    };
    type Packer = Box<dyn Fn(&[u8]) -> Vec<u8>>;
    let mut packers: Vec<(&str, Packer)> = vec![("gz", Box::new(gzip)), ("bz2", Box::new(bzip2)), ("lz4", Box::new(lz4))];
    #[cfg(feature = "zstd")]
    packers.push(("zst", Box::new(|bytes| zstd::stream::encode_all(bytes, 1).expect("to memory"))));
    #[cfg(feature = "xz")]
    packers.push((
        "xz",
        Box::new(|bytes| {
            let mut to = liblzma::write::XzEncoder::new(Vec::new(), 1);
            to.write_all(bytes).expect("to memory");
            to.finish().expect("to memory")
        }),
    ));
    for (extension, pack) in packers {
        // The members end in mid-line, and the name says nothing.
        let name = format!("{extension}.log");
        put(&folder, &name, [pack(first.as_bytes()), pack(second.as_bytes())].concat());
        let run = reported(&folder, &[&name]);
        assert_eq!((run.code, run.calls()), (Some(0), 6), "{extension}: {}", run.stderr);
    }
    put(&folder, "a.zip", b"PK\x03\x04rest");
    let run = reported(&folder, &["a.zip"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("zip") && run.stderr.contains("unzip -p"), "{}", run.stderr);
}

#[test]
fn fingerprints_are_a_line_each() {
    let folder = folder();
    let run =
        run_with(folder.path(), &["fingerprint"], Some(b"SELECT * FROM t WHERE a = 1\nselect *  from t where a='x' -- c\nSELECT 2\n"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let rows: Vec<(&str, &str)> = run.stdout.lines().map(|line| line.split_once('\t').expect("a tab")).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], rows[1]);
    assert_ne!(rows[0].0, rows[2].0);
    assert_eq!((rows[0].1, rows[2].1), ("select * from t where a = $1", "select $1"));
    assert!(rows.iter().all(|(id, _)| id.len() == 16 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))));
    let null = run_with(folder.path(), &["fingerprint", "--null"], Some(b"SELECT *\nFROM t\nWHERE a = 5\0SELECT 2\0"));
    let texts: Vec<&str> = null.stdout.lines().collect();
    assert_eq!(texts, [run.stdout.lines().next().expect("a line"), run.stdout.lines().nth(2).expect("a line")]);
    put(&folder, "statements.sql", "SELECT 1\n");
    assert_eq!(crate::cli::run(folder.path(), &["fingerprint", "statements.sql"]).stdout.lines().count(), 1);
    let slow = "# Time: 2024-03-01T10:00:00.123456Z\n# User@Host: app[app] @ web1 [10.0.0.5]  Id:   123\n# Query_time: 2.345678  Lock_time: 0.000123 Rows_sent: 10  Rows_examined: 100000\nSELECT 1;\n";
    let unread = run_with(folder.path(), &["report", "-"], Some(slow.as_bytes()));
    assert!(unread.code == Some(3) && unread.stderr.contains("a slow log of MySQL or MariaDB"), "{}", unread.stderr);
    let nothing = run_with(folder.path(), &["fingerprint"], Some(b""));
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(3), ""));
}

#[test]
fn what_is_understood_is_told() {
    let folder = folder();
    let formats = run(folder.path(), &["formats"]);
    for source in laggard::source::ALL {
        assert!(formats.stdout.lines().any(|line| line.starts_with(source.name()) && line.contains(source.about())), "{}", formats.stdout);
    }
    let schema: Value = run(folder.path(), &["schema", "report"]).json();
    assert!(schema["properties"]["statements"].is_object(), "{schema}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(run(folder.path(), &["completions", shell]).stdout.contains("laggard"), "{shell}");
    }
    let man = run(folder.path(), &["man"]);
    assert!(man.stdout.starts_with(".ie") || man.stdout.contains(".TH"), "{}", &man.stdout[..60]);
    for flag in ["since", "prefix", "format"] {
        assert!(man.stdout.contains(&format!("\\-\\-{flag}")), "--{flag} is not in the manual");
    }
}

/// The keys of the committed schema and those of a report are the same.
#[test]
fn a_report_has_the_keys_of_its_schema() {
    let folder = folder();
    let schema: Value = run(folder.path(), &["schema", "report"]).json();
    let report = reported(&folder, &["pg.log", "--by", "user"]).json();
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(keys(&schema["properties"]), keys(&report));
    assert_eq!(report["schema"], "laggard.report/1");
}

#[test]
fn verbose_tells_the_inferred_prefix() {
    let run = run(folder().path(), &["report", "-v", "pg.log"]);
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains(&format!("pg-stderr, prefix {}", PREFIX.trim_end())), "{}", run.stderr);
    let quiet = crate::cli::run(folder().path(), &["report", "-q", "pg.log", "--user", "nobody"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(3), ""));
}

#[test]
fn the_environment_is_a_flag_that_flags_override() {
    let folder = folder();
    let with = |name: &str, value: &str, arguments: &[&str]| {
        let output = laggard(folder.path()).env(name, value).args([&["report", "pg.log"], arguments].concat()).output().expect("runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    assert!(with("LAGGARD_FORMAT", "csv", &[]).1.starts_with("id,"));
    assert!(with("LAGGARD_FORMAT", "csv", &["--format", "json"]).1.starts_with('{'));
    assert_eq!(with("LAGGARD_TOP", "1", &["--format", "csv"]).1.lines().count(), 2);
    assert!(with("CLICOLOR_FORCE", "1", &[]).1.contains('\u{1b}'));
    assert!(with("LAGGARD_COLOR", "always", &[]).1.contains('\u{1b}'));
    assert!(!with("LAGGARD_COLOR", "always", &["--color", "never"]).1.contains('\u{1b}'));
}

#[test]
fn the_report_does_not_depend_on_jobs_or_blocks() {
    let shop = fixtures().join("logs/pg-stderr/shop/input.log.gz");
    let shop = shop.to_str().expect("UTF-8");
    let folder = folder();
    let reference = reported(&folder, &[shop, "-j", "1"]).stdout;
    for arguments in [&["-j", "2"][..], &["-j", "3", "--block-size", "4096"]] {
        assert!(reported(&folder, &[&[shop], arguments].concat()).stdout == reference, "{arguments:?}");
    }
}

/// No value of a statement, parameter, comment, error or line that was not understood is in any output unless asked for.
#[test]
fn secrets_are_never_printed() {
    const SECRETS: [&str; 10] = [
        "hunter2",
        "s3cr3t",
        "4111111111111111",
        "tok_live_9",
        "ann@private.example",
        "+15550100",
        "passw0rd",
        "topsecretparam",
        "rawsecret",
        "1985-10-26",
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let head = "2026-11-23 10:00:00.000 UTC [7] ann@shop/web ";
    let log = format!(
        "{head}LOG:  duration: 1.000 ms  statement: ALTER ROLE bob WITH PASSWORD 'hunter2'\n\
         {head}LOG:  duration: 1.000 ms  statement: CREATE USER eve ENCRYPTED PASSWORD 's3cr3t' VALID UNTIL '1985-10-26'\n\
         {head}LOG:  duration: 1.000 ms  statement: INSERT INTO cards VALUES (4111111111111111, $$tok_live_9$$, E'ann@private.example')\n\
         {head}LOG:  duration: 1.000 ms  execute <unnamed>: SELECT * FROM users WHERE name = $1 AND phone = '+15550100'\n\
         {head}DETAIL:  parameters: $1 = 'topsecretparam'\n\
         {head}LOG:  duration: 1.000 ms  statement: SELECT dblink_connect('host=x password=passw0rd')\n\
         {head}LOG:  duration: 1.000 ms  statement: SET app.token = 'tok_live_9'\n\
         {head}LOG:  duration: 1.000 ms  statement: SELECT * FROM t WHERE a = 'tok_live_9' AND 'cut hunter2\n\
         {head}ERROR:  duplicate key value violates unique constraint \"cards_pkey\"\n\
         {head}DETAIL:  Key (number)=(4111111111111111) already exists.\n\
         {head}STATEMENT:  INSERT INTO cards VALUES (4111111111111111)\n\
         {head}ERROR:  invalid input syntax for type integer: \"hunter2\"\n\
         {head}STATEMENT:  SELECT 'hunter2'::integer\n\
         {head}ERROR:  syntax error at or near \"s3cr3t\" at character 8\n\
         {head}STATEMENT:  ALTER ROLE bob WITH PASSWRD 's3cr3t'\n\
         nonsense 'rawsecret' not a record of any kind\n\
         {head}LOG:  duration: 1.000 ms  statement: COPY t FROM '/home/rawsecret/x.csv'\n"
    );
    put(&folder, "pg.log", &log);
    for format in report::ALL.iter().map(|r| r.name()) {
        for more in [&[][..], &["-vv"], &["--by", "user"]] {
            let run = run(folder.path(), &[&["report", "pg.log", "--prefix", "%m [%p] %u@%d/%a ", "--format", format], more].concat());
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            for secret in SECRETS {
                assert!(
                    !run.stdout.contains(secret),
                    "{format} {more:?} shows {secret}:\n{}",
                    run.stdout.lines().filter(|l| l.contains(secret)).collect::<Vec<_>>().join("\n")
                );
                assert!(!run.stderr.contains(secret), "{format} {more:?} shows {secret} on stderr:\n{}", run.stderr);
            }
        }
    }
    let full = run(folder.path(), &["report", "pg.log", "--prefix", "%m [%p] %u@%d/%a ", "--format", "json", "--samples", "full"]);
    assert!(full.stdout.contains("topsecretparam"), "asked for, samples are as logged");
}

/// Quotes forgotten, the server refuses the statement and logs it; the word is a password all the same.
#[test]
fn a_password_without_its_quotes_is_masked_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = "2026-11-23 10:00:00.000 UTC [7] ann@shop/web ";
    put(
        &folder,
        "pg.log",
        format!(
            "{head}ERROR:  syntax error at or near \"hunter2\" at character 30\n{head}STATEMENT:  ALTER ROLE bob WITH PASSWORD hunter2\n"
        ),
    );
    for format in report::ALL.iter().map(|r| r.name()) {
        let run = run(folder.path(), &["report", "pg.log", "--prefix", "%m [%p] %u@%d/%a ", "--format", format]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(!run.stdout.contains("hunter2"), "{format} shows hunter2");
    }
}

/// A terminal's escape sequences cannot come through a file's name either.
#[cfg(unix)]
#[test]
fn messages_are_sanitised() {
    let folder = folder();
    let name = "evil\u{1b}[2J\u{202e}.log";
    put(&folder, name, six());
    for arguments in [&["report", "-v", name][..], &["report", "gone\u{1b}[2J.log"], &["report", name, name]] {
        let run = run(folder.path(), arguments);
        let shown = run.stdout + &run.stderr;
        assert!(shown.contains("\\u{1b}"), "{shown:?}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    }
}

#[test]
fn the_address_of_a_server_is_no_file_and_is_not_repeated() {
    let folder = TempDir::new().expect("a folder");
    for command in ["report", "check"] {
        let run = run(folder.path(), &[command, "postgres://app:s3cr3t@db1/shop"]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains("laggard snapshot") && !(run.stdout + &run.stderr).contains("s3cr3t"), "{}", run.stderr);
    }
}

/// Twelve calls of one statement by key in a row, and one more.
fn loop_log() -> String {
    let each: String = (0..12).map(|key| call(0, "app", "web", 1, &format!("SELECT name FROM tags WHERE item_id = {key}"))).collect();
    call(0, "app", "web", 1, "SELECT id FROM items WHERE shop_id = 4 LIMIT 12") + &each
}

/// Whoever asks for findings gets a row of each, whatever the format, and not the statements instead.
#[test]
fn findings_in_a_table_for_programs_are_rows_of_their_own() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("pg.log"), loop_log()).expect("written");
    let as_csv = run(folder.path(), &["check", "pg.log", "--prefix", PREFIX, "--format", "csv", "--no-config"]);
    let as_json = run(folder.path(), &["check", "pg.log", "--prefix", PREFIX, "--format", "json", "--no-config"]).json();
    let mut rows = csv::Reader::from_reader(as_csv.stdout.as_bytes());
    assert_eq!(&rows.headers().expect("a header")[0], "rule");
    let rows: Vec<csv::StringRecord> = rows.records().collect::<Result<_, _>>().expect("rows");
    let findings = as_json["findings"].as_array().expect("a list");
    assert!(!findings.is_empty() && rows.len() == findings.len(), "{}", as_csv.stdout);
    for (row, finding) in rows.iter().zip(findings) {
        assert_eq!(
            (&row[0], &row[1], &row[6]),
            (finding["rule"].as_str().unwrap(), finding["severity"].as_str().unwrap(), finding["title"].as_str().unwrap())
        );
    }
}

/// A log beside what was saved of it counts twice, and that is said; another log of the same name is another.
#[test]
fn a_log_beside_its_saved_workload_is_told() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("pg.log"), loop_log()).expect("written");
    let at = folder.path();
    assert_eq!(run(at, &["save", "pg.log", "--prefix", PREFIX, "-o", "pg.lag", "--no-config"]).code, Some(0));
    let both = || run(at, &["report", "pg.lag", "pg.log", "--prefix", PREFIX, "--format", "json", "--no-config"]);
    let is_told = |run: &Run| run.json()["warnings"].to_string().contains("log-is-in-saved-workload");
    assert!(is_told(&both()) && both().calls() == 26, "{}", both().stdout);
    fs::write(at.join("pg.log"), loop_log() + &call(1, "app", "web", 1, "SELECT 1")).expect("written");
    assert!(!is_told(&both()));
}
