//! Where a server may be: hosts, addresses, sockets and ports, singly or in lists.
//!
//! `connectOptions2` in libpq's `fe-connect.c`. No name is resolved here.

use std::fmt;
use std::net::IpAddr;

use crate::error::Error;

use super::keys::{Parameters, wrong};
use super::secret::Secret;

/// Where PostgreSQL puts its socket: packages of distributions first, then what a build from source does.
pub(super) const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Over the network: the name that its certificate must have, and the address if that needs no look-up.
    Network { name: String, address: Option<IpAddr> },
    /// A socket in a folder, or an abstract one (`@` before its name).
    Socket { folder: String },
}

/// One server that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) place: Place,
    pub(super) port: u16,
    /// The password for this host, if the password file has one.
    pub(super) password: Option<Secret>,
}

impl Endpoint {
    /// The host that the password file is searched for.
    pub(super) fn host_in_password_file(&self) -> &str {
        match &self.place {
            Place::Network { name, .. } => name,
            Place::Socket { folder } if SOCKET_FOLDERS.contains(&folder.as_str()) => "localhost",
            Place::Socket { folder } => folder,
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.place, Place::Socket { .. })
    }
}

impl fmt::Display for Endpoint {
    /// `db1:5432`, `[::1]:5432`, `/var/run/postgresql:5432`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Network { name, .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Place::Network { name, .. } => write!(f, "{name}:{}", self.port),
            Place::Socket { folder } => write!(f, "{folder}:{}", self.port),
        }
    }
}

/// All servers that are named, in the order in which they are tried.
pub(super) fn endpoints(parameters: &Parameters) -> Result<Vec<Endpoint>, Error> {
    let list = |name: &str| parameters.get(name).map(|list| list.split(',').map(str::trim).collect::<Vec<_>>()).unwrap_or_default();
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    for (name, given) in [("host", hosts.len()), ("hostaddr", addresses.len())] {
        if given != 0 && given != count {
            return Err(wrong(name, &format!("it lists {given} where the other lists {count}: host and hostaddr must match one to one")));
        }
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(wrong("port", &format!("it lists {} ports for {count} hosts: name one for all or one for each", ports.len())));
    }
    let mut endpoints = Vec::new();
    for at in 0..count {
        let pick = |list: &[&str]| list.get(at).copied().filter(|value| !value.is_empty()).map(str::to_owned);
        let port = port(ports.get(at).or(if ports.len() == 1 { ports.first() } else { None }).copied().unwrap_or_default())?;
        for place in places(pick(&hosts), pick(&addresses))? {
            endpoints.push(Endpoint { place, port, password: None });
        }
    }
    Ok(endpoints)
}

fn port(text: &str) -> Result<u16, Error> {
    match text {
        "" => Ok(5432),
        text => text.parse().ok().filter(|&port| port > 0).ok_or_else(|| wrong("port", "it is no number from 1 to 65535")),
    }
}

fn places(host: Option<String>, address: Option<String>) -> Result<Vec<Place>, Error> {
    let address = match address {
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| wrong("hostaddr", "it is no IP address"))?),
        None => None,
    };
    Ok(match (host, address) {
        (Some(name), Some(address)) => vec![Place::Network { name, address: Some(address) }],
        (None, Some(address)) => vec![Place::Network { name: address.to_string(), address: Some(address) }],
        (Some(folder), None) if folder.starts_with(['/', '@']) => vec![Place::Socket { folder }],
        (Some(name), None) => vec![Place::Network { address: name.parse().ok(), name }],
        (None, None) if cfg!(unix) => SOCKET_FOLDERS.map(|folder| Place::Socket { folder: folder.to_owned() }).to_vec(),
        (None, None) => vec![Place::Network { name: "localhost".to_owned(), address: None }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::dsn::parse;

    fn read(dsn: &str) -> Result<String, Error> {
        let endpoints = endpoints(&parse(dsn, "the connection string")?)?;
        let shown = endpoints.iter().map(|endpoint| match &endpoint.place {
            Place::Network { name, address: Some(address) } if *name != address.to_string() => format!("{endpoint}={address}"),
            _ => endpoint.to_string(),
        });
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn lists_are_matched_one_to_one() {
        let table = [
            ("", "/var/run/postgresql:5432 /tmp:5432"),
            ("port=6432", "/var/run/postgresql:6432 /tmp:6432"),
            ("host=db1", "db1:5432"),
            ("host=/tmp/x", "/tmp/x:5432"),
            ("host=@x", "@x:5432"),
            ("host=::1", "[::1]:5432"),
            ("host=a,b port=1", "a:1 b:1"),
            ("host=a,b port=1,2", "a:1 b:2"),
            ("host=a,b port=,2", "a:5432 b:2"),
            ("host=a,,b", "a:5432 /var/run/postgresql:5432 /tmp:5432 b:5432"),
            ("hostaddr=10.0.0.1", "10.0.0.1:5432"),
            ("host=db1 hostaddr=10.0.0.1", "db1:5432=10.0.0.1"),
            ("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=7", "a:7=10.0.0.1 b:7=10.0.0.2"),
            ("postgres://a:1,b/", "a:1 b:5432"),
        ];
        for (dsn, servers) in table.iter().filter(|_| cfg!(unix)) {
            assert_eq!(read(dsn).unwrap(), *servers, "{dsn}");
        }
    }

    #[test]
    fn what_does_not_match_is_refused() {
        for dsn in ["host=a,b hostaddr=10.0.0.1", "host=a,b port=1,2,3", "port=0", "port=x", "port=65536", "hostaddr=db1"] {
            assert!(read(dsn).is_err(), "{dsn}");
        }
    }
}
