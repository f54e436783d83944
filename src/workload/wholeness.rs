//! Whether all that belongs together is in a log, or only a sample of it.
//!
//! A server that logs a sample of its statements throws dice for each line, the parts of a transaction or of one call as well:
//! BEGIN comes without its COMMIT, `execute` without the `bind` before it. A log of which a part is missing for another
//! reason, be it a threshold or that it begins in mid-transaction, lacks one of the two only.

use serde::{Deserialize, Serialize};

/// What belongs together, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wholeness {
    /// How often a transaction was begun.
    pub begins: u64,
    /// Of these, how often within another, behind statements of it that succeeded.
    pub within: u64,
    /// How often one was ended.
    pub ends: u64,
    /// Of these, how often outside of any.
    pub outside: u64,
    /// `bind` lines of a duration above 0.
    pub binds: u64,
    /// `execute` lines of a call that no threshold would have left out had it been slower.
    pub executes: u64,
    /// Of these, those without a `bind` before them.
    pub unbound: u64,
}

/// With fewer of a kind it says nothing by itself.
const FEWEST: u64 = 40;
/// With fewer of each kind nothing is said, even if both kinds say the same.
const FEWEST_OF_BOTH: u64 = 10;
/// One of so many is loud: at a rate of 0.7 it is nearly one of three.
const LOUD: u64 = 4;
/// One of so many that lacks its counterpart may be an accident; at a rate of 0.8 it is one of six.
const ACCIDENTS: u64 = 12;
/// Thresholds are at least so many microseconds.
const LEAST_THRESHOLD: u64 = 1_000;

impl Wholeness {
    pub(super) fn add(&mut self, other: Self) {
        self.begins += other.begins;
        self.within += other.within;
        self.ends += other.ends;
        self.outside += other.outside;
        self.binds += other.binds;
        self.executes += other.executes;
        self.unbound += other.unbound;
    }

    /// A call of the extended protocol was executed, with so many microseconds of `bind` before it.
    pub(super) fn executed(&mut self, execute: u64, bind: u64) {
        self.binds += u64::from(bind > 0);
        if execute < LEAST_THRESHOLD {
            self.executes += 1;
            self.unbound += u64::from(bind == 0);
        }
    }

    /// How many of what belongs together lack a part, and how many there are, if that looks like a sample. Of transactions both
    /// parts must be missing: whoever ends what is not open, or begins twice, does not do the other as well; and of `bind`
    /// lines some must be there, so that they were not left out on purpose. Short logs are believed if transactions and calls
    /// both say so, and loudly.
    #[must_use]
    pub fn lacking(&self) -> Option<(u64, u64)> {
        let transactions = |least: Least| least.is_met(self.within, self.begins) && least.is_met(self.outside, self.ends);
        let calls = |least: Least| least.is_met(self.unbound, self.executes) && self.binds * ACCIDENTS > self.executes;
        let (alone, together) = (Least { of: FEWEST, one_in: ACCIDENTS }, Least { of: FEWEST_OF_BOTH, one_in: LOUD });
        let is_both = transactions(together) && calls(together);
        let sum = |(a, b): (u64, u64), (c, d): (u64, u64)| (a + c, b + d);
        let of_transactions = (is_both || transactions(alone)).then_some((self.within + self.outside, self.begins + self.ends));
        let of_calls = (is_both || calls(alone)).then_some((self.unbound, self.executes));
        of_transactions.into_iter().chain(of_calls).reduce(sum)
    }
}

/// How many there must be, and one in how many must lack its counterpart.
#[derive(Clone, Copy)]
struct Least {
    of: u64,
    one_in: u64,
}

impl Least {
    fn is_met(self, lacking: u64, all: u64) -> bool {
        all >= self.of && lacking * self.one_in > all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_missing_only_where_both_are() {
        let all = Wholeness { begins: 120, ends: 120, ..Wholeness::default() };
        let of = |within, outside| Wholeness { within, outside, ..all }.lacking();
        assert_eq!(of(11, 11), Some((22, 240)));
        assert_eq!(of(10, 11), None, "one of twelve may be an accident");
        assert_eq!((of(60, 0), of(0, 60)), (None, None), "a habit, not a sample");
        assert_eq!(Wholeness { begins: 39, within: 20, ends: 39, outside: 20, ..Wholeness::default() }.lacking(), None, "too few");
    }

    /// The numbers are those of a real server at a rate of 0.2: 72 calls.
    #[test]
    fn a_short_log_is_a_sample_where_transactions_and_calls_both_say_so() {
        let short = Wholeness { begins: 10, within: 3, ends: 12, outside: 6, binds: 8, executes: 22, unbound: 14 };
        assert_eq!(short.lacking(), Some((3 + 6 + 14, 10 + 12 + 22)));
        for one_alone in [
            Wholeness { unbound: 0, ..short },
            Wholeness { within: 0, ..short },
            Wholeness { outside: 0, ..short },
            Wholeness { within: 2, ..short },
            Wholeness { binds: 1, ..short },
            Wholeness { begins: 9, ..short },
        ] {
            assert_eq!(one_alone.lacking(), None, "{one_alone:?}");
        }
    }

    #[test]
    fn calls_without_their_bind_are_a_sample_where_others_have_it() {
        let mut sampled = Wholeness::default();
        (0..100).for_each(|n| sampled.executed(300, if n % 5 == 0 { 100 } else { 0 }));
        assert_eq!(sampled.lacking(), Some((80, 100)));
        let mut without = Wholeness::default();
        (0..100).for_each(|_| without.executed(300, 0));
        assert_eq!(without.lacking(), None, "somebody left out all bind lines");
        let mut slow = Wholeness::default();
        (0..100).for_each(|n| slow.executed(if n % 2 == 0 { 2_000 } else { 300 }, if n % 2 == 0 { 0 } else { 100 }));
        assert_eq!(slow.lacking(), None, "calls above a threshold whose bind was below it");
    }
}
