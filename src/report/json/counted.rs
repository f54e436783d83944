//! What snapshots add to `laggard.report/1`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::{CounterLine, CoverageLine, LatencyLine};

/// Between which values each percentile certainly lies, both included.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Bounds {
    p50_us: Option<(u64, u64)>,
    p90_us: Option<(u64, u64)>,
    p95_us: Option<(u64, u64)>,
    p99_us: Option<(u64, u64)>,
    p999_us: Option<(u64, u64)>,
    /// `null` if the maximum is known.
    max_us: Option<(u64, u64)>,
}

/// What snapshots tell; `null` is what the server does not count. Blocks are of 8 kB unless the server was built otherwise.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Counters {
    shared_hit: Option<u64>,
    shared_read: Option<u64>,
    dirtied: Option<u64>,
    written: Option<u64>,
    local_hit: Option<u64>,
    local_read: Option<u64>,
    local_dirtied: Option<u64>,
    local_written: Option<u64>,
    /// Temporary blocks read and written.
    temp: Option<u64>,
    temp_read: Option<u64>,
    temp_written: Option<u64>,
    /// Of shared, local and temporary blocks, with `track_io_timing`.
    read_us: Option<u64>,
    write_us: Option<u64>,
    wal_records: Option<u64>,
    wal_fpi: Option<u64>,
    wal_bytes: Option<u64>,
    wal_buffers_full: Option<u64>,
    /// Times planned, and their time, which is not in the latency; with `pg_stat_statements.track_planning`.
    plans: Option<u64>,
    plan_us: Option<u64>,
    jit_functions: Option<u64>,
    jit_us: Option<u64>,
    workers_to_launch: Option<u64>,
    workers_launched: Option<u64>,
    generic_plans: Option<u64>,
    custom_plans: Option<u64>,
    /// Executions within functions, among the calls.
    nested_calls: u64,
    /// `continuous`, `restarted`, `new`, `gone` or `hidden`.
    state: &'static str,
    /// Whether executions may be missing.
    partial: bool,
    /// Of entries that are gone: what they had counted when they were last seen, which is not in `calls`.
    last_seen: Option<LastSeen>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LastSeen {
    calls: u64,
    total_us: u64,
}

/// How much of the counters' interval is known.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Coverage {
    /// The share of execution time whose base is known, 0 to 1.
    known_share: Option<f64>,
    /// Entries that vanished or began anew in between; `null` for the life of the counters.
    lost: Option<u64>,
    /// How many times the server dropped entries to make room.
    dealloc_rounds: Option<u64>,
    /// Entries by what became of them.
    entries: BTreeMap<&'static str, u64>,
    /// `interval` between snapshots, or `life` of the counters up to the only one.
    of: &'static str,
}

pub(super) fn coverage(line: &CoverageLine) -> Coverage {
    Coverage {
        known_share: line.known_share,
        lost: line.lost,
        dealloc_rounds: line.dealloc_rounds,
        entries: line.entries.iter().copied().collect(),
        of: if line.is_life { "life" } else { "interval" },
    }
}

pub(super) fn bounds(line: &LatencyLine) -> Bounds {
    let [p50_us, p90_us, p95_us, p99_us, p999_us] = line.bounds.map(|bounds| bounds.map(|(low, high)| (low.0, high.0)));
    let max_us = line.max_limits.filter(|_| line.max.is_none()).map(|(low, high)| (low.0, high.0));
    Bounds { p50_us, p90_us, p95_us, p99_us, p999_us, max_us }
}

pub(super) fn counters(line: &CounterLine) -> Counters {
    let ([shared_hit, shared_read, dirtied, written], [local_hit, local_read, local_dirtied, local_written]) = (line.shared, line.local);
    let ([temp_read, temp_written], [wal_records, wal_fpi, wal_bytes, wal_buffers_full]) = (line.temp, line.wal);
    let ([workers_to_launch, workers_launched], [generic_plans, custom_plans]) = (line.workers, line.plan_kinds);
    let [read_us, write_us] = line.io.map(|time| time.map(|t| t.0));
    Counters {
        shared_hit,
        shared_read,
        dirtied,
        written,
        local_hit,
        local_read,
        local_dirtied,
        local_written,
        temp: temp_read.zip(temp_written).map(|(read, written)| read + written),
        temp_read,
        temp_written,
        read_us,
        write_us,
        wal_records,
        wal_fpi,
        wal_bytes,
        wal_buffers_full,
        plans: line.plans,
        plan_us: line.plan.map(|t| t.0),
        jit_functions: line.jit_functions,
        jit_us: line.jit.map(|t| t.0),
        workers_to_launch,
        workers_launched,
        generic_plans,
        custom_plans,
        nested_calls: line.nested_calls,
        state: line.state,
        partial: line.partial,
        last_seen: line.last_seen.map(|(calls, total)| LastSeen { calls, total_us: total.0 }),
    }
}
