//! Minutes in which an objective of latency was missed, or in which nothing succeeded, and what rose or failed first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Timestamp;
use crate::workload::Objective;
use crate::workload::timeline::{Series, start_of};

use super::{Context, Finding, Meta, Options, Rule, Severity, fits};

mod missed;
mod outage;
mod rise;

/// See the module.
pub(super) struct DegradedWindow;

static META: Meta = Meta {
    id: "degraded-window",
    title: "An objective of latency was missed, or nothing succeeded, for minutes",
    severity: Severity::High,
    what: "Minutes in which a percentile of all calls, or of those of one application, was above the objective given with --slo \
           or in laggard.toml; and, without any option, minutes in which statements failed and none succeeded. Minutes that \
           follow each other, or have one good one between them, are one window. Minutes with too few calls for the percentile \
           (fewer than 20, for p99 fewer than 100) are not judged. The statements whose calls or mean latency rose first, \
           against their own median before the window, are told beside it: they rose with it, which does not make them its cause.",
    why: "It is what users saw, and its beginning is where to look: the plan, the lock, the job or the release of that minute.",
    example: "laggard report pg.log --slo p95=200ms --slo checkout:p99=1s",
    remedy: "Look at what rose first: laggard explain STATEMENT tells its calls and latency over time. If only its calls rose, look at \
             who sent them; if only its latency did, at locks, plans and the server's load in the minute before.",
    ignore: "Nightly jobs that nobody waits for: give the objective to the application that people use.",
    accepts: fits::<Chosen>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Chosen {
    /// Objectives as `--slo` takes them, in addition to its own.
    objectives: Vec<Written>,
    /// Windows of failures alone with fewer of them are no outages.
    min_failures: u64,
}

impl Default for Chosen {
    fn default() -> Self {
        Chosen { objectives: Vec::new(), min_failures: 5 }
    }
}

/// An objective as it is written.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Written(#[schemars(with = "String")] Objective);

impl From<Written> for String {
    fn from(written: Written) -> String {
        written.0.to_string()
    }
}

impl TryFrom<String> for Written {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Written).map_err(|error: String| format!("{text}: {error}"))
    }
}

/// The objectives of latency that options ask for.
pub(super) fn objectives(options: &Options) -> Vec<Objective> {
    options.of_rule::<Chosen>(META.id).objectives.into_iter().map(|written| written.0).collect()
}

impl Rule for DegradedWindow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Chosen = context.options(META.id);
        let workload = context.workload;
        let missed = workload.service().objectives().iter().filter_map(|(objective, judged)| missed::finding(workload, objective, judged));
        missed.chain(outage::finding(workload, options.min_failures)).collect()
    }
}

/// Bad stretches of time that follow each other, or have one good one between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    /// The number of the first stretch.
    first: u32,
    /// The number of the last.
    last: u32,
    /// How many of them are bad.
    bad: u32,
}

impl Window {
    /// The windows of bad stretches, which are in order.
    fn of(bad: &[u32]) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        for &number in bad {
            match windows.last_mut() {
                Some(window) if number - window.last <= 2 => (window.last, window.bad) = (number, window.bad + 1),
                _ => windows.push(Window { first: number, last: number, bad: 1 }),
            }
        }
        windows
    }

    /// The first minute, and the first one behind it.
    fn minutes<T>(&self, series: &Series<T>) -> (u32, u32) {
        (series.first_minute(self.first), series.first_minute(self.last + 1))
    }
}

/// So many windows are told one by one, the first ones.
const MOST_WINDOWS: usize = 100;

/// When minutes begin and end.
fn period((from, to): (u32, u32)) -> (Timestamp, Timestamp) {
    (start_of(from), start_of(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_minute_does_not_end_a_window_and_two_do() {
        assert_eq!(Window::of(&[3, 5, 6, 9]), [Window { first: 3, last: 6, bad: 3 }, Window { first: 9, last: 9, bad: 1 }]);
        assert_eq!(Window::of(&[]), []);
    }
}
