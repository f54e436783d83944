//! Sequelize, versions 5 to 7.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static SEQUELIZE: Library = Library {
    id: "sequelize",
    name: "Sequelize",
    tags: &["sequelize"],
    signs: &[
        decisive("\"A->B\"", r#""\w+->\w+"#),
        decisive("\"A.b\" as a column's name", r#"^SELECT .* AS "\w+\.\w+".* FROM ("\w+"|\(SELECT .*\)) AS "\w+""#),
        decisive("pg_temp.testfunc", r"pg_temp\.testfunc|sequelize_caught_exception"),
        decisive("SequelizeMeta", r#""SequelizeMeta""#),
        decisive("a savepoint with a UUID", r#"^(RELEASE |ROLLBACK TO )?SAVEPOINT "[0-9a-f-]{36}-sp-\d+""#),
        strong("bare columns of an aliased table", r#"^SELECT "\w+"( AS "\w+")?(, "\w+"( AS "\w+")?)* FROM "\w+"(\."\w+")? AS "\w+""#),
        strong("AS \"count\" of an aliased table", r#"^SELECT (count|COUNT)\(.*\) AS "count" FROM "\w+"(\."\w+")? AS ""#),
        strong("DEFAULT for the id", r#"^INSERT INTO "\w+"(\."\w+")? \("\w+"(,"\w+")*\) VALUES \(DEFAULT,"#),
        strong("a list without blanks behind RETURNING, and ;", r#" RETURNING "\w+"(,"\w+")+;$"#),
        strong("1+1 AS result", r"^SELECT [?1]\+[?1] AS result"),
    ],
    style: r#"^UPDATE "|^DELETE FROM "|^INSERT INTO "\w+"(\."\w+")? \("\w+"(,"\w+")*\) VALUES|^SELECT .* FROM ("\w+"(\."\w+")? AS "\w+"|\(SELECT)"#,
    keeps: "keep the answer, or a dataloader for each request",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let [child, above] = &task.aliases;
    let named =
        |alias: &Option<String>, usual: String| alias.clone().filter(|alias| alias.starts_with(char::is_uppercase)).unwrap_or(usual);

    let model = named(child, task.model());
    let owner = named(above, task.owner_model());
    let (column, values) = (&task.column, task.values());
    let rows = format!("{{ where: {{ {column}: {values} }} }}");
    Some(match task.kind {
        Kind::One | Kind::Many | Kind::CountBeyond => format!("{owner}.findAll({{ include: {model} }})"),
        Kind::Count => format!("{model}.count({{ group: [\"{column}\"] }})"),
        Kind::Lookup | Kind::Exists => format!("{model}.findAll({rows})"),
        Kind::Insert => format!("{model}.bulkCreate(rows)"),
        Kind::Update => format!("{model}.update(values, {rows})"),
        Kind::Delete => format!("{model}.destroy({rows})"),
        Kind::Repeat => return None,
    })
}
