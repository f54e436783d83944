//! The log minute by minute: what succeeded and failed, of everything and of each application, and by which calls an
//! objective of latency was missed.
//!
//! Whether a minute misses an objective is counted exactly, because the objectives are known before the log is read. A log of
//! more than [`MOST_MINUTES`] busy minutes is watched in longer stretches.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use foldhash::fast::FixedState;

use crate::units::Micros;

use super::latency::{Permille, rank};
use super::parsed::Names;
use super::timeline::{Series, Span, Sum};

/// An objective of latency: so many thousandths of the calls of each minute take no longer than a limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Objective {
    /// Of which application; `None` for all calls.
    pub application: Option<String>,
    /// Of how many thousandths of the calls.
    pub permille: u64,
    /// The limit.
    pub limit: Micros,
}

impl std::str::FromStr for Objective {
    type Err = String;

    /// `p95=200ms`, or `web:p99.9=1s` of one application, whose name may have colons itself.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "objectives are like p95=200ms, or web:p99.9=1s of one application".to_owned();
        let (of, limit) = text.rsplit_once('=').ok_or_else(form)?;
        let (application, percentile) = of.rsplit_once(':').map_or((None, of), |(name, percentile)| (Some(name), percentile));
        let number = percentile.trim().strip_prefix(['p', 'P']).ok_or_else(form)?;
        let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
        let digit = |text: &str, most: usize| (text.len() <= most).then(|| text.parse::<u8>().ok()).flatten().map(u64::from);
        let permille = digit(whole, 2).ok_or_else(form)? * 10 + digit(tenths, 1).ok_or_else(form)?;
        if !(1..1_000).contains(&permille) {
            return Err(form());
        }
        let limit = limit.parse().map_err(|error: crate::units::NoSpan| error.to_string())?;
        let application = application.map(str::trim).map(str::to_owned);
        if application.as_deref() == Some("") {
            return Err(form());
        }
        Ok(Objective { application, permille, limit })
    }
}

impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = self.application.as_deref().map(|name| format!("{name}:")).unwrap_or_default();
        write!(f, "{of}{} of {}", self.percentile(), self.limit)
    }
}

impl Objective {
    /// Its percentile as people name it: `p95`, `p99.9`.
    #[must_use]
    pub fn percentile(&self) -> String {
        let tenths = if self.permille.is_multiple_of(10) { String::new() } else { format!(".{}", self.permille % 10) };
        format!("p{}{tenths}", self.permille / 10)
    }

    /// With fewer calls in a minute its percentile is the slowest call, or says little.
    #[must_use]
    pub fn fewest(&self) -> u64 {
        1_000_u64.div_ceil((1_000 - self.permille.min(999)).max(1)).max(20)
    }
}

/// The calls of a stretch of time as an objective sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredJudged", try_from = "StoredJudged")]
pub struct Judged {
    /// Calls whose duration is known.
    pub calls: u32,
    /// Those of them that took longer than the limit.
    pub over: u32,
    /// By how much, all together.
    pub excess: Micros,
    /// The longest of them.
    pub max: Micros,
    /// How many took up to how many times the limit: eight equal steps from one to two times, eight from two to four, and so
    /// on; the last has everything beyond.
    above: [u32; STEPS],
}

/// Steps between a number of times the limit and twice as much.
const PARTS: u64 = 8;
/// Up to sixteen times the limit, and beyond.
const STEPS: usize = 33;

impl Default for Judged {
    fn default() -> Self {
        Judged { calls: 0, over: 0, excess: Micros(0), max: Micros(0), above: [0; STEPS] }
    }
}

impl Sum for Judged {
    fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.over = self.over.saturating_add(other.over);
        self.excess += other.excess;
        self.max = self.max.max(other.max);
        self.above.iter_mut().zip(other.above).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
    }
}

/// Calls, those over the limit, by how much, the longest, and the steps up to the last that has any.
type StoredJudged = (u32, u32, Micros, Micros, Vec<u32>);

impl From<Judged> for StoredJudged {
    fn from(judged: Judged) -> Self {
        let end = judged.above.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
        (judged.calls, judged.over, judged.excess, judged.max, judged.above[..end].to_vec())
    }
}

impl TryFrom<StoredJudged> for Judged {
    type Error = &'static str;

    fn try_from((calls, over, excess, max, steps): StoredJudged) -> Result<Self, &'static str> {
        let mut above = [0; STEPS];
        above.get_mut(..steps.len()).ok_or("more steps than there are")?.copy_from_slice(&steps);
        Ok(Judged { calls, over, excess, max, above })
    }
}

