//! The columns of `pg_stat_statements` in every version, and of the views that come with it.
//!
//! Whatever asks for the view or reads it, be it an export, a snapshot file or a live server, goes through this table; a new
//! version of the extension is a few lines of it. Columns are chosen by the version of the extension, not of the server,
//! because an upgrade of the server leaves the extension as it was.
//!
//! By version: the extension's upgrade scripts, `contrib/pg_stat_statements/pg_stat_statements--*.sql`; for
//! `pg_stat_monitor` its user guide, "pg_stat_monitor view reference".

use crate::units::Timestamp;

use super::tally::{Count, Counters, TallyKey, Time};

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The database's object id.
    DatabaseId,
    /// The role's object id.
    UserId,
    /// The server's id of the statement.
    QueryId,
    /// Whether a client sent it.
    TopLevel,
    /// The text.
    Query,
    /// The role's name, in exports that joined it.
    UserName,
    /// The database's name, in exports that joined it.
    DatabaseName,
    /// Divides entries further.
    Part,
    /// Executions.
    Calls,
    /// Time in execution.
    Total,
    /// Its minimum.
    Min,
    /// Its maximum.
    Max,
    /// Its mean.
    Mean,
    /// Its standard deviation.
    Deviation,
    /// A whole-number counter.
    Count(Count),
    /// A part of a time.
    Time(Time),
    /// Since when an entry counts.
    Since,
    /// Since when minimum and maximum count.
    ExtremesSince,
    /// Calls by bucket of duration.
    Buckets,
}

/// One column and the minor versions of the extension that have it, both ends included.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub field: Field,
    /// First version 1.x; beyond all of them if no version of `pg_stat_statements` has it.
    pub since: u32,
    /// Last version 1.x.
    pub until: u32,
}

/// A column that only other extensions or exports have.
const ELSEWHERE: u32 = u32::MAX;

const fn since(name: &'static str, field: Field, since: u32) -> Column {
    Column { name, field, since, until: ELSEWHERE - 1 }
}

const fn between(name: &'static str, field: Field, since: u32, until: u32) -> Column {
    Column { name, field, since, until }
}

const fn elsewhere(name: &'static str, field: Field) -> Column {
    Column { name, field, since: ELSEWHERE, until: 0 }
}

/// Every column that is known, in the order in which they are asked for.
pub static COLUMNS: &[Column] = &[
    since("userid", Field::UserId, 2),
    since("dbid", Field::DatabaseId, 2),
    since("toplevel", Field::TopLevel, 9),
    since("queryid", Field::QueryId, 2),
    since("query", Field::Query, 2),
    since("calls", Field::Calls, 2),
    between("total_time", Field::Total, 2, 7),
    between("min_time", Field::Min, 3, 7),
    between("max_time", Field::Max, 3, 7),
    between("mean_time", Field::Mean, 3, 7),
    between("stddev_time", Field::Deviation, 3, 7),
    since("total_exec_time", Field::Total, 8),
    since("min_exec_time", Field::Min, 8),
    since("max_exec_time", Field::Max, 8),
    since("mean_exec_time", Field::Mean, 8),
    since("stddev_exec_time", Field::Deviation, 8),
    since("rows", Field::Count(Count::Rows), 2),
    since("plans", Field::Count(Count::Plans), 8),
    since("total_plan_time", Field::Time(Time::Plan), 8),
    since("shared_blks_hit", Field::Count(Count::SharedHit), 2),
    since("shared_blks_read", Field::Count(Count::SharedRead), 2),
    since("shared_blks_dirtied", Field::Count(Count::SharedDirtied), 2),
    since("shared_blks_written", Field::Count(Count::SharedWritten), 2),
    since("local_blks_hit", Field::Count(Count::LocalHit), 2),
    since("local_blks_read", Field::Count(Count::LocalRead), 2),
    since("local_blks_dirtied", Field::Count(Count::LocalDirtied), 2),
    since("local_blks_written", Field::Count(Count::LocalWritten), 2),
    since("temp_blks_read", Field::Count(Count::TempRead), 2),
    since("temp_blks_written", Field::Count(Count::TempWritten), 2),
    between("blk_read_time", Field::Time(Time::Read), 2, 10),
    between("blk_write_time", Field::Time(Time::Write), 2, 10),
    since("shared_blk_read_time", Field::Time(Time::Read), 11),
    since("shared_blk_write_time", Field::Time(Time::Write), 11),
    since("local_blk_read_time", Field::Time(Time::Read), 11),
    since("local_blk_write_time", Field::Time(Time::Write), 11),
    since("temp_blk_read_time", Field::Time(Time::Read), 10),
    since("temp_blk_write_time", Field::Time(Time::Write), 10),
    since("wal_records", Field::Count(Count::WalRecords), 8),
    since("wal_fpi", Field::Count(Count::WalFullPages), 8),
    since("wal_bytes", Field::Count(Count::WalBytes), 8),
    since("wal_buffers_full", Field::Count(Count::WalBuffersFull), 12),
    since("jit_functions", Field::Count(Count::JitFunctions), 10),
    since("jit_generation_time", Field::Time(Time::Jit), 10),
    since("jit_inlining_time", Field::Time(Time::Jit), 10),
    since("jit_optimization_time", Field::Time(Time::Jit), 10),
    since("jit_emission_time", Field::Time(Time::Jit), 10),
    since("jit_deform_time", Field::Time(Time::Jit), 11),
    since("parallel_workers_to_launch", Field::Count(Count::WorkersToLaunch), 12),
    since("parallel_workers_launched", Field::Count(Count::WorkersLaunched), 12),
    since("generic_plan_calls", Field::Count(Count::GenericPlans), 13),
    since("custom_plan_calls", Field::Count(Count::CustomPlans), 13),
    since("stats_since", Field::Since, 11),
    since("minmax_stats_since", Field::ExtremesSince, 11),
    elsewhere("rolname", Field::UserName),
    elsewhere("usename", Field::UserName),
    elsewhere("username", Field::UserName),
    elsewhere("user", Field::UserName),
    elsewhere("datname", Field::DatabaseName),
    elsewhere("database", Field::DatabaseName),
    elsewhere("bucket", Field::Part),
    elsewhere("bucket_start_time", Field::Part),
    elsewhere("client_ip", Field::Part),
    elsewhere("application_name", Field::Part),
    elsewhere("planid", Field::Part),
    elsewhere("pgsm_query_id", Field::Part),
    elsewhere("resp_calls", Field::Buckets),
];

