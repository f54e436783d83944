//! A distribution in ten characters, each a step of the logarithm of the duration.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar a count; a blank is none at all, so that a single slow call among thousands still shows.
pub(super) fn bars(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0);
    counts
        .iter()
        .map(|&count| match count {
            0 => ' ',
            count => {
                let height = (u128::from(count) * 7).div_ceil(u128::from(most));
                BARS[usize::try_from(height).unwrap_or(7).min(7)]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_call_among_thousands_shows() {
        assert_eq!(super::bars(&[0, 9_999, 1, 5_000]), " █▂▅");
        assert_eq!(super::bars(&[]), "");
    }
}
