//! Laws that hold for any input: blocks and threads change nothing, literals change no id, merging adds up, nothing panics.

use std::fmt::Write as _;

use laggard::source::pg_prefix::Prefix;
use laggard::sql::fingerprint::{Normalised, normalise};
use laggard::sql::lexer::{Dialect, lex};
use laggard::workload::{Key, Rules};
use laggard::{Input, Reading, Settings, View, Workload, source};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::corpus::{Case, cases, settings};

/// The report of a log in JSON, read in blocks of a size by so many workers.
fn report(source: Option<&str>, text: &[u8], block_size: usize, jobs: usize) -> String {
    let settings = Settings { block_size, jobs, source: source.map(str::to_owned), ..settings() };
    let reading = laggard::read(vec![Input::Memory("input.log".to_owned(), text.to_vec())], &settings).expect("settings are right");
    drawn(&reading)
}

/// The same, without drawing it: quicker, and as much.
fn reading(source: Option<&str>, text: &[u8], block_size: usize, jobs: usize) -> Reading {
    let settings = Settings { block_size, jobs, source: source.map(str::to_owned), ..settings() };
    laggard::read(vec![Input::Memory("input.log".to_owned(), text.to_vec())], &settings).expect("settings are right")
}

/// What differs between two readings of one log.
fn difference(got: &Reading, expected: &Reading) -> Option<String> {
    let inputs = |reading: &Reading| format!("{:?} {:?}", reading.inputs, reading.errors);
    if inputs(got) != inputs(expected) {
        return Some(format!("{} against {}", inputs(got), inputs(expected)));
    }
    (got.workload != expected.workload).then(|| first_difference(&drawn(got), &drawn(expected)))
}

