//! Tables that are read in vain because no index leads to what is asked for, as logged plans show.
//!
//! A log does not tell which indexes there are, so all that is said is how one would have to begin, and never a statement to
//! create it; what another way of writing the query would mend is left to the rules on that. With the catalogue of a snapshot
//! the indexes are known and the costs can be reckoned: then there is a statement.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::advice::NewNames;
use crate::catalog::Catalog;
use crate::plan::{Reads, Test};
use crate::sql::fingerprint::Fingerprint;
use crate::units::Micros;
use crate::workload::{Statement, Workload};

use super::habit::{self, Price};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};

mod advised;
mod candidate;
mod consider;
mod demands;
mod shape;
mod told;
mod tried;
mod unadvised;
mod values;

pub use demands::demands;
pub use tried::{Advice, Answers, Swing, limits};
pub use unadvised::unadvised;

use candidate::{Candidate, candidates};
use told::{finding, grouped_by_index, is_worth_it, shown, told_of_an_index};
use values::Seen;

/// See the module.
pub(super) struct MissingIndex;

static META: Meta = Meta {
    id: "missing-index",
    title: "A table is read in vain: no index leads to the rows that are asked for",
    severity: Severity::High,
    what: "Plans that auto_explain logged read a table and throw away at least nine of ten of a thousand rows and more, by a filter on plain columns or by a sort of which LIMIT takes a few. With ANALYZE the rows were counted, which is sure; without it the planner's estimate says so, which is likely. Where no plan was logged, the text of a statement of one table that is slow at every call is a hint, of low confidence. Small tables, filters that keep much, functions, patterns that begin with a wildcard, and columns for which other plans use an index are left out. With the catalogue of a snapshot, candidates are priced by the planner's own formulas for all statements together and set against the indexes that are there; an index is named if it saves a statement three tenths of a cost of 100 and more, leads to a tenth of the rows, or to those wanted first or all in their order, or is read instead of the table, and saves more than its writes cost. Where no B-tree serves, a GIN or trigram index is named as worth a thought.",
    why: "Every call reads the whole table, takes longer with each row that is added, and pushes other tables out of memory.",
    example: "Seq Scan on orders … Filter: (customer_id = 42), Rows Removed by Filter: 149988",
    remedy: "Look for an index that begins with these columns: first those compared for equality, then one range, then what is sorted by. If there is one, ANALYZE the table and see why it is not used. With a snapshot the finding has the statement that creates it: read it, and try it where the data is like that of production.",
    ignore: "A report that runs once a night, or a table whose writes matter more than its reads.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// A scan that reads fewer rows is left out.
    min_examined: u64,
    /// A scan that throws away a smaller part of them is left out, 0 to 1.
    min_waste: f64,
    /// Without ANALYZE, a scan that the planner thinks cheaper is left out.
    min_cost: u64,
    /// A scan that is a smaller part of what its plan reads is left out, 0 to 1.
    min_part: f64,
    /// Statements whose calls take fewer milliseconds on average are left out.
    min_mean_ms: f64,
    /// An index for fewer calls is not worth its upkeep, unless they take seconds.
    min_calls: u64,
    /// Of the time of all statements, 0 to 1.
    min_share: f64,
    /// Where no plan was logged, statements whose calls take fewer milliseconds on average and in the median are left out.
    min_mean_without_plan_ms: f64,
    /// Where no plan was logged, those of fewer calls are left out.
    min_calls_without_plan: u64,
    /// With a catalogue, the part of its cost that an index must save a statement, 0 to 1.
    min_saving: f64,
    /// With a catalogue, new indexes for one table.
    most_per_table: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            min_examined: 1_000,
            min_waste: 0.9,
            min_cost: 200,
            min_part: 0.1,
            min_mean_ms: 5.0,
            min_calls: 3,
            min_share: 0.001,
            min_mean_without_plan_ms: 10.0,
            min_calls_without_plan: 5,
            min_saving: 0.3,
            most_per_table: 3,
        }
    }
}

/// Fewer calls than [`Options::min_calls`] are worth a line that took so long together.
const LONG: Micros = Micros(1_000_000);

/// Rules that say how to write a query so that no new index, or another kind of it, is needed.
const REWRITES: [&str; 8] = [
    "leading-wildcard",
    "case-insensitive-match",
    "json-filter",
    "cast-on-column",
    "function-on-column",
    "or-across-columns",
    "order-by-random",
    "deep-offset",
];

