//! Connection strings: `postgres://…`, `host=… dbname=…`, and the bare name of a database, as psql takes them.
//!
//! `conninfo_parse` in libpq's `fe-connect.c` is the rule. What is not copied from it is the habit to repeat the string in its
//! error messages: a string that is broken is broken in an unknown place, so any piece of it may be the password.

use crate::error::Error;

use super::keys::{Key, Parameters, hint};
use super::url;

/// Reads a connection string into parameters. `place` says where it stood, for messages.
pub(super) fn parse(text: &str, place: &str) -> Result<Parameters, Error> {
    let broken = |reason: String| Error::Dsn { place: place.to_owned(), reason };
    if text.contains('\0') {
        return Err(broken("it holds a NUL character".to_owned()));
    }
    if let Some(rest) = url::SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) {
        return url::parse(rest).map_err(broken);
    }
    if text.contains('=') {
        return pairs(text).map_err(|reason| broken(reason + scheme_hint(text)));
    }
    // psql would look for a database of that name, and the server would write the password into its log.
    if text.contains("://") || (text.contains('@') && text.contains(':')) {
        return Err(broken("it looks like a URL, but does not begin with postgres:// or postgresql://".to_owned()));
    }
    let mut parameters = Parameters::default();
    if let Some(dbname) = Key::of("dbname") {
        parameters.set(dbname, text.to_owned());
    }
    Ok(parameters)
}

fn scheme_hint(text: &str) -> &'static str {
    if text.contains("://") { "; a URL begins with postgres:// or postgresql://" } else { "" }
}

