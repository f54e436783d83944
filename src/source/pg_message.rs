//! What a PostgreSQL log record says, whatever format carried it: durations, statements, errors, waits.
//!
//! English messages are recognised by their words. Servers with another `lc_messages` translate every word but keep the
//! structure, so a record of unknown words is recognised by it: `<words>: <number> <unit>  <word> [name]: <statement>`.
//! What structure cannot decide (is this word ERROR or NOTICE?) is handed on as it is and decided from the whole log.
//!
//! Message texts: `exec_simple_query` and its neighbours in `src/backend/tcop/postgres.c`, `ProcSleep` in
//! `storage/lmgr/proc.c`, `ReportTemporaryFileUsage` in `storage/file/fd.c`.

use crate::event::{Ended, Event, Item, Note, Step, What, Who};
use crate::units::{Micros, Timestamp};

use super::pg_plan;

/// The severity of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// LOG.
    Log,
    /// DEBUG, INFO, NOTICE, WARNING.
    Quiet,
    /// ERROR, FATAL, PANIC.
    Error,
    /// In another language.
    Foreign,
}

/// One log entry with its satellites.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'r> {
    pub(super) time: Timestamp,
    pub(super) offset: u64,
    pub(super) who: &'r Who<'r>,
    pub(super) severity: Severity,
    pub(super) word: &'r [u8],
    pub(super) sqlstate: Option<[u8; 5]>,
    /// The command tag (`%i`, `ps`).
    pub(super) tag: Option<&'r [u8]>,
    pub(super) query_id: Option<i64>,
    /// `%v` behind the slash, or 0.
    pub(super) transaction: u32,
    pub(super) message: &'r [u8],
    pub(super) detail: Option<&'r [u8]>,
    pub(super) statement: Option<&'r [u8]>,
}

/// Whether a DETAIL of any language holds parameters, `<words>: $1 = …`.
pub(super) fn has_parameters(detail: &[u8]) -> bool {
    memchr::memchr(b':', detail).is_some_and(|colon| detail[colon + 1..].trim_ascii_start().starts_with(b"$1 = "))
}

/// The severity that a word names.
pub(super) fn severity(word: &[u8]) -> Severity {
    match word {
        b"LOG" => Severity::Log,
        b"ERROR" | b"FATAL" | b"PANIC" => Severity::Error,
        b"DEBUG" | b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" | b"INFO" | b"NOTICE" | b"WARNING" => Severity::Quiet,
        _ => Severity::Foreign,
    }
}

/// Hands on what a record says.
pub(super) fn interpret(record: &Record<'_>, out: &mut dyn FnMut(&Item<'_>)) {
    match classified(record) {
        Severity::Quiet => {}
        Severity::Error => out(&error(record)),
        severity => {
            if let Some(said) = said(record) {
                if record.severity == Severity::Foreign || is_foreign(record.message) {
                    out(&note(record, What::LogWord { word: record.word }));
                }
                if said.step == Step::Plan {
                    let plan = said.sql;
                    let statement = plan.and_then(pg_plan::statement);
                    return out(&Item::Event(Event { plan, ..event(record, Said { sql: statement.as_deref(), ..said }) }));
                }
                out(&Item::Event(event(record, said)));
            } else if let Some(what) = what(record.message) {
                out(&note(record, with_holders(what, record.detail)));
            } else if severity == Severity::Foreign {
                // An error may begin like one too: `DELETE kann nicht …`.
                let is_sql = record.statement.is_none() && looks_like_sql(record.message);
                // The DETAIL of a deadlock names the locks of both sides.
                let deadlock = record.detail.is_some_and(|detail| memchr::memmem::find_iter(detail, b"Lock").count() > 1);
                let note = Note { sql: if is_sql { Some(record.message) } else { record.statement }, ..bare(record) };
                out(&Item::Note(Note { what: What::Unfamiliar { word: record.word, message: record.message, is_sql, deadlock }, ..note }));
            }
        }
    }
}

/// A SQLSTATE decides where the word is foreign: classes 00, 01 and 02 are no errors.
fn classified(record: &Record<'_>) -> Severity {
    match (record.severity, record.sqlstate) {
        (Severity::Foreign, Some([b'0', b'0', ..])) => Severity::Log,
        (Severity::Foreign, Some([b'0', b'1' | b'2', ..])) => Severity::Quiet,
        (Severity::Foreign, Some(_)) => Severity::Error,
        (severity, _) => severity,
    }
}

