//! What count, sum and spread say of a distribution whose single values are not known.
//!
//! `pg_stat_statements` keeps the number of executions, their sum, their standard deviation (Welford's method, of the
//! population) and their extremes. Differences of two such records are moments again; extremes are then known within
//! limits only. Every quantity carries the error that rounding may have put into it, so that a bound drawn from it holds
//! for exports with two decimals as well as for full ones. Nothing here knows of servers; the unit is the millisecond.
//!
//! Sums of squares are added and subtracted in the pooled form (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
//! Algorithm for Computing Sample Variances", 1979). Bounds of order statistics: Cantelli's and Markov's inequalities on the
//! fraction of values at or beyond a rank, with the largest or smallest value set apart.

use serde::{Deserialize, Serialize};

/// A number and how far from the truth it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Approx {
    /// The number.
    pub value: f64,
    /// At most so far off.
    pub error: f64,
}

impl Approx {
    fn new(value: f64, error: f64) -> Self {
        Approx { value, error }
    }

    fn low(self) -> f64 {
        self.value - self.error
    }

    fn high(self) -> f64 {
        self.value + self.error
    }

    fn plus(self, other: Approx) -> Approx {
        Approx::new(self.value + other.value, self.error + other.error)
    }

    fn minus(self, other: Approx) -> Approx {
        Approx::new(self.value - other.value, self.error + other.error)
    }

    fn over(self, n: u64) -> Approx {
        Approx::new(self.value / n as f64, self.error / n as f64)
    }

    /// `factor · self²`.
    fn squared(self, factor: f64) -> Approx {
        let (value, error) = (self.value.abs(), self.error);
        Approx::new(factor * value * value, factor * (2.0 * value * error + error * error))
    }
}

/// Limits between which a value lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Not below.
    pub low: f64,
    /// Not above.
    pub high: f64,
}

impl Limits {
    /// The value, if the limits leave no doubt about its microsecond.
    #[must_use]
    pub fn exact(self) -> Option<f64> {
        (self.high - self.low <= SAME).then(|| f64::midpoint(self.low, self.high))
    }
}

/// Two times that differ by no more, in milliseconds, are the same microsecond.
const SAME: f64 = 0.000_5;

/// How an export rounded its columns: no value is further than this from what the server had, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rounding {
    /// The sum.
    pub total: f64,
    /// The deviation.
    pub deviation: f64,
    /// Minimum and maximum.
    pub extremes: f64,
}

/// Welford's method and a running sum lose about a bit more with every doubling of the square root of `n`.
fn float_error(value: f64, n: u64) -> f64 {
    value.abs() * f64::EPSILON * 4.0 * ((n as f64).sqrt() + 1.0)
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    #[serde(deserialize_with = "crate::units::wide::number")]
    count: u64,
    sum: Approx,
    /// Σ(x − mean)²; `None` if the server keeps none.
    squares: Option<Approx>,
    min: Limits,
    max: Limits,
    /// How far rounding may have moved an extreme.
    slack: f64,
    /// Whether minimum and maximum are values that were told, rather than limits that follow from others.
    is_told: [bool; 2],
}

