//! One JSON object a line, each with its `type` first, for programs that read as they go.
//!
//! The statements are those of `json`; everything else of the document comes before them in a line of type `report`.

use std::io;

use serde::Serialize;

use super::build::by_total;
use super::json::{Document, Statement};
use super::{Renderer, Report, StatementLine, Style};

/// See the module.
pub(super) struct Jsonl;

#[derive(Serialize)]
struct Line<T> {
    r#type: &'static str,
    #[serde(flatten)]
    line: T,
}

impl Renderer for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson"]
    }

    fn render(&self, report: &Report, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut lines: Vec<&StatementLine> = report.statements.iter().collect();
        lines.sort_by(|a, b| by_total(a, b));
        write(to, "report", Document::of(report).without_statements())?;
        lines.into_iter().try_for_each(|line| write(to, "statement", Statement::of(line)))
    }
}

fn write<T: Serialize>(to: &mut dyn io::Write, r#type: &'static str, line: T) -> io::Result<()> {
    serde_json::to_writer(&mut *to, &Line { r#type, line })?;
    to.write_all(b"\n")
}
