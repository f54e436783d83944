//! The threads that read, and the one that folds what comes of it, in the order of the input.

use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::input::blocks::{Block, Blocks};
use crate::source::Reader;
use crate::workload::Parsed;
use crate::workload::digest::Digest;

use super::queue::{Finished, Queue, Spare};
use super::{ReaderCut, Settings};

/// Folds what came of a block, with how many bytes were dropped behind it and where it began; hands it back unless it must
/// be kept.
pub(super) type Fold<'f> = dyn FnMut(Parsed, u64, u64) -> Option<Parsed> + 'f;

/// The workers and what they keep from block to block. The calling thread is one of them: it folds, and reads a block when
/// there is nothing to fold.
pub(super) struct Workers {
    /// The others.
    pool: Option<rayon::ThreadPool>,
    digests: Digests,
    spare: Spare,
    pub(super) block_size: usize,
    jobs: usize,
}

/// A digest for each worker; those that are not reading.
#[derive(Default)]
struct Digests(Mutex<Vec<Digest>>);

/// So many blocks per worker are held at once, so that none waits for the next.
const HELD: usize = 3;

impl Workers {
    pub(super) fn new(settings: &Settings) -> Self {
        let jobs = settings.jobs.max(1);
        let pool = (jobs > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(jobs - 1).build().ok()).flatten();
        let digest = || Digest::new(settings.dialect);
        let digest = || if settings.rules.without_findings { digest().ignoring_values() } else { digest() };
        let digests = Digests(Mutex::new((0..jobs).map(|_| digest()).collect()));
        let mut workers = Workers { pool, digests, spare: Spare::default(), block_size: settings.block_size, jobs };
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
    pub(super) fn run<R: Read + Send>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, reader: &dyn Reader, fold: &mut Fold<'_>) {
        match self.pool.take() {
            None => self.run_here(blocks, reader, fold),
            Some(pool) => {
                self.run_in(&pool, blocks, reader, fold);
                self.pool = Some(pool);
            }
        }
    }

    fn run_here<R: Read>(&mut self, blocks: &mut Blocks<R, ReaderCut<'_>>, reader: &dyn Reader, fold: &mut Fold<'_>) {
        while let Some(block) = blocks.next(self.spare.buffers.pop().unwrap_or_default()) {
            let parsed = self.digests.read(&block, reader, self.spare.folded.pop());
            self.spare.folded.extend(fold(parsed, block.dropped, block.offset));
            self.spare.buffers.push(block.bytes);
        }
    }

    fn run_in<R: Read + Send>(
        &mut self,
        pool: &rayon::ThreadPool,
        blocks: &mut Blocks<R, ReaderCut<'_>>,
        reader: &dyn Reader,
        fold: &mut Fold<'_>,
    ) {
        let digests = &self.digests;
        let read = |block: &Block, used| digests.read(block, reader, used);
        let mut buffer = self.spare.buffers.pop().unwrap_or_default();
        let queue = Queue::new(blocks, HELD * self.jobs, std::mem::take(&mut self.spare));
        pool.in_place_scope(|scope| {
            let _closing = queue.closing();
            for _ in 1..self.jobs {
                scope.spawn(|_| queue.work(read));
            }
            while let Some(Finished { parsed, offset, dropped }) = queue.take(&mut buffer, read) {
                queue.give_back(fold(parsed, dropped, offset));
            }
        });
        self.spare = queue.into_spare();
        self.spare.buffers.push(buffer);
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
