use super::*;
use crate::compare::latency::{Ineligible, Point, Verdict};

/// Twelve statements with noise of this deviation.
fn runs(count: usize, deviation: f64) -> Runs {
    let mut random = Random::new(11);
    let common: Vec<f64> = (0..count).map(|_| 0.2 * random.normal()).collect();
    let statements = (1..=12).map(|ms| {
        let samples = common.iter().map(|common| {
            let ms = f64::from(ms) * (common + deviation * random.normal()).exp();
            let point = Some(Point { ms, error: 0.01 });
            Some(Sample { calls: 40, total_ms: ms * 40.0, usual_ms: None, typical: point, tail: point })
        });
        Statement { runs: Sides { baseline: samples.collect(), candidate: Vec::new() }, is_control: false }
    });
    Runs { statements: statements.collect(), time_ms: Sides { baseline: vec![3_000.0; count], candidate: Vec::new() }, are_apart: false }
}

/// Deals the runs of both sides, which are taken to be alike, and compares their latency.
fn latency_alarms(runs: &Runs, options: &Options) -> Alarms {
    let pool = Pool::of(runs);
    alarms(pool.time_ms.len(), options, &mut |baseline, candidate| {
        let outcome = latency::compare(&pool.dealt(baseline, candidate), &options.latency);
        let silent = outcome.tests.iter().filter(|test| test.verdict == Verdict::Inconclusive).count();
        let inconclusive = silent as f64 / outcome.tests.len().max(1) as f64;
        Heard { latency: outcome.has_regressed(), others: false, inconclusive }
    })
}

#[test]
fn runs_are_dealt_in_all_ways_or_in_some() {
    let options = Options::default();
    // By hand: five runs, two a side: 5·4/2 choices for the one, 3 for the other.
    let (all, is_all) = splits(5, 2, &options);
    let mut seen = all.clone();
    seen.sort();
    seen.dedup();
    assert_eq!((all.len(), seen.len(), is_all), (30, 30, true));
    for split in &all {
        let mut runs = split.clone();
        runs.sort_unstable();
        runs.dedup();
        assert!(runs.len() == 4 && runs[3] < 5, "{split:?}");
    }
    let (some, is_all) = splits(20, 10, &options);
    assert_eq!((some.len(), is_all), (300, false));
    assert_eq!(some, splits(20, 10, &options).0);
    assert!(some.iter().all(|split| split.len() == 20));
    assert_ne!(some, splits(20, 10, &Options { seed: 2, ..options }).0);
    assert_eq!((splits(2, 1, &options).0, ways(20, 10)), (vec![vec![0, 1], vec![1, 0]], 184_756.0));
}

#[test]
fn noise_is_measured_beside_what_runs_have_in_common() {
    let told = sights(&runs(12, 0.1), 6, &latency::Options::default());
    assert_eq!((told.families.len(), told.statements.len()), (1, 12));
    let family = &told.families[0];
    assert!((0.07..0.12).contains(&family.deviation) && (0.1..0.3).contains(&family.common), "{family:?}");
    assert!(told.untested.iter().all(|u| (u.family, u.why) == (Family::Tail, Ineligible::FewCalls)) && told.untested.len() == 12);
    let (twenty, fifty) = (family.needed[0].expect("a number"), family.needed[1].expect("a number"));
    assert!(fifty < 8 && twenty > 4 * fifty, "{family:?}");
    for sight in &told.statements {
        assert!((0.05..1.0).contains(&sight.detectable), "{sight:?}");
        assert_eq!(sight.needed[1].is_some_and(|needed| needed <= 6), sight.detectable <= 0.5, "{sight:?}");
    }
}

#[test]
fn runs_that_are_alike_raise_no_alarm() {
    let options = Options { max_splits: 50, ..Options::default() };
    let told = latency_alarms(&runs(12, 0.1), &options);
    assert_eq!((told.per_side, told.splits, told.is_all, told.any.failed), (6, 50, false, 0));
    // 1 − 0.05^(1/50).
    assert!((told.any.upper - 0.058_155).abs() < 1e-6, "{told:?}");
    // By hand: of four comparisons the first fails by one thing, the second by another, the third by both.
    let mut heard = [(true, false), (false, true), (true, true), (false, false)].into_iter();
    let four = Options { max_splits: 4, ..options };
    let told = alarms(20, &four, &mut |_, _| {
        let (latency, others) = heard.next().expect("four");
        Heard { latency, others, inconclusive: 0.5 }
    });
    assert_eq!([told.latency.failed, told.others.failed, told.any.failed, told.splits], [2, 2, 3, 4]);
    assert_eq!(told.inconclusive, 0.5);
}

#[test]
fn what_is_told_to_be_enough_is_and_one_run_less_is_not() {
    let told = sights(&runs(8, 0.05), 4, &latency::Options::default());
    for sight in &told.statements {
        let Some(needed) = sight.needed[1].filter(|&needed| needed > 3) else { continue };
        let with = |per_side: usize| {
            let noises = latency::noise(&doubled(8, 0.05), &latency::Options::default(), &mut Vec::new());
            noises[0].reach(12, &latency::Options::default()).detectable(sight.deviation, per_side)
        };
        assert!(with(needed) <= 0.5 && with(needed - 1) > 0.5, "{sight:?}");
    }
    assert!(told.statements.iter().any(|sight| sight.needed[0].is_some_and(|needed| needed > 3)), "{:?}", told.statements);
}

fn doubled(count: usize, deviation: f64) -> Runs {
    let all: Vec<usize> = (0..count).collect();
    Pool::of(&runs(count, deviation)).dealt(&all, &all)
}

#[test]
fn runs_that_are_not_alike_raise_alarms() {
    let mut changed = runs(10, 0.02);
    changed.statements[11].runs.baseline.iter_mut().skip(5).flatten().for_each(|sample| {
        let ms = sample.total_ms / sample.calls as f64 * 3.0;
        (sample.total_ms, sample.typical) = (ms * sample.calls as f64, Some(Point { ms, error: 0.01 }));
    });
    let told = latency_alarms(&changed, &Options { per_side: Some(3), ..Options::default() });
    assert!(told.latency.failed > 0 && told.any == told.latency && told.others.failed == 0, "{told:?}");
}

#[test]
fn one_run_calibrates_nothing() {
    for none in [Runs::default(), runs(1, 0.1)] {
        let told = latency_alarms(&none, &Options::default());
        assert_eq!((told.per_side, told.splits, told.any.upper), (0, 0, 1.0));
        assert!(sights(&none, 0, &latency::Options::default()).statements.is_empty());
    }
    let two = latency_alarms(&runs(2, 0.1), &Options::default());
    assert_eq!((two.splits, two.is_all, two.per_side), (2, true, 1));
    // One run on each side is no plan of which a detectable effect is known.
    let sights = sights(&runs(2, 0.1), 1, &latency::Options::default());
    assert!(sights.statements.iter().all(|sight| sight.detectable == f64::INFINITY) && sights.statements.len() == 12);
}
