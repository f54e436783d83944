//! Hostile text in every place that a log fills, through every renderer, and inputs that are large, cut or oddly encoded.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use laggard::report::{self, Samples, Style};
use laggard::{Input, Report, Settings, View};
use serde_json::Value;

use crate::corpus::settings;
use crate::harness::timed;

/// What a renderer's output must be like.
type Check = fn(&Report, &[u8]);

/// A check for each renderer, by name; one that is not here fails the architecture test.
pub(crate) const CHECKS: &[(&str, Check)] =
    &[("table", table), ("markdown", markdown), ("json", json), ("jsonl", jsonl), ("csv", csv), ("github", github), ("sarif", sarif)];

/// Pieces of text that a screen, a page, a spreadsheet or a program would act on.
const HOSTILE: [&str; 24] = [
    "nul\0nul",
    "\u{1b}[2J\u{1b}[31mred",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{9b}31m",
    "bell\u{7}back\u{8}",
    "\u{202e}txt.exe",
    "\u{2066}iso\u{2069}",
    "zero\u{200b}width\u{feff}",
    "tag\u{e0041}s",
    "line\u{2028}sep\u{2029}",
    "</script><img src=x onerror=alert(1)>",
    "<!-- -->",
    "a|b||c",
    "\\|",
    "`tick``ticks```",
    "=cmd()|' /C calc'!A0",
    "+1+1",
    "-2-2",
    "@SUM(1)",
    "**bold** [link](javascript:x) ![i](x) # @someone",
    "cr\rlf",
    "\u{85}nel",
    "del\u{7f}",
];

/// A log of which every name, statement, message and tag is hostile, invalid UTF-8 among it.
fn log(hostile: &str) -> Vec<u8> {
    let quoted = hostile.replace('"', "\"\"").replace('\n', " ");
    let mut log = Vec::new();
    for (at, sql) in [
        format!("SELECT \"{quoted}\" FROM \"{quoted}\" WHERE a = 1 /* route:'{quoted}' */"),
        format!("{hostile} not sql at all"),
        format!("SELECT 1 AS \"{quoted}\",\n\t2 -- {hostile}"),
        "=cmd() + 1".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        // The last user and application hold bytes that are no UTF-8.
        let bad: &[u8] = if at == 3 { b"\xff\xc3(" } else { hostile.as_bytes() };
        let head = [format!("2026-11-23 10:00:0{at}.000 UTC [7] u").as_bytes(), bad, b"@d", hostile.as_bytes(), b"/", bad, b" "].concat();
        log.extend([head.as_slice(), b"LOG:  duration: 1.250 ms  statement: ", sql.as_bytes(), b"\n"].concat());
        log.extend(
            [
                head.as_slice(),
                b"ERROR:  bad \xf0\x9f \"",
                hostile.as_bytes(),
                b"\" happened\n",
                &head,
                b"STATEMENT:  ",
                sql.as_bytes(),
                b"\n",
            ]
            .concat(),
        );
        log.extend([b"\x1b[31m not a record | \xff ".as_slice(), hostile.as_bytes(), b"\n"].concat());
    }
    log
}

fn report_of(name: &str, log: Vec<u8>, view: &View) -> Report {
    let mut settings = Settings { source: Some("pg-stderr".to_owned()), ..settings() };
    settings.source_options.prefix = Some("%m [%p] %u@%d/%a ".to_owned());
    settings.rules.by = Some(laggard::workload::Key::Application);
    let reading = laggard::read(vec![Input::Memory(name.to_owned(), log)], &settings).expect("settings are right");
    laggard::report(&reading, view)
}

fn drawn(name: &str, report: &Report, style: &Style) -> Vec<u8> {
    let renderer = report::by_name(name).expect("a renderer");
    let mut page = Vec::new();
    renderer.render(report, style, &mut page).expect("to memory");
    page
}

#[test]
fn no_renderer_lets_hostile_text_through() {
    for hostile in HOSTILE {
        for samples in [Samples::Masked, Samples::Full] {
            let report = report_of(&format!("dir/{hostile}.log"), log(hostile), &View { samples, ..View::default() });
            assert!(report.totals.calls >= 3 && report.totals.errors >= Some(3), "{hostile:?}: nothing was read: {:?}", report.totals);
            for (name, check) in CHECKS {
                check(&report, &drawn(name, &report, &Style::default()));
            }
        }
    }
}

