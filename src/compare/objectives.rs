//! Limits that were set for statements, and whether the candidate is shown to keep them.
//!
//! What a call took is asked of all of it, waits for locks as well: who set the limit does not care why it was missed.

use regex::Regex;

use crate::units::{Micros, counted};
use crate::workload::latency::rank;
use crate::workload::moments::Limits;
use crate::workload::{Latency, Permille};

use super::budget::{Basis, ERROR, Judged, Standing, by_calls, by_moments, by_ranks, by_runs};
use super::comparable::{Caveat, caveats};
use super::counters::rule::{empty, number};
use super::facts::Shape;
use super::matched::{Matched, Pair};
use super::policy::{Level, Policy, is_table};
use super::stats::quantile_bound::least_values;
use super::{Change, Evidence, Judgement, Metric, Side};

/// Which statements a limit is set for. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// Their id begins so.
    pub fingerprint: Option<String>,
    /// They ran under this tag, key and value.
    pub tag: Option<(String, String)>,
    /// They name this table.
    pub table: Option<String>,
    /// Their command, such as `select`.
    pub kind: Option<String>,
    /// Their normalised text matches.
    pub text: Option<Regex>,
}

impl Matcher {
    fn matches(&self, id: &str, shape: &Shape) -> bool {
        self.fingerprint.as_deref().is_none_or(|begin| id.starts_with(begin))
            && self.tag.as_ref().is_none_or(|tag| shape.tags.contains(tag))
            && self.table.as_deref().is_none_or(|table| shape.tables.iter().any(|named| is_table(table, named)))
            && self.kind.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case(&shape.verb))
            && self.text.as_ref().is_none_or(|pattern| pattern.is_match(&shape.text))
    }
}

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// A percentile of the latency.
    Quantile(Permille),
    /// The mean latency.
    Mean,
    /// The slowest call.
    Max,
    /// Calls in a request or transaction.
    CallsPerUnit,
    /// Rows of a call.
    RowsPerCall,
    /// Blocks of a call.
    BuffersPerCall,
}

impl Statistic {
    /// In words.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Statistic::Quantile(Permille(999)) => "p99.9".to_owned(),
            Statistic::Quantile(Permille(permille)) => format!("p{}", permille / 10),
            Statistic::Mean => "mean".to_owned(),
            Statistic::Max => "max".to_owned(),
            Statistic::CallsPerUnit => "calls per unit".to_owned(),
            Statistic::RowsPerCall => "rows per call".to_owned(),
            Statistic::BuffersPerCall => "blocks per call".to_owned(),
        }
    }

    /// Whether its values are microseconds.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Statistic::Quantile(_) | Statistic::Mean | Statistic::Max)
    }

    /// Whether what was not logged may be what misses a limit. Percentiles and means of a sample are those of all calls, and those
    /// of slow calls alone lie above them.
    fn is_hidden_by(self, caveat: Caveat) -> bool {
        match self {
            Statistic::Quantile(_) | Statistic::Mean => false,
            Statistic::Max => caveat == Caveat::Sampled,
            Statistic::CallsPerUnit | Statistic::RowsPerCall | Statistic::BuffersPerCall => caveat.hides_calls(),
        }
    }

    fn metric(self) -> Metric {
        match self {
            Statistic::Quantile(Permille(500)) | Statistic::Mean => Metric::Latency,
            Statistic::Quantile(_) | Statistic::Max => Metric::LatencyTail,
            Statistic::CallsPerUnit => Metric::Calls,
            Statistic::RowsPerCall => Metric::Rows,
            Statistic::BuffersPerCall => Metric::Buffers,
        }
    }
}

/// A limit; see the module.
#[derive(Clone, Debug)]
pub struct Budget {
    /// As the gate file calls it.
    pub name: String,
    /// Whom it is for.
    pub matcher: Matcher,
    /// What it is on.
    pub statistic: Statistic,
    /// Above it is missed: microseconds, or a plain number.
    pub limit: f64,
}

impl Budget {
    fn shown(&self, value: f64) -> String {
        if self.statistic.is_time() { Micros::floor(value.round()).to_string() } else { number(value) }
    }
}

