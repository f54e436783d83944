//! What wrote a document, as every JSON document says it.

use serde::Serialize;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
    /// The rule set of the ids.
    fingerprint: u32,
}

impl Tool {
    /// This build.
    pub(super) fn this() -> Self {
        Tool { name: "laggard", version: env!("CARGO_PKG_VERSION"), fingerprint: crate::sql::fingerprint::RULES }
    }
}