/// Two snapshots of which every name and text is hostile.
fn snapshots(hostile: &str) -> Vec<Input> {
    let at = |moment: &str, calls: u64| {
        let row = |id: i64, query: String| {
            serde_json::json!({"type": "statement", "userid": 10, "dbid": 5, "queryid": id, "query": query, "calls": calls, "rows": calls,
                "total_exec_time": 1.5 * calls as f64, "min_exec_time": 1.5, "max_exec_time": 1.5, "stddev_exec_time": 0.0})
        };
        let lines = [
            serde_json::json!({"type": "snapshot", "schema": "laggard.snapshot/1", "taken_at": moment, "database": hostile, "node": hostile,
                "settings": {"pg_stat_statements.track": hostile}}),
            serde_json::json!({"type": "role", "oid": 10, "name": hostile}),
            serde_json::json!({"type": "database", "oid": 5, "name": hostile}),
            row(1, format!("SELECT \"{}\" FROM t /* {hostile} */", hostile.replace('"', "\"\""))),
            row(2, format!("{hostile} is no SQL")),
            row(3, "=cmd() + 1".to_owned()),
            serde_json::json!({"type": hostile}),
            serde_json::json!({"type": "end", "lines": 8}),
        ];
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Input::Memory(format!("{moment}{hostile}.snap"), text.into())
    };
    vec![at("2026-11-23T10:00:00Z", 3), at("2026-11-23T10:00:05Z", 7)]
}

#[test]
fn nor_what_a_snapshot_holds() {
    for hostile in HOSTILE {
        let mut settings = settings();
        settings.rules.by = Some(laggard::workload::Key::User);
        let reading = laggard::read(snapshots(hostile), &settings).expect("settings are right");
        let report = laggard::report(&reading, &View::default());
        assert_eq!((report.totals.calls, report.statements.len()), (12, 3), "{hostile:?}");
        for (name, check) in CHECKS {
            check(&report, &drawn(name, &report, &Style::default()));
        }
        for style in [Style::default(), Style { width: Some(100), ascii: true, ..Style::default() }] {
            let mut page = Vec::new();
            laggard::report::rates::draw(&report, &style, &mut page).expect("to memory");
            is_harmless(&page, false);
            assert!(!style.ascii || page.is_ascii());
            assert!(String::from_utf8_lossy(&page).contains("calls/s"), "nothing was drawn");
        }
    }
}

/// Nothing that moves a cursor, hides or reverses: checked by ranges of Unicode, not by the function that is tested.
fn is_harmless(page: &[u8], escapes_may: bool) {
    let text = std::str::from_utf8(page).expect("UTF-8");
    for c in text.chars() {
        let code = u32::from(c);
        let control = (code < 0x20 && c != '\n' && !(escapes_may && c == '\u{1b}')) || (0x7f..0xa0).contains(&code);
        let hidden =
            matches!(code, 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe007f);
        assert!(!control && !hidden, "U+{code:04X} in {text:?}");
    }
}

