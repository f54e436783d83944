//! Finds the `log_line_prefix` of a log that was not told: known prefixes first, then one pieced together from the lines.
//!
//! A prefix is right if the lines of the head begin with it; among those that fit equally well the one with the most fields
//! wins, because a short one may hide fields in the long text of another (`%d` would swallow `/%a`).

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::pg_prefix::{Head, Prefix};
use super::pg_time::{Clock, UTC, civil};
use super::pg_verify::verified;
use super::{BOM, lines};

/// Prefixes that PostgreSQL, its packagers, the clouds and pgBadger's manual recommend.
const KNOWN: &[&str] = &[
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%m [%p] %q%u@%d/%a ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%r ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%t [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%m:%r:%u@%d:[%p]:",
    "%t:%r:%u@%d:[%p]:",
    "%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t-%c-",
    "%t-%c-%u-%d-%h-",
    "%m-%p-%l-%e-%u-%d-",
    "%n [%p] %q%u@%d/%a ",
    "%t ",
    "%m ",
];

/// Lines that a syslog daemon wrote: a time, a host, a program with its process. Of bytes, since the tables of Unicode take
/// longer to compile than the head takes to read.
const SYSLOG: &str = r"(?-u)^(?:<\d+>(?:1 )?)?(?:[A-Z][a-z]{2} +\d+ [\d:.]+|\d{4}-\d\d-\d\dT\S+) [^\s\[\]]+ [\w./\x80-\xff-]+\[\d+\]: ";

/// Compiled once, although every input is looked at twice: whether it is such a log, and what prefix it has.
static COMPILED: LazyLock<Option<(Regex, Patterns)>> = LazyLock::new(|| Some((Regex::new(SYSLOG).ok()?, Patterns::new()?)));

/// Signs that are no letters separate, in any script.
const WORD: &str = r#"^(?:\[unknown\]|[\w$][\w[!-~&&[^,;|:~='"\[\](){}<>]]]*)"#;

/// As above on bytes; few logs need it.
static WORD_OF_ANY_SCRIPT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WORD).ok());

/// How many lines of the head are looked at.
const LINES: usize = 300;
/// How many are enough to give up on a prefix that fits fewer than half of them.
const GLANCE: usize = 16;
/// The share of lines that must begin with a prefix, in per cent. Foreign lines come in every log, but a prefix that leaves
/// more of them is wrong, and to ask for the right one is better than to read half.
const ENOUGH: usize = 70;
/// In a short log so many foreign lines prove nothing.
const FEW: usize = 3;

/// The prefix of a log that begins with `head`; `None` if no prefix fits, so that it is no such log.
pub(super) fn infer(head: &[u8]) -> Option<Prefix> {
    let head = head.strip_prefix(BOM).unwrap_or(head);
    let lines: Vec<&[u8]> =
        lines(head).map(|(_, line)| line).filter(|l| !l.is_empty() && !l[0].is_ascii_whitespace()).take(LINES).collect();
    // The last line of a head is cut unless it is the only one.
    let lines = if lines.len() > 1 && !head.ends_with(b"\n") { &lines[..lines.len() - 1] } else { &lines };
    if lines.first().is_some_and(|l| l[0] == b'{') {
        return None;
    }
    let (syslog, patterns) = COMPILED.as_ref()?;
    if lines.iter().take(20).filter(|line| syslog.is_match(line)).count() * 2 > lines.len().min(20) {
        return None;
    }
    let mut best: Option<(usize, usize, Prefix)> = None;
    let mut consider = |text: &str| {
        let Some(prefix) = Prefix::compile(text).ok().filter(|p| !p.is_implausible()) else { return };
        // Most guesses fail at once.
        let first = &lines[..lines.len().min(GLANCE)];
        if score(&prefix, first, patterns).0 * 2 < first.len() {
            return;
        }
        let score = score(&prefix, lines, patterns);
        if score.0 > 0 && best.as_ref().is_none_or(|(lines, fields, _)| score > (*lines, *fields)) {
            best = Some((score.0, score.1, prefix));
        }
    };
    KNOWN.iter().copied().for_each(&mut consider);
    pieced_together(lines, patterns).iter().map(String::as_str).for_each(&mut consider);
    let (.., prefix) = best.filter(|(matched, ..)| {
        let others = lines.len() - matched;
        matched * 100 >= lines.len() * ENOUGH || (others <= FEW && others < *matched)
    })?;
    let prefix = verified(prefix, lines)?;
    // `%m` and `%t` read the same; say the one that it is.
    let has_fraction = lines.iter().find_map(|line| civil(line)).is_some_and(|(_, length)| length > 19);
    let text = prefix.text().to_owned();
    if text.starts_with("%m") && !has_fraction { Prefix::compile(&text.replacen("%m", "%t", 1)).ok() } else { Some(prefix) }
}

