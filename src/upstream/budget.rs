//! The allowance for sending a request again, or to a second upstream.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Keeps further tries from multiplying an outage: they are paid from what ordinary requests bring in.
pub(super) struct Allowance {
    /// Tries earned by each request.
    per_request: f64,
    /// Tries earned by each second, whatever the traffic.
    per_second: f64,
    /// Most tries that can be saved up.
    most: f64,
    savings: Mutex<Savings>,
}

struct Savings {
    tries: f64,
    counted: Instant,
}

impl Allowance {
    /// For sending again after a failure: 20 % of the requests, and one a second so that a quiet proxy can retry at all.
    pub(super) fn of_retries() -> Allowance {
        Allowance::new(0.2, 1.0, 10.0)
    }

    /// For asking a second upstream because the first is slow: 3 % of the requests, after a small start.
    pub(super) fn of_hedges() -> Allowance {
        Allowance::new(0.03, 0.0, 3.0)
    }

    fn new(per_request: f64, per_second: f64, most: f64) -> Allowance {
        Allowance { per_request, per_second, most, savings: Mutex::new(Savings { tries: most, counted: Instant::now() }) }
    }

    /// A first try was made.
    pub(super) fn pay_in(&self) {
        let mut savings = self.savings.lock().unwrap_or_else(PoisonError::into_inner);
        savings.tries = (savings.tries + self.per_request).min(self.most);
    }

    /// Takes one try out, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut savings = self.savings.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let since = now.saturating_duration_since(savings.counted).as_secs_f64();
        savings.tries = (savings.tries + since * self.per_second).min(self.most);
        savings.counted = now;
        let affordable = savings.tries >= 1.0;
        if affordable {
            savings.tries -= 1.0;
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn retries_are_a_fifth_of_the_requests_above_the_floor() {
        let budget = Allowance::of_retries();
        let taken = |tries: usize| (0..tries).filter(|_| budget.take()).count();
        assert_eq!(taken(100), 10, "the savings");
        (0..40).for_each(|_| budget.pay_in());
        assert!((7..=9).contains(&taken(100)), "a fifth of 40");
        if let Some(earlier) = Instant::now().checked_sub(Duration::from_secs(3)) {
            budget.savings.lock().unwrap().counted = earlier;
        }
        assert!((3..=4).contains(&taken(100)), "one for each second");
    }

    #[test]
    fn hedges_are_three_in_a_hundred() {
        let budget = Allowance::of_hedges();
        let hedged = (0..10_000)
            .filter(|_| {
                budget.pay_in();
                budget.take()
            })
            .count();
        assert!((295..=305).contains(&hedged), "{hedged} of 10,000");
    }
}
