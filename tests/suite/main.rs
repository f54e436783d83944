//! The only test binary besides the unit tests: one module for each thing that must hold.

mod architecture;
mod corpus;
mod hostile;
mod laws;
mod harness;
mod pitfalls;
mod weaknesses;
mod orms;
mod languages;
