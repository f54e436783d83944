//! What is known of a latency, be it from a log, from counters, or from both of the same time.
//!
//! A log gives values, counters give moments. Where both tell of one interval, the counters know how many calls there were
//! and the log knows those above its threshold, so that the percentiles above it are exact.

use crate::units::Micros;
use crate::workload::latency::rank;
use crate::workload::moments::{Limits, Moments, Told};
use crate::workload::{Counted, Coverage, Group, Latency, Permille, State, Statement, Workload, micros};

use super::super::{Known, LatencyLine, Percentile, QUANTILES};

/// How many steps a spread has.
const SPREAD: usize = 10;

/// Calls and their latency.
pub(super) struct Figures {
    pub(super) calls: u64,
    pub(super) latency: LatencyLine,
}

/// What all figures of a report have in common.
pub(super) struct Scale {
    range: (Micros, Micros),
    /// What nothing logged is faster than, if the log tells of the counters' interval.
    threshold: Option<Micros>,
    /// Whether the counters of that interval lack nothing, so that whatever the log has of queries is among them.
    is_whole: bool,
}

impl Scale {
    pub(super) fn of(workload: &Workload) -> Self {
        let range = (workload.total().min().unwrap_or_default(), workload.total().max().unwrap_or_default());
        let threshold = workload.shortest().map(|(shortest, _)| shortest).filter(|_| is_one_interval(workload));
        Scale { range, threshold, is_whole: threshold.is_some() && lacks_nothing(workload) && may_be_spelt_otherwise(workload) }
    }

    /// What a log tells.
    pub(super) fn logged(&self, latency: &Latency) -> LatencyLine {
        let known = match latency.count() {
            0 => Known::Nothing,
            _ if latency.is_exact() => Known::Exact,
            _ => Known::Histogram,
        };
        let percentile = |permille| {
            let quantile = Permille(permille);
            latency.at(quantile).map(|value| Percentile { value, is_maximum: latency.is_beyond_samples(quantile) })
        };
        LatencyLine {
            known,
            total: latency.total(),
            min: latency.min(),
            mean: latency.mean(),
            deviation: latency.deviation(),
            percentiles: QUANTILES.map(percentile),
            max: latency.max(),
            spread: latency.spread(self.range.0, self.range.1, SPREAD),
            ..LatencyLine::default()
        }
    }

    pub(super) fn statement(&self, s: &Statement) -> Figures {
        let from_log = || Figures { calls: s.calls(), latency: self.logged(&s.latency) };
        let Some(counted) = &s.counted else { return from_log() };
        let Some(moments) = counted.all() else {
            let nothing = Figures { calls: 0, latency: LatencyLine::default() };
            return if s.calls() > 0 { from_log() } else { nothing };
        };
        let from_counters = || Figures { calls: moments.count(), latency: of_moments(&moments, counted) };
        if self.is_logged(s, counted, &moments) {
            return from_log();
        }
        let mut figures = from_counters();
        if self.threshold_of(s, counted).is_some_and(|threshold| is_tail(s, &moments, threshold)) {
            take_tail(&mut figures.latency, &s.latency, moments.count());
            figures.latency.spread = s.latency.spread(self.range.0, self.range.1, SPREAD);
        }
        figures
    }

    /// What nothing logged is faster than, if the log may tell more of a statement than its counters.
    fn threshold_of(&self, s: &Statement, counted: &Counted) -> Option<Micros> {
        self.threshold.filter(|_| s.latency.count() > 0 && counted.nested.is_none())
    }

    /// Whether a log tells more of a statement than its counters: an entry that was lost in between counts less.
    fn is_logged(&self, s: &Statement, counted: &Counted, moments: &Moments) -> bool {
        match self.threshold_of(s, counted) {
            Some(_) => s.latency.count() >= moments.count(),
            None => s.calls() > moments.count(),
        }
    }

    /// Whether the counters have the calls of a statement under another spelling: to the server statements are one whatever
    /// their aliases are. So it is with every query of the log that has no counters of its own where these lack nothing.
    pub(super) fn is_counted_elsewhere(&self, s: &Statement) -> bool {
        self.is_whole && is_without_counters(s)
    }

