//! The fold's other half: what a log says besides steps of statements becomes counts, and part of the calls it is about.

use crate::event::Ended;
use crate::units::Timestamp;

use super::convoys::Told;
use super::fold::Block;
use super::parsed::{NoteRow, Parsed, Row};
use super::session::{Cause, Origin, Report, Wait};
use super::timeline::{Span, minute};
use super::{ErrorKind, Workload};

/// The settings that say whether all statements are logged; the others are not kept.
const SAMPLING: [&str; 3] = ["log_statement_sample_rate", "log_transaction_sample_rate", "log_min_duration_sample"];

/// That something failed.
struct Failure {
    at: Timestamp,
    cause: Cause,
    kind: ErrorKind,
    /// Whether the filters let it pass.
    counts: bool,
}

impl Workload {
    pub(super) fn note(&mut self, note: &NoteRow, row: &Row, origin: Origin, parsed: &Parsed, block: &mut Block) {
        if let NoteRow::LogWord { word } = note {
            return self.language.is_log(word);
        }
        // A STATEMENT line is part of a note that was counted.
        self.happened += u64::from(!matches!(note, NoteRow::Statement));
        // Notes change what is known of a session whether or not they count.
        self.flush_foreign(origin.session);
        let statement = self.number(row.statement, parsed, block);
        // With a filter on statements only what is about such a statement counts.
        let about = statement.map_or(self.rules.filter.statement.is_none(), |statement| self.statements[statement as usize].passes);
        let counts = about && origin.passes && self.rules.filter.passes_time(row.at);
        if origin.passes && self.rules.filter.passes_time(row.at) && !matches!(note, NoteRow::Statement) {
            self.heard(note, row, origin);
        }
        if let NoteRow::Setting { name, value } = note {
            self.environment.changed(name, value);
        }
        match note {
            NoteRow::Error { severity, sqlstate, message, cancels, limit, deadlock } => {
                if counts && *deadlock {
                    self.deadlock(origin);
                }
                let kind = ErrorKind { sqlstate: *sqlstate, severity: severity.clone(), message: message.clone() };
                let cause = match limit {
                    Some(limit) => Cause::Limit(*limit),
                    None if *deadlock => Cause::Deadlock,
                    None => Cause::Other,
                };
                if counts && !kind.is_of_worker() {
                    self.arrivals.failed(&kind, row.at);
                }
                self.error(origin, statement, Failure { at: row.at, cause, kind, counts });
                self.events.cancelled += u64::from(counts && *cancels);
            }
            NoteRow::Statement => self.late_statement(origin, row.at, statement, counts),
            NoteRow::LockWait { waited, lock, ended, queue } if counts && *ended != Ended::InDeadlock => {
                if *ended != Ended::Unknown {
                    self.queued(block.server, origin, queue, Told { at: row.at, waited: *waited, ended: *ended, statement });
                }
                self.wait(origin, Wait { lock: *lock, waited: *waited, may_be_deadlock: *ended == Ended::Unknown });
            }
            NoteRow::TempFile { bytes } if counts => self.temp_file(origin, *bytes, statement),
            NoteRow::Unfamiliar { deadlock, .. } if counts => {
                if *deadlock {
                    self.deadlock(origin);
                }
                self.unfamiliar(origin, note, row.at, statement);
            }
            NoteRow::Connection => {
                self.close(origin.session);
                self.events.received += u64::from(counts);
                if counts {
                    self.connected(note, row, origin, parsed.people.get(row.person as usize));
                }
            }
            NoteRow::Disconnection => {
                if counts {
                    self.connected(note, row, origin, parsed.people.get(row.person as usize));
                }
                self.close(origin.session);
                self.events.disconnections += u64::from(counts);
            }
            NoteRow::Authorised => {
                self.events.authorised += u64::from(counts);
                if counts {
                    self.connected(note, row, origin, parsed.people.get(row.person as usize));
                }
            }
            NoteRow::Checkpoint => self.events.checkpoints += u64::from(counts),
            NoteRow::Autovacuum => self.events.autovacuums += u64::from(counts),
            NoteRow::Setting { name, value } if SAMPLING.contains(&&**name) => {
                drop(self.events.settings.insert(name.clone(), value.clone()))
            }
            NoteRow::LockWait { .. }
            | NoteRow::TempFile { .. }
            | NoteRow::Unfamiliar { .. }
            | NoteRow::LogWord { .. }
            | NoteRow::Setting { .. } => {}
        }
    }

    fn error(&mut self, origin: Origin, statement: Option<u32>, failure: Failure) {
        // Workers of a parallel query are told to stop when it is cancelled; the failure is their leader's.
        let of_worker = failure.counts && failure.kind.is_of_worker();
        let statement = statement.filter(|_| !of_worker);
        // The statement may have been announced, or stand further down among lines of other sessions.
        let announced = self.sessions.get(origin.session).take_announced();
        let failed = statement.or_else(|| announced.as_ref().map(|call| call.statement));
        if let Some(earlier) = announced.filter(|call| Some(call.statement) != failed) {
            self.call(earlier);
        }
        let session = self.sessions.get(origin.session);
        session.abort();
        session.rare().report = failed.is_none().then(|| Report::Error(failure.cause, failure.kind.clone()));
        if failure.counts {
            self.events.error(failure.kind.clone(), 1);
            if !of_worker && !self.rules.without_findings {
                self.service.add(minute(failure.at), &Span::error(), origin.names, &self.names);
            }
            if let Some((_, group)) = self.groups.get_mut(origin.group as usize) {
                group.errors += 1;
            }
        }
        if let Some(failed) = failed {
            self.failed(origin, failed, failure);
        }
    }

