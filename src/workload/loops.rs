//! Loops in the order of the log: each session's calls are put into units, and what ends there becomes patterns.
//!
//! A unit is, best first: what bears one request's id in its comments; a transaction; calls that stand close together. A
//! transaction of one row each is no unit to a loop around it, so the little in it is passed on to the time around.

use std::sync::Arc;

use crate::sql::outline::{Outline, Role, relation};
use crate::sql::values::Values;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::burst::{self, Bond, Burst, Class, Grade, Known, Patterns};
use super::session::{Call, TagSet};
use super::unit::{Occurrence, Unit};
use super::watch::Bearing;

/// What has to be known of a statement at each of its executions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub(super) role: Role,
    pub(super) is_by_key: bool,
    pub(super) reads: bool,
    pub(super) inserts: bool,
    pub(super) values: u32,
    pub(super) bearing: Bearing,
    takes_array: bool,
    is_uncountable: bool,
}

/// A run that ended, in numbers of the workload.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) class: Class,
    pub(super) child: u32,
    pub(super) parent: Option<u32>,
    pub(super) root: Option<u32>,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) n: u32,
    pub(super) scale: u32,
    pub(super) bond: Bond,
    pub(super) grade: Grade,
    pub(super) exec: Micros,
    pub(super) waste: Micros,
    pub(super) counts: bool,
    pub(super) is_pipelined: bool,
}

/// What units ask of statements, and where they put what ended.
pub(super) struct Statements<'l> {
    known: &'l mut Vec<Option<(Traits, Arc<Outline>)>>,
    relations: &'l mut Vec<(u32, u32, u8)>,
    pub(super) ended: Vec<Ended>,
}

impl Statements<'_> {
    /// Whether two statements are first of all about the same table.
    pub(super) fn share_table(&self, a: u32, b: u32) -> bool {
        let table = |number: u32| self.known.get(number as usize).and_then(Option::as_ref).and_then(|(_, outline)| outline.table());
        table(a).is_some() && table(a) == table(b)
    }

    /// See [`relation`].
    pub(super) fn relation(&mut self, child: u32, parent: u32) -> u8 {
        if self.relations.is_empty() {
            self.relations.resize(MOST_RELATIONS, (u32::MAX, u32::MAX, 0));
        }
        let place = (child as usize * 31 + parent as usize) % MOST_RELATIONS;
        let (of, to, known) = self.relations[place];
        if (of, to) == (child, parent) {
            return known;
        }
        let outline = |number: u32| self.known.get(number as usize).and_then(Option::as_ref).map(|(_, outline)| outline);
        let found = outline(child).zip(outline(parent)).map_or(0, |(child, parent)| relation(child, parent));
        self.relations[place] = (child, parent, found);
        found
    }
}

/// So many relations are remembered at once; a newer one displaces another in its place.
const MOST_RELATIONS: usize = 1 << 13;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Loops {
    known: Vec<Option<(Traits, Arc<Outline>)>>,
    /// Child, parent and how surely.
    relations: Vec<(u32, u32, u8)>,
    pub(super) patterns: Patterns,
}

/// The units of a session.
#[derive(Debug, Default)]
pub(super) struct Units {
    segment: Unit,
    transaction: Unit,
    in_transaction: bool,
    /// The gap before the transaction began, in microseconds.
    gap: u64,
    /// A hash of the request's id.
    request: Option<u64>,
    names: u32,
    endpoint: Option<Arc<str>>,
    ended: Option<Timestamp>,
    /// The last different statements.
    last: [u32; RECENT],
    /// How many gaps there were, by the number of their binary digits.
    gaps: [u16; 17],
    /// Times are finer than seconds.
    is_fine: bool,
}

/// A statement that was among so many different ones before continues what they did.
const RECENT: usize = 3;

/// A longer gap ends a segment whatever comes next; microseconds, as all of these.
const LONGEST_GAP: u64 = 100_000;
/// One up to this does not part the last of them.
const SOON: u64 = 10_000;
/// One up to this does not part a statement from the rows it reads on.
const NEAREST: u64 = 50_000;
/// A shorter one ends none.
const SHORTEST_GAP: u64 = 2_000;
/// The median of gaps says no more than this.
const USUAL_GAP: u64 = 50_000;

