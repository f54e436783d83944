//! Items to rows: fingerprints statements and gives names their numbers, within one block.
//!
//! Runs in every worker. Keeps a cache of statements from block to block, which changes no answer.

use std::collections::HashMap;

use foldhash::fast::{FixedState, RandomState};
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::event::{Event, Item, Note, Step, What, Who};
use crate::plan::{self, Reading};
use crate::sql::equal::equal;
use crate::sql::lexer::Dialect;
use crate::sql::skeleton::Cache;
use crate::sql::tags;
use crate::sql::values::{Ending, Values};

use super::drawing::{self, Drawing, DrawnRow};
use super::lock_mode::Queued;
use super::message;
use super::parsed::{NONE, Names, NewStatement, NoteRow, Parsed, Person, Row, RowKind, Sample};
use super::pieces;
use super::statement::MOST_QUERY_IDS;

/// Digests the blocks of one worker, one after the other.
#[derive(Default)]
pub struct Digest {
    cache: Cache,
    dialect: Dialect,
    /// For each slot of the cache the block it was last met in, and its number there.
    local: Vec<(u32, u32)>,
    block: u32,
    parsed: Parsed,
    people: HashMap<Person, u32, RandomState>,
    /// The number last given to a session with these low bits.
    recent: Vec<u32>,
    tags: HashMap<Vec<u8>, u32, RandomState>,
    comments: Vec<std::ops::Range<usize>>,
    ignores_plans: bool,
    /// The slot of the statement at hand.
    slot: u32,
    /// The constants of that statement.
    constants: Values,
    /// What was parsed or bound last, by the low bits of its session.
    prepared: Vec<Prepared>,
    /// How the last statements end, by the low bits of their slots.
    endings: Vec<Ending>,
    drawing: Drawing,
}

/// A statement that was parsed or bound, which mostly comes again at once, to be executed.
#[derive(Clone, Debug, Default)]
struct Prepared {
    text: Vec<u8>,
    slot: u32,
    constants: Values,
}

/// A longer statement is not remembered, so that memory stays bounded.
const LONGEST_PREPARED: usize = 4 * 1024;

/// Sessions are looked up by as many low bits; a miss costs a hash.
const RECENT: usize = 1 << 10;

/// The ends of as many statements are remembered.
const ENDINGS: usize = 1 << 8;

