//! The leaves of an expression: its columns, the functions it calls, and the queries in it, which are not looked into.

use sqlparser::ast::{CaseWhen, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query};

use super::super::names::object_name;

/// See the module.
pub(super) enum Leaf<'a> {
    Column(&'a [Ident]),
    Function(String),
    /// A function over a window, beside the function.
    Window,
    Query(&'a Query),
}

/// All leaves, in no particular order. What is not known here has none.
pub(super) fn leaves(expr: &Expr) -> Vec<Leaf<'_>> {
    let (mut found, mut stack) = (Vec::new(), vec![expr]);
    while let Some(expr) = stack.pop() {
        match expr {
            Expr::Identifier(name) => found.push(Leaf::Column(std::slice::from_ref(name))),
            Expr::CompoundIdentifier(parts) => found.push(Leaf::Column(parts)),
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => found.push(Leaf::Query(query)),
            Expr::InSubquery { expr, subquery, .. } => {
                found.push(Leaf::Query(subquery));
                stack.push(expr);
            }
            Expr::Function(function) => {
                found.push(Leaf::Function(object_name(&function.name)));
                found.extend(function.over.is_some().then_some(Leaf::Window));
                match &function.args {
                    FunctionArguments::Subquery(query) => found.push(Leaf::Query(query)),
                    FunctionArguments::List(list) => stack.extend(list.args.iter().filter_map(argument)),
                    FunctionArguments::None => {}
                }
                stack.extend(function.filter.as_deref());
            }
            Expr::CompoundFieldAccess { root, .. } => stack.push(root),
            _ => stack.extend(below(expr)),
        }
    }
    found
}

pub(super) fn argument(argument: &FunctionArg) -> Option<&Expr> {
    let (FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
    | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
    | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. }) = argument
    else {
        return None;
    };
    Some(expr)
}

/// The expressions right below one.
fn below(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(expr)
        | Expr::UnaryOp { expr, .. }
        | Expr::Cast { expr, .. }
        | Expr::Collate { expr, .. }
        | Expr::Extract { expr, .. }
        | Expr::Trim { expr, .. }
        | Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::IsTrue(expr)
        | Expr::IsNotTrue(expr)
        | Expr::IsFalse(expr)
        | Expr::IsNotFalse(expr)
        | Expr::IsUnknown(expr)
        | Expr::IsNotUnknown(expr)
        | Expr::JsonAccess { value: expr, .. }
        | Expr::Ceil { expr, .. }
        | Expr::Floor { expr, .. } => vec![expr],
        Expr::BinaryOp { left, right, .. }
        | Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::AnyOp { left, right, .. }
        | Expr::AllOp { left, right, .. }
        | Expr::Position { expr: left, r#in: right }
        | Expr::AtTimeZone { timestamp: left, time_zone: right } => vec![left, right],
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } | Expr::SimilarTo { expr, pattern, .. } => vec![expr, pattern],
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::InList { expr, list, .. } => list.iter().chain([&**expr]).collect(),
        Expr::InUnnest { expr, array_expr, .. } => vec![expr, array_expr],
        Expr::Tuple(items) => items.iter().collect(),
        Expr::Array(array) => array.elem.iter().collect(),
        Expr::Interval(interval) => vec![&interval.value],
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            [Some(expr), substring_from.as_ref(), substring_for.as_ref()].into_iter().flatten().map(|expr| &**expr).collect()
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let arms = conditions.iter().flat_map(|CaseWhen { condition, result }| [condition, result]);
            arms.chain(operand.as_deref()).chain(else_result.as_deref()).collect()
        }
        _ => Vec::new(),
    }
}
