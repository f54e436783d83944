//! What happened: rows folded in order into statements, sessions and counts.
//!
//! One thread folds, so a session's lines meet in order whatever the number of workers or the size of blocks, and the
//! result is the same for all of them. No threads, no clock, no files here.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use foldhash::fast::FixedState;

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

mod blind;
mod bounds;
pub mod burst;
mod caller;
mod catalogs;
pub mod changes;
pub mod convoys;
mod counted;
mod courses;
mod crossing;
pub mod digest;
mod distinct;
mod done;
mod drawing;
mod environment;
mod equal;
mod events;
mod filter;
mod fold;
mod gaps;
mod histogram;
mod interval;
mod language;
pub mod latency;
mod lists;
mod lives;
pub mod lock_mode;
mod loops;
mod message;
pub mod minutes;
pub mod moments;
mod notes;
mod observer;
mod pairs;
mod parsed;
mod per_unit;
mod pieces;
mod plan_shapes;
mod plans;
mod reading;
mod run;
mod samples;
mod seams;
pub mod service;
mod session;
mod snapshot;
mod state;
mod statement;
mod stored;
pub mod timeline;
pub mod transactions;
mod turns;
mod unit;
pub mod visits;
pub mod waits;
mod watch;
mod wholeness;

pub use crate::event::tally::Count;
pub use blind::Blind;
pub use caller::Caller;
pub use counted::{Counted, Coverage, Settled, micros};
pub use courses::{Course, Courses, Tick};
pub use distinct::Distinct;
pub use environment::Environment;
pub use events::{ErrorKind, Events};
pub use filter::{Filter, Key, NameFilter};
pub use gaps::Gap;
pub use interval::State;
pub use latency::{Latency, Permille};
pub use lists::Lists;
pub use pairs::Followed;
pub use parsed::{Parsed, Sample};
pub use per_unit::UnitTotals;
pub use plan_shapes::{PlanShape, PlanShapes};
pub(crate) use reading::stem;
pub use reading::{InputSummary, Reading, Twin};
pub use samples::{Place, Samples};
pub use service::Objective;
pub use session::MOST_SESSIONS;
pub(crate) use state::{Part, Restored};
pub use statement::{Share, Statement};
pub use wholeness::Wholeness;

use catalogs::Catalogs;
use gaps::Gaps;
use language::Language;
use loops::Loops;
use pairs::Pairs;
use parsed::Names;
use pieces::Gathered;
use plans::Announced;
use service::Service;
use session::Sessions;
use statement::OTHERS;

/// Which duration a latency is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Parse, bind and execute together: what the client waited for.
    #[default]
    Call,
    /// Execution alone.
    Execute,
}

/// How to fold.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Which duration counts.
    pub measure: Measure,
    /// Which calls count.
    pub filter: Filter,
    /// What to group by.
    pub by: Option<Key>,
    /// Whether nobody wants to know what is wrong, so that nothing is kept for it.
    pub without_findings: bool,
    /// Whether some examples of every statement are kept with their values, in memory only.
    pub keeps_examples: bool,
    /// Objectives of latency that every minute is judged by.
    pub objectives: Vec<Objective>,
}

impl Rules {
    /// The empty timeline of a statement. Where minutes are judged, those of statements matter too.
    fn timeline(&self) -> timeline::Timeline {
        timeline::Timeline::up_to(if self.objectives.is_empty() { timeline::MOST } else { timeline::MOST_WATCHED })
    }
}

/// One group of `--by`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// The latency of its calls.
    pub latency: Latency,
    /// Calls without a known duration.
    pub untimed: u64,
    /// Failed statements.
    pub errors: u64,
    /// What the server counted of it, where there are snapshots.
    pub counted: Option<moments::Moments>,
    /// Plans without a call: of queries and the like, and of changes of data.
    plans: [Latency; 2],
}

/// How many groups are told apart; the rest are one.
const MOST_GROUPS: usize = 10_000;

/// How many combinations of user, database and application are told apart; the rest are one.
const MOST_NAMES: usize = 100_000;

