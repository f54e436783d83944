//! `laggard compare` and `laggard gate`: each run is read and reduced to facts, the facts are compared, and the verdict is told
//! everywhere before the command exits.

use std::io;
use std::path::{Path, PathBuf};

use crate::compare::policy::{Doubt, Level};
use crate::compare::{Comparison, Outcome, Policy, Run, compare as compare_runs};
use crate::report::Style;
use crate::report::build::gate::{Frame, gate_report};
use crate::report::gate::{self, GateReport};
use crate::units::ByteCount;

use super::args::{SamplesArg, ShowArgs};
use super::gate_args::{CompareArgs, FailOn, GateArgs, OnInconclusive};
use super::reading::{self, Asked};
use super::screen::{self, say};
use super::{Exit, Failure, gate_file, outputs, terminal};

pub(super) fn compare(args: &CompareArgs) -> Result<Exit, Failure> {
    let places = places(args)?;
    let (policy, place) = gate_file::policy(&args.gate)?;
    let read = read(args)?;
    finish(args, &places, &read, &Told { command: "compare", policy, place, exit_zero: true })
}

pub(super) fn gate(args: &GateArgs) -> Result<Exit, Failure> {
    let places = places(&args.compare)?;
    let (mut policy, place) = gate_file::policy(&args.compare.gate)?;
    match args.fail_on {
        Some(FailOn::Error) => policy.fail_on = Level::Error,
        Some(FailOn::Warn) => policy.fail_on = Level::Warn,
        Some(FailOn::Never) => policy.fail_on = Level::Off,
        None => {}
    }
    match args.on_inconclusive {
        Some(OnInconclusive::Pass) => policy.on_inconclusive = Doubt::Passes,
        Some(OnInconclusive::Fail) => policy.on_inconclusive = Doubt::Fails,
        None => {}
    }
    let read = read(&args.compare)?;
    finish(&args.compare, &places, &read, &Told { command: "gate", policy, place, exit_zero: args.exit_zero })
}

/// The runs of either side, and how to exit as far as reading them is concerned.
struct Read {
    baseline: Vec<Run>,
    candidate: Vec<Run>,
    exit: Exit,
}

/// How a comparison is told.
struct Told {
    command: &'static str,
    policy: Policy,
    /// The gate file.
    place: Option<PathBuf>,
    exit_zero: bool,
}

fn read(args: &CompareArgs) -> Result<Read, Failure> {
    let mut exit = Exit::Done;
    let mut side = |runs: &[PathBuf]| runs.iter().map(|run| read_run(args, run, &mut exit)).collect::<Result<Vec<Run>, Failure>>();
    let (baseline, candidate) = (side(&args.baseline)?, side(&args.candidate)?);
    Ok(Read { baseline, candidate, exit })
}

/// The runs of the baseline alone, and how to exit as far as reading them is concerned.
pub(super) fn read_runs(args: &CompareArgs) -> Result<(Vec<Run>, Exit), Failure> {
    read(args).map(|read| (read.baseline, read.exit))
}

/// Reads one run. A part of it that cannot be read makes it incomparable, and that is told with the verdict.
fn read_run(args: &CompareArgs, run: &Path, exit: &mut Exit) -> Result<Run, Failure> {
    let inputs = inputs(run);
    reading::refuse_servers(&inputs)?;
    let show = ShowArgs { samples: SamplesArg::Masked, latency: args.latency, display_tz: None, color: args.color, ascii: args.ascii };
    let answer = reading::read(&Asked {
        inputs: &inputs,
        show: &show,
        select: &args.select,
        reading: &args.reading,
        rules: &args.rules,
        talk: &args.talk,
        by: None,
        without_findings: false,
        keeps_examples: false,
    })?;
    *exit = (*exit).max(answer.exit);
    Ok(crate::run(run.display().to_string(), &answer.reading, &answer.options))
}

/// What a run is made of: what is called so, or else the snapshots whose names stand between commas.
fn inputs(run: &Path) -> Vec<PathBuf> {
    let name = run.to_string_lossy();
    let is_several = name.contains(',') && !run.exists();
    if is_several { name.split(',').filter(|part| !part.is_empty()).map(PathBuf::from).collect() } else { vec![run.to_path_buf()] }
}

fn finish(args: &CompareArgs, places: &[Place], read: &Read, told: &Told) -> Result<Exit, Failure> {
    let comparison = compare_runs(&read.baseline, &read.candidate, &told.policy);
    let exit = exit(&comparison, told).max(read.exit);
    let place = told.place.clone().or_else(|| args.candidate.last().cloned()).unwrap_or_default();
    let roots = roots(told.place.as_deref());
    let frame = Frame { command: told.command, exit_code: exit.code(), notes: Vec::new(), place: place.display().to_string(), roots };
    let report = gate_report(&comparison, [&read.baseline, &read.candidate], &told.policy, frame);
    let style = Style { top: args.top, ..terminal::style(args.color, args.ascii) };
    let mut outcomes: Vec<Result<(), Failure>> = places.iter().map(|place| place.write(&report, &style, args.talk.quiet)).collect();
    if told.command == "gate" && !is_set("LAGGARD_NO_GITHUB") {
        outcomes.push(annotate(&report, places));
        outcomes.push(summarise(&report));
    }
    Ok(worst(exit, outcomes))
}

