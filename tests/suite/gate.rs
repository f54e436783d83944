//! Comparisons as people call them: every verdict by a pair of small runs, the numbers in it by hand, and every place it is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use laggard::compare::{Policy, Run, compare};
use laggard::report::Style;
use laggard::report::gate::{self, ChangeLine, GateReport, RunLine};
use serde_json::Value;
use tempfile::TempDir;

/// What became of a command.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// The program in a folder, with nothing of this environment but `variables`.
fn laggard_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").envs(variables.iter().copied()).current_dir(folder).args(arguments);
    let output = command.output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn laggard(folder: &Path, arguments: &[&str]) -> Ran {
    laggard_with(folder, arguments, &[])
}

fn runs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gate")
}

/// The arguments that name runs: `a1` is a log, `dearer` with an apostrophe before it a pair of snapshots.
fn named(names: &[&str]) -> Vec<String> {
    let name = |name: &&str| match name.strip_prefix('\'') {
        Some(pair) => format!("{pair}-before.csv,{pair}-after.csv"),
        None => format!("{name}.log.gz"),
    };
    names.iter().map(name).collect()
}

fn arguments<'a>(command: &'a str, baseline: &'a [String], candidate: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![command, "-q", "--baseline"];
    all.extend(baseline.iter().map(String::as_str));
    all.push("--candidate");
    all.extend(candidate.iter().map(String::as_str));
    all.extend(more);
    all
}

/// `gate` of runs of the fixtures, as JSON.
fn gated(baseline: &[&str], candidate: &[&str], more: &[&str]) -> (Option<i32>, Value) {
    let (baseline, candidate) = (named(baseline), named(candidate));
    let ran = laggard(&runs(), &arguments("gate", &baseline, &candidate, &[&["--format", "json"], more].concat()));
    (ran.code, ran.json())
}

/// Changes that speak against the candidate, each as level, rule and verdict.
fn against(document: &Value) -> Vec<String> {
    let text = |change: &Value, key: &str| change[key].as_str().expect("a text").to_owned();
    let changes = document["changes"].as_array().expect("changes").iter();
    let counts = changes.filter(|change| ["regressed", "new", "gone"].contains(&change["verdict"].as_str().expect("a verdict")));
    counts.map(|change| format!("{} {}", text(change, "level"), text(change, "rule"))).collect()
}

const A: [&str; 3] = ["a1", "a2", "a3"];

#[test]
fn every_verdict_and_its_reason() {
    let slower: &[&str] = &["slower-1", "slower-2", "slower-3"];
    let busy: &[&str] = &["busy-1", "busy-2", "busy-3"];
    let none: &[&str] = &[];
    for (baseline, candidate, verdict, code, expected) in [
        (&A[..], &["same"][..], "pass", 0, none),
        (&["a1"], &["a2"], "pass", 0, none),
        (&A, slower, "fail", 1, &["error latency", "error latency-tail"]),
        (&A, busy, "warn", 0, &["warn global-shift"]),
        (&A, &["faster-1", "faster-2", "faster-3"], "pass", 0, none),
        // 1.6 times with one run on either side may be anything.
        (&["a3"], &["slower-1"], "pass", 0, none),
        (&A, &["loop"], "fail", 1, &["error calls-per-unit", "error n-plus-one"]),
        (&["a1"], &["loop"], "fail", 1, &["error calls-per-unit", "error n-plus-one"]),
        (&A, &["traffic"], "pass", 0, none),
        (&["a1"], &["traffic"], "pass", 0, none),
        (&A, &["new-and-gone"], "warn", 0, &["warn new-shape", "warn removed-shape"]),
        (&A, &["timeouts"], "fail", 1, &["error errors"]),
        (&["'counted"], &["'dearer"], "fail", 1, &["error buffers-per-call"]),
        (&["'counted"], &["'spills"], "fail", 1, &["error temp-blocks"]),
        (&["'counted"], &["'more-rows"], "fail", 1, &["error rows-per-call"]),
        (&["'counted"], &["'more-wal"], "warn", 0, &["warn wal-records"]),
        (&["'counted"], &["'looped"], "fail", 1, &["error calls-per-unit"]),
        (&["'dearer"], &["'counted"], "pass", 0, none),
    ] {
        let (exit, document) = gated(baseline, candidate, &["--no-gate"]);
        let what = format!("{baseline:?} against {candidate:?}: {document:#}");
        assert_eq!(
            (document["verdict"].as_str(), exit, document["exit_code"].as_i64()),
            (Some(verdict), Some(code), Some(i64::from(code))),
            "{what}"
        );
        assert_eq!(against(&document), expected, "{what}");
        assert_eq!(document["reasons"], serde_json::json!([]), "{what}");
    }
}