/// Who holds a lock stands in the DETAIL.
fn with_holders<'r>(what: What<'r>, detail: Option<&'r [u8]>) -> What<'r> {
    match (what, detail) {
        (What::LockWait { waited, lock, ended, .. }, Some(detail)) => What::LockWait { waited, lock, ended, holders: holders(detail) },
        _ => what,
    }
}

fn bare<'r>(record: &Record<'r>) -> Note<'r> {
    Note { at: record.time, who: record.who, sql: record.statement, what: What::Statement }
}

fn note<'r>(record: &Record<'r>, what: What<'r>) -> Item<'r> {
    Item::Note(Note { what, ..bare(record) })
}

fn error<'r>(record: &Record<'r>) -> Item<'r> {
    note(record, What::Error { severity: record.word, sqlstate: record.sqlstate, message: record.message })
}

fn said<'r>(record: &Record<'r>) -> Option<Said<'r>> {
    timed(record).or_else(|| untimed(record.message))
}

#[inline]
fn event<'r>(record: &Record<'r>, said: Said<'r>) -> Event<'r> {
    Event {
        ended: record.time,
        took: said.took,
        who: record.who,
        sql: said.sql,
        step: said.step,
        portal: said.portal,
        plan: None,
        detail: record.detail,
        query_id: record.query_id.filter(|&id| id != 0),
        transaction: record.transaction,
        rows: said.rows,
        at: record.offset,
    }
}

/// What a duration or statement line says.
struct Said<'r> {
    took: Option<Micros>,
    step: Step,
    portal: Option<&'r [u8]>,
    sql: Option<&'r [u8]>,
    rows: Option<u64>,
}

impl<'r> Said<'r> {
    fn new(took: Option<Micros>, step: Step, sql: Option<&'r [u8]>) -> Self {
        Said { took, step, portal: None, sql, rows: None }
    }
}

/// Whether a message of any language tells a duration.
pub(super) fn says_duration(message: &[u8]) -> bool {
    foreign_number(message).is_some()
}

/// Whether a message that tells a duration or a statement does so in another language than English.
fn is_foreign(message: &[u8]) -> bool {
    !["duration: ", "statement: ", "execute "].iter().any(|words| message.starts_with(words.as_bytes()))
}

/// `duration: 0.102 ms  execute S_1: SELECT …` in any language.
fn timed<'r>(record: &Record<'r>) -> Option<Said<'r>> {
    let message = record.message;
    let number_at = match message.strip_prefix(b"duration: ") {
        Some(_) => b"duration: ".len(),
        None => foreign_number(message)?,
    };
    let (took, length) = millis(&message[number_at..])?;
    let rest = &message[number_at + length..];
    // What most lines go on with; the rest of this finds the same.
    if let Some(sql) = rest.strip_prefix(b" ms  statement: ") {
        return Some(Said::new(Some(took), Step::Simple, Some(sql)));
    }
    // The unit is a word of its own; it is translated too.
    let rest = rest.strip_prefix(b" ")?;
    if let Some(said) = plainly_stepped(rest).filter(|_| record.tag.is_none()) {
        return Some(Said { took: Some(took), ..said });
    }
    let unit = rest.iter().position(|&b| matches!(b, b' ' | b',' | b'\n' | b'\r')).unwrap_or(rest.len());
    let (rest, rows) = rows(&rest[unit..]);
    // French puts a comma where the others put two blanks.
    let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    if rest.is_empty() {
        return Some(Said { rows, ..Said::new(Some(took), Step::Simple, None) });
    }
    if let Some(plan) = rest.strip_prefix(b"plan:") {
        return Some(Said::new(Some(took), Step::Plan, Some(plan)));
    }
    Some(Said { took: Some(took), rows, ..stepped(rest, record.tag)? })
}

/// What the plainest names are made of.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'<' | b'>');
        byte += 1;
    }
    table
};

