//! Counters of a server by statement: what the entries of all roles, databases and spellings come to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::tally::{COUNTS, Count, TIMES, Time};
use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::{LIST, Outline};
use crate::units::{Micros, Timestamp};

use super::interval::{Change, Interval, State, between, chained, life};
use super::lists::Lists;
use super::moments::Moments;
use super::parsed::{Names, Person, Sample};
use super::pieces::TextRow;
use super::snapshot::{Snapshot, add_buckets, added, added_times, assemble};
use super::statement::{Share, Statement};
use super::{Key, Workload};

/// What a server counted of one statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// Of executions that clients sent, as far as the server tells them apart.
    pub sent: Option<Moments>,
    /// Of executions within functions, whose time is in that of what called them too.
    pub nested: Option<Moments>,
    /// What became of its entries; the one that says most.
    pub state: State,
    /// Whether executions may be missing.
    pub partial: bool,
    #[serde(deserialize_with = "crate::units::wide::known", serialize_with = "crate::units::wide::save_known")]
    counts: [Option<u64>; COUNTS],
    #[serde(deserialize_with = "crate::units::wide::known", serialize_with = "crate::units::wide::save_known")]
    times: [Option<f64>; TIMES],
    /// `resp_calls` of `pg_stat_monitor`.
    #[serde(deserialize_with = "crate::units::wide::numbers")]
    pub buckets: Vec<u64>,
    /// The lengths of its lists, as far as the texts of its entries tell them.
    pub lists: Lists,
    /// Calls and milliseconds of entries that are gone, as they were last seen.
    pub last_seen: Option<(u64, f64)>,
    /// How many entries had executions.
    entries: u64,
    is_told: bool,
}

impl Counted {
    /// Of all executions.
    #[must_use]
    pub fn all(&self) -> Option<Moments> {
        Moments::sum(self.sent, self.nested)
    }

    /// How many entries of the server's table had executions.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// A whole number; `None` if an entry does not tell it.
    #[must_use]
    pub fn count(&self, count: Count) -> Option<u64> {
        self.counts[count as usize]
    }

    /// Rows that its executions returned or wrote; `None` if an entry does not tell.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.count(Count::Rows)
    }

    /// A time; `None` if an entry does not tell it.
    #[must_use]
    pub fn time(&self, time: Time) -> Option<Micros> {
        self.times[time as usize].map(micros)
    }

    fn add(&mut self, change: &Change) {
        let place = if change.key.top_level == Some(false) { &mut self.nested } else { &mut self.sent };
        *place = Moments::sum(*place, change.moments);
        if let Some((calls, total)) = change.last_seen {
            let (c, t) = self.last_seen.unwrap_or_default();
            self.last_seen = Some((c + calls, t + total));
        }
        // Entries that are gone say nothing of what was counted.
        if change.moments.is_some() || self.entries == 0 {
            let is_first = self.entries == 0;
            self.counts = if is_first { change.counts } else { added(self.counts, change.counts) };
            self.times = if is_first { change.times } else { added_times(self.times, change.times) };
            if is_first {
                self.buckets.clone_from(&change.buckets);
            } else {
                add_buckets(&mut self.buckets, &change.buckets);
            }
            self.entries += u64::from(change.moments.is_some());
        }
        self.state = if self.is_told { self.state.max(change.state) } else { change.state };
        self.is_told = true;
        self.partial |= change.partial;
    }

    /// Adds what was counted of the same statement elsewhere.
    pub(super) fn merge(&mut self, other: &Counted) {
        (self.sent, self.nested) = (Moments::sum(self.sent, other.sent), Moments::sum(self.nested, other.nested));
        self.counts = added(self.counts, other.counts);
        self.times = added_times(self.times, other.times);
        add_buckets(&mut self.buckets, &other.buckets);
        self.state = if self.is_told && other.is_told {
            self.state.max(other.state)
        } else if self.is_told {
            self.state
        } else {
            other.state
        };
        self.is_told |= other.is_told;
        self.partial |= other.partial;
        self.entries += other.entries;
        self.lists.merge(&other.lists);
        self.last_seen = self.last_seen.zip(other.last_seen).map(|(a, b)| (a.0 + b.0, a.1 + b.1)).or(self.last_seen).or(other.last_seen);
    }
}

