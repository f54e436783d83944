//! Prisma Client, versions 4 to 7.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static PRISMA: Library = Library {
    id: "prisma",
    name: "Prisma",
    tags: &["prisma"],
    signs: &[
        decisive("__prisma_data__", r#""__prisma_data__""#),
        decisive("_count$_all", r#""_count\$_?\w+""#),
        decisive("_aggr_count_", r#""_aggr_count_\w+"|"aggr_selection_\d+_\w+""#),
        decisive("_prisma_migrations", r#"_prisma_migrations""#),
        decisive("AND 1=1", r#""t\d+"\."\w+" .* AND [?1]=[?1]\)"#),
        strong("columns with schema and table", r#"^SELECT "\w+"\."\w+"\."\w+".* FROM "\w+"\."\w+""#),
        strong("AS \"t0\" of a table with its schema", r#" FROM "\w+"\."\w+" AS "t\d+""#),
        strong("RETURNING with schema and table", r#"^(INSERT|UPDATE|DELETE) .* RETURNING "\w+"\."\w+"\."\w+""#),
        strong("1=1", r#"^(UPDATE|DELETE FROM) "\w+"\."\w+" .*WHERE \("\w+"\."\w+"\."\w+" = \? AND [?1]=[?1]\)"#),
    ],
    style: r#"^(UPDATE|(SELECT|INSERT|DELETE)\b.*?\b(FROM|INTO)) \(*(SELECT .* FROM )?"\w+"\."\w+""#,
    keeps: "keep the answer; equal findUnique calls are put together only when they run in parallel",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner) = (task.child.one().camel(), task.owner.one().camel());
    let (link, column, values) = (task.link.camel(), &task.column, task.values());
    Some(match task.kind {
        Kind::One | Kind::Many => format!("prisma.{owner}.findMany({{ include: {{ {link}: true }} }})"),
        Kind::Count | Kind::CountBeyond => {
            format!("prisma.{owner}.findMany({{ include: {{ _count: {{ select: {{ {link}: true }} }} }} }})")
        }
        Kind::Lookup | Kind::Exists => format!("prisma.{model}.findMany({{ where: {{ {column}: {{ in: {values} }} }} }})"),
        Kind::Insert => format!("prisma.{model}.createMany({{ data: rows }})"),
        Kind::Update => format!("prisma.{model}.updateMany({{ where: {{ {column}: {{ in: {values} }} }}, data }})"),
        Kind::Delete => format!("prisma.{model}.deleteMany({{ where: {{ {column}: {{ in: {values} }} }} }})"),
        Kind::Repeat => return None,
    })
}
