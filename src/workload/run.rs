//! One statement executed again and again within a unit of a session.
//!
//! Most statements are executed once or twice and make no loop, so little is kept of them: what a loop needs besides is built
//! at the third execution. A thousand sessions' runs then stay in the processor's caches.

use crate::units::{Micros, Timestamp};

use super::burst::{Class, FEWEST};
use super::loops::Traits;

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

/// Calls from one to another, and what they took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    pub(super) first: Occurrence,
    pub(super) last: Occurrence,
    pub(super) n: u32,
    pub(super) exec: Micros,
    pub(super) longest: Micros,
    /// All had the same values.
    pub(super) is_one: bool,
}

impl Stretch {
    fn count(&mut self, occurrence: &Occurrence) {
        if self.n == 0 {
            (self.first, self.is_one) = (*occurrence, true);
        }
        self.is_one &= occurrence.hash == self.first.hash;
        self.last = *occurrence;
        self.n += 1;
        self.exec += occurrence.exec;
        self.longest = self.longest.max(occurrence.exec);
    }

    /// Whether its calls were sent without waiting for each other: a driver's batch. The server then hardly waits between them;
    /// `None` where times are too coarse to tell.
    pub(super) fn is_sent_at_once(&self) -> Option<bool> {
        let (from, to) = (self.first.end, self.last.end);
        let grain = [1_000_000, 1_000].into_iter().find(|grain| from.0 % grain == 0 && to.0 % grain == 0).unwrap_or(1);
        let waited = to.since(from).0.saturating_sub(self.exec.0.saturating_sub(self.first.exec.0));
        let at_once = SHORTEST_WAIT * u64::from(self.n.saturating_sub(1));
        match () {
            () if waited + grain.unsigned_abs() < at_once => Some(true),
            () if waited < at_once + grain.unsigned_abs() => None,
            () => Some(false),
        }
    }
}

/// So many stretches of a run are kept apart; it then ends.
const MOST_STRETCHES: usize = 32;

/// Who waits for an answer before the next call takes at least so long for both; microseconds.
const SHORTEST_WAIT: u64 = 100;

/// What is kept of a run that may be a loop.
#[derive(Debug, Default)]
struct Looped {
    third: Occurrence,
    all: Stretch,
    /// Those that follow each other with nothing between, and such as came before; of a run over something sure none.
    unbroken: Stretch,
    stretches: Vec<Stretch>,
    seen: Vec<u32>,
    distinct: u32,
    blind: bool,
    paged: bool,
    parent: Option<Parent>,
}

/// So many values of a run are compared; a value that is none of the last ones is taken for a new one.
const MOST_SEEN: usize = 64;

impl Looped {
    fn count(&mut self, occurrence: &Occurrence) {
        self.all.count(occurrence);
        if occurrence.at != self.unbroken.last.at + 1 {
            if self.parent.is_none_or(|parent| parent.relation < 2) && self.unbroken.n >= FEWEST && self.stretches.len() < MOST_STRETCHES {
                self.stretches.push(self.unbroken);
            }
            self.unbroken = Stretch::default();
        }
        self.unbroken.count(occurrence);
        self.blind |= occurrence.is_blind;
        self.paged |= occurrence.is_paged;
        if self.seen.contains(&occurrence.hash) {
            return;
        }
        self.distinct += 1;
        if self.seen.len() < MOST_SEEN {
            self.seen.push(occurrence.hash);
        } else {
            self.seen[self.distinct as usize % MOST_SEEN] = occurrence.hash;
        }
    }
}

impl Run {
    pub(super) fn new(statement: u32, traits: Traits, at: u32) -> Self {
        Run { statement, traits, born: at, last: at, rows: 0, n: 0, early: [Occurrence::default(); EARLY], looped: None }
    }

    pub(super) fn reset(&mut self) {
        (self.n, self.looped) = (0, None);
    }

    pub(super) fn count(&mut self, occurrence: Occurrence) {
        if let Some(early) = self.early.get_mut(self.n as usize) {
            *early = occurrence;
        } else {
            let early = &self.early;
            let looped = self.looped.get_or_insert_with(|| {
                let mut looped = Box::new(Looped { third: occurrence, ..Looped::default() });
                early.iter().for_each(|occurrence| looped.count(occurrence));
                looped
            });
            looped.count(&occurrence);
        }
        self.n += 1;
    }

    /// The executions that are kept, at most [`FEWEST`] of those that count.
    pub(super) fn kept(&self) -> impl Iterator<Item = Occurrence> + '_ {
        let early = self.early[..(self.n as usize).min(EARLY)].iter();
        early.chain(self.looped.iter().map(|looped| &looped.third)).copied()
    }

    /// Begins again with what came after a moment; only what is kept can.
    pub(super) fn restart_after(&mut self, at: u32) {
        let kept: Vec<Occurrence> = self.kept().filter(|occurrence| occurrence.at > at).collect();
        self.reset();
        kept.into_iter().for_each(|occurrence| self.count(occurrence));
    }

    /// The first execution that counts.
    pub(super) fn first(&self) -> &Occurrence {
        &self.early[0]
    }

    /// The second, if there is one.
    pub(super) fn second(&self) -> &Occurrence {
        &self.early[1]
    }

    /// The last one.
    pub(super) fn end(&self) -> &Occurrence {
        match &self.looped {
            Some(looped) => &looped.all.last,
            None => &self.early[(self.n as usize).saturating_sub(1).min(EARLY - 1)],
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
    pub(super) fn whole(&self) -> Stretch {
        self.looped.as_ref().map_or_else(Stretch::default, |looped| looped.all)
    }

    /// Those of them that came with nothing between, where they may be loops of their own.
    pub(super) fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        let last = |looped: &'_ Looped| looped.unbroken.n >= FEWEST;
        self.looped.iter().flat_map(move |looped| looped.stretches.iter().chain(last(looped).then_some(&looped.unbroken)))
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
