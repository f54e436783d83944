//! The column that an expression is about: the first one down its main line, and whether anything is done to it.
//!
//! It refuses to know which table a column belongs to, and how it is compared.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident};

/// A column found in an operand; `bare` when nothing is done to it first.
pub(super) struct Operand<'a> {
    pub(super) parts: &'a [Ident],
    pub(super) bare: bool,
}

/// The columns on one side of a comparison: several only in a row, `(a, b) > ($1, $2)`.
pub(super) fn operands(expr: &Expr) -> Vec<Option<Operand<'_>>> {
    match expr {
        Expr::Tuple(items) => items.iter().map(operand).collect(),
        _ => vec![operand(expr)],
    }
}

/// The first column of an expression, looked for down its main line only.
pub(super) fn operand(mut expr: &Expr) -> Option<Operand<'_>> {
    let mut bare = true;
    loop {
        expr = match expr {
            Expr::Identifier(name) => return Some(Operand { parts: std::slice::from_ref(name), bare }),
            Expr::CompoundIdentifier(parts) => return Some(Operand { parts, bare }),
            Expr::Nested(inner) => {
                expr = inner;
                continue;
            }
            Expr::Cast { expr, .. }
            | Expr::Collate { expr, .. }
            | Expr::UnaryOp { expr, .. }
            | Expr::Extract { expr, .. }
            | Expr::Substring { expr, .. }
            | Expr::Trim { expr, .. }
            | Expr::AtTimeZone { timestamp: expr, .. } => expr,
            Expr::BinaryOp { left, right, .. } if matches!(**left, Expr::Value(_)) => right,
            Expr::BinaryOp { left, .. } => left,
            Expr::Function(function) => match &function.args {
                FunctionArguments::List(list) => list.args.iter().find_map(argument)?,
                _ => return None,
            },
            _ => return None,
        };
        bare = false;
    }
}

fn argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if !matches!(expr, Expr::Value(_)) => Some(expr),
        _ => None,
    }
}
