//! A file becomes a workload again. Whatever its bytes are there is an answer, and what it takes to give it is bounded.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::Error;
use crate::sql::fingerprint::{Fingerprint, Normaliser, RULES};
use crate::sql::lexer::Dialect;
use crate::workload::{InputSummary, Part, Reading, Restored, Statement};

use super::bounds::has_large_number;
use super::ids::Ids;
use super::line::{Header, Inputs, Line};
use super::{SCHEMA, VERSION};

/// A longer line is damage, as a longer record of a log is.
const LONGEST_LINE: u64 = 128 << 20;
/// So is a longer file; that of a hundred thousand statements has less.
const LONGEST: u64 = 1 << 30;

/// A UTF-8 byte order mark, which editors put before the first line.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads a saved workload that is unpacked already. Plans that stand for calls still do not.
///
/// # Errors
/// If it is none, is cut or damaged, or was written by a newer laggard.
pub(crate) fn read(path: &Path, unpacked: impl Read) -> Result<Reading, Error> {
    let mut file = Lines { path, text: BufReader::with_capacity(1 << 16, unpacked.take(LONGEST)), line: Vec::new(), count: 0 };
    let first = file.next()?;
    let first = first.unwrap_or_default();
    let header: Header =
        serde_json::from_slice(first.strip_prefix(BOM).unwrap_or(first)).map_err(|_| file.damaged("it does not begin as one"))?;
    check(path, &header)?;
    let mut loading = Loading { renames: (header.fingerprint != RULES).then(Renames::default), ..Loading::default() };
    loop {
        if file.next()?.is_none() {
            return Err(file.damaged("it ends before its end, so something is missing; save it again, or copy it again"));
        }
        if let Some(renames) = &loading.renames {
            renames.ids.replace(&mut file.line);
        }
        if has_large_number(&file.line) {
            return Err(file.damaged("a number that no count can be"));
        }
        // What is wrong may quote what stands there, which may be anything.
        let line =
            serde_json::from_slice(&file.line).map_err(|error| file.damaged(&format!("column {}: not as written", error.column())))?;
        if let Line::End(end) = &line {
            if end.lines + 2 != file.count {
                return Err(file.damaged(&format!("{} lines were written, and there are {}", end.lines, file.count - 2)));
            }
            break;
        }
        loading.take(line).map_err(|reason| file.damaged(reason))?;
    }
    if file.next()?.is_some() {
        return Err(file.damaged("something follows its end"));
    }
    Ok(loading.reading())
}

/// Refuses what this build does not read.
fn check(path: &Path, header: &Header) -> Result<(), Error> {
    let saved = |reason: String| Error::Saved { path: path.to_path_buf(), reason };
    let version: Option<u32> = header.schema.strip_prefix(SCHEMA).and_then(|version| version.parse().ok());
    match version {
        Some(1..=VERSION) => Ok(()),
        Some(newer) if newer > VERSION => Err(saved(format!(
            "written by a newer laggard; file version {newer}, this build reads up to {VERSION}. Update this one, or save again"
        ))),
        _ => Err(saved("no version of a saved workload that ever was".to_owned())),
    }
}

/// The lines of a file, one at a time.
struct Lines<'p, R> {
    path: &'p Path,
    text: BufReader<std::io::Take<R>>,
    line: Vec<u8>,
    count: u64,
}

impl<R: Read> Lines<'_, R> {
    /// The next line, without its end; `None` behind the last.
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        self.line.clear();
        let read = (&mut self.text).take(LONGEST_LINE).read_until(b'\n', &mut self.line);
        self.count += 1;
        match read {
            Err(source) => Err(Error::Io { path: self.path.to_path_buf(), source }),
            Ok(0) => Ok(None),
            Ok(_) if self.line.pop_if(|last| *last == b'\n').is_some() => Ok(Some(&self.line)),
            Ok(_) => Err(self.damaged("it ends in mid-line, so something is missing; save it again, or copy it again")),
        }
    }

    fn damaged(&self, reason: &str) -> Error {
        Error::Saved { path: self.path.to_path_buf(), reason: format!("this saved workload is damaged (line {}): {reason}", self.count) }
    }
}

/// New ids for statements, because the file's are those of other rules.
#[derive(Default)]
struct Renames {
    ids: Ids,
    normaliser: Normaliser,
    textless: Vec<Fingerprint>,
}

impl Renames {
    fn rename(&mut self, statement: &mut Statement) {
        let old = statement.fingerprint;
        if self.textless.binary_search(&old).is_err() {
            let new = self.normaliser.normalise(statement.text.as_bytes(), Dialect::default()).fingerprint;
            self.ids.change(old, new);
            statement.rename(new);
        }
    }
}

#[derive(Default)]
struct Loading {
    inputs: Vec<InputSummary>,
    about: Inputs,
    restored: Restored,
    renames: Option<Renames>,
}

impl Loading {
    fn take(&mut self, line: Line) -> Result<(), &'static str> {
        match line {
            Line::Input(input) => self.inputs.push(input.summary()),
            Line::Inputs(about) => self.about = about,
            Line::Textless(mut ids) => {
                ids.sort_unstable();
                self.renames.iter_mut().for_each(|renames| renames.textless.clone_from(&ids));
            }
            Line::Part(mut part) => {
                if let (Part::Statement(statement), Some(renames)) = (part.as_mut(), &mut self.renames) {
                    renames.rename(statement);
                }
                return self.restored.add(*part);
            }
            Line::End(_) => {}
        }
        Ok(())
    }

    fn reading(self) -> Reading {
        let mut reading = Reading::of(self.restored.workload(), self.inputs);
        self.about.add_to(&mut reading);
        reading
    }
}