/// Everything that was found; see the module.
#[derive(Debug, Default)]
pub struct Workload {
    rules: Rules,
    statements: Vec<Statement>,
    by_fingerprint: HashMap<Fingerprint, u32, FixedState>,
    names: Vec<Names>,
    by_names: HashMap<Names, u32, FixedState>,
    /// The number of names last asked for.
    last_names: u32,
    groups: Vec<(Option<String>, Group)>,
    by_group: HashMap<Option<String>, u32, FixedState>,
    sessions: Sessions,
    /// Sessions that were given up in the middle of something.
    given_up: u64,
    announced: Announced,
    /// Calls whose duration is that of their plan.
    planned: u64,
    /// Plans that could not be read.
    plans_unread: u64,
    language: Language,
    /// Over all calls, once the log has ended.
    total: Latency,
    untimed: u64,
    turns: turns::Turns,
    done: done::Waiting,
    events: Events,
    window: Option<(Timestamp, Timestamp)>,
    gaps: Gaps,
    loops: Loops,
    units: UnitTotals,
    tally: transactions::Tally,
    transactions: transactions::Transactions,
    arrivals: visits::Arrivals,
    queues: convoys::Queues,
    convoys: convoys::Convoys,
    waits: waits::Waits,
    changes: changes::Changes,
    pairs: Pairs,
    service: Service,
    wholeness: Wholeness,
    /// The shortest duration logged of any step, and how many durations there were.
    shortest: Option<Micros>,
    durations: u64,
    /// Executions and notes, whether or not they passed the filters.
    happened: u64,
    /// Pieces of snapshots, by input.
    gathered: Vec<Gathered>,
    coverage: Option<Coverage>,
    catalogs: Catalogs,
    courses: Vec<Courses>,
    environment: Environment,
    /// How often parts of one log were put together at a moment in its middle.
    seams: u64,
}

