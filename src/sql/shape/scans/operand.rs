//! One side of a comparison: a column, an expression over one, a value, or something else.

use sqlparser::ast::{DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value};

use super::super::names::{ident, object_name};
use super::nested::{self, Leaf};

/// See the module.
pub(super) enum Side<'a> {
    /// A column with nothing done to it.
    Column(&'a [Ident]),
    /// A column cast to a type of text.
    Text(&'a [Ident]),
    /// An expression over one column, and how an index would be written on it, if it can be.
    Over(&'a [Ident], Option<String>),
    /// What does not depend on rows, as far as its sub-queries do not.
    Value,
    /// Several columns, or what is different each time.
    Mixed(Vec<&'a [Ident]>),
}

/// Functions of one argument whose result depends on nothing else.
const IMMUTABLE: [&str; 13] = [
    "lower",
    "upper",
    "length",
    "char_length",
    "character_length",
    "abs",
    "md5",
    "reverse",
    "btrim",
    "ltrim",
    "rtrim",
    "initcap",
    "octet_length",
];

/// Functions that give something else at each row, so that no index is asked for it.
const VOLATILE: [&str; 6] = ["random", "clock_timestamp", "timeofday", "nextval", "gen_random_uuid", "uuid_generate_v4"];

pub(super) fn side(expr: &Expr) -> Side<'_> {
    let expr = unnested(expr);
    match expr {
        Expr::Identifier(name) => return Side::Column(std::slice::from_ref(name)),
        Expr::CompoundIdentifier(parts) => return Side::Column(parts),
        Expr::Cast { expr, data_type, .. } if is_text(data_type) => {
            if let Side::Column(parts) | Side::Text(parts) = side(expr) {
                return Side::Text(parts);
            }
        }
        Expr::Collate { .. } => return Side::Mixed(columns(expr)),
        _ => {}
    }
    let leaves = nested::leaves(expr);
    let is_volatile = leaves.iter().any(|leaf| matches!(leaf, Leaf::Function(name) if VOLATILE.contains(&name.as_str())));
    let mut found = columns(expr);
    match (found.pop(), found.is_empty()) {
        (None, _) if !is_volatile => Side::Value,
        (Some(parts), true) if !is_volatile && !leaves.iter().any(|leaf| matches!(leaf, Leaf::Query(_))) => Side::Over(parts, text(expr)),
        (only, _) => Side::Mixed(found.into_iter().chain(only).collect()),
    }
}

/// Every column in an expression, outside its sub-queries, once.
fn columns(expr: &Expr) -> Vec<&[Ident]> {
    let mut found: Vec<&[Ident]> = Vec::new();
    for leaf in nested::leaves(expr) {
        if let Leaf::Column(parts) = leaf
            && !found.contains(&parts)
        {
            found.push(parts);
        }
    }
    found
}

/// An expression as an index would be written on it, without the names of tables.
fn text(expr: &Expr) -> Option<String> {
    match unnested(expr) {
        Expr::Identifier(name) => Some(ident(name)),
        Expr::CompoundIdentifier(parts) => parts.last().map(ident),
        // Whether a cast to another type is the same in every session depends on types that are not known here.
        Expr::Cast { expr, data_type, .. } if is_text(data_type) => text(expr).map(|inner| format!("({inner})::text")),
        Expr::Function(function) => {
            let name = object_name(&function.name);
            let argument = only_argument(function).filter(|_| IMMUTABLE.contains(&name.as_str()))?;
            text(argument).map(|inner| format!("{name}({inner})"))
        }
        Expr::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => text(expr).map(|inner| format!("btrim({inner})")),
        _ => None,
    }
}

fn only_argument(function: &Function) -> Option<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_plain = list.clauses.is_empty() && list.duplicate_treatment.is_none() && function.filter.is_none() && function.over.is_none();
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] if is_plain => Some(expr),
        _ => None,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None))
}

/// Without the parentheses around it.
pub(super) fn unnested(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The innermost value of `upper($1)` or `$1::text`, which tells how a pattern begins.
pub(super) fn innermost(mut expr: &Expr) -> &Expr {
    loop {
        expr = match unnested(expr) {
            Expr::Cast { expr, .. } => expr,
            Expr::Function(function) => match only_argument(function) {
                Some(argument) => argument,
                None => return expr,
            },
            Expr::TypedString(_) => return expr,
            other => return other,
        };
    }
}

/// Without the casts around it.
pub(super) fn uncast(mut expr: &Expr) -> &Expr {
    loop {
        expr = match unnested(expr) {
            Expr::Cast { expr, .. } => expr,
            other => return other,
        };
    }
}

/// The number of the place that a value stands for, as in `$1` and `$1::text`.
pub(super) fn parameter(expr: &Expr) -> Option<u32> {
    let Expr::Value(value) = innermost(expr) else { return None };
    let Value::Placeholder(name) = &value.value else { return None };
    name.strip_prefix('$')?.parse().ok()
}

/// TRUE or FALSE.
pub(super) fn truth(expr: &Expr) -> Option<bool> {
    match unnested(expr) {
        Expr::Value(value) => match value.value {
            Value::Boolean(truth) => Some(truth),
            _ => None,
        },
        _ => None,
    }
}
