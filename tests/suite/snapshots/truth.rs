//! Percentiles and bounds of reports against every single duration behind them.
//!
//! One statement runs again and again, and after each run psql reads its total, so that the difference of two readings is the
//! duration of one run. What is reported of any stretch of runs must then be true of these durations.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::{Bench, count, number};
use crate::harness::{Facts, files};

/// How many runs of each statement.
const RUNS: usize = 70;

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

/// The two statements: one that sleeps for so many milliseconds, one that counts to so many.
const TEXTS: [&str; 2] = ["pg_sleep", "generate_series"];

/// What ran, run by run, and the exports after each run.
struct Runs {
    bench: Bench,
    /// Durations in milliseconds, of each statement.
    took: [Vec<f64>; 2],
}

/// How an export rounds.
const EXPORTS: [(&str, Option<u32>); 3] = [("full", None), ("two", Some(2)), ("three", Some(3))];

impl Runs {
    /// Runs everything on a server of that major.
    fn of(major: u32) -> Option<Self> {
        let bench = Bench::start(major, &[])?;
        let mut dice = Dice(u64::from(major));
        let prefix = if bench.minor() >= 8 { "exec_" } else { "" };
        let folder = bench.folder.path().display().to_string();
        let mut sql = String::from("set extra_float_digits = 3;\nselect pg_stat_statements_reset();\n");
        for run in 0..=RUNS {
            if run > 0 {
                // Mostly quick, now and then slow, with an outlier once in a while.
                let sleep = match dice.below(12) {
                    0 => 30,
                    1 | 2 => 10 + dice.below(10),
                    3..6 => 1 + dice.below(4),
                    _ => 0,
                };
                let _ = writeln!(
                    sql,
                    "select pg_sleep({:.3});\nselect count(*) from generate_series(1, {});",
                    sleep as f64 / 1_000.0,
                    1 + dice.below(60) * dice.below(60)
                );
            }
            for text in TEXTS {
                let _ = writeln!(
                    sql,
                    "select 'took', total_{prefix}time from pg_stat_statements where query like 'select%{text}($1%' and query not like '%took%';"
                );
            }
            for (name, decimals) in EXPORTS {
                let _ = match decimals {
                    None => writeln!(
                        sql,
                        "\\copy (select * from pg_stat_statements where query !~ 'pg_stat_statements') to '{folder}/{name}-{run}.csv' csv header"
                    ),
                    Some(decimals) => {
                        let times: Vec<String> = ["total", "min", "max", "mean", "stddev"]
                            .iter()
                            .map(|of| format!("round({of}_{prefix}time::numeric, {decimals}) as {of}_{prefix}time"))
                            .collect();
                        writeln!(
                            sql,
                            "\\copy (select userid, dbid, queryid, query, calls, rows, {} from pg_stat_statements where query !~ 'pg_stat_statements') to '{folder}/{name}-{run}.csv' csv header",
                            times.join(", ")
                        )
                    }
                };
            }
        }
        let told = bench.script(&sql);
        let totals: Vec<f64> = told.lines().filter_map(|line| line.strip_prefix("took|")).map(number).collect();
        // The first reading finds no run of either.
        let totals = [vec![0.0; 2], totals].concat();
        assert_eq!(totals.len(), 2 * (RUNS + 1));
        let took = [0, 1].map(|of| totals.chunks(2).collect::<Vec<_>>().windows(2).map(|pair| pair[1][of] - pair[0][of]).collect());
        Some(Runs { bench, took })
    }

    fn export(&self, name: &str, run: usize) -> PathBuf {
        self.bench.file(&format!("{name}-{run}.csv"))
    }

    /// What is told of the runs from `start` to before `end`.
    fn told(&self, name: &str, start: usize, end: usize) -> Facts {
        files(&[self.export(name, start), self.export(name, end)])
    }

