//! From effects to verdicts.

use super::super::stats::discovery::adjusted;
use super::super::stats::student::Student;
use super::eligible::{Rows, present, run_ms, usual_ms};
use super::{Estimates, Family, Fitted, Options, Reason, Runs, Sample, Sides, Test, Times, Verdict, Warning};

/// What a verdict has to pass.
pub(super) struct Bar<'o> {
    pub(super) options: &'o Options,
    /// For q.
    pub(super) level: f64,
    /// Why nothing fails by its latency alone that is not slower by much.
    pub(super) doubt: Option<Reason>,
}

/// How sure an interval, a tolerance, a detectable effect is.
const TWO_SIDED: f64 = 0.025;
const ONE_SIDED: f64 = 0.05;
pub(super) const MISSED: f64 = 0.20;

/// Tests all rows of all families together.
pub(super) fn tests(runs: &Runs, families: &[(Rows, Estimates)], bar: &Bar<'_>) -> Vec<Test> {
    let count: usize = families.iter().map(|(rows, _)| rows.rows.len()).sum();
    let margin = bar.options.min_effect.ln_1p();
    let mut tests = Vec::with_capacity(count);
    for (rows, estimates) in families {
        let student = Student { freedom: estimates.freedom };
        let [two_sided, one_sided] = [TWO_SIDED, ONE_SIDED].map(|error| student.upper_quantile(error));
        let detectable = student.upper_quantile(bar.level / count as f64) + student.upper_quantile(MISSED);
        for (row, &[effect, error]) in rows.rows.iter().zip(&estimates.effects) {
            let p =
                |effect: f64| if error > 0.0 { student.upper((effect - margin) / error) } else { f64::from(u8::from(effect <= margin)) };
            let is_ok = effect + one_sided * error <= bar.options.tolerance.ln_1p();
            tests.push(Test {
                statement: row.statement,
                family: estimates.fitted.family,
                // Until q is known: what the interval alone says.
                verdict: if is_ok { Verdict::Ok } else { Verdict::Inconclusive },
                corroborated: Verdict::Inconclusive,
                reason: None,
                effect,
                error,
                freedom: estimates.freedom,
                interval: [(effect - two_sided * error).exp(), (effect + two_sided * error).exp()],
                p: p(effect),
                q: f64::NAN,
                q_improved: p(-effect),
                detectable: (margin + detectable * error).exp_m1(),
                times: times(runs, row.statement, &estimates.fitted),
            });
        }
    }
    let slower = adjusted(&tests.iter().map(|test| test.p).collect::<Vec<_>>());
    let faster = adjusted(&tests.iter().map(|test| test.q_improved).collect::<Vec<_>>());
    for ((test, slower), faster) in tests.iter_mut().zip(slower).zip(faster) {
        (test.q, test.q_improved) = (slower, faster);
        let is_alone = families.iter().any(|(rows, estimates)| {
            estimates.fitted.family == test.family && estimates.fitted.controls == 0 && rows.rows.len() < bar.options.min_statements
        });
        if is_alone {
            (test.verdict, test.reason) = (Verdict::Inconclusive, Some(Reason::FewStatements));
        } else {
            judge(test, bar);
        }
    }
    tests
}

/// The verdict of one test, of which it knows what the interval says.
fn judge(test: &mut Test, bar: &Bar<'_>) {
    let options = bar.options;
    let is_much = |slower_ms: f64, share: f64, ratio: f64| {
        let is_plain = ratio > 1.0 + options.tolerance && slower_ms >= options.eligibility.min_mean_ms;
        is_plain || (slower_ms >= options.min_added_ms && share >= options.min_added_share)
    };
    let is_enough = |doubt: Reason, ratio: f64, low: f64| match doubt {
        Reason::NoTurns => low > 1.0 + options.tolerance,
        _ => ratio >= options.plain,
    };
    let [low, high] = test.interval;
    let is_divided =
        test.family == Family::Typical && test.times.mean_ratio.ln() * test.effect.signum() < options.min_mean_part * test.effect.abs();
    let (verdict, reason) = if test.q.min(test.q_improved) <= bar.level && is_divided {
        (Verdict::Inconclusive, Some(Reason::Divided))
    } else if test.q <= bar.level {
        match bar.doubt.filter(|doubt| !is_enough(*doubt, test.ratio(), low)) {
            _ if !is_much(test.times.slower_ms, test.times.added_share, low) => (test.verdict, Some(Reason::LittleTime)),
            None => (Verdict::Regressed, None),
            doubt => (Verdict::Inconclusive, doubt),
        }
    } else if test.q_improved <= bar.level {
        match is_much(-test.times.slower_ms, -test.times.added_share, high.recip()) {
            true => (Verdict::Improved, None),
            false => (Verdict::Ok, Some(Reason::LittleTime)),
        }
    } else {
        (test.verdict, (test.verdict == Verdict::Inconclusive).then_some(Reason::Noise))
    };
    test.corroborated = if matches!(reason, Some(Reason::FewRuns | Reason::NoTurns)) { Verdict::Regressed } else { verdict };
    (test.verdict, test.reason) = (verdict, reason);
}

/// What a statement costs beyond what all did alike: the candidate's times are divided by that first.
fn times(runs: &Runs, statement: usize, fitted: &Fitted) -> Times {
    let Some(samples) = present(&runs.statements[statement], &runs.time_ms) else { return Times::default() };
    let (shift, mean) = (fitted.shift, |samples: &[Sample]| usual_ms(samples, fitted.family));
    let mean_ms = Sides { baseline: mean(&samples.baseline), candidate: mean(&samples.candidate) };
    let slower_ms = mean_ms.candidate / shift - mean_ms.baseline;
    let count = samples.candidate.len() as f64;
    let calls = samples.candidate.iter().map(|sample| sample.calls as f64).sum::<f64>() / count;
    let added_ms = calls * slower_ms;
    let added_share = added_ms / (run_ms(&runs.time_ms.candidate) / shift);
    Times { mean_ms, slower_ms, added_ms, added_share, mean_ratio: mean_ms.candidate / shift / mean_ms.baseline }
}

/// What casts doubt on all tests.
pub(super) fn warnings(tests: &[Test], families: &[(Rows, Estimates)], options: &Options) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some((_, estimates)) = families.first().filter(|(_, estimates)| estimates.fitted.shift > options.shift_warning) {
        warnings.push(Warning::Shifted { ratio: estimates.fitted.shift });
    }
    for (rows, estimates) in families {
        let of_family = || tests.iter().filter(|test| test.family == estimates.fitted.family);
        let regressed = of_family().filter(|test| test.verdict == Verdict::Regressed).count() as f64;
        let share = regressed / rows.rows.len() as f64;
        if share > options.regressed_warning {
            warnings.push(Warning::ManyRegressed { share });
        }
    }
    if let Some((rows, _)) = families.iter().find(|(rows, e)| e.fitted.controls == 0 && rows.rows.len() < options.min_statements) {
        warnings.push(Warning::FewStatements { tested: rows.rows.len() });
    }
    warnings
}
