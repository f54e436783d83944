//! Sessions on real servers: where they lead, how they behave there, and how they end when the server does not behave.
//!
//! What psql does with the same words is asked of psql wherever it can be asked.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use laggard::Error;
use laggard::live::{Note, STATEMENT_TIMEOUT, Secret, Session, Settings, Surroundings};
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, Pooler, all_majors, psql};
use crate::machine::{as_server, here, is_here, run, wait_until};

/// Setting and value, as `SHOW` has it.
const MANNERS: [(&str, &str); 6] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "5s"),
    ("lock_timeout", "100ms"),
    ("idle_in_transaction_session_timeout", "1min"),
    ("search_path", "pg_catalog"),
    ("extra_float_digits", "3"),
];

/// Somebody who sleeps on the server.
const ASLEEP: &str = "select pid from pg_stat_activity where wait_event = 'PgSleep'";

/// Where somebody connects from: a home folder, and variables.
struct World {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// How the program ended.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// The arguments, as everybody on the machine sees them.
    seen: String,
    took: Duration,
}

impl World {
    fn new() -> World {
        World { home: tempfile::tempdir().expect("a folder"), variables: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn variable(mut self, name: &str, value: impl ToString) -> World {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a file that only its owner can read.
    fn file(self, name: &str, text: &str) -> World {
        fs::write(self.path(name), text).expect("writable");
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).expect("is ours");
        self
    }

    fn settings(&self, dsn: Option<&str>) -> Settings {
        let find = |name: &str| self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let surroundings = Surroundings { variable: &find, home: Some(self.home.path().to_owned()), user: Some("nobody".to_owned()) };
        Settings::resolve(dsn, &surroundings).expect("makes sense")
    }

    fn connect(&self, dsn: &str) -> Result<Session, Error> {
        Session::connect(&self.settings(Some(dsn)))
    }

    fn open(&self, dsn: &str) -> Session {
        self.connect(dsn).unwrap_or_else(|error| panic!("{dsn}: {error}"))
    }

    /// Starts the program with nothing of this environment.
    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
        command.env_clear().env("LC_ALL", "C.UTF-8").env("HOME", self.home.path()).env("PGSYSCONFDIR", self.home.path());
        command.envs(self.variables.iter().cloned()).args(arguments).current_dir(self.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        ended(self.start(arguments))
    }

    /// Takes a snapshot into `a.jsonl`.
    fn snapshot(&self, arguments: &[&str]) -> Run {
        self.run(&[&["snapshot", "-o", "a.jsonl"], arguments].concat())
    }

    /// The names of all files in the home folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.home.path()).expect("is there").map(|entry| entry.expect("an entry").file_name());
        entries.map(|name| name.into_string().expect("text")).collect()
    }
}

/// Waits until the program ends.
fn ended(mut child: Child) -> Run {
    let start = Instant::now();
    let mut seen = String::new();
    // They are empty at the very beginning and after the end.
    wait_until("arguments", || {
        seen = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
        !seen.is_empty() || child.try_wait().expect("is our child").is_some()
    });
    let output = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr), seen, took: start.elapsed() }
}

impl Run {
    /// What it said of where it is.
    fn target(&self) -> &str {
        self.stderr.lines().find(|line| line.starts_with("laggard: connected to ")).unwrap_or_else(|| panic!("{self:?}"))
    }
}

fn open(dsn: &str) -> Session {
    World::new().open(dsn)
}

/// The first value of the first row, if there is one.
fn one(session: &mut Session, sql: &str) -> Option<String> {
    let rows = session.rows(sql, STATEMENT_TIMEOUT).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.first().map(|row| row.get(0).expect("a value").to_owned())
}

fn show(session: &mut Session, name: &str) -> String {
    one(session, &format!("show {name}")).expect("a row")
}

/// Asks for what the server refuses, after which the session must still be of use. Answers the SQLSTATE.
fn refused(session: &mut Session, sql: &str, timeout: Duration) -> String {
    let sqlstate = match session.rows(sql, timeout) {
        Err(Error::Server { sqlstate, .. }) => sqlstate,
        other => panic!("{sql}: {other:?}"),
    };
    assert_eq!(one(session, "select 1").as_deref(), Some("1"), "after {sql}");
    sqlstate
}

/// Why there is no connection.
fn reason_of(dsn: &str) -> String {
    match World::new().connect(dsn) {
        Ok(session) => panic!("connected to {}", session.description()),
        Err(Error::Connect { reason, .. }) => reason,
        Err(error) => panic!("{error}"),
    }
}

/// Restarts the server with other rules of who is let in.
fn admit(cluster: &mut Cluster, rules: &str) {
    fs::write(cluster.data_dir().join("pg_hba.conf"), rules).expect("is there");
    cluster.restart();
}

/// The newest server with the extension.
fn counting(settings: &[(&str, &str)]) -> Option<Cluster> {
    let cluster = Cluster::start(18, settings)?;
    cluster.sql("postgres", "create extension pg_stat_statements");
    Some(cluster)
}

