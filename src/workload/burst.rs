//! What became of loops: bursts of one statement, and the patterns they add up to.
//!
//! A burst is one loop in one unit of a session; a pattern is all bursts of a statement below one parent. Which of them is a
//! finding, rules decide: everything from [`FEWEST`] repetitions on is kept, added up by size, so that any rule may ask for
//! more. Adding up is exact and in any order the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sql::fingerprint::Fingerprint;
use crate::units::{Micros, Timestamp};

/// Shorter loops are not kept.
pub const FEWEST: u32 = 3;

/// How many bursts of a pattern are kept one by one; the rest is counted.
pub const MOST_BURSTS: usize = 1_000;

/// How many patterns are told apart; bursts of others are counted only.
const MOST_PATTERNS: usize = 10_000;

/// What kind of loop it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Reads, each with another key.
    Reads,
    /// Writes of one row each.
    Writes,
    /// The same read with the same values.
    Repeats,
}

/// What held the calls of a burst together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bond {
    /// Nearness in time.
    #[default]
    Segment,
    /// A transaction.
    Transaction,
    /// A request's id in a comment.
    Tag,
}

impl Bond {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["segment", "transaction", "tag"][self as usize]
    }
}

/// How surely a burst is a loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// A hint.
    #[default]
    Low,
    /// Likely.
    Medium,
    /// As good as certain.
    High,
}

/// One loop in one unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Burst {
    /// When its first call began.
    pub start: Timestamp,
    /// When its last call ended.
    pub end: Timestamp,
    /// The session, as logs number it; the low half is the process, where there are both.
    #[serde(deserialize_with = "crate::units::wide::number")]
    pub session: u64,
    /// All of its sessions, where it crosses connections; else empty.
    #[serde(deserialize_with = "crate::units::wide::numbers")]
    pub sessions: Vec<u64>,
    /// How many calls.
    pub n: u32,
    /// The same, or of the loop around it if that has more; where several values come again, what they repeat.
    pub scale: u32,
    /// What held them together.
    pub bond: Bond,
    /// How sure it is.
    pub grade: Grade,
    /// `application_name`.
    pub application: Option<String>,
    /// The time of its calls in the server.
    pub exec: Micros,
    /// What one statement for all rows would have saved of its time.
    pub waste: Micros,
    /// Whether it may go on in another part of the log, with which this one was put together.
    #[serde(default)]
    pub truncated: bool,
}

impl Burst {
    /// From the first call's start to the last one's end.
    #[must_use]
    pub fn wall(&self) -> Micros {
        self.end.since(self.start)
    }
}

/// Bursts of one size, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sum {
    /// How many bursts, by [`Grade`].
    pub bursts: [u64; 3],
    /// Of them, those whose calls were sent without waiting for each other.
    pub pipelined: u64,
    /// Their calls.
    pub calls: u64,
    /// How many different values the calls of each had.
    pub values: u64,
    /// Their time from end to end.
    pub wall: Micros,
    /// Their time in the server.
    pub exec: Micros,
    /// What they wasted; of several loops in one only the longest counts.
    pub waste: Micros,
    /// What the worst of them wasted.
    pub worst: Micros,
    /// The most calls.
    pub most: u32,
}

impl Sum {
    /// How many bursts.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bursts.iter().sum()
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Sum) {
        self.bursts.iter_mut().zip(other.bursts).for_each(|(mine, theirs)| *mine += theirs);
        self.pipelined += other.pipelined;
        self.calls += other.calls;
        self.values += other.values;
        self.wall += other.wall;
        self.exec += other.exec;
        self.waste += other.waste;
        self.worst = self.worst.max(other.worst);
        self.most = self.most.max(other.most);
    }
}

/// What a pattern is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Known {
    /// The kind of loop.
    pub class: Class,
    /// The statement that is repeated.
    pub child: Fingerprint,
    /// The statement over whose rows it loops, where that is known.
    pub parent: Option<Fingerprint>,
    /// The statement at the top, where loops are nested; else the parent.
    pub root: Option<Fingerprint>,
}

/// All bursts of a statement below one parent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pattern {
    /// By scale, larger ones rounded down to 6 binary digits.
    pub sizes: BTreeMap<u32, Sum>,
    /// The first bursts.
    pub bursts: Vec<Burst>,
    /// The code that sent them, as a tag names it; the least of several.
    pub endpoint: Option<String>,
}

/// A burst that just ended, and what is only added up of it.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) known: Known,
    pub(super) burst: Burst,
    /// Whether its waste counts, and not that of a longer loop beside it.
    pub(super) counts: bool,
    pub(super) pipelined: bool,
    /// How many different values its calls had.
    pub(super) values: u32,
    pub(super) endpoint: Option<String>,
}

impl Pattern {
    fn add(&mut self, ended: Ended) {
        let Ended { burst, counts, pipelined, values, endpoint, .. } = ended;
        let waste = if counts { burst.waste } else { Micros(0) };
        let mut bursts = [0; 3];
        bursts[burst.grade as usize] = 1;
        let sum = Sum {
            bursts,
            pipelined: u64::from(pipelined),
            calls: u64::from(burst.n),
            values: u64::from(values),
            wall: burst.wall(),
            exec: burst.exec,
            waste,
            worst: burst.waste,
            most: burst.n,
        };
        self.sizes.entry(rounded(burst.scale)).or_default().add(&sum);
        self.called_from(endpoint);
        if self.bursts.len() < MOST_BURSTS {
            self.bursts.push(burst);
        }
    }

