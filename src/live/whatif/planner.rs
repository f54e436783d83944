//! The session on the planner: what is sent, and what it answers.

use std::collections::BTreeMap;

use crate::error::Error;

use super::super::Session;
use super::super::manners::{ROLLBACK, STATEMENT_TIMEOUT};
use super::form::{Form, Question, generic, real};
use super::plan::{self, Plan};
use super::question::{MOST_PLACES, places, single};
use super::sent::{
    BEGIN, DEALLOCATE, HYPOPG, SETTINGS, SUPERUSER, UNTRACKED, create, execute, explain, hide, prepare, reset, search_path, unhide,
};

/// The first server that makes generic plans on demand.
const OLDEST: u32 = 120_000;
/// The first that explains a text with places for values.
const EXPLAINS_PLACES: u32 = 160_000;

/// All that is told of a refusal of values.
const VALUES_REFUSED: &str = "the server refuses it with the values of the log";

/// What the planner says, one way of asking.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The cost of the plan.
    pub cost: f64,
    /// The hypothetical indexes in it, by what they were created on.
    pub uses: Vec<String>,
    /// Whether values of the log were in it.
    pub is_real: bool,
    /// What the plan does: two that are the same are alike.
    pub steps: String,
}

/// The planner; see the module.
pub struct Planner<'s> {
    session: &'s mut Session,
    /// The schema of hypopg.
    hypopg: Option<String>,
    can_hide: bool,
    /// Whether any index is hidden.
    hides: bool,
    is_superuser: bool,
    /// What is there now: the index's name in plans, and what it is on.
    there: BTreeMap<String, String>,
    forms: BTreeMap<usize, Vec<Form>>,
}

impl<'s> Planner<'s> {
    /// Prepares the session: `schemas` are where names without a schema are looked for, in that order.
    ///
    /// # Errors
    /// If the session is over, or the server will not do: a pooler stands between, or it is too old.
    pub fn begin(session: &'s mut Session, schemas: &[String]) -> Result<Self, Error> {
        let refused = |session: &Session, reason: &str| Error::Connect { target: session.target().to_owned(), reason: reason.to_owned() };
        if session.server_version_num() < OLDEST {
            return Err(refused(
                session,
                "PostgreSQL before 12 makes no generic plans on demand; laggard check with a snapshot of it goes without",
            ));
        }
        if session.lives_in_transactions() {
            return Err(refused(
                session,
                "a pooler stands before this server, and hypothetical indexes live in one session: connect to the server itself",
            ));
        }
        for sql in SETTINGS {
            session.rows(sql, STATEMENT_TIMEOUT)?;
        }
        match session.rows(UNTRACKED, STATEMENT_TIMEOUT) {
            Ok(_) | Err(Error::Server { .. }) => {}
            Err(error) => return Err(error),
        }
        let of_role = session.rows(SUPERUSER, STATEMENT_TIMEOUT)?;
        let is_superuser = of_role.first().and_then(|row| row.get(0)) == Some("on");
        // Our own questions come before the path on which somebody else's objects are found.
        let found = session.rows(HYPOPG, STATEMENT_TIMEOUT)?;
        let answer = |at: usize| found.first().and_then(|row| row.get(at));
        let (hypopg, can_hide) = (answer(0).map(str::to_owned), answer(1) == Some("t"));
        session.rows(&search_path(schemas), STATEMENT_TIMEOUT)?;
        Ok(Planner { session, hypopg, can_hide, hides: false, is_superuser, there: BTreeMap::new(), forms: BTreeMap::new() })
    }

    /// Whether an example with its parameters can be put as it is, as far as its text tells.
    #[must_use]
    pub fn takes(example: &str, parameters: &[u8]) -> bool {
        !real(example, parameters).is_empty()
    }

    /// Whether indexes that are not there can be thought of.
    #[must_use]
    pub fn has_hypopg(&self) -> bool {
        self.hypopg.is_some()
    }