/// Whether any line of a head begins with the prefix.
pub(super) fn fits(head: &[u8], prefix: &Prefix) -> bool {
    let mut clock = Clock::new(&UTC);
    lines(head.strip_prefix(BOM).unwrap_or(head)).any(|(_, line)| prefix.head(line, &mut clock).is_some())
}

/// How many lines begin with the prefix, and how many of its fields are of use: those behind `%q` only if a line has them.
fn score(prefix: &Prefix, lines: &[&[u8]], patterns: &Patterns) -> (usize, usize) {
    let mut clock = Clock::new(&UTC);
    let heads: Vec<_> = lines
        .iter()
        .filter_map(|line| {
            let head = prefix.head(line, &mut clock)?;
            // What looks like a severity may be a word of the prefix; the real one further on has two blanks.
            let is_word = !line[..head.message].ends_with(b":  ") && patterns.severity.is_match(&line[head.message..]);
            (!is_word).then_some(head)
        })
        .collect();
    let named = |head: &Head<'_>| head.who.user.or(head.who.database).or(head.who.application).or(head.who.host).is_some();
    (heads.len(), prefix.fields(heads.iter().any(named)))
}

/// Whether something stripped the tabs off continuation lines: none is tabbed, and most of the lines that are no records
/// go on like SQL.
pub(super) fn has_bare_continuations(head: &[u8], prefix: &Prefix) -> bool {
    let mut clock = Clock::new(&UTC);
    let (mut bare, mut sql) = (0usize, 0usize);
    for (_, line) in lines(head) {
        if line.first() == Some(&b'\t') {
            return false;
        }
        if !line.is_empty() && prefix.head(line, &mut clock).is_none() {
            bare += 1;
            sql += usize::from(goes_on_like_sql(line));
        }
    }
    bare > 2 && sql * 2 > bare
}

fn goes_on_like_sql(line: &[u8]) -> bool {
    const CLAUSES: &[&str] = &[
        "from",
        "where",
        "and",
        "or",
        "join",
        "left",
        "inner",
        "order",
        "group",
        "limit",
        "set",
        "values",
        "on",
        "having",
        "union",
        "select",
        "returning",
        "into",
        "using",
        "case",
        "when",
        "else",
        "end",
        "offset",
        "in",
        "as",
        "not",
        "exists",
        "with",
    ];
    let line = line.trim_ascii_start();
    let length = line.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    matches!(line.first(), Some(b'(' | b')' | b',' | b'\'' | b'"'))
        || CLAUSES.iter().any(|c| c.as_bytes().eq_ignore_ascii_case(&line[..length]))
}

