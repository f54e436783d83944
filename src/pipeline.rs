//! Cut, read, fold: inputs become one workload. The only place that knows of threads.
//!
//! Workers read blocks in parallel and hand back small rows; this thread cuts the blocks before and folds the rows after,
//! in the order of the log, so the result does not depend on the number of workers or the size of blocks.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use crate::error::Error;
use crate::event::Skipped;
use crate::input::Input;
use crate::input::blocks::{Block, Blocks, Cut};
use crate::input::decompress::{Packing, Refusal, unpack};
use crate::input::discover::Candidate;
use crate::source::pg_prefix::Prefix;
use crate::source::{self, Reader, Seen, Source, Untangle};
use crate::sql::lexer::Dialect;
use crate::units::Timestamp;
use crate::workload::digest::Digest;
use crate::workload::{InputSummary, Parsed, Reading, Rules, Workload};

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

/// How much of an input decides what it is.
const HEAD: usize = 64 * 1024;

/// Reads inputs into a workload.
///
/// # Errors
/// If a setting makes no sense. What is wrong with an input is in [`Reading::errors`].
pub fn read(candidates: Vec<Candidate>, settings: &Settings, progress: &dyn Progress) -> Result<Reading, Error> {
    settings.source_options.validate()?;
    let mut reading = Reading {
        workload: Workload::new(settings.rules.clone()),
        inputs: Vec::new(),
        errors: Vec::new(),
        repeated: Vec::new(),
        strangers: Vec::new(),
        durations_from_plans: false,
    };
    let mut opened = Vec::new();
    for candidate in candidates {
        match open(&candidate, settings) {
            Ok(input) => opened.push(input),
            Err(error @ Error::Prefix { .. }) => return Err(error),
            Err(error) if !candidate.named && error.is_unrecognised() => reading.strangers.push(candidate.input.path()),
            Err(error) => reading.errors.push(error),
        }
    }
    // Rotated files are read in the order of their first records; their names may lie.
    opened.sort_by_key(|input| (input.first.is_none(), input.first));
    let opened = without_repetitions(opened, &mut reading);
    let mut servers = BTreeMap::new();
    let mut done = Done { bytes: 0, events: 0, skipped: 0, progress };
    let mut workers = Workers::new(settings);
    for input in opened {
        let next = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let server = *servers.entry(input.input.server()).or_insert(next);
        let (summary, error) = input.read(server, &mut reading.workload, &mut workers, &mut done);
        reading.inputs.push(summary);
        reading.errors.extend(error);
    }
    reading.workload.finish();
    if reading.workload.has_plans_only() {
        reading.workload.promote_plans();
        reading.durations_from_plans = true;
    }
    Ok(reading)
}

/// An input whose format is known.
struct Opened {
    input: Input,
    unpacked: Box<dyn Read + Send>,
    packing: Packing,
    consumed: Arc<AtomicU64>,
    head: Vec<u8>,
    /// Why the head is all there is, if it is because of an error.
    failed: Option<io::Error>,
    source: &'static dyn Source,
    reader: Box<dyn Reader>,
    first: Option<Timestamp>,
    newest_first: bool,
}

fn raw(input: &Input) -> Result<Box<dyn Read + Send>, Error> {
    match input {
        Input::File(path) => match std::fs::File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(source) => Err(Error::Io { path: path.clone(), source }),
        },
        Input::Stdin => Ok(Box::new(io::stdin())),
        Input::Memory(_, bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
    }
}

fn unpacked(input: &Input) -> Result<crate::input::decompress::Unpacked, Error> {
    unpack(raw(input)?).map_err(|refusal| match refusal {
        Refusal::Io(source) => Error::Io { path: input.path(), source },
        Refusal::Unsupported(packing, cure) => Error::UnsupportedArchive { path: input.path(), format: packing.name(), cure },
    })
}

/// Reads the head, recognises the format and makes a reader for it.
fn open(candidate: &Candidate, settings: &Settings) -> Result<Opened, Error> {
    let input = candidate.input.clone();
    let path = input.path();
    let mut unpacked = unpacked(&input)?;
    let mut head = Vec::new();
    let failed = (&mut unpacked).take(HEAD as u64).read_to_end(&mut head).err();
    if head.is_empty() {
        return Err(match failed {
            Some(reason) => broken(&path, unpacked.packing, &unpacked.consumed, &reason),
            None => Error::Empty { path },
        });
    }
    let source = match &settings.source {
        Some(name) => source::by_name(name).ok_or_else(|| unknown(&path, format!("no source is called {name}")))?,
        None => source::detect(&head, &settings.source_options).map_err(|claims| {
            // A prefix that only syslog could do with is the likelier mistake.
            if let Some(error) = settings.source_options.prefix.as_deref().and_then(|prefix| Prefix::compile(prefix).err()) {
                return error;
            }
            unknown(&path, if claims.is_empty() { "no known log format".to_owned() } else { format!("could be {}", claims.join(" or ")) })
        })?,
    };
    let mut options = settings.source_options.clone();
    options.reference = options.reference.min(modified(&input).unwrap_or(Timestamp(i64::MAX)));
    let mut reader = source.open(&head, &options)?;
    let seen = survey(&head, reader.as_ref());
    let newest_first = seen.drift < -2 && seen.drift.unsigned_abs() * 2 > seen.records;
    if newest_first {
        options.newest_first = true;
        reader = source.open(&head, &options)?;
    }
    let (packing, consumed) = (unpacked.packing, Arc::clone(&unpacked.consumed));
    Ok(Opened { input, unpacked: Box::new(unpacked), packing, consumed, head, failed, source, reader, first: seen.earliest, newest_first })
}

