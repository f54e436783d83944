//! The statements that ask a server for a snapshot, which are all that it is asked.
//!
//! Each carries the mark `/* laggard */`, by which laggard's own entries are left out again. Nothing here writes, resets,
//! creates or locks more than a SELECT does.

use crate::event::columns::{self, Field};

/// How a role, a schema or another name stands in SQL.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Settings that change what the numbers mean, and those that the planner's costs follow from.
pub const SETTINGS: &[&str] = &[
    "auto_explain.log_analyze",
    "auto_explain.log_min_duration",
    "block_size",
    "compute_query_id",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "deadlock_timeout",
    "default_statistics_target",
    "effective_cache_size",
    "enable_bitmapscan",
    "enable_hashagg",
    "enable_hashjoin",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_memoize",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_seqscan",
    "enable_sort",
    "jit",
    "log_lock_waits",
    "log_min_duration_sample",
    "log_min_duration_statement",
    "log_statement_sample_rate",
    "log_temp_files",
    "max_connections",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "pg_stat_statements.max",
    "pg_stat_statements.save",
    "pg_stat_statements.track",
    "pg_stat_statements.track_planning",
    "pg_stat_statements.track_utility",
    "plan_cache_mode",
    "random_page_cost",
    "seq_page_cost",
    "session_preload_libraries",
    "shared_buffers",
    "shared_preload_libraries",
    "TimeZone",
    "track_activity_query_size",
    "track_counts",
    "track_io_timing",
    "work_mem",
];

/// What the server is: one row.
pub const SERVER: &str = "\
select /* laggard */ to_json(clock_timestamp())#>>'{}' as taken_at,
  current_setting('server_version_num') as server_version_num,
  current_setting('server_version') as server_version,
  host(inet_server_addr()) || ':' || inet_server_port() as node,
  pg_is_in_recovery() as in_recovery,
  to_json(pg_postmaster_start_time())#>>'{}' as postmaster_start,
  current_database() as database, current_user as role";

/// Of which cluster it is; from 9.6 on, and not for everyone on some services.
pub const SYSTEM: &str = "select /* laggard */ system_identifier::text from pg_control_system()";

/// The extension's version and schema; no row if it is not in this database.
pub const EXTENSION: &str = "\
select /* laggard */ e.extversion, n.nspname
from pg_extension e join pg_namespace n on n.oid = e.extnamespace
where e.extname = 'pg_stat_statements'";

/// Name and value of each of [`SETTINGS`] that the server has.
#[must_use]
pub fn settings() -> String {
    let names: Vec<String> = SETTINGS.iter().map(|name| format!("'{name}'")).collect();
    format!("select /* laggard */ name, setting from pg_settings where name in ({}) order by name", names.join(", "))
}

/// Rounds of dropping entries and the moment of the reset, from extension 1.9 on.
#[must_use]
pub fn info(schema: &str) -> String {
    format!("select /* laggard */ dealloc, to_json(stats_reset)#>>'{{}}' as stats_reset from {}.pg_stat_statements_info", quoted(schema))
}

/// The counters without texts, which the server then need not load. `minor` is the extension's version 1.x.
#[must_use]
pub fn counters(schema: &str, minor: u32) -> String {
    let names: Vec<&str> = columns::of_version(minor).filter(|column| column.field != Field::Query).map(|column| column.name).collect();
    format!("select /* laggard */ {} from {}.pg_stat_statements(false)", names.join(", "), quoted(schema))
}

/// The texts, for which the server loads its whole file of them.
#[must_use]
pub fn texts(schema: &str) -> String {
    format!(
        "select /* laggard */ distinct on (queryid) queryid, query from {}.pg_stat_statements(true) where queryid is not null and query is not null",
        quoted(schema)
    )
}

/// The names of roles and databases.
pub const NAMES: &str = "\
select /* laggard */ 'role' as type, oid::bigint as oid, rolname as name from pg_roles
union all select 'database', oid::bigint, datname from pg_database";

/// What schemas of users are, for the statements below.
const USERS: &str = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

/// A query of the catalogue that gives one JSON object a row.
pub struct Catalogue {
    /// The type of its lines.
    pub kind: &'static str,
    /// The first `server_version_num` that has what it asks for; 0 for all.
    pub since: u32,
    /// The query, without what makes JSON of it.
    query: String,
}

impl Catalogue {
    /// The statement.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("select /* laggard */ row_to_json(r)::text as line from (\n  select '{}' as type, {}\n) r", self.kind, self.query)
    }
}

/// Everything that is asked of the catalogue of the database. `values`: the most common values of columns too.
#[must_use]
pub fn catalogue(values: bool) -> Vec<Catalogue> {
    let mut all = of_every_version(values);
    all.extend(from_10());
    all.extend(of_the_moment());
    all
}

