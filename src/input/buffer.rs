//! Memory that is read into again and again: it is zeroed when it is new and never afterwards, which a `Vec` that is
//! emptied and filled would be each time.

use std::io::{self, Read};

/// Up to so many bytes memory doubles when it grows.
const DOUBLED: usize = 16 << 20;

/// Bytes, and room behind them that holds what was there before.
#[derive(Debug, Default)]
pub struct Buffer {
    memory: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// For how many bytes there is memory.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.capacity()
    }

    /// Leaves the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.filled = self.filled.min(length);
    }

    /// Drops the first `length` bytes.
    pub fn drop_front(&mut self, length: usize) {
        self.memory.copy_within(length..self.filled, 0);
        self.filled -= length;
    }

    /// Appends bytes.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Appends what `append` puts behind the bytes.
    pub fn append_with(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        self.memory.truncate(self.filled);
        append(&mut self.memory);
        self.filled = self.memory.len();
    }

    fn room(&mut self, length: usize) -> &mut [u8] {
        let end = self.filled + length;
        if self.memory.len() < end {
            // Large memory grows by what is wanted; doubling it would take up to twice what a long record needs.
            if end > DOUBLED {
                self.memory.reserve_exact(end - self.memory.len());
            }
            self.memory.resize(end, 0);
        }
        &mut self.memory[self.filled..end]
    }

    /// Reads `wanted` bytes, or fewer at the end of the input; answers how many. What came before an error is kept.
    ///
    /// # Errors
    /// If the input has one.
    pub fn read_from(&mut self, input: &mut impl Read, wanted: usize) -> io::Result<usize> {
        let mut read = 0;
        while read < wanted {
            match input.read(self.room(wanted - read)) {
                Ok(0) => break,
                Ok(more) => {
                    self.filled += more;
                    read += more;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}
