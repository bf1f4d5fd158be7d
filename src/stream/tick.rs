//! The life of one streamed query: at every multiple of its step it is evaluated once, by one replica for all.
//!
//! Whoever evaluated the last tick asks for the lease of the next one at once; the others wait a moment for its announcement first, so
//! that in the ordinary course one replica asks Redis and the others only listen. When that replica is gone, one of the others takes
//! its place a moment later. Without Redis, or while it is away, every replica evaluates for itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::{StreamMetrics, Ticked};
use super::question::Refusal;
use super::shared::Shared;
use super::topic::Topic;
use super::window::Window;
use crate::cache::{Claim, Followed};

/// Queries of one step are evaluated one after the other, over this part of it at most.
const SPREAD_MS: i64 = 1000;
/// How long announcements of the replica that evaluated last are waited for.
const GRACE_MS: i64 = 400;
/// Nobody waits longer than this for another replica's evaluation.
const LONGEST_FOLLOW: Duration = Duration::from_secs(20);
/// The time of day is looked at again after this long, in case it was put right.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// Ticks that other replicas announce may be this far ahead: clocks differ.
pub(super) const AHEAD_MS: i64 = 30_000;

/// Evaluates a topic until it is dropped.
pub(super) struct Ticker {
    topic: Arc<Topic>,
    shared: Option<Shared>,
    metrics: StreamMetrics,
    heard: watch::Receiver<i64>,
    /// This replica evaluated the last tick, or nobody is known to have.
    leads: bool,
    last_ms: Option<i64>,
}

impl Ticker {
    pub(super) fn new(topic: Arc<Topic>, shared: Option<Shared>, metrics: StreamMetrics) -> Ticker {
        let heard = topic.ticks_heard();
        Ticker { topic, shared, metrics, heard, leads: true, last_ms: None }
    }

    pub(super) async fn run(mut self) {
        loop {
            let tick_ms = self.next().await;
            let (ticked, obtained) = self.obtain(tick_ms).await;
            self.leads = ticked != Ticked::Followed;
            self.last_ms = Some(tick_ms);
            let window_ms = self.topic.name.window_ms;
            let window = obtained.and_then(|answer| {
                Window::new(tick_ms - window_ms, tick_ms, self.topic.step_ms, answer).map_err(|error| {
                    tracing::warn!(%error, "a streamed query has no window for this tick");
                    Refusal { error_type: "internal".to_owned(), message: error.to_string() }
                })
            });
            match window {
                Ok(window) if !self.topic.has_room_for(&window) => {
                    self.metrics.ticked(Ticked::Failed, None);
                    let message = "the windows of all streamed queries fill the memory that they may have (stream.memory): try again later";
                    self.topic.fail(Refusal { error_type: "unavailable".to_owned(), message: message.to_owned() });
                }
                Ok(window) => {
                    self.topic.publish(window).await;
                    let lag = Duration::from_millis((now_ms() - tick_ms).max(0).unsigned_abs());
                    self.metrics.ticked(ticked, Some(lag));
                }
                Err(refusal) => {
                    self.leads = false;
                    self.metrics.ticked(Ticked::Failed, None);
                    self.topic.fail(refusal);
                }
            }
        }
    }

    /// Waits for the next tick: the newest one that is due, or that another replica has evaluated already.
    async fn next(&mut self) -> i64 {
        let step = self.topic.step_ms;
        loop {
            let now = now_ms();
            let newest = now.div_euclid(step) * step;
            let last = match self.last_ms {
                // The first window is wanted now.
                None => return newest,
                // The clock was put back.
                Some(last) if last > now + AHEAD_MS.max(2 * step) => return newest,
                Some(last) => last,
            };
            let heard = *self.heard.borrow_and_update();
            if heard > last && heard <= now + AHEAD_MS {
                return heard.max(newest);
            }
            let next = newest.max(last + step);
            let due = next + self.offset_ms() + if self.leads { 0 } else { GRACE_MS.min(step / 10) };
            if due <= now {
                return next;
            }
            let left = Duration::from_millis((due - now).unsigned_abs()).min(LONGEST_SLEEP);
            // The sender lives as long as the topic.
            let _ = tokio::time::timeout(left, self.heard.changed()).await;
        }
    }

    /// Where in a step this query is evaluated: the same on every replica, so that clocks are all that differs.
    fn offset_ms(&self) -> i64 {
        if self.last_ms.is_none() {
            return 0;
        }
        let [a, b, c, d, ..] = self.topic.name.key.digest().to_bytes();
        i64::from(u32::from_le_bytes([a, b, c, d])) % SPREAD_MS.min(self.topic.step_ms / 10).max(1)
    }

    /// The answer for a tick, from whoever has it or makes it.
    async fn obtain(&self, tick_ms: i64) -> (Ticked, Result<Bytes, Refusal>) {
        let Some(shared) = &self.shared else { return (Ticked::Alone, self.evaluate(tick_ms).await) };
        if let Some(answer) = shared.read(tick_ms).await {
            return (Ticked::Followed, Ok(answer));
        }
        let asked = Instant::now();
        while let Some(left) = LONGEST_FOLLOW.checked_sub(asked.elapsed()) {
            match shared.claim(tick_ms).await {
                Claim::Alone => break,
                Claim::Lead(lease) => {
                    if lease.is_after_publication()
                        && let Some(answer) = shared.read(tick_ms).await
                    {
                        return (Ticked::Followed, Ok(answer));
                    }
                    let answer = self.evaluate(tick_ms).await;
                    match &answer {
                        Ok(answer) => drop(tokio::spawn(shared.clone().publish(lease, tick_ms, answer.clone()))),
                        Err(_) => drop(tokio::spawn(lease.fail())),
                    }
                    return (Ticked::Led, answer);
                }
                Claim::Follow(follow) => match follow.wait(left).await {
                    // Without its window there, it was of another length: points that others fetched are in the cache.
                    Followed::Published => match shared.read(tick_ms).await {
                        Some(answer) => return (Ticked::Followed, Ok(answer)),
                        None => break,
                    },
                    // Whoever was at it failed or is gone: somebody else's turn.
                    Followed::Failed | Followed::Gone => {}
                },
            }
        }
        (Ticked::Alone, self.evaluate(tick_ms).await)
    }

    async fn evaluate(&self, tick_ms: i64) -> Result<Bytes, Refusal> {
        self.topic.evaluate.evaluate(tick_ms - self.topic.name.window_ms, tick_ms).await
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
