//! What a stream asks, and who can answer it: the rooms above know the engine, this one does not.

use async_trait::async_trait;
use bytes::Bytes;

use crate::cache::Key;

/// Answers one query, within the rights of whoever asked for it first.
#[async_trait]
pub trait Evaluate: Send + Sync {
    /// The range answer for the grid points from `start_ms` to `end_ms`. Points that may still change are fetched anew unless that was
    /// done after `end_ms`.
    ///
    /// # Errors
    /// What the caller may be told.
    async fn evaluate(&self, start_ms: i64, end_ms: i64) -> Result<Bytes, Refusal>;

    /// The last point that can change no more in an answer that was made at `end_ms`; none when any may.
    fn settled_until(&self, end_ms: i64) -> Option<i64>;
}

/// Why there is no answer, in words for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Prometheus' `errorType`.
    pub error_type: String,
    /// What was wrong.
    pub message: String,
}

/// One query of a stream.
pub struct Wanted {
    /// What the client calls it.
    pub id: String,
    /// As it was asked.
    pub query: String,
    /// The enforced query and its step: equal for all who see the same.
    pub key: Key,
    /// Between two grid points, in milliseconds.
    pub step_ms: i64,
    /// From the first grid point to the last, in milliseconds: a multiple of the step.
    pub window_ms: i64,
    /// Who answers it.
    pub evaluate: Box<dyn Evaluate>,
}

/// Which windows of which query: all clients that ask for the same share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The enforced query and its step.
    pub key: Key,
    /// From the first grid point to the last, in milliseconds.
    pub window_ms: i64,
}