    /// Whether the role is a superuser, as whom a function that somebody else made can do harm while it is planned.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.is_superuser
    }

    /// Whether indexes that are there can be thought away.
    #[must_use]
    pub fn can_hide(&self) -> bool {
        self.can_hide
    }

    /// Thinks these indexes away and no others; each is as SQL writes its name, with its schema. Answers whether the server
    /// does so.
    ///
    /// # Errors
    /// If the session is over.
    pub fn hide(&mut self, indexes: &[String]) -> Result<bool, Error> {
        let Some(schema) = self.hypopg.clone().filter(|_| self.can_hide) else { return Ok(indexes.is_empty()) };
        if std::mem::take(&mut self.hides) {
            self.session.rows(&unhide(&schema), STATEMENT_TIMEOUT)?;
        }
        for index in indexes {
            self.hides = true;
            let is_hidden = self.asked(&hide(&schema, index))?.is_ok_and(|rows| rows.first().and_then(|row| row.get(0)) == Some("t"));
            if !is_hidden {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Thinks of these indexes and no others; each is what follows ON. Answers whether the server takes them all.
    ///
    /// # Errors
    /// If the session is over.
    pub fn think_of(&mut self, indexes: &[String]) -> Result<bool, Error> {
        let Some(schema) = self.hypopg.clone() else { return Ok(indexes.is_empty()) };
        if !self.there.is_empty() {
            self.there.clear();
            self.session.rows(&reset(&schema), STATEMENT_TIMEOUT)?;
        }
        for on in indexes {
            match self.asked(&create(&schema, on))? {
                Ok(rows) => {
                    let Some(name) = rows.first().and_then(|row| row.get(0)) else { return Ok(false) };
                    self.there.insert(name.to_owned(), on.clone());
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The plans of a statement, with values of the log first. The question's number is known again, so that it is put in
    /// the same way each time.
    ///
    /// # Errors
    /// The outer one if the session is over; the inner one says why the statement has no plan.
    pub fn plans(&mut self, number: usize, question: &Question) -> Result<Result<Vec<Answered>, String>, Error> {
        if let Some(forms) = self.forms.get(&number).cloned() {
            let mut answers = Vec::new();
            for form in &forms {
                match self.plan(form)? {
                    Ok(plan) => answers.push(self.answer(&plan, form)),
                    // What the server says of values may repeat them.
                    Err(_) if form.is_real => return Ok(Err(VALUES_REFUSED.to_owned())),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            return Ok(Ok(answers));
        }
        let (mut known, mut answers) = (Vec::new(), Vec::new());
        let mut reason = None;
        let unusual = question.unusual.as_ref().map(|(text, parameters)| real(text, parameters)).unwrap_or_default();
        for attempts in [real(&question.example, &question.parameters), unusual, generic(question)] {
            for form in attempts {
                match self.plan(&form)? {
                    Ok(plan) => {
                        answers.push(self.answer(&plan, &form));
                        known.push(form);
                        break;
                    }
                    // A refusal of values may repeat them, and is not told.
                    Err(refusal) if !form.is_real => drop(reason.get_or_insert(refusal)),
                    Err(_) => {}
                }
            }
        }
        if known.is_empty() {
            let unaskable = single(&question.text).err().map(|why| why.reason().to_owned());
            return Ok(Err(unaskable.or(reason).unwrap_or_else(|| "it has no plan".to_owned())));
        }
        self.forms.insert(number, known);
        Ok(Ok(answers))
    }

    fn answer(&self, plan: &Plan, form: &Form) -> Answered {
        let uses = plan.indexes.iter().filter_map(|name| self.there.get(name).cloned()).collect();
        Answered { cost: plan.cost, uses, is_real: form.is_real, steps: plan.steps.clone() }
    }

    fn plan(&mut self, form: &Form) -> Result<Result<Plan, String>, Error> {
        let count = places(&form.text);
        if count > MOST_PLACES {
            return Ok(Err("it has more places for values than a statement can have".to_owned()));
        }
        let answer = if count > 0 && self.session.server_version_num() < EXPLAINS_PLACES {
            match self.asked(&prepare(&form.text))? {
                Err(reason) => return Ok(Err(reason)),
                Ok(_) => {
                    let answer = self.asked(&execute(count));
                    self.session.rows(DEALLOCATE, STATEMENT_TIMEOUT)?;
                    answer?
                }
            }
        } else {
            self.asked(&explain(&form.text, count > 0))?
        };
        Ok(answer.and_then(|rows| {
            // Several rows only if the answer has line ends, which FORMAT JSON puts into one value.
            let json = rows.first().and_then(|row| row.get(0)).unwrap_or_default().to_owned();
            plan::read(&json).ok_or_else(|| "its plan is not understood, or nested too deeply".to_owned())
        }))
    }

    /// Asks, in a transaction that leaves nothing; a refusal is no end of the session.
    fn asked(&mut self, sql: &str) -> Result<Result<Vec<super::super::Row>, String>, Error> {
        self.session.rows(BEGIN, STATEMENT_TIMEOUT)?;
        let answer = self.session.rows(sql, STATEMENT_TIMEOUT);
        if matches!(answer, Ok(_) | Err(Error::Server { .. })) {
            self.session.rows(ROLLBACK, STATEMENT_TIMEOUT)?;
        }
        match answer {
            Ok(rows) => Ok(Ok(rows)),
            Err(Error::Server { sqlstate, message }) => Ok(Err(refusal(&sqlstate, &message))),
            Err(error) => Err(error),
        }
    }
}

/// What the server said, and what helps.
fn refusal(sqlstate: &str, message: &str) -> String {
    let cure = match sqlstate {
        "42501" => "; GRANT SELECT on it to this role",
        "55P03" => "; something holds a lock on it, try again",
        "57014" => "; planning took longer than the limit",
        _ => "",
    };
    format!("{message}{cure}")
}
