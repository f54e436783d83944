//! The threads that read: blocks go out to them, and what comes of the blocks is folded here, in the order of the input.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use crate::input::blocks::{Block, Blocks};
use crate::input::buffer::Buffer;
use crate::source::Reader;
use crate::workload::Parsed;
use crate::workload::digest::Digest;

use super::{ReaderCut, Settings};

/// Folds what came of a block, with how many bytes were dropped behind it and where it began; hands it back unless it must
/// be kept.
pub(super) type Fold<'f> = dyn FnMut(Parsed, u64, u64) -> Option<Parsed> + 'f;

/// The workers and what they keep from block to block. The calling thread is one of them: it cuts and folds, and reads a
/// block itself when there is nothing to fold and the others have enough to do.
pub(super) struct Workers {
    /// The others.
    pool: Option<rayon::ThreadPool>,
    digests: Digests,
    buffers: Vec<Buffer>,
    /// Folded, for the memory of their rows.
    folded: Vec<Parsed>,
    pub(super) block_size: usize,
    jobs: usize,
}

/// A digest for each worker; those that are not reading.
#[derive(Default)]
struct Digests(Mutex<Vec<Digest>>);

/// What a worker panicked with.
type Panic = Box<dyn Any + Send>;

/// What is read of a block.
struct Finished {
    parsed: Parsed,
    block: Block,
}

/// Blocks that were cut and are not folded yet.
#[derive(Default)]
struct Underway {
    read: BTreeMap<u64, Finished>,
    /// How many are with the other workers.
    out: usize,
    /// How many were cut, and folded.
    cut: u64,
    folded: u64,
    /// There are no more.
    ended: bool,
}

impl Underway {
    fn next_read(&mut self) -> Option<Finished> {
        let next = self.read.remove(&self.folded)?;
        self.folded += 1;
        Some(next)
    }

    /// Takes what a worker has read, by the block's number. If it panicked so does this, because who waits for that block
    /// would wait for ever.
    fn came_back(&mut self, finished: Result<(u64, Finished), Panic>) {
        self.out -= 1;
        let (number, finished) = finished.unwrap_or_else(|panic| resume_unwind(panic));
        self.read.insert(number, finished);
    }
}

/// So many blocks per worker are given out at once, so that none waits for the next, and so many are held in all.
const GIVEN: usize = 2;
const HELD: usize = 3;

impl Workers {
    pub(super) fn new(settings: &Settings) -> Self {
        let jobs = settings.jobs.max(1);
        let pool = (jobs > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(jobs - 1).build().ok()).flatten();
        let digest = || Digest::new(settings.dialect);
        let digest = || if settings.rules.without_findings { digest().ignoring_values() } else { digest() };
        let digests = Digests(Mutex::new((0..jobs).map(|_| digest()).collect()));
        let mut workers = Workers { pool, digests, buffers: Vec::new(), folded: Vec::new(), block_size: settings.block_size, jobs };
        if settings.rules.keeps_examples {
            workers.keep_examples();
        }
        workers
    }

    /// Lets one of the others do something else first; with none, nobody does it.
    pub(super) fn begin(&self, task: fn()) {
        self.pool.iter().for_each(|pool| pool.spawn(task));
    }

    /// Keeps whole texts of the calls whose values are drawn.
    pub(super) fn keep_examples(&mut self) {
        self.digests.idle().iter_mut().for_each(Digest::keep_examples);
    }

    /// Lets every call be drawn, because which of them count is known only when they are folded.
    pub(super) fn draw_all(&mut self) {
        self.digests.idle().iter_mut().for_each(Digest::draw_all);
    }

