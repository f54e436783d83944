//! What can be known of the streams: whether they are terminals, how wide, and which colours they want.

use std::io::IsTerminal;

use super::args::ColourArg;
use crate::report::Style;

/// The style for standard output.
pub(super) fn style(colour: ColourArg, ascii: bool) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let choice = match colour {
        ColourArg::Always => true,
        ColourArg::Never => false,
        ColourArg::Auto => !matches!(anstream::AutoStream::choice(&std::io::stdout()), anstream::ColorChoice::Never),
    };
    Style { width: terminal.then(width), colour: choice, ascii: ascii || (terminal && !is_utf8()), ..Style::default() }
}

/// Columns of the terminal: `COLUMNS` if set, else what the terminal says.
fn width() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|&columns| columns > 0);
    let table = comfy_table_width();
    set.or(table).unwrap_or(80)
}

fn comfy_table_width() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|&columns| columns > 0)
}

/// Whether the locale's encoding is UTF-8, by the variables that decide it.
fn is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    set.is_none_or(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}
