//! Conditions, term by term: what an index cannot serve, and what is a key.
//!
//! It refuses to know where in a statement a condition stands.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, FunctionArguments, UnaryOperator, Value, visit_expressions};

use super::super::names::object_name;
use super::super::scopes::Scopes;
use super::columns::{Touched, Treatment, argument, touched};
use super::{Bound, Habit, Kind, has_column, unnested};

/// The terms of conditions that must all hold.
pub(super) fn terms<'a>(conditions: impl IntoIterator<Item = &'a Expr>) -> Vec<&'a Expr> {
    split(conditions, &BinaryOperator::And)
}

fn split<'a>(whole: impl IntoIterator<Item = &'a Expr>, at: &BinaryOperator) -> Vec<&'a Expr> {
    let mut open: Vec<&Expr> = whole.into_iter().collect();
    let mut parts = Vec::new();
    while let Some(expr) = open.pop() {
        match unnested(expr) {
            Expr::BinaryOp { left, op, right } if op == at => open.extend([left.as_ref(), right.as_ref()]),
            expr => parts.push(expr),
        }
    }
    parts.reverse();
    parts
}

/// A column that must equal a value.
pub(super) struct Key {
    /// By its name it identifies rows.
    pub(super) is_identity: bool,
}

/// The key that a term is.
pub(super) fn key(term: &Expr) -> Option<Key> {
    let bare = |expr| touched(expr).filter(|touched| touched.done == Treatment::Nothing).map(|touched| touched.parts);
    let is_choice = |expr: &Expr| matches!(unnested(expr), Expr::Value(value) if matches!(value.value, Value::Boolean(_)));
    let parts = match term {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if !is_choice(left) && !is_choice(right) => {
            match (bare(left), bare(right)) {
                (Some(parts), None) if !has_column(right) => Some(parts),
                (None, Some(parts)) if !has_column(left) => Some(parts),
                _ => None,
            }
        }
        Expr::IsNotDistinctFrom(left, right) if !has_column(right) => bare(left),
        Expr::InList { expr, negated: false, .. } | Expr::InSubquery { expr, negated: false, .. } => bare(expr),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, .. } => bare(left),
        _ => None,
    }?;
    Some(Key { is_identity: parts.last().is_some_and(|column| is_identity(&column.value)) })
}

/// Whether a column identifies a row, its own or another table's, by its name.
pub(super) fn is_identity(column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    matches!(lower.as_str(), "id" | "uuid" | "guid" | "pk")
        || ["_id", "_uuid", "_guid", "_pk"].iter().any(|end| lower.ends_with(end))
        || ["Id", "ID"].iter().any(|end| column.ends_with(end))
}

/// Reads the terms of one statement or query.
pub(super) struct Terms<'s, 'p> {
    pub(super) scopes: &'s Scopes,
    pub(super) bound: Bound<'p>,
    pub(super) found: Vec<Habit>,
}

impl Terms<'_, '_> {
    pub(super) fn read(&mut self, term: &Expr) {
        let habit = match term {
            Expr::InSubquery { expr, negated: true, .. } => self.plain(Kind::NotInSubquery, touched(expr)),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => match unnested(expr) {
                Expr::InSubquery { expr, negated: false, .. } => self.plain(Kind::NotInSubquery, touched(expr)),
                _ => None,
            },
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => self.alternatives(term),
            _ => self.wildcard(term).or_else(|| self.comparison(term)),
        };
        self.found.extend(habit);
    }

    /// A habit that is about a column, unless it is one of a sub-query's result, which no index has.
    fn plain(&self, kind: Kind, touched: Option<Touched<'_>>) -> Option<Habit> {
        let column = self.scopes.resolve(touched?.parts);
        if column.owner.is_some() && column.table.is_none() {
            return None;
        }
        Some(Habit { column: Some(column.name), ..Habit::of(kind, column.table) })
    }

    fn with(&self, kind: Kind, touched: Touched<'_>, with: String) -> Option<Habit> {
        self.plain(kind, Some(touched)).map(|habit| Habit { with: Some(with), ..habit })
    }

    fn comparison(&self, term: &Expr) -> Option<Habit> {
        let side = match term {
            Expr::Between { expr, negated: false, low, high } if !has_column(low) && !has_column(high) => expr,
            Expr::InList { expr, negated: false, .. } => expr,
            Expr::Like { expr, pattern, negated: false, .. } => {
                let is_unknown = u64::from(self.beginning(pattern).is_none());
                return self.side(touched(expr)?).map(|habit| Habit { size: is_unknown, ..habit });
            }
            Expr::ILike { expr, negated: false, .. } => {
                let done = touched(expr)?;
                return if done.done == Treatment::Nothing { self.plain(Kind::CaseInsensitiveMatch, Some(done)) } else { self.side(done) };
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } if !has_column(left) => {
                return self.with(Kind::DocumentFilter, touched(right)?, "= ANY".to_owned());
            }
            Expr::BinaryOp { left, op, right } if looks_for_parts(op) => {
                let whole = if has_column(right) { right } else { left };
                let other = if has_column(right) { left } else { right };
                let whole = touched(whole).filter(|_| !has_column(other))?;
                return match whole.done {
                    Treatment::Function(_) => self.side(whole),
                    _ => self.with(Kind::DocumentFilter, whole, op.to_string()),
                };
            }
            Expr::BinaryOp { left, op, right } if compares(op) => match (has_column(left), has_column(right)) {
                (true, false) => left,
                (false, true) => right,
                _ => return None,
            },
            _ => return None,
        };
        self.side(touched(side)?)
    }

