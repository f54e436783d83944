//! The whole gate as it ships, on runs that are alike, and on one that is not.

use laggard::compare::stats::proportion::upper_limit;
use laggard::compare::stats::random::Random;
use laggard::compare::{Comparison, Policy, Run, compare};

/// What failed builds.
#[derive(Default)]
struct Failed {
    counters: u64,
    latency: u64,
    any: u64,
    refused: u64,
}

impl Failed {
    fn add(&mut self, comparison: &Comparison, policy: &Policy) {
        let by = |is_time: bool| comparison.changes.iter().any(|change| change.fails(policy) && change.metric.is_time() == is_time);
        let (counters, latency, refused) = (by(false), by(true), !comparison.reasons.is_empty());
        self.counters += u64::from(counters);
        self.latency += u64::from(latency);
        self.refused += u64::from(refused);
        self.any += u64::from(counters || latency || refused);
    }
}

/// How often runs that are alike fail, in so many deals, and if all of the candidate's take twice as long.
pub(crate) fn table(runs: &mut [Run], trials: u64) {
    println!(
        "| laggard as it ships | by counters | by latency | by either (95 % limit) | on a machine twice as slow |\n|---|---|---|---|---|"
    );
    for per_side in [1, 3, 5, 10] {
        if 2 * per_side > runs.len() {
            continue;
        }
        let (policy, mut random) = (Policy::default(), Random::new(1));
        let (mut alike, mut slower) = (Failed::default(), Failed::default());
        for _ in 0..trials {
            random.shuffle(runs);
            let (baseline, candidate) = runs[..2 * per_side].split_at(per_side);
            let comparison = compare(baseline, candidate, &policy);
            alike.add(&comparison, &policy);
            let twice: Vec<Run> = candidate.iter().map(|run| slow(run, 2.0)).collect();
            slower.add(&compare(baseline, &twice, &policy), &policy);
            if alike.any + slower.any <= SHOWN {
                show(&comparison, &policy);
            }
        }
        let Failed { counters, latency, any, refused } = alike;
        let limit = 100.0 * upper_limit(any, trials, 0.05);
        let note = if refused > 0 { format!(", {refused} not compared") } else { String::new() };
        println!("| {per_side} and {per_side} | {counters} | {latency} | {any} of {trials} (<{limit:.1} %){note} | {} |", slower.any);
    }
    println!();
}

/// So many failures are told as they come.
const SHOWN: u64 = 5;

fn show(comparison: &Comparison, policy: &Policy) {
    comparison.reasons.iter().for_each(|reason| eprintln!("  {reason}"));
    for change in comparison.changes.iter().filter(|change| change.fails(policy)) {
        let text = change.statement.and_then(|id| comparison.texts.get(&id)).map_or("", String::as_str);
        eprintln!("  {}: {} [{text}]", change.rule, change.title);
    }
}

/// The same run on a machine that takes so many times as long.
fn slow(run: &Run, factor: f64) -> Run {
    let mut run = run.clone();
    run.window = None;
    for shape in run.shapes.values_mut() {
        shape.total *= factor;
        for value in [&mut shape.mean, &mut shape.deviation, &mut shape.p50, &mut shape.usual, &mut shape.p95, &mut shape.max] {
            value.iter_mut().for_each(|value| *value *= factor);
        }
    }
    run
}

/// By what a changed run fails against each run alone that is like the others, and against all of them.
pub(crate) fn against(changed: &Run, runs: &[Run]) {
    let policy = Policy::default();
    let mut failed = Failed::default();
    let mut rules = std::collections::BTreeMap::new();
    for run in runs {
        let comparison = compare(std::slice::from_ref(run), std::slice::from_ref(changed), &policy);
        failed.add(&comparison, &policy);
        for change in comparison.changes.iter().filter(|change| change.fails(&policy)) {
            *rules.entry(change.rule).or_insert(0) += 1;
        }
    }
    let rules: Vec<String> = rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    println!(
        "- laggard as it ships, 1 and 1: {} of {} by counters, {} by latency ({})",
        failed.counters,
        runs.len(),
        failed.latency,
        rules.join(", ")
    );
}