fn drawn(reading: &Reading) -> String {
    let mut text = Vec::new();
    laggard::render("json", &laggard::report(reading, &View::default()), &mut text).expect("to memory");
    text.extend(reading.errors.iter().flat_map(|error| error.to_string().into_bytes()));
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// At most so many lines of a log, from a line on.
fn lines(text: &[u8], from: usize, count: usize) -> Vec<u8> {
    text.split_inclusive(|&b| b == b'\n').skip(from).take(count).flatten().copied().collect()
}

fn readable() -> Vec<(Case, Vec<u8>)> {
    cases().into_iter().filter_map(|case| case.text().map(|text| (case, text))).collect()
}

/// Where two reports begin to differ, for a message one can read.
fn first_difference(a: &str, b: &str) -> String {
    let pair = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    pair.map_or_else(|| "one is longer".to_owned(), |(a, b)| format!("{} against {}", a.trim(), b.trim()))
}

#[test]
fn blocks_and_threads_change_nothing() {
    let mut wrong = Vec::new();
    for (case, text) in readable() {
        // Small blocks are slow, so they get an excerpt; it begins anywhere, even within a record.
        let excerpt = [lines(&text, 0, 100), lines(&text, 420, 120)].concat();
        let runs: [(&[u8], &[usize]); 2] = [(&excerpt, &[1, 7, 777]), (&text, &[777, 64 << 10, 1 << 20])];
        for (text, sizes) in runs {
            let expected = report(Some(&case.source), text, 4 << 20, 1);
            for &size in sizes {
                for jobs in [1, 2, 3] {
                    let got = report(Some(&case.source), text, size, jobs);
                    if got != expected {
                        wrong.push(format!(
                            "{}/{} ({} bytes): blocks of {size}, {jobs} threads: {}",
                            case.source,
                            case.name,
                            text.len(),
                            first_difference(&got, &expected)
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} runs differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_block_may_end_at_any_byte() {
    let mut wrong = Vec::new();
    let mut calls = 0;
    for (case, text) in readable().into_iter().filter(|(case, _)| case.name == "by-hand") {
        // Two sessions, a statement of several lines, DETAIL and STATEMENT lines: longer than any of its records.
        let expected = reading(Some(&case.source), &text, 1 << 20, 1);
        calls += expected.workload.calls();
        for size in (1..64).chain((64..800).step_by(7)) {
            let got = reading(Some(&case.source), &text, size, 1 + size % 2);
            wrong.extend(difference(&got, &expected).map(|difference| format!("{}: blocks of {size}: {difference}", case.source)));
        }
    }
    assert!(wrong.is_empty(), "{} sizes differ, first {:?}", wrong.len(), wrong.first());
    assert!(calls >= 15, "only {calls} calls were read");
}

// Statements.

const STANDARD: Dialect = Dialect::PostgreSql { standard_conforming_strings: true };
const BACKSLASH: Dialect = Dialect::PostgreSql { standard_conforming_strings: false };

/// Statements in which every `?` is a place for any value.
const TEMPLATES: [&str; 22] = [
    "SELECT * FROM users WHERE id = ?",
    "select a, b from t where a > ? and b < ? order by a",
    "SELECT * FROM t WHERE name LIKE ? OR name ILIKE ?",
    "SELECT * FROM t WHERE id IN (?, ?, ?)",
    "SELECT * FROM t WHERE (a, b) IN ((?, ?), (?, ?))",
    "SELECT * FROM t WHERE id = ANY(ARRAY[?, ?])",
    "SELECT * FROM t WHERE x BETWEEN ? AND ?",
    "SELECT ?, count(*) FROM t GROUP BY a HAVING count(*) > ?",
    "SELECT coalesce(a, ?) || ? FROM t",
    "SELECT CASE WHEN a = ? THEN ? ELSE ? END FROM t",
    "SELECT a::text, ?::text FROM t",
    "SELECT f(a, ?, ?) FROM t LIMIT 10",
    "INSERT INTO t (a, b) VALUES (?, ?)",
    "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) RETURNING id",
    "INSERT INTO t VALUES (?) ON CONFLICT (a) DO UPDATE SET a = ?",
    "UPDATE t SET a = ?, b = b + ? WHERE id = ?",
    "DELETE FROM t WHERE a = ? AND b IS NOT NULL",
    "WITH x AS (SELECT ? AS a) SELECT * FROM x JOIN y ON x.a = y.a AND y.b = ?",
    "/* route:home */ SELECT a FROM t WHERE b = ? -- tail",
    "SELECT \"Weird\".\"a b\" FROM \"Weird\" WHERE c = ?",
    "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = ?",
    "SELECT * FROM t WHERE j -> ? = ? AND a <> ?",
];

/// A value in any spelling that PostgreSQL knows, with its marker, which no normalised text may hold.
fn value() -> impl Strategy<Value = (String, Option<String>)> {
    let marked = |before: &'static str, after: &'static str| {
        ("zq[a-z]{5}q", Just((before, after))).prop_map(|(mark, (before, after))| (format!("{before}{mark}{after}"), Some(mark)))
    };
    let number = |before: &'static str, after: &'static str| {
        ("8[1-9]{5}7", Just((before, after))).prop_map(|(mark, (before, after))| (format!("{before}{mark}{after}"), Some(mark)))
    };
    prop_oneof![
        marked("'", "'"),
        marked("'it''s ", "; -- no comment'"),
        marked("'$1 /* ", "'"),
        marked("'\n", "\n'"),
        marked("'é漢 ", "'"),
        marked("E'a\\'", "\\\\'"),
        marked("e'\\n", "''x'"),
        marked("U&'\\0441", "'"),
        marked("N'", "'"),
        marked("$$", " it's $$"),
        marked("$tag$ $$ ", "$tag$"),
        number("", ""),
        number("0.", ""),
        number(".", ""),
        number("", ".5e-3"),
        number("1e", "1"),
        number("0x", ""),
        number("", "_000"),
        number("-", ""),
        number("- ", ""),
        number("B'1' || '", "'").prop_map(|(text, mark)| (text.replace("B'1' || ", ""), mark)),
        Just(("X'1FF'".to_owned(), Some("1FF".to_owned()))),
        Just(("B'1010101'".to_owned(), Some("1010101".to_owned()))),
        Just(("''".to_owned(), None)),
        Just(("$1".to_owned(), None)),
        Just(("$12".to_owned(), None)),
    ]
}

fn filled(template: &str, values: &[(String, Option<String>)]) -> String {
    let mut values = values.iter().cycle();
    let mut sql = String::new();
    for part in template.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(before) => sql.extend([before, values.next().map_or("", |(text, _)| text.as_str())]),
            None => sql.push_str(part),
        }
    }
    sql
}

fn again(normalised: &Normalised, dialect: Dialect) -> Normalised {
    normalise(normalised.text.as_bytes(), dialect)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn literals_change_no_id_and_leave_no_trace(
        template in prop::sample::select(&TEMPLATES[..]),
        first in prop::collection::vec(value(), 4),
        second in prop::collection::vec(value(), 4),
    ) {
        let (a, b) = (filled(template, &first), filled(template, &second));
        let (a_normal, b_normal) = (normalise(a.as_bytes(), STANDARD), normalise(b.as_bytes(), STANDARD));
        prop_assert_eq!(a_normal.fingerprint, b_normal.fingerprint, "{}\n{}\n{}\n{}", a, b, a_normal.text, b_normal.text);
        prop_assert_eq!(&a_normal.text, &b_normal.text);
        for mark in first.iter().filter_map(|(_, mark)| mark.as_ref()) {
            prop_assert!(!a_normal.text.contains(mark.as_str()), "{} in {}", mark, a_normal.text);
        }
        prop_assert_eq!(again(&a_normal, STANDARD), a_normal);
    }

    #[test]
    fn templates_differ(one in 0..TEMPLATES.len(), other in 0..TEMPLATES.len(), values in prop::collection::vec(value(), 4)) {
        let same = normalise(filled(TEMPLATES[one], &values).as_bytes(), STANDARD).fingerprint == normalise(filled(TEMPLATES[other], &values).as_bytes(), STANDARD).fingerprint;
        // One row of values or several is one statement.
        prop_assert_eq!(same, one == other, "{} and {}", TEMPLATES[one], TEMPLATES[other]);
    }

    #[test]
    fn tokens_are_the_statement_and_normalising_twice_is_once(bytes in bytes_or_sql(), dialect in prop::sample::select(vec![STANDARD, BACKSLASH])) {
        let mut together = Vec::new();
        for token in lex(&bytes, dialect) {
            prop_assert!(!token.text.is_empty());
            together.extend_from_slice(token.text);
        }
        prop_assert_eq!(&together, &bytes);
        let once = normalise(&bytes, dialect);
        let twice = again(&once, dialect);
        prop_assert_eq!(&twice.text, &once.text, "{:?}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!(twice.fingerprint, once.fingerprint, "{:?}: {}", String::from_utf8_lossy(&bytes), once.text);
    }
}

/// Arbitrary bytes, or pieces of SQL in any order.
fn bytes_or_sql() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 70] = [
        "select ",
        "SELECT\n",
        "from ",
        "t ",
        "\"T\" ",
        "\"t\"",
        "where ",
        "id ",
        "= ",
        "=",
        "1",
        "'a'",
        "E'\\''",
        "$1",
        "$2 ",
        "in ",
        "(",
        ")",
        ",",
        "values ",
        "(1, 2)",
        "array[",
        "]",
        "-",
        "- ",
        "--x\n",
        "/*",
        "*/",
        "/* a /* b */ */",
        ";",
        ".",
        "..",
        "::",
        ":",
        "int",
        "interval ",
        "date ",
        "u&",
        "uescape ",
        "order by ",
        "limit ",
        "null",
        "true",
        "insert into ",
        "update ",
        "set ",
        "create table ",
        "numeric(10,2)",
        "varchar(10)",
        "/*(...)*/",
        "/*, ... */",
        "savepoint ",
        "declare ",
        "cursor for ",
        "prepare ",
        "as ",
        "execute ",
        "password ",
        "copy ",
        "comment on ",
        "is ",
        "not ",
        "and ",
        "or ",
        "'",
        "\"",
        "$$",
        "$a$",
        "é",
        "\u{0}",
    ];
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..120),
        3 => prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

// Merging.

/// One call, failure or temporary file, each in one record.
#[derive(Clone, Debug)]
struct Line {
    session: u32,
    name: u32,
    kind: u32,
    micros: u64,
}

const STATEMENTS: [&str; 6] = [
    "SELECT * FROM users WHERE id = 7",
    "SELECT * FROM users WHERE id IN (1)",
    "SELECT * FROM users WHERE id IN (1, 2)",
    "UPDATE users SET name = 'x' /* route:'a' */ WHERE id = 3",
    "commit",
    "COMMIT",
];

fn log(lines: &[Line], first_second: usize) -> String {
    let mut log = String::new();
    for (at, line) in lines.iter().enumerate() {
        let (minute, second) = ((first_second + at) / 60, (first_second + at) % 60);
        let head = format!(
            "2026-11-23 10:{minute:02}:{second:02}.000 UTC [{}] user{}@db{}/app{} ",
            line.session + 100,
            line.name % 2,
            line.name % 3,
            line.name
        );
        let sql = STATEMENTS[line.kind as usize % STATEMENTS.len()];
        let _ = match line.kind / 6 {
            0..=3 => writeln!(log, "{head}LOG:  duration: {}.{:03} ms  statement: {sql}", line.micros / 1_000, line.micros % 1_000),
            4 => writeln!(log, "{head}ERROR:  division by zero\n{head}STATEMENT:  {sql}"),
            _ => writeln!(log, "{head}LOG:  temporary file: path \"x\", size {}\n{head}STATEMENT:  {sql}", line.micros),
        };
    }
    log
}

fn some_lines(sessions: std::ops::Range<u32>) -> impl Strategy<Value = Vec<Line>> {
    let line = (sessions, 0u32..5, 0u32..36, prop_oneof![0u64..2_000, 0u64..3_000_000_000]);
    prop::collection::vec(line.prop_map(|(session, name, kind, micros)| Line { session, name, kind, micros }), 0..150)
}

fn workload(log: &str, by: Option<Key>) -> Workload {
    let mut settings = Settings { jobs: 1, source: Some("pg-stderr".to_owned()), rules: Rules { by, ..Rules::default() }, ..settings() };
    settings.source_options.prefix = Some("%m [%p] %u@%d/%a ".to_owned());
    let reading = laggard::read(vec![Input::Memory("a.log".to_owned(), log.into())], &settings).expect("settings are right");
    assert!(reading.inputs.iter().all(|input| input.skipped.total() == 0), "{log}");
    reading.workload
}

fn merged(mut one: Workload, other: Workload) -> Workload {
    one.merge(other);
    one
}

/// What does not depend on the order of the log: everything but how many sessions there were, as one may be in both parts.
fn order_free(workload: Workload) -> Value {
    let reading = Reading {
        workload,
        inputs: Vec::new(),
        errors: Vec::new(),
        twins: Vec::new(),
        repeated: Vec::new(),
        doubled: Vec::new(),
        strangers: Vec::new(),
        astray: Vec::new(),
        is_limited: false,
    };
    let mut report: Value = serde_json::from_str(&drawn(&reading)).expect("JSON");
    for statement in report["statements"].as_array_mut().expect("a list") {
        statement["sessions"] = Value::Null;
    }
    // How many sessions change hands depends on where sessions are cut, as their number does.
    report["warnings"].as_array_mut().expect("a list").retain(|warning| warning["id"] != "sessions-pooled");
    report
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_associative_and_has_an_identity(a in some_lines(0..9), b in some_lines(0..9), c in some_lines(0..9)) {
        let by = || Some(Key::Application);
        let rules = || Rules { by: by(), ..Rules::default() };
        let [a, b, c] = [log(&a, 0), log(&b, 200), log(&c, 400)];
        let read = |log: &str| workload(log, by());
        let left = merged(merged(read(&a), read(&b)), read(&c));
        let right = merged(read(&a), merged(read(&b), read(&c)));
        prop_assert!(left == right, "the order of merging counts");
        prop_assert_eq!(order_free(left), order_free(right));
        prop_assert!(merged(read(&a), Workload::new(rules())) == read(&a));
        prop_assert!(merged(Workload::new(rules()), read(&a)) == read(&a));
    }

    #[test]
    fn two_halves_are_the_whole(lines in some_lines(0..9), at in 0usize..150, by in prop::sample::select(vec![None, Some(Key::User), Some(Key::Tag("route".to_owned()))])) {
        let at = at.min(lines.len());
        let (first, second) = (log(&lines[..at], 0), log(&lines[at..], at));
        let whole = format!("{first}{second}");
        prop_assert_eq!(whole.as_str(), log(&lines, 0));
        let halves = merged(workload(&first, by.clone()), workload(&second, by.clone()));
        prop_assert_eq!(order_free(halves), order_free(workload(&whole, by)));
    }

    /// When no session is in both halves even the number of sessions adds up.
    #[test]
    fn two_halves_with_sessions_of_their_own_are_equal_to_the_whole(first in some_lines(0..9), second in some_lines(20..29)) {
        let (a, b) = (log(&first, 0), log(&second, first.len()));
        let whole = format!("{a}{b}");
        prop_assert!(merged(workload(&a, None), workload(&b, None)) == workload(&whole, None));
    }
}

// Any input.

fn sources() -> Vec<&'static str> {
    source::ALL.iter().map(|source| source.name()).collect()
}

/// A change to a log.
#[derive(Clone, Debug)]
enum Edit {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Delete(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\n\r\t\"'\\,:[]{}#0%$ \0".to_vec())];
    let edit = prop_oneof![
        (any::<prop::sample::Index>(), byte.clone()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<prop::sample::Index>(), prop::collection::vec(byte, 1..6)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<prop::sample::Index>(), 1usize..300).prop_map(|(at, count)| Edit::Delete(at, count)),
        (any::<prop::sample::Index>(), 1usize..300).prop_map(|(at, count)| Edit::Repeat(at, count)),
    ];
    prop::collection::vec(edit, 0..12)
}

fn edited(mut text: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if text.is_empty() {
            break;
        }
        let length = text.len();
        match edit {
            Edit::Replace(at, byte) => text[at.index(length)] = *byte,
            Edit::Insert(at, bytes) => drop(text.splice(at.index(length)..at.index(length), bytes.iter().copied())),
            Edit::Delete(at, count) => drop(text.drain(at.index(length)..length.min(at.index(length) + count))),
            Edit::Repeat(at, count) => {
                let piece = text[at.index(length)..length.min(at.index(length) + count)].to_vec();
                drop(text.splice(at.index(length)..at.index(length), piece));
            }
        }
    }
    text
}

/// Excerpts of the fixtures, at most so many bytes each.
fn excerpts() -> &'static [(String, Vec<u8>)] {
    static EXCERPTS: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
    EXCERPTS.get_or_init(|| {
        readable()
            .into_iter()
            .flat_map(|(case, text)| [0, 150, 600].map(|from| (case.source.clone(), lines(&text, from, 25))))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), source in prop::sample::select(sources()), block_size in 1usize..700) {
        let difference = difference(&reading(Some(source), &bytes, block_size, 1), &reading(Some(source), &bytes, 1 << 20, 2));
        prop_assert_eq!(difference, None);
        report(None, &bytes, block_size, 1);
    }

    #[test]
    fn no_prefix_panics(prefix in prefixes(), lines in prop::collection::vec("[ -~\u{a0}-\u{ff}]{0,60}(LOG|ERROR|DETAIL):  duration: [0-9.]{1,6} ms  statement: .{0,20}", 0..6)) {
        if let Ok(compiled) = Prefix::compile(&prefix) {
            prop_assert_eq!(compiled.text(), prefix.as_str());
            let mut settings = Settings { jobs: 1, ..settings() };
            settings.source_options.prefix = Some(prefix);
            for source in ["pg-stderr", "pg-syslog"] {
                settings.source = Some(source.to_owned());
                let log = lines.join("\n").into_bytes();
                if let Ok(reading) = laggard::read(vec![Input::Memory("a.log".to_owned(), log)], &settings) {
                    drawn(&reading);
                }
            }
        }
    }
}

/// Every source by itself, so that one does not hide what is wrong with another.
#[test]
fn damaged_logs_are_read_and_blocks_change_nothing() {
    let mut wrong = Vec::new();
    for source in sources() {
        let excerpts: Vec<&Vec<u8>> = excerpts().iter().filter(|(of, _)| of == source).map(|(_, text)| text).collect();
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 64, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() });
        let strategy = (any::<prop::sample::Index>(), edits(), 1usize..2_000, 1usize..3);
        let result = runner.run(&strategy, |(which, edits, block_size, jobs)| {
            let text = edited((*which.get(&excerpts)).clone(), &edits);
            let difference = difference(&reading(Some(source), &text, block_size, jobs), &reading(Some(source), &text, 1 << 20, 1));
            reading(None, &text, block_size, 1);
            prop_assert!(difference.is_none(), "blocks of {}: {}", block_size, difference.unwrap_or_default());
            Ok(())
        });
        wrong.extend(result.err().map(|error| format!("{source}: {error}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn prefixes() -> impl Strategy<Value = String> {
    const PIECES: [&str; 40] = [
        "%m",
        "%t",
        "%n",
        "%p",
        "%u",
        "%d",
        "%a",
        "%h",
        "%r",
        "%L",
        "%i",
        "%e",
        "%c",
        "%l",
        "%s",
        "%v",
        "%x",
        "%q",
        "%%",
        "%b",
        "%P",
        "%Q",
        "%5p",
        "%-10u",
        "%999999999999999999999d",
        "%",
        " ",
        "[",
        "]",
        "@",
        ":",
        ",",
        "-",
        "<",
        "é",
        "\n",
        "\t",
        "LOG:  ",
        "user=",
        "\0",
    ];
    prop_oneof![3 => prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12).prop_map(|pieces| pieces.concat()), 1 => any::<String>()]
}
