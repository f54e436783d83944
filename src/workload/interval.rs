//! What happened between two snapshots of one server, or in the life of the counters before one.
//!
//! Nothing is ever subtracted across a restart of an entry, be it by a reset, an eviction or a crash: such an entry counts
//! from zero and is marked. Extension 1.11 and later say since when an entry counts; before, every counter must have grown,
//! extremes must have moved outwards only, and the interval must be possible at all.

use std::collections::BTreeMap;

use crate::event::tally::{COUNTS, Facts, TIMES, TallyKey};
use crate::units::Timestamp;

use super::moments::Moments;
use super::pieces::TextRow;
use super::snapshot::{Entry, Snapshot, added, added_times};

/// What became of an entry between two snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It was there at the end no more.
    Gone,
    /// It was not there at the beginning.
    New,
    /// It counted on.
    #[default]
    Continuous,
    /// It began anew in between.
    Restarted,
    /// Its statement may not be read.
    Hidden,
}

impl State {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Gone => "gone",
            State::New => "new",
            State::Continuous => "continuous",
            State::Restarted => "restarted",
            State::Hidden => "hidden",
        }
    }
}

/// What one entry counted.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) key: TallyKey,
    pub(super) text: TextRow,
    pub(super) user: Option<Box<str>>,
    pub(super) database: Option<Box<str>>,
    pub(super) state: State,
    /// Whether executions may be missing.
    pub(super) partial: bool,
    /// Of its executions; `None` if there were none or they are not known.
    pub(super) moments: Option<Moments>,
    pub(super) counts: [Option<u64>; COUNTS],
    pub(super) times: [Option<f64>; TIMES],
    pub(super) buckets: Vec<u64>,
    /// Calls and milliseconds of an entry that is gone, as they were last seen.
    pub(super) last_seen: Option<(u64, f64)>,
}

/// What was counted, and what could not be.
#[derive(Clone, Debug, Default)]
pub(super) struct Interval {
    pub(super) changes: Vec<Change>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    /// Times that the server dropped entries; `None` if it does not tell.
    pub(super) dealloc: Option<u64>,
    /// Entries whose counters were lost; `None` for the life of the counters.
    pub(super) lost: Option<u64>,
    /// Entries that were there before but not in the first snapshot, and their milliseconds: not counted.
    pub(super) without_base: (u64, f64),
}

/// The life of the counters up to a snapshot.
pub(super) fn life(snapshot: &Snapshot) -> Interval {
    let earliest = snapshot.entries.values().filter_map(|entry| entry.counters.since).min();
    let changes = snapshot.entries.iter().map(|(key, entry)| {
        let state = if entry.text == TextRow::Hidden { State::Hidden } else { State::Continuous };
        from_zero(*key, entry, state, false)
    });
    Interval {
        changes: changes.collect(),
        start: snapshot.facts.reset.or(earliest),
        end: snapshot.facts.taken,
        dealloc: snapshot.facts.dealloc,
        lost: None,
        without_base: (0, 0.0),
    }
}

/// What happened between two snapshots of one server.
pub(super) fn between(earlier: &Snapshot, later: &Snapshot) -> Interval {
    let ends = Ends::of(earlier, later);
    let mut interval =
        Interval { start: earlier.facts.taken, end: later.facts.taken, dealloc: ends.dealloc, lost: Some(0), ..Interval::default() };
    let mut lost = 0;
    for (key, entry) in &later.entries {
        let hidden = entry.text == TextRow::Hidden;
        let change = match earlier.entries.get(key) {
            None if begins_before(entry, &earlier.facts) => {
                interval.without_base.0 += 1;
                interval.without_base.1 += entry.counters.total;
                continue;
            }
            None => from_zero(*key, entry, State::New, !ends.keeps_all),
            Some(before) if ends.is_one_life(before, entry) => {
                let text = if entry.text == TextRow::Unknown { before.text } else { entry.text };
                Change { text, ..grown(*key, before, entry, !ends.keeps_all && !is_certain(before, entry)) }
            }
            // Of many entries in one, some may have gone and others grown.
            Some(_) if hidden && !ends.is_reset => unknown(*key, entry, State::Hidden),
            Some(_) => {
                lost += 1;
                from_zero(*key, entry, State::Restarted, true)
            }
        };
        interval.changes.push(if hidden { Change { state: State::Hidden, ..change } } else { change });
    }
    for (key, entry) in earlier.entries.iter().filter(|(key, _)| !later.entries.contains_key(key)) {
        lost += 1;
        let last_seen = Some((entry.counters.calls, entry.counters.total));
        interval.changes.push(Change { last_seen, ..unknown(*key, entry, State::Gone) });
    }
    interval.lost = Some(lost);
    interval
}