/// Milliseconds as whole microseconds.
#[must_use]
pub fn micros(milliseconds: f64) -> Micros {
    Micros::floor((milliseconds * 1_000.0).round())
}

/// How much of the counters' interval is known, and what a reader should know of the snapshots.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Coverage {
    /// The share of execution time whose base is known, 0 to 1; `None` if there was none.
    pub known_share: Option<f64>,
    /// Entries whose counters were lost in between; `None` for the life of the counters.
    pub lost: Option<u64>,
    /// How many times the server dropped entries to make room; `None` if it does not tell.
    pub dealloc_rounds: Option<u64>,
    /// Entries by what became of them.
    #[serde(with = "super::stored::by_key")]
    pub entries: BTreeMap<State, u64>,
    /// From when to when, as far as the snapshots tell.
    pub start: Option<Timestamp>,
    /// See `start`.
    pub end: Option<Timestamp>,
    /// Whether it is the life of the counters rather than an interval.
    pub is_life: bool,
    /// Statements whose spread was lost to rounding.
    pub rounded: u64,
    /// Entries that are older than the first snapshot and missing in it: not counted.
    pub without_base: u64,
    /// Entries that may have begun anew in between or not: not counted.
    pub in_doubt: u64,
    /// Whether all entries were reset in between.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_reset: bool,
    /// Whether some snapshots do not tell when they were taken, so that their order is that of the arguments.
    pub is_order_assumed: bool,
    /// Milliseconds of execution whose base is known, and of all.
    time: (f64, f64),
}

impl Coverage {
    /// Entries that began anew in between, be it by a reset or because they had been dropped to make room.
    #[must_use]
    pub fn restarted(&self) -> u64 {
        self.entries.get(&State::Restarted).copied().unwrap_or(0)
    }

    /// Of two servers that are counted together.
    fn and(mut self, other: Coverage) -> Self {
        self.time = (self.time.0 + other.time.0, self.time.1 + other.time.1);
        self.known_share = (self.time.1 > 0.0).then(|| self.time.0 / self.time.1);
        self.lost = self.lost.zip(other.lost).map(|(a, b)| a + b);
        self.dealloc_rounds = self.dealloc_rounds.zip(other.dealloc_rounds).map(|(a, b)| a + b);
        other.entries.into_iter().for_each(|(state, count)| *self.entries.entry(state).or_default() += count);
        self.start = self.start.zip(other.start).map(|(a, b)| a.min(b));
        self.end = self.end.zip(other.end).map(|(a, b)| a.max(b));
        // What is of a time that nobody knows makes no interval of the whole.
        self.is_life |= other.is_life;
        self.rounded += other.rounded;
        self.without_base += other.without_base;
        self.in_doubt += other.in_doubt;
        self.is_reset |= other.is_reset;
        self.is_order_assumed |= other.is_order_assumed;
        self
    }
}

/// What came of the snapshots besides numbers.
#[derive(Debug, Default)]
pub struct Settled {
    /// Files that hold a snapshot once more.
    pub repeated: Vec<PathBuf>,
    /// Views of facts that belong to no counters.
    pub astray: Vec<PathBuf>,
    /// What could not be done.
    pub errors: Vec<Error>,
}

