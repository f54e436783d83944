//! Service files: named groups of connection parameters, `~/.pg_service.conf` and its like.
//!
//! `parseServiceFile` in libpq's `fe-connect.c`. Errors name the file and the line, never what stands there, because it may
//! be a password. Which file is read is decided in `settings`.

use std::path::Path;

use crate::error::Error;

use super::keys::{Key, Parameters, hint};

/// Adds the parameters of a service, where nobody gave them before; whether the service was found.
pub(super) fn fill(text: &str, service: &str, file: &Path, parameters: &mut Parameters) -> Result<bool, Error> {
    let mut found = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            if found {
                break;
            }
            found = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) == Some(service);
        } else if found {
            let broken = |reason: String| Error::Dsn { place: format!("{}, line {}", file.display(), at + 1), reason };
            let (key, value) = pair(line).map_err(broken)?;
            parameters.set_if_missing(key, value.to_owned());
        }
    }
    Ok(found)
}

fn pair(line: &str) -> Result<(Key, &str), String> {
    if line.starts_with("ldap") && !line.starts_with("ldap=") {
        return Err("services kept in LDAP are not looked up here".to_owned());
    }
    let (name, value) = line.split_once('=').ok_or("there is no '='")?;
    match Key::of(name) {
        Some(key) if ["service", "servicefile"].contains(&key.name()) => Err("a service cannot name another service".to_owned()),
        Some(key) => Ok((key, value)),
        None => Err(format!("the name before '=' is not one that libpq knows{}", hint(name))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "# ours\n\n[shop]\r\nhost=db1\r\n  port=5433\nuser=app \npassword=a = b\noptions=-c geqo=off\n[other]\nhost=db2\nbroken\n[shop]\nhost=db3\n";

    fn read(text: &str, service: &str) -> Result<(bool, Parameters), Error> {
        let mut parameters = Parameters::default();
        fill(text, service, Path::new("pg_service.conf"), &mut parameters).map(|found| (found, parameters))
    }

    #[test]
    fn the_first_group_of_that_name_is_read() {
        let (found, parameters) = read(FILE, "shop").unwrap();
        assert!(found);
        let given = ["host", "port", "user", "password", "options", "dbname"].map(|name| parameters.get(name).unwrap_or("-"));
        assert_eq!(given, ["db1", "5433", "app", "a = b", "-c geqo=off", "-"]);
        assert!(!read(FILE, "sho").unwrap().0);
        assert!(!read("", "shop").unwrap().0);
    }

    #[test]
    fn what_was_given_before_stays() {
        let mut parameters = Parameters::default();
        parameters.set(Key::of("host").unwrap(), "mine".into());
        assert!(fill(FILE, "shop", Path::new("f"), &mut parameters).unwrap());
        assert_eq!((parameters.get("host"), parameters.get("port")), (Some("mine"), Some("5433")));
    }

    #[test]
    fn errors_name_the_line_and_not_what_stands_there() {
        let table = [
            ("hunter2", "line 2: there is no '='"),
            ("hunter2=x", "line 2: the name before '='"),
            ("service=hunter2", "line 2: a service cannot"),
            ("ldap://hunter2", "LDAP"),
        ];
        for (line, says) in table {
            let message = read(&format!("[s]\n{line}\n"), "s").unwrap_err().to_string();
            assert!(message.contains(says) && !message.contains("hunter2"), "{message}");
        }
        assert!(read(FILE, "other").unwrap_err().to_string().contains("line 11"));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "(\\PC|\n|\\[s\\]\n|=|host){0,60}") {
            let _ = read(&text, "s");
        }
    }
}