/// `ms  execute S_1/C_1: SELECT …` where the name is of the plainest: what [`stepped`] finds, found faster.
fn plainly_stepped(text: &[u8]) -> Option<Said<'_>> {
    let (step, text) = match text.strip_prefix(b"ms  ")? {
        [b'e', b'x', b'e', b'c', b'u', b't', b'e', b' ', text @ ..] => (Step::Execute, text),
        [b'b', b'i', b'n', b'd', b' ', text @ ..] => (Step::Bind, text),
        [b'p', b'a', b'r', b's', b'e', b' ', text @ ..] => (Step::Parse, text),
        _ => return None,
    };
    let end = text.iter().position(|&b| !PLAIN[usize::from(b)])?;
    match &text[end..] {
        [b':', b' ', sql @ ..] if end > 0 => Some(Said::new(None, step, Some(sql))),
        [b'/', rest @ ..] if end > 0 => {
            let length = rest.iter().position(|&b| !PLAIN[usize::from(b)]).filter(|&length| length > 0)?;
            let sql = rest[length..].strip_prefix(b": ")?;
            Some(Said { portal: Some(&rest[..length]), ..Said::new(None, step, Some(sql)) })
        }
        _ => None,
    }
}

/// Where the number stands in `<words>: 0.102 <unit>`: behind a colon near the beginning, with three decimals.
fn foreign_number(message: &[u8]) -> Option<usize> {
    let head = &message[..message.len().min(80)];
    let colon = memchr::memchr(b':', head)?;
    let at = colon + 1 + head[colon + 1..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let words = head[..colon].iter().all(|&b| b.is_ascii_alphabetic() || b >= 0x80 || b == b' ');
    (words && colon > 0 && millis(&message[at..]).is_some()).then_some(at)
}

/// A number with exactly three decimals, as a count of thousandths, and its length.
fn millis(text: &[u8]) -> Option<(Micros, usize)> {
    let (mut whole, mut length) = (0_u64, 0);
    while let Some(digit) = text.get(length).filter(|b| b.is_ascii_digit()) {
        whole = whole.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        length += 1;
    }
    let &[b'.' | b',', a, b, c, ref behind @ ..] = text.get(length..)? else { return None };
    let has_three = a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() && !behind.first().is_some_and(u8::is_ascii_digit);
    if length == 0 || !has_three {
        return None;
    }
    let thousandths = u64::from(a - b'0') * 100 + u64::from(b - b'0') * 10 + u64::from(c - b'0');
    Some((Micros(whole.saturating_mul(1_000).saturating_add(thousandths)), length + 4))
}

/// Postgres Pro puts `  rows: 3 size: 120 bytes` between the duration and the statement.
fn rows(text: &[u8]) -> (&[u8], Option<u64>) {
    let Some(rest) = text.trim_ascii_start().strip_prefix(b"rows: ") else { return (text, None) };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let rows = std::str::from_utf8(&rest[..digits]).ok().and_then(|n| n.parse().ok());
    let behind = memchr::memmem::find(rest, b"bytes").map_or(digits, |at| at + b"bytes".len());
    (&rest[behind..], rows)
}

/// `execute S_1/C_1: SELECT …`: which step, which portal, and the statement.
fn stepped<'r>(text: &'r [u8], tag: Option<&[u8]>) -> Option<Said<'r>> {
    if let Some(sql) = text.strip_prefix(b"statement: ") {
        return Some(Said::new(None, Step::Simple, Some(sql)));
    }
    let (head, sql) = head_and_statement(text)?;
    let head = head.trim_ascii();
    let (words, name, sql) = match step_and_name(head) {
        Some((words, name)) => (words, name, sql),
        // Spanish puts a colon before the name as well.
        None => match head_and_statement(sql).filter(|(name, sql)| !name.contains(&b' ') && looks_like_sql(sql)) {
            Some((name, sql)) => (head, name, sql),
            None => return Some(Said::new(None, Step::Simple, Some(sql))),
        },
    };
    let step = match (words, tag) {
        (b"parse", _) | (_, Some(b"PARSE")) => Step::Parse,
        (b"bind", _) | (_, Some(b"BIND")) => Step::Bind,
        (b"execute", _) => Step::Execute,
        (b"execute fetch from", _) => Step::Fetch,
        _ => Step::Foreign(number(words)),
    };
    let portal = memchr::memrchr(b'/', name).map(|at| &name[at + 1..]).filter(|p| !p.is_empty());
    Some(Said { portal, ..Said::new(None, step, Some(sql)) })
}

