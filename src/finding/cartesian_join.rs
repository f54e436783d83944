//! Tables side by side that no condition joins.

use crate::sql::shape::habits::Kind;

use super::habit::{self, Case, Verdict, table};
use super::{Context, Finding, Meta, Rule, Severity};

/// See the module.
pub(super) struct CartesianJoin;

static META: Meta = Meta {
    id: "cartesian-join",
    title: "Tables are combined row by row: no condition joins them",
    severity: Severity::High,
    what: "Two tables stand in FROM and no condition names a column of both, directly or over others, nor does a value pick a row of one of them. Functions, VALUES, LATERAL, sub-queries and WITH are left out, as are queries whose columns do not say their table.",
    why: "The result has as many rows as the one table times the other.",
    example: "SELECT u.name, o.total FROM users u, orders o WHERE o.total > 100",
    remedy: "Write the join condition.",
    ignore: "Tables of a few rows, all combinations of which are wanted.",
    accepts: habit::accepts,
};

impl Rule for CartesianJoin {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        habit::findings(META.id, context)
    }
}

pub(super) fn judge(case: &Case<'_>, _: &Context<'_>) -> Option<Verdict> {
    let habit = case.habit(Kind::CartesianJoin)?;
    let (table, other) = (table(habit), habit.with.as_deref().unwrap_or("another table"));
    if case.has_fewer_rows(FEW) && !case.is_slow {
        return None;
    }
    Some(Verdict {
        habit: Some(habit.clone()),
        title: format!("every row of {table} is combined with every row of {other}"),
        reason: format!("no condition joins {table} and {other}, and no value picks a row of either"),
        confidence: case.fitting(),
        is_cause: true,
        remedy: format!(
            "Join {table} and {other} on what belongs together, or drop the one that is not needed; where all combinations are meant, CROSS JOIN says so."
        ),
    })
}

/// Fewer rows a call multiply to nothing.
const FEW: u64 = 100;
