//! How many dashboards a list has on all its pages together: counted anew after every change that went through here, and once in a while for
//! those of other replicas.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::search_sql::Sql;

/// A number is not older, whatever other replicas do.
const FRESH: Duration = Duration::from_secs(1);
/// Memory that they may take, in bytes.
const MOST_BYTES: u64 = 4 << 20;
const USUAL_COUNT: usize = 1_000;

/// By the statement that counts, values included.
pub(super) struct Totals {
    changes: AtomicU64,
    known: Cache<String, Total, Bytes>,
}

#[derive(Clone)]
struct Total {
    number: u64,
    /// Changes there had been when it was counted.
    changes: u64,
    at: Instant,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Total> for Bytes {
    fn weight(&self, key: &String, _: &Total) -> u64 {
        key.len() as u64 + 64
    }
}

impl Totals {
    pub(super) fn new() -> Totals {
        Totals { changes: AtomicU64::new(0), known: Cache::with_weighter(USUAL_COUNT, MOST_BYTES, Bytes) }
    }

    /// Something was written.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// To be taken before counting: what changes meanwhile makes the number old.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(super) fn get(&self, count: &Sql) -> Option<u64> {
        let total = self.known.get(&count.signature())?;
        (total.changes == self.changes() && total.at.elapsed() < FRESH).then_some(total.number)
    }

    pub(super) fn put(&self, count: &Sql, changes: u64, number: u64) {
        self.known.insert(count.signature(), Total { number, changes, at: Instant::now() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_lasts_until_something_changes() {
        let (totals, mut one, mut other) = (Totals::new(), Sql::new("SELECT "), Sql::new("SELECT "));
        one.text("a").text("b");
        other.text("a\",\"b");
        let before = totals.changes();
        totals.put(&one, before, 7);
        assert_eq!((totals.get(&one), totals.get(&other)), (Some(7), None));
        totals.changed();
        assert_eq!(totals.get(&one), None);
        totals.put(&one, before, 7);
        assert_eq!(totals.get(&one), None, "it was counted before the change");
    }
}
