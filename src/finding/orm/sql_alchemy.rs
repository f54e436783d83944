//! SQLAlchemy's ORM, versions 1.3 to 2.1.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static SQL_ALCHEMY: Library = Library {
    id: "sqlalchemy",
    name: "SQLAlchemy",
    tags: &["sqlalchemy"],
    signs: &[
        decisive("imp_sen", r"\) AS imp_sen\(p0, "),
        decisive("savepoint sa_savepoint_1", r"^(RELEASE |ROLLBACK TO )?SAVEPOINT sa_savepoint_\d+"),
        decisive("alembic_version", r" (FROM|UPDATE|INTO) alembic_version\b|^UPDATE alembic_version\b"),
        strong("a blank before the line of FROM", r"^SELECT .* \nFROM "),
        strong("anon_1", r"\) AS anon_\d+\b"),
        strong("count_1", r"^SELECT .*\) AS (count|sum|max|min|avg|lower|coalesce)_\d+\b"),
        strong("a value cast to its column's type", r"^INSERT INTO \w+ \(.*\) VALUES \(\?::[A-Z]"),
        strong("SET without blanks, cast", r"^UPDATE \w+ SET \w+=\?::[A-Z].* WHERE \w+\.\w+ = \?::[A-Z]"),
        strong("DELETE by a column with its table, cast", r"^DELETE FROM \w+ WHERE \w+\.\w+ = \?::[A-Z]+"),
    ],
    style: r"^SELECT .* \nFROM |^INSERT INTO \w+(\.\w+)? \(\w+|^UPDATE \w+(\.\w+)? SET \w+=|^DELETE FROM \w+(\.\w+)? WHERE \w+\.\w+",
    keeps: "session.get(…) answers from the session without a query; after a commit only with expire_on_commit=False",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner, column, values) = (task.model(), task.owner_model(), &task.column, task.values());
    let link = if task.kind == Kind::Many { task.link.without(&task.owner).snake() } else { task.link.snake() };
    Some(match task.kind {
        Kind::One => format!("select({owner}).options(joinedload({owner}.{link}))"),
        Kind::Many | Kind::CountBeyond => format!("select({owner}).options(selectinload({owner}.{link}))"),
        Kind::Count => format!("select({model}.{column}, func.count()).group_by({model}.{column})"),
        Kind::Exists => format!("select({model}.{column}).where({model}.{column}.in_({values})).distinct()"),
        Kind::Lookup => format!("select({model}).where({model}.{column}.in_({values}))"),
        Kind::Insert => format!("session.execute(insert({model}), rows)"),
        Kind::Update => format!("session.execute(update({model}), rows)"),
        Kind::Delete => format!("session.execute(delete({model}).where({model}.{column}.in_({values})))"),
        Kind::Repeat => return None,
    })
}
