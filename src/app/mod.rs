//! Builds the parts and hands them to each other; the only room that knows everyone.
//!
//! * [`App`]: the server: built, bound, run, drained
//! * [`Arguments`]: the command line
//! * `commands`: `check`, `explain`, `token`

pub mod arguments;
mod commands;
mod serve;

pub use arguments::{Arguments, Command};
pub use commands::{CommandError, check, explain, new_token};
pub use serve::{App, StartError};
