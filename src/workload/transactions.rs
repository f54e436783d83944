//! What transactions came to: how many, how long, how long without a statement, and how many had one statement only.
//!
//! Of most only the number is kept, by who ran them. What was open or idle for long is kept by its statement, added up by
//! size so that rules may ask for any size, with the longest as examples. Adding up is exact and in any order the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use foldhash::fast::FixedState;

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::burst::rounded_to;
use super::caller::Caller;
use super::changes::Changing;
use super::parsed::{NONE, NoteRow, Row};
use super::session::Origin;
use super::turns::InOrder;
use super::watch::{Open, Series};
use super::wholeness::Wholeness;

/// Who, and the statement that it is about, where that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Who.
    pub actor: Caller,
    /// The statement.
    pub statement: Option<Fingerprint>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Close {
    /// By COMMIT or ROLLBACK.
    Ended,
    /// The server ended it because it was idle for too long.
    Killed,
    /// With its connection.
    Disconnected,
    /// Not before the log did.
    Open,
    /// The log does not tell.
    Unknown,
}

/// A transaction that stood out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Example {
    /// When it began.
    pub start: Timestamp,
    /// When it ended, as far as that is known.
    pub end: Timestamp,
    /// The session, as logs number it; the low half is the process, where there are both.
    #[serde(deserialize_with = "crate::units::wide::number")]
    pub session: u64,
    /// Statements in it.
    pub statements: u32,
    /// Their time in the server.
    pub server: Micros,
    /// The longest time without a statement.
    pub idle: Micros,
    /// Whether it held locks that others may have waited for.
    pub locks: bool,
    /// How it ended.
    pub close: Close,
}

impl Example {
    /// From its first statement to its end.
    #[must_use]
    pub fn length(&self) -> Micros {
        self.end.since(self.start)
    }
}

/// Transactions added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Of them, those that held locks.
    pub locking: u64,
    /// Their time: without a statement, or from end to end.
    pub total: Micros,
    /// The longest of these times.
    pub longest: Micros,
    /// The longest of those that held locks.
    pub longest_locking: Micros,
}

impl Sum {
    /// Adds another sum.
    pub fn add(&mut self, other: &Sum) {
        self.count += other.count;
        self.locking += other.locking;
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
        self.longest_locking = self.longest_locking.max(other.longest_locking);
    }
}

/// Transactions of one [`Place`] that stood out in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lasting {
    /// By time in steps of [`STEP`], longer ones rounded down to 7 binary digits.
    sizes: BTreeMap<u64, Sum>,
    /// Those that the server ended because they were idle for too long, whatever the time.
    pub killed: Sum,
    /// The longest of all.
    pub examples: Vec<Example>,
}

/// Times are told apart by so much.
pub const STEP: Micros = Micros::from_millis(500);
/// So many examples are kept.
const MOST_EXAMPLES: usize = 10;
/// So many of those that never ended are kept.
pub const MOST_OPEN: usize = 1_000;
/// So many places are told apart; transactions of others are lost.
const MOST_PLACES: usize = 10_000;

impl Lasting {
    fn add(&mut self, example: Example, time: impl Fn(&Example) -> Micros) {
        let took = time(&example);
        let locking = u64::from(example.locks);
        let longest_locking = if example.locks { took } else { Micros(0) };
        let sum = Sum { count: 1, locking, total: took, longest: took, longest_locking };
        if example.close == Close::Killed {
            self.killed.add(&sum);
        } else {
            self.sizes.entry(rounded_to(7, took.0 / STEP.0)).or_default().add(&sum);
        }
        self.examples.push(example);
        self.keep_longest(time);
    }

    fn keep_longest(&mut self, time: impl Fn(&Example) -> Micros) {
        self.examples.sort_by(|a, b| (Reverse(time(a)), a).cmp(&(Reverse(time(b)), b)));
        self.examples.truncate(MOST_EXAMPLES);
    }

