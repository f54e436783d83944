//! How often the test of latency finds what is there, and fails for nothing, on invented runs.
//!
//! ```text
//! cargo run --release --example gate_power -- [TRIALS] [SEED]
//! ```
//!
//! 300 statements, of which 3 are slower; every run is slower or faster as a whole (standard deviation 0.17 of the logarithm);
//! the noise of a statement between runs is heavy-tailed (t with 6 degrees of freedom), its deviations are spread
//! log-normally (0.3) around their median s. Power is the share of slower statements found; a build fails if any statement
//! does. The floors in milliseconds and shares of time are off, so that the test is seen alone: they only make fewer fail.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

mod simulated;

use std::env;
use std::process::ExitCode;

use laggard::compare::latency::{Eligibility, Options, Outcome, Verdict, compare};
use laggard::compare::stats::proportion::upper_limit;
use laggard::compare::stats::random::Random;
use simulated::World;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(trials), Ok(seed)) = (arguments.next().unwrap_or(Ok(200)), arguments.next().unwrap_or(Ok(1))) else {
        eprintln!("usage: gate_power [TRIALS] [SEED]");
        return ExitCode::from(2);
    };
    println!("power for a factor of 1.2 / 1.5 / 2 with K runs a side, {trials} trials, seed {seed}\n");
    println!("| s | K = 1 | K = 3 | K = 5 | K = 10 | K = 20 |\n|---|---|---|---|---|---|");
    for deviation in [0.03, 0.05, 0.10, 0.20] {
        let cells: Vec<String> = [1, 3, 5, 10, 20]
            .map(|runs| {
                [1.2, 1.5, 2.0]
                    .map(|factor| {
                        format!("{:.2}", power(World { deviation, regressed: 3, factor, ..World::default() }, runs, trials, seed))
                    })
                    .join("/")
            })
            .to_vec();
        println!("| {deviation:.2} | {} |", cells.join(" | "));
    }
    for (machine, title) in [(1.0, "nothing changed"), (2.0, "the candidate's machine is twice as slow")] {
        println!("\nfailed builds although {title}, and their 95 % upper limit\n");
        println!("| s | K = 1 | K = 2 | K = 3 | K = 5 | K = 10 |\n|---|---|---|---|---|---|");
        for deviation in [0.03, 0.05, 0.10, 0.20] {
            let world = World { deviation, machine, ..World::default() };
            let cells: Vec<String> = [1, 2, 3, 5, 10].map(|runs| alarms(world, runs, trials, seed)).to_vec();
            println!("| {deviation:.2} | {} |", cells.join(" | "));
        }
    }
    println!("\nfailed builds although nothing changed, s = 0.10, by the number of statements\n");
    println!("| statements | K = 1 | K = 2 | K = 3 | K = 5 | K = 10 | found 2x at K = 5 |\n|---|---|---|---|---|---|---|");
    for statements in [5, 8, 12, 20, 50] {
        let world = World { statements, ..World::default() };
        let cells: Vec<String> = [1, 2, 3, 5, 10].map(|runs| alarms(world, runs, trials, seed)).to_vec();
        let found = power(World { regressed: 1, factor: 2.0, ..world }, 5, trials, seed);
        println!("| {statements} | {} | {found:.2} |", cells.join(" | "));
    }
    ExitCode::SUCCESS
}

/// The test alone.
fn judged(world: World, runs: usize, random: &mut Random) -> Outcome {
    let eligibility = Eligibility { min_share: 0.0, ..Eligibility::default() };
    compare(&world.runs(runs, random), &Options { min_added_ms: 0.0, min_added_share: 0.0, eligibility, ..Options::default() })
}

fn power(world: World, runs: usize, trials: u64, seed: u64) -> f64 {
    let mut random = Random::new(seed);
    let found: usize = (0..trials)
        .map(|_| {
            let outcome = judged(world, runs, &mut random);
            outcome.tests.iter().filter(|test| test.statement < world.regressed && test.verdict == Verdict::Regressed).count()
        })
        .sum();
    found as f64 / (trials as f64 * world.regressed as f64)
}

fn alarms(world: World, runs: usize, trials: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let failed = (0..trials).filter(|_| judged(world, runs, &mut random).has_regressed()).count() as u64;
    format!("{:.1} % (<{:.1} %)", 100.0 * failed as f64 / trials as f64, 100.0 * upper_limit(failed, trials, 0.05))
}
