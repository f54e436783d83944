//! Calls that came to their end, handed to their statements many at a time.
//!
//! Calls come one by one in the order of the log, and the next is mostly of another statement, whose numbers lie somewhere
//! else in memory. What a statement adds up is nobody else's, so calls may wait until several of one statement can
//! be added at once: then its numbers are fetched once. Each statement takes its calls in the order of the log, so the result
//! is the same as if none had waited.

use std::sync::Arc;

use crate::units::{Micros, Timestamp};

use super::latency::Sums;
use super::session::{Call, TagSet};
use super::statement::{Share, Statement};
use super::timeline::{LastMinute, Span};
use super::{Measure, Workload};

/// A call, as far as its statement wants to know: what nearly every call has, in one line of a cache.
#[derive(Debug)]
#[repr(align(64))]
struct Done {
    ended: Timestamp,
    parse: Micros,
    bind: Micros,
    /// Zero if it is not known.
    execute: Micros,
    /// What counts, once [`Waiting::prepare`] has found it; zero if it is not known.
    latency: Micros,
    /// The number of its statement; once that has found it, the place of the next call of this statement, or [`NONE`].
    next: u32,
    /// The number of user, database and application.
    names: u32,
    /// The minute in which it ended, once that has found it.
    minute: u32,
    /// Of its values.
    hash: u32,
    /// The place of its [`Extra`], or [`NONE`].
    extra: u32,
    is_timed: bool,
    /// Whether its session had not run the statement before.
    is_first: bool,
    /// Whether OFFSET began far behind.
    is_deep: bool,
    /// Whether it has values that somebody asks for.
    has_values: bool,
}

/// What few calls have.
#[derive(Debug)]
struct Extra {
    /// How much of it it waited for locks, as far as the log tells.
    waited: Micros,
    /// Returned or affected, if known.
    rows: Option<u32>,
    tags: Option<Arc<TagSet>>,
}

const NONE: u32 = u32::MAX;

/// What calls of one statement add to it that follow each other in one minute and by the same names: mostly all that wait.
#[derive(Debug)]
struct Streak {
    minute: u32,
    names: u32,
    calls: u32,
    /// The place of the call behind it, or [`NONE`].
    next: u32,
    latency: Sums,
    parse: Micros,
    bind: Micros,
    execute: Micros,
    seen: (Timestamp, Timestamp),
    sessions: u64,
    deep_pages: u64,
}

impl Streak {
    /// Of what a call is of, without any call.
    #[inline]
    fn of(call: &Done) -> Self {
        let (minute, names, next, seen) = (call.minute, call.names, call.next, (call.ended, call.ended));
        let (latency, zero) = (Sums::default(), Micros(0));
        Streak { minute, names, calls: 0, next, latency, parse: zero, bind: zero, execute: zero, seen, sessions: 0, deep_pages: 0 }
    }

    #[inline]
    fn goes_on_with(&self, call: &Done) -> bool {
        (self.minute, self.names) == (call.minute, call.names)
    }

    #[inline]
    fn add(&mut self, call: &Done) {
        self.calls += 1;
        self.next = call.next;
        // In the simple protocol there is neither.
        if call.parse.0 | call.bind.0 != 0 {
            self.parse += call.parse;
            self.bind += call.bind;
        }
        self.execute += call.execute;
        // They mostly come in order.
        if call.ended >= self.seen.1 {
            self.seen.1 = call.ended;
        } else {
            self.seen.0 = self.seen.0.min(call.ended);
        }
        self.sessions += u64::from(call.is_first);
        self.deep_pages += u64::from(call.is_deep);
    }

    fn span(&self) -> Span {
        let timed = u32::try_from(self.latency.count()).unwrap_or(u32::MAX);
        Span { calls: self.calls, timed, errors: 0, total: self.latency.total(), max: self.latency.max() }
    }
}

impl Statement {
    /// Takes the calls that begin at a place, in the order of the log.
    fn take(&mut self, mut place: u32, waiting: &Waiting, tell: &mut impl FnMut(&mut Statement, &Streak)) {
        while let Some(call) = waiting.calls.get(place as usize) {
            let run = self.take_run(call, waiting);
            self.add_streak(&run);
            tell(self, &run);
            place = run.next;
        }
    }

