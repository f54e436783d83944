//! `log_line_prefix`: compiles the server's setting into a matcher for the beginning of lines.
//!
//! Every escape of PostgreSQL 9.4 to 18 is understood, with padding. A free-text field such as `%a` ends where the rest of
//! the prefix and a severity follow, so names with blanks, `@`, `:` or any other character are read right; the first
//! possible end is taken.
//!
//! Escapes: `log_status_format` in `src/backend/utils/error/elog.c`, and the manual's "Error Reporting and Logging".

use crate::error::Error;
use crate::event::Who;
use crate::units::Timestamp;

use super::pg_field::{Field, Fields, is_sqlstate};
use super::pg_heads::Heads;
use super::pg_message::{Record, Severity, says_duration, severity};
use super::pg_time::{Clock, epoch};

/// A compiled prefix.
#[derive(Debug)]
pub struct Prefix {
    text: String,
    ops: Vec<Op>,
    /// Where the part begins that background processes leave out (`%q`).
    optional: Option<usize>,
    /// Whether the time comes first and nothing else changes from line to line of a session.
    recurs: bool,
    /// Satellites in the server's language, as far as the head of the log taught them.
    satellites: Vec<(Box<[u8]>, Satellite)>,
}

#[derive(Debug)]
enum Op {
    Literal(Box<[u8]>),
    Field(Field),
}

/// What the beginning of a line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'b> {
    pub(super) time: Timestamp,
    pub(super) who: Who<'b>,
    pub(super) sqlstate: Option<[u8; 5]>,
    pub(super) query_id: Option<i64>,
    pub(super) transaction: u32,
    pub(super) tag: Option<&'b [u8]>,
    pub(super) kind: Kind,
    /// The severity, or the satellite's name.
    pub(super) word: &'b [u8],
    /// Where the severity begins in the line.
    pub(super) severity: usize,
    /// Where the message begins in the line.
    pub(super) message: usize,
}

impl Head<'_> {
    /// `log_error_verbosity = verbose` puts the SQLSTATE before the message: `00000: duration: …`.
    #[inline]
    fn be_verbose(&mut self, line: &[u8]) {
        if let Some([state @ .., b':', b' ']) = line[self.message..].first_chunk::<7>()
            && matches!(self.kind, Kind::Primary(_))
            && is_sqlstate(state)
        {
            self.sqlstate = Some(*state);
            self.message += 7;
        }
    }

    /// The record that it begins with a message; its place, its severity and what stands in satellites are to be added.
    #[inline]
    pub(super) fn record<'r>(&'r self, message: &'r [u8]) -> Record<'r> {
        Record {
            time: self.time,
            offset: 0,
            who: &self.who,
            severity: Severity::Quiet,
            word: self.word,
            sqlstate: self.sqlstate,
            tag: self.tag,
            query_id: self.query_id,
            transaction: self.transaction,
            message,
            detail: None,
            statement: None,
        }
    }

    /// Whether its line begins a record for certain: not a satellite, nor a word that may be one in another language.
    pub(super) fn begins_record(&self, line: &[u8]) -> bool {
        match self.kind {
            Kind::Primary(Severity::Foreign) => says_duration(&line[self.message..]),
            Kind::Primary(_) => true,
            Kind::Satellite(_) => false,
        }
    }
}

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first line of a record.
    Primary(Severity),
    /// A further line of the record before it in the same session.
    Satellite(Satellite),
}

/// The lines that may follow a record's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Satellite {
    Detail,
    Statement,
    /// HINT, CONTEXT, QUERY, LOCATION, BACKTRACE.
    Other,
}

/// A line and what has been read of it.
struct Match<'b, 'c, 'z> {
    line: &'b [u8],
    fields: Fields<'b>,
    clock: &'c mut Clock<'z>,
    tries: u32,
    /// Whether a field was tried that did not end well, for which all of the line may have been looked at.
    strayed: bool,
}

