//! The page of a statement for a terminal; piped, nothing is cut.

use std::io;

use anstyle::{AnsiColor, Style as Ansi};

use super::super::Style;
use super::super::table::heading;
use super::super::text::{ascii, sanitised};
use super::super::zoned::zoned;
use super::Explained;
use super::sections::{Block, sections};

const HEADING: Ansi = Ansi::new().bold();
const DOUBT: Ansi = AnsiColor::Yellow.on_default();
/// Lines are not broken to less.
const LEAST_ROOM: usize = 40;

pub(super) fn draw(explained: &Explained, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
    let mut line = |paint: Ansi, text: &str| {
        let text = if style.ascii { ascii(text) } else { text.to_owned() };
        if style.colour && !text.is_empty() { writeln!(to, "{paint}{text}{paint:#}") } else { writeln!(to, "{text}") }
    };
    let report = &explained.report;
    if let Some(statement) = report.statements.first() {
        let tables = if statement.tables.is_empty() { String::new() } else { format!(" of {}", sanitised(&statement.tables.join(", "))) };
        line(HEADING, &format!("{}  {}{tables}", statement.id, sanitised(&statement.verb)))?;
    }
    line(Ansi::new(), heading(report, style).first().map_or("", |first| first.as_str()))?;
    for warning in &report.warnings {
        let text = sanitised(&zoned(&warning.to_string(), style));
        wrapped(&text, style.width).iter().try_for_each(|part| line(DOUBT, part))?;
    }
    for section in sections(explained, style) {
        line(HEADING, &format!("\n{}", section.title))?;
        for block in section.blocks {
            let lines: Vec<String> = match block {
                Block::Lines(lines) => lines.into_iter().flat_map(|text| wrapped(&text, style.width)).collect(),
                // Whole, for it is copied, and only the terminal's own line ends are left out then.
                Block::Code(lines) => lines,
                Block::Table(grid) => grid.plain().lines().map(|row| row.trim_end().to_owned()).collect(),
            };
            for text in lines {
                line(Ansi::new(), &format!("    {text}"))?;
            }
        }
    }
    Ok(())
}

/// Lines as wide as the terminal, broken at blanks; later ones stand further in. A longer word is left whole.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.map(|width| width.max(LEAST_ROOM) - 4) else { return vec![text.to_owned()] };
    // Blanks between numbers are thin ones, so only plain ones are broken at.
    let indent: String = text.chars().take_while(|c| *c == ' ').chain("  ".chars()).collect();
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if unicode_width::UnicodeWidthStr::width(format!("{line} {word}").as_str()) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{indent}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_go_on_further_in() {
        assert_eq!(wrapped("a b", None), ["a b"]);
        let lines = wrapped("alpha beta gamma delta epsilon zeta eta theta iota", Some(40));
        assert_eq!(lines, ["alpha beta gamma delta epsilon zeta", "  eta theta iota"]);
        let name = "a".repeat(50);
        assert_eq!(
            wrapped(&format!("by {name} alone"), Some(40)),
            ["by".to_owned(), format!("  {name}"), "  alone".to_owned()],
            "nothing is lost"
        );
    }
}
