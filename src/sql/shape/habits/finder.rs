//! The visitor that walks sqlparser's tree and gathers habits.

use std::collections::BTreeSet;
use std::iter;
use std::mem;
use std::ops::ControlFlow;

use sqlparser::ast::{Delete, Expr, ObjectName, Query, Select, Statement, TableFactor, Update, Visitor};

use super::super::names::object_name;
use super::super::relations::FromList;
use super::super::scopes::Scopes;
use super::conditions::{Terms, key, terms};
use super::{Bound, Habit, Habits, Kind, joins, queries, rows};

pub(super) struct Finder<'p> {
    bound: Bound<'p>,
    scopes: Scopes,
    tables: BTreeSet<String>,
    found: Vec<Habit>,
    is_keyed: bool,
    /// How many statements are open; a query of INSERT returns no rows to anyone.
    statements: usize,
    is_query: bool,
    relation_is_read: bool,
}

impl<'p> Finder<'p> {
    pub(super) fn new(bound: Bound<'p>) -> Self {
        Finder {
            bound,
            scopes: Scopes::default(),
            tables: BTreeSet::new(),
            found: Vec::new(),
            is_keyed: false,
            statements: 0,
            is_query: false,
            relation_is_read: false,
        }
    }

    pub(super) fn into_habits(mut self) -> Habits {
        self.found.sort_by_key(|habit| habit.kind);
        Habits { tables: self.tables.into_iter().collect(), found: self.found, is_keyed: self.is_keyed }
    }

    /// Reads conditions; where a key picks the rows, the others only thin them out.
    fn conditions(&mut self, conditions: &[&Expr]) {
        let terms = terms(conditions.iter().copied());
        if terms.iter().filter_map(|term| key(term)).any(|key| key.is_identity) {
            self.is_keyed = true;
            return;
        }
        let mut reader = Terms { scopes: &self.scopes, bound: self.bound, found: Vec::new() };
        terms.iter().for_each(|term| reader.read(term));
        self.found.append(&mut reader.found);
    }

    fn update(&mut self, update: &Update) {
        let table = self.scopes.table_of(&update.table.relation);
        let is_alone = update.from.is_none() && update.table.joins.is_empty();
        if update.selection.is_none() && is_alone && update.limit.is_none() {
            self.found.push(Habit { with: Some("update".to_owned()), ..Habit::of(Kind::WriteWithoutWhere, table) });
        } else if is_alone && update.selection.iter().flat_map(|selection| terms([selection])).all(|term| key(term).is_some()) {
            let columns = update.assignments.len() as u64;
            self.found.push(Habit { size: columns, ..Habit::of(Kind::RowUpdate, table) });
        }
    }

    fn delete(&mut self, delete: &Delete, from: &FromList<'_>) {
        let [table] = from.factors.as_slice() else { return };
        if delete.selection.is_none() && delete.using.is_none() && delete.limit.is_none() {
            let table = self.scopes.table_of(table);
            self.found.push(Habit { with: Some("delete".to_owned()), ..Habit::of(Kind::WriteWithoutWhere, table) });
        }
    }
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.statements += 1;
        self.is_query = self.statements == 1 && matches!(statement, Statement::Query(_));
        let from = FromList::of_statement(statement);
        self.scopes.enter(&from.factors);
        self.conditions(&from.conditions);
        match statement {
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete, &from),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_statement(&mut self, _statement: &Statement) -> ControlFlow<()> {
        self.statements -= 1;
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let outermost = self.is_query && self.scopes.depth() == 0;
        self.scopes.open(query, outermost);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        // Here all of the WITH is in sight.
        let from = query.body.as_select().map(FromList::of_select).unwrap_or_default();
        self.scopes.enter(&from.factors);
        self.found.extend(queries::read(query, &from, &self.scopes, self.bound));
        self.scopes.leave();
        self.scopes.close();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let mut from = FromList::of_select(select);
        // What HAVING compares are groups, which no index finds.
        from.conditions.retain(|condition| !select.having.as_ref().is_some_and(|having| std::ptr::eq(*condition, having)));
        self.scopes.enter(&from.factors);
        let all = terms(from.conditions.iter().copied());
        self.conditions(&from.conditions);
        let of_rows = [
            joins::unjoined(select, &from, &all, &self.scopes),
            rows::count_of_all(select, &from, &self.scopes),
            rows::distinct(select, &from, &all, &self.scopes),
        ];
        self.found.extend(of_rows.into_iter().flatten());
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &Select) -> ControlFlow<()> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::InList { list, .. } => self.found.push(Habit { size: list.len() as u64, ..Habit::of(Kind::List, None) }),
            Expr::BinaryOp { left, .. } if matches!(**left, Expr::Subquery(_)) => self.found.extend(rows::existence(expr, self.bound)),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.relation_is_read = matches!(factor, TableFactor::Table { .. });
        self.tables.extend(self.scopes.table_of(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if !mem::take(&mut self.relation_is_read) {
            self.tables.extend(iter::once(object_name(relation)));
        }
        ControlFlow::Continue(())
    }
}
