//! Files that are cut, damaged, forged or of the future: an error that names the file, and never a panic.

use laggard::{Input, Settings};
use proptest::prelude::*;

use super::{lines, report, run, saved_of, settings};
use crate::corpus::fixtures;

fn whole() -> Vec<u8> {
    let log = |name: &str| Input::File(fixtures().join("rules").join(name));
    let logs = ["n-plus-one/hit-django-items.log", "lock-convoy", "plan-flip", "temp-file-spill/hit-large-sort.log"];
    let inputs = logs.iter().map(|name| log(name)).flat_map(|input| match input {
        Input::File(path) if path.is_dir() => {
            let mut all: Vec<_> = std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
            all.sort();
            all.into_iter().filter(|path| path.extension().is_some_and(|e| e == "log")).map(Input::File).collect()
        }
        file => vec![file],
    });
    saved_of(inputs.collect(), &settings())
}

fn plain() -> String {
    lines(&whole()).join("\n") + "\n"
}

/// What is said of a file.
fn problem(bytes: &[u8]) -> String {
    let settings = Settings { source: Some("laggard-saved".to_owned()), ..settings() };
    let reading = laggard::read(vec![run("run.lag", bytes)], &settings).expect("settings make sense");
    // Whatever was read can be reported.
    drop(laggard::report(&reading, &laggard::View::default()));
    reading.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused_by_name() {
    let (packed, text) = (whole(), plain());
    assert_eq!((problem(&packed), problem(text.as_bytes())), (String::new(), String::new()));
    for at in (1..packed.len()).step_by(packed.len() / 40) {
        let said = problem(&packed[..at]);
        assert!(said.contains("run.lag") && !said.is_empty(), "cut at {at}: {said:?}");
    }
    for (at, _) in text.match_indices('\n').step_by(7) {
        let said = problem(&text.as_bytes()[..at]);
        assert!(said.contains("ends") || at + 1 == text.len(), "cut at {at}: {said}");
        let said = problem(&text.as_bytes()[..=at]);
        assert!(at + 1 == text.len() || said.contains("ends before its end"), "cut behind {at}: {said}");
    }
    let without_a_line = {
        let mut all: Vec<&str> = text.lines().collect();
        all.remove(5);
        all.join("\n") + "\n"
    };
    assert!(problem(without_a_line.as_bytes()).contains("lines were written"), "{}", problem(without_a_line.as_bytes()));
    assert!(problem(format!("{text}{{}}\n").as_bytes()).contains("something follows its end"));
}

#[test]
fn a_file_of_the_future_is_refused_with_the_cure() {
    let newer = plain().replacen("laggard.run/1", "laggard.run/2", 1);
    assert_eq!(
        problem(newer.as_bytes()),
        "run.lag: written by a newer laggard; file version 2, this build reads up to 1. Update this one, or save again"
    );
    assert!(problem(plain().replacen("laggard.run/1", "laggard.run/0", 1).as_bytes()).contains("no version"));
    assert!(problem(plain().replacen("laggard.run/1", "laggard.run/x", 1).as_bytes()).contains("no version"));
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let text = plain();
    let forged = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        problem(text.replacen(from, to, 1).as_bytes())
    };
    assert!(forged("\"untimed\":0", "\"untimed\":18446744073709551615").contains("no count can be"));
    assert!(forged("\"untimed\":0", "\"untimed\":-1").contains("not as written"));
    assert!(forged("\"untimed\":0", "\"untimed\":1.5").contains("not as written"));
    assert!(forged("\"kept\":[", "\"kept\":[1,").contains("not as written"));
    assert!(forged("\"doubled\":0", "\"doubled\":200").contains("not as written"));
    assert!(forged("\"most\":128", "\"most\":0").contains("not as written"));
    assert!(forged("\"fingerprint\":\"", "\"fingerprint\":\"x").contains("not as written"));
    let deep = format!("{}{}", "{\"part\":{\"statement\":{\"plans\":", "[".repeat(100_000));
    let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
    let last = all.len() - 1;
    all.insert(last, deep);
    assert!(problem((all.join("\n") + "\n").as_bytes()).contains("not as written"));
    // What comes once adds up once, or a small file could add up to more than a count holds.
    let figures = text.lines().find(|line| line.contains("\"figures\"")).expect("figures").to_owned();
    let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
    all.insert(last, figures);
    assert!(problem((all.join("\n") + "\n").as_bytes()).contains("came twice"), "{}", problem((all.join("\n") + "\n").as_bytes()));
    // Large numbers in quotes are read where moments and times may be large, and add up without an overflow.
    let large = text.replace("\"execute\":", "\"execute\":\"18446744073709551615\",\"x\":");
    assert_eq!(problem(large.as_bytes()), "");
    let both = report(vec![run("a.lag", large.as_bytes()), run("b.lag", text.as_bytes())], &settings());
    assert!(both["statements"].as_array().is_some_and(|all| !all.is_empty()));
}

/// A few kilobytes that unpack to gigabytes.
#[cfg(feature = "zstd")]
#[test]
fn a_bomb_takes_bounded_memory() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("to memory");
    let header = plain().lines().next().expect("a header").to_owned() + "\n";
    std::io::Write::write_all(&mut encoder, header.as_bytes()).expect("to memory");
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..200 {
        std::io::Write::write_all(&mut encoder, &zeros).expect("to memory");
    }
    let bomb = encoder.finish().expect("to memory");
    assert!(bomb.len() < 100_000);
    assert!(problem(&bomb).contains("ends in mid-line"), "{}", problem(&bomb));
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\n\"\\,:[]{}0123456789-eE. tfn".to_vec())];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Bits that changed, in the file as it is and in its text: an answer or an error, and a report of whatever it is.
    #[test]
    fn damage_is_an_error_or_an_answer(edits in edits(), is_packed in any::<bool>()) {
        thread_local!(static FILES: [Vec<u8>; 2] = [plain().into_bytes(), whole()]);
        let mut bytes = FILES.with(|files| files[usize::from(is_packed)].clone());
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(problem(&bytes));
    }
}