/// What the facts of both ends say of all entries.
struct Ends {
    is_reset: bool,
    /// How far rounding may have moved the difference of two times, in milliseconds.
    slack: f64,
    dealloc: Option<u64>,
    /// Whether the server certainly dropped no entry.
    keeps_all: bool,
}

impl Ends {
    fn of(earlier: &Snapshot, later: &Snapshot) -> Self {
        let slack = earlier.rounding.total + later.rounding.total;
        let (earlier, later) = (&earlier.facts, &later.facts);
        let is_reset = earlier.reset.zip(later.reset).is_some_and(|(a, b)| a != b);
        let dealloc = match (earlier.dealloc, later.dealloc) {
            // The count of rounds begins anew with the entries.
            (_, Some(later)) if is_reset => Some(later),
            (Some(earlier), Some(later)) => Some(later.checked_sub(earlier).unwrap_or(later)),
            _ => None,
        };
        let same_reset = earlier.reset.is_some() && earlier.reset == later.reset;
        Ends { is_reset, slack, dealloc, keeps_all: same_reset && dealloc == Some(0) }
    }

    fn is_one_life(&self, before: &Entry, after: &Entry) -> bool {
        if let (Some(a), Some(b)) = (before.counters.since, after.counters.since)
            && after.text != TextRow::Hidden
        {
            return a == b;
        }
        !self.is_reset && self.has_grown(before, after) && self.is_possible(before, after)
    }
}

impl Ends {
    /// Whether no counter fell and no extreme moved inwards.
    fn has_grown(&self, before: &Entry, after: &Entry) -> bool {
        let (a, b) = (&before.counters, &after.counters);
        let at_least = |a: f64, b: f64| a <= b + self.slack + 1e-9 * a;
        let counts = a.counts.iter().zip(&b.counts).all(|(a, b)| a.zip(*b).is_none_or(|(a, b)| a <= b));
        let times = a.times.iter().zip(&b.times).all(|(a, b)| a.zip(*b).is_none_or(|(a, b)| at_least(a, b)));
        let buckets = a.buckets.len() != b.buckets.len() || a.buckets.iter().zip(&b.buckets).all(|(a, b)| a <= b);
        let extremes = before.moments.zip(after.moments).is_none_or(|(before, after)| {
            // After a reset of the extremes alone they may be anything.
            let were_kept = a.extremes_since == b.extremes_since && [a.max, b.max].iter().all(|max| max.is_none_or(|max| max > 0.0));
            !were_kept || (after.max().high >= before.max().low && after.min().low <= before.min().high)
        });
        a.calls <= b.calls && at_least(a.total, b.total) && counts && times && buckets && extremes
    }

    /// Whether the executions in between could have been what the difference says.
    fn is_possible(&self, before: &Entry, after: &Entry) -> bool {
        let (Some(a), Some(b)) = (before.moments, after.moments) else { return true };
        let calls = after.counters.calls - before.counters.calls;
        let total = after.counters.total - before.counters.total;
        let slack = self.slack + 1e-9 * after.counters.total;
        if calls == 0 {
            return total.abs() <= slack;
        }
        let (low, high) = (b.min().low * calls as f64, b.max().high * calls as f64);
        total + slack >= low && total <= high + slack && Moments::can_follow(&a, &b)
    }
}

/// Whether the later record surely goes on where the earlier ended: an extreme to the last digit is no coincidence.
fn is_certain(before: &Entry, after: &Entry) -> bool {
    let (a, b) = (&before.counters, &after.counters);
    let same = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| a == b && a > 0.0);
    a.since.is_some() && a.since == b.since || same(a.min, b.min) || same(a.max, b.max)
}

