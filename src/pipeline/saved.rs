//! Saved workloads among the inputs: read as a whole, and added to what comes of the others.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::event::Holds;
use crate::saved;
use crate::workload::{Filter, InputSummary, Reading, Rules};

use super::Settings;
use super::opened::{Once, Opened, broken, unpacked};

/// Reads saved workloads, in the order of their times. What cannot be read is told with the others.
pub(super) fn open(inputs: Vec<Opened>, reading: &mut Reading) -> Vec<(PathBuf, Reading)> {
    let mut all = Vec::new();
    for input in inputs {
        let path = input.input.path();
        match read(input) {
            Ok(saved) => all.push((path, saved)),
            Err(error) => reading.errors.push(error),
        }
    }
    all.sort_by_key(|(_, saved)| (saved.workload.window().is_none(), saved.workload.window()));
    all
}

fn read(input: Opened) -> Result<Reading, Error> {
    let path = input.input.path();
    let Once { head, rest, failed } = match input.once {
        Some(once) => once,
        None => Once { head: Vec::new(), rest: unpacked(&input.input)?, failed: None },
    };
    let (packing, consumed) = (rest.packing, Arc::clone(&rest.consumed));
    let rest: Box<dyn Read> = if failed.is_some() { Box::new(io::empty()) } else { Box::new(rest) };
    let read = saved::read(&path, io::Cursor::new(head).chain(rest));
    match (read, failed) {
        (_, Some(reason)) | (Err(Error::Io { source: reason, .. }), None) => Err(broken(&path, packing, &consumed, &reason)),
        (read, None) => read,
    }
}

/// How all inputs are folded: as the saved ones were, which is decided, if the settings do not ask for something else.
///
/// # Errors
/// If a setting asks for what cannot be had of saved workloads, or these do not belong together.
pub(super) fn rules(settings: &Settings, saved: &[(PathBuf, Reading)]) -> Result<Rules, Error> {
    let Some((path, first)) = saved.first() else { return Ok(settings.rules.clone()) };
    let refused = |path: &Path, reason: String| Err(Error::Saved { path: path.to_path_buf(), reason });
    let was = first.workload.rules();
    let wanted = &settings.rules;
    let cannot = |what: &str| refused(path, format!("a saved workload is added up already, so {what} must be given when it is saved"));
    if !wanted.filter.is_open() {
        return cannot("--since, --until, --last, --app, --user, --database, --host and --statement");
    }
    if wanted.by.is_some() && wanted.by != was.by {
        return cannot("--by");
    }
    if wanted.measure != was.measure && wanted.measure != Rules::default().measure {
        return cannot("--latency");
    }
    if !wanted.objectives.is_empty() && wanted.objectives != was.objectives {
        return cannot("objectives (--slo, or those of laggard.toml, which --no-config leaves out)");
    }
    for (other, reading) in &saved[1..] {
        if let Some(reason) = was.unlike(reading.workload.rules()) {
            return refused(other, format!("it cannot be added to {}: {reason}", path.display()));
        }
    }
    let filter = Filter { since: None, until: None, ..was.filter.clone() };
    Ok(Rules { filter, without_findings: wanted.without_findings, ..was.clone() })
}

/// Adds saved workloads to what was read of other inputs, whose log has ended. Alone they keep the times that they are of.
pub(super) fn add(saved: Vec<(PathBuf, Reading)>, reading: &mut Reading) {
    let is_same = |a: &InputSummary, b: &InputSummary| {
        let what = |input: &InputSummary| (input.path.file_name().map(ToOwned::to_owned), input.bytes, input.records, input.holds);
        a.holds == Holds::Events && a.records > 0 && what(a) == what(b)
    };
    let known: Vec<&InputSummary> = saved.iter().flat_map(|(_, saved)| &saved.inputs).collect();
    let doubled = reading.inputs.iter().filter(|read| known.iter().any(|known| is_same(read, known)));
    reading.doubled = doubled.map(|read| read.path.clone()).collect();
    if reading.inputs.is_empty() {
        let times: Vec<_> =
            saved.iter().map(|(_, saved)| &saved.workload.rules().filter).map(|filter| (filter.since, filter.until)).collect();
        reading.workload.limit_to(
            times.iter().map(|(since, _)| *since).reduce(|a, b| a.zip(b).map(|(a, b)| a.min(b))).flatten(),
            times.iter().map(|(_, until)| *until).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten(),
        );
    }
    for (_, saved) in saved {
        reading.workload.merge(saved.workload);
        reading.inputs.extend(saved.inputs);
        reading.errors.extend(saved.errors);
        reading.repeated.extend(saved.repeated);
        reading.twins.extend(saved.twins);
        reading.astray.extend(saved.astray);
        reading.strangers.extend(saved.strangers);
        reading.is_limited |= saved.is_limited;
    }
}
