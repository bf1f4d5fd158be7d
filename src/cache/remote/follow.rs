//! Waiting for what another replica, or another request, is at work on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::budget::Budget;
use super::core::Core;
use super::followers::{Place, Word};
use super::metrics::Operation;

/// How often is looked while no messages arrive.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long one look may take.
const LOOK_PATIENCE: Duration = Duration::from_millis(50);
/// A lease that runs out at this moment is given so much longer.
const GRACE: Duration = Duration::from_millis(5);

/// What became of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is there: to be read.
    Published,
    /// Whoever was at it gave up: to be claimed, or done, again.
    Failed,
    /// Nobody is at it any more without a word, the wait took too long, or Redis is away: to be read once more, then claimed or done.
    Gone,
}

/// A place among those who wait.
pub struct Follow {
    core: Arc<Core>,
    lease: String,
    place: Place,
    expiry: Instant,
}

impl Follow {
    pub(super) fn new(core: Arc<Core>, lease: String, place: Place, left: Duration) -> Follow {
        Follow { core, lease, place, expiry: Instant::now() + left + GRACE }
    }

    /// Waits, for `bound` at most. Woken by a message; a lease that runs out without one is noticed too.
    pub async fn wait(mut self, bound: Duration) -> Followed {
        let deadline = Instant::now() + bound;
        loop {
            let look_at = if self.core.hears.load(Relaxed) { self.expiry } else { self.expiry.min(Instant::now() + LOOK_INTERVAL) };
            let word = tokio::select! {
                changed = self.place.word.changed() => match changed {
                    Ok(()) => *self.place.word.borrow_and_update(),
                    Err(_) => return Followed::Gone,
                },
                () = sleep_until(look_at.min(deadline)) => Word::Look,
            };
            match word {
                Word::Published => return Followed::Published,
                Word::Failed => return Followed::Failed,
                Word::Silence | Word::Look if Instant::now() >= deadline => return Followed::Gone,
                Word::Silence | Word::Look => match self.look().await {
                    Some(left) => self.expiry = Instant::now() + left + GRACE,
                    None => return Followed::Gone,
                },
            }
        }
    }

    /// How long the lease still lives; `None` when it does not, or nobody can say.
    async fn look(&self) -> Option<Duration> {
        let mut budget = Budget::new(LOOK_PATIENCE);
        let ask = async |mut connection| redis::cmd("PTTL").arg(&self.lease).query_async::<i64>(&mut connection).await;
        let left = self.core.within(Operation::Look, &mut budget, ask).await.ok()?;
        u64::try_from(left).ok().map(Duration::from_millis)
    }
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow").field("lease", &self.lease).finish_non_exhaustive()
    }
}
