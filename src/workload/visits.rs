//! Connections: who opened them, how long they lasted and how much was done in each; and errors by kind and minute.
//!
//! Both are told by rare lines. Only connections whose beginning is in the log are counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::{Micros, Timestamp};

use super::caller::Caller;
use super::minutes::Minutes;
use super::parsed::{NoteRow, Person, Row};
use super::session::Origin;
use super::{ErrorKind, Workload};

/// Who connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// The names it went by.
    pub actor: Caller,
    /// Its address or name, where the log tells.
    pub host: Option<String>,
}

/// Connections of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Visits {
    /// How many.
    pub connections: u64,
    /// Statements in them.
    pub calls: u64,
    /// Those whose end is in the log.
    pub ended: u64,
    /// Of these, those that lasted no longer than [`SHORT`].
    pub short: u64,
    /// The time of all that ended.
    pub life: Micros,
    /// From being received to being authorised.
    pub setup: Micros,
    /// When they began.
    pub minutes: Minutes,
}

/// So long lasts a connection that was opened for one thing.
pub const SHORT: Micros = Micros::from_millis(1_000);

/// So many clients are told apart; the others are one without names.
const MOST_CLIENTS: usize = 1_000;

/// So many kinds of error are counted by minute.
const MOST_KINDS: usize = 1_000;

impl Visits {
    fn merge(&mut self, other: Visits) {
        self.connections += other.connections;
        self.calls += other.calls;
        self.ended += other.ended;
        self.short += other.short;
        self.life += other.life;
        self.setup += other.setup;
        self.minutes.merge(other.minutes);
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrivals {
    /// Connections by client.
    #[serde(with = "super::stored::by_key")]
    pub clients: BTreeMap<Client, Visits>,
    /// Errors by kind.
    #[serde(with = "super::stored::by_key")]
    pub errors: BTreeMap<ErrorKind, Minutes>,
    /// Connections of clients beyond the bound, which count as those of one without names.
    pub nameless: u64,
    /// Errors of kinds beyond the bound, which are in none of them.
    pub unknown: u64,
}

impl Arrivals {
    fn client(&mut self, client: Client, connections: u64) -> &mut Visits {
        let is_full = self.clients.len() >= MOST_CLIENTS && !self.clients.contains_key(&client);
        self.nameless += if is_full { connections } else { 0 };
        self.clients.entry(if is_full { Client::default() } else { client }).or_default()
    }

    fn error(&mut self, kind: &ErrorKind) -> Option<&mut Minutes> {
        if !self.errors.contains_key(kind) {
            if self.errors.len() >= MOST_KINDS {
                return None;
            }
            self.errors.insert(kind.clone(), Minutes::default());
        }
        self.errors.get_mut(kind)
    }

    pub(super) fn failed(&mut self, kind: &ErrorKind, at: Timestamp) {
        match self.error(kind) {
            Some(minutes) => minutes.add(at),
            None => self.unknown += 1,
        }
    }

    /// Connections and errors in minutes beyond the bound.
    #[must_use]
    pub fn out_of_time(&self) -> u64 {
        self.clients.values().map(|visits| &visits.minutes).chain(self.errors.values()).map(Minutes::lost).sum()
    }

    pub(super) fn merge(&mut self, other: Arrivals) {
        other.clients.into_iter().for_each(|(client, visits)| self.client(client, visits.connections).merge(visits));
        for (kind, minutes) in other.errors {
            match self.error(&kind) {
                Some(mine) => mine.merge(minutes),
                None => self.unknown += minutes.iter().map(|(_, count)| count).sum::<u64>() + minutes.lost(),
            }
        }
        self.nameless += other.nameless;
        self.unknown += other.unknown;
    }
}

/// A connection that is open, and whose beginning was logged.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    born: Timestamp,
    setup: Option<Micros>,
    client: Client,
}

impl Workload {
    /// A line on a connection: received, authorised or over.
    pub(super) fn connected(&mut self, note: &NoteRow, row: &Row, origin: Origin, person: Option<&Person>) {
        let since = |born: Timestamp| row.at.since(born);
        let client = Client {
            actor: self.actor(origin.names),
            host: person.and_then(|person| person.host.as_deref()).map(|host| String::from_utf8_lossy(host).into_owned()),
        };
        let watch = &mut self.sessions.get(origin.session).watch;
        match note {
            NoteRow::Connection => watch.visit = Some(Box::new(Visit { born: row.at, setup: None, client })),
            NoteRow::Authorised => {
                if let Some(visit) = &mut watch.visit {
                    (visit.setup, visit.client) = (Some(since(visit.born)), client);
                }
            }
            _ => {
                if let Some(mut visit) = watch.visit.take() {
                    let (calls, life) = (watch.calls, since(visit.born));
                    visit.client = client;
                    self.visited(*visit, calls, Some(life));
                }
            }
        }
    }

    /// A connection is over; `life` if that was logged.
    pub(super) fn visited(&mut self, visit: Visit, calls: u32, life: Option<Micros>) {
        // What was never let in did not visit; it may have been somebody who looked whether the port is open.
        if visit.setup.is_none() && calls == 0 {
            return;
        }
        let visits = self.arrivals.client(visit.client, 1);
        visits.connections += 1;
        visits.calls += u64::from(calls);
        visits.setup += visit.setup.unwrap_or_default();
        visits.minutes.add(visit.born);
        if let Some(life) = life {
            visits.ended += 1;
            visits.short += u64::from(life <= SHORT);
            visits.life += life;
        }
    }

    /// Connections by client, and errors by kind, over time.
    #[must_use]
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }
}
