//! Inputs become a reading, as `report`, `check` and `explain` ask for it.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::input::discover::{Candidate, Found, discover};
use crate::pipeline::{self, Settings};
use crate::sql::lexer::Dialect;
use crate::units::Timestamp;
use crate::workload::{Filter, Key, NameFilter, Objective, Reading, Rules};
use crate::{Error, finding, source};

use super::args::{ReadingArgs, RuleArgs, SamplesArg, SelectArgs, ShowArgs, TalkArgs};
use super::progress::Bar;
use super::{Exit, Failure, config, elapsed, say, when};

/// What a command that reads inputs was asked.
pub(super) struct Asked<'a> {
    pub(super) inputs: &'a [PathBuf],
    pub(super) show: &'a ShowArgs,
    pub(super) select: &'a SelectArgs,
    pub(super) reading: &'a ReadingArgs,
    pub(super) rules: &'a RuleArgs,
    pub(super) talk: &'a TalkArgs,
    /// What to group by.
    pub(super) by: Option<&'a str>,
    /// Whether nobody wants to know what is wrong.
    pub(super) without_findings: bool,
    /// Whether some examples of every statement are wanted, with their values.
    pub(super) keeps_examples: bool,
}

/// What was read, and how.
pub(super) struct Answer {
    pub(super) reading: Reading,
    pub(super) settings: Settings,
    /// The zone in which times are shown.
    pub(super) display: TimeZone,
    pub(super) options: finding::Options,
    /// How to exit, as far as the inputs are concerned.
    pub(super) exit: Exit,
}

/// Reads, and says what went wrong with it.
pub(super) fn read(asked: &Asked<'_>) -> Result<Answer, Failure> {
    read_by(pipeline::read, asked)
}

/// The same for what is to be saved.
pub(super) fn gather(asked: &Asked<'_>) -> Result<Answer, Failure> {
    read_by(pipeline::gather, asked)
}

/// Either way of reading.
type Read = fn(Vec<Candidate>, &Settings, &dyn pipeline::Progress) -> Result<Reading, Error>;

fn read_by(read: Read, asked: &Asked<'_>) -> Result<Answer, Failure> {
    let started = Instant::now();
    let display = display_zone(asked)?;
    let options = config::rules(asked.rules.config.as_deref(), asked.rules.no_config)?;
    let mut settings = settings(asked, &display)?;
    settings.rules.objectives = objectives(&asked.rules.slo, &options)?;
    let found = discover(asked.inputs);
    if let Some(last) = &asked.select.last {
        settings.rules.filter.since = Some(since_the_last(last, &found, &settings)?);
    }
    let repeated = found.repeated.clone();
    let bar = Bar::new(&found.inputs, !asked.talk.quiet && !asked.talk.no_progress);
    let reading = read(found.inputs, &settings, &bar);
    bar.clear();
    let mut reading = reading.map_err(|error| Failure::trouble(error.to_string()))?;
    reading.repeated.extend(repeated);
    reading.errors.splice(0..0, found.errors);
    for error in &reading.errors {
        say(&error.to_string());
    }
    let exit = exit(&reading, &settings);
    if reading.inputs.is_empty() && reading.errors.is_empty() {
        let strangers: Vec<String> = reading.strangers.iter().take(5).map(|path| path.display().to_string()).collect();
        let which = if strangers.is_empty() { String::new() } else { format!("; not recognised: {}", strangers.join(", ")) };
        let shown: Vec<String> = asked.inputs.iter().take(5).map(|path| path.display().to_string()).collect();
        say(&format!("no log found in {}{which}", shown.join(", ")));
    }
    if asked.show.samples == SamplesArg::Full && reading.workload.statements().any(|statement| statement.sample.is_told) {
        say("examples stay masked where a workload was saved without values; laggard save --samples full keeps them");
    }
    if asked.talk.verbose > 0 && !reading.inputs.is_empty() {
        tell(&reading, started, asked.show.samples == SamplesArg::Full);
    }
    Ok(Answer { reading, settings, display, options, exit })
}

/// Refuses the address of a server, which may hold a password that no message about a missing file should repeat.
pub(super) fn refuse_servers(inputs: &[PathBuf]) -> Result<(), Failure> {
    if inputs.iter().any(|input| input.to_string_lossy().contains("://")) {
        return Err(Failure::trouble(
            "an input is the address of a server, and this reads files: laggard snapshot makes one of it, and laggard top shows it",
        ));
    }
    Ok(())
}

/// Says that nothing is left, if so.
pub(super) fn say_if_nothing(answer: &Answer) {
    if answer.exit == Exit::Nothing {
        let filter = &answer.settings.rules.filter;
        let is_timed = filter.since.is_some() || filter.until.is_some();
        match answer.reading.workload.window().filter(|_| is_timed) {
            _ if filter.is_open() => say("no statements in the input"),
            Some((start, end)) => {
                let [from, to] = [(filter.since, "from "), (filter.until, "to ")]
                    .map(|(at, word)| at.map(|at| format!(" {word}{at}")).unwrap_or_default());
                say(&format!(
                    "no statements are left after the filters: what was asked for is{from}{to}, and the input is of {start} to {end}"
                ));
            }
            None => say("no statements are left after the filters"),
        }
    }
}

