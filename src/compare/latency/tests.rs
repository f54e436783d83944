use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::compare::stats::random::Random;

/// A run's sample of which both statistics are the mean.
fn sample(calls: u64, ms: f64) -> Option<Sample> {
    let point = Some(Point { ms, error: 0.01 });
    Some(Sample { calls, total_ms: ms * calls as f64, usual_ms: None, typical: point, tail: point })
}

/// Statements by their times in each run, of 100 calls.
fn runs(baseline: &[Vec<f64>], candidate: &[Vec<f64>]) -> Runs {
    let side = |times: &[f64]| times.iter().map(|&ms| sample(100, ms)).collect();
    let statement = |(a, b): (&Vec<f64>, &Vec<f64>)| Statement { runs: Sides { baseline: side(a), candidate: side(b) }, is_control: false };
    let statements = baseline.iter().zip(candidate).map(statement).collect();
    let time = |of: &[Vec<f64>]| (0..of[0].len()).map(|run| of.iter().map(|row| row[run] * 100.0).sum()).collect();
    Runs { statements, time_ms: Sides { baseline: time(baseline), candidate: time(candidate) }, are_apart: false }
}

/// Twelve statements of 1 to 12 ms with noise of a few percent, in so many runs.
fn quiet(count: usize, random: &mut Random) -> Vec<Vec<f64>> {
    (1..=12).map(|ms| (0..count).map(|_| f64::from(ms) * (0.03 * random.normal()).exp()).collect()).collect()
}

/// Two sides that are alike, but for the last statement, which is slower by a factor.
fn with_last_slower(count: usize, factor: f64) -> Runs {
    let mut random = Random::new(6);
    let (baseline, mut candidate) = (quiet(count, &mut random), quiet(count, &mut random));
    candidate[11].iter_mut().for_each(|ms| *ms *= factor);
    runs(&baseline, &candidate)
}

fn of(outcome: &Outcome, statement: usize, family: Family) -> Test {
    *outcome.tests.iter().find(|test| test.statement == statement && test.family == family).expect("a test")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

/// `fixtures/statistics/oracles.py` does the same with numpy, scipy and a port of limma.
#[test]
fn the_procedure_is_the_one_that_another_program_follows() {
    let all: Value = serde_json::from_str(include_str!("../../../fixtures/statistics/oracles.json")).expect("JSON");
    let cases = all["fold_changes"].as_array().expect("cases");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let family = |name: &str, part: &str| case["families"][name][part].clone();
        let matrix = |name: &str, part: &str| family(name, part).as_array().expect("rows").iter().map(numbers).collect::<Vec<_>>();
        let (typical, tail) = (matrix("typical", "ms"), matrix("tail", "ms"));
        let (typical_error, tail_error) = (matrix("typical", "errors"), matrix("tail", "errors"));
        let size = |side: &str| usize::try_from(case[side].as_u64().expect("a count")).expect("few");
        let (baseline, count) = (size("baseline"), size("baseline") + size("candidate"));
        let statements = (0..typical.len()).map(|row| {
            let point = |ms: &[Vec<f64>], errors: &[Vec<f64>], run: usize| Some(Point { ms: ms[row][run], error: errors[row][run] });
            let sample = |run: usize| {
                let (typical, tail) = (point(&typical, &typical_error, run), point(&tail, &tail_error, run));
                Some(Sample { calls: 100, total_ms: 1_000.0, usual_ms: None, typical, tail })
            };
            let runs = Sides { baseline: (0..baseline).map(sample).collect(), candidate: (baseline..count).map(sample).collect() };
            Statement { runs, is_control: false }
        });
        let time_ms = Sides { baseline: vec![1_000.0; baseline], candidate: vec![1_000.0; count - baseline] };
        let outcome = compare(&Runs { statements: statements.collect(), time_ms, are_apart: false }, &Options::default());
        let close = |ours: f64, theirs: f64, of: &str| {
            assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-6), "{of}: {ours} for {theirs}");
        };
        let (q, q_improved) = (numbers(&case["q"]), numbers(&case["q_improved"]));
        assert_eq!(outcome.tests.len(), q.len());
        for (at, test) in outcome.tests.iter().enumerate() {
            let name = if test.family == Family::Typical { "typical" } else { "tail" };
            let theirs = |part: &str| numbers(&family(name, part))[test.statement];
            let ours = [test.effect, test.error, test.p, test.interval[0], test.interval[1], test.detectable];
            for (ours, part) in ours.into_iter().zip(["effect", "error", "p", "low", "high", "detectable"]) {
                close(ours, theirs(part), part);
            }
            close(test.freedom, family(name, "freedom").as_f64().expect("a number"), "freedom");
            close(test.q, q[at], "q");
            close(test.q_improved, q_improved[at], "q_improved");
        }
        for fitted in &outcome.fitted {
            let name = if fitted.family == Family::Typical { "typical" } else { "tail" };
            close(fitted.shift, family(name, "shift").as_f64().expect("a number"), "shift");
            let theirs = family(name, "prior")
                .as_array()
                .map(|prior| [prior[0].as_f64().unwrap_or(f64::INFINITY), prior[1].as_f64().expect("a number")]);
            assert_eq!(fitted.prior.is_some(), theirs.is_some());
            for (ours, theirs) in fitted.prior.iter().zip(theirs) {
                close(ours.variance, theirs[1], "prior variance");
                assert!(ours.freedom == theirs[0] || (ours.freedom / theirs[0] - 1.0).abs() < 1e-8, "{} for {}", ours.freedom, theirs[0]);
            }
            let between = family(name, "between").as_f64();
            assert_eq!(fitted.between.is_some(), between.is_some());
            fitted.between.iter().zip(between).for_each(|(ours, theirs)| close(*ours, theirs, "between"));
        }
    }
}

