//! What every operation goes through: connection, breaker, bound on time, count.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use prometheus::Registry;
use redis::RedisError;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};

use super::breaker::Breaker;
use super::budget::Budget;
use super::dialer::{Connection, Dialer};
use super::error::RemoteError;
use super::followers::Followers;
use super::line::Line;
use super::metrics::{Metrics, Operation, Outcome};
use super::names::Names;
use super::notices::Notice;
use super::scripts::Scripts;
use crate::config;

/// How long an operation in the background may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Notices that a slow receiver may be behind.
const NOTICES: usize = 2048;

/// Shared by everything that speaks to one Redis.
pub(super) struct Core {
    pub(super) dialer: Arc<Dialer>,
    /// What requests wait for: short answers are not stuck behind long writes.
    pub(super) requests: Line,
    /// Everything that nobody waits for.
    background: Line,
    pub(super) names: Names,
    pub(super) scripts: Scripts,
    pub(super) metrics: Metrics,
    reads: Breaker,
    pub(super) writes: Breaker,
    pub(super) followers: Arc<Followers>,
    pub(super) notices: broadcast::Sender<Notice>,
    /// Whether messages arrive; if not, whoever waits has to look for themselves.
    pub(super) hears: AtomicBool,
}

/// Why an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection.
    Away,
    /// The breaker is open, or the budget used up.
    Open,
    /// No answer in time.
    Timeout,
    /// An error.
    Refused,
}

impl Core {
    pub(super) fn new(settings: &config::Redis, registry: &Registry) -> Result<Core, RemoteError> {
        let dialer = Arc::new(Dialer::new(settings.clone())?);
        let metrics = Metrics::register(registry)?;
        let line = |name| Line::open(name, dialer.clone(), PATIENCE, metrics.connected(name));
        Ok(Core {
            // Running out of time is noticed here, by the clock of the request.
            requests: line("requests"),
            background: line("background"),
            names: Names::new(&settings.prefix),
            scripts: Scripts::new(),
            reads: Breaker::new(metrics.breaker_reads.clone()),
            writes: Breaker::new(metrics.breaker_writes.clone()),
            followers: Arc::default(),
            notices: broadcast::Sender::new(NOTICES),
            hears: AtomicBool::new(false),
            metrics,
            dialer,
        })
    }

    /// Hands a notice to everybody in this process; nobody may be listening yet.
    pub(super) fn tell(&self, notice: (i64, Bytes)) {
        drop(self.notices.send(notice));
    }

    /// What a request waits for: never longer than its budget, and not at all while Redis is away or fails.
    pub(super) async fn within<T, F>(
        &self,
        operation: Operation,
        budget: &mut Budget,
        ask: impl FnOnce(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let refuse = |outcome, failure| {
            self.metrics.operation(operation, outcome, None);
            Err(failure)
        };
        if budget.left().is_zero() {
            return refuse(Outcome::Budget, Failure::Open);
        }
        let Some(connection) = self.requests.get() else { return refuse(Outcome::Away, Failure::Away) };
        let Some(permit) = self.reads.admit() else { return refuse(Outcome::Open, Failure::Open) };
        let started = Instant::now();
        let answer = timeout(budget.left(), ask(connection)).await;
        let was_fair = budget.is_fair();
        budget.spend_since(started);
        let (outcome, result) = judge(answer, &self.requests);
        match outcome {
            Outcome::Ok => permit.succeeded(),
            // With next to nothing left, being late says nothing about Redis.
            Outcome::Timeout if !was_fair => drop(permit),
            _ => permit.failed(),
        }
        self.metrics.operation(operation, outcome, Some(started.elapsed()));
        result
    }

    /// What nobody waits for, bounded by [`PATIENCE`].
    pub(super) async fn behind<T, F>(
        &self,
        operation: Operation,
        breaker: Option<&Breaker>,
        ask: impl FnOnce(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let Some(connection) = self.background.get() else {
            self.metrics.operation(operation, Outcome::Away, None);
            return Err(Failure::Away);
        };
        let permit = match breaker.map(Breaker::admit) {
            Some(None) => {
                self.metrics.operation(operation, Outcome::Open, None);
                return Err(Failure::Open);
            }
            Some(permit) => permit,
            None => None,
        };
        let started = Instant::now();
        let (outcome, result) = judge(timeout(PATIENCE, ask(connection)).await, &self.background);
        match (permit, outcome) {
            (Some(permit), Outcome::Ok) => permit.succeeded(),
            (Some(permit), _) => permit.failed(),
            (None, _) => {}
        }
        self.metrics.operation(operation, outcome, Some(started.elapsed()));
        result
    }
}

fn judge<T>(answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>, line: &Line) -> (Outcome, Result<T, Failure>) {
    match answer {
        Ok(Ok(value)) => (Outcome::Ok, Ok(value)),
        Err(_) => (Outcome::Timeout, Err(Failure::Timeout)),
        Ok(Err(error)) => {
            line.failed(&error);
            if error.is_timeout() {
                return (Outcome::Timeout, Err(Failure::Timeout));
            }
            tracing::debug!(%error, "Redis: {error}");
            (Outcome::Error, Err(Failure::Refused))
        }
    }
}