fn table(report: &Report, page: &[u8]) {
    is_harmless(page, false);
    let styles = [
        Style { width: Some(80), ..Style::default() },
        Style { width: Some(1), ascii: true, ..Style::default() },
        Style { width: Some(10_000), colour: true, ..Style::default() },
    ];
    for style in styles {
        let page = drawn("table", report, &style);
        is_harmless(&page, style.colour);
        assert!(!style.ascii || page.is_ascii(), "{}", String::from_utf8_lossy(&page));
        // What colours there are, are ours: ESC [ digits m.
        let text = String::from_utf8(page).expect("UTF-8");
        for (at, _) in text.match_indices('\u{1b}') {
            let ours = text[at + 1..]
                .strip_prefix('[')
                .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'));
            assert!(ours && !text[at..].starts_with("\u{1b}[31m"), "{text:?}");
        }
    }
    // One record a line, whatever the statements hold.
    let text = String::from_utf8_lossy(page).into_owned();
    let rows = text
        .lines()
        .filter(|line| line.trim_start().split(' ').next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
        .count();
    assert!(rows >= report.statements.len(), "{text}");
}

fn markdown(report: &Report, page: &[u8]) {
    is_harmless(page, false);
    let text = std::str::from_utf8(page).expect("UTF-8");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let groups = report.groups.as_ref().map_or(0, |groups| 2 + groups.len());
    let findings = if report.findings.is_empty() { 0 } else { 2 + report.findings.len() };
    let statements = 2 + report.statements.len();
    assert_eq!(rows.len(), groups + statements + findings, "{text}");
    for (at, row) in rows.into_iter().enumerate() {
        let pipes = if at < groups {
            9
        } else if at < groups + findings {
            8
        } else {
            10
        };
        assert_eq!(unescaped_pipes(row), pipes, "{row}");
    }
    // Outside of code, no character begins a tag, a link, a mention or emphasis.
    for line in text.lines().filter(|line| !line.starts_with('|')) {
        let line = line.strip_prefix("> ").unwrap_or(line);
        let mut escaped = false;
        for c in line.chars() {
            assert!(escaped || !matches!(c, '<' | '[' | '`' | '@' | '|' | '*'), "{c} in {line:?}");
            escaped = c == '\\' && !escaped;
        }
    }
}

/// As GitHub counts cells: a backslash before a pipe escapes it, in code spans too, unless the backslash is itself escaped
/// outside of code.
fn unescaped_pipes(row: &str) -> usize {
    let bytes = row.as_bytes();
    (0..bytes.len()).filter(|&at| bytes[at] == b'|' && (at == 0 || bytes[at - 1] != b'\\')).count()
}

fn json(report: &Report, page: &[u8]) {
    let document: Value = serde_json::from_slice(page).expect("JSON");
    assert_eq!(document["statements"].as_array().map(Vec::len), Some(report.statements.len()));
    let texts: Vec<&str> = document["statements"].as_array().expect("a list").iter().filter_map(|s| s["text"].as_str()).collect();
    for statement in &report.statements {
        assert!(texts.contains(&statement.text.as_str()), "programs get the text as it is: {:?}", statement.text);
    }
    assert!(!page.contains(&0) && !page.contains(&0x1b), "control characters are escaped in JSON");
}

fn jsonl(report: &Report, page: &[u8]) {
    let lines: Vec<Value> =
        page.split(|&b| b == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1 + report.statements.len());
    assert_eq!(lines[0]["type"], "report");
    assert!(lines[1..].iter().all(|line| line["type"] == "statement" && line["id"].is_string()));
    let first = page.split(|&b| b == b'\n').next().expect("a line");
    assert!(first.starts_with(b"{\"type\":\"report\""), "the type comes first");
}

/// One command a line, and as many as there are findings: none begins within a message.
fn github(report: &Report, page: &[u8]) {
    is_harmless(page, false);
    let text = std::str::from_utf8(page).expect("UTF-8");
    assert_eq!(text.lines().count(), report.findings.len(), "{text}");
    for line in text.lines() {
        let message = line.splitn(3, "::").nth(2).unwrap_or_else(|| panic!("{line}"));
        assert!(line.starts_with("::") && !message.contains('\r'), "{line}");
    }
}

fn sarif(report: &Report, page: &[u8]) {
    let document: Value = serde_json::from_slice(page).expect("JSON");
    let results = document["runs"][0]["results"].as_array().expect("a list");
    assert_eq!(results.len(), report.findings.len());
    assert!(results.iter().all(|r| r["message"]["text"].is_string()));
    assert!(!page.contains(&0) && !page.contains(&0x1b), "control characters are escaped in JSON");
}

/// A statement that is hostile and has findings: cancelled by a timeout.
#[test]
fn nor_what_a_finding_is_about() {
    for hostile in HOSTILE {
        let name = hostile.replace('"', "\"\"").replace(['\n', '\r'], " ");
        let head = "2026-11-23 10:00:00.000 UTC [7] u@d/a ";
        let log = format!(
            "{head}ERROR:  canceling statement due to statement timeout\n{head}STATEMENT:  SELECT \"{name}\" FROM t\n{head}LOG:  duration: 1.000 ms  statement: SELECT 1\n"
        );
        let report = report_of("a.log", log.into_bytes(), &View::default());
        assert_eq!(report.findings.len(), 1, "{hostile:?}");
        for (renderer, check) in CHECKS {
            if *renderer != "csv" {
                check(&report, &drawn(renderer, &report, &Style::default()));
            }
        }
    }
}

fn cells(page: &[u8]) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(page);
    reader.records().map(|row| row.expect("CSV").iter().map(str::to_owned).collect()).collect()
}

