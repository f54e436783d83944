//! Foreign keys whose side that refers has no index, so that each DELETE on the other side reads the whole table.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::habit::Price;
use super::missing_index::{self, Found};
use super::schema::{column_names, evidence, finding, large_tables, named, rows, used, whole};
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, no_options};
use crate::advice::NewNames;
use crate::catalog::{Catalog, Constraint, Index, Relation};
use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::Outline;
use crate::units::Micros;
use crate::workload::Statement;

/// See the module.
pub(super) struct ForeignKeyWithoutIndex;

static META: Meta = Meta {
    id: "foreign-key-without-index",
    title: "A foreign key has no index on the side that refers",
    severity: Severity::High,
    what: "The catalogue of a snapshot has a foreign key on a table of 1000 rows or more, and no valid index there that begins with its columns, in whatever order; a partial one counts if it leaves out NULL only. It ranks high only where the time of the server's own check is seen (its statement among the counters, or its trigger in a plan), lower where rows of the other table were deleted, and is worth knowing otherwise.",
    why: "To delete a row of the other table, or to change its key, the server reads the whole of this one, under a lock, and no plan of the DELETE shows it.",
    example: "DELETE FROM authors WHERE id = 7 takes 11 ms for each row, of which its plan explains 0.1.",
    remedy: "Create an index that begins with the columns of the key.",
    ignore: "Nobody deletes from the other table or changes its keys, and no join goes that way.",
    accepts: no_options,
};

/// Microseconds of a check that nobody notices.
const FAST: f64 = 1_000.0;

/// How statements begin that delete rows or change them.
const VERBS: [&str; 2] = ["delete from", "update"];

impl Rule for ForeignKeyWithoutIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let found = missing_index::found(context);
        let mut look = Look { context, found, names: found.names.clone(), changes: OnceCell::new() };
        let mut findings = Vec::new();
        for catalog in context.workload.catalogs() {
            findings.extend(large_tables(catalog).flat_map(|relation| look.of_table(catalog, relation)));
        }
        findings
    }
}

/// One look at all keys.
struct Look<'a, 'w> {
    context: &'a Context<'w>,
    /// The indexes that statements need.
    found: &'a Found,
    /// The names that new indexes have.
    names: NewNames,
    /// Statements that delete or update, and what they are about, once a key without an index has asked.
    changes: OnceCell<BTreeMap<Fingerprint, Outline>>,
}

