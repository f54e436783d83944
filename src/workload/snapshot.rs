//! Inputs to snapshots: which of them belong together, which are one snapshot twice, and in which order they were taken.
//!
//! A snapshot may be one file, or the exports of two views side by side. Exports do not tell when they were made, so their
//! order is that in which the user named them, unless every one of them tells.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;

use crate::catalog::{Catalog, Object, Origin};
use crate::event::tally::{COUNTS, Counters, Facts, TIMES, TallyKey};

use super::moments::{Moments, Rounding, Told};
use super::pieces::{Gathered, TextRow};

/// Counters of a server at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The input that holds its counters.
    pub(super) path: PathBuf,
    pub(super) facts: Facts,
    pub(super) entries: BTreeMap<TallyKey, Entry>,
    /// Whether it says where it ends and ends before.
    pub(super) is_cut: bool,
    pub(super) rounding: Rounding,
    objects: Vec<Object>,
}

/// One entry of the server's table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) text: TextRow,
    /// See [`crate::sql::parameters::highest`].
    pub(super) values: Option<u32>,
    pub(super) user: Option<Box<str>>,
    pub(super) database: Option<Box<str>>,
    /// Of its executions; `None` if there were none.
    pub(super) moments: Option<Moments>,
    pub(super) counters: Counters,
}

impl Entry {
    /// Adds an entry that the export does not tell from this one.
    fn add(&mut self, other: Entry) {
        self.moments = Moments::sum(self.moments, other.moments);
        let (mine, theirs) = (&mut self.counters, &other.counters);
        let extreme = |a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64| a.zip(b).map(|(a, b)| of(a, b));
        (mine.min, mine.max) = (extreme(mine.min, theirs.min, f64::min), extreme(mine.max, theirs.max, f64::max));
        mine.calls = mine.calls.saturating_add(theirs.calls);
        mine.total += theirs.total;
        mine.counts = added(mine.counts, theirs.counts);
        mine.times = added_times(mine.times, theirs.times);
        mine.since = mine.since.max(theirs.since);
        mine.extremes_since = mine.extremes_since.max(theirs.extremes_since);
        add_buckets(&mut mine.buckets, &theirs.buckets);
    }
}

/// Sums of calls by bucket; of different buckets there is none.
pub(super) fn add_buckets(mine: &mut Vec<u64>, theirs: &[u64]) {
    if mine.len() == theirs.len() {
        mine.iter_mut().zip(theirs).for_each(|(a, b)| *a = a.saturating_add(*b));
    } else {
        mine.clear();
    }
}

/// Sums of whole numbers; what one side does not tell is not known.
pub(super) fn added(a: [Option<u64>; COUNTS], b: [Option<u64>; COUNTS]) -> [Option<u64>; COUNTS] {
    std::array::from_fn(|at| a[at].zip(b[at]).map(|(a, b)| a.saturating_add(b)))
}

/// Sums of times, likewise.
pub(super) fn added_times(a: [Option<f64>; TIMES], b: [Option<f64>; TIMES]) -> [Option<f64>; TIMES] {
    std::array::from_fn(|at| a[at].zip(b[at]).map(|(a, b)| a + b))
}

/// What came of the inputs.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    /// In the order of time, as far as it is known.
    pub(super) snapshots: Vec<Snapshot>,
    /// Inputs that hold a snapshot once more.
    pub(super) repeated: Vec<PathBuf>,
    /// Facts that belong to no counters.
    pub(super) astray: Vec<PathBuf>,
}

/// Puts inputs together.
pub(super) fn assemble(gathered: Vec<Gathered>) -> Assembled {
    let (counters, facts): (Vec<_>, Vec<_>) = gathered.into_iter().partition(|g| !g.tallies.is_empty() || g.facts.is_whole);
    // A snapshot whose texts could not be read leaves it to the others to tell what laggard itself sent.
    let own: HashSet<i64, FixedState> =
        counters.iter().flat_map(|input| &input.texts).filter(|(_, text)| text.is_none()).map(|(&id, _)| id).collect();
    let mut assembled = Assembled::default();
    let mut places: Vec<(PathBuf, String)> = Vec::new();
    for input in counters {
        let place = place(&input.path);
        let snapshot = Snapshot::of(input, &own);
        let twin = |(at, other): (usize, &Snapshot)| {
            (places.get(at) == Some(&place) || same_moment(other, &snapshot)) && !differ(other, &snapshot) && other.is_same(&snapshot)
        };
        if let Some(at) = assembled.snapshots.iter().enumerate().position(twin) {
            let known = &mut assembled.snapshots[at];
            known.facts.add(&snapshot.facts);
            if known.objects.is_empty() {
                known.objects = snapshot.objects;
            }
            assembled.repeated.push(snapshot.path);
        } else {
            places.push(place);
            assembled.snapshots.push(snapshot);
        }
    }
    for input in facts {
        let (folder, stem) = place(&input.path);
        let own = places.iter().position(|place| *place == (folder.clone(), stem.clone()));
        let neighbours: Vec<usize> = (0..places.len()).filter(|&at| places[at].0 == folder).collect();
        match own.or((neighbours.len() == 1).then(|| neighbours[0])) {
            Some(at) => assembled.snapshots[at].facts.add(&input.facts),
            None => assembled.astray.push(input.path),
        }
    }
    if assembled.snapshots.iter().all(|snapshot| snapshot.facts.taken.is_some()) {
        assembled.snapshots.sort_by_key(|snapshot| snapshot.facts.taken);
    }
    assembled
}