impl Units {
    /// How long a gap must be to end a segment.
    fn limit(&self) -> u64 {
        let all: u32 = self.gaps.iter().map(|&count| u32::from(count)).sum();
        let mut seen = 0;
        let digits = self.gaps.iter().position(|&count| {
            seen += u32::from(count);
            seen * 2 >= all
        });
        let median = 1_u64 << digits.unwrap_or(0) >> 1;
        (8 * median).clamp(SHORTEST_GAP, USUAL_GAP)
    }

    fn saw_gap(&mut self, gap: u64) {
        let digits = (u64::BITS - gap.leading_zeros()).min(16) as usize;
        self.gaps[digits] += 1;
        if self.gaps[digits] >= 1 << 10 {
            self.gaps.iter_mut().for_each(|count| *count /= 2);
        }
    }

    fn bond(&self) -> Bond {
        if self.request.is_some() { Bond::Tag } else { Bond::Segment }
    }

    /// Ends everything that is open.
    fn end(&mut self, statements: &mut Statements<'_>) {
        self.transaction.end(Bond::Transaction, statements);
        let bond = self.bond();
        self.segment.end(bond, statements);
        self.in_transaction = false;
    }

    fn commit(&mut self, statements: &mut Statements<'_>) {
        if !std::mem::take(&mut self.in_transaction) {
            return;
        }
        let mut gap = self.gap;
        for (occurrence, traits) in self.transaction.end_into(Bond::Transaction, statements) {
            self.nearby(occurrence, traits, gap, statements);
            gap = 0;
        }
    }

    /// Adds to the segment, or begins another one.
    fn nearby(&mut self, occurrence: Occurrence, traits: Traits, gap: u64, statements: &mut Statements<'_>) {
        // The same again, or for the rows just read.
        let mut continues = || {
            let again = self.last.iter().position(|&known| known == occurrence.statement);
            let is_soon = |at| at + 1 < RECENT || gap <= SOON;
            again.is_some_and(is_soon) || (gap <= NEAREST && statements.relation(occurrence.statement, self.last[0]) == 2)
        };
        if gap > LONGEST_GAP || (gap > SHORTEST_GAP && !continues() && gap > self.limit()) {
            self.segment.end(Bond::Segment, statements);
        }
        if self.is_fine {
            self.saw_gap(gap);
        }
        let known = self.last.iter().position(|&known| known == occurrence.statement).unwrap_or(RECENT - 1);
        self.last[..=known].rotate_right(1);
        self.last[0] = occurrence.statement;
        self.segment.add(occurrence, traits, Bond::Segment, statements);
    }

    fn take(&mut self, occurrence: Occurrence, traits: Traits, names: u32, tags: Option<&Arc<TagSet>>, statements: &mut Statements<'_>) {
        let request = tags.and_then(|tags| tags.request);
        if self.names != names || (traits.role.works() && request != self.request) || traits.role == Role::Anew {
            self.end(statements);
            (self.names, self.request, self.endpoint) = (names, if traits.role.works() { request } else { None }, None);
        }
        self.is_fine = self.is_fine || occurrence.end.0 % 1_000_000 != 0;
        let gap = self.ended.map_or(0, |ended| u64::try_from(occurrence.start.0 - ended.0).unwrap_or(0));
        // In whole seconds one second is no gap.
        let gap = if !self.is_fine && gap <= 1_000_000 { 0 } else { gap };
        self.ended = Some(occurrence.end);
        match traits.role {
            Role::Begin if self.request.is_none() => {
                self.commit(statements);
                (self.in_transaction, self.gap) = (true, gap);
            }
            Role::End => self.commit(statements),
            role if role.works() => {
                let endpoint = tags.and_then(|tags| tags.endpoint.as_ref());
                if self.request.is_none() && !self.in_transaction && self.endpoint.as_ref() != endpoint {
                    self.segment.end(Bond::Segment, statements);
                }
                if self.endpoint.as_ref() != endpoint {
                    self.endpoint = endpoint.cloned();
                }
                if self.request.is_some() {
                    self.segment.add(occurrence, traits, Bond::Tag, statements);
                } else if self.in_transaction {
                    self.transaction.add(occurrence, traits, Bond::Transaction, statements);
                } else {
                    self.nearby(occurrence, traits, gap, statements);
                }
            }
            _ => {}
        }
    }
}

