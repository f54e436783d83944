//! What statement is this: tokens, fingerprints, comment tags, parameters and, once per distinct statement, its shape.
//!
//! Nothing here knows of logs, times or files.

pub mod arrays;
pub mod change;
pub(crate) mod equal;
pub mod fingerprint;
pub mod lexer;
pub mod mask;
pub mod outline;
pub mod parameters;
mod places;
pub mod shape;
pub(crate) mod skeleton;
pub mod tags;
mod template;
pub mod values;
pub(crate) mod words;
