//! Runs as `laggard report --format json` tells of them, one file each.

use std::collections::BTreeMap;
use std::fs;

use laggard::compare::latency::{Point, Runs, Sample, Sides, Statement};
use serde_json::Value;

/// Which number of a run is compared.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    Mean,
    Median,
}

/// All runs, on the baseline's side.
pub(crate) fn reports(paths: &[String], statistic: Statistic) -> Result<Runs, String> {
    let mut statements: BTreeMap<String, Vec<Option<Sample>>> = BTreeMap::new();
    let mut time_ms = Vec::new();
    for (at, path) in paths.iter().enumerate() {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let report: Value = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        let listed = report["statements"].as_array().ok_or_else(|| format!("{path}: no statements; is it a report as JSON?"))?;
        for statement in listed {
            let id = statement["id"].as_str().unwrap_or_default().to_owned();
            let samples = statements.entry(id).or_default();
            samples.resize(at, None);
            samples.push(sample(statement, statistic));
        }
        time_ms.push(report["totals"]["total_us"].as_f64().unwrap_or(0.0) / 1e3);
    }
    let count = paths.len();
    let statement = |mut samples: Vec<Option<Sample>>| {
        samples.resize(count, None);
        Statement { runs: Sides { baseline: samples, candidate: Vec::new() }, is_control: false }
    };
    Ok(Runs { statements: statements.into_values().map(statement).collect(), time_ms: Sides { baseline: time_ms, candidate: Vec::new() } })
}

fn sample(statement: &Value, statistic: Statistic) -> Option<Sample> {
    let number = |key: &str| statement[key].as_f64();
    let (calls, mean, deviation) = (statement["calls"].as_u64()?, number("mean_us")?, number("stddev_us")?);
    let error = deviation / mean / (calls as f64).sqrt();
    let typical = match statistic {
        Statistic::Mean => Some(mean),
        Statistic::Median => number("p50_us"),
    };
    let point = |us: f64| Point { ms: us / 1e3, error };
    let tail = (statistic == Statistic::Median).then(|| number("p95_us")).flatten();
    Some(Sample { calls, total_ms: number("total_us")? / 1e3, typical: typical.map(point), tail: tail.map(point) })
}