impl<'w> Look<'_, 'w> {
    fn of_table(&mut self, catalog: &Catalog, relation: &Relation) -> Vec<Finding> {
        // A key that refers to a partitioned table has a constraint for each partition too.
        let mut seen: BTreeSet<&[i32]> = BTreeSet::new();
        let keys = catalog.constraints(relation.oid).iter().filter(|constraint| constraint.kind == "f");
        let open = keys.filter(|key| !catalog.indexes(relation.oid).iter().any(|index| serves(catalog, index, key)));
        open.filter(|key| seen.insert(&key.columns)).filter_map(|key| self.of_key(catalog, relation, key)).collect()
    }

    fn of_key(&mut self, catalog: &Catalog, relation: &Relation, key: &Constraint) -> Option<Finding> {
        let columns = column_names(catalog, relation.oid, &key.columns)?;
        let other = catalog.relation(key.references?)?;
        let paid = self.paid(catalog, relation, key, other);
        let list = columns.join(", ");
        let time = paid.checks.iter().fold(paid.in_triggers, |sum, (_, price)| sum + price.total);
        let is_deleted = !paid.causes.is_empty() || paid.deleted.is_some_and(|deleted| deleted > 0.0);
        // Checks that are fast show that the table is small still, or that PostgreSQL 18 skips through another index.
        let of_check = |price: &Price| if price.mean < FAST { Severity::Low } else { price.severity().max(Severity::Medium) };
        let of_checks = paid.checks.iter().map(|(_, price)| of_check(price)).max();
        let severity = match of_checks {
            Some(severity) => severity,
            None if time.0 > 0 => Severity::Medium,
            None if is_deleted && rows(catalog, relation) >= 100_000.0 => Severity::Medium,
            None if is_deleted || paid.deleted.is_none() => Severity::Low,
            None => Severity::Info,
        };
        let statement = paid.checks.iter().map(|(statement, _)| *statement).chain(paid.causes.iter().copied()).next();
        let ids: Vec<String> = statement.iter().map(|statement| statement.fingerprint.to_string()).collect();
        let (remedy, ddl) = self.cure(catalog, relation, &columns);
        Some(Finding {
            statement: statement.map(|statement| statement.fingerprint),
            related: paid.causes.iter().map(|cause| cause.fingerprint).filter(|&id| Some(id) != statement.map(|s| s.fingerprint)).collect(),
            occurrences: paid.checks.iter().map(|(_, price)| price.calls).sum::<u64>().max(1),
            cost: Some(time).filter(|time| time.0 > 0),
            evidence: reasons(catalog, relation, other, &paid),
            data: json!({
                "table": named(relation), "columns": columns, "method": "btree", "expression": null, "where": null, "level": "catalog",
                "serves": ids, "cost_before": null, "cost_after": null, "write_overhead": null, "replaces": [],
            })
            .as_object()
            .cloned()
            .unwrap_or_default(),
            remedy,
            ddl,
            ..finding(
                META.id,
                severity,
                if time.0 > 0 || is_deleted { Confidence::High } else { Confidence::Medium },
                format!("{} refers to {} by ({list}) without an index", named(relation), named(other)),
            )
        })
    }

    fn paid(&self, catalog: &Catalog, relation: &Relation, key: &Constraint, other: &Relation) -> Paid<'w> {
        let mut paid = Paid { deleted: used(other, "n_tup_del"), ..Paid::default() };
        let names: Vec<&str> =
            key.columns.iter().filter_map(|&number| catalog.column(relation.oid, number)).map(|c| c.name.as_str()).collect();
        let referenced = column_names(catalog, other.oid, &key.referenced_columns).unwrap_or_default();
        for statement in self.context.workload.statements().filter(|statement| self.context.is_of(statement, catalog)) {
            if is_check(&statement.text, relation, &names) {
                paid.checks.push((statement, Price::of(statement)));
            } else if self.about(statement).is_some_and(|about| changes_keys(&statement.text, about, other, &referenced)) {
                paid.causes.push(statement);
            }
            let shapes = statement.shapes.iter().flat_map(|shapes| shapes.iter());
            let triggers = shapes.flat_map(|(_, shape)| &shape.slowest.1.triggers).filter(|trigger| trigger.name == key.name);
            paid.in_triggers = triggers.filter_map(|trigger| trigger.time).fold(paid.in_triggers, |sum, time| sum + time);
        }
        paid.checks.sort_by_key(|(statement, price)| (std::cmp::Reverse(price.total), statement.fingerprint));
        paid.causes.sort_by_key(|statement| (std::cmp::Reverse(statement.latency.total()), statement.fingerprint));
        paid
    }

    /// What to do, and the statement that does it, unless an index that statements need serves the key too.
    fn cure(&mut self, catalog: &Catalog, relation: &Relation, columns: &[String]) -> (String, Option<String>) {
        let (table, list) = (named(relation), columns.join(", "));
        if relation.kind == "p" {
            let remedy =
                format!("Create an index on each partition of {table} beginning ({list}), each CONCURRENTLY, then one on the parent.");
            return (remedy, None);
        }
        if let Some(keys) = self.found.leading(self.context, catalog, &table, columns) {
            let remedy = format!("Create the index on {table} ({}) that missing-index tells of: it serves this key too.", keys.join(", "));
            return (remedy, None);
        }
        let bare: Vec<&str> = columns.iter().map(|column| column.trim_matches('"')).collect();
        let name = self.names.give(&format!("{}_{}", relation.name, bare.join("_")), relation, catalog);
        (format!("Create an index on {table} beginning ({list})."), Some(format!("CREATE INDEX CONCURRENTLY {name} ON {table} ({list});")))
    }

    /// What a statement is about that deletes or updates rows.
    fn about(&self, statement: &Statement) -> Option<&Outline> {
        let changes = self.changes.get_or_init(|| {
            let changing = self.context.workload.statements().filter(|statement| VERBS.iter().any(|verb| statement.text.starts_with(verb)));
            changing.map(|statement| (statement.fingerprint, Outline::of(&statement.text))).collect()
        });
        changes.get(&statement.fingerprint)
    }
}

