//! Findings of `missing-index` at the third level of evidence: a server's planner was asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::advice::trial::Trial;
use crate::advice::{self, Demand, Limits, NewNames, Offers};
use crate::catalog::Catalog;
use crate::sql::fingerprint::Fingerprint;
use crate::units::Micros;
use crate::workload::{Statement, Workload};

use super::super::habit::Price;
use super::super::{Confidence, Evidence, Finding};
use super::advised::Advised;
use super::values::Seen;
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

/// What a server's planner answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// What came of asking of every candidate.
    pub trial: Trial,
    /// The statements whose plans, with what was chosen, are not alike for usual and for unusual values of the log.
    pub swings: BTreeMap<Fingerprint, Swing>,
    /// The indexes that the chosen ones make redundant by their columns, as SQL writes their names, and whether no statement
    /// costs more without them; only where the server could tell.
    pub redundant: BTreeMap<String, bool>,
}

/// Two plans of one statement: with usual values, and with unusual ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swing {
    /// Their costs.
    pub costs: [f64; 2],
    /// Whether they use any index that was chosen.
    pub uses: [bool; 2],
}

/// How far to go, by the options of the rule.
#[must_use]
pub fn limits(options: &super::super::Options) -> Limits {
    let options: Options = options.of_rule(META.id);
    Limits { most_per_table: options.most_per_table, least_saving: options.min_saving, ..Limits::default() }
}

impl<'w> Advice<'w> {
    /// The findings by the planner's answers, or by the model where there are none.
    #[must_use]
    pub fn findings(self, answers: Option<Answers>, options: &super::super::Options) -> Vec<Finding> {
        let limits = limits(options);
        let options: Options = options.of_rule(META.id);
        let total: Micros = self.workload.statements().map(|statement| Price::of(statement).total).sum();
        let is_tried = answers.is_some();
        let Answers { trial, swings, redundant } = answers.unwrap_or_default();
        let (offers, choices) = match is_tried {
            true => (Offers { cells: trial.cells, offers: trial.offers, ..Offers::default() }, trial.choices),
            false => {
                let mut offers = self.offers;
                let choices = advice::chosen(&mut offers, limits);
                (offers, choices)
            }
        };
        let needed = redundant.iter().filter(|(_, is_redundant)| !**is_redundant).map(|(name, _)| name.clone()).collect();
        let advised = Advised::by(self.catalog, self.statements, (offers, choices), total).without_replacing(needed);
        let mut findings = advised.findings(&[], &options, &mut NewNames::default());
        let seen = Seen::of(self.workload);
        findings.iter_mut().for_each(|finding| seen.get().hinted(finding));
        if is_tried {
            findings.iter_mut().for_each(by_planner);
            findings.iter_mut().for_each(|finding| confirmed(finding, &redundant));
            findings.iter_mut().for_each(|finding| swinging(finding, &swings));
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

/// Says of the indexes that may go that the planner was asked.
fn confirmed(finding: &mut Finding, redundant: &BTreeMap<String, bool>) {
    let replaced = finding.data.get("replaces").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let sure: Vec<&str> = replaced.filter(|name| redundant.get(*name) == Some(&true)).collect();
    if !sure.is_empty() {
        let text = format!("without {} beside it no statement that could be asked costs more", sure.join(", "));
        let data = json!({"redundant": sure}).as_object().cloned().unwrap_or_default();
        finding.evidence.push(Evidence { kind: "what-if", text, data });
    }
}

/// Says so where it depends on the value what the planner does.
fn swinging(finding: &mut Finding, swings: &BTreeMap<Fingerprint, Swing>) {
    let of = finding.statement.iter().chain(&finding.related).find_map(|statement| Some((statement, swings.get(statement)?)));
    let Some((statement, Swing { costs, uses })) = of else { return };
    let how = match uses {
        [true, false] => "with usual values of the log it uses a new index, and with unusual ones it does not",
        [false, true] => "with unusual values of the log it uses a new index, and with usual ones it does not",
        _ => "plans for usual and for unusual values of the log differ",
    };
    let text = format!("it depends on the value: of {statement}, {how}; they cost {:.1} and {:.1}", costs[0], costs[1]);
    let data = json!({"statement": statement.to_string(), "cost_usual": costs[0], "cost_unusual": costs[1]});
    finding.evidence.push(Evidence { kind: "values", text, data: data.as_object().cloned().unwrap_or_default() });
    finding.data.insert("depends_on_value".to_owned(), true.into());
    // What is sure of one value is not of another.
    if uses[0] != uses[1] {
        finding.confidence = finding.confidence.min(Confidence::Medium);
    }
}
