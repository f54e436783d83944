//! `laggard calibrate`: the gate is tried on runs that are all well, and told what it could and could not see in them.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::compare::Run;
use crate::compare::calibrate::Options;
use crate::compare::rehearsal::rehearse;
use crate::report::Style;
use crate::report::build::calibration::calibration_report;
use crate::report::calibration::{self, RunLine};

use super::args::{ColourArg, LatencyArg, ReadingArgs, RuleArgs, SelectArgs, TalkArgs};
use super::gate_args::{CompareArgs, GateFileArgs};
use super::{Exit, Failure, gate, gate_file, screen, terminal};

pub(super) const EXAMPLES: &str = "\
Examples:
  laggard calibrate main1.log main2.log main3.log main4.log main5.log main6.log
  laggard calibrate --per-side 3 --format json runs/*.log
Each argument is one run of the same version, as for gate; ten or more tell most";

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CalibrateArgs {
    /// Runs of one unchanged version
    #[arg(required = true, value_name = "RUN", value_hint = ValueHint::AnyPath)]
    baseline: Vec<PathBuf>,

    /// Runs on each side of a comparison [default: half of them]
    #[arg(long, value_name = "N")]
    per_side: Option<usize>,
    /// Compare at most so many times
    #[arg(long, value_name = "N", default_value_t = 300)]
    comparisons: usize,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table, help_heading = "Output")]
    format: Format,
    /// Show so many statements [default: 20; all in JSON]
    #[arg(short = 'n', long, value_name = "N", help_heading = "Output", env = "LAGGARD_TOP")]
    top: Option<usize>,
    /// Latency of the whole call, or of its execution alone
    #[arg(long, value_name = "OF", value_enum, default_value_t = LatencyArg::Call, help_heading = "Output", env = "LAGGARD_LATENCY")]
    latency: LatencyArg,
    /// Colours: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColourArg::Auto, help_heading = "Output", env = "LAGGARD_COLOR")]
    color: ColourArg,
    /// Plain ASCII only
    #[arg(long, hide_short_help = true, help_heading = "Output", env = "LAGGARD_ASCII")]
    ascii: bool,

    #[command(flatten)]
    gate: GateFileArgs,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    talk: TalkArgs,
}

/// How a calibration is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a screen.
    Table,
    /// `laggard.calibration/1`.
    Json,
}

pub(super) fn calibrate(args: CalibrateArgs) -> Result<Exit, Failure> {
    if args.baseline.len() < 2 {
        return Err(Failure {
            message: "one run cannot be compared with anything; name at least two runs of the same version, better ten".to_owned(),
            exit: Exit::Nothing,
        });
    }
    if args.per_side == Some(0) || args.comparisons == 0 {
        return Err(Failure::trouble("--per-side and --comparisons must be at least 1"));
    }
    let half = args.baseline.len() / 2;
    if let Some(per_side) = args.per_side.filter(|&per_side| per_side > half) {
        let message = format!("--per-side {per_side}: of so few runs a side can have {half}; name {} runs", 2 * per_side);
        return Err(Failure::trouble(message));
    }
    let (policy, file) = gate_file::policy(&args.gate)?;
    let (format, top) = (args.format, args.top);
    let (style, options) = (terminal::style(args.color, args.ascii), options(&args, &policy));
    let (mut runs, exit) = gate::read_runs(&reads(args))?;
    let line = |run: &Run| RunLine { path: run.path.clone(), calls: run.calls(), statements: run.shapes.len() as u64 };
    let lines = runs.iter().map(line).collect();
    let rehearsal = rehearse(&mut runs, &policy, &options);
    let report = calibration_report(&rehearsal, lines, &policy, file.map(|file| file.display().to_string()));
    match format {
        Format::Table => screen::show("table", |to| calibration::table(&report, &Style { top, ..style }, to)),
        Format::Json => screen::show("json", |to| calibration::json(&report, to)),
    }?;
    Ok(if rehearsal.reasons.is_empty() { exit } else { exit.max(Exit::Nothing) })
}

fn options(args: &CalibrateArgs, policy: &crate::compare::Policy) -> Options {
    Options { latency: policy.latency, per_side: args.per_side, max_splits: args.comparisons, ..Options::default() }
}

/// The runs are read as those of a gate.
fn reads(args: CalibrateArgs) -> CompareArgs {
    CompareArgs {
        baseline: args.baseline,
        candidate: Vec::new(),
        format: Vec::new(),
        output: Vec::new(),
        top: args.top,
        latency: args.latency,
        color: args.color,
        ascii: args.ascii,
        gate: args.gate,
        select: args.select,
        reading: args.reading,
        rules: args.rules,
        talk: args.talk,
    }
}
