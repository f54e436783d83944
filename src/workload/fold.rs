//! The fold: one row after the other becomes part of a call, and calls become numbers.

use std::sync::Arc;

use crate::event::Step;
use crate::sql::tags::{self, Tag};
use crate::units::Micros;

use super::language::Language;
use super::parsed::{NONE, NewStatement, Parsed, Person, Row, RowKind};
use super::pieces::Gathered;
use super::session::{Call, ForeignSteps, Origin, TagSet};
use super::statement::Statement;
use super::transactions::ends_transaction;
use super::{ErrorKind, Key, Workload, union};

/// What the numbers of a block are in the workload.
pub(super) struct Block {
    pub(super) server: u32,
    statements: Vec<Met>,
    people: Vec<Origin>,
    pub(super) tags: Vec<Arc<TagSet>>,
    /// Which of the tags a row that passes has borne.
    are_borne: Vec<bool>,
}

/// A statement of a block.
#[derive(Clone, Copy)]
pub(super) struct Met {
    /// Its number, or [`NONE`] until it is first of use.
    pub(super) number: u32,
    /// Whether it changes what others wait for.
    pub(super) is_about_locks: bool,
    /// Whether its calls count.
    pub(super) passes: bool,
    /// Whether what units ask of it is known.
    is_learnt: bool,
}

impl Block {
    /// Who a row is about that was looked up already.
    pub(super) fn origin(&self, person: u32) -> Origin {
        self.people.get(person as usize).copied().unwrap_or(Origin::UNKNOWN)
    }
}

impl Workload {
    /// Folds a block of a server's log. Blocks must come in the order of the log.
    pub fn fold(&mut self, server: u32, parsed: &Parsed) {
        self.window = union(self.window, parsed.window);
        let tags = parsed.tags.iter().map(|tags| self.tag_set(tags)).collect();
        let are_borne = vec![false; parsed.tags.len()];
        let people = vec![Origin::UNKNOWN; parsed.people.len()];
        let statements = vec![Met { number: NONE, is_about_locks: false, passes: false, is_learnt: false }; parsed.statements.len()];
        let mut block = Block { server, statements, people, tags, are_borne };
        for (at, row) in parsed.rows.iter().enumerate() {
            if self.rules.filter.passes_time(row.at) {
                self.gaps.add(row.at);
            }
            let Some(origin) = self.origin_of(row.person, parsed, &mut block) else { continue };
            self.bears_tags(row, origin, &mut block);
            self.sessions.touch(origin.session);
            if !self.awaits_turn(at, origin, parsed, &mut block) {
                self.take_turns(parsed, &block);
                self.row(row, origin, parsed, &mut block);
                self.keep_rare();
            }
        }
        self.take_turns(parsed, &block);
        self.keep_drawn(parsed, &mut block);
        if let Some(mut gathered) = (!parsed.pieces.is_empty()).then(|| self.gathered.pop()).flatten() {
            parsed.pieces.iter().for_each(|piece| gathered.add(piece, |local| self.number(local, parsed, &mut block)));
            self.gathered.push(gathered);
        }
    }

    /// Begins an input that holds pieces of a snapshot, which the next blocks bring.
    pub fn begin_snapshot(&mut self, path: std::path::PathBuf) {
        self.gathered.push(Gathered { path, ..Gathered::default() });
    }

    /// Ends the log: whatever was still open is counted as far as it is known.
    pub fn finish(&mut self) {
        for slot in self.sessions.all() {
            self.leave_open(slot);
            self.close(slot);
        }
        self.hand_over();
        self.finish_transactions();
        self.finish_convoys();
        for statement in &mut self.statements {
            self.total.merge(&statement.latency);
            statement.timeline.settle();
            statement.samples.iter_mut().for_each(|samples| samples.settle());
            statement.plans.iter_mut().for_each(|plans| plans.timeline.settle());
        }
        self.service.settle();
        self.end_crossings();
        self.loops.patterns.finish();
        self.pairs.upserts.finish();
        let (errors, statements) = self.language.resolve();
        for error in errors {
            self.events.error(ErrorKind { sqlstate: None, severity: error.severity, message: error.message }, error.count);
        }
        for (statement, count) in statements {
            self.statements[statement as usize].errors += count;
        }
    }

