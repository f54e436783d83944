//! One log that the server wrote in several formats at once, as `log_destination = 'stderr,csvlog,jsonlog'` makes it: every
//! call is in each of the files, and one of them is to be read.
//!
//! The collector gives such files one name with several extensions. A name proves nothing, so beginnings and ends are read as
//! well: the same processes must have done the same at the same times. Files that the user named one by one are read all.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::event::{Event, Holds, Item, Note};
use crate::units::{Micros, Timestamp};
use crate::workload::{Twin, stem};

use super::opened::{HEAD, Opened, unpacked};

/// Beginnings and ends of fewer records do not tell.
const FEWEST: usize = 10;
/// One of so many may be in one file alone: the server is still writing, or an end was cut.
const ACCIDENTS: usize = 20;
/// Files of one run begin and end within so many seconds: the first lines may be of one format only.
const APART: i64 = 5;
/// The end of a file is read from one of so many first line ends on, for it begins in the middle of a record.
const LINE_ENDS: usize = 64;

/// Leaves out what is the same log as another one, in another format.
pub(super) fn without_twins(mut logs: Vec<Opened>, left_out: &mut Vec<Twin>) -> Vec<Opened> {
    // There may be thousands of files, so each is compared with those of its name alone.
    let paths: Vec<PathBuf> = logs.iter().map(|log| log.input.path()).collect();
    let mut by_stem: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, path) in paths.iter().enumerate() {
        by_stem.entry(stem(path)).or_default().push(at);
    }
    let twin = |(at, path): (usize, &PathBuf)| {
        let read = fuller_twin(&logs, at, by_stem.get(&stem(path))?)?;
        Some((at, Twin { path: path.clone(), read }))
    };
    let twins: BTreeMap<usize, Twin> = paths.iter().enumerate().filter_map(twin).collect();
    let mut at = 0..;
    logs.retain(|_| at.next().is_none_or(|at| !twins.contains_key(&at)));
    left_out.extend(twins.into_values());
    logs
}

/// The same log in a format that tells more, among those of its name.
fn fuller_twin(logs: &[Opened], at: usize, of_its_name: &[usize]) -> Option<PathBuf> {
    let log = logs.get(at)?;
    let fullness = fullness(log)?;
    let mut fuller: Vec<(u8, &Opened)> = of_its_name
        .iter()
        .filter_map(|&other| logs.get(other))
        .filter_map(|other| Some((self::fullness(other)?, other)))
        .filter(|(other_fullness, other)| *other_fullness > fullness && !(log.named && other.named))
        .collect();
    fuller.sort_by_key(|(fullness, _)| std::cmp::Reverse(*fullness));
    let own = fuller.first().and_then(|_| Ends::of(log))?;
    let twin = fuller.into_iter().find(|(_, other)| Ends::of(other).is_some_and(|ends| ends.are_those_of(&own)));
    twin.map(|(_, other)| other.input.path())
}

/// Which format tells more, of those that the server writes at once: a stderr log tells what its prefix does.
fn fullness(log: &Opened) -> Option<u8> {
    let is_one = log.source.holds() == Holds::Events && log.can_be_read_again() && !log.newest_first;
    match log.source.name() {
        "pg-csvlog" => Some(2),
        "pg-jsonlog" => Some(1),
        "pg-stderr" => Some(0),
        _ => None,
    }
    .filter(|_| is_one)
}

/// What is known of a record in every format: process, second, and duration where it has one.
type Record = (u32, i64, Option<Micros>);

/// The records of a part of a file, sorted.
#[derive(Default)]
struct Part {
    records: Vec<Record>,
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
}

/// The beginning and the end of a file.
struct Ends {
    begin: Part,
    end: Part,
}

impl Ends {
    /// `None` if the file cannot be read to its end.
    fn of(log: &Opened) -> Option<Self> {
        let (head, tail) = head_and_tail(&mut unpacked(&log.input).ok()?).ok()?;
        let whole = log.reader.cut(&head, 0).filter(|_| tail.is_some()).unwrap_or(head.len());
        let begin = Part::of(log, head.get(..whole)?);
        let end = tail.map_or_else(|| Part::of(log, &head), |tail| Part::of(log, resumed(log, &tail)));
        Some(Ends { begin, end })
    }

    fn are_those_of(&self, other: &Self) -> bool {
        let are_near = |a: Option<Timestamp>, b: Option<Timestamp>| {
            a.zip(b).is_some_and(|(a, b)| second(a).abs_diff(second(b)) <= APART.unsigned_abs())
        };
        are_near(self.begin.earliest, other.begin.earliest)
            && are_near(self.end.latest, other.end.latest)
            && self.begin.is_within(&other.begin)
            && self.end.is_within(&other.end)
    }
}

impl Part {
    fn of(log: &Opened, bytes: &[u8]) -> Self {
        let mut records = Vec::new();
        let seen = log.reader.read(bytes, 0, &mut |item| {
            let (who, at, took) = match item {
                Item::Event(Event { who, ended, took, .. }) => (who, *ended, *took),
                Item::Note(Note { who, at, .. }) => (who, *at, None),
                Item::Piece(_) => return,
            };
            // The low half of a session's number is its process, in every format.
            let process = u32::try_from(who.session & u64::from(u32::MAX)).unwrap_or_default();
            if process > 0 {
                records.push((process, second(at), took));
            }
        });
        records.sort_unstable();
        Part { records, earliest: seen.earliest, latest: seen.latest }
    }

    /// Whether the part with fewer records is in the other: so many bytes hold more or fewer of them in another format.
    fn is_within(&self, other: &Self) -> bool {
        let (few, many) = if self.records.len() <= other.records.len() { (self, other) } else { (other, self) };
        let mut rest = many.records.iter().peekable();
        let common = few.records.iter().filter(|record| {
            while rest.next_if(|other| other < record).is_some() {}
            rest.next_if_eq(record).is_some()
        });
        let common = common.count();
        common >= FEWEST && (few.records.len() - common) * ACCIDENTS <= few.records.len()
    }
}

fn second(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

/// The first bytes, and the last ones of what is longer.
fn head_and_tail(from: &mut impl Read) -> io::Result<(Vec<u8>, Option<Vec<u8>>)> {
    let mut head = Vec::new();
    from.take(HEAD as u64).read_to_end(&mut head)?;
    let (mut before, mut last) = (Vec::new(), Vec::new());
    loop {
        let mut chunk = Vec::with_capacity(HEAD);
        from.take(HEAD as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        before = std::mem::replace(&mut last, chunk);
    }
    if last.is_empty() {
        return Ok((head, None));
    }
    // What ends the file may be a short chunk.
    let mut tail = if before.is_empty() { head.clone() } else { before };
    tail.append(&mut last);
    Ok((head, Some(tail)))
}

/// From where on a text that begins in the middle of a record is understood best.
fn resumed<'b>(log: &Opened, bytes: &'b [u8]) -> &'b [u8] {
    let starts = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1).take(LINE_ENDS).filter_map(|start| bytes.get(start..));
    starts.min_by_key(|rest| log.reader.read(rest, 0, &mut |_| {}).skipped.total()).unwrap_or_default()
}
