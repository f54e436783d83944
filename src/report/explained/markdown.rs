//! The page of a statement as GitHub's Markdown.

use std::io;

use super::super::Style;
use super::super::markdown::{LONGEST, escaped, fenced};
use super::super::table::heading;
use super::super::text::sanitised;
use super::super::zoned::zoned;
use super::Explained;
use super::sections::{Block, sections};

pub(super) fn draw(explained: &Explained, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
    let report = &explained.report;
    let mut text = String::new();
    if let Some(statement) = report.statements.first() {
        let tables = if statement.tables.is_empty() { String::new() } else { format!(" of {}", statement.tables.join(", ")) };
        text.push_str(&format!("## {} {}\n\n", statement.id, escaped(&sanitised(&format!("{}{tables}", statement.verb)))));
    }
    text.push_str(&format!("{}\n", escaped(heading(report, style).first().map_or("", |first| first.as_str()))));
    for warning in &report.warnings {
        text.push_str(&format!("\n> {}\n", escaped(&sanitised(&zoned(&warning.to_string(), style)))));
    }
    for section in sections(explained, style) {
        let mut part = format!("\n### {}\n\n", section.title);
        for block in section.blocks {
            match block {
                Block::Lines(lines) => lines.iter().for_each(|line| part.push_str(&listed(line))),
                Block::Code(lines) => part.push_str(&fenced(&lines.join("\n"), "sql")),
                Block::Table(grid) => part.push_str(&format!("\n{}", fenced(&grid.plain(), "text"))),
            }
        }
        if text.len() + part.len() > LONGEST {
            text.push_str("\n… more than fits here\n");
            break;
        }
        text.push_str(&part);
    }
    to.write_all(text.as_bytes())
}

/// An item of a list; what stands further in goes on with the one before.
fn listed(line: &str) -> String {
    match line.strip_prefix("  ") {
        Some(more) => format!("  {}\n", escaped(more)),
        None => format!("- {}\n", escaped(line)),
    }
}
