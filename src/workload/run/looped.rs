//! What is kept of a run once it may be a loop, and the memory for it.

use crate::units::{Micros, Timestamp};

use super::{Occurrence, Parent, Run};
use crate::workload::burst::FEWEST;

/// Calls from one to another, and what they took; in the order in which a call asks for it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(in crate::workload) struct Stretch {
    /// When the last one ended.
    pub(in crate::workload) end: Timestamp,
    pub(in crate::workload) exec: Micros,
    pub(in crate::workload) longest: Micros,
    /// The last one's place among the calls of the unit.
    pub(super) at: u32,
    pub(in crate::workload) n: u32,
    /// All had the same values.
    pub(in crate::workload) is_one: bool,
    pub(in crate::workload) first: Occurrence,
}

impl Stretch {
    /// Of one call.
    fn of(first: &Occurrence) -> Self {
        let Occurrence { end, exec, at, .. } = *first;
        Stretch { end, exec, longest: exec, at, n: 1, is_one: true, first: *first }
    }

    fn count(&mut self, occurrence: &Occurrence) {
        self.is_one = self.is_one && occurrence.hash == self.first.hash;
        (self.end, self.at) = (occurrence.end, occurrence.at);
        self.n += 1;
        self.exec += occurrence.exec;
        self.longest = self.longest.max(occurrence.exec);
    }

    /// Whether its calls were sent without waiting for each other: a driver's batch. The server then hardly waits between them;
    /// `None` where times are too coarse to tell.
    pub(in crate::workload) fn is_sent_at_once(&self) -> Option<bool> {
        let (from, to) = (self.first.end, self.end);
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
pub(super) const MOST_STRETCHES: usize = 32;

/// Who waits for an answer before the next call takes at least so long for both; microseconds.
const SHORTEST_WAIT: u64 = 100;

/// What is kept of a run that may be a loop, in the order in which a call asks for it.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Looped {
    pub(super) all: Stretch,
    pub(super) distinct: u32,
    pub(super) blind: bool,
    pub(super) paged: bool,
    /// Nothing has come between its calls, so that all of them are one stretch.
    is_whole: bool,
    /// A bit for each value that was seen, by its hash; others may have the same.
    marks: [u64; 4],
    pub(super) parent: Option<Parent>,
    /// Once something has: those that follow each other with nothing between, and such as came before; of a run over something
    /// sure none.
    unbroken: Stretch,
    pub(super) stretches: Vec<Stretch>,
    /// The last different values; meaningful are as many as there were.
    seen: [u32; MOST_SEEN],
}

/// So many values of a run are compared; a value that is none of the last ones is taken for a new one.
const MOST_SEEN: usize = 64;

impl Looped {
    /// As for a loop that begins with one call.
    fn begin(&mut self, first: &Occurrence) {
        self.all = Stretch::of(first);
        (self.distinct, self.blind, self.paged, self.is_whole) = (0, first.is_blind, first.is_paged, true);
        (self.marks, self.parent) = ([0; 4], None);
        self.stretches.clear();
        self.see(first.hash);
    }

    pub(super) fn count(&mut self, occurrence: &Occurrence) {
        if occurrence.at != self.all.at + 1 {
            self.part(occurrence);
        } else if !self.is_whole {
            self.unbroken.count(occurrence);
        }
        self.all.count(occurrence);
        self.blind |= occurrence.is_blind;
        self.paged |= occurrence.is_paged;
        self.see(occurrence.hash);
    }

    /// Something came before this one.
    fn part(&mut self, occurrence: &Occurrence) {
        let before = self.unbroken();
        if before.n >= FEWEST && self.parent.is_none_or(|parent| parent.relation < 2) && self.stretches.len() < MOST_STRETCHES {
            let before = *before;
            self.stretches.push(before);
        }
        self.unbroken = Stretch::of(occurrence);
        self.is_whole = false;
    }

    pub(super) fn unbroken(&self) -> &Stretch {
        if self.is_whole { &self.all } else { &self.unbroken }
    }

    fn see(&mut self, hash: u32) {
        let (mark, bit) = (&mut self.marks[hash as usize / 64 % 4], 1 << (hash % 64));
        let kept = &self.seen[..(self.distinct as usize).min(MOST_SEEN)];
        if *mark & bit != 0 && kept.contains(&hash) {
            return;
        }
        *mark |= bit;
        // Those beyond the last place displace the first ones, of which the very first is the last to go.
        self.distinct += 1;
        let place = if kept.len() < MOST_SEEN { kept.len() } else { self.distinct as usize % MOST_SEEN };
        self.seen[place] = hash;
    }
}

/// Memory that loops have given back, for those to come.
#[derive(Debug, Default)]
pub(in crate::workload) struct Spare {
    #[expect(clippy::vec_box, reason = "they are lent as they are")]
    looped: Vec<Box<Looped>>,
    runs: Vec<Vec<Run>>,
}

/// More is not kept.
const MOST_SPARE: usize = 64;

impl Spare {
    pub(super) fn looped(&mut self, first: &Occurrence) -> Box<Looped> {
        let mut looped = self.looped.pop().unwrap_or_else(|| {
            let stretch = Stretch::of(first);
            Box::new(Looped {
                all: stretch,
                distinct: 0,
                blind: false,
                paged: false,
                is_whole: true,
                marks: [0; 4],
                parent: None,
                unbroken: stretch,
                stretches: Vec::new(),
                seen: [0; MOST_SEEN],
            })
        });
        looped.begin(first);
        looped
    }

    pub(super) fn take_back(&mut self, looped: Box<Looped>) {
        if self.looped.len() < MOST_SPARE {
            self.looped.push(looped);
        }
    }

    /// Memory for runs.
    pub(in crate::workload) fn runs(&mut self) -> Vec<Run> {
        self.runs.pop().unwrap_or_default()
    }

    /// Takes it back, with what is in it.
    pub(in crate::workload) fn take_back_runs(&mut self, mut runs: Vec<Run>) {
        runs.iter_mut().for_each(|run| run.reset(self));
        runs.clear();
        if self.runs.len() < MOST_SPARE {
            self.runs.push(runs);
        }
    }
}
