//! What went wrong between us and a server, told apart well enough to say what cures it.
//!
//! The database library's own texts ("error connecting to server") are for programmers and are not passed on; the causes
//! beneath them are.

use std::error::Error as _;
use std::io;

use super::encryption::Mode;
use super::settings::Settings;

/// A failure of a connection or of a statement, not yet a message.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server wants a password and there is none.
    PasswordMissing,
    /// The server says no.
    Server { sqlstate: String, message: String },
    /// TLS did not come about.
    Tls(String),
    /// The server cannot be reached.
    Unreachable(io::ErrorKind, String),
    /// The connection broke.
    Broken(String),
    /// Nothing was heard in time.
    Late,
    /// Something else that no other host will do better.
    Other(String),
}

const CLOSED: &str = "the server closed the connection";

/// SQLSTATEs that decide what happens next.
pub(super) const NO_PG_HBA_ENTRY: &str = "28000";
pub(super) const WRONG_PASSWORD: &str = "28P01";
pub(super) const STARTING_UP: &str = "57P03";
pub(super) const UNKNOWN_SETTING: &str = "42704";
pub(super) const PROTOCOL_VIOLATION: &str = "08P01";

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            let (detail, hint) = (said.detail().map(|text| format!(" ({text})")), said.hint().map(|text| format!(" ({text})")));
            let message = said.message().to_owned() + &detail.unwrap_or_default() + &hint.unwrap_or_default();
            return Failure::Server { sqlstate: said.code().code().to_owned(), message };
        }
        if error.is_closed() {
            return Failure::Broken(CLOSED.to_owned());
        }
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
        // The library keeps the kind of its errors to itself; these are its words for them.
        match (error.to_string().as_str(), kind) {
            ("error connecting to server", kind) => Failure::Unreachable(kind.unwrap_or(io::ErrorKind::Other), cause),
            ("error performing TLS handshake", _) => Failure::Tls(cause),
            // Over TLS a server that is killed says less goodbye than is proper.
            ("error communicating with the server", Some(io::ErrorKind::UnexpectedEof)) => Failure::Broken(CLOSED.to_owned()),
            ("error communicating with the server", _) => Failure::Broken(cause),
            ("invalid configuration", _) if cause == "password missing" => Failure::PasswordMissing,
            (what, _) if cause.is_empty() => Failure::Other(what.to_owned()),
            (what, _) => Failure::Other(format!("{what}: {cause}")),
        }
    }
}

impl Failure {
    /// Whether the next host of a list may do better. Who was turned away at the door is not to try the other doors: libpq
    /// does not either.
    pub(super) fn is_worth_another_host(&self) -> bool {
        match self {
            Failure::PasswordMissing | Failure::Other(_) => false,
            Failure::Server { sqlstate, .. } => sqlstate == STARTING_UP,
            Failure::Tls(_) | Failure::Unreachable(..) | Failure::Broken(_) | Failure::Late => true,
        }
    }

    /// Whether a server that was asked for TLS may be content without it.
    pub(super) fn is_worth_a_try_without_tls(&self) -> bool {
        match self {
            Failure::Tls(_) | Failure::Broken(_) => true,
            Failure::Server { sqlstate, .. } => sqlstate == NO_PG_HBA_ENTRY,
            _ => false,
        }
    }

    /// Whether it is the setting of that name that the server does not know.
    pub(super) fn is_unknown_setting(&self, name: &str) -> bool {
        matches!(self, Failure::Server { sqlstate, message } if sqlstate == UNKNOWN_SETTING && message.contains(name))
    }

    /// Whether a pooler refuses what stands in the start-up packet: pgbouncer's "unsupported startup parameter", and words
    /// to that effect of others.
    pub(super) fn is_refused_start(&self) -> bool {
        let Failure::Server { sqlstate, message } = self else { return false };
        let message = message.to_ascii_lowercase();
        let of_the_start = ["startup parameter", "startup option", "startup packet", "start-up parameter", "command-line options"];
        sqlstate == PROTOCOL_VIOLATION && message.contains("startup") || of_the_start.iter().any(|words| message.contains(words))
    }

    /// What happened and what cures it, in words for whoever wanted to connect.
    pub(super) fn reason(&self, settings: &Settings) -> String {
        let said = match self {
            Failure::PasswordMissing => "the server wants a password".to_owned(),
            Failure::Server { message, .. } | Failure::Other(message) => message.clone(),
            Failure::Tls(reason) => format!("TLS: {reason}"),
            Failure::Unreachable(_, reason) => reason.clone(),
            Failure::Broken(reason) => format!("the connection broke: {reason}"),
            Failure::Late => format!("no answer within {} s", settings.connect_timeout.as_secs()),
        };
        match self.cure(settings) {
            Some(cure) => format!("{said}; {cure}"),
            None => said,
        }
    }

    fn cure(&self, settings: &Settings) -> Option<String> {
        let text = match self {
            Failure::Server { sqlstate, message } => return cure_of(sqlstate, message, settings),
            Failure::Unreachable(io::ErrorKind::ConnectionRefused, _) => "is the server running there, and on this port?",
            Failure::Unreachable(io::ErrorKind::NotFound, _) => {
                "is the server running on this machine? Another is named with host= or PGHOST"
            }
            Failure::Unreachable(io::ErrorKind::PermissionDenied, _) => {
                "may this user open the server's socket? host=localhost goes another way"
            }
            Failure::Late => "does a firewall swallow it? connect_timeout sets the limit",
            Failure::Tls(reason) => return cure_of_tls(reason, settings.encryption.mode),
            _ => return None,
        };
        Some(text.to_owned())
    }
}

