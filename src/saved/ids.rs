//! Ids of another set of rules, and those of ours for the same statements.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::sql::fingerprint::Fingerprint;

/// Digits of an id in a file.
const LENGTH: usize = 32;

/// New ids by old ones, both as files have them.
#[derive(Debug, Default)]
pub(super) struct Ids {
    by_old: HashMap<[u8; LENGTH], [u8; LENGTH], FixedState>,
}

fn digits(id: Fingerprint) -> Option<[u8; LENGTH]> {
    // The form in which it is saved, in quotes.
    serde_json::to_vec(&id).ok()?.get(1..=LENGTH)?.try_into().ok()
}

impl Ids {
    /// A statement has another id than it had.
    pub(super) fn change(&mut self, old: Fingerprint, new: Fingerprint) {
        if let Some((old, new)) = digits(old).zip(digits(new)).filter(|(old, new)| old != new) {
            self.by_old.insert(old, new);
        }
    }

    /// Puts the new ids in the place of the old ones. What is no id looks like none: 32 digits between quotes.
    pub(super) fn replace(&self, line: &mut [u8]) {
        if self.by_old.is_empty() {
            return;
        }
        let mut from = 0;
        while let Some(found) = memchr::memchr(b'"', line.get(from..).unwrap_or_default()) {
            let at = from + found + 1;
            from = at;
            let Some(slot) = line.get_mut(at..at + LENGTH) else { break };
            if let Some(new) = <[u8; LENGTH]>::try_from(&*slot).ok().and_then(|old| self.by_old.get(&old)) {
                slot.copy_from_slice(new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_wherever_they_stand() {
        let [old, new, other] = ["a", "b", "c"].map(Fingerprint::without_text);
        let mut ids = Ids::default();
        ids.change(old, new);
        let text = |id: Fingerprint| serde_json::to_string(&[id, other]).expect("JSON");
        let mut line = text(old).into_bytes();
        ids.replace(&mut line);
        assert_eq!(line, text(new).into_bytes());
        let mut short = b"[\"0000".to_vec();
        ids.replace(&mut short);
        assert_eq!(short, b"[\"0000");
    }
}
