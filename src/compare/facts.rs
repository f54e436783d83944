//! What one run came to: the facts of its statements that comparisons are made of, and what is known of its surroundings.
//!
//! The workload is not kept, so that dozens of runs fit in memory. Where counters and a log tell of the same run, counts are
//! those of the counters, and times those of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::plan::Reads;
use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::Outline;
use crate::units::{Micros, Timestamp};
use crate::workload::moments::Moments;
use crate::workload::{Blind, Count, ErrorKind, Latency, Permille, Reading, Rules, Statement, Workload};

use super::origin::Origin;

/// What stands among the settings and is none.
const VERSIONS: [&str; 2] = [VERSION, "pg_stat_statements.version"];
const VERSION: &str = "server_version_num";

/// The calls of a statement that are not among its slowest.
const USUAL: Permille = Permille(900);

/// One run; see the module.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// As the user named it.
    pub path: String,
    /// Its statements.
    pub shapes: BTreeMap<Fingerprint, Shape>,
    /// What was found wrong in it.
    pub found: Vec<Found>,
    /// What is known of its surroundings.
    pub surroundings: Surroundings,
    /// How it was folded.
    pub rules: Rules,
    /// The times of its first and last record, where they are known.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Failures that say that something was in the way, by kind.
    pub failures: BTreeMap<Failure, u64>,
    /// Records, and those of them that were not understood.
    pub records: [u64; 2],
}

/// Failures that gate by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Two transactions waited for each other (SQLSTATE 40P01).
    Deadlock,
    /// A lock was not had in time (55P03).
    LockTimeout,
    /// A statement ran too long (57014).
    Timeout,
}

impl Failure {
    /// All of them.
    pub const ALL: [Failure; 3] = [Failure::Deadlock, Failure::LockTimeout, Failure::Timeout];

    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Failure::Deadlock => "deadlocks",
            Failure::LockTimeout => "lock timeouts",
            Failure::Timeout => "statement timeouts",
        }
    }

    /// By the SQLSTATE, or where the log has none by the words of a server that speaks English.
    fn of(kind: &ErrorKind) -> Option<Self> {
        let says = |words: &str| kind.message.contains(words);
        match kind.sqlstate.as_ref() {
            Some(b"40P01") => Some(Failure::Deadlock),
            Some(b"55P03") => Some(Failure::LockTimeout),
            // Whoever asked for it got it.
            Some(b"57014") if says("user request") => None,
            Some(b"57014") => Some(Failure::Timeout),
            Some(_) => None,
            None if says("deadlock detected") => Some(Failure::Deadlock),
            None if says("due to lock timeout") => Some(Failure::LockTimeout),
            None if says("due to statement timeout") => Some(Failure::Timeout),
            None => None,
        }
    }
}

/// Something that a rule found in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The rule's id.
    pub rule: &'static str,
    /// The statement.
    pub statement: Option<Fingerprint>,
    /// Whether it is as good as certain.
    pub is_sure: bool,
    /// Whether it is as bad as such a thing gets.
    pub is_severe: bool,
    /// In words.
    pub title: String,
    /// What to do about it.
    pub remedy: String,
}

/// What numbers depend on besides the program under test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// The kind of database, such as `postgresql`.
    pub engine: Option<&'static str>,
    /// Whether there is a log.
    pub has_log: bool,
    /// Whether there are counters of an interval.
    pub has_counters: bool,
    /// Whether there are counters, but of their whole life.
    pub is_life: bool,
    /// The server's major version, such as 15.
    pub major: Option<u32>,
    /// Settings that snapshots tell.
    pub settings: BTreeMap<String, String>,
    /// Settings that were changed while the run was going on, and their values, as a log tells or a snapshot after another.
    pub changed: BTreeMap<String, String>,
    /// Settings of which snapshots alone tell several values, so that they hold for no call in particular.
    pub several: BTreeSet<String>,
    /// The duration below which nothing seems to be logged.
    pub threshold: Option<Micros>,
    /// Whether only a sample of calls is in the log.
    pub is_sampled: bool,
    /// Times that the server made room by dropping counters; `None` if it does not tell.
    pub dealloc: Option<u64>,
    /// Entries whose counters began anew or were gone at the end.
    pub lost: u64,
    /// Entries that are older than the first snapshot and missing in it.
    pub without_base: u64,
    /// Whether all counters were reset while the run was going on.
    pub is_reset: bool,
    /// Its first and last moments, where its inputs tell them.
    pub window: Option<(Timestamp, Timestamp)>,
    /// What could not be read, or not to its end, in words.
    pub broken: Vec<String>,
}