impl Digest {
    /// A digest for statements of a dialect.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Digest {
            dialect,
            recent: vec![NONE; RECENT],
            endings: vec![Ending::default(); ENDINGS],
            prepared: vec![Prepared::default(); RECENT],
            ..Digest::default()
        }
    }

    /// A digest that keeps nothing of values and plans, where nobody looks for what is wrong.
    #[must_use]
    pub fn ignoring_values(self) -> Self {
        Digest { cache: self.cache.ignoring_values(), ignores_plans: true, ..self }
    }

    /// Keeps some examples of every statement, with their values.
    pub fn keep_examples(&mut self) {
        self.drawing.keeps_examples = true;
    }

    /// Draws every call, because which of them count is not known here.
    pub fn draw_all(&mut self) {
        self.drawing.takes_all = true;
    }

    /// Takes an item of the block at hand.
    pub fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Event(event) => self.event(event),
            Item::Note(note) => self.note(note),
            Item::Piece(piece) => {
                let owned = pieces::owned(piece, |sql| {
                    let number = self.statement(sql);
                    self.parsed.statements[number as usize].sample.is_counted = true;
                    number
                });
                self.parsed.pieces.extend(owned);
            }
        }
    }

    /// Ends the block and hands back what it came to.
    pub fn finish(&mut self) -> Parsed {
        self.block = self.block.wrapping_add(1);
        self.people.clear();
        self.tags.clear();
        self.recent.fill(NONE);
        if self.cache.trim() || self.block == 0 {
            self.local.clear();
            self.prepared.fill(Prepared::default());
            self.drawing.forget();
            self.block = 1;
        }
        std::mem::take(&mut self.parsed)
    }

    /// Takes back what came of a block once it is folded, for the memory of its rows.
    pub fn reuse(&mut self, mut folded: Parsed) {
        folded.rows.clear();
        self.parsed.rows = folded.rows;
    }

    fn event(&mut self, event: &Event<'_>) {
        // While a plan is written the server may be at its next statement already.
        let query_id = event.query_id.filter(|_| event.step != Step::Plan);
        let (statement, tags) = match event.sql {
            Some(sql) => {
                self.find(sql, event);
                self.found(sql, event.detail, query_id)
            }
            None => (NONE, NONE),
        };
        let mut values = Values::default();
        if let Some(sql) = event.sql
            && !matches!(event.step, Step::Parse | Step::Bind | Step::Plan)
        {
            values = self.constants;
            if let Some(detail) = event.detail {
                values.parameters(sql, detail, &mut self.endings[self.slot as usize % ENDINGS]);
            }
        }
        let person = self.person(event.who);
        if !self.ignores_plans && drawing::is_worth_it(event, values) {
            self.draw(event, values, (statement, person));
        }
        let kind = event.plan.map_or(RowKind::Step(event.step), |plan| self.plan(plan));
        let portal = event.portal.map_or(NONE, |name| u32::try_from(fixed_hash(name) >> 33).unwrap_or(0));
        self.parsed.rows.push(Row {
            at: event.ended,
            took: event.took,
            statement,
            person,
            tags,
            portal,
            rows: event.rows.map_or(NONE, |rows| u32::try_from(rows).unwrap_or(NONE - 1).min(NONE - 1)),
            transaction: event.transaction,
            values,
            kind,
        });
    }

    /// Keeps the values of a call if it is drawn.
    fn draw(&mut self, event: &Event<'_>, values: Values, (statement, person): (u32, u32)) {
        let (Some(sql), slot, number) = (event.sql, self.slot, drawing::number(event, values)) else { return };
        let Digest { cache, drawing, parsed, dialect, .. } = self;
        if !drawing.wants(slot, number, || &cache.entry(slot).text) {
            return;
        }
        let start = parsed.values.len();
        // With as many values as its normalised text has places, each is at its own.
        let count = drawing.places(slot);
        let places = cache.places(sql, *dialect, count);
        if places.len() == count {
            drawing.values((sql, event.detail), &places, &mut parsed.values);
        }
        let example =
            drawing.keeps_examples.then(|| Sample::new(sql, event.detail)).filter(|sample| sample.is_whole() && sample.is_short());
        let values = start..parsed.values.len();
        parsed.drawn.push(DrawnRow { at: event.ended, statement, person, number, values, example: example.map(Box::new) });
    }

    /// Rare enough that each is read as it comes.
    fn plan(&mut self, plan: &[u8]) -> RowKind {
        if self.ignores_plans {
            return RowKind::Step(Step::Plan);
        }
        let number = u32::try_from(self.parsed.plans.len()).expect("fewer plans than bytes in a block");
        self.parsed.plans.push(match plan::read(plan) {
            Reading::Read(plan) => Some(Arc::new(plan.facts())),
            Reading::Unread | Reading::Unknown => None,
        });
        RowKind::Plan(number)
    }

    fn note(&mut self, note: &Note<'_>) {
        let statement = note.sql.map_or(NONE, |sql| self.statement(sql));
        let statement = match note.what {
            // The text may be a statement that is not SQL; the fold decides.
            What::Unfamiliar { message, .. } if note.sql.is_none() => self.statement(message),
            _ => statement,
        };
        let person = self.person(note.who);
        let number = u32::try_from(self.parsed.notes.len()).expect("fewer notes than bytes in a block");
        self.parsed.notes.push(owned(note));
        self.parsed.rows.push(Row {
            at: note.at,
            took: None,
            statement,
            person,
            tags: NONE,
            portal: NONE,
            rows: NONE,
            transaction: 0,
            values: Values::default(),
            kind: RowKind::Note(number),
        });
    }

    /// Finds the slot of an event's statement.
    fn find(&mut self, sql: &[u8], event: &Event<'_>) {
        let session = usize::try_from(event.who.session % RECENT as u64).unwrap_or(0);
        let is_prepared = !matches!(event.step, Step::Simple | Step::Plan);
        if is_prepared
            && let Some(prepared) = self.prepared.get(session)
            && !sql.is_empty()
            && prepared.text == sql
        {
            self.comments.clear();
            (self.slot, self.constants) = (prepared.slot, prepared.constants);
            return;
        }
        self.look_up(sql);
        if matches!(event.step, Step::Parse | Step::Bind)
            && self.comments.is_empty()
            && sql.len() <= LONGEST_PREPARED
            && let Some(prepared) = self.prepared.get_mut(session)
        {
            prepared.text.clear();
            prepared.text.extend_from_slice(sql);
            (prepared.slot, prepared.constants) = (self.slot, self.constants);
        }
    }

    fn look_up(&mut self, sql: &[u8]) {
        let (slot, comments) = self.cache.slot(sql, self.dialect);
        self.slot = slot;
        self.comments.clear();
        self.comments.extend_from_slice(comments);
        self.constants = self.cache.constants();
    }

    fn statement(&mut self, sql: &[u8]) -> u32 {
        self.look_up(sql);
        self.found(sql, None, None).0
    }

    /// The number of the statement whose slot was found, and that of its tags.
    fn found(&mut self, sql: &[u8], detail: Option<&[u8]>, query_id: Option<i64>) -> (u32, u32) {
        let slot = self.slot;
        let at = slot as usize;
        if at >= self.local.len() {
            self.local.resize(at + 1, (u32::MAX, 0));
        }
        if self.local[at].0 != self.block {
            let number = u32::try_from(self.parsed.statements.len()).expect("fewer statements than bytes in a block");
            self.local[at] = (self.block, number);
            let normalised = self.cache.entry(slot).clone();
            self.parsed.statements.push(NewStatement { normalised, sample: Sample::new(sql, detail), query_ids: Vec::new() });
        }
        let number = self.local[at].1;
        if let Some(id) = query_id {
            let known = &mut self.parsed.statements[number as usize].query_ids;
            if known.len() < MOST_QUERY_IDS && !known.contains(&id) {
                known.push(id);
            }
        }
        (number, self.tags(sql))
    }

    /// The number of the tags in a statement's comments.
    fn tags(&mut self, sql: &[u8]) -> u32 {
        let mut number = NONE;
        for comment in &self.comments {
            let text = &sql[comment.clone()];
            if let Some(&known) = self.tags.get(text) {
                // A comment without tags says nothing of those in another.
                number = if known == NONE { number } else { known };
                continue;
            }
            let found = tags::tags(text);
            let mut known = NONE;
            if !found.is_empty() {
                known = u32::try_from(self.parsed.tags.len()).expect("fewer comments than bytes in a block");
                self.parsed.tags.push(found);
                number = known;
            }
            self.tags.insert(text.to_vec(), known);
        }
        number
    }

    fn person(&mut self, who: &Who<'_>) -> u32 {
        let recent = usize::try_from(who.session % RECENT as u64).unwrap_or(0);
        if let Some(&number) = self.recent.get(recent)
            && let Some(person) = self.parsed.people.get(number as usize)
            && is_same(person, who)
        {
            return number;
        }
        let owned = |text: Option<&[u8]>| text.map(Into::into);
        let names = Names { user: owned(who.user), database: owned(who.database), application: owned(who.application) };
        let person = Person { session: who.session, names, host: owned(who.host) };
        let next = u32::try_from(self.parsed.people.len()).expect("fewer people than bytes in a block");
        let number = *self.people.entry(person.clone()).or_insert(next);
        if number == next {
            self.parsed.people.push(person);
        }
        if let Some(slot) = self.recent.get_mut(recent) {
            *slot = number;
        }
        number
    }
}

