//! What the user wants of TLS: libpq's `ssl…` parameters, resolved. How it is done is in `tls`.

use std::path::{Path, PathBuf};

use crate::error::Error;

use super::keys::{Parameters, wrong};
use super::note::Note;
use super::settings::choice;

/// How much is asked of a connection over the network. A socket never carries TLS, whatever is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// No TLS.
    Disable,
    /// TLS if the server has it. Nobody is identified.
    #[default]
    Prefer,
    /// TLS. Nobody is identified.
    Require,
    /// TLS with a certificate that a trusted authority signed, for whatever name.
    VerifyCa,
    /// TLS with a certificate that a trusted authority signed for this host.
    VerifyFull,
}

/// Whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The authorities that the operating system trusts.
    System,
    /// Those of a file of PEM certificates.
    File(PathBuf),
}

/// Which versions of TLS are spoken; older ones than 1.2 never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Versions {
    #[default]
    Any,
    OnlyTls12,
    OnlyTls13,
}

/// Everything about TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) mode: Mode,
    pub(super) roots: Roots,
    /// A file of PEM revocation lists.
    pub(super) revoked: Option<PathBuf>,
    /// Our own certificate and its key; whether they exist is found out when they are needed.
    pub(super) own: Option<(PathBuf, PathBuf)>,
    /// Whether the server is told which name it was called by.
    pub(super) names_server: bool,
    /// Whether TLS starts at once instead of being asked for.
    pub(super) direct: bool,
    pub(super) versions: Versions,
}

impl Encryption {
    /// Whether the server has to prove who it is.
    pub(super) fn verifies(&self) -> bool {
        self.mode >= Mode::VerifyCa
    }
}

