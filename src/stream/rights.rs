//! Rights are looked at again while a stream lives: what was taken away ends it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::hub::Hub;
use super::line::{Farewell, Line};

/// Looks at once.
const AT_ONCE: usize = 16;
/// Between two rounds.
pub(super) const ROUND: Duration = Duration::from_millis(250);
/// One look takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// When nobody could say, the next look is after this long at the latest.
const SOON_MS: u64 = 5000;

/// Whether a stream may go on.
#[async_trait]
pub trait Rights: Send + Sync {
    /// Looks again at whoever opened it.
    async fn look(&self) -> Standing;
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They may see what they saw.
    Good,
    /// They may not, or may see something else, and why: for them to read.
    Lost(String),
    /// Whoever knows is away.
    Unknown,
}

/// Goes on as long as the hub lives.
pub(super) async fn watch(hub: Weak<Hub>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(hub) = hub.upgrade() else { return };
        let now_ms = hub.elapsed_ms();
        let due = hub.lines(|line| line.check_at.load(Relaxed) <= now_ms);
        futures_util::stream::iter(due).for_each_concurrent(AT_ONCE, |line| look(&hub, line)).await;
    }
}

async fn look(hub: &Hub, line: Arc<Line>) {
    let standing = tokio::time::timeout(PATIENCE, line.rights.look()).await.unwrap_or(Standing::Unknown);
    let (now_ms, interval_ms) = (hub.elapsed_ms(), hub.check_interval_ms());
    let next_ms = match standing {
        Standing::Good => {
            line.good_at.store(now_ms, Relaxed);
            // Streams that came together are not looked at together.
            (interval_ms as f64 * rand::random_range(0.8..1.0)) as u64
        }
        Standing::Lost(message) => {
            line.end(Farewell::Revoked { message });
            interval_ms
        }
        Standing::Unknown if now_ms.saturating_sub(line.good_at.load(Relaxed)) + SOON_MS.min(interval_ms) > hub.revocation_bound_ms() => {
            let message = "nobody could say for too long whether you may still see this: sign in again".to_owned();
            line.end(Farewell::Revoked { message });
            interval_ms
        }
        Standing::Unknown => SOON_MS.min(interval_ms),
    };
    line.check_at.store(now_ms + next_ms, Relaxed);
}
