//! Changes of tables that wait for everybody else, while everybody else would have to wait for them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, often};
use crate::workload::Workload;
use crate::workload::lock_mode::{Kind, Mode};
use crate::workload::waits::{Waited, Waiting};

use super::locks::{object, told};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct AccessExclusiveWait;

static META: Meta = Meta {
    id: "access-exclusive-wait",
    title: "A change of a table waited long for its lock",
    severity: Severity::High,
    what: "A statement waited at least min_wait_ms for ACCESS EXCLUSIVE on a table. Waits are in the log with log_lock_waits, from deadlock_timeout on. Where others came to wait behind it, lock-convoy tells it and this rule is silent.",
    why: "Whoever comes to read or write the table meanwhile has to wait behind it. That nobody did in this log, of a test or a quiet hour, does not mean that nobody will.",
    example: "A report reads orders in a long transaction; ALTER TABLE orders ADD COLUMN note text waits until it is over.",
    remedy: "Run the change with SET lock_timeout = '1s' and try again until it gets its lock; let no long transaction use the table meanwhile.",
    ignore: "A maintenance window in which nobody else is connected.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Shorter waits are left out, in milliseconds.
    min_wait_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_wait_ms: 1_000 }
    }
}

/// So long everybody waits who comes meanwhile, and notices.
const LONG: Micros = Micros::from_millis(1_000);

/// Whether this rule speaks of waits of a kind.
pub(super) fn tells(context: &Context<'_>, waiting: &Waiting, waited: &Waited) -> bool {
    let options: Options = context.options(META.id);
    waiting.mode == Some(Mode::AccessExclusive)
        && waiting.kind == Kind::Relation
        && waited.most() >= Micros::from_millis(options.min_wait_ms)
}

impl Rule for AccessExclusiveWait {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let mut by_statement: BTreeMap<Option<Fingerprint>, Vec<(&Waiting, &Waited)>> = BTreeMap::new();
        for (waiting, waited) in context.workload.waits().all.iter().filter(|(waiting, waited)| tells(context, waiting, waited)) {
            by_statement.entry(waiting.statement).or_default().push((waiting, waited));
        }
        by_statement.into_iter().map(|(statement, waits)| finding(statement, waits, context.workload)).collect()
    }
}

fn finding(statement: Option<Fingerprint>, mut waits: Vec<(&Waiting, &Waited)>, workload: &Workload) -> Finding {
    waits.sort_by_key(|(waiting, waited)| (std::cmp::Reverse(waited.longest), *waiting));
    let mut sum = Waited::default();
    waits.iter().for_each(|(_, waited)| sum.add(waited));
    let holders: Vec<Fingerprint> = waits.iter().filter_map(|(waiting, _)| waiting.holder).collect();
    let named: Vec<Fingerprint> = statement.into_iter().chain(holders.iter().copied()).collect();
    let on = object(Kind::Relation, &named, workload);
    Finding {
        rule: META.id,
        severity: if sum.most() >= LONG { Severity::High } else { Severity::Medium },
        confidence: Confidence::High,
        title: format!("waited up to {} for ACCESS EXCLUSIVE on {on}, {}", sum.most(), often(sum.count)),
        statement: statement.filter(|statement| workload.statement(*statement).is_some()),
        related: holders.into_iter().filter(|holder| Some(*holder) != statement && workload.statement(*holder).is_some()).collect(),
        occurrences: sum.count,
        cost: Some(sum.total),
        evidence: waits.iter().map(|(waiting, waited)| told(waiting, waited, workload)).collect(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