const MILLISECONDS_300: Duration = Duration::from_millis(300);

#[test]
fn every_major_is_described_and_every_session_has_a_name_and_limits() {
    let check = |cluster: Option<Cluster>| {
        let Some(cluster) = cluster else { return };
        let users = "-c statement_timeout=0 -c default_transaction_read_only=off -c geqo=off";
        let mut session = World::new().variable("PGAPPNAME", "mine").variable("PGOPTIONS", users).open(&cluster.dsn("postgres"));
        let version = cluster.sql("postgres", "show server_version");
        let version = version.split_whitespace().next().expect("a version");
        assert!(version.starts_with(&format!("{}.", cluster.major())), "{version}");
        let (folder, port) = (cluster.socket_dir().display(), cluster.port());
        assert_eq!(session.description(), format!("postgres@{folder}:{port}/postgres (PostgreSQL {version}), read-only"));
        assert_eq!((session.server_version_num(), session.server_version()), (cluster.version_num(), version));
        assert_eq!((session.notes(), session.lives_in_transactions()), (&[][..], false));
        for (name, value) in MANNERS.into_iter().chain([("geqo", "off"), ("application_name", "laggard")]) {
            assert_eq!(show(&mut session, name), value, "{name} of {version}");
        }
        let pid = one(&mut session, "select pg_backend_pid()").expect("a row");
        let name = cluster.sql("postgres", &format!("select application_name from pg_stat_activity where pid = {pid}"));
        assert_eq!(name, "laggard\n");
    };
    thread::scope(|scope| {
        all_majors().for_each(|major| drop(scope.spawn(move || check(Cluster::start(major, &[])))));
        scope.spawn(|| check(Cluster::start_debian(&[])));
    });
}

#[test]
fn a_refused_statement_leaves_a_session_of_use() {
    let Some(cluster) = Cluster::start(18, &[]) else { return };
    cluster.sql("postgres", "create table item as select 1 as id; create table locked as select 1 as id");
    let mut holder = cluster.psql("postgres").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs");
    let mut typed = holder.stdin.take().expect("is piped");
    typed.write_all(b"begin; lock table locked; select 'locked';\n").expect("reads");
    let mut said = String::new();
    BufReader::new(holder.stdout.take().expect("is piped")).read_line(&mut said).expect("says");
    assert_eq!(said, "locked\n");
    let mut session = open(&cluster.dsn("postgres"));
    let table = [
        ("create table public.mine (id int)", "25006"),
        ("select nextval('public.nothing')", "42P01"),
        ("select 1/0", "22012"),
        ("select * from public.locked", "55P03"),
        ("select * from public.missing", "42P01"),
        // It is there, but nobody's names stand in for the server's.
        ("select * from item", "42P01"),
        ("selec", "42601"),
    ];
    for (sql, sqlstate) in table {
        assert_eq!(refused(&mut session, sql, STATEMENT_TIMEOUT), sqlstate, "{sql}");
    }
    assert_eq!(one(&mut session, "select id from public.item").as_deref(), Some("1"));
    let start = Instant::now();
    assert_eq!(refused(&mut session, "select pg_sleep(2)", MILLISECONDS_300), "57014");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop(typed);
    holder.wait().expect("ends");
}

#[test]
fn a_statement_has_the_limit_that_it_is_given() {
    let Some(cluster) = Cluster::start(18, &[]) else { return };
    let mut session = open(&cluster.dsn("postgres"));
    for (limit, shown) in [(7_000, "7s"), (5_000, "5s"), (1_500, "1500ms"), (5_000, "5s")] {
        let rows = session.rows("show statement_timeout", Duration::from_millis(limit)).expect("is shown");
        assert_eq!(rows[0].get(0), Some(shown));
    }
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let Some(cluster) = Cluster::start(18, &[]) else { return };
    let dsn = format!("{} connect_timeout=2", cluster.dsn("postgres"));
    let (mut session, mut observer) = (open(&dsn), open(&dsn));
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let start = Instant::now();
            (session.rows("select pg_sleep(4)", Duration::from_millis(1_500)).map(|rows| rows.len()), start.elapsed())
        });
        wait_until("asleep", || one(&mut observer, ASLEEP).is_some());
        cluster.freeze();
        let (answer, took) = asked.join().expect("does not panic");
        assert!(matches!(answer, Err(Error::TimedOut { .. })) && took < Duration::from_secs(8), "{answer:?} after {took:?}");
    });
    let start = Instant::now();
    let again = session.rows("select 1", STATEMENT_TIMEOUT);
    assert!(matches!(again, Err(Error::Disconnected { .. })), "{again:?}");
    drop(session);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let start = Instant::now();
    let reason = reason_of(&dsn);
    assert!(reason.contains("no answer within 2 s"), "{reason}");
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_dies_ends_the_session() {
    let Some(mut cluster) = Cluster::start(18, &[]) else { return };
    let dsn = cluster.dsn("postgres");
    let (mut session, mut observer) = (open(&dsn), open(&dsn));
    thread::scope(|scope| {
        let asked = scope.spawn(|| session.rows("select pg_sleep(60)", Duration::from_secs(60)).map(|rows| rows.len()));
        wait_until("asleep", || one(&mut observer, ASLEEP).is_some());
        cluster.kill();
        match asked.join().expect("does not panic") {
            Err(Error::Disconnected { reason, .. }) => assert!(reason.contains("the server closed the connection"), "{reason}"),
            other => panic!("{other:?}"),
        }
    });
    let again = session.rows("select 1", STATEMENT_TIMEOUT);
    assert!(matches!(again, Err(Error::Disconnected { .. })), "{again:?}");
    let reason = reason_of(&dsn);
    assert!(reason.contains("is the server running there"), "{reason}");
}

