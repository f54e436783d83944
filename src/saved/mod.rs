//! Saved workloads: a file holds what a report is made of, not the log, and several of them add up.
//!
//! The file is lines of JSON, packed with zstd: a header, the inputs it came of, the parts of the workload, and a last line
//! without which it is cut. Equal workloads make equal files, byte for byte. It holds no literal value of the log unless
//! asked to: statements are normalised, samples masked, hashes of values left out. Names, tags of comments and messages of
//! errors without their values are in it.
//!
//! Every version of the format that was ever written is read; one that is newer is refused by name. Ids of statements are
//! those of a set of rules, whose number is in the header: where it is another one they are worked out again from the texts.
//! Nothing here knows of reports.
//!
//! ```
//! use laggard::saved::{self, Keep};
//! use laggard::{Input, Settings};
//!
//! let log = "2026-11-23 05:33:39.504 UTC [20639] app@shop LOG:  duration: 0.102 ms  statement: SELECT * FROM users WHERE id = 7\n";
//! let reading = laggard::read(vec![Input::Memory("pg.log".into(), log.into())], &Settings::default())?;
//! let mut file = Vec::new();
//! saved::write(&reading, Keep::Masked, Default::default(), &mut file)?;
//!
//! let again = laggard::read(vec![Input::Memory("run.lag".into(), file)], &Settings::default())?;
//! assert_eq!(again.workload.calls(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fs::File;
use std::path::Path;

use crate::error::Error;
use crate::input::decompress::{Refusal, unpack};
use crate::workload::Reading;

mod bounds;
mod ids;
mod line;
mod read;
mod write;

pub(crate) use read::read;
pub use write::{Keep, write};

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// Before the version, what the header calls the format.
const SCHEMA: &str = "laggard.run/";

/// Reads a saved workload.
///
/// # Errors
/// If the file cannot be read, is none, is cut or damaged, or was written by a newer laggard.
pub fn open(path: impl AsRef<Path>) -> Result<Reading, Error> {
    let path = path.as_ref();
    let failed = |source| Error::Io { path: path.to_path_buf(), source };
    let unpacked = unpack(Box::new(File::open(path).map_err(failed)?)).map_err(|refusal| match refusal {
        Refusal::Io(source) => failed(source),
        Refusal::Unsupported(packing, cure) => Error::UnsupportedArchive { path: path.to_path_buf(), format: packing.name(), cure },
    })?;
    let mut reading = read(path, unpacked)?;
    reading.workload.promote_plans();
    Ok(reading)
}
