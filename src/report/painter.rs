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
        let text = self.style.width.map_or(text.clone(), |width| cut(&text, width.max(NARROWEST)));
        self.whole(paint, &text)
    }

    /// One line, harmless and however wide: a command that is cut cannot be copied.
    pub(super) fn whole(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        let text = sanitised(text);
        let text = if self.style.ascii { ascii(&text) } else { text };
        let is_painted = self.style.colour && !text.is_empty() && paint != PLAIN;
        if is_painted { writeln!(self.to, "{paint}{text}{paint:#}") } else { writeln!(self.to, "{text}") }
    }

    /// Text in as many lines as the screen needs, those behind the first so many columns further in; one line if there is no
    /// screen.
    pub(super) fn hanging(&mut self, paint: Ansi, indent: usize, text: &str) -> io::Result<()> {
        let Some(width) = self.style.width else { return self.line(paint, text) };
        let (own, text) = text.split_at(text.len() - text.trim_start().len());
        let room = width.max(NARROWEST) - indent.max(own.len()).min(NARROWEST / 2);
        let blanks = " ".repeat(indent);
        let lines = wrapped(text, room);
        lines.iter().enumerate().try_for_each(|(at, part)| self.line(paint, &format!("{}{part}", if at == 0 { own } else { &blanks })))
    }

    /// A sentence, in as many lines as it needs.
    pub(super) fn sentence(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        wrapped(text, self.style.width.unwrap_or(WIDTH).max(NARROWEST)).iter().try_for_each(|line| self.line(paint, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: Option<usize>, draw: impl Fn(&mut Painter<'_>) -> io::Result<()>) -> String {
        let (style, mut page) = (Style { width, ..Style::default() }, Vec::new());
        draw(&mut Painter { style: &style, to: &mut page }).expect("to memory");
        String::from_utf8(page).expect("UTF-8")
    }

    #[test]
    fn nothing_is_lost_of_a_reason_and_of_a_command() {
        let reason = "  statement 7f3a9c takes twice as long as it did in every run before";
        let hanging = |width| drawn(width, |out| out.hanging(PLAIN, 4, reason));
        assert_eq!(hanging(Some(40)), "  statement 7f3a9c takes twice as long\n    as it did in every run before\n");
        assert_eq!(hanging(None), format!("{reason}\n"));
        assert_eq!(drawn(Some(40), |out| out.whole(PLAIN, reason)), format!("{reason}\n"));
        assert_eq!(drawn(Some(40), |out| out.whole(PLAIN, "a\u{1b}[2J")), "a\\u{1b}[2J\n");
    }
}
