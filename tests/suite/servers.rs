//! The throw-away servers themselves: that they start, do what a test asks of them, and leave nothing behind.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::cluster::{Cluster, Pooler, all_majors, psql};
use crate::machine::wait_until;

/// Processes whose command line or working directory names a folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let name = folder.to_str().expect("text");
    let command_line = |process: PathBuf| {
        let command = String::from_utf8_lossy(&fs::read(process.join("cmdline")).unwrap_or_default()).replace('\0', " ");
        let works_there = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        (works_there || command.contains(name)).then_some(command)
    };
    fs::read_dir("/proc").expect("is there").filter_map(|entry| command_line(entry.expect("an entry").path())).collect()
}

/// The shared memory of a server, by the id in its pid file.
fn memory_of(cluster: &Cluster) -> String {
    let file = fs::read_to_string(cluster.data_dir().join("postmaster.pid")).expect("runs");
    file.lines().nth(6).and_then(|line| line.split_whitespace().last()).expect("an id").to_owned()
}

fn assert_nothing_is_left(folder: &Path, memory: &str) {
    assert_eq!(processes_of(folder), [] as [String; 0]);
    assert!(!folder.exists(), "{} is left", folder.display());
    let memories = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    assert!(!memories.lines().any(|line| line.split_whitespace().nth(1) == Some(memory)), "shared memory {memory} is left");
}

/// A server of the newest major with one row in one table.
fn shop() -> Option<Cluster> {
    let cluster = Cluster::start(18, &[])?;
    cluster.sql("postgres", "create table item as select 1 as id");
    Some(cluster)
}

#[test]
fn every_major_starts_and_leaves_nothing_behind() {
    let check = |major: u32| {
        let Some(cluster) = Cluster::start(major, &[]) else { return };
        let version = cluster.sql("postgres", "select version()");
        assert!(version.starts_with(&format!("PostgreSQL {major}.")), "{version}");
        assert_eq!((cluster.major(), cluster.version_num() / 10_000), (major, major));
        cluster.sql("postgres", "create extension pg_stat_statements; load 'auto_explain'");
        assert_ne!(cluster.sql("postgres", "select count(*) from pg_stat_statements"), "");
        assert!(cluster.log().contains("database system is ready"), "{}", cluster.log());
        let (folder, memory) = (cluster.socket_dir().to_owned(), memory_of(&cluster));
        assert_ne!(processes_of(&folder), [] as [String; 0]);
        drop(cluster);
        assert_nothing_is_left(&folder, &memory);
    };
    thread::scope(|scope| all_majors().for_each(|major| drop(scope.spawn(move || check(major)))));
}

#[test]
fn debians_build_starts_and_takes_settings() {
    let Some(mut cluster) = Cluster::start_debian(&[("shared_preload_libraries", ""), ("log_line_prefix", "it's %p ")]) else { return };
    assert_eq!(cluster.sql("postgres", "show shared_preload_libraries; show log_line_prefix"), "\nit's %p \n");
    cluster.reconfigure(&[("log_min_duration_statement", "0")]);
    assert_eq!(cluster.sql("template1", "select 1, null, 'a'"), "1||a\n");
    assert!(cluster.log().contains("statement: select 1, null, 'a'"), "{}", cluster.log());
    let error = cluster.try_sql("postgres", "select 1/0").expect_err("divides by zero");
    assert!(error.contains("division by zero"), "{error}");
}

#[test]
fn a_frozen_server_hangs_and_goes_on_when_thawed() {
    let Some(cluster) = shop() else { return };
    cluster.freeze();
    let mut query = cluster.psql("postgres").args(["-c", "select id from item"]).stdout(Stdio::piped()).spawn().expect("runs");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(query.try_wait().expect("is our child"), None, "answered while frozen");
    cluster.thaw();
    let output = query.wait_with_output().expect("is our child");
    assert!(output.status.success() && output.stdout == b"1\n", "{output:?}");
}

#[test]
fn stopped_crashed_and_killed_servers_come_back_with_what_was_committed() {
    let Some(mut cluster) = shop() else { return };
    let killed = |cluster: &mut Cluster| {
        cluster.kill();
        cluster.restart();
    };
    for how in [Cluster::restart, Cluster::crash, killed] {
        how(&mut cluster);
        assert_eq!(cluster.sql("postgres", "select id from item"), "1\n");
    }
    cluster.stop();
    let error = cluster.try_sql("postgres", "select 1").expect_err("is stopped");
    assert!(error.contains("No such file or directory"), "{error}");
}

#[test]
fn a_frozen_a_killed_and_an_abandoned_server_leave_nothing_behind() {
    let ends: [fn(&mut Cluster); 3] = [|cluster| cluster.freeze(), Cluster::kill, |_| panic!("the test failed")];
    for end in ends {
        let Some(mut cluster) = shop() else { return };
        let (folder, memory) = (cluster.socket_dir().to_owned(), memory_of(&cluster));
        let _ = catch_unwind(AssertUnwindSafe(move || end(&mut cluster)));
        assert_nothing_is_left(&folder, &memory);
    }
}

#[test]
fn a_standby_follows() {
    let check = |major: u32| {
        let Some(primary) = Cluster::start(major, &[]) else { return };
        let standby = Cluster::standby_of(&primary);
        assert_eq!(standby.sql("postgres", "select pg_is_in_recovery()"), "t\n");
        primary.sql("postgres", "create table item as select 1 as id");
        wait_until("the row arrived", || standby.try_sql("postgres", "select id from item") == Ok("1\n".to_owned()));
    };
    thread::scope(|scope| [10, 13, 18].map(|major| drop(scope.spawn(move || check(major)))));
}

#[test]
fn a_pooler_stands_in_between() {
    let Some(cluster) = shop() else { return };
    let Some(pooler) = Pooler::start(&cluster) else { return };
    let output = psql(&pooler.dsn("postgres")).args(["-c", "select id from item"]).output().expect("runs");
    assert!(output.status.success() && output.stdout == b"1\n", "{output:?}");
    let folder = PathBuf::from(pooler.dsn("postgres").split(['=', ' ']).nth(1).expect("a host"));
    assert_ne!(processes_of(&folder), [] as [String; 0]);
    drop(pooler);
    assert_nothing_is_left(&folder, "none");
}
