//! Inputs before they are read: what format they have, when they begin, and which are the same.

use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::FixedState;

use crate::error::Error;
use crate::input::Input;
use crate::input::decompress::{Packing, Refusal, Unpacked, unpack};
use crate::input::discover::Candidate;
use crate::source::pg_prefix::Prefix;
use crate::source::{self, Detected, Reader, Seen, Source};
use crate::units::Timestamp;

use super::Settings;

/// How much of an input decides what it is.
pub(super) const HEAD: usize = 64 * 1024;

/// An input whose format is known. It is not held open unless it can be read only once, because there may be thousands.
pub(super) struct Opened {
    pub(super) input: Input,
    /// Whether the user named it, instead of a folder that holds it.
    pub(super) named: bool,
    /// The beginning and the rest of what passes only once.
    pub(super) once: Option<Once>,
    pub(super) head_hash: u64,
    pub(super) source: &'static dyn Source,
    pub(super) reader: Box<dyn Reader>,
    pub(super) first: Option<Timestamp>,
    pub(super) newest_first: bool,
}

/// A pipe that has been begun.
pub(super) struct Once {
    pub(super) head: Vec<u8>,
    pub(super) rest: Unpacked,
    /// Why the head is all there is, if it is because of an error.
    pub(super) failed: Option<io::Error>,
}

impl Opened {
    pub(super) fn can_be_read_again(&self) -> bool {
        self.once.is_none()
    }
}

pub(super) fn unpacked(input: &Input) -> Result<Unpacked, Error> {
    let io_error = |source| Error::Io { path: input.path(), source };
    unpack(input.open().map_err(io_error)?).map_err(|refusal| match refusal {
        Refusal::Io(source) => io_error(source),
        Refusal::Unsupported(packing, cure) => Error::UnsupportedArchive { path: input.path(), format: packing.name(), cure },
    })
}

/// Reads the head, recognises the format and makes a reader for it.
pub(super) fn open(candidate: &Candidate, settings: &Settings) -> Result<Opened, Error> {
    let input = candidate.input.clone();
    let path = input.path();
    let mut unpacked = unpacked(&input)?;
    let mut head = Vec::new();
    let failed = (&mut unpacked).take(HEAD as u64).read_to_end(&mut head).err();
    if head.is_empty() {
        return Err(match failed {
            Some(reason) => broken(&path, unpacked.packing, &unpacked.consumed, &reason),
            None => Error::Empty { path },
        });
    }
    let Detected { source, prefix } = match &settings.source {
        Some(name) => {
            let source = source::by_name(name).ok_or_else(|| unknown(&path, format!("no source is called {name}")))?;
            Detected { source, prefix: None }
        }
        None => source::detect(&head, &settings.source_options).map_err(|claims| {
            // A prefix that only syslog could do with is the likelier mistake.
            if let Some(error) = settings.source_options.prefix.as_deref().and_then(|prefix| Prefix::compile(prefix).err()) {
                return error;
            }
            if claims.is_empty() && settings.source_options.prefix.is_some() {
                return unknown(&path, "no line begins with what --prefix says".to_owned());
            }
            if claims.is_empty() && memchr::memmem::find(&head, b"\n# Query_time: ").is_some() {
                return unknown(&path, "a slow log of MySQL or MariaDB, which this build does not read".to_owned());
            }
            unknown(&path, if claims.is_empty() { "no known log format".to_owned() } else { format!("could be {}", claims.join(" or ")) })
        })?,
    };
    let mut options = settings.source_options.clone();
    options.reference = options.reference.min(modified(&input));
    options.prefix = options.prefix.or(prefix);
    let mut reader = source.open(&head, &options)?;
    let seen = survey(&head, reader.as_ref());
    let newest_first = seen.drift < -2 && seen.drift.unsigned_abs() * 2 > seen.records;
    if newest_first {
        options.newest_first = true;
        reader = source.open(&head, &options)?;
    }
    let head_hash = FixedState::default().hash_one(&head);
    let once = (!input.is_lasting()).then_some(Once { head, rest: unpacked, failed });
    Ok(Opened { input, named: candidate.named, once, head_hash, source, reader, first: seen.earliest, newest_first })
}

fn unknown(path: &std::path::Path, reason: String) -> Error {
    let tried = source::ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
    Error::UnknownFormat { path: path.to_path_buf(), reason, tried }
}

/// When an input was written last, which no record in it can be later than.
fn modified(input: &Input) -> Timestamp {
    Timestamp(input.modified().and_then(|seconds| seconds.checked_mul(1_000_000)).unwrap_or(i64::MAX))
}

/// The times in a head, of its whole records only.
fn survey(head: &[u8], reader: &dyn Reader) -> Seen {
    let mut text = Vec::new();
    if let Some(mut untangle) = reader.untangle() {
        untangle.push(head, &mut text);
        untangle.finish(&mut text);
    } else {
        text.extend_from_slice(head);
    }
    reader.read(&text, 0, &mut |_| {})
}

pub(super) fn broken(path: &std::path::Path, packing: Packing, consumed: &AtomicU64, reason: &io::Error) -> Error {
    match packing {
        Packing::Plain => Error::Io { path: path.to_path_buf(), source: io::Error::new(reason.kind(), reason.to_string()) },
        _ => Error::BrokenArchive {
            path: path.to_path_buf(),
            format: packing.name(),
            offset: consumed.load(Ordering::Relaxed),
            reason: reason.to_string(),
        },
    }
}

/// A hash of everything an input unpacks to; `None` if it cannot be read to its end, or not twice.
pub(super) fn content(opened: &Opened) -> Option<u64> {
    if !opened.can_be_read_again() {
        return None;
    }
    let mut unpacked = unpacked(&opened.input).ok()?;
    let mut hasher = FixedState::default().build_hasher();
    let mut chunk = Vec::with_capacity(HEAD);
    loop {
        chunk.clear();
        // Whole chunks only, so that the hash does not depend on how the bytes came.
        (&mut unpacked).take(HEAD as u64).read_to_end(&mut chunk).ok()?;
        if chunk.is_empty() {
            return Some(hasher.finish());
        }
        hasher.write(&chunk);
    }
}
