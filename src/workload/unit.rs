//! One unit of work of a session: a request, a transaction, or calls that stand close together in time; and the runs in it.
//!
//! A run is one statement executed again and again. What it loops over, its parent, is looked for once it has come
//! [`FEWEST`] times, among the reads before it. When a parent is read anew its loops are over and others begin, unless it is
//! inside a loop itself: then they are nested, and one loop. State is bounded whatever comes.

use crate::units::{Micros, Timestamp};

use super::burst::{Bond, Class, FEWEST, Grade};
use super::loops::{Ended, Statements, Traits};

/// One execution, as a unit sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Occurrence {
    pub(super) statement: u32,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) exec: Micros,
    /// A hash of its values.
    pub(super) hash: u32,
    /// The rows it returned or may return; 0 if not known.
    pub(super) rows: u32,
    /// It was sent for several keys at once.
    pub(super) is_batch: bool,
    /// Its values are not known.
    pub(super) is_blind: bool,
    /// It asked for a later page.
    pub(super) is_paged: bool,
    pub(super) at: u32,
}

/// The statement a run loops over.
#[derive(Clone, Copy, Debug)]
struct Parent {
    statement: u32,
    /// How many rows it returned or may have returned; 0 if not known.
    rows: u32,
    relation: u8,
    /// How many calls lie between it and the run.
    distance: u32,
}

/// One statement in a unit.
#[derive(Clone, Debug)]
struct Run {
    statement: u32,
    traits: Traits,
    /// When it was first and last executed in the unit, counted in calls.
    born: u32,
    last: u32,
    rows: u32,
    /// The executions that count, of which the first are kept.
    n: u32,
    early: [Occurrence; FEWEST as usize],
    ended: (u32, Timestamp),
    exec: Micros,
    longest: Micros,
    seen: Vec<u32>,
    distinct: u32,
    blind: bool,
    paged: bool,
    parent: Option<Parent>,
}

/// More different statements are not told apart; the one executed longest ago is forgotten.
const MOST_RUNS: usize = 24;
/// A memory for more runs than these is given back at the end of a unit.
const USUAL_RUNS: usize = 8;
/// So many values of a run are compared; a value that is none of the last ones is taken for a new one.
const MOST_SEEN: usize = 64;
/// In a mere segment the parent stands not farther off than so many calls.
const NEAR: u32 = 8;

/// Of a hundred calls from the first to the last of a loop so many are part of it where hardly anything else happened, where
/// it was most of what happened, and where it was at least half.
const PURE: u32 = 90;
const MOSTLY: u32 = 70;
const PARTLY: u32 = 50;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Unit {
    ids: Vec<u32>,
    runs: Vec<Run>,
    pub(super) at: u32,
    writes: bool,
}

impl Run {
    fn new(statement: u32, traits: Traits, at: u32) -> Self {
        Run {
            statement,
            traits,
            born: at,
            last: at,
            rows: 0,
            n: 0,
            early: [Occurrence::default(); FEWEST as usize],
            ended: (0, Timestamp(0)),
            exec: Micros(0),
            longest: Micros(0),
            seen: Vec::new(),
            distinct: 0,
            blind: false,
            paged: false,
            parent: None,
        }
    }

    fn reset(&mut self) {
        (self.n, self.distinct, self.blind, self.paged, self.parent) = (0, 0, false, false, None);
        (self.exec, self.longest) = (Micros(0), Micros(0));
        self.seen.clear();
    }

    fn count(&mut self, occurrence: Occurrence) {
        if let Some(early) = self.early.get_mut(self.n as usize) {
            *early = occurrence;
        }
        self.n += 1;
        self.ended = (occurrence.at, occurrence.end);
        self.exec += occurrence.exec;
        self.longest = self.longest.max(occurrence.exec);
        self.blind |= occurrence.is_blind;
        self.paged |= occurrence.is_paged;
        self.saw(occurrence.hash);
    }

    /// Counts different values; those of the first executions are kept with them, so that a short run needs no memory.
    fn saw(&mut self, hash: u32) {
        let before = (self.n as usize - 1).min(self.early.len());
        if self.early[..before].iter().any(|early| early.hash == hash) || self.seen.contains(&hash) {
            return;
        }
        self.distinct += 1;
        if before < self.early.len() {
            return;
        }
        if self.seen.len() < MOST_SEEN {
            self.seen.push(hash);
        } else {
            self.seen[self.distinct as usize % MOST_SEEN] = hash;
        }
    }