/// By hand: five statements of 10 ms; in the second run of each side all take a tenth longer, the fifth takes twice as long in the
/// candidate. Less what is common no noise is left, so the effect is ln 2; a variance of 0 is taken to be 10⁻⁵ (limma), and
/// √(10⁻⁵·⅔) is 0.0026. The calls of each run make more of it: √(2·0.01²/3) is 0.0082.
#[test]
fn without_noise_the_effect_is_the_ratio() {
    let baseline = vec![vec![10.0, 11.0, 10.0]; 5];
    let mut candidate = baseline.clone();
    candidate[4] = vec![20.0, 22.0, 20.0];
    let outcome = compare(&runs(&baseline, &candidate), &Options::default());
    let (first, last) = (of(&outcome, 0, Family::Typical), of(&outcome, 4, Family::Typical));
    let is_near = (last.error - (2e-4f64 / 3.0).sqrt()).abs() < 1e-9;
    assert!((last.ratio() - 2.0).abs() < 1e-9 && is_near && (first.ratio() - 1.0).abs() < 1e-9, "{last:?}");
    assert_eq!((first.verdict, last.verdict), (Verdict::Ok, Verdict::Regressed));
    // Means of a side: 31/3 and 62/3 ms; a run has 100 calls of each; its time 100·(4·31/3 + 62/3).
    let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-9 * theirs, "{ours} for {theirs}");
    near(last.times.slower_ms, 31.0 / 3.0);
    near(last.times.added_ms, 3_100.0 / 3.0);
    near(last.times.added_share, 1.0 / 6.0);
    near(outcome.shift().expect("a shift"), 1.0);
    let common = &outcome.fitted[0].common.baseline;
    near(common[1] / common[0], 1.1);
}

#[test]
fn what_is_slower_regressed_and_what_is_faster_improved() {
    let outcome = compare(&with_last_slower(5, 1.6), &Options::default());
    assert_eq!(outcome.mode, Mode::Moderated);
    for family in FAMILIES {
        let test = of(&outcome, 11, family);
        assert_eq!((test.verdict, test.corroborated, test.reason), (Verdict::Regressed, Verdict::Regressed, None), "{test:?}");
        assert!(test.interval[0] < 1.6 && 1.6 < test.interval[1] && test.q < 0.001 && test.detectable < 0.3, "{test:?}");
    }
    assert!((0..11).all(|at| of(&outcome, at, Family::Typical).verdict == Verdict::Ok));
    assert!(outcome.has_regressed() && outcome.warnings.is_empty(), "{:?}", outcome.warnings);

    let faster = compare(&with_last_slower(5, 0.5), &Options::default());
    assert_eq!(of(&faster, 11, Family::Typical).verdict, Verdict::Improved);
    assert!(!faster.has_regressed());
}

#[test]
fn a_slower_machine_is_no_regression_but_a_warning() {
    let mut random = Random::new(3);
    let (baseline, mut candidate) = (quiet(4, &mut random), quiet(4, &mut random));
    candidate.iter_mut().flatten().for_each(|ms| *ms *= 2.0);
    let outcome = compare(&runs(&baseline, &candidate), &Options::default());
    assert!(outcome.tests.iter().all(|test| test.verdict == Verdict::Ok), "{:?}", outcome.tests);
    assert!(matches!(outcome.warnings[..], [Warning::Shifted { ratio }] if (ratio - 2.0).abs() < 0.1), "{:?}", outcome.warnings);
}