impl Workload {
    /// Makes intervals of the snapshots that were folded, and counters of statements of these. Snapshots of several servers
    /// are refused unless `mixed`, and then counted apart and added.
    pub fn settle(&mut self, mixed: bool) -> Settled {
        self.hand_over();
        let assembled = assemble(std::mem::take(&mut self.gathered));
        let mut settled = Settled { repeated: assembled.repeated, astray: assembled.astray, errors: Vec::new() };
        if assembled.snapshots.is_empty() {
            return settled;
        }
        settled.errors.extend(assembled.snapshots.iter().filter(|s| s.is_cut).map(|s| Error::CutSnapshot { path: s.path.clone() }));
        let mut servers: Vec<Vec<Snapshot>> = Vec::new();
        for snapshot in assembled.snapshots {
            let known = servers.iter_mut().find(|server| server.last().is_some_and(|last| foreign(last, &snapshot).is_none()));
            match known {
                Some(server) => server.push(snapshot),
                None => servers.push(vec![snapshot]),
            }
        }
        if let [first, other, ..] = servers.as_slice()
            && !mixed
            && let (Some(a), Some(b)) = (first.last(), other.first())
        {
            let reason = foreign(a, b).unwrap_or("they are of two servers");
            settled.errors.push(Error::MixedServers { path: a.path.clone(), other: b.path.clone(), reason });
            return settled;
        }
        for server in &mut servers {
            server.iter_mut().filter_map(Snapshot::catalog).for_each(|catalog| self.catalogs.take(catalog));
            self.count_server(server);
        }
        settled
    }

    /// Lets only what a log tells of the counters' interval pass from here on, unless the user said which time counts.
    /// Answers whether it does.
    pub fn limit_to_counters(&mut self) -> bool {
        let Some(coverage) = self.coverage.as_ref().filter(|coverage| !coverage.is_life) else { return false };
        let filter = &mut self.rules.filter;
        let (Some(start), Some(end)) = (coverage.start, coverage.end) else { return false };
        if filter.since.is_some() || filter.until.is_some() {
            return false;
        }
        (filter.since, filter.until) = (Some(start), Some(end));
        true
    }

    /// Says that only what is of a time was counted.
    pub fn limit_to(&mut self, since: Option<Timestamp>, until: Option<Timestamp>) {
        let filter = &mut self.rules.filter;
        (filter.since, filter.until) = (since, until);
    }

    fn count_server(&mut self, server: &[Snapshot]) {
        let interval = match server {
            [only] => life(only),
            several => {
                let intervals: Vec<Interval> = several.windows(2).map(|pair| between(&pair[0], &pair[1])).collect();
                self.follow(&intervals);
                chained(intervals)
            }
        };
        self.cover(server, &interval);
        for change in &interval.changes {
            self.take_change(change);
        }
    }

    fn take_change(&mut self, change: &Change) {
        // Entries that nobody used in the interval are nobody's business.
        if change.moments.is_none() && change.state == State::Continuous {
            return;
        }
        let person = person(change);
        if !self.rules.filter.passes_person(&person) {
            return;
        }
        let number = match change.text {
            TextRow::Statement(number) => number,
            TextRow::Hidden => self.textless("hidden", "<insufficient privilege>".to_owned()),
            TextRow::Unknown => {
                let id = change.key.query_id.unwrap_or_default();
                self.textless(&format!("query {id}"), format!("<text of query {id} not known>"))
            }
        };
        let names = self.names_number(&person.names);
        let Some(statement) = self.statements.get_mut(number as usize) else { return };
        statement.identified(&change.key.query_id.into_iter().collect::<Vec<_>>());
        let length = list_length(&statement.text, change.values);
        let counted = statement.counted.get_or_insert_default();
        counted.add(change);
        if let Some(moments) = change.moments {
            length.into_iter().for_each(|length| counted.lists.add(length, moments.count()));
            statement.named(names, Share { calls: moments.count(), total: micros(moments.total()) });
            self.happened = self.happened.saturating_add(moments.count());
            self.group_change(change, moments);
        }
    }

    /// Adds to the group of `--by`; counters know roles and databases only.
    fn group_change(&mut self, change: &Change, moments: Moments) {
        let name = match &self.rules.by {
            None => return,
            Some(Key::User) => &change.user,
            Some(Key::Database) => &change.database,
            Some(Key::Application | Key::Host | Key::Tag(_)) => &None,
        };
        let number = self.group_number(name.as_deref().map(str::to_owned));
        let group = &mut self.groups[number as usize].1;
        group.counted = Moments::sum(group.counted, Some(moments));
    }

