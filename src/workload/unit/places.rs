//! Small sets of runs and statements, held without a heap: they are asked for at most calls of a session.

use std::ops::{BitAnd, Deref};

use super::MOST_RUNS;

/// Some of a unit's runs, by their places.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places(u32);

const _: () = assert!(MOST_RUNS < u32::BITS as usize);

impl Places {
    /// From the lowest bit on.
    #[inline]
    pub(super) fn of_bits(bits: u32) -> Self {
        Places(bits)
    }

    /// All of so many, which is fewer than there are bits.
    #[inline]
    pub(super) fn of_first(count: usize) -> Self {
        Places((1 << count) - 1)
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }

    #[inline]
    pub(super) fn first(self) -> Option<usize> {
        (self.0 != 0).then_some(self.0.trailing_zeros() as usize)
    }

    pub(super) fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    #[inline]
    pub(super) fn without(self, others: Places) -> Self {
        Places(self.0 & !others.0)
    }

    /// From the first place to the last.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> + Clone {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = rest.trailing_zeros();
            rest &= rest.checked_sub(1)?;
            Some(place as usize)
        })
    }
}

impl BitAnd for Places {
    type Output = Places;

    #[inline]
    fn bitand(self, others: Places) -> Places {
        Places(self.0 & others.0)
    }
}

impl FromIterator<usize> for Places {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        Places(places.into_iter().fold(0, |all, place| all | 1 << place))
    }
}

/// So many levels of a nested loop are looked at.
const MOST_ROOTS: usize = 4;

/// The statements above a run, the nearest first.
#[derive(Clone, Copy, Default)]
pub(super) struct Roots {
    statements: [u32; MOST_ROOTS],
    length: usize,
}

impl Roots {
    /// Adds the next one above, if there is room.
    pub(super) fn push(&mut self, statement: u32) -> bool {
        let free = self.statements.get_mut(self.length);
        let has_room = free.is_some();
        free.into_iter().for_each(|free| *free = statement);
        self.length += usize::from(has_room);
        has_room
    }
}

impl Deref for Roots {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.statements[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_in_order_and_once() {
        let places: Places = [23, 0, 5, 23].into_iter().collect();
        assert_eq!(places.iter().collect::<Vec<_>>(), [0, 5, 23]);
        assert_eq!(Places::default().iter().count(), 0);
    }

    #[test]
    fn roots_beyond_the_last_level_are_not_taken() {
        let mut roots = Roots::default();
        assert!((1..=4).all(|statement| roots.push(statement)) && !roots.push(5));
        assert_eq!(*roots, [1, 2, 3, 4]);
    }
}
