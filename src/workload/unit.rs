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

mod ids;
mod judged;
mod places;

use ids::Ids;
use judged::{Judged, MOSTLY, PURE};
use places::{Places, Roots};

/// More different statements are not told apart; the one executed longest ago is forgotten.
const MOST_RUNS: usize = 24;
/// In a mere segment the parent stands not farther off than so many calls.
const NEAR: u32 = 8;

/// See the module. In the order in which a call asks for it: a short unit is in its first lines of a cache.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Unit {
    at: u32,
    writes: bool,
    /// Some run has come often enough to be a loop.
    has_loops: bool,
    /// The calls that are kept before there are runs.
    early: Vec<Occurrence>,
    /// The statements of the runs, or of the calls that are kept before there are runs.
    ids: Ids,
    /// Lent while there are some.
    runs: Vec<Run>,
    /// The place of the one executed last.
    latest: usize,
    /// A bit for each statement that is a parent, by its number; others may have the same.
    parents: u64,
}

impl Unit {
    /// Takes the next execution.
    pub(super) fn add(&mut self, mut occurrence: Occurrence, traits: Traits, bond: Bond, statements: &mut Statements<'_>) {
        self.at += 1;
        self.writes |= traits.role.writes();
        occurrence.at = self.at;
        occurrence.counts = traits.is_by_key && !occurrence.is_batch;
        if self.runs.is_empty() {
            if self.keeps(&occurrence) {
                return;
            }
            self.begin_runs(bond, statements);
        }
        self.run(&occurrence, traits, bond, statements);
    }

    /// Keeps an execution as long as nothing can be a loop; whether it does.
    #[inline(never)]
    fn keeps(&mut self, occurrence: &Occurrence) -> bool {
        let known = self.ids.places(occurrence.statement);
        let keeps = self.ids.has_room() && (known.is_empty() || known.count() + 1 < FEWEST);
        if keeps {
            self.ids.push(occurrence.statement, known);
            self.early.push(*occurrence);
        }
        keeps
    }

    /// Makes runs of the calls that were kept.
    #[cold]
    fn begin_runs(&mut self, bond: Bond, statements: &mut Statements<'_>) {
        self.ids.clear();
        self.runs = statements.spare().runs();
        let mut early = std::mem::take(&mut self.early);
        for occurrence in early.drain(..) {
            let traits = statements.traits(occurrence.statement);
            self.run(&occurrence, traits, bond, statements);
        }
        self.early = early;
    }

    /// Takes an execution as part of a run.
    fn run(&mut self, occurrence: &Occurrence, traits: Traits, bond: Bond, statements: &mut Statements<'_>) {
        let statement = occurrence.statement;
        if traits.reads && self.parents & mark(statement) != 0 {
            self.reread(statement, bond, statements);
        }
        let place = if !self.runs.is_empty() && self.ids.is_at(self.latest, statement) {
            self.latest
        } else if let Some(place) = self.ids.place(statement) {
            self.come_back_to(place, occurrence.at, bond, statements);
            place
        } else {
            self.open(statement, traits, occurrence.at, statements)
        };
        self.latest = place;
        let run = &mut self.runs[place];
        run.last = occurrence.at;
        run.rows = occurrence.rows;
        if occurrence.counts && run.count(occurrence, statements.spare()) {
            self.has_loops = true;
            self.find_parent(place, occurrence, bond, statements);
        }
    }

    /// A run goes on after something else, or is over, and another begins.
    #[inline(never)]
    fn come_back_to(&mut self, place: usize, at: u32, bond: Bond, statements: &mut Statements<'_>) {
        if self.is_for_others(place, at, statements) || (bond == Bond::Segment && self.is_over(place, statements)) {
            if self.runs[place].is_loop() {
                self.end_some(std::iter::once(place), bond, statements);
            }
            self.runs[place].reset(statements.spare());
        }
    }

    /// Whether a run goes on for the rows of another read, right before it, than those it began with: a list; one that fits it
    /// where the first hardly does; or one that is read for the first time.
    fn is_for_others(&self, place: usize, at: u32, statements: &mut Statements<'_>) -> bool {
        let run = &self.runs[place];
        if run.n == 0 {
            return false;
        }
        let read = &self.runs[self.latest];
        let relation = statements.relation(run.statement, read.statement);
        let (is_new, is_list) = (read.born + 1 == at, read.n == 0);
        match relation {
            0 => false,
            2 => is_new || is_list || (run.is_loop() && run.is_vague() && !run.has_companion(read)),
            _ => is_new && read.rows > 1 && run.is_loop() && run.is_vague(),
        }
    }

