//! The connection parameters that libpq knows, the variable that each is read from, and what becomes of it here.
//!
//! From `PQconninfoOptions` in `src/interfaces/libpq/fe-connect.c`, releases 9.4 to 18. A key that is not in the table is an
//! error, as it is for libpq; a key that has no meaning for us is accepted, so that whatever psql accepts connects.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Error;

/// What becomes of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Settings are made of it.
    Read,
    /// It changes nothing for a tool that only reads: accepted and forgotten.
    Idle,
    /// It asks for something that is not done here, and leaving it out would be less safe than the user wants.
    Refused(&'static str),
}

use Meaning::{Idle, Read, Refused};

/// Name, variable (empty if there is none), meaning.
const KEYS: &[(&str, &str, Meaning)] = &[
    ("service", "PGSERVICE", Read),
    ("servicefile", "PGSERVICEFILE", Read),
    ("user", "PGUSER", Read),
    ("password", "PGPASSWORD", Read),
    ("passfile", "PGPASSFILE", Read),
    ("channel_binding", "PGCHANNELBINDING", Read),
    ("connect_timeout", "PGCONNECT_TIMEOUT", Read),
    ("dbname", "PGDATABASE", Read),
    ("host", "PGHOST", Read),
    ("hostaddr", "PGHOSTADDR", Read),
    ("port", "PGPORT", Read),
    ("options", "PGOPTIONS", Read),
    ("keepalives", "", Read),
    ("keepalives_idle", "", Read),
    ("keepalives_interval", "", Read),
    ("keepalives_count", "", Read),
    ("tcp_user_timeout", "", Read),
    ("sslmode", "PGSSLMODE", Read),
    ("sslnegotiation", "PGSSLNEGOTIATION", Read),
    ("sslcert", "PGSSLCERT", Read),
    ("sslkey", "PGSSLKEY", Read),
    ("sslcertmode", "PGSSLCERTMODE", Read),
    ("sslrootcert", "PGSSLROOTCERT", Read),
    ("sslcrl", "PGSSLCRL", Read),
    ("sslsni", "PGSSLSNI", Read),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Read),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Read),
    ("require_auth", "PGREQUIREAUTH", Read),
    ("gssencmode", "PGGSSENCMODE", Read),
    ("target_session_attrs", "PGTARGETSESSIONATTRS", Read),
    ("replication", "", Read),
    // Ours is `laggard`, so that a server's administrator finds us and so that we leave our own statements out.
    ("application_name", "PGAPPNAME", Idle),
    ("fallback_application_name", "", Idle),
    // The protocol library always asks for UTF-8.
    ("client_encoding", "PGCLIENTENCODING", Idle),
    // Hosts are tried in the order given: a tool that is run twice should ask the same server.
    ("load_balance_hosts", "PGLOADBALANCEHOSTS", Idle),
    ("sslcompression", "PGSSLCOMPRESSION", Idle),
    ("sslpassword", "", Idle),
    ("sslkeylogfile", "", Idle),
    ("min_protocol_version", "PGMINPROTOCOLVERSION", Idle),
    ("max_protocol_version", "PGMAXPROTOCOLVERSION", Idle),
    ("krbsrvname", "PGKRBSRVNAME", Idle),
    ("gsslib", "PGGSSLIB", Idle),
    ("gssdelegation", "PGGSSDELEGATION", Idle),
    ("oauth_issuer", "", Idle),
    ("oauth_client_id", "", Idle),
    ("oauth_client_secret", "", Idle),
    ("oauth_scope", "", Idle),
    ("authtype", "", Idle),
    ("tty", "", Idle),
    ("requirepeer", "PGREQUIREPEER", Refused("the owner of the server's process is not checked here; leave it out")),
    ("requiressl", "PGREQUIRESSL", Refused("it is long gone from libpq; write sslmode=require")),
    ("sslcrldir", "PGSSLCRLDIR", Refused("folders of revocation lists are not read here; name one file with sslcrl")),
    ("scram_client_key", "", Refused("a SCRAM key cannot stand for a password here; give the password")),
    ("scram_server_key", "", Refused("a SCRAM key cannot stand for a password here; give the password")),
];