    /// Begins again with what came after a moment; only what is kept of the first executions can.
    fn restart_after(&mut self, at: u32) {
        let kept: Vec<Occurrence> = self.early[..(self.n as usize).min(self.early.len())].iter().filter(|o| o.at > at).copied().collect();
        self.reset();
        kept.into_iter().for_each(|occurrence| self.count(occurrence));
    }

    fn class(&self) -> Option<Class> {
        if self.n < FEWEST || !self.traits.is_by_key || self.paged {
            return None;
        }
        let many = self.blind || self.distinct >= FEWEST.max(self.n * 3 / 10);
        match () {
            () if self.traits.role.writes() => (many || self.traits.inserts).then_some(Class::Writes),
            () if !self.blind && self.distinct == 1 && self.traits.values > 0 => Some(Class::Repeats),
            () => many.then_some(Class::Reads),
        }
    }
}

impl Unit {
    /// Takes the next execution.
    pub(super) fn add(&mut self, occurrence: Occurrence, traits: Traits, bond: Bond, statements: &mut Statements<'_>) {
        self.at += 1;
        self.writes |= traits.role.writes();
        let occurrence = Occurrence { at: self.at, ..occurrence };
        let place = match self.ids.iter().position(|&id| id == occurrence.statement) {
            Some(place) => {
                self.reread(place, bond, statements);
                place
            }
            None => self.open(occurrence.statement, traits),
        };
        let run = &mut self.runs[place];
        run.last = occurrence.at;
        run.rows = occurrence.rows;
        if occurrence.is_batch || !traits.is_by_key {
            return;
        }
        run.count(occurrence);
        if run.n == FEWEST {
            self.find_parent(place, bond, statements);
        }
    }

    fn open(&mut self, statement: u32, traits: Traits) -> usize {
        if self.runs.len() >= MOST_RUNS {
            let oldest = (0..self.runs.len()).min_by_key(|&place| (self.runs[place].n >= FEWEST, self.runs[place].last)).unwrap_or(0);
            self.runs.swap_remove(oldest);
            self.ids.swap_remove(oldest);
        }
        self.ids.push(statement);
        self.runs.push(Run::new(statement, traits, self.at));
        self.runs.len() - 1
    }

    /// A statement is executed again: what looped over its rows has ended, if it is in no loop itself.
    fn reread(&mut self, place: usize, bond: Bond, statements: &mut Statements<'_>) {
        let statement = self.runs[place].statement;
        let is_parent = |run: &Run| run.parent.is_some_and(|parent| parent.statement == statement);
        if !self.runs[place].traits.reads || !self.runs.iter().any(is_parent) || self.is_inside(place, bond, statements) {
            return;
        }
        let below: Vec<usize> = (0..self.runs.len()).filter(|&at| at != place && self.roots(at).contains(&statement)).collect();
        self.end_some(&below, bond, statements);
        below.into_iter().for_each(|at| self.runs[at].reset());
    }

    /// Whether a statement is repeated for the rows of another one.
    fn is_inside(&self, place: usize, bond: Bond, statements: &mut Statements<'_>) -> bool {
        let run = &self.runs[place];
        let certain = |relation: u8| relation == 2 || bond != Bond::Segment;
        let parent = || self.parent_of(place, run.born, bond, statements).map(|(_, parent)| parent);
        // What is sent for many keys at once is in no loop.
        run.n > 0 && run.traits.is_by_key && run.parent.or_else(parent).is_some_and(|parent| certain(parent.relation))
    }

    /// The statements above a run, the nearest first.
    fn roots(&self, place: usize) -> Vec<u32> {
        let mut above = Vec::new();
        let mut at = place;
        while let Some(parent) = self.runs.get(at).and_then(|run| run.parent) {
            if above.len() >= 4 || above.contains(&parent.statement) {
                break;
            }
            above.push(parent.statement);
            match self.ids.iter().position(|&id| id == parent.statement) {
                Some(next) => at = next,
                None => break,
            }
        }
        above
    }

    fn find_parent(&mut self, place: usize, bond: Bond, statements: &mut Statements<'_>) {
        let first = self.runs[place].early[0].at;
        if self.runs[place].distinct == 1 && !self.runs[place].traits.role.writes() {
            return;
        }
        // The first of them may have come before the parent, for another reason.
        let second = self.runs[place].early[1].at;
        let late = |found: &(usize, Parent)| found.1.relation == 2;
        let found = self.parent_of(place, first, bond, statements);
        let Some((at, parent)) = found.or_else(|| self.parent_of(place, second, bond, statements).filter(late)) else { return };
        let last = self.runs[at].last;
        if last > first && !self.is_inside(at, bond, statements) {
            self.runs[place].restart_after(last);
            return;
        }
        self.runs[place].parent = Some(parent);
    }