/// How all limits stand. A limit that is for no statement is doubtful, lest a slip in its name lets everything pass.
pub(super) fn changes(matched: &Matched<'_>, policy: &Policy) -> Vec<Change> {
    let level = policy.limit("budget").level;
    if level == Level::Off {
        return Vec::new();
    }
    let caveats = caveats(matched);
    let mut changes = Vec::new();
    for budget in &policy.budgets {
        let hidden = caveats.iter().copied().find(|&caveat| budget.statistic.is_hidden_by(caveat));
        let meant = matched.pairs.iter().filter_map(|pair| {
            let shape = pair.of(Side::Candidate).iter().flatten().next()?;
            budget.matcher.matches(&pair.statement.to_string(), shape).then_some(pair)
        });
        let of_budget: Vec<Change> = meant.map(|pair| Change { level, ..change(pair, budget, hidden) }).collect();
        if of_budget.is_empty() {
            changes.push(Change {
                rule: "budget",
                metric: budget.statistic.metric(),
                level,
                subject: Some(format!("{}/{}", budget.name, budget.statistic.name())),
                title: format!("{}: this limit is for no statement of the candidate, so it says nothing", budget.name),
                ..empty(Judgement::Inconclusive)
            });
        }
        changes.extend(of_budget);
    }
    changes
}

fn change(pair: &Pair<'_>, budget: &Budget, hidden: Option<Caveat>) -> Change {
    let shapes: Vec<&Shape> = pair.of(Side::Candidate).iter().flatten().copied().collect();
    let judged = judged(&shapes, budget).map(|judged| if hidden.is_some() { doubted(judged) } else { judged });
    let value = shapes.iter().filter_map(|shape| value(shape, budget.statistic)).reduce(f64::max);
    let verdict = match judged.map(|judged| judged.standing) {
        Some(Standing::Violated) => Judgement::Regressed,
        Some(Standing::Met) => Judgement::Ok,
        Some(Standing::Inconclusive) | None => Judgement::Inconclusive,
    };
    let name = budget.statistic.name();
    let seen = value.map_or_else(|| "not known".to_owned(), |value| budget.shown(value));
    let mut evidence = judged.map_or_else(Vec::new, |judged| vec![Evidence { kind: "bounds", text: told(&judged, budget) }]);
    evidence.extend(hidden.map(|caveat| Evidence { kind: "doubt", text: caveat.to_string() }));
    Change {
        rule: "budget",
        metric: budget.statistic.metric(),
        statement: Some(pair.statement),
        subject: Some(format!("{}/{name}", budget.name)),
        title: format!("{}: {name} {seen}, limit {}", budget.name, budget.shown(budget.limit)),
        baseline: Some(budget.limit),
        candidate: value,
        ratio: value.filter(|_| budget.limit > 0.0).map(|value| value / budget.limit),
        calls: pair.all_calls(),
        runs: pair.runs(),
        evidence,
        ..empty(verdict)
    }
}

fn told(judged: &Judged, budget: &Budget) -> String {
    let name = budget.statistic.name();
    let basis = match judged.basis {
        Basis::Ranks => "95 % sure, by the ranks of its calls",
        Basis::Moments => "certain, of the calls that were made",
        Basis::Runs => "95 % sure, over the runs",
        Basis::Calls => "95 % sure, of the calls of this run",
    };
    let Limits { low, high } = judged.bounds;
    let above = if high.is_finite() { format!(" and at most {}", budget.shown(high)) } else { String::new() };
    let needed =
        judged.needed.map(|needed| format!("; {} in a run would bound it from above", counted(needed, "call"))).unwrap_or_default();
    format!("{name} is at least {}{above} ({basis}){needed}", budget.shown(low))
}

