//! One unit of work of a session: a request, a transaction, or calls that stand close together in time; and the runs in it.
//!
//! A run is one statement executed again and again. What it loops over, its parent, is looked for once it has come
//! [`FEWEST`] times, among the reads before it. When a parent is read anew its loops are over and others begin, unless it is
//! inside a loop itself: then they are nested, and one loop. State is bounded whatever comes.
//!
//! Most units have no loop: until some statement comes [`FEWEST`] times nothing is decided, so the calls are only kept, and the
//! runs are made of them when it does.

use super::burst::{Bond, FEWEST};
use super::loops::{Ended, Statements, Traits};
use super::run::{Occurrence, Parent, Run};

mod judged;
mod places;

use judged::{Judged, MOSTLY, PURE};
use places::{Places, Roots};

/// More different statements are not told apart; the one executed longest ago is forgotten.
const MOST_RUNS: usize = 24;
/// A memory for more runs than these is given back at the end of a unit.
const USUAL_RUNS: usize = 16;
/// In a mere segment the parent stands not farther off than so many calls.
const NEAR: u32 = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// The statements of the runs, or of the calls that are kept before there are runs.
    ids: Vec<u32>,
    early: Vec<(Occurrence, Traits)>,
    runs: Vec<Run>,
    at: u32,
    writes: bool,
    /// Some run has come often enough to be a loop.
    has_loops: bool,
    /// The statement executed last.
    previous: u32,
}

impl Unit {
    /// Takes the next execution.
    pub(super) fn add(&mut self, occurrence: Occurrence, traits: Traits, bond: Bond, statements: &mut Statements<'_>) {
        self.at += 1;
        self.writes |= traits.role.writes();
        let occurrence = Occurrence { at: self.at, ..occurrence };
        if self.runs.is_empty() {
            let again = self.ids.iter().filter(|&&id| id == occurrence.statement).count();
            if again + 1 < FEWEST as usize && self.ids.len() < MOST_RUNS {
                self.ids.push(occurrence.statement);
                return self.early.push((occurrence, traits));
            }
            self.ids.clear();
            let mut early = std::mem::take(&mut self.early);
            early.drain(..).for_each(|(occurrence, traits)| self.run(occurrence, traits, bond, statements));
            self.early = early;
        }
        self.run(occurrence, traits, bond, statements);
    }

    /// Takes an execution as part of a run.
    fn run(&mut self, occurrence: Occurrence, traits: Traits, bond: Bond, statements: &mut Statements<'_>) {
        let place = match self.ids.iter().position(|&id| id == occurrence.statement) {
            Some(place) => {
                self.reread(place, bond, statements);
                place
            }
            None => self.open(occurrence.statement, traits, occurrence.at),
        };
        if self.is_for_others(place, occurrence.at, statements) || (bond == Bond::Segment && self.is_over(place, statements)) {
            if self.runs[place].is_loop() {
                self.end_some(std::iter::once(place), bond, statements);
            }
            self.runs[place].reset();
        }
        self.previous = occurrence.statement;
        let run = &mut self.runs[place];
        run.last = occurrence.at;
        run.rows = occurrence.rows;
        if !counts(&occurrence, traits) {
            return;
        }
        let known = run.distinct();
        run.count(occurrence);
        // With one value it repeats itself; with a second one it loops over something.
        if run.n == FEWEST || (known == 1 && run.distinct() > 1) {
            self.has_loops = true;
            self.find_parent(place, bond, statements);
        }
    }

    /// Whether a run goes on for the rows of another read, right before it, than those it began with: a list; one that fits it
    /// where the first hardly does; or one that is read for the first time.
    fn is_for_others(&self, place: usize, at: u32, statements: &mut Statements<'_>) -> bool {
        let run = &self.runs[place];
        if run.n == 0 || self.previous == run.statement {
            return false;
        }
        let relation = statements.relation(run.statement, self.previous);
        let Some(read) = self.ids.iter().position(|&id| relation > 0 && id == self.previous).map(|at| &self.runs[at]) else { return false };
        let (is_new, is_list) = (read.born + 1 == at, read.n == 0);
        match relation {
            2 => is_new || is_list || (run.is_loop() && run.is_vague() && !run.has_companion(read)),
            _ => is_new && read.rows > 1 && run.is_loop() && run.is_vague(),
        }
    }

