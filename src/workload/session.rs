//! What has to be remembered of an open session to make calls out of log lines.
//!
//! In the extended protocol a call is up to three lines, with `log_statement` and `log_duration` two; lock waits and
//! temporary files are told before the line of the call they belong to. Lines of one session always come in order.
//! State is per open session and bounded; nothing here grows with the number of calls.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::sql::tags::Tag;
use crate::sql::values::Values;
use crate::units::{Micros, Timestamp};

use super::bounds::Units;
use super::events::ErrorKind;
use super::message::Limit;
use super::pairs::Steps;
use super::parsed::{NONE, Row};
use super::plans::Untimed;
use super::turns::Line;
use super::watch::Watch;

/// An execution, as far as its lines have told.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) statement: u32,
    pub(super) ended: Timestamp,
    pub(super) parse: Micros,
    pub(super) bind: Micros,
    /// `None` if the log names the statement without a duration.
    pub(super) execute: Option<Micros>,
    /// What `auto_explain` says; counts where the log tells no duration.
    pub(super) planned: Option<Micros>,
    pub(super) origin: Origin,
    pub(super) tags: Option<Arc<TagSet>>,
    pub(super) rows: Option<u32>,
    pub(super) values: Values,
    /// The session's number of the transaction, or 0.
    pub(super) transaction: u32,
    /// Whether it is part of a unit already.
    pub(super) observed: bool,
    /// Whether it counts and its session had not run the statement before.
    pub(super) is_first: bool,
}

impl Call {
    /// What a row tells of a call, after so much parse and bind.
    pub(super) fn of(row: &Row, statement: u32, origin: Origin, tags: Option<&Arc<TagSet>>, (parse, bind): (Micros, Micros)) -> Self {
        Call {
            statement,
            ended: row.at,
            parse,
            bind,
            execute: row.took,
            planned: None,
            origin,
            tags: tags.cloned(),
            rows: Some(row.rows).filter(|&rows| rows != NONE),
            values: row.values,
            transaction: row.transaction,
            observed: false,
            is_first: false,
        }
    }

    /// Its time in the server.
    pub(super) fn server_time(&self) -> Micros {
        self.parse + self.bind + self.execute.unwrap_or_default()
    }
}

/// The tags of a statement's comments.
#[derive(Debug)]
pub(super) struct TagSet {
    pub(super) tags: Vec<Tag>,
    /// The group they put the call in, if calls are grouped by a tag.
    pub(super) group: Option<u32>,
    /// A hash of the request's id, if one is named.
    pub(super) request: Option<u64>,
    /// The code that sent it, if it is named.
    pub(super) endpoint: Option<Arc<str>>,
}

/// Who ran it, in numbers of the workload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) session: u32,
    pub(super) names: u32,
    pub(super) group: u32,
    pub(super) passes: bool,
}

impl Origin {
    /// Nobody yet.
    pub(super) const UNKNOWN: Self = Origin { session: NONE, names: NONE, group: NONE, passes: false };
}

/// Parse and bind of a statement that is not executed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) statement: u32,
    pub(super) parse: Micros,
    pub(super) bind: Micros,
}

/// Lines whose step is said in a language that is not known yet; see `language`.
#[derive(Clone, Debug)]
pub(super) struct ForeignSteps {
    pub(super) call: Call,
    pub(super) portal: u32,
    pub(super) steps: Vec<(u32, Micros)>,
}

/// Why a statement failed, as far as it matters which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A limit on its time.
    Limit(Limit),
    /// A deadlock.
    Deadlock,
    /// Anything else.
    Other,
}

/// The last message of a session that a STATEMENT line may still belong to.
#[derive(Clone, Debug)]
pub(super) enum Report {
    /// An error without its statement, and its kind.
    Error(Cause, ErrorKind),
    /// A message of unknown severity.
    Unfamiliar { word: u32, at: Timestamp, deadlock: bool },
}

/// A wait for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) lock: u64,
    pub(super) waited: Micros,
    /// Whether it may turn out to have been a deadlock.
    pub(super) may_be_deadlock: bool,
}

