//! [`Relatable::relation`] against what it is: names compared as they come, each time anew.

use proptest::prelude::*;

use super::super::Key;
use super::{Outline, Relatable, Role, is_identity};

/// How surely the rows of one statement make another run once for each of them: 0 not at all, 1 perhaps, 2 by its names.
fn plain(child: &Outline, parent: &Outline) -> u8 {
    if parent.role != Role::Read || parent.is_aggregate || parent.asks_whether() || parent.is_lookup() {
        return 0;
    }
    if child.role == Role::Insert {
        let shares = !parent.is_by_key() && child.tables.iter().any(|table| parent.tables.contains(table));
        return if shares { 1 } else { 0 };
    }
    child.keys.iter().map(|key| related(key, child, parent)).max().unwrap_or(0)
}

fn related(key: &Key, child: &Outline, parent: &Outline) -> u8 {
    let table = key.table.as_deref().or_else(|| child.table());
    let Some(stem) = stem(&key.column) else {
        let Some(table) = table else { return 0 };
        if !is_identity(&key.column) {
            return named_for(&key.column, table, parent);
        }
        // The child's own key: the parent reads the same rows, or a column that points to them.
        if child.role == Role::Change && parent.table() == Some(table) {
            return 2;
        }
        let points = |column: &String| stem_is_of(column, table) || is_singular_of(&bare(column), table);
        return match () {
            () if parent.columns.iter().any(points) => 2,
            () if parent.table() == Some(table) && child.role == Role::Read && parent.tables.len() == 1 => 1,
            () if parent.has_star => 2,
            () if parent.columns.iter().any(|column| self::stem(column).is_some()) => 1,
            () => 0,
        };
    };
    // A column that points to the parent's rows.
    if parent.tables.iter().any(|parent| is_singular_of(&stem, parent)) {
        return 2;
    }
    // A column that both have: the rows of the same owner.
    if parent.columns.contains(&key.column) {
        return 1;
    }
    // The owner goes by another name.
    u8::from(parent.columns.iter().any(|column| is_identity(column)) || parent.has_star)
}

/// How surely a column without an ending points to the parent's rows: `author` does, `author_books` may.
fn named_for(column: &str, table: &str, parent: &Outline) -> u8 {
    let others = || parent.tables.iter().filter(|other| *other != table);
    let begins = |other: &String| column.match_indices('_').any(|(end, _)| is_singular_of(&bare(&column[..end]), other));
    match () {
        () if others().any(|other| is_singular_of(&bare(column), other)) => 2,
        () => u8::from(others().any(begins)),
    }
}

/// A name as [`singular`] ones are compared.
fn bare(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}

/// What a column points to: `author` for `author_id` and `authorId`.
fn stem(column: &str) -> Option<String> {
    let stem = ["_id", "_uuid", "Id", "ID", "_pk"].iter().find_map(|end| column.strip_suffix(end))?;
    (!stem.is_empty()).then(|| bare(stem))
}

fn stem_is_of(column: &str, table: &str) -> bool {
    stem(column).is_some_and(|stem| is_singular_of(&stem, table))
}

/// Whether a word is the singular of a table's name, or of the last part of it.
fn is_singular_of(word: &str, table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    let parts: Vec<&str> = table.split('_').collect();
    (0..parts.len()).any(|from| {
        let name = parts[from..].concat();
        name == word || singular(&name) == word
    })
}

/// The singular of an English plural.
fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = ["sses", "xes", "ches", "shes", "uses"].iter().find(|end| name.ends_with(**end)).map(|_| &name[..name.len() - 2]) {
        return stem.to_owned();
    }
    match name {
        "people" => "person".to_owned(),
        "children" => "child".to_owned(),
        _ => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}

/// Names that are much like each other, and some that are odd.
fn name() -> impl Strategy<Value = String> {
    let parts =
        ["author", "authors", "blog", "Posts", "people", "person", "box", "boxes", "categories", "category", "s", "ies", "uses", "", "é"];
    let ends = ["", "", "", "_id", "Id", "_uuid", "ID", "_pk", "s"];
    let long = Just("author_".repeat(40));
    let short = (prop::collection::vec(prop::sample::select(parts.to_vec()), 1..3), prop::sample::select(ends.to_vec()))
        .prop_map(|(parts, end)| parts.join("_") + end);
    let identity = prop::sample::select(vec!["id", "ID", "uuid", "_id"]).prop_map(str::to_owned);
    prop_oneof![12 => short, 3 => identity, 1 => long]
}

/// What either may be; nothing but reads are parents.
const CHILD: &[Role] = &[Role::Read, Role::Insert, Role::Change];
const PARENT: &[Role] = &[Role::Read, Role::Read, Role::Read, Role::Read, Role::Other];

prop_compose! {
    fn outline(roles: &'static [Role])(
        role in prop::sample::select(roles),
        tables in prop::collection::vec(name(), 0..4),
        keys in prop::collection::vec((prop::option::of(name()), name()), 0..3),
        columns in prop::collection::vec(name(), 0..4),
        [is_probe, has_star, has_list, is_aggregate] in prop::array::uniform4(prop::bool::weighted(0.1)),
    ) -> Outline {
        let keys = keys.into_iter().map(|(table, column)| Key { table, column }).collect();
        Outline { role, tables, keys, columns, is_probe, has_star, has_list, is_aggregate, ..Outline::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_worked_out_once_answers_the_same(child in outline(CHILD), parent in outline(PARENT)) {
        prop_assert_eq!(Relatable::of(&child).relation(&Relatable::of(&parent)), plain(&child, &parent));
    }
}

#[test]
fn the_names_tried_above_have_every_relation() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = [0; 3];
    for _ in 0..1_000 {
        let (child, parent) = (outline(CHILD), outline(PARENT)).new_tree(&mut runner).expect("a pair").current();
        seen[plain(&child, &parent) as usize] += 1;
    }
    assert!(seen.iter().all(|&count| count >= 15), "{seen:?}");
}
