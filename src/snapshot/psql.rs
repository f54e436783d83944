//! A script for psql that makes a snapshot file, for those who may not run this program near the server.
//!
//! The same statements as `laggard snapshot` sends, each row one line of the file. The server's version is not known when
//! the script is printed, so counters are taken with all columns that the view has.

use super::{SCHEMA, sql};

/// The script. `values`: the most common values of columns too.
#[must_use]
pub fn script(values: bool) -> String {
    let mut script = String::from(HEAD);
    let settings: Vec<String> = sql::SETTINGS.iter().map(|name| format!("'{name}'")).collect();
    script.push_str(&format!(
        "select /* laggard */ json_build_object('type', 'snapshot', 'schema', '{SCHEMA}', 'tool', 'psql',
  'taken_at', now(), 'server_version_num', current_setting('server_version_num')::int,
  'server_version', current_setting('server_version'), 'system_identifier', :system,
  'node', host(inet_server_addr()) || ':' || inet_server_port(), 'in_recovery', pg_is_in_recovery(),
  'postmaster_start', pg_postmaster_start_time(), 'database', current_database(),
  'extension_version', (select extversion from pg_extension where extname = 'pg_stat_statements'),
  'dealloc', :dealloc, 'stats_reset', :stats_reset,
  'settings', (select json_object(array_agg(name), array_agg(setting)) from pg_settings
    where name in ({})),
  'hidden', 0, 'texts', 'full', 'notes', '[]'::json);\n\n",
        settings.join(", ")
    ));
    script.push_str("select /* laggard */ row_to_json(r) from (\n");
    script.push_str(&sql::NAMES.replace("select /* laggard */", "select"));
    script.push_str("\n) r;\n\n");
    script.push_str(COUNTERS);
    for query in sql::catalogue(values) {
        let statement = query.sql();
        script.push_str(&match query.since {
            0..=OLDEST => format!("{statement};\n\n"),
            since => format!("{}\\if :has_it\n{statement};\n\\endif\n\n", has_it(since)),
        });
    }
    script.push_str("select /* laggard */ json_build_object('type', 'end', 'lines', 0);\n");
    script
}

/// The first server that the script is for.
const OLDEST: u32 = 90_400;

/// Asks whether the server is so new.
fn has_it(since: u32) -> String {
    format!("select /* laggard */ current_setting('server_version_num')::int >= {since} as has_it \\gset\n")
}

const HEAD: &str = "\
-- Makes a snapshot of pg_stat_statements and the catalogue, which `laggard report` reads:
--   psql -X -f snapshot.sql 'dbname=…' > a.snap
-- Reads only: nothing is written, created or reset. psql 10 or later, PostgreSQL 9.4 or later.
-- Utility statements keep their values in it, as the server has them; `laggard snapshot` would mask them.
\\set QUIET on
\\pset format unaligned
\\pset tuples_only on
\\pset pager off
\\pset null ''
set /* laggard */ default_transaction_read_only = on;
set /* laggard */ statement_timeout = '60s';
set /* laggard */ lock_timeout = '100ms';
set /* laggard */ search_path = pg_catalog;
set /* laggard */ extra_float_digits = 3;
set /* laggard */ datestyle = 'ISO';

select /* laggard */ 'null' as extension, 'null' as dealloc, 'null' as stats_reset, 'null' as system, 'false' as has_info \\gset
select /* laggard */ current_setting('server_version_num')::int >= 90600 as has_system \\gset
select /* laggard */ quote_ident(n.nspname) as extension, string_to_array(e.extversion, '.')::int[] >= '{1,9}' as has_info
from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements' \\gset
\\if :has_system
select /* laggard */ quote_literal(system_identifier::text) as system from pg_control_system() \\gset
\\endif
\\if :has_info
select /* laggard */ dealloc::text as dealloc, coalesce(quote_literal(stats_reset), 'null') || '::timestamptz' as stats_reset
from :extension.pg_stat_statements_info \\gset
\\endif

";

const COUNTERS: &str = "\
-- Counters first, without the texts, which may be too large to load.
select /* laggard */ row_to_json(r) from (select 'statement' as type, s.* from :extension.pg_stat_statements(false) s) r;

select /* laggard */ json_build_object('type', 'text', 'queryid', queryid, 'query', query)
from (select distinct on (queryid) queryid, query from :extension.pg_stat_statements(true) where queryid is not null and query is not null) t;

";
