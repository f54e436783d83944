//! Conditions, taken apart into what each says of a scan.

use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr, Ident, Query, UnaryOperator};

use super::nested::{self, Leaf};
use super::operand::{self, Side, innermost, truth, unnested};
use super::place::{Meaning, Origin, resolve};
use super::walk::Walker;
use super::{Against, Arm, Compared, Key, Placed, Term, Test};

/// What one condition says.
pub(super) enum Found {
    /// Something that an index could serve.
    Term(usize, Term),
    /// Something else about a scan.
    Other(usize),
    /// Which value a column of a scan must equal.
    Placed(usize, Placed),
    /// Which values a scan's key is compared with.
    Compared(usize, Compared),
    /// An OR, each of whose arms an index of its own could serve.
    Arms(usize, Vec<Arm>),
}

impl Found {
    pub(super) fn scan(&self) -> usize {
        let (Found::Term(scan, _) | Found::Other(scan) | Found::Placed(scan, _) | Found::Compared(scan, _) | Found::Arms(scan, _)) = self;
        *scan
    }
}

/// More ORs of one scan are not told.
const MOST_ORS: usize = 4;

/// Two sides of a comparison.
struct Pair<'a> {
    left: &'a Expr,
    right: &'a Expr,
    test: Test,
}

impl<'a> Walker<'a, '_> {
    /// Keeps what a condition says of the scans that it filters.
    pub(super) fn filter(&mut self, condition: &'a Expr, filtered: &Range<usize>) {
        for (expr, is_negated) in conjuncts(condition) {
            for found in self.read(expr, is_negated) {
                self.keep(filtered, found);
            }
        }
    }

    pub(super) fn keep(&mut self, filtered: &Range<usize>, found: Found) {
        let scan = found.scan();
        let Some(scan) = self.scans.get_mut(scan).filter(|_| filtered.contains(&scan)) else { return };
        match found {
            Found::Term(_, term) if !scan.terms.contains(&term) => scan.terms.push(term),
            Found::Term(..) => {}
            Found::Other(_) => scan.others += 1,
            Found::Placed(_, placed) if !scan.placed.contains(&placed) => scan.placed.push(placed),
            Found::Compared(_, compared) if !scan.compared.contains(&compared) => scan.compared.push(compared),
            Found::Arms(_, arms) if scan.ors.len() < MOST_ORS => scan.ors.push(arms),
            Found::Placed(..) | Found::Compared(..) | Found::Arms(..) => {}
        }
    }

    /// What one conjunct says.
    pub(super) fn read(&mut self, expr: &'a Expr, is_negated: bool) -> Vec<Found> {
        match expr {
            // What is not all of it may be nearly anything.
            Expr::BinaryOp { op: BinaryOperator::Or | BinaryOperator::And, .. } if is_negated => {
                self.queries_of(expr);
                self.others(expr)
            }
            Expr::BinaryOp { op: BinaryOperator::Or | BinaryOperator::And, .. } => self.alternatives(expr),
            Expr::Exists { subquery, negated } => {
                self.exists(subquery, *negated != is_negated);
                Vec::new()
            }
            Expr::InSubquery { expr, subquery, negated } => self.among(expr, subquery, *negated != is_negated),
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } if query_of(right).is_some() => match query_of(right) {
                Some(query) => self.among(left, query, is_negated),
                None => Vec::new(),
            },
            _ => {
                self.queries_of(expr);
                if is_negated && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                    return self.others(expr);
                }
                let mut found = self.comparison(expr, is_negated);
                self.with_values(expr, &mut found);
                found
            }
        }
    }

    fn comparison(&self, expr: &'a Expr, is_negated: bool) -> Vec<Found> {
        let single = |operand: &'a Expr, test: Test| self.single(operand, test, expr);
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => single(expr, Test::Flag(!is_negated)),
            Expr::IsTrue(operand) => single(operand, Test::Flag(true)),
            Expr::IsFalse(operand) => single(operand, Test::Flag(false)),
            Expr::IsNull(operand) => single(operand, Test::Null),
            Expr::IsNotNull(operand) => single(operand, Test::NotNull),
            Expr::InList { expr: operand, list, negated: false } => {
                let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
                // A list that normalisation shortened has one member and a comment.
                let is_constant = list.iter().all(|item| matches!(operand::side(item), Side::Value));
                if is_constant { self.each(operand, Test::AnyOf(count), expr) } else { self.others(expr) }
            }
            Expr::Between { expr: operand, negated: false, low, high } => {
                let is_constant = [low, high].iter().all(|end| matches!(operand::side(end), Side::Value));
                if is_constant { single(operand, Test::Between) } else { self.others(expr) }
            }
            Expr::Like { negated: false, expr: operand, pattern, .. } => single(operand, self.pattern(pattern)),
            Expr::ILike { negated: false, expr: operand, .. } | Expr::SimilarTo { negated: false, expr: operand, .. } => {
                single(operand, Test::Pattern)
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match (operand::side(left), operand::side(right)) {
                (Side::Value, _) => single(right, Test::Document),
                (_, Side::Value) => self.each(left, Test::AnyOf(self.members(right)), expr),
                _ => self.others(expr),
            },
            Expr::BinaryOp { left, op, right } => match (test_of(op), truth(left), truth(right)) {
                (Some(Test::Equal), _, Some(is)) => single(left, Test::Flag(is)),
                (Some(Test::Equal), Some(is), _) => single(right, Test::Flag(is)),
                (Some(Test::Pattern), ..) if *op == BinaryOperator::PGLikeMatch => single(left, self.pattern(right)),
                (Some(test), ..) => self.pair(&Pair { left, right, test }, expr),
                (None, ..) => self.others(expr),
            },
            _ => self.others(expr),
        }
    }

    /// A row on the left of a list is one condition for each of its columns.
    fn each(&self, operand: &'a Expr, test: Test, whole: &'a Expr) -> Vec<Found> {
        match unnested(operand) {
            Expr::Tuple(items) => items.iter().flat_map(|item| self.single(item, test, whole)).collect(),
            _ => self.single(operand, test, whole),
        }
    }

    /// What is said of one operand against values.
    fn single(&self, operand: &'a Expr, test: Test, whole: &'a Expr) -> Vec<Found> {
        let keyed = self.key(&operand::side(operand));
        match keyed {
            Some((scan, key)) => vec![Found::Term(scan, Term { key, test, against: Against::Value })],
            None => self.others(whole),
        }
    }

    fn pair(&self, pair: &Pair<'a>, whole: &'a Expr) -> Vec<Found> {
        if let (Expr::Tuple(lefts), Expr::Tuple(rights)) = (unnested(pair.left), unnested(pair.right)) {
            // An order of rows narrows by the first column alone.
            let most = if pair.test == Test::Range { 1 } else { usize::MAX };
            let pairs = lefts.iter().zip(rights).take(most);
            return pairs.flat_map(|(left, right)| self.pair(&Pair { left, right, test: pair.test }, whole)).collect();
        }
        let (left, right) = (operand::side(pair.left), operand::side(pair.right));
        let of = [self.scans_of(&left), self.scans_of(&right)];
        if of[0].iter().any(|scan| of[1].contains(scan)) {
            return self.others(whole);
        }
        let sides = [(&left, &right, pair.right), (&right, &left, pair.left)];
        let mut found = Vec::new();
        for (one, other, value) in sides {
            let against = self.against(other);
            match (self.key(one), against) {
                (Some((scan, key)), Some(against)) => {
                    let number = operand::parameter(value).filter(|_| pair.test == Test::Equal);
                    let is_plain = matches!(key, Key::Column(_) | Key::Text(_));
                    let column = key.column().to_owned();
                    found.extend(number.filter(|_| is_plain).map(|number| Found::Placed(scan, Placed { column, number })));
                    found.push(Found::Term(scan, Term { key, test: pair.test, against }));
                }
                _ => found.extend(self.scans_of(one).into_iter().map(Found::Other)),
            }
        }
        found
    }

    /// What a side is when an index on the other one is looked into; `None` where that cannot be.
    fn against(&self, side: &Side<'_>) -> Option<Against> {
        match side {
            Side::Value => Some(Against::Value),
            Side::Column(parts) | Side::Text(parts) | Side::Over(parts, _) => match resolve(parts, &self.lists) {
                Meaning::Column(Origin { scan, column }) => Some(Against::Rows { scan, column }),
                Meaning::Opaque => Some(Against::Other),
                Meaning::Unknown => None,
            },
            Side::Mixed(_) => None,
        }
    }

    fn key(&self, side: &Side<'_>) -> Option<(usize, Key)> {
        let (Side::Column(parts) | Side::Text(parts) | Side::Over(parts, _)) = side else { return None };
        let Meaning::Column(Origin { scan, column }) = resolve(parts, &self.lists) else { return None };
        let key = match side {
            Side::Column(_) => Key::Column(column),
            Side::Text(_) => Key::Text(column),
            Side::Over(_, text) => Key::Expression { column, text: text.clone() },
            Side::Value | Side::Mixed(_) => return None,
        };
        Some((scan, key))
    }

    fn scans_of(&self, side: &Side<'_>) -> Vec<usize> {
        let of = |parts: &[Ident]| match resolve(parts, &self.lists) {
            Meaning::Column(origin) => Some(origin.scan),
            _ => None,
        };
        match side {
            Side::Column(parts) | Side::Text(parts) | Side::Over(parts, _) => of(parts).into_iter().collect(),
            Side::Mixed(all) => {
                let mut scans: Vec<usize> = all.iter().filter_map(|parts| of(parts)).collect();
                scans.sort_unstable();
                scans.dedup();
                scans
            }
            Side::Value => Vec::new(),
        }
    }

    /// A condition that no index serves, on each of the scans in it.
    pub(super) fn others(&self, expr: &Expr) -> Vec<Found> {
        let mut scans: Vec<usize> = nested::leaves(expr)
            .iter()
            .filter_map(|leaf| match leaf {
                Leaf::Column(parts) => match resolve(parts, &self.lists) {
                    Meaning::Column(origin) => Some(origin.scan),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        scans.sort_unstable();
        scans.dedup();
        scans.into_iter().map(Found::Other).collect()
    }

    /// EXISTS becomes a join, from which the tables around it gain nothing if it is negated.
    fn exists(&mut self, query: &'a Query, is_negated: bool) {
        let floor = self.floor;
        if is_negated {
            self.floor = self.scans.len();
        }
        self.query(query);
        self.floor = floor;
    }

    /// `x IN (SELECT y …)` becomes a join.
    fn among(&mut self, operand: &'a Expr, query: &'a Query, is_negated: bool) -> Vec<Found> {
        let floor = std::mem::replace(&mut self.floor, self.scans.len());
        let outputs = self.query(query);
        self.floor = floor;
        let Some((scan, key)) = self.key(&operand::side(operand)) else { return Vec::new() };
        if is_negated {
            return vec![Found::Other(scan)];
        }
        let Some(origin) = outputs.first().and_then(|output| output.origin.clone()).filter(|origin| origin.column != "*") else {
            return vec![Found::Term(scan, Term { key, test: Test::Equal, against: Against::Other })];
        };
        let column = key.column().to_owned();
        let inner = Term { key: Key::Column(origin.column.clone()), test: Test::Equal, against: Against::Rows { scan, column } };
        let outer = Term { key, test: Test::Equal, against: Against::Rows { scan: origin.scan, column: origin.column } };
        vec![Found::Term(scan, outer), Found::Term(origin.scan, inner)]
    }

    /// How many members an array has, as far as that is told; 0 if it is not.
    fn members(&self, expr: &Expr) -> u32 {
        match unnested(expr) {
            Expr::Array(array) => u32::try_from(array.elem.len()).unwrap_or(u32::MAX),
            other => self.elements(other).map_or(0, |elements| u32::try_from(elements.len()).unwrap_or(u32::MAX)),
        }
    }

    fn pattern(&self, pattern: &Expr) -> Test {
        let text = self.bound.text(innermost(pattern));
        match text.as_deref().map(|text| text.trim_start_matches('\'')) {
            Some(text) if text.starts_with(['%', '_', '\\']) || text.is_empty() => Test::Pattern,
            Some(_) => Test::Prefix,
            None => Test::Like,
        }
    }
}

fn query_of(expr: &Expr) -> Option<&Query> {
    match unnested(expr) {
        Expr::Subquery(query) => Some(query),
        _ => None,
    }
}

pub(super) fn has_query(expr: &Expr) -> bool {
    nested::leaves(expr).iter().any(|leaf| matches!(leaf, Leaf::Query(_)))
}

/// What must all hold, each with whether it is negated.
pub(super) fn conjuncts(condition: &Expr) -> Vec<(&Expr, bool)> {
    let (mut found, mut stack) = (Vec::new(), vec![(condition, false)]);
    while let Some((expr, is_negated)) = stack.pop() {
        match expr {
            Expr::Nested(inner) => stack.push((inner, is_negated)),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => stack.push((expr, !is_negated)),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } if !is_negated => stack.extend([(&**right, false), (&**left, false)]),
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } if is_negated => stack.extend([(&**right, true), (&**left, true)]),
            _ => found.push((expr, is_negated)),
        }
    }
    found
}

fn test_of(operator: &BinaryOperator) -> Option<Test> {
    match operator {
        BinaryOperator::Eq => Some(Test::Equal),
        BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => Some(Test::Range),
        BinaryOperator::PGStartsWith => Some(Test::Prefix),
        BinaryOperator::PGLikeMatch | BinaryOperator::PGILikeMatch | BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexIMatch => {
            Some(Test::Pattern)
        }
        BinaryOperator::AtArrow
        | BinaryOperator::ArrowAt
        | BinaryOperator::PGOverlap
        | BinaryOperator::Question
        | BinaryOperator::QuestionAnd
        | BinaryOperator::QuestionPipe
        | BinaryOperator::AtAt
        | BinaryOperator::AtQuestion => Some(Test::Document),
        // As the checks of foreign keys write it.
        BinaryOperator::PGCustomBinaryOperator(name) if matches!(name.as_slice(), [schema, equal] if schema == "pg_catalog" && equal == "=") => {
            Some(Test::Equal)
        }
        _ => None,
    }
}