#[test]
fn what_cannot_be_compared_is_3_and_says_why() {
    for (baseline, candidate, words) in [
        (&A[..], &["garbled"][..], "10 of 650 records were not understood"),
        (&A, &["other"], "no statement is on both sides"),
        (&A, &["empty"], "there are no calls in it"),
        (&["empty"], &["a1"], "there are no calls in it"),
        (&["a1"], &["'counted"], "a1.log.gz is a log, and counted-before.csv,counted-after.csv is counters"),
        (&["'counted"], &["'reset"], "6 counters began anew"),
        (&A, &["same", "a2"], "a2.log.gz is named twice"),
        (&["a1", "a1", "a1"], &["a2"], "a1.log.gz is named twice"),
        (&["'counted"], &["'counted"], "is named twice"),
    ] {
        for command in ["gate", "compare"] {
            let (before, after) = (named(baseline), named(candidate));
            let ran = laggard(&runs(), &arguments(command, &before, &after, &["--format", "json"]));
            let document = ran.json();
            assert_eq!((ran.code, &document["verdict"]), (Some(3), &"not-comparable".into()), "{baseline:?} against {candidate:?}");
            let reasons = document["reasons"].to_string();
            assert!(reasons.contains(words), "{reasons}");
            assert_eq!(document["changes"], serde_json::json!([]));
        }
    }
    let alone = laggard(&runs(), &["gate", "-q", "--baseline", "counted-after.csv", "--candidate", "dearer-after.csv"]);
    assert_eq!(alone.code, Some(3), "{}", alone.stdout);
    assert!(alone.stdout.contains("one snapshot is no run"), "{}", alone.stdout);
}

#[test]
fn what_cannot_be_read_is_2_and_never_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fs::read(runs().join("a1.log.gz")).expect("a fixture");
    fs::write(folder.path().join("cut.log.gz"), &whole[..whole.len() / 2]).expect("written");
    fs::write(folder.path().join("a.log.gz"), &whole).expect("written");
    for arguments in [
        &["gate", "-q", "--baseline", "a.log.gz", "--candidate", "cut.log.gz"][..],
        &["gate", "-q", "--baseline", "a.log.gz", "--candidate", "none.log"],
        &["compare", "-q", "--baseline", "cut.log.gz", "--candidate", "a.log.gz"],
    ] {
        let ran = laggard(folder.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.starts_with("not-comparable"), "{arguments:?}: {}", ran.stdout);
    }
    for arguments in [
        &["gate", "--baseline", "a.log.gz"][..],
        &["gate", "--candidate", "a.log.gz"],
        &["gate", "--baseline", "a.log.gz", "--candidate", "a.log.gz", "--format", "yaml"],
        &["gate", "--baseline", "a.log.gz", "--candidate", "a.log.gz", "--format", "json", "--format", "junit"],
        &["gate", "--baseline", "a.log.gz", "--candidate", "a.log.gz", "-o", "a.log.gz"],
        &["gate", "--baseline", "a.log.gz", "--candidate", "a.log.gz", "--format", "junit=a.log.gz"],
        &["gate", "--baseline", "a.log.gz", "--candidate", "postgres://u@h/d"],
    ] {
        let ran = laggard(folder.path(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
    assert_eq!(fs::read(folder.path().join("a.log.gz")).expect("there"), whole, "an input is never written to");
}

/// The only change of a metric that speaks against the candidate.
fn change<'d>(document: &'d Value, metric: &str) -> &'d Value {
    let changes = document["changes"].as_array().expect("changes");
    changes.iter().find(|change| change["metric"] == metric && change["verdict"] == "regressed").unwrap_or_else(|| panic!("{document:#}"))
}

#[test]
fn counters_are_those_of_the_run_by_hand() {
    // 100 calls before the run at 4 blocks each; 64 in it at 1700: (109200 − 400) / 64.
    let (_, document) = gated(&["'counted"], &["'dearer"], &["--no-gate"]);
    let buffers = change(&document, "buffers");
    assert_eq!((&buffers["baseline"], &buffers["candidate"], &buffers["ratio"]), (&4.0.into(), &1_700.0.into(), &425.0.into()));
    assert_eq!((&buffers["n"], &buffers["k"]), (&serde_json::json!([64, 64]), &serde_json::json!([1, 1])));
    assert!(buffers["text"].as_str().is_some_and(|text| text.starts_with("select id, status from orders")));
    // Three lines of each of 64 requests, and twelve; 3 runs against 1.
    let (_, document) = gated(&A, &["loop"], &["--no-gate"]);
    let calls = change(&document, "calls");
    assert_eq!((&calls["baseline"], &calls["candidate"], &calls["ratio"]), (&192.0.into(), &768.0.into(), &4.0.into()));
    assert_eq!((&calls["n"], &calls["k"]), (&serde_json::json!([576, 768]), &serde_json::json!([3, 1])));
    assert!(calls["evidence"].to_string().contains("calls in a request or transaction: 3 → 12"), "{calls:#}");
    // 6 and not 3 records: 64 calls.
    let (_, document) = gated(&["'counted"], &["'more-wal"], &["--no-gate"]);
    assert_eq!((&change(&document, "wal")["baseline"], &change(&document, "wal")["candidate"]), (&3.0.into(), &6.0.into()));
}

#[test]
fn a_slower_statement_is_told_beyond_what_the_whole_run_did() {
    let (_, document) = gated(&A, &["slower-1", "slower-2", "slower-3"], &["--no-gate"]);
    let latency = change(&document, "latency");
    // Made 1.6 times as slow, in runs that are 1.02, 1.04 and 1.06 times as slow as a whole.
    let ratio = latency["ratio"].as_f64().expect("a ratio");
    let within = |low: f64, high: f64| move |value: f64| low < value && value < high;
    assert!(within(1.5, 1.7)(ratio), "{ratio}");
    let (low, high) = (latency["ci"][0].as_f64().expect("a bound"), latency["ci"][1].as_f64().expect("a bound"));
    assert!(low < ratio && ratio < high && low > 1.1, "{low} {ratio} {high}");
    assert!(latency["q"].as_f64().is_some_and(|q| q < 0.05) && latency["mde"].as_f64().is_some_and(within(1.1, 1.6)), "{latency:#}");
    assert!(document["global_shift"].as_f64().is_some_and(within(0.98, 1.1)), "{document:#}");
}

