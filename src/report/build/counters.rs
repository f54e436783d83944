//! Counters of snapshots as a report shows them.

use crate::event::Holds;
use crate::event::tally::{Count, Time};
use crate::workload::{Counted, Coverage, Reading, State, micros};

use super::super::{CounterLine, CoverageLine, Warning};
use super::figures::Scale;

pub(super) fn counter_line(counted: &Counted) -> CounterLine {
    let counts = |of: [Count; 4]| of.map(|count| counted.count(count));
    let pair = |of: [Count; 2]| of.map(|count| counted.count(count));
    CounterLine {
        state: counted.state.name(),
        partial: counted.partial,
        nested_calls: counted.nested.map_or(0, |nested| nested.count()),
        last_seen: counted.last_seen.map(|(calls, total)| (calls, micros(total))),
        plans: counted.count(Count::Plans),
        plan: counted.time(Time::Plan),
        shared: counts([Count::SharedHit, Count::SharedRead, Count::SharedDirtied, Count::SharedWritten]),
        local: counts([Count::LocalHit, Count::LocalRead, Count::LocalDirtied, Count::LocalWritten]),
        temp: pair([Count::TempRead, Count::TempWritten]),
        io: [Time::Read, Time::Write].map(|time| counted.time(time)),
        wal: counts([Count::WalRecords, Count::WalFullPages, Count::WalBytes, Count::WalBuffersFull]),
        jit_functions: counted.count(Count::JitFunctions),
        jit: counted.time(Time::Jit),
        workers: pair([Count::WorkersToLaunch, Count::WorkersLaunched]),
        plan_kinds: pair([Count::GenericPlans, Count::CustomPlans]),
    }
}

pub(super) fn coverage_line(coverage: &Coverage) -> CoverageLine {
    CoverageLine {
        known_share: coverage.known_share,
        lost: coverage.lost,
        dealloc_rounds: coverage.dealloc_rounds,
        entries: coverage.entries.iter().map(|(state, &count)| (state.name(), count)).collect(),
        is_life: coverage.is_life,
    }
}

/// What comes from the counters and what from the log of the same time.
fn joined(reading: &Reading) -> Warning {
    let scale = Scale::of(&reading.workload);
    let elsewhere = reading.workload.statements().filter(|statement| scale.is_counted_elsewhere(statement));
    let (statements, calls) = elsewhere.fold((0, 0), |(n, calls), statement| (n + 1, calls + statement.calls()));
    Warning::Joined { limited: reading.is_limited, elsewhere: (statements, calls) }
}

/// What a reader should know about the counters.
pub(super) fn warnings(reading: &Reading) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = reading.astray.iter().map(|path| Warning::Astray { path: path.display().to_string() }).collect();
    let Some(coverage) = reading.workload.coverage() else {
        warnings.extend((!reading.workload.catalogs().is_empty()).then_some(Warning::WithoutCounters));
        return warnings;
    };
    let track = reading.workload.environment().get("pg_stat_statements.track");
    if track.is_some_and(|values| values.iter().all(|value| value == "none")) {
        warnings.push(Warning::NotTracked);
    }
    let filter = &reading.workload.rules().filter;
    if !reading.is_limited && (filter.since.is_some() || filter.until.is_some()) {
        warnings.push(Warning::NotCut);
    }
    if coverage.is_order_assumed {
        warnings.push(Warning::OrderAssumed);
    }
    if coverage.rounded > 0 {
        warnings.push(Warning::RoundedAway { statements: coverage.rounded });
    }
    if let Some(hidden) = coverage.entries.get(&State::Hidden).copied().filter(|&hidden| hidden > 0) {
        warnings.push(Warning::Hidden { entries: hidden });
    }
    if coverage.without_base > 0 {
        warnings.push(Warning::WithoutBase { entries: coverage.without_base });
    }
    if coverage.in_doubt > 0 {
        warnings.push(Warning::InDoubt { entries: coverage.in_doubt });
    }
    if reading.inputs.iter().any(|input| input.holds == Holds::Events) {
        warnings.push(if coverage.is_life { Warning::LogBesideLife } else { joined(reading) });
    }
    warnings
}