    /// Whether a loop is over, although its statement comes again: it has come for each row of a list, or hardly anything else
    /// happened in it, and then much else.
    fn is_over(&self, place: usize, statements: &Statements<'_>) -> bool {
        let run = &self.runs[place];
        if !run.is_loop() || self.previous == run.statement {
            return false;
        }
        if run.is_in_pieces() {
            return true;
        }
        let is_list = |statement: u32| self.ids.iter().position(|&id| id == statement).is_some_and(|at| self.runs[at].n == 0);
        if run.parent().is_some_and(|parent| parent.rows > 1 && run.n >= parent.rows && is_list(parent.statement)) {
            return true;
        }
        if self.at - run.last <= NEAR {
            return false;
        }
        let family = self.family(place, self.roots(place).last().copied(), statements);
        let share = |until: u32| self.share(family, until - run.first().at);
        share(run.last + 1) >= PURE && share(self.at) < MOSTLY
    }

    fn open(&mut self, statement: u32, traits: Traits, at: u32) -> usize {
        if self.runs.len() >= MOST_RUNS {
            let oldest = (0..self.runs.len()).min_by_key(|&place| (self.runs[place].is_loop(), self.runs[place].last)).unwrap_or(0);
            self.runs.swap_remove(oldest);
            self.ids.swap_remove(oldest);
        }
        self.ids.push(statement);
        self.runs.push(Run::new(statement, traits, at));
        self.runs.len() - 1
    }

    /// A statement is executed again: what looped over its rows has ended, if it is in no loop itself.
    fn reread(&mut self, place: usize, bond: Bond, statements: &mut Statements<'_>) {
        let statement = self.runs[place].statement;
        let is_parent = |run: &Run| run.parent().is_some_and(|parent| parent.statement == statement);
        if !self.has_loops || !self.runs[place].traits.reads || !self.runs.iter().any(is_parent) || self.is_inside(place, bond, statements)
        {
            return;
        }
        let below: Places = (0..self.runs.len()).filter(|&at| at != place && self.roots(at).contains(&statement)).collect();
        // What was done once for each of its rows besides is over too.
        let since = self.runs[place].last;
        let goes_with = |at: &usize| {
            let run = &self.runs[*at];
            let is_since = run.n > 0 && run.parent().is_none() && run.first().at > since;
            *at != place && is_since && below.iter().any(|known| known != *at && run.is_as_often_as(&self.runs[known]))
        };
        let beside: Places = (0..self.runs.len()).filter(goes_with).collect();
        let over = below.iter().chain(beside.iter());
        self.end_some(over.clone(), bond, statements);
        over.for_each(|at| self.runs[at].reset());
    }

    /// Whether a statement is repeated for the rows of another one.
    fn is_inside(&self, place: usize, bond: Bond, statements: &mut Statements<'_>) -> bool {
        let run = &self.runs[place];
        let certain = |relation: u8| relation == 2 || bond != Bond::Segment;
        let parent = || self.parent_of(place, run.born, bond, statements).map(|(_, parent)| parent);
        // What is sent for many keys at once is in no loop.
        run.n > 0 && run.traits.is_by_key && run.parent().or_else(parent).is_some_and(|parent| certain(parent.relation))
    }

    /// The statements above a run, the nearest first.
    fn roots(&self, place: usize) -> Roots {
        let mut above = Roots::default();
        let mut at = place;
        while let Some(parent) = self.runs.get(at).and_then(Run::parent) {
            if above.contains(&parent.statement) || !above.push(parent.statement) {
                break;
            }
            match self.ids.iter().position(|&id| id == parent.statement) {
                Some(next) => at = next,
                None => break,
            }
        }
        above
    }