/// How a relation is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// As a whole in some plan.
    pub is_whole: bool,
    /// By an index in some plan.
    pub is_by_index: bool,
}

/// One statement in one run. Times are microseconds; what is not known is `None`.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Its text.
    pub text: String,
    /// The tables that it names.
    pub tables: Vec<String>,
    /// Its command, such as `select`.
    pub verb: String,
    /// Its tags: key and value.
    pub tags: Vec<(String, String)>,
    /// Where in the program it comes from, if its tags tell.
    pub origin: Option<Origin>,
    /// Whether it writes rows.
    pub writes: bool,
    /// Whether it does work on rows, rather than begin a transaction or set something.
    pub works: bool,
    /// Executions that came to an end.
    pub calls: u64,
    /// In how many units of work they were, where a log tells.
    pub units: Option<u64>,
    /// Their time in the server.
    pub total: f64,
    /// How many of them the latency is known of, without those that waited for locks.
    pub timed: u64,
    /// Mean and standard deviation of these.
    pub mean: Option<f64>,
    /// See `mean`.
    pub deviation: Option<f64>,
    /// Their median.
    pub p50: Option<f64>,
    /// Their mean without the slowest tenth.
    pub usual: Option<f64>,
    /// Their 95th percentile.
    pub p95: Option<f64>,
    /// The standard errors of the logarithms of median and 95th percentile.
    pub errors: [f64; 2],
    /// Their largest.
    pub max: Option<f64>,
    /// The distribution of all of them, those that waited as well, where a log tells it.
    pub latency: Option<Latency>,
    /// What counters say of it, in milliseconds.
    pub moments: Option<Moments>,
    /// Rows.
    pub rows: Option<u64>,
    /// Shared blocks found in the cache or read.
    pub blocks: Option<u64>,
    /// Temporary blocks read or written.
    pub temp: Option<u64>,
    /// Records of write-ahead log.
    pub wal: Option<u64>,
    /// The ids of its plans, as far as they were logged.
    pub plans: BTreeSet<u64>,
    /// How these read each relation.
    pub access: BTreeMap<String, Access>,
}

impl Run {
    /// The facts of what was read under a name.
    #[must_use]
    pub fn of(path: String, reading: &Reading, found: Vec<Found>) -> Self {
        let workload = &reading.workload;
        let skipped = reading.inputs.iter().map(|input| input.skipped.total()).sum();
        let records: u64 = reading.inputs.iter().map(|input| input.records).sum();
        Run {
            path,
            shapes: workload.statements().map(|s| (s.fingerprint, Shape::of(s))).filter(|(_, shape)| shape.calls > 0).collect(),
            found,
            surroundings: Surroundings::of(reading),
            rules: workload.rules().clone(),
            window: workload.window().or_else(|| workload.coverage().and_then(|of| of.start.zip(of.end))),
            failures: failures(workload),
            records: [records + skipped, skipped],
        }
    }

    /// Calls of all statements.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.shapes.values().map(|shape| shape.calls).sum()
    }

    /// Whether it is another run once more: no two of them begin and end at the same moments and take the same time for each
    /// statement to the last digit.
    #[must_use]
    pub fn is_again(&self, other: &Run) -> bool {
        let (ours, theirs) = (&self.surroundings, &other.surroundings);
        let is_told = ours.window.is_some() || (ours.has_counters && theirs.has_counters);
        let marks = |shape: &Shape| (shape.calls, shape.total.to_bits(), shape.rows, [shape.blocks, shape.temp, shape.wal]);
        is_told
            && ours.window == theirs.window
            && self.records == other.records
            && self.calls() > 0
            && self.shapes.iter().map(|(id, shape)| (id, marks(shape))).eq(other.shapes.iter().map(|(id, shape)| (id, marks(shape))))
    }

    /// The time of all statements, in microseconds.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.shapes.values().map(|shape| shape.total).sum()
    }
}