/// `execute S_1` in two; languages without blanks glue the name to the word, and some put it first.
fn step_and_name(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let last_foreign = head.iter().rposition(|b| !b.is_ascii());
    match (memchr::memrchr(b' ', head), last_foreign) {
        (Some(blank), None) => Some((head[..blank].trim_ascii_end(), &head[blank + 1..])),
        (Some(blank), Some(foreign)) if blank > foreign => Some((head[..blank].trim_ascii_end(), &head[blank + 1..])),
        (Some(blank), Some(foreign)) if foreign + 1 == head.len() && head[0].is_ascii() => Some((&head[blank + 1..], &head[..blank])),
        (_, Some(foreign)) if foreign + 1 < head.len() => Some(head.split_at(foreign + 1)),
        _ => None,
    }
}

/// A name may contain a colon (`py:0x7f:`), so the head ends at the first colon with a blank behind it.
fn head_and_statement(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b':', text.get(from..)?)?;
        match text.get(at + 1) {
            Some(b' ' | b'\n' | b'\r' | b'\t') => return Some((&text[..at], &text[at + 2..])),
            None => return Some((&text[..at], b"")),
            _ => from = at + 1,
        }
    }
}

/// A number for a word, to tell one foreign word from another. FNV-1a, 32 bits.
fn number(word: &[u8]) -> u32 {
    word.iter().fold(0x811c_9dc5, |hash, &b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// `statement: SELECT …` and `execute S_1: SELECT …`, which `log_statement` writes without a duration.
fn untimed(message: &[u8]) -> Option<Said<'_>> {
    if let Some(sql) = message.strip_prefix(b"statement: ") {
        return Some(Said::new(None, Step::Simple, Some(sql)));
    }
    let said = stepped(message, None)?;
    let sql = said.sql?;
    match said.step {
        Step::Execute | Step::Fetch if message.starts_with(b"execute ") => Some(said),
        Step::Simple | Step::Foreign(_) if announces(message) && looks_like_sql(sql) => {
            let step = if said.step == Step::Simple { Step::Simple } else { Step::Execute };
            Some(Said { step, ..said })
        }
        _ => None,
    }
}

/// Whether a message begins with a word or two, perhaps with a prepared statement's name, and a colon.
fn announces(message: &[u8]) -> bool {
    let word = message.iter().take_while(|&&b| b.is_ascii_alphabetic() || b >= 0x80).count();
    let known_otherwise = [b"parameter".as_slice(), b"process", b"connection", b"checkpoint", b"automatic", b"AUDIT"];
    // `esecuzione di S_1` is the longest that any language has.
    let colon = memchr::memchr(b':', message).unwrap_or(message.len());
    let short = message[..colon].iter().filter(|&&b| b == b' ').count() <= 2;
    short && word > 1 && matches!(message.get(word), Some(b':' | b' ')) && !known_otherwise.iter().any(|w| message.starts_with(w))
}

/// Whether a text begins with a word that begins SQL statements.
pub(super) fn looks_like_sql(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    if text.starts_with(b"(") || text.starts_with(b"/*") || text.starts_with(b"--") {
        return true;
    }
    let length = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    const VERBS: &[&str] = &[
        "abort",
        "alter",
        "analyze",
        "begin",
        "call",
        "checkpoint",
        "close",
        "cluster",
        "comment",
        "commit",
        "copy",
        "create",
        "deallocate",
        "declare",
        "delete",
        "discard",
        "do",
        "drop",
        "end",
        "execute",
        "explain",
        "fetch",
        "grant",
        "insert",
        "listen",
        "lock",
        "merge",
        "move",
        "notify",
        "prepare",
        "reassign",
        "refresh",
        "reindex",
        "release",
        "reset",
        "revoke",
        "rollback",
        "savepoint",
        "select",
        "set",
        "show",
        "start",
        "table",
        "truncate",
        "unlisten",
        "update",
        "vacuum",
        "values",
        "with",
    ];
    let delimited = text.get(length).is_none_or(|&b| b.is_ascii_whitespace() || matches!(b, b';' | b'(' | b'*' | b'\'' | b'"'));
    delimited && VERBS.iter().any(|v| v.as_bytes().eq_ignore_ascii_case(&text[..length]))
}

/// What a LOG message without a statement of its own says.
fn what(message: &[u8]) -> Option<What<'_>> {
    match message.first()? {
        b'c' if message.starts_with(b"connection received") => Some(What::Connection),
        b'c' if message.starts_with(b"connection authorized") => Some(What::Authorised),
        b'c' if message.starts_with(b"checkpoint complete") => Some(What::Checkpoint),
        b'r' if message.starts_with(b"restartpoint complete") => Some(What::Checkpoint),
        b'd' if message.starts_with(b"disconnection: ") => Some(What::Disconnection),
        b'a' if message.starts_with(b"automatic ") && memchr::memmem::find(message, b"vacuum").is_some() => Some(What::Autovacuum),
        b'p' if message.starts_with(b"parameter \"") => setting(message),
        _ => temp_file(message).or_else(|| lock_wait(message)),
    }
}

