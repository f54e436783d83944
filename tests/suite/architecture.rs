//! The layers and the plug points, read from the sources: a single crate has no crate boundaries to enforce them.
//!
//! The table is that of the design: who may name whom. A layer that is not in it, or a name that it does not allow, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use laggard::{finding, report, source};

use crate::corpus::cases;

/// What each layer may name of ours; `report` only in its `build` file names `workload` and what that needs.
const LAYERS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("error", &[]),
    ("event", &["catalog", "units"]),
    ("input", &["error"]),
    ("sql", &["units"]),
    ("source", &["catalog", "event", "units", "error", "sql"]),
    ("saved", &["catalog", "workload", "sql", "event", "input", "error"]),
    ("pipeline", &["input", "saved", "source", "sql", "workload", "event", "units", "error"]),
    ("plan", &["units", "error"]),
    ("workload", &["catalog", "event", "sql", "plan", "units", "error"]),
    ("advice", &["catalog", "sql", "units"]),
    ("catalog", &["units", "error"]),
    ("snapshot", &["catalog", "event", "units", "error"]),
    ("finding", &["advice", "catalog", "workload", "sql", "plan", "units"]),
    ("compare", &["workload", "sql", "plan", "units"]),
    ("report", &["units", "sql"]),
    ("structure", &["sql", "report"]),
    ("live", &["catalog", "event", "snapshot", "sql", "units", "error"]),
    (
        "cli",
        &[
            "advice",
            "catalog",
            "compare",
            "error",
            "event",
            "finding",
            "input",
            "live",
            "pipeline",
            "report",
            "saved",
            "snapshot",
            "source",
            "sql",
            "structure",
            "units",
            "workload",
        ],
    ),
    (
        "lib",
        &[
            "advice",
            "catalog",
            "snapshot",
            "error",
            "input",
            "live",
            "pipeline",
            "plan",
            "report",
            "saved",
            "source",
            "structure",
            "workload",
            "cli",
            "event",
            "sql",
            "units",
        ],
    ),
    ("main", &[]),
];

/// Names that only these files may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlparser", &["sql/shape"]),
    ("comfy_table", &["report/table.rs"]),
    ("indicatif", &["cli/progress.rs"]),
    ("quick_xml", &["report/gate/junit.rs"]),
    ("toml", &["cli/config.rs", "cli/gate_file", "cli/toml_place.rs"]),
    ("strsim", &["cli/toml_place.rs"]),
    ("rayon", &["pipeline/workers.rs", "structure.rs"]),
    ("std::thread", &["pipeline.rs", "structure.rs", "lib.rs", "live/watchdog.rs", "cli/top.rs", "sql/shape/stack.rs"]),
    ("postgres", &["live/"]),
    ("tokio_postgres_rustls", &["live/"]),
    ("rustls", &["live/tls.rs"]),
    ("rustls_platform_verifier", &["live/tls.rs"]),
    ("x509_cert", &["live/common_name.rs"]),
    ("std::net", &["live/"]),
    ("clap", &["cli/"]),
    ("std::fs", &["input/", "live/", "pipeline.rs", "saved/mod.rs", "cli/"]),
    ("std::env", &["cli/", "main.rs"]),
    ("SystemTime", &["cli/"]),
    ("Instant", &["cli/"]),
    ("Zoned::now", &["cli/"]),
    ("stdout", &["cli/"]),
    ("stderr", &["cli/"]),
    ("println!", &[]),
    ("print!", &[]),
    ("eprintln!", &[]),
    ("eprint!", &[]),
    ("dbg!", &[]),
    ("unsafe", &[]),
];

const BUDGET: usize = 400;

/// A source file: its path below `src`, and its code without comments, strings and `#[cfg(test)]` items.
struct File {
    path: String,
    code: String,
}

impl File {
    fn layer(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    rust_files(&root, &mut paths);
    let relative = |path: &Path| path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
    let mut files: Vec<File> = paths
        .iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| File { path: relative(path), code: without_tests(&without_comments(&fs::read_to_string(path).expect("UTF-8"))) })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
}

