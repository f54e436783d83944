//! Check, then act: a row is looked for, and then one of the same table is written.
//!
//! A read by key of at most one row, without a lock on it, and at most one other call between it and the write, are a pair; so
//! are a read by key of any number of rows and an INSERT of the same values and no others. That both are about the same row is
//! known where they have the same values and no others, and likely elsewhere. Pairs of a read and an INSERT that follow each
//! other closely are an upsert done by hand, row by row; such runs are kept as bursts, single pairs are counted. What a
//! SERIALIZABLE transaction does is safe and left out. State is per open session and bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use foldhash::fast::FixedState;

use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::{LIST, Outline, Role};
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::burst::{self, Bond, Burst, Class, FEWEST, Grade, Known, Patterns};
use super::session::Call;
use super::turns::InOrder;

/// What a statement is to a pair; tables by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Unknown,
    Idle,
    Work,
    /// Looks for a row.
    Check(u32),
    /// Looks for rows, of which there may be several.
    Search(u32),
    Insert(u32),
    Change(u32),
    /// Ends what was begun.
    End,
    /// Makes the transaction serializable.
    Isolates,
}

/// A read that may be followed by its write.
#[derive(Clone, Copy, Debug)]
struct Check {
    statement: u32,
    table: u32,
    at: u32,
    start: Timestamp,
    end: Timestamp,
    exec: Micros,
    /// A hash of its values.
    hash: u32,
    /// It looks for one row, whatever its values.
    finds_one: bool,
    names: u32,
    request: Option<u64>,
}

/// Pairs of the same two statements that follow each other.
#[derive(Clone, Debug)]
pub(super) struct Run {
    read: u32,
    write: u32,
    inserts: bool,
    n: u32,
    /// Of them, those of which both statements had the same values.
    same: u32,
    at: u32,
    start: Timestamp,
    end: Timestamp,
    /// Of reads and writes.
    exec: Micros,
    /// Of the reads.
    reads: Micros,
    names: u32,
    request: Option<u64>,
    endpoint: Option<Arc<str>>,
}

/// What a session did last.
#[derive(Debug, Default)]
pub(super) struct Steps {
    at: u32,
    checks: [Option<Check>; 2],
    /// The place of the newer check; the other one is overwritten next.
    newer: u8,
    is_isolated: bool,
    runs: Vec<Run>,
}

/// So many calls from a read to its write.
const NEAR: u32 = 2;
/// So many from a pair to the next of its run.
const FAR: u32 = 8;
/// A longer time between them parts both; microseconds.
const LONGEST_GAP: i64 = 100_000;
/// So many runs of one session are told apart.
const MOST_RUNS: usize = 4;
/// What libraries put behind LIMIT when they look for one row: one, one too many, or Django's 21.
const LIMITS: [u16; 4] = [0, 1, 2, 21];
/// More pairs of statements are not told apart.
const MOST_PAIRS: usize = 10_000;

/// How often one statement followed another, and the time of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Followed {
    /// How many times.
    pub count: u64,
    /// Of the reads.
    pub reads: Micros,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    parts: Vec<Part>,
    /// Runs that ended, with the key of their session: which are kept depends on the order.
    pub(super) ended: InOrder<(u64, Run)>,
    tables: HashMap<String, u32, FixedState>,
    /// Reads with INSERTs, row by row; the parent is the read.
    pub(super) upserts: Patterns,
    /// The rest, by read and write.
    pub(super) singles: BTreeMap<(Fingerprint, Fingerprint), Followed>,
}

impl Pairs {
    /// Looks at a new statement once and for all.
    pub(super) fn learn(&mut self, statement: u32, text: &str, outline: &Outline) {
        let at = statement as usize;
        if at >= self.parts.len() {
            self.parts.resize(at + 1, Part::Unknown);
        }
        if self.parts[at] == Part::Unknown {
            self.parts[at] = self.read(text, outline);
        }
    }