/// A severity, or the name of a satellite, as it stands in a line.
#[derive(Clone, Copy)]
struct Found<'b> {
    kind: Kind,
    word: &'b [u8],
    at: usize,
    message: usize,
}

impl<'b> Fields<'b> {
    fn finish(self, Found { kind, word, at, message }: Found<'b>) -> Option<Head<'b>> {
        let Fields { time, pid, started, host_port, mut who, sqlstate, query_id, transaction, tag } = self;
        who.session = if pid != 0 { started << 32 | pid } else { host_port };
        Some(Head { time: time?, who, sqlstate, query_id, transaction, tag, kind, word, severity: at, message })
    }
}

/// Free text longer than this is no name; also bounds what a line that does not match costs.
const LONGEST_FIELD: usize = 256;
/// How often a line may be tried with another end of a field.
const MOST_TRIES: u32 = 200;

impl Prefix {
    /// Compiles a `log_line_prefix`.
    ///
    /// # Errors
    /// If it has no time, or ends in a lone `%`.
    pub fn compile(text: &str) -> Result<Self, Error> {
        let error = |reason| Error::Prefix { prefix: text.to_owned(), reason };
        let mut prefix = Prefix { text: text.to_owned(), ops: Vec::new(), optional: None, recurs: false, satellites: Vec::new() };
        let mut literal = Vec::new();
        let mut chars = text.bytes().peekable();
        while let Some(byte) = chars.next() {
            if byte != b'%' {
                literal.push(byte);
                continue;
            }
            while chars.next_if(|b| b.is_ascii_digit() || *b == b'-').is_some() {}
            match chars.next().ok_or_else(|| error("ends in a % without a letter"))? {
                b'%' => literal.push(b'%'),
                escape => {
                    prefix.flush(&mut literal);
                    if escape == b'q' {
                        prefix.optional = prefix.optional.or(Some(prefix.ops.len()));
                    } else {
                        let field = Field::of(escape).ok_or_else(|| error("has an escape that no PostgreSQL knows"))?;
                        prefix.ops.push(Op::Field(field));
                    }
                }
            }
        }
        prefix.flush(&mut literal);
        let timed = |op: &Op| matches!(op, Op::Field(Field::Time | Field::Epoch));
        if !prefix.ops.iter().any(timed) {
            return Err(error("has no %t, %m or %n, so the log tells no times"));
        }
        prefix.recurs = prefix.has_only_names_behind_time();
        Ok(prefix)
    }

    fn flush(&mut self, literal: &mut Vec<u8>) {
        if !literal.is_empty() {
            self.ops.push(Op::Literal(std::mem::take(literal).into()));
        }
    }

    fn has_only_names_behind_time(&self) -> bool {
        let recurs = |op: &Op| match op {
            // A text that could be taken for the end of a head would be compared with what stands behind it.
            Op::Literal(text) => memchr::memmem::find(text, b":  ").is_none(),
            // Other fields change with every line, or their zones are counted.
            Op::Field(field) => {
                !matches!(field, Field::Time | Field::Epoch | Field::Started | Field::Number | Field::VirtualId | Field::QueryId)
            }
        };
        let timed = matches!(self.ops.first(), Some(Op::Field(Field::Time | Field::Epoch)));
        timed && self.optional != Some(0) && self.ops.iter().skip(1).all(recurs)
    }

    /// The setting as given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many fields it has, with or without those behind `%q`; the more, the more is known of a line that matches.
    pub(super) fn fields(&self, with_optional: bool) -> usize {
        let end = self.optional.filter(|_| !with_optional).unwrap_or(self.ops.len());
        self.ops[..end].iter().filter(|op| matches!(op, Op::Field(_))).count()
    }