    /// Who a row is about. Looked up at its first row in the block, in the order of the log, so that the sessions that are
    /// given up are the same for any size of blocks.
    #[inline]
    fn origin_of(&mut self, person: u32, parsed: &Parsed, block: &mut Block) -> Option<Origin> {
        let known = *block.people.get(person as usize)?;
        if known.session == NONE { self.meet_person(person, parsed, block) } else { Some(known) }
    }

    #[cold]
    fn meet_person(&mut self, person: u32, parsed: &Parsed, block: &mut Block) -> Option<Origin> {
        let new = parsed.people.get(person as usize)?;
        if self.sessions.has_no_room(block.server, new.session) {
            self.take_turns(parsed, block);
            for slot in self.sessions.surplus() {
                self.given_up += u64::from(self.sessions.get(slot).holds());
                self.close(slot);
            }
            // Some of them may be of this block.
            block.people.fill(Origin::UNKNOWN);
        }
        let origin = self.origin(block.server, new);
        block.people[person as usize] = origin;
        Some(origin)
    }

    fn origin(&mut self, server: u32, person: &Person) -> Origin {
        let session = self.sessions.slot(server, person.session);
        let names = self.names_number(&person.names);
        let passes = self.rules.filter.passes_person(person);
        let key = match &self.rules.by {
            Some(Key::Application) => &person.names.application,
            Some(Key::User) => &person.names.user,
            Some(Key::Database) => &person.names.database,
            Some(Key::Host) => &person.host,
            Some(Key::Tag(_)) => &None,
            None => return Origin { session, names, group: NONE, passes },
        };
        let key = key.as_deref().map(|k| String::from_utf8_lossy(k).into_owned());
        Origin { session, names, group: self.group_number(key), passes }
    }

    fn tag_set(&mut self, tags: &[Tag]) -> Arc<TagSet> {
        let group = match &self.rules.by {
            Some(Key::Tag(key)) => Some(tags.iter().find(|t| &t.key == key).map(|t| t.value.clone())),
            _ => None,
        };
        let group = group.map(|group| self.group_number(group));
        Arc::new(TagSet { tags: tags.to_vec(), group, request: tags::request(tags), endpoint: tags::endpoint(tags).map(Into::into) })
    }

    /// Which endpoints are told apart is decided when a row first bears their tags, in the order of the log.
    #[inline]
    fn bears_tags(&mut self, row: &Row, origin: Origin, block: &mut Block) {
        let Some(is_borne) = block.are_borne.get_mut(row.tags as usize) else { return };
        let passes = origin.passes && !self.rules.without_findings && self.rules.filter.passes_time(row.at);
        if passes && matches!(row.kind, RowKind::Step(_)) && !std::mem::replace(is_borne, true) {
            block.tags[row.tags as usize].endpoint.iter().for_each(|endpoint| self.loops.units.named(endpoint));
        }
    }

    /// The number of a statement, which it gets when it is first of use.
    pub(super) fn number(&mut self, local: u32, parsed: &Parsed, block: &mut Block) -> Option<u32> {
        self.met(local, parsed, block).map(|met| met.number)
    }

    /// Likewise, with what matters besides.
    #[inline]
    pub(super) fn met(&mut self, local: u32, parsed: &Parsed, block: &mut Block) -> Option<Met> {
        let met = *block.statements.get(local as usize)?;
        if met.number == NONE { self.meet_statement(local, parsed, block) } else { Some(met) }
    }

    /// Looks at a statement of a block before its first call that passes, as spelt by then.
    #[inline]
    pub(super) fn learn_before_call(&mut self, local: u32, block: &mut Block) {
        if let Some(met) = block.statements.get_mut(local as usize).filter(|met| !met.is_learnt) {
            met.is_learnt = true;
            self.learn(met.number);
        }
    }

