//! What share of something is likely, seen in a few trials.
//!
//! Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial", 1934: the limits
//! are quantiles of beta distributions. They hold for independent trials; for overlapping ones they are a guide.

use super::special::incomplete_beta_inverse;

/// The share that is exceeded with probability `error` at most, after `hits` of `trials`; 1 if there were no trials.
#[must_use]
pub fn upper_limit(hits: u64, trials: u64, error: f64) -> f64 {
    match trials.checked_sub(hits) {
        None | Some(0) => 1.0,
        Some(misses) => incomplete_beta_inverse(hits as f64 + 1.0, misses as f64, 1.0 - error),
    }
}

/// The share that lies above the true one with probability `error` at most, after `hits` of `trials`.
#[must_use]
pub fn lower_limit(hits: u64, trials: u64, error: f64) -> f64 {
    match trials.checked_sub(hits) {
        None => 0.0,
        Some(_) if hits == 0 => 0.0,
        Some(misses) => incomplete_beta_inverse(hits as f64, misses as f64 + 1.0, error),
    }
}
