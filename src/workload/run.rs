//! One statement executed again and again within a unit of a session.
//!
//! Most statements are executed once or twice and make no loop, so little is kept of them: what a loop needs besides is built
//! at the third execution. A thousand sessions' runs then stay in the processor's caches. The memory for loops is lent by
//! [`Spare`]: what one has just given back is still near.

use crate::units::{Micros, Timestamp};

use super::burst::{Class, FEWEST};
use super::loops::Traits;

mod looped;

use looped::{Looped, MOST_STRETCHES};
pub(super) use looped::{Spare, Stretch};

/// One execution, as a unit sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Occurrence {
    pub(super) end: Timestamp,
    pub(super) exec: Micros,
    pub(super) statement: u32,
    /// A hash of its values.
    pub(super) hash: u32,
    /// The rows it returned or may return; 0 if not known.
    pub(super) rows: u32,
    /// Its place among the calls of the unit.
    pub(super) at: u32,
    /// It was sent for several keys at once.
    pub(super) is_batch: bool,
    /// Its values are not known.
    pub(super) is_blind: bool,
    /// It asked for a later page.
    pub(super) is_paged: bool,
    /// It may be one of a loop.
    pub(super) counts: bool,
}

impl Occurrence {
    /// When it began, as far as the server's time tells.
    pub(super) fn start(&self) -> Timestamp {
        self.end - self.exec
    }
}

/// The statement a run loops over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    pub(super) statement: u32,
    /// How many rows it returned or may have returned; 0 if not known.
    pub(super) rows: u32,
    pub(super) relation: u8,
    /// How many calls lie between it and the run.
    pub(super) distance: u32,
}

impl Parent {
    /// Whether a run came as often as it had rows. Nulls and what is loaded already make it fewer, never more.
    pub(super) fn is_matched_by(&self, n: u32, in_unit: bool) -> bool {
        // A log may tell of any number of rows.
        let (n, rows) = (u64::from(n), u64::from(self.rows));
        let most = if in_unit { rows + rows / 5 } else { rows };
        rows > 1 && n <= most && n * 10 >= rows * 8
    }
}

/// See the module. Two lines of a cache.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Run {
    pub(super) statement: u32,
    pub(super) traits: Traits,
    /// When it was first and last executed in the unit, counted in calls.
    pub(super) born: u32,
    pub(super) last: u32,
    pub(super) rows: u32,
    /// The executions that count.
    pub(super) n: u32,
    /// The first of them.
    early: [Occurrence; EARLY],
    looped: Option<Box<Looped>>,
}

/// As many executions are kept before a run may be a loop.
const EARLY: usize = FEWEST as usize - 1;

impl Run {
    pub(super) fn new(statement: u32, traits: Traits, at: u32) -> Self {
        Run { statement, traits, born: at, last: at, rows: 0, n: 0, early: [Occurrence::default(); EARLY], looped: None }
    }

    /// Makes another one of a run that was reset: what is kept of its executions is not asked for before there are some.
    pub(super) fn begin(&mut self, statement: u32, traits: Traits, at: u32) {
        (self.statement, self.traits) = (statement, traits);
        (self.born, self.last, self.rows) = (at, at, 0);
    }

    pub(super) fn reset(&mut self, spare: &mut Spare) {
        self.n = 0;
        if let Some(looped) = self.looped.take() {
            spare.take_back(looped);
        }
    }

    /// Counts an execution; answers whether what it loops over is to be looked for: with one value it repeats itself, with a
    /// second one it loops over something.
    #[inline]
    pub(super) fn count(&mut self, occurrence: &Occurrence, spare: &mut Spare) -> bool {
        let before = self.n as usize;
        self.n += 1;
        if let Some(early) = self.early.get_mut(before) {
            *early = *occurrence;
            return false;
        }
        self.count_in_loop(occurrence, before, spare)
    }

    fn count_in_loop(&mut self, occurrence: &Occurrence, before: usize, spare: &mut Spare) -> bool {
        let early = &self.early;
        let looped = self.looped.get_or_insert_with(|| {
            let mut looped = spare.looped(&early[0]);
            early[1..].iter().for_each(|occurrence| looped.count(occurrence));
            looped
        });
        let known = looped.distinct;
        looped.count(occurrence);
        before == EARLY || (known == 1 && looped.distinct > 1)
    }

