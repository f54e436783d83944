//! Diesel (Rust), versions 1.4 to 2.

use super::task::{Kind, Task};
use super::{Library, QUOTED_UPPER, decisive, strong};

pub(super) static DIESEL: Library = Library {
    id: "diesel",
    name: "Diesel",
    tags: &["diesel"],
    signs: &[
        decisive("__diesel_schema_migrations", r#""?__diesel_schema_migrations"?"#),
        decisive("savepoint diesel_savepoint_1", r"^(RELEASE |ROLLBACK TO )?SAVEPOINT diesel_savepoint_\d+"),
        strong(
            "one condition in parentheses",
            r#"^SELECT ("\w+"\."\w+"(, "\w+"\."\w+")*|COUNT\(\*\)) FROM "\w+"(\."\w+")? WHERE \("\w+"\."\w+" = (\?|ANY\(\?\))\)( LIMIT \?)?$"#,
        ),
        strong("a join in parentheses", r#" FROM \("\w+" (INNER|LEFT OUTER) JOIN "\w+" ON "#),
        strong(
            "columns with their table behind RETURNING",
            r#"^INSERT INTO "\w+" \(.*\) VALUES \(.*\) RETURNING "\w+"\."\w+", "\w+"\."\w+""#,
        ),
    ],
    style: QUOTED_UPPER,
    keeps: "keep the value, or a map by id",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, table, owners) = (task.model(), task.child.snake(), task.owner.many().snake());
    let (owner_table, column, values) = (task.owner.snake(), &task.column, task.values());
    let chosen = format!("{table}::table.filter({table}::{column}.eq_any({values}))");
    Some(match task.kind {
        Kind::One => format!("{owner_table}::table.inner_join({table}::table).load(conn)?"),
        Kind::Many | Kind::CountBeyond => format!("{model}::belonging_to(&{owners}).load::<{model}>(conn)?.grouped_by(&{owners})"),
        Kind::Count => format!("{table}::table.group_by({table}::{column}).select(({table}::{column}, count_star())).load(conn)?"),
        Kind::Lookup | Kind::Exists => format!("{chosen}.load(conn)?"),
        Kind::Insert => format!("diesel::insert_into({table}::table).values(&rows).execute(conn)?"),
        Kind::Update => format!("diesel::update({chosen}).set(values).execute(conn)?"),
        Kind::Delete => format!("diesel::delete({chosen}).execute(conn)?"),
        Kind::Repeat => return None,
    })
}
