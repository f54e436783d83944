//! What the machine has for the servers of tests: programs, a user that they run as, and places that clean up after themselves.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// How many threads may have servers at the same time; more only get in each other's way on a small machine.
const AT_ONCE: usize = 3;

/// How long a server may take to come up or go down.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs as guardian of the directory `$1`: waits until its standard input ends, which it also does when the test process dies,
/// ends every process that works in there, and removes it.
const GUARDIAN: &str = r#"
    signal() {
        some=1
        for process in /proc/[0-9]*; do
            case $(readlink "$process/cwd") in "$1"/*) some=0; kill -s "$2" "${process#/proc/}" ;; esac
        done
        return $some
    }
    read -r _
    if signal "$1" CONT; then
        signal "$1" QUIT
        sleep 0.5
        while signal "$1" KILL; do sleep 0.1; done
    fi
    exec rm -rf "$1"
"#;

/// Whether the machine has what `name` says. If not, the test says what it skips, or fails if skipping is forbidden.
pub(crate) fn is_here(name: &str, called: &str) -> bool {
    let is_here = here().contains_key(name);
    let skipped = format!("skipped: {called} is not here; sh tests/servers.sh fetches it");
    let required = std::env::var("LAGGARD_TEST_SERVERS").is_ok_and(|wish| wish == "require");
    assert!(is_here || !required, "{skipped}");
    if !is_here {
        // Past the capture of the test harness, which shows what a test prints only if it fails.
        let _ = writeln!(std::io::stderr(), "{skipped}");
    }
    is_here
}

/// Names and paths, as `tests/servers.sh` prints them.
pub(crate) fn here() -> &'static BTreeMap<String, PathBuf> {
    static HERE: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    HERE.get_or_init(|| {
        let output = Command::new("sh").args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers.sh"), "--here"]).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).expect("text");
        lines.lines().filter_map(|line| line.split_once(' ')).map(|(name, path)| (name.to_owned(), path.into())).collect()
    })
}

/// The user and group that servers run as, if they are not ours.
pub(crate) fn server_user() -> Option<(u32, u32)> {
    let user = here().get("user")?.to_str()?;
    user.split_once(':').map(|(user, group)| (user.parse().expect("a uid"), group.parse().expect("a gid")))
}

/// A command with nothing of our environment, as the user that servers run as.
pub(crate) fn as_server(program: &Path) -> Command {
    let mut command = foreign(program);
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}

/// A command with nothing of our environment, where `PGHOST` and its like may stand.
pub(crate) fn foreign(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
    command
}

/// Runs a command to its end and returns what it printed, or what it complained about.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Waits until something holds, and fails if that takes longer than anything should.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal to processes; those that have gone meanwhile do not matter.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    if !processes.is_empty() {
        let processes = processes.iter().map(u32::to_string);
        let _ = Command::new("sh").args(["-c", r#"kill -s "$0" "$@" 2>/dev/null"#, name]).args(processes).status();
    }
}

/// The right to have servers, shared by all that one thread starts: waiting for a second while holding a first could last forever.
pub(crate) struct Turn(ThreadId);

/// How many servers each thread has.
static TURNS: (Mutex<Option<HashMap<ThreadId, usize>>>, Condvar) = (Mutex::new(None), Condvar::new());

impl Turn {
    pub(crate) fn take() -> Self {
        let me = thread::current().id();
        let full = |turns: &mut Option<HashMap<_, _>>| {
            let turns = turns.get_or_insert_default();
            turns.len() >= AT_ONCE && !turns.contains_key(&me)
        };
        let mut turns = TURNS.1.wait_while(Self::all(), full).unwrap_or_else(PoisonError::into_inner);
        *turns.get_or_insert_default().entry(me).or_insert(0) += 1;
        Self(me)
    }

    fn all() -> MutexGuard<'static, Option<HashMap<ThreadId, usize>>> {
        TURNS.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = Self::all();
        let turns = turns.get_or_insert_default();
        if let Some(servers) = turns.get_mut(&self.0) {
            *servers -= 1;
            if *servers == 0 {
                turns.remove(&self.0);
            }
        }
        TURNS.1.notify_all();
    }
}

/// A directory of the server's user, removed with all processes that work in it when the value or the test process ends.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    guardian: Child,
}

impl Place {
    pub(crate) fn new() -> Self {
        // The path of a socket has at most 107 bytes, and the user of the servers must get there.
        let folder = std::env::temp_dir();
        let is_open = folder.as_os_str().len() < 60 && fs::metadata(&folder).is_ok_and(|folder| folder.mode() & 0o1 != 0);
        let folder = if is_open { folder } else { "/tmp".into() };
        let path = tempfile::Builder::new().prefix("laggard-").tempdir_in(folder).expect("a directory").keep();
        if let Some((user, group)) = server_user() {
            chown(&path, Some(user), Some(group)).expect("root may");
        }
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Of a group of its own, so that an interrupt from the terminal does not reach it.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        Self { path, guardian }
    }

    /// Every process that works in this directory, as servers do.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let entries = fs::read_dir("/proc").expect("is there").filter_map(Result::ok);
        entries
            .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&self.path)))
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// Kills every process that works here, and those that they start meanwhile.
    pub(crate) fn kill(&self) {
        wait_until("killed", || {
            let processes = self.processes();
            signal("KILL", &processes);
            processes.is_empty()
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}
