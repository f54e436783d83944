//! Rows that wait until each session takes all of its own at once.
//!
//! What a session does is judged by its own memory only, and of a thousand sessions that is more than the nearest caches hold.
//! Rows of many sessions come mixed, so steps of statements wait until something else comes, or until there are enough of
//! them; then each session takes its own in turn, while its memory is near. What they come to is put together in the order of
//! the log: the result is the same as if none had waited, and for any size of blocks.

use crate::event::Step;
use crate::units::Micros;

use super::Workload;
use super::fold::Block;
use super::loops::Left;
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
pub(super) struct Seen {
    pub(super) call: Call,
    /// What the log calls its session.
    key: u64,
    /// It is in no transaction and names no request.
    pub(super) is_loose: bool,
    /// What ended with it, which is rare.
    pub(super) left: Option<Box<Left>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rows: Vec<Turn>,
    /// The first and the last row that waits of each session, or [`NONE`]; by slot.
    ends: Vec<(u32, u32)>,
    /// The sessions that have any.
    sessions: Vec<u32>,
    calls: Vec<Seen>,
}

/// No more rows wait: their calls should stay in the caches until they are put together.
const MOST: usize = 1 << 12;

impl Turns {
    /// Lets a row of a session wait; whether there are enough.
    fn add(&mut self, session: u32, turn: Turn) -> bool {
        let place = u32::try_from(self.rows.len()).unwrap_or(NONE);
        if session as usize >= self.ends.len() {
            self.ends.resize(session as usize + 1, (NONE, NONE));
        }
        let (first, last) = &mut self.ends[session as usize];
        match self.rows.get_mut(*last as usize) {
            Some(turn) => turn.next = place,
            None => {
                self.sessions.push(session);
                *first = place;
            }
        }
        *last = place;
        self.rows.push(turn);
        self.rows.len() >= MOST
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
        let row = &parsed.rows[place];
        let session = self.sessions.touch(origin.session);
        let Some((step, took)) = plain_step(row).filter(|_| session.is_plain()) else { return false };
        let Some(met) = self.met(row.statement, parsed, block).filter(|met| !met.is_about_locks) else { return false };
        self.timed(took);
        let (row, counts) = (u32::try_from(place).unwrap_or(NONE), self.passes_statement(met.number));
        let turn = Turn { row, step, statement: met.number, next: NONE, call: NONE, counts };
        if self.turns.add(origin.session, turn) {
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
            let (first, _) = std::mem::replace(&mut turns.ends[session as usize], (NONE, NONE));
            self.take_own(session, first, &mut turns.rows, &mut turns.calls, (parsed, block));
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

    fn take_own(&mut self, session: u32, first: u32, turns: &mut [Turn], calls: &mut Vec<Seen>, (parsed, block): (&Parsed, &Block)) {
        let (session, mut observer) = self.observer(session);
        let mut place = first;
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
            let (is_loose, left) = observer.observe(session, &call);
            turn.call = u32::try_from(calls.len()).unwrap_or(NONE);
            calls.push(Seen { call, key: session.key, is_loose, left });
        }
    }

    /// Makes a call that its session has taken a part of what several sessions do, and of its statement.
    fn put_together(&mut self, seen: &mut Seen) {
        self.observed(&seen.call, seen.key, seen.is_loose, seen.left.take());
        if self.passes_statement(seen.call.statement) {
            self.count(seen.call.clone(), Micros(0));
        }
    }

    /// Keeps what ended with the rows so far and what of all that is kept depends on the order of the log.
    pub(super) fn keep_rare(&mut self) {
        self.keep_pairs();
        self.tally.settle();
    }
}
