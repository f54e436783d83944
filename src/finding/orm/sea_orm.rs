//! SeaORM (Rust), versions 0.10 to 2.

use super::task::{Kind, Task};
use super::{Library, QUOTED_UPPER, decisive, strong};

pub(super) static SEA_ORM: Library = Library {
    id: "seaorm",
    name: "SeaORM",
    tags: &["seaorm", "sea-orm"],
    signs: &[
        decisive("seaql_migrations", r#""seaql_migrations""#),
        decisive("AS \"A_id\" and AS \"B_id\"", r#" AS "A_\w+", .* AS "B_\w+""#),
        decisive("num_items", r"^SELECT COUNT\(\*\) AS num_items FROM \(SELECT "),
        strong(
            "all columns behind RETURNING",
            r#"^INSERT INTO "\w+"(\."\w+")? \("\w+"(, "\w+")*\) VALUES \(.*\) RETURNING "\w+", "\w+"(, "\w+")*$"#,
        ),
        strong(
            "UPDATE by a key with its table, RETURNING",
            r#"^UPDATE "\w+"(\."\w+")? SET "\w+" = .* WHERE "\w+"\."\w+" = \? RETURNING "\w+""#,
        ),
    ],
    style: QUOTED_UPPER,
    keeps: "keep the model, or a map by id",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (entity, owners) = (task.child.snake(), task.owner.many().snake());
    let (property, values) = (task.property(), task.values());
    let of = format!("{entity}::Column::{property}");
    let chosen = format!("filter({of}.is_in({values}))");
    Some(match task.kind {
        Kind::One => format!("{owners}.load_one({entity}::Entity, &db).await?"),
        Kind::Many | Kind::CountBeyond => format!("{owners}.load_many({entity}::Entity, &db).await?"),
        Kind::Count => {
            format!("{entity}::Entity::find().select_only().column({of}).column_as({entity}::Column::Id.count(), \"count\").group_by({of})")
        }
        Kind::Lookup | Kind::Exists => format!("{entity}::Entity::find().{chosen}.all(&db).await?"),
        Kind::Insert => format!("{entity}::Entity::insert_many(rows).exec(&db).await?"),
        Kind::Update => format!("{entity}::Entity::update_many().{chosen}.exec(&db).await?"),
        Kind::Delete => format!("{entity}::Entity::delete_many().{chosen}.exec(&db).await?"),
        Kind::Repeat => return None,
    })
}
