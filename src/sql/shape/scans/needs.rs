//! Which columns a query reads of each table. Where an index has all of them, the table itself need not be read.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join, JoinConstraint, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Visit, Visitor,
};

use super::super::names::{ident, object_name};
use super::super::relations::constraint_of;
use super::place::{Columns, Meaning, Source, resolve};
use super::walk::Walker;

/// The names in the expressions of a select itself, not in those of the queries in it.
#[derive(Default)]
struct Own {
    names: Vec<Vec<Ident>>,
    /// Some function takes whole rows, or a join has columns that no expression names.
    is_whole: bool,
    depth: usize,
}

impl Visitor for Own {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            _ if self.depth > 0 => {}
            Expr::Identifier(name) => self.names.push(vec![name.clone()]),
            Expr::CompoundIdentifier(parts) => self.names.push(parts.clone()),
            Expr::Function(Function { args: FunctionArguments::List(list), .. }) => {
                let is_row = |arg: &FunctionArg| {
                    let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) = arg;
                    matches!(arg, FunctionArgExpr::QualifiedWildcard(_))
                };
                self.is_whole |= list.args.iter().any(is_row);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Walker<'_, '_> {
    /// Notes which columns a select reads, while its sources are known.
    pub(super) fn need(&mut self, select: &Select, query: Option<&Query>) {
        let own = own(select, query);
        let mut is_whole = own.is_whole || query.is_some_and(|query| !query.locks.is_empty());
        for name in own.names {
            match resolve(&name, &self.lists) {
                Meaning::Column(origin) => {
                    let needs = self.scans.get_mut(origin.scan).and_then(|scan| scan.needs.as_mut());
                    if let Some(needs) = needs.filter(|needs| !needs.contains(&origin.column)) {
                        needs.push(origin.column);
                    }
                }
                Meaning::Opaque => {}
                Meaning::Unknown => is_whole |= !is_alias(&name, select),
            }
        }
        self.need_rows(|source| is_whole || select.projection.iter().any(|item| is_all_of(item, source)));
    }

    /// Notes of which sources rows are wanted as they are.
    pub(super) fn need_rows(&mut self, is_whole: impl Fn(&Source) -> bool) {
        for source in self.lists.last().into_iter().flatten().filter(|source| is_whole(source)) {
            if let Columns::Table { scan, .. } = source.columns
                && let Some(scan) = self.scans.get_mut(scan)
            {
                scan.needs = None;
            }
        }
    }
}

/// Every name in the expressions of a select, its order with it.
fn own(select: &Select, query: Option<&Query>) -> Own {
    let is_by_names = |join: &Join| {
        constraint_of(&join.join_operator)
            .is_some_and(|constraint| matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural))
    };
    let is_whole = select.from.iter().flat_map(|from| &from.joins).any(is_by_names);
    let mut own = Own { is_whole, ..Own::default() };
    let _ = select.visit(&mut own);
    if let Some(OrderByKind::Expressions(keys)) = query.and_then(|query| query.order_by.as_ref()).map(|order| &order.kind) {
        let _ = keys.visit(&mut own);
    }
    own
}

/// Whether a name is one that the select gives to what it puts out.
fn is_alias(name: &[Ident], select: &Select) -> bool {
    let [name] = name else { return false };
    let is_it = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if ident(alias) == ident(name));
    select.projection.iter().any(is_it)
}

/// Whether an item of a select list is all columns of a source.
fn is_all_of(item: &SelectItem, source: &Source) -> bool {
    match item {
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let name = object_name(name);
            source.name == name || source.table.as_ref() == Some(&name)
        }
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
        _ => false,
    }
}
