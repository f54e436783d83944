//! A workload in parts that can be saved, and back: what two workloads merge of, and nothing that only a fold needs.
//!
//! Parts come in a fixed order, whatever the order in which things were met, so that equal workloads have equal parts. A part
//! is added by merging, so whatever a file holds, the bounds of a workload are kept. Changing what a part holds changes the
//! format of saved files: a field may be added if it has a default; anything else needs a new version of the format, and a
//! reader of the old one. Nothing here knows of files.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

use super::burst::Patterns;
use super::changes::Change;
use super::convoys::Convoys;
use super::counted::Coverage;
use super::courses::Courses;
use super::environment::Environment;
use super::events::Events;
use super::filter::{Filter, Key, NameFilter};
use super::gaps::Gaps;
use super::pairs::Followed;
use super::parsed::Names;
use super::per_unit::UnitTotals;
use super::plans::Announced;
use super::service::{Objective, StoredService};
use super::statement::Statement;
use super::transactions::Transactions;
use super::visits::Arrivals;
use super::waits::Waits;
use super::wholeness::Wholeness;
use super::{Group, Latency, Measure, Rules, Workload, union};

/// How the workload was folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Selection {
    measure: Measure,
    by: Option<Key>,
    objectives: Vec<Objective>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    user: NameFilter,
    database: NameFilter,
    application: NameFilter,
    host: NameFilter,
    statement: Option<String>,
}

/// Numbers that belong to nothing smaller than the workload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Figures {
    total: Latency,
    untimed: u64,
    given_up: u64,
    announced: Announced,
    planned: u64,
    plans_unread: u64,
    window: Option<(Timestamp, Timestamp)>,
    shortest: Option<Micros>,
    durations: u64,
    happened: u64,
    shared: u64,
    opened: u64,
    tells_sessions: bool,
    seams: u64,
    wholeness: Wholeness,
    /// What the server calls LOG, where it is no English.
    words: Vec<String>,
}

/// A part of a workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// The first.
    Selection(Box<Selection>),
    /// User, database and application, by the numbers that statements name; comes before these.
    Names(Vec<Names>),
    Statement(Box<Statement>),
    Figures(Box<Figures>),
    Events(Box<Events>),
    Gaps(Box<Gaps>),
    Units(UnitTotals),
    Group(Option<String>, Box<Group>),
    /// One pattern, or the number of those beyond the bound.
    Patterns(Patterns),
    /// Likewise.
    Upserts(Patterns),
    Pairs(Vec<(Fingerprint, Fingerprint, Followed)>),
    Transactions(Transactions),
    Arrivals(Arrivals),
    Convoys(Convoys),
    Waits(Waits),
    Changes(Vec<(Fingerprint, Change)>),
    Service(Box<StoredService>),
    Coverage(Box<Coverage>),
    Courses(Courses),
    Environment(Environment),
    Catalog(Box<Catalog>),
}

impl Part {
    /// Whether a file has one of its kind at most.
    fn comes_once(&self) -> bool {
        !matches!(
            self,
            Part::Selection(_)
                | Part::Names(_)
                | Part::Statement(_)
                | Part::Group(..)
                | Part::Patterns(_)
                | Part::Upserts(_)
                | Part::Coverage(_)
                | Part::Courses(_)
                | Part::Catalog(_)
        )
    }
}

impl Selection {
    fn of(rules: &Rules) -> Self {
        let Filter { since, until, user, database, application, host, statement } = rules.filter.clone();
        let statement = statement.map(|regex| regex.as_str().to_owned());
        let (measure, by, objectives) = (rules.measure, rules.by.clone(), rules.objectives.clone());
        Selection { measure, by, objectives, since, until, user, database, application, host, statement }
    }

    /// The rules that it came of.
    fn rules(self) -> Result<Rules, &'static str> {
        let statement = self.statement.as_deref().map(Regex::new).transpose().map_err(|_| "a selection that is no pattern")?;
        let Selection { since, until, user, database, application, host, .. } = self;
        let filter = Filter { since, until, user, database, application, host, statement };
        Ok(Rules { measure: self.measure, filter, by: self.by, objectives: self.objectives, ..Rules::default() })
    }
}

