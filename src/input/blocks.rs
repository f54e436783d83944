//! Bytes to blocks: each a run of whole records, cut where the next record begins, the rest carried on.
//!
//! Where a record begins is asked of a [`Cut`]; a block grows until there is such a place. A record beyond
//! [`LONGEST_RECORD`] is cut and the rest of it dropped and counted, so that memory stays bounded on any input.

use std::io::{self, Read};

use super::buffer::Buffer;

/// A record longer than this is cut.
pub const LONGEST_RECORD: usize = 128 << 20;

/// Beyond this a block grows by steps of this size, and its memory is given back once it was read, unless all blocks are so
/// large.
const STEP: usize = 16 << 20;

/// A run of whole records. Owns its bytes; everything read from it borrows.
#[derive(Debug, Default)]
pub struct Block {
    /// The records.
    pub bytes: Buffer,
    /// Where they begin in the unpacked input.
    pub offset: u64,
    /// How many bytes of an overlong record were dropped behind this block.
    pub dropped: u64,
}

/// Knows where records begin.
pub trait Cut {
    /// The last place in `bytes`, but not the first byte, at which a record begins; `seen` bytes were searched in vain.
    fn cut(&self, bytes: &[u8], seen: usize) -> Option<usize>;
    /// Takes bytes as they come and appends what may go on; see `source::Untangle`. `last` when there are no more.
    fn pass(&mut self, fresh: &[u8], last: bool, to: &mut Vec<u8>);
}

/// Cuts an input into blocks.
pub struct Blocks<R, C> {
    input: R,
    cut: C,
    size: usize,
    /// What was read behind the last block.
    carry: Vec<u8>,
    offset: u64,
    /// Bytes read from the input in one go.
    fresh: Buffer,
    untangles: bool,
    failed: Option<io::Error>,
    ended: bool,
    dropping: bool,
}

impl<R: Read, C: Cut> Blocks<R, C> {
    /// Blocks of about `size` bytes. `untangles` if bytes must go through [`Cut::pass`].
    pub fn new(input: R, cut: C, size: usize, untangles: bool) -> Self {
        Blocks {
            input,
            cut,
            size: size.max(1),
            carry: Vec::new(),
            offset: 0,
            fresh: Buffer::default(),
            untangles,
            failed: None,
            ended: false,
            dropping: false,
        }
    }

