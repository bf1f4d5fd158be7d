//! Slow clients of HTTP/1: the head of each request has to arrive in time.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

tokio::task_local! {
    /// The HTTP/1 connection that this task serves.
    static CONNECTION: Arc<Watchdog>;
}

/// The head of the request is here: its reader is no slow client.
pub(super) fn head_is_complete() {
    let _ = CONNECTION.try_with(|connection| connection.set(None));
}

/// The answer is out: the next request has to be here in this time.
pub(super) fn request_is_done(next_within: Duration) {
    let _ = CONNECTION.try_with(|connection| connection.set(Some(Instant::now() + next_within)));
}

/// Serves a connection with this watchdog, which [`head_is_complete`] and [`request_is_done`] find.
pub(super) async fn on_duty<F: Future>(watchdog: Arc<Watchdog>, serve: F) -> F::Output {
    CONNECTION.scope(watchdog, serve).await
}

/// Ends HTTP/1 connections whose next request head does not arrive in time, however slowly its bytes trickle.
pub(super) struct Watchdog {
    deadline: Mutex<Option<Instant>>,
    armed: Notify,
}

impl Watchdog {
    pub(super) fn armed(patience: Duration) -> Watchdog {
        Watchdog { deadline: Mutex::new(Some(Instant::now() + patience)), armed: Notify::new() }
    }

    fn set(&self, deadline: Option<Instant>) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        if deadline.is_some() {
            self.armed.notify_one();
        }
    }

    /// Sleeps to the deadline it saw and looks again, so that a request costs no timer.
    pub(super) async fn expired(&self) {
        loop {
            let seen = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
            match seen {
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => self.armed.notified().await,
            }
        }
    }
}