impl Rules {
    /// What is different in the way that two workloads were folded, if that forbids to put them together. A span of time
    /// does not.
    #[must_use]
    pub fn unlike(&self, other: &Rules) -> Option<&'static str> {
        let [mut a, mut b] = [Selection::of(self), Selection::of(other)];
        if a.measure != b.measure {
            return Some("one has percentiles of calls and one of executions (--latency)");
        }
        if a.by != b.by {
            return Some("they are grouped differently (--by)");
        }
        if a.objectives != b.objectives {
            return Some("their minutes are judged by different objectives (--slo)");
        }
        for selection in [&mut a, &mut b] {
            (selection.since, selection.until) = (None, None);
        }
        (a != b).then_some("different calls were selected")
    }
}

impl Workload {
    /// Every part, in order. The log must have ended.
    pub(crate) fn parts<E>(&self, mut keep: impl FnMut(Part) -> Result<(), E>) -> Result<(), E> {
        keep(Part::Selection(Box::new(Selection::of(&self.rules))))?;
        keep(Part::Figures(Box::new(self.figures())))?;
        keep(Part::Environment(self.environment.clone()))?;
        keep(Part::Events(Box::new(self.events.clone())))?;
        keep(Part::Gaps(Box::new(self.gaps.clone())))?;
        keep(Part::Units(self.units.clone()))?;
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(key, _)| key);
        groups.into_iter().try_for_each(|(key, group)| keep(Part::Group(key.clone(), Box::new(group.clone()))))?;
        self.statement_parts(&mut keep)?;
        self.loops.patterns.split().try_for_each(|one| keep(Part::Patterns(one)))?;
        self.pairs.upserts.split().try_for_each(|one| keep(Part::Upserts(one)))?;
        keep(Part::Pairs(self.pairs.singles.iter().map(|(&(read, write), &followed)| (read, write, followed)).collect()))?;
        keep(Part::Transactions(self.transactions.clone()))?;
        keep(Part::Arrivals(self.arrivals.clone()))?;
        keep(Part::Convoys(self.convoys.clone()))?;
        keep(Part::Waits(self.waits.clone()))?;
        keep(Part::Changes(self.changes.iter().map(|(&statement, &change)| (statement, change)).collect()))?;
        keep(Part::Service(Box::new(self.service.stored())))?;
        self.coverage.iter().try_for_each(|coverage| keep(Part::Coverage(Box::new(coverage.clone()))))?;
        self.courses.iter().try_for_each(|courses| keep(Part::Courses(courses.clone())))?;
        self.catalogs().iter().try_for_each(|catalog| keep(Part::Catalog(Box::new(catalog.clone()))))
    }

    fn figures(&self) -> Figures {
        Figures {
            total: self.total.clone(),
            untimed: self.untimed,
            given_up: self.given_up,
            announced: self.announced,
            planned: self.planned,
            plans_unread: self.plans_unread,
            window: self.window,
            shortest: self.shortest,
            durations: self.durations,
            happened: self.happened,
            shared: self.loops.shared,
            opened: self.sessions.opened(),
            tells_sessions: self.sessions.tells(),
            seams: self.seams,
            wholeness: self.wholeness,
            words: self.language.words_of_log(),
        }
    }

    /// The statements by id, and before them the names that they share, in order.
    fn statement_parts<E>(&self, keep: &mut impl FnMut(Part) -> Result<(), E>) -> Result<(), E> {
        let mut statements: Vec<&Statement> = self.statements().collect();
        statements.sort_by_key(|statement| statement.fingerprint);
        let of = |statement: &Statement| statement.names.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        let plans = statements.iter().filter_map(|statement| statement.plans.as_deref());
        let used = statements.iter().copied().chain(plans).flat_map(of);
        let mut names: BTreeMap<&Names, u32> = used.filter_map(|number| Some((self.names.get(number as usize)?, number))).collect();
        names.values_mut().zip(0..).for_each(|(number, place)| *number = place);
        keep(Part::Names(names.keys().map(|&names| names.clone()).collect()))?;
        let number = |number: u32| self.names.get(number as usize).and_then(|of| names.get(of)).copied().unwrap_or(u32::MAX);
        statements.into_iter().try_for_each(|statement| keep(Part::Statement(Box::new(statement.renumbered(&number)))))
    }
}