    /// Reads every block and hands the rows to `fold`, in order.
    pub(super) fn run<R: Read>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, reader: &dyn Reader, fold: &mut Fold<'_>) {
        match self.pool.take() {
            None => self.run_here(blocks, reader, fold),
            Some(pool) => {
                self.run_in(&pool, blocks, reader, fold);
                self.pool = Some(pool);
            }
        }
    }

    fn run_here<R: Read>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, reader: &dyn Reader, fold: &mut Fold<'_>) {
        while let Some(block) = blocks.next(self.buffers.pop().unwrap_or_default()) {
            let parsed = self.digests.read(&block, reader, self.folded.pop());
            self.fold(Finished { parsed, block }, fold);
        }
    }

    fn run_in<R: Read>(
        &mut self,
        pool: &rayon::ThreadPool,
        blocks: &mut Blocks<R, ReaderCut<'_>>,
        reader: &dyn Reader,
        fold: &mut Fold<'_>,
    ) {
        let (send, receive) = mpsc::channel();
        let digests = std::mem::take(&mut self.digests);
        let mut underway = Underway::default();
        pool.in_place_scope(|scope| {
            loop {
                receive.try_iter().for_each(|finished| underway.came_back(finished));
                if underway.out < GIVEN * (self.jobs - 1)
                    && let Some((number, block)) = self.next_block(blocks, &mut underway)
                {
                    underway.out += 1;
                    let (send, digests, used) = (send.clone(), &digests, self.folded.pop());
                    scope.spawn(move |_| {
                        let read = AssertUnwindSafe(|| digests.read(&block, reader, used));
                        let finished = catch_unwind(read).map(|parsed| (number, Finished { parsed, block }));
                        // The receiver is gone only if folding panicked, and then nobody waits.
                        let _ = send.send(finished);
                    });
                } else if let Some(finished) = underway.next_read() {
                    self.fold(finished, fold);
                } else if let Some((number, block)) = self.next_block(blocks, &mut underway) {
                    let parsed = digests.read(&block, reader, self.folded.pop());
                    underway.read.insert(number, Finished { parsed, block });
                } else if underway.out == 0 {
                    break;
                } else {
                    receive.recv().into_iter().for_each(|finished| underway.came_back(finished));
                }
            }
        });
        self.digests = digests;
    }

    /// Cuts a block, unless so many are held that it can wait.
    fn next_block<R: Read>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, underway: &mut Underway) -> Option<(u64, Block)> {
        if underway.ended || underway.out + underway.read.len() >= HELD * self.jobs {
            return None;
        }
        let block = blocks.next(self.buffers.pop().unwrap_or_default());
        underway.ended = block.is_none();
        underway.cut += u64::from(block.is_some());
        Some((underway.cut.checked_sub(1)?, block?))
    }

    fn fold(&mut self, Finished { parsed, block }: Finished, fold: &mut Fold<'_>) {
        self.folded.extend(fold(parsed, block.dropped, block.offset));
        self.buffers.push(block.bytes);
    }
}

impl Digests {
    /// Reads a block with a digest that nobody uses, in the memory of a folded one.
    fn read(&self, block: &Block, reader: &dyn Reader, used: Option<Parsed>) -> Parsed {
        let mut digest = self.idle().pop().expect("as many as workers");
        used.into_iter().for_each(|used| digest.reuse(used));
        let seen = reader.read(block.bytes.bytes(), block.offset, &mut |item| digest.item(item));
        let mut parsed = digest.finish();
        self.idle().push(digest);
        parsed.records = seen.records;
        parsed.window = seen.earliest.zip(seen.latest);
        parsed.unknown_zone = seen.unknown_zone;
        parsed.skipped = seen.skipped;
        parsed
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Item;
    use crate::source::{Seen, Untangle};

    /// One record per line, and a bug.
    struct Broken;

    impl Reader for Broken {
        fn detail(&self) -> String {
            String::new()
        }

        fn cut(&self, bytes: &[u8], _: usize) -> Option<usize> {
            memchr::memrchr(b'\n', bytes).map(|at| at + 1)
        }

        fn untangle(&self) -> Option<Box<dyn Untangle>> {
            None
        }

        fn read(&self, bytes: &[u8], _: u64, _: &mut dyn FnMut(&Item<'_>)) -> Seen {
            assert!(memchr::memmem::find(bytes, b"bug").is_none(), "a bug");
            Seen::default()
        }
    }

    #[test]
    fn a_bug_in_a_reader_ends_the_reading_with_any_number_of_workers() {
        let read = |text: &str, jobs: usize| {
            let mut workers = Workers::new(&Settings { jobs, block_size: 64, ..Settings::default() });
            let mut blocks = Blocks::new(text.as_bytes(), ReaderCut { reader: &Broken, untangle: None }, 64, false);
            let mut folded = 0;
            workers.run(&mut blocks, &Broken, &mut |parsed, _, _| {
                folded += 1;
                Some(parsed)
            });
            folded
        };
        let lines = "a line of some length\n".repeat(100);
        for jobs in [1, 2, 4] {
            assert!(read(&lines, jobs) > 10);
            let broken = format!("{lines}bug\n{lines}");
            assert!(std::panic::catch_unwind(|| read(&broken, jobs)).is_err(), "{jobs}");
        }
    }
}