    /// Takes all but the sums of the calls of a run, whose first this is.
    fn take_run<'w>(&mut self, mut call: &'w Done, waiting: &'w Waiting) -> Streak {
        let mut run = Streak::of(call);
        loop {
            run.add(call);
            if call.is_timed {
                run.latency.add(call.latency);
                self.latency.keep(call.latency);
            }
            if call.has_values {
                self.values.add(call.hash);
            }
            if let Some(extra) = waiting.extras.get(call.extra as usize) {
                self.take_extra(call, extra);
            }
            match waiting.calls.get(call.next as usize) {
                Some(next) if run.goes_on_with(next) => call = next,
                _ => return run,
            }
        }
    }

    fn take_extra(&mut self, call: &Done, extra: &Extra) {
        if call.is_timed && extra.waited.0 > 0 {
            self.delayed.get_or_insert_default().record(call.latency);
        }
        let rows = extra.rows.map(u64::from);
        self.rows = self.rows.zip(rows).map(|(a, b)| a + b).or(self.rows).or(rows);
        self.shared_by_tags(extra.tags.as_ref(), Share { calls: 1, total: call.latency });
    }

    /// Adds the sums of a run. They were added up apart, so that its own are asked for once.
    fn add_streak(&mut self, run: &Streak) {
        let span = run.span();
        self.latency.add_sums(&run.latency);
        self.untimed += u64::from(span.calls - span.timed);
        self.parse += run.parse;
        self.bind += run.bind;
        self.execute += run.execute;
        self.saw(run.seen.0);
        self.saw(run.seen.1);
        self.sessions += run.sessions;
        self.deep_pages += run.deep_pages;
        self.named(run.names, Share { calls: u64::from(span.calls), total: span.total });
        if span.calls > 1 {
            // Names that come again move to the front, as they would if the calls had come one by one.
            self.named(run.names, Share::default());
        }
    }
}

/// Calls that wait; see the module.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    calls: Vec<Done>,
    extras: Vec<Extra>,
    minute: LastMinute,
    /// The first call of each statement, or [`NONE`]; found when they are to be handed over.
    first: Vec<u32>,
    /// The statements that have any; likewise.
    statements: Vec<u32>,
}

/// No more calls wait; as many as the caches hold.
const MOST: usize = 1 << 13;

impl Waiting {
    /// Keeps what few calls have, and answers its place.
    #[inline]
    fn extra(&mut self, waited: Micros, rows: Option<u32>, tags: &Option<Arc<TagSet>>) -> u32 {
        if waited.0 == 0 && rows.is_none() && tags.is_none() {
            return NONE;
        }
        self.extras.push(Extra { waited, rows, tags: tags.clone() });
        u32::try_from(self.extras.len() - 1).unwrap_or(NONE)
    }

    /// Makes calls ready to be taken, going from the last to the first: how long each took and in which minute it ended is found,
    /// and with the next one of its statement it becomes a chain.
    fn prepare(&mut self, statements: usize, measure: Measure) {
        self.first.resize(statements, NONE);
        let mut place = u32::try_from(self.calls.len()).unwrap_or(NONE);
        for call in self.calls.iter_mut().rev() {
            place -= 1;
            if call.is_timed {
                call.latency = measure.of(call.parse, call.bind, call.execute);
            }
            call.minute = self.minute.of(call.ended);
            let statement = call.next;
            let first = &mut self.first[statement as usize];
            if *first == NONE {
                self.statements.push(statement);
            }
            call.next = std::mem::replace(first, place);
        }
    }

    /// Hands every call to its statement, and tells of each run.
    fn hand_over(&mut self, statements: &mut [Statement], mut tell: impl FnMut(&mut Statement, &Streak)) {
        while let Some(number) = self.statements.pop() {
            let first = std::mem::replace(&mut self.first[number as usize], NONE);
            statements[number as usize].take(first, self, &mut tell);
        }
        self.calls.clear();
        self.extras.clear();
    }
}

impl Measure {
    #[inline]
    fn of(self, parse: Micros, bind: Micros, execute: Micros) -> Micros {
        match self {
            Measure::Call => parse + bind + execute,
            Measure::Execute => execute,
        }
    }
}

