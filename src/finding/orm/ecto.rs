//! Ecto (Elixir), version 3.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static ECTO: Library = Library {
    id: "ecto",
    name: "Ecto",
    tags: &["ecto", "phoenix"],
    signs: &[
        decisive("schema_migrations AS s0", r#" "schema_migrations" AS s0"#),
        strong("a0.\"id\"", r#"^SELECT [a-z]0\."\w+"(, [a-z]\d+\."\w+")* FROM "\w+"(\."\w+")? AS [a-z]0\b"#),
        strong("(b0.\"id\" = …)", r#" FROM "\w+"(\."\w+")? AS [a-z]0 .*WHERE \([a-z]\d+\."\w+" = (\?|ANY\(\?\))\)"#),
        strong("a change of a table AS b0", r#"^(UPDATE|DELETE FROM) "\w+"(\."\w+")? AS [a-z]0\b"#),
    ],
    style: r#"^SELECT .* FROM "\w+"(\."\w+")? AS [a-z]0\b|^(UPDATE|DELETE FROM) "\w+"(\."\w+")? |^INSERT INTO "\w+"(\."\w+")? \("\w+"(,"\w+")*\) "#,
    keeps: "keep the struct, or a map by id",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owners, link) = (task.model(), task.owner.many().snake(), task.link.snake());
    let (row, column, values) = (task.child.letter(), &task.column, task.values());
    let chosen = format!("from({row} in {model}, where: {row}.{column} in ^{values})");
    Some(match task.kind {
        Kind::One | Kind::Many | Kind::CountBeyond => format!("Repo.preload({owners}, :{link})"),
        Kind::Count => {
            format!("Repo.all(from {row} in {model}, group_by: {row}.{column}, select: {{{row}.{column}, count({row}.id)}})")
        }
        Kind::Lookup | Kind::Exists => format!("Repo.all({chosen})"),
        Kind::Insert => format!("Repo.insert_all({model}, rows)"),
        Kind::Update => format!("Repo.update_all({chosen}, set: […])"),
        Kind::Delete => format!("Repo.delete_all({chosen})"),
        Kind::Repeat => return None,
    })
}
