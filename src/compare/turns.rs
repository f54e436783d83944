//! How the runs of both sides lay in time: what a machine does of itself befalls both only if they took turns.

use super::Side;
use super::matched::Matched;

/// The runs in the order of time, each with its begin and end; `None` if some run does not tell when it was.
fn ordered(matched: &Matched<'_>) -> Option<Vec<(i64, i64, Side)>> {
    let known: Option<Vec<_>> = matched.all().map(|(side, run)| run.window.map(|(from, to)| (from.0, to.0, side))).collect();
    let mut runs = known?;
    runs.sort_unstable();
    Some(runs)
}

/// Whether the runs of both sides took turns, at least twice each and with none at the same time as another. Two of one side may
/// follow each other, as in A B B A. `None` if some run does not tell when it was.
pub(super) fn taken(matched: &Matched<'_>) -> Option<bool> {
    let runs = ordered(matched)?;
    let overlap = runs.windows(2).any(|pair| pair[0].1 > pair[1].0);
    let blocks: Vec<_> = runs.chunk_by(|a, b| a.2 == b.2).map(<[_]>::len).collect();
    let is_mixed = blocks.len() >= 3 && blocks.iter().all(|&runs| runs <= 2);
    Some(!overlap && is_mixed && [matched.baseline, matched.candidate].iter().all(|runs| runs.len() > 1))
}

/// More than this share (two thirds) of one side's runs, less that of the other's, began before some moment: see [`lie_apart`].
const APART: [usize; 2] = [2, 3];

/// Whether there is a moment before which nearly all runs of one side began, and nearly none of the other. Let the machine become
/// slower then by Δ, for these statements and not for all: of that D·Δ looks like the work of the candidate, where D is the
/// difference of both shares (as in a test of Kolmogorov and Smirnov), and the more of it does the less shows as a difference
/// between the runs of one side. With A B A B A B it is a third of Δ, and the runs of either side differ by all of it; with
/// A A A B B B it is all of Δ, and the runs of neither side differ. False where some run does not tell when it was.
pub(super) fn lie_apart(matched: &Matched<'_>) -> bool {
    let Some(runs) = ordered(matched) else { return false };
    let [baseline, candidate] = [Side::Baseline, Side::Candidate].map(|side| matched.runs(side).len());
    let mut begun = [0, 0];
    // Runs that began at one moment are on neither side of it.
    runs.chunk_by(|a, b| a.0 == b.0).any(|at_once| {
        at_once.iter().for_each(|(_, _, side)| begun[usize::from(*side == Side::Candidate)] += 1);
        // Whole numbers: D · K_A · K_B.
        let apart = (begun[0] * candidate).abs_diff(begun[1] * baseline);
        apart * APART[1] > APART[0] * baseline * candidate
    })
}

#[cfg(test)]
mod tests {
    use super::super::facts::Run;
    use super::*;
    use crate::units::Timestamp;

    /// Runs one after the other, each of the side that its letter tells.
    fn apart(order: &str) -> bool {
        let run =
            |(at, _): (usize, char)| Run { window: Some((Timestamp(at as i64 * 10), Timestamp(at as i64 * 10 + 9))), ..Run::default() };
        let side = |side: char| order.chars().enumerate().filter(|(_, of)| *of == side).map(run).collect::<Vec<Run>>();
        let (baseline, candidate) = (side('A'), side('B'));
        lie_apart(&Matched::of(&baseline, &candidate))
    }

    /// By hand: D is the largest difference of the shares that have begun. Of AABABB it is 2/3, before the third run; of AAAABABBBB
    /// 4/5, and of AAABABABBB 3/5.
    #[test]
    fn sides_are_apart_if_nearly_all_runs_of_one_come_first() {
        for (order, is_apart) in [
            ("ABABAB", false),
            ("ABBAAB", false),
            ("AABABB", false),
            ("AAABBB", true),
            ("BBBAAA", true),
            ("AAAABABBBB", true),
            ("AAABABABBB", false),
            ("AB", true),
            ("AAAAB", true),
            ("AABAA", false),
        ] {
            assert_eq!(apart(order), is_apart, "{order}");
        }
    }

    #[test]
    fn of_runs_that_tell_no_time_nothing_is_known() {
        let runs = [Run::default()];
        assert!(!lie_apart(&Matched::of(&runs, &runs)));
        assert_eq!(taken(&Matched::of(&runs, &runs)), None);
    }
}
