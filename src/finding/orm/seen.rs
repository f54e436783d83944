//! What a single statement bears: signs of libraries, and which of them may have written it.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::sql::fingerprint::Fingerprint;
use crate::workload::{Caller, Statement, Workload};

use super::super::Confidence;
use super::plain::plain;
use super::{ALL, Library, Sign, Weight, decisive};

/// What a pattern stands for, by number of its library.
enum Meaning {
    Sign(usize, &'static Sign),
    Style(usize),
}

/// Patterns that are tried in one go.
struct Shelf {
    patterns: RegexSet,
    meanings: Vec<Meaning>,
}

/// All patterns. Those that begin alike stand together: an automaton of all of them at once would have ten times as many
/// states, and each is worked out when a text first leads to it.
static SHELVES: LazyLock<Vec<Shelf>> = LazyLock::new(|| {
    let mut shelves: [Vec<(&str, Meaning)>; 4] = Default::default();
    for (number, library) in ALL.iter().enumerate() {
        for sign in library.signs {
            let begins = sign.pattern.trim_start_matches(['^', '(']).starts_with(char::is_lowercase);
            let shelf = usize::from(sign.pattern.starts_with('^')) * (1 + usize::from(begins));
            shelves[shelf].push((sign.pattern, Meaning::Sign(number, sign)));
        }
        shelves[3].push((library.style, Meaning::Style(number)));
    }
    shelves.map(shelf).into()
});

/// Builds the patterns, unless it is done.
pub(super) fn prepare() {
    LazyLock::force(&SHELVES);
}

fn shelf(patterns: Vec<(&str, Meaning)>) -> Shelf {
    let (patterns, meanings): (Vec<&str>, Vec<Meaning>) = patterns.into_iter().unzip();
    let patterns = RegexSetBuilder::new(patterns).unicode(false).dot_matches_new_line(true).build().expect("a test builds them");
    Shelf { patterns, meanings }
}

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
        let text = plain(&statement.sample.sql);
        for (shelf, at) in SHELVES.iter().flat_map(|shelf| shelf.patterns.matches(&text).into_iter().map(move |at| (shelf, at))) {
            match shelf.meanings[at] {
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