    /// Whether a loop is over, although its statement comes again: it has come for each row of a list, or hardly anything else
    /// happened in it, and then much else.
    fn is_over(&self, place: usize, statements: &Statements<'_>) -> bool {
        let run = &self.runs[place];
        if !run.is_loop() {
            return false;
        }
        if run.is_in_pieces() {
            return true;
        }
        let is_list = |statement: u32| self.ids.place(statement).is_some_and(|at| self.runs[at].n == 0);
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

    /// Begins a run; where there are too many, the oldest is forgotten.
    #[inline(never)]
    fn open(&mut self, statement: u32, traits: Traits, at: u32, statements: &mut Statements<'_>) -> usize {
        if self.ids.has_room() {
            self.runs.push(Run::new(statement, traits, at));
        } else {
            let oldest = self.oldest();
            self.runs[oldest].reset(statements.spare());
            self.ids.swap_remove(oldest);
            // The last one takes its place, and the new one that of the last.
            let last = self.runs.len() - 1;
            self.runs.swap(oldest, last);
            self.runs[last].begin(statement, traits, at);
        }
        self.ids.push(statement, Places::default());
        self.runs.len() - 1
    }

    /// The run executed longest ago of those that are no loops, or of all.
    fn oldest(&self) -> usize {
        let (mut oldest, mut least) = (0, u64::MAX);
        for (place, run) in self.runs.iter().enumerate() {
            let age = u64::from(run.is_loop()) << u32::BITS | u64::from(run.last);
            if age < least {
                (oldest, least) = (place, age);
            }
        }
        oldest
    }

    /// A statement that may be a parent is executed again: what looped over its rows has ended, if it is in no loop itself.
    fn reread(&mut self, statement: u32, bond: Bond, statements: &mut Statements<'_>) {
        let Some(place) = self.ids.place(statement) else { return };
        let is_parent = |run: &Run| run.parent().is_some_and(|parent| parent.statement == statement);
        if !self.runs.iter().any(is_parent) || self.is_inside(place, bond, statements) {
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
        over.for_each(|at| self.runs[at].reset(statements.spare()));
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
            match self.ids.place(parent.statement) {
                Some(next) => at = next,
                None => break,
            }
        }
        above
    }

    /// Looks for what a run loops over that an execution has just become part of.
    fn find_parent(&mut self, place: usize, occurrence: &Occurrence, bond: Bond, statements: &mut Statements<'_>) {
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
                self.runs[place].restart_after(last, occurrence, statements.spare());
            }
            return;
        }
        self.loops_over(place, parent);
    }

    fn loops_over(&mut self, place: usize, parent: Parent) {
        self.parents |= mark(parent.statement);
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
            let distance = first.saturating_sub(run.last);
            if bond == Bond::Segment && distance > NEAR {
                continue;
            }
            let relation = statements.relation(child.statement, run.statement);
            let is_better = |known: Parent| (relation, std::cmp::Reverse(distance)) > (known.relation, std::cmp::Reverse(known.distance));
            if relation == 0 || !best.is_none_or(|(_, known)| is_better(known)) {
                continue;
            }
            if !child.has_companion(run) || self.is_inside(at, bond, statements) {
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
        self.clear(statements);
    }

    /// The statements in it, each once.
    pub(super) fn statements(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids.each()
    }

    fn clear(&mut self, statements: &mut Statements<'_>) {
        self.early.clear();
        if !self.runs.is_empty() {
            statements.spare().take_back_runs(std::mem::take(&mut self.runs));
        }
        self.ids.clear();
        (self.at, self.writes, self.has_loops, self.parents) = (0, false, false, 0);
    }

    /// Ends a short transaction with a write in it: what came too seldom to be a loop within may be part of one around.
    pub(super) fn end_into(&mut self, rest: &mut Vec<(Occurrence, Traits)>, bond: Bond, statements: &mut Statements<'_>) {
        if self.writes && self.at <= NEAR {
            for &occurrence in self.early.iter().filter(|occurrence| occurrence.counts) {
                rest.push((occurrence, statements.traits(occurrence.statement)));
            }
            if !self.runs.is_empty() {
                for run in self.runs.iter().filter(|run| !run.is_loop()) {
                    rest.extend(run.kept().iter().map(|&occurrence| (occurrence, run.traits)));
                }
                rest.sort_unstable_by_key(|(occurrence, _)| occurrence.at);
            }
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
            self.loops_over(place, parent);
        }
    }
}

/// See [`Unit::parents`].
fn mark(statement: u32) -> u64 {
    1 << (statement % u64::BITS)
}