    /// Checks everything that is told of a statement's runs; says how many percentiles were told as exact.
    fn check(&self, facts: &Facts, of: usize, start: usize, end: usize, half_unit: f64) -> usize {
        let statements = facts.document["statements"].as_array().expect("a list");
        let statement = statements.iter().find(|s| s["text"].as_str().is_some_and(|text| text.contains(TEXTS[of]))).expect("ran");
        let mut took: Vec<f64> = self.took[of][start..end].iter().map(|ms| ms * 1_000.0).collect();
        took.sort_by(f64::total_cmp);
        let context = || format!("runs {start} to {end} of {}: {took:?}\n{statement:#}", TEXTS[of]);
        assert_eq!(count(statement, "calls"), (end - start) as u64, "{}", context());
        let sum: f64 = took.iter().sum();
        assert!((count(statement, "total_us") as f64 - sum).abs() <= 1.0 + 2.0 * half_unit, "{sum}: {}", context());
        let mut exact = 0;
        for (key, permille) in [("p50_us", 500), ("p90_us", 900), ("p95_us", 950), ("p99_us", 990), ("p999_us", 999)] {
            let rank = (took.len() * permille).div_ceil(1_000);
            let truth = took[rank - 1];
            if let Some(told) = statement[key].as_u64() {
                exact += 1;
                assert!((told as f64 - truth).abs() <= 1.0, "{key} {told} is {truth}: {}", context());
            }
            let bound = |at: usize| statement["bounds"][key][at].as_u64().unwrap_or_else(|| panic!("{key}: {}", context())) as f64;
            // They are whole microseconds around the proved values, and the readings themselves have an error of a few 1e-10 ms.
            let (low, high) = (bound(0), bound(1));
            assert!(low <= truth.ceil() + 1e-6 && truth.floor() <= high + 1e-6, "{key} {low} to {high} is {truth}: {}", context());
            if statement[key].is_null() {
                assert!(low <= truth + 1e-6 && truth <= high + 1e-6, "{key} {low} to {high} is {truth}: {}", context());
            }
        }
        for (key, truth) in [("min_us", took[0]), ("max_us", took[took.len() - 1])] {
            if let Some(told) = statement[key].as_u64() {
                exact += 1;
                assert!((told as f64 - truth).abs() <= 1.0 + half_unit, "{key} {told} is {truth}: {}", context());
            }
        }
        if let Value::Array(limits) = &statement["bounds"]["max_us"] {
            let longest = took[took.len() - 1];
            let limit = |at: usize| limits[at].as_u64().expect("a number") as f64;
            assert!(limit(0) <= longest + 1e-6 && longest <= limit(1) + 1e-6, "{limits:?}: {}", context());
        }
        let deviation = (took.iter().map(|x| (x - sum / took.len() as f64).powi(2)).sum::<f64>() / took.len() as f64).sqrt();
        if let (Some(told), true) = (statement["stddev_us"].as_f64(), half_unit == 0.0) {
            assert!((told - deviation).abs() <= 0.6 + deviation * 1e-3, "stddev {told} is {deviation}: {}", context());
        }
        exact
    }
}

fn check_windows(major: u32, windows: usize) {
    let Some(runs) = Runs::of(major) else { return };
    let mut dice = Dice(7);
    let mut exact = 0;
    for at in 0..windows {
        // Short ones too, in which much is exact.
        let length = match at % 4 {
            0 => 1 + dice.below(3),
            1 => 3 + dice.below(18),
            _ => 1 + dice.below(RUNS - 2),
        };
        let start = 1 + dice.below(RUNS - length);
        for (name, decimals) in EXPORTS {
            let half_unit = decimals.map_or(0.0, |decimals| 500.0 / 10f64.powi(decimals.cast_signed()));
            let facts = runs.told(name, start, start + length);
            for of in 0..TEXTS.len() {
                exact += runs.check(&facts, of, start, start + length, half_unit);
            }
        }
    }
    assert!(exact > windows, "percentiles are told where they can be");
    // From the reset on: one export is the life of the counters, and three chained are their sum.
    for (name, decimals) in EXPORTS {
        let half_unit = decimals.map_or(0.0, |decimals| 500.0 / 10f64.powi(decimals.cast_signed()));
        let life = files(&[runs.export(name, RUNS)]);
        let chain = files(&[1, 30, 51, RUNS].map(|run| runs.export(name, run)));
        for of in 0..TEXTS.len() {
            runs.check(&life, of, 0, RUNS, half_unit);
            runs.check(&chain, of, 1, RUNS, half_unit * 3.0);
        }
        assert_eq!((&life.document["coverage"]["of"], &chain.document["coverage"]["of"]), (&"life".into(), &"interval".into()));
    }
}

#[test]
fn no_duration_lies_outside_its_bounds_and_what_is_told_as_exact_is() {
    std::thread::scope(|scope| [10, 15, 18].map(|major| drop(scope.spawn(move || check_windows(major, 40)))));
}
