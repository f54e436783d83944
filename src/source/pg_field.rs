//! The escapes of `log_line_prefix`: what may stand in the place of each, and what it says.

use crate::event::Who;
use crate::units::Timestamp;

use super::pg_time::{self, Clock};

/// An escape, by what may stand in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `%t`, `%m`, and `%s`, which is not the line's time.
    Time,
    Started,
    /// `%n`
    Epoch,
    /// `%p`
    Pid,
    /// `%c`
    SessionId,
    User,
    Database,
    Application,
    /// `%h`
    Host,
    /// `%L`, the server's own address
    LocalHost,
    /// `%r`
    HostPort,
    /// `%i`
    Tag,
    /// `%e`
    SqlState,
    /// `%Q`
    QueryId,
    /// `%l`, `%x`, `%P`
    Number,
    /// `%v`
    VirtualId,
    /// `%b`
    Backend,
}

/// What has been read of a line so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Fields<'b> {
    pub(super) time: Option<Timestamp>,
    pub(super) pid: u64,
    pub(super) started: u64,
    pub(super) host_port: u64,
    pub(super) who: Who<'b>,
    pub(super) sqlstate: Option<[u8; 5]>,
    pub(super) query_id: Option<i64>,
    /// See [`virtual_id`].
    pub(super) transaction: u32,
    pub(super) tag: Option<&'b [u8]>,
}

impl Field {
    pub(super) fn of(escape: u8) -> Option<Self> {
        Some(match escape {
            b't' | b'm' => Field::Time,
            b's' => Field::Started,
            b'n' => Field::Epoch,
            b'p' => Field::Pid,
            b'c' => Field::SessionId,
            b'u' => Field::User,
            b'd' => Field::Database,
            b'a' => Field::Application,
            b'h' => Field::Host,
            b'L' => Field::LocalHost,
            b'r' => Field::HostPort,
            b'i' => Field::Tag,
            b'e' => Field::SqlState,
            b'Q' => Field::QueryId,
            b'l' | b'x' | b'P' => Field::Number,
            b'v' => Field::VirtualId,
            b'b' => Field::Backend,
            _ => return None,
        })
    }

    pub(super) fn is_free_text(self) -> bool {
        matches!(
            self,
            Field::User
                | Field::Database
                | Field::Application
                | Field::Host
                | Field::LocalHost
                | Field::HostPort
                | Field::Tag
                | Field::Backend
        )
    }

    pub(super) fn may_be(self, text: &[u8]) -> bool {
        match self {
            Field::Host | Field::LocalHost => !text.iter().any(|b| matches!(b, b'(' | b')' | b' ' | b'=')) || text == b"[local]",
            Field::HostPort => text.is_empty() || text == b"[local]" || text == b"[unknown]" || host_and_port(text).is_some(),
            Field::Backend | Field::Tag => text.len() <= 64 && !text.iter().any(|b| matches!(b, b'[' | b'(' | b'=' | b'@')),
            _ => true,
        }
    }

    pub(super) fn store<'b>(self, text: &'b [u8], fields: &mut Fields<'b>) {
        let known = Some(text).filter(|t| !t.is_empty() && *t != b"[unknown]");
        match self {
            Field::User => fields.who.user = known,
            Field::Database => fields.who.database = known,
            Field::Application => fields.who.application = known,
            Field::Host => fields.who.host = known,
            Field::HostPort => {
                let (host, port) = host_and_port(text).unwrap_or((text, 0));
                fields.who.host = Some(host).filter(|h| !h.is_empty());
                // Without a process id, the client's address and port tell sessions apart.
                fields.host_port = host.iter().fold(port << 32 | port, |n, &b| n.rotate_left(5) ^ u64::from(b));
            }
            Field::Tag => fields.tag = known,
            _ => {}
        }
    }

    /// Reads a field whose own form tells where it ends.
    pub(super) fn read<'b>(self, line: &'b [u8], at: usize, fields: &mut Fields<'b>, clock: &mut Clock<'_>) -> Option<usize> {
        let rest = line.get(at..)?;
        let padding = rest.iter().take_while(|&&b| b == b' ').count();
        let text = &rest[padding..];
        let length = match self {
            Field::Time | Field::Started => {
                let (time, length) = clock.read(text)?;
                if self == Field::Time {
                    fields.time = Some(time);
                }
                length
            }
            Field::Epoch => {
                let (time, length) = pg_time::epoch(text)?;
                fields.time = Some(time);
                length
            }
            Field::Pid => {
                let (pid, length) = decimal(text)?;
                fields.pid = pid;
                length
            }
            Field::SessionId => {
                let (started, first) = hexadecimal(text)?;
                let (pid, second) = hexadecimal(text.get(first..)?.strip_prefix(b".")?)?;
                (fields.started, fields.pid) = (started, pid);
                first + 1 + second
            }
            Field::SqlState => {
                fields.sqlstate = text.first_chunk::<5>().copied().filter(|s| is_sqlstate(s));
                if fields.sqlstate.is_some() { 5 } else { return None }
            }
            Field::QueryId => {
                let sign = usize::from(text.first() == Some(&b'-'));
                let (_, digits) = decimal(&text[sign..])?;
                fields.query_id = std::str::from_utf8(&text[..sign + digits]).ok().and_then(|n| n.parse().ok());
                sign + digits
            }
            // Background processes have no virtual transaction, and most processes no parallel leader.
            Field::Number => return Some(decimal(text).map_or(at, |(_, length)| at + padding + length)),
            Field::VirtualId => {
                let Some((transaction, length)) = virtual_id(text) else { return Some(at) };
                fields.transaction = transaction;
                length
            }
            _ => return None,
        };
        Some(at + padding + length)
    }
}

fn decimal(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let value = text[..digits].iter().fold(0u64, |n, d| n.wrapping_mul(10).wrapping_add(u64::from(d - b'0')));
    (digits > 0 && digits < 21).then_some((value, digits))
}

fn hexadecimal(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take(17).take_while(|b| b.is_ascii_hexdigit()).count();
    let value = u64::from_str_radix(std::str::from_utf8(&text[..digits]).ok()?, 16).ok()?;
    Some((value, digits))
}

/// The local transaction of `%v`, `3/117`, and its length. It is 32 bits wide (`LocalTransactionId` in PostgreSQL's `c.h`)
/// and 0 outside of transactions.
pub(super) fn virtual_id(text: &[u8]) -> Option<(u32, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (_, first) = decimal(&text[sign..])?;
    let (local, second) = decimal(text.get(sign + first..)?.strip_prefix(b"/")?)?;
    Some((u32::try_from(local).unwrap_or(0), sign + first + 1 + second))
}

/// `127.0.0.1(44836)` in two.
pub(super) fn host_and_port(text: &[u8]) -> Option<(&[u8], u64)> {
    let open = memchr::memrchr(b'(', text)?;
    let port = text[open + 1..].strip_suffix(b")")?;
    let (value, length) = decimal(port)?;
    (length == port.len() && !text[..open].contains(&b' ')).then_some((&text[..open], value))
}

/// The session of `%c`, `session_id`: start time and process id, both hexadecimal.
pub(super) fn session_id(text: &[u8]) -> Option<u64> {
    let (started, first) = hexadecimal(text)?;
    let (pid, _) = hexadecimal(text.get(first..)?.strip_prefix(b".")?)?;
    Some(started << 32 | pid)
}

/// Whether a text is a SQLSTATE: five digits and capitals, a digit among them.
pub(super) fn is_sqlstate(text: &[u8]) -> bool {
    text.len() == 5 && text.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) && text.iter().any(u8::is_ascii_digit)
}