impl Rule for MissingIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        found(context).findings.clone()
    }
}

/// What the rule found, for other rules that create indexes.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    findings: Vec<Finding>,
    /// The names of the indexes that they create.
    pub(super) names: NewNames,
    /// Statements with an OR of one table for whose arms there are indexes, or are to be.
    ors: BTreeSet<Fingerprint>,
}

impl Found {
    /// Whether indexes serve an OR of one table in a statement, those that are there or those that are to be created.
    pub(super) fn serves_or(&self, statement: Fingerprint) -> bool {
        self.ors.contains(&statement)
    }

    /// The columns of an index that is to be created on a table and begins with some of its columns, in whatever order; they
    /// are as SQL takes them.
    pub(super) fn leading(&self, context: &Context<'_>, catalog: &Catalog, table: &str, columns: &[String]) -> Option<Vec<String>> {
        self.findings.iter().find_map(|finding| {
            let of = finding.statement.and_then(|id| context.workload.statement(id))?;
            let is_created = finding.ddl.is_some() && context.is_of(of, catalog);
            let is_whole = finding.data.get("table")?.as_str()? == table && finding.data.get("where")?.is_null();
            let keys: Vec<String> = finding.data.get("columns")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let first = keys.get(..columns.len())?;
            let leads = columns.iter().all(|column| first.iter().any(|key| key.strip_prefix(column).is_some_and(is_direction)));
            (is_created && is_whole && leads).then_some(keys)
        })
    }
}

/// Whether this is what stands behind a key of an index: nothing, or its direction.
fn is_direction(rest: &str) -> bool {
    ["", " DESC", " NULLS FIRST", " DESC NULLS LAST"].contains(&rest)
}

/// What the rule found, made once.
pub(super) fn found<'c>(context: &'c Context<'_>) -> &'c Found {
    context.missing.get_or_init(|| Found::of(context))
}

impl Found {
    fn of(context: &Context<'_>) -> Self {
        let options: Options = context.options(META.id);
        let workload = context.workload;
        let indexed = indexed(workload);
        let total: u64 = workload.statements().map(|statement| Price::of(statement).total).sum::<Micros>().0;
        let seen = Seen::of(workload);
        let mut needs: Vec<Need<'_>> = workload.statements().flat_map(|statement| needs(statement, &options, &seen)).collect();
        needs.extend(shape::needs(workload, &options, &seen));
        needs.retain(|need| {
            !indexed.contains(&need.candidate.table, &need.candidate.columns)
                && !is_rewritten(need, context)
                && !habit::is_of_a_dump(need.statement, workload)
        });
        needs.iter_mut().for_each(|need| need.price.share = need.price.total.0 as f64 / total.max(1) as f64);
        let advised = advised::advised(context, &options, Micros(total));
        let mut names = NewNames::default();
        let mut findings: Vec<Finding> = advised.iter().flat_map(|advised| advised.findings(&needs, &options, &mut names)).collect();
        let ors = advised.iter().flat_map(|advised| advised.served_ors(&findings)).collect();
        findings.iter_mut().for_each(|finding| seen.get().hinted(finding));
        needs.retain(|need| !advised.iter().any(|advised| advised.overrules(need)));
        let groups: Vec<_> = grouped_by_index(needs).into_iter().filter(|group| is_worth_it(group, &options)).collect();
        findings.extend(groups.into_iter().map(|group| {
            let Candidate { table, columns, equal, .. } = &group[0].candidate;
            let mut finding = finding(&group);
            finding.evidence.extend(seen.get().evidence(table, columns));
            finding.remedy.extend(seen.get().hint(table, columns, *equal));
            told_of_an_index(finding, &group, &advised)
        }));
        findings.extend(consider::findings(context, &advised, &options, Micros(total)));
        Found { findings, names, ors }
    }
}

/// A statement that needs an index.
#[derive(Clone, Debug)]
struct Need<'w> {
    statement: &'w Statement,
    candidate: Candidate,
    price: Price,
    /// How many plans show it.
    plans: u64,
    /// Time that the scan took at most, of all calls.
    cost: Micros,
}

