//! What the rules on the schema have in common: which objects are worth a line, how they are named, and what an index
//! could stand in for.
//!
//! Sizes and rows are the planner's numbers, as old as the last ANALYZE.

use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, Column, Index, Relation};
pub(super) use crate::sql::shape::scans::written as quoted;
use crate::units::{Micros, grouped};

use super::{Confidence, Context, Evidence, Finding, Severity};

/// Tables of fewer rows are read whole whatever indexes they have.
pub(super) const FEW_ROWS: f64 = 1_000.0;

/// Bytes of a page, as nearly every server has it.
pub(super) const PAGE: u64 = 8_192;

/// Pages of an index that are worth an advice: 1 MiB.
pub(super) const FEW_PAGES: i64 = 128;

/// The finding of a rule about one object, to which the rule adds what it knows.
pub(super) fn finding(rule: &'static str, severity: Severity, confidence: Confidence, title: String) -> Finding {
    Finding { rule, severity, confidence, title, occurrences: 1, ..Finding::default() }
}

/// A reason that the catalogue gives.
pub(super) fn evidence(text: String, data: Value) -> Evidence {
    Evidence { kind: "catalog", text, data: data.as_object().cloned().unwrap_or_default() }
}

/// The rows of a relation: the planner's number or what the counters think alive; of a partitioned table, of its partitions.
pub(super) fn rows(catalog: &Catalog, relation: &Relation) -> f64 {
    let own = relation.tuples.max(used(relation, "n_live_tup").unwrap_or_default());
    if relation.kind == "p" {
        return own.max(catalog.children(relation.oid).map(|child| child.tuples.max(0.0)).sum());
    }
    own
}

/// Tables, partitioned tables and materialised views of so many rows that indexes matter. Partitions are left out: what
/// their parent says of them is said of it.
pub(super) fn large_tables(catalog: &Catalog) -> impl Iterator<Item = &Relation> {
    let is_large = |relation: &&Relation| {
        matches!(relation.kind.as_str(), "r" | "p" | "m") && !relation.is_partition && rows(catalog, relation) >= FEW_ROWS
    };
    catalog.relations().filter(is_large)
}

/// A number of `pg_stat_all_tables`, or of an index.
pub(super) fn used(relation: &Relation, counter: &str) -> Option<f64> {
    relation.usage.as_ref()?.get(counter)?.as_f64()
}

/// `schema.name` as SQL takes it.
pub(super) fn qualified(relation: &Relation, name: &str) -> String {
    format!("{}.{}", quoted(&relation.schema), quoted(name))
}

/// The relation's own name likewise.
pub(super) fn named(relation: &Relation) -> String {
    qualified(relation, &relation.name)
}

/// The names of columns by number, as SQL takes them; `None` if one is not known.
pub(super) fn column_names(catalog: &Catalog, relation: u32, numbers: &[i32]) -> Option<Vec<String>> {
    numbers.iter().map(|&number| catalog.column(relation, number).map(|column| quoted(&column.name))).collect()
}

/// Whether the index may be dropped without losing a promise: it enforces nothing and identifies no rows.
pub(super) fn only_serves_reads(catalog: &Catalog, index: &Index) -> bool {
    let stands_behind = |relation: u32| catalog.constraints(relation).iter().any(|constraint| constraint.index == Some(index.oid));
    let is_referenced = || catalog.referencing(index.relation).any(|constraint| constraint.index == Some(index.oid));
    !index.is_unique
        && !index.is_primary
        && !index.is_exclusion
        && !index.is_replica_identity
        && !stands_behind(index.relation)
        && !is_referenced()
}

