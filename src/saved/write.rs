//! A workload becomes a file.

use std::io::{self, Write};

use serde::Serialize;

use crate::sql::fingerprint::{Fingerprint, Normaliser, RULES};
use crate::sql::lexer::Dialect;
use crate::sql::mask::{masked, told};
use crate::workload::{Part, Reading};

use super::bounds::Quoting;
use super::line::{End, Header, Input, Inputs, Line};
use super::{SCHEMA, VERSION};

/// What is kept of the values in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Examples of statements without what is data in them; see [`crate::sql::mask`].
    #[default]
    Masked,
    /// Examples as they were logged, with parameters, and hashes of values, by which files add up in how many different ones
    /// there were.
    Full,
}

/// Writes a saved workload, packed with zstd in builds that have it. `dialect` is that of the statements.
///
/// Plans that are to stand for calls where a log has no durations should still be apart (see [`crate::pipeline::gather`]),
/// so that the file adds up with those of logs that have some.
///
/// # Errors
/// If `to` cannot be written to.
pub fn write(reading: &Reading, keep: Keep, dialect: Dialect, to: &mut dyn Write) -> io::Result<()> {
    #[cfg(feature = "zstd")]
    {
        let mut encoder = zstd::stream::Encoder::new(to, 0)?;
        let mut buffered = io::BufWriter::with_capacity(1 << 16, &mut encoder);
        lines(reading, keep, dialect, &mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        encoder.finish().map(drop)
    }
    // A build without the packer writes plain lines, which read as well.
    #[cfg(not(feature = "zstd"))]
    lines(reading, keep, dialect, to)
}

/// Writes lines and counts them.
struct Lines<'t> {
    to: &'t mut dyn Write,
    count: u64,
}

impl Lines<'_> {
    fn line<T: Serialize>(&mut self, line: &T) -> io::Result<()> {
        line.serialize(&mut serde_json::Serializer::with_formatter(&mut *self.to, Quoting))?;
        self.to.write_all(b"\n")
    }

    fn inner(&mut self, line: &Line) -> io::Result<()> {
        self.count += 1;
        self.line(line)
    }
}

fn lines(reading: &Reading, keep: Keep, dialect: Dialect, to: &mut dyn Write) -> io::Result<()> {
    let mut lines = Lines { to, count: 0 };
    lines.line(&Header {
        schema: format!("{SCHEMA}{VERSION}"),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint: RULES,
        has_values: keep == Keep::Full,
    })?;
    for input in &reading.inputs {
        lines.inner(&Line::Input(Input::of(input, |record| sample(record, keep))))?;
    }
    lines.inner(&Line::Inputs(Inputs::of(reading)))?;
    lines.inner(&Line::Textless(textless(reading, dialect)))?;
    reading.workload.parts(|mut part| {
        if let (Part::Statement(statement), Keep::Masked) = (&mut part, keep) {
            let (sql, parameters) = told(&statement.sample.sql, &statement.sample.parameters, dialect);
            (statement.sample.sql, statement.sample.parameters) = (sql.into_bytes(), parameters.into_bytes());
            statement.sample.is_told = true;
            statement.values.seal();
            statement.samples.iter_mut().for_each(|samples| samples.seal());
            if let Some(shapes) = &mut statement.shapes {
                shapes.rewrite_keys(&|key| masked(key.as_bytes(), dialect));
            }
        }
        if let (Part::Catalog(catalog), Keep::Masked) = (&mut part, keep) {
            catalog.forget_values();
        }
        lines.inner(&Line::Part(Box::new(part)))
    })?;
    let count = lines.count;
    lines.line(&Line::End(End { lines: count }))
}

/// A record that was not understood may hold anything, so only its outline is kept.
fn sample(record: &[u8], keep: Keep) -> String {
    let outline = |c: char| match c {
        c if c.is_alphabetic() => 'x',
        c if c.is_numeric() => '0',
        c => c,
    };
    let text = String::from_utf8_lossy(record);
    if keep == Keep::Full { text.into_owned() } else { text.chars().map(outline).collect() }
}

/// The statements whose ids do not follow from their texts, because these are not known, in order.
fn textless(reading: &Reading, dialect: Dialect) -> Vec<Fingerprint> {
    let mut normaliser = Normaliser::default();
    let differs = |statement: &&crate::workload::Statement| {
        normaliser.normalise(statement.text.as_bytes(), dialect).fingerprint != statement.fingerprint
    };
    let mut ids: Vec<Fingerprint> = reading.workload.statements().filter(differs).map(|statement| statement.fingerprint).collect();
    ids.sort_unstable();
    ids
}
