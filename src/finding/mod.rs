//! What is wrong, why that is known, what it costs and what to do: one file per rule.
//!
//! A [`Rule`] looks at a finished workload and nothing else, and answers with [`Finding`]s. Severity says how bad it is if
//! true, confidence how surely it is true, cost what was lost to it: three different things. To add a rule: one file, its
//! `mod` line and its entry in [`ALL`]. The suite then asks for fixtures, `fixtures/rules/ID/hit-*` and `miss-*`.

use std::cell::OnceCell;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::sql::fingerprint::Fingerprint;
use crate::units::Micros;
use crate::workload::{Objective, Statement, Workload};

mod access_exclusive_wait;
mod blind_setting;
mod cartesian_join;
mod case_insensitive_match;
mod cast_on_column;
mod chatty_session;
mod connection_churn;
mod connection_exhaustion;
mod conservation;
mod correlated_subquery;
mod count_for_existence;
mod count_without_filter;
mod ddl_duration;
mod deadlock;
mod deep_offset;
mod degraded_window;
mod distinct_join;
mod duplicate_index;
mod error_burst;
mod foreign_key_without_index;
mod full_row_update;
mod function_on_column;
mod habit;
mod huge_in_list;
mod idle_in_transaction;
mod idle_in_transaction_blocker;
mod ignore;
mod in_list_churn;
mod invalid_index;
mod json_filter;
mod leading_wildcard;
mod lock_convoy;
mod lock_timeout;
mod lock_wait;
mod lock_without_limit;
mod locks;
mod long_transaction;
mod loops;
mod missing_index;
mod missing_lock_timeout;
mod mostly_null_index;
mod n_plus_one;
mod not_in_subquery;
mod old_xmin_horizon;
mod or_across_columns;
mod order_by_random;
mod orm;
mod plan_flip;
mod plan_time_dominates;
mod redundant_index;
mod redundant_query;
mod row_misestimate;
mod schema;
mod select_star;
mod select_then_write;
mod sequence_near_end;
mod stale_statistics;
mod statement_timeout;
mod table_rewrite;
mod temp_file_spill;
mod transaction_per_statement;
mod transactions;
mod unbounded_select;
mod unused_index;
mod upsert_loop;
mod write_loop;
mod write_without_where;

pub use ignore::Ignore;
pub use missing_index::{Advice, Answers, Swing, demands, limits, unadvised};
pub use orm::Libraries;

use orm::Tables;

/// Every rule that this build knows.
pub static ALL: &[&dyn Rule] = &[
    &access_exclusive_wait::AccessExclusiveWait,
    &blind_setting::BlindSetting,
    &cartesian_join::CartesianJoin,
    &case_insensitive_match::CaseInsensitiveMatch,
    &cast_on_column::CastOnColumn,
    &chatty_session::ChattySession,
    &connection_churn::ConnectionChurn,
    &connection_exhaustion::ConnectionExhaustion,
    &correlated_subquery::CorrelatedSubquery,
    &count_for_existence::CountForExistence,
    &count_without_filter::CountWithoutFilter,
    &ddl_duration::DdlDuration,
    &deadlock::Deadlock,
    &deep_offset::DeepOffset,
    &degraded_window::DegradedWindow,
    &distinct_join::DistinctJoin,
    &duplicate_index::DuplicateIndex,
    &error_burst::ErrorBurst,
    &foreign_key_without_index::ForeignKeyWithoutIndex,
    &full_row_update::FullRowUpdate,
    &function_on_column::FunctionOnColumn,
    &huge_in_list::HugeInList,
    &idle_in_transaction::IdleInTransaction,
    &idle_in_transaction_blocker::IdleInTransactionBlocker,
    &in_list_churn::InListChurn,
    &invalid_index::InvalidIndex,
    &json_filter::JsonFilter,
    &leading_wildcard::LeadingWildcard,
    &lock_convoy::LockConvoy,
    &lock_timeout::LockTimeout,
    &lock_wait::LockWait,
    &lock_without_limit::LockWithoutLimit,
    &long_transaction::LongTransaction,
    &missing_index::MissingIndex,
    &missing_lock_timeout::MissingLockTimeout,
    &mostly_null_index::MostlyNullIndex,
    &n_plus_one::NPlusOne,
    &not_in_subquery::NotInSubquery,
    &old_xmin_horizon::OldXminHorizon,
    &or_across_columns::OrAcrossColumns,
    &order_by_random::OrderByRandom,
    &plan_flip::PlanFlip,
    &plan_time_dominates::PlanTimeDominates,
    &redundant_index::RedundantIndex,
    &redundant_query::RedundantQuery,
    &row_misestimate::RowMisestimate,
    &select_star::SelectStar,
    &select_then_write::SelectThenWrite,
    &sequence_near_end::SequenceNearEnd,
    &stale_statistics::StaleStatistics,
    &statement_timeout::StatementTimeout,
    &table_rewrite::TableRewrite,
    &temp_file_spill::TempFileSpill,
    &transaction_per_statement::TransactionPerStatement,
    &unbounded_select::UnboundedSelect,
    &unused_index::UnusedIndex,
    &upsert_loop::UpsertLoop,
    &write_loop::WriteLoop,
    &write_without_where::WriteWithoutWhere,
];

