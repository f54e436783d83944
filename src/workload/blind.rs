//! Why a log cannot show loops: the fast calls of which they are made are not in it.

use crate::units::Micros;

use super::Workload;

/// What hides loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blind {
    /// Nothing faster was logged.
    Threshold {
        /// The shortest duration logged.
        shortest: Micros,
        /// The setting that it looks like.
        looks_like: Micros,
    },
    /// A sample of statements was logged.
    Sampled,
    /// The log does not tell sessions apart.
    NoSessions,
}

/// Round numbers that people set `log_min_duration_statement` to, in milliseconds.
const USUAL: [u64; 21] = [1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 500, 750, 1_000, 2_000, 5_000];
/// With fewer durations the shortest says nothing.
const FEWEST: u64 = 8;

impl Workload {
    /// The threshold below which durations seem not to be logged, and the shortest one that was. A log with BEGIN and COMMIT
    /// in it, or with anything from the cache, has durations far below a millisecond.
    #[must_use]
    pub fn threshold(&self) -> Option<(Micros, Micros)> {
        let (shortest, durations) = self.shortest()?;
        let looks_like = USUAL.iter().map(|&ms| Micros::from_millis(ms)).rfind(|&usual| usual <= shortest)?;
        (durations >= FEWEST).then_some((shortest, looks_like))
    }

    /// Sessions that several clients used in turn, as behind a pooler in transaction mode.
    #[must_use]
    pub fn shared_sessions(&self) -> u64 {
        self.loops.shared
    }

    /// How many of the transactions and calls lack a part, and how many there are, if a sample of the statements seems to have
    /// been logged. A log that does not tell sessions apart does not tell that either.
    #[must_use]
    pub fn lacking(&self) -> Option<(u64, u64)> {
        self.wholeness.lacking().filter(|_| self.sessions.is_told())
    }

    /// Why loops cannot be seen, if they cannot.
    #[must_use]
    pub fn blind(&self) -> Option<Blind> {
        let rate = |name: &str| self.events.settings.get(name).and_then(|value| value.parse::<f64>().ok());
        match self.threshold() {
            _ if self.calls() == 0 => None,
            Some((shortest, looks_like)) => Some(Blind::Threshold { shortest, looks_like }),
            None if rate("log_statement_sample_rate").is_some_and(|rate| rate < 1.0) => Some(Blind::Sampled),
            None if self.lacking().is_some() => Some(Blind::Sampled),
            None if !self.sessions.is_told() => Some(Blind::NoSessions),
            None => None,
        }
    }
}
