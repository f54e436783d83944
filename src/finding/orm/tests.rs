use std::collections::BTreeSet;

use super::*;

#[test]
fn libraries_have_names_of_their_own() {
    let ids: BTreeSet<&str> = ALL.iter().map(|library| library.id).collect();
    assert_eq!(ids.len(), ALL.len());
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')), "{ids:?}");
}

/// A sign of one is no sign of another: what it shows would say nothing.
#[test]
fn signs_have_words_of_their_own() {
    let shown: Vec<&str> = ALL.iter().flat_map(|library| library.signs).map(|sign| sign.shown).collect();
    let different: BTreeSet<&str> = shown.iter().copied().collect();
    assert_eq!(different.len(), shown.len());
}
