//! Django's ORM, versions 2 to 5.

use super::task::{Kind, Task};
use super::words::Words;
use super::{Library, QUOTED_UPPER, decisive, strong};

pub(super) static DJANGO: Library = Library {
    id: "django",
    name: "Django",
    tags: &["django"],
    signs: &[
        decisive("\"__count\"", r#" AS "__count""#),
        decisive("_prefetch_related_val_", r#""_prefetch_related_val_\w+""#),
        decisive("_django_curs_", r#""_django_curs_"#),
        decisive("LIMIT 21 behind a list of columns", r#"^SELECT "\w+"\."\w+"(, .*)? LIMIT 21( FOR UPDATE.*)?$"#),
        decisive("a savepoint named after its thread", r#"^(RELEASE |ROLLBACK TO )?SAVEPOINT "s\d+_x\d+""#),
        decisive("a table of Django's own", r#" (FROM|INTO) "(django_migrations|django_session|django_content_type|auth_permission)""#),
        strong("1 AS \"a\"", r#"\(?SELECT [?1] AS "a" FROM ""#),
        strong("U0", r#"\bU\d\."\w+""#),
        strong("a join's condition in parentheses", r#" FROM "\w+" (INNER|LEFT OUTER) JOIN "\w+" ON \("\w+"\."\w+" = "#),
        strong("UNNEST of a text per column", r#"^INSERT INTO "\w+" \("\w+"(, "\w+")*\) SELECT \* FROM UNNEST\(\("#),
        strong("UPPER(…::text)", r#"UPPER\("\w+"\."\w+"::text\)"#),
        strong("__sum and the like", r#"\) AS "\w+__(sum|avg|min|max|count)""#),
    ],
    style: QUOTED_UPPER,
    keeps: "keep the object or the evaluated list in a variable or a @cached_property",
    mend,
};

fn mend(task: &Task) -> Option<String> {
    let (column, values) = (&task.column, task.values());
    let model = class(&task.child, task);
    let owner = class(&task.owner, task);
    let link = link(task);
    Some(match task.kind {
        Kind::One => format!("{owner}.objects.select_related(\"{link}\")"),
        // The one row on the other side of a one-to-one field.
        Kind::Many if !task.link.is_many() => format!("{owner}.objects.select_related(\"{link}\")"),
        Kind::Many => format!("{owner}.objects.prefetch_related(\"{link}\")"),
        Kind::Count | Kind::CountBeyond => format!("{owner}.objects.annotate(Count(\"{}\"))", link.strip_suffix("_set").unwrap_or(&link)),
        Kind::Exists => format!("{model}.objects.filter({column}__in={values}).values_list(\"{column}\", flat=True).distinct()"),
        Kind::Lookup => format!("{model}.objects.filter({column}__in={values})"),
        Kind::Insert => format!("{model}.objects.bulk_create(rows)"),
        Kind::Update => {
            format!("{model}.objects.bulk_update(rows, fields), or one {model}.objects.filter({column}__in={values}).update(…)")
        }
        Kind::Delete => format!("{model}.objects.filter({column}__in={values}).delete()"),
        Kind::Repeat => return None,
    })
}

/// Whether a table is named as Django does by itself: `shop_order` for `Order` of the application `shop`.
fn is_default(table: &Words) -> bool {
    table.len() > 1 && !table.is_many()
}

fn class(table: &Words, task: &Task) -> String {
    let is_part_of_owner = table != &task.owner && *table != table.without(&task.owner) && task.owner.len() == 1;
    if is_default(table) && !is_part_of_owner { table.tail().pascal() } else { table.one().pascal() }
}

fn link(task: &Task) -> String {
    let field = task.between.as_ref().map(|between| between.without(&task.owner)).filter(|field| task.between.as_ref() != Some(field));
    match (task.kind, field) {
        // Its table is named after the model that has the field, and the field.
        (Kind::Many | Kind::CountBeyond, Some(field)) => field.snake(),
        (Kind::Many | Kind::Count | Kind::CountBeyond, _) if is_default(&task.child) && is_default(&task.owner) => {
            let model = task.child.tail().joined();
            if task.link.is_many() { format!("{model}_set") } else { model }
        }
        (Kind::Many | Kind::Count | Kind::CountBeyond, _) => task.link.without(&task.owner).snake(),
        _ => task.link.snake(),
    }
}
