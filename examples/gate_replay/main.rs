//! What other tools' rules and ours would say of the same runs: how often each fails a build in which nothing changed,
//! and how often it finds a change.
//!
//! ```text
//! cargo run --release --example gate_replay                      # invented runs
//! cargo run --release --example gate_replay -- [--mean] [--deals N] A1.lag A2.lag … [--changed C1.lag …]
//! ```
//!
//! Each argument is one run as `laggard gate` takes it, all of the same unchanged version. Runs are dealt to two sides at random;
//! two statements of the candidate are made slower for the columns of power. Rules that look at the calls are given mean,
//! deviation and count of each run, all others one number per run, the median unless `--mean` asks. The rules are after what the
//! tools publish and do, adapted to that; they are not the tools. Another table has the whole gate as it ships, counters and
//! findings too, and on a machine twice as slow. Without files the runs are invented: 26 statements, 20 runs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

#[path = "../gate_power/simulated.rs"]
mod simulated;

mod read;
mod rules;
mod whole;

use std::env;
use std::process::ExitCode;

use laggard::compare::latency::{Runs, Sample, Sides, Statement};
use laggard::compare::stats::proportion::upper_limit;
use laggard::compare::stats::random::Random;
use read::Statistic;
use rules::Rule;
use simulated::World;

/// What is asked for.
struct Asked {
    statistic: Statistic,
    deals: usize,
    alike: Vec<String>,
    changed: Vec<String>,
}

fn main() -> ExitCode {
    let done = asked(env::args().skip(1)).and_then(|asked| {
        if !asked.alike.is_empty() {
            return replayed(&asked);
        }
        invented(asked.deals);
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("gate_replay: {message}");
            ExitCode::from(2)
        }
    }
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { statistic: Statistic::Median, deals: 300, alike: Vec::new(), changed: Vec::new() };
    let mut is_changed = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--mean" => asked.statistic = Statistic::Mean,
            "--deals" => asked.deals = arguments.next().and_then(|n| n.parse().ok()).ok_or("--deals takes a number")?,
            "--changed" => is_changed = true,
            _ if is_changed => asked.changed.push(argument),
            _ => asked.alike.push(argument),
        }
    }
    Ok(asked)
}

fn replayed(asked: &Asked) -> Result<(), String> {
    let read = |names: &[String]| names.iter().map(|name| read::run(name)).collect::<Result<Vec<_>, String>>();
    let (mut runs, changed) = (read(&asked.alike)?, read(&asked.changed)?);
    let pool = read::pool(&runs, asked.statistic);
    for run in &changed {
        println!("## {}\n", run.path);
        let all: Vec<_> = runs.iter().chain([run]).cloned().collect();
        against(&read::pool(&all, asked.statistic));
        whole::against(run, &runs);
        println!();
    }
    whole::table(&mut runs, asked.deals as u64);
    table(&pool, asked.deals);
    Ok(())
}

/// Noise as it was measured on a shared machine: of means, and of medians.
fn invented(deals: usize) {
    for (name, deviation) in [("means (s = 0.12)", 0.12), ("medians (s = 0.04)", 0.04)] {
        println!("## Invented runs, {name}\n");
        let world = World { statements: 26, deviation, ..World::default() };
        let mut runs = world.runs(10, &mut Random::new(20));
        for statement in &mut runs.statements {
            statement.runs.baseline.append(&mut statement.runs.candidate);
        }
        runs.time_ms.baseline.append(&mut runs.time_ms.candidate);
        table(&runs, deals);
    }
}

