//! Student's t distribution, and the normal one where its degrees of freedom are without end.
//!
//! P(T > t) = ½·I(ν/(ν + t²); ν/2, ½) for t ≥ 0: Abramowitz and Stegun, 26.7.1 and 26.5.27.

use super::special::{incomplete_beta, normal_upper};

/// With so many degrees of freedom a tail differs from the normal one by less than a millionth of itself.
const NORMAL: f64 = 1e8;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Student {
    /// Degrees of freedom ν > 0; may be infinite.
    pub freedom: f64,
}

impl Student {
    /// P(T > t).
    #[must_use]
    pub fn upper(self, t: f64) -> f64 {
        if t.is_nan() || self.freedom.is_nan() || self.freedom <= 0.0 {
            return f64::NAN;
        }
        if self.freedom > NORMAL {
            return normal_upper(t);
        }
        if t < 0.0 {
            return 1.0 - self.upper(-t);
        }
        if t.is_infinite() {
            return 0.0;
        }
        let sum = self.freedom + t * t;
        0.5 * incomplete_beta(self.freedom / 2.0, 0.5, self.freedom / sum, t * t / sum)[0]
    }

    /// The t that is exceeded with this probability; halving, exact to the last digits that the tail is.
    #[must_use]
    pub fn upper_quantile(self, probability: f64) -> f64 {
        if !(probability > 0.0 && probability < 1.0) || self.freedom.is_nan() || self.freedom <= 0.0 {
            return match probability {
                0.0 => f64::INFINITY,
                1.0 => f64::NEG_INFINITY,
                _ => f64::NAN,
            };
        }
        if probability > 0.5 {
            return -self.upper_quantile(1.0 - probability);
        }
        let [mut low, mut high] = [0.0, 1.0];
        while self.upper(high) > probability && high < f64::MAX / 4.0 {
            (low, high) = (high, high * 2.0);
        }
        loop {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                return middle;
            }
            if self.upper(middle) > probability { low = middle } else { high = middle }
        }
    }
}
