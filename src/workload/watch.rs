//! What a session does with its transactions, watched call by call.
//!
//! One transaction is open at most, so the state is small and of one size. What it came to is handed to [`Tally`], which only
//! looks twice at what stands out. A session also remembers what it ran last, because others may wait for it.

use crate::sql::outline::Role;
use crate::units::{Micros, Timestamp};

use super::parsed::NONE;
use super::run::Occurrence;
use super::transactions::{Close, Tally};
use super::visits::Visit;
use super::wholeness::Wholeness;

/// What a statement means for the transaction it is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bearing {
    turn: Turn,
    /// Whether it does work on rows.
    works: bool,
    /// Whether it takes locks that others wait for until the transaction ends.
    locks: bool,
    /// Whether it locks a whole table.
    locks_table: bool,
    /// Whether transactions with it are long on purpose: a dump, a cursor, a lock that stands for a role.
    is_patient: bool,
    /// Whether it may limit how long the session waits for locks.
    limits_locks: bool,
}

/// Where a statement takes a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Stays,
    Begins,
    Ends,
    /// Out of one transaction into the next.
    Chains,
}

/// First words of statements that lock a table.
const LOCKING: [&str; 9] = ["alter ", "cluster", "comment ", "create ", "drop ", "lock ", "refresh ", "reindex ", "truncate "];

/// Whether a normalised statement locks a table, or more.
pub(super) fn locks_table(text: &str) -> bool {
    LOCKING.iter().any(|word| text.starts_with(word))
}

impl Bearing {
    /// By the words of a normalised text.
    pub(super) fn of(text: &str, role: Role) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        let rows = has(&[" for update", " for no key update", " for share", " for key share"]);
        Bearing {
            turn: turn(text),
            works: role.works(),
            locks: role.writes() || rows || locks_table(text),
            locks_table: locks_table(text),
            is_patient: starts(&["copy ", "declare ", "fetch ", "move "]) || has(&["pg_advisory_", "pg_try_advisory_"]),
            limits_locks: has(&["lock_timeout", "set_config"]),
        }
    }
}

impl Bearing {
    /// Whether it locks a whole table.
    pub(super) fn locks_table(self) -> bool {
        self.locks_table
    }

    /// Whether it may limit how long the session waits for locks.
    pub(super) fn limits_locks(self) -> bool {
        self.limits_locks
    }

    /// Whether it is either of the two.
    pub(super) fn is_about_locks(self) -> bool {
        self.locks_table || self.limits_locks
    }
}

/// One line may hold several statements: what the last of them that matters does is what becomes of the session.
fn turn(text: &str) -> Turn {
    // The body of a function has a BEGIN and an END of its own.
    if text.starts_with("create ") {
        return Turn::Stays;
    }
    let mut turn = Turn::Stays;
    for piece in text.split(';').map(str::trim) {
        let is =
            |verbs: &[&str]| verbs.iter().any(|verb| piece.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
        let begins = is(&["begin", "start transaction"]) || piece.ends_with(" and chain");
        let ends =
            is(&["commit", "rollback", "end", "abort", "prepare transaction"]) && !piece.contains(" to ") && !piece.contains(" prepared ");
        turn = match (turn, begins, ends) {
            (Turn::Ends | Turn::Chains, true, _) | (Turn::Stays, true, true) => Turn::Chains,
            (_, true, _) => Turn::Begins,
            (Turn::Begins, false, true) => Turn::Stays,
            (_, false, true) => Turn::Ends,
            (turn, false, false) => turn,
        };
    }
    turn
}

/// A transaction that is open.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) began: Timestamp,
    /// The first statement that works on rows, or [`NONE`].
    pub(super) first: u32,
    pub(super) works: u32,
    pub(super) statements: u32,
    /// The time of its statements in the server.
    pub(super) server: Micros,
    /// Statements that failed, and the time before them, in which they may have run.
    pub(super) failures: u32,
    pub(super) failing: Micros,
    /// The longest time without a statement, and the statement before it.
    pub(super) idle: Micros,
    pub(super) after: u32,
    /// What BEGIN and COMMIT took, with the time between them and their neighbours.
    pub(super) frame: Micros,
    pub(super) locks: bool,
    /// The last statement that locked a whole table, or [`NONE`].
    locker: u32,
    /// The first that did, and since when it had its lock.
    pub(super) changed: Option<(u32, Timestamp)>,
    pub(super) is_patient: bool,
    pub(super) names: u32,
}

