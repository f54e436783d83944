//! Names for new indexes: as PostgreSQL would choose them, short enough, and free.
//!
//! Source: `makeObjectName` and `ChooseIndexName` in `src/backend/commands/indexcmds.c`.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Relation};
use crate::sql::shape::scans::written;

use super::asked::On;
use super::candidate::Candidate;

/// The names that new indexes were given, so that no two of one run are the same: by database and schema, as SQL writes them.
#[derive(Clone, Debug, Default)]
pub struct NewNames(BTreeSet<(Option<String>, String, String)>);

/// `NAMEDATALEN` less its end.
const LONGEST: usize = 63;

/// A table as SQL writes it, with its schema.
pub(super) fn table(relation: &Relation) -> String {
    format!("{}.{}", written(&relation.schema), written(&relation.name))
}

impl NewNames {
    /// A name that no relation of the schema has and no other index was given, as SQL writes it: the stem, cut to what
    /// PostgreSQL keeps, with `_idx` and a number where that is taken.
    pub fn give(&mut self, stem: &str, relation: &Relation, catalog: &Catalog) -> String {
        let in_schema = || catalog.relations().filter(|of| of.schema == relation.schema);
        let indexes = in_schema().flat_map(|of| catalog.indexes(of.oid)).map(|index| index.name.as_str());
        let taken: BTreeSet<&str> = in_schema().map(|of| of.name.as_str()).chain(indexes).collect();
        let key = |name: &str| (catalog.origin.database.clone(), relation.schema.clone(), written(name));
        let mut names = (0..).map(|n: u32| named(stem, &if n == 0 { "_idx".to_owned() } else { format!("_idx{n}") }));
        let free = names.find(|name| !taken.contains(name.as_str()) && !self.0.contains(&key(name)));
        let key = key(&free.unwrap_or_else(|| stem.to_owned()));
        let name = key.2.clone();
        self.0.insert(key);
        name
    }
}

/// What the name of an index begins with.
pub(super) fn stem(candidate: &Candidate, relation: &Relation, catalog: &Catalog) -> String {
    let column = |number: i32| catalog.column(relation.oid, number).map(|column| column.name.as_str()).unwrap_or_default();
    let mut parts = vec![relation.name.clone()];
    for key in &candidate.keys {
        parts.push(match &key.on {
            On::Column(number) => column(*number).to_owned(),
            On::Expression(text) => {
                let function = text.split('(').next().unwrap_or_default();
                format!("{}_{function}", column(key.column)).trim_end_matches('_').to_owned()
            }
        });
    }
    let predicate = candidate.predicate.as_ref().map(|_| "partial".to_owned());
    parts.extend(predicate);
    parts.join("_")
}

/// The stem, cut so that the ending fits.
fn named(stem: &str, ending: &str) -> String {
    let mut most = LONGEST.saturating_sub(ending.len()).min(stem.len());
    while !stem.is_char_boundary(most) {
        most -= 1;
    }
    format!("{}{ending}", &stem[..most])
}
