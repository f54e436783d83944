//! `laggard advise`: which indexes a workload lacks, tried one by one by the planner of a running server.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::advice::trial::{Rejection, Trial, trial};
use crate::advice::{self, Offer, Offers, Refusal};
use crate::catalog::{Catalog, is_of_server};
use crate::finding::{self, Advice, Answers};
use crate::live::whatif::question::{Unaskable, single, unqualified};
use crate::live::whatif::{Planner, Question, statements_sent};
use crate::live::{self, Session};
use crate::report::Style;
use crate::sql::fingerprint::Fingerprint;
use crate::sql::shape::scans::Unread;
use crate::units::{Micros, grouped};
use crate::workload::{Key, Sample, Statement, Workload};
use crate::{Error, report_with};

use super::reading::{self, Answer, Asked};
use super::run::{asked, draw, view, with_findings_only};
use super::snapshot_args::{AdviseArgs, ServerArgs};
use super::{Exit, Failure, connection, outputs, print, say, when};

use asking::{Asking, Clock};

mod asking;

pub(super) fn advise(mut args: AdviseArgs) -> Result<Exit, Failure> {
    let dsn = take_dsn(&mut args.report.inputs)?;
    reading::refuse_servers(&args.report.inputs)?;
    let outputs = outputs::of(&args.report.output, &args.report.inputs)?;
    let limit = Duration::from_micros(when::span(&args.time_limit).map_err(Failure::trouble)?.0);
    let mut answer = reading::read(&Asked { keeps_examples: true, ..asked(&args.report) })?;
    if answer.reading.inputs.is_empty() {
        return Ok(answer.exit);
    }
    // Other rules are not asked, so that what is to be ignored of them is not missing.
    answer.options.ignores.retain(|ignore| ignore.rule.as_deref().is_none_or(|rule| rule == "missing-index"));
    if args.print_sql {
        let questions: Vec<Question> = answer.reading.workload.statements().map(question).collect();
        let sent = statements_sent(questions.iter());
        return print(format!("{}\n{}\n{sent}", live::everything_sent(), live::catalogue_asked(true)).as_bytes());
    }
    let quiet = args.report.talk.quiet;
    let server = ServerArgs { host: None, port: None, username: None, dbname: None, password: args.password };
    let mut session = connection::connect(dsn.as_deref(), &server, quiet)?;
    let notes = Notes { verbose: args.report.talk.verbose > 0, quiet, told: BTreeSet::new(), more: 0 };
    let findings = findings(&mut session, &answer, limit, notes)?;
    drop(session);
    let findings = finding::arranged(findings, &answer.reading.workload, &answer.options);
    let mut report = report_with(&answer.reading, &view(&args.report, &outputs, &answer), findings);
    with_findings_only(&mut report);
    if !quiet {
        reading::say_if_nothing(&answer);
    }
    draw(&args.report, &Style { findings_only: true, ..Style::default() }, &outputs, &answer, &report)?;
    Ok(answer.exit)
}

/// Takes the first argument away if it names a server: an address, or key=value pairs that are no file.
fn take_dsn(inputs: &mut Vec<PathBuf>) -> Result<Option<String>, Failure> {
    let is_server = inputs.first().is_some_and(|first| {
        let text = first.to_string_lossy();
        text.contains("://") || (text.contains('=') && !first.exists())
    });
    if !is_server {
        return Ok(None);
    }
    let dsn = inputs.remove(0);
    if inputs.is_empty() {
        return Err(Failure::trouble("advise needs statements: name a log, a folder of logs or a snapshot behind the server"));
    }
    dsn.into_os_string().into_string().map(Some).map_err(|_| Failure::trouble("the address of the server is no text"))
}

/// A statement as the planner is asked of it.
fn question(statement: &Statement) -> Question {
    // One that the server would refuse for its look would leave the question to the unusual values.
    let is_askable = |sample: &Sample| Planner::takes(&example(sample), &sample.parameters);
    let extremes = statement.samples.as_ref().and_then(|samples| samples.extremes(&is_askable));
    let (usual, unusual) = extremes.map_or((&statement.sample, None), |(usual, unusual)| (usual, Some(unusual)));
    let counted = statement.counted.as_deref().map(|counted| &counted.lists);
    let lists = statement.lists.as_deref().or(counted).filter(|lists| lists.calls() > 0);
    Question {
        text: statement.text.clone(),
        list: lists.map_or(USUAL_LIST, |lists| lists.length(500)),
        example: example(usual),
        parameters: usual.parameters.clone(),
        unusual: unusual.filter(|unusual| *unusual != usual).map(|unusual| (example(unusual), unusual.parameters.clone())),
    }
}

