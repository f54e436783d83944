//! Lines of a screen that tells a verdict or a rehearsal of one.

use std::io;

use anstyle::{AnsiColor, Style as Ansi};

use super::Style;
use super::text::{ascii, cut, sanitised, wrapped};

pub(super) const GOOD: Ansi = AnsiColor::Green.on_default();
pub(super) const DOUBT: Ansi = AnsiColor::Yellow.on_default();
pub(super) const BAD: Ansi = AnsiColor::BrightRed.on_default();
pub(super) const DIM: Ansi = Ansi::new().dimmed();
pub(super) const PLAIN: Ansi = Ansi::new();

/// Sentences are broken at so many columns where there is no terminal.
const WIDTH: usize = 120;
/// A screen is taken to be no narrower.
const NARROWEST: usize = 40;

/// Paints lines as a style has it.
pub(super) struct Painter<'a> {
    pub(super) style: &'a Style,
    pub(super) to: &'a mut dyn io::Write,
}

impl Painter<'_> {
    /// One line, harmless and no wider than the screen.
    pub(super) fn line(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        let text = sanitised(text);
        let text = if self.style.ascii { ascii(&text) } else { text };
        let text = self.style.width.map_or(text.clone(), |width| cut(&text, width.max(NARROWEST)));
        let is_painted = self.style.colour && !text.is_empty() && paint != PLAIN;
        if is_painted { writeln!(self.to, "{paint}{text}{paint:#}") } else { writeln!(self.to, "{text}") }
    }

    /// A sentence, in as many lines as it needs.
    pub(super) fn sentence(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        wrapped(text, self.style.width.unwrap_or(WIDTH).max(NARROWEST)).iter().try_for_each(|line| self.line(paint, line))
    }
}
