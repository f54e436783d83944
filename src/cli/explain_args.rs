//! Arguments of `explain`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::args::{ReadingArgs, RuleArgs, SelectArgs, ShowArgs, TalkArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  laggard explain n-plus-one                       what a rule means and what to do
  laggard explain 7f3a9c pg.log                    all that is known of one statement, by its id
  laggard explain 'select * from users where id = 1' pg.log --format json";

/// See the module.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// A rule's id; or, with inputs, a statement: at least 4 digits of its id, the server's query id, or its text
    #[arg(value_name = "RULE|STATEMENT", allow_negative_numbers = true)]
    pub(in crate::cli) asked: String,
    /// Logs and snapshots, as report reads them
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) inputs: Vec<PathBuf>,

    /// Output format [default: table]
    #[arg(long, value_name = "FORMAT", help_heading = "Output", value_parser = clap::builder::PossibleValuesParser::new(formats()))]
    pub(in crate::cli) format: Option<String>,
    /// Write to a file instead, its format by its extension
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) show: ShowArgs,

    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,

    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,

    #[command(flatten)]
    pub(in crate::cli) rules: RuleArgs,

    #[command(flatten)]
    pub(in crate::cli) talk: TalkArgs,
}

fn formats() -> Vec<&'static str> {
    crate::report::explained::Drawing::ALL.into_iter().map(|drawing| drawing.name()).collect()
}
