//! The things that stop a run or one of its inputs. A record that is not understood is no error; see `event::Skipped`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why something could not be done, in words that say what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An archive ends too early or is damaged; what came before was read.
    #[error("{}: {format} data break at byte {offset} of the archive ({reason}); what came before was read", path.display())]
    BrokenArchive {
        /// The file.
        path: PathBuf,
        /// The compression, such as `gzip`.
        format: &'static str,
        /// How many compressed bytes had been read.
        offset: u64,
        /// What the decoder said.
        reason: String,
    },
    /// An archive that this build cannot open.
    #[error("{}: {format} archives are not read here; {cure}", path.display())]
    UnsupportedArchive {
        /// The file.
        path: PathBuf,
        /// The compression.
        format: &'static str,
        /// What to do instead.
        cure: &'static str,
    },
    /// No source recognises the input, or several do.
    #[error("{}: {reason}; tried {tried}. If it is a log, say which with --source, and --prefix for stderr logs", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What is wrong, such as "no known log format".
        reason: String,
        /// The names of the sources that were asked.
        tried: String,
    },
    /// A `log_line_prefix` that cannot be read back.
    #[error("--prefix '{prefix}': {reason}")]
    Prefix {
        /// The prefix as given.
        prefix: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file of a later version than this build reads.
    #[error("this file is {found}, and this build reads {supported}; a newer laggard reads it")]
    NewerFormat {
        /// What it says it is.
        found: String,
        /// What is read here.
        supported: &'static str,
    },
    /// A saved workload that cannot be read, or not be put together with the others.
    #[error("{}: {reason}", path.display())]
    Saved {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the cure.
        reason: String,
    },
    /// What went wrong when a workload was saved.
    #[error("{reason}")]
    Earlier {
        /// What was said then.
        reason: String,
    },
    /// A snapshot file that ends before its end.
    #[error("{}: this snapshot ends before its end; what is missing would look as if it were gone. Take it again, or copy it again", path.display())]
    CutSnapshot {
        /// The file.
        path: PathBuf,
    },
    /// Snapshots between which there is no interval.
    #[error("{} and {}: {reason}, so there is no interval between them; --allow-mixed counts them apart and adds", path.display(), other.display())]
    MixedServers {
        /// The one.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// Why they are not of one server.
        reason: &'static str,
    },
    /// An option of a rule that makes no sense.
    #[error("[rule.{rule}]: {reason}; `laggard explain {rule}` tells its options")]
    Option {
        /// The rule.
        rule: String,
        /// What is wrong.
        reason: String,
    },
    /// A file that names no log at all.
    #[error("{}: there is nothing in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// What names a connection makes no sense. It is never repeated, because it may hold a password.
    #[error("{place}: {reason}")]
    Dsn {
        /// Where it stood: the connection string, a variable, a line of a file, or which parameter.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A server cannot be reached, or does not let us in.
    #[error("{target}: {reason}")]
    Connect {
        /// Where to, without a password, such as `app@db1:5432/shop`.
        target: String,
        /// What happened, and the cure where one is known.
        reason: String,
    },
    /// A server wants a password, and none was given.
    #[error("{target}: the server wants a password; put it into ~/.pgpass or PGPASSWORD, or be asked for it with -W")]
    PasswordMissing {
        /// Where to, without a password.
        target: String,
    },
    /// A server refused a statement; the session goes on.
    #[error("the server says: {message} (SQLSTATE {sqlstate})")]
    Server {
        /// The five letters that say what kind of error it is, such as 42501.
        sqlstate: String,
        /// The server's words.
        message: String,
    },
    /// A server did not answer; the session is over.
    #[error("{target}: no answer within {} s; the server or the network hangs, so the connection was given up", after.as_secs())]
    TimedOut {
        /// Where to, without a password.
        target: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// A session broke off.
    #[error("{target}: {reason}")]
    Disconnected {
        /// Where to, without a password.
        target: String,
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// Whether nothing in an input was recognised, which has an exit code of its own.
    #[must_use]
    pub fn is_unrecognised(&self) -> bool {
        matches!(self, Error::UnknownFormat { .. } | Error::Empty { .. } | Error::MixedServers { .. })
    }
}