/// An entry that the server has kept since before the first snapshot, in which it is missing.
fn begins_before(entry: &Entry, earlier: &Facts) -> bool {
    entry.counters.since.zip(earlier.taken).is_some_and(|(since, taken)| since < taken)
}

fn from_zero(key: TallyKey, entry: &Entry, state: State, partial: bool) -> Change {
    Change {
        key,
        text: entry.text,
        user: entry.user.clone(),
        database: entry.database.clone(),
        state,
        partial,
        moments: entry.moments,
        counts: entry.counters.counts,
        times: entry.counters.times,
        buckets: entry.counters.buckets.clone(),
        last_seen: None,
    }
}

/// An entry of which the interval tells no executions.
fn unknown(key: TallyKey, entry: &Entry, state: State) -> Change {
    Change {
        moments: None,
        counts: Default::default(),
        times: Default::default(),
        buckets: Vec::new(),
        ..from_zero(key, entry, state, true)
    }
}

fn grown(key: TallyKey, before: &Entry, after: &Entry, partial: bool) -> Change {
    let (a, b) = (&before.counters, &after.counters);
    let moments = match (before.moments, after.moments) {
        (Some(earlier), Some(later)) => Moments::between(&earlier, &later).map(|moments| {
            // Extremes that were reset in between are of a part of the interval.
            if a.extremes_since == b.extremes_since { moments } else { moments.without_extremes() }
        }),
        (None, later) => later,
        (Some(_), None) => None,
    };
    let buckets = if a.buckets.len() == b.buckets.len() {
        b.buckets.iter().zip(&a.buckets).map(|(b, a)| b.saturating_sub(*a)).collect()
    } else {
        b.buckets.clone()
    };
    Change {
        moments,
        counts: std::array::from_fn(|at| b.counts[at].zip(a.counts[at]).map(|(b, a)| b.saturating_sub(a))),
        times: std::array::from_fn(|at| b.times[at].zip(a.times[at]).map(|(b, a)| (b - a).max(0.0))),
        buckets,
        ..from_zero(key, after, State::Continuous, partial)
    }
}

/// Intervals that follow each other, as one: sums of what each entry counted, and the state that says most.
pub(super) fn chained(intervals: Vec<Interval>) -> Interval {
    let mut all: BTreeMap<TallyKey, Change> = BTreeMap::new();
    let mut sum = Interval { dealloc: Some(0), lost: Some(0), ..Interval::default() };
    let mut is_first = true;
    for interval in intervals {
        sum.start = if is_first { interval.start } else { sum.start };
        sum.end = interval.end;
        sum.dealloc = sum.dealloc.zip(interval.dealloc).map(|(a, b)| a + b);
        sum.lost = sum.lost.zip(interval.lost).map(|(a, b)| a + b);
        sum.without_base.0 += interval.without_base.0;
        sum.without_base.1 += interval.without_base.1;
        is_first = false;
        for change in interval.changes {
            match all.entry(change.key) {
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(change)),
                std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().append(change),
            }
        }
    }
    sum.changes = all.into_values().collect();
    sum
}

impl Change {
    /// Adds what the same entry counted afterwards.
    fn append(&mut self, later: Change) {
        self.state = match (self.state, later.state) {
            (State::New, State::Continuous) => State::New,
            (_, State::New) => State::Restarted,
            (a, b) => a.max(b),
        };
        self.partial |= later.partial;
        if self.text == TextRow::Unknown {
            self.text = later.text;
        }
        match (self.moments, later.moments) {
            (Some(a), Some(b)) => {
                self.moments = Some(a.merged(b));
                self.counts = added(self.counts, later.counts);
                self.times = added_times(self.times, later.times);
                if self.buckets.len() == later.buckets.len() {
                    self.buckets.iter_mut().zip(&later.buckets).for_each(|(a, b)| *a += b);
                }
            }
            (None, Some(_)) => {
                (self.moments, self.counts, self.times) = (later.moments, later.counts, later.times);
                self.buckets = later.buckets;
            }
            (_, None) => {}
        }
    }
}
