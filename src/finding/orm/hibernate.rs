//! Hibernate, versions 3 to 6, and what stands on it: JPA, Spring Data.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static HIBERNATE: Library = Library {
    id: "hibernate",
    name: "Hibernate",
    tags: &["hibernate"],
    signs: &[
        decisive("a1_0.id,a1_0.name", r"^select (distinct )?[a-z]+\d+_0\.\w+(,[a-z]+\d+_\d+\.\w+)* from \w+(\.\w+)? [a-z]+\d+_0\b"),
        decisive("author0_.id as id1_0_", r"^select .*\b[a-z]\w*\d+_\.\w+ as \w+_\d+_"),
        strong("a1_0", r"^select .* from \w+(\.\w+)? [a-z]+\d+_0\b"),
        strong("col_0_0_", r" as col_\d+_\d+_"),
        strong("this_", r"\bthis_\.\w+ as "),
        strong("nextval ('…')", r"^select nextval \(\?\)$"),
    ],
    style: r"^select .*\b[a-z]\w*\d+_(\d+)?\.\w|^select .*\bthis_\.|^insert into \w+(\.\w+)? \(\w+(, ?\w+)*\) values|^update \w+(\.\w+)? set \w+=\?|^delete from \w+(\.\w+)? where \w+=\?",
    keeps: "find(…) answers from the persistence context within one transaction; across them @Cacheable or the query cache",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner, link, values) = (task.model(), task.owner_model(), task.link.camel(), task.values());
    let (row, above) = (task.child.letter(), task.owner.letter());
    // Foreign keys are no members; what they point to is.
    let member =
        if task.is_own_key() || task.pointed().snake() == task.column { task.member() } else { format!("{}.id", task.pointed().camel()) };
    Some(match task.kind {
        Kind::One => format!("SELECT {above} FROM {owner} {above} JOIN FETCH {above}.{link}, or an @EntityGraph with it"),
        Kind::Many | Kind::CountBeyond => {
            format!("@BatchSize(size = 50) on {owner}.{link}, or SELECT {above} FROM {owner} {above} LEFT JOIN FETCH {above}.{link}")
        }
        Kind::Count => format!("SELECT {row}.{member}, COUNT({row}) FROM {model} {row} GROUP BY {row}.{member}"),
        Kind::Lookup | Kind::Exists => format!("SELECT {row} FROM {model} {row} WHERE {row}.{member} IN :{values}"),
        Kind::Insert => format!(
            "hibernate.jdbc.batch_size=50 and hibernate.order_inserts=true, which send the inserts of {model} together unless its id is IDENTITY"
        ),
        Kind::Update => format!(
            "UPDATE {model} {row} SET … WHERE {row}.{member} IN :{values}, or hibernate.jdbc.batch_size=50 and hibernate.order_updates=true"
        ),
        Kind::Delete => format!("DELETE FROM {model} {row} WHERE {row}.{member} IN :{values}"),
        Kind::Repeat => return None,
    })
}
