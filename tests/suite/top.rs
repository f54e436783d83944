//! `laggard top` on a running server, as a user would watch it: through a pipe, over a restart, and kept for later.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::machine::wait_until;

fn laggard(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A server with the extension.
fn server() -> Option<Cluster> {
    let cluster = Cluster::start(17, &[])?;
    cluster.sql("postgres", "create extension pg_stat_statements; create table item as select generate_series(1, 100) as id");
    Some(cluster)
}

/// Something that asks the server for the same thing again and again, until it is dropped.
struct Traffic(Child);

impl Traffic {
    fn on(cluster: &Cluster) -> Self {
        let ask = "select count(*) from item where id > 7;\n".repeat(50) + "select pg_sleep(0.01) \\watch 0.01\n";
        let mut child = cluster.psql("postgres").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("runs");
        std::io::Write::write_all(child.stdin.as_mut().expect("a pipe"), ask.as_bytes()).expect("taken");
        Traffic(child)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn once_is_one_interval_in_plain_text() {
    let Some(cluster) = server() else { return };
    let traffic = Traffic::on(&cluster);
    let output = laggard(&["top", &cluster.dsn("postgres"), "--once", "--every", "700ms"]).output().expect("runs");
    drop(traffic);
    let (page, said) = (String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"));
    assert!(output.status.success(), "{said}");
    let lines: Vec<&str> = page.lines().collect();
    assert!(lines[0].contains("calls/s") && lines[0].contains("active sessions"), "{page}");
    assert!(lines[1].starts_with("calls/s") && lines[1].ends_with("statement"), "{page}");
    let sleep = lines.iter().find(|line| line.contains("select pg_sleep($1)")).unwrap_or_else(|| panic!("{page}"));
    // It sleeps ten milliseconds each time, so its mean is above.
    let mean = sleep.split_whitespace().nth(2).and_then(|mean| mean.parse::<f64>().ok()).unwrap_or_else(|| panic!("{sleep}"));
    assert!(sleep.contains(" ms") && mean >= 10.0, "{sleep}");
    assert!(!page.contains("laggard") && !page.contains('\u{1b}') && !page.contains('~'), "own statements, colours or guesses: {page}");
}

#[test]
fn what_is_recorded_is_what_report_reads() {
    let Some(cluster) = server() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let kept = kept.to_str().expect("text");
    let asked = |times: usize| cluster.sql("postgres", &"select id from item where id = 3;".repeat(times));
    // Texts are asked for at the first two looks and then once a minute, so the statement must be there at once.
    asked(1);
    let mut top = laggard(&["top", &cluster.dsn("postgres"), "-q", "--every", "200ms", "--record", kept])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs");
    let files = || {
        std::fs::read_dir(kept)
            .map_or(0, |entries| entries.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "snap"))).count())
    };
    wait_until("the first snapshot is kept", || files() >= 1);
    asked(37);
    let so_far = files();
    wait_until("two more are kept", || files() >= so_far + 2);
    top.kill().expect("runs");
    top.wait().expect("ends");
    let output = laggard(&["report", kept, "--format", "json"]).output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let statements = report["statements"].as_array().expect("a list");
    let ours = statements.iter().find(|s| s["text"] == "select id from item where id = $1").unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!((&ours["calls"], &ours["rows"]), (&37.into(), &37.into()));
    assert_eq!(report["coverage"]["lost"], 0);
}

#[test]
fn a_lost_connection_is_tried_again_and_said() {
    let Some(mut cluster) = server() else { return };
    let mut top = laggard(&["top", &cluster.dsn("postgres"), "--every", "200ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(top.stdout.take().expect("a pipe")).lines();
    let mut said = BufReader::new(top.stderr.take().expect("a pipe")).lines();
    let mut next = |until: &str| (&mut said).map_while(Result::ok).find(|line| line.contains(until));
    assert!(next("connected to").is_some());
    assert!(lines.next().is_some_and(|line| line.is_ok_and(|line| line.contains("calls/s"))));
    cluster.kill();
    assert!(next("trying again in 1 s").is_some());
    cluster.restart();
    assert!(next("connected to").is_some());
    // And there are intervals again.
    assert!(lines.map_while(Result::ok).filter(|line| line.contains("active sessions")).nth(1).is_some());
    top.kill().expect("runs");
    top.wait().expect("ends");
}

#[test]
fn once_without_a_server_or_its_counters_is_2() {
    let Some(cluster) = Cluster::start(17, &[]) else { return };
    let output = laggard(&["top", &cluster.dsn("postgres"), "--once"]).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("CREATE EXTENSION pg_stat_statements"), "{said}");
    let dsn = cluster.dsn("postgres");
    drop(cluster);
    let output = laggard(&["top", &dsn, "--once"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_it_asks_is_printed_without_a_server() {
    let output = laggard(&["top", "postgres://nowhere.invalid/x", "--print-sql"]).output().expect("runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = ["pg_stat_statements(false)", "pg_stat_statements(true)", "statement_timeout"];
    assert!(asked.iter().all(|asked| printed.contains(asked)), "{printed}");
}
