//! The comment tags that ORMs add to statements: `/*controller='users',action='show'*/` and `/*application:shop*/`.
//!
//! Read before the comment is dropped, because they say which code sent the statement. Whatever is no list of
//! `key=value` or `key:value` pairs is an ordinary comment and has no tags.
//!
//! Formats: the sqlcommenter specification (values URL-encoded, in single quotes), marginalia (`key:value`), and Rails'
//! `ActiveRecord::QueryLogs` in both its formats.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

/// A tag of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// Its key, such as `route` or `controller`.
    pub key: String,
    /// Its value, decoded.
    pub value: String,
}

/// Longer keys or values are not tags that anybody set.
const LONGEST: usize = 256;

/// The tags of one comment, its delimiters included; empty if it is an ordinary comment.
#[must_use]
pub fn tags(comment: &[u8]) -> Vec<Tag> {
    let inner = comment.strip_prefix(b"/*").and_then(|c| c.strip_suffix(b"*/")).or_else(|| comment.strip_prefix(b"--"));
    let Some(inner) = inner.and_then(|inner| std::str::from_utf8(inner).ok()) else { return Vec::new() };
    split(inner.trim()).into_iter().map(tag).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Keys of tags whose value names one request or job.
const REQUESTS: [&str; 6] = ["request_id", "correlation_id", "jid", "job_id", "requestid", "trace_id"];

/// A hash of the id of the request that tags name; of a `traceparent` only its trace counts.
#[must_use]
pub fn request(tags: &[Tag]) -> Option<u64> {
    let trace = |tag: &Tag| tag.value.split('-').nth(1).filter(|_| tag.key == "traceparent").map(str::to_owned);
    let id = tags.iter().find_map(trace).or_else(|| {
        let is_request = |tag: &&Tag| REQUESTS.contains(&tag.key.as_str()) && !tag.value.is_empty();
        tags.iter().find(is_request).map(|tag| tag.value.clone())
    })?;
    Some(FixedState::with_seed(1).hash_one(id))
}

/// The code that tags name: a route, a controller and its action, a job.
#[must_use]
pub fn endpoint(tags: &[Tag]) -> Option<String> {
    let value = |key: &str| tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
    if let (Some(controller), Some(action)) = (value("controller"), value("action")) {
        return Some(format!("{controller}#{action}"));
    }
    ["route", "endpoint_id", "job", "controller", "action"].iter().find_map(|key| value(key)).map(str::to_owned)
}

/// At commas outside quotes.
fn split(list: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    list.split(|c: char| {
        let was_escaped = escaped;
        escaped = c == '\\' && !escaped;
        quoted ^= c == '\'' && !was_escaped;
        c == ',' && !quoted
    })
    .collect()
}

fn tag(pair: &str) -> Option<Tag> {
    let at = pair.find(['=', ':'])?;
    let (key, value) = (pair[..at].trim(), pair[at + 1..].trim());
    let named = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-.%".contains(c));
    let value = match value.strip_prefix('\'') {
        Some(quoted) => decode(quoted.strip_suffix('\'')?),
        // Without quotes a value has no blanks; prose such as `note: see below` has.
        None if value.is_empty() || value.contains(char::is_whitespace) => return None,
        None => value.to_owned(),
    };
    (named && key.len() <= LONGEST && value.len() <= LONGEST).then(|| Tag { key: decode(key), value })
}

/// Undoes URL encoding and the backslash before a quote.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(code) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(code);
            rest = &tail[2..];
            continue;
        }
        if !(byte == b'\\' && tail.first() == Some(&b'\'')) {
            bytes.push(byte);
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(comment: &str) -> Vec<(String, String)> {
        tags(comment.as_bytes()).into_iter().map(|t| (t.key, t.value)).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn sqlcommenter_values_are_decoded() {
        assert_eq!(
            pairs("/*action='show%2C%20all',route='%2Fusers%2F%3Aid',x='it\\'s'*/"),
            [pair("action", "show, all"), pair("route", "/users/:id"), pair("x", "it's")]
        );
    }

    #[test]
    fn marginalia_and_rails_query_logs_are_read() {
        assert_eq!(
            pairs("/*application:Shop,controller:orders,action:index*/"),
            [pair("application", "Shop"), pair("controller", "orders"), pair("action", "index")]
        );
        assert_eq!(pairs("/* application='Shop' */"), [pair("application", "Shop")]);
        assert_eq!(pairs("/*job:App::Mail*/"), [pair("job", "App::Mail")]);
    }

    #[test]
    fn prose_hints_and_broken_pairs_are_no_tags() {
        for comment in ["/* note: see below */", "/*+ SeqScan(t) */", "-- fix me", "/*a='b*/", "/**/", "/*, ... */", "/*=1*/"] {
            assert_eq!(pairs(comment), [], "{comment}");
        }
    }
}
