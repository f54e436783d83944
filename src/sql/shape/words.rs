//! The verb and the tables of a statement as far as its words tell, where no parser will help.
//!
//! It refuses to know about grammar: it looks for the words that lead to a table's name, minds parentheses and common
//! table expressions, and is content to be nearly right. It knows neither the lexer whose tokens it is given nor sqlparser.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::names::unquoted;
use super::verbs;
use crate::sql::words::is_reserved;

/// Most words that [`from_words`] reads. Normalised text of that length is generated text, and the look-ups below are only
/// quick for less.
const WORD_LIMIT: usize = 32 * 1024;

/// The verb and the tables as far as words tell, for statements that sqlparser refuses.
///
/// `words` are the canonical tokens in order: words, operators, punctuation, `$1`; quoted names in their quotes;
/// `schema.table` as three tokens. Total: any sequence gives an answer, though for text cut short it is the answer of what
/// remains, and words beyond the first 32 768 are not read. The name of a common table expression hides a table of that
/// name in the whole statement, except within the expression's own body.
pub fn from_words<'a>(words: impl Iterator<Item = &'a str>) -> (String, Vec<String>) {
    let words: Vec<&str> = words.take(WORD_LIMIT).collect();
    let mut first = None;
    let mut tables = BTreeSet::new();
    for statement in words.split(|word| *word == ";").filter(|words| !words.is_empty()) {
        let verb = verbs::of_words(statement);
        Words::new(statement).tables(&verb, &mut tables);
        first.get_or_insert(verb);
    }
    (first.unwrap_or_default(), tables.into_iter().collect())
}

/// What the words at one depth of parentheses have shown so far.
#[derive(Default)]
struct Level {
    /// A statement has begun here, so that FROM names tables; in `extract($1 from x)` it does not.
    is_query: bool,
    /// DELETE or MERGE: USING names tables.
    has_using: bool,
    /// Within a list of tables: a comma leads to the next.
    is_list: bool,
}

/// The role in which a table is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// In a FROM list: it may be a function or a common table expression instead.
    Item,
    /// As the target of a command.
    Target,
}

/// The words of one statement, with what can be known before the tables are looked for.
struct Words<'w, 'a> {
    words: &'w [&'a str],
    /// For each opening parenthesis, where it closes.
    closing: Vec<usize>,
    /// Each common table expression, with the bodies in which its name still means a table.
    ctes: BTreeMap<&'a str, Vec<Range<usize>>>,
}

