//! What stands on a screen: nothing wider than it, times in the zone that was asked for, and the ids that the next command needs.

use std::process::Command;

use laggard::report::{Style, by_name};
use laggard::{Input, View};
use unicode_width::UnicodeWidthStr;

use crate::harness::{settings, slow_minute, timed};

fn run(folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_laggard")).args(arguments).env_clear().current_dir(folder.path()).output().expect("runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn times_in_findings_are_in_the_zone_of_the_reader_and_in_json_in_utc() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pg.log"), slow_minute()).expect("written");
    let told = |command: &[&str], more: &[&str]| run(&folder, &[command, &["pg.log", "--slo", "p95=200ms"], more].concat());
    for command in [&["report"][..], &["check"], &["explain", "select name from users where id = 1"]] {
        for format in ["table", "markdown"] {
            let page = told(command, &["--format", format, "--display-tz", "Asia/Kolkata"]);
            assert!(page.contains("2026-11-23 15:34:00 IST to 2026-11-23 15:35:00 IST"), "{command:?} {format}: {page}");
            assert!(!page.contains("10:0"), "{command:?} {format}: {page}");
            let page = told(command, &["--format", format]);
            assert!(page.contains("2026-11-23 10:04:00 UTC to 2026-11-23 10:05:00 UTC"), "{command:?} {format}: {page}");
        }
        let json = told(command, &["--format", "json", "--display-tz", "Asia/Kolkata"]);
        assert!(json.contains("2026-11-23T10:04:00Z to 2026-11-23T10:05:00Z") && !json.contains("IST"), "{command:?}: {json}");
    }
}

/// As wide as such tables are: times of many digits, errors, and a spread.
fn wide_log() -> String {
    let mut log = String::new();
    for n in 0..12u64 {
        for call in 0..40 {
            log += &timed(
                7,
                1_234_567 * (n + 1) + 991 * call,
                "statement",
                &format!("select c{n}, d{n}, e{n} from a_table_of_{n} where id = {call}"),
            );
        }
        log += &crate::harness::failed(7, "division by zero", &format!("select c{n}, d{n}, e{n} from a_table_of_{n} where id = 1"));
    }
    log
}

#[test]
fn a_table_of_any_usual_width_has_the_ids_and_nothing_is_wider() {
    let reading = laggard::read(vec![Input::Memory("pg.log".into(), wide_log().into_bytes())], &settings()).expect("settings are right");
    let report = laggard::report(&reading, &View::default());
    for width in [60, 80, 100, 120, 200] {
        let mut page = Vec::new();
        let style = Style { width: Some(width), top: Some(20), ..Style::default() };
        by_name("table").expect("known").render(&report, &style, &mut page).expect("to memory");
        let page = String::from_utf8(page).expect("UTF-8");
        let lines: Vec<&str> = page.lines().skip_while(|line| !line.trim_start().starts_with('#')).collect();
        assert!(lines.first().is_some_and(|header| header.contains(" id ")), "{width}: {page}");
        for (line, statement) in lines.iter().skip(1).zip(&report.statements) {
            assert!(line.contains(&statement.id[..6]) && line.width() <= width, "{width}: {line}");
        }
        let above = page.lines().take_while(|line| !line.trim_start().starts_with('#'));
        above.skip(3).for_each(|line| assert!(line.width() <= width, "{width}: {line}"));
    }
}

#[test]
fn costs_on_the_clock_are_told_from_those_of_the_server() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules");
    let folder = tempfile::tempdir().expect("a folder");
    for (log, is_wall) in [("n-plus-one/hit-django-items.log", true), ("lock-wait", false)] {
        let mut log = fixtures.join(log);
        if log.is_dir() {
            let hits = std::fs::read_dir(&log).expect("a folder").map(|entry| entry.expect("an entry").path());
            log = hits.filter(|path| path.to_string_lossy().contains("hit-")).min().expect("a hit");
        }
        let log = log.to_string_lossy().into_owned();
        for format in ["table", "markdown"] {
            let page = run(&folder, &["check", "--no-config", "--format", format, &log]);
            let is_told = [" ms wall ", "wall: time on the clock"].map(|words| page.contains(words));
            assert_eq!(is_told, [is_wall; 2], "{log} {format}: {page}");
        }
    }
}
