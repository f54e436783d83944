//! Where a report goes: standard output, and files that appear whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::report::{self, Renderer, Report, Style};
use crate::units::ByteCount;

use super::Failure;
use super::args::OutputArgs;
use super::screen::{self, say};

/// One place and what is written there.
pub(super) struct Output {
    renderer: &'static dyn Renderer,
    /// `None` is standard output.
    file: Option<PathBuf>,
}

/// Counts what is written.
struct Counting<W> {
    inner: W,
    count: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Whether a file is one of the inputs.
pub(super) fn is_among(file: &Path, inputs: &[PathBuf]) -> bool {
    file.canonicalize().ok().is_some_and(|file| inputs.iter().any(|input| input.canonicalize().ok().as_ref() == Some(&file)))
}

/// The outputs that the arguments ask for; none of them may be an input.
pub(super) fn of(args: &OutputArgs, inputs: &[PathBuf]) -> Result<Vec<Output>, Failure> {
    if let Some(file) = args.output.iter().find(|file| is_among(file, inputs)) {
        return Err(Failure::trouble(format!("{}: is an input; it is not written to", file.display())));
    }
    let named = |name: &str| report::by_name(name).ok_or_else(|| Failure::trouble(format!("no format is called {name}")));
    let chosen = args.format.as_deref().map(named).transpose()?;
    let mut outputs = Vec::new();
    for file in &args.output {
        if file.as_os_str() == "-" {
            outputs.push(Output { renderer: chosen.map_or_else(|| named("table"), Ok)?, file: None });
            continue;
        }
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let renderer = report::by_extension(extension).or(chosen).ok_or_else(|| {
            let known: Vec<&str> = report::ALL.iter().flat_map(|r| r.extensions()).copied().collect();
            Failure::trouble(format!("{}: its extension names no format; known are {}", file.display(), known.join(", ")))
        })?;
        outputs.push(Output { renderer, file: Some(file.clone()) });
    }
    // With a file and no format asked for, the screen stays free.
    if outputs.is_empty() || (chosen.is_some() && outputs.iter().all(|o| o.file.is_some()) && !chosen_is_for_files(args)) {
        outputs.push(Output { renderer: chosen.map_or_else(|| named("table"), Ok)?, file: None });
    }
    Ok(outputs)
}

/// `-o out --format json`: the format is that of the file.
fn chosen_is_for_files(args: &OutputArgs) -> bool {
    args.output.iter().any(|file| file.extension().and_then(|e| e.to_str()).and_then(report::by_extension).is_none())
}

/// How many statements an output shows unless told: eyes want a screen, programs everything.
pub(super) fn shows_all(outputs: &[Output]) -> bool {
    outputs.iter().any(|o| matches!(o.renderer.name(), "json" | "jsonl" | "csv"))
}

impl Output {
    /// Whether people rather than programs read it.
    pub(super) fn is_for_eyes(&self) -> bool {
        matches!(self.renderer.name(), "table" | "markdown")
    }

    /// Writes the report there.
    pub(super) fn write(&self, report: &Report, style: &Style, quiet: bool) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return screen::show(self.renderer.name(), |to| self.renderer.render(report, style, to));
        };
        let failed = |error: io::Error| Failure::trouble(format!("{}: {error}", file.display()));
        let plain = Style { width: None, colour: false, ..style.clone() };
        let bytes = written(file, |to| self.renderer.render(report, &plain, to)).map_err(failed)?;
        if !quiet {
            say(&format!("wrote {} ({})", file.display(), ByteCount(bytes)));
        }
        Ok(())
    }
}

/// Writes to a temporary name beside the file and renames, so that nobody sees half of it. Answers its size.
pub(super) fn written(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    // A link is followed; a pipe or a device is written to, never replaced.
    let file = &file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    if file.metadata().is_ok_and(|m| !m.is_file()) {
        let mut to = Counting { inner: io::BufWriter::new(std::fs::OpenOptions::new().write(true).open(file)?), count: 0 };
        write(&mut to)?;
        to.inner.flush()?;
        return Ok(to.count);
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = file.with_file_name(name);
    let result = (|| {
        let mut to = io::BufWriter::new(std::fs::File::create(&part)?);
        write(&mut to)?;
        to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&part, file)?;
        Ok(std::fs::metadata(file)?.len())
    })();
    if result.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&part);
    }
    result
}
