//! Loops that cross connections: one request's calls over a pool, side by side or in turn.
//!
//! Within a session nothing shows them, so those who go by the same user, database and application are watched together, one
//! statement at a time: a read by key that comes again and again with hardly anything else between, on several sessions, as
//! often as a read before it had rows. What is in a transaction or names its request is in a unit of its own and not looked
//! at. Nearness in time is all there is, so nothing found here is sure.

use crate::units::{Micros, Timestamp};

use super::bounds::Client;
use super::burst::{Bond, Class, FEWEST, Grade};
use super::loops::{Ended, Statements, Traits};
use super::run::{Occurrence, Parent};

/// Fewer sessions make no crossing.
const FEWEST_SESSIONS: usize = 3;
/// So long after its last call, or that of its parent, a loop is over; microseconds.
const LONGEST_GAP: i64 = 20_000;
const LONGEST_BEFORE: i64 = 100_000;
/// So many reads are remembered as parents.
const READS: usize = 8;
/// So many combinations of names are watched; those that came later are not.
const MOST_NAMES: usize = 1_024;
/// So many of the last loops of the same names are remembered.
const MOST_DONE: usize = 8;
/// Longer ones are cut; a pool has no more calls of one request.
const LONGEST: u32 = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    /// By the number of user, database and application.
    by_names: Vec<Together>,
    /// Loops of sessions that are part of none that crosses after all.
    released: Vec<Held>,
}

/// A session's own loop, held until it is known whether it is part of one that crosses.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ended: Ended,
    pub(super) session: u64,
    pub(super) client: Client,
}

/// What those who go by the same names do.
#[derive(Debug, Default)]
struct Together {
    /// The last reads that may be parents, the next to be overwritten at `oldest`.
    reads: [Occurrence; READS],
    oldest: usize,
    is_open: bool,
    /// Meaningful while it is open; its memory is used again and again.
    spread: Spread,
    /// Sessions' loops within it.
    held: Vec<Held>,
    /// Statement, first and last moment of the last that crossed.
    done: Vec<(u32, Timestamp, Timestamp)>,
}

/// A statement that comes again and again.
#[derive(Debug, Default)]
struct Spread {
    first: Occurrence,
    end: Timestamp,
    n: u32,
    /// Other calls since it began.
    foreign: u32,
    exec: Micros,
    longest: Micros,
    is_blind: bool,
    hashes: Vec<u32>,
    /// Sessions and their calls.
    sessions: Vec<(u64, u32)>,
    parent: Option<Parent>,
}

impl Spread {
    fn begin(&mut self, first: Occurrence, session: u64) {
        self.hashes.clear();
        self.sessions.clear();
        (self.first, self.end, self.parent) = (first, first.end, None);
        (self.n, self.foreign, self.is_blind) = (0, 0, false);
        (self.exec, self.longest) = (Micros(0), Micros(0));
        self.count(&first, session);
    }

    fn count(&mut self, occurrence: &Occurrence, session: u64) {
        self.n += 1;
        self.end = self.end.max(occurrence.end);
        self.exec += occurrence.exec;
        self.longest = self.longest.max(occurrence.exec);
        self.is_blind |= occurrence.is_blind;
        self.hashes.push(occurrence.hash);
        match self.sessions.iter_mut().find(|(known, _)| *known == session) {
            Some((_, calls)) => *calls += 1,
            None => self.sessions.push((session, 1)),
        }
    }

    /// Whether hardly anything else came between.
    fn is_pure(&self) -> bool {
        self.foreign * 5 <= self.n
    }

    /// What it comes to, if it is a loop that no session shows.
    fn ended(&mut self) -> Option<Ended> {
        let parent = self.parent.filter(|parent| parent.is_matched_by(self.n, false))?;
        self.hashes.sort_unstable();
        self.hashes.dedup();
        let most = self.sessions.iter().map(|(_, calls)| *calls).max()?;
        let distinct = u32::try_from(self.hashes.len()).unwrap_or(u32::MAX);
        let is_spread = self.sessions.len() >= FEWEST_SESSIONS && most * 10 <= self.n * 7;
        if self.is_blind || !is_spread || distinct * 10 < self.n * 9 || !self.is_pure() {
            return None;
        }
        let start = self.first.start();
        let wall = self.end.since(start).0;
        let period = wall / u64::from(self.n);
        self.sessions.sort_unstable();
        Some(Ended {
            class: Class::Reads,
            child: self.first.statement,
            parent: Some(parent.statement),
            root: Some(parent.statement),
            start,
            end: self.end,
            n: self.n,
            scale: self.n,
            values: distinct,
            bond: Bond::Segment,
            grade: if parent.relation == 2 { Grade::Medium } else { Grade::Low },
            exec: self.exec,
            waste: Micros(wall.saturating_add(self.first.exec.0).saturating_sub(self.longest.0.saturating_add(period))),
            counts: true,
            is_pipelined: false,
            sessions: self.sessions.iter().map(|(session, _)| *session).collect(),
        })
    }
}