/// Whether a LOG message is one that a STATEMENT follows, as far as it is known here.
pub(super) fn carries_statement(message: &[u8]) -> bool {
    temp_file(message).is_some() || lock_wait(message).is_some()
}

/// `parameter "x" changed to "y"`.
fn setting(message: &[u8]) -> Option<What<'_>> {
    let mut quoted = message.split(|&b| b == b'"').skip(1).step_by(2);
    Some(What::Setting { name: quoted.next()?, value: quoted.next()? })
}

/// `temporary file: path "base/pgsql_tmp/pgsql_tmp20639.0", size 10149888`: the path and the number are in no language.
fn temp_file(message: &[u8]) -> Option<What<'_>> {
    memchr::memmem::find(message, b"pgsql_tmp")?;
    let digits = message.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let bytes = std::str::from_utf8(&message[message.len() - digits..]).ok()?.parse().ok()?;
    Some(What::TempFile { bytes })
}

/// `process 20643 still waiting for ShareLock on transaction 997 after 300.133 ms`: a lock mode, and a time at the end.
fn lock_wait(message: &[u8]) -> Option<What<'_>> {
    let mode = memchr::memmem::find(message, b"Lock")?;
    let start = memchr::memrchr2(b' ', b'\xa0', &message[..mode]).map_or(0, |at| at + 1);
    // A statement that waits while it is parsed has a place where it is.
    let message = memchr::memmem::rfind(message, b" at character ").map_or(message, |at| &message[..at]);
    let unit = memchr::memrchr(b' ', message)?;
    let number = memchr::memrchr(b' ', &message[..unit])? + 1;
    let (waited, length) = millis(&message[number..])?;
    if number + length != unit || number < mode {
        return None;
    }
    // The word before the number, `after`, is part of no lock.
    let lock = message.get(start..number)?.trim_ascii_end();
    let lock = &lock[..memchr::memrchr(b' ', lock).unwrap_or(lock.len())];
    let says = |words: &[u8]| memchr::memmem::find(message, words).is_some();
    let ended = if says(b"detected deadlock") {
        Ended::InDeadlock
    } else if says(b" still waiting ") {
        Ended::Waiting
    } else if says(b" acquired ") {
        Ended::Acquired
    } else {
        Ended::Unknown
    };
    Some(What::LockWait { waited, lock, ended, holders: b"" })
}

