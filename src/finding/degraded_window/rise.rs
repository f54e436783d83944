//! The statements that rose first: whose calls or mean latency, as a window began, were far above their own median before it.

use std::fmt;

use serde_json::{Value, json};

use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::Outline;
use crate::units::{Micros, grouped};
use crate::workload::timeline::{MINUTE, Timeline, start_of};
use crate::workload::{Key, Statement, Workload};

/// A first minute, and the first one behind.
pub(super) type Span = (u32, u32);

/// One statement that rose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rise {
    pub(super) statement: Fingerprint,
    /// What it does, for a sentence: its verb and table.
    what: String,
    /// The minute in which it was first seen to have risen.
    minute: u32,
    /// How many minutes its figures are of.
    width: u32,
    /// Calls in that minute, and their median before.
    calls: [u64; 2],
    /// Mean latency, likewise; `None` without calls.
    mean: [Option<Micros>; 2],
    /// Its time in the window beyond what is usual.
    added: Micros,
}

/// So many statements are told for a window.
const MOST: usize = 5;
/// So many stretches before a window say what is usual.
const BEFORE: u32 = 120;
/// Fewer say nothing.
const FEWEST_BEFORE: usize = 3;
/// As a window begins: the minute before it, its first and its second.
const FIRST: u32 = 3;
/// What rose is at least so many times what is usual.
const TIMES: u64 = 2;
/// With fewer calls more than usual their number did not rise.
const FEWEST_CALLS: u64 = 5;
/// What adds less than this part of what all add is left out.
const PART: u64 = 20;

/// What rose as the window at a place began; others of the windows are not what is usual.
pub(super) fn rises(workload: &Workload, at: usize, windows: &[Span], application: Option<&str>) -> Vec<Rise> {
    let Some(&window) = windows.get(at) else { return Vec::new() };
    let minutes = workload.service().minutes();
    let Some(begin) = minutes.stretches().first().map(|(number, _)| minutes.first_minute(*number)) else { return Vec::new() };
    let is_of = |statement: &Statement| {
        application.is_none_or(|name| workload.shares(statement, &Key::Application).iter().any(|(known, _)| known == name))
    };
    let mut rises: Vec<Rise> = workload.statements().filter_map(|s| rise(s, begin, window, windows).filter(|_| is_of(s))).collect();
    let all: Micros = rises.iter().map(|rise| rise.added).sum();
    rises.retain(|rise| rise.added.0.saturating_mul(PART) >= all.0 && rise.added.0 > 0);
    // The most costly of all are told, in the order in which they rose.
    rises.sort_by_key(|rise| (std::cmp::Reverse(rise.added), rise.statement));
    rises.truncate(MOST);
    rises.sort_by_key(|rise| (rise.minute, std::cmp::Reverse(rise.added), rise.statement));
    rises
}

/// What is usual of a statement in a stretch of its timeline.
struct Usual {
    calls: u64,
    mean: Option<Micros>,
    total: Micros,
}

fn rise(statement: &Statement, begin: u32, window: Span, windows: &[Span]) -> Option<Rise> {
    let timeline = &statement.timeline;
    let (from, to) = (timeline.number(window.0.saturating_sub(1)), timeline.number(window.1.saturating_sub(1)) + 1);
    let during = timeline.between(from, to);
    if during.is_empty() {
        return None;
    }
    let usual = usual(timeline, timeline.number(begin).max(from.saturating_sub(BEFORE))..from, windows)?;
    let rose = |calls: u64, mean: Option<Micros>| {
        let often = calls >= usual.calls * TIMES && calls >= usual.calls + FEWEST_CALLS;
        often || mean.zip(usual.mean).is_some_and(|(mean, usual)| mean.0 >= usual.0.max(1).saturating_mul(TIMES))
    };
    let (number, first) = timeline.between(from, to.min(from + FIRST)).iter().find(|(_, span)| rose(u64::from(span.calls), span.mean()))?;
    let total: Micros = during.iter().map(|(_, span)| span.total).sum();
    let expected = usual.total.0.saturating_mul(u64::from(to - from));
    Some(Rise {
        statement: statement.fingerprint,
        what: what(&statement.text),
        minute: timeline.first_minute(*number),
        width: timeline.minutes(),
        calls: [u64::from(first.calls), usual.calls],
        mean: [first.mean(), usual.mean],
        added: Micros(total.0.saturating_sub(expected)),
    })
}

/// The medians before a window, over stretches without calls too, but for those that belong to another window.
fn usual(timeline: &Timeline, before: std::ops::Range<u32>, windows: &[Span]) -> Option<Usual> {
    let is_bad = |number: u32| {
        let (first, behind) = (timeline.first_minute(number), timeline.first_minute(number + 1));
        // They are in order, and there may be thousands.
        let next = windows.partition_point(|(_, to)| *to <= first);
        windows.get(next).is_some_and(|(from, _)| *from < behind)
    };
    let good = before.clone().filter(|&number| !is_bad(number)).count();
    if good < FEWEST_BEFORE {
        return None;
    }
    let known: Vec<_> = timeline.between(before.start, before.end).iter().filter(|(number, _)| !is_bad(*number)).map(|(_, s)| s).collect();
    let mut means: Vec<u64> = known.iter().filter_map(|span| span.mean()).map(|mean| mean.0).collect();
    let over_all = |of: &dyn Fn(&crate::workload::timeline::Span) -> u64| {
        let mut values: Vec<u64> = known.iter().map(|span| of(span)).collect();
        values.resize(good.max(values.len()), 0);
        median(&mut values).unwrap_or(0)
    };
    Some(Usual {
        calls: over_all(&|span| u64::from(span.calls)),
        mean: median(&mut means).map(Micros),
        total: Micros(over_all(&|span| span.total.0)),
    })
}

/// The value of nearest rank in the middle.
fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().div_ceil(2).checked_sub(1)?).copied()
}

/// Verb and table of a statement.
fn what(text: &str) -> String {
    let verb: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let outline = Outline::of(text);
    outline.table().map_or_else(|| verb.clone(), |table| format!("{verb} on {table}"))
}

impl Rise {
    pub(super) fn data(&self) -> Value {
        let [calls, calls_usual] = self.calls;
        let [mean, mean_usual] = self.mean.map(|mean| mean.map(|mean| mean.0));
        json!({
            "statement": self.statement.to_string(), "at": start_of(self.minute).to_string(),
            "width_us": u64::from(self.width) * MINUTE.0, "calls": calls, "calls_usual": calls_usual,
            "mean_us": mean, "mean_usual_us": mean_usual, "added_us": self.added.0,
        })
    }
}

impl fmt::Display for Rise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [calls, calls_usual] = self.calls.map(grouped);
        let id = self.statement.to_string();
        let per = if self.width == 1 { "a minute".to_owned() } else { format!("in {} minutes", self.width) };
        write!(f, "{} {} at {}: {calls} calls {per} after {calls_usual}", &id[..6], self.what, start_of(self.minute))?;
        match self.mean {
            [Some(mean), Some(usual)] => write!(f, ", mean {mean} after {usual}")?,
            [Some(mean), None] => write!(f, ", mean {mean}, not called before")?,
            _ => {}
        }
        write!(f, ", {} more than usual", self.added)
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_of_nearest_rank() {
        assert_eq!([median(&mut []), median(&mut [4]), median(&mut [4, 2]), median(&mut [9, 1, 5])], [None, Some(4), Some(2), Some(5)]);
    }
}