    /// The executions that are kept before it may be a loop, at most two.
    pub(super) fn kept(&self) -> &[Occurrence] {
        &self.early[..(self.n as usize).min(EARLY)]
    }

    /// Begins again with what came after a moment, when the third execution has just been counted; what is kept no longer
    /// cannot begin again.
    pub(super) fn restart_after(&mut self, at: u32, third: &Occurrence, spare: &mut Spare) {
        let early = self.early;
        self.reset(spare);
        for occurrence in early.iter().chain([third]).filter(|occurrence| occurrence.at > at) {
            self.count(occurrence, spare);
        }
    }

    /// The first execution that counts.
    pub(super) fn first(&self) -> &Occurrence {
        &self.early[0]
    }

    /// The second, if there is one.
    pub(super) fn second(&self) -> &Occurrence {
        &self.early[1]
    }

    /// The place of the last one.
    pub(super) fn end(&self) -> u32 {
        match &self.looped {
            Some(looped) => looped.all.at,
            None => self.early[(self.n as usize).saturating_sub(1).min(EARLY - 1)].at,
        }
    }

    /// Whether it has come often enough to be a loop.
    pub(super) fn is_loop(&self) -> bool {
        self.looped.is_some()
    }

    pub(super) fn parent(&self) -> Option<Parent> {
        self.looped.as_ref().and_then(|looped| looped.parent)
    }

    /// Whether what it loops over is not known for sure by its names.
    pub(super) fn is_vague(&self) -> bool {
        self.parent().is_none_or(|parent| parent.relation < 2)
    }

    /// Sets what it loops over, once it may be a loop.
    pub(super) fn loops_over(&mut self, parent: Parent) {
        if let Some(looped) = &mut self.looped {
            looped.parent = Some(parent);
        }
    }

    /// Whether another one comes once for each of its executions: what is read before a row is written, not what is looped over.
    pub(super) fn has_companion(&self, other: &Run) -> bool {
        other.is_loop() && self.n > 0 && other.second().at > self.first().at && other.n + 1 >= self.n
    }

    /// Whether it came about as often as another one.
    pub(super) fn is_as_often_as(&self, other: &Run) -> bool {
        let (n, other) = (u64::from(self.n), u64::from(other.n));
        n * 10 >= other * 8 && n * 8 <= other * 10
    }

    /// How many different values it had.
    pub(super) fn distinct(&self) -> u32 {
        self.looped.as_ref().map_or(0, |looped| looped.distinct)
    }

    /// Whether the values of some execution are not known.
    pub(super) fn is_blind(&self) -> bool {
        self.looped.as_ref().is_some_and(|looped| looped.blind)
    }

    /// All of its executions, once it may be a loop.
    pub(super) fn whole(&self) -> Option<&Stretch> {
        self.looped.as_ref().map(|looped| &looped.all)
    }

    /// Those of them that came with nothing between, where they may be loops of their own.
    pub(super) fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        let last = |looped: &'_ Looped| looped.unbroken().n >= FEWEST;
        self.looped.iter().flat_map(move |looped| looped.stretches.iter().chain(last(looped).then(|| looped.unbroken())))
    }

    /// Whether it has as many of them as are kept.
    pub(super) fn is_in_pieces(&self) -> bool {
        self.looped.as_ref().is_some_and(|looped| looped.parent.is_none() && looped.stretches.len() >= MOST_STRETCHES)
    }

    /// How long it is as one that repeats itself: of several values, the first call of each repeats nothing.
    pub(super) fn repeats(&self) -> u32 {
        if self.distinct() <= 1 { self.n } else { self.n.saturating_sub(self.distinct()) }
    }

    /// What kind of loop it is, if it is one.
    pub(super) fn class(&self) -> Option<Class> {
        let looped = self.looped.as_ref().filter(|looped| self.traits.is_by_key && !looped.paged)?;
        let many = looped.blind || looped.distinct >= FEWEST && u64::from(looped.distinct) >= u64::from(self.n) * 3 / 10;
        // Many rows may point to few.
        let many = many || (looped.distinct > 1 && !self.is_vague());
        match () {
            () if self.traits.role.writes() => (many || self.traits.inserts).then_some(Class::Writes),
            () if many => Some(Class::Reads),
            () => (self.traits.values > 0 && self.repeats() >= FEWEST).then_some(Class::Repeats),
        }
    }
}
