//! Which table a statement changes, locks or writes anew as a whole, by the words of its normalised text.
//!
//! What it does to the table is not judged here, only whether others have to wait for it: `CONCURRENTLY` makes them not, and
//! nobody knows a table that is new.

use super::lexer::{Dialect, TokenKind, lex};

/// What a statement changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'t> {
    /// The table, or index, as the text writes it, with its schema.
    pub table: String,
    /// The words of the command: `alter table`.
    pub command: &'t str,
    /// Whether those who read or write the table wait until it is done.
    pub blocks: bool,
}

/// The commands, and what stands before the name in each. Of several that fit the first counts.
const COMMANDS: [(&str, Name, bool); 20] = [
    ("alter table", Name::Next, true),
    ("alter index", Name::Next, true),
    ("alter materialized view", Name::Next, true),
    ("drop table", Name::Next, true),
    ("drop index", Name::Next, true),
    ("drop materialized view", Name::Next, true),
    ("drop trigger", Name::On, true),
    ("truncate", Name::Next, true),
    ("create table", Name::Next, false),
    ("create temp", Name::Next, false),
    ("create temporary", Name::Next, false),
    ("create unlogged table", Name::Next, false),
    ("create unique index", Name::On, true),
    ("create index", Name::On, true),
    ("create trigger", Name::On, true),
    ("reindex", Name::Next, true),
    ("cluster", Name::Next, true),
    ("vacuum", Name::Next, true),
    ("lock", Name::Next, true),
    ("refresh materialized view", Name::Next, true),
];

/// What needs no lock that others have to wait for: by command, with the words that say so. A dump takes the first; of ALTER
/// TABLE it is what takes SHARE UPDATE EXCLUSIVE, as the manual says of it.
const WEAK: [(&str, &[&str]); 2] = [
    ("lock", &["in access share mode", "in row share mode", "in row exclusive mode"]),
    ("alter table", &[" validate constraint ", " set statistics ", " attach partition "]),
];

/// Where the name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Behind the command and what [`BETWEEN`] has.
    Next,
    /// Behind ON.
    On,
}

/// Words between a command and a name.
const BETWEEN: [&str; 14] = [
    "table",
    "index",
    "temporary",
    "if",
    "exists",
    "not",
    "only",
    "concurrently",
    "verbose",
    "full",
    "freeze",
    "analyze",
    "temp",
    "schema",
];

impl Change<'_> {
    /// Of a normalised text; `None` if it changes no table, or none that it names.
    #[must_use]
    pub fn of(text: &str) -> Option<Change<'_>> {
        let is_command = |command: &str| text.strip_prefix(command).is_some_and(|rest| rest.starts_with([' ', '(']));
        let (command, place, blocks) = *COMMANDS.iter().find(|(command, ..)| is_command(command))?;
        let command = text.get(..command.len())?;
        let words = words(text.get(command.len()..)?);
        let begin = match place {
            Name::Next => 0,
            Name::On => words.iter().position(|word| *word == "on")? + 1,
        };
        let begin = begin + words.get(begin..)?.iter().take_while(|word| BETWEEN.contains(word)).count();
        let has = |wanted: &str| words.iter().take(begin + 1).any(|word| *word == wanted);
        // Only VACUUM FULL locks others out.
        if command == "vacuum" && !has("full") {
            return None;
        }
        let table = name(words.get(begin..)?)?;
        let is_weak = WEAK.iter().any(|(of, words)| *of == command && words.iter().any(|word| text.contains(word)));
        Some(Change { table, command, blocks: blocks && !has("concurrently") && !is_weak })
    }
}

/// The words of a text without blanks, comments, parentheses and commas.
fn words(text: &str) -> Vec<&str> {
    use TokenKind::{CloseParen, Comma, Comment, OpenParen, Whitespace};
    let counts = |kind| !matches!(kind, Whitespace | Comment | Comma | OpenParen | CloseParen);
    let tokens = lex(text.as_bytes(), Dialect::default()).filter(|token| counts(token.kind));
    tokens.filter_map(|token| std::str::from_utf8(token.text).ok()).take(MOST_WORDS).collect()
}

/// A name stands among the first so many words.
const MOST_WORDS: usize = 64;

/// A name with its schema.
fn name(words: &[&str]) -> Option<String> {
    let is_name = |word: &&&str| word.starts_with(|c: char| c == '"' || c == '_' || c.is_alphabetic());
    let mut name = (*words.first().filter(is_name)?).to_owned();
    for pair in words.get(1..)?.chunks_exact(2).take(2) {
        match pair {
            [".", part] if is_name(&part) => name = format!("{name}.{part}"),
            _ => break,
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::fingerprint::normalise;

    #[test]
    fn the_table_is_that_of_the_command() {
        for (sql, expected) in [
            ("ALTER TABLE orders ADD COLUMN note text", Some(("orders", true))),
            ("ALTER TABLE IF EXISTS ONLY public.orders ADD COLUMN note text", Some(("public.orders", true))),
            ("ALTER TABLE \"Order Items\" DROP COLUMN a", Some(("\"Order Items\"", true))),
            ("CREATE UNIQUE INDEX orders_state ON shop.orders (state)", Some(("shop.orders", true))),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY orders USING gin (tags)", Some(("orders", false))),
            ("CREATE TABLE IF NOT EXISTS fresh (id int)", Some(("fresh", false))),
            ("CREATE TEMPORARY TABLE t AS SELECT 1", Some(("t", false))),
            ("DROP TABLE IF EXISTS a, b", Some(("a", true))),
            ("DROP INDEX CONCURRENTLY i", Some(("i", false))),
            ("TRUNCATE TABLE ONLY events", Some(("events", true))),
            ("VACUUM (FULL, VERBOSE) orders", Some(("orders", true))),
            ("VACUUM FULL orders", Some(("orders", true))),
            ("VACUUM (ANALYZE) orders", None),
            ("VACUUM orders", None),
            ("REINDEX TABLE CONCURRENTLY orders", Some(("orders", false))),
            ("CLUSTER orders USING orders_pkey", Some(("orders", true))),
            ("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", Some(("orders", true))),
            ("LOCK TABLE public.orders IN ACCESS SHARE MODE", Some(("public.orders", false))),
            ("LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE", Some(("orders", true))),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY totals", Some(("totals", false))),
            ("CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()", Some(("orders", true))),
            ("ALTER TABLE orders VALIDATE CONSTRAINT positive", Some(("orders", false))),
            ("ALTER ROLE app SET lock_timeout = '1s'", None),
            ("ALTER TABLE", None),
            ("CREATE INDEX i", None),
            ("SELECT 1 FROM orders", None),
            ("", None),
        ] {
            let text = normalise(sql.as_bytes(), Dialect::default()).text;
            let found = Change::of(&text);
            assert_eq!(found.as_ref().map(|change| (change.table.as_str(), change.blocks)), expected, "{text}");
        }
    }
}
