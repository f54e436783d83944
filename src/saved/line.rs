//! The lines of a saved workload.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::event::{Holds, Skip, Skipped};
use crate::sql::fingerprint::Fingerprint;
use crate::workload::{InputSummary, Part, Reading, Twin};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// The name of the format and its version, such as `laggard.run/1`.
    pub(super) schema: String,
    /// The version of the program that wrote it.
    #[serde(default)]
    pub(super) tool: String,
    /// The number of the rules that its ids follow.
    pub(super) fingerprint: u32,
    /// Whether samples are as they were logged.
    #[serde(default)]
    pub(super) has_values: bool,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// An input.
    Input(Input),
    /// What is to be known of all inputs.
    Inputs(Inputs),
    /// Statements whose ids do not follow from their texts; before any statement.
    Textless(Vec<Fingerprint>),
    /// A part of the workload.
    Part(Box<Part>),
    /// The last.
    End(End),
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    /// How many lines stand between it and the header.
    pub(super) lines: u64,
}

/// One input, as it was when it was read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Input {
    path: String,
    format: String,
    #[serde(default)]
    has_counters: bool,
    #[serde(default)]
    detail: String,
    bytes: u64,
    records: u64,
    events: u64,
    #[serde(default)]
    skipped: Vec<Reason>,
    #[serde(default)]
    unknown_zone: u64,
    #[serde(default)]
    newest_first: bool,
}

/// Records that were not understood for one reason.
#[derive(Debug, Serialize, Deserialize)]
struct Reason {
    reason: String,
    count: u64,
    first_offset: u64,
    sample: String,
}

/// What is to be known of all inputs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Inputs {
    is_limited: bool,
    repeated: Vec<String>,
    /// Files that were not read because they are the same logs in another format, each with the one that was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    twins: Vec<[String; 2]>,
    astray: Vec<String>,
    strangers: Vec<String>,
    /// What could not be read.
    incomplete: Vec<String>,
}

impl Input {
    /// `sample` makes text of what was not understood.
    pub(super) fn of(summary: &InputSummary, sample: impl Fn(&[u8]) -> String) -> Self {
        let reason = |(reason, skip): (&str, &Skip)| Reason {
            reason: reason.to_owned(),
            count: skip.count,
            first_offset: skip.first_offset,
            sample: sample(&skip.sample),
        };
        Input {
            path: summary.path.display().to_string(),
            format: summary.format.to_string(),
            has_counters: summary.holds == Holds::Counters,
            detail: summary.detail.clone(),
            bytes: summary.bytes,
            records: summary.records,
            events: summary.events,
            skipped: summary.skipped.iter().map(reason).collect(),
            unknown_zone: summary.unknown_zone,
            newest_first: summary.newest_first,
        }
    }

    pub(super) fn summary(self) -> InputSummary {
        let mut skipped = Skipped::default();
        for Reason { reason, count, first_offset, sample } in self.skipped {
            skipped.append(Skipped::of(reason, Skip { count, first_offset, sample: sample.into_bytes() }));
        }
        InputSummary {
            path: PathBuf::from(self.path),
            format: Cow::Owned(self.format),
            holds: if self.has_counters { Holds::Counters } else { Holds::Events },
            detail: self.detail,
            bytes: self.bytes,
            records: self.records,
            events: self.events,
            skipped,
            unknown_zone: self.unknown_zone,
            newest_first: self.newest_first,
        }
    }
}

impl Inputs {
    pub(super) fn of(reading: &Reading) -> Self {
        let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
        Inputs {
            is_limited: reading.is_limited,
            repeated: paths(&reading.repeated),
            twins: reading.twins.iter().map(|twin| [&twin.path, &twin.read].map(|path| path.display().to_string())).collect(),
            astray: paths(&reading.astray),
            strangers: paths(&reading.strangers),
            incomplete: reading.errors.iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn add_to(self, reading: &mut Reading) {
        reading.is_limited |= self.is_limited;
        reading.repeated.extend(self.repeated.into_iter().map(PathBuf::from));
        reading.twins.extend(self.twins.into_iter().map(|[path, read]| Twin { path: path.into(), read: read.into() }));
        reading.astray.extend(self.astray.into_iter().map(PathBuf::from));
        reading.strangers.extend(self.strangers.into_iter().map(PathBuf::from));
        reading.errors.extend(self.incomplete.into_iter().map(|reason| crate::error::Error::Earlier { reason }));
    }
}
