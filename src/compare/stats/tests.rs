//! Against the numbers of other implementations; `fixtures/statistics/oracles.py` says whose.

use serde_json::Value;

use super::discovery::adjusted;
use super::moderation::Prior;
use super::proportion::{lower_limit, upper_limit};
use super::quantile_bound::{Ranks, binomial, least_values, ranks};
use super::rank_sum::rank_sum;
use super::special::{digamma, incomplete_beta, ln_gamma, normal_upper, trigamma, trigamma_inverse};
use super::student::Student;

fn oracle(part: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../../fixtures/statistics/oracles.json")).expect("JSON");
    all.pointer(part).unwrap_or_else(|| panic!("{part} is not in the table")).clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn rows(part: &str) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<f64>> = oracle(part).as_array().expect("rows").iter().map(numbers).collect();
    assert!(!rows.is_empty(), "{part} is empty");
    rows
}

/// Rows that begin with two counts, and these.
fn counted(part: &str) -> Vec<(Vec<f64>, [u64; 2])> {
    let all = oracle(part);
    let counts = all.as_array().expect("rows").iter().map(|row| [0, 1].map(|at| row[at].as_u64().expect("a count")));
    rows(part).into_iter().zip(counts).collect()
}

/// To so many digits, of the number or, near zero, of one.
#[track_caller]
fn close(ours: f64, theirs: f64, digits: i32, of: &dyn std::fmt::Debug) {
    let slack = theirs.abs() * 10f64.powi(-digits) + 1e-300;
    assert!((ours - theirs).abs() <= slack, "{of:?}: {ours:e} for {theirs:e}");
}

#[test]
fn special_functions() {
    let one = |name: &str, ours: fn(f64) -> f64, least: f64| {
        for row in rows(&format!("/special/{name}")) {
            // Where the function crosses zero its digits are those of the sum it is of.
            assert!(
                (ours(row[0]) - row[1]).abs() <= 2e-14 * row[1].abs().max(least),
                "{name}({}): {} for {}",
                row[0],
                ours(row[0]),
                row[1]
            );
        }
    };
    one("ln_gamma", ln_gamma, 1.0);
    one("digamma", digamma, 1.0);
    one("trigamma", trigamma, 0.0);
    one("trigamma_inverse", trigamma_inverse, 0.0);
    one("normal_upper", normal_upper, 0.0);
    for row in rows("/special/incomplete_beta") {
        let [lower, upper] = incomplete_beta(row[0], row[1], row[2], 1.0 - row[2]);
        // Of two that add up to one the greater is the difference.
        close(lower, row[3], if row[3] < 0.5 { 11 } else { 12 }, &row);
        close(upper, row[4], if row[4] < 0.5 { 11 } else { 12 }, &row);
    }
}

#[test]
fn outside_of_their_domain_functions_give_no_number() {
    for x in [-1.0, 0.0, f64::NAN] {
        assert!(ln_gamma(x).is_nan() && digamma(x).is_nan() && trigamma(x).is_nan() && trigamma_inverse(x).is_nan());
        assert!(Student { freedom: x }.upper(1.0).is_nan() && Student { freedom: x }.upper_quantile(0.1).is_nan());
        assert!(incomplete_beta(x, 1.0, 0.5, 0.5)[0].is_nan());
    }
    assert!(Student { freedom: 3.0 }.upper(f64::NAN).is_nan() && Student { freedom: 3.0 }.upper_quantile(f64::NAN).is_nan());
    assert_eq!(Student { freedom: 3.0 }.upper(f64::INFINITY), 0.0);
    assert_eq!(Student { freedom: 3.0 }.upper(f64::NEG_INFINITY), 1.0);
    assert_eq!(incomplete_beta(2.0, 3.0, 0.0, 1.0), [0.0, 1.0]);
    assert_eq!(incomplete_beta(2.0, 3.0, 1.0, 0.0), [1.0, 0.0]);
}

#[test]
fn students_t() {
    for row in rows("/student/upper") {
        close(Student { freedom: row[0] }.upper(row[1]), row[2], 12, &row);
    }
    for row in rows("/student/upper_quantile") {
        let ours = Student { freedom: row[0] }.upper_quantile(row[1]);
        assert!((ours - row[2]).abs() <= 1e-10 * row[2].abs().max(1e-3), "{row:?}: {ours}");
    }
    for row in rows("/student/normal_quantile") {
        close(Student { freedom: f64::INFINITY }.upper_quantile(row[0]), row[1], 12, &row);
        close(Student { freedom: 1e7 }.upper_quantile(row[0]), row[1], 5, &row);
    }
}

