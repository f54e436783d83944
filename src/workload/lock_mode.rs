//! What a session waits for: a mode of a lock on something, as the server's words tell.

use serde::{Deserialize, Serialize};

use super::digest::fixed_hash;

/// Modes of locks on tables and what else is locked by the same rules, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// SELECT.
    AccessShare,
    /// SELECT … FOR UPDATE.
    RowShare,
    /// INSERT, UPDATE, DELETE.
    RowExclusive,
    /// VACUUM, CREATE INDEX CONCURRENTLY.
    ShareUpdateExclusive,
    /// CREATE INDEX.
    Share,
    /// CREATE TRIGGER, some of ALTER TABLE.
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// Most of ALTER TABLE, DROP, TRUNCATE, VACUUM FULL.
    AccessExclusive,
}

/// As `lock.c` names them, each with its name in LOCK TABLE.
const MODES: [(Mode, &[u8], &str); 8] = [
    (Mode::AccessShare, b"AccessShareLock", "ACCESS SHARE"),
    (Mode::RowShare, b"RowShareLock", "ROW SHARE"),
    (Mode::RowExclusive, b"RowExclusiveLock", "ROW EXCLUSIVE"),
    (Mode::ShareUpdateExclusive, b"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"),
    (Mode::Share, b"ShareLock", "SHARE"),
    (Mode::ShareRowExclusive, b"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"),
    (Mode::Exclusive, b"ExclusiveLock", "EXCLUSIVE"),
    (Mode::AccessExclusive, b"AccessExclusiveLock", "ACCESS EXCLUSIVE"),
];

/// For each mode those that conflict with it, one bit for each, the weakest the lowest: `LockConflicts` in `lock.c`.
const CONFLICTS: [u8; 8] = [0b1000_0000, 0b1100_0000, 0b1111_0000, 0b1111_1000, 0b1110_1100, 0b1111_1100, 0b1111_1110, 0b1111_1111];

impl Mode {
    fn of(word: &[u8]) -> Option<Self> {
        MODES.iter().find(|(_, name, _)| *name == word).map(|(mode, ..)| *mode)
    }

    /// Its name in LOCK TABLE.
    #[must_use]
    pub fn name(self) -> &'static str {
        MODES[self as usize].2
    }

    /// Whether one session cannot have it while another has the other.
    #[must_use]
    pub fn conflicts(self, other: Mode) -> bool {
        CONFLICTS[self as usize] >> other as u8 & 1 == 1
    }
}

/// What a lock is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A table or an index.
    Relation,
    /// A row: its place, or the transaction that wrote it.
    Row,
    /// A number that the application chose.
    Advisory,
    /// Anything else, such as the end of a table's file.
    #[default]
    Other,
}

impl Kind {
    fn of(object: &[u8]) -> Self {
        let starts = |word: &str| object.starts_with(word.as_bytes());
        match () {
            () if starts("relation ") => Kind::Relation,
            () if starts("tuple ") || starts("transaction ") => Kind::Row,
            () if starts("advisory ") => Kind::Advisory,
            () => Kind::Other,
        }
    }
}

/// The lock that a session queues for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    /// `None` if it is none that is known.
    pub(crate) mode: Option<Mode>,
    pub(crate) kind: Kind,
    /// Stands for the object.
    pub(crate) object: u64,
    /// The processes that hold it, at most [`MOST_HOLDERS`].
    pub(crate) holders: Vec<u32>,
}

/// One of so many holders is enough to blame.
const MOST_HOLDERS: usize = 8;

impl Queued {
    /// Of `ShareLock on transaction 997` and `20643, 20687`.
    pub(super) fn of(lock: &[u8], holders: &[u8]) -> Self {
        let (mode, object) = match memchr::memmem::find(lock, b" on ") {
            Some(at) => (Mode::of(&lock[..at]), &lock[at + b" on ".len()..]),
            None => (None, lock),
        };
        let process = |text: &[u8]| std::str::from_utf8(text).ok()?.trim().parse().ok();
        let holders = holders.split(|&b| b == b',').filter_map(process).take(MOST_HOLDERS).collect();
        Queued { mode, kind: Kind::of(object), object: fixed_hash(object), holders }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_read_from_the_servers_words() {
        let queued = Queued::of(b"AccessExclusiveLock on relation 16423 of database 16384", b"20643, 20687");
        assert_eq!((queued.mode, queued.kind, queued.holders), (Some(Mode::AccessExclusive), Kind::Relation, vec![20_643, 20_687]));
        let other = Queued::of(b"AccessShareLock on relation 16423 of database 16384", b"");
        assert_eq!((other.mode, other.object, other.holders.len()), (Some(Mode::AccessShare), queued.object, 0));
        assert_eq!(Queued::of(b"ExclusiveLock on tuple (1,2) of relation 7 of database 8", b"x").kind, Kind::Row);
        assert_eq!(Queued::of(b"ExclusiveLock on advisory lock [5,0,42,1]", b"").kind, Kind::Advisory);
    }

    /// The table in the manual, chapter on explicit locking.
    #[test]
    fn modes_conflict_as_the_manual_says() {
        let conflicting =
            |mode: Mode| MODES.iter().filter(|(other, ..)| mode.conflicts(*other)).map(|(other, ..)| *other).collect::<Vec<_>>();
        assert_eq!(conflicting(Mode::AccessShare), [Mode::AccessExclusive]);
        assert_eq!(conflicting(Mode::RowExclusive), [Mode::Share, Mode::ShareRowExclusive, Mode::Exclusive, Mode::AccessExclusive]);
        assert_eq!(
            conflicting(Mode::Share),
            [Mode::RowExclusive, Mode::ShareUpdateExclusive, Mode::ShareRowExclusive, Mode::Exclusive, Mode::AccessExclusive]
        );
        assert_eq!(conflicting(Mode::AccessExclusive).len(), 8);
        for (a, ..) in MODES {
            for (b, ..) in MODES {
                assert_eq!(a.conflicts(b), b.conflicts(a), "{a:?} {b:?}");
            }
        }
    }
}
