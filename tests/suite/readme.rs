//! What the README quotes is what the program says. `LAGGARD_BLESS=1` renews it.

use std::process::Command;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

fn says(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_laggard")).args(arguments).output().expect("runs");
    String::from_utf8(output.stdout).expect("text")
}

fn quoted(section: &str, arguments: &[&str]) {
    let readme = std::fs::read_to_string(README).expect("is there");
    let (open, close) = (format!("<!-- {section} -->\n"), format!("<!-- /{section} -->"));
    let start = readme.find(&open).expect("has the section") + open.len();
    let end = start + readme[start..].find(&close).expect("ends the section");
    let expected = format!("```text\n{}\n```\n", says(arguments).trim_end());
    if std::env::var_os("LAGGARD_BLESS").is_some() {
        let renewed = format!("{}{expected}{}", &readme[..start], &readme[end..]);
        std::fs::write(README, renewed).expect("writable");
    } else {
        assert_eq!(&readme[start..end], expected, "run the tests with LAGGARD_BLESS=1 to renew {section} in the README");
    }
}

#[test]
fn the_readme_quotes_the_program() {
    quoted("formats", &["formats"]);
    quoted("help", &["--help"]);
    quoted("rules", &["rules"]);
}

#[test]
fn the_readme_lists_every_exit_code_that_is_returned() {
    let readme = std::fs::read_to_string(README).expect("is there");
    for code in [0, 1, 2, 3, 130] {
        assert!(readme.contains(&format!("| {code} | ")), "{code}");
    }
}
