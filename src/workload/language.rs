//! Words of other languages, learnt from the order in which a server uses them.
//!
//! Whatever the language, parse comes before bind and bind before execute, an error's STATEMENT line is SQL and comes in the
//! same moment as its message, and the word before a duration is LOG. Nothing here is a list of words.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;

use crate::event::Step;

/// What has been learnt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Language {
    steps: BTreeMap<u32, Learnt>,
    words: Vec<Box<str>>,
    /// Words that stood before durations.
    log: BTreeSet<Box<str>>,
    /// Words whose message was SQL.
    statement: BTreeSet<u32>,
    /// How often each word began a report with each message.
    reports: BTreeMap<(u32, Box<str>), u64>,
    /// For each first word and further word of a report: the statements that the further word gave, and how often.
    further: BTreeMap<(u32, u32), HashMap<u32, u64, FixedState>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Learnt {
    Parse,
    Bind,
    Execute,
}

/// An error that turned out to be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) severity: Box<str>,
    pub(super) message: Box<str>,
    pub(super) count: u64,
}

/// No language has more words for severities; what comes after is hostile, and is one word.
const MOST_WORDS: usize = 256;

/// How many different messages are kept.
const MOST_MESSAGES: usize = 10_000;

impl Language {
    /// The step that a word means, if that is known.
    pub(super) fn step(&self, word: u32) -> Option<Step> {
        self.steps.get(&word).map(|learnt| match learnt {
            Learnt::Parse => Step::Parse,
            Learnt::Bind => Step::Bind,
            Learnt::Execute => Step::Execute,
        })
    }

    /// Learns from lines of one statement that followed each other: three are parse, bind and execute.
    pub(super) fn learn(&mut self, words: &[u32]) {
        if let [parse, bind, execute] = words {
            self.steps.entry(*parse).or_insert(Learnt::Parse);
            self.steps.entry(*bind).or_insert(Learnt::Bind);
            self.steps.entry(*execute).or_insert(Learnt::Execute);
        }
    }

    /// What the word at `at` of so many lines means where nothing has been learnt: a call ends in execute.
    pub(super) fn guess(at: usize, of: usize) -> Step {
        match of - at {
            1 => Step::Execute,
            2 => Step::Bind,
            _ => Step::Parse,
        }
    }

    pub(super) fn number(&mut self, word: &str) -> u32 {
        let at = self.words.iter().position(|w| &**w == word).unwrap_or_else(|| {
            if self.words.len() < MOST_WORDS {
                self.words.push(word.into());
            }
            self.words.len() - 1
        });
        u32::try_from(at).expect("a language has fewer words")
    }

    /// Whether the server speaks another language than English.
    pub(super) fn is_foreign(&self) -> bool {
        !self.log.is_empty()
    }

    /// The words that stood before durations.
    pub(super) fn words_of_log(&self) -> Vec<String> {
        self.log.iter().map(|word| word.to_string()).collect()
    }

    /// Adds what was learnt of another log, once both have ended.
    pub(super) fn merge(&mut self, other: &Language) {
        other.log.iter().for_each(|word| self.is_log(word));
    }

    pub(super) fn is_log(&mut self, word: &str) {
        if !self.log.contains(word) && self.log.len() < MOST_WORDS {
            self.log.insert(word.into());
        }
    }

    pub(super) fn report(&mut self, word: u32, message: &str) {
        let message = if self.reports.len() < MOST_MESSAGES { message } else { "…" };
        *self.reports.entry((word, message.into())).or_default() += 1;
    }

    /// A further line of a report; answers whether it was the report's statement, which is its last line.
    pub(super) fn further(&mut self, first: u32, word: u32, statement: u32, is_sql: bool) -> bool {
        if is_sql {
            self.statement.insert(word);
        }
        *self.further.entry((first, word)).or_default().entry(statement).or_default() += 1;
        self.statement.contains(&word)
    }

    /// A report whose statement stood beside it.
    pub(super) fn complete(&mut self, word: u32, statement: u32) {
        *self.further.entry((word, word)).or_default().entry(statement).or_default() += 1;
        self.statement.insert(word);
    }

    /// Decides, with the whole log read, which reports were errors: those whose word is not LOG.
    pub(super) fn resolve(&mut self) -> (Vec<Resolved>, Vec<(u32, u64)>) {
        let is_error = |word: &u32| !self.log.contains(&self.words[*word as usize]);
        let errors = self.reports.iter().filter(|((word, _), _)| is_error(word)).map(|((word, message), &count)| Resolved {
            severity: self.words[*word as usize].clone(),
            message: message.clone(),
            count,
        });
        let mut statements: Vec<(u32, u64)> = self
            .further
            .iter()
            .filter(|((first, word), _)| is_error(first) && self.statement.contains(word))
            .flat_map(|(_, counts)| counts.iter().map(|(&statement, &count)| (statement, count)))
            .collect();
        statements.sort_unstable();
        let resolved = (errors.collect(), statements);
        self.reports.clear();
        self.further.clear();
        resolved
    }
}