    fn merge(&mut self, other: Lasting, time: impl Fn(&Example) -> Micros) {
        for (size, sum) in other.sizes {
            self.sizes.entry(size).or_default().add(&sum);
        }
        self.killed.add(&other.killed);
        self.examples.extend(other.examples);
        self.keep_longest(time);
    }

    /// Those that took at least so long.
    #[must_use]
    pub fn from(&self, least: Micros) -> Sum {
        let mut sum = Sum::default();
        self.sizes.range(least.0.div_ceil(STEP.0)..).for_each(|(_, size)| sum.add(size));
        sum
    }
}

/// All transactions of a [`Caller`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Those whose end is known.
    pub transactions: u64,
    /// Of them, those with one statement that works on rows.
    pub single: u64,
    /// Of these, those in a series of at least [`LEAST_SERIES`] close together, unless one statement repeats in it, for that
    /// is a loop.
    pub in_series: u64,
    /// How many such series.
    pub series: u64,
    /// What BEGIN and COMMIT took in them, with the time between them and their statement.
    pub frame: Micros,
}

/// Fewer transactions are no series.
pub const LEAST_SERIES: u32 = 10;
/// A statement that comes as often in a series is a loop.
const LOOP: u32 = 5;

impl Counts {
    fn add(&mut self, other: Counts) {
        self.transactions += other.transactions;
        self.single += other.single;
        self.in_series += other.in_series;
        self.series += other.series;
        self.frame += other.frame;
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transactions {
    /// Counts by who ran them.
    #[serde(with = "super::stored::by_key")]
    pub counts: BTreeMap<Caller, Counts>,
    /// Those that were idle, by the statement before.
    #[serde(with = "super::stored::by_key")]
    pub idle: BTreeMap<Place, Lasting>,
    /// Those that were open for long, by their first statement.
    #[serde(with = "super::stored::by_key")]
    pub long: BTreeMap<Place, Lasting>,
    /// Those that were still open when the log ended, by the statement they ran last; the oldest [`MOST_OPEN`].
    pub open: Vec<(Place, Example)>,
    /// Those that stood out beyond the bound of places.
    pub lost: u64,
}

impl Transactions {
    pub(super) fn merge(&mut self, other: Transactions) {
        self.open.extend(other.open);
        self.open.sort_by(|(at, a), (of, b)| (a, at).cmp(&(b, of)));
        self.open.truncate(MOST_OPEN);
        other.counts.into_iter().for_each(|(actor, counts)| self.counts.entry(actor).or_default().add(counts));
        self.lost += other.lost;
        for (place, lasting) in other.idle {
            self.idle.entry(place).or_default().merge(lasting, |example| example.idle);
        }
        for (place, lasting) in other.long {
            self.long.entry(place).or_default().merge(lasting, Example::length);
        }
    }
}

/// Numbers of names and of a statement.
type Numbers = (u32, u32);
/// In which way something stood out.
type Way = fn(&mut Tally) -> &mut Places;

/// What stood out in one way, and the time that is meant.
#[derive(Debug)]
pub(super) struct Places {
    by_numbers: HashMap<Numbers, Lasting, FixedState>,
    time: fn(&Example) -> Micros,
}

/// The same in numbers of the workload, while the log lasts.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Vec<Counts>,
    idle: Places,
    long: Places,
    open: Vec<(Numbers, Example)>,
    lost: u64,
    /// Whether transactions have both ends.
    pub(super) wholeness: Wholeness,
    pub(super) changing: Changing,
    /// The session that is watched.
    pub(super) session: u64,
    /// What stood out: which of it is kept depends on the order.
    pub(super) ended: InOrder<(Numbers, Example, Way)>,
}

impl Default for Tally {
    fn default() -> Self {
        let places = |time| Places { by_numbers: HashMap::default(), time };
        Tally {
            counts: Vec::new(),
            idle: places(|example| example.idle),
            long: places(Example::length),
            open: Vec::new(),
            lost: 0,
            wholeness: Wholeness::default(),
            changing: Changing::default(),
            session: 0,
            ended: InOrder::default(),
        }
    }
}

impl Tally {
    fn counts(&mut self, names: u32) -> Option<&mut Counts> {
        // What has too many names to be told apart is nobody's.
        let at = Some(names as usize).filter(|_| names != NONE)?;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, Counts::default());
        }
        self.counts.get_mut(at)
    }

    pub(super) fn ended(&mut self, open: &Open, end: Timestamp, close: Close) {
        if close == Close::Ended
            && let Some(counts) = self.counts(open.names)
        {
            counts.transactions += 1;
            counts.single += u64::from(open.works == 1);
        }
        if let Some(changed) = open.changed.filter(|_| close != Close::Unknown) {
            self.changing.held(changed, end);
        }
        let length = end.since(open.began).0;
        let stands_out = length >= STEP.0 || open.idle >= STEP || close == Close::Killed;
        if !stands_out || open.is_patient {
            return;
        }
        let example = self.example(open, end, close);
        if open.idle >= STEP || close == Close::Killed {
            self.keep((open.names, open.after), example.clone(), |tally| &mut tally.idle);
        }
        // Where it is not known when it ended it may not have been open at all. Mostly idle, or mostly one statement, is
        // something else than long.
        let is_idle = open.idle.0 >= length / 2;
        let is_one_statement = open.works + open.failures <= 1 && (open.server + open.failing).0 >= length / 10 * 8;
        if length >= STEP.0 && close != Close::Unknown && !is_idle && !is_one_statement {
            self.keep((open.names, open.first), example, |tally| &mut tally.long);
        }
    }

    fn example(&self, open: &Open, end: Timestamp, close: Close) -> Example {
        Example {
            start: open.began,
            end,
            session: self.session,
            statements: open.statements,
            server: open.server,
            idle: open.idle,
            locks: open.locks,
            close,
        }
    }

    /// A transaction was still open when the log ended; `end` is when something was last heard of it.
    pub(super) fn stays_open(&mut self, open: &Open, end: Timestamp, last: u32) {
        if !open.is_patient {
            self.open.push(((open.names, last), self.example(open, end, Close::Open)));
        }
    }

    fn keep(&mut self, numbers: Numbers, example: Example, kind: Way) {
        self.ended.push((numbers, example, kind));
    }

    /// Keeps what stood out, in the order of the log.
    pub(super) fn settle(&mut self) {
        for (numbers, example, kind) in self.ended.take() {
            self.put(numbers, example, kind);
        }
    }

    fn put(&mut self, numbers: Numbers, example: Example, kind: Way) {
        let places = kind(self);
        if places.by_numbers.len() < MOST_PLACES || places.by_numbers.contains_key(&numbers) {
            places.by_numbers.entry(numbers).or_default().add(example, places.time);
        } else {
            self.lost += 1;
        }
    }

    pub(super) fn series(&mut self, series: &Series) {
        if series.count < LEAST_SERIES {
            return;
        }
        let once = series.statements.iter().filter(|(_, count, _)| *count < LOOP);
        let (count, frame) = once.fold((0, Micros(0)), |(n, sum), (_, count, frame)| (n + count, sum + *frame));
        if count >= LEAST_SERIES
            && let Some(counts) = self.counts(series.names)
        {
            counts.series += 1;
            counts.in_series += u64::from(count);
            counts.frame += frame;
        }
    }
}

