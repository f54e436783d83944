//! Draws the calls of which [`super::samples`] keep the values, in the workers.
//!
//! A worker leaves out what cannot be among those that are kept in the end, by the calls that it has seen itself. That changes
//! no answer and spares most calls the work, which asks of each of them no more than a few multiplications.

use std::ops::Range;

use crate::event::Event;
use crate::sql::parameters;
use crate::sql::values::{Values, hashed};
use crate::units::Timestamp;

use super::Workload;
use super::fold::Block;
use super::parsed::{Parsed, Sample};
use super::samples::{Drawn, MOST, MOST_PLACES, Samples, limit};

/// A call of a block that was drawn.
#[derive(Debug)]
pub(crate) struct DrawnRow {
    pub(crate) at: Timestamp,
    /// In [`Parsed::statements`].
    pub(crate) statement: u32,
    /// In [`Parsed::people`].
    pub(crate) person: u32,
    pub(crate) number: u32,
    /// In [`Parsed::values`].
    pub(crate) values: Range<usize>,
    pub(crate) example: Option<Box<Sample>>,
}

/// What is known of the statements of one slot of the cache.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Places for values that are worth a look; `None` before it is known.
    places: Option<u8>,
    halvings: u8,
    drawn: u8,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    slots: Vec<Slot>,
    /// Whether none may be left out, because a filter may leave out others later.
    pub(super) takes_all: bool,
    pub(super) keeps_examples: bool,
    /// Hashes of the parameters of the call at hand.
    bound: Vec<u32>,
}

impl Drawing {
    /// Slots mean something else from now on.
    pub(super) fn forget(&mut self) {
        self.slots.clear();
    }

    /// Whether a call may be among those that are kept.
    #[inline]
    pub(super) fn wants<'t>(&mut self, slot: u32, number: u32, text: impl FnOnce() -> &'t str) -> bool {
        let at = slot as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Slot::default());
        }
        let slot = &mut self.slots[at];
        if u64::from(number) >= limit(slot.halvings) || *slot.places.get_or_insert_with(|| places(text())) == 0 {
            return false;
        }
        slot.drawn += 1;
        if usize::from(slot.drawn) > MOST {
            (slot.drawn, slot.halvings) = (0, if self.takes_all { 0 } else { slot.halvings + 1 });
        }
        true
    }

    /// How many places the normalised text of a slot has.
    pub(super) fn places(&self, slot: u32) -> usize {
        self.slots.get(slot as usize).and_then(|slot| slot.places).map_or(0, usize::from)
    }

    /// Adds the hashes of a call's values, which stand at these places of its text.
    pub(super) fn values(&mut self, (sql, detail): (&[u8], Option<&[u8]>), places: &[Range<usize>], to: &mut Vec<u32>) {
        let start = to.len();
        self.bound.clear();
        let mut rest = detail.and_then(parameters::in_detail).unwrap_or_default();
        while let Some((value, behind)) = parameters::next(rest) {
            self.bound.push(hashed(value.unwrap_or(b"\0")));
            rest = behind;
        }
        for place in places {
            let hash = match &sql[place.clone()] {
                [b'$', number @ ..] if number.first().is_some_and(u8::is_ascii_digit) => {
                    let number = number.iter().take(5).fold(0, |n: usize, digit| n * 10 + usize::from(digit - b'0'));
                    number.checked_sub(1).and_then(|at| self.bound.get(at).copied())
                }
                [b'\'', text @ .., b'\''] => Some(hashed(text)),
                other => Some(hashed(other)),
            };
            let Some(hash) = hash else { return to.truncate(start) };
            to.push(hash);
        }
    }
}

/// How many places for values a normalised text has, if it is worth a look: it looks for rows and has no list, which would hide
/// how many values belong to it.
fn places(text: &str) -> u8 {
    let is_of_rows = ["select", "update", "delete", "with"].iter().any(|verb| text.starts_with(verb));
    let count = if is_of_rows && !text.contains("/*") { parameters::highest(text.as_bytes()).unwrap_or_default() } else { 0 };
    u8::try_from(count).ok().filter(|&count| usize::from(count) <= MOST_PLACES).unwrap_or_default()
}

/// Whether a call took so long that its values matter.
#[inline]
pub(super) fn is_worth_it(event: &Event<'_>, values: Values) -> bool {
    values.count() > 0 && event.took.is_none_or(|took| took >= Samples::WORTH)
}

/// What a call draws: the same whenever it is read, from whatever log. Calls of one moment with the same duration and values draw
/// the same.
#[inline]
pub(super) fn number(event: &Event<'_>, values: Values) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(ODD);
        product ^ (product >> 32)
    };
    let took = event.took.map_or(u64::MAX, |took| took.0);
    let drawn = mix(mix(mix(0, event.ended.0.cast_unsigned()), took), u64::from(values.hash) << 16 | u64::from(values.limit));
    u32::try_from(drawn.wrapping_mul(ODD) >> 32).unwrap_or(0)
}

impl Workload {
    /// Keeps the values of calls that were drawn in a block, as far as the calls count.
    pub(super) fn keep_drawn(&mut self, parsed: &Parsed, block: &mut Block) {
        let is_open = self.rules.filter.is_open();
        for row in &parsed.drawn {
            let filter = &self.rules.filter;
            let passes = |person| filter.passes_time(row.at) && filter.passes_person(person);
            if !is_open && !parsed.people.get(row.person as usize).is_some_and(passes) {
                continue;
            }
            let Some(number) = self.number(row.statement, parsed, block) else { continue };
            let statement = &mut self.statements[number as usize];
            if let Some(values) = parsed.values.get(row.values.clone()).filter(|_| statement.passes) {
                statement.samples.get_or_insert_default().take(row.number, || Drawn::new(row.number, values, row.example.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_for_rows_by_single_values_is_looked_at() {
        let cases = [
            ("select a from t where b = $1 and c = $2", 2),
            ("with x as (select $1) select 1", 1),
            ("delete from t where a = $1", 1),
            ("insert into t values ($1)", 0),
            ("select 1 from t where a in ($1 /*, ... */)", 0),
            ("select 1", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(places(text), expected, "{text}");
        }
        assert_eq!(places(&format!("select {}", (1..=17).map(|n| format!("${n}")).collect::<Vec<_>>().join(", "))), 0);
    }
}
