//! What becomes of a run that has ended: whether it was a loop, and how surely.

use crate::units::Micros;

use crate::workload::burst::{Bond, Class, Grade};
use crate::workload::loops::{Ended, Statements};
use crate::workload::run::{Run, Stretch};

use super::{Places, Unit};

/// In a mere segment the calls of a loop over nothing known come at least so often; microseconds.
const SLOWEST_READS: u64 = 5_000;
const SLOWEST_WRITES: u64 = 20_000;

/// Of a hundred calls from the first to the last of a loop so many are part of it where hardly anything else happened, where
/// it was most of what happened, and where it was at least half.
pub(super) const PURE: u64 = 90;
pub(super) const MOSTLY: u64 = 70;
const PARTLY: u64 = 50;

impl Unit {
    /// Puts what a run comes to among what ended.
    pub(super) fn judge(&self, place: usize, class: Class, bond: Bond, statements: &mut Statements<'_>) {
        let (run, roots) = (&self.runs[place], self.roots(place));
        let family = self.family(place, roots.last().copied(), statements);
        let share = self.share(family, run.end() - run.first().at + 1);
        let outer = self.outer(&roots);
        let is_loose = bond == Bond::Segment && run.parent().is_none();
        if bond == Bond::Segment && class == Class::Reads && self.is_request(place, family, statements) {
            return;
        }
        let Some(calls) = run.whole() else { return };
        if bond == Bond::Segment && Self::is_chance(run, outer, share) {
            // What it may loop over does not fit it.
            if run.is_vague() && outer.is_none() {
                self.judge_stretches(run, class, statements);
            }
            return;
        }
        if is_loose && Self::is_slow(calls, class) {
            return;
        }
        let judged = Judged { run, class, bond, share, outer, values: run.distinct() };
        statements.ended.push(judged.ended(calls, roots.last().copied()));
    }

    /// Of a loop over nothing known, with much between, only what has nothing between is one.
    fn judge_stretches(&self, run: &Run, class: Class, statements: &mut Statements<'_>) {
        for calls in run.stretches() {
            let is_one = calls.is_one && !run.is_blind() && run.traits.values > 0;
            let class = match class {
                Class::Writes => Class::Writes,
                _ if is_one => Class::Repeats,
                Class::Repeats => continue,
                Class::Reads => Class::Reads,
            };
            if !Self::is_slow(calls, class) {
                let values = if is_one { 1 } else { calls.n };
                let judged = Judged { run, class, bond: Bond::Segment, share: 100, outer: None, values };
                let most = if class == Class::Repeats { Grade::Medium } else { Grade::Low };
                let ended = judged.ended(calls, None);
                statements.ended.push(Ended { parent: None, grade: ended.grade.min(most), ..ended });
            }
        }
    }

    /// Nearness in time is all there is: the calls must follow each other at once, or for writes as soon as a transaction for
    /// each of them allows.
    fn is_slow(calls: &Stretch, class: Class) -> bool {
        let wall = calls.end.since(calls.first.start()).0;
        match class {
            Class::Writes => wall.saturating_sub(calls.exec.0) / u64::from(calls.n) > SLOWEST_WRITES,
            _ => wall / u64::from(calls.n) > SLOWEST_READS,
        }
    }

    /// Whether the server hardly waited for the next call, although the calls were short.
    fn is_busy(calls: &Stretch) -> bool {
        let wall = calls.end.since(calls.first.start()).0;
        let is_short = calls.exec.0 / u64::from(calls.n) < 1_000;
        wall >= 5_000 && calls.exec.0.saturating_mul(10) > wall.saturating_mul(6) && is_short
    }

    /// How many of a hundred calls the runs of a family have.
    pub(super) fn share(&self, family: Places, of: u32) -> u64 {
        let calls: u64 = family.iter().map(|at| u64::from(self.runs[at].n)).sum();
        calls * 100 / u64::from(of.max(1))
    }

    /// The runs that are part of a run's loop, itself too.
    pub(super) fn family(&self, place: usize, root: Option<u32>, statements: &Statements<'_>) -> Places {
        let run = &self.runs[place];
        let (first, end) = (run.first().at, run.end());
        let is_of_it = |at: usize| {
            let other = &self.runs[at];
            let overlaps = other.n > 0 && other.first().at <= end && first <= other.end();
            // Of one loop, or as often on the same table: part of what is done for each row.
            let is_of_one = (root.is_some() && self.roots(at).last().copied() == root)
                || (other.is_as_often_as(run) && statements.share_table(run.statement, other.statement));
            at == place || (overlaps && is_of_one)
        };
        (0..self.runs.len()).filter(|&at| is_of_it(at)).collect()
    }

