//! What is done to a column before it is compared.
//!
//! It refuses to know which table the column belongs to, and what it is compared with.

use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident};

use super::super::names::object_name;
use super::has_column;

/// What is done to a column, the weightiest last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Treatment {
    Nothing,
    /// To a type.
    Cast(String),
    Calculation,
    /// By name.
    Function(String),
    /// An operator that looks into a document.
    Document(String),
}

/// A column and what is done to it.
pub(super) struct Touched<'a> {
    pub(super) parts: &'a [Ident],
    pub(super) done: Treatment,
}

/// Below so many operations nobody looks for a column: looking for it takes the square of their number.
const DEEPEST: usize = 32;

/// The column that an expression is about, if it is about one.
pub(super) fn touched(mut expr: &Expr) -> Option<Touched<'_>> {
    let mut most = Treatment::Nothing;
    for _ in 0..DEEPEST {
        let (done, inner) = match expr {
            Expr::Identifier(name) => return Some(Touched { parts: std::slice::from_ref(name), done: most }),
            Expr::CompoundIdentifier(parts) => return Some(Touched { parts, done: most }),
            Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => (Treatment::Nothing, inner.as_ref()),
            Expr::Cast { expr, data_type, .. } => (Treatment::Cast(type_name(&data_type.to_string())), expr.as_ref()),
            Expr::UnaryOp { expr, .. } => (Treatment::Calculation, expr.as_ref()),
            Expr::BinaryOp { left, op, .. } if looks_inside(op) => (Treatment::Document(op.to_string()), left.as_ref()),
            Expr::BinaryOp { left, op, right } if calculates(op) => match (has_column(left), has_column(right)) {
                (true, false) => (Treatment::Calculation, left.as_ref()),
                (false, true) => (Treatment::Calculation, right.as_ref()),
                _ => return None,
            },
            Expr::Function(function) if function.over.is_none() => {
                let FunctionArguments::List(list) = &function.args else { return None };
                let argument = list.args.iter().filter_map(argument).find(|argument| has_column(argument))?;
                (Treatment::Function(object_name(&function.name)), argument)
            }
            _ => built_in(expr)?,
        };
        most = most.max(done);
        expr = inner;
    }
    None
}

/// Functions that SQL gives a syntax of their own.
fn built_in(expr: &Expr) -> Option<(Treatment, &Expr)> {
    let (name, inner) = match expr {
        Expr::Extract { expr, .. } => ("extract", expr),
        Expr::Substring { expr, .. } => ("substring", expr),
        Expr::Trim { expr, .. } => ("trim", expr),
        Expr::Ceil { expr, .. } => ("ceil", expr),
        Expr::Floor { expr, .. } => ("floor", expr),
        Expr::Overlay { expr, .. } => ("overlay", expr),
        Expr::Position { r#in, .. } => ("position", r#in),
        Expr::AtTimeZone { timestamp, .. } => ("timezone", timestamp),
        _ => return None,
    };
    Some((Treatment::Function(name.to_owned()), inner))
}

pub(super) fn argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// A type without its modifiers, which are values.
fn type_name(text: &str) -> String {
    text.split('(').next().unwrap_or_default().trim().to_lowercase()
}

fn looks_inside(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{Arrow, HashArrow, HashLongArrow, LongArrow};
    matches!(operator, Arrow | LongArrow | HashArrow | HashLongArrow)
}

fn calculates(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{BitwiseAnd, BitwiseOr, Divide, Minus, Modulo, Multiply, Plus, StringConcat};
    matches!(operator, Plus | Minus | Multiply | Divide | Modulo | StringConcat | BitwiseAnd | BitwiseOr)
}