#[test]
fn compare_tells_the_same_and_never_fails() {
    let (baseline, candidate) = (named(&A), named(&["slower-1", "slower-2", "slower-3"]));
    let ran = laggard(&runs(), &arguments("compare", &baseline, &candidate, &[]));
    assert_eq!(ran.code, Some(0));
    for fact in
        ["fail: 2 errors (3 candidate runs against 3 baseline runs)", "latency before and after", "██", "1.6", "next: laggard explain "]
    {
        assert!(ran.stdout.contains(fact), "{fact} is missing:\n{}", ran.stdout);
    }
    let ascii = laggard(&runs(), &arguments("compare", &baseline, &candidate, &["--ascii"]));
    assert!(ascii.stdout.is_ascii() && ascii.stdout.contains("####"), "{}", ascii.stdout);
}

/// A folder with a gate file in it, that `.git` makes the root of a repository.
fn project(gate_file: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join(".git")).expect("made");
    fs::create_dir_all(folder.path().join("deep/below")).expect("made");
    fs::write(folder.path().join("gate.toml"), gate_file).expect("written");
    folder
}

/// `gate` of runs of the fixtures from a folder of a project.
fn gated_in(folder: &Path, candidate: &str, more: &[&str]) -> Ran {
    let at = |name: &str| runs().join(format!("{name}.log.gz")).display().to_string();
    laggard(folder, &arguments("gate", &A.map(at), &[at(candidate)], more))
}

#[test]
fn the_gate_file_is_found_upwards_and_flags_win() {
    let folder = project("schema = 1\n[gate]\nfail_on = \"warn\"\n");
    let below = folder.path().join("deep/below");
    assert_eq!(gated_in(&below, "new-and-gone", &[]).code, Some(1));
    assert_eq!(gated_in(&below, "new-and-gone", &["--no-gate"]).code, Some(0));
    assert_eq!(gated_in(&below, "new-and-gone", &["--fail-on", "error"]).code, Some(0));
    assert_eq!(gated_in(&below, "loop", &["--fail-on", "never"]).code, Some(0));
    assert_eq!(gated_in(&below, "loop", &["--exit-zero"]).code, Some(0));
    let named = gated_in(&below, "new-and-gone", &["--gate", "../../none.toml"]);
    assert_eq!(named.code, Some(2));
    let doubtful = |how: &str| gated_in(&below, "same", &["--fail-on", "error", "--on-inconclusive", how]).code;
    assert_eq!((doubtful("pass"), doubtful("fail")), (Some(0), Some(1)));
}

