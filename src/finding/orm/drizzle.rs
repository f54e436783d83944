//! Drizzle ORM, versions 0.28 to 1.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static DRIZZLE: Library = Library {
    id: "drizzle",
    name: "Drizzle",
    tags: &["drizzle"],
    signs: &[
        decisive("json_agg(json_build_array(…)) in a lateral join", r"lateral \(select coalesce\(json_agg\(json_build_array\("),
        decisive("__drizzle_migrations", r#""__drizzle_migrations""#),
        strong(
            "bare columns and a key with its table",
            r#"^select "\w+"(, "\w+")+ from "\w+" where "\w+"\."\w+" (= \?|in \(\?(, \?)*\))( limit \?)?$"#,
        ),
        strong("a table aliased without as", r#"^select "\w+"(, "\w+")* from "\w+" "\w+" (where|order by|limit) "#),
        strong("default for the id, in lower case", r#"^insert into "\w+" \("\w+"(, "\w+")*\) values \(default, "#),
        strong("savepoint sp1", r"^(release |rollback to )?savepoint sp\d+$"),
    ],
    style: r#"^select (distinct )?("\w+"(\."\w+")?|\w+\(.*\))(,| as | from ).*\bfrom \(?"|^select (distinct )?("\w+"(\."\w+")?|\w+\(.*\)) from \(?"|^(update|insert into|delete from) ""#,
    keeps: "keep the answer in a variable of the request",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (table, owner, link) = (task.child.camel(), task.owner.camel(), task.link.camel());
    let (member, values) = (task.member(), task.values());
    let rows = format!("where(inArray({table}.{member}, {values}))");
    Some(match task.kind {
        Kind::One | Kind::Many | Kind::CountBeyond => format!("db.query.{owner}.findMany({{ with: {{ {link}: true }} }})"),
        Kind::Count => {
            format!("db.select({{ {member}: {table}.{member}, n: count() }}).from({table}).groupBy({table}.{member})")
        }
        Kind::Lookup | Kind::Exists => format!("db.select().from({table}).{rows}"),
        Kind::Insert => format!("db.insert({table}).values(rows)"),
        Kind::Update => format!("db.update({table}).set(values).{rows}"),
        Kind::Delete => format!("db.delete({table}).{rows}"),
        Kind::Repeat => return None,
    })
}