/// What a server says of a distribution, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub total: f64,
    /// Their standard deviation, of the population.
    pub deviation: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Moments {
    /// Moments of all values that a record counts; `None` if it counts none.
    #[must_use]
    pub fn of(told: &Told, rounding: &Rounding) -> Option<Self> {
        let n = told.count;
        if n == 0 {
            return None;
        }
        let sum = Approx::new(told.total, rounding.total + float_error(told.total, n));
        let squares = match told.deviation {
            _ if n == 1 => Some(Approx::default()),
            Some(deviation) => Some(Approx::new(deviation, rounding.deviation + float_error(deviation, n)).squared(n as f64)),
            None => None,
        };
        let around = |value: f64| Limits { low: (value - rounding.extremes).max(0.0), high: value + rounding.extremes };
        let mean = sum.over(n);
        let min = told.min.map_or(Limits { low: 0.0, high: mean.high() }, around);
        let max = told.max.map_or(Limits { low: mean.low().max(0.0), high: sum.high() }, around);
        let is_told = [told.min.is_some(), told.max.is_some()];
        Some(Moments { count: n, sum, squares, min, max, slack: rounding.extremes, is_told }.tightened())
    }

    /// Moments of the values that `later` counts and `earlier` did not; `None` if there are none. Both are records of one
    /// history, of which the earlier is the beginning.
    #[must_use]
    pub fn between(earlier: &Moments, later: &Moments) -> Option<Self> {
        let count = later.count.checked_sub(earlier.count).filter(|&count| count > 0)?;
        let sum = later.sum.minus(earlier.sum);
        let (mean, before) = (sum.over(count), earlier.mean());
        let factor = earlier.count as f64 * count as f64 / later.count as f64;
        let squares = later.squares.zip(earlier.squares).map(|(b, a)| {
            let rest = b.minus(a).minus(mean.minus(before).squared(factor));
            Approx::new(rest.value.max(0.0), rest.error + (-rest.value).max(0.0))
        });
        let squares = if count == 1 { Some(Approx::default()) } else { squares };
        // An extreme that moved is one of the new values; one that did not is a limit to them.
        let moved = [later.min.high < earlier.min.low, later.max.low > earlier.max.high];
        let min = if moved[0] { later.min } else { Limits { low: later.min.low, high: mean.high() } };
        let max = if moved[1] { later.max } else { Limits { low: mean.low(), high: later.max.high } };
        let is_told = [0, 1].map(|of| moved[of] && later.is_told[of]);
        let slack = earlier.slack.max(later.slack);
        Some(Moments { count, sum, squares, min, max, slack, is_told }.tightened())
    }

    /// Between which sums the values lie that `later` counts and `earlier` did not: an extreme that moved is one of them.
    /// Nothing lies between infinity and zero, where there are fewer values than extremes that moved.
    #[must_use]
    pub fn sums_between(earlier: &Moments, later: &Moments) -> (f64, f64) {
        let count = later.count.saturating_sub(earlier.count);
        let moved_max = (later.max.low > earlier.max.high).then_some(later.max);
        let moved_min = (later.min.high < earlier.min.low).then_some(later.min);
        let moved: Vec<Limits> = moved_max.into_iter().chain(moved_min).collect();
        let Some(others) = count.checked_sub(moved.len() as u64) else { return (f64::INFINITY, 0.0) };
        let sum = |of: fn(&Limits) -> f64| moved.iter().map(of).sum::<f64>();
        (sum(|x| x.low) + others as f64 * later.min.low, sum(|x| x.high) + others as f64 * later.max.high)
    }

    /// Whether `later` can be the record of the same values as `earlier` and some more: the new ones' spread is not negative,
    /// nor more than their mean and extremes allow (Bhatia and Davis, "A Better Bound on the Variance", 2000).
    #[must_use]
    pub fn can_follow(earlier: &Moments, later: &Moments) -> bool {
        let Some(count) = later.count.checked_sub(earlier.count).filter(|&count| count > 0) else { return later.count == earlier.count };
        let mean = later.sum.minus(earlier.sum).over(count);
        let factor = earlier.count as f64 * count as f64 / later.count as f64;
        let Some((b, a)) = later.squares.zip(earlier.squares) else { return true };
        let rest = b.minus(a).minus(mean.minus(earlier.mean()).squared(factor));
        let most = count as f64 * (later.max.high - mean.low()).max(0.0) * (mean.high() - later.min.low).max(0.0);
        // An extreme that moved is one of the new values, and so far from their mean.
        let far = |moved: bool, apart: f64| if moved { apart.max(0.0).powi(2) } else { 0.0 };
        let least = far(later.max.low > earlier.max.high, later.max.low - mean.high())
            + far(later.min.high < earlier.min.low, mean.low() - later.min.high);
        let slack = 1e-9 * b.value;
        rest.high() + slack >= least && rest.low() <= most + slack
    }

    /// Forgets the extremes, for values some of which no record of them covers.
    #[must_use]
    pub fn without_extremes(mut self) -> Self {
        self.max.high = self.sum.high();
        self.min.low = 0.0;
        self.is_told = [false; 2];
        self.tightened()
    }

    /// Adds the values of another distribution.
    #[must_use]
    pub fn merged(self, other: Moments) -> Self {
        let count = self.count.saturating_add(other.count);
        let apart = self.mean().minus(other.mean());
        let factor = self.count as f64 * other.count as f64 / count as f64;
        Moments {
            count,
            sum: self.sum.plus(other.sum),
            squares: self.squares.zip(other.squares).map(|(a, b)| a.plus(b).plus(apart.squared(factor))),
            min: Limits { low: self.min.low.min(other.min.low), high: self.min.high.min(other.min.high) },
            max: Limits { low: self.max.low.max(other.max.low), high: self.max.high.max(other.max.high) },
            slack: self.slack.max(other.slack),
            is_told: [0, 1].map(|of| self.is_told[of] && other.is_told[of]),
        }
    }

    /// Of two distributions together, either of which may be empty.
    #[must_use]
    pub fn sum(a: Option<Moments>, b: Option<Moments>) -> Option<Moments> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.merged(b)),
            (a, b) => a.or(b),
        }
    }

    /// The extremes within what sum, count and each other leave.
    fn tightened(mut self) -> Self {
        let others = (self.count - 1) as f64;
        let mean = self.mean();
        if self.count == 1 {
            let only = Limits { low: self.sum.low().max(0.0), high: self.sum.high() };
            (self.min, self.max) = (only, only);
        }
        if self.count == 2
            && let (Some(least), Some(most)) = (self.of_two(1), self.of_two(2))
        {
            (self.min, self.max) = (least, most);
        }
        self.max.high = self.max.high.min(self.sum.high() - others * self.min.low).max(self.max.low);
        self.min.low = self.min.low.max(self.sum.low() - others * self.max.high);
        self.max.low = self.max.low.max(mean.low()).min(self.max.high);
        self.min.high = self.min.high.min(mean.high()).max(self.min.low);
        self
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.sum.value.max(0.0)
    }

    fn mean(&self) -> Approx {
        self.sum.over(self.count)
    }

    /// Their mean.
    #[must_use]
    pub fn average(&self) -> f64 {
        self.mean().value.max(0.0)
    }

    /// Their standard deviation, of the population; `None` if rounding may have changed the variance by a quarter or more,
    /// or if the server keeps none.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        let squares = self.squares?;
        let told = squares.error <= squares.value / 4.0 || (squares.high() / self.count as f64).sqrt() <= SAME;
        told.then(|| (squares.value / self.count as f64).sqrt())
    }

    /// Whether the variance was lost to rounding, rather than never kept.
    #[must_use]
    pub fn is_rounded_away(&self) -> bool {
        self.squares.is_some() && self.deviation().is_none()
    }

    /// The smallest value.
    #[must_use]
    pub fn min(&self) -> Limits {
        self.min
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> Limits {
        self.max
    }

    /// The smallest value, if it was told or follows.
    #[must_use]
    pub fn least(&self) -> Option<f64> {
        self.told(self.min, self.is_told[0])
    }

    /// The largest value, if it was told or follows.
    #[must_use]
    pub fn most(&self) -> Option<f64> {
        self.told(self.max, self.is_told[1])
    }

    /// What was told is as exact as the export, what follows from other values only as they leave no doubt.
    fn told(&self, extreme: Limits, is_told: bool) -> Option<f64> {
        let slack = if is_told { 2.0 * self.slack } else { 0.0 };
        (extreme.high - extreme.low <= SAME + slack).then(|| f64::midpoint(extreme.low, extreme.high))
    }

    /// Between which limits the value of a rank lies, counted from 1, the smallest.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Limits {
        let n = self.count;
        let rank = rank.clamp(1, n);
        if rank == n {
            return self.max;
        }
        if rank == 1 {
            return self.min;
        }
        let (mean, size) = (self.mean(), n as f64);
        let spread = self.squares.map(|s| (s.high().max(0.0) / size).sqrt());
        let mut high = self.max.high;
        let mut low = self.min.low;
        // So large a part of the values is at or above the rank, and so large a part at or below.
        let (above, below) = ((n - rank + 1) as f64 / size, rank as f64 / size);
        high = high.min(self.min.low + (mean.high() - self.min.low) / above);
        low = low.max(self.max.high - (self.max.high - mean.low()) / below);
        if let Some(s) = spread {
            high = high.min(mean.high() + s * ((1.0 - above) / above).sqrt());
            low = low.max(mean.low() - s * ((1.0 - below) / below).sqrt());
        }
        let without_largest = self.without(self.max, |x| x.low);
        high = high.min(without_largest.upper(rank, self.min.low));
        let without_smallest = self.without(self.min, |x| x.high);
        low = low.max(without_smallest.lower(rank - 1, self.max.high));
        let slack = mean.high().abs() * 1e-12;
        Limits { low: (low - slack).clamp(self.min.low, self.max.high), high: (high + slack).clamp(self.min.low, self.max.high) }
    }

    /// Two values are their mean and the deviation on either side.
    fn of_two(&self, rank: u64) -> Option<Limits> {
        let squares = self.squares?;
        let mean = self.mean();
        let (low, high) = ((squares.low().max(0.0) / 2.0).sqrt(), (squares.high() / 2.0).sqrt());
        Some(match rank {
            1 => Limits { low: (mean.low() - high).max(self.min.low), high: (mean.high() - low).min(self.min.high) },
            _ => Limits { low: (mean.low() + low).max(self.max.low), high: (mean.high() + high).min(self.max.high) },
        })
    }

    /// What is left without an extreme value, of which the end nearer to the mean is certain.
    fn without(&self, extreme: Limits, near: impl Fn(Limits) -> f64) -> Rest {
        let (n, rest) = (self.count as f64, (self.count - 1) as f64);
        let (mean, x) = (self.mean(), near(extreme));
        let apart = ((x - mean.value).abs() - mean.error).max(0.0);
        let squares = self.squares.map(|s| (s.high() - apart * apart * n / rest).max(0.0));
        Rest { count: self.count - 1, mean_high: (self.sum.high() - x) / rest, mean_low: (self.sum.low() - x) / rest, squares }
    }

    /// A guess at the value of a quantile if the distribution is log-normal with this mean and deviation; `None` if the
    /// limits of its rank are more than ten times apart or the deviation more than thrice the mean, where such guesses are
    /// worthless.
    #[must_use]
    pub fn guess(&self, quantile: f64, limits: Limits) -> Option<f64> {
        let (mean, deviation) = (self.average(), self.deviation()?);
        if self.count < 3 || mean <= 0.0 || deviation > 3.0 * mean || limits.high > 10.0 * limits.low {
            return None;
        }
        let variance = (1.0 + (deviation / mean).powi(2)).ln();
        let guess = (mean.ln() - variance / 2.0 + normal_quantile(quantile) * variance.sqrt()).exp();
        Some(guess.clamp(limits.low, limits.high))
    }
}

