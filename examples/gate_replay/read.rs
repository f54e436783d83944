//! Runs as a gate takes them, and what rules on their latency look at.

use std::path::{Path, PathBuf};

use laggard::compare::Run;
use laggard::compare::facts::Shape;
use laggard::compare::latency::{Point, Runs, Sample, Sides, Statement};
use laggard::{Input, Settings, finding};

/// Which number of a run is compared.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    Mean,
    Median,
}

/// A file, or the two snapshots around a run with a comma between them.
pub(crate) fn run(name: &str) -> Result<Run, String> {
    let is_one = Path::new(name).exists();
    let paths = if is_one { vec![name] } else { name.split(',').collect() };
    let inputs = paths.into_iter().map(|path| Input::File(PathBuf::from(path))).collect();
    let reading = laggard::read(inputs, &Settings::default()).map_err(|error| format!("{name}: {error}"))?;
    match reading.errors.first() {
        Some(error) => Err(format!("{name}: {error}")),
        None => Ok(laggard::run(name.to_owned(), &reading, &finding::Options::default())),
    }
}

/// All runs on the baseline's side.
pub(crate) fn pool(runs: &[Run], statistic: Statistic) -> Runs {
    let ids: std::collections::BTreeSet<_> = runs.iter().flat_map(|run| run.shapes.keys().copied()).collect();
    let statement = |id| {
        let baseline = runs.iter().map(|run| run.shapes.get(&id).and_then(|shape| sample(shape, statistic))).collect();
        Statement { runs: Sides { baseline, candidate: Vec::new() }, is_control: false }
    };
    let time_ms = Sides { baseline: runs.iter().map(|run| run.total() / 1e3).collect(), candidate: Vec::new() };
    Runs { statements: ids.into_iter().map(statement).collect(), time_ms, are_apart: false }
}

fn sample(shape: &Shape, statistic: Statistic) -> Option<Sample> {
    let (mean, deviation) = (shape.mean?, shape.deviation?);
    let error = deviation / mean / (shape.timed as f64).sqrt();
    let point = |us: f64, error: f64| Point { ms: us / 1e3, error };
    let [of_median, of_tail] = shape.errors;
    // Counters tell no percentiles.
    let percentiles = shape.p50.zip(shape.p95).filter(|_| statistic == Statistic::Median);
    let (typical, tail) = percentiles.map_or((point(mean, error), None), |(p50, p95)| (point(p50, of_median), Some(point(p95, of_tail))));
    Some(Sample {
        calls: shape.timed,
        total_ms: mean * shape.timed as f64 / 1e3,
        usual_ms: shape.usual.filter(|_| percentiles.is_some()).map(|us| us / 1e3),
        typical: Some(typical),
        tail,
    })
}
