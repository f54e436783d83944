//! Comparisons of runs made by hand: what each may rest on.

use super::facts::{Access, Shape};
use super::*;
use crate::units::Timestamp;
use crate::workload::{Measure, Rules};

fn print(name: &str) -> Fingerprint {
    Fingerprint::without_text(name)
}

/// 100 calls of 10 ms of a statement of one table.
fn shape(table: &str) -> Shape {
    let (calls, us) = (100, 10_000.0);
    Shape {
        tables: vec![table.to_owned()],
        verb: "select".to_owned(),
        works: true,
        calls,
        total: us * calls as f64,
        timed: calls,
        mean: Some(us),
        deviation: Some(0.0),
        p50: Some(us),
        p95: Some(us),
        ..Shape::default()
    }
}

/// A run that has a statement of each table, under the table's name.
fn run(path: &str, tables: &[&str]) -> Run {
    let mut run = Run { path: path.to_owned(), records: [1_000, 0], ..Run::default() };
    run.surroundings.has_log = true;
    run.shapes = tables.iter().map(|table| (print(table), shape(table))).collect();
    run
}

fn three(name: &str, tables: &[&str]) -> Vec<Run> {
    (1..=3).map(|n| run(&format!("{name}-{n}"), tables)).collect()
}

fn with(mut run: Run, table: &str, change: impl FnOnce(&mut Shape)) -> Run {
    let shape = run.shapes.entry(print(table)).or_insert_with(|| shape(table));
    change(shape);
    run
}

fn found(rule: &'static str, table: &str) -> Found {
    let (title, remedy) = (String::new(), String::new());
    Found { rule, statement: Some(print(table)), is_sure: true, is_severe: true, title, remedy }
}

fn of_rule<'c>(comparison: &'c Comparison, rule: &str) -> Vec<&'c Change> {
    comparison.changes.iter().filter(|change| change.rule == rule).collect()
}

/// One run of three with 100 blocks a call and one with 150: one against one shows nothing that three against three would.
#[test]
fn a_counter_that_only_some_runs_have_is_in_doubt() {
    let blocks = |mut runs: Vec<Run>, which: &[usize], blocks: u64| {
        for &at in which {
            runs[at] = with(runs[at].clone(), "orders", |shape| shape.blocks = Some(blocks * shape.calls));
        }
        runs
    };
    let told = |which: [&[usize]; 2]| {
        let comparison = compare(
            &blocks(three("base", &["users"]), which[0], 100),
            &blocks(three("cand", &["users"]), which[1], 150),
            &Policy::default(),
        );
        assert_eq!(comparison.reasons, []);
        of_rule(&comparison, "buffers-per-call").iter().map(|change| (change.verdict, change.level)).collect::<Vec<_>>()
    };
    assert_eq!(told([&[1], &[2]]), [(Judgement::Inconclusive, Level::Info)]);
    assert_eq!(told([&[0, 1, 2], &[0, 1, 2]]), [(Judgement::Regressed, Level::Error)]);
}

/// 10 of 20 calls are of a statement that the baseline lacks; only as a loop it is set apart.
#[test]
fn only_loops_are_set_apart_from_what_both_sides_do() {
    let base = [run("base", &["users"])];
    let judge = |rule: &'static str| {
        let mut cand = run("cand", &["users", "orders"]);
        cand.found.push(found(rule, "orders"));
        compare(&base, &[cand], &Policy::default()).reasons
    };
    assert_eq!(judge("n-plus-one"), []);
    assert_eq!(judge("select-star"), [Reason::Different { side: Side::Candidate, share: 0.5 }]);
}

#[test]
fn another_plan_is_no_regression_and_an_index_is_better() {
    let planned = |path: &str, id: u64, access: Option<Access>| {
        with(run(path, &["orders"]), "orders", |shape| {
            shape.plans.insert(id);
            shape.access.extend(access.map(|access| ("orders".to_owned(), access)));
        })
    };
    let whole = || Some(Access { is_whole: true, is_by_index: false });
    let by_index = || Some(Access { is_whole: false, is_by_index: true });
    for (before, after, verdict) in [
        (by_index(), whole(), Judgement::Regressed),
        (whole(), by_index(), Judgement::Improved),
        (whole(), whole(), Judgement::Inconclusive),
        (None, None, Judgement::Inconclusive),
    ] {
        let comparison = compare(&[planned("a", 1, before)], &[planned("b", 2, after)], &Policy::default());
        assert_eq!(of_rule(&comparison, "plan-shape").iter().map(|change| change.verdict).collect::<Vec<_>>(), [verdict]);
    }
}

