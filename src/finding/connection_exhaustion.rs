//! Clients that the server turned away because all connections were taken.

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, no_options};

/// See the module.
pub(super) struct ConnectionExhaustion;

static META: Meta = Meta {
    id: "connection-exhaustion",
    title: "The server turned clients away: all connections were taken",
    severity: Severity::High,
    what: "Connections failed with SQLSTATE 53300: too many clients, or the limit of a role or database was reached.",
    why: "Requests fail at once, and clients that try again make it worse.",
    example: "FATAL: sorry, too many clients already",
    remedy: "Put a pooler in transaction mode before the server, or make the pools of the applications smaller; look for sessions that are idle in transaction. More max_connections helps last.",
    ignore: "A load test that means to find the limit.",
    accepts: no_options,
};

impl Rule for ConnectionExhaustion {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        // Logs without SQLSTATEs have the words, in whatever language the server speaks; only English ones are known.
        let full = |state: Option<[u8; 5]>, message: &str| {
            state == Some(*b"53300")
                || (state.is_none()
                    && (message.contains("too many clients")
                        || message.contains("too many connections")
                        || message.contains("connection slots are reserved")))
        };
        let count: u64 =
            context.workload.events().errors.iter().filter(|(kind, _)| full(kind.sqlstate, &kind.message)).map(|(_, count)| count).sum();
        if count == 0 {
            return Vec::new();
        }
        vec![Finding {
            rule: META.id,
            severity: Severity::High,
            confidence: Confidence::High,
            title: if count == 1 { "a connection was refused".to_owned() } else { format!("{count} connections were refused") },
            occurrences: count,
            evidence: vec![Evidence::counted(format!("{count} errors of class 53300"), serde_json::json!({"refused": count}))],
            remedy: META.remedy.to_owned(),
            ..Finding::default()
        }]
    }
}
