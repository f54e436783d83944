//! What took time: the facts of statements as [`latency`](super::latency) takes them, and its tests as changes.

use crate::units::{Micros, counted};

use super::counters::rule::{empty, number};
use super::facts::Shape;
use super::latency::{self, Family, Ineligible, Point, Reason, Runs, Sample, Sides, Statement, Test, Verdict, Warning};
use super::matched::{Matched, Pair};
use super::policy::{Level, Policy};
use super::{Change, Comparison, Evidence, Judgement, Metric, Side, Tests, Untested, turns};

const MS: f64 = 1_000.0;

/// The rule on what all statements did alike.
pub(super) const GLOBAL: &str = "global-shift";

/// Adds what tests of latency say to what was counted.
pub(super) fn judge(comparison: &mut Comparison, matched: &Matched<'_>, policy: &Policy) {
    let has_medians = has_medians(matched);
    let runs = runs(matched, has_medians, policy);
    let outcome = latency::compare(&runs, &policy.latency);
    comparison.notes.extend(few_controls(&runs, &outcome, policy));
    comparison.shift = outcome.shift();
    comparison.tests = Tests { count: outcome.tests.len(), rate: outcome.level, margin: policy.latency.min_effect };
    let changes: Vec<Change> = outcome
        .tests
        .iter()
        .filter_map(|test| Some(change(test, matched.pairs.get(test.statement)?, comparison, &Told { policy, has_medians })))
        .filter(|change| change.level > Level::Off)
        .collect();
    comparison.changes.extend(changes);
    comparison.changes.extend(outcome.warnings.iter().filter_map(|warning| shifted(warning, matched, policy)));
    comparison.notes.extend(outcome.warnings.iter().filter_map(note));
    comparison.notes.extend(needed(&outcome.tests, [matched.baseline.len(), matched.candidate.len()], policy));
    for untested in &outcome.untested {
        let Some(pair) = matched.pairs.get(untested.statement).filter(|pair| pair.is_on_both()) else { continue };
        // Without percentiles there is no tail to speak of.
        let is_tail = untested.family == Family::Tail;
        if let Some(reason) = reason(untested.why).filter(|_| !is_tail || has_medians) {
            comparison.untested.push(Untested { statement: pair.statement, metric: metric(untested.family), reason });
        }
    }
}

/// Whether every run tells of percentiles, as logs do.
pub(super) fn has_medians(matched: &Matched<'_>) -> bool {
    matched.all().all(|(_, run)| run.shapes.values().any(|shape| shape.p50.is_some()))
}

pub(super) fn metric(family: Family) -> Metric {
    match family {
        Family::Typical => Metric::Latency,
        Family::Tail => Metric::LatencyTail,
    }
}

/// Why a statement was not tested; `None` if that is of no interest.
pub(super) fn reason(why: Ineligible) -> Option<&'static str> {
    match why {
        Ineligible::Absent => Some("are not in every run"),
        Ineligible::FewCalls => Some("have too few calls in a run"),
        Ineligible::Short => Some("are too short to be measured"),
        Ineligible::LittleTime => Some("take too little of the time"),
        Ineligible::Unknown => Some("have no latency in a run"),
    }
}

pub(super) fn runs(matched: &Matched<'_>, has_medians: bool, policy: &Policy) -> Runs {
    let statement = |pair: &Pair<'_>| {
        let side = |side: Side| pair.of(side).iter().map(|shape| shape.map(|shape| sample(shape, has_medians))).collect();
        let is_control = pair.any().is_some_and(|shape| policy.controls.have(pair.statement, &shape.tables));
        Statement { runs: Sides { baseline: side(Side::Baseline), candidate: side(Side::Candidate) }, is_control }
    };
    let time = |side: Side| matched.runs(side).iter().map(|run| run.total() / MS).collect();
    Runs {
        statements: matched.pairs.iter().map(statement).collect(),
        time_ms: Sides { baseline: time(Side::Baseline), candidate: time(Side::Candidate) },
        are_apart: turns::lie_apart(matched),
    }
}

/// What a run says of a statement: of a log the median and the 95th percentile, of counters the mean.
fn sample(shape: &Shape, has_medians: bool) -> Sample {
    let point = |value: Option<f64>, error: f64| value.map(|us| Point { ms: us / MS, error });
    let error =
        shape.mean.zip(shape.deviation).filter(|(mean, _)| *mean > 0.0).map_or(0.0, |(mean, s)| s / mean / (shape.timed as f64).sqrt());
    let [median, tail] = shape.errors;
    // Both are of the calls that waited for no lock, whose number the mean is of; the time of the others is not theirs.
    Sample {
        calls: shape.timed,
        total_ms: shape.mean.map_or(shape.total, |mean| mean * shape.timed as f64) / MS,
        usual_ms: shape.usual.filter(|_| has_medians).map(|us| us / MS),
        typical: if has_medians { point(shape.p50, median) } else { point(shape.mean, error) },
        tail: if has_medians { point(shape.p95, tail) } else { None },
    }
}

