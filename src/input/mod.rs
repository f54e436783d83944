//! Which bytes: paths, directories and standard input become blocks of whole records.
//!
//! Every input goes the same way, archives and pipes included: a reader, blocks cut where a record begins, the rest
//! carried on. Files are never mapped into memory, because log rotation truncates them under the reader's feet.
//! This layer does not parse; where a record begins it asks whoever knows.

pub mod blocks;
pub mod buffer;
pub mod decompress;
pub mod discover;

use std::fs::File;
use std::io::{self, Read};
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

    /// Begins to read it.
    ///
    /// # Errors
    /// If it is a file that cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Input::File(path) => Box::new(File::open(path)?),
            Input::Stdin => Box::new(io::stdin()),
            Input::Memory(_, bytes) => Box::new(io::Cursor::new(bytes.clone())),
        })
    }

    /// Whether reading it a second time gives the same: files and memory, but no pipes.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Input::File(path) => path.metadata().is_ok_and(|m| m.is_file()),
            Input::Stdin => false,
            Input::Memory(..) => true,
        }
    }

    /// When it was written last, in seconds since 1970, if it is a file and the system tells.
    #[must_use]
    pub fn modified(&self) -> Option<i64> {
        match self {
            #[cfg(unix)]
            Input::File(path) => path.metadata().ok().map(|m| std::os::unix::fs::MetadataExt::mtime(&m)),
            _ => None,
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