/// Whether the server ended a session because it was idle in a transaction.
fn was_idle(sqlstate: Option<[u8; 5]>, message: &str) -> bool {
    sqlstate == Some(*b"25P03") || message.starts_with("terminating connection due to idle-in-transaction")
}

/// Whether a normalised statement ends a transaction, and with it the portals that may be fetched from.
pub(super) fn ends_transaction(text: &str) -> bool {
    ["commit", "rollback", "end", "abort"].iter().any(|verb| text.starts_with(verb)) && !text.starts_with("rollback to")
}

/// Applications whose transactions are long on purpose.
const PATIENT: [&str; 4] = ["pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup"];

impl Workload {
    /// What is heard of a session besides its calls.
    pub(super) fn heard(&mut self, note: &NoteRow, row: &Row, origin: Origin) {
        let session = self.sessions.get(origin.session);
        if matches!(note, NoteRow::Disconnection | NoteRow::Error { .. }) {
            self.queues.gave_up(session.number, row.at);
        }
        let watch = &mut session.watch;
        match note {
            NoteRow::Disconnection => self.end_transaction(origin.session, Some(row.at), Close::Disconnected),
            NoteRow::Error { sqlstate, message, .. } if was_idle(*sqlstate, message) => {
                watch.was_idle(row.at, origin.names);
                self.end_transaction(origin.session, Some(row.at), Close::Killed);
            }
            NoteRow::Error { severity, .. } if ["FATAL", "PANIC"].contains(&&**severity) => {
                self.end_transaction(origin.session, None, Close::Unknown);
            }
            NoteRow::Error { .. } => watch.failed(row.at),
            _ => watch.heard(row.at),
        }
    }