#[test]
fn a_snapshot_of_a_server_that_hangs_or_dies_is_trouble_and_leaves_no_file() {
    let Some(mut cluster) = counting(&[]) else { return };
    // The counters come so slowly that the server can be stopped meanwhile.
    cluster.sql(
        "postgres",
        "alter function pg_stat_statements(boolean) rename to fast;
         create function pg_stat_statements(boolean) returns setof pg_stat_statements language plpgsql
         as 'begin perform pg_catalog.pg_sleep(60); end'",
    );
    let dsn = format!("{} connect_timeout=2", cluster.dsn("postgres"));
    let mut observer = open(&dsn);
    let world = World::new();
    let failed = |run: &Run, says: &str| {
        assert!(run.code == Some(2) && run.stdout.is_empty() && run.stderr.contains(says), "{says}: {run:?}");
        assert!(run.took < Duration::from_secs(20), "{run:?}");
    };

    let child = world.start(&["snapshot", &dsn, "-o", "a.snap"]);
    wait_until("asks for the counters", || one(&mut observer, ASLEEP).is_some());
    cluster.freeze();
    failed(&ended(child), "no answer within 8 s");
    failed(&world.run(&["snapshot", &dsn, "-o", "a.snap"]), "no answer within 2 s");
    assert_eq!(world.names(), [] as [String; 0]);

    cluster.thaw();
    wait_until("the one who was given up is gone", || one(&mut observer, ASLEEP).is_none());
    let world = world.file("a.snap", "what was there before");
    let child = world.start(&["snapshot", &dsn, "-o", "a.snap"]);
    wait_until("asks for the counters", || one(&mut observer, ASLEEP).is_some());
    cluster.kill();
    failed(&ended(child), "the server closed the connection");
    failed(&world.run(&["snapshot", &dsn, "-o", "a.snap"]), "is the server running there");
    assert_eq!(world.names(), ["a.snap"]);
    assert_eq!(fs::read_to_string(world.path("a.snap")).expect("is there"), "what was there before");
}

/// What must never be seen, in upper and lower case so that it is no word.
const SENTINEL: &str = "Sentinel-7f3aX";

/// A server that lets `app` in by the password only, and everybody else of the machine without one.
fn guarded(password: &str) -> Option<Cluster> {
    let mut cluster = counting(&[("password_encryption", "scram-sha-256"), ("log_connections", "on")])?;
    cluster.sql("postgres", &format!("create role app login password '{password}'"));
    admit(&mut cluster, "local all app scram-sha-256\nlocal all all trust\n");
    Some(cluster)
}

/// One way to give a password.
struct Way {
    name: &'static str,
    world: World,
    arguments: Vec<String>,
}

/// Every way to give a password; the arguments begin with the connection string.
fn ways(cluster: &Cluster, password: &str) -> Vec<Way> {
    let (folder, port) = (cluster.socket_dir().display().to_string(), cluster.port());
    let dsn = format!("host={folder} port={port} user=app dbname=postgres");
    let url = format!("postgres://app:{password}@{}:{port}/postgres", folder.replace('/', "%2F"));
    let service = format!("[shop]\nhost={folder}\nport={port}\nuser=app\npassword={password}\n");
    let line = format!("{folder}:*:*:app:{password}\n");
    let way = |name, world, arguments: &[&str]| Way { name, world, arguments: arguments.iter().map(ToString::to_string).collect() };
    let elsewhere = World::new().file("passwords", &line);
    let elsewhere_path = elsewhere.path("passwords").display().to_string();
    vec![
        way("PGPASSWORD", World::new().variable("PGPASSWORD", password), &[&dsn]),
        way(".pgpass", World::new().file(".pgpass", &line), &[&dsn]),
        way("PGPASSFILE", elsewhere.variable("PGPASSFILE", elsewhere_path), &[&dsn]),
        way("a service", World::new().file(".pg_service.conf", &service), &["service=shop dbname=postgres"]),
        way("a file", World::new().file("password", &format!("{password}\nmore\n")), &[&dsn, "--password-file", "password"]),
        way("key=value", World::new(), &[&format!("{dsn} password={password}")]),
        way("a URL", World::new(), &[&url]),
        way("DATABASE_URL", World::new().variable("DATABASE_URL", url), &[]),
    ]
}