/// What the column of that name means, in whatever version; names are compared without regard to case.
#[must_use]
pub fn field(name: &str) -> Option<Field> {
    COLUMNS.iter().find(|column| column.name.eq_ignore_ascii_case(name)).map(|column| column.field)
}

/// The columns that version 1.`minor` of the extension has.
pub fn of_version(minor: u32) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |column| column.since <= minor && minor <= column.until)
}

/// Why a value was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Takes the value of a column that is neither text nor name. An empty value is none.
///
/// # Errors
/// If the column should be a number, a moment or a truth and is not.
pub fn put(key: &mut TallyKey, counters: &mut Counters, field: Field, value: &str) -> Result<(), Unreadable> {
    let value = value.trim();
    if value.is_empty() || value == "\\N" {
        return Ok(());
    }
    let milliseconds = || value.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0).ok_or(Unreadable);
    match field {
        Field::DatabaseId => key.database = value.parse().map_err(|_| Unreadable)?,
        Field::UserId => key.user = value.parse().map_err(|_| Unreadable)?,
        Field::QueryId => key.query_id = Some(query_id(value).ok_or(Unreadable)?),
        Field::TopLevel => key.top_level = Some(truth(value).ok_or(Unreadable)?),
        Field::Part => key.part = mixed(key.part, value),
        Field::Calls => counters.calls = whole(value).ok_or(Unreadable)?,
        Field::Total => counters.total = milliseconds()?,
        Field::Min => counters.min = Some(milliseconds()?),
        Field::Max => counters.max = Some(milliseconds()?),
        Field::Mean => counters.mean = Some(milliseconds()?),
        Field::Deviation => counters.deviation = Some(milliseconds()?),
        Field::Count(count) => counters.counts[count as usize] = Some(whole(value).ok_or(Unreadable)?),
        // Reading shared, local and temporary blocks is one time, as are the steps of compiling.
        Field::Time(time) => *counters.times[time as usize].get_or_insert(0.0) += milliseconds()?,
        Field::Since => counters.since = Some(moment(value).ok_or(Unreadable)?),
        Field::ExtremesSince => counters.extremes_since = Some(moment(value).ok_or(Unreadable)?),
        Field::Buckets => counters.buckets = buckets(value).ok_or(Unreadable)?,
        Field::Query | Field::UserName | Field::DatabaseName => {}
    }
    Ok(())
}

