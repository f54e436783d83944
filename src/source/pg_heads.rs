//! The heads of a block's lines, by the text behind their time: the lines of a session differ there in nothing.
//!
//! Only heads that were read without a look beyond themselves are kept, so that equal text has equal heads; see
//! `pg_prefix`.

use super::pg_prefix::Head;

/// See the module.
pub(super) struct Heads<'b> {
    sets: Vec<[Option<Known<'b>>; WAYS]>,
}

/// The text from behind the time up to the message, and the head it belongs to.
struct Known<'b> {
    text: &'b [u8],
    head: Head<'b>,
}

const SETS: usize = 256;
/// A session's LOG and its DETAIL fall into one set.
const WAYS: usize = 2;

impl<'b> Heads<'b> {
    pub(super) fn new() -> Self {
        Heads { sets: Vec::new() }
    }

    /// The head whose text `rest` begins with, and the length of the text.
    pub(super) fn find(&self, rest: &[u8]) -> Option<(&Head<'b>, usize)> {
        let set = self.sets.get(set(rest)?)?;
        set.iter().flatten().find(|known| begins_with(rest, known.text)).map(|known| (&known.head, known.text.len()))
    }

    pub(super) fn insert(&mut self, text: &'b [u8], head: Head<'b>) {
        let Some(at) = set(text) else { return };
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Default::default);
        }
        let set = &mut self.sets[at];
        set.rotate_right(1);
        set[0] = Some(Known { text, head });
    }
}

/// Most texts are no longer than two chunks that overlap, which are compared without a call of `memcmp`.
fn begins_with(rest: &[u8], text: &[u8]) -> bool {
    const CHUNK: usize = 16;
    let Some(rest) = rest.get(..text.len()) else { return false };
    rest.first_chunk::<CHUNK>() == text.first_chunk()
        && rest.last_chunk::<CHUNK>() == text.last_chunk()
        && (text.len() <= 2 * CHUNK || rest == text)
}

/// Where a text is looked for: by its beginning, where the process id mostly stands.
fn set(text: &[u8]) -> Option<usize> {
    // No text is shorter than both together.
    let (first, second) = (text.first_chunk::<8>()?, text.get(8..)?.first_chunk::<8>()?);
    let mixed = (u64::from_le_bytes(*first) ^ u64::from_le_bytes(*second)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (64 - SETS.trailing_zeros())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_is_compared_to_its_end() {
        for length in 16..70 {
            let text: Vec<u8> = (0..length).collect();
            let line = [text.as_slice(), b"duration"].concat();
            assert!(begins_with(&line, &text) && begins_with(&text, &text) && !begins_with(&text[1..], &text));
            for at in 0..text.len() {
                let mut other = line.clone();
                other[at] ^= 0x80;
                assert!(!begins_with(&other, &text), "{length}, {at}");
            }
        }
    }
}
