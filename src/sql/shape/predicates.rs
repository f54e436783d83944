//! Conditions taken apart into predicates: which column is compared, and how.
//!
//! It refuses to know where in a statement a condition stands, and which indexes there are.

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, UnaryOperator};

use super::columns::operands;
use super::names::object_name;
use super::scopes::{Column, Scopes};
use super::{Operator, Predicate};

/// A condition on its way to the comparisons inside it.
#[derive(Clone, Copy)]
struct Term<'a> {
    expr: &'a Expr,
    negated: bool,
    alternative: bool,
}

/// Adds the predicates of a condition, whose columns belong to what is in sight.
pub(super) fn read(condition: &Expr, scopes: &Scopes, found: &mut Vec<Predicate>) {
    let mut terms = vec![Term { expr: condition, negated: false, alternative: false }];
    while let Some(term) = terms.pop() {
        match term.expr {
            Expr::Nested(expr) => terms.push(Term { expr, ..term }),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => terms.push(Term { expr, negated: !term.negated, ..term }),
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                // De Morgan: a negated AND offers alternatives, a negated OR does not.
                let alternative = term.alternative || (*op == BinaryOperator::Or) != term.negated;
                terms.extend([right, left].map(|expr| Term { expr, alternative, ..term }));
            }
            _ => read_comparison(term, scopes, found),
        }
    }
}

/// The predicates of `JOIN .. USING (columns)` for the table on one side.
pub(super) fn shared<'a>(columns: &'a [ObjectName], table: Option<&'a str>) -> impl Iterator<Item = Predicate> + 'a {
    columns.iter().map(move |column| Predicate {
        table: table.map(str::to_owned),
        column: object_name(column),
        operator: Operator::Equal,
        is_join: true,
        alternative: false,
    })
}

fn read_comparison(term: Term<'_>, scopes: &Scopes, found: &mut Vec<Predicate>) {
    let (left, right, operator) = comparison(term.expr);
    let is_column = matches!(term.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let operator = if term.negated && !is_column { Operator::Other } else { operator };
    let right_is_query = is_with_query(term.expr);
    let lefts = operands(left);
    let rights = right.map(operands).unwrap_or_default();
    for place in 0..lefts.len().max(rights.len()) {
        let pair = [&lefts, &rights].map(|side| {
            let operand = side.get(place)?.as_ref()?;
            Some((scopes.resolve(operand.parts), operand.bare))
        });
        let is_pair = pair.iter().all(Option::is_some);
        let is_one_row = match &pair {
            [Some((Column { owner: Some(left), .. }, _)), Some((Column { owner: Some(right), .. }, _))] => left == right,
            _ => false,
        };
        found.extend(pair.into_iter().flatten().map(|(column, bare)| Predicate {
            table: column.table,
            column: column.name,
            operator: if is_one_row || !bare { Operator::Other } else { operator },
            is_join: right_is_query || (is_pair && !is_one_row),
            alternative: term.alternative,
        }));
    }
}

fn is_with_query(expr: &Expr) -> bool {
    match expr {
        Expr::InSubquery { .. } => true,
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => matches!(**right, Expr::Subquery(_)),
        _ => false,
    }
}

/// The two sides of a comparison and its operator; one side where the other cannot hold a column.
fn comparison(expr: &Expr) -> (&Expr, Option<&Expr>, Operator) {
    match expr {
        Expr::IsNull(operand) => (operand, None, Operator::IsNull),
        Expr::IsTrue(operand) | Expr::IsFalse(operand) => (operand, None, Operator::Equal),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => (expr, None, Operator::Equal),
        Expr::InList { expr, negated: false, .. } | Expr::InSubquery { expr, negated: false, .. } => (expr, None, Operator::In),
        Expr::Between { expr, negated: false, .. } => (expr, None, Operator::Range),
        Expr::Like { negated: false, expr, .. }
        | Expr::ILike { negated: false, expr, .. }
        | Expr::SimilarTo { negated: false, expr, .. } => (expr, None, Operator::Like),
        Expr::BinaryOp { left, op, right } => (left, Some(right), class_of(op)),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => (left, Some(right), Operator::In),
        Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::AnyOp { left, right, .. }
        | Expr::AllOp { left, right, .. } => (left, Some(right), Operator::Other),
        Expr::IsNotNull(operand)
        | Expr::IsNotTrue(operand)
        | Expr::IsNotFalse(operand)
        | Expr::InList { expr: operand, .. }
        | Expr::InSubquery { expr: operand, .. }
        | Expr::Between { expr: operand, .. }
        | Expr::Like { expr: operand, .. }
        | Expr::ILike { expr: operand, .. }
        | Expr::SimilarTo { expr: operand, .. } => (operand, None, Operator::Other),
        _ => (expr, None, Operator::Other),
    }
}

fn class_of(operator: &BinaryOperator) -> Operator {
    match operator {
        BinaryOperator::Eq => Operator::Equal,
        BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => Operator::Range,
        BinaryOperator::PGLikeMatch
        | BinaryOperator::PGILikeMatch
        | BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGStartsWith => Operator::Like,
        _ => Operator::Other,
    }
}
