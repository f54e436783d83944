//! Eloquent (Laravel), versions 5 to 12.

use super::task::{Kind, Task};
use super::{Library, QUOTED_LOWER, decisive, strong};

pub(super) static ELOQUENT: Library = Library {
    id: "eloquent",
    name: "Eloquent",
    tags: &["laravel"],
    signs: &[
        decisive("laravel_through_key", r#""laravel_(through_key|row|reserved_\d+)""#),
        strong("pivot_", r#" as "pivot_\w+""#),
        decisive("count(*) as aggregate", r"^select (count|sum|max|min|avg)\(.*\) as aggregate from "),
        decisive("the table of its migrations", r#"^select "migration" from "migrations" "#),
        decisive("savepoint trans2", r"^(RELEASE |ROLLBACK TO )?SAVEPOINT trans\d+$"),
        strong("a key = … and is not null", r#"^select .*"\w+"\."\w+" = \? and "\w+"\."\w+" is not null"#),
        strong("exists(…) as \"exists\"", r#"^select exists\(select .*\) as "exists"$"#),
        strong("select * by a key with its table, limit 1", r#"^select \* from "\w+" where "\w+"\."\w+" = \? limit 1$"#),
    ],
    style: QUOTED_LOWER,
    keeps: "keep the model, or once(fn () => …) for the rest of the request",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner, link) = (task.model(), task.owner_model(), task.link.camel());
    let (column, values) = (&task.column, task.values());
    let rows = format!("{model}::whereIn('{column}', ${values})");
    Some(match task.kind {
        Kind::One | Kind::Many => format!("{owner}::with('{link}')->get()"),
        Kind::Count | Kind::CountBeyond => format!("{owner}::withCount('{link}')->get()"),
        Kind::Exists if task.is_own_key() || task.owner == task.child => format!("{rows}->pluck('{column}')"),
        Kind::Exists => format!("{owner}::withExists('{link}')->get()"),
        Kind::Lookup => format!("{rows}->get()"),
        Kind::Insert => format!("{model}::insert($rows)"),
        Kind::Update => format!("{rows}->update([…]), or {model}::upsert($rows, ['id'])"),
        Kind::Delete => format!("{rows}->delete()"),
        Kind::Repeat => return None,
    })
}
