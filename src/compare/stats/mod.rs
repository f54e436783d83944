//! The statistics of a comparison: small, pure, each file with its formulas and where they are from.
//!
//! Nothing here knows of statements, runs or databases. Arguments outside a function's domain give NaN or nothing, never a
//! panic; every test of them compares with tables of another implementation (`fixtures/statistics`).

pub mod centre;
pub mod discovery;
pub mod moderation;
pub mod proportion;
pub mod quantile_bound;
pub mod random;
pub mod rank_sum;
pub mod special;
pub mod student;

#[cfg(test)]
mod tests;
