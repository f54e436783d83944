//! How many of many tests may be believed: the false discovery rate.
//!
//! Benjamini and Hochberg, "Controlling the False Discovery Rate: A Practical and Powerful Approach to Multiple Testing",
//! 1995. With the i-th smallest of m values, q(i) = min over j ≥ i of p(j)·m/j; rejecting all with q ≤ α holds the expected
//! share of false ones among the rejected below α, for tests that are independent or positively dependent (Benjamini and
//! Yekutieli, 2001). If nothing at all is true, it is also the chance of any rejection.

/// The adjusted value of each p, in the order given: `p.adjust(method = "BH")` in R. A value that is no number stays one,
/// and counts as a test.
#[must_use]
pub fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut least = 1.0_f64;
    for (rank, &at) in order.iter().enumerate().rev() {
        if !p[at].is_nan() {
            least = least.min(p[at] * p.len() as f64 / (rank + 1) as f64);
            adjusted[at] = least;
        }
    }
    adjusted
}
