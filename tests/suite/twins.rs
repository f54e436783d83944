//! One log in several formats, as a server writes it that is told to: a folder's calls count once.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What the server wrote of one run in a format.
fn written(source: &str, run: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs").join(source).join(run);
    let mut files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let input = files.find(|path| path.file_name().is_some_and(|name| name == "input.log.gz")).expect("an input");
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(input).expect("opened")).read_to_end(&mut text).expect("read");
    text
}

/// The formats of the files of the server's folder.
const FILES: [(&str, &str); 3] = [("pg-csvlog", "csv"), ("pg-jsonlog", "json"), ("pg-stderr", "log")];

/// A folder with one run in all formats, written so many times over.
fn folder(run: &str, times: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (source, extension) in FILES {
        fs::write(folder.path().join(format!("postgresql.{extension}")), written(source, run).repeat(times)).expect("written");
    }
    folder
}

struct Told {
    calls: u64,
    formats: Vec<String>,
    warnings: Vec<String>,
}

fn report(folder: &Path, inputs: &[&str]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.args(["report", "--no-config", "--format", "json", "--timezone", "UTC"]).args(inputs).env_clear().current_dir(folder);
    let page = command.output().expect("runs").stdout;
    let document: Value = serde_json::from_slice(&page).expect("JSON");
    let all = |list: &str, key: &str| {
        let all = document[list].as_array().expect("a list").iter();
        all.map(|one| one[key].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    Told {
        calls: document["totals"]["calls"].as_u64().expect("a number"),
        formats: all("inputs", "format"),
        warnings: all("warnings", "id"),
    }
}

impl Told {
    fn count(&self, warning: &str) -> usize {
        self.warnings.iter().filter(|id| *id == warning).count()
    }
}

#[test]
fn a_folder_with_one_run_in_three_formats_counts_once() {
    // The longer ones have beginnings and ends that are not all of the file.
    for (run, times) in [("default", 1), ("german", 1), ("default", 40)] {
        let folder = folder(run, times);
        let (alone, all) = (report(folder.path(), &["postgresql.csv"]), report(folder.path(), &["."]));
        assert!(alone.calls > 0);
        assert_eq!((all.calls, all.formats.as_slice()), (alone.calls, &["pg-csvlog".to_owned()][..]), "{run}, {times} times");
        assert_eq!((all.count("same-log-left-out"), all.count("same-log-in-two-formats")), (1, 0), "{run}: {:?}", all.warnings);
    }
}

#[test]
fn a_saved_run_tells_what_was_left_out_of_it() {
    let folder = folder("default", 1);
    let saved = tempfile::tempdir().expect("a folder");
    let file = saved.path().join("run.lag");
    let mut command = Command::new(env!("CARGO_BIN_EXE_laggard"));
    command.args(["save", "--no-config", "--quiet", ".", "-o"]).arg(&file).env_clear().current_dir(folder.path());
    assert!(command.status().expect("runs").success());
    let again = report(saved.path(), &["run.lag"]);
    assert_eq!((again.calls, again.count("same-log-left-out")), (report(folder.path(), &["postgresql.csv"]).calls, 1));
}

#[test]
fn files_that_are_named_are_all_read() {
    let folder = folder("default", 1);
    let files = ["postgresql.csv", "postgresql.json", "postgresql.log"];
    let sum: u64 = files.iter().map(|file| report(folder.path(), &[file]).calls).sum();
    let all = report(folder.path(), &files);
    assert_eq!((all.calls, all.count("same-log-left-out"), all.count("same-log-in-two-formats")), (sum, 0, 2));
}

#[test]
fn what_is_not_surely_the_same_run_is_read() {
    let path = |folder: &tempfile::TempDir, name: &str| folder.path().join(name);
    // Another run under the same name.
    let other = folder("default", 1);
    fs::write(path(&other, "postgresql.csv"), written("pg-csvlog", "german")).expect("written");
    fs::remove_file(path(&other, "postgresql.json")).expect("removed");
    // Half of the run only: what is in the other half would be lost.
    let half = folder("default", 40);
    let text = written("pg-csvlog", "default");
    let end = memchr::memrchr(b'\n', &text[..text.len() / 2]).expect("a line");
    fs::write(path(&half, "postgresql.csv"), &text[..=end]).expect("written");
    fs::remove_file(path(&half, "postgresql.json")).expect("removed");
    // The same run under another name may be a copy of somebody's, and is no business of names.
    let renamed = folder("default", 1);
    fs::rename(path(&renamed, "postgresql.csv"), path(&renamed, "other.csv")).expect("renamed");
    fs::remove_file(path(&renamed, "postgresql.json")).expect("removed");
    for (folder, warnings) in [(other, 1), (half, 1), (renamed, 0)] {
        let all = report(folder.path(), &["."]);
        assert_eq!((all.formats.len(), all.count("same-log-left-out"), all.count("same-log-in-two-formats")), (2, 0, warnings));
    }
}
