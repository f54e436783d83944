//! `laggard advise`: which indexes a workload lacks, tried one by one by the planner of a running server.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::advice::trial::{Rejection, Seen, Trial, trial};
use crate::advice::{self, Offers, Refusal};
use crate::catalog::Catalog;
use crate::finding::{self, Advice};
use crate::live::whatif::question::{Unaskable, single, unqualified};
use crate::live::whatif::{Planner, Question, statements_sent};
use crate::live::{self, Session};
use crate::report::Style;
use crate::sql::fingerprint::Fingerprint;
use crate::sql::shape::scans::Unread;
use crate::units::Micros;
use crate::workload::{Key, Statement, Workload};
use crate::{Error, report_with};

use super::reading::{self, Answer, Asked};
use super::run::{asked, draw, view, with_findings_only};
use super::snapshot_args::{AdviseArgs, ServerArgs};
use super::{Exit, Failure, connection, outputs, print, say};

pub(super) fn advise(mut args: AdviseArgs) -> Result<Exit, Failure> {
    let dsn = take_dsn(&mut args.report.inputs)?;
    reading::refuse_servers(&args.report.inputs)?;
    let outputs = outputs::of(&args.report.output, &args.report.inputs)?;
    let mut answer = reading::read(&Asked { keeps_examples: true, ..asked(&args.report) })?;
    if answer.reading.inputs.is_empty() {
        return Ok(answer.exit);
    }
    // Other rules are not asked, so that what is to be ignored of them is not missing.
    answer.options.ignores.retain(|ignore| ignore.rule.as_deref().is_none_or(|rule| rule == "missing-index"));
    if args.print_sql {
        let questions: Vec<Question> = answer.reading.workload.statements().map(question).collect();
        let sent = statements_sent(questions.iter());
        return print(format!("{}\n{}\n{sent}", live::everything_sent(), live::catalogue_asked()).as_bytes());
    }
    let quiet = args.report.talk.quiet;
    let server = ServerArgs { host: None, port: None, username: None, dbname: None, password: args.password };
    let mut session = connection::connect(dsn.as_deref(), &server, quiet)?;
    let findings = findings(&mut session, &answer, args.report.talk.verbose > 0, quiet)?;
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
    let sample = &statement.sample;
    let counted = statement.counted.as_deref().map(|counted| &counted.lists);
    let lists = statement.lists.as_deref().or(counted).filter(|lists| lists.calls() > 0);
    Question {
        text: statement.text.clone(),
        list: lists.map_or(USUAL_LIST, |lists| lists.length(500)),
        example: if sample.is_whole() { String::from_utf8_lossy(&sample.sql).into_owned() } else { String::new() },
        parameters: sample.parameters.clone(),
    }
}

/// How long a list is taken for whose length nobody told.
const USUAL_LIST: u32 = 10;

/// Asks the server, and answers with what follows.
fn findings(session: &mut Session, answer: &Answer, verbose: bool, quiet: bool) -> Result<Vec<finding::Finding>, Failure> {
    let failed = |error: Error| Failure::trouble(error.to_string());
    let snapshot = live::catalogue(session).map_err(failed)?;
    snapshot.header.notes.iter().for_each(|note| say(note));
    let catalog = snapshot.into_catalog();
    let workload = &answer.reading.workload;
    let statements = finding::demands(workload, &catalog, &|statement| is_of(workload, statement, &catalog));
    let demands: Vec<_> = statements.iter().map(|(_, demand)| demand.clone()).collect();
    let mut notes = Notes { verbose, quiet, told: BTreeSet::new(), more: 0 };
    let others = workload.statements().filter(|statement| !is_of(workload, statement, &catalog)).count();
    if others > 0 {
        let database = catalog.origin.database.as_deref().unwrap_or("?");
        notes.tell(format!("{others} statements ran in other databases than {database}, and are left out"));
    }
    let offers = advice::offers(&demands, &catalog);
    notes.refused(&offers, &statements);
    let mut planner = Planner::begin(session, &schemas(&statements, &catalog)).map_err(failed)?;
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
        let tried = try_all(&mut planner, (&statements, &offers), &answer.options, &mut notes).map_err(failed)?;
        notes.rejected(&tried, &offers);
        Some(tried)
    } else {
        None
    };
    notes.end();
    Ok(Advice { workload, catalog: &catalog, statements, offers }.findings(tried, &answer.options))
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
    (statements, offers): (&[(&Statement, advice::Demand)], &Offers),
    options: &finding::Options,
    notes: &mut Notes,
) -> Result<Trial, Error> {
    let questions: Vec<Question> = statements.iter().map(|(statement, _)| question(statement)).collect();
    let demands: Vec<_> = statements.iter().map(|(_, demand)| demand.clone()).collect();
    let on: Vec<String> = offers.offers.iter().map(|offer| offer.index.on()).collect();
    let mut there: Vec<usize> = Vec::new();
    let mut is_taken = true;
    let mut ask = |set: &[usize], demand: usize| -> Result<Vec<Seen>, Error> {
        if there != set {
            there = set.to_vec();
            let indexes: Vec<String> = set.iter().map(|&offer| on[offer].clone()).collect();
            is_taken = planner.think_of(&indexes)?;
        }
        if !is_taken {
            return Ok(Vec::new());
        }
        match planner.plans(demand, &questions[demand])? {
            Ok(answers) => Ok(answers
                .into_iter()
                .map(|answer| {
                    let of = |used: &String| set.iter().copied().find(|&offer| on[offer] == *used);
                    Seen { cost: answer.cost, uses: answer.uses.iter().filter_map(of).collect(), is_real: answer.is_real }
                })
                .collect()),
            Err(reason) => {
                notes.of(statements[demand].0.fingerprint, &reason);
                Ok(Vec::new())
            }
        }
    };
    let tried = trial(&demands, offers, finding::limits(options), &mut ask)?;
    planner.think_of(&[])?;
    Ok(tried)
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
    fn refused(&mut self, offers: &Offers, statements: &[(&Statement, advice::Demand)]) {
        for refused in &offers.refused {
            let Some((statement, _)) = statements.get(refused.demand) else { continue };
            let is_usual = match &refused.why {
                Refusal::Covered(_) | Refusal::Unselective | Refusal::DependsOnValue => true,
                Refusal::Table(reason) => *reason == advice::Reason::Small,
                Refusal::Unread(Unread::Utility) => true,
                Refusal::Unread(_) => single(&statement.text) == Err(Unaskable::Utility),
            };
            if is_usual && !self.verbose {
                continue;
            }
            let table = refused.table.as_deref().unwrap_or_default();
            let reason = match &refused.why {
                Refusal::Unread(Unread::TooLong) => "its text is longer than 64 KiB".to_owned(),
                Refusal::Unread(Unread::Unparsed) => "its text is not understood".to_owned(),
                Refusal::Unread(Unread::Several) => "it is several statements in one text".to_owned(),
                Refusal::Unread(Unread::Utility) => "it neither reads nor writes rows of tables".to_owned(),
                Refusal::Table(reason) => format!("{table} {}", reason.text()),
                Refusal::Covered(name) => format!("index {name} of {table} serves it already"),
                Refusal::Unselective => format!("it asks for too much of {table}"),
                Refusal::DependsOnValue => format!("it depends on the value how much of {table} it asks for"),
            };
            self.of(statement.fingerprint, &reason);
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
