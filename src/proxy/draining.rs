//! Whether a listener is stopping: those who wait for a next request are woken, those who answer one go on.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Begins once and does not end.
#[derive(Debug, Default)]
pub(super) struct Draining {
    on: AtomicBool,
    idle: Notify,
}

impl Draining {
    pub(super) fn begin(&self) {
        self.on.store(true, Ordering::Release);
        self.idle.notify_waiters();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Ends when draining has begun.
    pub(super) async fn begun(&self) {
        let woken = self.idle.notified();
        tokio::pin!(woken);
        // From here on a wake-up is not missed, so that looking afterwards is enough.
        woken.as_mut().enable();
        if !self.has_begun() {
            woken.await;
        }
    }
}