/// How bad something is, if it is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Info,
    /// Worth a look when there is time.
    Low,
    /// Costs enough to be mended.
    Medium,
    /// Users notice.
    High,
}

/// How surely something is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A hint.
    #[default]
    Low,
    /// Likely.
    Medium,
    /// At least 95 of 100 such findings are true.
    High,
}

impl Severity {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["info", "low", "medium", "high"][self as usize]
    }
}

impl Confidence {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["low", "medium", "high"][self as usize]
    }
}

/// What a rule is, in words for the person who has to act on it.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// Its stable name, singular and kebab-case.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// The worst that it says.
    pub severity: Severity,
    /// What it finds and how it is recognised.
    pub what: &'static str,
    /// Why that costs.
    pub why: &'static str,
    /// How it looks.
    pub example: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// When to ignore it.
    pub ignore: &'static str,
    /// What options of `[rule.ID]` come to, those left out as well, or what is wrong with them.
    pub accepts: fn(&Value) -> Result<Vec<Choice>, String>,
}

/// An option of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its key in `[rule.ID]`.
    pub name: String,
    /// What it is set to, or its default.
    pub value: Value,
    /// What it means.
    pub about: String,
}

/// One rule.
pub trait Rule: Sync {
    /// What it is.
    fn meta(&self) -> &'static Meta;
    /// Looks at a workload.
    fn check(&self, context: &Context<'_>) -> Vec<Finding>;
}

/// An option that a rule does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOption {
    /// The rule.
    pub rule: String,
    /// What is wrong.
    pub reason: String,
}

/// What a rule may look at.
pub struct Context<'c> {
    /// What happened.
    pub workload: &'c Workload,
    options: &'c Options,
    /// What the rules on the text of statements found, once one of them has asked.
    shaped: OnceCell<Vec<Finding>>,
    /// What the rule on missing indexes found, once it or another rule has asked.
    missing: OnceCell<missing_index::Found>,
    libraries: &'c Libraries,
    /// What all statements tell of the tables, once a remedy has asked.
    tables: OnceCell<Tables<'c>>,
}

/// What was configured of findings, of which each part makes sense.
#[derive(Clone, Debug, Default)]
pub struct Options {
    by_rule: HashMap<String, Value, FixedState>,
    /// Findings to ignore, each of them checked.
    pub ignores: Vec<Ignore>,
}