#[test]
fn what_costs_little_time_does_not_fail() {
    // The last statement is a millionth of the others: far below 1 % of the time, and then below 0.1 ms.
    let mut random = Random::new(9);
    let scaled = |rows: Vec<Vec<f64>>, factor: f64| {
        let mut rows = rows;
        rows[11].iter_mut().for_each(|ms| *ms *= factor);
        rows
    };
    let floors = Options { eligibility: Eligibility { min_share: 0.0, min_mean_ms: 0.0, ..Eligibility::default() }, ..Options::default() };
    let (baseline, candidate) = (scaled(quiet(5, &mut random), 0.02), scaled(quiet(5, &mut random), 0.04));
    // What is surely slower by more than the tolerance is told however small it is.
    let outcome = compare(&runs(&baseline, &candidate), &floors);
    let test = of(&outcome, 11, Family::Typical);
    assert!(test.interval[0] > 1.25 && test.times.added_share < 0.01, "{test:?}");
    assert_eq!((test.verdict, test.reason), (Verdict::Regressed, None));
    // A quarter more is not surely more than that.
    let (baseline, candidate) = (scaled(quiet(5, &mut random), 0.04), scaled(quiet(5, &mut random), 0.05));
    let outcome = compare(&runs(&baseline, &candidate), &floors);
    let test = of(&outcome, 11, Family::Typical);
    assert!(test.q < 0.001 && test.times.slower_ms > 0.1 && test.times.added_share < 0.01, "{test:?}");
    assert_eq!((test.verdict, test.reason), (Verdict::Inconclusive, Some(Reason::LittleTime)));
    let share = Options { min_added_share: 0.001, ..floors };
    assert_eq!(of(&compare(&runs(&baseline, &candidate), &share), 11, Family::Typical).verdict, Verdict::Regressed);
    let ms = Options { min_added_ms: 1.0, ..share };
    assert_eq!(of(&compare(&runs(&baseline, &candidate), &ms), 11, Family::Typical).reason, Some(Reason::LittleTime));
}

/// A statement of which half of the calls are fast and half slow: its median doubles and its mean grows by a tenth, as when
/// 55 of 100 calls are slow and not 45. The tail knows no such jump.
#[test]
fn a_median_that_jumps_between_fast_and_slow_calls_is_no_regression() {
    let mut jumped = with_last_slower(5, 2.0);
    let runs = &mut jumped.statements[11].runs;
    runs.baseline.iter_mut().chain(&mut runs.candidate).flatten().for_each(|sample| sample.tail = None);
    runs.candidate.iter_mut().flatten().for_each(|sample| sample.total_ms *= 1.1 / 2.0);
    let test = of(&compare(&jumped, &Options::default()), 11, Family::Typical);
    assert!(test.q < 0.001 && (1.0..1.3).contains(&test.times.mean_ratio) && test.times.added_share > 0.01, "{test:?}");
    assert_eq!((test.verdict, test.corroborated, test.reason), (Verdict::Inconclusive, Verdict::Inconclusive, Some(Reason::Divided)));
    let all = Options { min_mean_part: 0.0, ..Options::default() };
    assert_eq!(of(&compare(&jumped, &all), 11, Family::Typical).verdict, Verdict::Regressed);
    // Nor does it improve by the same jump.
    let runs = &mut jumped.statements[11].runs;
    std::mem::swap(&mut runs.baseline, &mut runs.candidate);
    assert_eq!(of(&compare(&jumped, &Options::default()), 11, Family::Typical).reason, Some(Reason::Divided));
}

/// By hand: 100 calls of 12 ms, of which one takes ten seconds in every run of either side: their mean is 111.9 ms, and 123.8 ms
/// when all others take 24 ms. The mean without the slowest tenth doubles as the median does.
#[test]
fn one_slow_call_hides_no_slower_statement() {
    let mut slowed = with_last_slower(5, 2.0);
    let runs = &mut slowed.statements[11].runs;
    for sample in runs.baseline.iter_mut().chain(&mut runs.candidate).flatten() {
        sample.usual_ms = sample.typical.map(|point| point.ms);
        (sample.total_ms, sample.tail) = (sample.total_ms * 0.99 + 10_000.0, None);
    }
    let test = of(&compare(&slowed, &Options::default()), 11, Family::Typical);
    assert_eq!((test.verdict, test.reason), (Verdict::Regressed, None), "{test:?}");
    assert!((test.times.mean_ratio - 2.0).abs() < 0.1 && (test.times.slower_ms - 12.0).abs() < 1.0, "{test:?}");
    // A slow call more on the one side neither makes nor hides anything.
    slowed.statements[11].runs.baseline[0].iter_mut().for_each(|sample| sample.total_ms += 60_000.0);
    assert_eq!(of(&compare(&slowed, &Options::default()), 11, Family::Typical).verdict, Verdict::Regressed);
}

