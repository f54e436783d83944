//! The only test binary besides the unit tests: one module for each thing that must hold.

mod architecture;
mod cli;
#[cfg(target_os = "linux")]
mod cluster;
#[cfg(all(target_os = "linux", feature = "live"))]
mod connect;
mod corpus;
mod harness;
mod hostile;
mod languages;
mod laws;
#[cfg(target_os = "linux")]
mod machine;
mod orms;
mod pitfalls;
mod readme;
#[cfg(target_os = "linux")]
mod servers;
mod weaknesses;
