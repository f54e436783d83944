//! The only test binary besides the unit tests: one module for each thing that must hold.

mod architecture;
mod cli;
mod corpus;
mod harness;
mod hostile;
mod languages;
mod laws;
mod orms;
mod pitfalls;
mod plans;
mod readme;
mod warnings;
mod weaknesses;
