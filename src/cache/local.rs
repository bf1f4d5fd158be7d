//! L1: what this process remembers, bounded in bytes, by frequency and recency of use (S3-FIFO).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::Key;

/// A shard should have room for the largest entries.
const SHARD_BYTES: u64 = 64 * 1024 * 1024;
/// More shards than that help no machine that runs this.
const MOST_SHARDS: u64 = 16;
/// What an entry takes besides its own bytes: key, links, allocator.
const OVERHEAD_BYTES: u64 = 256;
/// What an entry is expected to weigh; only sizes the first tables.
const EXPECTED_BYTES: u64 = 64 * 1024;

/// Something that knows how many bytes of heap it holds.
pub trait Weighted {
    /// Bytes of heap, by now.
    fn weight_bytes(&self) -> u64;
}

/// A map from keys to shared values with a bound on the bytes of all of them.
///
/// Values may grow: whoever lets one grow calls [`Local::put`] again, which weighs it anew.
pub struct Local<V: Weighted> {
    kept: Cache<Key, Weighed<V>, ByBytes, DefaultHashBuilder, Count>,
    evicted: Arc<AtomicU64>,
}

/// A value and what it weighed when it was put: the bound is kept by these sums, so they must not move by themselves.
struct Weighed<V> {
    value: Arc<V>,
    bytes: u64,
}

impl<V> Clone for Weighed<V> {
    fn clone(&self) -> Self {
        Weighed { value: self.value.clone(), bytes: self.bytes }
    }
}

impl<V: Weighted> Weighed<V> {
    fn new(key: &Key, value: Arc<V>) -> Weighed<V> {
        let bytes = OVERHEAD_BYTES + key.as_bytes().len() as u64 + value.weight_bytes();
        Weighed { value, bytes }
    }
}

impl<V: Weighted> Local<V> {
    /// At most `memory_bytes` in all.
    pub fn new(memory_bytes: u64) -> Local<V> {
        let evicted = Arc::new(AtomicU64::new(0));
        let shards = (memory_bytes / SHARD_BYTES).clamp(1, MOST_SHARDS);
        let expected = usize::try_from(memory_bytes / EXPECTED_BYTES).unwrap_or(usize::MAX).max(64);
        let count = Count(Arc::clone(&evicted));
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            .weight_capacity(memory_bytes)
            .estimated_items_capacity(expected)
            .build();
        let kept = match options {
            Ok(options) => Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), count),
            // Only a missing capacity is an error there, and both were given.
            Err(_) => Cache::with(expected, memory_bytes, ByBytes, DefaultHashBuilder::default(), count),
        };
        Local { kept, evicted }
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &Key) -> Option<Arc<V>> {
        self.kept.get(key).map(|kept| kept.value)
    }

    /// The value of a key; whoever asks first makes it, and all others get the same.
    pub fn get_or_make(&self, key: &Key, make: impl FnOnce() -> V) -> Arc<V> {
        let made = self.kept.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Weighed::new(key, Arc::new(make()))));
        match made {
            Ok(kept) => kept.value,
            Err(never) => match never {},
        }
    }

    /// Keeps a value, or weighs it anew when it is kept already.
    pub fn put(&self, key: Key, value: Arc<V>) {
        let weighed = Weighed::new(&key, value);
        self.kept.insert(key, weighed);
    }

    /// Forgets one value, if it is still this very one.
    pub fn remove(&self, key: &Key, value: &Arc<V>) -> bool {
        self.kept.remove_if(key, |found| Arc::ptr_eq(&found.value, value)).is_some()
    }

    /// Forgets what `stays` does not hold to; says how many.
    pub fn retain(&self, stays: impl Fn(&V) -> bool) -> usize {
        let gone = AtomicU64::new(0);
        self.kept.retain(|_, kept| {
            let stays = stays(&kept.value);
            gone.fetch_add(u64::from(!stays), Ordering::Relaxed);
            stays
        });
        usize::try_from(gone.into_inner()).unwrap_or(usize::MAX)
    }

    /// Bytes of all values, as they weighed when they were put.
    pub fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many values had to make room, since the start.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
struct ByBytes;

impl<V> Weighter<Key, Weighed<V>> for ByBytes {
    fn weight(&self, _: &Key, kept: &Weighed<V>) -> u64 {
        kept.bytes
    }
}

#[derive(Clone)]
struct Count(Arc<AtomicU64>);

impl<V> Lifecycle<Key, Weighed<V>> for Count {
    type RequestState = ();

    fn on_evict(&self, _state: &mut Self::RequestState, _key: Key, _value: Weighed<V>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyBuilder;
    use super::*;

    struct Bytes(AtomicU64);

    impl Bytes {
        fn new(bytes: u64) -> Bytes {
            Bytes(AtomicU64::new(bytes))
        }
    }

    impl Weighted for Bytes {
        fn weight_bytes(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn key(n: i64) -> Key {
        KeyBuilder::new("test").number(n).finish()
    }

    #[test]
    fn the_bytes_of_all_values_are_bounded() {
        let local = Local::new(1 << 20);
        for n in 0..1000 {
            local.put(key(n), Arc::new(Bytes::new(10_000)));
            assert!(local.bytes() <= 1 << 20);
        }
        assert!((50..=104).contains(&local.len()), "{}", local.len());
        assert_eq!(local.evicted() + local.len() as u64, 1000);
    }

    #[test]
    fn what_is_asked_for_again_outlives_what_is_asked_for_once() {
        let local = Local::new(1 << 20);
        let often = key(-1);
        local.put(often.clone(), Arc::new(Bytes::new(1000)));
        for n in 0..5000 {
            assert!(local.get(&often).is_some(), "gone after {n} others");
            local.put(key(n), Arc::new(Bytes::new(10_000)));
        }
    }

    #[test]
    fn a_value_that_grew_is_weighed_anew_and_one_that_is_too_large_is_not_kept() {
        let local = Local::new(1 << 20);
        let growing = Arc::new(Bytes::new(1000));
        local.put(key(1), growing.clone());
        let before = local.bytes();
        growing.0.store(50_000, Ordering::Relaxed);
        assert_eq!(local.bytes(), before, "nobody has said so");
        local.put(key(1), growing);
        assert_eq!(local.bytes(), before + 49_000);
        local.put(key(1), Arc::new(Bytes::new(1 << 21)));
        assert!(local.bytes() <= 1 << 20);
    }

    #[test]
    fn only_the_very_value_is_removed() {
        let local = Local::new(1 << 20);
        let (old, new) = (Arc::new(Bytes::new(1)), Arc::new(Bytes::new(1)));
        local.put(key(1), old.clone());
        local.put(key(1), new.clone());
        assert!(!local.remove(&key(1), &old));
        assert!(local.remove(&key(1), &new));
        assert!(local.is_empty());
    }

    #[test]
    fn retain_says_how_many_went() {
        let local = Local::new(1 << 20);
        (0..10).for_each(|n| local.put(key(n), Arc::new(Bytes::new(n.unsigned_abs()))));
        assert_eq!(local.retain(|value| value.weight_bytes() < 4), 6);
        assert_eq!(local.len(), 4);
    }
}
