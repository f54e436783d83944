//! The session on the planner: what is sent, and what it answers.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::snapshot::sql::quoted;

use super::super::Session;
use super::super::manners::{ROLLBACK, STATEMENT_TIMEOUT};
use super::plan::{self, Plan};
use super::question::{MOST_PLACES, filled, finding_rows, places, repaired, single, typed, values};

/// Asks where hypopg is, and whether it can hide indexes that are there (1.4 and later).
const HYPOPG: &str = "\
select /* laggard */ n.nspname, case when pg_catalog.has_schema_privilege(n.oid, 'usage') then
  pg_catalog.to_regprocedure(pg_catalog.quote_ident(n.nspname) || '.hypopg_hide_index(oid)') is not null end
from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname = 'hypopg'";

/// Asks whether functions that planning runs may do anything at all.
const SUPERUSER: &str = "select /* laggard */ pg_catalog.current_setting('is_superuser')";

/// Stands before each question: planning runs stable and immutable functions, and what one of them sets ends with
/// [`ROLLBACK`].
const BEGIN: &str = "BEGIN /* laggard */ READ ONLY";

/// What a plan without values needs: it is not to be made for NULL, and a backslash is not to hide the end of a string.
const SETTINGS: [&str; 2] =
    ["SET /* laggard */ standard_conforming_strings = on", "SET /* laggard */ plan_cache_mode = force_generic_plan"];

/// Keeps the statements with values of the log out of the server's counters, which until PostgreSQL 16 have utility commands
/// as they were sent. Only some roles may.
const UNTRACKED: &str = "SET /* laggard */ pg_stat_statements.track_utility = off";

/// The first server that makes generic plans on demand.
const OLDEST: u32 = 120_000;
/// The first that explains a text with places for values.
const EXPLAINS_PLACES: u32 = 160_000;

const DEALLOCATE: &str = "DEALLOCATE /* laggard */ laggard_asks";

/// All that is told of a refusal of values.
const VALUES_REFUSED: &str = "the server refuses it with the values of the log";

/// A statement to ask of.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Its normalised text.
    pub text: String,
    /// How many values its list has, where it has one that was shortened.
    pub list: u32,
    /// An example of the log, whole; empty if there is none.
    pub example: String,
    /// The parameters of the example, as they were logged.
    pub parameters: Vec<u8>,
    /// Another example likewise, with values that are as rare as the first one's are usual.
    pub unusual: Option<(String, Vec<u8>)>,
}

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

