//! Everything known of one distinct statement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

use super::counted::{Counted, micros};
use super::distinct::Distinct;
use super::events::ErrorKind;
use super::latency::Latency;
use super::lists::Lists;
use super::message::Limit;
use super::parsed::Sample;
use super::plan_shapes::PlanShapes;
use super::samples::Samples;
use super::session::TagSet;
use super::timeline::Timeline;

/// Calls and their time, as a part of a larger number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Share {
    /// Executions.
    pub calls: u64,
    /// Their time.
    pub total: Micros,
}

impl Share {
    /// Adds another share.
    pub fn add(&mut self, other: Share) {
        self.calls = self.calls.saturating_add(other.calls);
        self.total += other.total;
    }
}

/// How many values of one tag, and how many combinations of names, are told apart for a statement. The rest is one share
/// of its own, so that a tag with a value per request cannot fill the memory.
pub(super) const MOST_SHARES: usize = 100;

/// How many keys of tags are told apart for a statement.
const MOST_KEYS: usize = 32;

/// The value that stands for all values beyond [`MOST_SHARES`].
pub(super) const OTHERS: &str = "(others)";

/// How many of the server's ids are kept.
pub(super) const MOST_QUERY_IDS: usize = 16;

/// How many kinds of error are told apart for a statement.
const MOST_FAILURES: usize = 16;

/// One distinct statement; see the module.
///
/// In the order of saved files, in which what calls add to lies close together, so that it is few lines of a cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[repr(C, align(64))]
pub struct Statement {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// Its normalised text.
    pub text: String,
    /// The first example of it.
    pub sample: Sample,
    /// The distribution of its latency, over the calls whose duration is known.
    pub latency: Latency,
    /// The same over those of them that waited for a lock long enough for the log to tell; `None` if none did.
    pub delayed: Option<Box<Latency>>,
    /// Executions whose duration the log does not tell.
    pub untimed: u64,
    /// Time in parse, bind and execute apart; all of a call in the simple protocol is execute.
    pub parse: Micros,
    /// See `parse`.
    pub bind: Micros,
    /// See `parse`.
    pub execute: Micros,
    /// Time spent waiting for locks, as far as the log tells.
    pub waited: Micros,
    /// Executions that failed or were cancelled; they are no calls.
    pub errors: u64,
    /// Those of them whose error is known, by kind.
    #[serde(with = "super::stored::by_key")]
    pub failures: BTreeMap<ErrorKind, u64>,
    /// Those of them that `statement_timeout` ended.
    pub timeouts: u64,
    /// Those that `lock_timeout` ended.
    pub lock_timeouts: u64,
    /// Those that `statement_timeout` or a person ended, in a language that is not known.
    pub cancels: u64,
    /// Those of them that a deadlock ended.
    pub deadlocks: u64,
    /// Rows, where the log tells.
    pub rows: Option<u64>,
    /// When the first and the last call ended.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// How many sessions ran it.
    pub sessions: u64,
    /// In how many units of work it ran: requests, transactions, or calls that stand close together; 0 if that is not known,
    /// as for statements that begin and end transactions. See [`super::UnitTotals`].
    pub units: u64,
    /// The server's ids of it.
    #[serde(deserialize_with = "crate::units::wide::numbers")]
    pub query_ids: BTreeSet<i64>,
    /// Executions that OFFSET began behind [`crate::sql::values::DEEP_PAGE`] rows or more.
    pub deep_pages: u64,
    /// Temporary files written for it, and their bytes.
    #[serde(deserialize_with = "crate::units::wide::pair")]
    pub temp_files: (u64, u64),
    /// The lengths of its lists, as logs tell; `None` if it has no list.
    pub lists: Option<Box<Lists>>,
    /// Its calls and failures by time; empty if nobody looks for what is wrong.
    pub timeline: Timeline,
    /// The different values it ran with, but for LIMIT and OFFSET, where the log tells values; empty as above.
    pub values: Distinct,
    /// What the values of each place were in a sample of its calls; `None` where the log tells none, and of what looks for no rows.
    pub samples: Option<Box<Samples>>,
    /// What the server counted of it, where there are snapshots.
    pub counted: Option<Box<Counted>>,
    /// What its executions would be of which `auto_explain` alone tells; they count only in logs without durations.
    pub(super) plans: Option<Box<Statement>>,
    /// The plans it was run with, as far as the log shows them.
    pub shapes: Option<Box<PlanShapes>>,
    /// Shares by number of user, database and application; see `Workload::names`.
    pub(super) names: Vec<(u32, Share)>,
    /// By key, then by value.
    pub(super) tags: BTreeMap<String, BTreeMap<String, Share>>,
    /// Of a plan: the session that ran it last.
    #[serde(skip)]
    pub(super) last_session: u64,
    /// Whether the user's `--statement` lets it pass.
    #[serde(skip)]
    pub(super) passes: bool,
}