    fn read(&mut self, text: &str, outline: &Outline) -> Part {
        let is_single = !outline.keys.is_empty() && !outline.has_range && !outline.takes_array && !text.contains(LIST);
        let locks = [" for update", " for share", " for no key update", " for key share"].iter().any(|lock| text.contains(lock));
        let finds_one = outline.is_lookup() || outline.is_aggregate || (outline.is_limited && !outline.is_ordered);
        match outline.role {
            Role::Begin | Role::Chatter if text.contains("serializable") => Part::Isolates,
            Role::Begin | Role::Chatter => Part::Idle,
            Role::End | Role::Anew => Part::End,
            Role::Read if is_single && !locks && outline.tables.len() == 1 => {
                self.table(outline, if finds_one { Part::Check } else { Part::Search })
            }
            // It says itself what is to happen to a row that is there, or takes its rows from elsewhere.
            Role::Insert if text.contains(" on conflict") || outline.is_uncountable || outline.tables.len() != 1 => Part::Work,
            Role::Insert => self.table(outline, Part::Insert),
            Role::Change if is_single => self.table(outline, Part::Change),
            _ => Part::Work,
        }
    }

    fn table(&mut self, outline: &Outline, part: fn(u32) -> Part) -> Part {
        let Some(table) = outline.table() else { return Part::Work };
        let next = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        part(*self.tables.entry(table.to_owned()).or_insert(next))
    }

    /// Adds those of another workload.
    pub(super) fn merge(&mut self, other: Pairs) {
        self.upserts.merge(other.upserts);
        other.singles.into_iter().for_each(|(key, followed)| self.follow(key, followed));
    }

    /// Adds single pairs of a read and a write.
    pub(super) fn follow(&mut self, key: (Fingerprint, Fingerprint), followed: Followed) {
        let known = self.singles.entry(key).or_default();
        known.count += followed.count;
        known.reads += followed.reads;
    }
}

impl Steps {
    /// Takes the read that a write of a table is for, of those that may be.
    fn take(&mut self, table: u32, start: Timestamp, may_be: impl Fn(&Check) -> bool) -> Option<Check> {
        let at = self.at;
        let is_for = |check: &Check| {
            let is_near = at.wrapping_sub(check.at) <= NEAR && start.0.saturating_sub(check.end.0) <= LONGEST_GAP;
            check.table == table && is_near && may_be(check)
        };
        let newest_first = [self.newer, self.newer ^ 1].map(usize::from);
        let found = newest_first.into_iter().filter_map(|place| self.checks[place].as_ref()).find(|check| is_for(check)).copied()?;
        for check in &mut self.checks {
            check.take_if(|check| check.table == table);
        }
        (!self.is_isolated).then_some(found)
    }

    /// Remembers a read in the place of the older of the last two.
    fn check(&mut self, check: Check) {
        self.newer ^= 1;
        self.checks[usize::from(self.newer)] = Some(check);
    }

    /// Adds a pair to its run, or begins another one; answers with the run that ended for it.
    fn add(&mut self, pair: Run) -> Option<Run> {
        let Some(place) = self.runs.iter().position(|run| (run.read, run.write) == (pair.read, pair.write)) else {
            let ended = (self.runs.len() >= MOST_RUNS).then(|| self.runs.remove(0));
            self.runs.push(pair);
            return ended;
        };
        let run = &mut self.runs[place];
        let is_near = pair.at.wrapping_sub(run.at) <= FAR && pair.start.0.saturating_sub(run.end.0) <= LONGEST_GAP;
        if !is_near || (run.names, run.request) != (pair.names, pair.request) {
            return Some(std::mem::replace(run, pair));
        }
        run.n += 1;
        run.same += pair.same;
        (run.at, run.end) = (pair.at, pair.end);
        run.exec += pair.exec;
        run.reads += pair.reads;
        None
    }
}