/// `allow` tries without TLS first, for which nobody has a reason any more.
const MODES: [(&str, Mode); 6] = [
    ("disable", Mode::Disable),
    ("allow", Mode::Prefer),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// Reads the `ssl…` parameters. Files are named here; they are opened when a connection needs them.
pub(super) fn encryption(parameters: &Parameters, home: Option<&Path>, notes: &mut Vec<Note>) -> Result<Encryption, Error> {
    let in_home = |name: &str| home.map(|home| home.join(if cfg!(windows) { "postgresql" } else { ".postgresql" }).join(name));
    let file = |key: &str, default: &str| parameters.get(key).map(PathBuf::from).or_else(|| in_home(default));
    let mut mode = choice(parameters, "sslmode", &MODES)?;
    if parameters.get("sslmode") == Some("allow") {
        notes.push(Note::AllowIsPrefer);
    }
    let roots = if parameters.get("sslrootcert") == Some("system") {
        match parameters.get("sslmode") {
            None | Some("verify-full") => mode = Mode::VerifyFull,
            Some(_) => return Err(wrong("sslrootcert", "'system' is for sslmode=verify-full only, or everybody with a domain would do")),
        }
        Roots::System
    } else {
        match file("sslrootcert", "root.crt").filter(|file| parameters.get("sslrootcert").is_some() || file.exists()) {
            Some(file) => {
                // libpq's habit since 8.4: with a root to check against, `require` checks.
                if mode == Mode::Require && file.exists() {
                    mode = Mode::VerifyCa;
                }
                Roots::File(file)
            }
            None => Roots::System,
        }
    };
    let direct = choice(parameters, "sslnegotiation", &[("postgres", false), ("direct", true)])?;
    if direct && mode < Mode::Require {
        return Err(wrong("sslnegotiation", "'direct' needs sslmode=require or stronger"));
    }
    let sends_own = choice(parameters, "sslcertmode", &[("disable", Some(false)), ("allow", Some(true)), ("require", Some(true))])?;
    let own = file("sslcert", "postgresql.crt").zip(file("sslkey", "postgresql.key")).filter(|_| sends_own != Some(false));
    let names_server = choice(parameters, "sslsni", &[("0", Some(false)), ("1", Some(true))])? != Some(false);
    Ok(Encryption { mode, roots, revoked: file("sslcrl", "root.crl"), own, names_server, direct, versions: versions(parameters)? })
}

fn versions(parameters: &Parameters) -> Result<Versions, Error> {
    const NUMBERS: [(&str, u8); 4] = [("TLSv1", 10), ("TLSv1.1", 11), ("TLSv1.2", 12), ("TLSv1.3", 13)];
    let bound = |name: &str| choice(parameters, name, &NUMBERS);
    let (lowest, highest) = (bound("ssl_min_protocol_version")?, bound("ssl_max_protocol_version")?);
    match (lowest, highest) {
        (_, 10 | 11) => Err(wrong("ssl_max_protocol_version", "versions of TLS older than 1.2 are broken and not spoken here")),
        (13, 12) => Err(wrong("ssl_min_protocol_version", "it is higher than ssl_max_protocol_version")),
        (_, 12) => Ok(Versions::OnlyTls12),
        (13, _) => Ok(Versions::OnlyTls13),
        _ => Ok(Versions::Any),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::dsn::parse;

    fn read(dsn: &str, home: Option<&Path>) -> Result<Encryption, Error> {
        encryption(&parse(dsn, "the connection string").unwrap(), home, &mut Vec::new())
    }

    #[test]
    fn modes_mean_what_they_mean_to_libpq() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".postgresql")).unwrap();
        let root = home.path().join(".postgresql/root.crt");
        let without = |dsn| read(dsn, Some(home.path())).map(|read| (read.mode, read.roots));
        assert_eq!(without("user=a").unwrap(), (Mode::Prefer, Roots::System));
        assert_eq!(without("sslmode=require").unwrap(), (Mode::Require, Roots::System));
        assert_eq!(without("sslmode=verify-full").unwrap(), (Mode::VerifyFull, Roots::System));
        assert_eq!(without("sslrootcert=system").unwrap(), (Mode::VerifyFull, Roots::System));
        assert_eq!(without("sslmode=require sslrootcert=/no/file").unwrap(), (Mode::Require, Roots::File("/no/file".into())));
        assert!(without("sslrootcert=system sslmode=verify-ca").is_err());
        assert!(without("sslmode=verify_full").unwrap_err().to_string().contains("verify-full"));
        std::fs::write(&root, "").unwrap();
        let with = |dsn| read(dsn, Some(home.path())).map(|read| (read.mode, read.roots));
        assert_eq!(with("user=a").unwrap(), (Mode::Prefer, Roots::File(root.clone())));
        assert_eq!(with("sslmode=require").unwrap(), (Mode::VerifyCa, Roots::File(root)));
        assert_eq!(read("sslmode=require", None).unwrap().mode, Mode::Require);
    }

    #[test]
    fn allow_is_prefer_and_says_so() {
        let mut notes = Vec::new();
        let parameters = parse("sslmode=allow", "the connection string").unwrap();
        assert_eq!(encryption(&parameters, None, &mut notes).unwrap().mode, Mode::Prefer);
        assert_eq!(notes, [Note::AllowIsPrefer]);
    }

    #[test]
    fn the_rest_is_checked() {
        for dsn in [
            "sslnegotiation=direct",
            "sslmode=prefer sslnegotiation=direct",
            "sslsni=2",
            "sslcertmode=x",
            "ssl_max_protocol_version=TLSv1.1",
        ] {
            assert!(read(dsn, None).is_err(), "{dsn}");
        }
        assert!(read("sslnegotiation=direct sslmode=require", None).unwrap().direct);
        assert_eq!(read("ssl_min_protocol_version=TLSv1.3", None).unwrap().versions, Versions::OnlyTls13);
        assert_eq!(read("ssl_max_protocol_version=TLSv1.2", None).unwrap().versions, Versions::OnlyTls12);
        assert!(!read("sslsni=0", None).unwrap().names_server);
        assert_eq!(read("sslcert=/a sslkey=/b", None).unwrap().own, Some(("/a".into(), "/b".into())));
        assert_eq!(read("sslcert=/a sslkey=/b sslcertmode=disable", None).unwrap().own, None);
    }
}
