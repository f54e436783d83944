//! `[[ignore]]`: what is to be lived with.

use jiff::civil::Date;
use serde::Deserialize;

use crate::compare::policy::{Waiver, default_limit};

use super::{id_is_one, meant};

/// One `[[ignore]]`: what is to be lived with, why, and until when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IgnoreEntry {
    /// Of this rule.
    rule: Option<String>,
    /// Of the statement whose id begins so.
    fingerprint: Option<String>,
    /// Of statements that name this table.
    table: Option<String>,
    /// Why.
    reason: String,
    /// The last day on which it holds: 2027-01-31.
    #[cfg_attr(test, schemars(with = "String"))]
    expires: toml::value::Datetime,
}

impl IgnoreEntry {
    /// As it holds on a day; else what is wrong.
    pub(super) fn on(self, today: Date) -> Result<Waiver, String> {
        if let Some(rule) = self.rule.as_deref().filter(|rule| default_limit(rule).is_none()) {
            return Err(format!("rule = \"{rule}\": there is no such rule{}", meant(rule)));
        }
        self.fingerprint.as_deref().map_or(Ok(()), id_is_one)?;
        if self.rule.is_none() && self.fingerprint.is_none() && self.table.is_none() {
            return Err("names no rule, fingerprint or table, and would ignore everything".to_owned());
        }
        if self.reason.trim().is_empty() {
            return Err("reason is empty; say why, for whoever reads it next year".to_owned());
        }
        let expires = self.expires.to_string();
        let last: Date = expires.parse().map_err(|_| format!("expires = {expires}: not a date like 2027-01-31"))?;
        let Self { rule, fingerprint, table, reason, .. } = self;
        Ok(Waiver { rule, fingerprint, table, reason, expires, is_over: last < today })
    }
}
