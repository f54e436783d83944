//! Cut, read, fold: inputs become one workload. The only place that knows of threads, which are in `workers`.
//!
//! Workers cut blocks in turn, read them in parallel and hand back small rows; this thread, which is one of them, folds the
//! rows in the order of the log, so the result does not depend on the number of workers or the size of blocks.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::Error;
use crate::event::{Holds, Skipped};
use crate::input::blocks::{Blocks, Cut};
use crate::input::discover::Candidate;
use crate::source::{self, Reader, Untangle};
use crate::sql::lexer::Dialect;
use crate::workload::{InputSummary, Parsed, Reading, Rules, Workload};

use opened::{Once, Opened, broken, content, open, unpacked};
use workers::Workers;

mod opened;
mod queue;
mod saved;
mod twins;
mod workers;

/// How to read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many workers read; 1 reads and folds in the calling thread.
    pub jobs: usize,
    /// About how many bytes a block has.
    pub block_size: usize,
    /// The lexical rules of the statements.
    pub dialect: Dialect,
    /// The name of the only source to try.
    pub source: Option<String>,
    /// What is known of the inputs.
    pub source_options: source::Options,
    /// Which calls count, and how.
    pub rules: Rules,
    /// Whether snapshots of several servers are counted apart and added, rather than refused.
    pub mixed: bool,
    /// What a worker does while the inputs are opened and it has nothing to read, such as [`crate::prepare`].
    pub meanwhile: Option<fn()>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            jobs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            block_size: 1 << 20,
            dialect: Dialect::default(),
            source: None,
            source_options: source::Options::default(),
            rules: Rules::default(),
            mixed: false,
            meanwhile: None,
        }
    }
}

/// Is told how far reading has come.
pub trait Progress {
    /// So many bytes of all inputs, as they lie on disk, were read, and so many events and skipped records found.
    fn read(&self, bytes: u64, events: u64, skipped: u64);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn read(&self, _: u64, _: u64, _: u64) {}
}

/// Reads inputs into a workload.
///
/// # Errors
/// If a setting makes no sense, or saved workloads do not allow it. What is wrong with an input is in [`Reading::errors`].
pub fn read(candidates: Vec<Candidate>, settings: &Settings, progress: &dyn Progress) -> Result<Reading, Error> {
    let mut reading = gather(candidates, settings, progress)?;
    let before = reading.workload.happened();
    reading.workload.promote_plans();
    if let Some(last) = reading.inputs.last_mut() {
        last.events += reading.workload.happened() - before;
    }
    Ok(reading)
}

/// Likewise, but leaves plans apart that are to stand for calls if the log has no durations: more inputs may have some. What
/// is to be saved is read like this.
///
/// # Errors
/// As [`read`].
pub fn gather(candidates: Vec<Candidate>, settings: &Settings, progress: &dyn Progress) -> Result<Reading, Error> {
    settings.source_options.validate()?;
    let mut workers = Workers::new(settings);
    settings.meanwhile.into_iter().for_each(|task| workers.begin(task));
    let mut reading = Reading::of(Workload::default(), Vec::new());
    let mut opened = Vec::new();
    for candidate in candidates {
        match open(&candidate, settings) {
            Ok(input) => opened.push(input),
            Err(error @ Error::Prefix { .. }) => return Err(error),
            Err(error) if !candidate.named && error.is_unrecognised() => reading.strangers.push(candidate.input.path()),
            Err(error) => reading.errors.push(error),
        }
    }
    let (saved, others): (Vec<_>, Vec<_>) = opened.into_iter().partition(|input| input.source.holds() == Holds::Workload);
    let saved = saved::open(without_repetitions(saved, &mut reading), &mut reading);
    reading.workload = Workload::new(saved::rules(settings, &saved)?);
    let (snapshots, mut logs): (Vec<_>, Vec<_>) = others.into_iter().partition(|input| input.source.holds() == Holds::Counters);
    // Rotated files are read in the order of their first records; their names may lie.
    logs.sort_by_key(|input| (input.first.is_none(), input.first));
    let logs = twins::without_twins(without_repetitions(logs, &mut reading), &mut reading.twins);
    let mut servers = BTreeMap::new();
    let mut done = SoFar { bytes: 0, events: 0, skipped: 0, progress };
    if !reading.workload.rules().filter.is_open() {
        workers.draw_all();
    }
    // What a catalogue tells is looked up with usual values, not with those that came first.
    if !snapshots.is_empty() && !logs.is_empty() {
        workers.keep_examples();
    }
    for input in snapshots {
        reading.workload.begin_snapshot(input.input.path());
        let (mut summary, error) = input.read(0, &mut reading.workload, &mut workers, &mut done);
        summary.events = summary.records;
        reading.inputs.push(summary);
        reading.errors.extend(error);
    }
    let settled = reading.workload.settle(settings.mixed);
    reading.repeated.extend(settled.repeated);
    reading.astray.extend(settled.astray);
    reading.errors.extend(settled.errors);
    reading.is_limited = !logs.is_empty() && reading.workload.limit_to_counters();
    if reading.is_limited {
        workers.draw_all();
    }
    for input in logs {
        let next = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let server = *servers.entry(input.input.server()).or_insert(next);
        let before = reading.workload.happened();
        let (mut summary, error) = input.read(server, &mut reading.workload, &mut workers, &mut done);
        summary.events = reading.workload.happened() - before;
        reading.inputs.push(summary);
        reading.errors.extend(error);
    }
    let before = reading.workload.happened();
    reading.workload.finish();
    // What was open to the end belongs to the input that came last.
    if let Some(last) = reading.inputs.last_mut() {
        last.events += reading.workload.happened() - before;
    }
    saved::add(saved, &mut reading);
    Ok(reading)
}