/// Fails if a password is in one of the texts.
fn assert_kept(way: &str, texts: &[&str]) {
    for text in texts {
        assert!(!text.contains(SENTINEL), "{way}: {text}");
    }
}

#[test]
fn a_password_opens_the_door_however_it_is_given_and_is_never_shown() {
    let Some(cluster) = guarded(SENTINEL) else { return };
    for Way { name, world, arguments } in ways(&cluster, SENTINEL) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if name != "a file" {
            let settings = world.settings(arguments.first().copied());
            let session = Session::connect(&settings).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(session.target().starts_with("app@"), "{name}: {}", session.target());
            assert_kept(name, &[&format!("{settings:?} {:?}", session.notes()), &session.description(), &settings.target()]);
        }
        let run = world.snapshot(&arguments);
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
        assert!(run.target().contains(" app@"), "{name}: {run:?}");
        assert_kept(name, &[&run.stdout, &run.stderr, &fs::read_to_string(world.path("a.jsonl")).expect("was written")]);
        assert!(!world.names().iter().any(|name| name.ends_with(".part")), "{name}: {:?}", world.names());
        assert!(run.seen.contains("snapshot"), "{name}: {run:?}");
        assert_eq!(run.seen.contains(SENTINEL), ["key=value", "a URL"].contains(&name), "{name}: {}", run.seen);
    }
    let dsn = format!("{} user=app", cluster.dsn("postgres"));
    let asked = World::new().variable("PGPASSWORD", "wrong").settings(Some(&dsn)).with_password(Secret::new(SENTINEL));
    assert_kept("with_password", &[&format!("{asked:?}")]);
    Session::connect(&asked).expect("the password that was asked for goes before others");
    assert!(cluster.log().contains("user=app"), "{}", cluster.log());
    assert_kept("the server's log", &[&cluster.log()]);
}

#[test]
fn a_wrong_password_is_told_by_its_file_and_never_shown() {
    let Some(cluster) = guarded("another") else { return };
    for Way { name, world, arguments } in ways(&cluster, SENTINEL) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let file = match name {
            ".pgpass" => Some(world.path(".pgpass").display().to_string()),
            "PGPASSFILE" => Some(world.path("passwords").display().to_string()),
            _ => None,
        };
        let told = |text: &str| {
            assert!(text.contains("password authentication failed for user \"app\""), "{name}: {text}");
            assert_eq!(text.contains("the password came from"), file.is_some(), "{name}: {text}");
            assert!(file.as_ref().is_none_or(|file| text.contains(file)), "{name}: {text}");
            assert_kept(name, &[text]);
        };
        if name != "a file" {
            let error = Session::connect(&world.settings(arguments.first().copied())).err().expect("is refused");
            assert!(matches!(error, Error::Connect { .. }), "{name}: {error:?}");
            told(&error.to_string());
            assert_kept(name, &[&format!("{error:?}")]);
        }
        let run = world.snapshot(&arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{name}: {run:?}");
        told(&run.stderr);
        assert!(!world.names().iter().any(|name| name.starts_with("a.jsonl")), "{name}: {:?}", world.names());
    }
}

#[test]
fn without_a_password_the_cure_is_told_and_nobody_is_asked_who_is_not_there() {
    let Some(cluster) = guarded(SENTINEL) else { return };
    let dsn = format!("{} user=app", cluster.dsn("postgres"));
    let missing = |world: &World| {
        let error = world.connect(&dsn).err().expect("is refused");
        assert!(matches!(error, Error::PasswordMissing { .. }), "{error:?}");
        let run = world.snapshot(&[&dsn]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.stderr.contains(&error.to_string()) && run.stderr.contains(".pgpass or PGPASSWORD"), "{run:?}");
        assert!(!run.stderr.contains("Password for"), "{run:?}");
        run
    };
    missing(&World::new());
    missing(&World::new().file(".pgpass", &format!("elsewhere:*:*:app:{SENTINEL}\n")));

    let world = World::new().file(".pgpass", &format!("*:*:*:app:{SENTINEL}\n"));
    let path = world.path(".pgpass");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("is ours");
    assert_eq!(world.settings(Some(&dsn)).notes(), [Note::PasswordFileOpenToOthers { path: path.clone() }]);
    let run = missing(&world);
    assert!(run.stderr.contains(&format!("{} was not used", path.display())), "{run:?}");
    assert_kept("mode 0644", &[&run.stderr]);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("is ours");
    assert_eq!(world.open(&dsn).notes(), []);
}

#[test]
fn a_mistake_among_the_arguments_does_not_repeat_a_password() {
    let password = format!("password={SENTINEL}");
    let url = format!("postgres://app:{SENTINEL}@db1/shop");
    let mistakes: [&[&str]; 6] = [
        // A connection string without its quotes.
        &["host=db1", &password],
        &["shop", &url],
        &[&url, "--no-such-flag"],
        &[&format!("--{password}")],
        &[&format!("host=db1 {password} hots=db2")],
        &[&format!("{url}?hots=db2")],
    ];
    for mistake in mistakes {
        let run = World::new().snapshot(mistake);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
        assert!(!run.stderr.is_empty());
        assert_kept("a mistake", &[&run.stderr]);
    }
}

