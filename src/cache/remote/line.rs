//! One connection that is kept: made in the background, looked after, made again. Requests only ask whether it is there.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use prometheus::IntGauge;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::dialer::{Connection, Dialer};

/// How often a connection is looked at; a server that is there but silent is noticed within two of these.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two attempts: the first and the longest pause; it doubles.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A connection that is kept.
pub(super) struct Line {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

struct Shared {
    name: &'static str,
    current: ArcSwapOption<Connection>,
    /// Somebody found the connection useless.
    broken: Arc<Notify>,
    connected: IntGauge,
    /// How long commands on it may take.
    response_timeout: Duration,
}

impl Line {
    /// Begins to connect, and returns at once.
    pub(super) fn open(name: &'static str, dialer: Arc<Dialer>, response_timeout: Duration, connected: IntGauge) -> Line {
        let current = ArcSwapOption::empty();
        let shared = Arc::new(Shared { name, current, broken: Arc::new(Notify::new()), connected, response_timeout });
        let keeper = tokio::spawn(keep(shared.clone(), dialer));
        Line { shared, keeper }
    }

    /// The connection, if there is one now.
    pub(super) fn get(&self) -> Option<Connection> {
        self.shared.current.load().as_deref().cloned()
    }

    /// Told of every error, so that a useless connection is replaced without waiting for the next look.
    pub(super) fn failed(&self, error: &RedisError) {
        if is_useless_after(error) {
            self.shared.broken.notify_one();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// The connection is gone, or leads to a server that is no longer the master.
fn is_useless_after(error: &RedisError) -> bool {
    let demoted = matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    (demoted || error.is_unrecoverable_error()) && !error.is_timeout()
}

async fn keep(shared: Arc<Shared>, dialer: Arc<Dialer>) {
    let mut pauses = Pauses::default();
    let mut is_up = None;
    loop {
        match dialer.connect(shared.response_timeout, shared.broken.clone()).await {
            Ok(connection) => {
                shared.current.store(Some(Arc::new(connection.clone())));
                shared.connected.set(1);
                if is_up.replace(true) != Some(true) {
                    tracing::info!(connection = shared.name, "connected to Redis ({})", shared.name);
                }
                while let Ok(()) = look(&shared, connection.clone()).await {
                    pauses = Pauses::default();
                }
                if !dialer.is_cluster() {
                    shared.current.store(None);
                }
                shared.connected.set(0);
                tracing::debug!(connection = shared.name, "the connection to Redis ({}) is lost", shared.name);
            }
            Err(error) => {
                shared.connected.set(0);
                if is_up.replace(false) != Some(false) {
                    let name = shared.name;
                    tracing::warn!(connection = name, %error, "no connection to Redis ({name}), going on without it: {error}");
                }
            }
        }
        pauses.next().await;
    }
}

/// Until the next look, which says whether the connection is of use.
async fn look(shared: &Shared, mut connection: Connection) -> Result<(), ()> {
    tokio::select! {
        () = shared.broken.notified() => return Err(()),
        () = tokio::time::sleep(LOOK_INTERVAL) => {}
    }
    match tokio::time::timeout(LOOK_INTERVAL, redis::cmd("PING").query_async::<redis::Value>(&mut connection)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// Growing pauses with jitter, so that replicas do not come back all at once.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Pauses(PAUSES.0)
    }
}

impl Pauses {
    pub(super) async fn next(&mut self) {
        tokio::time::sleep(self.0.mul_f64(rand::random_range(0.5..1.0))).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }
}