#[test]
fn few_runs_fail_alone_only_what_is_plain() {
    let plain = compare(&with_last_slower(2, 3.0), &Options::default());
    assert_eq!(of(&plain, 11, Family::Typical).verdict, Verdict::Regressed);
    let doubtful = of(&compare(&with_last_slower(2, 1.7), &Options::default()), 11, Family::Typical);
    assert_eq!((doubtful.verdict, doubtful.reason), (Verdict::Inconclusive, Some(Reason::FewRuns)));
    assert_eq!(doubtful.corroborated, Verdict::Regressed);
    // Noise does not become a regression because a counter moved.
    let noise = of(&compare(&with_last_slower(2, 1.02), &Options::default()), 11, Family::Typical);
    assert_eq!((noise.verdict, noise.corroborated), (Verdict::Ok, Verdict::Ok));
}

#[test]
fn one_run_each_needs_a_ratio_of_two_or_a_counter() {
    let outcome = compare(&with_last_slower(1, 8.0), &Options::default());
    let test = of(&outcome, 11, Family::Typical);
    assert_eq!((outcome.mode, outcome.level, test.freedom), (Mode::Single, 0.01, 4.0));
    assert_eq!(test.verdict, Verdict::Regressed, "{test:?}");
    let doubtful = of(&compare(&with_last_slower(1, 1.9), &Options { fdr_single: 0.2, ..Options::default() }), 11, Family::Typical);
    assert_eq!((doubtful.verdict, doubtful.corroborated), (Verdict::Inconclusive, Verdict::Regressed), "{doubtful:?}");
}

#[test]
fn among_few_statements_only_controls_tell_the_machine_from_the_change() {
    let cut = |runs: Runs, from: usize| Runs { statements: runs.statements[from..].to_vec(), ..runs };
    let few = compare(&cut(with_last_slower(5, 2.0), 9), &Options::default());
    assert!(few.tests.iter().all(|test| (test.verdict, test.reason) == (Verdict::Inconclusive, Some(Reason::FewStatements))), "{few:?}");
    assert!(few.warnings.contains(&Warning::FewStatements { tested: 3 }));

    // Seven of twelve statements got slower: the median is one of them, and the five others look faster.
    let mut random = Random::new(5);
    let (baseline, mut candidate) = (quiet(5, &mut random), quiet(5, &mut random));
    candidate[5..].iter_mut().flatten().for_each(|ms| *ms *= 2.0);
    let mut most = runs(&baseline, &candidate);
    let misled = compare(&most, &Options::default());
    assert!(!misled.has_regressed() && matches!(misled.warnings[..], [Warning::Shifted { .. }]), "{:?}", misled.warnings);
    most.statements[..4].iter_mut().for_each(|statement| statement.is_control = true);
    let told = compare(&most, &Options { min_controls: 4, ..Options::default() });
    assert!((5..12).all(|at| of(&told, at, Family::Typical).verdict == Verdict::Regressed), "{told:?}");
    assert_eq!((told.fitted[0].controls, told.warnings.len()), (4, 2));
    assert!(told.warnings.iter().all(|warning| matches!(warning, Warning::ManyRegressed { share } if *share > 0.5)));
    // Fewer controls than asked for are none.
    assert_eq!(compare(&most, &Options::default()).fitted[0].controls, 0);
}

#[test]
fn what_cannot_be_tested_is_told_with_its_reason() {
    let mut case = with_last_slower(3, 1.0);
    let set = |runs: &mut Runs, at: usize, change: &dyn Fn(&mut Sample)| {
        let statement = &mut runs.statements[at].runs;
        statement.baseline.iter_mut().chain(&mut statement.candidate).flatten().for_each(change);
    };
    case.statements[0].runs.candidate[1] = None;
    case.statements[1].runs.baseline[0] = sample(29, 2.0);
    case.statements[2].runs.baseline[0] = sample(58, 3.0);
    set(&mut case, 3, &|sample| sample.total_ms = 0.049 * sample.calls as f64);
    set(&mut case, 4, &|sample| (sample.calls, sample.total_ms) = (30, 5.0));
    set(&mut case, 5, &|sample| sample.tail = None);
    set(&mut case, 6, &|sample| sample.typical = Some(Point { ms: 0.0, error: 0.0 }));
    let outcome = compare(&case, &Options::default());
    let untested = |family: Family| -> Vec<(usize, Ineligible)> {
        outcome.untested.iter().filter(|u| u.family == family).map(|u| (u.statement, u.why)).collect()
    };
    let both = [(0, Ineligible::Absent), (1, Ineligible::FewCalls)];
    let short = (3, Ineligible::Short);
    assert_eq!(untested(Family::Typical), [&both[..], &[short, (4, Ineligible::LittleTime), (6, Ineligible::Unknown)]].concat());
    let few = [(2, Ineligible::FewCalls), short, (4, Ineligible::FewCalls), (5, Ineligible::Unknown)];
    assert_eq!(untested(Family::Tail), [&both[..], &few].concat());
    assert_eq!(outcome.tests.len() + outcome.untested.len(), 24);
}