    /// Whether nobody would set it: two free texts side by side, a field twice, or names that background processes
    /// would have to leave empty before `%q`.
    pub(super) fn is_implausible(&self) -> bool {
        let field = |op: &Op| match op {
            Op::Field(field) => Some(*field),
            Op::Literal(_) => None,
        };
        let fields: Vec<Field> = self.ops.iter().filter_map(field).collect();
        let side_by_side = self.ops.windows(2).any(|pair| pair.iter().all(|op| field(op).is_some_and(Field::is_free_text)));
        let twice = fields.iter().enumerate().any(|(at, f)| *f != Field::Number && fields[..at].contains(f));
        let background = &self.ops[..self.optional.unwrap_or(0)];
        let named = background.iter().filter_map(field).any(|f| f.is_free_text() && f != Field::Backend);
        side_by_side || twice || named
    }

    /// Reads the beginning of a line; `None` if the line does not begin with this prefix and a severity.
    pub(super) fn head<'b>(&self, line: &'b [u8], clock: &mut Clock<'_>) -> Option<Head<'b>> {
        let mut reading = Match { line, fields: Fields::default(), clock, tries: MOST_TRIES, strayed: false };
        let severity = self.from(0, 0, &mut reading)?;
        let mut head = reading.fields.finish(severity)?;
        head.be_verbose(line);
        Some(head)
    }

    /// Whether the text behind a line's time tells all else, and comes again; see [`Prefix::recurring_head`].
    pub(super) fn recurs(&self) -> bool {
        self.recurs
    }

