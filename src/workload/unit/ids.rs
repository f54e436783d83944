//! The statements of a unit, found by their numbers.

use super::MOST_RUNS;
use super::places::Places;

/// See the module. Held in the unit itself, because they are searched at every call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Ids {
    /// Those that stand at a place for the second time.
    again: Places,
    length: u8,
    of: [u32; MOST_RUNS],
}

/// So many numbers are compared by one instruction.
const LANES: usize = 4;
/// So many are compared before it is asked whether there are more: where the branch goes hardly ever changes then.
const AT_ONCE: usize = 2 * LANES;

const _: () = assert!(MOST_RUNS.is_multiple_of(AT_ONCE) && MOST_RUNS <= u8::MAX as usize);

/// The bit of each place, one higher than it is: the compiler makes something slower of a bit that is 1.
const BITS: [[u32; LANES]; MOST_RUNS / LANES] = {
    let mut bits = [[0; LANES]; MOST_RUNS / LANES];
    let mut place = 0;
    while place < MOST_RUNS {
        bits[place / LANES][place % LANES] = 2 << place;
        place += 1;
    }
    bits
};

impl Default for Ids {
    fn default() -> Self {
        Ids { again: Places::default(), length: 0, of: [0; MOST_RUNS] }
    }
}

impl Ids {
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether there is room for another one.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.len() < MOST_RUNS
    }

    /// Where a statement stands.
    #[inline]
    pub(super) fn places(&self, statement: u32) -> Places {
        let mut found = [0; LANES];
        for (part, bits) in BITS.iter().enumerate() {
            let first = part * LANES;
            if first.is_multiple_of(AT_ONCE) && first >= self.len() {
                break;
            }
            for lane in 0..LANES {
                found[lane] |= if self.of[first + lane] == statement { bits[lane] } else { 0 };
            }
        }
        let [a, b, c, d] = found;
        Places::of_first(self.len()) & Places::of_bits((a | b | c | d) >> 1)
    }

    /// Whether a statement stands at a place that is in use.
    #[inline]
    pub(super) fn is_at(&self, place: usize, statement: u32) -> bool {
        self.of.get(place) == Some(&statement)
    }

    /// Where a statement stands first.
    #[inline]
    pub(super) fn place(&self, statement: u32) -> Option<usize> {
        self.places(statement).first()
    }

    /// Adds one where there is room; `known` are the places where it stands already.
    #[inline]
    pub(super) fn push(&mut self, statement: u32, known: Places) {
        if let Some(free) = self.of.get_mut(usize::from(self.length)) {
            *free = statement;
            if !known.is_empty() {
                self.again.insert(self.len());
            }
            self.length += 1;
        }
    }

    /// Takes one out and puts the last one in its place; only where none stands twice.
    pub(super) fn swap_remove(&mut self, place: usize) {
        if let Some(last) = self.len().checked_sub(1) {
            self.of[place] = self.of[last];
            self.length -= 1;
        }
    }

    pub(super) fn clear(&mut self) {
        (self.length, self.again) = (0, Places::default());
    }

    /// Each of them once, in the order in which they came.
    #[inline]
    pub(super) fn each(&self) -> impl Iterator<Item = u32> + '_ {
        Places::of_first(self.len()).without(self.again).iter().map(|place| self.of[place])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a list that is searched from its beginning.
        #[test]
        fn statements_are_where_they_were_put(statements in prop::collection::vec(0_u32..12, 0..40), gone in prop::option::of(0_usize..24)) {
            let (mut ids, mut plain) = (Ids::default(), Vec::new());
            // What was there before is not found.
            (0..12).for_each(|statement| ids.push(statement, Places::default()));
            ids.clear();
            for statement in statements {
                ids.push(statement, ids.places(statement));
                if plain.len() < MOST_RUNS {
                    plain.push(statement);
                }
            }
            let mut each: Vec<u32> = Vec::new();
            plain.iter().for_each(|statement| if !each.contains(statement) { each.push(*statement) });
            prop_assert_eq!(ids.each().collect::<Vec<_>>(), each);
            if let Some(place) = gone.filter(|&place| place < plain.len()) {
                ids.swap_remove(place);
                plain.swap_remove(place);
            }
            prop_assert_eq!((ids.len(), ids.has_room()), (plain.len(), plain.len() < MOST_RUNS));
            for statement in 0..13 {
                let places: Vec<usize> = (0..plain.len()).filter(|&place| plain[place] == statement).collect();
                prop_assert_eq!(ids.place(statement), places.first().copied());
                prop_assert_eq!(ids.places(statement).iter().collect::<Vec<_>>(), places);
            }
        }
    }
}