    /// Why the input ended before its end, once the blocks are used up.
    pub fn error(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// The next block, in the memory of a used one.
    pub fn next(&mut self, mut bytes: Buffer) -> Option<Block> {
        bytes.truncate(0);
        if bytes.capacity() > 2 * STEP.max(self.size) {
            bytes = Buffer::default();
        }
        bytes.extend_from_slice(&self.carry);
        self.carry.clear();
        let offset = self.offset;
        let mut dropped = 0;
        let mut seen = 0;
        loop {
            if !self.ended {
                self.fill(&mut bytes);
            }
            if self.dropping {
                dropped += self.drop_until_record(&mut bytes);
                seen = 0;
                if dropped > 0 && (!self.dropping || self.ended) {
                    self.offset += dropped;
                    self.carry.extend_from_slice(bytes.bytes());
                    self.dropping = self.dropping && !self.ended;
                    return Some(Block { offset, dropped, ..Block::default() });
                }
            }
            let end = if self.ended { Some(bytes.len()) } else { self.cut.cut(bytes.bytes(), seen).filter(|&at| at > 0) };
            if let Some(end) = end {
                if end == 0 {
                    return None;
                }
                self.carry.extend_from_slice(&bytes.bytes()[end..]);
                bytes.truncate(end);
                self.offset += bytes.len() as u64;
                return Some(Block { bytes, offset, dropped: 0 });
            }
            if bytes.len() >= LONGEST_RECORD {
                self.dropping = true;
                self.offset += bytes.len() as u64;
                return Some(Block { bytes, offset, dropped: 0 });
            }
            // The last line at hand was not whole; it is looked at again.
            seen = memchr::memrchr(b'\n', bytes.bytes()).unwrap_or(0);
        }
    }

    /// Drops the rest of a record that was cut; answers how much.
    fn drop_until_record(&mut self, bytes: &mut Buffer) -> u64 {
        let end = match self.cut.cut(bytes.bytes(), 0) {
            Some(at) => {
                self.dropping = false;
                at
            }
            None if self.ended => bytes.len(),
            // The last line may turn out to begin a record.
            None => memchr::memrchr(b'\n', bytes.bytes()).unwrap_or(bytes.len().saturating_sub(1)),
        };
        bytes.drop_front(end);
        end as u64
    }

    /// Reads on: a block's worth, and as much again as is held already, so that long records are not searched too often.
    fn fill(&mut self, bytes: &mut Buffer) {
        let wanted = self.size.max(bytes.len().min(STEP)).min(LONGEST_RECORD);
        if self.untangles {
            let mut fresh = std::mem::take(&mut self.fresh);
            self.read(&mut fresh, wanted);
            self.pass(&mut fresh, bytes);
            self.fresh = fresh;
        } else {
            self.read(bytes, wanted);
        }
    }

    fn read(&mut self, to: &mut Buffer, wanted: usize) {
        match to.read_from(&mut self.input, wanted) {
            Ok(read) if read < wanted => self.ended = true,
            Ok(_) => {}
            Err(error) => {
                self.failed = Some(error);
                self.ended = true;
            }
        }
    }

    /// Whole lines go on; the last, unless the input has ended, waits for its end.
    fn pass(&mut self, fresh: &mut Buffer, bytes: &mut Buffer) {
        let whole = if self.ended { fresh.len() } else { memchr::memrchr(b'\n', fresh.bytes()).map_or(0, |end| end + 1) };
        bytes.append_with(|bytes| self.cut.pass(&fresh.bytes()[..whole], self.ended, bytes));
        fresh.drop_front(whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record begins with `#`.
    struct Hash;

    impl Cut for Hash {
        fn cut(&self, bytes: &[u8], _: usize) -> Option<usize> {
            memchr::memmem::rfind(bytes, b"\n#").map(|at| at + 1)
        }

        fn pass(&mut self, fresh: &[u8], _: bool, to: &mut Vec<u8>) {
            to.extend_from_slice(fresh);
        }
    }

    fn cut(text: &[u8], size: usize, untangles: bool) -> Vec<Block> {
        let mut blocks = Blocks::new(text, Hash, size, untangles);
        std::iter::from_fn(|| blocks.next(Buffer::default())).collect()
    }

    proptest! {
        #[test]
        fn blocks_are_the_input_cut_at_records(text in "(#[a-z\n]{0,9}){0,20}", size in 1usize..40, untangles: bool) {
            let blocks = cut(text.as_bytes(), size, untangles);
            let together: Vec<u8> = blocks.iter().flat_map(|b| b.bytes.bytes().to_vec()).collect();
            prop_assert_eq!(together, text.as_bytes());
            let mut at = 0;
            for block in &blocks {
                prop_assert_eq!(block.offset, at);
                prop_assert!(block.bytes.bytes().starts_with(b"#"));
                at += block.bytes.len() as u64;
            }
        }
    }

    /// The memory of a large block is not kept for the small ones behind it, nor is a block much larger than its record.
    #[test]
    fn a_long_record_takes_its_own_size_and_no_more() {
        let long = 37 << 20;
        let mut text = b"#a\n#".to_vec();
        text.resize(long, b'x');
        text.extend_from_slice(b"\n#b\n#c\n");
        let mut blocks = Blocks::new(text.as_slice(), Hash, 2, false);
        let mut capacities = Vec::new();
        let mut buffer = Buffer::default();
        while let Some(block) = blocks.next(buffer) {
            capacities.push((block.bytes.len(), block.bytes.capacity()));
            buffer = block.bytes;
        }
        assert_eq!(capacities.iter().map(|(length, _)| length).sum::<usize>(), text.len());
        let largest = capacities.iter().position(|(length, _)| *length > long / 2).expect("the long record");
        assert!(capacities[largest].1 < long + (long >> 1), "{capacities:?}");
        assert!(capacities[largest + 1..].iter().all(|(_, capacity)| *capacity <= 2 * STEP), "{capacities:?}");
    }

    #[test]
    fn an_overlong_record_is_cut_and_its_rest_counted() {
        let mut text = vec![b'#'];
        text.resize(LONGEST_RECORD + (9 << 20), b'x');
        text.extend_from_slice(b"\n#next\n");
        let blocks = cut(&text, 1 << 20, false);
        let kept: usize = blocks.iter().map(|b| b.bytes.len()).sum();
        let dropped: u64 = blocks.iter().map(|b| b.dropped).sum();
        assert_eq!(kept as u64 + dropped, text.len() as u64);
        assert!(kept < text.len() && dropped > 0);
        assert_eq!(blocks.last().map(|b| b.bytes.bytes()), Some(b"#next\n".as_slice()));
    }
}