/// Whether an index leads to the rows that refer: its first keys are the columns of the key, whatever their order.
fn serves(catalog: &Catalog, index: &Index, key: &Constraint) -> bool {
    let first: BTreeSet<i32> = index.columns.iter().take(key.columns.len()).copied().collect();
    let is_of_them = first == key.columns.iter().copied().collect() && usize::try_from(index.keys).is_ok_and(|keys| keys >= first.len());
    let method_fits = index.method == "btree" || (index.method == "hash" && key.columns.len() == 1);
    let leaves_out_null = index.predicate.as_ref().is_none_or(|predicate| {
        let names = column_names(catalog, index.relation, &key.columns).unwrap_or_default();
        names.iter().any(|name| predicate.trim_matches(['(', ')']) == format!("{name} IS NOT NULL"))
    });
    index.is_valid && is_of_them && method_fits && leaves_out_null
}

/// What shows that somebody pays for it.
#[derive(Default)]
struct Paid<'w> {
    /// The server's checks, which it runs for each row that is deleted.
    checks: Vec<(&'w Statement, Price)>,
    /// Statements that delete rows of the other table, or change its key.
    causes: Vec<&'w Statement>,
    /// Time of the triggers in plans of these.
    in_triggers: Micros,
    /// Rows that were deleted, by the counters.
    deleted: Option<f64>,
}