impl Judged {
    /// Takes a call, to be judged by a limit.
    fn take(&mut self, latency: Micros, limit: Micros) {
        self.calls = self.calls.saturating_add(1);
        if latency > limit {
            self.over = self.over.saturating_add(1);
            self.excess += Micros(latency.0 - limit.0);
            self.max = self.max.max(latency);
            let count = &mut self.above[step(latency, limit)];
            *count = count.saturating_add(1);
        }
    }

    /// The value of nearest rank at so many thousandths, rounded up by at most an eighth; `None` if it is not above the limit.
    #[must_use]
    pub fn percentile(&self, objective: &Objective) -> Option<Micros> {
        let calls = u64::from(self.calls);
        let from_top = calls - rank(calls, Permille(objective.permille))? + 1;
        let mut passed = 0;
        let at = self.above.iter().rposition(|&count| {
            passed += u64::from(count);
            passed >= from_top
        })?;
        Some(end_of_step(at, objective.limit).map_or(self.max, |end| end.min(self.max)))
    }

    /// Whether the value of nearest rank at so many thousandths is above the limit.
    #[must_use]
    pub fn misses(&self, permille: u64) -> bool {
        let calls = u64::from(self.calls);
        rank(calls, Permille(permille)).is_some_and(|rank| u64::from(self.over) > calls - rank)
    }
}

/// The step of a latency above a limit.
fn step(latency: Micros, limit: Micros) -> usize {
    let (latency, limit) = (u128::from(latency.0), u128::from(limit.0.max(1)));
    let octave = (0..8).take_while(|&octave| limit << (octave + 1) <= latency).count();
    let start = limit << octave;
    let part = (latency - start) * u128::from(PARTS) / start;
    usize::try_from(part).unwrap_or(STEPS).saturating_add(octave * 8).min(STEPS - 1)
}

/// Where a step ends; `None` for the last.
fn end_of_step(step: usize, limit: Micros) -> Option<Micros> {
    let (octave, part) = (step as u64 / PARTS, step as u64 % PARTS);
    (step + 1 < STEPS).then(|| {
        let start = limit.0.max(1).saturating_mul(1 << octave);
        Micros(start.saturating_add((u128::from(start) * u128::from(part + 1) / u128::from(PARTS)).try_into().unwrap_or(u64::MAX)))
    })
}

/// So many busy minutes are told apart: five days and a half of them.
pub const MOST_MINUTES: u32 = 1 << 13;
/// So many applications are told apart; of others nothing is watched.
const MOST_APPLICATIONS: usize = 64;
/// The place of an application that is not watched.
const UNWATCHED: u32 = u32::MAX;
/// The place of one that was not looked for yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// One application.
#[derive(Clone, Debug)]
struct Application {
    name: Box<[u8]>,
    minutes: Series<Span>,
    /// The objectives that are its own, by number.
    objectives: Vec<u32>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Service {
    objectives: Vec<(Objective, Series<Judged>)>,
    minutes: Series<Span>,
    applications: Vec<Application>,
    by_name: HashMap<Box<[u8]>, u32, FixedState>,
    /// The place of the application of each combination of names.
    places: Vec<u32>,
    recent: Recent,
    /// How often an application was met that is one too many, once for each combination of names.
    unwatched: u64,
}

/// What happened last in one minute to one combination of names, which is in no series yet: much of what comes next is of
/// the same.
#[derive(Clone, Debug, Default)]
struct Recent {
    /// The minute, the number of the names and the place of their application; meaningless without a span.
    minute: u32,
    number: u32,
    place: u32,
    span: Option<Span>,
}

impl Default for Service {
    fn default() -> Self {
        Service::over(&[])
    }
}

impl Service {
    /// Nothing yet, to be judged by objectives.
    pub(super) fn over(objectives: &[Objective]) -> Self {
        let objectives = objectives.iter().map(|objective| (objective.clone(), Series::up_to(MOST_MINUTES))).collect();
        let minutes = Series::up_to(MOST_MINUTES);
        let (by_name, recent) = (HashMap::default(), Recent::default());
        Service { objectives, minutes, applications: Vec::new(), by_name, places: Vec::new(), recent, unwatched: 0 }
    }

    /// Looks for the application of a combination of names. Of too many the first are watched, so this is asked in the order
    /// of the log.
    #[inline]
    pub(super) fn know(&mut self, number: u32, names: &[Names]) {
        self.place(number, names);
    }