    #[cold]
    fn meet_statement(&mut self, local: u32, parsed: &Parsed, block: &mut Block) -> Option<Met> {
        let number = self.register(parsed.statements.get(local as usize)?);
        let (is_about_locks, passes) = (self.is_about_locks(number), self.passes_statement(number));
        let met = Met { number, is_about_locks, passes, is_learnt: self.is_learnt(number) };
        block.statements[local as usize] = met;
        Some(met)
    }

    fn register(&mut self, new: &NewStatement) -> u32 {
        let normalised = &new.normalised;
        let number = match self.by_fingerprint.get(&normalised.fingerprint) {
            Some(&number) => number,
            None => {
                let number = u32::try_from(self.statements.len()).expect("fewer statements than that fit in memory");
                let passes = self.rules.filter.passes_text(&normalised.text);
                let mut statement = Statement::new(normalised.fingerprint, normalised.text.clone(), new.sample.clone(), passes);
                statement.timeline = self.rules.timeline();
                self.statements.push(statement);
                self.by_fingerprint.insert(normalised.fingerprint, number);
                number
            }
        };
        let statement = &mut self.statements[number as usize];
        // Spellings that do not count differ in the text only; the smallest stands for all, whatever came first.
        if normalised.text < statement.text {
            statement.text.clone_from(&normalised.text);
        }
        statement.sample.improve(&new.sample);
        statement.identified(&new.query_ids);
        number
    }

    fn row(&mut self, row: &Row, origin: Origin, parsed: &Parsed, block: &mut Block) {
        match row.kind {
            RowKind::Note(number) => {
                if let Some(note) = parsed.notes.get(number as usize) {
                    self.note(note, row, origin, parsed, block);
                }
            }
            RowKind::Plan(number) => {
                let statement = self.number(row.statement, parsed, block);
                let facts = parsed.plans.get(number as usize).and_then(Option::as_ref);
                self.keep_plan(statement, row, origin, facts);
                self.step(Step::Plan, row, origin, statement, block.tags.get(row.tags as usize));
            }
            RowKind::Step(step) => {
                let statement = self.number(row.statement, parsed, block);
                let tags = block.tags.get(row.tags as usize);
                self.step(step, row, origin, statement, tags);
            }
        }
    }

    /// The log tells how long something took.
    pub(super) fn timed(&mut self, took: Micros) {
        self.durations += 1;
        self.shortest = Some(self.shortest.map_or(took, |s| s.min(took)));
    }

    fn step(&mut self, step: Step, row: &Row, origin: Origin, statement: Option<u32>, tags: Option<&Arc<TagSet>>) {
        if let Some(took) = row.took
            && step != Step::Plan
        {
            self.timed(took);
        }
        if let Some(rare) = &mut self.sessions.get(origin.session).rare {
            (rare.report, rare.failed) = (None, None);
        }
        let step = match step {
            Step::Foreign(word) => match self.language.step(word) {
                Some(known) => known,
                None => return self.foreign(word, row, origin, statement, tags),
            },
            known => known,
        };
        self.flush_foreign_before(origin.session, statement.map(|statement| (step, statement)));
        let session = self.sessions.get(origin.session);
        let Some(statement) = statement else { return self.without_statement(step, row, origin) };
        let zero = Micros(0);
        let call = |parse, bind| Call::of(row, statement, origin, tags, (parse, bind));
        match (step, row.took) {
            (Step::Parse, Some(took)) => session.pending(statement).parse += took,
            (Step::Bind, Some(took)) => session.pending(statement).bind += took,
            (Step::Plan, _) => self.plan(statement, row, origin, tags),
            (Step::Fetch, Some(took)) => self.fetch(row, took, call(zero, zero)),
            (Step::Simple, Some(_)) => self.call(call(zero, zero)),
            (Step::Execute | Step::Foreign(_), Some(_)) => {
                let (parse, bind) = session.take_pending(statement);
                self.wholeness.executed(row.took.unwrap_or_default().0, bind.0);
                self.executed(row.portal, call(parse, bind));
            }
            (Step::Fetch, None) => {}
            (Step::Simple | Step::Execute | Step::Parse | Step::Bind | Step::Foreign(_), None) => {
                let (parse, bind) = if step == Step::Execute { session.rare().take_bare() } else { (zero, zero) };
                let pending = session.take_pending(statement);
                self.announced.add(&self.statements[statement as usize].text);
                let rare = session.rare();
                let announced = rare.announced.replace(call(parse + pending.0, bind + pending.1));
                if step == Step::Simple {
                    rare.bare.clear();
                }
                if let Some(earlier) = announced {
                    self.call(earlier);
                }
            }
        }
    }

