//! Parts of one log that are put together again: what crosses the moment between them is in both, and in neither whole.

use crate::units::{Micros, Timestamp};

use super::Workload;
use super::burst::{Bond, Burst};

/// Parts that lie no farther apart are of one log.
const NEAR: Micros = Micros::from_millis(500);
/// So near to the moment a burst may go on behind it: calls that stand close together, and others.
const SEGMENT: Micros = Micros::from_millis(100);
const UNIT: Micros = Micros::from_millis(1_000);

impl Workload {
    /// Looks whether another workload is of the time right before or behind this one, and marks in both what may go on in the
    /// other.
    pub(super) fn sew(&mut self, other: &mut Workload) {
        let Some((mine, theirs)) = self.window.zip(other.window) else { return };
        let (earlier, later) = if mine <= theirs { (mine, theirs) } else { (theirs, mine) };
        // A part that is no longer than the seam is nothing but its edge.
        if later.0 < earlier.1 || later.0.since(earlier.1) > NEAR {
            return;
        }
        self.seams += 1;
        let (end, start) = (earlier.1, later.0);
        let ahead = |burst: &Burst| burst.end <= end && end.since(burst.end) <= reach(burst);
        let behind = |burst: &Burst| burst.start >= end && within(burst.start, start, reach(burst));
        for patterns in [&mut self.loops.patterns, &mut self.pairs.upserts, &mut other.loops.patterns, &mut other.pairs.upserts] {
            patterns.cut(&|burst| ahead(burst) || behind(burst));
        }
    }
}

/// Whether a moment is no later than so long behind another.
fn within(moment: Timestamp, from: Timestamp, span: Micros) -> bool {
    moment.since(from) <= span
}

fn reach(burst: &Burst) -> Micros {
    if burst.bond == Bond::Segment { SEGMENT } else { UNIT }
}
