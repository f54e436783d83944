//! What a gate is to hold against a candidate, and what it is to live with.

use std::collections::BTreeMap;
use std::fmt;

use crate::sql::fingerprint::Fingerprint;

/// What a change means for the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nobody wants to know.
    Off,
    /// It is told.
    #[default]
    Info,
    /// It is worth a look.
    Warn,
    /// It fails.
    Error,
}

impl Level {
    /// As reports and gate files name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["off", "info", "warn", "error"][self as usize]
    }

    /// The level of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Level::Off, Level::Info, Level::Warn, Level::Error].into_iter().find(|level| level.name() == name)
    }
}

/// A rule of the gate, by its defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub id: &'static str,
    /// What it holds against a candidate.
    pub title: &'static str,
    /// Its defaults.
    pub limit: Limit,
}

/// How strict a rule is. Both differences must be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// What it means.
    pub level: Level,
    /// As a share of the baseline.
    pub relative: f64,
    /// In units of the metric.
    pub absolute: f64,
}

impl Limit {
    /// Whether, by its defaults, its rule looks at how far a counter is from another.
    #[must_use]
    pub fn is_of_counter(&self) -> bool {
        self.relative > 0.0 || self.absolute > 0.0
    }
}

const fn rule(id: &'static str, title: &'static str, level: Level, relative: f64, absolute: f64) -> Rule {
    Rule { id, title, limit: Limit { level, relative, absolute } }
}

/// Every rule of the gate. Findings of other rules gate too, under their own names; see [`FINDINGS`].
pub static RULES: &[Rule] = &[
    rule("new-shape", "A statement that no baseline run has", Level::Warn, 0.0, 0.0),
    rule("removed-shape", "A statement that no candidate run has", Level::Warn, 0.0, 0.0),
    rule("calls-per-unit", "A statement is called more often for the same work", Level::Error, 0.2, 10.0),
    rule("rows-per-call", "A call returns or changes more rows", Level::Error, 0.2, 1.0),
    rule("buffers-per-call", "A call touches more blocks", Level::Error, 0.2, 10.0),
    rule("temp-blocks", "A call spills more to disk", Level::Error, 0.2, 8.0),
    rule("wal-records", "A write makes more write-ahead log", Level::Warn, 0.2, 1.0),
    rule("plan-shape", "A table is read as a whole that was read by an index", Level::Error, 0.0, 0.0),
    rule("errors", "Timeouts, lock timeouts or deadlocks that no baseline run has", Level::Error, 0.0, 1.0),
    rule("latency", "A statement is slower", Level::Error, 0.0, 0.0),
    rule("latency-tail", "The slowest calls of a statement are slower", Level::Error, 0.0, 0.0),
    rule("global-shift", "The whole candidate is slower, as on a busier machine", Level::Warn, 0.0, 0.0),
    rule("budget", "An objective is missed", Level::Error, 0.0, 0.0),
];

/// Rules on single runs whose findings gate if no baseline run has them, and how they do.
pub static FINDINGS: &[(&str, Level)] = &[
    ("access-exclusive-wait", Level::Error),
    ("ddl-duration", Level::Error),
    ("foreign-key-without-index", Level::Error),
    ("idle-in-transaction", Level::Warn),
    ("idle-in-transaction-blocker", Level::Warn),
    ("lock-convoy", Level::Error),
    ("lock-without-limit", Level::Info),
    ("missing-index", Level::Error),
    ("missing-lock-timeout", Level::Info),
    ("n-plus-one", Level::Error),
    ("redundant-query", Level::Warn),
    ("table-rewrite", Level::Error),
    ("upsert-loop", Level::Warn),
    ("write-loop", Level::Error),
];

/// The built-in strictness of a rule of that name.
#[must_use]
pub fn default_limit(id: &str) -> Option<Limit> {
    let finding = || FINDINGS.iter().find(|(known, _)| *known == id);
    let of_finding = || finding().map(|&(_, level)| Limit { level, relative: 0.0, absolute: 0.0 });
    RULES.iter().find(|rule| rule.id == id).map(|rule| rule.limit).or_else(of_finding)
}

/// The names of all rules that may be set or ignored.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id).chain(FINDINGS.iter().map(|(id, _)| *id))
}

/// What is to be lived with, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// Of this rule.
    pub rule: Option<String>,
    /// Of the statement whose id begins so.
    pub fingerprint: Option<String>,
    /// Of statements that name this table.
    pub table: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: String,
    /// Whether that day is over.
    pub is_over: bool,
}

impl Waiver {
    /// Whether it is about a change.
    #[must_use]
    pub fn matches(&self, rule: &str, statement: Option<Fingerprint>, tables: &[String]) -> bool {
        self.rule.as_deref().is_none_or(|id| id == rule)
            && self.fingerprint.as_deref().is_none_or(|id| statement.is_some_and(|statement| statement.to_string().starts_with(id)))
            && self.table.as_deref().is_none_or(|table| tables.iter().any(|named| is_table(table, named)))
    }
}

