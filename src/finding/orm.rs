//! Which library wrote the statements of an application, by what hardly anything else writes, and what its users type to
//! mend a loop.
//!
//! One file per library: its signs and its lines. Unknown rather than a guess: a sign is decisive, or three different
//! statements bear one; where two libraries pass, neither is named. Quotes and case alone, which several share, decide
//! nothing; they only tell whether a statement of a known application may be its library's at all or was written by hand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use serde_json::{Value, json};

use crate::sql::fingerprint::Fingerprint;
use crate::workload::{Caller, Statement, Workload};

use super::Confidence;
use seen::Seen;
use task::Kind;
pub(super) use task::{Named, Tables, Task};
use verdict::{Standing, standings};

mod active_record;
mod diesel;
mod django;
mod doctrine;
mod drizzle;
mod ecto;
mod eloquent;
mod entity_framework;
mod gorm;
mod hibernate;
mod objection;
mod plain;
mod prisma;
mod sea_orm;
mod seen;
mod sequelize;
mod sql_alchemy;
mod task;
mod type_orm;
mod verdict;
mod words;

/// Every library that is recognised.
static ALL: &[&Library] = &[
    &active_record::ACTIVE_RECORD,
    &diesel::DIESEL,
    &django::DJANGO,
    &doctrine::DOCTRINE,
    &drizzle::DRIZZLE,
    &ecto::ECTO,
    &eloquent::ELOQUENT,
    &entity_framework::CORE,
    &entity_framework::SIX,
    &gorm::GORM,
    &hibernate::HIBERNATE,
    &objection::OBJECTION,
    &prisma::PRISMA,
    &sea_orm::SEA_ORM,
    &sequelize::SEQUELIZE,
    &sql_alchemy::SQL_ALCHEMY,
    &type_orm::TYPE_ORM,
];

/// A library that maps objects to rows.
struct Library {
    /// In JSON; lower case and kebab-case.
    id: &'static str,
    /// In sentences.
    name: &'static str,
    /// How the values of `framework`, `db_framework` and `db_driver` tags begin in its comments.
    tags: &'static [&'static str],
    /// What it writes and hardly anything else does.
    signs: &'static [Sign],
    /// What every statement of it looks like; a pattern of plain texts.
    style: &'static str,
    /// How its users keep an answer that they need again.
    keeps: &'static str,
    /// What its users type; `None` where nothing certain can be said.
    mend: fn(&Task) -> Option<String>,
}

/// Something in a text that a library writes.
struct Sign {
    /// As reports show it.
    shown: &'static str,
    /// A pattern of plain texts, ASCII and with `.` for line ends too; see [`plain`].
    pattern: &'static str,
    weight: Weight,
}

/// How much a sign says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// One is enough: at least 95 of 100 texts with it are the library's.
    Decisive,
    /// About 85 of 100 are.
    Strong,
}

const fn decisive(shown: &'static str, pattern: &'static str) -> Sign {
    Sign { shown, pattern, weight: Weight::Decisive }
}

const fn strong(shown: &'static str, pattern: &'static str) -> Sign {
    Sign { shown, pattern, weight: Weight::Strong }
}

/// What stands before the first table of a statement whose names are all quoted, in upper and in lower case.
const QUOTED_UPPER: &str = r#"^(UPDATE|(SELECT|INSERT|DELETE|DECLARE|WITH)\b.*?\b(FROM|INTO)) \(*(SELECT .* FROM )?""#;
const QUOTED_LOWER: &str = r#"^(update|(select|insert|delete|with)\b.*?\b(from|into)) \(*(select .* from )?""#;

/// So many statements are looked at. A text is held against patterns of all libraries, and a log of generated statements may
/// have a hundred thousand; the library of those beyond is not known, and that of their callers is by the others.
const MOST: usize = 20_000;

/// The libraries of a workload's statements.
pub struct Libraries {
    by_caller: BTreeMap<Caller, Standing>,
    by_statement: HashMap<Fingerprint, Told, FixedState>,
}

/// A library that one caller may have written a statement with.
struct Fit {
    caller: Caller,
    library: usize,
    confidence: Confidence,
}

/// The libraries of one statement.
#[derive(Default)]
struct Told {
    fits: Vec<Fit>,
    /// A caller uses several libraries, and the text does not tell which of them wrote it.
    is_open: bool,
}

impl Told {
    /// The only library of some callers, and how surely.
    fn only(&self, counts: impl Fn(&Caller) -> bool) -> Option<(usize, Confidence)> {
        let fits = || self.fits.iter().filter(|fit| counts(&fit.caller));
        let library = fits().next()?.library;
        let confidence = fits().map(|fit| fit.confidence).min()?;
        fits().all(|fit| fit.library == library).then_some((library, confidence))
    }
}

impl Libraries {
    /// Builds what every recognition needs, so that the first finds it done. It takes as long as ten megabytes of a log.
    pub fn prepare() {
        seen::prepare();
    }

