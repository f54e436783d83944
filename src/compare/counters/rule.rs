//! The one condition of all counters, and the change that it makes.

use crate::units::grouped;

use super::super::matched::{Pair, Values};
use super::super::policy::{Level, Limit};
use super::super::{Change, Evidence, Judgement, Metric};
use super::chance::Trial;

/// A rule as it holds for one metric.
pub(super) struct Counter {
    pub(super) rule: &'static str,
    pub(super) metric: Metric,
    /// What is counted, in words: `blocks per call`.
    pub(super) unit: &'static str,
    pub(super) limit: Limit,
}

impl Counter {
    /// Whether it is worse or better, if either: `min(B) > max(A)·(1 + relative)` and `min(B) − max(A) ≥ absolute`, or the same
    /// with the sides changed.
    pub(super) fn judged(&self, values: &Values) -> Option<Judgement> {
        let is_far = |(low, high): (f64, f64)| high > low * (1.0 + self.limit.relative) && high - low >= self.limit.absolute;
        match () {
            () if self.limit.level == Level::Off => None,
            () if values.gap_above().is_some_and(is_far) => Some(Judgement::Regressed),
            () if values.gap_below().is_some_and(is_far) => Some(Judgement::Improved),
            () => None,
        }
    }

    /// What is counted of a statement, and its change if the values are far enough apart. `from` and `to` are what is told of either
    /// side.
    pub(super) fn trial(&self, pair: &Pair<'_>, values: Values, sides: [f64; 2]) -> Trial {
        let change = self.change(pair, &values, sides);
        Trial { metric: self.metric, limit: self.limit, values, change }
    }

    fn change(&self, pair: &Pair<'_>, values: &Values, [from, to]: [f64; 2]) -> Option<Change> {
        let verdict = self.judged(values)?;
        let ratio = (from > 0.0).then(|| to / from);
        Some(Change {
            rule: self.rule,
            metric: self.metric,
            level: self.limit.level,
            statement: Some(pair.statement),
            title: format!("{} {} → {}{}", self.unit, number(from), number(to), ratio.map(times).unwrap_or_default()),
            baseline: Some(from),
            candidate: Some(to),
            ratio,
            calls: pair.all_calls(),
            runs: pair.runs(),
            evidence: vec![Evidence { kind: "counter", text: ranges(self.unit, values) }],
            ..empty(verdict)
        })
    }
}

/// A change for the worse that these values do not bear out: it is told and not held against anybody.
pub(super) fn doubted(change: Change, why: &str) -> Option<Change> {
    let mut change = Change { verdict: Judgement::Inconclusive, level: change.level.min(Level::Info), ..change };
    (change.baseline < change.candidate).then(|| {
        change.evidence.push(Evidence { kind: "doubt", text: why.to_owned() });
        change
    })
}

/// A change of which nothing is known yet.
pub(in crate::compare) fn empty(verdict: Judgement) -> Change {
    Change {
        rule: "",
        metric: Metric::Presence,
        level: Level::Info,
        statement: None,
        subject: None,
        title: String::new(),
        baseline: None,
        candidate: None,
        ratio: None,
        interval: None,
        p: None,
        q: None,
        detectable: None,
        calls: [0; 2],
        runs: [0; 2],
        verdict,
        evidence: Vec::new(),
        suppressed: None,
    }
}

/// `, 2.40 times`.
fn times(ratio: f64) -> String {
    if ratio >= 1.0 { format!(", {} times", number(ratio)) } else { format!(", {:.0} % less", (1.0 - ratio) * 100.0) }
}

/// The values of all runs.
fn ranges(unit: &str, values: &Values) -> String {
    format!("{unit}: {} in the baseline, {} in the candidate", range(&values.baseline), range(&values.candidate))
}

fn range(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &v| (low.min(v), high.max(v)));
    let runs = if values.len() > 1 { format!(" ({} runs)", values.len()) } else { String::new() };
    if low < high { format!("{} to {}{runs}", number(low), number(high)) } else { format!("{}{runs}", number(high)) }
}

/// A whole number as it is, another one with three digits.
pub(in crate::compare) fn number(value: f64) -> String {
    let rounded = value.round();
    if (value - rounded).abs() < 1e-9 || rounded.abs() >= 1_000.0 {
        let magnitude = grouped(crate::units::Micros::floor(rounded.abs()).0);
        return if rounded < 0.0 { format!("-{magnitude}") } else { magnitude };
    }
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(baseline: &[f64], candidate: &[f64]) -> Values {
        Values { baseline: baseline.to_vec(), candidate: candidate.to_vec() }
    }

    #[test]
    fn both_the_share_and_the_amount_must_be_reached() {
        let limit = Limit { level: Level::Error, relative: 0.2, absolute: 10.0 };
        let counter = Counter { rule: "buffers-per-call", metric: Metric::Buffers, unit: "blocks per call", limit };
        for (baseline, candidate, expected) in [
            // 120 is not more than 100 and a fifth, 121 is.
            (&[90.0, 100.0][..], &[120.0, 500.0][..], None),
            (&[90.0, 100.0], &[121.0, 500.0], Some(Judgement::Regressed)),
            // Many times as much, but not 10.
            (&[1.0], &[10.9], None),
            (&[1.0], &[11.0], Some(Judgement::Regressed)),
            // One candidate run among those of the baseline.
            (&[90.0, 100.0], &[95.0, 500.0], None),
            (&[121.0, 500.0], &[90.0, 100.0], Some(Judgement::Improved)),
            (&[120.0, 500.0], &[90.0, 100.0], None),
            (&[0.0], &[10.0], Some(Judgement::Regressed)),
        ] {
            assert_eq!(counter.judged(&values(baseline, candidate)), expected, "{baseline:?} {candidate:?}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 12.0, 1_304.4, 176.25, 12.34, 1.206, 0.0123].map(number),
            ["0", "12", "1\u{2009}304", "176", "12.3", "1.21", "0.0123"]
        );
    }
}
