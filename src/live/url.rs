//! The URL form of a connection string, from behind its scheme: `user:password@host:port,…/dbname?key=value&…`.
//!
//! `conninfo_uri_parse_options` in libpq's `fe-connect.c`. A URL crate would refuse what libpq takes (several hosts, sockets
//! as hosts) and take what it refuses. Errors name positions only; see `dsn`.

use super::keys::{Key, Parameters, hint};

/// What a URL begins with.
pub(super) const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];

/// Reads a URL whose scheme was taken off.
pub(super) fn parse(rest: &str) -> Result<Parameters, String> {
    let mut parameters = Parameters::default();
    let hosts = match rest[..rest.find('/').unwrap_or(rest.len())].split_once('@') {
        Some((user, _)) => {
            user_and_password(user, &mut parameters)?;
            &rest[user.len() + 1..]
        }
        None => rest,
    };
    // libpq would go on with a piece of the password as host or database, and show it.
    if hosts.split('?').next().is_some_and(|before_query| before_query.contains('@')) {
        return Err(MISPLACED_AT.to_owned());
    }
    let rest = hosts_and_ports(hosts, &mut parameters)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    store("dbname", decoded(path.strip_prefix('/').unwrap_or(path))?, &mut parameters);
    if !query.is_empty() {
        query_parameters(query, &mut parameters)?;
    }
    Ok(parameters)
}

/// What comes of a password that was written as it is.
const MISPLACED_AT: &str = "an '@' is where none can be; in a user, a password or a database, '@' is written %40, '/' %2F and '?' %3F";

fn user_and_password(text: &str, parameters: &mut Parameters) -> Result<(), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    if user.contains('?') {
        return Err(MISPLACED_AT.to_owned());
    }
    store("user", decoded(user)?, parameters);
    store("password", decoded(password)?, parameters);
    Ok(())
}

/// Reads `host:port,host:port` and answers what follows.
fn hosts_and_ports<'a>(text: &'a str, parameters: &mut Parameters) -> Result<&'a str, String> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    let mut rest = text;
    loop {
        let (host, after) = host(rest)?;
        let (port, after) = match after.strip_prefix(':') {
            Some(after) => after.split_at(after.find(['/', '?', ',']).unwrap_or(after.len())),
            None => ("", after),
        };
        hosts.push(decoded(host)?);
        ports.push(decoded(port)?);
        rest = after;
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    if ports.iter().any(|port| !port.bytes().all(|digit| digit.is_ascii_digit())) {
        return Err("a port is no number; in a password, '/' is written %2F, '@' %40 and ':' %3A".to_owned());
    }
    store("host", hosts.join(","), parameters);
    store("port", ports.join(","), parameters);
    Ok(rest)
}

/// One host, which stands in brackets if it is an IPv6 address, and what follows.
fn host(text: &str) -> Result<(&str, &str), String> {
    let Some(inner) = text.strip_prefix('[') else {
        return Ok(text.split_at(text.find([':', '/', '?', ',']).unwrap_or(text.len())));
    };
    let (address, after) = inner.split_once(']').ok_or("a '[' before an IPv6 address has no ']'")?;
    if address.is_empty() {
        return Err("the IPv6 address between '[' and ']' is empty".to_owned());
    }
    if !after.is_empty() && !after.starts_with([':', '/', '?', ',']) {
        return Err("only ':', '/', '?' or ',' may follow the ']' of an IPv6 address".to_owned());
    }
    Ok((address, after))
}

fn query_parameters(query: &str, parameters: &mut Parameters) -> Result<(), String> {
    for (at, pair) in query.split('&').enumerate() {
        let number = at + 1;
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("parameter {number} after the '?' has no '='"))?;
        if value.contains('=') {
            return Err(format!("parameter {number} after the '?' has two '='; in a value it is written %3D"));
        }
        let (name, value) = (decoded(name)?, decoded(value)?);
        // JDBC's way to say it, which libpq understands too.
        let (name, value) = if name == "ssl" && value == "true" { ("sslmode".to_owned(), "require".to_owned()) } else { (name, value) };
        let key = Key::of(&name)
            .ok_or_else(|| format!("the name of parameter {number} after the '?' is not one that libpq knows{}", hint(&name)))?;
        parameters.set(key, value);
    }
    Ok(())
}

/// What is empty in a URL is not given.
fn store(name: &str, value: String, parameters: &mut Parameters) {
    if let Some(key) = Key::of(name).filter(|_| !value.is_empty()) {
        parameters.set(key, value);
    }
}

/// Percent-encoding undone.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err("a '%' is not followed by two hexadecimal digits; a '%' itself is written %25".to_owned());
        };
        match high * 16 + low {
            0 => return Err("%00 stands for NUL, which no value may hold".to_owned()),
            byte => bytes.push(byte),
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "percent-encoded bytes are not UTF-8".to_owned())
}
