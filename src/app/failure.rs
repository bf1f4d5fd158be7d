//! What `main` has to say when there is nothing to serve or to show, and which exit code it takes.

use std::fmt;

use super::{CommandError, StartError};
use crate::config::ConfigErrors;

/// Why there is nothing to show for it.
pub enum Failure {
    /// Starting again will not help.
    Configuration(ConfigErrors),
    /// An address that is taken, an argument, the system.
    Other(Box<dyn std::error::Error>),
}

/// `EX_USAGE` of sysexits: the configuration is at fault, and starting again will not help.
const BAD_CONFIGURATION: u8 = 64;

impl Failure {
    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Configuration(_) => BAD_CONFIGURATION,
            Failure::Other(_) => 1,
        }
    }

    /// Of the second kind.
    pub fn other(error: impl std::error::Error + 'static) -> Failure {
        Failure::Other(error.into())
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Failure::Configuration(errors)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(errors) => Failure::Configuration(errors),
            other => Failure::Other(other.into()),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Config(errors) => Failure::Configuration(errors),
            other => Failure::Other(other.into()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Configuration(errors) => writeln!(f, "Invalid configuration:\n{errors}"),
            Failure::Other(error) => writeln!(f, "hecate: {error}"),
        }
    }
}