#[test]
fn after_a_wrong_password_no_other_host_is_tried() {
    let Some(cluster) = guarded("another") else { return };
    // A second way to the same server, so that its log tells how often it was asked.
    let folder = tempfile::tempdir().expect("a folder");
    let second = folder.path().join("second");
    std::os::unix::fs::symlink(cluster.socket_dir(), &second).expect("a link");
    let hosts = |hosts: &[&Path], user: &str| {
        let hosts: Vec<String> = hosts.iter().map(|host| host.display().to_string()).collect();
        format!("host={} port={} user={user} dbname=postgres password=wrong", hosts.join(","), cluster.port())
    };
    let attempts = || cluster.log().matches("connection received").count();
    let before = attempts();
    let reason = reason_of(&hosts(&[cluster.socket_dir(), &second], "app"));
    assert!(reason.contains("password authentication failed"), "{reason}");
    assert_eq!(attempts(), before + 1);

    // A folder without a socket is no answer, so the next one is asked.
    let session = open(&hosts(&[folder.path(), &second], "postgres"));
    let target = format!("postgres@{}:{}/postgres", second.display(), cluster.port());
    assert_eq!((session.target(), session.notes(), attempts()), (target.as_str(), &[][..], before + 2));
}

#[test]
fn a_standby_or_a_primary_is_found_as_asked_for() {
    let Some(primary) = counting(&[]) else { return };
    let standby = Cluster::standby_of(&primary);
    let dsn = |hosts: &[&Cluster], role: &str| {
        let hosts: Vec<String> = hosts.iter().map(|host| host.socket_dir().display().to_string()).collect();
        let port = primary.port();
        format!("host={} port={port} user=postgres dbname=postgres target_session_attrs={role}", hosts.join(","))
    };
    let table = [
        ([&primary, &standby], "any", &primary),
        ([&primary, &standby], "standby", &standby),
        ([&primary, &standby], "prefer-standby", &standby),
        ([&primary, &standby], "read-only", &standby),
        ([&standby, &primary], "any", &standby),
        ([&standby, &primary], "primary", &primary),
        ([&standby, &primary], "read-write", &primary),
        ([&primary, &primary], "prefer-standby", &primary),
    ];
    for (hosts, role, found) in table {
        let dsn = dsn(&hosts, role);
        let mut session = open(&dsn);
        let host = found.socket_dir().display();
        assert_eq!(session.target(), format!("postgres@{host}:{}/postgres", primary.port()), "{role}");
        assert_eq!((session.notes(), session.lives_in_transactions()), (&[][..], false), "{role}");
        for (name, value) in MANNERS {
            assert_eq!(show(&mut session, name), value, "{name} of {role}");
        }
        let show = "select current_setting('unix_socket_directories')";
        assert_eq!(psql(&dsn).args(["-c", show]).output().expect("runs").stdout, format!("{host}\n").as_bytes(), "psql: {role}");
    }
    for (host, role) in [(&primary, "standby"), (&primary, "read-only"), (&standby, "primary"), (&standby, "read-write")] {
        let reason = reason_of(&dsn(&[host], role));
        assert!(reason.contains("target_session_attrs"), "{role}: {reason}");
    }

    wait_until("the extension arrived", || standby.sql("postgres", "select count(*) from pg_extension").trim() == "2");
    let world = World::new();
    let run = world.snapshot(&[&dsn(&[&primary, &standby], "standby")]);
    assert!(run.code == Some(0) && run.stderr.contains("this server is a standby"), "{run:?}");
    let file = fs::read_to_string(world.path("a.jsonl")).expect("was written");
    let header: Value = serde_json::from_str(file.lines().next().expect("a line")).expect("is JSON");
    assert_eq!(header["in_recovery"], true, "{header}");
    assert!(header["notes"][0].as_str().is_some_and(|note| note.contains("standby")), "{header}");
}

