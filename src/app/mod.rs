//! Builds the parts and hands them to each other; the only room that knows everyone.
//!
//! * [`App`]: the server: built, bound, run, drained
//! * [`Arguments`]: the command line
//! * `auth_metrics`: what sign-in counts
//! * `blame`: which key of the configuration a part could not be built of
//! * `commands`: `check`, `migrate`, `explain`, `token`
//! * [`Failure`]: what is said, and which exit code, when something is wrong

pub mod arguments;
mod auth_metrics;
mod blame;
mod commands;
mod failure;
mod serve;

pub use arguments::{Arguments, Command};
pub use commands::{CommandError, check, explain, migrate, new_token};
pub use failure::Failure;
pub use serve::{App, StartError, start_telemetry};
