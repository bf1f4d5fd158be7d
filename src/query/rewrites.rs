//! Enforced queries that are remembered: dashboards ask the same texts over and over.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::promql::{ScopeError, ScopedQuery};
use crate::telemetry::{CacheOutcome, Metrics};
use crate::tenancy::{Policy, Scope, ScopeRules};

/// Texts that are remembered.
const TEXTS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Longer ones are not, which bounds the memory at 8 MiB of texts.
const LONGEST: usize = 2048;
/// Scopes whose rules are remembered.
const SCOPES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// A scope's rules, and a number that no other scope has.
pub(super) struct Numbered {
    pub(super) rules: ScopeRules,
    number: u64,
}

/// Rules by scope and queries by (scope, text). Users of equal scope share both.
pub(super) struct Rewrites {
    hasher: RandomState,
    metrics: Metrics,
    scopes: Mutex<Scopes>,
    texts: Mutex<LruCache<(u64, u64), Entry>>,
}

struct Scopes {
    rules: LruCache<Scope, Arc<Numbered>>,
    next_number: u64,
}

/// The text is compared on a hit: a collision of hashes must not answer another query.
struct Entry {
    text: Box<str>,
    query: Arc<ScopedQuery>,
}

impl Rewrites {
    pub(super) fn new(metrics: Metrics) -> Rewrites {
        Rewrites {
            hasher: RandomState::new(),
            metrics,
            scopes: Mutex::new(Scopes { rules: LruCache::new(SCOPES), next_number: 0 }),
            texts: Mutex::new(LruCache::new(TEXTS)),
        }
    }

    pub(super) fn rules(&self, policy: &Policy, scope: &Scope) -> Arc<Numbered> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = scopes.rules.get(scope) {
            return found.clone();
        }
        scopes.next_number += 1;
        let numbered = Arc::new(Numbered { rules: policy.for_scope(scope), number: scopes.next_number });
        scopes.rules.put(scope.clone(), numbered.clone());
        numbered
    }

    /// The query as remembered, else as `make` gives it. Errors are not remembered.
    pub(super) fn get(
        &self,
        rules: &Numbered,
        text: &str,
        make: impl FnOnce() -> Result<ScopedQuery, ScopeError>,
    ) -> Result<Arc<ScopedQuery>, ScopeError> {
        if text.len() > LONGEST {
            self.metrics.rewrite_cache(CacheOutcome::Bypass);
            return make().map(Arc::new);
        }
        let key = (rules.number, self.hasher.hash_one(text));
        let known = |texts: &mut LruCache<(u64, u64), Entry>| texts.get(&key).filter(|e| &*e.text == text).map(|e| e.query.clone());
        let found = known(&mut self.texts.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(query) = found {
            self.metrics.rewrite_cache(CacheOutcome::Hit);
            return Ok(query);
        }
        self.metrics.rewrite_cache(CacheOutcome::Miss);
        let query = Arc::new(make()?);
        let entry = Entry { text: text.into(), query: query.clone() };
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).put(key, entry);
        Ok(query)
    }
}
