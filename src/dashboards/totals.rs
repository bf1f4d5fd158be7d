//! How many dashboards a list has on all its pages together: counted anew after every change that went through here, and once in a while for
//! those of other replicas.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::search_sql::Sql;

/// Then somebody counts anew, whatever other replicas do; those who ask meanwhile get the old number, for as long again.
const FRESH: Duration = Duration::from_secs(1);
/// Memory that they may take, in bytes.
const MOST_BYTES: u64 = 4 << 20;
const USUAL_COUNT: usize = 1_000;

/// By the statement that counts, values included.
pub(super) struct Totals {
    changes: AtomicU64,
    known: Cache<String, Arc<Total>, Bytes>,
}

struct Total {
    number: u64,
    /// Changes there had been when it was counted.
    changes: u64,
    at: Instant,
    /// Somebody counts anew: of many who ask at the same time one is enough.
    is_renewed: AtomicBool,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Arc<Total>> for Bytes {
    fn weight(&self, key: &String, _: &Arc<Total>) -> u64 {
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
        let age = total.at.elapsed();
        let is_good = total.changes == self.changes() && (age < FRESH || age < 2 * FRESH && total.is_renewed.swap(true, Ordering::Relaxed));
        is_good.then_some(total.number)
    }

    pub(super) fn put(&self, count: &Sql, changes: u64, number: u64) {
        let total = Total { number, changes, at: Instant::now(), is_renewed: AtomicBool::new(false) };
        self.known.insert(count.signature(), Arc::new(total));
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

    #[test]
    fn one_of_many_counts_anew() {
        let (totals, count) = (Totals::new(), Sql::new("SELECT"));
        let aged = |age: Duration| {
            let total = Total { number: 7, changes: 0, at: Instant::now().checked_sub(age).unwrap(), is_renewed: AtomicBool::new(false) };
            totals.known.insert(count.signature(), Arc::new(total));
        };
        aged(FRESH + FRESH / 10);
        assert_eq!([totals.get(&count), totals.get(&count), totals.get(&count)], [None, Some(7), Some(7)]);
        totals.put(&count, totals.changes(), 8);
        assert_eq!(totals.get(&count), Some(8));
        aged(2 * FRESH);
        assert_eq!([totals.get(&count), totals.get(&count)], [None, None], "whoever counts takes too long");
    }
}
