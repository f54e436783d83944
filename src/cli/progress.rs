//! The progress bar: bytes, rate and time left, on standard error, after half a second, if anybody sees it.
//!
//! `indicatif` is named in this file only.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::input::Input;
use crate::input::discover::Candidate;
use crate::pipeline::Progress;
use crate::units::grouped;

/// Nothing is shown before, so that short runs do not flicker.
const PATIENCE: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Bar {
    bar: ProgressBar,
    started: Instant,
    shown: Cell<bool>,
    total: Option<u64>,
}

impl Bar {
    /// A bar for these inputs.
    pub(super) fn new(inputs: &[Candidate], wanted: bool) -> Self {
        let visible = wanted && std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let sizes = inputs.iter().map(|candidate| match &candidate.input {
            Input::File(path) => std::fs::metadata(path).ok().filter(|m| m.is_file()).map(|m| m.len()),
            Input::Stdin | Input::Memory(..) => None,
        });
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // Without a style that fits there is no bar, which is no reason to fail.
        let shown = Cell::new(!visible);
        Bar { bar, started: Instant::now(), shown, total: sizes.sum() }
    }

    fn show(&self) {
        self.shown.set(true);
        let (length, template) = match self.total {
            Some(total) => (Some(total), "{bytes} / {total_bytes}  {binary_bytes_per_sec}  ETA {eta}  {msg}"),
            None => (None, "{spinner} {bytes}  {binary_bytes_per_sec}  {msg}"),
        };
        if let Some(length) = length {
            self.bar.set_length(length);
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn read(&self, bytes: u64, events: u64, skipped: u64) {
        if !self.shown.get() && self.started.elapsed() > PATIENCE {
            self.show();
        }
        if self.shown.get() {
            self.bar.set_position(bytes);
            self.bar.set_message(format!("{} events  {} skipped", grouped(events), grouped(skipped)));
        }
    }
}
