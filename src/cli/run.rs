//! `laggard report` and `check`: arguments become settings, inputs a reading, the reading a report.

use crate::report::{Report, Style, View};

use super::args::{CheckArgs, ReportArgs};
use super::outputs::Output;
use super::reading::{self, Answer, Asked};
use super::{Exit, Failure, outputs, terminal};

pub(super) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    run(args, &Style::default(), &|_| {}).map(|(exit, _)| exit)
}

/// The same with findings and their statements only, and an exit code that tells of them.
pub(super) fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    if args.report.no_findings {
        // It would pass whatever the log says.
        return Err(Failure::trouble("check looks for findings and nothing else: leave out --no-findings (LAGGARD_NO_FINDINGS)"));
    }
    let (exit, report) = run(&args.report, &Style { findings_only: true, ..Style::default() }, &with_findings_only)?;
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

/// Reads, reports what `shape` leaves in the manner asked for, and answers with that if anything was read.
fn run(args: &ReportArgs, manner: &Style, shape: &dyn Fn(&mut Report)) -> Result<(Exit, Option<Report>), Failure> {
    reading::refuse_servers(&args.inputs)?;
    let outputs = outputs::of(&args.output, &args.inputs)?;
    let answer = reading::read(&asked(args))?;
    if answer.reading.inputs.is_empty() {
        return Ok((answer.exit, None));
    }
    let mut report = crate::report(&answer.reading, &view(args, &outputs, &answer));
    shape(&mut report);
    if !args.talk.quiet {
        reading::say_if_nothing(&answer);
    }
    draw(args, manner, &outputs, &answer, &report)?;
    let exit = answer.exit;
    // The process ends here, which gives all of it back at once.
    std::mem::forget(answer);
    Ok((exit, Some(report)))
}

/// What a command with these arguments asks of its inputs.
pub(super) fn asked(args: &ReportArgs) -> Asked<'_> {
    Asked {
        inputs: &args.inputs,
        show: &args.output.show,
        select: &args.select,
        reading: &args.reading,
        rules: &args.rules,
        talk: &args.talk,
        by: args.output.by.as_deref(),
        without_findings: args.no_findings,
        keeps_examples: false,
    }
}

/// What is to be seen of them.
pub(super) fn view(args: &ReportArgs, outputs: &[Output], answer: &Answer) -> View {
    View {
        top: args.output.top.or(if outputs::shows_all(outputs) { None } else { Some(DEFAULT_TOP) }),
        sort: args.output.sort.into(),
        samples: args.output.show.samples.into(),
        dialect: answer.settings.dialect,
        jobs: answer.settings.jobs,
        rules: answer.options.clone(),
    }
}

/// Writes a report to wherever it is to go.
pub(super) fn draw(args: &ReportArgs, manner: &Style, outputs: &[Output], answer: &Answer, report: &Report) -> Result<(), Failure> {
    let all = outputs::shows_all(outputs);
    let style = Style {
        top: Some(args.output.top.unwrap_or(DEFAULT_TOP)),
        zone: Some(answer.display.clone()),
        safe_csv: args.output.csv_safe,
        findings_only: manner.findings_only,
        ..terminal::style(args.output.show.color, args.output.show.ascii)
    };
    for output in outputs {
        if all && output.is_for_eyes() && args.output.top.is_none() {
            let mut shorter = report.clone();
            shorter.statements.truncate(DEFAULT_TOP);
            output.write(&shorter, &style, args.talk.quiet)?;
        } else {
            output.write(report, &style, args.talk.quiet)?;
        }
    }
    Ok(())
}

/// Leaves of a report what its findings are about.
pub(super) fn with_findings_only(report: &mut Report) {
    let ids: Vec<&String> = report.findings.iter().flat_map(|f| f.statement.iter().chain(&f.related)).collect();
    report.statements.retain(|line| ids.contains(&&line.id));
    report.groups = None;
}

/// How many statements fit on a screen.
const DEFAULT_TOP: usize = 20;