#[test]
fn behind_a_pooler_every_statement_runs_in_a_transaction_with_the_same_limits() {
    let Some(cluster) = counting(&[]) else { return };
    for settings in ["", "ignore_startup_parameters = options\n"] {
        let Some(pooler) = Pooler::start_with(&cluster, settings) else { return };
        let world = World::new();
        let mut session = world.open(&pooler.dsn("postgres"));
        assert_eq!((session.notes(), session.lives_in_transactions()), (&[Note::InTransaction][..], true));
        assert_eq!(session.notes()[0].id(), "session-in-one-transaction");
        let limits = |session: &mut Session| {
            let said = [("transaction_read_only", "on"), ("application_name", "laggard")];
            for (name, value) in MANNERS.into_iter().skip(1).chain(said) {
                assert_eq!(show(session, name), value, "{name} with {settings:?}");
            }
        };
        limits(&mut session);
        for (sql, sqlstate) in [("create table public.mine (id int)", "25006"), ("select 1/0", "22012"), ("select pg_sleep(2)", "57014")] {
            assert_eq!(refused(&mut session, sql, MILLISECONDS_300), sqlstate, "{sql}");
        }
        let rows = session.rows("show statement_timeout", Duration::from_secs(7)).expect("is shown");
        assert_eq!(rows[0].get(0), Some("7s"));
        limits(&mut session);
        let pid = one(&mut session, "select pg_backend_pid()").expect("a row");
        let state = || cluster.sql("postgres", &format!("select state from pg_stat_activity where pid = {pid}"));
        assert_eq!(state(), "idle in transaction\n");
        session.pause();
        assert_eq!(state(), "idle\n");
        limits(&mut session);
        drop(session);
        assert_eq!(state(), "idle\n");
        let next = psql(&pooler.dsn("postgres")).args(["-c", "show statement_timeout", "-c", "select pg_backend_pid()"]).output();
        assert_eq!(next.expect("runs").stdout, format!("0\n{pid}\n").as_bytes(), "something was left to the next one");

        let run = world.snapshot(&[&pooler.dsn("postgres")]);
        assert!(run.code == Some(0) && run.stderr.contains("a pooler does not pass start-up settings on"), "{run:?}");
        assert_eq!(cluster.sql("postgres", "select count(*) from pg_stat_activity where state like 'idle in%'"), "0\n");
    }
}

