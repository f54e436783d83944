//! Objection.js, and Knex below it, versions 1 to 3.

use super::task::{Kind, Task};
use super::{Library, QUOTED_LOWER, decisive, strong};

pub(super) static OBJECTION: Library = Library {
    id: "objection",
    name: "Objection.js (Knex)",
    tags: &["knex", "objection"],
    signs: &[
        decisive("\"books:id\"", r#" as "\w+:\w+"#),
        decisive("knex_migrations", r#""knex_migrations(_lock)?""#),
        decisive("savepoint trx3", r"^(release |rollback to )?savepoint trx\d+;?$|^(RELEASE |ROLLBACK TO )?SAVEPOINT trx\d+;?$"),
        // A lazy load has a list of one; Bookshelf, which stands on Knex too, has `=`.
        strong("a key with its table in (…) of one value", r#"^select "\w+"\.\* from "\w+" where "\w+"\."\w+" in \(\?\)"#),
        strong("as \"temp\"", r#"^select count\(\*\) as "count" from \(select .*\) as "temp""#),
    ],
    style: QUOTED_LOWER,
    keeps: "keep the answer, or a dataloader for each request",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner, link) = (task.model(), task.owner_model(), task.link.camel());
    let (table, column, values) = (task.child.snake(), &task.column, task.values());
    let knex = |call: &str| format!("with Knex alone knex('{table}').{call}");
    let whole = format!("whereIn('{column}', {values})");
    Some(match task.kind {
        Kind::One | Kind::Many | Kind::CountBeyond => format!("{owner}.query().withGraphFetched('{link}'), {}", knex(&whole)),
        Kind::Count => format!("{model}.query().select('{column}').count().groupBy('{column}')"),
        Kind::Lookup | Kind::Exists => format!("{model}.query().{whole}, {}", knex(&whole)),
        Kind::Insert => format!("{model}.query().insert(rows), {}", knex("insert(rows)")),
        Kind::Update => format!("{model}.query().patch(values).{whole}, {}", knex(&format!("update(values).{whole}"))),
        Kind::Delete => format!("{model}.query().delete().{whole}, {}", knex(&format!("delete().{whole}"))),
        Kind::Repeat => return None,
    })
}
