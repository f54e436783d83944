//! Between which of the values seen the quantile lies that they were drawn around.
//!
//! Of n independent draws, as many lie below the p-quantile as a binomial distribution of n and p says, whatever the
//! distribution: the l-th smallest is at most the quantile with probability P(X ≥ l), the u-th at least with P(X ≤ u − 1)
//! (Conover, "Practical Nonparametric Statistics", 3.2; Hahn and Meeker, "Statistical Intervals", 5.2). Exact for
//! continuous distributions, on the safe side for others.

use super::special::incomplete_beta;

/// P(X ≤ k) and P(X > k) of a binomial distribution of `n` draws with probability `p`: I(1 − p; n − k, k + 1), Abramowitz
/// and Stegun, 26.5.24.
#[must_use]
pub fn binomial(k: u64, n: u64, p: f64) -> [f64; 2] {
    if k >= n {
        return [1.0, 0.0];
    }
    incomplete_beta((n - k) as f64, k as f64 + 1.0, 1.0 - p, p)
}

/// Ranks, counted from 1, the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The quantile is not below the value of this rank.
    pub low: u64,
    /// Nor above the value of this one.
    pub high: u64,
}

/// The largest rank whose value exceeds the quantile with probability `error` at most; `None` if even the smallest may.
#[must_use]
pub fn lower_rank(n: u64, p: f64, error: f64) -> Option<u64> {
    // P(X ≤ l − 1) grows with l: halving finds the last that is small enough.
    let [mut good, mut bad] = [0, n + 1];
    while bad - good > 1 {
        let rank = u64::midpoint(good, bad);
        if binomial(rank - 1, n, p)[0] <= error { good = rank } else { bad = rank }
    }
    (good > 0).then_some(good)
}

/// The smallest rank whose value is below the quantile with probability `error` at most; `None` if even the largest may be.
#[must_use]
pub fn upper_rank(n: u64, p: f64, error: f64) -> Option<u64> {
    // As many values lie at or above the quantile as lie at or below that of 1 − p.
    lower_rank(n, 1.0 - p, error).map(|rank| n + 1 - rank)
}

/// Ranks between whose values the quantile lies with probability 1 − `error`: half of the error on either side, and where a
/// side has no rank for its half, that side's extreme, and the rest of the error on the other. `None` if there are too few values.
#[must_use]
pub fn ranks(n: u64, p: f64, error: f64) -> Option<Ranks> {
    let (below, above) = (binomial(0, n, p)[0], binomial(n.checked_sub(1)?, n, p)[1]);
    let half = error / 2.0;
    let ranks = match (below <= half, above <= half) {
        (true, true) => Ranks { low: lower_rank(n, p, half)?, high: upper_rank(n, p, half)? },
        (true, false) => Ranks { low: lower_rank(n, p, error - above)?, high: n },
        (false, true) => Ranks { low: 1, high: upper_rank(n, p, error - below)? },
        (false, false) => return None,
    };
    Some(ranks)
}

/// How many values it takes to have [`ranks`] at all; `None` if no number of them does.
#[must_use]
pub fn least_values(p: f64, error: f64) -> Option<u64> {
    if !(p > 0.0 && p < 1.0 && error > 0.0 && error < 1.0) {
        return None;
    }
    let is_enough = |n: u64| ranks(n, p, error).is_some();
    let [mut bad, mut good] = [0, 1];
    while !is_enough(good) {
        (bad, good) = (good, good.checked_mul(2)?);
    }
    while good - bad > 1 {
        let n = u64::midpoint(bad, good);
        if is_enough(n) { good = n } else { bad = n }
    }
    Some(good)
}