/// What is left out is not judged, what is misspelt ends the command, and a filter that matches nothing passes nothing.
#[test]
fn rules_and_statements_are_chosen() {
    let folder = project("");
    let rules = |more: &[&str]| {
        let ran = gated_in(folder.path(), "loop", &[more, &["--format", "json"]].concat());
        (ran.code, if ran.stdout.is_empty() { Vec::new() } else { against(&ran.json()) })
    };
    let (code, all) = rules(&[]);
    assert_eq!((code, all.contains(&"error calls-per-unit".to_owned())), (Some(1), true), "{all:?}");
    assert_eq!(rules(&["--include", "temp-blocks", "--include", "latency"]), (Some(0), Vec::new()));
    assert_eq!(rules(&["--include", "calls-per-unit"]), (Some(1), vec!["error calls-per-unit".to_owned()]));
    let without: Vec<&str> = all.iter().flat_map(|told| ["--exclude", told.split(' ').nth(1).expect("a rule")]).collect();
    assert_eq!(rules(&without), (Some(0), Vec::new()));
    let wrong = gated_in(folder.path(), "loop", &["--exclude", "calls-per-unti"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("did you mean calls-per-unit?"), "{}", wrong.stderr);
    let nothing = gated_in(folder.path(), "loop", &["--include", "latency", "--exclude", "latency"]);
    assert!(nothing.code == Some(2) && nothing.stderr.contains("leave no rule"), "{}", nothing.stderr);
    assert_eq!(gated_in(folder.path(), "loop", &["--filter", "("]).code, Some(2));
    assert_eq!(rules(&["--filter", "^no such statement"]).0, Some(3));
    assert_eq!(rules(&["--filter", "count[(]"]), (Some(0), Vec::new()));
}

/// `compare` knows the gate file as `gate` does, and fails all the same by nothing.
#[test]
fn compare_reads_the_gate_file() {
    let folder = project("[rules]\ncalls-per-unit = \"off\"\nn-plus-one = \"off\"\n");
    let at = |name: &str| runs().join(format!("{name}.log.gz")).display().to_string();
    let told = |more: &[&str]| {
        let ran = laggard(folder.path(), &arguments("compare", &A.map(at), &[at("loop")], &[&["--format", "json"], more].concat()));
        (ran.code, against(&ran.json()).contains(&"error calls-per-unit".to_owned()))
    };
    assert_eq!(told(&[]), (Some(0), false));
    assert_eq!(told(&["--no-gate"]), (Some(0), true));
}

/// A log whose statements tell where they come from, as Rails does: SARIF, GitLab and annotations point there, and at the gate file
/// for a path that is none of the project's.
#[test]
fn changes_are_told_where_the_statement_stands() {
    let folder = project("");
    let log = |name: &str, took: u32, file: &str| {
        let call = |second: u32, n: u32| {
            let from = if n == 0 { file.to_owned() } else { format!("app/models/m{n}.rb:{n}") };
            let ms = if n == 0 { took } else { 10 };
            format!(
                "2026-11-20 09:{:02}:{:02}.{n}00 UTC [7] a@shop LOG:  duration: {ms}.000 ms  statement: SELECT * FROM t{n} WHERE id = {second} /*source_location='{from}'*/\n",
                second / 60,
                second % 60
            )
        };
        let text: String = (0..100).flat_map(|second| (0..8).map(move |n| (second, n))).map(|(second, n)| call(second, n)).collect();
        fs::write(folder.path().join(name), text.replace("09:", if name.starts_with('a') { "09:" } else { "10:" })).expect("written");
    };
    for (file, path, line) in [("app/models/user.rb:12", "app/models/user.rb", 12), ("../../etc/passwd.rb:3", "gate.toml", 1)] {
        log("a.log", 10, file);
        log("b.log", 90, file);
        let names = [["a.log".to_owned()], ["b.log".to_owned()]];
        let all = arguments("gate", &names[0], &names[1], &["--format", "sarif", "--format", "gitlab=q.json", "--format", "github=c.txt"]);
        let ran = laggard(folder.path(), &all);
        assert_eq!(ran.code, Some(1), "{} {}", ran.stdout, ran.stderr);
        let place = &ran.json()["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        let said = (place["artifactLocation"]["uri"].as_str().expect("a path"), place["region"]["startLine"].as_u64());
        assert!(said.0.ends_with(path) && said.1 == Some(line), "{place}");
        let issues: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("q.json")).expect("written")).expect("JSON");
        assert_eq!(
            (issues[0]["location"]["path"].as_str().map(|told| told.ends_with(path)), issues[0]["location"]["lines"]["begin"].as_u64()),
            (Some(true), Some(line))
        );
        let commands = fs::read_to_string(folder.path().join("c.txt")).expect("written");
        assert_eq!(commands.contains(&format!("::error file={path},line={line},title=")), line > 1, "{commands}");
    }
}

#[test]
fn what_the_gate_file_does_not_know_ends_the_command() {
    let folder = project("[gate]\nfail_om = \"warn\"\n");
    let ran = gated_in(folder.path(), "same", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("gate.toml:2:1: ") && ran.stderr.contains("did you mean fail_on?"), "{}", ran.stderr);
}