/// How a limit stands, over all runs of the candidate that have the statement; `None` if nothing is known of what it is on.
fn judged(shapes: &[&Shape], budget: &Budget) -> Option<Judged> {
    let known: Vec<f64> = shapes.iter().filter_map(|shape| value(shape, budget.statistic)).collect();
    let is_known = known.len() == shapes.len();
    match budget.statistic {
        Statistic::Quantile(_) | Statistic::Mean => {
            let are_enough = is_known && shapes.iter().all(|shape| has_enough(shape, budget.statistic));
            let runs = if are_enough { by_runs(&known, budget.limit) } else { None };
            runs.or_else(|| of_each(shapes, budget))
        }
        Statistic::Max => of_each(shapes, budget),
        Statistic::CallsPerUnit | Statistic::RowsPerCall | Statistic::BuffersPerCall => {
            let most = known.into_iter().reduce(f64::max)?;
            let standing = if most > budget.limit { Standing::Violated } else { Standing::Met };
            let judged = Judged { standing, ..by_moments(Limits { low: most, high: most }, budget.limit) };
            Some(if is_known { judged } else { doubted(judged) })
        }
    }
}

/// Whether the percentile of a run has calls on both sides of it. Of fewer it is the largest of what was drawn, and the largest
/// of a few draws lies below the percentile in every run alike, so that their agreement would prove nothing.
fn has_enough(shape: &Shape, statistic: Statistic) -> bool {
    let Statistic::Quantile(Permille(permille)) = statistic else { return true };
    let calls = shape.latency.as_ref().map_or(0, Latency::count);
    least_values(permille as f64 / 1_000.0, ERROR).is_some_and(|least| calls >= least)
}

/// What the run says that says worst. One that says nothing leaves doubt.
fn of_each(shapes: &[&Shape], budget: &Budget) -> Option<Judged> {
    let each: Vec<Judged> = shapes.iter().filter_map(|shape| of_run(shape, budget)).collect();
    let is_known = each.len() == shapes.len();
    each.into_iter().reduce(worse).map(|judged| if is_known { judged } else { doubted(judged) })
}

/// The same where not all is known that could speak against it.
fn doubted(judged: Judged) -> Judged {
    let standing = if judged.standing == Standing::Met { Standing::Inconclusive } else { judged.standing };
    Judged { standing, ..judged }
}

