//! Which bytes: paths, directories and standard input become blocks of whole records.
//!
//! Every input goes the same way, archives and pipes included: a reader, blocks cut where a record begins, the rest
//! carried on. Files are never mapped into memory, because log rotation truncates them under the reader's feet.
//! This layer does not parse; where a record begins it asks whoever knows.

pub mod blocks;
pub mod decompress;
pub mod discover;

use std::path::{Path, PathBuf};

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input, `-`.
    Stdin,
    /// Bytes in memory under a name, for tests and callers of the library.
    Memory(String, Vec<u8>),
}

impl Input {
    /// Its name in reports and messages.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Input::File(path) => path.clone(),
            Input::Stdin => PathBuf::from("-"),
            Input::Memory(name, _) => PathBuf::from(name),
        }
    }

    /// What tells one server's files from another's: the folder they lie in.
    #[must_use]
    pub fn server(&self) -> PathBuf {
        let path = self.path();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())
    }
}