#[test]
fn an_ignore_holds_until_it_is_over_and_one_that_matches_nothing_is_told() {
    let ignore = |rule: &str, expires: &str| format!("[[ignore]]\nrule = \"{rule}\"\nreason = \"OPS-7 known\"\nexpires = {expires}\n");
    let both = |expires: &str| format!("{}{}", ignore("calls-per-unit", expires), ignore("n-plus-one", expires));
    let holds = project(&both("2999-12-31"));
    let ran = gated_in(holds.path(), "loop", &["--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let document = ran.json();
    assert_eq!(change(&document, "calls")["suppressed"], serde_json::json!({"reason": "OPS-7 known", "expires": "2999-12-31"}));
    assert_eq!(document["verdict"], "pass");
    let over = project(&both("2020-01-31"));
    let ran = gated_in(over.path(), "loop", &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("it was to be ignored until 2020-01-31: OPS-7 known"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the time of an ignore is over"), "{}", ran.stdout);
    let unused = project(&ignore("temp-blocks", "2999-12-31"));
    let ran = gated_in(unused.path(), "same", &[]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.contains("an ignore matches nothing: rule temp-blocks (OPS-7 known)"), "{}", ran.stdout);
}

#[test]
fn budgets_are_kept_missed_or_in_doubt() {
    let budget = |limits: &str| {
        project(&format!("[[budget]]\nname = \"report\"\nmatch = {{ table = \"orders\", text = \"count\\\\(\" }}\n{limits}\n"))
    };
    // The report takes 20 ms in the middle, and 32 ms at the 95th percentile; 64 calls.
    for (limits, candidate, code, verdict) in [
        ("p50 = \"< 100ms\"", "same", 0, "ok"),
        ("p50 = \"< 5ms\"", "same", 1, "regressed"),
        ("max = \"< 5ms\"", "same", 1, "regressed"),
        ("p99 = \"< 10s\"", "same", 0, "inconclusive"),
        ("calls_per_unit = \"<= 1\"", "same", 0, "ok"),
    ] {
        let folder = budget(limits);
        let ran = gated_in(folder.path(), candidate, &["--format", "json"]);
        assert_eq!(ran.code, Some(code), "{limits}: {}", ran.stdout);
        let document = ran.json();
        let changes = document["changes"].as_array().expect("changes");
        let verdicts: Vec<&Value> = changes.iter().filter(|change| change["rule"] == "budget").map(|change| &change["verdict"]).collect();
        assert_eq!(verdicts, [verdict], "{limits}");
    }
    let astray = project("[[budget]]\nmatch = { table = \"planets\" }\np95 = \"< 1s\"\n");
    let ran = gated_in(astray.path(), "same", &["--format", "json", "--on-inconclusive", "fail"]);
    assert!(ran.json()["changes"].to_string().contains("this limit is for no statement of the candidate"), "{}", ran.stdout);
    assert_eq!(ran.code, Some(1));
    let shown = gated_in(astray.path(), "same", &[]);
    assert!(shown.stdout.contains("this limit is for no statement of the candidate"), "{}", shown.stdout);
}

#[test]
fn critical_tables_and_levels_decide() {
    let folder = project("[tables]\ncritical = [\"public.exports\"]\n");
    let ran = gated_in(folder.path(), "new-and-gone", &["--format", "json"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(against(&ran.json()), ["error new-shape", "warn removed-shape"]);
    let folder = project("[rules]\ncalls-per-unit = { rel = \"400%\" }\nn-plus-one = \"off\"\n");
    assert_eq!(gated_in(folder.path(), "loop", &[]).code, Some(0));
}

/// What a migration did to others gates by what it cost them: a wait of a second for the lock of a whole table is an
/// error.
#[test]
fn what_a_migration_did_to_others_is_told() {
    let folder = TempDir::new().expect("a folder");
    let run = folder.path().join("migrated");
    fs::create_dir(&run).expect("a folder");
    fs::copy(runs().join("same.log.gz"), run.join("same.log.gz")).expect("is there");
    let hit = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules/access-exclusive-wait/hit-behind-reader.log");
    fs::copy(hit, run.join("migration.log")).expect("is there");
    let candidate = [run.to_string_lossy().into_owned()];
    let ran = laggard(&runs(), &arguments("gate", &named(&A), &candidate, &["--format", "json"]));
    assert_eq!(ran.code, Some(1), "{} {}", ran.stdout, ran.stderr);
    assert!(against(&ran.json()).contains(&"error access-exclusive-wait".to_owned()), "{}", ran.stdout);
    let (_, document) = gated(&A, &["same"], &[]);
    assert!(!document.to_string().contains("access-exclusive-wait"), "{document}");
}

#[test]
fn every_format_is_written_before_a_failure_ends_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = [
        "--format",
        "json",
        "--format",
        "junit=out.xml",
        "--format",
        "gitlab=quality.json",
        "--format",
        "github=commands.txt",
        "-o",
        "out.sarif",
        "-o",
        "out.md",
        "-o",
        "out.txt",
    ];
    let ran = gated_in(folder.path(), "loop", &more);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.json()["schema"], "laggard.gate/1");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read("out.txt").starts_with("fail: 2 errors"));
    assert!(read("out.md").starts_with("### laggard: fail: 2 errors"));
    let quality: Value = serde_json::from_str(&read("quality.json")).expect("JSON");
    let prints: Vec<&str> = quality.as_array().expect("an array").iter().filter_map(|issue| issue["fingerprint"].as_str()).collect();
    assert!(prints.len() == 2 && prints[0] != prints[1], "{quality:#}");
    let sarif: Value = serde_json::from_str(&read("out.sarif")).expect("JSON");
    assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(2));
    assert_eq!(read("commands.txt").lines().filter(|line| line.starts_with("::error title=laggard ")).count(), 2);
    assert_eq!(failures(&read("out.xml")), ["calls-per-unit", "n-plus-one"]);
}

/// What a dashboard shows as failed is what the exit code failed for.
#[test]
fn every_format_fails_for_what_the_gate_fails_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let places =
        ["--no-gate", "--format", "json", "--format", "junit=out.xml", "--format", "github=commands.txt", "--format", "gitlab=q.json"];
    let told = |candidate: &str, more: &[&str]| {
        let ran = gated_in(folder.path(), candidate, &[&places[..], more].concat());
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("written");
        let errors = read("commands.txt").lines().filter(|line| line.starts_with("::error ")).count();
        (ran.code, failures(&read("out.xml")), errors, read("q.json").matches("\"critical\"").count())
    };
    let both = || vec!["new-shape".to_owned(), "removed-shape".to_owned()];
    assert_eq!(told("new-and-gone", &[]), (Some(0), Vec::new(), 0, 0));
    assert_eq!(told("new-and-gone", &["--fail-on", "warn"]), (Some(1), both(), 2, 2));
    assert_eq!(told("loop", &["--fail-on", "never"]), (Some(0), Vec::new(), 0, 0));
    let (code, failed, errors, critical) = told("same", &["--on-inconclusive", "fail"]);
    assert_eq!(code, Some(1));
    assert!(!failed.is_empty() && failed.len() == errors && errors == critical, "{failed:?} {errors} {critical}");
}

#[test]
fn a_place_that_cannot_be_written_to_keeps_nothing_from_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| runs().join(format!("{name}.log.gz")).display().to_string();
    let (baseline, candidate) = (A.map(at), [at("loop")]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("GITHUB_STEP_SUMMARY", "summary.md").current_dir(folder.path()).stdout(writer);
    let status = command.args(arguments("gate", &baseline, &candidate, &["--format", "junit=out.xml"])).status().expect("runs");
    assert_eq!(status.code(), Some(1), "whoever stops reading changes no verdict");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(failures(&read("out.xml")), ["calls-per-unit", "n-plus-one"]);
    assert!(read("summary.md").starts_with("### laggard: fail"));
    let ran = gated_in(folder.path(), "loop", &["-o", "none/out.md", "-o", "out.sarif"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("none/out.md: ") && read("out.sarif").contains("n-plus-one"), "{}", ran.stderr);
}

#[test]
fn a_part_of_a_folder_that_is_not_read_passes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    fs::create_dir(&run).expect("made");
    fs::copy(runs().join("same.log.gz"), run.join("pg.log.gz")).expect("copied");
    fs::write(run.join("notes.md"), "what was done").expect("written");
    let candidate = [run.display().to_string()];
    let gated = || {
        let at = |name: &str| runs().join(format!("{name}.log.gz")).display().to_string();
        laggard(folder.path(), &arguments("gate", &A.map(at), &candidate, &["--format", "json"]))
    };
    assert_eq!(gated().code, Some(0), "{}", gated().stdout);
    for (name, bytes) in [("pg.log.1", ""), ("more.lag", "{\"lagga"), ("pg.log.2", "what nobody can read\n")] {
        fs::write(run.join(name), bytes).expect("written");
        let ran = gated();
        assert_eq!(ran.code, Some(3), "{name}: {}", ran.stdout);
        assert!(ran.json()["reasons"].to_string().contains(&format!("{name}: ")), "{}", ran.stdout);
        fs::remove_file(run.join(name)).expect("removed");
    }
}

#[test]
fn one_run_under_two_names_is_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(runs().join("a1.log.gz"), folder.path().join("other.log.gz")).expect("copied");
    let baseline = [runs().join("a1.log.gz").display().to_string()];
    let ran = laggard(folder.path(), &arguments("gate", &baseline, &["other.log.gz".to_owned()], &[]));
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.stdout.contains("other.log.gz are one run"), "{}", ran.stdout);
}