    /// A duration without text: of the statement announced before it, or parse or bind of the next. A plan that names no
    /// statement says nothing.
    fn without_statement(&mut self, step: Step, row: &Row, origin: Origin) {
        let Some(took) = row.took.filter(|_| step != Step::Plan) else { return };
        let session = self.sessions.get(origin.session);
        match session.take_announced() {
            Some(call) => self.call(Call { execute: Some(took), ended: row.at, ..call }),
            None => session.rare().push_bare(took),
        }
    }

    /// A call whose portal has a name may be fetched from again, so it is kept open.
    fn executed(&mut self, portal: u32, call: Call) {
        if portal == NONE {
            return self.call(call);
        }
        self.observe(&call);
        let call = Call { observed: true, ..call };
        let displaced = self.sessions.get(call.origin.session).rare().open_portal(portal, call);
        if let Some(earlier) = displaced {
            self.call(earlier);
        }
    }

    fn fetch(&mut self, row: &Row, took: Micros, call: Call) {
        let session = self.sessions.get(call.origin.session);
        session.watch.fetched(row.at);
        let mut portals = session.rare.iter_mut().flat_map(|rare| &mut rare.portals);
        match portals.find(|(name, open)| *name == row.portal && open.statement == call.statement) {
            Some((_, open)) => {
                open.execute = Some(open.execute.unwrap_or(Micros(0)) + took);
                open.ended = row.at;
            }
            // Its execution was not logged; this is all that is known of it.
            None => self.executed(row.portal, call),
        }
    }

    fn foreign(&mut self, word: u32, row: &Row, origin: Origin, statement: Option<u32>, tags: Option<&Arc<TagSet>>) {
        let (Some(statement), Some(took)) = (statement, row.took) else { return };
        let session = self.sessions.get(origin.session).rare();
        if let Some(open) = &mut session.foreign
            && open.call.statement == statement
            && open.steps.len() < 3
            && open.steps.iter().all(|(known, _)| *known != word)
        {
            open.steps.push((word, took));
            open.call.ended = row.at;
            open.call.origin = origin;
            open.portal = row.portal;
            return;
        }
        self.flush_foreign(origin.session);
        let zero = Micros(0);
        let call = Call { execute: None, rows: None, ..Call::of(row, statement, origin, tags, (zero, zero)) };
        let session = self.sessions.get(origin.session).rare();
        // Another word for a portal that is open is the word for fetching from it.
        if row.portal != NONE && session.portals.iter().any(|(name, open)| *name == row.portal && open.statement == statement) {
            return self.fetch(row, took, Call { execute: Some(took), ..call });
        }
        session.foreign = Some(ForeignSteps { call, portal: row.portal, steps: vec![(word, took)] });
    }

    pub(super) fn flush_foreign(&mut self, slot: u32) {
        self.flush_foreign_before(slot, None);
    }

    /// Counts lines of unknown steps. What comes next may tell: a line before the bind of the same statement is its parse.
    #[inline]
    fn flush_foreign_before(&mut self, slot: u32, next: Option<(Step, u32)>) {
        if self.sessions.get(slot).rare.as_ref().is_some_and(|rare| rare.foreign.is_some()) {
            self.flush_foreign_steps(slot, next);
        }
    }