/// Comments and the insides of strings become blanks; line ends stay.
fn without_comments(text: &str) -> String {
    let pattern =
        regex::Regex::new(r##"(?s)//[^\n]*|/\*.*?\*/|r#".*?"#|b?"(?:[^"\\]|\\.)*"|b?'(?:[^'\\\n]|\\[^\n]+?)'"##).expect("a pattern");
    let blank = |found: &regex::Captures<'_>| found[0].chars().filter(|&c| c == '\n').collect::<String>();
    pattern
        .replace_all(
            text,
            |found: &regex::Captures<'_>| if found[0].starts_with('/') { blank(found) } else { format!("\"\"{}", blank(found)) },
        )
        .into_owned()
}

/// Without the items that `#[cfg(test)]` stands before.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = &rest[at + "#[cfg(test)]".len()..];
        let mut depth = 0;
        let end = rest.char_indices().find(|&(_, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0 && (c == '}' || c == ';')
        });
        rest = end.map_or("", |(at, _)| &rest[at + 1..]);
    }
    kept + rest
}

/// The layers that a file names: `crate::layer`, `crate::{layer, …}`, and `super::` as far up as the crate.
fn named_layers(file: &File) -> BTreeSet<String> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    let depth = file.path.matches('/').count()
        + usize::from(!file.path.ends_with("mod.rs") && !["lib.rs", "main.rs"].contains(&file.path.as_str()));
    for start in ["crate::".to_owned(), "super::".repeat(depth.max(1))] {
        for (at, _) in file.code.match_indices(&start) {
            let before = file.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == ':' || c == '_') {
                continue;
            }
            let rest = &file.code[at + start.len()..];
            let list = rest.strip_prefix('{').map_or(rest, |list| list);
            let mut depth = 0;
            let end = list.find(|c: char| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                c == ';' || depth < 0
            });
            let list = if rest.starts_with('{') { &list[..end.unwrap_or(0)] } else { list };
            for item in split_at_commas(list).into_iter().take(if rest.starts_with('{') { usize::MAX } else { 1 }) {
                named.insert(item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
        }
    }
    let layers: BTreeSet<&str> = LAYERS.iter().map(|(layer, _)| *layer).collect();
    named.into_iter().filter(|name| layers.contains(name.as_str()) && name != file.layer()).collect()
}

fn split_at_commas(list: &str) -> Vec<&str> {
    let mut depth = 0;
    list.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    })
    .collect()
}