    /// The likeliest parent of a run that began at a moment, and its place.
    fn parent_of(&self, place: usize, first: u32, bond: Bond, statements: &mut Statements<'_>) -> Option<(usize, Parent)> {
        let child = &self.runs[place];
        let mut best: Option<(usize, Parent)> = None;
        for (at, run) in self.runs.iter().enumerate() {
            if at == place || !run.traits.reads || run.born >= first {
                continue;
            }
            let relation = statements.relation(child.statement, run.statement);
            let distance = first.saturating_sub(run.last);
            // Once for each: what is read before a row is written, not what is looped over.
            let is_companion = run.n >= FEWEST && child.n > 0 && run.early[1].at > child.early[0].at && run.n + 1 >= child.n;
            if is_companion && !self.is_inside(at, bond, statements) {
                continue;
            }
            if relation == 0 || (bond == Bond::Segment && distance > NEAR) {
                continue;
            }
            let better =
                best.is_none_or(|(_, known)| (relation, std::cmp::Reverse(distance)) > (known.relation, std::cmp::Reverse(known.distance)));
            if better {
                best = Some((at, Parent { statement: run.statement, rows: run.rows, relation, distance }));
            }
        }
        best
    }

    /// Ends the unit and every run in it.
    pub(super) fn end(&mut self, bond: Bond, statements: &mut Statements<'_>) {
        if self.runs.iter().any(|run| run.n >= FEWEST) {
            let all: Vec<usize> = (0..self.runs.len()).collect();
            self.end_some(&all, bond, statements);
        }
        self.clear();
    }

    fn clear(&mut self) {
        if self.runs.capacity() > USUAL_RUNS {
            (self.runs, self.ids) = (Vec::new(), Vec::new());
        }
        self.runs.clear();
        self.ids.clear();
        (self.at, self.writes) = (0, false);
    }

    /// Ends a short transaction with a write in it: what came too seldom to be a loop within may be part of one around.
    pub(super) fn end_into(&mut self, bond: Bond, statements: &mut Statements<'_>) -> Vec<(Occurrence, Traits)> {
        let mut rest = Vec::new();
        if self.writes && self.at <= NEAR {
            let few = self.runs.iter().filter(|run| run.n < FEWEST);
            rest = few.flat_map(|run| run.early[..run.n as usize].iter().map(|&occurrence| (occurrence, run.traits))).collect();
            rest.sort_by_key(|(occurrence, _)| occurrence.at);
        }
        self.end(bond, statements);
        rest
    }

    fn end_some(&self, places: &[usize], bond: Bond, statements: &mut Statements<'_>) {
        let first = statements.ended.len();
        for &place in places {
            let run = &self.runs[place];
            if let Some(class) = run.class()
                && let Some(ended) = self.burst(place, run, class, bond, statements)
            {
                statements.ended.push(ended);
            }
        }
        // Of several loops in one the longest stands for the time of all.
        for at in first..statements.ended.len() {
            let wall = |ended: &Ended| (ended.end.0 - ended.start.0, std::cmp::Reverse(ended.start), std::cmp::Reverse(ended.child));
            let mine = &statements.ended[at];
            let beside = |other: &Ended| other.root == mine.root && other.start <= mine.end && mine.start <= other.end;
            let longest = statements.ended[first..].iter().filter(|other| mine.root.is_none() || beside(other)).map(wall).max();
            statements.ended[at].counts = mine.root.is_none() || longest == Some(wall(mine));
        }
    }