#[test]
fn two_limits_of_one_budget_are_two_problems() {
    let folder = project("[[budget]]\nname = \"report\"\nmatch = { text = \"count\\\\(\" }\np90 = \"< 1ms\"\np95 = \"< 1ms\"\n");
    let ran = gated_in(folder.path(), "same", &["--format", "gitlab", "-o", "out.sarif"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let issues = ran.json();
    let prints: Vec<&str> = issues.as_array().expect("an array").iter().filter_map(|issue| issue["fingerprint"].as_str()).collect();
    assert!(prints.len() == 2 && prints[0] != prints[1], "{issues:#}");
    let sarif: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("out.sarif")).expect("there")).expect("JSON");
    let print = |at: usize| sarif["runs"][0]["results"][at]["partialFingerprints"]["laggard/1"].clone();
    assert_ne!(print(0), print(1));
}

#[test]
fn where_nothing_was_tested_a_gate_without_doubt_fails() {
    let folder = project("[eligibility]\nmin_calls = 1000000\nmin_share = \"100%\"\n");
    assert_eq!(gated_in(folder.path(), "same", &[]).code, Some(0));
    let ran = gated_in(folder.path(), "same", &["--on-inconclusive", "fail"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("no statement could be tested"), "{}", ran.stdout);
}

#[test]
fn counters_that_are_gone_or_were_reset_are_no_run() {
    use laggard::compare::facts::Surroundings;
    use laggard::compare::{Caveat, Policy, Reason, Run, compare};
    let folder = tempfile::tempdir().expect("a folder");
    let after = fs::read_to_string(runs().join("counted-after.csv")).expect("a fixture");
    let kept: Vec<&str> = after.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    fs::write(folder.path().join("after.csv"), kept.join("\n") + "\n").expect("written");
    fs::copy(runs().join("counted-before.csv"), folder.path().join("before.csv")).expect("copied");
    let at = |name: &str| runs().join(name).display().to_string();
    let baseline = [format!("{},{}", at("dearer-before.csv"), at("dearer-after.csv"))];
    let ran = laggard(folder.path(), &arguments("gate", &baseline, &["before.csv,after.csv".to_owned()], &[]));
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 counters began anew or were dropped"), "{}", ran.stdout);
    let run = |dealloc: Option<u64>, is_reset: bool| Run {
        surroundings: Surroundings { has_counters: true, dealloc, is_reset, ..Surroundings::default() },
        ..Run::default()
    };
    let reasons = |candidate: Run| compare(&[run(Some(0), false)], &[candidate], &Policy::default()).reasons;
    let is_reset = |reason: &Reason| matches!(reason, Reason::Reset { entries: 0, .. });
    assert!(reasons(run(Some(0), true)).iter().any(is_reset) && !reasons(run(Some(0), false)).iter().any(is_reset));
    let (_, document) = gated(&["'counted"], &["'dearer"], &["--no-gate"]);
    assert!(document["notes"].to_string().contains(&Caveat::NoDealloc.to_string()), "{document:#}");
}

#[test]
fn nothing_on_a_screen_commands_github() {
    let folder = tempfile::tempdir().expect("a folder");
    let baseline = [runs().join("a1.log.gz").display().to_string()];
    let candidate = ["::error::forged.log".to_owned(), "##[error]forged.log".to_owned()];
    for format in gate::ALL.iter().map(|output| output.name()) {
        let all = arguments("gate", &baseline, &candidate, &["--format", format]);
        let ran = laggard_with(folder.path(), &all, &[("GITHUB_ACTIONS", "true")]);
        let screen = ran.stdout.lines().filter(|line| !line.starts_with("::error title=laggard"));
        if matches!(format, "json" | "sarif" | "gitlab") {
            let as_is = laggard_with(folder.path(), &all, &[]).json();
            assert_eq!(ran.json(), as_is, "{format} says the same");
            assert!(as_is.to_string().contains("##[error]forged"));
        }
        for line in screen {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
        }
        assert!(ran.stdout.contains("forged.log"), "{}", ran.stdout);
    }
}

/// The types of the failures in a `JUnit` report, which must be well-formed.
fn failures(xml: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut types = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            quick_xml::events::Event::Eof => return types,
            quick_xml::events::Event::Start(element) if element.name().as_ref() == "failure" => {
                let attribute = element.try_get_attribute("type").expect("well-formed").expect("a type");
                types.push(attribute.value.into_owned());
            }
            _ => {}
        }
    }
}

