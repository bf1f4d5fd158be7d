//! What a backend that enforces tenancy by itself is told, in addition to our own enforcement.

use std::hash::{Hash, Hasher};

use crate::promql::{EnforcedText, ScopedSelectors};

/// The selectors that together find everything that one caller may read, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeScope(Vec<EnforcedText>);

impl NativeScope {
    /// Of the selectors for everything in a scope that is not the whole cluster.
    pub fn new(everything: &ScopedSelectors) -> NativeScope {
        NativeScope(everything.texts().to_vec())
    }

    /// One selector for each tenant label.
    pub fn selectors(&self) -> &[EnforcedText] {
        &self.0
    }

    /// The same for the same selectors, on every replica: a part of cache keys.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        self.0.iter().for_each(|text| text.as_str().hash(&mut hasher));
        hasher.finish()
    }
}

/// FNV-1a: the standard library's hasher may change from version to version.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
