//! Connections between two requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::exchange::Wire;

/// Shorter than what servers and load balancers usually keep idle connections for, so that we close first.
const IDLE_CONNECTION: Duration = Duration::from_secs(45);

/// The open connections that nobody uses, the one that was used last on top: the others may grow old.
pub(super) struct Pool {
    idle: Mutex<VecDeque<Idle>>,
    most: usize,
}

struct Idle {
    wire: Box<Wire>,
    since: Instant,
}

impl Pool {
    /// Keeps at most this many.
    pub(super) fn new(most: usize) -> Pool {
        Pool { idle: Mutex::default(), most: most.max(1) }
    }

    /// One that can be used, as far as can be seen without asking.
    pub(super) fn take(&self) -> Option<Box<Wire>> {
        loop {
            let Idle { mut wire, since } = self.lock().pop_back()?;
            if since.elapsed() < IDLE_CONNECTION && wire.is_usable() {
                return Some(wire);
            }
        }
    }

    /// Keeps one.
    pub(super) fn give(&self, wire: Box<Wire>) {
        let now = Instant::now();
        // Closed outside of the lock.
        let _too_many = {
            let mut idle = self.lock();
            idle.push_back(Idle { wire, since: now });
            let is_old = idle.front().is_some_and(|oldest| now.duration_since(oldest.since) >= IDLE_CONNECTION);
            if is_old || idle.len() > self.most { idle.pop_front() } else { None }
        };
    }

    /// Closes those that nobody needed for long.
    pub(super) fn sweep(&self) {
        let _old: VecDeque<Idle> = {
            let mut idle = self.lock();
            let first_young = idle.partition_point(|kept| kept.since.elapsed() >= IDLE_CONNECTION);
            let young = idle.split_off(first_young);
            std::mem::replace(&mut *idle, young)
        };
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        let _all = std::mem::take(&mut *self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
