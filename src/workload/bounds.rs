//! Where one unit of a session ends and the next begins.
//!
//! A unit is, best first: what bears one request's id in its comments; a transaction, from BEGIN to COMMIT or by the number
//! that `%v` gives it; calls that stand close together. A transaction of one row each is no unit to a loop around it, so the
//! little in it is passed on to the time around.

use std::sync::Arc;

use crate::sql::outline::Role;
use crate::units::Timestamp;

use super::burst::Bond;
use super::loops::{Statements, Traits};
use super::run::Occurrence;
use super::session::TagSet;
use super::unit::Unit;

mod usual;

use usual::{SHORTEST_GAP, Usual};

/// A call, as the units of its session take it.
pub(super) struct Taken<'t> {
    pub(super) occurrence: Occurrence,
    pub(super) traits: Traits,
    /// The number of user, database and application.
    pub(super) names: u32,
    pub(super) tags: Option<&'t Arc<TagSet>>,
    /// The number of its transaction, or 0.
    pub(super) transaction: u32,
}

/// Who a session is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    /// The number of user, database and application.
    pub(super) names: u32,
    /// The code that sent its calls, where comments tell.
    pub(super) endpoint: Option<Arc<str>>,
    /// Whether there are others.
    pub(super) is_shared: bool,
}

/// The code that sent the calls of a session before one.
pub(super) enum Before {
    /// The same that sent the call.
    Same,
    /// Another one, or nobody knows which.
    Other(Option<Arc<str>>),
}

impl Before {
    /// Takes what was before the first change.
    fn changed(&mut self, endpoint: Option<Arc<str>>) {
        if let Before::Same = self {
            *self = Before::Other(endpoint);
        }
    }
}

/// A call whose unit is not known before the next one.
#[derive(Debug)]
struct Unplaced {
    occurrence: Occurrence,
    traits: Traits,
    /// The gap before it, in microseconds.
    gap: u64,
}

/// The units of a session, in the order in which a call asks for them; see [`super::session::Session`].
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Units {
    ended: Option<Timestamp>,
    /// A hash of the request's id.
    request: Option<u64>,
    endpoint: Option<Arc<str>>,
    names: u32,
    /// The transaction's number, where no BEGIN told of it, or the number of what is held.
    number: u32,
    /// How often the names have changed.
    changes: u8,
    in_transaction: bool,
    /// Times are finer than seconds.
    is_fine: bool,
    segment: Unit,
    transaction: Unit,
    /// The last different statements.
    last: [u32; RECENT],
    gaps: Usual,
    /// The gap before the transaction began, in microseconds.
    gap: u64,
    /// Statements in the segment that a transaction within it has counted; see `per_unit`.
    counted: Vec<u32>,
    /// The first call of a number: the second tells whether it is a transaction of several.
    held: Option<Unplaced>,
}

/// Whoever connects may set `application_name` once or twice; so many changes are made by others.
const SHARED: u8 = 4;

/// A statement that was among so many different ones before continues what they did.
const RECENT: usize = 3;

/// A longer gap ends a segment whatever comes next; microseconds, as all of these.
const LONGEST_GAP: u64 = 100_000;
/// One up to this does not part the last of them.
const SOON: u64 = 10_000;
/// One up to this does not part a statement from the rows it reads on.
const NEAREST: u64 = 50_000;

impl Units {
    fn bond(&self) -> Bond {
        if self.request.is_some() { Bond::Tag } else { Bond::Segment }
    }

    /// The number of the names that the session went by until now.
    pub(super) fn names(&self) -> u32 {
        self.names
    }

    /// The code that sent its last call, where comments tell.
    pub(super) fn endpoint(&self) -> Option<&Arc<str>> {
        self.endpoint.as_ref()
    }

    /// Who the session was for until now.
    pub(super) fn client(&self) -> Client {
        Client { names: self.names, endpoint: self.endpoint.clone(), is_shared: self.is_shared() }
    }

    /// Whether several clients use the session in turn, as behind a pooler that lends it for a transaction at a time.
    pub(super) fn is_shared(&self) -> bool {
        self.changes >= SHARED
    }

    /// Whether the last call was in no transaction and named no request.
    pub(super) fn is_loose(&self) -> bool {
        self.request.is_none() && !self.in_transaction
    }

    /// Ends everything that is open.
    pub(super) fn end(&mut self, statements: &mut Statements<'_>) {
        self.release(statements);
        statements.units.ended(Bond::Transaction, self.transaction.statements(), &[], self.endpoint.as_ref());
        self.transaction.end(Bond::Transaction, statements);
        self.end_segment(self.bond(), statements);
        (self.in_transaction, self.number) = (false, 0);
    }

    fn end_segment(&mut self, bond: Bond, statements: &mut Statements<'_>) {
        statements.units.ended(bond, self.segment.statements(), &self.counted, self.endpoint.as_ref());
        self.counted.clear();
        self.segment.end(bond, statements);
    }

