//! `laggard rules` and `laggard explain`: what this build looks for, and what each of it means.

use crate::finding::{self, Meta};

use super::{Exit, Failure, print};

/// One line a rule.
pub(super) fn rules() -> Result<Exit, Failure> {
    let mut text = String::new();
    for rule in finding::ALL {
        let meta = rule.meta();
        text.push_str(&format!("{:<25} {:<7} {}\n", meta.id, meta.severity.name(), meta.title));
    }
    print(text.as_bytes())
}

/// All that is to be said of a rule.
pub(super) fn explain(id: &str) -> Result<Exit, Failure> {
    let Some(rule) = finding::by_id(id) else {
        let near = finding::ALL.iter().map(|rule| rule.meta().id).find(|known| known.starts_with(id) || id.starts_with(known));
        let meant = near.map_or_else(|| "laggard rules lists them".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Failure::trouble(format!("{id}: no rule is called so; {meant}")));
    };
    print(page(rule.meta()).as_bytes())
}

fn page(meta: &Meta) -> String {
    let parts = [
        ("What it finds", meta.what),
        ("Why it costs", meta.why),
        ("How it looks", meta.example),
        ("What to do", meta.remedy),
        ("When to ignore it", meta.ignore),
    ];
    let mut page = format!("{}: {}\nSeverity up to {}.\n", meta.id, meta.title, meta.severity.name());
    for (heading, text) in parts {
        page.push_str(&format!("\n{heading}\n"));
        for line in wrapped(text, 96) {
            page.push_str(&format!("    {line}\n"));
        }
    }
    page
}

/// Lines of at most so many characters, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