    /// The statement that stands for one whose text is not known.
    fn textless(&mut self, name: &str, text: String) -> u32 {
        let fingerprint = Fingerprint::without_text(name);
        if let Some(&number) = self.by_fingerprint.get(&fingerprint) {
            return number;
        }
        let number = u32::try_from(self.statements.len()).expect("fewer statements than that fit in memory");
        let passes = self.rules.filter.passes_text(&text);
        self.statements.push(Statement::new(fingerprint, text, Sample::default(), passes));
        self.by_fingerprint.insert(fingerprint, number);
        number
    }

    /// Adds how much is known of other counters.
    pub(super) fn covered_too(&mut self, coverage: Coverage) {
        self.coverage = Some(match self.coverage.take() {
            Some(earlier) => earlier.and(coverage),
            None => coverage,
        });
    }

    fn cover(&mut self, server: &[Snapshot], interval: &Interval) {
        let is_life = server.len() == 1;
        let time = |of: &dyn Fn(&Change) -> bool| -> f64 {
            interval.changes.iter().filter(|change| of(change)).filter_map(|change| change.moments).fold(0.0, |sum, m| sum + m.total())
        };
        let (known, all) = (time(&|change| !change.partial), time(&|_| true) + interval.without_base.1 + interval.in_doubt.1);
        let mut entries: BTreeMap<State, u64> = BTreeMap::new();
        interval.changes.iter().for_each(|change| *entries.entry(change.state).or_default() += 1);
        let coverage = Coverage {
            known_share: (all > 0.0).then(|| known / all),
            lost: interval.lost,
            dealloc_rounds: interval.dealloc,
            entries,
            start: interval.start,
            end: interval.end,
            is_life,
            rounded: interval.changes.iter().filter(|c| c.moments.is_some_and(|m| m.is_rounded_away())).count() as u64,
            without_base: interval.without_base.0,
            in_doubt: interval.in_doubt.0,
            is_reset: interval.is_reset,
            is_order_assumed: server.len() > 1 && server.iter().any(|s| s.facts.taken.is_none()),
            time: (known, all),
        };
        // A catalogue alone is of no time. Two of them are an interval, whose settings a gate looks at.
        if !matches!(server, [only] if only.is_without_counters()) {
            self.covered_too(coverage);
        }
        server.iter().for_each(|snapshot| self.environment.told(&snapshot.facts));
    }
}

/// Whom an entry belongs to.
pub(super) fn person(change: &Change) -> Person {
    let bytes = |name: &Option<Box<str>>| name.as_deref().map(|name| name.as_bytes().into());
    let names = Names { user: bytes(&change.user), database: bytes(&change.database), application: None };
    Person { session: 0, names, host: None }
}

/// How long the list of an entry is whose text has so many values; `None` if it has no list, or that is not known.
pub(super) fn list_length(text: &str, values: Option<u32>) -> Option<u32> {
    let values = values.filter(|_| text.contains(LIST))?;
    (values + 1).checked_sub(Outline::of(text).values).filter(|&length| length > 0)
}

/// Why two snapshots cannot be of one server's life, if they cannot.
fn foreign(earlier: &Snapshot, later: &Snapshot) -> Option<&'static str> {
    let (a, b) = (&earlier.facts, &later.facts);
    let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
    if differ(&a.system_identifier, &b.system_identifier) {
        return Some("their system identifiers differ");
    }
    if a.version.zip(b.version).is_some_and(|(a, b)| major(a) != major(b)) {
        return Some("their major versions differ");
    }
    // The same process is the same server, whatever became of it.
    if a.started.is_some() && a.started == b.started {
        return None;
    }
    if differ(&a.node, &b.node) {
        return Some("they were taken on two nodes, each of which has counters of its own");
    }
    if a.in_recovery.zip(b.in_recovery).is_some_and(|(a, b)| a != b) {
        return Some("one is of a primary and one of a standby, each of which has counters of its own");
    }
    None
}

fn major(version: u32) -> u32 {
    if version >= 100_000 { version / 10_000 } else { version / 100 }
}
