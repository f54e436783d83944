//! Which library wrote statements, by what hardly anything else writes, and what its users type to mend a loop.
//!
//! `None` rather than a guess. Patterns of statements' first examples as logged, where constants are still in them.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::sql::outline::Role;
use crate::workload::burst::Class;
use crate::workload::{Key, Workload};

use super::loops::Named;

/// A library that is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orm {
    Django,
    SqlAlchemy,
    ActiveRecord,
    Sequelize,
}

/// The library of each application, by all of its statements; none where they disagree.
pub(super) fn by_application(workload: &Workload) -> HashMap<String, Option<Orm>, FixedState> {
    let mut known: HashMap<String, Option<Orm>, FixedState> = HashMap::default();
    for statement in workload.statements() {
        let Some(orm) = of_text(&String::from_utf8_lossy(&statement.sample.sql)) else { continue };
        let mut names: Vec<String> = workload.shares(statement, &Key::Application).into_iter().map(|(name, _)| name).collect();
        if names.is_empty() {
            names.push(String::new());
        }
        for name in names {
            known.entry(name).and_modify(|known| *known = known.filter(|&known| known == orm)).or_insert(Some(orm));
        }
    }
    known
}

fn of_text(sql: &str) -> Option<Orm> {
    let has = |patterns: &[&str]| patterns.iter().any(|pattern| sql.contains(pattern));
    let quoted_list = sql.starts_with("SELECT \"") && sql.contains("\".\"");
    match () {
        () if has(&["framework='django", "\"__count\"", "_prefetch_related_val_", "_django_curs_", " AS \"a\" FROM \""]) => {
            Some(Orm::Django)
        }
        () if quoted_list && sql.ends_with(" LIMIT 21") => Some(Orm::Django),
        () if has(&["imp_sen", "sa_savepoint_", "AS anon_1", "::BIGINT", "::INTEGER", "::VARCHAR", "::TIMESTAMP WITH"])
            && !has(&["\"."]) =>
        {
            Some(Orm::SqlAlchemy)
        }
        () if sql.starts_with("SELECT 1 AS one FROM \"") || has(&["count_all", " AS t0_r0"]) => Some(Orm::ActiveRecord),
        () if sql.starts_with("SELECT \"") && sql.contains("\".* FROM \"") => Some(Orm::ActiveRecord),
        () if sql.ends_with(';') && sql.contains("\" AS \"") && sql.contains("WHERE \"") => Some(Orm::Sequelize),
        () => None,
    }
}

impl Orm {
    /// Its name as reports show it.
    pub(super) fn name(self) -> &'static str {
        ["Django", "SQLAlchemy", "ActiveRecord", "Sequelize"][self as usize]
    }

    /// What to type so that a child is read or written together; `None` where nothing certain can be said.
    pub(super) fn line(self, class: Class, child: &Named, parent: Option<&Named>) -> Option<String> {
        match class {
            Class::Repeats => None,
            Class::Reads => self.eager(child, parent?),
            Class::Writes => Some(self.bulk(&child.outline.tables.first().map(|table| model(table))?, child.outline.role == Role::Insert)),
        }
    }

    fn eager(self, child: &Named, parent: &Named) -> Option<String> {
        let (table, above) = (child.outline.table()?, parent.outline.table()?);
        let column = &child.outline.keys.first()?.column;
        let counts = child.outline.is_aggregate;
        let model = model(above);
        let to_one = matches!(column.as_str(), "id" | "uuid");
        // A to-one association bears the name of the column that points to it.
        let pointing = parent.outline.columns.iter().filter_map(|column| column.strip_suffix("_id").or_else(|| column.strip_suffix("Id")));
        let pointing: Vec<&str> = pointing.collect();
        let one =
            pointing.iter().find(|name| table.starts_with(**name)).or_else(|| if pointing.len() == 1 { pointing.first() } else { None });
        let one = one.map_or_else(|| singular(table), |name| (*name).to_owned());
        Some(match (self, to_one) {
            (Orm::Django, _) if counts => format!("{model}.objects.annotate(Count(\"{}\"))", association(table, above)),
            (Orm::Django, true) => format!("{model}.objects.select_related(\"{one}\")"),
            (Orm::Django, false) => format!("{model}.objects.prefetch_related(\"{}\")", association(table, above)),
            (Orm::SqlAlchemy, true) => format!("select({model}).options(joinedload({model}.{one}))"),
            (Orm::SqlAlchemy, false) => format!("select({model}).options(selectinload({model}.{}))", association(table, above)),
            (Orm::ActiveRecord, _) if counts => format!("{}.group(:{column}).count", self::model(table)),
            (Orm::ActiveRecord, true) => format!("{model}.includes(:{one})"),
            (Orm::ActiveRecord, false) => format!("{model}.preload(:{table})"),
            (Orm::Sequelize, _) => format!("{model}.findAll({{ include: {} }})", self::model(table)),
        })
    }

    fn bulk(self, model: &str, inserts: bool) -> String {
        match (self, inserts) {
            (Orm::Django, true) => format!("{model}.objects.bulk_create(rows)"),
            (Orm::Django, false) => {
                format!("{model}.objects.bulk_update(rows, fields), or one {model}.objects.filter(pk__in=ids).update(…) or .delete()")
            }
            (Orm::SqlAlchemy, true) => format!("session.execute(insert({model}), rows)"),
            (Orm::SqlAlchemy, false) => format!("session.execute(update({model}), rows)"),
            (Orm::ActiveRecord, true) => format!("{model}.insert_all(rows)"),
            (Orm::ActiveRecord, false) => format!("{model}.where(id: ids).update_all(…), or {model}.upsert_all(rows)"),
            (Orm::Sequelize, true) => format!("{model}.bulkCreate(rows)"),
            (Orm::Sequelize, false) => format!("{model}.update(values, {{ where: {{ id: ids }} }})"),
        }
    }
}

/// The class that a table is usually mapped to: `OrderItem` for `order_items`.
fn model(table: &str) -> String {
    let capital = |part: &str| part.chars().take(1).flat_map(char::to_uppercase).chain(part.chars().skip(1)).collect::<String>();
    singular(table).split('_').map(capital).collect()
}

fn singular(table: &str) -> String {
    match table.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => table.strip_suffix('s').unwrap_or(table).to_owned(),
    }
}

/// What the parent's model calls its children: `items` for `order_items` of `orders`.
fn association<'t>(table: &'t str, parent: &str) -> &'t str {
    table.strip_prefix(&singular(parent)).and_then(|rest| rest.strip_prefix('_')).unwrap_or(table)
}
