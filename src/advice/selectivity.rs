//! Which part of a table's rows a condition keeps, as the planner thinks where it does not know the value.
//!
//! Source: `src/backend/utils/adt/selfuncs.c` and `src/include/utils/selfuncs.h` of PostgreSQL 15. A guess is what rests on
//! its constants and not on statistics.

use crate::catalog::Column;
use crate::sql::shape::scans::Test;

/// A part of rows, 0 to 1, and whether it is a guess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) of_rows: f64,
    pub(super) is_guess: bool,
}

/// `DEFAULT_INEQ_SEL`: one end of a range.
const HALF_RANGE: f64 = 1.0 / 3.0;
/// `DEFAULT_RANGE_INEQ_SEL` and `DEFAULT_MATCH_SEL`: both ends, and a pattern.
pub(super) const RANGE: f64 = 0.005;
/// `DEFAULT_CONTAIN_SEL`.
const CONTAINED: f64 = 0.001;
/// `DEFAULT_UNK_SEL`: NULL where nothing is known.
const NULL: f64 = 0.005;
/// `DEFAULT_NUM_DISTINCT`.
const DISTINCT: f64 = 200.0;
/// What a list of unknown length is taken for, as `estimate_array_length` does.
const MEMBERS: f64 = 10.0;
/// A condition that is not understood.
pub(super) const OTHER: f64 = 0.5;

/// How many different values a column has, and whether that is a guess.
pub(super) fn distinct(column: &Column, tuples: f64) -> (f64, bool) {
    match column.n_distinct.filter(|n| n.is_finite() && *n != 0.0) {
        Some(count) if count > 0.0 => (count.min(tuples).max(1.0), false),
        Some(part) => ((-part * tuples).clamp(1.0, tuples.max(1.0)), false),
        None => (DISTINCT.min(tuples.max(1.0)), true),
    }
}

/// The part of rows that equal one value that is not known: `var_eq_non_const`.
fn equal(column: &Column, tuples: f64) -> Part {
    let (distinct, is_guess) = distinct(column, tuples);
    let nulls = column.null_frac.unwrap_or_default();
    let most = column.common_freqs.iter().flatten().copied().fold(0.0, f64::max);
    let part = (1.0 - nulls) / distinct;
    let of_rows = if most > 0.0 { part.min(most) } else { part };
    Part { of_rows: of_rows.clamp(0.0, 1.0), is_guess }
}

/// The part of rows for which a test holds.
pub(super) fn of(column: &Column, test: Test, tuples: f64) -> Part {
    let known = |of_rows: f64| Part { of_rows: of_rows.clamp(0.0, 1.0), is_guess: false };
    let guess = |of_rows: f64| Part { of_rows, is_guess: true };
    match test {
        Test::Equal => equal(column, tuples),
        Test::AnyOf(count) => {
            let one = equal(column, tuples);
            let members = if count == 0 { MEMBERS } else { f64::from(count) };
            Part { of_rows: (one.of_rows * members).min(1.0), is_guess: one.is_guess }
        }
        Test::Flag(is) => flag(column, is).map_or(guess(0.5), known),
        Test::Null => column.null_frac.map_or(guess(NULL), known),
        Test::NotNull => column.null_frac.map_or(guess(1.0 - NULL), |nulls| known(1.0 - nulls)),
        Test::Range => guess(HALF_RANGE),
        Test::Between | Test::Prefix | Test::Pattern | Test::Like => guess(RANGE),
        Test::Document => guess(CONTAINED),
    }
}

/// Both ends of a range that are two conditions.
pub(super) fn closed_range() -> Part {
    Part { of_rows: RANGE, is_guess: true }
}

/// How often a boolean is so, where the snapshot has the values.
fn flag(column: &Column, is: bool) -> Option<f64> {
    let frequencies = column.common_freqs.as_deref()?;
    let values = column.common_values.as_deref()?.trim_start_matches('{').trim_end_matches('}');
    let wanted = if is { "t" } else { "f" };
    let nulls = column.null_frac.unwrap_or_default();
    match values.split(',').position(|value| value == wanted) {
        Some(at) => frequencies.get(at).copied(),
        None => Some((1.0 - nulls - frequencies.iter().sum::<f64>()).max(0.0)),
    }
}

/// Whether one value is so common that what an index saves depends on which is asked for.
pub(super) fn is_skewed(column: &Column) -> bool {
    column.common_freqs.iter().flatten().any(|frequency| *frequency > 0.2)
}
