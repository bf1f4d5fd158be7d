//! Enforced queries that are remembered: dashboards ask the same texts over and over.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lru::LruCache;

use crate::promql::{ScopeError, ScopedQuery, ScopedSelectors};
use crate::telemetry::{CacheOutcome, Metrics};
use crate::tenancy::{Policy, Scope, ScopeRules};
use crate::upstream::{NativeScope, Upstreams};

/// Texts that are remembered.
const TEXTS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Longer ones are not, which bounds the memory at 8 MiB of texts.
const LONGEST: usize = 2048;
/// Scopes whose rules are remembered.
const SCOPES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Scopes that are found by where they are, without looking at their names.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// Only scopes with more namespaces are: looking at a few names costs less than remembering where they are.
const MANY_NAMESPACES: usize = 8;

/// A scope's rules, and a number that no other scope has.
pub(super) struct Numbered {
    pub(super) rules: ScopeRules,
    number: u64,
    native: OnceLock<Option<Arc<NativeScope>>>,
}

impl Numbered {
    /// What backends that enforce by themselves are told; none where no upstream does, or nothing has to be said.
    ///
    /// # Errors
    /// When the rules do not make valid selectors.
    pub(super) fn native(&self, upstreams: &Upstreams) -> Result<Option<Arc<NativeScope>>, ScopeError> {
        if let Some(native) = self.native.get() {
            return Ok(native.clone());
        }
        let native = if upstreams.enforce_natively() && !self.rules.is_cluster_wide() {
            NativeScope::new(&ScopedSelectors::everything(&self.rules)?).map(Arc::new)
        } else {
            None
        };
        Ok(self.native.get_or_init(|| native).clone())
    }
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
    /// By the address of the set of namespaces: the same user has the same set from request to request. The scope is
    /// held, so that no other set can come to lie there.
    by_address: LruCache<usize, (Scope, Arc<Numbered>)>,
    next_number: u64,
}

impl Scopes {
    fn new() -> Scopes {
        Scopes { rules: LruCache::new(SCOPES), by_address: LruCache::new(ADDRESSES), next_number: 0 }
    }

    fn by_names(&mut self, policy: &Policy, scope: &Scope) -> Arc<Numbered> {
        if let Some(found) = self.rules.get(scope) {
            return found.clone();
        }
        self.next_number += 1;
        let numbered = Arc::new(Numbered { rules: policy.for_scope(scope), number: self.next_number, native: OnceLock::new() });
        self.rules.put(scope.clone(), numbered.clone());
        numbered
    }
}

/// Where a scope's many namespaces are.
fn address(scope: &Scope) -> Option<usize> {
    match scope {
        Scope::Namespaces(set) if set.len() > MANY_NAMESPACES => Some(Arc::as_ptr(set).addr()),
        _ => None,
    }
}

/// The text is compared on a hit: a collision of hashes must not answer another query.
struct Entry {
    text: Box<str>,
    query: Arc<ScopedQuery>,
}

impl Rewrites {
    pub(super) fn new(metrics: Metrics) -> Rewrites {
        Rewrites { hasher: RandomState::new(), metrics, scopes: Mutex::new(Scopes::new()), texts: Mutex::new(LruCache::new(TEXTS)) }
    }

    pub(super) fn rules(&self, policy: &Policy, scope: &Scope) -> Arc<Numbered> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(address) = address(scope) else { return scopes.by_names(policy, scope) };
        if let Some((_, found)) = scopes.by_address.get(&address) {
            return found.clone();
        }
        let numbered = scopes.by_names(policy, scope);
        scopes.by_address.put(address, (scope.clone(), numbered.clone()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TenantLabels;
    use crate::tenancy::Namespace;

    fn scope(namespaces: std::ops::Range<usize>) -> Scope {
        Scope::of(namespaces.map(|n| Namespace::new(&format!("team-{n}")).unwrap()))
    }

    #[test]
    fn equal_scopes_share_and_others_never_do() {
        let rewrites = Rewrites::new(Metrics::new().unwrap());
        let policy = Policy::new(&TenantLabels::shipped());
        let number = |scope: &Scope| rewrites.rules(&policy, scope).number;
        let all = [scope(0..1), scope(1..2), scope(0..100), scope(0..101), Scope::ClusterWide];
        let numbers = all.each_ref().map(number);
        for (i, one) in numbers.iter().enumerate() {
            assert!(numbers[i + 1..].iter().all(|other| other != one), "{numbers:?}");
        }
        assert_eq!(all.each_ref().map(number), numbers, "the same once more");
        assert_eq!(number(&scope(0..100)), numbers[2], "equal, at another address");
        // Sets that come and go: an address that was used before must not bring another's rules back.
        for n in 0..900 {
            let fleeting = scope(n..n + 20);
            assert_eq!(number(&fleeting), number(&scope(n..n + 20)));
        }
        assert_eq!(number(&all[3]), numbers[3]);
    }
}
