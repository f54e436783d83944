//! Throw-away PostgreSQL servers of every major, for tests that need the real thing.
//!
//! `tests/servers.sh` fetches the servers and knows where they are; nothing is downloaded here. A [`Cluster`] lives in one
//! directory of its own: data, socket and log. It listens on that socket only, and nothing of it outlives the value.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{PATIENCE, Place, Turn, as_server, foreign, here, is_here, run, server_user, signal, wait_until};

/// What holds unless a test says otherwise.
const DEFAULTS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("fsync", "off"),
    ("shared_buffers", "16MB"),
    ("shared_preload_libraries", "pg_stat_statements"),
    // In files of the data directory, so that a server that was killed leaves nothing in /dev/shm.
    ("dynamic_shared_memory_type", "mmap"),
];

/// The majors that a test may ask for.
pub(crate) fn all_majors() -> impl Iterator<Item = u32> {
    10..=18
}

/// A running server with one database cluster, gone when the value is dropped.
pub(crate) struct Cluster {
    bin: PathBuf,
    major: u32,
    /// The postmaster, unless it is stopped.
    postmaster: Option<Child>,
    place: Place,
    _turn: Turn,
}

impl Cluster {
    /// Starts a server of that major with settings of `postgresql.conf`, or says that the test is skipped.
    pub(crate) fn start(major: u32, settings: &[(&str, &str)]) -> Option<Self> {
        Self::start_as(&major.to_string(), major, settings)
    }

    /// Starts Debian's build of PostgreSQL 15.
    pub(crate) fn start_debian(settings: &[(&str, &str)]) -> Option<Self> {
        Self::start_as("debian", 15, settings)
    }

    fn start_as(name: &str, major: u32, settings: &[(&str, &str)]) -> Option<Self> {
        let called = if name == "debian" { "Debian's PostgreSQL 15".to_owned() } else { format!("PostgreSQL {major}") };
        if !is_here(name, &called) || !is_here("psql", "psql") {
            return None;
        }
        let bin = here()[name].join("bin");
        let turn = Turn::take();
        let place = Place::new();
        let cluster = Self { bin, major, postmaster: None, place, _turn: turn };
        let template = template(name, &cluster.bin);
        run(as_server(Path::new("cp")).arg("-r").args([&template, &cluster.data_dir()])).expect("copies");
        Some(cluster.configured(DEFAULTS).configured(settings).started())
    }

    /// Starts a standby that streams from this server, as a copy that the server's own backup functions make.
    pub(crate) fn standby_of(primary: &Self) -> Self {
        let turn = Turn::take();
        let standby = Self { bin: primary.bin.clone(), major: primary.major, postmaster: None, place: Place::new(), _turn: turn };
        let (data, copy) = (primary.data_dir(), standby.data_dir());
        let (start, stop) = match primary.major {
            15.. => ("pg_backup_start('standby', true)", "pg_backup_stop(false)"),
            _ => ("pg_start_backup('standby', true, false)", "pg_stop_backup(false, false)"),
        };
        // Both functions must be called in one session. Files may vanish under cp, which is no harm: its exit code is not looked at.
        let script = standby.place.path.join("backup.sql");
        let copying = format!("cp -r {} {} 2>/dev/null", data.display(), copy.display());
        let label = copy.join("backup_label");
        let steps = format!("select {start};\n\\! {copying}\n\\o {}\nselect labelfile from {stop};\n", label.display());
        fs::write(&script, steps).expect("writable");
        run(primary.psql("postgres").arg("-f").arg(&script)).expect("a backup");
        fs::remove_file(copy.join("postmaster.pid")).expect("was copied");
        // Until PostgreSQL 11 a standby has a file of settings of its own, since then an empty file says that it is one.
        let (mark, of_a_standby, file) = match primary.major {
            12.. => ("standby.signal", "", "postgresql.conf"),
            _ => ("recovery.conf", "standby_mode = on\n", "recovery.conf"),
        };
        fs::write(copy.join(mark), of_a_standby).expect("writable");
        standby.append(file, &[("primary_conninfo", &primary.dsn("replication"))]);
        let standby = standby.configured(&[("hot_standby", "on")]);
        // What root wrote belongs to the server now.
        if let Some((user, group)) = server_user() {
            run(Command::new("chown").arg("-R").arg(format!("{user}:{group}")).arg(&copy)).expect("root may");
        }
        standby.started()
    }

