//! The only test binary besides the unit tests: one module for each thing that must hold.

#[cfg(all(target_os = "linux", feature = "live"))]
mod advise;
mod architecture;
mod calibrate;
mod catalogues;
mod cli;
#[cfg(target_os = "linux")]
mod cluster;
#[cfg(all(target_os = "linux", feature = "live"))]
mod connect;
mod conservation;
mod corpus;
mod counters;
mod explain;
mod extremes;
mod gate;
mod gate_power;
mod habits;
mod happenings;
mod harness;
mod hostile;
mod languages;
mod laws;
mod libraries;
mod loops;
#[cfg(target_os = "linux")]
mod machine;
mod missing_index;
mod orms;
mod pitfalls;
mod plans;
mod readme;
mod rules;
mod saved;
mod schema_health;
mod screens;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(all(target_os = "linux", feature = "live"))]
mod snapshots;
#[cfg(all(target_os = "linux", feature = "live"))]
mod top;
mod turns;
mod twins;
mod units;
mod warnings;
mod weaknesses;
mod windows;