/// How one question is put, once that is known to work.
#[derive(Clone, Debug)]
struct Form {
    text: String,
    is_real: bool,
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
            plan::read(&json).ok_or_else(|| "the server's answer is no plan".to_owned())
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

/// With values of the log: the example as it is, with its parameters in their places.
fn real(example: &str, parameters: &[u8]) -> Vec<Form> {
    let Ok(text) = single(example) else { return Vec::new() };
    let filled = match places(text) {
        0 => Some(text.to_owned()),
        count => values(parameters, count).map(|values| filled(text, &values)),
    };
    filled.map(|text| Form { text, is_real: true }).into_iter().collect()
}

/// With places for values: repaired, then with numbers where it calculates, then as what finds the rows it would change.
fn generic(question: &Question) -> Vec<Form> {
    let Ok(text) = single(&question.text) else { return Vec::new() };
    let text = repaired(text, question.list);
    let reading = finding_rows(&text);
    let all = [Some(text.clone()), Some(typed(&text)), reading.clone(), reading.as_deref().map(typed)];
    let mut forms: Vec<Form> = Vec::new();
    for text in all.into_iter().flatten() {
        if forms.iter().all(|form| form.text != text) {
            forms.push(Form { text, is_real: false });
        }
    }
    forms
}

/// Where the statements' names are looked for. What the server has of its own comes first, as it does where no path names it,
/// and what another session of the role may have left last.
fn search_path(schemas: &[String]) -> String {
    let names = schemas.iter().map(|schema| quoted(schema));
    let all: Vec<String> = std::iter::once("pg_catalog".to_owned()).chain(names).chain(["pg_temp".to_owned()]).collect();
    format!("SET /* laggard */ search_path = {}", all.join(", "))
}

fn hide(schema: &str, index: &str) -> String {
    let index = index.replace('\'', "''");
    format!("select /* laggard */ {}.hypopg_hide_index('{index}'::pg_catalog.regclass::pg_catalog.oid)", quoted(schema))
}

fn unhide(schema: &str) -> String {
    format!("select /* laggard */ {}.hypopg_unhide_all_indexes()", quoted(schema))
}

fn reset(schema: &str) -> String {
    format!("select /* laggard */ {}.hypopg_reset()", quoted(schema))
}

fn create(schema: &str, on: &str) -> String {
    let statement = format!("create index on {on}").replace('\'', "''");
    format!("select /* laggard */ indexname from {}.hypopg_create_index('{statement}'::pg_catalog.text)", quoted(schema))
}

fn explain(text: &str, has_places: bool) -> String {
    format!("EXPLAIN (FORMAT JSON{}) /* laggard */ {text}", if has_places { ", GENERIC_PLAN" } else { "" })
}

fn prepare(text: &str) -> String {
    format!("PREPARE laggard_asks AS /* laggard */ {text}")
}

/// Of a generic plan, for which the values do not matter.
fn execute(places: u32) -> String {
    let values = vec!["NULL"; places as usize];
    format!("EXPLAIN (FORMAT JSON) /* laggard */ EXECUTE laggard_asks({})", values.join(", "))
}

/// Every statement that the planner would be sent of questions, as text that psql takes. Which indexes are thought of follows
/// from the catalogue.
#[must_use]
pub fn statements_sent<'q>(questions: impl Iterator<Item = &'q Question>) -> String {
    let mut sent: Vec<String> = SETTINGS.iter().map(|sql| (*sql).to_owned()).collect();
    sent.push("-- a role that may not goes without; the server's log has what log_statement says anyway:".to_owned());
    sent.push(UNTRACKED.to_owned());
    sent.push(SUPERUSER.to_owned());
    sent.push(HYPOPG.to_owned());
    sent.push(search_path(&["public".to_owned()]) + "; -- with the schemas of tables that the statements name without one");
    sent.push(
        "-- of each statement, before and with each index that may serve it, the first of its forms that the server takes; $1 … stand"
            .to_owned(),
    );
    sent.push(
        "-- for values. Where the log has them it is asked first as it stands there, with its values. Around each, and around what"
            .to_owned(),
    );
    sent.push("-- is asked of hypopg:".to_owned());
    sent.push(BEGIN.to_owned());
    sent.push(ROLLBACK.to_owned());
    let mut prepared = Vec::new();
    for question in questions {
        for form in generic(question) {
            let count = places(&form.text);
            sent.push(explain(&form.text, count > 0));
            if count > 0 {
                prepared.extend([prepare(&form.text), execute(count), DEALLOCATE.to_owned()]);
            }
        }
    }
    sent.push("-- before PostgreSQL 16, of those with places instead:".to_owned());
    sent.append(&mut prepared);
    sent.push("-- where hypopg is, for each candidate, and then for those chosen together:".to_owned());
    sent.push(create("public", "schema.table (columns)"));
    sent.push(reset("public"));
    sent.push("-- where hypopg can hide indexes, for those that the chosen ones make redundant:".to_owned());
    sent.push(hide("public", "schema.index"));
    sent.push(unhide("public"));
    sent.into_iter().map(|sql| if sql.starts_with("--") || sql.contains("; --") { sql + "\n" } else { sql + ";\n" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_explain_of_one_statement_is_made_of_a_question() {
        let question = |text: &str, example: &str| Question { text: text.to_owned(), example: example.to_owned(), ..Question::default() };
        let hostile = question("select 1; drop table t", "select '\\'; drop table t; --'");
        assert!(real(&hostile.example, &hostile.parameters).is_empty() && generic(&hostile).is_empty());
        let all: Vec<String> = generic(&question("delete from t where a = $1 + $2", "")).into_iter().map(|form| form.text).collect();
        assert_eq!(
            all,
            [
                "delete from t where a = $1 + $2",
                "delete from t where a = $1 :: int + $2 :: int",
                "select ctid from t where a = $1 + $2",
                "select ctid from t where a = $1 :: int + $2 :: int"
            ]
        );
        for form in generic(&question("update t set a = $1 where b = $2", "")) {
            assert!(
                !explain(&form.text, true).contains(';') && explain(&form.text, true).starts_with("EXPLAIN (FORMAT JSON, GENERIC_PLAN) ")
            );
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let sql = create("we\"ird", "public.\"it's\" (a)");
        assert_eq!(
            sql,
            "select /* laggard */ indexname from \"we\"\"ird\".hypopg_create_index('create index on public.\"it''s\" (a)'::pg_catalog.text)"
        );
        assert_eq!(
            search_path(&["a\"b".to_owned(), "public".to_owned()]),
            "SET /* laggard */ search_path = pg_catalog, \"a\"\"b\", \"public\", pg_temp"
        );
        assert_eq!(
            hide("a\"b", "s.\"it's\""),
            "select /* laggard */ \"a\"\"b\".hypopg_hide_index('s.\"it''s\"'::pg_catalog.regclass::pg_catalog.oid)"
        );
    }
}
