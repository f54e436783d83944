//! What a user should know about how the connection came about. Data: `cli` says it.

use std::fmt;
use std::path::PathBuf;

/// Something about the connection that the user did not ask for, or asked for and did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The target was taken from `DATABASE_URL`.
    DatabaseUrl,
    /// Others can read the password file, so it was not used.
    PasswordFileOpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// The password file is no ordinary file.
    PasswordFileNotPlain {
        /// The file.
        path: PathBuf,
    },
    /// `sslmode=allow` was asked for.
    AllowIsPrefer,
    /// With `sslmode=prefer`, encryption did not come about and the connection goes on without.
    Unencrypted {
        /// Why not.
        reason: String,
    },
    /// A pooler kept the settings of the start-up packet from the server.
    InTransaction,
    /// The server does not know a setting of the start-up packet.
    SettingUnknown {
        /// The setting.
        name: &'static str,
    },
}

impl Note {
    /// Its stable name.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Note::DatabaseUrl => "database-url-used",
            Note::PasswordFileOpenToOthers { .. } | Note::PasswordFileNotPlain { .. } => "password-file-ignored",
            Note::AllowIsPrefer => "sslmode-allow-is-prefer",
            Note::Unencrypted { .. } => "connection-not-encrypted",
            Note::InTransaction => "session-in-one-transaction",
            Note::SettingUnknown { .. } => "setting-unknown-to-server",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::DatabaseUrl => f.write_str("no connection was named, so the one in DATABASE_URL is used"),
            Note::PasswordFileOpenToOthers { path } => {
                write!(f, "{} was not used because its group or the world can read it: chmod 600 {}", path.display(), path.display())
            }
            Note::PasswordFileNotPlain { path } => write!(f, "{} was not used because it is no plain file", path.display()),
            Note::AllowIsPrefer => f.write_str("sslmode=allow was taken as prefer: encrypted if the server can"),
            Note::Unencrypted { reason } => {
                write!(f, "the connection is not encrypted ({reason}), which sslmode=prefer permits; sslmode=require does not")
            }
            Note::InTransaction => f.write_str(
                "a pooler does not pass start-up settings on: every statement runs in a BEGIN READ ONLY transaction with the same limits",
            ),
            Note::SettingUnknown { name } => write!(f, "the server is too old to know {name}: that limit is not set"),
        }
    }
}
