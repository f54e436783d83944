//! Learns from the head of a log which words of the server's language are satellites and which begin records.
//!
//! `elog.c` writes the lines of one report in one moment and one session, its STATEMENT last; statements are SQL in every
//! language. So a word whose text is SQL is STATEMENT, and a word that only ever continues a report is DETAIL, HINT or the
//! like. No word is known beforehand but the English ones.

use std::collections::BTreeMap;

use crate::units::Timestamp;

use super::lines;
use super::pg_message::{Severity, has_parameters, looks_like_sql, says_duration};
use super::pg_prefix::{Kind, Prefix, Satellite};
use super::pg_time::{Clock, UTC};

/// How a word was used.
#[derive(Default)]
struct Use {
    times: usize,
    /// Its text was SQL.
    sql: usize,
    /// Its text was parameters.
    parameters: usize,
    /// It stood before a duration.
    duration: usize,
}

/// The satellites among the foreign words of a log's head.
pub(super) fn satellites(head: &[u8], prefix: &Prefix) -> Vec<(Box<[u8]>, Satellite)> {
    let lines = foreign_lines(head, prefix);
    let mut uses: BTreeMap<&[u8], Use> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_foreign) {
        let used = uses.entry(line.word).or_default();
        used.times += 1;
        used.sql += usize::from(looks_like_sql(line.text));
        used.parameters += usize::from(has_parameters(line.text));
        used.duration += usize::from(says_duration(line.text));
    }
    let log: Vec<&[u8]> = uses.iter().filter(|(_, u)| u.duration > 0).map(|(word, _)| *word).collect();
    let statements: Vec<&[u8]> =
        uses.iter().filter(|(word, u)| u.sql * 2 > u.times && !log.contains(word)).map(|(word, _)| *word).collect();
    let details: Vec<&[u8]> = uses.iter().filter(|(_, u)| u.parameters > 0).map(|(word, _)| *word).collect();
    let mut found: Vec<(Box<[u8]>, Satellite)> = Vec::new();
    found.extend(statements.iter().map(|word| ((*word).into(), Satellite::Statement)));
    found.extend(details.iter().map(|word| ((*word).into(), Satellite::Detail)));
    for word in uses.keys().filter(|word| !log.contains(word) && !statements.contains(word) && !details.contains(word)) {
        if continues_always(word, &lines, &log, &statements) {
            found.push(((*word).into(), Satellite::Detail));
        }
    }
    found
}

/// Whether a word was only ever used in the moment of a report of its session that was still open.
fn continues_always(word: &[u8], lines: &[Line<'_>], log: &[&[u8]], statements: &[&[u8]]) -> bool {
    let mut continued = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.word == word) {
        let before = lines[..at].iter().rfind(|earlier| earlier.session == line.session);
        match before {
            // What follows LOG may be either.
            Some(before) if before.time == line.time && (log.contains(&before.word) || before.word == b"LOG") => {}
            Some(before) if before.time == line.time && !statements.contains(&before.word) && before.word != word => continued += 1,
            _ => return false,
        }
    }
    continued > 0
}

struct Line<'h> {
    session: u64,
    time: Timestamp,
    word: &'h [u8],
    text: &'h [u8],
    is_foreign: bool,
}

fn foreign_lines<'h>(head: &'h [u8], prefix: &Prefix) -> Vec<Line<'h>> {
    let mut clock = Clock::new(&UTC);
    let line = |line: &'h [u8]| {
        let head = prefix.head(line, &mut clock)?;
        let is_foreign = head.kind == Kind::Primary(Severity::Foreign);
        Some(Line { session: head.who.session, time: head.time, word: head.word, text: &line[head.message..], is_foreign })
    };
    lines(head).map(|(_, line)| line).filter(|line| line.first() != Some(&b'\t')).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_learnt_from_its_use() {
        let at = |seconds: u32, text: &str| format!("2026-11-23 05:33:{seconds:02}.000 UTC [7] {text}\n");
        let log = [
            at(1, "Qlo:  dur: 1.000 ms  bin <unnamed>: SELECT $1"),
            at(1, "Qde:  par: $1 = 'x'"),
            at(2, "Qer:  no such thing"),
            at(2, "Qhi:  try another"),
            at(2, "Qst:  SELECT nothing"),
            at(3, "Qer:  wrong word"),
            at(3, "Qst:  SELEC 1"),
            at(4, "Qer:  no such thing"),
            at(4, "Qst:  UPDATE t SET a = 1"),
        ]
        .concat();
        let prefix = Prefix::compile("%m [%p] ").expect("compiles");
        let learnt = satellites(log.as_bytes(), &prefix);
        let of = |word: &str| learnt.iter().find(|(known, _)| **known == *word.as_bytes()).map(|(_, s)| *s);
        assert_eq!([of("Qst"), of("Qde"), of("Qhi")], [Some(Satellite::Statement), Some(Satellite::Detail), Some(Satellite::Detail)]);
        assert_eq!([of("Qer"), of("Qlo")], [None, None]);
    }
}