/// More of any kind than a real session has open; the oldest is given up.
const MOST_OPEN: usize = 32;

/// In the order in which a call asks for it, from the first line of a cache on: a thousand sessions are more than the nearest
/// caches hold, so how many lines a call touches is most of what it costs.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Session {
    pub(super) active: u64,
    /// What it seldom has; nothing of it if this is `None`.
    pub(super) rare: Option<Box<Rare>>,
    /// Its rows that wait.
    pub(super) line: Line,
    pub(super) pending: Vec<Pending>,
    /// What the log calls it; 0 if it calls it nothing.
    pub(super) key: u64,
    /// What it is doing.
    pub(super) units: Option<Box<Units>>,
    /// A number that no other session has.
    pub(super) number: u64,
    /// The statements it has run.
    pub(super) ran: Ran,
    /// What it does with transactions.
    pub(super) watch: Watch,
    /// What it looked for last.
    pub(super) steps: Steps,
}

/// What is remembered of sessions of which the log tells more, or otherwise, than the duration of each call.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// A statement that `log_statement` announced and whose duration may follow.
    pub(super) announced: Option<Call>,
    /// Durations without text that no announced statement has claimed: parse and bind of the next.
    pub(super) bare: Vec<Micros>,
    /// Locks waited for, of the call that is running.
    pub(super) waits: Vec<Wait>,
    /// Temporary files and bytes of the call that is running.
    pub(super) temp_files: (u64, u64),
    /// Calls whose portal may be fetched from again.
    pub(super) portals: Vec<(u32, Call)>,
    pub(super) foreign: Option<ForeignSteps>,
    pub(super) report: Option<Report>,
    /// The statement that failed last, until the next one.
    pub(super) failed: Option<u32>,
    /// The statements of which there were plans without a call.
    pub(super) planned: HashSet<u32, FixedState>,
    /// The last calls that were counted without a duration.
    pub(super) untimed: Vec<Untimed>,
}

/// Which statements a session has run: a bit for each of the first, which most are, and the rest one by one.
#[derive(Debug, Default)]
pub(super) struct Ran {
    first: Vec<u64>,
    others: HashSet<u32, FixedState>,
}

/// So many statements have a bit.
const FIRST: u32 = 1 << 12;

impl Ran {
    /// Adds a statement; whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, statement: u32) -> bool {
        if statement >= FIRST {
            return self.others.insert(statement);
        }
        let (word, bit) = (statement as usize / 64, 1 << (statement % 64));
        if word >= self.first.len() {
            self.first.resize(word + 1, 0);
        }
        let is_new = self.first[word] & bit == 0;
        self.first[word] |= bit;
        is_new
    }

    pub(super) fn contains(&self, statement: u32) -> bool {
        match self.first.get(statement as usize / 64) {
            Some(word) => word & 1 << (statement % 64) != 0,
            None => self.others.contains(&statement),
        }
    }
}

impl Session {
    /// Whether nothing is remembered of it, now that the next step of a statement comes, but parse and bind.
    #[inline]
    pub(super) fn is_plain(&mut self) -> bool {
        self.rare.is_none() || self.rare.take_if(|rare| rare.is_empty()).is_some()
    }

    /// What it seldom has, to add to it.
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn pending(&mut self, statement: u32) -> &mut Pending {
        let at = self.pending.iter().position(|p| p.statement == statement).unwrap_or_else(|| {
            if self.pending.len() >= MOST_OPEN {
                self.pending.remove(0);
            }
            self.pending.push(Pending { statement, parse: Micros(0), bind: Micros(0) });
            self.pending.len() - 1
        });
        &mut self.pending[at]
    }

    /// Takes the parse and bind that led to an execution.
    pub(super) fn take_pending(&mut self, statement: u32) -> (Micros, Micros) {
        match self.pending.iter().position(|p| p.statement == statement) {
            Some(at) => {
                let pending = self.pending.swap_remove(at);
                (pending.parse, pending.bind)
            }
            None => (Micros(0), Micros(0)),
        }
    }