/// Leaves out files with the same content as an earlier one. Only files whose heads are equal are read in full for it.
fn without_repetitions(opened: Vec<Opened>, reading: &mut Reading) -> Vec<Opened> {
    let mut contents = BTreeMap::new();
    let mut kept: Vec<usize> = Vec::new();
    let mut inputs: Vec<Option<Opened>> = opened.into_iter().map(Some).collect();
    for at in 0..inputs.len() {
        let same = kept.iter().copied().find(|&earlier| {
            let (Some(Some(a)), Some(Some(b))) = (inputs.get(earlier), inputs.get(at)) else { return false };
            if a.head_hash != b.head_hash {
                return false;
            }
            let mut of = |at: usize, input: &Opened| *contents.entry(at).or_insert_with(|| content(input));
            of(earlier, a).is_some_and(|hash| of(at, b) == Some(hash))
        });
        match (same, inputs[at].as_ref()) {
            (Some(_), Some(repetition)) => {
                reading.repeated.push(repetition.input.path());
                inputs[at] = None;
            }
            _ => kept.push(at),
        }
    }
    inputs.into_iter().flatten().collect()
}

/// Cuts with a reader's knowledge of records.
struct ReaderCut<'r> {
    reader: &'r dyn Reader,
    untangle: Option<Box<dyn Untangle>>,
}

impl Cut for ReaderCut<'_> {
    fn cut(&self, bytes: &[u8], seen: usize) -> Option<usize> {
        self.reader.cut(bytes, seen)
    }

    fn pass(&mut self, fresh: &[u8], last: bool, to: &mut Vec<u8>) {
        if let Some(untangle) = &mut self.untangle {
            untangle.push(fresh, to);
            if last {
                untangle.finish(to);
            }
        }
    }
}

/// Numbers for the progress.
struct SoFar<'p> {
    bytes: u64,
    events: u64,
    skipped: u64,
    progress: &'p dyn Progress,
}

impl Opened {
    fn read(self, server: u32, workload: &mut Workload, workers: &mut Workers, done: &mut SoFar<'_>) -> (InputSummary, Option<Error>) {
        let reader = self.reader.as_ref();
        let mut summary = InputSummary {
            path: self.input.path(),
            format: self.source.name().into(),
            holds: self.source.holds(),
            detail: reader.detail(),
            bytes: 0,
            records: 0,
            events: 0,
            skipped: Skipped::default(),
            unknown_zone: 0,
            newest_first: self.newest_first,
        };
        let Once { head, rest, mut failed } = match self.once {
            Some(once) => once,
            None => match unpacked(&self.input) {
                Ok(rest) => Once { head: Vec::new(), rest, failed: None },
                Err(error) => return (summary, Some(error)),
            },
        };
        let (packing, consumed) = (rest.packing, Arc::clone(&rest.consumed));
        let rest: Box<dyn Read + Send> = if failed.is_some() { Box::new(io::empty()) } else { Box::new(rest) };
        let input = io::Cursor::new(head).chain(rest);
        let untangle = reader.untangle();
        let untangles = untangle.is_some();
        let mut blocks = Blocks::new(input, ReaderCut { reader, untangle }, workers.block_size, untangles);
        let mut reversed = Vec::new();
        let mut fold = |parsed: Parsed, dropped: u64, offset: u64| {
            summary.records += parsed.records;
            summary.unknown_zone += parsed.unknown_zone;
            let mut skipped = parsed.skipped.clone();
            if dropped > 0 {
                skipped.add("rest of a record beyond 128 MiB: dropped", offset, b"");
            }
            done.events += parsed.lines();
            done.skipped += skipped.total();
            summary.skipped.append(skipped);
            done.progress.read(done.bytes + consumed.load(Ordering::Relaxed), done.events, done.skipped);
            if self.newest_first {
                reversed.push(parsed.reversed());
                return None;
            }
            workload.fold(server, &parsed);
            Some(parsed)
        };
        workers.run(&mut blocks, reader, &mut fold);
        for parsed in reversed.into_iter().rev() {
            workload.fold(server, &parsed);
        }
        summary.bytes = consumed.load(Ordering::Relaxed);
        done.bytes += summary.bytes;
        let failed = failed.take().or_else(|| blocks.error());
        let error = failed.map(|reason| broken(&summary.path, packing, &consumed, &reason));
        (summary, error)
    }
}
