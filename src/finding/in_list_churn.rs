//! Statements whose lists of values come in many lengths, each of which is another statement to the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::units::{Micros, grouped};
use crate::workload::{Lists, Statement};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct InListChurn;

static META: Meta = Meta {
    id: "in-list-churn",
    title: "The lists of one statement come in many lengths",
    severity: Severity::Low,
    what: "The calls of one statement bring lists of at least min_lengths different lengths: by the parameters or constants that the log has, or by the texts that pg_stat_statements keeps (before PostgreSQL 18).",
    why: "Each length is a statement of its own: prepared, planned and kept in the driver's cache apart, and one entry of pg_stat_statements, which drops others for it when it is full.",
    example: "SELECT … WHERE id IN ($1, $2), then … IN ($1, $2, $3), and so on up to hundreds",
    remedy: "Send the keys as one array, WHERE key = ANY ($1), which is one statement for any number of them. Where the library cannot, let it pad lists to powers of two (Hibernate: hibernate.query.in_clause_parameter_padding=true). PostgreSQL 18 counts all lengths as one entry, but prepares each for itself still.",
    ignore: "Clients that send constants and prepare nothing: there only the number of entries counts, and many_lengths is for them.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer different lengths are no churn.
    min_lengths: usize,
    /// So many are worth a line whatever the statement takes.
    many_lengths: usize,
    /// Otherwise: fewer calls are not worth one,
    min_calls: u64,
    /// nor is a smaller share of the time of all statements.
    min_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_lengths: 8, many_lengths: 50, min_calls: 50, min_share: 0.01 }
    }
}

/// From this share of the time of all statements on it is more than worth knowing.
const LARGE_SHARE: f64 = 0.05;

impl Rule for InListChurn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let all = context.workload.statements().map(Statement::time).sum();
        context.workload.statements().filter_map(|statement| finding(statement, &options, all)).collect()
    }
}

fn finding(statement: &Statement, options: &Options, all: Micros) -> Option<Finding> {
    let from_counters = statement.counted.as_ref().map(|counted| &counted.lists).filter(|lists| lists.calls() > 0);
    let lists = from_counters.or(statement.lists.as_deref())?;
    let lengths = lists.lengths();
    if lengths < options.min_lengths || lists.is_padded() {
        return None;
    }
    let share = statement.time().0 as f64 / all.0.max(1) as f64;
    // What a client sends with its constants in it is prepared anew for each call anyway.
    let may_be_prepared = from_counters.is_some() || lists.bound() > 0;
    let is_busy = may_be_prepared && lists.calls() >= options.min_calls && share >= options.min_share;
    if !is_busy && lengths < options.many_lengths {
        return None;
    }
    Some(Finding {
        rule: META.id,
        severity: if share >= LARGE_SHARE || lengths >= options.many_lengths { Severity::Low } else { Severity::Info },
        confidence: Confidence::High,
        title: format!("its lists come in {lengths} lengths, each a statement of its own"),
        statement: Some(statement.fingerprint),
        occurrences: lists.calls(),
        evidence: vec![evidence(statement, lists, from_counters.is_some())],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    })
}

fn evidence(statement: &Statement, lists: &Lists, from_counters: bool) -> Evidence {
    let [p50, p95, most] = [500, 950, 1_000].map(|permille| lists.length(permille));
    let entries = statement.counted.as_ref().filter(|_| from_counters).map(|counted| counted.entries());
    let kept = entries.map_or_else(String::new, |entries| format!("; {} entries of pg_stat_statements", grouped(entries)));
    let (lengths, calls) = (lists.lengths(), lists.calls());
    Evidence::counted(
        format!("{lengths} lengths in {} calls: half of them up to {p50}, 95 of 100 up to {p95}, the longest {most}{kept}", grouped(calls)),
        json!({"lengths": lengths, "calls": calls, "length_p50": p50, "length_p95": p95, "length_max": most, "entries": entries}),
    )
}
