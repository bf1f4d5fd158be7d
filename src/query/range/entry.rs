//! What is kept of one expression on one grid.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::flights::Flights;
use super::horizon::{Horizon, LONGEST_LIFE_MS};
use super::looked_at::LookedAt;
use crate::cache::Key;
use crate::query::QueryError;
use crate::query::finished::{Finished, Form};
use crate::query::kept::Subject;
use crate::series::{Grid, POINTS, PutError, Series};

/// For how long an expression is asked for as a whole after an answer that could not be kept.
const APART_MS: i64 = 60_000;
/// Smaller entries are left as they are.
const TRIM_FROM_BLOCKS: usize = 6;
/// For how long an error that is about the question is given again.
const REFUSED_MS: i64 = 3_000;

/// All that is kept of one expression on one grid. Readers never wait for writers.
pub(in crate::query) struct GridEntry {
    /// Its name in every cache.
    pub(in crate::query) key: Key,
    /// What it is about, for those who drop entries.
    pub(in crate::query) subject: Subject,
    /// What its points depend on.
    pub(in crate::query) horizon: Horizon,
    pub(super) flights: Arc<Flights>,
    series: ArcSwap<Series>,
    /// Held by whoever makes the next [`Series`] from the present one.
    writing: Mutex<()>,
    /// Counts changes, so that a finished body is known to be of the present state.
    version: AtomicU64,
    finished: Finished,
    compressed: AtomicBool,
    /// How far back windows reach.
    pub(super) looked_at: LookedAt,
    /// Told apart from every other entry, of other processes too.
    number: u64,
    /// The longest window that was held against the limits and passed, in milliseconds.
    passed_range_ms: AtomicI64,
    /// Until when the window is asked for as a whole, in milliseconds since 1970.
    apart_until_ms: AtomicI64,
    /// Why.
    apart_reason: Mutex<&'static str>,
    /// The latest window that an upstream refused.
    refused: Mutex<Option<(Range<i64>, i64, QueryError)>>,
    /// The time that an upstream took for the latest fetch, in microseconds.
    fetch_micros: AtomicU64,
}

/// One state of an entry, to be read from.
pub(super) struct Snapshot {
    pub(super) series: Arc<Series>,
    pub(super) version: u64,
}

impl GridEntry {
    pub(super) fn new(key: Key, subject: Subject, grid: Grid, horizon: Horizon) -> GridEntry {
        GridEntry {
            key,
            subject,
            horizon,
            flights: Arc::default(),
            series: ArcSwap::from_pointee(Series::new(grid)),
            writing: Mutex::new(()),
            version: AtomicU64::new(0),
            finished: Finished::default(),
            compressed: AtomicBool::new(false),
            looked_at: LookedAt::default(),
            number: rand::random(),
            passed_range_ms: AtomicI64::new(-1),
            apart_until_ms: AtomicI64::new(i64::MIN),
            apart_reason: Mutex::new(""),
            refused: Mutex::new(None),
            fetch_micros: AtomicU64::new(u64::MAX),
        }
    }

    /// The present state. The version is read first: it may be older than the series, never newer.
    #[inline]
    pub(super) fn snapshot(&self) -> Snapshot {
        let version = self.version.load(Ordering::Acquire);
        Snapshot { series: self.series.load_full(), version }
    }

    /// Makes the next state; nothing changes when `change` fails.
    pub(in crate::query) fn change<T>(&self, change: impl FnOnce(&mut Series) -> Result<T, PutError>) -> Result<T, PutError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Series::clone(&self.series.load());
        let made = change(&mut next)?;
        self.series.store(Arc::new(next));
        self.version.fetch_add(1, Ordering::Release);
        Ok(made)
    }

    /// Drops blocks that no window has touched for a while, and those that are too old to be used.
    pub(super) fn trim(&self, now_ms: i64) {
        if self.series.load().block_numbers().count() < TRIM_FROM_BLOCKS {
            return;
        }
        let earliest = self.looked_at.earliest().div_euclid(POINTS as i64);
        let trimmed = self.change(|series| {
            series.retain_blocks(|number, newest_ms| number >= earliest && newest_ms > now_ms.saturating_sub(LONGEST_LIFE_MS));
            Ok(())
        });
        if let Err(error) = trimmed {
            tracing::debug!(%error, "an entry was not trimmed");
        }
    }

    /// A body that was made from this very state before, for this window and form.
    pub(super) fn finished(&self, window: &Range<i64>, form: Form, version: u64) -> Option<(Bytes, u64)> {
        self.finished.get(window, form, version)
    }

    /// Remembers a body; the second time that it is asked for, so that windows that slide on do not fill the memory.
    pub(super) fn finish(&self, window: &Range<i64>, form: Form, version: u64, body: &(Bytes, u64)) {
        self.finished.offer(window, form, version, body);
    }

    /// What the content of an answer is: no other state or window, and no other process, ever has the same.
    pub(super) fn fingerprint(&self, window: &Range<i64>, version: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.number, version, window.start, window.end).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether pieces of it were compressed before, so that doing it again is quick.
    pub(super) fn was_compressed(&self) -> bool {
        self.compressed.swap(true, Ordering::Relaxed)
    }

    /// Whether a window of this length has passed the limits before. They depend on nothing else that is not in the key.
    pub(super) fn has_passed(&self, range_ms: i64) -> bool {
        range_ms <= self.passed_range_ms.load(Ordering::Relaxed)
    }

    pub(super) fn passed(&self, range_ms: i64) {
        self.passed_range_ms.fetch_max(range_ms, Ordering::Relaxed);
    }

    /// Why the window has to be asked for as a whole just now.
    pub(super) fn apart(&self, now_ms: i64) -> Option<&'static str> {
        if now_ms >= self.apart_until_ms.load(Ordering::Relaxed) {
            return None;
        }
        Some(*self.apart_reason.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_apart(&self, now_ms: i64, reason: &'static str) {
        *self.apart_reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.apart_until_ms.store(now_ms.saturating_add(APART_MS), Ordering::Relaxed);
    }

    /// The error that this very window had a moment ago, if asking again would give the same.
    pub(super) fn refused(&self, window: &Range<i64>, now_ms: i64) -> Option<QueryError> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (range, at_ms, error) = refused.as_ref()?;
        (range == window && (0..REFUSED_MS).contains(&(now_ms - at_ms))).then(|| error.clone())
    }

    /// Remembers an error that is about the question, for a moment.
    pub(super) fn refuse(&self, window: &Range<i64>, now_ms: i64, error: &QueryError) {
        if error.is_about_the_question() {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some((window.clone(), now_ms, error.clone()));
        }
    }

    /// How long an upstream took the last time; none before the first time.
    pub(super) fn last_fetch(&self) -> Option<Duration> {
        let micros = self.fetch_micros.load(Ordering::Relaxed);
        (micros != u64::MAX).then(|| Duration::from_micros(micros))
    }

    pub(super) fn fetch_took(&self, time: Duration) {
        self.fetch_micros.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1), Ordering::Relaxed);
    }

    pub(in crate::query) fn weight_bytes(&self) -> u64 {
        let fixed = size_of::<GridEntry>() + self.subject.weight_bytes();
        fixed as u64 + self.series.load().weight() as u64 + self.finished.weight_bytes()
    }
}