    /// Where the socket is: the `host` of a connection.
    pub(crate) fn socket_dir(&self) -> &Path {
        &self.place.path
    }

    /// Only names the socket: nothing listens on a network.
    pub(crate) fn port(&self) -> u16 {
        5400 + u16::try_from(self.major).expect("small")
    }

    /// A connection string to a database, as `postgres`.
    pub(crate) fn dsn(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={database}", self.socket_dir().display(), self.port())
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.place.path.join("data")
    }

    pub(crate) fn major(&self) -> u32 {
        self.major
    }

    /// As `server_version_num` has it, 150018 for 15.18.
    pub(crate) fn version_num(&self) -> u32 {
        self.sql("postgres", "show server_version_num").trim().parse().expect("a number")
    }

    /// Runs SQL by psql and returns the rows, one a line, fields apart by `|`.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// [`sql`](Self::sql) that may fail; then what psql says.
    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        run(self.psql(database).args(["-c", sql]))
    }

    /// psql on a database of this server, for what [`sql`](Self::sql) is too simple for.
    pub(crate) fn psql(&self, database: &str) -> Command {
        psql(&self.dsn(database))
    }

    /// What the server has written to its standard error since it was made.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.place.path.join("log")
    }

    /// Stops the server in order, which also saves its statistics, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    /// Stops the server as a crash would and starts it again.
    pub(crate) fn crash(&mut self) {
        self.end("QUIT");
        self.launch();
    }

    /// Stops the server in order; sessions are ended.
    pub(crate) fn stop(&mut self) {
        self.end("INT");
    }

    /// Kills the postmaster and all its children at once; [`restart`](Self::restart) brings them back.
    pub(crate) fn kill(&mut self) {
        self.place.kill();
        self.end("KILL");
    }

    /// Stops every process of the server in the middle of what it does, as a machine that hangs.
    pub(crate) fn freeze(&self) {
        let mut frozen = Vec::new();
        // The postmaster may start another before it is stopped itself.
        loop {
            let processes = self.place.processes();
            if processes.iter().all(|process| frozen.contains(process)) {
                break;
            }
            signal("STOP", &processes);
            frozen = processes;
        }
    }

    /// Lets a server that was frozen go on.
    pub(crate) fn thaw(&self) {
        signal("CONT", &self.place.processes());
    }

    /// Changes settings and restarts.
    pub(crate) fn reconfigure(&mut self, settings: &[(&str, &str)]) {
        self.append("postgresql.conf", settings);
        self.restart();
    }

    fn append(&self, file: &str, settings: &[(&str, &str)]) {
        let lines: String = settings.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect();
        let mut file = File::options().append(true).open(self.data_dir().join(file)).expect("is there");
        file.write_all(lines.as_bytes()).expect("writable");
    }

    fn configured(self, settings: &[(&str, &str)]) -> Self {
        self.append("postgresql.conf", settings);
        self.append("postgresql.conf", &[("unix_socket_directories", &self.socket_dir().display().to_string())]);
        self.append("postgresql.conf", &[("port", &self.port().to_string())]);
        self
    }

    fn started(mut self) -> Self {
        self.launch();
        self
    }

    /// Starts the postmaster and waits until it lets sessions in, which the eighth line of its pid file says.
    fn launch(&mut self) {
        assert!(self.postmaster.is_none(), "runs already");
        let log = File::options().create(true).append(true).open(self.log_path()).expect("writable");
        let postmaster = as_server(&self.bin.join("postgres"))
            .arg("-D")
            .arg(self.data_dir())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("there is a server");
        let me = postmaster.id().to_string();
        self.postmaster = Some(postmaster);
        wait_until("started", || {
            let ended = self.postmaster.as_mut().expect("just started").try_wait().expect("is our child");
            assert!(ended.is_none(), "PostgreSQL {} does not start\n{}", self.major, self.log());
            let file = fs::read_to_string(self.data_dir().join("postmaster.pid")).unwrap_or_default();
            let lines: Vec<&str> = file.lines().map(str::trim).collect();
            lines.first() == Some(&me.as_str()) && lines.get(7) == Some(&"ready")
        });
    }

    /// Ends the postmaster by a signal and waits for it and for all of its children.
    fn end(&mut self, by: &str) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        self.thaw();
        signal(by, &[postmaster.id()]);
        let start = Instant::now();
        while postmaster.try_wait().expect("is our child").is_none() {
            if start.elapsed() > PATIENCE / 4 {
                self.place.kill();
            }
            thread::sleep(Duration::from_millis(5));
        }
        wait_until("its children are gone", || self.place.processes().is_empty());
    }

    /// Gives shared memory back that a killed postmaster could not; its id is the last word of line seven of the pid file.
    fn free_memory(&self) {
        let file = fs::read_to_string(self.data_dir().join("postmaster.pid")).unwrap_or_default();
        if let Some(id) = file.lines().nth(6).and_then(|line| line.split_whitespace().last()) {
            let _ = run(Command::new("ipcrm").args(["-m", id]));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("QUIT");
        self.free_memory();
    }
}

