//! A gate tried on runs that are well, as a report of it.

use crate::compare::calibrate::Rate;
use crate::compare::latency::Family;
use crate::compare::rehearsal::Rehearsal;
use crate::compare::{Metric, Policy};

use super::super::calibration::{AlarmLine, CalibrationReport, NoiseLine, RateLine, RunLine, SightLine, UntestedLine};

/// The report of a rehearsal with runs of these names, calls and numbers of statements.
#[must_use]
pub fn calibration_report(rehearsal: &Rehearsal, runs: Vec<RunLine>, policy: &Policy, gate_file: Option<String>) -> CalibrationReport {
    let count = |needed: [Option<usize>; 2]| needed.map(|runs| runs.map(|runs| runs as u64));
    let alarms = &rehearsal.alarms;
    let noise = rehearsal.families.iter().map(|noise| NoiseLine {
        metric: metric(noise.family).name(),
        of: of(noise.family, rehearsal),
        statements: noise.statements as u64,
        shift: noise.common,
        deviation: noise.deviation,
        needed: count(noise.needed),
    });
    let statements = rehearsal.statements.iter().map(|seen| SightLine {
        statement: seen.statement.to_string(),
        text: seen.text.clone(),
        metric: seen.metric.name(),
        share: seen.share,
        deviation: seen.sight.deviation,
        detectable: Some(seen.sight.detectable).filter(|share| share.is_finite()),
        needed: count(seen.sight.needed),
    });
    let untested = rehearsal.untested.iter().map(|&(metric, reason, count)| UntestedLine { metric: metric.name(), reason, count });
    CalibrationReport {
        reasons: rehearsal.reasons.iter().map(ToString::to_string).collect(),
        runs,
        gate_file,
        alarms: AlarmLine {
            per_side: alarms.per_side as u64,
            splits: alarms.splits,
            is_all: alarms.is_all,
            latency: rate(&alarms.latency),
            others: rate(&alarms.others),
            any: rate(&alarms.any),
            inconclusive: alarms.inconclusive,
        },
        noise: noise.collect(),
        statements: statements.collect(),
        untested: untested.collect(),
        margin: policy.latency.min_effect,
        min_runs: policy.latency.min_runs as u64,
    }
}

fn metric(family: Family) -> Metric {
    match family {
        Family::Typical => Metric::Latency,
        Family::Tail => Metric::LatencyTail,
    }
}

/// What is compared, in a word.
fn of(family: Family, rehearsal: &Rehearsal) -> &'static str {
    match family {
        Family::Tail => "p95",
        Family::Typical if rehearsal.has_medians => "median",
        Family::Typical => "mean",
    }
}

fn rate(rate: &Rate) -> RateLine {
    RateLine { failed: rate.failed, upper: rate.upper }
}