#[test]
fn a_convoy_on_another_table_is_another() {
    let convoy = |path: &str, table: &str| {
        let mut run = run(path, &["orders", "sessions"]);
        run.found.push(found("lock-convoy", table));
        run
    };
    let told = |table: &str| {
        let comparison = compare(&[convoy("base", "sessions")], &[convoy("cand", table)], &Policy::default());
        of_rule(&comparison, "lock-convoy").len()
    };
    assert_eq!([told("sessions"), told("orders")], [0, 1]);
}

#[test]
fn settings_are_held_against_the_first_run_that_tells_them() {
    let set = |path: &str, value: Option<&str>| {
        let mut run = run(path, &["users"]);
        run.surroundings.settings = value.map(|value| ("work_mem".to_owned(), value.to_owned())).into_iter().collect();
        run
    };
    let reasons = compare(&[set("a", None), set("b", Some("4MB"))], &[set("c", Some("4MB")), set("d", Some("64MB"))], &Policy::default());
    let (run, other) = (("b".to_owned(), "4MB".to_owned()), ("d".to_owned(), "64MB".to_owned()));
    assert_eq!(reasons.reasons, [Reason::Setting { name: "work_mem".to_owned(), run, other }]);
}

#[test]
fn a_setting_of_several_values_within_a_run_cannot_be_compared() {
    let mut several = run("b", &["users"]);
    several.surroundings.several = ["random_page_cost", "application_name"].map(str::to_owned).into();
    let reasons = compare(&[run("a", &["users"])], &[several], &Policy::default()).reasons;
    assert_eq!(reasons, [Reason::Changed { run: "b".to_owned(), name: "random_page_cost".to_owned() }]);
}

#[test]
fn runs_that_were_folded_differently_cannot_be_compared() {
    let folded = |rules: Rules| compare(&[run("a", &["users"])], &[Run { rules, ..run("b", &["users"]) }], &Policy::default()).reasons;
    assert_eq!(folded(Rules { without_findings: true, ..Rules::default() }), []);
    let reasons = folded(Rules { measure: Measure::Execute, ..Rules::default() });
    assert!(matches!(&reasons[..], [Reason::Folded { why, .. }] if why.contains("executions")), "{reasons:?}");
}

/// Half of 100 calls waited a second each for a lock in the candidate: what the others took is what is compared.
#[test]
fn waits_for_locks_are_in_no_mean() {
    let all: Vec<String> = (0..6).map(|n| format!("t{n}")).collect();
    let tables: Vec<&str> = all.iter().map(String::as_str).collect();
    let waited = |run: Run| with(run, "t0", |shape| (shape.timed, shape.total) = (50, 50.0 * 10_000.0 + 50.0 * 1_010_000.0));
    let candidate: Vec<Run> = three("cand", &tables).into_iter().map(waited).collect();
    let base = three("base", &tables);
    let runs = times::runs(&Matched::of(&base, &candidate), true, &Policy::default());
    let sample = runs.statements.iter().flat_map(|statement| statement.runs.candidate.iter().flatten()).find(|sample| sample.calls == 50);
    assert_eq!(sample.map(|sample| sample.total_ms), Some(500.0));
}

fn tables(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("t{n}")).collect()
}