impl fmt::Display for Waiver {
    /// As it could stand in the gate file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("rule", &self.rule), ("fingerprint", &self.fingerprint), ("table", &self.table)];
        let told: Vec<String> = parts.iter().filter_map(|(name, part)| part.as_ref().map(|part| format!("{name} {part}"))).collect();
        f.write_str(&told.join(", "))
    }
}

/// Whether a configured name means a table of a statement. Where only one of them has a schema it does not matter, for the
/// statement's is that of the search path, which nobody knows here.
#[must_use]
pub fn is_table(configured: &str, named: &str) -> bool {
    let parts = |name: &str| name.rsplit('.').map(|part| part.trim_matches('"').to_owned()).collect::<Vec<_>>();
    parts(configured).iter().zip(&parts(named)).all(|(a, b)| a == b)
}

/// What an inconclusive test of an objective or of a latency means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doubt {
    /// It is told.
    #[default]
    Passes,
    /// It fails.
    Fails,
}

/// Statements that are declared not to have changed: what they do is the machine's doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// Those whose ids begin so.
    pub fingerprints: Vec<String>,
    /// Those that name these tables, and no others.
    pub tables: Vec<String>,
}

impl Controls {
    /// Whether none is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fingerprints.is_empty() && self.tables.is_empty()
    }

    /// Whether a statement is one.
    #[must_use]
    pub fn have(&self, statement: Fingerprint, tables: &[String]) -> bool {
        let id = statement.to_string();
        let is_control = |named: &String| self.tables.iter().any(|table| is_table(table, named));
        self.fingerprints.iter().any(|begin| id.starts_with(begin.as_str())) || (!tables.is_empty() && tables.iter().all(is_control))
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The level that fails; `Off` if nothing does.
    pub fail_on: Level,
    /// What doubt means.
    pub on_inconclusive: Doubt,
    /// How latency is tested.
    pub latency: super::latency::Options,
    /// What the shift of the whole run is taken from, if enough of them are declared.
    pub controls: Controls,
    /// Whether the runs of both sides are declared to have taken turns on one machine.
    pub is_interleaved: bool,
    /// Only statements whose normalised text matches are judged.
    pub filter: Option<regex::Regex>,
    /// Rules that are set.
    pub limits: BTreeMap<String, Limit>,
    /// Tables that matter most.
    pub critical: Vec<String>,
    /// Limits that are set for statements.
    pub budgets: Vec<super::objectives::Budget>,
    /// What is to be lived with.
    pub waivers: Vec<Waiver>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            fail_on: Level::Error,
            on_inconclusive: Doubt::Passes,
            latency: super::latency::Options::default(),
            controls: Controls::default(),
            is_interleaved: false,
            filter: None,
            limits: BTreeMap::new(),
            critical: Vec::new(),
            budgets: Vec::new(),
            waivers: Vec::new(),
        }
    }
}

impl Policy {
    /// How strict a rule is; one that nobody knows is off.
    #[must_use]
    pub fn limit(&self, id: &str) -> Limit {
        let off = Limit { level: Level::Off, relative: 0.0, absolute: 0.0 };
        self.limits.get(id).copied().or_else(|| default_limit(id)).unwrap_or(off)
    }

    /// Switches a rule off.
    pub fn switch_off(&mut self, id: &str) {
        let limit = Limit { level: Level::Off, ..self.limit(id) };
        self.limits.insert(id.to_owned(), limit);
    }

    /// Whether a statement of that text is judged.
    #[must_use]
    pub fn is_judged(&self, text: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(text))
    }

    /// Whether one of these tables matters most.
    #[must_use]
    pub fn is_critical(&self, tables: &[String]) -> bool {
        tables.iter().any(|table| self.critical.iter().any(|critical| is_table(critical, table)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_names_nothing_that_is_none() {
        let by_table = Controls { fingerprints: Vec::new(), tables: vec!["countries".to_owned(), "currencies".to_owned()] };
        let tables = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let id = Fingerprint::without_text("x");
        assert!(by_table.have(id, &tables(&["public.countries", "currencies"])));
        assert!(!by_table.have(id, &tables(&["countries", "orders"])) && !by_table.have(id, &[]));
        let begin = id.to_string()[..6].to_owned();
        assert!(Controls { fingerprints: vec![begin], tables: Vec::new() }.have(id, &[]));
        assert!(Controls::default().is_empty() && !by_table.is_empty());
    }

    #[test]
    fn a_table_of_another_schema_is_another_table() {
        for (configured, named, is_same) in [
            ("audit.orders", "public.orders", false),
            ("audit.orders", "audit.orders", true),
            ("audit.orders", "\"audit\".\"orders\"", true),
            ("orders", "public.orders", true),
            ("public.orders", "orders", true),
            ("orders", "orders_old", false),
        ] {
            assert_eq!(is_table(configured, named), is_same, "{configured} {named}");
        }
    }
}
