//! What a run read: the workload, and where it came from.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::event::{Holds, Skipped};

use super::Workload;

/// What became of one input.
#[derive(Clone, Debug)]
pub struct InputSummary {
    /// Its name.
    pub path: PathBuf,
    /// The source that read it.
    pub format: Cow<'static, str>,
    /// What it holds.
    pub holds: Holds,
    /// What was learnt of it.
    pub detail: String,
    /// Bytes read from disk.
    pub bytes: u64,
    /// Log entries.
    pub records: u64,
    /// Executions and notes.
    pub events: u64,
    /// What was not understood.
    pub skipped: Skipped,
    /// Times in a zone that nobody knows.
    pub unknown_zone: u64,
    /// Whether the newest record came first.
    pub newest_first: bool,
}

/// A file that is the same log as another one, in another format, and was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Its name.
    pub path: PathBuf,
    /// The one that was read.
    pub read: PathBuf,
}

/// The folder of a file and its name up to the first dot behind the folder, which the server gives the log of one time in every
/// format: `postgresql-2026-11-23_000000`.
pub(crate) fn stem(path: &Path) -> (Option<&Path>, Option<&str>) {
    let name = path.file_name().and_then(|name| name.to_str());
    (path.parent(), name.and_then(|name| name.split('.').next()))
}

/// What all inputs came to.
#[derive(Debug)]
pub struct Reading {
    /// What happened.
    pub workload: Workload,
    /// Each input that was recognised, in the order of their first records.
    pub inputs: Vec<InputSummary>,
    /// What went wrong; the other inputs were read all the same.
    pub errors: Vec<Error>,
    /// Files that have the same content as another and were not read again.
    pub repeated: Vec<PathBuf>,
    /// Files that are the same log as another one, in another format, and were not read.
    pub twins: Vec<Twin>,
    /// Logs that a saved workload among the inputs seems to have as well.
    pub doubled: Vec<PathBuf>,
    /// Whether only what the log tells of the counters' interval was counted.
    pub is_limited: bool,
    /// Views of facts that belong to no counters.
    pub astray: Vec<PathBuf>,
    /// Files in folders that no source recognises.
    pub strangers: Vec<PathBuf>,
}

impl Reading {
    /// Whether there is a log among the inputs, rather than counters alone.
    #[must_use]
    pub fn has_log(&self) -> bool {
        self.inputs.iter().any(|input| input.holds == Holds::Events)
    }

    /// A workload of inputs, with nothing else to tell of them.
    #[must_use]
    pub fn of(workload: Workload, inputs: Vec<InputSummary>) -> Self {
        Reading {
            workload,
            inputs,
            errors: Vec::new(),
            repeated: Vec::new(),
            twins: Vec::new(),
            doubled: Vec::new(),
            is_limited: false,
            astray: Vec::new(),
            strangers: Vec::new(),
        }
    }
}