/// The values given so far, by name. Who gives a value first has the last word.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters(BTreeMap<&'static str, String>);

impl fmt::Debug for Parameters {
    /// The names only, because one of the values is a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameters {
    /// The value, unless it is missing or empty: to libpq, an empty value is the default.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a value, whatever it was.
    pub(super) fn set(&mut self, key: Key, value: String) {
        self.0.insert(key.0, value);
    }

    /// Sets a value that nobody has given before.
    pub(super) fn set_if_missing(&mut self, key: Key, value: String) {
        self.0.entry(key.0).or_insert(value);
    }

    /// Fills what is missing from the variables of the environment.
    pub(super) fn fill(&mut self, variable: &dyn Fn(&str) -> Option<String>) {
        for (name, from, _) in KEYS.iter().filter(|(_, from, _)| !from.is_empty()) {
            if let Some(value) = variable(from) {
                self.set_if_missing(Key(name), value);
            }
        }
    }

    /// Refuses what is not done here.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (name, _, meaning) in KEYS {
            if let (Refused(why), Some(_)) = (meaning, self.get(name)) {
                return Err(wrong(name, why));
            }
        }
        Ok(())
    }
}

/// The name of a known parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(&'static str);

impl Key {
    /// The parameter of that name, if libpq has one.
    pub(super) fn of(name: &str) -> Option<Key> {
        KEYS.iter().find(|(known, ..)| *known == name).map(|(known, ..)| Key(known))
    }

    pub(super) fn name(self) -> &'static str {
        self.0
    }
}

/// ` (sslmode is one)` if a name looks like a slip of the keyboard. The name itself is never repeated: in a string that was
/// quoted wrongly it may be a piece of the password.
pub(super) fn hint(name: &str) -> String {
    let close = KEYS.iter().find(|(known, ..)| name.len() > 2 && is_slip(name, known));
    close.map_or(String::new(), |(known, ..)| format!(" ({known} is one)"))
}

/// Whether two names differ by one letter that was left out, added or mistyped, or in capitals.
fn is_slip(name: &str, known: &str) -> bool {
    let (name, known) = (name.to_ascii_lowercase().into_bytes(), known.as_bytes());
    let same_head = name.iter().zip(known).take_while(|(a, b)| a == b).count();
    let same_tail = name.iter().rev().zip(known.iter().rev()).take_while(|(a, b)| a == b).count();
    let longer = name.len().max(known.len());
    name.len().abs_diff(known.len()) <= 1 && same_head + same_tail + 1 >= longer
}

/// A parameter whose value makes no sense. The value is not repeated.
pub(super) fn wrong(name: &str, why: &str) -> Error {
    Error::Dsn { place: format!("connection parameter {name}"), reason: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_never_repeated() {
        assert_eq!(hint("sslmod"), " (sslmode is one)");
        assert_eq!(hint("HOST"), " (host is one)");
        assert_eq!(hint("usr"), " (user is one)");
        for name in ["", "x", "hunter2", "é", "connection_limit"] {
            assert_eq!(hint(name), "");
        }
    }

    #[test]
    fn who_comes_first_has_the_last_word() {
        let key = |name| Key::of(name).unwrap();
        let mut parameters = Parameters::default();
        parameters.set(key("host"), "a".into());
        parameters.set_if_missing(key("host"), "b".into());
        parameters.set(key("port"), String::new());
        parameters.fill(&|name| ["PGHOST", "PGPORT", "PGUSER"].contains(&name).then(|| "c".to_owned()));
        assert_eq!((parameters.get("host"), parameters.get("port"), parameters.get("user")), (Some("a"), None, Some("c")));
    }

    #[test]
    fn what_would_be_less_safe_if_left_out_is_refused() {
        for (name, _, meaning) in KEYS {
            let mut parameters = Parameters::default();
            parameters.set(Key(name), "hunter2".into());
            match (meaning, parameters.check()) {
                (Refused(_), Err(error)) => assert!(!error.to_string().contains("hunter2") && error.to_string().contains(name)),
                (Refused(_), Ok(())) => panic!("{name} was accepted"),
                (_, checked) => checked.unwrap(),
            }
            assert!(!format!("{parameters:?}").contains("hunter2"));
        }
    }
}
