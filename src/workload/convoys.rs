//! Sessions that queue for one lock at the same time.
//!
//! The server names who holds a lock, but often it is not the holder who is to blame: one that waits for a strong lock makes
//! all that come after it wait, however weak the lock that they want and that they would get beside the holder. So of each
//! queue is kept who waited, in what order and for what. What is told too late, such as the statement of a session that still
//! runs, is filled in when its line comes. Queues are few and bounded.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::event::Ended;
use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::lock_mode::{Kind, Mode, Queued};
use super::session::{Origin, process};
use super::waits::{Alone, Key, Wait};
use super::watch::{State, locks_table};

/// The first of the stronger, behind which others wait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Blame {
    /// What it wanted.
    pub mode: Mode,
    /// Its statement, where that is known.
    pub statement: Option<Fingerprint>,
    /// How long it waited itself.
    pub waited: Micros,
    /// How many came behind it that wanted something weaker.
    pub behind: u32,
}

/// Who held the lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub process: u32,
    /// What it had locked a table with, ran meanwhile, or had run last, where that is known.
    pub statement: Option<Fingerprint>,
    /// Whether it ran nothing meanwhile, and had a transaction open.
    pub is_idle: bool,
}

/// Sessions that queued for one lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Convoy {
    /// When the first began to wait.
    pub start: Timestamp,
    /// When the last got its lock or gave up, as far as that is known.
    pub end: Timestamp,
    /// What the lock is on.
    pub kind: Kind,
    /// How many waited.
    pub waiters: u32,
    /// How many at once, at most.
    pub most: u32,
    /// The time of all that waited.
    pub waited: Micros,
    /// The longest of their waits.
    pub longest: Micros,
    /// Who made others wait without having the lock.
    pub blame: Option<Blame>,
    /// Who had the lock, where that is told.
    pub holder: Option<Holder>,
    /// The statements that waited, and how often.
    #[serde(with = "super::stored::by_key")]
    pub waiting: BTreeMap<Fingerprint, u32>,
}

/// Every convoy of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Convoys {
    /// In the order of their times.
    pub all: Vec<Convoy>,
    /// Those beyond the bound.
    pub lost: u64,
}

/// So many queues are kept of a log, of so many waits each.
const MOST_QUEUES: usize = 1_000;
/// So many are open at once: a line is held against all of them. One that is older than these many has lost its end.
const MOST_OPEN: usize = 100;
const MOST_WAITERS: usize = 500;
/// Of so many workloads' convoys that were put together.
const MOST_CONVOYS: usize = 10_000;
/// A line that comes late is of one of so many queues.
const RECENT: usize = 64;
/// Fewer that wait at once, none because of another, are no queue but single waits.
pub const LEAST_TOGETHER: u32 = 3;
/// A holder that runs nothing for less time is busy.
const PAUSE: i64 = 100_000;

impl Convoys {
    pub(super) fn merge(&mut self, other: Convoys) {
        self.all.extend(other.all);
        self.all.sort();
        self.lost += other.lost + self.all.len().saturating_sub(MOST_CONVOYS) as u64;
        self.all.truncate(MOST_CONVOYS);
    }
}

#[derive(Debug)]
struct Waiter {
    session: u64,
    process: u32,
    object: u64,
    mode: Option<Mode>,
    since: Timestamp,
    waited: Micros,
    statement: Option<u32>,
    is_over: bool,
    /// It is over without the lock.
    gave_up: bool,
}

impl Waiter {
    fn end(&self) -> Timestamp {
        Timestamp(self.since.0.saturating_add(i64::try_from(self.waited.0).unwrap_or(i64::MAX)))
    }
}

#[derive(Debug)]
struct Suspect {
    session: u64,
    process: u32,
    statement: Option<u32>,
    locks_table: bool,
    is_idle: bool,
    is_known: bool,
}

#[derive(Debug)]
struct Queue {
    server: u32,
    kind: Kind,
    waiters: Vec<Waiter>,
    holders: Vec<Suspect>,
    most: u32,
}

/// The queues of a log, in numbers of the workload.
#[derive(Debug, Default)]
pub(super) struct Queues {
    open: Vec<Queue>,
    /// Those that are over, while what ran in them may still be told; the newest last.
    recent: VecDeque<Queue>,
    done: Vec<Queue>,
    alone: Alone,
    lost: u64,
}

impl Queue {
    fn start(&self) -> Timestamp {
        self.waiters.iter().map(|waiter| waiter.since).min().unwrap_or(Timestamp(0))
    }

    fn add(&mut self, waiter: Waiter) {
        let same = |known: &Waiter| known.process == waiter.process && known.object == waiter.object && !known.is_over;
        match self.waiters.iter().position(same) {
            Some(at) => self.waiters[at].waited = self.waiters[at].waited.max(waiter.waited),
            None if self.waiters.len() < MOST_WAITERS => self.waiters.push(waiter),
            None => {}
        }
        let now = self.waiters.iter().filter(|waiter| !waiter.is_over).count();
        self.most = self.most.max(u32::try_from(now).unwrap_or(u32::MAX));
    }