fn failures(workload: &Workload) -> BTreeMap<Failure, u64> {
    let mut failures: BTreeMap<Failure, u64> = BTreeMap::new();
    for (kind, count) in &workload.events().errors {
        if let Some(failure) = Failure::of(kind) {
            *failures.entry(failure).or_default() += count;
        }
    }
    failures
}

impl Surroundings {
    fn of(reading: &Reading) -> Self {
        let workload = &reading.workload;
        let coverage = workload.coverage();
        let changed = changed(workload);
        let has_log = reading.has_log();
        let told = workload.environment().settings().filter(|(name, _)| !is_log_alone(workload) && !VERSIONS.contains(name));
        let (one, many): (Vec<_>, Vec<_>) = told.partition(|(_, values)| values.len() == 1);
        let settings = one.into_iter().filter_map(|(name, values)| Some((name.to_owned(), values.first()?.clone()))).collect();
        let several = many.into_iter().filter(|_| !has_log).map(|(name, _)| name.to_owned()).collect();
        let version = workload.environment().get(VERSION).and_then(|values| values.iter().filter_map(|value| value.parse().ok()).max());
        Surroundings {
            engine: reading.inputs.first().map(|input| engine(&input.format)),
            has_log,
            has_counters: coverage.is_some_and(|coverage| !coverage.is_life),
            is_life: coverage.is_some_and(|coverage| coverage.is_life),
            major: version.map(major),
            is_sampled: workload.blind() == Some(Blind::Sampled),
            threshold: workload.threshold().map(|(_, looks_like)| looks_like),
            dealloc: coverage.and_then(|coverage| coverage.dealloc_rounds),
            lost: coverage.and_then(|coverage| coverage.lost).unwrap_or(0),
            without_base: coverage.map_or(0, |coverage| coverage.without_base),
            is_reset: coverage.is_some_and(|coverage| coverage.is_reset),
            window: workload.window(),
            broken: reading.errors.iter().map(ToString::to_string).chain(missed(reading)).collect(),
            settings,
            changed,
            several,
        }
    }
}

/// Whether no snapshot tells of the settings.
fn is_log_alone(workload: &Workload) -> bool {
    workload.coverage().is_none() && workload.catalogs().is_empty()
}

/// Settings that were changed: those of several values, and where there are no snapshots all, for a log tells only changes.
/// Whatever decides what is logged shows in the log itself, and is often changed back behind the last call.
fn changed(workload: &Workload) -> BTreeMap<String, String> {
    let mut changed: BTreeMap<String, String> =
        workload.events().settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let is_log_alone = is_log_alone(workload);
    for (name, values) in workload.environment().settings().filter(|(name, _)| !VERSIONS.contains(name)) {
        let is_changed = if is_log_alone { !name.starts_with("log_") } else { values.len() > 1 };
        if is_changed {
            changed.insert(name.to_owned(), values.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
        }
    }
    changed
}

/// Names of files in a folder of logs that are surely no part of them end so.
const NO_PART: [&str; 12] = ["html", "md", "pid", "png", "sarif", "sh", "sql", "svg", "toml", "xml", "yaml", "yml"];

/// What of a folder nothing was read of and may be a part of the run: an empty log, or the beginning of one that was cut.
fn missed(reading: &Reading) -> impl Iterator<Item = String> {
    let is_part = |path: &&PathBuf| path.extension().and_then(|end| end.to_str()).is_none_or(|end| !NO_PART.contains(&end));
    let told = |path: &PathBuf| format!("{}: it is empty, cut or no log; mend it, or move it out of the folder", path.display());
    reading.strangers.iter().filter(is_part).map(told)
}

/// By the name of the format; snapshots that laggard takes are of PostgreSQL too.
fn engine(format: &str) -> &'static str {
    if format.starts_with("mysql") || format.starts_with("mariadb") { "mysql" } else { "postgresql" }
}

fn major(version: u32) -> u32 {
    if version >= 100_000 { version / 10_000 } else { version / 100 }
}

fn origin(s: &Statement) -> Option<Origin> {
    let mut tags: Vec<_> = s.tags().collect();
    tags.sort_by_key(|(key, value, share)| (std::cmp::Reverse(share.calls), *key, *value));
    Origin::of(tags.iter().map(|(key, value, _)| (*key, *value)))
}