    fn burst(&self, place: usize, run: &Run, class: Class, bond: Bond, statements: &Statements<'_>) -> Option<Ended> {
        let roots = self.roots(place);
        let root = roots.last().copied();
        let (start, end) = (run.early[0].start, run.ended.1);
        let wall = u64::try_from(end.0.saturating_sub(start.0)).unwrap_or(0);
        let period = wall / u64::from(run.n);
        if bond == Bond::Segment && run.parent.is_none() && class != Class::Writes && period > 5_000 {
            return None;
        }
        let span = run.ended.0 - run.early[0].at + 1;
        let beside = self.runs.iter().enumerate().filter(|(at, other)| {
            let overlaps = other.n > 0 && other.early[0].at <= run.ended.0 && run.early[0].at <= other.ended.0;
            // Of one loop, or as often on the same table: part of what is done for each row.
            let is_as_often = other.n * 10 >= run.n * 8 && other.n * 8 <= run.n * 10;
            let is_of_it = (root.is_some() && self.roots(*at).last().copied() == root)
                || (is_as_often && statements.share_table(run.statement, other.statement));
            *at == place || (overlaps && is_of_it)
        });
        let family: u32 = beside.map(|(_, other)| other.n).sum();
        let share = family * 100 / span.max(1);
        let is_pure = share >= PURE;
        let outer = self.outer(&roots);
        // Whatever else was executed in between, or how often: nearness in time alone makes no loop.
        let unlike = |run: &Run| run.parent.is_some_and(|parent| parent.rows > 1) && !Judged::matches(run, false);
        let is_vague = run.parent.is_none_or(|parent| parent.relation < 2);
        let is_far_off = run.parent.is_some_and(|parent| run.n > parent.rows * 2 || run.n * 2 < parent.rows);
        let misfits = outer.is_some_and(unlike) || (is_vague && unlike(run) && is_far_off);
        if bond == Bond::Segment && (((run.parent.is_none() || outer.is_some()) && !is_pure) || misfits || share < PARTLY) {
            return None;
        }
        let judged = Judged { run, class, bond, share, outer };
        let waste = (wall + run.early[0].exec.0).saturating_sub(run.longest.0 + period);
        Some(Ended {
            class,
            child: run.statement,
            parent: run.parent.map(|parent| parent.statement),
            root,
            start,
            end,
            n: run.n,
            scale: outer.map_or(run.n, |outer| outer.n.max(run.n)),
            bond,
            grade: judged.grade(),
            exec: run.exec,
            waste: Micros(waste),
            counts: true,
            is_pipelined: class == Class::Writes && wall >= 5_000 && run.exec.0 * 10 > wall * 6 && run.exec.0 / u64::from(run.n) < 1_000,
        })
    }

    /// The run around a nested one, where there is one.
    fn outer(&self, roots: &[u32]) -> Option<&Run> {
        let parent = roots.first().filter(|_| roots.len() > 1)?;
        self.ids.iter().position(|id| id == parent).map(|at| &self.runs[at])
    }
}

/// What the confidence in a burst rests on.
struct Judged<'u> {
    run: &'u Run,
    class: Class,
    bond: Bond,
    /// How many of a hundred calls from its first to its last were part of it.
    share: u32,
    outer: Option<&'u Run>,
}

impl Judged<'_> {
    fn grade(&self) -> Grade {
        let (run, in_unit) = (self.run, self.bond != Bond::Segment);
        if self.class == Class::Repeats {
            return match () {
                () if in_unit && run.n >= 5 => Grade::High,
                () if in_unit || self.share >= PURE => Grade::Medium,
                () => Grade::Low,
            };
        }
        // A nested loop is as long as it is; the one around it must fit its parent's rows.
        let matches = match self.outer {
            Some(outer) => Self::matches(outer, in_unit),
            None => Self::matches(run, in_unit),
        };
        let relation = run.parent.map_or(0, |parent| parent.relation);
        let mut score = i32::from(relation) + if in_unit { 3 } else { 0 } + if matches { 2 } else { 0 };
        score += i32::from(run.n >= 10) + i32::from(run.distinct * 10 >= run.n * 9);
        if run.parent.is_none() && self.class == Class::Reads {
            score -= 2;
        }
        let near = run.parent.is_some_and(|parent| parent.distance <= 2 || self.outer.is_some());
        let certain = if in_unit { self.share >= MOSTLY } else { matches && relation == 2 && self.share >= PURE && near };
        match () {
            () if score >= 5 && certain && !run.blind => Grade::High,
            () if score >= 3 && self.share >= PARTLY => Grade::Medium,
            () => Grade::Low,
        }
    }

    /// Whether it came as often as its parent had rows. Nulls and what is loaded already make it fewer, never more.
    fn matches(run: &Run, in_unit: bool) -> bool {
        let rows = run.parent.map_or(0, |parent| parent.rows);
        let most = if in_unit { rows + rows / 5 } else { rows };
        rows > 1 && run.n <= most && run.n * 10 >= rows * 8
    }
}
