//! Findings of `missing-index` at the third level of evidence: a server's planner was asked.

use serde_json::{Value, json};

use crate::advice::trial::Trial;
use crate::advice::{self, Demand, Limits, NewNames, Offers};
use crate::catalog::Catalog;
use crate::units::Micros;
use crate::workload::{Statement, Workload};

use super::super::habit::Price;
use super::super::{Confidence, Evidence, Finding};
use super::advised::Advised;
use super::{META, Options};

/// Advice on one database: what was asked of it, and what came of that.
pub struct Advice<'w> {
    /// What happened.
    pub workload: &'w Workload,
    /// The database's catalogue.
    pub catalog: &'w Catalog,
    /// The statements and what they ask, as [`super::demands`] makes them.
    pub statements: Vec<(&'w Statement, Demand)>,
    /// The candidates, priced by the model.
    pub offers: Offers,
}

/// How far to go, by the options of the rule.
#[must_use]
pub fn limits(options: &super::super::Options) -> Limits {
    let options: Options = options.of_rule(META.id);
    Limits { most_per_table: options.most_per_table, least_saving: options.min_saving, ..Limits::default() }
}

impl<'w> Advice<'w> {
    /// The findings by the planner's answers, or by the model where `trial` is `None`.
    #[must_use]
    pub fn findings(self, trial: Option<Trial>, options: &super::super::Options) -> Vec<Finding> {
        let limits = limits(options);
        let options: Options = options.of_rule(META.id);
        let total: Micros = self.workload.statements().map(|statement| Price::of(statement).total).sum();
        let is_tried = trial.is_some();
        let (offers, choices) = match trial {
            Some(trial) => (Offers { cells: trial.cells, offers: trial.offers, ..Offers::default() }, trial.choices),
            None => {
                let choices = advice::choose(&self.offers.cells, &self.offers.offers, limits);
                (self.offers, choices)
            }
        };
        let advised = Advised::by(self.catalog, self.statements, (offers, choices), total);
        let mut findings = advised.findings(&[], &options, &mut NewNames::default());
        if is_tried {
            findings.iter_mut().for_each(by_planner);
        }
        findings
    }
}

/// What the model said of a choice becomes what the planner said.
fn by_planner(finding: &mut Finding) {
    let number = |key: &str| finding.data.get(key).and_then(Value::as_f64).unwrap_or_default();
    let (before, after) = (number("cost_before"), number("cost_after"));
    let saved = if before > 0.0 { (1.0 - after / before) * 100.0 } else { 0.0 };
    let text = format!(
        "the planner of the server uses it: with it, plans of the statements that it serves cost {after:.1} instead of {before:.1}, {saved:.0} % less, and no other that reads the table and could be asked costs more"
    );
    let data = json!({"cost_before": before, "cost_after": after}).as_object().cloned().unwrap_or_default();
    let model = finding.evidence.first().map(|evidence| evidence.data.clone()).unwrap_or_default();
    let kept = ["rows", "pages", "size_bytes", "write_overhead", "upkeep_us"];
    let beside = kept.iter().filter_map(|key| Some(((*key).to_owned(), model.get(*key)?.clone())));
    let evidence = Evidence { kind: "what-if", text, data: data.into_iter().chain(beside).collect() };
    match finding.evidence.first_mut() {
        Some(first) => *first = evidence,
        None => finding.evidence.push(evidence),
    }
    finding.data.insert("level".to_owned(), "what-if".into());
    // With nothing but places for values the planner assumes constants where the model does, and knows no more.
    if finding.confidence > Confidence::Low {
        finding.confidence = Confidence::High;
    }
}