/// Where the project may stand: with its gate file, and here.
fn roots(gate_file: Option<&Path>) -> Vec<PathBuf> {
    let with_file = gate_file.and_then(|file| Some(file.canonicalize().ok()?.parent()?.to_path_buf()));
    with_file.into_iter().chain(std::env::current_dir().ok()).collect()
}

/// How to exit once everything was told as far as it could be. One place that cannot be written to keeps nothing from the
/// others, and a reader who has seen enough changes no verdict.
fn worst(exit: Exit, outcomes: Vec<Result<(), Failure>>) -> Exit {
    outcomes.into_iter().filter_map(Result::err).fold(exit, |exit, failure| {
        if failure.exit != Exit::Done {
            say(&failure.message);
        }
        exit.max(failure.exit)
    })
}

fn exit(comparison: &Comparison, told: &Told) -> Exit {
    match comparison.outcome {
        Outcome::NotComparable => Exit::Nothing,
        Outcome::Fail if !told.exit_zero => Exit::Failed,
        Outcome::Fail | Outcome::Warn | Outcome::Pass => Exit::Done,
    }
}

/// One place and what is written there.
struct Place {
    output: &'static dyn gate::Output,
    /// `None` is standard output.
    file: Option<PathBuf>,
}

/// The places that the arguments name; the table goes to standard output unless another format does. None is an input.
fn places(args: &CompareArgs) -> Result<Vec<Place>, Failure> {
    let mut places = Vec::new();
    for format in &args.format {
        let (name, file) = format.split_once('=').map_or((format.as_str(), None), |(name, file)| (name, Some(PathBuf::from(file))));
        let known = || gate::ALL.iter().map(|output| output.name()).collect::<Vec<_>>().join(", ");
        let output = gate::by_name(name).ok_or_else(|| Failure::trouble(format!("--format {name}: known are {}", known())))?;
        places.push(Place { output, file: file.filter(|file| file.as_os_str() != "-") });
    }
    for file in &args.output {
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let output = gate::by_extension(extension).ok_or_else(|| {
            let known: Vec<&str> = gate::ALL.iter().flat_map(|output| output.extensions()).copied().collect();
            let known = known.join(", ");
            Failure::trouble(format!("{}: its extension names no format; known are {known}, and --format NAME=FILE", file.display()))
        })?;
        places.push(Place { output, file: Some(file.clone()) });
    }
    match places.iter().filter(|place| place.file.is_none()).count() {
        0 => places.insert(0, Place { output: gate::ALL[0], file: None }),
        1 => {}
        _ => return Err(Failure::trouble("two formats cannot both go to standard output; name a file for one: --format junit=report.xml")),
    }
    let inputs: Vec<PathBuf> = args.baseline.iter().chain(&args.candidate).flat_map(|run| inputs(run)).collect();
    if let Some(file) = places.iter().filter_map(|place| place.file.as_ref()).find(|file| outputs::is_among(file, &inputs)) {
        return Err(Failure::trouble(format!("{}: is an input; it is not written to", file.display())));
    }
    Ok(places)
}

impl Place {
    /// Whether people rather than programs read it.
    fn is_for_eyes(&self) -> bool {
        matches!(self.output.name(), "table" | "markdown")
    }

    fn write(&self, report: &GateReport, style: &Style, quiet: bool) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return screen::show(self.output.name(), |to| self.output.draw(report, style, to));
        };
        let plain = Style { width: None, colour: false, ..style.clone() };
        let failed = |error: io::Error| Failure::trouble(format!("{}: {error}", file.display()));
        let bytes = outputs::written(file, |to| self.output.draw(report, &plain, to)).map_err(failed)?;
        if !quiet {
            say(&format!("wrote {} ({})", file.display(), ByteCount(bytes)));
        }
        Ok(())
    }
}

/// Whether a variable is there and says something.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// In a job of GitHub's: annotations, unless they were asked for anyway. `LAGGARD_NO_GITHUB` stops it.
fn annotate(report: &GateReport, places: &[Place]) -> Result<(), Failure> {
    let is_asked_for = places.iter().any(|place| place.output.name() == "github");
    let Some(output) = gate::by_name("github").filter(|_| screen::is_in_github() && !is_asked_for) else { return Ok(()) };
    // A program that reads standard output must not find commands in it; GitHub reads both streams.
    if places.iter().any(|place| place.file.is_none() && place.is_for_eyes()) {
        Ok(output.draw(report, &Style::default(), &mut io::stdout().lock())?)
    } else {
        Ok(output.draw(report, &Style::default(), &mut io::stderr().lock())?)
    }
}

/// In a job of GitHub's: its summary.
fn summarise(report: &GateReport) -> Result<(), Failure> {
    let file = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|value| !value.is_empty()).map(PathBuf::from);
    let (Some(file), Some(output)) = (file, gate::by_name("markdown")) else { return Ok(()) };
    let failed = |error: io::Error| Failure::trouble(format!("{}: {error}", file.display()));
    let mut summary = std::fs::OpenOptions::new().create(true).append(true).open(&file).map_err(failed)?;
    output.draw(report, &Style::default(), &mut summary).map_err(failed)
}