/// The text of an example, if it is all of it.
fn example(sample: &Sample) -> String {
    if sample.is_whole() { String::from_utf8_lossy(&sample.sql).into_owned() } else { String::new() }
}

/// How long a list is taken for whose length nobody told.
const USUAL_LIST: u32 = 10;

/// Asks the server, and answers with what follows.
fn findings(session: &mut Session, answer: &Answer, limit: Duration, mut notes: Notes) -> Result<Vec<finding::Finding>, Failure> {
    let failed = |error: Error| Failure::trouble(error.to_string());
    let snapshot = live::catalogue(session).map_err(failed)?;
    snapshot.header.notes.iter().for_each(|note| say(note));
    let catalog = snapshot.into_catalog();
    let workload = &answer.reading.workload;
    let statements = finding::demands(workload, &catalog, &|statement| is_of(workload, statement, &catalog));
    let demands: Vec<_> = statements.iter().map(|(_, demand)| demand.clone()).collect();
    let others = workload.statements().filter(|statement| !is_of(workload, statement, &catalog)).count();
    if others > 0 {
        let database = catalog.origin.database.as_deref().unwrap_or("?");
        notes.tell(format!("{others} statements ran in other databases than {database}, and are left out"));
    }
    let offers = advice::offers(&demands, &catalog);
    let mut planner = Planner::begin(session, &schemas(&statements, &catalog)).map_err(failed)?;
    let tried = if planner.has_hypopg() { tried(&offers) } else { BTreeSet::new() };
    notes.refused(&offers, &statements, &tried);
    if planner.is_superuser() {
        say(
            "the role is a superuser: planning runs stable and immutable functions, and whoever may create one in this database could have it run as this role. Take a role that has SELECT on the tables and nothing else",
        );
    }
    if !planner.has_hypopg() {
        say(
            "hypopg is not in this database, so that the planner cannot be asked about indexes that are not there: what follows is by PostgreSQL's formulas and the catalogue (level catalog). Where the server has the package, CREATE EXTENSION hypopg makes the next advice surer; laggard never does",
        );
    }
    let tried = if planner.has_hypopg() {
        Some(try_all(&mut planner, (&statements, &offers, &catalog), (&answer.options, limit), &mut notes).map_err(failed)?)
    } else {
        None
    };
    notes.end();
    Ok(Advice { workload, catalog: &catalog, statements, offers }.findings(tried, &answer.options))
}

/// The statements and tables for which the planner is asked where the model sees no use, by the statement's place.
fn tried(offers: &Offers) -> BTreeSet<(usize, &str)> {
    let of =
        |offer: &'_ Offer| -> Vec<usize> { offer.may.iter().filter_map(|&cell| offers.cells.get(cell)).map(|cell| cell.demand).collect() };
    offers.offers.iter().flat_map(|offer| of(offer).into_iter().map(|demand| (demand, offer.index.table.as_str()))).collect()
}

/// Whether a statement may have run in the database of the catalogue.
fn is_of(workload: &Workload, statement: &Statement, catalog: &Catalog) -> bool {
    let databases = workload.shares(statement, &Key::Database);
    databases.is_empty() || databases.iter().any(|(name, _)| Some(name) == catalog.origin.database.as_ref())
}

/// Where names without a schema are looked for: `public`, and then where those of the statements are. Any other schema may hold
/// what somebody put there for us to find.
fn schemas(statements: &[(&Statement, advice::Demand)], catalog: &Catalog) -> Vec<String> {
    let names: BTreeSet<String> = statements.iter().flat_map(|(statement, _)| unqualified(&statement.text)).collect();
    let found = names.iter().filter_map(|name| catalog.named(name));
    let others: BTreeSet<&str> = found.map(|relation| relation.schema.as_str()).filter(|schema| *schema != "public").collect();
    std::iter::once("public").chain(others).map(str::to_owned).collect()
}

