//! Sequences and numbered columns that come to their end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{evidence, finding, qualified, quoted};
use super::{Confidence, Context, Finding, Meta, Rule, Severity, fits};
use crate::catalog::{Catalog, Sequence};

/// See the module.
pub(super) struct SequenceNearEnd;

static META: Meta = Meta {
    id: "sequence-near-end",
    title: "A sequence comes to its end",
    severity: Severity::High,
    what: "The catalogue of a snapshot (PostgreSQL 10 and later) has a sequence that grows, does not begin anew, and has given out more than 75 % of what fits: into the sequence, or into the column that owns it, whichever is less.",
    why: "At the end every INSERT fails, and to make the column wider rewrites the table under a lock.",
    example: "orders.id integer at 1.9 of 2.1 milliards.",
    remedy: "Make the column bigint while there is time: a new column filled bit by bit, or ALTER TABLE … TYPE bigint in a quiet hour; with it every column that refers to it.",
    ignore: "It will be long before it is there, and that is watched.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// From this share on, 0 to 1.
    min_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_share: 0.75 }
    }
}

impl Rule for SequenceNearEnd {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let of = |catalog| {
            let least = options.min_share;
            Catalog::sequences(catalog).filter_map(move |sequence| of_one(catalog, sequence, least))
        };
        context.workload.catalogs().iter().flat_map(of).collect()
    }
}

fn of_one(catalog: &Catalog, sequence: &Sequence, least: f64) -> Option<Finding> {
    let last = sequence.last_value.filter(|_| sequence.increment > 0 && !sequence.is_cycle)?;
    let column = sequence.relation.zip(sequence.number).and_then(|(relation, number)| catalog.column(relation, number));
    let of_type = column.and_then(|column| match column.data_type.as_str() {
        "smallint" => Some(i64::from(i16::MAX)),
        "integer" => Some(i64::from(i32::MAX)),
        _ => None,
    });
    let limit = of_type.map_or(sequence.max_value, |limit| limit.min(sequence.max_value));
    let share = last as f64 / limit as f64;
    if limit <= 0 || share < least {
        return None;
    }
    let name = format!("{}.{}", quoted(&sequence.schema), quoted(&sequence.name));
    let owner = sequence.relation.and_then(|relation| catalog.relation(relation)).zip(column);
    let owner = owner.map(|(relation, column)| format!("{}.{}", qualified(relation, &relation.name), quoted(&column.name)));
    let what = if of_type.is_some_and(|limit| limit <= sequence.max_value) { "the type of its column" } else { "the sequence" };
    let percent = (share * 100.0).min(100.0);
    Some(Finding {
        evidence: vec![evidence(
            format!("{percent:.1} % of what fits into {what} is given out"),
            serde_json::json!({"share": share, "limit": limit}),
        )],
        data: serde_json::json!({"sequence": name, "column": owner}).as_object().cloned().unwrap_or_default(),
        remedy: META.remedy.to_owned(),
        ..finding(
            META.id,
            if share >= 0.9 { Severity::High } else { Severity::Medium },
            Confidence::High,
            format!("{} has used {percent:.0} % of its numbers", owner.as_ref().unwrap_or(&name)),
        )
    })
}
