//! Places for requests under way, and the allowance for sending one again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Nobody waits longer than this for a place: an answer that late helps no dashboard.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Places for requests under way; a bounded number of further ones wait for a bounded time, first come first served.
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_limit: usize,
    longest_wait: Duration,
    inflight: IntGauge,
    queued: IntGauge,
}

/// No place came free.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoPlace {
    pub(super) retry_after: Duration,
}

/// A place that is free again when this is dropped, however that comes about.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    inflight: IntGauge,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inflight.dec();
    }
}

/// Counts one waiting caller down again, also when the caller goes away.
struct Waiting<'a>(&'a Places);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.queued.dec();
    }
}

impl Places {
    /// `max_concurrent` at once, twice as many waiting, each for at most half of `request_timeout`.
    pub(super) fn new(max_concurrent: usize, request_timeout: Duration, inflight: IntGauge, queued: IntGauge) -> Places {
        let places = max_concurrent.clamp(1, Semaphore::MAX_PERMITS);
        Places {
            free: Arc::new(Semaphore::new(places)),
            waiting: AtomicUsize::new(0),
            waiting_limit: places.saturating_mul(2),
            longest_wait: LONGEST_WAIT.min(request_timeout / 2),
            inflight,
            queued,
        }
    }

    pub(super) async fn take(&self) -> Result<Place, NoPlace> {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        self.inflight.inc();
        Ok(Place { _permit: permit, inflight: self.inflight.clone() })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, NoPlace> {
        let before_us = self.waiting.fetch_add(1, Ordering::Relaxed);
        self.queued.inc();
        let _waiting = Waiting(self);
        let busy = NoPlace { retry_after: self.longest_wait.max(Duration::from_secs(1)) };
        if before_us >= self.waiting_limit {
            return Err(busy);
        }
        match timeout(self.longest_wait, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(busy),
        }
    }
}

/// Retries allowed for each request: 20 %.
const PER_REQUEST: f64 = 0.2;
/// Retries allowed for each second, whatever the traffic, so that a quiet proxy can retry at all.
const PER_SECOND: f64 = 1.0;
/// Retries that can be saved up.
const SAVED: f64 = 10.0;

/// Keeps retries from multiplying an outage: they are paid from what ordinary requests bring in.
pub(super) struct RetryBudget(Mutex<Savings>);

struct Savings {
    retries: f64,
    counted: Instant,
}

impl RetryBudget {
    pub(super) fn new() -> RetryBudget {
        RetryBudget(Mutex::new(Savings { retries: SAVED, counted: Instant::now() }))
    }

    /// A first try was made.
    pub(super) fn pay_in(&self) {
        let mut savings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        savings.retries = (savings.retries + PER_REQUEST).min(SAVED);
    }

    /// Takes one retry out, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut savings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let since = now.saturating_duration_since(savings.counted).as_secs_f64();
        savings.retries = (savings.retries + since * PER_SECOND).min(SAVED);
        savings.counted = now;
        let affordable = savings.retries >= 1.0;
        if affordable {
            savings.retries -= 1.0;
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(max: usize, timeout: Duration) -> Arc<Places> {
        let gauge = |name: &str| IntGauge::new(name, "for a test").unwrap();
        Arc::new(Places::new(max, timeout, gauge("inflight"), gauge("queued")))
    }

    #[tokio::test]
    async fn waiting_is_bounded_in_number_and_time() {
        let places = places(1, Duration::from_millis(400));
        let held = places.take().await.unwrap();
        let began = Instant::now();
        let wait = || {
            let places = Arc::clone(&places);
            tokio::spawn(async move { places.take().await.err() })
        };
        let waiting = [wait(), wait()];
        tokio::task::yield_now().await;
        assert_eq!(places.queued.get(), 2);
        assert!(places.take().await.is_err(), "the third in the queue is refused");
        assert!(began.elapsed() < Duration::from_millis(150), "and at once");
        for task in waiting {
            assert_eq!(task.await.unwrap(), Some(NoPlace { retry_after: Duration::from_secs(1) }));
        }
        assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&began.elapsed()));
        drop(held);
        assert_eq!((places.queued.get(), places.inflight.get()), (0, 0));
        assert!(places.take().await.is_ok());
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_leaves_no_trace() {
        let places = places(1, Duration::from_secs(60));
        let held = places.take().await.unwrap();
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take().await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(places.queued.get(), 1);
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(places.queued.get(), 0);
        drop(held);
        assert!(places.take().await.is_ok());
    }

    #[test]
    fn retries_are_a_fifth_of_the_requests_above_the_floor() {
        let budget = RetryBudget::new();
        let taken = |tries: usize| (0..tries).filter(|_| budget.take()).count();
        assert_eq!(taken(100), 10, "the savings");
        (0..40).for_each(|_| budget.pay_in());
        assert!((7..=9).contains(&taken(100)), "a fifth of 40");
        if let Some(earlier) = Instant::now().checked_sub(Duration::from_secs(3)) {
            budget.0.lock().unwrap().counted = earlier;
        }
        assert!((3..=4).contains(&taken(100)), "one for each second");
    }
}
