//! Tables of whose contents the planner knows nothing, or no longer enough.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::habit::Price;
use super::schema::{evidence, finding, has_statistics, is_analysed, large_tables, named, quoted, rows, used, whole};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, as_map, fits};
use crate::catalog::{Catalog, Column, Relation};
use crate::sql::shape;
use crate::units::Micros;
use crate::workload::{Statement, Workload};

/// See the module.
pub(super) struct StaleStatistics;

static META: Meta = Meta {
    id: "stale-statistics",
    title: "The planner's statistics are missing or old",
    severity: Severity::Medium,
    what: "The catalogue of a snapshot has a table of 1000 rows or more that was never analysed, or of which more than 20 % changed since it was, or a column without statistics that a statement compares. Partitioned tables are never analysed by autovacuum. Nothing is said where the role that took the snapshot may not read statistics.",
    why: "The planner guesses how many rows a condition leaves, and picks plans for that: a nested loop for what is a million rows.",
    example: "A table restored from a dump, or one filled by a job that runs faster than autovacuum.",
    remedy: "ANALYZE the table; for one that changes much, lower autovacuum_analyze_scale_factor on it. A partitioned parent needs a job.",
    ignore: "A table that is filled, read once and emptied.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// A smaller share of changed rows is what autovacuum lets pass, 0 to 1.
    min_changed: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_changed: 0.2 }
    }
}

/// At most so many statements are read for columns, those first that cost most.
const MOST: usize = 200;

impl Rule for StaleStatistics {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let catalogs = context.workload.catalogs();
        let of = |catalog| large_tables(catalog).filter_map(|relation| of_table(catalog, relation, &options)).collect::<Vec<_>>();
        let mut findings: Vec<Finding> = catalogs.iter().flat_map(of).collect();
        let workload = context.workload;
        if catalogs.iter().any(has_statistics) {
            findings.extend(shape::on_a_deep_stack(|| columns(workload, &options)).unwrap_or_default());
        }
        findings
    }
}

/// Why a table's statistics are worth nothing.
enum Stale {
    Never,
    Parent,
    Changed(f64),
}

fn stale(catalog: &Catalog, relation: &Relation, options: &Options) -> Option<Stale> {
    // The number of rows of a partitioned table is known from 14 on if it was analysed itself.
    if relation.kind == "p" {
        return (catalog.origin.version? >= 140_000 && relation.tuples < 0.0).then_some(Stale::Parent);
    }
    let when = |name: &str| relation.usage.as_ref().and_then(|usage| usage.get(name)).is_some_and(|time| !time.is_null());
    let is_told = relation.usage.is_some();
    let is_known = catalog.columns(relation.oid).iter().any(is_analysed);
    let is_timed = when("last_analyze") || when("last_autoanalyze");
    if is_told && !is_timed && !is_known && (relation.tuples < 0.0 || has_statistics(catalog)) {
        return Some(Stale::Never);
    }
    let share = used(relation, "n_mod_since_analyze")? / rows(catalog, relation).max(1.0);
    (is_known && share > options.min_changed).then_some(Stale::Changed(share))
}

fn of_table(catalog: &Catalog, relation: &Relation, options: &Options) -> Option<Finding> {
    let table = named(relation);
    let known = whole(rows(catalog, relation));
    let (severity, title, reason) = match stale(catalog, relation, options)? {
        Stale::Never => (
            Severity::Medium,
            format!("{table} was never analysed"),
            format!("no statistics of any of its columns; it has about {known} rows"),
        ),
        Stale::Parent => (
            Severity::Low,
            format!("{table} is partitioned and was never analysed as a whole"),
            format!("its partitions have {known} rows; autovacuum analyses these, never their parent"),
        ),
        Stale::Changed(share) => (
            if share >= 1.0 { Severity::Medium } else { Severity::Low },
            format!("{:.0} % of {table} changed since it was analysed", share * 100.0),
            format!("{} rows of {known} were written since", whole(used(relation, "n_mod_since_analyze").unwrap_or_default())),
        ),
    };
    Some(Finding {
        evidence: vec![evidence(
            reason,
            json!({"rows": Micros::floor(rows(catalog, relation)).0, "changed": used(relation, "n_mod_since_analyze")}),
        )],
        data: as_map(json!({"table": table, "columns": []})),
        remedy: META.remedy.to_owned(),
        ddl: Some(format!("ANALYZE {table};")),
        ..finding(META.id, severity, Confidence::High, title)
    })
}

/// Columns without statistics, in tables that have some, which statements compare.
fn columns(workload: &Workload, options: &Options) -> Vec<Finding> {
    let mut statements: Vec<(&Statement, Price)> = workload.statements().map(|statement| (statement, Price::of(statement))).collect();
    statements.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    let mut found: Vec<(String, Finding)> = Vec::new();
    for (statement, _) in statements.into_iter().take(MOST) {
        for (relation, column) in unknown(workload, statement, options) {
            let name = format!("{}.{}", named(relation), quoted(&column.name));
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, finding)) => finding.related.push(statement.fingerprint),
                None => found.push((name.clone(), of_column(&name, relation, column, statement))),
            }
        }
    }
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn unknown<'c>(workload: &'c Workload, statement: &Statement, options: &Options) -> Vec<(&'c Relation, &'c Column)> {
    let Some(catalog) = workload.catalog_of(statement) else { return Vec::new() };
    let blind = |relation: &&Relation| catalog.columns(relation.oid).iter().any(|column| !is_analysed(column));
    if !large_tables(catalog).any(|relation| blind(&relation) && statement.text.contains(relation.name.as_str())) {
        return Vec::new();
    }
    let Some(shape) = shape::parse(&statement.text) else { return Vec::new() };
    let only = if let [only] = shape.tables.as_slice() { Some(only) } else { None };
    let mut found: Vec<(&Relation, &Column)> = Vec::new();
    for predicate in &shape.predicates {
        let Some(relation) = predicate.table.as_ref().or(only).and_then(|table| catalog.named(table)) else { continue };
        let is_meant = matches!(relation.kind.as_str(), "r" | "m") && rows(catalog, relation) >= super::schema::FEW_ROWS;
        let has_others = catalog.columns(relation.oid).iter().any(is_analysed);
        let column = catalog.column_named(relation.oid, &predicate.column).filter(|column| !is_analysed(column));
        // What is told of the whole table need not be told of its column.
        let Some(column) = column.filter(|_| is_meant && has_others && stale(catalog, relation, options).is_none()) else { continue };
        if !found.iter().any(|(_, known)| std::ptr::eq(*known, column)) {
            found.push((relation, column));
        }
    }
    found
}

fn of_column(name: &str, relation: &Relation, column: &Column, statement: &Statement) -> Finding {
    Finding {
        statement: Some(statement.fingerprint),
        evidence: vec![evidence(
            "other columns of the table have statistics and this one has none: it is newer than the last ANALYZE, or its target is 0"
                .to_owned(),
            Value::Object(serde_json::Map::new()),
        )],
        data: as_map(json!({"table": named(relation), "columns": [column.name]})),
        remedy: META.remedy.to_owned(),
        ddl: Some(format!("ANALYZE {} ({});", named(relation), quoted(&column.name))),
        ..finding(META.id, Severity::Low, Confidence::Medium, format!("{name} is compared and has no statistics"))
    }
}