#[test]
fn a_job_of_github_gets_annotations_and_a_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "before\n").expect("written");
    let at = |name: &str| runs().join(format!("{name}.log.gz")).display().to_string();
    let (baseline, candidate) = (A.map(at), [at("loop")]);
    let path = summary.display().to_string();
    let set = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", path.as_str())];
    let ran = laggard_with(folder.path(), &arguments("gate", &baseline, &candidate, &[]), &set);
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("::error title=laggard ")).count(), 2, "{}", ran.stdout);
    let told = fs::read_to_string(&summary).expect("there");
    assert!(told.starts_with("before\n### laggard: fail"), "{told}");
    // A program that reads standard output finds no commands in it.
    let ran = laggard_with(folder.path(), &arguments("gate", &baseline, &candidate, &["--format", "json"]), &set);
    assert_eq!(ran.json()["verdict"], "fail");
    assert!(ran.stderr.contains("::error "), "{}", ran.stderr);
    let quiet = [set[0], set[1], ("LAGGARD_NO_GITHUB", "1")];
    let ran = laggard_with(folder.path(), &arguments("gate", &baseline, &candidate, &[]), &quiet);
    assert!(!ran.stdout.contains("::error") && !ran.stderr.contains("::error"), "{}", ran.stdout);
}

/// Pieces of text that a screen, a page or a program would act on.
const HOSTILE: [&str; 14] = [
    "nul\0nul",
    "\u{1b}[2J\u{1b}[31mred",
    "\u{9b}31m",
    "\u{202e}txt.exe",
    "zero\u{200b}width\u{feff}",
    "tag\u{e0041}s",
    "line\u{2028}sep",
    "\u{fffe}\u{ffff}",
    "</script><img src=x onerror=alert(1)>]]>",
    "a|b||c",
    "`tick``ticks```",
    "**bold** [link](javascript:x) @someone",
    "\n::error::forged\r\n::set-output name=x::y",
    "100%25 &lt; & \" ' ::",
];

fn hostile(text: &str) -> GateReport {
    let change = |level, verdict, suppressed: bool| ChangeLine {
        rule: "latency",
        metric: "latency",
        level,
        statement: Some("0123456789abcdef".to_owned()),
        text: Some(format!("select '{text}'")),
        title: format!("title {text}"),
        is_time: true,
        baseline: Some(1_000.0),
        candidate: Some(f64::NAN),
        ratio: Some(f64::INFINITY),
        verdict,
        counts: verdict == "regressed",
        fails: verdict == "regressed" && level == "error" && !suppressed,
        evidence: vec![("test", format!("evidence {text}"))],
        suppressed: suppressed.then(|| (format!("reason {text}"), "2999-01-01".to_owned())),
        ..ChangeLine::default()
    };
    GateReport {
        command: "compare",
        verdict: "fail",
        reasons: vec![format!("reason {text}")],
        notes: vec![format!("note {text}")],
        runs: vec![RunLine { path: format!("run {text}"), side: "candidate", calls: 1, statements: 1 }],
        changes: vec![
            change("error", "regressed", false),
            change("warn", "regressed", false),
            change("error", "regressed", true),
            change("error", "inconclusive", false),
            change("info", "improved", false),
        ],
        place: format!("path {text}"),
        ..GateReport::default()
    }
}