    pub(super) fn group(&self, group: &Group) -> Figures {
        match &group.counted {
            Some(moments) => Figures { calls: moments.count(), latency: of_moments(moments, &Counted::default()) },
            None => Figures { calls: group.latency.count() + group.untimed, latency: self.logged(&group.latency) },
        }
    }

    /// Over everything, each statement as [`Self::statement`] tells it. The time of what ran within functions is in that of
    /// what called them, and what is counted under another spelling is in that.
    pub(super) fn total(&self, workload: &Workload) -> Figures {
        if workload.coverage().is_none() {
            return Figures { calls: workload.calls(), latency: self.logged(workload.total()) };
        }
        let mut calls: u64 = 0;
        let mut sum: Option<Moments> = None;
        // Sums of fractions depend on their order in the last digit.
        let mut statements: Vec<&Statement> = workload.statements().collect();
        statements.sort_by_key(|statement| statement.fingerprint);
        for s in statements {
            if self.is_counted_elsewhere(s) {
                continue;
            }
            let counted = s.counted.as_ref().and_then(|counted| Some((counted, counted.all()?)));
            let (count, moments) = match counted {
                Some((counted, all)) if !self.is_logged(s, counted, &all) => (counted.sent.map_or(0, |m| m.count()), counted.sent),
                _ => (s.calls(), of_log(&s.latency)),
            };
            calls = calls.saturating_add(count);
            sum = Moments::sum(sum, moments);
        }
        Figures { calls, latency: sum.map_or_else(LatencyLine::default, |m| of_moments(&m, &Counted::default())) }
    }
}

/// Whether the log tells of the whole interval that the counters are of.
fn is_one_interval(workload: &Workload) -> bool {
    let Some(coverage) = workload.coverage().filter(|coverage| !coverage.is_life) else { return false };
    let (Some(start), Some(end), Some((first, last))) = (coverage.start, coverage.end, workload.window()) else { return false };
    // A log has no record at the very moment of a snapshot.
    let slack = ((end.0 - start.0) / 100).max(2_000_000);
    first.0 <= start.0 + slack && last.0 >= end.0 - slack
}

/// Whether counters have every query of their interval.
fn lacks_nothing(workload: &Workload) -> bool {
    let is_told = |coverage: &&Coverage| {
        coverage.lost == Some(0)
            && coverage.dealloc_rounds.is_none_or(|rounds| rounds == 0)
            && coverage.without_base + coverage.in_doubt == 0
            && !coverage.is_reset
    };
    let is_complete = |coverage: &Coverage| {
        [State::Hidden, State::Restarted, State::Gone].iter().all(|state| coverage.entries.get(state).is_none_or(|&n| n == 0))
    };
    workload.rules().filter.passes_whoever() && workload.coverage().filter(is_told).is_some_and(is_complete)
}

/// The verbs of statements that are counted as they are. A string of several is counted one by one, and so is what EXECUTE runs.
const COUNTED: [&str; 5] = ["select ", "insert ", "update ", "delete ", "with "];

/// Whether it is a query that was logged and has no counters.
fn is_without_counters(s: &Statement) -> bool {
    let is_query = COUNTED.iter().any(|verb| s.text.starts_with(verb));
    is_query && s.calls() > 0 && s.counted.as_ref().is_none_or(|counted| counted.all().is_none())
}

/// Whether the counters of each verb have so many calls that the log tells under none of their spellings as it tells under
/// spellings that they lack. If not, the log is of more than they count.
fn may_be_spelt_otherwise(workload: &Workload) -> bool {
    COUNTED.iter().all(|verb| {
        let (mut beyond, mut lacking) = (0_u64, 0_u64);
        for s in workload.statements().filter(|s| s.text.starts_with(verb)) {
            match s.counted.as_ref().and_then(|counted| counted.all()) {
                Some(moments) => beyond = beyond.saturating_add(moments.count().saturating_sub(s.calls())),
                None => lacking += s.calls(),
            }
        }
        beyond >= lacking
    })
}

/// Whether the calls that were logged are the slowest: the others together took no longer than so many calls below the
/// threshold can.
fn is_tail(s: &Statement, all: &Moments, threshold: Micros) -> bool {
    let others = (all.count() - s.latency.count()) as f64;
    let rest = all.total() * 1_000.0 - s.latency.total().0 as f64;
    s.untimed == 0 && rest <= others * threshold.0 as f64 && rest >= -(s.latency.total().0 as f64) * 0.05
}