    fn side(&self, mut side: Touched<'_>) -> Option<Habit> {
        let (kind, with) = match std::mem::replace(&mut side.done, Treatment::Nothing) {
            Treatment::Nothing => return None,
            Treatment::Cast(to) => (Kind::CastOnColumn, to),
            Treatment::Calculation => (Kind::FunctionOnColumn, String::new()),
            Treatment::Function(name) => (Kind::FunctionOnColumn, name),
            Treatment::Document(operator) => (Kind::DocumentFilter, operator),
        };
        self.with(kind, side, with)
    }

    /// A pattern that may match anything first.
    fn wildcard(&self, term: &Expr) -> Option<Habit> {
        let (whole, pattern) = match term {
            Expr::Like { expr, pattern, negated: false, .. }
            | Expr::ILike { expr, pattern, negated: false, .. }
            | Expr::SimilarTo { expr, pattern, negated: false, .. } => (expr, pattern),
            Expr::BinaryOp { left, op: BinaryOperator::PGLikeMatch | BinaryOperator::PGILikeMatch, right } => (left, right),
            _ => return None,
        };
        let begins = self.beginning(pattern)?;
        if begins.starts_with(['%', '_']) { self.plain(Kind::LeadingWildcard, touched(whole)) } else { None }
    }

    /// How a pattern begins, where that is known.
    fn beginning(&self, mut pattern: &Expr) -> Option<String> {
        loop {
            pattern = match pattern {
                Expr::Nested(inner)
                | Expr::Cast { expr: inner, .. }
                | Expr::BinaryOp { left: inner, op: BinaryOperator::StringConcat, .. } => inner,
                Expr::Function(function) if matches!(object_name(&function.name).as_str(), "upper" | "lower" | "concat" | "unaccent") => {
                    let FunctionArguments::List(list) = &function.args else { return None };
                    argument(list.args.first()?)?
                }
                _ => return self.bound.text(pattern),
            };
        }
    }

    /// An OR: its patterns, or the columns that it is between.
    fn alternatives(&self, term: &Expr) -> Option<Habit> {
        let branches = split([term], &BinaryOperator::Or);
        if let Some(habit) = branches.iter().flat_map(|branch| terms([*branch])).find_map(|term| self.wildcard(term)) {
            return Some(habit);
        }
        let sides: Vec<Side> = branches.iter().map(|branch| self.columns(branch)).collect::<Option<_>>()?;
        let (first, others) = sides.split_first()?;
        let is_shared = |column: &&(Option<String>, String)| others.iter().all(|other| other.contains(*column));
        if first.iter().any(|column| is_shared(&column)) {
            return None;
        }
        let (table, column) = first.first()?.clone();
        let other = others.iter().find_map(|other| other.iter().find(|column| !first.contains(*column)))?;
        let tables = |side: &Side| side.iter().map(|(table, _)| table.clone()).collect::<BTreeSet<_>>();
        let kind = if others.iter().all(|other| tables(other) == tables(first)) { Kind::OrAcrossColumns } else { Kind::OrAcrossTables };
        let with = if kind == Kind::OrAcrossTables {
            other.0.as_ref().map_or(other.1.clone(), |t| format!("{t}.{}", other.1))
        } else {
            other.1.clone()
        };
        Some(Habit { column: Some(column), with: Some(with), ..Habit::of(kind, table) })
    }

    /// The columns of a branch; `None` if it has none, if it only asks for NULL, or if it has one that no table has.
    fn columns(&self, branch: &Expr) -> Option<Side> {
        if matches!(branch, Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Exists { .. })
        {
            return None;
        }
        let mut columns = Side::new();
        let flow = visit_expressions(branch, |expr| {
            let parts = match expr {
                Expr::Identifier(name) => std::slice::from_ref(name),
                Expr::CompoundIdentifier(parts) => parts.as_slice(),
                Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => return ControlFlow::Break(()),
                _ => return ControlFlow::Continue(()),
            };
            let column = self.scopes.resolve(parts);
            if column.table.is_none() {
                return ControlFlow::Break(());
            }
            columns.insert((column.table, column.name));
            ControlFlow::Continue(())
        });
        Some(columns).filter(|columns| flow.is_continue() && !columns.is_empty())
    }
}

/// Tables and columns on one side of an OR.
type Side = BTreeSet<(Option<String>, String)>;

fn compares(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, PGILikeMatch, PGLikeMatch};
    matches!(operator, Eq | Gt | GtEq | Lt | LtEq | PGLikeMatch | PGILikeMatch)
}

fn looks_for_parts(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{ArrowAt, AtArrow, AtAt, AtQuestion, PGOverlap, Question, QuestionAnd, QuestionPipe};
    matches!(operator, AtArrow | ArrowAt | AtAt | AtQuestion | PGOverlap | Question | QuestionAnd | QuestionPipe)
}