    /// Looks at the statements of a workload, the 20 000 of them with most time.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        let mut statements: Vec<&Statement> = workload.statements().collect();
        if statements.len() > MOST {
            statements.sort_by_cached_key(|statement| (Reverse(statement.time()), statement.fingerprint));
            statements.truncate(MOST);
        }
        let seen: Vec<Seen> = statements.into_iter().map(|statement| Seen::of(statement, workload)).collect();
        let by_caller = standings(&seen);
        let told = |seen: &Seen| (seen.fingerprint, told(seen, &by_caller));
        let by_statement = seen.iter().map(told).filter(|(_, told)| !told.fits.is_empty()).collect();
        Libraries { by_caller, by_statement }
    }

    /// The name of a statement's library as JSON has it, and how surely it is known.
    #[must_use]
    pub fn of_statement(&self, statement: Fingerprint) -> Option<(&'static str, Confidence)> {
        let told = self.by_statement.get(&statement).filter(|told| !told.is_open)?;
        told.only(|_| true).map(|(library, confidence)| (ALL[library].id, confidence))
    }

    /// The library that can mend loops of a statement; those of one application if that is known.
    pub(super) fn mending(&self, statement: Fingerprint, application: Option<&str>) -> Option<Mending<'_>> {
        let told = self.by_statement.get(&statement).filter(|told| application.is_some() || !told.is_open)?;
        let counts = |caller: &Caller| application.is_none() || caller.application.as_deref() == application;
        let (library, confidence) = told.only(counts)?;
        let callers = told.fits.iter().map(|fit| &fit.caller).filter(|caller| counts(caller)).collect();
        Some(Mending { libraries: self, library: ALL[library], confidence, callers })
    }
}

/// The libraries that a statement's callers may have written it with. Where callers have no names of their own, several
/// programs are one to the log, and a text is of the library that its signs are of.
fn told(seen: &Seen, by_caller: &BTreeMap<Caller, Standing>) -> Told {
    let mut told = Told::default();
    let has_signs = |library: usize| seen.signs.iter().any(|(of, _)| *of == library);
    let is_in_style = |library: usize| seen.signs.is_empty() && seen.styles.contains(&library);
    for caller in &seen.callers {
        let fit = match by_caller.get(caller) {
            None => continue,
            Some(Standing::One(verdict)) => {
                let is_of = has_signs(verdict.library) || (!verdict.is_opposed && is_in_style(verdict.library));
                is_of.then_some((verdict.library, verdict.confidence))
            }
            Some(Standing::Several(libraries)) => {
                seen.own().filter(|(library, _)| caller.application.is_none() && libraries.contains(library))
            }
        };
        match fit {
            Some((library, confidence)) => told.fits.push(Fit { caller: caller.clone(), library, confidence }),
            None => told.is_open = true,
        }
    }
    told
}

/// A library that is known well enough to speak its language.
pub(super) struct Mending<'l> {
    libraries: &'l Libraries,
    library: &'static Library,
    confidence: Confidence,
    callers: Vec<&'l Caller>,
}

impl Mending<'_> {
    /// What to type for each task, with the name of the library and the doubts there are; `None` if there is nothing.
    pub(super) fn lines(&self, tasks: &[Task]) -> Option<String> {
        let line = |task: &Task| match task.kind {
            Kind::Repeat => Some(format!("{}: {}", task.model(), self.library.keeps)),
            _ => (self.library.mend)(task),
        };
        let mut lines: Vec<String> = Vec::new();
        let (mut is_guess, mut is_cut) = (false, false);
        for (task, line) in tasks.iter().filter_map(|task| Some((task, line(task)?))) {
            let follows = matches!(task.kind, Kind::One | Kind::Many);
            is_guess |= follows && task.is_guess;
            is_cut |= follows && task.is_cut;
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let guess = if is_guess { " (associations are guessed from tables: take the names of your models)" } else { "" };
        let cut = if is_cut { " (which reads all rows, where each call stops at its LIMIT)" } else { "" };
        let perhaps = if self.confidence == Confidence::Low { "Perhaps " } else { "" };
        (!lines.is_empty()).then(|| format!("{perhaps}{}: {}{guess}{cut}", self.library.name, lines.join("; ")))
    }

    /// Why it is known: `Django by LIMIT 21 behind a list of columns in 3 statements of web`.
    pub(super) fn evidence(&self) -> Value {
        let reason = |caller: &&Caller| match self.libraries.by_caller.get(*caller)? {
            Standing::One(verdict) => Some(verdict.reason(caller)),
            Standing::Several(_) => None,
        };
        let reasons: Vec<String> = self.callers.iter().filter_map(reason).collect();
        let because = if reasons.is_empty() { "by the statement itself".to_owned() } else { reasons.join("; ") };
        json!({
            "name": self.library.id,
            "confidence": self.confidence.name(),
            "text": format!("{} {because}", self.library.name),
        })
    }
}

#[cfg(test)]
mod tests;
