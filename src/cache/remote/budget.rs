//! What is left of the time that one request may spend on Redis.

use std::time::Duration;

use tokio::time::Instant;

/// One request's Redis time: every call takes what it used, and a call that finds nothing left is a miss at once.
#[derive(Debug)]
pub struct Budget {
    total: Duration,
    left: Duration,
}

impl Budget {
    /// All of it.
    pub fn new(total: Duration) -> Budget {
        Budget { total, left: total }
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// Whether enough is left that running out of it is Redis' fault.
    pub(super) fn is_fair(&self) -> bool {
        self.left * 4 >= self.total
    }

    /// Takes what was used since then.
    pub(super) fn spend_since(&mut self, started: Instant) {
        self.left = self.left.saturating_sub(started.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_is_taken_until_nothing_is_left() {
        let mut budget = Budget::new(Duration::from_millis(20));
        for (used, left, fair) in [(14, 6, true), (2, 4, false), (30, 0, false)] {
            let started = Instant::now();
            tokio::time::advance(Duration::from_millis(used)).await;
            budget.spend_since(started);
            assert_eq!((budget.left(), budget.is_fair()), (Duration::from_millis(left), fair));
        }
    }
}
