//! Findings that somebody decided to live with: which, why, and until when.
//!
//! Nothing is hidden by it without a trace: what is ignored is marked and counted, and an [`Ignore`] that matches nothing, or
//! whose time is over, is worth a warning.

use std::fmt;

use crate::sql::fingerprint::Fingerprint;
use crate::sql::outline::Outline;
use crate::workload::Workload;

use super::{Finding, by_id};

/// So many digits of an id are what tables show.
const FEWEST_DIGITS: usize = 6;

/// Which findings to ignore. What is `None` does not matter; at least one part says something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    /// Of this rule.
    pub rule: Option<String>,
    /// About the statement whose id begins so: at least six lower-case hexadecimal digits of its sixteen. If several
    /// statements of a workload do, it matches nothing there.
    pub fingerprint: Option<String>,
    /// About this table, or a statement that reads or writes it first. With a schema it is meant as the statement writes it;
    /// without one, in every schema.
    pub table: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, as it was written; `None` for ever.
    pub expires: Option<String>,
    /// Whether that day is over.
    pub is_over: bool,
}

impl Ignore {
    /// Whether it can mean anything.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        if let Some(rule) = self.rule.as_deref().filter(|rule| by_id(rule).is_none()) {
            return Err(format!("rule = \"{rule}\": there is no such rule; laggard rules lists them"));
        }
        let is_id =
            |text: &str| (FEWEST_DIGITS..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        if let Some(id) = self.fingerprint.as_deref().filter(|id| !is_id(id)) {
            return Err(format!(
                "fingerprint = \"{id}\": an id, or at least six digits of its beginning as tables show it, is of 0-9 and a-f"
            ));
        }
        if self.rule.is_none() && self.fingerprint.is_none() && self.table.is_none() {
            return Err("names no rule, fingerprint or table, and would ignore everything".to_owned());
        }
        if self.reason.trim().is_empty() {
            return Err("reason is empty; say why, for whoever reads it next year".to_owned());
        }
        Ok(self)
    }

    /// The statements that its fingerprint may mean, if these are several.
    #[must_use]
    pub fn ambiguous(&self, workload: &Workload) -> Vec<Fingerprint> {
        let Some(id) = &self.fingerprint else { return Vec::new() };
        let mut meant: Vec<Fingerprint> = workload.statements().map(|s| s.fingerprint).filter(|f| f.to_string().starts_with(id)).collect();
        meant.sort_unstable();
        if meant.len() > 1 { meant } else { Vec::new() }
    }

    fn matches(&self, finding: &Finding, about: &Outline) -> bool {
        self.rule.as_deref().is_none_or(|rule| rule == finding.rule)
            && self.fingerprint.as_deref().is_none_or(|id| finding.statement.is_some_and(|statement| statement.to_string().starts_with(id)))
            && self.table.as_deref().is_none_or(|table| is_first_table(table, about) || is_table_of(table, finding))
    }
}

impl fmt::Display for Ignore {
    /// As it could stand in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("rule", &self.rule), ("fingerprint", &self.fingerprint), ("table", &self.table)];
        let told: Vec<String> = parts.iter().filter_map(|(name, part)| part.as_ref().map(|part| format!("{name} {part}"))).collect();
        f.write_str(&told.join(", "))
    }
}

/// Whether a configured name means the table that a statement reads or writes first.
fn is_first_table(wanted: &str, about: &Outline) -> bool {
    let wanted = wanted.replace('"', "");
    match wanted.rsplit_once('.') {
        Some((schema, table)) => about.schema.as_deref() == Some(schema) && about.table() == Some(table),
        None => about.table() == Some(&wanted),
    }
}

/// Whether a configured name means the table of a finding on the schema, which has no statement.
fn is_table_of(wanted: &str, finding: &Finding) -> bool {
    let table = finding.data.get("table").and_then(serde_json::Value::as_str).filter(|_| finding.statement.is_none());
    table.is_some_and(|table| {
        let (table, wanted) = (table.replace('"', ""), wanted.replace('"', ""));
        table == wanted || (!wanted.contains('.') && table.rsplit_once('.').is_some_and(|(_, name)| name == wanted))
    })
}

/// Marks each finding with the first ignore that matches it and still holds.
pub(super) fn mark(findings: &mut [Finding], ignores: &[Ignore], workload: &Workload) {
    if ignores.is_empty() {
        return;
    }
    let clear: Vec<&Ignore> = ignores.iter().filter(|ignore| !ignore.is_over && ignore.ambiguous(workload).is_empty()).collect();
    for finding in findings {
        let text = finding.statement.and_then(|wanted| workload.statement(wanted)).map(|s| s.text.as_str());
        let about = text.map(Outline::of).unwrap_or_default();
        finding.ignored = clear.iter().find(|ignore| ignore.matches(finding, &about)).map(|ignore| (*ignore).clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_a_schema_is_meant_in_every_schema() {
        for (wanted, sql, is_same) in [
            ("orders", "select * from orders", true),
            ("orders", "update public.orders set a = $1", true),
            ("orders", "delete from \"shop\".\"orders\"", true),
            ("shop.orders", "select * from shop.orders o join items i on i.order_id = o.id", true),
            ("shop.orders", "select * from public.orders", false),
            ("shop.orders", "select * from orders", false),
            ("items", "select * from shop.orders o join items i on i.order_id = o.id", false),
            ("orders", "select $1", false),
        ] {
            assert_eq!(is_first_table(wanted, &Outline::of(sql)), is_same, "{wanted} in {sql}");
        }
    }

    #[test]
    fn the_table_of_a_finding_without_a_statement_counts() {
        let data = serde_json::json!({"table": "shop.\"Orders\""}).as_object().cloned().unwrap_or_default();
        let finding = Finding { data, ..Finding::default() };
        for (wanted, is_same) in [("Orders", true), ("shop.Orders", true), ("old.Orders", false), ("orders", false), ("shop", false)] {
            assert_eq!(is_table_of(wanted, &finding), is_same, "{wanted}");
        }
    }

    #[test]
    fn an_ignore_must_mean_something() {
        let ignore = |rule: Option<&str>, fingerprint: Option<&str>, reason: &str| Ignore {
            rule: rule.map(str::to_owned),
            fingerprint: fingerprint.map(str::to_owned),
            reason: reason.to_owned(),
            ..Ignore::default()
        };
        assert!(ignore(Some("deadlock"), None, "known").checked().is_ok());
        assert!(ignore(None, Some("0123456789abcdef"), "known").checked().is_ok());
        assert!(ignore(None, Some("012345"), "as tables show it").checked().is_ok());
        for wrong in [
            ignore(None, None, "everything"),
            ignore(Some("dead-lock"), None, "a slip"),
            ignore(None, Some("01234"), "too short"),
            ignore(None, Some("0123456789abcdef0"), "too long"),
            ignore(None, Some("0123456789ABCDEF"), "upper case"),
            ignore(Some("deadlock"), None, " "),
        ] {
            assert!(wrong.clone().checked().is_err(), "{wrong:?}");
        }
    }
}