#[test]
fn variables_and_flags_name_a_server_as_a_connection_string_does() {
    let Some(cluster) = counting(&[]) else { return };
    let (folder, port) = (cluster.socket_dir().display().to_string(), cluster.port().to_string());
    let snapshot = |world: &World, arguments: &[&str]| {
        let run = world.snapshot(&[&["--no-catalogue", "--texts", "none"], arguments].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    };
    let by_dsn = snapshot(&World::new(), &[&cluster.dsn("postgres")]);
    let target = by_dsn.target();
    assert!(target.starts_with(&format!("laggard: connected to postgres@{folder}:{port}/postgres (PostgreSQL 18.")), "{target}");

    let names =
        [("host", "PGHOST", &*folder), ("port", "PGPORT", &*port), ("user", "PGUSER", "postgres"), ("dbname", "PGDATABASE", "postgres")];
    let all = || names.iter().fold(World::new(), |world, (_, variable, value)| world.variable(variable, value));
    let others = [
        ("PGPASSWORD", "unused"),
        ("PGPASSFILE", "/no/file"),
        ("PGAPPNAME", "mine"),
        ("PGOPTIONS", "-c geqo=off"),
        ("PGCONNECT_TIMEOUT", "5"),
        ("PGCLIENTENCODING", "LATIN1"),
        ("PGTARGETSESSIONATTRS", "any"),
        ("PGLOADBALANCEHOSTS", "random"),
        ("PGCHANNELBINDING", "prefer"),
        ("PGREQUIREAUTH", "none,scram-sha-256"),
        ("PGGSSENCMODE", "disable"),
        ("PGGSSLIB", "gssapi"),
        ("PGGSSDELEGATION", "0"),
        ("PGKRBSRVNAME", "postgres"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLNEGOTIATION", "postgres"),
        ("PGSSLCERT", "/no/file"),
        ("PGSSLKEY", "/no/file"),
        ("PGSSLROOTCERT", "/no/file"),
        ("PGSSLCRL", "/no/file"),
        ("PGSSLCERTMODE", "allow"),
        ("PGSSLCOMPRESSION", "0"),
        ("PGSSLSNI", "1"),
        ("PGSSLMINPROTOCOLVERSION", "TLSv1.2"),
        ("PGSSLMAXPROTOCOLVERSION", "TLSv1.3"),
        ("PGMINPROTOCOLVERSION", "3.0"),
        ("PGMAXPROTOCOLVERSION", "latest"),
    ];
    assert_eq!(snapshot(&all(), &[]).target(), target);
    let world = others.iter().fold(all(), |world, (variable, value)| world.variable(variable, value));
    assert_eq!(snapshot(&world, &[]).target(), target, "with every variable");
    for (left_out, variable, value) in names {
        let pairs: Vec<String> =
            names.iter().filter(|(name, ..)| *name != left_out).map(|(name, _, value)| format!("{name}={value}")).collect();
        assert_eq!(snapshot(&World::new().variable(variable, value), &[&pairs.join(" ")]).target(), target, "{variable}");
    }
    let flags = ["--host", &folder, "-p", &port, "-U", "postgres", "-d", "postgres"];
    assert_eq!(snapshot(&World::new().variable("PGHOST", "/no/folder"), &flags).target(), target);
    let service = format!("[shop]\nhost={folder}\nport={port}\nuser=postgres\ndbname=postgres\n");
    let world = World::new().file("services", &service).variable("PGSERVICE", "shop").variable("PGSERVICEFILE", "services");
    assert_eq!(snapshot(&world, &[]).target(), target);

    let url = format!("postgres://postgres@{}:{port}/postgres", folder.replace('/', "%2F"));
    let run = snapshot(&World::new().variable("DATABASE_URL", &url), &[]);
    assert!(run.target() == target && run.stderr.contains("the one in DATABASE_URL is used"), "{run:?}");
    let elsewhere = "postgres://nobody@%2Fno%2Ffolder/nothing";
    for (world, arguments) in [(World::new(), vec![cluster.dsn("postgres")]), (all(), vec![])] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = snapshot(&world.variable("DATABASE_URL", elsewhere), &arguments);
        assert!(run.target() == target && !run.stderr.contains("DATABASE_URL"), "{run:?}");
    }
}

/// A server that listens on 127.0.0.1 too.
struct Networked {
    cluster: Cluster,
    port: u16,
}

impl Networked {
    fn start() -> Option<Networked> {
        if !is_here("openssl", "openssl") {
            return None;
        }
        let cluster = Cluster::start_debian(&[("password_encryption", "scram-sha-256")])?;
        cluster.sql("postgres", "create role app login password 'another'");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let mut server = Networked { cluster, port: free.port() };
        server.cluster.reconfigure(&[("listen_addresses", "127.0.0.1"), ("port", &free.port().to_string())]);
        certify(&server.folder());
        Some(server)
    }

    /// Where certificates are.
    fn folder(&self) -> PathBuf {
        self.cluster.socket_dir().to_owned()
    }

    fn file(&self, name: &str) -> String {
        self.folder().join(name).display().to_string()
    }

    /// Restarts it with a certificate.
    fn present(&mut self, name: &str) {
        let (certificate, key) = (self.file(&format!("{name}.crt")), self.file(&format!("{name}.key")));
        self.cluster.reconfigure(&[("ssl", "on"), ("ssl_cert_file", &certificate), ("ssl_key_file", &key)]);
    }

    /// A connection string with its own name for the server.
    fn dsn(&self, host: &str, more: &str) -> String {
        format!("host={host} hostaddr=127.0.0.1 port={} user=postgres dbname=postgres {more}", self.port)
    }
}

/// Makes certificates by openssl: an authority, what it signs, one that signs itself, and a stranger.
fn certify(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let openssl = |arguments: &str| {
        let mut command = as_server(&here()["openssl"]);
        command.args(arguments.split_whitespace()).current_dir(folder);
        run(&mut command).unwrap_or_else(|error| panic!("openssl {arguments}: {error}"));
    };
    let extensions = "[req]\ndistinguished_name = dn\n[dn]\n[authority]\nbasicConstraints = critical, CA:TRUE\n\
                      [named]\nsubjectAltName = DNS:localhost\n[unnamed]\nbasicConstraints = CA:FALSE\n";
    fs::write(file("openssl.cnf"), extensions).expect("writable");
    fs::set_permissions(file("openssl.cnf"), Permissions::from_mode(0o644)).expect("is ours");
    let key = |name: &str| format!("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config openssl.cnf -keyout {name}.key");
    for (name, subject) in [("authority", "authority"), ("stranger", "authority"), ("itself", "localhost")] {
        openssl(&format!("req -x509 {} -extensions authority -subj /CN={subject} -days 2 -out {name}.crt", key(name)));
    }
    for (name, subject, extensions) in [
        ("named", "somebody", "-extfile openssl.cnf -extensions named"),
        ("unnamed", "localhost", "-extfile openssl.cnf -extensions unnamed"),
        // Without any extension it is of version 1.
        ("version1", "localhost", ""),
    ] {
        openssl(&format!("req {} -subj /CN={subject} -out {name}.csr", key(name)));
        let signed = "-CA authority.crt -CAkey authority.key -CAcreateserial -days 2";
        openssl(&format!("x509 -req -in {name}.csr {signed} {extensions} -out {name}.crt"));
    }
}

const ENCRYPTED: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

/// Whether a connection comes about, and if so whether it is encrypted; for us and for psql.
fn encrypted(dsn: &str) -> [Option<bool>; 2] {
    let ours = World::new().connect(dsn).ok().map(|mut session| one(&mut session, ENCRYPTED).as_deref() == Some("t"));
    let theirs = run(psql(dsn).args(["-c", ENCRYPTED])).ok().map(|said| said == "t\n");
    [ours, theirs]
}

#[test]
fn certificates_count_as_they_do_for_psql() {
    let Some(mut server) = Networked::start() else { return };
    for (certificate, authority) in [("named", "authority"), ("unnamed", "authority"), ("itself", "itself")] {
        server.present(certificate);
        for root in [None, Some(authority), Some("stranger")] {
            for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
                let is_believed = root == Some(authority);
                let hosts: &[&str] = if mode.starts_with("verify") { &["localhost", "elsewhere"] } else { &["localhost"] };
                for host in hosts {
                    let expected = match mode {
                        "disable" => Some(false),
                        "allow" | "prefer" => Some(true),
                        "require" => (root.is_none() || is_believed).then_some(true),
                        "verify-ca" => is_believed.then_some(true),
                        _ => (is_believed && *host == "localhost").then_some(true),
                    };
                    let file = root.map(|root| format!("sslrootcert={}", server.file(&format!("{root}.crt")))).unwrap_or_default();
                    let dsn = server.dsn(host, &format!("sslmode={mode} {file}"));
                    let [ours, theirs] = encrypted(&dsn);
                    assert_eq!(ours, expected, "{certificate}: {dsn}");
                    match mode {
                        // psql is content with less: `allow` does not ask for encryption first, and before a certificate that is
                        // not believed both modes go on without any.
                        "allow" | "prefer" => assert!(theirs.is_some(), "psql with {certificate}: {dsn}"),
                        _ => assert_eq!(theirs, expected, "psql with {certificate}: {dsn}"),
                    }
                }
            }
        }
    }
    let refused = |server: &Networked, host: &str, root: &str, mode: &str| {
        let file = server.file(root);
        reason_of(&server.dsn(host, &format!("sslmode={mode} sslrootcert={file}")))
    };
    let by_itself = refused(&server, "localhost", "stranger.crt", "verify-ca");
    assert!(by_itself.contains("signs itself") && by_itself.contains("sslrootcert"), "{by_itself}");
    let for_another = refused(&server, "elsewhere", "itself.crt", "verify-full");
    assert!(for_another.contains("subjectAltName") && for_another.contains("elsewhere"), "{for_another}");
    let by_nobody = reason_of(&server.dsn("localhost", "sslmode=verify-full"));
    assert!(by_nobody.contains("sslrootcert"), "{by_nobody}");
    let no_file = refused(&server, "localhost", "missing.crt", "verify-full");
    assert!(no_file.contains("missing.crt"), "{no_file}");
    server.present("named");
    // Of another name, and of the same name with another key.
    for root in ["itself.crt", "stranger.crt"] {
        let by_another = refused(&server, "localhost", root, "require");
        assert!(by_another.contains("the authority that signed"), "{by_another}");
    }
}

