//! TypeORM, versions 0.2 to 1.

use super::task::{Kind, Task};
use super::words::Words;
use super::{Library, decisive, strong};

pub(super) static TYPE_ORM: Library = Library {
    id: "typeorm",
    name: "TypeORM",
    tags: &["typeorm"],
    signs: &[
        decisive("distinctAlias", r#""distinctAlias""#),
        decisive("savepoint typeorm_1", r"^(RELEASE |ROLLBACK TO )?SAVEPOINT typeorm_\d+"),
        decisive("row_exists", r#"^SELECT [?1] AS "row_exists" FROM \(SELECT [?1] AS dummy_column\) "dummy_table""#),
        strong("\"Author\".\"id\" AS \"Author_id\"", r#"^SELECT "\w+"\."\w+" AS "[^_"]+(_[^_"]+)+"(, .*)? FROM "\w+"(\."\w+")? "\w+""#),
        strong("COUNT(DISTINCT(…)) AS \"cnt\"", r#"^SELECT COUNT\((DISTINCT\(.*\)|[?1])\) AS "cnt""#),
        strong("INSERT without a blank before its columns", r#"^INSERT INTO "\w+"(\."\w+")?\(""#),
        strong("SELECT * FROM current_schema()", r"^SELECT \* FROM current_schema\(\)$"),
    ],
    style: r#"^UPDATE "|^DELETE FROM "|^INSERT INTO "\w+"(\."\w+")?\(|^SELECT .* FROM ("\w+"(\."\w+")? "\w+"|\(SELECT)"#,
    keeps: "keep the answer, or find({ …, cache: true })",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, column, values) = (task.model(), &task.column, task.values());
    // A text calls its table by the class where it is not read lazily, and by the association where it is.
    let [child, above] = &task.aliases;
    let class = |alias: &&String| alias.starts_with(char::is_uppercase);
    let owner = above.as_ref().filter(class).cloned().unwrap_or_else(|| task.owner_model());
    let is_lazy = |alias: &&String| !class(alias) && !alias.contains("__");
    let link = child.as_ref().filter(is_lazy).map_or_else(|| task.link.camel(), |alias| Words::of(alias).camel());
    let repository = |model: &str| format!("dataSource.getRepository({model})");
    let one = Words::of(&owner).camel();
    Some(match task.kind {
        Kind::One | Kind::Many => format!("{}.find({{ relations: {{ {link}: true }} }})", repository(&owner)),
        Kind::Count | Kind::CountBeyond => {
            format!("{}.createQueryBuilder(\"{one}\").loadRelationCountAndMap(\"{one}.{link}Count\", \"{one}.{link}\")", repository(&owner))
        }
        Kind::Lookup | Kind::Exists => format!("{}.findBy({{ {column}: In({values}) }})", repository(&model)),
        Kind::Insert => format!("{}.insert(rows)", repository(&model)),
        Kind::Update => {
            let repository = repository(&model);
            format!("{repository}.update({{ {column}: In({values}) }}, values), or {repository}.upsert(rows, [\"id\"])")
        }
        Kind::Delete => format!("{}.delete({{ {column}: In({values}) }})", repository(&model)),
        Kind::Repeat => return None,
    })
}