impl Loops {
    fn traits(&mut self, statement: u32, text: &str) -> Traits {
        let at = statement as usize;
        if at >= self.known.len() {
            self.known.resize(at + 1, None);
        }
        let known = self.known[at].get_or_insert_with(|| {
            let outline = Outline::of(text);
            let traits = Traits {
                role: outline.role,
                is_by_key: outline.is_by_key(),
                reads: outline.role == Role::Read,
                inserts: outline.role == Role::Insert,
                values: outline.values,
                bearing: Bearing::of(text, outline.role),
                takes_array: outline.takes_array,
                is_uncountable: outline.is_uncountable,
            };
            (traits, Arc::new(outline))
        });
        known.0
    }
}

impl Traits {
    /// Whether an execution was for several keys at once.
    fn is_batch(self, values: Values) -> bool {
        (!self.is_uncountable && values.count() > self.values) || (self.takes_array && values.has_list())
    }

    fn is_blind(self, values: Values) -> bool {
        !values.is_bound() && values.count() < self.values
    }
}

impl Workload {
    /// A call is part of a unit of its session.
    pub(super) fn observe(&mut self, call: &Call) {
        if self.rules.without_findings {
            return;
        }
        if !call.origin.passes || !self.rules.filter.passes_time(call.ended) {
            return;
        }
        let traits = self.loops.traits(call.statement, &self.statements[call.statement as usize].text);
        let session = self.sessions.get(call.origin.session);
        if session.key == 0 {
            return;
        }
        let exec = call.parse + call.bind + call.execute.unwrap_or_default();
        let rows = call.rows.map_or(u32::from(call.values.limit), |rows| u32::try_from(rows).unwrap_or(u32::MAX));
        let occurrence = Occurrence {
            statement: call.statement,
            start: Timestamp(call.ended.0 - i64::try_from(exec.0).unwrap_or(0)),
            end: call.ended,
            exec,
            hash: call.values.hash,
            rows,
            is_batch: traits.is_batch(call.values),
            is_blind: traits.is_blind(call.values),
            is_paged: call.values.is_paged(),
            ..Occurrence::default()
        };
        self.tally.session = session.key;
        if std::mem::take(&mut session.watch.matters) {
            self.queues.session_ran(session.number, call.statement, occurrence.start, occurrence.end);
        }
        session.watch.saw(&occurrence, traits.bearing, call.origin.names, &mut self.tally);
        let mut units = session.units.take().unwrap_or_default();
        let before = (units.names, units.endpoint.clone());
        let mut statements = Statements { known: &mut self.loops.known, relations: &mut self.loops.relations, ended: Vec::new() };
        units.take(occurrence, traits, call.origin.names, call.tags.as_ref(), &mut statements);
        let ended = statements.ended;
        self.sessions.get(call.origin.session).units = Some(units);
        self.keep(ended, call.origin.session, before);
    }

    /// The units of a session end with it.
    pub(super) fn end_units(&mut self, slot: u32) {
        let Some(mut units) = self.sessions.get(slot).units.take() else { return };
        let before = (units.names, units.endpoint.clone());
        let mut statements = Statements { known: &mut self.loops.known, relations: &mut self.loops.relations, ended: Vec::new() };
        units.end(&mut statements);
        let ended = statements.ended;
        self.keep(ended, slot, before);
    }

    fn keep(&mut self, all: Vec<Ended>, slot: u32, (names, endpoint): (u32, Option<Arc<str>>)) {
        if all.is_empty() {
            return;
        }
        let session = self.sessions.get(slot).key;
        let names = self.names.get(names as usize).and_then(|names| names.application.as_deref());
        let application = names.map(|name| String::from_utf8_lossy(name).into_owned());
        for ended in all {
            let statement = |number: u32| self.statements[number as usize].fingerprint;
            if !self.statements[ended.child as usize].passes {
                continue;
            }
            let known = Known {
                class: ended.class,
                child: statement(ended.child),
                parent: ended.parent.map(statement),
                root: ended.root.map(statement),
            };
            let burst = Burst {
                start: ended.start,
                end: ended.end,
                session,
                n: ended.n,
                scale: ended.scale,
                bond: ended.bond,
                grade: ended.grade,
                application: application.clone(),
                exec: ended.exec,
                waste: ended.waste,
            };
            let endpoint = endpoint.as_deref().map(str::to_owned);
            self.loops.patterns.add(burst::Ended { known, burst, counts: ended.counts, pipelined: ended.is_pipelined, endpoint });
        }
    }

    /// The loops that were seen.
    #[must_use]
    pub fn patterns(&self) -> &Patterns {
        &self.loops.patterns
    }
}
