//! What statements counted in each of several intervals between snapshots, to see what rises and falls with what.
//!
//! An interval in which entries were reset, dropped or lost tells nothing of what was called before, so it is left out.
//! Executions within functions are too, and those with a list of several keys, as far as the text of the entry tells.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use foldhash::fast::FixedState;

use crate::event::tally::{Count, TallyKey};
use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::LIST;

use super::Workload;
use super::counted::{list_length, person};
use super::interval::{Change, Interval, State};
use super::pieces::TextRow;

/// So many intervals are kept, the last ones.
const MOST_INTERVALS: usize = 64;
/// So many statements of a server are, those with the most calls or rows.
const MOST_STATEMENTS: usize = 4_000;
/// One with neither so many calls nor so many rows in all intervals together is nothing to look for.
const FEWEST: u64 = 100;

/// What a statement counted in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tick {
    /// Its executions.
    pub calls: u64,
    /// The rows they returned or wrote.
    pub rows: u64,
    /// Their time in milliseconds.
    pub total: f64,
}

impl Tick {
    /// Adds another one.
    pub fn add(&mut self, other: Tick) {
        self.calls = self.calls.saturating_add(other.calls);
        self.rows = self.rows.saturating_add(other.rows);
        self.total += other.total;
    }
}

/// One statement, interval by interval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Course {
    /// The statement.
    pub statement: Fingerprint,
    /// One for each interval; `None` where it is not known.
    pub ticks: Vec<Option<Tick>>,
}

/// The statements of one database of a server; see the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Courses {
    /// How long each interval was, in seconds; `None` where the snapshots do not tell.
    pub seconds: Vec<Option<f64>>,
    /// Those that were called.
    pub statements: Vec<Course>,
}

impl Workload {
    /// What statements counted in each of several intervals, by server and database.
    #[must_use]
    pub fn courses(&self) -> &[Courses] {
        &self.courses
    }

    /// Takes the intervals of a server, in the order of time.
    pub(super) fn follow(&mut self, intervals: &[Interval]) {
        if self.rules.without_findings {
            return;
        }
        let sound: Vec<&Interval> = intervals.iter().filter(|interval| is_sound(interval)).collect();
        let sound = &sound[sound.len().saturating_sub(MOST_INTERVALS)..];
        let mut texts: HashMap<TallyKey, u32, FixedState> = HashMap::default();
        for change in sound.iter().flat_map(|interval| &interval.changes) {
            if let TextRow::Statement(number) = change.text {
                texts.insert(change.key, number);
            }
        }
        let mut ticks: BTreeMap<(u32, u32), Vec<Option<Tick>>> = BTreeMap::new();
        for (at, interval) in sound.iter().enumerate() {
            for change in &interval.changes {
                let Some(&number) = texts.get(&change.key).filter(|&&number| self.is_followed(change, number)) else { continue };
                let known = ticks.entry((change.key.database, number)).or_insert_with(|| vec![Some(Tick::default()); sound.len()]);
                known[at] = known[at].zip(tick(change)).map(|(mut sum, tick)| {
                    sum.add(tick);
                    sum
                });
            }
        }
        let seconds = sound.iter().map(|interval| seconds(interval)).collect();
        self.courses.extend(self.by_database(ticks, seconds));
    }

    fn is_followed(&self, change: &Change, number: u32) -> bool {
        let Some(statement) = self.statements.get(number as usize) else { return false };
        let is_single = || !statement.text.contains(LIST) || list_length(&statement.text, change.values) == Some(1);
        change.key.top_level != Some(false) && statement.passes && is_single() && self.rules.filter.passes_person(&person(change))
    }

    fn by_database(&self, ticks: BTreeMap<(u32, u32), Vec<Option<Tick>>>, seconds: Vec<Option<f64>>) -> Vec<Courses> {
        let mut all: Vec<(u64, u32, Course)> = ticks
            .into_iter()
            .filter_map(|((database, number), ticks)| {
                let mut sum = Tick::default();
                ticks.iter().flatten().for_each(|tick| sum.add(*tick));
                let weight = sum.calls.max(sum.rows);
                let statement = self.statements.get(number as usize)?.fingerprint;
                (weight >= FEWEST).then_some((weight, database, Course { statement, ticks }))
            })
            .collect();
        all.sort_by_key(|(weight, database, course)| (std::cmp::Reverse(*weight), *database, course.statement));
        all.truncate(MOST_STATEMENTS);
        let mut databases: BTreeMap<u32, Courses> = BTreeMap::new();
        for (_, database, course) in all {
            let courses = databases.entry(database).or_insert_with(|| Courses { seconds: seconds.clone(), statements: Vec::new() });
            courses.statements.push(course);
        }
        databases.into_values().collect()
    }
}

/// Whether nothing was lost in between.
fn is_sound(interval: &Interval) -> bool {
    let is_lost = |change: &Change| matches!(change.state, State::Restarted | State::Gone);
    interval.dealloc.unwrap_or(0) == 0 && interval.without_base.0 == 0 && !interval.changes.iter().any(is_lost)
}

/// `None` if executions may be missing, or the rows are not told.
fn tick(change: &Change) -> Option<Tick> {
    match change.moments {
        _ if change.partial => None,
        Some(moments) => Some(Tick { calls: moments.count(), rows: change.counts[Count::Rows as usize]?, total: moments.total() }),
        None => Some(Tick::default()),
    }
}

fn seconds(interval: &Interval) -> Option<f64> {
    let (start, end) = interval.start.zip(interval.end)?;
    Some((end.0 - start.0) as f64 / 1e6)
}