/// `key = value` pairs separated by blanks; a value may stand in quotes, and a backslash takes the next character as it is.
fn pairs(text: &str) -> Result<Parameters, String> {
    let mut parameters = Parameters::default();
    let mut rest = text.trim_start_matches(is_blank);
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let end = rest.find(|c| c == '=' || is_blank(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(after) = after.trim_start_matches(is_blank).strip_prefix('=') else {
            return Err(format!("pair {number} has no '=' (values with blanks stand in quotes: 'like this')"));
        };
        let Some(key) = Key::of(name) else {
            return Err(format!("the name in pair {number} is not one that libpq knows{}", hint(name)));
        };
        let (value, after) = value(after.trim_start_matches(is_blank))
            .ok_or_else(|| format!("the value of {} begins with a quote that is never closed", key.name()))?;
        parameters.set(key, value);
        rest = after.trim_start_matches(is_blank);
    }
    Ok(parameters)
}

/// The blanks of C's `isspace`, which libpq goes by.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// A value and what follows it; `None` if a quote is not closed.
fn value(text: &str) -> Option<(String, &str)> {
    let quoted = text.strip_prefix('\'');
    let inner = quoted.unwrap_or(text);
    let mut value = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted.is_some() => return Some((value, &inner[at + 1..])),
            c if quoted.is_none() && is_blank(c) => return Some((value, &inner[at..])),
            c => value.push(c),
        }
    }
    quoted.is_none().then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        let parameters = parse(text, "the DSN").unwrap();
        let names = ["user", "password", "host", "hostaddr", "port", "dbname", "sslmode", "application_name", "options"];
        let shown = names.iter().filter_map(|name| parameters.get(name).map(|value| format!("{name}={value}")));
        shown.collect::<Vec<_>>().join("|")
    }

    /// The cases of libpq's own `t/001_uri.pl`, and ours.
    #[test]
    fn strings_are_read_as_libpq_reads_them() {
        let table = [
            ("shop", "dbname=shop"),
            ("", ""),
            ("host=db1 port=5433 dbname=shop", "host=db1|port=5433|dbname=shop"),
            (" host = db1\n\tuser= app ", "user=app|host=db1"),
            ("host='db 1' password='it\\'s \\\\ me'", "password=it's \\ me|host=db 1"),
            ("password=a\\ b\\\\c user=app", "user=app|password=a b\\c"),
            ("host= dbname=shop", "host=dbname=shop"),
            ("host='' dbname=shop", "dbname=shop"),
            ("password=='x'", "password=='x'"),
            ("user=a user=b", "user=b"),
            ("password=x\\", "password=x"),
            ("postgresql://uri-user:secret@host:12345/db", "user=uri-user|password=secret|host=host|port=12345|dbname=db"),
            ("postgresql://uri-user@host/db", "user=uri-user|host=host|dbname=db"),
            ("postgres://host:12345/", "host=host|port=12345"),
            ("postgresql://host", "host=host"),
            ("postgresql://", ""),
            ("postgresql://?user=a&host=/tmp", "user=a|host=/tmp"),
            ("postgresql:///db?host=/var/run/postgresql", "host=/var/run/postgresql|dbname=db"),
            ("postgresql://%2Fvar%2Frun%2Fpostgresql/db", "host=/var/run/postgresql|dbname=db"),
            ("postgresql://[::1]:5433/db", "host=::1|port=5433|dbname=db"),
            ("postgresql://[2001:db8::1234]", "host=2001:db8::1234"),
            ("postgresql://h1:5432,h2:5433,[::1]/db", "host=h1,h2,::1|port=5432,5433,|dbname=db"),
            ("postgresql://h1,h2/db", "host=h1,h2|port=,|dbname=db"),
            ("postgresql://us%3Aer:p%40ss%2Fw%20@h/d%25b", "user=us:er|password=p@ss/w |host=h|dbname=d%b"),
            ("postgresql://u:@h", "user=u|host=h"),
            ("postgresql://:p@h", "password=p|host=h"),
            ("postgresql://host/db?u%73er=a&ssl=true", "user=a|host=host|dbname=db|sslmode=require"),
            ("postgresql://host?options=-c%20geqo%3Doff", "host=host|options=-c geqo=off"),
            ("postgresql://host/db?application_name=", "host=host|dbname=db"),
            ("postgres://app:12?hunter2@db1", "user=app|password=12?hunter2|host=db1"),
            ("postgres://host/my-db%40home", "host=host|dbname=my-db@home"),
        ];
        for (text, read_as) in table {
            assert_eq!(read(text), read_as, "{text}");
        }
    }

    /// Wherever the password stands, a message says what is wrong without it.
    #[test]
    fn what_is_broken_is_told_without_repeating_it() {
        let table = [
            ("host", "hunter2=x", "pair 1"),
            ("blank", "password=my hunter2=x dbname=shop", "pair 2"),
            ("end", "password=x hunter2", "pair 2 has no '='"),
            ("quote", "password='hunter2", "password begins with a quote"),
            ("scheme", "postgre://app:hunter2@db1/shop", "begin with postgres://"),
            ("mysql", "mysql://app:hunter2@db1/shop?a=b", "begins with postgres://"),
            ("no scheme", "app:hunter2@db1/shop", "begin with postgres://"),
            ("slash", "postgres://app:hunter2/x@db1/shop", "%2F"),
            ("slash and digits", "postgres://app:12/hunter2@db1/shop", "%2F"),
            ("a port before the slash", "postgres://app:x@db1/hunter2@db1/shop", "%2F"),
            ("two at", "postgres://app:x@b/hunter2@db1", "%40"),
            ("in the query", "postgres://db1?password=hunter2@x", "%3F"),
            ("at", "postgres://app:x@hunter2@db1/shop", "%40"),
            ("port", "postgres://app:x@db1:hunter2/shop", "port"),
            ("percent", "postgres://app:hunter2%zz@db1/shop", "%25"),
            ("nul", "postgres://app:hunter2%00@db1/shop", "NUL"),
            ("raw nul", "host=hunter2\0", "NUL"),
            ("not UTF-8", "postgres://app:hunter2%ff@db1/shop", "UTF-8"),
            ("bracket", "postgres://app:x@[hunter2/shop", "']'"),
            ("empty bracket", "postgres://app:x@[]/hunter2", "empty"),
            ("after bracket", "postgres://app:x@[::1]hunter2/shop", "']'"),
            ("unknown", "postgres://db1/shop?hunter2=1", "parameter 1"),
            ("no value", "postgres://db1/shop?user=a&hunter2", "parameter 2"),
            ("two values", "postgres://db1/shop?user=a=hunter2", "parameter 1"),
        ];
        for (name, text, says) in table {
            let message = parse(text, "the connection string").unwrap_err().to_string();
            assert!(message.contains(says), "{name}: {message}");
            assert!(!message.contains("hunter2"), "{name}: {message}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "\\PC*", tail in prop::collection::vec(any::<u8>(), 0..60)) {
            let tail = String::from_utf8_lossy(&tail).into_owned();
            for text in [text.clone(), format!("postgres://{tail}"), format!("postgresql://u:{text}@{tail}?{text}"), format!("{text}={tail}")] {
                let _ = parse(&text, "the connection string");
            }
        }

        #[test]
        fn what_was_quoted_is_read_back(password in "[^\\x00]*") {
            let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
            let parameters = parse(&format!("user=a password='{quoted}' dbname=b"), "the connection string").unwrap();
            prop_assert_eq!(parameters.get("password").unwrap_or_default(), password.as_str());
            prop_assert_eq!(parameters.get("dbname"), Some("b"));
        }

        #[test]
        fn what_was_percent_encoded_is_read_back(password in "[^\\x00]+") {
            let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let parameters = parse(&format!("postgres://a:{encoded}@h/b"), "the connection string").unwrap();
            prop_assert_eq!(parameters.get("password"), Some(password.as_str()));
        }

        #[test]
        fn a_broken_url_never_shows_its_password(before in "[a-z@:/?%=&\\[\\], ]{0,12}", after in "[a-z@:/?%=&\\[\\], ]{0,12}") {
            for text in [format!("postgres://{before}HUNTER2{after}"), format!("{before}HUNTER2{after}")] {
                if let Err(error) = parse(&text, "the connection string") {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains("HUNTER2"), "{}", shown);
                }
            }
        }
    }
}