/// What changes of latency are told by.
struct Told<'p> {
    policy: &'p Policy,
    has_medians: bool,
}

fn change(test: &Test, pair: &Pair<'_>, comparison: &Comparison, told: &Told<'_>) -> Change {
    let metric = metric(test.family);
    let rule = if metric == Metric::Latency { "latency" } else { "latency-tail" };
    let borne_out = comparison.changes.iter().any(|other| {
        let dearer = matches!(other.metric, Metric::Rows | Metric::Buffers | Metric::Temp | Metric::Plan);
        other.statement == Some(pair.statement) && dearer && other.verdict == Judgement::Regressed && other.level > Level::Info
    });
    let verdict = match if borne_out { test.corroborated } else { test.verdict } {
        Verdict::Regressed => Judgement::Regressed,
        Verdict::Ok => Judgement::Ok,
        Verdict::Improved => Judgement::Improved,
        Verdict::Inconclusive => Judgement::Inconclusive,
    };
    let word = match (test.family, told.has_medians) {
        (Family::Tail, _) => "p95",
        (Family::Typical, true) => "median",
        (Family::Typical, false) => "mean",
    };
    let values = [Side::Baseline, Side::Candidate].map(|side| middle(pair, side, test.family, told.has_medians));
    let title = match values {
        [Some(from), Some(to)] => {
            format!("{word} {} → {}, {} times", Micros::floor(from.round()), Micros::floor(to.round()), number(test.ratio()))
        }
        _ => format!("{word} {} times", number(test.ratio())),
    };
    Change {
        rule,
        metric,
        level: told.policy.limit(rule).level,
        statement: Some(pair.statement),
        title,
        baseline: values[0],
        candidate: values[1],
        ratio: Some(test.ratio()),
        interval: Some((test.interval[0], test.interval[1])),
        p: Some(test.p).filter(|_| verdict != Judgement::Improved),
        q: Some(if verdict == Judgement::Improved { test.q_improved } else { test.q }),
        detectable: Some(1.0 + test.detectable),
        calls: pair.all_calls(),
        runs: pair.runs(),
        evidence: evidence(test, told.policy, verdict),
        ..empty(verdict)
    }
}

