//! How often each table of a statement is read when its tables are joined.
//!
//! A small stand-in for the planner's search: the table that gives the fewest rows comes first, then always the one that
//! keeps the result smallest. Source of what a join keeps: `eqjoinsel` in `src/backend/utils/adt/selfuncs.c`.

use super::asked::{Asked, Join};
use super::selectivity;

/// A table of which nothing is known gives so many rows.
const UNKNOWN_ROWS: f64 = 1_000.0;

/// How often each scan of a statement is run if it is looked up for each row before it; `None` of the first, which there is
/// nothing to look up by.
pub(super) fn loops(scans: &[Option<Asked<'_>>]) -> Vec<Option<f64>> {
    let rows: Vec<f64> = scans.iter().map(|scan| scan.as_ref().map_or(UNKNOWN_ROWS, Asked::rows)).collect();
    let mut loops = vec![None; scans.len()];
    let mut is_placed = vec![false; scans.len()];
    while let Some(first) = (0..scans.len()).filter(|&at| !is_placed[at]).min_by(|&a, &b| rows[a].total_cmp(&rows[b])) {
        is_placed[first] = true;
        let (mut result, mut group) = (rows[first], Vec::new());
        loop {
            let joined = (0..scans.len()).filter(|&at| !is_placed[at]).filter_map(|at| Some((at, kept(scans, &is_placed, at)? * rows[at])));
            let Some((next, grows)) = joined.min_by(|(_, a), (_, b)| a.total_cmp(b)) else { break };
            is_placed[next] = true;
            loops[next] = Some(result.max(1.0));
            result = (result * grows).max(1.0);
            group.push(next);
        }
        // Where a few rows are enough, the rest of the loops is spared.
        let wanted = group.iter().filter_map(|&at| scans[at].as_ref()?.joined_limit).fold(result, f64::min);
        group.iter().for_each(|&at| loops[at] = loops[at].map(|loops: f64| (loops * wanted / result).max(1.0)));
    }
    for at in 0..scans.len() {
        if let Some(outer) = scans[at].as_ref().and_then(|scan| scan.for_each) {
            loops[at] = Some(rows.get(outer).copied().unwrap_or(UNKNOWN_ROWS));
        }
    }
    loops
}

/// The part of the pairs of rows that a join keeps; `None` if nothing joins the scan to those that are placed.
fn kept(scans: &[Option<Asked<'_>>], is_placed: &[bool], at: usize) -> Option<f64> {
    let own = scans[at].as_ref()?;
    let parts = own.conditions.iter().filter_map(|condition| match condition.joins {
        Some(Join::Scan(other)) if is_placed.get(other) == Some(&true) => {
            Some(1.0 / selectivity::distinct(condition.column, own.heap.tuples).0)
        }
        _ => None,
    });
    parts.min_by(f64::total_cmp)
}
