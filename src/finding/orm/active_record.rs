//! ActiveRecord (Ruby on Rails), versions 4 to 8.

use super::task::{Kind, Task};
use super::{Library, QUOTED_UPPER, decisive, strong};

pub(super) static ACTIVE_RECORD: Library = Library {
    id: "activerecord",
    name: "ActiveRecord",
    tags: &["rails", "ruby_on_rails", "active_record", "activerecord"],
    signs: &[
        decisive("t0_r0", r#"" AS t\d+_r\d+\b"#),
        decisive("count_all", r#"\bcount\(\*\) AS "?count_all\b|COUNT\(\*\) AS "?count_all\b"#),
        decisive("savepoint active_record_1", r#"^(RELEASE |ROLLBACK TO )?SAVEPOINT active_record_\d+"#),
        decisive("ar_internal_metadata", r#""ar_internal_metadata""#),
        strong(
            "\"table\".* as the only column",
            r#"^SELECT (DISTINCT )?"\w+"\.\* FROM "\w+"( (WHERE ("|\([a-z])|INNER JOIN|LEFT OUTER JOIN|GROUP BY|ORDER BY|LIMIT)[^;]*)?$"#,
        ),
        strong("1 AS one", r#"^SELECT [?1] AS one FROM ""#),
        strong("ON CONFLICT  DO NOTHING", r#"^INSERT INTO "\w+" .* ON CONFLICT  DO NOTHING"#),
    ],
    style: QUOTED_UPPER,
    keeps: "keep what was read (||=, or a hash by id); in jobs, ActiveRecord::Base.cache { … } remembers queries as requests do",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (model, owner, column, values) = (task.model(), task.owner_model(), &task.column, task.values());
    let link = task.link.snake();
    Some(match task.kind {
        Kind::One => format!("{owner}.includes(:{link})"),
        Kind::Many => format!("{owner}.preload(:{link})"),
        Kind::Count => format!("{model}.group(:{column}).count, or a counter_cache"),
        Kind::CountBeyond => format!("{owner}.joins(:{link}).group(:id).count"),
        Kind::Exists => format!("{model}.where({column}: {values}).distinct.pluck(:{column})"),
        Kind::Lookup => format!("{model}.where({column}: {values})"),
        Kind::Insert => format!("{model}.insert_all(rows)"),
        Kind::Update => format!("{model}.where({column}: {values}).update_all(…), or {model}.upsert_all(rows)"),
        Kind::Delete => format!("{model}.where({column}: {values}).delete_all"),
        Kind::Repeat => return None,
    })
}
