//! Fetches under way for one expression on one grid: what somebody fetches already, nobody fetches again.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::query::QueryError;
use crate::query::outcome::{AskedUpstream, Source};

/// How a fetch ended.
#[derive(Clone, Debug)]
pub(super) struct Landing {
    /// What came of it.
    pub(super) result: Result<Arrived, QueryError>,
    /// From where: memory never, Redis or an upstream.
    pub(super) source: Source,
    /// What upstreams were asked.
    pub(super) asked: Arc<[AskedUpstream]>,
    /// Grid points that upstreams were asked for.
    pub(super) points_fetched: u64,
    /// Time spent waiting for upstreams, and for Redis.
    pub(super) upstream: std::time::Duration,
    pub(super) redis: std::time::Duration,
}

/// What a fetch that went well brought.
#[derive(Clone, Debug)]
pub(super) enum Arrived {
    /// The points are kept.
    Kept,
    /// The answer for this very range; its points are about to be kept.
    Body(Bytes),
    /// An answer that is not kept, for this very range, and why not.
    Passed(Bytes, &'static str),
    /// Nothing is kept, and the range was asked for in parts that cannot be joined: ask for the window as a whole.
    Apart(&'static str),
}

/// The fetches of one entry.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Vec<Flying>>);

#[derive(Debug)]
struct Flying {
    range: Range<i64>,
    number: u64,
    landing: watch::Receiver<Stage>,
}

/// How far a fetch is.
#[derive(Clone, Debug)]
enum Stage {
    Flying,
    /// There is an answer already, for those who want this very range.
    Answered(Landing),
    Over(Landing),
}

/// A fetch that somebody has to wait for.
pub(super) struct Awaited {
    /// Grid points.
    pub(super) range: Range<i64>,
    landing: watch::Receiver<Stage>,
}

/// A fetch that is to be made by whoever holds this. Dropping it ends it: those who wait hear an error.
pub(super) struct Takeoff {
    /// Grid points to fetch.
    pub(super) range: Range<i64>,
    number: u64,
    landing: watch::Sender<Stage>,
    flights: Arc<Flights>,
}

impl Flights {
    /// Who has to be waited for so that all of `missing` is there, and the fetches that the caller has to start for it.
    pub(super) fn join(self: &Arc<Self>, missing: &[Range<i64>]) -> (Vec<Awaited>, Vec<Takeoff>) {
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut awaited: Vec<Awaited> = flying
            .iter()
            .filter(|one| missing.iter().any(|gap| one.range.start < gap.end && gap.start < one.range.end))
            .map(|one| Awaited { range: one.range.clone(), landing: one.landing.clone() })
            .collect();
        let mut takeoffs = Vec::new();
        for gap in missing {
            for range in without(gap, awaited.iter().map(|one| &one.range)) {
                let (sender, receiver) = watch::channel(Stage::Flying);
                let number = flying.last().map_or(0, |last| last.number + 1);
                flying.push(Flying { range: range.clone(), number, landing: receiver.clone() });
                takeoffs.push(Takeoff { range: range.clone(), number, landing: sender, flights: Arc::clone(self) });
                awaited.push(Awaited { range, landing: receiver });
            }
        }
        (awaited, takeoffs)
    }

    fn forget(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|one| one.number != number);
    }
}

/// The parts of a range that none of the others cover.
fn without<'a>(range: &Range<i64>, others: impl Iterator<Item = &'a Range<i64>>) -> Vec<Range<i64>> {
    let mut left = vec![range.clone()];
    for other in others {
        left = left
            .into_iter()
            .flat_map(|part| [part.start..part.end.min(other.start), part.start.max(other.end)..part.end])
            .filter(|part| part.start < part.end)
            .collect();
    }
    left
}

impl Takeoff {
    /// Tells those who wait for this very range, before its points are kept.
    pub(super) fn answer(&self, landing: Landing) {
        self.landing.send_replace(Stage::Answered(landing));
    }

    /// Tells everybody who waits. The fetch is over when this is dropped, so that late comers find what it brought.
    pub(super) fn land(&self, landing: Landing) {
        self.landing.send_replace(Stage::Over(landing));
    }
}

impl Drop for Takeoff {
    fn drop(&mut self) {
        self.flights.forget(self.number);
    }
}

impl Awaited {
    /// The end of the fetch, or its answer when `wanted` is its very range; None when whoever made it is gone without a word.
    pub(super) async fn landed(mut self, wanted: &Range<i64>) -> Option<Landing> {
        let exact = self.range == *wanted;
        let is_enough = |stage: &Stage| match stage {
            Stage::Flying => false,
            Stage::Answered(_) => exact,
            Stage::Over(_) => true,
        };
        match &*self.landing.wait_for(is_enough).await.ok()? {
            Stage::Answered(landing) | Stage::Over(landing) => Some(landing.clone()),
            Stage::Flying => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(takeoffs: &[Takeoff]) -> Vec<Range<i64>> {
        takeoffs.iter().map(|one| one.range.clone()).collect()
    }

    fn landing() -> Landing {
        let nothing = std::time::Duration::ZERO;
        let source = Source::Miss;
        Landing { result: Ok(Arrived::Kept), source, asked: Arc::from([]), points_fetched: 1, upstream: nothing, redis: nothing }
    }

    fn range(start: i64, end: i64) -> Range<i64> {
        start..end
    }

    #[tokio::test]
    async fn equal_ranges_have_one_fetch_and_overlapping_ones_fetch_the_rest() {
        let flights = Arc::new(Flights::default());
        let (awaited, first) = flights.join(&[range(0, 100)]);
        assert_eq!((awaited.len(), ranges(&first)), (1, vec![range(0, 100)]));
        let (awaited, second) = flights.join(&[range(0, 100)]);
        assert_eq!((awaited.len(), second.len()), (1, 0));
        let (awaited_more, third) = flights.join(&[50..120, 130..140]);
        assert_eq!((awaited_more.len(), ranges(&third)), (3, vec![100..120, 130..140]));
        first[0].land(landing());
        drop(first);
        assert!(awaited.into_iter().next().unwrap().landed(&range(0, 100)).await.is_some(), "told after the fetch is over too");
        let (_, again) = flights.join(&[range(0, 100)]);
        assert_eq!(ranges(&again), [range(0, 100)]);
        drop(third);
        for one in awaited_more.into_iter().skip(1) {
            assert!(one.landed(&range(0, 1)).await.is_none(), "given up");
        }
    }

    #[tokio::test]
    async fn an_answer_is_for_those_who_want_this_very_range() {
        let flights = Arc::new(Flights::default());
        let (exact, takeoffs) = flights.join(&[range(0, 100)]);
        let (other, _) = flights.join(&[range(50, 100)]);
        takeoffs[0].answer(landing());
        assert!(exact.into_iter().next().unwrap().landed(&range(0, 100)).await.is_some());
        let waits = tokio::spawn(async move { other.into_iter().next().unwrap().landed(&range(50, 100)).await.is_some() });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished(), "its points are not kept yet");
        takeoffs[0].land(landing());
        assert!(waits.await.unwrap());
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_no_other_covers(others in proptest::collection::vec((0i64..60, 1i64..30), 0..6), start in 0i64..60, length in 1i64..60) {
            let others: Vec<Range<i64>> = others.into_iter().map(|(at, n)| at..at + n).collect();
            let left: Vec<i64> = without(&(start..start + length), others.iter()).into_iter().flatten().collect();
            let expected: Vec<i64> = (start..start + length).filter(|i| !others.iter().any(|o| o.contains(i))).collect();
            prop_assert_eq!(left, expected);
        }
    }
}