/// A count; exports write large ones as `1234.0` or `1.2e+15` at times.
pub fn whole(value: &str) -> Option<u64> {
    if let Ok(whole) = value.parse::<u64>() {
        return Some(whole);
    }
    let number = value.parse::<f64>().ok().filter(|v| *v >= 0.0 && *v < 9_007_199_254_740_992.0 && v.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number below 2^53")]
    Some(number as u64)
}

/// The id as a signed number, which some exports write unsigned or in hexadecimal.
fn query_id(value: &str) -> Option<i64> {
    value
        .parse::<i64>()
        .ok()
        .or_else(|| value.parse::<u64>().ok().map(u64::cast_signed))
        .or_else(|| u64::from_str_radix(value, 16).ok().map(u64::cast_signed))
}

/// A truth as `COPY`, psql and JSON write it.
pub fn truth(value: &str) -> Option<bool> {
    match value {
        "t" | "true" | "TRUE" | "True" | "1" => Some(true),
        "f" | "false" | "FALSE" | "False" | "0" => Some(false),
        _ => None,
    }
}

/// A moment as PostgreSQL writes `timestamptz` with `datestyle` ISO, in psql or in JSON; without an offset it is UTC.
pub fn moment(value: &str) -> Option<Timestamp> {
    let mut text = value.replacen(' ', "T", 1);
    // `+00` is short for `+00:00`; the last sign behind the time begins the offset.
    let time = text.find('T')?;
    match text[time..].find(['+', '-']).map(|at| time + at) {
        None if !text.ends_with('Z') => text.push('Z'),
        None => {}
        Some(sign) if text.len() - sign == 3 => text.push_str(":00"),
        Some(_) => {}
    }
    text.parse::<jiff::Timestamp>().ok().map(|moment| Timestamp(moment.as_microsecond()))
}

/// An array as `{1,2}` or `[1, 2]`.
fn buckets(value: &str) -> Option<Vec<u64>> {
    let inner = value.strip_prefix(['{', '[']).and_then(|v| v.strip_suffix(['}', ']']))?;
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    inner.split(',').map(|number| whole(number.trim().trim_matches('"'))).collect()
}

/// FNV-1a over the parts of a key, which needs to be the same from file to file and no more than that.
fn mixed(part: u64, value: &str) -> u64 {
    let start = if part == 0 { 0xcbf2_9ce4_8422_2325 } else { part };
    value.bytes().chain([0]).fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(minor: u32) -> Vec<&'static str> {
        of_version(minor).map(|c| c.name).collect()
    }

    /// Counted from the manual's tables of each release.
    #[test]
    fn each_version_has_its_own_columns() {
        let counts = [(2, 19), (3, 23), (7, 23), (8, 28), (9, 29), (10, 36), (11, 41), (12, 44), (13, 46)];
        for (minor, count) in counts {
            // Extremes, mean and deviation of planning are not asked for, nor counts of the steps of compiling.
            assert_eq!(names(minor).len(), count, "1.{minor}: {:?}", names(minor));
        }
        assert!(names(7).contains(&"total_time") && !names(8).contains(&"total_time"));
        assert!(names(10).contains(&"blk_read_time") && !names(11).contains(&"blk_read_time"));
        assert!(!names(8).contains(&"toplevel") && names(9).contains(&"toplevel"));
    }

    #[test]
    fn moments_are_read_as_the_server_writes_them() {
        for text in [
            "2026-11-23 05:33:36.937762+00",
            "2026-11-23T05:33:36.937762+00:00",
            "2026-11-23 11:03:36.937762+05:30",
            "2026-11-23T05:33:36.937762Z",
        ] {
            assert_eq!(moment(text).map(|m| m.to_string()).as_deref(), Some("2026-11-23T05:33:36.937762Z"), "{text}");
        }
        assert_eq!(moment("2026-11-23 05:33:36").map(|m| m.to_string()).as_deref(), Some("2026-11-23T05:33:36Z"));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn values_are_taken_or_refused() {
        let (mut key, mut counters) = (TallyKey::default(), Counters::default());
        let mut put = |field, value| super::put(&mut key, &mut counters, field, value);
        assert_eq!(put(Field::Calls, "12"), Ok(()));
        assert_eq!(put(Field::Total, "-1"), Err(Unreadable));
        assert_eq!(put(Field::Total, "NaN"), Err(Unreadable));
        assert_eq!(put(Field::TopLevel, "t"), Ok(()));
        assert_eq!(put(Field::Min, ""), Ok(()));
        assert_eq!(put(Field::Time(Time::Read), "1.5"), Ok(()));
        assert_eq!(put(Field::Time(Time::Read), "2"), Ok(()));
        assert_eq!(put(Field::QueryId, "18446744073709551615"), Ok(()));
        assert_eq!(put(Field::Buckets, "{0,3,1}"), Ok(()));
        assert_eq!((key.query_id, key.top_level, counters.calls, counters.min), (Some(-1), Some(true), 12, None));
        assert_eq!((counters.time(Time::Read), counters.buckets), (Some(3.5), vec![0, 3, 1]));
    }
}