#[test]
fn false_discoveries() {
    let cases = oracle("/discovery");
    for case in cases.as_array().expect("cases") {
        let (p, q) = (numbers(&case["p"]), numbers(&case["q"]));
        for (ours, theirs) in adjusted(&p).iter().zip(&q) {
            close(*ours, *theirs, 14, &p);
        }
    }
    // Benjamini and Hochberg 1995, section 4.1: the first four are rejected, by Bonferroni's method three.
    let example = numbers(&cases[0]["p"]);
    assert_eq!(adjusted(&example).iter().filter(|&&q| q <= 0.05).count(), 4);
    assert_eq!(example.iter().filter(|&&p| p <= 0.05 / 15.0).count(), 3);
    assert_eq!(adjusted(&[]), Vec::<f64>::new());
    assert!(adjusted(&[0.01, f64::NAN])[1].is_nan());
    assert_eq!(adjusted(&[0.01, f64::NAN])[0], 0.02);
}

#[test]
fn moderated_variances() {
    for case in oracle("/moderation").as_array().expect("cases") {
        let (variances, freedom) = (numbers(&case["variances"]), case["freedom"].as_f64().expect("a number"));
        let prior = Prior::fit(&variances, freedom).expect("a fit");
        close(prior.variance, case["prior_variance"].as_f64().expect("a number"), 12, &case["name"]);
        match case["prior_freedom"].as_f64() {
            Some(theirs) => close(prior.freedom, theirs, 11, &case["name"]),
            None => assert!(prior.freedom.is_infinite(), "{}", case["name"]),
        }
        for (ours, theirs) in variances.iter().zip(numbers(&case["moderated"])) {
            close(prior.squeeze(*ours, freedom), theirs, 12, &case["name"]);
        }
    }
    assert_eq!(Prior::fit(&[], 4.0), None);
    assert_eq!(Prior::fit(&[f64::NAN], 4.0), None);
    assert_eq!(Prior::fit(&[0.1, 0.2], 0.0), None);
    // Of one row nothing is learnt.
    let alone = Prior::fit(&[0.3], 4.0).expect("one");
    assert_eq!((alone.freedom, alone.squeeze(0.3, 4.0), alone.total_freedom(4.0, 1)), (0.0, 0.3, 4.0));
    // Nor are moderated variances worth more than all rows.
    assert_eq!(Prior { freedom: f64::INFINITY, variance: 1.0 }.total_freedom(4.0, 10), 40.0);
    let none = Prior::fit(&[0.0, 0.0, 0.0], 4.0).expect("three");
    assert!(none.variance > 0.0 && none.squeeze(0.0, 4.0).is_finite(), "{none:?}");
}

#[test]
fn ranks_around_a_quantile() {
    for row in oracle("/rank_bounds/ranks").as_array().expect("rows") {
        let (n, p) = (row[0].as_u64().expect("a count"), row[1].as_f64().expect("a number"));
        let theirs = row[2].as_array().map(|r| Ranks { low: r[0].as_u64().expect("a rank"), high: r[1].as_u64().expect("a rank") });
        assert_eq!(ranks(n, p, 0.05), theirs, "{row}");
    }
    // The design's own: 1 000 values.
    assert_eq!(ranks(1_000, 0.95, 0.05), Some(Ranks { low: 936, high: 964 }));
    assert_eq!(ranks(1_000, 0.99, 0.05), Some(Ranks { low: 983, high: 997 }));
    for row in rows("/rank_bounds/least") {
        assert_eq!(least_values(row[0], 0.05).map(|n| n as f64), Some(row[1]), "{row:?}");
    }
    for (row, [k, n]) in counted("/rank_bounds/binomial") {
        let [lower, upper] = binomial(k, n, row[2]);
        close(lower, row[3], 10, &row);
        close(upper, row[4], 10, &row);
    }
    assert_eq!((ranks(0, 0.5, 0.05), least_values(1.0, 0.05), least_values(f64::NAN, 0.05)), (None, None, None));
}

#[test]
fn limits_of_a_share() {
    for (row, [hits, trials]) in counted("/proportions") {
        close(lower_limit(hits, trials, 0.05), row[2], 10, &row);
        close(upper_limit(hits, trials, 0.05), row[3], 10, &row);
    }
    // By hand: 1 − 0.05^(1/300).
    close(upper_limit(0, 300, 0.05), 0.009_936_081_944_5, 10, &"0 of 300");
    assert_eq!((upper_limit(0, 0, 0.05), upper_limit(5, 3, 0.05), lower_limit(0, 9, 0.05)), (1.0, 1.0, 0.0));
}

#[test]
fn ranks_of_two_samples() {
    for (part, digits) in [("/rank_sums/published", 12), ("/rank_sums/scipy", 11)] {
        for case in oracle(part).as_array().expect("cases") {
            let (first, second) = (numbers(&case[0]), numbers(&case[1]));
            let ours = rank_sum(&first, &second).expect("samples");
            close(ours.u, case[2].as_f64().expect("U"), 14, &part);
            close(ours.p, case[3].as_f64().expect("p"), digits, &(part, first.len(), second.len()));
        }
    }
    assert_eq!(rank_sum(&[], &[1.0]), None);
    assert_eq!(rank_sum(&[f64::NAN], &[1.0]), None);
    assert_eq!(rank_sum(&[1.0; 60], &[1.0; 60]).expect("samples").p, 1.0);
}
