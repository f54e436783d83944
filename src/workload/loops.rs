//! Loops in the order of the log: each session's calls are put into units, and what ends there becomes patterns.
//!
//! Where one unit of a session ends and the next begins, `bounds` decides; what happens in one, `unit` sees.

use crate::sql::outline::{Outline, Relatable, Role};
use crate::sql::values::Values;
use crate::units::{Micros, Timestamp};

use super::Workload;
use super::bounds::Client;
use super::burst::{self, Bond, Burst, Class, Grade, Known, Patterns};
use super::crossing::{Crossings, Held};
use super::observer::Meaning;
use super::per_unit::UnitCounts;
use super::run::{Occurrence, Spare};
use super::session::Call;
use super::watch::Bearing;

/// What has to be known of a statement at each of its executions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits {
    pub(super) role: Role,
    pub(super) is_by_key: bool,
    pub(super) reads: bool,
    pub(super) inserts: bool,
    pub(super) values: u32,
    pub(super) bearing: Bearing,
    takes_array: bool,
    pub(super) has_list: bool,
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
    /// How many different values its calls had.
    pub(super) values: u32,
    pub(super) bond: Bond,
    pub(super) grade: Grade,
    pub(super) exec: Micros,
    pub(super) waste: Micros,
    pub(super) counts: bool,
    pub(super) is_pipelined: bool,
    /// The sessions of a loop that crosses connections; else empty.
    pub(super) sessions: Vec<u64>,
}

/// What units ask of statements, and where they put what ended.
pub(super) struct Statements<'l> {
    outlines: &'l mut Outlines,
    pub(super) units: &'l mut UnitCounts,
    pub(super) ended: Vec<Ended>,
}

/// What is known of statements by their number.
#[derive(Debug, Default)]
struct Outlines {
    traits: Vec<Traits>,
    /// `None` is not learnt yet.
    sides: Vec<Option<Relatable>>,
    /// Child, parent and how surely.
    relations: Vec<(u32, u32, u8)>,
    /// What is passed on from one unit to another; its memory is used again and again.
    passed_on: Vec<(Occurrence, Traits)>,
    spare: Spare,
}

impl Statements<'_> {
    /// What is known of a statement that was executed.
    pub(super) fn traits(&self, number: u32) -> Traits {
        self.outlines.traits(number)
    }

    /// The memory of loops that ended.
    pub(super) fn spare(&mut self) -> &mut Spare {
        &mut self.outlines.spare
    }

    /// Whether two statements are first of all about the same table.
    pub(super) fn share_table(&self, a: u32, b: u32) -> bool {
        let table = |number: u32| self.outlines.sides.get(number as usize)?.as_ref()?.table();
        table(a).is_some() && table(a) == table(b)
    }

    /// See [`Relatable::relation`].
    pub(super) fn relation(&mut self, child: u32, parent: u32) -> u8 {
        let Outlines { sides, relations, .. } = &mut *self.outlines;
        if relations.is_empty() {
            relations.resize(MOST_RELATIONS, (u32::MAX, u32::MAX, 0));
        }
        let place = (child as usize * 31 + parent as usize) % MOST_RELATIONS;
        let (of, to, known) = relations[place];
        if (of, to) == (child, parent) {
            return known;
        }
        let side = |number: u32| sides.get(number as usize).and_then(Option::as_ref);
        let found = side(child).zip(side(parent)).map_or(0, |(child, parent)| child.relation(parent));
        relations[place] = (child, parent, found);
        found
    }

    /// Takes the memory for what is passed on from one unit to another, which is empty.
    pub(super) fn take_passed_on(&mut self) -> Vec<(Occurrence, Traits)> {
        std::mem::take(&mut self.outlines.passed_on)
    }

    /// Gives it back.
    pub(super) fn give_back(&mut self, mut passed_on: Vec<(Occurrence, Traits)>) {
        passed_on.clear();
        self.outlines.passed_on = passed_on;
    }
}

/// So many relations are remembered at once; a newer one displaces another in its place.
const MOST_RELATIONS: usize = 1 << 13;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Loops {
    outlines: Outlines,
    crossings: Crossings,
    /// Sessions that several clients used in turn.
    pub(super) shared: u64,
    pub(super) patterns: Patterns,
    pub(super) units: UnitCounts,
}

impl Loops {
    /// What units ask of statements, and the count of sessions that several clients used in turn.
    pub(super) fn statements(&mut self) -> (Statements<'_>, &mut u64) {
        (self.outlines.statements(&mut self.units), &mut self.shared)
    }
}

impl Outlines {
    fn statements<'l>(&'l mut self, units: &'l mut UnitCounts) -> Statements<'l> {
        Statements { outlines: self, units, ended: Vec::new() }
    }

    /// Traits of a statement that was learnt.
    fn traits(&self, statement: u32) -> Traits {
        self.traits.get(statement as usize).copied().unwrap_or_default()
    }

    fn knows(&self, statement: u32) -> bool {
        self.sides.get(statement as usize).is_some_and(Option::is_some)
    }

