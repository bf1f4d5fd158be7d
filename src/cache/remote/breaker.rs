//! Stops asking what does not answer: after a few failures in a row nothing is tried for a while, then one try decides.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGauge;
use tokio::time::Instant;

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open at first; twice as long after every try that fails.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// How long it stays open at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Closed, open, or open with one try under way.
#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    /// 1 while open.
    open: IntGauge,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration, trying: bool },
}

/// Leave to ask once. Whoever has it says how it went; who says nothing neither opens nor closes anything.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    said: bool,
}

impl Breaker {
    pub(super) fn new(open: IntGauge) -> Breaker {
        open.set(0);
        Breaker { state: Mutex::new(State::Closed { failures: 0 }), open }
    }

    /// Leave to ask, or `None` at once.
    pub(super) fn admit(&self) -> Option<Permit<'_>> {
        match &mut *self.lock() {
            State::Closed { .. } => {}
            State::Open { until, trying, .. } if *trying || Instant::now() < *until => return None,
            State::Open { trying, .. } => *trying = true,
        }
        Some(Permit { breaker: self, said: false })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn succeeded(&self) {
        *self.lock() = State::Closed { failures: 0 };
        self.open.set(0);
    }

    fn failed(&self) {
        let mut state = self.lock();
        let open = |pause| State::Open { until: Instant::now() + pause, pause, trying: false };
        *state = match &*state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } => open(SHORTEST_PAUSE),
            State::Open { trying: true, pause, .. } => open((*pause * 2).min(LONGEST_PAUSE)),
            // A straggler from before it opened.
            State::Open { .. } => return,
        };
        self.open.set(i64::from(matches!(*state, State::Open { .. })));
    }

    fn gave_up(&self) {
        if let State::Open { trying, .. } = &mut *self.lock() {
            *trying = false;
        }
    }
}

impl Permit<'_> {
    pub(super) fn succeeded(mut self) {
        self.said = true;
        self.breaker.succeeded();
    }

    pub(super) fn failed(mut self) {
        self.said = true;
        self.breaker.failed();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.said {
            self.breaker.gave_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(IntGauge::new("open", "open").unwrap())
    }

    fn fail(breaker: &Breaker, times: u32) {
        (0..times).for_each(|_| breaker.admit().unwrap().failed());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_try_closes_it() {
        let breaker = breaker();
        fail(&breaker, FAILURES - 1);
        breaker.admit().unwrap().succeeded();
        fail(&breaker, FAILURES - 1);
        assert_eq!(breaker.open.get(), 0, "a success in between counts from the beginning");
        fail(&breaker, 1);
        assert!(breaker.admit().is_none() && breaker.open.get() == 1);
        tokio::time::advance(SHORTEST_PAUSE).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_none(), "one try at a time");
        probe.succeeded();
        assert!(breaker.admit().is_some() && breaker.open.get() == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_bound() {
        let breaker = breaker();
        fail(&breaker, FAILURES);
        let mut pause = SHORTEST_PAUSE;
        for _ in 0..8 {
            tokio::time::advance(pause - Duration::from_millis(1)).await;
            assert!(breaker.admit().is_none());
            tokio::time::advance(Duration::from_millis(1)).await;
            fail(&breaker, 1);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_without_a_word_lets_the_next_one_try() {
        let breaker = breaker();
        fail(&breaker, FAILURES);
        tokio::time::advance(SHORTEST_PAUSE).await;
        drop(breaker.admit().unwrap());
        breaker.admit().unwrap().succeeded();
    }

    #[tokio::test(start_paused = true)]
    async fn stragglers_do_not_lengthen_the_pause() {
        let breaker = breaker();
        let late: Vec<Permit<'_>> = (0..10).map(|_| breaker.admit().unwrap()).collect();
        late.into_iter().for_each(Permit::failed);
        tokio::time::advance(SHORTEST_PAUSE).await;
        assert!(breaker.admit().is_some());
    }
}
