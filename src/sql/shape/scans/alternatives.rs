//! OR, of which one alternative must hold.

use sqlparser::ast::{BinaryOperator, Expr};

use super::condition::{Found, conjuncts, has_query};
use super::walk::Walker;
use super::{Against, Arm, Compared, How, Key, Term, Test, compared};

/// An OR of more arms is none for which anybody makes indexes.
const MOST_ARMS: usize = 4;

impl<'a> Walker<'a, '_> {
    /// Values of one column are a list of them; the rest no single index serves, but one for each arm may.
    pub(super) fn alternatives(&mut self, expr: &'a Expr) -> Vec<Found> {
        let arms: Vec<Vec<Found>> = disjuncts(expr).into_iter().map(|arm| self.arm(arm)).collect();
        if let Some(list) = list(&arms) {
            return list;
        }
        let mut scans: Vec<usize> = arms.iter().flatten().map(Found::scan).collect();
        scans.sort_unstable();
        scans.dedup();
        let led = match scans.as_slice() {
            [only] if arms.len() <= MOST_ARMS => {
                arms.into_iter().map(led).collect::<Option<Vec<Arm>>>().map(|arms| Found::Arms(*only, arms))
            }
            _ => None,
        };
        scans.into_iter().map(Found::Other).chain(led).collect()
    }

    fn arm(&mut self, arm: &'a Expr) -> Vec<Found> {
        let mut found = Vec::new();
        for (expr, is_negated) in conjuncts(arm) {
            match expr {
                // What is an alternative becomes no join: it is run for itself, or for each row.
                Expr::Exists { .. } | Expr::InSubquery { .. } | Expr::AnyOp { .. } if has_query(expr) => {
                    self.queries_of(expr);
                    found.extend(self.others(expr));
                }
                _ => found.extend(self.read(expr, is_negated)),
            }
        }
        found.retain(|found| !matches!(found, Found::Placed(..)));
        found
    }
}

/// One list of values of one column, if that is all that the arms are.
fn list(arms: &[Vec<Found>]) -> Option<Vec<Found>> {
    let values = |arm: &Vec<Found>| {
        let mut terms = arm.iter().filter(|found| !matches!(found, Found::Compared(..)));
        match (terms.next(), terms.next()) {
            (Some(Found::Term(scan, Term { key, test: Test::Equal, against: Against::Value })), None) => Some((*scan, key.clone(), 1)),
            (Some(Found::Term(scan, Term { key, test: Test::AnyOf(count), against: Against::Value })), None) => {
                Some((*scan, key.clone(), *count))
            }
            _ => None,
        }
    };
    let lists: Vec<(usize, Key, u32)> = arms.iter().map(values).collect::<Option<_>>()?;
    let (scan, key, _) = lists.first()?;
    if !lists.iter().all(|(s, k, _)| s == scan && k == key) {
        return None;
    }
    let count = lists.iter().map(|(_, _, count)| *count).fold(0, u32::saturating_add);
    let term = Found::Term(*scan, Term { key: key.clone(), test: Test::AnyOf(count), against: Against::Value });
    let told: Vec<&Compared> = arms.iter().flatten().filter_map(compared_of).collect();
    let with = compared::all(told.iter().copied()).filter(|_| told.len() == arms.len());
    Some(vec![term, Found::Compared(*scan, Compared { key: key.clone(), how: How::Among, with })])
}

fn compared_of(found: &Found) -> Option<&Compared> {
    match found {
        Found::Compared(_, compared) => Some(compared),
        _ => None,
    }
}

/// An arm of which an index could serve something.
fn led(arm: Vec<Found>) -> Option<Arm> {
    let mut led = Arm::default();
    for found in arm {
        match found {
            Found::Term(_, term) if term.against == Against::Value && !led.terms.contains(&term) => led.terms.push(term),
            Found::Compared(_, compared) => led.compared.push(compared),
            Found::Other(_) => led.others += 1,
            Found::Term(..) | Found::Placed(..) | Found::Arms(..) => {}
        }
    }
    (!led.terms.is_empty()).then_some(led)
}

/// The alternatives of an OR. A negated AND, which is one too, is one alternative.
fn disjuncts(expr: &Expr) -> Vec<&Expr> {
    let (mut found, mut stack) = (Vec::new(), vec![expr]);
    while let Some(expr) = stack.pop() {
        match expr {
            Expr::Nested(inner) => stack.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => stack.extend([&**right, &**left]),
            _ => found.push(expr),
        }
    }
    found
}