/// Prefixes made from what stands before the severity in the most telling lines, with `%q` wherever it may be.
fn pieced_together(lines: &[&[u8]], patterns: &Patterns) -> Vec<String> {
    let mut heads: Vec<&[u8]> = lines.iter().filter_map(|line| patterns.head(line)).collect();
    // Lines of client sessions have more to tell than those of background processes, or of clients not known yet.
    let unknown = |head: &[u8]| memchr::memmem::find(head, b"[unknown]").is_some();
    heads.sort_by_key(|head| (unknown(head), std::cmp::Reverse(head.len())));
    heads.dedup_by_key(|head| head.len());
    let mut guesses = Vec::new();
    for head in heads.iter().take(6) {
        let pieces = patterns.pieces(head);
        guesses.push(pieces.concat());
        // The blank before the optional part is written for every process.
        for at in (1..pieces.len()).filter(|&at| pieces[at] != " ") {
            let optional = [&pieces[..at], &["%q".to_owned()], &pieces[at..]].concat();
            guesses.push(optional.concat());
        }
    }
    guesses
}

/// What people put between fields, blanks apart.
const DELIMITERS: &[u8] = b"<>[](){}|;~,\t";

struct Patterns {
    /// With the two blanks that the server writes, and as some shippers leave it.
    severity: Regex,
    squeezed: Regex,
    foreign: Regex,
    /// What a piece of the head looks like, and what it stands for; tried in order.
    pieces: Vec<(Regex, Piece)>,
    key: Regex,
    /// `%c`, whose second part is the process.
    session: Regex,
    /// A time with a fraction.
    fraction: Regex,
}

#[derive(Clone, Copy)]
enum Piece {
    Time,
    Plain(&'static str),
    /// `[123]`
    Process,
    /// `user@database`
    Account,
    Number,
    Word,
}

impl Patterns {
    fn new() -> Option<Self> {
        let backend = r"^(?:client backend|postmaster|startup|checkpointer|background writer|walwriter|autovacuum (?:launcher|worker)|logical replication (?:launcher|worker)|parallel worker|walsender|walreceiver|archiver|logger|stats collector|not initialized|background worker|io worker|slotsync worker)\b";
        let pieces = [
            (r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:[A-Z]{1,5}(?:[+-]\d+)?|[+-]\d\d(?::?\d\d)?)\b)?", Piece::Time),
            (r"^\d{9,11}\.\d{3}\b", Piece::Plain("%n")),
            (r"^[0-9a-f]{6,}\.[0-9a-f]+\b", Piece::Plain("%c")),
            (r"^\[\d+-1\]", Piece::Plain("[%l-1]")),
            (r"^\[ *\d+ *\]", Piece::Process),
            (backend, Piece::Plain("%b")),
            (r"^(?:\[local\]|[\w.:-]+\(\d+\))", Piece::Plain("%r")),
            (r"^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+:[0-9a-f]+)\b", Piece::Plain("%h")),
            (r"^-?\d+/\d+\b", Piece::Plain("%v")),
            // Five digits may be a process; a SQLSTATE is mostly the one of success, and has a letter otherwise.
            (r"^(?:00000|[0-9]{2}(?:[A-Z][0-9A-Z]{2}|[0-9][A-Z][0-9A-Z]|[0-9]{2}[A-Z]))\b", Piece::Plain("%e")),
            (r"^[^\s@\[\]]+@[^\s@/,;\[\]]+", Piece::Account),
            (r"^-?\d+\b", Piece::Number),
            (
                r"^(?:SELECT|INSERT|UPDATE|DELETE|BEGIN|COMMIT|ROLLBACK|PARSE|BIND|EXECUTE|SET|idle in transaction|idle|authentication|startup)\b",
                Piece::Plain("%i"),
            ),
            (WORD, Piece::Word),
        ];
        let severity = r"(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG\d?|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):";
        // See `SYSLOG` on bytes.
        let bytes = |pattern: &str| RegexBuilder::new(pattern).unicode(false).build().ok();
        let piece = |(pattern, piece)| Some((bytes(pattern)?, piece));
        Some(Patterns {
            severity: bytes(&format!("{severity}  "))?,
            squeezed: bytes(&format!("{severity} "))?,
            foreign: bytes(r"[A-Za-z\x80-\xff]{2,40} ?:  ")?,
            pieces: pieces.into_iter().map(piece).collect::<Option<Vec<_>>>()?,
            key: bytes(r"^([A-Za-z_]+)[=:]")?,
            session: bytes(r"\b[0-9a-f]{8}\.([0-9a-f]+)\b")?,
            fraction: bytes(r"\d\d:\d\d:\d\d[.,]\d")?,
        })
    }

