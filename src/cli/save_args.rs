//! The shape of `laggard save`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::args::{ColourArg, LatencyArg, ReadingArgs, RuleArgs, SamplesArg, SelectArgs, ShowArgs, TalkArgs};

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  laggard save pg.log -o monday.lag                a run to compare with, or to mail: no values of the log are in it
  laggard save before.snap after.snap -o run.lag   what pg_stat_statements counted in between
  laggard save mon.lag tue.lag wed.lag -o week.lag several into one";

/// Arguments of `save`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SaveArgs {
    /// Logs, snapshots and saved workloads, as report reads them
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) inputs: Vec<PathBuf>,
    /// Where to; the name should end in .lag
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Examples of statements: values masked, or in full
    #[arg(long, value_name = "HOW", value_enum, default_value_t = SamplesArg::Masked, env = "LAGGARD_SAMPLES")]
    pub(in crate::cli) samples: SamplesArg,
    /// Percentiles of the whole call, or of its execution alone
    #[arg(long, value_name = "OF", value_enum, default_value_t = LatencyArg::Call, env = "LAGGARD_LATENCY")]
    pub(in crate::cli) latency: LatencyArg,
    /// Keep groups by application, user, database, host, or tag:KEY of statement comments
    #[arg(long, value_name = "KEY", env = "LAGGARD_BY")]
    pub(in crate::cli) by: Option<String>,
    /// Zone of bare times in --since and --until: an IANA name, or local
    #[arg(long, hide_short_help = true, value_name = "ZONE", env = "LAGGARD_DISPLAY_TZ")]
    pub(in crate::cli) display_tz: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,

    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,

    #[command(flatten)]
    pub(in crate::cli) rules: RuleArgs,

    #[command(flatten)]
    pub(in crate::cli) talk: TalkArgs,
}

impl SaveArgs {
    /// How things would be shown, as reading asks.
    pub(in crate::cli) fn show(&self) -> ShowArgs {
        ShowArgs { samples: self.samples, latency: self.latency, display_tz: self.display_tz.clone(), color: ColourArg::Auto, ascii: false }
    }
}
