//! What `auto_explain` adds: the durations of calls that the log does not time.
//!
//! A plan belongs to an execution, and is matched to it by the statement's text within the session: it may come before the
//! execution's duration, behind it, or when its portal is closed. Where a call was announced and no duration follows, the
//! plan's stands for it. A plan without a call is one only where the log tells of such statements in no other way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::units::{Micros, Timestamp};

use super::latency::Latency;
use super::parsed::{Row, Sample};
use super::session::{Call, Origin, TagSet};
use super::statement::{Share, Statement};
use super::timeline::{Span, minute};
use super::{Measure, Workload};

/// A call that was counted without a duration; its plan may come when its portal is closed.
#[derive(Clone, Debug)]
pub(super) struct Untimed {
    pub(super) statement: u32,
    ended: Timestamp,
    names: u32,
    group: u32,
    tags: Option<Arc<TagSet>>,
    /// Its parse and bind, if they count.
    before: Micros,
}

/// Which kinds of statement the log announces without a duration, which tells `log_statement`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Announced {
    /// Queries and the like: `all`.
    reads: bool,
    /// Changes of data: `mod` at least.
    writes: bool,
}

impl Announced {
    pub(super) fn add(&mut self, text: &str) {
        if !self.reads {
            self.writes |= is_write(text);
            self.reads |= matches!(verb(text), "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "set" | "show")
                || (verb(text) == "select" && !text.contains(" into "));
        }
    }

    pub(super) fn merge(&mut self, other: Announced) {
        *self = Announced { reads: self.reads || other.reads, writes: self.writes || other.writes };
    }

    /// Whether the log announces such statements, so that a plan without a call is of a statement within a function.
    fn covers(self, is_write: bool) -> bool {
        self.reads || (self.writes && is_write)
    }
}

fn verb(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_alphabetic).count()]
}

/// Whether `log_statement = mod` logs it.
fn is_write(text: &str) -> bool {
    matches!(verb(text), "insert" | "update" | "delete" | "merge" | "truncate" | "copy")
}

/// How many calls of a session may wait for their plan; more portals are hardly ever open at once.
const MOST_UNTIMED: usize = 8;

impl Workload {
    /// Calls whose duration is that of their plan.
    #[must_use]
    pub fn planned(&self) -> u64 {
        self.planned
    }

    pub(super) fn plan(&mut self, statement: u32, row: &Row, origin: Origin, tags: Option<&Arc<TagSet>>) {
        let Some(took) = row.took else { return };
        let verb_of = |statement: u32| verb(&self.statements[statement as usize].text);
        // The plan of EXECUTE has the text of PREPARE, which has no plan of its own.
        let is_prepared = verb_of(statement) == "prepare";
        let is_own = |call: &&mut Call| if is_prepared { verb_of(call.statement) == "execute" } else { call.statement == statement };
        let session = self.sessions.get(origin.session);
        if let Some(rare) = &mut session.rare {
            if let Some(call) = rare.announced.as_mut().filter(is_own) {
                // A string of several statements has a plan for each.
                call.planned = Some(call.planned.unwrap_or_default() + took);
                call.ended = row.at;
                return;
            }
            if let Some(at) = rare.untimed.iter().rposition(|call| call.statement == statement && !is_prepared) {
                let call = rare.untimed.remove(at);
                return self.time(&call, took);
            }
        }
        if origin.passes && self.statements[statement as usize].passes && self.rules.filter.passes_time(row.at) {
            self.plan_alone(statement, row, took, origin, tags);
        }
    }

    /// Remembers a call that was counted without a duration.
    pub(super) fn await_plan(&mut self, call: &Call, group: u32) {
        let before = if self.rules.measure == Measure::Call { call.parse + call.bind } else { Micros(0) };
        let untimed = &mut self.sessions.get(call.origin.session).rare().untimed;
        if untimed.len() >= MOST_UNTIMED {
            untimed.remove(0);
        }
        let Call { statement, ended, .. } = *call;
        untimed.push(Untimed { statement, ended, names: call.origin.names, group, tags: call.tags.clone(), before });
    }

    /// Gives a call that was counted the duration of its plan.
    fn time(&mut self, call: &Untimed, took: Micros) {
        let latency = call.before + took;
        // The call may be waiting itself.
        self.hand_over();
        let statement = &mut self.statements[call.statement as usize];
        statement.untimed -= 1;
        statement.execute += took;
        statement.latency.record(latency);
        if !self.rules.without_findings {
            let (minute, span) = (minute(call.ended), Span::duration(Some(latency)));
            statement.timeline.add(minute, &span);
            self.service.add(minute, &span, call.names, &self.names);
            self.service.judge(minute, latency, call.names, &self.names);
        }
        statement.shared(call.names, call.tags.as_ref(), Share { calls: 0, total: latency });
        self.untimed -= 1;
        self.planned += 1;
        if let Some((_, group)) = self.groups.get_mut(call.group as usize) {
            group.untimed -= 1;
            group.latency.record(latency);
        }
    }

    /// A plan of which there is no call. What it would be as one is kept apart until the whole log is known.
    fn plan_alone(&mut self, statement: u32, row: &Row, took: Micros, origin: Origin, tags: Option<&Arc<TagSet>>) {
        let number = statement;
        let statement = &mut self.statements[number as usize];
        let is_write = is_write(&statement.text);
        let new = || Box::new(Statement::new(statement.fingerprint, String::new(), Sample::default(), true));
        let timeline = self.rules.timeline();
        let plans = statement.plans.get_or_insert_with(|| Box::new(Statement { timeline, ..*new() }));
        plans.saw(row.at);
        plans.execute += took;
        plans.latency.record(took);
        if !self.rules.without_findings {
            plans.timeline.add(minute(row.at), &Span::call(Some(took)));
        }
        plans.shared(origin.names, tags, Share { calls: 1, total: took });
        let session = self.sessions.get(origin.session);
        if plans.last_session != session.number {
            plans.last_session = session.number;
            plans.sessions += u64::from(session.rare().planned.insert(number) && !session.ran.contains(number));
        }
        let group = tags.and_then(|set| set.group).unwrap_or(origin.group);
        if let Some((_, group)) = self.groups.get_mut(group as usize) {
            group.plans[usize::from(is_write)].record(took);
        }
    }

    /// With the whole log read, lets the plans without a call stand for calls, unless the log times calls or announces them.
    pub fn promote_plans(&mut self) {
        if self.durations > 0 {
            return;
        }
        let announced = self.announced;
        for statement in &mut self.statements {
            if announced.covers(is_write(&statement.text)) {
                continue;
            }
            let Some(mut plans) = statement.plans.take() else { continue };
            plans.text.clone_from(&statement.text);
            self.total.merge(&plans.latency);
            self.planned += plans.latency.count();
            self.happened += plans.latency.count();
            statement.merge(&plans, &|names| names);
        }
        for (_, group) in &mut self.groups {
            for is_write in [false, true].into_iter().filter(|&is_write| !announced.covers(is_write)) {
                let plans: Latency = std::mem::take(&mut group.plans[usize::from(is_write)]);
                group.latency.merge(&plans);
            }
        }
    }
}
