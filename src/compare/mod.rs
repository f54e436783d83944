//! Two sides of runs against each other: what changed, and whether it is more than chance.

pub mod budget;
pub mod calibrate;
pub mod latency;
pub mod stats;