/// `Process holding the lock: 20687. Wait queue: 20643.` or `Processes holding the lock: 20687, 20690. …`.
fn holders(detail: &[u8]) -> &[u8] {
    let list = detail.strip_prefix(b"Process").and_then(|rest| Some(&rest[memchr::memmem::find(rest, b"holding the lock: ")? + 18..]));
    list.map_or(b"", |list| &list[..memchr::memchr(b'.', list).unwrap_or(list.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Duration in microseconds, step, portal and statement.
    type What4 = Option<(Option<u64>, Step, Option<String>, Option<String>)>;

    fn told(message: &str) -> What4 {
        let record = Record {
            time: Timestamp(0),
            offset: 0,
            who: &Who::default(),
            severity: Severity::Log,
            word: b"LOG",
            sqlstate: None,
            tag: None,
            query_id: None,
            transaction: 0,
            message: message.as_bytes(),
            detail: None,
            statement: None,
        };
        let owned = |text: Option<&[u8]>| text.map(|t| String::from_utf8_lossy(t).into_owned());
        super::said(&record).map(|e| (e.took.map(|t| t.0), e.step, owned(e.portal), owned(e.sql)))
    }

    fn timed_as(step: Step, sql: &str) -> What4 {
        Some((Some(102), step, None, Some(sql.to_owned())))
    }

    #[test]
    fn english_lines_are_read_by_their_words() {
        assert_eq!(told("duration: 0.102 ms  statement: SELECT 1"), timed_as(Step::Simple, "SELECT 1"));
        assert_eq!(told("duration: 0.102 ms statement: SELECT 1"), timed_as(Step::Simple, "SELECT 1"));
        assert_eq!(told("duration: 0.102 ms  parse <unnamed>: SELECT 1"), timed_as(Step::Parse, "SELECT 1"));
        assert_eq!(told("duration: 0.102 ms  bind S_1: SELECT 1"), timed_as(Step::Bind, "SELECT 1"));
        assert_eq!(told("duration: 0.102 ms  execute py:0x7f:: SELECT 1"), timed_as(Step::Execute, "SELECT 1"));
        assert_eq!(told("duration: 0.102 ms"), Some((Some(102), Step::Simple, None, None)));
        assert_eq!(told("statement: BEGIN"), Some((None, Step::Simple, None, Some("BEGIN".into()))));
        assert_eq!(told("execute <unnamed>: SELECT 1"), Some((None, Step::Execute, None, Some("SELECT 1".into()))));
    }

    #[test]
    fn portals_and_fetches_are_told_apart() {
        let fetch = told("duration: 0.102 ms  execute fetch from <unnamed>/C_1: SELECT 1");
        assert_eq!(fetch, Some((Some(102), Step::Fetch, Some("C_1".into()), Some("SELECT 1".into()))));
        let first = told("duration: 0.102 ms  execute S_2/C_1: SELECT 1");
        assert_eq!(first, Some((Some(102), Step::Execute, Some("C_1".into()), Some("SELECT 1".into()))));
    }

    #[test]
    fn other_languages_are_read_by_their_structure() {
        assert_eq!(told("Dauer: 0.102 ms  Anweisung: SELECT 1"), timed_as(Step::Simple, "SELECT 1"));
        assert_eq!(told("durée : 0.102 ms, instruction : SELECT 1"), timed_as(Step::Simple, "SELECT 1"));
        assert!(matches!(told("Dauer: 0.102 ms  Binden <unnamed>: SELECT 1"), Some((Some(102), Step::Foreign(_), None, Some(_)))));
        assert_eq!(told("Anweisung: SELECT 1"), Some((None, Step::Simple, None, Some("SELECT 1".into()))));
        assert_eq!(told("erwarte Verbindungen auf IPv4-Adresse: select"), None);
    }

    #[test]
    fn rows_between_duration_and_statement_are_read() {
        assert_eq!(told("duration: 0.102 ms  rows: 3 size: 120 bytes  statement: SELECT 1"), timed_as(Step::Simple, "SELECT 1"));
    }

    #[test]
    fn waits_files_and_settings_are_noted() {
        let wait = what(b"process 20643 still waiting for ShareLock on transaction 997 after 300.133 ms");
        assert_eq!(
            wait,
            Some(What::LockWait { waited: Micros(300_133), lock: b"ShareLock on transaction 997", ended: Ended::Waiting, holders: b"" })
        );
        let parsed = what(b"process 7 acquired AccessShareLock on relation 16423 of database 5 after 300.133 ms at character 15");
        let lock = b"AccessShareLock on relation 16423 of database 5".as_slice();
        assert_eq!(parsed, Some(What::LockWait { waited: Micros(300_133), lock, ended: Ended::Acquired, holders: b"" }));
        assert_eq!(holders(b"Processes holding the lock: 20687, 20690. Wait queue: 20643."), b"20687, 20690");
        assert_eq!(holders(b"Process holding the lock: 20687. Wait queue: 20643."), b"20687");
        assert_eq!(holders("Prozess, der die Sperre hält: 1.".as_bytes()), b"");
        let german = what("Prozess 1 erlangte ShareLock-Sperre auf Transaktion 997 nach 900,460 ms".as_bytes());
        assert_eq!(
            german,
            Some(What::LockWait {
                waited: Micros(900_460),
                lock: b"ShareLock-Sperre auf Transaktion 997",
                ended: Ended::Unknown,
                holders: b""
            })
        );
        assert_eq!(
            what(b"temporary file: path \"base/pgsql_tmp/pgsql_tmp20639.0\", size 10149888"),
            Some(What::TempFile { bytes: 10_149_888 })
        );
        assert_eq!(
            what(b"parameter \"log_min_duration_statement\" changed to \"250\""),
            Some(What::Setting { name: b"log_min_duration_statement", value: b"250" })
        );
        assert_eq!(what(b"database system is ready to accept connections"), None);
    }
}