    /// The waiter that most others wait behind although what they want is weaker, and how many these are.
    fn stronger(&self) -> Option<(&Waiter, u32)> {
        let mut waiters: Vec<&Waiter> = self.waiters.iter().collect();
        waiters.sort_by_key(|waiter| (waiter.since, waiter.process));
        let behind = |at: usize, strong: &Waiter| {
            let is_behind = |weak: &&&Waiter| {
                let modes = strong.mode.zip(weak.mode);
                strong.object == weak.object && weak.since < strong.end() && modes.is_some_and(|(a, b)| b < a && a.conflicts(b))
            };
            waiters[at + 1..].iter().filter(is_behind).count()
        };
        let counted = waiters.iter().enumerate().map(|(at, strong)| (*strong, behind(at, strong)));
        let most = counted.filter(|(_, behind)| *behind > 0).max_by_key(|(strong, behind)| (*behind, std::cmp::Reverse(strong.since)));
        most.map(|(strong, behind)| (strong, u32::try_from(behind).unwrap_or(u32::MAX)))
    }

    /// The holder that has most to do with it: one whose statement is known, rather than one that is not.
    fn holder(&self) -> Option<&Suspect> {
        self.holders.iter().max_by_key(|holder| (holder.is_idle, holder.statement.is_some(), std::cmp::Reverse(holder.process)))
    }

    /// Whether nobody waited because of another that waited, and hardly anybody at the same time.
    fn is_of_single_ones(&self) -> bool {
        self.most < LEAST_TOGETHER && self.stronger().is_none()
    }

    /// A wait of it by itself.
    fn wait(&self, waiter: &Waiter) -> (Key, Wait) {
        let holder = self.holder();
        let is_idle = holder.is_some_and(|holder| holder.is_idle);
        let key = (waiter.statement, waiter.mode, self.kind, holder.and_then(|holder| holder.statement), is_idle);
        let start = std::cmp::Reverse(waiter.since);
        (key, Wait { waited: waiter.waited, start, process: waiter.process, holder: holder.map(|holder| holder.process) })
    }

    fn session_ran(&mut self, session: u64, statement: u32, start: Timestamp, end: Timestamp) {
        let began = self.start();
        for waiter in self.waiters.iter_mut().filter(|w| w.session == session && w.statement.is_none() && w.since <= end) {
            waiter.statement = Some(statement);
        }
        for holder in self.holders.iter_mut().filter(|holder| holder.session == session && !holder.is_known) {
            holder.is_known = true;
            // It ran this while others waited already; else they waited for what it had run before.
            if start <= began {
                holder.statement = holder.statement.filter(|_| holder.locks_table).or(Some(statement));
                holder.is_idle = false;
            } else {
                holder.is_idle &= start.0.saturating_sub(began.0) >= PAUSE;
            }
        }
    }
}

impl Queues {
    /// The queue that a waiter belongs to: for the same object, or for what a waiter of it holds.
    fn of(&mut self, server: u32, queued: &Queued) -> Option<&mut Queue> {
        let active = |queue: &Queue, is: &dyn Fn(&Waiter) -> bool| {
            queue.server == server && queue.waiters.iter().any(|waiter| !waiter.is_over && is(waiter))
        };
        let same = self.open.iter().position(|queue| active(queue, &|waiter| waiter.object == queued.object));
        let held = || self.open.iter().position(|queue| active(queue, &|waiter| queued.holders.contains(&waiter.process)));
        same.or_else(held).map(|at| &mut self.open[at])
    }

    /// Waits that are over by what a session says.
    fn over(&mut self, session: u64, mut is: impl FnMut(&mut Waiter)) {
        for queue in &mut self.open {
            for waiter in queue.waiters.iter_mut().filter(|waiter| waiter.session == session && !waiter.is_over) {
                is(waiter);
            }
        }
        let (done, open): (Vec<Queue>, _) = self.open.drain(..).partition(|queue| queue.waiters.iter().all(|waiter| waiter.is_over));
        self.open = open;
        done.into_iter().for_each(|queue| self.keep(queue));
    }

    /// A queue is over; what its sessions ran may be told later.
    fn keep(&mut self, queue: Queue) {
        if self.recent.len() >= RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.settle(oldest);
        }
        self.recent.push_back(queue);
    }

    /// Keeps a queue of which all is told that will be: its waits if they are single ones, and itself if it was one.
    fn settle(&mut self, queue: Queue) {
        if queue.is_of_single_ones() {
            for waiter in &queue.waiters {
                let (key, wait) = queue.wait(waiter);
                self.alone.add(key, wait, if waiter.gave_up { wait.waited } else { Micros(0) });
            }
        }
        match queue.most {
            0 | 1 => {}
            _ if self.done.len() < MOST_QUEUES => self.done.push(queue),
            _ => self.lost += 1,
        }
    }

    fn open(&mut self, queue: Queue) {
        if self.open.len() >= MOST_OPEN {
            let oldest = self.open.remove(0);
            self.keep(oldest);
        }
        self.open.push(queue);
    }

    /// A session that somebody waits for, or of which it is not known for what it waited, ran a statement.
    pub(super) fn session_ran(&mut self, session: u64, statement: u32, start: Timestamp, end: Timestamp) {
        for queue in self.open.iter_mut().chain(&mut self.recent) {
            queue.session_ran(session, statement, start, end);
        }
    }

    /// A session failed or ended: it waits no longer.
    pub(super) fn gave_up(&mut self, session: u64, at: Timestamp) {
        if self.open.is_empty() {
            return;
        }
        self.over(session, |waiter| {
            let waited = at.since(waiter.since);
            (waiter.waited, waiter.is_over) = (waiter.waited.max(waited), true);
            waiter.gave_up = true;
        });
    }
}