    /// Takes the statement that was announced, if one was.
    pub(super) fn take_announced(&mut self) -> Option<Call> {
        self.rare.as_mut().and_then(|rare| rare.announced.take())
    }

    /// Takes the time waited for locks by the call that is running.
    pub(super) fn take_waits(&mut self) -> Micros {
        self.rare.as_mut().map_or(Micros(0), |rare| rare.take_waits())
    }

    /// Takes the temporary files of the call that is running, and their bytes.
    pub(super) fn take_temp_files(&mut self) -> (u64, u64) {
        self.rare.as_mut().map_or((0, 0), |rare| std::mem::take(&mut rare.temp_files))
    }

    /// Whether lines are still to come of something that it has begun.
    pub(super) fn holds(&self) -> bool {
        !self.pending.is_empty() || self.rare.as_ref().is_some_and(|rare| rare.holds())
    }

    /// Forgets what led to a call that failed.
    pub(super) fn abort(&mut self) {
        self.pending.clear();
        if let Some(rare) = &mut self.rare {
            rare.bare.clear();
            rare.announced = None;
        }
    }
}

impl Rare {
    /// Takes bare durations as parse and bind of an announced execution: the last two before it.
    pub(super) fn take_bare(&mut self) -> (Micros, Micros) {
        let taken = match self.bare.as_slice() {
            [] => (Micros(0), Micros(0)),
            [bind] => (Micros(0), *bind),
            [.., parse, bind] => (*parse, *bind),
        };
        self.bare.clear();
        taken
    }

    pub(super) fn push_bare(&mut self, took: Micros) {
        if self.bare.len() >= MOST_OPEN {
            self.bare.clear();
        }
        self.bare.push(took);
    }

    /// Opens a portal; answers the call it displaces, of the same name or the oldest of too many.
    pub(super) fn open_portal(&mut self, portal: u32, call: Call) -> Option<Call> {
        let same = self.portals.iter().position(|(name, _)| *name == portal);
        let displaced = same.or_else(|| (self.portals.len() >= MOST_OPEN).then_some(0)).map(|at| self.portals.remove(at).1);
        self.portals.push((portal, call));
        displaced
    }

    /// A plan that comes now is not that of an earlier call without a duration.
    pub(super) fn forget_untimed(&mut self, statement: u32) {
        if !self.untimed.is_empty() {
            self.untimed.retain(|call| call.statement != statement);
        }
    }

    /// Takes the time waited for locks by the call that is running.
    pub(super) fn take_waits(&mut self) -> Micros {
        self.waits.drain(..).map(|wait| wait.waited).sum()
    }

    /// Whether there is nothing in it that the next step of a statement asks for; what failed is over with that.
    fn is_empty(&self) -> bool {
        !self.holds() && self.untimed.is_empty() && self.planned.is_empty()
    }

    fn holds(&self) -> bool {
        let waits = !self.waits.is_empty() || self.temp_files.0 > 0;
        let calls = !self.bare.is_empty() || !self.portals.is_empty();
        calls || waits || self.announced.is_some() || self.foreign.is_some()
    }
}

/// The open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_key: HashMap<(u32, u64), u32, FixedState>,
    /// The last opened of each process.
    by_process: HashMap<(u32, u32), u32, FixedState>,
    slots: Vec<Session>,
    free: Vec<u32>,
    opened: u64,
    clock: u64,
    /// The log calls one session something.
    told: bool,
}

/// A process number is the low half of what a log calls a session.
pub(super) fn process(session: u64) -> u32 {
    u32::try_from(session & u64::from(u32::MAX)).unwrap_or(0)
}

/// Sessions of a log that tells no disconnections are given up when there are more; the least active first.
pub const MOST_SESSIONS: usize = 1 << 16;

impl Sessions {
    /// The slot of a session of a server.
    pub(super) fn slot(&mut self, server: u32, session: u64) -> u32 {
        match self.by_key.get(&(server, session)) {
            Some(&slot) => slot,
            None => self.open(server, session),
        }
    }

