//! Statements whose planning takes longer than their execution.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::units::Micros;
use crate::workload::{Key, Statement};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct PlanTimeDominates;

static META: Meta = Meta {
    id: "plan-time-dominates",
    title: "Parsing and planning take longer than executing",
    severity: Severity::Medium,
    what: "Over all calls of the statement, `parse` and `bind` lines (in which planning hides) took more time than `execute` lines. Such statements of one application are one finding, whose time has to be worth a line: min_share of all time and min_planning_ms.",
    why: "The server works out the same plan again for every call.",
    example: "A select by key over twelve joined tables, prepared anew each time.",
    remedy: "Prepare it once for each connection and execute it often: a driver's statement cache, prepareThreshold, or a pooler that keeps prepared statements; with partitions, fewer of them. For views of many joins, plan_cache_mode = force_generic_plan for this statement.",
    ignore: "A statement whose plan depends on its values.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer calls say nothing.
    min_calls: u64,
    /// A smaller share of the time of all statements is not worth a line, for all statements of an application together.
    min_share: f64,
    /// Less time for parsing and planning all of them is not worth one either, in milliseconds.
    min_planning_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_calls: 20, min_share: 0.02, min_planning_ms: 200 }
    }
}

/// So many statements are told one by one, the most costly first.
const MOST_TOLD: usize = 10;
/// So many are named.
const MOST_RELATED: usize = 50;

impl Rule for PlanTimeDominates {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let workload = context.workload;
        let all = workload.total().total();
        let mut by_application: BTreeMap<Option<String>, Vec<&Statement>> = BTreeMap::new();
        let is_dominated = |s: &&Statement| s.calls() >= options.min_calls && planning(s) > s.execute;
        for statement in workload.statements().filter(is_dominated) {
            let most = workload.shares(statement, &Key::Application).into_iter().next().map(|(name, _)| name);
            by_application.entry(most).or_default().push(statement);
        }
        let is_worth_it = |statements: &[&Statement]| {
            let planning: Micros = statements.iter().map(|s| planning(s)).sum();
            planning >= Micros::from_millis(options.min_planning_ms) && planning.0 as f64 >= options.min_share * all.0 as f64
        };
        let worth_it = by_application.into_iter().filter(|(_, statements)| is_worth_it(statements));
        worth_it.filter_map(|(application, statements)| finding(application, statements, all)).collect()
    }
}

fn planning(statement: &Statement) -> Micros {
    statement.parse + statement.bind
}

/// What the statements of an application are planned for, if there are any.
fn finding(application: Option<String>, mut statements: Vec<&Statement>, all: Micros) -> Option<Finding> {
    statements.sort_by_key(|s| (std::cmp::Reverse(planning(s)), s.fingerprint));
    let first = statements.first()?.fingerprint;
    let sum = |of: fn(&Statement) -> Micros| -> Micros { statements.iter().map(|s| of(s)).sum() };
    let (planned, executed) = (sum(planning), sum(|s| s.execute));
    let calls: u64 = statements.iter().map(|s| s.calls()).sum();
    let ratio = planned.0 as f64 / executed.0.max(1) as f64;
    let of_several = match (statements.len(), &application) {
        (1, _) => String::new(),
        (many, Some(name)) => format!(", in {many} statements of {name}"),
        (many, None) => format!(", in {many} statements"),
    };
    let told = |what: String, [parse, bind, execute]: [Micros; 3], calls: u64| {
        Evidence::counted(
            format!("{what}parse {parse}, bind {bind}, execute {execute} over {calls} calls"),
            json!({"parse_us": parse.0, "bind_us": bind.0, "execute_us": execute.0}),
        )
    };
    let mut evidence = vec![told(String::new(), [sum(|s| s.parse), sum(|s| s.bind), executed], calls)];
    if statements.len() > 1 {
        let each = statements.iter().take(MOST_TOLD);
        evidence.extend(each.map(|s| told(format!("{}: ", s.fingerprint), [s.parse, s.bind, s.execute], s.calls())));
    }
    let mut data = Map::new();
    data.insert("application".to_owned(), json!(application));
    data.insert("statements".to_owned(), json!(statements.len()));
    Some(Finding {
        rule: META.id,
        severity: if planned.0 as f64 >= 0.05 * all.0 as f64 { Severity::Medium } else { Severity::Low },
        confidence: Confidence::High,
        title: format!("planning takes {ratio:.1} times as long as executing{of_several}"),
        statement: Some(first),
        related: statements.iter().skip(1).take(MOST_RELATED).map(|s| s.fingerprint).collect(),
        occurrences: calls,
        cost: Some(planned),
        evidence,
        data,
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}