    /// What stands before the severity.
    fn head<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let line = &line[..line.len().min(400)];
        let found = self.severity.find(line).or_else(|| self.foreign.find(line)).or_else(|| self.squeezed.find(line))?;
        (found.start() > 0).then_some(&line[..found.start()])
    }

    fn pieces(&self, head: &[u8]) -> Vec<String> {
        let mut guess = Guess::of(head, self);
        let mut pieces: Vec<String> = Vec::new();
        let mut at = 0;
        while at < head.len() {
            let rest = &head[at..];
            let boundary = at == 0 || !head[at - 1].is_ascii_alphanumeric();
            let (piece, length) =
                match boundary.then(|| self.piece(rest, at > 0 && DELIMITERS.contains(&head[at - 1]), &mut guess)).flatten() {
                    Some(found) => found,
                    None if rest[0] == b'%' => ("%%".to_owned(), 1),
                    // Padding: one blank stands for many, and none for those before a delimiter.
                    None if rest[0] == b' ' => {
                        let blanks = rest.iter().take_while(|&&b| b == b' ').count();
                        let delimits = |b: Option<&u8>| b.is_some_and(|b| DELIMITERS.contains(b));
                        let padded = blanks > 1 && (delimits(rest.get(blanks)) || delimits(at.checked_sub(1).and_then(|at| head.get(at))));
                        (if padded { String::new() } else { " ".to_owned() }, blanks)
                    }
                    None => first_character(rest),
                };
            if !piece.is_empty() {
                pieces.push(piece);
            }
            at += length;
        }
        pieces
    }

    /// What begins at a boundary, and its length. Behind a delimiter a name may have blanks and runs to the next.
    fn piece(&self, rest: &[u8], delimited: bool, guess: &mut Guess) -> Option<(String, usize)> {
        if let Some(found) = self.keyed(rest) {
            return Some(found);
        }
        let find = |(regex, piece): &(Regex, Piece)| {
            let regex = if matches!(piece, Piece::Word) && !rest.is_ascii() { WORD_OF_ANY_SCRIPT.as_ref()? } else { regex };
            regex.find(rest).map(|found| (*piece, found.len()))
        };
        let (piece, length) = self.pieces.iter().find_map(find)?;
        let to_delimiter = rest.iter().position(|b| DELIMITERS.contains(b)).filter(|&end| delimited && end > length);
        match (piece, to_delimiter) {
            (Piece::Word, Some(end)) => Some((guess.piece(piece, &rest[..end]), end)),
            _ => Some((guess.piece(piece, &rest[..length]), length)),
        }
    }

    fn has_process(&self, head: &[u8]) -> bool {
        self.pieces.iter().any(|(regex, piece)| matches!(piece, Piece::Process) && (0..head.len()).any(|at| regex.is_match(&head[at..])))
    }

    /// `user=bob,` and the like: the key names the escape, and the value runs to the next key or separator.
    fn keyed(&self, text: &[u8]) -> Option<(String, usize)> {
        let key = self.key.find(text)?.as_bytes();
        let Some(escape) = escape_of(&key[..key.len() - 1]) else {
            // `ts=` and the like are there for people; what follows tells what it is.
            return key.ends_with(b"=").then(|| (String::from_utf8_lossy(key).into_owned(), key.len()));
        };
        let value = &text[key.len()..];
        if let Some(quote @ (b'\'' | b'"')) = value.first() {
            let close = 1 + memchr::memchr(*quote, &value[1..])?;
            let quote = char::from(*quote);
            return Some((format!("{}{quote}{escape}{quote}", String::from_utf8_lossy(key)), key.len() + close + 1));
        }
        if !matches!(escape, "%u" | "%d" | "%a" | "%h" | "%b" | "%i") {
            let length = value.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/')).count();
            return Some((format!("{}{escape}", String::from_utf8_lossy(key)), key.len() + length));
        }
        let length = (0..value.len())
            .find(|&at| matches!(value[at], b',' | b';' | b'|' | b']' | b')') || (value[at] == b' ' && self.begins_anew(&value[at + 1..])))
            .unwrap_or(value.len());
        let escape = if escape == "%h" && value[..length].ends_with(b")") { "%r" } else { escape };
        // A client behind parentheses, `127.0.0.1(5000)`, closes its own.
        let length =
            if escape == "%h" && value.get(length) == Some(&b')') && value[..length].contains(&b'(') { length + 1 } else { length };
        let escape = if value[..length].ends_with(b")") && escape == "%h" { "%r" } else { escape };
        Some((format!("{}{escape}", String::from_utf8_lossy(key)), key.len() + length))
    }

    fn begins_anew(&self, text: &[u8]) -> bool {
        text.is_empty()
            || text[0].is_ascii_punctuation()
            || self.key.find(text).is_some_and(|key| escape_of(&key.as_bytes()[..key.len() - 1]).is_some())
    }
}