/// All rules on runs that are alike, which are on the baseline's side.
fn table(pool: &Runs, deals: usize) {
    let count = pool.time_ms.baseline.len();
    println!("{count} runs of one version, {deals} deals\n");
    println!("| rule | statements flagged | builds failed (95 % limit) | finds 1.2x | 1.5x | 2x |\n|---|---|---|---|---|---|");
    for rule in rules::ALL {
        if rule.runs[0] + rule.runs[1] > count {
            println!("| {} | too few runs | | | | |", rule.name);
            continue;
        }
        let (mut flagged, mut looked_at, mut failed, mut random) = (0, 0, 0, Random::new(1));
        for _ in 0..deals {
            let runs = dealt(pool, rule, &mut random);
            let found = (rule.flags)(&runs).len();
            (flagged, looked_at, failed) = (flagged + found, looked_at + rules::looked_at(&runs), failed + u64::from(found > 0));
        }
        let power = [1.2, 1.5, 2.0].map(|factor| format!("{:.2}", power(pool, rule, factor, deals))).join(" | ");
        let share = |part: f64, all: f64| 100.0 * part / all.max(1.0);
        let limit = 100.0 * upper_limit(failed, deals as u64, 0.05);
        println!(
            "| {} | {:.1} % | {:.1} % (<{limit:.1} %) | {power} |",
            rule.name,
            share(flagged as f64, looked_at as f64),
            share(failed as f64, deals as f64)
        );
    }
    println!();
}

/// Which rules flag how many statements of a run that is not like the others, the last one.
fn against(pool: &Runs) {
    let last = pool.time_ms.baseline.len() - 1;
    let ours = Rule { name: "laggard's latency, all v 1", runs: [last, 1], flags: rules::shipped };
    for rule in rules::ALL.iter().filter(|rule| rule.runs[1] == 1 && rule.runs[0] <= last).chain([&ours]) {
        let order: Vec<usize> = (0..last).rev().take(rule.runs[0]).chain([last]).collect();
        let flagged = (rule.flags)(&sides(pool, &order, rule.runs[0]));
        println!("- {}: {} flagged", rule.name, flagged.len());
    }
}

fn power(pool: &Runs, rule: &Rule, factor: f64, deals: usize) -> f64 {
    let (mut found, mut random) = (0, Random::new(2));
    for _ in 0..deals {
        let mut runs = dealt(pool, rule, &mut random);
        let mut candidates: Vec<usize> = (0..runs.statements.len()).filter(|&at| is_usable(&runs.statements[at])).collect();
        random.shuffle(&mut candidates);
        candidates.truncate(2);
        for &at in &candidates {
            runs.statements[at].runs.candidate.iter_mut().flatten().for_each(|sample| slow(sample, factor));
        }
        let flagged = (rule.flags)(&runs);
        found += candidates.iter().filter(|at| flagged.contains(at)).count();
    }
    found as f64 / (2 * deals) as f64
}

fn is_usable(statement: &Statement) -> bool {
    let sides = [&statement.runs.baseline, &statement.runs.candidate];
    sides.iter().flat_map(|side| side.iter()).all(|sample| sample.is_some_and(|s| s.calls >= 30 && s.total_ms >= 0.05 * s.calls as f64))
}

fn slow(sample: &mut Sample, factor: f64) {
    sample.total_ms *= factor;
    sample.usual_ms.iter_mut().for_each(|ms| *ms *= factor);
    for point in [&mut sample.typical, &mut sample.tail].into_iter().flatten() {
        point.ms *= factor;
    }
}

fn dealt(pool: &Runs, rule: &Rule, random: &mut Random) -> Runs {
    let mut order: Vec<usize> = (0..pool.time_ms.baseline.len()).collect();
    random.shuffle(&mut order);
    sides(pool, &order[..rule.runs[0] + rule.runs[1]], rule.runs[0])
}

/// The first runs of the order on the one side, the rest on the other.
fn sides(pool: &Runs, order: &[usize], first: usize) -> Runs {
    let (a, b) = order.split_at(first);
    let statement = |statement: &Statement| {
        let of = |runs: &[usize]| runs.iter().map(|&run| statement.runs.baseline[run]).collect();
        Statement { runs: Sides { baseline: of(a), candidate: of(b) }, is_control: false }
    };
    let time = |runs: &[usize]| runs.iter().map(|&run| pool.time_ms.baseline[run]).collect();
    let time_ms = Sides { baseline: time(a), candidate: time(b) };
    Runs { statements: pool.statements.iter().map(statement).collect(), time_ms, are_apart: false }
}