fn csv(report: &Report, page: &[u8]) {
    let groups = report.groups.as_ref().expect("grouped");
    let keys: Vec<&str> = groups.iter().map(|group| group.key.as_deref().unwrap_or_default()).collect();
    csv_rows(report, &cells(page), "key", &keys);
    let statements = Report { groups: None, ..report.clone() };
    let texts: Vec<&str> = report.statements.iter().map(|statement| statement.text.as_str()).collect();
    csv_rows(&statements, &cells(&drawn("csv", &statements, &Style::default())), "text", &texts);
    assert!(texts.iter().any(|text| text.starts_with('=')), "the log has a statement that begins with =");
}

/// Each row has its text as it is, and none that is a formula where that is asked for.
fn csv_rows(report: &Report, rows: &[Vec<String>], column: &str, texts: &[&str]) {
    assert_eq!(rows.len(), 1 + texts.len());
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    let at = rows[0].iter().position(|name| name == column).expect("a column of texts");
    let safe = cells(&drawn("csv", report, &Style { safe_csv: true, ..Style::default() }));
    for ((row, safe), text) in rows[1..].iter().zip(&safe[1..]).zip(texts) {
        assert_eq!(row[at], *text, "programs get the text as it is");
        let is_formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert!(!safe.iter().any(|cell| is_formula(cell)), "a cell is a formula: {safe:?}");
        assert_eq!(safe[at], if is_formula(text) { format!("'{text}") } else { (*text).to_owned() });
    }
}

fn read(name: &str, log: Vec<u8>) -> (Value, usize) {
    let reading = laggard::read(vec![Input::Memory(name.to_owned(), log)], &settings()).expect("settings are right");
    let mut page = Vec::new();
    laggard::render("json", &laggard::report(&reading, &View::default()), &mut page).expect("to memory");
    (serde_json::from_slice(&page).expect("JSON"), reading.errors.len())
}

/// The log of `fixtures/logs/SOURCE/by-hand`.
fn by_hand(source: &str) -> Vec<u8> {
    let case = crate::corpus::cases().into_iter().find(|c| c.source == source && c.name == "by-hand").expect("a case by hand");
    case.text().expect("not packed")
}

