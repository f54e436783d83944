//! When two workloads are the same.

use super::{Group, Key, Share, Statement, Workload};

impl PartialEq for Workload {
    /// Equal if every report of them would be, whatever the order in which names and statements were met.
    fn eq(&self, other: &Self) -> bool {
        /// A statement and its shares by application, user and database.
        type Shared = (Statement, [Vec<(String, Share)>; 3]);
        fn sorted(workload: &Workload) -> Vec<Shared> {
            let mut all: Vec<_> = workload
                .statements()
                .map(|statement| {
                    let shares = [Key::Application, Key::User, Key::Database].map(|key| workload.shares(statement, &key));
                    (statement.without_numbers(), shares)
                })
                .collect();
            all.sort_by_key(|(statement, _)| statement.fingerprint);
            all
        }
        fn groups(workload: &Workload) -> Vec<(&Option<String>, &Group)> {
            let mut all: Vec<_> = workload.groups.iter().map(|(key, group)| (key, group)).collect();
            all.sort_by_key(|(key, _)| *key);
            all
        }
        let facts = |w: &Workload| (w.untimed, w.given_up, w.announced, w.planned, w.plans_unread, w.window, w.shortest, w.durations);
        facts(self) == facts(other)
            && self.total == other.total
            && self.events == other.events
            && self.gaps == other.gaps
            && self.loops.patterns == other.loops.patterns
            && self.units == other.units
            && self.transactions == other.transactions
            && self.arrivals == other.arrivals
            && self.convoys == other.convoys
            && self.catalogs == other.catalogs
            && (&self.waits, &self.changes) == (&other.waits, &other.changes)
            && (&self.pairs.upserts, &self.pairs.singles) == (&other.pairs.upserts, &other.pairs.singles)
            && self.service == other.service
            && self.wholeness == other.wholeness
            && groups(self) == groups(other)
            && sorted(self) == sorted(other)
    }
}
