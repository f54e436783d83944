//! SipHash-2-4 with a 128-bit result and a key of zeros: fixed, portable and published.
//!
//! Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); test vectors from the authors' `vectors.h`.

/// The hash of `bytes`, its first eight bytes on top.
pub(super) fn hash(bytes: &[u8]) -> u128 {
    sip128([0, 0], bytes)
}

fn sip128(key: [u64; 2], bytes: &[u8]) -> u128 {
    let mut state = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        absorb(&mut state, u64::from_le_bytes(*word));
    }
    let mut last = [0u8; 8];
    last[..tail.len()].copy_from_slice(tail);
    // The last word carries the length modulo 256.
    last[7] = bytes.len().to_le_bytes()[0];
    absorb(&mut state, u64::from_le_bytes(last));
    state[2] ^= 0xee;
    let high = squeeze(&mut state);
    state[1] ^= 0xdd;
    let low = squeeze(&mut state);
    u128::from(high) << 64 | u128::from(low)
}

fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
}

fn squeeze(state: &mut [u64; 4]) -> u64 {
    for _ in 0..4 {
        round(state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    /// `vectors_sip128` of the reference implementation: key 00 01 … 0f, messages "", 00, 00 01 …
    #[test]
    fn the_authors_vectors_hold() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let hex = |hash: u128| {
            // The reference prints the bytes of both words in little-endian order.
            let bytes = hash.to_be_bytes();
            bytes.chunks(8).flat_map(|word| word.iter().rev()).map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(hex(super::sip128(key, &[])), "a3817f04ba25a8e66df67214c7550293");
        assert_eq!(hex(super::sip128(key, &[0])), "da87c1d86b99af44347659119b22fc45");
    }
}
