//! Statements that were cancelled because they took too long.

use crate::units::counted;

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, no_options};

/// See the module.
pub(super) struct StatementTimeout;

static META: Meta = Meta {
    id: "statement-timeout",
    title: "A statement was cancelled by statement_timeout",
    severity: Severity::High,
    what: "Executions of the statement ended with `canceling statement due to statement timeout`. In another language than English the SQLSTATE tells (%e in log_line_prefix, csvlog, jsonlog), which is the same for what a person cancels: then it is likely, no more.",
    why: "Its work is lost, and whoever sent it waited for nothing. It is in no latency: a statement that is cancelled has no duration.",
    example: "ERROR: canceling statement due to statement timeout",
    remedy: "Look at the plan of the statement with the values that were slow.",
    ignore: "A statement that is meant to give up early, such as a probe.",
    accepts: no_options,
};

impl Rule for StatementTimeout {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for statement in context.workload.statements().filter(|s| s.timeouts + s.cancels > 0) {
            let (timeouts, calls) = (statement.timeouts + statement.cancels, statement.calls());
            let by = if statement.cancels > 0 { "a timeout or somebody" } else { "a timeout" };
            findings.push(Finding {
                rule: META.id,
                severity: if timeouts * 100 >= calls + timeouts { Severity::High } else { Severity::Medium },
                confidence: if statement.cancels > 0 { Confidence::Medium } else { Confidence::High },
                title: format!(
                    "{timeouts} of {} {} cancelled by {by}",
                    counted(calls + statement.errors, "execution"),
                    if timeouts == 1 { "was" } else { "were" }
                ),
                statement: Some(statement.fingerprint),
                occurrences: timeouts,
                evidence: vec![Evidence::counted(
                    format!("{}, {} that came to an end", counted(timeouts, "timeout"), counted(calls, "call")),
                    serde_json::json!({"timeouts": timeouts, "calls": calls}),
                )],
                remedy: META.remedy.to_owned(),
                ..Finding::default()
            });
        }
        findings
    }
}