#[test]
fn a_certificate_of_version_1_encrypts_and_proves_nothing() {
    let Some(mut server) = Networked::start() else { return };
    server.present("version1");
    assert_eq!(encrypted(&server.dsn("localhost", "sslmode=require")), [Some(true); 2]);
    let root = server.file("authority.crt");
    let reason = reason_of(&server.dsn("localhost", &format!("sslmode=verify-ca sslrootcert={root}")));
    assert!(reason.contains("X.509 version 1"), "{reason}");
}

#[test]
fn what_the_server_does_not_encrypt_is_told_or_refused() {
    let Some(mut server) = Networked::start() else { return };
    let unencrypted = |server: &Networked, why: &str| {
        let required = reason_of(&server.dsn("localhost", "sslmode=require"));
        assert!(required.contains(why), "{required}");
        assert_eq!(encrypted(&server.dsn("localhost", "sslmode=require")), [None; 2]);
        assert_eq!(encrypted(&server.dsn("localhost", "sslmode=prefer")), [Some(false); 2]);
        assert_eq!(open(&server.dsn("localhost", "sslmode=disable")).notes(), []);
    };
    // A server without TLS, which is what `prefer` provides for, so nothing is said of it.
    unencrypted(&server, "does not support TLS");
    assert_eq!(open(&server.dsn("localhost", "")).notes(), []);
    let socket = format!("host={} port={} user=postgres dbname=postgres", server.folder().display(), server.port);
    let on_socket = format!("{socket} sslmode=verify-full sslrootcert=/no/file");
    assert_eq!((encrypted(&on_socket), open(&on_socket).notes()), ([Some(false); 2], &[][..]));

    // One that has it, and wants none of it from here.
    server.present("named");
    assert_eq!(open(&server.dsn("localhost", "")).notes(), []);
    admit(&mut server.cluster, "local all all trust\nhostnossl all all 127.0.0.1/32 trust\n");
    unencrypted(&server, "no pg_hba.conf entry");
    let session = open(&server.dsn("localhost", ""));
    let [Note::Unencrypted { reason }] = session.notes() else { panic!("{:?}", session.notes()) };
    assert!(reason.contains("no pg_hba.conf entry"), "{reason}");
    assert_eq!(session.notes()[0].id(), "connection-not-encrypted");

    // One that wants nothing else.
    admit(&mut server.cluster, "local all all trust\nhostssl all app 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 trust\n");
    for mode in ["allow", "prefer", "require"] {
        assert_eq!(encrypted(&server.dsn("localhost", &format!("sslmode={mode}"))), [Some(true); 2], "{mode}");
    }
    let plain = reason_of(&server.dsn("localhost", "sslmode=disable"));
    assert!(plain.contains("it may want TLS: sslmode=require"), "{plain}");
    let bound = server.dsn("localhost", "user=app sslmode=require channel_binding=require password=");
    assert_eq!(encrypted(&format!("{bound}another")), [Some(true); 2]);
    // Under TLS a wrong password is refused once, and not sent again without TLS.
    let wrong = reason_of(&server.dsn("localhost", "user=app sslmode=prefer password=wrong"));
    assert!(wrong.contains("password authentication failed") && !wrong.contains("pg_hba"), "{wrong}");
}