/// Takes the percentiles that lie among the logged calls, which are the slowest of all.
fn take_tail(line: &mut LatencyLine, logged: &Latency, calls: u64) {
    for (at, permille) in QUANTILES.into_iter().enumerate() {
        let Some(rank) = rank(calls, Permille(permille)) else { continue };
        let below = calls - logged.count();
        if let Some(value) = rank.checked_sub(below).and_then(|rank| logged.at_rank(rank)) {
            line.percentiles[at] = Some(Percentile { value, is_maximum: rank == calls });
            line.bounds[at] = Some((value, value));
            line.guesses[at] = None;
        }
    }
    line.max = logged.max();
    line.max_limits = logged.max().map(|max| (max, max));
}

/// The moments of what a log tells.
fn of_log(latency: &Latency) -> Option<Moments> {
    let ms = |us: f64| us / 1_000.0;
    let told = Told {
        count: latency.count(),
        total: ms(latency.total().0 as f64),
        deviation: latency.deviation().map(ms),
        min: latency.min().map(|m| ms(m.0 as f64)),
        max: latency.max().map(|m| ms(m.0 as f64)),
    };
    Moments::of(&told, &crate::workload::moments::Rounding::default())
}

/// What counters tell.
pub(super) fn of_moments(moments: &Moments, counted: &Counted) -> LatencyLine {
    let mut line = LatencyLine {
        known: Known::Moments,
        total: micros(moments.total()),
        min: moments.least().map(micros),
        mean: Some(moments.average() * 1_000.0),
        deviation: moments.deviation().map(|d| d * 1_000.0),
        max: moments.most().map(micros),
        max_limits: Some(outward(moments.max())),
        ..LatencyLine::default()
    };
    for (at, permille) in QUANTILES.into_iter().enumerate() {
        let Some(rank) = rank(moments.count(), Permille(permille)) else { continue };
        let limits = narrowed(moments.at_rank(rank), bucket(&counted.buckets, moments.count(), rank));
        match limits.exact().map(micros) {
            Some(value) => {
                line.percentiles[at] = Some(Percentile { value, is_maximum: rank == moments.count() });
                line.bounds[at] = Some((value, value));
            }
            None => {
                line.bounds[at] = Some(outward(limits));
                line.guesses[at] = moments.guess(permille as f64 / 1_000.0, limits).map(micros);
            }
        }
    }
    line
}

fn narrowed(limits: Limits, bucket: Option<Limits>) -> Limits {
    let Some(bucket) = bucket else { return limits };
    let (low, high) = (limits.low.max(bucket.low), limits.high.min(bucket.high));
    // What contradicts itself narrows nothing.
    if low <= high { Limits { low, high } } else { limits }
}

/// Whole microseconds that certainly enclose the limits.
fn outward(limits: Limits) -> (Micros, Micros) {
    (Micros::floor(limits.low * 1_000.0), Micros::ceil(limits.high * 1_000.0))
}

/// `pg_stat_monitor` divides durations into one bucket below a millisecond, twenty in equal steps of the logarithm up to
/// 100 s, and one above, unless `pgsm_histogram_*` was changed, which would give another number of them. Source: its
/// `histogram_bucket_timings`, which cuts the limits to whole milliseconds.
fn bucket(buckets: &[u64], calls: u64, rank: u64) -> Option<Limits> {
    const MIN: f64 = 1.0;
    const MAX: f64 = 100_000.0;
    const STEPS: usize = 20;
    if buckets.len() != STEPS + 2 || buckets.iter().sum::<u64>() != calls {
        return None;
    }
    let mut passed = 0;
    let at = buckets.iter().position(|count| {
        passed += count;
        passed >= rank
    })?;
    let step = (MAX - MIN).ln() / STEPS as f64;
    let limit = |step_number: usize| if step_number == 0 { MIN } else { MIN + (step * step_number as f64).exp() };
    Some(match at {
        0 => Limits { low: 0.0, high: MIN },
        at if at > STEPS => Limits { low: limit(STEPS).floor(), high: f64::INFINITY },
        at => Limits { low: limit(at - 1).floor(), high: limit(at).ceil() },
    })
}