impl Workload {
    /// Counts a call that waited for locks as long as the log tells.
    #[inline]
    pub(super) fn count(&mut self, call: &Call, waited: Micros) {
        let execute = call.execute.or_else(|| {
            self.planned += u64::from(call.planned.is_some());
            call.planned
        });
        let finds = !self.rules.without_findings;
        if finds {
            self.service.know(call.origin.names, &self.names);
        }
        if execute.is_none() || !self.groups.is_empty() {
            self.count_in_group(call, execute);
        }
        let extra = self.done.extra(waited, call.rows, &call.tags);
        self.done.calls.push(Done {
            ended: call.ended,
            parse: call.parse,
            bind: call.bind,
            execute: execute.unwrap_or_default(),
            latency: Micros(0),
            next: call.statement,
            names: call.origin.names,
            minute: 0,
            hash: call.values.hash,
            extra,
            is_timed: execute.is_some(),
            is_first: call.is_first,
            is_deep: call.values.is_deep(),
            has_values: finds && call.values.count() > 0,
        });
        if self.done.calls.len() >= MOST {
            self.hand_over();
        }
    }

    #[inline(never)]
    fn count_in_group(&mut self, call: &Call, execute: Option<Micros>) {
        let number = call.tags.as_ref().and_then(|set| set.group).unwrap_or(call.origin.group);
        if let Some((_, group)) = self.groups.get_mut(number as usize) {
            match execute {
                Some(execute) => group.latency.record(self.rules.measure.of(call.parse, call.bind, execute)),
                None => group.untimed += 1,
            }
        }
        if execute.is_none() {
            self.untimed += 1;
            self.await_plan(call, number);
        }
    }

