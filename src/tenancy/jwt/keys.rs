//! An issuer's keys, kept and renewed.
//!
//! They are fetched when first needed, then again when they get old (in the background) and when a token names a key
//! that we do not have: never more than one fetch at a time, and never soon after the last one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::Algorithm;

use super::algorithm::fits;
use super::fetch::{Key, Source};
use super::renewed::{Ask, Held, Renewed};
use crate::tenancy::stats::{AuthStats, bump};
use crate::tenancy::{AuthError, Timing};

/// Most keys that are tried for one token.
const MOST_TRIES: usize = 8;

pub(super) struct Keys {
    renewed: Renewed<KeySet>,
    timing: Timing,
}

/// All keys of the issuer.
struct KeySet {
    source: Source,
    stats: Arc<AuthStats>,
}

#[async_trait]
impl Ask for KeySet {
    type Answer = Vec<Arc<Key>>;

    async fn ask(&self) -> Option<Vec<Arc<Key>>> {
        bump(&self.stats.key_fetches);
        match self.source.fetch().await {
            Ok(keys) => {
                tracing::debug!(issuer = self.source.issuer(), keys = keys.len(), "fetched the issuer's keys");
                Some(keys.into_iter().map(Arc::new).collect())
            }
            Err(error) => {
                bump(&self.stats.key_fetch_failures);
                tracing::warn!(issuer = self.source.issuer(), "the issuer's keys cannot be fetched: {error}");
                None
            }
        }
    }
}

impl Keys {
    pub(super) fn new(source: Source, stats: Arc<AuthStats>, timing: Timing) -> Keys {
        Keys { renewed: Renewed::new(KeySet { source, stats }, timing.key_retry), timing }
    }

    /// The keys that may have signed such a token; never an empty list.
    pub(super) async fn for_token(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<Vec<Arc<Key>>, AuthError> {
        let Timing { key_refresh, .. } = self.timing;
        let mut held = self.renewed.held();
        if self.usable(&held).is_none() {
            held = self.renewed.renew().await;
            if self.usable(&held).is_none() {
                return Err(self.unavailable());
            }
        }
        if held.younger_than(key_refresh * 2).is_none() && held.is_well() {
            // Nobody came by for a while: what an issuer took back meanwhile must not be good for one more token.
            held = self.renewed.renew().await;
        } else if held.younger_than(key_refresh).is_none() {
            self.renewed.renew_in_background();
        }
        if let Some(keys) = find(&held, key_id, algorithm) {
            return keys;
        }
        // A key that we do not have: rotated, or made up.
        let held = self.renewed.renew().await;
        match find(&held, key_id, algorithm) {
            Some(keys) => keys,
            None if held.is_well() => Err(AuthError::Invalid("its issuer has no such key (kid)".into())),
            None => Err(self.unavailable()),
        }
    }

    /// The keys, while they may still be believed: an issuer that is away cannot take a key back.
    fn usable<'h>(&self, held: &'h Held<Vec<Arc<Key>>>) -> Option<&'h Arc<Vec<Arc<Key>>>> {
        held.younger_than(self.timing.key_lifetime)
    }

    fn unavailable(&self) -> AuthError {
        AuthError::Unavailable { retry_after: self.timing.key_retry.max(Duration::from_secs(1)) }
    }
}

/// The keys that fit; an error when the key is there and does not fit, `None` when it is not there.
fn find(held: &Held<Vec<Arc<Key>>>, key_id: Option<&str>, algorithm: Algorithm) -> Option<Result<Vec<Arc<Key>>, AuthError>> {
    let (keys, _) = held.answer.as_ref()?;
    let named = |key: &&Arc<Key>| key_id.is_none() || key.id.as_deref() == key_id;
    let mut all = keys.iter().filter(named).peekable();
    all.peek()?;
    let fitting: Vec<Arc<Key>> = all.filter(|key| fits(&key.jwk, algorithm)).take(MOST_TRIES).cloned().collect();
    Some(if fitting.is_empty() { Err(AuthError::Invalid("no key of its issuer fits its algorithm".into())) } else { Ok(fitting) })
}