#[test]
fn hostile_text_is_harmless_in_every_output() {
    for text in HOSTILE {
        for output in gate::ALL {
            let mut bytes = Vec::new();
            output.draw(&hostile(text), &Style::default(), &mut bytes).expect("to memory");
            let drawn = String::from_utf8(bytes).expect("UTF-8");
            let name = output.name();
            match name {
                "json" | "sarif" | "gitlab" => {
                    let value: Value = serde_json::from_str(&drawn).unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert!(!value.is_null());
                    let results = value["runs"][0]["results"].as_array().into_iter().flatten();
                    for shown in results.flat_map(|result| [&result["message"]["text"], &result["suppressions"][0]["justification"]]) {
                        let shown = shown.as_str().unwrap_or_default();
                        assert!(!shown.contains(|c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}')), "{name}: {shown:?}");
                    }
                    continue;
                }
                "junit" => {
                    assert_eq!(failures(&drawn), ["not-comparable", "latency"], "{drawn}");
                    assert!(!drawn.contains(['\u{fffe}', '\u{ffff}']), "XML has no place for them: {drawn:?}");
                }
                "github" => {
                    assert!(
                        drawn.lines().all(|line| line.starts_with("::error title=laggard") || line.starts_with("::warning title=laggard")),
                        "{drawn}"
                    );
                    assert_eq!(drawn.lines().count(), 3, "{drawn}");
                }
                "markdown" => {
                    // Between backticks, and behind a backslash, it is text.
                    let outside = drawn.replace(&format!("`select '{text}'`"), "").replace("\\<", "");
                    assert!(!outside.contains("<img") && !drawn.contains("\n::"), "{drawn}");
                }
                "table" => {}
                other => panic!("{other} is an output that nobody checks"),
            }
            let is_bad = |c: char| {
                (c.is_control() && c != '\n')
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
            };
            assert!(name == "table" || !drawn.contains(is_bad), "{name}: {drawn:?}");
            assert!(!drawn.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\0', '\r']), "{name}: {drawn:?}");
        }
    }
}

#[test]
fn outputs_are_registered_under_names_of_their_own() {
    let names: Vec<&str> = gate::ALL.iter().map(|output| output.name()).collect();
    assert_eq!(names, ["table", "json", "markdown", "junit", "sarif", "gitlab", "github"]);
    let extensions: Vec<&str> = gate::ALL.iter().flat_map(|output| output.extensions()).copied().collect();
    assert!(extensions.iter().all(|e| extensions.iter().filter(|other| *other == e).count() == 1), "{extensions:?}");
}

#[test]
fn a_long_report_stays_within_the_limits_of_github() {
    let mut report = hostile("x");
    report.changes = (0..3_000).map(|at| ChangeLine { title: format!("{at} {}", "y".repeat(200)), ..report.changes[0].clone() }).collect();
    let mut markdown = Vec::new();
    gate::by_name("markdown").expect("there").draw(&report, &Style::default(), &mut markdown).expect("to memory");
    assert!(markdown.len() <= 65_536, "{}", markdown.len());
    assert!(String::from_utf8_lossy(&markdown).contains(" more\n"));
}

/// A run of a call and of these lines and files, read as the settings say.
fn run_of(path: &str, more: &[(&str, String)], settings: &laggard::Settings) -> Run {
    let line = "2026-11-23 10:00:00.004 UTC [100] app@shop/web LOG:  duration: 0.141 ms  execute <unnamed>: SELECT 1\n";
    let inputs = more.iter().map(|(name, text)| laggard::Input::Memory((*name).to_owned(), text.clone().into_bytes()));
    let log = || laggard::Input::Memory("pg.log".to_owned(), line.as_bytes().to_vec());
    let inputs = if more.is_empty() { vec![log()] } else { inputs.collect() };
    laggard::run(path.to_owned(), &laggard::read(inputs, settings).expect("settings are right"), &laggard::finding::Options::default())
}

fn reasons(a: &Run, b: &Run) -> String {
    compare(std::slice::from_ref(a), std::slice::from_ref(b), &Policy::default())
        .reasons
        .iter()
        .map(|reason| format!("{reason}\n"))
        .collect()
}

#[test]
fn settings_that_change_in_mid_run_and_other_options_are_seen() {
    let plain = run_of("a", &[], &laggard::Settings::default());
    let call = |ms: &str| format!("2026-11-23 10:00:00.004 UTC [100] app@shop/web LOG:  duration: {ms} ms  statement: SELECT 1\n");
    let alike = run_of("b", &[("pg.log", call("0.142"))], &laggard::Settings::default());
    assert_eq!(reasons(&plain, &alike), "");
    let setting = "2026-11-23 10:00:00.005 UTC [9] LOG:  parameter \"work_mem\" changed to \"64MB\"\n";
    let changed_run = |ms: &str| run_of("b", &[("pg.log", call(ms) + setting)], &laggard::Settings::default());
    let changed = changed_run("0.143");
    assert!(reasons(&plain, &changed).contains("b: work_mem was changed while it was going on"), "{}", reasons(&plain, &changed));
    assert_eq!(reasons(&changed, &changed_run("0.144")), "", "the same is done to both");
    let snapshot = |hour: u32, cost: &str| {
        let header = serde_json::json!({"type": "snapshot", "schema": "laggard.snapshot/1", "taken_at": format!("2026-11-23T{hour}:00:00Z"),
            "database": "shop", "system_identifier": "7", "server_version_num": 150_018, "extension_version": "1.10", "settings": {"random_page_cost": cost}});
        format!("{header}\n{}\n", serde_json::json!({"type": "end", "lines": 2}))
    };
    let snapshots = |after: &str| [("before.snap", snapshot(12, "4")), ("after.snap", snapshot(13, after))];
    let settled = run_of("c", &snapshots("4"), &laggard::Settings::default());
    let unsettled = run_of("d", &snapshots("1.1"), &laggard::Settings::default());
    assert_eq!(unsettled.surroundings.several.iter().collect::<Vec<_>>(), ["random_page_cost"]);
    assert!(settled.surroundings.several.is_empty());
    assert!(reasons(&settled, &unsettled).contains("d: random_page_cost was changed"), "{}", reasons(&settled, &unsettled));
    let mut executions = laggard::Settings::default();
    executions.rules.measure = laggard::workload::Measure::Execute;
    let other = run_of("e", &[], &executions);
    assert!(reasons(&plain, &other).contains("a and e were not read alike: one has percentiles of calls"), "{}", reasons(&plain, &other));
}
