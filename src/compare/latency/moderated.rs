//! Several runs on a side: what they have in common, the rest, and its variance.

use super::super::stats::centre::{mean, median, squares};
use super::super::stats::moderation::Prior;
use super::eligible::{Row, Rows};
use super::{Estimates, Family, Fitted, Options, Sides};

/// What all statements did alike, and what is left of each.
pub(super) struct Fit {
    /// g, by run, the baseline's first.
    pub(super) common: Vec<f64>,
    /// r = y − g, by row and run.
    pub(super) rest: Vec<Vec<f64>>,
}

/// Takes out of all rows what a run does to those of `reference`, or to all if there is none.
pub(super) fn fit(logs: &[&[f64]], reference: &[usize]) -> Fit {
    let runs = logs.first().map_or(0, |row| row.len());
    let all: Vec<usize> = (0..logs.len()).collect();
    let reference = if reference.is_empty() { &all } else { reference };
    let means: Vec<f64> = logs.iter().map(|row| mean(row)).collect();
    let common: Vec<f64> =
        (0..runs).map(|run| median(&reference.iter().map(|&row| logs[row][run] - means[row]).collect::<Vec<_>>()).unwrap_or(0.0)).collect();
    let rest = logs.iter().map(|row| row.iter().zip(&common).map(|(y, g)| y - g).collect()).collect();
    Fit { common, rest }
}

/// The rows that what all do alike is taken from: controls, if enough are declared. Empty stands for all rows.
pub(super) fn reference(rows: &[Row], options: &Options) -> Vec<usize> {
    let controls: Vec<usize> = rows.iter().enumerate().filter(|(_, row)| row.is_control).map(|(at, _)| at).collect();
    if controls.len() >= options.min_controls.max(1) { controls } else { Vec::new() }
}

/// The median of some of the values, or of all.
pub(super) fn median_of(values: &[f64], reference: &[usize]) -> f64 {
    let chosen: Vec<f64> = reference.iter().map(|&at| values[at]).collect();
    median(if chosen.is_empty() { values } else { &chosen }).unwrap_or(0.0)
}

/// The variance that an effect has by chance within the runs alone, and so at least. A few runs of each side that agree by luck
/// know nothing of it: one slow call of sixty moves a mean, and a tail lies among usual calls or among slow ones. Of tails it is
/// that of runs that are alike, as the baseline has them: a tail that grew tears its own interval open, which speaks for a
/// regression and not against it.
fn within_runs(errors: &[f64], baseline: usize, family: Family) -> f64 {
    let (of_baseline, of_candidate) = errors.split_at(baseline);
    let of_candidate_run = mean_of_run(if family == Family::Tail { of_baseline } else { of_candidate });
    mean_of_run(of_baseline) / of_baseline.len() as f64 + of_candidate_run / of_candidate.len() as f64
}

/// The variance of a statistic within one run, from the standard errors of several.
pub(super) fn mean_of_run(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error * error).sum::<f64>() / errors.len().max(1) as f64
}

/// The effects of all rows; `None` if there are no rows or no variance can be had of so few runs.
pub(super) fn estimates(rows: &Rows, family: Family, options: &Options) -> Option<Estimates> {
    let freedom = rows.runs().checked_sub(2).filter(|&freedom| freedom > 0)? as f64;
    let logs: Vec<&[f64]> = rows.rows.iter().map(|row| row.logs.as_slice()).collect();
    let reference = reference(&rows.rows, options);
    let apart = |row: &[f64]| mean(&row[rows.baseline..]) - mean(&row[..rows.baseline]);
    let shift = median_of(&logs.iter().map(|row| apart(row)).collect::<Vec<_>>(), &reference);
    let Fit { common, rest } = fit(&logs, &reference);
    let raw: Vec<f64> = rest.iter().map(|row| apart(row)).collect();
    let centre = median_of(&raw, &reference);
    let within = |row: &[f64]| (squares(&row[..rows.baseline]) + squares(&row[rows.baseline..])) / freedom;
    let variances: Vec<f64> = rest.iter().map(|row| within(row)).collect();
    let prior = Prior::fit(&variances, freedom)?;
    let per_run = 1.0 / rows.baseline as f64 + 1.0 / rows.candidate as f64;
    let least = rows.rows.iter().map(|row| within_runs(&row.errors, rows.baseline, family));
    let errors = variances.iter().zip(least).map(|(&s2, least)| (prior.squeeze(s2, freedom) * per_run).max(least).sqrt());
    let effects = raw.iter().zip(errors).map(|(raw, error)| [raw - centre, error]).collect();
    let factor = |g: &[f64]| g.iter().map(|g| g.exp()).collect();
    let common = Sides { baseline: factor(&common[..rows.baseline]), candidate: factor(&common[rows.baseline..]) };
    let fitted = Fitted {
        family,
        statements: rows.rows.len(),
        controls: reference.len(),
        shift: shift.exp(),
        common,
        prior: Some(prior),
        between: None,
    };
    Some(Estimates { fitted, effects, freedom: prior.total_freedom(freedom, rows.rows.len()) })
}
