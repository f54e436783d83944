//! Whether an entry of a later snapshot goes on where that of an earlier one ended, or is another that took its place.
//!
//! Extension 1.11 and later say since when an entry counts, and that decides. Before, an entry that was reset or dropped and
//! came back looks like one that grew if it was called more often than the one before it. It is taken to go on if every
//! counter has grown, extremes have moved outwards only, the difference is possible at all, and nothing speaks for the
//! contrary: the server has dropped no entry, or not this one for sure, or an extreme is the same to the last digit.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use crate::event::tally::TallyKey;

use super::moments::Moments;
use super::pieces::TextRow;
use super::snapshot::{Entry, Snapshot};

/// What became of an entry that both snapshots have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It goes on: surely, or for want of a sign of the contrary.
    GoesOn { surely: bool },
    /// It is another one.
    Another,
    /// Either may be.
    InDoubt,
}

/// What both snapshots say of all entries.
pub(super) struct Lives {
    /// Whether all entries were reset.
    pub(super) is_reset: bool,
    /// How often entries were dropped in between, if that is known.
    pub(super) dealloc: Option<u64>,
    /// Whether the server certainly dropped no entry.
    pub(super) keeps_all: bool,
    /// Rounds of dropping since the reset.
    rounds: Option<u64>,
    /// Calls of all entries at the end, in order.
    calls: Vec<u64>,
    /// The most calls of an entry that is gone, where every entry would be there.
    gone: Option<u64>,
    /// How far rounding may have moved the difference of two times, in milliseconds.
    slack: f64,
    /// The last digit of an extreme, in milliseconds.
    unit: f64,
    /// Groups with an entry that surely began anew, and those with one that surely went on.
    groups: [HashSet<Group, FixedState>; 2],
}

/// What a reset may be of: all entries of a role, a database or a statement, or of several of these at once.
type Group = (Option<u32>, Option<u32>, Option<Option<i64>>);

/// The groups of several entries that this one is in.
fn groups(key: &TallyKey) -> impl Iterator<Item = Group> {
    let (user, database, id) = (key.user, key.database, key.query_id);
    (0..7).map(move |of| ((of & 1 > 0).then_some(user), (of & 2 > 0).then_some(database), (of & 4 > 0).then_some(id)))
}

/// Finer than a nanosecond no server measures.
const NANOSECOND: f64 = 1e-6;

impl Lives {
    pub(super) fn of(earlier: &Snapshot, later: &Snapshot) -> Self {
        let (a, b) = (&earlier.facts, &later.facts);
        let is_reset = a.reset.zip(b.reset).is_some_and(|(a, b)| a != b);
        let dealloc = match (a.dealloc, b.dealloc) {
            // The count of rounds begins anew with the entries.
            (_, Some(b)) if is_reset => Some(b),
            (Some(a), Some(b)) => Some(b.checked_sub(a).unwrap_or(b)),
            _ => None,
        };
        let mut calls: Vec<u64> = later.entries.values().map(|entry| entry.counters.calls).collect();
        calls.sort_unstable();
        let gone = earlier.entries.iter().filter(|(key, _)| !later.entries.contains_key(key));
        let gone = gone.map(|(_, entry)| entry.counters.calls).max().filter(|_| a.is_whole && b.is_whole);
        let mut lives = Lives {
            is_reset,
            dealloc,
            keeps_all: false,
            rounds: b.dealloc.filter(|_| !is_reset),
            calls,
            gone,
            slack: earlier.rounding.total + later.rounding.total,
            unit: NANOSECOND.max(2.0 * earlier.rounding.extremes.max(later.rounding.extremes)),
            groups: Default::default(),
        };
        for (key, after) in &later.entries {
            let Some(before) = earlier.entries.get(key) else { continue };
            let is_told = before.counters.since.is_some() && after.counters.since.is_some();
            if is_told || after.text == TextRow::Hidden {
                continue;
            }
            if !lives.has_grown(before, after) || !lives.is_possible(before, after) {
                lives.groups[0].extend(groups(key));
            } else if lives.is_unmistakable(before, after) {
                lives.groups[1].extend(groups(key));
            }
        }
        let quiet = gone.is_none() && lives.groups[0].is_empty();
        lives.keeps_all = match dealloc {
            Some(rounds) => rounds == 0 && a.reset.is_some() && a.reset == b.reset,
            None => quiet && [earlier, later].iter().all(|snapshot| has_room(snapshot)),
        };
        lives
    }

