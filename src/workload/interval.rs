//! What happened between two snapshots of one server, or in the life of the counters before one.
//!
//! Nothing is ever subtracted across a restart of an entry, be it by a reset, an eviction or a crash: such an entry counts
//! from zero and is marked. Whether it did is found out in `lives`; where that cannot be told, nothing is counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::tally::{COUNTS, TIMES, TallyKey};
use crate::units::Timestamp;

use super::lives::{Life, Lives};
use super::moments::Moments;
use super::pieces::TextRow;
use super::snapshot::{Entry, Snapshot, add_buckets, added, added_times};

/// What became of an entry between two snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// See [`crate::sql::parameters::highest`].
    pub(super) values: Option<u32>,
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
    /// Entries that may have begun anew or not, and their milliseconds: not counted.
    pub(super) in_doubt: (u64, f64),
    /// Whether all entries were reset within it.
    pub(super) is_reset: bool,
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
        ..Interval::default()
    }
}

/// What happened between two snapshots of one server.
pub(super) fn between(earlier: &Snapshot, later: &Snapshot) -> Interval {
    let lives = Lives::of(earlier, later);
    let mut interval = Interval {
        start: earlier.facts.taken,
        end: later.facts.taken,
        dealloc: lives.dealloc,
        lost: Some(0),
        is_reset: lives.is_reset,
        ..Interval::default()
    };
    let mut lost = 0;
    for (key, entry) in &later.entries {
        let hidden = entry.text == TextRow::Hidden;
        let change = match earlier.entries.get(key) {
            None if is_without_base(key, entry, earlier) => {
                interval.without_base.0 += 1;
                interval.without_base.1 += entry.counters.total;
                continue;
            }
            None => from_zero(*key, entry, State::New, !lives.keeps_all),
            Some(before) => match lives.life(key, before, entry) {
                Life::GoesOn { surely } => {
                    let text = if entry.text == TextRow::Unknown { before.text } else { entry.text };
                    Change { text, values: entry.values.or(before.values), ..grown(*key, before, entry, !surely) }
                }
                // Of many entries in one, some may have gone and others grown.
                Life::Another if hidden && !lives.is_reset => unknown(*key, entry, State::Hidden),
                Life::Another => {
                    lost += 1;
                    from_zero(*key, entry, State::Restarted, true)
                }
                Life::InDoubt => {
                    lost += 1;
                    interval.in_doubt.0 += 1;
                    interval.in_doubt.1 += entry.counters.total;
                    unknown(*key, entry, State::Restarted)
                }
            },
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

/// Whether an entry that the earlier snapshot does not have may be older than it: not all were exported, or whoever took the
/// one may read what whoever took the other may not.
fn is_without_base(key: &TallyKey, entry: &Entry, earlier: &Snapshot) -> bool {
    if entry.text == TextRow::Hidden {
        return earlier.entries.keys().any(|other| (other.database, other.user) == (key.database, key.user));
    }
    match entry.counters.since.zip(earlier.facts.taken) {
        Some((since, taken)) if since >= taken => false,
        // A whole snapshot has all but those that had not yet come to the end of a call.
        Some(_) if !earlier.facts.is_whole => true,
        _ => earlier.entries.contains_key(&TallyKey { query_id: None, ..*key }),
    }
}

fn from_zero(key: TallyKey, entry: &Entry, state: State, partial: bool) -> Change {
    Change {
        key,
        text: entry.text,
        values: entry.values,
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
        sum.in_doubt.0 += interval.in_doubt.0;
        sum.in_doubt.1 += interval.in_doubt.1;
        sum.is_reset |= interval.is_reset;
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
            (self.text, self.values) = (later.text, later.values);
        }
        match (self.moments, later.moments) {
            (Some(a), Some(b)) => {
                self.moments = Some(a.merged(b));
                self.counts = added(self.counts, later.counts);
                self.times = added_times(self.times, later.times);
                add_buckets(&mut self.buckets, &later.buckets);
            }
            (None, Some(_)) => {
                (self.moments, self.counts, self.times) = (later.moments, later.counts, later.times);
                self.buckets = later.buckets;
            }
            (_, None) => {}
        }
    }
}
