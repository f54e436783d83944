//! Statements whose planning takes longer than their execution.

use serde::Deserialize;

use crate::units::Micros;
use crate::workload::Workload;

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct PlanTimeDominates;

static META: Meta = Meta {
    id: "plan-time-dominates",
    title: "Parsing and planning take longer than executing",
    severity: Severity::Medium,
    what: "Over all calls of the statement, `parse` and `bind` lines (in which planning hides) took more time than `execute` lines.",
    why: "The server works out the same plan again for every call.",
    example: "A select by key over twelve joined tables, prepared anew each time.",
    remedy: "Prepare it once for each connection and execute it often: a driver's statement cache, prepareThreshold, or a pooler that keeps prepared statements; with partitions, fewer of them. For views of many joins, plan_cache_mode = force_generic_plan for this statement.",
    ignore: "A statement whose plan depends on its values.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer calls say nothing.
    min_calls: u64,
    /// A smaller share of the time of all statements is not worth a line.
    min_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_calls: 20, min_share: 0.01 }
    }
}

impl Rule for PlanTimeDominates {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let all = total(context.workload);
        let mut findings = Vec::new();
        for statement in context.workload.statements() {
            let planning = statement.parse + statement.bind;
            let wasted = Micros(planning.0.saturating_sub(statement.execute.0));
            let is_worth_it = planning.0 as f64 >= options.min_share * all.0 as f64;
            if statement.calls() < options.min_calls || wasted.0 == 0 || !is_worth_it {
                continue;
            }
            let ratio = planning.0 as f64 / statement.execute.0.max(1) as f64;
            findings.push(Finding {
                rule: META.id,
                severity: if planning.0 as f64 >= 0.05 * all.0 as f64 { Severity::Medium } else { Severity::Low },
                confidence: Confidence::High,
                title: format!("planning takes {ratio:.1} times as long as executing"),
                statement: Some(statement.fingerprint),
                occurrences: statement.calls(),
                cost: Some(planning),
                evidence: vec![Evidence::counted(
                    format!(
                        "parse {}, bind {}, execute {} over {} calls",
                        statement.parse,
                        statement.bind,
                        statement.execute,
                        statement.calls()
                    ),
                    serde_json::json!({"parse_us": statement.parse.0, "bind_us": statement.bind.0, "execute_us": statement.execute.0}),
                )],
                remedy: META.remedy.to_owned(),
                ..Finding::default()
            });
        }
        findings
    }
}

fn total(workload: &Workload) -> Micros {
    workload.total().total()
}
