//! Which statement is meant: by its id or the beginning of it, by the server's id, or by its text.

use crate::sql::fingerprint::normalise;
use crate::sql::lexer::Dialect;
use crate::workload::{Statement, Workload};

/// Why no statement is meant.
#[derive(Debug)]
pub enum Unfound<'w> {
    /// The beginning of an id is too short.
    TooShort,
    /// Several are meant.
    Ambiguous(Vec<&'w Statement>),
    /// None is; these are near.
    Unknown(Vec<&'w Statement>),
}

/// Ids are 16 hexadecimal digits, of which so many are enough.
pub const FEWEST_DIGITS: usize = 4;
const DIGITS: usize = 16;
/// So many statements are near.
const MOST_NEAR: usize = 5;

/// The statement that is meant.
///
/// # Errors
/// If none is, or several are.
pub fn find<'w>(workload: &'w Workload, asked: &str, dialect: Dialect) -> Result<&'w Statement, Unfound<'w>> {
    let asked = asked.trim();
    let by_query_id = asked.parse::<i64>().ok().map(|id| meant(workload, &|s| s.query_ids.contains(&id))).unwrap_or_default();
    let is_id = !asked.is_empty() && asked.len() <= DIGITS && asked.bytes().all(|b| b.is_ascii_hexdigit());
    let prefix = asked.to_ascii_lowercase();
    let is_long = is_id && asked.len() >= FEWEST_DIGITS;
    let by_id = if is_long { meant(workload, &|s| s.fingerprint.to_string().starts_with(&prefix)) } else { Vec::new() };
    let mut found = by_query_id;
    found.extend(by_id.into_iter().filter(|s| !found.iter().any(|known| known.fingerprint == s.fingerprint)).collect::<Vec<_>>());
    if found.is_empty() && !is_id {
        let fingerprint = normalise(asked.as_bytes(), dialect).fingerprint;
        found = meant(workload, &|s| s.fingerprint == fingerprint);
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] if is_id && !is_long => Err(Unfound::TooShort),
        [] if is_id => Err(Unfound::Unknown(near_id(workload, &prefix))),
        [] => Err(Unfound::Unknown(near_text(workload, &normalise(asked.as_bytes(), dialect).text))),
        _ => Err(Unfound::Ambiguous(found)),
    }
}

fn meant<'w>(workload: &'w Workload, is_meant: &dyn Fn(&Statement) -> bool) -> Vec<&'w Statement> {
    let mut found: Vec<&Statement> = workload.statements().filter(|s| is_meant(s)).collect();
    found.sort_by_key(|s| s.fingerprint);
    found
}

/// Those of whose ids at least half of the digits are the same.
fn near_id<'w>(workload: &'w Workload, prefix: &str) -> Vec<&'w Statement> {
    let different = |s: &Statement| s.fingerprint.to_string().bytes().zip(prefix.bytes()).filter(|(a, b)| a != b).count();
    nearest(workload, &|s| Some(different(s)).filter(|different| different * 2 <= prefix.len()))
}

/// Those that differ from a text in the fewest words, and have two in common.
fn near_text<'w>(workload: &'w Workload, text: &str) -> Vec<&'w Statement> {
    let words = |text: &str| -> std::collections::BTreeSet<String> { text.split_whitespace().map(str::to_owned).collect() };
    let asked = words(text);
    nearest(workload, &|s| {
        let known = words(&s.text);
        (known.intersection(&asked).nth(1).is_some()).then(|| known.symmetric_difference(&asked).count())
    })
}

fn nearest<'w>(workload: &'w Workload, distance: &dyn Fn(&Statement) -> Option<usize>) -> Vec<&'w Statement> {
    let mut all: Vec<(usize, &Statement)> = workload.statements().filter_map(|s| Some((distance(s)?, s))).collect();
    all.sort_by_key(|(distance, s)| (*distance, std::cmp::Reverse(s.latency.total()), s.fingerprint));
    all.into_iter().take(MOST_NEAR).map(|(_, s)| s).collect()
}
