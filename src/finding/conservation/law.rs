//! The law of conservation between two statements, from what both counted in each interval.
//!
//! Other callers of the child are allowed for: its calls are `slope · rows + rest` with neither below 0, by least squares.

use crate::workload::Tick;

use super::super::Confidence;

/// Over fewer intervals anything goes with anything.
pub(super) const FEWEST_INTERVALS: usize = 3;
/// From so many on the law is likely where it holds.
const MANY_INTERVALS: usize = 6;

/// What the numbers of two statements must be for the law to hold between them.
pub(super) struct Limits {
    /// Of their correlation, the least.
    pub(super) correlation: f64,
    /// Of calls to rows. What is null or loaded already makes it less than 1.
    pub(super) ratio: [f64; 2],
    /// Of the slope, likewise.
    pub(super) slope: [f64; 2],
}

/// Where names say that the one points to the other.
pub(super) const STRICT: Limits = Limits { correlation: 0.9, ratio: [0.5, 1.05], slope: [0.0, f64::INFINITY] };
/// Where they do and the child has other callers too.
pub(super) const LOOSE: Limits = Limits { correlation: 0.75, ratio: [0.3, 3.0], slope: [0.5, 1.5] };
/// Where names say little.
const EXACT: Limits = Limits { correlation: 0.98, ratio: [0.8, 1.05], slope: [0.0, f64::INFINITY] };

/// How the calls of a child go with the rows of a parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Law {
    /// Intervals in which both are known.
    pub(super) intervals: usize,
    /// Calls of the child in them.
    pub(super) calls: u64,
    /// Rows of the parent in them.
    pub(super) rows: u64,
    /// Calls to rows.
    pub(super) ratio: f64,
    /// Pearson's, of calls with rows.
    pub(super) correlation: f64,
    /// How many more calls one more row brings.
    pub(super) slope: f64,
}

impl Law {
    /// `None` where there are too few intervals, or nothing varies in them.
    pub(super) fn of(child: &[Option<Tick>], parent: &[Option<Tick>]) -> Option<Self> {
        let points: Vec<(u64, u64)> = parent.iter().zip(child).filter_map(|(p, c)| p.zip(*c)).map(|(p, c)| (p.rows, c.calls)).collect();
        let (rows, calls) =
            points.iter().fold((0_u64, 0_u64), |(rows, calls), point| (rows.saturating_add(point.0), calls.saturating_add(point.1)));
        let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (x as f64, y as f64)).collect();
        let (x, y) = (rows as f64 / points.len() as f64, calls as f64 / points.len() as f64);
        let of = |f: fn(f64, f64) -> f64, x: f64, y: f64| points.iter().map(|&(px, py)| f(px - x, py - y)).sum::<f64>();
        let (xx, yy, xy) = (of(|x, _| x * x, x, y), of(|_, y| y * y, x, y), of(|x, y| x * y, x, y));
        if points.len() < FEWEST_INTERVALS || xx <= 0.0 || yy <= 0.0 {
            return None;
        }
        let slope = (xy / xx).max(0.0);
        // A rest below nothing is none, and the line goes through nothing.
        let slope = if y < slope * x { of(|x, y| x * y, 0.0, 0.0) / of(|x, _| x * x, 0.0, 0.0) } else { slope };
        Some(Law { intervals: points.len(), calls, rows, ratio: y / x, correlation: xy / (xx * yy).sqrt(), slope })
    }

    fn fits(&self, limits: &Limits) -> bool {
        let within = |value: f64, [low, high]: [f64; 2]| low <= value && value <= high;
        self.correlation >= limits.correlation && within(self.ratio, limits.ratio) && within(self.slope, limits.slope)
    }

    /// How surely it is one of a loop; `None` if it is none. `relation` is how surely names say so, `is_named` whether they name
    /// the other table.
    pub(super) fn confidence(&self, relation: u8, is_named: bool) -> Option<Confidence> {
        let is_long = self.intervals >= MANY_INTERVALS;
        let most = if is_long && relation == 2 { Confidence::Medium } else { Confidence::Low };
        match () {
            () if self.fits(if is_named { &STRICT } else { &EXACT }) => Some(most),
            () if is_named && is_long && self.fits(&LOOSE) => Some(Confidence::Low),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(of: impl Fn(u64) -> u64, parent: bool) -> Vec<Option<Tick>> {
        let tick = |n| if parent { Tick { calls: 1, rows: of(n), total: 1.0 } } else { Tick { calls: of(n), rows: 1, total: 1.0 } };
        (0..8).map(|n| Some(tick(n))).collect()
    }

    /// Rows 100, 310, 520 … and twice back: enough to vary.
    fn rows(n: u64) -> u64 {
        100 + n * n % 7 * 210
    }

    #[test]
    fn as_many_calls_as_rows_are_likely_a_loop() {
        let law = Law::of(&ticks(rows, false), &ticks(rows, true)).expect("varies");
        assert!((law.ratio - 1.0).abs() < 1e-12 && (law.correlation - 1.0).abs() < 1e-12 && (law.slope - 1.0).abs() < 1e-12, "{law:?}");
        assert_eq!(
            (law.confidence(2, true), law.confidence(2, false), law.confidence(1, false)),
            (Some(Confidence::Medium), Some(Confidence::Medium), Some(Confidence::Low))
        );
        let few = Law::of(&ticks(rows, false)[..5], &ticks(rows, true)).expect("varies");
        assert_eq!((few.intervals, few.confidence(2, true)), (5, Some(Confidence::Low)));
        assert!(Law::of(&ticks(rows, false)[..2], &ticks(rows, true)).is_none(), "two points are always in line");
        assert!(Law::of(&ticks(|_| 7, false), &ticks(rows, true)).is_none(), "what never varies goes with nothing");
    }

    /// 1 400 calls an interval and some more or less from elsewhere, beside one for each row: the slope is that of the rows.
    #[test]
    fn other_callers_are_the_rest_of_the_line() {
        let noisy = |n: u64| rows(n) + 500 + n * 5 % 3 * 100;
        let law = Law::of(&ticks(noisy, false), &ticks(rows, true)).expect("varies");
        assert!(law.ratio > 1.5 && (0.8..1.2).contains(&law.slope) && law.correlation > 0.9, "{law:?}");
        assert_eq!((law.confidence(2, true), law.confidence(2, false)), (Some(Confidence::Low), None));
    }

    /// Three calls a row through nothing: a rest that would be below nothing does not make it steeper.
    #[test]
    fn a_rest_is_never_below_nothing() {
        let law = Law::of(&ticks(|n| (rows(n) * 3).saturating_sub(200), false), &ticks(rows, true)).expect("varies");
        assert!(law.slope < 3.0 && law.slope > 2.5 && law.confidence(2, true).is_none(), "{law:?}");
    }

    #[test]
    fn intervals_in_which_one_is_not_known_are_left_out() {
        let mut child = ticks(rows, false);
        child[3] = None;
        assert_eq!(Law::of(&child, &ticks(rows, true)).map(|law| law.intervals), Some(7));
    }
}
