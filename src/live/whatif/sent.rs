//! The text of what the planner is sent: the one place that writes it.

use crate::snapshot::sql::quoted;

use super::super::manners::ROLLBACK;
use super::form::{Question, generic};
use super::question::places;

/// Asks where hypopg is, and whether it can hide indexes that are there (1.4 and later).
pub(super) const HYPOPG: &str = "\
select /* laggard */ n.nspname, case when pg_catalog.has_schema_privilege(n.oid, 'usage') then
  pg_catalog.to_regprocedure(pg_catalog.quote_ident(n.nspname) || '.hypopg_hide_index(oid)') is not null end
from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname = 'hypopg'";

/// Asks whether functions that planning runs may do anything at all.
pub(super) const SUPERUSER: &str = "select /* laggard */ pg_catalog.current_setting('is_superuser')";

/// Stands before each question: planning runs stable and immutable functions, and what one of them sets ends with
/// [`ROLLBACK`].
pub(super) const BEGIN: &str = "BEGIN /* laggard */ READ ONLY";

/// What a plan without values needs: it is not to be made for NULL, and a backslash is not to hide the end of a string.
pub(super) const SETTINGS: [&str; 2] =
    ["SET /* laggard */ standard_conforming_strings = on", "SET /* laggard */ plan_cache_mode = force_generic_plan"];

/// Keeps the statements with values of the log out of the server's counters, which until PostgreSQL 16 have utility commands
/// as they were sent. Only some roles may.
pub(super) const UNTRACKED: &str = "SET /* laggard */ pg_stat_statements.track_utility = off";

pub(super) const DEALLOCATE: &str = "DEALLOCATE /* laggard */ laggard_asks";

/// Where the statements' names are looked for. What the server has of its own comes first, as it does where no path names it,
/// and what another session of the role may have left last.
pub(super) fn search_path(schemas: &[String]) -> String {
    let names = schemas.iter().map(|schema| quoted(schema));
    let all: Vec<String> = std::iter::once("pg_catalog".to_owned()).chain(names).chain(["pg_temp".to_owned()]).collect();
    format!("SET /* laggard */ search_path = {}", all.join(", "))
}

pub(super) fn hide(schema: &str, index: &str) -> String {
    let index = index.replace('\'', "''");
    format!("select /* laggard */ {}.hypopg_hide_index('{index}'::pg_catalog.regclass::pg_catalog.oid)", quoted(schema))
}

pub(super) fn unhide(schema: &str) -> String {
    format!("select /* laggard */ {}.hypopg_unhide_all_indexes()", quoted(schema))
}

pub(super) fn reset(schema: &str) -> String {
    format!("select /* laggard */ {}.hypopg_reset()", quoted(schema))
}

pub(super) fn create(schema: &str, on: &str) -> String {
    let statement = format!("create index on {on}").replace('\'', "''");
    format!("select /* laggard */ indexname from {}.hypopg_create_index('{statement}'::pg_catalog.text)", quoted(schema))
}

pub(super) fn explain(text: &str, has_places: bool) -> String {
    format!("EXPLAIN (FORMAT JSON{}) /* laggard */ {text}", if has_places { ", GENERIC_PLAN" } else { "" })
}

pub(super) fn prepare(text: &str) -> String {
    format!("PREPARE laggard_asks AS /* laggard */ {text}")
}

/// Of a generic plan, for which the values do not matter.
pub(super) fn execute(places: u32) -> String {
    let values = vec!["NULL"; places as usize];
    format!("EXPLAIN (FORMAT JSON) /* laggard */ EXECUTE laggard_asks({})", values.join(", "))
}

/// Every statement that the planner would be sent of questions, as text that psql takes. Which indexes are thought of follows
/// from the catalogue.
#[must_use]
pub fn statements_sent<'q>(questions: impl Iterator<Item = &'q Question>) -> String {
    let mut sent: Vec<String> = SETTINGS.iter().map(|sql| (*sql).to_owned()).collect();
    sent.push("-- a role that may not goes without; the server's log has what log_statement says anyway:".to_owned());
    sent.push(UNTRACKED.to_owned());
    sent.push(SUPERUSER.to_owned());
    sent.push(HYPOPG.to_owned());
    sent.push(search_path(&["public".to_owned()]) + "; -- with the schemas of tables that the statements name without one");
    sent.push(
        "-- of each statement, before and with each index that may serve it, the first of its forms that the server takes; $1 … stand"
            .to_owned(),
    );
    sent.push(
        "-- for values. Where the log has them it is asked first as it stands there, with its values. Around each, and around what"
            .to_owned(),
    );
    sent.push("-- is asked of hypopg:".to_owned());
    sent.push(BEGIN.to_owned());
    sent.push(ROLLBACK.to_owned());
    let mut prepared = Vec::new();
    for question in questions {
        for form in generic(question) {
            let count = places(&form.text);
            sent.push(explain(&form.text, count > 0));
            if count > 0 {
                prepared.extend([prepare(&form.text), execute(count), DEALLOCATE.to_owned()]);
            }
        }
    }
    sent.push("-- before PostgreSQL 16, of those with places instead:".to_owned());
    sent.append(&mut prepared);
    sent.push("-- where hypopg is, for each candidate, and then for those chosen together:".to_owned());
    sent.push(create("public", "schema.table (columns)"));
    sent.push(reset("public"));
    sent.push("-- where hypopg can hide indexes, for those that the chosen ones make redundant:".to_owned());
    sent.push(hide("public", "schema.index"));
    sent.push(unhide("public"));
    sent.into_iter().map(|sql| if sql.starts_with("--") || sql.contains("; --") { sql + "\n" } else { sql + ";\n" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let sql = create("we\"ird", "public.\"it's\" (a)");
        assert_eq!(
            sql,
            "select /* laggard */ indexname from \"we\"\"ird\".hypopg_create_index('create index on public.\"it''s\" (a)'::pg_catalog.text)"
        );
        assert_eq!(
            search_path(&["a\"b".to_owned(), "public".to_owned()]),
            "SET /* laggard */ search_path = pg_catalog, \"a\"\"b\", \"public\", pg_temp"
        );
        assert_eq!(
            hide("a\"b", "s.\"it's\""),
            "select /* laggard */ \"a\"\"b\".hypopg_hide_index('s.\"it''s\"'::pg_catalog.regclass::pg_catalog.oid)"
        );
    }
}
