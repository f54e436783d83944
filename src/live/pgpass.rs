//! The password file: `hostname:port:database:username:password`, one a line.
//!
//! `passwordFromFile` in libpq's `fe-connect.c`. A line that does not fit matches nothing and is not reported: whatever stands
//! in this file, nothing of it is ever shown. Whether the file may be used at all is decided in `settings`.

use super::secret::Secret;

/// For whom a password is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'a> {
    /// The host, `localhost` for the socket in its default folder.
    pub host: &'a str,
    /// The port.
    pub port: &'a str,
    /// The database.
    pub database: &'a str,
    /// The user.
    pub user: &'a str,
}

/// The password of the first line that matches.
#[must_use]
pub fn password(file: &str, whom: Whom<'_>) -> Option<Secret> {
    file.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let rest = [whom.host, whom.port, whom.database, whom.user].iter().try_fold(line, |line, wanted| after_match(line, wanted))?;
        Some(Secret::new(unescaped(rest)))
    })
}

/// What follows the first field, if that is `wanted` or a `*`.
fn after_match<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut wanted = wanted.chars();
    let mut field = line.char_indices();
    while let Some((at, c)) = field.next() {
        let c = match c {
            ':' => return wanted.next().is_none().then(|| &line[at + 1..]),
            '\\' => field.next()?.1,
            c => c,
        };
        if wanted.next() != Some(c) {
            return None;
        }
    }
    None
}

/// The password as meant. It ends at a colon that has no backslash, as for libpq.
fn unescaped(text: &str) -> String {
    let text = text.strip_suffix('\r').unwrap_or(text);
    let mut password = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            ':' => break,
            '\\' => password.push(characters.next().unwrap_or('\\')),
            c => password.push(c),
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOM: Whom<'_> = Whom { host: "db1", port: "5432", database: "shop", user: "app" };

    fn found(file: &str, whom: Whom<'_>) -> Option<String> {
        password(file, whom).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_line_that_matches_wins() {
        let table = [
            ("db1:5432:shop:app:one\ndb1:5432:shop:app:two", Some("one")),
            ("db2:5432:shop:app:one\n*:*:*:*:any", Some("any")),
            ("*:5432:*:app:x", Some("x")),
            ("#db1:5432:shop:app:comment\ndb1:5432:shop:app:line", Some("line")),
            ("not a line\n:::\n\ndb1:5432:shop:app:line\r\n", Some("line")),
            ("db1:5432:shop:app:a\\:b\\\\c\\d", Some("a:b\\cd")),
            ("db1:5432:shop:app:a:b", Some("a")),
            ("db1:5432:shop:app:end\\", Some("end\\")),
            ("db1:5432:shop:app:", Some("")),
            ("db1:5432:shop:app", None),
            ("db1:5432:shop:ap:x", None),
            ("db1:5432:shop:apple:x", None),
            ("db1*:5432:shop:app:x", None),
            ("\\*:5432:shop:app:x", None),
            ("\\d\\b1:5432:shop:app:x", Some("x")),
            ("", None),
        ];
        for (file, password) in table {
            assert_eq!(found(file, WHOM).as_deref(), password, "{file}");
        }
    }

    #[test]
    fn colons_of_addresses_and_names_are_escaped() {
        let whom = Whom { host: "::1", port: "5432", database: "a\\b", user: "ä:x" };
        assert_eq!(found("\\:\\:1:5432:a\\\\b:ä\\:x:p ä", whom).as_deref(), Some("p ä"));
        assert_eq!(found("::1:5432:a\\\\b:ä\\:x:p", whom), None);
    }

    proptest! {
        #[test]
        fn anything_is_read(file in "(\\PC|\n|\\*:|:|\\\\|db1:5432:shop:app:){0,60}") {
            let _ = password(&file, WHOM);
        }

        #[test]
        fn what_was_escaped_is_read_back(host in "[^\\n\\r]+", secret in "[^\\n\\r]*") {
            let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
            prop_assume!(!host.starts_with('#'));
            let line = format!("{}:5432:shop:app:{}\n", escaped(&host), escaped(&secret));
            prop_assert_eq!(found(&line, Whom { host: &host, ..WHOM }), Some(secret));
        }
    }
}