/// Whether one index is built as another is, as far as its first keys go: method, operator classes, collations,
/// directions, expressions and predicate.
pub(super) fn begins_like(index: &Index, other: &Index) -> bool {
    let keys = usize::try_from(index.keys).unwrap_or_default();
    fn same<T: PartialEq>(keys: usize, a: &[T], b: &[T]) -> bool {
        a.get(..keys).zip(b.get(..keys)).is_some_and(|(a, b)| a == b)
    }
    index.relation == other.relation
        && index.method == other.method
        && index.predicate == other.predicate
        && keys > 0
        && index.keys <= other.keys
        && same(keys, &index.columns, &other.columns)
        && same(keys, &index.key_text, &other.key_text)
        && same(keys, &index.opclasses, &other.opclasses)
        && same(keys, &index.collations, &other.collations)
        && same(keys, &index.options, &other.options)
}

/// The columns that an index includes beside its keys.
pub(super) fn included(index: &Index) -> &[i32] {
    usize::try_from(index.keys).ok().and_then(|keys| index.columns.get(keys..)).unwrap_or_default()
}

/// Whether two indexes are the same but for what they enforce.
pub(super) fn is_twin(index: &Index, other: &Index) -> bool {
    index.oid != other.oid
        && index.is_valid
        && other.is_valid
        && index.keys == other.keys
        && begins_like(index, other)
        && sorted(included(index)) == sorted(included(other))
}

/// Whether the other index, which has more columns, serves whatever this one does.
pub(super) fn is_prefix(index: &Index, other: &Index) -> bool {
    let has_all = included(index).iter().all(|column| other.columns.contains(column));
    index.oid != other.oid
        && index.method == "btree"
        && index.is_valid
        && other.is_valid
        && begins_like(index, other)
        && has_all
        && !is_twin(index, other)
}

fn sorted(columns: &[i32]) -> Vec<i32> {
    let mut columns = columns.to_vec();
    columns.sort_unstable();
    columns
}

/// How large an index is.
pub(super) fn bytes(index: &Index) -> u64 {
    u64::try_from(index.pages).unwrap_or_default().saturating_mul(PAGE)
}

/// How bad the upkeep of an index for nothing is, which is the worse the larger it is.
pub(super) fn severity_of_upkeep(index: &Index) -> Severity {
    if bytes(index) >= 100 << 20 { Severity::Medium } else { Severity::Low }
}

/// What programs read of an index that could go.
pub(super) fn of_index(catalog: &Catalog, relation: &Relation, index: &Index) -> Map<String, Value> {
    let columns = column_names(catalog, relation.oid, &index.columns);
    let data = json!({
        "table": named(relation), "index": index.name, "columns": columns, "method": index.method, "level": "catalog",
        "bytes": bytes(index),
    });
    data.as_object().cloned().unwrap_or_default()
}

/// How often rows of a table were written, as the counters have it: what each of its indexes costs.
pub(super) fn writes(relation: &Relation) -> Option<String> {
    let counted = |name: &str| used(relation, name).unwrap_or_default();
    relation.usage.as_ref()?;
    let hot = counted("n_tup_hot_upd");
    let kept = counted("n_tup_ins") + (counted("n_tup_upd") - hot).max(0.0);
    Some(format!("{} writes kept it up to date since the counters began", whole(kept)))
}

/// A number that counts something, with thousands told apart.
pub(super) fn whole(number: f64) -> String {
    grouped(Micros::floor(number).0)
}

/// Days, rounded down.
pub(super) fn days(span: Micros) -> u64 {
    span.0 / 86_400_000_000
}

/// Whether some statement of the workload has the words, which are in lower case.
pub(super) fn is_said(context: &Context<'_>, is: impl Fn(&str) -> bool) -> bool {
    context.workload.statements().any(|statement| is(&statement.text))
}

/// Whether whoever took the snapshot could read the statistics of columns: then there are some.
pub(super) fn has_statistics(catalog: &Catalog) -> bool {
    catalog.relations().flat_map(|relation| catalog.columns(relation.oid)).any(is_analysed)
}

/// Whether the planner knows anything of the column.
pub(super) fn is_analysed(column: &Column) -> bool {
    column.null_frac.is_some() || column.n_distinct.is_some()
}