/// A data directory to copy, made once for each build in a test process: initdb takes longer than everything else.
fn template(name: &str, bin: &Path) -> PathBuf {
    static TEMPLATES: Mutex<BTreeMap<String, Place>> = Mutex::new(BTreeMap::new());
    // The map is never dropped. That the process ends is what the guardians see.
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    let place = templates.entry(name.to_owned()).or_insert_with(|| {
        let place = Place::new();
        let mut initdb = as_server(&bin.join("initdb"));
        initdb.args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"]).arg(place.path.join("data"));
        run(&mut initdb).unwrap_or_else(|error| panic!("initdb of {name}: {error}"));
        place
    });
    place.path.join("data")
}

/// psql on a connection string, without headers, quiet, and failing at the first error.
pub(crate) fn psql(dsn: &str) -> Command {
    let mut command = foreign(&here()["psql"]);
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn]);
    command
}

/// A pgbouncer in front of a server, in transaction mode: one client's statements may reach different sessions.
pub(crate) struct Pooler {
    process: Child,
    place: Place,
}

impl Pooler {
    const PORT: u16 = 6432;

    /// Starts it, or says that the test is skipped.
    pub(crate) fn start(cluster: &Cluster) -> Option<Self> {
        Self::start_with(cluster, "")
    }

    /// Starts it with more lines of settings.
    pub(crate) fn start_with(cluster: &Cluster, more: &str) -> Option<Self> {
        if !is_here("pgbouncer", "pgbouncer") {
            return None;
        }
        let place = Place::new();
        let path = place.path.join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host={} port={} user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = {}\nunix_socket_dir = {}\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 4\n{more}",
            cluster.socket_dir().display(),
            cluster.port(),
            Self::PORT,
            place.path.display(),
        );
        fs::write(&path, settings).expect("writable");
        let log = File::create(place.path.join("log")).expect("writable");
        let folder = place.path.join("work");
        run(as_server(Path::new("mkdir")).arg(&folder)).expect("a folder");
        let process = as_server(&here()["pgbouncer"])
            .arg(&path)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("there is a pooler");
        let mut pooler = Self { process, place };
        wait_until("the pooler started", || {
            let ended = pooler.process.try_wait().expect("is our child");
            assert!(ended.is_none(), "{}", fs::read_to_string(pooler.place.path.join("log")).unwrap_or_default());
            UnixStream::connect(pooler.place.path.join(format!(".s.PGSQL.{}", Self::PORT))).is_ok()
        });
        Some(pooler)
    }

    /// A connection string to a database of the server, through the pooler.
    pub(crate) fn dsn(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={database}", self.place.path.display(), Self::PORT)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