/// All values but one.
struct Rest {
    count: u64,
    mean_high: f64,
    mean_low: f64,
    squares: Option<f64>,
}

impl Rest {
    fn upper(&self, rank: u64, min: f64) -> f64 {
        if rank > self.count {
            return f64::INFINITY;
        }
        let above = (self.count - rank + 1) as f64 / self.count as f64;
        let markov = min + (self.mean_high - min) / above;
        let cantelli = self.squares.map(|s| self.mean_high + (s / self.count as f64).sqrt() * ((1.0 - above) / above).sqrt());
        cantelli.map_or(markov, |c| c.min(markov))
    }

    fn lower(&self, rank: u64, max: f64) -> f64 {
        if rank == 0 {
            return f64::NEG_INFINITY;
        }
        let below = rank as f64 / self.count as f64;
        let markov = max - (max - self.mean_low) / below;
        let cantelli = self.squares.map(|s| self.mean_low - (s / self.count as f64).sqrt() * ((1.0 - below) / below).sqrt());
        cantelli.map_or(markov, |c| c.max(markov))
    }
}

/// The quantile of the standard normal distribution: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.23,
/// with an error below 4.5e-4, which is nothing beside that of the guess.
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p).max(f64::MIN_POSITIVE);
    let t = (-2.0 * tail.ln()).sqrt();
    let x = t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    if p < 0.5 { -x } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The record that a server would keep: Welford's method, as `pg_stat_statements.c` has it.
    fn told(values: &[f64]) -> Told {
        let (mut mean, mut squares) = (0.0, 0.0);
        for (at, &value) in values.iter().enumerate() {
            let old: f64 = mean;
            mean += (value - old) / (at + 1) as f64;
            squares += (value - old) * (value - mean);
        }
        let count = values.len() as u64;
        Told {
            count,
            total: values.iter().sum(),
            deviation: Some(if count > 1 { (squares / count as f64).sqrt() } else { 0.0 }),
            min: values.iter().copied().reduce(f64::min),
            max: values.iter().copied().reduce(f64::max),
        }
    }

    fn rounded(told: Told, decimals: i32) -> (Told, Rounding) {
        let scale = 10f64.powi(decimals);
        let round = |value: f64| (value * scale).round() / scale;
        let error = 0.5 / scale + 1e-9;
        let told = Told {
            total: round(told.total),
            deviation: told.deviation.map(round),
            min: told.min.map(round),
            max: told.max.map(round),
            ..told
        };
        (told, Rounding { total: error, deviation: error, extremes: error })
    }

    fn sorted(values: &[f64]) -> Vec<f64> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![0.001f64..1.0, 0.01f64..100.0, Just(0.5), Just(5_000.0), 10.0f64..20_000.0, Just(0.0)]
    }

    fn holds(moments: &Moments, values: &[f64]) -> Result<(), TestCaseError> {
        for (at, &truth) in sorted(values).iter().enumerate() {
            let limits = moments.at_rank(at as u64 + 1);
            let slack = truth * 1e-9 + 1e-9;
            prop_assert!(limits.low <= truth + slack && truth <= limits.high + slack, "rank {}: {truth} not in {limits:?}", at + 1);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_value_lies_outside_its_limits(values in prop::collection::vec(value(), 1..150), decimals in 0i32..7) {
            holds(&Moments::of(&told(&values), &Rounding::default()).expect("some"), &values)?;
            let (rounded, rounding) = rounded(told(&values), decimals);
            holds(&Moments::of(&rounded, &rounding).expect("some"), &values)?;
        }

        #[test]
        fn nor_after_subtraction(before in prop::collection::vec(value(), 1..200), after in prop::collection::vec(value(), 1..100), decimals in 0i32..7) {
            let all = [before.clone(), after.clone()].concat();
            let none = Rounding::default();
            let between = |a: (Told, Rounding), b: (Told, Rounding)| {
                Moments::between(&Moments::of(&a.0, &a.1).expect("some"), &Moments::of(&b.0, &b.1).expect("some")).expect("some")
            };
            let full = between((told(&before), none), (told(&all), none));
            holds(&full, &after)?;
            let deviation = told(&after).deviation.expect("told");
            if let Some(ours) = full.deviation() {
                prop_assert!((ours - deviation).abs() <= 1e-3 + deviation * 0.2, "{ours} for {deviation}");
            }
            holds(&between(rounded(told(&before), decimals), rounded(told(&all), decimals)), &after)?;
        }

        #[test]
        fn nor_after_merging(a in prop::collection::vec(value(), 1..80), b in prop::collection::vec(value(), 1..80), c in prop::collection::vec(value(), 1..9)) {
            let of = |values: &[f64]| Moments::of(&told(values), &Rounding::default()).expect("some");
            let all = [a.clone(), b.clone(), c.clone()].concat();
            let merged = of(&a).merged(of(&b)).merged(of(&c));
            holds(&merged, &all)?;
            let truth = of(&all);
            prop_assert!((merged.total() - truth.total()).abs() <= 1e-6 * truth.total() + 1e-9);
            let (ours, theirs) = (merged.deviation().unwrap_or_default(), truth.deviation().unwrap_or_default());
            prop_assert!((ours - theirs).abs() <= 1e-6 * theirs + 1e-6);
        }
    }

    /// By hand: 1, 2 and 9 have mean 4 and variance (9 + 4 + 25) / 3; the interval is 2 and 9.
    #[test]
    fn two_values_are_known_exactly() {
        let none = Rounding::default();
        let (before, all) = (Moments::of(&told(&[1.0]), &none).expect("one"), Moments::of(&told(&[1.0, 2.0, 9.0]), &none).expect("three"));
        let interval = Moments::between(&before, &all).expect("two");
        assert_eq!(interval.count(), 2);
        let near = |limits: Limits, value: f64| limits.exact().is_some_and(|exact| (exact - value).abs() < 1e-6);
        assert!(near(interval.at_rank(1), 2.0) && near(interval.at_rank(2), 9.0), "{interval:?}");
        assert!((interval.deviation().expect("known") - 3.5).abs() < 1e-9);
        assert_eq!(Moments::between(&all, &all), None);
    }

    #[test]
    fn an_extreme_that_moved_is_exact_and_one_that_did_not_a_limit() {
        let of = |values: &[f64]| Moments::of(&told(values), &Rounding::default()).expect("some");
        let interval = Moments::between(&of(&[1.0, 50.0]), &of(&[1.0, 50.0, 3.0, 4.0, 5.0])).expect("three");
        assert!(interval.max().exact().is_none() && interval.max().low >= 3.999 && interval.max().high <= 10.001, "{interval:?}");
        let interval = Moments::between(&of(&[1.0, 5.0]), &of(&[1.0, 5.0, 3.0, 4.0, 70.0])).expect("three");
        assert!(interval.max().exact().is_some_and(|max| (max - 70.0).abs() < 1e-9));
    }

    /// nA = 1000 calls of about 10 ms, two decimals: the variance of three further calls drowns in the rounding.
    #[test]
    fn rounded_exports_lose_the_variance_and_say_so() {
        let before: Vec<f64> = (0..1_000).map(|n| 10.0 + f64::from(n % 7) * 0.01).collect();
        let all = [before.clone(), vec![10.01, 10.02, 10.04]].concat();
        let moments = |values: &[f64]| {
            let (told, rounding) = rounded(told(values), 2);
            Moments::of(&told, &rounding).expect("some")
        };
        let interval = Moments::between(&moments(&before), &moments(&all)).expect("three");
        assert!(interval.deviation().is_none() && interval.is_rounded_away(), "{interval:?}");
    }

    /// A log-normal sample's quantiles by hand: σ = 0.5, μ = 0, p95 = e^(1.6449·0.5) = 2.2760.
    #[test]
    fn guesses_are_log_normal_and_refuse_wild_distributions() {
        let (mean, deviation) = ((0.125f64).exp(), ((0.25f64).exp() - 1.0).sqrt() * (0.125f64).exp());
        let told = Told { count: 20_000, total: mean * 20_000.0, deviation: Some(deviation), min: Some(0.1), max: Some(9.0) };
        let moments = Moments::of(&told, &Rounding::default()).expect("some");
        let guess = moments.guess(0.95, moments.at_rank(19_000)).expect("tame");
        assert!((guess - 2.276).abs() < 0.01, "{guess}");
        let wild = Moments::of(&Told { deviation: Some(mean * 3.5), max: Some(5_000.0), ..told }, &Rounding::default()).expect("some");
        assert_eq!(wild.guess(0.95, wild.at_rank(19_000)), None);
    }
}
