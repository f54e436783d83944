//! Who ran a statement, as far as a log names them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::parsed::Names;
use super::{Statement, Workload};

/// A program as a server knows it: the same one goes by the same two names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Caller {
    /// Its `application_name`.
    pub application: Option<String>,
    /// The user that it is for the server.
    pub user: Option<String>,
}

impl Caller {
    /// The name to call it by.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.application.as_deref().or(self.user.as_deref())
    }
}

impl From<&Names> for Caller {
    fn from(names: &Names) -> Self {
        let text = |name: &Option<Box<[u8]>>| name.as_deref().map(|name| String::from_utf8_lossy(name).into_owned());
        Caller { application: text(&names.application), user: text(&names.user) }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.application, &self.user) {
            (Some(application), _) => f.write_str(application),
            (None, Some(user)) => write!(f, "user {user}"),
            (None, None) => f.write_str("the log"),
        }
    }
}

impl Workload {
    /// Who ran a statement, in a fixed order; those beyond the bound of its shares are left out.
    #[must_use]
    pub fn callers(&self, statement: &Statement) -> Vec<Caller> {
        let names = statement.names.iter().filter_map(|(number, _)| self.names.get(*number as usize));
        let callers: BTreeSet<Caller> = names.map(Caller::from).collect();
        callers.into_iter().collect()
    }

    /// Who goes by names of a number.
    pub(super) fn actor(&self, names: u32) -> Caller {
        self.names.get(names as usize).map_or_else(Caller::default, Caller::from)
    }
}