/// Three runs of six statements of 10 ms times a factor, at these times.
fn timed(name: &str, starts: [i64; 3], factor: f64) -> Vec<Run> {
    let all = tables(6);
    let runs = three(name, &all.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().zip(starts);
    let run = |(mut run, start): (Run, i64)| {
        run.window = Some((Timestamp(start * 100), Timestamp(start * 100 + 90)));
        for shape in run.shapes.values_mut() {
            let us = 10_000.0 * factor;
            (shape.total, shape.mean, shape.p50, shape.p95) = (us * 100.0, Some(us), Some(us), Some(us));
        }
        run
    };
    runs.map(run).collect()
}

fn global(level: Level) -> Policy {
    let mut policy = Policy { is_interleaved: true, ..Policy::default() };
    policy.limits.insert("global-shift".to_owned(), policy::Limit { level, relative: 0.0, absolute: 0.0 });
    policy
}

/// Whatever a gate does with warnings, a machine that is twice as slow fails nothing, unless the gate file says so of runs that
/// took turns.
#[test]
fn a_slower_machine_fails_only_if_it_is_asked_for() {
    let told = |policy: Policy| {
        let comparison = compare(&timed("base", [0, 2, 4], 1.0), &timed("cand", [1, 3, 5], 2.0), &policy);
        let shift = of_rule(&comparison, "global-shift")[0];
        (comparison.outcome, shift.level, shift.fails(&policy))
    };
    let warn = |policy: Policy| Policy { fail_on: Level::Warn, ..policy };
    assert_eq!(told(Policy::default()), (Outcome::Warn, Level::Warn, false));
    assert_eq!(told(warn(Policy::default())), (Outcome::Warn, Level::Warn, false));
    assert_eq!(told(warn(global(Level::Warn))), (Outcome::Warn, Level::Warn, false));
    assert_eq!(told(global(Level::Error)), (Outcome::Fail, Level::Error, true));
    let undeclared = Policy { is_interleaved: false, ..global(Level::Error) };
    assert_eq!(told(warn(undeclared)), (Outcome::Warn, Level::Warn, false));
}

/// The whole candidate takes twice as long; as an error only if the sides took turns.
#[test]
fn a_slower_run_is_an_error_only_if_the_sides_took_turns() {
    let level = |starts: [[i64; 3]; 2]| {
        let comparison = compare(&timed("base", starts[0], 1.0), &timed("cand", starts[1], 2.0), &global(Level::Error));
        of_rule(&comparison, "global-shift").iter().map(|change| change.level).collect::<Vec<_>>()
    };
    assert_eq!(level([[0, 2, 4], [1, 3, 5]]), [Level::Error]);
    assert_eq!(level([[0, 3, 4], [1, 2, 5]]), [Level::Error], "A B B A A B");
    assert_eq!(level([[0, 1, 2], [3, 4, 5]]), [Level::Warn], "one after the other");
    assert_eq!(level([[0, 2, 4], [0, 2, 4]]), [Level::Warn], "at the same time");
}

/// Of twelve statements one takes a fifth longer in every candidate run: a change, or of runs that did not take turns a busier hour,
/// unless it is longer by more than a quarter or a counter says so too.
#[test]
fn a_busier_hour_fails_nothing_of_runs_that_did_not_take_turns() {
    let all = tables(12);
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let runs = |name: &str, starts: [i64; 3], factor: f64, blocks: u64| {
        let run = |(run, start): (Run, i64)| {
            let window = Some((Timestamp(start * 100), Timestamp(start * 100 + 90)));
            let us = 10_000.0 * factor;
            let slow = |shape: &mut Shape| {
                (shape.mean, shape.p50, shape.p95, shape.blocks) = (Some(us), Some(us), Some(us), Some(blocks * shape.calls));
            };
            Run { window, ..with(run, "t0", slow) }
        };
        three(name, &names).into_iter().zip(starts).map(run).collect::<Vec<Run>>()
    };
    let told = |starts: [[i64; 3]; 2], factor: f64, blocks: u64| {
        let comparison = compare(&runs("base", starts[0], 1.0, 100), &runs("cand", starts[1], factor, blocks), &Policy::default());
        assert_eq!(comparison.reasons, []);
        let change = of_rule(&comparison, "latency").into_iter().find(|change| change.statement == Some(print("t0"))).expect("a test");
        (change.verdict, change.evidence.iter().any(|evidence| evidence.text.contains("did not take turns")))
    };
    let (turns, blocks) = ([[0, 2, 4], [1, 3, 5]], [[0, 1, 2], [3, 4, 5]]);
    assert_eq!(told(turns, 1.2, 100), (Judgement::Regressed, false));
    assert_eq!(told(blocks, 1.2, 100), (Judgement::Inconclusive, true));
    assert_eq!(told(blocks, 1.3, 100).0, Judgement::Regressed);
    assert_eq!(told(blocks, 1.2, 200).0, Judgement::Regressed, "a counter says so too");
}

/// Twelve statements of one table each, of which eight take twice as long: the median of all is one of these, that of the four
/// declared controls is not. With fewer controls than are needed the shift is that of all, and that is told.
#[test]
fn the_shift_is_that_of_the_controls() {
    let all = tables(12);
    let base = three("base", &all.iter().map(String::as_str).collect::<Vec<_>>());
    let twice = |shape: &mut Shape| (shape.mean, shape.p50, shape.p95) = (Some(20_000.0), Some(20_000.0), Some(20_000.0));
    let candidate: Vec<Run> = base.iter().cloned().map(|run| all[4..].iter().fold(run, |run, table| with(run, table, twice))).collect();
    let told = |controls: usize| {
        let controls = policy::Controls { tables: all[..controls].to_vec(), fingerprints: Vec::new() };
        let latency = latency::Options { min_controls: 4, ..latency::Options::default() };
        let comparison = compare(&base, &candidate, &Policy { controls, latency, ..Policy::default() });
        let worse = of_rule(&comparison, "latency").iter().filter(|change| change.verdict == Judgement::Regressed).count();
        (worse, comparison.shift.map(|shift| shift.round()), comparison.notes.iter().any(|note| note.contains("controls could be tested")))
    };
    assert_eq!(told(0), (0, Some(2.0), false));
    assert_eq!(told(3), (0, Some(2.0), true));
    assert_eq!(told(4), (8, Some(1.0), false));
}

/// One query for twenty rows became twenty queries, and so another statement. A new one that replaces nothing is only told.
#[test]
fn a_statement_that_is_called_more_often_than_the_one_it_replaces_is_a_loop() {
    assert_eq!(looped(("items", 20, Some(400)), ("items", 400, Some(400))), [(Level::Error, Some(print("each")), [20, 400])]);
    assert_eq!(looped(("items", 20, Some(400)), ("items", 22, Some(400))), []);
    assert_eq!(looped(("items", 400, Some(400)), ("items", 20, Some(400))), [], "fewer calls are no loop");
    assert_eq!(looped(("items", 20, Some(400)), ("orders", 400, Some(400))), [], "it replaces nothing");
    assert_eq!(looped(("items", 20, Some(100)), ("items", 400, Some(400))), [], "four calls for a row are another thing");
    // However many they are: the runs are those of one suite all the same.
    assert_eq!(looped(("items", 200, Some(4_000)), ("items", 4_000, Some(4_000))).len(), 1);
    // Where nobody knows rows the twenty transactions are told: 20 calls in each.
    assert_eq!(looped(("items", 20, None), ("items", 400, None)).len(), 1);
}

/// Calls of a statement that replaces another, in twenty units of work, and what is told of it.
fn looped(gone: (&str, u64, Option<u64>), new: (&str, u64, Option<u64>)) -> Vec<(Level, Option<Fingerprint>, [u64; 2])> {
    let others = ["a", "b", "c", "d", "e", "f"];
    let called = |path: &str, table: &str, (on, calls, rows): (&str, u64, Option<u64>)| {
        let run = others.iter().fold(run(path, &[]), |run, table| with(run, table, |shape| shape.calls = 1_000));
        with(run, table, |shape| {
            (shape.calls, shape.rows, shape.units, shape.tables) = (calls, rows, Some(20), vec![on.to_owned()]);
        })
    };
    let comparison = compare(&[called("a", "all", gone)], &[called("b", "each", new)], &Policy::default());
    assert_eq!(comparison.reasons, []);
    of_rule(&comparison, "calls-per-unit").iter().map(|change| (change.level, change.statement, change.calls)).collect()
}

/// A new statement of 500 calls a run, in as many units of work as it has calls or in few, and one of 1 000 calls that does the rest:
/// if that lost as many, they have moved; if it lost 200 for another reason, 300 are left; and a page of its own is no loop.
#[test]
fn what_only_moved_and_what_is_merely_new_is_no_loop() {
    let others = ["a", "b", "c", "d", "e", "f"];
    let of = |path: &str, table: &str, [calls, kept, units]: [u64; 3]| {
        let run = others.iter().fold(run(path, &[]), |run, table| with(run, table, |shape| shape.calls = 1_000));
        let on_items = |run: Run, table: &str, calls: u64, units: u64| {
            with(run, table, |shape| {
                (shape.calls, shape.units, shape.tables) = (calls, Some(units), vec!["items".to_owned()]);
            })
        };
        on_items(on_items(run, "both", kept, kept), table, calls, units)
    };
    let is_held = |kept: u64, units: u64| {
        let (base, candidate) = (of("a", "all", [1, 1_000, 1]), of("b", "each", [500, kept, units]));
        of_rule(&compare(&[base], &[candidate], &Policy::default()), "calls-per-unit").iter().any(|c| c.statement == Some(print("each")))
    };
    assert!(is_held(1_000, 20));
    assert!(!is_held(500, 20), "the calls moved");
    assert!(is_held(700, 20), "not all of them did");
    assert!(!is_held(1_000, 500), "one call in each request");
}

/// A filter that no statement matches judges nothing, and so passes nothing.
#[test]
fn only_what_matches_the_filter_is_judged() {
    let more = |run: Run| {
        ["users", "orders"].iter().fold(run, |run, table| with(run, table, |shape| (shape.rows, shape.calls) = (Some(900), 100)))
    };
    let few = |run: Run| {
        ["users", "orders"].iter().fold(run, |run, table| {
            with(run, table, |shape| {
                (shape.rows, shape.text) = (Some(100), format!("select * from {table}"));
            })
        })
    };
    let judged = |filter: &str| {
        let policy = Policy { filter: Some(regex::Regex::new(filter).expect("an expression")), ..Policy::default() };
        let comparison = compare(&[few(run("a", &[]))], &[few(run("b", &[]))].map(more), &policy);
        (of_rule(&comparison, "rows-per-call").len(), comparison.reasons)
    };
    assert_eq!(judged("from"), (2, Vec::new()));
    assert_eq!(judged("orders$"), (1, Vec::new()));
    assert_eq!(judged("nothing"), (0, vec![Reason::NothingJudged]));
}

/// Of four waivers that match nothing those are told that could have matched: not that of a statement outside the filter, nor one of
/// all statements, nor one of a rule that is off.
#[test]
fn a_waiver_of_what_is_not_looked_at_is_not_told_as_unused() {
    let named = |path: &str| ["users", "orders"].iter().fold(run(path, &[]), |run, t| with(run, t, |shape| shape.text = (*t).to_owned()));
    let unused = |filter: Option<&str>| {
        let waiver = |rule: &str, table: Option<&str>| policy::Waiver {
            rule: Some(rule.to_owned()),
            fingerprint: None,
            table: table.map(str::to_owned),
            reason: "known".to_owned(),
            expires: "2099-01-01".to_owned(),
            is_over: false,
        };
        let filter = filter.map(|filter| regex::Regex::new(filter).expect("an expression"));
        let waivers = ["users", "orders", "gone"].map(|table| waiver("rows-per-call", Some(table))).to_vec();
        let mut policy =
            Policy { filter, waivers: [waivers, vec![waiver("temp-blocks", None), waiver("errors", None)]].concat(), ..Policy::default() };
        policy.switch_off("errors");
        let comparison = compare(&[named("a")], &[named("b")], &policy);
        assert_eq!(comparison.reasons, []);
        comparison.unused.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let of = |table: &str| format!("rule rows-per-call, table {table}");
    assert_eq!(unused(None), [of("users"), of("orders"), of("gone"), "rule temp-blocks".to_owned()]);
    assert_eq!(unused(Some("users")), [of("users"), of("gone")]);
}

/// What is tested outside the filter is no test of what is within.
#[test]
fn where_only_others_were_tested_there_is_doubt() {
    let named = |run: Run, table: &str, calls: u64| {
        with(run, table, |shape| (shape.calls, shape.timed, shape.text) = (calls, calls, table.to_owned()))
    };
    let of = |name: &str| three(name, &[]).into_iter().map(|run| named(named(run, "users", 100), "orders", 5)).collect::<Vec<_>>();
    let doubts = |filter: &str| {
        let filter = Some(regex::Regex::new(filter).expect("an expression"));
        let comparison = compare(&of("a"), &of("b"), &Policy { filter, on_inconclusive: policy::Doubt::Fails, ..Policy::default() });
        assert_eq!(comparison.reasons, []);
        comparison.changes.iter().any(|change| change.title.contains("no statement could be tested"))
    };
    assert_eq!([doubts("users"), doubts("orders")], [false, true]);
}

#[test]
fn counters_without_a_base_are_no_run() {
    let mut without = run("b", &["users"]);
    (without.surroundings.has_log, without.surroundings.has_counters, without.surroundings.without_base) = (false, true, 2);
    let mut base = run("a", &["users"]);
    (base.surroundings.has_log, base.surroundings.has_counters) = (false, true);
    let reasons = compare(&[base], &[without], &Policy::default()).reasons;
    assert_eq!(reasons[..1], [Reason::WithoutBase { run: "b".to_owned(), entries: 2 }]);
}

/// A budget on calls in a unit of work is not met by a log that has only some of the calls.
#[test]
fn a_sample_keeps_no_limit_on_calls() {
    use super::objectives::{Budget, Matcher, Statistic};
    let verdict = |is_sampled: bool| {
        let one = |path: &str| {
            let mut run = with(run(path, &["users"]), "users", |shape| shape.units = Some(100));
            run.surroundings.is_sampled = is_sampled;
            run
        };
        let budget = Budget { name: "b".to_owned(), matcher: Matcher::default(), statistic: Statistic::CallsPerUnit, limit: 2.0 };
        let comparison = compare(&[one("a")], &[one("b")], &Policy { budgets: vec![budget], ..Policy::default() });
        of_rule(&comparison, "budget").iter().map(|change| change.verdict).collect::<Vec<_>>()
    };
    assert_eq!([verdict(false), verdict(true)], [[Judgement::Ok], [Judgement::Inconclusive]]);
}
