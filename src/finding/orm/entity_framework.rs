//! Entity Framework Core (Npgsql), versions 3 to 10, and Entity Framework 6.

use super::task::{Kind, Task};
use super::{Library, decisive, strong};

pub(super) static CORE: Library = Library {
    id: "ef-core",
    name: "EF Core",
    tags: &["efcore", "ef core", "entityframeworkcore"],
    signs: &[
        decisive("__EFMigrationsHistory", r#""__EFMigrationsHistory""#),
        strong("b.\"Id\" and FROM on a line of its own", r#"^SELECT [a-z]\d*\."\w+"[^\n]*[^ ]\nFROM "\w+" AS [a-z]\d*\b"#),
        strong("count(*)::int", r#"^SELECT count\(\*\)::int\nFROM ""#),
        strong("VALUES on a line of its own", r#"^INSERT INTO "\w+" \("\w+"(, "\w+")*\)\nVALUES \("#),
        strong("WHERE on a line of its own", r#"^(UPDATE "\w+" SET "\w+" = [^\n]*|DELETE FROM "\w+")\nWHERE "\w+" = \?"#),
        strong("EXISTS on lines of its own", r#"^SELECT EXISTS \(\nSELECT \?\nFROM "#),
    ],
    style: r#"^SELECT .*[^ ]\nFROM "|^INSERT INTO "\w+" \(.*\)\nVALUES|^UPDATE "\w+" SET .*\nWHERE|^UPDATE "\w+" AS [a-z]|^DELETE FROM "\w+"( AS [a-z]\d*)?\nWHERE"#,
    keeps: "Find(…) answers from the context without a query; else keep the answer",
    mend: core,
};

pub(super) static SIX: Library = Library {
    id: "ef6",
    name: "Entity Framework 6",
    tags: &["ef6"],
    signs: &[decisive("Extent1", r#""(Extent|Project|GroupBy|Filter|UnionAll)\d+"|\[Extent\d+\]"#), strong("AS \"C1\"", r#" AS "C\d+""#)],
    style: r#"^SELECT .*"(Extent|Project|GroupBy|Filter|Limit|C)\d+"|^(INSERT INTO|UPDATE|DELETE FROM) ""#,
    keeps: "Find(…) answers from the context without a query; else keep the answer",
    mend: six,
};

fn core(task: &Task) -> Option<String> {
    let chosen = chosen(task);
    match task.kind {
        Kind::Update => Some(format!("{chosen}.ExecuteUpdate(…), or one SaveChanges() behind the loop")),
        Kind::Delete => Some(format!("{chosen}.ExecuteDelete()")),
        _ => both(task),
    }
}

fn six(task: &Task) -> Option<String> {
    let set = task.child.many().pascal();
    match task.kind {
        Kind::Update => {
            Some(format!("one SaveChanges() behind the loop over context.{set}, or one UPDATE by Database.ExecuteSqlCommand(…)"))
        }
        Kind::Delete => Some(format!("context.{set}.RemoveRange(rows) and one SaveChanges()")),
        _ => both(task),
    }
}

/// The rows of all values: `context.Books.Where(b => ids.Contains(b.AuthorId))`.
fn chosen(task: &Task) -> String {
    let (set, row, property, values) = (task.child.many().pascal(), task.child.letter(), task.property(), task.values());
    format!("context.{set}.Where({row} => {values}.Contains({row}.{property}))")
}

fn both(task: &Task) -> Option<String> {
    let (set, owners, link) = (task.child.many().pascal(), task.owner.many().pascal(), task.link.pascal());
    let above = task.owner.letter();
    Some(match task.kind {
        Kind::One | Kind::Many => format!("context.{owners}.Include({above} => {above}.{link})"),
        Kind::Count | Kind::CountBeyond => {
            format!("context.{owners}.Select({above} => new {{ {above}.Id, Count = {above}.{link}.Count() }})")
        }
        Kind::Lookup | Kind::Exists => chosen(task),
        Kind::Insert => format!("context.{set}.AddRange(rows) and one SaveChanges()"),
        Kind::Update | Kind::Delete | Kind::Repeat => return None,
    })
}
