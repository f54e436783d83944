//! From the signs of statements to the library of each caller, or the word that it is not known.

use std::collections::{BTreeMap, BTreeSet};

use crate::workload::Caller;

use super::super::Confidence;
use super::Weight;
use super::seen::Seen;

/// What speaks for one library at one caller, in statements.
#[derive(Clone, Default)]
struct Score {
    /// With a decisive sign.
    decisive: u32,
    /// With any.
    any: u32,
    /// With each of them.
    signs: BTreeMap<&'static str, u32>,
}

/// What speaks for each library at one caller.
#[derive(Clone, Default)]
struct Scores(BTreeMap<usize, Score>);

/// So many different statements must bear signs where none is decisive.
const FEWEST: u32 = 3;

/// So many of them are as good as one that is decisive.
const MANY: u32 = 6;

impl Scores {
    fn add(&mut self, seen: &Seen, counts: impl Fn(usize) -> bool) {
        let libraries: BTreeSet<usize> = seen.reasons().map(|(library, _)| library).filter(|&library| counts(library)).collect();
        for library in libraries {
            let score = self.0.entry(library).or_default();
            let signs: BTreeMap<&str, Weight> =
                seen.reasons().filter(|(of, _)| *of == library).map(|(_, sign)| (sign.shown, sign.weight)).collect();
            score.any += 1;
            score.decisive += u32::from(signs.values().any(|weight| *weight == Weight::Decisive));
            signs.into_keys().for_each(|shown| *score.signs.entry(shown).or_default() += 1);
        }
    }

    /// The only library that passes, and how surely; or those that contradict each other.
    fn decide(&self) -> Option<Standing> {
        let passes = |score: &Score| score.decisive > 0 || score.any >= FEWEST;
        let passing: Vec<usize> = self.0.iter().filter(|(_, score)| passes(score)).map(|(library, _)| *library).collect();
        let [library] = *passing.as_slice() else { return (!passing.is_empty()).then_some(Standing::Several(passing)) };
        let score = self.0.get(&library).cloned().unwrap_or_default();
        let contrary: u32 = self.0.iter().filter(|(other, _)| **other != library).map(|(_, score)| score.any).sum();
        let confidence = match () {
            () if contrary == 0 && (score.decisive > 0 || (score.any >= MANY && score.signs.len() > 1)) => Confidence::High,
            () if contrary * 4 <= score.any => Confidence::Medium,
            () if contrary * 2 <= score.any => Confidence::Low,
            () => return Some(Standing::Several(vec![library])),
        };
        Some(Standing::One(Verdict { library, confidence, score, is_opposed: contrary > 0 }))
    }
}

/// What is known of a caller.
#[derive(Clone)]
pub(super) enum Standing {
    /// It uses one library.
    One(Verdict),
    /// Signs contradict each other; these libraries have enough of them.
    Several(Vec<usize>),
}

/// The library of one caller, and why.
#[derive(Clone)]
pub(super) struct Verdict {
    pub(super) library: usize,
    pub(super) confidence: Confidence,
    score: Score,
    /// Signs of another library were seen, too few to decide.
    pub(super) is_opposed: bool,
}

/// The library of each caller. A text that several callers share is that of one of them: it counts only where the others
/// are of no other library by what they alone wrote.
pub(super) fn standings(all: &[Seen]) -> BTreeMap<Caller, Standing> {
    let mut alone: BTreeMap<&Caller, Scores> = BTreeMap::new();
    for seen in all.iter().filter(|seen| seen.reasons().next().is_some()) {
        if let [only] = seen.callers.as_slice() {
            alone.entry(only).or_default().add(seen, |_| true);
        }
    }
    let mut decided: BTreeMap<&Caller, usize> = BTreeMap::new();
    for (caller, scores) in &alone {
        if let Some(Standing::One(verdict)) = scores.decide() {
            decided.insert(caller, verdict.library);
        }
    }
    let mut scores = alone.clone();
    for seen in all.iter().filter(|seen| seen.callers.len() > 1 && seen.reasons().next().is_some()) {
        let of_another = |library: usize| seen.callers.iter().any(|caller| decided.get(caller).is_some_and(|of| *of != library));
        for caller in &seen.callers {
            scores.entry(caller).or_default().add(seen, |library| !of_another(library));
        }
    }
    scores.into_iter().filter_map(|(caller, scores)| Some((caller.clone(), scores.decide()?))).collect()
}

/// Signs that are named; the rest is not worth the words.
const TELLING: usize = 3;

impl Verdict {
    /// Why it is known.
    pub(super) fn reason(&self, caller: &Caller) -> String {
        let mut signs: Vec<(&str, u32)> = self.score.signs.iter().map(|(sign, statements)| (*sign, *statements)).collect();
        signs.sort_by_key(|(sign, statements)| (std::cmp::Reverse(*statements), *sign));
        let shown: Vec<&str> = signs.iter().take(TELLING).map(|(sign, _)| *sign).collect();
        let statements = self.score.any;
        let ending = if statements == 1 { "" } else { "s" };
        format!("by {} in {statements} statement{ending} of {caller}", shown.join(", "))
    }
}
