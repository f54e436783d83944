//! Names as PostgreSQL understands them: folded to lower case, and in quotes only where they need them.
//!
//! It refuses to know what a name stands for, and whether the thing exists.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::sql::words::is_reserved;

pub(super) fn object_name(name: &ObjectName) -> String {
    dotted(name.0.iter().filter_map(ObjectNamePart::as_ident))
}

pub(super) fn dotted<'a>(parts: impl IntoIterator<Item = &'a Ident>) -> String {
    parts.into_iter().map(ident).collect::<Vec<_>>().join(".")
}

pub(super) fn ident(name: &Ident) -> String {
    match name.quote_style {
        None => name.value.to_lowercase(),
        Some(_) => written(&name.value),
    }
}

/// A name as it is kept, in quotes where it needs them.
pub(super) fn written(name: &str) -> String {
    if is_simple(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The name that a canonical token spells, without quotes that change nothing.
pub(super) fn unquoted(word: &str) -> &str {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    inner.filter(|name| is_simple(name)).unwrap_or(word)
}

/// Whether a quoted name means the same without its quotes.
fn is_simple(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
    name.bytes().next().is_some_and(is_plain) && name.bytes().all(|b| is_plain(b) || b.is_ascii_digit()) && !is_reserved(name)
}
