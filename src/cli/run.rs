//! `laggard report` and `check`: arguments become settings, inputs a reading, the reading a report.

use std::time::Instant;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::input::discover::{Candidate, Found, discover};
use crate::pipeline::{self, Settings};
use crate::report::{Report, Style, View};
use crate::sql::lexer::Dialect;
use crate::units::Timestamp;
use crate::workload::{Filter, Key, NameFilter, Reading, Rules};
use crate::{Error, source};

use super::args::{CheckArgs, ReportArgs, SamplesArg, SelectArgs};
use super::progress::Bar;
use super::{Exit, Failure, config, elapsed, outputs, say, terminal, when};

pub(super) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    run(args, &|_| {}).map(|(exit, _)| exit)
}

/// The same with findings and their statements only, and an exit code that tells of them.
pub(super) fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let (exit, report) = run(&args.report, &|report| {
        let ids: Vec<&String> = report.findings.iter().flat_map(|f| f.statement.iter().chain(&f.related)).collect();
        report.statements.retain(|line| ids.contains(&&line.id));
        report.groups = None;
    })?;
    let severities = ["info", "low", "medium", "high"];
    let at_least = |value: &str, least: usize, scale: &[&str]| scale.iter().position(|known| *known == value).is_some_and(|at| at >= least);
    let fails = report.is_some_and(|report| {
        report.findings.iter().any(|finding| {
            at_least(finding.severity, args.fail_on as usize, &severities)
                && at_least(finding.confidence, args.min_confidence as usize, &severities[1..])
        })
    });
    Ok(if fails && !args.exit_zero && exit == Exit::Done { Exit::Failed } else { exit })
}

/// Reads, reports what `shape` leaves, and answers with that if anything was read.
fn run(args: &ReportArgs, shape: &dyn Fn(&mut Report)) -> Result<(Exit, Option<Report>), Failure> {
    let started = Instant::now();
    // The address of a server may hold a password, which no message about a missing file should repeat.
    if args.inputs.iter().any(|input| input.to_string_lossy().contains("://")) {
        return Err(Failure::trouble(
            "an input is the address of a server, and this reads files: laggard snapshot makes one of it, and laggard top shows it",
        ));
    }
    let outputs = outputs::of(&args.output, &args.inputs)?;
    let display = display_zone(args)?;
    let mut settings = settings(args, &display)?;
    let rules = config::rules(args.rules.config.as_deref(), args.rules.no_config)?;
    let found = discover(&args.inputs);
    if let Some(last) = &args.select.last {
        settings.rules.filter.since = Some(since_the_last(last, &found, &settings)?);
    }
    let repeated = found.repeated.clone();
    let bar = Bar::new(&found.inputs, !args.talk.quiet && !args.talk.no_progress);
    let reading = pipeline::read(found.inputs, &settings, &bar);
    bar.clear();
    let mut reading = reading.map_err(|error| Failure::trouble(error.to_string()))?;
    reading.repeated.extend(repeated);
    reading.errors.splice(0..0, found.errors);
    for error in &reading.errors {
        say(&error.to_string());
    }
    let exit = exit(&reading, &settings);
    if reading.inputs.is_empty() {
        if reading.errors.is_empty() {
            let strangers: Vec<String> = reading.strangers.iter().take(5).map(|path| path.display().to_string()).collect();
            let which = if strangers.is_empty() { String::new() } else { format!("; not recognised: {}", strangers.join(", ")) };
            say(&format!("no log found{which}"));
        }
        return Ok((exit, None));
    }
    if args.talk.verbose > 0 {
        explain(&reading, started, args.output.samples == SamplesArg::Full);
    }
    let all = outputs::shows_all(&outputs);
    let view = View {
        top: args.output.top.or(if all { None } else { Some(DEFAULT_TOP) }),
        sort: args.output.sort.into(),
        samples: args.output.samples.into(),
        dialect: settings.dialect,
        jobs: settings.jobs,
        rules,
    };
    let mut report = crate::report(&reading, &view);
    shape(&mut report);
    if exit == Exit::Nothing && !args.talk.quiet {
        say(if settings.rules.filter.is_open() { "no statements in the input" } else { "no statements are left after the filters" });
    }
    let style = Style {
        top: Some(args.output.top.unwrap_or(DEFAULT_TOP)),
        zone: Some(display),
        safe_csv: args.output.csv_safe,
        ..terminal::style(args.output.color, args.output.ascii)
    };
    for output in &outputs {
        if all && output.is_for_eyes() && args.output.top.is_none() {
            let mut shorter = report.clone();
            shorter.statements.truncate(DEFAULT_TOP);
            output.write(&shorter, &style, args.talk.quiet)?;
        } else {
            output.write(&report, &style, args.talk.quiet)?;
        }
    }
    Ok((exit, Some(report)))
}

/// How many statements fit on a screen.
const DEFAULT_TOP: usize = 20;

fn exit(reading: &Reading, settings: &Settings) -> Exit {
    let trouble = reading.errors.iter().map(|error| if error.is_unrecognised() { Exit::Nothing } else { Exit::Trouble }).max();
    let workload = &reading.workload;
    let filtered_out = workload.statements().next().is_none() && workload.events().error_count() == 0 && !settings.rules.filter.is_open();
    let events: u64 = reading.inputs.iter().map(|input| input.events).sum();
    let nothing = (reading.inputs.is_empty() || filtered_out || events == 0).then_some(Exit::Nothing);
    trouble.into_iter().chain(nothing).max().unwrap_or(Exit::Done)
}

/// What was detected, and what was not understood.
fn explain(reading: &Reading, started: Instant, full: bool) {
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

fn display_zone(args: &ReportArgs) -> Result<TimeZone, Failure> {
    args.output.display_tz.as_deref().map_or(Ok(TimeZone::UTC), |name| zone(name, "--display-tz"))
}

fn settings(args: &ReportArgs, display: &TimeZone) -> Result<Settings, Failure> {
    let reading = &args.reading;
    let defaults = Settings::default();
    let now = Zoned::now().with_time_zone(display.clone());
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
            measure: args.output.latency.into(),
            filter: filter(&args.select, &now)?,
            by: key(args.output.by.as_deref())?,
            without_findings: args.rules.no_findings,
            objectives: Vec::new(),
        },
        mixed: reading.allow_mixed,
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
