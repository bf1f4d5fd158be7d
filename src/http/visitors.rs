//! How often people without a name may come by, address by address.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// Visits of one address in a minute.
const PER_MINUTE: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are remembered; who came longest ago is forgotten first.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Somebody comes too often.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {PER_MINUTE} requests a minute from one address; try again in {} s", .retry_after.as_secs() + 1)]
pub struct TooOften {
    /// When the next one will be let in.
    pub retry_after: Duration,
}

/// Counts minute by minute. In this process: replicas do not know of each other here.
pub struct Visitors(Mutex<LruCache<Box<str>, (Instant, u32)>>);

impl Default for Visitors {
    fn default() -> Self {
        Visitors(Mutex::new(LruCache::new(ADDRESSES)))
    }
}

impl Visitors {
    /// Lets somebody in.
    ///
    /// # Errors
    /// When they came too often within a minute.
    pub fn admit(&self, address: &str) -> Result<(), TooOften> {
        self.admit_at(address, Instant::now())
    }

    fn admit_at(&self, address: &str, now: Instant) -> Result<(), TooOften> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = known.get_or_insert_mut(address.into(), || (now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        if *count >= PER_MINUTE {
            return Err(TooOften { retry_after: MINUTE.saturating_sub(now.duration_since(*since)) });
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_a_minute_from_each_address() {
        let visitors = Visitors::default();
        let start = Instant::now();
        for _ in 0..PER_MINUTE {
            assert_eq!(visitors.admit_at("a", start), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(visitors.admit_at("a", later), Err(TooOften { retry_after: Duration::from_secs(40) }));
        assert_eq!(visitors.admit_at("b", later), Ok(()));
        assert_eq!(visitors.admit_at("a", start + MINUTE), Ok(()));
    }
}