#[test]
fn nothing_to_compare_is_nothing_tested() {
    let none = compare(&Runs::default(), &Options::default());
    assert!(none.tests.is_empty() && none.shift().is_none());
    let mut lonely = with_last_slower(3, 2.0);
    lonely.time_ms.candidate.clear();
    lonely.statements.iter_mut().for_each(|statement| statement.runs.candidate.clear());
    let outcome = compare(&lonely, &Options::default());
    assert!(outcome.tests.is_empty() && outcome.untested.iter().all(|u| u.why == Ineligible::Absent) && outcome.untested.len() == 24);
}

/// Anything, in two sides of runs.
fn any_runs() -> impl Strategy<Value = Runs> {
    let number = prop_oneof![0.01f64..100.0, Just(0.0), Just(1.0), Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), Just(f64::MAX)];
    let one = prop::option::weighted(0.9, (prop_oneof![0u64..300, Just(u64::MAX)], number.clone(), number.clone(), number.clone()));
    let sample = one.prop_map(|values| {
        values.map(|(calls, total_ms, ms, error)| {
            let point = Some(Point { ms, error });
            Sample { calls, total_ms, usual_ms: Some(ms), typical: point, tail: point }
        })
    });
    (0usize..4, 0usize..4).prop_flat_map(move |(a, b)| {
        let side = |count: usize| prop::collection::vec(sample.clone(), count);
        let time = |count: usize| prop::collection::vec(number.clone(), count);
        let statement = (side(a), side(b), any::<bool>())
            .prop_map(|(baseline, candidate, is_control)| Statement { runs: Sides { baseline, candidate }, is_control });
        (prop::collection::vec(statement, 0..12), time(a), time(b)).prop_map(|(statements, baseline, candidate)| Runs {
            statements,
            time_ms: Sides { baseline, candidate },
            are_apart: false,
        })
    })
}

proptest! {
    #[test]
    fn no_input_panics_or_goes_untold(runs in any_runs()) {
        let outcome = compare(&runs, &Options::default());
        prop_assert!(outcome.tests.len() + outcome.untested.len() <= 2 * runs.statements.len());
        for test in &outcome.tests {
            prop_assert!(test.verdict != Verdict::Regressed || (test.q <= outcome.level && test.effect > 0.0), "{test:?}");
        }
    }

    #[test]
    fn the_machine_and_the_order_of_runs_change_no_verdict(seed in any::<u64>(), factor in 0.2f64..5.0, machine in 0.1f64..10.0) {
        let mut random = Random::new(seed);
        let (baseline, mut candidate) = (quiet(4, &mut random), quiet(4, &mut random));
        candidate[11].iter_mut().for_each(|ms| *ms *= factor);
        let options = Options { min_added_ms: 0.0, min_added_share: 0.0, eligibility: Eligibility { min_mean_ms: 0.0, ..Eligibility::default() }, ..Options::default() };
        let before = compare(&runs(&baseline, &candidate), &options);
        candidate.iter_mut().for_each(|row| row.rotate_left(1));
        candidate.iter_mut().flatten().for_each(|ms| *ms *= machine);
        let after = compare(&runs(&baseline, &candidate), &options);
        for (a, b) in before.tests.iter().zip(&after.tests) {
            prop_assert!((a.effect - b.effect).abs() < 1e-9 && (a.error - b.error).abs() < 1e-9, "{a:?} {b:?}");
            prop_assert!((a.q - b.q).abs() < 1e-6);
        }
        let swapped = compare(&runs(&candidate, &baseline), &options);
        for (a, b) in after.tests.iter().zip(&swapped.tests) {
            prop_assert!((a.effect + b.effect).abs() < 1e-9 && (a.q - b.q_improved).abs() < 1e-6, "{a:?} {b:?}");
        }
    }
}