/// What separates is written as it stands.
fn first_character(text: &[u8]) -> (String, usize) {
    let valid = text.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    valid.chars().next().map_or_else(|| (char::REPLACEMENT_CHARACTER.to_string(), 1), |first| (first.to_string(), first.len_utf8()))
}

fn escape_of(key: &[u8]) -> Option<&'static str> {
    Some(match key.to_ascii_lowercase().as_slice() {
        b"u" | b"user" | b"usr" | b"username" | b"role" => "%u",
        b"d" | b"db" | b"database" | b"dbname" | b"datname" => "%d",
        b"a" | b"app" | b"application" | b"appname" | b"application_name" => "%a",
        b"h" | b"r" | b"host" | b"rhost" | b"client" | b"client_ip" | b"client_addr" | b"remote" | b"remote_host" | b"ip" => "%h",
        b"p" | b"pid" => "%p",
        b"l" | b"line" => "%l",
        b"s" | b"sid" | b"session" | b"session_id" => "%c",
        b"x" | b"xid" | b"txid" | b"trx" | b"trx_id" => "%x",
        b"v" | b"vxid" | b"vtrx" => "%v",
        b"e" | b"state" | b"sqlstate" | b"error_code" => "%e",
        b"q" | b"queryid" | b"query_id" => "%Q",
        b"tag" | b"cmd" | b"ps" | b"command" => "%i",
        b"b" | b"backend" | b"type" | b"backend_type" => "%b",
        b"leader" | b"leader_pid" => "%P",
        _ => return None,
    })
}

/// What has been given out already, so that the next word or number is something else.
#[derive(Default)]
struct Guess {
    has_process: bool,
    /// Whether a number in brackets was taken for the process.
    has_bracket: bool,
    /// The process that `%c` names, in decimal.
    process: Option<String>,
    /// Whether one of two times has a fraction, which then is the line's own and the other the session's.
    has_fraction: bool,
    times: usize,
    words: usize,
    numbers: usize,
}

impl Guess {
    fn of(head: &[u8], patterns: &Patterns) -> Self {
        let session = patterns.session.captures(head).and_then(|found| std::str::from_utf8(found.get(1)?.as_bytes()).ok());
        let process = session.and_then(|hex| u64::from_str_radix(hex, 16).ok()).map(|pid| pid.to_string());
        let has_process = process.is_some() || patterns.has_process(head);
        Guess { has_process, process, has_fraction: patterns.fraction.is_match(head), ..Guess::default() }
    }