/// The geometric mean over runs, in microseconds.
fn middle(pair: &Pair<'_>, side: Side, family: Family, has_medians: bool) -> Option<f64> {
    let of = |shape: &&Shape| match family {
        Family::Tail => shape.p95,
        Family::Typical => shape.p50.filter(|_| has_medians).or(shape.mean),
    };
    let logs: Vec<f64> = pair.of(side).iter().flatten().filter_map(of).filter(|&us| us > 0.0).map(f64::ln).collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

/// A probability as people write it: what is below a thousandth, or as near to one, is no number that means more.
fn rate(name: &str, value: f64) -> String {
    match value {
        value if value < 0.001 => format!("{name} < 0.001"),
        value if value > 0.999 => format!("{name} > 0.999"),
        value => format!("{name} = {value:.3}"),
    }
}

fn evidence(test: &Test, policy: &Policy, verdict: Judgement) -> Vec<Evidence> {
    let options = &policy.latency;
    let added = Micros::floor((test.times.added_ms.abs() * MS).round());
    let more = if test.times.added_ms >= 0.0 { "more" } else { "less" };
    let chance = if verdict == Judgement::Improved {
        format!("{} of all tests", rate("q", test.q_improved))
    } else {
        format!(
            "chance of being slower by no more than {:.0} %: {}, {} of all tests",
            options.min_effect * 100.0,
            rate("p", test.p),
            rate("q", test.q)
        )
    };
    let mut evidence = vec![Evidence {
        kind: "test",
        text: format!("{added} {more} in a run, {:.1} % of it; {chance}", test.times.added_share.abs() * 100.0),
    }];
    let text = match test.reason {
        Some(Reason::FewRuns) => Some(format!(
            "with fewer than {} on a side only {} times as long fails by itself",
            counted(options.min_runs as u64, "run"),
            options.plain
        )),
        Some(Reason::NoTurns) => Some(format!(
            "the runs of both sides did not take turns, and a busier hour looks the same: only what is surely slower by more than {:.0} % fails by itself",
            options.tolerance * 100.0
        )),
        Some(Reason::Divided) => Some(format!(
            "its mean only {} times: the median lies between fast calls and slow ones, and jumps",
            number(test.times.mean_ratio)
        )),
        Some(Reason::LittleTime) => Some("too little time to matter".to_owned()),
        Some(Reason::FewStatements) => Some("too few statements to tell it from a slower machine".to_owned()),
        Some(Reason::Noise) => Some(format!("{} times as long would have been seen", number(1.0 + test.detectable))),
        None => None,
    };
    evidence.extend(text.map(|text| Evidence { kind: "doubt", text }));
    evidence
}

/// A slowdown that a gate should see, as a share.
const WORTH_SEEING: f64 = 0.5;

/// How many runs on each side would have shown [`WORTH_SEEING`] in most of the tests that noise left open.
fn needed(tests: &[Test], runs: [usize; 2], policy: &Policy) -> Option<String> {
    let open = tests.iter().filter(|test| matches!(test.reason, Some(Reason::Noise | Reason::FewRuns)));
    let most = latency::MAX_RUNS + 1;
    let mut all: Vec<usize> = open.map(|test| test.needed(WORTH_SEEING, runs, tests.len(), &policy.latency).unwrap_or(most)).collect();
    all.sort_unstable();
    let runs = *all.get(all.len() / 2)?;
    let runs = if runs < most { format!("about {runs}") } else { format!("more than {}", latency::MAX_RUNS) };
    let count = counted(all.len() as u64, "test");
    Some(format!("{count} of latency could not be decided: {runs} runs on each side would show {:.0} % more in most", WORTH_SEEING * 100.0))
}

/// A whole run that is slower is a change of its own.
fn shifted(warning: &Warning, matched: &Matched<'_>, policy: &Policy) -> Option<Change> {
    let Warning::Shifted { ratio } = warning else { return None };
    let asked = policy.limit(GLOBAL).level;
    let why = match turns::taken(matched) {
        Some(false) => Some("the runs of both sides did not take turns"),
        _ if !policy.is_interleaved => Some("the gate file does not say interleaved = true"),
        _ => None,
    };
    let level = if why.is_some() { asked.min(Level::Warn) } else { asked };
    let doubt = why.filter(|_| level < asked).map(|why| Evidence {
        kind: "doubt",
        text: format!("{why}, so that a busier hour or another machine looks the same: a warning, which fails nothing"),
    });
    let busier = "half of all statements are slower by so much or more: a busier machine, or a change that hit all of them";
    (level > Level::Off).then(|| Change {
        rule: GLOBAL,
        metric: Metric::Latency,
        level,
        title: format!("a usual statement takes {} times as long", number(*ratio)),
        ratio: Some(*ratio),
        runs: [matched.baseline.len(), matched.candidate.len()],
        evidence: [Evidence { kind: "test", text: busier.to_owned() }].into_iter().chain(doubt).collect(),
        ..empty(Judgement::Regressed)
    })
}

/// Controls are used if there are enough of them; that there are not is told.
fn few_controls(runs: &Runs, outcome: &latency::Outcome, policy: &Policy) -> Option<String> {
    let fitted = outcome.fitted.first().filter(|fitted| fitted.controls == 0 && !policy.controls.is_empty())?;
    let is_control = |test: &&Test| test.family == fitted.family && runs.statements.get(test.statement).is_some_and(|s| s.is_control);
    let count = counted(outcome.tests.iter().filter(is_control).count() as u64, "control");
    let least = policy.latency.min_controls;
    Some(format!("{count} could be tested and {least} are needed, so the shift of the whole run is that of all statements"))
}

fn note(warning: &Warning) -> Option<String> {
    match warning {
        Warning::Shifted { .. } => None,
        Warning::ManyRegressed { share } => Some(format!(
            "{:.0} % of the tested statements are slower, so that the shift of the whole run may hide some of it",
            share * 100.0
        )),
        Warning::FewStatements { tested } => Some(format!(
            "only {} could be tested, too few to tell a slower statement from a slower machine",
            counted(*tested as u64, "statement")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn probabilities_are_written_as_people_do() {
        let told = [1.0e-76, 0.0, 0.000_999, 0.001, 0.034_2, 0.5, 0.999_5, 1.0].map(|p| rate("p", p));
        assert_eq!(
            told.each_ref().map(String::as_str),
            ["p < 0.001", "p < 0.001", "p < 0.001", "p = 0.001", "p = 0.034", "p = 0.500", "p > 0.999", "p > 0.999"]
        );
    }
}
