//! Blocks on their way through several workers: whoever is free cuts the next one and reads it, and what comes of them is
//! handed on in the order of the input.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::input::blocks::{Block, Blocks, Cut};
use crate::input::buffer::Buffer;
use crate::workload::Parsed;

/// What came of a block.
pub(super) struct Finished {
    pub(super) parsed: Parsed,
    /// Where it began, and how many bytes were dropped behind it.
    pub(super) offset: u64,
    pub(super) dropped: u64,
}

/// Memory that is used again and again.
#[derive(Default)]
pub(super) struct Spare {
    pub(super) buffers: Vec<Buffer>,
    /// Folded, for the memory of their rows.
    pub(super) folded: Vec<Parsed>,
}

/// What a worker panicked with.
type Panic = Box<dyn Any + Send>;

/// See the module.
pub(super) struct Queue<'b, R, C> {
    /// Locked while a block is cut; nobody waits for room with this in hand.
    source: Mutex<Source<'b, R, C>>,
    state: Mutex<State>,
    changed: Condvar,
    /// So many blocks are held at once.
    most: u64,
}

struct Source<'b, R, C> {
    blocks: &'b mut Blocks<R, C>,
    cut: u64,
}

#[derive(Default)]
struct State {
    read: BTreeMap<u64, Finished>,
    /// Blocks that are cut or will be, and those that were handed on.
    promised: u64,
    handed_on: u64,
    /// How many there are, once that is known.
    all: Option<u64>,
    panic: Option<Panic>,
    /// Nobody asks for more.
    is_closed: bool,
    spare: Spare,
}

impl State {
    /// Promises a block if there is room for it.
    fn promise(&mut self, most: u64) -> bool {
        let has_room = self.all.is_none() && self.promised - self.handed_on < most;
        self.promised += u64::from(has_room);
        has_room
    }
}

/// What there is to do for who takes blocks in order.
enum Next {
    Take(Box<Finished>),
    Read,
}

impl<'b, R: Read + Send, C: Cut + Send> Queue<'b, R, C> {
    /// A queue that holds at most so many blocks at once.
    pub(super) fn new(blocks: &'b mut Blocks<R, C>, most: usize, spare: Spare) -> Self {
        let source = Mutex::new(Source { blocks, cut: 0 });
        let state = Mutex::new(State { spare, ..State::default() });
        Queue { source, state, changed: Condvar::new(), most: most as u64 }
    }

    /// Reads blocks as long as there are any, one after the other into the same memory, which is near then. A panic is kept
    /// for [`Self::take`].
    pub(super) fn work(&self, read: impl Fn(&Block, Option<Parsed>) -> Parsed) {
        let mut buffer = self.state().spare.buffers.pop().unwrap_or_default();
        while self.wait_for_room() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.read_one(&mut buffer, &read))) {
                self.state().panic = Some(panic);
                self.changed.notify_all();
                return;
            }
        }
        self.state().spare.buffers.push(buffer);
    }

    /// Hands on what came of the next block in order, and reads others, with a buffer of its own, while that is not there.
    ///
    /// # Panics
    /// If a worker panicked, because who waits for its block would wait for ever.
    pub(super) fn take(&self, buffer: &mut Buffer, read: impl Fn(&Block, Option<Parsed>) -> Parsed) -> Option<Finished> {
        loop {
            match self.next()? {
                Next::Take(finished) => return Some(*finished),
                Next::Read => self.read_one(buffer, &read),
            }
        }
    }

    fn next(&self) -> Option<Next> {
        let mut state = self.state();
        loop {
            if let Some(panic) = state.panic.take() {
                drop(state);
                resume_unwind(panic);
            }
            let number = state.handed_on;
            if let Some(finished) = state.read.remove(&number) {
                state.handed_on += 1;
                self.changed.notify_all();
                return Some(Next::Take(Box::new(finished)));
            }
            if state.all == Some(state.handed_on) {
                return None;
            }
            if state.promise(self.most) {
                return Some(Next::Read);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until a block may be cut and promises it; false if there will be none.
    fn wait_for_room(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.all.is_some() || state.is_closed {
                return false;
            }
            if state.promise(self.most) {
                return true;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Cuts and reads the next block, which was promised.
    fn read_one(&self, buffer: &mut Buffer, read: impl Fn(&Block, Option<Parsed>) -> Parsed) {
        let used = self.state().spare.folded.pop();
        let cut = {
            let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            let number = source.cut;
            // Even if cutting panics, nobody takes what comes next for this one.
            source.cut += 1;
            let block = source.blocks.next(std::mem::take(buffer));
            block.map(|block| (number, block)).ok_or(number)
        };
        match cut {
            Ok((number, block)) => {
                let parsed = read(&block, used);
                let Block { bytes, offset, dropped } = block;
                *buffer = bytes;
                self.state().read.insert(number, Finished { parsed, offset, dropped });
            }
            // Others who were promised a block as well find none behind the last.
            Err(number) => {
                let mut state = self.state();
                state.all = Some(state.all.map_or(number, |all| all.min(number)));
            }
        }
        self.changed.notify_all();
    }

    /// Takes memory for what comes of the next blocks.
    pub(super) fn give_back(&self, folded: Option<Parsed>) {
        self.state().spare.folded.extend(folded);
    }

    /// Nobody asks for more when this is gone, because of a panic or not, and then no worker waits any longer.
    pub(super) fn closing(&self) -> impl Drop {
        Closing(self)
    }

    /// The memory that is left.
    ///
    /// # Panics
    /// If a worker panicked when nothing was taken any more.
    pub(super) fn into_spare(self) -> Spare {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = state.panic {
            resume_unwind(panic);
        }
        state.spare
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Closing<'q, 'b, R, C>(&'q Queue<'b, R, C>);

impl<R, C> Drop for Closing<'_, '_, R, C> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.0.changed.notify_all();
    }
}