fn cure_of(sqlstate: &str, message: &str, settings: &Settings) -> Option<String> {
    let text = match sqlstate {
        WRONG_PASSWORD => match &settings.password_file {
            Some(path) if settings.password.is_none() => return Some(format!("the password came from {}", path.display())),
            _ => return None,
        },
        NO_PG_HBA_ENTRY if message.to_ascii_lowercase().contains("peer authentication") => {
            "the server takes the name of the system's user here: run as that user, or use host=localhost"
        }
        NO_PG_HBA_ENTRY if message.contains("no encryption") || message.contains("SSL off") => {
            "it may want TLS: sslmode=require, or an entry in pg_hba.conf"
        }
        "3D000" => "another database is named with dbname= or PGDATABASE",
        "53300" => "the server is full, and nobody was thrown out for us",
        STARTING_UP => "try again in a moment",
        _ => return None,
    };
    Some(text.to_owned())
}

fn cure_of_tls(reason: &str, mode: Mode) -> Option<String> {
    let text = if reason.contains("does not support TLS") {
        "ssl = on in postgresql.conf cures that; sslmode=prefer does without"
    } else if reason.contains("UnknownIssuer") || reason.contains("BadSignature") {
        // The latter if there is an authority of that name with another key.
        "name the file of the authority that signed the server's certificate with sslrootcert"
    } else if reason.contains("CaUsedAsEndEntity") {
        // What `openssl req -x509` makes; one that is in the file is believed before it comes to this.
        "the server's certificate signs itself: if it is the right one, name a file with it as sslrootcert"
    } else if reason.contains("UnsupportedCertVersion") {
        "the server's certificate is of X.509 version 1, which is not checked here: issue it anew with a subjectAltName, or use sslmode=require without sslrootcert"
    } else if reason.contains("not valid for name") && mode == Mode::VerifyFull {
        "connect by a name that the certificate is for (its subjectAltName), or use sslmode=verify-ca"
    } else if reason.contains("HandshakeFailure") || reason.contains("CertificateRequired") {
        "the server may want a certificate of ours: sslcert and sslkey"
    } else {
        return None;
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Surroundings;

    fn server(sqlstate: &str, message: &str) -> Failure {
        Failure::Server { sqlstate: sqlstate.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn poolers_and_old_servers_are_recognised_by_their_refusals() {
        let refused = [
            server("08P01", "unsupported startup parameter: options"),
            server("08P01", "unsupported startup parameter in options: statement_timeout"),
            server("0A000", "Feature not supported: RDS Proxy currently doesn't support command-line options."),
        ];
        assert!(refused.iter().all(Failure::is_refused_start));
        let others = [
            server("28P01", "password authentication failed"),
            server("42704", "unrecognized configuration parameter \"x\""),
            Failure::Late,
        ];
        assert!(!others.iter().any(Failure::is_refused_start));
        let old = server("42704", "unrecognized configuration parameter \"idle_in_transaction_session_timeout\"");
        assert!(old.is_unknown_setting("idle_in_transaction_session_timeout") && !old.is_unknown_setting("geqo"));
    }

    #[test]
    fn who_is_turned_away_does_not_try_the_next_door() {
        let table = [
            (Failure::PasswordMissing, false),
            (server("28P01", ""), false),
            (server("3D000", ""), false),
            (server("57P03", ""), true),
            (Failure::Late, true),
            (Failure::Broken(String::new()), true),
            (Failure::Unreachable(io::ErrorKind::ConnectionRefused, String::new()), true),
        ];
        for (failure, another) in table {
            assert_eq!(failure.is_worth_another_host(), another, "{failure:?}");
        }
    }

    #[test]
    fn a_password_is_not_sent_in_the_clear_after_it_was_refused_under_tls() {
        assert!(!server("28P01", "").is_worth_a_try_without_tls());
        assert!(!Failure::Late.is_worth_a_try_without_tls());
        assert!(server("28000", "no pg_hba.conf entry").is_worth_a_try_without_tls());
        assert!(Failure::Tls(String::new()).is_worth_a_try_without_tls());
    }

    #[test]
    fn cures_are_told() {
        let nobody = Surroundings { variable: &|_| None, home: None, user: Some("os".to_owned()) };
        let mut settings = Settings::resolve(Some("sslmode=verify-full"), &nobody).unwrap();
        settings.password_file = Some("/home/os/.pgpass".into());
        let table = [
            (server("28P01", "no"), "the password came from /home/os/.pgpass"),
            (server("28000", "Peer authentication failed"), "host=localhost"),
            (server("28000", "no pg_hba.conf entry, no encryption"), "sslmode=require"),
            (server("3D000", "no"), "PGDATABASE"),
            (Failure::Late, "within 10 s"),
            (Failure::Tls("server does not support TLS".to_owned()), "ssl = on"),
            (Failure::Tls("invalid peer certificate: UnknownIssuer".to_owned()), "sslrootcert"),
            (Failure::Tls("invalid peer certificate: BadSignature".to_owned()), "sslrootcert"),
            (Failure::Tls("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))".to_owned()), "signs itself"),
            (Failure::Tls("certificate not valid for name \"x\"".to_owned()), "subjectAltName"),
            (Failure::Unreachable(io::ErrorKind::NotFound, "No such file".to_owned()), "PGHOST"),
        ];
        for (failure, cure) in table {
            let reason = failure.reason(&settings);
            assert!(reason.contains(cure), "{reason}");
        }
        let asked = settings.with_password(crate::live::Secret::new("typed"));
        assert_eq!(server("28P01", "no").reason(&asked), "no");
    }
}
