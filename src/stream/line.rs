//! What the hub and one connection know of each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use futures_util::task::AtomicWaker;

use super::frame::Told;
use super::rights::Rights;

/// One connection, as everybody else sees it.
pub(super) struct Line {
    pub(super) number: u64,
    /// Equal for all streams of one user.
    pub(super) user: u64,
    /// Its name, for people.
    pub(super) stream: String,
    pub(super) told: Vec<Told>,
    pub(super) rights: Arc<dyn Rights>,
    pub(super) opened: Instant,
    pub(super) frames: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) conflations: AtomicU64,
    /// When to say that it is alive, and when to look at its rights, in milliseconds since the hub began.
    pub(super) beat_at: AtomicU64,
    pub(super) check_at: AtomicU64,
    /// When its rights were last known to be good.
    pub(super) good_at: AtomicU64,
    waker: AtomicWaker,
    beat: AtomicBool,
    farewell: OnceLock<Farewell>,
}

/// Why a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// This process goes: the client comes back, to another one, after this long.
    Shutdown {
        /// In milliseconds.
        retry_ms: u64,
    },
    /// Its rights are not what they were.
    Revoked {
        /// Whether to come back makes sense: the rights are other ones now, not none.
        message: String,
    },
}

impl Line {
    pub(super) fn new(number: u64, user: u64, stream: String, told: Vec<Told>, rights: Arc<dyn Rights>, now_ms: u64) -> Line {
        Line {
            number,
            user,
            stream,
            told,
            rights,
            opened: Instant::now(),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            conflations: AtomicU64::new(0),
            beat_at: AtomicU64::new(0),
            check_at: AtomicU64::new(0),
            good_at: AtomicU64::new(now_ms),
            waker: AtomicWaker::new(),
            beat: AtomicBool::new(false),
            farewell: OnceLock::new(),
        }
    }

    /// There is something new to look at.
    pub(super) fn ring(&self) {
        self.waker.wake();
    }

    /// The next ring wakes this task.
    pub(super) fn listen(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// Time for a heartbeat.
    pub(super) fn beat(&self) {
        self.beat.store(true, Relaxed);
        self.ring();
    }

    /// Whether it is time for a heartbeat; asked once for each.
    pub(super) fn takes_beat(&self) -> bool {
        self.beat.swap(false, Relaxed)
    }

    /// Ends it; the first reason stays.
    pub(super) fn end(&self, farewell: Farewell) {
        if self.farewell.set(farewell).is_ok() {
            self.ring();
        }
    }

    pub(super) fn farewell(&self) -> Option<&Farewell> {
        self.farewell.get()
    }
}
