//! What the test of latency finds and what it fails for nothing, on few invented runs; `examples/gate_power` has many.
//!
//! The bounds are far from what is expected of right code, and the seed is fixed: a failure here is a change of the code.

#[path = "../../examples/gate_power/simulated.rs"]
mod simulated;

use laggard::compare::latency::{Eligibility, Options, Outcome, Verdict, compare};
use laggard::compare::stats::random::Random;
use simulated::World;

const TRIALS: usize = 20;

/// Without the floors in milliseconds and shares of time.
fn judged(world: World, per_side: usize) -> Vec<Outcome> {
    let mut random = Random::new(1);
    let eligibility = Eligibility { min_share: 0.0, ..Eligibility::default() };
    let options = Options { min_added_ms: 0.0, min_added_share: 0.0, eligibility, ..Options::default() };
    (0..TRIALS).map(|_| compare(&world.runs(per_side, &mut random), &options)).collect()
}

fn found(world: World, per_side: usize) -> f64 {
    let is_found =
        |outcome: &Outcome| outcome.tests.iter().filter(|t| t.statement < world.regressed && t.verdict == Verdict::Regressed).count();
    judged(world, per_side).iter().map(is_found).sum::<usize>() as f64 / (TRIALS * world.regressed) as f64
}

#[test]
fn what_doubles_is_found_in_five_runs_and_half_as_much_again_in_ten() {
    let slower = |factor: f64| World { statements: 100, regressed: 3, factor, ..World::default() };
    assert!(found(slower(2.0), 5) >= 0.9);
    assert!(found(slower(1.5), 10) >= 0.85);
    assert!(found(slower(1.05), 10) <= 0.1, "less than the margin is no regression");
}

#[test]
fn noise_and_slower_machines_fail_nothing() {
    for machine in [1.0, 2.0, 0.5] {
        for per_side in [1, 3, 5] {
            let failed =
                judged(World { statements: 100, machine, ..World::default() }, per_side).iter().filter(|o| o.has_regressed()).count();
            // One in twenty builds is what is promised at most.
            assert!(failed <= 1, "{failed} of {TRIALS} with {per_side} runs a side on a machine {machine} times as slow");
        }
    }
}