    /// Judges a call by its duration, which may come later than the call.
    pub(super) fn judge(&mut self, minute: u32, latency: Micros, number: u32, names: &[Names]) {
        let place = self.place(number, names);
        let own = self.applications.get(place as usize).map_or(&[][..], |application| &application.objectives);
        for (at_objective, (objective, judged)) in self.objectives.iter_mut().enumerate() {
            if objective.application.is_none() || own.iter().any(|&own| own as usize == at_objective) {
                judged.of(minute).take(latency, objective.limit);
            }
        }
    }

    /// Takes what happened to a combination of names.
    #[inline]
    pub(super) fn add(&mut self, minute: u32, one: &Span, number: u32, names: &[Names]) {
        match &mut self.recent {
            Recent { minute: known, number: of, span: Some(span), .. } if (*known, *of) == (minute, number) => span.add(one),
            _ => self.begin(minute, one, number, names),
        }
    }

    /// Takes what happened in another minute or to other names.
    #[inline(never)]
    fn begin(&mut self, minute: u32, one: &Span, number: u32, names: &[Names]) {
        self.settle_recent();
        let place = self.place(number, names);
        self.recent = Recent { minute, number, place, span: Some(*one) };
    }

    fn settle_recent(&mut self) {
        if let Some(span) = self.recent.span.take() {
            self.minutes.add(self.recent.minute, &span);
            if let Some(application) = self.applications.get_mut(self.recent.place as usize) {
                application.minutes.add(self.recent.minute, &span);
            }
        }
    }

    #[inline]
    fn place(&mut self, number: u32, names: &[Names]) -> u32 {
        match self.places.get(number as usize) {
            Some(&place) if place != UNKNOWN => place,
            _ => self.find(number, names),
        }
    }

    fn find(&mut self, number: u32, names: &[Names]) -> u32 {
        let Some(of) = names.get(number as usize) else { return UNWATCHED };
        let place = of.application.as_deref().filter(|name| !name.is_empty()).map_or(UNWATCHED, |name| self.application(name));
        if self.places.len() <= number as usize {
            self.places.resize(number as usize + 1, UNKNOWN);
        }
        self.places[number as usize] = place;
        place
    }

    fn application(&mut self, name: &[u8]) -> u32 {
        if let Some(&place) = self.by_name.get(name) {
            return place;
        }
        let is_own = |(_, (objective, _)): &(usize, &(Objective, Series<Judged>))| {
            objective.application.as_deref().is_some_and(|own| own.as_bytes() == name)
        };
        let objectives = self.objectives.iter().enumerate().filter(is_own).filter_map(|(at, _)| u32::try_from(at).ok());
        let objectives: Vec<u32> = objectives.collect();
        // One that has an objective is never too much.
        if self.applications.len() >= MOST_APPLICATIONS && objectives.is_empty() {
            self.unwatched += 1;
            return UNWATCHED;
        }
        let place = u32::try_from(self.applications.len()).unwrap_or(UNWATCHED);
        self.applications.push(Application { name: name.into(), minutes: Series::up_to(MOST_MINUTES), objectives });
        self.by_name.insert(name.into(), place);
        place
    }

    /// Ends the log.
    pub(super) fn settle(&mut self) {
        self.settle_recent();
        self.minutes.settle();
        self.applications.iter_mut().for_each(|application| application.minutes.settle());
        self.objectives.iter_mut().for_each(|(_, judged)| judged.settle());
    }

    /// Adds what was seen of another log, by the same objectives.
    pub(super) fn merge(&mut self, other: &Service) {
        self.unwatched += other.unwatched;
        self.minutes.merge(&other.minutes);
        for application in &other.applications {
            let place = self.application(&application.name);
            if let Some(mine) = self.applications.get_mut(place as usize) {
                mine.minutes.merge(&application.minutes);
            }
        }
        for ((_, mine), (_, theirs)) in self.objectives.iter_mut().zip(&other.objectives) {
            mine.merge(theirs);
        }
    }

    /// Everything, minute by minute.
    #[must_use]
    pub fn minutes(&self) -> &Series<Span> {
        &self.minutes
    }

