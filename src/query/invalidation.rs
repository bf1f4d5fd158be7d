//! Dropping what is kept: here at once, on other replicas when they hear of it, in Redis by not believing what is older.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::ask::now_ms;
use super::kept::{Selection, Subject};
use super::parts::Parts;
use super::shared;

/// Selections that are remembered. Redis forgets blocks after [`shared::LIFE`], so older ones mean nothing.
const MOST: usize = 1000;
/// Replicas' clocks differ by this much, in milliseconds.
pub(super) const CLOCKS_MS: i64 = 2_000;

/// What was dropped, and when.
#[derive(Default)]
pub(super) struct Tombstones {
    count: AtomicUsize,
    all: Mutex<Vec<(i64, Selection)>>,
}

impl Tombstones {
    /// Entries about this that were fetched up to this time, in milliseconds since 1970, are not to be used.
    pub(super) fn not_before(&self, subject: &Subject) -> i64 {
        if self.count.load(Ordering::Acquire) == 0 {
            return i64::MIN;
        }
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(_, selection)| subject.fits(selection)).map(|(at, _)| *at).max().unwrap_or(i64::MIN)
    }

    /// Whether this was news.
    fn add(&self, at_ms: i64, selection: &Selection) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = all.iter_mut().find(|(_, known)| known == selection) {
            let news = same.0 < at_ms;
            same.0 = same.0.max(at_ms);
            return news;
        }
        let life_ms = i64::try_from(shared::LIFE.as_millis()).unwrap_or(i64::MAX);
        all.retain(|(at, _)| at_ms - at < life_ms);
        if all.len() == MOST {
            all.remove(0);
        }
        all.push((at_ms, selection.clone()));
        self.count.store(all.len(), Ordering::Release);
        true
    }
}

impl Parts {
    /// Drops the entries that are meant; says how many there were here. Other replicas hear of it through Redis.
    ///
    /// # Errors
    /// When there is a Redis that cannot be told: then other replicas keep what they have.
    pub(super) async fn drop_kept(&self, selection: &Selection) -> Result<usize, NotTold> {
        let at_ms = now_ms();
        let dropped = self.bury(at_ms, selection);
        let Some(remote) = &self.remote else { return Ok(dropped) };
        let notice = serde_json::to_vec(selection).map_err(|_| NotTold { dropped })?;
        remote.post(Bytes::from(notice), shared::LIFE).await.map_err(|error| {
            tracing::warn!(%error, "other replicas could not be told to drop what they keep");
            NotTold { dropped }
        })?;
        Ok(dropped)
    }

    fn bury(&self, at_ms: i64, selection: &Selection) -> usize {
        if !self.tombstones.add(at_ms, selection) {
            return 0;
        }
        let dropped = self.memory.as_ref().map_or(0, |memory| memory.retain(|kept| !kept.subject().fits(selection)));
        self.metrics.dropped(dropped);
        self.weigh();
        dropped
    }
}

/// Entries were dropped here, and nobody else was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{dropped} entries were dropped here, but Redis could not be told: other replicas may keep theirs")]
pub struct NotTold {
    /// How many here.
    pub dropped: usize,
}

/// Hears what other replicas drop, as long as there is a Redis.
pub(super) async fn listen(parts: Arc<Parts>) {
    let Some(remote) = parts.remote.clone() else { return };
    let mut notices = remote.notices();
    loop {
        match notices.recv().await {
            Ok((at_ms, notice)) => match serde_json::from_slice::<Selection>(&notice) {
                Ok(selection) => {
                    parts.bury(at_ms, &selection);
                }
                Err(error) => tracing::warn!(%error, "a notice of another replica cannot be read: is it of another version?"),
            },
            // What was missed is unknown: nothing that is kept can be trusted.
            Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "notices of other replicas were missed: everything is dropped");
                parts.bury(now_ms(), &Selection::default());
            }
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_its_tombstone_is_not_used() {
        let tombstones = Tombstones::default();
        let subject = Subject::anything("p".into());
        assert_eq!(tombstones.not_before(&subject), i64::MIN);
        let other = Selection { upstream: Some("q".into()), ..Selection::default() };
        assert!(tombstones.add(10, &other));
        assert_eq!(tombstones.not_before(&subject), i64::MIN);
        let all = Selection::default();
        assert!(tombstones.add(20, &all));
        assert!(!tombstones.add(20, &all), "heard again");
        assert!(!tombstones.add(15, &all), "an older one");
        assert_eq!(tombstones.not_before(&subject), 20);
        assert!(tombstones.add(30, &all));
        assert_eq!(tombstones.not_before(&subject), 30);
    }

    #[test]
    fn their_number_is_bounded() {
        let tombstones = Tombstones::default();
        for n in 0..5000 {
            tombstones.add(n, &Selection { metric: Some(n.to_string()), ..Selection::default() });
        }
        assert_eq!(tombstones.all.lock().unwrap().len(), MOST);
    }
}