    /// Hands the calls that wait to their statements, before their times are asked for or changed.
    pub(super) fn hand_over(&mut self) {
        self.done.prepare(self.statements.len(), self.rules.measure);
        let finds = !self.rules.without_findings;
        if finds && !self.rules.objectives.is_empty() {
            for call in self.done.calls.iter().filter(|call| call.is_timed) {
                self.service.judge(call.minute, call.latency, call.names, &self.names);
            }
        }
        self.done.hand_over(&mut self.statements, |statement, run| {
            if finds {
                let span = run.span();
                statement.timeline.add(run.minute, &span);
                self.service.add(run.minute, &span, run.names, &self.names);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sql::fingerprint::Fingerprint;
    use crate::sql::tags::Tag;
    use crate::sql::values::Values;
    use crate::workload::Rules;
    use crate::workload::parsed::{NONE as NO_GROUP, Names, Sample};
    use crate::workload::service::Service;
    use crate::workload::session::Origin;
    use crate::workload::timeline::minute;

    /// How one call is taken without any that waits, plainly.
    fn take_one(statement: &mut Statement, call: &Call, waited: Micros, rules: &Rules) {
        statement.saw(call.ended);
        statement.parse += call.parse;
        statement.bind += call.bind;
        statement.execute += call.execute.unwrap_or_default();
        statement.deep_pages += u64::from(call.values.is_deep());
        let rows = call.rows.map(u64::from);
        statement.rows = statement.rows.zip(rows).map(|(a, b)| a + b).or(statement.rows).or(rows);
        let latency = call.execute.map(|execute| rules.measure.of(call.parse, call.bind, execute));
        if !rules.without_findings {
            statement.timeline.add(minute(call.ended), &Span::call(latency));
            if call.values.count() > 0 {
                statement.values.add(call.values.hash);
            }
        }
        statement.sessions += u64::from(call.is_first);
        match latency {
            Some(latency) => {
                statement.latency.record(latency);
                if waited.0 > 0 {
                    statement.delayed.get_or_insert_default().record(latency);
                }
            }
            None => statement.untimed += 1,
        }
        statement.shared(call.origin.names, call.tags.as_ref(), Share { calls: 1, total: latency.unwrap_or_default() });
    }

    fn duration() -> impl Strategy<Value = Micros> {
        prop_oneof![8 => (0u64..100_000).prop_map(Micros), 4 => Just(Micros(0)), 1 => any::<u64>().prop_map(Micros)]
    }

    fn values(kind: u8) -> Values {
        let mut values = if kind == 9 { Values::IGNORED } else { Values::default() };
        let texts: &[&[u8]] = &[b"", b"id = 7", b"id = 8", b"limit 10", b"offset 5000", b"offset 5"];
        if let Some(text @ [_, ..]) = texts.get(usize::from(kind)) {
            values.constant(text, text.iter().rposition(|&byte| byte == b' ').expect("a space") + 1, text.len());
        }
        values
    }

    fn call() -> impl Strategy<Value = (Call, Micros)> {
        let moment = prop_oneof![9 => (0i64..200_000_000).prop_map(|at| at + 1_700_000_000_000_000), 1 => any::<i64>()];
        let durations =
            (duration(), duration(), prop::option::weighted(0.9, duration()), prop_oneof![5 => Just(Micros(0)), 1 => duration()]);
        let tag = prop::option::weighted(0.2, 0u8..3);
        let who = (0u32..3, prop_oneof![3 => 0u32..2, 1 => 0u32..300], 0u32..4);
        (who, moment, durations, (0u8..10, prop::option::weighted(0.2, 0u32..9), tag)).prop_map(
            |((statement, names, session), ended, (parse, bind, execute, waited), (kind, rows, tag))| {
                let origin = Origin { session, names, group: NO_GROUP, passes: true };
                let tags = tag.map(|tag| {
                    let tags = vec![Tag { key: "route".to_owned(), value: tag.to_string() }];
                    Arc::new(TagSet { tags, group: None, request: None, endpoint: None })
                });
                let (ended, values) = (Timestamp(ended), values(kind));
                (
                    Call {
                        statement,
                        ended,
                        parse,
                        bind,
                        execute,
                        planned: None,
                        origin,
                        tags,
                        rows,
                        values,
                        transaction: 0,
                        observed: true,
                        is_first: session > 1,
                    },
                    waited,
                )
            },
        )
    }

    fn statements() -> Vec<Statement> {
        let new = |text: &str| Statement::new(Fingerprint::without_text(text), text.to_owned(), Sample::default(), true);
        ["a", "b", "c"].map(new).into()
    }

    /// Of more applications than are watched.
    fn names() -> Vec<Names> {
        let of = |number: u32| Names { application: Some(format!("app-{number}").into_bytes().into()), ..Names::default() };
        (0..290).map(of).collect()
    }

    proptest! {
        #[test]
        fn calls_that_waited_are_taken_as_if_they_had_not(
            calls in prop::collection::vec((call(), prop::bool::weighted(0.02)), 0..400),
            without_findings in any::<bool>(),
            measure in prop_oneof![Just(Measure::Call), Just(Measure::Execute)],
            judged in 0usize..3,
        ) {
            let objectives = ["p95=1ms", "app-1:p50=20ms"].map(|objective| objective.parse().expect("an objective"));
            let rules = Rules { measure, without_findings, objectives: objectives[..judged].to_vec(), ..Rules::default() };
            let mut workload = Workload { statements: statements(), names: names(), ..Workload::new(rules.clone()) };
            (0..4).for_each(|session| assert_eq!(u64::from(workload.sessions.slot(0, session)), session));
            let (mut plain, mut service) = (statements(), Service::over(&rules.objectives));
            for ((call, waited), ends) in calls {
                workload.count(&call, waited);
                take_one(&mut plain[call.statement as usize], &call, waited, &rules);
                if !without_findings {
                    let latency = call.execute.map(|execute| measure.of(call.parse, call.bind, execute));
                    service.add(minute(call.ended), &Span::call(latency), call.origin.names, &workload.names);
                    if let Some(latency) = latency {
                        service.judge(minute(call.ended), latency, call.origin.names, &workload.names);
                    }
                }
                if ends {
                    workload.hand_over();
                }
            }
            workload.hand_over();
            [&mut workload.service, &mut service].into_iter().for_each(Service::settle);
            prop_assert!(workload.service == service);
            for statements in [&mut workload.statements, &mut plain] {
                statements.iter_mut().for_each(|statement| statement.timeline.settle());
            }
            prop_assert_eq!(workload.statements, plain);
        }
    }
}
