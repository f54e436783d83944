//! How much statements differ between runs that are alike, and what can be seen through that.

use super::super::stats::centre::{median, squares};
use super::super::stats::moderation::Prior;
use super::super::stats::student::Student;
use super::eligible;
use super::judged::MISSED;
use super::moderated::{Fit, fit, mean_of_run, reference};
use super::{FAMILIES, Family, Options, Runs, Test, Untested};

/// More runs on a side than this are not planned.
pub const MAX_RUNS: usize = 100;

/// The noise of a family between runs that are alike.
pub(in crate::compare) struct Noise {
    pub(in crate::compare) family: Family,
    /// Those that can be tested.
    pub(in crate::compare) statements: Vec<usize>,
    /// The moderated standard deviation of each.
    pub(in crate::compare) deviations: Vec<f64>,
    /// Their median.
    pub(in crate::compare) median: f64,
    /// The standard deviation of what all do alike.
    pub(in crate::compare) common: f64,
    prior: Prior,
}

/// The noise of the baseline's runs; the candidate's must be the same runs again, so that what can be tested is the same too.
pub(in crate::compare) fn noise(runs: &Runs, options: &Options, untested: &mut Vec<Untested>) -> Vec<Noise> {
    let count = runs.time_ms.baseline.len();
    let mut noises = Vec::new();
    for family in FAMILIES {
        let rows = eligible::rows(runs, family, &options.eligibility, untested).rows;
        let logs: Vec<&[f64]> = rows.iter().map(|row| &row.logs[..count]).collect();
        let Fit { common, rest } = fit(&logs, &reference(&rows, options));
        let freedom = count.saturating_sub(1) as f64;
        let variances: Vec<f64> = rest.iter().map(|row| squares(row) / freedom).collect();
        let Some(prior) = Prior::fit(&variances, freedom) else { continue };
        // A gate takes no less than chance within the runs makes of it, so neither does what it may hope for.
        let least = rows.iter().map(|row| mean_of_run(&row.errors[..count]));
        let deviations: Vec<f64> = variances.iter().zip(least).map(|(&s2, least)| prior.squeeze(s2, freedom).max(least).sqrt()).collect();
        noises.push(Noise {
            family,
            statements: rows.iter().map(|row| row.statement).collect(),
            median: median(&deviations).unwrap_or(f64::NAN),
            deviations,
            common: (squares(&common) / freedom).sqrt(),
            prior,
        });
    }
    noises
}

impl Noise {
    /// What can be seen with any number of runs, if `tests` statistics are tested in all.
    pub(in crate::compare) fn reach(&self, tests: usize, options: &Options) -> Reach {
        let error = |runs: usize| {
            let freedom = self.prior.total_freedom((2 * runs - 2) as f64, self.statements.len());
            let student = Student { freedom };
            (student.upper_quantile(options.fdr / tests as f64) + student.upper_quantile(MISSED)) * (2.0 / runs as f64).sqrt()
        };
        // One run on a side has no variance between runs.
        let errors = [f64::INFINITY; 2].into_iter().chain((2..=MAX_RUNS).map(error)).collect();
        Reach { errors, margin: options.min_effect.ln_1p(), min_runs: options.min_runs }
    }
}

impl Test {
    /// The least number of runs on a side with which an effect, as a share, would be found in four of five cases, if runs go on
    /// to differ as these do; `None` if that is more than [`MAX_RUNS`]. `runs` are those on each side now, `tests` how many
    /// statistics are tested in all. The error is s·√(1/K_A + 1/K_B), and each further run is a degree of freedom.
    #[must_use]
    pub fn needed(&self, effect: f64, runs: [usize; 2], tests: usize, options: &Options) -> Option<usize> {
        let now = runs.iter().map(|&runs| 1.0 / runs.max(1) as f64).sum::<f64>().sqrt();
        let had = runs.iter().sum::<usize>() as f64;
        let detectable = |runs: usize| {
            let of_both = (2 * runs) as f64;
            let student = Student { freedom: (self.freedom + of_both - had).max(of_both - 2.0) };
            let errors = student.upper_quantile(options.fdr / tests.max(1) as f64) + student.upper_quantile(MISSED);
            (options.min_effect.ln_1p() + errors * self.error / now * (2.0 / runs as f64).sqrt()).exp_m1()
        };
        (options.min_runs.max(2)..=MAX_RUNS).find(|&runs| detectable(runs) <= effect)
    }
}

/// What can be seen.
pub(in crate::compare) struct Reach {
    /// By the number of runs: so many deviations beyond the margin an effect is found in four of five cases.
    errors: Vec<f64>,
    margin: f64,
    min_runs: usize,
}

impl Reach {
    /// The least effect that is found, as a share.
    pub(in crate::compare) fn detectable(&self, deviation: f64, runs: usize) -> f64 {
        let errors = self.errors.get(runs.min(MAX_RUNS)).copied().unwrap_or(f64::INFINITY);
        (self.margin + errors * deviation).exp_m1()
    }

    /// The least number of runs on a side that finds an effect, as a share.
    pub(in crate::compare) fn needed(&self, deviation: f64, effect: f64) -> Option<usize> {
        (self.min_runs..=MAX_RUNS).find(|&runs| self.detectable(deviation, runs) <= effect)
    }
}