fn is_same(person: &Person, who: &Who<'_>) -> bool {
    person.session == who.session
        && is_same_name(person.names.user.as_deref(), who.user)
        && is_same_name(person.names.database.as_deref(), who.database)
        && is_same_name(person.names.application.as_deref(), who.application)
        && is_same_name(person.host.as_deref(), who.host)
}

fn is_same_name(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => equal(a, b),
        _ => a.is_none() && b.is_none(),
    }
}

pub(super) fn fixed_hash(bytes: &[u8]) -> u64 {
    FixedState::with_seed(0).hash_one(bytes)
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

fn owned(note: &Note<'_>) -> NoteRow {
    match note.what {
        What::Error { severity, sqlstate, message } => NoteRow::Error {
            severity: text(severity),
            sqlstate,
            message: message::normalised(message).into(),
            cancels: message::cancels(sqlstate, message),
            limit: message::limit(sqlstate, message),
            deadlock: message::is_deadlock(sqlstate, message),
        },
        What::LockWait { waited, lock, ended, holders } => {
            NoteRow::LockWait { waited, lock: fixed_hash(lock), ended, queue: Box::new(Queued::of(lock, holders)) }
        }
        What::TempFile { bytes } => NoteRow::TempFile { bytes },
        What::Checkpoint => NoteRow::Checkpoint,
        What::Autovacuum => NoteRow::Autovacuum,
        What::Connection => NoteRow::Connection,
        What::Authorised => NoteRow::Authorised,
        What::Disconnection => NoteRow::Disconnection,
        What::Setting { name, value } => NoteRow::Setting { name: text(name), value: text(value) },
        What::Statement => NoteRow::Statement,
        What::Unfamiliar { word, message, is_sql, deadlock } => NoteRow::Unfamiliar {
            word: text(word),
            message: message::normalised(message).into(),
            is_sql,
            deadlock,
            has_statement: note.sql.is_some() && !is_sql,
        },
        What::LogWord { word } => NoteRow::LogWord { word: text(word) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Micros, Timestamp};

    /// The rows of statements that sessions sent, each with its step.
    fn rows(sent: &[(u64, Step, &str)]) -> Parsed {
        let mut digest = Digest::new(Dialect::default());
        for &(session, step, sql) in sent {
            let who = Who { session, ..Who::default() };
            digest.item(&Item::Event(Event {
                ended: Timestamp(0),
                took: Some(Micros(1)),
                who: &who,
                sql: Some(sql.as_bytes()),
                step,
                portal: None,
                plan: None,
                detail: None,
                query_id: None,
                transaction: 0,
                rows: None,
                at: 0,
            }));
        }
        digest.finish()
    }

    #[test]
    fn a_comment_without_tags_hides_those_of_no_other() {
        let sql = "/* app:web */ select a from t /* plain */";
        let parsed = rows(&[(1, Step::Simple, sql), (1, Step::Simple, sql)]);
        assert!(parsed.tags.len() == 1 && parsed.rows.iter().all(|row| row.tags == 0), "{parsed:?}");
    }

    #[test]
    fn what_was_bound_is_known_by_its_whole_text_in_any_session() {
        let far = 1 + RECENT as u64;
        let parsed = rows(&[
            (1, Step::Bind, "select a from t where b = $1 limit 20"),
            (far, Step::Execute, "select a from u where b = $1 limit 20"),
            (1, Step::Execute, "select a from t where b = $1 limit 20"),
            (1, Step::Execute, "select a from t where b = $1 limit 21"),
            (far, Step::Execute, ""),
        ]);
        let statements: Vec<u32> = parsed.rows.iter().map(|row| row.statement).collect();
        assert_eq!((&statements[..4], parsed.statements.len()), ([0, 1, 0, 0].as_slice(), 3));
        let limits: Vec<u16> = parsed.rows.iter().map(|row| row.values.limit).collect();
        assert_eq!(limits, [0, 20, 20, 21, 0]);
    }
}