fn unknown(path: &std::path::Path, reason: String) -> Error {
    let tried = source::ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
    Error::UnknownFormat { path: path.to_path_buf(), reason, tried }
}

/// When a file was written last, which no record in it can be later than.
fn modified(input: &Input) -> Option<Timestamp> {
    let Input::File(path) = input else { return None };
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp)
}

/// The times in a head, of its whole records only.
fn survey(head: &[u8], reader: &dyn Reader) -> Seen {
    let mut text = Vec::new();
    if let Some(mut untangle) = reader.untangle() {
        untangle.push(head, &mut text);
        untangle.finish(&mut text);
    } else {
        text.extend_from_slice(head);
    }
    reader.read(&text, 0, &mut |_| {})
}

fn broken(path: &std::path::Path, packing: Packing, consumed: &AtomicU64, reason: &io::Error) -> Error {
    match packing {
        Packing::Plain => Error::Io { path: path.to_path_buf(), source: io::Error::new(reason.kind(), reason.to_string()) },
        _ => Error::BrokenArchive {
            path: path.to_path_buf(),
            format: packing.name(),
            offset: consumed.load(Ordering::Relaxed),
            reason: reason.to_string(),
        },
    }
}

/// Leaves out files with the same content as an earlier one. Only files whose heads are equal are read in full for it.
fn without_repetitions(opened: Vec<Opened>, reading: &mut Reading) -> Vec<Opened> {
    let mut contents: Vec<Option<u64>> = vec![None; opened.len()];
    let mut kept: Vec<usize> = Vec::new();
    let mut inputs: Vec<Option<Opened>> = opened.into_iter().map(Some).collect();
    for at in 0..inputs.len() {
        let same = kept.iter().copied().find(|&earlier| {
            let (Some(Some(a)), Some(Some(b))) = (inputs.get(earlier), inputs.get(at)) else { return false };
            a.head == b.head && content(a, &mut contents[earlier]) == content(b, &mut contents[at])
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

/// A hash of everything an input unpacks to; of standard input, which cannot be read twice, one that is like no other.
fn content(opened: &Opened, known: &mut Option<u64>) -> u64 {
    *known.get_or_insert_with(|| {
        let mut hasher = std::hash::DefaultHasher::new();
        let Ok(mut unpacked) = (match opened.input {
            Input::Stdin => return u64::MAX,
            _ => unpacked(&opened.input),
        }) else {
            return u64::MAX - 1;
        };
        let mut buffer = vec![0; HEAD];
        let mut length = 0u64;
        while let Ok(read) = unpacked.read(&mut buffer) {
            if read == 0 {
                break;
            }
            // The hasher's answer depends on how writes are grouped, so every write is one byte string of known place.
            for chunk in buffer[..read].iter() {
                hasher.write_u8(*chunk);
            }
            length += read as u64;
        }
        hasher.write_u64(length);
        hasher.finish() >> 1
    })
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
struct Done<'p> {
    bytes: u64,
    events: u64,
    skipped: u64,
    progress: &'p dyn Progress,
}

impl Opened {
    fn read(self, server: u32, workload: &mut Workload, workers: &mut Workers, done: &mut Done<'_>) -> (InputSummary, Option<Error>) {
        let reader = self.reader.as_ref();
        let mut summary = InputSummary {
            path: self.input.path(),
            format: self.source.name(),
            detail: reader.detail(),
            bytes: 0,
            records: 0,
            events: 0,
            skipped: Skipped::default(),
            unknown_zone: 0,
            newest_first: self.newest_first,
        };
        let rest: Box<dyn Read + Send> = if self.failed.is_some() { Box::new(io::empty()) } else { self.unpacked };
        let input = io::Cursor::new(self.head).chain(rest);
        let untangle = reader.untangle();
        let untangles = untangle.is_some();
        let mut blocks = Blocks::new(input, ReaderCut { reader, untangle }, workers.block_size, untangles);
        let consumed = &self.consumed;
        let mut reversed = Vec::new();
        let mut fold = |parsed: Parsed, dropped: u64, offset: u64| {
            summary.records += parsed.records;
            summary.events += parsed.events();
            summary.unknown_zone += parsed.unknown_zone;
            let mut skipped = parsed.skipped.clone();
            if dropped > 0 {
                skipped.add("rest of a record beyond 128 MiB: dropped", offset, b"");
            }
            done.events += parsed.events();
            done.skipped += skipped.total();
            summary.skipped.append(skipped);
            done.progress.read(done.bytes + consumed.load(Ordering::Relaxed), done.events, done.skipped);
            if self.newest_first {
                reversed.push(parsed.reversed());
            } else {
                workload.fold(server, &parsed);
            }
        };
        workers.run(&mut blocks, reader, &mut fold);
        for parsed in reversed.into_iter().rev() {
            workload.fold(server, &parsed);
        }
        summary.bytes = self.consumed.load(Ordering::Relaxed);
        done.bytes += summary.bytes;
        let failed = self.failed.or_else(|| blocks.error());
        let error = failed.map(|reason| broken(&summary.path, self.packing, &self.consumed, &reason));
        (summary, error)
    }
}

/// The workers and what they keep from block to block.
struct Workers {
    pool: Option<rayon::ThreadPool>,
    digests: Vec<Digest>,
    buffers: Vec<Vec<u8>>,
    block_size: usize,
    jobs: usize,
}

/// What a worker hands back.
struct Finished {
    number: u64,
    parsed: Parsed,
    digest: Digest,
    block: Block,
}

impl Workers {
    fn new(settings: &Settings) -> Self {
        let jobs = settings.jobs.max(1);
        let pool = (jobs > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(jobs).build().ok()).flatten();
        // One more digest than workers, so that none waits for its rows to be folded.
        let digests = (0..=jobs).map(|_| Digest::new(settings.dialect)).collect();
        Workers { pool, digests, buffers: Vec::new(), block_size: settings.block_size, jobs }
    }

    /// Reads every block and hands the rows to `fold`, in order.
    fn run<R: Read>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, reader: &dyn Reader, fold: &mut dyn FnMut(Parsed, u64, u64)) {
        match self.pool.take() {
            None => self.run_here(blocks, reader, fold),
            Some(pool) => {
                self.run_in(&pool, blocks, reader, fold);
                self.pool = Some(pool);
            }
        }
    }

    fn run_here<R: Read>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, reader: &dyn Reader, fold: &mut dyn FnMut(Parsed, u64, u64)) {
        let mut buffer = self.buffers.pop().unwrap_or_default();
        let Some(digest) = self.digests.first_mut() else { return };
        while let Some(block) = blocks.next(buffer) {
            let parsed = read_block(&block, reader, digest);
            fold(parsed, block.dropped, block.offset);
            buffer = block.bytes;
        }
    }

    fn run_in<R: Read>(
        &mut self,
        pool: &rayon::ThreadPool,
        blocks: &mut Blocks<R, ReaderCut<'_>>,
        reader: &dyn Reader,
        fold: &mut dyn FnMut(Parsed, u64, u64),
    ) {
        let (send, receive) = mpsc::channel::<Finished>();
        let mut waiting: BTreeMap<u64, Finished> = BTreeMap::new();
        let (mut next, mut folded) = (0u64, 0u64);
        let mut ended = false;
        pool.in_place_scope(|scope| {
            loop {
                while !ended && let Some(mut digest) = self.digests.pop() {
                    match blocks.next(self.buffers.pop().unwrap_or_default()) {
                        None => {
                            ended = true;
                            self.digests.push(digest);
                        }
                        Some(block) => {
                            let (send, number) = (send.clone(), next);
                            next += 1;
                            scope.spawn(move |_| {
                                let parsed = read_block(&block, reader, &mut digest);
                                // The receiver is gone only if folding panicked, and then nobody waits.
                                let _ = send.send(Finished { number, parsed, digest, block });
                            });
                        }
                    }
                }
                if folded == next {
                    break;
                }
                let Ok(finished) = receive.recv() else { break };
                waiting.insert(finished.number, finished);
                while let Some(finished) = waiting.remove(&folded) {
                    folded += 1;
                    self.digests.push(finished.digest);
                    fold(finished.parsed, finished.block.dropped, finished.block.offset);
                    self.buffers.push(finished.block.bytes);
                    self.buffers.truncate(self.jobs + 2);
                }
            }
        });
    }
}

fn read_block(block: &Block, reader: &dyn Reader, digest: &mut Digest) -> Parsed {
    let seen = reader.read(&block.bytes, block.offset, &mut |item| digest.item(item));
    let mut parsed = digest.finish();
    parsed.records = seen.records;
    parsed.window = seen.earliest.zip(seen.latest);
    parsed.unknown_zone = seen.unknown_zone;
    parsed.skipped = seen.skipped;
    parsed
}
