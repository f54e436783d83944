//! Functions that distributions are made of: logarithm of gamma, polygamma, incomplete beta, the normal tail.
//!
//! Written here because the crates that have the beta function have no trigamma and no tail of their own beside the lower one, and ask for
//! a newer compiler than we do. Formulas: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964 (the numbers in
//! the comments); continued fractions are evaluated by Lentz's method as Thompson and Barnett have it ("Coulomb and Bessel
//! functions of complex arguments and order", 1986).

use std::f64::consts::PI;

/// From here on the asymptotic series are exact to the last digits.
const LARGE: f64 = 10.0;

/// ½·ln 2π.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// Σ cᵢ·xⁱ.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// ln Γ(x) − (x − ½)·ln x + x − ½·ln 2π for large x: Stirling's series, 6.1.42.
fn stirling_rest(x: f64) -> f64 {
    const TERMS: [f64; 8] =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0, 1.0 / 156.0, -3_617.0 / 122_400.0];
    polynomial(1.0 / (x * x), &TERMS) / x
}

/// ln Γ(x) for x > 0; NaN otherwise.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (mut above, mut product) = (x, 1.0);
    while above < LARGE {
        product *= above;
        above += 1.0;
    }
    (above - 0.5) * above.ln() - above + HALF_LN_TWO_PI + stirling_rest(above) - product.ln()
}

/// ψ(x), the derivative of ln Γ(x), for x > 0; NaN otherwise: 6.3.5 and 6.3.18.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    const TERMS: [f64; 7] = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0, 1.0 / 12.0];
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (above, before) = risen(x, |x| -1.0 / x);
    let square = 1.0 / (above * above);
    above.ln() - 0.5 / above - square * polynomial(square, &TERMS) + before
}

/// ψ′(x) for x > 0; NaN otherwise: 6.4.6 and 6.4.12.
#[must_use]
pub fn trigamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [1.0, 1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2_730.0, 7.0 / 6.0];
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (above, before) = risen(x, |x| 1.0 / (x * x));
    let square = 1.0 / (above * above);
    polynomial(square, &TERMS) / above + square / 2.0 + before
}

/// ψ″(x) for x > 0: 6.4.6 and 6.4.13.
fn tetragamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [1.0, 1.0 / 2.0, -1.0 / 6.0, 1.0 / 6.0, -3.0 / 10.0, 5.0 / 6.0, -691.0 / 210.0, 35.0 / 2.0];
    let (above, before) = risen(x, |x| -2.0 / (x * x * x));
    let square = 1.0 / (above * above);
    -square * polynomial(square, &TERMS) - square / above + before
}

/// Up to where the series hold, and the sum of what each step adds.
fn risen(mut x: f64, step: impl Fn(f64) -> f64) -> (f64, f64) {
    let mut sum = 0.0;
    while x < LARGE {
        sum += step(x);
        x += 1.0;
    }
    (x, sum)
}

/// The x > 0 for which ψ′(x) = y, for y > 0; NaN otherwise. Newton's method on 1/ψ′, which is nearly linear and convex, from
/// below: Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray
/// experiments", 2004, appendix; `trigammaInverse` in limma.
#[must_use]
pub fn trigamma_inverse(y: f64) -> f64 {
    if y.is_nan() || y <= 0.0 {
        return f64::NAN;
    }
    // Where the next term of the series is beyond the digits of a number.
    if y > 1e15 {
        return 1.0 / y.sqrt();
    }
    if y < 1e-9 {
        return 1.0 / y + 0.5;
    }
    let mut x = 0.5 + 1.0 / y;
    for _ in 0..50 {
        let value = trigamma(x);
        let step = value * (1.0 - value / y) / tetragamma(x);
        x += step;
        if -step / x < 1e-14 {
            break;
        }
    }
    x
}

/// ln of x^a·y^b/B(a, b), where x + y = 1.
fn ln_front(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if a < b {
        return ln_front(b, a, y, x);
    }
    let sum = a + b;
    if b >= LARGE {
        // B by Stirling's formula, its large powers set against those of x and y.
        let rest = stirling_rest(a) + stirling_rest(b) - stirling_rest(sum);
        let powers = a * (x * sum / a).ln() + b * (y * sum / b).ln();
        return powers + 0.5 * (a * b / (2.0 * PI * sum)).ln() - rest;
    }
    let ln_x = if y < 0.5 { (-y).ln_1p() } else { x.ln() };
    if a >= LARGE {
        let rest = stirling_rest(a) - stirling_rest(sum);
        let ratio = -(a - 0.5) * (b / a).ln_1p() - b * sum.ln() + b + rest;
        return a * ln_x + b * y.ln() - ln_gamma(b) - ratio;
    }
    a * ln_x + b * y.ln() - ln_gamma(a) - ln_gamma(b) + ln_gamma(sum)
}

/// The continued fraction of the incomplete beta function, 26.5.8, good for x below (a + 1)/(a + b + 2).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const STEPS: u32 = 200_000;
    const TINY: f64 = 1e-300;
    let nonzero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut c = 1.0;
    let mut fraction = d;
    for step in 1..STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d);
            c = nonzero(1.0 + term / c);
            fraction *= c * d;
            change = c * d;
        }
        if (change - 1.0_f64).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The regularised incomplete beta function I_x(a, b) and what it lacks to 1, for a, b > 0 and y = 1 − x, which the caller may
/// know better than subtraction does; NaN outside the domain.
#[must_use]
pub fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> [f64; 2] {
    if !(a > 0.0 && b > 0.0 && x >= 0.0 && y >= 0.0) {
        return [f64::NAN; 2];
    }
    if x == 0.0 {
        return [0.0, 1.0];
    }
    if y == 0.0 {
        return [1.0, 0.0];
    }
    let front = ln_front(a, b, x, y).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = (front * beta_fraction(a, b, x) / a).min(1.0);
        [lower, 1.0 - lower]
    } else {
        let upper = (front * beta_fraction(b, a, y) / b).min(1.0);
        [1.0 - upper, upper]
    }
}

/// The x for which I_x(a, b) = p, by halving: exact to the last digit that the function is.
#[must_use]
pub fn incomplete_beta_inverse(a: f64, b: f64, p: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    let [mut low, mut high] = [0.0, 1.0];
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if incomplete_beta(a, b, middle, 1.0 - middle)[0] < p { low = middle } else { high = middle }
    }
    high
}

/// P(Z > z) of the standard normal distribution: the series 26.2.11 near the centre, the continued fraction 26.2.14 beyond.
#[must_use]
pub fn normal_upper(z: f64) -> f64 {
    if z.is_nan() {
        return z;
    }
    if z < 0.0 {
        return 1.0 - normal_upper(-z);
    }
    let density = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    if z < 2.5 {
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        while term > sum * 1e-18 {
            n += 2.0;
            term *= z * z / n;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    let fraction = (1..=200).rev().fold(z, |below, n| z + f64::from(n) / below);
    density / fraction
}
