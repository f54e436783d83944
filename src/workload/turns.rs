//! Rows that wait until each session takes all of its own at once.
//!
//! What a session does is judged by its own memory only, and of a thousand sessions that is more than the nearest caches hold.
//! Rows of many sessions come mixed, so steps of statements wait until something else comes, until there are enough of them,
//! or until the block ends; then each session takes its own in turn, while its memory is near. What they come to is put
//! together in the order of the log: the result is the same as if none had waited, and for any size of blocks.

use crate::event::Step;
use crate::units::Micros;

use super::Workload;
use super::fold::Block;
use super::observer::Meaning;
use super::parsed::{NONE, Parsed, Row, RowKind};
use super::session::{Call, Origin};

/// A row that waits.
#[derive(Debug)]
struct Turn {
    /// Its place in the block.
    row: u32,
    step: Step,
    statement: u32,
    /// The next one of its session, or [`NONE`].
    next: u32,
    /// The call that it completed, or [`NONE`].
    call: u32,
    /// Whether calls of the statement count.
    counts: bool,
}

/// A call that is part of its session's units already, but of nothing else.
#[derive(Debug)]
struct Seen {
    call: Call,
    /// What the log calls its session.
    key: u64,
    counts: bool,
    meaning: Meaning,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rows: Vec<Turn>,
    /// The sessions that have rows waiting.
    sessions: Vec<u32>,
    calls: Vec<Seen>,
}

/// No more rows wait: their calls should stay in the caches until they are put together.
const MOST: usize = 1 << 12;

/// The rows of a session that wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// The first and the last, or [`NONE`].
    first: u32,
    last: u32,
}

impl Default for Line {
    fn default() -> Self {
        Line { first: NONE, last: NONE }
    }
}

/// What rows of a block have ended, to be kept in their order.
#[derive(Debug)]
pub(super) struct InOrder<T> {
    /// The row at hand.
    pub(super) row: u32,
    ended: Vec<(u32, T)>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        InOrder { row: 0, ended: Vec::new() }
    }
}

impl<T> InOrder<T> {
    /// Adds what the row at hand has ended.
    pub(super) fn push(&mut self, ended: T) {
        self.ended.push((self.row, ended));
    }

    /// Takes everything, in the order of the rows.
    pub(super) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        let mut ended = std::mem::take(&mut self.ended);
        ended.sort_by_key(|(row, _)| *row);
        ended.into_iter().map(|(_, ended)| ended)
    }
}

impl Turns {
    /// Lets a row wait, of the session in a slot.
    #[inline]
    fn add(&mut self, slot: u32, line: &mut Line, turn: Turn) {
        let place = u32::try_from(self.rows.len()).unwrap_or(NONE);
        match self.rows.get_mut(line.last as usize) {
            Some(last) => last.next = place,
            None => {
                self.sessions.push(slot);
                line.first = place;
            }
        }
        line.last = place;
        self.rows.push(turn);
    }
}

/// The step of a row that may wait: one that is known, with a duration, of no portal that may be fetched from again.
fn plain_step(row: &Row) -> Option<(Step, Micros)> {
    match (row.kind, row.took) {
        (RowKind::Step(step @ (Step::Simple | Step::Parse | Step::Bind | Step::Execute)), Some(took)) if row.portal == NONE => {
            Some((step, took))
        }
        _ => None,
    }
}

impl Workload {
    /// Lets a row wait for its session's turn, if it may; whether it does.
    #[inline]
    pub(super) fn awaits_turn(&mut self, place: usize, origin: Origin, parsed: &Parsed, block: &mut Block) -> bool {
        let (row, slot) = (&parsed.rows[place], origin.session);
        let Some((step, took)) = plain_step(row).filter(|_| self.sessions.get(slot).is_plain()) else { return false };
        let Some(met) = self.met(row.statement, parsed, block).filter(|met| !met.is_about_locks) else { return false };
        self.timed(took);
        let is_call = matches!(step, Step::Simple | Step::Execute);
        if is_call && origin.passes && self.rules.filter.passes_time(row.at) {
            self.learn_before_call(row.statement, block);
        }
        let row = u32::try_from(place).unwrap_or(NONE);
        let turn = Turn { row, step, statement: met.number, next: NONE, call: NONE, counts: met.passes };
        self.turns.add(slot, &mut self.sessions.get(slot).line, turn);
        if self.turns.rows.len() >= MOST {
            self.take_turns(parsed, block);
        }
        true
    }

    /// Every session that has rows waiting takes them, and what they come to is put together in the order of the log.
    pub(super) fn take_turns(&mut self, parsed: &Parsed, block: &Block) {
        if self.turns.rows.is_empty() {
            return;
        }
        let mut turns = std::mem::take(&mut self.turns);
        for &session in &turns.sessions {
            self.take_own(session, &mut turns.rows, &mut turns.calls, (parsed, block));
        }
        for turn in &turns.rows {
            if let Some(seen) = turns.calls.get_mut(turn.call as usize) {
                self.put_together(seen);
            }
        }
        turns.rows.clear();
        turns.sessions.clear();
        turns.calls.clear();
        self.turns = turns;
        self.keep_rare();
    }

    fn take_own(&mut self, slot: u32, turns: &mut [Turn], calls: &mut Vec<Seen>, (parsed, block): (&Parsed, &Block)) {
        let (session, mut observer) = self.observer(slot);
        let mut place = std::mem::take(&mut session.line).first;
        while let Some(turn) = turns.get_mut(place as usize) {
            place = turn.next;
            let row = &parsed.rows[turn.row as usize];
            let (took, origin) = (row.took.unwrap_or_default(), block.origin(row.person));
            let (parse, bind) = match turn.step {
                Step::Parse => {
                    session.pending(turn.statement).parse += took;
                    continue;
                }
                Step::Bind => {
                    session.pending(turn.statement).bind += took;
                    continue;
                }
                Step::Execute => {
                    let (parse, bind) = session.take_pending(turn.statement);
                    observer.wholeness.executed(took.0, bind.0);
                    (parse, bind)
                }
                _ => (Micros(0), Micros(0)),
            };
            observer.completed();
            let mut call = Call::of(row, turn.statement, origin, block.tags.get(row.tags as usize), (parse, bind));
            if !observer.rules.filter.passes_call(&call) {
                continue;
            }
            call.is_first = turn.counts && session.ran.insert(call.statement);
            observer.at(turn.row);
            let meaning = observer.observe(session, &call);
            turn.call = u32::try_from(calls.len()).unwrap_or(NONE);
            calls.push(Seen { call, key: session.key, counts: turn.counts, meaning });
        }
    }

    /// Makes a call that its session has taken a part of what several sessions do, and of its statement.
    fn put_together(&mut self, seen: &mut Seen) {
        if !seen.meaning.is_nothing() {
            self.observed(&seen.call, seen.key, std::mem::take(&mut seen.meaning));
        }
        if seen.counts {
            self.count(&seen.call, Micros(0));
        }
    }

    /// Keeps what the rows so far have ended, where it depends on their order what is kept.
    pub(super) fn keep_rare(&mut self) {
        self.keep_pairs();
        self.tally.settle();
    }
}