/// Of two runs the one that says worse.
fn worse(a: Judged, b: Judged) -> Judged {
    let rank = |judged: &Judged| match judged.standing {
        Standing::Violated => 2,
        Standing::Inconclusive => 1,
        Standing::Met => 0,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

fn of_run(shape: &Shape, budget: &Budget) -> Option<Judged> {
    let limit = budget.limit;
    let micros = |limits: Limits| Limits { low: limits.low * 1_000.0, high: limits.high * 1_000.0 };
    match (budget.statistic, &shape.latency, shape.moments) {
        (Statistic::Quantile(Permille(permille)), Some(latency), _) => {
            // A histogram is never below a value, and at most 1 % above it.
            let slack = if latency.is_exact() { 1.0 } else { 0.99 };
            let at_rank = |rank| latency.at_rank(rank).map(|v| Limits { low: v.0 as f64 * slack, high: v.0 as f64 });
            Some(by_ranks(permille as f64 / 1_000.0, latency.count(), &at_rank, limit))
        }
        (Statistic::Quantile(quantile), None, Some(moments)) => {
            Some(by_moments(micros(moments.at_rank(rank(moments.count(), quantile)?)), limit))
        }
        (Statistic::Mean, Some(latency), _) => Some(by_calls(latency.count(), latency.mean()?, latency.deviation()?, limit)),
        (Statistic::Mean, None, Some(moments)) => {
            Some(by_calls(moments.count(), moments.average() * 1_000.0, moments.deviation()? * 1_000.0, limit))
        }
        (Statistic::Max, Some(latency), _) => {
            let max = latency.max()?.0 as f64;
            Some(by_moments(Limits { low: max, high: max }, limit))
        }
        (Statistic::Max, None, Some(moments)) => Some(by_moments(micros(moments.max()), limit)),
        _ => None,
    }
}

/// What a run knows of a statistic.
fn value(shape: &Shape, statistic: Statistic) -> Option<f64> {
    let per = |total: Option<u64>, of: u64| total.map(|total| total as f64 / of.max(1) as f64);
    match statistic {
        Statistic::Quantile(quantile) => Some(shape.latency.as_ref()?.at(quantile)?.0 as f64),
        Statistic::Mean => match &shape.latency {
            Some(latency) => latency.mean(),
            None => shape.mean,
        },
        Statistic::Max => match &shape.latency {
            Some(latency) => latency.max().map(|max| max.0 as f64),
            None => shape.max,
        },
        Statistic::CallsPerUnit => per(Some(shape.calls), shape.units?),
        Statistic::RowsPerCall => per(shape.rows, shape.calls),
        Statistic::BuffersPerCall => per(shape.blocks, shape.calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(values: &[u64]) -> Shape {
        let mut latency = Latency::default();
        values.iter().for_each(|&us| latency.record(Micros(us)));
        Shape { calls: values.len() as u64, latency: Some(latency), units: Some(10), ..Shape::default() }
    }

    fn standing(shapes: &[&Shape], statistic: Statistic, limit: f64) -> Standing {
        let budget = Budget { name: "b".to_owned(), matcher: Matcher::default(), statistic, limit };
        judged(shapes, &budget).expect("known").standing
    }

    #[test]
    fn a_percentile_is_missed_only_if_enough_calls_show_it() {
        let p95 = Statistic::Quantile(Permille(950));
        // Of 59 calls the largest bounds the 95th percentile from above with 95 % confidence: 1 − 0.95^59 = 0.951.
        let well = logged(&(1..=59).map(|n| n * 1_000).collect::<Vec<_>>());
        assert_eq!(standing(&[&well], p95, 59_001.0), Standing::Met);
        assert_eq!(standing(&[&well], p95, 58_000.0), Standing::Inconclusive);
        let few = logged(&(1..=58).map(|n| n * 1_000).collect::<Vec<_>>());
        assert_eq!(standing(&[&few], p95, 1e9), Standing::Inconclusive);
        assert_eq!(standing(&[&well], p95, 10_000.0), Standing::Violated);
        assert_eq!(standing(&[&well, &few], p95, 1e9), Standing::Inconclusive, "one run that cannot tell is enough for doubt");
    }

    #[test]
    fn the_slowest_call_and_calls_of_a_unit_are_known_as_they_are() {
        let shape = logged(&[1_000, 5_000]);
        assert_eq!([4_999.0, 5_001.0].map(|limit| standing(&[&shape], Statistic::Max, limit)), [Standing::Violated, Standing::Met]);
        let loops = Shape { calls: 30, ..shape };
        assert_eq!([2.9, 3.0].map(|limit| standing(&[&loops], Statistic::CallsPerUnit, limit)), [Standing::Violated, Standing::Met]);
    }

    /// p99.9 needs 2 995 calls (0.999^n ≤ 0.05): three runs of one call each agree, and say nothing of it.
    #[test]
    fn runs_that_agree_on_too_few_calls_show_no_percentile() {
        let one = logged(&[10_000]);
        let p999 = Statistic::Quantile(Permille(999));
        assert_eq!(standing(&[&one, &one, &one], p999, 50_000.0), Standing::Inconclusive);
        let well = logged(&(1..=59).map(|n| n * 1_000).collect::<Vec<_>>());
        let p95 = Statistic::Quantile(Permille(950));
        assert_eq!(standing(&[&well, &well, &well], p95, 58_000.0), Standing::Met, "over the runs");
        assert_eq!(standing(&[&well, &well, &one], p95, 58_000.0), Standing::Inconclusive);
    }

    #[test]
    fn a_run_that_does_not_know_leaves_doubt_and_excuses_nothing() {
        let known = logged(&[1_000, 5_000]);
        let unknown = Shape { calls: 2, ..Shape::default() };
        for statistic in [Statistic::CallsPerUnit, Statistic::Max] {
            let judge = |limit: f64| standing(&[&known, &unknown], statistic, limit);
            assert_eq!([0.1, 1e9].map(judge), [Standing::Violated, Standing::Inconclusive], "{statistic:?}");
        }
    }
}
