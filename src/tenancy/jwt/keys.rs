//! An issuer's keys, kept and renewed.
//!
//! They are fetched when first needed, then again when they get old (in the background) and when a token names a key
//! that we do not have: never more than one fetch at a time, and never soon after the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

use super::algorithm::fits;
use super::fetch::{Key, Source};
use crate::tenancy::stats::{AuthStats, bump};
use crate::tenancy::{AuthError, Timing};

/// Most keys that are tried for one token.
const MOST_TRIES: usize = 8;

pub(super) struct Keys {
    source: Source,
    stats: Arc<AuthStats>,
    timing: Timing,
    held: ArcSwap<Held>,
    /// Held during a fetch: the single flight.
    flight: Mutex<()>,
    renewing: AtomicBool,
}

/// What the last fetches gave.
#[derive(Clone, Default)]
struct Held {
    keys: Arc<Vec<Arc<Key>>>,
    fetched: Option<Instant>,
    /// The end of the last fetch, and whether it went well.
    tried: Option<(Instant, bool)>,
}

impl Keys {
    pub(super) fn new(source: Source, stats: Arc<AuthStats>, timing: Timing) -> Keys {
        Keys { source, stats, timing, held: ArcSwap::default(), flight: Mutex::new(()), renewing: AtomicBool::new(false) }
    }

    /// The keys that may have signed such a token; never an empty list.
    pub(super) async fn for_token(self: &Arc<Self>, key_id: Option<&str>, algorithm: Algorithm) -> Result<Vec<Arc<Key>>, AuthError> {
        let mut held = self.held.load_full();
        if !self.usable(&held) {
            held = self.renew().await;
            if !self.usable(&held) {
                return Err(self.unavailable());
            }
        }
        let age = held.fetched.map_or(Duration::ZERO, |at| at.elapsed());
        if age > self.timing.key_refresh * 2 && held.tried.is_some_and(|(_, good)| good) {
            // Nobody came by for a while: what an issuer took back meanwhile must not be good for one more token.
            held = self.renew().await;
        } else if age > self.timing.key_refresh {
            self.renew_in_background();
        }
        if let Some(keys) = held.find(key_id, algorithm) {
            return keys;
        }
        // A key that we do not have: rotated, or made up.
        let held = self.renew().await;
        match (held.find(key_id, algorithm), held.tried) {
            (Some(keys), _) => keys,
            (None, Some((_, true))) => Err(AuthError::Invalid("its issuer has no such key (kid)".into())),
            (None, _) => Err(self.unavailable()),
        }
    }

    /// Whether the keys may still be believed: an issuer that is away cannot take a key back.
    fn usable(&self, held: &Held) -> bool {
        held.fetched.is_some_and(|at| at.elapsed() < self.timing.key_lifetime)
    }

    fn unavailable(&self) -> AuthError {
        AuthError::Unavailable { retry_after: self.timing.key_retry.max(Duration::from_secs(1)) }
    }

    /// Fetches the keys, unless that was tried a moment ago. The fetch goes on when the caller goes away, so that nobody
    /// can starve the others by asking and leaving.
    async fn renew(self: &Arc<Self>) -> Arc<Held> {
        if !self.tried_lately(&self.held.load()) {
            let keys = Arc::clone(self);
            // A task that panicked or was shut down has changed nothing: what is held decides.
            let _ = tokio::spawn(async move { keys.fetch().await }).await;
        }
        self.held.load_full()
    }

    fn renew_in_background(self: &Arc<Self>) {
        if self.tried_lately(&self.held.load()) || self.renewing.swap(true, Ordering::AcqRel) {
            return;
        }
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            keys.fetch().await;
            keys.renewing.store(false, Ordering::Release);
        });
    }

    fn tried_lately(&self, held: &Held) -> bool {
        held.tried.is_some_and(|(at, _)| at.elapsed() < self.timing.key_retry)
    }

    async fn fetch(&self) {
        let _flight = self.flight.lock().await;
        let before = self.held.load_full();
        if self.tried_lately(&before) {
            return;
        }
        bump(&self.stats.key_fetches);
        let result = self.source.fetch().await;
        let now = Instant::now();
        match result {
            Ok(keys) => {
                tracing::debug!(issuer = self.source.issuer(), keys = keys.len(), "fetched the issuer's keys");
                let keys = Arc::new(keys.into_iter().map(Arc::new).collect());
                self.held.store(Arc::new(Held { keys, fetched: Some(now), tried: Some((now, true)) }));
            }
            Err(error) => {
                bump(&self.stats.key_fetch_failures);
                tracing::warn!(issuer = self.source.issuer(), "the issuer's keys cannot be fetched: {error}");
                self.held.store(Arc::new(Held { tried: Some((now, false)), ..Held::clone(&before) }));
            }
        }
    }
}

impl Held {
    /// The keys that fit; an error when the key is there and does not fit, `None` when it is not there.
    fn find(&self, key_id: Option<&str>, algorithm: Algorithm) -> Option<Result<Vec<Arc<Key>>, AuthError>> {
        let named = |key: &&Arc<Key>| key_id.is_none() || key.id.as_deref() == key_id;
        let mut all = self.keys.iter().filter(named).peekable();
        all.peek()?;
        let fitting: Vec<Arc<Key>> = all.filter(|key| fits(&key.jwk, algorithm)).take(MOST_TRIES).cloned().collect();
        Some(if fitting.is_empty() { Err(AuthError::Invalid("no key of its issuer fits its algorithm".into())) } else { Ok(fitting) })
    }
}