fn numbers(report: &Value) -> (Value, Value, Value, Vec<(String, Value, Value)>) {
    let statements = report["statements"].as_array().expect("a list").iter();
    let statements = statements.map(|s| (s["text"].to_string(), s["calls"].clone(), s["total_us"].clone())).collect();
    (report["totals"]["calls"].clone(), report["totals"]["total_us"].clone(), report["totals"]["errors"].clone(), statements)
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let mut wrong = Vec::new();
    for source in report_sources() {
        let plain = by_hand(source);
        let expected = read("a.log", plain.clone());
        let crlf: Vec<u8> = plain.iter().flat_map(|&b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] }).collect();
        let marked = [b"\xef\xbb\xbf".as_slice(), &plain].concat();
        let both = [b"\xef\xbb\xbf".as_slice(), &crlf].concat();
        for (what, log) in [("CRLF", crlf), ("a BOM", marked), ("a BOM and CRLF", both)] {
            let got = read("a.log", log);
            if (numbers(&got.0), got.1) != (numbers(&expected.0), expected.1) {
                wrong.push(format!("{source} with {what}: {:?} instead of {:?}", numbers(&got.0), numbers(&expected.0)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn report_sources() -> Vec<&'static str> {
    laggard::source::ALL.iter().map(|s| s.name()).collect()
}

/// Cut at any byte, a log gives the calls of its whole records, and what is cut is never lost in silence.
#[test]
fn a_log_that_ends_in_mid_record_gives_what_is_whole() {
    let mut wrong = Vec::new();
    for source in ["pg-stderr", "pg-csvlog", "pg-jsonlog"] {
        let whole = by_hand(source);
        let (report, _) = read("a.log", whole.clone());
        let all = report["totals"]["calls"].as_u64().expect("a number");
        let mut last = 0;
        // From the end of the third line on there is a whole record to know the format by.
        let third = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(2).expect("three lines").0;
        for end in (third + 1..whole.len()).step_by(37) {
            let (report, errors) = read("a.log", whole[..end].to_vec());
            let calls = report["totals"]["calls"].as_u64().expect("a number");
            let skipped = report["inputs"][0]["skipped"].as_array().map_or(0, Vec::len);
            // Without its line end alone a record is whole.
            let is_cut = ![end - 1, end].iter().any(|&at| whole[at] == b'\n');
            if errors > 0 || calls > all || calls + 1 < last || (is_cut && skipped == 0) {
                wrong.push(format!(
                    "{source} cut at byte {end}: {calls} calls of {all} after {last}, {skipped} kinds skipped, {errors} errors"
                ));
            }
            last = calls;
        }
    }
    assert!(wrong.is_empty(), "{} cuts:\n{}", wrong.len(), wrong.join("\n"));
}

/// One record of 100 MB between two small ones.
#[test]
fn a_record_of_100_megabytes_is_read() {
    let mut log = b"2026-11-23 10:00:00.000 UTC [7] a@b/c LOG:  duration: 1.000 ms  statement: SELECT 1\n2026-11-23 10:00:01.000 UTC [7] a@b/c LOG:  duration: 2.000 ms  statement: INSERT INTO t VALUES ('".to_vec();
    log.resize(100 << 20, b'x');
    for at in (1_000..log.len()).step_by(1_000_000) {
        log[at..at + 2].copy_from_slice(b"\n\t");
    }
    log.extend_from_slice(b"')\n2026-11-23 10:00:02.000 UTC [7] a@b/c LOG:  duration: 4.000 ms  statement: SELECT 2\n");
    let started = Instant::now();
    let (report, errors) = read("big.log", log);
    let took = started.elapsed();
    assert_eq!((errors, report["totals"]["calls"].as_u64(), report["totals"]["total_us"].as_u64()), (0, Some(3), Some(7_000)));
    let texts: Vec<&str> = report["statements"].as_array().expect("a list").iter().filter_map(|s| s["text"].as_str()).collect();
    assert!(texts.contains(&"insert into t values ($1)"), "{texts:?}");
    assert!(report.to_string().len() < 100_000, "the record must not be in the report");
    // Without optimisation, on a busy machine; quadratic searching would take hours.
    assert!(took < Duration::from_secs(60), "took {took:?}");
}

/// What a command writes to either stream in a job of GitHub's, and how it exits.
fn in_github(folder: &Path, arguments: &[&str]) -> (Option<i32>, [String; 2]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.env_clear().env("LC_ALL", "C.UTF-8").env("GITHUB_ACTIONS", "true").env("LAGGARD_NO_GITHUB", "1");
    let output = command.current_dir(folder).args(arguments).stdin(Stdio::null()).output().expect("runs");
    (output.status.code(), [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")))
}

/// The runner reads lines of both streams, and a carriage return ends one too.
#[test]
fn no_command_lets_a_log_command_github() {
    let folder = tempfile::tempdir().expect("a folder");
    let sql = "select \"##[error]a\", 'b' from \"x\n::error::c\" as \"\r::add-mask::d\" where id = 1";
    let log: String = (0..40).map(|_| timed(7, 900, "statement", sql)).collect();
    let names = ["##[error]one.log", "::error::two.log"];
    for (name, more) in names.iter().zip(["", "select 1"]) {
        std::fs::write(folder.path().join(name), format!("{log}{}", timed(7, 100, "statement", more))).expect("written");
    }
    std::fs::write(folder.path().join("statements"), sql.replace('\n', " ")).expect("written");
    let id = {
        let (_, [out, _]) = in_github(folder.path(), &["fingerprint", "statements"]);
        out.split('\t').next().expect("an id").to_owned()
    };
    let mut all: Vec<Vec<&str>> = report::ALL.iter().map(|r| vec!["report", names[0], "--format", r.name()]).collect();
    all.retain(|arguments| arguments[3] != "github");
    all.extend(["table", "json", "markdown"].map(|format| vec!["explain", &id, names[0], "--format", format]));
    all.extend(["table", "json"].map(|format| vec!["calibrate", names[0], names[1], "--format", format]));
    all.extend([
        vec!["check", names[0]],
        vec!["compare", "--baseline", names[0], "--candidate", names[1]],
        vec!["fingerprint", "statements"],
        vec!["explain", "ffffffff", names[0]],
        vec!["report", "##[error]gone.log"],
        vec!["report", names[0], "-o", "##[error]out.json"],
        vec!["##[error]one.log"],
        vec!["rules", "##[error]"],
    ]);
    for arguments in all {
        let (code, streams) = in_github(folder.path(), &arguments);
        assert!(streams.iter().any(|text| !text.is_empty()) && code.is_some_and(|code| code < 4), "{arguments:?} {code:?}");
        for line in streams.iter().flat_map(|text| text.split(['\n', '\r'])) {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{arguments:?}: {line}");
        }
    }
}
