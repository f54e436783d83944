//! What was counted: rules on numbers that no busy machine changes.
//!
//! A counter is worse if every candidate run is above every baseline run, by a share and by an amount, and if that is no
//! [`chance`]: where the suite is random, so are the runs of either side.

use crate::sql::fingerprint::Fingerprint;

use super::Change;
use super::comparable::caveats;
use super::matched::Matched;
use super::policy::Policy;

mod amounts;
mod calls;
mod chance;
mod failures;
mod plans;
mod presence;
mod replaced;
pub(super) mod rule;

/// New statements that took the place of others and are called more often: a loop, as far as counters tell.
pub(super) fn loops(matched: &Matched<'_>, policy: &Policy) -> Vec<Fingerprint> {
    calls::loops(matched, policy)
}

/// What the rules on counters hold for or against the candidate.
pub(super) fn changes(matched: &Matched<'_>, policy: &Policy) -> Vec<Change> {
    let hides_calls = caveats(matched).iter().any(|caveat| caveat.hides_calls());
    let (mut changes, mut trials) = (Vec::new(), amounts::trials(matched, policy));
    if !hides_calls {
        changes.extend(presence::changes(matched, policy));
        trials.extend(calls::trials(matched, policy));
    }
    changes.extend(chance::borne_out(trials, &policy.latency));
    changes.extend(plans::changes(matched, policy, &changes));
    changes.extend(failures::changes(matched, policy));
    changes
}
