//! Which calls and notes count, and by what they are grouped.

use serde::{Deserialize, Serialize};

use regex::Regex;

use crate::units::Timestamp;

use super::parsed::Person;
use super::session::Call;

/// What a user may group by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// `application_name`.
    Application,
    /// Role.
    User,
    /// Database.
    Database,
    /// Client host.
    Host,
    /// The value of a comment tag.
    Tag(String),
}

/// Names that must or must not match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameFilter {
    /// If there are any, one of these.
    pub only: Vec<String>,
    /// None of these.
    pub not: Vec<String>,
}

impl NameFilter {
    /// From arguments, of which those that begin with `!` exclude.
    #[must_use]
    pub fn of(arguments: &[String]) -> Self {
        let (not, only) = arguments.iter().partition::<Vec<&String>, _>(|a| a.starts_with('!'));
        NameFilter { only: only.into_iter().cloned().collect(), not: not.into_iter().map(|a| a[1..].to_owned()).collect() }
    }

    fn passes(&self, name: Option<&[u8]>) -> bool {
        let is = |list: &[String]| name.is_some_and(|name| list.iter().any(|wanted| wanted.as_bytes() == name));
        (self.only.is_empty() || is(&self.only)) && !is(&self.not)
    }
}

/// What a call must be like to count.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// By role.
    pub user: NameFilter,
    /// By database.
    pub database: NameFilter,
    /// By application.
    pub application: NameFilter,
    /// By client host.
    pub host: NameFilter,
    /// By normalised text.
    pub statement: Option<Regex>,
}

impl Filter {
    pub(super) fn passes_time(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// Whether a call passes, whatever its statement.
    pub(super) fn passes_call(&self, call: &Call) -> bool {
        call.origin.passes && self.passes_time(call.ended)
    }

    pub(super) fn passes_person(&self, person: &Person) -> bool {
        self.user.passes(person.names.user.as_deref())
            && self.database.passes(person.names.database.as_deref())
            && self.application.passes(person.names.application.as_deref())
            && self.host.passes(person.host.as_deref())
    }

    pub(super) fn passes_text(&self, text: &str) -> bool {
        self.statement.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    /// Whether everything passes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.passes_whoever()
    }

    /// Whether everything of its time passes.
    #[must_use]
    pub fn passes_whoever(&self) -> bool {
        let names = [&self.user, &self.database, &self.application, &self.host];
        self.statement.is_none() && names.iter().all(|n| **n == NameFilter::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclamation_mark_excludes() {
        let filter = NameFilter::of(&["!cron".to_owned(), "web".to_owned()]);
        assert!(filter.passes(Some(b"web")) && !filter.passes(Some(b"cron")) && !filter.passes(None));
        let filter = NameFilter::of(&["!cron".to_owned()]);
        assert!(filter.passes(None) && filter.passes(Some(b"web")) && !filter.passes(Some(b"cron")));
    }
}
