//! Calls that came to their end, handed to their statements many at a time.
//!
//! Calls come one by one in the order of the log, and the next is mostly of another statement, whose numbers lie somewhere
//! else in memory. What a statement adds up is nobody else's, so the calls of a block may wait until all of one statement can
//! be added at once: then its numbers are fetched once. Each statement takes its calls in the order of the log, so the result
//! is the same as if none had waited.

use std::sync::Arc;

use crate::sql::values::Values;
use crate::units::{Micros, Timestamp};

use super::session::{Call, TagSet};
use super::statement::{Share, Statement};
use super::timeline::{Span, minute};
use super::{Measure, Workload};

/// A call, as far as its statement wants to know.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) statement: u32,
    /// The number of user, database and application.
    pub(super) names: u32,
    pub(super) ended: Timestamp,
    pub(super) parse: Micros,
    pub(super) bind: Micros,
    /// Zero if it is not known.
    pub(super) execute: Micros,
    /// What counts; `None` if it is not known.
    pub(super) latency: Option<Micros>,
    /// How much of it it waited for locks, as far as the log tells.
    pub(super) waited: Micros,
    pub(super) tags: Option<Arc<TagSet>>,
    pub(super) values: Values,
    /// The minute in which it ended, if that matters.
    pub(super) minute: Option<u32>,
    /// Returned or affected, if known.
    pub(super) rows: Option<u32>,
    /// Whether its session had not run the statement before.
    pub(super) is_first: bool,
}

impl Statement {
    /// Takes a call that counts.
    pub(super) fn take(&mut self, call: &Done) {
        self.saw(call.ended);
        self.parse += call.parse;
        self.bind += call.bind;
        self.execute += call.execute;
        self.deep_pages += u64::from(call.values.is_deep());
        let rows = call.rows.map(u64::from);
        self.rows = self.rows.zip(rows).map(|(a, b)| a + b).or(self.rows).or(rows);
        if let Some(minute) = call.minute {
            self.timeline.add(minute, &Span::call(call.latency));
            if call.values.count() > 0 {
                self.values.add(call.values.hash);
            }
        }
        self.sessions += u64::from(call.is_first);
        match call.latency {
            Some(latency) => self.took(latency, call.waited),
            None => self.untimed += 1,
        }
        self.shared(call.names, call.tags.as_ref(), Share { calls: 1, total: call.latency.unwrap_or_default() });
    }
}

/// Calls that wait; see the module.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    calls: Vec<Done>,
    /// For each call the next one of its statement, or [`NONE`].
    next: Vec<u32>,
    /// The first and the last waiting call of each statement, or [`NONE`].
    ends: Vec<(u32, u32)>,
    /// The statements that have any.
    statements: Vec<u32>,
}

const NONE: u32 = u32::MAX;

/// No more calls wait; as many as the caches hold.
const MOST: usize = 1 << 13;

impl Waiting {
    /// Adds a call; whether there are enough to be taken.
    pub(super) fn add(&mut self, call: Done) -> bool {
        let place = u32::try_from(self.calls.len()).unwrap_or(NONE);
        let statement = call.statement as usize;
        if statement >= self.ends.len() {
            self.ends.resize(statement + 1, (NONE, NONE));
        }
        let (first, last) = &mut self.ends[statement];
        match self.next.get_mut(*last as usize) {
            Some(next) => *next = place,
            None => {
                self.statements.push(call.statement);
                *first = place;
            }
        }
        *last = place;
        self.next.push(NONE);
        self.calls.push(call);
        self.calls.len() >= MOST
    }

    /// Hands every call to its statement.
    pub(super) fn hand_over(&mut self, statements: &mut [Statement]) {
        for &number in &self.statements {
            let (first, _) = std::mem::replace(&mut self.ends[number as usize], (NONE, NONE));
            let mut place = first as usize;
            while let (Some(call), Some(&next)) = (self.calls.get(place), self.next.get(place)) {
                statements[number as usize].take(call);
                place = next as usize;
            }
        }
        self.statements.clear();
        self.next.clear();
        self.calls.clear();
    }
}

impl Workload {
    /// Counts a call that waited for locks as long as the log tells.
    pub(super) fn count(&mut self, call: Call, waited: Micros) {
        let execute = call.execute.or(call.planned);
        self.planned += u64::from(call.execute.is_none() && execute.is_some());
        let latency = execute.map(|execute| match self.rules.measure {
            Measure::Call => call.parse + call.bind + execute,
            Measure::Execute => execute,
        });
        let minute = (!self.rules.without_findings).then(|| minute(call.ended));
        if let Some(minute) = minute {
            self.service.call(minute, latency, call.origin.names, &self.names);
        }
        let group = call.tags.as_ref().and_then(|set| set.group).unwrap_or(call.origin.group);
        if let Some((_, group)) = self.groups.get_mut(group as usize) {
            match latency {
                Some(latency) => group.latency.record(latency),
                None => group.untimed += 1,
            }
        }
        if latency.is_none() {
            self.untimed += 1;
            self.await_plan(&call, group);
        }
        let done = Done {
            statement: call.statement,
            names: call.origin.names,
            ended: call.ended,
            parse: call.parse,
            bind: call.bind,
            execute: execute.unwrap_or_default(),
            latency,
            waited,
            tags: call.tags,
            values: call.values,
            minute,
            rows: call.rows,
            is_first: call.is_first,
        };
        if self.done.add(done) {
            self.hand_over();
        }
    }

    /// Hands the calls that wait to their statements, before anything else is asked of those.
    pub(super) fn hand_over(&mut self) {
        self.done.hand_over(&mut self.statements);
    }
}
