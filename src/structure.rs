//! The structure of statements, each parsed once, on threads whose stacks are deep enough for it.
//!
//! sqlparser recurses as deep as the statement nests, and a stack that overflows ends the process, so statements are
//! parsed on threads of their own with large stacks. What it refuses gets its verb and tables from its words.

use rayon::prelude::*;

use crate::report::build::{Structure, Structures};
use crate::sql::fingerprint::Fingerprint;
use crate::sql::lexer::{Dialect, TokenKind, lex};
use crate::sql::shape;

/// The structures of normalised statements, and what the calling thread did `meanwhile`: it is one of the `jobs`.
pub fn structures<T>(statements: &[(Fingerprint, &str)], jobs: usize, meanwhile: impl FnOnce() -> T) -> (Structures, T) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.saturating_sub(1).max(1)).stack_size(shape::DEEP).build();
    let Ok(pool) = pool else {
        return (statements.iter().map(|(fingerprint, text)| (*fingerprint, from_words(text))).collect(), meanwhile());
    };
    let all = || statements.par_iter().map(|(fingerprint, text)| (*fingerprint, structure(text))).collect::<Vec<_>>();
    if jobs < 2 {
        return (pool.install(all).into_iter().collect(), meanwhile());
    }
    let mut read = Vec::new();
    let meanwhile = pool.in_place_scope(|scope| {
        scope.spawn(|_| read = all());
        meanwhile()
    });
    (read.into_iter().collect(), meanwhile)
}

fn structure(text: &str) -> Structure {
    if let Some(shape) = shape::parse(text) {
        return Structure { verb: shape.verb, tables: shape.tables, parsed: Some((shape.pretty, shape.complexity)) };
    }
    from_words(text)
}

fn from_words(text: &str) -> Structure {
    let tokens = lex(text.as_bytes(), Dialect::default()).filter(|t| !matches!(t.kind, TokenKind::Whitespace | TokenKind::Comment));
    let (verb, tables) = shape::from_words(tokens.filter_map(|t| std::str::from_utf8(t.text).ok()));
    Structure { verb, tables, parsed: None }
}
