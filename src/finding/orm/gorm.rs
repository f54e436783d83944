//! GORM (Go), version 2.

use super::task::{Kind, Task};
use super::{Library, QUOTED_UPPER, decisive, strong};

pub(super) static GORM: Library = Library {
    id: "gorm",
    name: "GORM",
    tags: &["gorm"],
    signs: &[
        decisive("savepoint sp0xc…", r"^(RELEASE |ROLLBACK TO )?SAVEPOINT sp0x[0-9a-f]+"),
        strong("\"Author\".\"id\" AS \"Author__id\"", r#"^SELECT ("\w+"\."\w+",)+"[A-Za-z0-9]+"\."\w+" AS "[A-Za-z0-9]+__\w+""#),
        strong("SELECT * ordered by its own key", r#"^SELECT \* FROM "\w+" .*ORDER BY "\w+"\."\w+" (DESC )?LIMIT"#),
        strong("\"deleted_at\" IS NULL of a whole row", r#"^SELECT \* FROM "\w+" WHERE .*"\w+"\."deleted_at" IS NULL"#),
        strong("SELECT * by a key with its table", r#"^SELECT \* FROM "\w+" WHERE "\w+"\."\w+" (= \?|IN \(\?(,\?)*\))$"#),
        strong("count(*) of a quoted table", r#"^SELECT count\(\*\) FROM "\w+"( WHERE ["(\w].*)?$"#),
    ],
    style: QUOTED_UPPER,
    keeps: "keep the answer in a variable or a map by id",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, link) = (task.model(), task.link.pascal());
    let (rows, owners) = (task.child.many().camel(), task.owner.many().camel());
    let (column, values) = (&task.column, task.values());
    let chosen = format!("Where(\"{column} IN ?\", {values})");
    Some(match task.kind {
        Kind::One => format!("db.Joins(\"{link}\").Find(&{owners})"),
        Kind::Many | Kind::CountBeyond => format!("db.Preload(\"{link}\").Find(&{owners})"),
        Kind::Count => format!("db.Model(&{model}{{}}).Select(\"{column}, count(*)\").Group(\"{column}\").Scan(&counts)"),
        Kind::Lookup | Kind::Exists => format!("db.{chosen}.Find(&{rows})"),
        Kind::Insert => format!("db.CreateInBatches({rows}, 100)"),
        Kind::Update => format!("db.Model(&{model}{{}}).{chosen}.Updates(values)"),
        Kind::Delete => format!("db.{chosen}.Delete(&{model}{{}})"),
        Kind::Repeat => return None,
    })
}