impl Pairs {
    /// A call of a session may look for a row, or write one that was looked for.
    pub(super) fn step(&mut self, steps: &mut Steps, call: &Call, key: u64) {
        let part = self.parts.get(call.statement as usize).copied().unwrap_or_default();
        match part {
            Part::Unknown | Part::Idle => return,
            Part::End => return (steps.checks, steps.is_isolated) = (Default::default(), false),
            Part::Isolates => return steps.is_isolated = true,
            _ => steps.at = steps.at.wrapping_add(1),
        }
        let exec = call.server_time();
        let (start, end) = (call.ended - exec, call.ended);
        let (at, names, request) = (steps.at, call.origin.names, call.tags.as_ref().and_then(|tags| tags.request));
        let (table, inserts) = match part {
            Part::Check(table) | Part::Search(table) if LIMITS.contains(&call.values.limit) => {
                let (statement, hash, finds_one) = (call.statement, call.values.hash, matches!(part, Part::Check(_)));
                return steps.check(Check { statement, table, at, start, end, exec, hash, finds_one, names, request });
            }
            Part::Insert(table) => (table, true),
            Part::Change(table) => (table, false),
            _ => return,
        };
        let is_same = |check: &Check| check.hash == call.values.hash && call.values.count() > 0;
        // A list that is read before a row is added to it is no check, unless both are of the same values.
        let is_check = |check: &Check| check.finds_one || (is_same(check) && inserts);
        let may_be = |check: &Check| (check.names, check.request) == (names, request) && is_check(check);
        let Some(check) = steps.take(table, start, may_be) else { return };
        let same = is_same(&check);
        let pair = Run {
            read: check.statement,
            write: call.statement,
            inserts,
            n: 1,
            same: u32::from(same),
            at,
            start: check.start,
            end,
            exec: check.exec + exec,
            reads: check.exec,
            names,
            request,
            endpoint: call.tags.as_ref().and_then(|tags| tags.endpoint.clone()),
        };
        if let Some(ended) = steps.add(pair) {
            self.ended.push((key, ended));
        }
    }
}

impl Workload {
    /// The pairs of a session end with it.
    pub(super) fn end_pairs(&mut self, slot: u32) {
        let session = self.sessions.get(slot);
        let key = session.key;
        for run in std::mem::take(&mut session.steps.runs) {
            self.keep_pair(&run, key);
        }
    }

    /// Keeps the pairs that ended, in the order of the log.
    pub(super) fn keep_pairs(&mut self) {
        for (key, run) in self.pairs.ended.take() {
            self.keep_pair(&run, key);
        }
    }

    fn keep_pair(&mut self, run: &Run, key: u64) {
        let [read, write] = [run.read, run.write].map(|number| &self.statements[number as usize]);
        let (read, write, passes) = (read.fingerprint, write.fingerprint, write.passes);
        // Rows that are read and then changed, one by one, are a loop of writes and known as that.
        if !passes || (run.n >= FEWEST && !run.inserts) {
            return;
        }
        if run.n < FEWEST {
            if self.pairs.singles.len() < MOST_PAIRS || self.pairs.singles.contains_key(&(read, write)) {
                let known = self.pairs.singles.entry((read, write)).or_default();
                known.count += u64::from(run.n);
                known.reads += run.reads;
            }
            return;
        }
        let application = self.names.get(run.names as usize).and_then(|names| names.application.as_deref());
        let wall = run.end.since(run.start).0;
        let burst = Burst {
            start: run.start,
            end: run.end,
            session: key,
            sessions: Vec::new(),
            n: run.n,
            scale: run.n,
            bond: if run.request.is_some() { Bond::Tag } else { Bond::Segment },
            grade: if run.same == run.n { Grade::High } else { Grade::Medium },
            application: application.map(|name| String::from_utf8_lossy(name).into_owned()),
            exec: run.exec,
            waste: Micros(wall - wall / u64::from(run.n)),
            truncated: false,
        };
        let known = Known { class: Class::Writes, child: write, parent: Some(read), root: Some(read) };
        let endpoint = run.endpoint.as_deref().map(str::to_owned);
        self.pairs.upserts.add(burst::Ended { known, burst, counts: true, pipelined: false, values: run.n, endpoint });
    }

    /// Rows that were looked for and then inserted, one by one; the parent of each is the read.
    #[must_use]
    pub fn upserts(&self) -> &Patterns {
        &self.pairs.upserts
    }

    /// How often a write followed a read of its table, other than in loops: by read and write.
    pub fn followed(&self) -> impl Iterator<Item = (Fingerprint, Fingerprint, Followed)> {
        self.pairs.singles.iter().map(|(&(read, write), &followed)| (read, write, followed))
    }
}
