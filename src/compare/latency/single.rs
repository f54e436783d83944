//! One run on each side: the noise between runs is guessed from how far apart all statements moved.
//!
//! With v = e_A² + e_B², the squared relative errors within the runs, the variance of an effect is τ² + v, where τ² ≥ 0 is such
//! that the median of θ²/(τ² + v) is that of a χ² distribution with one degree of freedom. Statements differ in their noise
//! and the guess is one for all, hence the heavy tails (t with 4 degrees of freedom), the strict level, and that a ratio
//! below two needs a counter beside it to fail anything.

use super::super::stats::centre::median;
use super::eligible::Rows;
use super::moderated::{median_of, reference};
use super::{Estimates, Family, Fitted, Options, Sides};

/// The median of χ²(1), (Φ⁻¹(¾))².
const MEDIAN: f64 = 0.454_936_423_119_572_8;

/// How heavy the tails are taken to be.
const FREEDOM: f64 = 4.0;

/// The effects of all rows; `None` if there are none.
pub(super) fn estimates(rows: &Rows, family: Family, options: &Options) -> Option<Estimates> {
    let raw: Vec<f64> = rows.rows.iter().map(|row| row.logs[1] - row.logs[0]).collect();
    if raw.is_empty() {
        return None;
    }
    let reference = reference(&rows.rows, options);
    let shift = median_of(&raw, &reference);
    let effects: Vec<f64> = raw.iter().map(|effect| effect - shift).collect();
    let within: Vec<f64> = rows.rows.iter().map(|row| row.errors.iter().map(|error| error * error).sum()).collect();
    let between = between(&effects, &within);
    let effects = effects.iter().zip(&within).map(|(&effect, v)| [effect, (between + v).sqrt()]).collect();
    let half = (shift / 2.0).exp();
    let fitted = Fitted {
        family,
        statements: rows.rows.len(),
        controls: reference.len(),
        shift: shift.exp(),
        common: Sides { baseline: vec![1.0 / half], candidate: vec![half] },
        prior: None,
        between: Some(between),
    };
    Some(Estimates { fitted, effects, freedom: FREEDOM })
}

/// τ²: the median falls as it grows, so halving finds it.
fn between(effects: &[f64], within: &[f64]) -> f64 {
    let middle = |tau: f64| {
        let scaled: Vec<f64> =
            effects.iter().zip(within).map(|(effect, v)| if *effect == 0.0 { 0.0 } else { effect * effect / (tau + v) }).collect();
        median(&scaled).unwrap_or(0.0)
    };
    if middle(0.0) <= MEDIAN {
        return 0.0;
    }
    let [mut low, mut high] = [0.0, 1e-6];
    while middle(high) > MEDIAN && high < f64::MAX / 4.0 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let tau = f64::midpoint(low, high);
        if middle(tau) > MEDIAN { low = tau } else { high = tau }
    }
    high
}