    /// A statement of a session failed; if it was to end the transaction, that is over.
    pub(super) fn failed_in_transaction(&mut self, slot: u32, statement: u32) {
        let text = &self.statements[statement as usize].text;
        let session = self.sessions.get(slot);
        session.watch.last = statement;
        if session.watch.open.is_some() && ends_transaction(text) {
            session.watch.close(None, Close::Unknown, &mut self.tally);
        }
    }

    /// The log is over while a session has a transaction open.
    pub(super) fn leave_open(&mut self, slot: u32) {
        let session = self.sessions.get(slot);
        self.tally.session = session.key;
        session.watch.leave_open(&mut self.tally);
    }

    /// The open transaction of a session is over, at a time if that is known.
    pub(super) fn end_transaction(&mut self, slot: u32, at: Option<Timestamp>, how: Close) {
        let session = self.sessions.get(slot);
        self.tally.session = session.key;
        session.watch.close(at, how, &mut self.tally);
    }

    /// A session is over, or given up.
    pub(super) fn end_watch(&mut self, slot: u32) {
        let session = self.sessions.get(slot);
        self.tally.session = session.key;
        session.watch.end(&mut self.tally);
        let calls = session.watch.calls;
        if let Some(visit) = session.watch.visit.take() {
            self.visited(*visit, calls, None);
        }
    }

    /// The log is over, and with it what sessions were watched for.
    pub(super) fn finish_transactions(&mut self) {
        self.tally.settle();
        let tally = std::mem::take(&mut self.tally);
        self.wholeness.add(tally.wholeness);
        self.finish_changes(tally.changing);
        let mut found = Transactions { lost: tally.lost, ..Transactions::default() };
        for (names, counts) in tally.counts.iter().enumerate().filter(|(_, counts)| counts.transactions > 0) {
            let names = u32::try_from(names).unwrap_or(NONE);
            found.counts.entry(self.actor(names)).or_default().add(*counts);
        }
        for (ours, theirs) in [(tally.idle, &mut found.idle), (tally.long, &mut found.long)] {
            let mut all: Vec<(Numbers, Lasting)> = ours.by_numbers.into_iter().collect();
            all.sort_by_key(|(numbers, _)| *numbers);
            for (numbers, lasting) in all {
                if let Some(place) = self.place(numbers) {
                    theirs.entry(place).or_default().merge(lasting, ours.time);
                }
            }
        }
        found.open = tally.open.into_iter().filter_map(|(numbers, example)| Some((self.place(numbers)?, example))).collect();
        self.transactions.merge(found);
    }

    /// What numbers of names and of a statement stand for, unless it is of no interest.
    fn place(&self, (names, statement): Numbers) -> Option<Place> {
        let statement = self.statements.get(statement as usize);
        let passes = statement.map_or(self.rules.filter.statement.is_none(), |statement| statement.passes);
        let place = Place { actor: self.actor(names), statement: statement.map(|statement| statement.fingerprint) };
        let is_patient = place.actor.application.as_deref().is_some_and(|name| PATIENT.contains(&name));
        (passes && !is_patient).then_some(place)
    }

    /// What transactions came to.
    #[must_use]
    pub fn transactions(&self) -> &Transactions {
        &self.transactions
    }
}