impl Open {
    fn begun(began: Timestamp, names: u32) -> Self {
        let zero = Micros(0);
        Open {
            began,
            first: NONE,
            works: 0,
            statements: 0,
            server: zero,
            failures: 0,
            failing: zero,
            idle: zero,
            after: NONE,
            frame: zero,
            locks: false,
            locker: NONE,
            changed: None,
            is_patient: false,
            names,
        }
    }
}

/// Transactions that stand close together, of one working statement each.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) names: u32,
    pub(super) count: u32,
    /// How often each statement came, and the frames of its transactions; what does not fit is in the last.
    pub(super) statements: Vec<(u32, u32, Micros)>,
    ended: Timestamp,
}

/// So many statements of a series are told apart.
const MOST_STATEMENTS: usize = 16;
/// A second in microseconds.
const SECOND: i64 = 1_000_000;
/// Transactions up to so far apart make a series, in microseconds.
const SERIES_GAP: i64 = 50_000;

impl Series {
    fn add(&mut self, open: &Open, ended: Timestamp) {
        self.names = open.names;
        self.count += 1;
        self.ended = ended;
        let known = self.statements.iter().position(|(statement, ..)| *statement == open.first);
        if known.is_none() && self.statements.len() < MOST_STATEMENTS {
            self.statements.push((open.first, 1, open.frame));
        } else if let Some((_, count, frame)) = self.statements.get_mut(known.unwrap_or(MOST_STATEMENTS - 1)) {
            (*count, *frame) = (*count + 1, *frame + open.frame);
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Watch {
    /// Its connection, if the log tells when it was received.
    pub(super) visit: Option<Box<Visit>>,
    /// Calls so far.
    pub(super) calls: u32,
    /// The statement that it ran last, or [`NONE`].
    pub(super) last: u32,
    /// When something was last heard of it.
    pub(super) ended: Timestamp,
    /// How long the last call took is not known.
    is_vague: bool,
    /// Times are finer than seconds.
    is_fine: bool,
    /// Others wait for it, or it waits; the next statement of it whose line comes is what is asked for.
    pub(super) matters: bool,
    /// The session has limited how long it waits for locks.
    pub(super) is_limited: bool,
    pub(super) open: Option<Open>,
    series: Series,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            visit: None,
            calls: 0,
            last: NONE,
            ended: Timestamp(i64::MIN),
            is_vague: false,
            is_fine: false,
            matters: false,
            is_limited: false,
            open: None,
            series: Series::default(),
        }
    }
}

impl Watch {
    /// A call came to its end.
    pub(super) fn saw(&mut self, call: &Occurrence, bearing: Bearing, names: u32, tally: &mut Tally) {
        self.calls = self.calls.saturating_add(1);
        self.is_fine = self.is_fine || call.end.0 % SECOND != 0;
        if let Some(open) = &mut self.open {
            let gap = call.start().0.saturating_sub(self.ended.0).max(0);
            // In whole seconds one second may be none.
            let is_told = !self.is_vague && (self.is_fine || gap > SECOND);
            let gap = if is_told { Micros(u64::try_from(gap).unwrap_or(0)) } else { Micros(0) };
            if gap > open.idle {
                (open.idle, open.after) = (gap, self.last);
            }
            if bearing.turn != Turn::Stays || open.works == 0 {
                open.frame += gap;
            }
            open.statements += 1;
            open.server += call.exec;
            open.locks |= bearing.locks;
            if bearing.locks_table {
                open.locker = call.statement;
            }
            open.is_patient |= bearing.is_patient;
            if bearing.works {
                if open.works == 0 {
                    (open.first, open.names) = (call.statement, names);
                }
                open.works += 1;
            }
        } else if bearing.works && self.series.count > 0 {
            self.end_series(tally);
        }
        if bearing.turn != Turn::Stays {
            self.turned(call, bearing.turn, names, tally);
        }
        self.last = call.statement;
        self.ended = self.ended.max(call.end);
        self.is_vague = call.exec == Micros(0);
    }

    fn turned(&mut self, call: &Occurrence, turn: Turn, names: u32, tally: &mut Tally) {
        self.weigh(turn, &mut tally.wholeness);
        if matches!(turn, Turn::Ends | Turn::Chains) {
            if let Some(open) = &mut self.open {
                open.frame += call.exec;
            }
            self.close(Some(call.end), Close::Ended, tally);
        } else if self.open.is_some() {
            // The end of the one before it was not logged.
            self.close(None, Close::Unknown, tally);
        }
        if turn == Turn::Ends {
            return;
        }
        if call.start().0.saturating_sub(self.series.ended.0) > SERIES_GAP {
            self.end_series(tally);
        }
        self.open = Some(Open { statements: 1, server: call.exec, frame: call.exec, ..Open::begun(call.start(), names) });
    }

