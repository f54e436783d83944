//! Transactions of a single statement, one after the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::units::{Micros, grouped};
use crate::workload::Caller;
use crate::workload::transactions::Counts;

use super::transactions::by;
use super::{Clock, Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct TransactionPerStatement;

static META: Meta = Meta {
    id: "transaction-per-statement",
    title: "Each statement has a transaction of its own",
    severity: Severity::Medium,
    what: "At least min_share of an application's transactions are BEGIN, one statement, COMMIT, and at least min_transactions of them follow each other closely, ten or more in a row. Where one statement repeats in such a series it is a loop, which other rules report, and is not counted here. Known only where every statement is logged.",
    why: "BEGIN and COMMIT are two more round trips for each statement, and where it writes, a flush of the log to disk each time.",
    example: "BEGIN; SELECT … FROM users …; COMMIT; BEGIN; SELECT … FROM orders …; COMMIT; BEGIN; UPDATE carts …; COMMIT",
    remedy: "Put what belongs together into one transaction around the request; let single statements run in autocommit, where no BEGIN and COMMIT are sent.",
    ignore: "Single statements that need SET LOCAL or an isolation level, or whose client sends BEGIN together with them.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer such transactions, in series of ten or more, are left out.
    min_transactions: u64,
    /// A smaller share of all transactions of the application is left out.
    min_share: f64,
    /// Less time for BEGIN and COMMIT, with the time around them, is left out; in milliseconds.
    min_cost_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_transactions: 50, min_share: 0.5, min_cost_ms: 100 }
    }
}

impl Rule for TransactionPerStatement {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        if context.workload.blind().is_some() {
            return Vec::new();
        }
        let log = context.workload.window().map_or(0, |(start, end)| end.since(start).0);
        let is_worth_it = |counts: &Counts| {
            counts.in_series >= options.min_transactions
                && counts.single as f64 >= options.min_share * counts.transactions as f64
                && counts.frame >= Micros::from_millis(options.min_cost_ms)
        };
        let all = context.workload.transactions().counts.iter();
        all.filter(|(_, counts)| is_worth_it(counts)).map(|(actor, counts)| finding(actor, counts, log)).collect()
    }
}

/// Medium when BEGIN and COMMIT took a hundredth of the log's time.
fn finding(actor: &Caller, counts: &Counts, log: u64) -> Finding {
    let share = counts.single as f64 / counts.transactions.max(1) as f64;
    let (single, all) = (grouped(counts.single), grouped(counts.transactions));
    let evidence = Evidence::counted(
        format!(
            "{single} of {all} transactions have one statement; {} of them in {} series took {} for BEGIN and COMMIT and the time around them, the client's included",
            grouped(counts.in_series),
            grouped(counts.series),
            counts.frame
        ),
        json!({
            "application": actor.application, "user": actor.user, "transactions": counts.transactions, "single": counts.single,
            "in_series": counts.in_series, "series": counts.series, "frame_us": counts.frame.0,
        }),
    );
    Finding {
        rule: META.id,
        severity: if log > 0 && counts.frame.0.saturating_mul(100) >= log { Severity::Medium } else { Severity::Low },
        // Whether they belong together is not in the log.
        confidence: Confidence::Medium,
        title: format!("{:.0} % of {all} transactions{} have one statement", share * 100.0, by(actor)),
        occurrences: counts.in_series,
        cost: Some(counts.frame),
        clock: Clock::Wall,
        evidence: vec![evidence],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