/// Each candidate before the planner.
fn try_all(
    planner: &mut Planner<'_>,
    (statements, offers, catalog): (&[(&Statement, advice::Demand)], &Offers, &Catalog),
    (options, limit): (&finding::Options, Duration),
    notes: &mut Notes,
) -> Result<Answers, Error> {
    let questions: Vec<Question> = statements.iter().map(|(statement, _)| question(statement)).collect();
    let demands: Vec<_> = statements.iter().map(|(_, demand)| demand.clone()).collect();
    let mut asking = Asking::new(planner, questions, (&demands, offers), Clock::new(limit));
    let trial = trial(&demands, offers, finding::limits(options), &mut |set, demand| asking.ask(set, demand))?;
    let chosen = asking::chosen(&trial, offers);
    let swings = asking.swings(&chosen).into_iter().map(|(demand, swing)| (demands[demand].statement, swing)).collect();
    let redundant = asking.redundant(&chosen, &demands, offers, catalog)?;
    asking.end()?;
    if asking.unput > 0 {
        let limit = Micros(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX));
        notes.tell(format!(
            "{} questions were not put, because {limit} were over: what is told is what was tried (--time-limit)",
            grouped(asking.unput)
        ));
    }
    for (demand, reason) in &asking.refusals {
        notes.of(demands[*demand].statement, reason);
    }
    notes.rejected(&trial, offers);
    Ok(Answers { trial, swings, redundant })
}

/// What is said on standard error of statements without advice.
struct Notes {
    verbose: bool,
    quiet: bool,
    told: BTreeSet<String>,
    more: usize,
}

/// More lines would hide the advice.
const MOST_NOTES: usize = 20;

impl Notes {
    fn tell(&mut self, note: String) {
        if self.quiet || self.told.contains(&note) {
            return;
        }
        if self.told.len() >= MOST_NOTES && !self.verbose {
            self.more += 1;
            return;
        }
        say(&note);
        self.told.insert(note);
    }

    fn of(&mut self, statement: Fingerprint, reason: &str) {
        self.tell(format!("no advice for {statement}: {reason}"));
    }

    /// Why the model has nothing to offer. That an index is there, or that most rows are wanted, is as it should be.
    /// Of what is tried the planner knows better.
    fn refused(&mut self, offers: &Offers, statements: &[(&Statement, advice::Demand)], tried: &BTreeSet<(usize, &str)>) {
        for refused in &offers.refused {
            let Some((statement, _)) = statements.get(refused.demand) else { continue };
            let is_tried = refused.table.as_deref().is_some_and(|table| tried.contains(&(refused.demand, table)));
            if is_tried && matches!(refused.why, Refusal::Unselective | Refusal::DependsOnValue | Refusal::Elsewhere) {
                continue;
            }
            let is_usual = match &refused.why {
                Refusal::Covered(_) | Refusal::Combined(_) | Refusal::Everything | Refusal::Unselective | Refusal::DependsOnValue => true,
                Refusal::Whole(..) | Refusal::Unserved(_) | Refusal::Elsewhere | Refusal::Forbidden => false,
                // The server's own tables are no business of whoever asks, and a session of ours reads many of them.
                Refusal::Table(reason) => *reason == advice::Reason::Small || refused.table.as_deref().is_some_and(is_of_server),
                Refusal::Unread(Unread::Utility) => true,
                Refusal::Unread(_) => single(&statement.text) == Err(Unaskable::Utility),
            };
            if is_usual && !self.verbose {
                continue;
            }
            self.of(statement.fingerprint, &refused.text());
        }
    }

    /// What the planner did not want.
    fn rejected(&mut self, tried: &Trial, offers: &Offers) {
        for (offer, why) in tried.rejected.iter().filter(|_| self.verbose) {
            let why = match why {
                Rejection::Unused => "the planner would not use it",
                Rejection::SavesLittle => "it would save too little",
                Rejection::Dearer => "a statement would cost more with it",
            };
            if let Some(offer) = offers.offers.get(*offer) {
                say(&format!("no index on {}: {why}", offer.index.on()));
            }
        }
        if tried.untried > 0 {
            self.tell(format!("{} candidates were not tried", tried.untried));
        }
        if tried.unasked > 0 {
            self.tell(format!("{} statements that read the same tables could not be asked, and may become dearer", tried.unasked));
        }
        if self.verbose {
            let time: Micros = tried.choices.iter().map(|choice| Micros::floor(choice.saved)).sum();
            say(&format!("{} candidates, {} chosen, which would save {time}", offers.offers.len(), tried.choices.len()));
        }
    }

    fn end(&self) {
        if self.more > 0 {
            say(&format!("and {} more; -v tells them all", self.more));
        }
    }
}