    /// As [`Prefix::head`], with a memory for the lines of one block.
    pub(super) fn recurring_head<'b>(&self, line: &'b [u8], clock: &mut Clock<'_>, heads: &mut Heads<'b>) -> Option<Head<'b>> {
        let timed = match self.ops.first() {
            Some(Op::Field(Field::Time)) => clock.read(line),
            Some(Op::Field(Field::Epoch)) => epoch(line),
            _ => None,
        };
        // Blanks may stand before a time.
        let Some((time, length)) = timed else { return self.head(line, clock) };
        let rest = &line[length..];
        if let Some((known, behind)) = heads.find(rest) {
            let mut head = *known;
            (head.time, head.severity, head.message) = (time, known.severity + length, length + behind);
            head.be_verbose(line);
            return Some(head);
        }
        let fields = Fields { time: Some(time), ..Fields::default() };
        let mut reading = Match { line, fields, clock, tries: MOST_TRIES, strayed: false };
        let severity = self.from(1, length, &mut reading)?;
        let strayed = reading.strayed;
        let mut head = reading.fields.finish(severity)?;
        let text = &rest[..head.message - length];
        // With one blank behind the colon the next byte was looked at too.
        if !strayed && text.ends_with(b":  ") {
            heads.insert(text, Head { severity: head.severity - length, ..head });
        }
        head.be_verbose(line);
        Some(head)
    }

    /// As [`Prefix::head`], for a text before which an epoch and a blank are to be imagined.
    pub(super) fn head_without_time<'b>(&self, text: &'b [u8], clock: &mut Clock<'_>) -> Option<Head<'b>> {
        let fields = Fields { time: Some(Timestamp(0)), ..Fields::default() };
        let mut reading = Match { line: text, fields, clock, tries: MOST_TRIES, strayed: false };
        // The first operation is the epoch; the blank behind it begins the second.
        let rest = match self.ops.get(1) {
            Some(Op::Literal(literal)) => literal.get(1..).unwrap_or_default(),
            _ => &[],
        };
        let at = text.strip_prefix(rest).map(|_| rest.len())?;
        let severity = self.from(2, at, &mut reading)?;
        let mut head = reading.fields.finish(severity)?;
        head.be_verbose(text);
        Some(head)
    }

    /// The satellite that a line is and where its text begins, if it begins with the very bytes `before` that began its record.
    pub(super) fn satellite_behind(&self, line: &[u8], before: &[u8]) -> Option<(Satellite, usize)> {
        let rest = line.strip_prefix(before)?;
        if let Some(text) = rest.strip_prefix(b"DETAIL:  ") {
            return Some((Satellite::Detail, line.len() - text.len()));
        }
        match self.severity_at(line, before.len())? {
            Found { kind: Kind::Satellite(satellite), message, .. } => Some((satellite, message)),
            Found { kind: Kind::Primary(_), .. } => None,
        }
    }

    /// Matches the operations from `op` on at `at`; answers the severity behind them.
    fn from<'b>(&self, op: usize, at: usize, reading: &mut Match<'b, '_, '_>) -> Option<Found<'b>> {
        let mut at = at;
        for (index, operation) in self.ops.iter().enumerate().skip(op) {
            if self.optional == Some(index)
                && let Some(severity) = self.severity_at(reading.line, at)
            {
                return Some(severity);
            }
            match operation {
                Op::Literal(text) => at = self.literal(index, text, reading.line, at)?,
                Op::Field(field) if field.is_free_text() => return self.free_text(index, *field, at, reading),
                Op::Field(field) => at = field.read(reading.line, at, &mut reading.fields, reading.clock)?,
            }
        }
        self.severity_at(reading.line, at)
    }

    fn literal(&self, index: usize, text: &[u8], line: &[u8], at: usize) -> Option<usize> {
        let rest = line.get(at..)?;
        if rest.starts_with(text) {
            return Some(at + text.len());
        }
        // Padding before the literal; and editors and log shippers that drop the prefix's last blank.
        let blanks = rest.iter().take_while(|&&b| b == b' ').count();
        if blanks > 0 && rest[blanks..].starts_with(text) {
            return Some(at + blanks + text.len());
        }
        let trimmed = text.trim_ascii_end();
        (index + 1 == self.ops.len() && rest.starts_with(trimmed)).then(|| at + trimmed.len())
    }

    fn free_text<'b>(&self, index: usize, field: Field, at: usize, reading: &mut Match<'b, '_, '_>) -> Option<Found<'b>> {
        let found = self.ended(index, field, at, reading);
        reading.strayed |= found.is_none();
        found
    }

    /// Tries one end of a field after the other.
    fn ended<'b>(&self, index: usize, field: Field, at: usize, reading: &mut Match<'b, '_, '_>) -> Option<Found<'b>> {
        let line = reading.line;
        let limit = line.len().min(at + LONGEST_FIELD);
        let stop = match self.ops.get(index + 1) {
            Some(Op::Literal(text)) => text.first().copied(),
            _ => None,
        };
        let mut end = at;
        while end <= limit {
            if let Some(stop) = stop {
                end += memchr::memchr(stop, &line[end..limit])?;
            }
            reading.tries = reading.tries.checked_sub(1)?;
            let text = line[at..end].trim_ascii();
            if field.may_be(text) {
                field.store(text, &mut reading.fields);
                if let Some(found) = self.from(index + 1, end, reading) {
                    return Some(found);
                }
            }
            end += 1;
        }
        None
    }

    /// The severity at `at`, perhaps behind blanks.
    fn severity_at<'b>(&self, line: &'b [u8], at: usize) -> Option<Found<'b>> {
        let blanks = line.get(at..)?.iter().take_while(|&&b| b == b' ').count();
        let at = at + blanks;
        let text = &line[at..];
        let length = text.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
        if length > 2 && text.get(length) == Some(&b':') {
            let word = &text[..length];
            let blanks_behind = text[length + 1..].iter().take(2).take_while(|&&b| b == b' ').count();
            let message = at + length + 1 + blanks_behind;
            match (satellite(word), severity(word)) {
                (Some(satellite), _) => return Some(Found { kind: Kind::Satellite(satellite), word, at, message }),
                (None, Severity::Foreign) => {}
                (None, known) => return Some(Found { kind: Kind::Primary(known), word, at, message }),
            }
        }
        let found = foreign_severity(text, at)?;
        let learnt = self.satellites.iter().find(|(known, _)| **known == *found.word);
        Some(learnt.map_or(found, |(_, satellite)| Found { kind: Kind::Satellite(*satellite), ..found }))
    }

    /// Teaches the words of the server's language; see `pg_words`.
    pub(super) fn learn(&mut self, satellites: Vec<(Box<[u8]>, Satellite)>) {
        self.satellites = satellites;
    }
}

