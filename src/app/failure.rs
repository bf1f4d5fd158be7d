//! What `main` has to say when there is nothing to serve or to show, and which exit code it takes.

use super::{CommandError, StartError};
use crate::config::ConfigErrors;

/// Why there is nothing to show for it.
pub enum Failure {
    /// Starting again will not help.
    Configuration(ConfigErrors),
    /// An address that is taken, an argument, the system.
    Other(Box<dyn std::error::Error>),
}

impl Failure {
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