    /// The applications, by name.
    #[must_use]
    pub fn applications(&self) -> Vec<(String, &Series<Span>)> {
        let mut all: Vec<_> = self.applications.iter().map(|one| (String::from_utf8_lossy(&one.name).into_owned(), &one.minutes)).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// How many combinations of names are of applications that are not watched because there are too many.
    #[must_use]
    pub fn unwatched(&self) -> u64 {
        self.unwatched
    }

    /// The objectives, and how each minute did.
    #[must_use]
    pub fn objectives(&self) -> &[(Objective, Series<Judged>)] {
        &self.objectives
    }
}

/// The same as saved files hold it: everything, each application, each objective in the order of [`Service::objectives`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredService {
    minutes: Series<Span>,
    applications: Vec<(String, Series<Span>)>,
    objectives: Vec<Series<Judged>>,
}

impl Service {
    pub(super) fn stored(&self) -> StoredService {
        let applications = self.applications().into_iter().map(|(name, minutes)| (name, minutes.clone())).collect();
        let objectives = self.objectives.iter().map(|(_, judged)| judged.clone()).collect();
        StoredService { minutes: self.minutes.clone(), applications, objectives }
    }

    /// Adds what was saved of the same objectives.
    pub(super) fn add_stored(&mut self, stored: StoredService) -> Result<(), &'static str> {
        let mut other = Service::over(&[]);
        if stored.objectives.len() != self.objectives.len() {
            return Err("as many objectives as are judged by");
        }
        other.minutes = stored.minutes;
        for (name, minutes) in stored.applications {
            let place = other.application(name.as_bytes());
            if let Some(known) = other.applications.get_mut(place as usize) {
                known.minutes.merge(&minutes);
            }
        }
        other.objectives = self.objectives.iter().map(|(objective, _)| objective.clone()).zip(stored.objectives).collect();
        self.merge(&other);
        Ok(())
    }
}

impl PartialEq for Service {
    /// Equal if every answer is.
    fn eq(&self, other: &Self) -> bool {
        self.unwatched == other.unwatched
            && self.minutes == other.minutes
            && self.objectives == other.objectives
            && self.applications() == other.applications()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_as_they_are_written() {
        let read = |text: &str| text.parse::<Objective>().ok().map(|o| (o.application.unwrap_or_default(), o.permille, o.limit.0));
        assert_eq!(read("p95=200ms"), Some((String::new(), 950, 200_000)));
        assert_eq!(read("web:p99.9=1.5s"), Some(("web".to_owned(), 999, 1_500_000)));
        assert_eq!(read("a:b:p50=1m"), Some(("a:b".to_owned(), 500, 60_000_000)));
        for bad in ["p95", "95=1s", "p0=1s", "p100=1s", "p95=0s", "p99.99=1s", ":p95=1s", "p95=fast", "p=1s", "p-5=1s", "p9.=1s"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!("web:p99.9=1s".parse::<Objective>().map(|o| o.to_string()).as_deref(), Ok("web:p99.9 of 1.00 s"));
    }

    #[test]
    fn a_percentile_above_the_limit_is_known_within_an_eighth() {
        let objective: Objective = "p95=100ms".parse().expect("an objective");
        let of = |slow: &[u64]| {
            let mut judged = Judged::default();
            (0..100 - slow.len()).for_each(|_| judged.take(Micros(1_000), objective.limit));
            slow.iter().for_each(|&ms| judged.take(Micros::from_millis(ms), objective.limit));
            judged.percentile(&objective).map(|value| value.0 / 1_000)
        };
        // The 95th of 100 is the sixth from the top.
        assert_eq!(of(&[150, 150, 150, 150, 150]), None);
        assert_eq!(of(&[150, 500, 500, 500, 500, 500]), Some(162));
        assert_eq!(of(&[101, 500, 500, 500, 500, 500]), Some(112));
        assert_eq!(of(&[300; 6]), Some(300));
        assert_eq!(of(&[310, 400, 400, 400, 400, 400]), Some(325));
        assert_eq!(of(&[5_000; 6]), Some(5_000));
        assert_eq!(of(&[1_650, 1_700, 1_700, 1_700, 1_700, 1_700]), Some(1_700), "beyond sixteen times only the longest is known");
    }

    #[test]
    fn a_percentile_of_nearest_rank_is_counted_exactly() {
        let judged = |calls, over| Judged { calls, over, ..Judged::default() };
        // The 19th of 20 is the 95th percentile: one slow call is not above it, two are.
        assert!(!judged(20, 1).misses(950) && judged(20, 2).misses(950));
        // The 20th of 21: one above is not enough, two are.
        assert!(!judged(21, 1).misses(950) && judged(21, 2).misses(950));
        assert!(!judged(100, 1).misses(990) && judged(100, 2).misses(990));
        assert!(!judged(0, 0).misses(500) && judged(1, 1).misses(500));
        let objective = |permille| Objective { application: None, permille, limit: Micros(1) };
        assert_eq!([500, 950, 990, 999].map(|permille| objective(permille).fewest()), [20, 20, 100, 1_000]);
    }
}