impl Together {
    fn take(&mut self, call: &Occurrence, traits: Traits, session: u64, statements: &mut Statements<'_>, released: &mut Vec<Held>) {
        let is_by_key = traits.reads && traits.is_by_key && !call.is_batch && !call.is_paged;
        let spread = &mut self.spread;
        if self.is_open {
            let is_near = call.start().0.saturating_sub(spread.end.0) <= LONGEST_GAP && spread.n < LONGEST;
            if is_near && is_by_key && call.statement == spread.first.statement {
                spread.count(call, session);
                if spread.n == FEWEST {
                    spread.parent = Self::parent(&self.reads, &spread.first, statements);
                }
                return;
            }
            spread.foreign += 1;
            if !is_near || spread.n < FEWEST || !spread.is_pure() {
                self.end(statements, released);
            }
        }
        if traits.reads {
            self.reads[self.oldest] = *call;
            self.oldest = (self.oldest + 1) % READS;
        }
        if is_by_key && !self.is_open {
            self.is_open = true;
            self.spread.begin(*call, session);
        }
    }

    fn end(&mut self, statements: &mut Statements<'_>, released: &mut Vec<Held>) {
        if !std::mem::take(&mut self.is_open) || self.spread.n < FEWEST {
            return released.append(&mut self.held);
        }
        let Some(ended) = self.spread.ended() else { return released.append(&mut self.held) };
        self.held.clear();
        if self.done.len() >= MOST_DONE {
            self.done.remove(0);
        }
        self.done.push((ended.child, ended.start, ended.end));
        statements.ended.push(ended);
    }

    /// Takes a session's loop if it is part of one that crosses, or may be; else gives it back.
    fn hold(&mut self, held: Held) -> Option<Held> {
        let is_within = |child: u32, start: Timestamp, end: Timestamp| {
            let ended = &held.ended;
            ended.child == child && start <= ended.start && ended.end <= end
        };
        if self.done.iter().any(|&(child, start, end)| is_within(child, start, end)) {
            return None;
        }
        let spread = &self.spread;
        if self.is_open && is_within(spread.first.statement, spread.first.start(), spread.end) {
            self.held.push(held);
            return None;
        }
        Some(held)
    }

    /// The likeliest of the reads that ended shortly before a call.
    fn parent(reads: &[Occurrence; READS], first: &Occurrence, statements: &mut Statements<'_>) -> Option<Parent> {
        let mut best: Option<(u8, Timestamp, Parent)> = None;
        for read in reads {
            let before = first.start().0.saturating_sub(read.end.0);
            // Times are rounded down to milliseconds.
            if read.rows < FEWEST || read.statement == first.statement || !(-1_000..=LONGEST_BEFORE).contains(&before) {
                continue;
            }
            let relation = statements.relation(first.statement, read.statement);
            let parent = Parent { statement: read.statement, rows: read.rows, relation, distance: 0 };
            if relation > 0 && best.as_ref().is_none_or(|(known, end, _)| (relation, read.end) > (*known, *end)) {
                best = Some((relation, read.end, parent));
            }
        }
        best.map(|(.., parent)| parent)
    }
}

impl Crossings {
    /// Takes a call that is in no transaction and names no request.
    pub(super) fn take(&mut self, call: &Occurrence, traits: Traits, names: u32, session: u64, statements: &mut Statements<'_>) {
        let at = names as usize;
        if at >= self.by_names.len() {
            if at >= MOST_NAMES {
                return;
            }
            self.by_names.resize_with(at + 1, Together::default);
        }
        self.by_names[at].take(call, traits, session, statements, &mut self.released);
    }

    /// Ends what is open, by the number of its names.
    pub(super) fn end(&mut self, names: u32, statements: &mut Statements<'_>) {
        if let Some(together) = self.by_names.get_mut(names as usize) {
            together.end(statements, &mut self.released);
        }
    }

    /// Takes a session's loop if it is part of one that crosses, or may be; else gives it back.
    pub(super) fn hold(&mut self, held: Held) -> Option<Held> {
        if held.ended.bond != Bond::Segment || held.ended.class != Class::Reads || !held.ended.sessions.is_empty() {
            return Some(held);
        }
        match self.by_names.get_mut(held.client.names as usize) {
            Some(together) => together.hold(held),
            None => Some(held),
        }
    }

    /// Whether there is anything for [`Self::take_released`], which is rare and asked at each call.
    #[inline]
    pub(super) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// The sessions' loops that are part of none that crosses after all.
    pub(super) fn take_released(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.released)
    }

    /// How many names are watched.
    pub(super) fn names(&self) -> u32 {
        u32::try_from(self.by_names.len()).unwrap_or(u32::MAX)
    }
}