#[test]
fn layers_name_only_what_they_may() {
    let table: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in files() {
        let Some(allowed) = table.get(file.layer()) else {
            wrong.push(format!("{}: a layer that is not in the table", file.path));
            continue;
        };
        for name in named_layers(&file) {
            arrows += 1;
            // What a crate re-exports at its root is named through the root by `cli` only.
            let building = file.path.starts_with("report/build") && ["compare", "workload", "event", "finding"].contains(&name.as_str());
            if !allowed.contains(&name.as_str()) && !building {
                wrong.push(format!("{} names {name}", file.path));
            }
        }
        let is_lexer_only = |at: usize| ["lexer", "{lexer"].iter().any(|only| file.code[at..].starts_with(only));
        if file.layer() == "source" {
            let others = file.code.match_indices("crate::sql::").filter(|(at, text)| !is_lexer_only(at + text.len())).count();
            wrong.extend((others > 0).then(|| format!("{} names more of sql than its lexer", file.path)));
        }
        if file.layer() == "report"
            && !file.path.starts_with("report/build")
            && file.code.contains("crate::sql::")
            && !file.code.contains("crate::sql::fingerprint::RULES")
        {
            wrong.push(format!("{} names sql, which only build.rs may, but for the number of the rules", file.path));
        }
        if file.code.contains("use crate::*") || file.code.contains("use super::super::*") {
            wrong.push(format!("{} imports everything", file.path));
        }
    }
    assert!(arrows > 40, "only {arrows} names of layers were found: is the reader of sources broken?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dependencies_are_named_in_their_file_only() {
    let files = files();
    let mut wrong = Vec::new();
    for (name, places) in ONLY_IN {
        let pattern = regex::Regex::new(&format!(r"(?:^|[^\w:.]){}{}", regex::escape(name), if name.ends_with('!') { "" } else { r"\b" }))
            .expect("a pattern");
        let users: Vec<&File> = files.iter().filter(|file| pattern.is_match(&file.code)).collect();
        wrong.extend(
            users
                .iter()
                .filter(|file| !places.iter().any(|place| file.path.starts_with(place)))
                .map(|file| format!("{} names {name}", file.path)),
        );
        let is_a_crate = !name.contains("::")
            && !name.ends_with('!')
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && !["stdout", "stderr", "unsafe"].contains(name);
        assert!(!is_a_crate || !users.is_empty(), "nobody names {name}: is the reader of sources broken?");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sources_do_not_know_each_other() {
    let plugs: Vec<String> = files().iter().filter(|f| f.code.contains("impl Source for")).map(|f| f.path.clone()).collect();
    for file in files().iter().filter(|f| plugs.contains(&f.path)) {
        let stem = |path: &str| path.trim_start_matches("source/").trim_end_matches(".rs").to_owned();
        for other in plugs.iter().filter(|p| **p != file.path) {
            assert!(!file.code.contains(&format!("{}::", stem(other))), "{} names {other}", file.path);
        }
    }
}

#[test]
fn every_plug_is_registered_under_a_name_of_its_own() {
    let count = |of: &str| files().iter().map(|f| f.code.matches(of).count()).sum::<usize>();
    assert_eq!(count("impl Source for "), source::ALL.len(), "a source is not in source::ALL");
    assert_eq!(count("impl Renderer for "), report::ALL.len(), "a renderer is not in report::ALL");
    assert_eq!(count("impl Rule for "), finding::ALL.len(), "a rule is not in finding::ALL");
    let names: Vec<&str> = source::ALL.iter().map(|s| s.name()).chain(report::ALL.iter().map(|r| r.name())).collect();
    let kebab = regex::Regex::new("^[a-z][a-z0-9]*(-[a-z0-9]+)*$").expect("a pattern");
    for name in &names {
        assert!(kebab.is_match(name), "{name} is not kebab-case");
        assert_eq!(names.iter().filter(|n| *n == name).count(), 1, "two plugs are called {name}");
    }
    let extensions: Vec<&str> = report::ALL.iter().flat_map(|r| r.extensions().iter().copied()).collect();
    assert!(
        extensions.iter().all(|e| extensions.iter().filter(|o| *o == e).count() == 1),
        "an extension chooses two renderers: {extensions:?}"
    );
}

#[test]
fn every_plug_is_tested() {
    for source in source::ALL {
        assert!(cases().iter().any(|case| case.source == source.name()), "{} has no fixture", source.name());
        assert!(!source.samples().is_empty() && !source.about().is_empty());
        for sample in source.samples() {
            let found = source::detect(sample.as_bytes(), &laggard::source::Options::default()).map(|found| found.source.name());
            assert_eq!(found, Ok(source.name()), "{sample}");
        }
    }
    // hostile.rs goes through report::ALL and refuses a renderer that it has no checks for.
    let checked: BTreeSet<&str> = crate::hostile::CHECKS.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<&str> = report::ALL.iter().map(|r| r.name()).collect();
    assert_eq!(checked, all, "hostile.rs must check every renderer");
}

#[test]
fn files_are_short_and_named_for_what_they_do() {
    let mut wrong = Vec::new();
    for file in files() {
        let lines = file.code.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > BUDGET {
            wrong.push(format!("{} has {lines} lines of code, {BUDGET} are allowed", file.path));
        }
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if ["utils.rs", "util.rs", "helpers.rs", "common.rs", "types.rs"].contains(&name) {
            wrong.push(format!("{}: a name that says nothing", file.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The reader of sources itself.
#[test]
fn comments_strings_and_tests_are_no_code() {
    let code = without_tests(&without_comments(
        "a /* sqlparser */ // x\n\"crate::cli \\\" {\" 'c' '\\'' b'{' r#\"}\"# &'a str\n#[cfg(test)]\nmod tests { fn f() { crate::cli } }\nb",
    ));
    assert!(
        !code.contains("sqlparser") && !code.contains("crate::cli") && code.contains("&'a str") && code.trim_end().ends_with('b'),
        "{code}"
    );
    let file = |path: &str, code: &str| File { path: path.to_owned(), code: code.to_owned() };
    let named = |path: &str, code: &str| named_layers(&file(path, code)).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(named("source/pg.rs", "use crate::{report::{A, cli}, error::Error}; use crate::units::Micros;"), "error report units");
    assert_eq!(named("source/pg.rs", "use super::super::workload::X; use super::units;"), "workload");
    assert_eq!(named("sql/shape/names.rs", "use super::super::super::cli::X;"), "cli");
    assert_eq!(named("sql/mod.rs", "pub(in crate::sql) fn f(); use super::event::Y;"), "event");
}
