//! What one call of a session means: to the session itself, to what is told apart by transactions, pairs and waits, and to
//! those who look at several sessions.
//!
//! What is the session's own may be done in any order of sessions; the rest is done in the order of the log, by what a call
//! was found to mean.

use super::Rules;
use super::Workload;
use super::bounds::{Before, Client, Taken};
use super::convoys::Queues;
use super::loops::{Ended, Statements};
use super::pairs::Pairs;
use super::session::{Call, Session};
use super::transactions::Tally;
use super::wholeness::Wholeness;

/// Loops that ended with a call, and who their session was for until then.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) ended: Vec<Ended>,
    pub(super) client: Client,
}

/// What a call that is part of its session's units means to others.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// It is in no transaction and names no request.
    pub(super) is_loose: bool,
    /// Its statement has a list.
    pub(super) has_list: bool,
    /// What ended with it, which is rare.
    pub(super) left: Option<Box<Left>>,
}

impl Meaning {
    /// Whether it means nothing to them.
    pub(super) fn is_nothing(&self) -> bool {
        !self.is_loose && !self.has_list && self.left.is_none()
    }
}

/// What a call of a session asks of the workload around the session, and where it leaves what it came to. Nothing here
/// depends on the order in which sessions come.
pub(super) struct Observer<'w> {
    pub(super) rules: &'w Rules,
    pairs: &'w mut Pairs,
    tally: &'w mut Tally,
    queues: &'w mut Queues,
    pub(super) wholeness: &'w mut Wholeness,
    statements: Statements<'w>,
    shared: &'w mut u64,
    happened: &'w mut u64,
}

impl Observer<'_> {
    /// A call came to its end.
    pub(super) fn completed(&mut self) {
        *self.happened += 1;
    }

    /// What comes now is told by a row of the block.
    pub(super) fn at(&mut self, row: u32) {
        (self.pairs.ended.row, self.tally.ended.row) = (row, row);
    }

    /// A call is part of a unit of its session.
    #[inline]
    pub(super) fn observe(&mut self, session: &mut Session, call: &Call) -> Meaning {
        if self.rules.without_findings {
            return Meaning::default();
        }
        let traits = self.statements.traits(call.statement);
        let has_list = traits.has_list;
        if session.key == 0 {
            return Meaning { has_list, ..Meaning::default() };
        }
        let occurrence = traits.occurrence(call);
        self.pairs.step(&mut session.steps, call, session.key);
        let watch = &mut session.watch;
        if std::mem::take(&mut watch.matters) {
            self.queues.session_ran(session.number, call.statement, occurrence.start(), occurrence.end);
        }
        self.tally.session = session.key;
        watch.saw(&occurrence, traits.bearing, call.origin.names, self.tally);
        if traits.bearing.is_about_locks() {
            session.locks_changed(call, traits.bearing, self.tally);
        }
        let units = session.units.get_or_insert_default();
        let (names, was_shared) = (units.names(), units.is_shared());
        let taken = Taken { occurrence, traits, names: call.origin.names, tags: call.tags.as_ref(), transaction: call.transaction };
        let before = units.take(taken, &mut self.statements);
        *self.shared += u64::from(units.is_shared() && !was_shared);
        let is_loose = traits.role.works() && units.is_loose();
        let left = (!self.statements.ended.is_empty()).then(|| {
            let endpoint = match before {
                Before::Same => units.endpoint().cloned(),
                Before::Other(endpoint) => endpoint,
            };
            let client = Client { names, endpoint, is_shared: was_shared };
            Box::new(Left { ended: std::mem::take(&mut self.statements.ended), client })
        });
        Meaning { is_loose, has_list, left }
    }
}

impl Workload {
    /// A session, and what its calls ask of the workload around it.
    pub(super) fn observer(&mut self, slot: u32) -> (&mut Session, Observer<'_>) {
        let Workload { sessions, rules, pairs, tally, queues, wholeness, loops, happened, .. } = self;
        let (statements, shared) = loops.statements();
        (sessions.get(slot), Observer { rules, pairs, tally, queues, wholeness, statements, shared, happened })
    }

    /// A call is part of a unit of its session, and of what several sessions do.
    pub(super) fn observe(&mut self, call: &Call) {
        if !self.rules.filter.passes_call(call) {
            return;
        }
        self.learn(call.statement);
        let (session, mut observer) = self.observer(call.origin.session);
        let meaning = observer.observe(session, call);
        let key = session.key;
        self.observed(call, key, meaning);
    }
}