/// Whether it is the server's own check of a foreign key from the other side: `ri_triggers.c` writes the value on the left
/// of the column that refers, `… FROM ONLY "s"."t" x WHERE $1 OPERATOR(pg_catalog.=) "col"`, and on the right where it looks
/// for the row that is referred to.
fn is_check(text: &str, relation: &Relation, columns: &[&str]) -> bool {
    if !text.contains(" only ") || !text.contains("operator") {
        return false;
    }
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
    let table = format!("only{}.{}", relation.schema, relation.name);
    let names_table =
        squeezed.split_once(&table).is_some_and(|(_, rest)| ["xwhere", "where", "set"].iter().any(|next| rest.starts_with(next)));
    let is_compared = |column: &&str| {
        let wanted = format!("operator(pg_catalog.=){column}");
        squeezed.match_indices(&wanted).any(|(at, _)| {
            let before = squeezed[..at].trim_end_matches(|c: char| c.is_ascii_digit());
            let is_whole = squeezed[at + wanted.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_')
                || ["for", "and"].iter().any(|next| squeezed[at + wanted.len()..].starts_with(next));
            before.ends_with('$') && before.len() < at && is_whole
        })
    };
    names_table && !columns.is_empty() && columns.iter().all(is_compared)
}

/// Whether it deletes rows of the table, or sets one of these columns.
fn changes_keys(text: &str, about: &Outline, table: &Relation, columns: &[String]) -> bool {
    let Some(verb) = VERBS.iter().find(|verb| text.starts_with(**verb)) else { return false };
    let is_same = about.table() == Some(table.name.as_str()) && about.schema.as_ref().is_none_or(|schema| *schema == table.schema);
    let set = text.split_once(" set ").map_or("", |(_, rest)| rest.split(" where ").next().unwrap_or_default());
    let sets = || set.split(',').any(|part| columns.iter().any(|column| part.trim_start().starts_with(&format!("{column} ="))));
    is_same && (*verb == "delete from" || sets())
}

fn reasons(catalog: &Catalog, relation: &Relation, other: &Relation, paid: &Paid<'_>) -> Vec<Evidence> {
    let table = rows(catalog, relation);
    let mut reasons = vec![evidence(
        format!("no index of {} begins with these columns; it has {} rows", named(relation), whole(table)),
        json!({"rows": Micros::floor(table).0}),
    )];
    for (_, price) in &paid.checks {
        reasons.push(Evidence::counted(
            format!("the server's own check took {} in {} calls", price.total, price.calls),
            json!({"calls": price.calls, "total_us": price.total.0}),
        ));
    }
    if paid.in_triggers.0 > 0 {
        let text = format!("in the slowest plans its trigger took {}", paid.in_triggers);
        reasons.push(Evidence { kind: "plan", ..Evidence::counted(text, json!({"trigger_us": paid.in_triggers.0})) });
    }
    match paid.deleted {
        Some(deleted) if deleted > 0.0 => {
            let text = format!("{} rows of {} were deleted since the counters began", whole(deleted), named(other));
            reasons.push(Evidence::counted(text, json!({"deleted": Micros::floor(deleted).0})));
        }
        _ => {}
    }
    if !paid.causes.is_empty() {
        let calls: u64 = paid.causes.iter().map(|cause| Price::of(cause).calls).sum();
        reasons.push(Evidence::counted(
            format!("{calls} calls deleted from {} or changed its key", named(other)),
            Value::from(serde_json::Map::from_iter([("calls".to_owned(), calls.into())])),
        ));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str) -> Relation {
        let line = json!({"oid": 1, "schema": "public", "name": name, "kind": "r", "persistence": "p", "tuples": 1e5, "pages": 541,
            "visible_pages": 0, "is_partition": false});
        serde_json::from_value(line).expect("a relation")
    }

    fn normal(sql: &str) -> String {
        crate::sql::fingerprint::normalise(sql.as_bytes(), crate::sql::lexer::Dialect::default()).text
    }

    #[test]
    fn the_servers_checks_are_told_by_the_side_of_the_value() {
        let book = relation("book");
        let is = |sql: &str, columns: &[&str]| is_check(&normal(sql), &book, columns);
        let restrict = "SELECT 1 FROM ONLY \"public\".\"book\" x WHERE $1 OPERATOR(pg_catalog.=) \"author_id\" FOR KEY SHARE OF x";
        assert!(is(restrict, &["author_id"]));
        assert!(!is(restrict, &["author"]) && !is(restrict, &["author_id", "shelf"]) && !is(restrict, &[]));
        assert!(is("DELETE FROM ONLY \"public\".\"book\" WHERE $1 OPERATOR(pg_catalog.=) \"author_id\"", &["author_id"]));
        let set_null = "UPDATE ONLY \"public\".\"book\" SET \"author_id\" = NULL WHERE $1 OPERATOR(pg_catalog.=) \"author_id\"";
        assert!(is(set_null, &["author_id"]));
        let two = "SELECT 1 FROM ONLY \"public\".\"book\" x WHERE $1 OPERATOR(pg_catalog.=) \"a\" AND $2 OPERATOR(pg_catalog.=) \"b\" FOR KEY SHARE OF x";
        assert!(is(two, &["a", "b"]) && is(two, &["b", "a"]));
        // From the side that refers: it looks for the row of the key, which has its index.
        let forward = "SELECT 1 FROM ONLY \"public\".\"book\" x WHERE \"id\" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x";
        assert!(!is(forward, &["id"]) && !is("select * from only book where id = 1", &["id"]));
    }

    #[test]
    fn only_deletes_and_changes_of_the_key_count() {
        let authors = relation("authors");
        let is = |text: &str| changes_keys(text, &Outline::of(text), &authors, &["id".to_owned()]);
        assert!(
            is("delete from authors where id = $1") && is("delete from public.authors") && is("update authors set id = $1 where id = $2")
        );
        assert!(!is("update authors set name = $1 where id = $2") && !is("delete from other.authors") && !is("select id from authors"));
    }
}
