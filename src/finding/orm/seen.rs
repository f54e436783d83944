//! What a single statement bears: signs of libraries, and which of them may have written it.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::sql::fingerprint::Fingerprint;
use crate::workload::{Caller, Statement, Workload};

use super::super::Confidence;
use super::plain::plain;
use super::{ALL, Library, Sign, Weight, decisive};

/// What a pattern of [`Table`] stands for, by number of its library.
enum Meaning {
    Sign(usize, &'static Sign),
    Style(usize),
}

/// All patterns, tried in one go.
struct Table {
    patterns: RegexSet,
    meanings: Vec<Meaning>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let (mut patterns, mut meanings) = (Vec::new(), Vec::new());
    for (number, library) in ALL.iter().enumerate() {
        for sign in library.signs {
            patterns.push(sign.pattern);
            meanings.push(Meaning::Sign(number, sign));
        }
        patterns.push(library.style);
        meanings.push(Meaning::Style(number));
    }
    let patterns = RegexSetBuilder::new(patterns).unicode(false).dot_matches_new_line(true).build().expect("a test builds them");
    Table { patterns, meanings }
});

/// Keys of tags that name a library.
const TAGS: [&str; 3] = ["framework", "db_framework", "db_driver"];

/// What a tag is called as a sign.
static TAG: Sign = decisive("the tag of a framework in its comments", "");

/// What was seen in one statement.
pub(super) struct Seen {
    pub(super) fingerprint: Fingerprint,
    pub(super) callers: Vec<Caller>,
    /// Signs in its text, and the libraries that they are of.
    pub(super) signs: Vec<(usize, &'static Sign)>,
    /// What its tags name. They say which program sent a statement, and it may be one by hand for all that.
    tags: Vec<usize>,
    /// Libraries that it may be of.
    pub(super) styles: Vec<usize>,
}

impl Seen {
    pub(super) fn of(statement: &Statement, workload: &Workload) -> Self {
        let mut seen = Seen {
            fingerprint: statement.fingerprint,
            callers: workload.callers(statement),
            signs: Vec::new(),
            tags: Vec::new(),
            styles: Vec::new(),
        };
        for at in TABLE.patterns.matches(&plain(&statement.sample.sql)) {
            match TABLE.meanings[at] {
                Meaning::Sign(library, sign) => seen.signs.push((library, sign)),
                Meaning::Style(library) => seen.styles.push(library),
            }
        }
        for (_, value, _) in statement.tags().filter(|(key, ..)| TAGS.contains(key)) {
            let value = value.to_ascii_lowercase();
            let named = |library: &&Library| library.tags.iter().any(|start| value.starts_with(start));
            seen.tags.extend(ALL.iter().position(named));
        }
        seen
    }

    /// All that speaks for libraries.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (usize, &'static Sign)> {
        self.signs.iter().copied().chain(self.tags.iter().map(|&library| (library, &TAG)))
    }

    /// The only library that its signs are of, and whether one of them is decisive.
    pub(super) fn own(&self) -> Option<(usize, Confidence)> {
        let (first, _) = *self.signs.first()?;
        let is_decisive = self.signs.iter().any(|(_, sign)| sign.weight == Weight::Decisive);
        let is_only = self.signs.iter().all(|(library, _)| *library == first);
        is_only.then_some((first, if is_decisive { Confidence::High } else { Confidence::Medium }))
    }
}