/// A workload that is put together of its parts.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    workload: Workload,
    /// The numbers of names, by those of the parts.
    names: Vec<u32>,
    has_selection: bool,
    /// The kinds of part that come once and did, so that no number is added up without end.
    once: Vec<std::mem::Discriminant<Part>>,
}

impl Restored {
    /// Adds a part.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn add(&mut self, part: Part) -> Result<(), &'static str> {
        if !self.has_selection && !matches!(part, Part::Selection(_)) {
            return Err("something before it is said what was selected");
        }
        if part.comes_once() {
            let kind = std::mem::discriminant(&part);
            if self.once.contains(&kind) {
                return Err("a part that comes once came twice");
            }
            self.once.push(kind);
        }
        let workload = &mut self.workload;
        match part {
            Part::Selection(_) if self.has_selection => return Err("two selections"),
            Part::Selection(selection) => {
                *workload = Workload::new(selection.rules()?);
                self.has_selection = true;
            }
            Part::Names(names) => self.names.extend(names.iter().map(|names| workload.names_number(names))),
            Part::Statement(statement) => self.statement(*statement)?,
            Part::Figures(figures) => self.figures(*figures),
            Part::Events(events) => workload.events.merge(*events),
            Part::Gaps(gaps) => workload.gaps.merge(&gaps),
            Part::Units(units) => workload.units.merge(&units),
            Part::Group(key, group) => workload.add_group(key, &group),
            Part::Patterns(patterns) => workload.loops.patterns.merge(patterns),
            Part::Upserts(patterns) => workload.pairs.upserts.merge(patterns),
            Part::Pairs(pairs) => pairs.into_iter().for_each(|(read, write, followed)| workload.pairs.follow((read, write), followed)),
            Part::Transactions(transactions) => workload.transactions.merge(transactions),
            Part::Arrivals(arrivals) => workload.arrivals.merge(arrivals),
            Part::Convoys(convoys) => workload.convoys.merge(convoys),
            Part::Waits(waits) => workload.waits.merge(waits),
            Part::Changes(changes) => workload.merge_changes(&changes.into_iter().collect()),
            Part::Service(service) => workload.service.add_stored(*service)?,
            Part::Coverage(coverage) => workload.covered_too(*coverage),
            Part::Courses(courses) => workload.courses.push(courses),
            Part::Environment(environment) => workload.environment.merge(&environment),
            Part::Catalog(catalog) => workload.catalogs.take(*catalog),
        }
        Ok(())
    }

    fn statement(&mut self, mut statement: Statement) -> Result<(), &'static str> {
        if statement.fingerprint == Fingerprint::without_text("") || statement.plans.as_ref().is_some_and(|plans| plans.plans.is_some()) {
            return Err("a statement that says nothing, or plans of plans");
        }
        let names = &self.names;
        let number = |number: u32| names.get(number as usize).copied().unwrap_or(u32::MAX);
        // Almost always it is new and as it was saved, and then nothing needs to be put together.
        if statement.is_within_bounds() && !self.workload.by_fingerprint.contains_key(&statement.fingerprint) {
            statement.renumber(&number);
            self.workload.keep_statement(statement);
        } else {
            self.workload.add_statement(&statement, &number);
        }
        Ok(())
    }

    fn figures(&mut self, figures: Figures) {
        let workload = &mut self.workload;
        workload.total.merge(&figures.total);
        workload.untimed += figures.untimed;
        workload.given_up += figures.given_up;
        workload.announced.merge(figures.announced);
        workload.planned += figures.planned;
        workload.plans_unread += figures.plans_unread;
        workload.window = union(workload.window, figures.window);
        workload.shortest = workload.shortest.into_iter().chain(figures.shortest).min();
        workload.durations += figures.durations;
        workload.happened += figures.happened;
        workload.loops.shared += figures.shared;
        workload.seams += figures.seams;
        workload.wholeness.add(figures.wholeness);
        workload.sessions.add(figures.opened, figures.tells_sessions);
        figures.words.iter().for_each(|word| workload.language.is_log(word));
    }

    /// The workload of all parts.
    pub(crate) fn workload(self) -> Workload {
        self.workload
    }
}
