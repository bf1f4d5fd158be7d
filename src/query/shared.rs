//! What replicas share through Redis: blocks in their compact form.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::range::GridEntry;
use crate::series::{Limits, Series, compact};

/// How long Redis keeps a block. Which of its points may be used is judged when it is read.
pub(super) const LIFE: Duration = Duration::from_secs(24 * 3600);

/// The compact form of these blocks.
pub(super) fn compact(series: &Series, mut numbers: Vec<i64>) -> Vec<(i64, Bytes)> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(|number| Some((number, Bytes::from(compact::encode(series, number)?)))).collect()
}

/// Puts blocks from Redis in their places; one that cannot be read is left out.
pub(super) fn take_in(entry: &GridEntry, blocks: Vec<(i64, Bytes)>, limits: Limits) {
    let taken = entry.change(|series| {
        for (number, bytes) in &blocks {
            if let Err(error) = compact::decode(series, *number, bytes, limits) {
                tracing::warn!(%error, block = *number, "a block from Redis is left out");
            }
        }
        Ok(())
    });
    if let Err(error) = taken {
        tracing::warn!(%error, "blocks from Redis are left out");
    }
}

/// Names a set of ranges, equal on every replica of one version.
pub(super) fn ranges_hash(ranges: &[Range<i64>]) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    for range in ranges {
        (range.start, range.end).hash(&mut hasher);
    }
    hasher.finish()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ranges_differ() {
        let (one, two) = (0..1, 1..2);
        let lists = [vec![one.clone()], vec![Range { start: 0, end: 2 }], vec![one.clone(), two.clone()], vec![two, one]];
        let names = lists.map(|list| ranges_hash(&list));
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name));
        }
    }
}