impl<'w, 'a> Words<'w, 'a> {
    fn new(words: &'w [&'a str]) -> Self {
        let mut closing = vec![words.len(); words.len()];
        let mut open = Vec::new();
        for (at, word) in words.iter().enumerate() {
            match *word {
                "(" => open.push(at),
                ")" => {
                    if let Some(slot) = open.pop().and_then(|open: usize| closing.get_mut(open)) {
                        *slot = at;
                    }
                }
                _ => {}
            }
        }
        let mut this = Self { words, closing, ctes: BTreeMap::new() };
        for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "with") {
            this.read_with(at + 1);
        }
        this
    }

    fn at(&self, at: usize) -> &'a str {
        self.words.get(at).copied().unwrap_or_default()
    }

    fn behind(&self, open: usize) -> usize {
        self.closing.get(open).map_or(open, |close| close.saturating_add(1))
    }

    fn read_with(&mut self, mut at: usize) {
        let is_recursive = self.at(at) == "recursive";
        at += usize::from(is_recursive);
        while is_name(self.at(at)) {
            let name = self.at(at);
            at += 1;
            if self.at(at) == "(" {
                at = self.behind(at);
            }
            if self.at(at) != "as" {
                return;
            }
            at += 1;
            while matches!(self.at(at), "not" | "materialized") {
                at += 1;
            }
            if self.at(at) != "(" {
                return;
            }
            let end = self.behind(at);
            self.ctes.entry(name).or_default().push(if is_recursive { at..at } else { at..end });
            at = end;
            if self.at(at) != "," {
                return;
            }
            at += 1;
        }
    }

    fn tables(&self, verb: &str, tables: &mut BTreeSet<String>) {
        // GRANT SELECT ON t TO a, REVOKE SELECT ON t FROM a: the words of queries, and no query.
        if matches!(verb, "grant" | "revoke") {
            return;
        }
        let mut levels = vec![Level::default()];
        for (at, word) in self.words.iter().enumerate() {
            let is_top = levels.len() == 1;
            match *word {
                "(" | "[" => levels.push(Level::default()),
                ")" | "]" if !is_top => {
                    levels.pop();
                }
                _ => {}
            }
            let Some(level) = levels.last_mut() else {
                continue;
            };
            let role = self.role(at, level, verb, is_top);
            level.pass(word);
            level.is_list |= match role {
                Some(Role::Item) => true,
                Some(Role::Target) => LISTING.contains(&verb),
                None => false,
            };
            tables.extend(role.and_then(|role| self.name(at + 1, role)));
        }
    }

    /// Whether the word at `at` leads to the name of a table.
    fn role(&self, at: usize, level: &Level, verb: &str, is_top: bool) -> Option<Role> {
        let before = |back: usize| at.checked_sub(back).map_or("", |at| self.at(at));
        let (item, target) = (Some(Role::Item), Some(Role::Target));
        match self.at(at) {
            "from" if before(1) == "distinct" && matches!(before(2), "is" | "not") => None,
            "from" | "join" if level.is_query => item,
            "using" if level.has_using => item,
            "," if level.is_list => item,
            "into" | "table" => target,
            // Not FOR UPDATE, DO UPDATE, ON UPDATE, THEN UPDATE.
            "update" => match before(1) {
                "" | "(" | ")" | "as" | "explain" | "analyze" | "verbose" => target,
                _ => None,
            },
            "view" if is_top && verb.ends_with("view") => target,
            "on" if is_top && ON_TABLE.contains(&verb) => target,
            "vacuum" | "analyze" | "truncate" | "lock" | "copy" | "cluster" if at == 0 => target,
            _ => None,
        }
    }

    /// The table named at `at`, where one is.
    fn name(&self, at: usize, role: Role) -> Option<String> {
        let mut at = self.behind_particles(at, role);
        let first = self.at(at);
        if !is_name(first) {
            return None;
        }
        let mut name = unquoted(first).to_owned();
        at += 1;
        while self.at(at) == "." {
            let part = self.at(at + 1);
            if !part.starts_with(starts_name) {
                return None;
            }
            name.push('.');
            name.push_str(unquoted(part));
            at += 2;
        }
        let is_function = self.at(at) == "(" || (first == "rows" && self.at(at) == "from");
        if role == Role::Item && (is_function || self.is_cte(&name, first, at)) {
            return None;
        }
        Some(name)
    }

    fn behind_particles(&self, mut at: usize, role: Role) -> usize {
        // VACUUM (FULL) t, but COPY (SELECT ..): there the words inside speak for themselves.
        if role == Role::Target && self.at(at) == "(" && matches!(self.at(0), "vacuum" | "analyze") {
            at = self.behind(at);
        }
        while PARTICLES.contains(&self.at(at)) {
            let next = self.at(at + 1);
            let is_particle = !is_name(self.at(at)) || is_name(next) || PARTICLES.contains(&next);
            if !is_particle {
                break;
            }
            at += 1 + usize::from(self.at(at) == "only" && next == "(");
        }
        at
    }

    fn is_cte(&self, name: &str, first: &str, at: usize) -> bool {
        let bodies = self.ctes.get(first).filter(|_| name == unquoted(first));
        bodies.is_some_and(|bodies| !bodies.iter().any(|body| body.contains(&at)))
    }
}

impl Level {
    fn pass(&mut self, word: &str) {
        match word {
            "select" => *self = Self { is_query: true, ..Self::default() },
            "delete" | "merge" => *self = Self { is_query: true, has_using: true, is_list: false },
            "update" | "insert" => (self.is_query, self.is_list) = (true, false),
            _ if LIST_ENDS.contains(&word) => self.is_list = false,
            _ => {}
        }
    }
}

/// Commands that take a list of tables.
const LISTING: [&str; 8] =
    ["truncate", "lock", "vacuum", "analyze", "drop table", "drop view", "drop materialized view", "drop foreign table"];

/// Commands that name their table behind ON.
const ON_TABLE: [&str; 7] =
    ["create index", "create trigger", "create policy", "alter trigger", "alter policy", "drop trigger", "drop policy"];

/// Words that may stand between a command or FROM and the name.
#[rustfmt::skip]
const PARTICLES: [&str; 13] = [
    "only", "table", "if", "not", "exists", "concurrently", "temp", "temporary", "unlogged", "verbose", "full", "freeze",
    "analyze",
];

/// Words that end a FROM list. ON does not: `from a join b on a.x = b.x, c`.
#[rustfmt::skip]
const LIST_ENDS: [&str; 14] = [
    "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for", "union", "intersect", "except",
    "returning", "set",
];

fn is_name(word: &str) -> bool {
    word.starts_with(starts_name) && !is_reserved(word) && !matches!(word, "values" | "set")
}

fn starts_name(first: char) -> bool {
    first.is_alphabetic() || first == '_' || first == '"'
}
