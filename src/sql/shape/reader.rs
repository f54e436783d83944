//! The visitor that walks sqlparser's tree and adds up a shape.
//!
//! It refuses to know the text, and how names, conditions and sort keys are read: for those it asks its neighbours.

use std::collections::BTreeSet;
use std::mem;
use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Select, SetExpr, Statement, TableFactor, Visitor};

use super::columns::operand;
use super::names::{dotted, object_name};
use super::relations::{FromList, unvisited};
use super::scopes::Scopes;
use super::{OrderKey, Predicate, Shape, ordering, predicates};

#[derive(Default)]
pub(super) struct Reader {
    scopes: Scopes,
    tables: BTreeSet<String>,
    predicates: Vec<Predicate>,
    order_by: Vec<OrderKey>,
    limit: bool,
    relations: usize,
    joins: usize,
    queries_below: usize,
    set_operations: usize,
    /// Parenthesised members of set operations: queries to the visitor, sub-queries to nobody.
    members: usize,
    next_is_outermost: bool,
    relation_is_read: bool,
}

impl Reader {
    pub(super) fn into_shape(mut self, verb: String, pretty: String) -> Shape {
        let subqueries = self.queries_below.saturating_sub(self.members);
        let complexity = self.relations + self.joins + self.predicates.len() + subqueries + self.set_operations;
        self.predicates.sort();
        self.predicates.dedup();
        Shape {
            verb,
            tables: self.tables.into_iter().collect(),
            predicates: self.predicates,
            joins: self.joins,
            order_by: self.order_by,
            limit: self.limit,
            subqueries,
            set_operations: self.set_operations,
            pretty,
            complexity: u32::try_from(complexity).unwrap_or(u32::MAX),
        }
    }

    fn add_table(&mut self, name: String) {
        self.relations += 1;
        self.tables.insert(name);
    }

    /// Opens a scope over the sources of a statement and reads its conditions within it.
    fn enter(&mut self, from: &FromList<'_>) {
        self.joins += from.factors.len().saturating_sub(1);
        self.scopes.enter(&from.factors);
        for condition in &from.conditions {
            predicates::read(condition, &self.scopes, &mut self.predicates);
        }
        for (columns, factor) in &from.shared {
            let table = self.scopes.table_of(factor);
            self.predicates.extend(predicates::shared(columns, table.as_deref()));
        }
    }

    /// Counts the set operations of a query and its TABLE items; the visitor has no hook for them.
    fn read_body(&mut self, query: &Query) {
        let mut bodies = vec![query.body.as_ref()];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    self.set_operations += 1;
                    bodies.extend([left.as_ref(), right.as_ref()]);
                }
                SetExpr::Query(_) => self.members += 1,
                SetExpr::Table(table) => {
                    let names = [&table.schema_name, &table.table_name];
                    let name = names.into_iter().flatten().cloned().collect::<Vec<_>>().join(".");
                    if !self.scopes.is_cte(&name) {
                        self.add_table(name);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.enter(&FromList::of_statement(statement));
        if let Statement::Insert(insert) = statement {
            // The source of an INSERT is its outermost query, also behind a WITH; in a common table expression it lies
            // deeper.
            self.next_is_outermost = insert.source.is_some() && self.scopes.depth() <= 1;
        }
        for name in unvisited(statement) {
            self.add_table(object_name(name));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_statement(&mut self, _statement: &Statement) -> ControlFlow<()> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let outermost = mem::take(&mut self.next_is_outermost) || self.scopes.depth() == 0;
        if outermost {
            self.limit |= ordering::is_limited(query);
            self.next_is_outermost = query.with.is_none() && matches!(*query.body, SetExpr::Query(_));
        } else {
            self.queries_below += 1;
        }
        self.scopes.open(query, outermost);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        // TABLE items and sort keys are read here, when all of the WITH is in sight.
        self.read_body(query);
        if self.scopes.is_outermost() {
            self.order_by.extend(ordering::keys(query, &mut self.scopes));
        }
        self.scopes.close();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.enter(&FromList::of_select(select));
        let targets = select.into.iter().flat_map(|into| &into.targets);
        for target in targets.filter_map(operand) {
            self.add_table(dotted(target.parts));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &Select) -> ControlFlow<()> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.relation_is_read = matches!(factor, TableFactor::Table { .. });
        if let Some(table) = self.scopes.table_of(factor) {
            self.add_table(table);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if !mem::take(&mut self.relation_is_read) {
            self.add_table(object_name(relation));
        }
        ControlFlow::Continue(())
    }
}
