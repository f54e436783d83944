//! The order that a query asks for, and how many rows of it are enough.

use sqlparser::ast::{
    Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, LimitClause, OrderByExpr, OrderByKind, OrderBySort, Query,
    Select, SelectItem, Value,
};

use super::super::names::{ident, object_name};
use super::super::ordering::is_limited;
use super::nested::{self, Leaf};
use super::operand::unnested;
use super::place::{Columns, Meaning, Origin};
use super::walk::{Walker, is_plain};
use super::{Limit, SortKey};

/// Functions of many rows.
#[rustfmt::skip]
const AGGREGATES: [&str; 22] = [
    "count", "sum", "avg", "min", "max", "array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg",
    "jsonb_object_agg", "bool_and", "bool_or", "every", "bit_and", "bit_or", "stddev", "stddev_samp", "stddev_pop", "variance",
    "percentile_cont", "percentile_disc",
];

/// Whether what is put out of one row depends on others.
pub(super) fn has_aggregate(select: &Select) -> bool {
    let expressions = select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    let is_aggregate = |leaf: &Leaf<'_>| match leaf {
        Leaf::Window => true,
        Leaf::Function(name) => AGGREGATES.contains(&name.as_str()),
        _ => false,
    };
    expressions.flat_map(nested::leaves).any(|leaf| is_aggregate(&leaf))
}

/// Whether a query takes only some of its rows, so that no condition may be moved into it.
pub(super) fn is_cut(query: &Query) -> bool {
    let skips = matches!(&query.limit_clause, Some(LimitClause::LimitOffset { offset: Some(_), .. }));
    is_limited(query) || skips
}

impl<'a> Walker<'a, '_> {
    /// Gives the scans from `start` on the order and the limit of their query.
    pub(super) fn order(&mut self, select: &'a Select, query: &'a Query, start: usize) {
        if let Some((origin, key)) = self.extreme(select) {
            if let Some(scan) = self.scans.get_mut(origin.scan) {
                (scan.sort, scan.limit) = (vec![key], Some(Limit { rows: Some(1), skipped: Some(0) }));
            }
            return;
        }
        let is_by_first = matches!(select.distinct, Some(Distinct::On(_)));
        if !is_plain(select) && !is_by_first {
            return;
        }
        let limit = is_limited(query).then(|| self.limit(query)).filter(|_| !is_by_first);
        let keys = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(keys)) => keys.as_slice(),
            Some(OrderByKind::All(_)) => return,
            None => &[],
        };
        let sorted: Option<Vec<(Origin, SortKey)>> = keys.iter().map(|key| self.sort_key(key, select)).collect();
        let is_alone = self.scans.len() == start + 1 && self.is_looked_through();
        match sorted.as_deref() {
            Some([]) if is_alone && self.scans[start].limit.is_none() => self.scans[start].limit = limit,
            Some([]) => {
                let joined = self.scans.iter_mut().skip(start);
                joined.filter(|scan| scan.joined_limit.is_none() && scan.for_each.is_none()).for_each(|scan| scan.joined_limit = limit);
            }
            Some([(first, _), ..]) => {
                let of = first.scan;
                let is_of_one = sorted.iter().flatten().all(|(origin, _)| origin.scan == of);
                if let Some(scan) = self.scans.get_mut(of).filter(|_| is_of_one) {
                    scan.sort = sorted.into_iter().flatten().map(|(_, key)| key).collect();
                    scan.limit = limit;
                }
            }
            _ => {}
        }
    }

    /// Whether there is one source, whose rows come out as they are in a table.
    fn is_looked_through(&self) -> bool {
        match self.lists.last().map(Vec::as_slice) {
            Some([source]) => match &source.columns {
                Columns::Table { .. } => true,
                Columns::Query(outputs) => outputs.iter().any(|output| output.origin.is_some()),
                Columns::Opaque => false,
            },
            _ => false,
        }
    }

    fn limit(&self, query: &Query) -> Limit {
        let number = |expr: &Expr| self.bound.text(unnested(expr)).and_then(|text| text.trim_matches('\'').parse::<u64>().ok());
        let (rows, skipped) = match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => (limit.as_ref(), offset.as_ref().map(|offset| &offset.value)),
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
            None => (None, None),
        };
        let rows = rows.or_else(|| query.fetch.as_ref()?.quantity.as_ref());
        Limit { rows: rows.and_then(number), skipped: skipped.map_or(Some(0), number) }
    }

    /// A key of a sort, which may be the name or the place of what is selected.
    fn sort_key(&self, key: &OrderByExpr, select: &Select) -> Option<(Origin, SortKey)> {
        let expr = selected(unnested(&key.expr), select);
        let origin = match self.meaning(expr) {
            Meaning::Column(origin) => origin,
            _ => self.place(expr, select)?,
        };
        let descends = match &key.options.sort {
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Asc) | None => false,
            Some(OrderBySort::Using(_)) => return None,
        };
        let nulls_first = key.options.nulls_first.unwrap_or(descends);
        let column = origin.column.clone();
        Some((origin, SortKey { column, descends, nulls_first }))
    }

    /// The column at a place of what is selected, where `*` stands for several.
    fn place(&self, expr: &Expr, select: &Select) -> Option<Origin> {
        let Expr::Value(value) = expr else { return None };
        let Value::Number(number, _) = &value.value else { return None };
        let outputs = self.outputs(select);
        let before = outputs.get(..number.parse().ok()?)?;
        let is_known = before.iter().all(|output| output.name != "*");
        before.last().filter(|_| is_known)?.origin.clone()
    }

    /// `SELECT max(x)`: the first of a sort, as the planner reads it.
    fn extreme(&self, select: &'a Select) -> Option<(Origin, SortKey)> {
        let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = select.projection.as_slice() else { return None };
        let Expr::Function(function) = unnested(expr) else { return None };
        let name = object_name(&function.name);
        let is_single = select.from.len() == 1 && select.having.is_none() && select.distinct.is_none() && function.filter.is_none();
        let has_groups = !matches!(&select.group_by, sqlparser::ast::GroupByExpr::Expressions(keys, _) if keys.is_empty());
        let is_joined = select.from.iter().any(|from| !from.joins.is_empty());
        if !matches!(name.as_str(), "min" | "max") || !is_single || has_groups || is_joined || function.over.is_some() {
            return None;
        }
        let Meaning::Column(origin) = self.meaning(argument(function)?) else { return None };
        let descends = name == "max";
        let column = origin.column.clone();
        // NULLs are not looked at.
        Some((origin, SortKey { column, descends, nulls_first: descends }))
    }
}

fn argument(function: &Function) -> Option<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => Some(expr),
        _ => None,
    }
}

fn selected<'s>(key: &'s Expr, select: &'s Select) -> &'s Expr {
    let items = &select.projection;
    let found = match key {
        Expr::Identifier(name) => {
            let name = ident(name);
            items.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if ident(alias) == name => Some(expr),
                _ => None,
            })
        }
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => {
                number.parse::<usize>().ok().and_then(|at| items.get(at.checked_sub(1)?)).and_then(|item| match item {
                    SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
                    _ => None,
                })
            }
            _ => None,
        },
        _ => None,
    };
    found.unwrap_or(key)
}
