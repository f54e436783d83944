//! A server's planner, asked what it would do with statements and with indexes that are not there.
//!
//! Nothing but EXPLAIN of single statements is sent, and hypothetical indexes of hypopg, which live in the memory of this
//! session: nothing is created or run. The extension is used where it is and never created. Which indexes to try and what
//! follows from the answers is not decided here.

mod form;
mod plan;
mod planner;
pub mod question;
mod sent;

pub use form::Question;
pub use planner::{Answered, Planner};
pub use sent::statements_sent;
