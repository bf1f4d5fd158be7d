//! Decisions about tokens, kept for a while. The tokens themselves are not: keys are an HMAC with a key of this process.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use lru::LruCache;
use sha2::Sha256;

use super::credentials::Presented;
use super::{AuthError, Identity, SetUpError};

/// A decision.
pub(super) type Verdict = Result<Arc<Identity>, AuthError>;

/// What stands for a credential.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CredentialKey([u8; 32]);

/// How long decisions are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) allow: Duration,
    pub(super) deny: Duration,
}

pub(super) struct Verdicts {
    mac: Hmac<Sha256>,
    lifetimes: Lifetimes,
    // Apart, so that a flood of wrong tokens cannot push out the decisions about good ones.
    allowed: Mutex<Shelf>,
    denied: Mutex<Shelf>,
}

struct Shelf {
    entries: LruCache<CredentialKey, Kept>,
    /// Goes up when all entries are dropped, so that a decision made before is not put in afterwards.
    generation: u64,
}

struct Kept {
    verdict: Verdict,
    until: Instant,
}

/// Most decisions that are kept, each about 300 bytes and the namespaces.
const ALLOWED: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
const DENIED: NonZeroUsize = NonZeroUsize::new(2_000).unwrap();

impl Verdicts {
    pub(super) fn new(lifetimes: Lifetimes) -> Result<Verdicts, SetUpError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| SetUpError::Random(error.to_string()))?;
        let mac = Hmac::new_from_slice(&key).map_err(|error| SetUpError::Random(error.to_string()))?;
        let shelf = |size| Mutex::new(Shelf { entries: LruCache::new(size), generation: 0 });
        Ok(Verdicts { mac, lifetimes, allowed: shelf(ALLOWED), denied: shelf(DENIED) })
    }

    /// The key for what was shown; `None` when nothing was. The same token is another credential with another user name.
    pub(super) fn key(&self, presented: &Presented) -> Option<CredentialKey> {
        let mut mac = self.mac.clone();
        match presented {
            Presented::Nothing => return None,
            Presented::Bearer(token) => {
                mac.update(b"bearer:");
                mac.update(token.as_bytes());
            }
            Presented::Basic { user, token } => {
                mac.update(b"basic:");
                mac.update(&(user.len() as u64).to_le_bytes());
                mac.update(user.as_bytes());
                mac.update(token.as_bytes());
            }
        }
        Some(CredentialKey(mac.finalize().into_bytes().into()))
    }

    pub(super) fn get(&self, key: &CredentialKey) -> Option<Verdict> {
        lock(&self.allowed).get(key).or_else(|| lock(&self.denied).get(key))
    }

    /// Goes up with every [`Verdicts::drop_all`]; to be asked before a decision is made.
    pub(super) fn generation(&self) -> u64 {
        lock(&self.allowed).generation
    }

    /// Keeps a decision, unless it was made on what has been dropped meanwhile, or could not be made at all.
    pub(super) fn put(&self, key: CredentialKey, verdict: &Verdict, not_after: Option<Duration>, generation: u64) {
        let (shelf, lifetime) = match verdict {
            Ok(_) => (&self.allowed, self.lifetimes.allow),
            Err(AuthError::Unavailable { .. }) => return,
            Err(_) => (&self.denied, self.lifetimes.deny),
        };
        // Up to a tenth shorter, so that what came in together is not asked again together.
        let jittered = lifetime.mul_f64(1.0 - 0.1 * rand::random::<f64>());
        let lifetime = not_after.map_or(jittered, |left| jittered.min(left));
        if lifetime.is_zero() {
            return;
        }
        let mut shelf = lock(shelf);
        if shelf.generation == generation {
            shelf.entries.put(key, Kept { verdict: verdict.clone(), until: Instant::now() + lifetime });
        }
    }

    /// Forgets everything, because what the decisions were made on has changed.
    pub(super) fn drop_all(&self) {
        for shelf in [&self.allowed, &self.denied] {
            let mut shelf = lock(shelf);
            shelf.entries.clear();
            shelf.generation += 1;
        }
    }
}

impl Shelf {
    fn get(&mut self, key: &CredentialKey) -> Option<Verdict> {
        let kept = self.entries.get(key)?;
        if kept.until > Instant::now() {
            return Some(kept.verdict.clone());
        }
        self.entries.pop(key);
        None
    }
}