/// The objectives of the command line, and those of the configuration.
fn objectives(given: &[String], options: &finding::Options) -> Result<Vec<Objective>, Failure> {
    let parsed = given.iter().map(|text| text.parse().map_err(|error| Failure::trouble(format!("--slo {text}: {error}"))));
    let mut objectives: Vec<Objective> = parsed.collect::<Result<_, Failure>>()?;
    objectives.extend(finding::objectives(options));
    objectives.sort();
    objectives.dedup();
    Ok(objectives)
}

fn exit(reading: &Reading, settings: &Settings) -> Exit {
    let trouble = reading.errors.iter().map(|error| if error.is_unrecognised() { Exit::Nothing } else { Exit::Trouble }).max();
    let workload = &reading.workload;
    let filtered_out = workload.statements().next().is_none() && workload.events().error_count() == 0 && !settings.rules.filter.is_open();
    let events: u64 = reading.inputs.iter().map(|input| input.events).sum();
    let nothing = (reading.inputs.is_empty() || filtered_out || events == 0).then_some(Exit::Nothing);
    trouble.into_iter().chain(nothing).max().unwrap_or(Exit::Done)
}

/// What was detected, and what was not understood.
fn tell(reading: &Reading, started: Instant, full: bool) {
    for input in &reading.inputs {
        let path = input.path.display();
        let detail = if input.detail.is_empty() { String::new() } else { format!(", {}", input.detail) };
        say(&format!("{path}: {}{detail}, {} records", input.format, input.records));
        for (reason, skip) in input.skipped.iter() {
            let first = if full { format!(": {}", String::from_utf8_lossy(&skip.sample)) } else { String::new() };
            say(&format!("{path}: {} × {reason}, first at byte {}{first}", skip.count, skip.first_offset));
        }
    }
    say(&elapsed(reading.inputs.iter().map(|i| i.bytes).sum(), started.elapsed()));
}

fn zone(name: &str, flag: &str) -> Result<TimeZone, Failure> {
    match name {
        "local" => Ok(TimeZone::system()),
        name => TimeZone::get(name).map_err(|_| Failure::trouble(format!("{flag} {name}: no such time zone; names are like Europe/Paris"))),
    }
}

fn display_zone(asked: &Asked<'_>) -> Result<TimeZone, Failure> {
    asked.show.display_tz.as_deref().map_or(Ok(TimeZone::UTC), |name| zone(name, "--display-tz"))
}

fn settings(asked: &Asked<'_>, display: &TimeZone) -> Result<Settings, Failure> {
    let reading = asked.reading;
    let defaults = Settings::default();
    let now = jiff::Timestamp::now().to_zoned(display.clone());
    let zone = reading.timezone.as_deref().map_or(Ok(TimeZone::UTC), |name| zone(name, "--timezone"))?;
    Ok(Settings {
        jobs: reading.jobs.map_or(defaults.jobs, usize::from),
        block_size: reading.block_size.unwrap_or(defaults.block_size),
        dialect: Dialect::PostgreSql { standard_conforming_strings: !reading.backslash_escapes },
        source: reading.source.clone(),
        source_options: source::Options {
            prefix: reading.prefix.clone(),
            zone,
            reference: Timestamp(now.timestamp().as_microsecond()),
            newest_first: false,
        },
        rules: Rules {
            measure: asked.show.latency.into(),
            filter: filter(asked.select, &now)?,
            by: key(asked.by)?,
            without_findings: asked.without_findings,
            keeps_examples: asked.keeps_examples,
            objectives: Vec::new(),
        },
        mixed: reading.allow_mixed,
        meanwhile: Some(crate::prepare),
    })
}

fn filter(args: &SelectArgs, now: &Zoned) -> Result<Filter, Failure> {
    let moment = |text: &Option<String>| text.as_deref().map(|text| when::moment(text, now)).transpose().map_err(Failure::trouble);
    let statement = args.statement.as_deref().map(regex::Regex::new).transpose();
    Ok(Filter {
        since: moment(&args.since)?,
        until: moment(&args.until)?,
        user: NameFilter::of(&args.user),
        database: NameFilter::of(&args.database),
        application: NameFilter::of(&args.app),
        host: NameFilter::of(&args.host),
        statement: statement.map_err(|error| Failure::trouble(format!("--statement: {error}")))?,
    })
}

fn key(by: Option<&str>) -> Result<Option<Key>, Failure> {
    Ok(match by {
        None => None,
        Some("application" | "app") => Some(Key::Application),
        Some("user") => Some(Key::User),
        Some("database" | "db") => Some(Key::Database),
        Some("host") => Some(Key::Host),
        Some(other) => match other.strip_prefix("tag:").filter(|key| !key.is_empty()) {
            Some(key) => Some(Key::Tag(key.to_owned())),
            None => return Err(Failure::trouble(format!("--by {other}: known are application, user, database, host and tag:KEY"))),
        },
    })
}

/// The moment that lies a span before the log's last record, which a first pass finds.
fn since_the_last(span: &str, found: &Found, settings: &Settings) -> Result<Timestamp, Failure> {
    let span = when::span(span).map_err(Failure::trouble)?;
    if found.inputs.iter().any(|candidate| !candidate.input.is_lasting()) {
        return Err(Failure::trouble("--last needs files: it reads them twice, and a pipe passes once; use --since"));
    }
    let again = found.inputs.iter().map(|c| Candidate { input: c.input.clone(), named: c.named }).collect();
    let reading = pipeline::read(again, settings, &pipeline::Silent).map_err(|error: Error| Failure::trouble(error.to_string()))?;
    let (_, end) = reading.workload.window().unwrap_or((Timestamp(0), Timestamp(0)));
    Ok(end - span)
}