impl Default for Statement {
    fn default() -> Self {
        Statement::new(Fingerprint::without_text(""), String::new(), Sample::default(), true)
    }
}

impl Statement {
    pub(super) fn new(fingerprint: Fingerprint, text: String, sample: Sample, passes: bool) -> Self {
        Statement {
            fingerprint,
            text,
            sample,
            latency: Latency::default(),
            delayed: None,
            untimed: 0,
            parse: Micros(0),
            bind: Micros(0),
            execute: Micros(0),
            waited: Micros(0),
            errors: 0,
            failures: BTreeMap::new(),
            timeouts: 0,
            lock_timeouts: 0,
            cancels: 0,
            deadlocks: 0,
            rows: None,
            seen: None,
            sessions: 0,
            units: 0,
            query_ids: BTreeSet::new(),
            deep_pages: 0,
            temp_files: (0, 0),
            lists: None,
            timeline: Timeline::default(),
            values: Distinct::default(),
            samples: None,
            counted: None,
            plans: None,
            shapes: None,
            names: Vec::new(),
            tags: BTreeMap::new(),
            last_session: u64::MAX,
            passes,
        }
    }

    /// Executions that came to an end, with or without a known duration.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.latency.count() + self.untimed
    }

    /// How often it ran in each unit of work that it ran in; `None` if its units are not known.
    #[must_use]
    pub fn calls_per_unit(&self) -> Option<f64> {
        (self.units > 0 && self.calls() > 0).then(|| self.calls() as f64 / self.units as f64)
    }

    /// What its executions took, as the server counted it, or else as a log tells.
    #[must_use]
    pub fn time(&self) -> Micros {
        let counted = self.counted.as_ref().and_then(|counted| counted.all());
        counted.map_or(self.latency.total(), |moments| micros(moments.total()))
    }

    /// Whether anything at all is known of it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls() == 0 && self.errors == 0 && self.plans.is_none() && self.temp_files.0 == 0 && self.counted.is_none()
    }

    /// Its tags and their shares: key, value, share, by key and value.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str, Share)> {
        self.tags.iter().flat_map(|(key, values)| values.iter().map(|(value, share)| (key.as_str(), value.as_str(), *share)))
    }

    pub(super) fn saw(&mut self, at: Timestamp) {
        self.seen = Some(self.seen.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    pub(super) fn named(&mut self, names: u32, share: Share) {
        // The same names come again and again, so they move to the front.
        if let Some((first, known)) = self.names.first_mut()
            && *first == names
        {
            return known.add(share);
        }
        match self.names.iter().position(|(n, _)| *n == names) {
            Some(at) => {
                self.names[at].1.add(share);
                self.names.swap(0, at);
            }
            None if self.names.len() >= MOST_SHARES => match self.names.iter_mut().find(|(n, _)| *n == u32::MAX) {
                Some((_, others)) => others.add(share),
                None => self.names.push((u32::MAX, share)),
            },
            None => self.names.push((names, share)),
        }
    }

    /// Adds to the shares of names and of tags.
    pub(super) fn shared(&mut self, names: u32, tags: Option<&Arc<TagSet>>, share: Share) {
        self.named(names, share);
        self.shared_by_tags(tags, share);
    }

    /// Adds to the shares of tags.
    pub(super) fn shared_by_tags(&mut self, tags: Option<&Arc<TagSet>>, share: Share) {
        for tag in tags.iter().flat_map(|set| &set.tags) {
            self.tagged(&tag.key, &tag.value, share);
        }
    }

    /// Without the numbers that depend on the order in which things were met.
    pub(super) fn without_numbers(&self) -> Statement {
        let plans = self.plans.as_ref().map(|plans| Box::new(plans.without_numbers()));
        Statement { names: Vec::new(), last_session: 0, plans, ..self.clone() }
    }

    /// Whether it holds no more than a statement keeps.
    pub(super) fn is_within_bounds(&self) -> bool {
        let shares = self.names.len() <= MOST_SHARES + 1 && self.tags.values().all(|values| values.len() <= MOST_SHARES + 1);
        let lists = self.query_ids.len() <= MOST_QUERY_IDS && self.failures.len() <= MOST_FAILURES + 1 && self.tags.len() <= MOST_KEYS + 1;
        shares
            && lists
            && self.shapes.as_ref().is_none_or(|shapes| shapes.is_within_bounds())
            && self.samples.as_ref().is_none_or(|samples| samples.is_within_bounds())
            && self.plans.as_ref().is_none_or(|plans| plans.is_within_bounds())
    }

    /// Gives its names other numbers.
    pub(super) fn renumber(&mut self, number: &dyn Fn(u32) -> u32) {
        self.names.iter_mut().for_each(|(names, _)| *names = number(*names));
        self.plans.iter_mut().for_each(|plans| plans.renumber(number));
    }

    /// Gives it another id.
    pub(crate) fn rename(&mut self, id: Fingerprint) {
        self.fingerprint = id;
        self.plans.iter_mut().for_each(|plans| plans.fingerprint = id);
    }

    /// The same with other numbers of names, its shares in their order.
    pub(super) fn renumbered(&self, number: &dyn Fn(u32) -> u32) -> Statement {
        let mut same = Statement { names: Vec::new(), last_session: u64::MAX, ..self.clone() };
        for (names, share) in &self.names {
            same.named(number(*names), *share);
        }
        same.names.sort_by_key(|(names, _)| *names);
        same.plans = self.plans.as_ref().map(|plans| Box::new(plans.renumbered(number)));
        same
    }

    pub(super) fn tagged(&mut self, key: &str, value: &str, share: Share) {
        let key = if self.tags.contains_key(key) || self.tags.len() < MOST_KEYS { key } else { OTHERS };
        let values = self.tags.entry(key.to_owned()).or_default();
        let value = if values.contains_key(value) || values.len() < MOST_SHARES { value } else { OTHERS };
        values.entry(value.to_owned()).or_default().add(share);
    }

    /// Counts failures of a kind.
    pub(super) fn failed(&mut self, kind: &ErrorKind, count: u64) {
        if let Some(known) = self.failures.get_mut(kind) {
            *known += count;
            return;
        }
        let full = self.failures.len() >= MOST_FAILURES;
        let kind = if full { ErrorKind { message: "…".into(), ..kind.clone() } } else { kind.clone() };
        *self.failures.entry(kind).or_default() += count;
    }

    /// A limit on time ended an execution. Who says NOWAIT has set none.
    pub(super) fn limited(&mut self, limit: Limit) {
        match limit {
            Limit::Statement => self.timeouts += 1,
            Limit::StatementOrPerson => self.cancels += 1,
            Limit::LockOrNoWait if self.text.contains(" nowait") => {}
            Limit::Lock | Limit::LockOrNoWait => self.lock_timeouts += 1,
        }
    }

    pub(super) fn identified(&mut self, query_ids: &[i64]) {
        for &id in query_ids {
            if self.query_ids.len() < MOST_QUERY_IDS {
                self.query_ids.insert(id);
            }
        }
    }

    /// Adds what is known of the same statement from elsewhere; `names` translates its numbers.
    pub(super) fn merge(&mut self, other: &Statement, names: &dyn Fn(u32) -> u32) {
        if other.text < self.text {
            self.text.clone_from(&other.text);
        }
        self.sample.improve(&other.sample);
        match (&mut self.counted, &other.counted) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine, theirs) => *mine = mine.take().or_else(|| theirs.clone()),
        }
        if let Some(lists) = &other.lists {
            self.lists.get_or_insert_default().merge(lists);
        }
        self.latency.merge(&other.latency);
        if let Some(delayed) = &other.delayed {
            self.delayed.get_or_insert_default().merge(delayed);
        }
        if let Some(plans) = &other.plans {
            let new = || Box::new(Statement::new(plans.fingerprint, String::new(), Sample::default(), true));
            self.plans.get_or_insert_with(new).merge(plans, names);
        }
        if let Some(shapes) = &other.shapes {
            self.shapes.get_or_insert_default().merge(shapes);
        }
        self.untimed += other.untimed;
        self.parse += other.parse;
        self.bind += other.bind;
        self.execute += other.execute;
        self.waited += other.waited;
        self.errors += other.errors;
        other.failures.iter().for_each(|(kind, count)| self.failed(kind, *count));
        self.timeouts += other.timeouts;
        self.lock_timeouts += other.lock_timeouts;
        self.cancels += other.cancels;
        self.deadlocks += other.deadlocks;
        self.rows = self.rows.zip(other.rows).map(|(a, b)| a + b).or(self.rows).or(other.rows);
        for at in other.seen.iter().flat_map(|&(first, last)| [first, last]) {
            self.saw(at);
        }
        self.sessions += other.sessions;
        self.units += other.units;
        self.deep_pages += other.deep_pages;
        self.identified(&other.query_ids.iter().copied().collect::<Vec<_>>());
        self.temp_files = (self.temp_files.0 + other.temp_files.0, self.temp_files.1.saturating_add(other.temp_files.1));
        self.timeline.merge(&other.timeline);
        self.values.merge(&other.values);
        if let Some(samples) = &other.samples {
            self.samples.get_or_insert_default().merge(samples);
        }
        other.names.iter().for_each(|(n, share)| self.named(names(*n), *share));
        other.tags().for_each(|(key, value, share)| self.tagged(key, value, share));
    }
}