/// Relations, columns, indexes and constraints.
fn of_every_version(values: bool) -> Vec<Catalogue> {
    // How many rows have TRUE is no datum of anybody.
    let (common, histogram) = match values {
        true => ("s.most_common_vals::text", "s.histogram_bounds::text"),
        false => ("case when a.atttypid = 16 then s.most_common_vals::text end", "null::text"),
    };
    vec![
        Catalogue {
            kind: "relation",
            since: 0,
            query: format!(
                "c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind as kind, c.relpersistence as persistence,
    c.reltuples as tuples, c.relpages as pages, c.relallvisible as visible_pages,
    coalesce((to_json(c)->>'relispartition')::boolean, false) as is_partition,
    (select i.inhparent::bigint from pg_inherits i where i.inhrelid = c.oid order by i.inhseqno limit 1) as parent,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
    (select row_to_json(u) from pg_stat_all_tables u where u.relid = c.oid) as usage
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'm', 'v', 'f') and {USERS} order by c.oid"
            ),
        },
        Catalogue {
            kind: "column",
            since: 0,
            query: format!(
                "a.attrelid::bigint as relation, a.attnum as number, a.attname as name, format_type(a.atttypid, a.atttypmod) as data_type,
    (select l.collname from pg_collation l where l.oid = a.attcollation) as collation, a.attnotnull as not_null,
    s.null_frac, s.n_distinct, s.avg_width, s.correlation, s.most_common_freqs as common_freqs,
    {common} as common_values, {histogram} as histogram
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
  where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'm', 'v', 'f') and {USERS}
  order by a.attrelid, a.attnum"
            ),
        },
        Catalogue {
            kind: "index",
            since: 0,
            query: format!(
                "i.indexrelid::bigint as oid, i.indrelid::bigint as relation, c.relname as name, m.amname as method,
    string_to_array(i.indkey::text, ' ')::int[] as columns,
    coalesce((to_json(i)->>'indnkeyatts')::int, i.indnatts) as keys,
    array(select pg_get_indexdef(i.indexrelid, k, true) from generate_series(1, coalesce((to_json(i)->>'indnkeyatts')::int, i.indnatts)) k) as key_text,
    array(select o.opcname::text from unnest(string_to_array(i.indclass::text, ' ')) with ordinality k(id, at) join pg_opclass o on o.oid = k.id::oid order by k.at) as opclasses,
    array(select coalesce(l.collname::text, '') from unnest(string_to_array(i.indcollation::text, ' ')) with ordinality k(id, at) left join pg_collation l on l.oid = k.id::oid order by k.at) as collations,
    string_to_array(i.indoption::text, ' ')::int[] as options,
    pg_get_expr(i.indpred, i.indrelid) as predicate,
    i.indisunique as is_unique, i.indisprimary as is_primary, i.indisexclusion as is_exclusion,
    i.indisvalid as is_valid, i.indisreplident as is_replica_identity,
    c.reltuples as tuples, c.relpages as pages, pg_get_indexdef(i.indexrelid) as definition,
    (select row_to_json(u) from pg_stat_all_indexes u where u.indexrelid = i.indexrelid) as usage
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam join pg_namespace n on n.oid = c.relnamespace
  where {USERS} order by i.indexrelid"
            ),
        },
        Catalogue {
            kind: "constraint",
            since: 0,
            query: format!(
                "t.conrelid::bigint as relation, t.conname as name, t.contype as kind,
    coalesce(t.conkey, '{{}}') as columns, nullif(t.confrelid::bigint, 0) as references,
    coalesce(t.confkey, '{{}}') as referenced_columns, nullif(t.conindid::bigint, 0) as index, pg_get_constraintdef(t.oid) as definition
  from pg_constraint t join pg_namespace n on n.oid = t.connamespace
  where t.conrelid <> 0 and t.contype in ('p', 'u', 'f', 'c', 'x') and {USERS} order by t.oid"
            ),
        },
    ]
}

/// Extended statistics and sequences.
fn from_10() -> Vec<Catalogue> {
    let statistics = Catalogue {
        kind: "statistics",
        since: 100_000,
        query: format!(
            "e.stxrelid::bigint as relation, e.stxname as name, string_to_array(e.stxkeys::text, ' ')::int[] as columns, e.stxkind::text[] as kinds
  from pg_statistic_ext e join pg_namespace n on n.oid = e.stxnamespace
  where {USERS} order by e.oid"
        ),
    };
    let sequences = Catalogue {
        kind: "sequence",
        since: 100_000,
        query: format!(
            "c.oid::bigint as oid, n.nspname as schema, c.relname as name, s.last_value, s.max_value, s.increment_by as increment, s.cycle as is_cycle,
    d.refobjid::bigint as relation, d.refobjsubid as number
  from pg_sequences s join pg_namespace n on n.nspname = s.schemaname
  join pg_class c on c.relnamespace = n.oid and c.relname = s.sequencename and c.relkind = 'S'
  left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
    and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
  where {USERS} order by c.oid"
        ),
    };
    vec![statistics, sequences]
}

/// What changes from moment to moment: what keeps VACUUM back, indexes that are being built, and since when is counted.
fn of_the_moment() -> Vec<Catalogue> {
    let since = "(select to_json(stats_reset)#>>'{}' from pg_stat_database where datname = current_database()) as reset";
    // Of what databases share and of this one: the oldest only, for only that one counts.
    let horizon = "h.* from (
    (select 'backend' as holder, state, age(backend_xmin)::bigint as age, extract(epoch from clock_timestamp() - xact_start) as seconds
      from pg_stat_activity where backend_xmin is not null and pid <> pg_backend_pid() and datname = current_database()
        and query !~* '^(autovacuum:|vacuum)'
      order by age(backend_xmin) desc limit 3)
    union all (select 'prepared', null, age(transaction)::bigint, extract(epoch from clock_timestamp() - prepared)
      from pg_prepared_xacts where database = current_database() order by age(transaction) desc limit 3)
    union all (select 'slot', case when active then 'active' else 'inactive' end, age(xmin)::bigint, null
      from pg_replication_slots where xmin is not null order by age(xmin) desc limit 3)
    union all (select 'standby', state, age(backend_xmin)::bigint, null
      from pg_stat_replication where backend_xmin is not null order by age(backend_xmin) desc limit 3)
  ) h";
    let build = "nullif(b.index_relid::bigint, 0) as index from pg_stat_progress_create_index b
  where b.datname = current_database() or b.datname is null";
    vec![
        Catalogue { kind: "since", since: 0, query: since.to_owned() },
        Catalogue { kind: "horizon", since: 90_400, query: horizon.to_owned() },
        Catalogue { kind: "build", since: 120_000, query: build.to_owned() },
    ]
}