fn lock(shelf: &Mutex<Shelf>) -> std::sync::MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::{Permissions, ProviderKind, Scope};

    const LONG: Duration = Duration::from_secs(60);

    fn verdicts(allow: Duration, deny: Duration) -> Verdicts {
        Verdicts::new(Lifetimes { allow, deny }).unwrap()
    }

    fn allow() -> Verdict {
        Ok(Arc::new(Identity {
            user: "alice".into(),
            groups: Vec::new(),
            scope: Scope::ClusterWide,
            permissions: Permissions::ALL,
            provider: ProviderKind::Static,
        }))
    }

    fn key(verdicts: &Verdicts, token: &str) -> CredentialKey {
        verdicts.key(&Presented::Bearer(token.into())).unwrap()
    }

    #[test]
    fn decisions_are_kept_by_credential() {
        let verdicts = verdicts(LONG, LONG);
        let (good, bad) = (key(&verdicts, "good"), key(&verdicts, "bad"));
        verdicts.put(good, &allow(), None, 0);
        verdicts.put(bad, &Err(AuthError::Unknown), None, 0);
        assert_eq!(verdicts.get(&good), Some(allow()));
        assert_eq!(verdicts.get(&bad), Some(Err(AuthError::Unknown)));
        assert_eq!(verdicts.get(&key(&verdicts, "other")), None);
    }

    #[test]
    fn credentials_are_told_apart() {
        let verdicts = verdicts(LONG, LONG);
        let basic = |user: &str, token: &str| verdicts.key(&Presented::Basic { user: user.into(), token: token.into() }).unwrap();
        let keys = [key(&verdicts, "ab"), basic("", "ab"), basic("a", "b"), basic("ab", ""), basic("b", "ab")];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|b| a != b));
        }
        assert!(verdicts.key(&Presented::Nothing).is_none());
        let other_process = self::verdicts(LONG, LONG);
        assert!(key(&other_process, "ab") != keys[0], "each process has its own key");
    }

    #[test]
    fn decisions_end() {
        let verdicts = verdicts(Duration::from_millis(30), LONG);
        let (short, expiring, gone, open) = (key(&verdicts, "a"), key(&verdicts, "b"), key(&verdicts, "c"), key(&verdicts, "d"));
        verdicts.put(short, &allow(), Some(LONG), 0);
        verdicts.put(expiring, &Err(AuthError::Expired), Some(Duration::from_millis(10)), 0);
        verdicts.put(gone, &allow(), Some(Duration::ZERO), 0);
        verdicts.put(open, &Err(AuthError::Unavailable { retry_after: LONG }), None, 0);
        assert!(verdicts.get(&short).is_some() && verdicts.get(&expiring).is_some());
        assert!(verdicts.get(&gone).is_none() && verdicts.get(&open).is_none(), "never kept");
        let before = Instant::now();
        while before.elapsed() < Duration::from_millis(40) {
            std::thread::yield_now();
        }
        assert!(verdicts.get(&short).is_none() && verdicts.get(&expiring).is_none());
    }

    #[test]
    fn a_decision_made_before_everything_was_dropped_is_not_kept() {
        let verdicts = verdicts(LONG, LONG);
        let key = key(&verdicts, "a");
        let before = verdicts.generation();
        verdicts.put(key, &allow(), None, before);
        verdicts.drop_all();
        assert_eq!(verdicts.get(&key), None);
        verdicts.put(key, &allow(), None, before);
        assert_eq!(verdicts.get(&key), None);
        verdicts.put(key, &allow(), None, verdicts.generation());
        assert!(verdicts.get(&key).is_some());
    }

    #[test]
    fn a_flood_of_wrong_tokens_leaves_good_ones_alone() {
        let verdicts = verdicts(LONG, LONG);
        let good = key(&verdicts, "good");
        verdicts.put(good, &allow(), None, 0);
        for i in 0..3 * DENIED.get() {
            verdicts.put(key(&verdicts, &i.to_string()), &Err(AuthError::Unknown), None, 0);
        }
        assert!(verdicts.get(&good).is_some());
        assert_eq!(lock(&verdicts.denied).entries.len(), DENIED.get());
    }
}