    /// The slot of a process of a server; the last opened if several sessions had its number.
    pub(super) fn by_process(&self, server: u32, process: u32) -> Option<u32> {
        self.by_process.get(&(server, process)).copied()
    }

    /// Notes that a session did something, so that it is not given up before others.
    #[inline]
    pub(super) fn touch(&mut self, slot: u32) {
        self.clock += 1;
        self.slots[slot as usize].active = self.clock;
    }

    /// Whether the log tells sessions apart.
    pub(super) fn is_told(&self) -> bool {
        self.told || self.opened == 0
    }

    /// Adds that another log told sessions apart.
    pub(super) fn merge(&mut self, other: &Sessions) {
        self.add(other.opened, other.told);
    }

    /// Adds so many sessions of another log, and whether it told them apart.
    pub(super) fn add(&mut self, opened: u64, told: bool) {
        self.opened = self.opened.saturating_add(opened);
        self.told |= told;
    }

    /// How many sessions there were, as far as the log tells them apart.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether the log calls one session something.
    pub(super) fn tells(&self) -> bool {
        self.told
    }

    /// Whether a session is new and one too many.
    pub(super) fn has_no_room(&self, server: u32, session: u64) -> bool {
        self.by_key.len() >= MOST_SESSIONS && !self.by_key.contains_key(&(server, session))
    }

    fn open(&mut self, server: u32, session: u64) -> u32 {
        self.opened += 1;
        self.told |= session != 0;
        let fresh = Session { number: self.opened, key: session, ..Session::default() };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = fresh;
                slot
            }
            None => {
                self.slots.push(fresh);
                u32::try_from(self.slots.len() - 1).expect("bounded by MOST_SESSIONS")
            }
        };
        self.by_key.insert((server, session), slot);
        self.by_process.insert((server, process(session)), slot);
        slot
    }

    pub(super) fn get(&mut self, slot: u32) -> &mut Session {
        &mut self.slots[slot as usize]
    }

    /// Begins a session anew in its slot, because its process number was given to another.
    pub(super) fn renew(&mut self, slot: u32) -> Session {
        self.opened += 1;
        let key = self.get(slot).key;
        let fresh = Session { number: self.opened, key, active: self.clock, ..Session::default() };
        std::mem::replace(self.get(slot), fresh)
    }

    /// The slots that must be given up now because there are too many: half of all, the least active.
    pub(super) fn surplus(&mut self) -> Vec<u32> {
        let mut open: Vec<(u64, (u32, u64), u32)> =
            self.by_key.iter().map(|(&key, &slot)| (self.slots[slot as usize].active, key, slot)).collect();
        open.sort_unstable();
        open.truncate(MOST_SESSIONS / 2);
        for (_, key, slot) in &open {
            self.by_key.remove(key);
            let process = (key.0, process(key.1));
            if self.by_process.get(&process) == Some(slot) {
                self.by_process.remove(&process);
            }
            self.free.push(*slot);
        }
        open.into_iter().map(|(.., slot)| slot).collect()
    }

    /// Every slot, for the end of the log.
    pub(super) fn all(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.slots.len()).expect("bounded by MOST_SESSIONS")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_that_of_its_last_session() {
        let mut sessions = Sessions::default();
        let (first, second) = (sessions.slot(0, 0x1_0000_0007), sessions.slot(0, 0x2_0000_0007));
        let (other, short) = (sessions.slot(1, 0x3_0000_0007), sessions.slot(0, 8));
        assert!(first != second);
        assert_eq!(
            (sessions.by_process(0, 7), sessions.by_process(1, 7), sessions.by_process(0, 8)),
            (Some(second), Some(other), Some(short))
        );
        assert_eq!(sessions.by_process(1, 8), None);
        // All are less active than the half that is given up.
        sessions.surplus();
        assert_eq!(sessions.by_process(0, 7), None);
        let again = sessions.slot(0, 0x4_0000_0007);
        assert_eq!(sessions.by_process(0, 7), Some(again));
    }
}
