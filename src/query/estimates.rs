//! What earlier answers showed: how many series an expression, or a selector in it, has.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::promql::{Cost, ScopedQuery};

/// Texts that are remembered of each kind.
const TEXTS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Longer texts are not.
const LONGEST: usize = 2048;
/// What was shown longer ago says little about now.
const LIFE: Duration = Duration::from_secs(3600);
/// For how long an answer that was too large keeps the next one from being asked for.
const TOO_LARGE_LIFE: Duration = Duration::from_secs(60);

/// What was shown of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The most series of one answer.
    pub(super) series: u64,
    /// Bytes of JSON for each point, on average.
    pub(super) bytes_per_point: u64,
}

/// What a query would touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// Samples.
    pub(super) samples: u64,
    /// Series of all selectors.
    pub(super) series: u64,
    /// The selector that touches most, as an index.
    pub(super) costliest: Option<usize>,
    /// Selectors whose series were shown by earlier answers.
    pub(super) known: usize,
}

/// Series by expression and by selector, in the enforced spelling: what one caller's answers showed tells only about their own series.
pub(super) struct Estimates {
    expressions: Mutex<LruCache<Box<str>, (Instant, Shown)>>,
    selectors: Mutex<LruCache<Box<str>, (Instant, u64)>>,
}

impl Default for Estimates {
    fn default() -> Self {
        Estimates { expressions: Mutex::new(LruCache::new(TEXTS)), selectors: Mutex::new(LruCache::new(TEXTS)) }
    }
}

impl Estimates {
    /// Takes in an answer; `selector` is the one whose series it shows one by one, if it does.
    pub(super) fn note(&self, text: &str, selector: Option<&str>, series: u64, points: u64, bytes: u64) {
        if text.len() <= LONGEST {
            let shown = Shown { series, bytes_per_point: bytes.checked_div(points).unwrap_or_default() };
            self.expressions.lock().unwrap_or_else(PoisonError::into_inner).put(text.into(), (Instant::now(), shown));
        }
        if let Some(selector) = selector.filter(|selector| selector.len() <= LONGEST) {
            self.selectors.lock().unwrap_or_else(PoisonError::into_inner).put(selector.into(), (Instant::now(), series));
        }
    }

    /// What the latest answer to this expression showed.
    pub(super) fn of_expression(&self, text: &str) -> Option<Shown> {
        let mut all = self.expressions.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(text).filter(|(at, _)| at.elapsed() < LIFE).map(|(_, shown)| *shown)
    }

    /// The same, only when it is of the last minute: then it may keep a query from being asked.
    pub(super) fn of_expression_just_now(&self, text: &str) -> Option<Shown> {
        let mut all = self.expressions.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(text).filter(|(at, _)| at.elapsed() < TOO_LARGE_LIFE).map(|(_, shown)| *shown)
    }

    /// The samples that a query touches, with each selector's series as they were shown, at least one.
    pub(super) fn work(&self, query: &ScopedQuery, cost: &Cost) -> Work {
        let mut work = Work { samples: 0, series: 0, costliest: None, known: 0 };
        let mut most = 0;
        for (place, (text, own)) in query.selector_texts().iter().zip(&cost.selectors).enumerate() {
            let shown = self.of_selector(text);
            work.known += usize::from(shown.is_some());
            let series = shown.unwrap_or(1).max(1);
            let samples = own.samples.saturating_mul(series);
            work.series = work.series.saturating_add(series);
            work.samples = work.samples.saturating_add(samples);
            if samples > most || work.costliest.is_none() {
                (most, work.costliest) = (samples, Some(place));
            }
        }
        work
    }

    /// How many series the latest answer that showed them had for this selector.
    pub(super) fn of_selector(&self, text: &str) -> Option<u64> {
        let mut all = self.selectors.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(text).filter(|(at, _)| at.elapsed() < LIFE).map(|(_, series)| *series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_answer_counts() {
        let estimates = Estimates::default();
        assert_eq!(estimates.of_expression("rate(up[5m])"), None);
        estimates.note("rate(up[5m])", Some("up"), 20, 200, 6000);
        estimates.note("rate(up[5m])", Some("up"), 25, 0, 0);
        assert_eq!(estimates.of_expression("rate(up[5m])"), Some(Shown { series: 25, bytes_per_point: 0 }));
        assert_eq!(estimates.of_expression_just_now("rate(up[5m])").map(|shown| shown.series), Some(25));
        assert_eq!(estimates.of_selector("up"), Some(25));
        estimates.note("sum(up)", None, 1, 1, 30);
        assert_eq!(estimates.of_selector("sum(up)"), None);
    }

    #[test]
    fn long_texts_are_not_remembered() {
        let estimates = Estimates::default();
        let long = "x".repeat(LONGEST + 1);
        estimates.note(&long, Some(&long), 1, 1, 1);
        assert_eq!(estimates.of_expression(&long), None);
        assert_eq!(estimates.of_selector(&long), None);
    }
}
