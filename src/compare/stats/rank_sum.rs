//! Whether the values of one sample tend to be larger than those of another: the test of Wilcoxon, Mann and Whitney.
//!
//! Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other", 1947. For a few
//! values the distribution of U over all ways to deal them is counted, with ties as they are; for more it is taken to be
//! normal, with the correction for ties (Lehmann, "Nonparametrics", 1.2) and for continuity. No verdict of ours rests on
//! it: other tools' rules do, and are replayed beside ours.

use super::special::normal_upper;

/// Up to so many values in all the distribution is counted.
const COUNTED: usize = 50;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankSum {
    /// How many pairs there are in which the first sample's value is the larger; ties count half.
    pub u: f64,
    /// The probability of a U at least as far from its middle, if both samples are of one distribution.
    pub p: f64,
}

/// The two-sided test; `None` if a sample is empty or holds what is not a number.
#[must_use]
pub fn rank_sum(first: &[f64], second: &[f64]) -> Option<RankSum> {
    let (m, n) = (first.len(), second.len());
    let mut all: Vec<(f64, bool)> = first.iter().map(|&x| (x, true)).chain(second.iter().map(|&x| (x, false))).collect();
    if m == 0 || n == 0 || all.iter().any(|(x, _)| x.is_nan()) {
        return None;
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Twice the rank, so that shared ranks are whole numbers; and how many share each.
    let (mut ranks, mut shared, mut sum) = (Vec::new(), Vec::new(), 0);
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let doubled = 2 * ranks.len() + group.len() + 1;
        sum += doubled * group.iter().filter(|(_, of_first)| *of_first).count();
        ranks.extend(group.iter().map(|_| doubled));
        shared.push(group.len() as f64);
    }
    let u = (sum as f64 - (m * (m + 1)) as f64) / 2.0;
    let p = if ranks.len() <= COUNTED { counted(&ranks, m, sum) } else { normal(u, [m as f64, n as f64], &shared) };
    Some(RankSum { u, p })
}

/// Twice the smaller tail of the sum of `m` of the ranks.
fn counted(ranks: &[usize], m: usize, sum: usize) -> f64 {
    let most: usize = ranks.iter().sum();
    // ways[k][s]: in how many ways k of the ranks so far have the sum s.
    let mut ways = vec![vec![0.0_f64; most + 1]; m + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for k in (1..=m).rev() {
            let (fewer, these) = ways.split_at_mut(k);
            for s in rank..=most {
                these[0][s] += fewer[k - 1][s - rank];
            }
        }
    }
    let all: f64 = ways[m].iter().sum();
    let (below, above): (f64, f64) = (ways[m][..=sum].iter().sum(), ways[m][sum..].iter().sum());
    (2.0 * below.min(above) / all).min(1.0)
}

fn normal(u: f64, sizes: [f64; 2], shared: &[f64]) -> f64 {
    let [m, n] = sizes;
    let all = m + n;
    let ties: f64 = shared.iter().map(|t| t * t * t - t).sum();
    let deviation = (m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))).max(0.0).sqrt();
    let apart = (u - m * n / 2.0).abs() - 0.5;
    if deviation == 0.0 || apart <= 0.0 {
        return 1.0;
    }
    (2.0 * normal_upper(apart / deviation)).min(1.0)
}
