//! Variances of few values each, made steadier by what all of them together say.
//!
//! Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments", 2004:
//! the variances σ² of many rows are taken to follow 1/σ² ~ χ²(d₀)/(d₀·s₀²). Each observed s² with d degrees of freedom
//! then has s²/s₀² ~ F(d, d₀), and the best guess at its σ² is (d₀·s₀² + d·s²)/(d₀ + d), worth d₀ + d degrees of freedom. The
//! functions are `fitFDist` and `squeezeVar` of limma, whose treatment of zeros is followed too.

use super::centre::{mean, median, squares};
use super::special::{digamma, trigamma, trigamma_inverse};

/// What all rows say of the variance of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// d₀, how many degrees of freedom it is worth: 0 if nothing is known, infinite if all rows seem to have one variance.
    pub freedom: f64,
    /// s₀².
    pub variance: f64,
}

/// A variance is not taken to be less than this part of their median: a row of equal values has not been measured finely
/// enough, it is not without noise.
const LEAST: f64 = 1e-5;

impl Prior {
    /// Fits d₀ and s₀² to variances with `freedom` degrees of freedom each, by the mean and variance of their logarithms
    /// (Smyth 2004, section 6.2). `None` if there are none, or they have no freedom.
    #[must_use]
    pub fn fit(variances: &[f64], freedom: f64) -> Option<Prior> {
        let known: Vec<f64> = variances.iter().copied().filter(|v| v.is_finite()).map(|v| v.max(0.0)).collect();
        if known.is_empty() || freedom.is_nan() || freedom <= 0.0 {
            return None;
        }
        if let [only] = known[..] {
            return Some(Prior { freedom: 0.0, variance: only });
        }
        let middle = median(&known).filter(|&m| m > 0.0).unwrap_or(1.0);
        let offset: Vec<f64> = known.iter().map(|v| v.max(LEAST * middle)).collect();
        let half = freedom / 2.0;
        let logs: Vec<f64> = offset.iter().map(|v| v.ln() - digamma(half) + half.ln()).collect();
        let spread = squares(&logs) / (logs.len() - 1) as f64 - trigamma(half);
        if spread > 0.0 {
            let freedom = 2.0 * trigamma_inverse(spread);
            let variance = (mean(&logs) + digamma(freedom / 2.0) - (freedom / 2.0).ln()).exp();
            return Some(Prior { freedom, variance });
        }
        Some(Prior { freedom: f64::INFINITY, variance: mean(&offset) })
    }

    /// The moderated variance of a row of `freedom` degrees of freedom.
    #[must_use]
    pub fn squeeze(&self, variance: f64, freedom: f64) -> f64 {
        if self.freedom.is_infinite() {
            return self.variance;
        }
        (self.freedom * self.variance + freedom * variance) / (self.freedom + freedom)
    }

    /// How many degrees of freedom a moderated variance has: d₀ + d, but not more than all `rows` have together, as
    /// limma's `eBayes` has it.
    #[must_use]
    pub fn total_freedom(&self, freedom: f64, rows: usize) -> f64 {
        (self.freedom + freedom).min(freedom * rows as f64)
    }
}
