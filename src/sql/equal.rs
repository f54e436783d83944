//! Comparing short texts: a call of `memcmp` costs more than comparing the few bytes of a name or of a clause.

/// Whether two texts are the same.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    // Chunks of a size that is known are compared without a call; the first and the last overlap.
    match a.len() {
        _ if a.len() != b.len() => false,
        0..4 => a.iter().zip(b).all(|(a, b)| a == b),
        4..8 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        8..16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        16..=32 => a.first_chunk::<16>() == b.first_chunk() && a.last_chunk::<16>() == b.last_chunk(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_makes_a_difference_wherever_it_stands() {
        for length in 0..40u8 {
            let text: Vec<u8> = (0..length).collect();
            assert!(equal(&text, &text.clone()));
            assert!(!equal(&text, &[text.as_slice(), b"x"].concat()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert!(!equal(&text, &other), "{length}, {at}");
            }
        }
    }
}