impl Need<'_> {
    fn confidence(&self) -> Confidence {
        match &self.candidate.waste {
            Some(waste) if waste.examined.is_some() && waste.reads == Reads::Whole => Confidence::High,
            Some(_) => Confidence::Medium,
            None => Confidence::Low,
        }
    }
}

/// Indexes that plans use, by table and the columns that they are asked for.
struct Indexed(Vec<(String, Vec<String>)>);

impl Indexed {
    /// Whether plans show an index that serves all of the columns.
    fn contains(&self, table: &str, columns: &[String]) -> bool {
        self.0.iter().any(|(of, asked)| unqualified(of) == unqualified(table) && columns.iter().all(|column| asked.contains(column)))
    }
}

fn indexed(workload: &Workload) -> Indexed {
    let scans = workload
        .statements()
        .filter_map(|s| s.shapes.as_deref())
        .flat_map(|shapes| shapes.iter())
        .flat_map(|(_, shape)| &shape.slowest.1.scans);
    let asked = scans.filter(|scan| scan.reads != Reads::Whole).map(|scan| {
        let equal = scan.index_condition.conjuncts.iter().filter(|conjunct| conjunct.test == Test::Equal);
        (scan.table.clone(), equal.map(|conjunct| conjunct.column.name.clone()).collect())
    });
    Indexed(asked.collect())
}

fn needs<'w>(statement: &'w Statement, options: &Options, seen: &Seen<'_>) -> Vec<Need<'w>> {
    let Some(shapes) = statement.shapes.as_deref() else { return Vec::new() };
    let price = Price::of(statement);
    let is_only_one = shapes.iter().count() == 1;
    let mut needs: Vec<Need<'_>> = Vec::new();
    for (_, shape) in shapes.iter() {
        if (shape.total.0 / shape.count.max(1)) as f64 <= options.min_mean_ms * 1_000.0 || price.mean < options.min_mean_ms * 1_000.0 {
            continue;
        }
        for mut candidate in candidates(&shape.slowest.1, options, &|table, column| seen.get().tells_apart(table, column)) {
            candidate.table = of_partitions(&candidate.table, &statement.text);
            if let Some(several) = candidate.columns.get_mut(..candidate.equal).filter(|equal| equal.len() > 1) {
                seen.get().order(&candidate.table, several);
            }
            // Calls too fast for auto_explain are likely planned alike.
            let time = if is_only_one { price.total.max(shape.total) } else { shape.total };
            let part = candidate.waste.as_ref().map_or(0.0, |waste| waste.part.min(1.0));
            let cost = Micros::floor(time.0 as f64 * part);
            match needs.iter_mut().find(|need| need.candidate.table == candidate.table && need.candidate.columns == candidate.columns) {
                Some(known) => {
                    known.plans += shape.count;
                    known.cost = (known.cost + cost).min(price.total.max(known.cost));
                    if examined(&candidate) > examined(&known.candidate) {
                        known.candidate = candidate;
                    }
                }
                None => needs.push(Need { statement, candidate, price: price.clone(), plans: shape.count, cost }),
            }
        }
    }
    needs
}

fn examined(candidate: &Candidate) -> Option<u64> {
    candidate.waste.as_ref().and_then(|waste| waste.examined)
}

/// The table that a statement names, where a plan names a partition of it.
fn of_partitions(relation: &str, text: &str) -> String {
    let is_named = |name: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').any(|word| word == name);
    let mut name = unqualified(relation);
    while !is_named(name) {
        match name.rsplit_once('_') {
            Some((parent, _)) => name = parent,
            None => return relation.to_owned(),
        }
    }
    let schema = &relation[..relation.len() - unqualified(relation).len()];
    format!("{schema}{name}")
}

fn unqualified(table: &str) -> &str {
    table.rsplit_once('.').map_or(table, |(_, name)| name)
}

/// Whether another rule says of these columns how to write the query.
fn is_rewritten(need: &Need<'_>, context: &Context<'_>) -> bool {
    habit::all(context).iter().any(|finding| {
        let named = finding.data.get("columns").and_then(Value::as_array);
        let is_same = |column: &Value| column.as_str().is_some_and(|name| need.candidate.columns.iter().any(|column| column == name));
        finding.statement == Some(need.statement.fingerprint)
            && REWRITES.contains(&finding.rule)
            && named.is_none_or(|columns| columns.is_empty() || columns.iter().any(is_same))
    })
}
