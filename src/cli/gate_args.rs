//! Arguments of `compare` and `gate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::args::{ColourArg, LatencyArg, ReadingArgs, RuleArgs, SelectArgs, TalkArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  laggard compare --baseline a1.log a2.log a3.log --candidate b1.log b2.log b3.log
  laggard compare --baseline before.snap,after.snap --candidate before2.snap,after2.snap
Each argument is one run: a file, a folder with rotated files, or the snapshots taken before and after it";

pub(super) const GATE_EXAMPLES: &str = "\
Examples:
  laggard gate --baseline base/*.log --candidate branch/*.log
  laggard gate --baseline a.log --candidate b.log --format junit=report.xml --format markdown=comment.md
Each argument is one run: a file, a folder with rotated files, or the snapshots taken before and after it: a.snap,b.snap";

pub(super) const AFTER: &str =
    "Exit codes: 0 passed, 1 failed, 2 trouble with arguments or input, 3 the runs cannot be compared, 130 interrupted";

/// What is compared, and where it is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArgs {
    /// Runs that are known to be well
    #[arg(long, required = true, num_args = 1.., value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) baseline: Vec<PathBuf>,
    /// Runs that are to be judged
    #[arg(long, required = true, num_args = 1.., value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) candidate: Vec<PathBuf>,

    /// Output format on standard output, or of a file: junit=report.xml; repeatable [default: table]
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub(in crate::cli) format: Vec<String>,
    /// Write to a file as well, its format by its extension; repeatable
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Vec<PathBuf>,
    /// Show so many changes [default: 5 of a gate, 20 of a comparison; all in other formats]
    #[arg(short = 'n', long, value_name = "N", help_heading = "Output", env = "LAGGARD_TOP")]
    pub(in crate::cli) top: Option<usize>,
    /// Latency of the whole call, or of its execution alone
    #[arg(long, value_name = "OF", value_enum, default_value_t = LatencyArg::Call, help_heading = "Output", env = "LAGGARD_LATENCY")]
    pub(in crate::cli) latency: LatencyArg,
    /// Colours: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColourArg::Auto, help_heading = "Output", env = "LAGGARD_COLOR")]
    pub(in crate::cli) color: ColourArg,
    /// Plain ASCII only
    #[arg(long, hide_short_help = true, help_heading = "Output", env = "LAGGARD_ASCII")]
    pub(in crate::cli) ascii: bool,

    #[command(flatten)]
    pub(in crate::cli) gate: GateFileArgs,

    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,

    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,

    #[command(flatten)]
    pub(in crate::cli) rules: RuleArgs,

    #[command(flatten)]
    pub(in crate::cli) talk: TalkArgs,
}

/// By which rules it is judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(in crate::cli) struct GateFileArgs {
    /// The rules of the gate [default: the nearest gate.toml upwards, within the repository]
    #[arg(long, short = 'c', value_name = "FILE", value_hint = ValueHint::FilePath, env = "LAGGARD_GATE")]
    pub(in crate::cli) gate: Option<PathBuf>,
    /// No gate file
    #[arg(long, hide_short_help = true, conflicts_with = "gate", env = "LAGGARD_NO_GATE")]
    pub(in crate::cli) no_gate: bool,
    /// Judge by these rules of the gate only; repeatable
    #[arg(long, value_name = "RULE")]
    pub(in crate::cli) include: Vec<String>,
    /// Judge by all rules of the gate but these; repeatable
    #[arg(long, value_name = "RULE")]
    pub(in crate::cli) exclude: Vec<String>,
    /// Judge only statements whose normalised text matches; what a run does to all is still taken from all
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) filter: Option<String>,
}

/// Arguments of `gate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct GateArgs {
    /// Fail at changes of this level or above [default: error]
    #[arg(long, value_name = "LEVEL", value_enum, env = "LAGGARD_GATE_FAIL_ON")]
    pub(in crate::cli) fail_on: Option<FailOn>,
    /// What it means if nobody can tell [default: pass]
    #[arg(long, value_name = "HOW", value_enum)]
    pub(in crate::cli) on_inconclusive: Option<OnInconclusive>,
    /// Tell the verdict and do not fail because of it
    #[arg(long, env = "LAGGARD_EXIT_ZERO")]
    pub(in crate::cli) exit_zero: bool,

    #[command(flatten)]
    pub(in crate::cli) compare: CompareArgs,
}

/// The level that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FailOn {
    /// What is surely worse.
    Error,
    /// What is worth a look too.
    Warn,
    /// Nothing.
    Never,
}

/// What doubt means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OnInconclusive {
    /// It is told.
    Pass,
    /// It fails.
    Fail,
}
