//! What keeps VACUUM from removing rows that nobody needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{evidence, finding, used, whole};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};
use crate::catalog::{Catalog, Horizon};
use crate::units::Micros;

/// See the module.
pub(super) struct OldXminHorizon;

static META: Meta = Meta {
    id: "old-xmin-horizon",
    title: "Something keeps VACUUM from removing dead rows",
    severity: Severity::High,
    what: "When the snapshot was taken, an open transaction, a prepared one, a replication slot or a standby could still see rows as they were a million transactions ago, or had been open for an hour with fifty thousand since.",
    why: "Dead rows stay, and every scan of a table or index that is written to reads them: queries get slower by the hour, everywhere at once.",
    example: "A session idle in transaction since the morning, or a slot of a subscriber that was taken down.",
    remedy: "End what holds it: close the transaction (idle_in_transaction_session_timeout), COMMIT or ROLLBACK PREPARED, drop the slot, or look at the standby's long queries (hot_standby_feedback).",
    ignore: "A dump or a report that runs once and ends.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Transactions since then that are too many whatever it is.
    min_age: i64,
    /// And for what has been open for an hour.
    min_age_of_an_hour: i64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_age: 1_000_000, min_age_of_an_hour: 50_000 }
    }
}

const HOUR: f64 = 3_600.0;

impl Rule for OldXminHorizon {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let is_old = |horizon: &Horizon| {
            let is_long = horizon.seconds.is_some_and(|seconds| seconds >= HOUR);
            horizon.age >= if is_long { options.min_age_of_an_hour } else { options.min_age }
        };
        let of = |catalog: &Catalog| {
            let held: Vec<&Horizon> = catalog.horizons.iter().filter(|horizon| is_old(horizon)).collect();
            let oldest = *held.first()?;
            Some(of_database(catalog, oldest, &held))
        };
        context.workload.catalogs().iter().filter_map(of).collect()
    }
}

fn of_database(catalog: &Catalog, oldest: &Horizon, held: &[&Horizon]) -> Finding {
    let dead: f64 = catalog.relations().filter_map(|relation| used(relation, "n_dead_tup")).sum();
    let mut reasons: Vec<_> = held.iter().map(|horizon| held_by(horizon)).collect();
    reasons.push(evidence(
        format!("{} dead rows were waiting in the tables of this database", whole(dead)),
        serde_json::json!({"dead_rows": Micros::floor(dead).0}),
    ));
    Finding {
        evidence: reasons,
        remedy: META.remedy.to_owned(),
        ..finding(
            META.id,
            if oldest.age >= 10_000_000 { Severity::High } else { Severity::Medium },
            Confidence::High,
            format!("{} keeps VACUUM back by {} transactions", holder(oldest), whole(oldest.age as f64)),
        )
    }
}

fn holder(horizon: &Horizon) -> &'static str {
    match (horizon.holder.as_str(), horizon.state.as_deref()) {
        ("backend", Some(state)) if state.starts_with("idle in transaction") => "a session idle in transaction",
        ("backend", _) => "a long transaction",
        ("prepared", _) => "a prepared transaction",
        ("slot", Some("inactive")) => "an inactive replication slot",
        ("slot", _) => "a replication slot",
        ("standby", _) => "a standby",
        _ => "something",
    }
}

fn held_by(horizon: &Horizon) -> super::Evidence {
    let open = horizon.seconds.map(|seconds| Micros::floor(seconds * 1e6));
    let open_for = open.map_or(String::new(), |open| format!(", open for {open}"));
    evidence(
        format!("{}: {} transactions began since{open_for}", holder(horizon), whole(horizon.age as f64)),
        serde_json::json!({"holder": horizon.holder, "age": horizon.age, "open_us": open.map(|open| open.0)}),
    )
}
