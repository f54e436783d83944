//! The catalogues that snapshots brought: of each database of each server the latest.

use crate::catalog::Catalog;

use super::{Key, Statement, Workload};

/// See the module. In the order of servers and databases by name, so that it is the same whatever came first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Catalogs(Vec<Catalog>);

impl Catalogs {
    pub(super) fn all(&self) -> &[Catalog] {
        &self.0
    }

    /// Takes a catalogue, unless a later one of the same database is known. Of two of one moment the first stays.
    pub(super) fn take(&mut self, catalog: Catalog) {
        match self.0.binary_search_by(|known| place(known).cmp(&place(&catalog))) {
            Err(at) => self.0.insert(at, catalog),
            Ok(at) if self.0[at].origin.taken < catalog.origin.taken => self.0[at] = catalog,
            Ok(_) => {}
        }
    }

    pub(super) fn merge(&mut self, other: Catalogs) {
        other.0.into_iter().for_each(|catalog| self.take(catalog));
    }
}

impl Workload {
    /// What snapshots tell of the schemas: of each database of each server the latest catalogue.
    #[must_use]
    pub fn catalogs(&self) -> &[Catalog] {
        self.catalogs.all()
    }

    /// The catalogue of the database that a statement ran in. Where the log does not tell the database, or it was several,
    /// only one catalogue can be meant, if there is but one.
    #[must_use]
    pub fn catalog_of(&self, statement: &Statement) -> Option<&Catalog> {
        let databases = self.shares(statement, &Key::Database);
        let [(database, _)] = databases.as_slice() else {
            return if let [only] = self.catalogs() { Some(only) } else { None };
        };
        let mut of_that_name =
            self.catalogs().iter().filter(|catalog| catalog.origin.database.as_ref().is_none_or(|known| known == database));
        of_that_name.next().filter(|_| of_that_name.next().is_none())
    }
}

fn place(catalog: &Catalog) -> (Option<&str>, Option<&str>) {
    (catalog.origin.server.as_deref(), catalog.origin.database.as_deref())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::catalog::Origin;
    use crate::units::Timestamp;

    use super::*;

    fn catalogs(of: &[(u8, u8)]) -> Catalogs {
        let mut all = Catalogs::default();
        for &(database, taken) in of {
            let name = (database > 0).then(|| database.to_string());
            let taken = (taken > 0).then(|| Timestamp(i64::from(taken)));
            all.take(Catalog::of(Origin { database: name, taken, ..Origin::default() }, []));
        }
        all
    }

    proptest! {
        #[test]
        fn merging_is_taking_one_after_the_other(
            a in prop::collection::vec((0..3u8, 0..4u8), 0..6),
            b in prop::collection::vec((0..3u8, 0..4u8), 0..6),
            c in prop::collection::vec((0..3u8, 0..4u8), 0..6),
        ) {
            let merged = |mut a: Catalogs, b: Catalogs| { a.merge(b); a };
            let (x, y, z) = (catalogs(&a), catalogs(&b), catalogs(&c));
            let whole = catalogs(&[a, b, c].concat());
            prop_assert_eq!(&merged(merged(x.clone(), y.clone()), z.clone()), &whole);
            prop_assert_eq!(&merged(x, merged(y, z)), &whole);
        }
    }
}