/// A 95 % confidence interval of a normal distribution is so many standard errors wide.
const WIDTH: f64 = 2.0 * 1.959_963_984_540_054;

/// The standard error of the logarithm of a quantile, by the width of its distribution-free confidence interval: between the
/// ranks n·q ± 1.96·√(n·q·(1 − q)) (Conover, "Practical Nonparametric Statistics", 3.2), as far as there are such.
fn error(latency: &Latency, quantile: Permille) -> f64 {
    let (count, share) = (latency.count() as f64, quantile.0 as f64 / 1_000.0);
    let half = WIDTH / 2.0 * (count * share * (1.0 - share)).sqrt();
    let rank = |rank: f64| Micros::floor(rank.clamp(1.0, count.max(1.0))).0;
    // Logs tell no less than a microsecond.
    let log = |rank: u64| latency.at_rank(rank).map_or(0.0, |value| (value.0.max(1) as f64).ln());
    (log(rank((count * share + half).ceil())) - log(rank(count * share - half))) / WIDTH
}

impl Shape {
    fn of(s: &Statement) -> Self {
        let outline = Outline::of(&s.text);
        let mut shape = Shape {
            text: s.text.clone(),
            writes: outline.role.writes(),
            works: outline.role.works(),
            verb: s.text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_owned(),
            tags: s.tags().map(|(key, value, _)| (key.to_owned(), value.to_owned())).collect(),
            origin: origin(s),
            tables: outline.tables,
            calls: s.calls(),
            units: Some(s.units).filter(|&units| units > 0),
            rows: s.rows,
            ..Shape::default()
        };
        shape.log_times(s);
        shape.counters(s);
        for (id, plan) in s.shapes.iter().flat_map(|shapes| shapes.iter()) {
            shape.plans.insert(id);
            for scan in &plan.slowest.1.scans {
                let access = shape.access.entry(scan.table.clone()).or_default();
                access.is_whole |= scan.reads == Reads::Whole;
                access.is_by_index |= scan.reads != Reads::Whole;
            }
        }
        shape
    }

    fn log_times(&mut self, s: &Statement) {
        if s.latency.count() == 0 {
            return;
        }
        let unhindered = s.delayed.as_ref().map(|delayed| s.latency.without(delayed)).filter(|rest| rest.count() > 0);
        let latency = unhindered.as_ref().unwrap_or(&s.latency);
        let micros = |value: Option<Micros>| value.map(|value| value.0 as f64);
        self.total = s.latency.total().0 as f64;
        self.timed = latency.count();
        self.mean = latency.mean();
        self.deviation = latency.deviation();
        self.p50 = micros(latency.at(Permille(500)));
        self.p95 = micros(latency.at(Permille(950)));
        self.usual = latency.mean_up_to(USUAL);
        self.errors = [500, 950].map(|quantile| error(latency, Permille(quantile)));
        self.max = micros(latency.max());
        self.latency = Some(s.latency.clone());
    }

    /// What the server counted. A log of the same run knows no more calls than it, unless counters were lost.
    fn counters(&mut self, s: &Statement) {
        let Some(counted) = s.counted.as_deref() else { return };
        let Some(moments) = counted.all().filter(|moments| moments.count() >= self.calls) else { return };
        let has_times = s.latency.count() == moments.count();
        // Units are those of the calls in the log.
        self.units = self.units.filter(|_| self.calls == moments.count());
        self.calls = moments.count();
        self.moments = Some(moments);
        if !has_times {
            let micros = |ms: f64| ms * 1_000.0;
            self.total = micros(moments.total());
            self.timed = moments.count();
            self.mean = Some(micros(moments.average()));
            self.deviation = moments.deviation().map(micros);
            self.max = moments.most().map(micros);
            (self.p50, self.p95, self.usual, self.latency) = (None, None, None, None);
        }
        let sum = |a: Count, b: Count| counted.count(a).zip(counted.count(b)).map(|(a, b)| a.saturating_add(b));
        self.rows = counted.rows();
        self.blocks = sum(Count::SharedHit, Count::SharedRead);
        self.temp = sum(Count::TempRead, Count::TempWritten);
        self.wal = counted.count(Count::WalRecords);
    }
}