impl Options {
    /// Options as they were configured, by rule.
    ///
    /// # Errors
    /// If there is no such rule, or it does not know an option or its value.
    pub fn of(configured: impl IntoIterator<Item = (String, Value)>) -> Result<Self, BadOption> {
        let mut options = Options::default();
        for (rule, value) in configured {
            let Some(known) = by_id(&rule) else { return Err(BadOption { reason: "there is no such rule".to_owned(), rule }) };
            (known.meta().accepts)(&value).map(drop).map_err(|reason| BadOption { rule: rule.clone(), reason })?;
            options.by_rule.insert(rule, value);
        }
        Ok(options)
    }

    /// The options of a rule, the defaults where none are given.
    fn of_rule<T: DeserializeOwned + Default>(&self, rule: &'static str) -> T {
        // They were tried before.
        self.by_rule.get(rule).and_then(|options| T::deserialize(options).ok()).unwrap_or_default()
    }
}

/// The process of a session, as far as what the log calls it holds one; see `LARGEST_PROCESS`.
fn process(session: u64) -> Option<u64> {
    Some(session & u64::from(u32::MAX)).filter(|pid| (1..=LARGEST_PROCESS).contains(pid))
}

/// Process numbers are not larger: `PID_MAX_LIMIT` of Linux.
const LARGEST_PROCESS: u64 = 1 << 22;

/// Whether options are what a rule's struct of them takes.
fn fits<T: Serialize + DeserializeOwned + JsonSchema>(options: &Value) -> Result<Vec<Choice>, String> {
    let read = T::deserialize(options).map_err(|error| {
        // Which of them it is, where one alone is wrong as well.
        let alone =
            |(name, value): (&String, &Value)| T::deserialize(&json!({ name: value })).err().map(|error| format!("{name}: {error}"));
        options.as_object().and_then(|all| all.iter().find_map(alone)).unwrap_or_else(|| error.to_string())
    })?;
    let schema = schemars::schema_for!(T);
    let about = |name: &str| schema.get("properties")?.get(name)?.get("description")?.as_str().map(str::to_owned);
    let values = serde_json::to_value(read).ok().and_then(|values| values.as_object().cloned()).unwrap_or_default();
    Ok(values.into_iter().map(|(name, value)| Choice { about: about(&name).unwrap_or_default(), name, value }).collect())
}

/// What a rule without options takes.
fn no_options(options: &Value) -> Result<Vec<Choice>, String> {
    match options.as_object().and_then(|options| options.keys().next()) {
        Some(name) => Err(format!("{name}: there is no such option; this rule has none")),
        None => Ok(Vec::new()),
    }
}

impl<'c> Context<'c> {
    /// What all statements tell of the tables.
    fn tables(&self) -> &Tables<'c> {
        self.tables.get_or_init(|| Tables::of(self.workload))
    }

    /// The libraries that wrote the statements.
    fn libraries(&self) -> &Libraries {
        self.libraries
    }

    /// The catalogue of the database that a statement ran in; see `Workload::catalog_of`.
    fn catalog_of(&self, statement: &Statement) -> Option<&'c Catalog> {
        self.workload.catalog_of(statement)
    }

    /// Whether a statement may have run in the database of a catalogue.
    fn is_of(&self, statement: &Statement, catalog: &Catalog) -> bool {
        self.catalog_of(statement).is_some_and(|known| std::ptr::eq(known, catalog))
    }

    /// The options of a rule, the defaults where none are given.
    fn options<T: DeserializeOwned + Default>(&self, rule: &'static str) -> T {
        self.options.of_rule(rule)
    }
}

/// Whose time a finding's cost is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The server spent it on statements, waits of theirs for locks included.
    #[default]
    Server,
    /// It passed on the clock: round trips and the client's own time between calls are in it, or what a transaction held.
    Wall,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// One line for this very case.
    pub title: String,
    /// The statement it is about.
    pub statement: Option<Fingerprint>,
    /// Other statements that belong to it.
    pub related: Vec<Fingerprint>,
    /// How often it happened.
    pub occurrences: u64,
    /// What it cost; `None` if that is not known.
    pub cost: Option<Micros>,
    /// Whose time that is.
    pub clock: Clock,
    /// Why it is known.
    pub evidence: Vec<Evidence>,
    /// What programs may read, by rule.
    pub data: Map<String, Value>,
    /// What to do.
    pub remedy: String,
    /// A statement that does it, to be read before it is run.
    pub ddl: Option<String>,
    /// What says that it is to be ignored.
    pub ignored: Option<Ignore>,
}

