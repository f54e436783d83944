//! The same query with the same values, again and again in one unit of work.

use crate::workload::burst::Class;

use super::loops::{self, Options};
use super::{Context, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct RedundantQuery;

static META: Meta = Meta {
    id: "redundant-query",
    title: "The same query with the same values runs again and again",
    severity: Severity::High,
    what: "Within one request, one transaction, or calls of a session close together in time, the same select with the same values ran at least min_repeats times; of several values, so many calls beyond the first of each.",
    why: "The answer was known after the first.",
    example: "Ten times SELECT … FROM settings WHERE tenant_id = 7 in one request",
    remedy: "Ask once and keep the answer for the request: a variable, the ORM's identity map, a request cache.",
    ignore: "Loops that wait for a row to change.",
    accepts: fits::<Options>,
};

impl Rule for RedundantQuery {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        loops::check(context, &META, Class::Repeats)
    }
}