    /// Whatever else was executed in between, or how often: nearness in time alone makes no loop.
    fn is_chance(run: &Run, outer: Option<&Run>, share: u64) -> bool {
        let unlike = |run: &Run| run.parent().is_some_and(|parent| parent.rows > 1) && !Judged::matches(run, false);
        let is_far_off = run.parent().is_some_and(|parent| run.n > parent.rows.saturating_mul(2) || run.n.saturating_mul(2) < parent.rows);
        let misfits = outer.is_some_and(unlike) || (run.is_vague() && unlike(run) && is_far_off);
        ((run.parent().is_none() || outer.is_some()) && share < PURE) || misfits || share < PARTLY
    }

    /// Whether the same request came again and again: what hardly fits its parent comes as often as another that reads on from
    /// it, such as a user and then the user's account.
    fn is_request(&self, place: usize, family: Places, statements: &mut Statements<'_>) -> bool {
        let run = &self.runs[place];
        run.is_vague()
            && family.iter().any(|at| {
                let other = &self.runs[at];
                at != place && other.is_as_often_as(run) && !statements.share_table(run.statement, other.statement)
            })
    }

    /// The run around a nested one, where there is one.
    fn outer(&self, roots: &[u32]) -> Option<&Run> {
        let parent = roots.first().filter(|_| roots.len() > 1)?;
        self.ids.place(*parent).map(|at| &self.runs[at])
    }
}

/// What the confidence in a burst rests on.
pub(super) struct Judged<'u> {
    run: &'u Run,
    class: Class,
    bond: Bond,
    /// How many of a hundred calls from its first to its last were part of it.
    share: u64,
    outer: Option<&'u Run>,
    /// How many different values its calls had.
    values: u32,
}

impl Judged<'_> {
    fn ended(&self, calls: &Stretch, root: Option<u32>) -> Ended {
        let (run, class) = (self.run, self.class);
        let at_once = if class == Class::Writes { calls.is_sent_at_once() } else { Some(false) };
        // A query for several values is as long as what it repeats.
        let length = if class == Class::Repeats && self.values > 1 { run.repeats() } else { calls.n };
        let (start, end) = (calls.first.start(), calls.end);
        let wall = end.since(start).0;
        let kept = calls.longest.0.saturating_add(wall / u64::from(calls.n.max(1)));
        Ended {
            class,
            child: run.statement,
            parent: run.parent().map(|parent| parent.statement),
            root,
            start,
            end,
            n: calls.n,
            scale: self.outer.map_or(length, |outer| outer.n.max(length)),
            values: self.values,
            bond: self.bond,
            grade: if at_once == Some(false) { self.grade() } else { self.grade().min(Grade::Medium) },
            exec: calls.exec,
            waste: Micros(wall.saturating_add(calls.first.exec.0).saturating_sub(kept)),
            counts: true,
            sessions: Vec::new(),
            is_pipelined: at_once == Some(true) || (class == Class::Writes && Unit::is_busy(calls)),
        }
    }

    fn grade(&self) -> Grade {
        let (run, in_unit) = (self.run, self.bond != Bond::Segment);
        if self.class == Class::Repeats {
            let is_one = self.values == 1;
            return match () {
                () if in_unit && run.n >= 5 && is_one => Grade::High,
                () if in_unit || (self.share >= PURE && is_one) => Grade::Medium,
                () => Grade::Low,
            };
        }
        // A nested loop is as long as it is; the one around it must fit its parent's rows.
        let matches = match self.outer {
            Some(outer) => Self::matches(outer, in_unit),
            None => Self::matches(run, in_unit),
        };
        let relation = run.parent().map_or(0, |parent| parent.relation);
        let mut score = i32::from(relation) + if in_unit { 3 } else { 0 } + if matches { 2 } else { 0 };
        score += i32::from(run.n >= 10) + i32::from(u64::from(run.distinct()) * 10 >= u64::from(run.n) * 9);
        if run.parent().is_none() && self.class == Class::Reads {
            score -= 2;
        }
        // Rows that a read did not return are looped over for another reason.
        let top = self.outer.unwrap_or(run);
        let exceeds = top.parent().is_some_and(|parent| parent.rows > 0 && top.n >= parent.rows.saturating_mul(2));
        let near = run.parent().is_some_and(|parent| parent.distance <= 2 || self.outer.is_some());
        let certain = if in_unit { self.share >= MOSTLY } else { matches && relation == 2 && self.share >= PURE && near };
        match () {
            () if score >= 5 && certain && !exceeds && !run.is_blind() => Grade::High,
            () if score >= 3 && self.share >= PARTLY => Grade::Medium,
            () => Grade::Low,
        }
    }

    /// Whether it came as often as its parent had rows.
    pub(super) fn matches(run: &Run, in_unit: bool) -> bool {
        run.parent().is_some_and(|parent| parent.is_matched_by(run.n, in_unit))
    }
}