/// A reason to believe a finding.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What kind of reason, such as `counter`.
    pub kind: &'static str,
    /// In words.
    pub text: String,
    /// In numbers.
    pub data: Map<String, Value>,
}

impl Evidence {
    /// A number that was counted.
    fn counted(text: String, data: Value) -> Self {
        Evidence { kind: "counter", text, data: data.as_object().cloned().unwrap_or_default() }
    }
}

/// The objectives of latency that options ask for.
#[must_use]
pub fn objectives(options: &Options) -> Vec<Objective> {
    degraded_window::objectives(options)
}

/// What is severe and sure but of unknown cost stands where it would if it cost this share of all time, by severity upwards:
/// below what surely hurts more, above what is trivial.
const UNKNOWN_COST: [f64; 4] = [0.0, 0.0, 0.002, 0.02];

/// What a finding's cost is taken for where findings are put in order.
fn weight(finding: &Finding, all: Micros) -> Micros {
    let share = if finding.confidence == Confidence::High { UNKNOWN_COST[finding.severity as usize] } else { 0.0 };
    finding.cost.unwrap_or_else(|| Micros::floor(all.0 as f64 * share))
}

/// Runs every rule.
#[must_use]
pub fn check(workload: &Workload, options: &Options) -> Vec<Finding> {
    check_with(workload, options, &Libraries::of(workload))
}

/// What [`json!`] writes between braces.
fn as_map(data: Value) -> Map<String, Value> {
    match data {
        Value::Object(data) => data,
        _ => Map::new(),
    }
}

/// Findings that were made by something else than a rule's own look: those to be ignored are marked, and they are in the
/// order in which [`check_with`] puts them.
#[must_use]
pub fn arranged(mut findings: Vec<Finding>, workload: &Workload, options: &Options) -> Vec<Finding> {
    let all = workload.total().total();
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (weight(f, all), f.severity, f.confidence, f.occurrences);
        key(b).cmp(&key(a)).then_with(|| a.rule.cmp(b.rule)).then_with(|| a.statement.cmp(&b.statement))
    });
    ignore::mark(&mut findings, &options.ignores, workload);
    findings
}

/// Runs every rule, with the libraries of the workload's statements. What costs most comes first, then what is worse, surer, and
/// then by name; a deadlock, whose cost no log tells, does not sink below milliseconds. What is to be ignored is marked and
/// stays.
#[must_use]
pub fn check_with(workload: &Workload, options: &Options, libraries: &Libraries) -> Vec<Finding> {
    if workload.rules().without_findings {
        return Vec::new();
    }
    let context = Context { workload, options, shaped: OnceCell::new(), missing: OnceCell::new(), libraries, tables: OnceCell::new() };
    arranged(ALL.iter().flat_map(|rule| rule.check(&context)).collect(), workload, options)
}

/// The rule of that name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static dyn Rule> {
    ALL.iter().copied().find(|rule| rule.meta().id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sure_and_severe_but_of_unknown_cost_is_no_trifle() {
        let all = Micros(10_000_000);
        let finding = |severity, confidence, cost| Finding { severity, confidence, cost, ..Finding::default() };
        assert_eq!(weight(&finding(Severity::High, Confidence::High, None), all), Micros(200_000));
        assert_eq!(weight(&finding(Severity::Medium, Confidence::High, None), all), Micros(20_000));
        assert_eq!(weight(&finding(Severity::High, Confidence::Medium, None), all), Micros(0));
        assert_eq!(weight(&finding(Severity::High, Confidence::High, Some(Micros(7))), all), Micros(7));
    }
}