/// They tell of two moments or two databases: that nothing happened in between makes them no twins.
fn differ(a: &Snapshot, b: &Snapshot) -> bool {
    let (a, b) = (&a.facts, &b.facts);
    a.taken.zip(b.taken).is_some_and(|(a, b)| a != b) || a.database.as_ref().zip(b.database.as_ref()).is_some_and(|(a, b)| a != b)
}

fn same_moment(a: &Snapshot, b: &Snapshot) -> bool {
    a.facts.taken.is_some() && a.facts.taken == b.facts.taken
}

/// The folder of an input, and its name without extensions and without what tells the view of facts from that of counters.
fn place(path: &Path) -> (PathBuf, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    (path.parent().unwrap_or(Path::new("")).to_path_buf(), stem.trim_end_matches("_info").trim_end_matches("-info").to_owned())
}

impl Snapshot {
    /// Whether it is of a server that counts nothing, or of its catalogue alone. Counters that were reset have a version.
    pub(super) fn is_without_counters(&self) -> bool {
        self.facts.is_whole && self.entries.is_empty() && self.facts.extension.is_none()
    }

    fn of(mut input: Gathered, own: &HashSet<i64, FixedState>) -> Self {
        let rounding = rounding(&input);
        let mut entries: BTreeMap<TallyKey, Entry> = BTreeMap::new();
        for row in input.tallies {
            let text = match row.text {
                TextRow::Unknown => match row.key.query_id.and_then(|id| input.texts.get(&id)) {
                    Some(Some(statement)) => TextRow::Statement(*statement),
                    // What laggard asked for is not what it reports on.
                    Some(None) => continue,
                    None if row.key.query_id.is_some_and(|id| own.contains(&id)) => continue,
                    None => TextRow::Unknown,
                },
                other => other,
            };
            let mut key = row.key;
            if let (None, TextRow::Statement(statement)) = (key.query_id, text) {
                // An export without ids: the text is all that tells one entry from another.
                key.part ^= u64::from(statement) + 1;
            }
            let name = |database, oid| input.names.get(&(database, oid)).cloned();
            let entry = Entry {
                text,
                values: row.values.or_else(|| row.key.query_id.and_then(|id| input.values.get(&id).copied())),
                user: row.user.or_else(|| name(false, key.user)),
                database: row.database.or_else(|| name(true, key.database)),
                moments: Moments::of(&told(&row.counters), &rounding),
                counters: row.counters,
            };
            match entries.entry(key) {
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(entry)),
                std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().add(entry),
            }
        }
        let is_cut = input.facts.has_end && !input.ended;
        input.facts.is_whole &= !is_cut;
        Snapshot { path: input.path, is_cut, facts: input.facts, entries, rounding, objects: input.objects }
    }

    /// The catalogue, if it has one. A snapshot that is cut may lack the very index that all depends on.
    pub(super) fn catalog(&mut self) -> Option<Catalog> {
        let objects = std::mem::take(&mut self.objects);
        if objects.is_empty() || self.is_cut {
            return None;
        }
        let facts = &self.facts;
        let origin = Origin {
            server: facts.system_identifier.clone().or_else(|| facts.node.clone()),
            database: facts.database.clone(),
            taken: facts.taken,
            started: facts.started,
            version: facts.version,
            in_recovery: facts.in_recovery,
            settings: facts.settings.clone(),
        };
        Some(Catalog::of(origin, objects))
    }

    /// Whether every entry has the same calls and time: two formats of one snapshot.
    fn is_same(&self, other: &Snapshot) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|((key, a), (other_key, b))| {
                key == other_key && a.counters.calls == b.counters.calls && close(a.counters.total, b.counters.total)
            })
    }
}

/// What the counters say of the executions. After a reset of the extremes alone both are 0 until the next call.
fn told(counters: &Counters) -> Told {
    let reset = counters.min == Some(0.0) && counters.max == Some(0.0) && counters.total > 0.0;
    let since_reset = counters.extremes_since.zip(counters.since).is_some_and(|(extremes, since)| extremes > since);
    let known = |value: Option<f64>| value.filter(|_| !reset && !since_reset);
    let deviation = counters.deviation;
    Told { count: counters.calls, total: counters.total, deviation, min: known(counters.min), max: known(counters.max) }
}

/// How far an export rounded: half a unit of the last decimal that any of its values has. A server's own numbers have more
/// decimals than a rounded export, and where they have not the error is as small.
fn rounding(input: &Gathered) -> Rounding {
    let of = |value: fn(&Counters) -> Option<f64>| {
        input.tallies.iter().filter_map(|row| value(&row.counters)).filter(|&v| v != 0.0).map(decimals).max()
    };
    let (total, deviation) = (of(|c| Some(c.total)), of(|c| c.deviation));
    let (mean, min, max) = (of(|c| c.mean), of(|c| c.min), of(|c| c.max));
    let any = [total, deviation, mean, min, max].into_iter().flatten().max();
    let error = |decimals: Option<usize>| {
        let decimals = decimals.or(any).unwrap_or(MOST_DECIMALS).min(MOST_DECIMALS);
        0.5 * 10f64.powi(-i32::try_from(decimals).unwrap_or(0))
    };
    Rounding { total: error(total), deviation: error(deviation), extremes: error(min.max(max)) }
}

/// Beyond so many decimals of a millisecond nothing is lost.
const MOST_DECIMALS: usize = 12;

/// Decimals of a number in its shortest form.
fn decimals(value: f64) -> usize {
    let text = format!("{value}");
    text.find('.').map_or(0, |at| text.len() - at - 1)
}