    /// What was held is in no transaction of several calls.
    fn release(&mut self, statements: &mut Statements<'_>) {
        if let Some(held) = self.held.take() {
            self.nearby(held.occurrence, held.traits, held.gap, statements);
        }
    }

    /// Takes a call outside of BEGIN and COMMIT, whose number says whether it is in a transaction with the one before: in the
    /// extended protocol every call has a number, alone or not.
    fn numbered(&mut self, call: Unplaced, number: u32, statements: &mut Statements<'_>) {
        if number != 0 && number == self.number {
            if let Some(first) = self.held.take() {
                (self.in_transaction, self.gap) = (true, first.gap);
                self.transaction.add(first.occurrence, first.traits, Bond::Transaction, statements);
            }
            return self.transaction.add(call.occurrence, call.traits, Bond::Transaction, statements);
        }
        self.release(statements);
        self.commit(statements);
        self.number = number;
        if number == 0 {
            self.nearby(call.occurrence, call.traits, call.gap, statements);
        } else {
            self.held = Some(call);
        }
    }

    fn commit(&mut self, statements: &mut Statements<'_>) {
        self.number = 0;
        if !std::mem::take(&mut self.in_transaction) {
            return;
        }
        statements.units.ended(Bond::Transaction, self.transaction.statements(), &[], self.endpoint.as_ref());
        let mut passed_on = statements.take_passed_on();
        self.transaction.end_into(&mut passed_on, Bond::Transaction, statements);
        let mut gap = self.gap;
        for (occurrence, traits) in &passed_on {
            self.nearby(*occurrence, *traits, gap, statements);
            gap = 0;
            if !self.counted.contains(&occurrence.statement) {
                self.counted.push(occurrence.statement);
            }
        }
        statements.give_back(passed_on);
    }

    /// Adds to the segment, or begins another one.
    fn nearby(&mut self, occurrence: Occurrence, traits: Traits, gap: u64, statements: &mut Statements<'_>) {
        let again = self.last.iter().position(|&known| known == occurrence.statement);
        // The same again, or for the rows just read.
        let mut continues = || {
            let is_soon = |at| at + 1 < RECENT || gap <= SOON;
            again.is_some_and(is_soon) || (gap <= NEAREST && statements.relation(occurrence.statement, self.last[0]) == 2)
        };
        if gap > LONGEST_GAP || (gap > SHORTEST_GAP && gap > self.gaps.limit() && !continues()) {
            self.end_segment(Bond::Segment, statements);
        }
        if self.is_fine {
            self.gaps.add(gap);
        }
        // Moved one by one: for so few a rotation would copy through memory.
        let [first, second, _] = self.last;
        self.last = match again {
            Some(0) => self.last,
            Some(1) => [second, first, self.last[2]],
            _ => [occurrence.statement, first, second],
        };
        self.segment.add(occurrence, traits, Bond::Segment, statements);
    }

    /// Takes the next call of the session. Answers which code had sent the calls before it.
    pub(super) fn take(&mut self, call: Taken<'_>, statements: &mut Statements<'_>) -> Before {
        let mut before = Before::Same;
        let Taken { occurrence, traits, names, tags, transaction } = call;
        let request = tags.and_then(|tags| tags.request);
        self.changes = self.changes.saturating_add(u8::from(self.names != names && self.ended.is_some()));
        if self.names != names || (traits.role.works() && request != self.request) || traits.role == Role::Anew {
            self.end(statements);
            (self.names, self.request) = (names, if traits.role.works() { request } else { None });
            before.changed(self.endpoint.take());
        }
        self.is_fine = self.is_fine || occurrence.end.0 % 1_000_000 != 0;
        let gap = self.ended.map_or(0, |ended| occurrence.start().since(ended).0);
        // In whole seconds one second is no gap.
        let gap = if !self.is_fine && gap <= 1_000_000 { 0 } else { gap };
        self.ended = Some(occurrence.end);
        match traits.role {
            Role::Begin if self.request.is_none() => {
                self.release(statements);
                self.commit(statements);
                (self.in_transaction, self.gap, self.number) = (true, gap, 0);
            }
            Role::End => {
                self.release(statements);
                self.commit(statements);
            }
            role if role.works() => {
                let endpoint = tags.and_then(|tags| tags.endpoint.as_ref());
                let is_within = self.in_transaction || (transaction != 0 && transaction == self.number);
                if self.request.is_none() && !is_within && self.endpoint.as_ref() != endpoint {
                    self.release(statements);
                    self.end_segment(Bond::Segment, statements);
                }
                if self.endpoint.as_ref() != endpoint {
                    before.changed(std::mem::replace(&mut self.endpoint, endpoint.cloned()));
                }
                if self.request.is_some() {
                    self.segment.add(occurrence, traits, Bond::Tag, statements);
                } else if self.in_transaction && self.number == 0 {
                    self.transaction.add(occurrence, traits, Bond::Transaction, statements);
                } else {
                    self.numbered(Unplaced { occurrence, traits, gap }, transaction, statements);
                }
            }
            _ => {}
        }
        before
    }
}
