//! Why the shared cache cannot be set up, and why a notice did not go out.

use std::path::PathBuf;

/// The shared cache cannot be set up. A Redis that is away is no reason.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// A PEM file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A PEM file that holds no certificate, or no key; or a host that cannot be one.
    #[error("the settings of the connection cannot be used: {0}")]
    Settings(String),
    /// The metrics could not be registered.
    #[error("a metric could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A notice did not go out; nobody heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// There is no connection to Redis.
    #[error("Redis is away; other replicas do not hear of it until it is back and the notice is posted again")]
    Away,
    /// Redis did not answer in time: the notice may have gone out all the same.
    #[error("Redis did not answer in time; it is not known whether other replicas heard of it")]
    Timeout,
    /// Redis answered with an error.
    #[error("Redis refused the notice")]
    Refused,
    /// Longer than a notice may be.
    #[error("the notice has {0} bytes; at most {max} can be posted", max = super::notices::MAX_NOTICE)]
    TooLong(usize),
}

/// Redis did not answer when it was only asked whether it is there.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The settings themselves.
    #[error(transparent)]
    Settings(#[from] RemoteError),
    /// Redis, in its own words.
    #[error("{0}")]
    Answer(String),
    /// Nothing at all.
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
}
