//! Connections that are opened for next to nothing and closed again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::units::{Micros, grouped};
use crate::workload::visits::{Client, SHORT, Visits};

use super::{Clock, Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct ConnectionChurn;

static META: Meta = Meta {
    id: "connection-churn",
    title: "Connections are opened and closed again after few statements",
    severity: Severity::High,
    what: "An application or host opened at least min_connections, in its busiest minute at least min_per_minute, each for at most max_statements statements on average, and where the log tells how long they lasted, most of them for a second at most (log_connections, log_disconnections).",
    why: "Each connection costs a process, authentication, often TLS, and empty caches of the catalogue and of plans; that is milliseconds before the first statement, and processor time that queries lack.",
    example: "connection received; connection authorized; SELECT …; disconnection: session time: 0:00:00.021; hundreds of times a minute",
    remedy: "Keep connections: a pool in the application (CONN_MAX_AGE, HikariCP, a pool of the driver), or a pooler in transaction mode before the server where processes are many and short (PHP, functions, cron).",
    ignore: "The server's own pooler while it starts, or a test suite that connects for each test.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Fewer connections in all are left out.
    min_connections: u64,
    /// Fewer in the busiest minute are left out.
    min_per_minute: u64,
    /// With more statements in each, on average, a connection was worth its while.
    max_statements: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_connections: 100, min_per_minute: 60, max_statements: 20.0 }
    }
}

/// So many in a minute are felt by the whole server.
const MANY: u64 = 600;

impl Rule for ConnectionChurn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        // Statements that were not logged would be missing.
        let knows_statements = context.workload.blind().is_none() && context.workload.calls() > 0;
        let is_churn = |visits: &Visits| {
            let is_small = !knows_statements || visits.calls as f64 <= options.max_statements * visits.connections as f64;
            // Where there are no ends the statements alone have to tell.
            let is_short = if visits.ended > 0 { visits.short * 2 >= visits.ended } else { knows_statements };
            visits.connections >= options.min_connections && visits.minutes.busiest() >= options.min_per_minute && is_small && is_short
        };
        let clients = context.workload.arrivals().clients.iter().filter(|(_, visits)| is_churn(visits));
        clients.map(|(client, visits)| finding(client, visits, knows_statements)).collect()
    }
}

fn finding(client: &Client, visits: &Visits, knows_statements: bool) -> Finding {
    let busiest = visits.minutes.busiest();
    let each = visits.calls as f64 / visits.connections.max(1) as f64;
    let ended = match visits.ended {
        0 => String::new(),
        ended => {
            let life = Micros(visits.life.0 / ended);
            format!("; {} of {} lasted {SHORT} at most, {life} on average", grouped(visits.short), grouped(ended))
        }
    };
    let statements =
        if knows_statements { format!("{each:.1} statements each") } else { "not all of their statements are logged".to_owned() };
    let from = client.host.as_ref().map_or_else(String::new, |host| format!(" from {host}"));
    let counted = Evidence::counted(
        format!("{} connections{from}, {statements}{ended}; {} from received to authorised", grouped(visits.connections), visits.setup),
        json!({
            "application": client.actor.application, "user": client.actor.user, "host": client.host,
            "connections": visits.connections, "busiest_minute": busiest, "statements": visits.calls,
            "ended": visits.ended, "short": visits.short, "life_us": visits.life.0, "setup_us": visits.setup.0,
        }),
    );
    let of = client.actor.name().map_or_else(String::new, |name| format!(" by {name}"));
    Finding {
        rule: META.id,
        severity: if busiest >= MANY { Severity::High } else { Severity::Medium },
        confidence: if knows_statements && visits.ended > 0 { Confidence::High } else { Confidence::Medium },
        title: format!("{} connections{of}, up to {} a minute, for few statements each", grouped(visits.connections), grouped(busiest)),
        occurrences: visits.connections,
        cost: Some(visits.setup).filter(|setup| setup.0 > 0),
        clock: Clock::Wall,
        evidence: vec![counted],
        remedy: META.remedy.to_owned(),
        ..Finding::default()
    }
}