    fn flush_foreign_steps(&mut self, slot: u32, next: Option<(Step, u32)>) {
        let Some(rare) = &mut self.sessions.get(slot).rare else { return };
        let Some(ForeignSteps { call, portal, steps }) = rare.foreign.take() else { return };
        let words: Vec<u32> = steps.iter().map(|(word, _)| *word).collect();
        self.language.learn(&words);
        for (at, &(word, took)) in steps.iter().enumerate() {
            let session = self.sessions.get(slot);
            // Behind a bind it can only be the execution, whatever begins next.
            let bound = session.pending.iter().any(|p| p.statement == call.statement && p.bind > Micros(0));
            let ahead = match next.filter(|_| !bound) {
                Some((Step::Bind, statement)) if statement == call.statement => 2,
                Some((Step::Execute, statement)) if statement == call.statement => 1,
                _ => 0,
            };
            match self.language.step(word).unwrap_or_else(|| Language::guess(at, steps.len() + ahead)) {
                Step::Parse => session.pending(call.statement).parse += took,
                Step::Bind => session.pending(call.statement).bind += took,
                _ => {
                    let (parse, bind) = session.take_pending(call.statement);
                    self.executed(portal, Call { parse, bind, execute: Some(took), ..call.clone() });
                }
            }
        }
    }

    /// A call that came to its end.
    pub(super) fn call(&mut self, mut call: Call) {
        self.happened += 1;
        if !call.observed {
            self.observe(&call);
        }
        let slot = call.origin.session;
        let is_plain = self.sessions.get(slot).rare.is_none();
        let (waited, ends_transaction) = if is_plain { (Micros(0), false) } else { self.ends_with(&call) };
        if self.counts(&call) {
            call.is_first = self.sessions.get(slot).ran.insert(call.statement);
            self.count(&call, waited);
        }
        if ends_transaction {
            self.close_portals(slot);
        }
    }

    /// Whether a call passes all filters.
    fn counts(&self, call: &Call) -> bool {
        self.rules.filter.passes_call(call) && self.passes_statement(call.statement)
    }

    /// Whether calls of a statement count.
    fn passes_statement(&self, statement: u32) -> bool {
        self.rules.filter.statement.is_none() || self.statements[statement as usize].passes
    }

    /// What was remembered for a call ends with it: how long it waited for locks, and whether it ends a transaction in which
    /// there are portals.
    fn ends_with(&mut self, call: &Call) -> (Micros, bool) {
        let Some(rare) = &mut self.sessions.get(call.origin.session).rare else { return (Micros(0), false) };
        let statement = &mut self.statements[call.statement as usize];
        let waited = rare.take_waits();
        let (files, bytes) = std::mem::take(&mut rare.temp_files);
        statement.waited += waited;
        self.events.lock_wait_total += waited;
        statement.temp_files = (statement.temp_files.0 + files, statement.temp_files.1.saturating_add(bytes));
        if call.parse.0 > 0 || call.bind.0 > 0 || call.execute.is_some() {
            rare.report = None;
        }
        if call.execute.is_some() {
            rare.forget_untimed(call.statement);
        }
        (waited, !rare.portals.is_empty() && ends_transaction(&statement.text))
    }

    fn close_portals(&mut self, slot: u32) {
        let Some(rare) = &mut self.sessions.get(slot).rare else { return };
        let portals = std::mem::take(&mut rare.portals);
        for (_, call) in portals {
            self.call(call);
        }
    }

    /// A session is over: what it left open is counted as far as it is known.
    pub(super) fn close(&mut self, slot: u32) {
        self.flush_foreign(slot);
        self.close_portals(slot);
        if let Some(call) = self.sessions.get(slot).take_announced() {
            self.call(call);
        }
        self.end_units(slot);
        self.end_watch(slot);
        self.keep_rare();
        self.end_pairs(slot);
        let mut session = self.sessions.renew(slot);
        self.events.lock_wait_total += session.take_waits();
    }
}
