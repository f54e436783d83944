//! Transactions that stay open for long because there is so much in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::units::{Micros, grouped};
use crate::workload::transactions::{Close, Lasting, Place, Sum};

use super::transactions::{by, many, told};
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct LongTransaction;

static META: Meta = Meta {
    id: "long-transaction",
    title: "A transaction stayed open for long",
    severity: Severity::High,
    what: "From BEGIN to COMMIT at least min_ms passed, with work of several statements in between. One that mostly idles is idle-in-transaction, one that is a single slow statement is that statement. Told by its first statement. Known only where every statement is logged.",
    why: "Its locks are kept to the end, VACUUM cannot remove rows that died since it began, and if it fails all of it has to be done again.",
    example: "BEGIN; 20 000 updates; COMMIT",
    remedy: "Commit in batches of some hundred rows, or let fewer statements do the same work; compute first and write at the end.",
    ignore: "A nightly job while nobody else writes to its tables. Dumps, COPY, cursors and advisory locks are left out already.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Shorter transactions are left out, in milliseconds; in steps of 500.
    min_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_ms: 30_000 }
    }
}

/// So long is long for anything.
const VERY_LONG: Micros = Micros::from_millis(300_000);

impl Rule for LongTransaction {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        // Where not all statements are logged the COMMIT may be among the others.
        if context.workload.blind().is_some() {
            return Vec::new();
        }
        let least = Micros::from_millis(options.min_ms);
        let long = context.workload.transactions().long.iter().map(|(place, lasting)| (place, lasting, lasting.from(least)));
        long.filter(|(.., sum)| sum.count > 0).map(|(place, lasting, sum)| finding(place, lasting, &sum, least)).collect()
    }
}

fn finding(place: &Place, lasting: &Lasting, sum: &Sum, least: Micros) -> Finding {
    let severity = match () {
        () if sum.longest_locking >= VERY_LONG => Severity::High,
        () if sum.longest >= VERY_LONG || sum.locking > 0 => Severity::Medium,
        () => Severity::Low,
    };
    let examples = lasting.examples.iter().filter(|example| example.length() >= least);
    let is_sure = examples.clone().any(|example| example.close == Close::Ended);
    let often = many(sum.count);
    let locks = if sum.locking > 0 { ", with locks held" } else { "" };
    let counted = Evidence::counted(
        format!("{often}, {} from end to end in all, {} of them with locks held", sum.total, grouped(sum.locking)),
        json!({"transactions": sum.count, "total_us": sum.total.0, "longest_us": sum.longest.0, "locking": sum.locking}),
    );
    Finding {
        rule: META.id,
        severity,
        confidence: if is_sure { Confidence::High } else { Confidence::Medium },
        title: format!("{often}{} open for up to {}{locks}", by(&place.actor), sum.longest),
        statement: place.statement,
        occurrences: sum.count,
        evidence: std::iter::once(counted).chain(examples.map(|example| told(example, &place.actor))).collect(),
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
