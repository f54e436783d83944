//! How the servers were set, as far as snapshots and logs tell: what a comparison of two runs must know before it trusts
//! their difference.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::tally::Facts;

/// So many settings are kept, of so many different values each, of so many bytes.
const MOST_SETTINGS: usize = 256;
const MOST_VALUES: usize = 8;
const LONGEST: usize = 200;

/// Settings whose change in the middle of a log is kept: those that change plans, and those that change what is logged.
const CHANGED: [&str; 26] = [
    "auto_explain.log_analyze",
    "auto_explain.log_min_duration",
    "auto_explain.sample_rate",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "default_statistics_target",
    "effective_cache_size",
    "jit",
    "log_duration",
    "log_lock_waits",
    "log_min_duration_sample",
    "log_min_duration_statement",
    "log_parameter_max_length",
    "log_statement",
    "log_statement_sample_rate",
    "log_temp_files",
    "log_transaction_sample_rate",
    "max_parallel_workers_per_gather",
    "pg_stat_statements.track",
    "plan_cache_mode",
    "random_page_cost",
    "seq_page_cost",
    "shared_buffers",
    "track_io_timing",
    "work_mem",
];

/// See the module. Several values of one setting mean that it was changed, or that several servers differ in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    settings: BTreeMap<String, BTreeSet<String>>,
}

impl Environment {
    /// Each setting that is known, with its values, in order. `server_version_num` and `pg_stat_statements.version` are among
    /// them where snapshots tell.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.settings.iter().map(|(name, values)| (name.as_str(), values))
    }

    /// The values of a setting; `None` if nothing tells it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.settings.get(name)
    }

    fn add(&mut self, name: &str, value: &str) {
        if name.len() > LONGEST || value.len() > LONGEST || (self.settings.len() >= MOST_SETTINGS && !self.settings.contains_key(name)) {
            return;
        }
        let values = self.settings.entry(name.to_owned()).or_default();
        if values.len() < MOST_VALUES {
            values.insert(value.to_owned());
        }
    }

    /// A log tells that a setting was changed.
    pub(super) fn changed(&mut self, name: &str, value: &str) {
        if CHANGED.contains(&name) || name.starts_with("enable_") {
            self.add(name, value);
        }
    }

    /// What a snapshot tells.
    pub(super) fn told(&mut self, facts: &Facts) {
        facts.settings.iter().for_each(|(name, value)| self.add(name, value));
        facts.version.iter().for_each(|version| self.add("server_version_num", &version.to_string()));
        facts.extension.iter().for_each(|version| self.add("pg_stat_statements.version", version));
    }

    pub(super) fn merge(&mut self, other: &Environment) {
        for (name, values) in &other.settings {
            values.iter().for_each(|value| self.add(name, value));
        }
    }
}