impl Workload {
    /// Begins with nothing.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let service = Service::over(&rules.objectives);
        Workload { rules, service, ..Workload::default() }
    }

    /// The distinct statements of which anything is known, in the order of their first appearance.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|s| s.passes && !s.is_idle())
    }

    /// The statement that is known by a fingerprint, if it is one of [`Self::statements`].
    #[must_use]
    pub fn statement(&self, fingerprint: Fingerprint) -> Option<&Statement> {
        let statement = self.statements.get(*self.by_fingerprint.get(&fingerprint)? as usize)?;
        (statement.passes && !statement.is_idle()).then_some(statement)
    }

    /// The latency of all calls.
    #[must_use]
    pub fn total(&self) -> &Latency {
        &self.total
    }

    /// All calls, with or without a known duration.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.total.count() + self.untimed
    }

    /// Calls whose duration the log does not tell.
    #[must_use]
    pub fn untimed(&self) -> u64 {
        self.untimed
    }

    /// Executions and notes so far, whether or not they passed the filters.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.happened
    }

    /// Sessions that were given up in the middle of something because more than [`MOST_SESSIONS`] were open.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What happened besides statements.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Whether the server speaks another language than English, in which much of what happens besides statements is not
    /// understood.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.language.is_foreign()
    }

    /// The times of the first and the last record.
    #[must_use]
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        self.window
    }

    /// Times without any statement or event, much longer than usual; the longest first.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        self.gaps.worth_telling()
    }

    /// How the servers were set, as far as the inputs tell.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How often parts of one log were put together at a moment in its middle, where what crosses it is counted in both.
    #[must_use]
    pub fn seams(&self) -> u64 {
        self.seams
    }

    /// How many units of work there were.
    #[must_use]
    pub fn units(&self) -> &UnitTotals {
        &self.units
    }

    /// The shortest duration that was logged, and how many durations were.
    #[must_use]
    pub fn shortest(&self) -> Option<(Micros, u64)> {
        self.shortest.map(|shortest| (shortest, self.durations))
    }

    /// How much of the counters' interval is known; `None` if there were no snapshots.
    #[must_use]
    pub fn coverage(&self) -> Option<&Coverage> {
        self.coverage.as_ref()
    }

    /// The groups of `--by`, by key; `None` is what has none. `None` if nothing was to be grouped.
    pub fn groups(&self) -> Option<impl Iterator<Item = (Option<&str>, &Group)>> {
        self.rules.by.as_ref().map(|_| self.groups.iter().map(|(key, group)| (key.as_deref(), group)))
    }

    /// The log minute by minute; empty if nobody looks for what is wrong.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// How it was folded.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The shares of a statement by application, user or database, by name; what has none is left out.
    #[must_use]
    pub fn shares(&self, statement: &Statement, key: &Key) -> Vec<(String, Share)> {
        let mut shares: HashMap<String, Share, FixedState> = HashMap::default();
        for (number, share) in &statement.names {
            let name = match self.names.get(*number as usize) {
                None => Some(OTHERS.as_bytes()),
                Some(names) => match key {
                    Key::Application => names.application.as_deref(),
                    Key::User => names.user.as_deref(),
                    Key::Database => names.database.as_deref(),
                    Key::Host | Key::Tag(_) => None,
                },
            };
            if let Some(name) = name {
                shares.entry(String::from_utf8_lossy(name).into_owned()).or_default().add(*share);
            }
        }
        let mut shares: Vec<(String, Share)> = shares.into_iter().collect();
        shares.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.cmp(b)));
        shares
    }

    /// How many databases the calls went to, where the log tells.
    #[must_use]
    pub fn databases(&self) -> usize {
        let numbers = self.statements().flat_map(|s| s.names.iter().map(|(number, _)| *number as usize));
        let mut databases: Vec<_> = numbers.filter_map(|number| self.names.get(number)?.database.as_deref()).collect();
        databases.sort_unstable();
        databases.dedup();
        databases.len()
    }

    /// Adds everything of a workload of another log, or of a later part of the same. Both must be finished.
    pub fn merge(&mut self, mut other: Workload) {
        self.sew(&mut other);
        let names: Vec<u32> = other.names.iter().map(|n| self.names_number(n)).collect();
        let translate = |number: u32| names.get(number as usize).copied().unwrap_or(u32::MAX);
        other.statements.iter().for_each(|statement| self.add_statement(statement, &translate));
        other.groups.into_iter().for_each(|(key, group)| self.add_group(key, &group));
        self.total.merge(&other.total);
        self.untimed += other.untimed;
        self.given_up += other.given_up;
        self.announced.merge(other.announced);
        self.planned += other.planned;
        self.plans_unread += other.plans_unread;
        self.events.merge(other.events);
        self.window = union(self.window, other.window);
        self.gaps.merge(&other.gaps);
        self.sessions.merge(&other.sessions);
        self.loops.patterns.merge(other.loops.patterns);
        self.service.merge(&other.service);
        self.loops.shared += other.loops.shared;
        self.units.merge(&other.units);
        self.transactions.merge(other.transactions);
        self.arrivals.merge(other.arrivals);
        self.convoys.merge(other.convoys);
        self.waits.merge(other.waits);
        self.merge_changes(&other.changes);
        self.pairs.merge(other.pairs);
        self.wholeness.add(other.wholeness);
        self.shortest = self.shortest.into_iter().chain(other.shortest).min();
        self.durations += other.durations;
        self.happened += other.happened;
        other.coverage.into_iter().for_each(|coverage| self.covered_too(coverage));
        self.courses.extend(other.courses);
        self.catalogs.merge(other.catalogs);
        self.language.merge(&other.language);
        self.environment.merge(&other.environment);
        self.seams += other.seams;
    }

    /// Adds what is known of a statement elsewhere; `names` translates its numbers.
    fn add_statement(&mut self, statement: &Statement, names: &dyn Fn(u32) -> u32) {
        let number = match self.by_fingerprint.get(&statement.fingerprint) {
            Some(&known) => known,
            None => {
                let Statement { fingerprint, text, sample, passes, .. } = statement;
                self.keep_statement(Statement::new(*fingerprint, text.clone(), sample.clone(), *passes))
            }
        };
        self.statements[number as usize].merge(statement, names);
    }

    /// Keeps a statement that is not known yet, and answers its number.
    fn keep_statement(&mut self, statement: Statement) -> u32 {
        let number = u32::try_from(self.statements.len()).expect("fewer statements than that fit in memory");
        self.by_fingerprint.insert(statement.fingerprint, number);
        self.statements.push(statement);
        number
    }

    fn add_group(&mut self, key: Option<String>, group: &Group) {
        let number = self.group_number(key);
        let mine = &mut self.groups[number as usize].1;
        mine.latency.merge(&group.latency);
        mine.untimed += group.untimed;
        mine.errors += group.errors;
        mine.counted = moments::Moments::sum(mine.counted, group.counted);
        mine.plans.iter_mut().zip(&group.plans).for_each(|(mine, plans)| mine.merge(plans));
    }

    fn names_number(&mut self, names: &Names) -> u32 {
        // Most sessions go by the same names as the one before.
        if self.names.get(self.last_names as usize) == Some(names) {
            return self.last_names;
        }
        if let Some(&number) = self.by_names.get(names) {
            self.last_names = number;
            return number;
        }
        if self.names.len() >= MOST_NAMES {
            return u32::MAX;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(names.clone());
        self.by_names.insert(names.clone(), number);
        number
    }

    fn group_number(&mut self, key: Option<String>) -> u32 {
        if let Some(&number) = self.by_group.get(&key) {
            return number;
        }
        let key = if self.groups.len() < MOST_GROUPS { key } else { Some(OTHERS.to_owned()) };
        if let Some(&number) = self.by_group.get(&key) {
            return number;
        }
        let number = u32::try_from(self.groups.len()).expect("bounded by MOST_GROUPS");
        self.groups.push((key.clone(), Group::default()));
        self.by_group.insert(key, number);
        number
    }
}

fn union(a: Option<(Timestamp, Timestamp)>, b: Option<(Timestamp, Timestamp)>) -> Option<(Timestamp, Timestamp)> {
    a.zip(b).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))).or(a).or(b)
}
