//! How much one user may ask: a rate (GCRA) and a number of requests at the same time.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// Users that are remembered; who asked longest ago is forgotten first.
const USERS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Why a user has to wait.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Throttled {
    /// Too many requests in a second.
    #[error("more than {limit} requests per second from one user (limits.rate_per_user); try again in {} ms", .retry_after.as_millis())]
    Rate {
        /// `limits.rate_per_user`.
        limit: f64,
        /// When the next one will be let in.
        retry_after: Duration,
    },
    /// Too many requests at the same time.
    #[error("{limit} requests of this user are under way, which is the most (limits.concurrent_per_user): wait for one to end")]
    Concurrent {
        /// `limits.concurrent_per_user`.
        limit: usize,
    },
}

/// Admits requests user by user. In this process: replicas do not know of each other here.
pub struct Fairness {
    rate: f64,
    concurrent: usize,
    users: Mutex<LruCache<String, User>>,
}

struct User {
    /// Theoretical arrival time of the next request at the even rate.
    next: Instant,
    running: Arc<AtomicUsize>,
}

/// A request that was let in; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Admission(Arc<AtomicUsize>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Fairness {
    /// `rate` in requests per second; a burst of one second's worth is let through at once.
    pub fn new(rate: f64, concurrent: usize) -> Fairness {
        Fairness { rate, concurrent, users: Mutex::new(LruCache::new(USERS)) }
    }

    /// Lets the request in, or says when to come back.
    ///
    /// # Errors
    /// When the user asks too often or too much at once.
    pub fn admit(&self, user: &str) -> Result<Admission, Throttled> {
        self.admit_at(user, Instant::now())
    }

    fn admit_at(&self, user: &str, now: Instant) -> Result<Admission, Throttled> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let state = users.get_or_insert_mut_ref(user, || User { next: now, running: Arc::default() });
        if state.running.load(Ordering::Acquire) >= self.concurrent {
            return Err(Throttled::Concurrent { limit: self.concurrent });
        }
        let spacing = Duration::from_secs_f64(1.0 / self.rate);
        let burst = Duration::from_secs(1).max(spacing);
        let next = state.next.max(now) + spacing;
        let ahead = next.saturating_duration_since(now);
        if ahead > burst {
            return Err(Throttled::Rate { limit: self.rate, retry_after: ahead - burst });
        }
        state.next = next;
        state.running.fetch_add(1, Ordering::AcqRel);
        Ok(Admission(state.running.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_burst_then_the_even_rate() {
        let fairness = Fairness::new(10.0, 1000);
        let start = Instant::now();
        let let_in = |at| fairness.admit_at("alice", start + at).map(std::mem::forget);
        for _ in 0..10 {
            assert_eq!(let_in(Duration::ZERO), Ok(()));
        }
        assert_eq!(let_in(Duration::ZERO), Err(Throttled::Rate { limit: 10.0, retry_after: Duration::from_millis(100) }));
        assert_eq!(let_in(Duration::from_millis(100)), Ok(()));
        assert!(let_in(Duration::from_millis(100)).is_err());
        assert!(fairness.admit_at("bob", start).is_ok(), "one user's rate is not another's");
    }

    #[test]
    fn places_come_back() {
        let fairness = Fairness::new(1000.0, 2);
        let first = fairness.admit("alice").unwrap();
        let _second = fairness.admit("alice").unwrap();
        assert!(matches!(fairness.admit("alice"), Err(Throttled::Concurrent { limit: 2 })));
        drop(first);
        assert!(fairness.admit("alice").is_ok());
    }

    #[test]
    fn a_rate_below_one_lets_the_first_one_in() {
        let fairness = Fairness::new(0.5, 10);
        let start = Instant::now();
        assert!(fairness.admit_at("alice", start).is_ok());
        assert!(matches!(fairness.admit_at("alice", start), Err(Throttled::Rate { .. })));
        assert!(fairness.admit_at("alice", start + Duration::from_secs(2)).is_ok());
    }
}