    fn find_parent(&mut self, place: usize, bond: Bond, statements: &mut Statements<'_>) {
        let first = self.runs[place].first().at;
        if self.runs[place].distinct() == 1 && !self.runs[place].traits.role.writes() {
            return;
        }
        // The first of them may have come before the parent, for another reason.
        let second = self.runs[place].second().at;
        let late = |found: &(usize, Parent)| found.1.relation == 2;
        let found = self.parent_of(place, first, bond, statements);
        let Some((at, parent)) = found.or_else(|| self.parent_of(place, second, bond, statements).filter(late)) else { return };
        let last = self.runs[at].last;
        if last > first && !self.is_inside(at, bond, statements) {
            // What is no longer kept cannot begin again.
            if self.runs[place].n == FEWEST {
                self.runs[place].restart_after(last);
            }
            return;
        }
        self.runs[place].loops_over(parent);
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
            if child.has_companion(run) && !self.is_inside(at, bond, statements) {
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
        if self.has_loops {
            self.end_some(0..self.runs.len(), bond, statements);
        }
        self.clear();
    }

    /// The statements in it, each once.
    pub(super) fn statements(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids.iter().enumerate().filter(|(at, id)| !self.ids[..*at].contains(id)).map(|(_, &id)| id)
    }

    fn clear(&mut self) {
        if self.runs.capacity() > USUAL_RUNS {
            (self.runs, self.ids) = (Vec::new(), Vec::new());
        }
        self.early.clear();
        self.runs.clear();
        self.ids.clear();
        (self.at, self.writes, self.has_loops) = (0, false, false);
    }

    /// Ends a short transaction with a write in it: what came too seldom to be a loop within may be part of one around.
    pub(super) fn end_into(&mut self, rest: &mut Vec<(Occurrence, Traits)>, bond: Bond, statements: &mut Statements<'_>) {
        if self.writes && self.at <= NEAR {
            rest.extend(self.early.iter().filter(|(occurrence, traits)| counts(occurrence, *traits)));
            for run in self.runs.iter().filter(|run| !run.is_loop()) {
                rest.extend(run.kept().map(|occurrence| (occurrence, run.traits)));
            }
            rest.sort_unstable_by_key(|(occurrence, _)| occurrence.at);
        }
        self.end(bond, statements);
    }

    fn end_some(&mut self, places: impl Iterator<Item = usize>, bond: Bond, statements: &mut Statements<'_>) {
        let first = statements.ended.len();
        for place in places {
            self.reconsider(place, statements);
            if let Some(class) = self.runs[place].class() {
                self.judge(place, class, bond, statements);
            }
        }
        // Of several loops in one the longest stands for the time of all.
        for at in first..statements.ended.len() {
            let wall = |ended: &Ended| (ended.end.since(ended.start), std::cmp::Reverse(ended.start), std::cmp::Reverse(ended.child));
            let mine = &statements.ended[at];
            let beside = |other: &Ended| other.root == mine.root && other.start <= mine.end && mine.start <= other.end;
            let longest = statements.ended[first..].iter().filter(|other| mine.root.is_none() || beside(other)).map(wall).max();
            statements.ended[at].counts = mine.root.is_none() || longest == Some(wall(mine));
        }
    }

    /// Now that its length is known: where a run came not as often as its parent had rows, but as often as another read had
    /// right before it, it looped over those.
    fn reconsider(&mut self, place: usize, statements: &mut Statements<'_>) {
        let run = &self.runs[place];
        if !run.is_loop() || Judged::matches(run, false) {
            return;
        }
        let mut best: Option<Parent> = None;
        for other in &self.runs {
            let distance = run.first().at.saturating_sub(other.last);
            if other.statement == run.statement || !other.traits.reads || !(1..=NEAR).contains(&distance) {
                continue;
            }
            let parent = Parent { statement: other.statement, rows: other.rows, relation: 0, distance };
            if !parent.is_matched_by(run.n, false) {
                continue;
            }
            let relation = statements.relation(run.statement, other.statement);
            let rank = |parent: &Parent| (parent.relation, std::cmp::Reverse(parent.distance));
            let parent = Parent { relation, ..parent };
            if relation > 0 && best.as_ref().is_none_or(|known| rank(&parent) > rank(known)) {
                best = Some(parent);
            }
        }
        if let Some(parent) = best {
            self.runs[place].loops_over(parent);
        }
    }
}

/// Whether an execution may be one of a loop.
fn counts(occurrence: &Occurrence, traits: Traits) -> bool {
    traits.is_by_key && !occurrence.is_batch
}