    /// A statement failed.
    fn failed(&mut self, origin: Origin, statement: u32, failure: Failure) {
        self.failed_in_transaction(origin.session, statement);
        let session = self.sessions.get(origin.session);
        session.rare().failed = Some(statement);
        let waited = session.take_waits();
        let (files, bytes) = session.take_temp_files();
        self.events.lock_wait_total += waited;
        let statement = &mut self.statements[statement as usize];
        statement.waited += waited;
        statement.temp_files = (statement.temp_files.0 + files, statement.temp_files.1.saturating_add(bytes));
        if !failure.counts {
            return;
        }
        statement.errors += 1;
        match failure.cause {
            Cause::Limit(limit) => statement.limited(limit),
            Cause::Deadlock => statement.deadlocks += 1,
            Cause::Other => {}
        }
        if !self.rules.without_findings {
            statement.failed(&failure.kind, 1);
            statement.timeline.add(minute(failure.at), &Span::error());
        }
    }

    /// `STATEMENT:` of a message further up.
    fn late_statement(&mut self, origin: Origin, at: Timestamp, statement: Option<u32>, counts: bool) {
        let Some(statement) = statement else { return };
        let session = self.sessions.get(origin.session);
        match session.rare.as_mut().and_then(|rare| rare.report.take()) {
            Some(Report::Error(cause, kind)) => self.failed(origin, statement, Failure { at, cause, kind, counts }),
            Some(Report::Unfamiliar { word, deadlock, .. }) => {
                self.language.further(word, word, statement, true);
                self.statements[statement as usize].deadlocks += u64::from(deadlock && counts);
            }
            None => {
                let (files, bytes) = session.take_temp_files();
                let statement = &mut self.statements[statement as usize];
                statement.temp_files = (statement.temp_files.0 + files, statement.temp_files.1.saturating_add(bytes));
            }
        }
    }

    fn wait(&mut self, origin: Origin, wait: Wait) {
        let session = self.sessions.get(origin.session).rare();
        match session.waits.iter_mut().find(|known| known.lock == wait.lock) {
            // Still waiting, or acquired: the same wait, longer.
            Some(known) => known.waited = known.waited.max(wait.waited),
            None => {
                self.events.lock_waits += 1;
                session.waits.push(wait);
            }
        }
    }

    /// A wait that may have been the deadlock was it, and is none that ever got its lock.
    fn deadlock(&mut self, origin: Origin) {
        self.events.deadlocks += 1;
        if self.sessions.get(origin.session).rare().waits.pop_if(|wait| wait.may_be_deadlock).is_some() {
            self.events.lock_waits = self.events.lock_waits.saturating_sub(1);
        }
    }

    fn temp_file(&mut self, origin: Origin, bytes: u64, statement: Option<u32>) {
        self.events.temp_files += 1;
        self.events.temp_bytes = self.events.temp_bytes.saturating_add(bytes);
        let failed = self.sessions.get(origin.session).rare.as_ref().and_then(|rare| rare.failed);
        // The files of a statement that failed are removed after its error is told.
        let files = match statement.or(failed) {
            Some(statement) => &mut self.statements[statement as usize].temp_files,
            None => &mut self.sessions.get(origin.session).rare().temp_files,
        };
        *files = (files.0 + 1, files.1.saturating_add(bytes));
    }

    /// A message whose severity is in an unknown language; see `language`.
    fn unfamiliar(&mut self, origin: Origin, note: &NoteRow, at: Timestamp, statement: Option<u32>) {
        let NoteRow::Unfamiliar { word, message, is_sql, has_statement, deadlock } = note else { return };
        let (word, is_sql) = (self.language.number(word), *is_sql);
        let session = self.sessions.get(origin.session);
        match session.rare().report {
            Some(Report::Unfamiliar { word: first, at: began, deadlock }) if began == at && first != word => {
                let last = statement.filter(|&statement| self.language.further(first, word, statement, is_sql));
                if let Some(statement) = last {
                    self.statements[statement as usize].deadlocks += u64::from(deadlock);
                    self.sessions.get(origin.session).rare().report = None;
                }
            }
            Some(Report::Error(..)) if is_sql => self.late_statement(origin, at, statement, true),
            _ => {
                session.rare().report = Some(Report::Unfamiliar { word, at, deadlock: *deadlock });
                session.abort();
                self.language.report(word, message);
                if let Some(statement) = statement.filter(|_| *has_statement) {
                    session.rare().report = None;
                    self.statements[statement as usize].deadlocks += u64::from(*deadlock);
                    self.language.complete(word, statement);
                }
            }
        }
    }
}
