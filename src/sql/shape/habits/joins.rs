//! Tables that no condition joins: each row of one is combined with each row of the other.
//!
//! It says nothing where it cannot tell which table a column belongs to.

use std::iter;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, JoinConstraint, JoinOperator, Select, TableFactor, TableWithJoins, visit_expressions};

use super::super::relations::{FromList, constraint_of};
use super::super::scopes::Scopes;
use super::conditions::key;
use super::{Habit, Kind};

/// The first two tables of a select that nothing joins, while its sources are in sight.
pub(super) fn unjoined(select: &Select, from: &FromList<'_>, terms: &[&Expr], scopes: &Scopes) -> Option<Habit> {
    let mut sources = Sources::of(from, scopes);
    if sources.tables.len() < 2 || select.from.iter().any(joins_by_name) {
        return None;
    }
    for term in terms {
        sources.join(term, scopes)?;
    }
    let mut apart: Vec<usize> = Vec::new();
    for place in 0..sources.tables.len() {
        let group = sources.group[place];
        if sources.tables[place].is_some() && !sources.bound.contains(&group) && !apart.iter().any(|other| sources.group[*other] == group) {
            apart.push(place);
        }
    }
    let [first, second, ..] = apart.as_slice() else { return None };
    Some(Habit { with: sources.tables[*second].clone(), ..Habit::of(Kind::CartesianJoin, sources.tables[*first].clone()) })
}

/// USING and NATURAL join without naming a column of each side; within parentheses nobody looks for them.
fn joins_by_name(group: &TableWithJoins) -> bool {
    let factors = iter::once(&group.relation).chain(group.joins.iter().map(|join| &join.relation));
    let mut nested = factors.filter(|factor| matches!(factor, TableFactor::NestedJoin { .. }));
    nested.next().is_some()
        || group.joins.iter().any(|join| match constraint_of(&join.join_operator) {
            Some(constraint) => matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural),
            None => !matches!(join.join_operator, JoinOperator::CrossJoin(_)),
        })
}

/// The items of a FROM list, and which of them conditions join.
struct Sources {
    /// The table of each; `None` for what may be of one row, such as a function or a sub-query.
    tables: Vec<Option<String>>,
    /// The group of each that is joined.
    group: Vec<usize>,
    /// Groups of which a value picks rows.
    bound: Vec<usize>,
}

impl Sources {
    fn of(from: &FromList<'_>, scopes: &Scopes) -> Self {
        let table = |factor: &&TableFactor| scopes.table_of(factor);
        let tables: Vec<_> = from.factors.iter().map(table).collect();
        Sources { group: (0..tables.len()).collect(), bound: Vec::new(), tables }
    }

    /// Puts the sources that a term names into one group. `None` if it names a column of nobody knows which.
    fn join(&mut self, term: &Expr, scopes: &Scopes) -> Option<()> {
        let here = scopes.innermost();
        let (mut places, mut reaches_out) = (Vec::new(), false);
        let flow = visit_expressions(term, |expr| {
            let parts = match expr {
                Expr::CompoundIdentifier(parts) => parts,
                Expr::Identifier(_) => return ControlFlow::Break(()),
                _ => return ControlFlow::Continue(()),
            };
            match scopes.resolve(parts).owner {
                Some((depth, place)) if depth == here => places.push(place),
                // Of a sub-query in the term, or of a query around this one.
                _ => reaches_out = true,
            }
            ControlFlow::Continue(())
        });
        if flow.is_break() {
            return None;
        }
        let Some(&first) = places.first() else { return Some(()) };
        for place in places {
            self.unite(first, place);
        }
        if reaches_out || key(term).is_some() {
            self.bound.push(self.group[first]);
        }
        Some(())
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (kept, gone) = (self.group[a], self.group[b]);
        self.group.iter_mut().chain(&mut self.bound).filter(|group| **group == gone).for_each(|group| *group = kept);
    }
}