    /// Counts whether what is begun or ended has its counterpart. One that failed may have ended with that; one without any
    /// statement was begun twice on purpose.
    fn weigh(&self, turn: Turn, whole: &mut Wholeness) {
        let is_within = self.open.as_ref().is_some_and(|open| open.failures == 0 && open.statements > 1);
        match turn {
            Turn::Begins => (whole.begins, whole.within) = (whole.begins + 1, whole.within + u64::from(is_within)),
            Turn::Ends => (whole.ends, whole.outside) = (whole.ends + 1, whole.outside + u64::from(self.open.is_none())),
            Turn::Stays | Turn::Chains => {}
        }
    }

    /// The transaction is over; `at` if it is known when it ended.
    pub(super) fn close(&mut self, at: Option<Timestamp>, how: Close, tally: &mut Tally) {
        let Some(mut open) = self.open.take() else { return };
        if let Some(at) = at.filter(|_| how != Close::Ended && !self.is_vague) {
            let gap = at.since(self.ended);
            if gap > open.idle {
                (open.idle, open.after) = (gap, self.last);
            }
        }
        tally.ended(&open, at.unwrap_or(self.ended), how);
        if self.series.names != open.names {
            self.end_series(tally);
        }
        if how == Close::Ended && open.works == 1 && self.is_fine {
            self.series.add(&open, at.unwrap_or(self.ended));
        } else {
            self.end_series(tally);
        }
    }

    /// The log ended in the middle of it.
    pub(super) fn leave_open(&self, tally: &mut Tally) {
        if let Some(open) = self.open.as_ref().filter(|_| !self.is_vague) {
            tally.stays_open(open, self.ended, self.last);
        }
    }

    fn end_series(&mut self, tally: &mut Tally) {
        if self.series.count > 0 {
            tally.series(&self.series);
            self.series.count = 0;
            self.series.statements.clear();
        }
    }

    /// The session is over, or given up.
    pub(super) fn end(&mut self, tally: &mut Tally) {
        self.close(None, Close::Unknown, tally);
        self.end_series(tally);
    }

    /// A statement failed, which had begun at some time since the one before.
    pub(super) fn failed(&mut self, at: Timestamp) {
        if let Some(open) = &mut self.open {
            open.failures += 1;
            open.failing += at.since(self.ended);
        }
        self.heard(at);
    }

    /// Something else was heard of the session, so that it did not idle until then.
    pub(super) fn heard(&mut self, at: Timestamp) {
        self.ended = self.ended.max(at);
    }

    /// Rows were fetched from a portal that is kept open, which takes the client's time.
    pub(super) fn fetched(&mut self, at: Timestamp) {
        self.heard(at);
        if let Some(open) = &mut self.open {
            open.is_patient = true;
        }
    }

    /// The server says that the session was idle in a transaction until now, whether or not its BEGIN was logged.
    pub(super) fn was_idle(&mut self, at: Timestamp, names: u32) {
        self.ended = if self.ended.0 == i64::MIN { at } else { self.ended };
        self.is_vague = false;
        let ended = self.ended;
        self.open.get_or_insert_with(|| Open::begun(ended, names));
    }

    /// What others may wait for if they wait for the session.
    pub(super) fn state(&self) -> State {
        let known = |statement: u32| Some(statement).filter(|&statement| statement != NONE);
        let locker = self.open.as_ref().and_then(|open| known(open.locker));
        State { statement: locker.or(known(self.last)), locks_table: locker.is_some(), in_transaction: self.open.is_some() }
    }
}

/// What a session is at.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// The statement of its transaction that locked a table, or else that it ran last.
    pub(super) statement: Option<u32>,
    /// Whether it is the former.
    pub(super) locks_table: bool,
    /// Whether a transaction is open.
    pub(super) in_transaction: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_statement_takes_a_session() {
        for (text, expected) in [
            ("begin", Turn::Begins),
            ("start transaction isolation level serializable", Turn::Begins),
            ("begin;", Turn::Begins),
            ("commit", Turn::Ends),
            ("rollback to savepoint $1", Turn::Stays),
            ("rollback to $1", Turn::Stays),
            ("end", Turn::Ends),
            ("commit and chain", Turn::Chains),
            ("commit; begin", Turn::Chains),
            ("prepare transaction $1", Turn::Ends),
            ("commit prepared $1", Turn::Stays),
            ("begin; update t set a = $1; commit", Turn::Stays),
            ("update t set a = $1; commit", Turn::Ends),
            ("create function f() returns int begin atomic select $1; end", Turn::Stays),
            ("select begin from ends", Turn::Stays),
        ] {
            assert_eq!(turn(text), expected, "{text}");
        }
    }
}