    fn piece(&mut self, piece: Piece, text: &[u8]) -> String {
        match piece {
            Piece::Time => {
                self.times += 1;
                let millis = text.contains(&b'.') || text.contains(&b',');
                // Of two times the one with a fraction is the line's own.
                let started = if self.has_fraction { !millis } else { self.times > 1 };
                let escape = match (started, millis) {
                    (true, _) => "%s",
                    (false, true) => "%m",
                    (false, false) => "%t",
                };
                escape.to_owned()
            }
            Piece::Plain(escape) => escape.to_owned(),
            // Of two the lines tell which is the process.
            Piece::Process if std::mem::replace(&mut self.has_bracket, true) => "[%l]".to_owned(),
            Piece::Process => "[%p]".to_owned(),
            Piece::Account => {
                self.words = self.words.max(2);
                "%u@%d".to_owned()
            }
            Piece::Number => self.number(text).to_owned(),
            Piece::Word => {
                self.words += 1;
                match self.words {
                    1 => "%u".to_owned(),
                    2 => "%d".to_owned(),
                    3 => "%a".to_owned(),
                    4 => "%h".to_owned(),
                    _ => String::from_utf8_lossy(text).replace('%', "%%"),
                }
            }
        }
    }

    fn number(&mut self, text: &[u8]) -> &'static str {
        // An id of a query has 64 bits; a short number behind `-` is one behind a separator.
        if text.len() > 11 {
            return "%Q";
        }
        if !self.has_process || self.process.as_deref().is_some_and(|process| process.as_bytes() == text) {
            self.has_process = true;
            return "%p";
        }
        self.numbers += 1;
        if self.numbers == 1 { "%l" } else { "%x" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(log: &str) -> Option<String> {
        infer(log.as_bytes()).map(|p| p.text().to_owned())
    }

    #[test]
    fn known_and_unknown_prefixes_are_found() {
        let at = "2026-11-23 05:33:39.504 UTC";
        let cases = [
            (format!("{at} [1] LOG:  x\n{at} [2] bob@shop/web LOG:  x\n"), "%m [%p] %q%u@%d/%a "),
            (format!("{at} [1] LOG:  x\n{at} [2] bob@shop LOG:  x\n"), "%m [%p] %q%u@%d "),
            (format!("{at} rhost=10.0.0.1(5000) app=two words user=bob LOG:  x\n"), "%m rhost=%r app=%a user=%u "),
            (format!("<{at} 7 bob|shop> LOG:  x\n"), "<%m %p %u|%d> "),
            (format!("{at} [7] queryid=-5 bob shop LOG:  x\n"), "%m [%p] queryid=%Q %u %d "),
            (format!("{at} 42424 alice shop LOG:  x\n"), "%m %p %u %d "),
            (format!("{at} [7]: LOG:  x\n"), "%m [%p]: "),
            (format!("<{at}> <bob> <two words> <42424> LOG:  x\n<{at}> <bob> <psql> <42424> LOG:  x\n"), "<%m> <%u> <%d> <%p> "),
            (format!("6b071dfc.376d|53|{at}|bob|shop|LOG:  x\n"), "%c|%l|%m|%u|%d|"),
            (format!("pid=7;user=bob;ts={at};LOG:  x\n"), "pid=%p;user=%u;ts=%m;"),
            (format!("alice       |   42|{at}|LOG:  x\nbo          |42424|{at}|LOG:  x\n"), "%u|%p|%m|"),
        ];
        for (log, prefix) in cases {
            assert_eq!(inferred(&log).as_deref(), Some(prefix), "{log}");
        }
    }

    #[test]
    fn other_text_has_no_prefix() {
        for text in ["", "hello\nworld\n", "{\"a\": 1}\n", "2026-11-23 nothing\n", "id,name\n1,x\n"] {
            assert_eq!(inferred(text), None, "{text}");
        }
    }
}
