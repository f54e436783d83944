//! All that is known of one statement: plain data, complete before it is drawn as a page, Markdown or JSON.

use std::io;

use crate::units::{Micros, Timestamp};

use super::json::explained::to_json;
use super::{ErrorLine, Report, Style};

mod markdown;
mod page;
mod plans;
mod sections;

pub use plans::{PlansLine, ReadLine, ShapeLine};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// A report of this statement alone, with the findings that name it.
    pub report: Report,
    /// Its place by total time, from 1, and of how many.
    pub rank: (u64, u64),
    /// How many calls have durations.
    pub timed: u64,
    /// How many calls took how long; empty if no durations are known.
    pub histogram: Vec<StepLine>,
    /// Its calls by time; `None` if no log tells.
    pub timeline: Option<TimelineLine>,
    /// The values it ran with; `None` if no log tells any.
    pub parameters: Option<ParametersLine>,
    /// The plans that it ran with; `None` if no log has any.
    pub plans: Option<PlansLine>,
    /// Its errors by kind, most frequent first.
    pub failures: Vec<ErrorLine>,
    /// Executions that a limit on time ended, and a deadlock.
    pub cancelled: [u64; 2],
    /// Temporary files written for it, and their bytes.
    pub temp_files: (u64, u64),
    /// Loops that it is in, most calls first.
    pub loops: Vec<LoopLine>,
    /// Why no index is advised, where a catalogue tells.
    pub unadvised: Vec<String>,
}

/// Calls that took from one duration up to another, which is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepLine {
    /// From.
    pub from: Micros,
    /// To.
    pub to: Micros,
    /// How many.
    pub count: u64,
}

/// Calls by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelineLine {
    /// How long a stretch is.
    pub width: Micros,
    /// When the first stretch of the log begins and the last one ends.
    pub window: (Timestamp, Timestamp),
    /// Those in which anything happened, in order.
    pub stretches: Vec<StretchLine>,
}

/// What ended in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StretchLine {
    /// When it begins.
    pub start: Timestamp,
    /// Executions.
    pub calls: u64,
    /// Those of them whose duration is known.
    pub timed: u64,
    /// Failed executions.
    pub errors: u64,
    /// Their time.
    pub total: Micros,
    /// The longest.
    pub max: Micros,
}

impl StretchLine {
    /// The mean of the calls whose duration is known.
    #[must_use]
    pub fn mean(&self) -> Option<Micros> {
        (self.timed > 0).then(|| Micros(self.total.0 / self.timed))
    }
}

/// How many different values a statement ran with, LIMIT and OFFSET apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParametersLine {
    /// Different sets of values.
    pub sets: u64,
    /// Whether that is exact.
    pub is_exact: bool,
    /// Calls whose values are known.
    pub calls: u64,
}

/// Loops of one statement over the rows of another.
#[derive(Clone, Debug, Default)]
pub struct LoopLine {
    /// Whether the statement is what is repeated, rather than what it is repeated for.
    pub is_repeated: bool,
    /// The other statement's id and text; `None` if it is not known.
    pub other: Option<(String, String)>,
    /// `reads`, `writes` or `repeats`.
    pub class: &'static str,
    /// `high`, `medium` or `low`.
    pub confidence: &'static str,
    /// How many loops.
    pub bursts: u64,
    /// Calls of the repeated statement in them.
    pub calls: u64,
    /// The median of its calls in a loop.
    pub n_p50: u32,
}

/// How a statement may be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drawing {
    /// For a terminal.
    #[default]
    Page,
    /// For programs.
    Json,
    /// For a comment.
    Markdown,
}

impl Drawing {
    /// All of them.
    pub const ALL: [Drawing; 3] = [Drawing::Page, Drawing::Json, Drawing::Markdown];

    /// The one of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|drawing| drawing.name() == name)
    }

    /// The name of its format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Drawing::Page => "table",
            Drawing::Json => "json",
            Drawing::Markdown => "markdown",
        }
    }

    /// The one that a file's extension chooses.
    #[must_use]
    pub fn by_extension(extension: &str) -> Option<Self> {
        super::by_extension(extension).and_then(|renderer| Self::by_name(renderer.name()))
    }

    /// Draws what is known of a statement.
    ///
    /// # Errors
    /// If `to` cannot be written to.
    pub fn draw(self, explained: &Explained, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        match self {
            Drawing::Json => to_json(explained, to),
            Drawing::Page => page::draw(explained, style, to),
            Drawing::Markdown => markdown::draw(explained, style, to),
        }
    }
}
