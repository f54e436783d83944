//! Doctrine ORM, versions 2 and 3.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static DOCTRINE: Library = Library {
    id: "doctrine",
    name: "Doctrine",
    tags: &["doctrine", "symfony"],
    signs: &[
        decisive("dctrn_", r"\bdctrn_\w+"),
        decisive("sclr_0", r" AS sclr_\d+"),
        decisive("doctrine_migration_versions", r"\bdoctrine_migration_versions\b"),
        strong("t0.id AS id_1", r"^SELECT t0\.\w+ AS \w+_\d+(, t\d+\.\w+ AS \w+_\d+)* FROM \w+(\.\w+)? t0\b"),
        strong("a0_.id AS id_0", r"^SELECT (DISTINCT )?[a-z]\d+_\.\w+ AS \w+_\d+"),
    ],
    style: r"^SELECT .*\b(t\d+|[a-z]\d+_)\.\w|^INSERT INTO \w+(\.\w+)? \(\w+(, \w+)*\) VALUES|^UPDATE \w+(\.\w+)? SET \w+ = \?|^DELETE FROM \w+(\.\w+)? WHERE \w+ = \?",
    keeps: "$em->find(…) answers from the identity map until clear(); queries by enableResultCache()",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner, link, values) = (task.model(), task.owner_model(), task.link.camel(), task.values());
    let (row, above) = (task.child.letter(), task.owner.letter());
    let row = if row == above && task.child != task.owner { format!("{row}2") } else { row };
    let member = task.pointed().camel();
    let own = task.member();
    Some(match task.kind {
        Kind::One => format!("SELECT {above}, {row} FROM {owner} {above} LEFT JOIN {above}.{link} {row}"),
        Kind::Many | Kind::CountBeyond => {
            format!(
                "SELECT {above}, {row} FROM {owner} {above} LEFT JOIN {above}.{link} {row}, or setFetchMode({owner}::class, '{link}', ClassMetadata::FETCH_EAGER)"
            )
        }
        Kind::Count => format!("SELECT IDENTITY({row}.{member}), COUNT({row}) FROM {model} {row} GROUP BY {row}.{member}"),
        Kind::Lookup | Kind::Exists => format!("$em->getRepository({model}::class)->findBy(['{member}' => ${values}])"),
        Kind::Insert => {
            format!("one $em->flush() behind the loop; for many rows of {model} one INSERT of DBAL: $connection->executeStatement(…)")
        }
        Kind::Update => format!("UPDATE {model} {row} SET … WHERE {row}.{own} IN (:{values})"),
        Kind::Delete => format!("DELETE {model} {row} WHERE {row}.{own} IN (:{values})"),
        Kind::Repeat => return None,
    })
}