    pub(super) fn life(&self, key: &TallyKey, before: &Entry, after: &Entry) -> Life {
        let is_hidden = after.text == TextRow::Hidden;
        if let (Some(a), Some(b)) = (before.counters.since, after.counters.since)
            && !is_hidden
        {
            return if a == b { Life::GoesOn { surely: true } } else { Life::Another };
        }
        if self.is_reset || !self.has_grown(before, after) || !self.is_possible(before, after) {
            return Life::Another;
        }
        // Where nothing was executed there is nothing to miss.
        if before.counters.calls == after.counters.calls || (!is_hidden && self.is_unmistakable(before, after)) {
            return Life::GoesOn { surely: true };
        }
        // A reset of a group leaves none of it as it was.
        let in_doubt = !is_hidden && groups(key).any(|group| self.groups[0].contains(&group) && !self.groups[1].contains(&group));
        match self.dealloc {
            _ if in_doubt => Life::InDoubt,
            _ if self.keeps_all => Life::GoesOn { surely: true },
            Some(rounds) if rounds > 0 && (is_hidden || !self.is_too_hot(before)) => Life::InDoubt,
            Some(rounds) if rounds > 0 => Life::GoesOn { surely: true },
            // What was called no more often than what is gone may have gone as well.
            None if self.gone.is_some_and(|gone| before.counters.calls <= gone) => Life::InDoubt,
            _ => Life::GoesOn { surely: false },
        }
    }

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
        let were_kept = before.counters.extremes_since == after.counters.extremes_since;
        let (low, high) = if were_kept { Moments::sums_between(&a, &b) } else { (0.0, f64::INFINITY) };
        total + slack >= low && total <= high + slack && Moments::can_follow(&a, &b)
    }

    /// Whether extremes say that it goes on: two that are the same to the last of many digits are no coincidence.
    fn is_unmistakable(&self, before: &Entry, after: &Entry) -> bool {
        let (a, b) = (&before.counters, &after.counters);
        let digits = |a: Option<f64>, b: Option<f64>| a.zip(b).filter(|(a, b)| a == b).map_or(0.0, |(a, _)| a / self.unit);
        let (min, max) = (digits(a.min, b.min), digits(a.max, b.max));
        let total = if a.calls == b.calls { digits(Some(a.total), Some(b.total)) } else { 0.0 };
        min.max(max).max(total) >= 1e5 || (min > 0.0 && max >= 1e3)
    }

    /// Whether the entry was called so often that the server cannot have dropped it.
    ///
    /// When its table is full the server drops a twentieth of it, those of least use. Use is the number of calls, of which
    /// each such round takes a hundredth (`USAGE_EXEC`, `USAGE_DECREASE_FACTOR` and `entry_dealloc` in
    /// `pg_stat_statements.c`). Whatever remains has been of no less use than what was dropped, and newcomers of less use
    /// are dropped before it. So as long as not even half of the table has come up to the use of an entry, it is there.
    fn is_too_hot(&self, before: &Entry) -> bool {
        let Some(rounds) = self.rounds.and_then(|rounds| i32::try_from(rounds).ok()) else { return false };
        // A new entry begins with a use of 1.
        let use_left = before.counters.calls as f64 * 0.99f64.powi(rounds) - 1.0;
        let hotter = self.calls.len() - self.calls.partition_point(|&calls| (calls as f64) < use_left);
        2 * hotter < self.calls.len()
    }
}

/// Whether the table of the server was never full since it was reset: after a round of dropping it is at least 90 % full. Some
/// of it is not in the snapshot, such as entries whose first call has failed.
fn has_room(snapshot: &Snapshot) -> bool {
    let most = snapshot.facts.settings.get("pg_stat_statements.max").and_then(|most| most.parse::<usize>().ok());
    snapshot.facts.is_whole && most.is_some_and(|most| 2 * snapshot.entries.len() < most)
}