    fn called_from(&mut self, endpoint: Option<String>) {
        self.endpoint = match (self.endpoint.take(), endpoint) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    fn merge(&mut self, other: Pattern) {
        for (size, sum) in other.sizes {
            self.sizes.entry(size).or_default().add(&sum);
        }
        self.called_from(other.endpoint);
        self.bursts.extend(other.bursts);
        self.bursts.sort();
        self.bursts.truncate(MOST_BURSTS);
    }

    /// The bursts of at least so many calls, added up.
    #[must_use]
    pub fn from(&self, least: u32) -> Sum {
        let mut sum = Sum::default();
        self.sizes.range(least..).for_each(|(_, size)| sum.add(size));
        sum
    }

    /// The number of calls that so many thousandths of its bursts of at least `least` calls do not exceed.
    #[must_use]
    pub fn size(&self, least: u32, permille: u64) -> u32 {
        let all = self.from(least).count();
        let rank = (all * permille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let found = self.sizes.range(least..).find(|(_, sum)| {
            seen += sum.count();
            seen >= rank
        });
        found.map_or(0, |(&size, sum)| if size < EXACT { size } else { sum.most })
    }
}

/// Below it sizes are exact.
const EXACT: u32 = 64;

/// A number down to its first six binary digits.
pub(super) fn rounded(n: u32) -> u32 {
    u32::try_from(rounded_to(6, u64::from(n))).unwrap_or(n)
}

/// A number down to so many of its first binary digits.
pub(super) fn rounded_to(digits: u32, n: u64) -> u64 {
    let drop = (u64::BITS - n.leading_zeros()).saturating_sub(digits);
    (n >> drop) << drop
}

/// Every pattern of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patterns {
    #[serde(with = "super::stored::by_key")]
    by_key: BTreeMap<Known, Pattern>,
    /// Bursts of patterns beyond the bound.
    pub lost: u64,
}

impl Patterns {
    /// All of them, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&Known, &Pattern)> {
        self.by_key.iter()
    }

    /// Each pattern alone, in order, and then the number of those that were lost.
    pub(super) fn split(&self) -> impl Iterator<Item = Patterns> + '_ {
        let one = |(&known, pattern): (&Known, &Pattern)| Patterns { by_key: BTreeMap::from([(known, pattern.clone())]), lost: 0 };
        let lost = (self.lost > 0).then(|| Patterns { lost: self.lost, ..Patterns::default() });
        self.by_key.iter().map(one).chain(lost)
    }

    pub(super) fn add(&mut self, ended: Ended) {
        if self.by_key.len() >= MOST_PATTERNS && !self.by_key.contains_key(&ended.known) {
            self.lost += 1;
            return;
        }
        self.by_key.entry(ended.known).or_default().add(ended);
    }

    /// Adds those of another workload.
    pub(super) fn merge(&mut self, other: Patterns) {
        self.lost += other.lost;
        for (known, pattern) in other.by_key {
            self.by_key.entry(known).or_default().merge(pattern);
        }
    }

    /// Marks the bursts that may go on beyond a moment, as `reaches` tells.
    pub(super) fn cut(&mut self, reaches: &dyn Fn(&Burst) -> bool) {
        let bursts = self.by_key.values_mut().flat_map(|pattern| &mut pattern.bursts);
        bursts.filter(|burst| reaches(burst)).for_each(|burst| burst.truncated = true);
    }

    /// Puts bursts into the order of their times, which is that of no session.
    pub(super) fn finish(&mut self) {
        self.by_key.values_mut().for_each(|pattern| pattern.bursts.sort());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(sizes: &[u32]) -> Pattern {
        let known = Known { class: Class::Reads, child: Fingerprint::without_text("c"), parent: None, root: None };
        let mut pattern = Pattern::default();
        for &n in sizes {
            let burst = Burst {
                start: Timestamp(0),
                end: Timestamp(1_000),
                session: 7,
                sessions: Vec::new(),
                n,
                scale: n,
                bond: Bond::Tag,
                grade: Grade::High,
                application: None,
                exec: Micros(10),
                waste: Micros(900),
                truncated: false,
            };
            pattern.add(Ended { known, burst, counts: true, pipelined: false, values: 1, endpoint: None });
        }
        pattern
    }

    #[test]
    fn sizes_have_percentiles_from_a_least_size_on() {
        let pattern = pattern(&[3, 3, 5, 10, 1_000]);
        assert_eq!((pattern.from(3).count(), pattern.from(5).count(), pattern.from(5).calls), (5, 3, 1_015));
        assert_eq!((pattern.size(5, 500), pattern.size(5, 950), pattern.size(3, 500)), (10, 1_000, 5));
    }

    #[test]
    fn patterns_beyond_the_bound_are_counted() {
        let one = pattern(&[5]);
        let mut patterns = Patterns::default();
        for number in 0..=MOST_PATTERNS {
            let child = Fingerprint::without_text(&number.to_string());
            let known = Known { class: Class::Reads, child, parent: None, root: None };
            let burst = one.bursts[0].clone();
            patterns.add(Ended { known, burst, counts: true, pipelined: false, values: 1, endpoint: None });
        }
        assert_eq!((patterns.iter().count(), patterns.lost), (MOST_PATTERNS, 1));
    }

    #[test]
    fn merging_is_the_same_in_any_order() {
        let (a, b) = (pattern(&[3, 70, 71]), pattern(&[5, 5_000]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(a);
        assert_eq!(ab, ba);
    }
}