impl Workload {
    /// A session waits for a lock, or has got it.
    pub(super) fn queued(&mut self, server: u32, origin: Origin, queued: &Queued, told: Told) {
        let session = self.sessions.get(origin.session);
        if session.key == 0 {
            return;
        }
        session.watch.matters |= told.statement.is_none();
        let since = told.at - told.waited;
        let (number, process) = (session.number, process(session.key));
        if told.ended == Ended::Acquired {
            return self.queues.over(number, |waiter| {
                if waiter.object == queued.object {
                    (waiter.waited, waiter.is_over) = (waiter.waited.max(told.waited), true);
                }
            });
        }
        let (object, mode) = (queued.object, queued.mode);
        let waiter = Waiter {
            session: number,
            process,
            object,
            mode,
            since,
            waited: told.waited,
            statement: told.statement,
            is_over: false,
            gave_up: false,
        };
        if let Some(queue) = self.queues.of(server, queued) {
            return queue.add(waiter);
        }
        let holders = queued.holders.iter().map(|&process| self.suspect(server, process)).collect();
        let mut queue = Queue { server, kind: queued.kind, waiters: Vec::new(), holders, most: 0 };
        queue.add(waiter);
        self.queues.open(queue);
    }

    fn suspect(&mut self, server: u32, process: u32) -> Suspect {
        match self.sessions.by_process(server, process) {
            Some(slot) => {
                let session = self.sessions.get(slot);
                session.watch.matters = true;
                let State { statement, locks_table, in_transaction } = session.watch.state();
                Suspect { session: session.number, process, statement, locks_table, is_idle: in_transaction, is_known: false }
            }
            None => Suspect { session: u64::MAX, process, statement: None, locks_table: false, is_idle: false, is_known: true },
        }
    }

    /// The log is over, and nobody waits any longer.
    pub(super) fn finish_convoys(&mut self) {
        let mut queues = std::mem::take(&mut self.queues);
        let rest: Vec<Queue> = queues.recent.drain(..).chain(queues.open.drain(..)).collect();
        rest.into_iter().for_each(|queue| queues.settle(queue));
        let all: Vec<Convoy> = queues.done.iter().map(|queue| self.convoy(queue)).collect();
        self.convoys.merge(Convoys { all, lost: queues.lost });
        self.finish_waits(queues.alone);
    }

    fn convoy(&self, queue: &Queue) -> Convoy {
        let statement = |number: u32| self.statements.get(number as usize).map(|statement| statement.fingerprint);
        let mut waiting: BTreeMap<Fingerprint, u32> = BTreeMap::new();
        for fingerprint in queue.waiters.iter().filter_map(|waiter| statement(waiter.statement?)) {
            *waiting.entry(fingerprint).or_default() += 1;
        }
        let holder = queue.holder();
        // Where the holder changes the table itself, it makes everyone wait.
        let text = holder.and_then(|holder| self.statements.get(holder.statement? as usize));
        let is_holders = holder.zip(text).is_some_and(|(holder, text)| holder.locks_table || (!holder.is_idle && locks_table(&text.text)));
        let blame = queue.stronger().filter(|_| !is_holders).and_then(|(strong, behind)| {
            Some(Blame { mode: strong.mode?, statement: strong.statement.and_then(statement), waited: strong.waited, behind })
        });
        Convoy {
            start: queue.start(),
            end: queue.waiters.iter().map(Waiter::end).max().unwrap_or(Timestamp(0)),
            kind: queue.kind,
            waiters: u32::try_from(queue.waiters.len()).unwrap_or(u32::MAX),
            most: queue.most,
            waited: queue.waiters.iter().map(|waiter| waiter.waited).sum(),
            longest: queue.waiters.iter().map(|waiter| waiter.waited).max().unwrap_or_default(),
            blame,
            holder: holder.map(|holder| Holder {
                process: holder.process,
                statement: holder.statement.and_then(statement),
                is_idle: holder.is_idle,
            }),
            waiting,
        }
    }

    /// Sessions that queued for one lock.
    #[must_use]
    pub fn convoys(&self) -> &Convoys {
        &self.convoys
    }
}

/// What a line on a wait tells besides the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) at: Timestamp,
    pub(super) waited: Micros,
    pub(super) ended: Ended,
    pub(super) statement: Option<u32>,
}
