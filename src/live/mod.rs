//! A running server: how it is found, and one well-behaved session on it.
//!
//! The database library knows none of the rules by which psql finds a server, so they are written down here, from libpq's
//! sources: strings (`dsn`, `url`), service files, password files, variables and defaults become [`Settings`]; those
//! become a [`Session`], which is read-only, under limits, and cannot hang; [`capture()`] asks it for a snapshot. This layer reads neither the environment nor the
//! clock, prints nothing, and lets no password out: [`Secret`] can be used, not shown.

mod capture;
mod common_name;
mod connect;
mod dsn;
mod encryption;
mod endpoint;
mod failure;
mod keys;
mod manners;
mod note;
pub mod pgpass;
mod row;
mod secret;
mod service;
mod session;
mod settings;
mod tls;
mod url;
mod watchdog;
pub mod whatif;

pub use capture::{Texts, Wish, capture, catalogue, catalogue_asked, everything_asked};
pub use manners::{APPLICATION_NAME, STATEMENT_TIMEOUT, everything_sent};
pub use note::Note;
pub use row::Row;
pub use secret::Secret;
pub use session::Session;
pub use settings::{Settings, Surroundings};