/// A severity in another language: one word, a colon, two blanks. `elog.c` writes the blanks untranslated.
fn foreign_severity(text: &[u8], at: usize) -> Option<Found<'_>> {
    let letters = text.iter().take(48).take_while(|b| b.is_ascii_alphabetic() || **b >= 0x80).count();
    // French writes a blank before the colon.
    let colon = letters + text[letters..].iter().take_while(|&&b| b == b' ').count().min(1);
    let matches = letters > 1 && text.get(colon..colon + 3) == Some(b":  ");
    matches.then(|| Found { kind: Kind::Primary(Severity::Foreign), word: &text[..letters], at, message: at + colon + 3 })
}

fn satellite(word: &[u8]) -> Option<Satellite> {
    match word {
        b"DETAIL" => Some(Satellite::Detail),
        b"STATEMENT" => Some(Satellite::Statement),
        b"HINT" | b"CONTEXT" | b"QUERY" | b"LOCATION" | b"BACKTRACE" => Some(Satellite::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    type Who3 = (Option<String>, Option<String>, Option<String>);

    fn head(prefix: &str, line: &str) -> Option<(u64, Who3, String)> {
        let zone = TimeZone::UTC;
        let prefix = Prefix::compile(prefix).expect("compiles");
        let head = prefix.head(line.as_bytes(), &mut Clock::new(&zone))?;
        let owned = |text: Option<&[u8]>| text.map(|t| String::from_utf8_lossy(t).into_owned());
        Some((
            head.who.session,
            (owned(head.who.user), owned(head.who.database), owned(head.who.application)),
            line[head.message..].to_owned(),
        ))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    const AT: &str = "2026-11-23 05:33:39.504 UTC";

    #[test]
    fn every_escape_is_read() {
        let line = format!("{AT} 00000 6b03d126.55ee 41 0 3/0 client backend [21998] 127.0.0.1(44836) bob shop my app -29 SELECT LOG:  hi");
        let read = head("%m %e %c %l %x %v %b [%p] %r %u %d %a %Q %i ", &line);
        assert_eq!(read, Some((0x6b03_d126 << 32 | 21_998, (some("bob"), some("shop"), some("my app")), "hi".into())));
        let background = format!("{AT} 00000 6b03d124.55df 3 0  postmaster [21983]     0  LOG:  hi");
        assert!(head("%m %e %c %l %x %v %b [%p] %r %u %d %a %Q %i ", &background).is_some());
    }

    #[test]
    fn names_may_hold_anything() {
        for name in ["user@server", "svc+etl", "two words", "Zoë", "a/b:c", "x,y"] {
            let read = head("%m [%p] %q%u@%d/%a ", &format!("{AT} [7] u@shop/{name} LOG:  hi"));
            assert_eq!(read.map(|r| r.1.2), Some(some(name)), "{name}");
            let read = head("%t:%r:%u@%d:[%p]:", &format!("2026-11-23 05:33:39 UTC:[local]:{name}@shop:[7]:LOG:  hi"));
            assert!(read.is_some(), "{name}");
        }
    }

    #[test]
    fn background_lines_stop_at_q() {
        let read = head("%m [%p] %q%u@%d ", &format!("{AT} [7] LOG:  statement: a@b ERROR:  x"));
        assert_eq!(read, Some((7, (None, None, None), "statement: a@b ERROR:  x".into())));
    }

    #[test]
    fn padding_is_no_part_of_a_name() {
        let read = head("%m [%5p] %-10u|%10d ", &format!("{AT} [    7] bob       |      shop LOG:  hi"));
        assert_eq!(read.map(|r| (r.0, r.1.0, r.1.1)), Some((7, some("bob"), some("shop"))));
    }

    #[test]
    fn percent_signs_regex_characters_and_glued_severities_are_literal() {
        assert!(head("%m (%p)%% *.* ", &format!("{AT} (7)% *.* LOG:  hi")).is_some());
        assert!(head("%m [%p] ", &format!("{AT} [7]LOG:  hi")).is_some());
        assert!(head("%t-%c-", "2026-11-23 05:33:39 UTC-6b03d11e.55ae-LOG:  hi").is_some());
    }

    #[test]
    fn other_languages_have_a_word_and_two_blanks() {
        assert_eq!(head("%m [%p] ", &format!("{AT} [7] FEHLER:  nein")).map(|r| r.2), Some("nein".into()));
        assert_eq!(head("%m [%p] ", &format!("{AT} [7] DÉTAIL :  x")).map(|r| r.2), Some("x".into()));
        assert_eq!(head("%m [%p] ", &format!("{AT} [7] note: nein")), None);
    }

    #[test]
    fn verbose_lines_carry_their_sqlstate() {
        let prefix = Prefix::compile("%m [%p] ").expect("compiles");
        let line = format!("{AT} [7] ERROR:  42P01: no such table");
        let head = prefix.head(line.as_bytes(), &mut Clock::new(&TimeZone::UTC)).expect("matches");
        assert_eq!((head.sqlstate, &line[head.message..]), (Some(*b"42P01"), "no such table"));
    }

    proptest! {
        /// Whatever lines came before, the memory answers what reading the line alone answers.
        #[test]
        fn heads_that_come_again_are_the_same(
            prefix in prop::sample::select(vec!["%m [%p] %q%u@%d ", "%m [%p] %q%u@%d/%a ", "%m %q%u %a [%p] ", "%t:%r:%u@%d:[%p]:", "%m%a%e ", "%n %u-%b-%i ", "%m [%p]"]),
            lines in prop::collection::vec(line(), 1..12),
        ) {
            let zone = TimeZone::UTC;
            let prefix = Prefix::compile(prefix).expect("compiles");
            prop_assert!(prefix.recurs());
            let (mut alone, mut clock) = (Clock::new(&zone), Clock::new(&zone));
            let mut heads = Heads::new();
            for line in lines.iter().chain(&lines) {
                let expected = prefix.head(line.as_bytes(), &mut alone);
                let found = prefix.recurring_head(line.as_bytes(), &mut clock, &mut heads);
                prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{}", line);
            }
        }
    }

    /// A time and pieces that prefixes are made of, so that many lines have the same beginning.
    fn line() -> impl Strategy<Value = String> {
        let time = prop::sample::select(vec![AT, "2026-11-23 05:33:39 UTC", "1795412266.172", "2026-11-23 05:33:40.1 CET"]);
        let names = prop::sample::select(vec![
            " [7] u@d ",
            " [7] u@d/a ",
            " u a [7] ",
            ":h(1):u@d:[7]:",
            "a00000 ",
            " u-b-i ",
            " [7]",
            " [7] a@b@c ",
            " [7] u@d/x LOG: y ",
            " [7] ",
        ]);
        let severity =
            prop::sample::select(vec!["LOG:  ", "LOG: ", "LOG:   ", "DETAIL:  ", "FEHLER:  ", "LOG", "LOG:  42P01: ", "00000 LOG:  "]);
        let message = prop::sample::select(vec!["hi", "", " x", "@d LOG:  hi", "u@d/a LOG:  ERROR:  hi", "42P01: hi", ": LOG:  x"]);
        (time, names, severity, message).prop_map(|(time, names, severity, message)| format!("{time}{names}{severity}{message}"))
    }

    #[test]
    fn a_prefix_without_time_or_with_a_typo_is_refused() {
        for text in ["[%p] ", "%m [%p] %", "%m %Z"] {
            assert!(Prefix::compile(text).is_err(), "{text}");
        }
    }
}