    fn learn(&mut self, statement: u32, text: &str, outline: &Outline) {
        let at = statement as usize;
        if at >= self.sides.len() {
            self.traits.resize(at + 1, Traits::default());
            self.sides.resize_with(at + 1, || None);
        }
        if self.sides[at].is_none() {
            self.sides[at] = Some(Relatable::of(outline));
            self.traits[at] = Traits {
                role: outline.role,
                is_by_key: outline.is_by_key(),
                reads: outline.role == Role::Read,
                inserts: outline.role == Role::Insert,
                values: outline.values,
                bearing: Bearing::of(text, outline.role),
                takes_array: outline.takes_array,
                has_list: outline.has_list,
                is_uncountable: outline.is_uncountable,
            };
        }
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

    /// A call, as units see it.
    pub(super) fn occurrence(self, call: &Call) -> Occurrence {
        Occurrence {
            statement: call.statement,
            end: call.ended,
            exec: call.server_time(),
            hash: call.values.hash,
            rows: call.rows.unwrap_or(u32::from(call.values.limit)),
            is_batch: self.is_batch(call.values),
            is_blind: self.is_blind(call.values),
            is_paged: call.values.is_paged(),
            ..Occurrence::default()
        }
    }
}

impl Workload {
    /// A call that a session made is part of what several sessions do, and loops that ended with it are kept.
    pub(super) fn observed(&mut self, call: &Call, key: u64, meaning: Meaning) {
        if meaning.is_nothing() {
            return;
        }
        let Loops { outlines, units, crossings, .. } = &mut self.loops;
        let traits = outlines.traits(call.statement);
        if traits.has_list && call.values.count() >= traits.values {
            let lists = self.statements[call.statement as usize].lists.get_or_insert_default();
            lists.add_call(call.values.count() + 1 - traits.values, call.values.is_bound());
        }
        let names = call.origin.names;
        let mut crossed = Vec::new();
        if meaning.is_loose {
            let mut statements = outlines.statements(units);
            crossings.take(&traits.occurrence(call), traits, names, key, &mut statements);
            crossed = statements.ended;
        }
        if let Some(left) = meaning.left {
            self.keep(left.ended, key, left.client);
        }
        if !crossed.is_empty() {
            self.keep(crossed, key, Client { names, ..Client::default() });
        }
        if self.loops.crossings.has_released() {
            self.keep_released();
        }
    }

    /// Whether a statement changes what others wait for.
    pub(super) fn is_about_locks(&self, statement: u32) -> bool {
        let bearing = || {
            let known = self.is_learnt(statement).then(|| self.loops.outlines.traits(statement).bearing);
            known.unwrap_or_else(|| Bearing::of(&self.statements[statement as usize].text, Role::Other))
        };
        !self.rules.without_findings && bearing().is_about_locks()
    }

    /// Whether what units ask of a statement is known.
    pub(super) fn is_learnt(&self, statement: u32) -> bool {
        self.loops.outlines.knows(statement)
    }

    /// Looks at a statement once and for all.
    pub(super) fn learn(&mut self, statement: u32) {
        if !self.rules.without_findings && !self.loops.outlines.knows(statement) {
            let text = &self.statements[statement as usize].text;
            let outline = Outline::of(text);
            self.pairs.learn(statement, text, &outline);
            self.loops.outlines.learn(statement, text, &outline);
        }
    }

    /// The units of a session end with it.
    pub(super) fn end_units(&mut self, slot: u32) {
        let Some(mut units) = self.sessions.get(slot).units.take() else { return };
        let before = units.client();
        let mut statements = self.loops.outlines.statements(&mut self.loops.units);
        units.end(&mut statements);
        let ended = statements.ended;
        let key = self.sessions.get(slot).key;
        self.keep(ended, key, before);
    }

    /// Ends the loops that cross connections with the log, when every unit has ended.
    pub(super) fn end_crossings(&mut self) {
        for names in 0..self.loops.crossings.names() {
            let Loops { outlines, units, crossings, .. } = &mut self.loops;
            let mut statements = outlines.statements(units);
            crossings.end(names, &mut statements);
            let ended = statements.ended;
            self.keep(ended, 0, Client { names, ..Client::default() });
            self.keep_released();
        }
        self.finish_units();
    }

    /// Keeps the loops of sessions that are part of none that crosses them, as it turned out.
    fn keep_released(&mut self) {
        for Held { ended, session, client } in self.loops.crossings.take_released() {
            self.keep(vec![ended], session, client);
        }
    }

    fn keep(&mut self, all: Vec<Ended>, session: u64, client: Client) {
        let names = self.names.get(client.names as usize).and_then(|names| names.application.as_deref());
        let application = names.map(|name| String::from_utf8_lossy(name).into_owned());
        for ended in all {
            let statement = |number: u32| self.statements[number as usize].fingerprint;
            if !self.statements[ended.child as usize].passes {
                continue;
            }
            let held = Held { ended, session, client: client.clone() };
            let Some(Held { ended, .. }) = self.loops.crossings.hold(held) else { continue };
            let known = Known {
                class: ended.class,
                child: statement(ended.child),
                parent: ended.parent.map(statement),
                root: ended.root.map(statement),
            };
            let burst = Burst {
                start: ended.start,
                end: ended.end,
                session: ended.sessions.first().copied().unwrap_or(session),
                sessions: ended.sessions,
                n: ended.n,
                scale: ended.scale,
                bond: ended.bond,
                // Nearness in time says less where others use the session in between.
                grade: if client.is_shared && ended.bond == Bond::Segment { ended.grade.min(Grade::Medium) } else { ended.grade },
                application: application.clone(),
                exec: ended.exec,
                waste: ended.waste,
                truncated: false,
            };
            let endpoint = client.endpoint.as_deref().map(str::to_owned);
            let Ended { counts, is_pipelined: pipelined, values, .. } = ended;
            self.loops.patterns.add(burst::Ended { known, burst, counts, pipelined, values, endpoint });
        }
    }

    /// The loops that were seen.
    #[must_use]
    pub fn patterns(&self) -> &Patterns {
        &self.loops.patterns
    }
}
