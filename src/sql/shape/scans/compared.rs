//! What conditions compare a column with, where a text or its parameters tell.

use std::fmt;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use crate::sql::arrays;

use super::condition::Found;
use super::operand::{self, Side};
use super::walk::Walker;
use super::{Against, Key, Term, Test};

/// Longer lists are looked at no further.
const MOST_VALUES: usize = 200;

/// A comparison of one key with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Of what.
    pub key: Key,
    /// How.
    pub how: How,
    /// With which values; `None` if that is not told.
    pub with: Option<Known>,
}

/// How a column is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `=`.
    Equal,
    /// IN or `= ANY`.
    Among,
    /// `<`.
    Below,
    /// `<=`.
    AtMost,
    /// `>`.
    Above,
    /// `>=`.
    AtLeast,
    /// LIKE.
    Like,
}

impl How {
    /// Whether it bounds a range from above.
    #[must_use]
    pub fn is_upper(self) -> bool {
        matches!(self, How::Below | How::AtMost)
    }

    /// Whether it bounds a range from below.
    #[must_use]
    pub fn is_lower(self) -> bool {
        matches!(self, How::Above | How::AtLeast)
    }

    /// The same with the sides changed.
    fn turned(self) -> How {
        match self {
            How::Below => How::Above,
            How::Above => How::Below,
            How::AtMost => How::AtLeast,
            How::AtLeast => How::AtMost,
            other => other,
        }
    }
}

/// Values as they were logged. They are there to be looked up in the statistics of a column, and nowhere else: they have no
/// other text than their number.
#[derive(Clone, PartialEq, Eq)]
pub struct Known(Vec<String>);

impl Known {
    /// The values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

/// The values of several comparisons with `=` and IN together; `None` if one of them is not told.
pub(super) fn all<'k>(compared: impl Iterator<Item = &'k Compared>) -> Option<Known> {
    let values: Option<Vec<&Known>> = compared.map(|compared| compared.with.as_ref()).collect();
    Some(Known(values?.into_iter().flat_map(|known| known.0.iter().cloned()).take(MOST_VALUES).collect()))
}

impl<'a> Walker<'a, '_> {
    /// Adds to what a comparison says of one key the values that it has.
    pub(super) fn with_values(&self, expr: &'a Expr, found: &mut Vec<Found>) {
        let mut terms = found.iter().filter_map(|found| match found {
            Found::Term(scan, Term { key, test, against: Against::Value }) => Some((*scan, key.clone(), *test)),
            _ => None,
        });
        let (Some((scan, key, test)), None) = (terms.next(), terms.next()) else { return };
        if matches!(test, Test::Flag(_) | Test::Null | Test::NotNull | Test::Document) {
            return;
        }
        let compared = self.comparisons(expr).into_iter().map(|(how, with)| Compared { key: key.clone(), how, with });
        let compared: Vec<Found> = compared.map(|compared| Found::Compared(scan, compared)).collect();
        found.extend(compared);
    }

    fn comparisons(&self, expr: &'a Expr) -> Vec<(How, Option<Known>)> {
        let one = |how: How, value: &Expr| (how, self.constant(value).map(|value| Known(vec![value])));
        match expr {
            Expr::InList { list, .. } => vec![(How::Among, self.constants(list))],
            Expr::Between { low, high, .. } => vec![one(How::AtLeast, low), one(How::AtMost, high)],
            Expr::Like { pattern, escape_char: None, .. } => vec![one(How::Like, pattern)],
            Expr::AnyOp { right, .. } => vec![(How::Among, self.elements(right).map(Known))],
            Expr::BinaryOp { left, op, right } => match how(op) {
                Some(how) if matches!(operand::side(left), Side::Value) => vec![one(how.turned(), left)],
                Some(how) => vec![one(how, right)],
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The members of an array that is written or bound.
    pub(super) fn elements(&self, expr: &Expr) -> Option<Vec<String>> {
        match operand::uncast(expr) {
            Expr::Array(array) => self.constants(&array.elem).map(|known| known.0),
            other => {
                let members = arrays::members(&self.constant(other)?)?;
                (members.len() <= MOST_VALUES).then(|| members.into_iter().flatten().collect())
            }
        }
    }

    fn constants(&self, all: &[Expr]) -> Option<Known> {
        if all.len() > MOST_VALUES {
            return None;
        }
        all.iter().map(|one| self.constant(one)).collect::<Option<Vec<String>>>().map(Known)
    }

    /// What is written or bound, through casts and a sign; `None` of what is calculated, and of NULL.
    fn constant(&self, expr: &Expr) -> Option<String> {
        match operand::uncast(expr) {
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => self.bound.text(operand::uncast(expr)).map(|text| format!("-{text}")),
            Expr::TypedString(typed) => typed.value.clone().into_string(),
            // Its quotes are doubled still.
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
                self.bound.text(operand::uncast(expr)).map(|text| text.replace("''", "'"))
            }
            other => self.bound.text(other),
        }
    }
}

fn how(operator: &BinaryOperator) -> Option<How> {
    match operator {
        BinaryOperator::Eq => Some(How::Equal),
        BinaryOperator::Lt => Some(How::Below),
        BinaryOperator::LtEq => Some(How::AtMost),
        BinaryOperator::Gt => Some(How::Above),
        BinaryOperator::GtEq => Some(How::AtLeast),
        BinaryOperator::PGLikeMatch => Some(How::Like),
        BinaryOperator::PGCustomBinaryOperator(_) => Some(How::Equal),
        _ => None,
    }
}
