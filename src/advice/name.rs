//! Names for new indexes: as PostgreSQL would choose them, short enough, and free.
//!
//! Source: `makeObjectName` and `ChooseIndexName` in `src/backend/commands/indexcmds.c`.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Relation};
use crate::sql::shape::scans::written;

use super::asked::On;
use super::candidate::Candidate;

/// `NAMEDATALEN` less its end.
const LONGEST: usize = 63;

/// A table as SQL writes it, with its schema.
pub(super) fn table(relation: &Relation) -> String {
    format!("{}.{}", written(&relation.schema), written(&relation.name))
}

/// A name that no relation of the schema has, as SQL writes it.
pub(super) fn free(candidate: &Candidate, catalog: &Catalog) -> String {
    let Some(relation) = catalog.relation(candidate.relation) else { return String::new() };
    let in_schema = |of: &Relation| of.schema == relation.schema;
    let tables = catalog.relations().filter(|of| in_schema(of)).map(|of| of.name.as_str());
    let indexes = catalog.relations().filter(|of| in_schema(of)).flat_map(|of| catalog.indexes(of.oid)).map(|index| index.name.as_str());
    let taken: BTreeSet<&str> = tables.chain(indexes).collect();
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
    let stem = parts.join("_");
    let mut names = (0..).map(|n: u32| named(&stem, &if n == 0 { "_idx".to_owned() } else { format!("_idx{n}") }));
    let free = names.find(|name| !taken.contains(name.as_str()));
    written(&free.unwrap_or(stem))
}

/// The stem, cut so that the ending fits.
fn named(stem: &str, ending: &str) -> String {
    let mut most = LONGEST.saturating_sub(ending.len()).min(stem.len());
    while !stem.is_char_boundary(most) {
        most -= 1;
    }
    format!("{}{ending}", &stem[..most])
}
